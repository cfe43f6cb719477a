"""Builder: the ONNX graph while it is being written; and the table of what writes it.

    @block("silu")
    def silu(b, out, x):
        return b.node("Mul", x, b.node("Sigmoid", x))

A block is called with the Builder, the variable of the op's result, and the op's operands and options as they were
recorded; it adds nodes and gives the name of the result. A variable, an array or a number may stand wherever a node takes
a name.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.compiler.program import Step, Variable
from nn.onnx.operators import OnnxError

__all__ = ["LAYERS", "TABLE", "Builder", "block", "dtype_of", "layer"]

TABLE: dict[str, Callable[..., Any]] = {}  # op → block
LAYERS: dict[type, Any] = {}  # class of layers that are written as one node → block


def block(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter the decorated function for the ops of these names."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        TABLE.update(dict.fromkeys(names, function))
        return function

    return enter


def layer(kind: type, operands: Callable[..., Any]) -> Callable[[Any], Any]:
    """Enter the decorated function for a class of layers.

    operands   (module, *arguments of forward) → what the block is called with, None where it cannot serve
    """

    def enter(function: Any) -> Any:
        function.operands, function.name = operands, f"layer {kind.__name__}"
        LAYERS[kind] = function
        return function

    return enter


def dtype_of(x: Any) -> Any:
    """The dtype of a variable or constant; of a number that was a Python float, float64."""
    x = getattr(x, "array", x)
    return np.dtype(x.dtype or np.float64) if hasattr(x, "dtype") else np.asarray(x).dtype


class Builder:
    """The graph so far: nodes, and the names of variables and constants.

    batch   name of the input, whose first axis is the batch; None if every length is fixed
    """

    def __init__(self, batch: str | None) -> None:
        self.batch = batch
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.names: dict[Variable, str] = {}
        self.known: dict[Any, str] = {}  # constants and lengths by content
        self.count = 0

    def node(self, operator: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node and give the name of its result, of several the list; inputs are names, variables or constants."""
        import onnx

        self.count += 1
        names = [f"{operator.lower()}_{self.count}" + (f"_{i}" if i else "") for i in range(outputs)]
        given = ["" if x is None else self.name(x) for x in inputs]
        while given and not given[-1]:
            given.pop()
        attributes = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(onnx.helper.make_node(operator, given, names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def name(self, x: Any, dtype: Any = None) -> str:
        """The name of a variable or constant, in this dtype if one is asked for."""
        if isinstance(x, str):
            return x
        if isinstance(x, Variable):
            name, own = self.names[x], x.dtype
            return name if dtype is None or own == dtype else self.cast(name, dtype)
        if hasattr(x, "other"):
            return self._varying(x, dtype)
        return self.constant(np.asarray(x, dtype))

    def cast(self, name: str, dtype: Any) -> str:
        """The numbers of a name in another dtype."""
        import onnx

        found: str = self.node("Cast", name, to=onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
        return found

    def constant(self, array: Any) -> str:
        """The name of an initializer with this content; the same one for the same content."""
        array = np.asarray(array, order="C")
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.known:
            self.known[key] = f"constant_{len(self.known)}"
            self.initializers[self.known[key]] = array
        return self.known[key]

    def lengths(self, numbers: Sequence[int]) -> str:
        """The name of a tensor of whole numbers, some of which may depend on the batch."""
        if not any(hasattr(n, "each") for n in numbers):
            return self.constant(np.array(numbers, np.int64))
        parts = [self._length(n) if hasattr(n, "each") else self.constant(np.array([n], np.int64)) for n in numbers]
        found: str = parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)
        return found

    def _length(self, n: Any) -> str:
        """The name of [each · batch + rest]."""
        key = ("length", n.each, n.rest)
        if key not in self.known:
            size = self.node("Shape", self.batch, end=1)
            size = size if n.each == 1 else self.node("Mul", size, np.array([n.each], np.int64))
            self.known[key] = size if n.rest == 0 else self.node("Add", size, np.array([n.rest], np.int64))
        return self.known[key]

    def _varying(self, x: Any, dtype: Any) -> str:
        """A constant that is the same for every example: spread over as many as there are."""
        index = tuple(slice(0, 1) if hasattr(n, "each") else slice(None) for n in x.shape)
        base = x.array[index]
        if not all(np.array_equal(np.broadcast_to(base, y.shape), y) for y in (x.array, x.other)):
            raise OnnxError(
                "export.onnx: the model makes an array whose numbers, not only its shape, depend on the number of "
                "examples: write dynamic_batch=False for a file that takes as many as the example has"
            )
        found: str = self.node("Expand", np.asarray(base, dtype), self.lengths(x.shape))
        return found

    def run(self, steps: list[Step]) -> None:
        """Add the nodes of all steps. Raises OnnxError, naming them, for ops without a block."""
        missing = {step.name: step.path for step in steps if self._block(step) is None}
        if missing:
            told = ", ".join(f"{name}" + (f" (in {path})" if path else "") for name, path in missing.items())
            raise OnnxError(
                f"export.onnx: no ONNX operators are known for {told}; known are {', '.join(sorted(TABLE))}"
            )
        for step in steps:
            results = self._block(step)(self, step.results[0], *step.operands, **step.options)
            names = [results] if isinstance(results, str) else results
            self.names.update(zip(step.results, names, strict=False))

    def _block(self, step: Step) -> Any:
        return step.op if step.op in LAYERS.values() else TABLE.get(step.name)
