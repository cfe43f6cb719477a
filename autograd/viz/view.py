"""What of a scene is visible: cards, boxes around them, and edges between what can be seen.

Comes after `scene`, before `nested` (places). A closed group is one card that stands for everything inside; edges from
or to its inside arrive at the card, and several of them are drawn as one. An open group is a box around what is inside.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from .scene import Edge, Group, Node, Scene


@dataclass(frozen=True, slots=True)
class Wire:
    """One or more edges of the scene between two visible cards (by number)."""

    source: int
    target: int
    edge: Edge
    count: int = 1


@dataclass(slots=True)
class View:
    """The visible part of a scene.

    cards   nodes and closed groups
    frames  open groups, each after the one around it
    home    for each card the number of the frame that it is in, -1 for none
    around  for each frame the number of the frame around it, -1 for none
    wires   edges by target, in the order of the operands
    """

    cards: list[Node | Group] = field(default_factory=list)
    frames: list[Group] = field(default_factory=list)
    home: list[int] = field(default_factory=list)
    around: list[int] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)


def view(scene: Scene, closed: Collection[str] | None = None) -> View:
    """The scene with these groups closed, by default its own."""
    shut = frozenset(scene.closed if closed is None else closed)
    parent = {group.id: group.parent for group in scene.groups}
    parent |= {id: group.id for group in scene.groups for id in group.nodes}
    hidden: dict[str, str] = {}  # id of a group → the outermost closed one around it, or itself
    frames: dict[str, int] = {}
    shown = View()
    cards: list[Node | Group] = list(scene.nodes)
    for group in scene.groups:  # from the outside in
        if group.parent in hidden:
            hidden[group.id] = hidden[group.parent]
        elif group.id in shut:
            hidden[group.id] = group.id
            cards.append(group)
        else:
            frames[group.id] = len(shown.frames)
            shown.frames.append(group)
            shown.around.append(frames.get(group.parent, -1))
    number: dict[str, int] = {}
    for card in cards:
        around = parent.get(card.id, "")
        if around not in hidden:
            number[card.id] = len(shown.cards)
            shown.cards.append(card)
            shown.home.append(frames.get(around, -1))
    _add_wires(shown, scene, number, hidden, parent)
    return shown


def _add_wires(
    shown: View, scene: Scene, number: dict[str, int], hidden: dict[str, str], parent: dict[str, str]
) -> None:
    """Edges between visible cards; those that touch a closed group are drawn once for each pair of cards."""
    merged: dict[tuple[int, int], int] = {}
    closed = {number[id] for id, outer in hidden.items() if id == outer}
    for edge in scene.edges:
        ends = []
        for id in (edge.source, edge.target):
            outer = hidden.get(id) or hidden.get(parent.get(id, ""), "")
            ends.append(number.get(outer or id, -1))
        source, target = ends
        if source < 0 or target < 0 or source == target:
            continue
        if source in closed or target in closed:
            if (source, target) in merged:
                at = merged[source, target]
                wire = shown.wires[at]
                shown.wires[at] = Wire(source, target, wire.edge, wire.count + 1)
                continue
            merged[source, target] = len(shown.wires)
        shown.wires.append(Wire(source, target, edge))


def expandable(scene: Scene) -> frozenset[str]:
    """Ids of the groups whose contents are in the scene."""
    return frozenset(group.id for group in scene.groups if group.nodes) | {group.parent for group in scene.groups} - {
        ""
    }
