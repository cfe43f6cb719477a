"""Training: a loop over batches, with validation, early stopping and a progress bar.

`train` is the loop as a generator: each batch gives a Step, and what you do between batches is up to you.

    for step in train(model, X, y, optimizer=nn.Adam(model), epochs=10, rng=0):
        print(step.epoch, step.loss)

`fit` runs it to its end and gives a History. Both keep the best weights while there is validation data and put them back
however the loop ends: at the end, by `break`, by Ctrl-C or by an exception; if the generator has a name of its own, use it
in a `with` block, so that it is closed at once:

    with train(...) as steps:
        for step in steps: ...
"""

import copy
import math
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from autograd.context import no_grad
from autograd.errors import ArgumentError
from autograd.value import Value
from nn.arguments import cast, check_optimizer, check_options, checked_data
from nn.data import batches
from nn.history import History, Step
from nn.init import Rng, generator
from nn.losses import accuracy, cross_entropy, mse
from nn.module import Module
from nn.optim import Adam, Optimizer
from nn.step import Careful, Watch, training_step

__all__ = ["History", "Step", "Training", "evaluate", "fit", "predict", "train"]

Metric = Callable[[Any, Any], float]


class Training:
    """Batches of training as an iterator of Steps; nn.train is another name for it. The arguments are those of fit.

    `history` grows as it runs; close() puts the best weights back.
    """

    def __init__(
        self,
        model: Module,
        X: Any,
        y: Any,
        *,
        optimizer: Optimizer | None = None,
        loss: Callable[[Any, Any], Any] | None = None,
        epochs: int = 10,
        batch_size: int = 32,
        rng: Rng = None,
        validation: tuple[Any, Any] | None = None,
        metric: Metric | None = None,
        patience: int | None = None,
        compile: bool = False,
    ) -> None:
        check_options(epochs, batch_size, patience, loss, metric, validation)
        self.model = model
        self.X, self.y = checked_data("X, y", model, X, y)
        self.validation = None if validation is None else checked_data("validation", model, *validation)
        self.loss = loss or (cross_entropy if self.y.dtype.kind in "iub" else mse)
        self.metric = metric or (accuracy if self.loss is cross_entropy and self.y.dtype.kind in "iub" else None)
        self.optimizer = optimizer or Adam(model)
        check_optimizer(self.optimizer, model)
        self.epochs, self.batch_size, self.patience = epochs, batch_size, patience
        self.rng = generator(rng)
        self.watch = Watch()
        self.step = training_step(self.model, self.loss, self.optimizer, self.watch)
        if compile:
            self.step = Careful(self.step)
        self.history = History()
        self._steps = copy.copy(self)._run()  # of a copy: holding its own generator, it would not be freed by a break

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        return next(self._steps)

    def __enter__(self) -> "Training":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def close(self) -> None:
        """Stop; the model gets its best weights back."""
        self._steps.close()

    @property
    def batches_per_epoch(self) -> int:
        """Number of Steps in an epoch."""
        return math.ceil(len(self.X) / self.batch_size)

    def _run(self) -> Generator[Step, None, None]:
        best: dict[str, Any] | None = None
        best_loss = math.inf
        history, started = self.history, time.perf_counter()
        modes = _modes(self.model)
        try:
            for epoch in range(1, self.epochs + 1):
                total, seen = 0.0, 0
                for batch, (x, target) in enumerate(
                    batches(self.X, self.y, batch_size=self.batch_size, rng=self.rng), start=1
                ):
                    self.model.train()
                    self.watch.at(epoch, batch, self.optimizer.learning_rate)
                    value = float(self.step(x, target))
                    total, seen = total + value * len(x), seen + len(x)
                    if batch < self.batches_per_epoch:
                        yield Step(epoch, batch, value, False, total / seen)
                history.train_loss.append(total / seen)
                history.seconds = time.perf_counter() - started
                loss, metric = self._validate()
                improved = loss is not None and loss < best_loss
                if improved or self.validation is None:
                    history.best_epoch = epoch
                if loss is not None and improved:
                    best_loss = loss
                    best = self.model.state_dict()
                yield Step(epoch, batch, value, True, total / seen, loss, metric, improved)
                if self.patience is not None and epoch - history.best_epoch >= self.patience:
                    history.stopped = f"no better validation loss for {self.patience} epochs"
                    return
        finally:
            if best is not None:
                self.model.load_state_dict(best)
            _restore(modes)
            history.seconds = time.perf_counter() - started

    def _validate(self) -> tuple[float | None, float | None]:
        if self.validation is None:
            return None, None
        figures = evaluate(self.model, *self.validation, loss=self.loss, metric=self.metric)
        self.history.validation_loss.append(figures[0])
        if figures[1] is not None:
            self.history.validation_metric.append(figures[1])
        return figures


