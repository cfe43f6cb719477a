"""lowered: each step in the form that NumPy runs fastest.

Measured in float32 on arrays of notebook size: a sum over rows or columns as a product with ones takes half the time of
`sum`, a row maximum over the transposed array a twentieth, gathering by one flat index a third of indexing by two arrays,
and a product of a stack of matrices with one matrix is one of all rows. None of these changes more than the rounding.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from autograd.compiler.program import Program, Step, Steps, Variable, alike, readers, rewrite, variables

__all__ = ["gathered", "lowered", "placed"]

LONGEST = 1 << 16  # numbers that one product with ones may sum: `sum` adds in pairs and is more exact on long arrays
MANY_ROWS = 16  # fewer are not worth a transposed maximum

Rule = Callable[[Step, dict[Variable, Step], "_Work"], Any]


def placed(x: Any, shape: tuple[int, ...], index: Any) -> Any:
    """Zeros of a shape with x at the index, which names no place twice."""
    out = np.zeros(shape, x.dtype)
    out[index] = x
    return out


def lowered(program: Program) -> Program:
    """The program with every step in its fastest form."""
    work = _Work(program)

    def rule(step: Step, made: dict[Variable, Step]) -> Any:
        found = RULES.get(step.name)
        return found(step, made, work) if found and len(step.results) == 1 else None

    return rewrite(program, rule)


def gathered(program: Program) -> Program:
    """The program with each index of constant arrays as one of flat places, which a loop can read."""
    return rewrite(program, lambda step, made: _taken(step) if step.name == "getitem" else None)


class _Work:
    """What rules share: arrays of ones, made once, and who reads what."""

    def __init__(self, program: Program) -> None:
        self.ones_known: dict[Any, Any] = {}
        self.readers = readers(program)

    def ones(self, count: int, dtype: Any) -> Any:
        """The one array of so many ones."""
        return self.ones_known.setdefault((count, dtype), np.ones(count, dtype))


def _reshaped(steps: Steps, x: Variable, shape: tuple[int, ...]) -> Variable:
    return x if x.shape == shape else steps.then(np.reshape, x, shape, shape=shape)


def _axes(step: Step) -> tuple[int, ...] | None:
    """The axes that a plain reduction of floats goes over; None if it is anything else."""
    x = step.operands[0]
    given = [name for name, option in step.options.items() if name not in ("axis", "keepdims") and option is not None
             and not (step.name == "max" and name == "initial" and option == -np.inf)]  # fmt: skip
    if given or len(step.operands) != 1 or not isinstance(x, Variable) or not x.shape or x.dtype is None:
        return None
    if x.dtype not in (np.float32, np.float64) or step.results[0].dtype != x.dtype or 0 in x.shape:
        return None
    axis = step.options.get("axis")
    axes = range(len(x.shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(sorted(i % len(x.shape) for i in axes))


def _sum(step: Step, made: dict[Variable, Step], work: _Work) -> Any:
    axes, steps = _axes(step), Steps(step)
    if not axes:
        return None
    x: Variable = step.operands[0]
    n, total = len(x.shape), prod(x.shape[i] for i in axes)
    if total > LONGEST or (total < 3 and len(axes) < n):
        return None
    if len(axes) == n:
        pair = _factors(made.get(x)) if len(work.readers.get(x, ())) == 1 else None
        flats = [_reshaped(steps, y, (total,)) for y in pair or (x,)]
        out = steps.then(np.dot, *(flats if pair else (work.ones(total, x.dtype), *flats)), shape=())
    elif axes == tuple(range(len(axes))):
        wide = _reshaped(steps, x, (total, prod(x.shape) // total))
        out = steps.then(np.dot, work.ones(total, x.dtype), wide, shape=wide.shape[1:])
    elif axes == tuple(range(n - len(axes), n)):
        wide = _reshaped(steps, x, (prod(x.shape) // total, total))
        out = steps.then(np.dot, wide, work.ones(total, x.dtype), shape=wide.shape[:1])
    else:
        return None
    _reshaped(steps, out, step.results[0].shape)
    return steps.ended()


def _factors(step: Step | None) -> tuple[Variable, Variable] | None:
    """The two arrays whose product a step computes, of its shape and dtype."""
    operands = step.operands if step is not None else ()
    if step is None or step.name not in ("multiply", "power", "square") or not isinstance(operands[0], Variable):
        return None
    x, y = operands if step.name == "multiply" else (operands[0], operands[0])
    if step.name == "power" and not alike(operands[1], 2.0):
        return None
    form = (step.results[0].shape, step.results[0].dtype)
    return (x, y) if all(isinstance(z, Variable) and (z.shape, z.dtype) == form for z in (x, y)) else None


def _extreme(step: Step, made: dict[Variable, Step], work: _Work) -> Any:
    axes, steps = _axes(step), Steps(step)
    x = step.operands[0]
    if not axes or axes != (len(x.shape) - 1,) or prod(x.shape[:-1]) < max(MANY_ROWS, x.shape[-1] // 4):
        return None
    wide = _reshaped(steps, x, (prod(x.shape[:-1]), x.shape[-1]))
    turned = steps.then(np.transpose, wide, shape=wide.shape[::-1])
    out = steps.then(step.op, turned, shape=wide.shape[:1], axis=0)
    _reshaped(steps, out, step.results[0].shape)
    return steps.ended()


def _taken(step: Step) -> Any:
    x, index, steps = step.operands[0], step.options.get("index"), Steps(step)
    if not isinstance(x, Variable) or not x.shape or any(True for _ in variables(index)):
        return None
    if not any(isinstance(part, np.ndarray) for part in (index if type(index) is tuple else (index,))):
        return None
    places = np.arange(prod(x.shape)).reshape(x.shape)[index]
    flat = _reshaped(steps, x, (prod(x.shape),))
    steps.then(np.take, flat, places, shape=step.results[0].shape)
    return steps.ended()


def _scatter(step: Step, made: dict[Variable, Step], work: _Work) -> Any:
    x, shape, index = step.operands[0], tuple(step.options.get("shape") or ()), step.options.get("index")
    if not isinstance(x, Variable) or x.dtype is None or set(step.options) != {"shape", "index"}:
        return None
    if any(True for _ in variables((shape, index))) or step.results[0].shape != shape:
        return None
    places = np.arange(prod(shape)).reshape(shape)[index]
    if places.shape != x.shape or len(np.unique(places)) < places.size:
        return None
    if places.size == prod(shape) and np.array_equal(places.ravel(), np.arange(places.size)):
        return [step.but(op=np.reshape, operands=(x, shape), options={})]
    return [step.but(op=placed, options={"shape": shape, "index": index})]


def _matmul(step: Step, made: dict[Variable, Step], work: _Work) -> Any:
    """A stack of matrices times one matrix as one product."""
    x, y = step.operands
    if len(getattr(x, "shape", ())) < 3 or len(getattr(y, "shape", ())) != 2 or x.dtype != y.dtype:
        return None
    if isinstance(x, np.ndarray) or (x in made and made[x].name in ("transpose", "swapaxes", "broadcast_to")):
        return None
    steps = Steps(step)
    wide = _reshaped(steps, x, (prod(x.shape[:-1]), x.shape[-1]))
    out = steps.then(np.dot, wide, y, shape=(wide.shape[0], y.shape[1]))
    _reshaped(steps, out, step.results[0].shape)
    return steps.ended()


def _relu(step: Step, made: dict[Variable, Step], work: _Work) -> Any:
    x = step.operands[0]
    plain = isinstance(x, Variable) and x.shape and x.dtype is not None and not step.options
    return [step.but(op=np.maximum, operands=(x, 0.0))] if plain else None


RULES: dict[str, Rule] = {
    "sum": _sum, "max": _extreme, "min": _extreme, "getitem": lambda step, made, work: _taken(step),
    "scatter_add": _scatter, "matmul": _matmul, "relu": _relu,
}  # fmt: skip
