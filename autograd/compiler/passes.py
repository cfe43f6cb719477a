"""Passes: a Program in, a smaller Program out that computes the same.

Each looks at steps and names only, and is tested alone on programs of a few steps. They run in the order of PASSES.
"""

from collections.abc import Callable
from math import prod
from operator import is_
from typing import Any

import numpy as np

from autograd.compiler.again import recomputed
from autograd.compiler.assemble import assembled
from autograd.compiler.direct import direct
from autograd.compiler.fuse import fused, straight
from autograd.compiler.layout import channels_last, plain_channels_last
from autograd.compiler.loops import looped
from autograd.compiler.lower import gathered, lowered
from autograd.compiler.merge import merged
from autograd.compiler.program import Program, Step, Steps, Variable, key, readers, rebuild, rewrite, variables
from autograd.compiler.summed import summed
from autograd.compiler.tape import taped
from autograd.compiler.windows import pooled, pooled_first

__all__ = ["FORMS", "NATIVE", "PASSES", "common", "dead", "factored", "optimized", "scalars", "signs", "simple"]


def dead(program: Program) -> Program:
    """Drop steps whose results nothing needs; draws from a generator stay, or later ones would draw other numbers."""
    needed = set(variables(list(program.outputs)))
    kept: list[Step] = []
    for step in reversed(program.steps):
        if not step.pure or not needed.isdisjoint(step.results):
            kept.append(step)
            needed.update(step.reads())
    return program.but(steps=kept[::-1])


def common(program: Program) -> Program:
    """Compute once what is computed twice: the same op on the same variables with the same options."""
    first: dict[Any, Step] = {}
    renamed: dict[Variable, Variable] = {}

    def new(variable: Variable) -> Variable:
        return renamed.get(variable, variable)

    steps = []
    for step in program.steps:
        if renamed and not renamed.keys().isdisjoint(step.reads()):
            step = step.renamed(new)
        form = (id(step.op), key(step.operands), key(step.options))
        if step.pure and form in first:
            renamed.update(zip(step.results, first[form].results, strict=True))
            continue
        first[form] = step
        steps.append(step)
    return program.but(steps=steps, outputs=[rebuild(out, new) for out in program.outputs])


def simple(program: Program) -> Program:
    """Algebra that needs no arithmetic: x · 1 and x + 0 are x, x + x is 2 · x, a transposed transpose is x, and an array
    of one number is the number where it widens nothing."""
    return rewrite(program, _simpler)


def _simpler(step: Step, made: dict[Variable, Step]) -> Any:
    step = _unspread(_filled(step), made)
    out = step.results[0]
    neutral = {"multiply": 1.0, "divide": 1.0, "add": 0.0, "subtract": 0.0}.get(step.name)
    if neutral is not None and len(step.operands) == 2:
        x, y = step.operands
        if type(y) in (int, float) and y == neutral and _like(x, out):
            return x
        if step.name in ("multiply", "add") and type(x) in (int, float) and x == neutral and _like(y, out):
            return y
        if step.name == "add" and x is y and _like(x, out) and out.dtype is not None and out.dtype.kind == "f":
            return [step.but(op=np.multiply, operands=(2.0, x))]
    if step.name == "mean" and len(step.results) == 1:
        return _sum_of_mean(step)
    if step.name == "dot" and _ones(step.operands[0], out.dtype) and len(step.operands[1].shape) == 2:
        return [step.but(op=np.sum, operands=step.operands[1:], options={"axis": 0})]
    if step.name in ("dot", "matmul"):
        return _diagonal(step, made)
    if step.name == "exp":
        return _softmax(step, made)
    if step.name == "transpose" and step.options.get("axes") is None and isinstance(step.operands[0], Variable):
        inner = made.get(step.operands[0])
        if inner is not None and inner.name == "transpose" and inner.options.get("axes") is None:
            return inner.operands[0]
    return [step]


