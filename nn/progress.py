"""Progress bars: of fit, and of other work that takes a while."""

import shutil
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from nn.history import Step

__all__ = ["Bar", "counter", "rounds"]

T = TypeVar("T")


def counter(wanted: bool, total: int, unit: str, done: int = 0) -> Any:
    """A tqdm bar, to be closed or used in a `with`: shown on a terminal and in a notebook's kernel, silent elsewhere."""
    from tqdm import tqdm

    notebook = "ipykernel" in sys.modules
    width = None if shutil.get_terminal_size().columns else 80  # a terminal that does not know its width says 0
    shown = wanted and (notebook or sys.stderr.isatty())
    return tqdm(total=total, initial=done, unit=unit, ncols=width, disable=not shown)


class Bar:
    """A bar over the steps of a training.

    It says how many steps are done in a second, the loss of the epoch so far, the learning rate, and what the last
    validation gave.
    """

    def __init__(self, wanted: bool, total: int, done: int) -> None:
        self.bar = counter(wanted, total, "step", done)
        self.validated: dict[str, str] = {}

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.bar.close()

    def show(self, step: Step, rate: float) -> None:
        """One step more. The figures are written when the bar is drawn anew, about ten times a second."""
        if step.validation_loss is not None:
            self.validated = {"validation": f"{step.validation_loss:.4f}"}
        if step.validation_metric is not None:
            self.validated["metric"] = f"{step.validation_metric:.3f}"
        if self.bar.update() or step.last:
            figures = {"epoch": step.epoch, "loss": f"{step.train_loss:.4f}", "rate": f"{rate:.3g}"}
            self.bar.set_postfix(figures | self.validated, refresh=step.last)


def rounds(things: Iterable[T], wanted: bool, unit: str) -> Iterator[T]:
    """The things one after another, with a bar that counts them in `unit`s."""
    things = list(things)
    with counter(wanted, len(things), unit) as bar:
        for thing in things:
            yield thing
            bar.update()
