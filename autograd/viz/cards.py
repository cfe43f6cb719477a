"""How large a card is and where its texts stand, so that nothing overflows whatever font the reader has.

Comes after `scene`, before `layout` (sizes) and `svg` (texts). There is no font to ask: widths are those of DejaVu Sans
and DejaVu Sans Mono, the widest of the fonts that a browser or librsvg picks for our font lists, rounded up.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from .scene import Group, Node, Reading

PAD = 10.0
HEADER = 28.0
ROW = 18.0
HINT_ROW = 14.0  # "min mean max" above the numbers of an array
BAR = 9.0
PLOT = 46.0  # width of a histogram
MIN_WIDTH = 108.0

# Advance widths in em, DejaVu Sans; every other printable ASCII character is at most 0.65.
_WIDTHS = {
    **dict.fromkeys("ijl'|I", 0.34),
    **dict.fromkeys(" ,.:;!()[]/\\fJ-rt", 0.44),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ&$", 0.80),
    **dict.fromkeys("#+<=>^~", 0.85),
    **dict.fromkeys("MWmw%@", 1.02),
}


@lru_cache(maxsize=10_000)
def text_width(text: str, size: float, *, mono: bool = False, bold: bool = False) -> float:
    """Upper bound of the width of a text, in the unit of `size` (pixels)."""
    total = 0.0
    for character in text:
        if unicodedata.combining(character):
            continue
        if unicodedata.east_asian_width(character) in "WF":
            total += 1.25  # Chinese, Japanese, Korean and emoji
        elif mono:
            total += 0.61
        elif character.isascii():
            total += _WIDTHS.get(character, 0.65)
        else:
            total += 1.0 if character.islower() else 1.1
    return total * size * (1.12 if bold and not mono else 1.0)


def shorten(text: str, limit: int) -> str:
    """The text on one line, cut to `limit` characters with an ellipsis at its end."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def inner(path: str, within: str) -> str:
    """The dotted path as it is written inside of the box of another: "layers.0.weight" within "layers.0" is "weight"."""
    return path.replace(f"{within}.", "") if within else path


@dataclass(frozen=True, slots=True)
class Text:
    """A text on a card, relative to its top left corner; `y` is the baseline.

    style   CSS classes, such as "label" or "number bad"
    anchor  "start", "middle" or "end": which part of the text stands at `x`
    stick   the x is counted from the card's right side, which the layout may move
    """

    text: str
    x: float
    y: float
    style: str
    anchor: str = "start"
    stick: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """A histogram of data or grad on a card: its lower left corner, and the heights of its bars from 0 to 1."""

    name: str
    x: float
    y: float
    bins: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A measured card. `pill`: width of the operation's badge; `bar`: baseline of the gradient's bar; 0 where none."""

    width: float
    height: float
    pill: float = 0.0
    bar: float = 0.0
    header: bool = True
    texts: list[Text] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)


def measure(node: Node | Group, within: str = "") -> Card:
    """The card of one node: a header (operation, label, shape), a row for data and one for the gradient.

    within  path of the box around it, which names inside do not repeat
    """
    if isinstance(node, Group):
        return _group(node, within)
    if node.kind == "more":
        width = text_width(node.label, 12) + 2 * PAD
        return Card(width, HEADER + 8, header=False, texts=[Text(node.label, width / 2, 22, "muted", "middle")])
    texts, head, pill = _header(node, within)
    rows, plots, body, height = _rows(node)
    has_bar = node.grad is not None and node.grad.share is not None
    width = max(head, body, MIN_WIDTH)
    bar = height + 2 if has_bar else 0.0
    return Card(round(width), height + (BAR if has_bar else 0.0), pill, bar, texts=texts + rows, plots=plots)


def _group(group: Group, within: str) -> Card:
    """The card of a closed group: path, how many nodes, which operations, quantiles of the gradients' sizes."""
    name = shorten(inner(group.path, within), 40)
    texts = [Text(name, PAD, 18.5, "label")]
    x, pill = PAD + text_width(name, 12.5, bold=True) + 8, 0.0
    if group.times > 1:
        times = f"× {group.times:,}"
        pill = text_width(times, 12, bold=True) + 14
        texts[0] = Text(name, PAD + pill + 4, 18.5, "label")
        texts.append(Text(times, PAD - 3 + pill / 2, 18.5, "badge", "middle"))
        x += pill + 4
    count = f"{group.count:,} node{'' if group.count == 1 else 's'}"
    texts.append(Text(count, PAD, 18.5, "muted", "end", stick=True))
    width, y = x + text_width(count, 11) + PAD, HEADER + 4.0
    if group.ops:
        shown = [f"{number:,} {symbol}" if number > 1 else symbol for symbol, number in group.ops[:4]]
        line = ",  ".join([*shown, "…"] if len(group.ops) > 4 else shown)
        texts.append(Text(line, PAD, y + 13, "muted"))
        width, y = max(width, text_width(line, 11) + 2 * PAD), y + ROW
    if group.quantiles:
        columns = [_cell_width(text) for text in group.quantiles]
        if len(columns) == 3:
            for i, hint in enumerate(("min", "median", "max")):
                texts.append(Text(hint, PAD + sum(columns[i + 1 :]), y + 10, "hint", "end", stick=True))
            y += HINT_ROW
        for i, text in enumerate(group.quantiles):
            texts.append(Text(text, PAD + sum(columns[i + 1 :]), y + 13, "number", "end", stick=True))
        texts.append(Text("|grad|", PAD, y + 13, "name"))
        width, y = max(width, 2 * PAD + 40 + sum(columns)), y + ROW
    if group.bad:
        line = f"NaN or Inf in {group.bad:,} of them"
        texts.append(Text(line, PAD, y + 13, "number bad"))
        width, y = max(width, text_width(line, 12, mono=True) + 2 * PAD), y + ROW
    bar = 0.0 if group.share is None else y + 7
    return Card(round(max(width, MIN_WIDTH)), y + (5 if not bar else 5 + BAR), pill, bar, texts=texts)


