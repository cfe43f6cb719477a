"""Draws by reparameterisation: NumPy's numbers, exact pathwise slopes, and estimates of slopes of expectations."""

import math

import numpy as np
import pytest

import autograd.random as random
from autograd import Value, check_gradients, grad
from autograd.errors import ArgumentError, ShapeError

N = 200_000
LOC, SCALE = np.linspace(-1.0, 1.0, 6), np.linspace(0.1, 3.0, 6)


def seeded():
    return np.random.default_rng(3)


@pytest.mark.parametrize("name", ["normal", "gumbel", "laplace", "logistic"])
@pytest.mark.parametrize("size", [None, (40, 6)])
def test_the_numbers_are_those_of_numpys_method_bit_for_bit(name, size):
    expected = getattr(seeded(), name)(LOC, SCALE, size)
    np.testing.assert_array_equal(getattr(random, name)(LOC, SCALE, size, rng=seeded()), expected)
    np.testing.assert_array_equal(getattr(random, name)(Value(LOC), Value(SCALE), size, rng=3).data, expected)


def test_the_numbers_of_the_other_distributions_are_numpys_too():
    high = LOC + SCALE
    same = np.testing.assert_array_equal
    same(random.uniform(LOC, high, (9, 6), rng=3), seeded().uniform(LOC, high, (9, 6)))
    same(random.exponential(SCALE, (9, 6), rng=3), seeded().exponential(SCALE, (9, 6)))
    same(random.cauchy(size=9, rng=3), seeded().standard_cauchy(9))
    close = np.testing.assert_allclose
    close(random.lognormal(LOC, SCALE, (9, 6), rng=3), seeded().lognormal(LOC, SCALE, (9, 6)), rtol=1e-14)
    close(random.weibull(SCALE, size=(9, 6), rng=3), seeded().weibull(SCALE, (9, 6)), rtol=1e-13)
    mean, cov = np.array([1.0, 2.0]), np.array([[2.0, 0.5], [0.5, 1.0]])
    expected = seeded().multivariate_normal(mean, cov, 9, method="cholesky")
    close(random.multivariate_normal(mean, cov, 9, rng=3), expected, rtol=1e-13)
    close(random.multivariate_normal(mean, cholesky=np.linalg.cholesky(cov), size=9, rng=3), expected, rtol=1e-13)


def test_one_number_is_a_python_float_and_a_generator_goes_on():
    rng = seeded()
    first, second = random.normal(rng=rng), random.normal(rng=rng)
    assert type(first) is float
    assert first != second
    assert random.normal(rng=3) == random.normal(rng=3) == first
    assert type(random.normal(Value(0.0), rng=3).data) is float


def test_float32_parameters_give_float32_draws():
    loc = Value(np.zeros(3, np.float32))
    z = random.normal(loc, 2.0, rng=0)
    np.sum(z * z).backward()
    assert z.dtype == loc.grad.dtype == np.float32
    assert random.dropout(loc, rng=0).dtype == random.gumbel_softmax(loc, rng=0).dtype == np.float32
    assert random.normal(np.float32(1.0), 2.0, rng=0).dtype == np.float32


LOCATED = ["normal", "gumbel", "laplace", "logistic", "cauchy", "lognormal"]


@pytest.mark.parametrize("name", LOCATED)
def test_pathwise_slopes_are_exact(name):
    def loss(loc, scale):
        return np.sum(np.tanh(getattr(random, name)(loc, scale, (3, 4), rng=7)))

    check_gradients(loss, np.array([0.1, -0.4, 0.3, 0.2]), np.array([[0.5], [0.8], [0.3]]), order=2)


