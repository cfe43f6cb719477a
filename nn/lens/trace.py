"""Trace: what a model's layers gave while it ran, by name, and their gradients after a backward pass.

The values are the nodes of the graph themselves. Nothing is hooked in and nothing has to be asked for beforehand: a node
keeps its data, and `backward()` leaves its gradient in it. `nn.calls` notes which call made which.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import tree
from autograd.backward import order
from autograd.errors import ArgumentError
from autograd.value import Value, data_of
from nn.calls import Call, watched
from nn.checks import called
from nn.lens.answer import Answer
from nn.module import Module
from nn.outline import shortened
from nn.style import BLUE, GRAY, decades

__all__ = ["Trace", "chosen_calls", "trace"]


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Answer):
    """What each layer gave, in the order of the calls. A layer's name is its dotted path.

    trace["layers.0"]         what the layer gave: a Value; of a layer that gives a tuple, that
    trace["layers.0:linear"]  the node of this op that was made in the layer, such as the sum before the squash
    trace["input"], trace["output"]  what went into the model, and what came out; "" is the output too

    Of a layer that was called several times, or an op used several times, it is the list of these, in their order. Raises
    ArgumentError for a name that is not there, with those that are near.
    """

    model: str
    calls: list[Call]
    known: frozenset[str]
    size = (3.4, 3.0)

    def __getitem__(self, name: str) -> Any:
        path, _, op = name.partition(":")
        if path == "input" and "input" not in self.known:
            found = [call.args[0] for call in chosen_calls("trace", self, "")]
        elif not op:
            found = [call.out for call in chosen_calls("trace", self, path)]
        else:
            calls = chosen_calls("trace", self, path)
            inside = [node for call in calls for node in self._made_in(call)]
            found = [node for node in inside if node.op == op]
            if not found:
                ops = ", ".join(dict.fromkeys(node.op for node in inside)) or "none that were recorded"
                raise ArgumentError(f"trace: {path or 'the model'} has no op {op!r} of its own; there are {ops}")
        return found[0] if len(found) == 1 else found

    def _made_in(self, call: Call) -> list[Value]:
        """The nodes that were made in a call and not in one inside of it, in their order."""
        inner = [other for other in self.calls if call.first < other.first and other.last < call.last]
        nodes = order([x for x in tree.flatten(call.out)[0] if isinstance(x, Value)])[::-1]
        return [
            node
            for node in nodes
            if call.first < node.serial < call.last and not any(x.first < node.serial < x.last for x in inner)
        ]

    @property
    def values(self) -> list[tuple[str, str, Any]]:
        """(path, kind, Value or array) of all that was given; the parts of a tuple as "path[0]"."""
        found = []
        for call in self.calls:
            parts = tree.flatten(call.out)[0]
            for i, part in enumerate(parts):
                if part is not None:  # such as the weights that attention was not asked for
                    found.append((f"{call.path}[{i}]" if len(parts) > 1 else call.path, call.kind, part))
        return found

    @property
    def verdict(self) -> str:
        values = self.values
        if not values:
            return "nothing was traced: call the model inside of the block"
        norms = [(_norm(value), path or "the model") for path, _, value in values]
        reached = [(norm, path) for norm, path in norms if norm is not None]
        told = f"{self.model} gave {len(values)} values"
        if not reached:
            return f"{told}; none has a gradient, which loss.backward() would leave in them"
        largest, where = max(reached)
        return f"{told}; a gradient reached {len(reached)}, the largest has length {largest:.4g}, at {where}"

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        heads = ("layer", "type", "shape", "mean", "deviation", "gradient")
        lines = []
        for path, kind, value in self.values:
            data = np.asarray(data_of(value))
            moments = (
                (float(np.mean(data)), float(np.std(data))) if data.dtype.kind in "fiu" and data.size else (None,) * 2
            )
            lines.append((path or "(self)", kind, str(data.shape), *moments, _norm(value)))
        return heads, lines

    def draw(self, axes: Any) -> None:
        found = [(path or "(self)", np.asarray(data_of(value)), _norm(value)) for path, _, value in self.values]
        rows = np.arange(len(found))
        sizes = [float(np.sqrt(np.mean(np.square(data, dtype=np.float64)))) for _, data, _ in found]
        axes.plot(sizes, rows, "o-", color=BLUE, label="root mean square")
        norms = [(norm, row) for row, (_, _, norm) in enumerate(found) if norm]
        if norms:
            axes.plot(*zip(*norms, strict=True), "D--", color=GRAY, markersize=4, label="length of the gradient")
        axes.set_yticks(rows, [shortened(path, 24) for path, _, _ in found])
        axes.invert_yaxis()
        decades(axes, "x", [x for x in (*sizes, *(norm for norm, _ in norms)) if 0.0 < x < np.inf])
        axes.set(title="What the layers gave")
        axes.legend(loc="best")


@contextlib.contextmanager
def trace(model: Module) -> Iterator[Trace]:
    """Give a Trace that fills while the model runs in the block: the Value of every layer, by its dotted path.

    The model runs as it would without it, in the mode it is in. Gradients are there after backward() of something that was
    computed from the output; `backward(keep="leaves")` frees them on its way. Under no_grad there are only numbers.

    >>> import nn, numpy as np
    >>> model = nn.MLP(2, [3, 1], np.tanh, rng=0)
    >>> with trace(model) as t:
    ...     loss = nn.mse(model(np.ones((5, 2), np.float32)), np.zeros((5, 1)))
    >>> loss.backward()
    >>> t["layers.0"].shape, t["layers.0:linear"].grad.shape
    ((5, 3), (5, 3))
    """
    if not isinstance(model, Module):
        raise ArgumentError(f"trace takes a Module, got {called(model)}")
    known = frozenset(path for path, _ in model.named_modules())
    with watched(model) as calls:
        yield Trace(type(model).__name__, calls, known)


def chosen_calls(name: str, traced: Trace, path: str) -> list[Call]:
    """The calls of a layer. Raises ArgumentError if there is none, with the paths that are near, or all of a few."""
    path = "" if path == "output" and "output" not in traced.known else path
    found = [call for call in traced.calls if call.path == path]
    if found:
        return found
    if path in traced.known:
        raise ArgumentError(f"{name}: {path or 'the model'} was not called")
    paths = list(dict.fromkeys(call.path for call in traced.calls if call.path))
    near = difflib.get_close_matches(path, paths, n=3, cutoff=0.3) if len(paths) > 6 else []
    there = ", ".join(near or [*paths[:6], *["…"] * (len(paths) > 6)]) or "none: the model was not called"
    raise ArgumentError(f"{name}: there is no layer {path!r}; there are {there}")


def _norm(value: Any) -> float | None:
    """Length of the gradient, None if none has reached the Value."""
    if not isinstance(value, Value) or not value.has_grad:
        return None
    return float(np.linalg.norm(np.ravel(data_of(value.grad)).astype(np.float64)))
