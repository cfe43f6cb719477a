"""The four operations, powers, and what is built from comparing: maximum, minimum, clip, absolute value.

The simplest rules, so the place to learn the form: every op is elementwise, `g` has the shape of `out`, and the engine
sums a cotangent over the axes along which its operand was broadcast.
"""

import numpy as np

from autograd.errors import ArgumentError, ShapeError
from autograd.primitives import as_method, error, point, primitive, sample
from autograd.value import DISPATCH, Value

__all__ = ["absolute", "add", "astype", "clip", "direction", "divide", "maximum", "minimum",
           "multiply", "negative", "positive", "power", "ratio", "reciprocal", "remainder", "square",
           "subtract"]  # fmt: skip

UNSET = np._NoValue  # NumPy's own word for "not given"
PAIRS = [sample("3 4", "3 4"), sample("3 4", "4"), sample("2 1 3", "4 1"), sample("", "2 3"), sample("", "")]
ANY_PAIRS = [sample("3 4", "4", complex=True), *PAIRS]  # for ops that take complex numbers too
MISFIT = error(("3", "4"), match="(3,)", kind=ShapeError)


def ratio(x, y):
    """x / y where y is not 0, and 0 where it is: the minimum-norm choice of rules that divide by a length."""
    return np.where(y == 0.0, 0.0 * x, x / np.where(y == 0.0, y + 1.0, y))


def direction(x):
    """x / |x|, its conjugate for a complex x: what |x| changes by with x. 0 at 0, the minimum-norm subgradient."""
    return ratio(np.conjugate(x), np.abs(x)) if np.iscomplexobj(x) else np.sign(x)


@primitive(
    numpy=np.add,
    kind="elementwise",
    symbol="+",
    samples=ANY_PAIRS,
    points=[point((np.ones(2), 3.0), (np.ones(2), 2.0), out=np.full(2, 4.0))],
    errors=[MISFIT],
    source="linear; the transpose of repeating an operand is a sum",
)
def add(x, y, /):
    """Sum, out = x + y."""
    return x + y


add.vjp(x=lambda g, out, x, y: g, y=lambda g, out, x, y: g)


@primitive(
    numpy=np.subtract,
    kind="elementwise",
    symbol="−",
    samples=ANY_PAIRS,
    points=[point((np.ones(2), 3.0), (np.ones(2), -2.0), out=np.full(2, -2.0))],
    errors=[MISFIT],
    source="linear: the rule is the transpose of the map",
)
def subtract(x, y, /):
    """Difference, out = x − y."""
    return x - y


subtract.vjp(x=lambda g, out, x, y: g, y=lambda g, out, x, y: -g)


@primitive(
    numpy=np.multiply,
    kind="elementwise",
    symbol="×",
    samples=ANY_PAIRS,
    points=[point((np.array([2.0, 0.0]), 3.0), (np.array([3.0, 3.0]), 2.0), out=np.array([6.0, 0.0]))],
    errors=[MISFIT],
    source="product rule",
)
def multiply(x, y, /):
    """Product, out = x · y."""
    return x * y


multiply.vjp(x=lambda g, out, x, y: g * y, y=lambda g, out, x, y: g * x)


@primitive(
    numpy=np.divide,
    kind="elementwise",
    symbol="÷",
    samples=[
        sample("3 4", "3 4", low=0.5, complex=True),
        sample("3 4", "4", low=0.5),
        sample("", "2 3", low=0.5),
        sample("", ""),
    ],
    points=[point((1.0, 4.0), (0.25, -0.0625), out=0.25), point((0.0, 2.0), (0.5, 0.0), out=0.0)],
    errors=[MISFIT],
    domain="y ≠ 0",
    source="quotient rule",
)
def divide(x, y, /):
    """Quotient, out = x / y; dx = g / y, dy = −g · out / y."""
    return x / y


divide.vjp(x=lambda g, out, x, y: g / y, y=lambda g, out, x, y: -g * out / y)


@primitive(
    numpy=np.remainder,
    kind="elementwise",
    symbol="%",
    samples=[sample("3 4", "3 4", low=0.3), sample("3 4", "4", low=0.3), sample("3 4", 0.7), sample(7.5, "", low=0.5)],
    points=[point((7.5, 2.0), (1.0, -3.0), out=1.5), point((-7.5, 2.0), (1.0, 4.0), out=0.5)],
    errors=[MISFIT],
    domain="y ≠ 0",
    kink="jumps at multiples of y: the slope of the branch",
    source="x − y ⌊x / y⌋, where ⌊x / y⌋ is piecewise constant",
)
def remainder(x, y, /):
    """What is left of x after taking y off a whole number of times, out = x − y · ⌊x / y⌋, with the sign of y."""
    return x % y


remainder.vjp(x=lambda g, out, x, y: g, y=lambda g, out, x, y: -g * np.floor_divide(x, y))


