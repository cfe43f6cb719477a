"""Influence: how much one layer's neurons move another's, beside the weights between them.

A weight says what one neuron's output counts for in the sum of another; what a change of it does is the Jacobian

    J[i, j] = ∂ target neuron i / ∂ source neuron j

which also knows the squash, and every layer between. It differs from row to row of X, because slopes do: so there is a
mean and a spread. The graph is cut at the source, whose output becomes a leaf, and the engine's `vjp` does the rest.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.context import context
from autograd.errors import ArgumentError, NonFiniteError
from autograd.transforms import vjp
from autograd.value import Value, data_of
from nn import layers
from nn.arguments import check_weights, checked_data
from nn.calls import Call, watched
from nn.layers.convolution import _Convolution
from nn.lens.answer import Answer
from nn.lens.trace import Trace, chosen_calls
from nn.module import Module
from nn.outline import layer_name
from nn.state import preserved
from nn.style import BLUE, GRAY, ORANGE
from nn.sums import arrays_only, between, weighted_sums

__all__ = ["Influence", "influence"]

AT_ONCE = 2**23  # numbers of the rows' Jacobians that are made together: 64 MB
ROWS = 256  # of X that go through the model together, at most
SHOWN = 10
MAPS = (_Convolution, layers.GroupNorm, layers.BatchNorm1d, layers.BatchNorm2d, layers.MaxPool1d, layers.MaxPool2d)
POOLS = (layers.AvgPool1d, layers.AvgPool2d, layers.AdaptiveAvgPool1d, layers.AdaptiveAvgPool2d)
Place = str | tuple[str, int]


@dataclass(frozen=True, eq=False, repr=False)
class Influence(Answer):
    """J[i, j] = ∂ target neuron i / ∂ source neuron j over the rows of X.

    mean, spread   (target neurons, source neurons): mean and standard deviation over the rows
    weight         the same shape: the weights of the target, if it takes the source's output, squashed or not, as its
                   input; None if there is more between them
    rows_seen      how many rows of X
    """

    source: str
    target: str
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    rows_seen: int

    @property
    def agreement(self) -> float | None:
        """Correlation of weight and mean influence; None without weights, or if either does not vary."""
        if self.weight is None or not np.ptp(self.weight) or not np.ptp(self.mean):
            return None
        return float(np.corrcoef(np.ravel(self.weight), np.ravel(self.mean))[0, 1])

    @property
    def order(self) -> list[tuple[int, int]]:
        """(target neuron, source neuron), the largest mean influence in size first."""
        places = np.argsort(-np.abs(self.mean), axis=None, kind="stable")
        return [(int(i), int(j)) for i, j in zip(*np.unravel_index(places, self.mean.shape), strict=True)]

    @property
    def verdict(self) -> str:
        i, j = self.order[0]
        told = (
            f"of {self.mean.size:,} influences the largest is that of neuron {j} of {layer_name(self.source)} on neuron "
            f"{i} of {layer_name(self.target)}: {self.mean[i, j]:.4g} ± {self.spread[i, j]:.2g} over "
            f"{self.rows_seen:,} row{'s' * (self.rows_seen != 1)}"
        )
        if self.agreement is not None:
            told += f"; influence and weight have a correlation of {self.agreement:.3f}"
        return told

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        lines = []
        for i, j in self.order[:SHOWN]:
            weight = None if self.weight is None else float(self.weight[i, j])
            lines.append((j, i, weight, float(self.mean[i, j]), float(self.spread[i, j])))
        return (f"from {self.source}", f"to {self.target}", "weight", "influence", "spread"), lines

    def draw(self, axes: Any) -> None:
        if self.weight is not None:
            weight, mean, spread = np.ravel(self.weight), np.ravel(self.mean), np.ravel(self.spread)
            ends = [min(weight.min(), 0.0), max(weight.max(), 0.0)]
            axes.plot(ends, ends, color=GRAY, linewidth=0.8, linestyle=":", label="as much as the weight")
            axes.errorbar(
                weight, mean, spread, fmt="o", color=BLUE, markersize=2.5, elinewidth=0.5, label="mean ± spread"
            )
            axes.set(xlabel="weight", ylabel="influence", title=f"{self.source} → {self.target}")
            axes.legend(loc="upper left")
            return
        from matplotlib.colors import LinearSegmentedColormap

        signed = LinearSegmentedColormap.from_list("signed", [ORANGE, "#ffffff", BLUE])
        limit = float(np.abs(self.mean).max()) or 1.0
        picture = axes.imshow(self.mean, cmap=signed, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        axes.figure.colorbar(picture, ax=axes, label="mean influence", shrink=0.85)
        axes.set(xlabel=f"neuron of {self.source}", ylabel=f"neuron of {self.target}", title="Influence")
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_major_locator().set_params(integer=True)


def influence(
    model: Module, X: Any, source: Place, target: Place = "output", *, axes: tuple[int, int] | None = None
) -> Influence:
    """How much each neuron of one layer moves each of another: ∂ target / ∂ source, its mean and spread over X.

    source, target  dotted paths; "input" is X, "output" what the model gives. What counts is what the layer gives, after
                    its activation. Of a layer that is called several times a pair (path, number of the call from 0)
    axes            the axes of the neurons in the source's and the target's output, where it is not the usual one: the
                    channels (axis 1) of images, and of what convolutions, norms and pools of channels give; else the last

    Places besides the neurons' axis (pixels, times) are taken together: the influence of a neuron is that of raising it at
    all its places by one, on the mean of the other over its places. Beside it then stand a convolution's weights summed
    over the kernel, which it equals away from the border.

    Evaluation mode; the model is afterwards what it was, bit for bit.
    Source: Zurada, Malinowski and Cloete 1994, ISCAS 6, 447; of a single neuron's probability the mean is the average
    marginal effect, Bartus 2005, Stata Journal 5, 309.
    Raises ArgumentError for names that are not there, a target that runs before its source, an output that is no array with
    a row for each of X, and rows that depend on each other; NonFiniteError if a derivative is NaN or infinite.

    >>> import nn, numpy as np
    >>> model = nn.Sequential(nn.Linear(1, 1, dtype=np.float64), np.tanh)
    >>> model[0].weight.data = np.array([[2.0]])
    >>> influence(model, np.zeros((3, 1)), "input", "1").mean  # weight · slope of tanh at 0
    array([[2.]])
    """
    arrays_only("influence", model)
    x, _ = checked_data("influence", model, X, X)
    with preserved(model), np.errstate(all="ignore"):
        model.eval()
        view = _View(model, x, source, target, axes)
        mean, square, seen = np.zeros(view.shape), np.zeros(view.shape), 0
        for rows in view.batches():
            block = view.block(rows, check=not seen)
            count = len(block)
            center = block.mean(0)
            square += ((block - center) ** 2).sum(0) + (center - mean) ** 2 * (seen * count / (seen + count))
            mean += (center - mean) * (count / (seen + count))
            seen += count
    if not (np.isfinite(mean).all() and np.isfinite(square).all()):
        check_weights("influence", model)
        i, j = np.argwhere(~np.isfinite(mean + square))[0]
        raise NonFiniteError(f"influence: ∂ {view.names[1]}[{i}] / ∂ {view.names[0]}[{j}] is NaN or infinite")
    return Influence(*view.names, mean, np.sqrt(square / seen), view.weight, seen)


class _View:
    """The two places in a model: what each gives for some rows of X, and the target as a function of the source.

    names   of source and target            shape   (target neurons, source neurons)
    weight  see Influence
    """

    def __init__(self, model: Module, x: Any, source: Place, target: Place, axes: tuple[int, int] | None) -> None:
        self.model, self.x = model, x
        probe = x[: min(len(x), 2)]
        calls, given = self._run(probe)
        self.order = sorted(range(len(calls)), key=lambda i: calls[i].last)  # in which the calls end
        known = frozenset(path for path, _ in model.named_modules())
        self.traced = Trace(type(model).__name__, calls, known)
        cut = None if source == "input" and "input" not in known else self._call(source)
        self.cut = cut
        self.read = self._call(target)
        self.names = ("input" if self.cut is None else _spelled(source), _spelled(target))
        start = given if cut is None else calls[cut].out
        if cut is None and not isinstance(start, Value):
            raise ArgumentError(
                f"influence: X is {x.dtype}, whole numbers that stand for things have no slope; take the layer that looks "
                "them up as the source"
            )
        if cut is not None and calls[self.read].last < calls[cut].first:
            raise ArgumentError(f"influence: {self.names[1]} runs before {self.names[0]}; exchange source and target")
        ends = (start, calls[self.read].out)
        for name, end in zip(self.names, ends, strict=True):
            if not isinstance(end, Value) or not end.ndim or len(end) != len(probe):
                got = f"shape {end.shape}" if isinstance(end, Value) else type(end).__name__
                raise ArgumentError(
                    f"influence: {name} gives {got} for {len(probe)} rows of X, expected a row for each"
                )
        kinds = (None if cut is None else calls[cut].layer, calls[self.read].layer)
        self.axes = tuple(
            _axis(name, end, layer, axes and axes[i])
            for i, (name, end, layer) in enumerate(zip(self.names, ends, kinds, strict=True))
        )
        sizes = [1 if axis is None else end.shape[axis] for axis, end in zip(self.axes, ends, strict=True)]
        self.shape = (sizes[1], sizes[0])
        self.step = min(ROWS, max(1, AT_ONCE // (sizes[0] * sizes[1])))
        self.weight = self._weight(calls[self.read], start)

    def _run(self, rows: Any, change: Callable[[Call], Any] | None = None) -> tuple[list[Call], Any]:
        """The calls of a run on rows, and what went in."""
        given = Value(rows) if not isinstance(rows, Value) and rows.dtype.kind == "f" else rows
        with watched(self.model, change) as calls, context(recording=True):
            self.model(given)
        return calls, given

    def _call(self, place: Place) -> int:
        """The number of the call among all."""
        path, number = (place, None) if isinstance(place, str) else place
        found = chosen_calls("influence", self.traced, path)
        if number is None and len(found) > 1:
            raise ArgumentError(
                f"influence: {path} is called {len(found)} times; name one call, from ({path!r}, 0) to "
                f"({path!r}, {len(found) - 1})"
            )
        if number is not None and not 0 <= number < len(found):
            raise ArgumentError(f"influence: {path} is called {len(found)} times, counted from 0; got call {number!r}")
        chosen = found[number or 0]
        return next(i for i, call in enumerate(self.traced.calls) if call is chosen)

    def _weight(self, call: Call, start: Value) -> NDArray[np.float64] | None:
        """The target's weights as (target neurons, source neurons), if the source is their input."""
        for found in weighted_sums(self.model, call.out):
            inside = call.first < found.node.serial < call.last
            if inside and call.path == found.path and between(found.input, start) is not None:
                w = np.asarray(found.weight.data, np.float64)
                w = w.sum(tuple(range(2, w.ndim))) if found.node.op.startswith("conv") else w
                w = w[None] if w.ndim == 1 else w
                turned = found.node.op == "conv_input" or (found.place == 1 and found.node.op not in ("linear", "conv"))
                same = found.weight is found.node.operands[found.place]  # not a view of it
                w = w.T if turned and same and found.weight.ndim > 1 else w
                return w if w.shape == self.shape else None
        return None

    def batches(self) -> list[Any]:
        """X in parts whose Jacobians fit into memory."""
        return [self.x[i : i + self.step] for i in range(0, len(self.x), self.step)]

    def block(self, rows: Any, check: bool) -> NDArray[np.float64]:
        """J for each of the rows: (rows, target neurons, source neurons)."""
        calls, given = self._run(rows)
        leaf = data_of(given if self.cut is None else calls[self.cut].out)

        def reached(start: Any) -> Any:
            run = self._run(start)[0] if self.cut is None else self._run(rows, self._instead(start))[0]
            return _merged(run[self.read].out, self.axes[1])

        out, pullback = vjp(reached, leaf)
        if check and len(rows) > 1:
            self._check_rows(out, pullback)
        found = np.empty((len(rows), *self.shape))
        for i in range(self.shape[0]):
            seed = np.zeros_like(out)
            seed[:, i] = 1.0  # of all rows at once: they do not depend on each other
            slopes = np.asarray(pullback(seed)[0], np.float64)
            slopes = slopes[..., None] if self.axes[0] is None else np.moveaxis(slopes, self.axes[0], -1)
            found[:, i] = slopes.reshape(len(rows), -1, self.shape[1]).sum(1)
        return found

    def _check_rows(self, out: Any, pullback: Callable[[Any], Any]) -> None:
        """Raise ArgumentError if the first row's result depends on another row."""
        seed = np.zeros_like(out)
        seed[0] = 1.0
        others = np.asarray(pullback(seed)[0])[1:]
        if np.any(others[np.isfinite(others)]):  # 0 · ∞ tells of no dependence
            raise ArgumentError(
                f"influence: between {self.names[0]} and {self.names[1]} the rows of X depend on each other; give it one "
                "row at a time"
            )

    def _instead(self, start: Any) -> Callable[[Call], Any]:
        """What `watched` is told, so that the source gives `start`: calls end in the same order in every run."""
        place = self.order.index(-1 if self.cut is None else self.cut)
        ended = itertools.count()
        return lambda call: start if next(ended) == place else call.out


def _axis(name: str, end: Value, layer: Any, given: int | None) -> int | None:
    """The axis of the neurons; None for a single one, of a layer that gives a number for each row."""
    if given is not None:
        if not -end.ndim <= given < end.ndim or given % end.ndim == 0:
            raise ArgumentError(
                f"influence: axes: {name} gives shape {end.shape}, which has no axis of neurons {given!r}"
            )
        return given % end.ndim
    if end.ndim == 1:
        return None
    return 1 if end.ndim == 4 or (isinstance(layer, (*MAPS, *POOLS)) and end.ndim > 2) else end.ndim - 1


def _merged(end: Any, axis: int | None) -> Any:
    """(rows, neurons): the mean over all other places."""
    if axis is None:
        return end[:, None]
    other = tuple(i for i in range(1, np.ndim(end)) if i != axis)
    return np.mean(end, axis=other) if other else end


def _spelled(place: Place) -> str:
    path = place if isinstance(place, str) else f"{place[0]} (call {place[1]})"
    return path or "output"
