"""Schedules: the learning rate as a plain function of the number t of updates made so far, 0 for the first.

    schedule = cosine(0.1, steps=1000, warmup=100)
    for step in range(1000):
        optimizer.learning_rate = schedule(step)
        ...

A schedule keeps nothing: the same t gives the same rate, so a run goes on from any point. Any function will do in its
place: `lambda t: 0.1 / (1 + t)`. After its last step it stays where it is. With `warmup=n` the rate rises from 0 in a
straight line over the first n of the steps; `warmup(schedule, n)` puts n further steps before any schedule.
"""

import bisect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from autograd.errors import ArgumentError
from nn.checks import not_negative, unit, whole

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "linear",
    "multi_step",
    "one_cycle",
    "plateau",
    "step",
    "warmup",
]

Schedule = Callable[..., float]  # t → rate; plateau's also takes the losses by epoch


def constant(rate: float, *, warmup: int = 0) -> Schedule:
    """rate.

    >>> [constant(0.5, warmup=2)(t) for t in (0, 1, 2, 100)]
    [0.0, 0.25, 0.5, 0.5]
    """
    rate = not_negative("constant: rate", rate)
    return _warmed(lambda t: rate, warmup)


def linear(rate: float, *, steps: int, end: float = 0.0, warmup: int = 0) -> Schedule:
    """rate + (end − rate) · t / steps; end from step `steps` on.

    >>> [linear(1.0, steps=4)(t) for t in (0, 1, 2, 4, 9)]
    [1.0, 0.75, 0.5, 0.0, 0.0]
    """
    rate, end, decline = _decline("linear", rate, end, steps, warmup)
    return _warmed(lambda t: rate + (end - rate) * min(t / decline, 1.0), warmup)


def cosine(rate: float, *, steps: int, end: float = 0.0, warmup: int = 0) -> Schedule:
    """end + (rate − end) · ½ (1 + cos(π t / steps)): slow at first and at last; end from step `steps` on.

    Source: Loshchilov and Hutter 2017, arXiv 1608.03983, eq. 5, without restarts.

    >>> [round(cosine(1.0, steps=10, warmup=2)(t), 3) for t in (0, 1, 2, 4, 6, 10, 99)]
    [0.0, 0.5, 1.0, 0.854, 0.5, 0.0, 0.0]
    """
    rate, end, decline = _decline("cosine", rate, end, steps, warmup)
    return _warmed(lambda t: end + (rate - end) * _half_cosine(t / decline), warmup)


def exponential(rate: float, *, factor: float, every: int = 1, warmup: int = 0) -> Schedule:
    """rate · factor^(t / every).

    >>> [exponential(1.0, factor=0.25, every=10)(t) for t in (0, 5, 10, 20)]
    [1.0, 0.5, 0.25, 0.0625]
    """
    rate, factor, every = (
        not_negative("exponential: rate", rate),
        unit("exponential: factor", factor),
        whole("every", every),
    )
    return _warmed(lambda t: rate * factor ** (t / every), warmup)


