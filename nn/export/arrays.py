"""Ops that rearrange arrays, products of matrices, and windows."""

import numpy as np

from autograd.compiler.program import Variable
from autograd.ops.axes import per_axis
from nn.export.builder import block, dtype_of
from nn.onnx.operators import OnnxError

__all__ = []


@block("reshape", "ravel")
def reshape(b, out, x, order="C", **options):
    """Of lengths that depend on the batch one may be left to be worked out; order "F" turns all axes before and after."""
    if order == "F":
        turned = _turned(b, x, range(len(x.shape))[::-1])
        return _turned(b, b.node("Reshape", turned, b.lengths(out.shape[::-1])), range(len(out.shape))[::-1])
    lengths = list(out.shape)
    open_places = [i for i, n in enumerate(lengths) if hasattr(n, "each")]
    if len(open_places) == 1:
        lengths[open_places[0]] = -1
    return b.node("Reshape", x, b.lengths(lengths), allowzero=int(0 in lengths))


def _turned(b, x, order):
    return b.node("Transpose", x, perm=list(order)) if len(order) > 1 else b.node("Identity", x)


@block("transpose")
def transpose(b, out, x, axes=None):
    count = len(out.shape)
    return _turned(b, x, [a % count for a in axes] if axes is not None else range(count)[::-1])


