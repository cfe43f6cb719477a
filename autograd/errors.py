"""Every mistake the package can tell you about: one class for each kind.

Each class is also the builtin exception a NumPy user would expect, so `except ValueError` keeps working. A message says
what happened, where (op, operand, path), what was got and expected, and what to do.
"""

import difflib
import sys
from collections.abc import Mapping
from typing import Any

__all__ = [
    "AmbiguousTruthError",
    "ArgumentError",
    "CompileError",
    "ConversionError",
    "GradientCheckError",
    "InPlaceError",
    "MissingExtraError",
    "NonFiniteError",
    "NotDifferentiableError",
    "RegistrationError",
    "RuleError",
    "SeedError",
    "ShapeError",
]


class NotDifferentiableError(TypeError):
    """A function without a derivative rule was given a Value.

    Fails: np.frexp(Value(2.0)).  Fix: use a function that has a rule (`python -m autograd.ops` lists them), write one
    with @primitive, or pass `v.data` to treat the value as a constant.
    """


class ConversionError(TypeError):
    """A Value was about to become a plain number or array, which would drop its gradient without a word.

    Fails: np.array([Value(1.0)]).  Fix: np.stack or autograd.numpy.array keep the gradient, `v.data` drops it openly.
    """


class InPlaceError(TypeError):
    """An array was to be overwritten with a Value, or a Value in a way that cannot be recorded.

    Fails: a += Value(1.0) with an ndarray a.  Fix: a = a + v.
    """


class ShapeError(ValueError):
    """Operands whose shapes do not go together; the message has the op and every shape.

    Fails: Value(np.ones((2, 3))) @ np.ones((2, 3)).  Fix: transpose or reshape one of them.
    """


class SeedError(ValueError):
    """backward() on something that is not a single number, or with a seed of another shape.

    Fails: Value(np.ones(3)).backward().  Fix: v.sum().backward(), or v.backward(np.ones(3)).
    """


class AmbiguousTruthError(ValueError):
    """`if v:` on a Value of many elements.

    Fails: bool(Value(np.ones(2))).  Fix: (v.data > 0).all() or .any().
    """


class NonFiniteError(FloatingPointError):
    """Under detect_anomaly(): an op made the first NaN or infinity, in the forward or the backward pass.

    Fails: with detect_anomaly(): np.log(Value(-1.0)).  Fix: mend the line that the message names.
    """


class RuleError(ValueError):
    """A derivative rule gave a cotangent of the wrong shape or dtype.

    Fails: an op whose rule forgets a transpose.  Fix: return exactly the operand's shape and dtype.
    """


class RegistrationError(ValueError):
    """An op was declared wrongly: unknown kind, a rule for an operand that does not exist, a name taken twice.

    Fails: op.vjp(z=...) for def op(x, y, /).  Fix: name the operands as the function does.
    """


class ArgumentError(TypeError, ValueError):
    """A transform or function was called with an argument it cannot use.

    Fails: grad(f, argnum="z") where f has no parameter z.  Fix: the message lists what exists.
    """


class GradientCheckError(AssertionError):
    """check_gradients found a derivative that differs from the one measured by differences.

    Fails: a rule with a wrong sign.  Fix: mend the rule of the op the message names.
    """


class CompileError(RuntimeError):
    """A function cannot become a program that runs again: it looks at numbers that differ from run to run.

    Fails: compile(lambda x: 1.0 if x > 0 else 0.0)(2.0).  Fix: np.where(x > 0, 1.0, 0.0).
    """


class MissingExtraError(ImportError):
    """A feature needs an optional library that is not installed.

    Fails: history.plot() without matplotlib.  Fix: the pip line in the message.
    """


REFUSED: dict[Any, str] = {}  # NumPy function → why it has no derivative; filled by ops/refused.py


def spelled(function: Any) -> str:
    """How a function of NumPy or SciPy is written: np.exp, np.linalg.norm, np.add.reduce, scipy.special.erf."""
    if isinstance(function, tuple):  # (ufunc, name of its method)
        return f"{spelled(function[0])}.{function[1]}"
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", str(function))
    if type(owner).__name__ == "ufunc":
        return f"{spelled(owner)}.{name}"
    module = (getattr(function, "__module__", None) or "").partition("._")[0]  # a ufunc does not know its own
    special = sys.modules.get("scipy.special")
    if not module and special is not None and getattr(special, name, None) is function:
        module = "scipy.special"
    return f"{(module or 'numpy').replace('numpy', 'np', 1)}.{name}"


def no_rule(function: Any, table: Mapping[Any, Any]) -> NotDifferentiableError:
    """The error for a NumPy function that is not in the table of ops: with its reason, or the nearest name that is.

    function  a function, or (ufunc, name of its method)
    """
    if function in REFUSED:
        return NotDifferentiableError(f"{spelled(function)}: {REFUSED[function]}")
    name = spelled(function).partition(".")[2]
    known = {getattr(key, "__name__", "") for key in table if callable(key)} - {""}
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.76)
    hint = f"; did you mean np.{near[0]}?" if near else "."
    return NotDifferentiableError(
        f'{spelled(function)} has no derivative rule{hint} Add one with @primitive (README, "Adding an operation"), or '
        "pass v.data to treat it as a constant."
    )
