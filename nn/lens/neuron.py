"""One neuron, written out: its weighted sum term by term, its bias, and what its squash makes of the sum.

The weights of the terms are read off the sum by differentiating it: the slope of a weighted sum with respect to an input
*is* that input's weight. So a row of a matrix, a convolution's window at one place and a product with an input on either
side are written out alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.context import context
from autograd.errors import ArgumentError, NonFiniteError
from autograd.transforms import grad
from autograd.value import Value, data_of
from nn.arguments import check_weights
from nn.calls import Call, watched
from nn.evaluation import cast
from nn.lens.answer import Answer
from nn.lens.trace import Trace, chosen_calls
from nn.module import Module
from nn.outline import function_name, layer_name
from nn.state import preserved
from nn.style import BLUE, GRAY, ORANGE
from nn.sums import WeightedSum, arrays_only, weighted_sums

__all__ = ["NeuronSum", "neuron"]

SHOWN = 20  # terms that have a row of their own
BARS = 12


@dataclass(frozen=True, eq=False, repr=False)
class NeuronSum(Answer):
    """A neuron's sum: total = Σ inputs · weights + bias, and output = squash(total).

    path, unit        the layer, and the number of the neuron in it
    names             of the inputs: those given, or their places
    inputs, weights   (terms,), in the order of the inputs; terms are their products
    bias              None where the sum has none
    output            what the layer gave at this neuron; None if that is the sum, or of another shape
    squash            name of the layer's activation, "" if it does not say one
    """

    path: str
    unit: int
    names: tuple[str, ...]
    inputs: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float | None
    total: float
    output: float | None
    squash: str

    @property
    def terms(self) -> NDArray[np.float64]:
        """(terms,): input times weight."""
        return self.inputs * self.weights

    @property
    def order(self) -> NDArray[np.intp]:
        """Numbers of the terms, the largest in size first."""
        return np.argsort(-np.abs(self.terms), kind="stable")

    @property
    def verdict(self) -> str:
        i = int(self.order[0]) if len(self.terms) else -1
        bias = "" if self.bias is None else f" and a bias of {self.bias:.4g}"
        largest = (
            f"; the largest, of input {self.names[i]}, is {self.inputs[i]:.4g} · {self.weights[i]:.4g} = "
            f"{self.terms[i]:.4g}"
            if i >= 0
            else ""
        )
        after = f"; {self.squash or 'the layer'} makes {self.output:.4g} of it" if self.output is not None else ""
        who = f"neuron {self.unit} of {layer_name(self.path)}"
        return f"{who} sums {len(self.terms):,} terms{bias} to {self.total:.4g}{largest}{after}"

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        terms, order = self.terms, self.order
        lines: list[Sequence[Any]] = [
            (self.names[i], float(self.inputs[i]), float(self.weights[i]), float(terms[i])) for i in order[:SHOWN]
        ]
        rest = order[SHOWN:]
        if len(rest):
            lines.append((f"{len(rest):,} smaller ones", None, None, float(terms[rest].sum())))
        if self.bias is not None:
            lines.append(("bias", None, None, self.bias))
        lines.append(("sum", None, None, self.total))
        if self.output is not None:
            lines.append((self.squash or "output", None, None, self.output))
        return ("input", "value", "weight", "term"), lines

    def draw(self, axes: Any) -> None:
        terms, order = self.terms, self.order
        rest = order[BARS:]
        bars = [(self.names[i], float(terms[i])) for i in order[:BARS]]
        bars += [(f"{len(rest):,} smaller", float(terms[rest].sum()))] if len(rest) else []
        bars += [] if self.bias is None else [("bias", self.bias)]
        starts = np.cumsum([0.0, *(length for _, length in bars)])
        rows = np.arange(len(bars) + 1)
        colors = [BLUE if length >= 0.0 else ORANGE for _, length in bars]
        axes.barh(rows[:-1], [length for _, length in bars], left=starts[:-1], color=colors, height=0.7)
        axes.barh(rows[-1:], [self.total], color=GRAY, height=0.7)
        axes.axvline(0.0, color=GRAY, linewidth=0.6)
        axes.set_yticks(rows, [*(name for name, _ in bars), "sum"])
        axes.invert_yaxis()
        axes.set(title=f"Neuron {self.unit} of {self.path or 'the model'}, term by term", xlabel="running sum")


def neuron(
    model: Module, X: Any, path: str, unit: int, *, at: int | Sequence[int] | None = None, call: int | None = None,
    names: Sequence[str] | None = None,
) -> NeuronSum:  # fmt: skip
    """One neuron's weighted sum for one input, term by term: total = Σ input · weight + bias, and what is made of it.

    X      one row of inputs, with or without the batch axis, as the model takes it; or several, and `at` chooses
    path   of a layer with weights, such as "layers.0"; of weights with another name their own path, "attn.in_proj_weight"
    unit   the number of the neuron: row of the weight, channel of a convolution
    at     place on the layer's other axes, (row,), (row, time) or (row, y, x); not needed where there is only one
    call   which call, counted from 0, of a layer that is called several times
    names  of the terms' inputs, in their order; by default those of X's columns, if X is a table and the layer the first

    The model runs once, in evaluation mode, and is afterwards what it was, bit for bit.
    Raises ArgumentError for a layer without weighted sum, and for a unit or place that is not there; NonFiniteError if the
    sum is NaN or infinite.

    >>> import nn, numpy as np
    >>> layer = nn.Layer(2, 1, np.tanh, dtype=np.float64)
    >>> layer.weight.data, layer.bias.data = np.array([[1.2, 0.4]]), np.array([0.3])
    >>> print(neuron(layer, [0.5, -1.0], "", 0).table())
    input  value  weight    term
    0        0.5     1.2     0.6
    1         -1     0.4    -0.4
    bias       –       –     0.3
    sum        –       –     0.5
    tanh       –       –  0.4621
    """
    arrays_only("neuron", model)
    x = cast(model, X)
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        place = ", ".join(map(str, np.argwhere(~np.isfinite(x))[0]))
        raise NonFiniteError(f"neuron: X has NaN or infinite entries, the first at [{place}]")
    with preserved(model), watched(model) as calls, context(recording=True):
        model.eval()
        source = Value(x) if x.dtype.kind == "f" else x
        result = model(source)
    found, where = _chosen(model, calls, result, path, call)
    index = _place(found, unit, at)
    inputs, weights = _terms(found, index)
    columns = tuple(getattr(X, "columns", ())) if found.input is source else ()
    if names is None and len(columns) == inputs.shape[-1] and all(isinstance(column, str) for column in columns):
        names = columns
    total = float(np.asarray(found.node.data)[index])
    if not np.isfinite(total):
        check_weights("neuron", model)
        raise NonFiniteError(f"neuron: the sum of neuron {unit} of {path or 'the model'} is {total}")
    places, inputs, weights = _written(inputs, weights, names)
    bias = None if found.bias is None else float(np.ravel(np.asarray(found.bias.data))[unit if found.bias.ndim else 0])
    output, squash = None, ""
    if where is not None and isinstance(where.out, Value) and where.out is not found.node:
        if where.out.shape == found.node.shape:
            output = float(np.asarray(where.out.data)[index])
        squash = function_name(getattr(where.layer, "activation", None)).replace("None", "")
    return NeuronSum(path, int(unit), places, inputs, weights, bias, total, output, squash)


def _chosen(
    model: Module, calls: list[Call], result: Any, path: str, call: int | None
) -> tuple[WeightedSum, Call | None]:
    """The sum of this layer and call, and the call."""
    sums = [found for found in weighted_sums(model, result) if found.path == path]
    if not sums:
        known = frozenset(name for name, _ in model.named_modules())
        chosen_calls("neuron", Trace(type(model).__name__, calls, known), path)
        have = ", ".join(dict.fromkeys(repr(found.path) for found in weighted_sums(model, result))) or "none"
        raise ArgumentError(f"neuron: {path or 'the model'} has no weighted sum of its own; those that have: {have}")
    if call is None and len(sums) > 1:
        raise ArgumentError(
            f"neuron: {path or 'the model'} sums {len(sums)} times; choose with call=0 … {len(sums) - 1}"
        )
    if call is not None and not 0 <= call < len(sums):
        raise ArgumentError(f"neuron: call={call!r}, but {path or 'the model'} sums {len(sums)} times, counted from 0")
    found = sums[call or 0]
    around = [c for c in calls if c.path == path and c.first < found.node.serial < c.last]
    return found, around[0] if around else None


def _place(found: WeightedSum, unit: int, at: int | Sequence[int] | None) -> tuple[int, ...]:
    """The index of the neuron in the node."""
    shape, axis = found.node.shape, found.axis
    units = 1 if axis is None else shape[axis]
    if isinstance(unit, bool) or not isinstance(unit, (int, np.integer)) or not 0 <= unit < units:
        raise ArgumentError(f"neuron: unit is a whole number from 0 to {units - 1}, got {unit!r}")
    others = [length for i, length in enumerate(shape) if i != axis]
    if 0 in others:
        raise ArgumentError(f"neuron: the layer gives shape {shape}; there are no rows")
    if at is None and any(length != 1 for length in others):
        raise ArgumentError(
            f"neuron: the layer gives shape {shape}; at= chooses a place on the axes besides the neurons', "
            f"{tuple(others)}, such as at={(0,) * len(others)}, whose first number is the row"
        )
    place = [0] * len(others) if at is None else [int(at)] if isinstance(at, (int, np.integer)) else list(at)
    if len(place) != len(others) or not all(0 <= i < length for i, length in zip(place, others, strict=False)):
        raise ArgumentError(f"neuron: at={at!r} is no place on axes of lengths {tuple(others)}")
    if axis is not None:
        place.insert(axis, int(unit))
    return tuple(place)


def _terms(found: WeightedSum, index: tuple[int, ...]) -> tuple[Any, Any]:
    """(inputs, weights) of the sum, arrays of the input's shape; NaN where an input is not among its terms."""
    node = found.node
    factors = [np.asarray(x, np.float64) for x in node.saved[:2]]
    x, w = factors[1 - found.place], factors[found.place]

    def slopes(weight: Any) -> Any:
        def one(numbers: Any) -> Any:
            pair = (numbers, weight) if found.place else (weight, numbers)
            rest = tuple(np.asarray(extra, np.float64) for extra in node.saved[2:])
            return node.primitive.apply((*pair, *rest), node.options)[index]

        return np.asarray(data_of(grad(one)(x)))

    return x, np.where(slopes(np.ones_like(w)) != 0.0, slopes(w), np.nan)


def _written(inputs: Any, weights: Any, names: Sequence[str] | None) -> tuple[tuple[str, ...], Any, Any]:
    """(names, inputs, weights) of the terms, flat. A place is told by the axes that differ among them."""
    places = np.argwhere(~np.isnan(weights))
    inputs, weights = inputs[~np.isnan(weights)], weights[~np.isnan(weights)]
    if names is not None:
        if len(names) != len(places):
            raise ArgumentError(f"neuron: {len(names)} names for {len(places)} inputs")
        return tuple(map(str, names)), inputs, weights
    telling = [i for i in range(places.shape[1]) if len(places) and np.ptp(places[:, i])] or [places.shape[1] - 1]
    return tuple(", ".join(str(row[i]) for i in telling) for row in places), inputs, weights
