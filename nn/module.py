"""Module and Parameter: how a model knows its weights.

A Parameter is a leaf Value that training may change. A Module is anything with Parameters and Modules among its
attributes, inside lists, tuples and dicts too; each has a dotted path, such as "layers.0.weight", which is its name in
`named_parameters()`, in `state_dict()` and in pictures. A layer is a subclass with its parameters and a `forward`:

    class Scale(Module):
        def __init__(self, features):
            self.weight = Parameter(np.ones(features))

        def forward(self, x):
            return x * self.weight

Running statistics are *buffers*: state that is not learned, in attributes that the class names in `buffers`; forward
rebinds them and never writes into them. Attributes that are random generators are found as well.
Calling the outermost module maps its submodules to paths, so that every node knows where it was made.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from reprlib import recursive_repr
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.context import CONTEXT, Context
from autograd.errors import ArgumentError
from autograd.value import Value, data_of
from nn.attributes import Attributes
from nn.copies import copied, settle
from nn.evaluation import predict
from nn.init import Rng, streams
from nn.outline import outline
from nn.paths import Paths
from nn.state import further_paths, load, put

__all__ = ["Module", "Parameter"]


class Parameter(Value):
    """A weight: a leaf Value that a Module finds and an optimiser changes. Nothing is written into it in place."""

    __slots__ = ("mask",)  # what of it learns: None all, False nothing, or a boolean array (nn/masks.py)

    def __init__(self, data: Any, label: str = "") -> None:
        super().__init__(data, label)
        self.mask: Any = None

    def __reduce__(self) -> Any:
        return (*super().__reduce__(), (None, {"mask": self.mask}))

    @classmethod
    def zeros(cls, shape: int | tuple[int, ...], dtype: DTypeLike) -> Parameter:
        """A layer's weights before they are drawn. Raises ArgumentError if dtype is not one of floats."""
        return cls(np.zeros(shape, _floats(dtype)))


