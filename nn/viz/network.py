"""The picture of a network of dense layers: a column of neurons per layer, a line per weight.

A line's colour is its weight's sign (blue positive, orange negative), its width and strength are |weight| relative to
the largest of its layer: layers differ in scale by their fan-in alone, so one scale for all would leave the wide ones
empty. A weight of exactly 0 has no line. Neurons stand in index order; a column that is too long shows its ends and
says how many stand between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.viz.cards import shorten, text_width
from autograd.viz.picture import THEMES, Picture, check_choice
from autograd.viz.reading import format_number
from autograd.viz.style import SANS, escape, number, picture

MARGIN = 24.0
HEADER = 44.0
FOOTER = 34.0
TITLED_LINES = 800  # up to so many lines have a tooltip each; more would make the file several times as large

_RULES = {
    ".page": {"fill": "page"},
    ".label,.count": {"fill": "text"},
    ".muted": {"fill": "muted"},
    ".p": {"stroke": "positive"},
    ".n": {"stroke": "negative"},
    ".x": {"stroke": "bad"},
    ".neuron": {"fill": "card", "stroke": "edge"},
    ".bp": {"fill": "positive"},
    ".bn": {"fill": "negative"},
    ".bx": {"fill": "bad"},
}
_FIXED = {
    "text": f"font-family:{SANS};font-size:12px",
    ".label": "font-weight:600",
    ".count": "font-size:11px;font-weight:600",
    ".muted": "font-size:11px",
    ".neuron": "stroke-width:1.3",
    ".unit:hover .neuron": "stroke-width:3",
}


@dataclass(frozen=True, slots=True)
class DenseLayer:
    """What is drawn of one layer: weight (out, in), bias (out,) or None, and a name."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64] | None
    name: str


def network(model_or_weights: Any, *, names: Any = None, max_neurons: int = 40, theme: str = "auto") -> NetworkDrawing:
    """Picture of a network's neurons and weights, as they are now.

    model_or_weights  a model (its two-dimensional parameters, in order, are the layers), or a sequence of pairs
                      (weight, bias): weight (out, in), bias (out,) or None
    names             names of the inputs, or a pair (names of the inputs, names of the outputs), each may be None
    max_neurons       a longer column shows its first and last neurons and "+N" between them
    theme             "auto" (the reader's system or notebook decides), "light" or "dark"

    >>> network([(np.array([[0.5, -2.0]]), np.zeros(1))], names=["height", "weight"])
    <NetworkDrawing: network of 2 → 1 neurons>

    Raises ValueError if the layers do not fit together, or there is none.
    """
    check_choice("theme", theme, THEMES)
    if max_neurons < 2:
        raise ValueError(f"max_neurons={max_neurons}: expected at least 2")
    layers = _layers_of(model_or_weights)
    for before, after in pairwise(layers):
        if after.weight.shape[1] != before.weight.shape[0]:
            raise ValueError(
                f"layers do not follow each other: {before.name} has {before.weight.shape[0]} outputs, "
                f"{after.name} {after.weight.shape[1]} inputs; give network() the weights of one chain of dense layers"
            )
    return NetworkDrawing(layers, _names(names, layers), max_neurons=max_neurons, theme=theme)


def _layers_of(source: Any) -> list[DenseLayer]:
    """Layers as copies, from a model or from pairs."""
    if hasattr(source, "named_parameters"):
        parameters = [(name, np.asarray(parameter.data)) for name, parameter in source.named_parameters()]
        vectors = [(name, data) for name, data in parameters if data.ndim == 1]
        layers = []
        for name, data in parameters:
            if data.ndim == 2:
                module = name.rpartition(".")[0]
                biases = [b for other, b in vectors if other.rpartition(".")[0] == module and b.shape == data.shape[:1]]
                layers.append(_layer(data, biases[0] if biases else None, module or name))
        if not layers:
            raise ValueError("network() found no two-dimensional weight among the model's parameters")
        return layers
    layers = [_layer(weight, bias, f"layer {i}") for i, (weight, bias) in enumerate(source)]
    if not layers:
        raise ValueError("network() needs at least one pair (weight, bias)")
    return layers


def _layer(weight: Any, bias: Any, name: str) -> DenseLayer:
    matrix = np.array(weight, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"{name}: expected a weight of shape (out, in), got {matrix.shape}")
    vector = None if bias is None else np.array(bias, dtype=np.float64)
    if vector is not None and vector.shape != matrix.shape[:1]:
        raise ValueError(f"{name}: expected a bias of shape ({matrix.shape[0]},), got {vector.shape}")
    return DenseLayer(matrix, vector, name)


