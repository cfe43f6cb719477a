"""NumPy's functions that have no derivative, each with the reason."""

import numpy as np

from autograd.errors import REFUSED

__all__: list[str] = []


def refuse(reason, *functions):
    """Let a call of these functions on a Value raise NotDifferentiableError with this reason."""
    REFUSED.update(dict.fromkeys(functions, reason))


refuse("its result is a fraction and an integer exponent; multiply by 2.0 ** −exponent, or use v.data", np.frexp)
