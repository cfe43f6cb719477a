"""The three maps of a convolution with the channels innermost, for images with more than a few channels.

A window's numbers then lie in runs of (kernel length · channels), so gathering windows takes 40 % of the time that it takes
channels first, and the product with the kernels is one (16 channels of 14 × 14, kernel 3). Arrays keep their shape, with
the channels second; one whose memory has them last is read and written as it lies, another is turned on the way, which
costs a tenth of what is won. With a few channels the runs are too short: then each place in a window is a row of the
gathered windows, in runs of an image's line, and the product is the same.

Parts of the batch are done one after another, so that the gathered windows, an array 9 times as large as the image for a
kernel of 3 × 3, stay in the cache.
"""

import math

import numpy as np

__all__ = [
    "FEW",
    "add_bias",
    "around",
    "conv_input_last",
    "conv_last",
    "conv_weight_last",
    "last",
    "lies_last",
    "second",
]

FEW = 4  # channels: below that the runs are too short
AT_ONCE = 2**19  # numbers of the gathered windows at a time: with fewer, two threads wait for each other's Python
RUN = 1024  # numbers that a bias is repeated to: NumPy's loop over the channels alone would be short


def last(x):
    """The view (batch, *spatial, channels) of x (batch, channels, *spatial)."""
    return x.transpose(0, *range(2, x.ndim), 1)


def second(x):
    """The view (batch, channels, *spatial) of x (batch, *spatial, channels)."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def lies_last(x):
    """Whether the memory of x (batch, channels, *spatial) has the channels last, without gaps."""
    return x is not None and last(x).flags.c_contiguous


def _gathered(x, kernel, pads, stride, dilation, outs):
    """For each part of the batch its slice and its windows as rows (samples · windows, kernel · channels) of padded x."""
    batch, channels = x.shape[:2]
    width, windows = math.prod(kernel) * channels, math.prod(outs)
    most = min(batch, max(1, AT_ONCE // max(1, windows * width)))
    full = [length + sum(pad) for length, pad in zip(x.shape[2:], pads, strict=True)]
    runs, n = channels >= FEW, len(outs)
    turned = np.zeros((most, *full, channels) if runs else (channels, most, *full), x.dtype)
    images = turned if runs else turned.transpose(*range(1, n + 2), 0)
    first, *middle, each = images.strides
    between = [size * step for size, step in zip(middle, stride, strict=True)]
    within = [size * step for size, step in zip(middle, dilation, strict=True)]
    view = np.ndarray((most, *outs, *kernel, channels), x.dtype, turned, 0, (first, *between, *within, each))
    view = view if runs else view.transpose(*range(n + 1, 2 * n + 2), *range(n + 1))
    space = np.empty(view.size, x.dtype)
    place = tuple(slice(low, low + length) for length, (low, _) in zip(x.shape[2:], pads, strict=True))
    for start in range(0, batch, most or 1):
        part = slice(start, min(start + most, batch))
        count = part.stop - start
        images[(slice(count), *place)] = last(x[part])
        found = view[:count] if runs else view[(*[slice(None)] * (n + 1), slice(count))]
        rows = space[: found.size].reshape(found.shape)
        np.copyto(rows, found)
        yield part, rows.reshape(-1, width) if runs else rows.reshape(width, -1).T


def conv_last(x, w, pads, stride, dilation, outs, out=None):
    """conv of one group; pads (as pairs), stride, dilation and numbers of windows for each axis."""
    columns = last(w).reshape(len(w), -1).T.copy()
    out = np.empty((x.shape[0], len(w), *outs), np.result_type(x, w)) if out is None else out
    straight = lies_last(out)
    for part, rows in _gathered(x, w.shape[2:], pads, stride, dilation, outs):
        images = last(out[part])
        if straight:
            np.dot(rows, columns, images.reshape(-1, len(w)))
        else:
            np.copyto(images, np.dot(rows, columns).reshape(images.shape))
    return out


def add_bias(out, bias):
    """Add a number to each channel of an array whose memory has them last."""
    pixels = out.size // max(1, len(bias))
    times = math.gcd(pixels, 2 ** round(math.log2(max(1, RUN / max(1, len(bias))))))
    rows = last(out).reshape(-1, times * len(bias))
    np.add(rows, np.tile(bias, times), out=rows)
    return out


def conv_weight_last(x, y, kernel, pads, stride, dilation):
    """conv_weight of one group."""
    out = np.zeros((math.prod(kernel) * x.shape[1], y.shape[1]), np.result_type(x, y))
    for part, rows in _gathered(x, kernel, pads, stride, dilation, y.shape[2:]):
        out += np.dot(rows.T, last(y[part]).reshape(-1, y.shape[1]))
    return out.reshape(*kernel, -1, y.shape[1]).transpose(len(kernel) + 1, len(kernel), *range(len(kernel))).copy()


def around(kernel, pads, dilation):
    """The pads of the convolution with flipped kernels that passes a cotangent back; None if windows reach farther into the
    padding than the kernel is long."""
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    found = tuple((r - low, r - high) for r, (low, high) in zip(reach, pads, strict=True))
    return found if min(map(min, found)) >= 0 else None


def conv_input_last(y, w, lengths, pads, dilation, out=None):
    """conv_input of one group with stride 1: the convolution of y with the kernels flipped. None if it is none, where
    windows reach farther into the padding than the kernel is long."""
    full = around(w.shape[2:], pads, dilation)
    if full is None:
        return None
    flipped = np.flip(w, tuple(range(2, w.ndim))).swapaxes(0, 1)
    return conv_last(y, flipped, full, (1,) * len(lengths), dilation, lengths, out)
