"""Moving data: the same numbers at other places. The adjoint sends every cotangent back to where its number came from."""
