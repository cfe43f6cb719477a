"""Shapley values against the definition, all orders by brute force, and what they must obey."""

import math
import re
from itertools import permutations

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from autograd.ops import relu
from nn import lens

RNG = np.random.default_rng(11)
X, B = RNG.normal(size=(4, 4)), RNG.normal(size=(6, 4))


class Function(nn.Module):
    def __init__(self, formula):
        self.formula = formula

    def forward(self, x):
        return self.formula(x)


FORMULAS = {
    "and": lambda x: np.minimum(x[:, 0], x[:, 1]),
    "product of three": lambda x: x[:, 0] * x[:, 1] * x[:, 2],
    "kink": lambda x: relu(x[:, 0] - x[:, 1] + 0.5 * x[:, 3]) * x[:, 2],
}


def by_all_orders(f, x, background, groups):
    """The mean gain of each group over all orders: the definition, without weights for sets."""
    values = np.zeros(len(groups))
    for order in permutations(range(len(groups))):
        rows = background.copy()
        before = f(rows).mean()
        for i in order:
            rows[:, groups[i]] = x[groups[i]]
            after = f(rows).mean()
            values[i] += (after - before) / math.factorial(len(groups))
            before = after
    return values


@pytest.mark.parametrize("name", FORMULAS)
def test_exact_values_are_the_mean_over_all_orders(name):
    f = FORMULAS[name]
    answer = lens.shapley(Function(f), X, background=B)
    expected = [by_all_orders(lambda z: np.asarray(f(z)), x, B, [[0], [1], [2], [3]]) for x in X]
    np.testing.assert_allclose(answer.values, expected, atol=1e-13)
    assert answer.max_gap < 1e-13
    assert answer.margin is None


def test_of_and_both_share_alike():
    answer = lens.shapley(Function(lambda x: x[:, 0] * x[:, 1]), np.ones((1, 3)), background=np.zeros((1, 3)))
    np.testing.assert_allclose(answer.values, [[0.5, 0.5, 0.0]], atol=1e-15)


def test_groups_are_known_together():
    f = FORMULAS["kink"]
    answer = lens.shapley(Function(f), X, background=B, groups={"pair": ["x0", 3]})
    assert answer.names == ("pair", "x1", "x2")
    expected = [by_all_orders(lambda z: np.asarray(f(z)), x, B, [[0, 3], [1], [2]]) for x in X]
    np.testing.assert_allclose(answer.values, expected, atol=1e-13)


def test_sampled_intervals_hold_the_exact_values_and_add_up():
    model = nn.MLP(6, [8, 3], np.tanh, rng=0, dtype=np.float64)
    x, background = RNG.normal(size=(20, 6)), RNG.normal(size=(10, 6))
    exact = lens.shapley(model, x, target=0, background=background)
    sampled = lens.shapley(model, x, target=0, background=background, method="sampled", samples=100, rng=0)
    assert np.mean(np.abs(sampled.values - exact.values) <= sampled.margin) > 0.92  # 95 % of 120, with their chance
    assert sampled.max_gap < 1e-12  # each order adds up, and each background row is used ten times
    more = lens.shapley(model, x, target=0, background=background, method="sampled", samples=400, rng=0)
    assert more.margin.mean() < 0.6 * sampled.margin.mean()


def test_an_order_and_its_reverse_are_exact_for_pairs_of_features():
    model = Function(lambda x: x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3])
    sampled = lens.shapley(model, X, background=B[:1], method="sampled", samples=2, rng=0)
    np.testing.assert_allclose(sampled.values, lens.shapley(model, X, background=B[:1]).values, atol=1e-14)
    np.testing.assert_allclose(sampled.margin, 0.0, atol=1e-13)


def test_beyond_fifteen_features_orders_are_drawn():
    model = nn.Linear(16, 1, rng=0, dtype=np.float64)
    x = RNG.normal(size=(2, 16))
    answer = lens.shapley(model, x, background=x, samples=2, rng=0)
    assert answer.method == "Shapley values, sampled"
    np.testing.assert_allclose(answer.values, model.weight.data * (x - x.mean(0)), atol=1e-12)
    by_groups = lens.shapley(model, x, groups=[range(8), range(8, 16)])
    assert by_groups.method == "Shapley values"
    assert by_groups.values.shape == (2, 2)


def test_what_is_looked_up_needs_no_gradient():
    model = nn.Sequential(
        nn.Embedding(5, 3, rng=0, dtype=np.float64),
        lambda x: np.mean(x, axis=1),
        nn.Linear(3, 2, rng=0, dtype=np.float64),
    )
    tokens = np.array([[0, 1, 2], [3, 4, 0]])
    answer = lens.shapley(model, tokens, background=tokens[:1])
    assert answer.max_gap < 1e-12
    np.testing.assert_allclose(answer.values[0], 0.0, atol=1e-15)  # it is its own background


def test_an_image_has_a_map():
    model = nn.Sequential(nn.Flatten(), nn.Linear(9, 2, rng=0, dtype=np.float64))
    images = RNG.normal(size=(2, 1, 3, 3))
    assert lens.shapley(model, images).values.shape == images.shape


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"method": "exakt"}, "shapley: method='exakt'; did you mean 'exact'? It is auto, exact or sampled"),
        ({"groups": "corelated"}, "shapley: groups='corelated'; did you mean \"correlated\"?"),
        ({"groups": [[0, 1], [1]]}, "shapley: feature x1 is in two groups"),
        ({"groups": {"a": ["y"]}}, "shapley: there is no feature 'y'; there are x0, x1, x2, x3, or numbers 0 … 3"),
        ({"groups": {"a": []}}, "shapley: a group has no features"),
        ({"groups": 3}, 'shapley: groups is "correlated", {name: features} or lists of features, got 3'),
    ],
)
def test_what_cannot_be_is_refused(options, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        lens.shapley(nn.Linear(4, 1, rng=0), X, **options)


def test_too_many_sets_are_refused_with_what_to_do():
    with pytest.raises(ArgumentError, match=r"20 features are 2\^20 sets; exact goes up to 15: group them"):
        lens.shapley(nn.Linear(20, 1, rng=0), np.ones((2, 20)), method="exact")
