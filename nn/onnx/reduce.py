"""Reductions over axes, cumulative sums, and what sorts."""

import numpy as np

from autograd import ops
from nn.onnx.operators import operator
from nn.onnx.types import astype, data_of, shape_of

__all__ = []


def _largest(x, axis, keepdims, sign=1):
    """np.max (sign 1) or np.min (−1), which of no element is the smallest (largest) there is."""
    pick, infinity = (np.max, -np.inf) if sign == 1 else (np.min, np.inf)
    if x.dtype.kind in "iu":
        infinity = np.iinfo(x.dtype).min if sign == 1 else np.iinfo(x.dtype).max
    return pick(x, axis=axis, keepdims=keepdims, initial=sign < 0 if x.dtype == bool else infinity)


def _euclidean(x, axis, keepdims):
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims) if axis != () else np.abs(x)


REDUCTIONS = {
    "ReduceSum": lambda x, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),
    "ReduceMean": lambda x, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims),
    "ReduceProd": lambda x, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims),
    "ReduceMax": _largest,
    "ReduceMin": lambda x, axis, keepdims: _largest(x, axis, keepdims, -1),
    "ReduceL1": lambda x, axis, keepdims: np.sum(np.abs(x), axis=axis, keepdims=keepdims),
    "ReduceL2": _euclidean,
    "ReduceSumSquare": lambda x, axis, keepdims: np.sum(np.square(x), axis=axis, keepdims=keepdims),
    "ReduceLogSum": lambda x, axis, keepdims: np.log(np.sum(x, axis=axis, keepdims=keepdims)),
    "ReduceLogSumExp": lambda x, axis, keepdims: ops.logsumexp(x, axis=axis, keepdims=keepdims),
}


def _reduction(function):
    """axes: an attribute at first, later an input; none means all, or no axis if noop_with_empty_axes is 1."""

    def compute(x, axes=None, *, keepdims=1, noop_with_empty_axes=0):
        axis = shape_of(axes) or (() if noop_with_empty_axes else None)
        return astype(function(x, axis, bool(keepdims)), x.dtype)

    return compute


for _name, _function in REDUCTIONS.items():
    operator(_name)(_reduction(_function))


def _argument(x, axis, keepdims, select_last_index, pick):
    x = data_of(x)
    if select_last_index:
        found = x.shape[axis] - 1 - pick(np.flip(x, axis), axis=axis, keepdims=bool(keepdims))
    else:
        found = pick(x, axis=axis, keepdims=bool(keepdims))
    return np.asarray(found, np.int64)


@operator("ArgMax")
def argmax(x, *, axis=0, keepdims=1, select_last_index=0):
    return _argument(x, axis, keepdims, select_last_index, np.argmax)


@operator("ArgMin")
def argmin(x, *, axis=0, keepdims=1, select_last_index=0):
    return _argument(x, axis, keepdims, select_last_index, np.argmin)


def _cumulated(x, axis, exclusive, reverse, function, start):
    """function along axis; exclusive: without the element itself, from `start` on; reverse: from the end."""
    if reverse:
        x = np.flip(x, axis)
    if exclusive:
        shape = [1 if i == axis % np.ndim(x) else n for i, n in enumerate(np.shape(x))]
        x = np.concatenate([np.full(shape, start, x.dtype), np.take(x, np.arange(np.shape(x)[axis] - 1), axis)], axis)
    out = astype(function(x, axis=axis), x.dtype)
    return np.flip(out, axis) if reverse else out


@operator("CumSum")
def cumsum(x, axis, *, exclusive=0, reverse=0):
    return _cumulated(x, int(np.squeeze(axis)), exclusive, reverse, np.cumsum, 0.0)


@operator("CumProd")
def cumprod(x, axis, *, exclusive=0, reverse=0):
    return _cumulated(x, int(np.squeeze(axis)), exclusive, reverse, np.cumprod, 1.0)


@operator("TopK")
def top_k(x, k, *, axis=-1, largest=1, sorted=1):
    """(values, indices) of the k largest or smallest along axis; of equal ones the first, which is sorted order too."""
    data = data_of(x)
    if largest:  # a stable sort from the end, turned round, would give the last of equal ones first
        order = data.shape[axis] - 1 - np.flip(np.argsort(np.flip(data, axis), axis=axis, stable=True), axis)
    else:
        order = np.argsort(data, axis=axis, stable=True)
    order = np.take(order, np.arange(int(np.squeeze(k))), axis)
    return np.take_along_axis(x, order, axis), order


@operator("Unique")
def unique(x, *, axis=None, sorted=1):
    """(values, first indices, inverse, counts); in the order of first appearance unless sorted."""
    x = data_of(x)
    values, first, inverse, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True, axis=axis)
    inverse = inverse.reshape(-1)
    if not sorted:
        order = np.argsort(first)
        values, first, counts = np.take(values, order, 0 if axis is None else axis), first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    return values, first.astype(np.int64), inverse.astype(np.int64), counts.astype(np.int64)


@operator("NonZero")
def nonzero(x):
    return np.array(np.nonzero(data_of(x)), np.int64)
