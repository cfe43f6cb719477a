"""Joining arrays, taking them apart, and filling up: concatenate, stack, split, pad, repeat, tile. All linear.

The cotangent of a joined array is cut into the pieces it was made of; that of a split one is joined again. Where
elements were copied to several places, `send_back` adds up what comes from them.
"""

import numpy as np

from autograd.errors import ArgumentError
from autograd.ops.index import numbered, send_back
from autograd.primitives import error, point, primitive, sample
from autograd.value import Value

__all__ = ["array_split", "concatenate", "hstack", "pad", "repeat", "split", "stack", "tile", "vstack"]


def _join_call(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    if out is not None or dtype is not None:
        raise ArgumentError("joining arrays that are differentiated has no options 'out' and 'dtype'; it has axis")
    return tuple(arrays), {"axis": axis}


def _pieces(g, arrays, lengths, needed, axis):
    """g cut along an axis into these lengths, each piece in the shape of the array that it came from."""
    before = (slice(None),) * (axis % np.ndim(g))
    start, pieces = 0, []
    for x, length, need in zip(arrays, lengths, needed, strict=True):
        pieces.append(np.reshape(g[(*before, slice(start, start + length))], np.shape(x)) if need else None)
        start += length
    return pieces


def _concatenate(g, out, *arrays, needed, axis=0):
    lengths = [np.size(x) if axis is None else np.shape(x)[axis] for x in arrays]
    return _pieces(g, arrays, lengths, needed, 0 if axis is None else axis)


@primitive(
    numpy=np.concatenate,
    kind="linear",
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
    call=_join_call,
    samples=[
        sample("2 3", "2 3"),
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


stack.vjp_all(lambda g, out, *arrays, needed, axis=0: _pieces(g, arrays, [1] * len(arrays), needed, axis))


def _stack_call(tup, *, dtype=None, casting="same_kind"):
    return _join_call(tup, dtype=dtype)[0], {}


@primitive(
    numpy=np.vstack,
    kind="linear",
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
    return _pieces(g, arrays, [np.shape(x)[0] if np.ndim(x) > 1 else 1 for x in arrays], needed, 0)


@primitive(
    numpy=np.hstack,
    kind="linear",
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
    axis = 1 if np.ndim(g) > 1 else 0
    return _pieces(g, arrays, [np.shape(x)[axis] if np.ndim(x) else 1 for x in arrays], needed, axis)


def _split(g, out, x, indices_or_sections, axis=0):
    parts = [np.zeros_like(part) if c is None else c for c, part in zip(g, out, strict=True)]
    return np.concatenate(parts, axis=axis)


@primitive(
    numpy=np.split,
    kind="linear",
    results=list,
    samples=[sample("4 3", indices_or_sections=2), sample("3 5", indices_or_sections=[1, 3], axis=-1)],
    points=[point((np.arange(4.0),), (np.ones(4),), out=[[0.0, 1.0], [2.0, 3.0]], indices_or_sections=2)],
    errors=[error(("3",), indices_or_sections=2, match="equal division")],
    source="linear: the adjoint of cutting is joining",
)
def split(x, /, indices_or_sections, axis=0):
    """A list of equal parts along axis, or of the parts between indices."""
    return tuple(np.split(x, indices_or_sections, axis))


split.vjp(x=_split)


@primitive(
    numpy=np.array_split, kind="linear", results=list,
    samples=[sample("5 2", indices_or_sections=3), sample("3 5", indices_or_sections=2, axis=1)],
    points=[point((np.arange(3.0),), (np.ones(3),), out=[[0.0, 1.0], [2.0]], indices_or_sections=2)],
    source="linear: the adjoint of cutting is joining",
)  # fmt: skip
def array_split(x, /, indices_or_sections, axis=0):
    """As split, but the last parts may be shorter."""
    return tuple(np.array_split(x, indices_or_sections, axis))


array_split.vjp(x=_split)


def _pad_call(array, pad_width, mode="constant", **options):
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap", "empty"):
        raise ArgumentError(
            f"pad: mode={mode!r} has no derivative here; constant, edge, reflect, symmetric and wrap have"
        )
    if options.get("reflect_type", "even") != "even" or any(isinstance(v, Value) for v in options.values()):
        raise ArgumentError(
            "pad: constant_values is a plain number, and reflect_type is 'even', where pad is differentiated"
        )
    ndim = np.ndim(array)
    if isinstance(pad_width, dict):
        widths = {axis % ndim: width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(widths.get(axis, 0), 2) for axis in range(ndim)]
    pairs = tuple((int(before), int(after)) for before, after in np.broadcast_to(pad_width, (ndim, 2)))
    return (array,), {"pad_width": pairs, "mode": mode, **options}


def _pad(g, out, x, pad_width, mode="constant", **options):
    if mode != "constant":
        return send_back(g, x, np.pad(numbered(x), pad_width, mode))
    return g[tuple(slice(before, before + n) for (before, _), n in zip(pad_width, np.shape(x), strict=True))]


@primitive(
    numpy=np.pad,
    kind="general",
    call=_pad_call,
    samples=[
        sample("3 4", pad_width=1), sample("3", pad_width=(2, 1), constant_values=5.0),
        sample("3 4", pad_width=((0, 2), (1, 0))),
        sample("3 4", pad_width=2, mode="reflect"), sample("3 2", pad_width=3, mode="wrap"), sample("0 2", pad_width=1),
        sample("2 3", pad_width=((0, 2), (1, 1)), mode="edge"), sample("3", pad_width=4, mode="symmetric"),
        sample("2 3", pad_width={-1: (1, 2)}),
    ],
    points=[
        point((np.ones(2),), (np.ones(2),), out=np.array([9.0, 1.0, 1.0, 9.0]), pad_width=1, constant_values=9.0),
        point((np.arange(3.0),), (np.array([1.0, 3.0, 1.0]),), pad_width=1, mode="reflect"),
        point((np.arange(3.0),), (np.array([3.0, 1.0, 2.0]),), pad_width=((2, 1),), mode="edge"),
    ],
    errors=[
        error(("3",), pad_width=1, mode="mean", match="mode='mean'", kind=ArgumentError),
        error(("3",), pad_width=1, constant_values=Value(1.0), match="constant_values", kind=ArgumentError),
    ],
    source="affine: the adjoint of copying elements to several places is a sum",
)  # fmt: skip
def pad(x, /, pad_width, mode="constant", **options):
    """x with a border of a constant or of its own elements: edge, reflect, symmetric, wrap; each sends its g back."""
    return np.pad(x, pad_width, mode, **options)


pad.vjp(x=_pad)


@primitive(
    numpy=np.repeat,
    kind="linear",
    samples=[
        sample("3", repeats=2), sample("2 3", repeats=[1, 0, 2], axis=1), sample("2 3", repeats=2, axis=0),
        sample("2 2", repeats=3),
    ],
    points=[point((np.array([1.0, 2.0, 3.0]),), (np.array([1.0, 0.0, 2.0]),), repeats=[1, 0, 2])],
    errors=[error(("3",), repeats=[1, 2], match="(3,)")],
    source="linear: the adjoint of repeating is a sum",
)  # fmt: skip
def repeat(x, /, repeats, axis=None):
    """Each element `repeats` times in a row, along axis or of the flattened x."""
    return np.repeat(x, repeats, axis)


repeat.vjp(x=lambda g, out, x, repeats, axis=None: send_back(g, x, np.repeat(numbered(x), repeats, axis)))


@primitive(
    numpy=np.tile,
    kind="linear",
    samples=[
        sample("3", reps=2),
        sample("2 3", reps=(2, 1)),
        sample("3", reps=(2, 2)),
        sample("2 1 2", reps=2),
        sample("", reps=3),
    ],
    points=[point((np.array([1.0, 2.0]),), (np.array([3.0, 3.0]),), reps=3)],
    source="linear: the adjoint of repeating is a sum",
)
def tile(x, /, reps):
    """The whole of x `reps` times, along the last axis or along each axis named."""
    return np.tile(x, reps)


tile.vjp(x=lambda g, out, x, reps: send_back(g, x, np.tile(numbered(x), reps)))
