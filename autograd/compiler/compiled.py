"""compile(f): a function like f that runs a program instead of f's Python."""

import functools
import threading
import types
import warnings
from collections import OrderedDict
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

from autograd import tree
from autograd.compiler.capture import capture, is_traced
from autograd.compiler.driver import MISFIT
from autograd.compiler.pool import check_threads
from autograd.compiler.program import variables
from autograd.compiler.replay import Replay
from autograd.context import CONTEXT, no_collection
from autograd.errors import ArgumentError, CompileError

__all__ = ["Compiled", "compile"]

KEPT = 16  # programs of one function, for as many forms of its arguments
MANY = 8  # programs from which on a function may be one that is compiled at every call
ELSEWHERE = {  # options of others' compilers → what serves here
    "static_argnums": "ints, bools and strings are static by themselves", "fullgraph": "a function is always one program",
    "mode": "backend='llvm' or 'numpy'", "dynamic": "each shape has its own program",
    "donate_argnums": "weights are overwritten in place by themselves",
}  # fmt: skip


def compile(f: Callable[..., Any] | None = None, *, keep: int = KEPT, copy: bool = True, threads: int | None = None,
            backend: str | None = None, exact: bool = False, **unknown: Any) -> Any:  # fmt: skip
    """A function that does what f does, faster: from the second call on a program of NumPy calls runs, not f's Python.

    f      takes and gives numbers, arrays, Values and containers of them. What it reaches besides, through closures,
           globals and arguments, is followed: weights, gradients, an optimiser's state and rate, running statistics are
           read anew in every call and changed as f changes them, so a whole training step is one program. Random ops of
           autograd.random draw what they would draw
    keep   programs that are remembered: each shape, dtype and structure of the arguments has its own, and each value of
           what is static (ints, bools, strings, None, Python numbers in objects); the least recently used is dropped
    copy   False: results may lie in memory that the next call overwrites
    threads   1 or 2, for BLAS too; by default BLAS has what it has, and convolutions, pools and large loops what
           `set_threads` says (at first the number of processors, or OMP_NUM_THREADS). The results are the same for every
           number. 1 is faster where other programs keep the processors busy: BLAS's threads wait for one another
    backend   "numpy": every statement is a NumPy call. "llvm": elementwise steps, and the sums around them, are loops of
           machine code, two to three times as fast; to make them takes 15 ms a loop more, once on this machine, and they
           say nothing of overflow or division by zero. None: llvm if llvmlite is installed (extra [fast])
    exact  True: the first call gives the program's results too (it goes back and runs it), not f's, which differ by
           rounding. A training that is cut anywhere and goes on in another process then ends with the same bits

    compile goes outermost: compile(grad(f)), or a whole training step with its backward() inside. Called inside of grad or
    of another compiled function a compiled function is f itself; what it returns elsewhere passes no gradient on.

    The first call runs f and writes down what it does; a training step is written down twice, because before the first step
    there are no gradients. What f does besides (print, a list's append of a plain number) happens only then. The next call
    makes a program of it and runs that, so what is called once costs little. Arrays that f knows from its surroundings are
    constants, until another array is found there; do not write into them. `.source` is the program, `.explain()` says what
    became of it, `.draw()` shows it. Results equal f's to rounding. Safe to call from several threads; calls wait for each
    other.

    Weights, gradients and state lie in buffers of the program, which every call overwrites: copy what you keep of them. An
    array in an object is replaced by such a buffer.

    A Python number that changes from call to call (a counter, a slice's start) is another program each time: pass
    float(t), or an array. Floats in objects become inputs once they have changed; so set a rate from a schedule before the
    call, optimizer.learning_rate = schedule(t), not in it.

    Raises CompileError, with file, line and remedy, for what a program cannot repeat: a branch on a number, float() of one,
    a mask as index (x[x > 0]), a generator of NumPy's called directly, a number left in another object. Everything is then
    as it was before.

    >>> import numpy as np
    >>> square = compile(lambda x: np.sum(x * x))
    >>> [float(square(np.array([1.0, 2.0]) * k)) for k in (1, 2, 3)]
    [5.0, 20.0, 45.0]
    """
    if unknown:
        hints = [f"{name} ({ELSEWHERE[name]})" if name in ELSEWHERE else name for name in unknown]
        raise ArgumentError(f"compile has no option {', '.join(hints)}; it has keep, copy, threads, backend and exact")
    if f is None:
        return lambda function: compile(function, keep=keep, copy=copy, threads=threads, backend=backend, exact=exact)
    if not callable(f):
        raise ArgumentError(f"compile takes a function, got {type(f).__name__}")
    if not isinstance(keep, int) or keep < 1:
        raise ArgumentError(f"keep={keep!r}: expected a whole number of at least 1")
    if backend not in (None, "numpy", "llvm"):
        raise ArgumentError(f"backend={backend!r}: expected 'numpy', 'llvm' or None, for llvm if llvmlite is installed")
    return Compiled(f, keep, copy, threads if threads is None else check_threads(threads), backend, exact)


