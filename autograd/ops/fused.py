"""Several steps as one op, where one node and one rule are worth it: an affine layer, softmax with cross-entropy.

Each could be written with the ops before it; as one node the affine map saves two, and the cross-entropy's rule is the
famous p − y instead of a chain of logarithms and divisions.
"""

import math
from functools import lru_cache

import numpy as np

from autograd.errors import ShapeError
from autograd.ops.activation import floats
from autograd.primitives import error, point, primitive, sample

__all__ = ["linear", "softmax_cross_entropy"]


def _rows(x):
    """x with all leading axes merged: (…, n) → (m, n)."""
    return x if np.ndim(x) == 2 else np.reshape(x, (math.prod(np.shape(x)[:-1]), np.shape(x)[-1]))


def _product(x, matrix):
    """x @ matrix, (…, n) and (n, m) → (…, m), as one product of two matrices: NumPy's dot of more axes goes from row to
    row, and its matmul from matrix to matrix."""
    if np.ndim(x) <= 2:
        return np.dot(x, matrix)
    return np.reshape(np.dot(_rows(x), matrix), (*np.shape(x)[:-1], np.shape(matrix)[1]))


@primitive(
    symbol="x @ Wᵀ + b",
    leading=True,
    inline=True,
    samples=[
        sample("3 4", "2 4", "2"),
        sample("4", "2 4", "2"),
        sample("2 3 4", "2 4", "2"),
        sample("3 4", "2 4", 0.0),
    ],
    points=[
        point(
            (np.array([[2.0, 3.0]]), np.array([[5.0, 7.0]]), np.ones(1)),
            (np.array([[5.0, 7.0]]), np.array([[2.0, 3.0]]), np.ones(1)),
            out=np.array([[32.0]]),
        )
    ],
    errors=[error(("3 4", "2 3", "2"), match="(3, 4)")],
    source="Giles 2008, matrix product; the adjoint of repeating the bias is a sum",
)
def linear(x, weight, bias, /):
    """Affine map, out = x @ weightᵀ + bias: x (…, n), weight (m, n), bias (m,) or 0.0 → (…, m)."""
    if np.shape(x)[-1:] != np.shape(weight)[1:]:
        raise ValueError(
            f"x has {np.shape(x)[-1:] or 'no'} features on its last axis, weight takes {np.shape(weight)[1:]}"
        )
    out = _product(x, weight.T)
    if type(out) is np.ndarray and out.dtype == getattr(bias, "dtype", None):
        out += bias
        return out
    return out + bias


def _linear_weight(g, out, x, weight, bias):
    lead = np.ndim(g) - np.ndim(x)
    if lead:
        g = np.reshape(g, (*np.shape(g)[:lead], -1, np.shape(g)[-1]))
        return np.matmul(np.swapaxes(g, -1, -2), _rows(x))
    return np.dot(_rows(g).T, _rows(x)) if np.ndim(x) > 1 else np.outer(g, x)


@lru_cache(maxsize=64)
def _ones(length, dtype):
    ones = np.ones(length, dtype)
    ones.flags.writeable = False
    return ones


def _linear_bias(g, out, x, weight, bias):
    lead = np.ndim(g) - np.ndim(x)
    if lead or np.ndim(bias) == 0:
        return np.sum(g, axis=tuple(range(lead, np.ndim(g) - np.ndim(bias))))
    rows = _rows(g)  # ones @ rows runs in BLAS, in half the time of a sum over axis 0
    return np.dot(_ones(rows.shape[0], rows.dtype), rows)


linear.vjp(x=lambda g, out, x, weight, bias: _product(g, weight), weight=_linear_weight, bias=_linear_bias)


def _log_probabilities(logits):
    """log softmax over the last axis of a plain array, stable: the largest logit is taken off first."""
    logits = floats(logits)
    shifted = logits - np.maximum.reduce(logits, axis=-1, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=-1, keepdims=True))


@primitive(
    symbol="cross-entropy",
    inline=True,
    results="one",
    hidden=1,
    samples=[sample("3 4", np.array([0, 3, 1])), sample("2 3 4", np.array([[0, 3, 1], [2, 2, 0]]))],
    points=[point((np.array([[0.0, 0.0]]), np.array([1])), (np.array([[0.5, -0.5]]), None)),
            point((np.array([[1e3, -1e3]]), np.array([0])), (np.array([[0.0, 0.0]]), None), out=0.0)],
    errors=[error(("3 4", np.array([0, 1])), match="(2,)", kind=ShapeError)],
    source="Bridle 1990: d loss / d logits = (softmax − one-hot) / n",
)  # fmt: skip
def softmax_cross_entropy(logits, labels, /):
    """Mean over all rows of −log softmax(logits)[label], in nats: logits (…, classes), labels (…) integers → number."""
    if np.shape(logits)[:-1] != np.shape(labels):
        raise ValueError(f"labels of shape {np.shape(labels)} do not fit logits of shape {np.shape(logits)}")
    log_p = _log_probabilities(logits)
    rows = _rows(log_p)
    picked = rows[np.arange(len(rows)), np.ravel(labels)]
    return -np.add.reduce(picked) / rows.dtype.type(len(rows)), log_p


def _cross_entropy_logits(g, out, logits, labels):
    g_loss, g_log_p = g
    p = np.exp(out[1])
    total = 0.0
    if g_loss is not None:
        hot = labels[..., None] == np.arange(p.shape[-1])
        total = (p - hot) * (g_loss * (1.0 / np.size(labels)))
    if g_log_p is not None:  # only a second derivative asks for it
        total = total + g_log_p - p * np.sum(g_log_p, axis=-1, keepdims=True)
    return total


softmax_cross_entropy.vjp(logits=_cross_entropy_logits)
softmax_cross_entropy.constant("labels")
