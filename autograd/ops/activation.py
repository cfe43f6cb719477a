"""Activation functions, softmax and logsumexp: what networks apply between and after their layers.

All are functions of this package and methods of Value; NumPy has none of them. They are exact at ±1000 and give no
RuntimeWarning there. At a kink the slope is the minimum-norm subgradient: of all slopes between the left one and the
right one, the one nearest to 0.
"""

import math

import numpy as np

from autograd.errors import ArgumentError
from autograd.ops.axes import from_the_end, restored
from autograd.ops.special import erfc
from autograd.primitives import error, point, primitive, sample

__all__ = ["elu", "gelu", "leaky_relu", "log_softmax", "logsumexp", "relu", "sigmoid", "silu",
           "softmax", "softplus"]  # fmt: skip

_ROOT_HALF = math.sqrt(0.5)
_DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)
_GELU_SCALE = math.sqrt(2.0 / math.pi)
_GELU_CUBIC = 0.044715
ANY = [sample("3 4"), sample(""), sample("2 0")]
HUGE = np.array([-1e3, 1e3])


def _refuse_complex(x, name, instead):
    if (
        isinstance(x, complex) or getattr(getattr(x, "dtype", None), "kind", "") == "c"
    ):  # a third of np.iscomplexobj's time
        raise ArgumentError(f"{name} takes real numbers; for complex ones write {instead}")


def _complex_error(match):
    return error((np.array([0.3 + 0.4j]),), match=match, kind=ArgumentError)


PARTS = "what you mean by it for np.real(z) and np.imag(z)"


def _two_slopes(g, x, left, steepness):
    """g · left below 0, g above it; at 0, where the slopes are `steepness` and 1, the one nearest to 0 between them."""
    nearest = min(max(steepness, 0.0), 1.0)
    below = g * left
    if nearest != steepness:
        below = np.where(x == 0.0, nearest * g, below)
    return np.where(x > 0.0, g, below)


@primitive(
    kind="elementwise",
    symbol="ReLU",
    samples=ANY,
    points=[point((np.array([-1e3, -1.0, 0.0, 2.0]),), (np.array([0.0, 0.0, 0.0, 1.0]),)), point((0.0,), (0.0,))],
    errors=[_complex_error("relu takes real numbers")],
    method=True,
    kink="0 at 0",
    source="Nair & Hinton 2010; 0 at 0, the minimum-norm subgradient",
)
def relu(x, /):
    """Rectifier, out = max(x, 0)."""
    if type(x) is float:
        return 0.0 if x < 0.0 else x
    _refuse_complex(x, "relu", PARTS)
    return np.maximum(x, 0.0)


relu.vjp(x=lambda g, out, x: g * (out > 0.0))


@primitive(
    kind="elementwise",
    symbol="LeakyReLU",
    samples=[*ANY, sample("5", slope=0.3)],
    points=[
        point((np.array([-1e3, 0.0, 2.0]),), (np.array([0.01, 0.01, 1.0]),)),
        point((np.array([-1.0, 0.0, 2.0]),), (np.array([-0.5, 0.0, 1.0]),), slope=-0.5),
        point((np.array([-1.0, 0.0, 2.0]),), (np.array([3.0, 1.0, 1.0]),), slope=3.0),
    ],
    errors=[_complex_error("leaky_relu takes real numbers")],
    method=True,
    kink="at 0 the slope nearest to 0 of the two sides'",
    source="at 0 the slope nearest to 0 between the two sides', the minimum-norm subgradient",
    inline=True,
)
def leaky_relu(x, /, slope=0.01):
    """out = x above 0, slope · x below."""
    _refuse_complex(x, "leaky_relu", PARTS)
    return np.where(x > 0.0, x, slope * x)[()]


leaky_relu.vjp(x=lambda g, out, x, slope=0.01: _two_slopes(g, x, slope, slope))


@primitive(
    kind="elementwise",
    symbol="ELU",
    samples=[*ANY, sample("5", alpha=0.7)],
    points=[
        point((np.array([-1e3, 0.0, 1e3]),), (np.array([0.0, 1.0, 1.0]),), out=np.array([-1.0, 0.0, 1e3])),
        point((np.array([0.0, 2.0]),), (np.array([0.5, 1.0]),), alpha=0.5),
    ],
    errors=[_complex_error("elu takes real numbers")],
    method=True,
    kink="at 0 the slope nearest to 0 of the two sides'",
    source="Clevert et al. 2016, arXiv 1511.07289; at 0 the minimum-norm subgradient",
    inline=True,
)
def elu(x, /, alpha=1.0):
    """Exponential linear unit, out = x above 0, alpha · (e^x − 1) below."""
    _refuse_complex(x, "elu", PARTS)
    return np.where(x > 0.0, x, alpha * np.expm1(np.minimum(x, 0.0)))[()]


