"""Capture: run a function once with Tracers and keep the program that it wrote.

The run is a real one: its results are right, and what it changes (weights, gradients, an optimiser's state) is changed.
So the first call of a compiled function costs one eager call and the writing; from the second on the program runs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import tree
from autograd.compiler.hidden import Link, Reach, Slot
from autograd.compiler.program import Program
from autograd.compiler.tracer import Trace, Tracer, concrete, refusal
from autograd.context import context
from autograd.errors import CompileError
from autograd.value import CONSTANT, Value, make

__all__ = ["Capture", "capture"]

DRAWS = {name for name in (*dir(np.random.Generator), *dir(np.random)) if not name.startswith("_")} - {"bit_generator"}


class Capture:
    """A program with its ties to the world.

    program    inputs: arguments, then `reads`; outputs: results, then `writes`
    reads      slots whose number or array is an input
    writes     slots that get an output
    guards     static slots, and what they held
    reached    all that the function leads to, after the run
    structure  of the results; `values`: which of them were Values
    results    what this run gave
    rewind     puts all that it changed back
    """

    def __init__(self, program: Program, reads: list[Slot], writes: list[Slot], guards: list[tuple[Slot, Any]],
                 reached: Reach, structure: tree.Structure, values: list[bool], results: Any,
                 rewind: Callable[[], None] | None) -> None:  # fmt: skip
        self.program, self.reads, self.writes, self.guards, self.reached = program, reads, writes, guards, reached
        self.structure, self.values, self.results, self.rewind = structure, values, results, rewind


def capture(f: Callable[..., Any], args: Any, kwargs: Any, varying: frozenset[str] = frozenset()) -> Capture:
    """Run f(*args, **kwargs) with Tracers for its arguments and all it reaches; what it changed stays changed.

    varying   names of arrays of its surroundings that are inputs, not constants
    Raises CompileError, with the line, for what a program cannot repeat; all slots then hold what they held before.
    """
    trace = Trace()
    leaves, form = tree.flatten((args, kwargs))
    names = _argument_names(f, args, leaves)
    traced = [trace.input(leaf, names[i]) if is_traced(leaf) else leaf for i, leaf in enumerate(leaves)]
    reached = Reach(f, args, kwargs, varying)
    before = reached.slots
    held = {slot.path: slot for slot in before}
    arrays = [slot.value for slot in before if slot.traced and isinstance(slot.value, np.ndarray)]  # numbers are shared
    if len({id(array) for array in arrays}) < len(arrays):
        raise CompileError("the same array is in two places that the function reads; copy one of them")
    given = {slot.path: trace.input(slot.value, slot.path) for slot in before if slot.traced}
    drawn = {generator: generator.bit_generator.state for generator in reached.generators}
    for generator in drawn:
        trace.watch(generator)
    legacy = _legacy()

    def rewind() -> None:
        for slot in before:
            if not isinstance(slot.holder, tuple) and slot.get() is not slot.value:
                slot.set(slot.value)
        for generator, state in drawn.items():
            generator.bit_generator.state = state

    try:
        for slot in before:
            if slot.traced:
                slot.set(given[slot.path])
        call_args, call_kwargs = tree.unflatten(form, traced)
        with context(trace=trace):
            result = f(*call_args, **call_kwargs)
        direct = reached.line_of(DRAWS, ("LOAD_METHOD", "LOAD_ATTR"))
        trace.check(line=direct)
        if direct and _legacy() != legacy:
            raise refusal("calls a random generator directly, whose numbers would be the same in every run",
                          "autograd.random's functions with rng=", direct)  # fmt: skip
        for slot in before:
            if slot.given:
                slot.set(slot.value)
        outs, structure = tree.flatten(result)
        _same_containers(reached.links)
        after = Reach(f, args, kwargs, varying)
        writes, written, guards = _changes(held, after, given, trace)
        _check_apart(f, [leaf for leaf in leaves if isinstance(leaf, np.ndarray)], [held.get(x.path) for x in writes])
    except BaseException as mistake:
        rewind()
        if trace.refused is not None and isinstance(mistake, (TypeError, ValueError)):
            raise trace.refused from mistake  # NumPy asked for a plain number and made an error of its own of the answer
        raise
    values = [isinstance(out, Value) for out in outs]
    plain = [out.data if isinstance(out, Value) else out for out in outs]
    program = trace.program([*plain, *written])
    for slot in after.slots:
        if isinstance(slot.value, Tracer):
            old = held[slot.path].value if slot.path in held else None
            slot.set(np.asarray(concrete(slot.value)) if isinstance(old, np.ndarray) else concrete(slot.value))
    results = tree.unflatten(structure, [
        make(CONSTANT, concrete(x)) if isinstance(out, Value) else concrete(x) for out, x in zip(outs, plain, strict=True)
    ])  # fmt: skip
    reads = [slot for slot in after_slots(before, after.slots) if slot.path in given]
    places = {slot.path: len(outs) + i for i, slot in enumerate(writes)}
    program.state = {
        given[slot.path].variable: places.get(slot.path, -1)
        for slot in reads
        if isinstance(slot.get(), np.ndarray) and not slot.given
    }
    return Capture(program, reads, writes, guards, after, structure, values, results, rewind)


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
    for link in links:
        old: Any = link.child
        new: Any = link.get() if not isinstance(link.holder, dict) or link.key in link.holder else None
        if new is old or type(new) is not type(old) or type(old) not in (list, dict):
            continue
        old.clear()
        old.extend(new) if type(old) is list else old.update(new)
        link.set(old)


def after_slots(before: list[Slot], after: list[Slot]) -> list[Slot]:
    """The slots of before, in their order, with the holders they have now."""
    now = {slot.path: slot for slot in after}
    return [now.get(slot.path, slot) for slot in before]


def is_traced(leaf: Any) -> bool:
    """Whether an argument is an input: arrays and floats; ints, bools, strings and None are static."""
    return type(leaf) is float or isinstance(leaf, (np.ndarray, np.generic, complex))


def _legacy() -> Any:
    """The state of np.random's own generator, as something to compare."""
    state: Any = np.random.get_state(legacy=False)["state"]
    return state["key"].tobytes(), state["pos"]


