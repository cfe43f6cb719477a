"""Scene → DOT, the language of Graphviz, for those who have it or want its layouts.

Comes after `scene`. Modules become clusters, which Graphviz draws as boxes.
"""

from __future__ import annotations

from collections.abc import Iterator

from .scene import Node, Reading, Scene
from .style import LIGHT, escape


def to_dot(scene: Scene, *, direction: str = "LR") -> str:
    """The scene as a digraph; a card is an HTML-like label, an operand arrives at the card's side."""
    lines = [
        "digraph glassgrad {",
        f'  graph [rankdir={direction}, bgcolor="transparent", fontname="Helvetica", ranksep=0.5, nodesep=0.2];',
        '  node [shape=plain, fontname="Helvetica", fontsize=11];',
        f'  edge [color="{LIGHT["edge"]}", arrowsize=0.6];',
    ]
    grouped: set[str] = set()
    nodes = {node.id: node for node in scene.nodes}
    roots = set(scene.roots)
    for group in scene.groups:
        lines.append(f"  subgraph cluster_{group.id} {{")
        lines.append(f'    label={_quote(group.path)}; color="{LIGHT["border"]}"; style=rounded;')
        lines += [f"  {_node(nodes[id], is_root=id in roots)}" for id in group.nodes]
        lines.append("  }")
        grouped.update(group.nodes)
    lines += [_node(node, is_root=node.id in roots) for node in scene.nodes if node.id not in grouped]
    lines += [f"  {edge.source} -> {edge.target};" for edge in scene.edges]
    return "\n".join([*lines, "}", ""])


def _node(node: Node, *, is_root: bool) -> str:
    rows = "".join(_rows(node, is_root=is_root))
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


def _cells(reading: Reading) -> Iterator[str]:
    span = ' colspan="3"' if len(reading.cells) == 1 else ""
    for text in reading.cells:
        shown = f'<font color="{LIGHT["bad"]}">{escape(text)}</font>' if reading.is_bad else escape(text)
        yield f'<td align="right"{span}>{shown}</td>'


def _quote(text: str) -> str:
    """A DOT string: backslashes and quotes are escaped, line breaks become blanks."""
    line = " ".join(text.split())
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'
