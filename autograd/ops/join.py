"""Joining arrays, taking them apart, repeating them: concatenate, stack, block, split, repeat, tile. All linear.

The cotangent of a joined array is cut into the pieces it was made of; that of a split one is joined again. Where
elements were copied to several places, `moves` adds up what comes from them.
"""

import numpy as np

from autograd.data import Traced
from autograd.errors import ArgumentError, ShapeError
from autograd.ops.axes import from_the_end, lead
from autograd.ops.index import moves
from autograd.primitives import error, point, primitive, sample

__all__ = ["append", "array_split", "block", "column_stack", "concatenate", "dsplit", "dstack", "hsplit", "hstack",
           "repeat", "split", "stack", "tile", "unstack", "vsplit", "vstack"]  # fmt: skip


def _join_call(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    if out is not None or dtype is not None:
        raise ArgumentError("joining arrays that are differentiated has no options 'out' and 'dtype'; it has axis")
    return tuple(arrays), {"axis": axis}


def _pieces(g, out, arrays, lengths, needed, axis):
    """g cut along an axis of out into these lengths, each piece in the shape of the array that it came from."""
    after = (slice(None),) * (-1 - from_the_end(axis, out))
    start, pieces, extra = 0, [], lead(g, out)
    for x, length, need in zip(arrays, lengths, needed, strict=True):
        piece = g[(..., slice(start, start + length), *after)] if need else None
        pieces.append(np.reshape(piece, (*extra, *np.shape(x))) if need else None)
        start += length
    return pieces


def _concatenate(g, out, *arrays, needed, axis=0):
    lengths = [np.size(x) if axis is None else np.shape(x)[axis] for x in arrays]
    return _pieces(g, out, arrays, lengths, needed, 0 if axis is None else axis)


@primitive(
    numpy=np.concatenate,
    kind="linear",
    leading=True,
    call=_join_call,
    samples=[
        sample("2 3", "1 3"), sample("2 3", "2 1", "2 0", axis=-1), sample("2 3", "4", axis=None), sample("3"),
        sample(np.ones((2, 1)), "2 2", axis=1),
    ],
    points=[point((np.ones(2), np.zeros(1)), (np.ones(2), np.ones(1)), out=np.array([1.0, 1.0, 0.0]))],
    errors=[error(("2 3", "2 4"), match="(2, 4)"),
    error(("2", "2"), dtype=np.float32, match="'dtype'", kind=ArgumentError)],
    source="linear: the adjoint of joining is cutting",
)  # fmt: skip
def concatenate(*arrays, axis=0):
    """Arrays one after another along an existing axis; with axis=None, their elements."""
    return np.concatenate(arrays, axis=axis)


concatenate.vjp_all(_concatenate)


@primitive(
    numpy=np.stack,
    kind="linear",
    leading=True,
    call=_join_call,
    samples=[
        sample("2 3", "2 3", complex=True),
        sample("2 3", "2 3", "2 3", axis=-1),
        sample("2 3", "2 3", axis=1),
        sample("", "", ""),
    ],
    points=[point((1.0, 2.0), (1.0, 1.0), out=np.array([1.0, 2.0]))],
    errors=[error(("2 3", "2 4"), match="(2, 4)")],
    source="linear: the adjoint of joining is cutting",
)
def stack(*arrays, axis=0):
    """Arrays of one shape side by side along a new axis."""
    return np.stack(arrays, axis=axis)


stack.vjp_all(lambda g, out, *arrays, needed, axis=0: _pieces(g, out, arrays, [1] * len(arrays), needed, axis))


def _stack_call(tup, *, dtype=None, casting="same_kind"):
    return _join_call(tup, dtype=dtype)[0], {}


@primitive(
    numpy=np.vstack,
    kind="linear",
    leading=True,
    call=_stack_call,
    samples=[sample("2 3", "3"), sample("3", "3"), sample("", "")],
    points=[point((np.ones(2), np.zeros(2)), (np.ones(2), np.ones(2)), out=np.array([[1.0, 1.0], [0.0, 0.0]]))],
    source="linear: the adjoint of joining is cutting",
)
def vstack(*arrays):
    """Rows below one another; a vector is a row."""
    return np.vstack(arrays)


@vstack.vjp_all
def _vstack(g, out, *arrays, needed):
    return _pieces(g, out, arrays, [np.shape(x)[0] if np.ndim(x) > 1 else 1 for x in arrays], needed, 0)


@primitive(
    numpy=np.hstack,
    kind="linear",
    leading=True,
    call=_stack_call,
    samples=[sample("2 3", "2 1"), sample("3", "2"), sample("", "2")],
    points=[point((1.0, np.zeros(2)), (1.0, np.ones(2)), out=np.array([1.0, 0.0, 0.0]))],
    source="linear: the adjoint of joining is cutting",
)
def hstack(*arrays):
    """Arrays next to one another: along the second axis, vectors along their only one."""
    return np.hstack(arrays)


@hstack.vjp_all
def _hstack(g, out, *arrays, needed):
    axis = 1 if np.ndim(out) > 1 else 0
    return _pieces(g, out, arrays, [np.shape(x)[axis] if np.ndim(x) else 1 for x in arrays], needed, axis)


def _cut(divide, x, indices_or_sections, axis):
    """The parts of x that np.split, or np.array_split, makes; as slices where compile looks, which knows that these are
    views of x."""
    if not isinstance(x, Traced):
        return tuple(divide(x, indices_or_sections, axis))
    before = (slice(None),) * (axis % np.ndim(x))
    places = divide(np.arange(np.shape(x)[axis]), indices_or_sections)
    return tuple(x[(*before, slice(int(part[0]), int(part[-1]) + 1) if len(part) else slice(0))] for part in places)


def _split(g, out, x, indices_or_sections, axis=0):
    parts = [np.zeros_like(part) if c is None else c for c, part in zip(g, out, strict=True)]
    return np.concatenate(parts, axis=axis)


@primitive(
    numpy=np.split,
    kind="linear",
    results=list,
    inline=True,
    samples=[sample("4 3", indices_or_sections=2), sample("3 5", indices_or_sections=[1, 3], axis=-1)],
    points=[point((np.arange(4.0),), (np.ones(4),), out=[[0.0, 1.0], [2.0, 3.0]], indices_or_sections=2)],
    errors=[error(("3",), indices_or_sections=2, match="equal division")],
    source="linear: the adjoint of cutting is joining",
)
def split(x, /, indices_or_sections, axis=0):
    """A list of equal parts along axis, or of the parts between indices."""
    return _cut(np.split, x, indices_or_sections, axis)


split.vjp(x=_split)


@primitive(
    numpy=np.array_split, kind="linear", results=list, inline=True,
    samples=[sample("5 2", indices_or_sections=3), sample("3 5", indices_or_sections=2, axis=1)],
    points=[point((np.arange(3.0),), (np.ones(3),), out=[[0.0, 1.0], [2.0]], indices_or_sections=2)],
    source="linear: the adjoint of cutting is joining",
)  # fmt: skip
def array_split(x, /, indices_or_sections, axis=0):
    """As split, but the last parts may be shorter."""
    return _cut(np.array_split, x, indices_or_sections, axis)


array_split.vjp(x=_split)


@moves
@primitive(
    numpy=np.repeat,
    kind="linear",
    samples=[
        sample("3", repeats=2), sample("2 3", repeats=[1, 0, 2], axis=1), sample("2 3", repeats=2, axis=0),
        sample("2 2", repeats=3), sample("", repeats=3), sample("2 3", repeats=np.array([2, 0, 1]), axis=-1),
        sample("0", repeats=2), sample("0", repeats=[]), sample("0 2", repeats=2, axis=1),
    ],
    points=[point((np.array([1.0, 2.0, 3.0]),), (np.array([1.0, 0.0, 2.0]),), repeats=[1, 0, 2])],
    errors=[error(("3",), repeats=[1, 2], match="(3,)")],
    source="linear: the adjoint of repeating is a sum",
)  # fmt: skip
def repeat(x, /, repeats, axis=None):
    """Each element `repeats` times in a row, along axis or of the flattened x."""
    return np.repeat(x, repeats, axis)


@moves
@primitive(
    numpy=np.tile,
    kind="linear",
    samples=[
        sample("3", reps=2),
        sample("2 3", reps=(2, 1)),
        sample("3", reps=(2, 2)),
        sample("2 1 2", reps=2),
        sample("", reps=3),
        sample("2 3", reps=(2, 1, 2), complex=True),
        sample("3", reps=0),
        sample("0", reps=2),
    ],
    points=[point((np.array([1.0, 2.0]),), (np.array([3.0, 3.0]),), reps=3)],
    source="linear: the adjoint of repeating is a sum",
)
def tile(x, /, reps):
    """The whole of x `reps` times, along the last axis or along each axis named."""
    return np.tile(x, reps)


def _tuple_call(tup):
    return tuple(tup), {}


def _columns(x):
    return x if np.ndim(x) > 1 else np.reshape(x, (-1, 1))


@primitive(
    numpy=np.dstack,
    kind="composed",
    call=_tuple_call,
    samples=[sample("2 3", "2 3"), sample("3", "3"), sample("", ""), sample("2 3 1", "2 3 2")],
    points=[point((np.ones(2), np.zeros(2)), (np.ones(2), np.ones(2)), out=np.array([[[1.0, 0.0], [1.0, 0.0]]]))],
    errors=[error(("2", "3"), match="(1, 3, 1)")],
    source="composed of concatenate",
)
def dstack(*arrays):
    """Arrays behind one another, along the third axis."""
    return np.concatenate([np.atleast_3d(x) for x in arrays], axis=2)


@primitive(
    numpy=np.column_stack,
    kind="composed",
    call=_tuple_call,
    samples=[sample("3", "3"), sample("3 2", "3"), sample("", "1 2")],
    points=[point((np.ones(2), np.zeros(2)), (np.ones(2), np.ones(2)), out=np.array([[1.0, 0.0], [1.0, 0.0]]))],
    errors=[error(("2", "3"), match="(3, 1)")],
    source="composed of concatenate",
)
def column_stack(*arrays):
    """Vectors as columns, next to matrices."""
    return np.concatenate([_columns(x) for x in arrays], axis=1)


@primitive(
    numpy=np.append,
    kind="composed",
    samples=[sample("3", ""), sample("2 3", "2"), sample("2 3", "1 3", axis=0), sample("2 3", "2 1", axis=-1)],
    points=[point((np.ones(2), 0.0), (np.ones(2), 1.0), out=np.array([1.0, 1.0, 0.0]))],
    errors=[error(("2 3", "2"), axis=0, match="(2,)")],
    source="composed of concatenate",
)
def append(x, values, /, axis=None):
    """x with values after it along an axis; both flattened without one."""
    if axis is None:
        return np.concatenate([np.ravel(x), np.ravel(values)])
    return np.concatenate([x, values], axis=axis)


def _block_call(arrays):
    return (tuple(arrays), {}) if type(arrays) is list else ((arrays,), {"bare": True})


@primitive(
    numpy=np.block,
    kind="composed",
    call=_block_call,
    samples=[sample("2", "3"), sample("2 3", "2 1", complex=True), sample("", "")],
    points=[point((1.0, np.zeros(2)), (1.0, np.ones(2)), out=np.array([1.0, 0.0, 0.0]))],
    errors=[error(("2 3", "3 3"), match="(3, 3)")],
    source="composed of concatenate",
)
def block(*arrays, bare=False):
    """An array of blocks in nested lists: the innermost are joined along the last axis, the next along the one before."""
    if bare:
        return np.copy(arrays[0])
    levels = _levels(list(arrays))
    ndim = max(levels, max(map(np.ndim, _leaves(list(arrays)))))

    def build(part, level):
        if level:
            return np.concatenate([build(item, level - 1) for item in part], axis=-level)
        return np.reshape(part, (1,) * (ndim - np.ndim(part)) + np.shape(part))

    return build(list(arrays), levels)


def _leaves(part):
    return [leaf for item in part for leaf in _leaves(item)] if type(part) is list else [part]


def _levels(part):
    """How deep lists are nested, which must be the same everywhere."""
    if type(part) is not list:
        return 0
    depths = {_levels(item) for item in part}
    if len(depths) != 1:
        raise ShapeError("block: " + ("lists of different depth" if depths else "an empty list"))
    return 1 + depths.pop()


def _split_along(name, least, axis, doc):
    """One of hsplit, vsplit and dsplit: np.split along a fixed axis."""

    def forward(x, /, indices_or_sections):
        if np.ndim(x) < least:
            raise ShapeError(f"{name} needs an array of at least {least} axes, got shape {np.shape(x)}")
        return np.split(x, indices_or_sections, axis=min(axis, np.ndim(x) - 1))

    forward.__module__, forward.__doc__ = __name__, doc
    return primitive(
        forward,
        numpy=getattr(np, name),
        name=name,
        kind="composed",
        samples=[sample("4 2 4", indices_or_sections=2), sample("3 2 4", indices_or_sections=[1])],
        points=[point((np.arange(4.0).reshape(2, 1, 2)[:, [0, 0]],), (np.ones((2, 2, 2)),), indices_or_sections=1)],
        errors=[error(("",), indices_or_sections=1, match="axes")],
        source="composed of split",
    )


hsplit = _split_along("hsplit", 1, 1, "A list of parts next to one another: split along axis 1, of a vector along 0.")
vsplit = _split_along("vsplit", 2, 0, "A list of parts below one another: split along axis 0.")
dsplit = _split_along("dsplit", 3, 2, "A list of parts behind one another: split along axis 2.")


@primitive(
    numpy=np.unstack,
    kind="composed",
    samples=[sample("2 3"), sample("2 3", axis=1), sample("2 3 2", axis=-1), sample("2"), sample("2 0")],
    points=[point((np.array([1.0, 2.0]),), (np.ones(2),), out=(1.0, 2.0))],
    errors=[error(("",), match="0-d")],
    source="composed of splitting",
)
def unstack(x, /, *, axis=0):
    """The tuple of slices along an axis, which stack joins again.

    The slices are cut at once: the rule of split joins all cotangents in one array, where that of x[i] would make an array
    of x's size for each i.
    """
    if np.ndim(x) == 0:
        raise ShapeError("unstack: a 0-d array has no axis to go along")
    x = np.moveaxis(x, axis, 0)
    length, *rest = np.shape(x)
    return tuple(np.reshape(part, rest) for part in np.split(x, length)) if length else ()
