"""Shuffled labels, widths and the double descent: closed forms where there are some, and shapes over several seeds."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from nn import lens
from nn.datasets import digits
from nn.lens.capacity import shuffled
from nn.lens.sweep import WidthSweep

DATA = digits()
X, Y, X_TEST, Y_TEST = DATA.X[:100], DATA.y[:100], DATA.X[1000:], DATA.y[1000:]
QUICK = {"repeats": 2, "progress": False, "rng": 0}


def wide(seed):
    return nn.MLP(64, [128, 10], rng=seed)


def fast(model):
    return nn.Adam(model, 0.01)


@pytest.fixture(scope="module")
def fitted():
    return lens.random_label_fit(wide, X, Y, X_TEST, Y_TEST, shares=(0.0, 0.5, 1.0), optimizer=fast, **QUICK)


def test_shuffled_labels_are_fitted_and_lead_to_chance(fitted):
    """Zhang et al.: training accuracy 1 whatever the labels, slower; test accuracy falls with the share shuffled."""
    assert (fitted.training == 1.0).all()
    assert (fitted.epochs[2] > 1.5 * fitted.epochs[0]).all()
    true, half, none = fitted.test.mean(axis=1)
    assert true > 0.75
    assert true > half + 0.1 > none + 0.2
    assert fitted.chance == pytest.approx(0.1, abs=0.005)
    assert none < 0.22  # chance, and what two times 100 labels leave by accident
    assert (fitted.examples, fitted.parameters) == (100, 64 * 128 + 128 + 1290)


def test_it_says_what_became_of_them(fitted):
    assert fitted.verdict.startswith("Shuffled labels are fitted too: 100.0% of 100 training labels after ")
    assert fitted.verdict.endswith(f"{fitted.test[2].mean():.1%} of the test labels, where chance is 10.0%.")
    assert [row[0] for row in fitted.rows()[1]] == ["0%", "50%", "100%"]
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    fitted.plot(axes)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "test", "chance"]


def test_a_model_too_small_for_them_is_said_to_be():
    small = lambda seed: nn.MLP(64, [2, 10], rng=seed)
    found = lens.random_label_fit(small, X, Y, shares=(1.0,), epochs=3, compile=False, **QUICK)
    share = found.training.mean()
    assert found.verdict == (
        f"Shuffled labels are not fitted in 3 epochs: {share:.1%} of 100 training labels, by 160 parameters."
    )
    assert np.isnan(found.epochs).all()
    assert found.test is None
    assert found.rows()[1][0][1] == "over 3"
    found.plot(pytest.importorskip("matplotlib.figure").Figure().subplots())


def test_the_same_seed_gives_the_same_numbers_and_leaves_the_data():
    labels = Y.copy()
    runs = [lens.random_label_fit(wide, X, labels, epochs=2, compile=False, **QUICK) for _ in range(2)]
    assert runs[0].training.tolist() == runs[1].training.tolist()
    assert labels.tolist() == Y.tolist()


def test_shuffling_keeps_the_classes_and_moves_the_share_it_says():
    labels = np.arange(1000)
    changed = shuffled(labels, 0.3, np.random.default_rng(0))
    assert sorted(changed) == list(labels)
    assert 290 <= (changed != labels).sum() <= 300
    assert (shuffled(labels, 0.0, np.random.default_rng(0)) == labels).all()


WIDTHS = (20, 50, 80, 90, 100, 110, 120, 200, 800)


@pytest.mark.parametrize("seed", range(3))
def test_random_features_descend_twice_and_ridge_takes_the_peak_away(seed):
    """Belkin et al.: the peak is where width = rows; the widest model beats the best narrow one; ridge has no peak. Some
    neurons are 0 on all rows, so it may take a few more than 100 to fit 100 rows."""
    data = (WIDTHS, X, Y, X_TEST, Y_TEST)
    plain = lens.random_feature_sweep(*data, repeats=3, progress=False, rng=seed)
    ridge = lens.random_feature_sweep(*data, repeats=3, progress=False, rng=seed, ridge=1e-3)
    low, top, end = plain.peak
    assert 80 <= plain.widths[top] <= 120
    loss = plain.test_loss.mean(axis=1)
    assert loss[top] > 5.0 * loss[low]
    assert loss[end] < loss[low]
    assert plain.widths[end] == 800
    assert plain.threshold == 100.0
    assert (plain.train_loss[plain.widths >= 200] < 1e-20).all()
    assert ridge.peak is None
    assert ridge.test_loss.mean(axis=1)[top] < 0.2 * loss[top]
    assert (plain.test_error[-1] < 0.25).all()


def test_of_regression_there_is_no_error_rate_and_features_that_hold_the_truth_find_it():
    """y is a combination of three relu of one input with two signs: width 40 of random relu spans it."""
    x = np.linspace(-1.0, 1.0, 60)[:, None]
    y = 2.0 * np.maximum(x[:, 0], 0.0) - 0.5 * np.maximum(-x[:, 0], 0.0)
    found = lens.random_feature_sweep((40,), x[::2], y[::2], x[1::2], y[1::2], progress=False, rng=0)
    assert found.test_error is None
    assert found.test_loss.max() < 1e-24
    assert found.threshold is None
    assert found.parameters.tolist() == [40]
    assert "no peak by width" in found.verdict


def test_noise_makes_the_test_loss_worse():
    clean, noisy = (
        lens.random_feature_sweep((100, 800), X, Y, X_TEST, Y_TEST, noise=noise, progress=False, rng=0)
        for noise in (0.0, 0.3)
    )
    assert (noisy.test_loss[1] > 1.5 * clean.test_loss[1]).all()


@pytest.fixture(scope="module")
def swept():
    build = lambda width, seed: nn.MLP(64, [width, 10], rng=seed)
    return lens.width_sweep(build, (1, 4, 16, 64), X, Y, X_TEST[:200], Y_TEST[:200], epochs=20, optimizer=fast, **QUICK)


def test_wider_networks_fit_better(swept):
    train = swept.train_loss.mean(axis=1)
    assert (np.diff(train) < 0).all()
    assert swept.parameters.tolist() == [64 * w + w + 10 * w + 10 for w in (1, 4, 16, 64)]
    assert swept.threshold == pytest.approx((1000 - 10) / 75)  # 75 w + 10 parameters for 100 rows · 10 classes
    assert swept.test_error.mean(axis=1)[-1] < 0.3
    assert swept.name == "MLP, cross_entropy"
    assert len(swept.rows()[1]) == 4


def test_a_width_sweep_leaves_test_error_out_for_another_loss():
    build = lambda width, seed: nn.MLP(1, [width, 1], rng=seed)
    x = np.linspace(-1.0, 1.0, 20)[:, None]
    found = lens.width_sweep(build, (2, 3), x, x, x, x, epochs=2, compile=False, **QUICK)
    assert found.test_error is None
    assert found.rows()[1][0][-1] is None


def planted(losses):
    k, losses = len(losses), np.array(losses)[:, None] * [[0.9, 1.1]]
    return WidthSweep("planted", np.arange(1, k + 1), np.arange(1, k + 1), 0.5 * losses, losses, None, 3.0)


def test_peaks_are_told_from_slopes_and_ripples():
    assert planted([3.0, 2.0, 8.0, 1.0, 1.5]).peak == (1, 2, 3)
    assert planted([3.0, 2.0, 1.0]).peak is None
    assert planted([1.0, 2.0, 3.0]).peak is None
    assert planted([1.0, 1.05, 1.0]).peak is None
    assert planted([2.0, 3.0, 1.9, 9.0, 1.0]).peak == (2, 3, 4)
    assert planted([3.0, 2.0, 8.0, 1.0]).verdict == (
        "planted: the test loss peaks at 8 at width 3 (all rows can be fitted from 3 on) and falls again to 1 at 4, below "
        "the 2 of width 2."
    )


def test_sweeps_draw_alone_and_above_one_another(swept):
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    planted([3.0, 2.0, 800.0, 1.0]).plot(axes)
    assert axes.get_yscale() == "log"
    planted([3.0, 2.0, 1.0]).plot(axes)
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    assert said == ["training", "test", "weights = rows · outputs", "test, planted"]
    other = pytest.importorskip("matplotlib.figure").Figure().subplots()
    planted([3.0, 2.0, 1.0]).plot(other)
    assert other.get_yscale() == "linear"


BAD = {
    "float labels": (lambda: lens.random_label_fit(wide, X, X[:, 0]), "y holds class numbers, .* got float32"),
    "share": (lambda: lens.random_label_fit(wide, X, Y, shares=(0.0, 2.0)), r"shares\[1\] must lie in \[0, 1\], got 2.0"),
    "no shares": (lambda: lens.random_label_fit(wide, X, Y, shares=()), r"shares is empty: \(0.0, 1.0\) compares"),
    "build": (lambda: lens.random_label_fit(lambda seed: 3, X, Y), "build gives a fresh model each time .* got int"),
    "no build": (lambda: lens.random_label_fit(3, X, Y), "build is a function"),
    "rows": (lambda: lens.random_label_fit(wide, X, Y[:3]), "X has 100 rows, y has 3"),
    "widths": (lambda: lens.random_feature_sweep((5, 5), X, Y, X, Y), r"numbers that rise, such as .* got \(5, 5\)"),
    "width 0": (lambda: lens.random_feature_sweep((0, 5), X, Y, X, Y), r"widths\[0\] is a whole number of at least 1"),
    "ridge": (lambda: lens.random_feature_sweep((5,), X, Y, X, Y, ridge=-1.0), "ridge must be a number of at least 0"),
    "features": (lambda: lens.random_feature_sweep((5,), X, Y, X[:, :3], Y), "X has 64 features a row, X_test 3"),
    "lengths": (lambda: lens.random_feature_sweep((5,), X, Y[:3], X, Y), "X, y: expected as many rows of both"),
    "NaN": (lambda: lens.random_feature_sweep((5,), X * np.nan, Y, X, Y), "X has NaN or infinite entries, .* row 0"),
    "noise": (lambda: lens.random_feature_sweep((5,), X, X[:, 0], X, X[:, 0], noise=0.1), "noise=0.1 shuffles class"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", BAD)
def test_mistakes_are_told(mistake):
    call, message = BAD[mistake]
    with pytest.raises(ArgumentError, match=message):
        call()
