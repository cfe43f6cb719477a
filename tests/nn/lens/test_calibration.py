"""Calibration by hand-made probabilities, temperature by its closed form, intervals by published numbers."""

import math

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from nn import lens
from nn.lens.intervals import mean_interval, share_difference, t_quantile, wilson


class Says(nn.Module):
    """Gives its input, times a parameter."""

    def __init__(self, scale=1.0):
        self.scale = nn.Parameter(np.array(scale))

    def forward(self, x):
        return x * self.scale


def logits(shares):
    return np.log(np.stack([1.0 - np.asarray(shares), shares], axis=1))


def drawn(rows=4000, classes=4, factor=1.0, seed=0):
    """Logits and classes that are drawn from their softmax; the logits then times a factor."""
    rng = np.random.default_rng(seed)
    z = 1.5 * rng.normal(size=(rows, classes))
    y = np.argmax(z + rng.gumbel(size=z.shape), axis=1)
    return factor * z, y


def test_errors_of_four_rows_by_hand():
    """Says 0.9, 0.9, 0.6 and 0.6 of class 1, which is right for the first, third and fourth."""
    found = lens.calibration(Says(), logits([0.9, 0.9, 0.6, 0.6]), np.array([1, 0, 1, 1]), bins=5)
    assert found.ece == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)
    assert found.largest == pytest.approx(0.4)
    assert found.brier == pytest.approx(2 * (0.1**2 + 0.9**2 + 0.4**2 + 0.4**2) / 4)
    assert found.nll == pytest.approx(-(math.log(0.9) + math.log(0.1) + 2 * math.log(0.6)) / 4)
    assert (found.accuracy, found.confidence) == pytest.approx((0.75, 0.75))
    assert found.adaptive[:, 0].tolist() == [1, 1, 1, 1]  # no more bins than rows
    assert found.adaptive_ece == pytest.approx((0.1 + 0.9 + 0.4 + 0.4) / 4)


def test_what_is_drawn_from_its_own_probabilities_is_calibrated():
    z, y = drawn()
    found = lens.calibration(Says(), z, y)
    assert max(found.ece, found.adaptive_ece) < 0.5 * np.sqrt(10 / 4000)  # all that chance makes of it
    assert "can be taken as they are" in found.verdict
    sure = lens.calibration(Says(3.0), z, y)
    assert sure.ece > 0.1 < sure.adaptive_ece
    assert sure.accuracy == found.accuracy
    assert sure.verdict.startswith("It is more sure than it is right: its probabilities are off by")
    assert lens.calibration(Says(0.2), z, y).verdict.startswith("It is less sure than it is right")


def test_one_number_a_row_is_the_logit_of_class_1():
    z = np.array([[2.0], [-1.0], [0.5]])
    one = lens.calibration(Says(), z, np.array([1, 0, 0]))
    two = lens.calibration(Says(), np.concatenate([0.0 * z, z], axis=1), np.array([1, 0, 0]))
    assert (one.ece, one.nll, one.brier) == (two.ece, two.nll, two.brier)


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_temperature_finds_the_factor_that_was_there(factor, dtype):
    z, y = drawn(factor=factor)
    found = lens.temperature(Says().astype(dtype), z, y)
    assert pytest.approx(factor, rel=0.08) == found.T  # 4,000 rows: a few standard errors, 2 % each
    assert found.steps < 15
    scaled = z / found.T
    shares = np.exp(scaled) / np.exp(scaled).sum(1, keepdims=True)
    slope = np.mean(np.sum(scaled * (np.eye(4)[y] - shares), axis=1))  # ∂ loss / ∂ log T, by hand
    assert abs(slope) < (1e-9 if dtype == np.float64 else 1e-6)
    assert found.nll[1] <= found.nll[0]
    if factor != 1.0:
        assert found.ece[1] < 0.3 * found.ece[0]
        assert found.brier[1] < found.brier[0]
    np.testing.assert_array_equal(found.apply(z), z / found.T)


def test_temperature_of_two_rows_in_closed_form():
    """One logit a at which 3 of 4 rows are right: σ(a / T) = 3/4, so T = a / ln 3."""
    z = np.full((4, 1), 5.0)
    found = lens.temperature(Says(), z, np.array([1, 1, 1, 0]))
    assert pytest.approx(5.0 / math.log(3.0), rel=1e-12) == found.T
    assert found.nll[1] == pytest.approx(-(3 * math.log(0.75) + math.log(0.25)) / 4)
    assert found.ece[1] == pytest.approx(0.0, abs=1e-12)
    assert found.verdict.startswith(
        "Divide the logits by 4.551, the model is too sure: the loss goes from 1.2567 to 0.5623"
    )


@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_temperature_finds_its_way_from_far_off(size):
    z, y = drawn(500, factor=size)
    found = lens.temperature(Says(), z, y)
    assert pytest.approx(size * lens.temperature(Says(), z / size, y).T, rel=1e-8) == found.T


def test_temperature_refuses_where_no_minimum_is():
    z = np.array([[2.0, 0.0], [0.0, 2.0]])
    with pytest.raises(ArgumentError, match="all 2 rows are right, so T → 0 would be best"):
        lens.temperature(Says(), z, np.array([0, 1]))
    with pytest.raises(ArgumentError, match="no more than chance on these rows, so T → ∞"):
        lens.temperature(Says(), z, np.array([1, 0]))