def _names(names: Any, layers: Sequence[DenseLayer]) -> list[list[str]]:
    """A list of names per column, empty where there are none."""
    is_pair = names is not None and len(names) == 2 and not any(isinstance(part, str) for part in names)
    given = [None if part is None else list(part) for part in names] if is_pair else [names, None]
    columns: list[list[str]] = [[] for _ in range(len(layers) + 1)]
    for place, part in ((0, given[0]), (-1, given[1])):
        size = layers[0].weight.shape[1] if place == 0 else layers[-1].weight.shape[0]
        if part is not None:
            if len(part) != size:
                raise ValueError(f"{len(part)} names for {size} {'inputs' if place == 0 else 'outputs'}")
            columns[place] = [str(name) for name in part]
    return columns


class NetworkDrawing(Picture):
    """The picture of a network, frozen when it was drawn; shows itself in a notebook, saves .svg, .html and .txt."""

    def __init__(
        self, layers: Sequence[DenseLayer], names: Sequence[Sequence[str]], *, max_neurons: int, theme: str
    ) -> None:
        self.layers = tuple(layers)
        self.names = names
        self.max_neurons = max_neurons
        self.theme = theme
        self.sizes = (layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in layers))
        self.title = f"network of {' → '.join(map(str, self.sizes))} neurons"

    def to_svg(self) -> str:
        return _draw(self)

    def to_text(self) -> str:
        """One line a layer: name, shape of the weight, largest, mean size and share of positive weights."""
        rows = [("", "weight", "largest |w|", "mean |w|", "positive")]
        for layer in self.layers:
            size = np.abs(layer.weight)
            shares = f"{(layer.weight > 0).mean():.0%}"
            texts = format_number(float(size.max())), format_number(float(size.mean()))
            rows.append((layer.name, str(layer.weight.shape), *texts, shares))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [
            "   ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
            for row in rows
        ]
        return "\n".join([self.title, *lines, ""])

    def __repr__(self) -> str:
        return f"<NetworkDrawing: {self.title}>"


@dataclass(frozen=True, slots=True)
class Column:
    """The neurons of one layer that are shown: index → y, and where the marker of the others stands."""

    x: float
    places: dict[int, float]
    hidden: int
    gap: float


def _columns(drawing: NetworkDrawing) -> tuple[list[Column], float, float, float]:
    """Columns, radius of a neuron, width and height of the picture."""
    shown = [min(size, drawing.max_neurons) + (size > drawing.max_neurons) for size in drawing.sizes]
    pitch = max(min(30.0, 660.0 / max(shown)), 15.0)
    radius = min(9.0, 0.36 * pitch)
    height = max(HEADER + pitch * max(shown) + FOOTER, 150.0)
    left = max((text_width(shorten(name, 24), 12) for name in drawing.names[0]), default=0.0)
    right = max((text_width(shorten(name, 24), 12) for name in drawing.names[-1]), default=0.0)
    start = max(MARGIN + radius + left + 8, MARGIN + 44)
    step = min(max(190.0, 0.42 * height), 300.0)
    middle = HEADER + (height - HEADER - FOOTER) / 2
    columns = []
    for i, (size, rows) in enumerate(zip(drawing.sizes, shown, strict=True)):
        ys = [middle + (row - (rows - 1) / 2) * pitch for row in range(rows)]
        head = rows if rows == size else rows // 2  # the row of the "+N" marker, where there is one
        places = dict(enumerate(ys[:head]))
        tail = ys[head + 1 :]
        places |= {size - len(tail) + k: y for k, y in enumerate(tail)}
        columns.append(Column(start + i * step, places, size - len(places), ys[head] if rows != size else 0.0))
    width = columns[-1].x + max(MARGIN + radius + right + 8, MARGIN + 44)
    return columns, radius, max(width, 330.0), height


def _draw(drawing: NetworkDrawing) -> str:
    columns, radius, width, height = _columns(drawing)
    body: list[str] = []
    for layer, (before, after) in zip(drawing.layers, pairwise(columns), strict=True):
        body += _lines(layer, before, after)
    for i, column in enumerate(columns):
        body += _neurons(drawing.layers[i - 1].bias if i else None, column, radius)
        body += _labels(drawing, i, column, radius)
    body.append(_legend(width / 2, height - 14))
    return picture((width, height), body, rules=_RULES, fixed=_FIXED, theme=drawing.theme, title=drawing.title)


