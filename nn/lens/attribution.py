"""What each feature contributes to an output: the Attribution that the methods of importance give.

Before it comes `explained`, the question; the methods (gradients, integrated, deeplift, shapley) give an Attribution: a
number for each feature of each row. The numbers of a row should add up to output − base; by how much they do not is the
completeness gap, which every Attribution carries: a small gap does not prove it right, a large one proves it wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import ArgumentError
from nn.lens.answer import Answer
from nn.style import BLUE, GRAY, LIGHT, ORANGE

__all__ = ["BAR_SIZE", "SHOWN", "Array", "Attribution", "feature_names", "name_bars"]

Array = NDArray[Any]
SHOWN = 12  # features in a picture
BAR_SIZE = (4.4, 2.9)  # of a picture with names, in inches


@dataclass(frozen=True, eq=False, repr=False)
class Attribution(Answer):
    """How much each feature moved the output of each row away from its base.

    method       name of the function that made it
    values       (rows, *features), or (rows, groups); in units of the output
    names        of the features, flattened, or of the groups
    base         (rows,): the output of what the rows are compared with
    output       (rows,): the output that is explained
    margin       half width of the 95 % interval of each value, None where nothing was drawn
    reference    (rows, *features): what the rows are compared with, None for a background of many
    target       what was explained: class numbers (rows,), a function of the output, or None for the single output
    evaluations  rows that the model was run on, forward or backward
    """

    method: str
    values: Array
    names: tuple[str, ...]
    base: Array
    output: Array
    margin: Array | None = None
    reference: Array | None = None
    target: Any = None
    evaluations: int = 0
    size = BAR_SIZE

    @property
    def gap(self) -> Array:
        """(rows,): sum of the attributions − (output − base), the completeness gap."""
        gap: Array = self.values.reshape(len(self.values), -1).sum(1) - (self.output - self.base)
        return gap

    @property
    def mean_gap(self) -> float:
        """Mean of |gap| over the rows."""
        return float(np.abs(self.gap).mean())

    @property
    def max_gap(self) -> float:
        """Largest |gap| of a row."""
        return float(np.abs(self.gap).max())

    @property
    def relative_gap(self) -> float:
        """mean |gap| / mean |output − base|, the share of the explained that is missed."""
        explained = float(np.abs(self.output - self.base).mean())
        return self.mean_gap / explained if explained else math.inf if self.mean_gap else 0.0

    @property
    def importance(self) -> Array:
        """(features,): mean |value| over the rows."""
        sizes: Array = np.abs(self.values).reshape(len(self.values), -1).mean(0)
        return sizes

    @property
    def verdict(self) -> str:
        first = int(np.argmax(self.importance))
        size = float(self.importance[first])
        if not size:
            return (
                f"{self.method}: no feature moves the output of these rows away from its base, all attributions are 0."
            )
        share = size / float(self.importance.sum())
        lead = (
            f"{self.method}: {self.names[first]} moves the output most, by {size:.3g} in the mean ({share:.0%} of all)"
        )
        if self.relative_gap > 0.05:
            return (
                f"{lead}, but the attributions do not add up: they miss output − base by {self.relative_gap:.0%}, so their "
                "sizes are not shares of it."
            )
        return f"{lead}; a row's attributions add up to output − base within {self.max_gap:.2g}."

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        flat = self.values.reshape(len(self.values), -1)
        order = np.argsort(-self.importance, kind="stable")[:SHOWN]
        heads = ["feature", "mean |value|", "mean value"]
        rows = [[self.names[i], float(self.importance[i]), float(flat[:, i].mean())] for i in order]
        if self.margin is not None:
            heads.append("±")
            margins = self.margin.reshape(len(flat), -1).mean(0)
            rows = [[*row, float(margins[i])] for row, i in zip(rows, order, strict=True)]
        return heads, rows

    def draw(self, axes: Any) -> None:
        if self.values.ndim > 2:
            _map(axes, self)
        else:
            _bars(axes, self)
        axes.set_title(f"{self.method}, completeness gap {self.mean_gap:.2g}")


def _bars(axes: Any, answer: Attribution) -> None:
    """A bar of mean |value| for each of the largest features, and a dot for each row."""
    order = np.argsort(-answer.importance, kind="stable")[:SHOWN]
    places = np.arange(len(order))[::-1]
    axes.barh(places, answer.importance[order], color=LIGHT, height=0.75)
    rows = len(answer.values)
    shift = 0.5 * ((np.arange(rows) * 0.618034) % 1.0 - 0.5)  # spread evenly and without chance
    for place, i in zip(places, order, strict=True):
        values = answer.values[:, i]
        axes.scatter(values, place + shift, s=4, c=np.where(values < 0, ORANGE, BLUE), alpha=0.6, linewidths=0)
    axes.axvline(0.0, color=GRAY, linewidth=0.6)
    name_bars(axes, places, [answer.names[i] for i in order])
    axes.set_xlabel("attribution, and mean size (bar)")


def name_bars(axes: Any, places: Array, names: Sequence[str]) -> None:
    """Names beside horizontal bars, long ones cut so that the bars keep their room."""
    axes.set(yticks=places, yticklabels=[name if len(name) <= 26 else f"{name[:25]}…" for name in names])


def _map(axes: Any, answer: Attribution) -> None:
    """Values with several axes as an image: of one row signed, of several their mean size; channels added up."""
    from matplotlib.colors import LinearSegmentedColormap

    signed = len(answer.values) == 1
    image = answer.values[0] if signed else np.abs(answer.values).mean(0)
    while image.ndim > 2:
        image = image.sum(0)
    most = float(np.abs(image).max()) or 1.0
    colours = LinearSegmentedColormap.from_list("signs", [ORANGE, "white", BLUE])
    shown = axes.imshow(image, cmap=colours, vmin=-most, vmax=most, aspect="auto" if image.shape[0] < 3 else "equal")
    axes.figure.colorbar(shown, ax=axes, shrink=0.8)
    axes.set(xticks=[], yticks=[])


def feature_names(name: str, x: Array, names: Sequence[str] | None, X: Any = None) -> tuple[str, ...]:
    """A name for each feature of a row, flattened: those given, or of the columns of X, a table such as pandas', or
    x0, x1 … and x[0,3,4] in an image."""
    count = math.prod(x.shape[1:])
    columns = list(getattr(X, "columns", ()))
    if names is None and len(columns) == count and all(isinstance(column, str) for column in columns):
        return tuple(columns)
    if names is None:
        if x.ndim == 2:
            return tuple(f"x{i}" for i in range(count))
        return tuple(f"x[{','.join(map(str, index))}]" for index in np.ndindex(*x.shape[1:]))
    if len(names) != count:
        raise ArgumentError(f"{name}: names has {len(names)} entries, a row has {count} features")
    return tuple(map(str, names))