class Compiled:
    """What compile returns: call it as the function. Made by `compile` only."""

    def __init__(self, f: Callable[..., Any], keep: int, copy: bool, threads: int | None, backend: str | None,
                 exact: bool) -> None:  # fmt: skip
        functools.update_wrapper(self, f, updated=())
        self.f, self.options = f, (keep, copy, threads, backend, exact)
        self.keep, self.copy, self.threads, self.backend, self.exact = self.options
        self.replays: OrderedDict[Any, list[Replay]] = OrderedDict()
        self.pool: tuple[dict[int, list[Any]], dict[int, list[Any]]] = {}, {}
        self.lock = threading.RLock()
        self.last: Replay | None = None
        self.varying: frozenset[str] = frozenset()  # arrays and floats of its surroundings that were seen to change
        self.warned = self.failed = False
        self.dropped: set[Any] = set()  # keys of programs that are not kept any more

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Compiled":
        return Compiled(deepcopy(self.f, memo), *self.options)

    def __reduce__(self) -> Any:
        return Compiled, (self.f, *self.options)

    def __repr__(self) -> str:
        name = getattr(self.f, "__name__", type(self.f).__name__)
        return f"<compiled {name}: {sum(map(len, self.replays.values()))} programs>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        around = CONTEXT.get()
        outer = around.depth or around.trace is not None or around.anomaly  # f is differentiated, compiled, looked at
        if outer or self.failed:
            return self.f(*args, **kwargs)
        plain = not kwargs
        for x in args:
            plain = plain and (type(x) is np.ndarray or type(x) is float)
        if plain:
            leaves: Any = args
            key: Any = tuple([(x.shape, x.dtype) if type(x) is np.ndarray else float for x in args])
        else:
            leaves, structure = tree.flatten((args, kwargs))
            key = (structure, *[_form(leaf) for leaf in leaves])
            leaves = [leaf for leaf in leaves if is_traced(leaf)]
        with self.lock:
            kept = self.replays.get(key, [])
            for replay in kept:
                result = (replay.attempt or self._ready(replay, args, kwargs))(*leaves)
                if result is not MISFIT:
                    if replay is not self.last:  # the one used last is tried first, and dropped last
                        self.last = replay
                        kept.remove(replay)
                        kept.insert(0, replay)
                        self.replays.move_to_end(key)
                    return result
                self.varying |= _changed(replay)
            return self._captured(key, args, kwargs, leaves)

    def _captured(self, key: Any, args: Any, kwargs: Any, leaves: Any) -> Any:
        """Run the function itself, and keep its program."""
        with no_collection():
            try:
                found = capture(self.f, args, kwargs, self.varying)
            except CompileError:
                if not self.varying:
                    raise
                found = capture(self.f, args, kwargs)  # what changes from call to call decides what the program is
        self.last = Replay(found, self.copy, self.threads, self.backend, self.pool)
        self.replays.setdefault(key, []).insert(0, self.last)
        del self.replays[key][self.keep :]
        while len(self.replays) > self.keep:
            self.dropped.add(self.replays.popitem(last=False)[0])
        if not self.warned:
            self._warn_of_many(key)
        rewind, results = found.rewind, found.results
        found.rewind = found.results = None  # they hold the old arrays and the new ones
        if self.exact and rewind is not None:
            rewind()
            result = self._ready(self.last, args, kwargs, 4)(*leaves)
            return self.f(*args, **kwargs) if result is MISFIT else result  # it made another dtype of a state
        return results

    def _ready(self, replay: Replay, args: Any, kwargs: Any, level: int = 3) -> Any:
        """What runs a program that was not called for yet: it is made ready, if nothing static has changed."""
        if not replay.fits():
            return lambda *leaves: MISFIT
        try:
            with no_collection():
                replay.make()
        except Exception as mistake:
            self.failed = True
            name = getattr(self.f, "__name__", type(self.f).__name__)
            warnings.warn(f"{name} runs without compile, its program could not be made: {mistake!r}", stacklevel=level)
            return lambda *leaves: self.f(*args, **kwargs)
        return replay.attempt

    def _warn_of_many(self, key: Any) -> None:
        """Say once why there are so many programs: which Python number has another value in each of the last, or that some
        are dropped and then needed again."""
        kept = [replay for replays in self.replays.values() for replay in replays]
        found = _different(list(self.replays), kept) if len(kept) >= MANY else ""
        if not found and key in self.dropped:
            found = (f"its arguments have more forms in turn than keep={self.keep}: programs are dropped and made again. "
                     "Pass a larger keep, or fill batches up to one size")  # fmt: skip
        if found:
            self.warned = True
            name = getattr(self.f, "__name__", type(self.f).__name__)
            warnings.warn(f"{name} is compiled again and again, because {found}", stacklevel=4)

    @property
    def source(self) -> str:
        """The program of the last call, as text: what runs, statement by statement, under the lines it came from."""
        return self._replay().listing.source

    def explain(self) -> str:
        """What became of the function: steps after each pass that changed their number, what it reads and writes, which
        values are fixed in it, buffers and their bytes, flops, and which chains of steps are one loop or run in blocks."""
        from autograd.compiler import picture  # pictures are not needed to compute

        replay = self._replay()
        program, found = replay.found.program, replay.found
        constants = {
            id(x): x.nbytes for step in program.steps for x in variables((step.operands, step.options), np.ndarray)
        }
        fused = picture.chains(program)
        counts = [
            pair for pair, before in zip(replay.counts, [("", 0), *replay.counts], strict=False) if pair[1] != before[1]
        ]
        fixed = [f"{slot.path} = {value!r:.20}" for slot, value in found.guards if not isinstance(value, np.ndarray)]
        lines = [
            "steps      " + ", ".join(f"{count:,} {name}" for name, count in counts),
            f"backend    {'machine code for loops' if replay.native else 'NumPy'}",
            f"inputs     {replay.arguments} arguments, {_places(found.reads)} that it reads elsewhere",
            f"outputs    {replay.first} results, {_places(found.writes)} that it writes",
            f"guards     {len(found.guards)} static values and {len(found.reached.links)} objects, compared at every call",
            *([f"fixed      {', '.join(fixed[:6])}{', …' if len(fixed) > 6 else ''}"] if fixed else []),
            f"buffers    {len(replay.listing.buffers)}, {replay.listing.nbytes:,} bytes",
            f"eager      {replay.eager_peak:,} bytes at its peak, if each array is freed after its last reader",
            f"constants  {len(constants)} arrays, {sum(constants.values()):,} bytes",
            f"flops      {picture.flops(program):,} a run",
            *(f"{'chains' if not i else '':11}{line}" for i, line in enumerate(fused)),
            f"programs   {sum(map(len, self.replays.values()))}, of at most {self.keep}",
        ]
        return "\n".join(lines)

    def draw(
        self, depth: int | str = "auto", *, direction: str = "LR", theme: str = "auto", max_nodes: int = 400
    ) -> Any:
        """A picture of the program of the last call: a card for each input and each step, in boxes by phase and module.

        depth, direction, theme and max_nodes are those of autograd.draw: a program of more than max_nodes cards is folded
        into its phases and modules. Long ones are easier to read with direction="TB".
        """
        from autograd.compiler import picture
        from autograd.viz.picture import check_count, check_depth

        check_depth(depth)
        check_count("max_nodes", max_nodes, 1)
        replay = self._replay()
        program, names = replay.found.program, replay.listing.labels
        return picture.drawing(program, names, depth=depth, direction=direction, theme=theme, max_nodes=max_nodes)

    def _replay(self) -> Replay:
        with self.lock:
            if self.last is None:
                raise ArgumentError("call the compiled function once: its program is written then")
            if self.last.attempt is None:
                self.last.make()
            return self.last


