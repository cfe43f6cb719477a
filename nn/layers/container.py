"""Sequential: one layer after another. Any function of a Value is a layer."""

from collections.abc import Callable, Iterator
from typing import Any

from autograd.errors import ArgumentError
from nn.init import Rng
from nn.module import Module

__all__ = ["Sequential"]


class Sequential(Module):
    """Layers in a row: Sequential(Linear(4, 8), np.tanh, Linear(8, 1)).

    Modules and plain functions alike; paths are "0.weight", "2.weight", as in PyTorch. `rng` draws all parameters anew.
    """

    def __init__(self, *layers: Callable[..., Any], rng: Rng = None) -> None:
        for i, layer in enumerate(layers):
            if not callable(layer) or isinstance(layer, type):
                hint = "; unpack a list with *" if isinstance(layer, (list, tuple)) else " or a Module object"
                kind = type(layer).__name__
                raise ArgumentError(f"Sequential: layer {i} is {kind} {layer!r}; a layer is a function{hint}")
        self.layers = list(layers)
        if rng is not None:
            self.initialize(rng)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def named_children(self) -> Iterator[tuple[str, Any]]:
        return ((name.removeprefix("layers."), child) for name, child in super().named_children())

    def named_layers(self) -> Iterator[tuple[str, Any]]:
        return ((str(i), layer) for i, layer in enumerate(self.layers))

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Callable[..., Any]:
        return self.layers[index]
