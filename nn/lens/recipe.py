"""A recipe: how a classifier is trained, as a function of its data, so that two ways can be compared with all else equal.

`recipe(dropout=0.5)(X, y, rng)` trains a network and gives a function X → probabilities. From one seed every recipe starts
with the same weights and takes the rows in the same order: what differs is what the recipe changes. Against overfitting
there are here: weight decay, dropout, early stopping, label smoothing, mixup, augmentation, ensembling, averaged weights.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import ops
from autograd.errors import ArgumentError
from nn.averaging import EMA, SWA, Average, recompute_norm_statistics
from nn.checks import Activation, function, not_negative, share, unit, whole
from nn.data import split
from nn.evaluation import predict
from nn.layers import MLP
from nn.losses import cross_entropy
from nn.mixup import Mixup
from nn.module import Module
from nn.names import near
from nn.optim import AdamW
from nn.training import train
from nn.viz.decisions import class_logits

__all__ = ["Predictor", "Recipe", "Trainer", "recipe"]

Predictor = Callable[[Any], Any]  # X → probabilities (n, classes)
Trainer = Callable[[Any, Any, np.random.Generator], Predictor]  # (X, y, rng) → that


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; called with (X, y, rng) it does so, and gives the function X → probabilities (n, classes).

    hidden, activation   of an nn.MLP, if there is no model
    model                (in_features, out_features, rng) → Module, your own network; in_features is X.shape[1]
    optimizer            (model, learning_rate=…, weight_decay=…) → Optimizer
    epochs, batch_size, learning_rate, compile   of the training
    weight_decay         the optimiser's pull of the weights towards 0
    dropout              share of the hidden neurons left out; an own model has its own
    patience             stop after that many epochs without a better loss on validation_fraction of the rows, which are
                         then not trained on, and take the best epoch's weights
    label_smoothing      share of a target that is spread over all classes
    mixup                α of nn.Mixup: blends of pairs; 0 for none
    augment              (x, rng) → x for every batch
    ensemble             networks, from other starts; the mean of their probabilities counts
    average              "ema": weights averaged over about the last tenth of the steps; "swa": the plain mean over the
                         ends of the last half of the epochs
    """

    hidden: Sequence[int] = (128,)
    activation: Activation = ops.relu
    model: Callable[[int, int, np.random.Generator], Module] | None = None
    optimizer: Callable[..., Any] = AdamW
    epochs: int = 40
    batch_size: int = 32
    learning_rate: float = 0.003
    weight_decay: float = 0.0
    dropout: float = 0.0
    patience: int | None = None
    validation_fraction: float = 0.2
    label_smoothing: float = 0.0
    mixup: float = 0.0
    augment: Callable[[Any, np.random.Generator], Any] | None = None
    ensemble: int = 1
    average: str | None = None
    compile: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.hidden, int):
            object.__setattr__(self, "hidden", (self.hidden,))
        if isinstance(self.optimizer, str) or not callable(self.optimizer):
            raise ArgumentError(f"recipe: optimizer is a class such as nn.AdamW, got {self.optimizer!r}")
        function(self.activation)
        whole("recipe: ensemble", self.ensemble)
        not_negative("recipe: weight_decay", self.weight_decay)
        not_negative("recipe: mixup", self.mixup)
        share("recipe: dropout", self.dropout)
        share("recipe: validation_fraction", self.validation_fraction)
        unit("recipe: label_smoothing", self.label_smoothing)
        if self.average not in (None, "ema", "swa"):
            raise ArgumentError(f'recipe: average is "ema", "swa" or None, got {self.average!r}')
        if self.average and self.patience:
            raise ArgumentError("recipe: average and patience both say which weights are kept; take one of them")
        if self.model is not None and self.dropout:
            raise ArgumentError("recipe: dropout is for hidden=…; your own model has an nn.Dropout where it wants one")

    def __call__(self, X: Any, y: Any, rng: np.random.Generator) -> Predictor:
        """Train on X (n, …) and class numbers y (n,), as many classes as the largest says."""
        classes = int(np.max(y)) + 1
        models = [self._trained(X, y, classes, int(rng.integers(2**63))) for _ in range(self.ensemble)]

        def probabilities(X: Any) -> Any:
            shares = [np.asarray(ops.softmax(class_logits(predict(model, X)), axis=-1)) for model in models]
            return np.mean(shares, axis=0)

        return probabilities

    def _trained(self, X: Any, y: Any, classes: int, seed: int) -> Module:
        weights, order, kept = np.random.default_rng(seed).spawn(3)
        model = self._network(X.shape[1], classes, weights)
        optimizer = self.optimizer(model, learning_rate=self.learning_rate, weight_decay=self.weight_decay)
        options: dict[str, Any] = {}
        if self.patience is not None:
            fraction = self.validation_fraction
            rows, held = split(len(y), (1.0 - fraction, fraction), rng=kept, stratify=y)
            options = {"validation": (X[held], y[held]), "patience": self.patience}
            X, y = X[rows], y[rows]
        steps = train(
            model, X, y, optimizer=optimizer, loss=self._loss(), epochs=self.epochs, batch_size=self.batch_size, rng=order,
            augment=self._augment(classes), compile=self.compile, **options,
        )  # fmt: skip
        average = self._average(model, self.epochs * steps.batches_per_epoch)
        with steps:
            for step in steps:
                if self.average == "ema" or (self.average == "swa" and step.last and 2 * step.epoch > self.epochs):
                    average.update()
        if self.average:
            with average.applied():
                state = model.state_dict()
            model.load_state_dict(state)
            recompute_norm_statistics(model, X)
        return model

    def _network(self, inputs: int, classes: int, rng: np.random.Generator) -> Module:
        if self.model is None:
            return MLP(inputs, [*self.hidden, classes], self.activation, dropout=self.dropout, rng=rng)
        made = self.model(inputs, classes, rng)
        if not isinstance(made, Module):
            raise ArgumentError(
                f"recipe: model is a function (in_features, out_features, rng) → nn.Module, it gave {type(made).__name__}"
            )
        return made

    def _loss(self) -> Callable[[Any, Any], Any]:
        smoothing = self.label_smoothing
        return functools.partial(cross_entropy, label_smoothing=smoothing) if smoothing else cross_entropy

    def _augment(self, classes: int) -> Any:
        if not self.mixup:
            return self.augment
        mixup = Mixup(classes, alpha=self.mixup)
        return mixup if self.augment is None else _Both(self.augment, mixup)

    def _average(self, model: Module, steps: int) -> Average:
        return EMA(model, decay=max(0.0, 1.0 - 10.0 / steps)) if self.average == "ema" else SWA(model)


class _Both:
    """An augmentation of the inputs, then mixup."""

    mixes = True

    def __init__(self, augment: Callable[[Any, np.random.Generator], Any], mixup: Mixup) -> None:
        self.augment, self.mixup = augment, mixup

    def __call__(self, x: Any, target: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        return self.mixup(np.asarray(self.augment(x, rng), x.dtype), target, rng)


def recipe(**options: Any) -> Recipe:
    """How to train a classifier, for lens.compare and lens.learning_curve: the options are those of Recipe.

    Raises ArgumentError for an option that there is not, with the nearest that there is.

    >>> recipe(dropout=0.5, epochs=20).dropout
    0.5
    """
    known = [field.name for field in dataclasses.fields(Recipe)]
    for name in options.keys() - set(known):
        hint = near(name, known) or f"; there are {', '.join(known)}"
        raise ArgumentError(f"recipe has no option {name}{hint}")
    return Recipe(**options)
