"""How large a card is and where its texts stand, so that nothing overflows whatever font the reader has.

Comes after `scene`, before `layout` (sizes) and `svg` (texts). There is no font to ask: widths are those of DejaVu Sans
and DejaVu Sans Mono, the widest of the fonts that a browser or librsvg picks for our font lists, rounded up.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from .scene import Node, Reading

PAD = 10.0
HEADER = 28.0
ROW = 18.0
HINT_ROW = 14.0  # "min mean max" above the numbers of an array
BAR = 9.0
MIN_WIDTH = 108.0

# Advance widths in em, DejaVu Sans; every other printable ASCII character is at most 0.65.
_WIDTHS = {
    **dict.fromkeys("ijl'|I", 0.34),
    **dict.fromkeys(" ,.:;!()[]/\\fJ-rt", 0.44),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ&$", 0.80),
    **dict.fromkeys("#+<=>^~", 0.85),
    **dict.fromkeys("MWmw%@", 1.02),
}


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
class Card:
    """A measured card. `pill`: width of the operation's badge; `bar`: baseline of the gradient's bar; 0 where none."""

    width: float
    height: float
    pill: float = 0.0
    bar: float = 0.0
    header: bool = True
    texts: list[Text] = field(default_factory=list)


def measure(node: Node) -> Card:
    """The card of one node: a header (operation, label, shape), a row for data and one for the gradient."""
    if node.kind == "more":
        width = text_width(node.label, 12) + 2 * PAD
        return Card(width, HEADER + 8, header=False, texts=[Text(node.label, width / 2, 22, "muted", "middle")])
    texts, head, pill = _header(node)
    rows, body, height = _rows(node)
    has_bar = node.grad is not None and node.grad.share is not None
    width = max(head, body, MIN_WIDTH)
    bar = height + 2 if has_bar else 0.0
    return Card(round(width), height + (BAR if has_bar else 0.0), pill, bar, texts=texts + rows)


def _header(node: Node) -> tuple[list[Text], float, float]:
    """Texts of the header, its width, the width of the badge."""
    texts: list[Text] = []
    x, pill = PAD, 0.0
    title = shorten(node.title, 24)
    if node.kind == "op" and title:
        pill = max(text_width(title, 12, bold=True) + 14, 24)
        texts.append(Text(title, PAD - 3 + pill / 2, 18.5, "badge", "middle"))
        x = PAD + pill + 4
    name, style, bold = (node.label, "label", True) if node.label else ("", "muted", False)
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


def _rows(node: Node) -> tuple[list[Text], float, float]:
    """Texts of the rows, their width, and the height of the card down to their end."""
    readings = [(name, reading) for name, reading in (("data", node.data), ("grad", node.grad)) if reading is not None]
    if not readings:
        return [], 0.0, HEADER
    columns = _columns([reading for _, reading in readings])
    right = [PAD + sum(columns[i + 1 :]) for i in range(3)]  # where a column ends, from the card's right side
    texts: list[Text] = []
    y = HEADER + 4.0
    if columns[0]:
        for hint, x in zip(("min", "mean", "max"), right, strict=True):
            texts.append(Text(hint, x, y + 10, "hint", "end", stick=True))
        y += HINT_ROW
    for name, reading in readings:
        texts.append(Text(name, PAD, y + 13, "name"))
        style = "number bad" if reading.is_bad else "number"
        for text, x in zip(reading.cells, right[-len(reading.cells) :], strict=True):
            texts.append(Text(text, x, y + 13, style, "end", stick=True))
        y += ROW
    single = max((_cell_width(r.cells[0]) for _, r in readings if len(r.cells) == 1), default=0.0)
    return texts, 2 * PAD + 34 + max(single, sum(columns)), y + 5


def _columns(readings: list[Reading]) -> list[float]:
    """Widths of the columns minimum, mean, maximum; zeros if no reading has them."""
    triples = [reading.cells for reading in readings if len(reading.cells) == 3]
    return [max((_cell_width(cells[i]) for cells in triples), default=0.0) for i in range(3)]


def _cell_width(text: str) -> float:
    return max(text_width(text, 12, mono=True), 24.0) + 12
