"""Where random numbers come from: an explicit `rng`, a seed or a NumPy Generator; there is no global generator.

Next comes init.py, which draws weights with it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from autograd.errors import ArgumentError

__all__ = ["Rng", "generator", "streams"]

Rng = np.random.Generator | int | None


def generator(rng: Rng) -> np.random.Generator:
    """The numpy Generator to draw from: itself, one seeded by an integer, or for None one from fresh entropy."""
    if rng is None or (isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0):
        return np.random.default_rng(rng)
    if isinstance(rng, np.random.Generator):
        return rng
    raise ArgumentError(
        f"rng is an integer seed (0 or more) or a np.random.Generator, got {type(rng).__name__} {rng!r}"
    )


def streams(rng: Rng) -> Callable[[str], np.random.Generator]:
    """path → a generator of its own, seeded by one 128-bit draw from rng and the path.

    So adding a layer leaves the start of the others unchanged, and a layer with rng=0 does not repeat the numbers that a
    person draws from default_rng(0) for the data.
    """
    key = int.from_bytes(generator(rng).bytes(16), "little")
    return lambda path: np.random.default_rng([key, zlib.crc32(path.encode())])
