"""A model in use: its output for many rows, and how well that fits."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.context import no_grad
from autograd.errors import ArgumentError
from autograd.value import Value
from nn.checks import called, whole
from nn.losses import cross_entropy, mse
from nn.losses.base import one_array
from nn.state import modes_kept

__all__ = ["Metric", "cast", "chosen_loss", "evaluate", "numbers", "predict", "usual_loss"]

Metric = Callable[[Any, Any], Any]
_NO_NUMBERS = "OSUTMm"  # kinds of dtypes: objects, texts, dates


def predict(model: Any, X: Any, *, batch_size: int = 1024) -> Any:
    """The model's output for X as a plain array, in evaluation mode, in batches, with nothing recorded."""
    rows, x = whole("batch_size", batch_size), cast(model, X)
    with modes_kept(model), no_grad():
        model.eval()
        parts = [one_array(model(x[i : i + rows])) for i in range(0, max(len(x), 1), rows)]
    return np.concatenate([part.data if isinstance(part, Value) else np.asarray(part) for part in parts])


def evaluate(
    model: Any, X: Any, y: Any, *, loss: Callable[[Any, Any], Any] | None = None, metric: Metric | None = None
) -> tuple[float, float | None]:
    """(loss, metric) of the model on X, y, in evaluation mode; the metric is None if none is asked for.

    loss  (prediction, target) → number; by default that of nn.fit
    """
    prediction, target = predict(model, X), numbers("y", y)
    loss = chosen_loss(loss, target)
    return float(loss(prediction, target)), None if metric is None else float(metric(prediction, target))


def usual_loss(target: Any) -> Callable[[Any, Any], Any]:
    """What is minimised if nobody says: cross_entropy for integer targets, which are class numbers, mse for others."""
    return cross_entropy if np.asarray(target).dtype.kind in "iub" else mse


def chosen_loss(loss: Any, target: Any) -> Callable[[Any, Any], Any]:
    """The loss, or the usual one of these targets for None. Raises ArgumentError for what is no function."""
    if loss is not None and not callable(loss):
        raise ArgumentError(f"loss is a function such as nn.mse, got {loss!r}")
    return usual_loss(target) if loss is None else loss


def cast(model: Any, X: Any, kinds: str = "fiub", name: str = "X") -> Any:
    """X as an array of the model's dtype, cast once: integers and booleans (pixels, flags) too, unless the model looks
    them up in a table (its modules say so in `takes_indices`). Raises ArgumentError for what are no numbers."""
    if not hasattr(model, "named_modules"):
        raise ArgumentError(f"a model is an nn.Module, such as nn.Sequential(function), got {called(model)}")
    x = X.data if isinstance(X, Value) else numbers(name, X)
    if x.dtype.kind in "iu" and any(module.takes_indices for _, module in model.named_modules()):
        return x
    dtype = next((parameter.dtype for parameter in model.parameters()), x.dtype)
    return x.astype(dtype) if x.dtype.kind in kinds and x.dtype != dtype else x


def numbers(name: str, X: Any) -> Any:
    """X as an array. Raises ArgumentError for texts and other objects, with the columns of a table that hold them."""
    try:
        x = np.asarray(X)
    except ValueError as mistake:
        raise ArgumentError(f"{name} is no array: {mistake}; nn.pad_sequences makes one of sequences") from None
    if x.dtype.kind == "O" and x.ndim:  # numbers of a table whose columns differ in kind
        plain = np.asarray(x.tolist())
        x = plain if plain.dtype.kind in "fiub" else x
    if x.dtype.kind not in _NO_NUMBERS:
        return x
    columns = zip(X.columns, X.dtypes, strict=True) if hasattr(X, "columns") else ()  # a pandas table
    texts = [repr(str(column)) for column, dtype in columns if getattr(dtype, "kind", "O") in _NO_NUMBERS]
    where = f"column {', '.join(texts[:5])} has no numbers" if texts else f"it is {type(X).__name__} of {x.dtype}"
    if not x.ndim:
        remedy = "give an array (rows, …)"
    elif name == "y":
        remedy = "classes, y = np.unique(y, return_inverse=True) numbers classes"
    else:
        remedy = "a category becomes a column of 0 and 1 for each of its values (python -m nn data.csv does that)"
    raise ArgumentError(f"{name} must be numbers, but {where}; {remedy}")
