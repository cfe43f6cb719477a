"""Convolutions: the same few weights at every place of a signal or an image.

Conv                out[i] = Σ over k of weight[k] · x[stride · i + dilation · k − padding] + bias
ConvTranspose       its adjoint: each x[i] puts weight · x[i] into out at stride · i − padding, where copies add up

x is (batch, in_channels, *spatial): with one spatial axis for 1d, with height and width for 2d. The ops, which take any
number of axes, are in autograd/ops/convolution.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd import ops
from autograd.errors import ArgumentError, ShapeError
from autograd.ops.axes import per_axis
from nn.checks import whole
from nn.init import Rng, streams, variance_scaling
from nn.module import Module, Parameter
from nn.outline import options

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]

AXES = {1: "length", 2: "height, width"}
Size = int | tuple[int, ...]  # one for all spatial axes, or one for each


class _Convolution(Module):
    """What all four share: sizes, checks, parameters and their start."""

    spatial = 1
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Size | str,
        dilation: Size,
        groups: int,
        bias: bool,
        rng: Rng,
        dtype: DTypeLike,
    ) -> None:
        self.in_channels = whole("in_channels", in_channels)
        self.out_channels = whole("out_channels", out_channels)
        self.groups = whole("groups", groups)
        if in_channels % groups or out_channels % groups:
            raise ArgumentError(f"groups={groups} does not divide in_channels={in_channels} and {out_channels=}")
        self.kernel_size = per_axis(kernel_size, self.spatial, "kernel_size")
        self.stride = per_axis(stride, self.spatial, "stride")
        self.dilation = per_axis(dilation, self.spatial, "dilation")
        named = isinstance(padding, str) and not self.transposed
        self.padding = padding if named else per_axis(padding, self.spatial, "padding", 0)
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter.zeros((first, second // groups, *self.kernel_size), dtype)
        self.bias = Parameter.zeros(out_channels, dtype) if bias else None
        self.weight.data = self.draw("weight", streams(rng)("weight"))

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """N(0, 1 / n) for the weight, where an output is a sum of n products; 0 for the bias."""
        if name == "bias":
            return np.zeros(self.out_channels, self.weight.dtype)
        mode, scale = ("fan_out", float(self.groups * math.prod(self.stride))) if self.transposed else ("fan_in", 1.0)
        return variance_scaling(self.weight.shape, rng=rng, scale=scale, mode=mode, dtype=self.weight.dtype)

    def _check(self, x: Any) -> None:
        if np.ndim(x) != self.spatial + 2 or np.shape(x)[1] != self.in_channels:
            expected = f"(batch, in_channels={self.in_channels}, {AXES[self.spatial]})"
            raise ShapeError(f"x has shape {np.shape(x)}, expected {expected}")

    def describe(self) -> str:
        more = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1, "bias": True}
        return options(self, self.in_channels, self.out_channels, kernel_size=None, **more)


class _Conv(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ArgumentError(f"padding={padding!r}: expected an integer, one per spatial axis, 'same' or 'valid'")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng, dtype
        )  # fmt: skip
        if padding == "same" and max(self.stride) > 1:
            raise ArgumentError(f"padding='same' is for stride 1, got {stride=}")

    def forward(self, x: Any) -> Any:
        """x (batch, in_channels, *spatial) → (batch, out_channels, *windows)."""
        self._check(x)
        settings = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}
        operands = (x, self.weight) if self.bias is None else (x, self.weight, self.bias)
        return ops.conv(*operands, **settings)


class Conv1d(_Conv):
    """Convolution of signals (batch, in_channels, length) → (batch, out_channels, windows); the kernel is not flipped.

    weight (out_channels, in_channels / groups, kernel) starts N(0, 1 / fan_in), fan_in = in_channels / groups · kernel:
    the map keeps the variance of its input, as Linear's does. bias (out_channels,) starts at 0.
    stride, dilation  steps between windows, and between the elements of one
    padding           zeros at both ends; also "valid" (none) or "same" (as many windows as elements; stride 1)
    groups            channels are split into so many groups, each with weights of its own
    """


class Conv2d(_Conv):
    """Convolution of images (batch, in_channels, height, width) → (batch, out_channels, *windows).

    Conv1d with two spatial axes: weight (out_channels, in_channels / groups, kernel height, kernel width); kernel_size,
    stride, padding and dilation are one integer or a pair.
    """

    spatial = 2


class _ConvTranspose(_Convolution):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        *,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng, dtype
        )  # fmt: skip
        self.output_padding = per_axis(output_padding, self.spatial, "output_padding", 0)
        if any(e >= max(s, d) for e, s, d in zip(self.output_padding, self.stride, self.dilation, strict=True)):
            raise ArgumentError(f"{output_padding=} must be less than {stride=} or {dilation=}")

    def forward(self, x: Any) -> Any:
        """x (batch, in_channels, *spatial) → (batch, out_channels, *lengths)."""
        self._check(x)
        settings = {"stride": self.stride, "padding": self.padding, "output_padding": self.output_padding}
        return ops.conv_transpose(
            x, self.weight, self.bias, dilation=self.dilation, groups=self.groups, **settings
        )  # fmt: skip


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution (batch, in_channels, n) → (batch, out_channels, length): as a rule it makes signals longer.

    length = (n − 1) stride − 2 padding + dilation (kernel − 1) + 1 + output_padding
    weight (in_channels, out_channels / groups, kernel) starts N(0, 1 / m), where an output is a sum of
    m = in_channels / groups · kernel / stride products (away from the ends). bias (out_channels,) starts at 0.
    """


class ConvTranspose2d(_ConvTranspose):
    """ConvTranspose1d with two spatial axes: sizes are one integer or a pair, for height and width."""

    spatial = 2
