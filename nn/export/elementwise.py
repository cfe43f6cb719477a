"""Elementwise ops and reductions."""

import math

import numpy as np

from autograd.ops.arithmetic import UNSET
from autograd.value import DISPATCH
from nn.export.builder import block, dtype_of
from nn.onnx.elementwise import BINARY, UNARY
from nn.onnx.operators import OnnxError

__all__ = []


def op_of(function):
    """The name of the op behind a NumPy function or an op of ours."""
    return getattr(DISPATCH.get(function, function), "name", None) or function.__name__


def _unary(operator):
    return lambda b, out, x: b.node(operator, b.name(x, None if out.dtype == bool else out.dtype))


def _binary(operator):
    return lambda b, out, x, y: b.node(operator, *_alike(b, out, x, y))


def _alike(b, out, *operands):
    """Names of operands in the dtype that the op computes in."""
    forms = [x if type(x) in (int, float) else np.zeros((), dtype_of(x)) for x in operands]
    dtype = out.dtype if out.dtype is not None and out.dtype.kind in "fiu" else np.result_type(*forms)
    return [b.name(x, dtype) for x in operands]


def _logical(operator):
    return lambda b, out, x, y: b.node(operator, b.name(x, bool), b.name(y, bool))


for _table, _form in ((UNARY, _unary), (BINARY, _binary)):
    for _operator, _function in _table.items():
        block(op_of(_function))(_form(_operator))
for _operator in ("And", "Or", "Xor"):  # of numbers too: what is not 0 is true
    block(f"logical_{_operator.lower()}")(_logical(_operator))
for _name, _operator in {"divide": "Div", "power": "Pow", "maximum": "Max", "minimum": "Min"}.items():
    block(_name)(_binary(_operator))


@block("positive", "real", "conjugate", "copy")
def same(b, out, x, **options):
    return b.node("Identity", x)


@block("square")
def square(b, out, x):
    return b.node("Mul", x, x)


@block("exp2")
def exp2(b, out, x):
    return b.node("Pow", b.name(2.0, out.dtype), x)


@block("expm1")
def expm1(b, out, x):
    """e^x − 1 = 2 tanh(x/2) / (1 − tanh(x/2)): without cancellation near 0; beyond 1 the plain difference."""
    t = b.node("Tanh", b.node("Mul", x, b.name(0.5, out.dtype)))
    small = b.node("Div", b.node("Add", t, t), b.node("Sub", b.name(1.0, out.dtype), t))
    large = b.node("Sub", b.node("Exp", x), b.name(1.0, out.dtype))
    return b.node("Where", b.node("Less", b.node("Abs", x), b.name(1.0, out.dtype)), small, large)


@block("log1p")
def log1p(b, out, x):
    return b.node("Log", b.node("Add", x, b.name(1.0, out.dtype)))


for _name, _base in {"log2": 2.0, "log10": 10.0}.items():
    block(_name)(lambda b, out, x, base=_base: b.node("Mul", b.node("Log", x), b.name(1.0 / math.log(base), out.dtype)))


@block("clip")
def clip(b, out, x, low, high):
    x = x if low is None else b.node("Max", x, b.name(low, out.dtype))
    return x if high is None else b.node("Min", x, b.name(high, out.dtype))


@block("where")
def where(b, out, condition, x, y):
    return b.node("Where", b.name(condition, bool), *_alike(b, out, x, y))


@block("logical_not")
def negation(b, out, x):
    return b.node("Not", b.name(x, bool))


@block("astype")
def astype(b, out, x, dtype=None, copy=True):
    return b.cast(b.name(x), out.dtype)


# activations


@block("relu")
def relu(b, out, x):
    return b.node("Relu", x)


@block("leaky_relu")
def leaky_relu(b, out, x, slope=0.01):
    return b.node("LeakyRelu", x, alpha=slope)


@block("elu")
def elu(b, out, x, alpha=1.0):
    return b.node("Elu", x, alpha=alpha)


@block("gelu")
def gelu(b, out, x, approximate="none"):
    return b.node("Gelu", x, approximate=approximate)


