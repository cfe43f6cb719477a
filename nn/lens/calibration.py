"""May a classifier be believed? How often it is right when it says 90 %, and one number that mends it if it is not so.

`calibration` compares what a model says with what comes true; `temperature` divides its logits by one number T, chosen on
held-out rows: the order of the classes stays, and so does the accuracy; only how sure it sounds changes. The slope and the
curvature of the loss along log T, by which Newton's method finds T, are the engine's.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import ops
from autograd.errors import ArgumentError
from autograd.transforms import grad
from nn.arguments import check_weights, checked_data
from nn.checks import whole
from nn.evaluation import predict
from nn.init import Rng, generator
from nn.lens.answer import Answer
from nn.losses import cross_entropy
from nn.module import Module
from nn.state import preserved
from nn.style import BLUE, GRAY, ORANGE
from nn.sums import arrays_only
from nn.viz.decisions import calibration as drawn
from nn.viz.decisions import class_logits, reliability

__all__ = ["Calibration", "Temperature", "calibration", "logits_and_classes", "scores", "temperature"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Answer):
    """What a classifier says beside what came true.

    ece           Σ over bins of rows / n · |share of right answers − mean confidence|, bins of equal width
    adaptive_ece  the same with bins of equally many rows, which leaves no bin nearly empty
    largest       of the bins of equal width, the largest |share − confidence|
    brier         mean of Σ_k (p_k − [y = k])², 0 to 2         nll  mean of −log p_y, in nats
    accuracy, confidence   shares: of right answers, and the mean of what the model says of its own
    equal, adaptive        (bins, 3), of bins of equal width, and of equally many rows: rows, share right, mean confidence
    chance        the ece that a model whose probabilities are right stays below in 95 of 100 such samples of as many rows
    """

    ece: float
    adaptive_ece: float
    largest: float
    brier: float
    nll: float
    accuracy: float
    confidence: float
    equal: Array
    adaptive: Array
    chance: float
    probabilities: Array = field(repr=False)
    y: NDArray[np.int64] = field(repr=False)

    @property
    def verdict(self) -> str:
        way = "more sure than it is right" if self.confidence > self.accuracy else "less sure than it is right"
        said = f"it says {100 * self.confidence:.1f} % and is right in {100 * self.accuracy:.1f} %"
        if self.ece < 0.02:
            return f"Its probabilities can be taken as they are: off by {100 * self.ece:.1f} % on average ({said})."
        if self.ece <= self.chance:
            return (
                f"Its probabilities are off by {100 * self.ece:.1f} % on average, no more than chance may do on "
                f"{len(self.y):,} row{'s' * (len(self.y) != 1)}, up to {100 * self.chance:.1f} % ({said})."
            )
        return f"It is {way}: its probabilities are off by {100 * self.ece:.1f} % on average ({said})."

    def rows(self) -> Any:
        bins = [
            (f"{low:.2f} to {high:.2f}", int(n), share, mean)
            for (n, share, mean), low, high in zip(self.equal, self._edges[:-1], self._edges[1:], strict=True)
            if n
        ]
        return ("confidence", "rows", "share right", "mean confidence"), bins

    @property
    def _edges(self) -> Array:
        return np.linspace(0.0, 1.0, len(self.equal) + 1)

    def draw(self, axes: Any) -> None:
        drawn(self.probabilities, self.y, bins=len(self.equal), axes=axes)


def calibration(model: Module, X: Any, y: Any, *, bins: int = 10, rng: Rng = 0) -> Calibration:
    """How far a classifier's probabilities are from what comes true, on rows that it has not learned from.

    model   gives logits (n, classes), or one number a row, the logit of class 1
    X, y    (n, …) inputs and (n,) class numbers
    bins    of equal width from 0 to 1 for `ece` (and the picture), of equally many rows for `adaptive_ece`
    rng     of the samples for `chance`: 200 times each row is drawn right with the probability that the model gave it
    Both errors grow as rows are few, also for a perfect model: by about √(bins / n) / 2 at most; `chance` says how much.
    Raises ArgumentError for targets that are no class numbers of the model's.
    Source: Guo et al. 2017, arXiv 1706.04599, eqs. 2, 3, 5; adaptive bins: Nguyen and O'Connor 2015, arXiv 1508.05154, §4;
    Brier 1950, Monthly Weather Review 78, 1; chance: Bröcker and Smith 2007, Weather and Forecasting 22.
    """
    logits, classes = logits_and_classes("calibration", model, X, y)
    bins = whole("bins", bins)
    shares = np.asarray(ops.softmax(logits, axis=-1))
    confidence, right = shares.max(1), shares.argmax(1) == classes
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    equal, draw = reliability(confidence, right, places, bins), generator(rng)
    perfect = [reliability(confidence, draw.random(len(places)) < confidence, places, bins)[3] for _ in range(200)]
    bins = min(bins, len(classes))
    order = np.empty(len(classes), np.int64)
    order[np.argsort(confidence, kind="stable")] = np.arange(len(classes))
    adaptive = reliability(confidence, right, order * bins // len(classes), bins)
    return Calibration(
        ece=equal[3], adaptive_ece=adaptive[3], largest=float(np.nanmax(np.abs(equal[1] - equal[2]))),
        brier=_brier(shares, classes), nll=float(cross_entropy(logits, classes)), accuracy=float(right.mean()),
        confidence=float(confidence.mean()), equal=np.column_stack(equal[:3]), adaptive=np.column_stack(adaptive[:3]),
        chance=float(np.quantile(perfect, 0.95)), probabilities=shares, y=classes,
    )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Temperature(Answer):
    """The number by which logits are divided, and what becomes of the probabilities; pairs are (before, after).

    T above 1 makes the model less sure, below 1 surer      nll  nats       ece, brier  as in Calibration
    curve   (points, 2): T and the loss there
    steps   of Newton's method
    count   rows it was fitted on
    """

    T: float
    nll: tuple[float, float]
    ece: tuple[float, float]
    brier: tuple[float, float]
    accuracy: float
    curve: Array
    steps: int
    count: int

    @property
    def is_shown(self) -> bool:
        """Whether T is shown to differ from 1, at 95 %: 2 n (loss at 1 − loss at T) > 3.84, the likelihood ratio test."""
        return 2.0 * self.count * (self.nll[0] - self.nll[1]) > 3.8415

    @property
    def verdict(self) -> str:
        if not self.is_shown:
            return (
                f"The logits may stay as they are: T = {self.T:.3f} is best, but the loss goes from {self.nll[0]:.4f} to "
                f"{self.nll[1]:.4f} nats only, which chance may do on {self.count:,} rows."
            )
        change = "too sure" if self.T > 1.0 else "not sure enough"
        return (
            f"Divide the logits by {self.T:.3f}, the model is {change}: the loss goes from {self.nll[0]:.4f} to "
            f"{self.nll[1]:.4f} nats, and probabilities that were off by {100 * self.ece[0]:.1f} % are off by "
            f"{100 * self.ece[1]:.1f} %."
        )

    def apply(self, logits: Any) -> Any:
        """logits / T, in their dtype: (n, classes), or (n,) of the second of two classes."""
        return logits / self.T

    def rows(self) -> Any:
        pairs = {"loss (nats)": self.nll, "calibration error": self.ece, "Brier score": self.brier}
        return ("on these rows", "as it is", f"T = {self.T:.3f}"), [(name, *pair) for name, pair in pairs.items()]

    def draw(self, axes: Any) -> None:
        axes.plot(*self.curve.T, color=BLUE)
        axes.axvline(1.0, color=GRAY, linewidth=1, linestyle="--", label="as it is")
        axes.plot([self.T], [self.nll[1]], "o", color=ORANGE, label=f"T = {self.T:.2f}")
        axes.set(xscale="log", xlabel="temperature T", ylabel="loss (nats)", title="Loss of logits / T")
        axes.legend()


def temperature(model: Module, X: Any, y: Any) -> Temperature:
    """The T > 0 at which cross_entropy(logits / T, y) is least: one scalar fitted on held-out rows, nothing else moves.

    model   gives logits (n, classes), or one number a row
    X, y    (n, …) validation rows, not those it was trained on, and (n,) class numbers
    Newton's method in log T, in steps of at most a factor e, halved where one would leave the bracket that the slope's
    sign has shown. The loss is convex in 1 / T, so there is one minimum; none if every row is right (T → 0), or if the
    logits are no better than chance (T → ∞): then ArgumentError.
    Source: Guo et al. 2017, arXiv 1706.04599, §4.2, "temperature scaling".
    """
    logits, classes = logits_and_classes("temperature", model, X, y)
    true = logits[np.arange(len(classes)), classes]
    if np.mean(logits.max(1) - true) == 0.0:
        raise ArgumentError(
            f"temperature: all {len(classes)} rows are right, so T → 0 would be best; take rows with mistakes, more of them"
        )
    if np.mean(logits.mean(1) - true) >= 0.0:
        raise ArgumentError("temperature: these logits say no more than chance on these rows, so T → ∞ would be best")

    def loss(t: Any) -> Any:
        return cross_entropy(logits * np.exp(-t), classes)

    log_t, steps = _newton(loss)
    T = math.exp(log_t)
    before, after = (scores(z, classes) for z in (logits, logits / T))
    reach = max(2.0, 2.0 * max(T, 1.0 / T))
    points = np.geomspace(1.0 / reach, reach, 61)
    return Temperature(
        T, (before[1], after[1]), (before[2], after[2]), (before[3], after[3]), before[0],
        np.array([(point, float(loss(math.log(point)))) for point in points]), steps,
        len(classes),
    )  # fmt: skip


def _newton(loss: Any) -> tuple[float, int]:
    """(log T, steps) where the slope of loss(log T) is 0."""
    slope = grad(loss)
    curvature = grad(slope)
    low, high, t = -math.inf, math.inf, 0.0
    for step in range(1, 101):
        rise = float(slope(t))
        low, high = (low, t) if rise > 0.0 else (t, high)
        bend = float(curvature(t))
        new = t - (rise / bend if bend > abs(rise) else math.copysign(1.0, rise))  # at most a factor e
        new = new if low <= new <= high else 0.5 * (low + high)
        if abs(new - t) < 1e-10:
            return new, step
        t = new
    return t, 100


def logits_and_classes(name: str, model: Module, X: Any, y: Any) -> tuple[Array, NDArray[np.int64]]:
    """(n, classes) logits of the model in evaluation mode, which leaves it as it was, and (n,) class numbers."""
    arrays_only(name, model)
    x, target = checked_data(f"{name}: X, y", model, X, y)
    if target.ndim != 1 or target.dtype.kind not in "iub":
        raise ArgumentError(f"{name}: y is class numbers (n,), integers, got {target.dtype} of shape {target.shape}")
    with preserved(model):
        logits = class_logits(predict(model, x))
    if logits.ndim != 2 or len(logits) != len(target):
        raise ArgumentError(
            f"{name}: the model gave shape {logits.shape} for {len(target)} rows, expected logits (n, classes)"
        )
    if not np.isfinite(logits).all():
        check_weights(name, model)
        raise ArgumentError(
            f"{name}: the model gives NaN or infinity, first for row {np.argwhere(~np.isfinite(logits))[0][0]}"
        )
    if not 0 <= int(target.min()) <= int(target.max()) < logits.shape[1]:
        raise ArgumentError(
            f"{name}: y has classes {int(target.min())} to {int(target.max())}, the model tells {logits.shape[1]} apart"
        )
    return logits, target.astype(np.int64)


def scores(logits: Any, classes: Any, bins: int = 10) -> tuple[float, float, float, float]:
    """(accuracy, nll in nats, ece, Brier score) of logits (n, classes)."""
    shares = np.asarray(ops.softmax(logits, axis=-1))
    confidence, right = shares.max(1), shares.argmax(1) == classes
    error = reliability(confidence, right, np.minimum((confidence * bins).astype(int), bins - 1), bins)[3]
    return float(right.mean()), float(cross_entropy(logits, classes)), error, _brier(shares, classes)


def _brier(shares: Array, classes: Any) -> float:
    return float(np.mean(np.sum((shares - np.eye(shares.shape[1])[classes]) ** 2, axis=1)))
