"""Whether to believe an attribution: take away what it calls important, and ask a model that has learned nothing.

`deletion_curve` replaces the features of each row by those of a baseline, the most important ones first, and looks how
fast the output falls, against random orders. `randomization_check` shuffles the weights layer by layer, from the output
down, and looks whether the attributions change: a map that stays the same shows the input, not the model.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.arguments import checked_data, chosen_loss
from nn.checks import whole
from nn.init import Rng, generator
from nn.lens.answer import Answer
from nn.lens.attribution import Array
from nn.lens.explained import Output, baseline_of, checked_input
from nn.lens.groups import spearman
from nn.lens.intervals import half_width
from nn.module import Module
from nn.style import BLUE, GRAY, ORANGE

__all__ = ["DeletionCurve", "RandomizationCheck", "deletion_curve", "randomization_check"]


@dataclass(frozen=True, eq=False, repr=False)
class DeletionCurve(Answer):
    """What becomes of the output, or the loss, when features are replaced by the baseline's, the most important first.

    method    of the attribution        removed  (steps,): share of the features replaced
    curve     (steps,): mean output, or the loss, where y was given
    random    (draws, steps): the same in random orders
    measure   "output" or the loss's name; of an output the fall counts, of a loss the rise
    """

    method: str
    removed: Array
    curve: Array
    random: Array
    measure: str

    @property
    def area(self) -> float:
        """Mean of the curve over the share removed, by the trapezoidal rule."""
        return float(np.trapezoid(self.curve, self.removed))

    @property
    def random_areas(self) -> Array:
        """(draws,): that of each random order."""
        areas: Array = np.trapezoid(self.random, self.removed, axis=1)
        return areas

    @property
    def advantage(self) -> float:
        """How much better than random orders, in standard deviations of theirs: above 2 it knows something."""
        sign = -1.0 if self.measure == "output" else 1.0
        deviation = float(self.random_areas.std(ddof=1))
        difference = sign * (self.area - float(self.random_areas.mean()))
        return difference / deviation if deviation else float(np.sign(difference)) * float("inf") if difference else 0.0

    @property
    def verdict(self) -> str:
        side = "better" if self.advantage >= 0.0 else "worse"
        verb = "falls" if self.measure == "output" else "rises"
        judged = (
            "the order knows something" if self.advantage > 2.0
            else "the order is worse than chance" if self.advantage < -2.0
            else "the order is no better than chance"
        )  # fmt: skip
        return (
            f"{self.method}: the most important removed first, the {self.measure} {verb} to an area of {self.area:.3g}, in "
            f"random orders to {self.random_areas.mean():.3g}; {side} by {abs(self.advantage):.1f} deviations, so {judged}."
        )

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        heads = ("removed", self.measure, "random order")
        return heads, [
            (f"{share:.0%}", float(value), float(other))
            for share, value, other in zip(self.removed, self.curve, self.random.mean(0), strict=True)
        ]

    def draw(self, axes: Any) -> None:
        low, high = np.quantile(self.random, [0.05, 0.95], axis=0)
        axes.fill_between(self.removed, low, high, color=GRAY, alpha=0.3, linewidth=0)
        axes.plot(self.removed, self.random.mean(0), color=GRAY, label="random order")
        axes.plot(self.removed, self.curve, color=BLUE, marker="o", markersize=3, label=self.method)
        axes.set(xlabel="share of the features removed", ylabel=self.measure)
        axes.set_title(f"{self.advantage:.1f} standard deviations from chance")
        axes.legend()


def deletion_curve(
    model: Module,
    X: Any,
    importance: Any,
    *,
    y: Any = None,
    loss: Callable[[Any, Any], Any] | None = None,
    target: Any = None,
    baseline: Any = None,
    steps: int = 10,
    draws: int = 20,
    method: str | None = None,
    rng: Rng = None,
) -> DeletionCurve:
    """The mean output, or the loss, after each share of the features has been replaced, the most important first.

    importance  an Attribution of X, or an array (rows, *features); for one order for all rows an array (features,) or
                anything with such an `.importance`, an Attribution of other rows too
    y           without it the explained output is followed, and what raises it most is removed first; with it the loss,
                and the largest |importance| is removed first
    loss        of (prediction, y): by default cross_entropy for whole-numbered y, mse for others
    target      what is followed without y: see Output; by default what the attribution explains
    baseline    what the features become: by default the attribution's own reference, or the mean of X
    steps       shares of the features, evenly spaced        draws  random orders to compare with
    method      a title; by default the attribution's

    Where features depend on each other, rows appear that never occur, and the model's answer to them decides too.
    Source: Petsiuk et al. 2018, arXiv 1806.07421, section 3.2; Samek et al. 2017, arXiv 1509.06321.
    """
    x = checked_input("deletion_curve", model, X, False)
    sizes = _sizes(importance, x)
    if y is not None:
        sizes = np.abs(sizes)
    reference = getattr(importance, "reference", None) if baseline is None else baseline
    reference = baseline_of("deletion_curve", x, x.mean(0) if reference is None else reference)
    steps, draws, draw = whole("steps", steps), whole("draws", draws, 2), generator(rng)
    if y is None:
        explained = getattr(importance, "target", None) if target is None else target
        output = Output("deletion_curve", model, x, explained)
        measured, measure = lambda rows: float(output(rows).mean()), "output"
    else:
        _, goal = checked_data("deletion_curve", model, X, y)
        loss = chosen_loss(loss, goal)
        measured, measure = lambda rows: float(loss(model.predict(rows), goal)), getattr(loss, "__name__", "loss")
    count = sizes.shape[1]
    removed = np.unique(np.round(np.linspace(0, count, min(steps, count) + 1)).astype(int))
    chance = [draw.permuted(np.tile(np.arange(count), (len(x), 1)), axis=1) for _ in range(draws)]
    orders = [np.argsort(-sizes, axis=1, kind="stable"), *chance]
    curve, *random = (_followed(measured, x, reference, order, removed) for order in orders)
    title = method or str(getattr(importance, "method", "importance"))
    return DeletionCurve(title, removed / count, curve, np.array(random), measure)


def _sizes(importance: Any, x: Array) -> Array:
    """(rows, features) of an attribution, of a global importance or of an array."""
    values = getattr(importance, "values", None)
    if values is None or np.shape(values) != x.shape:
        values = getattr(importance, "importance", importance)
    sizes = np.asarray(values, np.float64)
    count = int(np.prod(x.shape[1:]))
    if sizes.size == count and sizes.shape != x.shape:
        return np.broadcast_to(sizes.reshape(1, count), (len(x), count))
    if sizes.shape != x.shape:
        raise ArgumentError(
            f"deletion_curve: importance has shape {sizes.shape}, expected X's {x.shape} or one entry for each "
            f"of {count} features"
        )
    if not np.isfinite(sizes).all():
        raise ArgumentError("deletion_curve: importance has NaN or infinite entries")
    return sizes.reshape(len(x), count)


def _followed(measured: Callable[[Array], float], x: Array, reference: Array, order: Array, removed: Array) -> Array:
    """(steps,): what is measured after the first `removed` of each row's order have been replaced."""
    flat, other = x.reshape(len(x), -1), reference.reshape(len(x), -1)
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    return np.array([measured(np.where(place < count, other, flat).reshape(x.shape)) for count in removed])


