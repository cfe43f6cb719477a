"""checkpoint: forget what a function computed on the way, and compute it again when backpropagation needs it.

A recorded function keeps every intermediate array until the backward pass has used it. `checkpoint(f)` keeps f's inputs
only: the graph sees one node, and its rule runs f once more, this time recorded, and backpropagates through that. A chain
of n layers in √n checkpointed pieces needs the memory of about 2 √n of them, for one more forward pass.

f may use Values that are not its arguments, such as a model's weights: the first run, whose graph is dropped at once,
shows which. They become operands of the node like the arguments. Since f runs inside the rule, on Values when the rule is
recorded, derivatives of any order come out right.

Source: Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost, arXiv 1604.06174, §4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import tree
from autograd.backward import depending, order, propagate
from autograd.context import CONTEXT, context
from autograd.data import Traced
from autograd.errors import ArgumentError, InPlaceError
from autograd.forward import zeros
from autograd.ops.assign import version
from autograd.ops.constant import alias
from autograd.primitives import Primitive
from autograd.transforms import transform
from autograd.value import CONSTANT, Value, data_of, make, tick

__all__ = ["checkpoint"]


@transform
def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which keeps only its inputs for the backward pass and runs again then.

    f    any function of containers of Values; it must compute the same again, so a dropout inside it needs a generator
         that it seeds itself
    Raises ArgumentError in the backward pass if f did not compute the same, InPlaceError if the data of a Value that f
    uses was changed in between.

    >>> from autograd import grad
    >>> grad(checkpoint(lambda x: x * x * x))(2.0)
    12.0
    """

    def run(*args: Any, **kwargs: Any) -> Any:
        if not CONTEXT.get().recording:
            return f(*args, **kwargs)
        leaves, structure = tree.flatten((args, kwargs))
        live = [i for i, x in enumerate(leaves) if isinstance(x, Value) and x.primitive is not CONSTANT]
        given = [leaves[i] for i in live]
        rerun = _Rerun(f, structure, [None if i in live else x for i, x in enumerate(leaves)], live, [], [])
        outs, shape, nodes, fresh = rerun.record(given)
        own = {*nodes, *fresh}
        used = dict.fromkeys(x for x in (*outs, *(x for node in nodes for x in node.operands)) if isinstance(x, Value))
        rerun.free.extend(x for x in used if x not in own and x.primitive is not CONSTANT)
        rerun.results.extend(i for i, x in enumerate(outs) if isinstance(x, Value) and x.primitive is not CONSTANT)
        operands = (*given, *rerun.free)
        if not rerun.results:
            return tree.unflatten(shape, outs)
        data = tuple(outs[i].data for i in rerun.results)
        node = make(_RERUN, data, operands, tuple(x.data for x in operands), {"rerun": rerun})
        for i, item in zip(rerun.results, _RERUN.items(node), strict=True):
            outs[i] = item
        return tree.unflatten(shape, outs)

    return run


class _Rerun(NamedTuple):
    """What it takes to run f again."""

    f: Callable[..., Any]
    structure: tree.Structure
    leaves: list[Any]  # of the arguments, None in the places of Values
    live: list[int]  # these places
    free: list[Value]  # Values that f uses and that are no arguments
    results: list[int]  # places of the recorded leaves of the result

    def __repr__(self) -> str:
        return getattr(self.f, "__name__", repr(self.f))

    def record(self, given: Any) -> tuple[list[Any], tree.Structure, list[Value], list[Value]]:
        """Run f on new nodes for `given`: (leaves of the result, its structure, the nodes made, the new nodes)."""
        with context(recording=True):
            start = make(None, 0.0)  # older than all that f makes, so the walk ends here
            fresh = [
                make(alias, x.data, (x,), (x.data,), kind=type(x)) if isinstance(x, Value) else make(None, x)
                for x in given
            ]
            leaves = list(self.leaves)
            for place, x in zip(self.live, fresh, strict=True):
                leaves[place] = x
            args, kwargs = tree.unflatten(self.structure, leaves)
            begin = tick()
            outs, shape = tree.flatten(self.f(*args, **kwargs))
            fresh = [version(x, begin) for x in fresh]  # f may assign to them
        roots = [x for x in outs if isinstance(x, Value) and x.serial > start.serial]
        return outs, shape, order(roots, {start, *fresh}), fresh


def _forward(*operands: Any, rerun: _Rerun) -> Any:
    raise AssertionError("a checkpoint's node is made with its result")


_RERUN = Primitive(
    _forward, numpy=(), name="checkpoint", kind="general", symbol="", call=None, results=list, hidden=0,
    differentiable=True, leading=False, samples=(), points=(), errors=(), source="",
)  # fmt: skip


@_RERUN.vjp_all
def _pull(g: Any, out: Any, *operands: Any, needed: Any, rerun: _Rerun) -> Any:
    count = len(rerun.live)
    for x, data in zip(rerun.free, operands[count:], strict=True):
        if x.data is not data_of(data):
            raise InPlaceError("checkpoint: the data of a Value that the function uses was changed before backward()")
    outs, _, nodes, fresh = rerun.record(operands[:count])
    record = any(isinstance(x, Value) for x in (*operands, *g))
    cotangents: dict[Value, Any] = {}
    for place, before, seed in zip(rerun.results, out, g, strict=True):
        same = np.array_equal(data_of(outs[place]), data_of(before), equal_nan=True)
        if not isinstance(same, Traced) and not same:
            raise ArgumentError(
                "checkpoint: the function computed something else when it was run again. Does it draw random numbers? "
                "Let it make its generator from a seed of its own"
            )
        if seed is not None:
            cotangents[outs[place]] = cotangents[outs[place]] + seed if outs[place] in cotangents else seed
    inputs = [*fresh, *rerun.free]
    wanted = depending(nodes, [x for x, need in zip(inputs, needed, strict=True) if need])
    with context(recording=record):
        totals = propagate(nodes, cotangents, wanted=wanted, record=record)
    return tuple(totals.get(x, zeros(x.data)) if need else None for x, need in zip(inputs, needed, strict=True))
