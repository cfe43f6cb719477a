"""Does it learn, or only remember? What a network does on rows that it has not seen, beside what it does on its own.

lens.gap is of one trained model. Here is what takes many trainings: `compare` trains recipes against overfitting from the
same starts on the same rows, so that chance which all share cancels in their differences; `learning_curve` asks whether
more rows would help.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import ArgumentError
from nn.arguments import check_finite
from nn.checks import unit, whole
from nn.data import split
from nn.init import Rng, generator
from nn.lens.answer import Answer
from nn.lens.calibration import scores
from nn.lens.intervals import level, mean_interval
from nn.lens.recipe import Recipe, Trainer, recipe
from nn.progress import rounds
from nn.style import BLUE, GRAY, ORANGE

__all__ = ["Comparison", "LearningCurve", "compare", "learning_curve"]

Array = NDArray[np.float64]
METRICS = ("accuracy", "nll", "ece")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Answer):
    """Recipes, trained from the same seeds. Arrays are (recipes, seeds), the first recipe is what the others are held to.

    train_accuracy, test_accuracy   shares of right answers, on the labels given and on the test's
    train_nll, test_nll             mean of −log p(label), nats
    train_ece, test_ece             expected calibration error, 10 bins of equal width
    confidence                      of all intervals together: each has 1 − (1 − confidence) / (recipes − 1)
    """

    names: tuple[str, ...]
    train_accuracy: Array
    train_nll: Array
    train_ece: Array
    test_accuracy: Array
    test_nll: Array
    test_ece: Array
    confidence: float
    size = (5.0, 3.2)

    def difference(self, name: str, metric: str = "accuracy") -> tuple[float, float, float]:
        """(mean, low, high) of a recipe's test figure minus the first recipe's, seed by seed: the paired t-interval.

        metric  accuracy, nll or ece
        """
        if metric not in METRICS or name not in self.names:
            raise ArgumentError(
                f"difference({name!r}, {metric!r}): recipes are {', '.join(self.names)}; metrics {', '.join(METRICS)}"
            )
        figures = getattr(self, f"test_{metric}")
        each = 1.0 - (1.0 - self.confidence) / max(1, len(self.names) - 1)
        return mean_interval(figures[self.names.index(name)] - figures[0], each)

    @property
    def verdict(self) -> str:
        found: dict[str, list[tuple[float, str]]] = {"helped": [], "hurt": [], "unclear": []}
        for name in self.names[1:]:
            mean, low, high = self.difference(name)
            kind = "helped" if low > 0.0 else "hurt" if high < 0.0 else "unclear"
            found[kind].append((-abs(mean), f"{name} ({100 * mean:+.1f} points)"))
        parts = [
            f"{', '.join(text for _, text in sorted(found[kind]))} {kind}" for kind in ("helped", "hurt") if found[kind]
        ]
        if found["unclear"]:
            parts.append(f"of {', '.join(text for _, text in sorted(found['unclear']))} {self._seeds} cannot tell")
        start = f"Beside {self.names[0]}, right on {100 * self.test_accuracy[0].mean():.1f} % of the test rows"
        return f"{start}: {'; '.join(parts) or 'nothing else was tried'}."

    @property
    def _seeds(self) -> str:
        count = self.test_accuracy.shape[1]
        return f"{count} seed{'s' * (count != 1)}"

    def rows(self) -> Any:
        heads = (
            "recipe",
            "train %",
            "test %",
            "against the first",
            "NLL",
            "against the first",
            "ECE %",
            "against the first",
        )
        lines = []
        for i, name in enumerate(self.names):
            cells: list[Any] = [name, _spread(100 * self.train_accuracy[i], 1)]
            for metric, scale, digits in (("accuracy", 100, 1), ("nll", 1, 3), ("ece", 100, 1)):
                cells.append(_spread(scale * getattr(self, f"test_{metric}")[i], digits))
                cells.append(_between(*self.difference(name, metric), scale, digits) if i else None)
            lines.append(cells)
        return heads, lines

    def draw(self, axes: Any) -> None:
        found = [tuple(100 * x for x in self.difference(name)) for name in self.names[1:]]
        reaches = [max(abs(end) for end in ends if math.isfinite(end)) for ends in found]
        limit = 1.1 * max((r for r in reaches if r <= 4.0 * float(np.median(reaches))), default=1.0) or 1.0
        axes.axvline(0.0, color=GRAY, linewidth=1, linestyle="--")
        for place, (mean, low, high) in enumerate(found):
            colour = BLUE if low > 0.0 else ORANGE if high < 0.0 else GRAY
            if abs(mean) > limit:  # one that is far off would squeeze the others into the middle
                text = f"◂ {mean:+.1f}" if mean < 0.0 else f"{mean:+.1f} ▸"
                side = "left" if mean < 0.0 else "right"
                axes.text(math.copysign(0.98 * limit, mean), place, text, color=colour, ha=side, va="center")
                continue
            bar = None if math.isinf(low) else [[mean - low], [high - mean]]
            axes.errorbar([mean], [place], xerr=bar, fmt="o", color=colour, capsize=3, markersize=4)
        axes.set_yticks(range(len(found)), self.names[1:])
        axes.set(xlim=(-limit, limit), ylim=(len(found) - 0.5, -0.5))
        title = f"Against {self.names[0]}, {self._seeds}"
        axes.set(xlabel="more right answers on test rows (percentage points)", title=title)


def compare(
    recipes: Mapping[str, Trainer | Mapping[str, Any]], X: Any, y: Any, *, test: float | tuple[Any, Any] = 0.3,
    seeds: int = 5, wrong_labels: float = 0.0, confidence: float = 0.95, rng: Rng = 0, progress: bool = True,
    **options: Any,
) -> Comparison:  # fmt: skip
    """Which recipe generalises: each is trained from the same seeds on the same rows, and held to the first, pair by pair.

    recipes       name → lens.recipe(…); or a dict of its options; or a function (X, y, rng) → (X → probabilities) of yours.
                  The first is the baseline
    X, y          (n, …) inputs and (n,) class numbers
    test          share of the rows that is tested on, drawn anew for each seed, classes in proportion; or other rows (X, y)
    seeds         trainings of each recipe
    wrong_labels  share of the training labels that are replaced by another class, drawn at random, to see who learns them
    confidence    that of one figure's intervals none misses its mean (Bonferroni), over seeds: splits, wrong labels, first
                  weights, order of rows. With a `test` share the seeds' training rows overlap; where they are most of the
                  rows, the intervals are too narrow (Nadeau and Bengio 2003, Machine Learning 52, 239)
    options       of lens.recipe, for the recipes that are dicts
    Equal first weights need equal layers: dropout and the like leave them, another `hidden` does not.

    >>> X, y = np.random.default_rng(0).normal(size=(80, 2)), np.arange(80) % 2
    >>> compare({"plain": {}, "decay": {"weight_decay": 1.0}}, X, y, seeds=2, epochs=1, compile=False).names
    ('plain', 'decay')
    """
    made = _made(recipes, options)
    x, labels = _classified("compare", X, y)
    unit("compare: wrong_labels", wrong_labels), level("compare: confidence", confidence)
    fraction, fixed = (test, None) if isinstance(test, (int, float)) else (0.0, _classified("compare: test", *test))
    keys = generator(rng).integers(2**63, size=whole("compare: seeds", seeds))
    found = np.empty((2, 3, len(made), len(keys)))
    work = [(i, j) for j in range(len(keys)) for i in range(len(made))]
    for i, j in rounds(work, progress, "training"):
        deal, noise, start = np.random.default_rng(int(keys[j])).spawn(3)
        if fixed is None:
            rows, held = split(len(labels), (1.0 - fraction, fraction), rng=deal, stratify=labels)
            sides = [(x[rows], labels[rows]), (x[held], labels[held])]
        else:
            sides = [(x, labels), fixed]
        sides[0] = sides[0][0], _wrong(sides[0][1], wrong_labels, noise)
        name, train = list(made.items())[i]
        found[:, :, i, j] = _measured(f"compare: {name}", train(*sides[0], start), sides)
    (a, b, c), (d, e, f) = found
    return Comparison(tuple(made), a, b, c, d, e, f, confidence)


@dataclass(frozen=True, eq=False, repr=False)
class LearningCurve(Answer):
    """Accuracy by the number of training rows. Arrays are (sizes, seeds).

    sizes   numbers of rows          train_accuracy, test_accuracy   shares of right answers; of the same test rows
    """

    sizes: tuple[int, ...]
    train_accuracy: Array
    test_accuracy: Array
    confidence: float

    def last_step(self) -> tuple[float, float, float]:
        """(mean, low, high) of the test accuracy at the largest size minus that at the one before: paired t-interval."""
        return mean_interval(self.test_accuracy[-1] - self.test_accuracy[-2], self.confidence)

    @property
    def verdict(self) -> str:
        mean, low, high = (100 * x for x in self.last_step())
        before, after = self.sizes[-2:]
        seeds = self.test_accuracy.shape[1]
        says = "more rows still help" if low > 0.0 else "more rows made it worse" if high < 0.0 else ""
        if not says:
            says = (
                "more rows do not help any more, as far as can be told" if high < 1.0
                else f"{seeds} seed{'s' * (seeds != 1)} cannot tell whether more rows help"
            )  # fmt: skip
        return (
            f"From {before:,} to {after:,} rows the test accuracy changes by {mean:+.1f} points ({low:.1f} to {high:.1f}), "
            f"to {100 * self.test_accuracy[-1].mean():.1f} %: {says}."
        )

    def rows(self) -> Any:
        pairs = zip(self.sizes, self.train_accuracy, self.test_accuracy, strict=True)
        return ("rows", "train %", "test %"), [(n, _spread(100 * a, 1), _spread(100 * b, 1)) for n, a, b in pairs]

    def draw(self, axes: Any) -> None:
        for label, shares, colour in (("training", self.train_accuracy, BLUE), ("test", self.test_accuracy, ORANGE)):
            mean, spread = 100 * shares.mean(1), 100 * _deviation(shares)
            axes.plot(self.sizes, mean, "o-", color=colour, markersize=3, label=label)
            axes.fill_between(self.sizes, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
        axes.set(xscale="log", xlabel="training rows", ylabel="right (%)", title="Learning curve")
        axes.set_xticks(self.sizes, [f"{size:,}" for size in self.sizes])
        axes.set_xticks([], minor=True)
        axes.legend()


def learning_curve(
    train: Trainer | Mapping[str, Any], X: Any, y: Any, sizes: Sequence[int], *, test: float = 0.3, seeds: int = 5,
    confidence: float = 0.95, rng: Rng = 0, progress: bool = True, **options: Any,
) -> LearningCurve:  # fmt: skip
    """Accuracy by the number of training rows: does it pay to collect more?

    train    lens.recipe(…), a dict of its options, or a function (X, y, rng) → (X → probabilities), as for lens.compare
    sizes    numbers of training rows, rising, each at most what `test` leaves; classes in proportion
    test     share of the rows that is tested on; for one seed the same rows at every size
    Other arguments as in compare. Source: Perlich, Provost and Simonoff 2003, JMLR 4, 211, section 3.
    """
    made = _made({"it": train}, options)["it"]
    x, labels = _classified("learning_curve", X, y)
    level("learning_curve: confidence", confidence)
    if not np.iterable(sizes):
        raise ArgumentError(
            f"learning_curve: sizes are two or more rising numbers, such as [50, 100, 200], got {sizes!r}"
        )
    counts = [whole("learning_curve: a size", size) for size in sizes]
    keys = generator(rng).integers(2**63, size=whole("learning_curve: seeds", seeds))
    found = np.empty((2, len(counts), len(keys)))
    for i, j in rounds([(i, j) for j in range(len(keys)) for i in range(len(counts))], progress, "training"):
        deal, choice, start = np.random.default_rng(int(keys[j])).spawn(3)
        pool, held = split(len(labels), (1.0 - test, test), rng=deal, stratify=labels)
        if len(counts) < 2 or counts != sorted(set(counts)) or counts[-1] > len(pool):
            raise ArgumentError(
                f"learning_curve: sizes are two or more rising numbers up to {len(pool)}, got {list(sizes)}"
            )
        share = counts[i] / len(pool)
        chosen = (
            split(len(pool), (share, 1.0 - share), rng=choice, stratify=labels[pool])[0] if share < 1.0 else slice(None)
        )
        sides = [(x[pool[chosen]], labels[pool[chosen]]), (x[held], labels[held])]
        found[:, i, j] = _measured("learning_curve", made(*sides[0], start), sides)[:, 0]
    return LearningCurve(tuple(counts), found[0], found[1], confidence)


def _made(recipes: Any, options: Mapping[str, Any]) -> dict[str, Trainer]:
    """Name → function (X, y, rng) → predictor."""
    if not isinstance(recipes, Mapping) or not recipes:
        raise ArgumentError(
            f'recipes is a dict such as {{"plain": {{}}, "dropout": {{"dropout": 0.5}}}}, got {recipes!r}'
        )
    made: dict[str, Trainer] = {}
    for name, given in recipes.items():
        if not isinstance(given, Mapping) and not callable(given):
            raise ArgumentError(
                f"recipe {name!r} is lens.recipe(…), a dict of its options, or a function, got {given!r}"
            )
        made[str(name)] = recipe(**{**options, **given}) if isinstance(given, Mapping) else given
    if options and all(isinstance(given, Recipe) or not isinstance(given, Mapping) for given in recipes.values()):
        raise ArgumentError(f"{', '.join(options)}: options are for recipes that are dicts, and none is one")
    return made


def _classified(name: str, X: Any, y: Any) -> tuple[Any, NDArray[np.int64]]:
    """Inputs and class numbers, checked."""
    x, labels = np.asarray(X), np.asarray(y)
    if labels.ndim != 1 or labels.dtype.kind not in "iub" or len(x) != len(labels) or (labels < 0).any():
        raise ArgumentError(
            f"{name}: y is class numbers from 0, one for each of the {len(x)} rows of X; got {labels.dtype} of shape "
            f"{labels.shape} (for regression: nn.estimator with scikit-learn's curves)"
        )
    check_finite(name, "X", x, getattr(X, "columns", None))
    return x, labels.astype(np.int64)


def _wrong(labels: Any, share: float, rng: np.random.Generator) -> Any:
    """The labels, a share of them replaced by another class."""
    classes, count = int(labels.max()) + 1, round(share * len(labels))
    chosen = rng.permutation(len(labels))[:count]
    new = labels.copy()
    new[chosen] = (labels[chosen] + rng.integers(1, max(classes, 2), size=count)) % classes
    return new


def _measured(name: str, predictor: Any, sides: Sequence[tuple[Any, Any]]) -> Array:
    """(sides, 3): accuracy, NLL and ECE of a function X → probabilities."""
    if not callable(predictor):
        raise ArgumentError(f"{name}(X, y, rng) gives a function X → probabilities, got {type(predictor).__name__}")
    found = []
    for X, labels in sides:
        shares = np.asarray(predictor(X), np.float64)
        fits = shares.ndim == 2 and len(shares) == len(labels) and shares.shape[1] > labels.max()
        if not fits or (shares < 0.0).any() or not np.allclose(shares.sum(1), 1.0, atol=1e-4):
            raise ArgumentError(
                f"{name}: expected probabilities ({len(labels)}, at least {labels.max() + 1} classes), rows that sum to 1, "
                f"got shape {shares.shape}"
            )
        found.append(scores(np.log(np.maximum(shares, np.finfo(float).tiny)), labels)[:3])
    return np.array(found)


def _deviation(values: Array) -> Any:
    return values.std(axis=-1, ddof=1) if values.shape[-1] > 1 else np.zeros(values.shape[:-1])


def _spread(values: Array, digits: int) -> str:
    return f"{values.mean():.{digits}f} ± {float(_deviation(values)):.{digits}f}"


def _between(mean: float, low: float, high: float, scale: float, digits: int) -> str:
    if math.isinf(low):
        return f"{scale * mean:+.{digits}f}"
    return f"{scale * mean:+.{digits}f} ({scale * low:+.{digits}f} to {scale * high:+.{digits}f})"
