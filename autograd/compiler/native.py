"""Machine code in a program's text: what is written for a loop, a product or a tape, and the functions that are called."""

import ctypes
import itertools
from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

from autograd.compiler import machine, products
from autograd.compiler.arguments import Argument, Arguments, Call, Late, linked
from autograd.compiler.fuse import Fused
from autograd.compiler.kernel import kernel
from autograd.compiler.levels import level_kernel, places
from autograd.compiler.memory import address
from autograd.compiler.names import Names
from autograd.compiler.naming import formula, wishes
from autograd.compiler.pool import PARTS, together
from autograd.compiler.program import Step, Variable
from autograd.compiler.tape import Group

__all__ = ["Kernels"]

LARGE = 200_000  # places from which on a loop is worth threads


class Kernels:
    """The machine code of one program.

    Loops and products become functions of the arrays that they go over, one for all that differ in these only, as the
    steps of a recurrent network do. The program calls functions around them, into which the addresses of its arrays are
    linked: what follows each other is one call, for each costs as much as a product of small matrices.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        steps = names.program.steps
        of_ours = any(getattr(step.op, "along", 0) or getattr(step.op, "summed", 0) for step in steps)
        self.threads = of_ours or not any(step.name in ("dot", "matmul") for step in steps)
        self.texts: list[str] = []
        self.forms: dict[str, tuple[str, ...]] = {}
        self.memory: dict[str, int] = {}
        self.symbols: dict[int, str] = {}  # id of an array that owns memory, or of a function → symbol
        self.held: list[Any] = []

    def lines(self, step: Step) -> Iterable[str | Call | Late]:
        """The statements of a fused loop: its formulas as comments, the call, and the sums of everything."""
        names, op = self.names, step.op
        called = names.free("_".join(("loop", *(names.labels[x] for x in step.results[-1:]))))
        yield f"# {called}: for each place of {op.shape}" if op.shape else f"# {called}:"
        yield from self.formulas(step)
        parts = self.parts(op)
        given = Arguments(self, step)
        yield from given.operands()
        ends = given.results(parts)
        parameters, arguments = given.listed()
        text, rounds = kernel(op, given.located(), parameters, parts)
        ahead = (Argument("i64", "", True),) * (3 if parts > 1 else 0)
        form = tuple(argument.kind for argument in (*ahead, *arguments))
        symbol = self.entry(machine.function(text, "loop", form))
        if parts == 1:
            yield Call(called, symbol, arguments, ends)
            return
        names.names["together"] = together
        self.export(called, [Call(called, symbol, [*ahead, *arguments], [])])
        handed = [argument.text for argument in arguments if argument.given]
        bounds = itertools.pairwise(rounds * i // parts for i in range(parts + 1))
        tasks = (", ".join([str(a), str(b), str(i), *handed]) for i, (a, b) in enumerate(bounds))
        yield f"together({called}, [{', '.join(f'({task})' for task in tasks)}])"
        yield from (late.text for late in ends)

    def product(self, step: Step) -> list[str | Call] | None:
        """The statements of a small product of matrices; None if BLAS has to do it."""
        names, arrays, out = self.names, [], step.results[0]
        if step.name not in ("dot", "matmul") or len(step.operands) != 2 or step.options:
            return None
        for x in (*step.operands, out):
            known = names.static.get(x) if isinstance(x, Variable) else x
            if known is None and x not in names.program.inputs and x not in names.plan.given:
                return None
            if known is not None and not isinstance(known, np.ndarray):
                return None
            arrays.append(np.empty(x.shape, x.dtype) if known is None else known)
        matrices = [z[None] if z.ndim == 1 else z for z in (arrays[0], arrays[1], arrays[2])]
        form = products.fits(*matrices) if arrays[1].ndim > 1 and arrays[0].ndim == arrays[2].ndim else None
        if form is None:
            return None
        arguments = []
        for x, array in zip((*step.operands, out), arrays, strict=True):
            if isinstance(x, Variable) and x not in names.static:
                arguments.append(self.handed(names.written(x)))
            else:
                arguments.append(linked(*self.lies(array)))
                names.written(x)
        called = names.free(f"product_{names.labels[out]}")
        shown = formula(step, names.labels[out], [names.written(x) for x in step.operands])
        return [
            f"# {called}: {shown}",
            Call(called, self.entry(products.function(form, out.dtype)), arguments, []),
        ]

    def entry(self, function: Any) -> str:
        """The symbol of another module's function."""
        if id(function) not in self.symbols:
            self.symbols[id(function)] = f"function{len(self.symbols)}"
            self.memory[self.symbols[id(function)]] = ctypes.cast(function, ctypes.c_void_p).value or 0
            self.held.append(function)
        return self.symbols[id(function)]

    def levels(self, groups: list[Group], values: Any) -> Iterable[str | Call | Late]:
        """The statements of groups of a tape, whose numbers lie in `values`."""
        called = self.names.free(f"levels_{groups[0].level}_to_{groups[-1].level}")
        counts = ", ".join(f"{group.stop - group.start} {group.name}" for group in groups)
        yield f"# {called}: {counts}"

        def symbol(x: Any) -> Any:
            return x if isinstance(x, slice) else f"@{self.owner(x)}"

        sources = [list(map(symbol, places(group))) for group in groups]
        text = level_kernel(called, groups, sources, symbol(values))
        found = machine.functions(text, {called: ()}, self.memory, list(self.held))
        yield Call(called, self.entry(found[called]), [], [])

    def joined(self, lines: Iterable[str | Call | Late]) -> list[str]:
        """A program's text: calls between which there are only comments, and numbers that they do not need, are one."""
        text: list[str] = []
        calls: list[Call] = []
        late: list[tuple[int, Late]] = []  # with their places, which are before the end of the calls, or stay
        at = 0  # where the statement of the calls goes

        def close() -> None:
            for place, line in reversed(late):
                if place > at:
                    text.insert(place, line.text)
            if calls:
                text[at:at] = [self.statement(calls), *(line.text for place, line in late if place <= at)]
            calls.clear()
            late.clear()

        for line in lines:
            if isinstance(line, Call):
                if line.reads({name for _, other in late for name in other.made}):
                    close()
                calls.append(line)
                at = len(text)
                late += ((at, end) for end in line.ends)
            elif isinstance(line, Late) and calls:
                late.append((len(text), line))
            else:
                written = line.text if isinstance(line, Late) else line
                if not written.lstrip().startswith("#"):
                    close()
                text.append(written)
        close()
        return text

    def statement(self, calls: list[Call]) -> str:
        """The call of functions one after the other."""
        called, note = calls[0].name, ""
        if len(calls) > 1:
            called, note = self.names.free("calls"), f"  # runs {calls[0].name} to {calls[-1].name}"
        return f"{called}({', '.join(self.export(called, calls))}){note}"

    def export(self, called: str, calls: list[Call]) -> list[str]:
        """Make the function that the program calls by this name; what it hands over."""
        self.names.names[called] = None  # found when all are compiled
        handed: dict[str, str] = {}  # expression → type
        lines = []
        for call in calls:
            written = []
            for argument in call.arguments:
                value = argument.text
                if argument.given:
                    key = argument.text or f"{len(handed)}"  # of a number of a part there is no expression
                    value = f"%given{list(handed).index(key) if key in handed else len(handed)}"
                    handed[key] = argument.kind
                written.append(f"{argument.kind} {value}")
            lines.append(f"  call void @{call.symbol}({', '.join(written)})")
        parameters = ", ".join(f"{kind} %given{i}" for i, kind in enumerate(handed.values()))
        body = "\n".join(lines)
        self.texts.append(f"define void @{called}({parameters}) {{\n{body}\n  ret void\n}}\n")
        self.forms[called] = tuple(handed.values())
        return list(handed)

    def parts(self, op: Fused) -> int:
        """In how many parts a loop runs, for threads: large ones, where BLAS does not need them."""
        sums = [x for x in op.body.outputs if x.shape and op.added(x)]
        return PARTS if self.threads and not sums and prod(op.shape) >= LARGE and op.shape[0] >= PARTS else 1

    def formulas(self, step: Step) -> Iterable[str]:
        """What the loop computes, line by line."""
        names, body = self.names, step.op.body
        for x, y in (*zip(body.inputs, step.operands, strict=True), *zip(body.outputs, step.results, strict=True)):
            names.labels[x] = names.written(y) if x in body.inputs else names.labels[y]
        wish = wishes(body)
        for inner in body.steps:
            out = inner.results[0]
            if out not in names.labels:
                names.label(out, wish[out])
            yield f"#     {formula(inner, names.labels[out], [names.written(x) for x in inner.operands])}"

    def handed(self, name: str) -> Argument:
        """The address of an array that the program knows by a name."""
        return Argument("ptr", f"{self.names.object(address, 'address')}({name})", True)

    def owner(self, array: Any) -> str:
        """The symbol of the memory that an array lies in."""
        while isinstance(array.base, np.ndarray):
            array = array.base
        if id(array) not in self.symbols:
            self.symbols[id(array)] = f"memory{len(self.symbols)}"
            self.memory[self.symbols[id(array)]] = address(array)
            self.held.append(array)
        return self.symbols[id(array)]

    def lies(self, array: Any) -> tuple[str, int]:
        """(the symbol of the memory that an array lies in, how many bytes after its beginning)."""
        owner = self.owner(array)
        return owner, address(array) - self.memory[owner]

    def linked(self) -> dict[str, Any]:
        """The functions that the program calls, by name."""
        if not self.forms:
            return {}
        return machine.functions("\n".join(self.texts), self.forms, self.memory, self.held, quick=True)
