"""The NumPy backend: a Program becomes a function of straight-line NumPy statements over buffers made once.

What is decided here, in this order: which variables are views of others (found by trying the op on arrays of the right
form), which statement computes each step (emit.py), how long each buffer is needed, which buffers may be the same memory,
and which weights can be overwritten where they lie.
"""

import linecache
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd.compiler.emit import ARITHMETIC, statement
from autograd.compiler.program import Program, Step, Variable, rebuild, variables

__all__ = ["Listing", "build"]


class Listing:
    """A program as text and as a function.

    source    the text;  run(*inputs) → list of outputs, which may be buffers
    buffers   the arrays it works in;  nbytes: their bytes together
    homes     output number → buffer of the input that it overwrites
    """

    def __init__(self, source: str, run: Any, buffers: list[Any], homes: dict[int, int]) -> None:
        self.source, self.run, self.buffers, self.homes = source, run, buffers, homes
        self.nbytes = sum(buffer.nbytes for buffer in buffers)


def build(program: Program, state: dict[int, tuple[int, Any]]) -> Listing:
    """Plan and write the program.

    state   input number → (output number or −1, buffer): inputs that always lie in the same buffer, and the output that
            is their new content
    """
    return _Builder(program, state).listing()


class _Builder:
    """The work of `build`: where each variable lies, and the lines."""

    def __init__(self, program: Program, state: dict[int, tuple[int, Any]]) -> None:
        self.program, self.state = program, state
        self.steps = program.steps
        self.static: dict[Variable, Any] = {program.inputs[i]: buffer for i, (_, buffer) in state.items()}
        self.local: dict[Variable, str] = {}
        self.root: dict[Variable, Variable] = {}
        self.owned: list[Variable] = []  # roots with a buffer of ours
        self.names: dict[str, Any] = {}
        self.labels: dict[Variable, str] = {}
        self.homes: dict[int, int] = {}
        self.casts: dict[Any, str] = {}
        self.pending: dict[str, list[str]] = {}  # 0-d array → the line that fills it, before its first use

    def listing(self) -> Listing:
        for i, variable in enumerate(self.program.inputs):
            self.label(variable, variable.name or f"input{i}")
            if i not in self.state:
                self.local[variable] = self.labels[variable]
        kinds = [self.classify(step) for step in self.steps]
        self.allocate(kinds)
        lines, heading = [], ""
        for step, kind in zip(self.steps, kinds, strict=True):
            written = list(self.lines(step, kind))
            if written and user_source(step.line) != heading:
                heading = user_source(step.line)
                lines.append(f"# {heading}")
            lines += written
        arguments = ", ".join(self.local[v] for i, v in enumerate(self.program.inputs) if i not in self.state)
        results = ", ".join(self.written(out) for out in self.program.outputs)
        body = "\n".join(f"    {line}" for line in [*lines, f"return [{results}]"])
        source = f"def run({arguments}):\n{body}\n"
        names = ", ".join(self.names)
        maker = (
            f"def make({names}):\n" + "\n".join(f"    {line}" for line in source.splitlines()) + "\n    return run\n"
        )
        space: dict[str, Any] = {}
        exec(compile(maker, "<compiled>", "exec"), space)  # the text is made above, of op names and our own labels only
        run = space["make"](*self.names.values())
        return Listing(source, run, [self.static[v] for v in self.owned], self.homes)

    def label(self, variable: Variable, wish: str) -> str:
        """A name for a variable that no other has."""
        wish = _word(wish.removesuffix(".data"))
        name, count = wish, 1
        while name in self.names or name in self.labels.values() or name in TAKEN:
            count += 1
            name = f"{wish}_{count}"
        self.labels[variable] = name
        return name

    def classify(self, step: Step) -> str:
        """How a step runs: "view", "buffer", "number" (Python arithmetic) or "call"."""
        for out in step.results:
            self.label(out, f"{step.path}_{step.name}" if step.path else step.name)
        out = step.results[0]
        if len(step.results) > 1:
            return self.call(step)
        if out.dtype is None:
            self.local[out] = self.labels[out]
            return "number"
        reads = list(step.reads())
        if all(x in self.static for x in reads) and out.shape and _may_view(step):
            made = self.tried(step)
            source = next((x for x in reads if np.may_share_memory(made, self.static[x])), None)
            if isinstance(made, np.ndarray) and source is not None:
                self.static[out], self.root[out] = made, self.root.get(source, source)
                return "view"
        if statement(step, ["x"] * len(step.operands), "", "out") is None or (step.options and step.name not in KNOWN):
            return self.call(step)
        self.static[out] = np.zeros(out.shape, out.dtype)
        self.owned.append(out)
        return "buffer"

    def call(self, step: Step) -> str:
        for out in step.results:
            self.local[out] = self.labels[out]
        return "call"

    def tried(self, step: Step) -> Any:
        """The step's result on what lies in the buffers now, for its memory only."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return step.compute(*self.plain(step.operands), **self.plain(step.options))

    def plain(self, tree: Any) -> Any:
        return rebuild(tree, self.static.__getitem__)

    def allocate(self, kinds: list[str]) -> None:
        """Give buffers that are not needed at the same time the same memory; weights are overwritten where they lie."""
        last: dict[Variable, int] = {}
        for i, step in enumerate(self.steps):
            for x in step.reads():
                last[self.root.get(x, x)] = i
        for x in variables(list(self.program.outputs)):
            last[self.root.get(x, x)] = len(self.steps)
        born = {out: i for i, step in enumerate(self.steps) for out in step.results}
        owned = set(self.owned)
        for i, (output, buffer) in self.state.items():
            new = self.program.outputs[output] if output >= 0 else None
            old = self.program.inputs[i]
            if (
                not isinstance(new, Variable)
                or new not in owned
                or (new.shape, new.dtype) != (buffer.shape, buffer.dtype)
            ):
                continue
            if last.get(old, -1) <= born[new] and self.aligned(self.steps[born[new]], old):
                self.static[new] = buffer
                self.root[new] = old
                owned.discard(new)
                self.homes[output] = i
        free: dict[int, list[Any]] = {}
        ends: dict[int, list[Variable]] = {}
        kept: list[Variable] = []
        for i, step in enumerate(self.steps):
            out = step.results[0]
            if out in owned:
                dying = [x for x in dict.fromkeys(step.reads())
                         if x in owned and last[x] == i and self.aligned(step, x) and x.nbytes == out.nbytes]  # fmt: skip
                if dying and (dying[0].shape, dying[0].dtype) == (out.shape, out.dtype):
                    self.static[out] = self.static[dying[0]]
                    ends.setdefault(i, [])[:] = [x for x in ends.get(i, []) if x is not dying[0]]
                elif free.get(out.nbytes):
                    self.static[out] = free[out.nbytes].pop().view(out.dtype).reshape(out.shape)
                elif out.nbytes:
                    kept.append(out)
                    self.static[out] = np.zeros(out.nbytes, np.uint8).view(out.dtype).reshape(out.shape)
                else:
                    kept.append(out)
                if last.get(out, i) < len(self.steps):
                    ends.setdefault(last.get(out, i), []).append(out)
            for x in ends.get(i, []):
                if x.nbytes:
                    free.setdefault(x.nbytes, []).append(self.static[x].reshape(-1).view(np.uint8))
        self.owned = kept
        for step, kind in zip(self.steps, kinds, strict=True):  # views of what has moved
            if kind == "view":
                self.static[step.results[0]] = self.tried(step)

    def aligned(self, step: Step, x: Variable) -> bool:
        """Whether a step may overwrite this operand: it goes element by element, and reads it in no other form."""
        out = step.results[0]
        elementwise = getattr(step.op, "kind", "") == "elementwise" or isinstance(step.op, np.ufunc)
        if not elementwise or step.name in ("where", "power") or (x.shape, x.dtype) != (out.shape, out.dtype):
            return x not in step.reads() and all(self.root.get(y, y) is not x for y in step.reads())
        return all(y is x or self.root.get(y, y) is not self.root.get(x, x) for y in step.reads())

    def lines(self, step: Step, kind: str) -> Iterable[str]:
        """The statements of a step."""
        if kind == "view":
            return
        out = step.results[0]
        names = [self.written(x) for x in step.operands]
        if kind == "buffer" and _widens(step):
            for i, x in enumerate(step.operands):
                if type(x) is float or (isinstance(x, Variable) and x.dtype is None):
                    names[i] = self.cast(x, names[i], out.dtype)
                    yield from self.pending.pop(names[i], ())
        if kind == "number" and step.name in ARITHMETIC and len(names) == 2:
            yield f"{self.local[out]} = {names[0]} {ARITHMETIC[step.name]} {names[1]}"
        elif kind == "buffer":
            line = statement(step, names, "", self.written(out)) or ""
            for word in ("copyto", "dot", "matmul"):
                if f"{word}(" in line:
                    self.names.setdefault(word, getattr(np, word))
            function = line.partition("(")[0].partition(".")[0]
            for part in line.split("; "):
                function = part.partition("(")[0].partition(".")[0]
                self.names.setdefault(function, getattr(np, function))
            yield line
        else:
            function = self.constant(step.compute, f"{step.name}_")
            options = "".join(f", {name}={self.written(x)}" for name, x in step.options.items())
            targets = ", ".join(self.local[x] for x in step.results)
            call = f"{function}({', '.join(names)}{options if names else options[2:]})"
            if kind == "number":
                call = f"float({call})" if step.name != "power" else call
            yield f"{targets} = {call}"

    def cast(self, x: Any, name: str, dtype: Any) -> str:
        """A Python number as an array without axes, which a ufunc takes in half the time; a variable is put there once."""
        key = (x if isinstance(x, Variable) else repr(x), dtype)
        if key not in self.casts:
            wish = f"{name}_{dtype.char}" if isinstance(x, Variable) else f"c_{name}"
            label = self.constant(np.array(0.0 if isinstance(x, Variable) else x, dtype), _word(wish))
            self.casts[key] = label
            if isinstance(x, Variable):
                self.pending[label] = [f"{label}[()] = {name}"]
        return self.casts[key]

    def written(self, x: Any) -> str:
        """An operand, option or output as text: a name, or a literal."""
        if isinstance(x, Variable):
            if x in self.local:
                return self.local[x]
            self.names.setdefault(self.labels[x], self.static[x])
            return self.labels[x]
        if isinstance(x, (bool, int, type(None), str)) or (type(x) is float and np.isfinite(x)):
            return repr(x)
        if type(x) is tuple and any(True for _ in variables(x)):
            return f"({', '.join(map(self.written, x))},)"
        return self.constant(x, "constant")

    def constant(self, x: Any, wish: str) -> str:
        """The name under which the program knows an object."""
        for name, known in self.names.items():
            if known is x:
                return name
        name, count = wish.replace(".", "_"), 1
        while name in self.names or name in self.labels.values():
            count += 1
            name = f"{wish.replace('.', '_')}{count}"
        self.names[name] = x
        return name


KNOWN = {"sum", "prod", "max", "min"}
TAKEN = {"run", "make", "float", *(name for name in dir(np) if not name.startswith("_"))}
VIEWS = {"getitem", "astype", "real", "ravel", "diagonal", "trace", "broadcast_to", "squeeze", "asarray"}


def user_source(line: str) -> str:
    """The text of the user's line, "file:line" if the file cannot be read."""
    path, _, number = line.rpartition(":")
    return linecache.getline(path, int(number or 0)).strip() or line


def _word(wish: str) -> str:
    """A Python name like the wish."""
    word = "".join(c if c.isalnum() else "_" for c in wish).strip("_") or "v"
    return f"v_{word}" if word[0].isdigit() or word in TAKEN else word


def _widens(step: Step) -> bool:
    """Whether a Python float among the operands takes on the precision of the result."""
    out = step.results[0]
    arrays = [x for x in step.operands if getattr(x, "dtype", None) is not None]
    return out.dtype.kind == "f" and bool(arrays) and all(x.dtype == out.dtype for x in arrays)


def _may_view(step: Step) -> bool:
    known = getattr(step.op, "kind", "") == "view" or step.name in VIEWS
    return known and not any(True for _ in variables(step.options))
