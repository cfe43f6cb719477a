"""Graph: the nodes of a model in their order, run on arrays and Values.

A name is given a value once, by an input, a constant or a node; the nodes come sorted. A subgraph (the branch of an If,
the body of a Loop) is a Graph too, and reads the names of the graphs around it.
"""

from collections import ChainMap
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

import numpy as np

from autograd.data import Traced
from autograd.value import Value
from nn.onnx.operators import OnnxError

__all__ = ["Graph", "Node"]

Names = MutableMapping[str, Any]


class Node:
    """One operator applied: outputs = compute(inputs, attributes), all by name; "" is an input or output left out."""

    def __init__(
        self,
        title: str,
        compute: Callable[..., list[Any]],
        inputs: list[str],
        outputs: list[str],
        attributes: dict[str, Any],
    ) -> None:
        self.title, self.compute, self.inputs, self.outputs = title, compute, inputs, outputs
        self.attributes = tuple(attributes.items())  # in a tuple compile takes arrays for constants, as they are

    def run(self, names: Names) -> None:
        """Take the inputs from names and put the outputs there."""
        inputs = [names[name] if name else None for name in self.inputs]
        while inputs and inputs[-1] is None:
            inputs.pop()
        attributes = {
            name: partial(held.run, outer=names) if isinstance(held, Graph) else held for name, held in self.attributes
        }
        try:
            results = self.compute(inputs, attributes, len(self.outputs))
        except Exception as mistake:
            if not hasattr(mistake, "__notes__"):  # only the innermost node says where it happened
                shapes = ", ".join("none" if x is None else str(np.shape(x)) for x in inputs if type(x) is not list)
                mistake.add_note(f"in {self.title}, whose inputs have the shapes {shapes}")
            raise
        if len(results) < len(self.outputs):
            raise OnnxError(f"{self.title}: {len(self.outputs)} outputs are named, {len(results)} supported")
        for name, result in zip(self.outputs, results, strict=False):
            names[name] = result if isinstance(result, (Value, Traced, list, type(None))) else np.asarray(result)


class Graph:
    """Nodes with what goes in and what comes out, and the constants, among them Parameters, that the file holds."""

    def __init__(self, inputs: list[str], outputs: list[str], constants: dict[str, Any], nodes: list[Node]) -> None:
        self.inputs, self.outputs, self.nodes = inputs, outputs, nodes
        self.constants = tuple(constants.items())

    def run(self, *values: Any, outer: Names | None = None) -> list[Any]:
        """The outputs for these inputs, in order; `outer` are the names of the graph around this one."""
        inner = dict((*self.constants, *zip(self.inputs, values, strict=False)))
        names: Names = inner if outer is None else ChainMap(inner, outer)
        for node in self.nodes:
            node.run(names)
        return [names[name] if name else None for name in self.outputs]
