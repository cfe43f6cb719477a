"""Picking elements: x[i], take, diagonal, where.

Picking copies some elements to new places, so its adjoint sends each cotangent back to the place its element came from,
and adds where an element was picked twice: `scatter_add`. Its own adjoint is picking again.
"""

from itertools import accumulate

import numpy as np

from autograd.data import as_array, as_dtype
from autograd.errors import ArgumentError, ShapeError
from autograd.ops.axes import lead, spread
from autograd.primitives import error, operand_name, point, primitive, sample
from autograd.value import DISPATCH, Value

__all__ = ["diag", "diagonal", "gathered", "getitem", "moves", "numbered", "plain_index", "scatter_add", "send_back",
           "take", "take_along_axis", "trace", "tril", "triu", "where"]  # fmt: skip

BASIC = (int, slice, type(None), type(...))  # what names no place twice


def plain_index(index):
    """The index itself; ArgumentError if it is, or holds, a Value, whose numbers are never integers."""
    if any(isinstance(part, Value) for part in (index if isinstance(index, (tuple, list)) else (index,))):
        raise ArgumentError(
            "an index cannot be a Value, which holds floats and would have no derivative: index with "
            "v.data.astype(int), or with a comparison such as v > 0, which is a plain mask"
        )
    return index


def _getitem_call(x, /, index):
    return (x,), {"index": index if type(index) in BASIC else plain_index(index)}


TWICE = np.array([0, 2, 0])
MASK = np.array([[True, False, True, False], [False, False, True, True], [False, False, False, False]])


@primitive(
    kind="linear",
    leading=True,
    symbol="[ ]",
    call=_getitem_call,
    samples=[
        sample("3 4", index=1), sample("5", index=-1), sample("3 4", index=slice(None, None, 2)), sample("", index=()),
        sample("3 4", index=(slice(1, None), 2)), sample("2 3 4", index=(..., 0)),
        sample("3 4", index=(None, 2, slice(3, 0, -1))),
        sample("3 4", index=TWICE, complex=True), sample("3 4", index=[1, 1]),
        sample("3 4", index=(TWICE, np.array([1, 3, 1]))),
        sample("3 4", index=(slice(None), TWICE)), sample("3 4", index=MASK), sample("3 4", index=MASK[:, 0]),
        sample("2 3 4", index=(slice(None), np.array([[0, 1], [2, 2]]), 3)), sample("3 4", index=slice(0, 0)),
        sample("", index=None), sample("4", index=np.array([], int)),
    ],
    points=[point((np.array([5.0, 6.0, 7.0]),), (np.array([2.0, 0.0, 1.0]),), index=TWICE)],
    errors=[
        error(("3",), index=3, match="index 3 is out of bounds for axis 0 with size 3", kind=IndexError),
        error(("3",), index=(0, 0), match="too many indices", kind=IndexError),
        error(("3",), index=Value(1.0), match="v.data.astype(int)", kind=ArgumentError),
        error(("3",), index=(0, Value(1.0)), match="v.data.astype(int)", kind=ArgumentError),
    ],
    source="linear: the adjoint of picking adds to where it picked",
)  # fmt: skip
def getitem(x, /, index):
    """Elements of x as NumPy indexes them, out = x[index]: integers, slices, …, None, integer arrays, boolean masks."""
    return (np.asarray(x) if type(x) is float else x)[index]


def _basic(index):
    """The parts of an index without arrays, which names no place twice; None for another."""
    parts = index if type(index) is tuple else (index,)
    return parts if all(type(part) in BASIC for part in parts) else None


def _getitem(g, out, x, index):
    if np.ndim(g) == np.ndim(out):
        return scatter_add(g, np.shape(x), index)
    extra = lead(g, out)
    if _basic(index) is None:
        return send_back(g, x, numbered(x)[index])
    return scatter_add(g, (*extra, *np.shape(x)), (*(slice(None),) * len(extra), *_basic(index)))


getitem.vjp(x=_getitem)


