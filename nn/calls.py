"""Calls of a model's layers, taken down while it runs: what went into each, and what came out.

`summary` counts costs with them, `nn.viz` draws activations and attention. The model itself is not asked to help: each
module's forward, and each plain function in a Sequential, is wrapped while the block runs and is itself again after it.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd import tree
from autograd.context import no_grad
from autograd.value import Value, data_of, tick
from nn.evaluation import cast
from nn.layers.container import Sequential
from nn.module import Module
from nn.outline import function_name
from nn.state import preserved

__all__ = ["Call", "looked_at", "watched"]


class Call:
    """A call of a layer, a module or function: between the serial numbers `first` and `last` nodes were made in it.

    path, layer  which        args, kwargs, out  what went in and what came out
    leaf         whether no other layer was called in it
    """

    def __init__(self, path: str, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.path, self.layer, self.args, self.kwargs = path, layer, args, kwargs
        self.first, self.last = tick(), 0
        self.out: Any = ()
        self.leaf = True

    @property
    def kind(self) -> str:
        """The name of the module's class, or of the function."""
        return type(self.layer).__name__ if isinstance(self.layer, Module) else function_name(self.layer)

    @property
    def shape(self) -> Any:
        """Of what came out."""
        return tree.map(lambda x: np.shape(data_of(x)), self.out)


@contextlib.contextmanager
def watched(model: Module, change: Callable[[Call], Any] | None = None) -> Iterator[list[Call]]:
    """Take down every call of the model, of a module below it, and of the functions in a Sequential, in their order.

    change  call → what it gives instead of call.out: a graph is cut, or other numbers are put in, at a layer
    """
    calls: list[Call] = []
    running: list[Call] = []

    def taken_down(path: str, layer: Any, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            if running:
                running[-1].leaf = False
            call = Call(path, layer, args, kwargs)
            calls.append(call)
            running.append(call)
            try:
                call.out = function(*args, **kwargs)
                call.out = call.out if change is None else change(call)
            finally:
                running.pop()
            call.last = tick()
            return call.out

        return run

    places: list[tuple[Any, Any, Any]] = []  # (holder, key, what was there)
    for path, module in model.named_modules():
        own = vars(module)
        places.append((own, "forward", own.get("forward")))
        own["forward"] = taken_down(path, module, module.forward)
        if isinstance(module, Sequential):
            for i, layer in enumerate(module.layers):
                if not isinstance(layer, Module):
                    places.append((module.layers, i, layer))
                    module.layers[i] = taken_down(f"{path}.{i}".lstrip("."), layer, layer)
    try:
        yield calls
    finally:
        for holder, key, old in places:
            if old is None:
                del holder[key]
            else:
                holder[key] = old


def looked_at(model: Module, X: Any) -> list[Call]:
    """The calls of one run on X, cast as `fit` casts it, in evaluation mode; the model is afterwards what it was."""
    x = cast(model, X)
    with preserved(model), watched(model) as calls, no_grad():
        model.eval()
        model(Value(x) if x.dtype.kind == "f" else x)
    return calls
