"""Exponentials, logarithms, roots, trigonometric and hyperbolic functions and their inverses.

All elementwise. Rules are written from `out` where that serves: 1 − tanh² needs no second tanh, and the operand's
memory can be given back. Constants are Python floats: np.log(2) is a float64 scalar and would widen float32 gradients.
"""

import math

import numpy as np

from autograd.ops.arithmetic import PAIRS, ratio
from autograd.primitives import point, primitive, sample

_LN2 = math.log(2.0)
_LN10 = math.log(10.0)
ANY = [sample("3 4", complex=True), sample("")]
POSITIVE = [sample("3 4", low=0.2, high=3.0, complex=True), sample("", low=0.2, high=3.0)]
INSIDE = [sample("3 4", low=-0.9, high=0.9, complex=True), sample("", low=-0.9, high=0.9)]


@primitive(
    numpy=np.exp,
    kind="elementwise",
    samples=ANY,
    points=[point((0.0,), (1.0,)), point((-1e3,), (0.0,))],
    source="DLMF §4.7",
)
def exp(x, /):
    """Exponential, out = e^x."""
    return np.exp(x)


exp.vjp(x=lambda g, out, x: g * out)


@primitive(numpy=np.expm1, kind="elementwise", samples=ANY, points=[point((0.0,), (1.0,))], source="DLMF §4.7")
def expm1(x, /):
    """e^x − 1, exact near 0."""
    return np.expm1(x)


expm1.vjp(x=lambda g, out, x: g * (out + 1.0))


@primitive(
    numpy=np.exp2,
    kind="elementwise",
    samples=ANY,
    points=[point((3.0,), (8.0 * _LN2,))],
    source="DLMF §4.7: a^z has the slope a^z ln a",
)
def exp2(x, /):
    """Power of two, out = 2^x."""
    return np.exp2(x)


exp2.vjp(x=lambda g, out, x: g * (out * _LN2))


@primitive(
    numpy=np.log,
    kind="elementwise",
    samples=POSITIVE,
    points=[point((1e3,), (1e-3,))],
    domain="x > 0 (complex: not 0)",
    source="DLMF §4.7",
)
def log(x, /):
    """Natural logarithm, out = ln x, for x > 0."""
    return np.log(x)


log.vjp(x=lambda g, out, x: g / x)


@primitive(
    numpy=np.log2,
    kind="elementwise",
    samples=POSITIVE,
    points=[point((8.0,), (1.0 / (8.0 * _LN2),), out=3.0)],
    domain="x > 0",
    source="DLMF §4.7: ln x / ln 2",
)
def log2(x, /):
    """Logarithm to base 2, for x > 0."""
    return np.log2(x)


log2.vjp(x=lambda g, out, x: g / (x * _LN2))


@primitive(
    numpy=np.log10,
    kind="elementwise",
    samples=POSITIVE,
    points=[point((100.0,), (1.0 / (100.0 * _LN10),), out=2.0)],
    domain="x > 0",
    source="DLMF §4.7: ln x / ln 10",
)
def log10(x, /):
    """Logarithm to base 10, for x > 0."""
    return np.log10(x)


log10.vjp(x=lambda g, out, x: g / (x * _LN10))


@primitive(
    numpy=np.log1p,
    kind="elementwise",
    samples=POSITIVE,
    points=[point((0.0,), (1.0,))],
    domain="x > −1",
    source="DLMF §4.7",
)
def log1p(x, /):
    """ln(1 + x), for x > −1, exact near 0."""
    return np.log1p(x)


log1p.vjp(x=lambda g, out, x: g / (1.0 + x))


@primitive(
    numpy=np.sqrt,
    kind="elementwise",
    symbol="√",
    samples=POSITIVE,
    points=[point((4.0,), (0.25,))],
    domain="x ≥ 0; complex",
    source="power rule, DLMF §4.7",
)
def sqrt(x, /):
    """Square root, out = √x, for x ≥ 0; the slope at 0 is inf."""
    return np.sqrt(x)


sqrt.vjp(x=lambda g, out, x: 0.5 * g / out)


