"""Pooling: the largest element or the mean of each window. No weights; x is (batch, channels, *spatial)."""

import itertools
from typing import Any

import numpy as np

from autograd import ops
from autograd.data import as_array
from autograd.errors import ShapeError
from autograd.ops.axes import per_axis
from autograd.value import Value
from nn.layers.convolution import AXES, Size
from nn.module import Module
from nn.outline import options

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d",
    "MaxPool1d", "MaxPool2d",
]  # fmt: skip


class _Pool(Module):
    spatial = 1

    def __init__(self, kernel_size: Size, stride: Size | None, padding: Size, ceil_mode: bool) -> None:
        self.kernel_size = per_axis(kernel_size, self.spatial, "kernel_size")
        self.stride = self.kernel_size if stride is None else per_axis(stride, self.spatial, "stride")
        self.padding = per_axis(padding, self.spatial, "padding", 0)
        self.ceil_mode = ceil_mode

    def describe(self) -> str:
        told = {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}
        return options(self, **told, count_include_pad=True)


class _MaxPool(_Pool):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.dilation = per_axis(dilation, self.spatial, "dilation")

    def forward(self, x: Any) -> Any:
        """x (batch, channels, *spatial) → (batch, channels, *windows)."""
        pool = ops.max_pool1d if self.spatial == 1 else ops.max_pool2d
        settings = {"padding": self.padding, "dilation": self.dilation, "ceil_mode": self.ceil_mode}
        return pool(x, self.kernel_size, stride=self.stride, **settings)


class MaxPool1d(_MaxPool):
    """The largest element of each window of a signal (batch, channels, length); equal ones share the gradient.

    stride     kernel_size by default: windows side by side
    padding    how far windows reach beyond the ends, where nothing is ever the largest
    ceil_mode  a last window may hang over the end
    """


class MaxPool2d(_MaxPool):
    """MaxPool1d with two spatial axes, (batch, channels, height, width): sizes are one integer or a pair."""

    spatial = 2


class _AvgPool(_Pool):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = count_include_pad

    def forward(self, x: Any) -> Any:
        """x (batch, channels, *spatial) → (batch, channels, *windows)."""
        pool = ops.avg_pool1d if self.spatial == 1 else ops.avg_pool2d
        settings = {"padding": self.padding, "ceil_mode": self.ceil_mode, "count_include_pad": self.count_include_pad}
        return pool(x, self.kernel_size, stride=self.stride, **settings)


class AvgPool1d(_AvgPool):
    """The mean of each window of a signal (batch, channels, length).

    stride     kernel_size by default: windows side by side
    padding    how far windows reach beyond the ends; the zeros there count, unless count_include_pad is False
    ceil_mode  a last window may hang over the end
    """


class AvgPool2d(_AvgPool):
    """AvgPool1d with two spatial axes, (batch, channels, height, width): sizes are one integer or a pair."""

    spatial = 2


class _AdaptivePool(Module):
    spatial = 1

    def __init__(self, output_size: Any) -> None:
        sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * self.spatial
        kept = per_axis([1 if size is None else size for size in sizes], self.spatial, "output_size")
        self.output_size = tuple(None if size is None else n for size, n in zip(sizes, kept, strict=True))

    def forward(self, x: Any) -> Any:
        """x (batch, channels, *spatial) → (batch, channels, *output_size)."""
        if np.ndim(x) != self.spatial + 2:
            raise ShapeError(f"x has shape {np.shape(x)}, expected (batch, channels, {AXES[self.spatial]})")
        wanted = zip(self.output_size, np.shape(x)[2:], strict=True)
        return self.pool(x, tuple(n if size is None else size for size, n in wanted))

    def pool(self, x: Any, sizes: tuple[int, ...]) -> Any:
        """The means of the windows, of which there are so many along each spatial axis."""
        return ops.adaptive_avg_pool(x, sizes)

    def describe(self) -> str:
        return options(self, output_size=0)


class AdaptiveAvgPool1d(_AdaptivePool):
    """Means of so many windows of a signal as output_size says; window i goes from ⌊i n / m⌋ to ⌈(i + 1) n / m⌉.

    output_size  None keeps the length; 1 is the mean of all
    """


class AdaptiveAvgPool2d(_AdaptivePool):
    """AdaptiveAvgPool1d with two spatial axes, (batch, channels, height, width): one integer or None, or a pair."""

    spatial = 2


class _AdaptiveMaxPool(_AdaptivePool):
    def pool(self, x: Any, sizes: tuple[int, ...]) -> Any:
        """The largest elements of the windows; they overlap and differ in length, so each is taken by itself."""
        x = x if isinstance(x, Value) else as_array(x)
        if 0 in x.shape[2:]:
            raise ShapeError(f"x has shape {x.shape}: a window of no places has no largest element")
        axes = tuple(range(2, x.ndim))
        windows = [
            [slice(i * n // m, -(-(i + 1) * n // m)) for i in range(m)] for m, n in zip(sizes, x.shape[2:], strict=True)
        ]
        largest = [np.max(x[:, :, *window], axis=axes) for window in itertools.product(*windows)]
        return np.reshape(np.stack(largest, axis=-1), (*x.shape[:2], *sizes))


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest element of each of AdaptiveAvgPool1d's windows; equal ones share the gradient.

    output_size  None keeps the length; 1 is the largest of all
    """


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """AdaptiveMaxPool1d with two spatial axes, (batch, channels, height, width): one integer or None, or a pair."""

    spatial = 2
