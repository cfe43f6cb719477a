"""The table of operators: ONNX's name → a function of arrays and Values, one small block each in the files beside this.

    @operator("LeakyRelu")
    def leaky_relu(x, *, alpha=0.01):
        return ops.leaky_relu(x, slope=alpha)

Inputs of a node are positional (None where the file leaves one out), its attributes keywords with ONNX's names, so that
what an operator set turned from an attribute into an input (the axes of Squeeze) is one parameter. Several results are a
tuple, of which a node takes the first ones. Tensors of floats arrive as Values or arrays, integers and booleans, such as
shapes and indices, always as arrays: the arithmetic of shapes is plain NumPy.

An operator without a block that ONNX itself defines as a function of simpler ones runs as that function (functions.py).
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from autograd.value import Value

__all__ = ["Operator", "OnnxError", "find", "operator", "supported"]


class OnnxError(ValueError):
    """A file that is no ONNX model, or one that cannot run here, or a model that no file can hold; the message says why.

    Fails: nn.load_onnx("notes.txt").  Fix: what the message names.
    """


class Operator(NamedTuple):
    """A block of the table.

    since   the first operator set that it is for
    plain   places of inputs that are looked at as plain numbers and have no derivative (sizes, running statistics)
    options  names of the attributes that it knows, None for any
    counts  whether compute wants to know, as `outputs`, how many results the node takes
    """

    name: str
    compute: Callable[..., Any]
    since: int
    plain: frozenset[int]
    options: frozenset[str] | None
    counts: bool

    def __call__(self, inputs: Iterable[Any], attributes: dict[str, Any], outputs: int) -> list[Any]:
        """The results for these inputs."""
        given = [x.data if i in self.plain and isinstance(x, Value) else x for i, x in enumerate(inputs)]
        options = {**attributes, "outputs": outputs} if self.counts else attributes
        result = self.compute(*given, **options)
        return list(result) if isinstance(result, tuple) else [result]


_table: dict[str, list[Operator]] = {}


def operator(*names: str, since: int = 1, plain: Iterable[int] = ()) -> Callable[[Callable[..., Any]], Any]:
    """Enter the decorated function for the ONNX operators of these names, from operator set `since` on."""

    def enter(compute: Callable[..., Any]) -> Callable[..., Any]:
        parameters = inspect.signature(compute).parameters.values()
        named = {x.name for x in parameters if x.kind in (x.POSITIONAL_OR_KEYWORD, x.KEYWORD_ONLY)}
        options = None if any(x.kind == x.VAR_KEYWORD for x in parameters) else frozenset(named)
        for name in names:
            block = Operator(name, compute, since, frozenset(plain), options, "outputs" in named)
            _table[name] = sorted([*_table.get(name, ()), block], key=lambda other: other.since)
        return compute

    return enter


def find(name: str, version: int) -> Operator | None:
    """The block for an operator in this operator set, None if there is none."""
    fitting = [known for known in _table.get(name, ()) if known.since <= version]
    return fitting[-1] if fitting else None


def supported() -> list[str]:
    """Names of all operators with a block, in alphabetical order."""
    return sorted(_table)
