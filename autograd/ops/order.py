"""Sorting and what rests on it: sort, partition, median, quantiles.

An order statistic is one of the elements, and a quantile mixes two neighbouring ones, so where they come from is all
that a rule must know. Two observations serve every function here:

sort, partition   hold the elements in another order: the one of rank r in the result is the one of rank r in x.
quantiles         the same function of the *ranks* 0 … n − 1, put in place of the elements, gives a position such as 2.25:
                  the result is 0.75 of the element of rank 2 and 0.25 of that of rank 3. So no formula of the
                  thirteen methods stands here, and weights and NaN take care of themselves.
"""

import math
from functools import partial

import numpy as np

from autograd.errors import ArgumentError
from autograd.ops.arithmetic import astype
from autograd.ops.assign import assign
from autograd.ops.index import getitem, scatter_add
from autograd.ops.reduce import AXES, BAD_AXIS, TIES
from autograd.primitives import error, point, primitive, sample
from autograd.value import CONSTANT, DISPATCH, Value, data_of

__all__ = ["median", "partition", "percentile", "quantile", "quantile_rules", "sort", "sort_complex", "unique",
           "unique_values"]  # fmt: skip


def _in_place(function):
    """What the method of an ndarray does: x becomes function(x), and None comes back."""

    def method(x, *args, **kwargs):
        assign(x, ..., function(x, *args, **kwargs))

    method.__name__, method.__doc__ = function.__name__, f"np.{function.__name__} in place: gives None."
    return method


def _rearranged(g, out, x, axis=-1, **options):
    """The cotangent of x when out has the same elements in another order: those of one rank belong together."""
    if axis is None:
        return np.reshape(_rearranged(g, out, np.reshape(x, (-1,))), np.shape(x))
    ranks = np.argsort(np.argsort(x, axis=axis, kind="stable"), axis=axis)
    places = np.argsort(out, axis=axis, kind="stable")
    return np.take_along_axis(g, np.take_along_axis(places, ranks, axis=axis), axis=axis)


@primitive(
    numpy=np.sort,
    method=_in_place(np.sort),
    samples=[
        sample("7"), sample("3 4", complex=True), sample("3 4", axis=0), sample("2 3 4", axis=-2),
        sample("3 4", axis=None), sample("3 4", kind="stable", axis=1), sample("5", stable=True), sample("0 3"),
        sample("", axis=None),
    ],
    points=[
        point((np.array([3.0, 1.0, 2.0]),), (np.ones(3),), out=np.array([1.0, 2.0, 3.0])),
        point((np.array([2.0, 1.0, 2.0]),), (np.ones(3),), out=np.array([1.0, 2.0, 2.0])),
    ],
    errors=[error(("3",), axis=1, match="axis 1 is out of bounds"), error(("",), match="out of bounds")],
    kink="equal elements keep their order, each with slope 1 to its place",
    source="a permutation, whose adjoint is its inverse; equal elements keep their order (stable), as in JAX",
)  # fmt: skip
def sort(x, /, axis=-1, kind=None, *, stable=None):
    """The elements in ascending order along axis, of the flattened x with axis=None; NaN comes last."""
    return np.sort(x, axis=axis, kind=kind, stable=stable)


sort.vjp(x=_rearranged)


@primitive(
    numpy=np.partition,
    method=_in_place(np.partition),
    samples=[
        sample("7", kth=3), sample("3 5", kth=2, axis=0, complex=True), sample("3 40", kth=(7, -2)),
        sample("3 4", kth=5, axis=None), sample("2 3 4", kth=1, axis=-2),
    ],
    points=[point((np.array([3.0, 1.0, 2.0]),), (np.ones(3),), out=np.array([1.0, 2.0, 3.0]), kth=1)],
    errors=[error(("3",), kth=3, match="kth(=3) out of bounds")],
    kink="equal elements keep their order, each with slope 1 to its place",
    source="a permutation, whose adjoint is its inverse",
)  # fmt: skip
def partition(x, /, kth, axis=-1, kind="introselect"):
    """The elements along axis, rearranged so that the kth stands where sorting puts it, smaller ones before it."""
    return np.partition(x, kth, axis=axis, kind=kind)


partition.vjp(x=_rearranged)


@primitive(
    numpy=np.sort_complex,
    kind="composed",
    samples=[sample("5", complex=True), sample("3 4")],
    points=[point((np.array([3.0, 1.0]),), (np.ones(2),), out=np.array([1.0 + 0j, 3.0 + 0j]))],
    source="sort, as complex numbers",
)
def sort_complex(x, /):
    """The elements in ascending order along the last axis, real parts first, as complex numbers."""
    out = np.sort(x)
    return out if np.iscomplexobj(out) else astype(out, np.complex128)


