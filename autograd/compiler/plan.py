"""Plan: where each variable of a program lies.

What is decided here, in this order: which buffers hold the state, and which of them lie one after the other; which
variables are views of others (found by trying the op on arrays of the right form); which are numbers, results of a call
or arrays of ours; which new contents of state can be written over the old; and which arrays of ours may be one memory,
because they are not needed at the same time.

Storage belongs to the *root* of what is viewed. An operand is overwritten only at its last use, by a result of its shape
and dtype that is computed element by element, when no other operand views it; state only if every other reader of the
old content, results included, came before.
"""

import contextlib
import warnings
from bisect import bisect, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from operator import is_
from typing import Any

import numpy as np

from autograd.compiler.assemble import ASSEMBLED, pack, parts, piece
from autograd.compiler.fuse import Fused
from autograd.compiler.loops import TWICE, Loop
from autograd.compiler.lower import placed
from autograd.compiler.memory import apart, follow, identity, offset, zeros
from autograd.compiler.program import Program, Step, Variable, rebuild, variables
from autograd.compiler.tape import Tape

__all__ = ["Plan", "may_view"]

VIEWS = {"getitem", "astype", "real", "imag", "ravel", "diag", "diagonal", "diff", "einsum", "trace", "broadcast_to",
         "squeeze", "asarray", "reshape", "rot90", "transpose", "piece"}  # fmt: skip


@dataclass(slots=True)
class _Stay:
    """Arrays of one form that are written over each other, and the steps from which and to which they are needed."""

    roots: list[Variable]
    first: int
    last: int


class _Block:
    """Memory, the bytes of it that are used, and the times (first step, last step) at which it is taken, in order; own:
    whether no other program has it."""

    def __init__(self, memory: Any, own: bool = False) -> None:
        self.memory, self.used, self.own = memory, 0, own
        self.times: list[tuple[int, int]] = []

    def free(self, stay: _Stay) -> int | None:
        """The step in which it was used last before a stay, -1 if in none; None if it is taken then."""
        i = bisect(self.times, (stay.first, stay.last))
        before = self.times[i - 1][1] if i else -1
        return before if before < stay.first and (i == len(self.times) or stay.last < self.times[i][0]) else None


