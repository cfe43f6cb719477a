"""Scene → DOT, the language of Graphviz, for those who have it or want its layouts.

Comes after `scene`. Open groups become clusters, which Graphviz draws as boxes in boxes.
"""

from __future__ import annotations

from collections.abc import Iterator

from .scene import Group, Node, Reading, Scene
from .style import LIGHT, escape
from .view import view
from .words import hover


def to_dot(scene: Scene, *, direction: str = "LR") -> str:
    """The scene as a digraph; a card is an HTML-like label, an operand arrives at the card's side."""
    lines = [
        "digraph glassgrad {",
        f'  graph [rankdir={direction}, bgcolor="transparent", fontname="Helvetica", ranksep=0.5, nodesep=0.2];',
        '  node [shape=plain, fontname="Helvetica", fontsize=11];',
        f'  edge [color="{LIGHT["edge"]}", arrowsize=0.6];',
    ]
    shown, roots = view(scene), set(scene.roots)
    inside: dict[int, list[str]] = {}
    for card, home in zip(shown.cards, shown.home, strict=True):
        inside.setdefault(home, []).append(_node(card, is_root=card.id in roots))
    for frame in reversed(range(len(shown.frames))):  # from the inside out
        group = shown.frames[frame]
        head = (
            f'  subgraph cluster_{group.id} {{\n  label={_quote(group.path)}; color="{LIGHT["border"]}"; style=rounded;'
        )
        cluster = [head, *inside.get(frame, ()), "  }"]
        inside.setdefault(shown.around[frame], []).append("\n".join(cluster).replace("\n", "\n  "))
    lines += inside.get(-1, [])
    lines += [f"  {shown.cards[wire.source].id} -> {shown.cards[wire.target].id};" for wire in shown.wires]
    return "\n".join([*lines, "}", ""])


def _node(node: Node | Group, *, is_root: bool) -> str:
    rows = "".join(_rows_of_group(node) if isinstance(node, Group) else _rows(node, is_root=is_root))
    table = f'<table border="1" cellborder="0" cellspacing="0" cellpadding="4" color="{LIGHT["border"]}">'
    return f"  {node.id} [label=<{table}{rows}</table>>];"


def _rows(node: Node, *, is_root: bool) -> Iterator[str]:
    """One row with operation, label, options and shape; one row for data and one for the gradient."""
    texts = [node.title if node.kind == "op" else "", node.label, *node.options, node.shape]
    head = "  ".join(text for text in texts if text) or node.kind
    colour = LIGHT["root"] if is_root else LIGHT.get(node.kind, LIGHT["card"])
    yield f'<tr><td colspan="4" bgcolor="{colour}"><b>{escape(head)}</b></td></tr>'
    for name, reading in (("data", node.data), ("grad", node.grad)):
        if reading is not None:
            yield f'<tr><td align="left">{name}</td>{"".join(_cells(reading))}</tr>'


def _rows_of_group(group: Group) -> Iterator[str]:
    """What its tooltip says, a row for each line."""
    for line in hover(group).split("\n"):
        yield f'<tr><td bgcolor="{LIGHT["frame head"]}">{escape(line)}</td></tr>'


def _cells(reading: Reading) -> Iterator[str]:
    span = ' colspan="3"' if len(reading.cells) == 1 else ""
    for text in reading.cells:
        shown = f'<font color="{LIGHT["bad"]}">{escape(text)}</font>' if reading.is_bad else escape(text)
        yield f'<td align="right"{span}>{shown}</td>'


def _quote(text: str) -> str:
    """A DOT string: backslashes and quotes are escaped, line breaks become blanks."""
    line = " ".join(text.split())
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'
