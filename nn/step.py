"""One step of training, as a function that `compile` can take: forward, look at the loss, backward, update."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd
from autograd.data import effect
from autograd.errors import ArgumentError, CompileError, NonFiniteError
from autograd.value import Value
from nn.module import Module
from nn.optim import Optimizer

__all__ = ["Careful", "Watch", "training_step"]


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
                f"than {self.rate:g}, look for NaN in X, or run under autograd.detect_anomaly()"
            )


def training_step(model: Module, loss: Callable[[Any, Any], Any], optimizer: Optimizer, watch: Watch) -> Any:
    """step(x, target) → loss: one batch forward, backward and one step of the optimiser."""

    def step(x: Any, target: Any) -> Any:
        value = loss(model(x), target)
        if not isinstance(value, Value) or value.size != 1:
            raise ArgumentError(
                f"loss(prediction, target) must give a Value with a single number, got {type(value).__name__} of shape "
                f"{np.shape(value)}; use NumPy functions of the prediction itself, and take a mean"
            )
        effect(watch, value.data)
        optimizer.zero_grad()
        value.backward(keep="leaves")
        optimizer.step()
        return value.data

    return step


class Careful:
    """A training step, compiled; what cannot be compiled is said in one warning, and runs as it is."""

    def __init__(self, step: Callable[[Any, Any], Any]) -> None:
        self.step, self.run = step, autograd.compile(step)

    def __call__(self, x: Any, target: Any) -> Any:
        try:
            return self.run(x, target)
        except CompileError as refusal:
            if self.run is self.step:
                raise
            self.run = self.step
            warnings.warn(f"training goes on without compile: {refusal}", stacklevel=5)
            return self.step(x, target)
