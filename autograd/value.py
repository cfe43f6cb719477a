"""Value: a number or array that remembers how it was computed.

Read this file first. `Value(3.0) * x` computes 3 * x with NumPy and also makes a *node*: the result together with the op
that made it and the operands it was made from. The nodes form a graph; `backward.py` walks it from the result back to the
leaves and fills in `.grad`.

There is no mathematics here. Every operator, NumPy function and method looks its op up in DISPATCH, a dictionary from a
NumPy function (or a name, such as "getitem") to the `Primitive` that knows its derivative; `primitives.py` fills it. That
is why this file does not import the ops, and why `np.exp(v)` needs nothing but NumPy's own protocols:

    np.exp(v)  → NumPy sees v.__array_ufunc__    → DISPATCH[np.exp](v)
    np.sum(v)  → NumPy sees v.__array_function__ → DISPATCH[np.sum](v)
    v * 2      → Value.__mul__                   → DISPATCH[np.multiply](v, 2)

Three decisions. (1) A node keeps `saved`, the data its operands had when it was made: an optimiser may rebind `.data`
later and the gradient of the older graph stays right. (2) A node has a serial number, and is always younger than its
operands: sorting by serial number *is* a topological sort. (3) A scalar is a Python float, and operators on floats take a
short way through `_operator`: a graph of 65,000 scalar nodes is built at Python's own speed (a general call costs four
times as much).
"""

import itertools
import operator

import numpy as np

from autograd.context import CONTEXT
from autograd.data import differentiable_data, shown
from autograd.errors import AmbiguousTruthError, ConversionError, InPlaceError

__all__ = ["CONSTANT", "DISPATCH", "Value", "stop_gradient"]

DISPATCH = {}  # NumPy function or name → Primitive; filled by @primitive
UNREACHED = float("0")  # this very object in `.grad` says that no backward pass has reached the node
NO_OPTIONS = {}  # shared by all nodes without options; never written to
PLAIN = {float, int, bool, complex, np.ndarray, np.float64, np.float32, np.int64, np.bool_}
tick = itertools.count(1).__next__  # serial numbers, atomic in CPython


def stop_gradient(value):
    """The same data as a constant: later ops treat it like a plain array. Anything but a Value comes back as it is."""
    return make(CONSTANT, value.data) if isinstance(value, Value) else value


class _Constant:
    """The op of a Value that carries no gradient (made under no_grad, by stop_gradient or detach)."""

    name = symbol = "constant"


CONSTANT = _Constant()
_new = object.__new__
_ARRAY, _FLOAT32 = np.ndarray, np.float32


def data_of(x):
    """The data of a Value; anything else as it is."""
    return x.data if isinstance(x, Value) else x


def make(primitive, data, operands=(), saved=(), options=NO_OPTIONS, context=None, kind=None):
    """A node: the one place, besides the short way of `_operator`, where the slots of a Value are filled."""
    node = _new(kind or Value)
    node.data = float(data) if type(data) is np.float64 else np.complex128(data) if type(data) is complex else data
    node.grad = UNREACHED
    node.label = ""
    node.primitive = primitive
    node.operands = operands
    node.saved = saved
    node.options = options
    node.serial = tick()
    node.context = context or CONTEXT.get()
    return node


