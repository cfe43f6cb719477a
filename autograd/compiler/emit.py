"""How a step is written as one NumPy statement that puts its result into a buffer.

A ufunc takes its target as last argument. For other ops `LINES` has a line each; what has none is called as it is, and
makes an array of its own at every run.
"""

from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np

from autograd.compiler.program import Step
from autograd.primitives import Primitive

__all__ = ["FILLED", "number_line", "on_numbers", "statement"]

ARITHMETIC = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}
COMPARISONS = {"greater": ">", "less": "<", "greater_equal": ">=", "less_equal": "<=", "equal": "==", "not_equal": "!="}
KEYWORD_OUT = {"maximum", "minimum", "fmax", "fmin"}  # NumPy 2.4 deprecates their positional out
FILLED = {"maximum", "minimum", "greater", "less", "greater_equal", "less_equal"}
REDUCTIONS = {"sum": "add.reduce", "prod": "multiply.reduce", "max": "maximum.reduce", "min": "minimum.reduce"}


def statement(step: Step, names: list[str], out: str) -> str | None:
    """The line that writes the step's result into `out`; None if it is to be called as it is. names: of the operands."""
    if step.name in LINES:
        return LINES[step.name](step, names, out)
    op = step.op
    ufunc = op if isinstance(op, np.ufunc) else op.numpy[0] if isinstance(op, Primitive) and op.numpy else None
    if not isinstance(ufunc, np.ufunc) or ufunc.signature or ufunc.nout != 1 or step.options or ufunc.nin != len(names):
        return None
    name = str(ufunc.__name__)
    if getattr(np, name, None) is not ufunc:
        return None
    keyword = "out=" if name in KEYWORD_OUT else ""
    return f"{name}({', '.join(names)}, {keyword}{out})"


def on_numbers(step: Step) -> bool:
    """Whether a step on single numbers is a sign between two of them: of NumPy's, or of Python's floats and truths."""
    if len(step.operands) != 2 or step.options:
        return False
    plain = [getattr(x, "dtype", None) is None for x in step.operands]
    return (step.name in ARITHMETIC and step.results[0].dtype != bool) or (step.name in COMPARISONS and all(plain))


def number_line(step: Step, names: list[str], function: Callable[[Any, str], str]) -> str:
    """The expression of such a step. Where Python's floats raise or leave the reals it gives NumPy's number.

    function   (function, wish) → its name
    """
    (x, y), other = names, step.operands[1]
    if step.results[0].dtype is not None:
        return f"{x} {ARITHMETIC.get(step.name) or COMPARISONS[step.name]} {y}"
    if step.name == "power" and type(other) in (int, float) and other in (2, 3):
        return " * ".join([x] * int(other))
    if step.name == "power":
        return f"{function(number_power, 'power_of_numbers')}({x}, {y})"
    if step.name == "divide" and not (isinstance(other, (int, float)) and other):
        return f"{x} / {y} if {y} else float({function(np.divide, 'divide')}({x}, {y}))"
    return f"{x} {ARITHMETIC[step.name]} {y}"


def number_power(x: float, y: float) -> float:
    """x ** y as a float, where Python raises or leaves the reals as NumPy has it."""
    try:
        z = x**y
    except ArithmeticError:
        z = None
    return z if type(z) is float else float(np.power(np.float64(x), np.float64(y)))


def _power(step: Step, names: list[str], out: str) -> str | None:
    x, exponent = step.operands
    if getattr(x, "dtype", None) != step.results[0].dtype:
        return None
    if isinstance(exponent, (int, float)) and exponent == 2.0:
        return f"multiply({names[0]}, {names[0]}, {out})"
    if isinstance(exponent, (int, float)) and exponent == 3.0:
        return f"multiply({names[0]}, {names[0]}, {out}); multiply({out}, {names[0]}, {out})"
    return None


def _product(step: Step, names: list[str], out: str) -> str | None:
    x, y = step.operands
    result = step.results[0]
    if {getattr(x, "dtype", None), getattr(y, "dtype", None)} != {result.dtype} or result.dtype.kind not in "fc":
        return None
    if 1 <= len(x.shape) <= 2 and 1 <= len(y.shape) <= 2:
        return f"dot({names[0]}, {names[1]}, {out})"
    return f"matmul({names[0]}, {names[1]}, {out})" if step.name == "matmul" and result.shape else None


def _reduction(step: Step, names: list[str], out: str) -> str | None:
    given = dict(step.options)
    axis, keepdims = given.pop("axis", None), given.pop("keepdims", False)
    if given:
        return None
    axis = tuple(map(index, axis)) if isinstance(axis, tuple) else axis if axis is None else index(axis)
    return f"{REDUCTIONS[step.name]}({names[0]}, {axis!r}, None, {out}, {keepdims!r})"


def _where(step: Step, names: list[str], out: str) -> str | None:
    if len(names) != 3 or step.options:
        return None
    mask = step.operands[0]
    if getattr(mask, "dtype", type(mask)) not in (np.dtype(bool), bool):
        return None
    condition, x, y = names
    return f"copyto({out}, {y}); copyto({out}, {x}, where={condition})"


LINES: dict[str, Callable[[Step, list[str], str], str | None]] = {
    "power": _power, "matmul": _product, "dot": _product, "where": _where,
    "alias": lambda step, names, out: f"copyto({out}, {names[0]})",
    "take": lambda step, names, out: None if step.options else f"take({names[0]}, {names[1]}, None, {out}, 'clip')",
    **dict.fromkeys(REDUCTIONS, _reduction),
}  # fmt: skip
