"""What all losses share: operands of equal shape and one dtype, and the reduction to a number.

Prediction and target must have the same shape: (n, 1) against (n,) would broadcast to (n, n) without a word and train on
nonsense, so it raises ShapeError. All give the mean over every element (`reduction="sum"` or "none" for the others).
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from autograd.data import as_array, as_dtype, effect
from autograd.errors import ArgumentError, ShapeError
from autograd.value import Value, data_of
from nn.names import refuse_all_but

__all__ = ["array", "cast", "expect", "loss", "one_array", "pair", "reduced"]

F = TypeVar("F", bound=Callable[..., Any])


def loss(function: F) -> F:
    """The function, which answers an option that it has not with the nearest one that it has."""

    @functools.wraps(function)
    def called(*operands: Any, **options: Any) -> Any:
        try:
            return function(*operands, **options)
        except TypeError:
            refuse_all_but(function.__name__, options, function)
            raise

    return called  # type: ignore[return-value]


def pair(name: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Both operands, checked for equal shapes; a plain target gets the prediction's dtype."""
    prediction = array(prediction)
    target = cast(target, prediction)
    if prediction.shape != target.shape:
        classes = target.shape == prediction.shape[:-1] and prediction.shape[-1] > 1
        raise ShapeError(
            f"{name}: prediction has shape {prediction.shape}, target {target.shape}; they must be equal "
            "(reshape one: broadcasting would pair every prediction with every target)"
            + ("; if these are classes, give their numbers as integers to nn.cross_entropy" if classes else "")
        )
    return prediction, target


def array(x: Any) -> Any:
    """A Value or what compile follows as it is, anything else as an array."""
    x = one_array(x)
    return x if isinstance(x, Value) else as_array(x)


def one_array(x: Any) -> Any:
    """What a model gave. Raises ArgumentError for a tuple."""
    if isinstance(x, tuple) and any(isinstance(part, Value) for part in x):
        raise ArgumentError(
            f"the prediction is a tuple of {len(x)}: recurrent and attention layers give (output, …), of which a Module of "
            "your own, or a function in a Sequential, takes the part that is meant: lambda out: out[0]"
        )
    return x


def cast(target: Any, prediction: Any) -> Any:
    """A target in the dtype of the prediction, if that is one of floats; a Value as it is."""
    dtype = prediction.dtype
    plain = not isinstance(target, Value) and dtype.kind in "fc"
    return as_dtype(target, dtype) if plain else array(target)


def expect(message: str, condition: Callable[[Any], Any], x: Any) -> None:
    """Raise ArgumentError unless a condition holds for all numbers of x: now, and in every run of a compiled step."""

    def look(numbers: Any) -> None:
        if not np.logical_and.reduce(condition(numbers), axis=None):
            raise ArgumentError(message)

    effect(look, data_of(x))


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of the losses, or all of them."""
    if reduction == "mean":
        return np.mean(losses)
    if reduction == "sum":
        return np.sum(losses)
    if reduction == "none":
        return losses
    raise ArgumentError(f"reduction={reduction!r}: it is mean, sum or none")
