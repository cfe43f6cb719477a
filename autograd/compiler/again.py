"""recomputed: cheap steps over long arrays are done again where their results are needed, instead of kept.

What the backward pass needs of the forward pass is kept until then, and to write and read an array that has left the
cache costs more than a product of numbers that are at hand. So 0.5 · x, x · x and 1 + tanh(y), which a GELU and its
gradient both need, are done twice, from x and tanh(y), which are there: on the GPT of the benchmark each layer keeps two
arrays of 2 MB instead of four.
"""

from autograd.compiler.loops import WORTH
from autograd.compiler.program import Program, Step, Variable, readers

__all__ = ["recomputed"]

LIGHT = {"add", "subtract", "multiply", "divide", "negative", "square", "maximum", "minimum"}
SMALL = 8  # times as small as a result: numbers of which a row has one


def recomputed(program: Program) -> Program:
    """The program with light results done again before each step of another phase that reads them, where what they are
    made of is kept anyway, or is kept instead of two of them."""
    again = _chosen(program)
    if not again:
        return program
    return program.but(steps=[part for step in program.steps for part in _with_copies(step, again)])


def _with_copies(step: Step, again: dict[Variable, Step]) -> list[Step]:
    """A step behind those that it needs once more, and reading their results."""
    copies: dict[Variable, Variable] = {}
    steps: list[Step] = []

    def new(x: Variable) -> Variable:
        return copies.get(x, x)

    def copy(x: Variable) -> None:
        if x in again and x not in copies and again[x].phase != step.phase:
            for y in again[x].reads():
                copy(y)
            copies[x] = Variable(x.shape, x.dtype, x.name)
            steps.append(again[x].renamed(new).but(results=(copies[x],), line=step.line, phase=step.phase))

    for x in step.reads():
        copy(x)
    return [*steps, step.renamed(new)]


def _chosen(program: Program) -> dict[Variable, Step]:
    """The results that are done again, with their steps."""
    made = {x: step for step in program.steps for x in step.results}
    if not any(_light(step) for step in program.steps):
        return {}
    users = readers(program)
    kept = {x for x, step in made.items() if any(user is None or user.phase != step.phase for user in users.get(x, ()))}
    again: dict[Variable, Step] = {}
    instead: dict[Variable, list[Variable]] = {}  # what would have to be kept → what could be made of it
    for x, step in made.items():
        if x in kept and _light(step) and all(_follows(user, step) for user in users[x]):
            absent = {y for y in step.reads() if y in made and y not in kept and y.nbytes * SMALL > x.nbytes}
            if not absent:
                again[x] = step
            elif len(absent) == 1:
                instead.setdefault(absent.pop(), []).append(x)
    for parts in instead.values():
        if len(parts) > 1:
            again |= {x: made[x] for x in parts}
    return again


def _light(step: Step) -> bool:
    """Whether a step is done again in less time than its long result is read in."""
    return step.pure and step.elementwise and step.name in LIGHT and step.results[0].nbytes >= WORTH


def _follows(user: Step | None, step: Step) -> bool:
    """Whether a reader is of the same phase, or goes number by number too."""
    return user is not None and (user.phase == step.phase or user.elementwise)
