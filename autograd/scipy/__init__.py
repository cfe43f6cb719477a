"""SciPy's functions for Values, under SciPy's names: `from autograd.scipy import linalg, special`."""
