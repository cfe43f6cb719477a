"""The LLVM functions of a convolution on images whose channels are the last axis.

`forward` computes a few neighbouring pixels of the result at a time, for a block of its channels: their sums stay in
registers while it goes over the numbers of a window, each multiplied with a vector of weights. Nothing is gathered, as for
a matrix product it must be: a window's numbers are read where they lie, in a padded copy of one image, which fits the
first-level cache. `backward` does the same for the weights: the sums of a few numbers of the window with a block of
channels stay in registers while it goes over all pixels.

The numbers of a window are `taps`, runs of numbers that lie side by side: in an image a row of the kernel.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from autograd.compiler.elementary import Code

__all__ = ["Convolution", "backward", "forward"]


@dataclass(frozen=True)
class Convolution:
    """One group: shapes without the batch, and how many bytes a register has and how many sums stay in registers.

    lengths, kernel, pads (as pairs), stride, dilation, outs   of each spatial axis
    channels, made   of an image and of a result
    """

    lengths: tuple[int, ...]
    channels: int
    kernel: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    outs: tuple[int, ...]
    made: int
    dtype: np.dtype[Any]
    register: int
    sums: int

    @cached_property
    def lanes(self) -> int:
        """Numbers of a vector: a register, or less if the result has few channels."""
        most = self.register // self.dtype.itemsize
        return next((n for n in (2, 4, 8, 16) if self.made <= n <= most), most)

    @cached_property
    def vectors(self) -> int:
        """Vectors that the channels of a result are."""
        return -(-self.made // self.lanes)

    @cached_property
    def block(self) -> int:
        """Vectors in a block."""
        return next(n for n in (4, 3, 2, 1) if self.vectors % n == 0)

    @cached_property
    def full(self) -> tuple[int, ...]:
        """The lengths of a padded image."""
        return tuple(n + sum(pad) for n, pad in zip(self.lengths, self.pads, strict=True))

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """Bytes between neighbours along each axis of a padded image."""
        pixel = self.channels * self.dtype.itemsize
        return tuple(pixel * prod(self.full[i + 1 :]) for i in range(len(self.full)))

    @cached_property
    def taps(self) -> list[int]:
        """Where the runs of a window begin, in bytes from its first number."""
        steps = [s * d for s, d in zip(self.strides, self.dilation, strict=True)]
        return [
            _dot(place, steps)
            for place in np.ndindex(*(self.kernel if self.run == self.channels else self.kernel[:-1]))
        ]

    @cached_property
    def run(self) -> int:
        """Numbers of a run: a row of the kernel, or one place of it if there are gaps."""
        return self.channels * (self.kernel[-1] if self.dilation[-1] == 1 else 1)

    @property
    def size(self) -> int:
        """Numbers of a window."""
        return self.channels * prod(self.kernel)

    @cached_property
    def pixels(self) -> int:
        """Neighbouring pixels of the result that are computed at once."""
        most = min(16, self.sums // self.block)
        return -(-self.outs[-1] // -(-self.outs[-1] // most))

    @cached_property
    def rows(self) -> int:
        """Numbers of a window that are done at once for the weights; all, or a part of each run."""
        most = self.sums // self.block
        return self.size if self.size <= most else max(n for n in range(1, most + 1) if self.run % n == 0)

    @property
    def worth(self) -> bool:
        """Whether there are sums enough to keep the processor's units busy, and weights few enough for its cache."""
        weights = self.size * self.vectors * self.lanes * self.dtype.itemsize
        return min(self.pixels, self.rows) * self.block >= 6 and weights <= 1 << 19


def _dot(place: Sequence[int], steps: Sequence[int]) -> int:
    return sum(i * step for i, step in zip(place, steps, strict=False))


