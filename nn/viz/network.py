"""The picture of a network: its neurons and weights, and what an input becomes in them.

Layers of up to 40 neurons are columns with a line per weight, wider ones heat maps of their matrices, convolutions sheets
of their kernels, attention a map of who looks at whom. `reading` copies all this from the model, `blocks` draws each part,
and here they are put side by side, in the order of definition, and into rows where there are many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd.viz.cards import text_width
from autograd.viz.picture import THEMES, Picture, check_choice
from autograd.viz.reading import format_number
from autograd.viz.style import SANS, escape, number, picture
from nn.module import Module
from nn.outline import shortened
from nn.viz.blocks import Block, Images, Matrix, Neurons
from nn.viz.reading import Dense, Maps, Reading, from_pairs, read
from nn.viz.wiring import INPUT

__all__ = ["NetworkDrawing", "network"]

MARGIN = 24.0
GAP = 36.0  # between blocks
WIDEST = 1150.0  # blocks beyond it go into the next row
LINE = 20.0  # of the legend
TOLD = 4  # connections that the legend tells

_RULES = {
    ".page": {"fill": "page"},
    ".label": {"fill": "text"},
    ".muted": {"fill": "muted"},
    ".p": {"stroke": "positive"},
    ".n": {"stroke": "negative"},
    ".x": {"stroke": "bad"},
    ".neuron": {"fill": "card", "stroke": "edge"},
    ".bp": {"fill": "positive"},
    ".bn": {"fill": "negative"},
    ".bx": {"fill": "bad"},
    ".paper": {"fill": "card", "stroke": "border"},
}
_FIXED = {
    "text": f"font-family:{SANS};font-size:12px",
    ".label": "font-weight:600",
    ".muted": "font-size:11px",
    ".neuron": "stroke-width:1.3",
    ".unit:hover .neuron": "stroke-width:3",
    "image": "image-rendering:pixelated",
}
_WAYS = {".way": {"stroke": "muted"}, ".head": {"fill": "muted"}}  # where there are any
_FIXED_WAYS = {".way": "fill:none;stroke-width:1.4;stroke-dasharray:5 4"}


def network(
    model_or_weights: Any,
    x: Any = None,
    *,
    names: Any = None,
    image: tuple[int, int] | None = None,
    max_neurons: int = 40,
    theme: str = "auto",
) -> NetworkDrawing:
    """Picture of a network's neurons and weights, as they are now, and of what x becomes in them.

    model_or_weights  a model, or a sequence of pairs (weight, bias): weight (out, in), bias (out,) or None
    x                 inputs, or one: neurons are filled by their activations (means over x), and lines are as wide as
                      |weight| times the standard deviation of its input (the size of the input, if there is one);
                      of the first one also images, feature maps and attention. Without x, by the biases, and |weight|
    names             names of the inputs, or a pair (names of the inputs, names of the outputs), each may be None
    image             (height, width) of inputs that are pixels: each first neuron's weights are drawn as such an image
    max_neurons       a layer with a longer column than this is a heat map
    theme             "auto" (the reader's system or notebook decides), "light" or "dark"

    The model runs once on x, in evaluation mode, and is afterwards what it was, bit for bit. That run also tells how layers
    are connected: a way around some of them is a dashed line, and the legend says of each layer that is not given the one
    before alone what it is given. Without x the layers stand in the order of definition. What is not drawn is named.

    >>> network([(np.array([[0.5, -2.0]]), np.zeros(1))], names=["height", "weight"])
    <NetworkDrawing: network of 2 → 1 neurons>

    Raises ValueError if pairs do not fit together, there is nothing to draw, or names and image are not as many.
    """
    check_choice("theme", theme, THEMES)
    if max_neurons < 2:
        raise ValueError(f"max_neurons={max_neurons}: expected at least 2")
    if isinstance(model_or_weights, Module):
        found, kind = read(model_or_weights, x, image), type(model_or_weights).__name__
    else:
        found, kind = from_pairs(model_or_weights, x), "network"
    return NetworkDrawing(found, _names(names, found.items), kind=kind, max_neurons=max_neurons, theme=theme)


def _names(names: Any, items: Sequence[Dense | Maps]) -> tuple[list[str], list[str]]:
    """Names of the inputs and of the outputs, empty where there are none."""
    is_pair = names is not None and len(names) == 2 and not any(isinstance(part, str) for part in names)
    given = [None if part is None else list(part) for part in names] if is_pair else [names, None]
    matrices = [part.weight for part in items if part.weight is not None]
    found: list[list[str]] = []
    for part, size, what in zip(given, (matrices[0].shape[1], len(matrices[-1])), ("inputs", "outputs"), strict=True):
        if part is not None and len(part) != size:
            raise ValueError(f"{len(part)} names for {size} {what}")
        found.append([str(name) for name in part or ()])
    return found[0], found[1]


class NetworkDrawing(Picture):
    """The picture of a network, frozen when it was drawn; shows itself in a notebook, saves .svg, .html and .txt."""

    def __init__(
        self,
        found: Reading,
        names: tuple[list[str], list[str]],
        *,
        kind: str,
        max_neurons: int,
        theme: str,
    ) -> None:
        self.items, self.names, self.max_neurons, self.theme = tuple(found.items), names, max_neurons, theme
        self.layers = tuple(item for item in self.items if item.weight is not None)
        self.wiring, self.in_order, self.left_out = found.wiring or {}, found.in_order, found.left_out
        self.is_wired = found.wiring is not None
        self.sizes: tuple[int, ...] = ()
        if all(isinstance(item, Dense) and (item.follows or i == 0) for i, item in enumerate(self.layers)):
            self.sizes = (_shape(self.layers[0])[1], *(_shape(layer)[0] for layer in self.layers))
            self.title = f"network of {' → '.join(map(str, self.sizes))} neurons"
        else:
            count = sum(int(np.prod(_shape(layer))) for layer in self.layers)
            self.title = f"{kind} with {count:,} weights in {len(self.layers)} layers"

    def connections(self) -> list[tuple[str, list[str]]]:
        """(layer, what it is given) where that is not the layer before it alone; known of models that ran on x."""
        names = {INPUT: "x", **{layer.key: layer.name for layer in self.layers}}
        expected, found = INPUT, []
        for layer in self.layers:
            given = self.wiring.get(layer.key, frozenset([expected]))
            if given != {expected}:
                found.append((layer.name, [name for key, name in names.items() if key in given]))
            expected = layer.key
        return found

    def to_svg(self) -> str:
        blocks = list(_blocks(self))
        rows = list(_rows(blocks))
        notes = _legend(self, blocks)
        width = max(sum(block.width for block in row) + GAP * (len(row) - 1) for row in rows) + 2 * MARGIN
        width = max(width, 330.0)
        body: list[str] = []
        y = 0.0
        for row in rows:
            x = (width - sum(block.width for block in row) - GAP * (len(row) - 1)) / 2 if len(rows) == 1 else MARGIN
            tallest = max(block.height for block in row)
            for block in row:
                body.append(f'<g transform="translate({number(x)},{number(y)})">')
                body += [*block.draw(), "</g>"]
                x += block.width + GAP
            y += tallest + 8
        lines = list(_lines(notes, width - 2 * MARGIN))
        for line in lines:
            y += LINE
            body += _legend_line(line, width / 2, y)
        rules, fixed = _RULES, _FIXED
        if any(style == "way" for style, _ in notes):
            rules, fixed = rules | _WAYS, fixed | _FIXED_WAYS
        return picture((width, y + 14), body, rules=rules, fixed=fixed, theme=self.theme, title=self.title)

    def to_text(self) -> str:
        """One line a layer: name, shape of the weight, largest, mean size and share of positive weights."""
        rows = [("", "weight", "largest |w|", "mean |w|", "positive")]
        for layer in self.layers:
            weight = np.asarray(layer.weight)
            size = np.abs(weight)
            texts = format_number(float(size.max())), format_number(float(size.mean()))
            rows.append((layer.name, str(weight.shape), *texts, f"{(weight > 0).mean():.0%}"))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [
            "   ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
            for row in rows
        ]
        return "\n".join([self.title, *lines, *_honest(self), ""])

    def __repr__(self) -> str:
        return f"<NetworkDrawing: {self.title}>"


def _shape(layer: Dense | Maps) -> tuple[int, ...]:
    return np.asarray(layer.weight).shape


def _blocks(drawing: NetworkDrawing) -> Iterator[Block]:
    """Layers that are narrow enough and follow each other make one block; everything else is one of its own."""
    run: list[Dense] = []
    for item in drawing.items:
        is_narrow = isinstance(item, Dense) and item.chained and max(item.weight.shape) <= drawing.max_neurons
        if run and not (is_narrow and isinstance(item, Dense) and item.follows):
            yield Neurons(tuple(run), _names_of(drawing, run[0], run[-1]), drawing.wiring)
            run = []
        if isinstance(item, Maps):
            yield Images(item)
        elif is_narrow:
            run.append(item)
        else:
            yield Matrix(item, _names_of(drawing, item, item))
    if run:
        yield Neurons(tuple(run), _names_of(drawing, run[0], run[-1]), drawing.wiring)


def _names_of(drawing: NetworkDrawing, first: Dense, last: Dense) -> tuple[Sequence[str], Sequence[str]]:
    """Names of what goes into the first and comes out of the last, if they are the network's own and not too many."""
    inputs, outputs = drawing.names
    most = drawing.max_neurons
    return (
        inputs if first is drawing.layers[0] and len(inputs) <= most else (),
        outputs if last is drawing.layers[-1] and len(outputs) <= most else (),
    )


def _rows(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Blocks that stand side by side."""
    row: list[Block] = []
    width = 0.0
    for block in blocks:
        if row and width + GAP + block.width > WIDEST:
            yield row
            row, width = [], 0.0
        width += block.width + (GAP if row else 0.0)
        row.append(block)
    yield row


def _legend(drawing: NetworkDrawing, blocks: Sequence[Block]) -> list[tuple[str, str]]:
    """(class of a line or "", text) of what colour, width and filling mean in this picture."""
    notes = [("p", "positive"), ("n", "negative")]
    layers = [layer for block in blocks if isinstance(block, Neurons) for layer in block.layers]
    ran = [layer for layer in layers if layer.inputs is not None]
    if ran:
        several = len(np.asarray(ran[0].inputs)) > 1
        notes.append(("", f"width: |weight| × {'spread' if several else 'size'} of its input, in its layer"))
        notes.append(("", f"circle: {'mean activation' if several else 'activation'} for x"))
    elif layers:
        notes.append(("", "width: |weight| in its layer"))
        if any(layer.bias is not None for layer in layers):
            notes.append(("", "circle: bias"))
    if any(not isinstance(block, Neurons) for block in blocks):
        notes.append(("", "colour in a map: size relative to its largest"))
    if any(isinstance(block, Neurons) and block.shortcuts for block in blocks):
        notes.append(("way", "goes there too, past the layers between"))
    return [*notes, *(("", text) for text in _honest(drawing))]


def _honest(drawing: NetworkDrawing) -> Iterator[str]:
    """What the picture does not show: other connections than to the layer before, an unknown order, parameters left out."""
    connections = drawing.connections()
    for name, sources in connections[:TOLD]:
        yield f"{shortened(name, 30)} is given {_listed(sources)}"
    if len(connections) > TOLD:
        yield f"{len(connections) - TOLD} more that are not given the layer before alone"
    if not drawing.is_wired and not drawing.in_order:
        yield "layers stand in the order of definition; how they are connected is told with x"
    if drawing.left_out:
        yield f"not drawn: {_listed(drawing.left_out)}"


def _listed(names: Sequence[str]) -> str:
    """The first few names, in words."""
    shown = [shortened(name, 30) for name in names[:3]]
    more = [f"{len(names) - 3} more"] if len(names) > 3 else []
    *first, last = [*shown, *more]
    return f"{', '.join(first)} and {last}" if first else last


def _note_width(note: tuple[str, str]) -> float:
    return text_width(note[1], 11) + (24.0 if note[0] else 0.0)


def _lines(notes: Sequence[tuple[str, str]], room: float) -> Iterator[list[tuple[str, str]]]:
    line: list[tuple[str, str]] = []
    for note in notes:
        if line and sum(map(_note_width, [*line, note])) + 18.0 * len(line) > room:
            yield line
            line = []
        line.append(note)
    yield line


def _legend_line(line: Sequence[tuple[str, str]], middle: float, y: float) -> Iterator[str]:
    x = middle - (sum(map(_note_width, line)) + 18.0 * (len(line) - 1)) / 2
    for style, text in line:
        if style:
            width = "" if style == "way" else ' stroke-width="3"'
            yield f'<path class="{style}" d="M{number(x)},{number(y - 4)}h18"{width}/>'
        yield f'<text class="muted" x="{number(x + (24.0 if style else 0.0))}" y="{number(y)}">{escape(text)}</text>'
        x += _note_width((style, text)) + 18.0