def _unspread(step: Step, made: dict[Variable, Step]) -> Step:
    """An elementwise step with x in place of broadcast_to(x), where the other operands give the result its shape."""
    operands = list(step.operands)
    for i, x in enumerate(operands if step.elementwise and len(step.results) == 1 else ()):
        inner = made.get(x) if isinstance(x, Variable) else None
        if inner is not None and inner.name == "broadcast_to" and isinstance(inner.operands[0], Variable):
            shapes = [np.shape(y) for y in (*operands[:i], inner.operands[0], *operands[i + 1 :])]
            if np.broadcast_shapes(*shapes) == step.results[0].shape:
                operands[i] = inner.operands[0]
    return step if all(map(is_, operands, step.operands)) else step.but(operands=tuple(operands))


def _diagonal(step: Step, made: dict[Variable, Step]) -> Any:
    """diag(d) @ y, written as (identity * d) @ y, is d · y row by row: what many seeds at once pass through a map."""
    x, y = step.operands
    inner = made.get(x) if isinstance(x, Variable) else None
    while inner is not None and inner.name == "reshape" and inner.operands[0].shape == x.shape:
        inner = made.get(inner.operands[0])
    if inner is None or inner.name != "multiply" or len(x.shape) != 2 or len(y.shape) != 2 or x.dtype != y.dtype:
        return [step]
    for one, d in (inner.operands, inner.operands[::-1]):
        fits = isinstance(d, Variable) and d.shape in (x.shape[1:], (1, *x.shape[1:]))
        if fits and isinstance(one, np.ndarray) and one.shape == x.shape and np.array_equal(one, np.eye(*x.shape)):
            column = Variable((len(one), 1), d.dtype)
            return [step.but(op=np.reshape, operands=(d, column.shape), options={}, results=(column,)),
                    step.but(op=np.multiply, operands=(column, y), options={})]  # fmt: skip
    return [step]


def _softmax(step: Step, made: dict[Variable, Step]) -> list[Step]:
    """exp(x - log(sum(exp(x)))), a softmax from its logarithm, as exp(x) / sum: the exponentials are there.

    Only where a maximum was subtracted from x: elsewhere they may overflow, and their quotient be NaN.
    """

    def maker(x: Any, name: str) -> Any:
        found = made.get(x) if isinstance(x, Variable) else None
        return found if found is not None and found.name == name else None

    difference = maker(step.operands[0], "subtract")
    logarithm = difference and maker(difference.operands[1], "log")
    total = logarithm and maker(logarithm.operands[0], "sum")
    powers = total and maker(total.operands[0], "exp")
    shifted = powers and maker(powers.operands[0], "subtract")
    if (
        not (shifted and maker(shifted.operands[1], "max"))
        or powers.operands[0] is not difference.operands[0]
        or powers.results[0].shape != step.results[0].shape
    ):
        return [step]
    return [step.but(op=np.divide, operands=(powers.results[0], logarithm.operands[0]))]


def _sum_of_mean(step: Step) -> list[Step]:
    """A mean as a sum times 1/n."""
    x, out = step.operands[0], step.results[0]
    given = {name: option for name, option in step.options.items() if option is not None}
    plain = isinstance(x, Variable) and x.dtype == out.dtype and x.dtype in (np.float32, np.float64)
    if not plain or given.keys() - {"axis", "keepdims"} or not prod(x.shape):
        return [step]
    total = Variable(out.shape, out.dtype)
    count = prod(x.shape) // max(1, prod(out.shape))
    return [step.but(op=np.sum, operands=(x,), options=given, results=(total,)),
            step.but(op=np.multiply, operands=(total, 1.0 / count), options={})]  # fmt: skip


def _ones(x: Any, dtype: Any) -> bool:
    return isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype == dtype and bool(np.all(x == 1.0))


def _like(x: Any, out: Variable) -> bool:
    return isinstance(x, Variable) and (x.shape, x.dtype) == (out.shape, out.dtype)


def scalars(program: Program) -> Program:
    """Constant factors met together: c · (d · x) is (c · d) · x."""
    users = readers(program)

    def rule(step: Step, made: dict[Variable, Step]) -> Any:
        out = step.results[0]
        if out.dtype is None or out.dtype.kind != "f" or step.name not in ("multiply", "negative", "divide"):
            return None
        factor, x = _scaled(step)
        inner = made.get(x) if isinstance(x, Variable) else None
        if factor is None or inner is None or len(users.get(x, ())) > 1 or not _like(x, out):
            return None
        other, y = _scaled(inner)
        if other is None or np.ndim(factor) > 0 < np.ndim(other) or not isinstance(y, Variable):
            return None
        both = np.multiply(factor, other)
        if not all(map(_moderate, (factor, other, both))):  # x · 1e300 · 1e-300 must not become x · inf
            return None
        both = both.astype(out.dtype) if both.ndim else float(both)
        if np.broadcast_shapes(np.shape(both), y.shape) != out.shape:
            return None
        if y.dtype != out.dtype and not (y.dtype == bool and isinstance(both, np.ndarray)):
            return None
        return [step.but(op=np.multiply, operands=(both, y), options={})]

    return rewrite(program, rule)


