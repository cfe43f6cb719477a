"""np.pad in all its modes.

Where the border repeats elements (edge, wrap, reflect, symmetric) or is a plain constant, padding is one op, `extend`.
Else it is composed as NumPy does it, one axis after the other: a border, what there is so far, another border.
"""

from typing import Any

import numpy as np

from autograd.errors import ArgumentError, ShapeError
from autograd.ops.index import numbered, send_back
from autograd.primitives import error, point, primitive, sample
from autograd.value import Value

__all__ = ["extend", "pad", "stacked"]

COPIES = ("edge", "reflect", "symmetric", "wrap")
STATISTICS = {"maximum": np.max, "mean": np.mean, "median": np.median, "minimum": np.min}
OPTIONS: dict[Any, str] = {"constant": "constant_values", "linear_ramp": "end_values", "reflect": "reflect_type",
           "symmetric": "reflect_type", **dict.fromkeys(STATISTICS, "stat_length")}  # fmt: skip
TIES = np.array([1.0, 3.0, 3.0])


def _extend(g, out, x, pad_width, mode="constant", constant_values=0.0):
    if mode != "constant":
        return send_back(g, x, np.pad(numbered(x), pad_width, mode))
    return g[tuple(slice(before, before + n) for (before, _), n in zip(pad_width, np.shape(x), strict=True))]


@primitive(
    symbol="pad",
    samples=[
        sample("3 4", pad_width=((1, 1), (1, 1))), sample("3", pad_width=((2, 1),), constant_values=5.0),
        sample("3 4", pad_width=((0, 2), (1, 0)), complex=True), sample("0 2", pad_width=((1, 1), (1, 1))),
        sample("3 4", pad_width=((2, 2), (0, 2)), mode="reflect"), sample("3", pad_width=((4, 4),), mode="symmetric"),
        sample("3 2", pad_width=((3, 3), (3, 3)), mode="wrap"),
        sample("2 3", pad_width=((0, 2), (1, 1)), mode="edge"),
    ],
    points=[
        point((np.ones(2),), (np.ones(2),), out=np.array([9.0, 1.0, 1.0, 9.0]), pad_width=((1, 1),),
              constant_values=9.0),
        point((np.arange(3.0),), (np.array([1.0, 3.0, 1.0]),), pad_width=((1, 1),), mode="reflect"),
    ],
    errors=[error(("0",), pad_width=((1, 1),), mode="edge", match="can't extend empty axis 0")],
    source="affine: the adjoint of copying elements to several places is a sum",
)  # fmt: skip
def extend(x, /, pad_width, mode="constant", constant_values=0.0):
    """x with a border of plain constants or of its own elements, (before, after) for each axis."""
    extra = {"constant_values": constant_values} if mode == "constant" else {}
    return np.pad(x, pad_width, mode, **extra)


extend.vjp(x=_extend)


def _pad_call(array, pad_width, mode="constant", **options):
    return (array,), {"pad_width": pad_width, "mode": mode, **options}


