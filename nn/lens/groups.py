"""Features taken together: groups that are given, and groups of features that say the same.

Two features that follow each other closely share their importance in a way that no data can settle: permuting one leaves
the other to answer for it. `correlated` finds such groups by the rank correlation, which asks for no straight line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.lens.attribution import Array

__all__ = ["correlated", "grouped", "ranks", "spearman"]


def ranks(values: Array) -> Array:
    """(rows,) or (rows, features) → the place of each entry in its column, 1 for the smallest; ties have their mean."""
    columns = values.reshape(len(values), -1)
    places = np.empty(columns.shape)
    for j, column in enumerate(columns.T):
        _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        last = np.cumsum(counts)
        places[:, j] = (last - 0.5 * (counts - 1))[inverse.ravel()]
    return places.reshape(values.shape)


def spearman(a: Array, b: Array) -> float:
    """Rank correlation of two lists of numbers, −1 … 1; NaN if one of them is constant.

    >>> round(spearman(np.array([1.0, 2.0, 9.0]), np.array([1.0, 4.0, 5.0])), 12)
    1.0
    """
    x, y = ranks(np.ravel(a)), ranks(np.ravel(b))
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size else float("nan")


def correlated(X: Array, threshold: float = 0.7) -> list[list[int]]:
    """Groups of features linked by pairs whose |Spearman's ρ| over the rows is at least the threshold."""
    columns = ranks(np.asarray(X, np.float64).reshape(len(X), -1))
    centred = columns - columns.mean(0)
    sizes = np.sqrt((centred * centred).sum(0))
    linked = np.abs(centred.T @ centred) >= threshold * np.outer(sizes, sizes) * (1.0 - 1e-12)
    linked &= np.outer(sizes > 0.0, sizes > 0.0)  # a constant is like no other
    found: list[list[int]] = []
    left = list(range(len(sizes)))
    while left:
        group, todo = [], [left[0]]
        while todo:
            i = todo.pop()
            if i in left:
                left.remove(i)
                group.append(i)
                todo += [j for j in left if linked[i, j]]
        found.append(sorted(group))
    return found


def grouped(
    name: str, groups: Any, names: Sequence[str], X: Array, threshold: float = 0.7
) -> tuple[tuple[str, ...], list[list[int]]]:
    """(names, features) of groups of flattened features; a feature in none of those given stays alone.

    groups  None; "correlated"; {name: features}; or a list of lists. A feature is its number or its name
    Raises ArgumentError for an unknown feature, and for one in two groups.
    """
    if isinstance(groups, str):
        if groups != "correlated":
            raise ArgumentError(f'{name}: groups={groups!r}; did you mean "correlated"? Or give {{name: features}}')
        listed: list[tuple[str | None, list[int]]] = [(None, members) for members in correlated(X, threshold)]
    elif isinstance(groups, Mapping):
        listed = [(str(key), _members(name, members, names)) for key, members in groups.items()]
    elif groups is None or isinstance(groups, (list, tuple)):
        listed = [(None, _members(name, members, names)) for members in groups or ()]
    else:
        raise ArgumentError(f'{name}: groups is "correlated", {{name: features}} or lists of features, got {groups!r}')
    taken = [i for _, members in listed for i in members]
    if len(set(taken)) < len(taken):
        twice = next(i for i in taken if taken.count(i) > 1)
        raise ArgumentError(f"{name}: feature {names[twice]} is in two groups")
    listed += [(None, [i]) for i in range(len(names)) if i not in set(taken)]
    titles = tuple(_title(members, names) if title is None else title for title, members in listed)
    return titles, [members for _, members in listed]


def _members(name: str, members: Any, names: Sequence[str]) -> list[int]:
    found = []
    for member in members if isinstance(members, (list, tuple, set, np.ndarray, range)) else [members]:
        if isinstance(member, str) and member in names:
            found.append(list(names).index(member))
        elif isinstance(member, (int, np.integer)) and 0 <= member < len(names):
            found.append(int(member))
        else:
            raise ArgumentError(
                f"{name}: there is no feature {member!r}; there are {', '.join(names[:5])}{' …' * (len(names) > 5)}, or "
                f"numbers 0 … {len(names) - 1}"
            )
    if not found:
        raise ArgumentError(f"{name}: a group has no features")
    return found


def _title(members: Sequence[int], names: Sequence[str]) -> str:
    more = f" + {len(members) - 2} more" if len(members) > 3 else f" + {names[members[2]]}" if len(members) == 3 else ""
    return " + ".join(names[i] for i in members[:2]) + more