def step(rate: float, *, every: int, factor: float = 0.1, warmup: int = 0) -> Schedule:
    """rate · factor^⌊t / every⌋: a staircase.

    >>> [step(1.0, every=30, factor=0.5)(t) for t in (0, 29, 30, 60)]
    [1.0, 1.0, 0.5, 0.25]
    """
    rate, factor, every = not_negative("step: rate", rate), unit("step: factor", factor), whole("every", every)
    return _warmed(lambda t: rate * factor ** (t // every), warmup)


def multi_step(rate: float, *, milestones: Sequence[int], factor: float = 0.1, warmup: int = 0) -> Schedule:
    """rate · factor^k after k of the milestones.

    milestones   rising numbers of updates; PyTorch's MultiStepLR, with gamma for factor

    >>> [multi_step(1.0, milestones=[30, 80], factor=0.5)(t) for t in (0, 29, 30, 79, 80, 999)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """
    rate, factor = not_negative("multi_step: rate", rate), unit("multi_step: factor", factor)
    if not isinstance(milestones, Iterable):
        raise ArgumentError(f"multi_step: milestones is a list such as [30, 80], got {milestones!r}")
    marks = [whole("multi_step: a milestone", mark) for mark in milestones]
    if marks != sorted(marks):
        raise ArgumentError(f"multi_step: milestones rise, got {marks}")
    return _warmed(lambda t: rate * factor ** bisect.bisect_right(marks, t), warmup)


def one_cycle(
    rate: float, *, steps: int, share: float = 0.3, divisor: float = 25.0, final_divisor: float = 1e4
) -> Schedule:
    """From rate / divisor up to rate in share · steps, then down to rate / (divisor · final_divisor), along half cosines.

    The rates are those of PyTorch's OneCycleLR(rate, steps, share, div_factor, final_div_factor), the corners those of
    optax: the peak is at step ⌊share · steps⌋, the end at `steps` (PyTorch: each one earlier).
    Source: Smith and Topin 2019, arXiv 1708.07120.

    >>> [round(one_cycle(1.0, steps=10)(t), 3) for t in (0, 1, 2, 3, 6, 10)]
    [0.04, 0.28, 0.76, 1.0, 0.611, 0.0]
    """
    rate, steps = not_negative("one_cycle: rate", rate), whole("steps", steps)
    peak = int(unit("one_cycle: share", share) * steps)
    if not (divisor > 0.0 and final_divisor > 0.0):
        raise ArgumentError(f"one_cycle: divisors must be positive, got {divisor} and {final_divisor}")
    start, end = rate / divisor, rate / (divisor * final_divisor)

    def schedule(t: float) -> float:
        if t < peak:
            return rate + (start - rate) * _half_cosine(t / peak)
        return end + (rate - end) * _half_cosine((t - peak) / max(steps - peak, 1))

    return schedule


def plateau(
    rate: float,
    *,
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    cooldown: int = 0,
    end: float = 0.0,
    mode: str = "min",
    warmup: int = 0,
) -> Schedule:
    """rate · factor^k, where k counts how often the loss had not fallen for more than patience epochs; at least end.

    The function takes (t, losses), the losses of all epochs so far, and has the attribute watches = True. It counts anew
    each time, so there is nothing to save.

    threshold   a loss has fallen if it is below the best so far by more than this share of it
    cooldown    epochs after a cut in which none is counted as bad
    mode        "max": the numbers are of a metric, which should rise
    Defaults are those of PyTorch's ReduceLROnPlateau.

    >>> f = plateau(1.0, factor=0.5, patience=1)
    >>> [f(0, [3.0, 2.0, 2.5][:n]) for n in range(4)], f(0, [3.0, 2.0, 2.5, 2.1]), f(0, [3.0, 2.0, 2.5, 2.1, 1.0])
    ([1.0, 1.0, 1.0, 1.0], 0.5, 0.5)
    """
    rate, end = not_negative("plateau: rate", rate), not_negative("plateau: end", end)
    factor, patience, cooldown = (
        unit("plateau: factor", factor),
        whole("patience", patience, 0),
        whole("cooldown", cooldown, 0),
    )
    threshold = unit("plateau: threshold", threshold)
    if mode not in ("min", "max"):
        raise ArgumentError(f"plateau: mode is min or max, got {mode!r}")
    sign = 1.0 if mode == "min" else -1.0

    def schedule(t: float, losses: Sequence[float] = ()) -> float:
        now, best, bad, rest = rate, math.inf, 0, 0
        for loss in (sign * number for number in losses):
            if loss < (best - threshold * abs(best) if best < math.inf else best):
                best, bad = loss, 0
            else:
                bad += 1
            if rest:
                rest, bad = rest - 1, 0
            if bad > patience:
                now, bad, rest = max(now * factor, end), 0, cooldown
        return now

    schedule.watches = True  # type: ignore[attr-defined]
    return _warmed(schedule, warmup)


def warmup(schedule: Schedule, steps: int, *, start: float = 0.0) -> Schedule:
    """start + (schedule(0) − start) · t / steps for the first `steps` steps, then schedule(t − steps).

    >>> [warmup(exponential(1.0, factor=0.5), 4)(t) for t in (0, 1, 2, 3, 4, 5)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 0.5]
    """
    if not callable(schedule):
        raise ArgumentError(f"warmup takes a schedule, such as constant(0.1), got {schedule!r}")
    steps, start = whole("warmup: steps", steps), not_negative("warmup: start", start)

    def warmed(t: float, *losses: Any) -> float:
        if t < steps:
            return start + (schedule(0, *losses) - start) * (t / steps)
        return schedule(t - steps, *losses)

    warmed.watches = getattr(schedule, "watches", False)  # type: ignore[attr-defined]
    return warmed


def _warmed(schedule: Schedule, steps: int) -> Schedule:
    return warmup(schedule, steps) if whole("warmup", steps, 0) else schedule


def _half_cosine(share: float) -> float:
    """From 1 to 0 along half a wave; 0 beyond its end."""
    return 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0)))


def _decline(name: str, rate: float, end: float, steps: int, warmup: int) -> tuple[float, float, int]:
    """Checked rates, and the number of steps after the warm-up."""
    decline = whole("steps", steps) - whole("warmup", warmup, 0)
    if decline < 1:
        raise ArgumentError(f"{name}: a warmup of {warmup} leaves none of {steps} steps")
    return not_negative(f"{name}: rate", rate), not_negative(f"{name}: end", end), decline