def test_pathwise_slopes_of_the_others_are_exact():
    a, b = np.array([0.5, 1.5, 3.0]), np.array([0.7, 2.0, 3.5])
    check_gradients(lambda low, high: np.sum(np.sin(random.uniform(low, high, (4, 3), rng=7))), a, b, order=2)
    check_gradients(lambda scale: np.sum(np.sin(random.exponential(scale, (4, 3), rng=7))), b, order=2)
    check_gradients(lambda a, scale: np.sum(np.sin(random.weibull(a, scale, (4, 3), rng=7))), a, b, order=2)
    logits = np.random.default_rng(0).normal(size=(3, 4))
    check_gradients(lambda x, t: np.sum(random.gumbel_softmax(x, t, rng=7)[:, 0] ** 2), logits, 0.7, order=2)
    check_gradients(lambda x: np.sum(np.sin(random.dropout(x, 0.3, rng=7))), logits, order=2)


@pytest.mark.parametrize("size", [None, 5, (2, 5)])
def test_multivariate_normal_is_exact_through_its_factor_and_its_covariance(size):
    mean, factor = np.array([0.5, -0.2]), np.array([[1.2, 0.0], [0.3, 0.8]])

    def by_factor(mean, factor):
        return np.sum(np.sin(random.multivariate_normal(mean, cholesky=factor, size=size, rng=7)))

    def by_covariance(mean, root):  # any root gives a covariance that is symmetric
        return np.sum(np.sin(random.multivariate_normal(mean, root @ root.T, size, rng=7)))

    check_gradients(by_factor, mean, factor, order=2)
    check_gradients(by_covariance, mean, factor + 0.1, order=2)


def test_multivariate_normal_takes_batches():
    mean, factors = np.zeros((3, 1, 2)), np.linspace(0.5, 1.5, 16).reshape(4, 2, 2)
    z = random.multivariate_normal(mean, cholesky=factors, rng=3)
    noise = seeded().standard_normal((3, 4, 2))
    np.testing.assert_allclose(z, np.einsum("kij,bkj->bki", factors, noise), rtol=1e-13)
    check_gradients(lambda f: np.sum(random.multivariate_normal(mean, cholesky=f, rng=3) ** 2), factors)


def estimated(draw, f, parameters):
    """Means, and their standard errors, of the slopes of f(z) with respect to each parameter: one per draw."""
    spread = [Value(np.full(N, x)) for x in parameters]
    np.sum(f(draw(*spread, size=N, rng=np.random.default_rng(11)))).backward()
    return [(np.mean(x.grad), np.std(x.grad) / math.sqrt(N)) for x in spread]


