"""Backpropagation: from a result back to everything it was computed from.

The chain rule says that if `out` is made from `x`, then d root/d x gets a contribution rule(d root/d out). So walk the
nodes from the youngest to the oldest: when a node is reached, every node that used it has been dealt with and its
*cotangent*, the sum of all contributions, is complete. Nodes are numbered as they are made and are younger than their
operands, so sorting by number is the topological sort; nothing here is recursive, and a chain of a million nodes is fine.

    y = x * x + x        node     cotangent arrives          is passed on
                         add      1 (the seed)               1 to x*x, 1 to x
                         x*x      1                          x + x to x
                         x        2x + 1

`propagate` is the whole algorithm; `.backward()` here and every transform in `transforms.py` call it. With record=True
the rules are called with Values instead of arrays, so the pass itself is recorded and can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

import numpy as np

from autograd.context import CONTEXT, context
from autograd.data import ALONE, Traced, as_dtype, digest, holders, is_finite, is_number, own
from autograd.errors import ArgumentError, InPlaceError, NonFiniteError, NotDifferentiableError, RuleError, SeedError
from autograd.ops.arithmetic import astype
from autograd.ops.assign import operands_of, version
from autograd.ops.axes import sum_to
from autograd.ops.constant import alias, item
from autograd.overrides import overridden
from autograd.primitives import Rule, operand_name
from autograd.value import CONSTANT, DISPATCH, UNREACHED, Value, data_of, make

__all__ = ["order", "propagate"]

_ARRAY = np.ndarray
_serial = attrgetter("serial")


def order(roots: Iterable[Value], inputs: Iterable[Value] = ()) -> list[Value]:
    """The interior nodes that `roots` were computed from, youngest first.

    inputs  nodes where the walk stops; nothing older than the oldest of them can depend on them, so it is left out
    """
    oldest = min((node.serial for node in inputs), default=0)
    seen = set(inputs)
    chains: dict[Value, list[Value]] = {}
    stack = [node for node in roots if node not in seen and node.primitive not in (None, CONSTANT)]
    seen.update(stack)
    nodes = []
    while stack:
        node = stack.pop()
        nodes.append(node)
        serial = node.serial
        for operand in node.operands:
            if isinstance(operand, Value):
                if operand.serial >= serial:  # assigned to since
                    operand = version(operand, serial, chains)
                    operands_of(node, chains)
                if operand not in seen:
                    seen.add(operand)
                    if operand.primitive is not None and operand.serial > oldest:
                        stack.append(operand)
    nodes.sort(key=_serial, reverse=True)
    return nodes


def depending(nodes: list[Value], inputs: Iterable[Value]) -> set[Value]:
    """The set of inputs and those of `nodes` (youngest first) that were computed from one of them."""
    wanted = set(inputs)
    for node in reversed(nodes):
        if any(isinstance(operand, Value) and operand in wanted for operand in node.operands):
            wanted.add(node)
    return wanted


def propagate(
    nodes: list[Value],
    cotangents: dict[Value, Any],
    *,
    wanted: set[Value] | None = None,
    record: bool = False,
    keep: str | None = None,
    lead: tuple[int, ...] = (),
) -> dict[Value, Any]:
    """Push cotangents from the youngest node to the oldest; what is left in `cotangents` belongs to leaves and inputs.

    nodes       interior nodes, youngest first
    cotangents  node → cotangent; starts with the seeds
    wanted      pass on to these nodes only; None: to every Value
    record      call rules with Values, so that the pass is recorded itself
    keep        "all" leaves each node's cotangent in its `.grad`, "leaves" resets it, None does not touch `.grad`
    lead        extra leading axes of all cotangents: many are pushed at once, by ops whose rules take them (`leading`)
    """
    anomaly, trace, rules = CONTEXT.get().anomaly, CONTEXT.get().trace, CONTEXT.get().rules
    cotangents = cotangents if trace is None else trace.cotangents(cotangents)
    plain = not (record or anomaly or lead or rules)
    get, pop = cotangents.get, cotangents.pop
    for node in nodes:
        g = pop(node, None)
        if g is None:
            continue
        if keep is not None:
            node.grad = g if keep == "all" else UNREACHED
        if anomaly and node.context.digest not in ((), digest(node.saved)):
            raise InPlaceError(
                f"an operand of {node.op} was written into between the forward and the backward pass; the node was made at "
                f"{node.context.line}. Use a copy, or a new array"
            )
        op = node.primitive
        if plain and op.binary and not node.options:  # most nodes: the general way below, unrolled, in 60 % of its time
            out, (x, y), (a, b), (rule_a, rule_b) = node.data, node.saved, node.operands, op.rules
            try:
                c = rule_a(g, out, x, y) if isinstance(a, Value) and (wanted is None or a in wanted) else None
                d = rule_b(g, out, x, y) if isinstance(b, Value) and (wanted is None or b in wanted) else None
            except ArithmeticError:
                pass
            else:
                if c is not None:
                    if type(c) is not float or type(x) is not float:
                        c = conform(c, x, node)
                    old = get(a)
                    cotangents[a] = c if old is None else old + c
                if d is not None:
                    if type(d) is not float or type(y) is not float:
                        d = conform(d, y, node)
                    old = get(b)
                    cotangents[b] = d if old is None else old + d
                continue
        elif plain and op.unary:
            a, x = node.operands[0], node.saved[0]
            try:
                c = op.rules[0](g, node.data, x, **node.options) if wanted is None or a in wanted else None
            except ArithmeticError:
                pass
            else:
                if c is not None:
                    c, old = conform(c, x, node), get(a)
                    cotangents[a] = c if old is None else old + c
                continue
        op = rules.get(op, op) if rules else op
        found = _contributions if not lead or op.leading else _one_by_one
        for operand, data, c in found(node, op, g, wanted, record):
            c = conform(c, data, node, lead)
            c = accumulate(cotangents[operand], c) if operand in cotangents else c
            cotangents[operand] = check(c, data, node) if anomaly else c
    return cotangents


def _contributions(node: Value, op: Any, g: Any, wanted: Any, record: bool) -> list[tuple[Value, Any, Any]]:
    """[(operand, its data, cotangent)] of the operands that want one: the general way, for every kind of op."""
    options = node.options
    out, arguments = recorded(node) if record else (node.data, node.saved)
    if op.rule_all is not None:
        needed = tuple(isinstance(x, Value) and (wanted is None or x in wanted) for x in node.operands)
        given = op.rule_all(g, out, *arguments, needed=needed, **options)
        triples = zip(node.operands, node.saved, given, strict=True)
        return [row for row, need in zip(triples, needed, strict=True) if need and row[2] is not None]
    rows: list[tuple[Value, Any, Any]] = []
    for index, operand in enumerate(node.operands):
        if isinstance(operand, Value) and (wanted is None or operand in wanted):
            if op.variadic:
                rule, options = op.rules[0], {**node.options, "index": index}
            else:
                rule = op.rules[index]
            if rule is None:
                rule = missing(node, index)
            try:
                c = rule(g, out, *arguments, **options)
            except NonFiniteError:  # of an op inside the rule, which is being recorded
                raise _born(node.saved[index], node) from None
            except ArithmeticError:  # Python floats raise for 1/0; NumPy's give inf and nan
                c = rule(*(np.float64(x) if type(x) is float else x for x in (g, out, *arguments)), **options)
            if c is not None:
                rows.append((operand, node.saved[index], c))
    return rows


def _one_by_one(node: Value, op: Any, g: Any, wanted: Any, record: bool) -> list[tuple[Value, Any, Any]]:
    """The same for a g with a leading axis, by an op whose rules do not take one."""
    parts = g if isinstance(g, tuple) else (g,)
    count = next(len(part) for part in parts if part is not None)
    rows = []
    for i in range(count):
        picked = tuple(None if part is None else part[i] for part in parts)
        row = _contributions(node, op, picked if isinstance(g, tuple) else picked[0], wanted, record)
        rows.append([conform(c, data, node) for _, data, c in row])
    return [(x, data, np.stack([cs[k] for cs in rows])) for k, (x, data, _) in enumerate(row)]


def recorded(node: Value) -> tuple[Any, tuple[Any, ...]]:
    """(out, operands) of a node as Values, to call a rule with: operands whose data was rebound keep their old data."""
    arguments = tuple(
        operand if not isinstance(operand, Value) or operand.data is data else make(alias, data, (operand,), (data,))
        for operand, data in zip(node.operands, node.saved, strict=True)
    )
    out: Any = node
    if isinstance(node.data, tuple):
        count = len(node.data)
        out = tuple(item.apply((node,), {"index": i, "count": count}) for i in range(count))
    return out, arguments


def missing(node: Value, index: int) -> Rule:
    """The rule of an operand that has none: None for one declared constant, else an error."""
    op = node.primitive
    name = operand_name(op, index)
    if name in op.constants or not np.issubdtype(getattr(node.saved[index], "dtype", np.float64), np.inexact):
        return lambda g, out, *operands, **options: None
    raise NotDifferentiableError(
        f"{op.name} has no derivative rule for its operand {name!r}. Add one with {op.name}.vjp({name}=…) (README, "
        f'"Adding an operation"), or pass v.data to treat it as a constant.'
    )


def accumulate(total: Any, c: Any) -> Any:
    """Sum of two cotangents; those of a node with several results are tuples, with None where a result was unused."""
    if isinstance(c, tuple):
        return tuple(b if a is None else a if b is None else a + b for a, b in zip(total, c, strict=True))
    return total + c


def conform(c: Any, x: Any, node: Value, lead: tuple[int, ...] = ()) -> Any:
    """The cotangent c of an operand with data x as it must be: un-broadcast, of x's shape and dtype, or a RuleError."""
    kind = type(c)
    if isinstance(x, tuple):
        return c
    if kind is type(x) and not lead and (kind is float or (c.shape == x.shape and c.dtype == x.dtype)):
        return c
    shape = (*lead, *np.shape(x))
    if np.shape(c) != shape:
        if node.primitive.kind == "elementwise":
            if lead:
                c = np.broadcast_to(c, (*lead, *node.shape))
                c = sum_to(c, np.shape(x), len(lead))
            else:
                c = sum_to(c, shape)  # the adjoint of broadcasting
        if np.shape(c) != shape:
            raise RuleError(
                f"{_rule_of(x, node)} returned shape {np.shape(c)}, expected {shape} (out has shape {np.shape(node.data)})"
            )
    dtype: Any = getattr(c, "dtype", None)
    if is_number(x):
        if isinstance(c, (Value, Traced)) or lead:
            return c if dtype.kind != "c" else np.real(c)
        return c if type(c) is float else float(c.real)
    if x.dtype.kind in "biu":  # a leaf whose .data was rebound to whole numbers; its gradient is no whole number
        return c
    if dtype != x.dtype:
        if dtype is None and (type(node.data) is float or (type(c) is complex and x.dtype.kind == "c")):
            return x.dtype.type(c)  # out was a Python float, such as a float32 number plus a float64 one
        if dtype is None or len({getattr(data, "dtype", type(data)) for data in node.saved}) == 1:
            raise RuleError(
                f"{_rule_of(x, node)} returned {dtype or type(c).__name__}, expected {x.dtype}; write constants as Python "
                "floats"
            )
        c = np.real(c) if dtype.kind == "c" and x.dtype.kind != "c" else c
        c = astype(c, x.dtype) if isinstance(c, (Value, Traced)) else np.asarray(c, dtype=x.dtype)[()]
    return c


