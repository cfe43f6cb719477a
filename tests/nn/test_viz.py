"""The network picture: neurons in order, a line per weight, and honest about what it leaves out."""

import base64
import re
import xml.etree.ElementTree as ElementTree
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd import no_grad
from autograd.ops import relu
from autograd.viz.reading import format_number
from nn.models import GPT
from nn.viz import network

NS = "{http://www.w3.org/2000/svg}"
GOLDEN = Path(__file__).parent / "golden"


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


def pixels(image):
    """What an <image> shows, an entry a cell: -127, the strongest orange, to 127, the strongest blue; -128 is no number."""
    data = base64.b64decode(image.get("href").partition("base64,")[2])
    parts, place = {}, 8
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert int.from_bytes(data[place + 8 + length : place + 12 + length], "big") == zlib.crc32(kind + body)
        parts[kind], place = body, place + 12 + length
    width, height = (int.from_bytes(parts[b"IHDR"][i : i + 4], "big") for i in (0, 4))
    lines = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, width + 1).copy()
    for i in range(1, height):
        lines[i, 1:] += lines[i - 1, 1:] * (lines[i, 0] == 2)
    whole = lines[:, 1:].astype(int) - 128
    for scale in range(30, 0, -1):
        cells = whole[::scale, ::scale]
        if np.array_equal(np.kron(cells, np.ones((scale, scale), int))[:height, :width], whole):
            break
    return cells


def exact(model, seed=0):
    """The model with weights that are eighths, so that its sums are exact on every machine."""
    rng = np.random.default_rng(seed)
    for parameter in model.parameters():
        parameter.data = (rng.integers(-8, 9, parameter.shape) / 8).astype(np.float32)
    return model


def golden():
    """Name → a small network's picture."""
    rng = np.random.default_rng(0)
    mlp = exact(nn.MLP(3, [4, 2], rng=0))
    cnn = exact(nn.Sequential(nn.Conv2d(1, 2, 3, rng=0), relu, nn.Flatten(), nn.Linear(18, 2, rng=0)))
    x, images = rng.integers(-4, 5, (4, 3)) / 2, rng.integers(-4, 5, (2, 1, 5, 5)) / 2
    return {
        "mlp.svg": network(mlp, x, names=(["a", "b", "c"], ["no", "yes"])),
        "cnn.svg": network(cnn, images, max_neurons=10),
    }


@pytest.mark.parametrize("name", ["mlp.svg", "cnn.svg"])
def test_the_pictures_of_two_networks(name):
    """They were looked at. After a change that is meant, look again and run this file to write them anew."""
    texts = golden()[name].to_svg(), (GOLDEN / name).read_text(encoding="utf-8")
    drawn, kept = (
        re.split(r'href="[^"]*"|gg[0-9a-f]{8}', text) for text in texts
    )  # zlib's bytes may differ, not pixels
    assert drawn == kept
    drawn, kept = (
        [pixels(image).tolist() for image in ElementTree.fromstring(text).iter(f"{NS}image")] for text in texts
    )
    assert drawn == kept


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


def test_a_wide_layer_is_a_heat_map():
    """A row for each output; 41 neurons are too many for lines, 40 are not."""
    weights = dense(41, 3)
    root = parse(network(weights))
    assert not lines(root)
    (image,) = root.iter(f"{NS}image")
    weight = weights[0][0]
    np.testing.assert_array_equal(pixels(image), np.rint(127 * weight / np.abs(weight).max()))
    assert "3 × 41" in texts(root)
    assert len(lines(parse(network(dense(40, 40))))) == 1600
    drawing = network(dense(2, 7), max_neurons=6)
    assert not lines(parse(drawing)) and drawing.sizes == (2, 7)


def test_of_a_very_wide_layer_the_strongest_of_blocks_are_shown():
    weight = np.zeros((400, 2))
    weight[4, 0], weight[5, 0], weight[399, 1] = 1.0, -2.0, np.nan
    root = parse(network([(weight, None)]))
    shown = pixels(next(root.iter(f"{NS}image")))
    assert shown.shape == (134, 2)  # blocks of 3 rows
    expected = np.zeros((134, 2))
    expected[1, 0], expected[133, 1] = -127.0, -128.0  # the index of what is no number
    np.testing.assert_array_equal(shown, expected)
    assert "400 × 2, cell: strongest of 3 × 1" in texts(root)


