"""Boxes by module, folding of large graphs, the neighbourhood of a node, slopes, steps, comparison, speed."""

import json
import re
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter

import drawn_graphs as graphs
import numpy as np
import pytest

import nn
from autograd import Value, draw
from autograd.viz import Drawing
from autograd.viz.scene import Scene
from autograd.viz.view import view


def shown(drawing):
    return {
        getattr(card, "path", "") if card.id[0] == "g" else card.label or card.op for card in view(drawing.scene).cards
    }


def test_modules_are_boxes_with_their_weights():
    drawing = draw(graphs.network())
    assert [(group.path, group.parent) for group in drawing.scene.groups] == [("layers.0", ""), ("layers.1", "")]
    inside = {node.label for node in drawing.scene.nodes if node.id in drawing.scene.groups[0].nodes}
    assert {"layers.0.weight", "layers.0.bias"} <= inside
    svg = drawing.to_svg()
    assert svg.count('class="frame"') == 2
    assert ">weight</text>" in svg  # the box says the rest


def test_a_module_used_twice_is_two_boxes_and_its_weights_stand_outside():
    drawing = draw(graphs.twice())
    assert [group.path for group in drawing.scene.groups] == ["layer", "layer"]
    (weight,) = [node.id for node in drawing.scene.nodes if node.label == "layer.weight"]
    assert all(weight not in group.nodes for group in drawing.scene.groups)
    assert sum(edge.source == weight for edge in drawing.scene.edges) == 2


def test_depth():
    loss = graphs.network()
    assert {"layers.0", "layers.1"} <= shown(draw(loss, depth=0))
    assert "layers.0" not in shown(draw(loss, depth=1))
    assert shown(draw(loss, depth=1)) == shown(draw(loss))
    with pytest.raises(ValueError, match="depth=-1: expected 'auto' or a number from 0 on"):
        draw(loss, depth=-1)


def test_a_large_graph_is_folded_into_modules_with_repeats():
    drawing = draw(graphs.scalars(3))
    cards = {card.path: card for card in view(drawing.scene).cards if card.id[0] == "g"}
    assert {path: card.times for path, card in cards.items()} == {
        "layers.0": 3, "layers.1": 3, "layers.2": 3, "weights": 1,
    }  # fmt: skip
    assert cards["weights"].count == 337
    assert dict(cards["layers.2"].ops) == {"×": 48, "+": 48}
    assert "× 3" in drawing.to_svg()
    assert "[layers.1 × 3: " in drawing.to_text()
    assert re.search(r"2,\d{3} nodes, [\d,]+ edges, in groups", drawing.title)


def test_the_figures_of_a_group_are_those_of_its_nodes():
    loss = graphs.scalars(1)
    drawing = draw(loss, depth=0)
    group = next(group for group in drawing.scene.groups if group.path == "layers.2")
    values = [v for v in walk(loss) if v.path.startswith("layers.2") or v.label.startswith("layers.2.")]
    sizes = sorted(abs(v.grad) for v in values)
    assert group.count == len(values)
    assert float(group.quantiles[0]) == pytest.approx(sizes[0], rel=1e-3)
    assert float(group.quantiles[1]) == pytest.approx(np.median(sizes), rel=1e-3)
    assert float(group.quantiles[2]) == pytest.approx(sizes[-1], rel=1e-3)


def walk(root):
    seen, stack = {root}, [root]
    while stack:
        for value in stack.pop()._prev - seen:
            seen.add(value)
            stack.append(value)
    return seen


def test_nan_inside_of_a_closed_group_is_flagged():
    model = nn.MLP(2, [3, 1], rng=0)
    model.layers[0].weight.data[0, 0] = np.nan
    drawing = draw(np.sum(model(np.ones((1, 2), dtype=np.float32))), depth=0)
    bad = {group.path: group.bad for group in drawing.scene.groups}
    assert bad["layers.0"] >= 2
    assert "NaN or Inf in" in drawing.to_svg()


def test_what_is_too_much_for_a_scene_stays_a_group_with_its_figures():
    drawing = draw(graphs.scalars(30))
    assert len(drawing.scene.nodes) <= 1_500
    assert sum(group.count for group in drawing.scene.groups if not group.parent) > 19_000
    assert len(view(drawing.scene).cards) < 40


