"""pooled: a pool of windows that lie side by side is a few elementwise steps on strided views of its operand.

As one op, a pool costs a pass of NumPy over each position in the window, in rows of a dozen numbers. As steps on the views
x[:, :, i::2, j::2] it becomes one loop of machine code, and its gradient another, whose results lie in each other's gaps:
`joined` is the array that they make, and none of them is copied into it.

pooled_first: a relu before a pool is done after it, on a quarter of the numbers for windows of 2 × 2. The largest of
rectified numbers is the rectified largest; and in a window whose largest is above 0 it is the same number's, while in
others nothing is passed back.
"""

import itertools
from typing import Any

import numpy as np

from autograd.compiler.assemble import joined
from autograd.compiler.program import Program, Step, Steps, Variable, alike, readers, rewrite
from autograd.primitives import registry

__all__ = ["pooled", "pooled_first"]

POSITIONS = 9  # in a window, up to which a loop has an operand for each


def pooled(program: Program) -> Program:
    """The program with pools of windows side by side as steps on views."""
    return rewrite(
        program, lambda step, made: RULES[step.name](step) if step.name in RULES and _indices(step) else None
    )


def _indices(step: Step) -> tuple[Any, ...] | None:
    """The index of each position in the windows; None if windows overlap, have gaps or reach beyond the edges."""
    options, x = step.options, step.operands[0 if step.name == "max_pool" else 1]
    lengths = x.shape[2:]

    def each(name: str, other: Any) -> tuple[int, ...]:
        found = options.get(name)
        found = other if found is None else found
        return tuple(found) if isinstance(found, (tuple, list)) else (found,) * len(lengths)

    kernel = each("kernel_size", 1)
    plain = each("stride", kernel) == kernel and not any(each("padding", 0)) and set(each("dilation", 1)) == {1}
    even = all(n % k == 0 and n for n, k in zip(lengths, kernel, strict=True))
    if not plain or not even or np.prod(kernel) > POSITIONS or x.dtype not in (np.float32, np.float64):
        return None
    return tuple(
        (slice(None), slice(None), *(slice(i, None, k) for i, k in zip(place, kernel, strict=True)))
        for place in itertools.product(*map(range, kernel))
    )


class _Windows(Steps):
    """Steps in the place of one on windows."""

    def parts(self, x: Variable, shape: tuple[int, ...]) -> list[Variable]:
        """The views of x at each position in the windows."""
        return [self.then(registry["getitem"], x, shape=shape, index=index) for index in _indices(self.step) or ()]


def _max_pool(step: Step) -> list[Step]:
    steps = _Windows(step)
    first, *others = steps.parts(step.operands[0], step.results[0].shape)
    for part in others:
        first = steps.then(np.maximum, first, part)
    return steps.ended() if others else []


def _max_pool_input(step: Step) -> list[Step]:
    """Each window's cotangent goes where its largest number was, shared equally among several; NaN counts as largest."""
    (y, x, largest), steps = step.operands, _Windows(step)
    hits, count = [], None
    for part in steps.parts(x, y.shape):
        hit = steps.then(np.equal, part, largest, dtype=np.dtype(bool))
        gone = steps.then(np.not_equal, part, part, dtype=np.dtype(bool))
        one = steps.then(registry["where"], gone, 1.0, 0.0, dtype=y.dtype)
        hits.append(steps.then(registry["where"], hit, 1.0, one, dtype=y.dtype))
        count = hits[-1] if count is None else steps.then(np.add, count, hits[-1])
    share = steps.then(np.divide, y, count)
    steps.then(joined, *[steps.then(np.multiply, share, hit) for hit in hits], indices=_indices(step), shape=x.shape)
    return steps.ended()


RULES = {"max_pool": _max_pool, "max_pool_input": _max_pool_input}


def pooled_first(program: Program) -> Program:
    """The program with each relu that only a pool needs, forward and backward, after the pool."""
    found: dict[Variable, list[Any]] = readers(program)
    new: dict[Step, list[Step]] = {}
    for step in program.steps:
        if step.name == "relu" and isinstance(step.operands[0], Variable):
            new.update(_swapped(step, found) or {})
    steps = [part for step in program.steps for part in new.get(step, [step])]
    return program.but(steps=steps) if new else program


def _swapped(relu: Step, found: dict[Variable, list[Any]]) -> dict[Step, list[Step]] | None:
    """What comes in the place of the relu, the pool after it, and the steps of their gradients; None if others need it."""
    (x,), (m,), users = relu.operands, relu.results, found.get(relu.results[0], [])
    pools, backs, masks = ([step for step in users if step is not None and step.name == name]
                           for name in ("max_pool", "max_pool_input", "greater"))  # fmt: skip
    if len(pools) != 1 or len(backs) > 1 or len(masks) != len(backs) or len(users) != 1 + 2 * len(backs):
        return None
    (pool,) = pools
    (out,), largest = pool.results, Variable(pool.results[0].shape, x.dtype)
    new = {relu: [], pool: [pool.but(operands=(x,), results=(largest,)), relu.but(operands=(largest,), results=(out,))]}
    for back, mask in zip(backs, masks, strict=True):
        (end, *others), y = found.get(back.results[0], [None]), back.operands[0]
        alone = not others and end is not None and end.name == "multiply" and found.get(mask.results[0]) == [end]
        fits = back.operands[1:] == (m, out) and alike(back.options, pool.options) and alike(mask.operands, (m, 0.0))
        if not alone or not fits:
            return None
        above, through = Variable(out.shape, mask.results[0].dtype), Variable(y.shape, y.dtype)
        new |= {back: [], mask: [], end: [
            mask.but(operands=(out, 0.0), results=(above,)), end.but(operands=(y, above), results=(through,)),
            back.but(operands=(through, x, largest), results=end.results),
        ]}  # fmt: skip
    return new
