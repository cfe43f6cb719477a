"""The LLVM function of one fused loop.

The axes of the loop fall into those of the rows and, if something is reduced row by row, those inside a row. A row is gone
over as often as its reductions need: for a softmax once for the maximum, once for the exponentials and their sum, once for
the quotients. What one pass makes and a later one needs lies where its result belongs, or in a scratch row. Neighbouring
axes over which every array goes on evenly are one loop.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from autograd.compiler.elementary import FLAGS, OPS, SUMMED, Code, literal
from autograd.compiler.fuse import COMPARISONS, Fused
from autograd.compiler.nest import Dim, Place, folded, in_parts, merged
from autograd.compiler.program import Step, Variable

__all__ = ["kernel"]

TYPES = {None: "double", np.dtype(np.float32): "float", np.dtype(np.float64): "double", np.dtype(bool): "i1",
         np.dtype(np.int64): "i64"}  # fmt: skip
BYTES = {"float": 4, "double": 8, "i1": 1, "i64": 8}
SHORT = range(9, 32)  # rounds of a loop that LLVM would write out as single numbers instead of making them vectors
SIDE_BY_SIDE = 16  # reduced rows shorter than this are written out, if there are as many: vectors then hold rows


def kernel(op: Fused, places: dict[Variable, Any], arguments: list[str], parts: int = 1) -> tuple[str, int]:
    """(text of the module with the function @loop, times round its outermost loop).

    places      variable of the body → Place, or Table; for a number the name of the argument, a double
    arguments   of the function, such as "double %x"
    parts       if more than one, the function has arguments i64 %first, %last, %part before: it does a part of the
                outermost loop, and puts sums of everything into the place of that number
    """
    writer = _Kernel(op, places, parts > 1)
    arguments = ["i64 %first", "i64 %last", "i64 %part", *arguments] if parts > 1 else arguments
    writer.write()
    body = "\n".join([*writer.head, *writer.code.lines])
    text = f"define void @loop({', '.join(arguments)}) {{\nstart:\n{body}\n  ret void\n}}"
    rounds = writer.dims[0].length if writer.dims else 1
    return "\n".join([*sorted(writer.code.declared), text, *writer.metadata, ""]), rounds


class _Kernel:
    def __init__(self, op: Fused, places: dict[Variable, Any], parted: bool) -> None:
        self.op, self.places, self.parted, self.code = op, places, parted, Code()
        self.metadata: list[str] = []
        self.head: list[str] = []  # memory of the function, before its first block ends
        self.row: dict[Variable, str] = {}  # results that a row has one of
        self.index: list[str] = []  # of the loops that are open
        self.outs = dict.fromkeys(op.body.outputs)
        self.dims = merged(op, places)
        self.lines: list[Dim] = []  # of the sums that each of several rows has
        self.fold = folded(op, places, self.dims)
        if self.fold > 1:
            rows, columns = self.dims
            self.lines = [Dim(self.fold, rows.axes, False), columns]
            self.dims = [Dim(rows.length // self.fold, rows.axes, False, self.fold),
                         columns._replace(length=columns.length * self.fold)]  # fmt: skip
        self.parts = self.partial()
        self.passes, self.level = self.planned()
        self.scratch = {x: f"%scratch{i}" for i, x in enumerate(self.kept())}

    def partial(self) -> dict[Variable, str]:
        """Sums of everything that are added up in single precision first, in memory of this name."""
        sums = [x for x in self.outs if self.op.added(x) and not x.shape and TYPES[x.dtype] == "float"]
        found = in_parts(self.dims) if sums and not self.op.axes and self.fold == 1 and self.dims else None
        self.dims = found or self.dims
        return {x: f"%partial{i}" for i, x in enumerate(sums)} if found else {}

    def planned(self) -> tuple[list[tuple[list[Step], list[Step]]], dict[Variable, int]]:
        """([(steps on row results, steps in a pass over the row), …], the pass from which on each result is known)."""
        op, known = self.op, dict.fromkeys(self.op.body.inputs, 0)
        passes: list[tuple[list[Step], list[Step]]] = [([], [])]
        for step in op.body.steps:
            out = step.results[0]
            at = max([len(passes) - 1, *(known[x] for x in step.reads())])
            while at >= len(passes):
                passes.append(([], []))
            whole = op.whole(out) or self.reduces(step)
            passes[at][1 if whole else 0].append(step)
            known[out] = at + 1 if self.reduces(step) else at
            if not whole and passes[at][1]:  # its row's pass has begun: it comes after
                passes[at][0].remove(step)
                passes.append(([step], []))
                known[out] = at + 1
        return passes, known

    def reduces(self, step: Step) -> bool:
        return step.name in ("sum", "max", "min") and not step.elementwise

    def kept(self) -> list[Variable]:
        """What one pass makes and a later one reads, and no memory holds."""
        found: dict[Variable, None] = {}
        for number, (rows, steps) in enumerate(self.passes):
            for step in (*rows, *steps):
                for x in step.reads():
                    late = x in self.op.maker and self.op.whole(x) and self.level[x] < number
                    if late and x not in self.outs:
                        found[x] = None
        return list(found)

    def write(self) -> None:
        """The whole function."""
        code, width = self.code, prod(dim.length for dim in self.dims if dim.inside)
        for x, name in self.scratch.items():
            self.head.append(f"  {name} = alloca [{width} x {self.memory(x)}], align 64")
        totals = [x for x in self.outs if self.op.added(x)]
        self.sums = {x: f"%sums{i}" for i, x in enumerate(totals) if x.shape and self.fold > 1}
        for x in totals:
            if x in self.sums:
                count, kind = self.dims[1].length, TYPES[x.dtype]
                self.head.append(f"  {self.sums[x]} = alloca [{count} x {kind}], align 64")
                self.cleared(self.sums[x], count * BYTES[kind])
            if x.shape:
                self.cleared(self.address(self.places[x].symbol, str(self.places[x].offset)), x.nbytes)
            else:
                self.head.append(f"  %total{totals.index(x)} = alloca double")
                code.lines.append(f"  store double {literal(0.0, 'double')}, ptr %total{totals.index(x)}")
        self.totals = {x: f"%total{i}" for i, x in enumerate(totals) if not x.shape}
        around = [dim for dim in self.dims if not dim.inside]
        inner = [around.pop()] if self.parts else []
        self.head += [f"  {name} = alloca float" for name in self.parts.values()]
        with self.loops(around):
            for name in self.parts.values():
                code.lines.append(f"  store float {literal(0.0, 'float')}, ptr {name}")
            with self.loops(inner):
                for rows, steps in self.passes:
                    for step in rows:
                        self.row[step.results[0]] = self.computed(step, self.row_value)
                    if steps:
                        self.gone_over(steps)
                for x, value in self.row.items():
                    if x in self.outs:
                        self.store(x, value)
            for x, name in self.parts.items():
                value = code.new(f"fpext float {code.new(f'load float, ptr {name}')} to double")
                before = code.new(f"load double, ptr {self.totals[x]}")
                code.lines.append(f"  store double {code.new(f'fadd double {before}, {value}')}, ptr {self.totals[x]}")
        for x, name in self.sums.items():
            self.put_together(x, name)
        for x, name in self.totals.items():
            kind = TYPES[x.dtype]
            value = code.new(f"load double, ptr {name}")
            value = value if kind == "double" else code.new(f"fptrunc double {value} to float")
            place = self.places[x]
            offset = code.new(f"mul i64 %part, {BYTES[kind]}") if self.parted else "0"
            offset = code.new(f"add i64 {offset}, {place.offset}")
            code.lines.append(f"  store {kind} {value}, ptr {self.address(place.symbol, offset)}, align 1")

    def put_together(self, x: Variable, name: str) -> None:
        """Add up the sums of each row of those that are gone over as one."""
        code, place, columns = self.code, self.places[x], self.lines[1]
        with self.loops(self.lines):
            row, column = self.index
            index = code.new(f"add nuw nsw i64 {code.new(f'mul nuw nsw i64 {row}, {columns.length}')}, {column}")
            kind = TYPES[x.dtype]
            part = code.new(f"load {kind}, ptr {self.address(name, code.new(f'mul i64 {index}, {BYTES[kind]}'))}")
            offset = code.new(f"mul nsw i64 {column}, {place.strides[columns.axes[-1]]}")
            address = self.address(place.symbol, code.new(f"add nsw i64 {offset}, {place.offset}"))
            before = code.new(f"load {kind}, ptr {address}, align 4")
            code.lines.append(
                f"  store {kind} {code.new(f'fadd {SUMMED} {kind} {before}, {part}')}, ptr {address}, align 4"
            )

    def gone_over(self, steps: list[Step]) -> None:
        """One pass over a row; without rows, over everything."""
        code = self.code
        reductions = {
            step.results[0]: step for step in steps if self.reduces(step) and not self.op.added(step.results[0])
        }
        running = {}
        for x, step in reductions.items():
            kind, start = TYPES[x.dtype], {"sum": 0.0, "max": -np.inf, "min": np.inf}[step.name]
            running[x] = f"%running{code.fresh()}"
            self.head.append(f"  {running[x]} = alloca {kind}")
            code.lines.append(f"  store {kind} {literal(start, kind)}, ptr {running[x]}")
        with self.loops([dim for dim in self.dims if dim.inside]):
            local: dict[Variable, str] = {}

            def value(x: Variable) -> str:
                if x not in local:
                    local[x] = self.row[x] if x in self.row else self.load(x)
                return local[x]

            for step in steps:
                out = step.results[0]
                if not self.reduces(step):
                    local[out] = self.computed(step, value)
                    if out in self.outs:
                        self.store(out, local[out])
                    if out in self.scratch:
                        self.store_at(self.scratch_at(out), out, local[out])
                elif self.op.added(out):
                    self.add(out, value(step.operands[0]))
                else:
                    self.join(step, running[out], value(step.operands[0]))
        for x in reductions:
            self.row[x] = code.new(f"load {TYPES[x.dtype]}, ptr {running[x]}")

    def row_value(self, x: Variable) -> str:
        return self.row[x] if x in self.row else self.load(x)

    def computed(self, step: Step, value: Callable[[Variable], str]) -> str:
        """The register with a step's result at the place where the loops are."""
        code, out = self.code, step.results[0]
        if step.name == "broadcast_to":
            return value(step.operands[0])
        if step.name == "take":
            table = self.places[step.operands[0]]
            place = code.new(f"mul nsw i64 {value(step.operands[1])}, {table.stride}")
            return self.load_at(out, self.address(table.symbol, code.new(f"add nsw i64 {place}, {table.offset}")))
        kind = TYPES[out.dtype]
        operands = list(step.operands)
        if step.name in COMPARISONS:
            dtypes = [x.dtype for x in operands if getattr(x, "dtype", None) is not None and x.dtype != bool]
            kind = TYPES[np.result_type(*dtypes) if dtypes else None]
        if step.name == "power":
            return self.power(kind, self.cast(operands[0], kind, value), float(operands[1]))
        if step.name == "where":
            condition = self.cast(operands[0], "i1", value)
            return code.select(condition, kind, *(self.cast(x, kind, value) for x in operands[1:]))
        return OPS[step.name](code, kind, *(self.cast(x, kind, value) for x in operands))

    def power(self, kind: str, x: str, exponent: float) -> str:
        code = self.code
        if exponent == -1.0:
            return code.new(f"fdiv {kind} {literal(1.0, kind)}, {x}")
        y = x
        for _ in range(int(exponent) - 1):
            y = code.new(f"fmul {FLAGS} {kind} {y}, {x}")
        return y

    def cast(self, x: Any, kind: str, value: Callable[[Variable], str]) -> str:
        """An operand as a register of a type, or a literal."""
        code = self.code
        if not isinstance(x, Variable):
            return str(bool(x)).lower() if kind == "i1" else literal(float(x), kind)
        register = value(x)
        given = "double" if isinstance(self.places.get(x), str) else TYPES[x.dtype]
        if given == kind:
            return register
        if kind == "i1":
            return code.compare("une", given, register, literal(0.0, given))
        how = {"i1": "uitofp", "float": "fpext", "double": "fptrunc"}[given]
        return code.new(f"{how} {given} {register} to {kind}")

    def memory(self, x: Variable) -> str:
        """The type under which numbers lie in memory."""
        kind = TYPES[x.dtype]
        return "i8" if kind == "i1" else kind

    def address(self, symbol: str, offset: str) -> str:
        return self.code.new(f"getelementptr inbounds i8, ptr {symbol}, i64 {offset}")

    def at(self, place: Place) -> str:
        """The address of a place where the loops are."""
        code, offset = self.code, str(place.offset)
        for dim, index in zip(self.dims, self.index, strict=False):
            stride = place.strides[dim.axes[-1]] * dim.step
            if stride:
                step = code.new(f"mul nsw i64 {index}, {stride}")
                offset = code.new(f"add nsw i64 {offset}, {step}")
        return self.address(place.symbol, offset)

    def scratch_at(self, x: Variable) -> str:
        """The address in a scratch row."""
        offset, width = "0", BYTES[TYPES[x.dtype]]
        for (length, _, inside, _), index in reversed(list(zip(self.dims, self.index, strict=True))):
            if inside:
                step = self.code.new(f"mul nsw i64 {index}, {width}")
                offset = self.code.new(f"add nsw i64 {offset}, {step}")
                width *= length
        return self.address(self.scratch[x], offset)

    def load(self, x: Variable) -> str:
        place = self.places.get(x)
        if isinstance(place, str):
            return place
        return self.load_at(x, self.scratch_at(x) if x in self.scratch else self.at(self.places[x]))

    def load_at(self, x: Variable, address: str) -> str:
        value = self.code.new(f"load {self.memory(x)}, ptr {address}, align {BYTES[TYPES[x.dtype]]}")
        return self.code.new(f"icmp ne i8 {value}, 0") if x.dtype == bool else value

    def store(self, x: Variable, value: str) -> None:
        self.store_at(self.at(self.places[x]), x, value)

    def store_at(self, address: str, x: Variable, value: str) -> None:
        value = self.code.new(f"zext i1 {value} to i8") if x.dtype == bool else value
        self.code.lines.append(f"  store {self.memory(x)} {value}, ptr {address}, align {BYTES[TYPES[x.dtype]]}")

    def add(self, x: Variable, value: str) -> None:
        """Add to what is summed over the whole loop; a sum of everything in double precision."""
        code, kind = self.code, TYPES[x.dtype]
        if x in self.parts:
            address = self.parts[x]
        elif x in self.totals:
            value = value if kind == "double" else code.new(f"fpext float {value} to double")
            kind, address = "double", self.totals[x]
        elif x in self.sums:
            address = self.address(self.sums[x], code.new(f"mul nsw i64 {self.index[-1]}, {BYTES[kind]}"))
        else:
            address = self.at(self.places[x])
        before = code.new(f"load {kind}, ptr {address}, align 4")
        code.lines.append(
            f"  store {kind} {code.new(f'fadd {SUMMED} {kind} {before}, {value}')}, ptr {address}, align 4"
        )

    def join(self, step: Step, running: str, value: str) -> None:
        """One more number for a reduction of a row."""
        code, kind = self.code, TYPES[step.results[0].dtype]
        before = code.new(f"load {kind}, ptr {running}")
        if step.name == "sum":
            after = code.new(f"fadd {SUMMED} {kind} {before}, {value}")
        else:
            after = code.call("maximum" if step.name == "max" else "minimum", kind, before, value, flags="nsz")
        code.lines.append(f"  store {kind} {after}, ptr {running}")

    def cleared(self, address: str, size: int) -> None:
        """Zero so many bytes."""
        self.code.declared.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        self.code.lines.append(f"  call void @llvm.memset.p0.i64(ptr {address}, i8 0, i64 {size}, i1 false)")

    def note(self, dim: Dim) -> str:
        """A note on a loop whether it is to be written out; "" leaves that to LLVM."""
        if dim.length not in SHORT and self.fold == 1:
            return ""
        rows = prod(other.length for other in self.dims if not other.inside)
        beside = dim.inside and dim.length < SIDE_BY_SIDE <= rows
        n = len(self.metadata)
        self.metadata += [f"!{n} = distinct !{{!{n}, !{n + 1}}}",
                          f'!{n + 1} = !{{!"llvm.loop.unroll.{"full" if beside else "disable"}"}}']  # fmt: skip
        return f", !llvm.loop !{n}"

    @contextmanager
    def loops(self, dims: list[Dim]) -> Iterator[None]:
        """Nested loops around what is written inside."""
        code = self.code
        open_: list[tuple[int, str, str]] = []
        for dim in dims:
            number, length = code.fresh(), dim.length
            first, last = ("%first", "%last") if self.parted and not self.index else ("0", str(length))
            before = f"before{number}"
            code.lines += [f"  br label %{before}", f"{before}:", f"  br label %loop{number}", f"loop{number}:",
                           f"  %i{number} = phi i64 [{first}, %{before}], [%next{number}, %end{number}]"]  # fmt: skip
            self.index.append(f"%i{number}")
            open_.append((number, last, self.note(dim)))
        yield
        for number, last, note in reversed(open_):
            code.lines += [f"  br label %end{number}", f"end{number}:",
                           f"  %next{number} = add nuw nsw i64 %i{number}, 1",
                           f"  %more{number} = icmp ne i64 %next{number}, {last}",
                           f"  br i1 %more{number}, label %loop{number}, label %after{number}{note}",
                           f"after{number}:"]  # fmt: skip
            self.index.pop()
