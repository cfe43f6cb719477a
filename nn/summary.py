"""model.summary(x): what each layer gives, holds and costs, read off the graph that one forward pass records.

The model runs once. A node belongs to the innermost module, or function of a Sequential, that was running when it was
made; nodes are numbered in time, so that is a matter of comparing numbers. Costs are counted from the nodes' ops and not
from the kinds of layers, so a module of your own is counted like any other.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import tree
from autograd.backward import depending, order
from autograd.context import context
from autograd.value import Value
from nn.calls import Call, watched
from nn.evaluation import cast
from nn.module import Module, Parameter
from nn.state import preserved

__all__ = ["Row", "Summary", "multiply_adds", "summary"]


@dataclass(frozen=True)
class Row:
    """One call of a module or function.

    shape            of what it gave; None for a module that was not called, though it has parameters
    parameters       weights of its own, not of modules below it; of a module called twice, or shared, the first time
    forward          multiply-adds of matrix products and convolutions in the forward pass
    backward         the same in the backward pass, to the parameters and to what was computed from some
    bytes            of the arrays made here that the graph keeps for the backward pass, without parameters and inputs
    """

    path: str
    kind: str
    shape: Any
    parameters: int
    forward: int = 0
    backward: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Summary:
    """The rows in the order of the calls, and their sums; printed, it is a table."""

    model: str
    inputs: tuple[Any, ...]
    rows: tuple[Row, ...]
    parameters = property(lambda self: sum(row.parameters for row in self.rows), doc="Weights, shared ones once.")
    forward = property(lambda self: sum(row.forward for row in self.rows), doc="Multiply-adds of a forward pass.")
    backward = property(lambda self: sum(row.backward for row in self.rows), doc="Multiply-adds of a backward pass.")
    bytes = property(lambda self: sum(row.bytes for row in self.rows), doc="Of what the backward pass needs.")

    def __repr__(self) -> str:
        head = ("layer", "type", "output", "parameters", "multiply-adds", "backward", "activations")
        total = Row("total", "", "", self.parameters, self.forward, self.backward, self.bytes)
        table = [head, *(_cells(row) for row in (*self.rows, total))]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(_aligned(row, widths)).rstrip() for row in table]
        rule = "─" * max(map(len, lines))
        title = f"{self.model} of {', '.join(map(str, self.inputs))}"
        return "\n".join([title, lines[0], rule, *lines[1:-1], rule, lines[-1]])


def summary(model: Module, *xs: Any) -> Summary:
    """What each layer of the model makes of the inputs xs, which are cast as `fit` casts them.

    The model runs once, in the mode it is in; mode, buffers and generators are afterwards what they were.
    """
    inputs = [cast(model, x) for x in xs]
    with preserved(model), watched(model) as calls, context(recording=True):
        out = model(*(Value(x) if x.dtype.kind == "f" else x for x in inputs))
    nodes = order([part for part in tree.flatten(out)[0] if isinstance(part, Value)])[::-1]
    learned = depending(nodes[::-1], model.parameters())
    seen = {id(_memory(x)) for x in (*inputs, *(p.data for p in model.parameters()))}
    costs = {id(call): _Cost() for call in calls}
    for node in nodes:
        place = costs[id(next((call for call in reversed(calls) if call.first < node.serial < call.last), calls[0]))]
        forward = multiply_adds(node)
        place.used = True
        place.forward += forward
        if node in learned:
            factors = node.operands if node.op == "einsum" else node.operands[:2]
            place.backward += forward * sum(isinstance(x, Value) and x in learned for x in factors)
            place.bytes += sum(_fresh(x, seen) for x in (node.data, *node.saved))
    return Summary(type(model).__name__, tuple(x.shape for x in inputs), tuple(_rows(model, calls, costs)))


@dataclass(slots=True)
class _Cost:
    """What the nodes made in a call add up to, and whether there was one."""

    forward: int = 0
    backward: int = 0
    bytes: int = 0
    used: bool = False


def _rows(model: Module, calls: list[Call], costs: dict[int, _Cost]) -> Iterator[Row]:
    """A row for each call that did something itself, and for each module with parameters that was not called."""
    counts: Counter[int] = Counter()
    owners: dict[int, tuple[str, Module]] = {}
    for path, owner, _, held in model._state():
        if isinstance(held, Parameter):
            counts[id(owner)] += held.size
            owners.setdefault(id(owner), (path.rpartition(".")[0], owner))
    for call in calls:
        parameters, cost = counts.pop(id(call.layer), 0), costs[id(call)]
        if call.leaf or cost.used or parameters:
            yield Row(call.path, call.kind, call.shape, parameters, cost.forward, cost.backward, cost.bytes)
    for key, parameters in counts.items():
        path, owner = owners[key]
        yield Row(path, type(owner).__name__, None, parameters)


def multiply_adds(node: Value) -> int:
    """Products that an op multiplies and adds up, counted from its shapes; 0 for one that is no sum of products.

    A convolution's products with the zeros of its padding count, as in other tools; elementwise products do not.
    """
    if any(isinstance(x, tuple) for x in (node.data, *node.saved)):  # several results (a split), or one of them
        return 0
    name, out = node.op, node.size
    shapes: list[tuple[int, ...]] = [np.shape(x) for x in node.saved]
    if name in ("linear", "matmul", "matvec", "vecmat"):
        return out * shapes[0][-1]
    if name in ("dot", "inner", "outer", "tensordot", "vdot"):  # (n k) · (k m) · (n m) = (n k m)²
        return math.isqrt(math.prod(shapes[0]) * math.prod(shapes[1]) * out)
    if name == "vecdot":
        return max(map(math.prod, shapes))
    if name == "conv":
        return out * math.prod(shapes[1][1:])
    if name == "conv_input":
        return math.prod(shapes[0]) * math.prod(shapes[1][1:])
    if name == "einsum" and len(shapes) > 1:
        lengths: dict[str, int] = {}
        for letters, shape in zip(node.options["subscripts"].partition("->")[0].split(","), shapes, strict=True):
            lengths |= {letter: max(n, lengths.get(letter, 0)) for letter, n in zip(letters, shape, strict=True)}
        return math.prod(lengths.values())
    return 0


def _memory(x: Any) -> Any:
    """The array that owns the memory of this one."""
    while isinstance(getattr(x, "base", None), np.ndarray):
        x = x.base
    return x


def _fresh(x: Any, seen: set[int]) -> int:
    """Bytes of the array, or arrays, that x lies in, if they were not counted before."""
    if isinstance(x, tuple):
        return sum(_fresh(part, seen) for part in x)
    memory = _memory(x)
    if not isinstance(memory, np.ndarray) or id(memory) in seen:
        return 0
    seen.add(id(memory))
    return memory.nbytes


def _cells(row: Row) -> tuple[str, ...]:
    numbers = (f"{number:,}" for number in (row.parameters, row.forward, row.backward))
    shape = "not called" if row.shape is None else str(row.shape)
    return row.path or "(self)", row.kind, shape, *numbers, _spelled(row.bytes)


def _aligned(row: tuple[str, ...], widths: list[int]) -> Iterator[str]:
    for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if i < 3 else cell.rjust(width)


def _spelled(count: float) -> str:
    """Bytes in a unit in which they have at most three digits before the point."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
