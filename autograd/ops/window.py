"""Sliding windows: views of them, unfold and fold, and the geometry that convolution and pooling share.

All windows of an array are one strided view, and one copy of it makes each window a column of a matrix. The way back, which
adds overlapping windows, goes over the positions in the *window*, which are few: at one position, the elements of all
windows are one strided slice of the array, and slices can be added without np.add.at.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autograd.errors import ArgumentError
from autograd.ops.axes import per_axis
from autograd.primitives import error, point, primitive, sample

__all__ = ["add_windows", "at", "check_spatial", "fold", "geometry", "inside", "overlap_add", "padded",
           "sliding_window_view", "unfold", "windows"]  # fmt: skip


def _axes(x, window_shape, axis):
    """(lengths, axes) of a window, as two tuples; no axis is negative."""
    window = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    axes = range(np.ndim(x)) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return window, tuple(a % np.ndim(x) for a in axes)


def _overlap_add(g, out, x, window_shape, axis=None):
    return overlap_add(g, np.shape(x), *_axes(x, window_shape, axis))


@primitive(
    numpy=np.lib.stride_tricks.sliding_window_view,
    kind="view",
    samples=[
        sample("5", window_shape=3), sample("3 4", window_shape=(2, 3), complex=True), sample("6", window_shape=(1,)),
        sample("3 4", window_shape=2, axis=-1), sample("2 4 3", window_shape=(2, 3), axis=(-1, 1)),
        sample("5", window_shape=(2, 3), axis=(0, 0)), sample("", window_shape=()), sample("3", window_shape=3),
    ],
    points=[point((np.arange(4.0),), (np.array([1.0, 2.0, 2.0, 1.0]),), window_shape=2,
                  out=np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]))],
    errors=[error(("3",), window_shape=4, match="(3,)"), error(("3 4",), window_shape=2, match="(3, 4)"),
            error(("3",), window_shape=2, writeable=True, match="'writeable'", kind=ArgumentError)],
    source="linear: an element's slope is the number of windows it lies in",
)  # fmt: skip
def sliding_window_view(x, /, window_shape, axis=None):
    """All windows of x, x.shape − window_shape + 1 of them, each on new last axes; a read-only view."""
    return np.lib.stride_tricks.sliding_window_view(x, window_shape, axis)[()]


sliding_window_view.vjp(x=_overlap_add)


@primitive(
    kind="linear",
    samples=[
        sample("3 3", shape=(5,), window_shape=(3,), axis=(0,)),
        sample("2 2 2 3", shape=(3, 4), window_shape=(2, 3), axis=(0, 1)),
    ],
    points=[point((np.ones((3, 2)),), (np.ones((3, 2)),), shape=(4,), window_shape=(2,), axis=(0,),
                  out=np.array([1.0, 2.0, 2.0, 1.0]))],
    source="linear: the adjoint of sliding_window_view",
)  # fmt: skip
def overlap_add(x, /, shape, window_shape, axis):
    """Zeros of `shape` with each window of x added at its place: the adjoint of sliding_window_view."""
    out = np.zeros(shape, np.result_type(x))
    for position in np.ndindex(*window_shape):
        start = [0] * len(shape)
        for a, offset in zip(axis, position, strict=True):
            start[a] += offset
        place = tuple(slice(s, s + length) for s, length in zip(start, np.shape(x), strict=False))
        out[place] += np.asarray(x)[(..., *position)]
    return out


overlap_add.vjp(x=lambda g, out, x, shape, window_shape, axis: np.lib.stride_tricks.sliding_window_view(
    g, window_shape, axis))  # fmt: skip


# where windows lie: options as PyTorch has them, for any number of spatial axes


def geometry(lengths, kernel, stride, padding, dilation, ceil_mode=False):
    """(padding as pairs, stride, dilation, numbers of windows), a tuple each, of windows over axes of these lengths.

    ceil_mode lets a last window hang over the end if it starts before; the padding at the end is then longer.
    """
    count = len(lengths)
    stride, dilation = per_axis(stride, count, "stride"), per_axis(dilation, count, "dilation")
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ArgumentError(f"padding='same' is for stride 1, got stride={stride}")
        pads = tuple(((e - 1) // 2, e // 2) for e in extent)
    elif isinstance(padding, str) and padding != "valid":
        raise ArgumentError(f"padding={padding!r}: expected an integer, one per spatial axis, 'same' or 'valid'")
    else:
        pads = tuple((p, p) for p in per_axis(0 if padding == "valid" else padding, count, "padding", 0))
    outs = [(n + sum(pad) - e) // s + 1 for n, pad, e, s in zip(lengths, pads, extent, stride, strict=True)]
    if ceil_mode:
        room = [(n + pad[0] - 1) // s + 1 for n, pad, s in zip(lengths, pads, stride, strict=True)]
        more = [-((e - n - sum(pad)) // s) + 1 for n, pad, e, s in zip(lengths, pads, extent, stride, strict=True)]
        outs = [min(pair) for pair in zip(room, more, strict=True)]
        ends = [(m - 1) * s + e for m, s, e in zip(outs, stride, extent, strict=True)]
        pads = tuple((a, max(b, end - n - a)) for (a, b), end, n in zip(pads, ends, lengths, strict=True))
    if min(outs) < 1:
        full = tuple(n + sum(pad) for n, pad in zip(lengths, pads, strict=True))
        raise ValueError(f"a window that spans {tuple(extent)} does not fit into the padded lengths {full}")
    return pads, stride, dilation, tuple(outs)


def check_spatial(x, name="x"):
    if np.ndim(x) < 3:
        raise ValueError(f"{name} has shape {np.shape(x)}, expected (batch, channels, and at least one spatial axis)")


def padded(x, pads, fill=0.0):
    """x (batch, channels, …) with `fill` around its spatial axes; x itself if the pads are 0."""
    if not any(map(sum, pads)):
        return x
    lengths = [length + sum(pad) for length, pad in zip(x.shape[2:], pads, strict=True)]
    out = np.full((*x.shape[:2], *lengths), fill, x.dtype if fill == 0.0 else np.result_type(x, np.float16))
    out[inside(x.shape[2:], pads)] = x
    return out


def inside(lengths, pads):
    """The place of an array in its padded self."""
    return (..., *(slice(low, low + length) for length, (low, _) in zip(lengths, pads, strict=True)))


def at(position, stride, dilation, outs):
    """The elements that all windows have at one position of the kernel: a strided slice of the padded array."""
    starts = [p * d for p, d in zip(position, dilation, strict=True)]
    return (..., *(slice(a, a + s * (n - 1) + 1, s) for a, s, n in zip(starts, stride, outs, strict=True)))


def windows(x, kernel, stride, padding, dilation):
    """A view (batch, channels, *kernel, *windows) of the padded x, and the numbers of windows."""
    pads, stride, dilation, outs = geometry(x.shape[2:], kernel, stride, padding, dilation)
    x = padded(x, pads)
    steps = [s * d for s, d in zip(x.strides[2:], dilation, strict=True)]
    strides = [s * n for s, n in zip(x.strides[2:], stride, strict=True)]
    return as_strided(x, (*x.shape[:2], *kernel, *outs), (*x.strides[:2], *steps, *strides), writeable=False), outs


def add_windows(columns, out, stride, dilation, outs):
    """Add columns (batch, channels, *kernel, *windows) to the padded array that their windows lie in."""
    for position in np.ndindex(*columns.shape[2 : out.ndim]):
        out[at(position, stride, dilation, outs)] += columns[(slice(None), slice(None), *position)]


SQUARE = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)


@primitive(
    kind="linear",
    samples=[
        sample("2 2 5", kernel_size=3), sample("1 2 4 5", kernel_size=(2, 3), stride=(1, 2), padding=(1, 0)),
        sample("1 1 7", kernel_size=(3,), dilation=2, stride=2, padding=2, complex=True),
        sample("1 1 2 3 3", kernel_size=2, padding=(0, 1, 0)), sample("0 1 3", kernel_size=2),
    ],
    points=[point((SQUARE,), (np.array([[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]),), kernel_size=2,
                  out=SQUARE[0, 0, [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 2, 2], [1, 1, 2, 2]],
                             [[0, 1, 0, 1], [1, 2, 1, 2], [0, 1, 0, 1], [1, 2, 1, 2]]][None])],
    errors=[
        error(("2 3",), kernel_size=2, match="x (2, 3)"), error(("1 1 3",), kernel_size=4, match="x (1, 1, 3)"),
        error(("1 1 3 3",), kernel_size=(2,), match="kernel_size=(2,)", kind=ArgumentError),
        error(("1 1 3",), kernel_size=2, stride=0, match="stride=0", kind=ArgumentError),
    ],
    source="linear: the adjoint of copying windows adds them up (fold)",
)  # fmt: skip
def unfold(x, /, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of x as columns (im2col): (batch, channels, *spatial) → (batch, channels · Π kernel_size, windows)."""
    check_spatial(x)
    kernel = per_axis(kernel_size, x.ndim - 2, "kernel_size")
    view, outs = windows(x, kernel, stride, padding, dilation)
    return view.reshape(x.shape[0], x.shape[1] * math.prod(kernel), math.prod(outs))


