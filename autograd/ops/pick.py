"""Moving data: the same numbers at other places. All linear.

Done to the numbers of the elements instead of the elements, each function here says itself where every element went:
that is the whole rule (`moves`). Where NumPy's own function is made of simpler ones, the op is composed of these.
"""

import numpy as np

from autograd.data import as_array, as_dtype, holds
from autograd.errors import ArgumentError
from autograd.ops.assign import setitem
from autograd.ops.index import MASK, moves, plain_index
from autograd.primitives import error, point, primitive, sample
from autograd.value import DISPATCH, Value

__all__ = ["choose", "compress", "delete", "diagflat", "extract", "fliplr", "flipud", "in_pieces", "insert",
           "resized", "rollaxis", "rot90", "select", "trim_zeros"]  # fmt: skip

PAIR, ROW = np.array([2.0, 3.0]), np.array([[2.0, 3.0]])
EDGED, CORNERED = np.array([0.0, 1.0, 0.0, 2.0, 0.0]), np.array([[0.0, 0.0, 1.0], [0.0, 2.0, 0.0], [0.0] * 3])
PICKING = "linear: adjoint of picking"


@moves
@primitive(
    numpy=np.rot90,
    kind="linear",
    samples=[sample("2 3", complex=True), sample("2 3", k=-1), sample("2 3 4", k=2, axes=(0, -1)), sample("2 3", k=4),
             sample("2 3 4", k=3, axes=(2, 1))],
    points=[point((ROW,), (np.ones((1, 2)),), out=np.array([[3.0], [2.0]]))],
    errors=[error(("3",), match="(3,)")],
    source="linear: the adjoint is the rotation undone",
)  # fmt: skip
def rot90(x, /, k=1, axes=(0, 1)):
    """A quarter turn from the first of two axes to the second, k times."""
    return np.rot90(x, k, axes)


@moves
@primitive(
    numpy=np.resize,
    kind="linear",
    samples=[sample("3", new_shape=(2, 4)), sample("2 3", new_shape=4, complex=True), sample("", new_shape=3),
             sample("2", new_shape=(0, 2)), sample("0", new_shape=3)],
    points=[point((PAIR,), (np.array([2.0, 1.0]),), out=np.array([2.0, 3.0, 2.0]), new_shape=3)],
    errors=[error(("3",), new_shape=(-1,), match="non-negative")],
    source=PICKING,
)  # fmt: skip
def resized(x, /, new_shape):
    """np.resize: the elements of x over and over until an array of the new shape is full."""
    return np.resize(x, new_shape)


@moves
@primitive(
    numpy=np.delete,
    kind="linear",
    call=lambda arr, obj, axis=None: ((arr,), {"obj": plain_index(obj), "axis": axis}),
    samples=[sample("5", obj=1), sample("3 4", obj=[0, -1], axis=1), sample("3 4", obj=slice(None, None, 2), axis=0),
             sample("3 4", obj=[3, 3, 5]), sample("3", obj=np.array([True, False, True])), sample("3", obj=[]),
             sample("0", obj=[])],
    points=[point((np.array([2.0, 3.0, 4.0]),), (np.array([1.0, 0.0, 1.0]),), out=np.array([2.0, 4.0]), obj=1)],
    errors=[error(("3",), obj=3, match="index 3 is out of bounds for axis 0 with size 3", kind=IndexError)],
    source=PICKING,
)  # fmt: skip
def delete(x, /, obj, axis=None):
    """x without what an integer, slice, mask or list of integers names along an axis; flattened without one."""
    return np.delete(x, obj, axis)


@moves
@primitive(
    numpy=np.insert,
    kind="linear",
    call=lambda arr, obj, values, axis=None: ((arr, plain_index(obj), values), {} if axis is None else {"axis": axis}),
    samples=[sample("3", 1, ""), sample("2 3", 1, "2", axis=1), sample("2 3", [0, 2], "2 2", axis=1, complex=True),
             sample("2 3", [1], "2 1", axis=1), sample("3", [1, 1, 3], "3"), sample("3 2", slice(0, 2), "2 2", axis=0),
             sample("2 3", [0, 5], ""), sample("3", -1, 7.0), sample(np.zeros(3), 1, "2"), sample("2 2", 1, "3 2", axis=1)],
    points=[point((PAIR, 1, 5.0), (np.ones(2), None, 1.0), out=np.array([2.0, 5.0, 3.0]))],
    errors=[error(("3", 4, ""), match="index 4 is out of bounds for axis 0 with size 3", kind=IndexError),
            error((np.arange(3), 0, "1"), match="whole numbers", kind=ArgumentError)],
    source=PICKING,
)  # fmt: skip
def insert(x, obj, values, /, axis=None):
    """x with values before what an integer, slice or list of integers names along an axis; flattened without one."""
    if np.result_type(x).kind in "biu" and np.result_type(values).kind in "fc":
        raise ArgumentError("insert: NumPy would cut the values to whole numbers; make x an array of floats first")
    return np.insert(x, obj, values, axis)


insert.constant("obj")


