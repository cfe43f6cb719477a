"""Axes in rules: what a reduction or a broadcast did to them, undone; and options that have a number for each axis.

A rule that says `leading=True` takes a cotangent with extra axes at the front, many cotangents in one, and gives a
gradient with the same axes at the front. So rules count axes from the last one, and ask the cotangent for its lead.
"""

from typing import Any

import numpy as np

from autograd.errors import ArgumentError

__all__ = ["from_the_end", "lead", "like", "per_axis", "restored", "spread", "sum_to"]


def lead(g, out):
    """The lengths of the extra axes that a cotangent of out has at the front; () for a single cotangent."""
    return np.shape(g)[: np.ndim(g) - np.ndim(out)]


def like(g, out, x):
    """A cotangent of out, reshaped to be one of x, which has as many elements."""
    return np.reshape(g, (*lead(g, out), *np.shape(x)))


def from_the_end(axis, x):
    """Axes of x counted from its last one; of all axes for None."""
    ndim = np.ndim(x)
    if axis is None or not ndim:
        return tuple(range(-ndim, 0))
    if isinstance(axis, (int, np.integer)):
        return axis if axis < 0 else axis - ndim
    return tuple(a if a < 0 else a - ndim for a in axis)


def restored(g, x, axis, keepdims):
    """A result of reducing x over axis, so that it broadcasts against x again: reduced axes back, of length 1."""
    ndim = np.ndim(x)
    if keepdims or not ndim:
        return g
    if axis is None:
        return np.reshape(g, (*np.shape(g), *(1,) * ndim)) if np.ndim(g) else g
    if axis == 0 and np.ndim(g) == ndim - 1:  # broadcasting puts it back
        return g
    axes = axis if isinstance(axis, tuple) else (axis,)
    kept = list(np.shape(x))
    for a in axes:
        kept[a] = 1
    return np.reshape(g, (*np.shape(g)[: np.ndim(g) + len(axes) - ndim], *kept))


def spread(g, shape):
    """g broadcast to a shape, its extra axes at the front kept.

    A NumPy scalar, as the cotangent of a loss is, becomes a view in an eighth of the time of np.broadcast_to.
    """
    if not shape and not np.ndim(g):
        return g
    if isinstance(g, np.floating):
        return np.ndarray(shape, g.dtype, g, 0, (0,) * len(shape))
    return np.broadcast_to(g, (*np.shape(g)[: max(np.ndim(g) - len(shape), 0)], *shape))


def sum_to(g: Any, shape: tuple[int, ...], lead: int = 0) -> Any:
    """Sum g over the axes that broadcasting an array of `shape` to the shape of g repeats; the first `lead` axes stay."""
    extra = np.ndim(g) - lead - len(shape)
    if extra:
        g = np.sum(g, axis=tuple(range(lead, lead + extra)))
    axes = tuple(i for i, length in enumerate(shape, lead) if length == 1 and np.shape(g)[i] != 1)
    return np.sum(g, axis=axes, keepdims=True) if axes else g


def per_axis(value: Any, count: int, name: str, least: int = 1) -> tuple[int, ...]:
    """An option as a tuple of `count` integers; one integer stands for all."""
    numbers = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    whole = all(isinstance(n, (int, np.integer)) for n in numbers)
    if len(numbers) != count or not whole or min(numbers, default=least) < least:
        raise ArgumentError(
            f"{name}={value!r}: expected one integer of at least {least}, or {count} of them, one per spatial axis"
        )
    return tuple(map(int, numbers))