@primitive(
    numpy=np.pad,
    kind="composed",
    call=_pad_call,
    samples=[
        sample("3 4", pad_width=1), sample("3 4", pad_width=2, mode="reflect"), sample("2 3", pad_width={-1: (1, 2)}),
        sample("3 4", pad_width=((1, 2), (0, 1)), constant_values=((1.0, 2.0), (3.0, 4.0))), sample("", pad_width=1),
        sample("3 2", pad_width=((0, 1), (2, 3)), mode="linear_ramp", end_values=(1.0, -2.0), complex=True),
        sample("2 3", pad_width=(3, 0), mode="linear_ramp"),
        sample("3 4", pad_width=((1, 2), (2, 0)), mode="maximum"),
        sample("3 4", pad_width=2, mode="minimum", stat_length=((1, 2), (3, 9))),
        sample("3 4", pad_width=((2, 1), (0, 2)), mode="mean", stat_length=2), sample("5", pad_width=1, mode="mean"),
        sample("3 4", pad_width=1, mode="median", stat_length=((2, 3), (4, 3))),
        sample("4", pad_width=(9, 5), mode="reflect", reflect_type="odd"),
        sample("3 2", pad_width=((7, 1), (1, 4)), mode="symmetric", reflect_type="odd"),
        sample("1 2", pad_width=1, mode="reflect", reflect_type="odd"), sample("0 2", pad_width=(0, 0), mode="mean"),
    ],
    points=[
        point((TIES,), (np.array([1.0, 2.0, 2.0]),), pad_width=1, mode="maximum"),
        point((TIES[:2],), (np.array([2.0, 2.0]),), pad_width=1, mode="mean"),
        point((np.arange(3.0),), (np.array([3.0, 1.0, 1.0]),), pad_width=(2, 0), mode="edge"),
        point((np.array([1.0, 2.0]),), (np.array([3.0, 0.0]),), pad_width=(1, 0), mode="reflect", reflect_type="odd"),
        point((np.array([4.0]),), (np.array([1.5]),), out=np.array([0.0, 2.0, 4.0]), pad_width=(2, 0),
              mode="linear_ramp"),
    ],
    errors=[
        error(("3",), pad_width=1, mode="empty", match="not initialised", kind=ArgumentError),
        error(("3",), pad_width=1, mode=np.add, match="writes into the array", kind=ArgumentError),
        error(("3",), pad_width=1, mode="ege", match="no mode 'ege'", kind=ArgumentError),
        error(("3",), pad_width=1, mode="edge", end_values=1.0, match="'end_values'", kind=ArgumentError),
        error(("3",), pad_width=1.5, match="integers", kind=ArgumentError),
        error(("3",), pad_width=-1, mode="mean", match="negative", kind=ArgumentError),
        error(("0",), pad_width=1, mode="mean", match="can't extend empty axis 0"),
        error(("3",), pad_width=1, mode="minimum", stat_length=0, match="stat_length of 0", kind=ArgumentError),
    ],
    source="composed of extend or of concatenate, one axis after the other, as NumPy does it",
)  # fmt: skip
def pad(x, /, pad_width, mode="constant", **options):
    """x with a border of these widths: one for all, (before, after), a pair for each axis, or {axis: width}.

    constant      constant_values, which may be Values     edge, wrap, reflect, symmetric   its own elements
    linear_ramp   from the edge to end_values, Values too  reflect_type="odd"   2 · edge − the mirrored element
    maximum, mean, median, minimum   of the stat_length elements next to the border, of all by default
    """
    _check(mode, options)
    widths = _widths(pad_width, np.ndim(x))
    if not widths:
        return np.copy(x)
    odd = options.get("reflect_type", "even") == "odd"
    constants: Any = _border(options.get(OPTIONS[mode], 0.0)) if mode in ("constant", "linear_ramp") else None
    if (mode in COPIES and not odd) or (mode == "constant" and not isinstance(constants, Value)):
        return extend(x, widths, mode, **({} if constants is None else {"constant_values": constants}))
    if constants is not None:
        if np.iscomplexobj(constants) and not np.iscomplexobj(x):
            raise ArgumentError(f"pad: a complex {OPTIONS[mode]} cannot border a real x")
        constants = np.broadcast_to(np.astype(constants, np.result_type(x)), (len(widths), 2))
    lengths = np.broadcast_to(np.array(options.get("stat_length"), object), (len(widths), 2)).tolist()
    for axis, width in enumerate(widths):
        if not any(width):
            continue
        if np.shape(x)[axis] == 0 and mode != "constant":
            raise ShapeError(f"pad: can't extend empty axis {axis} using modes other than 'constant'")
        if mode in ("reflect", "symmetric"):
            x = _odd(x, width, axis, mode)
        elif mode in STATISTICS:
            x = _joined(x, axis, _statistics(x, width, axis, STATISTICS[mode], lengths[axis]))
        else:
            ends = [np.reshape(constants[axis, side], (1,) * np.ndim(x)) for side in (0, 1)]
            make = _constant if mode == "constant" else _ramp
            x = _joined(
                x, axis, [make(x, n, axis, side, end) for side, (n, end) in enumerate(zip(width, ends, strict=True))]
            )
    return x


