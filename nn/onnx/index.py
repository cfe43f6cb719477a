"""Gather and scatter."""

import numpy as np

from autograd import ops
from nn.onnx.operators import OnnxError, operator
from nn.onnx.types import astype

__all__ = []

COMBINE = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


@operator("Gather")
def gather(x, indices, *, axis=0):
    return np.take(x, indices, axis=axis)


@operator("GatherElements")
def gather_elements(x, indices, *, axis=0):
    return x[_along(indices, axis)]


@operator("GatherND")
def gather_nd(x, indices, *, batch_dims=0):
    """x at the places that the last axis of indices names, the first batch_dims axes side by side."""
    lead = np.indices(np.shape(indices)[:batch_dims], sparse=True)
    extra = np.ndim(indices) - 1 - batch_dims
    own = (np.reshape(i, (*np.shape(i), *(1,) * extra)) for i in lead)
    return x[(*own, *np.moveaxis(indices, -1, 0))]


def _along(indices, axis):
    """The index of places that differ from their own along one axis only."""
    places = list(np.indices(np.shape(indices), sparse=True))
    places[axis] = indices
    return tuple(places)


@operator("ScatterElements", "Scatter")
def scatter_elements(x, indices, updates, *, axis=0, reduction="none"):
    return _scattered(x, _along(indices, axis), updates, reduction)


@operator("ScatterND")
def scatter_nd(x, indices, updates, *, reduction="none"):
    return _scattered(x, tuple(np.moveaxis(indices, -1, 0)), updates, reduction)


def _scattered(x, index, updates, reduction):
    """A copy of x with updates at index, combined with what is there, one after the other where a place is named twice.

    In rounds, in each of which no place is named twice: round i has the i-th update of every place.
    """
    if reduction == "none":
        return ops.setitem(x, updates, index=index)
    if reduction not in COMBINE:
        raise OnnxError(f"reduction {reduction!r} is none of none, {', '.join(COMBINE)}")
    places = np.arange(np.size(x)).reshape(np.shape(x))[index].reshape(-1)
    flat, updates = np.reshape(x, (-1,)), np.reshape(np.broadcast_to(updates, np.shape(x[index])), (-1,))
    order = np.argsort(places, stable=True)
    first = np.searchsorted(places[order], places[order])
    turn = np.empty_like(order)
    turn[order] = np.arange(len(order)) - first
    for i in range(int(np.max(turn, initial=-1)) + 1):
        now = np.flatnonzero(turn == i)
        at = places[now]
        flat = ops.setitem(flat, COMBINE[reduction](flat[at], updates[now]), index=at)
    return astype(np.reshape(flat, np.shape(x)), x.dtype)


@operator("TensorScatter")
def tensor_scatter(past, update, write=None, *, axis=-2, mode="linear"):
    """A cache with the update written along axis, for each row of the batch from its own place on; circular wraps."""
    axis %= np.ndim(past)
    start = np.zeros(np.shape(past)[0], np.int64) if write is None else write
    places = list(np.indices(np.shape(update), sparse=True))
    places[axis] = places[axis] + start.reshape(-1, *(1,) * (np.ndim(past) - 1))
    if mode == "circular":
        places[axis] = places[axis] % np.shape(past)[axis]
    return ops.setitem(past, update, index=tuple(places))


@operator("NonMaxSuppression", plain=(0, 1, 2, 3, 4))
def non_max_suppression(boxes, scores, most=None, overlap=None, least=None, *, center_point_box=0):
    """(batch, class, box) of boxes, best first, that overlap no better one by more than a share of their union."""
    most = 0 if most is None else int(np.squeeze(most))
    overlap = 0.0 if overlap is None else float(np.squeeze(overlap))
    least = -np.inf if least is None else float(np.squeeze(least))
    if center_point_box:
        middle, extent = boxes[..., :2], boxes[..., 2:]
        low, high = middle - extent / 2, middle + extent / 2
    else:
        low, high = np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])
    area = np.prod(high - low, axis=-1)
    chosen = []
    for batch, label in np.ndindex(scores.shape[:2]):
        row = scores[batch, label]
        left = [int(i) for i in np.argsort(-row, stable=True) if row[i] > least]
        kept: list[int] = []
        while left and len(kept) < most:
            best = left.pop(0)
            kept.append(best)
            common = np.minimum(high[batch, best], high[batch, left]) - np.maximum(low[batch, best], low[batch, left])
            inner = np.prod(np.maximum(common, 0), axis=-1)
            union = area[batch, best] + area[batch, left] - inner
            left = [i for i, share in zip(left, inner / np.maximum(union, 1e-30), strict=True) if share <= overlap]
        chosen += [(batch, label, i) for i in kept]
    return np.array(chosen, np.int64).reshape(-1, 3)
