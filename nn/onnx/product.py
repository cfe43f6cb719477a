"""Matrix products."""

import numpy as np

from nn.onnx.operators import operator
from nn.onnx.types import astype

__all__ = []


@operator("MatMul")
def matmul(a, b):
    return np.matmul(a, b)


@operator("Gemm")
def gemm(
    a, b, c=None, *, alpha=1.0, beta=1.0, transA=0, transB=0,
    broadcast=0,
):  # fmt: skip
    """alpha · a @ b + beta · c, a and b transposed if asked for."""
    out = np.matmul(np.transpose(a) if transA else a, np.transpose(b) if transB else b)
    if alpha != 1.0:
        out = alpha * out
    if c is not None:
        out = out + (c if beta == 1.0 else beta * c)
    return astype(out, a.dtype)


@operator("Einsum")
def einsum(*operands, equation):
    return np.einsum(equation, *operands)


@operator("Det")
def det(x):
    return np.linalg.det(x)
