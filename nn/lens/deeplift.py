"""DeepLIFT: contributions handed back op by op, with difference quotients in place of slopes.

A slope says nothing of a relu that is off here and on at the baseline. DeepLIFT therefore compares two runs, of the row
and of the baseline, and gives each op the *multiplier* Δout / Δin between them. Here both runs are one batch, rows above,
baselines below, and the multipliers are rules that `rules=` puts in place of the ops' own for one backward pass. So
layers need no hooks, and a layer that is used twice, a residual or a product inside a function is nothing special.

One rule serves every op: the mean of its own derivative along the straight way between its operands' two states. For an
elementwise op of one operand that is Δout / Δin, the rescale rule; for a product it gives each factor the mean of the
other; a linear op keeps its rule. Since each op's contributions add up to its Δout, so do those of the whole network.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from autograd.primitives import Primitive, Rule, registry
from autograd.transforms import vjp
from nn.lens.attribution import Array, Attribution, feature_names
from nn.lens.explained import Output, baseline_of
from nn.module import Module
from nn.state import preserved

__all__ = ["deeplift"]

_BILINEAR = ("linear", "conv")  # of kind "general" for the bias, which is added
_STEPS = 32  # points on the way of an op that has no closed form


def deeplift(
    model: Module, X: Any, *, target: Any = None, baseline: Any = None, names: Sequence[str] | None = None
) -> Attribution:
    """Σ of multipliers Δout / Δin along the network, times x − baseline: DeepLIFT's rescale rule, for every op.

    X         (rows, features), or (rows, channels, height, width) …; the rows must stay apart, along some axis, in all ops
    target    what is explained: see Output; by default the logit of the predicted class, or the single output
    baseline  a number, a row, or one for each row; 0 by default, an average row of standardised features
    names     of the features; by default those of the columns, if X is a table

    Complete but for rounding where every op is elementwise, linear or a product; softmax, max pooling and the like are
    integrated over 32 points, so a small gap is left. Costs two rows forward and back for each row of X.
    Source: Shrikumar et al. 2017, arXiv 1704.02685, section 3.5.1; as changed rules of backpropagation, Ancona et al.
    2018, arXiv 1711.06104, table 1. The reveal-cancel rule is not here.

    >>> import nn
    >>> model = nn.MLP(3, [8, 8, 1], rng=0, dtype=np.float64)
    >>> deeplift(model, np.eye(3), baseline=0.5).max_gap < 1e-12
    True
    """
    output = Output("deeplift", model, X, target, slopes=True, names=names)
    reference = baseline_of("deeplift", output.x, baseline)
    names = feature_names("deeplift", output.x, names, X)
    base, parts = output(reference), []
    for i in range(0, len(output.x), 512):
        rows = np.arange(i, min(i + 512, len(output.x)))
        parts.append(_contributions(output, output.x[rows], reference[rows], rows))
    return Attribution(
        "DeepLIFT",
        np.concatenate(parts),
        names,
        base,
        output.values,
        None,
        reference,
        output.target,
        output.evaluations,
    )


def _contributions(output: Output, x: Array, reference: Array, rows: Array) -> Array:
    """(rows, *features): multipliers of the rows, times how far they are from their references."""
    half = _distinct(len(rows), output)
    fill = np.resize(np.arange(len(rows)), half)  # repeats the first rows at the end
    batch, which = np.concatenate([x[fill], reference[fill]]), np.tile(rows[fill], 2)
    with preserved(output.model):
        output.model.eval()
        out, pull = vjp(lambda v: output.picked(output.model(v), which), batch, rules=_Pairs(half).rules())
        seed = (np.arange(2 * half) < len(rows)).astype(out.dtype)  # the references are there to be looked at
        multipliers = np.asarray(pull(seed)[0], np.float64)
    output.evaluations += len(batch)
    return multipliers[: len(rows)] * (x - reference).astype(np.float64)


def _distinct(count: int, output: Output) -> int:
    """A number of rows, at least `count`, whose double divides no length of a weight or of a row's axes.

    So that an array's axis can be known by its length as that of the rows.
    """
    arrays = [*(data.shape for data in output.model.state_dict().values()), output.x.shape[1:]]
    lengths = {length for shape in arrays for length in shape if length}
    while any(length % (2 * count) == 0 for length in lengths):
        count += 1
    return count


class _Pairs:
    """Arrays whose rows are `half` rows and then their `half` references."""

    def __init__(self, half: int) -> None:
        self.double = 2 * half

    def other(self, x: Any) -> Array | None:
        """x with its two halves exchanged along the axis of the rows; None for what has no such axis, a weight."""
        shape = np.shape(x)
        if not shape or getattr(x, "dtype", np.dtype(float)).kind != "f":
            return None
        if shape[0] % self.double == 0 and shape[0]:
            axis = 0  # rows may have been merged with a later axis: the references still come second
        elif self.double in shape:
            axis = shape.index(self.double)
        else:
            return None
        exchanged: Array = np.roll(x, shape[axis] // 2, axis=axis)
        return exchanged

    def rules(self) -> dict[Primitive, dict[str, Rule]]:
        """The rule of every op that is not linear, for each of its operands."""
        return {
            op: {name: self.rule(op, i) for i, name in enumerate(op.operands) if name not in op.constants}
            for op in registry.values()
            if op.kind in ("elementwise", "bilinear", "general")
            and op.differentiable and op.rule_all is None and not op.variadic and None not in op.rules[:1]
        }  # fmt: skip

    def rule(self, op: Primitive, index: int) -> Rule:
        """The mean of the op's own rule for this operand, along the way between the two states of all operands."""
        own = op.rules[index]

        def mean(g: Any, out: Any, *operands: Any, **options: Any) -> Any:
            if own is None:
                return None
            others = [self.other(x) for x in operands]
            moving = [i for i, other in enumerate(others) if other is not None and not _equal(other, operands[i])]
            if moving == [index] and op.kind == "elementwise" and np.shape(operands[index]) == np.shape(out):
                return self.quotient(own, g, out, operands, index, options)
            if not moving or (len(moving) == 1 and _is_bilinear(op)):
                return own(g, out, *operands, **options)
            total: Any = 0.0
            for time, weight in _way(1 if _is_bilinear(op) else _STEPS):
                there = list(operands)
                for i in moving:
                    there[i] = operands[i] + time * (others[i] - operands[i])
                total = total + weight * own(g, op.compute(*there, **options), *there, **options)
            return total

        return mean

    def quotient(self, own: Rule, g: Any, out: Any, operands: Any, index: int, options: Any) -> Any:
        """g · Δout / Δin; the slope where Δin is nothing."""
        x = operands[index]
        change_out, change = out - self.other(out), x - self.other(x)
        still = np.abs(change) <= 8.0 * float(np.finfo(x.dtype).eps) * np.abs(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = own(g, out, *operands, **options)
        return np.where(still, slope, g * (change_out / np.where(still, np.ones_like(change), change)))


def _is_bilinear(op: Primitive) -> bool:
    return op.kind == "bilinear" or op.name in _BILINEAR


def _equal(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b))


@cache
def _way(steps: int) -> tuple[tuple[float, float], ...]:
    """Points in [0, 1] and their weights: Gauss and Legendre's."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    return tuple((float(0.5 * (p + 1.0)), float(0.5 * w)) for p, w in zip(points, weights, strict=True))