# quantiles

STEEPNESS = {  # of the methods that are continuous in q: the position grows by (elements + this) as q goes from 0 to 1
    "linear": -1.0, "interpolated_inverted_cdf": 0.0, "hazen": 0.0, "weibull": 1.0,
    "median_unbiased": 1.0 / 3.0, "normal_unbiased": 0.25,
}  # fmt: skip


def _in_rows(x, axis):
    """(x as an array (rows, n) whose rows are what axis reduces, the function that puts such an array back)."""
    shape = np.shape(x)
    ndim = len(shape)
    reduced = [a % ndim for a in (range(ndim) if axis is None else axis if np.ndim(axis) else (axis,))]
    order = [a for a in range(ndim) if a not in reduced] + reduced
    lengths = tuple(shape[a] for a in order)
    rows = math.prod(lengths[: ndim - len(reduced)]), math.prod(lengths[ndim - len(reduced) :])
    back = tuple(order.index(a) for a in range(ndim))
    return np.reshape(np.transpose(x, order), rows), lambda y: np.transpose(np.reshape(y, lengths), back)


def quantile_rules(op, statistic, *, percent=1.0):
    """Give an op(x, q) or op(x) its rules: `statistic` is NumPy's function that it computes, a kind of quantile.

    percent   what q counts in: 1.0, or 0.01 for a percentile
    """

    def located(rows, back, q, axis, options):
        """The rank of each element in its row, and the positions of the results, (rows, q): a Value if q is one.

        A NaN in a row that does not leave it out is the result, and the last in order.
        """
        ranks = np.argsort(np.argsort(rows, axis=1, kind="stable"), axis=1)
        found = statistic(back(np.where(np.isnan(rows), math.nan, ranks)), *q, axis=axis, **options)
        found = np.transpose(np.reshape(found, (math.prod(np.shape(q[0])) if q else 1, len(ranks))))
        return ranks, np.where(np.isnan(found), ranks.shape[1] - 1.0, found)

    def rule_x(g, out, x, *q, axis=None, keepdims=False, **options):
        if np.size(x) == 0:
            return 0.0 * x
        rows, back = _in_rows(x, axis)
        ranks, positions = located(rows, back, q, axis, options)
        g = np.transpose(np.reshape(g, np.shape(positions)[::-1]))
        dtype = np.result_type(g)
        lower, upper = np.floor(positions), np.ceil(positions)
        part = astype(positions - lower, dtype)
        # equal elements share equally: cotangents are summed for each group of equals, and divided by its size
        ordered = np.sort(rows, axis=1)
        starts = (ordered[:, 1:] != ordered[:, :-1]) & ~np.isnan(ordered[:, :-1])
        starts = np.concatenate([np.ones((len(starts), 1), bool), starts], axis=1)
        group = np.reshape(np.cumsum(starts) - 1, np.shape(rows))
        sizes = np.maximum(np.bincount(np.ravel(group), minlength=np.size(rows)), 1).astype(dtype)
        row = np.arange(len(group))[:, None]
        total = scatter_add(g * (1.0 - part), np.shape(sizes), group[row, lower.astype(int)])
        total = total + scatter_add(g * part, np.shape(sizes), group[row, upper.astype(int)])
        return back(getitem(total / sizes, np.take_along_axis(group, ranks, axis=1)))

    def rule_q(g, out, x, q, axis=None, keepdims=False, method="linear", weights=None):
        rows, back = _in_rows(x, axis)
        _, positions = located(rows, back, (q,), axis, {"method": method})
        g = np.transpose(np.reshape(g, np.shape(positions)[::-1]))
        ordered = np.sort(rows, axis=1)
        count = np.sum(~np.isnan(rows), axis=1, keepdims=True)  # of the elements that are not left out
        row, last = np.arange(len(count))[:, None], np.maximum(count - 1, 0)
        lower, upper = np.floor(positions).astype(int), np.ceil(positions).astype(int)
        before = ordered[row, upper] - ordered[row, np.maximum(upper - 1, 0)]
        after = ordered[row, np.minimum(lower + 1, last)] - ordered[row, lower]
        slope = np.minimum(before, after)  # at an element, the flatter side
        if method == "linear":  # q = 0 and q = 1 have one side only
            slope = np.where(upper == 0, after, np.where(lower == last, before, slope))
        steepness = ((count + STEEPNESS[method]) * percent).astype(np.result_type(g))
        return np.reshape(np.sum(g * (slope * steepness), axis=0), np.shape(q))

    return op.vjp(x=rule_x, q=rule_q) if "q" in op.operands else op.vjp(x=rule_x)


