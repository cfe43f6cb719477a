"""Dropout: in training, numbers are left out at random, so that no neuron can rely on another one.

What is kept is scaled up by 1 / (1 − p), which keeps the mean; in evaluation mode nothing happens.
Source: Srivastava et al. 2014, JMLR 15, 1929.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import ops
from autograd.errors import ShapeError
from nn.checks import share
from nn.init import Rng, streams
from nn.module import Module

__all__ = ["Dropout", "Dropout2d"]


class Dropout(Module):
    """In training, each element of x becomes 0 with probability p, else x / (1 − p).

    p    0 ≤ p < 1 (PyTorch also takes 1, which leaves nothing)
    rng  seed or Generator: the layer draws from a generator of its own, `self.rng`, seeded by it
    """

    def __init__(self, p: float = 0.5, *, rng: Rng = None) -> None:
        self.p = share("p", p)
        self.rng = streams(rng)("rng")

    def forward(self, x: Any) -> Any:
        """x of any shape."""
        return ops.dropout(x, self.p, rng=self.rng) if self.training and self.p else x

    def describe(self) -> str:
        return f"p={self.p}"


class Dropout2d(Dropout):
    """Dropout of whole channels of x (batch, channels, height, width): neighbouring pixels say the same, so leaving out
    single ones leaves out nothing. Source: Tompson et al. 2015, arXiv 1411.4280.
    """

    def forward(self, x: Any) -> Any:
        """x (batch, channels, height, width)."""
        if np.ndim(x) != 4:
            raise ShapeError(f"x has shape {np.shape(x)}, expected (batch, channels, height, width)")
        if not (self.training and self.p):
            return x
        dtype = getattr(x, "dtype", np.dtype(float))
        ones = np.ones((*np.shape(x)[:2], 1, 1), dtype if dtype.kind in "fc" else float)
        return ops.dropout(ones, self.p, rng=self.rng) * x
