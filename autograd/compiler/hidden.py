"""What a function reads and changes beside its arguments: weights, gradients, the state of an optimiser, buffers.

`reach` walks what the function's arguments, closure and globals lead to and lists the *slots* it finds: places that hold
a number or an array. A slot has a path, such as "model.layers.0.weight.data", by which it is found again after the
function has run, also when a list or a dict was replaced by a new one meanwhile.

Traced (they are inputs, and outputs if the function changes them): the data and gradient of Values, arrays among the
attributes of objects and in what these hold, and the numbers that a class lists in `__traced__` (an optimiser's rate and
count of steps). Everything else that is reached is static: compared at every call, and another value is another program.
"""

import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.data import Traced
from autograd.value import UNREACHED, Value

__all__ = ["Slot", "generators", "reach"]

STATIC = (bool, int, float, complex, str, bytes, type(None))
CLOSED = (type, types.ModuleType, types.BuiltinFunctionType, np.ufunc, np.dtype, np.random.BitGenerator)
OURS = ("autograd.", "numpy.", "scipy.")  # code that is not the user's: what it names is not walked


class Slot:
    """A place that holds a number or an array: holder.key, or holder[key] of a list or a dict.

    traced  whether a program takes it as an input; else it is static and guarded
    """

    __slots__ = ("holder", "key", "path", "traced", "value")

    def __init__(self, path: str, holder: Any, key: Any, value: Any, traced: bool) -> None:
        self.path, self.holder, self.key, self.value, self.traced = path, holder, key, value, traced

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


def reach(f: Any, args: Any, kwargs: Any) -> list[Slot]:
    """The slots that a call f(*args, **kwargs) leads to, without the arrays and numbers that are arguments themselves."""
    seen: set[int] = set()
    slots: list[Slot] = []
    for path, root in _roots(f, seen):
        slots += _walk(path, root, seen, top=False)
    for i, argument in enumerate(args):
        slots += _walk(f"argument {i}", argument, seen, top=True)
    for name, argument in kwargs.items():
        slots += _walk(name, argument, seen, top=True)
    return slots


def generators(f: Any, args: Any, kwargs: Any) -> list[np.random.Generator]:
    """The random generators that a call leads to."""
    found: list[np.random.Generator] = []
    seen: set[int] = set()
    for path, root in [*_roots(f, seen), ("", args), ("", kwargs)]:
        for _ in _walk(path, root, seen, False, found=found):
            pass
    return found


def _roots(f: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """(name, object) of what a function's code may reach by name; a function among them is looked into likewise."""
    f = getattr(f, "__wrapped_function__", f)
    if isinstance(f, types.MethodType):
        yield "self", f.__self__
        f = f.__func__
    for attribute in ("func", "args", "keywords"):  # functools.partial
        if hasattr(f, "func") and hasattr(f, attribute):
            yield attribute, getattr(f, attribute)
    code = getattr(f, "__code__", None)
    if code is None:
        if f is not None and hasattr(f, "__dict__") and not isinstance(f, CLOSED):
            yield type(f).__name__.lower(), f
        return
    if id(f) in seen:
        return
    seen.add(id(f))
    for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for default in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
        yield "default", default
    if not f.__module__.startswith(OURS):
        for name in _names(code):
            if name in f.__globals__:
                yield name, f.__globals__[name]


def _names(code: types.CodeType) -> Iterator[str]:
    """Global names that code and the functions inside it use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _walk(path: str, x: Any, seen: set[int], top: bool, holder: Any = None, key: Any = None,
          found: Any = None) -> Iterator[Slot]:  # fmt: skip
    """The slots below an object. top: a number or array here is an argument, which the caller sees to."""
    if isinstance(x, Value):
        if id(x) not in seen:
            seen.add(id(x))
            yield Slot(f"{path}.data" if isinstance(path, str) else path, x, "data", x.data, True)
            yield Slot(f"{path}.grad", x, "grad", x.grad, x.grad is not UNREACHED and x.grad is not None)
        return
    if isinstance(x, (np.ndarray, np.generic, Traced)) or type(x) is float or isinstance(x, STATIC):
        if holder is not None and not top:
            owned = not isinstance(holder, tuple) and key not in getattr(holder, "__static__", ())
            listed = key in getattr(holder, "__traced__", ()) if isinstance(key, str) else False
            traced = listed or (owned and isinstance(x, (np.ndarray, Traced)))
            yield Slot(path, holder, key, x, traced)
        return
    if isinstance(x, np.random.Generator) and found is not None:
        found.append(x)
    if id(x) in seen or isinstance(x, CLOSED):
        return
    if isinstance(x, (types.FunctionType, types.MethodType)) or _is_partial(x):
        for name, root in _roots(x, seen):
            yield from _walk(name, root, seen, False, found=found)
        return
    seen.add(id(x))
    children: Any = ()
    if isinstance(x, dict):
        children = [(name, child) for name, child in x.items()]
    elif isinstance(x, (list, tuple)):
        children = list(enumerate(x))
    elif hasattr(x, "__dict__") and not type(x).__module__.startswith(OURS):
        children = list(vars(x).items())
    for name, child in children:
        below = top and isinstance(x, (dict, list, tuple))
        yield from _walk(f"{path}.{name}" if path else str(name), child, seen, below, x, name, found)


def _is_partial(x: Any) -> bool:
    return hasattr(x, "func") and hasattr(x, "keywords")
