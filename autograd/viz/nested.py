"""Where the cards go when some are in boxes, and boxes in boxes.

Comes after `view` and `layout`. Each box is laid out for itself, from the innermost outwards, and is then one large card
in the layout around it. What enters or leaves a box crosses its side at a port: inside, the port is a box without size in
the first or the last layer; outside, it is the place where the edge arrives or leaves. So edges keep clear of the cards
at every level, and a route is the routes of its levels, put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .layout import Box, Ends, Layout, Point, arrange
from .view import View

FRAME_HEAD = 24.0  # the name of a group, above what is inside
FRAME_PAD = 14.0

Piece = tuple[int, int, int]  # from item, to item, and what keeps pieces between the same items apart


@dataclass(frozen=True, slots=True)
class Plan:
    """Places of a view: boxes of the cards, routes of the wires, boxes of the frames, and the size of all."""

    boxes: tuple[Box, ...]
    routes: tuple[tuple[Point, ...], ...]
    frames: tuple[Box, ...]
    width: float
    height: float


@dataclass(slots=True)
class Level:
    """One box, or the whole picture: what is directly inside, and the pieces of wires that run there.

    items   ("card", number), ("frame", number), ("in", source card) or ("out", source card) → number of its box
    pieces  piece of a wire → its number; wires from one card into one box share the piece up to its side
    cards   the card that each piece comes from
    """

    items: dict[tuple[str, int], int] = field(default_factory=dict)
    pieces: dict[Piece, int] = field(default_factory=dict)
    cards: list[int] = field(default_factory=list)
    layout: Layout = field(default_factory=lambda: Layout((), (), 0.0, 0.0))

    def item(self, kind: str, which: int) -> int:
        return self.items.setdefault((kind, which), len(self.items))

    def add(self, source: int, target: int, key: int, card: int) -> int:
        if (source, target, key) not in self.pieces:
            self.pieces[source, target, key] = len(self.pieces)
            self.cards.append(card)
        return self.pieces[source, target, key]

    def box(self, kind: str, which: int) -> Box:
        return self.layout.boxes[self.items[kind, which]]


def place(
    view: View,
    sizes: Sequence[tuple[float, float]],
    heads: Sequence[float],
    *,
    direction: str = "LR",
    room: float = 0.0,
) -> Plan:
    """Lay out a view whose cards have these (width, height) and whose frames have names of at least these widths.

    room  more space between layers, for what is written there
    """
    levels = [Level() for _ in range(len(view.frames) + 1)]  # the last one, levels[-1], is the picture
    for number, home in enumerate(view.home):
        levels[home].item("card", number)
    for number, around in enumerate(view.around):
        levels[around].item("frame", number)
    paths = [_cut(view, levels, number) for number in range(len(view.wires))]
    for number in [*reversed(range(len(view.frames))), -1]:
        _lay_out(levels, number, sizes, heads[number] if number >= 0 else 0.0, direction, room)
    frames: list[Box] = []
    for number, around in enumerate(view.around):
        corner = (frames[around].x, frames[around].y) if around >= 0 else (0.0, 0.0)
        frames.append(_moved(levels[around].box("frame", number), corner))
    corners = [*((frame.x, frame.y) for frame in frames), (0.0, 0.0)]
    boxes = [_moved(levels[home].box("card", number), corners[home]) for number, home in enumerate(view.home)]
    routes = [_joined(levels, frames, path) for path in paths]
    picture = levels[-1].layout
    return Plan(tuple(boxes), tuple(routes), tuple(frames), picture.width, picture.height)


def _containers(view: View, card: int) -> list[int]:
    """The frames around a card from the innermost outwards, then -1, the picture."""
    found, frame = [], view.home[card]
    while frame >= 0:
        found.append(frame)
        frame = view.around[frame]
    return [*found, -1]


def _cut(view: View, levels: list[Level], number: int) -> list[tuple[int, int]]:
    """Cut a wire where it crosses the side of a box: (level, piece) out of boxes, across, and into boxes."""
    wire = view.wires[number]
    out, into = _containers(view, wire.source), _containers(view, wire.target)
    meet = next(frame for frame in out if frame in into)
    path = []
    below = ("card", wire.source)
    for frame in out[: out.index(meet)]:
        level = levels[frame]
        path.append((frame, level.add(level.item(*below), level.item("out", wire.source), -1, wire.source)))
        below = ("frame", frame)
    at = meet
    for frame in reversed(into[: into.index(meet)]):
        level = levels[at]
        path.append((at, level.add(level.item(*below), level.item("frame", frame), -2 - wire.source, wire.source)))
        at, below = frame, ("in", wire.source)
    level = levels[at]
    path.append((at, level.add(level.item(*below), level.item("card", wire.target), number, wire.source)))
    return path


def _lay_out(
    levels: list[Level], number: int, sizes: Sequence[tuple[float, float]], head: float, direction: str, room: float
) -> None:
    """Arrange one level; the frames in it have been arranged before."""
    level = levels[number]
    kinds = list(level.items)
    frames = {place: levels[which].layout for place, (kind, which) in enumerate(kinds) if kind == "frame"}
    boxes = [
        sizes[which]
        if kind == "card"
        else (frames[place].width, frames[place].height)
        if place in frames
        else (0.0, 0.0)
        for place, (kind, which) in enumerate(kinds)
    ]
    leave, arrive = {}, {}
    for (source, target, _), edge in level.pieces.items():
        card = level.cards[edge]
        if source in frames:
            leave[source, edge] = _port(levels[kinds[source][1]], "out", card, direction)
        if target in frames:
            arrive[target, edge] = _port(levels[kinds[target][1]], "in", card, direction)
    first, last = (frozenset(i for i, (kind, _) in enumerate(kinds) if kind == side) for side in ("in", "out"))
    arrive |= {(port, edge): 0.0 for (_, port, _), edge in level.pieces.items() if port in last}
    ends = Ends(leave, arrive, first, last, frozenset(frames), room)
    edges = [(source, target) for source, target, _ in level.pieces]
    if number < 0:
        level.layout = arrange(boxes, edges, direction=direction, ends=ends)
    else:
        level.layout = _with_head(arrange(boxes, edges, direction=direction, ends=ends, margin=FRAME_PAD), head)


def _port(level: Level, side: str, card: int, direction: str) -> float:
    box = level.box(side, card)
    return box.y if direction == "LR" else box.x


def _with_head(layout: Layout, head: float) -> Layout:
    """Room for the group's name above, and beside what is inside where the name is longer."""
    boxes = tuple(_moved(box, (0.0, FRAME_HEAD - 4)) for box in layout.boxes)
    routes = tuple(tuple((x, y + FRAME_HEAD - 4) for x, y in route) for route in layout.routes)
    return Layout(boxes, routes, max(layout.width, head), layout.height + FRAME_HEAD - 4)


def _joined(levels: list[Level], frames: list[Box], path: list[tuple[int, int]]) -> tuple[Point, ...]:
    """The routes of the pieces in the picture's coordinates, each from side to side of its box."""
    points: list[Point] = []
    for at, piece in path:
        x, y = (frames[at].x, frames[at].y) if at >= 0 else (0.0, 0.0)
        points += [(round(x + px, 1), round(y + py, 1)) for px, py in levels[at].layout.routes[piece]]
    return tuple(p for i, p in enumerate(points) if i == 0 or p != points[i - 1])


def _moved(box: Box, corner: Point) -> Box:
    return Box(round(box.x + corner[0], 1), round(box.y + corner[1], 1), box.width, box.height)
