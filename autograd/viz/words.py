"""What a picture says of its parts in words: the tooltips of cards, boxes and edges, and the picture in one line."""

from __future__ import annotations

from collections.abc import Sequence

from .scene import Edge, Group, Node, Scene
from .view import Wire


def name_of(card: Node | Group) -> str:
    """The name by which other texts speak of a card."""
    return card.path if isinstance(card, Group) else card.label or card.op or card.kind


def summary(scene: Scene) -> str:
    """One line about the picture, for readers who do not see it."""
    if scene.summary:
        return scene.summary
    names = [name_of(node) for node in scene.nodes if node.id in scene.roots]
    more = [node.label.removeprefix("… ") for node in scene.nodes if node.kind == "more"]
    parts = [plural(len(scene.nodes) - len(more), "node"), plural(len(scene.edges), "edge")]
    return f"computation graph of {', '.join(names)}: {', '.join([*parts, *more])}"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def hover(card: Node | Group, operands: Sequence[tuple[str, Edge]] = ()) -> str:
    """What the card's tooltip says: everything known of the node, one fact a line.

    operands  (name, edge) of the cards that it was made from
    """
    if isinstance(card, Group):
        return _of_group(card)
    lines = [card.label] if card.label else []
    if card.op:
        lines.append(f"{card.op}({', '.join([*(text or '·' for text in card.arguments), *card.options])})")
    lines += [card.formula] if card.formula else []
    lines += [line for name, edge in operands for line in _derivative(edge, name, name_of(card))]
    lines += [f"{card.shape} {card.dtype}".strip()] if card.shape or card.dtype else []
    for name, reading in (("data", card.data), ("grad", card.grad)):
        if reading is not None:
            lines.append(f"{name} {spelled(reading.cells)}")
    lines += [f"in {card.path}"] if card.path else []
    return "\n".join(lines) or card.kind


def _of_group(group: Group) -> str:
    times = f", {group.times:,} times" if group.times > 1 else ""
    lines = [f"{group.path}{times}: {plural(group.count, 'node')}"]
    lines += [", ".join(f"{count:,} {symbol}" for symbol, count in group.ops)] if group.ops else []
    if group.quantiles:
        spread = "min {}, median {}, max {}" if len(group.quantiles) == 3 else "{}"
        lines.append(f"|grad| of its nodes: {spread.format(*group.quantiles)}")
    lines += [f"NaN or Inf in {plural(group.bad, 'node')}"] if group.bad else []
    return "\n".join(lines)


def spelled(cells: tuple[str, ...]) -> str:
    return "min {}, mean {}, max {}".format(*cells) if len(cells) == 3 else cells[0]


def tip(wire: Wire, source: Node | Group, target: Node | Group) -> str:
    """What the tooltip of an edge says: its ends, the local derivative, and what the backward pass sends along it."""
    names, edge = (name_of(source), name_of(target)), wire.edge
    if isinstance(source, Group) or isinstance(target, Group):
        return f"{names[0]} → {names[1]}" + (f", {wire.count:,} edges" if wire.count > 1 else "")
    lines = [f"{names[0]} → operand {edge.slot} of {names[1]}", *_derivative(edge, *names)]
    lines += [f"adds to the gradient of {names[0]}: {spelled(edge.flow)}"] if edge.flow else []
    lines += [target.formula] if target.formula and edge.slope else []
    return "\n".join(lines)


def _derivative(edge: Edge, source: str, target: str) -> list[str]:
    if edge.slope.startswith("×"):
        return [f"the gradient's norm {edge.slope} on the way from {target} to {source}"]
    return [f"∂ {target} / ∂ {source} = {edge.slope}"] if edge.slope else []
