"""direct: convolutions on images with their channels last as functions of machine code, made for their shapes.

A matrix product needs the windows gathered, an array nine times as large as the image for a kernel of 3 × 3, and that takes
as long as the product. The functions of `taps` read windows where they lie: on one processor with AVX-512, which could do
118 GFLOP a second, they reach 94 to 111 where gathering and OpenBLAS reach 50 (64 images of 14 × 14, 16 to 32 channels:
1.04 ms instead of 2.1 to 2.4). Strided transposed convolutions, groups, and weights too many for the cache stay.
"""

import functools
from typing import Any

import numpy as np

from autograd.compiler import machine
from autograd.compiler.layout import Last
from autograd.compiler.memory import address
from autograd.compiler.program import Program, Step, rewrite
from autograd.compiler.taps import Convolution, backward, forward
from autograd.ops.channels_last import around
from autograd.ops.window import geometry

__all__ = ["Direct", "direct"]


def direct(program: Program) -> Program:
    """The program with convolutions of plain shapes as functions of machine code."""
    return rewrite(program, _directed)


def _directed(step: Step, made: Any) -> Any:
    if not isinstance(step.op, Last) or step.op.op.name not in SHAPES:
        return None
    dtypes = {x.dtype for x in (*step.operands, *step.results) if x is not None}
    if len(dtypes) > 1 or not dtypes <= {np.dtype(np.float32), np.dtype(np.float64)}:
        return None
    shape = SHAPES[step.op.op.name](step)
    return [step.but(op=Direct(step.op, shape), options={})] if shape is not None and shape.worth else None


def _conv(step: Step) -> Convolution:
    x, w, *_ = step.operands
    return _shape(x, w.shape[2:], w.shape[0], step.options)


def _conv_weight(step: Step) -> Convolution:
    x, y = step.operands
    return _shape(x, step.results[0].shape[2:], y.shape[-1], step.options)


def _conv_input(step: Step) -> Convolution | None:
    """The convolution of the cotangent with flipped kernels; None if it is none."""
    y, w = step.operands
    lengths, kernel = step.options["lengths"], w.shape[2:]
    pads, stride, dilation, _ = _geometry(lengths, kernel, step.options)
    full: Any = around(kernel, pads, dilation)  # type: ignore[no-untyped-call]
    if any(s != 1 for s in stride) or full is None:
        return None
    return Convolution(y.shape[1:-1], y.shape[-1], kernel, full, stride, dilation, tuple(lengths), w.shape[1], y.dtype,
                       *machine.registers())  # fmt: skip


SHAPES = {"conv": _conv, "conv_weight": _conv_weight, "conv_input": _conv_input}
DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1}


def _geometry(lengths: tuple[int, ...], kernel: tuple[int, ...], options: dict[str, Any]) -> Any:
    given = (options.get(name, value) for name, value in DEFAULTS.items())
    return geometry(lengths, kernel, *given)  # type: ignore[no-untyped-call]


def _shape(x: Any, kernel: tuple[int, ...], made: int, options: dict[str, Any]) -> Convolution:
    pads, stride, dilation, outs = _geometry(x.shape[1:-1], kernel, options)
    return Convolution(x.shape[1:-1], x.shape[-1], tuple(kernel), pads, stride, dilation, outs, made, x.dtype,
                       *machine.registers())  # fmt: skip


class Direct:
    """A map of a convolution by machine code, for one shape.

    op      the op for channels last that it stands for;  shape: what it is for any batch
    """

    def __init__(self, op: Last, shape: Convolution) -> None:
        self.op, self.shape, self.name = op, shape, op.name
        self.run = _function(forward if op.makes else backward, shape)
        self.along, self.summed, self.into = op.along, op.summed, self.written if op.makes else None

    def compute(self, x: Any, *operands: Any) -> Any:
        """The result as a new array."""
        if not self.op.makes:
            return self.weights(x, *operands)
        out = np.empty((len(x), *self.shape.outs, self.shape.made), self.shape.dtype)
        self.written(out, x, *operands)
        return out

    def written(self, out: Any, x: Any, w: Any, b: Any = None) -> None:
        """The result into an array of its form."""
        if not out.flags.c_contiguous:
            np.copyto(out, self.compute(x, w, b))
            return
        shape = self.shape
        w = np.flip(w, tuple(range(2, w.ndim))).swapaxes(0, 1) if self.op.op.name == "conv_input" else w
        rows = np.moveaxis(w, (0, 1), (-1, -2)).reshape(shape.size, shape.made)
        blocks, width = shape.vectors // shape.block, shape.block * shape.lanes
        weights, bias = np.zeros((shape.size, blocks * width), shape.dtype), np.zeros(blocks * width, shape.dtype)
        weights[:, : shape.made] = rows
        bias[: shape.made] = 0.0 if b is None else b
        weights = np.ascontiguousarray(weights.reshape(shape.size, blocks, width).swapaxes(0, 1))
        self.call(np.ascontiguousarray(x), weights, bias, out)

    def weights(self, x: Any, y: Any) -> Any:
        """The result for the weights, as an op on channels second has it."""
        shape = self.shape
        rows = np.zeros((shape.size, shape.vectors * shape.lanes), shape.dtype)
        self.call(np.ascontiguousarray(x), np.ascontiguousarray(y), rows)
        return np.moveaxis(rows[:, : shape.made].reshape(*shape.kernel, shape.channels, -1), (-1, -2), (0, 1)).copy()

    def call(self, images: Any, *others: Any) -> None:
        """Call the function; the padded image belongs to the call, for two threads may call at once."""
        arrays = (images, *others, np.zeros((*self.shape.full, self.shape.channels), self.shape.dtype))
        if len(images):
            self.run(*map(address, arrays), len(images))


@functools.lru_cache(512)
def _function(text: Any, shape: Convolution) -> Any:
    """The function of machine code for a shape."""
    form = ("ptr",) * (5 if text is forward else 4) + ("i64",)
    return machine.function(text(shape, "convolution"), "convolution", form)
