"""Trace and neuron: what layers gave, by name, with gradients; one neuron's sum written out."""

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd import Value, grad, no_grad, ops
from autograd.errors import ArgumentError, NonFiniteError
from nn import lens

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))


def model():
    return nn.MLP(3, [4, 2], np.tanh, rng=0, dtype=np.float64)


def test_every_layer_is_there_with_the_gradient_it_should_have():
    net = model()
    with lens.trace(net) as t:
        loss = nn.mse(net(X), Y)
    loss.backward()
    first, second = net.layers
    hidden = np.tanh(X @ first.weight.data.T + first.bias.data)
    np.testing.assert_allclose(t["layers.0"].data, hidden, rtol=0, atol=1e-15)

    def rest(h):
        return nn.mse(h @ second.weight.data.T + second.bias.data, Y)

    np.testing.assert_allclose(t["layers.0"].grad, grad(rest)(hidden), rtol=0, atol=1e-15)
    np.testing.assert_allclose(t["layers.0:linear"].grad, grad(rest)(hidden) * (1 - hidden**2), rtol=0, atol=1e-15)
    assert t["output"] is t[""] is t["layers.1"] and t["input"] is X
    assert isinstance(t["layers.0:linear"], Value)


def test_functions_reused_layers_tuples_and_a_run_under_no_grad():
    shared = nn.Layer(3, 3, ops.relu, rng=0)
    net = nn.Sequential(shared, np.tanh, shared, nn.GRU(3, 2, rng=0))
    x = RNG.normal(size=(2, 4, 3)).astype(np.float32)
    with lens.trace(net) as t:
        net(x)
    assert [value.shape for value in t["0"]] == [(2, 4, 3)] * 2  # called twice, under its first path
    assert t["1"].op == "tanh" and len(t["3"]) == 2
    assert [path for path, _, _ in t.values] == ["[0]", "[1]", "0", "1", "0", "3[0]", "3[1]"]
    with lens.trace(net) as t, no_grad():
        net(x)
    assert t["1"].op == "constant" and "none has a gradient" in t.verdict


def test_what_is_not_there_is_said_with_what_is():
    net = model()
    net.unused = nn.Linear(2, 2)
    with lens.trace(net) as t:
        pass
    assert t.verdict == "nothing was traced: call the model inside of the block"
    with pytest.raises(ArgumentError, match="trace: unused was not called"):
        t["unused"]
    with pytest.raises(ArgumentError, match=r"no layer 'layer.0'; there are none: the model was not called"):
        t["layer.0"]
    with lens.trace(net) as t:
        net(X)
    with pytest.raises(ArgumentError, match=r"trace: there is no layer 'layer.0'; there are layers.0, layers.1"):
        t["layer.0"]
    with pytest.raises(ArgumentError, match=r"layers.0 has no op 'relu' of its own; there are linear, tanh"):
        t["layers.0:relu"]
    with pytest.raises(
        ArgumentError, match="the model has no op 'linear' of its own; there are none that were recorded"
    ):
        t[":linear"]
    with pytest.raises(ArgumentError, match="trace takes a Module, got list"), lens.trace([]):
        pass


def test_a_trace_is_a_table_and_a_picture():
    net = model()
    with lens.trace(net) as t:
        nn.mse(net(X), Y).backward()
    assert str(t.table()).splitlines()[1].split()[:2] == ["(self)", "MLP"]
    assert "a gradient reached 3" in t.verdict
    figure = pytest.importorskip("matplotlib.figure").Figure()
    assert t.plot(figure.subplots()).get_legend() is not None


# one neuron


def test_a_neuron_is_its_terms_its_bias_and_its_squash():
    net = model()
    net.layers[0].bias.data = RNG.normal(size=4)
    found = lens.neuron(net, X[0], "layers.0", 3)
    np.testing.assert_array_equal(found.inputs, X[0])
    np.testing.assert_allclose(found.weights, net.layers[0].weight.data[3], rtol=0, atol=0)
    assert found.total == pytest.approx(found.terms.sum() + found.bias, abs=1e-15)
    assert found.output == np.tanh(found.total) and found.squash == "tanh"
    assert f"sums 3 terms and a bias of {found.bias:.4g} to {found.total:.4g}" in found.verdict
    assert f"tanh makes {found.output:.4g} of it" in found.verdict
    with_batch = lens.neuron(net, X, "layers.0", 3, at=(0,), names=("a", "b", "c"))
    assert with_batch.total == pytest.approx(found.total) and with_batch.names == ("a", "b", "c")


def test_a_weight_of_0_is_a_term_too():
    net = model()
    net.layers[0].weight.data = np.zeros((4, 3))
    assert len(lens.neuron(net, X[0], "layers.0", 1).terms) == 3


