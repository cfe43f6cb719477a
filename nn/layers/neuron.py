"""Neuron, Layer, MLP: a weighted sum and a squash, many of them side by side, and layers of those.

    neuron    out = f(x · w + b)           x (…, in_features) → (…)
    layer     out = f(x @ Wᵀ + b)          x (…, in_features) → (…, out_features); a row of W is a neuron
    MLP       layer after layer            the last one without f

`nn.scalar` has the same three on scalar Values, one node for each multiplication, to be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.errors import ArgumentError
from autograd.ops import linear, relu
from nn.checks import Activation, function, whole
from nn.init import Rng, gain, streams, variance_scaling
from nn.layers.dropout import Dropout
from nn.module import Module, Parameter
from nn.outline import function_name

__all__ = ["MLP", "Layer", "Neuron", "activated"]


class Neuron(Module):
    """One neuron, out = f(x · w + b), for x (…, in_features) → (…).

    weight (in_features,) starts N(0, gain(f)² / in_features), bias at 0.
    """

    def __init__(
        self, in_features: int, activation: Activation = relu, *, rng: Rng = None, dtype: DTypeLike = np.float32
    ) -> None:
        self.in_features = whole("in_features", in_features)
        self.activation = function(activation)
        self.weight = Parameter.zeros(in_features, dtype)
        self.bias = Parameter.zeros((), dtype)
        self.weight.data = self.draw("weight", streams(rng)("weight"))

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """A row of a Layer's weight; 0 for the bias."""
        if name == "bias":
            return np.zeros((), self.bias.dtype)
        scale = gain(self.activation) ** 2
        return variance_scaling((1, self.in_features), rng=rng, scale=scale, dtype=self.weight.dtype)[0]

    def forward(self, x: Any) -> Any:
        """x (…, in_features) → (…)."""
        return activated(np.matmul(x, self.weight) + self.bias, self.activation)

    def describe(self) -> str:
        return f"{self.in_features}, activation={function_name(self.activation)}"


class Layer(Module):
    """Neurons side by side, out = f(x @ weightᵀ + bias), for x (…, in_features) → (…, out_features).

    weight (out_features, in_features) starts N(0, gain(f)² / in_features), bias (out_features,) at 0.
    activation  any function of a Value, None for a linear layer
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: Activation = relu,
        *,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.in_features = whole("in_features", in_features)
        self.out_features = whole("out_features", out_features)
        self.activation = function(activation)
        self.weight = Parameter.zeros((out_features, in_features), dtype)
        self.bias = Parameter.zeros(out_features, dtype)
        self.weight.data = self.draw("weight", streams(rng)("weight"))

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """Weights that keep the size of the signal through the activation; biases 0."""
        if name == "bias":
            return np.zeros(self.out_features, self.bias.dtype)
        scale = gain(self.activation) ** 2
        return variance_scaling(self.weight.shape, rng=rng, scale=scale, dtype=self.weight.dtype)

    def forward(self, x: Any) -> Any:
        """x (…, in_features) → (…, out_features)."""
        return activated(linear(x, self.weight, self.bias), self.activation)

    @property
    def neurons(self) -> list[Neuron]:
        """One Neuron for each row, made on access; their weights are views of this layer's."""
        return [self._neuron(i) for i in range(self.out_features)]

    def _neuron(self, i: int) -> Neuron:
        neuron = Neuron.__new__(Neuron)
        neuron.in_features, neuron.activation = self.in_features, self.activation
        neuron.weight, neuron.bias = Parameter(self.weight.data[i]), Parameter(self.bias.data[i : i + 1].reshape(()))
        return neuron

    def describe(self) -> str:
        return f"{self.in_features}, {self.out_features}, activation={function_name(self.activation)}"


class MLP(Module):
    """Multilayer perceptron: layers of the given sizes, all but the last with the activation.

    in_features  length of the input's last axis
    sizes        out_features of each layer
    activation   any function of a Value, for the hidden layers
    dropout      p of a Dropout behind each hidden layer; the weights start as without it
    rng          seed or Generator; each layer's start depends on it and on the layer's path only

    >>> MLP(2, [16, 16, 1], rng=0)
    MLP(2, [16, 16, 1], activation=relu)  337 parameters
      layers.0: Layer(2, 16, activation=relu)  48 parameters
      layers.1: Layer(16, 16, activation=relu)  272 parameters
      layers.2: Layer(16, 1, activation=None)  17 parameters
    """

    def __init__(
        self,
        in_features: int,
        sizes: Sequence[int],
        activation: Activation = relu,
        *,
        dropout: float = 0.0,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if isinstance(sizes, (int, np.integer)) or not list(sizes):
            raise ArgumentError(f"MLP: sizes is a list with one out_features for each layer, got {sizes!r}")
        self.activation = function(activation)
        widths = [in_features, *sizes]
        last = len(sizes) - 1
        self.layers = [
            Layer(widths[i], widths[i + 1], None if i == last else activation, rng=0, dtype=dtype)
            for i in range(len(sizes))
        ]
        self.dropout = Dropout(dropout, rng=0) if dropout else None
        self.initialize(rng)

    def forward(self, x: Any) -> Any:
        """x (…, in_features) → (…, sizes[-1])."""
        for layer in self.layers[:-1]:
            x = layer(x) if self.dropout is None else self.dropout(layer(x))
        return self.layers[-1](x)

    def describe(self) -> str:
        sizes = [layer.out_features for layer in self.layers]
        dropout = "" if self.dropout is None else f", dropout={self.dropout.p}"
        return f"{self.layers[0].in_features}, {sizes}, activation={function_name(self.activation)}{dropout}"


def activated(x: Any, activation: Activation) -> Any:
    """activation(x); x for None."""
    return x if activation is None else activation(x)
