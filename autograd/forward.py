"""Forward mode: tangents from the inputs to the result, over the graph that a run has recorded.

Backpropagation asks how much the result depends on each number; forward mode asks how fast the result moves when the
inputs move in one direction. It needs no rules of its own: the kind of an op says how its backward rules serve forwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.backward import accumulate, depending, missing, order, propagate, recorded
from autograd.context import context
from autograd.data import is_number
from autograd.errors import RuleError
from autograd.ops.arithmetic import astype
from autograd.ops.constant import item
from autograd.primitives import operand_name
from autograd.value import Value, data_of, make

__all__ = ["tangent", "zeros"]


def tangent(node: Value, tangents: Any, record: bool) -> Any:
    """Tangent of a node from those of its operands, by its op's stated rule or the one its kind implies.

    elementwise  the Jacobian is diagonal, so the backward rule serves forwards: Σ rule(t)
    linear       the op itself, on tangents                  bilinear  the product rule
    general      rule(g) is linear in g and is gᵀJ; pulling t back through *it* gives J·t
    """
    op = node.primitive
    out, arguments = recorded(node) if record else (node.data, node.saved)
    fixed = [operand_name(op, i) in op.constants for i in range(len(arguments))]
    moving = [
        i for i, x in enumerate(node.operands) if not fixed[i] and isinstance(x, Value) and tangents.get(x) is not None
    ]
    if op is item:
        return tangents[node.operands[0]][node.options["index"]]
    if op.kind in ("linear", "view") and not op.tangents:
        still = [x if fixed[i] else zeros(data_of(x)) for i, x in enumerate(arguments)]
        moved = [tangents[node.operands[i]] if i in moving else x for i, x in enumerate(still)]
        return op.apply(tuple(moved), node.options)
    total = None
    for i in moving:
        t = tangents[node.operands[i]]
        name = operand_name(op, i)
        if name in op.tangents:
            part = op.tangents[name](t, out, *arguments, **node.options)
        elif op.kind == "bilinear":
            part = op.apply((*arguments[:i], t, *arguments[i + 1 :]), node.options)
        elif op.kind == "elementwise":
            t = t if np.shape(data_of(t)) == node.shape else np.broadcast_to(t, node.shape)
            rule = op.rules[i] or missing(node, i)
            part = rule(t, out, *arguments, **node.options)
        else:
            part = _transposed(node, i, t, out, arguments, record)
        if not isinstance(part, tuple) and np.shape(data_of(part)) != node.shape:
            got = np.shape(data_of(part))
            raise RuleError(
                f"{op.name}: the rule for operand {name!r} gave shape {got} for a tangent, not {node.shape}"
            )
        total = part if total is None else accumulate(total, part)
    if total is None or isinstance(total, tuple):
        return total
    if type(node.data) is float:
        return total if record else float(total)
    return _cast(total, node.data)


def _cast(t: Any, like: Any) -> Any:
    """A tangent in the dtype of what it is the tangent of: that of float32 in a float64 result is float64."""
    dtype = getattr(like, "dtype", None)
    if dtype is None or getattr(data_of(t), "dtype", None) == dtype:
        return t[()] if isinstance(t, np.ndarray) and not t.ndim else t
    return astype(t, dtype)


def _transposed(node: Value, index: int, t: Any, out: Any, arguments: Any, record: bool) -> Any:
    """J·t of a general op: the vector-Jacobian product, as a function of its cotangent, is pulled back once more."""
    outs = node.data if isinstance(node.data, tuple) else (node.data,)
    with context(recording=True):
        probes = tuple(make(None, 0.0 if is_number(x) else np.zeros_like(x)) for x in outs)
        probe = probes if isinstance(node.data, tuple) else probes[0]
        needed = tuple(i == index for i in range(len(arguments)))
        op = node.primitive
        if op.rule_all is not None:
            pulled = op.rule_all(probe, out, *arguments, needed=needed, **node.options)[index]
        else:
            rule = op.rules[0 if op.variadic else index] or missing(node, index)
            place = {"index": index} if op.variadic else {}
            pulled = rule(probe, out, *arguments, **place, **node.options)
        # a rule without g is that of a derivative of 0
        seeds = {pulled: _cast(t, pulled.data)} if isinstance(pulled, Value) else {}
        nodes = order(seeds, probes)
    with context(recording=record):
        totals = propagate(nodes, seeds, wanted=depending(nodes, probes), record=record)
    parts = [totals.get(p, p.data) for p in probes]
    return tuple(parts) if isinstance(node.data, tuple) else parts[0]


def zeros(data: Any, lead: tuple[int, ...] = ()) -> Any:
    """A zero cotangent of data, with extra leading axes."""
    if lead:
        return np.zeros((*lead, *np.shape(data)), getattr(data, "dtype", float))
    return data if data is None else 0.0 if is_number(data) else np.zeros_like(data)[()]
