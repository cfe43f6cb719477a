"""Losses: one number that says how wrong a prediction is; training makes it small.

Prediction and target must have the same shape: (n, 1) against (n,) would broadcast to (n, n) without a word and train on
nonsense, so it raises ShapeError. All give the mean over every element (`reduction="sum"` or "none" for the others).
"""

from typing import Any

import numpy as np

from autograd.data import Traced, as_array, as_dtype
from autograd.errors import ArgumentError, ShapeError
from autograd.ops import log_softmax, relu, softmax_cross_entropy, softplus
from autograd.value import Value

__all__ = ["accuracy", "binary_cross_entropy", "cross_entropy", "hinge", "huber", "mae", "mse"]


def mse(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Mean squared error, (prediction − target)²: equal shapes → number."""
    prediction, target = _pair("mse", prediction, target)
    difference = prediction - target
    return _reduce(difference * difference, reduction)


def mae(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Mean absolute error, |prediction − target|; slope 0 where they are equal."""
    prediction, target = _pair("mae", prediction, target)
    return _reduce(abs(prediction - target), reduction)


def huber(prediction: Any, target: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    """½d² for |d| ≤ delta, delta · (|d| − ½ delta) beyond: squares for small errors, absolute for outliers.

    Source: Huber 1964, eq. 3.1.
    """
    if delta <= 0.0:
        raise ArgumentError(f"huber: delta must be positive, got {delta}")
    prediction, target = _pair("huber", prediction, target)
    difference = prediction - target
    inside = np.clip(difference, -float(delta), float(delta))
    return _reduce(inside * (difference - 0.5 * inside), reduction)


def hinge(score: Any, target: Any, *, reduction: str = "mean") -> Any:
    """max(0, 1 − target · score) for targets −1 and +1: no loss once the score is right by a margin of 1."""
    score, target = _pair("hinge", score, target)
    if not isinstance(target, Traced) and not np.logical_and.reduce(target * target == 1.0, axis=None):
        raise ArgumentError("hinge: targets are −1 and +1")
    return _reduce(relu(1.0 - score * target), reduction)


def cross_entropy(logits: Any, target: Any, *, reduction: str = "mean") -> Any:
    """−log softmax(logits)[target] in nats: logits (…, classes), target (…) class numbers → number.

    A target of the shape of logits is taken as class probabilities. A model that knows nothing has loss ln(classes).
    Raises ShapeError for other shapes and ArgumentError for class numbers outside 0 … classes − 1.
    """
    logits, target = _array(logits), as_array(target.data if isinstance(target, Value) else target)
    shape = logits.shape
    if not shape:
        raise ShapeError("cross_entropy: logits have shape (…, classes), got a single number")
    if target.dtype.kind in "iub":
        if target.shape != shape[:-1]:
            raise ShapeError(f"cross_entropy: logits {shape} need targets of shape {shape[:-1]}, got {target.shape}")
        known = target.size and not isinstance(target, Traced)
        if known and (np.minimum.reduce(target, None) < 0 or np.maximum.reduce(target, None) >= shape[-1]):
            raise ArgumentError(
                f"cross_entropy: targets are 0 … {shape[-1] - 1} for logits {shape}, got {target.min()} … {target.max()}"
            )
        target = target.astype(np.int64, copy=False)  # booleans would select instead of counting
        if reduction == "mean":
            return softmax_cross_entropy(logits, target)
        picked = np.take_along_axis(log_softmax(logits), np.expand_dims(target, -1), axis=-1)
        return _reduce(-np.squeeze(picked, axis=-1), reduction)
    if target.shape != shape:
        raise ShapeError(
            f"cross_entropy: float targets are probabilities of the shape of logits {shape}, got {target.shape}; class "
            "numbers must be integers"
        )
    return _reduce(-np.sum(_cast(target, logits) * log_softmax(logits), axis=-1), reduction)


def binary_cross_entropy(logits: Any, target: Any, *, reduction: str = "mean") -> Any:
    """−[t log σ(z) + (1 − t) log(1 − σ(z))] in nats, from logits z: equal shapes, targets in [0, 1] → number.

    Computed as softplus(z) − t·z, which does not overflow.
    """
    logits, target = _pair("binary_cross_entropy", logits, target)
    if not isinstance(target, Traced) and (np.any(target < 0.0) or np.any(target > 1.0)):
        raise ArgumentError("binary_cross_entropy: targets are probabilities, between 0 and 1")
    return _reduce(softplus(logits) - target * logits, reduction)


def accuracy(logits: Any, target: Any) -> float:
    """Share of rows whose largest logit is at the target, as a plain float: logits (n, classes), target (n,)."""
    logits = logits.data if isinstance(logits, Value) else np.asarray(logits)
    if np.shape(target) != logits.shape[:-1]:
        raise ShapeError(
            f"accuracy: logits {logits.shape} need targets of shape {logits.shape[:-1]}, got {np.shape(target)}"
        )
    return float(np.mean(np.argmax(logits, axis=-1) == np.asarray(target)))


def _pair(name: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Both operands, checked for equal shapes; a plain target gets the prediction's dtype."""
    prediction = _array(prediction)
    if not isinstance(target, Value):
        target = _cast(as_array(target), prediction)
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{name}: prediction has shape {prediction.shape}, target {target.shape}; they must be equal "
            "(reshape one: broadcasting would pair every prediction with every target)"
        )
    return prediction, target


def _array(x: Any) -> Any:
    return x if isinstance(x, Value) else as_array(x)


def _cast(target: Any, prediction: Any) -> Any:
    dtype = prediction.dtype
    return as_dtype(target, dtype) if dtype.kind in "fc" else target


def _reduce(losses: Any, reduction: str) -> Any:
    if reduction == "mean":
        return np.mean(losses)
    if reduction == "sum":
        return np.sum(losses)
    if reduction == "none":
        return losses
    raise ArgumentError(f"reduction={reduction!r}: it is mean, sum or none")