EULER = 0.5772156649015329
EXPECTATIONS = {  # distribution, parameters, f, slopes of E f(z) in closed form
    "normal": ((0.5, 2.0), lambda z: z * z, (1.0, 4.0)),  # mu² + sigma²
    "a normal's sine": ((0.4, 0.7), np.sin, (math.exp(-0.245) * math.cos(0.4), -0.7 * math.exp(-0.245) * math.sin(0.4))),
    "uniform": ((1.0, 3.0), lambda z: z * z, (5.0 / 3.0, 7.0 / 3.0)),  # (a² + ab + b²) / 3
    "gumbel": ((0.5, 1.5), lambda z: z * z,  # (mu + gamma s)² + π² s² / 6
               (2.0 * (0.5 + EULER * 1.5), 2.0 * EULER * (0.5 + EULER * 1.5) + math.pi**2 / 2.0)),
    "laplace": ((0.5, 1.5), lambda z: z * z, (1.0, 6.0)),  # mu² + 2 s²
    "logistic": ((0.5, 1.5), lambda z: z * z, (1.0, math.pi**2)),  # mu² + π² s² / 3
    "cauchy": ((0.3, 0.8), lambda z: 1.0 / (1.0 + z * z),  # (1 + s) / D, D = (1 + s)² + mu²
               (-2.0 * 0.3 * 1.8 / 3.33**2, 1.0 / 3.33 - 2.0 * 1.8**2 / 3.33**2)),
    "exponential": ((1.5,), lambda z: z * z, (6.0,)),  # 2 s²
    "lognormal": ((0.2, 0.5), lambda z: z, (math.exp(0.325), 0.5 * math.exp(0.325))),  # exp(mu + sigma² / 2)
    "weibull": ((2.0, 1.5), lambda z: z * z,  # s² Γ(1 + 2 / a), whose slope in a is −2 s² Γ'(2) / a² = −2 s² (1 − γ) / a²
                (-2.0 * 2.25 * (1.0 - EULER) / 4.0, 3.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTATIONS)
def test_mean_slopes_are_the_slopes_of_the_expectation(name):
    parameters, f, slopes = EXPECTATIONS[name]
    draw = getattr(random, "normal" if "sine" in name else name)
    for (mean, error), expected in zip(estimated(draw, f, parameters), slopes, strict=True):
        assert abs(mean - expected) < 5.0 * error + 1e-12
        assert error < 0.02 * max(1.0, abs(expected))  # else the line above would say nothing


def test_the_largest_entry_of_gumbel_softmax_is_a_draw_from_softmax():
    logits = np.array([0.5, -1.0, 1.0])
    p = np.exp(logits) / np.exp(logits).sum()
    soft = random.gumbel_softmax(np.broadcast_to(logits, (N, 3)), 0.5, rng=0)
    np.testing.assert_allclose(soft.sum(-1), 1.0, rtol=1e-14)
    share = np.bincount(soft.argmax(-1), minlength=3) / N
    assert (np.abs(share - p) < 5.0 * np.sqrt(p * (1.0 - p) / N)).all()


def test_hard_gumbel_softmax_is_one_hot_with_the_slopes_of_the_soft_one():
    logits = np.random.default_rng(0).normal(size=(5, 4))
    weights = np.arange(4.0)

    def score(x, hard):
        return np.sum(random.gumbel_softmax(x, 0.8, hard=hard, rng=3) * weights)

    hard = random.gumbel_softmax(logits, 0.8, hard=True, rng=3)
    np.testing.assert_allclose(hard, np.eye(4)[hard.argmax(-1)], atol=1e-15)
    assert (hard.argmax(-1) == random.gumbel_softmax(logits, 0.8, rng=3).argmax(-1)).all()
    np.testing.assert_allclose(grad(score)(logits, True), grad(score)(logits, False), rtol=1e-13)
    columns = random.gumbel_softmax(Value(logits), axis=0, hard=True, rng=3)
    np.testing.assert_allclose(columns.data.sum(0), 1.0, rtol=1e-14)


def test_dropout_keeps_the_mean_and_its_gradient_has_the_same_mask():
    x = Value(np.full(N, 2.0))
    out = random.dropout(x, 0.25, rng=0)
    out.sum().backward()
    kept = out.data != 0.0
    assert abs(kept.mean() - 0.75) < 5.0 * math.sqrt(0.75 * 0.25 / N)
    np.testing.assert_array_equal(x.grad, np.where(kept, 1.0 / 0.75, 0.0))
    np.testing.assert_array_equal(random.dropout(x.data, 0.0, rng=0), x.data)


def test_a_seed_draws_the_same_numbers_and_nothing_comes_from_a_global_generator():
    before = np.random.get_state()[1].copy()
    np.testing.assert_array_equal(random.uniform(size=4, rng=1), random.uniform(size=4, rng=1))
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    for rng in (None, -1, 0.5, True, np.random.RandomState(0)):
        with pytest.raises(ArgumentError, match=r"rng=np.random.default_rng\(0\)"):
            random.normal(rng=rng)


def test_wrong_parameters_are_named():
    with pytest.raises(ArgumentError, match=r"scale must be at least 0, got -1.0"):
        random.normal(0.0, Value(np.array([1.0, -1.0])), rng=0)
    with pytest.raises(ShapeError, match=r"shapes \(3,\), \(2, 1\) do not broadcast to size=\(3,\)"):
        random.normal(np.zeros(3), np.ones((2, 1)), 3, rng=0)
    with pytest.raises(ArgumentError, match="no option 'sd'"):
        random.normal(0.0, sd=1.0, rng=0)


def test_parameters_in_lists():
    v = Value(1.5)
    out = random.normal([v, v], 1.0, rng=0)
    assert np.array_equal(out.data, np.random.default_rng(0).normal([1.5, 1.5], 1.0))
    np.sum(out).backward()
    assert v.grad == 2.0
