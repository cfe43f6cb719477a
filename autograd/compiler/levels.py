"""Levels of a tape as loops of machine code: each group of rows is one loop that fetches its operands and stores its rows.

NumPy needs a call for each operand to gather it, and one more to compute; here both are one pass. Nothing in a group reads
what the group writes, which LLVM cannot see and is told ("parallel accesses"), so that it may use vectors.
"""

from typing import Any

import numpy as np

from autograd.compiler.elementary import FLAGS, OPS, SUMMED, Code, literal
from autograd.compiler.fuse import COMPARISONS
from autograd.compiler.tape import SUMS, Group

__all__ = ["level_kernel", "places"]

UNROLLED = 32  # terms up to which the terms of a sum are written out, so that several sums are done at once
PARALLEL = '!0 = distinct !{}\n!1 = !{!"llvm.loop.parallel_accesses", !0}'  # metadata of all loops


def places(group: Group) -> list[Any]:
    """Its operands, with places as 32-bit numbers, half the memory; of long sums the terms of one side by side."""
    found: list[Any] = []
    for source in group.operands:
        if isinstance(source, np.ndarray):
            source = source.astype(np.int32)
            if group.terms > UNROLLED:
                source = np.ascontiguousarray(source.reshape(group.terms, -1).T).reshape(-1)
        found.append(source)
    return found


def level_kernel(name: str, groups: list[Group], sources: list[list[Any]], v: str) -> str:
    """Text of the module with a function without arguments that computes these groups.

    sources   for each operand of each group a slice of v, or the symbol of an array of `places`
    v         symbol of the array of numbers
    """
    code = Code()
    for number, (group, operands) in enumerate(zip(groups, sources, strict=True), 2):
        _Loop(code, group, operands, v, number).write()
    loops = [f"!{i} = distinct !{{!{i}, !1}}" for i in range(2, 2 + len(groups))]
    body = "\n".join(code.lines)
    text = f"define void @{name}() {{\nstart:\n{body}\n  ret void\n}}"
    return "\n".join([*sorted(code.declared), text, PARALLEL, *loops, ""])


class _Loop:
    """One group: for each of its rows, v[start + row] = …"""

    def __init__(self, code: Code, group: Group, sources: list[Any], v: str, number: int) -> None:
        self.code, self.group, self.sources, self.v, self.number = code, group, sources, v, number
        self.count = group.stop - group.start

    def write(self) -> None:
        code, group = self.code, self.group
        n = code.fresh()
        code.lines += [f"  br label %before{n}", f"before{n}:", f"  br label %loop{n}", f"loop{n}:",
                       f"  %row{n} = phi i64 [0, %before{n}], [%next{n}, %end{n}]"]  # fmt: skip
        row = f"%row{n}"
        if group.name in SUMS:
            value = self.short_sum(row) if group.terms <= UNROLLED else self.long_sum(row)
        else:
            value = OPS[group.name](code, "double", *(self.fetched(source, row, row) for source in self.sources))
            if group.name in COMPARISONS:
                value = code.new(f"uitofp i1 {value} to double")
        target = self.address(self.v, "double", code.new(f"add nuw nsw i64 {row}, {group.start}"))
        code.lines += [f"  store double {value}, ptr {target}, align 8, !llvm.access.group !0",
                       f"  br label %end{n}", f"end{n}:", f"  %next{n} = add nuw nsw i64 {row}, 1",
                       f"  %more{n} = icmp ne i64 %next{n}, {self.count}",
                       f"  br i1 %more{n}, label %loop{n}, label %after{n}, !llvm.loop !{self.number}",
                       f"after{n}:"]  # fmt: skip

    def short_sum(self, row: str) -> str:
        """All terms, one after the other."""
        code, value = self.code, literal(0.0, "double")
        for k in range(self.group.terms):
            place = code.new(f"add nuw nsw i64 {row}, {k * self.count}")
            value = self.plus(value, place, place)
        return value

    def long_sum(self, row: str) -> str:
        """A loop over the terms."""
        code, n = self.code, self.code.fresh()
        before = code.new(f"mul nuw nsw i64 {row}, {self.group.terms}")
        code.lines += [f"  br label %ahead{n}", f"ahead{n}:", f"  br label %term{n}", f"term{n}:",
                       f"  %k{n} = phi i64 [0, %ahead{n}], [%another{n}, %term{n}]",
                       f"  %sum{n} = phi double [{literal(0.0, 'double')}, %ahead{n}], [%total{n}, %term{n}]"]  # fmt: skip
        aside = code.new(f"mul nuw nsw i64 %k{n}, {self.count}")
        slot, listed = code.new(f"add nuw nsw i64 {aside}, {row}"), code.new(f"add nuw nsw i64 {before}, %k{n}")
        value = self.plus(f"%sum{n}", slot, listed)
        code.lines += [f"  %total{n} = fadd {SUMMED} double {value}, {literal(-0.0, 'double')}",
                       f"  %another{n} = add nuw nsw i64 %k{n}, 1",
                       f"  %on{n} = icmp ne i64 %another{n}, {self.group.terms}",
                       f"  br i1 %on{n}, label %term{n}, label %summed{n}", f"summed{n}:"]  # fmt: skip
        return f"%total{n}"

    def plus(self, value: str, slot: str, listed: str) -> str:
        """value and one more term."""
        factors = [self.fetched(source, slot, listed) for source in self.sources]
        term = self.code.new(f"fmul {FLAGS} double {', '.join(factors)}") if len(factors) > 1 else factors[0]
        return self.code.new(f"fadd {SUMMED} double {value}, {term}")

    def fetched(self, source: Any, slot: str, listed: str) -> str:
        """The operand at a slot of a slice, or where the list of places has it."""
        code = self.code
        if not isinstance(source, slice):
            entry = self.address(source, "i32", listed)
            place = code.new(f"load i32, ptr {entry}, align 4, !llvm.access.group !0")
            at = code.new(f"zext i32 {place} to i64")
        elif source.stop - source.start == 1:
            at = str(source.start)
        else:
            at = code.new(f"add nuw nsw i64 {slot}, {source.start}")
        return code.new(f"load double, ptr {self.address(self.v, 'double', at)}, align 8, !llvm.access.group !0")

    def address(self, symbol: str, kind: str, index: str) -> str:
        return self.code.new(f"getelementptr inbounds {kind}, ptr {symbol}, i64 {index}")
