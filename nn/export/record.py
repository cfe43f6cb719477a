"""What a forward pass does, as a list of steps; and from two batch sizes, what of it depends on the batch.

compile's Trace writes down every op with its operands and options, those on whole numbers too. Ops and layers that have a
block in the table stay whole, where compile would look inside. A length that is fixed in such a record is the example's; so
the pass is recorded for two batch sizes, and a whole number that differs becomes a Length: so much for each example.
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import tree
from autograd.compiler.program import Step, Variable
from autograd.compiler.trace import Trace
from autograd.compiler.tracer import Tracer
from autograd.context import context
from autograd.value import data_of
from nn.export.builder import LAYERS, TABLE
from nn.module import Module
from nn.onnx.operators import OnnxError

__all__ = ["Length", "Record", "Varying", "merged", "record"]


class Length(int):
    """A whole number that is each · batch + rest; as an int, its value in the example."""

    each: int
    rest: int

    def __new__(cls, value: int, each: int, rest: int) -> "Length":
        length = super().__new__(cls, value)
        length.each, length.rest = each, rest
        return length

    def next(self) -> "Length":
        """The number after this one."""
        return Length(int(self) + 1, self.each, self.rest + 1)

    def _refuse(self, other: Any) -> Any:
        raise _dependent("it computes with a length")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __rfloordiv__ = __mod__ = _refuse


class Varying(NamedTuple):
    """A constant that comes out in another shape for another batch size."""

    array: Any
    other: Any
    shape: tuple[int, ...]


class Record(NamedTuple):
    """inputs: (name, variable); parameters: likewise, with their data; outputs: variables and constants."""

    inputs: list[tuple[str, Variable]]
    parameters: list[tuple[str, Variable, Any]]
    steps: list[Step]
    outputs: list[Any]


class _Recorder(Trace):
    """compile's Trace that keeps whole what has a block."""

    def run(self, op: Any, operands: Any, options: Any, *, pure: bool = True) -> Any:
        if getattr(op, "inline", False) and op.name in TABLE:
            op = copy.copy(op)
            op.inline = False
        return super().run(op, operands, options, pure=pure)

    def layer(self, module: Module, block: Any) -> Callable[..., Any]:
        """A forward for a module that writes down one step in the place of all that it does, if the block can take it."""
        forward = module.forward

        def whole(*args: Any, **kwargs: Any) -> Any:
            before = len(self.steps)
            out = forward(*args, **kwargs)
            operands = block.operands(module, *args, **kwargs)
            if operands is not None:
                operands = tuple(x.variable if isinstance(x, Tracer) else x for x in map(data_of, operands))
                results = tuple(data_of(x).variable for x in tree.flatten(out)[0])
                self.steps[before:] = [Step(block, operands, {"module": module}, results)]
            return out

        return whole


def record(model: Module, names: list[str], leaves: list[Any], form: tree.Structure) -> Record:
    """The steps of model(*args) in evaluation mode; args are given as leaves and structure, names are the inputs'."""
    trace = _Recorder()
    held = [(path, parameter, parameter.data) for path, parameter in model.named_parameters()]
    modules = [(module, module.training, LAYERS.get(type(module))) for _, module in model.named_modules()]
    traced = [trace.input(x, name) if name else x for name, x in zip(names, leaves, strict=True)]
    inputs = [(name, x.variable) for name, x in zip(names, traced, strict=True) if name]
    parameters = []
    try:
        for path, parameter, data in held:
            parameter.data = trace.input(np.asarray(data), path)
            parameters.append((path, parameter.data.variable, data))
        for module, _, block in modules:
            module.training = False
            if block is not None:
                module.__dict__["forward"] = trace.layer(module, block)
        with context(trace=trace, recording=False):
            out = model(*tree.unflatten(form, traced))
    finally:
        for _, parameter, data in held:
            parameter.data = data
        for module, training, _ in modules:
            module.training = training
            module.__dict__.pop("forward", None)
    results = [data_of(x) for x in tree.flatten(out)[0]]
    outputs = [x.variable if isinstance(x, Tracer) else np.asarray(x) for x in results if x is not None]
    return Record(inputs, parameters, _needed(trace.steps, outputs), outputs)


