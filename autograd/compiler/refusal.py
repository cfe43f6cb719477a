"""refusal: the error for what a compiled function cannot do, with the user's line and what to write instead."""

import functools
import sys
from types import FrameType

from autograd.context import CONTEXT
from autograd.errors import CompileError

__all__ = ["refusal", "user_line"]

OURS = ("autograd", "numpy", "nn")  # packages whose lines are not the user's
PHASES = {"autograd.backward": "backward", "nn.clip": "update", "nn.optim": "update"}  # what is running → phase


@functools.cache
def _part(module: str) -> tuple[bool, str]:
    """Whether a module's lines are ours, and the phase that it stands for."""
    words = module.split(".")
    return words[0] in OURS, PHASES.get(".".join(words[:2]), "")


def user_line() -> tuple[str, str]:
    """(“file:line” of the innermost frame outside of autograd, nn and NumPy, the phase: forward, backward or update)."""
    frame: FrameType | None = sys._getframe(1)
    found = "forward"
    while frame is not None:
        ours, phase = _part(frame.f_globals.get("__name__", ""))
        if not ours:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}", found
        found = phase or found
        frame = frame.f_back
    return "", found


def refusal(what: str, remedy: str, line: str = "") -> CompileError:
    """The error for what a compiled function cannot do: where, what, and what to write instead."""
    place = line or user_line()[0]
    error = CompileError(
        f"{place} {what}, which a compiled function cannot. Instead: {remedy}; or call it without compile"
    )
    trace = CONTEXT.get().trace
    if trace is not None:
        trace.refused = error
    return error