@primitive(
    numpy=np.cbrt,
    kind="elementwise",
    samples=[sample("3 4", low=0.2, high=3.0), sample("", low=0.2)],
    points=[point((8.0,), (1.0 / 12.0,))],
    kink="slope inf at 0",
    source="power rule, DLMF §4.7",
)
def cbrt(x, /):
    """Cube root, out = ∛x."""
    return np.cbrt(x)


cbrt.vjp(x=lambda g, out, x: g / (3.0 * (out * out)))


@primitive(numpy=np.sin, kind="elementwise", samples=ANY, points=[point((0.0,), (1.0,), out=0.0)], source="DLMF 4.20.1")
def sin(x, /):
    """Sine of x in radians."""
    return np.sin(x)


sin.vjp(x=lambda g, out, x: g * np.cos(x))


@primitive(numpy=np.cos, kind="elementwise", samples=ANY, points=[point((0.0,), (0.0,))], source="DLMF 4.20.2")
def cos(x, /):
    """Cosine of x in radians."""
    return np.cos(x)


cos.vjp(x=lambda g, out, x: -g * np.sin(x))


@primitive(
    numpy=np.tan,
    kind="elementwise",
    samples=[sample("3 4", low=-1.2, high=1.2), sample("", high=1.2)],
    points=[point((0.0,), (1.0,), out=0.0)],
    source="DLMF 4.20.3: sec² x = 1 + tan² x",
)
def tan(x, /):
    """Tangent of x in radians; slope 1 + out²."""
    return np.tan(x)


tan.vjp(x=lambda g, out, x: g * (1.0 + out * out))


@primitive(
    numpy=np.arcsin,
    kind="elementwise",
    samples=INSIDE,
    points=[point((0.0,), (1.0,), out=0.0), point((0.6,), (1.25,))],
    domain="−1 ≤ x ≤ 1",
    source="DLMF §4.24(ii)",
)
def arcsin(x, /):
    """Inverse sine in radians, |x| ≤ 1; slope 1 / √(1 − x²)."""
    return np.arcsin(x)


arcsin.vjp(x=lambda g, out, x: g / np.sqrt((1.0 - x) * (1.0 + x)))


@primitive(
    numpy=np.arccos,
    kind="elementwise",
    samples=INSIDE,
    points=[point((0.0,), (-1.0,)), point((0.6,), (-1.25,))],
    domain="−1 ≤ x ≤ 1",
    source="DLMF §4.24(ii)",
)
def arccos(x, /):
    """Inverse cosine in radians, |x| ≤ 1; slope −1 / √(1 − x²)."""
    return np.arccos(x)


arccos.vjp(x=lambda g, out, x: -g / np.sqrt((1.0 - x) * (1.0 + x)))


@primitive(
    numpy=np.arctan,
    kind="elementwise",
    samples=ANY,
    points=[point((1e3,), (1.0 / 1000001.0,))],
    source="DLMF §4.24(ii)",
)
def arctan(x, /):
    """Inverse tangent in radians; slope 1 / (1 + x²)."""
    return np.arctan(x)


def _arctan(g, out, x):
    """g / (1 + x²), scaled by 1 / max(|x|, 1), so that nothing overflows."""
    s = 1.0 / np.maximum(np.abs(x), 1.0)
    return g * (s * s) / (s * s + (x * s) * (x * s))


arctan.vjp(x=_arctan)


@primitive(
    numpy=np.arctan2,
    kind="elementwise",
    samples=PAIRS,
    points=[
        point((0.0, 0.0), (0.0, 0.0), out=0.0),
        point((0.0, 2.0), (0.5, 0.0)),
        point((2.0, 0.0), (0.0, -0.5)),
        point((4e-170, 3e-170), (1.2e169, -1.6e169)),
        point((np.array([1e200]), np.array([1e200])), (np.array([5e-201]), np.array([-5e-201]))),
    ],
    kink="0 at the origin; jumps by 2π at y = 0, x < 0",
    source="0 at the origin, where the angle has no slope",
)
def arctan2(x, y, /):
    """Angle of the point (y, x) in radians; the first operand is the ordinate. dx = g y / r², dy = −g x / r²."""
    return np.arctan2(x, y)


def _turned(x, y):
    """x / r², divided twice by r, so that no square overflows or becomes 0; 0 at the origin."""
    r = np.hypot(x, y)
    return ratio(ratio(x, r), r)


