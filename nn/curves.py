"""The curves of a training: a panel for each figure that its History has, by epoch; and the live one, while it runs."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import Any

from nn.style import BLUE, GRAY, ORANGE, decades, panels, themed

__all__ = ["Live", "plot"]

PAUSE = 8.0  # times as long as a live picture took to draw, until the next


def plot(history: Any, axes: Any = None, names: Sequence[str] = ()) -> Any:
    """What History.plot does; `names` are the panels to draw, by default all."""
    names = names or history.panels()
    with panels("History.plot", len(names), axes, size=(3.0, 2.3)) as drawn:
        for name, place in zip(names, drawn, strict=False):
            _panel(place, name, _lines(history, name), history.best_epoch if history.validation_loss else 0)
            if name == "metric" and history.metric and not history.metric.startswith("<"):
                called = history.metric.replace("_", " ")
                place.set(title=called[:1].upper() + called[1:], ylabel=called)
    return drawn if axes is None else axes


def _lines(history: Any, name: str) -> dict[str, tuple[list[float], str, str]]:
    """Label → (values by epoch, colour, line style)."""
    if name == "loss":
        lines = {
            "training": (history.train_loss, BLUE, "-"),
            "training, after the epoch": (history.fitted_loss, BLUE, "--"),
            "validation": (history.validation_loss, ORANGE, "-"),
        }
    elif name == "metric":
        lines = {
            "training": (history.fitted_metric, BLUE, "--"),
            "validation": (history.validation_metric, ORANGE, "-"),
        }
    else:
        lines = {name: (getattr(history, name.replace("update / weight", "update ratio").replace(" ", "_")), BLUE, "-")}
    return {label: line for label, line in lines.items() if line[0]}


def _panel(axes: Any, name: str, lines: dict[str, tuple[list[float], str, str]], best_epoch: int) -> None:
    from matplotlib.ticker import MaxNLocator

    for label, (values, colour, style) in lines.items():
        marker = "o" if len(values) == 1 else None
        axes.plot(range(1, len(values) + 1), values, style, color=colour, label=label, marker=marker)
    if name in ("loss", "metric"):
        measured, colour, _ = lines.get("validation", ([], ORANGE, "-"))
        if 0 < best_epoch <= len(measured):  # a ring: a line up to the top would run through the legend
            ring = {"markersize": 6, "markerfacecolor": "none", "markeredgewidth": 1.2, "linestyle": "none"}
            axes.plot([best_epoch], [measured[best_epoch - 1]], "o", color=colour, label="best epoch", **ring)
        if lines:
            axes.legend(frameon=False)
    else:
        values = [value for values, _, _ in lines.values() for value in values if math.isfinite(value)] or [0.0]
        if min(values) > 0.0 and max(values) > 10.0 * min(values):
            decades(axes, "y", values)
        else:
            axes.set_ylim(0.0, 1.15 * max(values) or 1.0)
    axes.set(xlabel="epoch", ylabel=name, title="Update-to-weight ratio" if "/" in name else name.capitalize())
    axes.grid(axis="y", color=GRAY, alpha=0.2, linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


class Live:
    """Loss and metric of a training in a notebook's output, drawn anew as they grow; nothing elsewhere."""

    def __init__(self, wanted: bool, history: Any) -> None:
        self.history, self.shown, self.next = history, None, 0.0
        self.wanted = wanted and "ipykernel" in sys.modules

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.wanted and self.history.train_loss:
            self.draw()

    def show(self, step: Any) -> None:
        """One step more: a new picture, if an epoch is over and drawing takes but a small share of the time."""
        if self.wanted and step.last and time.monotonic() > self.next:
            self.draw()

    def draw(self) -> None:
        """The picture as it is now, in the place of the one before."""
        import IPython.display

        display: Any = IPython.display.display

        started, names = time.monotonic(), [name for name in self.history.panels() if name in ("loss", "metric")]
        svg = themed(lambda: plot(self.history, names=names), "live", page=False)
        picture = {"image/svg+xml": svg, "text/plain": "curves of a training"}
        if self.shown is None:
            self.shown = display(picture, raw=True, display_id=True)
        else:
            self.shown.update(picture, raw=True)
        self.next = time.monotonic() + PAUSE * (time.monotonic() - started)
