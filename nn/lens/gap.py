"""What a model does on the rows it has learned from, beside rows it has not: the gap, and how far chance reaches.

Both are measured alike: the final weights, evaluation mode, no augmentation. (The training loss that a History shows is
another one, see History.) lens.compare goes on from here: which training makes the gap smaller, and is it worth it?
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import ArgumentError
from nn.arguments import check_weights, checked_data, chosen_loss
from nn.evaluation import Metric, predict
from nn.init import Rng, generator
from nn.lens.answer import Answer
from nn.lens.intervals import bootstrapped, level, share_difference, wilson
from nn.module import Module
from nn.state import preserved
from nn.style import BLUE, ORANGE
from nn.sums import arrays_only
from nn.viz.decisions import class_logits

__all__ = ["Gap", "gap"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Gap(Answer):
    """Training beside test. Pairs are (low, high); accuracies are None for targets that are no class numbers.

    sizes                 rows: (training, test)
    loss, accuracy        (training, test)        accuracy_intervals  Wilson's, for each
    loss_gap              test − training loss    loss_interval       its bootstrap interval
    accuracy_gap          training − test         accuracy_interval   its interval, Newcombe's
    """

    sizes: tuple[int, int]
    loss: tuple[float, float]
    loss_gap: float
    loss_interval: tuple[float, float]
    accuracy: tuple[float, float] | None
    accuracy_intervals: tuple[tuple[float, float], tuple[float, float]] | None
    accuracy_gap: float | None
    accuracy_interval: tuple[float, float] | None
    confidence: float

    @property
    def verdict(self) -> str:
        if self.accuracy is None or self.accuracy_gap is None or self.accuracy_interval is None:
            low, high = self.loss_interval
            told = f"The loss is {self.loss[0]:.4g} on training and {self.loss[1]:.4g} on test rows"
            return f"{told}, a gap of {self.loss_gap:.4g} ({low:.4g} to {high:.4g}): {_judged(low)}."
        low, high = (100 * end for end in self.accuracy_interval)
        first, second = (100 * share for share in self.accuracy)
        told = f"It is right on {first:.1f} % of training and {second:.1f} % of test rows"
        return f"{told}, a gap of {first - second:.1f} points ({low:.1f} to {high:.1f}): {_judged(low)}."

    def rows(self) -> Any:
        low, high = self.loss_interval
        lines = [("loss", *self.loss, self.loss_gap, f"{low:.4g} to {high:.4g}")]
        if self.accuracy is not None and self.accuracy_gap is not None and self.accuracy_interval is not None:
            low, high = self.accuracy_interval
            lines.append(("accuracy", *self.accuracy, self.accuracy_gap, f"{low:.4g} to {high:.4g}"))
        return ("", "training", "test", "gap", f"{100 * self.confidence:g} % interval"), lines

    def draw(self, axes: Any) -> None:
        if self.accuracy is None or self.accuracy_intervals is None:
            axes.bar([0, 1], self.loss, 0.5, color=[BLUE, ORANGE])
            axes.set(ylabel="loss", title="Loss")
        else:
            for place, share, (low, high), colour in zip(
                (0, 1), self.accuracy, self.accuracy_intervals, (BLUE, ORANGE), strict=True
            ):
                reach = [[100 * (share - low)], [100 * (high - share)]]
                axes.errorbar([place], [100 * share], reach, fmt="o", color=colour, capsize=3)
            axes.set(ylabel="right (%)", title=f"Gap of {100 * (self.accuracy[0] - self.accuracy[1]):.1f} points")
        axes.set_xticks(
            [0, 1], [f"{n}\n{rows:,} rows" for n, rows in zip(("training", "test"), self.sizes, strict=True)]
        )
        axes.set_xlim(-0.6, 1.6)


def _judged(low: float) -> str:
    return (
        "more than chance, so it has learned some rows by heart or the test rows are of another kind"
        if low > 0.0
        else "no more than chance may do"
    )


def gap(
    model: Module, train: tuple[Any, Any], test: tuple[Any, Any], *, loss: Metric | None = None, confidence: float = 0.95,
    rng: Rng = 0,
) -> Gap:  # fmt: skip
    """How much better a model does on the rows it was trained on: training − test accuracy, test − training loss.

    train, test  (X, y) each; the same cast and evaluation mode for both, without dropout or augmentation
    loss         (prediction, target) → number, a mean over rows; by default cross_entropy for class numbers, mse for others
    rng          of the bootstrap
    Accuracies have Wilson's intervals and their gap Newcombe's; the gap in the loss has a percentile bootstrap over the
    rows (2,000 draws). They are over the rows, for this model: another training would differ too (lens.compare). Sources
    of the intervals: nn.lens.intervals.
    """
    level("gap: confidence", confidence)
    for name, pair in (("train", train), ("test", test)):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ArgumentError(f"gap: {name} is a pair (X, y) of arrays, got {type(pair).__name__}")
    sides = [_looked_at(name, model, *pair, loss) for name, pair in (("gap: train", train), ("gap: test", test))]
    losses, right = [side[0] for side in sides], [side[1] for side in sides]
    means = float(losses[0].mean()), float(losses[1].mean())
    between = bootstrapped(losses[1], losses[0], confidence, generator(rng))
    sizes = len(losses[0]), len(losses[1])
    if right[0] is None or right[1] is None:
        return Gap(sizes, means, means[1] - means[0], between, None, None, None, None, confidence)
    one, two = ((int(hits.sum()), len(hits)) for hits in (right[0], right[1]))
    shares, ends = (one[0] / one[1], two[0] / two[1]), share_difference(one, two, confidence)
    intervals = wilson(*one, confidence), wilson(*two, confidence)
    return Gap(sizes, means, means[1] - means[0], between, shares, intervals, shares[0] - shares[1], ends, confidence)


def _looked_at(name: str, model: Module, X: Any, y: Any, loss: Metric | None) -> tuple[Array, NDArray[np.bool_] | None]:
    """(loss, whether right) of each row."""
    arrays_only("gap", model)
    x, target = checked_data(name, model, X, y)
    with preserved(model):
        out = predict(model, x)
    measure, classes = chosen_loss(loss, target), target.dtype.kind in "iub" and target.ndim == 1
    if classes and loss is None:
        if out.size == len(out) and target.max() > 1:
            raise ArgumentError(
                f"{name}: whole numbers y are classes, here up to {int(target.max())}, but the model has a single output; "
                "numbers to predict are floats: y.astype(float), of the output's shape"
            )
        out = class_logits(out)
    each = np.array([float(measure(out[i : i + 1], target[i : i + 1])) for i in range(len(target))])
    if not np.isfinite(each).all():
        check_weights(name, model)
        raise ArgumentError(f"{name}: the loss of row {np.argwhere(~np.isfinite(each))[0][0]} is NaN or infinite")
    return each, out.argmax(axis=-1) == target if classes and out.ndim == 2 and out.shape[1] > 1 else None