def _check(mode, options):
    """ArgumentError for a mode without derivative, or an option that the mode does not have."""
    if callable(mode):
        raise ArgumentError("pad: a function as mode writes into the array it is given; use np.concatenate instead")
    if mode == "empty":
        raise ArgumentError("pad: the border of mode='empty' is not initialised, so it has no derivative")
    if mode not in COPIES and mode not in OPTIONS:
        raise ArgumentError(f"pad has no mode {mode!r}; it has {', '.join(sorted({*COPIES, *OPTIONS}))}")
    for name in options:
        if name != OPTIONS.get(mode):
            raise ArgumentError(f"pad: mode={mode!r} has no option {name!r}")


def _widths(pad_width, ndim):
    """((before, after), …) for each axis."""
    if isinstance(pad_width, dict):
        given: Any = {axis % ndim: width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(given.get(axis, 0), 2) for axis in range(ndim)]
    pad_width = np.asarray(pad_width)
    if (pad_width.dtype.kind != "i" and pad_width.size) or (pad_width < 0).any():
        raise ArgumentError(f"pad: widths are integers and not negative, got {pad_width.tolist()}")
    return tuple((int(before), int(after)) for before, after in np.broadcast_to(pad_width, (ndim, 2)))


def _border(values):
    values = stacked(values)
    return values if isinstance(values, Value) else np.asarray(values)


def stacked(values):
    """Numbers and Values in nested lists as one array; what is no list as it is."""
    return np.stack([*map(stacked, values)]) if isinstance(values, (list, tuple)) else values


def _part(x, axis, start, stop):
    """The slice of x from start to stop along an axis."""
    return x[(slice(None),) * axis + (slice(start, stop),)]


def _joined(x, axis, borders):
    return np.concatenate([borders[0], x, borders[1]], axis=axis)


def _constant(x, n, axis, side, end):
    """A border of n times the number `end`."""
    shape = np.shape(x)
    return np.broadcast_to(end, (*shape[:axis], n, *shape[axis + 1 :]))


def _ramp(x, n, axis, side, end):
    """A border of n steps from the number `end` to, exclusively, the edge of x on this side, 0 or 1."""
    edge = _part(x, axis, -1 if side else 0, None if side else 1)
    steps = np.astype(np.arange(n) / max(n, 1), np.result_type(x))[:: -1 if side else 1]
    return end + np.reshape(steps, (-1,) + (1,) * (np.ndim(x) - axis - 1)) * (edge - end)


def _statistics(x, width, axis, statistic, lengths):
    """Borders of a statistic of the nearest `lengths` elements of x along an axis, of all where None."""
    total = np.shape(x)[axis]
    first, last = (total if length is None else min(length, total) for length in lengths)
    if 0 in (first, last) and statistic in (np.max, np.min):
        raise ArgumentError("pad: stat_length of 0 yields no value for padding")
    left = statistic(_part(x, axis, 0, first), axis=axis, keepdims=True)
    right = left if first == last == total else statistic(_part(x, axis, total - last, None), axis=axis, keepdims=True)
    return [np.repeat(edge, n, axis=axis) for edge, n in zip((left, right), width, strict=True)]


def _odd(x, width, axis, mode):
    """A border point-mirrored at the edges, 2 · edge − mirrored; in several steps if it is longer than x."""
    (before, after), period, skip = width, np.shape(x)[axis], int(mode == "reflect")
    if period == 1:
        return np.concatenate([np.repeat(x, before, axis=axis), x, np.repeat(x, after, axis=axis)], axis=axis)
    while before or after:
        length = np.shape(x)[axis]
        whole = (length - skip) // (period - skip) * (period - skip)  # whole periods only, as NumPy has it
        a, b = min(whole, before), min(whole, after)
        left = 2.0 * _part(x, axis, 0, 1) - np.flip(_part(x, axis, skip, skip + a), axis)
        right = 2.0 * _part(x, axis, -1, None) - np.flip(_part(x, axis, length - skip - b, length - skip), axis)
        x = np.concatenate([left, x, right], axis=axis)
        before, after = before - a, after - b
    return x