def _rule_of(x: Any, node: Value) -> str:
    """ "add: the rule for operand 'x'", for messages."""
    index = next(i for i, data in enumerate(node.saved) if data is x)
    return f"{node.primitive.name}: the rule for operand {operand_name(node.primitive, index)!r}"


def check(c: Any, x: Any, node: Value) -> Any:
    """c; under detect_anomaly a NonFiniteError where a finite node's rule makes a NaN or infinity."""
    if not is_finite(data_of(c)) and is_finite(node.saved):
        raise _born(x, node)
    return c


def _born(x: Any, node: Value) -> NonFiniteError:
    """The error for a NaN or infinity that the rule of a finite node makes."""
    return NonFiniteError(
        f"{_rule_of(x, node)} made a NaN or infinity in the backward pass; the node was made at {node.context.line}"
    )


def seed_for(root: Value, seed: Any = None) -> Any:
    """The cotangent to start from, in the root's dtype: 1 for a single element, else the caller's seed."""
    data = root.data
    if seed is None:
        if np.size(data) != 1:
            raise SeedError(
                f"backward() of a Value of shape {np.shape(data)} needs to know how its elements count: write "
                f"v.sum().backward(), or v.backward(seed) with a seed of shape {np.shape(data)}"
            )
        return 1.0 if is_number(data) else np.ones_like(data)[()]
    plain = seed.data if isinstance(seed, Value) else seed
    if np.shape(plain) != np.shape(data):
        raise SeedError(f"backward(seed): the seed has shape {np.shape(plain)}, the Value {np.shape(data)}")
    if isinstance(seed, Value):
        return seed
    try:
        return float(plain) if type(data) is float else as_dtype(plain, data.dtype)
    except (TypeError, ValueError):
        raise SeedError(f"backward(seed): a seed is a number or an array of real numbers, got {plain!r:.60}") from None


