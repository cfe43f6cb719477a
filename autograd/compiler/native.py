"""Fused loops in a program's text: what is written for one, and their functions, compiled together."""

import ctypes
import itertools
from collections.abc import Iterable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler import machine, products
from autograd.compiler.fuse import Fused, reduced
from autograd.compiler.kernel import kernel
from autograd.compiler.levels import level_kernel, places
from autograd.compiler.names import Names
from autograd.compiler.naming import formula, wishes
from autograd.compiler.nest import Place, Table
from autograd.compiler.pool import PARTS, together
from autograd.compiler.program import Step, Variable
from autograd.compiler.tape import Group

__all__ = ["Call", "Kernels", "Late"]

LARGE = 200_000  # places from which on a loop is worth threads


class Argument(NamedTuple):
    """What a function of machine code is called with: LLVM's type, and what stands for it in LLVM's text, or for the
    program to hand over in Python's."""

    kind: str
    text: str
    given: bool


class Call(NamedTuple):
    """A call of machine code in the program's text.

    name        of the function for readers;  symbol: the one in LLVM's text
    ends        statements that fetch the numbers that it made
    """

    name: str
    symbol: str
    arguments: list[Argument]
    ends: list["Late"]

    def reads(self, names: set[str]) -> bool:
        """Whether it needs one of these numbers."""
        return any(argument.given and argument.text in names for argument in self.arguments)


class Late(NamedTuple):
    """A statement that computes numbers, which may wait until something needs them."""

    text: str
    made: set[str]


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
        places: dict[Variable, Any] = {}
        found, ends = _Arguments(self), []
        for i, (x, y) in enumerate(zip(op.body.inputs, step.operands, strict=True)):
            if not x.shape:
                places[x] = f"%number{i}"
                found.numbers.append((places[x], names.written(y)))
            elif not isinstance(y, Variable) or y in names.static:
                array = y if not isinstance(y, Variable) else names.static[y]
                places[x] = found.array(array, x.shape if x in op.tables else op.shape)
            else:
                if y not in names.program.inputs and y not in names.plan.given:  # a call may give a view
                    yield f"{names.labels[y]} = {names.function('ascontiguousarray')}({names.labels[y]})"
                places[x] = found.handed(
                    names.written(y), _strides(x.shape, x.dtype, op.shape if x not in op.tables else x.shape)
                )
        floats = [(x, y) for x, y in zip(op.body.outputs, step.results, strict=True) if x.dtype is None]
        if floats:
            slots = np.zeros(len(floats))
            places.update((x, found.array(slots[i : i + 1].reshape(()), ())) for i, (x, _) in enumerate(floats))
            labels = [names.labels[y] for _, y in floats]
            ends.append(Late(f"{', '.join(labels)}, = {names.object(slots, 'numbers')}.tolist()", set(labels)))
        for x, y in zip(op.body.outputs, step.results, strict=True):
            if x.dtype is None:
                continue
            if not x.shape:
                slots = np.zeros(PARTS, x.dtype)
                places[x] = found.array(slots[:1].reshape(()), op.shape)
                total = names.object(slots, f"{names.labels[y]}_total")
                sums = " + ".join(f"{total}[{i}]" for i in range(parts))
                ends.append(Late(f"{names.labels[y]} = {sums}", {names.labels[y]}))
            elif y in names.static:
                places[x] = found.array(names.static[y].reshape(_spread(op, x)), op.shape)
                names.written(y)
            elif x not in places:
                places[x] = found.handed(names.labels[y], _strides(_spread(op, x), x.dtype, op.shape))
        parameters, arguments = found.listed()
        places = {x: found.found(place) for x, place in places.items()}
        for x in op.tables:
            symbol, offset, (stride,) = places[x]
            places[x] = Table(symbol, offset, stride)
        text, rounds = kernel(op, places, parameters, parts)
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
                arguments.append(Argument("ptr", self.linked_to(array), False))
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
        return Argument("ptr", f"{self.names.object(machine.address, 'address')}({name})", True)

    def owner(self, array: Any) -> str:
        """The symbol of the memory that an array lies in."""
        while isinstance(array.base, np.ndarray):
            array = array.base
        if id(array) not in self.symbols:
            self.symbols[id(array)] = f"memory{len(self.symbols)}"
            self.memory[self.symbols[id(array)]] = machine.address(array)
            self.held.append(array)
        return self.symbols[id(array)]

    def linked_to(self, array: Any) -> str:
        """The address of an array as LLVM's text."""
        owner = self.owner(array)
        return f"getelementptr (i8, ptr @{owner}, i64 {machine.address(array) - self.memory[owner]})"

    def linked(self) -> dict[str, Any]:
        """The functions that the program calls, by name."""
        if not self.forms:
            return {}
        return machine.functions("\n".join(self.texts), self.forms, self.memory, self.held, quick=True)


class _Arguments:
    """The arrays and numbers that one loop is called with: an array for each piece of memory, for LLVM is told that no two
    of them overlap."""

    def __init__(self, kernels: Kernels) -> None:
        self.kernels = kernels
        self.numbers: list[tuple[str, str]] = []  # name in the loop, expression
        self.starts: dict[str, int] = {}  # symbol of memory → where the first array in it begins
        self.memory: dict[str, Argument] = {}  # name in the loop → address

    def array(self, array: Any, shape: tuple[int, ...]) -> Place:
        """The place of an array that stays where it is, spread over a shape."""
        owner = self.kernels.owner(array)
        offset = machine.address(array) - self.kernels.memory[owner]
        self.starts[owner] = min(offset, self.starts.get(owner, offset))
        return Place(owner, offset, np.broadcast_to(array, shape).strides)

    def handed(self, name: str, strides: tuple[int, ...]) -> Place:
        """The place of an array that the program hands over."""
        symbol = f"%handed{len(self.memory)}"
        self.memory[symbol] = self.kernels.handed(name)
        return Place(symbol, 0, strides)

    def found(self, place: Any) -> Any:
        """A place as the loop knows it."""
        if not isinstance(place, Place) or place.symbol not in self.starts:
            return place
        number = list(self.starts).index(place.symbol)
        return place._replace(symbol=f"%array{number}", offset=place.offset - self.starts[place.symbol])

    def listed(self) -> tuple[list[str], list[Argument]]:
        """(parameters of the function, what it is called with)."""
        parameters = [*(f"double {name}" for name, _ in self.numbers), *(f"ptr noalias {name}" for name in self.memory),
                      *(f"ptr noalias %array{i}" for i in range(len(self.starts)))]  # fmt: skip
        known = [Argument("ptr", f"getelementptr (i8, ptr @{owner}, i64 {start})", False)
                 for owner, start in self.starts.items()]  # fmt: skip
        return parameters, [
            *(Argument("double", text, True) for _, text in self.numbers),
            *self.memory.values(),
            *known,
        ]


def _strides(shape: tuple[int, ...], dtype: Any, whole: tuple[int, ...]) -> tuple[int, ...]:
    """Strides, in bytes, of a contiguous array that is spread over a larger shape."""
    width, strides = np.dtype(dtype).itemsize, []
    for length in reversed(shape):
        strides.append(0 if length == 1 else width)
        width *= length
    return (*[0] * (len(whole) - len(shape)), *reversed(strides))


def _spread(op: Fused, x: Variable) -> tuple[int, ...]:
    """The shape of a result with the axes that are reduced as axes of length 1."""
    if x.shape == op.shape:
        return x.shape
    axes = reduced(op.maker[x]) if op.added(x) else op.last
    return tuple(1 if i in axes else length for i, length in enumerate(op.shape))