def _moderate(c: Any) -> bool:
    """Whether products of these numbers stay in the range of float32."""
    size = np.abs(c)
    return bool(np.all((size == 0.0) | ((size > 1e-15) & (size < 1e15))))


SIGNED = {"multiply", "divide", "add", "subtract", "sum"}


def signs(program: Program) -> Program:
    """Minus is moved outward, −x · y to −(x · y), until a sum or a difference has it: x + −y is x − y."""
    if not any(step.name == "negative" for step in program.steps):
        return program
    users = readers(program)

    def rule(step: Step, made: dict[Variable, Step]) -> Any:
        out, operands, steps = step.results[0], step.operands, Steps(step)
        if step.name not in SIGNED or out.dtype is None or out.dtype.kind != "f":
            return None
        for i, x in enumerate(operands):
            inner = made.get(x) if isinstance(x, Variable) and x.dtype == out.dtype else None
            if inner is None or inner.name != "negative" or len(users.get(x, ())) != 1:
                continue
            others = operands[:i] + inner.operands + operands[i + 1 :]
            if step.name == "add":
                return [step.but(op=np.subtract, operands=others if i == 1 else others[::-1])]
            if step.name == "subtract" and i == 1:
                return [step.but(op=np.add, operands=others)]
            whole = x.shape == out.shape and step.name in ("multiply", "divide")
            if whole or (step.name == "sum" and step.options.get("initial") is None):
                steps.then(np.negative, steps.then(step.op, *others, dtype=out.dtype, shape=out.shape, **step.options))
                return steps.ended()
        return None

    return rewrite(program, rule)


FACTORS = 8  # of a product that are looked through


def factored(program: Program) -> Program:
    """a · s + b · s is (a + b) · s, as where a product is differentiated whose factors share one."""
    users = readers(program)

    def factors(x: Any, made: dict[Variable, Step], deep: int = 0) -> list[Any]:
        step = made.get(x) if isinstance(x, Variable) and len(users.get(x, ())) == 1 else None
        if step is None or step.name != "multiply" or len(step.operands) != 2 or deep == FACTORS:
            return [x]
        if any(getattr(y, "shape", ()) not in ((), x.shape) for y in step.operands):
            return [x]
        return [*factors(step.operands[0], made, deep + 1), *factors(step.operands[1], made, deep + 1)]

    def rule(step: Step, made: dict[Variable, Step]) -> Any:
        out = step.results[0]
        if step.name != "add" or not out.shape or not all(_like(x, out) for x in step.operands):
            return None
        twice = made.get(step.operands[0])
        if twice is not None and twice.name == "add" and step.operands[1] is twice.operands[1]:
            return _doubled(step, twice, made, users)
        left, right = (factors(x, made) for x in step.operands)
        shared = next((x for x in left if _like(x, out) and any(x is y for y in right)), None)
        if shared is None or step.operands[0] is step.operands[1]:
            return None
        steps: list[Step] = []
        sums = [_product(step, _without(shared, side), steps) for side in (left, right)]
        if any(x is None for x in sums):
            return None
        total = Variable(out.shape, out.dtype)
        return [*steps, step.but(operands=tuple(sums), results=(total,)),
                step.but(op=np.multiply, operands=(total, shared), options={})]  # fmt: skip

    return rewrite(program, rule)


