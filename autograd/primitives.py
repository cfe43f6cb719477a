"""@primitive: an operation, its derivative rules, and everything that tests and documentation need to know of it.

An op is one block in one file of `ops/`:

    @primitive(numpy=np.multiply, kind="elementwise", symbol="×", samples=[sample("3 4", "4")], ...)
    def multiply(x, y, /):
        "Product, out = x · y."
        return x * y

    multiply.vjp(x=lambda g, out, x, y: g * y, y=lambda g, out, x, y: g * x)

The body computes the result with plain NumPy. A rule answers: if the final result changes by g for a change of `out`, by
how much for a change of this operand? `g` is called the cotangent of `out`; rules are keyed by operand *name* and called
as rule(g, out, *operands, **options). **A rule is plain NumPy code too**: on arrays it gives a first derivative, and on
Values, since `np.` functions of Values are recorded, a derivative that can be differentiated again. So rules use no
methods, no `.data` and nothing in place, and every function a rule uses is registered itself.

Operands (what is differentiated) are positional-only parameters, options (axis, shape) come after the `/`. A call is
bound to (operands, options) as NumPy's own signature would, and the form of the call is cached.

kinds: "elementwise" (out[i] depends on operands[i]; the engine un-broadcasts, so the rule ignores shapes), "linear",
"view" (linear, and only rearranges), "bilinear" (linear in each of two operands), "general"; and "composed": the body is
made of other ops and runs on the Values themselves, so it needs no rule and leaves the nodes of those ops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd.context import CONTEXT
from autograd.data import as_constant, caller, digest, is_finite
from autograd.errors import ArgumentError, NonFiniteError, RegistrationError, ShapeError
from autograd.rows import error, point, sample
from autograd.value import CONSTANT, DISPATCH, NO_OPTIONS, PLAIN, Value, make

__all__ = ["Primitive", "Rule", "error", "point", "primitive", "registry", "sample"]

KINDS = ("elementwise", "linear", "view", "bilinear", "general", "composed")
_VARARGS = 0x04  # flag of a function with *args
REAL = {float, int}  # operands of Python arithmetic, whose results are to be real too
Rule = Callable[..., Any]
registry: dict[str, Primitive] = {}  # name → Primitive, in the order of definition


class Primitive:
    """A registered operation: call it on Values, arrays and numbers alike. Made by @primitive, never directly."""

    def __init__(
        self,
        forward: Callable[..., Any],
        *,
        numpy: Any,
        name: str,
        kind: Any,
        symbol: str,
        call: Any,
        results: Any,
        hidden: int,
        differentiable: bool,
        leading: bool,
        **rows: Any,
    ) -> None:
        self.forward = forward
        self.name = name or forward.__name__
        self.numpy = numpy  # the functions that NumPy dispatches here; the first one is the test's reference
        self.kind = kind
        self.symbol = symbol or self.name
        self.adapt = call
        self.results = results
        self.hidden = hidden
        self.differentiable = differentiable
        self.samples, self.points, self.errors = rows["samples"], rows["points"], rows["errors"]
        self.source = rows["source"]
        self.domain, self.kink = rows.get("domain", ""), rows.get("kink", "")
        self.__doc__, self.__name__, self.__module__ = forward.__doc__, self.name, forward.__module__
        code = forward.__code__  # `inspect` would say the same, and takes 8 ms to import
        names, first, count = code.co_varnames, code.co_posonlyargcount, code.co_argcount
        self.variadic = bool(code.co_flags & _VARARGS)
        last = count + code.co_kwonlyargcount
        self.operands = names[last : last + 1] if self.variadic else names[:first]
        self.positional = names[first:count]  # options that may be given by place
        given = dict(zip(names[:count][::-1], (forward.__defaults__ or ())[::-1], strict=False))
        given.update(forward.__kwdefaults__ or {})
        self.defaults = {name: given.get(name) for name in names[first:last]}
        self.required = sum(name not in given for name in names[:first])
        self.rules: tuple[Rule | None, ...] = (None,) * len(self.operands)
        self.rule_all: Rule | None = None
        self.unary = self.binary = False  # one or two operands, each with a rule: backward takes a short way
        self.inline = rows.get("inline", False)
        self.into: Any = None  # (out, *operands, **options): writes the result into an array of its form, for compile
        self.along = (
            0  # so many operands, from the first, go along the result's first axis, which may be cut into parts
        )
        self.summed = 0  # so many go along an axis that the result is a sum over
        self.leading = leading or (kind == "elementwise" and results is None)
        self.constants: set[str] = set()
        self.tangents: dict[str, Rule] = {}
        self.forms: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    # declaring rules

    def vjp(self, **rules: Rule) -> Primitive:
        """Give each operand its rule(g, out, *operands, **options) → cotangent of that operand."""
        for name in rules:
            if name not in self.operands:
                raise RegistrationError(f"{self.name} has no operand {name!r}; it has {', '.join(self.operands)}")
        self.rules = tuple(rules.get(name, old) for name, old in zip(self.operands, self.rules, strict=True))
        self.unary = len(self.rules) == 1 and None not in self.rules and not self.variadic
        self.binary = len(self.rules) == 2 and None not in self.rules
        return self

    def vjp_all(self, rule: Rule) -> Rule:
        """Give one rule(g, out, *operands, needed, **options) → tuple that serves every operand at once.

        needed  tuple of bools, one per operand; the rule may return None where it is False
        """
        self.rule_all = rule
        self.unary = self.binary = False
        return rule

    def jvp(self, **tangents: Any) -> Primitive:
        """State a forward rule(t, out, *operands, **options) → tangent of out, where the derived one does not serve."""
        self.tangents.update(tangents)
        return self

    def constant(self, *names: str) -> Primitive:
        """Say that these operands have no derivative: a mask, an index."""
        for name in names:
            if name not in self.operands:
                raise RegistrationError(f"{self.name} has no operand {name!r}; it has {', '.join(self.operands)}")
        self.constants.update(names)
        return self

    # calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.adapt is not None:
            operands, options = self.adapt(*args, **kwargs)
        elif not kwargs and len(args) == len(self.operands) and not self.variadic:
            operands, options = args, NO_OPTIONS
        else:
            operands, options = self.bind(args, kwargs)
        return self.apply(operands, options)

    def bind(self, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """(operands, options) of a call, as NumPy's signature has it; the form of the call is worked out once."""
        if self.variadic:
            return args, kwargs
        key = (len(args), *kwargs)
        form = self.forms.get(key)
        if form is None:
            form = self.forms[key] = _form(self, len(args), tuple(kwargs))
        given, positional, keywords, ignored = form
        operands = args[:given]
        options = dict(zip(positional, args[given:], strict=True)) if positional else {}
        for name, place in keywords:
            if place is None:
                options[name] = kwargs[name]
            else:
                operands = (*operands, kwargs[name])
        for name, default in ignored:
            x = options.pop(name)
            same = [type(y) in (int, float) or getattr(y, "dtype", None) == x for y in operands if name == "dtype"]
            if x is not None and x is not default and str(x) not in (str(default), "cpu") and not (same and all(same)):
                mine = ", ".join(self.defaults) or "no options"
                raise ArgumentError(f"{self.name} has no option {name!r} when it is differentiated; it has {mine}")
        return operands, options

    def apply(self, operands: tuple[Any, ...], options: dict[str, Any] = NO_OPTIONS) -> Any:
        """Compute and record: the general way every op goes (operators on Python floats have a shorter one)."""
        if self.kind == "composed":
            return self.forward(*operands, **options)
        context = CONTEXT.get()
        if len(operands) == 1 and context.fast and isinstance(operands[0], Value) and self.results is None:
            x = operands[0]  # one operand, nothing unusual: what follows does the same, in twice the time
            if x.primitive is not CONSTANT and self.differentiable:
                try:
                    data = self.forward(x.data, **options)
                except (ArithmeticError, ValueError):
                    pass
                else:
                    return make(self, data, operands, (x.data,), options, context)
        live = met = False
        saved, nodes = [], []
        for x in operands:
            if isinstance(x, Value):
                met = True
                data = x.data
                if x.primitive is CONSTANT:
                    x = data
                else:
                    live = True
            else:
                if type(x) not in PLAIN:
                    x = as_constant(x)
                data = x
            saved.append(data)
            nodes.append(x)
        try:
            data = self.forward(*saved, **options) if context.trace is None else context.trace.run(self, saved, options)
        except (ZeroDivisionError, OverflowError):  # Python's own; NumPy's under np.errstate are meant
            data = self.beyond(saved, options)
        except ArgumentError:
            raise
        except ValueError as mistake:
            kind = np.linalg.LinAlgError if isinstance(mistake, np.linalg.LinAlgError) else ShapeError
            raise kind(self.describe(tuple(saved), options, mistake)) from None
        if type(data) is complex and set(map(type, saved)) <= REAL:
            data = self.beyond(saved, options)
        if not (met and self.differentiable):
            return float(data) if met and type(data) is np.float64 else self.plain_results(data)
        if context.anomaly:
            context = context.but(line=caller(), digest=digest(tuple(saved)))
            if not is_finite(data) and all(map(is_finite, saved)):
                raise NonFiniteError(f"{self.name} made a NaN or infinity in the forward pass, at {context.line}")
        if not (live and context.recording):
            return self.constant_results(data)
        node = make(self, data, tuple(nodes), tuple(saved), options, context)
        return node if self.results is None else self.items(node)

    def beyond(self, numbers: Iterable[Any], options: dict[str, Any] = NO_OPTIONS) -> Any:
        """What NumPy gives where Python's own arithmetic raises or leaves the reals: 1/0, 1e200**2, (-8.0)**(1/3)."""
        return self.numpy[0](*map(np.float64, numbers), **options)

    def compute(self, *operands: Any, **options: Any) -> Any:
        """The forward computation on plain numbers and arrays, nothing recorded: NumPy's results for numbers too."""
        try:
            data = self.forward(*operands, **options)
        except (ZeroDivisionError, OverflowError):  # Python's own; NumPy's under np.errstate are meant
            return self.beyond(operands, options)
        return self.beyond(operands, options) if type(data) is complex and set(map(type, operands)) <= REAL else data

    def plain_results(self, data: Any) -> Any:
        """The result(s) as they are: no Value came in, or the op has no derivative."""
        if self.results is None:
            return data
        return data[0] if self.results == "one" else self.results(data[: len(data) - self.hidden])

    def constant_results(self, data: Any) -> Any:
        """The result(s) as Values without gradient."""
        if self.results is None:
            return make(CONSTANT, data)
        parts = [make(CONSTANT, part) for part in data[: len(data) - self.hidden]]
        return parts[0] if self.results == "one" else self.results(parts)

    def items(self, node: Value) -> Any:
        """Of a node that holds several results: one node for each visible one."""
        count = len(node.data)
        parts = [registry["item"].apply((node,), {"index": i, "count": count}) for i in range(count - self.hidden)]
        return parts[0] if self.results == "one" else self.results(parts)

    def describe(self, saved: tuple[Any, ...], options: dict[str, Any], mistake: Exception) -> str:
        """Message of a failed forward computation: op, shapes, options, what NumPy said."""
        shapes = ", ".join(f"{operand_name(self, i)} {np.shape(x)}" for i, x in enumerate(saved))
        extra = "".join(f", {name}={value!r}" for name, value in options.items())
        return f"{self.name}: operands {shapes}{extra}: {mistake}"

    def __repr__(self) -> str:
        return f"<primitive {self.name}({', '.join((*self.operands, *self.defaults))})>"

    def __reduce__(self) -> Any:
        return _by_name, (self.name,)


