"""The names of a program's text, and what they stand for: variables, buffers, constants, NumPy's functions.

Every object has one name and every name one object; generated names never hide a function of NumPy.
"""

import builtins
from keyword import iskeyword
from math import prod
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from autograd.compiler.assemble import pack
from autograd.compiler.emit import FILLED
from autograd.compiler.memory import address, identity
from autograd.compiler.plan import Plan
from autograd.compiler.program import Step, Variable, variables

__all__ = ["Names"]

TAKEN = {"run", "make", *dir(builtins), *(name for name in dir(np) if not name.startswith("_"))}
LARGEST = 1 << 18  # bytes of an array of one number that is kept to make a maximum fast
FILLS: WeakValueDictionary[Any, Any] = WeakValueDictionary()  # (number, dtype) → a flat array of it, for all programs


class Names:
    """Names of a plan's variables and of what its program uses; constants: id of an array → the user's name for it."""

    def __init__(self, plan: Plan, constants: dict[int, str]) -> None:
        self.constants = constants
        self.plan, self.program, self.static = plan, plan.program, plan.static
        self.names: dict[str, Any] = {}  # what the program knows beside its arguments
        self.known: dict[int, str] = {}
        self.labels: dict[Variable, str] = {}
        self.taken: set[str] = set(TAKEN)
        self.counts: dict[str, int] = {}  # how many names begin with a word
        self.casts: dict[Any, str] = {}
        self.pending: dict[str, list[str]] = {}  # 0-d array → the line that fills it, before its first use

    def table(self) -> str:
        """The arrays that the program works in, as comments: names that are one memory, its form and its bytes."""
        state = list(self.plan.state.values())
        rows: dict[Any, tuple[str, Any, list[str]]] = {}
        for name, x in self.names.items():
            if isinstance(x, np.ndarray) and x.ndim and x.size > 1:
                owner = x if x.base is None or not isinstance(x.base, np.ndarray) else x.base
                held = any(array is x or array.base is owner for array in state)
                kind = (
                    "state"
                    if held
                    else "work"
                    if any(np.may_share_memory(x, b) for b in self.plan.buffers)
                    else "constant"
                )
                start = address(x)
                size = 0 if kind == "work" else x.nbytes  # one block of memory may be several arrays in turn
                _, largest, names = rows.get((kind, start, size), (kind, x, []))
                rows[kind, start, size] = (kind, x if x.nbytes > largest.nbytes else largest, [*names, name])
        lines = []
        for kind, x, names in sorted(rows.values(), key=lambda row: ("state", "work", "constant").index(row[0])):
            shown = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
            lines.append(f"# {kind:9}{x.dtype!s:8} {'×'.join(map(str, x.shape)):>12} {x.nbytes:>12,} bytes  {shown}\n")
        return "".join(lines[:60])

    def one_name(self) -> None:
        """What is written over state, or is all of it in one flat array, is called like the state."""
        state = {x for x in self.program.inputs if x in self.static}
        packs = {
            step.results[0] for step in self.plan.steps if step.op is pack and self.plan.of[step.results[0]] == "view"
        }
        known = {identity(self.static[x]): self.labels[x] for x in (*state, *packs)}
        for x, label in list(self.labels.items()):
            if x in self.static and x.shape:
                self.labels[x] = known.get(identity(self.static[x]), label)

    def free(self, wish: str) -> str:
        """A name like the wish that nothing else has."""
        word = wish if wish.isidentifier() else "".join(c if c.isalnum() else "_" for c in wish)
        word = word.strip("_") if word.isascii() else ""
        word = word or "v"
        word = f"v_{word}" if word[0].isdigit() or iskeyword(word) else word
        name = word
        while name in self.taken:
            self.counts[word] = self.counts.get(word, 1) + 1
            name = f"{word}_{self.counts[word]}"
        self.taken.add(name)
        return name

    def label(self, variable: Variable, wish: str) -> None:
        self.labels[variable] = self.free(wish)

    def cast(self, x: Any, name: str, step: Step) -> str:
        """A Python number as an array without axes, which a ufunc takes in half the time; a variable is put there once.

        For a maximum or a comparison an array of the result's shape: NumPy takes two arrays five times faster there.
        """
        out = step.results[0]
        dtype = next(y.dtype for y in step.operands if getattr(y, "dtype", None) is not None)
        shape = out.shape if type(x) is float and step.name in FILLED and out.nbytes <= LARGEST else ()
        key = (self.labels[x] if isinstance(x, Variable) else repr(x), dtype, shape)
        if key not in self.casts:
            wish = f"{name}_{dtype.char}" if isinstance(x, Variable) else f"c_{name}"
            if shape:
                wish = f"{'zeros' if x == 0 else 'full_' + name}_{'x'.join(map(str, shape))}"
            array = _filled(x, dtype, shape) if shape else np.full((), 0.0 if isinstance(x, Variable) else x, dtype)
            self.casts[key] = self.object(array, wish)
            if isinstance(x, Variable):
                self.pending[self.casts[key]] = [f"{self.casts[key]}[()] = {name}"]
        return self.casts[key]

    def written(self, x: Any) -> str:
        """An operand, option or output as text: a name, or a literal."""
        if isinstance(x, Variable):
            if x in self.static:
                self.names.setdefault(self.labels[x], self.static[x])
            return self.labels[x]
        if isinstance(x, (bool, int, type(None), str)) or (type(x) is float and np.isfinite(x)):
            return repr(x)
        if type(x) is tuple and any(True for _ in variables(x)):
            return f"({', '.join(map(self.written, x))},)"
        ones = isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype.kind == "f" and bool(np.all(x == 1.0))
        return self.object(x, self.constants.get(id(x)) or (f"ones_{len(x)}" if ones else "constant"))

    def function(self, name: str) -> str:
        """A NumPy function, known by its own name."""
        self.names.setdefault(name, getattr(np, name))
        return name

    def object(self, x: Any, wish: str) -> str:
        """The name under which the program knows an object."""
        if id(x) not in self.known:
            self.known[id(x)] = self.free(wish.replace(".", "_"))
            self.names[self.known[id(x)]] = x
        return self.known[id(x)]


def _filled(x: float, dtype: Any, shape: tuple[int, ...]) -> Any:
    """An array full of a number, a part of one that all programs have."""
    key, size = (repr(x), dtype), prod(shape)
    flat = FILLS.get(key)
    if flat is None or flat.size < size:
        flat = FILLS[key] = np.full(size, x, dtype)
        flat.setflags(write=False)
    return flat[:size].reshape(shape)
