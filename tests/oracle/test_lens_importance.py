"""Importance against other people's code: scikit-learn's permutations, and the definitions written in JAX.

By hand, once, in float64 with captum 0.9.0 and shap 0.51.0 (largest differences): gradient × input 3e-16, DeepLIFT 5e-15
(relu, tanh, sigmoid; 2e-16 with max pooling), DeepLIFT's mean over a background against DeepExplainer 7e-16, exact Shapley
values against shap's Exact 3e-16, integrated gradients against captum's with 5,000 points 2e-10 (tanh) and 3e-4 (relu,
where captum's points step over kinks).
"""

import warnings

import numpy as np
import pytest

import nn
from nn import lens

jax = pytest.importorskip("jax", reason="JAX is not installed")
pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]
RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 5))


def mlp(activation, outputs=3):
    """A network, and the same as a function of one row in JAX."""
    model = nn.MLP(5, [12, 8, outputs], activation, rng=0, dtype=np.float64)
    for layer in model.layers:
        layer.bias.data = np.random.default_rng(1).normal(size=layer.bias.shape)
    weights = [(layer.weight.data, layer.bias.data) for layer in model.layers]
    squash = jax.numpy.tanh if activation is np.tanh else jax.nn.relu

    def forward(x):
        for i, (weight, bias) in enumerate(weights):
            x = weight @ x + bias
            x = squash(x) if i < len(weights) - 1 else x
        return x

    return model, forward


class SklearnsShuffles(np.random.Generator):
    """Gives the orders that permutation_importance of scikit-learn makes from a seed."""

    def __init__(self, seed, rows):
        super().__init__(np.random.PCG64(0))
        drawn = np.random.RandomState(seed).randint(np.iinfo(np.int32).max + 1)
        self.state, self.index, self.order = np.random.RandomState(drawn), np.arange(rows), np.arange(rows)

    def permutation(self, rows):
        self.state.shuffle(self.index)
        self.order = self.order[self.index]  # it shuffles what it has shuffled before
        return self.order


@pytest.mark.parametrize("classes", [False, True])
def test_permutation_importance_is_scikit_learns_with_the_same_permutations(classes):
    inspection = pytest.importorskip("sklearn.inspection", reason="scikit-learn is not installed")
    model, _ = mlp(np.tanh)
    y = model.predict(X).argmax(1) if classes else model.predict(X) + 0.1 * RNG.normal(size=(40, 3))
    y = np.roll(y, 1) if classes else y  # so that it is not always right
    measure = nn.accuracy if classes else lambda prediction, y: -float(np.mean((prediction - y) ** 2))

    class Estimator:
        def fit(self, X, y):
            return self

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = inspection.permutation_importance(
            Estimator(), X, y, scoring=lambda _, x, y: measure(model.predict(x), y), n_repeats=6, random_state=5
        )
    ours = lens.permutation_importance(model, X, y, metric=measure, repeats=6, rng=SklearnsShuffles(5, 40))
    np.testing.assert_allclose(ours.losses, theirs.importances, atol=1e-13)
    np.testing.assert_allclose(ours.importance, theirs.importances_mean, atol=1e-13)


@pytest.mark.parametrize("activation", [np.tanh, nn.layers.neuron.relu])
def test_integrated_gradients_are_the_integral_of_jaxs_gradient(activation):
    model, forward = mlp(activation)
    base, points = RNG.normal(size=5), (np.arange(20_000) + 0.5) / 20_000
    slope = jax.jit(jax.vmap(jax.grad(lambda x: forward(x)[1])))
    answer = lens.integrated_gradients(model, X[:3], target=1, baseline=base, tolerance=1e-7, most=50_000)
    for x, values in zip(X[:3], answer.values, strict=True):
        expected = (x - base) * np.asarray(slope(base + points[:, None] * (x - base))).mean(0)
        np.testing.assert_allclose(
            values, expected, atol=2e-4 if activation is not np.tanh else 1e-7
        )  # midpoints: 1 / n


def test_slopes_are_jaxs():
    model, forward = mlp(np.tanh)
    slopes = jax.vmap(jax.grad(lambda x: forward(x)[0]))(X)
    np.testing.assert_allclose(lens.gradient_input(model, X, target=0).values, X * slopes, rtol=1e-10, atol=1e-14)


def test_shapley_values_are_those_of_the_weighted_least_squares_problem():
    """Lundberg and Lee 2017, theorem 2: Kernel SHAP over all sets, another formula for the same numbers."""
    import math
    from itertools import product

    model, _ = mlp(np.tanh)
    background, row = X[:6], X[9]
    sets = np.array(list(product([0, 1], repeat=5)), float)
    worth = np.array([model.predict(np.where(known == 1, row, background))[:, 2].mean() for known in sets])
    sizes = sets.sum(1).astype(int)
    inner = (sizes > 0) & (sizes < 5)
    weights = np.array([4.0 / (math.comb(5, s) * s * (5 - s)) for s in sizes[inner]])
    base, whole = worth[0], worth[-1]
    design = sets[inner][:, :-1] - sets[inner][:, -1:]  # the last value is what the others leave
    goal = worth[inner] - base - sets[inner][:, -1] * (whole - base)
    solved = np.linalg.solve(design.T @ (weights[:, None] * design), design.T @ (weights * goal))
    expected = [*solved, whole - base - solved.sum()]
    answer = lens.shapley(model, row[None], target=2, background=background)
    np.testing.assert_allclose(answer.values[0], expected, atol=1e-12)
