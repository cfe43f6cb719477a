"""Rearranging: the same numbers in another shape, order or company. All linear.

An op of kind "view" only looks at memory differently; the adjoint of a rearrangement is the rearrangement undone.
"""

import numpy as np

from autograd.errors import ArgumentError
from autograd.ops.index import numbered, send_back
from autograd.primitives import error, point, primitive, sample
from autograd.value import Value

__all__ = ["array_split", "broadcast_to", "concatenate", "copy", "expand_dims", "flip", "hstack", "moveaxis", "pad", "ravel",
           "repeat", "reshape", "roll", "split", "squeeze", "stack", "sum_to", "swapaxes", "tile", "transpose",
           "vstack"]  # fmt: skip

BAD_AXIS = error(("3",), axis=2, match="axis 2 is out of bounds")


def sum_to(g, shape):
    """Sum g over the axes that broadcasting an array of `shape` to the shape of g repeats."""
    extra = np.ndim(g) - len(shape)
    if extra:
        g = np.sum(g, axis=tuple(range(extra)))
    axes = tuple(i for i, length in enumerate(shape) if length == 1 and np.shape(g)[i] != 1)
    return np.sum(g, axis=axes, keepdims=True) if axes else g


def _reshape_method(self, *shape, **options):
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)


@primitive(
    numpy=np.reshape,
    kind="view",
    method=_reshape_method,
    samples=[
        sample("3 4", shape=(2, 6)), sample("3 4", shape=-1), sample("", shape=(1, 1)), sample("1", shape=()),
        sample("2 0", shape=(0, 3)),
    ],
    errors=[
        error(("3 4",), shape=(5, -1), match="(3, 4)"),
        error(("3 4",), shape=-1, order="F", match="no option 'order'", kind=ArgumentError),
    ],
)  # fmt: skip
def reshape(x, /, shape):
    """The same elements, in C order, in another shape; one length may be −1."""
    return np.reshape(x, shape)[()]


reshape.vjp(x=lambda g, out, x, shape: np.reshape(g, np.shape(x)))


@primitive(numpy=np.ravel, kind="view", samples=[sample("3 4"), sample(""), sample("0 2")])
def ravel(x, /):
    """All elements in one row, in C order."""
    return np.ravel(x)


ravel.vjp(x=lambda g, out, x: np.reshape(g, np.shape(x)))


def flatten(self):
    """All elements in one row, as np.ravel."""
    return ravel(self)


setattr(Value, "flatten", flatten)  # noqa: B010  (mypy knows no attribute that an op attaches)


def _transpose_method(self, *axes):
    return np.transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)


def _transpose(g, out, x, axes=None):
    if axes is None:
        return np.transpose(g)
    ndim = np.ndim(x)
    order = [axis % ndim for axis in axes]
    return np.transpose(g, tuple(order.index(axis) for axis in range(ndim)))


@primitive(
    numpy=np.transpose,
    kind="view",
    symbol="T",
    method=_transpose_method,
    samples=[sample("3 4"), sample("2 3 4"), sample("2 3 4", axes=(1, -1, 0)), sample("5"), sample(""), sample("0 2")],
    errors=[error(("3 4",), axes=(0,), match="(3, 4)")],
)
def transpose(x, /, axes=None):
    """Axes in another order, reversed by default."""
    return np.transpose(x, axes)[()]


transpose.vjp(x=_transpose)


@primitive(
    numpy=np.swapaxes,
    kind="view",
    samples=[sample("2 3 4", axis1=0, axis2=-1), sample("3 4", axis1=0, axis2=1)],
    errors=[error(("3",), axis1=0, axis2=2, match="axis2: axis 2 is out of bounds")],
)
def swapaxes(x, /, axis1, axis2):
    """Two axes exchanged."""
    return np.swapaxes(x, axis1, axis2)


swapaxes.vjp(x=lambda g, out, x, axis1, axis2: np.swapaxes(g, axis1, axis2))


@primitive(
    numpy=np.moveaxis,
    kind="view",
    samples=[sample("2 3 4", source=0, destination=-1), sample("2 3 4", source=(0, 2), destination=(1, 0))],
    errors=[error(("3",), source=0, destination=2, match="axis 2 is out of bounds")],
)
def moveaxis(x, /, source, destination):
    """Some axes at new places, the others in their order."""
    return np.moveaxis(x, source, destination)