class Module(Attributes):
    """Base class of layers and models: parameters by dotted path, train/eval mode, state, repr.

    Subclasses define forward(...); a call model(x) runs it. `draw(name, rng)` gives the initial data of a parameter or
    buffer and is what `initialize` calls. State that is not learned is an array attribute, named in the class's `buffers`.
    """

    training = True
    frozen = False  # whether train() leaves it in evaluation mode, as lens.freeze does with norms
    takes_indices = False  # whether its input is whole numbers that stand for things, which fit must not cast
    buffers: tuple[str, ...] = ()  # names of the attributes that hold them; None in one of these is no buffer

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(...)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outside = CONTEXT.get()
        paths = Paths.below(self) if outside.paths is None else outside.paths
        inside = Context(outside.recording, outside.depth, paths[id(self)], paths, outside.anomaly, outside.trace)
        token = CONTEXT.set(inside)
        try:
            return self.forward(*args, **kwargs)
        except Exception as mistake:
            if not hasattr(mistake, "__notes__"):  # only the innermost module says where it happened
                paths.clear()  # it may have been changed since
                path = f"{paths[id(self)]}: " if paths[id(self)] else ""
                mistake.add_note(f"in {path}{type(self).__name__}({self.describe()})")
            raise
        finally:
            CONTEXT.reset(token)

    # finding what is inside

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """(name, Module or Parameter) of everything held directly; inside a container the name is "layers.0"."""
        for name, held in vars(self).items():
            if isinstance(held, (Module, Parameter)):
                yield name, held
            elif isinstance(held, (list, tuple, dict)):
                yield from _inside(name, held)

    def _walk(self, prefix: str = "") -> Iterator[tuple[str, Module, list[tuple[str, Any]]]]:
        """(dotted path, module, what it holds directly) of this module and all below; each once, first path wins."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            held = list(module.named_children())
            yield path, module, held
            stack += [(_join(path, name), child) for name, child in reversed(held) if isinstance(child, Module)]

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """(dotted path, module) of this module, "" by default, and of all below; each module once, first path wins."""
        return ((path, module) for path, module, _ in self._walk(prefix))

    def _state(self) -> Iterator[tuple[str, Module, str, Any]]:
        """(dotted path, owner, name, Parameter or buffer): of each module its parameters, each once, then its buffers.

        Raises ArgumentError if two have one path, as those of {1: …, "1": …} do: one would be neither trained nor saved.
        """
        seen: set[int] = set()
        taken: set[str] = set()
        for path, module, held in self._walk():
            found = [(name, child) for name, child in held if isinstance(child, Parameter)]
            for name, child in (*found, *((name, getattr(module, name)) for name in module.buffers)):
                place = _join(path, name)
                if child is None or (isinstance(child, Parameter) and id(child) in seen):
                    continue
                if place in taken:
                    raise ArgumentError(f"two parameters or buffers have the path {place}; name one of them otherwise")
                seen.add(id(child))
                taken.add(place)
                yield place, module, name, child

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """(dotted path, Parameter) in the order of definition; a shared one once, under its first path."""
        return ((path, held) for path, _, _, held in self._state() if isinstance(held, Parameter))

    def named_buffers(self) -> Iterator[tuple[str, Any]]:
        """(dotted path, array) of the state that is not learned."""
        return ((path, held) for path, _, _, held in self._state() if not isinstance(held, Parameter))

    def _generators(self) -> Iterator[tuple[str, Module, str, np.random.Generator]]:
        for path, module in self.named_modules():
            for name, held in vars(module).items():
                if isinstance(held, np.random.Generator):
                    yield _join(path, name), module, name, held

    def named_generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """(dotted path, generator) of every attribute that is one; a shared one once, under its first path."""
        found = [(path, held) for path, _, _, held in self._generators()]
        return ((path, held) for i, (path, held) in enumerate(found) if all(held is not x for _, x in found[:i]))

    def parameters(self) -> list[Parameter]:
        """All Parameters, each once."""
        return [parameter for _, parameter in self.named_parameters()]

    def parameter_count(self) -> int:
        """Number of weights: elements of all Parameters."""
        return sum(parameter.size for parameter in self.parameters())

    # training

    def zero_grad(self) -> None:
        """Forget every parameter's gradient."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def train(self, mode: bool = True) -> Module:
        """Put this module and all below, but for frozen norms, into training mode (dropout on); returns it."""
        for _, module in self.named_modules():
            if module.training != (mode and not module.frozen):
                module.training = mode and not module.frozen
        return self

    def eval(self) -> Module:
        """Put this module and all below into evaluation mode; returns it."""
        return self.train(False)

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """Initial data of the parameter or buffer `name`. Subclasses with some of their own define it."""
        kind = "buffer" if name in self.buffers else "parameter"
        raise NotImplementedError(f"{type(self).__name__} does not say how its {kind} {name!r} starts: define draw()")

    def initialize(self, rng: Rng = None) -> Module:
        """Draw every parameter anew, and put buffers and generators at their start; returns the module.

        Each is drawn from a generator of its own, seeded by one draw from rng and the parameter's path: adding a layer
        leaves the start of the others unchanged.
        """
        stream = streams(rng)
        for path, owner, name, held in self._state():
            put(owner, name, held, owner.draw(name, stream(path)))
        fresh: dict[int, np.random.Generator] = {}  # rebound: the old one may also be somebody else's
        for path, owner, name, old in list(self._generators()):
            setattr(owner, name, fresh.setdefault(id(old), stream(path)))
        self.zero_grad()
        return self

    def predict(self, X: Any, *, batch_size: int = 1024) -> Any:
        """The output for X as a plain array, in evaluation mode, in batches: nn.predict(self, X)."""
        return predict(self, X, batch_size=batch_size)

    # state

    def state_dict(self) -> dict[str, Any]:
        """Dotted path → copy of the data of each parameter and buffer."""
        return {path: np.array(data_of(held)) for path, _, _, held in self._state()}

    def astype(self, dtype: DTypeLike) -> Module:
        """Cast the floats among parameters and buffers to a dtype, and forget gradients; returns the module."""
        for _, owner, name, held in self._state():
            data = data_of(held)
            if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "fc":
                put(owner, name, held, data.astype(_floats(dtype)))
        self.zero_grad()
        return self

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> tuple[list[str], list[str]]:
        """Take over the data of a state_dict; ([], []), or without `strict` (names that it lacks, those left over).

        A shared parameter may also stand under its other paths. Raises ArgumentError, and changes nothing, if names or
        shapes differ, or if numbers do not fit.
        """
        places = {path: (owner, name, held) for path, owner, name, held in self._state()}
        return load(type(self).__name__, places, state, strict=strict, known=further_paths(self, places))

    def __tree_flatten__(self) -> tuple[list[str], list[Any]]:
        named = dict(self.named_parameters())
        return list(named), list(named.values())

    def __tree_unflatten__(self, children: list[Any]) -> Module:
        twin: Module = copied(self, children, Parameter)
        return twin

    def __tree_settle__(self, twin: Module) -> None:
        settle(self, twin)

    # looking

    def describe(self) -> str:
        """What stands between the brackets of the repr: sizes and options."""
        return ""

    @recursive_repr("…")
    def __repr__(self) -> str:
        return outline(self)

    def summary(self, *xs: Any) -> Any:
        """A table of what each layer makes of the inputs: shapes, parameters, multiply-adds, bytes (nn.summary)."""
        return importlib.import_module("nn.summary").summary(self, *xs)

    def named_layers(self) -> Iterator[tuple[str, Any]]:
        """(name, layer) as the repr lists them: the modules held directly; containers add their plain functions."""
        return ((name, child) for name, child in self.named_children() if isinstance(child, Module))


def _inside(name: str, held: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(held, (Module, Parameter)):
        yield name, held
    elif isinstance(held, (list, tuple)):
        for i, item in enumerate(held):
            yield from _inside(f"{name}.{i}", item)
    elif isinstance(held, dict):
        for key, item in held.items():
            yield from _inside(f"{name}.{key}", item)


def _floats(dtype: DTypeLike) -> np.dtype[Any]:
    if np.dtype(dtype).kind not in "fc":
        raise ArgumentError(f"dtype={dtype!r}: weights are floats, such as np.float32")
    return np.dtype(dtype)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
