"""load_onnx: a network from a file, to be run, differentiated and trained further.

The file's graph runs on Values with our ops, so a model that some other library trained is a Module like any other: its
floating-point initializers are Parameters. Nothing in a file is executed: its operators are looked up in the table.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.data import as_array
from autograd.errors import ArgumentError, MissingExtraError, ShapeError
from autograd.value import Value
from nn.module import Module
from nn.onnx.operators import OnnxError
from nn.onnx.reader import Reader
from nn.onnx.types import dtype_of

__all__ = ["OnnxModel", "load_onnx"]


class OnnxModel(Module):
    """The graph of an ONNX file as a Module; made by load_onnx.

    It is called with the file's inputs, by position or by name, and gives its one output, or a tuple of them. `inputs` are
    (name, dtype, shape) of each, where None in a shape stands for any length; `outputs` are the outputs' names. Runs
    as in evaluation mode: norms use their running statistics, dropout does nothing.
    """

    def __init__(self, graph: Any, inputs: list[Any], parameters: dict[str, Any], opset: int) -> None:
        self.graph, self.inputs, self.outputs = graph, inputs, graph.outputs
        self.weights, self.opset = parameters, opset

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The inputs, by position or by name → the output, or a tuple of several."""
        names = [name for name, _, _ in self.inputs]
        given = dict(zip(names, args, strict=False)) | kwargs
        if len(args) > len(names) or len(given) != len(args) + len(kwargs) or set(given) != set(names):
            raise ArgumentError(f"the model's inputs are {', '.join(names)}; got {len(args)} by position"
                                + "".join(f" and {name}" for name in kwargs))  # fmt: skip
        results = self.graph.run(*(_checked(given[name], name, *form) for name, *form in self.inputs))
        return results[0] if len(results) == 1 else tuple(results)

    def named_children(self) -> Iterator[tuple[str, Any]]:
        return iter(self.weights.items())

    def describe(self) -> str:
        inputs = ", ".join(f"{name} {dtype} {_lengths(shape)}" for name, dtype, shape in self.inputs)
        return f"{inputs} → {', '.join(self.outputs)}, opset {self.opset}"


def load_onnx(source: Any, *, dtype: DTypeLike | None = None) -> OnnxModel:
    """The network of an ONNX file as a Module.

    source  a path, the file's bytes, or an onnx.ModelProto
    dtype   what the file's float32 numbers become; np.float64 serves gradient checks

    Initializers and Constant nodes of floating point become Parameters, called as in the file, made dotted paths; but what
    no operator differentiates (running statistics, scales of a Resize) and numbers without axes (exponents, epsilons) stay
    constants. Raises OnnxError for what is no model, or one with an operator that is not supported; its external data
    is read from inside the file's folder only.

        model = load_onnx("silero_vad.onnx")
        probability, state = model(samples, np.zeros((2, 1, 128), np.float32), np.array(16000))
    """
    model, folder = _message(source)
    opsets = {"" if opset.domain == "ai.onnx" else opset.domain: opset.version for opset in model.opset_import}
    reader = Reader(opsets, None if dtype is None else np.dtype(dtype), folder)
    try:
        graph = reader.graph(model.graph)
        inputs = [_form(value, reader.precision) for value in model.graph.input if value.name in graph.inputs]
    except (OnnxError, MemoryError):
        raise
    except Exception as mistake:  # whatever the onnx package says of bytes that are no numbers
        raise OnnxError(f"load_onnx: the model is damaged: {' '.join(str(mistake).split())[:200]}") from None
    reader.check()
    return OnnxModel(graph, inputs, reader.parameters, opsets.get("", 0))


def _message(source: Any) -> tuple[Any, Path | None]:
    """(ModelProto, its folder or None)."""
    try:
        import onnx
        import onnx.inliner
    except ImportError:
        raise MissingExtraError('load_onnx needs the onnx package: pip install "glassgrad[io]"') from None
    if isinstance(source, onnx.ModelProto):
        model, folder = onnx.ModelProto.FromString(source.SerializeToString()), None
    elif isinstance(source, (bytes, str, Path)):
        folder = None if isinstance(source, bytes) else Path(source).parent
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        try:
            model = onnx.ModelProto.FromString(content)
        except Exception as mistake:  # protobuf's DecodeError, which is in no public place
            name = "the bytes" if isinstance(source, bytes) else source
            raise OnnxError(f"load_onnx: {name}: no ONNX file, or a damaged one ({mistake})") from None
    else:
        raise ArgumentError(f"load_onnx: a path, bytes or an onnx.ModelProto, got {type(source).__name__}")
    if not model.graph.node and not model.graph.output:
        raise OnnxError("load_onnx: the file has no graph")
    return (onnx.inliner.inline_local_functions(model) if model.functions else model), folder


def _form(value: Any, precision: Any) -> tuple[str, Any, Any]:
    """(name, dtype, shape) of a ValueInfoProto; dtype None for what is no tensor, shape None where it is unknown."""
    if value.type.WhichOneof("value") != "tensor_type":
        return value.name, None, None
    tensor = value.type.tensor_type
    lengths = [n.dim_value if n.WhichOneof("value") == "dim_value" else None for n in tensor.shape.dim]
    return value.name, dtype_of(tensor.elem_type, precision), tuple(lengths) if tensor.HasField("shape") else None


def _checked(x: Any, name: str, dtype: Any, shape: Any) -> Any:
    """An input as an array or Value of the form that the file declares."""
    if dtype is None:
        return x
    x = x if isinstance(x, Value) else as_array(x)
    if x.dtype != dtype:
        raise ArgumentError(f"input {name!r} is {x.dtype}, the model's is {dtype}: convert it with astype")
    fits = shape is None or (len(shape) == x.ndim and all(n in (None, m) for n, m in zip(shape, x.shape, strict=True)))
    if not fits:
        raise ShapeError(f"input {name!r} has shape {x.shape}, the model's is {_lengths(shape)}")
    return x


def _lengths(shape: Any) -> str:
    return "(…)" if shape is None else f"({', '.join('any' if n is None else str(n) for n in shape)})"