def test_columns_and_heat_maps_stand_side_by_side():
    drawing = network(dense(64, 32, 10))
    root = parse(drawing)
    assert len(list(root.iter(f"{NS}image"))) == 1 and len(by_class(root, "unit")) == 32 + 10
    assert drawing.title == "network of 64 → 32 → 10 neurons"
    assert [text for text in texts(root) if text.startswith("layer")] == ["layer 0", "layer 0", "layer 1"]


def test_names_of_inputs_and_outputs():
    drawing = network(dense(2, 3, 2), names=(["width", "<height>"], ["no", "yes"]))
    assert {"width", "<height>", "no", "yes"} <= set(texts(parse(drawing)))
    assert {"a", "b"} <= set(texts(parse(network(dense(2, 1), names=["a", "b"]))))
    assert {"no", "yes"} <= set(texts(parse(network(dense(2, 2), names=(None, ["no", "yes"])))))


class Net(nn.Module):
    """A scale, and two matrices, of which the second has no bias."""

    def __init__(self):
        weights = dense(4, 3, 2)
        self.scale = nn.Parameter(np.ones(3))
        self.a = nn.Linear(4, 3, rng=0)
        self.a.weight.data, self.a.bias.data = weights[0]
        self.b = nn.Linear(3, 2, bias=False, rng=0)
        self.b.weight.data = weights[1][0]

    def forward(self, x):
        return self.b(np.tanh(self.a(x)) * self.scale)


def test_a_model():
    """Two-dimensional parameters are layers, each with the bias of its own module."""
    drawing = network(Net())
    assert drawing.sizes == (4, 3, 2)
    assert [layer.name for layer in drawing.layers] == ["a", "b"]
    assert [layer.bias is None for layer in drawing.layers] == [False, True]


def test_circles_show_what_x_becomes_and_lines_how_much_it_varies():
    model = Net()
    x = np.random.default_rng(1).normal(size=(5, 4)) * np.array([1.0, 10.0, 0.0, 1.0])
    drawing = network(model, x)
    hidden = np.tanh(x @ model.a.weight.data.T + model.a.bias.data)
    out = hidden @ model.b.weight.data.T
    titles = [unit.find(f"{NS}title").text for unit in by_class(parse(drawing), "unit")]
    means = [*x.mean(0), *hidden.mean(0), *out.mean(0)]  # a column is what the next layer is given
    assert [title.rpartition("activation ")[2] for title in titles] == [format_number(float(mean)) for mean in means]
    widths = {path.find(f"{NS}title").text: float(path.get("stroke-width")) for path in lines(parse(drawing))}
    size = np.abs(model.a.weight.data) * x.std(0)
    for i in range(3):
        for j in range(4):
            name = f"{j} → {i}: {format_number(model.a.weight.data[i, j])} × {format_number(x.std(0)[j])}"
            assert widths[name] == pytest.approx(0.3 + 2.7 * size[i, j] / size.max(), abs=0.006)
    assert "width: |weight| × spread of its input, in its layer" in texts(parse(drawing))


def test_of_one_input_lines_are_as_wide_as_weight_times_its_size():
    drawing = network(Net(), np.array([-2.0, 0.0, 0.0, 0.0]))
    assert drawing.layers[0].reach.tolist() == [2.0, 0.0, 0.0, 0.0]
    assert "circle: activation for x" in texts(parse(drawing))


