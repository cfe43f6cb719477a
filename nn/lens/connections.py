"""Importance read off the weights: magnitude, Garson, Olden. And whether the scale of the inputs makes it meaningless.

A weight is a rate of exchange, output per unit of input: measure a length in millimetres instead of metres, and its
weight is a thousandth, while the model is the same. Weights can therefore be compared only among inputs of one scale.
Each method here is computed twice: from the weights as they are, and from weight × standard deviation of the feature in
X, which no unit changes; if the two rank the features differently, the first is about units, not about importance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, NonFiniteError
from autograd.value import Value, data_of
from nn.calls import Call, watched
from nn.checks import one_of
from nn.lens.answer import Answer
from nn.lens.attribution import BAR_SIZE, SHOWN, Array, feature_names, name_bars
from nn.lens.explained import checked_input
from nn.lens.groups import spearman
from nn.module import Module
from nn.state import preserved
from nn.style import BLUE, LIGHT

__all__ = ["WeightImportance", "weight_importance"]

METHODS = ("magnitude", "garson", "olden")
SPREAD = 1.5  # of standard deviations, from which on weights are not compared as they are


@dataclass(frozen=True, eq=False, repr=False)
class WeightImportance(Answer):
    """What the weights alone say of each feature.

    method     "magnitude", "garson" or "olden"        names  of the features
    values     (features,): from the weights as they are; olden's have a sign
    scaled     (features,): the same from weight × standard deviation, in units of one standard deviation
    deviation  (features,): standard deviation of each feature, as it reaches the first layer
    """

    method: str
    names: tuple[str, ...]
    values: Array
    scaled: Array
    deviation: Array
    size = BAR_SIZE

    @property
    def importance(self) -> Array:
        """(features,): |values|, which depend on the features' units. Compare |scaled| where the verdict says so."""
        return np.abs(self.values)

    @property
    def spread(self) -> float:
        """Largest standard deviation of a feature divided by the smallest; infinite if one does not vary."""
        return float(self.deviation.max() / self.deviation.min()) if self.deviation.min() > 0.0 else float("inf")

    @property
    def agreement(self) -> float:
        """Rank correlation of |values| and |scaled|: 1 if the units do not matter to the ranks."""
        return spearman(np.abs(self.values), np.abs(self.scaled))

    @property
    def meaningful(self) -> bool:
        """Whether the features' scales are alike enough for weights to be compared."""
        return self.spread <= SPREAD

    @property
    def verdict(self) -> str:
        first, other = (int(np.argmax(np.abs(values))) for values in (self.values, self.scaled))
        if self.meaningful:
            return (
                f"By {self.method}, {self.names[first]} weighs most; the features' standard deviations differ by a "
                f"factor of {self.spread:.2f}, so their weights can be compared."
            )
        scales = f"differ by a factor of {self.spread:.3g}" if np.isfinite(self.spread) else "include 0"
        change = "still" if first == other else f"no longer {self.names[first]} but"
        return (
            f"Meaningless as it stands: the features' standard deviations {scales}, so the size of a weight says in what "
            f"unit its feature is; per standard deviation it is {change} {self.names[other]} that weighs most (rank "
            f"correlation {self.agreement:.2f})."
        )

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        order = np.argsort(-np.abs(self.scaled), kind="stable")
        heads = ("feature", "from weights", "per standard deviation", "standard deviation")
        return heads, [(self.names[i], *map(float, (self.values[i], self.scaled[i], self.deviation[i]))) for i in order]

    def draw(self, axes: Any) -> None:
        order = np.argsort(-np.abs(self.scaled), kind="stable")[:SHOWN]
        places = np.arange(len(order))[::-1]
        for values, shift, colour, label in (
            (self.values, 0.2, LIGHT, "weights as they are"),
            (self.scaled, -0.2, BLUE, "per standard deviation"),
        ):
            shares = np.abs(values) / (np.abs(values).sum() or 1.0)
            axes.barh(places + shift, shares[order], height=0.4, color=colour, label=label)
        name_bars(axes, places, [self.names[i] for i in order])
        axes.set_xlabel("share")
        axes.set_title(f"{self.method}: scales differ by {self.spread:.3g}")
        axes.legend()


