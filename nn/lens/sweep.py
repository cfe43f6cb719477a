"""What happens as a model grows: training and test loss by width, and the double descent.

Up to a point a larger model does better and then worse, as the textbook says: it starts to fit noise. The worst is where
it can just fit every training row: there is one way to do so, and that is wild. Beyond, there are many ways, and training
(or the least norm) takes a tame one: the test loss falls again. A ridge penalty, which forbids wild ways, flattens the
peak.

`width_sweep` trains networks. `random_feature_sweep` shows the same in closed form, in seconds: one layer of random relu
neurons that are never trained, and least squares on top.

Sources: Belkin et al. 2019, PNAS 116:15849; Nakkiran et al. 2020, arXiv 1912.02292; ridge: Nakkiran et al. 2021,
arXiv 2003.01897; random features: Rahimi and Recht 2007.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import ArgumentError
from nn.arguments import check_finite, check_functions, checked_data, chosen_loss
from nn.checks import not_negative, unit, whole
from nn.evaluation import evaluate, predict
from nn.init import Rng, generator
from nn.lens.answer import Answer
from nn.lens.capacity import built, shuffled
from nn.losses import accuracy, cross_entropy
from nn.module import Module
from nn.optim import Adam, Optimizer
from nn.outline import function_name
from nn.progress import counter
from nn.style import BLUE, GRAY, ORANGE, decades
from nn.training import Training

__all__ = ["WidthSweep", "random_feature_sweep", "width_sweep"]

Array = NDArray[np.float64]
FITTED = 1e-9  # a loss below it is rounding, which a logarithmic scale would make the most of
PEAK = 1.1  # times what is before and after it: a smaller peak is not called one


@dataclass(frozen=True, eq=False, repr=False)
class WidthSweep(Answer):
    """Losses by width, a row for each width, a column for each repeat.

    name                    what was fitted
    widths, parameters      (k,) rising; weights that were fitted
    train_loss, test_loss   (k, repeats)
    test_error              (k, repeats) share of the test rows that are wrong; None if there are no classes
    threshold               width from which all training rows can be fitted, where weights = rows · outputs; None if that
                            is outside of the widths
    """

    size = (4.4, 2.8)
    name: str
    widths: NDArray[np.int64]
    parameters: NDArray[np.int64]
    train_loss: Array
    test_loss: Array
    test_error: Array | None
    threshold: float | None

    @property
    def peak(self) -> tuple[int, int, int] | None:
        """(best before, peak, best after), places in `widths`, of the mean test loss; None if it has no peak inside."""
        loss, best = self.test_loss.mean(axis=1), None
        height = PEAK
        for p in range(1, len(loss) - 1):
            before, after = int(np.argmin(loss[:p])), p + 1 + int(np.argmin(loss[p + 1 :]))
            if loss[p] > height * max(loss[before], loss[after]):
                height, best = float(loss[p] / max(loss[before], loss[after])), (before, p, after)
        return best

    @property
    def verdict(self) -> str:
        loss, found = self.test_loss.mean(axis=1), self.peak
        if found is None:
            i = int(np.argmin(loss))
            return f"{self.name}: no peak by width; the test loss is least, {loss[i]:.3g}, at width {self.widths[i]:,}."
        (low, top, end), limit = found, self.threshold
        near = "" if limit is None else f" (all rows can be fitted from {limit:,.0f} on)"
        compared = "below" if loss[end] < loss[low] else "above"
        return (
            f"{self.name}: the test loss peaks at {loss[top]:.3g} at width {self.widths[top]:,}{near} and falls again to "
            f"{loss[end]:.3g} at {self.widths[end]:,}, {compared} the {loss[low]:.3g} of width {self.widths[low]:,}."
        )

    def rows(self) -> tuple[list[str], list[list[Any]]]:
        heads = ["width", "parameters", "training loss", "test loss", "least", "largest", "test error"]
        errors = [None] * len(self.widths) if self.test_error is None else self.test_error.mean(axis=1).tolist()
        columns = (self.widths, self.parameters, self.train_loss.mean(axis=1), self.test_loss.mean(axis=1),
                   self.test_loss.min(axis=1), self.test_loss.max(axis=1), errors)  # fmt: skip
        return heads, [list(row) for row in zip(*columns, strict=True)]

    def draw(self, axes: Any) -> None:
        """Both losses; on Axes that show a sweep already, the test loss alone, for comparison."""
        if axes.lines:
            self._line(axes, self.test_loss, "-", GRAY, f"test, {self.name.rpartition(', ')[2]}")
        else:
            self._line(axes, self.train_loss, "--", BLUE, "training")
            self._line(axes, self.test_loss, "-", ORANGE, "test")
            if self.threshold is not None:
                axes.axvline(self.threshold, color=GRAY, linewidth=1, linestyle=":", label="weights = rows · outputs")
            axes.set(title=self.name[:1].upper() + self.name[1:], xlabel="width", ylabel="loss", xscale="log")
            seen = np.r_[self.train_loss.mean(axis=1), self.test_loss.max(axis=1)]
            seen = seen[seen > FITTED]
            if seen.size and seen.max() > 20.0 * seen.min():
                decades(axes, "y", seen.tolist())
            else:
                axes.set_ylim(bottom=0.0)
        axes.legend(loc="best", fontsize=7.5, frameon=False)

    def _line(self, axes: Any, losses: Array, style: str, colour: str, label: str) -> None:
        mean = losses.mean(axis=1)
        shown = np.where(mean > FITTED, mean, math.nan)
        axes.plot(self.widths, shown, style, color=colour, label=label, marker="o", markersize=2.5, linewidth=1.4)
        if style == "-":
            axes.fill_between(self.widths, losses.min(axis=1), losses.max(axis=1), color=colour, alpha=0.2, linewidth=0)


def width_sweep(
    build: Callable[[int, int], Module],
    widths: Sequence[int],
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    *,
    repeats: int = 3,
    epochs: int = 50,
    loss: Callable[[Any, Any], Any] | None = None,
    optimizer: Callable[[Module], Optimizer] = Adam,
    noise: float = 0.0,
    batch_size: int = 32,
    compile: bool = True,
    progress: bool = True,
    rng: Rng = None,
) -> WidthSweep:
    """Train a fresh model of each width and compare the losses.

    build         (width, seed) → a fresh model
    X, y          training data, and X_test, y_test rows that no model is trained on
    repeats       models of each width, from other weights, in another order of rows, with other noise
    loss          by default cross_entropy for integer targets, mse for others
    optimizer     model → optimiser, such as lambda model: nn.SGD(model, 0.1, momentum=0.9)
    noise         share of the training labels, class numbers, that are shuffled: it makes the peak easier to see
    The peak needs training until the training rows are fitted: a few epochs show none.
    Raises ArgumentError for widths that do not rise, and for noise without class numbers.
    Source: Nakkiran et al. 2020, arXiv 1912.02292.
    """
    repeats, epochs, noise, sizes = (
        whole("repeats", repeats),
        whole("epochs", epochs),
        unit("noise", noise),
        _rising(widths),
    )
    check_functions(build=build, loss=loss, optimizer=optimizer)
    seeds = [int(seed) for seed in generator(rng).integers(2**32, size=repeats)]
    first = built(build, int(sizes[0]), seeds[0])
    counts = np.array([built(build, int(width), seeds[0]).parameter_count() for width in sizes])
    x, target = checked_data("X, y", first, X, y)
    tested = checked_data("X_test, y_test", first, X_test, y_test)
    _check_noise(noise, target)
    criterion = chosen_loss(loss, target)
    metric = accuracy if criterion is cross_entropy and target.dtype.kind in "iu" else None
    losses, error = np.empty((2, len(sizes), repeats)), np.empty((len(sizes), repeats))
    with counter(progress, len(sizes) * repeats, "model") as bar:
        for column, seed in enumerate(seeds):
            given = shuffled(target, noise, np.random.default_rng([seed, 1]))
            for row, width in enumerate(sizes):
                model = built(build, int(width), seed)
                with Training(model, x, given, optimizer=optimizer(model), loss=criterion, epochs=epochs, compile=compile,
                              batch_size=batch_size, rng=np.random.default_rng([seed, 2])) as steps:  # fmt: skip
                    for _ in steps:
                        pass
                losses[0, row, column] = evaluate(model, x, given, loss=criterion)[0]
                losses[1, row, column], right = evaluate(model, *tested, loss=criterion, metric=metric)
                error[row, column] = math.nan if right is None else 1.0 - right
                bar.update()
    limit = _where(sizes, counts, len(x) * predict(first, x[:1]).size)
    name = f"{type(first).__name__}, {function_name(criterion)}"
    return WidthSweep(name, sizes, counts, losses[0], losses[1], error if metric else None, limit)


def random_feature_sweep(
    widths: Sequence[int],
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    *,
    ridge: float = 0.0,
    repeats: int = 3,
    noise: float = 0.0,
    progress: bool = True,
    rng: Rng = None,
) -> WidthSweep:
    """Least squares on random relu neurons, by their number: a network of which only the last layer is fitted.

    With φ(x) = √(2 / width) · relu(W x), W at random, C minimises  mean ‖φ(x) C − y‖² + ridge · ‖C‖². Of several minima,
    which there are without ridge when width > rows, it is the one of least norm.

    widths   numbers of neurons, rising; the neurons of a smaller width are among those of a larger one
    X, y     (n, …) and class numbers (n,), which become rows with a 1 in their column, or numbers (n,) or (n, outputs)
    ridge    penalty, in the unit of the mean loss
    repeats  other neurons, and other noise
    noise    share of the training labels, class numbers, that are shuffled
    The losses are means over rows and outputs. Raises ArgumentError for widths that do not rise and data that does not fit.
    Source: Belkin et al. 2019, PNAS 116:15849, figure 2; Rahimi and Recht 2007.
    """
    ridge, repeats, noise = not_negative("ridge", ridge), whole("repeats", repeats), unit("noise", noise)
    sizes, random = _rising(widths), generator(rng)
    x, target = _flat("X, y", X, y)
    x_test, target_test = _flat("X_test, y_test", X_test, y_test)
    if x.shape[1] != x_test.shape[1]:
        raise ArgumentError(f"X has {x.shape[1]} features a row, X_test {x_test.shape[1]}")
    _check_noise(noise, target)
    classes = int(max(target.max(), target_test.max())) + 1 if target.dtype.kind in "iu" else None
    truth = _columns(target_test, classes)
    scale = 1.0 / math.sqrt(float(np.mean(np.sum(x * x, axis=1))) or 1.0)
    losses, error = np.empty((2, len(sizes), repeats)), np.empty((len(sizes), repeats))
    with counter(progress, len(sizes) * repeats, "fit") as bar:
        for column in range(repeats):
            W = random.normal(scale=scale, size=(x.shape[1], int(sizes[-1])))
            wanted = _columns(shuffled(target, noise, random), classes)
            near, far = np.maximum(x @ W, 0.0), np.maximum(x_test @ W, 0.0)
            for row, width in enumerate(sizes):
                size = math.sqrt(2.0 / width)
                C = _least_squares(size * near[:, :width], wanted, ridge * len(x))
                out = size * far[:, :width] @ C
                losses[0, row, column] = np.mean((size * near[:, :width] @ C - wanted) ** 2)
                losses[1, row, column] = np.mean((out - truth) ** 2)
                error[row, column] = 0.0 if classes is None else 1.0 - accuracy(out, target_test)
                bar.update()
    inside = sizes[0] <= len(x) <= sizes[-1]
    name = f"random features, ridge {ridge:g}" if ridge else "random features, no ridge"
    counts = sizes * truth.shape[1]
    limit = float(len(x)) if inside else None
    return WidthSweep(name, sizes, counts, losses[0], losses[1], None if classes is None else error, limit)


def _least_squares(features: Array, wanted: Array, penalty: float) -> Any:
    """The C of least Σ ‖features C − wanted‖² + penalty ‖C‖², by the smaller of the two systems of equations."""
    if not penalty:  # by singular values: near the threshold the normal equations would lose all digits
        return np.linalg.lstsq(features, wanted)[0]
    n, width = features.shape
    if width <= n:
        return np.linalg.solve(features.T @ features + penalty * np.eye(width), features.T @ wanted)
    return features.T @ np.linalg.solve(features @ features.T + penalty * np.eye(n), wanted)


def _rising(widths: Sequence[int]) -> NDArray[np.int64]:
    sizes = [whole(f"widths[{i}]", width) for i, width in enumerate(widths)]
    if not sizes or any(a >= b for a, b in itertools.pairwise(sizes)):
        raise ArgumentError(f"widths are whole numbers that rise, such as (10, 30, 100), got {widths!r}")
    return np.array(sizes)


def _check_noise(noise: float, target: Any) -> None:
    if noise and target.dtype.kind not in "iu":
        raise ArgumentError(
            f"noise={noise:g} shuffles class numbers, integers; y holds {target.dtype}: add noise to y yourself"
        )


def _flat(name: str, X: Any, y: Any) -> tuple[Array, Any]:
    """X as rows of float64, y as it is. Raises ArgumentError for data that does not fit."""
    x, target = np.asarray(X, np.float64), np.asarray(y)
    if x.ndim < 1 or target.ndim < 1 or not len(x) or len(x) != len(target):
        raise ArgumentError(
            f"{name}: expected as many rows of both, at least one; got shapes {x.shape} and {target.shape}"
        )
    x = x.reshape(len(x), -1)
    check_finite(name, "X", x, getattr(X, "columns", None))
    check_finite(name, "y", target)
    return x, target


def _columns(target: Any, classes: int | None) -> Array:
    """Class numbers as rows with a 1, numbers as (n, outputs)."""
    columns: Array = target.reshape(len(target), -1).astype(np.float64) if classes is None else np.eye(classes)[target]
    return columns


def _where(widths: Any, counts: Any, wanted: int) -> float | None:
    """The width at which there are `wanted` parameters; None if that is outside of the widths."""
    if not counts[0] <= wanted <= counts[-1] or (np.diff(counts) <= 0).any():
        return None
    return float(np.interp(wanted, counts, widths))
