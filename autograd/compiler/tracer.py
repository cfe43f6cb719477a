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
from types import FrameType
from typing import Any

import numpy as np

from autograd.compiler.program import Program, Step, Variable, rebuild, variables
from autograd.compiler.tape import ufunc_of
from autograd.context import CONTEXT
from autograd.data import Traced
from autograd.errors import CompileError
from autograd.primitives import Primitive
from autograd.value import DISPATCH, PLAIN, Value

__all__ = ["Trace", "Tracer", "concrete", "refusal"]

OURS = ("autograd", "numpy", "nn")  # packages whose lines are not the user's
PHASES = {"autograd.backward": "backward", "nn.clip": "update", "nn.optim": "update"}  # what is running → phase
READABLE = 2_000  # steps from which on nobody reads where a step on numbers came from
BOOL = np.dtype(bool)
ABOUT_FORM = {np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast, np.common_type}
OF_MASKS: dict[Any, Any] = {
    np.bitwise_and: np.logical_and, np.bitwise_or: np.logical_or, np.bitwise_xor: np.logical_xor, np.invert: np.logical_not,
}  # fmt: skip
BLANK = {np.zeros_like: np.zeros, np.ones_like: np.ones, np.empty_like: np.zeros}
BY_CONTENT = {
    np.nonzero, np.argwhere, np.flatnonzero, np.unique, np.unique_values, np.unique_counts, np.unique_inverse,
    np.unique_all, np.extract, np.compress, np.trim_zeros, np.real_if_close,
}  # fmt: skip