def weight_importance(
    model: Module, X: Any, *, method: str = "magnitude", target: int | None = None, names: Sequence[str] | None = None
) -> WeightImportance:
    """Importance of each input from the weights alone: magnitude, Garson's or Olden's, as they are and per deviation.

    X       (rows, features): says how each feature varies, without which weights cannot be compared
    method  "magnitude"  Σ_j |w_ij| over the first layer's neurons
            "garson"     shares of |w|: at every neuron each input has the share |w_ij| / Σ_i |w_ij|, multiplied along all
                         ways to the output; adds up to 1 (Garson 1991; Goh 1995 for one hidden layer)
            "olden"      Σ over all ways of the product of the weights, with its sign (Olden and Jackson 2002)
    target  number of the output, for garson and olden; by default the mean over all, of |.| for olden
    names   of the features; by default those of the columns, if X is a table

    For a chain of dense layers (magnitude: a model whose first layer is dense). Biases and activations are not looked at.
    Raises ArgumentError for other models.
    """
    x = checked_input("weight_importance", model, X, names=names)
    if len(x) < 2:
        raise ArgumentError(
            "weight_importance: X has a single row, which does not say how the features vary; give more"
        )
    if x.dtype.kind != "f":
        raise ArgumentError(
            f"weight_importance: X is {x.dtype}, which the model looks up in a table; permutation_importance works for it"
        )
    one_of("weight_importance: method", method, METHODS)
    if x.ndim != 2:
        raise ArgumentError(
            f"weight_importance: X has shape {x.shape}; weights are read for rows of features, (rows, features); "
            "shapley and permutation_importance work for every shape"
        )
    if x.dtype.kind != "f":
        raise ArgumentError(
            f"weight_importance: X is {x.dtype}, which the model looks up in a table: a feature has no weight of its own"
        )
    if method == "magnitude" and target is not None:
        raise ArgumentError(
            "weight_importance: magnitude looks at the first layer only and knows no target; garson and olden do"
        )
    matrices, reached = _chain(model, x, method)
    outputs = len(matrices[-1])
    if target is not None and not (isinstance(target, (int, np.integer)) and 0 <= target < outputs):
        raise ArgumentError(f"weight_importance: target={target!r}, but the outputs are 0 … {outputs - 1}")
    deviation = reached.std(0)
    scaled = [matrices[0] * deviation, *matrices[1:]]
    names = feature_names("weight_importance", x, names, X)
    plain, fair = (_measured(method, chain, target) for chain in (matrices, scaled))
    return WeightImportance(method, names, plain, fair, deviation)


def _measured(method: str, matrices: Sequence[Array], target: int | None) -> Array:
    """(inputs,) from matrices (out, in) of layers that follow each other."""
    if method == "magnitude":
        return np.asarray(np.abs(matrices[0]).sum(0))
    if method == "garson":
        matrices = [_shares(np.abs(matrix)) for matrix in matrices]
    product = matrices[0]
    for matrix in matrices[1:]:
        product = matrix @ product
    return np.asarray(
        product[target] if target is not None else product[0] if len(product) == 1 else np.abs(product).mean(0)
    )


def _shares(sizes: Array) -> Array:
    """Each row divided by its sum; equal shares of nothing."""
    total = sizes.sum(1, keepdims=True)
    return np.where(total > 0.0, sizes / np.where(total > 0.0, total, 1.0), 1.0 / sizes.shape[1])


def _chain(model: Module, x: Array, method: str) -> tuple[list[Array], Array]:
    """(the matrices (out, in) of the dense layers in the order in which X goes through them, what reaches the first)."""
    source = Value(x)
    with preserved(model), watched(model) as calls:
        model.eval()
        out = model(source)
    layers = [call for call in calls if isinstance(call.layer, Module) and call.leaf and call.layer.parameters()]
    layers = layers[:1] if method == "magnitude" else layers
    if not layers:
        raise ArgumentError(f"weight_importance({method}): the model has no dense layer")
    matrices = []
    width, before = x.shape[1], None
    for call in layers:
        data = _matrix(call)
        if data is None or data.shape[1] != width or (before is not None and _reaches(call.args[0], source, before)):
            raise ArgumentError(
                f"weight_importance({method}) reads a chain of dense layers; {call.path or 'the model'} ({call.kind}) is "
                f"none that takes the {width} features from before it alone. shapley and permutation_importance work for "
                "every model"
            )
        if not np.isfinite(data).all():
            name = f"{call.path}.weight".lstrip(".")
            raise NonFiniteError(f"weight_importance({method}): {name} has NaN or infinite entries")
        matrices.append(data)
        width, before = len(data), call.out
    if method != "magnitude" and _reaches(out, source, before):
        raise ArgumentError(
            f"weight_importance({method}): X reaches the output beside {layers[-1].path}; that is no chain"
        )
    return matrices, np.asarray(data_of(layers[0].args[0]), np.float64)


def _matrix(call: Call) -> Array | None:
    """A dense layer's weight as (out, in), None for another layer."""
    weight = getattr(call.layer, "weight", None)
    if {name for name, _ in call.layer.named_parameters()} - {"weight", "bias"} or np.ndim(data_of(weight)) not in (
        1,
        2,
    ):
        return None
    data = np.asarray(data_of(weight), np.float64)
    given, made = np.shape(data_of(call.args[0])), np.shape(data_of(call.out))
    is_dense = given[-1:] == data.shape[-1:] and made == (*given[:-1], *data.shape[:-1])
    return np.atleast_2d(data) if is_dense else None


def _reaches(node: Any, source: Value, gate: Any) -> bool:
    """Whether node was computed from source in a way that does not lead through gate."""
    seen, todo = {gate}, [node]
    while todo:
        at = todo.pop()
        if at is source:
            return True
        if isinstance(at, Value) and at not in seen:
            seen.add(at)
            todo += at.operands
    return False
