"""Reductions: many numbers become fewer. Sum, mean, product, extremes, spread, norm, running sum.

`axis` and `keepdims` are NumPy's. A rule first puts the reduced axes back as axes of length 1 (`restored`), so that a
cotangent broadcasts against the operand.
"""

import math

import numpy as np

from autograd.errors import ArgumentError
from autograd.ops.activation import restored
from autograd.ops.arithmetic import astype, direction, ratio
from autograd.primitives import error, point, primitive, sample

__all__ = ["cumsum", "max", "mean", "min", "norm", "prod", "std", "sum", "var"]

AXES = [
    sample("3 4"), sample("3 4", axis=0), sample("3 4", axis=1, keepdims=True, complex=True),
    sample("2 3 4", axis=(0, -1)),
    sample("2 3 4", axis=-2), sample("2 3", keepdims=True), sample("2 3", axis=()), sample(""), sample("3 1", axis=1),
]  # fmt: skip
EMPTY = [sample("3 0"), sample("3 0", axis=1)]
BAD_AXIS = error(("3",), axis=1, match="axis 1 is out of bounds")
NO_DTYPE = error(("3",), dtype=np.float32, match="no option 'dtype'", kind=ArgumentError)
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])


def spread(g, shape):
    """np.broadcast_to(g, shape); for a NumPy scalar, which a loss has, as a view that takes an eighth of the time."""
    if isinstance(g, np.floating):
        return np.ndarray(shape, g.dtype, g, 0, (0,) * len(shape))
    return np.broadcast_to(g, shape)


@primitive(
    numpy=np.sum,
    kind="linear",
    symbol="Σ",
    samples=[*AXES, *EMPTY, sample("0 3", axis=1)],
    points=[point((TIES,), (np.ones((2, 3)),), out=np.array([7.0, 6.0]), axis=1)],
    errors=[BAD_AXIS, NO_DTYPE],
    source="linear: the rule is the transpose of the map",
)
def sum(x, /, axis=None, *, keepdims=False):
    """Sum over axis (all axes by default): every element's slope is 1."""
    return np.add.reduce(x, axis=axis, keepdims=keepdims)  # np.sum without its 0.8 µs of Python


sum.vjp(x=lambda g, out, x, axis=None, keepdims=False: spread(restored(g, x, axis, keepdims), np.shape(x)))


def _mean(g, out, x, axis=None, keepdims=False):
    share = g / (np.size(x) / np.size(out)) if np.size(out) else g
    return spread(restored(share, x, axis, keepdims), np.shape(x))


@primitive(
    numpy=np.mean,
    kind="linear",
    samples=[*AXES, sample("0 3", axis=1)],
    points=[point((TIES,), (np.full((2, 3), 0.5),), out=np.array([1.5, 2.5, 2.5]), axis=0)],
    errors=[BAD_AXIS, NO_DTYPE],
    source="linear: the rule is the transpose of the map",
)
def mean(x, /, axis=None, *, keepdims=False):
    """Mean over axis: every element's slope is 1 / n."""
    if type(x) is not np.ndarray or x.dtype.kind != "f" or x.dtype.itemsize < 4 or not x.size:
        return np.mean(x, axis=axis, keepdims=keepdims)
    total = np.add.reduce(x, axis=axis, keepdims=keepdims)  # what np.mean does, without its 2 µs of Python
    return total / total.dtype.type(x.size / total.size)


mean.vjp(x=_mean)