@moves
@primitive(
    numpy=np.diagflat,
    kind="linear",
    samples=[sample("3"), sample("2 2", k=1), sample("3", k=-2), sample("")],
    points=[point((PAIR,), (np.ones(2),), out=np.diag(PAIR))],
    source=PICKING,
)
def diagflat(x, /, k=0):
    """All elements of x on the k-th diagonal of a square matrix of zeros."""
    return np.diagflat(x, k)


@moves
@primitive(
    kind="linear",
    samples=[sample("3 4", condition=[True, False, True], axis=0), sample("3 4", condition=MASK[1]),
             sample("3 4", condition=[False, True], axis=-1, complex=True)],
    points=[point((PAIR,), (np.array([0.0, 1.0]),), out=np.array([3.0]), condition=[False, True])],
    errors=[error(("2",), condition=[True] * 3, match="out of bounds", kind=IndexError)],
    method=True,
    source=PICKING,
)  # fmt: skip
def compress(x, /, condition, axis=None):
    """The slices along an axis where a row of conditions holds; of the flattened x without one."""
    return np.compress(condition, x, axis)


def _compress(condition, a, axis=None, out=None):
    if out is not None:
        raise ArgumentError("compress has no option 'out' when it is differentiated; it has axis")
    return compress(a, plain_index(condition), axis)


DISPATCH[np.compress] = _compress


@moves
@primitive(
    numpy=np.extract,
    kind="linear",
    call=lambda condition, arr: ((plain_index(condition), arr), {}),
    samples=[sample(MASK, "3 4"), sample(MASK[0, :2], "2")],
    points=[point((np.array([False, True]), PAIR), (None, np.array([0.0, 1.0])), out=np.array([3.0]))],
    source=PICKING,
)
def extract(condition, x, /):
    """The elements where the condition holds, in one row: x[condition] for conditions of x's shape."""
    return np.extract(condition, x)


extract.constant("condition")


@primitive(
    numpy=np.trim_zeros,
    kind="composed",
    samples=[sample("3"), sample("2 3", axis=1)],
    points=[
        point((EDGED,), (np.array([0.0, 1.0, 1.0, 1.0, 0.0]),), out=EDGED[1:4]),
        point((EDGED,), (np.array([0.0, 1.0, 1.0, 1.0, 1.0]),), out=EDGED[1:], trim="F"),
        point((EDGED,), (np.array([1.0, 1.0, 1.0, 1.0, 0.0]),), out=EDGED[:4], trim="b"),
        point((np.zeros(2),), (np.zeros(2),), out=np.zeros(0)),
        point((CORNERED,), (np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0] * 3]),), out=CORNERED[:2, 1:]),
        point((CORNERED,), (np.array([[0.0, 1.0, 1.0]] * 3),), out=CORNERED[:, 1:], axis=-1),
    ],
    errors=[error(("3",), trim="x", match="trim", kind=ValueError)],
    source="composed of indexing: a zero at the edge is cut off and has no derivative",
)  # fmt: skip
def trim_zeros(x, /, trim="fb", axis=None):
    """x without the zeros at its front and back."""
    filled = np.zeros(np.shape(x), bool)
    filled[np.nonzero(x)] = True
    rows = np.trim_zeros(filled, trim, axis)
    if not rows.size:
        return x[tuple(slice(length) for length in np.shape(rows))]
    starts = np.argwhere(filled).min(axis=0) if "f" in trim.lower() else np.zeros(np.ndim(x), int)
    axes = range(np.ndim(x)) if axis is None else {a % np.ndim(x) for a in np.atleast_1d(axis).tolist()}
    starts = [int(start) if a in axes else 0 for a, start in enumerate(starts)]
    return x[tuple(slice(start, start + length) for start, length in zip(starts, np.shape(rows), strict=True))]


@primitive(
    numpy=np.select,
    kind="composed",
    samples=[sample(np.array([MASK, ~MASK]), "2 3 4"), sample(MASK[:2], "2 4", default=-1.0),
             sample(MASK[None], "1 4", complex=True)],
    points=[point((np.array([[True, False, False], [True, True, False]]), np.array([[1.0] * 3, [2.0] * 3])),
                  (None, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])), out=np.array([1.0, 2.0, 0.0]))],
    errors=[error((MASK[:1], "2 4"), match="same length", kind=ArgumentError),
            error((np.ones((1, 4), int), "1 4"), match="boolean", kind=ArgumentError)],
    source="composed of where",
)  # fmt: skip
def select(condlist, choicelist, /, default=0):
    """Of several arrays, at each place the first one whose condition holds; default where none does."""
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ArgumentError("select: conditions and choices are lists of the same length, at least 1")
    if any(as_array(condition).dtype != bool for condition in condlist):
        raise ArgumentError("select: conditions are boolean arrays, such as v > 0")
    out = default
    for condition, choice in zip(condlist[::-1], [*choicelist][::-1], strict=True):
        out = np.where(condition, choice, out)
    return out


