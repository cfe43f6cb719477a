"""fused: elementwise steps and the sums around them become one loop of machine code.

A NumPy call passes over its arrays once and costs a quarter of a microsecond besides; a training step of a small model is
a hundred of them. Steps over arrays of one shape are collected as `looped` does it, but into a `Fused` op, whose body is
compiled to one loop in which what one step makes stays in a register for the next. Sums and maxima over the last axes are
done row by row, and the same loop goes on with them (a softmax, a layer norm); other sums are added up on the way.

straight: steps on single numbers, one after the other, become such an op too, without a loop.
"""

from math import prod
from typing import Any

import numpy as np

from autograd.compiler.elementary import OPS
from autograd.compiler.loops import Grouping, in_order
from autograd.compiler.program import Program, Step, Variable, evaluate, variables

__all__ = ["COMPARISONS", "Fused", "fused", "reduced", "straight"]

KINDS = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(bool))
POWERS = (2, 3, 4, -1)
LONGEST = 1 << 16  # numbers that one sum in the precision of its terms may have
ROW = 1 << 12  # numbers of a row that is kept for a second pass over it
WORTH = 24  # steps on numbers from which on a call of machine code costs less than they do
HEAVIEST = 300  # steps in one loop: LLVM takes longer for each the more there are
FURTHEST = 4000  # steps in one function without a loop
LONG = {"exp": 8, "log": 8, "tanh": 8}  # steps that are as many instructions as several
AFTER = {"getitem", "take", "scatter_add", "reshape", "piece", "sum", "transpose"}  # may wait until a loop is done


class Fused:
    """The op of a loop of machine code: results = body(operands), an input of the body for each operand.

    shape   of the arrays that the loop goes over
    axes    how many of the last ones rows are reduced over
    tables  inputs of the body from which numbers are taken at any place
    """

    name = "fused"

    def __init__(self, body: Program, shape: tuple[int, ...], axes: int) -> None:
        self.body, self.shape, self.axes = body, shape, axes
        self.maker = {out: step for step in body.steps for out in step.results}
        self.tables = {step.operands[0] for step in body.steps if step.name == "take"}

    def __call__(self, *operands: Any) -> tuple[Any, ...]:
        return tuple(evaluate(self.body, operands))

    def added(self, x: Variable) -> bool:
        """Whether a result is added up over the whole loop."""
        step = self.maker[x]
        return step.name == "sum" and (not self.axes or reduced(step) != self.last)

    def whole(self, x: Variable) -> bool:
        """Whether a variable of the body has a number for each place."""
        return x.shape == self.shape

    @property
    def last(self) -> tuple[int, ...]:
        """The axes of a row."""
        return tuple(range(len(self.shape) - self.axes, len(self.shape)))

    def keeps(self, operand: Variable, result: Variable) -> bool:
        """Whether a result may be written where an operand lies: nothing reads that after it."""
        whole = operand.shape == result.shape == self.shape and operand not in self.tables
        return whole and in_order(self.body, operand, result)


def reduced(step: Step) -> tuple[int, ...]:
    """The axes that a reduction goes over."""
    n = len(step.operands[0].shape)
    axis = step.options.get("axis")
    axes = range(n) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(sorted(i % n for i in axes))


def fused(program: Program) -> Program:
    """The program with steps over one shape in loops of machine code."""
    return _Fusing(program).grouped(_sums_first(program))


def _sums_first(program: Program) -> list[Step]:
    """The steps with each sum right after what it sums, so that one loop can make both."""
    made = {x for step in program.steps for x in step.results}
    sums: dict[Variable, list[Step]] = {}
    for step in program.steps:
        if step.name == "sum" and not step.elementwise and len(step.operands) == 1 and step.operands[0] in made:
            sums.setdefault(step.operands[0], []).append(step)
    steps: list[Step] = []

    def put(step: Step) -> None:
        steps.append(step)
        for x in step.results:
            for later in sums.get(x, ()):
                put(later)

    moved = {id(step) for group in sums.values() for step in group}
    for step in program.steps:
        if id(step) not in moved:
            put(step)
    return steps


class _Weighed(Grouping):
    """A chain that becomes machine code."""

    def weight(self) -> int:
        """How many instructions it is, roughly."""
        return len(self.chain) + sum(LONG.get(step.name, 0) for step in self.chain)


