"""Resizing and sampling images.

Resize works on one axis after the other, each a product with a matrix (new length, old length) of interpolation weights,
so one function serves any number of axes, and the derivative is the transposed product. GridSample and RoiAlign look at
the corners around free places.
"""

import itertools
import math

import numpy as np

from nn.onnx.operators import OnnxError, operator
from nn.onnx.types import astype, data_of

__all__ = []

NEAREST = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _cubic(distance, a):
    """Keys' kernel, 1 at distance 0 and 0 from 2 on. Source: Keys 1981, with ONNX's a = −0.75 (PyTorch's too)."""
    d = np.abs(distance)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _places(old, new, scale, mode, start, end):
    """Where in the old axis the elements of the new one lie."""
    i, length = np.arange(new), new if mode != "half_pixel" else 0
    if mode in ("half_pixel", "pytorch_half_pixel"):
        return (i + 0.5) / scale - 0.5 if new > 1 or not length else np.zeros(1)
    if mode == "half_pixel_symmetric":
        return (old / 2) * (1 - new / (scale * old)) + (i + 0.5) / scale - 0.5
    if mode == "align_corners":
        return i * ((old - 1) / (scale * old - 1)) if scale * old != 1 else np.zeros(new)
    if mode == "asymmetric":
        return i / scale
    if mode == "tf_crop_and_resize":
        if new == 1:
            return np.array([0.5 * (start + end) * (old - 1)])
        return start * (old - 1) + i * (end - start) * (old - 1) / (new - 1)
    raise OnnxError(f"Resize: coordinate_transformation_mode {mode!r} is not known")


def _weights(places, old, mode, scale, antialias, outside, a, nearest):
    """(new, old) interpolation weights; an antialiasing filter is as many times as wide as the image shrinks."""
    if mode == "nearest":
        index = np.clip(NEAREST[nearest](places), 0, old - 1).astype(int)
        return np.eye(old)[index]
    shrink = min(scale, 1.0) if antialias else 1.0
    reach = (2 if mode == "cubic" else 1) / shrink
    steps = np.arange(-math.ceil(reach) - 1, math.ceil(reach) + 2)
    index = np.floor(places)[:, None].astype(int) + steps
    distance = (index - places[:, None]) * shrink
    weights = _cubic(distance, a) if mode == "cubic" else np.maximum(1 - np.abs(distance), 0.0)
    if outside:
        weights = np.where((index >= 0) & (index < old), weights, 0.0)
    weights = weights / weights.sum(axis=1, keepdims=True)
    matrix = np.zeros((len(places), old))
    np.add.at(matrix, (np.arange(len(places))[:, None], np.clip(index, 0, old - 1)), weights)
    return matrix


def _sizes(lengths, scales, sizes, policy):
    """(new lengths, scales) of the axes; not_larger and not_smaller keep the aspect ratio."""
    if sizes is None or not len(sizes):
        return [int(n * s) for n, s in zip(lengths, scales, strict=True)], [float(s) for s in scales]
    ratios = [float(m / n) for m, n in zip(sizes, lengths, strict=True)]
    if policy == "stretch":
        return [int(m) for m in sizes], ratios
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return [math.floor(n * scale + 0.5) for n in lengths], [scale] * len(ratios)


@operator("Resize", since=11, plain=(1, 2, 3))
def resize(
    x, roi=None, scales=None, sizes=None, *, antialias=0, axes=None,
    coordinate_transformation_mode="half_pixel", cubic_coeff_a=-0.75, exclude_outside=0,
    extrapolation_value=0.0, keep_aspect_ratio_policy="stretch", mode="nearest",
    nearest_mode="round_prefer_floor",
):  # fmt: skip
    """x at new places, by nearest, linear or cubic interpolation along each of the axes."""
    dtype = x.dtype
    along = [axis % np.ndim(x) for axis in (axes if axes is not None else range(np.ndim(x)))]
    lengths = [np.shape(x)[axis] for axis in along]
    scales = None if scales is None or not np.size(scales) else np.asarray(scales, np.float64)
    new, ratios = _sizes(lengths, scales, sizes, keep_aspect_ratio_policy)
    start = np.zeros(len(along)) if roi is None or not np.size(roi) else roi[: len(along)]
    end = np.ones(len(along)) if roi is None or not np.size(roi) else roi[len(along) :]
    for i, (axis, n, m) in enumerate(zip(along, lengths, new, strict=True)):
        if n == m and ratios[i] == 1.0 and coordinate_transformation_mode != "tf_crop_and_resize":
            continue
        places = _places(n, m, ratios[i], coordinate_transformation_mode, start[i], end[i])
        matrix = _weights(places, n, mode, ratios[i], antialias, exclude_outside, cubic_coeff_a, nearest_mode)
        moved = np.matmul(np.moveaxis(x, axis, -1), matrix.T.astype(dtype))
        if coordinate_transformation_mode == "tf_crop_and_resize":
            moved = np.where((places < 0) | (places > n - 1), dtype.type(extrapolation_value), moved)
        x = np.moveaxis(moved, -1, axis)
    return astype(x, dtype)