def backward(root: Value, seed: Any = None, *, keep: Any = "all", record: bool = False, rules: Any = None) -> None:
    """Backpropagate from root and fill in `.grad`; see Value.backward."""
    if keep not in ("all", "leaves"):
        raise ArgumentError(f"backward(keep={keep!r}): keep is 'all' or 'leaves'")
    if root.primitive is CONSTANT:
        raise NotDifferentiableError(
            "backward() of a constant: it was made under no_grad(), by stop_gradient or detach, "
            "or from plain numbers only, so nothing was recorded"
        )
    seeds = {root: seed_for(root, seed)}
    nodes = order([root]) if root.primitive is not None else []
    if record:
        seeds[root] = seeds[root] if isinstance(seeds[root], Value) else make(CONSTANT, seeds[root])
    if record or rules is not None:
        with context(recording=record or CONTEXT.get().recording, rules=overridden(rules)):
            totals = propagate(nodes, seeds, record=record, keep=keep)
    else:
        totals = propagate(nodes, seeds, keep=keep)
    while totals:
        leaf, total = totals.popitem()
        if not leaf.has_grad or (not isinstance(leaf.grad, Value) and np.ndim(leaf.grad) == 0 and leaf.grad == 0):
            leaf.grad = own(total, leaf.data, holders(total) <= ALONE)
        else:
            leaf.grad = leaf.grad + total


DISPATCH["backward"] = backward
