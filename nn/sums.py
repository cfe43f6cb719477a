"""Weighted sums: where in a model's graph weights meet their input.

A neuron is a weighted sum and a squash, whatever layer it is in. So sums are found in the graph and not by kinds of layers:
a node of an op that multiplies and adds up (`linear`, `matmul`, a convolution), one of whose factors is a Parameter. What
lies between two sums is looked at in the same way: where it is elementwise, it is a function of one number, the squash.

`nn.lsuv` scales sums, `nn.lens` compares them with theory and writes them out. Before this: `calls`, `summary`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import tree
from autograd.backward import order
from autograd.errors import ArgumentError
from autograd.value import Value
from nn import scalar
from nn.checks import called
from nn.module import Module, Parameter
from nn.summary import multiply_adds

__all__ = ["WeightedSum", "arrays_only", "between", "weighted_sums"]

OPS = ("linear", "matmul", "matvec", "vecmat", "dot", "conv", "conv_input")


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """A node that adds up products of an input and weights.

    path    of its layer; of weights that are not called "weight" their own
    weight  the Parameter        place   its number among the node's operands, 0 or 1
    node    the sums, of every neuron and row; with the bias, where the op adds one
    """

    path: str
    weight: Parameter
    place: int
    node: Value

    @property
    def input(self) -> Any:
        """The other factor, a Value or an array."""
        return self.node.operands[1 - self.place]

    @property
    def bias(self) -> Any:
        """The Parameter that the op adds, None if it adds none."""
        return next((x for x in self.node.operands[2:] if isinstance(x, Value)), None)

    @property
    def axis(self) -> int | None:
        """The node's axis along which the neurons lie; None for a single neuron."""
        if self.weight.ndim < 2:
            return None
        if self.node.op.startswith("conv"):
            return 1
        return self.node.ndim - 1 if self.place or np.ndim(self.node.saved[1]) < 2 else self.node.ndim - 2

    @property
    def terms(self) -> int:
        """How many products one sum has: its fan_in. Those with a convolution's padding count."""
        return multiply_adds(self.node) // max(self.node.size, 1)

    @property
    def uses(self) -> float:
        """In how many sums one number of the input is a factor, on average: its fan_out."""
        return multiply_adds(self.node) / max(np.size(self.node.saved[1 - self.place]), 1)


def weighted_sums(model: Module, results: Any) -> list[WeightedSum]:
    """The sums that the results, Values in any containers, were computed from, in the order of computing."""
    names = {id(parameter): path for path, parameter in model.named_parameters()}
    found = []
    for node in order([x for x in tree.flatten(results)[0] if isinstance(x, Value)])[::-1]:
        if node.op in OPS:
            factors = [_source(x) for x in node.operands[:2]]
            place = next((i for i in (1, 0) if id(factors[i]) in names), None)
            if place is not None and len(factors) == 2:
                path = names[id(factors[place])]
                path = path.removesuffix("weight").rstrip(".") if path.split(".")[-1] == "weight" else path
                found.append(WeightedSum(path, factors[place], place, node))
    return found


def arrays_only(name: str, model: Any) -> None:
    """Raise ArgumentError for what is no Module, and for a network of scalar Values."""
    if not isinstance(model, Module):
        raise ArgumentError(f"{name} takes a Module, got {called(model)}")
    if any(isinstance(module, scalar.Neuron) for _, module in model.named_modules()):
        raise ArgumentError(
            f"{name} looks at arrays, and {type(model).__name__} is of nn.scalar, where each weight is a node of its own: "
            "autograd.draw(model(x)) shows them, and nn.MLP is the same network on arrays"
        )


def _source(x: Any) -> Any:
    """What x is a view of."""
    while isinstance(x, Value) and x.primitive is not None and getattr(x.primitive, "kind", "") == "view":
        x = x.operands[0]
    return x


def between(node: Any, start: Value) -> tuple[Callable[[Any], Any], list[Value]] | None:
    """(f, the nodes of f) with node = f(start) elementwise, views aside; None where anything else lies between.

    f is a function of numbers, made of the graph's own ops: of relu(x @ W) and x @ W it is relu.
    """
    if node is start:
        return (lambda z: z), []
    nodes = order([node], [start])[::-1] if isinstance(node, Value) else []
    layouts: dict[Value, Value] = {start: start}  # node → the last view before it: z + z.T mixes two
    for x in nodes:
        layout = _layout(x, layouts, start.size)
        if layout is None:
            return None
        layouts[x] = layout
    if not nodes:
        return None

    def f(z: Any) -> Any:
        made: dict[Value, Any] = {start: z}
        for x in nodes:
            operands = tuple(made[y] if isinstance(y, Value) else y for y in x.operands)
            made[x] = operands[0] if x.primitive.kind == "view" else x.primitive.apply(operands, x.options)
        return made[node]

    return f, nodes


def _layout(node: Value, layouts: dict[Value, Value], size: int) -> Value | None:
    """Which view the node's places are those of; None unless each of its numbers depends on one number of the start."""
    kind, values = node.primitive.kind, [x for x in node.operands if isinstance(x, Value)]
    numbers = all(isinstance(x, Value) or np.ndim(x) == 0 for x in node.operands)
    if kind not in ("elementwise", "view") or node.size != size or not numbers or not all(x in layouts for x in values):
        return None
    if kind == "view":
        return node
    found = {layouts[x] for x in values}
    return found.pop() if len(found) == 1 else None