@block("swapaxes")
def swapaxes(b, out, x, axis1, axis2):
    order = list(range(len(out.shape)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _turned(b, x, order)


@block("matrix_transpose")
def matrix_transpose(b, out, x):
    return swapaxes(b, out, x, -1, -2)


@block("moveaxis")
def moveaxis(b, out, x, source, destination):
    count = len(out.shape)
    lengths = np.moveaxis(np.empty(range(count)), source, destination).shape  # each axis is as long as its number
    return _turned(b, x, lengths)


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
    if axis is None:
        arrays, axis = [b.node("Reshape", b.name(x, out.dtype), b.lengths((-1,))) for x in arrays], 0
    return b.node("Concat", *(b.name(x, out.dtype) for x in arrays), axis=axis)


@block("stack")
def stack(b, out, *arrays, axis=0):
    place = np.array([axis], np.int64)
    return b.node("Concat", *(b.node("Unsqueeze", b.name(x, out.dtype), place) for x in arrays), axis=axis)


@block("tile")
def tile(b, out, x, reps):
    repeats = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    more = len(repeats) - len(x.shape)
    x = b.node("Unsqueeze", x, b.lengths(range(more))) if more > 0 else x
    return b.node("Tile", x, b.lengths((1,) * -more + repeats))


@block("flip")
def flip(b, out, x, axis=None):
    axes = list(range(len(out.shape))) if axis is None else np.atleast_1d(axis).tolist()
    if not axes:
        return b.node("Identity", x)
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
    x = b.node("Reshape", x, b.lengths((-1,))) if axis is None else x
    return b.node("Gather", x, b.name(indices, np.int64), axis=axis or 0)


@block("take_along_axis")
def take_along_axis(b, out, x, indices, axis=-1):
    indices = b.name(indices, np.int64)
    if axis is None:
        x, indices, axis = b.node("Reshape", x, b.lengths((-1,))), b.node("Reshape", indices, b.lengths((-1,))), 0
    return b.node("GatherElements", x, indices, axis=axis)


@block("getitem")
def getitem(b, out, x, index):
    """Whole numbers, slices and None; or one array of whole numbers, beside ':' only."""
    parts = _parts(index, len(x.shape))
    place = next((i for i, part in enumerate(parts) if isinstance(part, (Variable, np.ndarray, list))), None)
    if place is not None:
        others = parts[:place] + parts[place + 1 :]
        alone = all(isinstance(part, slice) and part == slice(None) for part in others)
        if not alone or dtype_of(parts[place]).kind == "b":
            raise OnnxError("export.onnx: an index with several arrays, or a mask, is not supported: np.take is")
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
        after = part.next() if hasattr(part, "next") else part + 1
        return part, (most if part == -1 else after), 1
    step = 1 if part.step is None else part.step
    start = part.start if part.start is not None else (0 if step > 0 else most)
    stop = part.stop if part.stop is not None else (most if step > 0 else least)
    return start, stop, step


# products


@block("matmul")
def matmul(b, out, x, y):
    return b.node("MatMul", b.name(x, out.dtype), b.name(y, out.dtype))


@block("dot")
def dot(b, out, x, y):
    ranks = [len(getattr(operand, "shape", ())) for operand in (x, y)]
    if not all(ranks):
        return b.node("Mul", b.name(x, out.dtype), b.name(y, out.dtype))
    if ranks[0] > 1 and ranks[1] > 2:
        raise OnnxError("export.onnx: dot of more than two axes on the right has no ONNX operator: np.matmul has")
    return matmul(b, out, x, y)


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


def _pads(kernel, stride, padding, dilation):
    """The geometry of windows in ONNX's words; pads are all beginnings, then all ends."""
    count = len(kernel)
    stride, dilation = per_axis(stride, count, "stride"), per_axis(dilation, count, "dilation")
    if padding == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        pads = [r // 2 for r in reach] + [r - r // 2 for r in reach]
    else:
        pads = 2 * list(per_axis(0 if padding == "valid" else padding, count, "padding", 0))
    return {"kernel_shape": kernel, "pads": pads, "strides": stride, "dilations": dilation}


@block("conv")
def conv(b, out, x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return b.node("Conv", x, w, bias, group=groups, **_pads(w.shape[2:], stride, padding, dilation))


@block("conv_input")
def conv_input(b, out, y, w, lengths, stride=1, padding=0, dilation=1, groups=1):
    """The transposed convolution; output_padding is what the lengths go beyond the least."""
    options = _pads(w.shape[2:], stride, padding, dilation)
    count = len(lengths)
    pads = options["pads"]
    least = [(n - 1) * s - pads[i] - pads[count + i] + d * (k - 1) + 1 for i, (n, s, d, k) in enumerate(
        zip(y.shape[2:], options["strides"], options["dilations"], w.shape[2:], strict=True))]  # fmt: skip
    extra = [n - m for n, m in zip(lengths, least, strict=True)]
    return b.node("ConvTranspose", y, w, group=groups, output_padding=extra, **options)


def _pool(x, kernel_size, stride, padding, dilation):
    kernel = per_axis(kernel_size, len(x.shape) - 2, "kernel_size")
    return _pads(kernel, kernel if stride is None else stride, padding, dilation)


def _ceil(x, out, options):
    """ceil_mode: whether the last windows hang over the end. ONNX counts one that begins in the padding, which ours drops:
    so without another there are as many as without ceil_mode, which the file says."""
    count = len(options["strides"])
    hanging, dropped = False, False
    for i, (n, windows) in enumerate(zip(x.shape[2:], out.shape[2:], strict=True)):
        reach = options["dilations"][i] * (options["kernel_shape"][i] - 1) + 1
        last, rest = divmod(n + options["pads"][i] + options["pads"][count + i] - reach, options["strides"][i])
        hanging, dropped = hanging or windows > last + 1, dropped or (rest > 0 and windows == last + 1)
    if hanging and dropped:
        raise OnnxError(
            "export.onnx: a pool with ceil_mode=True whose last window would begin in the padding in one axis and hangs "
            "over the end in another has no ONNX operator: choose a padding without that"
        )
    return int(hanging)


@block("max_pool")
def max_pool(b, out, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    options = _pool(x, kernel_size, stride, padding, dilation)
    return b.node("MaxPool", x, ceil_mode=_ceil(x, out, options), **options)


@block("avg_pool")
def avg_pool(b, out, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    options = _pool(x, kernel_size, stride, padding, 1)
    return b.node(
        "AveragePool", x, ceil_mode=_ceil(x, out, options), count_include_pad=int(count_include_pad), **options
    )
