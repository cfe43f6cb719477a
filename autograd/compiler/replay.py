"""Replay: a captured program tied to the objects that it reads and changes.

Weights and state live in buffers of the program. Before a run each is compared with what its place holds now: if it is
the buffer itself there is nothing to do, else (weights were loaded, another optimiser stepped) the numbers are copied in.
What is static is compared too; if it changed, this program does not fit and the call says so (driver.py).
"""

import warnings
from typing import Any

from autograd import tree
from autograd.compiler import machine
from autograd.compiler.backend import Listing, build
from autograd.compiler.capture import Capture
from autograd.compiler.driver import driver
from autograd.compiler.passes import NATIVE, PASSES, optimized
from autograd.compiler.program import peak, variables

__all__ = ["Replay", "replayed"]


class Replay:
    """A captured program, ready to run again: replay.attempt(*arguments) → result, or MISFIT.

    counts    [(pass, steps after it)], from what was captured;  eager_peak: bytes that its steps would need one by one
    listing   the program as text and function;  native: whether its loops are machine code
    """

    def __init__(self, found: Capture, copy: bool, threads: int | None, native: bool, pool: Any) -> None:
        self.found, self.copy, self.native = found, copy, native
        self.counts = [("captured", len(found.program.steps))]
        self.eager_peak = peak(found.program)
        self.arguments = len(found.program.inputs) - len(found.reads)
        program = found.program = optimized(found.program, NATIVE if native else PASSES, self.counts)
        self.needed()
        program = found.program
        self.first = len(program.outputs) - len(found.writes)
        places = dict(enumerate(found.reads, self.arguments))
        values = {i: slot.get() for i, slot in places.items() if program.inputs[i] in program.state}
        results = self.first if copy else 0
        former = {i: found.before.get(slot.path) for i, slot in places.items()}
        self.listing: Listing = build(program, values, results, found.reached.names, threads, native, former, pool)
        self.buffers = {places[i].path: buffer for i, buffer in self.listing.state.items()}
        for i, buffer in self.listing.state.items():
            places[i].set(buffer)
        self.attempt = driver(found, self.listing, self.buffers, copy, self.result)
        found.before = {}
        for slot in (*found.reads, *found.writes, *found.reached.slots):  # the arrays of the first run are not needed
            slot.value = slot.value if slot.given else None

    def needed(self) -> None:
        """Leave out places that the program neither uses nor writes: what lies there is not its business."""
        program, found = self.found.program, self.found
        used = {*variables(list(program.outputs)), *(x for step in program.steps for x in step.reads())}
        pairs = list(zip(found.reads, program.inputs[self.arguments :], strict=True))
        pairs = [(slot, x) for slot, x in pairs if x in used or program.state.get(x, -1) >= 0]
        found.reads = [slot for slot, _ in pairs]
        found.program = program.but(inputs=(*program.inputs[: self.arguments], *(x for _, x in pairs)))

    def result(self, outs: list[Any]) -> Any:
        """The results as the function gave them."""
        results = [wrap(out) for out, wrap in zip(outs, self.found.wraps, strict=False)]
        return tree.unflatten(self.found.structure, results)


def replayed(found: Capture, copy: bool, threads: int | None, backend: str | None, pool: Any) -> Replay:
    """The program of a capture ready to run, with machine code for its loops if that is wanted and can be had.

    backend   "llvm", "numpy", or None: llvm if llvmlite is installed
    pool      memory that the programs of one function work in (see build)
    """
    program, reads = found.program, found.reads
    if backend == "llvm" and not machine.available():
        _warn_once("backend='llvm' needs llvmlite (pip install 'glassgrad[fast]'); NumPy runs the program instead")
    elif backend != "numpy" and machine.available():
        try:
            return Replay(found, copy, threads, True, pool)
        except Exception as mistake:  # of LLVM or of the system: the program is right without it
            _warn_once(f"no machine code, NumPy runs the program instead: {mistake}")
            found.program, found.reads = program, reads
    return Replay(found, copy, threads, False, pool)


WARNED: set[str] = set()


def _warn_once(text: str) -> None:
    if text not in WARNED:
        WARNED.add(text)
        warnings.warn(text, stacklevel=6)
