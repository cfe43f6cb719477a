"""How far to go along a direction: a step that meets the strong Wolfe conditions.

With φ(t) the loss after a step t and φ'(t) its slope there, a step is accepted if the loss fell enough for its length and
the slope became flat enough that going on would gain little:

    φ(t) ≤ φ(0) + c1 · t · φ'(0)        |φ'(t)| ≤ c2 · |φ'(0)|

Steps grow until such a one lies between two that were tried (bracketing); then the minimum of the cubic through values and
slopes at both ends is tried, and replaces one end, until it is accepted (zoom).
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Trial", "meets_wolfe", "strong_wolfe"]

C1, C2 = 1e-4, 0.9
GROWTH = 4.0
MARGIN = 0.1  # share of the interval at either end in which the cubic's minimum is not taken


class Trial(NamedTuple):
    """A step that was tried: its length, loss and slope there, and the gradient."""

    step: float
    value: float
    slope: float
    gradient: Any


def strong_wolfe(phi: Callable[[float], Trial], origin: Trial, step: float, most: int = 25) -> tuple[Trial, int]:
    """(the first trial that meets both conditions, evaluations used).

    origin   the trial of step 0; its slope is negative
    step     is tried first
    most     evaluations; if none was accepted by then, the lowest with enough decrease, which is origin if there is none
    A loss that is NaN or infinite counts as too far. Source: Nocedal and Wright 2006, algorithms 3.5 and 3.6.
    """
    low, high, count = origin, None, 0
    while count < most:
        trial, count = phi(step), count + 1
        if meets_wolfe(origin, trial):
            return trial, count
        if not falls(origin, trial) or (low is not origin and trial.value >= low.value):
            high = trial
        else:
            onward = 1.0 if high is None else high.step - low.step
            if trial.slope * onward >= 0.0:  # the minimum was passed: it lies between the last two
                high = low
            low = trial
        step = GROWTH * low.step if high is None else between(low, high)
    return low, count


def falls(origin: Trial, trial: Trial) -> bool:
    """Whether the loss fell enough for the length of the step (Armijo's condition)."""
    return trial.value <= origin.value + C1 * trial.step * origin.slope


def meets_wolfe(origin: Trial, trial: Trial) -> bool:
    """Whether a trial meets both of the strong Wolfe conditions."""
    return falls(origin, trial) and abs(trial.slope) <= C2 * abs(origin.slope)


def between(low: Trial, high: Trial) -> float:
    """The minimum of the cubic through values and slopes of two trials, kept off both ends; the middle if it has none.

    Source: Nocedal and Wright 2006, eq. 3.59.
    """
    width = high.step - low.step
    bend = low.slope + high.slope - 3.0 * (high.value - low.value) / width
    square = bend * bend - low.slope * high.slope
    if not 0.0 <= square < math.inf:
        return low.step + 0.5 * width
    root = math.copysign(math.sqrt(square), width)
    below = high.slope - low.slope + 2.0 * root
    share = 1.0 - (high.slope + root - bend) / below if below else 0.5
    return low.step + width * min(max(share, MARGIN), 1.0 - MARGIN)