def test_the_rows_of_a_long_sum_add_up():
    net = nn.Linear(64, 2, rng=0, dtype=np.float64)
    found = lens.neuron(net, RNG.normal(size=64), "", 1)
    lines = found.rows()[1]
    assert len(lines) == 20 + 3 and lines[20][0] == "44 smaller ones"
    assert sum(line[3] for line in lines[:-1]) == pytest.approx(found.total, abs=1e-13)
    sizes = [abs(line[3]) for line in lines[:20]]
    assert sizes == sorted(sizes, reverse=True)


def test_a_convolution_has_its_window_for_terms_and_a_place_is_chosen():
    net = nn.Conv2d(2, 3, 3, padding=1, rng=0, dtype=np.float64)
    net.bias.data = RNG.normal(size=3)
    image = RNG.normal(size=(1, 2, 5, 5))
    found = lens.neuron(net, image, "", 1, at=(0, 2, 3))
    assert len(found.terms) == 2 * 3 * 3
    np.testing.assert_allclose(found.weights, net.weight.data[1].ravel(), rtol=0, atol=0)
    assert found.terms.sum() + found.bias == pytest.approx(net(image).data[0, 1, 2, 3], abs=1e-14)
    assert len(lens.neuron(net, image, "", 1, at=(0, 0, 0)).terms) == 2 * 2 * 2  # the rest is padding
    with pytest.raises(ArgumentError, match=r"gives shape \(1, 3, 5, 5\); at= chooses a place .* \(1, 5, 5\)"):
        lens.neuron(net, image, "", 1)


class Turned(nn.Module):
    """x @ W, with a weight as mathematicians have it, and the same used again."""

    def __init__(self):
        self.W = nn.Parameter(RNG.normal(size=(3, 3)))

    def forward(self, x):
        return np.tanh(x @ self.W) @ self.W


def test_weights_under_another_name_and_used_twice():
    net = Turned()
    with pytest.raises(ArgumentError, match="neuron: W sums 2 times; choose with call=0 … 1"):
        lens.neuron(net, X[0], "W", 2)
    found = lens.neuron(net, X[0], "W", 2, call=1)
    np.testing.assert_array_equal(found.weights, net.W.data[:, 2])
    np.testing.assert_allclose(found.inputs, np.tanh(X[0] @ net.W.data), rtol=0, atol=1e-15)
    with pytest.raises(ArgumentError, match="call=2, but W sums 2 times"):
        lens.neuron(net, X[0], "W", 2, call=2)
    single = lens.neuron(nn.Neuron(3, np.tanh, rng=0, dtype=np.float64), X[0], "", 0)
    assert len(single.terms) == 3 and single.output == np.tanh(single.total)


@pytest.mark.parametrize(
    ("path", "unit", "options", "message"),
    [
        ("layers.7", 0, {}, "neuron: there is no layer 'layers.7'; there are layers.0, layers.1"),
        ("", 0, {}, "the model has no weighted sum of its own; those that have: 'layers.0', 'layers.1'"),
        ("layers.0", 4, {}, "unit is a whole number from 0 to 3, got 4"),
        ("layers.0", 0, {"at": (1,)}, r"at=\(1,\) is no place on axes of lengths \(1,\)"),
        ("layers.0", 0, {"names": ("a",)}, "1 names for 3 inputs"),
    ],
)
def test_mistakes(path, unit, options, message):
    with pytest.raises(ArgumentError, match=message):
        lens.neuron(model(), X[:1], path, unit, **options)


def test_a_sum_that_is_no_number_is_named():
    broken = model()
    broken.layers[0].weight.data[1] = np.nan
    with pytest.raises(NonFiniteError, match=r"neuron: layers.0.weight has NaN or infinite weights"):
        lens.neuron(broken, np.ones(3), "layers.0", 1)
    with pytest.raises(NonFiniteError, match=r"neuron: X has NaN or infinite entries, the first at \[1, 2\]"):
        lens.neuron(model(), [[1.0, 2.0, 3.0], [1.0, 2.0, np.nan]], "layers.0", 1, at=0)


def test_looking_at_a_neuron_changes_nothing_and_it_can_be_drawn():
    net = nn.Sequential(
        nn.Linear(3, 40, rng=0), nn.BatchNorm1d(40), nn.Dropout(0.5, rng=1), ops.relu, nn.Linear(40, 1, rng=2)
    )
    nn.mse(net(X.astype(np.float32)), Y[:, :1]).backward()
    before = footprint(net)
    found = lens.neuron(net, X[:1], "4", 0)
    assert footprint(net) == before
    figure = pytest.importorskip("matplotlib.figure").Figure()
    bars = found.plot(figure.subplots())
    assert [text.get_text() for text in bars.get_yticklabels()][-3:] == ["28 smaller", "bias", "sum"]