moveaxis.vjp(x=lambda g, out, x, source, destination: np.moveaxis(g, destination, source))


@primitive(
    numpy=np.expand_dims,
    kind="view",
    samples=[sample("3 4", axis=1), sample("3", axis=(0, -1)), sample("", axis=0)],
    errors=[BAD_AXIS],
)
def expand_dims(x, /, axis):
    """New axes of length 1, at these places of the result."""
    return np.expand_dims(x, axis)


expand_dims.vjp(x=lambda g, out, x, axis: np.reshape(g, np.shape(x)))


@primitive(
    numpy=np.squeeze,
    kind="view",
    samples=[sample("1 3 1"), sample("1 3 1", axis=-1), sample("1 3 1", axis=(0, 2)), sample("1"), sample("")],
    errors=[error(("3",), axis=0, match="(3,)")],
)
def squeeze(x, /, axis=None):
    """Without axes of length 1: all of them, or those named."""
    return np.squeeze(x, axis)[()]


squeeze.vjp(x=lambda g, out, x, axis=None: np.reshape(g, np.shape(x)))


@primitive(
    numpy=np.broadcast_to,
    kind="view",
    samples=[
        sample("3", shape=(2, 3)), sample("3 1", shape=(2, 3, 4)), sample("", shape=(2,)), sample("", shape=()),
        sample("1 3", shape=(0, 3)), sample("3", shape=3),
    ],
    errors=[error(("3",), shape=(2,), match="(3,)")],
)  # fmt: skip
def broadcast_to(x, /, shape):
    """x repeated to a shape without copying, as arithmetic does it; the adjoint sums."""
    return np.broadcast_to(x, shape)[()]


broadcast_to.vjp(x=lambda g, out, x, shape: sum_to(g, np.shape(x)))


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
    errors=[error(("2 3", "2 4"), match="(2, 4)"), error(("2", "2"), dtype=np.float32, match="'dtype'", kind=ArgumentError)],
)  # fmt: skip
def concatenate(*arrays, axis=0):
    """Arrays one after another along an existing axis; with axis=None, their elements."""
    return np.concatenate(arrays, axis=axis)


concatenate.vjp_all(_concatenate)


@primitive(
    numpy=np.stack,
    kind="linear",
    call=_join_call,
    samples=[sample("2 3", "2 3"), sample("2 3", "2 3", "2 3", axis=-1), sample("2 3", "2 3", axis=1), sample("", "", "")],
    errors=[error(("2 3", "2 4"), match="(2, 4)")],
)
def stack(*arrays, axis=0):
    """Arrays of one shape side by side along a new axis."""
    return np.stack(arrays, axis=axis)


stack.vjp_all(lambda g, out, *arrays, needed, axis=0: _pieces(g, arrays, [1] * len(arrays), needed, axis))


def _stack_call(tup, *, dtype=None, casting="same_kind"):
    return _join_call(tup, dtype=dtype)[0], {}


@primitive(numpy=np.vstack, kind="linear", call=_stack_call, samples=[sample("2 3", "3"), sample("3", "3"), sample("", "")])
def vstack(*arrays):
    """Rows below one another; a vector is a row."""
    return np.vstack(arrays)


@vstack.vjp_all
def _vstack(g, out, *arrays, needed):
    return _pieces(g, arrays, [np.shape(x)[0] if np.ndim(x) > 1 else 1 for x in arrays], needed, 0)


@primitive(numpy=np.hstack, kind="linear", call=_stack_call, samples=[sample("2 3", "2 1"), sample("3", "2"), sample("", "2")])
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
    errors=[error(("3",), indices_or_sections=2, match="equal division")],
)
def split(x, /, indices_or_sections, axis=0):
    """A list of equal parts along axis, or of the parts between indices."""
    return tuple(np.split(x, indices_or_sections, axis))


split.vjp(x=_split)


@primitive(
    numpy=np.array_split, kind="linear", results=list,
    samples=[sample("5 2", indices_or_sections=3), sample("3 5", indices_or_sections=2, axis=1)],
)  # fmt: skip
def array_split(x, /, indices_or_sections, axis=0):
    """As split, but the last parts may be shorter."""
    return tuple(np.array_split(x, indices_or_sections, axis))


