"""The main job without its words: data → split → train → measure.

`python -m nn` (nn.__main__) reads the options into `Settings`, calls `load` and `train`, prints the `Result` and hands
it to `nn.report` for the page. Three generators come from the one seed, for the split, the first weights and the order
of the batches, so that each stays the same when another changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import nn
from autograd.errors import ArgumentError, NonFiniteError
from nn.data import split
from nn.datasets import digits
from nn.encoder import Encoder, Number
from nn.table import Task, prepare, read_table

PARTS = ("train", "validation", "test")
PATIENCE = 20  # epochs
INK = 16.0  # points that the digits' file counts in a pixel that is all ink
MOVED = 0.1  # of the standard deviation at birth: a weight that is farther from its start counts as changed


class JobError(ValueError):
    """Something that the person who gave the command can put right. The message is one line."""


@dataclass(frozen=True)
class Settings:
    """What the command line asks for. The defaults give 97.8 % on the digits, the median over seeds 0 to 19.

    data               a CSV file, or None for the digits
    hidden             neurons of each hidden layer; 128 and 64 for the digits, 64 and 32 for a table, if None
    epochs             at most; training stops after 20 without a better validation loss
    validation, test   fractions of the rows
    """

    data: Path | None = None
    target: str = "digit"
    task: Literal["auto"] | Task = "auto"
    categorical: tuple[str, ...] = ()
    hidden: tuple[int, ...] | None = None
    epochs: int = 100
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.3
    seed: int = 0
    validation: float = 0.15
    test: float = 0.15

    @property
    def fractions(self) -> tuple[float, float, float]:
        return 1.0 - self.validation - self.test, self.validation, self.test

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        return self.hidden or ((128, 64) if self.data is None else (64, 32))

    def generators(self) -> list[np.random.Generator]:
        """For the split, for the first weights, and for the order of the batches."""
        return np.random.default_rng(self.seed).spawn(3)


@dataclass(frozen=True, eq=False)
class Examples:
    """The data as a network reads it.

    X, y      part → (rows, features) float32, and (rows,) int64 labels or (rows, 1) float32 standardised values
    encoder   how they came about, and how new rows will
    notes     one sentence per decision about the columns
    """

    title: str
    X: dict[str, NDArray[np.float32]]
    y: dict[str, NDArray[Any]]
    encoder: Encoder
    notes: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        return self.encoder.target

    @property
    def features(self) -> tuple[str, ...]:
        return self.encoder.features

    @property
    def classes(self) -> tuple[str, ...]:
        """Texts of the labels; empty for regression."""
        return self.encoder.classes

    @property
    def std(self) -> float:
        """Of the regression target in the training rows, in its own unit."""
        return self.encoder.std

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts that have rows; there may be no validation."""
        return tuple(part for part in PARTS if len(self.y[part]))


@dataclass(frozen=True)
class Score:
    """How well the rows of one part are predicted.

    loss      mean cross-entropy in nats, or mean squared error of the standardised target
    quality   accuracy, or R² (NaN where the target is constant)
    rmse      root mean squared error in the target's unit; None for classification
    """

    rows: int
    loss: float
    quality: float
    rmse: float | None = None


@dataclass(frozen=True)
class WeightChange:
    """What training did to one parameter.

    birth, now   standard deviation of its weights, before and after
    changed      share of its weights that moved by more than a tenth of `birth` (at all, where `birth` is 0)
    """

    name: str
    shape: tuple[int, ...]
    count: int
    birth: float
    now: float
    changed: float


@dataclass(frozen=True, eq=False)
class Result:
    """What came of it: everything the last lines and the report tell. birth: the state_dict before training."""

    settings: Settings
    examples: Examples
    model: nn.MLP
    history: nn.History
    scores: dict[str, Score]
    changes: tuple[WeightChange, ...]
    birth: dict[str, Any] | None = None

    @property
    def verdict(self) -> str:
        """ "test accuracy 97.2 %", or "test R² 0.87 (rmse 1.23)"."""
        score = self.scores["test"]
        if score.rmse is None:
            return f"test accuracy {100 * score.quality:.1f} %"
        return f"test R² {'undefined' if math.isnan(score.quality) else f'{score.quality:.2f}'} (rmse {score.rmse:.3g})"


