"""Along an axis: running products, differences, integrals."""
