"""merged: the same update of many parameters becomes one update of one flat array.

An optimiser does the same few steps for every parameter, and on small arrays a step costs the call, not the numbers. So
arrays that play the same part are laid one after the other in a flat array (`pack`), the steps run once on that, and
`piece` gives back each part. In the NumPy program neither copies anything: weights, their gradients and the optimiser's
state lie in flat buffers from the start, and the products that make the gradients write into their places.

What plays the same part is found from the end: parameters are written back under one name (`data`, `velocity`), so
their new values are looked at side by side. As long as all were made by the same op, with the same numbers beside, the
step is merged, and its operands are looked at in turn; where they part, the arrays are packed.
"""

import heapq
from typing import Any

import numpy as np

from autograd.compiler.assemble import pack, piece
from autograd.compiler.program import Program, Step, Variable, alike, key

__all__ = ["merged"]

DEPTH = 3  # how far back updates must be alike to be done together
DEEPEST = 100  # steps behind one another that are merged
Parts = tuple[Variable, ...]


def merged(program: Program) -> Program:
    """The program with updates of one structure done together, and sums over all their parts likewise."""
    work = _Merging(program)
    for group in _groups(program, work.made):
        work.flat(group)
    if not work.gone:
        return program
    work.totals()
    return _ordered(work.result()) or program


def _groups(program: Program, made: dict[Variable, tuple[int, Step]]) -> list[Parts]:
    """New contents of state that were made in one way, a tuple for each name under which they are written back.

    What is merged are whole updates: all that one parameter's steps lead to (its new data, velocity, moments).
    """
    updates: list[tuple[set[Variable], list[tuple[str, Variable]]]] = []  # (what its steps read, [(name, new content)])
    for old, number in program.state.items():
        new = program.outputs[number] if number >= 0 else None
        if not isinstance(new, Variable) or new not in made or not _merges(made[new][1]):
            continue
        reads, news = _reads(new, made), [(old.name.rpartition(".")[2], new)]
        for known in [update for update in updates if not update[0].isdisjoint(reads)]:
            reads, news = known[0] | reads, known[1] + news
            updates.remove(known)
        updates.append((reads, news))
    alike: dict[Any, list[list[Variable]]] = {}
    inputs = set(program.inputs)
    for _, news in updates:
        form = tuple((name, _form(new, DEPTH, inputs, made)) for name, new in news)
        alike.setdefault(form, []).append([new for _, new in news])
    return [tuple(parts) for group in alike.values() if len(group) > 1 for parts in zip(*group, strict=True)]


def _reads(x: Variable, made: dict[Variable, tuple[int, Step]]) -> set[Variable]:
    """The arrays that the steps of an update make and read."""
    found, ahead = {x}, [x]
    while ahead:
        x = ahead.pop()
        if x in made and _merges(made[x][1]):
            new = {y for y in made[x][1].reads() if y.shape} - found
            found |= new
            ahead += new
    return found


def _form(x: Any, depth: int, inputs: set[Variable], made: dict[Variable, tuple[int, Step]]) -> Any:
    """Something equal for variables that were made in one way, as far back as that can be merged."""
    if not isinstance(x, Variable) or not x.shape:
        return key(x)
    if x in inputs:
        return x.name.rpartition(".")[2], x.dtype
    if depth == 0 or x not in made or not _merges(made[x][1]):
        return x.dtype
    step = made[x][1]
    return (id(step.op), x.dtype, *(_form(y, depth - 1, inputs, made) for y in step.operands))


def _merges(step: Step) -> bool:
    """Whether a step goes element by element over arrays of its result's shape, and numbers."""
    if not step.elementwise or len(step.results) > 1 or step.options or not step.results[0].shape:
        return False
    shapes = [np.shape(x) if isinstance(x, np.ndarray) else getattr(x, "shape", ()) for x in step.operands]
    return all(shape in ((), step.results[0].shape) for shape in shapes)


