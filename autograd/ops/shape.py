"""Rearranging: the same numbers in another shape or order. All linear.

An op of kind "view" only looks at memory differently; the adjoint of a rearrangement is the rearrangement undone.
"""

import numpy as np

from autograd.data import as_array
from autograd.errors import ArgumentError
from autograd.ops.axes import from_the_end, lead, like, sum_to
from autograd.primitives import error, point, primitive, sample
from autograd.value import Value, data_of

__all__ = ["atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "broadcast_to", "copy", "expand_dims", "flip",
           "moveaxis", "ravel", "reshape", "roll", "squeeze", "swapaxes", "transpose"]  # fmt: skip

ROW = np.array([[2.0, 3.0]])
BAD_AXIS = error(("3",), axis=2, match="axis 2 is out of bounds")


def _order(x, order):
    """C or F: what NumPy's order A, and K for an array without gaps, mean for the memory of x."""
    flags = as_array(data_of(x)).flags
    if order in ("C", "F"):
        return order
    if order not in ("A", "K") or (order == "K" and not flags.forc):
        raise ArgumentError(f"order={order!r} depends on how x lies in memory; with a derivative it is C or F")
    return "F" if flags.fnc else "C"


def _reshape_method(self, *shape, **options):
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)


def _reshape_call(a, /, shape, order="C", *, copy=None):
    options = {"shape": shape}
    if order != "C":
        if order == "K":
            raise ArgumentError("reshape has no order='K'; it has C, F and A")
        options["order"] = _order(a, order)
    if copy is not None:
        options["copy"] = copy
    return (a,), options


@primitive(
    numpy=np.reshape,
    kind="view",
    leading=True,
    method=_reshape_method,
    call=_reshape_call,
    samples=[
        sample("3 4", shape=(2, 6), complex=True), sample("3 4", shape=-1), sample("", shape=(1, 1)),
        sample("1", shape=()),
        sample("2 0", shape=(0, 3)), sample("3 4", shape=(2, 6), order="F"), sample("2 3 4", shape=(4, -1), order="F"),
        sample("3 4", shape=12, order="A", copy=True),
    ],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW.T, shape=(2, 1))],
    errors=[
        error(("3 4",), shape=(5, -1), match="(3, 4)"),
        error(("3 4",), shape=-1, order="K", match="order='K'", kind=ArgumentError),
    ],
    source="linear: the adjoint is the rearrangement undone",
)  # fmt: skip
def reshape(x, /, shape, order="C", *, copy=None):
    """The same elements, in C order, in another shape; one length may be −1.

    order   "C" last axis first, "F" first axis first, "A" as they lie in memory
    copy    True: in memory of its own; False: ValueError if that is needed
    """
    return (np.reshape(x, shape) if order == "C" and copy is None else np.reshape(x, shape, order, copy=copy))[()]


def _reshape(g, out, x, order="C", **options):
    if order == "C":
        return like(g, out, x)
    return _reversed(
        np.reshape(_reversed(g, out), (*lead(g, out), *np.shape(x)[::-1])), x
    )  # in C order of reversed axes


def _reversed(g, out):
    """The axes of a cotangent in reverse order, those at the front excepted."""
    extra = len(lead(g, out))
    return np.transpose(g, (*range(extra), *range(np.ndim(g) - 1, extra - 1, -1)))


reshape.vjp(x=_reshape)


def _ravel_call(a, order="C"):
    return (a,), {} if order == "C" else {"order": _order(a, order)}


@primitive(
    numpy=np.ravel,
    kind="view",
    leading=True,
    call=_ravel_call,
    samples=[sample("3 4"), sample(""), sample("0 2"), sample("2 3 4", order="F"), sample("3 4", order="A")],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW[0])],
    errors=[error(("3",), order="X", match="order='X'", kind=ArgumentError)],
    source="linear: the adjoint is the rearrangement undone",
)
def ravel(x, /, order="C"):
    """All elements in one row, in C order; order as for reshape, and K, which A equals for an array without gaps."""
    return np.ravel(x, order)


ravel.vjp(x=_reshape)


def flatten(self, order="C"):
    """All elements in one row, as np.ravel, in memory of their own."""
    return np.copy(ravel(self, order))


setattr(Value, "flatten", flatten)  # noqa: B010  (mypy knows no attribute that an op attaches)


