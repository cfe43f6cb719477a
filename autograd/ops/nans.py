"""Reductions that leave NaN out: nansum, nanmean, nanmedian …

Each is the reduction of the same name under a mask that NaN does not pass, so its rule is that one's, given this mask:
what is NaN gets a cotangent of exactly 0, to every order.
"""

import numpy as np

from autograd.data import as_dtype
from autograd.ops import order, reduce, variance
from autograd.ops.arithmetic import UNSET, astype
from autograd.ops.reduce import AXES, BAD_AXIS, MASKED, NO_DTYPE, VALUE_MASK, VALUE_START, plain
from autograd.primitives import error, point, primitive, sample

__all__ = ["nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile", "nanprod",
           "nanquantile", "nanstd", "nansum", "nanvar"]  # fmt: skip

NAN = np.nan
HOLES = np.array([[1.0, NAN, 3.0, 6.0], [NAN, 2.0, 2.0, NAN], [NAN, 5.0, 0.5, 4.0]])
PAIR = np.array([[1.0, NAN, 3.0], [2.0, 2.0, NAN]])
RIGHT = np.array([False, True, True, True])


def without_nan(op):
    """The rule of a reduction for its twin that leaves NaN out."""
    rule = op.rules[0]
    return lambda g, out, x, where=True, **options: rule(
        g, out, x, where=~np.isnan(x) & as_dtype(where, bool), **options
    )


SUMS = [
    *AXES, sample("3 0", axis=1), *MASKED[:4], sample(HOLES), sample(HOLES, axis=0), sample(HOLES, axis=-1, keepdims=True),
    sample(HOLES, axis=(0, 1), where=RIGHT, initial=1.5), sample("3 4", axis=0, initial=-0.5),
]  # fmt: skip
MEANS = [
    *AXES, *MASKED[:4], sample(HOLES), sample(HOLES, axis=0), sample(HOLES, axis=-1, keepdims=True),
    sample(HOLES, axis=1, where=RIGHT),
]  # fmt: skip
SOURCE = "the rule of the reduction without NaN, masked"


@primitive(
    numpy=np.nansum,
    leading=True,
    samples=SUMS,
    points=[
        point((PAIR,), (np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]),), out=np.array([4.0, 4.0]), axis=1),
        point((np.full(2, NAN),), (np.zeros(2),), out=0.0),
    ],
    errors=[BAD_AXIS, NO_DTYPE, VALUE_MASK, VALUE_START],
    source=SOURCE,
)
def nansum(x, /, axis=None, *, keepdims=False, initial=UNSET, where=True):
    """Sum over axis of what is not NaN."""
    return np.nansum(x, axis=axis, keepdims=keepdims, initial=plain(initial), where=plain(where))


nansum.vjp(x=without_nan(reduce.sum))


@primitive(
    numpy=np.nanprod,
    leading=True,
    samples=[*SUMS, sample(np.array([[0.0, NAN, 3.0], [0.0, NAN, 0.0]]), axis=1)],
    points=[
        point((PAIR,), (np.array([[3.0, 0.0, 1.0], [2.0, 2.0, 0.0]]),), out=np.array([3.0, 4.0]), axis=1),
        point((np.array([0.0, NAN, 3.0]),), (np.array([3.0, 0.0, 0.0]),), out=0.0),
    ],
    errors=[BAD_AXIS, NO_DTYPE, VALUE_MASK, VALUE_START],
    source=SOURCE,
)
def nanprod(x, /, axis=None, *, keepdims=False, initial=UNSET, where=True):
    """Product over axis of what is not NaN."""
    return np.nanprod(x, axis=axis, keepdims=keepdims, initial=plain(initial), where=plain(where))


nanprod.vjp(x=without_nan(reduce.prod))


