"""Which learning rate? One short training tries all, from far too small to far too large: see where the loss falls."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, NonFiniteError
from nn.checks import whole
from nn.init import Rng, generator
from nn.module import Module
from nn.optim import Adam, Optimizer
from nn.state import snapshot
from nn.style import BLUE, GRAY, panel
from nn.training import Training

__all__ = ["RangeTest", "lr_find"]

MEMORY = 0.9  # share of the mean that the last loss does not change
BLOWN_UP = 4.0  # times the lowest loss: then it is over


@dataclass(frozen=True)
class RangeTest:
    """What lr_find saw: rates, and for each the loss, smoothed over about ten steps.

    suggestion  a tenth of the rate where the loss was lowest, which is already too large to last; a start from which to try
    """

    rates: list[float] = field(repr=False)
    losses: list[float] = field(repr=False)
    suggestion: float

    def plot(self, axes: Any = None) -> Any:
        """Loss by rate, on matplotlib Axes, which it returns. Needs the extra [plot]."""
        with panel("RangeTest.plot", axes) as drawn:
            drawn.plot(self.rates, self.losses, color=BLUE)
            label = f"suggestion {self.suggestion:.2g}"
            drawn.axvline(self.suggestion, color=GRAY, linewidth=1, linestyle=":", label=label)
            drawn.set(xlabel="learning rate", ylabel="loss (smoothed)", xscale="log", title="Learning rate range test")
            drawn.legend(frameon=False)
            return drawn


def lr_find(
    model: Module,
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer | None = None,
    loss: Callable[[Any, Any], Any] | None = None,
    batch_size: int = 32,
    rng: Rng = None,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
) -> RangeTest:
    """Train for some steps with a rate that grows by the same factor each time; stop when the loss has blown up.

    lowest, highest   the first rate and the last
    Model, optimiser, generators, buffers, gradients and modes are then as they were, bit for bit.
    Raises ArgumentError if the loss blows up before there is anything to see, or never falls.
    Source: Smith 2017, arXiv 1506.01186, section 3.3; the suggestion is fastai's.
    """
    if not 0.0 < lowest < highest < math.inf:
        raise ArgumentError(f"lowest and highest are rates, 0 < lowest < highest, got {lowest!r} and {highest!r}")
    steps = whole("steps", steps, 3)
    optimizer, rng = optimizer or Adam(model), generator(rng)
    first, factor = optimizer.steps, (highest / lowest) ** (1 / (steps - 1))
    training = Training(
        model, X, y, optimizer=optimizer, loss=loss, batch_size=batch_size, rng=rng, epochs=steps,
        schedule=lambda step: lowest * factor ** (step - first),
    )  # fmt: skip
    with _unchanged(model, optimizer, rng), np.errstate(all="ignore"):
        rates, losses = _sweep(training, steps)
    if len(rates) < 3:
        raise ArgumentError(f"the loss blew up within {len(rates) + 1} steps: try a `lowest` below {lowest:g}")
    best = int(np.argmin(losses))
    if not best:
        raise ArgumentError(
            f"no rate brought the loss below that of the first, {lowest:g}: try a lower `lowest`, or more steps, or see "
            "whether the model is trained already"
        )
    return RangeTest(rates, losses, 0.1 * rates[best])


def _sweep(training: Training, steps: int) -> tuple[list[float], list[float]]:
    """(rates, smoothed losses), up to where the loss has blown up."""
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    try:
        with training:
            for number, step in enumerate(training, start=1):
                mean = MEMORY * mean + (1.0 - MEMORY) * step.loss
                rates.append(training.optimizer.learning_rate)
                losses.append(mean / (1.0 - MEMORY**number))  # of the steps so far: without the start at 0
                if number == steps or losses[-1] > BLOWN_UP * min(losses):
                    break
    except NonFiniteError:  # a loss beyond all numbers ends it as a large one does
        pass
    return rates, losses


@contextmanager
def _unchanged(model: Module, optimizer: Optimizer, rng: np.random.Generator) -> Iterator[None]:
    """Puts back what training changes: the arrays of old gradients are not written into, only forgotten."""
    put_back, order = snapshot(model, optimizer), rng.bit_generator.state
    gradients = [(parameter, parameter.grad) for parameter in optimizer.parameters]
    try:
        yield
    finally:
        put_back()
        rng.bit_generator.state = order
        for parameter, gradient in gradients:
            parameter.grad = gradient
