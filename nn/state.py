"""How data gets into a model or an optimiser, all of it or nothing; and how a model gets back what it had."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from autograd.value import Value, data_of
from nn.checks import not_negative
from nn.masks import kept, mask_of

__all__ = ["further_paths", "load", "modes_kept", "preserved", "put", "put_best", "snapshot", "untouched"]


def put(owner: Any, name: str, held: Any, data: Any) -> None:
    """Give the Parameter `held` new data, or `owner`, an object or a dict, something new of this name."""
    if isinstance(held, Value):
        held.data = data
    elif isinstance(owner, dict):
        owner[name] = data
    else:
        setattr(owner, name, data)


Places = Mapping[str, tuple[Any, str, Any]]  # dotted path → (owner, name, Parameter, array or number)


def load(
    kind: str, places: Places, state: Mapping[str, Any], *, strict: bool = True, known: Mapping[str, str] | None = None
) -> tuple[list[str], list[str]]:
    """Put the arrays of `state` into the places; gives the names that it lacks, and those that have no place.

    kind    of the module or optimiser, for messages
    strict  whether there may be none of either
    known   further path → place: what stands there must be what stands at the place
    Raises ArgumentError, and changes nothing, if names or shapes differ, or if numbers do not fit.
    """
    if not isinstance(state, Mapping):
        raise ArgumentError(f"load_state_dict takes what state_dict gave, a dict, got {state!r}")
    known = {path: place for path, place in (known or {}).items() if path in state and place in state}
    missing, unexpected = sorted(places.keys() - state.keys()), sorted(state.keys() - places.keys() - known.keys())
    if strict and (missing or unexpected):
        raise ArgumentError(
            f"load_state_dict: {kind} lacks in the state: {', '.join(missing) or 'nothing'}; "
            f"does not know: {', '.join(unexpected) or 'nothing'}"
        )
    for path, place in known.items():
        if not np.array_equal(state[path], state[place], equal_nan=True):
            raise ArgumentError(f"load_state_dict: {path} and {place} are one here, and differ in the state")
    new = {path: _fitted(path, state[path], data_of(held)) for path, (_, _, held) in places.items() if path in state}
    for path, data in new.items():
        owner, _, held = places[path]
        if isinstance(held, (int, float)) and not isinstance(owner, dict):  # an optimiser's counts and rates
            not_negative(f"load_state_dict: {path}", data)
    for path, data in new.items():
        put(*places[path], data)
    return missing, unexpected


def _fitted(path: str, given: Any, old: Any) -> Any:
    """A copy of the given array, or number, in the form of the old one."""
    dtype, where = np.result_type(old), f"load_state_dict: {path}"
    try:
        array = np.asarray(given)
    except ValueError as mistake:
        raise ArgumentError(f"{where} is no array of numbers: {mistake}") from None
    if array.shape != np.shape(old):
        raise ArgumentError(f"{where} has shape {array.shape}, expected {np.shape(old)}")
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise ArgumentError(f"{where} is {array.dtype}, which {dtype} does not hold")
    layout: Any = "F" if np.isfortran(np.asarray(old)) else "C"  # products differ by rounding in another layout
    with np.errstate(over="ignore"):
        data = np.array(array, dtype=dtype, order=layout)
    if dtype.kind in "fc" and np.any(np.isinf(data) & np.isfinite(array)):
        raise ArgumentError(f"{where} has numbers too large for {dtype}")
    return type(old)(data) if isinstance(old, (int, float)) else data


def further_paths(module: Any, places: Places) -> dict[str, str]:
    """Dotted path → place, of parameters and buffers that are reached in more than one way."""
    first = {id(held): path for path, (_, _, held) in places.items()}
    found: dict[str, str] = {}
    todo: list[tuple[str, Any, tuple[Any, ...]]] = [("", module, ())]
    while todo:
        prefix, at, above = todo.pop()
        children = [*at.named_children(), *((name, getattr(at, name)) for name in at.buffers)]
        for name, child in children:
            path = f"{prefix}.{name}" if prefix else name
            if id(child) in first and first[id(child)] != path:
                found[path] = first[id(child)]
            elif hasattr(child, "named_children") and all(child is not x for x in (*above, at)):
                todo.append((path, child, (*above, at)))
    return found


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


@contextlib.contextmanager
def untouched(model: Any, optimizer: Any = None) -> Iterator[None]:
    """As `preserved`, and weights, gradients and the optimiser's state too: the same arrays, which nothing in the block
    may write into. `snapshot` is for what writes into them. The model may be None."""
    parameters = [*(() if model is None else model.parameters()), *(() if optimizer is None else optimizer.parameters)]
    held = [(parameter, parameter.data, parameter.grad) for parameter in parameters]
    state = None if optimizer is None else optimizer.state_dict()
    try:
        with contextlib.nullcontext() if model is None else preserved(model):
            yield
    finally:
        if optimizer is not None:
            optimizer.load_state_dict(state)
        for parameter, data, gradient in held:
            parameter.data, parameter.grad = data, gradient


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


def put_best(model: Any, best: Mapping[str, Any]) -> None:
    """Give a model the state of an earlier epoch, but what was frozen or pruned since then stays as it is."""
    held = {path: kept(mask_of(p, path), best[path], p.data) for path, p in model.named_parameters() if path in best}
    model.load_state_dict({**best, **held})
