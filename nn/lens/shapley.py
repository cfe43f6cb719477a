"""Shapley values: what each feature adds, in the mean over all orders in which the features could become known.

A feature that is not known is drawn from a background of rows, so that v(S) = mean over b of f(x on S, b elsewhere); the
value of feature i is its mean gain v(S ∪ i) − v(S). They add up to f(x) − mean f(b), a feature that changes nothing has 0,
and equal features have equal values; nothing else has all three (Shapley 1953). There are 2ⁿ sets S: up to 15 features or
groups are enumerated, beyond that orders are drawn, each together with its reverse, and the answer has an interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.checks import one_of, whole
from nn.init import Rng, generator
from nn.lens.attribution import Array, Attribution, feature_names
from nn.lens.explained import Output
from nn.lens.gradients import background_of, background_outputs
from nn.lens.groups import grouped
from nn.lens.intervals import RunningMean
from nn.module import Module

__all__ = ["shapley"]

EXACT = 15  # features or groups: 32,768 sets


def shapley(
    model: Module,
    X: Any,
    *,
    target: Any = None,
    background: Any = None,
    groups: Any = None,
    method: str = "auto",
    samples: int = 200,
    names: Sequence[str] | None = None,
    rng: Rng = None,
) -> Attribution:
    """Σ over sets S without i of |S|! (n − |S| − 1)! / n! · (v(S ∪ i) − v(S)), v(S) = mean of f(x on S, b elsewhere).

    X           (rows, features), or (rows, …); whole numbers that a model looks up are allowed, no gradient is needed
    target      what is explained: see Output; by default the logit of the predicted class, or the single output
    background  rows b for what is not known; by default X itself, of at most 20 rows drawn
    groups      features that become known together: {name: features} or lists; "correlated" makes them from the background
    method      "exact", all sets; "sampled", orders; "auto": exact up to 15 features or groups
    samples     pairs of an order and its reverse, each with a row of the background (used evenly): margin is the 95 %
                interval of their mean
    names       of the features; by default those of the columns, if X is a table

    Exact costs 2ⁿ × rows × background evaluations, sampled 2 × samples × n × rows. Features are drawn as if they did not
    depend on those known (interventional values): true to the model, and it may be asked about rows that do not occur.
    Source: Lundberg and Lee 2017, arXiv 1705.07874; Janzing et al. 2020, arXiv 1910.13413; antithetic orders, Mitchell et
    al. 2022, arXiv 2104.12199, section 4.2.

    >>> import nn
    >>> answer = shapley(nn.Linear(3, 1, rng=0, dtype=np.float64), np.eye(3))
    >>> answer.max_gap < 1e-12
    True
    """
    output = Output("shapley", model, X, target, names=names)
    draw = generator(rng)
    rows = background_of("shapley", output.x, background, draw, most=20)
    all_names = feature_names("shapley", output.x, names, X)
    titles, members = grouped("shapley", groups, all_names, rows)
    one_of("shapley: method", method, ("auto", "exact", "sampled"))
    if method == "exact" and len(members) > EXACT:
        raise ArgumentError(
            f"shapley: {len(members)} features are 2^{len(members)} sets; exact goes up to {EXACT}: group them (groups=), "
            'or let method="sampled" draw orders'
        )
    base = background_outputs(output, rows)
    exact = method == "exact" or (method == "auto" and len(members) <= EXACT)
    if exact:
        values, margin = _exact(output, rows, members), None
    else:
        values, margin = _sampled(output, rows, members, whole("samples", samples, 2), draw)
    if len(members) == len(all_names) and all(len(group) == 1 for group in members) and groups is None:
        values = values.reshape(output.x.shape)
        margin = None if margin is None else margin.reshape(output.x.shape)
    title = "Shapley values" if exact else "Shapley values, sampled"
    return Attribution(title, values, titles, base, output.values, margin, None, output.target, output.evaluations)


def _exact(output: Output, rows: Array, members: list[list[int]]) -> Array:
    """(rows of X, groups), by the values of all sets; bit i of a set's number says whether group i is known."""
    count = len(members)
    known = np.zeros((2**count, math.prod(output.x.shape[1:])), bool)
    numbers = np.arange(2**count)
    for i, group in enumerate(members):
        known[:, group] = (numbers >> i & 1)[:, None].astype(bool)
    worth = np.empty((2**count, len(output.x)))
    for r in range(len(output.x)):
        worth[:, r] = _worth(output, rows, known, r)
    sizes = np.array([bin(number).count("1") for number in numbers])
    weights = [1.0 / (count * math.comb(count - 1, size)) for size in range(count)]
    values = np.empty((len(output.x), count))
    for i in range(count):
        without = numbers[(numbers >> i & 1) == 0]
        values[:, i] = np.array(weights)[sizes[without]] @ (worth[without | 1 << i] - worth[without])
    return values


def _worth(output: Output, rows: Array, known: Array, r: int) -> Array:
    """(sets,): the mean output over the background, where what a set knows is row r's."""
    own, others = output.x[r].reshape(-1), rows.reshape(len(rows), -1)
    step = max(1, 65_536 // len(rows))
    parts = []
    for i in range(0, len(known), step):
        mixed = np.where(known[i : i + step, None], own, others).reshape(-1, *output.x.shape[1:])
        parts.append(output(mixed, np.full(len(mixed), r)).reshape(-1, len(rows)).mean(1))
    return np.concatenate(parts)


def _sampled(
    output: Output, rows: Array, members: list[list[int]], samples: int, draw: np.random.Generator
) -> tuple[Array, Array]:
    """((rows of X, groups), half widths): mean gains along random orders and their reverses."""
    count, own = len(members), output.x.reshape(len(output.x), -1)
    others = rows.reshape(len(rows), -1)
    background = np.resize(draw.permutation(len(rows)), samples)
    mean = RunningMean()
    for k in range(samples):
        order = draw.permutation(count)
        gains = np.zeros((len(own), count))
        for way in (order, order[::-1]):
            known = np.zeros((count + 1, own.shape[1]), bool)
            for step, i in enumerate(way):
                known[step + 1 :, members[i]] = True
            mixed = np.where(known, own[:, None], others[background[k]])
            which = np.repeat(np.arange(len(own)), count + 1)
            worth = output(mixed.reshape(-1, *output.x.shape[1:]), which).reshape(len(own), count + 1)
            gains[:, way] += 0.5 * np.diff(worth, axis=1)
        mean.add(gains)
    return mean.value, mean.margin
