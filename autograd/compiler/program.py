"""Program: the list of steps that a function turned out to be.

A step applies one op to variables and plain constants. Every variable is computed once (static single assignment), so a
pass, which is a function from Program to Program, may move, merge or drop steps by looking at names alone:

    h_dot = dot(x, w)          Step(dot, (x, w), {}, (h_dot,))
    h     = tanh(h_dot)        Step(tanh, (h_dot,), {}, (h,))

Inputs are what the caller passes and what the function reads elsewhere (weights, optimiser state); outputs are the
function's results and what is written back there.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import is_
from typing import Any

import numpy as np

__all__ = [
    "Program",
    "Step",
    "Steps",
    "Variable",
    "alike",
    "evaluate",
    "key",
    "peak",
    "readers",
    "rebuild",
    "rewrite",
    "variables",
]


NESTED = {tuple, list, dict, slice}  # what variables may be inside of


class Variable:
    """A number or an array of the program, known by its shape and dtype.

    shape   its lengths, () for a number
    dtype   NumPy's; None for a Python float, which takes on the precision of the array that it meets (NEP 50)
    name    how a listing calls it
    """

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: Any, name: str = "") -> None:
        self.shape, self.dtype, self.name = shape, dtype, name

    @classmethod
    def like(cls, value: Any, name: str = "") -> "Variable":
        """The variable that holds this value."""
        kinds = {bool: np.dtype(bool), int: np.dtype(int), complex: np.dtype(complex)}
        return cls(np.shape(value), getattr(value, "dtype", kinds.get(type(value))), name)

    @property
    def nbytes(self) -> int:
        """Bytes that an array of this form takes; 0 for a number."""
        if self.dtype is None or not self.shape:
            return 0
        size = 1
        for length in self.shape:
            size *= length
        return size * int(np.dtype(self.dtype).itemsize)

    def __repr__(self) -> str:
        return f"<{self.name or 'variable'} {self.shape} {self.dtype or 'float'}>"


class Step:
    """One op applied: results = op(*operands, **options).

    op        a Primitive, or a NumPy function without derivative; `compute` is what runs
    operands  Variables and constants; options likewise, also inside tuples, lists and slices
    results   the variables it defines, several for an op that has several
    pure      False for a draw from a generator: never dropped, merged or moved past another
    quiet     True inside of np.errstate(over="ignore"): no warning of overflow or division by zero
    line      "file:line" of the caller; path: dotted path of the Module; phase: "forward", "backward" or "update"
    """

    FIELDS = ("line", "op", "operands", "options", "path", "phase", "pure", "quiet", "results")
    __slots__ = (*FIELDS, "called", "known")

    def __init__(
        self,
        op: Any,
        operands: tuple[Any, ...],
        options: dict[str, Any],
        results: tuple[Variable, ...],
        *,
        pure: bool = True,
        quiet: bool = False,
        line: str = "",
        path: str = "",
        phase: str = "forward",
    ) -> None:
        self.op, self.operands, self.options, self.results = op, operands, options, results
        self.pure, self.quiet, self.line, self.path, self.phase = pure, quiet, line, path, phase
        self.known: list[Variable] | None = None  # what it reads, looked for once: each pass asks
        self.called: str | None = None  # its name, likewise

    @property
    def compute(self) -> Callable[..., Any]:
        """What computes the results from plain numbers and arrays."""
        found: Callable[..., Any] = getattr(self.op, "compute", self.op)
        return found

    @property
    def name(self) -> str:
        """The op's name."""
        if self.called is None:
            self.called = str(getattr(self.op, "name", None) or getattr(self.op, "__name__", "step"))
        return self.called

    @property
    def elementwise(self) -> bool:
        """Whether each number of the result comes from the numbers at its place."""
        return getattr(self.op, "kind", "") == "elementwise" or isinstance(self.op, np.ufunc)

    def reads(self) -> list[Variable]:
        """The variables among operands and options, one for each place."""
        if self.known is None:
            self.known = list(variables((self.operands, self.options)))
        return self.known

    def but(self, **changes: Any) -> "Step":
        """The same step with some fields changed."""
        fields = {name: getattr(self, name) for name in Step.FIELDS} | changes
        return Step(fields.pop("op"), fields.pop("operands"), fields.pop("options"), fields.pop("results"), **fields)

    def renamed(self, new: Callable[[Variable], Any]) -> "Step":
        """The step with new(x) in place of each variable x that it reads; itself if that changes nothing."""
        operands, options = rebuild(self.operands, new), rebuild(self.options, new)
        same = operands is self.operands and options is self.options
        return self if same else self.but(operands=operands, options=options)

    def __repr__(self) -> str:
        return f"<{', '.join(out.name or '_' for out in self.results)} = {self.name}>"


