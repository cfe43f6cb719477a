"""draw() on real graphs: what is shown, what is left out, and that the picture is a copy."""

import json
import os
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import pytest

from autograd import Value, no_grad
from autograd.viz import Drawing, draw
from autograd.viz.reading import format_number
from autograd.viz.scene import Scene


def neuron():
    """micrograd's neuron, with nodes named as in its pictures."""
    x1, w1, x2, w2 = (Value(x, name) for x, name in ((2.0, "x1"), (-3.0, "w1"), (0.0, "x2"), (1.0, "w2")))
    b = Value(6.8813735870195432, "b")
    n = x1 * w1 + x2 * w2 + b
    n.label = "n"
    o = np.tanh(n)
    o.label = "o"
    return o


def node_of(drawing, label):
    (node,) = [node for node in drawing.scene.nodes if node.label == label]
    return node


def by_op(drawing, op):
    (node,) = [node for node in drawing.scene.nodes if node.op == op]
    return node


def op_node(data, *operands, name="sum", symbol="Σ", **options):
    """A node of a made-up op, for options and data that few ops have."""
    node = Value(0.0)
    node.data, node.operands, node.options = data, operands, options
    node.primitive = SimpleNamespace(name=name, symbol=symbol)
    return node


def test_a_neuron():
    o = neuron()
    o.backward()
    drawing = draw(o)
    scene = drawing.scene
    assert [node.id for node in scene.nodes] == [f"n{i}" for i in range(10)]
    assert len(scene.edges) == 9
    assert [node.title for node in scene.nodes if node.kind == "op"] == ["×", "×", "+", "+", "tanh"]
    assert scene.roots == ("n9",)
    assert node_of(drawing, "o").data.cells == ("0.7071",)
    assert node_of(drawing, "n").grad.cells == ("0.5",)
    assert node_of(drawing, "x1").grad.share == -1.0
    assert repr(drawing) == "<Drawing: computation graph of o: 10 nodes, 9 edges>"


def test_gradient_is_a_dash_before_backward():
    drawing = draw(neuron())
    assert {node.grad.cells for node in drawing.scene.nodes} == {("–",)}
    assert {node.grad.share for node in drawing.scene.nodes} == {None}
    assert drawing.to_svg().count(">–<") == 10
    assert 'class="track"' not in drawing.to_svg()


def test_gradient_that_is_zero_is_not_a_dash():
    o = neuron()
    o.backward()
    assert node_of(draw(o), "w2").grad.cells == ("0.0",)


def test_drawing_is_a_copy():
    x = Value(np.array([1.0, 2.0, 3.0]), "x")
    y = x * 2.0
    drawing = draw(y)
    before = drawing.to_svg(), drawing.to_json(), drawing.to_text()
    x.data[:] = 100.0
    y.data = 5.0
    x.label = "other"
    assert (drawing.to_svg(), drawing.to_json(), drawing.to_text()) == before


def test_same_program_same_bytes():
    assert draw(neuron()).to_svg() == draw(neuron()).to_svg()
    assert draw(neuron()).to_json() == draw(neuron()).to_json()


def test_json_draws_the_same_picture():
    drawing = draw(neuron())
    assert Drawing(Scene.from_json(drawing.to_json())).to_svg() == drawing.to_svg()


def test_a_repeated_operand_has_two_edges():
    x = Value(3.0, "x")
    edges = draw(x * x).scene.edges
    assert [(edge.source, edge.target, edge.slot) for edge in edges] == [("n0", "n1", 0), ("n0", "n1", 1)]


def test_a_single_leaf():
    assert len(draw(Value(3.0)).scene.nodes) == 1
    assert draw(Value(3.0)).to_svg()


def test_arrays_show_minimum_mean_and_maximum():
    x = Value(np.array([[0.5, -1.25], [2.0, 0.0]], dtype=np.float32), "x")
    node = draw(x).scene.nodes[0]
    assert (node.shape, node.dtype, node.data.cells) == ("(2, 2)", "float32", ("-1.25", "0.3125", "2.0"))


def test_a_mean_is_not_lost_in_float16():
    x = Value(np.full(100_000, 30_000.0, dtype=np.float16))
    assert draw(x).scene.nodes[0].data.cells[1] == "3e+04"


@pytest.mark.parametrize(
    ("data", "cells", "is_bad"),
    [
        (float("nan"), ("nan",), True),
        (float("-inf"), ("-inf",), True),
        (np.array([1.0, np.nan, np.inf, np.nan]), ("2 NaN, 1 Inf of 4",), True),
        (np.array([]), ("empty",), False),
        (np.array([7.0]), ("7.0",), False),
        (np.array([3 + 4j, 1j]), ("|z| 1.0 … 5.0",), False),
        (np.array(2.5, dtype=np.float32), ("2.5",), False),
    ],
)
def test_readings(data, cells, is_bad):
    reading = draw(Value(data)).scene.nodes[0].data
    assert (reading.cells, reading.is_bad) == (cells, is_bad)


