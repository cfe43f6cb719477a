"""What fit and train refuse, each with a line that says what was expected."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.archive import ending
from nn.checks import whole
from nn.evaluation import cast
from nn.losses import cross_entropy, mse
from nn.module import Module
from nn.optim import Optimizer

__all__ = [
    "augmented", "check_counts", "check_functions", "check_limits", "check_optimizer", "checked_data", "usual_loss",
]  # fmt: skip


def check_counts(**numbers: Any) -> None:
    """Raise ArgumentError for an option that is neither None nor a whole number of at least 1."""
    for name, number in numbers.items():
        if number is not None:
            whole(name, number)


def check_functions(**functions: Any) -> None:
    """Raise ArgumentError for an option that is neither None nor a function."""
    examples = {"augment": "lambda x, rng: x", "schedule": "nn.schedules.cosine(0.1, steps=1000)"}
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise ArgumentError(f"{name} is a function such as {examples.get(name, 'nn.mse')}, got {function!r}")


def check_limits(
    clip_norm: Any, validation: Any, patience: Any, checkpoint: Any, checkpoint_every: Any, resume: Any, compile: Any
) -> None:
    """Raise ArgumentError for options that cannot be used, or not without another one."""
    if not isinstance(compile, bool):
        raise ArgumentError(f"compile is True or False, got {compile!r}")
    if clip_norm is not None and not (isinstance(clip_norm, (int, float, np.number)) and clip_norm > 0):
        raise ArgumentError(f"clip_norm is a number above 0, the largest norm of the gradient, got {clip_norm!r}")
    if patience is not None and validation is None:
        raise ArgumentError("patience needs validation=(X, y): training stops when the validation loss stops falling")
    if validation is not None and not (isinstance(validation, (tuple, list)) and len(validation) == 2):
        raise ArgumentError(f"validation is a pair (X, y) of arrays, got {str(validation)[:40]}; nn.split makes one")
    if checkpoint is None and (checkpoint_every is not None or resume):
        raise ArgumentError("checkpoint_every and resume need checkpoint=, the name of a file")
    if checkpoint is not None:
        ending(checkpoint)
        if not Path(checkpoint).parent.is_dir():
            raise ArgumentError(f"checkpoint={str(checkpoint)!r}: there is no folder {Path(checkpoint).parent}")


def augmented(model: Module, augment: Any, x: Any, target: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """What augment makes of a batch, in the model's dtype. Raises ArgumentError if it gives another number of rows."""
    mixes = getattr(augment, "mixes", False)  # of the targets too: nn.Mixup
    out, new = augment(x, target, rng) if mixes else (augment(x, rng), target)
    out, new = cast(model, out), cast(model, new, "f")
    if np.shape(out)[:1] != np.shape(x)[:1]:
        raise ArgumentError(f"augment(x, rng) gave shape {np.shape(out)} for {np.shape(x)}; the rows must stay as many")
    if len(new) != len(out):
        raise ArgumentError(f"augment(x, target, rng) gave {len(new)} targets for {len(out)} rows")
    return out, new


def check_optimizer(optimizer: Any, model: Module) -> None:
    """Raise ArgumentError for what is no optimiser, or one of another model, which would train nothing."""
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"optimizer is an object such as nn.Adam(model), got {optimizer!r}")
    if not {id(p) for p in model.parameters()} & {id(p) for p in optimizer.parameters}:
        raise ArgumentError("the optimizer holds none of the model's parameters: make it with nn.Adam(model)")


def usual_loss(target: Any) -> Callable[[Any, Any], Any]:
    """What is minimised if nobody says: cross_entropy for integer targets, which are class numbers, mse for others."""
    return cross_entropy if np.asarray(target).dtype.kind in "iub" else mse


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
