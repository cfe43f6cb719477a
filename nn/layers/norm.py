"""Normalisation: numbers are shifted to mean 0 and scaled to variance 1, then by learned weights.

    out = (x − mean) / √(variance + eps) · weight + bias

The layers differ in what mean and variance are taken over: BatchNorm, for each channel, over the batch and all places, and
in evaluation mode from running statistics; LayerNorm, for each example and place, over the last axes; GroupNorm, for each
example, over a group of channels and all places, InstanceNorm over a single channel; RMSNorm as LayerNorm, without the
mean. All start with weight 1, bias 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.data import as_array, as_dtype
from autograd.errors import ArgumentError, ShapeError
from autograd.value import Value, data_of
from nn.checks import not_negative, unit, whole
from nn.layers.convolution import AXES
from nn.module import Module, Parameter
from nn.outline import options

__all__ = ["BatchNorm1d", "BatchNorm2d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "LayerNorm", "RMSNorm"]


class _Norm(Module):
    """What all share: weight and bias, each of which may be None."""

    weight: Parameter | None
    bias: Parameter | None

    def _affine(self, shape: tuple[int, ...], weight: bool, bias: bool, dtype: DTypeLike) -> None:
        self.weight = Parameter.zeros(shape, dtype) if weight else None
        if self.weight is not None:
            self.weight.data = np.ones(shape, dtype)
        self.bias = Parameter.zeros(shape, dtype) if bias else None

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """1 for weights and running variances, 0 for all else."""
        held = data_of(getattr(self, name))
        return np.full(np.shape(held), 1 if name in ("weight", "running_var") else 0, held.dtype)

    def _scaled(self, x: Any, shape: tuple[int, ...]) -> Any:
        """x · weight + bias, which have this shape beside x."""
        x = x if self.weight is None else x * np.reshape(self.weight, shape)
        return x if self.bias is None else x + np.reshape(self.bias, shape)


def _moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """(x − mean, mean, variance) over these axes, which stay with length 1."""
    mean = np.mean(x, axis=axes, keepdims=True)
    centred = x - mean
    return centred, mean, np.mean(centred * centred, axis=axes, keepdims=True)


def _standardized(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    centred, _, variance = _moments(x, axes)
    return centred / np.sqrt(variance + eps)


class _BatchNorm(_Norm):
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any
    shapes: dict[int, str]  # number of axes → the shape that it takes

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.num_features = whole("num_features", num_features)
        self.eps = not_negative("eps", eps)
        self.momentum = None if momentum is None else unit("momentum", momentum)
        self.affine, self.track_running_stats = affine, track_running_stats
        self._affine((num_features,), affine, affine, dtype)
        track = track_running_stats
        self.running_mean = np.zeros(num_features, dtype) if track else None
        self.running_var = np.ones(num_features, dtype) if track else None
        self.num_batches_tracked = np.zeros((), np.int64) if track else None

    def forward(self, x: Any) -> Any:
        """x (batch, num_features, …) → the same shape."""
        shape, axes = np.shape(x), (0, *range(2, np.ndim(x)))
        if len(shape) not in self.shapes or shape[1] != self.num_features:
            expected = " or ".join(self.shapes.values()).replace("num_features", str(self.num_features))
            raise ShapeError(f"x has shape {shape}, expected {expected}")
        if self.track_running_stats and self.running_mean is None:
            raise ArgumentError(
                "this copy has no running statistics: it is a gradient, or was made in a compiled function, where only a "
                "model of its surroundings or arguments has them"
            )
        beside = (1, -1, *(1,) * (len(shape) - 2))
        if self.training or not self.track_running_stats:
            centred, mean, variance = _moments(x, axes)
            if self.training:
                self._track(mean, variance, math.prod(shape) // self.num_features)
        else:
            centred, variance = x - np.reshape(self.running_mean, beside), np.reshape(self.running_var, beside)
        return self._scaled(centred / np.sqrt(variance + self.eps), beside)

    def _track(self, mean: Any, variance: Any, count: int) -> None:
        """Move the running statistics towards those of a batch, of `count` numbers for each channel."""
        if count < 2:
            raise ShapeError(
                f"numbers for each channel: {count}, expected at least 2 in training, where the batch gives mean and "
                "variance; model.eval() takes the running ones"
            )
        if self.running_mean is None:
            return
        self.num_batches_tracked = as_array(self.num_batches_tracked + 1)
        rate = 1.0 / self.num_batches_tracked if self.momentum is None else self.momentum
        unbiased = data_of(variance) * (count / (count - 1))
        for name, new in (("running_mean", data_of(mean)), ("running_var", unbiased)):
            old = getattr(self, name)
            moved = old + rate * (np.reshape(new, -1) - old)
            setattr(self, name, as_dtype(moved, old.dtype))

    def describe(self) -> str:
        return options(self, self.num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True)


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of x (batch, num_features) or (batch, num_features, length), for each feature.

    momentum             how far the running statistics move towards each batch's; None: their plain mean over batches
    track_running_stats  False: no running statistics, in evaluation mode too the batch gives mean and variance

    x is divided by the batch's own variance, Σ (x − mean)² / n; the running one takes n − 1, as PyTorch's does. Raises
    ShapeError for fewer than 2 numbers per feature in training. Source: Ioffe and Szegedy 2015, arXiv 1502.03167.
    """

    shapes = {2: "(batch, num_features)", 3: "(batch, num_features, length)"}


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images (batch, num_features, height, width), for each channel; options as BatchNorm1d's."""

    shapes = {4: "(batch, num_features, height, width)"}