@pytest.mark.parametrize("look", [lens.calibration, lens.temperature])
def test_what_is_no_classifier_is_told(look):
    z, name = np.array([[2.0, 0.0], [0.0, 2.0]]), look.__name__
    with pytest.raises(ArgumentError, match=rf"{name}: y is class numbers \(n,\), integers, got float64"):
        look(Says(), z, np.array([0.0, 1.0]))
    with pytest.raises(ArgumentError, match=f"{name}: y has classes 0 to 2, the model tells 2 apart"):
        look(Says(), z, np.array([0, 2]))
    with pytest.raises(ArgumentError, match=rf"{name}: the model gave shape \(2, 2, 2\) for 2 rows"):
        look(Says(), z[None] * np.ones((2, 1, 1)), np.array([0, 1]))
    with pytest.raises(ArgumentError, match=f"{name}: X, y: X has NaN or infinite entries, the first in row 1"):
        look(Says(), np.array([[0.0, 1.0], [np.nan, 0.0]]), np.array([0, 1]))
    with pytest.raises(ArgumentError, match=f"{name}: the model gives NaN or infinity, first for row 0"):
        look(nn.Sequential(Says(), lambda out: out * np.nan), z, np.array([0, 1]))
    with pytest.raises(ArgumentError, match="bins is a whole number of at least 1, got 0"):
        lens.calibration(Says(), z, np.array([0, 1]), bins=0)


def test_they_draw_what_viz_draws():
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    z, y = drawn(400, factor=3.0)
    axes = Figure().subplots()
    found = lens.calibration(Says(), z, y)
    assert found.plot(axes) is axes
    assert (
        axes.get_title(loc="center") + axes.get_title(loc="left")
        == f"Calibration: off by {100 * found.ece:.1f} % on average"
    )
    axes = Figure().subplots()
    lens.temperature(Says(), z, y).plot(axes)
    curve = axes.lines[0].get_ydata()
    assert curve.min() < curve[0] and curve.min() < curve[-1]


# intervals


def test_intervals_are_the_published_ones():
    """Newcombe 1998, Statistics in Medicine 17, 857, table I, method 3, and 873, table II, method 10."""
    for (right, rows), ends in {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611),
                                (1, 29): (0.0061, 0.1718)}.items():  # fmt: skip
        assert wilson(right, rows) == pytest.approx(ends, abs=5e-5)
    pairs = {((56, 70), (48, 80)): (0.0524, 0.3339), ((9, 10), (3, 10)): (0.1705, 0.8090),
             ((10, 10), (0, 10)): (0.6075, 1.0), ((0, 10), (0, 10)): (-0.2775, 0.2775)}  # fmt: skip
    for (first, second), ends in pairs.items():
        assert share_difference(first, second) == pytest.approx(ends, abs=5e-5)


@pytest.mark.parametrize(
    ("share", "degrees", "t"),
    [(0.975, 1, 12.70620474), (0.975, 2, 4.30265273), (0.975, 4, 2.77644511), (0.995, 9, 3.24983554),
     (0.975, 100, 1.98397152), (0.9995, 5, 6.86882663), (0.975, 2000, 1.96115085)],
)  # fmt: skip
def test_students_quantiles_are_those_of_tables(share, degrees, t):
    assert t_quantile(share, degrees) == pytest.approx(t, rel=1e-7)


def test_the_mean_of_one_number_has_no_interval():
    assert mean_interval([2.0]) == (2.0, -math.inf, math.inf)
    with pytest.raises(ArgumentError, match="wilson: 3 of 2 is no share"):
        wilson(3, 2)


def test_overlapping_training_rows_widen_the_interval():
    numbers = [0.1, 0.3, 0.2, 0.4]
    mean, low, _ = mean_interval(numbers)
    _, corrected, _ = mean_interval(numbers, overlap=0.25)  # of five folds: 1 / 4 + 1 / 4 is twice 1 / 4
    assert mean - corrected == pytest.approx(math.sqrt(2.0) * (mean - low))


@pytest.mark.parametrize("rows", [20, 54, 200])
def test_a_model_that_is_right_about_itself_is_not_called_too_sure(rows):
    """Of 40 samples that are drawn from the model's own probabilities about 2 are beyond 95 of 100."""
    draw = np.random.default_rng(rows)
    beyond, moved = 0, 0
    for _ in range(40):
        z = 2.0 * draw.normal(size=(rows, 3))
        shares = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        y = (draw.random((rows, 1)) > np.cumsum(shares, axis=1)).sum(1)
        found, heat = lens.calibration(Says(), z, y, bins=10), lens.temperature(Says(), z, y)
        beyond += "than it is right:" in found.verdict
        moved += heat.verdict.startswith("Divide")
        assert (found.ece > found.chance) == ("than it is right:" in found.verdict)
    assert beyond <= 6 and moved <= 6  # more than 6 of 40 with a probability of 0.05 each: 0.7 %


def test_what_is_beyond_chance_is_still_said():
    draw = np.random.default_rng(0)
    z = 6.0 * draw.normal(size=(100, 3))
    y = np.where(draw.random(100) < 0.6, z.argmax(1), (z.argmax(1) + 1) % 3)
    found = lens.calibration(Says(), z, y)
    assert found.verdict.startswith("It is more sure than it is right") and found.ece > 2 * found.chance
    assert lens.calibration(Says(), z, y, rng=0).chance == found.chance != lens.calibration(Says(), z, y, rng=1).chance
    assert lens.temperature(Says(), z, y).verdict.startswith("Divide the logits by")
    few = lens.calibration(Says(), 0.1 * z[:1], y[:1])
    assert "no more than chance may do on 1 row, up to" in few.verdict
