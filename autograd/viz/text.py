"""Scene → text: a table in the order of execution, one line a node, for a terminal or a failing test.

    x1                    2.0    -1.5
    w1                   -3.0     1.0
    x1w1 = x1 × w1       -6.0     0.5

Comes after `scene`. A table rather than a tree: it stays as narrow for a graph that is 400 deep, and a value that is
used twice appears once.
"""

from __future__ import annotations

from collections import Counter

from .scene import Group, Node, Reading, Scene
from .view import view
from .words import plural


def to_text(scene: Scene) -> str:
    """Lines of formula, shape, data and gradient; arrays show min / mean / max. Unnamed values go by their id."""
    _, written = formulas(scene)
    rows = [("", "shape", "data", "grad")]
    for card in view(scene).cards:
        if isinstance(card, Group):
            rows.append((_of_group(card), "", "", f"|{' / '.join(card.quantiles)}|" if card.quantiles else ""))
        elif card.kind == "more":
            rows.append((card.label, "", "", ""))
        else:
            rows.append((written[card.id], card.shape, _reading(card.data), _reading(card.grad)))
    if not any(node.shape for node in scene.nodes):
        rows = [(formula, "", data, grad) for formula, _, data, grad in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for formula, shape, data, grad in rows:
        cells = [formula.ljust(widths[0]), shape.ljust(widths[1]), data.rjust(widths[2]), grad.rjust(widths[3])]
        lines.append("   ".join(cell for cell, width in zip(cells, widths, strict=True) if width).rstrip())
    return "\n".join(lines) + "\n"


def _of_group(group: Group) -> str:
    times = f" × {group.times:,}" if group.times > 1 else ""
    bad = f", NaN or Inf in {group.bad:,}" if group.bad else ""
    return f"[{group.path}{times}: {plural(group.count, 'node')}{bad}]"


def formulas(scene: Scene) -> tuple[dict[str, str], dict[str, str]]:
    """id → the name of a node, and id → how it was made, "n2 = x × y"."""
    names, shown = _names(scene), view(scene)
    operands: dict[str, dict[int, str]] = {node.id: {} for node in scene.nodes}
    for wire in shown.wires:
        source, target = shown.cards[wire.source], shown.cards[wire.target]
        if isinstance(target, Node):
            name = f"[{source.path}]" if isinstance(source, Group) else names[source.id]
            operands[target.id][wire.edge.slot] = f"({name})" if " " in name and name[0] != "[" else name
    return names, {node.id: _formula(node, names[node.id], operands[node.id]) for node in scene.nodes}


def _names(scene: Scene) -> dict[str, str]:
    """Label where it is one node's alone, otherwise label and id, otherwise id."""
    labels = {node.id: " ".join(node.label.split()) for node in scene.nodes}
    uses = Counter(
        [*labels, *(label for id, label in labels.items() if label != id)]
    )  # a label may also be spelled like an id
    names = {id: id if not label else label if uses[label] == 1 else f"{label}·{id}" for id, label in labels.items()}
    return {**names, **{node.id: "…" for node in scene.nodes if node.kind == "more"}}


def _formula(node: Node, name: str, operands: dict[int, str]) -> str:
    if node.kind != "op":
        return name if node.kind == "leaf" else f"{name} = {node.kind}"
    texts = [text or operands.get(slot, "…") for slot, text in enumerate(node.arguments)]
    if node.is_infix:
        return f"{name} = {texts[0]} {node.symbol} {texts[1]}"
    call = node.op or node.symbol or "…"
    return f"{name} = {call}({', '.join([*texts, *node.options])})"


def _reading(reading: Reading | None) -> str:
    return "" if reading is None else " / ".join(reading.cells)