def _operator(ufunc, compute, *, reflected=False):
    """The method behind one binary operator: the short way for Python floats, the op's general way for all else."""
    read = CONTEXT.get

    def method(self, other):
        x = self.data
        if isinstance(other, Value):
            y = other.data
            fast = other.primitive is not CONSTANT and self.primitive is not CONSTANT
        else:
            y = other
            fast = self.primitive is not CONSTANT
        kind_x, kind_y = type(x), type(y)
        if (
            fast
            and (kind_x is float or kind_x is _ARRAY or kind_x is _FLOAT32)
            and (kind_y is float or kind_y is _ARRAY or kind_y is int or kind_y is _FLOAT32)
        ):
            context = read()
            if context.fast:
                try:
                    data = compute(y, x) if reflected else compute(x, y)
                except (ArithmeticError, ValueError, TypeError):
                    data = None  # 1/0 of floats, shapes that do not fit: the general way deals with it
                kind = type(data)
                if kind is float or kind is _ARRAY or kind is _FLOAT32:
                    node = _new(Value)
                    node.data = data
                    node.grad = UNREACHED
                    node.label = ""
                    node.primitive = DISPATCH[ufunc]
                    node.operands = (other, self) if reflected else (self, other)
                    node.saved = (y, x) if reflected else (x, y)
                    node.options = NO_OPTIONS
                    node.serial = tick()
                    node.context = context
                    return node
        elif type(other) not in PLAIN and not isinstance(other, Value) and not _is_constant(other):
            return NotImplemented
        return DISPATCH[ufunc].apply((other, self) if reflected else (self, other))

    return method


def _in_place(ufunc):
    """The method behind += and the like: arrays are assigned to; a scalar, immutable as Python's, gets a new Value."""

    def method(self, other):
        return DISPATCH["update"](self, ufunc, other) if type(self.data) is _ARRAY else NotImplemented

    return method


def _power(x, y):
    """x ** y of floats; the op knows a faster way for arrays."""
    return x**y if type(x) is float and type(y) is not _ARRAY else None


def _is_constant(x):
    """Whether an operator takes x for a constant operand: numbers, lists, and what can become an array (pandas)."""
    return isinstance(x, (list, tuple, np.generic)) or hasattr(x, "__array__")


def _comparison(ufunc, *, reflected=False):
    """The method behind ==, <, // …: a plain bool, number or array, never a node."""

    def method(self, other):
        if isinstance(other, (str, bytes, dict, set, type(None))) or _is_foreign(other):
            return NotImplemented
        result = DISPATCH[ufunc](other, self) if reflected else DISPATCH[ufunc](self, other)
        return result.item() if type(result) in (np.bool_, np.float64) else result

    return method


def _conversion(convert, *, whole=False):
    """The method behind float(v), v.item(), …: allowed for looking, refused while a transform is following v."""

    def method(self, *index):
        if CONTEXT.get().depth:
            raise ConversionError(
                "a Value inside a transform became a plain number, which would drop its gradient (a[i] = v, math.exp(v) "
                "and float(v) do that). Build arrays with np.stack, use np.exp, or say v.data for a constant"
            )
        return convert(self.data if whole or (type(self.data) is float and not index) else self.data.item(*index))

    return method