@primitive(
    numpy=np.choose,
    kind="composed",
    method=False,
    call=lambda a, choices, out=None, mode="raise": ((a, choices), {"out": out, "mode": mode}),
    samples=[sample(np.array([0, 1, 1, 0]), "2 4"), sample(np.array([[2, -1, 5]]), "3 2 1", mode="clip"),
             sample(np.array([2, -1, 5]), "3 1", mode="wrap", complex=True)],
    points=[point((np.array([1, 0, 1]), PAIR), (None, np.array([1.0, 2.0])), out=np.array([3.0, 2.0, 3.0]))],
    errors=[error((np.array([2]), "2 1"), match="index 2 is out of bounds", kind=IndexError),
            error((Value(1.0), "2 1"), match="v.data.astype(int)", kind=ArgumentError)],
    source="composed of stack and take_along_axis",
)  # fmt: skip
def choose(a, choices, /, out=None, mode="raise"):
    """At each place the element of choices[a] there, all broadcast: an integer array chooses among arrays."""
    if out is not None:
        raise ArgumentError("choose has no option 'out' when it is differentiated; it has mode")
    a = as_array(plain_index(a))
    n = len(choices)
    if mode != "raise":
        a = np.clip(a, 0, n - 1) if mode == "clip" else a % n
    a, *choices = np.broadcast_arrays(a, *choices)
    if holds(a < 0):
        raise IndexError("choose: a negative index is out of bounds; mode='wrap' takes it from the end")
    return np.take_along_axis(np.stack(choices), a[None], axis=0)[0]


def _piecewise_call(x, condlist, funclist, *args, **kw):
    return (x,), {"condlist": condlist, "funclist": funclist, "args": args, **kw}


@primitive(
    numpy=np.piecewise,
    kind="composed",
    call=_piecewise_call,
    samples=[sample("4", condlist=[MASK[0], ~MASK[0]], funclist=[np.sin, 2.0]),
             sample("4", condlist=[MASK[0]], funclist=[np.exp, lambda x: x * x]),
             sample("3 4", condlist=[MASK, MASK[:, ::-1]], funclist=[1.0, np.exp], complex=True),
             sample("4", condlist=MASK[1], funclist=[lambda x, n=2: x**n], n=3)],
    points=[point((np.array([-1.0, 2.0]),), (np.array([0.0, 4.0]),), condlist=[np.array([False, True])],
                  funclist=[np.square])],
    errors=[error(("2",), condlist=[[True, False]], funclist=[1.0] * 3, match="1 or 2 functions", kind=ArgumentError)],
    source="composed of the functions, each of the elements where its condition holds",
)  # fmt: skip
def in_pieces(x, /, condlist, funclist, args=(), **kw):
    """np.piecewise: at each place the last of several functions or numbers whose condition holds.

    One function more than there are conditions is for where none holds.
    """
    if not np.ndim(x) or np.ndim(condlist[0]) == 0:
        condlist = [condlist] if np.ndim(x) or np.ndim(condlist) == 0 else condlist
    condlist = [as_dtype(plain_index(condition), bool) for condition in condlist]
    if len(funclist) == len(condlist) + 1:
        condlist.append(~np.any(condlist, axis=0))
    elif len(funclist) != len(condlist):
        n = len(condlist)
        raise ArgumentError(f"piecewise: {n} conditions need {n} or {n + 1} functions, got {len(funclist)}")
    out = np.zeros_like(x)
    for condition, function in zip(condlist, funclist, strict=True):
        if not callable(function):
            out = setitem(out, function, index=condition)
        elif condition.any():
            out = setitem(out, function(x[condition], *args, **kw), index=condition)
    return out


@primitive(
    numpy=np.rollaxis,
    kind="composed",
    samples=[sample("2 3 4", axis=2), sample("2 3 4", axis=0, start=3), sample("2 3 4", axis=-1, start=-2),
             sample("2 3", axis=1, start=1)],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW.T, axis=1)],
    errors=[error(("3",), axis=1, match="axis 1 is out of bounds", kind=ValueError)],
    source="composed of moveaxis",
)  # fmt: skip
def rollaxis(x, /, axis, start=0):
    """An axis moved back until it lies before the axis `start`; np.moveaxis says the same more simply."""
    before = np.moveaxis(np.empty((0,) * np.ndim(x)), axis, 0).ndim  # what NumPy says of a wrong axis
    axis, start = axis % before, start + before if start < 0 else start
    return np.moveaxis(x, axis, start - 1 if axis < start else start)


@primitive(
    numpy=np.fliplr,
    kind="composed",
    samples=[sample("2 3"), sample("2 3 2")],
    points=[point((ROW,), (np.ones((1, 2)),), out=np.array([[3.0, 2.0]]))],
    errors=[error(("3",), match="axis 1 is out of bounds", kind=ValueError)],
    source="composed of flip",
)
def fliplr(x, /):
    """Elements in reverse order along axis 1."""
    return np.flip(x, 1)


@primitive(
    numpy=np.flipud,
    kind="composed",
    samples=[sample("2 3"), sample("4")],
    points=[point((ROW.T,), (np.ones((2, 1)),), out=np.array([[3.0], [2.0]]))],
    errors=[error(("",), match="axis 0 is out of bounds", kind=ValueError)],
    source="composed of flip",
)
def flipud(x, /):
    """Elements in reverse order along axis 0."""
    return np.flip(x, 0)
