"""A model, and a training, in a file: what `nn.save` writes, `nn.load` puts back bit for bit.

    nn.save("digits.npz", model)                        parameters, buffers, generators (dropout's)
    nn.save("digits.npz", model, optimizer, epoch=3)    the optimiser's state too, and what you want to keep beside it
    nn.load("digits.npz", model, optimizer)             {"epoch": 3}

A checkpoint is one flat dict. Parameters and buffers have the names of `state_dict()`, which are PyTorch's: a .safetensors
file goes either way. All else has a prefix: "optimizer/", "generator/" and "extra/". Arrays are kept as arrays, the rest as
one JSON text (nn.archive). The schedule needs nothing of its own: it is a function of optimizer.steps.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.archive import CheckpointError, read, write
from nn.module import Module
from nn.optim import Optimizer
from nn.state import snapshot

__all__ = ["CheckpointError", "install", "load", "load_state", "save", "under"]

OPTIMIZER, GENERATOR, EXTRA = "optimizer/", "generator/", "extra/"

Path = str | os.PathLike[str]


def save(path: Path, model: Module, optimizer: Optimizer | None = None, **extra: Any) -> None:
    """Write model, optimiser and extra (arrays, or what JSON can say) to an .npz or .safetensors file, atomically.

    A file of that name is replaced in one step: whatever happens, there is the old one or the new one. Raises
    ArgumentError for another ending, and for an extra that is neither.
    """
    _check_parts(model, optimizer)
    state: dict[str, Any] = model.state_dict()
    state |= {GENERATOR + name: rng.bit_generator.state for name, rng in model.named_generators()}
    state |= {} if optimizer is None else _prefixed(OPTIMIZER, optimizer.state_dict())
    state |= _prefixed(EXTRA, extra)
    arrays = {name: value for name, value in state.items() if isinstance(value, (np.ndarray, np.generic))}
    write(path, arrays, {name: value for name, value in state.items() if name not in arrays})


def load(path: Path, model: Module, optimizer: Optimizer | None = None) -> dict[str, Any]:
    """Put what the file holds into model and optimiser; gives the extra that was saved with them.

    A .safetensors file of PyTorch's will do for the model alone; its generators then stay as they are. Floating-point
    numbers are cast to the model's dtype. Raises CheckpointError, and changes nothing, if the file is damaged or of another
    model.
    """
    _check_parts(model, optimizer)
    return install(path, load_state(path), model, optimizer)


def _check_parts(model: Any, optimizer: Any) -> None:
    if not isinstance(model, Module):
        raise ArgumentError(f"the path comes first, then an nn.Module; in its place is {type(model).__name__}")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"optimizer is an object such as nn.Adam(model), got {optimizer!r}")


def load_state(path: Path) -> dict[str, Any]:
    """All that a file holds, name → array or JSON value, to be looked at. Raises CheckpointError if it is damaged."""
    arrays, words = read(path)
    return {**arrays, **words}


def install(path: Path, state: Mapping[str, Any], model: Module, optimizer: Optimizer | None = None) -> dict[str, Any]:
    """What load does, of a file that has been read."""
    parts = {prefix: under(prefix, state) for prefix in (OPTIMIZER, GENERATOR, EXTRA)}
    weights = {name: value for name, value in state.items() if not name.startswith(tuple(parts))}
    put_back = snapshot(model, optimizer)
    try:
        _check_kinds(weights, model.state_dict())
        model.load_state_dict(weights)
        if optimizer is not None:
            if not parts[OPTIMIZER]:
                raise ArgumentError("it holds no optimiser's state: it was saved without one")
            optimizer.load_state_dict(parts[OPTIMIZER])
        if len(weights) < len(state):  # a file of ours
            _set_generators(model, parts[GENERATOR])
    except Exception as mistake:
        put_back()
        raise CheckpointError(f"{path} does not fit: {mistake}") from mistake
    return parts[EXTRA]


def _prefixed(prefix: str, items: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + name: value for name, value in items.items()}


def under(prefix: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """The items whose names begin so, without that."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _check_kinds(weights: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise ArgumentError where a number would become one of another kind, such as an integer a float."""
    for name in weights.keys() & own.keys():
        found = np.asarray(weights[name]).dtype
        if found.kind != own[name].dtype.kind:
            raise ArgumentError(f"{name} holds {found}, expected {own[name].dtype}")


def _set_generators(model: Module, states: Mapping[str, Any]) -> None:
    generators = dict(model.named_generators())
    if generators.keys() != states.keys():
        raise ArgumentError(
            f"{type(model).__name__} has generators {sorted(generators) or 'nowhere'}, the file {sorted(states) or 'none'}"
        )
    for name, generator in generators.items():
        generator.bit_generator.state = states[name]
