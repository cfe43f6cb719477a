"""Small products of matrices as machine code: for those a call of BLAS costs more than the arithmetic.

BLAS packs both matrices before it multiplies, which pays for large ones. On 32 × 64 times 64 × 64 numbers OpenBLAS takes
3.5 us, 7 with the second matrix transposed, which is how every linear layer has its weights; the arithmetic takes 2.4.
Here rows of the second matrix are vectors that are read where they lie; only a transposed one is packed first. Numbers of
the first may lie in any order. Sums go over the terms in order, each in one register.
"""

import functools
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler import machine
from autograd.compiler.vectors import Vectors, lanes_for

__all__ = ["Matrices", "fits", "function", "product"]

LARGEST = 1 << 19  # multiplications of one product, above which BLAS is as fast
BYTES = 1 << 17  # of the second matrix, with which it stays in the cache
LEAST = 4  # columns of the result: below, vectors are too short


class Matrices(NamedTuple):
    """The form of x @ y = out for stacks of matrices: lengths, and strides in bytes.

    stack   lengths of the axes before the last two
    """

    stack: tuple[int, ...]
    rows: int
    terms: int
    columns: int
    x: tuple[int, ...]
    y: tuple[int, ...]
    out: tuple[int, ...]


def fits(x: Any, y: Any, out: Any) -> Matrices | None:
    """The form of a product that is worth machine code; None if it is not."""
    if not x.ndim == y.ndim == out.ndim >= 2 or not x.shape[:-2] == y.shape[:-2] == out.shape[:-2]:
        return None
    if (
        not x.dtype == y.dtype == out.dtype
        or x.dtype not in (np.float32, np.float64)
        or 0 in out.shape
        or not x.shape[-1]
    ):
        return None
    form = Matrices(out.shape[:-2], x.shape[-2], x.shape[-1], y.shape[-1], x.strides, y.strides, out.strides)
    size = x.dtype.itemsize
    lies = out.strides[-1] == size and size in y.strides[-2:]
    small = prod(form[1:4]) <= LARGEST and y.shape[-1] * y.shape[-2] * size <= BYTES
    apart = not any(np.may_share_memory(out, z) for z in (x, y))
    return form if lies and small and apart and form.columns >= LEAST else None


@functools.lru_cache(1024)
def function(form: Matrices, dtype: Any) -> Any:
    """The function(x, y, out) of machine code, of addresses, for a form."""
    return machine.function(product(form, dtype, machine.registers()), "product", ("ptr",) * 3)


def product(form: Matrices, dtype: Any, registers: tuple[int, int]) -> str:
    """The module of product(x, y, out), which computes out = x @ y."""
    register, most = registers
    lanes = lanes_for(form.columns, dtype, register)
    block, rows = _rectangle(form.rows, -(-form.columns // lanes), most)
    w = Vectors("product", dtype, form.columns, lanes, block)
    tiles = [min(i, form.rows - rows) for i in range(0, form.rows, rows)]
    sums = w.sums(rows)
    x, y, out = "%x", "%y", "%out"
    for axis, length in enumerate(form.stack):
        i = w.begin(length)
        x, y, out = (w.moved(z, w.times(i, strides[axis])) for z, strides in zip((x, y, out), form[4:], strict=True))
    line = form.y[-2]
    turned = form.y[-1] != w.bytes
    if turned:
        line = w.blocks * block * w.vector
        y = _packed(w, form, y, line)
    with w.loop(w.blocks) as b:
        masks = w.masks(b)
        there, target = w.moved(y, w.times(b, block * w.vector)), w.moved(out, w.times(b, block * w.vector))
        with w.loop(len(tiles)) as t:
            row = w.entry("rows", tiles, t)
            first, result = w.moved(x, w.times(row, form.x[-2])), w.moved(target, w.times(row, form.out[-2]))
            w.start(sums)
            with w.loop(form.terms) as k:
                given = w.vectors(w.moved(there, w.times(k, line)), None if turned else masks)
                numbers = w.moved(first, w.times(k, form.x[-1]))
                w.multiply(sums, numbers, [r * form.x[-2] for r in range(rows)], given)
            w.finish(sums, result, form.out[-2], masks)
    for _ in form.stack:
        w.end()
    return w.module(("x", "y", "out"))


def _rectangle(rows: int, vectors: int, most: int) -> tuple[int, int]:
    """(vectors in a block, rows of a tile): of rectangles of at most so many sums the one that takes the fewest cycles.

    A term costs a cycle for each sum, four at least (that long a sum is not ready for the next), and half a one for each
    number and each vector that is loaded; the last tile goes over rows that are done already.
    """

    def cycles(form: tuple[int, int]) -> float:
        block, height = form
        return (vectors // block) * -(-rows // height) * max(block * height, 4.0, (block + height) / 2)

    forms = [(n, -(-rows // -(-rows // height))) for n in range(1, 9) if vectors % n == 0
             for height in range(1, min(rows, most // n) + 1)]  # fmt: skip
    return min(forms, key=lambda form: (cycles(form), -form[0] * form[1]))


def _packed(w: Vectors, form: Matrices, y: str, line: int) -> str:
    """The address of a copy of y with rows that lie in one piece, on the stack."""
    w.head.append(f"  %packed = alloca [{form.terms * line} x i8], align 64")
    lanes = w.lanes if min(form.columns, form.terms) >= w.lanes else 1
    columns, terms = ([min(i, n - lanes) for i in range(0, n, lanes)] for n in (form.columns, form.terms))
    with w.loop(len(columns)) as i, w.loop(len(terms)) as j:
        column, term = w.entry("columns", columns, i), w.entry("terms", terms, j)
        here = w.moved(w.moved(y, w.times(column, form.y[-1])), w.times(term, form.y[-2]))
        there = w.moved(w.moved("%packed", w.times(column, w.bytes)), w.times(term, line))
        if lanes == 1:
            number = w.code.new(f"load {w.kind}, ptr {here}, align {w.bytes}")
            w.code.lines.append(f"  store {w.kind} {number}, ptr {there}, align {w.bytes}")
        else:
            rows = [w.load(w.moved(here, str(n * form.y[-1]))) for n in range(lanes)]
            for n, vector in enumerate(_turned(w, rows)):
                w.store(vector, w.moved(there, str(n * line)))
    return "%packed"


def _turned(w: Vectors, rows: list[str]) -> list[str]:
    """The columns of a square of vectors: numbers change places in squares of two, four and so on (Eklundh 1972)."""
    step, lanes = 1, w.lanes
    while step < lanes:
        low = [n if not n & step else lanes + n - step for n in range(lanes)]
        high = [n + step if not n & step else lanes + n for n in range(lanes)]
        for i in range(lanes):
            if not i & step:
                pair = rows[i], rows[i + step]
                rows[i], rows[i + step] = (w.mixed(*pair, places) for places in (low, high))
        step *= 2
    return rows
