"""Calibration, temperature and intervals are those of scikit-learn, SciPy and statsmodels."""

import numpy as np
import pytest

import nn
from nn import lens
from nn.lens.intervals import bootstrapped, mean_interval, share_difference, t_quantile, wilson

metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
proportion = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is not installed")
optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")
calibration = pytest.importorskip("sklearn.calibration", reason="scikit-learn is not installed")
pytestmark = pytest.mark.oracle


def trained(classes):
    """A network that has overfitted, and rows that it has not seen."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 5))
    y = np.argmax(X[:, :classes] + rng.gumbel(size=(700, classes)), axis=1)
    model = nn.MLP(5, [32, classes], rng=0, dtype=np.float64)
    nn.fit(model, X[:200], y[:200], optimizer=nn.Adam(model, 0.01), epochs=60, rng=0, progress=False)
    return model, X[200:], y[200:], nn.predict(model, X[200:])


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 4])
def test_brier_score_and_loss_are_scikit_learns(classes):
    model, X, y, z = trained(classes)
    found = lens.calibration(model, X, y)
    assert found.nll == pytest.approx(metrics.log_loss(y, softmax(z)), rel=1e-9)
    assert found.accuracy == metrics.accuracy_score(y, z.argmax(1))
    theirs = metrics.brier_score_loss(y, softmax(z), scale_by_half=False, labels=range(classes))
    assert found.brier == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_the_bins_are_those_of_a_calibration_curve(strategy):
    model, X, y, z = trained(3)
    found = lens.calibration(model, X, y, bins=8)
    shares = softmax(z)
    theirs = calibration.calibration_curve(shares.argmax(1) == y, shares.max(1), n_bins=8, strategy=strategy)
    ours = found.equal if strategy == "uniform" else found.adaptive
    ours = ours[ours[:, 0] > 0]
    # their quantiles fall on a row and ours between two: one row of 62 may be in the next bin
    tolerance = 1e-9 if strategy == "uniform" else 1.5 / 62
    np.testing.assert_allclose(ours[:, 1], theirs[0], atol=tolerance)
    np.testing.assert_allclose(ours[:, 2], theirs[1], atol=tolerance)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_temperature_is_where_scipys_bounded_search_finds_it(classes):
    model, X, y, z = trained(classes)
    found = lens.temperature(model, X, y)
    theirs = optimize.minimize_scalar(
        lambda t: metrics.log_loss(y, softmax(z / np.exp(t))), bounds=(-5, 5), method="bounded", options={"xatol": 1e-9}
    )
    assert pytest.approx(np.exp(theirs.x), rel=1e-6) == found.T
    assert found.nll[1] == pytest.approx(theirs.fun, rel=1e-12)
    assert found.T > 1.2  # it had overfitted


def test_intervals_of_shares_are_statsmodels():
    for right, rows in [(0, 7), (3, 7), (7, 7), (250, 263)]:
        for confidence in (0.9, 0.99):
            theirs = proportion.proportion_confint(right, rows, 1.0 - confidence, method="wilson")
            assert wilson(right, rows, confidence) == pytest.approx(theirs, abs=1e-12)
    for first, second in [((18, 20), (30, 50)), ((9, 10), (3, 10)), ((200, 200), (190, 210))]:
        theirs = proportion.confint_proportions_2indep(*first, *second, compare="diff", method="newcomb")
        assert share_difference(first, second) == pytest.approx(theirs, abs=1e-10)


def test_paired_intervals_are_scipys():
    numbers = np.random.default_rng(0).normal(size=(2, 7))
    theirs = stats.ttest_rel(*numbers).confidence_interval(0.9)
    assert mean_interval(numbers[0] - numbers[1], 0.9)[1:] == pytest.approx(tuple(theirs), rel=1e-9)
    for degrees in (1, 2, 3, 10, 50, 1000):
        for share in (0.6, 0.9, 0.9995):
            assert t_quantile(share, degrees) == pytest.approx(stats.t.ppf(share, degrees), rel=1e-7)


def test_the_bootstrap_agrees_with_scipys():
    rng = np.random.default_rng(0)
    first, second = rng.exponential(size=80), rng.exponential(size=60)
    theirs = stats.bootstrap(
        (first, second), lambda a, b, axis: a.mean(axis) - b.mean(axis), method="percentile", vectorized=True,
        n_resamples=20000, rng=rng,
    ).confidence_interval  # fmt: skip
    ours = bootstrapped(first, second, 0.95, np.random.default_rng(1), draws=20000)
    error = 0.03 * np.sqrt(first.var() / 80 + second.var() / 60)  # of a 2.5 % quantile from 20,000 draws: 1.9 %
    assert ours == pytest.approx(tuple(theirs), abs=3 * error)
