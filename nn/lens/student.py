"""Student's t: how wide the interval around a mean of few draws must be."""

import math
from functools import cache
from typing import Any

import numpy as np

__all__ = ["Mean", "quantile"]


class Mean:
    """The mean of arrays that come one by one, and how far it may be from the truth.

    >>> mean = Mean()
    >>> for number in (1.0, 2.0, 3.0):
    ...     mean.add(number)
    >>> mean.value, round(float(mean.margin), 4)
    (2.0, 2.4841)
    """

    def __init__(self) -> None:
        self.count = 0
        self.value: Any = 0.0
        self.squares: Any = 0.0

    def add(self, x: Any) -> None:
        """Count x in, without the difference of large sums of squares (Welford 1962)."""
        self.count += 1
        before = x - self.value
        self.value = self.value + before / self.count
        self.squares = self.squares + before * (x - self.value)

    @property
    def margin(self) -> Any:
        """Half width of the 95 % interval of the mean, of independent draws."""
        return quantile(0.975, self.count - 1) * np.sqrt(self.squares / (self.count - 1) / self.count)


@cache
def quantile(probability: float, freedom: int) -> float:
    """t with P(T ≤ t) = probability for `freedom` degrees of freedom, by bisection of the density's integral.

    >>> round(quantile(0.975, 9), 4)
    2.2622
    """
    if probability < 0.5:
        return -quantile(1.0 - probability, freedom)
    low, high = 0.0, 2.0
    while _below(high, freedom) < probability:
        low, high = high, 2.0 * high
    while high - low > 1e-13 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _below(middle, freedom) < probability else (low, middle)
        if middle in (low, high) and high - low < 4e-16 * high:
            break
    return 0.5 * (low + high)


def _below(t: float, freedom: int) -> float:
    """P(T ≤ t) for t ≥ 0: with t = √ν tan θ the density is a multiple of cos^(ν − 1) θ, smooth up to the end."""
    nodes, weights = _legendre()
    end = math.atan(t / math.sqrt(freedom))
    theta = 0.5 * end * (nodes + 1.0)
    integral = 0.5 * end * float(weights @ np.exp((freedom - 1) * np.log(np.cos(theta))))
    scale = math.exp(math.lgamma(0.5 * (freedom + 1)) - math.lgamma(0.5 * freedom)) / math.sqrt(math.pi)
    return 0.5 + scale * integral


@cache
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(64)