def load(settings: Settings) -> Examples:
    """The digits, or the table of settings.data, split into train, validation and test.

    Raises TableError if the table cannot be learned from, JobError if a fraction is too small for the digits.
    """
    rng = settings.generators()[0]
    if settings.data is None:
        data = digits()
        try:
            parts = dict(zip(PARTS, split(len(data.y), settings.fractions, rng=rng, stratify=data.y), strict=True))
        except ArgumentError as error:
            raise JobError(str(error)) from None
        X = {name: data.X[rows] for name, rows in parts.items()}
        y: dict[str, NDArray[Any]] = {name: data.y[rows] for name, rows in parts.items()}
        pixels = tuple(Number(name, 0.0, INK, False) for name in data.feature_names)
        return Examples(
            "Handwritten digits", X, y, Encoder(pixels, settings.target, "classification", data.target_names)
        )
    table = read_table(settings.data)
    prepared = prepare(table, settings.target, task=settings.task, categorical=settings.categorical)
    parts = dict(zip(PARTS, prepared.split(settings.fractions, rng=rng), strict=True))
    encoder = Encoder.fit(prepared, parts["train"])
    X = {name: encoder.transform(prepared.table, rows) for name, rows in parts.items()}
    y = {name: encoder.targets(prepared, rows) for name, rows in parts.items()}
    return Examples(settings.data.name, X, y, encoder, prepared.notes)


def build(settings: Settings, examples: Examples) -> nn.MLP:
    """An MLP with ReLU between its layers: an output per class, or one."""
    sizes = [*settings.hidden_sizes, len(examples.classes) or 1]
    return nn.MLP(len(examples.features), sizes, rng=settings.generators()[1])


def train(settings: Settings, examples: Examples, model: nn.MLP, *, progress: bool = True) -> Result:
    """Trains the model, and measures it. Raises JobError if the loss leaves the numbers."""
    birth = model.state_dict()
    validation = (examples.X["validation"], examples.y["validation"]) if "validation" in examples.parts else None
    optimizer = nn.AdamW(model, settings.learning_rate, weight_decay=settings.weight_decay)
    try:
        with np.errstate(all="ignore"):  # an overflow ends as a loss that is not finite, which fit reports
            history = nn.fit(
                model, examples.X["train"], examples.y["train"], loss=nn.cross_entropy if examples.classes else nn.mse,
                optimizer=optimizer, epochs=settings.epochs, batch_size=settings.batch_size,
                rng=settings.generators()[2], validation=validation, metric=nn.accuracy if examples.classes else r2,
                patience=PATIENCE if validation else None, compile=True, progress=progress,
            )  # fmt: skip
            scores = {part: score(model, examples, part) for part in examples.parts}
    except NonFiniteError:
        rate = f"{settings.learning_rate:g}"
        raise JobError(
            f"training diverged: the loss grew beyond all numbers; use --learning-rate below {rate}"
        ) from None
    if not all(math.isfinite(found.loss) for found in scores.values()):
        raise JobError("training diverged: the trained network's loss is not finite; use a smaller --learning-rate")
    history.metric = "accuracy" if examples.classes else "R²"
    return Result(settings, examples, model, history, scores, changes(birth, model.state_dict()), birth)


def score(model: nn.MLP, examples: Examples, part: str) -> Score:
    """How well a part is predicted."""
    prediction, target = nn.predict(model, examples.X[part]), examples.y[part]
    if examples.classes:
        return Score(len(target), float(nn.cross_entropy(prediction, target)), nn.accuracy(prediction, target))
    loss = float(nn.mse(prediction, target))
    return Score(len(target), loss, r2(prediction, target), math.sqrt(loss) * examples.std)


def r2(prediction: Any, target: Any) -> float:
    """R² = 1 - Σ (target - prediction)² / Σ (target - mean)²: 1 is perfect, 0 no better than the mean of the target."""
    spread = float(((target - target.mean()) ** 2).sum())
    return 1.0 - float(((target - prediction) ** 2).sum()) / spread if spread else math.nan


def changes(birth: dict[str, Any], now: dict[str, Any]) -> tuple[WeightChange, ...]:
    """One row per parameter, from two state dicts."""
    rows = []
    for name, old in birth.items():
        new, std = now[name], float(old.std())
        moved = float((np.abs(new - old) > MOVED * std).mean())
        rows.append(WeightChange(name, old.shape, old.size, std, float(new.std()), moved))
    return tuple(rows)
