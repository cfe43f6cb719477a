"""Products of vectors and matrices beyond matmul: vecdot, kron, cross, convolve."""
