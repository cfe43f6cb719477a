"""np.pad in all its modes."""