class _Merging:
    """The steps that are made, and those whose place they take."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.made = {out: (i, step) for i, step in enumerate(program.steps) for out in step.results}
        self.flats: dict[Parts, Variable] = {}
        self.gone: set[int] = set()
        self.steps: list[tuple[float, Step]] = []  # (place among the program's steps, step)

    def flat(self, parts: Parts, depth: int = 0) -> Variable:
        """The flat array of these parts: computed at once if all are made alike, else packed."""
        if parts in self.flats:
            return self.flats[parts]
        size = sum(int(np.prod(x.shape)) for x in parts)
        operands = self.together(parts, depth + 1) if depth < DEEPEST else None
        place = max(self.made[x][0] if x in self.made else -1 for x in parts)
        flat = self.flats[parts] = Variable((size,), parts[0].dtype, "")
        if operands is None:
            self.steps.append((place + 0.25, Step(pack, parts, {}, (flat,))))
            return flat
        step = self.made[parts[-1]][1]
        self.steps.append((place + 0.5, step.but(operands=operands, results=(flat,), path="")))
        start = 0
        for x in parts:
            self.gone.add(self.made[x][0])
            options = {"start": start, "shape": x.shape}
            self.steps.append((place + 0.75, Step(piece, (flat,), options, (x,), line=step.line)))
            start += int(np.prod(x.shape))
        return flat

    def together(self, parts: Parts, depth: int) -> tuple[Any, ...] | None:
        """The operands of the step that makes all parts at once, None if they are not made alike."""
        columns = self.columns(parts)
        if columns is None:
            return None
        return tuple(column if not isinstance(column, tuple) else self.flat(column, depth) for column in columns)

    def columns(self, parts: Parts) -> list[Any] | None:
        """For each operand what all parts share, or the tuple of what each has; None if they are not made alike."""
        if not all(x in self.made for x in parts):
            return None
        steps = [self.made[x][1] for x in parts]
        first = steps[0]
        if not all(_merges(step) and step.op is first.op and len(step.operands) == len(first.operands)
                   and step.results[0].dtype == first.results[0].dtype for step in steps):  # fmt: skip
            return None
        columns: list[Any] = []
        for column in zip(*(step.operands for step in steps), strict=True):
            if not getattr(column[0], "shape", ()) and all(alike(x, column[0]) for x in column):
                columns.append(column[0])
            elif all(isinstance(x, Variable) and x.shape == step.results[0].shape and x.dtype == column[0].dtype
                     for x, step in zip(column, steps, strict=True)):  # fmt: skip
                columns.append(column)
            else:
                return None
        return columns

    def known(self, parts: Parts) -> bool:
        """Whether a flat array of these parts needs no new pack."""
        columns = None if parts in self.flats else self.columns(parts)
        return parts in self.flats or (
            columns is not None and all(self.known(column) for column in columns if isinstance(column, tuple))
        )

    def totals(self) -> None:
        """Σ x₁ + Σ x₂ + … is one sum where x₁, x₂, … lie in one flat array or can be made from such."""
        inside: set[int] = set()
        for i, step in reversed(list(enumerate(self.program.steps))):
            if i in inside or step.name != "add" or step.results[0].shape:
                continue
            terms = self.terms(step, inside)
            sums = [x for x in terms if self.summed(x) is not None]
            parts = tuple(array for array in map(self.summed, sums) if array is not None)
            if len(sums) < 2 or not self.known(parts):
                continue
            flat, dtype = self.flat(parts), sums[0].dtype
            total = Variable((), dtype, "")
            reduce = self.made[sums[0]][1]
            rest = [x for x in terms if x not in sums]
            self.steps.append((i - 0.2, reduce.but(operands=(flat,), results=(total if rest else step.results[0],))))
            for number, x in enumerate(rest):
                out = step.results[0] if number == len(rest) - 1 else Variable((), dtype, "")
                self.steps.append((i - 0.1, step.but(operands=(total, x), results=(out,))))
                total = out
            self.gone.add(i)

    def terms(self, step: Step, inside: set[int]) -> list[Any]:
        """The terms of a chain of additions of numbers; the steps of its inner sums go to `inside`."""
        terms: list[Any] = []
        for x in step.operands:
            number, inner = self.made.get(x, (-1, None)) if isinstance(x, Variable) else (-1, None)
            if inner is not None and inner.name == "add" and not x.shape:
                inside.add(number)
                terms += self.terms(inner, inside)
            else:
                terms.append(x)
        return terms

    def summed(self, x: Any) -> Variable | None:
        """The array whose total x is."""
        step = self.made[x][1] if isinstance(x, Variable) and x in self.made else None
        if step is None or step.name != "sum" or step.results[0].shape:
            return None
        array = step.operands[0]
        given = {name: option for name, option in step.options.items() if option not in (None, False)}
        return array if isinstance(array, Variable) and array.shape and not given else None

    def result(self) -> Program:
        """The program with the new steps in it; their order is not yet right everywhere."""
        kept = [(float(i), step) for i, step in enumerate(self.program.steps) if i not in self.gone]
        return self.program.but(steps=[step for _, step in sorted(kept + self.steps, key=lambda pair: pair[0])])


def _ordered(program: Program) -> Program | None:
    """The steps with each after those it reads and draws in their order, moved as little as that needs; None if a
    merged step needs its own result."""
    place = {out: i for i, step in enumerate(program.steps) for out in step.results}
    waits, readers = [], [[] for _ in program.steps]  # type: ignore[var-annotated]
    draw = None
    for i, step in enumerate(program.steps):
        needs = {place[x] for x in step.reads() if x in place}
        if not step.pure:
            needs |= {draw} if draw is not None else set()
            draw = i
        waits.append(len(needs))
        for need in needs:
            readers[need].append(i)
    ready = [i for i, count in enumerate(waits) if not count]
    steps = []
    while ready:
        i = heapq.heappop(ready)
        steps.append(program.steps[i])
        for reader in readers[i]:
            waits[reader] -= 1
            if not waits[reader]:
                heapq.heappush(ready, reader)
    return program.but(steps=steps) if len(steps) == len(program.steps) else None