@primitive(
    kind="linear",
    leading=True,
    samples=[
        sample("3", shape=(3, 4), index=(slice(None), 1)), sample("3 4", shape=(3, 4), index=TWICE),
        sample("", shape=(3,), index=0), sample("2", shape=(3,), index=np.array([True, False, True])),
    ],
    points=[point((np.arange(3.0),), (np.ones(3),), out=np.array([2.0, 0.0, 1.0]), shape=(3,), index=TWICE)],
    source="linear: the adjoint of adding to places is picking from them",
)  # fmt: skip
def scatter_add(x, /, shape, index):
    """Zeros of `shape` with x added at index, as often as index names a place: the adjoint of x[index]."""
    out = np.zeros(shape, np.result_type(x))
    if _basic(index) is not None or (isinstance(index, np.ndarray) and index.dtype.kind == "b"):
        out[index] = x
    else:
        np.add.at(out, index, x)
    return out


def gathered(g, out, index):
    """Of a cotangent of out what is at an index of out; extra axes of g at the front stay there."""
    if np.ndim(g) == np.ndim(out):
        return getitem(g, index)
    return np.reshape(g, (*lead(g, out), np.size(out)))[..., numbered(out)[index]]


scatter_add.vjp(x=lambda g, out, x, shape, index: gathered(g, out, index))


def send_back(g, x, places):
    """The cotangent of x, when out[i] is the element of x that is number places[i] in C order."""
    return np.reshape(_sent(g, np.size(x), places), (*lead(g, places), *np.shape(x)))


def _sent(g, size, places):
    """A row of `size` zeros to which the elements of g are added at these places."""
    extra, where = lead(g, places), np.reshape(places, (-1,))
    return scatter_add(np.reshape(g, (*extra, np.size(places))), (*extra, size), (..., where) if extra else where)


def numbered(x):
    """Of the shape of x, each element's number in C order: what a picking op does to it says where elements went."""
    return np.reshape(np.arange(np.size(x)), np.shape(x))


def moves(op):
    """Give an op that only moves elements its rule: done to the elements' numbers, the op says where each one went.

    The operands are numbered one after another, from 1 on, so that elements of several may meet in one result and a 0
    that the op fills in is nobody's.
    """

    def rule(g, out, *operands, needed, **options):
        moved = [0 if operand_name(op, i) in op.constants else np.size(x) for i, x in enumerate(operands)]
        ends = list(accumulate(moved, initial=1))
        numbers = [x if operand_name(op, i) in op.constants else numbered(x) + ends[i] for i, x in enumerate(operands)]
        total = _sent(g, ends[-1], op.forward(*numbers, **options))
        return [
            np.reshape(total[..., start:end], (*lead(g, out), *np.shape(x))) if need else None
            for x, start, end, need in zip(operands, ends[:-1], ends[1:], needed, strict=True)
        ]

    op.leading = True
    if len(op.operands) > 1 or op.variadic:
        op.vjp_all(rule)
        return op
    return op.vjp(x=lambda g, out, x, **options: rule(g, out, x, needed=(True,), **options)[0])


def _along(axis, index, ndim):
    """An index that is `index` on this axis and everything on the axes before it."""
    return (slice(None),) * (axis % ndim) + (index,)


def _take(g, out, x, indices, axis=None):
    indices = as_dtype(indices, int)  # NumPy takes an empty list, too
    if axis is None or np.ndim(x) == 0:
        return send_back(g, x, indices)
    extra = lead(g, out)
    return scatter_add(g, (*extra, *np.shape(x)), (*(slice(None),) * len(extra), *_along(axis, indices, np.ndim(x))))


def _take_call(a, indices, axis=None, out=None, mode="raise"):
    if out is not None:
        raise ArgumentError("take has no option 'out' when it is differentiated; it has axis and mode")
    indices = plain_index(indices)
    length = np.size(a) if axis is None else np.shape(a)[axis]
    if mode != "raise":
        indices = np.clip(indices, 0, length - 1) if mode == "clip" else np.asarray(indices) % length
    return (a,), {"indices": indices, "axis": axis}


