"""NumPy's names for code that makes arrays out of Values: `import autograd.numpy as np`.

NumPy hands most functions over to a Value by itself. What it does not is adapted here, and every other name is NumPy's
own, so that this is a drop-in for NumPy:

- lists that hold Values, which NumPy would turn into arrays: np.exp([v, w]), np.linalg.norm([v, 1.0]). A function is
  called as it is, and where a Value was then asked to become an array, again with the lists stacked (`Lifted`);
- what builds arrays: np.array, np.full, np.arange, np.r_ …;
- np.zeros, np.ones, np.empty, np.eye and np.identity, called inside a transform, give constant Values, so that Values can
  be assigned to their elements; outside, use Value(np.zeros(n)), or np.zeros_like(v).
"""

import functools
import sys
import types
from typing import Any

import numpy
from numpy.typing import DTypeLike

from autograd.context import CONTEXT
from autograd.errors import ArgumentError, ConversionError, ShapeError
from autograd.value import CONSTANT, DISPATCH, Value, data_of, make

__all__ = ["arange", "array", "array_equal", "array_equiv", "asanyarray",
           "asarray", "asarray_chkfinite", "ascontiguousarray", "asfortranarray", "c_",
           "empty", "eye", "fft", "fromiter", "full", "full_like", "identity", "linalg", "ones", "r_", "random", "require",
           "zeros"]  # fmt: skip


def array(object: Any, dtype: DTypeLike | None = None, *, copy: Any = True, ndmin: int = 0, **options: Any) -> Any:
    """np.array for lists, tuples and Values, nested to any depth: with a Value inside, a recorded stack of them.

    >>> array([Value(1.0), [2.0, 3.0][0]]).shape
    (2,)
    """
    if not _holds_value(object):
        return numpy.array(object, dtype, copy=copy, ndmin=ndmin, **options)
    if options:
        raise ArgumentError(f"autograd.numpy.array of Values has no option {', '.join(options)}")
    out: Any
    if not isinstance(object, Value):
        out = numpy.stack([asarray(item) for item in object])
    else:
        out = numpy.copy(object) if copy else object
    out = out if dtype is None else numpy.astype(out, dtype)
    return numpy.reshape(out, (1,) * (ndmin - numpy.ndim(out)) + numpy.shape(out)) if numpy.ndim(out) < ndmin else out


def _as_array(function: Any) -> Any:
    """One of np.asarray's kind: a Value comes back as it is, memory layout being no matter of a Value's."""

    @functools.wraps(function)
    def call(a: Any, dtype: DTypeLike | None = None, *args: Any, **options: Any) -> Any:
        return array(a, dtype, copy=None) if _holds_value(a) else function(a, dtype, *args, **options)

    return call


asarray, asanyarray, ascontiguousarray, asfortranarray, asarray_chkfinite, require = map(
    _as_array,
    (
        numpy.asarray, numpy.asanyarray, numpy.ascontiguousarray, numpy.asfortranarray, numpy.asarray_chkfinite,
        numpy.require,
    ),
)  # fmt: skip


def full(shape: Any, fill_value: Any, dtype: DTypeLike | None = None, **options: Any) -> Any:
    """np.full; a Value is broadcast to the shape and recorded."""
    if not _holds_value(fill_value):
        return numpy.full(shape, fill_value, dtype, **options)
    filled = numpy.copy(numpy.broadcast_to(asarray(fill_value), shape))
    return filled if dtype is None else numpy.astype(filled, dtype)


def full_like(a: Any, fill_value: Any, *args: Any, **options: Any) -> Any:
    """np.full_like; the fill value, which may be a Value, is cast to a's dtype, as NumPy does."""
    a, fill_value = asarray(a), asarray(fill_value)
    call = DISPATCH[numpy.full_like] if _holds_value((a, fill_value)) else numpy.full_like
    return call(a, fill_value, *args, **options)


def _blank(function: Any) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        out = function(*args, **options)
        return make(CONSTANT, out) if CONTEXT.get().depth and out.dtype.kind in "fc" else out

    return call


_BLANK: Any = (numpy.zeros, numpy.ones, numpy.empty, numpy.eye, numpy.identity)
zeros, ones, empty, eye, identity = map(_blank, _BLANK)


def arange(*args: Any, **options: Any) -> Any:
    """np.arange; with Values, start + step · (0, 1, 2 …), whose count does not move."""
    if not _holds_value(args):
        return numpy.arange(*args, **options)
    start, step = args[0] if len(args) > 1 else 0.0, args[2] if len(args) > 2 else 1.0
    return start + step * numpy.arange(float(len(numpy.arange(*map(data_of, args)))))


