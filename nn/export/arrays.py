"""Ops that rearrange arrays, products of matrices, and windows."""

import numpy as np

from autograd.compiler.program import Variable
from autograd.ops.window import geometry
from nn.export.builder import block
from nn.export.elementwise import dtype_of
from nn.onnx.operators import OnnxError

__all__ = []


@block("reshape", "ravel")
def reshape(b, out, x, **options):
    """Of lengths that depend on the batch one may be left to be worked out."""
    lengths = list(out.shape)
    open_places = [i for i, n in enumerate(lengths) if hasattr(n, "each")]
    if len(open_places) == 1:
        lengths[open_places[0]] = -1
    return b.node("Reshape", x, b.lengths(lengths))


@block("transpose")
def transpose(b, out, x, axes=None):
    count = len(out.shape)
    return b.node("Transpose", x, perm=[a % count for a in axes] if axes is not None else list(range(count))[::-1])


@block("swapaxes")
def swapaxes(b, out, x, axis1, axis2):
    order = list(range(len(out.shape)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return b.node("Transpose", x, perm=order)


@block("matrix_transpose")
def matrix_transpose(b, out, x):
    return swapaxes(b, out, x, -1, -2)


@block("moveaxis")
def moveaxis(b, out, x, source, destination):
    count = len(out.shape)
    lengths = np.moveaxis(np.empty(range(count)), source, destination).shape  # each axis is as long as its number
    return b.node("Transpose", x, perm=lengths)


@block("expand_dims")
def expand_dims(b, out, x, axis):
    return b.node("Unsqueeze", x, np.atleast_1d(np.array(axis, np.int64)))


@block("squeeze")
def squeeze(b, out, x, axis=None):
    return b.node("Squeeze", x, None if axis is None else np.atleast_1d(np.array(axis, np.int64)))


@block("broadcast_to")
def broadcast_to(b, out, x, shape=None):
    return b.node("Expand", b.name(x, out.dtype), b.lengths(out.shape))


@block("concatenate")
def concatenate(b, out, *arrays, axis=0):
    return b.node("Concat", *(b.name(x, out.dtype) for x in arrays), axis=axis)


@block("stack")
def stack(b, out, *arrays, axis=0):
    place = np.array([axis], np.int64)
    return b.node("Concat", *(b.node("Unsqueeze", b.name(x, out.dtype), place) for x in arrays), axis=axis)


@block("tile")
def tile(b, out, x, reps):
    repeats = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    return b.node("Tile", x, b.lengths((1,) * (len(out.shape) - len(repeats)) + repeats))


@block("flip")
def flip(b, out, x, axis=None):
    axes = list(range(len(out.shape))) if axis is None else np.atleast_1d(axis).tolist()
    back = [-1] * len(axes)
    return b.node("Slice", x, *map(b.lengths, (back, [np.iinfo(np.int64).min] * len(axes), axes, back)))


@block("extend")
def extend(b, out, x, pad_width, mode="constant", constant_values=0.0):
    pads = b.lengths([width[end] for end in (0, 1) for width in pad_width])
    fill = b.name(constant_values, out.dtype) if mode == "constant" else None
    if mode == "symmetric":
        raise OnnxError("export.onnx: padding with mode='symmetric' has no ONNX operator")
    return b.node("Pad", x, pads, fill, mode=mode)


@block("tril")
def tril(b, out, x, k=0):
    return b.node("Trilu", x, np.array(k, np.int64), upper=0)


@block("triu")
def triu(b, out, x, k=0):
    return b.node("Trilu", x, np.array(k, np.int64), upper=1)


@block("take")
def take(b, out, x, indices, axis=None):
    x = b.node("Reshape", x, np.array([-1])) if axis is None else x
    return b.node("Gather", x, indices, axis=axis or 0)


@block("take_along_axis")
def take_along_axis(b, out, x, indices, axis=-1):
    return b.node("GatherElements", x, b.name(indices, np.int64), axis=axis)


@block("getitem")
def getitem(b, out, x, index):
    """Whole numbers, slices and None; or one array of whole numbers, beside ':' only."""
    parts = _parts(index, len(x.shape))
    place = next((i for i, part in enumerate(parts) if isinstance(part, (Variable, np.ndarray, list))), None)
    if place is not None:
        others = parts[:place] + parts[place + 1 :]
        if (
            any(not isinstance(part, slice) or part != slice(None) for part in others)
            or dtype_of(parts[place]).kind == "b"
        ):
            raise OnnxError(
                "export.onnx: an index of several parts with arrays, or a mask, is not supported: np.take is"
            )
        return b.node("Gather", x, parts[place], axis=place)
    return _cut(b, b.name(x), parts)


def _parts(index, count):
    """The parts of an index, with ':' for every axis that '...' stands for."""
    parts = list(index) if isinstance(index, tuple) else [index]
    missing = count - sum(part is not None and part is not Ellipsis for part in parts)
    place = next((i for i, part in enumerate(parts) if part is Ellipsis), None)
    if place is not None:
        parts[place : place + 1] = [slice(None)] * missing
    return parts


def _cut(b, name, parts):
    """Slices, then the axes of whole numbers taken away, then new ones put in."""
    cuts = {axis: part for axis, part in enumerate(part for part in parts if part is not None) if part != slice(None)}
    if cuts:
        starts, ends, steps = zip(*map(_bounds, cuts.values()), strict=True)
        name = b.node("Slice", name, *map(b.lengths, (starts, ends, tuple(cuts), steps)))
    dropped = [axis for axis, part in cuts.items() if not isinstance(part, slice)]
    if dropped:
        name = b.node("Squeeze", name, b.lengths(dropped))
    kept = [part for part in parts if part is None or isinstance(part, slice)]
    new = [axis for axis, part in enumerate(kept) if part is None]
    return b.node("Unsqueeze", name, b.lengths(new)) if new else name


def _bounds(part):
    """(start, end, step) of a slice, or of a whole number, in ONNX's way."""
    least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    if not isinstance(part, slice):
        return part, (most if part == -1 else part + 1), 1
    step = 1 if part.step is None else part.step
    start = part.start if part.start is not None else (0 if step > 0 else most)
    stop = part.stop if part.stop is not None else (most if step > 0 else least)
    return start, stop, step


# products


@block("matmul", "dot")
def matmul(b, out, x, y):
    return b.node("MatMul", b.name(x, out.dtype), b.name(y, out.dtype))


@block("linear")
def linear(b, out, x, weight, bias):
    """x @ weightᵀ + bias, one node for a matrix x."""
    plain = type(bias) is float
    if len(x.shape) == 2:
        return b.node("Gemm", x, weight, None if plain else bias, transB=1)
    name = b.node("MatMul", x, b.node("Transpose", weight, perm=[1, 0]))
    return name if plain else b.node("Add", name, bias)


@block("einsum")
def einsum(b, out, *operands, subscripts, optimize=False):
    return b.node("Einsum", *(b.name(x, out.dtype) for x in operands), equation=subscripts.replace(" ", ""))


# windows


def _pads(x, kernel, stride, padding, dilation, ceil_mode=False):
    """All beginnings, then all ends."""
    lengths = [int(n) for n in x.shape[2:]]
    pairs, stride, dilation, _ = geometry(lengths, kernel, stride, padding, dilation)
    return {
        "kernel_shape": kernel, "pads": [p for p, _ in pairs] + [p for _, p in pairs], "strides": stride,
        "dilations": dilation,
    }  # fmt: skip


@block("conv")
def conv(b, out, x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return b.node("Conv", x, w, bias, group=groups, **_pads(x, w.shape[2:], stride, padding, dilation))


@block("conv_input")
def conv_input(b, out, y, w, lengths, stride=1, padding=0, dilation=1, groups=1):
    """The transposed convolution; output_padding is what the lengths go beyond the least."""
    options = _pads(out, w.shape[2:], stride, padding, dilation)
    count = len(lengths)
    pads = options["pads"]
    least = [(n - 1) * s - pads[i] - pads[count + i] + d * (k - 1) + 1 for i, (n, s, d, k) in enumerate(
        zip(y.shape[2:], options["strides"], options["dilations"], w.shape[2:], strict=True))]  # fmt: skip
    extra = [n - m for n, m in zip(lengths, least, strict=True)]
    return b.node("ConvTranspose", y, w, group=groups, output_padding=extra, **options)


def _pool(x, kernel_size, stride, padding, dilation):
    count = len(x.shape) - 2
    kernel = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size,) * count
    return _pads(x, kernel, kernel if stride is None else stride, padding, dilation)


@block("max_pool")
def max_pool(b, out, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return b.node("MaxPool", x, ceil_mode=int(ceil_mode), **_pool(x, kernel_size, stride, padding, dilation))


@block("avg_pool")
def avg_pool(b, out, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    options = _pool(x, kernel_size, stride, padding, 1)
    return b.node("AveragePool", x, ceil_mode=int(ceil_mode), count_include_pad=int(count_include_pad), **options)
