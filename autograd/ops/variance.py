"""How far numbers lie apart: variance, standard deviation, range.

A mean that the caller knows already (`mean=`) is subtracted first, as an op of its own, so that its derivative counts;
what is left is a variance about 0.
"""

import math

import numpy as np

from autograd.errors import ArgumentError, ShapeError
from autograd.ops.arithmetic import UNSET, ratio
from autograd.ops.axes import restored
from autograd.ops.reduce import (
    AXES,
    BAD_AXIS,
    HOLES,
    MASKED,
    NO_DTYPE,
    PRESENT,
    TIES,
    VALUE_MASK,
    counted,
    masked,
    plain,
)  # fmt: skip
from autograd.primitives import error, point, primitive, sample

__all__ = ["ptp", "std", "var"]


def _centered(x, axis, where, mean):
    """x minus its mean, 0 where it is left out; the conjugate for a complex x, as |x − mean|² has it."""
    if mean is UNSET:
        if where is True:
            x = x - np.mean(x, axis=axis, keepdims=True)
        else:
            total = np.sum(x, axis=axis, keepdims=True, where=where)
            x = x - total / np.maximum(counted(x, axis, where), 1.0)
    centered = masked(x, where)
    return np.conjugate(centered) if np.iscomplexobj(x) else centered


def _freedom(out, x, axis, ddof, where):
    """What var divides by, n − ddof; NaN instead of 0 and less, where the variance is NaN or inf."""
    if where is not True:
        n = counted(x, axis, where) - ddof
        return np.where(n > 0.0, n, math.nan)
    n = np.size(x) / np.size(out) - ddof if np.size(out) else 1.0
    return n if n > 0.0 else math.nan


def _var(g, out, x, axis=None, ddof=0, keepdims=False, where=True, mean=UNSET):
    scale = restored(g, x, axis, keepdims) * (2.0 / _freedom(out, x, axis, ddof, where))
    return masked(scale * _centered(x, axis, where, mean), where)


def spread_call(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=UNSET, correction=UNSET
):
    """Operands and options of var and std. A given mean is an operand too: it is subtracted first, and then it is 0."""
    for name, given in (("dtype", dtype), ("out", out)):
        if given is not None and not (name == "dtype" and given == np.result_type(a)):
            raise ArgumentError(
                f"no option {name!r} when it is differentiated: cast the operand or the result by astype"
            )
    options = {"axis": axis, "ddof": ddof, "keepdims": keepdims}
    if correction is not UNSET:
        if ddof:
            raise ArgumentError("ddof and correction are two names of one option: give one of them")
        options["ddof"] = correction
    if where is not True:
        options["where"] = where
    if mean is not UNSET:
        shape = np.shape(a)
        a, options["mean"] = a - mean, 0.0
        if np.shape(a) != shape:
            raise ShapeError(f"mean= has shape {np.shape(mean)}, which is not that of {shape} with axes of length 1")
    return (a,), options


SPREADS = [
    *AXES, sample("3 4", axis=0, ddof=1), sample("5", correction=1, keepdims=True), sample("0 3", axis=1),
    *MASKED[:4], sample("3 4", axis=0, mean=np.array([[0.1, 0.2, 0.3, -0.1]]), ddof=0.5),
    sample("2 3", axis=1, mean=0.5, where=np.array([[True], [True]]), correction=1),
]  # fmt: skip
ABOUT = [
    error(("2 3",), mean=np.ones((4, 2, 3)), match="mean= has shape (4, 2, 3)"),
    error(("3",), ddof=1, correction=1, match="give one of them", kind=ArgumentError),
]


@primitive(
    numpy=np.var,
    call=spread_call,
    leading=True,
    samples=SPREADS,
    points=[
        point((np.full(3, 7.0),), (np.zeros(3),), out=0.0),
        point((np.array([1.0, 3.0]),), (np.array([-1.0, 1.0]),), out=1.0),
        point((HOLES,), (np.array([[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]),), axis=1, where=PRESENT),
    ],
    errors=[BAD_AXIS, NO_DTYPE, VALUE_MASK, *ABOUT],
    source="chain rule; what the mean moves by cancels, as Σ (x − mean) = 0",
)
def var(x, /, axis=None, *, ddof=0, keepdims=False, where=True, mean=UNSET):
    """Variance over axis, out = Σ (x − mean)² / (n − ddof); dx = g · 2 (x − mean) / (n − ddof).

    correction   another name for ddof
    mean         known already, with keepdims; its derivative counts too
    """
    return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims, where=plain(where), mean=mean)


var.vjp(x=_var)


def _std(g, out, x, axis=None, ddof=0, keepdims=False, where=True, mean=UNSET):
    share = restored(g, x, axis, keepdims) / _freedom(out, x, axis, ddof, where)
    scale = ratio(share, restored(out, x, axis, keepdims))
    return masked(scale * _centered(x, axis, where, mean), where)


@primitive(
    numpy=np.std,
    call=spread_call,
    leading=True,
    samples=[s for s in SPREADS if s.operands != ("",) and s.operands != ("3 1",) and s.options.get("axis") != ()],
    points=[
        point((np.full(3, 7.0),), (np.zeros(3),), out=0.0),
        point((np.array([[1.0, 3.0], [5.0, 5.0]]),), (np.array([[-0.5, 0.5], [0.0, 0.0]]),), axis=1),
        point((2.0,), (0.0,), out=0.0),
        point((HOLES,), (np.array([[-0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]),), axis=1, where=PRESENT),
    ],
    errors=[BAD_AXIS, NO_DTYPE, VALUE_MASK, *ABOUT],
    kink="0 where all elements are equal",
    source="0 where all elements are equal, the minimum-norm subgradient",
)
def std(x, /, axis=None, *, ddof=0, keepdims=False, where=True, mean=UNSET):
    """Standard deviation over axis, the root of var; dx = g · (x − mean) / ((n − ddof) out), 0 where out is 0."""
    return np.std(x, axis=axis, ddof=ddof, keepdims=keepdims, where=plain(where), mean=mean)


std.vjp(x=_std)


@primitive(
    numpy=np.ptp,
    kind="composed",
    samples=AXES[:-1],
    points=[point((TIES,), (np.array([[-1.0, 0.5, 0.5], [0.0, 0.0, 0.0]]),), out=np.array([2.0, 0.0]), axis=1)],
    errors=[BAD_AXIS, error(("0",), match="zero-size")],
    kink="equal elements share equally",
    source="max − min, ties sharing equally",
)
def ptp(x, /, axis=None, *, keepdims=False):
    """Range over axis ("peak to peak"), the largest element minus the smallest."""
    return np.max(x, axis=axis, keepdims=keepdims) - np.min(x, axis=axis, keepdims=keepdims)
