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
    ids = [*(node.id for node in scene.nodes), *(group.id for group in scene.groups)]
    seen_as = {id: number.get(hidden.get(id) or hidden.get(parent.get(id, ""), "") or id, -1) for id in ids}
    closed = {number[id] for id, outer in hidden.items() if id == outer}
    found: dict[tuple[int, int, int], Edge] = {}
    times: dict[tuple[int, int, int], int] = {}
    for place, edge in enumerate(scene.edges):  # of a large graph tens of thousands, most of them in one closed group
        source, target = seen_as[edge.source], seen_as[edge.target]
        if source != target and source >= 0 and target >= 0:
            key = source, target, -1 if source in closed or target in closed else place
            found.setdefault(key, edge)
            times[key] = times.get(key, 0) + 1
    shown.wires += [Wire(key[0], key[1], edge, times[key]) for key, edge in found.items()]


def expandable(scene: Scene) -> frozenset[str]:
    """Ids of the groups whose contents are in the scene."""
    return frozenset(group.id for group in scene.groups if group.nodes) | {group.parent for group in scene.groups} - {
        ""
    }
