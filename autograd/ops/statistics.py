"""Averages, covariance, and histograms of weighted data.

All but `bincount` are composed: their bodies are NumPy code that runs on Values, so weights are differentiated like the
data. What a bin counts does not change when the data move a little: histograms have a derivative by the weights only.
"""

import warnings

import numpy as np

from autograd.data import as_array, holds, may_hold
from autograd.errors import ArgumentError, NotDifferentiableError, ShapeError
from autograd.ops.arithmetic import astype
from autograd.ops.constant import constant_functions
from autograd.ops.index import getitem, scatter_add
from autograd.ops.padding import stacked
from autograd.ops.reduce import BAD_AXIS, TIES
from autograd.primitives import error, point, primitive, sample
from autograd.value import DISPATCH, Value, stop_gradient

__all__ = ["average", "bincount", "corrcoef", "cov"]


def _array(x):
    """A Value as it is, anything else as an array."""
    return x if isinstance(x, Value) else as_array(x)


def _beside(weights, a, axis):
    """Weights so that they broadcast against a: of its shape, or with one length for each axis that is averaged over."""
    shape = np.shape(a)
    if np.shape(weights) == shape:
        return weights
    if axis is None:
        raise ArgumentError(
            f"average: a has shape {shape} and weights {np.shape(weights)}: say with axis= which axes the weights belong to"
        )
    axes = np.lib.array_utils.normalize_axis_tuple(axis, len(shape), "axis")
    expected = tuple(shape[i] for i in axes)
    if np.shape(weights) != expected:
        raise ShapeError(
            f"average: weights have shape {np.shape(weights)}, expected {expected} for axis={axis} of {shape}"
        )
    weights = np.transpose(weights, tuple(np.argsort(axes).tolist()))
    return np.reshape(weights, tuple(length if i in axes else 1 for i, length in enumerate(shape)))


NO_WEIGHT = np.array([1.0, -1.0, 0.0])


@primitive(
    numpy=np.average,
    kind="composed",
    samples=[
        sample("3 4"), sample("2 3 4", axis=(0, -1), keepdims=True), sample(""), sample("3 4", 1, "4", low=0.5),
        sample("3 4", [0]), sample("3 4", [1], "4", low=0.5),
        sample("3 4", None, "3 4", low=0.5, complex=True), sample("2 3 4", (2, 0), "4 2", low=0.5, keepdims=True),
        sample("3 4", -2, "3 4", low=0.5, returned=True), sample("2 3 4", 1, "3", low=0.5, returned=True),
        sample("3 4", -1, np.array([1, 2, 0, 3])), sample("", None, "", low=0.5),
    ],
    points=[
        point((np.array([1.0, 3.0]), None, np.array([3.0, 1.0])), (np.array([0.75, 0.25]), None, np.array([-0.125, 0.375])),
              out=1.5),
        point((TIES,), (np.full((2, 3), 0.5),), axis=0),
    ],
    errors=[
        BAD_AXIS, error(("3 4", None, "4"), match="weights (4,): say with axis=", kind=ArgumentError),
        error(("3 4", 0, "4"), match="weights have shape (4,), expected (3,)"),
        error(("3", None, NO_WEIGHT), match="sum to zero", kind=ZeroDivisionError),
    ],
    domain="weights that do not sum to 0",
    source="quotient rule, by the ops it is made of",
)  # fmt: skip
def average(a, /, axis=None, weights=None, returned=False, *, keepdims=False):
    """Weighted mean over axis, out = Σ a w / Σ w, by a and by the weights.

    weights    of the shape of a, or of the axes in `axis`; equal ones by default
    returned   also Σ w, of the shape of out; without weights it is the number of elements, a plain one
    """
    axis = tuple(axis) if isinstance(axis, list) else axis
    if weights is None:
        out = np.mean(a, axis=axis, keepdims=keepdims)
        count = np.full(np.shape(out), np.size(a) / max(np.size(out), 1), np.result_type(out))[()]
        return (out, count) if returned else out
    a, weights = _array(a), _array(weights)
    dtype = np.result_type(a, weights, *([] if np.result_type(a).kind in "fc" else [float]))
    weights = (
        astype(_beside(weights, a, axis), dtype) if np.result_type(weights) != dtype else _beside(weights, a, axis)
    )
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    if holds(total == 0.0):
        raise ZeroDivisionError("average: the weights sum to zero")
    out = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (out, np.broadcast_to(total, np.shape(out))) if returned else out


def _variables(x, rowvar, dtype, flat):
    """Observations as a matrix with a row for each variable; what is `flat` is one variable, however rowvar is."""
    x = x if np.result_type(x) == dtype else astype(x, dtype)
    if np.ndim(x) > 2:
        raise ShapeError(f"cov: at most 2 axes, variables and observations; got shape {np.shape(x)}")
    x = x if np.ndim(x) == 2 else np.reshape(x, (1, -1))
    return x if rowvar or flat else np.transpose(x)