def _transpose_method(self, *axes):
    return np.transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)


def _transpose(g, out, x, axes=None):
    if np.ndim(g) > np.ndim(out):
        return np.moveaxis(
            g, range(-np.ndim(x), 0), range(-1, -np.ndim(x) - 1, -1) if axes is None else from_the_end(axes, x)
        )
    if axes is None:
        return np.transpose(g)
    ndim = np.ndim(x)
    order = [axis % ndim for axis in axes]
    return np.transpose(g, tuple(order.index(axis) for axis in range(ndim)))


@primitive(
    numpy=np.transpose,
    kind="view",
    leading=True,
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
    leading=True,
    samples=[sample("2 3 4", axis1=0, axis2=-1), sample("3 4", axis1=0, axis2=1)],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW.T, axis1=0, axis2=1)],
    errors=[error(("3",), axis1=0, axis2=2, match="axis2: axis 2 is out of bounds")],
    source="linear: the adjoint is the rearrangement undone",
)
def swapaxes(x, /, axis1, axis2):
    """Two axes exchanged."""
    return np.swapaxes(x, axis1, axis2)


swapaxes.vjp(x=lambda g, out, x, axis1, axis2: np.swapaxes(g, *from_the_end((axis1, axis2), x)))


@primitive(
    numpy=np.moveaxis,
    kind="view",
    leading=True,
    samples=[sample("2 3 4", source=0, destination=-1), sample("2 3 4", source=(0, 2), destination=(1, 0))],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW.T, source=0, destination=1)],
    errors=[error(("3",), source=0, destination=2, match="axis 2 is out of bounds")],
    source="linear: the adjoint is the rearrangement undone",
)
def moveaxis(x, /, source, destination):
    """Some axes at new places, the others in their order."""
    return np.moveaxis(x, source, destination)


def _moveaxis(g, out, x, source, destination):
    return np.moveaxis(g, from_the_end(destination, x), from_the_end(source, x))


moveaxis.vjp(x=_moveaxis)


@primitive(
    numpy=np.expand_dims,
    kind="view",
    leading=True,
    samples=[sample("3 4", axis=1), sample("3", axis=(0, -1)), sample("", axis=0)],
    points=[point((ROW[0],), (np.ones(2),), out=ROW, axis=0)],
    errors=[BAD_AXIS],
    source="linear: the adjoint is the rearrangement undone",
)
def expand_dims(x, /, axis):
    """New axes of length 1, at these places of the result."""
    return np.expand_dims(x, axis)


expand_dims.vjp(x=lambda g, out, x, axis: like(g, out, x))


@primitive(
    numpy=np.squeeze,
    kind="view",
    leading=True,
    samples=[sample("1 3 1"), sample("1 3 1", axis=-1), sample("1 3 1", axis=(0, 2)), sample("1"), sample("")],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW[0])],
    errors=[error(("3",), axis=0, match="(3,)")],
    source="linear: the adjoint is the rearrangement undone",
)
def squeeze(x, /, axis=None):
    """Without axes of length 1: all of them, or those named."""
    return np.squeeze(x, axis)[()]


squeeze.vjp(x=lambda g, out, x, axis=None: like(g, out, x))


@primitive(
    numpy=np.broadcast_to,
    kind="view",
    leading=True,
    samples=[
        sample("3", shape=(2, 3)), sample("3 1", shape=(2, 3, 4), complex=True),
        sample("", shape=(2,)), sample("", shape=()),
        sample("1 3", shape=(0, 3)), sample("3", shape=3),
    ],
    points=[point((ROW,), (np.full((1, 2), 3.0),), out=ROW[[0, 0, 0]], shape=(3, 2)), point((2.0,), (3.0,), shape=3)],
    errors=[error(("3",), shape=(2,), match="(3,)")],
    source="linear: the adjoint of repeating is a sum",
)  # fmt: skip
def broadcast_to(x, /, shape):
    """x repeated to a shape without copying, as arithmetic does it; the adjoint sums."""
    return np.broadcast_to(x, shape)[()]


broadcast_to.vjp(x=lambda g, out, x, shape: sum_to(g, np.shape(x), len(lead(g, out))))


