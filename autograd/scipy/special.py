"""scipy.special's names for Values: `from autograd.scipy import special`.

Its ufuncs hand themselves over to a Value, so those are SciPy's own. The functions that SciPy wrote in Python
(logsumexp, softmax, spherical_jn, polygamma …) never ask; here, given a Value, they call the op of that name, and
otherwise SciPy. A function without derivative raises NotDifferentiableError with the reason when it meets a Value.
"""

import functools
from typing import Any

import numpy as np

from autograd.errors import MissingExtraError, no_rule
from autograd.primitives import registry
from autograd.value import DISPATCH, Value

try:
    import scipy.special as theirs
except ImportError:
    raise MissingExtraError(
        'autograd.scipy.special needs SciPy: pip install "glassgrad[test]", or scipy alone'
    ) from None

__all__: list[str] = []


def _adapted(name: str, function: Any) -> Any:
    """function, but on Values its op."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if not any(isinstance(x, Value) for x in (*args, *options.values())):
            return function(*args, **options)
        DISPATCH["load"]()
        op = registry.get(f"special.{name}") or DISPATCH.get(function)
        if op is None:
            raise no_rule(function, DISPATCH)
        return op(*args, **options)

    return call


@functools.cache
def __getattr__(name: str) -> Any:
    found = getattr(theirs, name)
    if isinstance(found, (np.ufunc, type)) or not callable(found) or name not in theirs.__all__:
        return found
    return _adapted(name, found)


def __dir__() -> list[str]:
    return list(theirs.__all__)
