"""Convolution in any number of dimensions, as neural networks have it: the kernel is not flipped.

A convolution y = x ∗ w is linear in x and in w, so there are three maps of two operands each: (x, w) → y, (y, w) → x and
(x, y) → w. The rules of each are the other two; so derivatives of every order are three short functions. Each is a matrix
product with the windows of x as columns (im2col), a few samples at a time, so that the columns stay in the cache.

x (batch, in channels, *spatial)   w (out channels, in channels / groups, *kernel)   y (batch, out channels, *windows)
"""

import math

import numpy as np

from autograd.errors import ArgumentError, ShapeError
from autograd.ops.axes import per_axis
from autograd.ops.channels_last import FEW, add_bias, conv_input_last, conv_last, conv_weight_last, lies_last
from autograd.ops.window import add_windows, check_spatial, geometry, inside, windows
from autograd.primitives import error, point, primitive, sample

__all__ = ["conv", "conv1d", "conv2d", "conv_input", "conv_transpose", "conv_weight"]

AT_ONCE = 2**19  # elements of the columns that are made at a time


def _parts(batch, columns):
    """Slices of a batch; `columns`, the elements that the columns of one sample have, decides how many samples."""
    step = max(1, AT_ONCE // max(1, columns))
    return [slice(start, start + step) for start in range(0, batch, step)]


def _check_weight(w, channels, groups, ndim):
    """Whether w fits x; `channels` of x are None where w is used to make it."""
    per_axis(groups, 1, "groups")
    fits = w.ndim == ndim and w.shape[0] % groups == 0 and channels in (None, w.shape[1] * groups)
    if not fits:
        inner = "in channels" if groups == 1 else f"in channels / {groups}"
        outer = "out channels" if groups == 1 else f"a multiple of {groups} groups"
        raise ValueError(
            f"w has shape {w.shape}, expected ({outer}, {inner}{'' if channels is None else f' = {channels / groups:g}'}, "
            f"and {ndim - 2} kernel length{'s' * (ndim > 3)})"
        )


def _check_output(y, batch, w, outs):
    if y.shape != (batch, w, *outs):
        raise ValueError(f"y has shape {y.shape}, expected {(batch, w, *outs)}")


def _conv_bias(g, out, x, w, b=None, **options):
    return np.sum(g, axis=(0, *range(2, np.ndim(g))))


LINE, PAIR = np.array([[[1.0, 2.0, 3.0, 4.0]]]), np.array([[[1.0, -1.0]]])


@primitive(
    symbol="∗",
    samples=[
        sample("2 2 5", "3 2 3"), sample("2 1 4", "2 1 2", "2", complex=True), sample("1 2 4 4", "2 2 3 2"),
        sample("1 2 4 5", "2 2 2 3", "2", stride=(1, 2), padding=(1, 0)), sample("1 1 7", "1 1 3", dilation=2, padding=1),
        sample("1 4 4", "4 2 2", "4", groups=2), sample("2 2 3", "2 1 2", groups=2, stride=2, padding=1),
        sample("1 1 4 3", "2 1 2 3", padding="same"), sample("1 1 4", "1 1 3", padding="valid"),
        sample("1 1 2 2 3", "1 1 2 1 2", "1"), sample("0 2 3", "3 2 2"),
    ],
    points=[
        point((LINE, PAIR), (np.array([[[1.0, 0.0, 0.0, -1.0]]]), np.array([[[6.0, 9.0]]])),
              out=np.array([[[-1.0, -1.0, -1.0]]])),
        point((LINE, PAIR, np.array([10.0])),
              (np.array([[[-1.0, 1.0, -1.0, 1.0]]]), np.array([[[6.0, 4.0]]]), np.array([3.0])),
              out=np.array([[[9.0, 9.0, 14.0]]]), stride=2, padding=1),
    ],
    errors=[
        error(("2 2 5", "3 1 3"), match="(3, 1, 3), expected (out channels, in channels = 2, and 1 kernel length)"),
        error(("2 2 5", "3 2 3 3"), match="x (2, 2, 5), w (3, 2, 3, 3)"),
        error(("2 4 5", "3 2 3"), groups=2, match="expected (a multiple of 2 groups, in channels / 2 = 2"),
        error(("2 5", "3 2 3"), match="x has shape (2, 5), expected (batch, channels"),
        error(("1 2 2", "3 2 3"), match="a window that spans (3,) does not fit into the padded lengths (2,)"),
        error(("1 2 4", "3 2 3", "2"), match="b has shape (2,), expected (3,)"),
        error(("1 2 4", "3 2 3"), stride=2, padding="same", match="padding='same' is for stride 1", kind=ArgumentError),
        error(("1 2 4", "3 2 3"), padding="full", match="padding='full'", kind=ArgumentError),
        error(("1 2 4", "3 2 3"), strides=2, match="no option 'strides'", kind=ArgumentError),
    ],
    source="bilinear: dx puts g · w back where the windows were, dw = g · windowsᵀ; LeCun et al. 1989",
)  # fmt: skip
def conv(x, w, b=None, /, stride=1, padding=0, dilation=1, groups=1):
    """Convolution, out[n, o, i] = Σ over c, k of x[n, c, stride · i + dilation · k − padding] · w[o, c, k] + b[o].

    x   (batch, in channels, *spatial)        w   (out channels, in channels / groups, *kernel)        b   (out channels,)
    stride, padding, dilation   one integer, or one for each spatial axis; padding also "valid" (none) or "same"
    groups   channels are split into so many groups, each with its own part of w (depthwise: as many as channels)
    Flip w for what mathematics calls a convolution. dx = conv_input(g, w), dw = conv_weight(x, g), db = Σ g.
    """
    return _conv(None, x, w, b, stride, padding, dilation, groups)


def _conv(out, x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """conv, into an array of its form if there is one."""
    check_spatial(x)
    _check_weight(w, x.shape[1], groups, x.ndim)
    if groups == 1 and (x.shape[1] >= FEW or lies_last(out)):
        shape = geometry(x.shape[2:], w.shape[2:], stride, padding, dilation)
        return _biased(conv_last(x, w, *shape, out), b, w)
    view, outs = windows(x, w.shape[2:], stride, padding, dilation)
    batch, size = x.shape[0], math.prod(view.shape[1 : x.ndim])
    rows = w.reshape(groups, w.shape[0] // groups, size // groups)
    out = np.empty((batch, w.shape[0], *outs), np.result_type(x, w)) if out is None else out
    flat = out.reshape(batch, *rows.shape[:2], math.prod(outs))
    for part in _parts(batch, size * flat.shape[-1]):
        columns = view[part].reshape(-1, groups, rows.shape[2], flat.shape[-1])
        np.matmul(rows, columns, out=flat[part])
    return _biased(out, b, w)


def _biased(out, b, w):
    """Each channel of a new array plus its bias."""
    if b is None:
        return out
    if np.shape(b) != w.shape[:1]:
        raise ValueError(f"b has shape {np.shape(b)}, expected {w.shape[:1]}, one number per out channel")
    if out.size and lies_last(out) and np.result_type(b, out) == out.dtype:
        return add_bias(out, b)
    bias = b.reshape(-1, *(1,) * (out.ndim - 2))
    return np.add(out, bias, out=out if np.result_type(b, out) == out.dtype else None)


conv.into, conv.along = _conv, 1
conv.vjp(
    x=lambda g, out, x, w, b=None, **options: conv_input(g, w, np.shape(x)[2:], **options),
    w=lambda g, out, x, w, b=None, **options: conv_weight(x, g, np.shape(w)[2:], **options),
    b=_conv_bias,
)


@primitive(
    kind="bilinear",
    samples=[
        sample("2 3 3", "3 2 3", lengths=(5,)), sample("1 2 2 3", "2 2 2 3", lengths=(3, 5), stride=(2, 1), padding=(1, 0)),
        sample("1 2 3", "2 1 3", lengths=(7,), dilation=2, groups=2), sample("1 1 3", "1 1 2", lengths=(6,), stride=2),
        sample("1 1 3", "1 1 2", lengths=(3,), padding="same", complex=True),
    ],
    points=[point((np.array([[[1.0, 2.0]]]), PAIR), (np.zeros((1, 1, 2)), np.array([[[3.0, 3.0]]])), lengths=(3,),
                  out=np.array([[[1.0, 1.0, -2.0]]]))],
    errors=[error(("2 3 4", "3 2 3"), lengths=(5,), match="y has shape (2, 3, 4), expected (2, 3, 3)"),
            error(("2 3 3", "4 2 3"), lengths=(5,), match="y (2, 3, 3), w (4, 2, 3)")],
    source="the adjoint of conv in x; a transposed convolution",
)  # fmt: skip
def conv_input(y, w, /, lengths, stride=1, padding=0, dilation=1, groups=1):
    """Transposed convolution: what conv(·, w) would pass back to an x with spatial `lengths` for a cotangent y."""
    return _conv_input(None, y, w, lengths, stride, padding, dilation, groups)


def _conv_input(given, y, w, lengths, stride=1, padding=0, dilation=1, groups=1):
    """conv_input, into an array of its form if one is given."""
    check_spatial(y, "y")
    _check_weight(w, None, groups, y.ndim)
    pads, stride, dilation, outs = geometry(lengths, w.shape[2:], stride, padding, dilation)
    _check_output(y, y.shape[0], w.shape[0], outs)
    if groups == 1 and (w.shape[0] >= FEW or lies_last(given)) and all(step == 1 for step in stride):
        turned = conv_input_last(y, w, lengths, pads, dilation, given)
        if turned is not None:
            return turned
    batch, channels, count = y.shape[0], w.shape[1] * groups, math.prod(outs)
    rows = w.reshape(groups, w.shape[0] // groups, -1).swapaxes(1, 2)
    parts = y.reshape(batch, groups, w.shape[0] // groups, count)
    full = [length + sum(pad) for length, pad in zip(lengths, pads, strict=True)]
    out = np.zeros((batch, channels, *full), np.result_type(y, w))
    for part in _parts(batch, channels * math.prod(w.shape[2:]) * count):
        columns = np.matmul(rows, parts[part]).reshape(-1, channels, *w.shape[2:], *outs)
        add_windows(columns, out[part], stride, dilation, outs)
    out = out[inside(lengths, pads)]
    return out if given is None else np.copyto(given, out)


conv_input.into, conv_input.along = _conv_input, 1
conv_input.vjp(
    y=lambda g, out, y, w, lengths, **options: conv(g, w, **options),
    w=lambda g, out, y, w, lengths, **options: conv_weight(g, y, np.shape(w)[2:], **options),
)


@primitive(
    kind="bilinear",
    samples=[
        sample("2 2 5", "2 3 3", kernel=(3,)), sample("1 2 3 5", "1 2 3 2", kernel=(2, 3), stride=(2, 2), padding=(2, 0)),
        sample("1 2 7", "1 2 3", kernel=(3,), dilation=2, groups=2), sample("2 1 3", "2 1 3", kernel=(2,), padding="same"),
    ],
    points=[point((LINE, np.ones((1, 1, 3))), (np.array([[[1.0, 2.0, 2.0, 1.0]]]), np.array([[[3.0, 5.0, 7.0]]])),
                  kernel=(2,), out=np.array([[[6.0, 9.0]]]))],
    errors=[error(("2 2 5", "2 3 4"), kernel=(3,), match="y has shape (2, 3, 4), expected (2, 3, 3)"),
            error(("2 3 5", "2 2 3"), kernel=(3,), groups=2, match="2 groups of 3 in channels")],
    source="the adjoint of conv in w",
)  # fmt: skip
def conv_weight(x, y, /, kernel, stride=1, padding=0, dilation=1, groups=1):
    """What conv(x, ·) would pass back to a w with these kernel lengths for a cotangent y."""
    check_spatial(x)
    shape = geometry(x.shape[2:], kernel, stride, padding, dilation)
    batch, channels, outs = x.shape[0], np.shape(y)[1], shape[-1]
    _check_output(y, batch, channels, outs)
    if x.shape[1] % groups or channels % groups:
        raise ValueError(f"cannot make {groups} groups of {x.shape[1]} in channels and {channels} out channels")
    if groups == 1 and (x.shape[1] >= FEW or lies_last(y)):
        return conv_weight_last(x, y, kernel, *shape[:3])
    view, _ = windows(x, kernel, stride, padding, dilation)
    count, size = math.prod(outs), math.prod(view.shape[1 : x.ndim])
    given = y.reshape(batch, groups, channels // groups, count)
    out = np.zeros((groups, channels // groups, size // groups), np.result_type(x, y))
    for part in _parts(batch, size * count):
        columns = view[part].reshape(-1, groups, size // groups, count)
        out += np.add.reduce(np.matmul(given[part], columns.swapaxes(2, 3)), axis=0)
    return out.reshape(channels, x.shape[1] // groups, *kernel)


conv_weight.summed = 2
conv_weight.vjp(
    x=lambda g, out, x, y, kernel, **options: conv_input(y, g, np.shape(x)[2:], **options),
    y=lambda g, out, x, y, kernel, **options: conv(x, g, **options),
)


def _checked(name, spatial, x, w, b):
    """The operands of conv, without a b that is None; ShapeError if x has not so many spatial axes."""
    if np.ndim(x) != spatial + 2:
        raise ShapeError(
            f"{name}: x has shape {np.shape(x)} and w {np.shape(w)}, expected x (batch, in channels, {spatial} spatial "
            f"ax{'es' if spatial > 1 else 'is'})"
        )
    return (x, w) if b is None else (x, w, b)


@primitive(
    kind="composed",
    samples=[sample("2 2 4", "3 2 2", "3"), sample("1 2 5", "2 1 3", stride=2, padding=1, groups=2)],
    points=[point((LINE, PAIR), (np.array([[[1.0, 0.0, 0.0, -1.0]]]), np.array([[[6.0, 9.0]]])))],
    errors=[error(("2 2 4 4", "3 2 2"), match="conv1d: x has shape (2, 2, 4, 4) and w (3, 2, 2), expected x (batch")],
    source="conv",
)
def conv1d(x, w, b=None, /, stride=1, padding=0, dilation=1, groups=1):
    """conv of x (batch, in channels, length) and w (out channels, in channels / groups, kernel length)."""
    return conv(*_checked("conv1d", 1, x, w, b), stride=stride, padding=padding, dilation=dilation, groups=groups)


@primitive(
    kind="composed",
    samples=[sample("1 2 3 4", "2 2 2 2", "2"), sample("1 1 3 4", "2 1 2 3", padding="same")],
    points=[point((LINE[None], PAIR[None]), (np.array([[[[1.0, 0.0, 0.0, -1.0]]]]), np.array([[[[6.0, 9.0]]]])))],
    errors=[error(("2 2 4", "3 2 2 2"), match="conv2d: x has shape (2, 2, 4) and w (3, 2, 2, 2), expected x (batch")],
    source="conv",
)
def conv2d(x, w, b=None, /, stride=1, padding=0, dilation=1, groups=1):
    """conv of x (batch, in channels, height, width) and w (out channels, in channels / groups, kernel height, width)."""
    return conv(*_checked("conv2d", 2, x, w, b), stride=stride, padding=padding, dilation=dilation, groups=groups)


@primitive(
    kind="composed",
    samples=[
        sample("1 2 3", "2 2 3", "2"), sample("1 2 2 2", "2 1 2 3", stride=2, padding=(0, 1), output_padding=1, groups=2),
        sample("1 1 3", "1 1 2", dilation=3), sample("1 2 3", "2 1 2", dilation=3, padding=1, output_padding=2),
    ],
    points=[point((np.array([[[1.0, 2.0]]]), PAIR), (np.zeros((1, 1, 2)), np.array([[[3.0, 3.0]]])),
                  out=np.array([[[1.0, 1.0, -2.0]]]))],
    errors=[error(("1 2 3", "3 2 3"), match="y (1, 2, 3), w (3, 2, 3)"),
            error(("1 2 3", "2 2 3 3"), match="conv_transpose: x has shape (1, 2, 3) and w (2, 2, 3, 3)"),
            error(("1 2 3", "2 2 3"), output_padding=1, match="less than stride=1 or dilation=1", kind=ArgumentError),
            error(("1 2 3", "2 2 3", "1"), match="b has shape (1,), expected (2,)"),
            error(("1 2 2", "2 2 2"), padding=2, match="padding=2 leaves nothing of x (1, 2, 2)")],
    source="Zeiler et al. 2010; conv_input",
)  # fmt: skip
def conv_transpose(x, w, b=None, /, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """Transposed convolution: each x[n, c, i] puts x · w[c] into the output at stride · i − padding, where copies add up.

    x   (batch, in channels, *spatial)        w   (in channels, out channels / groups, *kernel)        b   (out channels,)
    output_padding   added to the output's lengths, (n − 1) stride − 2 padding + dilation (kernel − 1) + 1;
                     less than stride or dilation
    """
    shape, kernel = np.shape(x), np.shape(w)[2:]
    if len(kernel) != len(shape) - 2 or not kernel:
        raise ShapeError(
            f"conv_transpose: x has shape {shape} and w {np.shape(w)}, expected (batch, in channels, *spatial) and "
            "(in channels, out channels / groups, *kernel) with as many kernel lengths as spatial axes"
        )
    count = len(kernel)
    steps, rates = per_axis(stride, count, "stride"), per_axis(dilation, count, "dilation")
    pads, extra = per_axis(padding, count, "padding", 0), per_axis(output_padding, count, "output_padding", 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, steps, rates, strict=True)):
        raise ArgumentError(
            f"conv_transpose: output_padding={output_padding} must be less than stride={stride} or {dilation=}"
        )
    lengths = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + 1 + e
        for n, s, p, d, k, e in zip(shape[2:], steps, pads, rates, kernel, extra, strict=True)
    )
    if min(lengths) < 1:
        raise ShapeError(
            f"conv_transpose: padding={padding} leaves nothing of x {shape} with w {np.shape(w)}: {lengths}"
        )
    if all(e < s for e, s in zip(extra, steps, strict=True)):
        out = conv_input(x, w, lengths, stride=steps, padding=pads, dilation=rates, groups=groups)
    else:  # more windows would fit into that length than x has elements: all of it, then cut out
        full = tuple((n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(shape[2:], steps, rates, kernel, strict=True))
        out = conv_input(x, w, full, stride=steps, dilation=rates, groups=groups)
        ends = [(0, max(0, p + length - n)) for p, length, n in zip(pads, lengths, full, strict=True)]
        cut = (slice(p, p + length) for p, length in zip(pads, lengths, strict=True))
        out = np.pad(out, ((0, 0), (0, 0), *ends))[(slice(None), slice(None), *cut)]
    if b is None:
        return out
    if np.shape(b) != np.shape(out)[1:2]:
        raise ShapeError(f"conv_transpose: b has shape {np.shape(b)}, expected {np.shape(out)[1:2]}")
    return out + np.reshape(b, (-1, *(1,) * count))
