"""Elementwise functions with kinks, jumps or parts: fmod, divmod, copysign, nan_to_num, heaviside, angle …

Where a function jumps its derivative is that of the branch it is on, and a result that only jumps (the whole number of
modf, the sign that copysign takes over) has a derivative of 0.
"""

import math

import numpy as np

from autograd.errors import ArgumentError
from autograd.ops.arithmetic import MISFIT, PAIRS, TIES, astype
from autograd.primitives import error, point, primitive, sample
from autograd.value import data_of

__all__ = ["angle", "copysign", "deg2rad", "divmod", "fabs", "float_power", "fmax", "fmin", "fmod", "heaviside", "ldexp",
           "logaddexp2", "modf", "nan_to_num", "nextafter", "rad2deg", "real_if_close"]  # fmt: skip

DIVISIONS = [sample("3 4", "3 4", low=0.3), sample("3 4", "4", low=0.3), sample("2 3", -0.7), sample(-7.5, "", low=0.5)]
NAN, INF = math.nan, math.inf
SIGNS = np.array([-3, 0, 0, 1], np.int8)  # for an operand without derivative, whose numbers are not to be varied
SIGNED = [sample("3 4", SIGNS), sample("", -1.0), sample("2 1 3", SIGNS[:, None])]


# division with a rest


@primitive(
    numpy=np.fmod,
    kind="elementwise",
    samples=DIVISIONS,
    points=[point((7.5, 2.0), (1.0, -3.0), out=1.5), point((-7.5, 2.0), (1.0, 3.0), out=-1.5)],
    errors=[MISFIT],
    domain="y ≠ 0",
    kink="jumps at multiples of y: the slope of the branch",
    source="x − y · trunc(x / y), where trunc(x / y) is piecewise constant",
)
def fmod(x, y, /):
    """What is left of x after taking y off a whole number of times, with the sign of x; dy = −g · trunc(x / y)."""
    return np.fmod(x, y)


fmod.vjp(
    x=lambda g, out, x, y: g,
    y=lambda g, out, x, y: -g * (np.floor_divide(np.absolute(x), np.absolute(y)) * np.sign(x) * np.sign(y)),
)


@primitive(
    numpy=np.divmod,
    kind="elementwise",
    results=tuple,
    samples=DIVISIONS,
    points=[point((7.5, 2.0), (1.0, -3.0), out=(3.0, 1.5)), point((-7.5, 2.0), (1.0, 4.0), out=(-4.0, 0.5))],
    errors=[MISFIT],
    domain="y ≠ 0",
    kink="jumps at multiples of y: the slope of the branch",
    source="np.floor_divide is piecewise constant, np.remainder has its rule",
)
def divmod(x, y, /):
    """Both results of a division with rest, (⌊x / y⌋, x − y ⌊x / y⌋); the whole number has a derivative of 0."""
    return np.divmod(x, y)


divmod.vjp(
    x=lambda g, out, x, y: np.zeros_like(g[0]) if g[1] is None else g[1],
    y=lambda g, out, x, y: np.zeros_like(g[0]) if g[1] is None else -g[1] * np.floor_divide(x, y),
)
divmod.jvp(
    x=lambda t, out, x, y: (None, np.broadcast_to(t, np.shape(out[1]))),
    y=lambda t, out, x, y: (None, -t * np.floor_divide(x, y)),
)


@primitive(
    numpy=np.modf,
    kind="elementwise",
    results=tuple,
    samples=[sample("3 4"), sample("")],
    points=[point((np.array([2.5, -2.5]),), (np.ones(2),), out=(np.array([0.5, -0.5]), np.array([2.0, -2.0])))],
    kink="jumps at whole numbers: slope 1 for the fraction, 0 for the whole part",
    source="np.trunc is piecewise constant",
)
def modf(x, /):
    """Fraction and whole number, both with the sign of x: (x − trunc x, trunc x); slopes 1 and 0."""
    return np.modf(x)


