"""What may be the data of a Value, and how it is looked at: plain numbers and arrays, before the engine sees them.

Kept out of value.py and primitives.py, which are read first: conversion, printing and the checks of detect_anomaly are
needed by the engine and teach nothing about it.
"""

import sys
from types import FrameType
from typing import Any

import numpy as np

from autograd.errors import ConversionError

__all__ = ["ALONE", "NUMBERS", "Traced", "as_array", "as_constant", "as_dtype", "caller", "differentiable_data",
           "digest", "dtype_of", "effect", "holders", "holds", "is_finite", "is_number", "may_hold", "own", "own_copy",
           "plain_array", "shown"]  # fmt: skip


class Traced:
    """Base class of what compile puts in the place of an array: data like any other, with numbers yet unknown."""

    __slots__ = ()
    weak: Any = False  # True for a Python number

    def astype(self, dtype: Any) -> Any:
        """The same numbers in another dtype."""
        raise NotImplementedError

    def effect(self, look: Any) -> None:
        """Call look(number) here in every run."""
        raise NotImplementedError


def effect(look: Any, data: Any) -> None:
    """Call look(data) now, and in a compiled function at this place in every run: for a check that may raise."""
    if isinstance(data, Traced):
        data.effect(look)
    else:
        look(data)


NUMBERS = (int, float, complex, np.ndarray, np.generic, Traced)


def is_number(data: Any) -> bool:
    """Whether data is a Python float, whose results with float32 arrays stay float32; also one that compile follows."""
    return isinstance(data, (float, int)) or (isinstance(data, Traced) and data.weak)


def differentiable_data(data: Any) -> Any:
    """Leaf data: a Python float for a real scalar, else a float or complex array or scalar, not copied if it is one.

    Integers and booleans become float64, a list goes through np.asarray. Raises ConversionError for a list of
    Values and for what is no number.
    """
    if type(data) is float:
        return data
    if isinstance(data, (int, float)):  # np.float64 and bool included
        return float(data)
    if not isinstance(data, (np.ndarray, np.generic, Traced)):
        data = np.complex128(data) if isinstance(data, complex) else plain_array(data)
    if not data.dtype.isnative:
        data = data.astype(data.dtype.newbyteorder("="))
    if data.dtype.kind in "biu":
        data = data.astype(np.float64)
    elif data.dtype.kind not in "fc":
        raise ConversionError(f"a Value holds numbers, got {data.dtype} data {str(data)[:60]!r}")
    return float(data) if type(data) is np.float64 else data


def plain_array(data: Any) -> Any:
    """np.asarray for a list, a tuple or anything with __array__; a Value inside raises ConversionError."""
    try:
        array = np.asarray(data)
    except ValueError as mistake:  # rows of different lengths
        raise ConversionError(f"cannot make an array of numbers from {str(data)[:60]!r}: {mistake}") from None
    if array.dtype == object:
        raise ConversionError(f"cannot make an array of numbers from {type(data).__name__} {str(data)[:60]!r}")
    return array


def as_constant(x: Any) -> Any:
    """A constant operand as an op can use it: lists and things with __array__ become arrays, the rest stays."""
    if isinstance(x, (np.generic, np.ndarray, str, Traced)):
        return x
    if isinstance(x, (list, tuple)) or hasattr(x, "__array__"):
        return plain_array(x)
    return x


def as_dtype(x: Any, dtype: Any) -> Any:
    """A number or array in this dtype."""
    return x.astype(dtype) if isinstance(x, Traced) else np.asarray(x, dtype=dtype)[()]


def as_array(x: Any) -> Any:
    """np.asarray, except that what compile follows stays as it is."""
    return x if isinstance(x, Traced) else np.asarray(x)


def dtype_of(x: Any) -> Any:
    """NumPy's dtype of a number or array."""
    return np.dtype(np.result_type(x))


def holds(condition: Any) -> bool:
    """Whether a condition holds anywhere, for checks of arguments; where compile follows it nobody knows yet, so no."""
    return not isinstance(condition, Traced) and bool(np.any(condition))


def may_hold(condition: Any) -> bool:
    """Whether a condition may hold anywhere, for short cuts where it does not; where compile follows it, yes."""
    return isinstance(condition, Traced) or bool(np.any(condition))


def is_finite(data: Any) -> bool:
    """Whether every number in data is finite; what holds no floats is."""
    if isinstance(data, tuple):
        return all(map(is_finite, data))
    if isinstance(data, (float, complex, np.ndarray, np.generic)) and np.asarray(data).dtype.kind in "fc":
        return bool(np.all(np.isfinite(data)))
    return True


def digest(saved: tuple[Any, ...]) -> tuple[Any, ...]:
    """Something that differs when an array in `saved` has been written into; () for no operands."""
    return tuple(hash(x.tobytes()) if isinstance(x, np.ndarray) else 0 for x in saved)


def shown(data: Any) -> str:
    """Data as repr shows it: plain digits for a scalar, NumPy's brackets for an array."""
    if isinstance(data, np.ndarray):
        suffix = "" if data.dtype == np.float64 else f", dtype={data.dtype}"
        return np.array2string(data, separator=", ", threshold=20, precision=4) + suffix
    return str(data)


def caller() -> str:
    """“file:line” of the first frame outside this package and NumPy, for detect_anomaly."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in ("autograd", "numpy", "nn"):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown line"


def holders(array: Any) -> int:
    """How many references to an array there are, as seen from here."""
    return sys.getrefcount(array)


def _lone_array() -> int:
    array = np.empty(1)
    return holders(array)


ALONE = _lone_array()  # what `holders` says of an array that one local variable of the caller holds, and nothing else


def own(c: Any, like: Any, alone: bool) -> Any:
    """A cotangent as an array of its own for a leaf's `.grad`: copied unless it is `alone` in holding its memory.

    The copy would be 5 % of a training step of a model of three layers of 256.
    """
    if not isinstance(like, np.ndarray) or not isinstance(c, np.ndarray):
        return c
    return c if alone and c.base is None and c.flags.writeable else np.array(c)


def own_copy(c: Any, like: Any) -> Any:
    """c as an array that nothing else refers to, a Python float or NumPy scalar as it is."""
    return np.array(c) if isinstance(like, np.ndarray) or isinstance(c, np.ndarray) else c
