"""How the matrices of a model are connected: what each one is given, followed through the graph of one run.

Comes before `reading`. The order in which layers are defined says nothing about shortcuts, branches and weights that are
used twice; the graph of a run does. A matrix marks what is made from it alone, as its transpose; where a mark meets data,
the matrix is at work: what the data came from is its input, and what comes out is its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from autograd.ops.assign import operands_of
from autograd.value import Value, data_of
from autograd.viz.graph import walk
from nn.calls import Call, looked_at, watched
from nn.evaluation import cast
from nn.layers.container import Residual, Sequential
from nn.layers.neuron import MLP
from nn.module import Module, Parameter
from nn.state import preserved

__all__ = ["INPUT", "Wiring", "in_order", "run"]

INPUT = 0  # stands for x where others have the id of a Parameter
Wiring = dict[int, frozenset[int]]  # id of a matrix → ids of those whose results it is given
ROWS = 512  # that are recorded at most
NONE: frozenset[int] = frozenset()


def run(model: Module, X: Any, drawn: Collection[int]) -> tuple[list[Call], Wiring | None]:
    """The calls of one run on X, and what the drawn Parameters are given; of many rows the first tell that.

    None instead of a wiring: nothing was recorded, as under no_grad, or the model takes all rows or none.
    """
    if len(X) <= ROWS:
        return wired(model, X, drawn)
    calls = looked_at(model, X)  # keeps what layers give, and not, as a graph does, what they were given too
    try:
        return calls, wired(model, X[:ROWS], drawn)[1]
    except ValueError:
        return calls, None


def wired(model: Module, X: Any, drawn: Collection[int]) -> tuple[list[Call], Wiring | None]:
    """The calls of one run on X, in evaluation mode, and for the drawn Parameters what they are given.

    A matrix that the graph does not show at work, as one that is only added, is not in the wiring.
    """
    x = cast(model, X)
    given = Value(x) if x.dtype.kind == "f" else x
    with preserved(model), watched(model) as calls:
        model.eval()
        out = model(given)
    tables = {id(call.out): call for call in calls if getattr(call.layer, "takes_indices", False)}
    found: dict[int, frozenset[int]] = {}
    marks: dict[Value, frozenset[int]] = {}  # made of these matrices alone
    origins: dict[Value, frozenset[int]] = {}  # the matrices that data last came through
    for value in walk(_values(out)):
        operands = [operand for operand in operands_of(value) if isinstance(operand, Value)]
        mark = NONE.union(*(marks.get(operand, NONE) for operand in operands))
        origin = NONE.union(*(origins.get(operand, NONE) for operand in operands))
        if value is given:
            origin = frozenset([INPUT])
        elif id(value) in tables:  # rows looked up, by whole numbers, which are no Values: x, or counted places
            call = tables[id(value)]
            mark = frozenset([id(call.layer.weight)]) & frozenset(drawn)
            origin = frozenset([INPUT]) if np.may_share_memory(data_of(call.args[0]), x) else NONE
        elif isinstance(value, Parameter):
            mark = frozenset([id(value)]) & frozenset(drawn)
        if mark and origin and value.primitive is not None and value.primitive.kind == "elementwise":
            mark, origin = NONE, mark | origin  # added, as positions are: both go on
        elif mark and origin:
            found |= {matrix: found.get(matrix, NONE) | origin for matrix in mark}
            mark, origin = NONE, mark
        marks[value], origins[value] = mark, origin
    return calls, found or None


def _values(out: Any) -> Iterator[Value]:
    if isinstance(out, Value):
        yield out
    elif isinstance(out, (tuple, list)):
        for part in out:
            yield from _values(part)


def in_order(model: Module) -> bool:
    """Whether the layers with weights certainly follow each other as they are defined: none twice, no other forward."""
    for _, module in model.named_modules():
        if isinstance(module, Sequential) and len({*map(id, module.layers)}) < len(module):
            return False
        below = [child for _, child in module.named_children() if isinstance(child, Module) and child.parameter_count()]
        if isinstance(module, Residual) or (len(below) > 1 and not isinstance(module, (Sequential, MLP))):
            return False
    return True