modf.vjp(x=lambda g, out, x: np.zeros_like(g[1]) if g[0] is None else g[0])
modf.jvp(x=lambda t, out, x: (t, None))


# kinks


@primitive(
    numpy=np.fabs,
    kind="elementwise",
    symbol="|x|",
    samples=[sample("3 4"), sample("")],
    points=[point((np.array([-1.0, 0.0, 2.0]),), (np.array([-1.0, 0.0, 1.0]),))],
    kink="0 at 0",
    source="0 at the kink, the minimum-norm subgradient",
)
def fabs(x, /):
    """Absolute value of real numbers, out = |x|."""
    return np.fabs(x)


fabs.vjp(x=lambda g, out, x: g * np.sign(x))


@primitive(
    numpy=np.copysign,
    kind="elementwise",
    samples=SIGNED,
    points=[point((np.array([-1.0, 0.0, 2.0]), -0.0), (np.array([1.0, 0.0, -1.0]), None), out=[-1.0, -0.0, -2.0])],
    errors=[MISFIT],
    kink="0 at x = 0",
    source="|x| times ±1; 0 at x = 0, the minimum-norm subgradient",
)
def copysign(x, y, /):
    """The magnitude of x with the sign of y, out = |x| · sign y; −0.0 counts as negative."""
    return np.copysign(x, y)


def _copysign(g, out, x, y):
    return np.where(x == 0.0, 0.0, np.where(np.signbit(x) == np.signbit(y), g, -g))


copysign.vjp(x=_copysign).constant("y")


def _share(g, x, y, wins):
    """g where x is chosen, because it wins or y is NaN; half of it at a tie, of two NaN too."""
    ties = (x == y) | (np.isnan(x) & np.isnan(y))
    return np.where(ties, 0.5 * g, np.where(wins | np.isnan(y), g, 0.0))


ONE_NAN = np.array([NAN, 2.0, 1.0]), np.array([1.0, NAN, 1.0])


@primitive(
    numpy=np.fmax,
    kind="elementwise",
    samples=PAIRS,
    points=[
        point(TIES, (np.array([0.0, 0.5, 1.0]), np.array([1.0, 0.5, 0.0]))),
        point(ONE_NAN, (np.array([0.0, 1.0, 0.5]), np.array([1.0, 0.0, 0.5])), out=np.array([1.0, 2.0, 1.0])),
    ],
    errors=[MISFIT],
    kink="where x = y each gets half",
    source="a tie is shared equally, the minimum-norm subgradient",
)
def fmax(x, y, /):
    """The larger one, out = max(x, y); where one is NaN, the other."""
    return np.fmax(x, y)


fmax.vjp(x=lambda g, out, x, y: _share(g, x, y, x > y), y=lambda g, out, x, y: _share(g, y, x, y > x))


@primitive(
    numpy=np.fmin,
    kind="elementwise",
    samples=PAIRS,
    points=[
        point(TIES, (np.array([1.0, 0.5, 0.0]), np.array([0.0, 0.5, 1.0]))),
        point(ONE_NAN, (np.array([0.0, 1.0, 0.5]), np.array([1.0, 0.0, 0.5])), out=np.array([1.0, 2.0, 1.0])),
    ],
    errors=[MISFIT],
    kink="where x = y each gets half",
    source="a tie is shared equally, the minimum-norm subgradient",
)
def fmin(x, y, /):
    """The smaller one, out = min(x, y); where one is NaN, the other."""
    return np.fmin(x, y)


fmin.vjp(x=lambda g, out, x, y: _share(g, x, y, x < y), y=lambda g, out, x, y: _share(g, y, x, y < x))


