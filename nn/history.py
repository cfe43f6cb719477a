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
    """Figures by epoch: train_loss (mean of the batches' losses), validation_loss, validation_metric.

    best_epoch  counted from 1: the epoch whose weights the model has now; the last one without validation data
    seconds     duration of the whole training
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_metric: list[float] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    stopped: str = ""

    def plot(self, axes: Any = None) -> Any:
        """Loss by epoch, training and validation, on matplotlib Axes, which it returns. Needs the extra [plot]."""
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            raise MissingExtraError('History.plot needs matplotlib: pip install "glassgrad[plot]"') from None
        axes = plt.figure(figsize=(6, 3.5)).subplots() if axes is None else axes
        epochs = range(1, len(self.train_loss) + 1)
        axes.plot(epochs, self.train_loss, label="training")
        if self.validation_loss:
            axes.plot(epochs, self.validation_loss, label="validation")
            axes.axvline(self.best_epoch, color="gray", linewidth=1, linestyle=":", label="best epoch")
        axes.set(xlabel="epoch", ylabel="loss", title="Training")
        axes.legend(frameon=False)
        return axes
