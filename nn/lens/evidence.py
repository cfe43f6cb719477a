"""What the rules of `diagnose` look at: a forward and a backward pass of a batch, taken down, and what follows from them.

A rule asks an Evidence for what it needs and gets it computed once; what cannot be had raises Unchecked, with what is
missing. Everything runs inside `untouched`, so that weights, gradients, buffers, generators, modes and the optimiser's
state are afterwards what they were. The passes are those of training without its noise: layers with running statistics
(batch norm) take the batch's, as in training, and all else, dropout too, is in evaluation mode.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from autograd import tree
from autograd.backward import order
from autograd.context import no_grad
from autograd.errors import ArgumentError
from autograd.jacobians import hvp
from autograd.value import Value, data_of, tick
from nn.arguments import check_optimizer, chosen_loss
from nn.calls import Call, watched
from nn.evaluation import cast
from nn.history import History
from nn.init import Rng, generator
from nn.lens.lanczos import ends
from nn.module import Module
from nn.optim import Optimizer
from nn.state import snapshot

__all__ = ["Evidence", "Pass", "Unchecked", "calm", "fingerprint", "is_finite"]

ROWS = 256  # of X that the passes take at most: enough for shares of 5 %, few enough for second derivatives
TURNS = 20  # Hessian-vector products at most
CLOSE = 0.03  # of λmax: what is left of H·v − λ·v at most. λ itself is wrong by about the square of that


class Unchecked(Exception):
    """A rule cannot be checked; the text says what it needs."""


class Pass:
    """A forward pass as it was: the calls of the layers, the prediction, the loss, and when the loss began."""

    def __init__(self, calls: list[Call], prediction: Any, loss: Any, began: int) -> None:
        self.calls, self.prediction, self.loss, self.began = calls, prediction, loss, began
        self.nodes = order([loss])

    def place(self, node: Value) -> str:
        """The dotted path of the innermost layer that the node was made in."""
        around = [call for call in self.calls if call.first < node.serial < call.last]
        return min(around, key=lambda call: call.last - call.first).path if around else ""


class Evidence:
    """The arguments of `diagnose`, and what the rules want to know about them."""

    def __init__(
        self, model: Module | None, X: Any, y: Any, *, loss: Any, history: History | None, optimizer: Optimizer | None,
        validation: Any, birth: Any, rng: Rng,
    ) -> None:  # fmt: skip
        self._model, self._history, self._optimizer, self._birth = model, history, optimizer, birth
        self.rng = generator(rng)
        if model is None:
            return
        self.X, self.y = _pair("X, y", model, X, y)
        self._validation = None if validation is None else _pair("validation", model, *validation)
        if optimizer is not None:
            check_optimizer(optimizer, model)
        self.measure: Callable[[Any, Any], Any] = chosen_loss(loss, self.y)
        self.modes = {path: module.training for path, module in model.named_modules()}
        some = np.arange(len(self.X))
        if len(some) > ROWS:
            some = np.sort(self.rng.choice(len(some), ROWS, replace=False))
        self.x, self.target = self.X[some], self.y[some]

    # what was given

    @property
    def model(self) -> Module:
        if self._model is None:
            raise Unchecked("model, X and y")
        return self._model

    @property
    def history(self) -> History:
        if self._history is None or not self._history.train_loss:
            raise Unchecked("history=, what nn.fit gave")
        return self._history

    @property
    def optimizer(self) -> Optimizer:
        if self._optimizer is None:
            raise Unchecked("model, X, y and optimizer=" if self._model is None else "optimizer=")
        return self._optimizer

    @property
    def validation(self) -> tuple[Any, Any]:
        if self._model is None or self._validation is None:
            raise Unchecked("validation=(X, y)")
        return self._validation

    @property
    def has_history(self) -> bool:
        return self._history is not None and bool(self._history.train_loss)

    @property
    def has_model(self) -> bool:
        return self._model is not None

    @property
    def has_optimizer(self) -> bool:
        return self._optimizer is not None

    @property
    def trained(self) -> bool:
        """Whether the model has been trained, as far as one can tell: by what is given, else by how good it is."""
        if self._optimizer is not None and self._optimizer.steps:
            return True
        return self.has_history or (self._optimizer is None and self.loss < 0.5 * self.constant)

    # the passes

    def forward(self, x: Any, target: Any) -> Pass:
        """The model on some rows, and its loss; also where numbers are not finite."""
        calm(self.model, len(x))
        with watched(self.model) as calls:
            prediction = self.model(x)
        began = tick()
        loss = self.measure(prediction, target)
        if not isinstance(loss, Value) or loss.size != 1:
            raise ArgumentError(
                f"diagnose: loss(prediction, target) must give a Value with a single number, got {type(loss).__name__} of "
                f"shape {np.shape(data_of(loss))}; does the model have parameters, and does the loss take a mean?"
            )
        return Pass(calls, prediction, loss, began)

    @cached_property
    def run(self) -> Pass:
        """The forward pass, followed by the backward pass: each node of it has its gradient."""
        weights = [parameter.data for parameter in self.model.parameters()]
        if not all(map(is_finite, (self.X, self.y, *weights))):
            raise Unchecked("finite numbers in X, y and the weights")
        for parameter in self.model.parameters():
            parameter.zero_grad()
        run = self.forward(self.x, self.target)
        run.loss.backward()
        if not is_finite(run.loss.data) or not all(is_finite(p.grad) for p in self.model.parameters() if p.has_grad):
            raise Unchecked("a finite loss and gradient")
        return run

    @property
    def prediction(self) -> Any:
        """What the model gives for the batch, as an array."""
        return self.output(self.run.prediction)

    def output(self, out: Any) -> Any:
        if not isinstance(out, (Value, np.ndarray)):
            raise Unchecked("a model that gives one array")
        return np.asarray(data_of(out))

    @cached_property
    def gradients(self) -> dict[str, Any]:
        """Dotted path → gradient of each parameter that the loss depends on."""
        self.run  # noqa: B018  leaves them in .grad
        return {path: p.grad for path, p in self.model.named_parameters() if p.has_grad}

    @property
    def loss(self) -> float:
        """The loss of the batch as the model is now."""
        return float(self.run.loss.data)

    @cached_property
    def birth(self) -> tuple[float, bool]:
        """(loss at birth, whether it is known to be that): with the weights of birth, or as the model is now."""
        if self._birth is None:
            return self.loss, False
        if isinstance(self._birth, (int, float, np.number)):
            return float(self._birth), True
        put_back = snapshot(self.model)
        try:
            self.model.load_state_dict(self._birth)
            return float(self.forward(self.x, self.target).loss.data), True
        finally:
            put_back()

    @cached_property
    def constant(self) -> float:
        """The batch's loss of a prediction that does not look at X."""
        return self.loss_of_constant(self.prediction, self.target)

    @property
    def classes(self) -> int:
        """K, if the targets are numbers of K classes and the prediction has a number for each, else 0."""
        shape, target = self.prediction.shape, self.target
        return shape[-1] if target.dtype.kind in "iub" and target.shape == shape[:-1] and shape[-1] > 1 else 0

    @property
    def reference(self) -> float:
        """The loss to come below: a constant prediction's; for a history alone that at birth, or of the first epoch."""
        if self.has_model:
            return self.constant
        given = isinstance(self._birth, (int, float, np.number))
        return float(self._birth if given else self.history.train_loss[0])

    def loss_of_constant(self, prediction: Any, target: Any) -> float:
        """The loss of zeros (equal logits), or of the targets' mean, the better one, in the form of the prediction."""
        guesses = [np.zeros_like(prediction)]
        if target.shape == prediction.shape:
            guesses.append(np.broadcast_to(target.mean(axis=0), prediction.shape).astype(prediction.dtype))
        with no_grad():
            best = min(float(data_of(self.measure(Value(guess), target))) for guess in guesses)
        if not best > 0.0:
            raise Unchecked("a loss that is above 0 for a constant prediction")
        return best

    @cached_property
    def sharpness(self) -> float:
        """λmax, the largest eigenvalue of the loss's Hessian on the batch, to a hundredth: of the model in training, in its
        own precision, where `lens.spectrum` looks at a copy in evaluation mode, in float64."""
        self.run  # noqa: B018  raises where numbers are not finite
        calm(self.model, len(self.x))
        leaves, form = tree.flatten(self.model)
        cuts = np.cumsum([parameter.size for parameter in leaves])

        def product(v: Any) -> Any:
            parts = zip(np.split(v, cuts[:-1]), leaves, strict=True)
            direction = tree.unflatten(form, [part.reshape(p.shape).astype(p.dtype) for part, p in parts])
            curved = hvp(lambda twin: self.measure(twin(self.x), self.target), self.model, direction)
            return np.concatenate([np.ravel(p.data) for p in curved.parameters()]).astype(np.float64)

        return float(
            ends(product, int(cuts[-1]), 1, steps=TURNS, tolerance=CLOSE, rng=self.rng, tick=lambda: None).top[0]
        )


def calm(model: Module, rows: int) -> None:
    """Training without its noise: layers with running statistics in training mode, if there are rows for it, others not."""
    for _, module in model.named_modules():
        module.training = bool(module.buffers) and rows > 1


def fingerprint(row: Any) -> bytes:
    """The same bytes for equal rows; −0 is 0."""
    return np.ascontiguousarray(row + 0).tobytes()


def is_finite(x: Any) -> bool:
    """Whether all numbers of an array are finite; arrays of other kinds are."""
    array = np.asarray(x)
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def _pair(name: str, model: Module, X: Any, y: Any) -> tuple[Any, Any]:
    """X and y as fit casts them. Numbers may be NaN here: a rule says where. Raises ArgumentError if rows differ."""
    if X is None or y is None:
        raise ArgumentError(f"diagnose: {name} are the inputs and targets of the training, got None")
    x, target = cast(model, X), cast(model, y, "f", "y")
    if not np.ndim(x) or not np.ndim(target) or len(x) != len(target) or not len(x):
        raise ArgumentError(
            f"diagnose: {name} have shapes {np.shape(x)} and {np.shape(target)}, expected the same number of rows, at "
            "least 1"
        )
    return x, target
