"""The NumPy backend: a Program becomes a function of straight-line NumPy statements over buffers made once.

Where things lie is decided in plan.py, which statement computes a step in emit.py; here the text is put together, with the
user's own source lines as headings, and becomes a function.
"""

import functools
import itertools
import sys
from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import numpy as np

from autograd.compiler import tape
from autograd.compiler.arguments import Call, Late
from autograd.compiler.assemble import ASSEMBLED, parts
from autograd.compiler.emit import number_line, on_numbers, statement
from autograd.compiler.loops import TWICE, in_order
from autograd.compiler.memory import address, identity, zeros
from autograd.compiler.names import Names
from autograd.compiler.naming import formula, user_source, wishes
from autograd.compiler.native import Kernels
from autograd.compiler.passes import FORMS, optimized
from autograd.compiler.plan import Plan, may_view
from autograd.compiler.pool import PARTS, limited, together
from autograd.compiler.program import Program, Step, Variable, variables

__all__ = ["Listing", "build"]


class Listing:
    """A program as text and as a function.

    source    the text;  run(*inputs) → list of outputs, which may be buffers;  names: what the text knows beside
    text      gives the source; with its table of arrays it is put together when somebody wants to read it
    labels    variable → its name in the text
    buffers   the arrays it works in;  nbytes: their bytes together
    state     input number → buffer in which it always lies
    homes     output number → input number whose buffer it overwrites
    outputs   arrays that outputs lie in;  fresh: outputs in arrays that nobody else has
    find      variable → the one whose memory it lies in
    """

    def __init__(
        self, text: Callable[[], str], run: Any, plan: Plan, names: dict[str, Any], labels: dict[Variable, str]
    ) -> None:
        self.text, self.run, self.names, self.labels = text, run, names, labels
        blocks = sorted(plan.buffers, key=lambda x: int(x.nbytes))  # loops may use one in turn: the most of it counts
        self.buffers = list({address(x): x for x in blocks}.values())
        self.state, self.homes, self.find = plan.state, plan.homes, plan.find
        self.fresh = plan.given
        self.nbytes = sum(buffer.nbytes for buffer in self.buffers)
        self.outputs = [plan.static[x] for x in variables(list(plan.program.outputs)) if x in plan.static]

    @property
    def source(self) -> str:
        """The program as text."""
        return self.text()


def build(
    program: Program,
    values: dict[int, Any],
    results: int = 0,
    known: dict[int, str] | None = None,
    threads: int | None = None,
    native: bool = False,
    former: dict[int, Any] | None = None,
    pool: tuple[dict[int, list[Any]], dict[int, list[Any]]] | None = None,
) -> Listing:
    """Plan and write the program.

    values   input number → what the state holds now, which is put into buffers
    results  so many outputs, from the first, go to the caller: large ones get an array of their own at every run
    known    id of an array → the name by which the user knows it
    threads  for large steps, and for BLAS; None: as many as are set when it runs, and BLAS as it is
    native   whether tapes become machine code, as loops that a pass has made do in any case
    former   input number → where that state lay before
    pool     blocks of memory to work in, by bytes, between steps and inside of a loop's blocks, that programs share of
             which one runs at a time
    """
    views = {x for step in program.steps if may_view(step) or step.op in ASSEMBLED for x in step.reads()}
    made = {x for step in program.steps for x in step.results if x.nbytes >= OWN}
    kept = list(variables(list(program.outputs[results:])))
    given = [x for x in variables(list(program.outputs[:results])) if x in made and x not in views and x not in kept]
    between, inside = pool or ({}, {})
    plan = Plan(program, values, writable, frozenset(given), between, former)
    return _Writer(plan, known or {}, threads, native, inside).listing()


def writable(step: Step) -> bool:
    """Whether a statement can put the step's result into a buffer."""
    into = getattr(step.op, "into", None) is not None and not any(True for _ in variables(step.options))
    return into or statement(step, ["x"] * len(step.operands), "out") is not None


