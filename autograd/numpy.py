"""NumPy's names for code that makes arrays out of Values: `import autograd.numpy as np`.

NumPy hands most functions over to a Value by itself. A few build an array element by element and never ask: np.array and
np.asarray of a list of Values, np.full and np.full_like with a Value. Here they have the same names and record. np.zeros,
np.ones and np.empty, called inside a transform, give constant Values, so that Values can be assigned to their elements;
outside, use Value(np.zeros(n)), or np.zeros_like(v). Every other name is NumPy's own.
"""

import functools
from typing import Any

import numpy
from numpy.typing import DTypeLike

from autograd.context import CONTEXT
from autograd.errors import ArgumentError
from autograd.value import CONSTANT, Value, make

__all__ = ["array", "asarray", "empty", "full", "full_like", "ones", "zeros"]


def array(object: Any, dtype: DTypeLike | None = None, **options: Any) -> Any:
    """np.array for lists, tuples and Values, nested to any depth: with a Value inside, a recorded stack of them.

    >>> array([Value(1.0), [2.0, 3.0][0]]).shape
    (2,)
    """
    if not _holds_value(object):
        return numpy.array(object, dtype, **options)
    if options:
        raise ArgumentError(f"autograd.numpy.array of Values has no option {', '.join(options)}")
    if not isinstance(object, Value):
        object = numpy.stack([array(item) for item in object])
    return object if dtype is None else numpy.astype(object, dtype)


def asarray(object: Any, dtype: DTypeLike | None = None, **options: Any) -> Any:
    """np.asarray; a Value comes back as it is."""
    return array(object, dtype, **options) if _holds_value(object) else numpy.asarray(object, dtype, **options)


def full(shape: Any, fill_value: Any, dtype: DTypeLike | None = None, **options: Any) -> Any:
    """np.full; a Value is broadcast to the shape and recorded."""
    if not _holds_value(fill_value):
        return numpy.full(shape, fill_value, dtype, **options)
    filled = numpy.broadcast_to(array(fill_value), shape)
    return filled if dtype is None else numpy.astype(filled, dtype)


def full_like(a: Any, fill_value: Any, dtype: DTypeLike | None = None, **options: Any) -> Any:
    """np.full_like; the fill value, which may be a Value, is cast to a's dtype, as NumPy does."""
    return full(numpy.shape(a), fill_value, dtype or numpy.result_type(a), **options)


def _blank(function: Any) -> Any:
    @functools.wraps(function)
    def call(shape: Any, dtype: DTypeLike | None = None, *args: Any, **options: Any) -> Any:
        out = function(shape, dtype, *args, **options)
        return make(CONSTANT, out) if CONTEXT.get().depth and out.dtype.kind in "fc" else out

    return call


zeros, ones, empty = map(_blank, (numpy.zeros, numpy.ones, numpy.empty))


def _holds_value(object: Any) -> bool:
    return isinstance(object, Value) or (isinstance(object, (list, tuple)) and any(map(_holds_value, object)))


def __getattr__(name: str) -> Any:
    return getattr(numpy, name)