class _LastAxes(_Norm):
    """Norms over the last axes of x, which have the lengths normalized_shape."""

    def __init__(self, normalized_shape: int | Sequence[int]) -> None:
        lengths = (normalized_shape,) if isinstance(normalized_shape, (int, np.integer)) else tuple(normalized_shape)
        self.normalized_shape = tuple(whole("normalized_shape", length) for length in lengths)
        if not lengths:
            raise ArgumentError("normalized_shape=(): expected the lengths of one axis or more")

    @property
    def _lengths(self) -> Any:
        """normalized_shape as one would write it."""
        return self.normalized_shape if len(self.normalized_shape) > 1 else self.normalized_shape[0]

    def _axes(self, x: Any) -> tuple[int, ...]:
        count = len(self.normalized_shape)
        if np.shape(x)[-count:] != self.normalized_shape:
            expected = ", ".join(map(str, self.normalized_shape))
            raise ShapeError(f"x has shape {np.shape(x)}, expected (…, {expected})")
        return tuple(range(-count, 0))


class LayerNorm(_LastAxes):
    """Normalisation of each example over its last axes: x (…, *normalized_shape) → the same shape.

    weight, bias  (*normalized_shape); elementwise_affine=False: neither, bias=False: no bias
    Source: Ba et al. 2016, arXiv 1607.06450.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(normalized_shape)
        self.eps, self.elementwise_affine = not_negative("eps", eps), elementwise_affine
        self._affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)

    def forward(self, x: Any) -> Any:
        """x (…, *normalized_shape) → the same shape."""
        return self._scaled(_standardized(x, self._axes(x), self.eps), self.normalized_shape)

    def describe(self) -> str:
        return options(self, self._lengths, eps=1e-5, elementwise_affine=True, bias=self.elementwise_affine)


class RMSNorm(_LastAxes):
    """Division by the root mean square over the last axes, out = x / √(mean of x² + eps) · weight.

    eps  None: the machine epsilon of x's dtype
    Source: Zhang and Sennrich 2019, arXiv 1910.07467, eq. 4.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(normalized_shape)
        self.eps, self.elementwise_affine = None if eps is None else not_negative("eps", eps), elementwise_affine
        self._affine(self.normalized_shape, elementwise_affine, False, dtype)

    def forward(self, x: Any) -> Any:
        """x (…, *normalized_shape) → the same shape."""
        x = x if isinstance(x, Value) else as_array(x)
        mean_square = np.mean(x * x, axis=self._axes(x), keepdims=True)
        eps = float(np.finfo(mean_square.dtype).eps) if self.eps is None else self.eps
        return self._scaled(x / np.sqrt(mean_square + eps), self.normalized_shape)

    def describe(self) -> str:
        return options(self, self._lengths, eps=None, elementwise_affine=True)


class GroupNorm(_Norm):
    """Normalisation of each example over num_groups groups of channels: x (batch, num_channels, …) → the same shape.

    One group is LayerNorm over channels and places, as many groups as channels is instance norm.
    Source: Wu and He 2018, arXiv 1803.08494.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.num_groups = whole("num_groups", num_groups)
        self.num_channels = whole("num_channels", num_channels)
        if num_channels % num_groups:
            raise ArgumentError(f"num_groups={num_groups} does not divide num_channels={num_channels}")
        self.eps, self.affine = not_negative("eps", eps), affine
        self._affine((num_channels,), affine, affine, dtype)

    def forward(self, x: Any) -> Any:
        """x (batch, num_channels, …) → the same shape."""
        shape = np.shape(x)
        if len(shape) < 2 or shape[1] != self.num_channels:
            raise ShapeError(f"x has shape {shape}, expected (batch, {self.num_channels}, …)")
        if not math.prod(shape[1:]):
            raise ShapeError(f"x has shape {shape}: an example has no place, so no mean")
        grouped = np.reshape(x, (shape[0], self.num_groups, math.prod(shape[1:]) // self.num_groups))
        out = np.reshape(_standardized(grouped, (2,), self.eps), shape)
        return self._scaled(out, (-1, *(1,) * (len(shape) - 2)))

    def describe(self) -> str:
        return options(self, self.num_groups, self.num_channels, eps=1e-5, affine=True)


class _InstanceNorm(GroupNorm):
    """GroupNorm with as many groups as channels."""

    spatial = 1

    def __init__(
        self, num_features: int, eps: float = 1e-5, *, affine: bool = False, dtype: DTypeLike = np.float32
    ) -> None:
        self.num_features = whole("num_features", num_features)
        super().__init__(num_features, num_features, eps, affine, dtype=dtype)

    def forward(self, x: Any) -> Any:
        """x (batch, num_features, *spatial) → the same shape."""
        shape = np.shape(x)
        if len(shape) != self.spatial + 2 or shape[1] != self.num_features or math.prod(shape[2:]) < 2:
            raise ShapeError(
                f"x has shape {shape}, expected (batch, {self.num_features}, {AXES[self.spatial]}) with 2 places or more"
            )
        return super().forward(x)

    def describe(self) -> str:
        return options(self, self.num_features, eps=1e-5, affine=False)


class InstanceNorm1d(_InstanceNorm):
    """Normalisation of each channel of each example over its places: x (batch, num_features, length) → the same shape.

    affine  weight and bias (num_features,) for the channels; none by default, as in PyTorch

    The running statistics that PyTorch keeps if asked to are not there. Raises ShapeError for less than 2 places, whose
    deviation from their mean says nothing. Source: Ulyanov et al. 2016, arXiv 1607.08022.
    """


class InstanceNorm2d(_InstanceNorm):
    """InstanceNorm1d with two spatial axes, (batch, num_features, height, width)."""

    spatial = 2