def _places(slots: list[Any]) -> str:
    """“3 places (model.weight.data, …)”."""
    names = ", ".join(slot.path for slot in slots[:2]) + (", …" if len(slots) > 2 else "")
    return f"{len(slots)} places" + (f" ({names})" if slots else "")


def _changed(replay: Replay) -> set[str]:
    """Places of arrays that were taken for constants, and of static floats, that hold something else now."""
    found = replay.found
    arrays = {
        link.path for link in found.reached.links if isinstance(link.child, np.ndarray) and link.now() is not link.child
    }
    floats = {slot.path for slot, value in found.guards
              if type(value) is float and type(now := slot.now()) is float and now != value}  # fmt: skip
    return arrays | floats


def _different(keys: list[Any], replays: list[Replay]) -> str:
    """“argument 2 was 0, 1, 2”, and what to do, for a static number that differs among programs; "" if none does."""
    slow = ": each value is a program of its own, and a slow call."
    for i in range(1, max(map(len, keys))):
        seen = [key[i][1] for key in keys if len(key) > i and isinstance(key[i], tuple) and key[i][0] is int]
        if len(set(seen)) >= MANY - 2:
            last = ", ".join(map(str, seen[-3:]))
            return f"a Python int among its arguments was {last}{slow} Pass a float, or np.asarray(i) for np.take"
    values: dict[str, list[Any]] = {}
    for replay in reversed(replays):
        for slot, value in replay.found.guards:
            values.setdefault(slot.path, []).append(value)
    for path, seen in values.items():
        if len(set(map(repr, seen))) >= MANY - 2 and type(seen[-1]) in (int, float):
            remedy = "It decides what is computed: change it rarely" if type(seen[-1]) is float else "Make it a float"
            return f"{path} was {', '.join(map(str, seen[-3:]))}{slow} {remedy}"
    return ""


class _Same:
    """A key for what cannot be hashed: the same object with the same text, such as a set."""

    def __init__(self, x: Any) -> None:
        self.x, self.text = x, repr(x)

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Same) and self.x is other.x and self.text == other.text


def _form(leaf: Any) -> Any:
    """What another program is needed for: shape and dtype of an array; for anything static its value, or itself."""
    if isinstance(leaf, np.ndarray):
        return leaf.shape, leaf.dtype
    if is_traced(leaf):
        return type(leaf)
    try:
        hash(leaf)
    except TypeError:
        return _Same(leaf)
    return type(leaf), leaf