@primitive(
    numpy=np.flip,
    kind="view",
    leading=True,
    samples=[sample("3 4"), sample("3 4", axis=-1, complex=True), sample("2 3 4", axis=(0, 2)), sample("")],
    points=[point((ROW,), (np.ones((1, 2)),), out=np.array([[3.0, 2.0]]), axis=1)],
    errors=[BAD_AXIS],
    source="linear: the adjoint is the rearrangement undone",
)
def flip(x, /, axis=None):
    """Elements in reverse order along axis, along all by default."""
    return np.flip(x, axis)[()]


flip.vjp(x=lambda g, out, x, axis=None: np.flip(g, from_the_end(axis, x)))


@primitive(
    numpy=np.roll,
    kind="linear",
    leading=True,
    samples=[sample("3 4", shift=2), sample("3 4", shift=-1, axis=1), sample("3 4", shift=(1, 2), axis=(0, 1)),
             sample("3 4", shift=1, axis=(0, -1)), sample("3 4", shift=[1, 2], axis=0), sample("", shift=1),
             sample("3 4", shift=(1, -3), axis=(1, 1), complex=True), sample("0 2", shift=1, axis=1)],
    points=[point((ROW,), (np.ones((1, 2)),), out=np.array([[3.0, 2.0]]), shift=1)],
    errors=[error(("3",), shift=1, axis=2, match="axis 2 is out of bounds")],
    source="linear: the adjoint is the rearrangement undone",
)  # fmt: skip
def roll(x, /, shift, axis=None):
    """Elements moved on by `shift` places along axis; what leaves at the end comes in at the start."""
    return np.roll(x, shift, axis)[()]


def _roll(g, out, x, shift, axis=None):
    if axis is None:  # of the flattened x
        flat = np.reshape(g, (*lead(g, out), np.size(x)))
        return np.reshape(np.roll(flat, np.negative(shift), -1), np.shape(g))
    return np.roll(g, np.negative(shift), from_the_end(axis, x))


roll.vjp(x=_roll)


@primitive(
    numpy=np.copy,
    kind="linear",
    leading=True,
    samples=[sample("3 4"), sample(""), sample("3 4", order="F")],
    points=[point((ROW,), (np.ones((1, 2)),), out=ROW)],
    source="linear: the identity",
)
def copy(x, /, order="K", subok=False):
    """The same numbers in memory of their own."""
    return np.array(x, order=order)[()]


copy.vjp(x=lambda g, out, x, **options: g)


def many(*arrays, **options):
    """The call of an op whose arrays NumPy takes one by one, not in a list."""
    return arrays, options


def _atleast(name, count, shape):
    """An op that gives arrays of fewer axes some of length 1; `shape` says the new shape."""

    def forward(*arrays):
        outs = tuple(np.reshape(x, shape(np.shape(x)) if np.ndim(x) < count else np.shape(x)) for x in arrays)
        return outs[0] if len(outs) == 1 else outs

    forward.__module__ = __name__
    forward.__doc__ = f"Each array with at least {count} axes, in a tuple if there are several."
    ones = np.ones((1,) * count)
    op = primitive(
        forward,
        numpy=getattr(np, name),
        name=name,
        kind="composed",
        call=many,
        samples=[sample(""), sample("3"), sample("2 3"), sample("3", "", "2 3")],
        points=[point((1.0,), (1.0,), out=ones)],
        source="composed of reshape",
    )
    op.variadic = False
    return op


atleast_1d = _atleast("atleast_1d", 1, lambda shape: (1,))
atleast_2d = _atleast("atleast_2d", 2, lambda shape: (1, *shape) if shape else (1, 1))
atleast_3d = _atleast("atleast_3d", 3, lambda shape: (*(1, 1, 1)[: 2 - len(shape)], *shape, 1))


@primitive(
    numpy=np.broadcast_arrays,
    kind="composed",
    call=many,
    samples=[sample("3", "2 1"), sample("2 3"), sample("", "2", "3 1")],
    points=[point((ROW[0], 1.0), (np.ones(2), 2.0), out=(ROW[0], np.ones(2)))],
    errors=[error(("3", "2"), match="shape mismatch", kind=ValueError)],
    source="composed of broadcast_to",
)
def broadcast_arrays(*arrays, subok=False):
    """A tuple of the arrays, each repeated to the shape that arithmetic would give all."""
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return tuple(np.broadcast_to(x, shape) for x in arrays)


broadcast_arrays.variadic = False
