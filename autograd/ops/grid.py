"""Grids, tables and functions along an axis: linspace, meshgrid, vander, interp, apply_along_axis. All composed."""

from itertools import product
from typing import Any

import numpy as np

from autograd.data import holds
from autograd.errors import ArgumentError
from autograd.ops.shape import many
from autograd.primitives import error, point, primitive, sample
from autograd.value import DISPATCH, Value

__all__ = ["apply_along_axis", "apply_over_axes", "geomspace", "interp", "linspace", "logspace", "meshgrid", "vander"]

KNOTS, HEIGHTS = np.array([0.0, 1.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0, 8.0])


def _cast(dtype, *arrays):
    """The arrays in a dtype, those that are Values recorded."""
    arrays = tuple(x if isinstance(x, Value) else np.asarray(x) for x in arrays)
    return [x if np.result_type(x) == dtype else np.astype(x, dtype) for x in arrays]


def _double(*arrays):
    """float64 or complex128: what NumPy computes some functions in, of float32 too."""
    return np.complex128 if any(map(np.iscomplexobj, arrays)) else np.float64


def _steps(num, endpoint, like, ndim):
    """0, 1/n, 2/n …: `num` parts of the way, in the dtype of `like`, with `ndim` axes of length 1 after the first."""
    parts = np.arange(num) / max(num - 1 if endpoint else num, 1)
    return np.reshape(parts, (-1,) + (1,) * ndim).astype(np.result_type(like, 1.0))


@primitive(
    numpy=np.linspace,
    kind="composed",
    samples=[sample("", "", num=5), sample("2", "3 1", num=3, axis=-1), sample("", 2.0, num=4, endpoint=False),
             sample("2", 1.0, num=3, axis=1), sample("", "", num=1), sample("", "", num=0),
             sample("2", "2", num=3, complex=True)],
    points=[point((0.0, 4.0), (1.5, 1.5), out=np.array([0.0, 2.0, 4.0]), num=3)],
    errors=[error(("", ""), num=-1, match="not negative", kind=ArgumentError),
            error(("", ""), retstep=True, match="no option 'retstep'", kind=ArgumentError)],
    source="composed: start + part · (stop − start)",
)  # fmt: skip
def linspace(start, stop, /, num=50, endpoint=True, *, axis=0):
    """`num` numbers in even steps from start to stop, out = start + part · (stop − start)."""
    if num < 0:
        raise ArgumentError(f"linspace: the number of samples is not negative, got {num}")
    start, stop = (x if isinstance(x, Value) or type(x) in (float, int) else np.asarray(x) for x in (start, stop))
    width = stop - start
    out = start + _steps(num, endpoint, width, np.ndim(width)) * width
    if endpoint and num > 1:  # stop itself, without rounding
        out = np.concatenate([out[:-1], np.broadcast_to(_cast(np.result_type(out), stop)[0], (1, *np.shape(width)))])
    return np.moveaxis(out, 0, axis) if axis else out


@primitive(
    numpy=np.logspace,
    kind="composed",
    samples=[sample("", "", num=4), sample("2", 1.0, num=3, base=2.0, axis=-1), sample("", "", num=3, endpoint=False)],
    points=[point((0.0, 1.0), (np.log(10.0), 10.0 * np.log(10.0)), num=2)],
    source="composed of linspace and power",
)
def logspace(start, stop, /, num=50, endpoint=True, base=10.0, *, axis=0):
    """Powers of a base with `num` evenly spaced exponents from start to stop."""
    return np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))


@primitive(
    numpy=np.geomspace,
    kind="composed",
    samples=[sample("", "", num=4, low=0.5), sample("2", 5.0, num=3, low=0.5, axis=-1),
             sample("", "", num=3, endpoint=False, low=-2.0, high=-0.5)],
    points=[point((1.0, 4.0), (2.0, 1.25), out=np.array([1.0, 2.0, 4.0]), num=3)],
    errors=[error((0.0, ""), match="0", kind=ArgumentError),
            error((np.array([-1.0]), np.array([1.0])), match="one sign", kind=ArgumentError)],
    domain="numbers of one sign, not 0",
    source="composed of linspace, log and exp",
)  # fmt: skip
def geomspace(start, stop, /, num=50, endpoint=True, *, axis=0):
    """`num` numbers in even ratios from start to stop, out = start · (stop / start)^part; real, of one sign."""
    if holds(start == 0.0) or holds(stop == 0.0):
        raise ArgumentError("geomspace: start and stop cannot be 0")
    start, stop = _cast(_double(start, stop), start, stop)
    quotient = stop / start
    if np.iscomplexobj(quotient) or holds(quotient < 0.0):
        raise ArgumentError("geomspace: start and stop are real and of one sign where it is differentiated")
    out = start * np.power(quotient, _steps(num, endpoint, quotient, np.ndim(quotient)))
    if endpoint and num > 1:  # stop itself, without rounding
        out = np.concatenate([out[:-1], np.broadcast_to(stop, (1, *np.shape(quotient)))])
    return np.moveaxis(out, 0, axis) if axis else out


