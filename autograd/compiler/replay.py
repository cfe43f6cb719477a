"""Replay: a captured program tied to the objects that it reads and changes.

Weights and state live in buffers of the program. Before a run each is compared with what its place holds now: if it is
the buffer itself there is nothing to do, else (weights were loaded, another optimiser stepped) the numbers are copied in.
What is static is compared too; if it changed, this program does not fit and the call says so (driver.py).
"""

import warnings
from typing import Any

import numpy as np

from autograd import tree
from autograd.compiler import machine
from autograd.compiler.backend import Listing, build
from autograd.compiler.capture import Capture
from autograd.compiler.driver import driver, fits
from autograd.compiler.hidden import same
from autograd.compiler.memory import is_buffer, register
from autograd.compiler.passes import NATIVE, PASSES, optimized
from autograd.compiler.program import peak, variables

__all__ = ["Replay"]


class Replay:
    """A captured program, which is made ready to run when it is first called for: then replay.attempt(*arguments) → result,
    or MISFIT.

    backend   "llvm", "numpy", or None: llvm if llvmlite is installed
    pool      memory that the programs of one function work in (see build)

    native    whether its loops are, or will be, machine code
    listing   the program as text and function
    counts    [(pass, steps after it)], from what was captured;  eager_peak: bytes that its steps would need one by one

    Passes, plan and text take longer than writing down, and many programs are never called for again: that of a training
    step before there were gradients, of a last batch, of an evaluation at the end.
    """

    def __init__(self, found: Capture, copy: bool, threads: int | None, backend: str | None, pool: Any) -> None:
        if backend == "llvm" and not machine.available():
            _warn_once("backend='llvm' needs llvmlite (pip install 'glassgrad[fast]'); NumPy runs the program instead")
        self.found, self.copy, self.threads, self.pool = found, copy, threads, pool
        self.native = backend != "numpy" and machine.available()
        self.attempt: Any = None
        self.arguments = len(found.program.inputs) - len(found.reads)
        before = [(slot, found.before.get(slot.path)) for slot in found.reads]
        found.before = {slot.path: x for slot, x in before if is_buffer(x, slot)}
        for slot in (*found.reads, *found.writes, *found.reached.slots):  # the arrays of the first run are not needed
            slot.value = slot.value if slot.given else None

    def fits(self) -> bool:
        """Whether what is static is as it was when the program was written down."""
        found = self.found
        return (
            all(len(inside) == count for inside, count in found.sizes)
            and all(link.now() is link.child for link in found.reached.links)
            and all(same(slot.now(), value) for slot, value in found.guards)
        )

    def make(self) -> None:
        """Make it ready to run, with machine code for its loops if that is wanted and can be had."""
        program, reads = self.found.program, self.found.reads
        try:
            self.write()
        except BaseException as mistake:
            self.found.program, self.found.reads = program, reads
            if not self.native or not isinstance(mistake, Exception):
                raise
            _warn_once(f"no machine code, NumPy runs the program instead: {mistake}")  # it is right without it
            self.native = False
            self.write()

    def write(self) -> None:
        """Run the passes, lay out memory, write the text; then put what is state into its buffers."""
        found = self.found
        self.counts = [("captured", len(found.program.steps))]
        self.eager_peak = peak(found.program)
        found.program = optimized(found.program, NATIVE if self.native else PASSES, self.counts)
        self.needed()
        program = found.program
        self.first = len(program.outputs) - len(found.writes)
        places = dict(enumerate(found.reads, self.arguments))
        now = {i: slot.now() for i, slot in places.items() if program.inputs[i] in program.state}
        values = {i: x if fits(x, program.inputs[i]) else np.zeros(program.inputs[i].shape, program.inputs[i].dtype)
                  for i, x in now.items()}  # fmt: skip
        former = {i: x if is_buffer(x, places[i]) else found.before.get(places[i].path) for i, x in values.items()}
        self.listing: Listing = build(program, values, self.first if self.copy else 0, found.reached.names, self.threads,
                                      self.native, former, self.pool)  # fmt: skip
        self.buffers = {places[i].path: buffer for i, buffer in self.listing.state.items()}
        self.attempt = driver(found, self.listing, self.buffers, self.copy, self.result)
        for i, buffer in self.listing.state.items():
            register(buffer, places[i])
            if values[i] is now[i]:
                places[i].set(buffer)
        found.before = {}

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


WARNED: set[str] = set()


def _warn_once(text: str) -> None:
    if text not in WARNED:
        WARNED.add(text)
        warnings.warn(text, stacklevel=5)
