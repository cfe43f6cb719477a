"""Reader: from the messages of a file to Graphs of blocks of the table.

All that is wrong with a file is found here, before anything runs: names that nothing defines, attributes and types that do
not exist, operators without a block.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nn.module import Parameter
from nn.onnx.functions import Function, is_function
from nn.onnx.graph import Graph, Node
from nn.onnx.operators import OnnxError, Operator, find, supported
from nn.onnx.types import dtype_of

__all__ = ["CONSTANT", "WEIGHT", "Reader"]

CONSTANT, WEIGHT = "constant", "weight"  # what export.onnx says of an initializer in its doc string
TYPES = ("to", "dtype", "output_dtype", "softmax_precision", "output_datatype")  # attributes that are element types


class Reader:
    """Reads one model.

    opsets      domain → version of its operator set
    precision   dtype that takes the place of float32, None to leave it
    folder      where external data may lie, None for none
    parameters  dotted path → Parameter, of all graphs
    """

    def __init__(self, opsets: dict[str, int], precision: Any, folder: Path | None) -> None:
        self.opsets, self.precision, self.folder = opsets, precision, folder
        self.parameters: dict[str, Parameter] = {}
        self.missing: list[str] = []

    def graph(self, proto: Any, around: frozenset[str] = frozenset()) -> Graph:
        """The Graph of a GraphProto; `around` are the names of the graphs that it stands in."""
        tensors = {tensor.name: tensor for tensor in proto.initializer}
        nodes = []
        for node in proto.node:
            value = _value_of(node) if node.op_type == "Constant" else None
            if value is None:
                nodes.append(node)
            else:
                tensors[node.output[0]] = value
        if proto.sparse_initializer:
            raise OnnxError("sparse initializers are not supported")
        inputs = [value.name for value in proto.input if value.name not in tensors]
        learned = set(self._differentiated(nodes))
        constants = {name: self._constant(name, tensor, name in learned) for name, tensor in tensors.items()}
        return self._build(nodes, inputs, [value.name for value in proto.output], constants, around)

    def function(self, definition: Any, proto: Any) -> Graph:
        """The Graph of a FunctionProto that defines the operator of a node, with the node's attributes in it."""
        from onnx import defs

        opsets = self.opsets | {opset.domain: opset.version for opset in definition.opset_import}
        inner = Reader(opsets, self.precision, None)
        given = {held.name: held for held in proto.attribute}
        schema = defs.get_schema(proto.op_type, self.opsets[proto.domain], proto.domain)
        for name, attribute in schema.attributes.items():
            if name not in given and attribute.default_value.name:
                given[name] = attribute.default_value
        nodes = [_bound(node, given) for node in definition.node]
        made = {*definition.input, *(name for node in nodes for name in node.output)}
        outputs = [name if name in made else "" for name in definition.output]
        graph = inner._build(nodes, list(definition.input), outputs, {}, frozenset())
        inner.check()
        return graph

    def check(self) -> None:
        """Raise OnnxError if an operator of what was read has no block."""
        if self.missing:
            names = ", ".join(dict.fromkeys(self.missing))
            raise OnnxError(f"operators that are not supported: {names}. Supported are {', '.join(supported())}")

    def tensor(self, proto: Any) -> Any:
        """The array of a TensorProto; floats in the chosen precision."""
        import onnx

        dtype_of(proto.data_type)
        if proto.data_location == onnx.TensorProto.EXTERNAL:
            self._fetch(proto)
        array = onnx.numpy_helper.to_array(proto)
        return array.astype(dtype_of(proto.data_type, self.precision), copy=False)

    def _fetch(self, proto: Any) -> None:
        """Read the data of a tensor that lies in another file, which must be inside the model's own folder."""
        from onnx.external_data_helper import load_external_data_for_tensor

        place = {entry.key: entry.value for entry in proto.external_data}.get("location", "")
        if self.folder is None:
            raise OnnxError(f"tensor {proto.name!r} lies in another file, {place!r}: give load_onnx the model's path")
        folder = self.folder.resolve()
        file = (folder / place).resolve()
        if not place or not file.is_relative_to(folder) or not file.is_file():
            raise OnnxError(f"tensor {proto.name!r} lies in {place!r}, which is no file inside the model's folder")
        load_external_data_for_tensor(proto, str(folder))
        proto.data_location = 0

    def _constant(self, name: str, proto: Any, weight: bool) -> Any:
        array = self.tensor(proto)
        bare = not array.ndim and proto.doc_string != WEIGHT  # an exponent or an epsilon
        if not weight or array.dtype.kind != "f" or bare or proto.doc_string == CONSTANT:
            return array
        path = _dotted(name)
        while path in self.parameters:
            path += "_"
        self.parameters[path] = Parameter(np.array(array), path)
        return self.parameters[path]

    def _build(
        self,
        protos: list[Any],
        inputs: list[str],
        outputs: list[str],
        constants: dict[str, Any],
        around: frozenset[str],
    ) -> Graph:
        twice = [name for name, count in Counter(inputs).items() if count > 1]
        known = set(around) | set(inputs) | set(constants)
        nodes = []
        for i, proto in enumerate(protos):
            twice += [name for name in proto.output if name and name in known - around]
            unknown = [name for name in proto.input if name and name not in known]
            if unknown or twice:
                what = (
                    f"reads {unknown[0]!r}, which nothing" if unknown else f"defines {twice[0]!r}, which more than one"
                )
                raise OnnxError(f"{_title(proto, i)} {what} before it defines")
            nodes.append(self._node(proto, i, frozenset(known)))
            known.update(proto.output)
        unknown = [name for name in outputs if name and name not in known]
        if unknown:
            raise OnnxError(f"the output {unknown[0]!r} is defined by nothing")
        return Graph(inputs, outputs, constants, nodes)

    def _node(self, proto: Any, place: int, known: frozenset[str]) -> Node:
        title = _title(proto, place)
        if proto.domain == "ai.onnx":  # the long name of ""
            proto.domain = ""
        if proto.domain not in self.opsets:
            raise OnnxError(f"{title}: the file names no operator set of the domain {proto.domain!r}")
        version = self.opsets[proto.domain]
        block = find(proto.op_type, version) if not proto.domain else None
        attributes = {}
        compute: Any = block
        if block is not None:
            self._check_attributes(proto, title, block)
            attributes = {held.name: self._attribute(held, title, known) for held in proto.attribute}
        elif is_function(proto, version):
            compute = Function(proto, version, self.function)
        else:
            self.missing.append(title)
        return Node(title, compute, list(proto.input), list(proto.output), attributes)

    def _check_attributes(self, proto: Any, title: str, block: Operator) -> None:
        strange = [
            held.name for held in proto.attribute if block.options is not None and held.name not in block.options
        ]
        if strange:
            raise OnnxError(f"{title}: attribute {strange[0]!r} is not supported")

    def _attribute(self, proto: Any, title: str, known: frozenset[str]) -> Any:
        import onnx

        kind = onnx.AttributeProto
        if proto.type == kind.GRAPH:
            return self.graph(proto.g, known)
        if proto.type == kind.TENSOR:
            return self.tensor(proto.t)
        if proto.type == kind.TYPE_PROTO:
            return proto.tp
        if proto.type in (kind.FLOAT, kind.FLOATS, kind.INT, kind.INTS, kind.STRING, kind.STRINGS):
            held = onnx.helper.get_attribute_value(proto)
            if proto.name in TYPES:
                return dtype_of(held, self.precision)
            if isinstance(held, bytes):
                return held.decode(errors="replace")
            if proto.type == kind.STRINGS:
                return tuple(x.decode(errors="replace") for x in held)
            return tuple(held) if proto.type in (kind.INTS, kind.FLOATS) else held
        raise OnnxError(f"{title}: attribute {proto.name!r} is of a kind that is not supported")

    def _differentiated(self, protos: Iterable[Any]) -> Iterator[str]:
        """Names that are read, here or in subgraphs, by an operator that does not take them for plain numbers."""
        for proto in protos:
            found = find(proto.op_type, self.opsets.get(proto.domain, 1))
            plain = found.plain if found else frozenset()
            yield from (name for i, name in enumerate(proto.input) if i not in plain)
            for held in proto.attribute:
                yield from self._differentiated(held.g.node)


