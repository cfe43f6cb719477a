"""export.onnx: a model as an ONNX file, which other programs run.

One forward pass is recorded (record.py), and each op in it written as the ONNX operators that compute it (builder.py and
the table). So any Module that is made of our ops can be written, one's own too.
"""

import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np

from autograd import tree
from autograd.data import as_array
from autograd.errors import ArgumentError, MissingExtraError
from autograd.value import data_of
from nn.evaluation import cast
from nn.export.builder import Builder, dtype_of
from nn.export.record import Record, merged, record
from nn.module import Module
from nn.onnx.operators import OnnxError
from nn.onnx.reader import CONSTANT, WEIGHT

__all__ = ["export"]


def export(model: Module, example_input: Any, path: Any, *, opset: int = 20, dynamic_batch: bool = True) -> None:
    """Write the model as an ONNX file, in evaluation mode.

    example_input  what the model is called with, a tuple of several arguments; shapes and dtypes become the file's,
                   the dtype of floats is the model's
    opset          operator set, 20 or 21
    dynamic_batch  the first axis of every input is the batch, of any length in the file; other lengths, the number of time
                   steps too, are the example's. False fixes all

    Parameters are initializers with their dotted paths, the inputs are called as forward calls them, the outputs "output",
    or "output_0" …; load_onnx gives back the same network. Arguments that are no arrays (None, numbers) are part of the
    file. The file is checked by onnx's checker and then put in its place at once, or not at all.

    Raises OnnxError for ops without ONNX operators, and for what depends on the number of examples in another way than
    through shapes.

        nn.export.onnx(model, np.zeros((1, 64), np.float32), "model.onnx")
    """
    if opset not in (20, 21):
        raise ArgumentError(f"export.onnx: opset is 20 or 21, got {opset!r}")
    try:
        import onnx
    except ImportError:
        raise MissingExtraError('export.onnx needs the onnx package: pip install "glassgrad[io]"') from None
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentError(
            f"export.onnx(model, example_input, path): path is a file's name, got {type(path).__name__}"
        )
    arguments = example_input if isinstance(example_input, tuple) else (example_input,)
    leaves, form = tree.flatten(arguments)
    leaves = [as_array(data_of(x)) if isinstance(data_of(x), (np.ndarray, np.generic)) else x for x in leaves]
    leaves = [cast(model, x, "f") if isinstance(x, np.ndarray) else x for x in leaves]
    names = _names(model, arguments, leaves)
    batched = [dynamic_batch and bool(name) and np.ndim(x) > 0 for name, x in zip(names, leaves, strict=True)]
    held = _recorded(model, names, leaves, form, batched)
    batch = next((name for name, one in zip(names, batched, strict=True) if one), None)
    proto = _proto(held, Builder(batch), opset)
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as mistake:
        raise OnnxError(
            f"export.onnx: ONNX does not take what this model does: {' '.join(str(mistake).split())}"
        ) from None
    _write(Path(path), proto.SerializeToString())


def _names(model: Module, arguments: tuple[Any, ...], leaves: list[Any]) -> list[str]:
    """For each leaf the name of its input, as forward calls it; "" for what is no array."""
    known = list(inspect.signature(model.forward).parameters)
    names: list[str] = []
    for i, argument in enumerate(arguments):
        name = known[i] if i < len(known) else f"input_{i}"
        count = len(tree.flatten(argument)[0])
        names += [name] if count == 1 else [f"{name}_{j}" for j in range(count)]
    return [name if isinstance(x, np.ndarray) else "" for name, x in zip(names, leaves, strict=True)]


def _recorded(model: Module, names: list[str], leaves: list[Any], form: tree.Structure, batched: list[bool]) -> Record:
    """The record of a pass; if inputs have a batch, of two, for one example more."""
    if not any(batched):
        return record(model, names, leaves, form)
    first, *others = {len(x): None for x, one in zip(leaves, batched, strict=True) if one}
    if others:
        raise ArgumentError(
            f"export.onnx: the inputs have first axes of lengths {first} and {others[0]}, so these are not all the batch: "
            "write dynamic_batch=False for a file with the example's lengths"
        )
    size = max(2, first)  # a batch of 1 would broadcast

    def fitted(count: int) -> list[Any]:
        return [np.resize(x, (count, *x.shape[1:])) if one else x for x, one in zip(leaves, batched, strict=True)]

    records = []
    for count in (size, size + 1):
        try:
            records.append(record(model, names, fitted(count), form))
        except ValueError as mistake:
            if count == first:
                raise
            raise OnnxError(
                f"export.onnx: the model takes {first} examples and not {count} ({mistake}): the batch is not the first "
                "axis of every input. Write dynamic_batch=False for a file that takes as many as the example has"
            ) from mistake
    return merged(records[0], records[1], (size, size + 1))


def _proto(held: Record, b: Builder, opset: int) -> Any:
    """The ModelProto of a record."""
    import onnx

    b.names |= {variable: name for name, variable in held.inputs}
    b.names |= {variable: path for path, variable, _ in held.parameters}
    b.initializers = {path: np.asarray(data, order="C") for path, _, data in held.parameters}
    b.run(held.steps)
    single = len(held.outputs) == 1
    outputs = []
    for i, x in enumerate(held.outputs):
        outputs.append("output" if single else f"output_{i}")
        b.nodes.append(onnx.helper.make_node("Identity", [b.name(x)], [outputs[-1]], name=outputs[-1]))
    graph = onnx.helper.make_graph(
        b.nodes,
        "glassgrad",
        [_value_info(name, variable) for name, variable in held.inputs],
        [_value_info(name, x) for name, x in zip(outputs, held.outputs, strict=True)],
        initializer=[_tensor(name, array, name not in b.known.values()) for name, array in b.initializers.items()],
    )
    opsets = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_model(graph, opset_imports=opsets, producer_name="glassgrad", ir_version=opset - 11)


def _tensor(name: str, array: Any, learned: bool) -> Any:
    """An initializer; whether it is a weight is said in its doc string, where load_onnx looks."""
    import onnx

    tensor = onnx.numpy_helper.from_array(array, name)
    tensor.doc_string = WEIGHT if learned else CONSTANT
    return tensor


def _value_info(name: str, x: Any) -> Any:
    """Name, dtype and shape; a length that depends on the batch is called batch, or 2*batch+1."""
    import onnx

    lengths = [_length(n) if hasattr(n, "each") else n for n in x.shape]
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(dtype_of(x)), lengths)


def _length(n: Any) -> str:
    return ("batch" if n.each == 1 else f"{n.each}*batch") + (f"{n.rest:+d}" if n.rest else "")


def _write(path: Path, content: bytes) -> None:
    """Put a file in its place: written beside it, then moved, so that it is never half there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
