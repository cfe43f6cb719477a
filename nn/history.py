"""What training reports: a Step for each batch, a History of the whole."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.value import data_of
from nn.curves import plot
from nn.masks import learning, mask_of

__all__ = ["History", "Step"]


@dataclass(frozen=True)
class Step:
    """What a batch of training did. Validation figures are there on the last batch of an epoch, else None.

    epoch, batch   counted from 1         loss        of this batch, before the step
    last           whether the epoch ends train_loss  mean over the epoch so far
    """

    epoch: int
    batch: int
    loss: float
    last: bool
    train_loss: float
    validation_loss: float | None = None
    validation_metric: float | None = None
    improved: bool = False


@dataclass
class History:
    """Figures by epoch: train_loss (mean of the batches' losses), and, with validation data, how the model then did.

    "Why is validation better than training?!" Because train_loss is a mean over the epoch, of weights that were still worse
    at its start, with dropout on and on augmented examples; validation_loss is of the weights at its end, all switched to
    evaluation. To be compared with it is fitted_loss: the same measurement on training examples (as many as there are
    validation examples, the same ones after each epoch). What validation lacks to that is overfitting.

    validation_loss, validation_metric   on the validation data
    fitted_loss, fitted_metric           on the fixed part of the training data
    best_epoch  counted from 1: the epoch whose weights the model has now; the last one without validation data
    seconds     duration of the whole training
    stopped     why it ended before its last epoch, if it did
    metric      the name of the metric

    Of the last step of each epoch:
    learning_rate  as the optimiser had it        gradient_norm  √Σ g² over the weights that learn, after clip_norm
    update_ratio   √Σ (change of w)² / √Σ w²: about 0.001 in a healthy training (Karpathy, "CS231n", Neural Networks 3)
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_metric: list[float] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    stopped: str = ""
    fitted_loss: list[float] = field(default_factory=list)
    fitted_metric: list[float] = field(default_factory=list)

    metric: str = ""
    learning_rate: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    update_ratio: list[float] = field(default_factory=list)

    def take_down(self, learning_rate: float, before: Sequence[Any], parameters: Sequence[Any]) -> None:
        """The figures of an epoch's last step. before: copies of the parameters' data as they were ahead of it."""
        after = [parameter.data for parameter in parameters]
        gradients = [learning(mask_of(parameter), data_of(parameter.grad), parameter.dtype) for parameter in parameters]
        steps, size = [new - old for new, old in zip(after, before, strict=True)], _norm(before)
        self.learning_rate.append(learning_rate)
        self.gradient_norm.append(_norm(gradients))
        self.update_ratio.append(_norm(steps) / size if size else 0.0)

    def panels(self) -> list[str]:
        """The names of the pictures that plot can draw of this history, in their order."""
        lists = {
            "loss": self.train_loss, "metric": self.validation_metric, "learning rate": self.learning_rate,
            "gradient norm": self.gradient_norm, "update / weight": self.update_ratio,
        }  # fmt: skip
        return [name for name, values in lists.items() if values or name == "loss"]

    def plot(self, axes: Any = None) -> Any:
        """A picture of each figure there is, by epoch: loss, metric, learning rate, gradient norm, update-to-weight ratio.

        axes  one matplotlib Axes, for the loss, or several, for as many of these; by default a figure of them all
        Returns `axes`, or an array of the new ones. Needs the extra [plot].
        """
        return plot(self, axes)


def _norm(arrays: Sequence[Any]) -> float:
    """√Σ |a|² of all elements of all arrays."""
    return math.sqrt(sum(float(np.vdot(array, array).real) for array in arrays))