class Tracer(Traced):
    """Stands for a number or an array while a function is being compiled; NumPy's functions on it are written down."""

    __slots__ = ("trace", "value", "variable")

    def __init__(self, trace: "Trace", variable: Variable, value: Any) -> None:
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
        return f"Tracer(shape={self.shape}, dtype={self.dtype})"

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
        call = DISPATCH.get(function) or DISPATCH["find"](function)
        if not isinstance(call, Primitive) and call.__module__ == "autograd.ops.constant":
            call = function if not isinstance(function, tuple) else getattr(*function)
            return self.trace.run(call, args, kwargs)
        return call(*args, **kwargs)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise refusal("makes a plain array (np.asarray, np.array, a[:] = v) or an index (a[i]) of what differs next time",
                      "np.stack for np.array, np.take(a, i) for a[i], NumPy's functions on it as it is")  # fmt: skip

    def __format__(self, form: str) -> str:
        if form:
            raise refusal("writes a number that differs in the next run as text", "nothing here, and return the number")
        return repr(self)

    def __bool__(self) -> bool:
        raise refusal("branches on a number that differs in the next run (if, while, and, or, min, max)",
                      "np.where(condition, a, b), np.maximum, or pass a Python bool, which is static")  # fmt: skip

    def _number(self, *args: Any) -> Any:
        raise refusal("makes a Python number (float, int, .item(), math.*) of what differs in the next run",
                      "NumPy's functions, or return it from the compiled function")  # fmt: skip

    __float__ = __int__ = __complex__ = __index__ = item = tolist = _number

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a number")
        return int(self.shape[0])

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        for part in variables(index, Tracer):
            if part.dtype == bool and part.shape:
                raise refusal("picks by a mask (x[x > 0]), so that the shape depends on the numbers", "np.where")
        return DISPATCH["getitem"](self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise refusal("writes into an array that is passed in or computed", "a Value, autograd.numpy.zeros or np.where")

    def __getattr__(self, name: str) -> Any:
        method = getattr(np, name, None) if callable(getattr(np.ndarray, name, None)) else None
        if method is None:
            raise AttributeError(f"an array that is being compiled has no attribute {name!r}", name=name, obj=self)
        return lambda *args, **kwargs: method(self, *args, **kwargs)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        return self if dtype == self.dtype and not self.weak else DISPATCH[np.astype](self, dtype)

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
        return self

    def __abs__(self) -> Any:
        return np.absolute(self)

    def __invert__(self) -> Any:
        return np.logical_not(self) if self.dtype == bool else self.trace.run(np.invert, (self,), {})

    __hash__ = object.__hash__


def _operator(ufunc: Any, reflected: bool) -> Any:
    def method(self: Tracer, other: Any) -> Any:
        if isinstance(other, Value) or (other is None or isinstance(other, (str, dict))):
            return NotImplemented
        return self._call(ufunc, (other, self) if reflected else (self, other), {})

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
    "floordiv": np.floor_divide, "mod": np.remainder, "and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}.items():  # fmt: skip
    setattr(Tracer, f"__{_name}__", _operator(_ufunc, False))
    if _name in COMPUTE:
        setattr(Number, f"__{_name}__", _quick(_ufunc, COMPUTE[_name], False))
    if len(_name) > 2 or _name == "or":
        setattr(Tracer, f"__r{_name}__", _operator(_ufunc, True))
        if _name in COMPUTE:
            setattr(Number, f"__r{_name}__", _quick(_ufunc, COMPUTE[_name], True))
PLAIN.update((Tracer, Number))


class Trace:
    """The program while it is being written: `run` is called for each op instead of its forward computation."""

    def __init__(self) -> None:
        self.inputs: list[Variable] = []
        self.steps: list[Step] = []
        self.open = True
        self.gradients: dict[Variable, Variable] = {}
        self.generators: dict[int, tuple[np.random.Generator, Any]] = {}  # and their state after the last known draw
        self.refused: CompileError | None = None  # the last refusal: NumPy turns some into errors of its own

    def input(self, value: Any, name: str = "") -> Tracer:
        """A Tracer for a number or array that is given from outside at every run."""
        variable = Variable.like(value, name)
        self.inputs.append(variable)
        return self.tracer(variable, value)

    def run(self, op: Any, operands: Any, options: Any, *, pure: bool = True) -> Any:
        """Compute the op's results and write the step down; what meets no Tracer is computed and is a constant."""
        if not options and pure and self.open:
            plain = [x.value if type(x) is Number else x for x in operands if type(x) in (Number, float, int)]
            if len(plain) == len(operands) < 3 and ufunc_of(op) and Number in map(type, operands):
                value = op.forward(*plain)
                if type(value) in (float, np.float64):
                    return self.number(op, operands, float(value))
        forward = getattr(op, "forward", op)
        if getattr(op, "name", "") in ("alias", "item") or getattr(op, "inline", False):
            return forward(*operands, **options)
        tracers = list(variables((tuple(operands), dict(options)), Tracer))
        if not tracers and pure:
            return forward(*operands, **options)
        if not self.open or any(tracer.trace is not self for tracer in tracers):
            raise refusal("uses a number of another compiled function, or of an earlier run", "arguments and results")
        if not pure:
            self.check(options["rng"])
        value = forward(*concrete(tuple(operands)), **concrete(dict(options)))
        if not pure:
            self.watch(options["rng"])
        several = isinstance(value, (tuple, list))
        parts = list(value) if several else [value]
        results = tuple(Variable.like(part) for part in parts)
        written, keywords = (rebuild(tree, _variable, Tracer) for tree in (tuple(operands), dict(options)))
        path = CONTEXT.get().path
        line, phase = user_line()
        quiet = bool({"over", "divide"} & {kind for kind, what in np.geterr().items() if what == "ignore"})
        self.steps.append(
            Step(op, written, keywords, results, pure=pure, quiet=quiet, line=line, path=path, phase=phase)
        )
        out = [self.tracer(variable, part) for variable, part in zip(results, parts, strict=True)]
        return type(value)(out) if several else out[0]

    def number(self, op: Any, operands: Any, value: Any) -> Number:
        """Write down a step on numbers; its line only as long as somebody may want to read the program."""
        variable = Variable((), None if type(value) is float else BOOL)
        written = tuple([x.variable if type(x) is Number else x for x in operands])
        read = len(self.steps) < READABLE
        line, phase = user_line() if read else ("", "forward")
        self.steps.append(
            Step(op, written, {}, (variable,), line=line, path=CONTEXT.get().path if read else "", phase=phase)
        )
        return Number(self, variable, value)

    def tracer(self, variable: Variable, value: Any) -> Tracer:
        """A Tracer for a variable."""
        number = variable.dtype is None and not variable.shape and type(value) is float
        return (Number if number else Tracer)(self, variable, value)

    def watch(self, rng: np.random.Generator) -> None:
        """Take down the state of a generator; `check` finds draws that came from it otherwise."""
        self.generators[id(rng)] = rng, rng.bit_generator.state

    def check(self, rng: Any = None, line: str = "") -> None:
        """Raise CompileError if a generator, or any of them, was called directly: its numbers would be the program's."""
        for known, state in list(self.generators.values()):
            if (rng is None or rng is known) and str(known.bit_generator.state) != str(state):
                raise refusal("calls a random generator directly, whose numbers would be the same in every run",
                              "autograd.random's functions with rng=", line)  # fmt: skip

    def line_of(self, tracer: Tracer) -> str:
        """“file:line” of the step that made a number."""
        return next((step.line for step in reversed(self.steps) if tracer.variable in step.results), "")

    def program(self, outputs: Any) -> Program:
        """The program with these results, Tracers and constants."""
        self.open = False
        program = Program(self.inputs, self.steps, [rebuild(out, _variable, Tracer) for out in outputs])
        program.gradients = self.gradients
        return program

    def cotangents(self, start: dict[Value, Any]) -> dict[Value, Any]:
        """A dict for backward that takes down of what each cotangent is one, so that a listing can call it d_h."""
        return _Named(self, start)


class _Named(dict[Value, Any]):
    def __init__(self, trace: Trace, start: dict[Value, Any]) -> None:
        super().__init__(start)
        self.gradients = trace.gradients

    def __setitem__(self, value: Value, cotangent: Any) -> None:
        if type(cotangent) is Tracer and type(value.data) is Tracer:
            self.gradients[cotangent.variable] = value.data.variable
        super().__setitem__(value, cotangent)


def _variable(tracer: Tracer) -> Variable:
    return tracer.variable


def concrete(tree: Any) -> Any:
    """Operands or options with each Tracer's value of this run in its place."""
    return rebuild(tree, lambda tracer: tracer.value, Tracer)


def user_line() -> tuple[str, str]:
    """(“file:line” of the innermost frame outside of autograd, nn and NumPy, the phase: forward, backward or update)."""
    frame: FrameType | None = sys._getframe(1)
    phase = "forward"
    while frame is not None and (module := frame.f_globals.get("__name__", "")).split(".")[0] in OURS:
        phase = PHASES.get(".".join(module.split(".")[:2]), phase)
        frame = frame.f_back
    return (f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""), phase


def refusal(what: str, remedy: str, line: str = "") -> CompileError:
    """The error for what a compiled function cannot do: where, what, and what to write instead."""
    place = line or user_line()[0]
    error = CompileError(f"{place} {what}: a compiled function cannot. Write {remedy}; or call it without compile")
    trace = CONTEXT.get().trace
    if trace is not None:
        trace.refused = error
    return error