def _products_of_others(g, x):
    """g[…, None] · Π of all elements of the last axis of x but this one, without dividing, so that zeros are harmless.

    Up a binary tree, each node the product of its two children; down again, each child gets what its parent has from
    outside times its sibling: O(n) multiplications in log n steps.
    """
    levels = []
    while np.shape(x)[-1] > 1:
        length = np.shape(x)[-1]
        if length % 2:
            x = np.concatenate([x, np.ones_like(x[..., :1])], axis=-1)
        pairs = np.reshape(x, (*np.shape(x)[:-1], (length + 1) // 2, 2))
        levels.append((pairs, length))
        x = pairs[..., 0] * pairs[..., 1]
    outside = np.broadcast_to(np.expand_dims(g, -1), np.shape(x))
    for pairs, length in reversed(levels):
        children = np.expand_dims(outside, -1) * np.flip(pairs, -1)
        outside = np.reshape(children, (*np.shape(pairs)[:-2], 2 * np.shape(pairs)[-2]))[..., :length]
    return outside


def _prod(g, out, x, axis=None, keepdims=False):
    shape = np.shape(x)
    ndim = len(shape)
    if ndim == 0:
        return g * 1.0
    if axis is None:
        axis = tuple(range(ndim))
    reduced = [a % ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    kept = [a for a in range(ndim) if a not in reduced]
    order = kept + reduced
    outer = tuple(shape[a] for a in kept)
    rows = np.reshape(np.transpose(x, order), (*outer, math.prod(shape[a] for a in reduced)))
    slopes = _products_of_others(np.reshape(g, outer), rows)
    slopes = np.reshape(slopes, tuple(shape[a] for a in order))
    return np.transpose(slopes, tuple(order.index(a) for a in range(ndim)))


@primitive(
    numpy=np.prod,
    symbol="Π",
    samples=[*AXES, *EMPTY, sample("0 3", axis=1), sample("7"), sample(np.array([2.0, 0.0, 3.0])),
             sample(np.array([[0.0, 0.0, 3.0], [0.0, 4.0, 5.0]]), axis=1), sample(np.zeros(3))],
    points=[
        point((np.array([2.0, 0.0, 3.0]),), (np.array([0.0, 6.0, 0.0]),)),
        point((np.array([2.0, 0.0, 0.0]),), (np.array([0.0, 0.0, 0.0]),)),
    ],
    errors=[BAD_AXIS],
    source="product rule",
)  # fmt: skip
def prod(x, /, axis=None, *, keepdims=False):
    """Product over axis; an element's slope is the product of the others, also where elements are 0."""
    return np.prod(x, axis=axis, keepdims=keepdims)


prod.vjp(x=_prod)


def _shared(g, out, x, axis=None, keepdims=False):
    """g to the elements that equal the result, in equal shares; NaN counts as equal, so that it stays visible."""
    ties = astype((x == restored(out, x, axis, keepdims)) | (x != x), np.result_type(x))
    return restored(g, x, axis, keepdims) * (ties / np.sum(ties, axis=axis, keepdims=True))


@primitive(
    numpy=(np.max, np.amax),
    samples=[*AXES, sample("0 3", axis=1)],
    points=[
        point((TIES,), (np.array([[0.0, 0.5, 0.5], [0.0, 0.0, 0.0]]),)),
        point((TIES,), (np.array([[0.0, 0.5, 0.5], [1.0 / 3.0] * 3]),), axis=1),
    ],
    errors=[BAD_AXIS, error(("0",), match="zero-size")],
    source="ties share equally, the minimum-norm subgradient",
)
def max(x, /, axis=None, *, keepdims=False):
    """Largest element over axis; its slope is 1, shared equally among ties."""
    return np.max(x, axis=axis, keepdims=keepdims)


max.vjp(x=_shared)


@primitive(
    numpy=(np.min, np.amin),
    samples=[*AXES, sample("0 3", axis=1)],
    points=[point((TIES,), (np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]),), axis=0)],
    errors=[BAD_AXIS, error(("0",), match="zero-size")],
    source="ties share equally, the minimum-norm subgradient",
)
def min(x, /, axis=None, *, keepdims=False):
    """Smallest element over axis; its slope is 1, shared equally among ties."""
    return np.min(x, axis=axis, keepdims=keepdims)


min.vjp(x=_shared)


def _centered(x, axis):
    """x minus its mean; the conjugate for a complex x, as |x − mean|² has it."""
    centered = x - np.mean(x, axis=axis, keepdims=True)
    return np.conjugate(centered) if np.iscomplexobj(x) else centered


def _freedom(out, x, ddof, correction):
    """What var divides by, n − ddof; NaN instead of 0 and less, where the variance is NaN or inf."""
    n = np.size(x) / np.size(out) - (ddof if correction is None else correction) if np.size(out) else 1.0
    return n if n > 0.0 else math.nan


def _var(g, out, x, axis=None, ddof=0, keepdims=False, correction=None):
    return restored(g * (2.0 / _freedom(out, x, ddof, correction)), x, axis, keepdims) * _centered(x, axis)


SPREADS = [*AXES, sample("3 4", axis=0, ddof=1), sample("5", correction=1, keepdims=True), sample("0 3", axis=1)]


@primitive(
    numpy=np.var,
    samples=SPREADS,
    points=[
        point((np.full(3, 7.0),), (np.zeros(3),), out=0.0),
        point((np.array([1.0, 3.0]),), (np.array([-1.0, 1.0]),), out=1.0),
    ],
    errors=[BAD_AXIS, NO_DTYPE],
    source="chain rule; what the mean moves by cancels, as Σ (x − mean) = 0",
)
def var(x, /, axis=None, *, ddof=0, keepdims=False, correction=None):
    """Variance over axis, out = Σ (x − mean)² / (n − ddof); dx = g · 2 (x − mean) / (n − ddof).

    correction   another name for ddof
    """
    return np.var(x, axis=axis, ddof=ddof if correction is None else correction, keepdims=keepdims)


var.vjp(x=_var)


def _std(g, out, x, axis=None, ddof=0, keepdims=False, correction=None):
    scale = ratio(g / _freedom(out, x, ddof, correction), out)
    return restored(scale, x, axis, keepdims) * _centered(x, axis)


@primitive(
    numpy=np.std,
    samples=[s for s in SPREADS if s.operands != ("",) and s.operands != ("3 1",) and s.options.get("axis") != ()],
    points=[
        point((np.full(3, 7.0),), (np.zeros(3),), out=0.0),
        point((np.array([[1.0, 3.0], [5.0, 5.0]]),), (np.array([[-0.5, 0.5], [0.0, 0.0]]),), axis=1),
        point((2.0,), (0.0,), out=0.0),
    ],
    errors=[BAD_AXIS, NO_DTYPE],
    source="0 where all elements are equal, the minimum-norm subgradient",
)
def std(x, /, axis=None, *, ddof=0, keepdims=False, correction=None):
    """Standard deviation over axis, the root of var; dx = g · (x − mean) / ((n − ddof) out), 0 where out is 0."""
    return np.std(x, axis=axis, ddof=ddof if correction is None else correction, keepdims=keepdims)


std.vjp(x=_std)


def _norm(g, out, x, ord=None, axis=None, keepdims=False):
    if ord in (math.inf, -math.inf):
        return _shared(g, out, np.abs(x), axis, keepdims) * direction(x)
    if ord == 1:
        return restored(g, x, axis, keepdims) * direction(x)
    if ord in (None, 2, "fro"):
        return restored(ratio(g, out), x, axis, keepdims) * (np.conjugate(x) if np.iscomplexobj(x) else x)
    share = ratio(np.abs(x), restored(out, x, axis, keepdims))
    return restored(g, x, axis, keepdims) * (direction(x) * share ** (ord - 1.0))


@primitive(
    numpy=np.linalg.norm,
    samples=[
        sample("3 4"), sample("5"), sample("", low=0.5), sample("2 3 4", axis=(0, -1)),
        sample("3 4", axis=1, keepdims=True),
        sample("3 4", ord="fro", complex=True), sample("3 4", ord=2, axis=0), sample("5", ord=1, complex=True),
        sample("3 4", ord=1, axis=1),
        sample("5", ord=np.inf), sample("3 4", ord=-np.inf, axis=0, keepdims=True),
        sample("5", ord=3, complex=True), sample("3 4", ord=1.5, axis=-1),
    ],
    points=[
        point((np.zeros(3),), (np.zeros(3),)),
        point((np.array([3.0, -4.0]),), (np.array([0.6, -0.8]),), out=5.0),
        point((np.array([2.0, 0.0, -2.0]),), (np.array([1.0, 0.0, -1.0]),), ord=1),
        point((np.array([2.0, 0.0, -2.0]),), (np.array([0.5, 0.0, -0.5]),), ord=np.inf),
        point((np.zeros(2),), (np.zeros(2),), ord=3),
    ],
    errors=[
        BAD_AXIS,
        error(("2 3",), ord=2, match="no derivative for the matrix norm ord=2", kind=ArgumentError),
        error(("3",), ord=0, match="ord=0", kind=ArgumentError),
    ],
    source="0 at 0, and ties of ord=±inf share equally: the minimum-norm subgradient",
)  # fmt: skip
def norm(x, /, ord=None, axis=None, keepdims=False):
    """Length of a vector, out = (Σ |x|^ord)^(1 / ord), along axis or of all elements; ord ≥ 1 or ±inf, 2 by default.

    Two axes, or a matrix and an ord, make it the norm of a matrix: "fro" (the default) only.
    """
    matrix = len(axis) == 2 if isinstance(axis, tuple) else axis is None and np.ndim(x) == 2
    if (matrix and ord not in (None, "fro")) or (not matrix and isinstance(ord, (int, float)) and -math.inf < ord < 1):
        raise ArgumentError(f"norm: no derivative for the {'matrix' if matrix else 'vector'} norm ord={ord!r}")
    return np.linalg.norm(x, ord, axis, keepdims)


norm.vjp(x=_norm)


def _cumsum(g, out, x, axis=None):
    flat = 0 if axis is None else axis
    return np.reshape(np.flip(np.cumsum(np.flip(g, flat), flat), flat), np.shape(x))


@primitive(
    numpy=np.cumsum,
    kind="linear",
    samples=[
        sample("5"),
        sample("3 4", complex=True),
        sample("3 4", axis=0),
        sample("2 3 4", axis=-2),
        sample(""),
        sample("0"),
    ],
    points=[point((np.array([1.0, 2.0, 3.0]),), (np.array([3.0, 2.0, 1.0]),), out=np.array([1.0, 3.0, 6.0]))],
    errors=[BAD_AXIS, NO_DTYPE],
    source="linear: the rule is the transpose of the map",
)
def cumsum(x, /, axis=None):
    """Running sum along axis, of the flattened x without one; its adjoint runs from the other end."""
    return np.cumsum(x, axis=axis)


cumsum.vjp(x=_cumsum)
