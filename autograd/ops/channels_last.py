"""The three maps of a convolution with the channels innermost, for images with more than a few channels.

A window's numbers then lie in runs of (kernel length · channels), so gathering windows takes 40 % of the time that it takes
channels first, and the product with the kernels is one (16 channels of 14 × 14, kernel 3). The arrays keep their channels second
outside: a turned copy of each costs a tenth of what is won.

Parts of the batch are done one after another, so that the gathered windows, an array 9 times as large as the image for a
kernel of 3 × 3, stay in the cache.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["FEW", "conv_input_last", "conv_last", "conv_weight_last"]

FEW = 4  # channels: below that the runs are too short
AT_ONCE = 2**17  # numbers of the gathered windows at a time


def _windows(x, kernel, pads, stride, dilation, outs):
    """A view (batch, *windows, *kernel, channels) of x padded and turned."""
    full = [length + sum(pad) for length, pad in zip(x.shape[2:], pads, strict=True)]
    turned = (np.zeros if any(map(sum, pads)) else np.empty)((x.shape[0], *full, x.shape[1]), x.dtype)
    turned[_inside(x.shape[2:], pads)] = np.moveaxis(x, 1, -1)
    first, *middle, last = turned.strides
    between = [size * step for size, step in zip(middle, stride, strict=True)]
    within = [size * step for size, step in zip(middle, dilation, strict=True)]
    shape = (x.shape[0], *outs, *kernel, x.shape[1])
    return as_strided(turned, shape, (first, *between, *within, last), writeable=False)


def _inside(lengths, pads):
    return (slice(None), *(slice(low, low + length) for length, (low, _) in zip(lengths, pads, strict=True)))


def _gathered(view, count):
    """For each part of the batch its slice and its windows as rows (samples · windows, kernel · channels)."""
    batch, width, windows = len(view), math.prod(view.shape[1 + count :]), math.prod(view.shape[1 : 1 + count])
    most = min(batch, max(1, AT_ONCE // max(1, windows * width)))
    space = np.empty((most, *view.shape[1:]), view.dtype)
    for start in range(0, batch, most or 1):
        part = slice(start, min(start + most, batch))
        filled = space[: part.stop - start]
        np.copyto(filled, view[part])
        yield part, filled.reshape(-1, width)


def conv_last(x, w, pads, stride, dilation, outs):
    """conv of one group; pads (as pairs), stride, dilation and numbers of windows for each axis."""
    view = _windows(x, w.shape[2:], pads, stride, dilation, outs)
    columns = np.moveaxis(w, 1, -1).reshape(len(w), -1).T.copy()
    out = np.empty((x.shape[0], len(w), math.prod(outs)), np.result_type(x, w))
    for part, rows in _gathered(view, len(outs)):
        made = np.dot(rows, columns)
        np.copyto(out[part], made.reshape(part.stop - part.start, -1, len(w)).swapaxes(1, 2))
    return out.reshape(x.shape[0], len(w), *outs)


def conv_weight_last(x, y, kernel, pads, stride, dilation):
    """conv_weight of one group."""
    view = _windows(x, kernel, pads, stride, dilation, y.shape[2:])
    out = np.zeros((y.shape[1], math.prod(kernel) * x.shape[1]), np.result_type(x, y))
    for part, rows in _gathered(view, y.ndim - 2):
        turned = np.moveaxis(y[part], 1, -1).reshape(-1, y.shape[1])
        out += np.dot(turned.T, rows)
    return np.ascontiguousarray(np.moveaxis(out.reshape(y.shape[1], *kernel, x.shape[1]), -1, 1))


def conv_input_last(y, w, lengths, pads, dilation):
    """conv_input of one group with stride 1: the convolution of y with the kernels flipped. None if it is none, where
    windows reach farther into the padding than the kernel is long."""
    reach = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
    around = [(r - low, r - high) for r, (low, high) in zip(reach, pads, strict=True)]
    if min(map(min, around)) < 0:
        return None
    flipped = np.flip(w, tuple(range(2, w.ndim))).swapaxes(0, 1)
    return conv_last(y, flipped, around, (1,) * len(lengths), dilation, lengths)
