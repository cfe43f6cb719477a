"""Reductions: many numbers become fewer. Sum, mean, product, extremes, running sum.

`axis`, `keepdims`, `where` (a mask: what it leaves out does not count) and `initial` (one more element, a plain number)
are NumPy's. A rule first puts the reduced axes back as axes of length 1 (`restored`), so that a cotangent broadcasts
against the operand, and gives 0, not 0 · x, to what a mask leaves out, which may be NaN.
"""

import math

import numpy as np

from autograd.data import as_dtype
from autograd.errors import ArgumentError
from autograd.ops.arithmetic import UNSET, astype
from autograd.ops.axes import from_the_end, lead, like, restored, spread
from autograd.primitives import error, point, primitive, sample
from autograd.value import Value

__all__ = ["cumsum", "max", "mean", "min", "prod", "sum"]

AXES = [
    sample("3 4"), sample("3 4", axis=0), sample("3 4", axis=1, keepdims=True, complex=True),
    sample("2 3 4", axis=(0, -1)),
    sample("2 3 4", axis=-2), sample("2 3", keepdims=True), sample("2 3", axis=()), sample(""), sample("3 1", axis=1),
]  # fmt: skip
EMPTY = [sample("3 0"), sample("3 0", axis=1)]
BAD_AXIS = error(("3",), axis=1, match="axis 1 is out of bounds")
NO_DTYPE = error(("3",), dtype=np.float32, match="no option 'dtype'", kind=ArgumentError)
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
HOLES = np.array([[1.0, np.nan, 3.0], [np.inf, 2.0, 2.0]])
MASK = np.array([[True, False, True, False], [False, False, True, True], [False, True, False, True]])
PRESENT = np.array([[True, False, True], [False, True, True]])
MASKED = [sample("3 4", where=MASK, complex=True), sample("3 4", where=MASK, axis=1), sample("2 3 4", where=MASK, axis=-1),
          sample("3 4", where=MASK[0], axis=(0, 1), keepdims=True), sample("", where=True)]  # fmt: skip
VALUE_MASK = error(("2 3",), where=Value(np.ones(3)), match="cannot be a Value", kind=ArgumentError)
VALUE_START = error(("2 3",), initial=Value(1.0), match="cannot be a Value", kind=ArgumentError)


def plain(option):
    """An option as it is; ArgumentError for a Value, whose derivative would be lost without a word."""
    if isinstance(option, Value):
        raise ArgumentError(
            "where= and initial= cannot be a Value, they have no derivative: a mask is a comparison such as v > 0, and a "
            "start value that counts is combined with the result, as in np.sum(x) + v or np.maximum(np.max(x), v)"
        )
    return option


def masked(x, where):
    """x where the mask holds, and 0 elsewhere."""
    return x if where is True else np.where(where, x, 0.0)


def counted(x, axis, where):
    """How many elements of x, in its precision, take part in each result; broadcasts against x."""
    count = np.sum(np.broadcast_to(as_dtype(where, bool), np.shape(x)), axis=axis, keepdims=True)
    return count.astype(np.finfo(np.result_type(x)).dtype)


def _sum(g, out, x, axis=None, keepdims=False, initial=UNSET, where=True):
    return masked(spread(restored(g, x, axis, keepdims), np.shape(x)), where)


@primitive(
    numpy=np.sum,
    kind="linear",
    leading=True,
    symbol="Σ",
    samples=[*AXES, *EMPTY, sample("0 3", axis=1), *MASKED, sample("3 4", axis=0, initial=2.5),
             sample("3 4", axis=1, where=MASK, initial=-1.0, keepdims=True)],
    points=[
        point((TIES,), (np.ones((2, 3)),), out=np.array([7.0, 6.0]), axis=1),
        point((HOLES,), (1.0 * PRESENT,), out=np.array([4.5, 4.5]), axis=1, where=PRESENT, initial=0.5),
    ],
    errors=[BAD_AXIS, NO_DTYPE, VALUE_MASK, VALUE_START],
    source="linear: the rule is the transpose of the map",
)  # fmt: skip
def sum(x, /, axis=None, *, keepdims=False, initial=UNSET, where=True):
    """Sum over axis (all axes by default): every element's slope is 1."""
    if where is True and initial is UNSET:
        return np.add.reduce(x, axis=axis, keepdims=keepdims)  # np.sum without its 0.8 µs of Python
    return np.add.reduce(x, axis=axis, keepdims=keepdims, initial=plain(initial), where=plain(where))


def _sum_tangent(t, out, x, axis=None, keepdims=False, initial=UNSET, where=True):
    return np.sum(t, axis=axis, keepdims=keepdims, where=where)  # `initial` does not move