def _checked(name, weights, count):
    """Weights of observations, one for each of `count`, none negative."""
    weights = _array(weights)
    if np.shape(weights) != (count,):
        raise ShapeError(f"cov: {name} has shape {np.shape(weights)}, expected ({count},), one for each observation")
    if holds(weights < 0):
        raise ArgumentError(f"cov: {name} has a negative weight")
    if name == "fweights" and (isinstance(weights, Value) or holds(weights != np.around(weights))):
        raise ArgumentError("cov: fweights count how often an observation came; for other weights use aweights")
    return weights


COUNTS, IMPORTANCE = np.array([2, 1, 3, 1]), np.array([0.5, 1.0, 0.25, 2.0])
FEW = [sample("3 4", complex=True), sample("2 4", "3 4"), sample("4", "4"), sample("4 3", rowvar=False),
       sample("4 2", "4", rowvar=False)]  # fmt: skip


@primitive(
    numpy=np.cov,
    kind="composed",
    samples=[
        *FEW, sample("5", dtype=np.float64), sample("2 4", bias=True), sample("2 4", ddof=2),
        sample("2 4", fweights=COUNTS),
        sample("2 4", aweights=IMPORTANCE), sample("2 4", "4", fweights=COUNTS, aweights=IMPORTANCE.tolist()),
        sample("4 2", fweights=COUNTS, aweights=IMPORTANCE, ddof=0, rowvar=False), sample("1 4", "1 4", rowvar=True),
    ],
    points=[point((np.array([1.0, 3.0]),), (np.array([-2.0, 2.0]),), out=2.0),
            point((np.array([1.0, 3.0]), np.array([4.0, 0.0])), (np.array([2.0, -2.0]), np.array([2.0, -2.0])))],
    errors=[
        error(("2 2 2",), match="(2, 2, 2)"), error(("2 4",), fweights=[1, 2], match="(2,), expected (4,)"),
        error(("2 4",), aweights=-IMPORTANCE, match="negative", kind=ArgumentError),
        error(("2 4",), fweights=IMPORTANCE, match="use aweights", kind=ArgumentError),
        error(("2 4",), ddof=0.5, match="ddof must be a whole number", kind=ArgumentError),
    ],
    source="bilinear in the deviations from the mean, by the ops it is made of",
)  # fmt: skip
def cov(m, y=None, /, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """Covariance matrix of variables (rows of m, and of y), out = (x − x̄) (x − x̄)ᴴ / (n − ddof), from their observations.

    rowvar     False: a variable is a column
    ddof       1 by default, 0 with bias=True
    fweights   how often each observation counts, whole numbers     aweights   how important it is; may be a Value
    """
    if ddof is not None and ddof != int(ddof):
        raise ArgumentError(f"cov: ddof must be a whole number, got {ddof}")
    ddof = (0 if bias else 1) if ddof is None else ddof
    m, y = _array(m), y if y is None else _array(y)
    dtype = dtype or np.result_type(m, *([] if y is None else [y]), np.float64)
    x = _variables(m, rowvar, dtype, flat=np.ndim(m) == 1)
    if y is not None:
        x = np.concatenate([x, _variables(y, rowvar, dtype, flat=np.ndim(y) < 2 or np.shape(y)[0] == 1)])
    count = np.shape(x)[1]
    weights = None
    if fweights is not None:
        weights = _checked("fweights", fweights, count) * 1.0
    if aweights is not None:
        aweights = _checked("aweights", aweights, count)
        weights = aweights if weights is None else weights * aweights
    if weights is None:
        freedom = count - ddof
    else:
        total = np.sum(weights)
        freedom = total
        if ddof:
            freedom = total - (ddof if aweights is None else ddof * np.sum(weights * aweights) / total)
    if freedom <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=4)
        freedom = 0.0
    x = x - average(x, axis=1, weights=weights, keepdims=True)
    conjugate = np.conjugate(x) if np.iscomplexobj(x) else x
    out = np.dot(x, np.transpose(conjugate if weights is None else conjugate * weights))
    scale = np.true_divide(1.0, freedom)
    return np.squeeze(out * (scale if isinstance(scale, Value) else float(scale)))