def forward(shape: Convolution, name: str) -> str:
    """The module of name(images, weights, bias, out, padded, count).

    images (count, *lengths, channels) and out (count, *outs, made) without gaps; weights (blocks, size, block · lanes) and
    bias (blocks, block · lanes), where channels that are none are zeros; padded has zeros around an image.
    """
    w = _Writer(shape)
    width = shape.block * w.vector
    step = shape.stride[-1] * shape.strides[-1]
    first = range(0, shape.outs[-1], shape.pixels)
    tiles = [(*place, min(i, shape.outs[-1] - shape.pixels)) for place in np.ndindex(*shape.outs[:-1]) for i in first]
    windows = [s * n for s, n in zip(shape.strides, shape.stride, strict=True)]
    pixel = shape.made * w.bytes
    results = [pixel * prod(shape.outs[i + 1 :]) for i in range(len(shape.outs))]
    sums = [[w.slot() for _ in range(shape.block)] for _ in range(shape.pixels)]
    with w.loop("%count") as n:
        image = w.image(n)
        result = w.moved("%out", w.times(n, prod(shape.outs) * pixel))
        with w.loop(shape.vectors // shape.block) as b:
            weights = w.moved("%weights", w.times(b, shape.size * width))
            bias = w.vectors(w.moved("%bias", w.times(b, width)))
            masks = w.masks(b)
            with w.loop(len(tiles)) as t:
                window = w.moved(image, w.entry("windows", [_dot(tile, windows) for tile in tiles], t))
                out = w.moved(result, w.entry("results", [_dot(tile, results) for tile in tiles], t))
                out = w.moved(out, w.times(b, width))
                for row in sums:
                    for slot, vector in zip(row, bias, strict=True):
                        w.put(vector, slot)
                with w.loop(len(shape.taps)) as k:
                    tap = w.moved(window, w.entry("taps", shape.taps, k))
                    kernel = w.moved(weights, w.times(k, shape.run * width))
                    with w.loop(shape.run) as r:
                        number = w.moved(tap, w.times(r, w.bytes))
                        given = w.vectors(w.moved(kernel, w.times(r, width)))
                        w.multiply(sums, number, [p * step for p in range(shape.pixels)], given)
                for p, row in enumerate(sums):
                    for v, slot in enumerate(row):
                        w.store(w.got(slot), w.moved(out, str(p * pixel + v * w.vector)), masks[v])
    return w.module(name, ("images", "weights", "bias", "out", "padded"))


def backward(shape: Convolution, name: str) -> str:
    """The module of name(images, given, weights, padded, count), which adds to weights (size, vectors · lanes).

    images (count, *lengths, channels) and given (count, *outs, made) without gaps; padded has zeros around an image.
    """
    w = _Writer(shape)
    width, line = shape.block * w.vector, shape.vectors * w.vector
    whole = shape.rows == shape.size
    within = [tap + r * w.bytes for tap in shape.taps for r in range(shape.run)] if whole else [
        r * w.bytes for r in range(shape.rows)]  # fmt: skip
    parts = [0] if whole else [tap + r * w.bytes for tap in shape.taps for r in range(0, shape.run, shape.rows)]
    steps = [s * n for s, n in zip(shape.strides, shape.stride, strict=True)]
    lines = [_dot(place, steps) for place in np.ndindex(*shape.outs[:-1])]
    pixel = shape.made * w.bytes
    sums = [[w.slot() for _ in range(shape.block)] for _ in range(shape.rows)]
    with w.loop("%count") as n:
        image = w.image(n)
        results = w.moved("%given", w.times(n, prod(shape.outs) * pixel))
        with w.loop(len(parts)) as part:
            window = w.moved(image, w.entry("parts", parts, part))
            rows = w.moved("%weights", w.times(part, shape.rows * line))
            with w.loop(shape.vectors // shape.block) as b:
                target, masks = w.moved(rows, w.times(b, width)), w.masks(b)
                places = [[w.moved(target, str(r * line + v * w.vector)) for v in range(shape.block)]
                          for r in range(shape.rows)]  # fmt: skip
                for slot in itertools.chain(*sums):
                    w.put("zeroinitializer", slot)
                with w.loop(len(lines)) as i:
                    numbers = w.moved(window, w.entry("lines", lines, i))
                    result = w.moved(w.moved(results, w.times(i, shape.outs[-1] * pixel)), w.times(b, width))
                    with w.loop(shape.outs[-1]) as j:
                        there = w.moved(result, w.times(j, pixel))
                        given = [w.load(w.moved(there, str(v * w.vector)), masks[v]) for v in range(shape.block)]
                        w.multiply(sums, w.moved(numbers, w.times(j, steps[-1])), within, given)
                for slot, place in zip(itertools.chain(*sums), itertools.chain(*places), strict=True):
                    w.store(w.code.new(f"fadd {w.type} {w.load(place)}, {w.got(slot)}"), place)
    return w.module(name, ("images", "given", "weights", "padded"))


class _Writer:
    """A function that is being written. Addresses and offsets are in bytes, registers and numbers are text."""

    def __init__(self, shape: Convolution) -> None:
        self.shape, self.code = shape, Code()
        self.kind, self.bytes = ("float", 4) if shape.dtype == np.float32 else ("double", 8)
        self.type, self.vector = f"<{shape.lanes} x {self.kind}>", shape.lanes * self.bytes
        self.head: list[str] = []
        self.tables: dict[str, str] = {}

    def module(self, name: str, pointers: Sequence[str]) -> str:
        """The text of the module."""
        arguments = ", ".join([*(f"ptr noalias %{x}" for x in pointers), "i64 %count"])
        body = "\n".join([*self.head, *self.code.lines])
        define = f"define void @{name}({arguments}) #0 {{\nstart:\n{body}\n  ret void\n}}\n"
        wide = f'attributes #0 = {{ "prefer-vector-width"="{8 * self.shape.register}" }}\n'
        return "\n".join([*self.tables.values(), *sorted(self.code.declared), define, wide])

    @contextmanager
    def loop(self, count: int | str) -> Iterator[str]:
        """Written inside of it: what is done for each number, which it gives, below a count of at least 1."""
        n, code = self.code.fresh(), self.code
        code.lines += [f"  br label %before{n}", f"before{n}:", f"  br label %loop{n}", f"loop{n}:",
                       f"  %i{n} = phi i64 [0, %before{n}], [%next{n}, %end{n}]"]  # fmt: skip
        yield f"%i{n}"
        code.lines += [f"  br label %end{n}", f"end{n}:", f"  %next{n} = add nuw nsw i64 %i{n}, 1",
                       f"  %more{n} = icmp ne i64 %next{n}, {count}",
                       f"  br i1 %more{n}, label %loop{n}, label %after{n}", f"after{n}:"]  # fmt: skip

    def times(self, i: str, step: int) -> str:
        return self.code.new(f"mul nuw nsw i64 {i}, {step}")

    def moved(self, address: str, offset: str) -> str:
        return self.code.new(f"getelementptr inbounds i8, ptr {address}, i64 {offset}")

    def entry(self, table: str, entries: list[int], i: str) -> str:
        """An entry of a table of numbers."""
        listed = ", ".join(f"i64 {x}" for x in entries)
        self.tables[table] = f"@{table} = private unnamed_addr constant [{len(entries)} x i64] [{listed}]"
        place = self.code.new(f"getelementptr inbounds i64, ptr @{table}, i64 {i}")
        return self.code.new(f"load i64, ptr {place}")

    def image(self, n: str) -> str:
        """The address of the n-th image, copied between the zeros around it if there are any."""
        shape, line = self.shape, self.shape.lengths[-1] * self.shape.channels * self.bytes
        image = self.moved("%images", self.times(n, prod(shape.lengths[:-1]) * line))
        if not any(map(sum, shape.pads)):
            return image
        lows = [low for low, _ in shape.pads]
        places = [_dot([*map(sum, zip(place, lows, strict=False)), lows[-1]], shape.strides)
                  for place in np.ndindex(*shape.lengths[:-1])]  # fmt: skip
        self.code.declared.add("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        with self.loop(len(places)) as i:
            here, there = self.moved(image, self.times(i, line)), self.moved("%padded", self.entry("inside", places, i))
            self.code.lines.append(f"  call void @llvm.memcpy.p0.p0.i64(ptr {there}, ptr {here}, i64 {line}, i1 false)")
        return "%padded"

    def slot(self) -> str:
        """Memory for a vector, which LLVM turns into a register."""
        name = f"%slot{self.code.fresh()}"
        self.head.append(f"  {name} = alloca {self.type}, align 64")
        return name

    def put(self, vector: str, slot: str) -> None:
        self.code.lines.append(f"  store {self.type} {vector}, ptr {slot}, align 64")

    def got(self, slot: str) -> str:
        return self.code.new(f"load {self.type}, ptr {slot}, align 64")

    def masks(self, b: str) -> list[str]:
        """For each vector of a block which of its channels there are; "" for all."""
        shape = self.shape
        if shape.made % shape.lanes == 0:
            return [""] * shape.block
        blocks, lanes = shape.vectors // shape.block, shape.lanes
        rest = [lanes] * (blocks - 1) + [shape.made % lanes]
        listed = ", ".join(f"<{lanes} x i8> <{', '.join(f'i8 {int(i < n)}' for i in range(lanes))}>" for n in rest)
        self.tables["channels"] = f"@channels = private unnamed_addr constant [{blocks} x <{lanes} x i8>] [{listed}]"
        place = self.code.new(f"getelementptr inbounds <{lanes} x i8>, ptr @channels, i64 {b}")
        found = self.code.new(f"icmp ne <{lanes} x i8> {self.code.new(f'load <{lanes} x i8>, ptr {place}, align 1')}, "
                              "zeroinitializer")  # fmt: skip
        return [""] * (shape.block - 1) + [found]

    def load(self, address: str, mask: str = "") -> str:
        if not mask:
            return self.code.new(f"load {self.type}, ptr {address}, align {self.bytes}")
        name, lanes = f"@llvm.masked.load.v{self.shape.lanes}f{8 * self.bytes}.p0", f"<{self.shape.lanes} x i1>"
        self.code.declared.add(f"declare {self.type} {name}(ptr, i32, {lanes}, {self.type})")
        return self.code.new(f"call {self.type} {name}(ptr {address}, i32 {self.bytes}, {lanes} {mask}, "
                             f"{self.type} zeroinitializer)")  # fmt: skip

    def store(self, vector: str, address: str, mask: str = "") -> None:
        if not mask:
            self.code.lines.append(f"  store {self.type} {vector}, ptr {address}, align {self.bytes}")
            return
        name, lanes = f"@llvm.masked.store.v{self.shape.lanes}f{8 * self.bytes}.p0", f"<{self.shape.lanes} x i1>"
        self.code.declared.add(f"declare void {name}({self.type}, ptr, i32, {lanes})")
        self.code.lines.append(
            f"  call void {name}({self.type} {vector}, ptr {address}, i32 {self.bytes}, {lanes} {mask})"
        )

    def vectors(self, address: str) -> list[str]:
        """The vectors of a block."""
        return [self.load(self.moved(address, str(v * self.vector))) for v in range(self.shape.block)]

    def multiply(self, sums: list[list[str]], numbers: str, offsets: list[int], given: list[str]) -> None:
        """Add to each row of sums the vectors given, times the number at the row's offset."""
        new, lanes = self.code.new, self.shape.lanes
        for row, offset in zip(sums, offsets, strict=True):
            x = new(f"load {self.kind}, ptr {self.moved(numbers, str(offset))}, align {self.bytes}")
            x = new(f"insertelement {self.type} poison, {self.kind} {x}, i64 0")
            x = new(f"shufflevector {self.type} {x}, {self.type} poison, <{lanes} x i32> zeroinitializer")
            for slot, vector in zip(row, given, strict=True):
                product = new(f"fmul contract {self.type} {x}, {vector}")
                self.put(new(f"fadd contract {self.type} {product}, {self.got(slot)}"), slot)
