"""The rows of the test table that an op carries in its block: samples to call it with, exact points, wrong calls.

`tests/autograd` reads them from the registry and runs every column over them: nobody writes a test to add an op.
"""

from typing import Any, NamedTuple

import numpy as np

from autograd.errors import ShapeError

__all__ = ["Error", "Point", "Sample", "error", "point", "sample"]


class Sample(NamedTuple):
    """One call of an op for the tests: a "3 4" is a random array of that shape, all else is taken as it is."""

    operands: tuple[Any, ...]
    options: dict[str, Any] = {}
    low: float = -2.0
    high: float = 2.0
    complex: bool = False
    tolerance: float = 1e-6
    symmetric: bool = False

    def arrays(self, rng: np.random.Generator, dtype: Any = np.float64) -> Any:
        """The operands, drawn from rng: values in [low, high] at least 0.02 apart, so that no kink or tie is hit."""
        return tuple(self._draw(x, rng, dtype) if isinstance(x, str) else x for x in self.operands)

    def _draw(self, lengths: str, rng: np.random.Generator, dtype: Any) -> Any:
        shape = tuple(int(length) for length in lengths.split())
        size = int(np.prod(shape, dtype=int))
        grid = np.linspace(self.low, self.high, size + 2)[1:-1] if size > 1 else rng.uniform(self.low, self.high, size)
        values = rng.permutation(grid + 0.1 * (self.high - self.low) / (size + 2) * rng.uniform(-1, 1, size))
        if np.dtype(dtype).kind == "c":
            values = values + 1j * rng.permutation(values)
        return values.reshape(shape).astype(dtype)


def sample(
    *operands: Any,
    low: float = -2.0,
    high: float = 2.0,
    complex: bool = False,
    tolerance: float = 1e-6,
    symmetric: bool = False,
    **options: Any,
) -> Sample:
    """Sample("3 4", "4", axis=1): operands as shapes or data, options of the op; low and high bound the random data.

    symmetric   the first operand stands for a symmetric matrix, of which the op may read one triangle only
    """
    return Sample(operands, options, low, high, complex, tolerance, symmetric)


class Point(NamedTuple):
    """An exact expectation: the gradient of out.sum() at these operands (kinks, ties, zeros, huge arguments)."""

    operands: tuple[Any, ...]
    gradients: tuple[Any, ...]
    options: dict[str, Any] = {}
    out: Any = None


def point(operands: tuple[Any, ...], gradients: Any, out: Any = None, **options: Any) -> Point:
    """Point((0.0,), (0.0,)): d sum(out) / d operand, exactly; `out` too, if given."""
    return Point(operands, gradients, options, out)


class Error(NamedTuple):
    """A wrong call and words its message must contain."""

    operands: tuple[Any, ...]
    match: str
    kind: type[Exception]
    options: dict[str, Any] = {}


def error(operands: tuple[Any, ...], match: str, kind: Any = ShapeError, **options: Any) -> Error:
    """Error(("2 3", "4"), match="(2, 3)"): the call raises `kind` and the message contains `match`."""
    return Error(operands, match, kind, options)
