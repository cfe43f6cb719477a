"""What functions of machine code are called with: the places of a loop's operands and results, as LLVM and as Python write
them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.fuse import Fused, reduced
from autograd.compiler.nest import Place, Table
from autograd.compiler.pool import PARTS
from autograd.compiler.program import Step, Variable

__all__ = ["Argument", "Arguments", "Call", "Late", "linked"]


class Argument(NamedTuple):
    """One argument.

    kind    LLVM's type
    text    what stands for it: an expression that the program evaluates, "" for the numbers of a part, which each call has
            its own of; or, if it is not given, a constant in LLVM's text
    given   whether the program hands it over
    """

    kind: str
    text: str
    given: bool


def linked(owner: str, offset: int) -> Argument:
    """The place so many bytes after the beginning of memory that has a symbol."""
    return Argument("ptr", f"getelementptr (i8, ptr @{owner}, i64 {offset})", False)


class Late(NamedTuple):
    """A statement that computes numbers, which may wait until something needs them."""

    text: str
    made: set[str]


class Call(NamedTuple):
    """A call of machine code in the program's text.

    name        of the function for readers;  symbol: the one in LLVM's text
    ends        statements that fetch the numbers that it made
    """

    name: str
    symbol: str
    arguments: list[Argument]
    ends: list[Late]

    def reads(self, names: set[str]) -> bool:
        """Whether it needs one of these numbers."""
        return any(argument.given and argument.text in names for argument in self.arguments)


class Arguments:
    """The arrays and numbers that one loop is called with: an array for each piece of memory, for LLVM is told that no two
    of them overlap. `kernels` are the program's (native.py)."""

    def __init__(self, kernels: Any, step: Step) -> None:
        self.kernels, self.names, self.step, self.op = kernels, kernels.names, step, step.op
        self.places: dict[Variable, Any] = {}
        self.numbers: list[tuple[str, str]] = []  # name in the loop, expression
        self.starts: dict[str, int] = {}  # symbol of memory → where the first array in it begins
        self.memory: dict[str, Argument] = {}  # name in the loop → address

    def operands(self) -> Iterator[str]:
        """Find the places of operands; the statements that come before the call."""
        names, op = self.names, self.op
        for i, (x, y) in enumerate(zip(op.body.inputs, self.step.operands, strict=True)):
            whole = x.shape if x in op.tables else op.shape
            if not x.shape:
                self.places[x] = f"%number{i}"
                self.numbers.append((self.places[x], names.written(y)))
            elif not isinstance(y, Variable) or y in names.static:
                self.places[x] = self.array(y if not isinstance(y, Variable) else names.static[y], whole)
            else:
                if y not in names.program.inputs and y not in names.plan.given:  # a call may give a view
                    yield f"{names.labels[y]} = {names.function('ascontiguousarray')}({names.labels[y]})"
                self.places[x] = self.handed(names.written(y), _strides(x.shape, x.dtype, whole))

    def results(self, parts: int) -> list[Late]:
        """Find the places of results; the statements that fetch the numbers among them."""
        names, op, ends = self.names, self.op, []
        floats = [(x, y) for x, y in zip(op.body.outputs, self.step.results, strict=True) if x.dtype is None]
        if floats:
            slots, labels = np.zeros(len(floats)), [names.labels[y] for _, y in floats]
            self.places.update((x, self.array(slots[i : i + 1].reshape(()), ())) for i, (x, _) in enumerate(floats))
            ends.append(Late(f"{', '.join(labels)}, = {names.object(slots, 'numbers')}.tolist()", set(labels)))
        for x, y in zip(op.body.outputs, self.step.results, strict=True):
            if x.dtype is None:
                continue
            if not x.shape:
                slots = np.zeros(PARTS, x.dtype)
                self.places[x] = self.array(slots[:1].reshape(()), op.shape)
                total = names.object(slots, f"{names.labels[y]}_total")
                sums = " + ".join(f"{total}[{i}]" for i in range(parts))
                ends.append(Late(f"{names.labels[y]} = {sums}", {names.labels[y]}))
            elif y in names.static:
                self.places[x] = self.array(names.static[y].reshape(_spread(op, x)), op.shape)
                names.written(y)
            elif x not in self.places:
                self.places[x] = self.handed(names.labels[y], _strides(_spread(op, x), x.dtype, op.shape))
        return ends

    def array(self, array: Any, shape: tuple[int, ...]) -> Place:
        """The place of an array that stays where it is, spread over a shape."""
        owner, offset = self.kernels.lies(array)
        self.starts[owner] = min(offset, self.starts.get(owner, offset))
        return Place(owner, offset, np.broadcast_to(array, shape).strides)

    def handed(self, name: str, strides: tuple[int, ...]) -> Place:
        """The place of an array that the program hands over."""
        symbol = f"%handed{len(self.memory)}"
        self.memory[symbol] = self.kernels.handed(name)
        return Place(symbol, 0, strides)

    def located(self) -> dict[Variable, Any]:
        """The places as the loop knows them, each from the first array in its memory on."""
        numbers = {symbol: i for i, symbol in enumerate(self.starts)}
        found: dict[Variable, Any] = {}
        for x, place in self.places.items():
            if isinstance(place, Place) and place.symbol in numbers:
                start = self.starts[place.symbol]
                place = Place(f"%array{numbers[place.symbol]}", place.offset - start, place.strides)
            found[x] = Table(place.symbol, place.offset, place.strides[0]) if x in self.op.tables else place
        return found

    def listed(self) -> tuple[list[str], list[Argument]]:
        """(parameters of the function, what it is called with)."""
        parameters = [*(f"double {name}" for name, _ in self.numbers), *(f"ptr noalias {name}" for name in self.memory),
                      *(f"ptr noalias %array{i}" for i in range(len(self.starts)))]  # fmt: skip
        numbers = [Argument("double", text, True) for _, text in self.numbers]
        return parameters, [*numbers, *self.memory.values(), *(linked(*start) for start in self.starts.items())]


def _strides(shape: tuple[int, ...], dtype: Any, whole: tuple[int, ...]) -> tuple[int, ...]:
    """Strides, in bytes, of a contiguous array that is spread over a larger shape."""
    width, strides = np.dtype(dtype).itemsize, []
    for length in reversed(shape):
        strides.append(0 if length == 1 else width)
        width *= length
    return (*[0] * (len(whole) - len(shape)), *reversed(strides))


def _spread(op: Fused, x: Variable) -> tuple[int, ...]:
    """The shape of a result with the axes that are reduced as axes of length 1."""
    if x.shape == op.shape:
        return x.shape
    axes = reduced(op.maker[x]) if op.added(x) else op.last
    return tuple(1 if i in axes else length for i, length in enumerate(op.shape))
