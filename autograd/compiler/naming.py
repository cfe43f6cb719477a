"""What the variables of a program are called in its listing.

A reader should find the names of the program that was written: arguments and parameters have their own; the last step of a
line `h = np.tanh(x @ w)` makes h, its parts are h_matmul and so on; the last step of a layer is called like the layer; and
what backward passes to h is d_h. What has no such name is called by its op.
"""

import ast
import functools
import linecache

from autograd.compiler.assemble import pack, piece
from autograd.compiler.fuse import Fused
from autograd.compiler.loops import Loop
from autograd.compiler.program import Program, Step, Variable

__all__ = ["assigned", "formula", "user_source", "wishes"]

ROLES = {"data": "parameters", "grad": "gradients"}
TURNS = {
    "transpose": "T",
    "swapaxes": "T",
    "reshape": "reshaped",
    "ravel": "flat",
    "getitem": "part",
    "arranged": "arranged",
}
SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "dot": "@", "matmul": "@",
         "greater": ">", "less": "<", "equal": "=="}  # fmt: skip


def user_source(line: str) -> str:
    """The text of the user's line, "file:line" if the file cannot be read."""
    path, _, number = line.rpartition(":")
    return linecache.getline(path, int(number or 0)).strip() or line


@functools.lru_cache(4096)
def assigned(line: str) -> str:
    """The name that the user's line assigns to, "" if it does not."""
    try:
        (statement,) = ast.parse(user_source(line)).body
    except (SyntaxError, ValueError):  # the line is a part of a statement
        return ""
    if isinstance(getattr(statement, "value", None), ast.Lambda):  # a line of the function, not of the result
        return ""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, (ast.AugAssign, ast.AnnAssign)):
        targets = [statement.target]
    (target,) = targets if len(targets) == 1 else (None,)
    return target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""


def wishes(program: Program) -> dict[Variable, str]:
    """A name for each variable; several may have the same."""
    names = {x: _place(x.name) or f"x{i}" for i, x in enumerate(program.inputs)}
    for old, number in program.state.items():
        new = program.outputs[number] if number >= 0 else None
        if isinstance(new, Variable) and old.name.endswith(".grad"):
            names.setdefault(new, _place(old.name))
    last = {(step.phase, step.path, step.line): i for i, step in enumerate(program.steps)}
    parts: list[Variable] = []  # of a gradient that is not yet there
    for i, step in enumerate(program.steps):
        whole = last[step.phase, step.path, step.line] == i
        inside = wishes(step.op.body) if isinstance(step.op, Fused) else {}
        inner = {out: inside[x] for out, x in zip(step.results, step.op.body.outputs, strict=True)} if inside else {}
        for out in step.results:
            of = program.gradients.get(out)
            if out not in names:
                names[out] = f"d_{names[of]}" if of in names else inner.get(out) or _of_step(step, out, whole, names)
                if of not in names and names[out] == step.name and step.phase == "backward":
                    parts.append(out)
            if names[out].startswith("d_"):
                names.update((x, f"{names[out]}_{names[x]}") for x in parts)
                parts = []
    return names


def _place(path: str) -> str:
    """A short name for a place: layers_0_weight for model.layers.0.weight.data, d_layers_0_weight for its gradient."""
    gradient = path.endswith(".grad")
    root, _, rest = path.removesuffix(".data").removesuffix(".grad").partition(".")
    return f"{'d_' * gradient}{rest.strip('_') or root}"


def _of_step(step: Step, out: Variable, whole: bool, names: dict[Variable, str]) -> str:
    if step.op is pack or step.op is piece:
        known = {x.name.rpartition(".")[2] for x in step.reads() if x.name}
        if not known and all(names[x].startswith("d_") for x in step.reads()):
            known = {"grad"}
        return ROLES.get(role := known.pop(), role) if len(known) == 1 else "flat"
    if step.name in TURNS and step.operands and isinstance(step.operands[0], Variable):
        return f"{names[step.operands[0]]}_{TURNS[step.name]}"
    word = step.path or (assigned(step.line) if step.phase == "forward" else "")
    if isinstance(step.op, (Loop, Fused)):
        return word or "result"
    return (word if whole else f"{word}_{step.name}") if word else step.name


def formula(step: Step, target: str, operands: list[str]) -> str:
    """What a statement computes, as one would write it."""
    if step.name in SIGNS and len(operands) == 2 and not step.options:
        return f"{target} = {operands[0]} {SIGNS[step.name]} {operands[1]}"
    options = [f"{name}={x}" for name, x in step.options.items() if x is not None]
    return f"{target} = {step.name}({', '.join([*operands, *options])})"
