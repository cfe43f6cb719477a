"""Numbers as small integers: x ≈ (q − zero point) · scale."""

import numpy as np

from nn.onnx.elementwise import cast
from nn.onnx.operators import operator
from nn.onnx.types import astype
from nn.onnx.window import conv

__all__ = []


def _along(held, x, axis, block_size):
    """A scale or zero point as it goes with x: one number, one for each place along axis, or one for each block there."""
    if held is None or np.size(held) == 1:
        return None if held is None else np.reshape(held, ())
    if block_size:
        return np.take(np.repeat(held, block_size, axis), np.arange(np.shape(x)[axis]), axis)
    return np.reshape(held, (-1, *(1,) * (np.ndim(x) - 1 - axis % np.ndim(x))))


@operator("DequantizeLinear", plain=(0, 2))
def dequantize(q, scale, zero=None, *, axis=1, block_size=0, output_dtype=None):
    """(q − zero) · scale."""
    steps, zero = _along(scale, q, axis, block_size), _along(zero, q, axis, block_size)
    whole = q.astype(np.float64) - (0.0 if zero is None else zero.astype(np.float64))
    return astype(whole.astype(scale.dtype) * steps, output_dtype or scale.dtype)


@operator("QuantizeLinear", plain=(0, 1, 2))
def quantize(
    x, scale, zero=None, *, axis=1, block_size=0, output_dtype=None,
    precision=None, saturate=1,
):  # fmt: skip
    """round(x / scale) + zero, at the ends of the range where it lies beyond."""
    dtype = np.dtype(zero.dtype if zero is not None else output_dtype or np.uint8)
    steps, zero = _along(scale, x, axis, block_size), _along(zero, x, axis, block_size)
    ratio = (x / steps).astype(np.float32)
    shifted = ratio if dtype.name.startswith("float") else np.rint(ratio)
    shifted = shifted + (0 if zero is None else zero.astype(np.float32))
    if dtype.name.startswith("float8"):
        return cast(shifted, to=dtype, saturate=saturate)
    import onnx

    return onnx.numpy_helper.saturate_cast(shifted, dtype)


def _centred(x, zero, axis):
    """x in int32 without its zero point, which is one number or one for each place along axis."""
    zero = np.zeros((), np.int32) if zero is None else np.asarray(zero, np.int32)
    return x.astype(np.int32) - (np.reshape(zero, (-1, *(1,) * (-1 - axis))) if np.ndim(zero) == 1 else zero)


@operator("MatMulInteger")
def matmul_integer(a, b, a_zero=None, b_zero=None):
    """Product in int32; zero points of a are one for each row, of b one for each column."""
    return np.matmul(_centred(a, a_zero, -2), _centred(b, b_zero, -1))


@operator("ConvInteger")
def conv_integer(x, w, x_zero=None, w_zero=None, **options):
    return conv(_centred(x, x_zero, -1), _centred(w, w_zero, -np.ndim(w)), **options)


def _rescaled(whole, ratio, zero):
    limits = np.iinfo(zero.dtype)
    return np.clip(np.rint(whole * ratio) + zero.astype(np.int32), limits.min, limits.max).astype(zero.dtype)


@operator("QLinearMatMul", plain=(1, 4, 6))
def quantized_matmul(a, a_scale, a_zero, b, b_scale, b_zero, scale, zero):
    return _rescaled(matmul_integer(a, b, a_zero, b_zero), a_scale * b_scale / scale, zero)


@operator("QLinearConv", plain=(1, 4, 6))
def quantized_conv(
    x, x_scale, x_zero, w, w_scale, w_zero, scale, zero, b=None,
    **options,
):  # fmt: skip
    whole = conv_integer(x, w, x_zero, w_zero, **options)
    if b is not None:
        whole = whole + np.reshape(b, (-1, *(1,) * (np.ndim(x) - 2)))
    ratio = x_scale * w_scale / scale
    return _rescaled(whole, np.reshape(ratio, (-1, *(1,) * (np.ndim(x) - 2))) if np.size(ratio) > 1 else ratio, zero)
