"""scipy.special's functions; read once SciPy is imported."""
