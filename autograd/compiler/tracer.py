"""Tracer: an array that writes down what is done to it.

`compile` runs a function once with a Tracer in place of every number and array that may differ next time: arguments, the
weights under `.data`, the state of an optimiser. The engine does not notice. Values hold Tracers as their data, rules are
NumPy code and run on Tracers, `backward` adds Tracers up; what NumPy is asked to do on the way is, in that order, the
program: forward pass, backward pass and update alike.

A Tracer also carries the value that it has in this run, so that shapes, dtypes and mistakes are those of the real thing.
What cannot be known before the next run (the truth of a comparison, a number as a Python int) it refuses to tell.
"""

import operator
import sys
from typing import Any

import numpy as np

from autograd.compiler.program import Step, Variable, rebuild, variables
from autograd.compiler.refusal import refusal, user_line
from autograd.context import CONTEXT
from autograd.data import Traced
from autograd.primitives import Primitive
from autograd.value import DISPATCH, PLAIN, Value

__all__ = ["BOOL", "Number", "Tracer", "concrete", "refuse_masks"]

BOOL = np.dtype(bool)
ABOUT_FORM = {np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast, np.common_type}
OF_MASKS: dict[Any, Any] = {
    np.bitwise_and: np.logical_and, np.bitwise_or: np.logical_or, np.bitwise_xor: np.logical_xor, np.invert: np.logical_not,
}  # fmt: skip
OF_INTEGERS = {*OF_MASKS, np.left_shift, np.right_shift}
BLANK = {np.zeros_like: np.zeros, np.ones_like: np.ones, np.empty_like: np.zeros}
IN_PLACE = {"sort", "partition", "resize", "put", "fill", "itemset", "setfield", "byteswap"}
BY_CONTENT = {
    np.nonzero, np.argwhere, np.flatnonzero, np.unique, np.unique_values, np.unique_counts, np.unique_inverse,
    np.unique_all, np.extract, np.compress, np.trim_zeros, np.real_if_close,
}  # fmt: skip


