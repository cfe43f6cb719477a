"""Dense layers and containers: what each computes, where its weights start, what it refuses. The rest: test_battery.py."""

import numpy as np
import pytest

import nn
from autograd import Value
from autograd.errors import ArgumentError
from autograd.ops import gelu, relu, silu, softmax

FEATURES = 4
LAYERS = {
    "neuron": (lambda: nn.Neuron(4, np.tanh, rng=0), ()),
    "layer": (lambda: nn.Layer(4, 3, rng=0), (3,)),
    "linear": (lambda: nn.Linear(4, 2, rng=0), (2,)),
    "mlp": (lambda: nn.MLP(4, [3, 2], silu, rng=0), (2,)),
    "sequential": (lambda: nn.Sequential(nn.Linear(4, 3), lambda x: x * x, nn.Neuron(3, gelu), rng=0), ()),
}


def inputs(*shape, dtype=np.float32):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


@pytest.mark.parametrize(("make", "tail"), LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("lead", [(), (5,), (2, 3), (0,)], ids=str)
def test_the_last_axis_is_mapped_and_the_leading_ones_stay(make, tail, lead):
    layer, x = make(), inputs(*lead, FEATURES)
    out = layer(x)
    assert isinstance(out, Value) and out.shape == (*lead, *tail)
    rows = [layer(row).data for row in x.reshape(-1, FEATURES)]
    expected = np.reshape(rows, (*lead, *tail)) if rows else np.zeros((*lead, *tail))
    np.testing.assert_allclose(out.data, expected, rtol=2e-5, atol=1e-6)


def test_deep_in_a_model_the_path_is_told():
    model = nn.Sequential(nn.Linear(4, 3), nn.Sequential(np.tanh, nn.MLP(3, [5, 2]), nn.Layer(3, 1)))
    with pytest.raises(ValueError, match=r"x has \(2,\) features on its last axis, weight takes \(3,\)") as caught:
        model(inputs(1, 4))
    assert caught.value.__notes__ == ["in 1.2: Layer(3, 1, activation=relu)"]


# what each computes


def test_a_linear_layer_is_x_times_the_transposed_weight_plus_bias():
    layer, x = nn.Linear(4, 3, rng=0, dtype=np.float64), inputs(5, 4, dtype=np.float64)
    layer.bias.data = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(layer(x).data, x @ layer.weight.data.T + [1.0, 2.0, 3.0], rtol=1e-14)


def test_a_layer_is_its_neurons_side_by_side():
    layer, x = nn.Layer(4, 3, np.tanh, rng=0, dtype=np.float64), inputs(5, 4, dtype=np.float64)
    layer.bias.data = np.array([1.0, 2.0, 3.0])
    columns = [neuron(x).data for neuron in layer.neurons]
    np.testing.assert_allclose(np.stack(columns, axis=-1), layer(x).data, rtol=1e-14)


def test_neurons_are_views_of_the_rows():
    layer = nn.Layer(4, 3, rng=0)
    assert [repr(neuron) for neuron in layer.neurons] == ["Neuron(4, activation=relu)  5 parameters"] * 3
    for i, neuron in enumerate(layer.neurons):
        assert neuron.weight.data.base is not None and neuron.weight.shape == (4,) and neuron.bias.shape == ()
        assert np.shares_memory(neuron.weight.data, layer.weight.data)
        assert np.shares_memory(neuron.bias.data, layer.bias.data)
        layer.weight.data[i] = i
        layer.bias.data[i] = -i
        assert neuron.weight.data.tolist() == [i] * 4 and neuron.bias.data == -i
    assert len(layer.parameters()) == 2  # the views are not parameters of the layer


def test_an_mlp_is_its_layers_and_the_last_one_is_linear():
    model, x = nn.MLP(4, [3, 5, 2], rng=0), inputs(6, 4)
    assert [layer.activation for layer in model.layers] == [relu, relu, None]
    hidden = x
    for layer in model.layers[:-1]:
        hidden = np.maximum(hidden @ layer.weight.data.T + layer.bias.data, 0.0)
    last = model.layers[-1]
    np.testing.assert_allclose(model(x).data, hidden @ last.weight.data.T + last.bias.data, rtol=1e-5, atol=1e-6)
    assert (model(x).data < 0.0).any()


def test_weights_start_with_the_variance_the_activation_needs_and_biases_at_0():
    for activation, gain in [(relu, 2.0**0.5), (None, 1.0), (np.tanh, 1.5925)]:
        layer = nn.Layer(400, 300, activation, rng=0)
        assert layer.weight.data.std() == pytest.approx(gain / 400**0.5, rel=0.01)
        assert not layer.bias.data.any()
        assert nn.Neuron(90_000, activation, rng=0).weight.data.std() == pytest.approx(gain / 300.0, rel=0.01)
    assert nn.Linear(400, 300, rng=0).weight.data.std() == pytest.approx(1.0 / 20.0, rel=0.01)


def test_any_function_of_a_value_is_an_activation():
    for activation in (lambda v: v.relu(), lambda v: np.maximum(v, 0.0), relu):
        layer = nn.Layer(4, 3, activation, rng=0)
        assert np.array_equal(layer.weight.data, nn.Layer(4, 3, rng=0).weight.data)
    assert nn.Layer(4, 3, softmax, rng=0)(inputs(2, 4)).sum(-1).data == pytest.approx(1.0, rel=1e-6)
    assert abs(nn.Layer(4, 3, softmax, rng=0).weight.data).max() < 3.0  # the gain of a softmax is no giant


def test_a_module_is_an_activation_and_its_parameters_are_found():
    class PReLU(nn.Module):
        def __init__(self):
            self.slope = nn.Parameter(0.25)

        def forward(self, x):
            return np.where(x > 0.0, x, self.slope * x)

    layer = nn.Layer(4, 3, PReLU(), rng=0, dtype=np.float64)
    assert [path for path, _ in layer.named_parameters()] == ["weight", "bias", "activation.slope"]
    layer(inputs(5, 4, dtype=np.float64)).sum().backward()
    assert layer.activation.slope.has_grad and type(layer.activation.slope.grad) is float


# Sequential


def test_sequential_has_pytorch_paths_a_length_and_items():
    model = nn.Sequential(nn.Linear(4, 3), np.tanh, nn.Sequential(nn.Linear(3, 1)))
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.0.weight", "2.0.bias"]
    assert len(model) == 3 and model[1] is np.tanh and model[-1][0].out_features == 1
    assert list(model) == model.layers
    x = Value(inputs(2, 4))
    assert nn.Sequential()(x) is x


def test_a_subclass_of_sequential_may_have_parameters_of_its_own():
    class Scaled(nn.Sequential):
        def __init__(self, *layers):
            super().__init__(*layers)
            self.scale = nn.Parameter(2.0)

        def forward(self, x):
            return super().forward(x) * self.scale

    assert list(Scaled(nn.Linear(2, 1)).state_dict()) == ["scale", "0.weight", "0.bias"]


# refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Linear(0, 2), "in_features is a whole number of at least 1, got 0"),
        (lambda: nn.Linear(2, -1), "out_features is a whole number of at least 1, got -1"),
        (lambda: nn.Layer(2.0, 2), r"in_features is a whole number of at least 1, got 2\.0"),
        (lambda: nn.Layer(2, True), "out_features is a whole number of at least 1, got True"),
        (lambda: nn.Neuron("4"), "in_features is a whole number of at least 1, got '4'"),
        (lambda: nn.MLP(2, 3), "sizes is a list with one out_features for each layer, got 3"),
        (lambda: nn.MLP(2, []), r"sizes is a list with one out_features for each layer, got \[\]"),
        (lambda: nn.MLP(2, [3, 0]), "out_features is a whole number of at least 1, got 0"),
        (lambda: nn.Sequential(nn.Linear(2, 2), "relu"), "layer 1 is str 'relu'; a layer is a function"),
        (
            lambda: nn.Linear(2, 2, rng="seed"),
            r"an integer seed \(0 or more\) or a np.random.Generator, got str 'seed'",
        ),
        (
            lambda: nn.Linear(2, 2, rng=True),
            r"an integer seed \(0 or more\) or a np.random.Generator, got bool True",
        ),
        (lambda: nn.Linear(2, 2, rng=np.random.RandomState(0)), "got RandomState"),
        (lambda: nn.Layer(2, 2, lambda v: 0.0 * v), r"gain: E\[f\(z\)²\] of <lambda> is 0\.0"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_an_mlp_with_dropout_starts_as_one_without_and_drops_in_training_only():
    plain, dropping = nn.MLP(4, [64, 64, 2], rng=0), nn.MLP(4, [64, 64, 2], dropout=0.5, rng=0)
    assert dropping.parameter_count() == plain.parameter_count()
    for name, array in plain.state_dict().items():
        np.testing.assert_array_equal(dropping.state_dict()[name], array)
    x = inputs(6, 4)
    np.testing.assert_array_equal(dropping.eval()(x).data, plain(x).data)
    assert not np.array_equal(dropping.train()(x).data, plain(x).data)
    assert repr(dropping).splitlines()[0].startswith("MLP(4, [64, 64, 2], activation=relu, dropout=0.5)")
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\), got 1.0"):
        nn.MLP(4, [3, 2], dropout=1.0)