def test_of_calls_that_are_alike_all_open_or_none():
    opened = []
    for samples in (3, 60):
        drawing = draw(graphs.scalars(samples))
        states = json.loads(re.search(r'type="application/json">(.*?)</script>', drawing.to_html())[1])["states"]
        calls = Counter(group.parent for group in drawing.scene.groups)
        given = Counter(group.parent for group in drawing.scene.groups if group.id in states)
        repeated = [group for group in drawing.scene.groups if group.times > 1 and group.id in states]
        assert all(given[group.id] in (0, calls[group.id]) for group in repeated)
        opened.append({group.path: given[group.id] for group in repeated if not group.parent})
    assert opened == [dict.fromkeys(("layers.0", "layers.1", "layers.2"), n) for n in (3, 0)]


def test_focus_shows_the_neighbourhood():
    values = [Value(1.0, "v0")]
    for i in range(1, 20):
        values.append(np.tanh(values[-1]))
        values[-1].label = f"v{i}"
    scene = draw(values[-1], focus=values[10], radius=2).scene
    assert [node.label for node in scene.nodes] == ["… 8 more nodes", "v8", "v9", "v10", "v11", "v12", "… 7 more nodes"]
    assert [(edge.source, edge.target) for edge in scene.edges] == [(f"n{i}", f"n{i + 1}") for i in range(6)]
    assert scene.roots == ("n3",)  # v10 stands out
    with pytest.raises(ValueError, match="focus is not in the graph that computed root"):
        draw(values[3], focus=values[10])


def test_no_depth_of_a_graph_is_too_much_for_python():
    x = value = Value(0.5, "x")
    for _ in range(100_000):
        value = np.tanh(value)
    assert draw(value).title == "computation graph of tanh: 400 nodes, 400 edges, 99,601 more nodes"
    assert len(draw(value, focus=x, radius=1_200).scene.nodes) == 1_202
    value = x
    for _ in range(1_200):  # longer than Python's stack is deep
        value = np.tanh(value)
    value.backward()
    drawing = draw(value, max_nodes=10_000)
    for written in (drawing.to_svg(), drawing.to_dot(), drawing.to_text(), drawing.to_json(), drawing.to_html()):
        assert written.count("tanh") >= 1_200
    assert len(drawing.steps().steps) == 2_402
    assert drawing.diff(drawing).title.endswith("1,201 same")


# slopes and histograms


def test_edges_carry_the_local_derivative_and_what_flows_back():
    scene = draw(graphs.neuron()).scene
    labels = {node.id: node.label for node in scene.nodes}
    edges = {labels[edge.source]: edge for edge in scene.edges if labels[edge.source]}
    assert (edges["x1"].slope, edges["w1"].slope, edges["n"].slope) == ("-3.0", "2.0", "0.5")
    assert (edges["x1"].flow, edges["w1"].flow, edges["n"].flow) == (("-1.5",), ("1.0",), ("0.5",))
    assert edges["x1"].share == 1.0


def test_of_arrays_the_slope_is_the_gain_of_the_gradients_norm():
    x = Value(np.array([1.0, 2.0, 3.0]), "x")
    y = x * 4.0
    assert draw(y).scene.edges[0].slope == ""
    y.backward(np.array([1.0, 0.0, 2.0]))
    assert draw(y).scene.edges[0].slope == "×4.0"


def test_the_tooltips_tell_derivative_and_formula():
    svg = draw(graphs.neuron()).to_svg()
    assert "∂ o / ∂ n = 0.5\nadds to the gradient of n: 0.5\nHyperbolic tangent; slope 1 − out²." in svg
    assert "multiply(·, ·)\nProduct, out = x · y.\n∂ multiply / ∂ x1 = -3.0\n∂ multiply / ∂ w1 = 2.0" in svg


def test_slopes_on_the_edges_only_if_asked_for():
    out = graphs.neuron()
    assert 'class="slope"' not in draw(out).to_svg()
    assert draw(out, show=("op", "slope")).to_svg().count('class="slope"') == 9


def test_drawing_changes_neither_gradients_nor_data():
    out = graphs.network()
    before = {v: (np.copy(v.data), np.copy(v.grad)) for v in walk(out)}
    draw(out, show=("op", "data", "grad", "slope")).steps()
    for v, (data, grad) in before.items():
        np.testing.assert_array_equal(v.data, data)
        np.testing.assert_array_equal(v.grad, grad)


