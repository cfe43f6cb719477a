"""Properties of every layout: nothing overlaps, edges run one way and miss the cards, and order is kept."""

import random
from itertools import combinations, pairwise

import pytest
from geometry import apart, bezier, inside

from autograd.viz.layout import CARD_GAP, arrange, layers_of


def random_graph(seed):
    """Sizes and edges of a random acyclic graph; some edges are doubled, like those of x * x."""
    draw = random.Random(f"layout {seed}")
    count = draw.randint(1, 40)
    sizes = [(draw.randint(60, 260), draw.randint(30, 120)) for _ in range(count)]
    edges = []
    for target in range(1, count):
        recent = max(0, target - draw.choice([3, 10, 40]))
        edges += [(draw.randint(recent, target - 1), target) for _ in range(draw.choice([0, 1, 2, 2, 5]))]
    return sizes, edges


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("seed", range(30))
def test_random_graphs(seed, direction):
    sizes, edges = random_graph(seed)
    plan = arrange(sizes, edges, direction=direction)
    along = 0 if direction == "LR" else 1
    for a, b in combinations(plan.boxes, 2):
        assert apart(a, b) >= CARD_GAP - 0.2
    for box, (width, height) in zip(plan.boxes, sizes, strict=True):
        assert min(box.x, box.y) >= 0
        assert box.x + box.width <= plan.width
        assert box.y + box.height <= plan.height
        assert box.width >= width
        assert box.height >= height
    for (source, target), route in zip(edges, plan.routes, strict=True):
        out, into = plan.boxes[source], plan.boxes[target]
        assert (out.x + out.width < into.x) if direction == "LR" else (out.y + out.height < into.y)
        assert all(p[along] <= q[along] for p, q in pairwise(route))
        points = [bezier(p, q, t / 12, along=along) for p, q in pairwise(route) for t in range(13)]
        assert not [(box, p) for box in plan.boxes for p in points if inside(box, p)]


def test_routes_start_at_the_source_and_end_at_the_target():
    plan = arrange([(100, 40), (100, 40), (100, 60)], [(0, 2), (1, 2)])
    for edge, route in enumerate(plan.routes):
        out, into = plan.boxes[edge], plan.boxes[2]
        assert route[0] == (out.x + out.width, out.y + 20)
        assert route[-1] == (into.x, into.y + 20 * (edge + 1))


def test_layers_are_as_late_as_possible():
    """0 → 1 → 2 → 3 and 4 → 3: box 4 waits next to its consumer."""
    assert layers_of(5, [(0, 1), (1, 2), (2, 3), (4, 3)]) == [0, 1, 2, 3, 2]


def test_operands_stand_in_the_order_of_their_slots():
    plan = arrange([(80, 40)] * 7, [(4, 6), (2, 6), (5, 6), (0, 6), (3, 6), (1, 6)])
    tops = [plan.boxes[i].y for i in (4, 2, 5, 0, 3, 1)]
    assert tops == sorted(tops)


@pytest.mark.parametrize("widths", [(3, 4, 2), (6, 6, 6), (1, 9, 1)])
def test_dense_layers_keep_neurons_in_index_order(widths):
    layers, start = [], 0
    for width in widths:
        layers.append(list(range(start, start + width)))
        start += width
    edges = [(source, target) for one, other in pairwise(layers) for target in other for source in one]
    plan = arrange([(80, 40)] * start, edges)
    for layer in layers:
        tops = [plan.boxes[i].y for i in layer]
        assert tops == sorted(tops)


def test_a_tree_is_centred():
    plan = arrange([(80, 40)] * 7, [(0, 4), (1, 4), (2, 5), (3, 5), (4, 6), (5, 6)])
    center = [box.y + box.height / 2 for box in plan.boxes]
    assert center[4] == pytest.approx((center[0] + center[1]) / 2, abs=0.2)
    assert center[6] == pytest.approx(plan.height / 2, abs=0.2)


def test_a_chain_is_straight():
    plan = arrange([(80, 40), (120, 60), (90, 40)], [(0, 1), (1, 2)])
    assert all(len({y for _, y in route}) == 1 for route in plan.routes)


def test_doubled_edges_have_two_ports():
    plan = arrange([(80, 40), (80, 60)], [(0, 1), (0, 1)])
    assert plan.routes[0][-1][1] + 20 == plan.routes[1][-1][1]


def test_sinks_stand_in_the_last_layer():
    plan = arrange([(80, 40)] * 4, [(0, 1), (1, 2), (0, 3)])
    assert plan.boxes[2].x == plan.boxes[3].x


def test_empty_and_single():
    assert arrange([], []).boxes == ()
    assert len(arrange([(50, 20)], []).boxes) == 1


def test_cycle_is_an_error():
    with pytest.raises(ValueError, match="cycle"):
        arrange([(10, 10)] * 2, [(0, 1), (1, 0)])
