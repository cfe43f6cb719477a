"""Mixup blends inputs and targets with one share; fit hands targets to an augment that says it mixes them."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError


def test_inputs_and_targets_are_blended_by_one_share():
    x, y = np.eye(6, dtype=np.float32), np.arange(6)
    mixed, shares = nn.Mixup(6, alpha=1.0)(x, y, np.random.default_rng(0))
    np.testing.assert_allclose(mixed, shares, rtol=1e-6)  # of the identity both are the same rows
    np.testing.assert_allclose(shares.sum(1), 1.0, rtol=1e-6)
    assert mixed.dtype == shares.dtype == np.float32
    assert len({round(float(v), 5) for v in np.unique(shares)} - {0.0, 1.0}) == 2  # λ and 1 − λ


def test_the_shares_are_beta_distributed():
    rng = np.random.default_rng(0)
    x = np.array([[0.0], [1.0]])
    draws = []
    for _ in range(4000):
        mixed, _ = nn.Mixup(alpha=0.4)(x, x, rng)
        if mixed[0, 0] != 0.0 or mixed[1, 0] != 1.0:  # else the shuffled order was the old one
            draws.append(mixed[1, 0])
    variance = 1.0 / (4.0 * (2 * 0.4 + 1.0))  # of Beta(α, α); its mean is ½
    assert np.mean(draws) == pytest.approx(0.5, abs=4 * np.sqrt(variance / len(draws)))
    assert np.var(draws) == pytest.approx(variance, rel=0.08)


def test_targets_that_are_numbers_are_blended_as_they_are():
    x = np.arange(8.0).reshape(4, 2)
    mixed, target = nn.Mixup()(x, 10.0 * x[:, :1], np.random.default_rng(1))
    np.testing.assert_allclose(target, 10.0 * mixed[:, :1])


@pytest.mark.parametrize("compiled", [False, True])
def test_fit_learns_from_blends(compiled):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) + 3.0 * np.repeat([[0.0, 0.0], [1.0, 1.0]], 100, axis=0)
    y = np.repeat([0, 1], 100)
    model = nn.MLP(2, [16, 2], rng=0)
    history = nn.fit(model, X, y, augment=nn.Mixup(2, alpha=1.0), epochs=20, rng=0, compile=compiled, progress=False,
                     optimizer=nn.Adam(model, 0.01), validation=(X, y))  # fmt: skip
    assert history.validation_metric[-1] > 0.95
    assert history.train_loss[-1] > 1.5 * history.fitted_loss[-1]  # blends are the harder task


def test_the_same_seed_gives_the_same_blends():
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 3
    states = []
    for _ in range(2):
        model = nn.MLP(3, [4, 3], rng=0)
        nn.fit(model, X, y, augment=nn.Mixup(3), epochs=2, rng=5, progress=False)
        states.append(model.state_dict())
    for name in states[0]:
        np.testing.assert_array_equal(states[0][name], states[1][name])


def test_what_cannot_be_blended_is_told():
    x, rng = np.eye(3), np.random.default_rng(0)
    with pytest.raises(ArgumentError, match="Mixup blends inputs that are floats, got int64"):
        nn.Mixup(3)(np.arange(3), np.arange(3), rng)
    with pytest.raises(ArgumentError, match=r"class numbers \(n,\) from 0 to classes − 1; classes=2, .* up to 2"):
        nn.Mixup(2)(x, np.arange(3), rng)
    with pytest.raises(ArgumentError, match="classes=None"):
        nn.Mixup()(x, np.arange(3), rng)
    with pytest.raises(ArgumentError, match="Mixup: alpha must be a number above 0, got 0"):
        nn.Mixup(2, alpha=0)


def test_an_augment_that_loses_targets_is_told():
    def augment(x, target, rng):
        return x, target[1:]

    augment.mixes = True
    with pytest.raises(ArgumentError, match=r"augment\(x, target, rng\) gave 7 targets for 8 rows"):
        nn.fit(nn.MLP(2, [2]), np.ones((8, 2)), np.ones((8, 2)), augment=augment, epochs=1, progress=False)
