"""Where the methods disagree: the features' places by each, and how well every two of them agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.lens.answer import Answer
from nn.lens.attribution import Array
from nn.lens.groups import ranks, spearman
from nn.style import TEXT, shades

__all__ = ["ImportanceComparison", "compare_importance"]


@dataclass(frozen=True, eq=False, repr=False)
class ImportanceComparison(Answer):
    """The places of features by several methods, 1 for the most important, and the methods' rank correlations.

    methods     names of the methods
    names       of the features
    places      (features, methods); equal ones share the mean of their places
    agreement   (methods, methods): Spearman's rank correlation of the importances
    """

    methods: tuple[str, ...]
    names: tuple[str, ...]
    places: Array
    agreement: Array
    size = (4.4, 3.6)

    @property
    def spread(self) -> Array:
        """(features,): by how many places the methods differ at most."""
        widest: Array = np.ptp(self.places, axis=1)
        return widest

    @property
    def least(self) -> tuple[str, str, float]:
        """The two methods that agree least, and their rank correlation."""
        pairs = list(combinations(range(len(self.methods)), 2))
        i, j = min(pairs, key=lambda pair: float(self.agreement[pair]))
        return self.methods[i], self.methods[j], float(self.agreement[i, j])

    @property
    def verdict(self) -> str:
        one, other, agreement = self.least
        feature = int(np.argmax(self.spread))
        row = self.places[feature]
        best, worst = self.methods[int(row.argmin())], self.methods[int(row.argmax())]
        firsts = {self.names[int(column.argmin())] for column in self.places.T}
        agreed = f"All put {firsts.pop()} first" if len(firsts) == 1 else f"{len(firsts)} features are put first"
        return (
            f"{agreed}; {one} and {other} agree least (rank correlation {agreement:.2f}), and {self.names[feature]} is in "
            f"place {row.min():g} by {best}, {row.max():g} by {worst}."
        )

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        order = np.argsort(self.places.mean(1), kind="stable")
        heads = ("feature", *self.methods, "places apart")
        return heads, [(self.names[i], *map(float, self.places[i]), float(self.spread[i])) for i in order]

    def draw(self, axes: Any) -> None:
        count = len(self.methods)
        axes.imshow(np.clip(self.agreement, 0.0, 1.0), cmap=shades(), vmin=0.0, vmax=1.6)
        for i in range(count):
            for j in range(count):
                axes.text(j, i, f"{self.agreement[i, j]:.2f}", ha="center", va="center", fontsize=7, color=TEXT)
        axes.set(xticks=range(count), yticks=range(count), yticklabels=self.methods)
        axes.set_xticklabels(self.methods, rotation=30, ha="right")
        axes.set_title("rank correlation of the importances")


def compare_importance(*answers: Any, names: Sequence[str] | None = None, **named: Any) -> ImportanceComparison:
    """Places of the features by each method, and every two methods' rank correlation.

    answers  what the functions of importance gave, with `.importance` and `.names`; or one mapping {method: answer}
    named    method=answer, where an answer may also be an array (features,)
    names    of the features, where all answers are arrays

    Source: Krishna et al. 2022, arXiv 2202.01602, section 3 (rank correlation of explanations).
    Raises ArgumentError if there are fewer than two, or if they are not about the same features.

    >>> compare_importance(one=np.array([3.0, 2.0, 1.0]), other=np.array([3.0, 1.0, 2.0])).least[2]
    0.5
    """
    given: dict[str, Any] = {}
    for answer in answers:
        pairs = answer.items() if isinstance(answer, Mapping) else [(getattr(answer, "method", None), answer)]
        for method, item in pairs:
            title = str(method or f"method {len(given)}")
            given[title if title not in given else f"{title} ({len(given)})"] = item
    given |= named
    if len(given) < 2:
        raise ArgumentError(f"compare_importance: give at least two answers to compare, got {len(given)}")
    found = {method: np.asarray(getattr(item, "importance", item), np.float64) for method, item in given.items()}
    titles = [tuple(item.names) for item in given.values() if hasattr(item, "names")]
    titles += [tuple(map(str, names))] if names is not None else []
    length = len(titles[0]) if titles else len(next(iter(found.values())))
    features = titles[0] if titles else tuple(f"x{i}" for i in range(length))
    for method, importance in found.items():
        own = tuple(getattr(given[method], "names", features))
        if importance.shape != (length,) or own != features:
            raise ArgumentError(
                f"compare_importance: {method} is about {importance.size} features, {', '.join(own[:3])} …; the first "
                f"answer is about {length}, {', '.join(features[:3])} …"
            )
        if not np.isfinite(importance).all():
            raise ArgumentError(f"compare_importance: {method} has NaN or infinite entries")
    lists = list(found.values())
    places = np.stack([ranks(-importance) for importance in lists], axis=1)
    agreement = np.array([[spearman(a, b) for b in lists] for a in lists])
    return ImportanceComparison(tuple(found), features, places, agreement)
