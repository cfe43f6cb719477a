"""check_gradients: is the gradient of my function right? For your own test suite, and used by ours.

Every entry of the Jacobian is measured by differences in float64 and compared with the recorded one. Differences are
extrapolated (Ridders 1982: central differences at ever smaller steps, combined so that the leading errors cancel), which
gives about 11 digits *and* an estimate of their uncertainty. So the only absolute slack a comparison has is that measured
uncertainty, and rounding of the recorded Jacobian's largest entry: some entries are sums that cancel to 0 (those of the
keys' bias in attention). There is no tolerance to tune for small gradients, and a rule that computes in float32 is found.

    def test_my_layer():
        check_gradients(my_layer, np.ones((2, 3)), {"w": ..., "b": ...})
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from autograd import tree
from autograd.backward import order as interior
from autograd.context import context, no_grad
from autograd.errors import ArgumentError, GradientCheckError, RuleError
from autograd.jacobians import jacobian
from autograd.transforms import vjp
from autograd.value import Value, data_of

__all__ = ["check_gradients"]

NOT_FINITE = "The function is not finite around this point, so nothing can be measured: check at another one."
ROUNDING = 16.0 * float(np.finfo(np.float64).eps)
STEPS = 10  # central differences at h, h/1.6, …, combined, at most
ENOUGH = 0.01  # of the tolerance: an uncertainty that is no smaller changes nothing


class Entry(NamedTuple):
    """One wrong entry of a Jacobian."""

    name: str
    recorded: float
    measured: float
    uncertainty: float
    note: str = ""

    def __str__(self) -> str:
        return (
            f"{self.name}: recorded {self.recorded:.8g}, measured {self.measured:.8g} ± {self.uncertainty:.1g}"
            f"{'; ' + self.note if self.note else ''}"
        )


def check_gradients(f: Callable[..., Any], *xs: Any, order: int = 2, rtol: float = 1e-8, worst: int = 5) -> int:
    """Compare every derivative of f(*xs) with differences; raise GradientCheckError if one differs.

    f      function of Values; its result is a number, an array or a container of them
    xs     arguments: numbers, arrays, containers; what is real is checked, in float64, at exactly these values
    order  1 checks the Jacobian; 2 also the Jacobian of one vector-Jacobian product, that is, second derivatives
    rtol   relative difference allowed, beyond the measured uncertainty of the differences
    worst  how many entries the message lists

    Gives the number of entries compared. At a kink (one-sided slopes differ) any slope between the two is right. The
    message says which op's own rule is wrong, or, if none is, that something left the graph. Cost: 10 to 25 calls of f
    per element of xs, so use small arrays.

    >>> check_gradients(lambda x: np.sin(x) * x, np.array([0.5, 2.0]))
    8
    """
    if order not in (1, 2):
        raise ArgumentError(f"check_gradients(order={order!r}): order is 1 or 2")
    count, wrong = _compare(f, xs, rtol)
    stage = "first"
    if not wrong and order == 2:
        more, wrong = _compare(_pulled(f), xs, rtol)
        count += more
        stage = "second"
    if wrong:
        wrong.sort(key=lambda entry: -abs(entry.recorded - entry.measured))
        lines = "\n  ".join(str(entry) for entry in wrong[:worst])
        name = getattr(f, "__name__", repr(f))
        raise GradientCheckError(
            f"{len(wrong)} of {count} {stage} derivatives of {name} are wrong, the worst first:\n  {lines}\n"
            f"{_culprit(f, xs, order, rtol) if np.isfinite([e.uncertainty for e in wrong]).all() else NOT_FINITE}"
        )
    return count


def _pulled(f: Callable[..., Any]) -> Callable[..., Any]:
    """x ↦ gᵀ J(x) for a fixed g without zeros: its Jacobian is a sum of second derivatives with known weights."""

    def pulled(*xs: Any) -> Any:
        out, pullback = vjp(f, *xs)
        rng = np.random.default_rng(7)
        slopes = pullback(tree.map(lambda x: rng.uniform(0.5, 1.5, np.shape(data_of(x)))[()], out))
        return [slope for slope in tree.flatten(slopes)[0] if slope is not None]  # None: a static leaf's

    return pulled


def _compare(f: Callable[..., Any], xs: Any, rtol: float) -> tuple[int, list[Entry]]:
    """(number of entries compared, list of the wrong ones) for the full Jacobian of f at xs."""
    leaves, structure = tree.flatten(tuple(xs))
    names = [_pretty(path) for path in tree.paths(tuple(xs))]
    top = [child == tree.LEAF for child in structure.children for _ in range(child.count)]
    moving = [i for i, (x, alone) in enumerate(zip(leaves, top, strict=True)) if _is_real(x, top=alone)]
    if not moving:
        raise ArgumentError("check_gradients: there is no real number or array among the arguments")
    base = [np.array(data_of(leaves[i]), dtype=np.float64) for i in moving]

    def call(arrays: Any) -> Any:
        full = list(leaves)
        for i, array in zip(moving, arrays, strict=True):
            full[i] = float(array) if array.ndim == 0 else array
        return f, copy.deepcopy(tree.unflatten(structure, full))  # with generators where they were, for each run

    def evaluate(arrays: Any) -> Any:
        function, arguments = call(arrays)
        with no_grad(), np.errstate(all="ignore"):
            result = function(
                *tree.map(lambda x: Value(x) if _is_real(x) and not isinstance(x, Value) else x, arguments)
            )
        return np.concatenate(
            [np.ravel(data_of(x)).astype(np.float64) for x in tree.flatten(result)[0]] or [np.zeros(0)]
        )

    def evaluate_at(i: int, place: tuple[int, ...], t: float) -> Any:
        return evaluate(_moved(base, i, place, t))

    function, arguments = call(base)
    recorded = _recorded_jacobian(function, arguments, moving)
    rounding = ROUNDING * max(
        (np.max(abs(part), initial=0.0, where=np.isfinite(part)) for part in recorded), default=0.0
    )
    wrong, count = [], 0
    for i, array in enumerate(base):
        for place in np.ndindex(array.shape):
            slopes, uncertainty, kink = _measure(partial(evaluate_at, i, place), array[place], rtol)
            for row, (measured, slack) in enumerate(zip(slopes, uncertainty, strict=True)):
                value = recorded[i][(row, *place)]
                count += 1
                low, high = kink[0][row], kink[1][row]
                tolerance = slack + rounding + rtol * max(abs(value), abs(measured))
                if (np.isfinite(slack) and abs(value - measured) <= tolerance) or (
                    abs(high - low) > 1e-3 * max(abs(low), abs(high)) + 10 * slack
                    and min(low, high) - 1e-6 <= value <= max(low, high) + 1e-6
                ):
                    continue
                note = f"a kink: slope {low:.4g} on the left, {high:.4g} on the right" if _differ(low, high) else ""
                note = note if np.isfinite(slack) else "the function is not finite around here"
                name = f"d out[{row}] / d {names[moving[i]]}{list(place) if place else ''}"
                wrong.append(Entry(name, float(value), float(measured), float(slack), note))
    return count, wrong


def _recorded_jacobian(f: Callable[..., Any], arguments: Any, moving: list[int]) -> Any:
    """For each moving leaf the recorded Jacobian, of shape (elements of the result, *shape of the leaf)."""

    def flat(*xs: Any) -> Any:
        parts = [np.reshape(x, (-1,)) for x in tree.flatten(f(*xs))[0]]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    columns = tree.flatten(jacobian(flat, tuple(range(len(arguments))))(*arguments))[0]
    return [np.asarray(data_of(columns[i])) for i in moving]


def _moved(base: list[Any], i: Any, place: tuple[int, ...], t: Any) -> Any:
    arrays = list(base)
    arrays[i] = base[i].copy()
    arrays[i][place] = t
    return arrays


def _measure(f: Callable[..., Any], x: Any, rtol: float) -> Any:
    """(slope, uncertainty, (left slope, right slope)) of a vector function of one number.

    Ridders' method from a wide step, which is the most exact; where that is not finite, or not what the one-sided slopes
    say (a kink, a pole or a fast oscillation inside the step), again from narrower ones.
    """
    scale = max(1.0, abs(x))
    centre = f(x)
    noise, h = 4e-16 * np.abs(centre), 1e-7 * scale
    with np.errstate(all="ignore"):
        left, right = (centre - f(x - h)) / h, (f(x + h) - centre) / h
        near = abs(right - left) + 1e-3 * (abs(left) + abs(right)) + 4.0 * noise / h
    best, error, sound = np.zeros_like(centre), np.full_like(centre, np.inf), np.zeros(centre.shape, bool)
    for step in (0.06 * scale, 0.06, 0.01 * abs(x), 1e-4 * scale, 1e-6 * scale):
        if step == 0.0 or sound.all():
            continue
        slope, slack = _ridders(f, x, step, noise, ENOUGH * rtol)
        with np.errstate(all="ignore"):
            good = np.isfinite(slack) & (abs(slope - 0.5 * (left + right)) <= near)
        take = ~sound & (good | (slack < error))
        best, error, sound = np.where(take, slope, best), np.where(take, slack, error), sound | good
    return best, error, (left, right)


def _ridders(f: Callable[..., Any], x: float, h: float, noise: Any, enough: float) -> Any:
    """(slope, uncertainty) from central differences at h, h / 1.6, …, extrapolated to 0, until the relative uncertainty is
    enough or it is rounding's.

    Source: C. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Adv. Eng. Software 4 (1982) 75.
    """
    factor = 1.6
    best, error = np.zeros_like(noise), np.full_like(noise, np.inf)
    previous: list[Any] = []
    for _ in range(STEPS):
        with np.errstate(all="ignore"):
            row = [(f(x + h) - f(x - h)) / (2.0 * h)]
            power = factor**2
            for old in previous:
                row.append((row[-1] * power - old) / (power - 1.0))
                power *= factor**2
            for level in range(1, len(row)):
                gap = np.maximum(abs(row[level] - row[level - 1]), abs(row[level] - previous[level - 1])) + noise / h
                better = gap < error
                best, error = np.where(better, row[level], best), np.where(better, gap, error)
            floor = np.maximum(3.0 * noise / h, 1e-12 * np.max(abs(best), initial=0.0))
            if np.all(error <= np.maximum(enough * abs(best), floor)):
                break
        previous = row
        h /= factor
    return best, 4.0 * error


def _differ(low: float, high: float) -> bool:
    return abs(high - low) > 1e-3 * max(abs(low), abs(high), 1e-3)


def _culprit(f: Callable[..., Any], xs: Any, order: int, rtol: float) -> str:
    """One sentence: the op in the graph of f(*xs) whose own rule is wrong, or that none is."""
    leaves, structure = tree.flatten(tuple(xs))
    wrapped = [Value(np.array(data_of(x), dtype=np.float64)) if _is_real(x, top=True) else x for x in leaves]
    with context(recording=True):
        result = f(*tree.unflatten(structure, wrapped))
    nodes = interior([x for x in tree.flatten(result)[0] if isinstance(x, Value)])
    seen = set()
    for node in reversed(nodes):
        kind = (node.primitive, str(node.options), tuple(np.shape(x) for x in node.saved))
        if kind in seen or node.primitive.name == "item":
            continue
        seen.add(kind)
        low = getattr(node.data, "dtype", np.dtype(np.float64))
        if low in (np.float32, np.float16) and all(getattr(x, "dtype", np.float64) == np.float64 for x in node.saved):
            return f"The error enters at op {node.op!r}: it computes in {low} though its operands are float64."
        places = [i for i, x in enumerate(node.operands) if isinstance(x, Value)]

        def alone(*moving: list[int], node: Value = node, places: Any = places) -> Any:
            operands = list(node.saved)
            for i, x in zip(places, moving, strict=True):
                operands[i] = x
            return node.primitive.apply(tuple(operands), node.options)

        try:
            for level in range(1, order + 1):
                _, wrong = _compare(alone if level == 1 else _pulled(alone), [node.saved[i] for i in places], rtol)
                if wrong:
                    which = "derivative rule" if level == 1 else "rule, differentiated again,"
                    return f"The error enters at op {node.op!r}: its own {which} is wrong: {wrong[0]}"
        except RuleError as mistake:
            return f"The error enters at op {node.op!r}: {mistake}"
    return (
        "Every op's own rule is right, so something left the graph: v.data, float(v), or a plain array computed from an "
        "input."
    )


def _is_real(x: Any, top: bool = False) -> bool:
    if isinstance(x, Value):
        x = x.data
    if isinstance(x, bool) or not isinstance(x, (int, float, np.ndarray, np.generic)):
        return False
    return np.result_type(x).kind in ("fiu" if top else "f")


def _pretty(path: str) -> str:
    first, _, rest = path.partition(".")
    return f"x{first}" + (f".{rest}" if rest else "")
