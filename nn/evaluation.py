"""A model in use: its output for many rows, and how well that fits."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.context import no_grad
from autograd.errors import ArgumentError
from autograd.value import Value
from nn.state import modes_kept

__all__ = ["Metric", "cast", "evaluate", "predict"]

Metric = Callable[[Any, Any], Any]


def predict(model: Any, X: Any, *, batch_size: int = 1024) -> Any:
    """The model's output for X as a plain array, in evaluation mode, in batches, with nothing recorded."""
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ArgumentError(f"batch_size is a whole number of at least 1, got {batch_size!r}")
    x = cast(model, X)
    with modes_kept(model), no_grad():
        model.eval()
        parts = [model(x[i : i + batch_size]) for i in range(0, max(len(x), 1), batch_size)]
    return np.concatenate([part.data if isinstance(part, Value) else np.asarray(part) for part in parts])


def evaluate(
    model: Any, X: Any, y: Any, *, loss: Callable[[Any, Any], Any], metric: Metric | None = None
) -> tuple[float, float | None]:
    """(loss, metric) of the model on X, y, in evaluation mode; the metric is None if none is asked for."""
    prediction = predict(model, X)
    target = np.asarray(y)
    return float(loss(prediction, target)), None if metric is None else float(metric(prediction, target))


def cast(model: Any, X: Any, kinds: str = "fiub") -> Any:
    """X as an array of the model's dtype, cast once: integers and booleans (pixels, flags) too, unless the model looks
    them up in a table (its modules say so in `takes_indices`)."""
    x = X.data if isinstance(X, Value) else np.asarray(X)
    if x.dtype.kind in "iu" and any(module.takes_indices for _, module in model.named_modules()):
        return x
    dtype = next((parameter.dtype for parameter in model.parameters()), x.dtype)
    return x.astype(dtype) if x.dtype.kind in kinds and x.dtype != dtype else x
