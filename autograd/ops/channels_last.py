"""The three maps of a convolution with the channels innermost, for images with more than a few channels.

A window's numbers then lie in runs of (kernel length · channels), so gathering windows takes 40 % of the time that it takes
channels first, and the product with the kernels is one (16 channels of 14 × 14, kernel 3). Outside, the channels stay
second: a turned copy of each array costs a tenth of what is won.

Parts of the batch are done one after another, so that the gathered windows, an array 9 times as large as the image for a
kernel of 3 × 3, stay in the cache.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["FEW", "conv_input_last", "conv_last", "conv_weight_last"]

FEW = 4  # channels: below that the runs are too short
AT_ONCE = 2**20  # numbers of the gathered windows at a time: less, and two threads wait for each other's Python


def _gathered(x, kernel, pads, stride, dilation, outs):
    """For each part of the batch its slice and its windows as rows (samples · windows, kernel · channels) of padded x."""
    batch, channels = x.shape[:2]
    width, windows = math.prod(kernel) * channels, math.prod(outs)
    most = min(batch, max(1, AT_ONCE // max(1, windows * width)))
    full = [length + sum(pad) for length, pad in zip(x.shape[2:], pads, strict=True)]
    turned = np.zeros((most, *full, channels), x.dtype)
    first, *middle, last = turned.strides
    between = [size * step for size, step in zip(middle, stride, strict=True)]
    within = [size * step for size, step in zip(middle, dilation, strict=True)]
    view = as_strided(turned, (most, *outs, *kernel, channels), (first, *between, *within, last), writeable=False)
    space = np.empty(view.shape, x.dtype)
    place = tuple(slice(low, low + length) for length, (low, _) in zip(x.shape[2:], pads, strict=True))
    for start in range(0, batch, most or 1):
        part = slice(start, min(start + most, batch))
        count = part.stop - start
        turned[(slice(count), *place)] = np.moveaxis(x[part], 1, -1)
        np.copyto(space[:count], view[:count])
        yield part, space[:count].reshape(-1, width)


def conv_last(x, w, pads, stride, dilation, outs, out=None):
    """conv of one group; pads (as pairs), stride, dilation and numbers of windows for each axis."""
    columns = np.moveaxis(w, 1, -1).reshape(len(w), -1).T.copy()
    out = np.empty((x.shape[0], len(w), *outs), np.result_type(x, w)) if out is None else out
    flat = out.reshape(x.shape[0], len(w), math.prod(outs))
    for part, rows in _gathered(x, w.shape[2:], pads, stride, dilation, outs):
        made = np.dot(rows, columns)
        np.copyto(flat[part], made.reshape(part.stop - part.start, -1, len(w)).swapaxes(1, 2))
    return out


def conv_weight_last(x, y, kernel, pads, stride, dilation):
    """conv_weight of one group."""
    out = np.zeros((y.shape[1], math.prod(kernel) * x.shape[1]), np.result_type(x, y))
    for part, rows in _gathered(x, kernel, pads, stride, dilation, y.shape[2:]):
        turned = np.moveaxis(y[part], 1, -1).reshape(-1, y.shape[1])
        out += np.dot(turned.T, rows)
    return np.ascontiguousarray(np.moveaxis(out.reshape(y.shape[1], *kernel, x.shape[1]), -1, 1))


def conv_input_last(y, w, lengths, pads, dilation, out=None):
    """conv_input of one group with stride 1: the convolution of y with the kernels flipped. None if it is none, where
    windows reach farther into the padding than the kernel is long."""
    reach = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
    around = [(r - low, r - high) for r, (low, high) in zip(reach, pads, strict=True)]
    if min(map(min, around)) < 0:
        return None
    flipped = np.flip(w, tuple(range(2, w.ndim))).swapaxes(0, 1)
    return conv_last(y, flipped, around, (1,) * len(lengths), dilation, lengths, out)