class Steps(list[Step]):
    """Steps in the place of another, at its line."""

    def __init__(self, step: Any = None) -> None:
        super().__init__()
        self.step = step

    def then(self, op: Any, *operands: Any, dtype: Any = None, shape: Any = None, **options: Any) -> Variable:
        """One more step; its result, of the form of the first variable unless another is given."""
        like = next(x for x in operands if isinstance(x, Variable))
        out = Variable(like.shape if shape is None else shape, dtype or like.dtype)
        self.append(self.step.but(op=op, operands=operands, options=options, results=(out,), pure=True))
        return out

    def ended(self) -> "Steps":
        """The steps, the last with the results of the one that they replace."""
        self[-1] = self[-1].but(results=self.step.results)
        return self


class Program:
    """Steps in the order they ran, with what goes in and what comes out.

    inputs    variables given from outside, in the order of the arguments and then of the hidden inputs
    steps     each reads inputs and results of earlier steps only
    outputs   variables or constants, in the order of the results and then of what is written back
    state     input → number of the output that is its new content, −1 for none: inputs that live in buffers of ours
    gradients   variable → the one whose cotangent it is, for its name
    """

    def __init__(
        self,
        inputs: Iterable[Variable],
        steps: Iterable[Step],
        outputs: Iterable[Any],
        state: dict[Variable, int] | None = None,
    ) -> None:
        self.inputs, self.steps, self.outputs = tuple(inputs), tuple(steps), tuple(outputs)
        self.state = state or {}
        self.gradients: dict[Variable, Variable] = {}

    def but(self, **changes: Any) -> "Program":
        """The same program with other inputs, steps or outputs."""
        fields = {"inputs": self.inputs, "steps": self.steps, "outputs": self.outputs} | changes
        new = Program(**fields, state={x: i for x, i in self.state.items() if x in fields["inputs"]})
        new.gradients = self.gradients
        return new

    def __repr__(self) -> str:
        return f"<Program of {len(self.steps)} steps, {len(self.inputs)} inputs, {len(self.outputs)} outputs>"


def rewrite(program: Program, rule: Callable[[Step, dict[Variable, Step]], Any]) -> Program:
    """The program with steps replaced by what a rule says.

    rule(step, made) → None: keep it;  a list of steps: put them there, the last has the same results;  a Variable: the
    step's result is that one. `made` has the step that defines each variable so far.
    """
    renamed: dict[Variable, Any] = {}
    made: dict[Variable, Step] = {}
    steps: list[Step] = []

    def new(variable: Variable) -> Any:
        return renamed.get(variable, variable)

    for step in program.steps:
        if renamed and not renamed.keys().isdisjoint(step.reads()):
            step = step.renamed(new)
        found = rule(step, made)
        if isinstance(found, Variable):
            renamed[step.results[0]] = found
            continue
        for part in (step,) if found is None else found:
            steps.append(part)
            for out in part.results:
                made[out] = part
    return program.but(steps=steps, outputs=[rebuild(out, new) for out in program.outputs])


