"""Permutation importance: how much worse the model does when a feature's column is shuffled among the rows.

It needs no gradient and asks the question people mean: what does the model lose without knowing this? A shuffled feature
keeps its own distribution and loses its connection with everything else. Two features that say the same hide each other,
since the model still has the other one: so features whose ranks are correlated can be shuffled together, as a group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, NonFiniteError
from nn.arguments import check_weights, checked_data, chosen_loss
from nn.checks import unit, whole
from nn.evaluation import predict
from nn.init import Rng, generator
from nn.lens.answer import Answer
from nn.lens.attribution import BAR_SIZE, SHOWN, Array, feature_names, name_bars
from nn.lens.explained import checked_input
from nn.lens.groups import grouped
from nn.lens.intervals import half_width
from nn.module import Module
from nn.state import preserved
from nn.style import BLUE, GRAY, LIGHT
from nn.sums import arrays_only

__all__ = ["PermutationImportance", "permutation_importance"]


@dataclass(frozen=True, eq=False, repr=False)
class PermutationImportance(Answer):
    """What the model loses when a feature, or a group, is shuffled.

    names     of the features or groups        members  which features each holds
    score     loss, or metric, of the model on X, y as they are
    losses    (features, repeats): how much worse it is each time; in the loss's unit, or the metric's
    confidence  of the intervals
    measure   name of the loss or metric
    """

    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    score: float
    losses: Array
    measure: str
    confidence: float = 0.95
    method: str = "permutation"
    size = BAR_SIZE

    @property
    def importance(self) -> Array:
        """(features,): mean over the repeats of how much worse it is."""
        mean: Array = self.losses.mean(1)
        return mean

    @property
    def margin(self) -> Array:
        """(features,): half width of the t-interval of that mean over the repeats."""
        half: Array = half_width(self.losses, self.confidence)
        return half

    @property
    def verdict(self) -> str:
        first = int(np.argmax(self.importance))
        shown = self.importance - self.margin > 0.0
        change = (
            f"{self.measure} worsens from {self.score:.3g} by {self.importance[first]:.3g} ± {self.margin[first]:.2g}"
        )
        if not shown.any():
            return (
                f"No feature is shown to matter: with {self.names[first]} shuffled, which costs most, {change}, and that "
                "interval holds 0."
            )
        if not shown[first]:
            surest = int(np.argmax(np.where(shown, self.importance, -np.inf)))
            return (
                f"With {self.names[first]} shuffled, which costs most, {change}, which may be chance; "
                f"{int(shown.sum())} of {len(shown)} are shown to matter, {self.names[surest]} most."
            )
        idle = len(shown) - int(shown.sum())
        rest = (
            f"{idle} of {len(shown)} are not shown to matter, their intervals reach 0"
            if idle
            else "all others matter too"
        )
        return f"The model needs {self.names[first]} most: shuffled, its {change}; {rest}."

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        order = np.argsort(-self.importance, kind="stable")
        heads = ("feature", f"{self.measure} worse by", "±", "matters")
        return heads, [
            (self.names[i], float(self.importance[i]), float(self.margin[i]), bool(self.importance[i] > self.margin[i]))
            for i in order
        ]

    def draw(self, axes: Any) -> None:
        order = np.argsort(-self.importance, kind="stable")[:SHOWN]
        places = np.arange(len(order))[::-1]
        axes.barh(places, self.importance[order], color=LIGHT, height=0.75)
        axes.errorbar(self.importance[order], places, xerr=self.margin[order], fmt="none", ecolor=BLUE, elinewidth=1.2)
        axes.axvline(0.0, color=GRAY, linewidth=0.6)
        name_bars(axes, places, [self.names[i] for i in order])
        axes.set_xlabel(f"{self.measure} worse by")
        axes.set_title(f"shuffled {self.losses.shape[1]} times, {self.confidence:.0%} intervals")


def permutation_importance(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Callable[[Any, Any], Any] | None = None,
    metric: Callable[[Any, Any], Any] | None = None,
    repeats: int = 10,
    groups: Any = None,
    threshold: float = 0.7,
    names: Sequence[str] | None = None,
    rng: Rng = None,
) -> PermutationImportance:
    """loss(X with the feature shuffled) − loss(X), for each feature, in the mean over some shuffles, with its interval.

    X, y       data the model has not been trained on, or what it learned by heart counts too; X may have any features
    loss       of (prediction, y); by default cross_entropy for whole-numbered y, mse for others
    metric     of (prediction, y), larger is better, in place of the loss: the fall is taken
    repeats    shuffles; all features are shuffled in the same ways, so that they are compared without that chance
    groups     features shuffled together: "correlated" for those linked by |Spearman's ρ| ≥ threshold; {name: features};
               or lists of features
    names      of the features; by default those of the columns, if X is a table

    The interval is for the shuffles, given these rows; another sample of rows would differ too.
    Source: Breiman 2001, section 10; Fisher et al. 2019, arXiv 1801.01489, eq. 3.

    >>> import nn
    >>> model = nn.Linear(2, 1, rng=0)
    >>> model.weight.data = np.array([[1.0, 0.0]], np.float32)
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> answer = permutation_importance(model, X, model.predict(X), rng=0)
    >>> bool(answer.importance[0] > 1.0), float(answer.importance[1])
    (True, 0.0)
    """
    name = "permutation_importance"
    arrays_only(name, model)
    x, target = checked_data(name, model, X, y, names=names)
    x, repeats = checked_input(name, model, x), whole("repeats", repeats, 2)
    if loss is not None and metric is not None:
        raise ArgumentError(f"{name}: give a loss or a metric, not both")
    if metric is not None and not callable(metric):
        raise ArgumentError(f"{name}: metric is a function such as nn.accuracy, got {metric!r}")
    measured, sign = (metric, -1.0) if metric is not None else (chosen_loss(loss, target), 1.0)
    all_names = feature_names(name, x, names, X)
    if len(x) < 2:
        raise ArgumentError(f"{name}: a single row cannot be shuffled")
    titles, members = grouped(name, groups, all_names, x, unit("threshold", threshold))
    draw = generator(rng)
    orders = [draw.permutation(len(x)) for _ in range(repeats)]
    with preserved(model):
        score = _score(measured, model, x, target)
        losses = np.empty((len(members), repeats))
        for i, group in enumerate(members):
            for k, order in enumerate(orders):
                shuffled = x.reshape(len(x), -1).copy()
                shuffled[:, group] = shuffled[order][:, group]
                losses[i, k] = sign * (_score(measured, model, shuffled.reshape(x.shape), target) - score)
    measure = getattr(measured, "__name__", "loss" if metric is None else "metric")
    return PermutationImportance(titles, tuple(map(tuple, members)), score, losses, measure)


def _score(measured: Callable[[Any, Any], Any], model: Module, x: Array, target: Array) -> float:
    score = float(measured(predict(model, x), target))
    if not np.isfinite(score):
        check_weights("permutation_importance", model)
        raise NonFiniteError(f"permutation_importance: the score is {score}, though X, y and the weights are finite")
    return score