def test_nan_is_red():
    root = ElementTree.fromstring(draw(Value(2.0) * float("nan")).to_svg())
    assert [e.text for e in root.iter() if "bad" in e.get("class", "").split()] == ["nan"]


def test_a_gradient_that_is_a_value():
    x = Value(3.0, "x")
    y = x * x
    y.backward(record=True)
    assert node_of(draw(y), "x").grad.cells == ("6.0",)


def test_numbers_are_written_into_the_card():
    x = Value(3.0)
    assert by_op(draw(x * 2.0), "multiply").title == "× 2.0"
    assert by_op(draw(1 - x), "subtract").title == "1 −"
    assert by_op(draw(x**2), "power").title == "** 2"
    assert by_op(draw(x * np.array(0.5)), "multiply").title == "× 0.5"


def test_constant_arrays_get_one_card_each():
    x, mask = Value(np.ones(3)), np.array([1.0, 0.0, 1.0])
    scene = draw(x * mask + mask).scene
    assert [node.kind for node in scene.nodes] == ["leaf", "constant", "op", "op"]
    assert [(edge.source, edge.target) for edge in scene.edges] == [
        ("n0", "n2"),
        ("n1", "n2"),
        ("n2", "n3"),
        ("n1", "n3"),
    ]
    assert scene.nodes[1].grad is None


def test_constants_of_no_grad():
    with no_grad():
        c = Value(2.0) * 3.0
    node = draw(c).scene.nodes[0]
    assert (node.kind, node.grad) == ("constant", None)
    assert by_op(draw(c * Value(1.0)), "multiply").title == "6.0 ×"


def test_options_that_say_something():
    x = Value(np.ones((2, 3)))
    index = (slice(None, 3), Ellipsis, np.array([0, 1]), slice(1, None, 2))
    node = draw(op_node(x.data, x, axis=0, keepdims=False, out=None, shape=(2, 3), index=index)).scene.nodes[-1]
    assert node.options == ("axis=0", "shape=(2, 3)", "index=(:3, ..., array(2,), 1:…")


def test_a_tuple_of_results():
    node = draw(op_node((np.ones(3), np.ones(2)), Value(np.ones(3)))).scene.nodes[-1]
    assert node.data.cells == ("tuple of 2",)


def test_labels_are_escaped():
    svg = draw(Value(1.0, "<script>alert('&')</script>")).to_svg()
    assert "<script" not in svg
    ElementTree.fromstring(svg)


def test_show_leaves_out_what_is_not_asked_for():
    o = neuron()
    o.backward()
    drawing = draw(o, show=("op", "label"))
    assert all(node.data is None and node.grad is None for node in drawing.scene.nodes)
    assert "0.7071" not in drawing.to_svg()
    bare = draw(o, show=("data",)).scene.nodes
    assert all(not node.op and not node.label and node.grad is None for node in bare)


def test_several_roots_in_their_order():
    x = Value(1.0, "x")
    a, b = x * 2.0, x + 1.0
    assert draw([b, a]).scene.roots == ("n2", "n1")
    assert len(draw((a, b, a)).scene.nodes) == 3
    assert len(draw([]).scene.nodes) == 0


def test_a_chain_of_200_000_nodes_is_cut_honestly():
    value = Value(1.0)
    for _ in range(200_000):
        value = value * 1.0
    drawing = draw(value, max_nodes=50)
    assert len(drawing.scene.nodes) == 51
    assert drawing.scene.nodes[0].label == "… 199,951 more nodes"
    assert drawing.title.endswith("50 nodes, 50 edges, 199,951 more nodes")
    assert "… 199,951 more nodes" in drawing.to_text()
    drawing.to_svg()


def test_what_is_left_out_is_counted_exactly():
    value = Value(1.0)
    for _ in range(30):
        value = np.tanh(value)
    assert draw(value, max_nodes=10).scene.nodes[0].label == "… 21 more nodes"
    assert draw(value, max_nodes=30).scene.nodes[0].label == "… 1 more node"
    assert draw(value, max_nodes=31).scene.nodes[0].kind == "leaf"


def test_leaves_stay_with_the_operation_they_belong_to():
    value, weights = Value(1.0), [Value(0.5, f"w{i}") for i in range(30)]
    for weight in weights:
        value = value * weight
    scene = draw(value, max_nodes=6).scene
    assert [node.label for node in scene.nodes if node.kind == "leaf"] == ["w27", "w28", "w29"]


