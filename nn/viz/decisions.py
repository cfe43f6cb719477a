"""What a classifier decides: where, how often wrongly, and how sure it may be of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import ArgumentError
from autograd.ops import softmax
from nn.evaluation import predict
from nn.module import Module
from nn.style import BLUE, CLASSES, GRAY, MARKERS, ORANGE, TEXT, panel, shades

__all__ = [
    "calibration", "class_logits", "confusion_matrix", "decision_regions", "predictions", "reliability",
]  # fmt: skip

NUMBERED = 16  # classes: a larger confusion matrix has no numbers in its cells


def decision_regions(
    model: Module | Callable[[Any], Any], X: Any, y: Any, *, classes: Sequence[str] = (),
    features: Sequence[str] = (), steps: int = 201, axes: Any = None,
) -> Any:  # fmt: skip
    """Which class the model gives to each place of a plane, stronger where it is surer, with the examples as points.

    model     a Module, or a function of (n, 2) points: to (n, classes) logits, or to one number a point, which is above 0
              for the larger of two classes
    X, y      (n, 2) examples and (n,) classes
    classes, features  their names           steps  places along each axis
    Returns the Axes. Raises ArgumentError if X has not two features, or one number is to tell apart more than two classes.
    """
    points, labels = np.asarray(X, np.float64), np.ravel(np.asarray(y))
    if points.ndim != 2 or points.shape[1] != 2 or len(labels) != len(points):
        got = f"X of shape {np.shape(X)}, y of shape {np.shape(y)}"
        raise ArgumentError(f"decision_regions needs X of shape (n, 2) and n classes, got {got}")
    low, high = points.min(0), points.max(0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    grid = [np.linspace(a, b, steps) for a, b in zip(low - margin, high + margin, strict=True)]
    places = np.stack(np.meshgrid(*grid), axis=-1).reshape(-1, 2)
    shares = _shares(predict(model, places) if isinstance(model, Module) else np.asarray(model(places)))
    kinds = np.unique(labels)
    if len(kinds) > shares.shape[1]:
        raise ArgumentError(f"decision_regions: y has {len(kinds)} classes, the model tells {shares.shape[1]} apart")
    numbers = np.searchsorted(kinds, labels) if len(kinds) == 2 == shares.shape[1] else labels
    names = list(classes) or [
        str(kind) for kind in (kinds if len(kinds) == shares.shape[1] else range(shares.shape[1]))
    ]
    with panel("decision_regions", axes) as drawn:
        extent = (grid[0][0], grid[0][-1], grid[1][0], grid[1][-1])
        drawn.imshow(_coloured(shares, steps), extent=extent, origin="lower", aspect="auto", interpolation="nearest")
        best = shares.argmax(1).reshape(steps, steps)
        for k in range(shares.shape[1]):
            if (best == k).any() and (best != k).any():
                drawn.contour(*grid, best == k, levels=[0.5], colors=TEXT, linewidths=0.7)
        for k, name in enumerate(names):
            own = points[numbers == k]
            drawn.scatter(*own.T, s=11, color=CLASSES[k % 8], marker=MARKERS[k % 8], edgecolor="white", linewidth=0.4,
                          label=name)  # fmt: skip
        across, up = features or ("feature 0", "feature 1")
        drawn.set(title="Decision regions", xlabel=across, ylabel=up)
        drawn.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderpad=0, handletextpad=0.2)
        return drawn


def class_logits(out: Any) -> NDArray[np.float64]:
    """Logits (n, classes), float64; of one number a row, the logit of the second of two classes, (0, that)."""
    logits = np.asarray(out, np.float64)
    if logits.ndim == 1 or logits.shape[1] == 1:
        logits = np.stack([np.zeros(len(logits)), logits.reshape(-1)], axis=1)
    return logits


def _shares(out: Any) -> NDArray[np.float64]:
    """Probabilities (n, classes)."""
    return np.asarray(softmax(class_logits(out), axis=-1))


def _coloured(shares: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """(steps, steps, 4) colours: of the likeliest class, the fainter the closer its probability is to guessing."""
    from matplotlib.colors import to_rgb

    palette = np.array([to_rgb(colour) for colour in CLASSES])
    best, guess = shares.argmax(1), 1.0 / shares.shape[1]
    sure = (shares.max(1) - guess) / (1.0 - guess)
    return np.column_stack([palette[best % 8], 0.06 + 0.44 * sure]).reshape(steps, steps, 4)


def confusion_matrix(y: Any, prediction: Any, *, classes: Sequence[str] = (), axes: Any = None) -> Any:
    """How often each class (a row) was taken for each class (a column): counts, shaded by their share of the row.

    y           (n,) class numbers
    prediction  (n,) class numbers, or (n, classes) scores, of which the largest counts
    Returns the Axes. Raises ArgumentError if they are not as many.
    """
    true, given = np.ravel(np.asarray(y)).astype(int), np.asarray(prediction)
    guessed = (given.argmax(-1) if given.ndim == 2 else np.ravel(given)).astype(int)
    if true.shape != guessed.shape or not true.size:
        raise ArgumentError(f"confusion_matrix: {len(true)} classes for {len(guessed)} predictions, expected as many")
    size = max(int(true.max()) + 1, int(guessed.max()) + 1, len(classes), given.shape[1] if given.ndim == 2 else 0)
    if min(true.min(), guessed.min()) < 0 or 0 < len(classes) < size:
        raise ArgumentError(f"confusion_matrix: class numbers are 0 … {(len(classes) or size) - 1}, each with its name")
    counts = np.zeros((size, size), int)
    np.add.at(counts, (true, guessed), 1)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    names = list(classes) or [str(k) for k in range(size)]
    side, room = min(max(2.7, 0.31 * size + 0.6), 7.0), 0.06 * max(map(len, names))  # inches; for the names
    with panel("confusion_matrix", axes, size=(side + room + 0.4, side + room)) as drawn:
        from matplotlib.colors import to_rgb

        drawn.pcolormesh(
            shares,
            cmap=shades(),
            vmin=0.0,
            vmax=1.0,
            rasterized=size > 2 * NUMBERED,
            edgecolor=(*to_rgb(GRAY), 0.3),
            linewidth=0.4,
        )
        for i, j in zip(*np.nonzero(counts), strict=True) if size <= NUMBERED else ():
            colour = "white" if shares[i, j] > 0.55 else TEXT
            drawn.text(j + 0.5, i + 0.52, f"{counts[i, j]}", ha="center", va="center", color=colour, fontsize="small")
        ticks = np.arange(size)[:: -(-size // NUMBERED)]
        slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 3 else {}
        drawn.set_xticks(ticks + 0.5, [names[k] for k in ticks], **slanted)
        drawn.set_yticks(ticks + 0.5, [names[k] for k in ticks])
        drawn.tick_params(length=0)
        drawn.invert_yaxis()
        drawn.set_aspect("equal")
        right = f"{np.trace(counts):,} of {len(true):,} right"
        drawn.set(title=f"Confusions: {right}", xlabel="predicted class", ylabel="true class")
        return drawn


def calibration(probabilities: Any, y: Any, *, bins: int = 10, axes: Any = None) -> Any:
    """How often the model is right when it says p: share of right answers by confidence; on the diagonal, both are equal.

    probabilities  (n, classes), rows that sum to 1: the largest is the confidence that its class is right;
                   or (n,), of class 1 against 0
    y              (n,) class numbers
    bins           of equal width from 0 to 1; those without rows have no bar
    The title has the expected calibration error, Σ over bins of rows / n · |share of right answers − mean confidence|.
    Returns the Axes. Raises ArgumentError for what are no probabilities.
    Source: Guo et al. 2017, arXiv 1706.04599, eq. 2, 3 and 5.
    """
    given, labels = np.asarray(probabilities, np.float64), np.ravel(np.asarray(y))
    if given.ndim not in (1, 2) or len(given) != len(labels) or not len(labels):
        raise ArgumentError(f"calibration: probabilities of shape {given.shape} for {len(labels)} rows of y")
    is_share = (given >= 0.0).all() and (given <= 1.0 + 1e-6).all()
    if not is_share or (given.ndim == 2 and not np.allclose(given.sum(1), 1.0, atol=1e-4)):
        raise ArgumentError(
            "calibration: expected probabilities, 0 to 1 and rows that sum to 1: softmax(logits, axis=-1)"
        )
    confidence = given if given.ndim == 1 else given.max(1)
    right = labels == 1 if given.ndim == 1 else given.argmax(1) == labels
    rows, share, _, error = reliability(confidence, right, np.minimum((confidence * bins).astype(int), bins - 1), bins)
    used = rows > 0
    edges = np.linspace(0.0, 1.0, bins + 1)
    with panel("calibration", axes) as drawn:
        drawn.bar(edges[:-1][used], share[used], 1.0 / bins, align="edge", color=BLUE, alpha=0.75, edgecolor=BLUE,
                  linewidth=0.5, label="of class 1" if given.ndim == 1 else "right answers")  # fmt: skip
        drawn.plot([0.0, 1.0], [0.0, 1.0], color=GRAY, linewidth=1, linestyle="--", label="as it says")
        drawn.stairs(rows / len(labels), edges, color=ORANGE, linewidth=1.2, label="share of rows")
        says = "probability that the model gives" + (" to class 1" if given.ndim == 1 else "")
        drawn.set(title=f"Calibration: off by {100 * error:.1f} % on average", xlabel=says, ylabel="share",
                  xlim=(0.0, 1.0), ylim=(0.0, 1.0))  # fmt: skip
        drawn.legend(loc="best")
        return drawn


def reliability(confidence: Any, right: Any, place: Any, bins: int) -> tuple[Any, Any, Any, float]:
    """Of each bin the rows, the share of right answers and the mean confidence (NaN without rows), and their distance.

    confidence, right, place  (n,): what the model says, whether it is so, and the number of the row's bin
    The last is Σ over bins of rows / n · |share − mean|, the expected calibration error.
    """
    rows = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        share, mean = np.bincount(place, right, bins) / rows, np.bincount(place, confidence, bins) / rows
    return rows, share, mean, float(np.nansum(rows / len(place) * np.abs(share - mean)))


def predictions(y: Any, prediction: Any, *, unit: str = "", axes: Any = None) -> Any:
    """Predicted numbers against true ones, a point each; on the diagonal they are equal. R² stands in the title.

    y, prediction  (n,) or (n, 1)          unit  of both, for the axes
    Returns the Axes. Raises ArgumentError if they are not as many, or there are none.
    """
    true, given = np.ravel(np.asarray(y, np.float64)), np.ravel(np.asarray(prediction, np.float64))
    if true.shape != given.shape or not true.size:
        raise ArgumentError(f"predictions: {given.size} predictions for {true.size} true values, expected as many")
    spread = float(np.sum((true - true.mean()) ** 2))
    r2 = f": R² {1.0 - float(np.sum((true - given) ** 2)) / spread:.2f}" if spread else ""
    ends = [min(true.min(), given.min()), max(true.max(), given.max())]
    with panel("predictions", axes) as drawn:
        drawn.plot(ends, ends, color=GRAY, linewidth=1, linestyle="--", label="equal")
        drawn.scatter(true, given, s=8, color=BLUE, alpha=0.6, linewidth=0, rasterized=len(true) > 2000)
        drawn.locator_params(nbins=5)
        tail = f" ({unit})" if unit else ""
        drawn.set(title=f"Predictions{r2}", xlabel=f"true{tail}", ylabel=f"predicted{tail}")
        drawn.legend(loc="upper left")
        return drawn