def test_histograms():
    node = draw(Value(np.array([0.0, 0.0, 0.0, 1.0]))).scene.nodes[0]
    assert node.data.bins == (1.0, *[0.0] * 14, 0.33)
    assert draw(Value(np.ones(4))).scene.nodes[0].data.bins == ()
    assert draw(Value(3.0)).scene.nodes[0].data.bins == ()


def test_colour_by_gradient():
    out = graphs.neuron()
    assert draw(out).to_svg().count('class="tint') == 9  # w2's gradient is 0
    assert 'class="tint' not in draw(out, color="op").to_svg()
    with pytest.raises(ValueError, match="color='red': expected one of 'grad', 'op'"):
        draw(out, color="red")


def test_an_operation_of_which_one_result_is_used_is_one_card():
    a = Value(np.array([[2.0, 1.0], [1.0, 3.0]]), "A")
    scene = draw(np.linalg.slogdet(a)[1]).scene
    assert [node.op for node in scene.nodes] == ["", "slogdet"]


# steps


def test_steps_go_forward_then_backward():
    steps = draw(graphs.neuron()).steps()
    phases = [step.phase for step in steps.steps]
    assert phases == ["start"] + ["forward"] * 5 + ["backward"] * 6
    written = steps.to_text()
    assert "5. forward: o = tanh(n)\n   = tanh(0.8814) = 0.7071\n" in written
    assert "∂ n4 / ∂ x1 = -3.0, so x1 gets -3.0 · 0.5 = -1.5" in written


def test_a_gradient_that_waits_for_another_path_says_so():
    x = Value(3.0, "x")
    y = x * x + x
    y.backward()
    grads = [dict(step.grads) for step in draw(y).steps().steps]
    assert [grad["n0"] for grad in grads if "n0" in grad] == ["1.0 + …", ""]


def test_before_backward_there_are_only_forward_steps():
    phases = {step.phase for step in draw(Value(2.0, "x") * 3.0).steps().steps}
    assert phases == {"start", "forward"}


def test_the_page_of_steps_is_complete_without_javascript():
    steps = draw(graphs.neuron()).steps()
    page = steps.to_html()
    before_script = page[: page.index("<script")]
    assert steps.to_svg() in before_script
    assert before_script.count("<li>") == len(steps.steps)
    assert "-1.5" in before_script
    bundle = steps._repr_mimebundle_()
    assert list(bundle) == ["text/html", "image/svg+xml", "text/plain"]
    assert 'type="range"' in bundle["text/html"]


# comparison


def test_diff_shows_what_changed():
    old = graphs.network(backward=False)
    drawing = draw(old).diff(draw(graphs.network()))
    weight = next(node for node in drawing.scene.nodes if node.label == "layers.0.weight")
    assert weight.change == "changed"
    assert weight.grad.cells[0].startswith("– → mean ")
    assert drawing.title.startswith("comparison of two graphs: ")


def test_diff_marks_what_is_new_and_gone():
    def graph(inner):
        x = Value(0.5, "x")
        return np.tanh(inner(x) * 2.0)

    drawing = draw(graph(np.exp)).diff(draw(graph(np.sin)))
    changes = {(node.op, node.change) for node in drawing.scene.nodes}
    assert {("exp", "gone"), ("sin", "new"), ("tanh", "changed"), ("", "same")} <= changes
    ElementTree.fromstring(drawing.to_svg())
    assert "0.8415" not in drawing.to_text()  # sin(0.5) = 0.4794
    assert draw(graph(np.exp)).diff(draw(graph(np.exp))).title.endswith("4 same")


# other forms


def test_json_draws_the_same_groups_and_slopes():
    for drawing in (draw(graphs.scalars(1)), draw(graphs.network(), show=("op", "data", "slope"), color="op")):
        again = Drawing(Scene.from_json(drawing.to_json()))
        assert again.scene == drawing.scene
        assert again.to_svg() == drawing.to_svg()
        assert again.to_html() == drawing.to_html()


def test_text_names_closed_modules_as_operands():
    written = draw(graphs.network(), depth=0).to_text()
    assert "= power([layers.1]" in written or "[layers.1] ** 2" in written
    assert "[layers.0: 4 nodes]" in written


