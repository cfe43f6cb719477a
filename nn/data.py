"""Arrays on their way into training: split once, standardise with the training part's statistics, cut into batches.

Everything random takes an explicit `rng`, a `np.random.Generator` or an int that seeds a new one: the same seed gives
the same rows in the same order. A person's own CSV file becomes such arrays in `nn.table`; `nn.fit` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd.errors import ArgumentError, ShapeError
from nn.checks import whole
from nn.evaluation import numbers
from nn.init import generator

Index = NDArray[np.int64]


def batches(
    *arrays: NDArray[Any],
    batch_size: int,
    rng: np.random.Generator | int | None = None,
    shuffle: bool = True,
    drop_last: bool = False,
    augment: Callable[[Any, np.random.Generator], Any] | None = None,
) -> Iterator[tuple[NDArray[Any], ...]]:
    """One epoch: tuples of batch_size rows of each array, the same rows of all, every row exactly once.

    arrays      each (n, …) with the same n; lists and pandas tables become arrays
    rng         draws the order, needed if shuffle. A Generator gives each epoch a new order, an int always the same
    drop_last   leave out the last batch if it has fewer than batch_size rows
    augment     (x, rng) → x, applied to the first array's rows of each batch: flips, shifts, noise; draws from rng
    Raises ArgumentError, at once and not at the first batch, if lengths differ or batch_size is below 1.

    >>> x, y = np.arange(5), np.arange(5) * 10
    >>> [(a.tolist(), b.tolist()) for a, b in batches(x, y, batch_size=2, shuffle=False)]
    [([0, 1], [0, 10]), ([2, 3], [20, 30]), ([4], [40])]
    """
    arrays = tuple(_rows(array) for array in arrays)
    n, batch_size = _common_length(arrays), whole("batch_size", batch_size)
    if (shuffle or augment) and rng is None:
        what = "shuffle=True" if shuffle else "augment=…"
        raise ArgumentError(f"batches({what}) needs rng=, a np.random.Generator or an int seed")
    stream = generator(0 if rng is None else rng)
    cut = _cut(arrays, stream.permutation(n) if shuffle else np.arange(n), batch_size, drop_last)
    return cut if augment is None else ((augment(first, stream), *others) for first, *others in cut)


def _rows(array: Any) -> Any:
    """A list or a pandas table as an array, whose rows an index array picks; all else, a GPU's array too, as it is."""
    return np.asarray(array) if isinstance(array, (list, tuple)) or hasattr(array, "to_numpy") else array


def _cut(
    arrays: tuple[NDArray[Any], ...], order: Index, batch_size: int, drop_last: bool
) -> Iterator[tuple[NDArray[Any], ...]]:
    stop = len(order) - len(order) % batch_size if drop_last else len(order)
    for start in range(0, stop, batch_size):
        rows = order[start : start + batch_size]
        yield tuple(array[rows] for array in arrays)


def _common_length(arrays: tuple[NDArray[Any], ...]) -> int:
    if not arrays:
        raise ArgumentError("batches needs at least one array")
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        raise ArgumentError(f"arrays of different length: {', '.join(map(str, lengths))} rows")
    return lengths[0]


def split(
    n: int,
    fractions: Sequence[float],
    *,
    rng: np.random.Generator | int,
    stratify: ArrayLike | None = None,
    groups: ArrayLike | None = None,
) -> tuple[Index, ...]:
    """The row numbers 0 … n - 1, drawn into one part per fraction; each part ascending, no row twice.

    fractions   at least 0, adding up to 1: (0.7, 0.15, 0.15) for train, validation and test
    stratify    (n,) class labels: every part then has the classes in nearly the same proportions, and every class is
                in the first part, so that what is tested was also trained on
    groups      (n,) labels of rows that belong together, such as a person's: each group is in one part, so that what is
                tested is not known already. Not beside stratify
    Sizes are right to one row, up to the rows that put rare classes into the first part; to one group with groups.
    Raises ArgumentError if fractions do not add up to 1, or a part with a fraction above 0 would be empty.

    >>> train, test = split(10, (0.8, 0.2), rng=0)
    >>> len(train), len(test), sorted([*train.tolist(), *test.tolist()]) == list(range(10))
    (8, 2, True)
    """
    if not isinstance(n, (int, np.integer)):
        raise ArgumentError(f"split takes the number of rows, len(X), and gives their numbers, got {type(n).__name__}")
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.ndim != 1 or not shares.size or not (shares >= 0).all() or abs(shares.sum() - 1) > 1e-9:
        raise ArgumentError(f"fractions are at least 0 and add up to 1, such as (0.8, 0.2), got {fractions}")
    if stratify is not None and groups is not None:
        raise ArgumentError(
            "split has stratify or groups, not both: whole groups seldom have the classes in proportion"
        )
    labels = [given for given in (stratify, groups) if given is not None] or [np.zeros(n, np.int64)]
    found = np.asarray(labels[0])
    if found.shape != (n,):
        raise ArgumentError(f"{'stratify' if groups is None else 'groups'} has shape {found.shape}, expected ({n},)")
    parts = (_deal if groups is None else _deal_groups)(found, shares, generator(rng))
    for share, part in zip(shares, parts, strict=True):
        if share > 0 and not len(part):
            what = f"{n} rows are" if groups is None else f"{n} rows in {len(np.unique(found))} groups are"
            raise ArgumentError(f"{what} too few to split into parts of {list(fractions)}: a part would be empty")
    return parts


