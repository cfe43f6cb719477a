"""Replay: a captured program tied to the objects that it reads and changes.

Weights and state live in buffers of the program. Before a run each is compared with what its place holds now: if it is
the buffer itself there is nothing to do, else (weights were loaded, another optimiser stepped) the numbers are copied in.
What is static is compared too; if it changed, this program does not fit and the call says so. These looks at attributes
and the call are one generated function, because a loop over them would cost as much as a small model's step.
"""

import warnings
from typing import Any

import numpy as np

from autograd import tree
from autograd.compiler import machine
from autograd.compiler.backend import Listing, build
from autograd.compiler.capture import Capture
from autograd.compiler.hidden import Link, Slot
from autograd.compiler.passes import NATIVE, PASSES, optimized
from autograd.compiler.program import Variable, peak, variables
from autograd.value import CONSTANT, UNREACHED, make

__all__ = ["MISFIT", "Replay", "replayed"]

MISFIT = object()  # what a call gives if something static has changed


class Replay:
    """A captured program, ready to run again: replay(arguments) → result, or MISFIT.

    counts    [(pass, steps after it)], from what was captured;  eager_peak: bytes that its steps would need one by one
    listing   the program as text and function
    """

    def __init__(self, found: Capture, copy: bool = True, threads: int | None = None, native: bool = False) -> None:
        self.found, self.copy = found, copy
        self.counts = [("captured", len(found.program.steps))]
        self.eager_peak = peak(found.program)
        self.arguments = len(found.program.inputs) - len(found.reads)
        program = found.program = optimized(found.program, NATIVE if native else PASSES, self.counts)
        self.needed()
        program = found.program
        self.first = len(program.outputs) - len(found.writes)
        places = dict(enumerate(found.reads, self.arguments))
        values = {i: slot.get() for i, slot in places.items() if program.inputs[i] in program.state}
        self.listing: Listing = build(program, values, self.first if copy else 0, found.reached.names, threads)
        self.buffers = {places[i].path: buffer for i, buffer in self.listing.state.items()}
        for i, buffer in self.listing.state.items():
            places[i].set(buffer)
        self.attempt = self._driver()

    def needed(self) -> None:
        """Leave out places that the program neither uses nor writes: what lies there is not its business."""
        program, found = self.found.program, self.found
        used = {*variables(list(program.outputs)), *(x for step in program.steps for x in step.reads())}
        pairs = list(zip(found.reads, program.inputs[self.arguments :], strict=True))
        pairs = [(slot, x) for slot, x in pairs if x in used or program.state.get(x, -1) >= 0]
        found.reads = [slot for slot, _ in pairs]
        found.program = program.but(inputs=(*program.inputs[: self.arguments], *(x for _, x in pairs)))

    def __call__(self, *arguments: Any) -> Any:
        return self.attempt(*arguments)

    def result(self, outs: list[Any]) -> Any:
        """The results as the function gave them."""
        pairs = zip(outs, self.found.values, strict=False)
        results = [make(CONSTANT, out) if value else out for out, value in pairs]
        return tree.unflatten(self.found.structure, results)

    def _driver(self) -> Any:
        """The function that checks, loads, runs and writes back, one statement for each place."""
        names: dict[str, Any] = {"run": self.listing.run, "MISFIT": MISFIT, "same": _same, "load": _load, "fits": _fits,
                                 "own": _own, "copyto": np.copyto, "contiguous": _contiguous}  # fmt: skip
        known: dict[int, str] = {}

        def name(x: Any) -> str:
            if id(x) not in known:
                known[id(x)] = f"_{len(names)}"
                names[known[id(x)]] = x
            return known[id(x)]

        def place(slot: Slot | Link) -> str:
            if isinstance(slot.holder, (list, dict, tuple)):
                return f"{name(slot.holder)}[{slot.key!r}]"
            return f"{name(slot.holder)}.{slot.key}"

        lines, found = [], self.found
        lines += [f"if {place(link)} is not {name(link.child)}: return MISFIT" for link in found.reached.links]
        for slot, value in found.guards:
            lines.append(
                f"if {place(slot)} is not {name(value)} and not same({place(slot)}, {name(value)}): return MISFIT"
            )
        inputs = [f"x{i}" for i in range(self.arguments)]
        arrays = [f"x{i}" for i, x in enumerate(found.program.inputs[: self.arguments]) if x.shape]
        changing = [self.buffers[slot.path] for slot in found.writes if slot.path in self.buffers]
        names["BUFFERS"] = {id(x) for buffer in changing for x in (buffer, buffer.base) if x is not None}
        names["overlaps"] = lambda x: any(np.may_share_memory(x, buffer) for buffer in changing)
        if changing:
            lines += [
                f"if (id({a}) in BUFFERS or id({a}.base) in BUFFERS) and overlaps({a}): return MISFIT" for a in arrays
            ]
        lines += [f"if not {a}.flags.c_contiguous: {a} = contiguous({a})" for a in arrays]
        program = found.program
        used = set(variables(list(program.outputs)))
        for step in program.steps:
            used.update(step.reads())
        for slot, variable in zip(found.reads, program.inputs[self.arguments :], strict=True):
            buffer = self.buffers.get(slot.path)
            if slot.given:
                lines.append(f"if not fits({place(slot)}, {name(slot.value)}): return MISFIT")
                inputs.append(f"contiguous({place(slot)})")
            elif buffer is None:
                inputs.append(f"float({place(slot)})")
            elif variable in used:
                lines.append(f"if {place(slot)} is not {name(buffer)}:")
                lines.append(f"    if not fits({place(slot)}, {name(buffer)}): return MISFIT")
                lines.append(f"    {place(slot)} = load({name(buffer)}, {place(slot)})")
            else:
                lines.append(f"{place(slot)} = {name(buffer)}")
        lines.append(f"outs = run({', '.join(inputs)})")
        given: set[Any] = set()
        for i, x in enumerate(program.outputs[: self.first]):
            if self.copy and not (isinstance(x, Variable) and x in self.listing.fresh and x not in given):
                lines.append(f"outs[{i}] = own(outs[{i}])")
            given |= {x} if isinstance(x, Variable) else set()
        writes = [(i, slot) for i, slot in enumerate(found.writes, self.first) if i not in self.listing.homes]
        held = [i for i, slot in writes if program.outputs[i] in program.inputs]  # what one place takes from another
        lines += [f"outs[{i}] = own(outs[{i}])" for i in held]
        for i, slot in writes:
            buffer = self.buffers.get(slot.path)
            if program.outputs[i] is UNREACHED:  # a gradient that was forgotten, which this very object says
                lines.append(f"{place(slot)} = {name(UNREACHED)}")
            elif buffer is not None:
                lines.append(f"copyto({name(buffer)}, outs[{i}])")
                lines.append(f"{place(slot)} = {name(buffer)}")
            elif type(slot.get()) is int:
                lines.append(f"{place(slot)} = int(outs[{i}])")
            else:
                lines.append(f"{place(slot)} = outs[{i}]")
        names["result"] = self.result
        single = found.structure is tree.LEAF and not found.values[0]
        lines.append("return outs[0]" if single else "return result(outs)")
        head = f"def attempt({', '.join(f'x{i}' for i in range(self.arguments))}):"
        text = "\n        ".join([f"def make({', '.join(names)}):\n    {head}", *lines]) + "\n    return attempt\n"
        space: dict[str, Any] = {}
        exec(compile(text, "<replay>", "exec"), space)  # of attribute names found by vars() and our own labels only
        return space["make"](*names.values())