sum.vjp(x=_sum).jvp(x=_sum_tangent)


def _mean(g, out, x, axis=None, keepdims=False, where=True):
    if where is not True:
        share = restored(g, x, axis, keepdims) / np.maximum(counted(x, axis, where), 1.0)
        return np.where(where, spread(share, np.shape(x)), 0.0)
    share = g / (np.size(x) / np.size(out)) if np.size(out) else g
    return spread(restored(share, x, axis, keepdims), np.shape(x))


@primitive(
    numpy=np.mean,
    kind="linear",
    leading=True,
    samples=[*AXES, sample("0 3", axis=1), *MASKED],
    points=[
        point((TIES,), (np.full((2, 3), 0.5),), out=np.array([1.5, 2.5, 2.5]), axis=0),
        point((HOLES,), (0.5 * PRESENT,), out=np.array([2.0, 2.0]), axis=1, where=PRESENT),
    ],
    errors=[BAD_AXIS, NO_DTYPE, VALUE_MASK],
    source="linear: the rule is the transpose of the map",
)
def mean(x, /, axis=None, *, keepdims=False, where=True):
    """Mean over axis: every element's slope is 1 / n."""
    if type(x) is not np.ndarray or x.dtype.kind != "f" or x.dtype.itemsize < 4 or not x.size or where is not True:
        return np.mean(x, axis=axis, keepdims=keepdims, where=plain(where))
    total = np.add.reduce(x, axis=axis, keepdims=keepdims)  # what np.mean does, without its 2 µs of Python
    return total / total.dtype.type(x.size / total.size)


mean.vjp(x=_mean)