class Results:
    """Arrays for one result: calling it gives one that nobody else holds any more, a new one if all are in use.

    A fresh array of megabytes costs as much as computing it, for the system hands it out page by page.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = shape, dtype
        self.arrays: list[Any] = []

    def __call__(self) -> Any:
        for i in range(len(self.arrays)):
            if sys.getrefcount(self.arrays[i]) <= 2:  # the list's and getrefcount's own
                return self.arrays[i]
        array = zeros(self.shape, self.dtype)
        self.arrays = [*self.arrays[-1:], array]
        return array


class _Writer(Names):
    """The text of a plan."""

    def __init__(
        self, plan: Plan, constants: dict[int, str], threads: int | None, native: bool, pool: dict[int, list[Any]]
    ) -> None:
        super().__init__(plan, constants)
        self.threads, self.native = threads, native
        self.kernels = Kernels(self)
        self.inner = False  # whether a loop's body is being written
        self.cut: dict[Any, str] = {}  # memory → its list of blocks
        self.pool = pool  # for what is made inside of a loop's blocks

    def listing(self) -> Listing:
        program, plan = self.program, self.plan
        called = wishes(program)
        for x in program.inputs:
            self.label(x, called[x])
        for step in program.steps:
            for out in step.results if not isinstance(step.op, tape.Tape) else ():
                self.label(out, called[out])
        self.one_name()
        lines = [
            f"{self.labels[x]} = {self.object(Results(x.shape, x.dtype), 'array_for_' + self.labels[x])}()"
            for step in program.steps
            for x in step.results
            if x in plan.given
        ] + self.text(plan)
        arguments = ", ".join(self.labels[x] for x in program.inputs if x not in self.static)
        results = ", ".join("None" if i in plan.homes else self.written(x) for i, x in enumerate(program.outputs))
        self.names.update(self.kernels.linked())
        body = "\n".join(f"    {line}" for line in [*lines, f"return [{results}]"])
        quiet = any(step.quiet for step in program.steps)
        head = f"@{self.function('errstate')}(over='ignore', divide='ignore')\n" if quiet else ""
        text = f"{head}def run({arguments}):\n{body}\n"
        space = dict(self.names)
        exec(compile(text, "<compiled>", "exec"), space)  # the text is made above, of op names and our own labels only
        run = space.pop("run")
        if "together" in self.names:
            run = limited(run, self.threads, 1)
        elif self.threads:
            run = limited(run, self.threads, self.threads)
        return Listing(lambda: self.table() + text, run, plan, self.names, self.labels)

    def text(self, plan: Plan, heading: str = "") -> list[str]:
        """The statements of a plan, each group under the user's line that it comes from."""
        lines: list[str | Call | Late] = []
        phase = heading and plan.steps[0].phase
        for step, kind in zip(plan.steps, plan.kinds, strict=True):
            written = list(self.lines(step, kind))
            if written and step.phase != phase:
                phase = step.phase
                lines.append(f"# ---- {phase} ----")
            if written and user_source(step.line) != heading:
                heading = user_source(step.line)
                lines.append(f"# {heading}")
            lines += written
        return self.kernels.joined(lines)

    def lines(self, step: Step, kind: str) -> Iterable[str | Call | Late]:
        """The statements of a step."""
        if kind == "view":
            return
        out = step.results[0]
        if kind == "pack":
            yield from self.copies(step)
            return
        if kind == "loop":
            for part in step.op.blocks():
                yield from self.loop(step, *part)
            return
        if kind == "fused":
            yield from self.kernels.lines(step)
            return
        names = [self.written(x) for x in step.operands]
        shown = list(names)
        if kind == "tape":
            levels = self.kernels.levels if self.native else None
            results = self.free("tape_results")
            yield from tape.written(step.op, names, results, self.function, self.object, levels)
            self.labels.update((x, f"{results}[{i}]") for i, x in enumerate(step.results))
            return
        if kind == "placed":
            yield f"{self.written(out)}[{self.written(step.options['index'])}] = {names[0]}"
        elif kind in ("number", "scalar") and on_numbers(step):
            yield Late(f"{self.labels[out]} = {number_line(step, names, self.object)}", {self.labels[out]})
        elif kind == "scalar" and step.op is np.dot:
            yield f"{self.labels[out]} = {self.function('dot')}({', '.join(names)})"
        elif kind == "buffer" and self.native and (product := self.kernels.product(step)) is not None:
            yield from product
        elif (cut := self.in_parts(step, kind, names)) is not None:
            yield from cut
        elif kind == "buffer" and getattr(step.op, "into", None) is not None:
            options = "".join(f", {name}={self.written(x)}" for name, x in step.options.items())
            yield f"{self.object(step.op.into, f'{step.name}_into')}({self.written(out)}, {', '.join(names)}{options})"
        elif kind == "buffer":
            if _widens(step):
                for i, x in enumerate(step.operands):
                    if type(x) is float or (isinstance(x, Variable) and x.dtype is None):
                        names[i] = self.cast(x, names[i], step)
                        yield from self.pending.pop(names[i], ())
            line = statement(step, names, self.written(out)) or ""
            for part in line.split("; "):
                self.function(part.partition("(")[0].partition(".")[0])
            yield f"{line:<64}  # {formula(step, self.labels[out], shown)}"
        else:
            function = self.object(step.compute, f"{step.name}_")
            options = "".join(f", {name}={self.written(x)}" for name, x in step.options.items())
            targets = ", ".join(self.labels[x] for x in step.results)
            call = f"{function}({', '.join(names)}{options if names else options[2:]})"
            yield f"{targets} = {f'float({call})' if kind == 'number' and step.name != 'power' and step.pure else call}"

    def in_parts(self, step: Step, kind: str, names: list[str]) -> list[str] | None:
        """The statement of a large step in parts along its first axis, which may run at once; None for other steps."""
        op, out = step.op, step.results[0]
        summed = getattr(op, "summed", 0) if kind == "call" else 0
        along = summed or (getattr(op, "along", 0) if kind == "buffer" else 0)
        length = (step.operands[0].shape if summed else out.shape)[:1]
        if self.inner or not along or length < (PARTS,) or any(x.shape[:1] != length for x in step.operands[:along]):
            return None
        if max(prod(x.shape) for x in (out, *step.operands[:along])) < LARGE:
            return None
        bounds = [length[0] * i // PARTS for i in range(PARTS + 1)]
        function, tasks = self.with_options(step, summed), []
        for a, b in itertools.pairwise(bounds):
            target = [] if summed else [f"{self.written(out)}[{a}:{b}]"]
            tasks.append(f"({', '.join([*target, *(f'{name}[{a}:{b}]' for name in names[:along]), *names[along:]])})")
        self.names["together"] = together
        call = f"together({function}, [{', '.join(tasks)}])"
        return [f"{self.labels[out]} = {self.object(sum_in_order, 'sum_in_order')}({call})" if summed else call]

    def with_options(self, step: Step, summed: int) -> str:
        """The name of an op's function with the step's options in it."""
        function = step.compute if summed else step.op.into
        return self.object(functools.partial(function, **step.options), f"{step.name}_of_part")

    def loop(self, step: Step, start: int, rows: int, count: int) -> Iterable[str]:
        """A chain in blocks: `for x_block, y_block in zip(…):` and the statements for one block."""
        loop = step.op
        body, new = loop.at(rows)
        better = optimized(body, FORMS)
        body = better if self.keeps(step, better, new) else body
        outs = list(zip(loop.body.outputs, body.outputs, step.results, strict=True))
        blocks: dict[str, str] = {}  # whole → what a block of it is called; one memory has one name

        def block(y: Any) -> str:
            whole = self.blocks(y, loop, start, rows, count)
            return blocks.setdefault(whole, blocks.get(whole) or self.free(f"{self.written(y)}_block"))

        for x, y in zip(loop.body.inputs, step.operands, strict=True):
            self.labels[new[x]] = block(y) if loop.sliced(x) else self.written(y)
            if not loop.sliced(x) and (not isinstance(y, Variable) or y in self.static):
                self.static[new[x]] = self.static[y] if isinstance(y, Variable) else y
        made = {x: inner for inner in body.steps for x in inner.results}
        cuts = [(x, block(out)) for old, x, out in outs if loop.sliced(old)]
        direct = {x: name for x, name in cuts if x in made and writable(made[x]) and not may_view(made[x])}
        self.labels.update(direct)
        lines = self.body(step, Plan(body, {}, writable, frozenset(direct), self.pool))
        lines += [f"{self.function('copyto')}({name}, {self.written(x)})" for x, name in cuts if direct.get(x) != name]
        totals = [(x, out) for old, x, out in outs if not loop.sliced(old)]
        lines += [self.adding(x, out) for x, out in totals]
        if not start:
            yield from (
                f"{self.written(out)}.fill(0)" if out.shape else f"{self.labels[out]} = 0.0" for _, out in totals
            )
        yield from (line for line in lines if "[()] = " in line)  # numbers are put into their arrays once
        wholes, each = ", ".join(blocks), ", ".join(blocks.values())
        yield f"for {each} in {f'zip({wholes})' if len(blocks) > 1 else wholes}:"
        yield from (f"    {line}" for line in lines if "[()] = " not in line)
        if start + rows * count == loop.length:
            yield from (f"{self.labels[out]} = {self.function(str(out.dtype))}({self.labels[out]})"
                        for _, out in totals if not out.shape)  # fmt: skip

    def keeps(self, step: Step, body: Program, new: dict[Variable, Variable]) -> bool:
        """Whether the results of a loop may still be written where its operands lie, with its body in this form."""
        memory = [(x, self.static.get(x)) for x in step.operands if isinstance(x, Variable)]
        inputs = {x: new[y] for x, y in zip(step.operands, step.op.body.inputs, strict=True) if isinstance(x, Variable)}
        return all(
            in_order(body, inputs[x], out, TWICE)
            for result, out in zip(step.results, body.outputs, strict=True)
            for x, array in memory
            if array is not None and result in self.static and np.may_share_memory(array, self.static[result])
        )

    def body(self, step: Step, plan: Plan) -> list[str]:
        """The statements for one block."""
        self.plan.buffers += plan.buffers
        self.static.update(plan.static)
        called = wishes(plan.program)
        for inner in plan.steps:
            for x in inner.results:
                if x not in self.labels:
                    self.label(x, called[x])
        self.inner = True
        lines = self.text(plan, user_source(step.line))
        self.inner = False
        return lines

    def adding(self, x: Variable, out: Variable) -> str:
        """The line that adds what a block gives to the total."""
        if not out.shape:
            return f"{self.labels[out]} += float({self.written(x)})"
        return f"{self.function('add')}({self.written(out)}, {self.written(x)}, {self.written(out)})"

    def blocks(self, x: Any, loop: Any, start: int, rows: int, count: int) -> str:
        """The name or the expression of a list of blocks of an array."""
        if not isinstance(x, Variable) or x in self.static:
            array = self.static[x] if isinstance(x, Variable) else x
            key = (identity(array), start, rows, loop.flat)
            if key not in self.cut:
                name = self.labels[x] if isinstance(x, Variable) else "constant"
                self.cut[key] = self.object(cut(array, loop.flat, start, rows, count), f"{name}_blocks")
            return self.cut[key]
        return f"{self.object(cut, 'blocks')}({self.labels[x]}, {loop.flat}, {start}, {rows}, {count})"

    def copies(self, step: Step) -> Iterable[str]:
        """An array of parts: the lines that copy what was not made in its place."""
        whole = step.results[0]
        for i, (x, place) in enumerate(parts(step, self.static[whole])):
            if not self.plan.inside_of(step, i, x):
                there = self.object(place, f"{self.labels[whole]}_{self.written(x)}")
                yield f"{self.function('copyto')}({there}, {self.written(x)})"


OWN = 1 << 14  # bytes from which on a result is computed in an array of its own instead of being copied
LARGE = 100_000  # numbers from which on an op of many small products or copies is worth threads


def sum_in_order(parts: list[Any]) -> Any:
    """The sum of arrays from the first to the last."""
    return functools.reduce(np.add, parts)


def cut(x: Any, flat: bool, start: int, rows: int, count: int) -> list[Any]:
    """Blocks of so many rows of an array; of a flat one rows are numbers."""
    x = x.reshape(-1) if flat else x
    return [x[i : i + rows] for i in range(start, start + rows * count, rows)]


def _widens(step: Step) -> bool:
    """Whether a Python float among the operands takes on the precision of the arrays."""
    arrays = [x for x in step.operands if getattr(x, "dtype", None) is not None]
    return bool(arrays) and arrays[0].dtype.kind == "f" and all(x.dtype == arrays[0].dtype for x in arrays)
