"""Where the cards go: a layered layout, so that edges run one way and never cross a card.

Comes after `scene`, before `nested` (boxes within boxes); knows boxes and edges only. Four steps (Sugiyama,
Tagawa & Toda 1981):

1. Layers. A box sits one layer before its earliest consumer (longest path, as late as possible), so inputs stand next
   to where they are used and every sink is in the last layer.
2. Lanes. An edge that skips layers gets one narrow stand-in box (a lane) in each layer it passes. Edges that leave the
   same box share their lanes and branch off where they must.
3. Order within a layer. Sweeps sort each layer by the mean position of its neighbours; the order with the fewest
   crossings wins, and ties keep the order of the operands, so neurons and inputs stay in index order.
4. Coordinates. Each layer is moved towards its neighbours, which is a least-squares fit under "in this order, this far
   apart": isotonic regression, solved exactly by pooling adjacent violators.

Edges bend only in the gap between two layers, where there are no cards; through a layer they run straight in their
lane. All steps work in (along, across) coordinates: along the flow and across it; `direction` maps them to x and y at
the end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

MARGIN = 24.0
CARD_GAP = 16.0  # across, between two cards
LANE_GAP = 9.0  # across, between a lane and its neighbour
LAYER_GAP = 46.0  # along, at least; steep edges get more
LAYER_GAP_MAX = 110.0
PORT_GAP = 22.0  # along, between the side of a group and what is inside, at least
ORDER_SWEEPS = 8
PLACE_SWEEPS = 12

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A card's place in the picture, in pixels; (x, y) is its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes and routes in the order of `sizes` and `edges`; a step of a route is straight or an S-bend."""

    boxes: tuple[Box, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Ends:
    """Where edges may start and end, for boxes that are more than cards.

    leave, arrive  (box, edge) → how far across the box the edge leaves or arrives; a card's leave in the middle
    first, last    boxes without size that stand for the sides of the picture, before and after all others
    rigid          boxes that are not widened to the widest of their layer
    room           more space between layers
    """

    leave: Mapping[tuple[int, int], float] = field(default_factory=dict)
    arrive: Mapping[tuple[int, int], float] = field(default_factory=dict)
    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    rigid: frozenset[int] = frozenset()
    room: float = 0.0


def arrange(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    *,
    direction: str = "LR",
    ends: Ends | None = None,
    margin: float = MARGIN,
) -> Layout:
    """Place boxes so that edges run in one direction and nothing overlaps.

    sizes      (width, height) of each box
    edges      (source, target) by box number, acyclic; the edges into one box arrive in the order they have here
    direction  "LR" left to right: boxes of one layer get the width of the widest; or "TB" top to bottom
    margin     room around all, in pixels
    Raises ValueError if the edges form a cycle.
    """
    if not sizes:
        return Layout((), (), 2 * margin, 2 * margin)
    flat = [(w, h) if direction == "LR" else (h, w) for w, h in sizes]
    graph = _Layered(flat, edges, ends or Ends(), margin)
    graph.choose_order()
    graph.place_across()
    boxes, routes, length, breadth = graph.place_along(stretch=direction == "LR")
    if direction == "LR":
        return Layout(tuple(boxes), tuple(routes), length, breadth)
    turned = tuple(Box(b.y, b.x, b.height, b.width) for b in boxes)
    return Layout(turned, tuple(tuple((y, x) for x, y in route) for route in routes), breadth, length)


def layers_of(count: int, edges: Sequence[tuple[int, int]], ends: Ends = Ends()) -> list[int]:
    """Layer of each box, 0 first: one before its earliest consumer, the last layer for a box without consumers.

    ends.first and ends.last have the first and the last layer for themselves.
    """
    consumers, operands = _neighbours(count, edges)
    waiting = [len(c) for c in consumers]
    height = [int(bool(ends.last) and v not in ends.last) for v in range(count)]  # longest path to a sink
    ready = [v for v in range(count) if not waiting[v]]
    for v in ready:
        for u in operands[v]:
            height[u] = max(height[u], height[v] + 1)
            waiting[u] -= 1
            if not waiting[u]:
                ready.append(u)
    if len(ready) < count:
        raise ValueError("the edges form a cycle: a layered layout needs an acyclic graph")
    last = max(height)
    if ends.first:
        last = max((height[v] for v in range(count) if v not in ends.first), default=0) + 1
    return [0 if v in ends.first else last - h for v, h in enumerate(height)]


def _neighbours(count: int, edges: Iterable[tuple[int, int]]) -> tuple[list[list[int]], list[list[int]]]:
    consumers: list[list[int]] = [[] for _ in range(count)]
    operands: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        consumers[source].append(target)
        operands[target].append(source)
    return consumers, operands


class _Layered:
    """Boxes and lanes in layers. Boxes are numbered as the caller numbered them, lanes follow."""

    def __init__(
        self, sizes: list[tuple[float, float]], edges: Sequence[tuple[int, int]], ends: Ends, margin: float
    ) -> None:
        self.count = len(sizes)
        self.ends, self.margin = ends, margin
        self.along = [size[0] for size in sizes]
        self.across = [size[1] for size in sizes]
        self.layer = layers_of(self.count, edges, ends)
        self.paths = self._add_lanes(edges)  # per edge: source, lanes, target
        self.layers: list[list[int]] = [[] for _ in range(max(self.layer) + 1)]
        self._connect(edges)
        self.first = self._reading_order(edges)
        for v in sorted(range(len(self.layer)), key=self.first.__getitem__):
            self.layers[self.layer[v]].append(v)
        self.center = [0.0] * len(self.layer)

    def _add_lanes(self, edges: Sequence[tuple[int, int]]) -> list[list[int]]:
        lanes: dict[tuple[int, int], int] = {}
        paths = []
        for source, target in edges:
            path = [source]
            for layer in range(self.layer[source] + 1, self.layer[target]):
                lane = lanes.setdefault((source, layer), len(self.layer))
                if lane == len(self.layer):
                    self.layer.append(layer)
                    self.across.append(0.0)
                path.append(lane)
            paths.append([*path, target])
        self.lane_source = {lane: source for (source, _), lane in lanes.items()}
        return paths

    def _connect(self, edges: Sequence[tuple[int, int]]) -> None:
        """Links between neighbouring layers, at either end: (other end, how much farther across that is when the link
        is straight, place on the other's side from -0.5 to 0.5, weight). Edges that share lanes share links."""
        arrivals, seen = [0] * self.count, [0] * self.count
        for _, target in edges:
            arrivals[target] += 1
        self.leave: list[float] = []  # per edge, from the middle of the source
        self.arrive: list[float] = []  # per edge, from the middle of the target
        self.after: list[list[tuple[int, float, float, float]]] = [[] for _ in self.layer]
        self.before: list[list[tuple[int, float, float, float]]] = [[] for _ in self.layer]
        known: set[tuple[int, int, float, float]] = set()
        for edge, path in enumerate(self.paths):
            source, target = path[0], path[-1]
            seen[target] += 1
            middles = self.across[source] / 2, self.across[target] / 2
            share = 2 * middles[1] * seen[target] / (arrivals[target] + 1)
            self.leave.append(self.ends.leave.get((source, edge), middles[0]) - middles[0])
            self.arrive.append(self.ends.arrive.get((target, edge), share) - middles[1])
            for u, v in pairwise(path):
                out = self.leave[edge] if u == source else 0.0
                into = self.arrive[edge] if v == target else 0.0
                if (u, v, out, into) not in known:
                    known.add((u, v, out, into))
                    weight = 1.0 + 2.0 * (u >= self.count) + 2.0 * (v >= self.count)  # keeps lanes straight
                    place_u, place_v = out / (self.across[u] or 1.0), into / (self.across[v] or 1.0)
                    self.after[u].append((v, into - out, place_v, weight))
                    self.before[v].append((u, out - into, place_u, weight))

    def _reading_order(self, edges: Sequence[tuple[int, int]]) -> list[float]:
        """Boxes numbered as a reader meets them: sinks in order, operands first to last; lanes as their source."""
        consumers, operands = _neighbours(self.count, edges)
        met: dict[int, float] = {}
        stack = [v for v in reversed(range(self.count)) if not consumers[v]]
        while stack:
            v = stack.pop()
            if v not in met:
                met[v] = float(len(met))
                stack.extend(reversed(operands[v]))
        return [met[v] if v < self.count else met[self.lane_source[v]] for v in range(len(self.layer))]

    def choose_order(self) -> None:
        """Order each layer so that few edges cross; the reading order is kept where nothing is gained."""
        self._sort_layers(backwards=True)
        best, fewest = [list(layer) for layer in self.layers], self.crossings()
        for sweep in range(ORDER_SWEEPS):
            if not fewest or not self._sort_layers(backwards=sweep % 2 == 1):
                break
            crossings = self.crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _sort_layers(self, *, backwards: bool) -> bool:
        """Sort every layer by the mean position of its neighbours in the layer sorted just before; whether any moved."""
        position = [0.0] * len(self.layer)
        links, first, moved = self.after if backwards else self.before, self.first, False
        for number in reversed(range(len(self.layers))) if backwards else range(len(self.layers)):
            layer = self.layers[number]
            if any(links[v] for v in layer):
                keys = []
                for place, v in enumerate(layer):
                    found = links[v]
                    # A sink or an input has nothing to follow: it keeps its place.
                    key = sum([position[u] + at for u, _, at, _ in found]) / len(found) if found else float(place)
                    keys.append((round(key, 6), first[v], v))
                keys.sort()
                ordered = [v for _, _, v in keys]
                moved = moved or ordered != layer
                self.layers[number] = layer = ordered
            for place, v in enumerate(layer):
                position[v] = float(place)
        return moved

    def crossings(self) -> int:
        """How many pairs of links cross."""
        total = 0
        for layer, following in pairwise(self.layers):
            position = {v: place for place, v in enumerate(following)}
            seen: list[float] = []
            for u in layer:
                ends = sorted([position[v] + at for v, _, at, _ in self.after[u]])
                total += sum([len(seen) - bisect_right(seen, end) for end in ends])
                seen = sorted(seen + ends)  # two sorted runs: merged in linear time
        return total

    def place_across(self) -> None:
        """Set `center`: near the neighbours, in order, and far enough apart."""
        for layer in self.layers:
            self._settle(layer, [self.center[v] for v in layer], [1.0] * len(layer))
        for sweep in range(PLACE_SWEEPS):
            for layer in self.layers if sweep % 2 else reversed(self.layers):
                pulls = [self._pull(v, first=sweep == 0) for v in layer]
                self._settle(layer, [p[0] for p in pulls], [p[1] for p in pulls])
        for layer in self.layers:  # last, boxes stand centred on their operands, and what has one operand lines up
            self._settle(layer, [self._behind(v) for v in layer], [1.0 + 9.0 * (v >= self.count) for v in layer])
        for layer in reversed(self.layers):  # and inputs, which have none, on where they are used
            aims = [self.center[v] if self.before[v] else self._pull(v, first=True)[0] for v in layer]
            self._settle(layer, aims, [1.0 + 1e6 * bool(self.before[v]) for v in layer])

    def _pull(self, v: int, *, first: bool) -> tuple[float, float]:
        """Where the links of v want its centre to be, and how strongly. In the first sweep only its consumers pull."""
        total = weight = 0.0
        center = self.center
        for u, shift, _, w in self.after[v]:
            total += w * (center[u] + shift)
            weight += w
        if not first or not weight:
            for u, shift, _, w in self.before[v]:
                total += w * (center[u] + shift)
                weight += w
        return (total / weight, weight) if weight else (center[v], 1.0)

    def _behind(self, v: int) -> float:
        """The centre of v that its operands ask for; an input stays."""
        links = [link for link in self.before[v] if self.before[link[0]] or link[0] in self.ends.first] or self.before[
            v
        ]
        aims = [self.center[u] + shift for u, shift, _, _ in links]  # computed ones: inputs stand beside the flow
        return sum(aims) / len(aims) if aims else self.center[v]

    def _settle(self, layer: list[int], targets: list[float], weights: list[float]) -> None:
        """Centres nearest to the targets (weighted least squares) that keep the order and the gaps of the layer."""
        offset, offsets = 0.0, []
        for previous, v in zip([layer[0], *layer], layer, strict=False):
            if v != previous:
                gap = CARD_GAP if previous < self.count and v < self.count else LANE_GAP
                offset += self.across[previous] / 2 + gap + self.across[v] / 2
            offsets.append(offset)
        pools: list[tuple[float, float, int]] = []  # mean, weight, members
        for target, shift, weight in zip(targets, offsets, weights, strict=True):
            mean, total, members = target - shift, weight, 1
            while pools and pools[-1][0] >= mean:
                other, other_total, other_members = pools.pop()
                mean = (mean * total + other * other_total) / (total + other_total)
                total, members = total + other_total, members + other_members
            pools.append((mean, total, members))
        means = [mean for mean, _, members in pools for _ in range(members)]
        for v, mean, shift in zip(layer, means, offsets, strict=True):
            self.center[v] = mean + shift

    def place_along(self, *, stretch: bool) -> tuple[list[Box], list[tuple[Point, ...]], float, float]:
        """Boxes, routes, length and breadth in (along, across) coordinates."""
        top = min(self.center[v] - self.across[v] / 2 for v in range(len(self.layer)))
        self.center = [c - top + self.margin for c in self.center]
        starts, ends, position = [], [], self.margin
        for number, layer in enumerate(self.layers):
            length = max((self.along[v] for v in layer if v < self.count), default=0.0)
            starts.append(position)
            ends.append(position + length)
            position += length + self._gap_after(number)
        boxes = []
        widest, rigid = [0.0] * len(self.layers), self.ends.rigid | self.ends.first | self.ends.last
        for v in range(self.count):
            if v not in rigid:
                widest[self.layer[v]] = max(widest[self.layer[v]], self.along[v])
        for v in range(self.count):
            start, end = starts[self.layer[v]], ends[self.layer[v]]
            length = widest[self.layer[v]] if stretch and v not in rigid else self.along[v]
            start += (end - start - length) * (0.5 if self.before[v] else 1.0)  # an input stands next to its consumer
            boxes.append(_rounded(Box(start, self.center[v] - self.across[v] / 2, length, self.across[v])))
        routes = [self._route(edge, boxes, starts, ends) for edge in range(len(self.paths))]
        breadth = max(self.center[v] + self.across[v] / 2 for v in range(len(self.layer))) + self.margin
        return boxes, routes, round(ends[-1] + self.margin, 1), round(breadth, 1)

    def _gap_after(self, number: int) -> float:
        """More room where edges climb far, so that no bend gets steep."""
        center = self.center
        climbs = [abs(center[u] + shift - center[v]) for v in self.layers[number] for u, shift, _, _ in self.after[v]]
        at_side = (number == 0 and self.ends.first) or (number == len(self.layers) - 2 and self.ends.last)
        return (
            min((PORT_GAP if at_side else LAYER_GAP) + 0.16 * max(climbs, default=0.0), LAYER_GAP_MAX) + self.ends.room
        )

    def _route(self, edge: int, boxes: list[Box], starts: list[float], ends: list[float]) -> tuple[Point, ...]:
        """Out of the source, straight through the layers between, bent in the gaps, into the target's port."""
        source, *lanes, target = self.paths[edge]
        out, into = boxes[source], boxes[target]
        leave, arrive = self.center[source] + self.leave[edge], self.center[target] + self.arrive[edge]
        points = [(out.x + out.width, leave), (ends[self.layer[source]], leave)]
        for lane in lanes:
            points += [(starts[self.layer[lane]], self.center[lane]), (ends[self.layer[lane]], self.center[lane])]
        points += [(starts[self.layer[target]], arrive), (into.x, arrive)]
        rounded = [(round(x, 1), round(y, 1)) for x, y in points]
        return tuple(p for i, p in enumerate(rounded) if i == 0 or p != rounded[i - 1])


def _rounded(box: Box) -> Box:
    return Box(round(box.x, 1), round(box.y, 1), round(box.width, 1), round(box.height, 1))
