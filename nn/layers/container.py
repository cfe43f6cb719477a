"""Sequential: one layer after another. Residual: a way around a layer. Any function of a Value is a layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, ConversionError, ShapeError
from nn.init import Rng
from nn.module import Module
from nn.outline import options

__all__ = ["Flatten", "Identity", "Residual", "Sequential"]


class Sequential(Module):
    """Layers in a row: Sequential(Linear(4, 8), np.tanh, Linear(8, 1)).

    Modules and plain functions alike; paths are "0.weight", "2.weight", as in PyTorch. `rng` draws all parameters anew.
    model[-1] is a layer, model[:-1] a network of all others, with the same weights.
    """

    def __init__(self, *layers: Callable[..., Any], rng: Rng = None) -> None:
        for i, layer in enumerate(layers):
            _check_layer(f"Sequential: layer {i}", layer)
        self.layers = list(layers)
        if rng is not None:
            self.initialize(rng)

    def forward(self, x: Any) -> Any:
        for i, layer in enumerate(self.layers):
            given = x
            try:
                x = layer(x)
            except ConversionError as mistake:
                if i and isinstance(given, tuple):
                    raise ArgumentError(
                        f"layer {i} takes one input and got the tuple of {len(given)} that layer {i - 1}, a "
                        f"{type(self.layers[i - 1]).__name__}, gives: put `lambda out: out[0]` between them"
                    ) from mistake
                raise
        return x

    def named_children(self) -> Iterator[tuple[str, Any]]:
        return ((name.removeprefix("layers."), child) for name, child in super().named_children())

    def named_layers(self) -> Iterator[tuple[str, Any]]:
        return ((str(i), layer) for i, layer in enumerate(self.layers))

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int | slice) -> Any:
        """A layer; of a slice, a Sequential of those layers, which share their weights with this one."""
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]


class Residual(Module):
    """A layer with a way around it, out = x + f(x): a deep stack of these starts close to the identity.

    f           a Module or function that keeps the shape of x
    projection  a Module or function that takes the place of x in the sum where f changes the shape

    Raises ShapeError if the two summands differ in shape. Source: He et al. 2016, arXiv 1512.03385, eq. 1 and 2.
    """

    def __init__(self, f: Callable[..., Any], projection: Callable[..., Any] | None = None) -> None:
        _check_layer("Residual: f", f)
        if projection is not None:
            _check_layer("Residual: projection", projection)
        self.f, self.projection = f, projection

    def forward(self, x: Any) -> Any:
        """x → x + f(x)."""
        around, out = (x if self.projection is None else self.projection(x)), self.f(x)
        if np.shape(around) != np.shape(out):
            raise ShapeError(
                f"f gives shape {np.shape(out)}, {'x' if self.projection is None else 'projection(x)'} has "
                f"{np.shape(around)}, expected the same: give a projection from the one to the other"
            )
        return around + out

    def named_layers(self) -> Iterator[tuple[str, Any]]:
        layers = (("f", self.f), ("projection", self.projection))
        return ((name, layer) for name, layer in layers if layer is not None)


class Identity(Module):
    """x as it is: what stands where a layer is not wanted. Arguments are not used, as PyTorch's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        """x of any shape."""
        return x


class Flatten(Module):
    """The axes from start_dim to end_dim made one: images (batch, channels, height, width) → (batch, features)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Any:
        """x (…) → with these axes merged."""
        shape = np.shape(x)
        first, last = (dim + len(shape) if dim < 0 else dim for dim in (self.start_dim, self.end_dim))
        if not 0 <= first <= last < len(shape):
            raise ShapeError(f"x has shape {shape}, expected axes {self.start_dim} to {self.end_dim}, in this order")
        return np.reshape(x, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))

    def describe(self) -> str:
        return options(self, start_dim=1, end_dim=-1)


def _check_layer(name: str, layer: Any) -> None:
    """Raise ArgumentError for what is no function of a Value."""
    if not callable(layer) or isinstance(layer, type):
        hint = "; unpack a list with *" if isinstance(layer, (list, tuple)) else " or a Module object"
        raise ArgumentError(f"{name} is {type(layer).__name__} {layer!r}; a layer is a function{hint}")
