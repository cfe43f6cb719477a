"""Neuron, Layer and MLP on scalar Values: one node for each multiplication, as in micrograd.

A program written for micrograd runs after changing its two import lines:

    from autograd import Value                     # was: from micrograd.engine import Value
    from nn.scalar import Neuron, Layer, MLP       # was: from micrograd.nn import …

A call takes a list of numbers or Values and gives a Value, or a list of them for several outputs. Weights are Python
floats, 337 Parameters in MLP(2, [16, 16, 1]). Two things differ from micrograd: randomness is explicit (`rng=`; without it
fresh entropy), and a bias that starts at 0 is a Parameter like any other. Given the same weights, `nn.MLP` gives the same
numbers up to rounding, about 1,000 times as fast; `copy_weights` carries them over.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from autograd.value import Value
from nn.init import Rng, generator
from nn.module import Module, Parameter

__all__ = ["MLP", "Layer", "Neuron"]


class Neuron(Module):
    """A weighted sum of nin inputs plus a bias, through ReLU if nonlin. Weights start uniform in [−1, 1), bias at 0."""

    def __init__(self, nin: int, nonlin: bool = True, *, rng: Rng = None) -> None:
        draws = generator(rng).uniform(-1.0, 1.0, nin)
        self.w = [Parameter(float(weight)) for weight in draws]
        self.b = Parameter(0.0)
        self.nonlin = nonlin

    def forward(self, x: Sequence[Any]) -> Any:
        """x: nin numbers or Values → Value."""
        if len(x) != len(self.w):
            raise ArgumentError(f"{self!r} takes {len(self.w)} inputs, got {len(x)}")
        total: Any = self.b
        for weight, value in zip(self.w, x, strict=True):
            total = total + weight * value
        return total.relu() if self.nonlin else total

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """Uniform in [−1, 1) for a weight, 0 for the bias."""
        return 0.0 if name == "b" else float(rng.uniform(-1.0, 1.0))

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """nout Neurons on the same inputs; gives a list of Values, or the Value itself if nout is 1."""

    def __init__(self, nin: int, nout: int, nonlin: bool = True, *, rng: Rng = None) -> None:
        rng = generator(rng)
        self.neurons = [Neuron(nin, nonlin, rng=rng) for _ in range(nout)]

    def forward(self, x: Sequence[Any]) -> Any:
        out = [neuron(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(neuron) for neuron in self.neurons)}]"


class MLP(Module):
    """Layers of nouts neurons on nin inputs; all but the last with ReLU."""

    def __init__(self, nin: int, nouts: Iterable[int], *, rng: Rng = None) -> None:
        rng = generator(rng)
        sizes = [nin, *nouts]
        last = len(sizes) - 2
        self.layers = [Layer(sizes[i], sizes[i + 1], nonlin=i != last, rng=rng) for i in range(last + 1)]

    def forward(self, x: Sequence[Any]) -> Any:
        for layer in self.layers:
            x = layer(x if isinstance(x, (list, tuple)) or not isinstance(x, Value) else [x])
        return x

    def copy_weights(self, model: Any) -> "MLP":
        """Take over the weights of an nn.MLP of the same sizes; returns self. Raises ArgumentError if they differ."""
        shapes = [(len(layer.neurons), len(layer.neurons[0].w)) for layer in self.layers]
        theirs = [layer.weight.shape for layer in model.layers]
        if theirs != shapes:
            raise ArgumentError(f"copy_weights: layers of shapes {shapes} cannot take {theirs}")
        for mine, layer in zip(self.layers, model.layers, strict=True):
            for neuron, row, bias in zip(mine.neurons, layer.weight.data, layer.bias.data, strict=True):
                for weight, value in zip(neuron.w, row, strict=True):
                    weight.data = float(value)
                neuron.b.data = float(bias)
        return self

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"