def test_kernels_feature_maps_and_the_image():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 2, rng=0), np.tanh, nn.Conv2d(2, 3, 2, rng=0), nn.Flatten(), nn.Linear(12, 2, rng=0)
    )
    x = np.random.default_rng(0).normal(size=(6, 1, 4, 4)).astype(np.float32)
    plain, drawing = network(model), network(model, x)
    assert [item.name for item in plain.items] == ["0 Conv2d", "2 Conv2d", "4 Linear"]
    names = ["input", "0 Conv2d", "0 Conv2d", "2 Conv2d", "2 Conv2d", "4 Linear"]
    assert [item.name for item in drawing.items] == names
    first = nn.predict(model[0], x)[0]
    maps = pixels(list(parse(drawing).iter(f"{NS}image"))[2])  # two maps of 3 × 3 and a gap between them
    np.testing.assert_array_equal(maps[:, :3], np.rint(127 * first[0] / np.abs(first).max()))
    np.testing.assert_array_equal(maps[:, 4:], np.rint(127 * first[1] / np.abs(first).max()))
    kernels = pixels(
        list(parse(plain).iter(f"{NS}image"))[1]
    )  # a row for each of 3 outputs, a column for each of 2 inputs
    weight = model[2].weight.data
    np.testing.assert_array_equal(kernels[6:8, 3:5], np.rint(127 * weight[2, 1] / np.abs(weight).max()))
    assert kernels.shape == (3 * 2 + 2, 2 * 2 + 1)


def test_the_first_layer_as_images():
    model = nn.MLP(6, [5, 2], rng=0)
    drawing = network(model, np.arange(12.0).reshape(2, 6), image=(2, 3))
    assert [item.name for item in drawing.items] == ["input", "layers.0", "layers.1"]
    np.testing.assert_array_equal(drawing.items[0].images, np.arange(6.0).reshape(1, 2, 3))
    np.testing.assert_array_equal(drawing.items[1].images[4], model.layers[0].weight.data[4].reshape(2, 3))
    with pytest.raises(ValueError, match=r"image=\(2, 2\) needs a first layer of 4 inputs, the model has 6 inputs"):
        network(model, image=(2, 2))


def test_attention_is_drawn_as_the_layer_computes_it():
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, rng=0)
    x = np.random.default_rng(0).normal(size=(3, 5, 8)).astype(np.float32)
    (maps,) = (item for item in network(model, x).items if "attention" in getattr(item, "note", ""))
    model.eval()
    _, expected = model.self_attn(x[:1], need_weights=True, average_attn_weights=False)
    np.testing.assert_allclose(maps.images, expected.data[0], rtol=1e-6)
    assert maps.name == "self_attn"
    causal = GPT(10, 6, 1, 2, 8, rng=0)
    (maps,) = (item for item in network(causal, np.arange(6)).items if "attention" in getattr(item, "note", ""))
    assert not np.triu(maps.images, 1).any() and np.allclose(maps.images.sum(-1), 1.0)


def test_scalar_networks_and_recurrent_ones():
    model = nn.scalar.MLP(2, [3, 1], rng=0)
    drawing = network(model)
    assert drawing.sizes == (2, 3, 1)
    assert drawing.layers[0].weight[1].tolist() == [weight.data for weight in model.layers[0].neurons[1].w]
    assert [item.name for item in network(nn.GRU(2, 3, rng=0)).items] == ["weight_ih_l0", "weight_hh_l0"]
    assert network(nn.Neuron(3, rng=0)).sizes == (3, 1)


def test_looking_leaves_everything_as_it_was():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.Dropout(0.5, rng=0), nn.Linear(4, 2, rng=0))
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    np.sum(model(x) ** 2).backward()
    before = footprint(model)
    network(model, x).to_svg()
    assert footprint(model) == before


# how layers are connected


def residual():
    block = nn.Sequential(nn.Linear(8, 8), np.tanh, nn.Linear(8, 8))
    return nn.Sequential(nn.Linear(4, 8), nn.Residual(block), nn.LayerNorm(8), nn.Linear(8, 3), rng=0)


def test_a_way_around_layers_is_a_dashed_line_and_told():
    model, x = residual(), np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    drawing = network(model, x)
    assert drawing.connections() == [("3 Linear", ["0 Linear", "1.f.2"])]
    svg = parse(drawing)
    assert [path.get("class") for path in svg.iter(f"{NS}path")].count("way") == 2  # in the picture and in the legend
    assert "0 Linear → what 3 Linear is given" in [title.text for title in svg.iter(f"{NS}title")]
    for text in ("3 Linear is given 0 Linear and 1.f.2", "not drawn: 2.weight and 2.bias"):
        assert text in texts(svg) and text in drawing.to_text()
    with_x = {layer.name: layer.outputs for layer in drawing.layers}
    last = model[1].f(model[0](x))
    np.testing.assert_allclose(with_x["1.f.2"], last.data, rtol=1e-5)  # its own, without what comes around