train = Training


def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer | None = None,
    loss: Callable[[Any, Any], Any] | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    rng: Rng = None,
    validation: tuple[Any, Any] | None = None,
    metric: Metric | None = None,
    patience: int | None = None,
    compile: bool = False,
    progress: bool = True,
) -> History:
    """Train the model and give the History.

    X, y        (n, …) inputs and (n, …) targets; X and float targets are cast once to the model's dtype
    loss        (prediction, target) → number; by default cross_entropy for integer targets, mse for others
    optimizer   by default Adam with its default rate
    rng         seed or Generator for the order of the batches
    validation  (X, y) looked at after each epoch, in evaluation mode; the weights of the best epoch are kept
    metric      (prediction, target) → float for validation; accuracy by default for class numbers
    patience    stop after that many epochs without a better validation loss
    compile     run each training step as a compiled program (autograd.compile), several times faster for small models
    progress    a tqdm bar, on a terminal or in a notebook

    Raises NonFiniteError if the loss becomes NaN or infinite. Ctrl-C ends it early, with the best weights back in the
    model, and is raised again.
    """
    options: dict[str, Any] = {
        "rng": rng, "validation": validation, "metric": metric, "patience": patience, "compile": compile,
    }  # fmt: skip
    steps = Training(model, X, y, optimizer=optimizer, loss=loss, epochs=epochs, batch_size=batch_size, **options)
    with steps, _bar(progress, epochs) as bar:
        for step in steps:
            if step.last:
                figures = {"loss": f"{step.train_loss:.4f}"}
                if step.validation_loss is not None:
                    figures["validation"] = f"{step.validation_loss:.4f}"
                if step.validation_metric is not None:
                    figures["metric"] = f"{step.validation_metric:.3f}"
                bar.set_postfix(figures, refresh=False)
                bar.update()
    return steps.history


def predict(model: Module, X: Any, *, batch_size: int = 1024) -> Any:
    """The model's output for X as a plain array, in evaluation mode, in batches, with nothing recorded."""
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ArgumentError(f"batch_size is a whole number of at least 1, got {batch_size!r}")
    x = cast(model, X)
    modes = _modes(model)
    model.eval()
    try:
        with no_grad():
            parts = [model(x[i : i + batch_size]) for i in range(0, max(len(x), 1), batch_size)]
    finally:
        _restore(modes)
    return np.concatenate([part.data if isinstance(part, Value) else np.asarray(part) for part in parts])


def evaluate(
    model: Module, X: Any, y: Any, *, loss: Callable[[Any, Any], Any], metric: Metric | None = None
) -> tuple[float, float | None]:
    """(loss, metric) of the model on X, y, in evaluation mode; the metric is None if none is asked for."""
    prediction = predict(model, X)
    target = np.asarray(y)
    return float(loss(prediction, target)), None if metric is None else float(metric(prediction, target))


def _modes(model: Module) -> list[tuple[Module, bool]]:
    """Each module and whether it is in training mode: a part of a model may be kept in evaluation mode."""
    return [(module, module.training) for _, module in model.named_modules()]


def _restore(modes: list[tuple[Module, bool]]) -> None:
    for module, mode in modes:
        module.training = mode


def _bar(progress: bool, epochs: int) -> Any:
    """A tqdm bar over epochs, shown on a terminal and in a notebook's kernel, silent elsewhere."""
    from tqdm import tqdm

    notebook = "ipykernel" in sys.modules
    width = None if shutil.get_terminal_size().columns else 80  # a terminal that does not know its width says 0
    return tqdm(total=epochs, unit="epoch", ncols=width, disable=not (progress and (notebook or sys.stderr.isatty())))
