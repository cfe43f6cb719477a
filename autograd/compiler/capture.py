"""Capture: run a function once with Tracers and keep the program that it wrote.

The run is a real one: its results are right, and what it changes (weights, gradients, an optimiser's state) is changed.
So the first call of a compiled function costs one eager call and the writing.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import tree
from autograd.compiler.closed import closed
from autograd.compiler.hidden import Link, Reach, Slot, same
from autograd.compiler.program import Program, Variable
from autograd.compiler.refusal import refusal
from autograd.compiler.trace import Trace
from autograd.compiler.tracer import Tracer, concrete
from autograd.context import context
from autograd.value import CONSTANT, Value, make

__all__ = ["Capture", "as_it_is", "capture"]

KEEPING = {"append", "extend", "insert", "add", "setdefault", "update"}  # methods that put something into a container
DRAWS = {name for name in (*dir(np.random.Generator), *dir(np.random)) if not name.startswith("_")} - {"bit_generator"}


@dataclass
class Capture:
    """A program with its ties to the world.

    program    inputs: arguments, then `reads`; outputs: results, then `writes`
    reads      slots whose number or array is an input
    writes     slots that get an output
    guards     static slots, and what they held
    reached    all that the function leads to, after the run;  sizes: [(list or dict on the way, how much is in it)]
    structure  of the results; `wraps`: what makes each of them of its number or array
    results    what this run gave;  rewind: puts all that it changed back
    before     path of a place → the array that was there before this run
    """

    program: Program
    reads: list[Slot]
    writes: list[Slot]
    guards: list[tuple[Slot, Any]]
    reached: Reach
    sizes: list[tuple[Any, int]]
    structure: tree.Structure
    wraps: list[Callable[[Any], Any]]
    results: Any
    before: dict[str, Any]
    rewind: Callable[[], None] | None = None


def capture(f: Callable[..., Any], args: Any, kwargs: Any, varying: frozenset[str] = frozenset()) -> Capture:
    """Run f(*args, **kwargs) with Tracers for its arguments and all it reaches; what it changed stays changed.

    varying   names of arrays and floats of its surroundings that are inputs, not constants
    Raises CompileError, with the line, for what a program cannot repeat; everything is then as it was before.
    """
    trace = Trace()
    reached = Reach(f, args, kwargs, varying)
    chance = _Chance(reached, trace)

    def rewind() -> None:
        reached.restore()
        chance.restore()

    try:
        found = _ran(f, args, kwargs, reached, trace, chance)
        if (left := trace.left()) is not None:
            raise refusal(f"leaves a number of the run ({left!r}) in a place that is not followed (a nonlocal name, a "
                          "set, a generator, an object that is returned)", "return it in a tuple, list or dict, or keep it "
                          "in an attribute", trace.line_of(left))  # fmt: skip
    except BaseException as mistake:
        rewind()
        if trace.refused is not None and isinstance(mistake, (TypeError, ValueError)):
            raise trace.refused from mistake  # NumPy asked for a plain number and made an error of its own of the answer
        raise
    found.rewind = rewind
    return found


def _ran(f: Callable[..., Any], args: Any, kwargs: Any, reached: Reach, trace: Trace, chance: "_Chance") -> Capture:
    """Run the function with Tracers, and put what they became in their place."""
    leaves, form = tree.flatten((args, kwargs))
    names = _argument_names(f, args, leaves)
    held = {slot.path: slot for slot in reached.slots}
    traced = [trace.input(leaf, names[i]) if is_traced(leaf) else leaf for i, leaf in enumerate(leaves)]
    given = {slot.path: trace.input(slot.value, slot.path) for slot in reached.slots if slot.traced}
    for slot in reached.slots:
        if slot.traced:
            slot.set(given[slot.path])
    call_args, call_kwargs = tree.unflatten(form, traced)
    with context(trace=trace):
        result = f(*call_args, **call_kwargs)
    if trace.refused is not None:  # the function has caught it
        raise trace.refused
    chance.check()
    for slot in reached.slots:
        if slot.given and (now := slot.now()) is not given[slot.path]:
            raise refusal(f"changes {slot.path}, which it is given", "a new one before the call",
                          trace.line_of(now) if isinstance(now, Tracer) else _first_line(f))  # fmt: skip
        if slot.given:
            slot.set(slot.value)
    outs, structure = tree.flatten(result)
    _same_containers(reached.links)
    after = Reach(f, args, kwargs, reached.varying)
    writes, written, guards = _changes(held, after, given, trace)
    _check_apart(f, [leaf for leaf in leaves if isinstance(leaf, np.ndarray)], [held.get(x.path) for x in writes])
    plain = [out.data if isinstance(out, Value) else out for out in outs]
    program = trace.program([*plain, *written])
    _settle(after, held, leaves)
    wraps = [_wrap(out) for out in outs]
    kept = _owners(slot.value for slot in (*after.slots, *reached.slots))
    ours = [_apart(concrete(x), kept) for x in plain]  # state is nobody else's
    results = tree.unflatten(structure, [wrap(x) for wrap, x in zip(wraps, ours, strict=True)])
    structure = tree.flatten(results)[1]  # the one before may hold the containers with Tracers in them
    now = {slot.path: slot for slot in after.slots}
    reads = [now.get(slot.path, slot) for slot in reached.slots if slot.path in given]
    places = {slot.path: len(outs) + i for i, slot in enumerate(writes)}
    program.state = {
        given[slot.path].variable: places.get(slot.path, -1)
        for slot in reads
        if not slot.given and _keeps_its_form(given[slot.path].variable, slot.get())
    }
    sizes = [(inside, len(before)) for inside, before in after.contents]
    after.contents.clear()
    before = {slot.path: slot.value for slot in reached.slots if isinstance(slot.value, np.ndarray)}
    return Capture(program, reads, writes, guards, after, sizes, structure, wraps, results, before)


def _settle(after: Reach, held: dict[str, Slot], leaves: list[Any]) -> None:
    """Put what the Tracers of this run stand for in their places."""
    passed = _owners(leaves)  # the caller may write something else into these
    for slot in after.slots:
        if isinstance(slot.value, Tracer):
            old, new = held.get(slot.path), concrete(slot.value)
            new = np.asarray(new) if old is not None and isinstance(old.value, np.ndarray) else new
            slot.value = _apart(new, passed)
            slot.set(slot.value)
            slot.kind = type(slot.value)


def _keeps_its_form(variable: Variable, now: Any) -> bool:
    """Whether a place holds an array of the form that it had: what becomes another is read by another program."""
    return isinstance(now, np.ndarray) and (now.shape, now.dtype) == (variable.shape, variable.dtype)


class _Chance:
    """The random generators that a function reaches: what it draws from them directly would be a constant."""

    def __init__(self, reached: Reach, trace: Trace) -> None:
        self.reached, self.trace = reached, trace
        self.states = {generator: generator.bit_generator.state for generator in reached.generators}
        self.global_states = _global_states()
        for generator in self.states:
            trace.watch(generator)

    def check(self) -> None:
        """Raise CompileError if one was called directly."""
        names = DRAWS.union(dir(sys.modules.get("random", self)))
        line = self.reached.line_of(names, ("LOAD_METHOD", "LOAD_ATTR", "LOAD_GLOBAL"))
        self.trace.check(line=line)
        if line and _global_states() != self.global_states:  # SciPy draws too, for estimates that do not depend on it
            raise refusal("calls a random generator directly, whose numbers would be the same in every run",
                          "autograd.random's functions with rng=", line)  # fmt: skip

    def restore(self) -> None:
        """Put the generators back."""
        for generator, state in self.states.items():
            generator.bit_generator.state = state


def _global_states() -> Any:
    """The states of the generators that np.random and random share among all, as something to compare."""
    state: Any = np.random.get_state(legacy=False)["state"]
    python = sys.modules.get("random")  # nobody draws from it before it is imported
    return state["key"].tobytes(), state["pos"], python and python.getstate()


def _first_line(f: Any) -> str:
    code = getattr(f, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else getattr(f, "__name__", type(f).__name__)


def _wrap(out: Any) -> Callable[[Any], Any]:
    """What makes the result of a run of its number or array: a Value, if the function gave one."""
    if not isinstance(out, Value):
        return as_it_is
    return closed if out.primitive is not None and out.primitive is not CONSTANT else _constant


def _whole(x: Any) -> Any:
    """The array in whose memory x lies."""
    while isinstance(getattr(x, "base", None), np.ndarray):
        x = x.base
    return x


def _owners(values: Iterable[Any]) -> set[int]:
    """The ids of the arrays in whose memory those among the values lie."""
    return {id(_whole(x)) for x in values if isinstance(x, np.ndarray)}


def _apart(x: Any, owners: set[int]) -> Any:
    """x, or a copy of it if it lies in the memory of one of these."""
    return x.copy() if id(_whole(x)) in owners else x


def as_it_is(x: Any) -> Any:
    """A result that is no Value."""
    return x


def _constant(x: Any) -> Value:
    return make(CONSTANT, x)


def _argument_names(f: Any, args: Any, leaves: list[Any]) -> list[str]:
    """What the arguments are called: as the function calls them, if each is one number or array."""
    code = getattr(f, "__code__", None)
    if code is None or len(args) != len(leaves) or any(a is not b for a, b in zip(args, leaves, strict=True)):
        return [f"x{i}" for i in range(len(leaves))]
    skipped = int(hasattr(f, "__self__"))
    known = code.co_varnames[skipped : code.co_argcount]
    return [*known, *(f"x{i}" for i in range(len(known), len(leaves)))][: len(leaves)]


def _same_containers(links: list[Link]) -> None:
    """Put what the function left in a new list or dict into the one that was there: programs know places by the object
    that they are in."""
    replaced = [(link, link.child, link.now()) for link in links if type(link.child) in (list, dict)]
    changed = [(link, old, new.copy()) for link, old, new in replaced if new is not old and type(new) is type(old)]
    for link, old, content in changed:  # copies: one may have come into the place of another
        old.clear()
        old.extend(content) if type(old) is list else old.update(content)
        link.set(old)


def is_traced(leaf: Any) -> bool:
    """Whether an argument is an input: arrays and floats; ints, bools, strings and None are static."""
    return type(leaf) is float or isinstance(leaf, (np.ndarray, np.generic, complex))


def _check_apart(f: Any, arrays: list[Any], changed: list[Slot | None]) -> None:
    """Raise CompileError if an argument lies in memory that the program will overwrite, maybe before it is read."""
    for slot in changed:
        for i, x in enumerate(arrays):
            old = slot.value if slot is not None and slot.traced else None
            if isinstance(old, np.ndarray) and x.size and np.may_share_memory(x, old):
                what = f"gets the same buffer twice, as argument {i} and as {slot.path if slot else ''}, which changes"
                raise refusal(what, "f(x.copy())", _first_line(f))


def _changes(held: dict[str, Slot], after: Reach, given: dict[str, Tracer], trace: Trace) -> Any:
    """(slots that the function gave something new, what that is, [(static slot, what it holds)])."""
    writes, written, guards = [], [], []
    for link in after.links:
        if isinstance(link.child, Tracer):
            raise refusal(f"leaves a number of the run in {link.path}, a name outside of the function",
                          "return it, or keep it in an attribute or a dict", trace.line_of(link.child))  # fmt: skip
    for slot in after.slots:
        old = held.get(slot.path)
        if isinstance(slot.value, Tracer):
            if old is None and not _may_appear(slot):
                line = after.line_of(KEEPING, ("LOAD_METHOD", "LOAD_ATTR")) or trace.line_of(slot.value)
                raise refusal(f"keeps a number of the run in {slot.path}, a place that was not there before",
                              "return it, and keep what the compiled function returns", line)  # fmt: skip
            if slot.value is not given.get(slot.path):
                writes.append(slot)
                written.append(slot.value)
                if (
                    old is not None and not old.traced
                ):  # a gradient where there was none: with one it would be another sum
                    guards.append((slot, old.value))
        elif old is not None and old.traced and slot.value is not old.value:
            writes.append(slot)
            written.append(slot.value)  # a constant, such as a gradient that is forgotten
        elif old is not None and not old.traced and slot.key == "grad" and slot.value is not old.value:
            writes.append(slot)  # a gradient that is the same in every run
            written.append(slot.value)
            guards.append((slot, old.value))
        elif old is not None and not old.traced:
            if not same(old.value, slot.value):
                line = after.line_of({slot.key, slot.path}, ("STORE",))
                what = f"changes {slot.path} from {old.value!r} to {slot.value!r}, fixed in the program"
                remedy = ("set it before the call, as model.train() and model.eval() do" if type(old.value) is bool else
                          f"an array, which is followed, {slot.path} = np.zeros(()) before and {slot.path} = "
                          f"{slot.path} + 1 inside")  # fmt: skip
                raise refusal(what, remedy, line)
            guards.append((slot, slot.value))
    return writes, written, guards


def _may_appear(slot: Slot) -> bool:
    return slot.key == "grad" or isinstance(slot.holder, dict)
