"""Copies of a model for the transforms: what f gets in grad(f)(model), and the gradient, which has a model's form.

Inside of a run f's model has the parameters that the transform follows, and all else in common with the caller's: it draws
from the same generators, and its buffers are handed back when the run is over. Any other copy has all of its own.
"""

import copy
from collections.abc import Sequence
from typing import Any

from autograd.data import Traced
from autograd.ops.constant import alias
from autograd.value import Value, make

__all__ = ["copied", "settle"]


def copied(model: Any, new: Sequence[Any], kind: type[Value]) -> Any:
    """The model with other parameters, of class `kind`; itself if they are its own.

    Made inside of a compiled function, a gradient's buffers and masks are None: they are numbers of that run.
    """
    old = model.parameters()
    if all(a is b for a, b in zip(old, new, strict=True)):
        return model
    followed = all(isinstance(b, kind) and b.primitive is alias and b.operands[0] is a
                   for a, b in zip(old, new, strict=True))  # fmt: skip
    memo: dict[int, Any] = {
        id(a): b if isinstance(b, kind) else _parameter(b, kind) for a, b in zip(old, new, strict=True)
    }
    for a in old:  # in nested transforms one that has never had a mask; a gradient may have another shape
        mask, shapes = getattr(a, "mask", None), [getattr(x.data, "shape", ()) for x in (a, memo[id(a)])]
        memo[id(a)].mask = mask if shapes[0] == shapes[1] and not isinstance(mask, Traced) else None
    for _, held in (*model.named_buffers(), *model.named_generators()):
        if followed:
            memo[id(held)] = held
        elif isinstance(held, Traced):
            memo[id(held)] = None
    return copy.deepcopy(model, memo)


def settle(model: Any, twin: Any) -> None:
    """Take over the buffers of the copy that a run worked with."""
    modules = dict(twin.named_modules())
    for path, module in model.named_modules():
        for name in module.buffers if path in modules else ():
            setattr(module, name, getattr(modules[path], name))


def _parameter(data: Any, kind: type[Value]) -> Any:
    if isinstance(data, Value):  # a recorded gradient: the same node, under the type that a Module finds
        return make(alias, data.data, (data,), (data.data,), kind=kind)
    return kind(data)
