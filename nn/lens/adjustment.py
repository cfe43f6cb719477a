"""Adjustment: what one step of the optimiser does to each parameter, and what it does to the loss.

A step moves the weights by Δ. What the loss then changes by can be foretold,

    first order   g · Δ                the gradient's promise
    second order  g · Δ + ½ Δ · H Δ    with the curvature along Δ, by one product with the Hessian

and measured. Where the three agree the step is short enough for the gradient to be right about it; where the first two
part, curvature decides; where the last two part, so do higher derivatives, and the step is long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import tree
from autograd.errors import ArgumentError, NonFiniteError
from autograd.jacobians import hvp
from autograd.transforms import value_and_grad
from autograd.value import Value, data_of
from nn.arguments import check_optimizer, check_weights, checked_data, chosen_loss
from nn.lens.answer import Answer
from nn.module import Module
from nn.optim import LBFGS, Optimizer
from nn.outline import shortened
from nn.state import preserved, untouched
from nn.style import BLUE, GRAY, decades
from nn.sums import arrays_only

__all__ = ["StepTable", "step_table"]


@dataclass(frozen=True, eq=False, repr=False)
class StepTable(Answer):
    """One step. For each parameter, in the optimiser's order:

    paths        its name                    gradients  ‖g‖
    weights      ‖w‖ before the step         changes    ‖Δ‖
    first        g · Δ                       second     ½ Δ · H Δ, the parameter's part of it; () without a model
    before, after  the loss on this batch, None without a model

    steps   how many the optimiser had made before
    """

    paths: tuple[str, ...]
    gradients: tuple[float, ...]
    weights: tuple[float, ...]
    changes: tuple[float, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]
    before: float | None
    after: float | None
    steps: int

    @property
    def relative(self) -> tuple[float | None, ...]:
        """‖Δ‖ / ‖w‖ of each parameter; None where all weights are 0."""
        return tuple(d / w if w else None for d, w in zip(self.changes, self.weights, strict=True))

    @property
    def first_order(self) -> float:
        """g · Δ of all parameters: the change of the loss that the gradient promises."""
        return math.fsum(self.first)

    @property
    def second_order(self) -> float | None:
        """g · Δ + ½ Δ · H Δ; None without a model."""
        return math.fsum((*self.first, *self.second)) if self.second else None

    @property
    def actual(self) -> float | None:
        """How the loss did change; None without a model."""
        return None if self.after is None or self.before is None else self.after - self.before

    @property
    def verdict(self) -> str:
        known = [(share, path) for share, path in zip(self.relative, self.paths, strict=True) if share is not None]
        share, where = max(known, default=(0.0, "none"))
        moved = f"{where} moves most for its size, by {share:.2%}"
        actual, second = self.actual, self.second_order
        if actual is None or second is None:
            return f"the step should change the loss by {self.first_order:.4g} to first order; {moved}"
        told = (
            f"{'lowers' if actual < 0.0 else 'raises'} the loss by {abs(actual):.4g}" if actual else "leaves the loss"
        )
        times = f", {actual / self.first_order:.3g} times what the gradient promised" if self.first_order else ""
        foretold = f"{self.first_order:.4g} to first order, {second:.4g} with curvature"
        return f"the step {told}{times}; foretold were {foretold}; {moved}"

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        heads = ["parameter", "gradient", "weight", "change", "change / weight", "g · Δ"]
        columns: list[Sequence[Any]] = [self.paths, self.gradients, self.weights, self.changes, self.relative]
        columns.append(self.first)
        if self.second:
            heads, columns = [*heads, "½ Δ · H Δ"], [*columns, self.second]
        lines: list[Sequence[Any]] = [tuple(row) for row in zip(*columns, strict=True)]
        sums: dict[str, float | None] = {"first order": self.first_order}
        sums |= {"second order": self.second_order, "actual": self.actual} if self.second else {}
        lines += [(name, "", "", "", "", size, *[""] * bool(self.second)) for name, size in sums.items()]
        return heads, lines

    def draw(self, axes: Any) -> None:
        shown = [(path, share) for path, share in zip(self.paths, self.relative, strict=True) if share]
        rows = np.arange(len(shown))
        axes.barh(rows, [share for _, share in shown], height=0.62, color=BLUE)
        axes.axvline(1e-3, color=GRAY, linewidth=0.8, linestyle=":")
        axes.set_yticks(rows, [shortened(path, 24) for path, _ in shown])
        axes.invert_yaxis()
        decades(axes, "x", [*(share for _, share in shown), 1e-3])
        axes.set(title=f"Step {self.steps + 1}", xlabel="‖change‖ / ‖weight‖")


def step_table(
    optimizer: Optimizer, model: Module | None = None, X: Any = None, y: Any = None, *,
    loss: Callable[[Any, Any], Any] | None = None, keep: bool = False,
) -> StepTable:  # fmt: skip
    """What the optimiser's next step would do to each parameter, and with a model and a batch what to the loss.

        loss.backward()
        print(lens.step_table(optimizer))               # after a backward pass, before optimizer.step()
        print(lens.step_table(optimizer, model, x, y))  # with the loss before and after; makes its own gradients

    model, X, y, loss   loss(model(X), y) is measured before and after; loss is fit's default if there is none. The model is
                        in the mode that it is in, as in training: both times with the same random draws
    keep                make the step as well, as zero_grad(), backward() and step() do, bit for bit. By default the step is
                        taken back: parameters, gradients, optimiser, buffers, generators and mode are what they were

    In float32 the loss has seven digits, of which a small step changes the last ones: measure small steps in float64.
    Source: actual against predicted change as in a trust region, Nocedal and Wright 2006, eq. 4.4; ‖change‖ / ‖weight‖ of
    about 1e-3, CS231n.
    Raises ArgumentError without gradients, or for an optimiser of another model; NonFiniteError, with the parameter, for a
    gradient or step that is NaN or infinite.
    """
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"step_table: optimizer is an object such as nn.Adam(model), got {optimizer!r}")
    if model is None:
        if X is not None or y is not None or loss is not None:
            raise ArgumentError("step_table: X, y and loss need the model too: step_table(optimizer, model, X, y)")
        return _measured(optimizer, None, keep)
    arrays_only("step_table", model)
    check_optimizer(optimizer, model)
    if X is None or y is None:
        raise ArgumentError(
            "step_table: a model needs a batch to measure the loss on: step_table(optimizer, model, X, y)"
        )
    x, target = checked_data("step_table", model, X, y)
    check_weights("step_table", model)
    return _measured(optimizer, _Batch(model, x, target, chosen_loss(loss, target)), keep)


@dataclass(frozen=True)
class _Batch:
    """The loss of a model on a batch, as often as one asks, each time with the same draws."""

    model: Module
    x: Any
    target: Any
    measure: Callable[[Any, Any], Any]

    def of(self, model: Module) -> Any:
        return self.measure(model(Value(self.x) if self.x.dtype.kind == "f" else self.x), self.target)

    def loss(self) -> float:
        with preserved(self.model):
            return float(data_of(self.of(self.model)))

    def gradient(self) -> dict[int, Any]:
        """id of a parameter → gradient."""
        with preserved(self.model):
            _, slopes = value_and_grad(self.of)(self.model)
        return self._by_parameter(slopes)

    def curvature(self, move: dict[int, Any]) -> dict[int, Any]:
        """id of a parameter → its part of H · move."""
        _, structure = tree.flatten(self.model)
        moves = [move.get(id(p), np.zeros(p.shape, p.dtype)) for p in self.model.parameters()]
        with preserved(self.model):
            product = hvp(self.of, self.model, tree.unflatten(structure, moves))
        return self._by_parameter(product)

    def _by_parameter(self, like: Module) -> dict[int, Any]:
        pairs = zip(self.model.parameters(), like.parameters(), strict=True)
        return {id(own): data_of(other) for own, other in pairs}

    def backward(self) -> Any:
        """The loss, and its gradient in the parameters, as training does it."""
        loss = self.of(self.model)
        loss.backward(keep="leaves")
        return loss


def _measured(optimizer: Optimizer, batch: _Batch | None, keep: bool) -> StepTable:
    """The table; the step is made, looked at, and taken back, and with keep made once more."""
    with untouched(batch and batch.model, optimizer), np.errstate(all="ignore"):
        before = after = None
        if batch is not None:
            before, slopes = batch.loss(), batch.gradient()
            for parameter in optimizer.parameters:
                parameter.grad = slopes.get(id(parameter), 0.0 * parameter.data)
        gradients = _gradients(optimizer)
        old = [parameter.data for parameter in optimizer.parameters]
        steps = optimizer.steps
        with preserved(batch.model) if batch is not None else nullcontext():
            _step(optimizer, batch)
        moves = [p.data - data for p, data in zip(optimizer.parameters, old, strict=True)]
        _check("the step", optimizer.paths, moves)
        if batch is not None:
            after = batch.loss()
    second: list[float] = []
    if batch is not None:
        curved = batch.curvature({id(p): d for p, d in zip(optimizer.parameters, moves, strict=True)})
        second = [0.5 * _dot(d, curved.get(id(p), 0.0 * d)) for p, d in zip(optimizer.parameters, moves, strict=True)]
    if keep:
        if batch is not None and not isinstance(optimizer, LBFGS):
            optimizer.zero_grad()
            batch.backward()
        _step(optimizer, batch)
    first = [_dot(g, d) for g, d in zip(gradients, moves, strict=True)]
    sizes, lengths, changes = (tuple(map(_norm, arrays)) for arrays in (gradients, old, moves))
    return StepTable(optimizer.paths, sizes, lengths, changes, tuple(first), tuple(second), before, after, steps)


def _gradients(optimizer: Optimizer) -> list[Any]:
    """The gradient of each parameter; zeros of those that have none, which do not move."""
    if not any(parameter.has_grad for parameter in optimizer.parameters):
        raise ArgumentError(
            "step_table: no parameter has a gradient; call loss.backward() first, or give the model and a batch: "
            "step_table(optimizer, model, X, y)"
        )
    found = [
        np.broadcast_to(data_of(p.grad), np.shape(p.data)) if p.has_grad else np.zeros(np.shape(p.data))
        for p in optimizer.parameters
    ]
    _check("the gradient", optimizer.paths, found)
    return found


def _check(what: str, paths: Sequence[str], arrays: Sequence[Any]) -> None:
    for path, array in zip(paths, arrays, strict=True):
        if not np.isfinite(array).all():
            raise NonFiniteError(
                f"step_table: {what} of {path} has NaN or infinite entries; try a smaller learning_rate"
            )


def _step(optimizer: Optimizer, batch: _Batch | None) -> None:
    """optimizer.step(); L-BFGS gets the closure that it asks for."""
    if not isinstance(optimizer, LBFGS):
        optimizer.step()
    elif batch is None:
        raise ArgumentError("step_table: LBFGS measures the loss itself; give the model and the data: "
                            "step_table(optimizer, model, X, y)")  # fmt: skip
    else:
        optimizer.step(batch.backward)


def _dot(a: Any, b: Any) -> float:
    return float(np.sum(np.asarray(a, np.float64) * np.asarray(b, np.float64)))


def _norm(x: Any) -> float:
    return float(np.linalg.norm(np.ravel(np.asarray(x, np.float64))))
