"""Influence: the Jacobian between two layers, exact on networks whose Jacobian one can write down."""

import importlib

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd import ops
from autograd.errors import ArgumentError, NonFiniteError
from nn import lens

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 5))


def mlp(dtype=np.float64, sizes=(4, 3, 2)):
    return nn.MLP(5, list(sizes), np.tanh, rng=0, dtype=dtype)


def slopes(model, x, i):
    """1 − tanh² of a hidden layer, and its outputs."""
    out = np.tanh(x @ model.layers[i].weight.data.T + model.layers[i].bias.data)
    return 1.0 - out**2, out


def test_between_adjacent_layers_it_is_weight_times_slope():
    model = mlp()
    _, hidden = slopes(model, X, 0)
    slope, _ = slopes(model, hidden, 1)
    expected = slope[:, :, None] * model.layers[1].weight.data  # (rows, target, source)
    found = lens.influence(model, X, "layers.0", "layers.1")
    np.testing.assert_allclose(found.mean, expected.mean(0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.spread, expected.std(0), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found.weight, model.layers[1].weight.data)
    assert (found.source, found.target, found.rows_seen) == ("layers.0", "layers.1", 30)


def test_from_the_input_to_the_output_it_is_the_product_of_all():
    model = mlp()
    first, hidden = slopes(model, X, 0)
    second, _ = slopes(model, hidden, 1)
    a, b, c = (layer.weight.data for layer in model.layers)
    each = np.stack([c @ np.diag(s) @ b @ np.diag(f) @ a for f, s in zip(first, second, strict=True)])
    found = lens.influence(model, X, "input")
    np.testing.assert_allclose(found.mean, each.mean(0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.spread, each.std(0), rtol=0, atol=1e-12)
    assert found.weight is None  # there is more between than one matrix


def test_a_linear_layer_has_its_weights_and_no_spread():
    model = nn.Sequential(nn.Linear(5, 3, rng=0, dtype=np.float64), nn.Linear(3, 2, rng=1, dtype=np.float64))
    found = lens.influence(model, X, "0", "1")
    np.testing.assert_allclose(found.mean, model[1].weight.data, rtol=0, atol=1e-14)
    assert found.spread.max() < 1e-15 and found.agreement == pytest.approx(1.0)


def test_the_weights_stand_beside_it_only_where_the_source_is_their_input():
    square = nn.MLP(5, [5, 5, 5], np.tanh, rng=0, dtype=np.float64)
    assert lens.influence(square, X, "layers.0", "layers.2").weight is None  # (5, 5) too, but not between these two
    through = nn.Sequential(
        nn.Linear(5, 4, rng=0, dtype=np.float64), ops.relu, nn.Linear(4, 3, rng=1, dtype=np.float64)
    )
    for source in ("0", "1"):  # before and after the squash
        np.testing.assert_array_equal(lens.influence(through, X, source, "2").weight, through[2].weight.data)


def test_many_rows_are_taken_in_parts_and_give_the_same(monkeypatch):
    model = mlp()
    whole = lens.influence(model, X, "layers.0", "output")
    monkeypatch.setattr(importlib.import_module("nn.lens.influence"), "AT_ONCE", 4 * 2 * 7)  # 7 rows
    parts = lens.influence(model, X, "layers.0", "output")
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=0, atol=1e-14)
    np.testing.assert_allclose(parts.spread, whole.spread, rtol=0, atol=1e-14)


def test_a_convolution_has_its_kernels_sums_where_there_is_no_border():
    model = nn.Sequential(nn.Conv2d(2, 3, 3, rng=0, dtype=np.float64), nn.Conv2d(3, 4, 2, rng=1, dtype=np.float64))
    x = RNG.normal(size=(3, 2, 6, 6))
    found = lens.influence(model, x, "0", "1")
    kernels = model[1].weight.data.sum((2, 3))
    np.testing.assert_array_equal(found.weight, kernels)
    np.testing.assert_allclose(found.mean, kernels, rtol=0, atol=1e-13)  # raising all of a channel by 1
    raised = x.copy()
    raised[:, 1] += 1e-6  # influence on the mean over places, measured by a difference of a linear model
    measured = (model(raised).data - model(x).data).mean((0, 2, 3)) / 1e-6
    np.testing.assert_allclose(lens.influence(model, x, "input", "output").mean[:, 1], measured, rtol=0, atol=1e-8)


def test_channels_lie_on_axis_1_of_a_convolution_of_signals_and_last_in_a_sequence():
    signals = nn.Sequential(nn.Conv1d(2, 3, 3, rng=0), np.tanh, nn.Conv1d(3, 4, 3, rng=1))
    x = RNG.normal(size=(3, 2, 9)).astype(np.float32)
    assert lens.influence(signals, x, "0", "2").mean.shape == (4, 3)
    assert lens.influence(signals, x, "1", "2", axes=(1, 1)).mean.shape == (4, 3)
    sequences = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 4, rng=1))
    x = RNG.normal(size=(3, 7, 2)).astype(np.float32)
    found = lens.influence(sequences, x, "0", "1")
    np.testing.assert_allclose(found.mean, sequences[1].weight.data, rtol=0, atol=1e-6)