def test_without_x_the_picture_says_that_it_does_not_know():
    told = "layers stand in the order of definition; how they are connected is told with x"
    assert told in network(residual()).to_text() and network(residual()).connections() == []
    assert told not in network(nn.MLP(2, [3, 1], rng=0)).to_text()
    assert told not in network(nn.Sequential(nn.Linear(2, 3), np.tanh, nn.Linear(3, 1))).to_text()
    layer = nn.Linear(2, 2)
    assert told in network(nn.Sequential(layer, layer, nn.Linear(2, 1))).to_text()
    assert told in network(nn.TransformerEncoderLayer(8, 2, 16)).to_text()


def test_where_nothing_is_recorded_the_picture_does_not_know_either():
    x = np.ones((600, 4), np.float32)
    model = residual()
    assert network(model, x).connections() == network(model, x[:5]).connections() != []  # the first 512 rows tell
    assert len(network(model, x).layers[0].inputs) == 600
    with no_grad():
        drawing = network(model, x[:5])
    assert drawing.connections() == [] and "how they are connected is told with x" in drawing.to_text()

    class Mixing(nn.Module):
        """Takes 600 rows and no other number, as a network on a graph of nodes does."""

        def __init__(self):
            self.first, self.second = nn.Linear(4, 3, rng=0), nn.Linear(3, 2, rng=0)

        def forward(self, x):
            return self.second(np.eye(600, dtype=np.float32) @ self.first(x))

    assert network(Mixing(), x).connections() == [] and network(Mixing(), x).sizes == (4, 3, 2)


def test_connections_are_those_of_the_run_and_not_of_the_definition():
    class Crossed(nn.Module):
        """Defined in another order than it runs; two branches that meet."""

        def __init__(self):
            self.last, self.left, self.right = nn.Linear(6, 2, rng=0), nn.Linear(4, 3, rng=0), nn.Linear(4, 3, rng=0)

        def forward(self, x):
            return self.last(np.concatenate([np.tanh(self.left(x)), self.right(x)], axis=-1))

    x = np.ones((5, 4), np.float32)
    assert network(Crossed(), x).connections() == [
        ("last", ["left", "right"]), ("left", ["x"]), ("right", ["x"]),
    ]  # fmt: skip
    layer = nn.Linear(4, 4, rng=0)
    assert network(nn.Sequential(layer, np.tanh, layer), x).connections() == [("0 Linear", ["x", "0 Linear"])]
    assert network(nn.Sequential(layer, np.tanh, nn.Linear(4, 2, rng=0)), x).connections() == []
    assert network(nn.models.CNN((1, 8, 8), 3, (4, 8), rng=0), np.ones((2, 1, 8, 8), np.float32)).connections() == []
    gpt = dict(network(GPT(11, 8, 1, 2, 16, rng=0), np.arange(8)[None]).connections())
    assert gpt["blocks.0.self_attn.in_proj_weight"] == ["token", "position"]
    assert gpt["blocks.0.linear1"] == ["token", "position", "blocks.0.self_attn.out_proj"]
    assert gpt["token"][0] == "x"  # looked up by x, and as the last layer given the whole stream


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
        (nn.Sequential(np.tanh), "found no two-dimensional weight"),
    ],
)
def test_weights_that_are_no_network(weights, message):
    with pytest.raises(ValueError, match=message):
        network(weights)


def test_other_mistakes_are_explained():
    with pytest.raises(ValueError, match=r"network\(x=…\) needs a model of arrays"):
        network(dense(2, 1), np.ones(2))
    with pytest.raises(ValueError, match="3 names for 2 inputs"):
        network(dense(2, 1), names=["a", "b", "c"])
    with pytest.raises(ValueError, match="2 names for 1 outputs"):
        network(dense(2, 1), names=(None, ["a", "b"]))
    with pytest.raises(ValueError, match="max_neurons=1: expected at least 2"):
        network(dense(2, 1), max_neurons=1)
    with pytest.raises(ValueError, match="theme='pink'"):
        network(dense(2, 1), theme="pink")


if __name__ == "__main__":
    for name, drawing in golden().items():
        drawing.save(GOLDEN / name)