@primitive(
    numpy=np.heaviside,
    kind="elementwise",
    samples=[sample(0.0, ""), sample(SIGNS, "4"), sample(SIGNS, "3 4")],
    points=[point((np.array([-1.0, 0.0, 1.0]), 0.5), (None, 1.0), out=np.array([0.0, 0.5, 1.0]))],
    errors=[MISFIT],
    kink="0 at 0",
    source="piecewise constant in x; at x = 0 the value is h",
)
def heaviside(x, h, /):
    """Step, out = 0 for x < 0, h at 0, 1 for x > 0; no derivative in x, dh = g where x is 0."""
    return np.heaviside(x, h)


heaviside.vjp(h=lambda g, out, x, h: np.where(x == 0.0, g, 0.0)).constant("x")


@primitive(
    numpy=np.nextafter,
    kind="elementwise",
    samples=SIGNED,
    points=[point((1.0, 2.0), (1.0, None), out=1.0 + 2.0**-52)],
    errors=[MISFIT],
    source="x plus a step that is constant between powers of two",
)
def nextafter(x, y, /):
    """The next floating-point number after x on the way to y: x itself, up to rounding."""
    return np.nextafter(x, y)


nextafter.vjp(x=lambda g, out, x, y: g).constant("y")


def _nan_to_num_call(x, copy=True, nan=0.0, posinf=None, neginf=None):
    if not copy:
        raise ArgumentError("nan_to_num(copy=False) would write into the Value's array: use the result, without copy=")
    return (x,), {"nan": nan, "posinf": posinf, "neginf": neginf}


@primitive(
    numpy=np.nan_to_num,
    kind="elementwise",
    call=_nan_to_num_call,
    samples=[sample("3 4", complex=True), sample(""), sample("3", nan=1.0, posinf=2.0, neginf=-3.0)],
    points=[
        point(
            (np.array([1.0, NAN, INF, -INF]),),
            (np.array([1.0, 0.0, 0.0, 0.0]),),
            out=np.array([1.0, 0.5, 7.0, -7.0]),
            nan=0.5,
            posinf=7.0,
            neginf=-7.0,
        ),
        point((np.array([complex(NAN, 2.0), complex(2.0, NAN)]),), (np.array([0j, 1.0]),), out=np.array([2.0j, 2.0])),
    ],
    errors=[error(("3",), match="would write into the Value's array", kind=ArgumentError, copy=False)],
    kink="0 where a number is replaced",
    source="the identity where x is finite, constant elsewhere",
)
def nan_to_num(x, /, nan=0.0, posinf=None, neginf=None):
    """x with numbers in the place of NaN and ±inf; slope 1 where x is finite, 0 elsewhere."""
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def _finite_only(g, out, x, **options):
    if not np.iscomplexobj(x):
        return np.where(np.isfinite(x), g, 0.0)
    parts = np.where(np.isfinite(np.real(x)), np.real(g), 0.0), np.where(np.isfinite(np.imag(x)), np.imag(g), 0.0)
    return parts[0] + 1j * parts[1]


nan_to_num.vjp(x=_finite_only)


# scalings


@primitive(
    numpy=np.ldexp,
    kind="elementwise",
    samples=[sample("3 4", 3), sample("3 1", np.array([-2, 0, 4])), sample("", -1)],
    points=[point((np.array([1.5, -3.0]), 2), (np.full(2, 4.0), None), out=np.array([6.0, -12.0]))],
    errors=[error(("3", "3"), match="exponents are integers", kind=ArgumentError)],
    source="linear in x",
)
def ldexp(x, exponent, /):
    """out = x · 2^exponent, for whole exponents; for others write x * 2.0 ** y."""
    if np.result_type(exponent).kind not in "iub":
        raise ArgumentError("ldexp: exponents are integers and have no derivative; write x * 2.0 ** y")
    return np.ldexp(x, exponent)


ldexp.vjp(x=lambda g, out, x, exponent: np.ldexp(g, exponent)).constant("exponent")

_DEGREE = math.pi / 180.0


