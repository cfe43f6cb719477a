"""What fit and train refuse, each with a line that says what was expected."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, NonFiniteError
from nn.archive import ending
from nn.checks import whole
from nn.evaluation import cast, chosen_loss, usual_loss
from nn.module import Module
from nn.optim import Optimizer

__all__ = [
    "ELSEWHERE", "augmented", "check_counts", "check_finite", "check_functions", "check_limits", "check_optimizer",
    "check_weights", "checked_data", "chosen_loss", "usual_loss",
]  # fmt: skip

_RATE = "the rate is the optimiser's: optimizer=nn.Adam(model, learning_rate=0.01), or schedule="
_CALLBACK = "what a callback would do stands in the loop: for step in nn.train(model, X, y, …): …"
ELSEWHERE = {  # options of others' training loops → what serves here
    "lr": _RATE, "learning_rate": _RATE, "callbacks": _CALLBACK, "callback": _CALLBACK,
    "validation_data": "it is called validation=(X, y)", "validation_split": "nn.split makes the parts: validation=(X, y)",
    "val": "it is called validation=(X, y)", "scheduler": "it is called schedule", "metrics": "it is called metric, one",
    "verbose": "nn.fit has progress=", "criterion": "it is called loss", "loss_fn": "it is called loss",
    "early_stopping": "it is called patience", "seed": "it is called rng", "random_state": "it is called rng",
    "shuffle": "training always shuffles, in the order that rng draws", "device": "there is the CPU only",
    "lengths": "sequences of different lengths: see nn.padding", "sample_weight": "a loss of your own may weight rows",
    "weight_decay": "it is the optimiser's: optimizer=nn.AdamW(model, weight_decay=0.1)",
}  # fmt: skip


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
    if all(getattr(parameter, "mask", None) is False for parameter in optimizer.parameters):
        raise ArgumentError(
            "all that the optimizer holds is frozen: nn.lens.unfreeze(model) what shall learn, or, after nn.lens.lora, "
            "which adds parameters, make a new optimizer"
        )


def check_finite(name: str, which: str, array: Any, names: Any = None) -> None:
    """Raise ArgumentError for NaN and infinity in X or y, with the row of the first, and the feature if rows have several.

    names  of the features; by default they are numbers
    """
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    row, *place = np.argwhere(~np.isfinite(array))[0].tolist()
    names = () if names is None else list(names)
    number = int(np.ravel_multi_index(place, array.shape[1:])) if place else 0
    known = names[number] if len(names) == np.prod(array.shape[1:]) else place[0] if len(place) == 1 else tuple(place)
    where = f", {'feature' if which == 'X' else 'column'} {known}" if place else ""
    raise ArgumentError(f"{name}: {which} has NaN or infinite entries, the first in row {row}{where}")


def check_weights(name: str, model: Module) -> None:
    """Raise NonFiniteError, with the parameter's path, for weights that are NaN or infinite."""
    for path, parameter in model.named_parameters():
        if not np.isfinite(parameter.data).all():
            raise NonFiniteError(
                f"{name}: {path} has NaN or infinite weights; train again with a smaller learning_rate"
            )


def checked_data(
    name: str, model: Module, X: Any, y: Any, *, gaps: bool = False, names: Sequence[str] | None = None
) -> tuple[Any, Any]:
    """X and y as arrays for the model, as many rows of each, and finite; with `gaps` y may have NaN.

    names  of the features, for messages; by default the columns of a table
    Raises ArgumentError for data that are not so, or are no numbers.
    """
    x, target = cast(model, X), cast(model, y, "f", "y")  # class numbers stay integers
    if not x.ndim or not target.ndim:
        raise ArgumentError(f"{name}: expected arrays (rows, …), got shapes {x.shape} and {target.shape}")
    if len(x) != len(target):
        raise ArgumentError(f"{name}: X has {len(x)} rows, y has {len(target)}")
    if not len(x):
        raise ArgumentError(f"{name}: there are no rows")
    check_finite(name, "X", x, getattr(X, "columns", None) if names is None else names)
    if not gaps:
        check_finite(name, "y", target, getattr(y, "columns", None))
    return x, target