@primitive(
    numpy=np.negative,
    kind="elementwise",
    symbol="−",
    samples=[sample("3 4", complex=True), sample("")],
    points=[point((2.0,), (-1.0,), out=-2.0)],
    source="linear: the rule is the transpose of the map",
)
def negative(x, /):
    """Opposite, out = −x."""
    return -x


negative.vjp(x=lambda g, out, x: -g)


@primitive(
    numpy=np.positive,
    kind="elementwise",
    symbol="+",
    samples=[sample("3 4", complex=True), sample("")],
    points=[point((-2.0,), (1.0,), out=-2.0)],
    source="linear: the rule is the transpose of the map",
)
def positive(x, /):
    """The number itself, out = +x."""
    return +x


positive.vjp(x=lambda g, out, x: g)


def _power_base(g, out, x, y):
    """y · x^(y−1) · g. A float32 x**3 costs 250 times x·x·x, so small whole exponents become products."""
    if isinstance(y, (int, float)):
        if y == 2:
            return g * (2.0 * x)
        if y == 3:
            return g * (3.0 * (x * x))
        if y == 1:
            return g * 1.0
        if y == 0:
            return g * 0.0
        number = getattr(x, "data", x)
        if type(number) is float and number == 0.0 and y < 1:  # Python raises where NumPy gives inf
            return g * (y * np.power(0.0 * x, y - 1.0))
    exponent = np.where(y == 0.0, 1.0 + 0.0 * y, y)  # 0 · 0^−1 is 0, not nan
    return g * (y * x ** (exponent - 1.0))


def _power_exponent(g, out, x, y):
    """x^y · log x · g; 0 at x = 0, where x^y log x tends to 0 for y > 0, and out is 0 or 1."""
    return g * (out * np.log(np.where(x == 0.0, x + 1.0, x)))


@primitive(
    numpy=np.power,
    kind="elementwise",
    symbol="**",
    samples=[
        sample("3 4", "4", low=0.5, complex=True), sample("", "3", low=0.5), sample("", "", low=0.5),
        sample("3 4", 2), sample("3 4", 3), sample("4", -2, low=0.5), sample("4", 0.5, low=0.5), sample("", 3),
    ],
    points=[
        point((0.0, 2.0), (0.0, 0.0)),
        point((0.0, 0.0), (0.0, 0.0), out=1.0),
        point((np.array([0.0, -2.0]), 2), (np.array([0.0, -4.0]), None)),
    ],
    errors=[MISFIT],
    domain="x > 0, or whole y",
    source="d/dy at x = 0 is 0 (the limit for y > 0)",
)  # fmt: skip
def power(x, y, /):
    """Power, out = x^y; dx = g y x^(y−1), dy = g out log x."""
    if type(y) is int and type(x) is not float:
        if y == 2:
            return x * x
        if y == 3:
            return x * x * x
    return x**y


power.vjp(x=_power_base, y=_power_exponent)


@primitive(
    numpy=np.square,
    kind="elementwise",
    symbol="²",
    samples=[sample("3 4", complex=True), sample("")],
    points=[point((np.array([0.0, -3.0]),), (np.array([0.0, -6.0]),), out=np.array([0.0, 9.0]))],
    source="power rule, DLMF §4.7",
)
def square(x, /):
    """Square, out = x²."""
    return x * x


square.vjp(x=lambda g, out, x: g * (2.0 * x))


@primitive(
    numpy=np.reciprocal,
    kind="elementwise",
    symbol="1/x",
    samples=[sample("3 4", low=0.5, complex=True), sample("", low=0.5)],
    points=[point((-4.0,), (-0.0625,), out=-0.25)],
    domain="x ≠ 0",
    source="power rule, DLMF §4.7",
)
def reciprocal(x, /):
    """Reciprocal, out = 1 / x; dx = −g · out²."""
    return 1.0 / x


reciprocal.vjp(x=lambda g, out, x: -g * (out * out))


@primitive(
    numpy=np.absolute,
    kind="elementwise",
    symbol="|x|",
    samples=[sample("3 4", complex=True), sample("")],
    points=[point((np.array([-1.0, 0.0, 2.0]),), (np.array([-1.0, 0.0, 1.0]),))],
    kink="0 at 0",
    source="0 at the kink, the minimum-norm subgradient; complex x: x̄ / |x|, as HIPS autograd and JAX",
)
def absolute(x, /):
    """Absolute value, out = |x|; dx = g · x / |x|."""
    return abs(x)


absolute.vjp(x=lambda g, out, x: g * direction(x))
absolute.jvp(x=lambda t, out, x: np.real(t * direction(x)))  # not holomorphic: the derived rule would be complex


def _greater_share(g, x, y):
    """g where x wins the comparison, half of it at a tie: the minimum-norm subgradient."""
    return g * np.where(x == y, 0.5 * _ones(g), np.where(x > y, _ones(g), 0.0 * _ones(g)))


