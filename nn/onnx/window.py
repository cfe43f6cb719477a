"""Convolution and pooling.

ONNX has padding as all beginnings, then all ends, so x is padded first where the two differ, and for pools always: then
what is beyond the edge is a number like any other. Means of a pool are a convolution with ones, divided by that of a mask.
"""

import math

import numpy as np

from autograd import ops
from nn.onnx.operators import operator
from nn.onnx.types import astype, data_of, shape_of

__all__ = []


def _pairs(auto_pad, pads, lengths, kernel, strides, dilations):
    """(before, after) of each axis; SAME makes ⌈length / stride⌉ windows, the odd element at the end or the beginning."""
    count = len(kernel)
    if auto_pad in ("NOTSET", "VALID"):
        pads = pads if pads is not None and auto_pad == "NOTSET" else (0,) * 2 * count
        return list(zip(pads[:count], pads[count:], strict=True))
    pairs = []
    for n, k, s, d in zip(lengths, kernel, strides, dilations, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        small, large = total // 2, total - total // 2
        pairs.append((small, large) if auto_pad == "SAME_UPPER" else (large, small))
    return pairs


def _padded(x, pairs, fill=0):
    return np.pad(x, [(0, 0), (0, 0), *pairs], constant_values=fill) if any(map(sum, pairs)) else x


@operator("Conv")
def conv(
    x, w, b=None, *, auto_pad="NOTSET", dilations=None, group=1,
    kernel_shape=None, pads=None, strides=None,
):  # fmt: skip
    """x (batch, channels, *spatial), w (out channels, channels / group, *kernel), b (out channels,)."""
    count = np.ndim(x) - 2
    strides, dilations = strides or (1,) * count, dilations or (1,) * count
    pairs = _pairs(auto_pad, pads, np.shape(x)[2:], np.shape(w)[2:], strides, dilations)
    if all(before == after for before, after in pairs):
        padding = tuple(before for before, _ in pairs)
    else:
        x, padding = _padded(x, pairs), (0,) * count
    operands = (x, w) if b is None else (x, w, b)
    return ops.conv(*operands, stride=tuple(strides), padding=padding, dilation=tuple(dilations), groups=group)


@operator("ConvTranspose")
def conv_transpose(
    x, w, b=None, *, auto_pad="NOTSET", dilations=None, group=1,
    kernel_shape=None, output_padding=None, output_shape=None, pads=None, strides=None,
):  # fmt: skip
    """The adjoint of Conv: computed without padding, then cut; output_padding adds zeros at the end."""
    kernel, lengths = np.shape(w)[2:], np.shape(x)[2:]
    count = len(kernel)
    strides, dilations = strides or (1,) * count, dilations or (1,) * count
    extra = output_padding or (0,) * count
    full = [(n - 1) * s + d * (k - 1) + 1 + e
            for n, s, d, k, e in zip(lengths, strides, dilations, kernel, extra, strict=True)]  # fmt: skip
    if output_shape is None and auto_pad.startswith("SAME"):
        output_shape = [n * s for n, s in zip(lengths, strides, strict=True)]
    if output_shape is not None:
        totals = [max(m - n, 0) for m, n in zip(full, output_shape[-count:], strict=True)]
        upper = auto_pad != "SAME_LOWER" if auto_pad != "NOTSET" else False
        pairs = [(t // 2, t - t // 2) if upper else (t - t // 2, t // 2) for t in totals]
        extra = [max(n - m, 0) for m, n in zip(full, output_shape[-count:], strict=True)]
    else:
        pairs, extra = _pairs(auto_pad, pads, lengths, kernel, strides, dilations), [0] * count
    out = ops.conv_input(x, w, lengths=tuple(full), stride=tuple(strides), dilation=tuple(dilations), groups=group)
    out = _padded(out, [(0, e) for e in extra])
    out = out[(..., *(slice(low, m + e - high) for (low, high), m, e in zip(pairs, full, extra, strict=True)))]
    return out if b is None else out + np.reshape(b, (-1, *(1,) * count))


def _windows(x, auto_pad, ceil_mode, dilations, kernel, pads, strides):
    """(padding, the same with what a last window of ceil_mode hangs over, strides, dilations) of a pool."""
    count = len(kernel)
    strides, dilations = tuple(strides or (1,) * count), tuple(dilations or (1,) * count)
    pairs = _pairs(auto_pad, pads, np.shape(x)[2:], kernel, strides, dilations)
    whole = []
    for n, (low, high), k, s, d in zip(np.shape(x)[2:], pairs, kernel, strides, dilations, strict=True):
        room = n + low + high - d * (k - 1) - 1
        last = -(-room // s) if ceil_mode else room // s
        last -= last * s >= n + low  # a window must not begin beyond the end
        whole.append((low, max(high, last * s + d * (k - 1) + 1 - n - low)))
    return pairs, whole, strides, dilations


@operator("MaxPool")
def max_pool(
    x, *, auto_pad="NOTSET", ceil_mode=0, dilations=None, kernel_shape,
    pads=None, storage_order=0, strides=None, outputs,
):  # fmt: skip
    """(largest of each window, its place in x, all axes flattened; storage_order 1: the spatial ones column by column)."""
    _, pairs, strides, dilations = _windows(x, auto_pad, ceil_mode, dilations, kernel_shape, pads, strides)
    lowest = -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    options = {"stride": strides, "dilation": dilations}
    full = _padded(x, pairs, lowest)
    out = ops.max_pool(full, kernel_shape, **options)
    if outputs < 2:
        return out
    spatial = np.shape(x)[2:]
    order = np.arange(math.prod(spatial)).reshape(spatial, order="F" if storage_order else "C")
    places = _padded(np.broadcast_to(order, np.shape(x)), pairs)
    view, steps = _window_view(data_of(full), kernel_shape, **options), _window_view(places, kernel_shape, **options)
    first = np.expand_dims(np.argmax(view, axis=-1), -1)
    found = np.take_along_axis(steps, first, -1)[..., 0]
    rows = np.arange(math.prod(np.shape(x)[:2])).reshape(*np.shape(x)[:2], *(1,) * len(spatial))
    return out, found + rows * math.prod(spatial)


def _window_view(x, kernel, stride, dilation):
    """(batch, channels, *windows, elements of a window)."""
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=tuple(range(2, x.ndim)))
    view = view[(..., *(slice(None, None, s) for s in stride), *(slice(None, None, d) for d in dilation))]
    return view.reshape(*view.shape[: x.ndim], -1)


def _sums(x, kernel, strides, dilations):
    """Sums of the windows of x, channel by channel."""
    shape = np.shape(x)
    ones = np.ones((1, 1, *kernel), x.dtype)
    out = ops.conv(np.reshape(x, (-1, 1, *shape[2:])), ones, stride=strides, dilation=dilations)
    return np.reshape(out, (*shape[:2], *np.shape(out)[2:]))


@operator("AveragePool")
def average_pool(
    x, *, auto_pad="NOTSET", ceil_mode=0, count_include_pad=0, dilations=None,
    kernel_shape, pads=None, strides=None,
):  # fmt: skip
    """Mean of each window, over what lies in x, or with count_include_pad in the padding too."""
    pairs, whole, strides, dilations = _windows(x, auto_pad, ceil_mode, dilations, kernel_shape, pads, strides)
    mask = np.ones((1, 1, *np.shape(x)[2:]), x.dtype)
    mask = _padded(mask, pairs, count_include_pad)
    rest = [(0, high - own) for (_, own), (_, high) in zip(pairs, whole, strict=True)]
    counts = _sums(_padded(mask, rest), kernel_shape, strides, dilations)
    return _sums(_padded(x, whole), kernel_shape, strides, dilations) / counts


@operator("LpPool")
def lp_pool(
    x, *, auto_pad="NOTSET", ceil_mode=0, dilations=None, kernel_shape, p=2,
    pads=None, strides=None,
):  # fmt: skip
    """(Σ |x|^p)^(1/p) of each window."""
    _, pairs, strides, dilations = _windows(x, auto_pad, ceil_mode, dilations, kernel_shape, pads, strides)
    return _sums(np.abs(_padded(x, pairs)) ** p, kernel_shape, strides, dilations) ** (1.0 / p)


def _spatial(x):
    return tuple(range(2, np.ndim(x)))


@operator("GlobalAveragePool")
def global_average_pool(x):
    return np.mean(x, axis=_spatial(x), keepdims=True)


@operator("GlobalMaxPool")
def global_max_pool(x):
    return np.max(x, axis=_spatial(x), keepdims=True)


@operator("GlobalLpPool")
def global_lp_pool(x, *, p=2):
    return np.sum(np.abs(x) ** p, axis=_spatial(x), keepdims=True) ** (1.0 / p)


@operator("MaxUnpool", plain=(1, 2))
def max_unpool(x, indices, output_shape=None, *, kernel_shape, pads=None, strides=None):
    """Zeros with the elements of x at the places that a MaxPool found."""
    count = len(kernel_shape)
    strides, pads = strides or (1,) * count, pads or (0,) * 2 * count
    shape = [*np.shape(x)[:2], *(
        (n - 1) * s - low - high + k
        for n, s, low, high, k in zip(np.shape(x)[2:], strides, pads[:count], pads[count:], kernel_shape, strict=True)
    )]  # fmt: skip
    flat = ops.setitem(np.zeros(math.prod(shape), x.dtype), np.reshape(x, (-1,)), index=indices.reshape(-1))
    out = np.reshape(flat, shape)
    if output_shape is None:
        return out
    return np.pad(out, [(0, m - n) for n, m in zip(shape, shape_of(output_shape), strict=True)])


@operator("Col2Im")
def col2im(x, image_shape, block_shape, *, dilations=None, pads=None, strides=None):
    """Columns added up as windows: the adjoint of im2col."""
    lengths, kernel = shape_of(image_shape), shape_of(block_shape)
    count = len(kernel)
    pairs = _pairs("NOTSET", pads, lengths, kernel, strides, dilations)
    full = tuple(n + low + high for n, (low, high) in zip(lengths, pairs, strict=True))
    ones = (1,) * count
    out = ops.fold(x, output_size=full, kernel_size=kernel, dilation=dilations or ones, stride=strides or ones)
    return out[(..., *(slice(low, low + n) for n, (low, _) in zip(lengths, pairs, strict=True)))]


@operator("LRN")
def local_response(x, *, size, alpha=1e-4, beta=0.75, bias=1.0):
    """x / (bias + alpha / size · Σ x² over `size` neighbouring channels)^beta."""
    before = (size - 1) // 2
    widths = [(0, 0), (before, size - 1 - before), *[(0, 0)] * (np.ndim(x) - 2)]
    around = np.lib.stride_tricks.sliding_window_view(np.pad(np.square(x), widths), size, 1)
    return astype(x / (bias + (alpha / size) * np.sum(around, axis=-1)) ** beta, x.dtype)
