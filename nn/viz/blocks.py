"""The parts that a network's picture is put together from: columns of neurons, heat maps of matrices, small images.

A block knows its size and draws itself from (0, 0): a name and a line under it, then the picture. `network` puts blocks
side by side. Colour is sign, blue positive and orange negative; strength and width are size, relative to the largest in
the block, because layers differ in scale by their fan-in alone. A weight of exactly 0 has no line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.viz.cards import shorten, text_width
from autograd.viz.reading import format_number
from autograd.viz.style import escape, number
from nn.outline import shortened
from nn.viz.png import data_uri, strongest
from nn.viz.reading import Dense, Maps
from nn.viz.wiring import Wiring

__all__ = ["Block", "Images", "Matrix", "Neurons"]

HEADER = 52.0  # the name, the line under it, and room
SIDE = 320.0  # of a heat map or a sheet of images, at most
CELLS = 160  # entries along a side of a heat map; of a longer one, blocks are drawn
TILES = 32  # small images along a side of a sheet
PITCH = 15.0  # of neurons and rows that have names, at least
TITLED_LINES = 800  # up to so many lines have a tooltip each; more would make the file several times as large
RADIUS = 9.0
WAY = 44.0  # height below the columns for lines around layers


class Block:
    """A part of the picture: its size, and its elements relative to its upper left corner."""

    width: float
    height: float

    def draw(self) -> Iterator[str]:
        """SVG elements."""
        raise NotImplementedError


def _head(name: str, note: str, x: float, anchor: str = "start", limit: int = 30) -> Iterator[str]:
    place = f'x="{number(x)}" text-anchor="{anchor}"'
    yield f'<text class="label" {place} y="26">{escape(shortened(name, limit))}</text>'
    yield f'<text class="muted" {place} y="41">{escape(note)}</text>'


def _head_width(name: str, note: str) -> float:
    return max(text_width(shortened(name, 30), 12, bold=True), text_width(note, 11))


def _largest(values: NDArray[Any]) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else 0.0


def _names_width(names: Sequence[str]) -> float:
    return max((text_width(shorten(name, 24), 11) + 8 for name in names), default=0.0)


def _sign(value: float) -> str:
    return "x" if not np.isfinite(value) else "p" if value > 0 else "n"


@dataclass(frozen=True, slots=True)
class Column:
    """Neurons on one line: what stands above it, what fills each (bias or activation), and where they are."""

    x: float
    ys: Sequence[float]
    heading: str
    values: NDArray[np.float64] | None
    tips: Sequence[str]
    names: Sequence[str]


class Neurons(Block):
    """Layers that follow each other: a column of circles each, a line per weight, in index order.

    A circle is filled by its neuron's activation for x, the mean over rows, or by the bias without x. With x, a line's
    width is |weight| times how much its input varies. What a layer is given from farther back, by the wiring, is a dashed
    line below.
    """

    def __init__(
        self, layers: Sequence[Dense], names: tuple[Sequence[str], Sequence[str]], wiring: Wiring | None = None
    ) -> None:
        self.layers, self.shortcuts = layers, list(_shortcuts(layers, wiring or {}))
        sizes = [layers[0].weight.shape[1], *(len(layer.weight) for layer in layers)]
        pitch = max(min(30.0, 660.0 / max(sizes)), PITCH)
        self.radius = min(RADIUS, 0.36 * pitch)
        self.height = HEADER + max(pitch * max(sizes), 60.0)
        ends = [text_width(shortened(text, 22), 12, bold=True) / 2 for text in (layers[0].source, layers[-1].name)]
        start = max(self.radius + 8 + _names_width(names[0]), ends[0])
        step = min(max(190.0, 0.42 * self.height), 300.0)
        middle = HEADER - 6 + (self.height - HEADER) / 2
        self.columns = []
        for i, size in enumerate(sizes):
            ys = [middle + (row - (size - 1) / 2) * pitch for row in range(size)]
            shown = names[0] if i == 0 else names[1] if i == len(layers) else ()
            self.columns.append(Column(start + i * step, ys, *_content(layers, i), shown))
        self.width = self.columns[-1].x + max(self.radius + 8 + _names_width(names[1]), ends[1])
        self.floor = self.height
        self.height += WAY * len(self.shortcuts) and WAY + 10.0 * (len(self.shortcuts) - 1)

    def draw(self) -> Iterator[str]:
        for layer, (before, after) in zip(self.layers, pairwise(self.columns), strict=True):
            yield from _lines(layer, before, after)
        for i, column in enumerate(self.columns):
            yield from _circles(column, self.radius)
            yield from _head(column.heading, f"{len(column.ys):,}", column.x, "middle", 22)
            side, anchor = (-self.radius - 7, "end") if i < len(self.layers) else (self.radius + 7, "start")
            for name, y in zip(column.names, column.ys, strict=False):
                place = f'x="{number(column.x + side)}" y="{number(y + 4)}" text-anchor="{anchor}"'
                yield f'<text class="muted" {place}>{escape(shorten(name, 24))}</text>'
        for i, (source, target) in enumerate(self.shortcuts):
            yield self._way(source, target, self.floor + WAY - 6 + 10.0 * i)

    def _way(self, source: int, target: int, depth: float) -> str:
        """A dashed line below the columns, from the lowest neuron of one to that of another."""
        out, into = self.columns[source], self.columns[target]
        y, to_y = (column.ys[-1] + self.radius + 3 for column in (out, into))
        tip = f"{out.heading} → what {self.layers[target].name} is given"
        x, to_x, low = number(out.x), number(into.x), number(depth)
        bend = f"M{x},{number(y)}C{x},{low} {to_x},{low} {to_x},{number(to_y + 6)}"
        head = f"M{to_x},{number(to_y)}l-3.5,7h7z"
        return f'<g><title>{escape(tip)}</title><path class="way" d="{bend}"/><path class="head" d="{head}"/></g>'


def _shortcuts(layers: Sequence[Dense], wiring: Wiring) -> Iterator[tuple[int, int]]:
    """(column, a later column): what the one holds goes into the other too, past what is between."""
    start = wiring.get(layers[0].key, frozenset())
    column = {layer.key: i + 1 for i, layer in enumerate(layers)}
    for i, layer in enumerate(layers[1:], 1):
        given = wiring.get(layer.key, frozenset()) - {layers[i - 1].key}
        for key, at in column.items():
            if key in given and at < i:
                yield at, i
        if start and start <= given:
            yield 0, i


def _content(layers: Sequence[Dense], i: int) -> tuple[str, NDArray[np.float64] | None, list[str]]:
    """Of column i: its heading, the values that fill its circles, and what a tooltip says of each."""
    layer = layers[max(i - 1, 0)]
    rows = layer.inputs if i == 0 else layer.outputs
    bias = layer.bias if i else None
    tips = [f"neuron {k}" for k in range(layer.weight.shape[1] if i == 0 else len(layer.weight))]
    if bias is not None:
        tips = [f"{tip}, bias {format_number(float(b))}" for tip, b in zip(tips, bias, strict=True)]
    values = bias
    if rows is not None:
        values = rows.mean(0)
        what = "mean activation" if len(rows) > 1 else "activation"
        tips = [f"{tip}, {what} {format_number(float(a))}" for tip, a in zip(tips, values, strict=True)]
    return (layer.name if i else layer.source), values, tips


def _lines(layer: Dense, before: Column, after: Column) -> Iterator[str]:
    """A line per weight that is not 0, the strongest last, so that they lie on top."""
    reach = layer.reach
    size = np.abs(layer.weight) * (1.0 if reach is None else reach)
    largest = _largest(size)
    pairs = [(int(i), int(j)) for i, j in zip(*np.nonzero(layer.weight), strict=True)]
    strength = {(i, j): float(size[i, j]) / largest if np.isfinite(size[i, j]) and largest else 1.0 for i, j in pairs}
    if reach is not None and not largest:
        strength = dict.fromkeys(pairs, 0.0)
    contrast = 1.0 + min(len(pairs) / 400, 2.0)  # among many lines the weak ones must step back
    for i, j in sorted(pairs, key=strength.__getitem__):
        weight, share = float(layer.weight[i, j]), strength[i, j]
        path = f"M{number(before.x)},{number(before.ys[j])}L{number(after.x)},{number(after.ys[i])}"
        look = f'stroke-width="{0.3 + 2.7 * share:.2f}" stroke-opacity="{0.06 + 0.89 * share**contrast:.2f}"'
        tip = f"{j} → {i}: {format_number(weight)}"
        if reach is not None:
            tip += f" × {format_number(float(reach[j]))}"
        title = f"<title>{tip}</title>" if len(pairs) <= TITLED_LINES else ""
        yield f'<path class="{_sign(weight)}" d="{path}" {look}>{title}</path>'


def _circles(column: Column, radius: float) -> Iterator[str]:
    """Circles, filled by their values: colour for the sign, strength for the size relative to the largest."""
    largest = _largest(column.values) if column.values is not None else 0.0
    for i, y in enumerate(column.ys):
        circle = f'cx="{number(column.x)}" cy="{number(y)}"'
        parts = [f'<circle class="neuron" {circle} r="{number(radius)}"/>']
        if column.values is not None:
            value = float(column.values[i])
            share = abs(value) / largest if np.isfinite(value) and largest else float(not np.isfinite(value))
            parts.append(
                f'<circle class="b{_sign(value)}" {circle} r="{number(radius - 1.5)}" fill-opacity="{share:.2f}"/>'
            )
        yield f'<g class="unit"><title>{column.tips[i]}</title>{"".join(parts)}</g>'


class Matrix(Block):
    """A heat map of a matrix, a row for each output; with x, strips of its inputs above and its outputs on the right."""

    def __init__(self, layer: Dense, names: tuple[Sequence[str], Sequence[str]]) -> None:
        self.layer, self.names = layer, names
        rows, columns = layer.weight.shape
        self.shown, self.block = strongest(layer.weight, CELLS)
        self.w = min(PITCH * columns, SIDE)
        self.h = min(PITCH * rows, SIDE)
        self.top = HEADER + (14.0 if layer.inputs is not None else 0.0)
        self.note = f"{rows:,} × {columns:,}"
        if self.block != (1, 1):
            self.note += f", cell: strongest of {self.block[0]} × {self.block[1]}"
        strip = 16.0 if layer.outputs is not None else 0.0
        self.below = 0.77 * _names_width(names[0]) + (8.0 if names[0] else 0.0)  # names of columns stand at 50°
        self.left = max(self.below / 1.2 - self.w / columns, 0.0) if names[0] else 0.0
        self.width = max(self.left + self.w + strip + _names_width(names[1]), _head_width(layer.name, self.note))
        self.height = self.top + self.h + 8 + self.below

    def draw(self) -> Iterator[str]:
        layer = self.layer
        yield from _head(layer.name, self.note, 0.0)
        tip = f"{layer.name}: {len(layer.weight):,} outputs ↓, {layer.weight.shape[1]:,} inputs →"
        yield _picture(self.shown, _largest(layer.weight), (self.left, self.top, self.w, self.h), tip)
        if layer.inputs is not None:
            yield _strip(layer.inputs.mean(0)[None], (self.left, self.top - 14, self.w, 10.0), "inputs")
        right = self.left + self.w
        if layer.outputs is not None:
            yield _strip(layer.outputs.mean(0)[:, None], (right + 4, self.top, 10.0, self.h), "outputs")
            right += 16
        for i, name in enumerate(self.names[1]):
            y = number(self.top + (i + 0.5) * self.h / len(self.names[1]) + 4)
            yield f'<text class="muted" x="{number(right + 8)}" y="{y}">{escape(shorten(name, 24))}</text>'
        for j, name in enumerate(self.names[0]):
            x, y = self.left + (j + 0.5) * self.w / len(self.names[0]) + 4, self.top + self.h + 12
            place = f'transform="translate({number(x)},{number(y)}) rotate(-50)" text-anchor="end"'
            yield f'<text class="muted" {place}>{escape(shorten(name, 24))}</text>'


def _strip(values: NDArray[Any], box: tuple[float, float, float, float], tip: str) -> str:
    return _picture(strongest(values, CELLS)[0], _largest(values), box, f"mean {tip} for x")


def _picture(values: NDArray[Any], largest: float, box: tuple[float, float, float, float], tip: str) -> str:
    x, y, width, height = (number(side) for side in box)
    paper = f'<rect class="paper" x="{x}" y="{y}" width="{width}" height="{height}"/>'
    return f"<g><title>{escape(tip)}</title>{paper}{_image(values, largest, box)}</g>"


def _image(values: NDArray[Any], largest: float, box: tuple[float, float, float, float]) -> str:
    x, y, width, height = (number(side) for side in box)
    place = f'x="{x}" y="{y}" width="{width}" height="{height}"'
    scale = math.ceil(max(box[2] / values.shape[1], box[3] / values.shape[0]))
    return f'<image {place} preserveAspectRatio="none" href="{data_uri(values, largest, scale)}"/>'


class Images(Block):
    """A sheet of small images: kernels (a row for each output, a column for each input), feature maps, attention."""

    def __init__(self, maps: Maps) -> None:
        self.maps = maps
        n, height, width = maps.images.shape
        columns = maps.columns or min(n, math.ceil(math.sqrt(n * height / width)))
        rows = -(-n // columns)
        self.rows, self.columns = min(rows, TILES), min(columns, TILES)
        self.size = (width + 1, height + 1) if n > 1 else (width, height)  # with the gap between two, in cells
        self.cell = min(SIDE / max(self.columns * self.size[0], self.rows * self.size[1]), 24.0 if n == 1 else 12.0)
        self.w, self.h = (self.cell * side for side in self.sheet().shape[::-1])
        self.note = maps.note
        if (self.rows, self.columns) != (rows, columns):
            self.note += f", first {self.rows} × {self.columns}"
        self.width = max(self.w, _head_width(maps.name, self.note))
        self.height = HEADER + self.h + 8

    def sheet(self) -> NDArray[np.float64]:
        """All images side by side, with a cell of 0 between two."""
        n, height, width = self.maps.images.shape
        full = np.zeros((self.rows, self.size[1], self.columns, self.size[0]))
        step = self.maps.columns or self.columns
        for i in range(self.rows):
            for j in range(min(self.columns, n - i * step)):
                full[i, :height, j, :width] = self.maps.images[i * step + j]
        whole = full.reshape(self.rows * self.size[1], self.columns * self.size[0])
        return whole[: -self.size[1] + height or None, : -self.size[0] + width or None]

    def draw(self) -> Iterator[str]:
        yield from _head(self.maps.name, self.note, 0.0)
        n, height, width = self.maps.images.shape
        across, down = (self.cell * side for side in self.size)
        box = f"h{number(self.cell * width)}v{number(self.cell * height)}h-{number(self.cell * width)}z"
        step = self.maps.columns or self.columns
        places = [(i, j) for i in range(self.rows) for j in range(self.columns) if i * step + j < n]
        papers = "".join(f"M{number(j * across)},{number(HEADER + i * down)}{box}" for i, j in places)
        tip = escape(f"{self.maps.name}: {self.note}")
        sheet = _image(self.sheet(), _largest(self.maps.images), (0.0, HEADER, self.w, self.h))
        yield f'<g><title>{tip}</title><path class="paper" d="{papers}"/>{sheet}</g>'