@primitive(
    numpy=(np.deg2rad, np.radians),
    kind="elementwise",
    samples=[sample("3 4", low=-200.0, high=200.0), sample("")],
    points=[point((180.0,), (_DEGREE,), out=math.pi)],
    source="linear: the rule is the transpose of the map",
)
def deg2rad(x, /):
    """Degrees to radians, out = π x / 180."""
    return np.deg2rad(x)


deg2rad.vjp(x=lambda g, out, x: g * _DEGREE)


@primitive(
    numpy=(np.rad2deg, np.degrees),
    kind="elementwise",
    samples=[sample("3 4", high=4.0), sample("")],
    points=[point((math.pi,), (1.0 / _DEGREE,), out=180.0)],
    source="linear: the rule is the transpose of the map",
)
def rad2deg(x, /):
    """Radians to degrees, out = 180 x / π."""
    return np.rad2deg(x)


rad2deg.vjp(x=lambda g, out, x: g * (1.0 / _DEGREE))


@primitive(
    numpy=np.float_power,
    kind="composed",
    samples=[sample("3 4", "4", low=0.5, complex=True), sample("3 4", 3), sample("3", -1.0)],
    points=[point((0.0, 2.0), (0.0, 0.0)), point((np.array([-2.0]), 3), (np.array([12.0]), None), out=[-8.0])],
    errors=[MISFIT],
    domain="x > 0, or whole y",
    source="np.power of float64",
)
def float_power(x, y, /):
    """Power in double precision, out = x^y as float64 or complex128."""
    double = [astype(z, np.complex128 if np.iscomplexobj(z) else np.float64) for z in (x, y)]
    return np.power(*double)


@primitive(
    numpy=np.logaddexp2,
    kind="elementwise",
    samples=PAIRS,
    points=[point((1e3, -1e3), (1.0, 0.0), out=1e3), point((0.0, 0.0), (0.5, 0.5), out=1.0)],
    errors=[MISFIT],
    source="chain rule",
)
def logaddexp2(x, y, /):
    """log₂(2^x + 2^y) without overflow; each operand's slope is its share 2^x / (2^x + 2^y)."""
    return np.logaddexp2(x, y)


logaddexp2.vjp(x=lambda g, out, x, y: g * np.exp2(x - out), y=lambda g, out, x, y: g * np.exp2(y - out))


# parts of a complex number


@primitive(
    numpy=np.angle,
    kind="composed",
    samples=[sample("3 4", complex=True), sample("3", deg=True, complex=True), sample("")],
    points=[
        point((np.array([2.0j]),), (np.array([-0.5 + 0.0j]),), out=np.array([math.pi / 2.0])),
        point((np.array([-2.0, 0.0, 2.0]),), (np.zeros(3),), out=np.array([math.pi, 0.0, 0.0])),
        point((np.array([1e200 + 1e200j]),), (np.array([-5e-201 - 5e-201j]),)),
    ],
    kink="0 at 0",
    source="np.arctan2(imag, real); 0 at the origin, where the angle has no slope, and for a real x",
)
def angle(x, /, deg=False):
    """Angle of a complex number in radians, or degrees, in (−π, π]; 0 or π for a real x."""
    out = np.arctan2(np.imag(x), np.real(x))
    return np.rad2deg(out) if deg else out


@primitive(
    numpy=np.real_if_close,
    kind="composed",
    samples=[sample("3 4", complex=True), sample(""), sample("3", tol=10.0)],
    points=[
        point((np.array([1.0 + 0.0j, 2.0]),), (np.array([1.0 + 0.0j, 1.0]),), out=np.array([1.0, 2.0])),
        point((np.array([3.0]),), (np.array([1.0]),), out=np.array([3.0])),
    ],
    source="np.real, or the identity",
)
def real_if_close(x, /, tol=100):
    """The real part if every imaginary part is within tol machine epsilons of 0 (tol > 1), else x itself."""
    close = np.iscomplexobj(x) and np.isrealobj(np.real_if_close(data_of(x), tol))
    return np.real(x) if close else np.positive(x)