def quantile_call(find):
    """The adapter of an op(x, q): refuses what is no function of a Value with a derivative. find: () → the op."""

    def call(*args, **kwargs):
        operands, options = find().bind(args, kwargs)
        method = options.get("method", "linear")
        if isinstance(options.get("weights"), Value):
            raise ArgumentError(
                f"{find().name}: the result jumps from element to element as weights change, so it has no derivative by "
                "them: pass weights=w.data"
            )
        q = operands[1]
        if method not in STEEPNESS and isinstance(q, Value) and q.primitive is not CONSTANT:
            raise ArgumentError(
                f"{find().name}: the result jumps as q changes with method={method!r}, so it has no derivative by q: "
                f"pass q.data, or use one of {', '.join(STEEPNESS)}"
            )
        return operands, options

    return call


QUANTILES = [
    sample("5", 0.3), sample("", 0.3), sample("3 4", 0.5, axis=0), sample("3 4", np.array(0.3), axis=1, keepdims=True),
    sample("2 3 4", np.array([0.2, 0.51, 0.77]), axis=(0, -1)), sample("3 5", [0.0, 0.5, 1.0], axis=-1),
    sample("2 3", np.array([[0.3], [0.55]]), keepdims=True), sample("3 1", 0.4, axis=1), sample("2 3", 0.5, axis=()),
    sample("6", 0.37, method="lower"), sample("6", [0.37, 1.0], method="higher"),
    sample("6", [0.4, 0.5], method="midpoint"), sample("6", 0.37, method="nearest"),
    sample("6", [0.0, 0.5, 0.7], method="inverted_cdf"), sample("6", [0.5, 0.6], method="averaged_inverted_cdf"),
    sample("2 6", 0.3, method="closest_observation", axis=1),
    *(sample("2 6", np.array([0.03, 0.43, 0.99]), axis=1, method=method) for method in STEEPNESS if method != "linear"),
    sample("5", [0.2, 0.9], method="inverted_cdf", weights=np.array([1.0, 0.0, 2.0, 0.5, 1.5])),
    sample("3 4", 0.4, axis=1, method="inverted_cdf", weights=np.array([1.0, 3.0, 2.0, 0.5])),
    sample("2 3", 0.4, axis=0, method="inverted_cdf", weights=np.array([[1.0, 3.0, 2.0], [2.0, 0.5, 1.0]])),
]  # fmt: skip
ELEMENTS = np.array([4.0, 1.0, 8.0, 2.0])
QUANTILE_POINTS = [
    (ELEMENTS, 0.5, np.array([0.5, 0.0, 0.0, 0.5]), 6.0),  # half way from 2 to 4, on which q = 1 has three such gaps
    (ELEMENTS, 0.25, np.array([0.0, 0.25, 0.0, 0.75]), 3.0),
    (ELEMENTS[:3], 0.5, np.array([1.0, 0.0, 0.0]), 6.0),  # at an element: the gaps are 3 and 4, times 2
    (ELEMENTS, 0.0, np.array([0.0, 1.0, 0.0, 0.0]), 3.0),
    (ELEMENTS, 1.0, np.array([0.0, 0.0, 1.0, 0.0]), 12.0),
    (np.full(4, 3.0), 0.3, np.full(4, 0.25), 0.0),
    (np.array([1.0, 1.0, 3.0]), 0.75, np.array([0.25, 0.25, 0.5]), 4.0),
]
WEIGHTS = np.ones(3)
QUANTILE_SOURCE = (
    "Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996; equal elements share equally and q at an element "
    "takes the flatter side, the minimum-norm subgradients"
)


def _quantile_errors(q):
    return [
        error(("3", q), axis=1, match="axis 1 is out of bounds"),
        error(("3", 200.0 * q), match="must be in the range"),
        error(("3", q), method="best", match="'best' is not a valid method"),
        error(("3", Value(q)), method="lower", match="pass q.data, or use one of linear", kind=ArgumentError),
        error(("3", q), method="inverted_cdf", weights=Value(WEIGHTS), match="pass weights=w.data", kind=ArgumentError),
        error(("3", q), overwrite_input=True, match="no option 'overwrite_input'", kind=ArgumentError),
    ]


