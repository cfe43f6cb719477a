"""How data gets into a model or an optimiser, all of it or nothing; and how a model gets back what it had."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from autograd.value import Value, data_of

__all__ = ["load", "modes_kept", "preserved", "put", "snapshot"]


def put(owner: Any, name: str, held: Any, data: Any) -> None:
    """Give the Parameter `held` new data, or `owner`, an object or a dict, something new of this name."""
    if isinstance(held, Value):
        held.data = data
    elif isinstance(owner, dict):
        owner[name] = data
    else:
        setattr(owner, name, data)


def load(kind: str, places: Mapping[str, tuple[Any, str, Any]], state: Mapping[str, Any]) -> None:
    """Put the arrays of `state` into the places, dotted path → (owner, name, Parameter, array or number).

    kind  of the module or optimiser, for messages. Raises ArgumentError, and changes nothing, if names or shapes differ.
    """
    missing, unexpected = sorted(places.keys() - state.keys()), sorted(state.keys() - places.keys())
    if missing or unexpected:
        raise ArgumentError(
            f"load_state_dict: {kind} lacks in the state: {', '.join(missing) or 'nothing'}; "
            f"does not know: {', '.join(unexpected) or 'nothing'}"
        )
    new: dict[str, Any] = {}
    for path, (_, _, held) in places.items():
        old = data_of(held)
        layout: Any = "F" if np.isfortran(np.asarray(old)) else "C"  # products differ by rounding in another layout
        data = np.array(state[path], dtype=np.result_type(old), order=layout)
        if data.shape != np.shape(old):
            raise ArgumentError(f"load_state_dict: {path} has shape {data.shape}, expected {np.shape(old)}")
        new[path] = type(old)(data) if isinstance(old, (int, float)) else data
    for path, data in new.items():
        put(*places[path], data)


@contextlib.contextmanager
def modes_kept(model: Any) -> Iterator[None]:
    """Each module gets its own mode back: a part of a model may be kept in evaluation mode."""
    modes = [(module, module.training) for _, module in model.named_modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            if module.training != mode:
                module.training = mode


@contextlib.contextmanager
def preserved(model: Any) -> Iterator[None]:
    """Whatever runs in the block, the model's mode, buffers and generators are afterwards what they were, bit for bit."""
    modules = [module for _, module in model.named_modules()]
    buffers = [(module, name, getattr(module, name)) for module in modules for name in module.buffers]
    copies = [np.array(array) for _, _, array in buffers]
    states = [(generator, generator.bit_generator.state) for _, generator in model.named_generators()]
    try:
        with modes_kept(model):
            yield
    finally:
        for (module, name, array), copy in zip(buffers, copies, strict=True):
            setattr(module, name, array)
            if array is not None:
                array[...] = copy
        for generator, state in states:
            generator.bit_generator.state = state


def snapshot(model: Any, optimizer: Any = None) -> Callable[[], None]:
    """A function that puts back what training changes: parameters, buffers, generators, the optimiser's state."""
    state, optimizer_state = model.state_dict(), optimizer and optimizer.state_dict()
    generators = [(generator, generator.bit_generator.state) for _, generator in model.named_generators()]

    def put_back() -> None:
        model.load_state_dict(state)
        if optimizer is not None:
            optimizer.load_state_dict(optimizer_state)
        for generator, numbers in generators:
            generator.bit_generator.state = numbers

    return put_back