unfold.vjp(x=lambda g, out, x, kernel_size, **options: fold(g, np.shape(x)[2:], kernel_size, **options))


@primitive(
    kind="linear",
    samples=[
        sample("2 6 3", output_size=(5,), kernel_size=3), sample("1 6 9", output_size=(3, 4), kernel_size=(1, 2)),
        sample("1 3 3", output_size=(7,), kernel_size=3, dilation=2, stride=2, padding=1),
    ],
    points=[point((np.ones((1, 4, 4)),), (np.ones((1, 4, 4)),), output_size=(3, 3), kernel_size=2,
                  out=np.array([[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]))],
    errors=[
        error(("1 4 5",), output_size=(3, 3), kernel_size=2, match="expected (batch, a multiple of 4, 4)"),
        error(("1 3 4",), output_size=(3, 3), kernel_size=2, match="x (1, 3, 4)"),
        error(("1 4 4",), output_size=3, kernel_size=2, match="output_size=3", kind=ArgumentError),
    ],
    source="linear: the adjoint of adding windows up copies them (unfold)",
)  # fmt: skip
def fold(x, /, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns added up as windows: (batch, channels · Π kernel_size, windows) → (batch, channels, *output_size).

    The adjoint of unfold, not its inverse: fold(unfold(x)) is x times the number of windows that an element lies in.
    """
    if not isinstance(output_size, (tuple, list)):
        raise ArgumentError(f"output_size={output_size!r}: expected a tuple, one length per spatial axis")
    kernel = per_axis(kernel_size, len(output_size), "kernel_size")
    pads, stride, dilation, outs = geometry(output_size, kernel, stride, padding, dilation)
    size = math.prod(kernel)
    if x.ndim != 3 or x.shape[1] % size or x.shape[2] != math.prod(outs):
        raise ValueError(f"x has shape {x.shape}, expected (batch, a multiple of {size}, {math.prod(outs)})")
    columns = x.reshape(x.shape[0], x.shape[1] // size, *kernel, *outs)
    lengths = [length + sum(pad) for length, pad in zip(output_size, pads, strict=True)]
    out = np.zeros((*columns.shape[:2], *lengths), x.dtype)
    add_windows(columns, out, stride, dilation, outs)
    return out[inside(output_size, pads)]


fold.vjp(x=lambda g, out, x, output_size, kernel_size, **options: unfold(g, kernel_size, **options))
