"""Where an op is running: whether to record, inside which transform, in which module.

One small immutable object per thread and task, read once per op: a ContextVar costs 30 ns, and a single read keeps the
recording flag, the transform depth and the module path together. `with no_grad():` and the like put a changed copy in its
place and take it away again.
"""

import contextlib
import gc
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

__all__ = ["CONTEXT", "Context", "context", "detect_anomaly", "no_collection", "no_grad"]


class Context:
    """What an op must know about its surroundings, read once per op from the current thread and task.

    recording  whether ops make nodes            depth    how many transforms are running
    path       dotted path of the Module that is running      paths  Module → dotted path, for the outermost one
    anomaly    whether detect_anomaly() is on    line, digest   where the op was called, and on what (kept only then)
    trace      the program that compile is writing, None outside     rules    op → its twin, with other rules
    fast       recording and nothing unusual: the scalar operators may take their short way
    """

    __slots__ = ("recording", "depth", "path", "paths", "anomaly", "trace", "line", "digest", "rules", "fast")

    def __init__(
        self,
        recording: bool = True,
        depth: int = 0,
        path: str = "",
        paths: dict[Any, str] | None = None,
        anomaly: bool = False,
        trace: Any = None,
        line: str = "",
        digest: tuple[Any, ...] = (),
        rules: Any = None,
    ) -> None:
        self.recording = recording
        self.depth = depth
        self.path = path
        self.paths = paths
        self.anomaly = anomaly
        self.trace = trace
        self.line = line
        self.digest = digest
        self.rules = rules
        self.fast = recording and not anomaly and trace is None

    def but(self, **changes: Any) -> "Context":
        """The same context with some fields changed."""
        fields = {name: getattr(self, name) for name in Context.__slots__ if name != "fast"}
        return Context(**(fields | changes))


CONTEXT: ContextVar[Context] = ContextVar("autograd", default=Context())  # noqa: B039  never changed: `but` copies


@contextlib.contextmanager
def context(**changes: Any) -> Iterator[None]:
    """Run a block in a changed Context; what was there before comes back even after an exception."""
    token = CONTEXT.set(CONTEXT.get().but(**changes))
    try:
        yield
    finally:
        CONTEXT.reset(token)


def no_grad() -> contextlib._GeneratorContextManager[None]:
    """Context manager and decorator: ops give constants and record nothing. For prediction and validation.

    >>> from autograd import Value
    >>> with no_grad():
    ...     (Value(2.0) * 3).op
    'constant'
    """
    return context(recording=False)


@contextlib.contextmanager
def detect_anomaly() -> Iterator[None]:
    """Context manager and decorator: the op that makes the first NaN or infinity raises NonFiniteError.

    The message names the op, the pass (forward or backward) and the line of the caller that made the node. Slow: every
    result is looked at and every op's line is taken; backward() must run inside it too. NumPy's own warnings are silent
    meanwhile. An operand that was written into between the two passes raises InPlaceError.
    """
    with context(anomaly=True), np.errstate(all="ignore"):
        yield


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """No cyclic garbage collection meanwhile: a graph of 100,000 scalars would be walked again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
