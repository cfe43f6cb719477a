"""The LLVM functions of a convolution on images whose channels are the last axis.

`forward` computes a few neighbouring pixels of the result at a time, for a block of its channels: their sums stay in
registers while it goes over the numbers of a window, each multiplied with a vector of weights. Nothing is gathered, as for
a matrix product it must be: a window's numbers are read where they lie, in a padded copy of one image, which fits the
first-level cache. `backward` does the same for the weights: the sums of a few numbers of the window with a block of
channels stay in registers while it goes over all pixels.

The numbers of a window are `taps`, runs of numbers that lie side by side: in an image a row of the kernel.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from autograd.compiler.vectors import Vectors, lanes_for

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
        return lanes_for(self.made, self.dtype, self.register)

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
    w = Vectors(name, shape.dtype, shape.made, shape.lanes, shape.block)
    width = shape.block * w.vector
    step = shape.stride[-1] * shape.strides[-1]
    first = range(0, shape.outs[-1], shape.pixels)
    tiles = [(*place, min(i, shape.outs[-1] - shape.pixels)) for place in np.ndindex(*shape.outs[:-1]) for i in first]
    windows = [s * n for s, n in zip(shape.strides, shape.stride, strict=True)]
    pixel = shape.made * w.bytes
    results = [pixel * prod(shape.outs[i + 1 :]) for i in range(len(shape.outs))]
    sums = w.sums(shape.pixels)
    with w.loop("%count") as n:
        image = _image(w, shape, n)
        result = w.moved("%out", w.times(n, prod(shape.outs) * pixel))
        with w.loop(w.blocks) as b:
            weights = w.moved("%weights", w.times(b, shape.size * width))
            bias = w.vectors(w.moved("%bias", w.times(b, width)))
            masks = w.masks(b)
            with w.loop(len(tiles)) as t:
                window = w.moved(image, w.entry("windows", [_dot(tile, windows) for tile in tiles], t))
                out = w.moved(result, w.entry("results", [_dot(tile, results) for tile in tiles], t))
                out = w.moved(out, w.times(b, width))
                w.start(sums, bias)
                with w.loop(len(shape.taps)) as k:
                    tap = w.moved(window, w.entry("taps", shape.taps, k))
                    kernel = w.moved(weights, w.times(k, shape.run * width))
                    with w.loop(shape.run) as r:
                        number = w.moved(tap, w.times(r, w.bytes))
                        given = w.vectors(w.moved(kernel, w.times(r, width)))
                        w.multiply(sums, number, [p * step for p in range(shape.pixels)], given)
                w.finish(sums, out, pixel, masks)
    return w.module(("images", "weights", "bias", "out", "padded"), "i64 %count")


def backward(shape: Convolution, name: str) -> str:
    """The module of name(images, given, weights, padded, count), which adds to weights (size, vectors · lanes).

    images (count, *lengths, channels) and given (count, *outs, made) without gaps; padded has zeros around an image.
    """
    w = Vectors(name, shape.dtype, shape.made, shape.lanes, shape.block)
    width, line = shape.block * w.vector, shape.vectors * w.vector
    whole = shape.rows == shape.size
    within = [tap + r * w.bytes for tap in shape.taps for r in range(shape.run)] if whole else [
        r * w.bytes for r in range(shape.rows)]  # fmt: skip
    parts = [0] if whole else [tap + r * w.bytes for tap in shape.taps for r in range(0, shape.run, shape.rows)]
    steps = [s * n for s, n in zip(shape.strides, shape.stride, strict=True)]
    lines = [_dot(place, steps) for place in np.ndindex(*shape.outs[:-1])]
    pixel = shape.made * w.bytes
    sums = w.sums(shape.rows)
    with w.loop("%count") as n:
        image = _image(w, shape, n)
        results = w.moved("%given", w.times(n, prod(shape.outs) * pixel))
        with w.loop(len(parts)) as part:
            window = w.moved(image, w.entry("parts", parts, part))
            rows = w.moved("%weights", w.times(part, shape.rows * line))
            with w.loop(w.blocks) as b:
                target, masks = w.moved(rows, w.times(b, width)), w.masks(b)
                places = [[w.moved(target, str(r * line + v * w.vector)) for v in range(shape.block)]
                          for r in range(shape.rows)]  # fmt: skip
                w.start(sums)
                with w.loop(len(lines)) as i:
                    numbers = w.moved(window, w.entry("lines", lines, i))
                    result = w.moved(w.moved(results, w.times(i, shape.outs[-1] * pixel)), w.times(b, width))
                    with w.loop(shape.outs[-1]) as j:
                        there = w.moved(result, w.times(j, pixel))
                        given = w.vectors(there, masks)
                        w.multiply(sums, w.moved(numbers, w.times(j, steps[-1])), within, given)
                for slot, place in zip(itertools.chain(*sums), itertools.chain(*places), strict=True):
                    w.store(w.code.new(f"fadd {w.type} {w.load(place)}, {w.got(slot)}"), place)
    return w.module(("images", "given", "weights", "padded"), "i64 %count")


def _image(w: Vectors, shape: Convolution, n: str) -> str:
    """The address of the n-th image, copied between the zeros around it if there are any."""
    line = shape.lengths[-1] * shape.channels * w.bytes
    image = w.moved("%images", w.times(n, prod(shape.lengths[:-1]) * line))
    if not any(map(sum, shape.pads)):
        return image
    lows = [low for low, _ in shape.pads]
    places = [_dot([*map(sum, zip(place, lows, strict=False)), lows[-1]], shape.strides)
              for place in np.ndindex(*shape.lengths[:-1])]  # fmt: skip
    w.code.declared.add("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    with w.loop(len(places)) as i:
        here, there = w.moved(image, w.times(i, line)), w.moved("%padded", w.entry("inside", places, i))
        w.code.lines.append(f"  call void @llvm.memcpy.p0.p0.i64(ptr {there}, ptr {here}, i64 {line}, i1 false)")
    return "%padded"
