"""Could the model have learned anything? Train it on labels that mean nothing and see.

If a network fits shuffled labels as it fits the true ones, then its size does not explain why it does well on new data:
the same network, trained in the same way, can also do no better than chance there. What it learns is then a matter of the
data and of how it is trained. `width_sweep` (nn.lens.sweep) goes on from here: what happens as the model grows.

Source: Zhang et al. 2017, arXiv 1611.03530, section 2.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import ArgumentError
from nn.arguments import check_functions, checked_data
from nn.checks import unit, whole
from nn.evaluation import predict
from nn.init import Rng, generator
from nn.lens.answer import Answer
from nn.losses import accuracy
from nn.module import Module
from nn.optim import Adam, Optimizer
from nn.progress import counter
from nn.style import BLUE, GRAY, ORANGE
from nn.training import Training

__all__ = ["RandomLabelFit", "built", "random_label_fit", "shuffled"]

Array = NDArray[np.float64]
Build = Callable[[int], Module]


@dataclass(frozen=True, eq=False, repr=False)
class RandomLabelFit(Answer):
    """What `random_label_fit` saw, a row for each share of shuffled labels, a column for each repeat.

    shares          (k,) of the training labels that were shuffled; 0 are the true ones
    epochs          (k, repeats) until the training labels were fitted; NaN where they were not
    training, test  (k, repeats) accuracy at the end, on the training labels given and on the test labels; test may be None
    chance          test accuracy to be expected of answers that have nothing to do with the input
    examples, parameters, limit   rows of training data, weights of the model, epochs at most
    """

    shares: Array
    epochs: Array
    training: Array
    test: Array | None
    chance: float
    examples: int
    parameters: int
    limit: int

    @property
    def verdict(self) -> str:
        most = int(np.argmax(self.shares))
        given = (
            "Shuffled labels" if self.shares[most] == 1.0 else f"Labels of which {self.shares[most]:.0%} are shuffled"
        )
        reached = f"{self.training[most].mean():.1%} of {self.examples:,} training labels"
        if np.isnan(self.epochs[most]).any():
            return f"{given} are not fitted in {self.limit} epochs: {reached}, by {self.parameters:,} parameters."
        text = f"{given} are fitted too: {reached} after {self.epochs[most].mean():.0f} epochs"
        least = int(np.argmin(self.shares))
        if least != most and not np.isnan(self.epochs[least]).any():
            text += f", {self.epochs[most].mean() / self.epochs[least].mean():.1f} times as many as without"
        if self.test is None:
            return f"{text}."
        right = f"{self.test[most].mean():.1%} of the test labels, where chance is {self.chance:.1%}"
        return f"{text}; the model then gets {right}."

    def rows(self) -> tuple[list[str], list[list[Any]]]:
        heads = ["labels shuffled", "epochs", "±", "training accuracy", "test accuracy", "±"]
        lines = []
        for i, share in enumerate(self.shares):
            fitted = not np.isnan(self.epochs[i]).any()
            epochs = [*_mean(self.epochs[i])] if fitted else [f"over {self.limit}", None]
            test = [None, None] if self.test is None else [*_mean(self.test[i])]
            lines.append([f"{share:.0%}", *epochs, float(self.training[i].mean()), *test])
        return heads, lines

    def draw(self, axes: Any) -> None:
        for label, values, colour in (("training", self.training, BLUE), ("test", self.test, ORANGE)):
            if values is not None:
                axes.plot(self.shares, values.mean(axis=1), "o-", color=colour, label=label, markersize=4)
                axes.vlines(self.shares, values.min(axis=1), values.max(axis=1), color=colour, linewidth=3, alpha=0.4)
        if self.test is not None:
            axes.axhline(self.chance, color=GRAY, linewidth=1, linestyle=":", label="chance")
        for i, share in enumerate(self.shares):
            fitted = not np.isnan(self.epochs[i]).any()
            said = f"{self.epochs[i].mean():.0f} epochs" if fitted else f"> {self.limit} epochs"
            axes.annotate(said, (share, self.training[i].mean()), xytext=(0, 6), textcoords="offset points",
                          ha="center", fontsize=7)  # fmt: skip
        low, high = float(self.shares.min()), float(self.shares.max())
        room = 0.15 * (high - low) or 0.5
        axes.set(title="What the model can learn by heart", xlabel="share of training labels shuffled",
                 ylabel="accuracy", ylim=(0.0, 1.12), xlim=(low - room, high + room))  # fmt: skip
        axes.legend(loc="center left")


def random_label_fit(
    build: Build,
    X: Any,
    y: Any,
    X_test: Any = None,
    y_test: Any = None,
    *,
    shares: Sequence[float] = (0.0, 1.0),
    repeats: int = 3,
    epochs: int = 200,
    target: float = 1.0,
    optimizer: Callable[[Module], Optimizer] = Adam,
    batch_size: int = 32,
    compile: bool = True,
    progress: bool = True,
    rng: Rng = None,
) -> RandomLabelFit:
    """Train fresh models on true and on shuffled labels, until they fit them.

    build             seed → a fresh model that gives a logit for each class
    X, y              (n, …) and (n,) class numbers, the training data; nothing of the caller's is changed
    X_test, y_test    rows that no model is trained on, with their true labels
    shares            of the labels that are shuffled: rows chosen at random exchange their labels, so that each class keeps
                      its number of rows
    repeats           models for each share; the same repeat has the same start and order of rows for every share
    epochs            at most; training ends when the accuracy on the labels given reaches `target`
    optimizer         model → optimiser, such as lambda model: nn.SGD(model, 0.1, momentum=0.9)
    rng               seeds all of it
    Raises ArgumentError for targets that are no class numbers, shares outside of [0, 1] and a build that gives no model.
    Source: Zhang et al. 2017, arXiv 1611.03530, figure 1.
    """
    repeats, epochs, target = whole("repeats", repeats), whole("epochs", epochs), unit("target", target)
    check_functions(build=build, optimizer=optimizer)
    if not len(shares):
        raise ArgumentError("shares is empty: (0.0, 1.0) compares true labels with shuffled ones")
    portions = np.array([unit(f"shares[{i}]", share) for i, share in enumerate(shares)])
    random = generator(rng)
    seeds = [int(seed) for seed in random.integers(2**32, size=repeats)]
    first = built(build, seeds[0])
    x, labels = checked_data("X, y", first, X, y)
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise ArgumentError(
            f"y holds class numbers, (n,) integers, to be shuffled; got {labels.dtype} of {labels.shape}"
        )
    tested = None if X_test is None else checked_data("X_test, y_test", first, X_test, y_test)
    needed, fitted, right = np.full((3, len(portions), repeats), np.nan)
    with counter(progress, len(portions) * repeats, "model") as bar:
        for column, seed in enumerate(seeds):
            for row, share in enumerate(portions):
                model, given = built(build, seed), shuffled(labels, share, np.random.default_rng([seed, 1]))
                run = Training(model, x, given, optimizer=optimizer(model), epochs=epochs, batch_size=batch_size,
                               rng=np.random.default_rng([seed, 2]), compile=compile)  # fmt: skip
                needed[row, column], fitted[row, column] = _until(run, target)
                if tested is not None:
                    right[row, column] = accuracy(predict(model, tested[0]), tested[1])
                bar.update()
    chance = _agreement(labels, labels if tested is None else tested[1])
    found = None if tested is None else right
    return RandomLabelFit(portions, needed, fitted, found, chance, len(x), first.parameter_count(), epochs)


def built(build: Callable[..., Any], *args: Any) -> Module:
    """build(*args), a model. Raises ArgumentError if it is none, or if build does not take these arguments."""
    if isinstance(build, Module):
        raise ArgumentError(
            f"build is a function that makes a fresh model, such as lambda seed: nn.MLP(4, [8, 3], rng=seed), got "
            f"{type(build).__name__}, a model"
        )
    try:
        inspect.signature(build).bind(*args)
    except TypeError as mistake:
        expected = "seed" if len(args) == 1 else "width, seed"
        raise ArgumentError(f"build is called as build({expected}): {mistake}") from None
    model = build(*args)
    if not isinstance(model, Module):
        raise ArgumentError(f"build gives a fresh model each time it is called, got {type(model).__name__}")
    return model


def shuffled(labels: Any, share: float, rng: np.random.Generator) -> Any:
    """Labels of which a share, of rows chosen at random, have changed places; a copy."""
    rows = rng.permutation(len(labels))[: round(share * len(labels))]
    changed = np.array(labels)
    changed[rows] = labels[rng.permutation(rows)]
    return changed


def _until(run: Training, target: float) -> tuple[float, float]:
    """(epochs until the accuracy on the training labels is at least target, or NaN; that accuracy at the end)."""
    reached = 0.0
    with run as steps:
        for step in steps:
            if step.last:
                reached = accuracy(predict(run.model, run.X), run.y)
                if reached >= target:
                    return float(step.epoch), reached
    return float("nan"), reached


def _agreement(labels: Any, others: Any) -> float:
    """How often two rows, one of each, drawn at random, have the same label."""
    classes = np.unique(labels)
    return float(sum(np.mean(labels == c) * np.mean(others == c) for c in classes))


def _mean(values: Array) -> tuple[float, float | None]:
    """(mean, standard deviation over repeats)."""
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else None