def _check_apart(f: Any, arrays: list[Any], changed: list[Slot | None]) -> None:
    """Raise CompileError if an argument lies in memory that the program will overwrite, maybe before it is read."""
    code = getattr(f, "__code__", None)
    line = f"{code.co_filename}:{code.co_firstlineno}" if code else ""
    for slot in changed:
        for i, x in enumerate(arrays):
            old = slot.value if slot is not None and slot.traced else None
            if isinstance(old, np.ndarray) and x.size and np.may_share_memory(x, old):
                what = f"gets the same buffer twice, as argument {i} and as {slot.path if slot else ''}, which changes"
                raise refusal(what, "f(x.copy())", line)


def _changes(held: dict[str, Slot], after: Reach, given: dict[str, Tracer], trace: Trace) -> Any:
    """(slots that the function gave something new, what that is, [(static slot, what it holds)])."""
    writes, written, guards = [], [], []
    for slot in after.slots:
        old = held.get(slot.path)
        if isinstance(slot.value, Tracer):
            if old is None and not _may_appear(slot):
                raise refusal(f"leaves a number of the run in {slot.path}, which was not there before",
                              "return it, or make the place beforehand", trace.line_of(slot.value))  # fmt: skip
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
        elif old is not None and not old.traced:
            if not _same(old.value, slot.value):
                line = after.line_of({slot.key, slot.path}, ("STORE",))
                what = (
                    f"changes {slot.path} from {old.value!r} to {slot.value!r}, a Python number, fixed in the program"
                )
                raise refusal(what, "an array (np.zeros(())), which is followed", line)
            guards.append((slot, slot.value))
    return writes, written, guards


def _may_appear(slot: Slot) -> bool:
    return slot.key == "grad" or isinstance(slot.holder, dict)


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and not isinstance(a, np.ndarray) and bool(a == b))