@primitive(
    numpy=np.meshgrid,
    kind="composed",
    call=many,
    samples=[sample("3", "2"), sample("3", "2", indexing="ij", sparse=True), sample("2", "3", "", copy=False), sample("2"),
             sample("2", "3", "2", indexing="ij")],
    points=[point((np.arange(2.0), np.arange(3.0)), (np.full(2, 3.0), np.full(3, 2.0)))],
    errors=[error(("2", "3"), indexing="yx", match="indexing", kind=ArgumentError)],
    source="composed of reshape and broadcast_to",
)  # fmt: skip
def meshgrid(*arrays, copy=True, sparse=False, indexing="xy"):
    """A tuple of coordinate arrays over the grid that vectors span: x along the second axis, or the first with "ij"."""
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"meshgrid: indexing is 'xy' or 'ij', got {indexing!r}")
    n = len(arrays)
    places = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else range(n)
    outs: Any = [np.reshape(x, (1,) * i + (-1,) + (1,) * (n - 1 - i)) for x, i in zip(arrays, places, strict=True)]
    outs = outs if sparse else np.broadcast_arrays(*outs)
    return tuple(map(np.copy, outs)) if copy else tuple(outs)


meshgrid.variadic = False


@primitive(
    numpy=np.vander,
    kind="composed",
    samples=[sample("3", complex=True), sample("3", N=5, increasing=True), sample("2", N=2)],
    points=[point((np.array([0.0, 2.0]),), (np.array([1.0, 5.0]),), out=np.array([[0.0, 0.0, 1.0], [4.0, 2.0, 1.0]]), N=3)],
    errors=[error(("2 2",), match="(2, 2)", kind=ArgumentError)],
    source="composed of products, so that the slope at 0 is finite",
)  # fmt: skip
def vander(x, /, N=None, increasing=False):
    """The powers of a vector as columns: x^(N − 1) … x, 1, or from 1 on."""
    if np.ndim(x) != 1:
        raise ArgumentError(f"vander: x must be a vector, got shape {np.shape(x)}")
    x = np.astype(x, np.promote_types(np.result_type(x), int))  # float64 even for float32, as NumPy has it
    columns = [np.ones_like(x)]
    for _ in range((np.size(x) if N is None else N) - 1):
        columns.append(columns[-1] * x)
    columns = columns[: np.size(x) if N is None else N]
    return np.stack(columns if increasing else columns[::-1], axis=1) if columns else np.ones_like(x)[:, None][:, :0]