elu.vjp(x=lambda g, out, x, alpha=1.0: _two_slopes(g, x, alpha * np.exp(np.minimum(x, 0.0)), alpha))


def _gelu(g, out, x, approximate="none"):
    if approximate == "none":  # Φ(x) + x φ(x)
        near = np.clip(x, -40.0, 40.0)  # beyond, the density is 0, and x² may overflow
        return g * (0.5 * erfc(-_ROOT_HALF * x) + near * (_DENSITY_AT_0 * np.exp(-0.5 * (near * near))))
    square = x * x
    t = np.tanh(_GELU_SCALE * (x + _GELU_CUBIC * (x * square)))
    slope = _GELU_SCALE * (1.0 + (3.0 * _GELU_CUBIC) * square)
    return g * (0.5 * (1.0 + t) + (0.5 * x) * ((1.0 - t * t) * slope))


@primitive(
    kind="elementwise",
    symbol="GELU",
    samples=[*ANY, sample("3 4", approximate="tanh"), sample("", approximate="tanh"), sample("6", low=-6.0, high=6.0)],
    points=[
        point((HUGE,), (np.array([0.0, 1.0]),), out=np.array([0.0, 1e3])),
        point((HUGE,), (np.array([0.0, 1.0]),), out=np.array([0.0, 1e3]), approximate="tanh"),
        point((0.0,), (0.5,)),
    ],
    errors=[
        error(("3",), match='"none" or "tanh"', kind=ArgumentError, approximate="fast"),
        _complex_error("real numbers"),
    ],
    method=True,
    source="Hendrycks & Gimpel 2016, arXiv 1606.08415",
    inline=True,
)
def gelu(x, /, approximate="none"):
    """Gaussian error linear unit, out = x · Φ(x), Φ the normal distribution function.

    approximate   "none": exact; "tanh": 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))), as GPT-2 has it
    """
    if approximate == "none":
        return x * (0.5 * erfc(-_ROOT_HALF * x))
    if approximate != "tanh":
        raise ArgumentError(f'gelu: approximate is "none" or "tanh", got {approximate!r}')
    return (0.5 * x) * (1.0 + np.tanh(_GELU_SCALE * (x + _GELU_CUBIC * (x * (x * x)))))


gelu.vjp(x=_gelu)


@primitive(
    kind="elementwise",
    symbol="σ",
    samples=[*ANY, sample("5", complex=True)],
    points=[point((HUGE,), (np.zeros(2),), out=np.array([0.0, 1.0])), point((0.0,), (0.25,), out=0.5)],
    method=True,
    source="quotient rule",
    inline=True,
)
def sigmoid(x, /):
    """Logistic function, out = 1 / (1 + e^(−x)); slope out · (1 − out)."""
    with np.errstate(over="ignore"):  # e^1000 = inf gives exactly 0, as it should
        return 1.0 / (1.0 + np.exp(-x))


sigmoid.vjp(x=lambda g, out, x: g * (out * (1.0 - out)))


def _silu(g, out, x):
    s = sigmoid(x)
    return g * (s + out * (1.0 - s))


@primitive(
    kind="elementwise",
    symbol="SiLU",
    samples=[*ANY, sample("5", complex=True)],
    points=[point((HUGE,), (np.array([0.0, 1.0]),), out=np.array([0.0, 1e3])), point((0.0,), (0.5,))],
    method=True,
    source="Elfwing et al. 2017, arXiv 1702.03118; also called swish",
    inline=True,
)
def silu(x, /):
    """Sigmoid linear unit, out = x · σ(x)."""
    with np.errstate(over="ignore"):
        return x / (1.0 + np.exp(-x))


silu.vjp(x=_silu)


@primitive(
    kind="elementwise",
    samples=[*ANY, sample("3 4", beta=2.5)],
    points=[point((HUGE,), (np.array([0.0, 1.0]),), out=np.array([0.0, 1e3])), point((0.0,), (0.5,))],
    errors=[_complex_error("np.log(1 + np.exp(z))")],
    method=True,
    source="Dugas et al. 2000; the slope is the logistic function",
    inline=True,
)
def softplus(x, /, beta=1.0):
    """Smooth rectifier, out = ln(1 + e^(beta x)) / beta; slope σ(beta x)."""
    _refuse_complex(x, "softplus", "np.log(1 + np.exp(z))")
    scaled = beta * x
    return (np.maximum(scaled, 0.0) + np.log1p(np.exp(-abs(scaled)))) / beta


