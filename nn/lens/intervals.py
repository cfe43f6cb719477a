"""How far chance reaches: intervals for a share, for the difference of two shares, and for a mean over few runs.

An interval of confidence 95 % is made by a rule that catches the true number in 95 of 100 such experiments. Which chance
is meant stands with each rule: the rows that happened to be in a test set, or the seeds of a training.
"""

import math
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np

from autograd.errors import ArgumentError

__all__ = [
    "RunningMean", "bootstrapped", "half_width", "level", "mean_interval", "share_difference", "t_quantile", "wilson",
]  # fmt: skip

Interval = tuple[float, float]


def wilson(right: int, rows: int, confidence: float = 0.95) -> Interval:
    """Wilson's interval for a share, `right` of `rows`: stays between 0 and 1, and is honest near both.

    Over the rows drawn. Source: Wilson 1927, JASA 22, 209; Brown, Cai and DasGupta 2001, Statistical Science 16, eq. 4.

    >>> [round(end, 4) for end in wilson(10, 10)]
    [0.7225, 1.0]
    """
    if not 0 <= right <= rows or rows < 1:
        raise ArgumentError(f"wilson: {right} of {rows} is no share")
    z = NormalDist().inv_cdf(0.5 + 0.5 * level("confidence", confidence))
    share, spare = right / rows, z * z / rows
    middle = (share + 0.5 * spare) / (1.0 + spare)
    half = z * math.sqrt((share * (1.0 - share) + 0.25 * spare) / rows) / (1.0 + spare)
    return middle - half if right else 0.0, middle + half if right < rows else 1.0  # there exact, but for rounding


def share_difference(first: tuple[int, int], second: tuple[int, int], confidence: float = 0.95) -> Interval:
    """Newcombe's interval for the difference of two shares of other rows, from Wilson's of each.

    first, second  (right, rows)
    Source: Newcombe 1998, Statistics in Medicine 17, 873, method 10.
    """
    p, q = (right / rows for right, rows in (first, second))
    (low, high), (below, above) = wilson(*first, confidence), wilson(*second, confidence)
    down, up = math.hypot(p - low, above - q), math.hypot(high - p, q - below)
    return p - q - down, p - q + up


def mean_interval(numbers: Any, confidence: float = 0.95, *, overlap: float = 0.0) -> tuple[float, float, float]:
    """(mean, low, high) of a few numbers by Student's t: mean ± t · s · √(1 / n + overlap) with n − 1 degrees of freedom.

    Of differences of pairs it is the paired t-interval. One number alone has no interval: −inf … inf.
    overlap  for trainings that share rows, as in repeated cross-validation: test rows / training rows of each, 1 / (k − 1)
             for k folds. Without it their intervals are far too narrow; with it they are about right
    Source: Student 1908, Biometrika 6, 1; overlap: Nadeau and Bengio 2003, Machine Learning 52, 239, eq. 9.
    """
    values = np.asarray(numbers, np.float64)
    mean, half = float(values.mean()), float(half_width(values, confidence, overlap=overlap))
    return mean, mean - half, mean + half


def half_width(values: Any, confidence: float = 0.95, *, overlap: float = 0.0) -> Any:
    """t · s · √(1 / n + overlap), how far the mean of n numbers along the last axis may be from the truth, by Student's t.

    overlap  see mean_interval. One number alone has no interval: infinity.
    """
    n = np.shape(values)[-1]
    if n < 2:
        return np.full(np.shape(values)[:-1], math.inf)
    t = t_quantile(0.5 + 0.5 * confidence, n - 1)
    return t * np.std(values, axis=-1, ddof=1) * math.sqrt(1.0 / n + overlap)


class RunningMean:
    """The mean of arrays that come one by one, and how far it may be from the truth.

    >>> mean = RunningMean()
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
        return t_quantile(0.975, self.count - 1) * np.sqrt(self.squares / (self.count - 1) / self.count)


def bootstrapped(first: Any, second: Any, confidence: float, rng: np.random.Generator, draws: int = 2000) -> Interval:
    """The percentile bootstrap of mean(first) − mean(second): both are drawn again from their own rows.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, §13.3.
    """
    found = _redrawn(first, rng, draws) - _redrawn(second, rng, draws)
    low, high = np.quantile(found, [0.5 - 0.5 * confidence, 0.5 + 0.5 * confidence])
    return float(low), float(high)


@cache
def t_quantile(share: float, degrees: int) -> float:
    """The number below which Student's t with so many degrees of freedom lies with this probability, by bisection.

    With t = √ν tan θ the density is cos^(ν−1) θ · Γ((ν+1)/2) / (√π Γ(ν/2)), whose integral is smooth up to the end.

    >>> round(t_quantile(0.975, 4), 4)
    2.7764
    """
    if share < 0.5:
        return -t_quantile(1.0 - share, degrees)
    low, high = 0.0, 2.0
    while _below(high, degrees) < share:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _below(middle, degrees) < share else (low, middle)
    return 0.5 * (low + high)


def _below(t: float, degrees: int) -> float:
    """P(T ≤ t) for t ≥ 0."""
    nodes, weights = _legendre()
    end = math.atan(t / math.sqrt(degrees))
    area = 0.5 * end * float(weights @ np.cos(0.5 * end * (nodes + 1.0)) ** (degrees - 1))
    return 0.5 + area * math.exp(math.lgamma(0.5 * (degrees + 1)) - math.lgamma(0.5 * degrees)) / math.sqrt(math.pi)


@cache
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(64)


def level(name: str, confidence: float) -> float:
    """A confidence between 0 and 1. Raises ArgumentError for 95, among others."""
    if not (isinstance(confidence, (float, np.floating)) and 0.0 < confidence < 1.0):
        raise ArgumentError(f"{name} lies between 0 and 1, such as 0.95, got {confidence!r}")
    return float(confidence)


def _redrawn(values: Any, rng: np.random.Generator, draws: int) -> Any:
    """(draws,) means of as many values drawn with replacement; a block at a time, for the memory."""
    n = len(values)
    blocks = np.array_split(np.empty(draws), -(-draws * n // 2**20))
    return np.concatenate([values[rng.integers(n, size=(len(block), n))].mean(axis=1) for block in blocks])
