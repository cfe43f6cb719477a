"""Trace: the program while it is being written, one step for each op that a Tracer meets."""

import gc
from typing import Any
from weakref import ref

import numpy as np

from autograd.compiler.program import Program, Step, Variable, rebuild, variables
from autograd.compiler.refusal import refusal, user_line
from autograd.compiler.tape import ufunc_of
from autograd.compiler.tracer import BOOL, Number, Tracer, concrete, refuse_masks
from autograd.context import CONTEXT
from autograd.errors import CompileError
from autograd.value import Value

__all__ = ["Trace"]

READABLE = 2_000  # steps from which on nobody reads where a step on numbers came from
NUMBERS = {Number, float, int, np.float64, np.ndarray}  # of arrays those without axes


class Trace:
    """The program while it is being written: `run` is called for each op instead of its forward computation."""

    def __init__(self) -> None:
        self.inputs: list[Variable] = []
        self.steps: list[Step] = []
        self.open = True
        self.gradients: dict[Variable, Variable] = {}
        self.tracers: list[ref[Tracer]] = []  # that may still be somewhere when the run is over
        self.generators: dict[int, tuple[np.random.Generator, Any]] = {}  # and their state after the last known draw
        self.refused: CompileError | None = None  # the last refusal: NumPy turns some into errors of its own

    def input(self, value: Any, name: str = "") -> Tracer:
        """A Tracer for a number or array that is given from outside at every run."""
        variable = Variable.like(value, name)
        self.inputs.append(variable)
        return self.tracer(variable, value)

    def run(self, op: Any, operands: Any, options: Any, *, pure: bool = True) -> Any:
        """Compute the op's results and write the step down; what meets no Tracer is computed and is a constant."""
        if not options and pure and self.open:
            kinds = set(map(type, operands))
            if Number in kinds and kinds <= NUMBERS and (ufunc_of(op) or getattr(op, "name", "") == "where"):
                operands = [float(x) if type(x) in (np.float64, np.ndarray) and not x.ndim else x for x in operands]
                value = op.compute(*[x.value if type(x) is Number else x for x in operands])
                if np.ndim(value) == 0 and getattr(value, "dtype", type(value)) in (float, bool):
                    return self.number(op, operands, getattr(value, "tolist", lambda: value)())
        forward = getattr(op, "compute", op)
        name = getattr(op, "name", "")
        if name in ("alias", "item") or getattr(op, "inline", False):
            return forward(*operands, **options)
        operands, options = tuple(operands), dict(options)
        tracers = list(variables((operands, options), Tracer))
        if not tracers and pure:
            return forward(*operands, **options)
        if name == "getitem":
            refuse_masks(options.get("index"))
        if not self.open or any(tracer.trace is not self for tracer in tracers):
            raise refusal("uses a number of another compiled function, or of an earlier run", "arguments and results")
        if not pure:
            self.check(options["rng"])
        value = forward(*concrete(operands), **concrete(options))
        if not pure:
            self.watch(options["rng"])
        several = isinstance(value, (tuple, list))
        parts = list(value) if several else [value]
        results = tuple([Variable.like(part) for part in parts])
        written, keywords = rebuild(operands, _variable, Tracer), rebuild(options, _variable, Tracer)
        path = CONTEXT.get().path
        line, phase = user_line()
        quiet = bool({"over", "divide"} & {kind for kind, what in np.geterr().items() if what == "ignore"})
        self.steps.append(
            Step(op, written, keywords, results, pure=pure, quiet=quiet, line=line, path=path, phase=phase)
        )
        out = [self.tracer(variable, part) for variable, part in zip(results, parts, strict=True)]
        return type(value)(out) if several else out[0]

    def number(self, op: Any, operands: Any, value: Any) -> Number:
        """Write down a step on numbers; its line only as long as somebody may want to read the program."""
        variable = Variable((), None if type(value) is float else BOOL)
        written = tuple([x.variable if type(x) is Number else x for x in operands])
        read = len(self.steps) < READABLE
        line, phase = user_line() if read else ("", "forward")
        self.steps.append(
            Step(op, written, {}, (variable,), line=line, path=CONTEXT.get().path if read else "", phase=phase)
        )
        made = Number(self, variable, value)
        if read:
            self.tracers.append(ref(made))
        return made

    def tracer(self, variable: Variable, value: Any) -> Tracer:
        """A Tracer for a variable."""
        number = variable.dtype is None and not variable.shape and type(value) is float
        made = (Number if number else Tracer)(self, variable, value)
        self.tracers.append(ref(made))
        return made

    def overlaps(self, array: Tracer) -> bool:
        """Whether another array that is still somewhere lies in the memory of this one."""
        self.tracers = [tracer for tracer in self.tracers if tracer() is not None]
        others = [found for tracer in self.tracers if (found := tracer()) is not None and found is not array]
        return any(isinstance(x.value, np.ndarray) and np.may_share_memory(x.value, array.value) for x in others)

    def left(self) -> Tracer | None:
        """A Tracer that is still somewhere, though nobody who should know of it does any more."""
        if all(tracer() is None for tracer in self.tracers):
            return None
        gc.collect()  # a reference cycle of the user's may hold it
        return next((found for tracer in self.tracers if (found := tracer()) is not None), None)

    def watch(self, rng: np.random.Generator) -> None:
        """Take down the state of a generator; `check` finds draws that came from it otherwise."""
        self.generators[id(rng)] = rng, rng.bit_generator.state

    def check(self, rng: Any = None, line: str = "") -> None:
        """Raise CompileError if a generator, or any of them, was called directly: its numbers would be the program's."""
        for known, state in list(self.generators.values()):
            if (rng is None or rng is known) and str(known.bit_generator.state) != str(state):
                raise refusal("calls a random generator directly, whose numbers would be the same in every run",
                              "autograd.random's functions with rng=", line)  # fmt: skip

    def line_of(self, tracer: Tracer) -> str:
        """“file:line” of the step that made a number."""
        return next((step.line for step in reversed(self.steps) if tracer.variable in step.results), "")

    def program(self, outputs: Any) -> Program:
        """The program with these results, Tracers and constants."""
        self.open = False
        program = Program(self.inputs, self.steps, [rebuild(out, _variable, Tracer) for out in outputs])
        program.gradients = self.gradients
        return program

    def cotangents(self, start: dict[Value, Any]) -> dict[Value, Any]:
        """A dict for backward that takes down of what each cotangent is one, so that a listing can call it d_h."""
        return _Named(self, start)


class _Named(dict[Value, Any]):
    def __init__(self, trace: Trace, start: dict[Value, Any]) -> None:
        super().__init__(start)
        self.gradients = trace.gradients

    def __setitem__(self, value: Value, cotangent: Any) -> None:
        if type(cotangent) is Tracer and type(value.data) is Tracer:
            self.gradients[cotangent.variable] = value.data.variable
        super().__setitem__(value, cotangent)


def _variable(tracer: Tracer) -> Variable:
    return tracer.variable
