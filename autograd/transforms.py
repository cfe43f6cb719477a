"""Transforms: a function in, its derivative out.

    grad(f)(x)               gradient of a number                    value_and_grad(f)(x)   both at once
    vjp(f, x)                value and pullback g ↦ g·J              jvp(f, (x,), (t,))     value and J·t
    jacobian(f)(x)           all of J                                hessian(f)(x), hvp(f, x, v)

All take nested containers and give back the same structure. They have one shape: wrap every input leaf in a *new* node,
run f, walk the graph between these nodes and the result. New nodes keep nested transforms apart:

    grad(lambda x: x * grad(lambda y: x + y)(x))(1.0)      # 1.0: the inner gradient is with respect to y alone

The inner `y` is a node of its own, an alias of `x`, so what reaches x directly is not counted. Inside an outer transform
the inner walk is recorded (rules run on Values) and the outer one differentiates it; at the outermost level rules run on
plain arrays, so a first derivative pays nothing for higher ones.

Complex numbers: grad(f)(x + iy) = ∂f/∂x − i ∂f/∂y for real f, as in JAX and HIPS autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper, wraps
from types import MethodType
from typing import Any

import numpy as np

from autograd import tree
from autograd.backward import depending, order, propagate
from autograd.context import CONTEXT, context
from autograd.data import NUMBERS, as_dtype, dtype_of, is_number, own_copy
from autograd.errors import ArgumentError, InPlaceError, SeedError
from autograd.forward import tangent, zeros
from autograd.ops.assign import version
from autograd.ops.constant import alias
from autograd.overrides import overridden
from autograd.value import CONSTANT, Value, data_of, make, tick

Argnum = int | str | Sequence[int | str]

__all__ = ["grad", "jvp", "transform", "value_and_grad", "vjp"]


class Transformed:
    """A function made by a transform from another. It pickles, since it knows what it was made from."""

    def __init__(self, call: Callable[..., Any], f: Callable[..., Any], recipe: Any) -> None:
        update_wrapper(self, f, updated=())
        self._call, self._recipe = call, recipe

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        return self._recipe


def transform(make_call: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator of a function (f, options…) → derivative of f: it gives a Transformed, with f's name and signature."""

    @wraps(make_call)
    def made(f: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return Transformed(make_call(f, *args, **options), f, (partial(made, **options), (f, *args)))

    return made


@transform
def grad(f: Callable[..., Any], argnum: Argnum = 0, *, has_aux: bool = False, rules: Any = None) -> Callable[..., Any]:
    """The function that gives the gradient of f with respect to one argument or several.

    f        returns a single number (or, with has_aux, a pair (number, anything))
    argnum   position, tuple of positions, or name of the argument(s); the gradient has its structure, or is a tuple
    rules    of ops, {op or its name: rule}, in place of their own, as Value.backward takes them; vjp does too

    Raises SeedError if f does not return a single number. Inside containers integers, bools, strings and None are passed
    through and have None for a gradient; an argument that does not influence f has gradient 0.

    >>> grad(lambda x: x * x)(3.0)
    6.0
    """
    both = value_and_grad(f, argnum, has_aux=has_aux, rules=rules)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, slope = both(*args, **kwargs)
        return (slope, value[1]) if has_aux else slope

    return gradient


@transform
def value_and_grad(f: Callable[..., Any], argnum: Argnum = 0, *, has_aux: bool = False, rules: Any = None) -> Any:
    """Like grad, but gives (f's value, gradient); with has_aux ((value, aux), gradient).

    >>> value_and_grad(lambda p: p["a"] * p["b"])({"a": 2.0, "b": 5.0})
    (10.0, {'a': 5.0, 'b': 2.0})
    """

    def both(*args: Any, **kwargs: Any) -> Any:
        run = Run(f, args, kwargs, argnum, has_aux)
        if len(run.outputs) != 1 or np.size(data_of(run.outputs[0])) != 1:
            shapes = ", ".join(str(np.shape(data_of(out))) for out in run.outputs) or "nothing"
            raise SeedError(
                f"grad: {_name(f)} must return a single number, it returned shape {shapes}; take .sum(), or use "
                "jacobian"
            )
        if np.iscomplexobj(data_of(run.outputs[0])):
            raise SeedError(f"grad: {_name(f)} returned a complex number; take np.real or np.abs of it, or use vjp")
        value = run.result()
        slope = run.pull([_one(run.outputs[0])], rules=rules)
        return ((value, run.aux) if has_aux else value), slope

    return both


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False, rules: Any = None) -> Any:
    """(f(*primals), pullback); pullback(g) gives the tuple of cotangents g·J of the primals, g of f's structure.

    With has_aux (value, pullback, aux). The pullback may be called any number of times.
    """
    run = Run(f, primals, {}, tuple(range(len(primals))), has_aux)

    def pullback(cotangent: Any) -> Any:
        seeds, structure = tree.flatten(cotangent)
        if structure != run.structure:
            raise SeedError(f"vjp: the cotangent must have the structure of {_name(f)}'s result")
        for seed, out in zip(seeds, run.outputs, strict=True):
            if np.shape(data_of(seed)) != np.shape(data_of(out)):
                raise SeedError(
                    f"vjp: the cotangent has shape {np.shape(data_of(seed))}, the result {np.shape(data_of(out))}"
                )
        if any(node.serial > run.end for node in run.order):
            raise InPlaceError(
                f"vjp: a Value that {_name(f)} computed was assigned to after it returned; assign to a .copy()"
            )
        return run.pull(seeds, rules=rules)

    return (run.result(), pullback, run.aux) if has_aux else (run.result(), pullback)


