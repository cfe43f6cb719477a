"""What a function reads and changes beside its arguments: weights, gradients, the state of an optimiser, buffers.

`Reach` walks what the function's arguments, closure and globals lead to and lists the *slots* it finds: places that hold
a number or an array. A slot has a path, such as "model.layers.0.weight.data", by which it is found again after the
function has run, also when a list or a dict was replaced by a new one meanwhile.

Traced (they are inputs, and outputs if the function changes them): the data and gradient of Values, arrays among the
attributes of objects and in what these hold, and the numbers that a class lists in `__traced__` (an optimiser's rate and
count of steps). Everything else that is reached is static: compared at every call, and another value is another program.
"""

import dis
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograd.data import Traced
from autograd.value import UNREACHED, Value

__all__ = ["Link", "Reach", "Slot"]

STATIC = (bool, int, float, complex, str, bytes, type(None))
CLOSED = (type, types.ModuleType, types.BuiltinFunctionType, np.ufunc, np.dtype, np.random.BitGenerator)
OURS = ("autograd.", "numpy.", "scipy.")  # code that is not the user's: what it names is not walked


class Slot:
    """A place that holds a number or an array: holder.key, or holder[key] of a list or a dict.

    traced  whether a program takes it as an input; else it is static and guarded
    given   whether it is an array of the caller's, which is read as an argument is and never replaced
    """

    __slots__ = ("given", "holder", "key", "path", "traced", "value")

    def __init__(self, path: str, holder: Any, key: Any, value: Any, traced: bool, given: bool = False) -> None:
        self.path, self.holder, self.key, self.value, self.traced, self.given = path, holder, key, value, traced, given

    def get(self) -> Any:
        """What the place holds now."""
        if isinstance(self.holder, (list, dict, tuple)):
            return self.holder[self.key]
        return getattr(self.holder, self.key)

    def set(self, value: Any) -> None:
        """Put something else there."""
        if isinstance(self.holder, (list, dict)):
            self.holder[self.key] = value
        else:
            setattr(self.holder, self.key, value)

    def __repr__(self) -> str:
        return f"<slot {self.path}>"


class Link:
    """A place that holds an object (a layer, a list, an array that is a constant): another object there is another
    program. holder.key, or holder[key]."""

    __slots__ = ("child", "holder", "key", "path")

    def __init__(self, path: str, holder: Any, key: Any, child: Any) -> None:
        self.path, self.holder, self.key, self.child = path, holder, key, child

    def get(self) -> Any:
        """What the place holds now."""
        return Slot.get(self)  # type: ignore[arg-type]

    def set(self, value: Any) -> None:
        """Put something else there."""
        Slot.set(self, value)  # type: ignore[arg-type]


