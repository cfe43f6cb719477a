"""What all losses share: operands of equal shape and one dtype, and the reduction to a number.

Prediction and target must have the same shape: (n, 1) against (n,) would broadcast to (n, n) without a word and train on
nonsense, so it raises ShapeError. All give the mean over every element (`reduction="sum"` or "none" for the others).
"""

from typing import Any

import numpy as np

from autograd.data import as_array, as_dtype
from autograd.errors import ArgumentError, ShapeError
from autograd.value import Value

__all__ = ["array", "cast", "pair", "reduced"]


def pair(name: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Both operands, checked for equal shapes; a plain target gets the prediction's dtype."""
    prediction = array(prediction)
    if not isinstance(target, Value):
        target = cast(as_array(target), prediction)
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{name}: prediction has shape {prediction.shape}, target {target.shape}; they must be equal "
            "(reshape one: broadcasting would pair every prediction with every target)"
        )
    return prediction, target


def array(x: Any) -> Any:
    """A Value or what compile follows as it is, anything else as an array."""
    return x if isinstance(x, Value) else as_array(x)


def cast(target: Any, prediction: Any) -> Any:
    """A target in the dtype of the prediction, if that is one of floats."""
    dtype = prediction.dtype
    return as_dtype(target, dtype) if dtype.kind in "fc" else target


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of the losses, or all of them."""
    if reduction == "mean":
        return np.mean(losses)
    if reduction == "sum":
        return np.sum(losses)
    if reduction == "none":
        return losses
    raise ArgumentError(f"reduction={reduction!r}: it is mean, sum or none")
