"""Boxes in boxes: cards lie in their box and in no other, boxes do not overlap, and edges miss the cards."""

import random
from itertools import combinations, pairwise

import pytest
from geometry import apart, bezier, inside

from autograd.viz.clusters import Graph, fold, grow
from autograd.viz.nested import place
from autograd.viz.scene import Edge, Group, Node, Scene
from autograd.viz.view import expandable, view


def random_scene(seed):
    """A random acyclic graph, stretches of which are groups, and stretches of those too."""
    draw = random.Random(f"nested {seed}")
    count = draw.randint(3, 40)
    nodes = tuple(Node(f"n{i}", "op", label=f"v{i}") for i in range(count))
    edges = []
    for target in range(1, count):
        first = max(0, target - draw.choice([3, 10, 40]))
        sources = [draw.randint(first, target - 1) for _ in range(draw.choice([0, 1, 2, 2, 4]))]
        edges += [Edge(f"n{source}", f"n{target}", slot) for slot, source in enumerate(sources)]
    groups, members = [], {}

    def divide(start, end, parent, depth):
        at = start
        while at < end:
            length = draw.randint(1, max(1, (end - start) // 2))
            stop = min(at + length, end)
            if depth < 3 and draw.random() < 0.6 and stop - at < end - start:
                groups.append((f"g{len(groups)}", parent))
                divide(at, stop, groups[-1][0], depth + 1)
            else:
                members.setdefault(parent, []).extend(f"n{i}" for i in range(at, stop))
            at = stop

    divide(0, count, "", 0)
    told = tuple(Group(id, f"module.{id}", tuple(members.get(id, ())), parent) for id, parent in groups)
    closed = tuple(group.id for group in told if draw.random() < 0.25)
    return Scene(nodes, tuple(edges), told, closed=closed)


def contains(outer, inner):
    right, low = outer.x + outer.width + 0.2, outer.y + outer.height + 0.2
    return (
        outer.x - 0.2 <= inner.x
        and outer.y - 0.2 <= inner.y
        and inner.x + inner.width <= right
        and inner.y + inner.height <= low
    )


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("seed", range(25))
def test_random_boxes(seed, direction):
    shown = view(random_scene(seed))
    draw = random.Random(seed)
    sizes = [(draw.randint(60, 260), draw.randint(30, 120)) for _ in shown.cards]
    plan = place(shown, sizes, [90.0] * len(shown.frames), direction=direction)
    along = 0 if direction == "LR" else 1
    assert all(apart(a, b) > 8 for a, b in combinations(plan.boxes, 2))

    def around(card):
        frames, frame = set(), shown.home[card]
        while frame >= 0:
            frames.add(frame)
            frame = shown.around[frame]
        return frames

    for card, box in enumerate(plan.boxes):
        for frame, outer in enumerate(plan.frames):
            assert contains(outer, box) if frame in around(card) else apart(outer, box) > 0
    for wire, route in zip(shown.wires, plan.routes, strict=True):
        out, into = plan.boxes[wire.source], plan.boxes[wire.target]
        assert (out.x + out.width < into.x) if direction == "LR" else (out.y + out.height < into.y)
        assert all(p[along] <= q[along] for p, q in pairwise(route))
        points = [bezier(p, q, t / 10, along=along) for p, q in pairwise(route) for t in range(11)]
        assert not [p for box in plan.boxes for p in points if inside(box, p)]


@pytest.mark.parametrize("seed", range(10))
def test_each_edge_is_seen_unless_it_is_inside_of_a_closed_group(seed):
    scene = random_scene(seed)
    shown = view(scene)
    whole = view(scene, closed=())
    assert len(whole.cards) == len(scene.nodes)
    assert len(whole.wires) == len(scene.edges)
    groups = {id: group for group in scene.groups for id in group.nodes}
    parents = {group.id: group.parent for group in scene.groups}

    def seen_as(id):
        chain, group = [id], groups[id].id if id in groups else ""
        while group:
            chain.append(group)
            group = parents[group]
        return next((group for group in reversed(chain) if group in scene.closed), id)

    wanted = {(seen_as(edge.source), seen_as(edge.target)) for edge in scene.edges}
    got = {(shown.cards[wire.source].id, shown.cards[wire.target].id) for wire in shown.wires}
    assert got == {(a, b) for a, b in wanted if a != b}
    assert expandable(scene) == {group.id for group in scene.groups if group.nodes or group.id in parents.values()}


def chain(*paths, calls=None):
    """A graph of one operation after the other, made in these modules."""
    count = len(paths)
    operands = [[i - 1] if i else [] for i in range(count)]
    return Graph(operands, list(paths), list(calls or [0] * count), [""] * count, ["op"] * count, ["f"] * count)


def test_a_module_is_a_box_for_each_call():
    tree = grow(chain("a", "a", "", "a", "a.b", "a"), frozenset())
    assert tree.path == ["a", "a", "a.b"]
    assert tree.parent == [-1, -1, 1]
    assert tree.home == [0, 0, -1, 1, 2, 1]


def test_a_module_that_is_called_again_at_once_is_two_boxes():
    tree = grow(chain("a", "a", "a", calls=[1, 2, 2]), frozenset())
    assert tree.home == [0, 1, 1]


def test_modules_without_operations_of_their_own_are_boxes_too():
    assert grow(chain("a.b", "a.c"), frozenset({"a"})).path == ["a", "a.b", "a.c"]
    assert grow(chain("a.b", "a.c"), frozenset()).path == ["a.b", "a.c"]


def test_weights_and_constants_stand_with_the_module_that_uses_them():
    graph = Graph(
        operands=[[], [], [], [0, 1], [3, 2], []],
        paths=["", "", "", "a", "a", ""],
        calls=[0] * 6,
        labels=["a.weight", "x", "", "", "", "b.weight"],
        kinds=["leaf", "leaf", "constant", "op", "op", "leaf"],
        names=["", "", "", "f", "g", ""],
    )
    assert grow(graph, frozenset()).home == [0, -1, 0, 0, 0, -1]


def test_a_weight_that_two_calls_share_stands_outside():
    graph = Graph([[], [0], [1], [2, 0]], ["", "a", "", "a"], [0, 1, 0, 2], ["a.weight", "", "", ""],
                  ["leaf", "op", "op", "op"], ["", "f", "g", "f"])  # fmt: skip
    assert grow(graph, frozenset()).home[0] == -1


def folded(graph):
    tree = grow(graph, frozenset())
    fold(graph, tree, frozenset())
    return {(tree.path[i], tree.times[i]) for i in range(len(tree.path)) if tree.parent[i] < 0}


def test_independent_calls_of_one_module_are_one_group():
    graph = chain("a", "b", "a", "b", "a", "b", calls=range(6))
    graph.operands[2], graph.operands[4] = [], []
    assert folded(graph) == {("a", 3), ("b", 3)}


def test_calls_that_would_make_a_circle_stay_apart():
    assert folded(chain("a", "b", "a", "b", calls=range(4))) == {("a", 1), ("b", 1)}


def test_neighbours_that_are_alike_are_one_group():
    graph = chain("b.0", "b.0.x", "b.1", "b.1.x", "b.2", "b.2.x", "c")
    assert folded(graph) == {("b.0 … b.2", 3), ("c", 1)}
    graph.names[3] = "another"
    assert folded(graph) == {("b.0", 1), ("b.1", 1), ("b.2", 1), ("c", 1)}


@pytest.mark.parametrize("seed", range(20))
def test_folding_never_makes_a_circle(seed):
    draw = random.Random(f"fold {seed}")
    count = 150
    paths = []
    while len(paths) < count:
        paths += [draw.choice(["", "a", "a.b", "a.c", "b", "b.0", "b.1"])] * draw.randint(1, 6)
    operands = [
        [draw.randint(max(0, i - 15), i - 1) for _ in range(draw.choice([1, 1, 2]))] if i else [] for i in range(count)
    ]
    graph = Graph(
        operands, paths[:count], [0] * count, [""] * count, ["op"] * count, [draw.choice("fg") for _ in paths[:count]]
    )
    tree = grow(graph, frozenset())
    fold(graph, tree, frozenset())
    groups = tuple(
        Group(
            f"g{i}",
            path,
            parent=f"g{parent}" if parent >= 0 else "",
            nodes=tuple(f"n{n}" for n in range(count) if tree.home[n] == i),
        )
        for i, (path, parent) in enumerate(zip(tree.path, tree.parent, strict=True))
    )
    order = sorted(groups, key=lambda group: len(tree.chain(int(group.id[1:]))))
    scene = Scene(
        tuple(Node(f"n{i}", "op") for i in range(count)),
        tuple(
            Edge(f"n{source}", f"n{i}", slot)
            for i, sources in enumerate(operands)
            for slot, source in enumerate(sources)
        ),
        tuple(order),
    )
    for closed in ((), [group.id for group in order], [group.id for group in order if draw.random() < 0.5]):
        shown = view(scene, closed)
        place(shown, [(60.0, 30.0)] * len(shown.cards), [20.0] * len(shown.frames))  # ValueError for a circle
