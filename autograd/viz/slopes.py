"""The local derivative of an operation, and what the backward pass sends along each edge.

Comes before `graph`. An operation's own rules are called, with 1 for the derivative of a number and with the node's
gradient for what was passed on, so that the picture shows what the engine does. Nothing is changed; the caller sees to it
that nothing is recorded and that NumPy does not warn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.backward import conform, missing
from autograd.errors import NotDifferentiableError, RuleError
from autograd.value import Value

from .reading import format_number, plain, reading

SIZE_LIMIT = 65_536  # numbers in an operand or result, beyond which nothing is computed for a picture unasked


def slopes(node: Value, *, always: bool = False) -> list[tuple[str, float | None, tuple[str, ...]]]:
    """For each operand (slope, its size, flow) as an Edge tells them: ("", None, ()) where there is none.

    Of numbers the slope is ∂node/∂operand. Of arrays it is the norm of what is passed on divided by that of the gradient,
    written "×2.0", which for numbers is |∂node/∂operand|; it takes a backward pass.
    """
    nothing: tuple[str, float | None, tuple[str, ...]] = ("", None, ())
    outs = node.data if isinstance(node.data, tuple) else (node.data,)
    arrays = [x for x in (*outs, *node.saved) if not isinstance(x, tuple)]
    if max(map(np.size, arrays), default=0) > SIZE_LIMIT and not always:
        return [nothing] * len(node.operands)
    grad = plain(node.grad) if node.has_grad else None
    if isinstance(grad, tuple):
        grad = tuple(map(plain, grad))
    flows = _pulled(node, grad) if grad is not None else [None] * len(node.operands)
    units = _pulled(node, 1.0) if type(node.data) is float else [None] * len(node.operands)
    arrived = sum(
        float(np.linalg.norm(np.ravel(g))) for g in (grad if isinstance(grad, tuple) else (grad,)) if g is not None
    )
    found = []
    for flow, unit in zip(flows, units, strict=True):
        told = () if flow is None else reading(flow).cells
        if type(unit) is float:
            found.append((format_number(unit), abs(unit) if math.isfinite(unit) else None, told))
        elif flow is not None and not isinstance(flow, tuple):
            gain = float(np.linalg.norm(np.ravel(flow)) / np.float64(arrived))
            known = math.isfinite(gain)
            found.append((f"×{format_number(gain)}" if known else "", gain if known else None, told))
        else:
            found.append(nothing)
    return found


def _pulled(node: Value, g: Any) -> list[Any]:
    """What each operand's rule makes of the cotangent g; None for constants and where there is no rule."""
    op, saved, options = node.primitive, node.saved, node.options
    needed = tuple(isinstance(x, Value) for x in node.operands)
    try:
        if op.rule_all is not None:
            given = list(op.rule_all(g, node.data, *saved, needed=needed, **options))
        else:
            given = [_apply(node, i, g) if need else None for i, need in enumerate(needed)]
        return [plain(conform(c, saved[i], node)) if needed[i] and c is not None else None for i, c in enumerate(given)]
    except (NotDifferentiableError, RuleError):  # no rule, or one that is wrong: that is for backward() to say
        return [None] * len(needed)


def _apply(node: Value, index: int, g: Any) -> Any:
    op = node.primitive
    rule = op.rules[0 if op.variadic else index] or missing(node, index)
    options = {**node.options, "index": index} if op.variadic else node.options
    try:
        return rule(g, node.data, *node.saved, **options)
    except ArithmeticError:  # Python floats raise for 1/0; NumPy's give inf and nan
        return rule(*(np.float64(x) if type(x) is float else x for x in (g, node.data, *node.saved)), **options)