def _header(node: Node, within: str) -> tuple[list[Text], float, float]:
    """Texts of the header, its width, the width of the badge."""
    texts: list[Text] = []
    x, pill = PAD, 0.0
    title = shorten(node.title, 24)
    if node.kind == "op" and title:
        pill = max(text_width(title, 12, bold=True) + 14, 24)
        texts.append(Text(title, PAD - 3 + pill / 2, 18.5, "badge", "middle"))
        x = PAD + pill + 4
    name, style, bold = (inner(node.label, within), "label", True) if node.label else ("", "muted", False)
    if not name and node.kind != "op":
        name = node.kind
    name = shorten(name, 28)
    if name:
        texts.append(Text(name, x, 18.5, style))
        x += text_width(name, 12.5, bold=bold) + 8
    aside = [shorten(option, 28) for option in node.options]
    if aside:
        texts.append(Text(", ".join(aside), x, 18.5, "muted"))
        x += text_width(", ".join(aside), 11) + 8
    if node.shape:
        texts.append(Text(node.shape, PAD, 18.5, "shape", "end", stick=True))
        x += text_width(node.shape, 11, mono=True) + 4
    return texts, x + PAD - 8, pill


def _rows(node: Node) -> tuple[list[Text], list[Plot], float, float]:
    """Texts of the rows, their histograms, their width, and the height of the card down to their end."""
    readings = [(name, reading) for name, reading in (("data", node.data), ("grad", node.grad)) if reading is not None]
    if not readings:
        return [], [], 0.0, HEADER
    columns = _columns([reading for _, reading in readings])
    right = [PAD + sum(columns[i + 1 :]) for i in range(3)]  # where a column ends, from the card's right side
    texts: list[Text] = []
    plots: list[Plot] = []
    y = HEADER + 4.0
    if columns[0]:
        for hint, x in zip(("min", "mean", "max"), right, strict=True):
            texts.append(Text(hint, x, y + 10, "hint", "end", stick=True))
        y += HINT_ROW
    for name, reading in readings:
        texts.append(Text(name, PAD, y + 13, "name"))
        if reading.bins:
            plots.append(Plot(name, PAD + 32, y + 14, reading.bins))
        style = f"number {name} bad" if reading.is_bad else f"number {name}"
        for text, x in zip(reading.cells, right[-len(reading.cells) :], strict=True):
            texts.append(Text(text, x, y + 13, style, "end", stick=True))
        y += ROW
    single = max((_cell_width(r.cells[0]) for _, r in readings if len(r.cells) == 1), default=0.0)
    room = PLOT + 4 if plots else 0.0
    return texts, plots, 2 * PAD + 34 + max(single, room + sum(columns)), y + 5


def _columns(readings: list[Reading]) -> list[float]:
    """Widths of the columns minimum, mean, maximum; zeros if no reading has them."""
    triples = [reading.cells for reading in readings if len(reading.cells) == 3]
    return [max((_cell_width(cells[i]) for cells in triples), default=0.0) for i in range(3)]


def _cell_width(text: str) -> float:
    return max(text_width(text, 12, mono=True), 24.0) + 12