@block("silu")
def silu(b, out, x):
    return b.node("Mul", x, b.node("Sigmoid", x))


@block("softplus")
def softplus(b, out, x, beta=1.0):
    if beta == 1.0:
        return b.node("Softplus", x)
    scale = b.name(beta, out.dtype)
    return b.node("Div", b.node("Softplus", b.node("Mul", x, scale)), scale)


@block("erfc")
def erfc(b, out, x):
    return b.node("Sub", b.name(1.0, out.dtype), b.node("Erf", x))


@block("erf")
def erf(b, out, x):
    return b.node("Erf", x)


@block("softmax")
def softmax(b, out, x, axis=-1):
    return b.node("Softmax", x, axis=axis)


@block("log_softmax")
def log_softmax(b, out, x, axis=-1):
    return b.node("LogSoftmax", x, axis=axis)


# reductions


def _axes(axis):
    """Axes as ONNX has them: a tensor, None for all."""
    return None if axis is None else np.atleast_1d(np.array(axis, np.int64))


def _plainly(options):
    """Raise OnnxError for where= and the like."""
    given = [name for name, value in options.items() if value is not True and value is not UNSET]
    if given:
        raise OnnxError(f"export.onnx: a reduction with {given[0]}= has no ONNX operator")


def _reduce(b, operator, out, x, axis, keepdims):
    return b.node(
        operator, b.name(x, out.dtype), _axes(axis), keepdims=int(keepdims), noop_with_empty_axes=int(axis == ())
    )


def _reduction(operator, combine):
    def write(b, out, x, axis=None, keepdims=False, initial=UNSET, **options):
        _plainly(options)
        found = _reduce(b, operator, out, x, axis, keepdims)
        return found if initial is UNSET else b.node(combine, found, b.name(initial, out.dtype))

    return write


for _name, _operator, _combine in (
    ("sum", "ReduceSum", "Add"), ("prod", "ReduceProd", "Mul"), ("max", "ReduceMax", "Max"), ("min", "ReduceMin", "Min"),
    ("mean", "ReduceMean", ""), ("logsumexp", "ReduceLogSumExp", ""),
):  # fmt: skip
    block(_name)(_reduction(_operator, _combine))


@block("vector_norm")
def vector_norm(b, out, x, axis=None, keepdims=False, ord=2):
    operators = {1: "ReduceL1", 2: "ReduceL2", math.inf: "ReduceMax", -math.inf: "ReduceMin"}
    if ord not in operators:
        raise OnnxError(f"export.onnx: vector_norm with ord={ord} has no ONNX operator")
    return _reduce(b, operators[ord], out, b.node("Abs", x) if math.isinf(ord) else x, axis, keepdims)


@block("var")
def var(b, out, x, axis=None, ddof=0, keepdims=False, **options):
    """The mean of (x − mean)², times n / (n − ddof)."""
    _plainly(options)
    centred = b.node("Sub", x, _reduce(b, "ReduceMean", out, x, axis, True))
    found = _reduce(b, "ReduceMean", out, b.node("Mul", centred, centred), axis, keepdims)
    if not ddof:
        return found
    n = math.prod(x.shape[i] for i in (range(len(x.shape)) if axis is None else np.atleast_1d(axis).tolist()))
    return b.node("Mul", found, b.name(n / (n - ddof), out.dtype))


@block("std")
def std(b, out, x, **options):
    return b.node("Sqrt", var(b, out, x, **options))


@block("cumsum")
def cumsum(b, out, x, axis=None):
    if axis is None:
        x, axis = b.node("Reshape", x, np.array([-1])), 0
    return b.node("CumSum", x, np.array(axis, np.int64))


def _argument(operator):
    def write(b, out, x, axis=None, out_=None, keepdims=False):
        x = b.node("Reshape", x, np.array([-1])) if axis is None else x
        return b.node(operator, x, axis=axis or 0, keepdims=int(keepdims))

    return write


block("argmax")(_argument("ArgMax"))
block("argmin")(_argument("ArgMin"))
