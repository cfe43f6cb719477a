"""looped: long elementwise chains run block by block, so that what one step makes is still in the cache for the next.

Steps over arrays of one shape, one after the other, become one step whose op is a `Loop`: a small program that is applied
to blocks along the first axis. On 4 million numbers a chain of ten steps takes half the time in blocks of 128 kB, and
needs no memory for what stays inside. Sums over everything or over the first axis are added up over the blocks; sums and
maxima over other axes stay inside a block.
"""

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

from autograd.compiler.assemble import piece
from autograd.compiler.emit import FILLED, statement
from autograd.compiler.program import Program, Step, Variable, evaluate, readers, rebuild, variables

__all__ = ["TWICE", "Grouping", "Loop", "in_order", "looped"]

WORTH = 1 << 18  # bytes of an array from which on a chain is done in blocks
BLOCK = 1 << 17  # bytes of a block of one array: a handful of them fit the second-level cache
INNER = {"sum", "max", "min"}
TWICE = ("where", "power")  # ops that NumPy does in two statements


class Loop:
    """The op of a chain: a program over whole arrays that may as well run over blocks of them.

    body    its inputs are the operands of the step, its outputs the results
    shape   of the arrays that the chain goes over
    flat    whether all operands and results have that shape or none, so that blocks need not follow the first axis
    """

    name = "loop"

    def __init__(self, body: Program, shape: tuple[int, ...]) -> None:
        self.body, self.shape = body, shape
        self.maker = {out: step for step in body.steps for out in step.results}
        whole = [*body.inputs, *self.maker]
        self.flat = all(x.shape in ((), shape) for x in whole)
        self.flat &= all(step.elementwise or not step.results[0].shape for step in body.steps)  # an axis of 1 is one

    def __call__(self, *operands: Any) -> tuple[Any, ...]:
        return tuple(evaluate(self.body, operands))

    def added(self, out: Variable) -> bool:
        """Whether a result is the sum of what the blocks give."""
        step = self.maker[out]
        return step.name == "sum" and sums_blocks(step, self.shape)

    def blocks(self) -> list[tuple[int, int, int]]:
        """[(first row, rows in a block, number of blocks)]: all of one length but for a last one."""
        rows, width = self.length, prod(self.shape) // self.length
        size = max(x.dtype.itemsize for step in self.body.steps for x in step.results if x.dtype is not None)
        rows_in_block = max(1, BLOCK // (size * width))
        even = next((n for n in range(rows_in_block, rows_in_block // 2, -1) if rows % n == 0), 0)
        count, rest = divmod(rows, even or min(rows_in_block, rows))
        each = even or min(rows_in_block, rows)
        return [(0, each, count), *([(each * count, rest, 1)] if rest else [])]

    @property
    def length(self) -> int:
        """Rows of the whole: the first axis, all numbers if it is flat."""
        return prod(self.shape) if self.flat else self.shape[0]

    def sliced(self, x: Variable) -> bool:
        """Whether each block has its own part of an operand or result."""
        if x in self.body.inputs:
            return bool(x.shape) and x.shape[0] == self.shape[0] and len(x.shape) == len(self.shape)
        return not self.added(x)

    def at(self, rows: int) -> tuple[Program, dict[Variable, Variable]]:
        """The body for blocks of so many rows, and which variable became which."""
        new: dict[Variable, Variable] = {}
        for x in [*self.body.inputs, *self.maker]:
            cut = ((rows,) if self.flat else (rows, *x.shape[1:])) if self.sliced(x) else x.shape
            new[x] = Variable(cut, x.dtype, x.name)
        steps = []
        for step in self.body.steps:
            options = {} if self.flat else step.options  # a sum over all axes
            operands, results = rebuild(step.operands, new.__getitem__), tuple(new[x] for x in step.results)
            steps.append(step.but(operands=operands, options=options, results=results))
        body = Program([new[x] for x in self.body.inputs], steps, [new[x] for x in self.body.outputs])
        return body, new

    def keeps(self, operand: Variable, result: Variable) -> bool:
        """Whether a result may be written where an operand lies: nothing reads that after it."""
        return self.sliced(operand) and operand.shape == result.shape and in_order(self.body, operand, result, TWICE)


def in_order(body: Program, operand: Variable, result: Any, twice: Iterable[str] = ()) -> bool:
    """Whether a result may be written where an operand lies: nothing reads that after it. twice: ops that are two
    statements, of which the second would read what the first has written."""
    made = next((i for i, step in enumerate(body.steps) if result in step.results), len(body.steps))
    reads = [i for i, step in enumerate(body.steps) if operand in step.reads()]
    return max(reads, default=-1) <= made and not (made in reads and body.steps[made].name in twice)


def sums_blocks(step: Step, shape: tuple[int, ...]) -> bool:
    """Whether a sum over an array of this shape goes over the first axis too."""
    axis = step.options.get("axis")
    axes = tuple(range(len(shape))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return 0 in [i % len(shape) for i in axes]


def looped(program: Program) -> Program:
    """The program with chains over long arrays in loops."""
    return _Looping(program).grouped(program.steps)


class Grouping:
    """The chain that is being collected, and the steps before it.

    begins, joins   whether a step can be the first of a chain, or one more;  waits: whether it can be done after the chain
    worth           whether a chain pays;  op(body): the op that it becomes
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.readers = readers(program)
        self.steps: list[Step] = []
        self.chain: list[Step] = []
        self.after: list[Step] = []
        self.place = 0  # among the steps, where the last of the chain was
        self.shape: tuple[int, ...] = ()
        self.made: dict[Variable, Step] = {}

    def begins(self, step: Step) -> bool:
        raise NotImplementedError

    def joins(self, step: Step) -> bool:
        raise NotImplementedError

    def waits(self, step: Step) -> bool:
        raise NotImplementedError

    def worth(self, chain: list[Step]) -> bool:
        raise NotImplementedError

    def op(self, body: Program) -> Any:
        raise NotImplementedError

    def grouped(self, steps: Iterable[Step]) -> Program:
        """The program with these steps, the same in another order, in groups."""
        for step in steps:
            self.take(step)
        self.close()
        return self.program.but(steps=self.steps)

    def take(self, step: Step) -> None:
        """Add a step to the chain, or put it before or after it, or end the chain and begin anew."""
        if self.chain and self.joins(step):
            self.add(step)
            return
        waits = {x for late in self.after for x in late.results} | set(self.made)
        if self.chain and not waits.isdisjoint(step.reads()):
            if self.waits(step):
                self.after.append(step)
                return
            self.close()
        elif self.chain and prod(step.results[0].shape) > prod(self.shape) and self.begins(step):
            self.close()  # a chain that nothing reads, such as running statistics, would keep all later ones from beginning
        if not self.chain and self.begins(step):
            self.shape = step.results[0].shape
            if self.joins(step):
                self.add(step)
                return
        self.steps.append(step)

    def add(self, step: Step) -> None:
        """One more step of the chain."""
        self.chain.append(step)
        self.made.update(dict.fromkeys(step.results, step))
        self.place = len(self.steps)

    def close(self) -> None:
        """End the chain: one step if it is worth it, else the steps as they were."""
        chain, after = self.chain, self.after
        self.chain, self.after, self.made = [], [], {}
        self.steps[self.place : self.place] = [self.one(chain)] if self.worth(chain) else chain
        self.steps += after

    def one(self, chain: list[Step]) -> Step:
        """A chain as one step."""
        members: set[Any] = set(chain)
        made = {out for step in chain for out in step.results}
        outs = [out for step in chain for out in step.results if not members.issuperset(self.readers.get(out, ()))]
        inputs: dict[Any, Variable] = {}
        steps = []
        for step in chain:
            operands = [self.given(x, inputs, made) for x in step.operands]
            steps.append(step.but(operands=tuple(operands)))
        constants = {id(x): x for step in chain for x in step.operands if isinstance(x, np.ndarray)}
        real = tuple(x if isinstance(x, Variable) else constants[x] for x in inputs)
        op = self.op(Program(inputs.values(), steps, outs))
        return chain[0].but(op=op, operands=real, options={}, results=tuple(outs), path="",
                            quiet=any(step.quiet for step in chain))  # fmt: skip

    def given(self, x: Any, inputs: dict[Any, Variable], made: set[Variable]) -> Any:
        """An operand as the body names it: what comes from outside is an input."""
        if isinstance(x, Variable) and x not in made:
            return inputs.setdefault(x, Variable(x.shape, x.dtype, x.name))
        if isinstance(x, np.ndarray) and x.shape:
            return inputs.setdefault(id(x), Variable(x.shape, x.dtype, "constant"))
        return x


class _Looping(Grouping):
    """A chain that is to run in blocks."""

    def begins(self, step: Step) -> bool:
        out = step.results[0]
        return step.elementwise and len(step.results) == 1 and out.dtype is not None and out.nbytes >= WORTH

    def waits(self, step: Step) -> bool:
        light = all(not out.shape for out in step.results) or step.op is piece or step.name == "reshape"
        return light and step.pure

    def worth(self, chain: list[Step]) -> bool:
        whole = [step for step in chain if step.results[0].shape == self.shape]
        if len(whole) < 2 and not any(step.name in FILLED for step in whole):  # with a number, fast in blocks only
            return False
        flat = all(
            getattr(x, "shape", ()) in ((), self.shape) for step in chain for x in (*step.results, *step.operands)
        )
        return flat or prod(self.shape[1:]) * chain[0].results[0].dtype.itemsize <= 4 * BLOCK

    def op(self, body: Program) -> Any:
        return Loop(body, self.shape)

    def joins(self, step: Step) -> bool:
        """Whether a step can run in blocks with the chain."""
        out = step.results[0]
        if len(step.results) > 1 or not step.pure or out.dtype is None or any(True for _ in variables(step.options)):
            return False
        late = {x for later in self.after for x in later.results}
        whole = {
            x for x, maker in self.made.items() if maker.name == "sum" and sums_blocks(maker, maker.operands[0].shape)
        }
        if any(x in late or x in whole for x in step.reads()):
            return False
        if step.name in INNER and not step.elementwise:
            return self.reduces(step)
        if not step.elementwise or not out.shape or out.shape[0] != self.shape[0]:
            return False
        if out.shape != self.shape and not any(x in self.made for x in step.reads()):
            return False
        if statement(step, ["x"] * len(step.operands), "out") is None:
            return False
        return all(self.fits(x, out) for x in step.operands)

    def fits(self, x: Any, out: Variable) -> bool:
        """Whether an operand is whole in each block, or cut as the result is."""
        if not isinstance(x, (Variable, np.ndarray)) or not x.shape:
            return not isinstance(x, (list, tuple, dict))
        if len(x.shape) == len(out.shape) and x.shape[0] == out.shape[0]:
            return len(x.shape) == len(self.shape) or x in self.made
        shared = len(x.shape) < len(out.shape) or x.shape[0] == 1
        return shared and not (isinstance(x, Variable) and x in self.made)

    def reduces(self, step: Step) -> bool:
        x = step.operands[0]
        given = {name for name, option in step.options.items() if option is not None} - {"axis", "keepdims"}
        if not isinstance(x, Variable) or x not in self.made or x.shape != self.shape or len(step.operands) > 1:
            return False
        if given - ({"initial"} if step.options.get("initial") == -np.inf else set()):
            return False
        over = sums_blocks(step, x.shape)
        return step.name == "sum" if over else step.results[0].shape[0] == self.shape[0]
