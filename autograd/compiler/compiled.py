"""compile(f): a function like f that runs a program instead of f's Python."""

import contextlib
import functools
import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd import tree
from autograd.compiler.capture import capture, is_traced
from autograd.compiler.hidden import Link
from autograd.compiler.pool import check_threads
from autograd.compiler.program import variables
from autograd.compiler.replay import MISFIT, Replay, replayed
from autograd.errors import ArgumentError

__all__ = ["Compiled", "compile"]

KEPT = 16  # programs of one function, for as many forms of its arguments


def compile(f: Callable[..., Any] | None = None, *, keep: int = KEPT, copy: bool = True,
            threads: int | None = None, backend: str | None = None, exact: bool = False) -> Any:  # fmt: skip
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
           number
    backend   "numpy": every statement is a NumPy call. "llvm": elementwise steps, and the sums around them, are loops of
           machine code, two to three times as fast; their first call takes 15 ms a loop more, once on this machine, and
           says nothing of overflow or division by zero. None: llvm if llvmlite is installed (extra [fast])
    exact  True: the first call gives the program's results too (it goes back and runs it), not f's, which differ by
           rounding. A training that is cut anywhere and goes on in another process then ends with the same bits

    The first call runs f and writes the program down. Arrays that f knows from its surroundings are constants, until
    another array is found there; do not write into them. `.source` is the program, `.explain()` says what became of it,
    `.draw()` shows it. Results equal f's to rounding. Safe to call from several threads; calls wait for each other.

    Raises CompileError, with file, line and remedy, for what a program cannot repeat: a branch on a number, float() of one,
    a generator of NumPy's called directly, a number left in another object. Everything is then as it was before.

    >>> import numpy as np
    >>> square = compile(lambda x: np.sum(x * x))
    >>> [float(square(np.array([1.0, 2.0]) * k)) for k in (1, 2, 3)]
    [5.0, 20.0, 45.0]
    """
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

    def __init__(self, f: Callable[..., Any], keep: int = KEPT, copy: bool = True, threads: int | None = None,
                 backend: str | None = None, exact: bool = False) -> None:  # fmt: skip
        functools.update_wrapper(self, f, updated=())
        self.f, self.keep, self.copy, self.threads, self.backend, self.exact = f, keep, copy, threads, backend, exact
        self.replays: OrderedDict[Any, list[Replay]] = OrderedDict()
        self.lock = threading.RLock()
        self.last: Replay | None = None
        self.varying: frozenset[str] = frozenset()  # arrays of the function's surroundings that were seen to change

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)  # a method

    def __repr__(self) -> str:
        name = getattr(self.f, "__name__", type(self.f).__name__)
        return f"<compiled {name}: {sum(map(len, self.replays.values()))} programs>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
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
            for replay in self.replays.get(key, ()):
                result = replay.attempt(*leaves)
                if result is not MISFIT:
                    self.last = replay
                    self.replays.move_to_end(key)
                    return result
                self.varying |= {link.path for link in replay.found.reached.links if _array_changed(link)}
            return self._captured(key, args, kwargs, leaves)

    def _captured(self, key: Any, args: Any, kwargs: Any, leaves: Any) -> Any:
        """Run the function itself, and keep its program."""
        with _no_collection():
            found = capture(self.f, args, kwargs, self.varying)
            self.last = replayed(found, self.copy, self.threads, self.backend)
        rewind, found.rewind = found.rewind, None  # which holds the old arrays
        self.replays.setdefault(key, []).insert(0, self.last)
        del self.replays[key][self.keep :]
        while len(self.replays) > self.keep:
            self.replays.popitem(last=False)
        if self.exact and rewind:
            rewind()
            result = self.last.attempt(*leaves)
            if result is MISFIT:  # the first run made float64 of a float32 state: it has no program of its own
                return self.f(*args, **kwargs)
            return result
        return found.results

    @property
    def source(self) -> str:
        """The program of the last call, as text: what runs, statement by statement, under the lines it came from."""
        return self._replay().listing.source

    def explain(self) -> str:
        """What became of the function: steps after each pass, what it reads and writes, buffers and their bytes, flops,
        and which chains of steps run in blocks."""
        from autograd.compiler import picture  # pictures are not needed to compute

        replay = self._replay()
        program, found = replay.found.program, replay.found
        constants = {
            id(x): x.nbytes for step in program.steps for x in variables((step.operands, step.options), np.ndarray)
        }
        fused = picture.chains(program)
        lines = [
            "steps      " + ", ".join(f"{name} {count}" for name, count in replay.counts),
            f"inputs     {replay.arguments} arguments, {len(found.reads)} places that it reads elsewhere",
            f"outputs    {replay.first} results, {len(found.writes)} places that it writes",
            f"guards     {len(found.guards)} static values and {len(found.reached.links)} objects, compared at every call",
            f"buffers    {len(replay.listing.buffers)}, {replay.listing.nbytes:,} bytes",
            f"eager      {replay.eager_peak:,} bytes at its peak, if each array is freed after its last reader",
            f"constants  {len(constants)} arrays, {sum(constants.values()):,} bytes",
            f"flops      {picture.flops(program):,} a run",
            *(f"{'chains' if not i else '':11}{line}" for i, line in enumerate(fused)),
            f"programs   {sum(map(len, self.replays.values()))}, of at most {self.keep}",
        ]
        return "\n".join(lines)

    def draw(self, *, direction: str = "LR", theme: str = "auto", max_nodes: int = 400) -> Any:
        """A picture of the program of the last call, forward, backward and update as groups (see autograd.draw)."""
        from autograd.compiler import picture

        replay = self._replay()
        program, names = replay.found.program, replay.listing.labels
        return picture.drawing(program, names, direction=direction, theme=theme, max_nodes=max_nodes)

    def _replay(self) -> Replay:
        if self.last is None:
            raise ArgumentError("call the compiled function once: its program is written then")
        return self.last


def _array_changed(link: Link) -> bool:
    """Whether an array that was taken for a constant is another now."""
    return isinstance(link.child, np.ndarray) and link.get() is not link.child


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """No cyclic garbage collection meanwhile: a graph of 100,000 scalars would be walked again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _form(leaf: Any) -> Any:
    """What another program is needed for: shape and dtype of an array; for anything static its value."""
    if isinstance(leaf, np.ndarray):
        return leaf.shape, leaf.dtype
    if is_traced(leaf):
        return type(leaf)
    try:
        hash(leaf)
    except TypeError:
        return id(leaf)
    return type(leaf), leaf