array_split.vjp(x=_split)


def _pad_call(array, pad_width, mode="constant", **options):
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap", "empty"):
        raise ArgumentError(f"pad: mode={mode!r} has no derivative here; constant, edge, reflect, symmetric and wrap have")
    if options.get("reflect_type", "even") != "even" or any(isinstance(v, Value) for v in options.values()):
        raise ArgumentError("pad: constant_values is a plain number, and reflect_type is 'even', where pad is differentiated")
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
        sample("3 4", pad_width=1), sample("3", pad_width=(2, 1), constant_values=5.0), sample("3 4", pad_width=((0, 2), (1, 0))),
        sample("3 4", pad_width=2, mode="reflect"), sample("3 2", pad_width=3, mode="wrap"), sample("0 2", pad_width=1),
        sample("2 3", pad_width=((0, 2), (1, 1)), mode="edge"), sample("3", pad_width=4, mode="symmetric"),
        sample("2 3", pad_width={-1: (1, 2)}),
    ],
    errors=[
        error(("3",), pad_width=1, mode="mean", match="mode='mean'", kind=ArgumentError),
        error(("3",), pad_width=1, constant_values=Value(1.0), match="constant_values", kind=ArgumentError),
    ],
)  # fmt: skip
def pad(x, /, pad_width, mode="constant", **options):
    """x with a border of a constant or of its own elements: edge, reflect, symmetric, wrap; each sends its g back."""
    return np.pad(x, pad_width, mode, **options)


pad.vjp(x=_pad)


@primitive(
    numpy=np.flip,
    kind="view",
    samples=[sample("3 4"), sample("3 4", axis=-1), sample("2 3 4", axis=(0, 2)), sample("")],
    errors=[BAD_AXIS],
)
def flip(x, /, axis=None):
    """Elements in reverse order along axis, along all by default."""
    return np.flip(x, axis)[()]


flip.vjp(x=lambda g, out, x, axis=None: np.flip(g, axis))


def _roll(g, out, x, shift, axis=None):
    return np.roll(g, tuple(-s for s in shift) if isinstance(shift, tuple) else -shift, axis)


@primitive(
    numpy=np.roll,
    kind="linear",
    samples=[sample("3 4", shift=2), sample("3 4", shift=-1, axis=1), sample("3 4", shift=(1, 2), axis=(0, 1))],
    errors=[error(("3",), shift=1, axis=2, match="axis 2 is out of bounds")],
)
def roll(x, /, shift, axis=None):
    """Elements moved on by `shift` places along axis; what leaves at the end comes in at the start."""
    return np.roll(x, shift, axis)


roll.vjp(x=_roll)


@primitive(
    numpy=np.repeat,
    kind="linear",
    samples=[
        sample("3", repeats=2), sample("2 3", repeats=[1, 0, 2], axis=1), sample("2 3", repeats=2, axis=0), sample("2 2", repeats=3),
    ],
    errors=[error(("3",), repeats=[1, 2], match="(3,)")],
)  # fmt: skip
def repeat(x, /, repeats, axis=None):
    """Each element `repeats` times in a row, along axis or of the flattened x."""
    return np.repeat(x, repeats, axis)


repeat.vjp(x=lambda g, out, x, repeats, axis=None: send_back(g, x, np.repeat(numbered(x), repeats, axis)))


@primitive(
    numpy=np.tile,
    kind="linear",
    samples=[sample("3", reps=2), sample("2 3", reps=(2, 1)), sample("3", reps=(2, 2)), sample("2 1 2", reps=2), sample("", reps=3)],
    points=[point((np.array([1.0, 2.0]),), (np.array([3.0, 3.0]),), reps=3)],
)
def tile(x, /, reps):
    """The whole of x `reps` times, along the last axis or along each axis named."""
    return np.tile(x, reps)


tile.vjp(x=lambda g, out, x, reps: send_back(g, x, np.tile(numbered(x), reps)))


@primitive(numpy=np.copy, kind="linear", samples=[sample("3 4"), sample("")])
def copy(x, /):
    """The same numbers in memory of their own."""
    return np.copy(x)[()]


copy.vjp(x=lambda g, out, x: g)
