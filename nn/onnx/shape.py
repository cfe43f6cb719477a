"""Operators that rearrange: shapes, joining and cutting, padding; and those that make constants."""

import numpy as np

from nn.onnx.operators import OnnxError, operator
from nn.onnx.types import astype, data_of, shape_of

__all__ = []


@operator("Constant")
def constant(**value):
    """The one attribute, whatever its form: value, value_float, value_ints …; numbers become arrays."""
    ((form, held),) = value.items()
    if form in ("value_string", "value_strings"):
        raise OnnxError("Constant: strings are not numbers")
    return np.asarray(held, {"value_float": np.float32, "value_int": np.int64}.get(form.removesuffix("s")))


@operator("Identity")
def identity(x):
    return x


@operator("Shape")
def shape(x, *, start=0, end=None):
    return np.array(np.shape(x)[start:end], np.int64)


@operator("Size")
def size(x):
    return np.array(np.size(x), np.int64)


@operator("Reshape")
def reshape(x, shape, *, allowzero=0):
    """0 in the shape keeps the length that x has there, unless allowzero."""
    lengths = shape_of(shape)
    if not allowzero:
        lengths = tuple(np.shape(x)[i] if n == 0 else n for i, n in enumerate(lengths))
    return np.reshape(x, lengths)


@operator("Flatten")
def flatten(x, *, axis=1):
    """Two axes: those before `axis`, and the others."""
    lengths = np.shape(x)[:axis] if axis else ()
    rows = int(np.prod(lengths))
    return np.reshape(x, (rows, np.size(x) // rows if rows else int(np.prod(np.shape(x)[axis:]))))


@operator("Transpose")
def transpose(x, *, perm=None):
    return np.transpose(x, perm)


@operator("Squeeze")
def squeeze(x, axes=None):
    return np.squeeze(x, axis=shape_of(axes) or None) if axes is not None else np.squeeze(x)


@operator("Unsqueeze")
def unsqueeze(x, axes):
    return np.expand_dims(x, shape_of(axes))


@operator("Concat")
def concat(*xs, axis=1):
    return np.concatenate(xs, axis=axis)


@operator("Split")
def split(x, split=None, *, axis=0, num_outputs=None, outputs):
    """Parts along axis: of the given lengths, or equal ones, the last shorter if need be."""
    length = np.shape(x)[axis]
    step = -(-length // (num_outputs or outputs))
    ends = np.cumsum(shape_of(split))[:-1] if split is not None else np.arange(step, length, step)
    return tuple(np.split(x, ends.tolist(), axis=axis))


@operator("Expand")
def expand(x, shape):
    return np.broadcast_to(x, np.broadcast_shapes(np.shape(x), shape_of(shape)))


@operator("Tile")
def tile(x, repeats):
    return np.tile(x, shape_of(repeats))


@operator("Slice")
def slices(x, starts, ends, axes=None, steps=None):
    begin, end = shape_of(starts), shape_of(ends)
    along = shape_of(axes) if axes is not None else tuple(range(len(begin)))
    index = [slice(None)] * np.ndim(x)
    for axis, first, last, step in zip(along, begin, end, shape_of(steps) or (1,) * len(begin), strict=True):
        n = np.shape(x)[axis]
        # a negative end that is still negative when counted from the front is before the first element, in either way
        last = None if step < 0 and (last < -n) else last
        index[axis] = slice(first, last, step)
    return x[tuple(index)]


@operator("Pad", plain=(2,))
def pad(x, pads, value=0.0, axes=None, *, mode="constant"):
    """pads: all beginnings, then all ends, of the given axes or all; negative ones cut off."""
    widths = np.zeros((np.ndim(x), 2), int)
    along = list(shape_of(axes)) if axes is not None else list(range(np.ndim(x)))
    widths[along] = np.reshape(shape_of(pads), (2, len(along))).T
    for axis, (before, after) in enumerate(widths.tolist()):
        if before < 0 or after < 0:
            x = np.take(x, np.arange(max(-before, 0), np.shape(x)[axis] - max(-after, 0)), axis)
    widths = np.maximum(widths, 0)
    if mode != "constant":
        return np.pad(x, widths, mode)
    fill = 0 if value is None else np.asarray(value, x.dtype).reshape(())[()]
    return np.pad(x, widths, mode, constant_values=fill)


@operator("ConstantOfShape")
def constant_of_shape(shape, *, value=None):
    filled = np.zeros(1, np.float32) if value is None else value
    return np.full(shape_of(shape), np.reshape(filled, ()), filled.dtype)


@operator("EyeLike")
def eye_like(x, *, dtype=None, k=0):
    return np.eye(*np.shape(x), k=k, dtype=dtype or x.dtype)


@operator("Range", plain=(0, 1, 2))
def arange(start, limit, delta):
    """start + i · delta, ⌈(limit − start) / delta⌉ of them."""
    start, limit, delta = (np.reshape(x, ()) for x in (start, limit, delta))
    count = max(int(np.ceil((limit - start) / delta)), 0)
    return (start + np.arange(count) * delta).astype(start.dtype)


@operator("Trilu")
def trilu(x, k=0, *, upper=1):
    diagonal = 0 if k is None else int(np.squeeze(k))
    return (np.triu if upper else np.tril)(x, diagonal)


@operator("OneHot", plain=(0, 1))
def one_hot(indices, depth, values, *, axis=-1):
    """values[1] where the new axis' place is the index, values[0] elsewhere; negative indices count from the end."""
    depth = int(np.squeeze(depth))
    places = np.expand_dims(np.mod(indices.astype(np.int64), depth), axis)
    outside = np.expand_dims((indices < -depth) | (indices >= depth), axis)
    number = np.arange(depth).reshape(-1, *(1,) * (-1 - axis if axis < 0 else places.ndim - 1 - axis))
    return astype(np.where((places == number) & ~outside, values[1], values[0]), values.dtype)


@operator("ReverseSequence", plain=(1,))
def reverse_sequence(x, lengths, *, batch_axis=1, time_axis=0):
    """Of each sequence its first `length` steps in reverse order, the rest as it is."""
    time = np.arange(np.shape(x)[time_axis])[:, None]
    places = np.where(time < lengths, lengths - 1 - time, time)
    if batch_axis < time_axis:
        places = places.T
    return np.take_along_axis(x, places.reshape(*places.shape, *(1,) * (np.ndim(x) - 2)), axis=time_axis)


@operator("Compress")
def compress(x, condition, *, axis=None):
    x = np.reshape(x, (-1,)) if axis is None else x
    return np.take(x, np.flatnonzero(data_of(condition)), axis=axis or 0)
