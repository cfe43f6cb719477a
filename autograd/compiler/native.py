"""Fused loops in a program's text: what is written for one, and their functions, compiled together."""

import ctypes
import itertools
from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

from autograd.compiler import machine, products
from autograd.compiler.fuse import Fused, reduced
from autograd.compiler.kernel import kernel
from autograd.compiler.levels import PARALLEL, level_kernel, places
from autograd.compiler.names import Names
from autograd.compiler.naming import formula, wishes
from autograd.compiler.nest import Place
from autograd.compiler.pool import PARTS, together
from autograd.compiler.program import Step, Variable
from autograd.compiler.tape import Group

__all__ = ["Kernels"]

LARGE = 200_000  # places from which on a loop is worth threads


class Kernels:
    """The fused loops of one program."""

    def __init__(self, names: Names) -> None:
        self.names = names
        steps = names.program.steps
        of_ours = any(getattr(step.op, "along", 0) or getattr(step.op, "summed", 0) for step in steps)
        self.threads = of_ours or not any(step.name in ("dot", "matmul") for step in steps)
        self.texts: list[str] = []
        self.declared: set[str] = set()
        self.forms: dict[str, tuple[str, ...]] = {}
        self.memory: dict[str, int] = {}
        self.symbols: dict[int, str] = {}  # id of an array that owns memory, or of a function → symbol
        self.held: list[Any] = []
        self.metadata = 0  # lines, beside those of PARALLEL

    def lines(self, step: Step) -> Iterable[str]:
        """The statements of a fused loop: its formulas as comments, the call, and the sums of everything."""
        names, op = self.names, step.op
        called = names.free("_".join(("loop", *(names.labels[x] for x in step.results[-1:]))))
        names.names[called] = None  # found when all are compiled
        yield f"# {called}: for each place of {op.shape}" if op.shape else f"# {called}:"
        yield from self.formulas(step)
        parts = self.parts(op)
        places: dict[Variable, Any] = {}
        parameters, arguments, ends = [], [], []
        for i, (x, y) in enumerate(zip(op.body.inputs, step.operands, strict=True)):
            if not x.shape:
                places[x] = f"%number{i}"
                parameters.append(("double", f"double %number{i}"))
                arguments.append(names.written(y))
            elif not isinstance(y, Variable) or y in names.static:
                places[x] = self.place(y if not isinstance(y, Variable) else names.static[y], op.shape)
            else:
                if y not in names.program.inputs and y not in names.plan.given:  # a call may give a view
                    yield f"{names.labels[y]} = {names.function('ascontiguousarray')}({names.labels[y]})"
                places[x] = Place(f"%array{i}", 0, _strides(x.shape, x.dtype, op.shape))
                parameters.append(("ptr", f"ptr noalias %array{i}"))
                arguments.append(f"{names.object(machine.address, 'address')}({names.written(y)})")
        floats = [(x, y) for x, y in zip(op.body.outputs, step.results, strict=True) if x.dtype is None]
        if floats:
            slots = np.zeros(len(floats))
            places.update((x, self.place(slots[i : i + 1].reshape(()), ())) for i, (x, _) in enumerate(floats))
            ends.append(f"{', '.join(names.labels[y] for _, y in floats)}, = {names.object(slots, 'numbers')}.tolist()")
        for i, (x, y) in enumerate(zip(op.body.outputs, step.results, strict=True)):
            if x.dtype is None:
                continue
            if not x.shape:
                slots = np.zeros(PARTS, x.dtype)
                places[x] = self.place(slots[:1].reshape(()), op.shape)
                total = names.object(slots, f"{names.labels[y]}_total")
                ends.append(f"{names.labels[y]} = {' + '.join(f'{total}[{i}]' for i in range(parts))}")
            elif y in names.static:
                places[x] = self.place(names.static[y].reshape(_spread(op, x)), op.shape)
                names.written(y)
            elif x not in places:
                strides = _strides(_spread(op, x), x.dtype, op.shape)
                places[x] = Place(f"%result{i}", 0, strides)
                parameters.append(("ptr", f"ptr noalias %result{i}"))
                arguments.append(f"{names.object(machine.address, 'address')}({names.labels[y]})")
        first = 2 + self.metadata
        text, declared, rounds, lines = kernel(called, op, places, [text for _, text in parameters], parts, first)
        self.metadata += lines
        self.texts.append(text)
        self.declared |= declared
        self.forms[called] = (*["i64"] * (3 if parts > 1 else 0), *(kind for kind, _ in parameters))
        if parts > 1:
            names.names["together"] = together
            bounds = [rounds * i // parts for i in range(parts + 1)]
            tasks = [
                ", ".join([str(a), str(b), str(i), *arguments]) for i, (a, b) in enumerate(itertools.pairwise(bounds))
            ]
            yield f"together({called}, [{', '.join(f'({task})' for task in tasks)}])"
        else:
            yield f"{called}({', '.join(arguments)})"
        yield from ends

    def product(self, step: Step) -> Iterable[str] | None:
        """The statement of a small product of matrices; None if BLAS has to do it."""
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
        places, parameters, arguments = [], [], []
        for i, (x, array) in enumerate(zip((*step.operands, out), arrays, strict=True)):
            if isinstance(x, Variable) and x not in names.static:
                places.append(f"ptr %array{i}")
                parameters.append(f"ptr %array{i}")
                arguments.append(f"{names.object(machine.address, 'address')}({names.written(x)})")
            else:
                place = self.place(array, array.shape)
                places.append(f"ptr getelementptr (i8, ptr {place.symbol}, i64 {place.offset})")
                names.written(x)
        called = names.free(f"product_{names.labels[out]}")
        names.names[called] = None  # found when all are compiled
        made = products.function(form, out.dtype)
        symbol = self.entry(made)
        self.texts.append(f"define void @{called}({', '.join(parameters)}) {{\n  call void @{symbol}({', '.join(places)})\n"
                          "  ret void\n}\n")  # fmt: skip
        self.forms[called] = ("ptr",) * len(parameters)
        shown = formula(step, names.labels[out], [names.written(x) for x in step.operands])
        call = f"{called}({', '.join(arguments)})"
        return [f"{call:<64}  # {shown}"]

    def entry(self, function: Any) -> str:
        """The symbol of another module's function."""
        if id(function) not in self.symbols:
            self.symbols[id(function)] = f"function{len(self.symbols)}"
            self.memory[self.symbols[id(function)]] = ctypes.cast(function, ctypes.c_void_p).value or 0
            self.held.append(function)
        return self.symbols[id(function)]

    def levels(self, groups: list[Group], values: Any) -> Iterable[str]:
        """The statements of groups of a tape, whose numbers lie in `values`."""
        names = self.names
        called = names.free(f"levels_{groups[0].level}_to_{groups[-1].level}")
        names.names[called] = None  # found when all are compiled
        counts = ", ".join(f"{group.stop - group.start} {group.name}" for group in groups)
        yield f"# {called}: {counts}"

        def symbol(x: Any) -> Any:
            return x if isinstance(x, slice) else self.place(x, x.shape).symbol

        sources = [list(map(symbol, places(group))) for group in groups]
        text, declared = level_kernel(called, groups, sources, symbol(values), 2 + self.metadata)
        self.metadata += len(groups)
        self.texts.append(text)
        self.declared |= declared | {PARALLEL}
        self.forms[called] = ()
        yield f"{called}()"

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

    def place(self, array: Any, shape: tuple[int, ...]) -> Place:
        """Where an array lies: the symbol of the memory that it is in."""
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        if id(owner) not in self.symbols:
            self.symbols[id(owner)] = f"memory{len(self.symbols)}"
            self.memory[self.symbols[id(owner)]] = machine.address(owner)
            self.held.append(owner)
        strides = np.broadcast_to(array, shape).strides
        return Place(f"@{self.symbols[id(owner)]}", machine.address(array) - machine.address(owner), strides)

    def linked(self) -> dict[str, Any]:
        """The functions, by name."""
        if not self.forms:
            return {}
        text = "\n".join([*sorted(self.declared), *self.texts])
        return machine.functions(text, self.forms, self.memory, self.held)


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