def test_500_nodes():
    layer = [Value(float(i), f"x{i}") for i in range(10)]
    while len(layer) < 170:
        layer += [np.tanh(a * b + 1.0) for a, b in zip(layer[-10:], layer[-9:], strict=False)]
    drawing = draw(layer[-10:], max_nodes=1000)
    assert len(drawing.scene.nodes) > 480
    assert drawing.to_svg()


def test_works_without_any_program(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    drawing = draw(neuron())
    for suffix in ("svg", "html", "dot", "txt", "json"):
        assert drawing.save(tmp_path / f"graph.{suffix}").read_text(encoding="utf-8")
    assert "digraph" in drawing.to_graphviz().source


def test_save_chooses_the_format_by_suffix(tmp_path):
    drawing = draw(neuron())
    saved = drawing.save(str(tmp_path / "graph.SVG"))
    assert saved == tmp_path / "graph.SVG"
    assert saved.read_text(encoding="utf-8") == drawing.to_svg()
    assert json.loads(drawing.save(tmp_path / "graph.json").read_text(encoding="utf-8"))["roots"] == ["n9"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph.SVG", "graph.json"]


def test_save_refuses_other_suffixes(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"cannot save a picture as 'a.gif': its suffix must be one of .svg, .html, .txt, .png, .pdf, .dot",
    ):
        draw(neuron()).save(tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def test_save_needs_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cannot save 'a.svg': there is no folder '.*missing'"):
        draw(neuron()).save(tmp_path / "missing" / "a.svg")


def test_save_is_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "graph.svg"
    path.write_text("the old one")

    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        draw(neuron()).save(path)
    assert path.read_text() == "the old one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["graph.svg"]


def test_a_notebook_gets_three_forms():
    drawing = draw(neuron())
    bundle = drawing._repr_mimebundle_()
    assert list(bundle) == ["text/html", "image/svg+xml", "text/plain"]
    assert bundle["image/svg+xml"] == drawing.to_svg()
    assert drawing.to_svg() in bundle["text/html"]
    assert list(drawing._repr_mimebundle_(include={"text/plain"})) == ["text/plain"]
    assert "text/html" not in drawing._repr_mimebundle_(exclude={"text/html"})


def test_mistakes_are_explained():
    with pytest.raises(TypeError, match=r"draw\(\) takes a Value or a list of Values, got ndarray"):
        draw(np.ones(3))
    with pytest.raises(TypeError, match="got float"):
        draw([Value(1.0), 2.0])
    with pytest.raises(ValueError, match="show='color': expected one of 'op', 'label', 'data', 'grad', 'shape'"):
        draw(Value(1.0), show=("op", "color"))
    with pytest.raises(ValueError, match="max_nodes=0: expected a whole number of at least 1"):
        draw(Value(1.0), max_nodes=0)
    with pytest.raises(TypeError, match=r"draw\(focus=…\) takes a Value of the graph, got str"):
        draw(Value(1.0), focus="x")


@pytest.mark.parametrize(
    ("flag", "wrong", "message"),
    [
        ("depth", "Auto", "depth='Auto': expected 'auto' or a number from 0 on"),
        ("depth", True, "depth=True: expected 'auto'"),
        ("depth", 1.5, "depth=1.5: expected 'auto'"),
        ("show", "gradient", "show='gradient': expected one of 'op', 'label', 'data', 'grad', 'shape', 'slope'"),
        ("color", "sign", "color='sign': expected one of 'grad', 'op'"),
        ("direction", "lr", "direction='lr': expected one of 'LR', 'TB'"),
        ("max_nodes", "many", "max_nodes='many': expected a whole number of at least 1"),
        ("max_nodes", 2.5, "max_nodes=2.5: expected a whole number of at least 1"),
        ("theme", "night", "theme='night': expected one of 'auto', 'light', 'dark'"),
        ("radius", -1, "radius=-1: expected a whole number of at least 0"),
    ],
)
def test_a_wrong_flag_says_what_it_may_be(flag, wrong, message):
    x = Value(1.0)
    with pytest.raises(ValueError, match=f"^{message}"):
        draw(x, **{flag: wrong})


def test_show_takes_one_name_too():
    assert draw(Value(1.0, "x"), show="data").to_text() == draw(Value(1.0, "x"), show=("data",)).to_text()


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (2.0, "2.0"),
        (-6.0, "-6.0"),
        (0.70710678, "0.7071"),
        (1e-9, "1e-09"),
        (123456.0, "1.235e+05"),
        (3, "3"),
        (1234567, "1234567"),
        (10**9, "1e+09"),
        (True, "True"),
        (1 + 2j, "1+2j"),
    ],
)
def test_format_number(x, text):
    assert format_number(x) == text
