"""LSUV: every layer's sums have variance 1 on the data, from orthogonal matrices, whatever lies between."""

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd import ops
from autograd.errors import ArgumentError
from nn import init
from nn.lens import trace

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 12)).astype(np.float32) * 3.0 + 1.0


def test_sums_have_variance_1_and_matrices_are_orthogonal():
    model = nn.MLP(12, [12, 20, 7, 3], ops.gelu, rng=0)
    assert init.lsuv(model, X, rng=0, tolerance=1e-5) is model
    with trace(model) as t:
        model(X)
    for i, layer in enumerate(model.layers):
        assert np.var(t[f"layers.{i}:linear"].data) == pytest.approx(1.0, abs=2e-5)
        w = layer.weight.data.astype(np.float64)
        gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(gram / gram[0, 0], np.eye(len(gram)), atol=1e-5)
        assert not layer.bias.data.any()


def test_a_tolerance_ends_it_early_and_one_scaling_suffices_without_a_bias():
    model = nn.MLP(12, [8, 3], np.tanh, rng=0)
    init.lsuv(model, X, rng=0, iterations=1)
    with trace(model) as t:
        model(X)
    assert np.var(t["layers.1:linear"].data) == pytest.approx(1.0, abs=1e-4)
    lax = nn.MLP(12, [8, 3], np.tanh, rng=0)
    init.lsuv(lax, X, rng=0, tolerance=1e9)
    w = lax.layers[0].weight.data
    np.testing.assert_allclose(w @ w.T, np.eye(8), atol=1e-5)  # never scaled


def test_convolutions_pools_ways_around_and_sequences():
    images = RNG.normal(size=(30, 1, 8, 8)).astype(np.float32)
    cnn = nn.models.CNN((1, 8, 8), 10, channels=(4, 6), rng=0)
    state = cnn.state_dict()
    init.lsuv(cnn, images, rng=0, tolerance=1e-4)
    assert all(np.array_equal(state[path], array) for path, array in cnn.named_buffers())  # nothing has run in training
    cnn.eval()
    with trace(cnn) as t:
        cnn(images)
    assert np.var(t["0"].data) == pytest.approx(1.0, abs=2e-4) and np.var(t["4"].data) == pytest.approx(1.0, abs=2e-4)
    sequence = nn.Sequential(nn.GRU(3, 5, rng=0), lambda pair: pair[0], nn.Residual(nn.Linear(5, 5, rng=1)))
    x = RNG.normal(size=(20, 6, 3)).astype(np.float32)
    init.lsuv(sequence, x, rng=0, tolerance=1e-4)
    with trace(sequence) as t:
        sequence(x)
    assert np.var(t["2.f"].data) == pytest.approx(1.0, abs=2e-4)


def test_a_single_neuron_and_everything_else_stays():
    model = nn.Sequential(nn.Layer(12, 5, np.tanh, rng=0), nn.LayerNorm(5), nn.Neuron(5, rng=1))
    before = model.state_dict()
    after = init.lsuv(model, X, rng=0).state_dict()
    assert [path for path in before if not np.array_equal(before[path], after[path])] == ["0.weight"]


def test_the_start_depends_on_seed_and_path_only():
    a, b = (init.lsuv(nn.MLP(12, [8, 3], np.tanh, rng=seed), X, rng=5).state_dict() for seed in (0, 1))
    assert all(np.array_equal(a[path], b[path]) for path in a)
    c = init.lsuv(nn.MLP(12, [8, 3], np.tanh, rng=0), X, rng=6).state_dict()
    assert not np.array_equal(a["layers.0.weight"], c["layers.0.weight"])


@pytest.mark.parametrize(
    ("model", "x", "message"),
    [
        (nn.Flatten(), X, "lsuv: Flatten has no matrix of weights that meets an input"),
        (nn.MLP(12, [4, 2], rng=0), np.zeros((5, 12)), "the sums of layers.0.weight have variance 0 over X"),
        (
            nn.MLP(12, [4, 2], rng=0),
            np.full((5, 12), np.nan),
            "lsuv: X has NaN or infinite entries, the first in row 0",
        ),
    ],
)
def test_mistakes_change_nothing(model, x, message):
    before = footprint(model)
    with pytest.raises(ArgumentError, match=message):
        init.lsuv(model, x, rng=0)
    assert footprint(model) == before


@pytest.mark.parametrize("options", [{"tolerance": 0.0}, {"iterations": 0}])
def test_options_out_of_range(options):
    with pytest.raises(ArgumentError, match=r"tolerance must be a number above 0|iterations is a whole number"):
        init.lsuv(nn.MLP(12, [4, 2], rng=0), X, **options)
