"""Streams: examples that come one after the other, each asked first and learned then.

    stream = nn.lens.Stream(model, nn.SGD(model, 0.01), loss=nn.binary_cross_entropy, standardize=True)
    stream.partial_fit(X, y)        as often as there is something new
    stream.answer()                 how often it was right before it was told

Every example serves as a test before it is one of training, so no part of the data has to be kept away, and the figure says
how the model does as it goes along (prequential evaluation: Gama et al. 2013, Machine Learning 90).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.context import no_grad
from autograd.errors import ArgumentError, NonFiniteError
from autograd.value import data_of
from nn.arguments import check_optimizer, checked_data, chosen_loss
from nn.checks import whole
from nn.evaluation import cast
from nn.lens.answer import Answer
from nn.losses import binary_cross_entropy, cross_entropy
from nn.module import Module
from nn.optim import Optimizer
from nn.state import modes_kept
from nn.step import Watch, training_step
from nn.style import BLUE, GRAY

__all__ = ["Prequential", "RunningScaler", "Stream", "partial_fit"]

TENTHS = 10


class RunningScaler:
    """x ↦ (x − mean) / std of each column, with the statistics of the rows that learn() has seen so far.

    std divides by the number of rows; where it is 0 the result is 0.
    Source: Welford 1962, Technometrics 4, in the running form.

    >>> scaler = RunningScaler()
    >>> scaler.learn(np.array([[1.0], [3.0]]))
    >>> scaler.transform(np.array([[4.0]])).tolist()
    [[2.0]]
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Any = 0.0
        self.variance: Any = 0.0

    def learn(self, X: Any) -> None:
        """Take rows (rows, …) into the statistics. ArgumentError for rows of another shape, NonFiniteError for NaN."""
        rows = self._rows(X)
        if not np.isfinite(rows).all():
            raise NonFiniteError(
                f"RunningScaler: X has NaN or infinite entries, the first in row {np.argwhere(~np.isfinite(rows))[0][0]}"
            )
        for row in rows:
            self.count += 1
            before = row - self.mean
            self.mean = self.mean + before / self.count
            self.variance = self.variance + (before * (row - self.mean) - self.variance) / self.count

    def transform(self, X: Any) -> Any:
        """Rows in units of the statistics so far, float64; zeros before there are any."""
        x = self._rows(X)
        known = np.asarray(self.variance) > 0.0
        return np.where(known, (x - self.mean) / np.sqrt(np.where(known, self.variance, 1.0)), 0.0)

    def _rows(self, X: Any) -> Any:
        x = np.asarray(X, np.float64)
        if self.count and x.shape[1:] != np.shape(self.mean):
            raise ArgumentError(
                f"RunningScaler: it knows rows of shape {np.shape(self.mean)}, got X of shape {x.shape}"
            )
        return x