@operator("Resize", "Upsample", since=9, plain=(1,))
def upsample(x, scales, *, mode="nearest"):
    options = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return resize(x, None, scales, mode=mode, **options)


@operator("Upsample")
def upsample_by(x, *, scales, mode="nearest"):
    return upsample(x, np.array(scales), mode=mode)


def _inside(index, n, padding_mode, align_corners):
    """Whole places brought into 0 … n − 1 by clamping or reflection; those of padding with zeros are masked elsewhere."""
    if padding_mode != "reflection":
        return np.clip(index, 0, n - 1)
    low, span = (0.0, n - 1) if align_corners else (-0.5, n)
    if span == 0:
        return np.zeros_like(index)
    offset = np.mod(index - low, 2 * span)
    return np.clip(np.minimum(offset, 2 * span - offset) + low, 0, n - 1).astype(int)


@operator("GridSample")
def grid_sample(x, grid, *, align_corners=0, mode="linear", padding_mode="zeros"):
    """x (batch, channels, *spatial) at the places of grid (batch, *new, axes), last spatial axis first, −1 … 1 across."""
    lengths = np.shape(x)[2:]
    count = len(lengths)
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    choices = []  # for each axis (place, weight) of every neighbour
    for axis, n in enumerate(lengths):
        u = grid[..., count - 1 - axis]
        place = (u + 1.0) * (0.5 * (n - 1)) if align_corners else ((u + 1.0) * float(n) - 1.0) * 0.5
        if padding_mode != "zeros" and mode == "linear":
            place = _folded(place, n, padding_mode, align_corners)
        if mode == "nearest":
            choices.append([(np.rint(data_of(place)).astype(int), None)])
            continue
        base = np.floor(data_of(place)).astype(int)
        offsets = (-1, 0, 1, 2) if mode == "cubic" else (0, 1)
        weigh = (lambda d: _cubic(d, -0.75)) if mode == "cubic" else (lambda d: 1.0 - np.abs(d))
        choices.append([(base + o, weigh(place - astype(base + o, x.dtype))) for o in offsets])
    batch = np.arange(np.shape(x)[0]).reshape(-1, *(1,) * count)
    total = 0.0
    for corner in itertools.product(*choices):
        index = [_inside(place, n, padding_mode, align_corners) for (place, _), n in zip(corner, lengths, strict=True)]
        part = np.moveaxis(x[(batch, slice(None), *index)], -1, 1)
        for (place, weight), n in zip(corner, lengths, strict=True):
            if weight is not None:
                part = part * np.expand_dims(weight, 1)
            if padding_mode == "zeros":
                part = part * np.expand_dims((place >= 0) & (place < n), 1).astype(x.dtype)
        total = total + part
    return astype(total, x.dtype)


def _folded(place, n, padding_mode, align_corners):
    """Free places brought inside, as _inside does with whole ones; differentiable."""
    if padding_mode == "reflection":
        low, span = (0.0, n - 1.0) if align_corners else (-0.5, float(n))
        offset = np.mod(place - low, 2 * span)
        place = np.minimum(offset, 2 * span - offset) + low
    return np.clip(place, 0.0, n - 1.0)


@operator("RoiAlign", plain=(1, 2))
def roi_align(
    x, rois, batch, *, coordinate_transformation_mode="half_pixel", mode="avg",
    output_height=1, output_width=1, sampling_ratio=0, spatial_scale=1.0,
):  # fmt: skip
    """Mean or largest of bilinear samples in each cell of each region (x1, y1, x2, y2): (regions, channels, *cells)."""
    shift = 0.5 if coordinate_transformation_mode == "half_pixel" else 0.0
    regions = []
    for region, image in zip(np.asarray(rois, np.float64) * spatial_scale - shift, batch.tolist(), strict=True):
        picked, cells = x[image], (output_height, output_width)
        matrices = []
        for low, high, n, m in zip(region[1::-1], region[:1:-1], np.shape(x)[2:], cells, strict=True):
            extent = high - low if shift else max(high - low, 1.0)
            samples = sampling_ratio or math.ceil(extent / m)
            places = low + (np.arange(m * samples) + 0.5) * (extent / (m * samples))
            rows = _weights(np.clip(places, 0, n - 1), n, "linear", 1.0, 0, 0, 0.0, "")
            matrices.append((rows * ((places >= -1) & (places <= n))[:, None], samples))
        (rows, tall), (columns, wide) = matrices
        if mode == "avg":
            sampled = np.matmul(np.matmul(rows.astype(x.dtype), picked), columns.T.astype(x.dtype))
            parts = np.reshape(sampled, (np.shape(x)[1], output_height, tall, output_width, wide))
            regions.append(np.mean(parts, axis=(2, 4)))
        else:  # the largest of the four weighted corners of all samples, as ONNX has it
            weighted = rows[:, None, :, None] * columns[None, :, None, :]
            corners = np.max(picked[:, None, None] * weighted.astype(x.dtype), axis=(-2, -1))
            parts = np.reshape(corners, (np.shape(x)[1], output_height, tall, output_width, wide))
            regions.append(np.max(parts, axis=(2, 4)))
    return np.stack(regions)
