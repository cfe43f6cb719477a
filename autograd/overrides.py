"""Other rules for one backward pass: `rules=` of backward, grad, value_and_grad and vjp.

A rule answers what a change of an operand does to the result. For one pass the answer may be another one: a slope where
there is none (straight-through estimators), a gradient that is clipped or turned round on its way, the difference
quotient of DeepLIFT in place of the slope. The op itself keeps its rule: the pass uses a twin of the op, which has the
other one, so nothing is to be put back and other threads do not notice.

    y = np.sum(relu(a) * b)
    y.backward(rules={"relu": lambda g, out, x: g})                    # as if relu were the identity
    y.backward(rules={autograd.ops.multiply: {"x": lambda g, out, x, y: 0.0 * g}})   # nothing through the first factor

A rule is what `@primitive` takes: (g, out, *operands, **options) → cotangent of the operand, in plain NumPy, of the
operand's shape; with record=True it is called on Values and can be differentiated again.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from autograd.errors import ArgumentError
from autograd.primitives import Primitive, Rule, registry
from autograd.value import DISPATCH

__all__ = ["overridden"]


def overridden(rules: Mapping[Any, Any] | None) -> dict[Primitive, Primitive] | None:
    """op → its twin with the rule of `rules`; None for None, which leaves all ops theirs.

    rules  {op or its name: rule}. The rule is that of its operand if the op has one; for an op of several it is
           {operand: rule}, the others keeping theirs, or one function as Primitive.vjp_all takes it, with needed=

    Raises ArgumentError for an op or operand that does not exist, and for ops that leave no node to have a rule for.

    >>> from autograd import Value, relu
    >>> x = Value(-2.0)
    >>> relu(x).backward(rules={"relu": lambda g, out, x: g})
    >>> x.grad
    1.0
    """
    if rules is None:
        return None
    if not isinstance(rules, Mapping):
        raise ArgumentError(f"rules is a mapping {{op or its name: rule}}, got {type(rules).__name__}")
    return {op: _twin(op, rule) for op, rule in ((_found(key), rule) for key, rule in rules.items())}


def _found(key: Any) -> Primitive:
    """The op of this name, or itself."""
    if isinstance(key, Primitive):
        op = key
    elif not isinstance(key, str):
        raise ArgumentError(f"rules: a key is an op, such as autograd.ops.tanh, or its name, 'tanh'; got {key!r}")
    elif key in registry or (DISPATCH["load"]() and key in registry):
        op = registry[key]
    else:
        near = difflib.get_close_matches(key, registry, n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]!r}?" if near else ";"
        raise ArgumentError(f"rules: there is no op {key!r}{hint} `python -m autograd.ops` lists them")
    if op.kind == "composed":
        raise ArgumentError(f"rules: {op.name} is composed of other ops, which leave the nodes; name those")
    if not op.differentiable:
        raise ArgumentError(f"rules: {op.name} gives plain results and leaves no node; replace the call itself")
    return op


def _twin(op: Primitive, given: Any) -> Primitive:
    """A copy of the op with other rules; the registry does not know it."""
    twin = object.__new__(Primitive)
    vars(twin).update(vars(op))
    if callable(given) and (len(op.operands) > 1 or op.variadic):
        twin.vjp_all(given)
        return twin
    several = given if isinstance(given, Mapping) else dict.fromkeys(op.operands, given)
    for name, rule in several.items():
        if name not in op.operands:
            raise ArgumentError(f"rules: {op.name} has no operand {name!r}; it has {', '.join(op.operands)}")
        if not callable(rule):
            raise ArgumentError(
                f"rules: a rule of {op.name} is a function (g, out, *operands, **options), got {rule!r}"
            )
    if op.rule_all is not None:
        twin.rules = tuple(_share(op.rule_all, i, len(op.operands)) for i in range(len(op.operands)))
        twin.rule_all = None
    twin.vjp(**several)
    return twin


def _share(rule_all: Callable[..., Any], index: int, count: int) -> Rule:
    """The rule of one operand, from one that serves all at once."""
    needed = tuple(i == index for i in range(count))
    return lambda g, out, *operands, **options: rule_all(g, out, *operands, needed=needed, **options)[index]