def _doubled(step: Step, inner: Step, made: dict[Variable, Step], users: dict[Variable, list[Any]]) -> Any:
    """(d + x) + x, as where a square is differentiated, as d + 2 · x, where the smallest factor of x takes the 2."""
    (d, x), out, steps = inner.operands, step.results[0], Steps(step)
    alone = len(users.get(x, ())) == 2 and len(users.get(inner.results[0], ())) == 1 and x in made
    if not alone or not _like(d, out) or out.dtype.kind != "f":
        return None
    factors = made[x].operands if made[x].name == "multiply" else (x,)
    smaller = [y for y in factors if isinstance(y, Variable) and y.dtype == out.dtype and y.nbytes < out.nbytes]
    small = min(smaller, key=lambda y: y.nbytes, default=x)
    double = steps.then(np.multiply, 2.0, small)
    if small is not x:
        double = steps.then(np.multiply, *(double if y is small else y for y in factors), shape=out.shape)
    steps.then(np.add, d, double)
    return steps.ended()


def _without(x: Any, factors: list[Any]) -> list[Any]:
    place = next(i for i, y in enumerate(factors) if y is x)
    return factors[:place] + factors[place + 1 :]


def _product(step: Step, factors: list[Any], steps: list[Step]) -> Variable | None:
    """The product of factors, with the steps that make it; None if none of them has the shape of the step's result."""
    out = step.results[0]
    whole = [x for x in factors if _like(x, out)]
    if not whole:
        return None
    x: Variable = whole[0]
    for y in (*whole[1:], *(y for y in factors if not _like(y, out))):
        new = Variable(out.shape, out.dtype)
        steps.append(step.but(op=np.multiply, operands=(x, y), options={}, results=(new,)))
        x = new
    return x


def _scaled(step: Step) -> tuple[Any, Any]:
    """(factor, x) of a step that multiplies x by a constant number or array; (None, None) of any other."""
    if step.name == "negative":
        return -1.0, step.operands[0]
    if step.name in ("multiply", "divide") and len(step.operands) == 2 and not step.options:
        for i in (0, 1) if step.name == "multiply" else (1,):
            c = step.operands[i]
            if isinstance(c, (int, float, np.floating)) or (isinstance(c, np.ndarray) and c.dtype.kind == "f"):
                if step.name == "multiply":
                    return c, step.operands[1 - i]
                if np.ndim(c) == 0 and c != 0.0:
                    return 1.0 / float(c), step.operands[0]
    return None, None


def _filled(step: Step) -> Step:
    """The step with a number in place of each array that holds that number everywhere, where shape and dtype stay; and
    with constant masks as floats."""
    if not step.elementwise:
        return step
    out, operands = step.results[0], list(step.operands)
    for i, c in enumerate(operands):
        if not isinstance(c, (np.ndarray, np.floating)) or c.size < 1 or c.dtype.kind not in "fb":
            continue
        others = [x for j, x in enumerate(operands) if j != i]
        shapes = [x.shape for x in others if isinstance(x, (Variable, np.ndarray))]
        dtypes = [x.dtype for x in others if isinstance(x, Variable)]
        if c.dtype in dtypes and np.broadcast_shapes(*shapes) == out.shape and np.all(c == c.flat[0]):
            operands[i] = float(c.flat[0])
        elif c.dtype == bool and out.dtype in dtypes and step.name in ("add", "subtract", "multiply"):
            operands[i] = c.astype(out.dtype)  # once, instead of at every run
    return step if all(map(is_, operands, step.operands)) else step.but(operands=tuple(operands))


Pass = Callable[[Program], Program]
FORMS: tuple[Pass, ...] = (factored, lowered, scalars, common, dead)  # of the program, and of the body of each loop
PASSES: tuple[Pass, ...] = (
    taped,
    dead,
    common,
    simple,
    signs,
    summed,
    pooled_first,
    plain_channels_last,
    merged,
    dead,
    recomputed,
    looped,
    assembled,
    *FORMS,
)

NATIVE: tuple[Pass, ...] = (
    taped, dead, pooled_first, pooled, common, simple, signs, summed, channels_last, direct, merged, dead,
    factored, common, dead, recomputed, gathered,
    fused, fused, straight, looped, assembled, *FORMS,  # twice: the second finds together what a chain keeps waiting
)  # fmt: skip


def optimized(
    program: Program, passes: tuple[Pass, ...] = PASSES, counts: list[tuple[str, int]] | None = None
) -> Program:
    """The program after all passes; `counts` gets (pass, steps after it)."""
    for change in passes:
        program = change(program)
        if counts is not None:
            counts.append((change.__name__, len(program.steps)))
    return program