class Tracer(Traced):
    """Stands for a number or an array while a function is being compiled; NumPy's functions on it are written down."""

    __slots__ = ("__weakref__", "trace", "value", "variable")

    def __init__(self, trace: Any, variable: Variable, value: Any) -> None:
        self.trace, self.variable, self.value = trace, variable, value

    weak = property(lambda self: self.variable.dtype is None)
    shape = property(lambda self: self.variable.shape)
    ndim = property(lambda self: len(self.variable.shape))
    size = property(lambda self: np.size(self.value))
    dtype = property(lambda self: np.dtype(np.float64) if self.variable.dtype is None else self.variable.dtype)
    nbytes = property(lambda self: np.asarray(self.value).nbytes)
    T = property(lambda self: np.transpose(self))
    mT = property(lambda self: np.matrix_transpose(self))
    real = property(lambda self: np.real(self))
    imag = property(lambda self: np.imag(self))
    flags = property(lambda self: np.asarray(self.value).flags)

    def __repr__(self) -> str:
        return f"<{self.dtype} {self.shape}, known when the program runs>"

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(x, Value) for x in inputs):
            return NotImplemented
        if any(target is not None for target in options.pop("out", ())):
            raise refusal("writes into an array (a += v, out=a), which the next run would not do again", "a = a + v")
        return self._call(ufunc if method == "__call__" else (ufunc, method), inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(kind, Value) for kind in types):
            return NotImplemented
        return self._call(function, args, kwargs)

    def _call(self, function: Any, args: Any, kwargs: Any) -> Any:
        if CONTEXT.get().trace is not self.trace:
            raise refusal(
                "uses a number of a compiled function's first run, which is over", "what the function returned"
            )
        if function in ABOUT_FORM:
            return function(*concrete(args), **concrete(kwargs))
        if function in BLANK:
            shape = kwargs.pop("shape", None)
            like = args[0]
            made = BLANK[function](np.shape(like) if shape is None else shape, kwargs.get("dtype") or like.dtype)
            return made[()]
        if function in BY_CONTENT:
            raise refusal(f"calls np.{function.__name__}, the size of whose result depends on the numbers", "np.where")
        if function in OF_MASKS and all(getattr(x, "dtype", None) == BOOL for x in args):
            function = OF_MASKS[function]
        elif function in OF_INTEGERS:
            return self.trace.run(function, args, kwargs)
        call = DISPATCH.get(function) or DISPATCH["find"](function)
        if not isinstance(call, Primitive) and call.__module__ == "autograd.ops.constant":
            call = function if not isinstance(function, tuple) else getattr(*function)
            return self.trace.run(call, args, kwargs)
        return call(*args, **kwargs)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise refusal("makes a plain array (np.asarray, a[:] = v) or an index (a[i]) of what differs",
                      "np.stack for np.array, np.take(a, i, axis=0) for a[i], NumPy's functions as they are")  # fmt: skip

    def __format__(self, form: str) -> str:
        if form:
            raise refusal("writes a number that differs in the next run as text", "nothing here, and return the number")
        return repr(self)

    def __bool__(self) -> bool:
        raise refusal("branches on a number that differs in the next run (if, while, and, or, min, max)",
                      "np.where(condition, a, b), np.maximum, or pass a Python bool, which is static")  # fmt: skip

    def _number(self, *args: Any) -> Any:
        raise refusal("makes a Python number (float, int, .item(), math.*, a[i] = v of an array) of what will differ",
                      "NumPy's functions, autograd.Value(np.zeros(…)) for an array to assign to, or return it")  # fmt: skip

    __float__ = __int__ = __complex__ = __index__ = item = tolist = _number

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a number")
        return int(self.shape[0])

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        refuse_masks(index)
        return DISPATCH["getitem"](self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise refusal("writes into an array that is passed in or computed", "autograd.Value(a), np.stack or np.where")

    def __getattr__(self, name: str) -> Any:
        if name in IN_PLACE:
            raise refusal(f"changes an array in place (.{name}())", f"the function that gives a new one (np.{name})")
        method = getattr(np, name, None) if callable(getattr(np.ndarray, name, None)) else None
        if method is None:
            raise AttributeError(f"an array that is being compiled has no attribute {name!r}", name=name, obj=self)
        return lambda *args, **kwargs: method(self, *args, **kwargs)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        return self._twin() if dtype == self.dtype and not self.weak else DISPATCH[np.astype](self, dtype)

    def _twin(self) -> "Tracer":
        """The same array under another name: a copy, for NumPy."""
        twin: Tracer = self.trace.tracer(self.variable, np.copy(self.value)) if self.shape else self
        return twin

    def effect(self, look: Any) -> None:
        look(self.value)
        nothing = Variable((), None)
        self.trace.steps.append(Step(look, (self.variable,), {}, (nothing,), pure=False, line=user_line()[0]))

    def reshape(self, *shape: Any, **options: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)

    def __neg__(self) -> Any:
        return np.negative(self)

    def __pos__(self) -> Any:
        return self._twin()

    def __abs__(self) -> Any:
        return np.absolute(self)

    def __invert__(self) -> Any:
        return self._call(np.invert, (self,), {})

    def __round__(self, digits: int | None = None) -> Any:
        return np.round(self, digits or 0)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    __hash__ = object.__hash__


CONSTANT_RESULTS = {np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.floor_divide}


def _operator(ufunc: Any, reflected: bool) -> Any:
    def method(self: Tracer, other: Any) -> Any:
        if isinstance(other, Value) and ufunc in CONSTANT_RESULTS:
            other = other.data
        if isinstance(other, Value) or (other is None or isinstance(other, (str, dict))):
            return NotImplemented
        return self._call(ufunc, (other, self) if reflected else (self, other), {})

    return method


class _Probe:
    """Counts the references to what `a += v` is called on, if nothing but a has it."""

    def __iadd__(self, other: Any) -> Any:
        return sys.getrefcount(self)


ALONE: Any = _Probe()
ALONE += 1


def _in_place(ufunc: Any) -> Any:
    """a += v, which is another array, called a: refused where NumPy's, written into, would be seen under another name."""
    compute = _operator(ufunc, False)

    def method(self: Tracer, other: Any) -> Any:
        if self.weak or not self.shape:
            return compute(self, other)
        if self.variable in self.trace.inputs:
            raise refusal(
                "changes an array in place (a += v) that comes from outside", "a = a + v, or a[...] of a Value"
            )
        if sys.getrefcount(self) > ALONE or self.trace.overlaps(self):
            raise refusal("changes an array in place (a += v) that has another name too, or is seen in part by another",
                          "a = a + v, and np.stack or np.where for parts of an array")  # fmt: skip
        new = compute(self, other)
        if not isinstance(new, Tracer):
            return new
        if new.shape != self.shape:
            raise ValueError(f"a += v: a has shape {self.shape}, a + v {new.shape}")
        if not np.can_cast(new.dtype, self.dtype, "same_kind"):
            raise TypeError(f"a += v: a is {self.dtype}, a + v {new.dtype}")
        return new if new.dtype == self.dtype else new.astype(self.dtype)

    return method


class Number(Tracer):
    """A Tracer of a Python float, or of the truth of a comparison of two: a graph of scalars has 100,000 of these, so
    its operators write their steps down without asking much."""

    __slots__ = ()


def _quick(ufunc: Any, compute: Any, reflected: bool) -> Any:
    """An operator of two numbers; whatever is unusual goes the general way."""
    general = _operator(ufunc, reflected)
    known = DISPATCH.get(ufunc)
    op = known if isinstance(known, Primitive) else ufunc

    def method(self: Number, other: Any) -> Any:
        kind = type(other)
        if kind is not Number and kind is not float:
            return general(self, other)
        a, b = self.value, other if kind is float else other.value
        trace = self.trace
        if not trace.open or (kind is Number and other.trace is not trace):
            return general(self, other)
        try:
            value = compute(b, a) if reflected else compute(a, b)
        except ArithmeticError:
            return general(self, other)
        return trace.number(op, (other, self) if reflected else (self, other), value)

    return method


COMPUTE = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv,
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip
for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power, "matmul": np.matmul,
    "floordiv": np.floor_divide, "mod": np.remainder, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "lshift": np.left_shift, "rshift": np.right_shift,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}.items():  # fmt: skip
    setattr(Tracer, f"__{_name}__", _operator(_ufunc, False))
    if _name in COMPUTE:
        setattr(Number, f"__{_name}__", _quick(_ufunc, COMPUTE[_name], False))
    if len(_name) > 2 or _name == "or":
        setattr(Tracer, f"__r{_name}__", _operator(_ufunc, True))
        setattr(Tracer, f"__i{_name}__", _in_place(_ufunc))
        if _name in COMPUTE:
            setattr(Number, f"__r{_name}__", _quick(_ufunc, COMPUTE[_name], True))
PLAIN.update((Tracer, Number))


def refuse_masks(index: Any) -> None:
    """Raise CompileError for an index by a mask that is not constant."""
    for part in variables(index, Tracer):
        if part.dtype == bool and part.shape:
            raise refusal("picks by a mask (x[x > 0], x[mask]), so that the shape depends on the numbers",
                          "np.where, with np.sum(mask) for how many they are")  # fmt: skip


def concrete(tree: Any) -> Any:
    """Operands or options with each Tracer's value of this run in its place."""
    return rebuild(tree, lambda tracer: tracer.value, Tracer)