def _needed(steps: list[Step], outputs: list[Any]) -> list[Step]:
    """The steps that an output depends on."""
    wanted, kept = {x for x in outputs if isinstance(x, Variable)}, []
    for step in reversed(steps):
        if wanted & set(step.results):
            kept.append(step)
            wanted.update(step.reads())
    return kept[::-1]


def merged(first: Record, second: Record, sizes: tuple[int, int]) -> Record:
    """The first record with a Length wherever the second, for another batch size, has another whole number.

    Raises OnnxError where they differ in more than that.
    """
    pairs: dict[Variable, Variable] = {}
    walk = _Merge(pairs, sizes)
    if [step.name for step in first.steps] != [step.name for step in second.steps]:
        raise _dependent(f"{len(first.steps)} steps for {sizes[0]} examples, {len(second.steps)} for {sizes[1]}")
    for (_, one), (_, other) in zip(first.inputs, second.inputs, strict=True):
        walk.pair(one, other)
    for (_, one, _), (_, other, _) in zip(first.parameters, second.parameters, strict=True):
        walk.pair(one, other)
    steps = []
    for step, twin in zip(first.steps, second.steps, strict=True):
        operands, options = walk(step.operands, twin.operands), walk(step.options, twin.options)
        for one, other in zip(step.results, twin.results, strict=True):
            walk.pair(one, other)
        steps.append(step.but(operands=operands, options=options))
    outputs = [walk(one, other) for one, other in zip(first.outputs, second.outputs, strict=True)]
    return first._replace(steps=steps, outputs=outputs)


class _Merge:
    """Goes through two operands or options side by side."""

    def __init__(self, pairs: dict[Variable, Variable], sizes: tuple[int, int]) -> None:
        self.pairs, self.sizes = pairs, sizes

    def pair(self, one: Variable, other: Variable) -> None:
        """Take note that these two are the same variable, whose shape then is that of both."""
        self.pairs[one] = other
        one.shape = self.shape(one.shape, other.shape)

    def shape(self, one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
        if len(one) != len(other):
            raise _dependent(f"shapes {one} and {other}")
        return tuple(self.number(a, b) for a, b in zip(one, other, strict=True))

    def number(self, one: int, other: int) -> int:
        if one == other:
            return one
        n, m = self.sizes
        each, rest = divmod(other - one, m - n)
        if rest:
            raise _dependent(f"the numbers {one} and {other}")
        return Length(one, each, one - each * n)

    def __call__(self, one: Any, other: Any) -> Any:
        if isinstance(one, Variable):
            if self.pairs.get(one) is not other:
                raise _dependent("other operands")
            return one
        if type(one) is not type(other):
            raise _dependent(f"{one!r} and {other!r}")
        if isinstance(one, (tuple, list)):
            if len(one) != len(other):
                raise _dependent(f"{one!r} and {other!r}")
            return type(one)([self(a, b) for a, b in zip(one, other, strict=True)])
        if isinstance(one, dict):
            return {key: self(one[key], other[key]) for key in one}
        if isinstance(one, slice):
            return slice(*(self(getattr(one, end), getattr(other, end)) for end in ("start", "stop", "step")))
        if isinstance(one, np.ndarray):
            if one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f"):
                return one
            return Varying(one, other, self.shape(one.shape, other.shape))
        if type(one) is int:
            return self.number(one, other)
        if one is not other and one != other:
            raise _dependent(f"{one!r} and {other!r}")
        return one


def _dependent(what: str) -> OnnxError:
    return OnnxError(
        f"export.onnx: what the model does depends on the number of examples in a way that a file cannot say ({what}): "
        "write dynamic_batch=False for a file that takes as many as the example has"
    )