def _lines(layer: DenseLayer, before: Column, after: Column) -> Iterator[str]:
    """A line per weight between shown neurons, the strongest last, so that they lie on top."""
    size = np.abs(layer.weight)
    finite = size[np.isfinite(size)]
    largest = float(finite.max()) if finite.size else 0.0
    pairs = [(i, j) for i in after.places for j in before.places if layer.weight[i, j] != 0]
    strength = {(i, j): float(size[i, j]) / largest if np.isfinite(size[i, j]) and largest else 1.0 for i, j in pairs}
    has_titles = len(pairs) <= TITLED_LINES
    contrast = 1.0 + min(len(pairs) / 400, 2.0)  # among many lines the weak ones must step back
    for i, j in sorted(pairs, key=strength.__getitem__):
        weight, share = float(layer.weight[i, j]), strength[i, j]
        style = "x" if not np.isfinite(weight) else "p" if weight > 0 else "n"
        path = f"M{number(before.x)},{number(before.places[j])}L{number(after.x)},{number(after.places[i])}"
        look = f'stroke-width="{0.3 + 2.7 * share:.2f}" stroke-opacity="{0.06 + 0.89 * share**contrast:.2f}"'
        title = f"<title>{j} → {i}: {format_number(weight)}</title>" if has_titles else ""
        yield f'<path class="{style}" d="{path}" {look}>{title}</path>'


def _neurons(bias: NDArray[np.float64] | None, column: Column, radius: float) -> Iterator[str]:
    """Circles, filled by the bias: colour for its sign, strength for its size relative to the layer's largest."""
    finite = np.abs(bias[np.isfinite(bias)]) if bias is not None else np.zeros(0)
    largest = float(finite.max()) if finite.size else 0.0
    for i, y in column.places.items():
        circle = f'cx="{number(column.x)}" cy="{number(y)}"'
        parts = [f'<circle class="neuron" {circle} r="{number(radius)}"/>']
        title = f"neuron {i}"
        if bias is not None:
            b = float(bias[i])
            title += f", bias {format_number(b)}"
            share = abs(b) / largest if np.isfinite(b) and largest else float(not np.isfinite(b))
            style = "bx" if not np.isfinite(b) else "bp" if b > 0 else "bn"
            parts.append(f'<circle class="{style}" {circle} r="{number(radius - 1.5)}" fill-opacity="{share:.2f}"/>')
        yield f'<g class="unit"><title>{title}</title>{"".join(parts)}</g>'
    if column.hidden:
        text = f"+{column.hidden:,}"
        wide = text_width(text, 11, bold=True) + 10
        place = f'x="{number(column.x - wide / 2)}" y="{number(column.gap - 7)}" width="{number(wide)}"'
        yield f'<rect class="neuron" {place} height="14" rx="7"/>'
        place = f'x="{number(column.x)}" y="{number(column.gap + 4)}" text-anchor="middle"'
        yield f'<text class="count" {place}>{text}</text>'


def _labels(drawing: NetworkDrawing, i: int, column: Column, radius: float) -> Iterator[str]:
    """The column's heading, and names beside the inputs or outputs."""
    x, last = number(column.x), len(drawing.sizes) - 1
    heading = "input" if i == 0 else shorten(drawing.layers[i - 1].name, 22)
    yield f'<text class="label" x="{x}" y="26" text-anchor="middle">{escape(heading)}</text>'
    yield f'<text class="muted" x="{x}" y="41" text-anchor="middle">{drawing.sizes[i]:,}</text>'
    names = drawing.names[i]
    side, anchor = (-radius - 7, "end") if i < last else (radius + 7, "start")
    for neuron, y in column.places.items() if names else ():
        place = f'x="{number(column.x + side)}" y="{number(y + 4)}" text-anchor="{anchor}"'
        yield f'<text class="muted" {place}>{escape(shorten(names[neuron], 24))}</text>'


def _legend(x: float, y: float) -> str:
    """What colour and width mean, in one line centred at x."""
    start, line = x - 140, number(y - 4)
    return (
        f'<path class="p" d="M{number(start)},{line}h18" stroke-width="3"/>'
        f'<text class="muted" x="{number(start + 24)}" y="{number(y)}">positive</text>'
        f'<path class="n" d="M{number(start + 80)},{line}h18" stroke-width="3"/>'
        f'<text class="muted" x="{number(start + 104)}" y="{number(y)}">negative</text>'
        f'<text class="muted" x="{number(start + 164)}" y="{number(y)}">width: |weight| in its layer</text>'
    )