@primitive(
    numpy=np.interp,
    kind="composed",
    samples=[sample("5", KNOTS, "4", low=0.1, high=3.9), sample("2 3", np.array([-1.0, 0.3, 1.1]), "3"),
             sample("1", np.array([-3.0, 3.0]), "2"), sample("4", np.array([-0.5, 0.5]), "2", left=7.0, right=-7.0),
             sample("4", np.array([0.1, 2.3, 1.2]), "3", period=3.0), sample("3", np.array([0.33]), "1")],
    points=[
        point((np.array([0.5, 3.0]), KNOTS, HEIGHTS),
              (np.array([2.0, 3.0]), np.array([-1.0, -1.0, -1.5, -1.5]), np.full(4, 0.5)), out=np.array([2.0, 5.0])),
        point((np.array([1.0, 0.0, 4.0]), KNOTS, HEIGHTS), (np.zeros(3), np.zeros(4), np.array([1.0, 1.0, 0.0, 1.0]))),
        point((np.array([1.0]), np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 5.0])),
              (np.array([1.0]), np.array([0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0]))),
        point((np.array([-9.0, 9.0]), KNOTS, HEIGHTS), (np.zeros(2), np.zeros(4), np.array([1.0, 0.0, 0.0, 1.0]))),
    ],
    errors=[error(("2", "3", "4"), match="same length", kind=ArgumentError)],
    kink="at a knot the slope of smaller size of the two, 0 where they differ in sign",
    source="composed; the minimum-norm subgradient at a knot",
)  # fmt: skip
def interp(x, xp, fp, /, left=None, right=None, period=None):
    """Straight lines through the points (xp, fp), xp increasing, at x; left and right of them constant.

    out = fp[k] + (x − xp[k]) · (fp[j + 1] − fp[j]) / (xp[j + 1] − xp[j]), where xp[k] is the last knot that is ≤ x and j
    the piece whose slope holds there. At a knot, the ends included, that is the piece whose slope has the smaller size, 0
    if the two differ in sign: the minimum-norm subgradient.
    """
    if np.ndim(xp) != 1 or np.shape(xp) != np.shape(fp) or not np.size(xp):
        raise ArgumentError(f"interp: xp and fp are vectors of the same length, got {np.shape(xp)} and {np.shape(fp)}")
    (x, xp), (fp,) = _cast(np.float64, x, xp), _cast(_double(fp), fp)
    if period is not None:
        period, left, right = abs(period), None, None
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp, fp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period]), np.concatenate([fp[-1:], fp, fp[:1]])
    n = np.size(xp)
    before, after = np.less(x, xp[0]), np.greater(x, xp[-1])
    k = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, n - 1)
    slopes = (fp[1:] - fp[:-1]) / (xp[1:] - xp[:-1])
    bounded = np.concatenate([np.zeros(1), slopes, np.zeros(1)])  # piece j lies between knots j − 1 and j, flat outside
    lower, upper = bounded[k], bounded[k + 1]
    at_knot = np.equal(x, xp[k])
    smaller = at_knot & np.less(np.abs(lower), np.abs(upper))
    flat = before | after | (at_knot & np.less_equal(np.real(lower * np.conjugate(upper)), 0.0))
    slope = np.where(flat, 0.0, bounded[k + 1 - smaller])
    out = fp[k] + slope * np.where(before | after, 0.0, x - np.where(before | after, 0.0, xp[k]))
    out = out if left is None else np.where(before, left, out)
    return out if right is None else np.where(after, right, out)


@primitive(
    kind="composed",
    method=False,
    samples=[sample("3 4", func1d=np.cumsum, axis=0), sample("2 3", func1d=np.sum, axis=-1),
             sample("2 3 2", func1d=np.diag, axis=1), sample("3", func1d=np.exp, axis=0)],
    points=[point((np.array([[1.0, 2.0]]),), (np.array([[1.0, 1.0]]),), out=np.array([3.0]), func1d=np.sum, axis=1)],
    errors=[error(("3 0",), func1d=np.sum, axis=0, match="no slices", kind=ArgumentError)],
    source="composed of the function, of each slice, and stack",
)  # fmt: skip
def apply_along_axis(x, /, func1d, axis, args=(), **kwargs):
    """A function of vectors, of each slice along an axis; the axes of what it gives are put in the place of this one."""
    x = np.moveaxis(x, axis, -1)
    outer = np.shape(x)[:-1]
    outs = [func1d(x[i], *args, **kwargs) for i in product(*map(range, outer))]
    if not outs:
        raise ArgumentError(f"apply_along_axis: an array of shape {np.shape(x)} has no slices to go through")
    out = np.stack(outs)
    inner = np.shape(out)[1:]
    place = axis % np.ndim(x)
    moved = range(len(outer), len(outer) + len(inner))
    return np.moveaxis(np.reshape(out, (*outer, *inner)), tuple(moved), tuple(range(place, place + len(inner))))


DISPATCH[np.apply_along_axis] = lambda func1d, axis, arr, *args, **kwargs: apply_along_axis.apply(
    (arr,), {"func1d": func1d, "axis": axis, "args": args, **kwargs}
)


@primitive(
    kind="composed",
    method=False,
    samples=[sample("2 3 2", func=np.sum, axes=(0, -1)), sample("2 3", func=np.max, axes=1)],
    points=[
        point((np.array([[1.0, 2.0]]),), (np.array([[1.0, 1.0]]),), out=np.array([[3.0]]), func=np.sum, axes=[0, 1])
    ],
    source="composed of the function",
)
def apply_over_axes(x, /, func, axes):
    """A function(x, axis) over each axis after the other; an axis that it drops comes back with length 1."""
    ndim = np.ndim(x)
    for axis in np.atleast_1d(axes).tolist():
        axis = axis % ndim
        out = func(x, axis)
        x = out if np.ndim(out) == ndim else np.expand_dims(out, axis)
    return x


DISPATCH[np.apply_over_axes] = lambda func, a, axes: apply_over_axes(a, func=func, axes=axes)