@dataclass(frozen=True, eq=False, repr=False)
class Prequential(Answer):
    """How a stream was predicted, each example before it was learned.

    outputs, targets  of all examples, in their order;  errors: 1 for a wrong class; of other targets |output − target|
    score             share that was right; of other targets the mean error
    auc               area under the ROC curve, of two classes: the share of pairs that the outputs put in the right order
    classes           whether the targets are classes
    """

    outputs: Any
    targets: Any
    errors: Any
    score: float
    auc: float | None
    classes: bool

    @property
    def verdict(self) -> str:
        told = f"of {len(self.errors):,} examples, each asked before it was learned"
        if not self.classes:
            return f"a mean error of {self.score:.4g} {told}"
        area = "" if self.auc is None else f" (area under the ROC curve {self.auc:.2%})"
        return f"right on {self.score:.2%} {told}{area}"

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        ends = np.unique(np.linspace(0, len(self.errors), TENTHS + 1).astype(int))[1:]
        figures = 1.0 - self.errors if self.classes else self.errors
        head = "right" if self.classes else "mean error"
        starts = [0, *ends[:-1]]
        return ("examples", f"{head} so far", f"{head} since the last line"), [
            (int(end), float(np.mean(figures[:end])), float(np.mean(figures[start:end])))
            for start, end in zip(starts, ends, strict=True)
        ]

    def draw(self, axes: Any) -> None:
        figures = 1.0 - self.errors if self.classes else self.errors
        seen = np.arange(1, len(figures) + 1)
        width = max(1, len(figures) // TENTHS)
        recent = np.convolve(figures, np.ones(width) / width, "valid")
        axes.plot(seen[width - 1 :], recent, color=GRAY, linewidth=1.0, label=f"last {width:,}")
        axes.plot(seen[width - 1 :], (np.cumsum(figures) / seen)[width - 1 :], color=BLUE, label="so far")
        axes.set(xlabel="examples", ylabel="share right" if self.classes else "mean error",
                 title="Each asked before it was learned")  # fmt: skip
        axes.legend(loc="best")


class Stream:
    """A model that learns a stream: partial_fit(X, y) predicts rows, and then learns them.

    loss         cross_entropy for integer targets by default, mse for others; with binary_cross_entropy an output above 0
                 means yes
    standardize  True: inputs go through a RunningScaler; or one that has seen something. It learns a row after that was
                 predicted and before the model learns it
    batch_size   rows that are predicted together, then learned in one step

    Predictions are made in evaluation mode, steps in training mode; afterwards the model has its own mode.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        *,
        loss: Callable[[Any, Any], Any] | None = None,
        standardize: bool | RunningScaler = False,
        batch_size: int = 1,
    ) -> None:
        check_optimizer(optimizer, model)
        if not isinstance(standardize, (bool, RunningScaler)):
            raise ArgumentError(f"Stream: standardize is True, False or a RunningScaler, got {standardize!r}")
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.scaler = (
            standardize if isinstance(standardize, RunningScaler) else RunningScaler() if standardize else None
        )
        self.batch_size = whole("batch_size", batch_size)
        self.seen = 0
        self.outputs: list[Any] = []
        self.targets: list[Any] = []

    def partial_fit(self, X: Any, y: Any) -> Any:
        """The outputs for X (rows, …) from before they were learned; each batch is then learned from its y.

        Raises ArgumentError for inputs that are not finite, NonFiniteError if the loss is not.
        """
        x, target = checked_data("partial_fit", self.model, X, y)
        raw = np.asarray(X) if self.scaler else x  # statistics are kept in float64
        self.loss = chosen_loss(self.loss, target)
        watch = Watch()
        step = training_step(self.model, self.loss, self.optimizer, watch)
        outputs = []
        with modes_kept(self.model):
            for start in range(0, len(x), self.batch_size):
                rows = slice(start, start + self.batch_size)
                self.model.eval()
                with no_grad():
                    outputs.append(np.array(data_of(self.model(self._scaled(raw[rows])))))
                if self.scaler:
                    self.scaler.learn(raw[rows])
                self.model.train()
                watch.at(1, self.seen + 1, self.optimizer.learning_rate)
                step(self._scaled(raw[rows]), target[rows])
                self.seen += len(x[rows])
                self.outputs.append(outputs[-1])
                self.targets.append(target[rows])
        return np.concatenate(outputs)

    def answer(self) -> Prequential:
        """How the stream was predicted so far."""
        if not self.outputs:
            raise ArgumentError("the stream has had no examples yet; stream.partial_fit(X, y) gives it some")
        outputs, targets = np.concatenate(self.outputs), np.concatenate(self.targets)
        if self.loss is binary_cross_entropy:
            yes = np.ravel(targets) > 0.5
            return _prequential(outputs, targets, np.ravel(outputs > 0.0) != yes, _area(np.ravel(outputs), yes))
        if self.loss is cross_entropy and targets.dtype.kind in "iub":
            wrong = np.argmax(outputs, axis=-1) != targets
            pair = outputs.shape[-1] == 2
            area = _area(np.ravel(outputs[..., 1] - outputs[..., 0]), np.ravel(targets) == 1) if pair else None
            return _prequential(outputs, targets, np.ravel(wrong), area)
        errors = np.abs(outputs.astype(np.float64) - targets)
        errors = np.mean(errors.reshape(len(errors), -1), axis=1)
        return Prequential(outputs, targets, errors, float(np.mean(errors)), None, classes=False)

    def _scaled(self, rows: Any) -> Any:
        return rows if self.scaler is None else cast(self.model, self.scaler.transform(rows))


def partial_fit(model: Module, optimizer: Optimizer, X: Any, y: Any, **options: Any) -> Prequential:
    """One pass over a stream, each row predicted and then learned. Options are those of Stream, for a stream that goes on.

    >>> import nn
    >>> model = nn.Linear(1, 1, rng=0, dtype=np.float64)
    >>> x = np.random.default_rng(0).normal(size=(200, 1))
    >>> options = {"loss": nn.binary_cross_entropy, "standardize": True}
    >>> partial_fit(model, nn.SGD(model, 0.5), x, (x > 0).astype(float), **options).score > 0.9
    True
    """
    stream = Stream(model, optimizer, **options)
    stream.partial_fit(X, y)
    return stream.answer()


def _prequential(outputs: Any, targets: Any, wrong: Any, area: float | None) -> Prequential:
    errors = np.asarray(wrong, np.float64)
    return Prequential(outputs, targets, errors, float(1.0 - np.mean(errors)), area, classes=True)


def _area(scores: Any, yes: Any) -> float | None:
    """Share of the pairs of a yes and a no in which the yes has the larger score, ties counted half; None without both."""
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - 0.5 * (count - 1))[place]  # the mean of the ranks that equal scores take
    positive, negative = int(np.sum(yes)), int(np.sum(~yes))
    if not positive or not negative:
        return None
    return float((np.sum(rank[yes]) - 0.5 * positive * (positive + 1)) / (positive * negative))
