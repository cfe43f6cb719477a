"""refusal: the error for what a compiled function cannot do, with the user's line and what to write instead."""

import sys
from types import FrameType

from autograd.context import CONTEXT
from autograd.errors import CompileError

__all__ = ["refusal", "user_line"]

OURS = ("autograd", "numpy", "nn")  # packages whose lines are not the user's
PHASES = {"autograd.backward": "backward", "nn.clip": "update", "nn.optim": "update"}  # what is running → phase


def user_line() -> tuple[str, str]:
    """(“file:line” of the innermost frame outside of autograd, nn and NumPy, the phase: forward, backward or update)."""
    frame: FrameType | None = sys._getframe(1)
    phase = "forward"
    while frame is not None and (module := frame.f_globals.get("__name__", "")).split(".")[0] in OURS:
        phase = PHASES.get(".".join(module.split(".")[:2]), phase)
        frame = frame.f_back
    return (f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""), phase


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
