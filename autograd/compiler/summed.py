"""summed: a sum of products is one product of longer matrices, A₁ B₁ + A₂ B₂ + … = [A₁ A₂ …] [B₁; B₂; …].

A weight that is used at each step of a sequence has a gradient from each, a product of small matrices, and they are added
up: two calls a step, which cost more than the numbers. The factors lie side by side from the start (see assemble), so
that one product of long matrices remains; sums over rows, the gradients of a bias, likewise.
"""

from typing import Any

import numpy as np

from autograd.compiler.program import Program, Step, Steps, Variable, key, readers
from autograd.primitives import registry

__all__ = ["summed"]

FEWEST = 4  # products that are worth it
LARGEST = 1 << 16  # bytes of a factor, from which on a call costs little beside what it computes


def summed(program: Program) -> Program:
    """The program with sums of many small products as one product each, and sums of sums over rows likewise."""
    if sum(map(_adds, program.steps)) < FEWEST - 1:
        return program
    users = readers(program)
    made = {x: step for step in program.steps for x in step.results}
    place = {x: i for i, x in enumerate(made)}

    def when(step: Step) -> int:
        """When its last factor was made: sums that share those name them in one order, and lie in one array."""
        return max(place.get(x, -1) if isinstance(x, Variable) else -1 for x in _factors(step, made))

    inner = {x for x, step in made.items() if _adds(step) and [_adds(user) for user in users.get(x, ())] == [True]}
    gone: set[Step] = set()
    new: dict[Step, list[Step]] = {}
    for step in program.steps:
        if _adds(step) and step.results[0] not in inner:
            adds, terms = _terms(step, made, inner)
            groups: dict[Any, list[Variable]] = {}
            for x in terms:
                maker = made.get(x)
                alone = len(users[x]) == 1 and maker is not None
                groups.setdefault(_form(maker, made) if alone else None, []).append(x)
            many = {form: xs for form, xs in groups.items() if form is not None and len(xs) >= FEWEST}
            if many:
                gone |= {*adds, *(made[x] for xs in many.values() for x in xs)}
                rest = [x for form, xs in groups.items() if form not in many for x in xs]
                new[step] = _one(step, [sorted((made[x] for x in xs), key=when) for xs in many.values()], rest, made)
    steps = [part for step in program.steps for part in new.get(step, () if step in gone else (step,))]
    return program.but(steps=steps) if new else program


def _adds(step: Step | None) -> bool:
    """Whether a step adds two arrays of its result's form."""
    if step is None or step.name != "add" or step.options:
        return False
    (out,) = step.results
    form = (out.shape, out.dtype)
    return bool(out.shape) and all(isinstance(x, Variable) and (x.shape, x.dtype) == form for x in step.operands)


def _terms(step: Step, made: dict[Variable, Step], inner: set[Variable]) -> tuple[list[Step], list[Variable]]:
    """The additions that lead to a step's result, and what they add up, from the first."""
    adds, terms, todo = [], [], [step.results[0]]
    while todo:
        x = todo.pop()
        if x in inner or x is step.results[0]:
            adds.append(made[x])
            todo += made[x].operands[::-1]
        else:
            terms.append(x)
    return adds, terms


def _form(step: Step | None, made: dict[Variable, Step]) -> Any:
    """What products, or sums over rows, have in common that can be one; None for any other step."""
    if step is None or len(step.results) > 1 or not all(isinstance(x, (Variable, np.ndarray)) for x in step.operands):
        return None
    plain = all(len(x.shape) == 2 and x.dtype == step.results[0].dtype and x.nbytes <= LARGEST for x in step.operands)
    if not plain or 0 in (*step.operands[0].shape, *step.results[0].shape):
        return None
    if step.name in ("dot", "matmul") and not step.options:
        return "product", _turned(step.operands[0], made) is not None
    given = {name: option for name, option in step.options.items() if option is not None}
    over_rows = step.name == "sum" and given.get("axis") in (0, (0,)) and given.keys() <= {"axis", "keepdims"}
    return ("sum", key(given)) if over_rows else None


def _turned(x: Any, made: dict[Variable, Step]) -> Any:
    """The array of which x is the transpose; None if it is not known."""
    step = made.get(x) if isinstance(x, Variable) else None
    if isinstance(x, np.ndarray):
        return x.T
    return step.operands[0] if step is not None and step.name == "transpose" and not step.options.get("axes") else None


def _factors(step: Step, made: dict[Variable, Step]) -> list[Any]:
    """What a step reads, with an array in the place of its transpose."""
    turned = [_turned(x, made) for x in step.operands]
    return [x if y is None else y for x, y in zip(step.operands, turned, strict=True)]


def _one(step: Step, groups: list[list[Step]], rest: list[Variable], made: dict[Variable, Step]) -> list[Step]:
    """The steps in the place of an addition: a product for each group, and what is left to be added."""
    steps = Steps(step)

    def beside(arrays: list[Any], axis: int) -> Any:
        """The arrays as one, along an axis."""
        if not any(isinstance(x, Variable) for x in arrays):
            return np.concatenate(arrays, axis)
        shape = list(arrays[0].shape)
        shape[axis] = sum(x.shape[axis] for x in arrays)
        return steps.then(registry["concatenate"], *arrays, shape=tuple(shape), axis=axis)

    for terms in groups:
        first = terms[0]
        if first.name == "sum":
            rest = [*rest, steps.then(first.op, beside([x.operands[0] for x in terms], 0), shape=step.results[0].shape,
                                      **first.options)]  # fmt: skip
            continue
        turned = [_turned(x.operands[0], made) for x in terms]
        left = beside([x.operands[0] for x in terms], 1) if turned[0] is None else beside(turned, 0)
        if turned[0] is not None:
            constant = isinstance(left, np.ndarray)
            left = left.T if constant else steps.then(registry["transpose"], left, shape=left.shape[::-1])
        right = beside([x.operands[1] for x in terms], 0)
        rest = [*rest, steps.then(first.op, left, right, shape=step.results[0].shape)]
    total = rest[0]
    for x in rest[1:]:
        total = steps.then(np.add, total, x)
    return steps.ended()
