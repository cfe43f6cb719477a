"""L-BFGS: Newton's direction from the last few steps and changes of the gradient, and a line search along it."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, NonFiniteError
from autograd.value import Value
from nn.checks import not_negative, whole
from nn.masks import kept, learning, mask_of
from nn.module import Module, Parameter
from nn.optim.base import Optimizer
from nn.optim.line_search import Trial, strong_wolfe

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """w = w − t · H g, with H ≈ the inverse Hessian from the last history_size steps, and t by a strong-Wolfe line search.

    For smooth losses of all data at once (noise of small batches breaks it): a step(closure) makes up to max_iter
    iterations, each of one or a few evaluations of closure, which computes the loss, runs backward and returns the loss:

        def closure():
            loss = nn.mse(model(X), y)
            loss.backward()
            return loss

        optimizer.step(closure)

    learning_rate      first length that the line search tries
    max_iter           iterations of one step()
    tolerance_grad     stop when no entry of the gradient is larger
    tolerance_change   stop when neither a weight nor the loss changes by more
    history_size       pairs that are kept, each of two float64 vectors of all weights: 10, as SciPy has it (PyTorch 100)
    The line search is always on (PyTorch: line_search_fn="strong_wolfe"); groups and weight decay are not for it.
    Source: Liu and Nocedal 1989; Nocedal and Wright 2006, algorithm 7.4.
    """

    __traced__ = (*Optimizer.__traced__, "pairs")

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float = 1.0,
        *,
        max_iter: int = 20,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 10,
        **unknown: Any,
    ) -> None:
        for name in unknown.keys() & {"groups", "weight_decay", "decay_all", "maximize"}:
            raise ArgumentError(f"LBFGS has no option {name}: a line search needs one loss; write it there")
        super().__init__(parameters, learning_rate, **unknown)
        for path, parameter in zip(self.paths, self.parameters, strict=True):
            if np.iscomplexobj(parameter.data):
                raise ArgumentError(f"LBFGS: {path} is complex; keep its real and imaginary parts as two parameters")
        self.max_iter, self.history_size = whole("max_iter", max_iter), whole("history_size", history_size)
        self.tolerance_grad = not_negative("tolerance_grad", tolerance_grad)
        self.tolerance_change = not_negative("tolerance_change", tolerance_change)
        self.pairs = 0  # made so far; the newest is in row (pairs − 1) % history_size
        size = sum(parameter.size for parameter in self.parameters)
        self.moves, self.turns = np.zeros((self.history_size, size)), np.zeros((self.history_size, size))

    def step(self, closure: Callable[[], Any] | None = None) -> float:  # type: ignore[override]
        """Go down until a tolerance or max_iter is reached; the loss before that. Raises NonFiniteError if it is none."""
        if closure is None:
            raise ArgumentError(
                "LBFGS.step(closure) needs a function that computes the loss, runs backward and returns the loss; nn.fit "
                "and nn.train, which take batches, have none"
            )
        self.steps += 1
        x = np.concatenate([np.ravel(parameter.data) for parameter in self.parameters]).astype(np.float64)
        value, gradient = self._evaluate(closure)
        if not np.isfinite(value):
            raise NonFiniteError(f"LBFGS: the loss is {value} before the step")
        if not any(parameter.has_grad for parameter in self.parameters):
            raise ArgumentError(
                "LBFGS: the closure left no gradient; it runs loss.backward() before it returns the loss"
            )
        self._descend(closure, x, value, gradient)
        return value

    def _descend(self, closure: Callable[[], Any], x: Any, value: float, gradient: Any) -> None:
        """Iterate from the weights x with this loss and gradient."""
        try:
            for _ in range(self.max_iter):
                if np.max(np.abs(gradient)) <= self.tolerance_grad:
                    break
                direction = self._free(self._direction(gradient))
                found = self._search(closure, x, direction, value, gradient)
                if not found.value < value:  # nothing lower along it: the minimum, as far as rounding tells,
                    if not self.pairs:
                        break
                    self.pairs = 0  # or the history is of another loss: once more along the gradient
                    continue
                move = found.step * direction
                self._remember(move, found.gradient - gradient)
                change = max(np.max(np.abs(move)), abs(found.value - value))
                x, value, gradient = x + move, found.value, found.gradient
                if change <= self.tolerance_change:
                    break
        finally:  # closure may raise; then too the weights are those of the lowest loss so far
            self._put(x)

    def _search(self, closure: Any, x: Any, direction: Any, value: float, gradient: Any) -> Trial:
        def phi(step: float) -> Trial:
            self._put(x + step * direction)
            value, gradient = self._evaluate(closure)
            return Trial(step, value, float(gradient @ direction), gradient)

        first = self.learning_rate * (1.0 if self.pairs else min(1.0, 1.0 / float(np.sum(np.abs(gradient)))))
        return strong_wolfe(phi, Trial(0.0, value, float(gradient @ direction), gradient), first)[0]

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[float, Any]:
        """(loss, gradient as one float64 vector) of the weights as they are."""
        self.zero_grad()
        loss = closure()
        if np.size(loss) != 1 or loss is None:
            raise ArgumentError(f"LBFGS: closure() returns the loss, a single number, got {type(loss).__name__}")
        parts = [parameter.grad if parameter.has_grad else np.zeros(parameter.shape) for parameter in self.parameters]
        parts = [part.data if isinstance(part, Value) else part for part in parts]
        return float(loss), self._free(np.concatenate([np.ravel(part) for part in parts]).astype(np.float64))

    def _masks(self) -> list[Any]:
        return [mask_of(parameter, path) for path, parameter in zip(self.paths, self.parameters, strict=True)]

    def _free(self, x: Any) -> Any:
        """A vector of all weights with 0 for those that do not learn."""
        masks = self._masks()
        if all(mask is None for mask in masks):
            return x
        parts = [np.ravel(np.broadcast_to(mask is None or mask, parameter.shape))
                 for mask, parameter in zip(masks, self.parameters, strict=True)]  # fmt: skip
        return learning(np.concatenate(parts), x, np.float64)

    def _put(self, x: Any) -> None:
        """Give the parameters the weights of one vector, where they learn."""
        start = 0
        for parameter, mask in zip(self.parameters, self._masks(), strict=True):
            part = x[start : start + parameter.size]
            start += parameter.size
            scalar = type(parameter.data) is float
            new = float(part[0]) if scalar else part.reshape(parameter.shape).astype(parameter.dtype)
            parameter.data = kept(mask, new, parameter.data)

    def _remember(self, move: Any, turn: Any) -> None:
        if move @ turn > 1e-10 * (turn @ turn):  # else H would not stay positive definite
            row = self.pairs % self.history_size
            self.moves[row], self.turns[row] = move, turn
            self.pairs += 1

    def _direction(self, gradient: Any) -> Any:
        """−H g by the two-loop recursion."""
        rows = [i % self.history_size for i in range(max(0, self.pairs - self.history_size), self.pairs)]
        if not rows:
            return -gradient
        q, shares = gradient, {}
        for i in reversed(rows):
            shares[i] = (self.moves[i] @ q) / (self.moves[i] @ self.turns[i])
            q = q - shares[i] * self.turns[i]
        last = rows[-1]
        r = q * ((self.moves[last] @ self.turns[last]) / (self.turns[last] @ self.turns[last]))
        for i in rows:
            r = r + (shares[i] - (self.turns[i] @ r) / (self.moves[i] @ self.turns[i])) * self.moves[i]
        return -r

    def _places(self) -> dict[str, tuple[Any, str, Any]]:
        return {**super()._places(), "moves": (self, "moves", self.moves), "turns": (self, "turns", self.turns)}