def primitive(
    forward: Callable[..., Any] | None = None,
    *,
    numpy: Any = (),
    name: str = "",
    kind: Any = "general",
    symbol: str = "",
    call: Any = None,
    results: Any = None,
    hidden: int = 0,
    differentiable: bool = True,
    leading: bool = False,
    inline: bool = False,
    method: Any = None,
    samples: Any = (),
    points: Any = (),
    errors: Any = (),
    source: str = "",
    domain: str = "",
    kink: str = "",
) -> Any:
    """Register an operation; the decorated function computes its result on plain arrays.

    numpy    the NumPy function(s) that reach it when called on a Value; none for an op of our own
    kind     "elementwise", "linear", "view", "bilinear", "general" or "composed" (see the module's docstring)
    symbol   short form for pictures
    call     (*args, **kwargs) → (operands, options), for a NumPy signature that differs
    results  for an op that computes a tuple: what to make of the list of results (tuple, a namedtuple's _make), or
             "one" if only the first is visible; `hidden`: how many at the end only the rule sees
    differentiable  False: gives plain results (comparisons, argmax)
    leading  True: the rules take a g with extra leading axes too, as those of elementwise ops do
    inline   True: compile writes down the steps of the body, to share them with the rules, and not the op as one
    method   a method of Value: True for one called as the op is, or an adapter (value, *args, **kw) → result, or False;
             by default an op has one if ndarray has
    samples, points, errors   rows of the test table (sample, point, error)
    source   where the formula comes from
    domain   where it is defined, if not for all numbers; kink: where it has no derivative, and the slope it takes there
    """
    if forward is None:
        arguments = {key: value for key, value in locals().items() if key != "forward"}
        return lambda function: primitive(function, **arguments)
    if kind not in KINDS:
        raise RegistrationError(f"kind {kind!r} of {forward.__name__} is none of {', '.join(KINDS)}")
    functions = numpy if isinstance(numpy, tuple) else (numpy,)
    op = Primitive(
        forward,
        numpy=functions,
        name=name,
        kind=kind,
        symbol=symbol,
        call=call,
        results=results,
        hidden=hidden,
        differentiable=differentiable,
        leading=leading,
        inline=inline,
        samples=list(samples),
        points=list(points),
        errors=list(errors),
        source=source,
        domain=domain,
        kink=kink,
    )
    if op.name in registry and registry[op.name].__module__ != op.__module__:
        raise RegistrationError(f"an op named {op.name!r} exists already, in {registry[op.name].__module__}")
    registry[op.name] = op
    for function in functions or (op.name,):
        DISPATCH[function] = op
    if method is None:
        method = bool(functions) and callable(getattr(np.ndarray, op.name, None))
    if method:
        setattr(Value, op.name, as_method(op) if method is True else method)
    return op


