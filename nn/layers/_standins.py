"""Stand-ins until branch layers is merged."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.ops import random
from nn.init import Rng, generator
from nn.module import Module, Parameter


class Dropout(Module):
    def __init__(self, p: float = 0.5, *, rng: Rng = None) -> None:
        self.p, self.rng = p, generator(rng)

    def forward(self, x: Any) -> Any:
        return random.dropout(x, self.p, rng=self.rng) if self.training and self.p else x

    def describe(self) -> str:
        return f"{self.p}"


class LayerNorm(Module):
    def __init__(self, features: int, eps: float = 1e-5, *, dtype: DTypeLike = np.float32) -> None:
        self.eps = eps
        self.weight, self.bias = Parameter(np.ones(features, dtype)), Parameter(np.zeros(features, dtype))

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        return np.ones_like(self.weight.data) if name == "weight" else np.zeros_like(self.bias.data)

    def forward(self, x: Any) -> Any:
        centered = x - np.mean(x, axis=-1, keepdims=True)
        variance = np.mean(centered * centered, axis=-1, keepdims=True)
        return centered / np.sqrt(variance + self.eps) * self.weight + self.bias


class Embedding(Module):
    def __init__(self, num_embeddings: int, embedding_dim: int, *, rng: Rng = None, dtype: DTypeLike = np.float32) -> None:
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(generator(rng).normal(size=(num_embeddings, embedding_dim)).astype(dtype))

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        return rng.normal(size=self.weight.shape).astype(self.weight.dtype)

    def forward(self, x: Any) -> Any:
        return self.weight[x]
