"""Starting weights: the gain of any activation, the variance of every scheme, and a signal that keeps its size."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

import nn
from autograd.errors import ArgumentError
from autograd.ops import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus
from nn import init

SCHEMES = {  # (fan_in, fan_out) → variance, and whether the distribution is uniform
    "glorot_uniform": (lambda i, o: 2 / (i + o), True),
    "glorot_normal": (lambda i, o: 2 / (i + o), False),
    "he_normal": (lambda i, o: 2 / i, False),
    "he_uniform": (lambda i, o: 2 / i, True),
    "lecun_normal": (lambda i, o: 1 / i, False),
    "lecun_uniform": (lambda i, o: 1 / i, True),
}


# gain


def test_gains_with_a_closed_form():
    assert init.gain(None) == 1.0
    assert init.gain(lambda z: z) == pytest.approx(1.0, rel=1e-14)
    assert init.gain(relu) == pytest.approx(math.sqrt(2.0), rel=1e-14)
    assert init.gain(np.absolute) == pytest.approx(1.0, rel=1e-14)
    assert init.gain(np.square) == pytest.approx(1 / math.sqrt(3.0), rel=1e-13)  # E[z⁴] = 3
    assert init.gain(np.exp) == pytest.approx(math.exp(-1.0), rel=1e-13)  # E[e^2z] = e²
    assert init.gain(np.sin) == pytest.approx(math.sqrt(2 / (1 - math.exp(-2.0))), rel=1e-13)


@given(st.floats(-1.0, 3.0))
def test_the_gain_of_leaky_relu_is_its_closed_form(slope):
    found = init.gain(lambda v: leaky_relu(v, slope=slope))
    assert found == pytest.approx(math.sqrt(2.0 / (1.0 + slope**2)), rel=1e-12)


@given(st.floats(0.01, 100.0))
def test_a_factor_in_the_activation_divides_the_gain(factor):
    assert init.gain(lambda v: factor * np.tanh(v)) == pytest.approx(init.gain(np.tanh) / factor, rel=1e-12)


@pytest.mark.parametrize(
    "activation",
    [np.tanh, sigmoid, gelu, silu, elu, softplus, np.arctan, lambda v: np.clip(v, -1.0, 1.0), lambda v: v.relu() ** 2],
    ids=["tanh", "sigmoid", "gelu", "silu", "elu", "softplus", "arctan", "hard tanh", "relu²"],
)
def test_a_gain_equals_adaptive_quadrature(activation):
    def integrand(z):
        return float(np.asarray(activation(nn.Parameter(z)).data)) ** 2 * stats.norm.pdf(z)

    second_moment = sum(
        integrate.quad(integrand, a, b, epsabs=1e-13)[0] for a, b in [(-12, -1), (-1, 0), (0, 1), (1, 12)]
    )
    assert init.gain(activation) == pytest.approx(1.0 / math.sqrt(second_moment), rel=1e-10)


def test_the_gain_of_tanh_is_the_known_number():
    assert init.gain(np.tanh) == pytest.approx(1.5925, abs=5e-5)


@pytest.mark.parametrize("activation", [lambda v: 0.0 * v, lambda v: v * np.nan], ids=["zero", "NaN"])
def test_an_activation_without_a_size_has_no_gain(activation):
    with pytest.raises(ArgumentError, match=r"gain: E\[f\(z\)²\] of <lambda> is"):
        init.gain(activation)


# variance


def check_variance(weights, variance, uniform=False):
    """Mean and variance within five standard errors, and the right shape of the distribution."""
    n = weights.size
    excess = 9 / 5 if uniform else 3.0  # E[w⁴] / σ⁴
    assert abs(weights.mean()) < 5.0 * math.sqrt(variance / n)
    assert abs(weights.var() / variance - 1.0) < 5.0 * math.sqrt((excess - 1.0) / n)
    if uniform:
        bound = math.sqrt(3.0 * variance)
        assert 0.99 * bound < abs(weights).max() <= bound * (1 + 1e-6)
    shape = stats.uniform(-bound, 2 * bound) if uniform else stats.norm(0, math.sqrt(variance))
    assert stats.kstest(np.ravel(weights).astype(np.float64), shape.cdf).pvalue > 1e-4


@pytest.mark.parametrize("shape", [(200, 300), (16, 8, 3, 5), (500, 40)], ids=str)
@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_has_its_variance_and_distribution(name, shape):
    variance, uniform = SCHEMES[name]
    kernel = math.prod(shape[2:])
    weights = getattr(init, name)(shape, rng=1)
    assert weights.shape == shape and weights.dtype == np.float32
    check_variance(weights, variance(shape[1] * kernel, shape[0] * kernel), uniform)


@pytest.mark.parametrize(("mode", "n"), [("fan_in", 300), ("fan_out", 200), ("fan_avg", 250)])
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_modes_scale_by_their_fan(mode, n, distribution):
    weights = init.variance_scaling((200, 300), rng=2, scale=3.0, mode=mode, distribution=distribution)
    check_variance(weights, 3.0 / n, distribution == "uniform")


def test_truncated_weights_keep_the_variance_within_two_deviations():
    weights = init.variance_scaling((300, 400), rng=3, scale=2.0, distribution="truncated", dtype=np.float64)
    std = math.sqrt(2.0 / 400)
    assert weights.std() == pytest.approx(std, rel=0.01) and abs(weights.mean()) < 5 * std / math.sqrt(weights.size)
    bound = 2.0 * std / stats.truncnorm(-2, 2).std()
    assert 0.999 * bound < abs(weights).max() <= bound
    assert stats.kstest(np.ravel(weights) * 2.0 / bound, stats.truncnorm(-2, 2).cdf).pvalue > 1e-4


def test_fans_count_the_kernel():
    assert init.fans((5, 3)) == (3, 5)
    assert init.fans((8, 4, 3, 3)) == (36, 72)


@pytest.mark.parametrize("name", [*SCHEMES, "variance_scaling", "orthogonal"])
def test_the_seed_decides_every_bit_and_dtype_is_kept(name):
    scheme = getattr(init, name)
    first, again, other = (scheme((4, 5), rng=seed) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    rng = np.random.default_rng(1)
    assert scheme((4, 5), rng=rng).tobytes() == first.tobytes() != scheme((4, 5), rng=rng).tobytes()
    assert scheme((4, 5), rng=1, dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (4, 2, 3, 3), (20, 2, 3)], ids=str)
def test_orthogonal_weights_have_orthonormal_rows_or_columns(shape):
    weights = init.orthogonal(shape, rng=0, scale=2.0, dtype=np.float64)
    matrix = weights.reshape(shape[0], -1)
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    assert weights.shape == shape
    np.testing.assert_allclose(product, 4.0 * np.eye(min(matrix.shape)), atol=1e-13)


def test_orthogonal_draws_every_sign():
    draws = np.array([init.orthogonal((2, 2), rng=seed) for seed in range(300)])
    assert abs(np.mean(draws[:, 0, 0] > 0) - 0.5) < 0.15 and abs(np.mean(np.linalg.det(draws) > 0) - 0.5) < 0.15
    angles = np.arctan2(draws[:, 1, 0], draws[:, 0, 0])
    assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


def test_zeros_and_constant():
    assert not init.zeros((2, 3)).any() and init.zeros((2, 3)).dtype == np.float32
    assert (init.constant((2, 3), 0.5, dtype=np.float64) == np.full((2, 3), 0.5)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: init.fans((3,)), r"a weight has shape \(fan_out, fan_in, \*kernel\), got \(3,\)"),
        (lambda: init.orthogonal((3,), rng=0), r"got \(3,\)"),
        (lambda: init.he_normal((3, 0), rng=0), r"fan_in of shape \(3, 0\) is 0"),
        (lambda: init.variance_scaling((0, 3), rng=0, mode="fan_out"), r"fan_out of shape \(0, 3\) is 0"),
        (lambda: init.variance_scaling((3, 3), rng=0, mode="fan"), "mode='fan': it is fan_in, fan_out or fan_avg"),
        (
            lambda: init.variance_scaling((3, 3), rng=0, distribution="cauchy"),
            "distribution='cauchy': it is normal, uniform or truncated",
        ),
        (
            lambda: init.he_normal((3, 3), rng=1.5),
            r"an integer seed \(0 or more\) or a np.random.Generator, got float 1\.5",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


# what it is for


named = {"ids": lambda f: getattr(f, "__name__", "none")}


@pytest.mark.parametrize("activation", [relu, np.tanh, leaky_relu, gelu, silu, elu, sigmoid, softplus, None], **named)
def test_the_gain_gives_the_next_layer_the_variance_this_one_had(activation):
    z = np.random.default_rng(0).normal(size=(400, 1000)).astype(np.float32)
    out = z if activation is None else activation(z)
    weights = init.gain(activation) * init.lecun_normal((500, 1000), rng=1)
    assert np.mean((out @ weights.T) ** 2) == pytest.approx(1.0, rel=0.06)


@pytest.mark.parametrize("activation", [relu, np.tanh, leaky_relu, elu, sigmoid, softplus, None], **named)
def test_a_signal_keeps_its_size_through_twenty_layers(activation):
    x = np.random.default_rng(0).normal(size=(64, 512)).astype(np.float32)
    for seed in range(1, 21):
        layer = nn.Layer(512, 512, activation, rng=seed)
        before = x @ layer.weight.data.T
        x = layer(x).data
    assert 0.5 < np.mean(before * before) < 3.5  # 2 for relu, whose layers keep the variance behind the activation at 1
    assert 0.4 < np.mean(x * x) * init.gain(activation) ** 2 < 3.5


def test_without_the_gain_the_signal_vanishes():
    x = np.random.default_rng(0).normal(size=(64, 256)).astype(np.float32)
    for seed in range(20):
        x = np.maximum(x @ init.lecun_normal((256, 256), rng=seed).T, 0.0)
    assert np.mean(x * x) < 1e-4


@pytest.mark.parametrize("start", [init.zeros, lambda shape: init.constant(shape, 0.3)], ids=["zeros", "constant"])
def test_neurons_that_start_equal_stay_equal(start):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)).astype(np.float32), rng.normal(size=(30, 1)).astype(np.float32)
    model = nn.MLP(3, [5, 1], np.tanh, rng=0)
    random_model = nn.MLP(3, [5, 1], np.tanh, rng=0)
    for layer in model.layers:
        layer.weight.data = start(layer.weight.shape)
    for net in (model, random_model):
        optimizer = nn.SGD(net, 0.1)
        for _ in range(10):
            optimizer.zero_grad()
            nn.mse(net(x), y).backward()
            optimizer.step()
    gradient = model.layers[0].weight.grad
    np.testing.assert_allclose(gradient, np.broadcast_to(gradient[:1], gradient.shape), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(model.layers[0].weight.data, model.layers[0].weight.data[:1].repeat(5, 0), rtol=1e-4)
    assert random_model.layers[0].weight.grad.std(axis=0).min() > 1e-3