def rebuild(tree: Any, change: Callable[[Any], Any], kind: type = Variable) -> Any:
    """A tree of operands or options with change(x) in place of each x of this kind; the same object if there is none."""
    if isinstance(tree, kind):
        return change(tree)
    if type(tree) in (tuple, list):
        parts = [change(part) if isinstance(part, kind) else rebuild(part, change, kind) if type(part) in NESTED else part
                 for part in tree]  # fmt: skip
        return tree if all(map(is_, parts, tree)) else type(tree)(parts)
    if type(tree) is dict:
        items = {key: rebuild(part, change, kind) for key, part in tree.items()}
        return tree if all(items[key] is tree[key] for key in tree) else items
    if type(tree) is slice and any(isinstance(part, kind) for part in (tree.start, tree.stop, tree.step)):
        return slice(*(rebuild(part, change, kind) for part in (tree.start, tree.stop, tree.step)))
    return tree


def alike(a: Any, b: Any) -> bool:
    """Whether two operands or options are the same: one variable or array, or equal numbers (0.0 is not −0.0)."""
    return a is b or key(a) == key(b)


def key(tree: Any) -> Any:
    """Something hashable that is equal for operands and options that mean the same."""
    if type(tree) is Variable:
        return id(tree)
    if type(tree) in (tuple, list):
        return (type(tree), *map(key, tree))
    if type(tree) is dict:
        return tuple((name, key(part)) for name, part in sorted(tree.items()))
    if type(tree) is slice:
        return (slice, key(tree.start), key(tree.stop), key(tree.step))
    if isinstance(tree, (bool, int, float, complex, str, bytes, type(None), np.dtype, type)):
        return (type(tree), repr(tree) if isinstance(tree, float) else tree)  # 0.0 == −0.0, and NaN is not NaN
    return id(tree)


def variables(tree: Any, kind: type = Variable) -> Iterator[Any]:
    """The variables (or things of another kind) inside a tree of operands or options, one for each place."""
    if isinstance(tree, kind):
        yield tree
    elif type(tree) in (tuple, list):
        for part in tree:
            if isinstance(part, kind):
                yield part
            elif type(part) in NESTED:
                yield from variables(part, kind)
    elif type(tree) is dict:
        yield from variables(list(tree.values()), kind)
    elif type(tree) is slice:
        yield from variables((tree.start, tree.stop, tree.step), kind)


def readers(program: Program) -> dict[Variable, list[Any]]:
    """The steps that read each variable, one for each place; None for a place among the outputs."""
    found: dict[Variable, list[Any]] = {}
    for step in program.steps:
        for x in step.reads():
            found.setdefault(x, []).append(step)
    for x in variables(list(program.outputs)):
        found.setdefault(x, []).append(None)
    return found


def evaluate(program: Program, inputs: Iterable[Any]) -> list[Any]:
    """Run a program step by step, as slowly and plainly as possible: what backends and passes are tested against."""
    values = dict(zip(program.inputs, inputs, strict=True))
    look = values.__getitem__
    for step in program.steps:
        out = step.compute(*rebuild(step.operands, look), **rebuild(step.options, look))
        values.update(zip(step.results, out if isinstance(out, (tuple, list)) else (out,), strict=True))
    return [rebuild(out, look) for out in program.outputs]


def peak(program: Program) -> int:
    """Most bytes that results take at once when the steps run one by one and each is freed after its last reader."""
    sizes = {x: x.nbytes for step in program.steps for x in step.results if x.shape}
    if not sizes:
        return 0
    last = {x: i for i, step in enumerate(program.steps) for x in step.reads()}
    last.update((x, len(program.steps)) for x in variables(list(program.outputs)))
    ends: dict[int, int] = {}
    now = most = 0
    for i, step in enumerate(program.steps):
        for x in step.results:
            size = sizes.get(x, 0)
            now += size
            ends[last.get(x, i)] = ends.get(last.get(x, i), 0) + size
        most = max(most, now)
        now -= ends.pop(i, 0)
    return most
