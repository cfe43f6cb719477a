"""Elementwise operators: arithmetic, comparisons, logic, activations."""

from functools import reduce

import numpy as np

from autograd import ops
from nn.onnx.operators import OnnxError, operator
from nn.onnx.types import astype, data_of

__all__ = []

UNARY = {
    "Abs": np.abs, "Neg": np.negative, "Reciprocal": np.reciprocal, "Sqrt": np.sqrt, "Exp": np.exp, "Log": np.log,
    "Sin": np.sin, "Cos": np.cos, "Tan": np.tan, "Asin": np.arcsin, "Acos": np.arccos, "Atan": np.arctan,
    "Sinh": np.sinh, "Cosh": np.cosh, "Tanh": np.tanh, "Asinh": np.arcsinh, "Acosh": np.arccosh, "Atanh": np.arctanh,
    "Ceil": np.ceil, "Floor": np.floor, "Round": np.rint, "Sign": np.sign, "IsNaN": np.isnan,
    "Not": np.logical_not, "BitwiseNot": np.invert, "Sigmoid": ops.sigmoid, "Softplus": ops.softplus,
}  # fmt: skip
BINARY = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Equal": np.equal,
    "Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater, "GreaterOrEqual": np.greater_equal,
    "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor,
    "BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor,
}  # fmt: skip
FOLDED = {"Max": np.maximum, "Min": np.minimum, "Sum": np.add}


def _unary(function):
    return lambda x: function(x)


def _binary(function):
    """axis, broadcast   before operator set 7: the axis of x that y's axes begin at"""
    return lambda x, y, *, axis=None, broadcast=0: function(x, _placed(x, y, axis, broadcast))


def _folded(function):
    return lambda *xs: reduce(function, xs)


for _table, _form in ((UNARY, _unary), (BINARY, _binary), (FOLDED, _folded)):
    for _name, _function in _table.items():
        operator(_name)(_form(_function))


def _placed(x, y, axis, broadcast):
    if not broadcast or axis is None:
        return y
    return np.reshape(y, (*np.shape(y), *(1,) * (np.ndim(x) - axis % np.ndim(x) - np.ndim(y))))


@operator("Div")
def divide(x, y, *, axis=None, broadcast=0):
    """Quotient; of integers towards 0."""
    y = _placed(x, y, axis, broadcast)
    if x.dtype.kind in "fc":
        return x / y
    quotient = np.floor_divide(x, y)
    return astype(quotient + ((quotient < 0) & (quotient * y != x)), x.dtype)


@operator("Mod")
def modulo(x, y, *, fmod=0):
    return np.fmod(x, y) if fmod else np.mod(x, y)


@operator("Pow")
def power(x, y, *, axis=None, broadcast=0):
    y = _placed(x, y, axis, broadcast)
    return astype(np.power(x, y), x.dtype)


@operator("Mean")
def mean(*xs):
    return reduce(np.add, xs) / float(len(xs))


@operator("Where")
def where(condition, x, y):
    return np.where(condition, x, y)


@operator("BitShift")
def shift(x, y, *, direction):
    return np.left_shift(x, y) if direction == "LEFT" else np.right_shift(x, y)


@operator("IsInf")
def is_infinite(x, *, detect_negative=1, detect_positive=1):
    x = data_of(x)
    return np.isinf(x) & (((x < 0) & bool(detect_negative)) | ((x > 0) & bool(detect_positive)))


@operator("Cast")
def cast(x, *, to, saturate=1, round_mode="up"):
    """x in the dtype `to`; beyond the largest float8 comes that one if saturate is 1."""
    if not to.name.startswith("float8"):
        return astype(x, to)
    import onnx

    x = data_of(x)
    if to.name == "float8_e8m0fnu":
        return onnx.numpy_helper.to_float8e8m0(x, bool(saturate), round_mode)
    return onnx.numpy_helper.saturate_cast(x, to) if saturate else x.astype(to)


@operator("CastLike")
def cast_like(x, like, *, saturate=1, round_mode="up"):
    return cast(x, to=np.dtype(like.dtype), saturate=saturate, round_mode=round_mode)


@operator("BitCast")
def bit_cast(x, *, to):
    """The same bits as another dtype of the same size."""
    x = data_of(x)
    if x.dtype.itemsize != to.itemsize:
        raise OnnxError(f"BitCast from {x.dtype} to {to}: they differ in size")
    return x.view(to)


@operator("Clip")
def clip(x, low=None, high=None, **bounds):
    """min, max   attributes before operator set 11"""
    low, high = bounds.get("min", low), bounds.get("max", high)
    out = x if low is None else np.maximum(x, low)
    return astype(out if high is None else np.minimum(out, high), x.dtype)


@operator("Relu")
def relu(x):
    return ops.relu(x) if x.dtype.kind == "f" else np.maximum(x, 0)


@operator("LeakyRelu")
def leaky_relu(x, *, alpha=0.01):
    return ops.leaky_relu(x, slope=alpha)


@operator("PRelu")
def prelu(x, slope):
    """x above 0, slope · x below; before operator set 7 slopes of length channels are for axis 1."""
    if np.ndim(slope) == 1 and np.ndim(x) > 1 and np.shape(slope)[0] == np.shape(x)[1] != np.shape(x)[-1]:
        slope = np.reshape(slope, (-1, *(1,) * (np.ndim(x) - 2)))
    return np.where(x < 0, slope * x, x)


@operator("Elu")
def elu(x, *, alpha=1.0):
    return ops.elu(x, alpha=alpha)


@operator("Selu")
def selu(x, *, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875):
    return gamma * ops.elu(x, alpha=alpha)


@operator("Gelu")
def gelu(x, *, approximate="none"):
    return ops.gelu(x, approximate=approximate)


@operator("Erf")
def erf(x):
    return astype(ops.erf(x), x.dtype)


@operator("HardSigmoid")
def hard_sigmoid(x, *, alpha=0.2, beta=0.5):
    return np.clip(alpha * x + beta, 0.0, 1.0)


@operator("Softmax", since=13)
def softmax(x, *, axis=-1):
    return ops.softmax(x, axis=axis)


@operator("LogSoftmax", since=13)
def log_softmax(x, *, axis=-1):
    return ops.log_softmax(x, axis=axis)


def _of_rows(function):
    """Before operator set 13: over all axes from `axis` on, as one."""
    return lambda x, *, axis=1: np.reshape(function(np.reshape(x, (int(np.prod(np.shape(x)[:axis])), -1))), np.shape(x))


operator("Softmax")(_of_rows(ops.softmax))
operator("LogSoftmax")(_of_rows(ops.log_softmax))


@operator("Hardmax")
def hardmax(x, *, axis=-1):
    """1 at the first largest element along axis, 0 elsewhere."""
    x = data_of(x)
    first = np.expand_dims(np.argmax(x, axis=axis), axis)
    return (np.arange(x.shape[axis]).reshape(-1, *(1,) * (-1 - axis % x.ndim + x.ndim)) == first).astype(x.dtype)


@operator("Dropout", plain=(1,))
def dropout(x, ratio=0.5, training=False, *, seed=0, is_test=1):
    """The identity, as in evaluation, and a mask of ones; a file that asks for training mode with a ratio is refused."""
    if training is not None and np.any(training) and ratio is not None and np.any(ratio):
        raise OnnxError("Dropout in training mode draws random numbers, which a file cannot make repeatable")
    return x, np.ones(np.shape(x), bool)