class Value:
    """A number or an array that records the operations done to it.

    data     Python number, NumPy scalar or array, or a list; integers become float64
    label    a name for pictures and messages

    After `result.backward()` every Value that `result` was computed from has d result / d value in `.grad`, an object of
    the shape of `.data`. NumPy functions, operators, indexing and ndarray's methods work and are recorded.

    >>> x, y = Value(3.0), Value(4.0)
    >>> length = np.hypot(x, y)
    >>> length.backward()
    >>> round(x.grad, 3), round(y.grad, 3)
    (0.6, 0.8)
    """

    __slots__ = (
        "data",  # Python float, NumPy scalar or ndarray; a tuple in the hidden node of an op with several results
        "grad",  # d root / d self of the last backward pass; UNREACHED, a 0.0, before the first
        "label",
        "primitive",  # the op that made it, None for a leaf
        "operands",  # what it was made from: Values, and plain numbers and arrays for constants
        "saved",  # the operands' data at that time
        "options",  # the op's keywords, such as {"axis": 0}
        "serial",  # larger than every operand's
        "context",  # the Context it was made in
        "__weakref__",
    )

    def __init__(self, data, label=""):
        if isinstance(data, Value):
            raise ConversionError("Value(v) of a Value: write v itself, or Value(v.data) for a new leaf with its data")
        self.data = differentiable_data(data)
        self.grad = UNREACHED
        self.label = label
        self.primitive = None
        self.operands = self.saved = ()
        self.options = NO_OPTIONS
        self.serial = tick()
        self.context = CONTEXT.get()

    # what it is

    @property
    def op(self):
        """Name of the op that made it; "" for a leaf, "constant" for a Value without gradient."""
        return self.primitive.name if self.primitive else ""

    @property
    def symbol(self):
        """Short form of the op for pictures, "×"-like where there is one; "" for a leaf. micrograd calls it _op."""
        return self.primitive.symbol if self.primitive else ""

    _op = symbol

    @property
    def _prev(self):
        """The set of Values it was made from, as in micrograd."""
        return {operand for operand in DISPATCH["operands"](self) if isinstance(operand, Value)}

    @property
    def path(self):
        """Dotted path of the Module it was made in, "" outside."""
        return self.context.path

    @property
    def has_grad(self):
        """Whether a backward pass has reached it since the last zero_grad."""
        return self.grad is not UNREACHED and self.grad is not None

    def zero_grad(self):
        """Forget the gradient, as before the first backward pass."""
        self.grad = UNREACHED

    shape = property(lambda self: np.shape(self.data), doc="Tuple of lengths, () for a scalar.")
    ndim = property(lambda self: np.ndim(self.data), doc="Number of axes.")
    size = property(lambda self: np.size(self.data), doc="Number of elements.")
    dtype = property(lambda self: getattr(self.data, "dtype", _FLOAT64), doc="NumPy dtype; float64 for a Python float.")
    T = property(lambda self: DISPATCH[np.transpose](self), doc="All axes reversed, recorded.")
    mT = property(
        lambda self: DISPATCH["find"](np.matrix_transpose)(self), doc="The last two axes exchanged, recorded."
    )
    real = property(lambda self: DISPATCH[np.real](self), doc="Real part, recorded.")
    imag = property(lambda self: DISPATCH[np.imag](self), doc="Imaginary part, recorded.")

    def __repr__(self):
        label = f", label={self.label!r}" if self.label else ""
        return f"{type(self).__name__}(data={shown(self.data)}, grad={shown(self.grad)}{label})"

    def __str__(self):
        return repr(self)

    def __format__(self, spec):
        if spec and np.size(self.data) != 1:
            raise TypeError(
                f"format {spec!r} is for one number, not shape {self.shape}; format v.data.mean() or str(v)"
            )
        return format(np.asarray(self.data).item(), spec) if spec else str(self)

    def __reduce__(self):
        return _leaf, (type(self), self.data, self.grad if self.has_grad else None, self.label)

    # looking at the numbers

    detach = stop_gradient
    __float__, __int__, __complex__ = _conversion(float), _conversion(int), _conversion(complex)
    item = _conversion(lambda number: number)
    tolist = _conversion(lambda data: np.asarray(data).tolist(), whole=True)

    def __bool__(self):
        if np.size(self.data) != 1:
            raise AmbiguousTruthError(
                f"the truth of a Value of shape {self.shape} is ambiguous: write (v.data > 0).all() or .any()"
            )
        return bool(self.data)

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a scalar Value")
        return len(self.data)

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a scalar Value")
        return (self[i] for i in range(len(self.data)))

    def __contains__(self, item):
        return bool(np.any(self == item))

    # NumPy's protocols

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        for x in inputs:
            if type(x) is not Value and type(x) not in PLAIN and _is_foreign(x):
                return NotImplemented
        if options and any(target is not None for target in options.pop("out", ())):
            raise InPlaceError(
                f"np.{ufunc.__name__} cannot write a Value into an array (a += v, out=a): write a = a + v, without out="
            )
        function = ufunc if method == "__call__" else (ufunc, method)
        return (DISPATCH.get(function) or DISPATCH["find"](function))(*inputs, **options)

    def __array_function__(self, function, types, args, kwargs):
        for kind in types:
            if kind is not Value and kind not in PLAIN and not issubclass(kind, (Value, np.ndarray)):
                return NotImplemented
        return (DISPATCH.get(function) or DISPATCH["find"](function))(*args, **kwargs)

    def __array__(self, dtype=None, copy=None):
        raise ConversionError(
            "NumPy asked a Value to become an array (np.array, np.asarray, np.full, a[:] = v do), which would drop its "
            "gradient. Use np.stack or the same function of autograd.numpy or autograd.scipy, or v.data for a constant"
        )

    # operators: each looks its op up in DISPATCH

    __add__ = _operator(np.add, operator.add)
    __sub__ = _operator(np.subtract, operator.sub)
    __mul__ = _operator(np.multiply, operator.mul)
    __truediv__ = _operator(np.divide, operator.truediv)
    __pow__ = _operator(np.power, _power)
    __matmul__ = _operator(np.matmul, operator.matmul)
    __floordiv__ = _comparison(np.floor_divide)
    __mod__ = _operator(np.remainder, operator.mod)
    __radd__ = _operator(np.add, operator.add, reflected=True)
    __rsub__ = _operator(np.subtract, operator.sub, reflected=True)
    __rmul__ = _operator(np.multiply, operator.mul, reflected=True)
    __rtruediv__ = _operator(np.divide, operator.truediv, reflected=True)
    __rpow__ = _operator(np.power, _power, reflected=True)
    __rmatmul__ = _operator(np.matmul, operator.matmul, reflected=True)
    __rfloordiv__ = _comparison(np.floor_divide, reflected=True)
    __rmod__ = _operator(np.remainder, operator.mod, reflected=True)
    __iadd__ = _in_place(np.add)
    __isub__ = _in_place(np.subtract)
    __imul__ = _in_place(np.multiply)
    __itruediv__ = _in_place(np.divide)
    __ipow__ = _in_place(np.power)
    __imatmul__ = _in_place(np.matmul)
    __imod__ = _in_place(np.remainder)
    __eq__ = _comparison(np.equal)
    __ne__ = _comparison(np.not_equal)
    __lt__ = _comparison(np.less)
    __le__ = _comparison(np.less_equal)
    __gt__ = _comparison(np.greater)
    __ge__ = _comparison(np.greater_equal)
    __hash__ = object.__hash__  # by identity: two Values of equal data are two nodes

    def __neg__(self):
        return DISPATCH[np.negative](self)

    def __pos__(self):
        return DISPATCH[np.positive](self)

    def __abs__(self):
        return DISPATCH[np.absolute](self)

    def __getitem__(self, index):
        return DISPATCH["getitem"](self, index)

    def __setitem__(self, index, value):
        DISPATCH["assign"](self, index, value)

    def backward(self, seed=None, *, keep="all", record=False, rules=None):
        """Fill in `.grad` of every Value this one was computed from: d self / d value, times the seed.

        seed    cotangent of self, of its shape; 1 if self has a single element
        keep    "all": every node keeps its gradient, for looking; "leaves": only leaves, freeing memory on the way
        record  True makes the gradients Values themselves, to be differentiated again
        rules   {op or its name: rule, or {operand: rule}}, in place of the ops' own in this pass (autograd/overrides.py)

        Leaves add to the `.grad` they have (zero_grad() forgets it); every other node's is overwritten. Raises SeedError
        if self has several elements and no seed is given.
        """
        DISPATCH["backward"](self, seed, keep=keep, record=record, rules=rules)


_FLOAT64 = np.dtype(np.float64)


def _leaf(kind, data, grad, label):
    """What copy and pickle make of a Value: a leaf with its data, gradient and label."""
    leaf = make(None, data, kind=kind)
    leaf.grad = UNREACHED if grad is None else grad
    leaf.label = label
    return leaf


def _is_foreign(x):
    """Whether x has NumPy's protocol in a way of its own, so that it must be asked first."""
    if isinstance(x, (Value, np.ndarray, np.generic)):
        return False
    return hasattr(x, "__array_ufunc__")