arctan2.vjp(x=lambda g, out, x, y: g * _turned(y, x), y=lambda g, out, x, y: -g * _turned(x, y))


@primitive(
    numpy=np.hypot,
    kind="elementwise",
    samples=PAIRS,
    points=[point((0.0, 0.0), (0.0, 0.0)), point((3.0, 4.0), (0.6, 0.8))],
    kink="0 at the origin",
    source="Euclidean norm; 0 at the kink is the minimum-norm subgradient",
)
def hypot(x, y, /):
    """Length of the hypotenuse, out = √(x² + y²), without overflow."""
    return np.hypot(x, y)


hypot.vjp(x=lambda g, out, x, y: g * ratio(x, out), y=lambda g, out, x, y: g * ratio(y, out))


@primitive(numpy=np.sinh, kind="elementwise", samples=ANY, points=[point((0.0,), (1.0,), out=0.0)], source="DLMF §4.34")
def sinh(x, /):
    """Hyperbolic sine."""
    return np.sinh(x)


sinh.vjp(x=lambda g, out, x: g * np.cosh(x))


@primitive(numpy=np.cosh, kind="elementwise", samples=ANY, points=[point((0.0,), (0.0,))], source="DLMF §4.34")
def cosh(x, /):
    """Hyperbolic cosine."""
    return np.cosh(x)


cosh.vjp(x=lambda g, out, x: g * np.sinh(x))


@primitive(
    numpy=np.tanh,
    kind="elementwise",
    samples=ANY,
    points=[point((0.0,), (1.0,)), point((np.array([-1e3, 1e3]),), (np.zeros(2),))],
    method=True,
    source="DLMF §4.34: sech² x = 1 − tanh² x",
)
def tanh(x, /):
    """Hyperbolic tangent; slope 1 − out²."""
    return np.tanh(x)


tanh.vjp(x=lambda g, out, x: g * (1.0 - out * out))


@primitive(
    numpy=np.arcsinh,
    kind="elementwise",
    samples=ANY,
    points=[point((0.0,), (1.0,), out=0.0), point((1e200,), (1e-200,))],
    source="DLMF §4.38(ii)",
)
def arcsinh(x, /):
    """Inverse hyperbolic sine; slope 1 / √(x² + 1), of a real x as a hypotenuse so that x² cannot overflow."""
    return np.arcsinh(x)


arcsinh.vjp(x=lambda g, out, x: g / (np.sqrt(x * x + 1.0) if np.iscomplexobj(x) else np.hypot(x, 1.0)))


@primitive(
    numpy=np.arccosh,
    kind="elementwise",
    samples=[sample("3 4", low=1.2, high=4.0, complex=True), sample("", low=1.2)],
    points=[point((1.25,), (4.0 / 3.0,)), point((1e160,), (1e-160,))],
    domain="x ≥ 1; complex",
    source="DLMF §4.38(ii)",
)
def arccosh(x, /):
    """Inverse hyperbolic cosine, x ≥ 1; slope 1 / √(x² − 1), as two roots, so that no square overflows."""
    return np.arccosh(x)


arccosh.vjp(x=lambda g, out, x: g / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0)))


@primitive(
    numpy=np.arctanh,
    kind="elementwise",
    samples=INSIDE,
    points=[point((0.0,), (1.0,), out=0.0), point((0.5,), (4.0 / 3.0,))],
    domain="−1 < x < 1",
    source="DLMF §4.38(ii)",
)
def arctanh(x, /):
    """Inverse hyperbolic tangent, |x| < 1; slope 1 / (1 − x²)."""
    return np.arctanh(x)


arctanh.vjp(x=lambda g, out, x: g / ((1.0 - x) * (1.0 + x)))


@primitive(
    numpy=np.logaddexp,
    kind="elementwise",
    samples=PAIRS,
    points=[point((1e3, -1e3), (1.0, 0.0), out=1e3), point((0.0, 0.0), (0.5, 0.5))],
    source="chain rule",
)
def logaddexp(x, y, /):
    """ln(e^x + e^y) without overflow; each operand's slope is its share e^x / (e^x + e^y)."""
    return np.logaddexp(x, y)


logaddexp.vjp(x=lambda g, out, x, y: g * np.exp(x - out), y=lambda g, out, x, y: g * np.exp(y - out))
