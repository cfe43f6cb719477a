"""Memory of compiled programs: arrays that begin where a line of the cache does.

NumPy's own begin at any multiple of 16 bytes, and a vector of 64 may lie in two lines: y *= y on 2,048 numbers in float32
takes 0.4 to 0.5 us instead of 0.33.
"""

from math import prod
from typing import Any
from weakref import ref

import numpy as np

__all__ = ["address", "apart", "follow", "identity", "is_buffer", "offset", "register", "zeros"]

LINE = 64


def address(array: Any) -> int:
    """Where the first number of an array lies."""
    found: int = array.__array_interface__["data"][0]
    return found


class _Memory:
    """What an array from `zeros` lies in. It is no array, so that views of that array have it, and not this, as base."""

    def __init__(self, whole: Any, shape: tuple[int, ...], dtype: Any) -> None:
        start = address(whole)
        place = start + -start % LINE, False
        self.whole = whole
        self.__array_interface__ = {"shape": shape, "typestr": dtype.str, "data": place, "version": 3}


def zeros(shape: int | tuple[int, ...], dtype: Any) -> Any:
    """Like NumPy's. As there it is the base of its views, which keep it."""
    dtype, lengths = np.dtype(dtype), shape if isinstance(shape, tuple) else (shape,)
    size = prod(lengths) * dtype.itemsize
    if not size or dtype.hasobject or np.dtype(dtype.str) != dtype:
        return np.zeros(lengths, dtype)
    return np.asarray(_Memory(np.zeros(size + LINE, np.uint8), lengths, dtype))


def identity(array: Any) -> Any:
    """Something equal for arrays that are the same numbers in the same form."""
    return address(array), array.shape, array.strides, array.dtype


def apart(arrays: dict[int, Any]) -> dict[int, Any]:
    """Those arrays none of which lies in the memory of an earlier one."""
    found: dict[int, Any] = {}
    for i, x in arrays.items():
        if not any(np.may_share_memory(x, other) for other in found.values()):
            found[i] = x
    return found


def follow(arrays: list[Any]) -> bool:
    """Whether arrays lie one after the other in a flat array, and fill it."""
    base, starts = arrays[0].base, np.cumsum([0, *(x.size for x in arrays)])
    whole = isinstance(base, np.ndarray) and base.shape == (starts[-1],)
    return whole and all(x.base is base and offset(x, base) == start for x, start in zip(arrays, starts, strict=False))


def offset(part: Any, base: Any) -> int:
    """How many numbers after the first of base the first of part lies."""
    return (address(part) - address(base)) // int(part.itemsize)


# id of each array that is a program's buffer for state → (weak reference to it, its place)
BUFFERS: dict[int, Any] = {}


def register(x: Any, place: Any) -> None:
    """Remember an array as the buffer of a place, as long as it lives."""
    key = id(x)
    BUFFERS[key] = ref(x, lambda _: BUFFERS.pop(key, None)), (id(place.holder), place.key)


def is_buffer(x: Any, place: Any) -> bool:
    """Whether an array is a buffer that a program has made for this place."""
    found, owner = BUFFERS.get(id(x), (None, None))
    return found is not None and found() is x and owner == (id(place.holder), place.key)
