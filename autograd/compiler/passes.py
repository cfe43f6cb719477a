"""Passes: a Program in, a smaller Program out that computes the same.

Each looks at steps and names only, and is tested alone on programs of a few steps. They run in the order of PASSES.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.compiler.program import Program, Step, Variable, rebuild, variables

__all__ = ["PASSES", "common", "dead", "optimized", "simple"]


def dead(program: Program) -> Program:
    """Drop steps whose results nothing needs; draws from a generator stay, or later ones would draw other numbers."""
    needed = set(variables(list(program.outputs)))
    kept: list[Step] = []
    for step in reversed(program.steps):
        if not step.pure or not needed.isdisjoint(step.results):
            kept.append(step)
            needed.update(step.reads())
    return program.but(steps=kept[::-1])


def common(program: Program) -> Program:
    """Compute once what is computed twice: the same op on the same variables with the same options."""
    first: dict[Any, Step] = {}
    renamed: dict[Variable, Variable] = {}

    def new(variable: Variable) -> Variable:
        return renamed.get(variable, variable)

    steps = []
    for step in program.steps:
        step = step.but(operands=rebuild(step.operands, new), options=rebuild(step.options, new))
        key = (id(step.op), _key(step.operands), _key(step.options))
        if step.pure and key in first:
            renamed.update(zip(step.results, first[key].results, strict=True))
            continue
        first[key] = step
        steps.append(step)
    return program.but(steps=steps, outputs=[rebuild(out, new) for out in program.outputs])


def _key(tree: Any) -> Any:
    """Something hashable that is equal for operands and options that mean the same."""
    if type(tree) in (tuple, list):
        return (type(tree), *map(_key, tree))
    if type(tree) is dict:
        return tuple((name, _key(part)) for name, part in sorted(tree.items()))
    if type(tree) is slice:
        return (slice, _key(tree.start), _key(tree.stop), _key(tree.step))
    if isinstance(tree, (bool, int, float, complex, str, bytes, type(None), np.dtype, type)):
        return (type(tree), repr(tree) if isinstance(tree, float) else tree)  # 0.0 == −0.0, and NaN is not NaN
    return id(tree)


def simple(program: Program) -> Program:
    """Algebra that changes no bit: x · 1 is x, a transposed transpose is x, x^2 and x^3 are products."""
    renamed: dict[Variable, Any] = {}
    made: dict[Variable, Step] = {}
    steps: list[Step] = []
    for step in program.steps:
        step = step.but(
            operands=rebuild(step.operands, lambda x: renamed.get(x, x)),
            options=rebuild(step.options, lambda x: renamed.get(x, x)),
        )
        out = step.results[0]
        same = _same(step, made)
        if same is not None and len(step.results) == 1 and (same.shape, same.dtype) == (out.shape, out.dtype):
            renamed[out] = same
            continue
        made[out] = step
        steps.append(step)
    return program.but(steps=steps, outputs=[rebuild(out, lambda x: renamed.get(x, x)) for out in program.outputs])


def _same(step: Step, made: dict[Variable, Step]) -> Any:
    """The variable that a step's result equals bit for bit, None if it computes something."""
    if step.name in ("multiply", "divide") and len(step.operands) == 2:
        x, y = step.operands
        if isinstance(x, Variable) and type(y) is float and y == 1.0:
            return x
        if step.name == "multiply" and isinstance(y, Variable) and type(x) is float and x == 1.0:
            return y
    if step.name == "transpose" and step.options.get("axes") is None:
        inner = made.get(step.operands[0]) if isinstance(step.operands[0], Variable) else None
        if inner is not None and inner.name == "transpose" and inner.options.get("axes") is None:
            return inner.operands[0]
    return None


PASSES: tuple[Callable[[Program], Program], ...] = (dead, simple, common, dead)


def optimized(program: Program) -> list[Program]:
    """The program before and after each pass."""
    stages = [program]
    for change in PASSES:
        stages.append(change(stages[-1]))
    return stages
