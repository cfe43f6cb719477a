"""What training reports: a Step for each batch, a History of the whole."""

from dataclasses import dataclass, field
from typing import Any

from autograd.errors import MissingExtraError

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
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_metric: list[float] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    stopped: str = ""
    fitted_loss: list[float] = field(default_factory=list)
    fitted_metric: list[float] = field(default_factory=list)

    def plot(self, axes: Any = None) -> Any:
        """Loss by epoch, training and validation, on matplotlib Axes, which it returns. Needs the extra [plot]."""
        axes = new_axes("History.plot") if axes is None else axes
        epochs = range(1, len(self.train_loss) + 1)
        axes.plot(epochs, self.train_loss, label="training")
        if self.fitted_loss:
            axes.plot(epochs, self.fitted_loss, label="training, after the epoch", color="C0", linestyle="--")
        if self.validation_loss:
            axes.plot(epochs, self.validation_loss, label="validation", color="C1")
            axes.axvline(self.best_epoch, color="gray", linewidth=1, linestyle=":", label="best epoch")
        axes.set(xlabel="epoch", ylabel="loss", title="Training")
        axes.legend(frameon=False)
        return axes


def new_axes(name: str) -> Any:
    """Axes of a figure of their own for the picture called `name`. Raises MissingExtraError without matplotlib."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise MissingExtraError(f'{name} needs matplotlib: pip install "glassgrad[plot]"') from None
    return plt.figure(figsize=(6, 3.5)).subplots()