softplus.vjp(x=lambda g, out, x, beta=1.0: g * sigmoid(beta * x))


def floats(x):
    """x, whole numbers as floats: they have no −∞, and differences of unsigned ones wrap around."""
    dtype = getattr(x, "dtype", None)
    return x * 1.0 if (isinstance(x, int) if dtype is None else dtype.kind in "biu") else x


ROWS = [
    sample("3 4", complex=True),
    sample("2 3 4", axis=1),
    sample("5"),
    sample("3 4", axis=0),
    sample(""),
    sample("3 0"),
    sample("0 3"),
]
MASKED = np.array([[0.0, -np.inf, 0.0, -np.inf], [1e3, -1e3, -np.inf, 1e3]])


@primitive(
    leading=True,
    samples=ROWS,
    points=[point((MASKED,), (np.zeros((2, 4)),), out=np.array([[0.5, 0.0, 0.5, 0.0], [0.5, 0.0, 0.0, 0.5]]))],
    method=True,
    source="Bridle 1990: ∂pᵢ/∂xⱼ = pᵢ (δᵢⱼ − pⱼ)",
    inline=True,
)
def softmax(x, /, axis=-1):
    """Shares that sum to 1 along axis, out = e^x / Σ e^x; dx = out · (g − Σ g out)."""
    x = floats(x)
    out = np.exp(x - np.max(x, axis=axis, keepdims=True, initial=-np.inf))
    return out / np.sum(out, axis=axis, keepdims=True)


def _softmax(g, out, x, axis=-1):
    weighted = g * out
    return weighted - out * np.sum(weighted, axis=from_the_end(axis, x), keepdims=True)


softmax.vjp(x=_softmax)


@primitive(
    leading=True,
    samples=ROWS,
    points=[point((np.array([[1e3, -1e3]]),), (np.array([[-1.0, 1.0]]),), out=np.array([[0.0, -2e3]]))],
    method=True,
    source="chain rule: x − logsumexp, whose slope is softmax",
    inline=True,
)
def log_softmax(x, /, axis=-1):
    """Logarithm of softmax, out = x − ln Σ e^x, in nats; dx = g − e^out Σ g."""
    x = floats(x)
    shifted = x - np.max(np.real(x), axis=axis, keepdims=True, initial=-np.inf)
    with np.errstate(divide="ignore"):  # no element, ln 0: an empty result
        return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


log_softmax.vjp(x=lambda g, out, x, axis=-1: g - np.exp(out) * np.sum(g, axis=from_the_end(axis, x), keepdims=True))


def _logsumexp(g, out, x, axis=None, keepdims=False):
    out = restored(out, x, axis, keepdims)
    out = np.where(out == -math.inf, 0.0, out)  # a row of −inf has no shares; −inf − (−inf) would be NaN
    return restored(g, x, axis, keepdims) * np.exp(x - out)


@primitive(
    leading=True,
    samples=[
        sample("3 4"), sample("3 4", axis=1, complex=True), sample("2 3 4", axis=(0, -1)),
        sample("2 3 4", axis=-2, keepdims=True),
        sample(""), sample("3 0", axis=1), sample("0 3", axis=1),
    ],
    points=[
        point((np.array([1e3, -1e3]),), (np.array([1.0, 0.0]),), out=1e3),
        point(
            (np.array([[-np.inf, -np.inf], [-np.inf, 3.0]]),),
            (np.array([[0.0, 0.0], [0.0, 1.0]]),),
            out=np.array([-np.inf, 3.0]),
            axis=1,
        ),
    ],
    method=True,
    source="Boyd & Vandenberghe 2004, §3.1.5: the gradient is softmax",
    inline=True,
)  # fmt: skip
def logsumexp(x, /, axis=None, keepdims=False):
    """out = ln Σ e^x over axis (all axes by default), without overflow; dx = g · e^(x − out). −inf where all x are."""
    x = floats(x)
    peak = np.max(np.real(x), axis=axis, keepdims=True, initial=-np.inf)
    peak = np.where(peak == -math.inf, 0.0, peak)
    with np.errstate(divide="ignore"):
        out = np.log(np.sum(np.exp(x - peak), axis=axis, keepdims=True)) + peak
    return out if keepdims else np.squeeze(out, axis=axis)[()]


logsumexp.vjp(x=_logsumexp)