def jvp(f: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """(f(*primals), J·t): value and directional derivative by forward mode, in one pass over the graph.

    primals, tangents   tuples of equal structure and shapes

    >>> jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    (6.0, 3.0)
    """
    if not (isinstance(primals, (tuple, list)) and isinstance(tangents, (tuple, list))):
        raise ArgumentError("jvp: primals and tangents are tuples, one entry for each argument: jvp(f, (x,), (t,))")
    run = Run(f, primals, {}, tuple(range(len(primals))))
    directions, structure = tree.flatten(tuple(tangents))
    if structure != tree.flatten(tuple(primals))[1]:
        raise ArgumentError("jvp: tangents must have the structure of primals")
    pairs = [(node, t) for node, t in zip(run.nodes, directions, strict=True) if node is not None]
    for node, t in pairs:
        if np.shape(data_of(t)) != node.shape:
            raise ArgumentError(f"jvp: a tangent has shape {np.shape(data_of(t))}, its primal {node.shape}")
    return run.result(), run.push(dict(pairs))


class Run:
    """One call of f with the chosen arguments as new nodes, ready to be walked in either direction.

    nodes      one new node for each input leaf, None for a static leaf
    outputs    the leaves of f's result; structure: their containers; aux: the second result with has_aux
    record     whether what is computed from here on must be recorded, for an outer transform or a caller's Values
    """

    def __init__(self, f: Callable[..., Any], args: Any, kwargs: Any, argnum: Argnum, has_aux: bool = False) -> None:
        outside = CONTEXT.get()
        args, kwargs, self.several, chosen = _choose(f, args, kwargs, argnum)
        given, self.inputs = tree.flatten(tuple(container[key] for container, key in chosen))
        top = [form == tree.LEAF for form in self.inputs.children for _ in range(form.count)]
        with context(recording=True, depth=outside.depth + 1):
            self.nodes = [_fresh(leaf, alone) for leaf, alone in zip(given, top, strict=True)]
            traced = [leaf if node is None else node for leaf, node in zip(given, self.nodes, strict=True)]
            arguments = tree.unflatten(self.inputs, traced)
            originals = tuple(container[key] for container, key in chosen)
            copies = [] if all(top) else list(tree.settling(originals, arguments))
            for (container, key), argument in zip(chosen, arguments, strict=True):
                container[key] = argument
            start = tick()
            result = f(*args, **kwargs)
            self.end = tick()
        for original, twin in copies:  # a model's running statistics have moved
            original.__tree_settle__(twin)
        self.nodes = [None if node is None else version(node, start) for node in self.nodes]  # f may assign to them
        self.aux = None
        if has_aux:
            result, self.aux = _pair(f, result)
        self.outputs, self.structure = tree.flatten(result)
        for out in self.outputs:
            static = out is None and result is not None  # the gradient of what was static in a container
            if not (static or isinstance(data_of(out), NUMBERS)):
                raise ArgumentError(
                    f"{_name(f)} returned {type(out).__name__}; a result to differentiate holds numbers"
                )
        live = {node for node in self.nodes if node is not None}  # a set: `in` a list would compare the numbers
        roots = [out for out in self.outputs if isinstance(out, Value)]
        self.order = order(roots, live)
        self.wanted = depending(self.order, live)
        self.order = [node for node in self.order if node in self.wanted and node not in live]
        values = any(map(_is_followed, given))
        self.record = outside.recording and (values or (outside.depth > 0 and self._foreign(live)))
        self.values = values
        self.aux = tree.map(self._outward, self.aux)

    def _foreign(self, live: set[Value]) -> bool:
        """Whether a result or aux hangs on Values that are not this transform's own: an outer transform may follow them."""
        results = [x for x in (*self.outputs, *tree.flatten(self.aux)[0]) if isinstance(x, Value)]
        nodes = order(results, live)
        own = live.union(nodes)
        used = (*results, *(x for node in nodes for x in node.operands if isinstance(x, Value)))
        return any(x not in own and x.primitive is not CONSTANT for x in used)

    def _outward(self, x: Any) -> Any:
        """A result as the caller gets it: recorded if the caller follows it, else plain, or constant for Values."""
        if not isinstance(x, Value) or self.record:
            return x
        return make(CONSTANT, x.data) if self.values else x.data

    def result(self) -> Any:
        """f's result for the caller."""
        return tree.unflatten(self.structure, map(self._outward, self.outputs))

    def pull(self, seeds: Any, lead: tuple[int, ...] = (), rules: Any = None) -> Any:
        """Cotangents of the outputs, None for none, → cotangents of the inputs, in their structure.

        lead  extra leading axes that the cotangents have, so that several are pulled at once
        """
        record = self.record or (CONTEXT.get().recording and any(map(_is_followed, seeds)))
        cotangents: dict[Value, Any] = {}
        for out, seed in zip(self.outputs, seeds, strict=True):
            if seed is not None and isinstance(out, Value) and out in self.wanted:
                seed = _like(seed, out.data, record)
                cotangents[out] = cotangents[out] + seed if out in cotangents else seed
        with context(recording=record, rules=overridden(rules)):
            totals = propagate(self.order, cotangents, wanted=self.wanted, record=record, lead=lead)
        found = [None if node is None else totals.get(node, zeros(node.data, lead)) for node in self.nodes]
        return self.structured([None if total is None else self._finish(total, record) for total in found])

    def structured(self, leaves: Any) -> Any:
        """One leaf for each input leaf, in the structure of the chosen arguments."""
        arguments = tree.unflatten(self.inputs, leaves)
        return arguments if self.several else arguments[0]

    def _finish(self, total: Any, record: bool) -> Any:
        """A cotangent as the caller gets it: an array of its own, a Value if recorded."""
        if record or self.values:
            return total if isinstance(total, Value) else make(CONSTANT, total)
        return own_copy(total, total)

    def push(self, tangents: Any) -> Any:
        """Tangents of the inputs → tangent of the result, in its structure: forward mode over the recorded graph."""
        record = self.record or any(map(_is_followed, tangents.values()))
        tangents = {node: _like(t, node.data, record) for node, t in tangents.items()}
        with context(recording=record):
            for node in reversed(self.order):
                tangents[node] = tangent(node, tangents, record)
        results = []
        for out in self.outputs:
            t = tangents.get(out) if isinstance(out, Value) else None
            results.append(zeros(data_of(out)) if t is None else t)
        return tree.unflatten(self.structure, results)


def _choose(f: Callable[..., Any], args: Any, kwargs: Any, argnum: Argnum) -> Any:
    """(args as a list, kwargs, whether several were asked for, [(container, key) of each chosen argument])."""
    several = isinstance(argnum, (tuple, list))
    wanted: Any = argnum if several else (argnum,)
    args, kwargs = list(args), dict(kwargs)
    chosen: list[tuple[Any, Any]] = []
    for which in wanted:
        if isinstance(which, str):
            if which in kwargs:
                chosen.append((kwargs, which))
                continue
            import inspect

            names = list(inspect.signature(f).parameters)
            if which not in names or names.index(which) >= len(args):
                raise ArgumentError(f"argnum={which!r}: {_name(f)} was called without it; it has {', '.join(names)}")
            which = names.index(which)
        if isinstance(which, bool) or not isinstance(which, (int, np.integer)) or not -len(args) <= which < len(args):
            raise ArgumentError(f"argnum={which!r}: {_name(f)} was called with {len(args)} positional arguments")
        chosen.append((args, which % len(args)))
    if len({(id(container), key) for container, key in chosen}) < len(chosen):
        raise ArgumentError(f"argnum={argnum!r} names an argument of {_name(f)} twice")
    return args, kwargs, several, chosen


def _fresh(leaf: Any, top: bool) -> Any:
    """A new node for an input leaf; None for what is static: inside a container integers, bools, strings and None."""
    if isinstance(leaf, Value):
        if leaf.primitive is CONSTANT:
            return make(None, leaf.data)
        return make(alias, leaf.data, (leaf,), (leaf.data,), kind=type(leaf))  # a Parameter stays one
    kind = dtype_of(leaf).kind if isinstance(leaf, NUMBERS) else "O"
    if kind in "fc" or (top and kind in "biu"):
        return Value(leaf)
    if top:
        raise ArgumentError(f"cannot differentiate with respect to {type(leaf).__name__} {str(leaf)[:60]!r}")
    return None


def _is_followed(x: Any) -> Any:
    """Whether x is a Value to record for. A model's own weight counts as plain: grad(loss)(model) gives plain arrays."""
    return isinstance(x, Value) and (type(x) is Value or x.primitive is not None)


def _like(seed: Any, data: Any, record: bool) -> Any:
    """A seed or tangent with the dtype of data; a constant Value where the walk is recorded."""
    if np.iscomplexobj(data_of(seed)) and not np.iscomplexobj(data):
        raise SeedError(
            "a complex cotangent or tangent for a real number: its imaginary part would be lost; give np.real"
        )
    if not isinstance(seed, Value):
        seed = float(seed) if type(data) is float else as_dtype(seed, data.dtype)
    if record and not isinstance(seed, Value):
        return make(CONSTANT, seed)
    return seed if record or not isinstance(seed, Value) else seed.data


def _one(out: Any) -> Any:
    return 1.0 if not isinstance(out, Value) or is_number(out.data) else np.ones_like(out.data)


def _pair(f: Callable[..., Any], result: Any) -> Any:
    if not isinstance(result, tuple) or len(result) != 2:
        raise ArgumentError(f"has_aux=True: {_name(f)} must return a pair (result, aux)")
    return result


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", None) or (_name(f.func) if isinstance(f, partial) else repr(f))