@primitive(
    numpy=np.nanmean,
    leading=True,
    samples=MEANS,
    points=[point((PAIR,), (np.array([[0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]),), out=np.array([2.0, 2.0]), axis=1)],
    errors=[BAD_AXIS, NO_DTYPE, VALUE_MASK],
    source=SOURCE,
)
def nanmean(x, /, axis=None, *, keepdims=False, where=True):
    """Mean over axis of what is not NaN; NaN where nothing is left."""
    return np.nanmean(x, axis=axis, keepdims=keepdims, where=plain(where))


nanmean.vjp(x=without_nan(reduce.mean))


def _spread_call(a, *args, mean=UNSET, **options):
    """As for var and std; but a keeps its precision beside a given mean of another, as in NumPy."""
    if mean is not UNSET and np.result_type(mean) != np.result_type(a):
        mean = astype(mean, np.result_type(a))
    return variance.spread_call(a, *args, mean=mean, **options)


SPREADS = [s for s in variance.SPREADS if s.operands != ("0 3",)]


@primitive(
    numpy=np.nanvar,
    call=_spread_call,
    leading=True,
    samples=[*SPREADS, *MEANS[-4:], sample(HOLES, axis=1, ddof=1), sample(HOLES, mean=0.5, axis=0)],
    points=[point((PAIR,), (np.array([[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]),), out=np.array([1.0, 0.0]), axis=1)],
    errors=[BAD_AXIS, NO_DTYPE, VALUE_MASK, *variance.ABOUT],
    source=SOURCE,
)
def nanvar(x, /, axis=None, *, ddof=0, keepdims=False, where=True, mean=UNSET):
    """Variance over axis of what is not NaN, whose number is n; NaN where no more than ddof are left."""
    return np.nanvar(x, axis=axis, ddof=ddof, keepdims=keepdims, where=plain(where), mean=mean)


nanvar.vjp(x=without_nan(variance.var))


@primitive(
    numpy=np.nanstd,
    call=_spread_call,
    leading=True,
    samples=[
        *(s for s in SPREADS if s.operands[0] not in ("", "3 1") and s.options.get("axis") != ()),
        sample(HOLES[0]), sample(HOLES[::2], axis=1, ddof=1), sample(HOLES[::2], axis=-1, keepdims=True),
    ],
    points=[point((PAIR,), (np.array([[-0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]),), out=np.array([1.0, 0.0]), axis=1)],
    errors=[BAD_AXIS, NO_DTYPE, VALUE_MASK, *variance.ABOUT],
    kink="0 where all elements are equal",
    source=SOURCE,
)  # fmt: skip
def nanstd(x, /, axis=None, *, ddof=0, keepdims=False, where=True, mean=UNSET):
    """Standard deviation over axis of what is not NaN, the root of nanvar."""
    return np.nanstd(x, axis=axis, ddof=ddof, keepdims=keepdims, where=plain(where), mean=mean)


nanstd.vjp(x=without_nan(variance.std))

PICKS = [
    *AXES, sample("3 4", axis=0, initial=0.0), sample("3 4", where=reduce.MASK, initial=0.1, axis=1, keepdims=True),
    sample(HOLES[0]), sample(HOLES[::2], axis=1), sample(HOLES[::2], axis=0, keepdims=True),
]  # fmt: skip


@primitive(
    numpy=np.nanmax,
    leading=True,
    samples=PICKS,
    points=[
        point((PAIR,), (np.array([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]),), out=np.array([3.0, 2.0]), axis=1),
        point((PAIR,), (np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]),), axis=1, initial=2.0),
    ],
    errors=[BAD_AXIS, error(("0",), match="zero-size"), VALUE_MASK, VALUE_START],
    kink="equal elements share equally",
    source=SOURCE,
)
def nanmax(x, /, axis=None, *, keepdims=False, initial=UNSET, where=True):
    """Largest element over axis that is not NaN; NaN where all are."""
    return np.nanmax(x, axis=axis, keepdims=keepdims, initial=plain(initial), where=plain(where))


nanmax.vjp(x=without_nan(reduce.max))


@primitive(
    numpy=np.nanmin,
    leading=True,
    samples=PICKS,
    points=[point((PAIR,), (np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]),), out=np.array([1.0, 2.0]), axis=1)],
    errors=[BAD_AXIS, error(("0",), match="zero-size"), VALUE_MASK, VALUE_START],
    kink="equal elements share equally",
    source=SOURCE,
)
def nanmin(x, /, axis=None, *, keepdims=False, initial=UNSET, where=True):
    """Smallest element over axis that is not NaN; NaN where all are."""
    return np.nanmin(x, axis=axis, keepdims=keepdims, initial=plain(initial), where=plain(where))


nanmin.vjp(x=without_nan(reduce.min))

RUNNING = [sample("5"), sample("3 4", axis=0, complex=True), sample("2 3 4", axis=-2), sample(""), sample("0"),
           sample(HOLES), sample(HOLES, axis=1)]  # fmt: skip


