"""closed: a result of a compiled function, through which no gradient passes.

What a program computes has no graph. A result that had one before would silently count as a constant in a later
backward pass, so it is the result of an op whose rule says what to write instead.
"""

from typing import Any, NoReturn

from autograd.errors import NotDifferentiableError
from autograd.primitives import Primitive
from autograd.value import Value, make

__all__ = ["closed"]


def _compiled(x: Any, /) -> Any:
    """A number or array that a compiled function has computed."""
    return x


def _no_rule(g: Any, out: Any, x: Any) -> NoReturn:
    raise NotDifferentiableError(
        "gradients do not pass through a compiled function. Compile the gradient, compile(grad(f)), or the whole training "
        "step, with its backward() inside; or take result.data, a constant"
    )


COMPILED = Primitive(_compiled, numpy=(), name="compiled", kind="general", symbol="", call=None, results=None, hidden=0,
                     differentiable=True, leading=False, samples=[], points=[], errors=[], source="")  # fmt: skip
COMPILED.vjp(x=_no_rule)
INSIDE = Value(0.0, "what a compiled function computed")


def closed(x: Any) -> Value:
    """The Value of a result that depends on what could be differentiated."""
    return make(COMPILED, x, (INSIDE,), (x,))
