"""Embedding: a learned vector for each index."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.data import as_array, effect
from autograd.errors import ArgumentError
from autograd.value import data_of, stop_gradient
from nn.checks import whole
from nn.init import Rng, streams
from nn.module import Module, Parameter
from nn.outline import options

__all__ = ["Embedding"]


class Embedding(Module):
    """Rows of a table, out = weight[indices], for whole numbers indices (…) → (…, embedding_dim).

    weight (num_embeddings, embedding_dim) starts N(0, 1): a row is what comes out, and has variance 1.
    padding_idx  the index of a row that starts at 0 and gets no gradient: what fills up short sequences

    Raises ArgumentError for indices that are no whole numbers from 0 to num_embeddings − 1.
    """

    takes_indices = True

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.num_embeddings = whole("num_embeddings", num_embeddings)
        self.embedding_dim = whole("embedding_dim", embedding_dim)
        row = padding_idx is None or isinstance(padding_idx, (int, np.integer))
        if not row or (padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings):
            raise ArgumentError(f"padding_idx={padding_idx!r}: expected a row of the {num_embeddings}, or None")
        self.padding_idx = None if padding_idx is None else int(padding_idx) % num_embeddings
        self.weight = Parameter.zeros((num_embeddings, embedding_dim), dtype)
        self.weight.data = self.draw("weight", streams(rng)("weight"))

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """N(0, 1), and 0 in the row of padding_idx."""
        table = rng.normal(size=self.weight.shape).astype(self.weight.dtype)
        if self.padding_idx is not None:
            table[self.padding_idx] = 0.0
        return table

    def forward(self, indices: Any) -> Any:
        """indices (…) → (…, embedding_dim)."""
        numbers = as_array(data_of(indices))
        if numbers.dtype.kind not in "iu":
            raise ArgumentError(f"the indices are {numbers.dtype}, expected whole numbers: an array of integers")
        effect(self._check, numbers)
        rows = self.weight[numbers]
        if self.padding_idx is None:
            return rows
        return np.where(np.equal(numbers, self.padding_idx)[..., None], stop_gradient(rows), rows)

    def _check(self, indices: Any) -> None:
        outside = (indices < 0) | (indices >= self.num_embeddings)
        if np.any(outside):
            raise ArgumentError(
                f"the index {indices[outside].flat[0]} has no row, expected 0 to {self.num_embeddings - 1}"
            )

    def describe(self) -> str:
        return options(self, self.num_embeddings, self.embedding_dim, padding_idx=None)