@primitive(
    numpy=np.corrcoef,
    kind="composed",
    samples=FEW,
    points=[point((np.array([1.0, 2.0, 4.0]), np.array([-2.0, -4.0, -8.0])), (np.zeros(3), np.zeros(3)))],
    errors=[error(("2 2 2",), match="(2, 2, 2)")],
    domain="rows that are not constant",
    source="quotient rule, by the ops it is made of; rounding beyond ±1 is cut off and the slope is not",
)
def corrcoef(x, y=None, /, rowvar=True, *, dtype=None):
    """Correlation of variables (rows of x, and of y), out[i, j] = cov[i, j] / √(cov[i, i] cov[j, j])."""
    c = cov(x, y, rowvar=rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diag(c)) if np.iscomplexobj(c) else np.diag(c))
    c = c / np.expand_dims(deviation, 1) / deviation
    plain = stop_gradient(c).data if isinstance(c, Value) else c
    if np.iscomplexobj(plain):
        inside = np.clip(plain.real, -1.0, 1.0) + 1j * np.clip(plain.imag, -1.0, 1.0)
    else:
        inside = np.clip(plain, -1.0, 1.0)
    return c - (plain - inside) if may_hold(plain != inside) else c


def _refuse_data(name, *data):
    """NotDifferentiableError for a Value among what a histogram sorts into bins."""
    for x in data:
        if any(isinstance(part, Value) for part in (x if isinstance(x, (list, tuple)) else (x,))):
            raise NotDifferentiableError(
                f"np.{name} counts, so its derivative by the data and the edges is 0 almost everywhere: pass v.data for "
                "them (the weights may be a Value), or count smoothly, as in np.sum(np.exp(-((v - centers) / width) ** 2))"
            )


def _bincount_call(x, /, weights=None, minlength=0):
    _refuse_data("bincount", x)
    return (x, weights), {"minlength": minlength}


@primitive(
    numpy=np.bincount,
    kind="linear",
    call=_bincount_call,
    samples=[sample(np.array([0, 2, 2, 1]), "4"), sample([3, 3], "2", minlength=6), sample(np.array([], int), "0")],
    points=[point((np.array([0, 2, 2]), np.array([1.0, 2.0, 3.0])), (None, np.ones(3)), out=np.array([1.0, 0.0, 5.0]))],
    errors=[
        error(("3",), match="(the weights may be a Value)", kind=NotDifferentiableError),
        error(([0, 1], "3"), match="same length"),
    ],
    source="linear: the adjoint of adding to places is picking from them",
)
def bincount(x, weights=None, /, minlength=0):
    """Sum of the weights whose whole number in x is i, out[i] = Σ weights[x == i]."""
    return np.bincount(x, weights, minlength)


bincount.vjp(weights=lambda g, out, x, weights, minlength=0: astype(getitem(g, x), np.result_type(weights)))
bincount.constant("x")


def _binned(columns, edges, weights, density):
    """Sums of the weights in each cell of a grid: weight i lies at columns[0][i], columns[1][i] …, between edges[0] …"""
    inside = np.logical_and.reduce([(x >= e[0]) & (x <= e[-1]) for x, e in zip(columns, edges, strict=True)])
    places = tuple(  # the last bin has its right edge too
        np.minimum(np.searchsorted(e, x[inside], side="right") - 1, len(e) - 2)
        for x, e in zip(columns, edges, strict=True)
    )
    out = scatter_add(getitem(np.ravel(weights), inside), tuple(len(e) - 1 for e in edges), places)
    if not density:
        return out
    total = np.sum(out)
    for width in np.ix_(*map(np.diff, edges)):
        out = out / width
    return out / total


def _histogram(a, bins=10, range=None, density=None, weights=None):
    """np.histogram, differentiable by the weights."""
    _refuse_data("histogram", a, bins, range)
    weights = stacked(weights)
    counts, edges = np.histogram(a, bins, range, weights=weights.data)
    weights = weights if counts.dtype == weights.dtype else astype(weights, counts.dtype)
    return _binned([np.ravel(a)], [edges], weights, density), edges


def _histogramdd(sample, bins=10, range=None, density=None, weights=None, *, name="histogramdd"):
    """np.histogramdd, differentiable by the weights."""
    _refuse_data(name, sample, bins, range)
    weights = stacked(weights)
    counts, edges = np.histogramdd(sample, bins, range, weights=weights.data)
    weights = weights if counts.dtype == weights.dtype else astype(weights, counts.dtype)
    columns = np.transpose(sample) if getattr(sample, "ndim", 0) == 2 else np.atleast_2d(sample)
    return _binned(columns, edges, weights, density), edges


def _histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    """np.histogram2d, differentiable by the weights."""
    _refuse_data("histogram2d", x, y)
    lengths = np.shape(bins)
    if lengths and lengths[0] not in (1, 2):  # the edges of both
        bins = [np.asarray(bins)] * 2
    out, edges = _histogramdd([x, y], bins, range, density, weights, name="histogram2d")
    return out, edges[0], edges[1]


DISPATCH |= {np.histogram: _histogram, np.histogramdd: _histogramdd, np.histogram2d: _histogram2d}
constant_functions(np.digitize, np.histogram_bin_edges)