class Plan:
    """Where the variables of a program lie.

    static   variable → array, for all whose memory is always the same
    of       variable → kind of its step
    kinds    how each step is written: "view", "pack", "placed", "buffer", "loop", "fused", "tape", "number", "scalar" or
             "call"
    state    input number → buffer
    homes    output number → input number: outputs that are written where that input lies
    buffers  arrays of ours

    given    results that are written into arrays which the caller has, others at every run
    pool     arrays that may be used, by bytes, and where those made go when all is done
    former   input number → where that state lay before: may be a buffer that can be used again
    """

    def __init__(
        self,
        program: Program,
        values: dict[int, Any],
        writable: Callable[[Step], bool],
        given: frozenset[Variable] = frozenset(),
        pool: dict[int, list[Any]] | None = None,
        former: dict[int, Any] | None = None,
    ) -> None:
        self.program, self.steps, self.writable, self.given = program, program.steps, writable, given
        self.pool = {} if pool is None else pool
        self.static: dict[Variable, Any] = {}
        self.root: dict[Variable, Variable] = {}
        self.owned: set[Variable] = set()
        self.inside: dict[Variable, tuple[Step, int]] = {}  # made at its place in another array, its n-th part
        self.homes: dict[int, int] = {}
        self.buffers: list[Any] = []
        self.reads = Counter(x for step in self.steps for x in step.reads())
        self.reads.update(variables(list(program.outputs)))
        self.born = {out: i for i, step in enumerate(self.steps) for out in step.results}
        self.sources: dict[Variable, list[Any]] = {}  # view → arrays that it was found from
        self.state = self.settled(values, former or {})
        with _quiet():
            self.kinds = [self.kind(step) for step in self.steps]
        self.of = {x: kind for step, kind in zip(self.steps, self.kinds, strict=True) for x in step.results}
        self.given = frozenset(x for x in given if self.of[x] in ("buffer", "loop", "fused"))  # others view, or are new
        self.last: dict[Variable, int] = {}
        for i, step in enumerate(self.steps):
            self.last.update((self.find(x), i) for x in step.reads())
        self.last.update((self.find(x), len(self.steps)) for x in variables(list(program.outputs)))
        self.come_home()
        self.allocate()
        self.look_again()
        self.by_rows()
        self.one_object()

    def find(self, x: Variable) -> Variable:
        """The variable whose memory x lies in."""
        while x in self.root:
            x = self.root[x]
        return x

    def settled(self, values: dict[int, Any], lay: dict[int, Any]) -> dict[int, Any]:
        """Buffers with the values of the state; what is packed together, or comes from one flat array, lies together.

        lay   where the state lay before: buffers of other programs are used again, so that all work in the same
        """
        inputs = self.program.inputs
        number = {inputs[i]: i for i in values}
        old = {self.program.outputs[new]: x for x, new in self.program.state.items() if new >= 0 and x in number
               if isinstance(self.program.outputs[new], Variable)}  # fmt: skip
        former = {i: x for i, x in lay.items() if i in values and isinstance(x, np.ndarray)}
        former = apart({i: x for i, x in former.items() if (x.shape, x.dtype) == (values[i].shape, values[i].dtype)})
        if any(np.may_share_memory(x, y) for x in former.values() for y in values.values()):
            values = {i: np.array(value) for i, value in values.items()}
        buffers: dict[int, Any] = {}
        for arrays in self.flat_parts():
            for group in (arrays, [old[x] for x in arrays if x in old]):
                if len(group) < len(arrays) or any(x not in number or number[x] in buffers or
                                                   values[number[x]].dtype != arrays[0].dtype for x in group):  # fmt: skip
                    continue
                if all(number[x] in former for x in group) and follow([former[number[x]] for x in group]):
                    buffers.update((number[x], former[number[x]]) for x in group)
                    continue
                flat, start = zeros(sum(prod(x.shape) for x in group), group[0].dtype), 0
                for x in group:
                    buffers[number[x]] = piece(flat, start, x.shape)
                    start += prod(x.shape)
        for i, value in values.items():
            if i not in buffers:
                buffers[i] = former[i] if i in former else zeros(value.shape, value.dtype)
            buffers[i][...] = value
            self.static[inputs[i]] = buffers[i]
        return buffers

    def flat_parts(self) -> list[list[Any]]:
        """The parts of each flat array that is packed, and of each that is taken to pieces."""
        pieces: dict[Variable, list[Variable]] = {}
        found: list[list[Any]] = []
        for step in self.steps:
            if step.op is pack:
                found.append(list(step.operands))
            elif step.op is piece:
                pieces.setdefault(step.operands[0], []).append(step.results[0])
        return found + list(pieces.values())

    def kind(self, step: Step) -> str:
        """How a step is written; what it makes is found a place that is not yet the last."""
        out = step.results[0]
        if step.op in ASSEMBLED:
            return self.packed(step)
        if isinstance(step.op, (Loop, Fused)):
            for x in step.results:
                if x.shape and x not in self.given:
                    self.static[x] = np.zeros(x.shape, x.dtype)
                    self.owned.add(x)
            return step.op.name
        if isinstance(step.op, Tape):
            return "tape"
        if len(step.results) > 1:
            return "call"
        if out.dtype is None:
            return "number"
        reads = step.reads()
        if reads and all(x in self.static for x in reads) and out.shape and may_view(step):
            made = self.tried(step)
            source = next((x for x in reads if np.may_share_memory(made, self.static[x])), None)
            if isinstance(made, np.ndarray) and source is not None:
                self.static[out], self.root[out] = made, source
                self.sources[out] = [self.static[x] for x in reads]
                return "view"
        if not out.shape:
            return "scalar"
        if step.op is placed:
            self.static[out] = np.zeros(out.shape, out.dtype)
            self.buffers.append(self.static[out])
            return "placed"
        if not self.writable(step):
            return "call"
        if out in self.given:
            return "buffer"
        self.static[out] = np.zeros(out.shape, out.dtype)
        self.owned.add(out)
        return "buffer"

    def packed(self, step: Step) -> str:
        """An array of parts: state that lies together already is one, else what is made for it is made there."""
        flat, operands = step.results[0], step.operands
        known = [self.static[x] for x in operands if isinstance(x, Variable) and x in self.static]
        if step.op is pack and len(known) == len(operands) and follow(known) and known[0].dtype == flat.dtype:
            self.static[flat] = known[0].base
            self.root.update(dict.fromkeys(operands, flat))
            return "view"
        self.static[flat] = np.zeros(flat.shape, flat.dtype)
        self.owned.add(flat)
        for i, (x, place) in enumerate(parts(step, self.static[flat])):
            if isinstance(x, Variable) and x in self.owned and self.goes(x, place):
                self.owned.discard(x)
                self.inside[x], self.root[x] = (step, i), flat
        return "pack"

    def goes(self, x: Variable, place: Any) -> bool:
        """Whether x may be made at a place: in one piece, or alone and by an op that writes as fast into rows apart."""
        maker = self.steps[self.born[x]]
        if self.reads[x] > 1 and not place.flags.c_contiguous:
            return False
        if maker.op in ASSEMBLED:
            inner = [(y, there, self.inside_of(maker, i, y)) for i, (y, there) in enumerate(parts(maker, place))]
            views = all(np.may_share_memory(there, place) for _, there, _ in inner if there.size)
            return views and all(self.goes(y, there) for y, there, inside in inner if inside)
        if place.flags.c_contiguous:
            return True
        if isinstance(maker.op, (Loop, Fused)):
            maker = maker.op.maker[maker.op.body.outputs[maker.results.index(x)]]
        stacked = maker.name == "matmul" and len(x.shape) > 2 and place.itemsize in place.strides[-2:]
        return bool(maker.elementwise or stacked)

    def inside_of(self, whole: Step, i: int, x: Any) -> bool:
        """Whether x, the i-th part of an array that is put together, is made at its place there."""
        return isinstance(x, Variable) and self.inside.get(x) == (whole, i)

    def tried(self, step: Step) -> Any:
        """The step's result on what lies in the buffers now, for its memory only."""
        return step.compute(*self.plain(step.operands), **self.plain(step.options))

    def plain(self, tree: Any) -> Any:
        """Operands or options with arrays in place of the variables."""
        return rebuild(tree, self.static.__getitem__)

    def births(self) -> dict[Variable, int]:
        """When each array of ours is first written."""
        births: dict[Variable, int] = {}
        for i, step in enumerate(self.steps):
            for out in step.results:
                births.setdefault(self.find(out), i)
        return births

    def come_home(self) -> None:
        """Put what becomes the new content of state where the state lies, if nothing reads the old any more."""
        self.look_again()
        births = self.births()
        coming: dict[Variable, list[tuple[Variable, Variable]]] = {}
        for old, number in self.program.state.items():
            new = self.program.outputs[number] if number >= 0 else None
            if isinstance(new, Variable) and old in self.static and self.find(new) in self.owned:
                coming.setdefault(self.find(new), []).append((old, new))
        for root, pairs in coming.items():
            home = self.common_home(root, pairs)
            if home is None:
                continue
            reads = [self.last.get(self.find(old), -1) for old, _ in pairs]
            born = births[root]
            maker = self.steps[born]
            alone = root in maker.results and maker.op not in ASSEMBLED
            if all(read < born or (read == born and alone and self.aligned(maker, self.find(old), root))
                   for read, (old, _) in zip(reads, pairs, strict=True)):  # fmt: skip
                self.static[root] = home
                self.owned.discard(root)
                self.homes.update((self.program.state[old], self.program.inputs.index(old)) for old, _ in pairs)

    def common_home(self, root: Variable, pairs: list[tuple[Variable, Variable]]) -> Any:
        """The memory in which a root would lie with each of its parts at its home; None if there is none."""
        if sum(new.nbytes for _, new in pairs) != root.nbytes or len({new for _, new in pairs}) < len(pairs):
            return None
        found = None
        for old, new in pairs:
            home, part = self.static[old], self.static[new]
            if (home.shape, home.dtype, home.strides) != (part.shape, part.dtype, part.strides):
                return None
            base = home.base if isinstance(home.base, np.ndarray) else home
            if not base.flags.c_contiguous or base.dtype != home.dtype:
                return None
            start = offset(home, base) - offset(part, self.static[root])
            if (
                start < 0
                or start + prod(root.shape) > base.size
                or (found and (found[0] is not base or found[1] != start))
            ):
                return None
            found = base, start
        return piece(found[0].reshape(-1), found[1], root.shape) if found else None

    def aligned(self, step: Step, x: Variable, out: Variable) -> bool:
        """Whether a step may overwrite this root by a result: it goes element by element, and reads it in no other form."""
        if isinstance(step.op, (Loop, Fused)):
            body = step.op.body
            result = body.outputs[step.results.index(out)]
            return all(y is x and step.op.keeps(operand, result)
                       for operand, y in zip(body.inputs, step.operands, strict=True)
                       if isinstance(y, Variable) and self.find(y) is x)  # fmt: skip
        if not step.elementwise or step.name in TWICE or (x.shape, x.dtype) != (out.shape, out.dtype):
            return all(self.find(y) is not x for y in step.reads())
        return all(y is x or self.find(y) is not x for y in step.reads())

    def allocate(self) -> None:
        """Give arrays that are not needed at the same time the same memory.

        The largest are placed first, each in the smallest block that is free while it is needed, and of these in the one
        used last, which may still be in the cache; what a step overwrites elementwise stays where it is. A block is as
        large as the first array in it. Source: Pisarchyk and Lee 2020, arXiv 2001.03288, "greedy by size".
        """
        blocks = [_Block(memory) for size in sorted(self.pool) for memory in self.pool[size]]
        for stay in sorted(self.stays(), key=lambda stay: (-stay.roots[0].nbytes, stay.first)):
            size = stay.roots[0].nbytes
            own = stay.last == len(self.steps)  # a place may hold it afterwards, when another program works in the pool
            free = [(block.memory.nbytes, -end, i) for i, block in enumerate(blocks)
                    if block.memory.nbytes >= size and (block.own or not own)
                    and (end := block.free(stay)) is not None]  # fmt: skip
            if not free:
                blocks.append(_Block(zeros(size, np.uint8), own))
                if not own:
                    self.pool.setdefault(size, []).append(blocks[-1].memory)
            block = blocks[min(free)[-1] if free else -1]
            block.used = max(block.used, size)
            insort(block.times, (stay.first, stay.last))
            for root in stay.roots:
                self.static[root] = block.memory[:size].view(root.dtype).reshape(root.shape)
        self.buffers += [block.memory[: block.used] for block in blocks if block.times]

    def stays(self) -> Iterable["_Stay"]:
        """The stays in memory of all arrays of ours."""
        births, end = self.births(), len(self.steps)
        stays: dict[Variable, _Stay] = {}
        dying: dict[int, list[Variable]] = {}
        for i, step in enumerate(self.steps):
            for root in {self.find(out): None for out in step.results}:
                if root not in self.owned or births[root] != i:
                    continue
                left = [x for x in dying.get(i, ()) if (x.shape, x.dtype) == (root.shape, root.dtype)
                        and root in step.results and self.aligned(step, x, root)]  # fmt: skip
                if left:
                    dying[i].remove(left[0])
                    stays[root] = stays[left[0]]
                    stays[root].roots.append(root)
                else:
                    stays[root] = _Stay([root], i, i)
                stays[root].last = max(self.last.get(root, i), i)
                if stays[root].last < end:
                    dying.setdefault(stays[root].last, []).append(root)
        return {id(stay): stay for stay in stays.values()}.values()

    def look_again(self) -> None:
        """Find the views of what has moved."""
        for whole in dict.fromkeys(step for step, _ in reversed(self.inside.values())):  # the outermost first
            for i, (x, place) in enumerate(parts(whole, self.static[whole.results[0]])):
                if self.inside_of(whole, i, x):
                    self.static[x] = place
        with _quiet():
            for step, kind in zip(self.steps, self.kinds, strict=True):
                if kind == "view" and step.op is not pack:
                    out, arrays = step.results[0], [self.static[x] for x in step.reads()]
                    if not all(map(is_, arrays, self.sources[out])):
                        self.static[out], self.sources[out] = self.tried(step), arrays

    def by_rows(self) -> None:
        """A flat loop over an array with gaps goes by rows instead: its numbers do not lie one after the other."""
        for step in self.steps:
            if isinstance(step.op, Loop):
                arrays = [self.static[x] for x in (*step.reads(), *step.results) if x in self.static]
                step.op.flat &= all(x.flags.c_contiguous for x in arrays)

    def one_object(self) -> None:
        """Arrays that are the same numbers are one object: of two NumPy looks how they overlap, for a third of a us."""
        writable = sorted(self.static.values(), key=lambda array: bool(array.flags.writeable))  # not what was broadcast
        first = {identity(array): array for array in writable}
        self.static = {x: first[identity(array)] for x, array in self.static.items()}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings: steps are tried on buffers that hold nothing yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def may_view(step: Step) -> bool:
    """Whether a step's result may lie in its operand's memory."""
    known = getattr(step.op, "kind", "") == "view" or step.name in VIEWS
    return known and not any(True for _ in variables(step.options))
