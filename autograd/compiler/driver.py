"""Driver: the function that ties a program to the objects that it reads and changes.

It compares what is static with what it was, loads what lies elsewhere now, calls the program and writes back: one statement
for each place, as generated text, because a loop over the places would cost as much as a small model's step.
"""

from keyword import iskeyword
from typing import Any

import numpy as np

from autograd import tree
from autograd.compiler.backend import Listing
from autograd.compiler.capture import Capture, as_it_is
from autograd.compiler.hidden import Place, same
from autograd.compiler.program import Variable, variables
from autograd.value import UNREACHED

__all__ = ["MISFIT", "driver", "fits"]

MISFIT = object()  # what a call gives if something static has changed


def driver(found: Capture, listing: Listing, buffers: dict[str, Any], copy: bool, result: Any) -> Any:
    """attempt(*arguments) → the function's result, or MISFIT.

    found     the program with its places;  listing: the program as a function
    buffers   path of a place → the buffer in which its content lies
    copy      whether results must not lie in buffers
    result    outputs → what the function gives
    """
    return _Driver(found, listing, buffers, copy, result).made()


class _Driver:
    def __init__(self, found: Capture, listing: Listing, buffers: dict[str, Any], copy: bool, result: Any) -> None:
        self.found, self.listing, self.buffers, self.copy = found, listing, buffers, copy
        self.names: dict[str, Any] = {
            "run": listing.run, "MISFIT": MISFIT, "same": same, "load": _load, "fits": fits, "own": _own,
            "copyto": np.copyto, "contiguous": _contiguous, "result": result,
        }  # fmt: skip
        self.known: dict[int, str] = {}
        self.formed: set[str] = set()  # paths of arrays that become another form
        self.holders: dict[str, str] = {}  # name of an object → that of the dictionary of its attributes
        self.count = len(found.program.inputs) - len(found.reads)
        self.first = len(found.program.outputs) - len(found.writes)

    def made(self) -> Any:
        """The function."""
        single = self.found.structure is tree.LEAF and self.found.wraps[0] is as_it_is
        loads, inputs, ends = self.loads()
        body = [*_attempted(self.guards()), *self.arguments(), *_attempted(loads), f"outs = run({', '.join(inputs)})",
                *ends, *self.results(), *self.writes(), "return outs[0]" if single else "return result(outs)"]  # fmt: skip
        text = "\n    ".join([f"def attempt({', '.join(f'x{i}' for i in range(self.count))}):", *body]) + "\n"
        space = dict(self.names)
        exec(compile(text, "<driver>", "exec"), space)  # of attribute names found by vars() and our own labels only
        return space.pop("attempt")

    def name(self, x: Any) -> str:
        """The name by which the function knows an object."""
        if id(x) not in self.known:
            self.known[id(x)] = f"_{len(self.names)}"
            self.names[self.known[id(x)]] = x
        return self.known[id(x)]

    def place(self, slot: Place) -> str:
        """The expression of a place."""
        holder, key = self.name(slot.holder), slot.key
        if isinstance(slot.holder, (list, dict, tuple)):
            return f"{holder}[{key if type(key) is int else self.name(key)}]"
        plain = key.isidentifier() and not iskeyword(key)
        return f"{holder}.{key}" if plain else f"vars({holder})[{key!r}]"

    def looked(self, slot: Place) -> str:
        """The expression of what is in a place; where the class of an object has a __getattr__, as Module has, from the
        dictionary of its attributes, in half the time."""
        attributes = getattr(slot.holder, "__dict__", None)
        slow = type(attributes) is dict and hasattr(type(slot.holder), "__getattr__") and slot.key in attributes
        if slow and id(attributes) in self.known:
            self.holders[self.name(slot.holder)] = self.name(attributes)
            return f"{self.name(attributes)}[{slot.key!r}]"
        return self.place(slot)

    def guards(self) -> list[str]:
        """Nothing static has changed: no object has come or gone or is another, and no number is."""
        found, name = self.found, self.name
        lines = [f"if len({name(inside)}) != {count}: return MISFIT" for inside, count in found.sizes]
        for link in found.reached.links:
            lines.append(f"if {self.looked(link)} is not {name(link.child)}: return MISFIT")
        for slot, value in found.guards:
            now, then = self.looked(slot), name(value)
            lines.append(f"if {now} is not {then} and not same({now}, {then}): return MISFIT")
        return [*(f"if {x}.__dict__ is not {inside}: return MISFIT" for x, inside in self.holders.items()), *lines]

    def arguments(self) -> list[str]:
        """Arguments that lie in memory that changes do not fit; those with gaps are copied."""
        arrays = [f"x{i}" for i, x in enumerate(self.found.program.inputs[: self.count]) if x.shape]
        changing = [self.buffers[slot.path] for slot in self.found.writes if slot.path in self.buffers]
        changing += [] if self.copy else self.listing.outputs  # a result of the last run may be given back
        self.names["BUFFERS"] = {id(x) for buffer in changing for x in (buffer, buffer.base) if x is not None}
        self.names["overlaps"] = lambda x: any(np.may_share_memory(x, buffer) for buffer in changing)
        near = [f"if (id({a}) in BUFFERS or id({a}.base) in BUFFERS) and overlaps({a}): return MISFIT" for a in arrays]
        return (near if changing else []) + [f"if not {a}.flags.c_contiguous: {a} = contiguous({a})" for a in arrays]

    def loads(self) -> tuple[list[str], list[str], list[str]]:
        """(statements that put what the places hold into the buffers, what the program is called with, statements that
        put the buffers of what is only written into their places).

        What is to be loaded may lie in the buffer of another place, whose content is replaced too: then it is copied.
        No place is changed before all are known to fit: another program may be tried next.
        """
        program, name = self.found.program, self.name
        used = set(variables(list(program.outputs))).union(*(step.reads() for step in program.steps))
        lines, inputs, ends, taken = [], [f"x{i}" for i in range(self.count)], [], []
        for slot, variable in zip(self.found.reads, program.inputs[self.count :], strict=True):
            place, buffer = self.place(slot), self.buffers.get(slot.path)
            if slot.given:
                lines.append(f"if not fits({place}, {name(slot.value)}): return MISFIT")
                inputs.append(f"contiguous({place})")
            elif buffer is None:
                array = issubclass(slot.kind, np.ndarray)  # that becomes another form than the program reads
                same_form = f"fits({place}, {name(variable)})" if array else f"type({place}) is {name(slot.kind)}"
                lines.append(f"if not ({same_form}): return MISFIT")
                self.formed |= {slot.path} if array else set()
                inputs.append(f"contiguous({place})" if array else place)
            elif variable in used:
                lines.append(f"if {place} is not {name(buffer)}:")
                lines.append(f"    if not fits({place}, {name(buffer)}): return MISFIT")
                lines.append(f"    moved.append(({name(buffer)}, {place}))")
                taken.append(f"    {place} = {name(buffer)}")
            else:
                ends.append(f"{place} = {name(buffer)}")
        if taken:
            lines = ["moved = []", *lines, "if moved:", "    load(moved)", *taken]
        return lines, inputs, ends

    def results(self) -> list[str]:
        """No result lies in a buffer, or in an array that is another result too."""
        lines: list[str] = []
        given: set[Any] = set()
        for i, x in enumerate(self.found.program.outputs[: self.first]):
            fresh = isinstance(x, Variable) and x in self.listing.fresh and x not in given
            if (self.copy and not fresh) or self.borrowed(x):
                lines.append(f"outs[{i}] = own(outs[{i}])")
            given |= {x} if isinstance(x, Variable) else set()
        return lines

    def writes(self) -> list[str]:
        """What was not computed in its place is put there."""
        program, name = self.found.program, self.name
        writes = [(i, slot) for i, slot in enumerate(self.found.writes, self.first) if i not in self.listing.homes]
        lines = [f"outs[{i}] = own(outs[{i}])" for i, _ in writes if self.borrowed(program.outputs[i])]
        for i, slot in writes:
            place, buffer = self.place(slot), self.buffers.get(slot.path)
            if program.outputs[i] is UNREACHED:  # a gradient that was forgotten, which this very object says
                lines.append(f"{place} = {name(UNREACHED)}")
            elif buffer is not None:
                lines += [f"copyto({name(buffer)}, outs[{i}])", f"{place} = {name(buffer)}"]
            elif slot.kind is int:
                lines.append(f"{place} = int(outs[{i}])")
            else:
                lines.append(f"{place} = own(outs[{i}])" if slot.path in self.formed else f"{place} = outs[{i}]")
        return lines

    def borrowed(self, x: Any) -> bool:
        """Whether an output is, or views, what one place takes from another, or a constant."""
        return isinstance(x, np.ndarray) or (
            isinstance(x, Variable) and self.listing.find(x) in self.found.program.inputs
        )


def _attempted(lines: list[str]) -> list[str]:
    """Statements about places; a place that is gone does not fit."""
    gone = "except (AttributeError, IndexError, KeyError): return MISFIT"
    return ["try:", *(f"    {line}" for line in lines), gone] if lines else []


def fits(value: Any, buffer: Any) -> bool:
    """Whether a place holds what the program can take from it."""
    return isinstance(value, np.ndarray) and value.shape == buffer.shape and value.dtype == buffer.dtype


def _own(out: Any) -> Any:
    """A result that no buffer shares memory with."""
    return out.copy()[()] if isinstance(out, np.ndarray) else out


def _load(moved: list[tuple[Any, Any]]) -> None:
    """Copy what places hold into the buffers that the program uses for them."""
    if len(moved) > 1:  # one of them may be, or lie in, the buffer of another
        moved = [(buffer, value.copy()) for buffer, value in moved]
    for buffer, value in moved:
        np.copyto(buffer, value)


def _contiguous(x: Any) -> Any:
    return np.ascontiguousarray(x) if x.ndim else x