def replayed(found: Capture, copy: bool, threads: int | None, backend: str | None) -> Replay:
    """The program of a capture ready to run, with machine code for its loops if that is wanted and can be had.

    backend   "llvm", "numpy", or None: llvm if llvmlite is installed
    """
    program, reads = found.program, found.reads
    if backend == "llvm" and not machine.available():
        _warn_once("backend='llvm' needs llvmlite (pip install 'glassgrad[fast]'); NumPy runs the program instead")
    elif backend != "numpy" and machine.available():
        try:
            return Replay(found, copy, threads, native=True)
        except Exception as mistake:  # of LLVM or of the system: the program is right without it
            _warn_once(f"no machine code, NumPy runs the program instead: {mistake}")
            found.program, found.reads = program, reads
    return Replay(found, copy, threads)


WARNED: set[str] = set()


def _warn_once(text: str) -> None:
    if text not in WARNED:
        WARNED.add(text)
        warnings.warn(text, stacklevel=6)


def _same(a: Any, b: Any) -> bool:
    """Whether two static values are equal; arrays are only if they are one object."""
    return type(a) is type(b) and not isinstance(a, np.ndarray) and bool(a == b)


def _fits(value: Any, buffer: Any) -> bool:
    """Whether a place holds what the program can take from it."""
    return isinstance(value, np.ndarray) and value.shape == buffer.shape and value.dtype == buffer.dtype


def _own(out: Any) -> Any:
    """A result that no buffer shares memory with."""
    return out.copy()[()] if isinstance(out, np.ndarray) else out


def _load(buffer: Any, value: Any) -> Any:
    """Copy what a place holds now into the buffer that the program uses for it; the buffer."""
    np.copyto(buffer, value)
    return buffer


def _contiguous(x: Any) -> Any:
    return np.ascontiguousarray(x) if x.ndim else x
