"""Signal: does it keep its size on the way through the layers, and its gradient on the way back?

The theory is that of `nn.init`. A sum z of n products with weights of mean 0 that have nothing to do with the inputs has

    E[z²] = n · E[w²] · E[x²] + E[b²]                                    forwards
    E[(∂/∂x)²] = m · E[w²] · E[(∂/∂z)²]                                  backwards, where x is a factor in m sums

and a squash f between makes E[f(z)²] and E[f′(z)²] of it, z ~ N(0, E[z²]). So one can compute from the weights alone how
large the signal is in every layer, and compare. `distinct` counts what a start that is the same for all neurons leaves.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import tree
from autograd.backward import order, propagate
from autograd.context import context
from autograd.errors import ArgumentError, NonFiniteError
from autograd.jacobians import elementwise_grad
from autograd.value import Value, data_of
from nn.arguments import check_weights, checked_data, chosen_loss
from nn.init import Rng, generator, normal_quadrature
from nn.lens.answer import Answer
from nn.module import Module
from nn.outline import layer_name, shortened
from nn.state import preserved
from nn.style import BLUE, ORANGE, decades
from nn.sums import WeightedSum, arrays_only, between, weighted_sums

__all__ = ["Distinct", "Signal", "distinct", "signal"]

SAME = 10.0  # a factor between 1 / SAME and SAME keeps the size
KEPT = (
    100.0  # a factor beyond it, from the first layer to the last, is called vanishing or exploding: 10 of the deviation
)


@dataclass(frozen=True, eq=False, repr=False)
class Signal(Answer):
    """Mean squares of weighted sums, for each matrix of weights in the order of use; of weights with mean 0 variances.

    Of weights that are used several times, as those of a recurrent layer, it is the mean over all uses.

    layers            paths              terms             products in one sum: fan_in
    sums, gradients   E[z²] of the sums, over neurons, rows and places, and E[(∂/∂z)²], as measured
    theory            E[z²] as it follows from X, or from the last layer that the theory knows nothing of
    gradient_theory   the same backwards from the last layer; None where nothing follows, as in the last
    """

    layers: tuple[str, ...]
    terms: tuple[int, ...]
    sums: NDArray[np.float64]
    theory: NDArray[np.float64]
    gradients: NDArray[np.float64]
    gradient_theory: tuple[float | None, ...]

    @property
    def growth(self) -> float:
        """E[z²] of the last layer divided by that of the first; nan for a single layer or a signal of 0."""
        return _growth(self.sums)

    @property
    def gradient_growth(self) -> float:
        """The same of the gradient, which goes from the last layer to the first."""
        return _growth(self.gradients[::-1])

    @property
    def verdict(self) -> str:
        zero = [layer for layer, size in zip(self.layers, self.sums, strict=True) if size == 0.0]
        if zero:
            return f"the signal is 0 in {len(zero)} of {len(self.layers)} layers, first in {layer_name(zero[0])}"
        if len(self.layers) == 1:
            return f"the sums have mean square {self.sums[0]:.4g}, theory says {self.theory[0]:.4g}"
        first, last = self.layers[0], self.layers[-1]
        told = (
            f"from {layer_name(first)} to {layer_name(last)} the signal's mean square goes from {self.sums[0]:.3g} to "
            f"{self.sums[-1]:.3g}, a factor of {self.growth:.3g} (theory {_growth(self.theory):.3g})"
        )
        if not self.gradients.all():
            return f"{told}; no gradient reaches {layer_name(self.layers[int(np.argmin(self.gradients))])}"
        back = f"on its way back the gradient's has a factor of {self.gradient_growth:.3g}"
        return f"{told}, {back}: the signal {_word(self.growth)}, the gradient {_word(self.gradient_growth)}"

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        heads = ("layer", "terms", "mean square", "theory", "of the gradient", "theory")
        columns = self.layers, self.terms, self.sums, self.theory, self.gradients, self.gradient_theory
        return heads, [(path or "(self)", *rest) for path, *rest in zip(*columns, strict=True)]

    def draw(self, axes: Any) -> None:
        rows = np.arange(len(self.layers))
        measured = ((self.sums, BLUE, "o", "signal"), (self.gradients, ORANGE, "s", "gradient"))
        for sizes, color, marker, name in measured:
            axes.plot(sizes, rows, marker, color=color, markersize=4, label=name)
        backwards = [math.nan if size is None else size for size in self.gradient_theory]
        axes.plot(self.theory, rows, color=BLUE, linewidth=0.9, label="theory")
        axes.plot(backwards, rows, color=ORANGE, linewidth=0.9)
        axes.set_yticks(rows, [shortened(path or "(self)", 20) for path in self.layers])
        axes.invert_yaxis()
        every = (*self.sums, *self.theory, *self.gradients, *backwards)
        decades(axes, "x", [float(size) for size in every if 0.0 < size < np.inf])
        axes.set(title="Signal and gradient by layer", xlabel="mean square of the sums")
        axes.legend(loc="best")


def signal(
    model: Module, X: Any, y: Any = None, *, loss: Callable[[Any, Any], Any] | None = None, rng: Rng = 0
) -> Signal:
    """E[z²] of every layer's weighted sums and of their gradients, beside what the theory of random weights says.

    y, loss  the gradient is that of loss(model(X), y); loss is fit's default if there is none. Without y it is that of the
             output, with a random factor of N(0, 1) for each of its numbers
    rng      of these factors, a seed or Generator

    One pass each way, in evaluation mode; model and gradients are afterwards what they were, bit for bit.
    Raises ArgumentError if there is no weighted sum in the model; NonFiniteError, with the layer, for NaN and infinity.
    Source: Glorot and Bengio 2010, eqs. 5 and 6; He et al. 2015, arXiv 1502.01852, eqs. 7 and 13; squashes in general:
    Poole et al. 2016, arXiv 1606.05340, eqs. 3 and 4.
    """
    arrays_only("signal", model)
    x, target = checked_data("signal", model, X, X if y is None else y)
    with preserved(model), context(recording=True), np.errstate(all="ignore"):
        model.eval()
        out = model(Value(x) if x.dtype.kind == "f" else x)
        root = out if y is None else chosen_loss(loss, target)(out, target)
        found = weighted_sums(model, out)
        if not found:
            raise ArgumentError(
                f"signal: {type(model).__name__} has no weighted sum: no matrix of weights meets an input"
            )
        nodes = _pushed_back(root, generator(rng))
        links = _links(found, nodes)
        sums = np.array([_mean_square(each.node.data) for each in found])
        gradients = np.array([_mean_square(each.node.grad) if each.node.has_grad else 0.0 for each in found])
        for each, forward, backward in zip(found, sums, gradients, strict=True):
            if not math.isfinite(forward + backward):
                check_weights("signal", model)
                what = "sums" if not math.isfinite(forward) else "gradients"
                raise NonFiniteError(f"signal: the {what} of {each.path or 'the model'} are not all finite numbers")
        theory = _forwards(found, links)
        backwards = _backwards(found, links, theory, gradients)
    return _by_weight(found, sums, theory, gradients, backwards)


def _by_weight(found: list[WeightedSum], sums: Any, theory: Any, gradients: Any, backwards: Any) -> Signal:
    """The answer: of the sums of one weight the mean."""
    uses: dict[int, list[int]] = {}  # id of a weight → its sums
    for number, each in enumerate(found):
        uses.setdefault(id(each.weight), []).append(number)

    def pooled(column: Any) -> list[float | None]:
        return [_mean([column[i] for i in numbers]) for numbers in uses.values()]

    first = [found[numbers[0]] for numbers in uses.values()]
    measured, expected, back = (np.array(pooled(column), float) for column in (sums, theory, gradients))
    layers, terms = tuple(each.path for each in first), tuple(each.terms for each in first)
    return Signal(layers, terms, measured, expected, back, tuple(pooled(backwards)))


@dataclass(frozen=True)
class _Link:
    """Between a sum and an earlier one: its number, the squash f, and whether nothing else uses that sum."""

    start: int
    f: Callable[[Any], Any]
    alone: bool


def _pushed_back(root: Any, rng: np.random.Generator) -> list[Value]:
    """Leave gradients in the nodes between the parameters and root, not in the parameters; these nodes."""
    roots = [part for part in tree.flatten(root)[0] if isinstance(part, Value)]
    nodes = order(roots)
    one = len(roots) == 1 and np.size(roots[0].data) == 1
    seeds = {
        part: rng.normal(size=part.shape).astype(part.dtype) if not one else np.ones_like(part.data) for part in roots
    }
    propagate(nodes, {part: seed if seed.ndim else seed[()] for part, seed in seeds.items()}, keep="all")
    return nodes


def _links(found: list[WeightedSum], nodes: list[Value]) -> list[_Link | None]:
    """For each sum how its input comes from an earlier one; None where the theory knows nothing of what is between."""
    users: Counter[int] = Counter(id(x) for node in nodes for x in node.operands if isinstance(x, Value))
    numbers = {each.node: number for number, each in enumerate(found)}
    links: list[_Link | None] = []
    for each in found:
        start = _sum_before(each.input, numbers)
        way = None if start is None else between(each.input, found[start].node)
        if start is None or way is None:
            links.append(None)
            continue
        f, inside = way
        own = Counter(id(x) for node in (*inside, each.node) for x in node.operands if isinstance(x, Value))
        alone = all(users[id(x)] == own[id(x)] for x in (found[start].node, *inside))
        links.append(_Link(start, f, alone))
    return links


def _sum_before(x: Any, numbers: dict[Value, int]) -> int | None:
    """The number of the sum that one comes to from x, back over elementwise ops and views; None if to something else."""
    while isinstance(x, Value) and x not in numbers:
        values = [operand for operand in x.operands if isinstance(operand, Value)]
        if not values or x.primitive.kind not in ("elementwise", "view"):
            return None
        x = values[0]
    return numbers[x] if isinstance(x, Value) else None


def _forwards(found: list[WeightedSum], links: list[_Link | None]) -> list[float]:
    """E[z²] of each sum from the one before it; from the inputs as they are where there is no link."""
    theory: list[float] = []
    for each, link in zip(found, links, strict=True):
        inputs = _mean_square(data_of(each.input)) if link is None else _expected(link.f, theory[link.start])
        bias = 0.0 if each.bias is None else _mean_square(each.bias.data)
        theory.append(each.terms * _mean_square(each.weight.data) * inputs + bias)
    return theory


def _backwards(
    found: list[WeightedSum], links: list[_Link | None], theory: list[float], measured: NDArray[np.float64]
) -> list[float | None]:
    """E[(∂/∂z)²] of each sum from the one after it; None where there is none that alone uses it."""
    gradients: list[float | None] = [None] * len(found)
    for number in range(len(found) - 1, -1, -1):
        each, link = found[number], links[number]
        if link is not None and link.alone:
            own = gradients[number]
            size = float(measured[number]) if own is None else own
            slope = _expected(elementwise_grad(link.f), theory[link.start])
            gradients[link.start] = each.uses * _mean_square(each.weight.data) * size * slope
    return gradients


def _expected(f: Callable[[Any], Any], size: float) -> float:
    """E[f(z)²] for z ~ N(0, size)."""
    z, weights = normal_quadrature()
    return float(weights @ np.square(np.broadcast_to(data_of(f(math.sqrt(size) * z)), z.shape)))


def _mean(numbers: list[float | None]) -> float | None:
    """The mean; None if one of them is None."""
    known = [float(number) for number in numbers if number is not None]
    return float(np.mean(known)) if len(known) == len(numbers) else None


def _mean_square(x: Any) -> float:
    return float(np.mean(np.square(np.asarray(data_of(x), np.float64))))


def _growth(sizes: NDArray[np.float64]) -> float:
    if len(sizes) < 2 or not (sizes[0] > 0.0 and sizes[-1] > 0.0):
        return math.nan
    return float(sizes[-1] / sizes[0])


def _word(growth: float) -> str:
    for limit, below, above in ((KEPT, "vanishes", "explodes"), (SAME, "shrinks", "grows")):
        if growth < 1.0 / limit or growth > limit:
            return below if growth < 1.0 else above
    return "keeps its size"


@dataclass(frozen=True, eq=False, repr=False)
class Distinct(Answer):
    """How many neurons differ: count of total.

    groups  numbers of the neurons that are the same, the largest group first
    """

    count: int
    total: int
    groups: tuple[tuple[int, ...], ...]

    @property
    def verdict(self) -> str:
        s = "s" if self.count != 1 else ""
        if self.count == self.total:
            return f"all {self.total:,} neurons differ" if self.total != 1 else "there is 1 neuron"
        largest = len(self.groups[0])
        return f"{self.count:,} different neuron{s} among {self.total:,}; the largest group of equals has {largest:,}"

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        return ("first neuron", "how many like it"), [(group[0], len(group)) for group in self.groups[:10]]

    def draw(self, axes: Any) -> None:
        axes.bar(np.arange(self.count), [len(group) for group in self.groups], color=BLUE)
        axes.set(
            title=f"{self.count} of {self.total} neurons differ", xlabel="group", ylabel="neurons that are the same"
        )


def distinct(W: Any, *, bias: Any = None, tolerance: float | None = None) -> Distinct:
    """How many different neurons there are: rows of W (neurons, …) whose difference is longer than rounding makes it.

    W          weights, a row for each neuron: an array or Value, or a layer with `weight` (and `bias`)
    bias       (neurons,): another number of each
    tolerance  rows are the same if their difference is at most this share of the longest row; by default the square root of
               the dtype's precision, since equal neurons are added up in another order in each row
    Why equal neurons stay equal: Goodfellow, Bengio and Courville 2016, section 8.4.
    Raises ArgumentError if W has no rows; NonFiniteError for NaN and infinity.

    >>> distinct(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])).count
    2
    """
    if isinstance(W, Module):
        if not hasattr(W, "weight"):
            raise ArgumentError(
                f"distinct: {type(W).__name__} has no weight of its own; give it one layer, or an array"
            )
        W, bias = W.weight, getattr(W, "bias", None) if bias is None else bias
    rows = np.asarray(data_of(W))
    if rows.ndim < 2 or not rows.size:
        raise ArgumentError(f"distinct: W has a row for each neuron, (neurons, inputs, …), got shape {rows.shape}")
    precision = float(np.finfo(rows.dtype).eps) if rows.dtype.kind == "f" else 0.0
    rows = rows.reshape(len(rows), -1).astype(np.float64)
    if bias is not None:
        column = np.asarray(data_of(bias), np.float64)
        if column.shape != (len(rows),):
            raise ArgumentError(f"distinct: bias has shape {column.shape}, expected ({len(rows)},)")
        rows = np.concatenate([rows, column[:, None]], axis=1)
    if not np.isfinite(rows).all():
        raise NonFiniteError(f"distinct: neuron {np.argwhere(~np.isfinite(rows))[0][0]} has NaN or infinite weights")
    limit = (math.sqrt(precision) if tolerance is None else tolerance) * float(np.linalg.norm(rows, axis=1).max())
    groups: list[list[int]] = []
    for i, row in enumerate(rows):
        same = next((group for group in groups if np.linalg.norm(row - rows[group[0]]) <= limit), None)
        if same is None:
            groups.append([i])
        else:
            same.append(i)
    ordered = sorted(groups, key=lambda group: (-len(group), group[0]))
    return Distinct(len(groups), len(rows), tuple(map(tuple, ordered)))
