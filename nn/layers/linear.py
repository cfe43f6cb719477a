"""Linear: the affine map inside every layer, without an activation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.ops import linear
from nn.checks import whole
from nn.init import Rng, streams, variance_scaling
from nn.module import Module, Parameter
from nn.outline import options

__all__ = ["Linear"]


class Linear(Module):
    """Affine map, out = x @ weightᵀ + bias, for x (…, in_features) → (…, out_features).

    weight (out_features, in_features) starts N(0, 1 / in_features): the map keeps the variance of its input. PyTorch's
    start is uniform with a third of that variance, which shrinks a signal from layer to layer. bias starts at 0.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.in_features = whole("in_features", in_features)
        self.out_features = whole("out_features", out_features)
        self.weight = Parameter.zeros((out_features, in_features), dtype)
        self.bias = Parameter.zeros(out_features, dtype) if bias else None
        self.weight.data = self.draw("weight", streams(rng)("weight"))

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """N(0, 1 / in_features) for the weight, 0 for the bias."""
        if name == "bias":
            return np.zeros(self.out_features, self.weight.dtype)
        return variance_scaling(self.weight.shape, rng=rng, dtype=self.weight.dtype)

    def forward(self, x: Any) -> Any:
        """x (…, in_features) → (…, out_features)."""
        return linear(x, self.weight, 0.0 if self.bias is None else self.bias)

    def describe(self) -> str:
        return options(self, self.in_features, self.out_features, bias=True)