def fromiter(iter: Any, dtype: DTypeLike, count: int = -1, **options: Any) -> Any:
    """np.fromiter; Values are stacked."""
    items = [item for _, item in zip(range(count), iter, strict=False)] if count >= 0 else list(iter)
    return array(items, dtype) if _holds_value(items) else numpy.fromiter(items, dtype, count, **options)


def _comparison(function: Any) -> Any:
    """np.array_equal and its like, which take any error, a list of Values too, for a no."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        lifted = {name: asarray(x) if _in_list(x) else x for name, x in options.items()}
        return function(*(asarray(x) if _in_list(x) else x for x in args), **lifted)

    return call


array_equal, array_equiv = _comparison(numpy.array_equal), _comparison(numpy.array_equiv)


class _Concatenator:
    """np.r_ and np.c_: given the elements' numbers instead of the elements, NumPy's own says where each one goes."""

    def __init__(self, numpys: Any) -> None:
        self.numpys = numpys

    def __getitem__(self, key: Any) -> Any:
        items = key if isinstance(key, tuple) else (key,)
        if not _holds_value(items):
            return self.numpys[key]
        parts: list[Any] = []
        numbers: list[Any] = []
        total = 0
        for item in items:
            if isinstance(item, str):
                numbers.append(item)
                continue
            part = numpy.r_[item] if isinstance(item, slice) else asarray(item)
            size = numpy.size(part)
            parts.append(numpy.ravel(part))
            numbers.append(
                numpy.reshape(numpy.arange(total, total + size), numpy.shape(part)) if numpy.ndim(part) else total
            )
            total += size
        return numpy.concatenate(parts)[self.numpys[tuple(numbers)]]


r_, c_ = _Concatenator(numpy.r_), _Concatenator(numpy.c_)


class Lifted:
    """A NumPy function that also takes lists, and other arguments that NumPy does not look at, that hold Values."""

    def __init__(self, function: Any) -> None:
        self.function = function
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **options: Any) -> Any:
        try:
            return self.function(*args, **options)
        except ConversionError as mistake:
            if not _holds_value((*args, *options.values())):
                raise
            DISPATCH["load"]()
            for lift in (lambda x: x, _items, asarray):
                call = (DISPATCH.get(self.function) or self.function) if lift is not _items else self.function
                try:
                    return call(
                        *(
                            lift(x) if _in_list(x) else numpy.asarray(x) if _is_numbers(x) and not i else x
                            for i, x in enumerate(args)
                        ),
                        **{name: lift(x) if _in_list(x) else x for name, x in options.items()},
                    )
                except (ConversionError, ShapeError):
                    continue
            raise mistake

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.function, name)
        return Lifted(found) if name in ("reduce", "accumulate", "reduceat", "outer") else found

    def __repr__(self) -> str:
        return repr(self.function)


class _Namespace(types.ModuleType):
    """A submodule of NumPy whose functions are Lifted."""

    def __init__(self, module: Any) -> None:
        super().__init__(module.__name__.replace("numpy", __name__, 1), module.__doc__)
        self.__dict__["_module"] = module
        sys.modules[self.__name__] = self

    def __getattr__(self, name: str) -> Any:
        return _lifted(getattr(self._module, name))

    def __dir__(self) -> list[str]:
        return dir(self._module)


@functools.cache
def _of(function: Any) -> Lifted:
    return Lifted(function)


def _lifted(x: Any) -> Any:
    """A NumPy function made to take lists of Values; a type, a number or anything else as it is."""
    return _of(x) if isinstance(x, (numpy.ufunc, type(numpy.sum))) else x


def _holds_value(object: Any) -> bool:
    return isinstance(object, Value) or (isinstance(object, (list, tuple)) and any(map(_holds_value, object)))


def _is_numbers(x: Any) -> bool:
    """Whether x is a list of plain numbers, nested or not."""
    return isinstance(x, list) and all(isinstance(item, (int, float)) or _is_numbers(item) for item in x)


def _in_list(x: Any) -> bool:
    return not isinstance(x, Value) and _holds_value(x)


def _items(x: Any) -> Any:
    return [asarray(item) for item in x]


linalg, fft = _Namespace(numpy.linalg), _Namespace(numpy.fft)
random = sys.modules[f"{__name__}.random"] = numpy.random


def __getattr__(name: str) -> Any:
    return _lifted(getattr(numpy, name))


def __dir__() -> list[str]:
    return sorted({*__all__, *dir(numpy)})
