"""Matrix decompositions: cholesky, qr, eigen-decompositions, svd."""