def test_a_way_around_a_layer_counts_and_an_embedding_can_be_the_source():
    model = nn.Sequential(
        nn.Embedding(7, 3, rng=0, dtype=np.float64), nn.Residual(nn.Linear(3, 3, rng=1, dtype=np.float64))
    )
    found = lens.influence(model, np.array([1, 4, 6]), "0", "1")
    np.testing.assert_allclose(found.mean, model[1].f.weight.data + np.eye(3), rtol=0, atol=1e-14)
    with pytest.raises(ArgumentError, match="X is int64, whole numbers that stand for things have no slope"):
        lens.influence(model, np.array([1, 4, 6]), "input")


class Product(nn.Module):
    """x @ W, with inputs in rows."""

    def __init__(self):
        self.weight = nn.Parameter(RNG.normal(size=(4, 4)))

    def forward(self, x):
        return x @ self.weight


def test_weights_with_inputs_in_rows_are_turned():
    model = nn.Sequential(nn.Linear(5, 4, rng=0, dtype=np.float64), Product())
    found = lens.influence(model, X, "0", "1")
    np.testing.assert_array_equal(found.weight, model[1].weight.data.T)
    np.testing.assert_allclose(found.mean, model[1].weight.data.T, rtol=0, atol=1e-14)


class Twice(nn.Module):
    def __init__(self):
        self.cell = nn.Layer(3, 3, np.tanh, rng=0, dtype=np.float64)

    def forward(self, x):
        return self.cell(self.cell(x))


def test_of_a_layer_that_is_called_twice_one_names_the_call():
    model, x = Twice(), RNG.normal(size=(6, 3))
    found = lens.influence(model, x, ("cell", 0), ("cell", 1))
    slope, hidden = (f(model(x).data) for f in (lambda y: 1.0 - y**2, lambda y: y))
    np.testing.assert_allclose(found.mean, slope.mean(0)[:, None] * model.cell.weight.data, rtol=0, atol=1e-14)
    assert hidden.shape == (6, 3)
    with pytest.raises(
        ArgumentError, match=r"cell is called 2 times; name one call, from \('cell', 0\) to \('cell', 1\)"
    ):
        lens.influence(model, x, "cell", "output")
    with pytest.raises(ArgumentError, match="cell is called 2 times, counted from 0; got call 2"):
        lens.influence(model, x, ("cell", 2), "output")


def test_float32_stays_close_to_float64():
    model = mlp()
    exact = lens.influence(model, X, "layers.0")
    rough = lens.influence(model.astype(np.float32), X, "layers.0")
    np.testing.assert_allclose(rough.mean, exact.mean, rtol=0, atol=1e-6)  # 5 roundings of 6e-8 in numbers below 2


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("layers.O", "output", "there is no layer 'layers.O'; there are layers.0, layers.1, layers.2"),
        ("layers.1", "layers.0", "layers.0 runs before layers.1; exchange source and target"),
    ],
)
def test_mistakes_in_names(source, target, message):
    with pytest.raises(ArgumentError, match=message):
        lens.influence(mlp(), X, source, target)


class Averaged(nn.Module):
    """Its rows depend on each other."""

    def forward(self, x):
        return x - np.mean(x, axis=0)


class Total(nn.Module):
    def forward(self, x):
        return np.sum(x)


def test_mistakes_in_models_and_data():
    with pytest.raises(ArgumentError, match="between input and output the rows of X depend on each other"):
        lens.influence(Averaged(), X, "input")
    with pytest.raises(ArgumentError, match=r"output gives shape \(\) for 2 rows of X, expected a row for each"):
        lens.influence(Total(), X, "input")
    with pytest.raises(ArgumentError, match="X has NaN or infinite entries, the first in row 1"):
        lens.influence(mlp(), np.array([[0.0] * 5, [np.nan] * 5]), "input")
    with pytest.raises(ArgumentError, match=r"axes: input gives shape \(2, 5\), which has no axis of neurons 0"):
        lens.influence(mlp(), X, "input", axes=(0, 1))
    broken = nn.Sequential(mlp(), lambda out: out * np.inf)
    with pytest.raises(NonFiniteError, match=r"∂ output\[[01]\] / ∂ 0.layers.1\[0\] is NaN or infinite"):
        lens.influence(broken, X, "0.layers.1")


def test_it_reads_as_sentence_table_and_picture():
    found = lens.influence(mlp(), X, "layers.0", "layers.1")
    i, j = found.order[0]
    assert abs(found.mean[i, j]) == np.abs(found.mean).max()
    assert f"neuron {j} of layers.0 on neuron {i} of layers.1: {found.mean[i, j]:.4g} ±" in found.verdict
    assert "influence and weight have a correlation of 0." in found.verdict
    assert str(found.table()).splitlines()[0].split() == [
        "from",
        "layers.0",
        "to",
        "layers.1",
        "weight",
        "influence",
        "spread",
    ]
    figure = pytest.importorskip("matplotlib.figure").Figure()
    for answer in (found, lens.influence(mlp(), X, "input")):
        assert answer.plot(figure.add_subplot()).get_title()


def test_nothing_is_changed():
    model = nn.models.CNN((1, 8, 8), 10, channels=(3, 4), rng=0)
    x = RNG.normal(size=(4, 1, 8, 8)).astype(np.float32)
    nn.cross_entropy(model(x), np.zeros(4, int)).backward()
    before = footprint(model)
    lens.influence(model, x, "0", "4")
    assert footprint(model) == before
    with pytest.raises(ArgumentError):
        lens.influence(model, x, "4", "0")
    assert footprint(model) == before
