"""What a function reads and changes beside its arguments: weights, gradients, the state of an optimiser, buffers.

`Reach` walks what the function's arguments, closure and globals lead to and lists the *slots* it finds: places that hold
a number or an array. A slot has a path, such as "model.layers.0.weight.data", by which it is found again after the
function has run, also when a list or a dict was replaced by a new one meanwhile.

Traced (they are inputs, and outputs if the function changes them): the data and gradient of Values (masks of Parameters
are inputs only), arrays among the attributes of objects and in what these hold, and the numbers that a class lists in
`__traced__` (an optimiser's rate and count of steps). Everything else that is reached is static: compared at every
call, and another value is another program.
An object whose class says `__followed__ = False` is left alone.
"""

import dis
import functools
import itertools
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograd.data import Traced
from autograd.value import UNREACHED, Value

__all__ = ["Link", "Place", "Reach", "Slot", "same"]

STATIC = (bool, int, float, complex, str, bytes, type(None))
CLOSED = (type, types.ModuleType, types.BuiltinFunctionType, np.ufunc, np.dtype, np.random.BitGenerator)
OURS = ("autograd.", "numpy.", "scipy.")  # code that is not the user's: what it names is not walked


class Place:
    """Where something is kept: holder.key, or holder[key] of a list, dict or tuple; `path` is its name for people."""

    __slots__ = ("holder", "key", "path")

    def __init__(self, path: str, holder: Any, key: Any) -> None:
        self.path, self.holder, self.key = path, holder, key

    def get(self) -> Any:
        """What is there now."""
        if isinstance(self.holder, (list, dict, tuple)):
            return self.holder[self.key]
        return getattr(self.holder, self.key)

    def now(self) -> Any:
        """The same; None if the place is gone."""
        try:
            return self.get()
        except (AttributeError, IndexError, KeyError):
            return None

    def set(self, value: Any) -> None:
        """Put something else there."""
        if isinstance(self.holder, (list, dict)):
            self.holder[self.key] = value
        else:
            setattr(self.holder, self.key, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"


class Slot(Place):
    """A place that holds a number or an array.

    traced  whether a program takes it as an input; else it is static and guarded
    given   whether it is an array of the caller's, which is read as an argument is and never replaced
    kind    type of what it held after the run
    """

    __slots__ = ("given", "kind", "traced", "value")

    def __init__(self, path: str, holder: Any, key: Any, value: Any, traced: bool, given: bool = False) -> None:
        super().__init__(path, holder, key)
        self.value, self.traced, self.given, self.kind = value, traced, given, type(value)


class Link(Place):
    """A place that holds an object (a layer, a list, a function, an array that is a constant): another object there is
    another program."""

    __slots__ = ("child",)

    def __init__(self, path: str, holder: Any, key: Any, child: Any) -> None:
        super().__init__(path, holder, key)
        self.child = child


def same(a: Any, b: Any) -> bool:
    """Whether two static values mean the same: 0.0 is not −0.0, and NaN is NaN; arrays are only if they are one object."""
    if a is b or type(a) is not type(b) or isinstance(a, np.ndarray):
        return a is b
    return repr(a) == repr(b) if isinstance(a, float) else bool(a == b)


class Reach:
    """What a call f(*args, **kwargs) leads to, without the arrays and numbers that are arguments themselves.

    slots       places of numbers and arrays;  links: places of objects on the way there, and of constant arrays
    contents    [(list, dict, or the attributes of an object, copy of what was in it)]: a new key is another program
    generators  random generators;  names: id of an array → name by which the function knows it
    codes       of the functions that are not ours
    varying     paths of arrays and floats that are no constants, because they were seen to change
    """

    def __init__(self, f: Any, args: Any, kwargs: Any, varying: frozenset[str] = frozenset()) -> None:
        self.slots: list[Slot] = []
        self.links: list[Link] = []
        self.contents: list[tuple[Any, Any]] = []
        self.generators: list[np.random.Generator] = []
        self.names: dict[int, str] = {}
        self.codes: list[types.CodeType] = []
        self.seen: set[int] = set()
        self.known: set[tuple[int, Any]] = set()  # places of names
        self.roots: dict[str, list[int]] = {}  # name → what has it
        self.varying = varying
        self.todo: list[tuple[Any, ...]] = []
        self.todo.append((self.function, f))
        self.all()
        for i, argument in enumerate(args):
            self.walk(f"argument {i}", argument, True, None, None)
            self.all()
        for name, argument in kwargs.items():
            self.walk(self.named(name, argument), argument, True, None, None)
            self.all()

    def named(self, name: str, thing: Any) -> str:
        """The name, with a number if something else has it: two functions may know two things by one name."""
        known = self.roots.setdefault(name, [])
        if id(thing) not in known:
            known.append(id(thing))
        place = known.index(id(thing))
        return f"{name}_{place + 1}" if place else name

    def all(self) -> None:
        """Look into what is to be looked into, what lies below a thing before the next; not recursive, at any depth."""
        while self.todo:
            method, *arguments = self.todo.pop()
            before = len(self.todo)
            method(*arguments)
            self.todo[before:] = reversed(self.todo[before:])

    def function(self, f: Any) -> None:
        """What a function's code may reach by name; a function among that is looked into likewise."""
        if isinstance(f, types.MethodType):
            self.later(self.named("self", f.__self__), f.__self__)
            f = f.__func__
        code = getattr(f, "__code__", None)
        if isinstance(f, functools.partial):
            for name in ("func", "args", "keywords"):
                self.later(self.named(name, getattr(f, name)), getattr(f, name))
        elif code is None and f is not None and hasattr(f, "__dict__") and not isinstance(f, CLOSED):
            self.later(self.named(type(f).__name__.lower(), f), f)
        if code is None or id(f) in self.seen:
            return
        self.seen.add(id(f))
        ours = (f.__module__ or "").startswith(OURS)
        if not ours:
            self.codes.append(code)
        for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
            try:
                self.root(name, cell.cell_contents, cell, "cell_contents")
            except ValueError:  # not assigned yet
                continue
        for default in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            self.later(self.named("default", default), default)
        if not ours:
            for name in _names(code):
                if name in f.__globals__ and not name.startswith("__"):  # type(x).__name__ is no global
                    self.root(name, f.__globals__[name], f.__globals__, name)

    def root(self, name: str, x: Any, holder: Any, key: str) -> None:
        """What a function knows by a name of its surroundings."""
        if (id(holder), key) in self.known:
            return
        self.known.add((id(holder), key))
        name = self.named(name, holder)
        if isinstance(x, (np.ndarray, Traced)):
            self.names[id(x)] = name
            if name in self.varying:
                self.slots.append(Slot(name, holder, key, x, True, given=True))
            else:
                self.links.append(Link(name, holder, key, x))
        elif isinstance(x, (*STATIC, np.generic)):
            self.slots.append(Slot(name, holder, key, x, type(x) is float and name in self.varying))
        elif not isinstance(x, types.ModuleType):
            self.links.append(Link(name, holder, key, x))
            self.later(name, x)

    def later(self, path: str, x: Any, top: bool = False, holder: Any = None, key: Any = None) -> None:
        """Look below an object when it is its turn."""
        self.todo.append((self.walk, path, x, top, holder, key))

    def walk(self, path: str, x: Any, top: bool, holder: Any, key: Any) -> None:
        """What lies below an object. top: a number or array here is an argument, which the caller sees to."""
        if isinstance(x, Value):
            if id(x) not in self.seen:
                self.seen.add(id(x))
                self.slots.append(Slot(f"{path}.data", x, "data", x.data, True))
                self.slots.append(
                    Slot(f"{path}.grad", x, "grad", x.grad, x.grad is not UNREACHED and x.grad is not None)
                )
                for name, held in _slotted(x, Value):  # what a subclass adds: a Parameter's mask
                    traced, given = isinstance(held, (np.ndarray, Traced)), isinstance(held, np.ndarray)
                    self.slots.append(Slot(f"{path}.{name}", x, name, held, traced, given))
            return
        if isinstance(x, (np.ndarray, np.generic, Traced, *STATIC)):
            if holder is not None and not top:
                owned = not isinstance(holder, tuple) and key not in getattr(holder, "__static__", ())
                owned = owned and not getattr(getattr(holder, "__dataclass_params__", None), "frozen", False)
                listed = key in getattr(holder, "__traced__", ()) if isinstance(key, str) else False
                arrays = isinstance(x, (np.ndarray, np.inexact, Traced))
                traced = listed or (owned and (arrays or (type(x) is float and path in self.varying)))
                self.slots.append(Slot(path, holder, key, x, traced))
            return
        if isinstance(x, np.random.Generator):
            self.generators.append(x)
        if id(x) in self.seen or isinstance(x, CLOSED) or not getattr(x, "__followed__", True):
            return
        if isinstance(x, (types.FunctionType, types.MethodType, functools.partial)):
            self.function(x)
            return
        self.seen.add(id(x))
        children: Any = ()
        if isinstance(x, dict):
            children = list(x.items())
        elif isinstance(x, (list, tuple)):
            children = list(enumerate(x))
        elif not type(x).__module__.startswith(OURS):
            children = [*getattr(x, "__dict__", {}).items(), *_slotted(x)]
            self.of_class(type(x))
        inside = x if isinstance(x, (list, dict)) else getattr(x, "__dict__", None)
        if isinstance(inside, (list, dict)) and not top and not type(x).__module__.startswith(OURS):
            self.contents.append((inside, inside.copy()))
        for name, child in children:
            below = top and isinstance(x, (dict, list, tuple))
            place = f"{path}.{name}" if path else str(name)
            if not isinstance(x, tuple) and not isinstance(child, (np.ndarray, np.generic, Traced, *STATIC)):
                self.links.append(Link(place, x, name, child))
            self.later(place, child, below, x, name)

    def of_class(self, kind: type) -> None:
        """Numbers and texts that objects read from their class, such as a default that an object may have its own of."""
        for one in kind.__mro__[:-1]:
            if id(one) in self.seen or one.__module__.startswith(OURS):
                continue
            self.seen.add(id(one))
            for name, x in vars(one).items():
                if isinstance(x, STATIC) and not name.startswith("__"):
                    self.slots.append(Slot(f"{one.__name__}.{name}", one, name, x, False))

    def restore(self) -> None:
        """Put everything back as it was when this was made."""
        for inside, before in self.contents:
            if len(inside) != len(before) or any(a is not b for a, b in zip(_flat(inside), _flat(before), strict=True)):
                inside.clear()
                inside.update(before) if isinstance(inside, dict) else inside.extend(before)
        for slot in self.slots:
            if not isinstance(slot.holder, tuple) and slot.now() is not slot.value:
                slot.set(slot.value)
        for link in self.links:
            if link.now() is not link.child:
                link.set(link.child)

    def line_of(self, names: Any, kinds: tuple[str, ...]) -> str:
        """“file:line” of the first instruction of these kinds (STORE_ATTR, …) on one of the names."""
        for code in _inside(self.codes):
            for found in dis.get_instructions(code):
                if found.opname.startswith(kinds) and found.argval in names:
                    line = max((n for i, n in dis.findlinestarts(code) if i <= found.offset and n), default=0)
                    return f"{code.co_filename}:{line}"
        return ""


def _slotted(x: Any, above: type = object) -> Iterator[tuple[str, Any]]:
    """(name, what it holds) of attributes that have slots of their own, in classes below `above`."""
    for kind in itertools.takewhile(lambda kind: kind is not above, type(x).__mro__):
        names = vars(kind).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if name not in ("__dict__", "__weakref__") and hasattr(x, name):
                yield name, getattr(x, name)


def _flat(inside: Any) -> Iterator[Any]:
    """What is in a list, or the keys and values of a dict."""
    return (x for pair in inside.items() for x in pair) if isinstance(inside, dict) else iter(inside)


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