@dataclass(frozen=True, eq=False, repr=False)
class RandomizationCheck(Answer):
    """Rank correlation of the attributions with those of the model whose upper layers have been shuffled.

    method  of the attributions
    layers  shuffled one after the other, the first one alone, the last one with all before
    signed  (layers,): mean over rows of the rank correlation of the values         sizes  the same of |values|
    margin  (layers,): half width of the 95 % interval of `sizes` over the rows
    """

    method: str
    layers: tuple[str, ...]
    signed: Array
    sizes: Array
    margin: Array

    @property
    def passed(self) -> bool:
        """Whether with all layers shuffled less than half of the ranks' agreement is left."""
        return bool(self.sizes[-1] < 0.5)

    @property
    def verdict(self) -> str:
        judged = (
            "so they depend on what it has learned" if self.passed
            else "so they show the input more than what the model has learned"
        )  # fmt: skip
        return (
            f"{self.method}: with all weights shuffled the sizes of the attributions agree with the model's by a rank "
            f"correlation of {self.sizes[-1]:.2f}, {judged}."
        )

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        heads = ("shuffled down to", "rank correlation", "of sizes", "±")
        numbers = zip(self.layers, self.signed, self.sizes, self.margin, strict=True)
        return heads, [(name, *map(float, row)) for name, *row in numbers]

    def draw(self, axes: Any) -> None:
        places = np.arange(len(self.layers) + 1)
        for values, colour, marker, label in (
            (self.sizes, BLUE, "o", "sizes"),
            (self.signed, ORANGE, "s", "with sign"),
        ):
            axes.plot(places, [1.0, *values], color=colour, marker=marker, markersize=4, label=label)
        axes.axhline(0.0, color=GRAY, linewidth=0.6)
        axes.set(xticks=places, ylabel="rank correlation", ylim=(-0.6, 1.05))
        axes.set_xticklabels(["trained", *self.layers], rotation=30, ha="right")
        axes.set_title(f"{self.method}, layers shuffled")
        axes.legend()


def randomization_check(
    model: Module, X: Any, method: Callable[..., Any], *, target: Any = None, rng: Rng = None, **options: Any
) -> RandomizationCheck:
    """Rank correlation of method(model, X) with method of the model shuffled from its last layer to its first.

    method   (model, X, *, target, …) → Attribution, such as nn.lens.integrated_gradients; options go to it
    target   what is explained: see Output; the class that the trained model predicts stays the one explained

    Within each parameter of a layer the entries are shuffled: sizes stay, what was learned goes. A correlation near 0 is
    what a method should have; it is not proof that the attributions are right.
    Source: Adebayo et al. 2018, arXiv 1810.03292, cascading randomisation.
    """
    if not callable(method):
        raise ArgumentError(f"randomization_check: method is a function such as nn.lens.gradient_input, got {method!r}")
    output = Output("randomization_check", model, X, target)
    goal = target if output.classes is None else output.classes
    draw, twin = generator(rng), copy.deepcopy(model)
    first = method(model, X, target=goal, **options)
    layers = _layers(twin)
    found = []  # (rank correlation, of sizes, half width of its interval) of each layer
    for _, parameters in layers:
        for parameter in parameters:
            data = np.asarray(parameter.data)
            parameter.data = draw.permutation(data.ravel()).reshape(data.shape)
        new = method(twin, X, target=goal, **options).values
        pairs = list(zip(first.values, new, strict=True))
        both = np.nan_to_num([(spearman(a, b), spearman(np.abs(a), np.abs(b))) for a, b in pairs])
        found.append((*both.mean(0), float(half_width(both[:, 1]))))
    return RandomizationCheck(first.method, tuple(path for path, _ in layers), *np.array(found).T)


def _layers(model: Module) -> list[tuple[str, list[Any]]]:
    """(path, parameters) of every module that has some of its own, the last one first."""
    found: dict[str, list[Any]] = {}
    for path, parameter in model.named_parameters():
        found.setdefault(path.rpartition(".")[0] or type(model).__name__, []).append(parameter)
    if not found:
        raise ArgumentError("randomization_check: the model has no parameters")
    return list(found.items())[::-1]