def as_method(call: Any, like: Any = None) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return call(self, *args, **kwargs)

    method.__name__ = (like or call).__name__
    method.__doc__ = (like or call).__doc__
    return method


def _form(op: Primitive, count: int, keywords: tuple[str, ...]) -> Any:
    """How a call with `count` positional arguments and these keywords maps to operands and options.

    → (number of positional operands, option names of the other positionals, [(keyword, operand place or None)],
    [(option that NumPy knows and the op does not, its default)])
    """
    given = min(count, len(op.operands))
    names = [*op.operands, *op.positional]
    theirs: dict[str, Any] = {}
    if op.numpy:
        import inspect

        try:
            parameters = inspect.signature(op.numpy[0]).parameters.values()
            theirs = {p.name: p.default for p in parameters}
            names += [p.name for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD][len(names) :]
        except ValueError:  # a ufunc before NumPy 2.4 has no signature
            theirs = {"dtype": None, "casting": "same_kind", "order": "K", "subok": True, "where": True}
    if count > len(names):
        raise ArgumentError(f"{op.name} takes at most {len(names)} positional arguments, got {count}")
    positional = tuple(names[len(op.operands) : len(op.operands) + count - given])
    places = dict(zip(theirs, range(len(op.operands)), strict=False)) | {x: i for i, x in enumerate(op.operands)}
    known: list[tuple[str, int | None]] = []
    for name in keywords:
        if name in positional or not (name in op.defaults or name in places or name in theirs):
            raise ArgumentError(f"{op.name} has no option {name!r}; it has {', '.join(op.defaults) or 'none'}")
        known.append((name, None if name in op.defaults else places.get(name)))
    known.sort(key=lambda pair: -1 if pair[1] is None else pair[1])
    total = given + sum(place is not None for _, place in known)
    if total < op.required or [place for _, place in known if place is not None] != list(range(given, total)):
        raise ArgumentError(f"{op.name} needs its operands {', '.join(op.operands)}, got {total} of them")
    options = (*positional, *(name for name, place in known if place is None))
    return given, positional, tuple(known), tuple((name, theirs[name]) for name in options if name not in op.defaults)


def operand_name(op: Primitive, index: int) -> str:
    """The name an op gives its operand at this place."""
    return op.operands[min(index, len(op.operands) - 1)] if op.operands else f"operand {index}"


def _by_name(name: str) -> Primitive:
    """What pickle makes of a primitive: the registered op of that name."""
    if name not in registry:
        DISPATCH["load"]()
    return registry[name]