def test_dot_has_boxes_in_boxes_and_closed_groups():
    written = draw(graphs.scalars(1), depth=1).to_dot()
    assert written.count("{") == written.count("}")
    assert written.index("subgraph cluster_g0") < written.index('label="layers.0"')
    ends = {end for edge in re.findall(r"(\w+) -> (\w+);", written) for end in edge}
    assert ends <= set(re.findall(r"^ *(\w+) \[label=<", written, re.MULTILINE))


def test_the_page_holds_a_state_for_each_group():
    page = draw(graphs.network()).to_html()
    data = json.loads(re.search(r'<script id="states" type="application/json">(.*?)</script>', page).group(1))
    assert set(data["states"]) == {"", "g0", "g1"}
    first, closed = data["states"][""], data["states"]["g0"]
    assert len(closed["cards"]) < len(first["cards"])
    assert "<" not in re.search(r"json\">(.*?)</script>", page).group(1)


def test_png_and_pdf(tmp_path):
    pytest.importorskip("vl_convert")
    drawing = draw(graphs.neuron())
    assert drawing.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert drawing.save(tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_png_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    with pytest.raises(ImportError, match=r"pip install 'glassgrad\[pictures\]'; .svg and .html need nothing"):
        draw(graphs.neuron()).save(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def compiled_step(model, optimizer, x):
    """A step of training as a program, run once."""
    import autograd

    @autograd.compile(backend="numpy")
    def step(x):
        loss = np.mean(model(x) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step(x)
    return step


def test_a_program_is_drawn_in_its_phases():
    model = nn.MLP(2, [3, 1], rng=0)
    step = compiled_step(model, nn.SGD(model, 0.1), np.ones((4, 2), dtype=np.float32))
    scene = step.draw().scene
    outer = [group.path for group in scene.groups if not group.parent]
    assert outer == ["forward", "backward", "update"]
    assert "forward.layers.0" in [group.path for group in scene.groups if group.parent == "g0"]
    ElementTree.fromstring(step.draw(direction="TB").to_svg())
    kinds = Counter(node.kind for node in scene.nodes)
    assert step.draw().title == f"program of {kinds['op']} steps and {kinds['leaf']} inputs"


def test_a_long_program_is_folded_into_its_phases_and_modules():
    model = nn.MLP(4, [4] * 12, rng=0)
    step = compiled_step(model, nn.AdamW(model, learning_rate=0.1), np.ones((4, 4), dtype=np.float32))
    whole, folded = step.draw(max_nodes=10_000).scene, step.draw(max_nodes=20).scene
    count = len(whole.nodes)
    assert count > 100 and not whole.closed
    assert sum(group.count for group in folded.groups if not group.parent) == count  # nothing is left out
    cards = {card.path: card for card in view(folded).cards if card.id[0] == "g"}
    assert cards["forward.layers.0 … forward.layers.10"].times == 11 and len(view(folded).cards) <= 48
    assert step.draw(max_nodes=20).title.endswith(" inputs, in groups")
    assert [card.id[0] for card in view(step.draw(0, max_nodes=20).scene).cards].count("g") >= 3
    with pytest.raises(ValueError, match="depth='all': expected 'auto' or a number from 0 on"):
        step.draw("all")


# speed


def grid(count):
    """`count` scalar nodes in layers of ten, each made from two neighbours."""
    layer = [Value(i / 10, f"x{i}") for i in range(10)]
    for _ in range(count // 30):
        layer = [np.tanh(a * b + 1.0) for a, b in zip(layer, layer[1:] + layer[:1], strict=True)]
    out = sum(layer[1:], layer[0])
    out.backward()
    return out


@pytest.mark.slow
@pytest.mark.parametrize(("count", "seconds"), [(500, 0.1), (5_000, 3.0)])
def test_speed(count, seconds):
    out = grid(count)
    times = []
    for _ in range(3):
        start = time.process_time()
        draw(out, max_nodes=10_000).to_svg()
        times.append(time.process_time() - start)
    assert min(times) < seconds


@pytest.mark.slow
def test_speed_of_folding_100_000_nodes():
    loss = graphs.scalars(153)
    times = []
    for _ in range(5):
        start = time.process_time()
        drawing = draw(loss)
        drawing.to_svg()
        times.append(time.process_time() - start)
    assert re.search(r"(9\d|1\d\d),\d{3} nodes", drawing.title)
    assert min(times) < 1.0
