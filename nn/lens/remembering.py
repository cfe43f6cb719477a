"""Forgetting: what learning one task after another does to those learned before, in four numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.lens.answer import Answer
from nn.style import CLASSES, MARKERS

__all__ = ["Forgetting", "forgetting"]


@dataclass(frozen=True, eq=False, repr=False)
class Forgetting(Answer):
    """How tasks learned in turn fare, of R[i, j], the accuracy on task j after task i was learned, T tasks in all.

    average   mean of the last row: how well all tasks are known at the end
    lost      mean over all but the last task of (its best accuracy before the last task was learned − the one at the end)
    backward  backward transfer, mean of R[T, j] − R[j, j]: below 0, later tasks harm earlier ones
    forward   forward transfer, mean of R[j − 1, j] − baseline[j]; None without a baseline
    each      of every task what it lost, the last one's 0;  accuracies, names: as given
    """

    accuracies: Any
    names: tuple[str, ...]
    average: float
    lost: float
    backward: float
    forward: float | None
    each: tuple[float, ...]

    @property
    def verdict(self) -> str:
        change = "lost" if self.lost >= 0.0 else "gained"
        return (
            f"after {len(self.names)} tasks {self.average:.1%} are right on average, and the earlier ones have {change} "
            f"{100 * abs(self.lost):.1f} points since they were at their best"
        )

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        R = self.accuracies
        own, end = np.diagonal(R).tolist(), R[-1].tolist()
        return ("task", "when learned", "at the end", "lost"), list(zip(self.names, own, end, self.each, strict=True))

    def draw(self, axes: Any) -> None:
        steps = np.arange(1, len(self.names) + 1)
        for j, name in enumerate(self.names):
            style = {"color": CLASSES[j % len(CLASSES)], "marker": MARKERS[j % len(MARKERS)]}
            axes.plot(steps[j:], self.accuracies[j:, j], label=name, **style)
        axes.set(xlabel="tasks learned", ylabel="accuracy", ylim=(0, 1.02), xticks=steps, title="What is remembered")
        axes.legend(loc="best")


def forgetting(accuracies: Any, *, baseline: Any = None, names: Sequence[str] | None = None) -> Forgetting:
    """Average accuracy, forgetting, backward and forward transfer of tasks learned one after the other.

    accuracies  R (tasks, tasks): R[i, j] is the accuracy, from 0 to 1, on task j after task i was learned; NaN above the
                diagonal for what was not measured
    baseline    (tasks,) accuracies before anything was learned, for forward transfer, which needs R above the diagonal
    names       of the tasks, "task 1" … by default

    Source: average, backward and forward transfer: Lopez-Paz and Ranzato 2017, arXiv 1706.08840, eqs. 2–4; forgetting:
    Chaudhry et al. 2018, arXiv 1801.10112, eq. 3.

    >>> answer = forgetting([[0.9, 0.1], [0.6, 0.8]], baseline=[0.1, 0.1])
    >>> answer.verdict
    'after 2 tasks 70.0% are right on average, and the earlier ones have lost 30.0 points since they were at their best'
    >>> round(answer.backward, 9), answer.forward
    (-0.3, 0.0)
    """
    R = np.asarray(accuracies, np.float64)
    if R.ndim != 2 or R.shape[0] != R.shape[1] or len(R) < 2:
        raise ArgumentError(f"forgetting takes accuracies (tasks, tasks) of two tasks or more, got shape {R.shape}")
    tasks = len(R)
    known = np.tril(np.where(np.isnan(R), np.inf, R))  # NaN counts below the diagonal
    if not (np.isfinite(known).all() and np.nanmin(R) >= 0.0 and np.nanmax(R) <= 1.0):
        raise ArgumentError("forgetting: accuracies are shares from 0 to 1, on each task from when it was learned on")
    labels = tuple(names) if names is not None else tuple(f"task {j + 1}" for j in range(tasks))
    if len(labels) != tasks:
        raise ArgumentError(f"forgetting: {len(labels)} names for {tasks} tasks")
    each = [float(np.nanmax(R[:-1, j]) - R[-1, j]) for j in range(tasks - 1)]
    forward = None
    if baseline is not None:
        start = np.asarray(baseline, np.float64)
        ahead = np.diagonal(R, 1)
        if start.shape != (tasks,) or not np.isfinite(start).all() or not np.isfinite(ahead).all():
            raise ArgumentError(f"forgetting: baseline has {tasks} accuracies, and forward transfer needs those on each "
                                "task before it is learned, R[j − 1, j]")  # fmt: skip
        forward = float(np.mean(ahead - start[1:]))
    return Forgetting(
        accuracies=R,
        names=labels,
        average=float(np.mean(R[-1])),
        lost=float(np.mean(each)),
        backward=float(np.mean(R[-1, :-1] - np.diagonal(R)[:-1])),
        forward=forward,
        each=(*each, 0.0),
    )