def _ones(g):
    return np.ones_like(g)


TIES = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])


@primitive(
    numpy=np.maximum,
    kind="elementwise",
    symbol="max",
    samples=PAIRS,
    points=[point(TIES, (np.array([0.0, 0.5, 1.0]), np.array([1.0, 0.5, 0.0])))],
    errors=[MISFIT],
    kink="where x = y each gets half",
    source="a tie is shared equally, the minimum-norm subgradient",
)
def maximum(x, y, /):
    """The larger one, out = max(x, y); NaN if either is."""
    return np.maximum(x, y)


maximum.vjp(x=lambda g, out, x, y: _greater_share(g, x, y), y=lambda g, out, x, y: _greater_share(g, y, x))


@primitive(
    numpy=np.minimum,
    kind="elementwise",
    symbol="min",
    samples=PAIRS,
    points=[point(TIES, (np.array([1.0, 0.5, 0.0]), np.array([0.0, 0.5, 1.0])))],
    errors=[MISFIT],
    kink="where x = y each gets half",
    source="a tie is shared equally, the minimum-norm subgradient",
)
def minimum(x, y, /):
    """The smaller one, out = min(x, y); NaN if either is."""
    return np.minimum(x, y)


minimum.vjp(x=lambda g, out, x, y: _greater_share(g, y, x), y=lambda g, out, x, y: _greater_share(g, x, y))


def _clip_call(a, a_min=UNSET, a_max=UNSET, out=None, *, min=UNSET, max=UNSET, **others):
    given = [name for name, option in {"out": out, **others}.items() if option is not None]
    if given:
        raise ArgumentError(f"clip has no option {given[0]!r} when it is differentiated; it has min and max")
    if (a_min is UNSET) != (a_max is UNSET):
        raise ArgumentError("clip: a_min and a_max come together, either may be None; or give min= or max=")
    if a_min is not UNSET and (min is not UNSET or max is not UNSET):
        raise ArgumentError("clip: a_min and min are two names of one bound, and so are a_max and max")
    low, high = (min, max) if a_min is UNSET else (a_min, a_max)
    return (a, -np.inf if low is None or low is UNSET else low, np.inf if high is None or high is UNSET else high), {}


def _clip_method(self, min=None, max=None, out=None, **others):
    return np.clip(self, min, max, out, **others)


@primitive(
    numpy=np.clip,
    kind="elementwise",
    call=_clip_call,
    method=_clip_method,
    samples=[sample("3 4", -1.1, 1.1), sample("3 4", "4", "4"), sample("", -1.0, 1.0), sample("3 1", "4", "3 4")],
    points=[
        point((np.array([-2.0, -1.0, 0.5, 1.0, 3.0]), -1.0, 1.0), (np.array([0.0, 0.0, 1.0, 0.0, 0.0]), None, None))
    ],
    errors=[
        error(("3", 0.0), match="a_min and a_max come together", kind=ArgumentError),
        error(("3", 0.0, 1.0), min=0.0, match="two names of one bound", kind=ArgumentError),
        error(("3", 0.0, 1.0), dtype=np.float32, match="no option 'dtype'", kind=ArgumentError),
    ],
    kink="0 outside and at a bound",
    source="0 outside and at a bound, the minimum-norm subgradient",
)
def clip(x, low, high, /):
    """x limited to [low, high], out = min(max(x, low), high)."""
    return np.clip(x, low, high)


clip.vjp(
    x=lambda g, out, x, low, high: g * ((x > low) & (x < high)),
    low=lambda g, out, x, low, high: g * ((x < low) & (low < high)),
    high=lambda g, out, x, low, high: g * ((x > high) | (low >= high)),
)


@primitive(
    numpy=np.astype,
    kind="linear",
    leading=True,
    symbol="cast",
    samples=[sample("3 4", dtype=np.float64)],
    points=[point((np.array([1.5, -2.0]),), (np.ones(2),), out=np.array([1.5, -2.0]), dtype=np.float32)],
    source="linear: the identity up to rounding",
)
def astype(x, /, dtype, copy=True):
    """The same numbers in another dtype; the cotangent is cast back."""
    return np.asarray(x).astype(dtype, copy=copy)[()]


def _cast_back(g, out, x, dtype, copy=True):
    """g in the operand's dtype; a real operand takes the real part."""
    real_part = np.real(g) if np.iscomplexobj(g) and not np.iscomplexobj(x) else g
    return astype(real_part, np.result_type(x))


astype.vjp(x=_cast_back)


def _astype(x, /, dtype, *args, **options):
    """np.astype of a Value: whole numbers and booleans carry no gradient, so they are a plain result, as floor's."""
    plain = isinstance(x, Value) and np.dtype(dtype).kind not in "fc"
    return astype(x.data if plain else x, dtype, *args, **options)


DISPATCH[np.astype] = _astype
setattr(Value, "astype", as_method(_astype, astype))  # noqa: B010
