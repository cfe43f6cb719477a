"""The network picture: neurons in order, a line per weight, and honest about what it leaves out."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from nn.viz import network

NS = "{http://www.w3.org/2000/svg}"


def dense(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(n, m)), rng.normal(size=n)) for m, n in pairwise(sizes)]


def parse(drawing):
    return ElementTree.fromstring(drawing.to_svg())


def by_class(element, name):
    return [child for child in element.iter() if name in child.get("class", "").split()]


def lines(element):
    """The weights' lines: those with a strength (the legend's have none)."""
    return [path for path in element.iter(f"{NS}path") if path.get("stroke-opacity")]


def texts(element):
    return [text.text for text in element.iter(f"{NS}text")]


def test_a_circle_per_neuron_and_a_line_per_weight():
    root = parse(network(dense(2, 16, 16, 1)))
    assert len(by_class(root, "unit")) == 2 + 16 + 16 + 1
    assert len(lines(root)) == 2 * 16 + 16 * 16 + 16


def test_neurons_stand_in_index_order():
    circles = by_class(parse(network(dense(3, 5))), "neuron")
    heights = [float(circle.get("cy")) for circle in circles]
    assert heights[:3] == sorted(heights[:3])
    assert heights[3:] == sorted(heights[3:])


def test_colour_is_the_sign_and_width_the_size():
    root = parse(network([(np.array([[2.0, -1.0, 0.0, np.nan]]), None)]))
    found = {path.find(f"{NS}title").text: path for path in lines(root)}
    assert [found[title].get("class") for title in ("0 → 0: 2.0", "1 → 0: -1.0", "3 → 0: nan")] == ["p", "n", "x"]
    assert float(found["0 → 0: 2.0"].get("stroke-width")) > float(found["1 → 0: -1.0"].get("stroke-width"))
    assert len(found) == 3  # a weight of 0 has no line


def test_a_line_ends_at_its_neurons():
    root = parse(network([(np.array([[0.0, 1.0], [0.0, 0.0]]), None)]))
    (line,) = lines(root)
    circles = by_class(root, "neuron")
    ends = [tuple(map(float, point.split(","))) for point in re.findall(r"[\d.]+,[\d.]+", line.get("d"))]
    assert ends == [(float(circles[k].get("cx")), float(circles[k].get("cy"))) for k in (1, 2)]


def test_biases_fill_the_neurons():
    root = parse(network([(np.ones((3, 1)), np.array([-2.0, 1.0, 0.0]))]))
    (negative,) = by_class(root, "bn")[:1]
    (positive,) = by_class(root, "bp")[:1]
    assert (negative.get("fill-opacity"), positive.get("fill-opacity")) == ("1.00", "0.50")
    titles = [unit.find(f"{NS}title").text for unit in by_class(root, "unit")]
    assert titles == ["neuron 0", "neuron 0, bias -2.0", "neuron 1, bias 1.0", "neuron 2, bias 0.0"]
    assert not by_class(parse(network([(np.ones((3, 1)), None)])), "bn")


def test_a_long_column_says_what_it_leaves_out():
    root = parse(network(dense(64, 32, 10)))
    assert "+24" in texts(root)
    assert "64" in texts(root)
    assert len(by_class(root, "unit")) == 40 + 32 + 10
    assert not [text for text in texts(parse(network(dense(40, 40)))) if text.startswith("+")]


def test_the_ends_of_a_long_column_are_shown():
    drawing = network([(np.ones((1, 7)), None)], max_neurons=3, names=list("abcdefg"))
    shown = [text for text in texts(parse(drawing)) if text in "abcdefg"]
    assert shown == ["a", "b", "g"] or shown == ["a", "f", "g"]
    assert "+4" in texts(parse(drawing))


def test_names_of_inputs_and_outputs():
    drawing = network(dense(2, 3, 2), names=(["width", "<height>"], ["no", "yes"]))
    assert {"width", "<height>", "no", "yes"} <= set(texts(parse(drawing)))
    assert {"a", "b"} <= set(texts(parse(network(dense(2, 1), names=["a", "b"]))))
    assert {"no", "yes"} <= set(texts(parse(network(dense(2, 2), names=(None, ["no", "yes"])))))


def test_a_model():
    """Two-dimensional parameters are layers, each with the bias of its own module."""
    weights = dense(4, 3, 2)
    parameters = [
        ("scale", np.ones(3)),
        ("layers.0.weight", weights[0][0]),
        ("layers.0.bias", weights[0][1]),
        ("layers.1.weight", weights[1][0]),
    ]
    pairs = [(name, SimpleNamespace(data=data)) for name, data in parameters]
    drawing = network(SimpleNamespace(named_parameters=lambda: iter(pairs)))
    assert drawing.sizes == (4, 3, 2)
    assert [layer.name for layer in drawing.layers] == ["layers.0", "layers.1"]
    assert [layer.bias is None for layer in drawing.layers] == [False, True]


def test_drawing_is_a_copy():
    weight = np.ones((2, 2))
    drawing = network([(weight, None)])
    before = drawing.to_svg()
    weight[:] = -1.0
    assert drawing.to_svg() == before


def test_extreme_weights_do_no_harm():
    for value in (0.0, np.nan, np.inf, 1e300, 1e-320):
        parse(network([(np.full((2, 2), value), np.full(2, value))]))
        assert network([(np.full((2, 2), value), None)]).to_text()


def test_it_is_saved_and_shown_like_every_picture(tmp_path):
    drawing = network(dense(2, 2))
    assert list(drawing._repr_mimebundle_()) == ["text/html", "image/svg+xml", "text/plain"]
    for suffix in ("svg", "html", "txt"):
        assert drawing.save(tmp_path / f"network.{suffix}").exists()
    with pytest.raises(ValueError, match=r"must be one of .svg, .html, .txt"):
        drawing.save(tmp_path / "network.dot")
    assert repr(drawing) == "<NetworkDrawing: network of 2 → 2 neurons>"
    assert "(2, 2)" in drawing.to_text()


def test_same_weights_same_bytes():
    assert network(dense(3, 2)).to_svg() == network(dense(3, 2)).to_svg()
    assert "var(" not in network(dense(3, 2)).to_svg()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], r"at least one pair \(weight, bias\)"),
        ([(np.ones(3), None)], r"layer 0: expected a weight of shape \(out, in\), got \(3,\)"),
        ([(np.ones((3, 2)), np.ones(2))], r"layer 0: expected a bias of shape \(3,\), got \(2,\)"),
        ([(np.ones((3, 2)), None), (np.ones((1, 4)), None)], "layer 0 has 3 outputs, layer 1 4 inputs"),
        (SimpleNamespace(named_parameters=list), "found no two-dimensional weight"),
    ],
)
def test_weights_that_are_no_network(weights, message):
    with pytest.raises(ValueError, match=message):
        network(weights)


def test_other_mistakes_are_explained():
    with pytest.raises(ValueError, match="3 names for 2 inputs"):
        network(dense(2, 1), names=["a", "b", "c"])
    with pytest.raises(ValueError, match="2 names for 1 outputs"):
        network(dense(2, 1), names=(None, ["a", "b"]))
    with pytest.raises(ValueError, match="max_neurons=1: expected at least 2"):
        network(dense(2, 1), max_neurons=1)
    with pytest.raises(ValueError, match="theme='pink'"):
        network(dense(2, 1), theme="pink")
