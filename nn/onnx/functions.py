"""Operators that ONNX defines as functions of simpler ones: for those without a block in the table, the definition runs.

Some definitions depend on element types and shapes of the inputs, so a definition is asked for when these are known, at
the first run, and kept.
"""

from typing import Any

import numpy as np

from nn.onnx.types import data_of

__all__ = ["Function", "is_function"]

MOST = 64  # definitions that a node keeps, one for each form of its inputs


def is_function(proto: Any, version: int) -> bool:
    """Whether ONNX defines this node's operator, as of this operator set, by a function."""
    schema = _schema(proto, version)
    return schema is not None and (schema.has_function or schema.has_context_dependent_function)


def _schema(proto: Any, version: int) -> Any:
    from onnx import defs

    try:
        return defs.get_schema(proto.op_type, version, proto.domain)
    except defs.SchemaError:
        return None


def _nearest(versions: list[int], version: int) -> int:
    """Of the operator sets that a definition is written in, the newest up to this one, or else the oldest."""
    return max((known for known in versions if known <= version), default=min(versions))


class Function:
    """The definition of one node's operator, called as an Operator is.

    read   (FunctionProto, node) → Graph, which reads what ONNX gives
    """

    plain: frozenset[int] = frozenset()

    def __init__(self, proto: Any, version: int, read: Any) -> None:
        self.proto, self.version, self.read = proto, version, read
        self.graphs: dict[Any, Any] = {}

    def __call__(self, inputs: list[Any], attributes: dict[str, Any], outputs: int) -> list[Any]:
        """The results for these inputs."""
        form = tuple(map(_type_of, inputs))
        if form not in self.graphs:
            if len(self.graphs) == MOST:
                self.graphs.clear()
            self.graphs[form] = self.read(self._definition(inputs), self.proto)
        results: list[Any] = self.graphs[form].run(*inputs, *[None] * len(self.proto.input))
        return results

    def _definition(self, inputs: list[Any]) -> Any:
        import onnx

        schema = _schema(self.proto, self.version)
        if schema.has_function:
            found = schema.get_function_with_opset_version(_nearest(schema.function_opset_versions, self.version))
        else:
            version = _nearest(schema.context_dependent_function_opset_versions, self.version)
            types = [_type_of(x) for x in [*inputs, *[None] * (len(self.proto.input) - len(inputs))]]
            node = self.proto.SerializeToString()
            found = schema.get_context_dependent_function_with_opset_version(version, node, types)
        return onnx.FunctionProto.FromString(found) if isinstance(found, bytes) else found


def _type_of(x: Any) -> bytes:
    import onnx

    if x is None:
        return b""
    if isinstance(x, list):
        inner = onnx.TypeProto.FromString(_type_of(x[0]) if x else b"")
        return bytes(onnx.helper.make_sequence_type_proto(inner).SerializeToString())
    code = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(data_of(x).dtype))
    return bytes(onnx.helper.make_tensor_type_proto(code, np.shape(x)).SerializeToString())
