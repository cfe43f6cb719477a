"""What may be the data of a Value, and how it is shown: plain numbers and arrays, before the engine sees them."""

from typing import Any

import numpy as np

from autograd.errors import ConversionError

__all__ = ["differentiable_data", "is_finite", "plain_array", "shown"]


def differentiable_data(data: Any) -> Any:
    """Leaf data: a Python float for a real scalar, else a float or complex array or scalar, not copied if it is one.

    Integers and booleans become float64, a list goes through np.asarray. Raises ConversionError for a list of
    Values and for what is no number.
    """
    if type(data) is float:
        return data
    if isinstance(data, (int, float)):  # np.float64 and bool included
        return float(data)
    if not isinstance(data, (np.ndarray, np.generic)):
        data = np.complex128(data) if isinstance(data, complex) else plain_array(data)
    if data.dtype.kind in "biu":
        data = data.astype(np.float64)
    elif data.dtype.kind not in "fc":
        raise ConversionError(f"a Value holds numbers, got {data.dtype} data {str(data)[:60]!r}")
    return float(data) if type(data) is np.float64 else data


def plain_array(data: Any) -> Any:
    """np.asarray for a list, a tuple or anything with __array__; a Value inside raises ConversionError."""
    array = np.asarray(data)
    if array.dtype == object:
        raise ConversionError(f"cannot make an array of numbers from {type(data).__name__} {str(data)[:60]!r}")
    return array


def is_finite(data: Any) -> bool:
    """Whether every number in data is finite; what holds no floats is."""
    if isinstance(data, tuple):
        return all(map(is_finite, data))
    if isinstance(data, (float, complex, np.ndarray, np.generic)) and np.asarray(data).dtype.kind in "fc":
        return bool(np.all(np.isfinite(data)))
    return True


def shown(data: Any) -> str:
    """Data as repr shows it: plain digits for a scalar, NumPy's brackets for an array."""
    if isinstance(data, np.ndarray):
        suffix = "" if data.dtype == np.float64 else f", dtype={data.dtype}"
        return np.array2string(data, separator=", ", threshold=20, precision=4) + suffix
    return str(data)
