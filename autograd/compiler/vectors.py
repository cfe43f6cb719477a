"""Vectors: the LLVM function of a product that is being written, whose sums stay in registers.

LLVM turns loops into vectors by itself where each number of the result stands alone. In a product it would have to keep
a rectangle of sums in registers, which it does not find; so its functions are written on vectors from the beginning.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd.compiler.elementary import Code

__all__ = ["Vectors", "lanes_for"]


def lanes_for(count: int, dtype: Any, register: int) -> int:
    """Numbers of a vector: as many as a register of so many bytes has, or less if there are only a few."""
    most = register // np.dtype(dtype).itemsize
    return next((n for n in (2, 4, 8, 16) if count <= n <= most), most)


class Vectors:
    """A function. Addresses and offsets are in bytes; registers and numbers are text.

    count   numbers of a line of the result, done in blocks of `block` vectors of `lanes` numbers
    """

    def __init__(self, name: str, dtype: Any, count: int, lanes: int, block: int) -> None:
        self.name, self.count, self.lanes, self.block, self.code = name, count, lanes, block, Code()
        self.kind, self.bytes = ("float", 4) if dtype == np.float32 else ("double", 8)
        self.type, self.vector = f"<{lanes} x {self.kind}>", lanes * self.bytes
        self.blocks = -(-count // (lanes * block))
        self.head: list[str] = []
        self.open: list[tuple[int, int | str]] = []  # loops
        self.tables: dict[str, str] = {}
        self.notes: list[str] = []  # on loops: not to be written out, for they are long enough

    def module(self, pointers: tuple[str, ...], arguments: str = "") -> str:
        """The module of the function alone."""
        given = ", ".join([*(f"ptr noalias %{x}" for x in pointers), *([arguments] if arguments else [])])
        body = "\n".join([*self.head, *self.code.lines])
        define = f'define void @{self.name}({given}) "prefer-vector-width"="512" {{\nstart:\n{body}\n  ret void\n}}'
        return "\n".join([*sorted(self.code.declared), *self.tables.values(), define, *self.notes, ""])

    @contextmanager
    def loop(self, count: int | str) -> Iterator[str]:
        """Written inside of it: what is done for each number, which it gives, below a count of at least 1."""
        yield self.begin(count)
        self.end()

    def begin(self, count: int | str) -> str:
        """Begin such a loop, and give its number."""
        n, code = self.code.fresh(), self.code
        code.lines += [f"  br label %before{n}", f"before{n}:", f"  br label %loop{n}", f"loop{n}:",
                       f"  %i{n} = phi i64 [0, %before{n}], [%next{n}, %end{n}]"]  # fmt: skip
        self.open.append((n, count))
        return f"%i{n}"

    def end(self) -> None:
        """End the loop begun last."""
        (n, count), code = self.open.pop(), self.code
        code.lines += [f"  br label %end{n}", f"end{n}:", f"  %next{n} = add nuw nsw i64 %i{n}, 1",
                       f"  %more{n} = icmp ne i64 %next{n}, {count}",
                       f"  br i1 %more{n}, label %loop{n}, label %after{n}, !llvm.loop !{len(self.notes)}",
                       f"after{n}:"]  # fmt: skip
        self.notes.append(f'!{len(self.notes)} = distinct !{{!{len(self.notes)}, !{{!"llvm.loop.unroll.disable"}}}}')

    def times(self, i: str, step: int) -> str:
        return self.code.new(f"mul nsw i64 {i}, {step}")

    def moved(self, address: str, offset: str) -> str:
        return self.code.new(f"getelementptr inbounds i8, ptr {address}, i64 {offset}")

    def entry(self, table: str, entries: list[int], i: str) -> str:
        """An entry of a table of numbers."""
        listed = ", ".join(f"i64 {x}" for x in entries)
        self.tables[table] = f"@{table} = private unnamed_addr constant [{len(entries)} x i64] [{listed}]"
        place = self.code.new(f"getelementptr inbounds i64, ptr @{table}, i64 {i}")
        return self.code.new(f"load i64, ptr {place}")

    def sums(self, rows: int) -> list[list[str]]:
        """Memory for so many rows of a block's vectors, which LLVM turns into registers."""
        slots = [[f"%slot{self.code.fresh()}" for _ in range(self.block)] for _ in range(rows)]
        self.head += [f"  {slot} = alloca {self.type}, align 64" for row in slots for slot in row]
        return slots

    def start(self, sums: list[list[str]], vectors: list[str] | None = None) -> None:
        """Begin the sums of each row with these vectors, zeros if none are given."""
        for row in sums:
            for slot, vector in zip(row, vectors or ["zeroinitializer"] * self.block, strict=True):
                self.put(vector, slot)

    def finish(self, sums: list[list[str]], address: str, line: int, masks: list[str]) -> None:
        """Store the sums, a row every `line` bytes."""
        for r, row in enumerate(sums):
            for v, slot in enumerate(row):
                self.store(self.got(slot), self.moved(address, str(r * line + v * self.vector)), masks[v])

    def put(self, vector: str, slot: str) -> None:
        self.code.lines.append(f"  store {self.type} {vector}, ptr {slot}, align 64")

    def got(self, slot: str) -> str:
        return self.code.new(f"load {self.type}, ptr {slot}, align 64")

    def masks(self, b: str) -> list[str]:
        """For each vector of a block which of its numbers there are; "" for all. Only the last of all is cut."""
        lanes, cut = self.lanes, self.count % self.lanes
        if not cut:
            return [""] * self.block
        listed = ", ".join(f"<{lanes} x i8> <{', '.join(f'i8 {int(i < n)}' for i in range(lanes))}>"
                           for n in [lanes] * (self.blocks - 1) + [cut])  # fmt: skip
        self.tables["present"] = f"@present = private unnamed_addr constant [{self.blocks} x <{lanes} x i8>] [{listed}]"
        place = self.code.new(f"getelementptr inbounds <{lanes} x i8>, ptr @present, i64 {b}")
        found = self.code.new(f"load <{lanes} x i8>, ptr {place}, align 1")
        return [""] * (self.block - 1) + [self.code.new(f"icmp ne <{lanes} x i8> {found}, zeroinitializer")]

    def load(self, address: str, mask: str = "") -> str:
        if not mask:
            return self.code.new(f"load {self.type}, ptr {address}, align {self.bytes}")
        name, lanes = f"@llvm.masked.load.v{self.lanes}f{8 * self.bytes}.p0", f"<{self.lanes} x i1>"
        self.code.declared.add(f"declare {self.type} {name}(ptr, i32, {lanes}, {self.type})")
        return self.code.new(f"call {self.type} {name}(ptr {address}, i32 {self.bytes}, {lanes} {mask}, "
                             f"{self.type} zeroinitializer)")  # fmt: skip

    def store(self, vector: str, address: str, mask: str = "") -> None:
        if not mask:
            self.code.lines.append(f"  store {self.type} {vector}, ptr {address}, align {self.bytes}")
            return
        name, lanes = f"@llvm.masked.store.v{self.lanes}f{8 * self.bytes}.p0", f"<{self.lanes} x i1>"
        self.code.declared.add(f"declare void {name}({self.type}, ptr, i32, {lanes})")
        self.code.lines.append(
            f"  call void {name}({self.type} {vector}, ptr {address}, i32 {self.bytes}, {lanes} {mask})"
        )

    def vectors(self, address: str, masks: list[str] | None = None) -> list[str]:
        """The vectors of a block."""
        masks = masks or [""] * self.block
        return [self.load(self.moved(address, str(v * self.vector)), mask) for v, mask in enumerate(masks)]

    def multiply(self, sums: list[list[str]], numbers: str, offsets: list[int], given: list[str]) -> None:
        """Add to each row of sums the vectors given, times the number at the row's offset."""
        new, lanes = self.code.new, self.lanes
        for row, offset in zip(sums, offsets, strict=True):
            x = new(f"load {self.kind}, ptr {self.moved(numbers, str(offset))}, align {self.bytes}")
            x = new(f"insertelement {self.type} poison, {self.kind} {x}, i64 0")
            x = new(f"shufflevector {self.type} {x}, {self.type} poison, <{lanes} x i32> zeroinitializer")
            for slot, vector in zip(row, given, strict=True):
                product = new(f"fmul contract {self.type} {x}, {vector}")
                self.put(new(f"fadd contract {self.type} {product}, {self.got(slot)}"), slot)

    def mixed(self, x: str, y: str, places: list[int]) -> str:
        """The vector of numbers at these places of two, one after the other."""
        listed = ", ".join(f"i32 {place}" for place in places)
        return self.code.new(f"shufflevector {self.type} {x}, {self.type} {y}, <{self.lanes} x i32> <{listed}>")
