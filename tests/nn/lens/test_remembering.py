"""Forgetting: the four numbers against the papers' formulas, written out."""

import numpy as np
import pytest

from autograd.errors import ArgumentError
from nn import lens

R = np.array([[0.95, 0.20, 0.10], [0.80, 0.90, 0.30], [0.85, 0.70, 0.99]])


def test_the_formulas():
    answer = lens.forgetting(R, baseline=[0.1, 0.15, 0.05], names=["a", "b", "c"])
    assert answer.average == pytest.approx((0.85 + 0.70 + 0.99) / 3)
    assert answer.lost == pytest.approx(((0.95 - 0.85) + (0.90 - 0.70)) / 2)
    assert answer.backward == pytest.approx(((0.85 - 0.95) + (0.70 - 0.90)) / 2)
    assert answer.forward == pytest.approx(((0.20 - 0.15) + (0.30 - 0.05)) / 2)
    assert answer.each == (pytest.approx(0.10), pytest.approx(0.20), 0.0)
    assert answer.rows()[1][1] == ("b", 0.90, 0.70, pytest.approx(0.20))
    assert answer.verdict == (
        "after 3 tasks 84.7% are right on average, and the earlier ones have lost 15.0 points since they were at their best"
    )


def test_what_a_task_gains_later_counts_from_its_best():
    gained = np.array([[0.5, 0.0, 0.0], [0.9, 0.5, 0.0], [0.6, 0.8, 0.5]])
    answer = lens.forgetting(gained)
    assert answer.lost == pytest.approx(((0.9 - 0.6) + (0.5 - 0.8)) / 2)  # below 0 for a task that gained
    assert answer.backward == pytest.approx(((0.6 - 0.5) + (0.8 - 0.5)) / 2)
    assert answer.forward is None


def test_what_was_not_measured_above_the_diagonal_is_not_needed():
    part = np.where(np.triu(np.ones((3, 3)), 1), np.nan, R)
    whole, answer = lens.forgetting(np.tril(R)), lens.forgetting(part)
    assert (answer.average, answer.lost, answer.backward) == (whole.average, whole.lost, whole.backward)
    with pytest.raises(ArgumentError, match="forward transfer needs those on each task before it is learned"):
        lens.forgetting(part, baseline=[0.1, 0.1, 0.1])


@pytest.mark.parametrize(
    ("accuracies", "options", "message"),
    [
        (R[:2], {}, r"accuracies \(tasks, tasks\) of two tasks or more, got shape \(2, 3\)"),
        ([[1.0]], {}, r"got shape \(1, 1\)"),
        (100 * R, {}, "accuracies are shares from 0 to 1"),
        (np.where(np.eye(3, k=-1), np.nan, R), {}, "on each task from when it was learned on"),
        (R, {"names": ["a"]}, "1 names for 3 tasks"),
        (R, {"baseline": [0.1]}, "baseline has 3 accuracies"),
    ],
)
def test_what_is_no_such_table_is_refused(accuracies, options, message):
    with pytest.raises(ArgumentError, match=message):
        lens.forgetting(accuracies, **options)


def test_it_draws_a_line_for_each_task_from_when_it_was_learned():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    lines = lens.forgetting(R).plot(figure.subplots()).lines
    assert [len(line.get_xdata()) for line in lines] == [3, 2, 1]