class _Fusing(_Weighed):
    """The loop that is being collected."""

    axes = 0

    def close(self) -> None:
        super().close()
        self.axes = 0

    def begins(self, step: Step) -> bool:
        out = step.results[0]
        known = step.name in OPS or step.name == "take"
        return known and len(step.results) == 1 and bool(out.shape) and 0 not in out.shape

    def waits(self, step: Step) -> bool:
        """Whether a step that needs the chain's results can be done after it."""
        light = all(not out.shape for out in step.results) or step.name in AFTER
        return light and step.pure

    def rows(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The two shapes of what has one number for each row."""
        kept = self.shape[: len(self.shape) - self.axes]
        return (*kept, *[1] * self.axes), kept

    def joins(self, step: Step) -> bool:
        out = step.results[0]
        if (
            len(step.results) > 1
            or not step.pure
            or out.dtype not in KINDS
            or any(True for _ in variables(step.options))
            or self.weight() > HEAVIEST
        ):
            return False
        late = {x for later in self.after for x in later.results}
        if any(x in late or (x in self.made and self.total(x)) for x in step.reads()):
            return False
        if step.name in ("sum", "max", "min") and not step.elementwise:
            return self.reduces(step)
        if step.name == "take":
            return self.takes(step)
        if step.name == "broadcast_to":
            return out.shape == self.shape and step.operands[0] in self.made
        if not written(step) or not out.shape:
            return False
        if out.shape != self.shape:
            return bool(self.axes) and out.shape in self.rows() and self.of_rows(step)
        return all(self.fits(x) for x in step.operands)

    def of_rows(self, step: Step) -> bool:
        """Whether a step goes on with results that a row has one of; what comes from outside keeps the axes."""
        out = step.results[0]
        inside = {id(x) for x in step.reads() if x in self.made}
        return bool(inside) and all(
            x.shape == out.shape and (id(x) in inside or out.shape == self.rows()[0])
            for x in step.operands
            if getattr(x, "shape", ())
        )

    def takes(self, step: Step) -> bool:
        """Whether a step takes numbers of an array that is there, at places that are known."""
        if len(step.operands) != 2 or step.options:
            return False
        table, index = step.operands
        plain = isinstance(table, Variable) and len(table.shape) == 1 and table.dtype in KINDS
        if not plain or step.results[0].shape != self.shape or table in self.made:
            return False
        known = isinstance(index, np.ndarray) and index.dtype == np.int64 and index.shape == self.shape
        beside = any(table in other.operands for other in self.chain if other.name != "take")
        return known and not beside and index.min() >= 0 and index.max() < table.shape[0]

    def fits(self, x: Any) -> bool:
        """Whether an operand can be read at each place."""
        if isinstance(x, Variable) and x in self.made:
            return x.shape in (self.shape, self.rows()[0])
        if any(x is other.operands[0] for other in self.chain if other.name == "take"):
            return False
        if getattr(x, "dtype", None) is not None and x.dtype not in KINDS:
            return False
        return isinstance(x, (Variable, np.ndarray, int, float, np.floating))

    def total(self, x: Variable) -> bool:
        """Whether something is known only when the loop is done."""
        step = self.made[x]
        return step.name == "sum" and not step.elementwise and (not self.axes or reduced(step) != self.last())

    def last(self) -> tuple[int, ...]:
        return tuple(range(len(self.shape) - self.axes, len(self.shape)))

    def reduces(self, step: Step) -> bool:
        x, out = step.operands[0], step.results[0]
        given = {name for name, option in step.options.items() if option is not None} - {"axis", "keepdims"}
        if not isinstance(x, Variable) or x not in self.made or x.shape != self.shape or len(step.operands) > 1:
            return False
        if given - ({"initial"} if step.options.get("initial") == -np.inf else set()) or out.dtype != x.dtype:
            return False
        if x.dtype == bool:
            return False
        axes = reduced(step)
        n = len(self.shape)
        count = prod(self.shape[i] for i in axes)
        if count < 2 or (count > LONGEST and len(axes) < n):
            return False
        if axes == tuple(range(n - len(axes), n)) and 0 < len(axes) < n and count <= ROW:
            sums = not self.axes and any(self.total(y) for y in self.made)  # would turn into sums of rows
            if self.axes in (0, len(axes)) and not sums:
                self.axes = len(axes)
                return True
        return step.name == "sum"

    def worth(self, chain: list[Step]) -> bool:
        if any(step.name == "take" for step in chain):
            return len(chain) > 1
        return sum(step.name in OPS or step.name == "power" for step in chain) > 1

    def op(self, body: Program) -> Any:
        return Fused(body, self.shape, self.axes)


def written(step: Step) -> bool:
    """Whether an elementwise step has instructions, for operands of these kinds."""
    power = step.name == "power" and isinstance(step.operands[1], (int, float)) and step.operands[1] in POWERS
    if not (step.name in OPS or step.name == "where" or power) or step.options or not step.elementwise:
        return False
    dtypes = [x.dtype for x in step.operands if getattr(x, "dtype", None) is not None]
    out = step.results[0]
    if not dtypes or not all(x in KINDS for x in dtypes):
        return False
    if step.name in COMPARISONS:
        return any(x != KINDS[2] for x in dtypes) and bool(out.dtype == KINDS[2])
    return bool(out.dtype != KINDS[2])


def straight(program: Program) -> Program:
    """The program with steps on numbers that follow each other in functions of machine code."""
    return _Straight(program).grouped(program.steps)


class _Straight(_Weighed):
    """The row of steps on numbers that is being collected."""

    def begins(self, step: Step) -> bool:
        return not step.results[0].shape

    def joins(self, step: Step) -> bool:
        out = step.results[0]
        power = step.name == "power" and isinstance(step.operands[1], (int, float)) and step.operands[1] in POWERS
        known = step.name in OPS or step.name == "where" or power
        if not known or step.options or len(step.results) > 1 or self.weight() > FURTHEST:
            return False
        return number(out) and all(
            number(x) if isinstance(x, Variable) else type(x) in (int, float) for x in step.operands
        )

    def waits(self, step: Step) -> bool:
        return False

    def worth(self, chain: list[Step]) -> bool:
        return len(chain) >= WORTH

    def op(self, body: Program) -> Any:
        return Fused(body, (), 0)


def number(x: Variable) -> bool:
    """Whether a variable is a Python float, or the truth of a comparison."""
    return not x.shape and (x.dtype is None or x.dtype == bool)


COMPARISONS = {"greater", "less", "greater_equal", "less_equal", "equal", "not_equal"}
