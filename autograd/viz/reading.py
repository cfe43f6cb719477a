"""Numbers → text: what a card says of data, gradients, constants and options.

Comes before `graph`; with it and `slopes` the only files here that know NumPy or the engine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.value import Value

from .scene import Reading

LITERAL_LENGTH = 24  # characters of a constant or an option written into a card
BINS = 16


def plain(data: Any) -> Any:
    """Data without recording: after backward(record=True) a gradient is itself a Value."""
    while isinstance(data, Value):
        data = data.data
    return data


def reading(data: Any, *, bins: bool = False) -> Reading:
    """A number, or an array's minimum, mean and maximum, as text; NaN and infinities are counted, not averaged."""
    if type(data) is float:  # of a scalar graph all are
        return Reading((format_number(data),), is_bad=not math.isfinite(data))
    if isinstance(data, tuple):
        return Reading((f"tuple of {len(data)}",))
    array = np.asarray(data)
    if array.dtype.kind not in "biufc":
        return Reading((str(array.dtype),))
    if not array.size:
        return Reading(("empty",))
    if array.size == 1:
        return Reading((format_number(array.item()),), is_bad=not np.isfinite(array).all())
    with np.errstate(all="ignore"):
        nans, infinities = int(np.isnan(array).sum()), int(np.isinf(array).sum())
        if nans or infinities:
            found = [f"{n:,} {name}" for n, name in ((nans, "NaN"), (infinities, "Inf")) if n]
            return Reading((f"{', '.join(found)} of {array.size:,}",), is_bad=True)
        if array.dtype.kind == "c":
            sizes = np.abs(array)
            return Reading((f"|z| {format_number(float(sizes.min()))} … {format_number(float(sizes.max()))}",))
        mean = array.mean(dtype=np.float64)
        cells = tuple(format_number(x.item()) for x in (array.min(), mean, array.max()))
        return Reading(cells, bins=histogram(array) if bins else ())


def histogram(array: Any) -> tuple[float, ...]:
    """Heights of BINS bars from the array's minimum to its maximum, the highest 1; empty if all numbers are the same."""
    low, high = float(array.min()), float(array.max())
    if not high > low or not math.isfinite(high - low):
        return ()
    places = ((np.ravel(array).astype(np.float64) - low) * (BINS / (high - low))).astype(int)
    counts = np.bincount(np.minimum(places, BINS - 1), minlength=BINS)
    return tuple(round(count / int(counts.max()), 2) for count in counts.tolist())


def size(grad: Any) -> float:
    """The signed size of a scalar gradient, the largest magnitude of another; 0 where it is not finite."""
    if type(grad) is float:
        return grad if math.isfinite(grad) else 0.0
    if isinstance(grad, tuple):
        return max((size(part) for part in grad if part is not None), key=abs, default=0.0)
    array = np.asarray(grad)
    if array.dtype.kind not in "biufc" or not array.size:
        return 0.0
    with np.errstate(all="ignore"):
        found = float(array.item()) if array.size == 1 and array.dtype.kind != "c" else float(np.abs(array).max())
    return found if math.isfinite(found) else 0.0


def format_number(x: complex) -> str:
    """At most 4 significant digits; a float never reads like an integer ("2.0"); an integer keeps up to 7 digits."""
    if isinstance(x, bool) or (isinstance(x, int) and abs(x) < 10**7):
        return str(x)
    text = f"{x:.4g}"
    return f"{text}.0" if text.removeprefix("-").isdigit() else text


def options(value: Value) -> tuple[str, ...]:
    """The options that say something: None and False are what NumPy does unasked."""
    return tuple(f"{name}={literal(x)}" for name, x in value.options.items() if x is not None and x is not False)


def literal(x: Any) -> str:
    """A constant operand or an option, short enough to be written into a card."""
    text = _spell(x)
    return text if len(text) <= LITERAL_LENGTH else text[: LITERAL_LENGTH - 1] + "…"


def _spell(x: Any) -> str:
    if isinstance(x, np.ndarray):
        return format_number(x.item()) if x.size == 1 and x.dtype.kind in "biufc" else f"array{x.shape}"
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, (int, float, complex)):
        return format_number(x)
    if isinstance(x, slice):
        start, stop = ("" if end is None else _spell(end) for end in (x.start, x.stop))
        return f"{start}:{stop}" if x.step is None else f"{start}:{stop}:{_spell(x.step)}"
    if isinstance(x, (tuple, list)):
        inside = ", ".join(_spell(part) for part in x[:LITERAL_LENGTH])
        return f"[{inside}]" if isinstance(x, list) else f"({inside})"
    if x is Ellipsis:
        return "..."
    if x is None or isinstance(x, str):
        return repr(x)
    return getattr(x, "__name__", type(x).__name__)
