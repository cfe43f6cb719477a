"""Arrays that are put together of parts, none of which is copied: each is computed at its place in the whole.

pack      parts one after the other in a flat array: gradients that are updated together
joined    parts at indices of the whole: what was concatenated or stacked, the gradients of a pool's windows
arranged  one part, seen with its axes in another order and then in another shape: the heads of attention side by side

The plan puts a part at its place, if it is ours, and if its op writes as fast there; else the part is copied. Without
this, NumPy makes a new array for each concatenation, and for each reshape of a transposed array.
"""

from math import prod
from typing import Any

import numpy as np

from autograd.compiler.program import Program, Step, Variable, readers

__all__ = ["ASSEMBLED", "arranged", "assembled", "pack", "parts", "piece", "joined"]


def pack(*arrays: Any) -> Any:
    """The numbers of all arrays, one after the other."""
    return np.concatenate([np.reshape(x, -1) for x in arrays])


def piece(flat: Any, start: int, shape: tuple[int, ...]) -> Any:
    """The array of this shape whose numbers begin at `start`."""
    return flat[start : start + prod(shape)].reshape(shape)


def joined(*parts: Any, indices: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """The array of this shape with each part at its index; together they fill it."""
    out = np.empty(shape, parts[0].dtype)
    for index, part in zip(indices, parts, strict=True):
        out[index] = part
    return out


def arranged(x: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """x with its axes in this order, in this shape."""
    return np.reshape(np.transpose(x, axes), shape)


ASSEMBLED = (pack, joined, arranged)
TURNING = ("transpose", "swapaxes", "moveaxis")


def parts(step: Step, whole: Any) -> list[tuple[Any, Any]]:
    """[(operand, its place in the whole)] of an array that is put together: views, if arranged axes allow one."""
    if step.op is joined:
        return [(x, whole[index]) for x, index in zip(step.operands, step.options["indices"], strict=True)]
    if step.op is arranged:
        (x,), axes = step.operands, step.options["axes"]
        return [(x, whole.reshape([x.shape[i] for i in axes]).transpose(np.argsort(axes)))]
    starts = np.cumsum([0, *(prod(x.shape) for x in step.operands)]).tolist()
    return [(x, piece(whole, start, x.shape)) for x, start in zip(step.operands, starts, strict=False)]


def assembled(program: Program) -> Program:
    """The program with concatenations, stacks, and reshapes of transposed arrays as what is put together of parts."""
    if not any(step.name in ("concatenate", "stack", "reshape") for step in program.steps):
        return program
    made = {x: step for step in program.steps for x in step.results}
    users = readers(program)

    def turned(x: Any) -> tuple[Any, list[int]]:
        """(y, axes) of transpose(y, axes), which x alone is made by and nothing else needs."""
        turn = made.get(x) if isinstance(x, Variable) and len(users[x]) == 1 else None
        if turn is None or turn.name not in TURNING or not isinstance(turn.operands[0], Variable):
            return x, list(range(len(np.shape(x))))
        y, inner = turned(turn.operands[0])
        numbered = np.broadcast_to(np.empty((), bool), tuple(range(1, len(y.shape) + 1)))
        return y, [inner[length - 1] for length in turn.compute(numbered, **turn.options).shape]

    steps = []
    for step in program.steps:
        new = _joined(step) if step.name in ("concatenate", "stack") else None
        if step.name == "reshape":
            new = _arranged(step, *turned(step.operands[0]))
        steps.append(new or step)
    return program.but(steps=steps)


def _joined(step: Step) -> Step | None:
    """A concatenation or a stack of arrays of one dtype along one axis."""
    (out,), axis, n = step.results, step.options.get("axis", 0), len(step.results[0].shape)
    arrays = all(isinstance(x, (Variable, np.ndarray)) and x.dtype == out.dtype for x in step.operands)
    if not arrays or step.options.keys() - {"axis"} or not isinstance(axis, int):
        return None
    before, start, indices, whole = (slice(None),) * (axis % n), 0, [], step.name == "concatenate"
    for x in step.operands:
        stop = start + (x.shape[axis % n] if whole else 1)
        indices.append((*before, slice(start, stop) if whole else start, ...))
        start = stop
    return step.but(op=joined, options={"indices": tuple(indices), "shape": out.shape})


def _arranged(step: Step, x: Any, axes: list[int]) -> Step | None:
    """The reshape of transpose(x, axes), unless that is a view."""
    long = [i for i in axes if np.shape(x)[i] > 1]
    if step.options.get("order", "C") != "C" or long == sorted(long) or not step.results[0].nbytes:
        return None
    return step.but(op=arranged, operands=(x,), options={"axes": tuple(axes), "shape": step.results[0].shape})