@primitive(
    numpy=np.take,
    kind="linear",
    leading=True,
    call=_take_call,
    samples=[
        sample("3 4", indices=TWICE), sample("3 4", indices=TWICE, axis=0),
        sample("3 4", indices=[[0, 1], [1, 1]], axis=-1),
        sample("3 4", indices=-1, axis=1), sample("2 3 4", indices=(2, 0), axis=1), sample("", indices=[0, 0]),
        sample("3", indices=[]), sample("0 2", indices=[], axis=0),
        sample("3 4", indices=[-1, 5, 2], axis=1, mode="clip"), sample("3 4", indices=[-1, 13], mode="wrap"),
    ],
    points=[point((np.array([5.0, 6.0, 7.0]),), (np.array([2.0, 0.0, 1.0]),), indices=TWICE)],
    errors=[
        error(("3",), indices=[0, 3], match="index 3 is out of bounds", kind=IndexError),
        error(("3",), indices=[0], out=np.zeros(1), match="'out'", kind=ArgumentError),
    ],
    source="linear: adjoint of picking",
)  # fmt: skip
def take(x, /, indices, axis=None):
    """x[indices] along an axis; of the flattened x without one."""
    return np.take(x, indices, axis=axis)


take.vjp(x=_take)


def _take_along_axis(g, out, x, indices, axis=-1):
    if axis is None or np.ndim(g) > np.ndim(out):
        return send_back(g, x, np.take_along_axis(numbered(x), as_array(indices), axis))
    index = list(np.ogrid[tuple(map(slice, np.shape(x)))])
    index[axis] = indices
    return scatter_add(g, np.shape(x), tuple(index))


@primitive(
    numpy=np.take_along_axis,
    kind="linear",
    leading=True,
    samples=[
        sample("3 4", indices=np.array([[0], [3], [1]]), axis=1),
        sample("3 4", indices=np.array([[0, 2, 1, 1]]), axis=0),
        sample("3 4", indices=np.array([[0, 0, 3], [1, 2, 1], [3, 3, 3]]), axis=-1),
        sample("3 4", indices=TWICE, axis=None),
    ],
    points=[point((np.array([5.0, 6.0, 7.0]),), (np.array([2.0, 0.0, 1.0]),), indices=TWICE, axis=0)],
    errors=[error(("3",), indices=np.array([0, 3]), match="index 3 is out of bounds", kind=IndexError, axis=0)],
    source="linear: adjoint of picking",
)  # fmt: skip
def take_along_axis(x, /, indices, axis=-1):
    """Along an axis, the elements that `indices` names row by row, as argsort or argmax give them."""
    return np.take_along_axis(x, indices, axis=axis)


take_along_axis.vjp(x=_take_along_axis)


@primitive(
    numpy=np.where,
    kind="elementwise",
    samples=[
        sample(MASK, "3 4", "3 4", complex=True), sample(MASK, "4", ""), sample(MASK[:1], "3 1", "3 4"),
        sample(True, "", ""),
        sample(MASK, "3 4", 0.0), sample(MASK, 1.0, "4"),
    ],
    points=[point((np.array([True, False]), np.array([1.0, np.inf]), np.array([np.nan, 2.0])),
                  (None, np.array([1.0, 0.0]), np.array([0.0, 1.0])))],
    errors=[error((MASK, "3 4", "3"), match="(3, 4)", kind=ShapeError)],
    source="linear in x and y; 0 and not 0 · g for the one left out, so that its NaN stays there",
)  # fmt: skip
def where(condition, x, y, /):
    """x where the condition holds, else y; the other one gets a cotangent of exactly 0."""
    return np.where(condition, x, y)[()]


where.vjp(
    x=lambda g, out, condition, x, y: np.where(condition, g, 0.0),
    y=lambda g, out, condition, x, y: np.where(condition, 0.0, g),
)
where.constant("condition")


def _where_or_nonzero(condition, *branches):
    return where(condition, *branches) if branches else DISPATCH[np.nonzero](condition)