def _title(proto: Any, place: int) -> str:
    """How messages call a node: operator, and its name or number."""
    domain = f"{proto.domain}." if proto.domain not in ("", "ai.onnx") else ""
    return f"{domain}{proto.op_type} (node {proto.name!r})" if proto.name else f"{domain}{proto.op_type} (node {place})"


def _value_of(proto: Any) -> Any:
    """The tensor of a Constant node, or None for another form of constant."""
    return next((held.t for held in proto.attribute if held.name == "value" and held.HasField("t")), None)


def _dotted(name: str) -> str:
    """A name as a dotted path: letters, digits and underscores between single dots."""
    clean = "".join(c if c.isalnum() or c in "._" else "." for c in name)
    return ".".join(part for part in clean.split(".") if part) or "weight"


def _bound(node: Any, given: dict[str, Any]) -> Any:
    """A node of a definition, with attributes that refer to the defined operator's replaced by those; in subgraphs too."""
    import onnx

    bound = onnx.NodeProto.FromString(node.SerializeToString())
    del bound.attribute[:]
    for held in node.attribute:
        if held.ref_attr_name:
            if held.ref_attr_name in given:
                bound.attribute.append(given[held.ref_attr_name])
                bound.attribute[-1].name = held.name
            continue
        bound.attribute.append(held)
        if held.type == onnx.AttributeProto.GRAPH:
            inner = bound.attribute[-1].g
            nodes = [_bound(one, given) for one in inner.node]
            del inner.node[:]
            inner.node.extend(nodes)
    return bound