@primitive(
    numpy=np.nancumsum,
    kind="composed",
    samples=RUNNING,
    points=[point((np.array([1.0, NAN, 3.0]),), (np.array([3.0, 0.0, 1.0]),), out=np.array([1.0, 1.0, 4.0]))],
    errors=[BAD_AXIS, NO_DTYPE],
    source=SOURCE,
)
def nancumsum(x, /, axis=None):
    """Running sum along axis, of the flattened x without one, in which NaN counts 0."""
    return np.cumsum(np.where(np.isnan(x), 0.0, x), axis=axis)


@primitive(
    numpy=np.nancumprod,
    kind="composed",
    samples=[*RUNNING, sample(np.array([2.0, 0.0, NAN, 3.0, 0.0, 5.0]))],
    points=[point((np.array([2.0, NAN, 3.0]),), (np.array([5.0, 0.0, 2.0]),), out=np.array([2.0, 2.0, 6.0]))],
    errors=[BAD_AXIS, NO_DTYPE],
    source=SOURCE,
)
def nancumprod(x, /, axis=None):
    """Running product along axis, of the flattened x without one, in which NaN counts 1."""
    return np.cumprod(np.where(np.isnan(x), 1.0, x), axis=axis)


MIDDLES = [
    *order.QUANTILES[:7], sample(HOLES[::2], 0.3), sample(HOLES[::2], [0.2, 0.75], axis=1),
    sample(HOLES[::2], 0.4, axis=0, keepdims=True),
    *(sample(HOLES[::2], np.array([0.03, 0.43, 0.99]), axis=1, method=method) for method in order.STEEPNESS),
    sample(HOLES[::2], 0.3, axis=1, method="lower"),
    sample(HOLES[::2], [0.5, 0.6], axis=1, method="averaged_inverted_cdf"),
    sample(HOLES[2], 0.4, method="inverted_cdf", weights=np.array([1.0, 3.0, 2.0, 0.5])),
]  # fmt: skip
MIDDLE_POINTS = [(np.append(x, NAN), q, np.append(dx, 0.0), dq) for x, q, dx, dq in order.QUANTILE_POINTS]


@primitive(
    numpy=np.nanquantile,
    call=order.quantile_call(lambda: nanquantile),
    samples=MIDDLES,
    points=[point((x, q), (dx, dq)) for x, q, dx, dq in MIDDLE_POINTS],
    errors=order._quantile_errors(0.5),
    domain="q in [0, 1]",
    kink="equal elements share equally",
    source=order.QUANTILE_SOURCE,
)
def nanquantile(x, q, /, axis=None, *, method="linear", keepdims=False, weights=None):
    """The number below which a part q of the elements along axis lies that are not NaN, 0 ≤ q ≤ 1: (*q, *kept axes)."""
    return np.nanquantile(x, q, axis=axis, method=method, keepdims=keepdims, weights=weights)


order.quantile_rules(nanquantile, np.nanquantile)


@primitive(
    numpy=np.nanpercentile,
    call=order.quantile_call(lambda: nanpercentile),
    samples=[order._in_percent(row) for row in MIDDLES],
    points=[point((x, 100.0 * q), (dx, 0.01 * dq)) for x, q, dx, dq in MIDDLE_POINTS],
    errors=order._quantile_errors(50.0),
    domain="q in [0, 100]",
    kink="equal elements share equally",
    source=order.QUANTILE_SOURCE,
)
def nanpercentile(x, q, /, axis=None, *, method="linear", keepdims=False, weights=None):
    """The nanquantile at q / 100."""
    return np.nanpercentile(x, q, axis=axis, method=method, keepdims=keepdims, weights=weights)


order.quantile_rules(nanpercentile, np.nanpercentile, percent=0.01)


@primitive(
    numpy=np.nanmedian,
    samples=[
        *AXES,
        sample("6"),
        sample(HOLES[0]),
        sample(HOLES[::2], axis=1, keepdims=True),
        sample(HOLES[::2], axis=0),
    ],
    points=[
        point((PAIR,), (np.array([[0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]),), out=np.array([2.0, 2.0]), axis=1),
        point((np.array([3.0, NAN, 5.0, 4.0]),), (np.array([0.0, 0.0, 0.0, 1.0]),), out=4.0),
    ],
    errors=[BAD_AXIS],
    kink="equal elements share equally",
    source="equal elements share equally, the minimum-norm subgradient",
)
def nanmedian(x, /, axis=None, *, keepdims=False):
    """The middle element over axis of those that are not NaN, or the mean of the middle two."""
    return np.nanmedian(x, axis=axis, keepdims=keepdims)


order.quantile_rules(nanmedian, np.nanmedian)
