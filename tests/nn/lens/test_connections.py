"""Importance from weights: the published formulas, what the scale of the inputs does to them, what is no chain."""

import re

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd.errors import ArgumentError, NonFiniteError
from autograd.ops import relu, silu
from nn import lens

RNG = np.random.default_rng(2)
X = RNG.normal(size=(100, 3))
X /= X.std(0)


def mlp(dtype=np.float64):
    return nn.MLP(3, [4, 2], rng=0, dtype=dtype)


def test_magnitude_adds_up_the_first_layers_weights():
    model = mlp()
    expected = np.abs(model.layers[0].weight.data).sum(0)
    np.testing.assert_allclose(lens.weight_importance(model, X).values, expected, rtol=1e-14)


def test_garson_is_the_published_formula_for_one_hidden_layer():
    model = mlp()
    w, v = (np.abs(layer.weight.data) for layer in model.layers)
    share = np.zeros(3)
    for j in range(4):  # Goh 1995: Q_ij = |w_ij v_j| / Σ_i |w_ij v_j|, the neurons weighed by their share |v_j| / Σ |v|
        share += w[j] / w[j].sum() * v[1, j] / v[1].sum()
    answer = lens.weight_importance(model, X, method="garson", target=1)
    np.testing.assert_allclose(answer.values, share, rtol=1e-13)
    assert answer.values.sum() == pytest.approx(1.0, abs=1e-14)


def test_olden_is_the_sum_over_all_ways_with_their_signs():
    model = nn.MLP(3, [4, 5, 1], rng=0, dtype=np.float64)
    a, b, c = (layer.weight.data for layer in model.layers)
    expected = np.einsum("ij,jk,ki->i", a.T, b.T, c.T @ np.ones((1, 3)))
    np.testing.assert_allclose(lens.weight_importance(model, X, method="olden").values, expected, rtol=1e-12)


def test_olden_of_several_outputs_is_the_mean_of_sizes():
    model = mlp()
    each = [lens.weight_importance(model, X, method="olden", target=k).values for k in range(2)]
    np.testing.assert_allclose(
        lens.weight_importance(model, X, method="olden").values, np.abs(each).mean(0), rtol=1e-14
    )


@pytest.mark.parametrize("method", ["magnitude", "garson", "olden"])
def test_another_unit_changes_the_weights_importance_and_not_that_per_deviation(method):
    model, unit = mlp(), np.array([0.001, 1.0, 1000.0])
    other = mlp()
    other.layers[0].weight.data = model.layers[0].weight.data / unit
    one, two = lens.weight_importance(model, X, method=method), lens.weight_importance(other, X * unit, method=method)
    np.testing.assert_allclose(one.scaled, two.scaled, rtol=1e-10)
    assert one.meaningful
    assert re.search(
        r"standard deviations differ by a factor of 1\.00, so their weights can be compared\.$", one.verdict
    )
    assert not two.meaningful
    assert two.spread == pytest.approx(1e6, rel=1e-9)
    assert int(np.argmax(two.importance)) == 0  # whose unit made its weight a thousand times larger
    assert re.match(
        r"Meaningless as it stands: the features' standard deviations differ by a factor of 1e\+06, so the size of a "
        r"weight says in what unit its feature is; per standard deviation it is (no longer x0 but x[12]|still x0) that",
        two.verdict,
    )


def test_a_feature_that_does_not_vary_is_said_so():
    x = X.copy()
    x[:, 1] = 5.0
    answer = lens.weight_importance(mlp(), x)
    assert answer.spread == np.inf
    assert answer.scaled[1] == 0.0
    assert "standard deviations include 0" in answer.verdict


def test_what_the_model_scales_itself_is_compared_as_it_reaches_the_first_layer():
    unit = np.array([0.01, 1.0, 100.0])
    model = nn.Sequential(lambda x: x / unit, *mlp().layers)
    answer = lens.weight_importance(model, X * unit)
    np.testing.assert_allclose(answer.deviation, X.std(0), rtol=1e-12)
    assert answer.meaningful


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(3, 4, rng=0), silu, nn.Linear(4, 1, rng=0)),
        nn.Sequential(nn.Linear(3, 4, rng=0), lambda z: z * np.tanh(z), nn.Dropout(0.5), nn.Neuron(4, None, rng=0)),
    ],
)
def test_any_chain_of_dense_layers_is_read(model):
    answer = lens.weight_importance(model, X, method="olden")
    weights = [
        np.atleast_2d(p.data.astype(np.float64)) for name, p in model.named_parameters() if name.endswith("weight")
    ]
    np.testing.assert_allclose(answer.values, (weights[1] @ weights[0])[0], rtol=1e-12)


NO_CHAIN = {
    "residual": nn.Sequential(nn.Residual(nn.Linear(3, 3, rng=0)), nn.Linear(3, 1, rng=0)),
    "residual at the end": nn.Sequential(nn.Linear(3, 3, rng=0), nn.Residual(nn.Linear(3, 3, rng=0))),
    "norm": nn.Sequential(nn.Linear(3, 3, rng=0), nn.LayerNorm(3), nn.Linear(3, 1, rng=0)),
    "no parameters": nn.Sequential(relu),
}


@pytest.mark.parametrize("name", NO_CHAIN)
def test_what_is_no_chain_is_refused(name):
    with pytest.raises(ArgumentError, match=r"weight_importance\(garson\)|that is no chain"):
        lens.weight_importance(NO_CHAIN[name], X, method="garson")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: lens.weight_importance(mlp(), X, method="olsen"),
            "method='olsen'; did you mean 'olden'? It is magnitude, garson or olden",
        ),
        (lambda: lens.weight_importance(mlp(), X, method="olden", target=2), "target=2, but the outputs are 0 … 1"),
        (
            lambda: lens.weight_importance(mlp(), X, target=1),
            "magnitude looks at the first layer only and knows no target",
        ),
        (
            lambda: lens.weight_importance(nn.models.CNN((1, 6, 6), 3, channels=(2,), rng=0), np.ones((2, 1, 6, 6))),
            "weight_importance: X has shape (2, 1, 6, 6); weights are read for rows of features, (rows, features)",
        ),
        (
            lambda: lens.weight_importance(NO_CHAIN["norm"], X, method="olden"),
            "weight_importance(olden) reads a chain of dense layers; 1 (LayerNorm) is none that takes the 3 features",
        ),
        (
            lambda: lens.weight_importance(NO_CHAIN["no parameters"], X),
            "weight_importance(magnitude): the model has no dense layer",
        ),
    ],
)
def test_refusals_say_what_to_do(call, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        call()


def test_a_weight_that_is_not_finite_is_named():
    model = mlp()
    model.layers[1].weight.data = np.full((2, 4), np.inf)
    with np.errstate(invalid="ignore"), pytest.raises(NonFiniteError, match=r"layers\.1\.weight has NaN or infinite"):
        lens.weight_importance(model, X, method="olden")


def test_looking_leaves_the_model_bit_for_bit_and_draws():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    model = nn.Sequential(nn.Linear(3, 4, rng=0), relu, nn.Dropout(0.5, rng=1), nn.Linear(4, 1, rng=0))
    before = footprint(model)
    answer = lens.weight_importance(model, X, method="garson")
    assert footprint(model) == before
    axes = figure.subplots()
    answer.plot(axes)
    assert len(axes.patches) == 6