def _deal(labels: NDArray[Any], shares: NDArray[np.float64], rng: np.random.Generator) -> tuple[Index, ...]:
    """Class by class, round(share × rows) each; what rounding owes a part is carried to the next class."""
    parts: list[list[Index]] = [[] for _ in shares]
    owed = np.zeros(len(shares))
    order = rng.permutation(len(labels))
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        due = shares * len(rows) + owed
        counts = np.floor(due).clip(min=0).astype(np.int64)
        while counts.sum() < len(rows):
            counts[np.argmax(due - counts)] += 1
        while counts.sum() > len(rows):
            counts[np.argmin(np.where(counts > 0, due - counts, np.inf))] -= 1
        if not counts[0] and shares[0] > 0:
            counts[np.argmax(counts)] -= 1
            counts[0] = 1
        owed = due - counts
        for part, piece in zip(parts, np.split(rows, np.cumsum(counts)[:-1]), strict=True):
            part.append(piece)
    return tuple(np.sort(np.concatenate(part or [order])) for part in parts)


def _deal_groups(groups: NDArray[Any], shares: NDArray[np.float64], rng: np.random.Generator) -> tuple[Index, ...]:
    """Group by group in random order, each to the part that lacks most rows; the last ones to parts that have none."""
    member = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(member)
    due = np.where(shares > 0, shares * len(groups), -np.inf)
    home = np.full(len(sizes), -1)
    for done, group in enumerate(rng.permutation(len(sizes))):
        empty = (shares > 0) & ~np.isin(np.arange(len(shares)), home)
        needed = len(sizes) - done <= empty.sum()
        home[group] = np.argmax(np.where(empty, due, -np.inf) if needed else due)
        due[home[group]] -= sizes[group]
    return tuple(np.flatnonzero(home[member] == part) for part in range(len(shares)))


@dataclass(frozen=True, eq=False)
class Standardizer:
    """x ↦ (x - mean) / std per column, with statistics kept from the rows it was fitted on.

    Fit on the training rows only: statistics of validation or test rows would leak into training. A column that is
    constant in the training rows has std 1 here, so it becomes 0 there and no division fails. Kept beside the model with
    nn.save(path, model, mean=scale.mean, std=scale.std).

    mean, std   (features,), float64

    >>> scale = Standardizer.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> scale.transform(np.array([[2.0, 5.0], [5.0, 5.0]])).tolist()
    [[0.0, 0.0], [3.0, 0.0]]
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def fit(cls, X: ArrayLike) -> Standardizer:
        """Statistics of X, (rows, …), along its first axis. Raises ArgumentError if X has no rows, or gaps."""
        x = np.asarray(numbers("X", X), dtype=np.float64)
        if not x.ndim or not len(x):
            raise ArgumentError("statistics of no rows")
        if not np.isfinite(x).all():
            place = tuple(np.argwhere(~np.isfinite(x))[0].tolist())
            raise ArgumentError(
                f"Standardizer.fit: X[{', '.join(map(str, place))}] is {x[place]}, and so would be that column's mean; "
                "leave such rows out, or put a number there first"
            )
        mean, std = x.mean(axis=0), x.std(axis=0)
        # The mean of equal numbers can be off by one rounding, and their std is then not 0 but about 1e-16 of them;
        # the squares of numbers below 1e-160 are 0, and so is then the std of different ones.
        constant = (x == x[0]).all(axis=0) | (std == 0.0)
        return cls(np.where(constant, x[0], mean), np.where(constant, 1.0, std))

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """(rows, features) → the same shape, float32."""
        return ((self._checked(X) - self.mean) / self.std).astype(np.float32)

    def inverse(self, Z: ArrayLike) -> NDArray[np.float32]:
        """Standardised values back in their own unit, float32."""
        return (self._checked(Z) * self.std + self.mean).astype(np.float32)

    def _checked(self, X: ArrayLike) -> NDArray[np.float64]:
        """X as numbers, which has the features of the statistics and not others that would broadcast."""
        x, features = np.asarray(numbers("X", X), dtype=np.float64), np.shape(self.mean)
        if x.shape[x.ndim - len(features) :] != features:
            raise ShapeError(f"Standardizer: X has shape {x.shape}, expected (rows, {', '.join(map(str, features))})")
        return x
