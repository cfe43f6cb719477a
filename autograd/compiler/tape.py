"""Tape: thousands of steps on single numbers run level by level, as a few dozen operations on arrays.

A graph of scalar Values has steps that cost far more to call than to compute. Steps that do not depend on each other can
be done at once: a step's *level* is one more than the highest level among its operands, and all products (or sums, or
tanh) of one level are one `multiply` on arrays. All numbers lie in one array `v`: inputs, constants, then each group's
results in a row, so a group writes one slice of v and gathers its operands from anywhere before (`take`).

Chains of additions, of which a backward pass is full, become sums of many terms first, or they would be as many levels;
products that only one sum reads become part of it, a sum of products. Terms are stored so that a sum reads one slice, as a
matrix of (terms, sums). With machine code, groups that follow each other are one function (levels.py).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import Any

import numpy as np

from autograd.compiler.elementary import OPS
from autograd.compiler.emit import KEYWORD_OUT
from autograd.compiler.program import Program, Step, Variable, variables
from autograd.primitives import Primitive

__all__ = ["SUMS", "Group", "Tape", "layout", "taped", "written"]

WORTH = 400  # steps on numbers in a row from which on a tape may be faster than a line of Python for each
WIDE = 30  # steps for each operation on arrays that it must replace
KEPT = 16  # layouts of tapes that are remembered: another record of one structure needs none of its own


BOOL = np.dtype(bool)
SUMS = ("sum", "dot")  # names of groups that add up terms: numbers, or products
LAYOUTS: dict[Any, Any] = {}
UFUNCS: dict[Any, str | None] = {}


class Tape:
    """The op of a step that computes many numbers from numbers.

    names      the ufunc of each row
    rows       its operands, one or two: numbers up to `count` mean inputs, then constants, then rows
    constants  the numbers that do not change
    outs       which of all these the results are
    """

    name = "tape"

    def __init__(
        self, count: int, constants: list[float], names: list[str], rows: list[tuple[int, ...]], outs: list[int]
    ):
        self.count, self.constants, self.names, self.rows, self.outs = count, constants, names, rows, outs

    def __call__(self, *inputs: float) -> tuple[float, ...]:
        values = [*map(float, inputs), *self.constants]
        for name, row in zip(self.names, self.rows, strict=True):
            compute = max if name == "relu" else getattr(np, name)
            values.append(float(compute(*(values[i] for i in row), *([0.0] if name == "relu" else []))))
        return tuple(values[i] for i in self.outs)


def ufunc_of(op: Any) -> str | None:
    """The name of the ufunc of one or two numbers that an op is; None for any other op."""
    if op not in UFUNCS:
        found = op.numpy[0] if isinstance(op, Primitive) and op.numpy else op
        name = getattr(found, "__name__", "")
        plain = isinstance(found, np.ufunc) and found.nout == 1 and found.nin <= 2 and getattr(np, name, None) is found
        UFUNCS[op] = "relu" if getattr(op, "name", "") == "relu" else name if plain else None
    return UFUNCS[op]


def taped(program: Program) -> Program:
    """The program with long rows of steps on numbers as tapes."""
    numbers = [not step.options and step.pure and len(step.results) == 1 and step.results[0].dtype in (None, BOOL)
               and not step.results[0].shape for step in program.steps]  # fmt: skip
    if sum(numbers) < WORTH:
        return program
    others = [step for step, number in zip(program.steps, numbers, strict=True) if not number]
    uses = Counter([*variables(list(program.outputs)), *(x for step in others for x in step.reads())])
    masks = set(uses)
    uses.update(_read(step for step, number in zip(program.steps, numbers, strict=True) if number))
    steps: list[Step] = []
    rows: list[Step] = []
    made: set[Variable] = set()

    def close() -> None:
        whole = [_tape(rows, uses)] if len(rows) >= WORTH else []
        wide = [step for step in whole if len(layout(step.op)[0]) * WIDE <= len(rows)]
        steps.extend(wide or rows)
        rows.clear()
        made.clear()

    for step, number in zip(program.steps, numbers, strict=True):
        if number and ufunc_of(step.op) and _plain(step, made, masks):
            rows.append(step)
            made.add(step.results[0])
            continue
        if not made.isdisjoint(step.reads()):
            close()
        steps.append(step)
    close()
    return program.but(steps=steps)


def _read(steps: Iterable[Step]) -> list[Variable]:
    """The variables that steps on numbers read, one for each place."""
    return [x for step in steps for x in step.operands if type(x) is Variable]


def _plain(step: Step, made: set[Variable], masks: set[Variable]) -> bool:
    """Whether a step works on floats alone; a mask counts as one where only other steps of the tape read it."""
    out = step.results[0]
    if out.dtype is not None and out in masks:
        return False
    return all(
        (x.dtype is None and not x.shape) or x in made if type(x) is Variable else type(x) in (float, int, bool)
        for x in step.operands
    )


def _tape(steps: list[Step], uses: Counter[Variable]) -> Step:
    """One step for many."""
    inputs: dict[Variable, int] = {}
    made = {step.results[0] for step in steps}
    for x in _read(steps):
        if x not in made and x not in inputs:
            inputs[x] = len(inputs)
    place: dict[Any, int] = dict(inputs)
    constants: dict[str, int] = {}
    for text in dict.fromkeys(repr(float(x)) for step in steps for x in step.operands if type(x) is not Variable):
        constants[text] = len(inputs) + len(constants)
    start = len(inputs) + len(constants)
    names, rows = [], []
    for i, step in enumerate(steps, start):
        place[step.results[0]] = i
        names.append(ufunc_of(step.op) or "")
        rows.append(tuple([place[x] if type(x) is Variable else constants[repr(float(x))] for x in step.operands]))
    inside = Counter(_read(steps))
    results = [step.results[0] for step in steps if uses[step.results[0]] > inside[step.results[0]]]
    tape = Tape(len(inputs), [float(text) for text in constants], names, rows, [place[x] for x in results])
    return steps[-1].but(op=tape, operands=tuple(inputs), options={}, results=tuple(results), path="")


class Group:
    """Rows of one level that are one operation: v[start:stop] = ufunc(v[a], v[b]), or sums of `terms` numbers each.

    name      the ufunc, "sum" for sums, "dot" for sums of products
    operands  for each operand a slice of v, or an array of places; of a sum one, of products two, (terms, sums) in order
    terms     how many each sum has, 0 for what is no sum
    """

    def __init__(self, name: str, level: int, start: int, stop: int, operands: list[Any], terms: int) -> None:
        self.name, self.level, self.operands, self.terms = name, level, operands, terms
        self.start, self.stop = start, stop

    @property
    def length(self) -> int:
        """How many numbers it reads for each operand."""
        return (self.stop - self.start) * max(1, self.terms)


def layout(tape: Tape) -> tuple[list[Group], list[int], int]:
    """(groups in their order, where each result lies in v, length of v); the last number of v is 1."""
    numbers = np.fromiter(chain(chain.from_iterable(tape.rows), tape.outs), np.int64)
    form = (tape.count, len(tape.constants), " ".join(tape.names), hashlib.sha256(numbers.tobytes()).digest())
    if form not in LAYOUTS:
        while len(LAYOUTS) >= KEPT:
            LAYOUTS.pop(next(iter(LAYOUTS)), None)  # another thread may have taken it
        LAYOUTS[form] = _layout(tape)
    found: tuple[list[Group], list[int], int] = LAYOUTS[form]
    return found


def _layout(tape: Tape) -> tuple[list[Group], list[int], int]:
    first = tape.count + len(tape.constants)
    names, operands = _summed(tape, first)
    level = _levels(operands, first, len(tape.rows))
    groups: dict[tuple[int, str, int], list[int]] = {}
    for i, terms in operands.items():
        count = len(terms) * (names[i] in SUMS) // (1 + (names[i] == "dot"))
        groups.setdefault((level[i], names[i], count), []).append(i)
    order: dict[int, int] = {}  # row → when it is first asked for, from the end: a sum's terms come to lie side by side
    for key in sorted(groups, reverse=True):
        rows = groups[key]
        rows.sort(key=lambda i: order.get(i, -1))
        for column in zip(*(operands[i] for i in rows), strict=True):
            for i in column:
                order.setdefault(i, len(order))
    place = list(range(first)) + [0] * (len(tape.rows) + 1)
    place[-1] = first + len(operands)
    done, found = first, []
    for key in sorted(groups):
        rows = groups[key]
        for i, row in enumerate(rows, done):
            place[row] = i
        columns = [[place[i] for i in column] for column in zip(*(operands[i] for i in rows), strict=True)]
        width = key[2] or 1
        sources = [list(chain.from_iterable(columns[i : i + width])) for i in range(0, len(columns), width)]
        found.append(Group(key[1], key[0], done, done + len(rows), [_span(source) for source in sources], key[2]))
        done += len(rows)
    return found, [place[i] for i in tape.outs], done + 1


def _summed(tape: Tape, first: int) -> tuple[dict[int, str], dict[int, list[int]]]:
    """(name, operands) of the rows that are needed, with additions into additions as sums of many terms or products."""
    uses = [0] * (first + len(tape.rows))
    for i in tape.outs:
        uses[i] += 2  # never hidden inside a sum
    for i in range(len(tape.rows) - 1, -1, -1):
        if uses[i + first]:
            for x in tape.rows[i]:
                uses[x] += 1
    names: dict[int, str] = {}
    operands: dict[int, list[int]] = {}
    for i, (name, row) in enumerate(zip(tape.names, tape.rows, strict=True), first):
        if not uses[i]:
            continue
        if name != "add":
            names[i], operands[i] = name, list(row)
            continue
        x, y = row
        terms = operands.pop(x) if uses[x] == 1 and names.get(x) == "sum" else [x]
        if uses[y] == 1 and names.get(y) == "sum" and y in operands:
            more = operands.pop(y)
            terms, more = (terms, more) if len(terms) >= len(more) else (more, terms)
            terms += more
        else:
            terms.append(y)
        names[i], operands[i] = "sum", terms
    for i in [i for i in operands if names[i] == "sum"]:
        products = {x for x in operands[i] if uses[x] == 1 and names.get(x) == "multiply"}
        if 2 * len(products) >= len(operands[i]):  # a term that is no product is multiplied by 1
            pairs = [operands.pop(x) if x in products else (x, len(uses)) for x in operands[i]]
            names[i], operands[i] = "dot", [x for x, _ in pairs] + [y for _, y in pairs]
    return names, operands


def _levels(operands: dict[int, list[int]], first: int, count: int) -> list[int]:
    """The level of each number; inputs and constants have 0, and so has the 1 after all."""
    level = [0] * (first + count + 1)
    at = level.__getitem__
    for i, terms in operands.items():
        level[i] = 1 + max(map(at, terms))
    return level


def _span(places: Iterable[int]) -> Any:
    """Places as a slice if they follow each other (or are one and the same), else as an array."""
    array = np.array(places, np.intp)
    if np.all(array == array[0]):
        return slice(int(array[0]), int(array[0]) + 1)
    if np.all(np.diff(array) == 1):
        return slice(int(array[0]), int(array[-1]) + 1)
    return array


def written(
    tape: Tape, inputs: list[str], results: str, function: Any, thing: Any, native: Any = None
) -> Iterator[str]:
    """The statements of a tape.

    inputs     the texts of its operands;  results: name of the list that the results are in at the end
    function   name of a NumPy function → how the program calls it;  thing(object, wish) → the name of an object
    native     native(groups, values) → the statement that runs them as machine code, None if it cannot; or None
    """
    groups, outs, length = layout(tape)
    values = np.zeros(length)
    values[tape.count : tape.count + len(tape.constants)] = tape.constants
    values[-1] = 1.0
    if inputs:
        yield f"{thing(values[: tape.count], 'tape_inputs')}[:] = ({', '.join(inputs)},)"
    v = _Values(values, groups, function, thing)
    for known, part in groupby(groups, lambda group: group.name in SUMS or group.name in OPS):
        follow = list(part)
        yield from native(follow, values) if known and native is not None else v.statements(follow)
    yield f"{results} = {function('take')}({thing(values, 'v')}, {thing(np.array(outs, np.intp), 'places')}).tolist()"


class _Values:
    """The array v with what NumPy needs to compute groups in it."""

    def __init__(self, values: Any, groups: list[Group], function: Any, thing: Any) -> None:
        self.values, self.function, self.thing = values, function, thing
        longest = max((group.length for group in groups), default=0)
        self.scratch = [np.zeros(longest), np.zeros(longest)]
        self.level = 0

    def statements(self, groups: Iterable[Group]) -> Iterator[str]:
        """The statements of groups that follow each other."""
        for group in groups:
            if group.level != self.level:
                self.level = group.level
                yield f"# level {group.level}"
            operands = []
            for source, space in zip(group.operands, self.scratch, strict=False):
                if isinstance(source, slice):
                    operands.append(self.values[source])
                else:
                    operands.append(space[: len(source)])
                    places, target = self.thing(source, "places"), self.thing(operands[-1], "gathered")
                    yield f"{self.function('take')}({self.thing(self.values, 'v')}, {places}, None, {target}, 'clip')"
            yield from self.computed(group, operands)

    def computed(self, group: Group, operands: list[Any]) -> Iterator[str]:
        """The statements that compute a group from arrays."""
        thing, function, count = self.thing, self.function, group.stop - group.start
        out = thing(self.values[group.start : group.stop], f"v{group.level}_{group.name}")
        if group.name == "dot":
            products = self.scratch[0][: group.length]
            names = [thing(x, f"v{group.level}") for x in (*operands, products)]
            yield f"{function('multiply')}({', '.join(names)})"
            operands = [products]
        if group.name in SUMS:
            if len(operands[0]) == group.length:
                matrix = thing(operands[0].reshape(group.terms, count), "terms")
                yield f"{function('dot')}({thing(np.ones(group.terms), 'ones')}, {matrix}, {out})"
            else:  # all terms are one number
                yield f"{function('multiply')}({thing(operands[0], 'v')}, {float(group.terms)}, {out})"
            return
        names = [thing(x, f"v{group.level}") for x in operands]
        if group.name == "relu":
            yield f"{function('maximum')}({names[0]}, {thing(np.zeros(count), 'zeros')}, out={out})"
        else:
            yield f"{function(group.name)}({', '.join(names)}, {'out=' if group.name in KEYWORD_OUT else ''}{out})"