@primitive(
    numpy=np.quantile,
    call=quantile_call(lambda: quantile),
    samples=QUANTILES,
    points=[point((x, q), (dx, dq)) for x, q, dx, dq in QUANTILE_POINTS],
    errors=_quantile_errors(0.5),
    domain="q in [0, 1]",
    kink="equal elements share equally",
    source=QUANTILE_SOURCE,
)
def quantile(x, q, /, axis=None, *, method="linear", keepdims=False, weights=None):
    """The number below which a part q of the elements along axis lies, 0 ≤ q ≤ 1: (*q, *kept axes).

    method, weights   as NumPy has them. By q it is differentiable with the methods that interpolate
    """
    return np.quantile(x, q, axis=axis, method=method, keepdims=keepdims, weights=weights)


quantile_rules(quantile, np.quantile)


def _in_percent(row):
    x, q = row.operands
    return row._replace(operands=(x, [100.0 * part for part in q] if isinstance(q, list) else 100.0 * q))


@primitive(
    numpy=np.percentile,
    call=quantile_call(lambda: percentile),
    samples=[_in_percent(row) for row in QUANTILES],
    points=[point((x, 100.0 * q), (dx, 0.01 * dq)) for x, q, dx, dq in QUANTILE_POINTS],
    errors=_quantile_errors(50.0),
    domain="q in [0, 100]",
    kink="equal elements share equally",
    source=QUANTILE_SOURCE,
)
def percentile(x, q, /, axis=None, *, method="linear", keepdims=False, weights=None):
    """The quantile at q / 100: the number below which q percent of the elements along axis lie."""
    return np.percentile(x, q, axis=axis, method=method, keepdims=keepdims, weights=weights)


quantile_rules(percentile, np.percentile, percent=0.01)


@primitive(
    numpy=np.median,
    samples=[*AXES, sample("6"), sample("0 3", axis=1)],
    points=[
        point((TIES,), (np.array([[0.0, 0.5, 0.5], [1.0 / 3.0] * 3]),), out=np.array([3.0, 2.0]), axis=1),
        point((ELEMENTS,), (np.array([0.5, 0.0, 0.0, 0.5]),), out=3.0),
        point((np.array([3.0, np.nan, 5.0]),), (np.array([0.0, 1.0, 0.0]),), out=np.nan),
    ],
    errors=[BAD_AXIS],
    kink="equal elements share equally",
    source="equal elements share equally, the minimum-norm subgradient",
)
def median(x, /, axis=None, *, keepdims=False):
    """The middle element over axis, or the mean of the middle two."""
    return np.median(x, axis=axis, keepdims=keepdims)


quantile_rules(median, np.median)


# unique


def _unique(function, x, *, axis=None, equal_nan=False, **options):
    """The result of a kind of np.unique, its values picked from x, so that they have a derivative."""
    plain = function(data_of(x), **options)
    values = plain[0] if isinstance(plain, tuple) else plain
    first = np.unique(data_of(x), return_index=True, axis=axis, equal_nan=equal_nan)[1]
    if axis is None:  # NumPy need not sort the values of unique_values
        first = first[np.argsort(np.argsort(values, kind="stable"))]
    values = np.take(x, first, axis=axis)
    if not isinstance(plain, tuple):
        return values
    return plain._replace(values=values) if hasattr(plain, "_replace") else (values, *plain[1:])


@primitive(
    numpy=np.unique,
    kind="composed",
    samples=[sample("5"), sample("3 4"), sample("3 4", axis=0), sample("2 3", axis=-1), sample(""), sample("0"),
             sample("4", equal_nan=False)],
    points=[point((np.array([3.0, 1.0, 3.0]),), (np.array([1.0, 1.0, 0.0]),), out=np.array([1.0, 3.0]))],
    errors=[error(("3",), axis=1, match="axis 1 is out of bounds", kind=ValueError)],
    source="each value is that of the first element which has it",
)  # fmt: skip
def unique(
    x, /, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True, sorted=True
):
    """The distinct elements in ascending order, or the distinct slices along axis; indices and counts are plain."""
    options = {"return_index": return_index, "return_inverse": return_inverse, "return_counts": return_counts}
    if not sorted:  # an option since NumPy 2.3
        options["sorted"] = False
    return _unique(partial(np.unique, axis=axis, equal_nan=equal_nan, **options), x, axis=axis, equal_nan=equal_nan)


@primitive(
    numpy=np.unique_values,
    kind="composed",
    samples=[sample("5"), sample("3 4")],
    points=[point((np.array([3.0, 1.0, 3.0]),), (np.array([1.0, 1.0, 0.0]),))],
    source="each value is that of the first element which has it",
)
def unique_values(x, /):
    """The distinct elements."""
    return _unique(np.unique_values, x)


for _function in (np.unique_all, np.unique_counts, np.unique_inverse):
    DISPATCH[_function] = partial(_unique, _function)