class Reach:
    """What a call f(*args, **kwargs) leads to, without the arrays and numbers that are arguments themselves.

    slots       places of numbers and arrays;  links: places of objects on the way there, and of constant arrays
    generators  random generators;  names: id of an array → name by which the function knows it
    codes       of the functions that are not ours
    varying     paths of arrays that are no constants, because they were seen to change
    """

    def __init__(self, f: Any, args: Any, kwargs: Any, varying: frozenset[str] = frozenset()) -> None:
        self.slots: list[Slot] = []
        self.links: list[Link] = []
        self.generators: list[np.random.Generator] = []
        self.names: dict[int, str] = {}
        self.codes: list[types.CodeType] = []
        self.seen: set[int] = set()
        self.varying = varying
        self.function(f)
        for i, argument in enumerate(args):
            self.walk(f"argument {i}", argument, top=True)
        for name, argument in kwargs.items():
            self.walk(name, argument, top=True)

    def function(self, f: Any) -> None:
        """What a function's code may reach by name; a function among that is looked into likewise."""
        f = getattr(f, "__wrapped_function__", f)
        if isinstance(f, types.MethodType):
            self.walk("self", f.__self__)
            f = f.__func__
        for attribute in ("func", "args", "keywords"):  # functools.partial
            if hasattr(f, "func") and hasattr(f, attribute):
                self.walk(attribute, getattr(f, attribute))
        code = getattr(f, "__code__", None)
        if code is None:
            if f is not None and hasattr(f, "__dict__") and not isinstance(f, CLOSED):
                self.walk(type(f).__name__.lower(), f)
            return
        if id(f) in self.seen:
            return
        self.seen.add(id(f))
        if not f.__module__.startswith(OURS):
            self.codes.append(code)
        for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
            try:
                self.root(name, cell.cell_contents, cell, "cell_contents")
            except ValueError:  # not assigned yet
                continue
        for default in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            self.walk("default", default)
        if not f.__module__.startswith(OURS):
            for name in _names(code):
                if name in f.__globals__:
                    self.root(name, f.__globals__[name], f.__globals__, name)

    def root(self, name: str, x: Any, holder: Any, key: str) -> None:
        """What a function knows by a name of its surroundings."""
        if isinstance(x, (np.ndarray, Traced)):
            self.names[id(x)] = name
            if name in self.varying:
                self.slots.append(Slot(name, holder, key, x, True, given=True))
            else:
                self.links.append(Link(name, holder, key, x))
        elif isinstance(x, (*STATIC, np.generic)):
            self.slots.append(Slot(name, holder, key, x, False))
        elif not isinstance(x, CLOSED):
            self.links.append(Link(name, holder, key, x))
            self.walk(name, x)

    def walk(self, path: str, x: Any, top: bool = False, holder: Any = None, key: Any = None) -> None:
        """What lies below an object. top: a number or array here is an argument, which the caller sees to."""
        if isinstance(x, Value):
            if id(x) not in self.seen:
                self.seen.add(id(x))
                self.slots.append(Slot(f"{path}.data", x, "data", x.data, True))
                self.slots.append(
                    Slot(f"{path}.grad", x, "grad", x.grad, x.grad is not UNREACHED and x.grad is not None)
                )
            return
        if isinstance(x, (np.ndarray, np.generic, Traced, *STATIC)):
            if holder is not None and not top:
                owned = not isinstance(holder, tuple) and key not in getattr(holder, "__static__", ())
                listed = key in getattr(holder, "__traced__", ()) if isinstance(key, str) else False
                traced = listed or (owned and isinstance(x, (np.ndarray, Traced)))
                self.slots.append(Slot(path, holder, key, x, traced))
            return
        if isinstance(x, np.random.Generator):
            self.generators.append(x)
        if id(x) in self.seen or isinstance(x, CLOSED):
            return
        if isinstance(x, (types.FunctionType, types.MethodType)) or (hasattr(x, "func") and hasattr(x, "keywords")):
            self.function(x)
            return
        self.seen.add(id(x))
        children: Any = ()
        if isinstance(x, dict):
            children = list(x.items())
        elif isinstance(x, (list, tuple)):
            children = list(enumerate(x))
        elif hasattr(x, "__dict__") and not type(x).__module__.startswith(OURS):
            children = list(vars(x).items())
        for name, child in children:
            below = top and isinstance(x, (dict, list, tuple))
            place = f"{path}.{name}" if path else str(name)
            if not isinstance(x, tuple) and not isinstance(child, (np.ndarray, np.generic, Traced, *STATIC, *CLOSED)):
                self.links.append(Link(place, x, name, child))
            self.walk(place, child, below, x, name)

    def line_of(self, names: Any, kinds: tuple[str, ...]) -> str:
        """“file:line” of the first instruction of these kinds (STORE_ATTR, …) on one of the names."""
        for code in _inside(self.codes):
            for found in dis.get_instructions(code):
                if found.opname.startswith(kinds) and found.argval in names:
                    line = max((n for i, n in dis.findlinestarts(code) if i <= found.offset and n), default=0)
                    return f"{code.co_filename}:{line}"
        return ""


def _inside(codes: Iterable[types.CodeType]) -> Iterator[types.CodeType]:
    """Code and the functions inside it."""
    for code in codes:
        yield code
        yield from _inside(constant for constant in code.co_consts if isinstance(constant, types.CodeType))


def _names(code: types.CodeType) -> Iterator[str]:
    """Global names that code and the functions inside it use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