DISPATCH[np.where] = _where_or_nonzero


@moves
@primitive(
    numpy=np.diagonal,
    kind="linear",
    samples=[sample("3 4"), sample("3 4", offset=1), sample("2 3 3", offset=-1, axis1=1, axis2=2), sample("2 3 3")],
    points=[point((np.ones((2, 3)),), (np.eye(2, 3),), out=np.ones(2))],
    errors=[error(("3",), match="(3,)", kind=ShapeError)],
    source="linear: adjoint of picking",
)
def diagonal(x, /, offset=0, axis1=0, axis2=1):
    """The elements x[i, i + offset] of two axes, which become the last one."""
    return np.diagonal(x, offset, axis1, axis2)


def _trace(g, out, x, **options):
    places = np.diagonal(numbered(x), **options)
    return send_back(spread(np.expand_dims(g, -1), np.shape(places)), x, places)


@primitive(
    numpy=np.trace,
    kind="linear",
    leading=True,
    samples=[sample("3 4"), sample("3 3", offset=-1), sample("2 3 3", axis1=1, axis2=-1)],
    points=[point((np.ones((2, 3)),), (np.eye(2, 3),), out=2.0)],
    errors=[error(("3",), match="(3,)", kind=ShapeError)],
    source="linear; Petersen and Pedersen, The Matrix Cookbook: ∂ Tr X / ∂X = I",
)
def trace(x, /, offset=0, axis1=0, axis2=1):
    """Sum of a diagonal, out = Σ x[i, i + offset]."""
    return np.trace(x, offset, axis1, axis2)


trace.vjp(x=_trace)


@primitive(
    numpy=np.diag,
    kind="linear",
    leading=True,
    samples=[sample("3"), sample("3", k=-1), sample("3 4"), sample("3 4", k=1)],
    points=[point((np.array([2.0, 3.0]),), (np.ones(2),), out=np.array([[2.0, 0.0], [0.0, 3.0]]))],
    source="linear: adjoint of picking",
)
def diag(x, /, k=0):
    """A vector on the k-th diagonal of a square matrix of zeros, or the k-th diagonal of a matrix."""
    return np.diag(x, k)


def _diag(g, out, x, k=0):
    return np.diagonal(g, k, -2, -1) if np.ndim(x) == 1 else send_back(g, x, np.diag(numbered(x), k))


diag.vjp(x=_diag)


@primitive(
    numpy=np.tril,
    kind="linear",
    leading=True,
    samples=[sample("3 4"), sample("2 3 3", k=-1), sample("3 3", k=1), sample("3", complex=True), sample("2", k=-1)],
    points=[point((np.ones((2, 2)),), (np.array([[1.0, 0.0], [1.0, 1.0]]),), out=np.array([[1.0, 0.0], [1.0, 1.0]]))],
    source="linear: a projection is its own adjoint",
)
def tril(x, /, k=0):
    """The lower triangle of the last two axes, up to the k-th diagonal; 0 above it. A vector is each row of a square."""
    return np.tril(x, k)


def _kept(triangle):
    """The rule of tril or triu: the same part of g. A vector was first repeated to a square: its rows are added up."""

    def rule(g, out, x, k=0):
        g = triangle(g, k)
        return np.sum(g, axis=-2) if np.ndim(x) == 1 else g

    return rule


tril.vjp(x=_kept(np.tril))


@primitive(
    numpy=np.triu,
    kind="linear",
    leading=True,
    samples=[sample("3 4"), sample("2 3 3", k=-1), sample("3 3", k=1), sample("3", complex=True), sample("2", k=-1)],
    points=[point((np.ones((2, 2)),), (np.array([[1.0, 1.0], [0.0, 1.0]]),), out=np.array([[1.0, 1.0], [0.0, 1.0]]))],
    source="linear: a projection is its own adjoint",
)
def triu(x, /, k=0):
    """The upper triangle of the last two axes, from the k-th diagonal; 0 below it. A vector is each row of a square."""
    return np.triu(x, k)


triu.vjp(x=_kept(np.triu))
