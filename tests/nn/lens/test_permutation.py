"""Permutation importance: its definition, its intervals, features that say the same, what is left alone."""

import re

import numpy as np
import pytest
from footprint import footprint
from scipy import stats

import nn
from autograd.errors import ArgumentError, NonFiniteError
from nn import lens
from nn.lens.groups import correlated, ranks, spearman
from nn.lens.intervals import t_quantile

RNG = np.random.default_rng(5)
X = RNG.normal(size=(200, 4)) * [1.0, 10.0, 0.1, 1.0]
WEIGHTS = np.array([2.0, 0.1, 0.0, 1.0])


def linear():
    model = nn.Linear(4, 1, rng=0, dtype=np.float64)
    model.weight.data = WEIGHTS[None].copy()
    return model


def test_of_a_linear_model_it_is_twice_the_variance_it_explains():
    y = linear().predict(X) + 0.1 * RNG.normal(size=(200, 1))
    answer = lens.permutation_importance(linear(), X, y, repeats=50, rng=0)
    expected = (
        2.0 * (WEIGHTS * X.std(0)) ** 2
    )  # E (w (x − x'))², Fisher et al., proposition 15 for independent features
    assert np.all(np.abs(answer.importance - expected) <= 3.0 * answer.margin + 0.02 * expected)
    assert answer.importance[2] == 0.0
    assert answer.verdict.startswith("The model needs x0 most: shuffled, its mse worsens from 0.0")
    assert answer.verdict.endswith("; 1 of 4 are not shown to matter, their intervals reach 0.")


def test_the_unit_of_a_feature_does_not_matter():
    y = linear().predict(X)
    scale = np.array([1000.0, 1.0, 1.0, 0.001])
    other = linear()
    other.weight.data = WEIGHTS[None] / scale
    one, two = (lens.permutation_importance(m, x, y, rng=0).losses for m, x in ((linear(), X), (other, X * scale)))
    np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)


def test_a_metric_is_better_when_larger():
    model = nn.Linear(4, 2, rng=0, dtype=np.float64)
    labels = model.predict(X).argmax(1)
    answer = lens.permutation_importance(model, X, labels, metric=nn.accuracy, rng=0)
    assert answer.score == 1.0
    assert answer.measure == "accuracy"
    assert answer.importance.max() > 0.1
    assert lens.permutation_importance(model, X, labels, rng=0).measure == "cross_entropy"


def test_the_interval_is_students():
    answer = lens.permutation_importance(linear(), X, linear().predict(X), repeats=7, rng=0)
    low, _ = stats.t.interval(0.95, 6, answer.losses[0].mean(), stats.sem(answer.losses[0]))
    assert answer.importance[0] - answer.margin[0] == pytest.approx(low, rel=1e-10)


@pytest.mark.parametrize("freedom", [1, 2, 9, 100, 5000])
def test_quantiles_of_t_are_scipys(freedom):
    for probability in (0.6, 0.975, 0.9995, 0.025):
        expected = stats.t.ppf(probability, freedom)  # of 5000: the difference of two lgammas near 17,000
        assert t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9)


def test_copies_hide_each_other_until_they_are_shuffled_together():
    x = RNG.normal(size=(300, 1))
    copies = np.concatenate([x, x**3, RNG.normal(size=(300, 1))], axis=1)  # of equal ranks
    model = nn.Linear(3, 1, rng=0, dtype=np.float64)
    model.weight.data = np.array([[1.0, 0.0, 0.5]])
    answer = lens.permutation_importance(model, copies, model.predict(copies), groups="correlated", rng=0)
    assert answer.names == ("x0 + x1", "x2")
    assert answer.members == ((0, 1), (2,))
    alone = lens.permutation_importance(model, copies, model.predict(copies), rng=0)
    assert answer.importance[0] == pytest.approx(alone.importance[0], rel=1e-12)


def test_ranks_and_their_correlation_are_scipys():
    values = RNG.integers(0, 9, size=(50, 3)).astype(float)
    np.testing.assert_array_equal(ranks(values), stats.rankdata(values, axis=0))
    expected = stats.spearmanr(values[:, 0], values[:, 1]).statistic
    assert spearman(values[:, 0], values[:, 1]) == pytest.approx(expected, abs=1e-14)
    assert np.isnan(spearman(values[:, 0], np.ones(50)))


def test_groups_are_those_of_single_linkage():
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    hidden = RNG.normal(size=(100, 4))
    x = np.concatenate([hidden, hidden + 0.6 * RNG.normal(size=(100, 4)), -hidden[:, :2]], axis=1)
    distance = 1.0 - np.abs(stats.spearmanr(x).statistic)
    for threshold in (0.5, 0.7, 0.85, 0.95):
        near = linkage(squareform(distance, checks=False), "single")
        labels = fcluster(near, 1.0 - threshold, "distance")
        expected = sorted(np.flatnonzero(labels == label).tolist() for label in set(labels))
        assert sorted(correlated(x, threshold)) == expected


def test_a_constant_feature_is_alone():
    x = np.stack([np.ones(10), np.ones(10), np.arange(10.0)], axis=1)
    assert correlated(x, 0.0) == [[0], [1], [2]]


def test_images_are_shuffled_by_groups_of_pixels():
    images = RNG.normal(size=(30, 1, 4, 4)).astype(np.float32)
    model = nn.models.CNN((1, 4, 4), 2, channels=(2,), rng=0)
    halves = {"upper": range(8), "lower": range(8, 16)}
    answer = lens.permutation_importance(model, images, np.arange(30) % 2, groups=halves, rng=0)
    assert answer.names == ("upper", "lower")


def test_looking_leaves_the_model_bit_for_bit():
    model = nn.Sequential(nn.Linear(4, 5, rng=0), nn.BatchNorm1d(5), nn.Dropout(0.5, rng=1), nn.Linear(5, 2, rng=2))
    before, x, labels = footprint(model), X.copy(), np.arange(200) % 2
    lens.permutation_importance(model, x, labels, rng=0)
    assert footprint(model) == before
    np.testing.assert_array_equal(x, X)


def test_it_draws_bars_with_intervals():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.subplots()
    lens.permutation_importance(linear(), X, linear().predict(X), rng=0).plot(axes)
    assert len(axes.patches) == 4


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"repeats": 1}, "repeats is a whole number of at least 2, got 1"),
        ({"loss": nn.mse, "metric": nn.accuracy}, "permutation_importance: give a loss or a metric, not both"),
        ({"groups": "correlated", "threshold": 1.5}, "threshold must lie in [0, 1], got 1.5"),
        ({"rng": "seed"}, "rng is an integer seed (0 or more) or a np.random.Generator, got str 'seed'"),
    ],
)
def test_what_cannot_be_is_refused(options, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        lens.permutation_importance(linear(), X, X[:, :1], **options)


def test_a_score_that_is_not_finite_is_refused():
    y = X[:, :1].copy()
    with pytest.raises(NonFiniteError, match="permutation_importance: the score is nan"):
        lens.permutation_importance(linear(), X, y, metric=lambda prediction, target: np.nan)
    with pytest.raises(ArgumentError, match="permutation_importance: a single row cannot be shuffled"):
        lens.permutation_importance(linear(), X[:1], y[:1])