def _products_of_others(g, x):
    """g[…, None] · Π of all elements of the last axis of x but this one, without dividing, so that zeros are harmless.

    Up a binary tree, each node the product of its two children; down again, each child gets what its parent has from
    outside times its sibling: O(n) multiplications in log n steps.
    """
    levels = []
    while np.shape(x)[-1] > 1:
        length = np.shape(x)[-1]
        if length % 2:
            x = np.concatenate([x, np.ones_like(x[..., :1])], axis=-1)
        pairs = np.reshape(x, (*np.shape(x)[:-1], (length + 1) // 2, 2))
        levels.append((pairs, length))
        x = pairs[..., 0] * pairs[..., 1]
    outside = spread(np.expand_dims(g, -1), np.shape(x))
    for pairs, length in reversed(levels):
        children = np.expand_dims(outside, -1) * np.flip(pairs, -1)
        outside = np.reshape(children, (*np.shape(outside)[:-1], 2 * np.shape(pairs)[-2]))[..., :length]
    return outside


def _prod(g, out, x, axis=None, keepdims=False, initial=UNSET, where=True):
    shape = np.shape(x)
    ndim, extra = len(shape), lead(g, out)
    if initial is not UNSET:
        g = g * np.asarray(initial, np.result_type(out))[()]
    if ndim == 0:
        return masked(g * 1.0, where)
    if where is not True:
        x = np.where(where, x, 1.0)
    if axis is None:
        axis = tuple(range(ndim))
    reduced = [a % ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    kept = [a for a in range(ndim) if a not in reduced]
    order = kept + reduced
    outer = tuple(shape[a] for a in kept)
    rows = np.reshape(np.transpose(x, order), (*outer, math.prod(shape[a] for a in reduced)))
    slopes = _products_of_others(np.reshape(g, (*extra, *outer)), rows)
    slopes = np.reshape(slopes, (*extra, *(shape[a] for a in order)))
    return masked(np.moveaxis(slopes, range(-ndim, 0), [a - ndim for a in order]), where)


@primitive(
    numpy=np.prod,
    symbol="Π",
    leading=True,
    samples=[*AXES, *EMPTY, sample("0 3", axis=1), sample("7"), sample(np.array([2.0, 0.0, 3.0])),
             sample(np.array([[0.0, 0.0, 3.0], [0.0, 4.0, 5.0]]), axis=1), sample(np.zeros(3)), *MASKED,
             sample("3 4", axis=0, initial=2.5), sample("3 4", axis=1, where=MASK, initial=-1.5, keepdims=True),
             sample(np.array([[0.0, 0.0, 3.0], [0.0, 4.0, 0.0]]), axis=1, where=PRESENT)],
    points=[
        point((np.array([2.0, 0.0, 3.0]),), (np.array([0.0, 6.0, 0.0]),)),
        point((np.array([2.0, 0.0, 0.0]),), (np.array([0.0, 0.0, 0.0]),)),
        point((HOLES,), (np.array([[6.0, 0.0, 2.0], [0.0, 4.0, 4.0]]),), axis=1, where=PRESENT, initial=2.0),
    ],
    errors=[BAD_AXIS, NO_DTYPE, VALUE_MASK, VALUE_START],
    source="product rule",
)  # fmt: skip
def prod(x, /, axis=None, *, keepdims=False, initial=UNSET, where=True):
    """Product over axis; an element's slope is the product of the others, also where elements are 0."""
    return np.multiply.reduce(x, axis=axis, keepdims=keepdims, initial=plain(initial), where=plain(where))


prod.vjp(x=_prod)


def _shared(g, out, x, axis=None, keepdims=False, initial=UNSET, where=True):
    """g to the elements that equal the result, in equal shares; NaN counts as equal, so that it stays visible.

    A tie with `initial`, which does not move, has slopes 0 to 1: all elements get 0.
    """
    peak = restored(out, x, axis, keepdims)
    ties = (x == peak) | (x != x)
    if where is not True:
        ties = ties & as_dtype(where, bool)
    if initial is not UNSET:
        ties = ties & (peak != initial)
    ties = astype(ties, np.result_type(x))
    count = np.sum(ties, axis=axis, keepdims=True)
    if initial is not UNSET or where is not True:
        count = np.where(count == 0.0, 1.0, count)
    return masked(restored(g, x, axis, keepdims) * (ties / count), where)


EXTREMES = [
    *AXES, sample("0 3", axis=1), sample("3 4", axis=0, initial=0.0), sample("3 0", axis=1, initial=0.0),
    sample("3 4", axis=1, where=MASK, initial=0.1, keepdims=True, complex=True),
]  # fmt: skip


@primitive(
    numpy=(np.max, np.amax),
    leading=True,
    samples=[*EXTREMES, sample("3 4", where=MASK, initial=-3.0)],
    points=[
        point((TIES,), (np.array([[0.0, 0.5, 0.5], [0.0, 0.0, 0.0]]),)),
        point((TIES,), (np.array([[0.0, 0.5, 0.5], [1.0 / 3.0] * 3]),), axis=1),
        point((HOLES,), (np.array([[0.0, 0.0, 1.0], [0.0, 0.5, 0.5]]),), axis=1, where=PRESENT, initial=-np.inf),
        point((TIES,), (np.array([[0.0, 0.5, 0.5], [0.0, 0.0, 0.0]]),), axis=1, initial=2.0),
    ],
    errors=[BAD_AXIS, error(("0",), match="zero-size"), VALUE_MASK, VALUE_START],
    kink="equal elements share equally",
    source="ties share equally, the minimum-norm subgradient",
)
def max(x, /, axis=None, *, keepdims=False, initial=UNSET, where=True):
    """Largest element over axis; its slope is 1, shared equally among ties."""
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims, initial=plain(initial), where=plain(where))


max.vjp(x=_shared)


@primitive(
    numpy=(np.min, np.amin),
    leading=True,
    samples=[*EXTREMES, sample("3 4", where=MASK, initial=np.inf, axis=-1)],
    points=[
        point((TIES,), (np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]),), axis=0),
        point((HOLES,), (np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),), axis=1, where=PRESENT, initial=2.0),
    ],
    errors=[BAD_AXIS, error(("0",), match="zero-size"), VALUE_MASK, VALUE_START],
    kink="equal elements share equally",
    source="ties share equally, the minimum-norm subgradient",
)
def min(x, /, axis=None, *, keepdims=False, initial=UNSET, where=True):
    """Smallest element over axis; its slope is 1, shared equally among ties."""
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims, initial=plain(initial), where=plain(where))


min.vjp(x=_shared)


def _cumsum(g, out, x, axis=None):
    axis = -1 if axis is None else from_the_end(axis, out)
    return like(np.flip(np.cumsum(np.flip(g, axis), axis), axis), out, x)


@primitive(
    numpy=np.cumsum,
    kind="linear",
    leading=True,
    samples=[
        sample("5"),
        sample("3 4", complex=True),
        sample("3 4", axis=0),
        sample("2 3 4", axis=-2),
        sample(""),
        sample("0"),
    ],
    points=[point((np.array([1.0, 2.0, 3.0]),), (np.array([3.0, 2.0, 1.0]),), out=np.array([1.0, 3.0, 6.0]))],
    errors=[BAD_AXIS, NO_DTYPE],
    source="linear: the rule is the transpose of the map",
)
def cumsum(x, /, axis=None):
    """Running sum along axis, of the flattened x without one; its adjoint runs from the other end."""
    return np.cumsum(x, axis=axis)


cumsum.vjp(x=_cumsum)
