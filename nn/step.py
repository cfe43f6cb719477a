"""One step of training, as functions that `compile` can take: forward, look at the loss, backward, update."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd
from autograd.data import effect
from autograd.errors import ArgumentError, CompileError, NonFiniteError
from autograd.value import Value
from nn.clip import clip_norm
from nn.module import Module
from nn.optim import Optimizer

__all__ = ["Careful", "Watch", "in_parts", "training_step"]


class Watch:
    """Looks at the loss of each batch, before the weights change."""

    __followed__ = False  # a compiled step does not depend on what it says here

    def at(self, epoch: int, batch: int, rate: float) -> None:
        """Where training is."""
        self.epoch, self.batch, self.rate = epoch, batch, rate

    def __call__(self, loss: Any) -> None:
        """Raise NonFiniteError, with what to do, if the loss is no number."""
        if not math.isfinite(float(loss)):
            raise NonFiniteError(
                f"the loss became {float(loss)} in epoch {self.epoch}, batch {self.batch}: try a smaller learning_rate "
                f"than {self.rate:g}, look for NaN in y, or run under autograd.detect_anomaly()"
            )


def training_step(
    model: Module, loss: Callable[[Any, Any], Any], optimizer: Optimizer, watch: Watch, limit: float | None = None
) -> Any:
    """step(x, target) → loss: one batch forward, backward and one step of the optimiser.

    limit  of the gradient's norm (nn.clip_norm). step(x, target, share, first, last) is a part of a batch: its loss is
    weighted by share, the first part forgets the gradient of before, the last one updates.
    """

    def step(x: Any, target: Any, share: Any = None, first: bool = True, last: bool = True) -> Any:
        value = loss(model(x), target)
        if not isinstance(value, Value) or value.size != 1:
            raise ArgumentError(
                f"loss(prediction, target) must give a Value with a single number, got {type(value).__name__} of shape "
                f"{np.shape(value)}; use NumPy functions of the prediction itself, and take a mean"
            )
        effect(watch, value.data)
        if first:
            optimizer.zero_grad()
        (value if share is None else value * share).backward(keep="leaves")
        if last:
            if limit is not None:
                clip_norm(model, limit)
            optimizer.step()
        return value.data

    return step


def in_parts(step: Callable[..., Any], size: int) -> Callable[[Any, Any], float]:
    """A step that takes a batch `size` rows at a time and adds the gradients up: the same mean, less memory."""

    def parts(x: Any, target: Any) -> float:
        rows, total = len(x), 0.0
        for start in range(0, rows, size):
            part = slice(start, start + size)
            share = len(x[part]) / rows
            total += share * float(step(x[part], target[part], share, start == 0, start + size >= rows))
        return total

    return parts


class Careful:
    """A training step, compiled; what cannot be compiled is said in one warning, and runs as it is.

    A program is written down for weights that have a gradient, as they do from the second step on, and gives the numbers
    of the first step too: so a training that goes on in another process does what one that never stopped does.
    """

    def __init__(self, step: Callable[..., Any], optimizer: Optimizer) -> None:
        self.step, self.run, self.fresh = step, autograd.compile(step, exact=True), optimizer.parameters

    def __call__(self, *batch: Any) -> Any:
        for parameter in self.fresh:
            if not parameter.has_grad:
                parameter.grad = 0.0 * parameter.data
        self.fresh = []
        try:
            return self.run(*batch)
        except CompileError as refusal:
            if self.run is self.step:
                raise
            self.run = self.step
            warnings.warn(f"training goes on without compile: {refusal}", stacklevel=5)
            return self.step(*batch)
