"""What fit and train refuse, each with a line that says what was expected; and the one cast of the data."""

from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from autograd.value import Value
from nn.module import Module
from nn.optim import Optimizer

__all__ = ["cast", "check_optimizer", "check_options", "checked_data"]


def check_options(epochs: Any, batch_size: Any, patience: Any, loss: Any, metric: Any, validation: Any) -> None:
    """Raise ArgumentError for an option of fit that cannot be used."""
    for name, number in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        if number is not None and (not isinstance(number, (int, np.integer)) or number < 1):
            raise ArgumentError(f"{name} is a whole number of at least 1, got {number!r}")
    if patience is not None and validation is None:
        raise ArgumentError("patience needs validation=(X, y): training stops when the validation loss stops falling")
    for name, function in (("loss", loss), ("metric", metric)):
        if function is not None and not callable(function):
            raise ArgumentError(f"{name} is a function such as nn.mse, got {function!r}")
    if validation is not None and not (isinstance(validation, (tuple, list)) and len(validation) == 2):
        raise ArgumentError(f"validation is a pair (X, y) of arrays, got {str(validation)[:40]}; nn.split makes one")


def check_optimizer(optimizer: Any, model: Module) -> None:
    """Raise ArgumentError for what is no optimiser, or one of another model, which would train nothing."""
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"optimizer is an object such as nn.Adam(model), got {optimizer!r}")
    if not {id(p) for p in model.parameters()} & {id(p) for p in optimizer.parameters}:
        raise ArgumentError("the optimizer holds none of the model's parameters: make it with nn.Adam(model)")


def cast(model: Module, X: Any, kinds: str = "fiub") -> Any:
    """X as an array of the model's dtype, cast once: integers and booleans (pixels, flags) too, unless the model looks
    them up in a table (its modules say so in `takes_indices`)."""
    x = X.data if isinstance(X, Value) else np.asarray(X)
    if x.dtype.kind in "iu" and any(module.takes_indices for _, module in model.named_modules()):
        return x
    dtype = next((parameter.dtype for parameter in model.parameters()), x.dtype)
    return x.astype(dtype) if x.dtype.kind in kinds and x.dtype != dtype else x


def checked_data(name: str, model: Module, X: Any, y: Any) -> tuple[Any, Any]:
    x, target = cast(model, X), cast(model, y, "f")  # class numbers stay integers
    if len(x) != len(target):
        raise ArgumentError(f"{name}: X has {len(x)} rows, y has {len(target)}")
    if not len(x):
        raise ArgumentError(f"{name}: there are no rows")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise ArgumentError(
            f"{name}: X has NaN or infinite entries, the first in row {np.argwhere(~np.isfinite(x))[0][0]}"
        )
    return x, target
