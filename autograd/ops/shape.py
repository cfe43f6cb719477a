"""Rearranging: the same numbers in another shape or order. All linear.

An op of kind "view" only looks at memory differently; the adjoint of a rearrangement is the rearrangement undone.
"""

from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from autograd.primitives import error, point, primitive, sample
from autograd.value import Value

__all__ = ["broadcast_to", "copy", "expand_dims", "flip", "moveaxis", "ravel", "reshape", "roll", "squeeze", "sum_to",
           "swapaxes", "transpose"]  # fmt: skip

ROW = np.array([[2.0, 3.0]])
BAD_AXIS = error(("3",), axis=2, match="axis 2 is out of bounds")


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
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
        sample("3 4", shape=(2, 6), complex=True), sample("3 4", shape=-1), sample("", shape=(1, 1)),
        sample("1", shape=()),
        sample("2 0", shape=(0, 3)),
    ],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW.T, shape=(2, 1))],
    errors=[
        error(("3 4",), shape=(5, -1), match="(3, 4)"),
        error(("3 4",), shape=-1, order="F", match="no option 'order'", kind=ArgumentError),
    ],
    source="linear: the adjoint is the rearrangement undone",
)  # fmt: skip
def reshape(x, /, shape):
    """The same elements, in C order, in another shape; one length may be −1."""
    return np.reshape(x, shape)[()]


reshape.vjp(x=lambda g, out, x, shape: np.reshape(g, np.shape(x)))


@primitive(
    numpy=np.ravel,
    kind="view",
    samples=[sample("3 4"), sample(""), sample("0 2")],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW[0])],
    source="linear: the adjoint is the rearrangement undone",
)
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
    samples=[
        sample("3 4", complex=True),
        sample("2 3 4"),
        sample("2 3 4", axes=(1, -1, 0)),
        sample("5"),
        sample(""),
        sample("0 2"),
    ],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW.T)],
    errors=[error(("3 4",), axes=(0,), match="(3, 4)")],
    source="linear: the adjoint is the rearrangement undone",
)
def transpose(x, /, axes=None):
    """Axes in another order, reversed by default."""
    return np.transpose(x, axes)[()]


transpose.vjp(x=_transpose)


@primitive(
    numpy=np.swapaxes,
    kind="view",
    samples=[sample("2 3 4", axis1=0, axis2=-1), sample("3 4", axis1=0, axis2=1)],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW.T, axis1=0, axis2=1)],
    errors=[error(("3",), axis1=0, axis2=2, match="axis2: axis 2 is out of bounds")],
    source="linear: the adjoint is the rearrangement undone",
)
def swapaxes(x, /, axis1, axis2):
    """Two axes exchanged."""
    return np.swapaxes(x, axis1, axis2)


swapaxes.vjp(x=lambda g, out, x, axis1, axis2: np.swapaxes(g, axis1, axis2))


@primitive(
    numpy=np.moveaxis,
    kind="view",
    samples=[sample("2 3 4", source=0, destination=-1), sample("2 3 4", source=(0, 2), destination=(1, 0))],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW.T, source=0, destination=1)],
    errors=[error(("3",), source=0, destination=2, match="axis 2 is out of bounds")],
    source="linear: the adjoint is the rearrangement undone",
)
def moveaxis(x, /, source, destination):
    """Some axes at new places, the others in their order."""
    return np.moveaxis(x, source, destination)


moveaxis.vjp(x=lambda g, out, x, source, destination: np.moveaxis(g, destination, source))


@primitive(
    numpy=np.expand_dims,
    kind="view",
    samples=[sample("3 4", axis=1), sample("3", axis=(0, -1)), sample("", axis=0)],
    points=[point((ROW[0],), (np.ones(2),), out=ROW, axis=0)],
    errors=[BAD_AXIS],
    source="linear: the adjoint is the rearrangement undone",
)
def expand_dims(x, /, axis):
    """New axes of length 1, at these places of the result."""
    return np.expand_dims(x, axis)


expand_dims.vjp(x=lambda g, out, x, axis: np.reshape(g, np.shape(x)))


@primitive(
    numpy=np.squeeze,
    kind="view",
    samples=[sample("1 3 1"), sample("1 3 1", axis=-1), sample("1 3 1", axis=(0, 2)), sample("1"), sample("")],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW[0])],
    errors=[error(("3",), axis=0, match="(3,)")],
    source="linear: the adjoint is the rearrangement undone",
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
    points=[point((ROW,), (np.full((1, 2), 3.0),), out=ROW[[0, 0, 0]], shape=(3, 2)), point((2.0,), (3.0,), shape=3)],
    errors=[error(("3",), shape=(2,), match="(3,)")],
    source="linear: the adjoint of repeating is a sum",
)  # fmt: skip
def broadcast_to(x, /, shape):
    """x repeated to a shape without copying, as arithmetic does it; the adjoint sums."""
    return np.broadcast_to(x, shape)[()]


broadcast_to.vjp(x=lambda g, out, x, shape: sum_to(g, np.shape(x)))


@primitive(
    numpy=np.flip,
    kind="view",
    samples=[sample("3 4"), sample("3 4", axis=-1), sample("2 3 4", axis=(0, 2)), sample("")],
    points=[point((ROW,), (np.ones((1, 2)),), out=np.array([[3.0, 2.0]]), axis=1)],
    errors=[BAD_AXIS],
    source="linear: the adjoint is the rearrangement undone",
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
    points=[point((ROW,), (np.ones((1, 2)),), out=np.array([[3.0, 2.0]]), shift=1)],
    errors=[error(("3",), shift=1, axis=2, match="axis 2 is out of bounds")],
    source="linear: the adjoint is the rearrangement undone",
)
def roll(x, /, shift, axis=None):
    """Elements moved on by `shift` places along axis; what leaves at the end comes in at the start."""
    return np.roll(x, shift, axis)


roll.vjp(x=_roll)


@primitive(
    numpy=np.copy,
    kind="linear",
    samples=[sample("3 4"), sample("")],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW)],
    source="linear: the identity",
)
def copy(x, /):
    """The same numbers in memory of their own."""
    return np.copy(x)[()]


copy.vjp(x=lambda g, out, x: g)
