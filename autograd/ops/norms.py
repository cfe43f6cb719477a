"""Norms of vectors and of matrices, of every order.

A norm has kinks at 0 and where two elements, columns or singular values are equally large. There the rules take the
minimum-norm subgradient: 0 at 0, and ties share equally. The norms made of singular values need no derivative of the
singular vectors one by one, which has none where values tie: that of the nuclear norm is U Vᴴ, an op of its own (`polar`).
"""

import math

import numpy as np

from autograd.errors import ArgumentError
from autograd.ops.arithmetic import astype, direction, ratio
from autograd.ops.axes import restored
from autograd.primitives import error, point, primitive, sample
from autograd.value import data_of

__all__ = ["lyapunov", "matrix_norm", "norm", "polar", "vector_norm"]

TIES = np.array([[2.0, -2.0], [0.0, 1.0]])
EYE, DIAGONAL = np.eye(2), np.diag([3.0, 1.0])
NEAR = 1e-14  # singular values within this of the largest, relative to it, tie


def _t(x):
    return np.swapaxes(x, -1, -2)


def _h(x):
    return np.conjugate(_t(x)) if np.iscomplexobj(x) else _t(x)


def _conj(x):
    return np.conjugate(x) if np.iscomplexobj(x) else x


def _shared(g, out, x, axis):
    """g to the elements that equal the extreme, in equal shares; NaN counts as equal, so that it stays visible."""
    ties = astype((x == out) | (x != x), np.result_type(x))
    return g * (ties / np.sum(ties, axis=axis, keepdims=True))


def _vector_norm(g, out, x, axis=None, keepdims=False, ord=2):
    every = tuple(range(np.ndim(x))) if axis is None else axis
    g, out = restored(g, x, every, keepdims), restored(out, x, every, keepdims)
    if ord == 2:
        return ratio(g, out) * _conj(x)
    if ord in (math.inf, -math.inf):
        return _shared(g, out, np.abs(x), every) * direction(x)
    if ord == 1:
        return np.broadcast_to(g, np.shape(x)) * direction(x)
    # at 0 the direction is 0, whatever the share; a norm of negative order is 0 where an element is, with slopes 0
    share = np.where((x == 0.0) | (out == 0.0), 1.0, ratio(np.abs(x), out))
    if ord < 0:
        g = np.where(out == 0.0, 0.0, g)
    return g * (direction(x) * share ** (ord - 1.0))


def _checked_order(ord):
    if isinstance(ord, (str, type(None))) or ord == 0:
        why = "it counts elements that are not 0" if ord == 0 else "a vector's is a number, ±inf included"
        raise ArgumentError(f"vector_norm: no derivative for the norm ord={ord!r}: {why}")
    return ord


@primitive(
    numpy=np.linalg.vector_norm,
    samples=[
        sample("5", complex=True), sample("3 4"), sample("", low=0.5), sample("2 3 4", axis=(0, -1)),
        sample("3 4", axis=1, keepdims=True), sample("2 3 4", axis=(0, 1, 2), ord=3),
        sample("2 3 4", axis=(0, 2), ord=1),
        sample("5", ord=1, complex=True), sample("3 4", ord=1, axis=1), sample("5", ord=np.inf),
        sample("3 4", ord=-np.inf, axis=0, keepdims=True), sample("3 4", ord=np.inf),
        sample("3 4", ord=np.inf, axis=(1, 0)),
        sample("5", ord=3, complex=True), sample("3 4", ord=1.5, axis=-1), sample("5", ord=0.5, low=0.5),
        sample("3 4", ord=-1, axis=0, low=0.5), sample("5", ord=-2.5, low=0.5, complex=True),
        sample("0 3", axis=0),
        sample("3 0"), sample("2 3", ord=4, keepdims=True),
    ],
    points=[
        point((np.zeros(3),), (np.zeros(3),)), point((np.zeros(3),), (np.zeros(3),), ord=np.inf),
        point((np.array([3.0, -4.0]),), (np.array([0.6, -0.8]),), out=5.0),
        point((np.array([2.0, 0.0, -2.0]),), (np.array([1.0, 0.0, -1.0]),), ord=1),
        point((np.array([2.0, 0.0, -2.0]),), (np.array([0.5, 0.0, -0.5]),), ord=np.inf),
        point((np.array([2.0, 3.0, -2.0]),), (np.array([0.5, 0.0, -0.5]),), ord=-np.inf),
        point((np.zeros(2),), (np.zeros(2),), ord=3), point((np.array([4.0, 0.0]),), (np.array([1.0, 0.0]),), ord=0.5),
        point((np.array([-1e200, 0.0]),), (np.array([-1.0, 0.0]),), ord=1),
        point((np.array([[0.0, 1.0, 2.0], [0.0, 0.0, 3.0]]),), (np.zeros((2, 3)),), out=np.zeros(2), axis=1, ord=-1),
        point((np.array([0.0, 1.0, 2.0]),), (np.zeros(3),), out=0.0, ord=-2.5),
    ],
    errors=[
        error(("3",), axis=1, match="axis 1 is out of bounds"),
        error(("3",), ord=0, match="it counts elements that are not 0", kind=ArgumentError),
        error(("3",), ord="fro", match="ord='fro'", kind=ArgumentError),
    ],
    kink="0 at the zero vector and in elements that are 0; equal elements share equally for ord=±inf",
    source="0 at 0, and ties of ord=±inf share equally: the minimum-norm subgradient",
)  # fmt: skip
def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """Length of a vector, out = (Σ |x|^ord)^(1 / ord), of all elements or over any axes; ord is any number but 0.

    dx = g · x / |x| · (|x| / out)^(ord − 1); for ±inf the slope of the largest or smallest |x|.
    """
    with np.errstate(divide="ignore"):  # 0 to a negative order: the norm is 0
        return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=_checked_order(ord))


vector_norm.vjp(x=_vector_norm)


@primitive(
    kind="general",
    leading=True,
    samples=[sample(np.array([[2.0, 0.5], [0.5, 1.0]]), "2 2", symmetric=True),
             sample(np.stack([np.eye(3), np.diag([1.0, 2.0, 3.0])]), "2 3 3", symmetric=True)],
    points=[point((DIAGONAL, EYE), (-np.array([[1.0 / 18.0, 1.0 / 6.0], [1.0 / 6.0, 0.5]]),
                                     np.array([[1.0 / 6.0, 0.25], [0.25, 0.5]])))],
    source="Lyapunov's equation: k̄ solves hᵀ k̄ + k̄ hᵀ = g, and h̄ = −(k̄ xᵀ + xᵀ k̄)",
)  # fmt: skip
def lyapunov(h, k, /):
    """The x of h x + x h = k for a Hermitian h with eigenvalues ≥ 0; parts of k between eigenvalues 0 are left out."""
    w, v = np.linalg.eigh(h)
    sums = w[..., :, None] + w[..., None, :]
    kept = sums > w[..., -1:, None] * (2.0 * np.shape(h)[-1] * float(np.finfo(w.dtype).eps))
    parts = np.where(kept, (_h(v) @ k @ v) / np.where(kept, sums, 1.0), 0.0)
    return (v @ parts @ _h(v)).astype(np.result_type(h, k), copy=False)


@lyapunov.vjp_all
def _lyapunov(g, out, h, k, needed):
    dk = lyapunov(_t(h), g)
    dh = np.matmul(dk, _t(out)) + np.matmul(_t(out), dk)
    return (dh + _h(dh)) / -2.0 if needed[0] else None, dk


@primitive(
    kind="general",
    leading=True,
    samples=[sample("3 3"), sample("4 2"), sample("2 3 2"), sample(np.eye(3)), sample("3 1")],
    points=[point((DIAGONAL,), (np.zeros((2, 2)),), out=EYE)],
    source="Higham, Functions of Matrices, ch. 8: with a = q h, h Ω + Ω h = qᴴ da − daᴴ q",
)
def polar(a, /):
    """The unitary part U Vᴴ of a (…, m, n), m ≥ n: of its shape, the nearest with orthonormal columns.

    It is the slope of the nuclear norm. Directions of singular value 0 are left out.
    """
    u, s, v = np.linalg.svd(a, full_matrices=False)
    kept = s > s[..., :1] * (np.shape(a)[-2] * float(np.finfo(s.dtype).eps))
    return (u * kept[..., None, :]) @ v


def _polar(g, out, a):
    h = np.matmul(_h(out), a)
    h = (h + _h(h)) / 2.0  # Hermitian to the last digit
    c = np.conjugate(g) if np.iscomplexobj(a) else g
    turn = np.matmul(_h(out), c)
    inside = np.matmul(out, lyapunov(h, turn - _h(turn)))
    beside = np.matmul(c - np.matmul(out, turn), np.linalg.pinv(h, hermitian=False))
    return _conj(inside + beside)


polar.vjp(a=_polar)


def _largest(g, x, ord):
    """Slope of the largest (ord 2) or smallest singular value: u vᴴ; where several tie, their mean; 0 at 0."""
    u, s, v = np.linalg.svd(x, full_matrices=False)
    plain = data_of(s)
    extreme = plain[..., :1] if ord == 2 else plain[..., -1:]
    ties = (np.abs(plain - extreme) <= NEAR * plain[..., :1]) & (extreme > 0.0)
    shares = (ties / np.maximum(np.sum(ties, axis=-1, keepdims=True), 1)).astype(plain.dtype)
    return g * _conj(np.matmul(u * np.expand_dims(shares, -2), v))


def _matrix_norm(g, out, x, keepdims=False, ord="fro"):
    if not keepdims:
        g, out = np.expand_dims(g, (-2, -1)), np.expand_dims(out, (-2, -1))
    if ord in ("fro", None, "f"):
        return ratio(g, out) * _conj(x)
    if ord == "nuc":
        wide = np.shape(x)[-2] < np.shape(x)[-1]
        return g * _conj(_t(polar(_t(x))) if wide else polar(x))
    if ord in (2, -2):
        return _largest(g, x, ord)
    within, among = (-2, -1) if ord in (1, -1) else (-1, -2)
    sums = np.sum(np.abs(x), axis=within, keepdims=True)
    return _shared(g, out, sums, among) * direction(x)


@primitive(
    numpy=np.linalg.matrix_norm,
    leading=True,
    samples=[
        sample("3 4", complex=True), sample("2 3 4", keepdims=True), sample("3 3", ord="nuc", complex=True),
        sample("2 3 2", ord="nuc"), sample("2 3", ord="nuc", keepdims=True), sample("3 4", ord=2, complex=True),
        sample("2 3 2", ord=2, keepdims=True), sample("3 3", ord=-2, complex=True), sample("2 2 3", ord=-2),
        *(sample("3 4", ord=ord, complex=True) for ord in (1, -1, np.inf, -np.inf)), sample("2 3 2", ord=1),
        sample("2 3 2", ord=np.inf, keepdims=True),
    ],
    points=[
        point((np.zeros((2, 2)),), (np.zeros((2, 2)),)),
        *(point((np.zeros((2, 2)),), (np.zeros((2, 2)),), ord=ord) for ord in ("nuc", 2, -2, 1, -1, np.inf, -np.inf)),
        point((np.diag([3.0, 4.0]),), (np.diag([0.6, 0.8]),), out=5.0),
        point((DIAGONAL,), (EYE,), ord="nuc"), point((DIAGONAL,), (np.diag([1.0, 0.0]),), ord=2),
        point((np.diag([2.0, 2.0]),), (EYE / 2.0,), ord=2), point((DIAGONAL,), (np.diag([0.0, 1.0]),), ord=-2),
        point((np.diag([2.0, 0.0]),), (np.diag([1.0, 0.0]),), ord="nuc"),
        point((TIES,), (np.array([[0.0, -1.0], [0.0, 1.0]]),), ord=1, out=3.0),
        point((np.diag([2.0, -2.0]),), (np.diag([0.5, -0.5]),), ord=1),
        point((TIES,), (np.array([[1.0, -1.0], [0.0, 0.0]]),), ord=np.inf, out=4.0),
    ],
    errors=[error(("3",), match="matrix_norm", kind=ValueError), error(("2 2",), ord=3, match="ord", kind=ValueError)],
    kink="0 at the zero matrix; equal singular values share equally",
    source="Watson 1992, Characterization of the subdifferential of some matrix norms; ties share equally",
)  # fmt: skip
def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """Norm of the matrices in the last two axes.

    "fro"   root of the sum of squares           "nuc"    sum of the singular values
    2, −2   largest, smallest singular value     1, −1, inf, −inf   largest, smallest sum of |x| of a column, of a row
    """
    return np.linalg.matrix_norm(x, keepdims=keepdims, ord=ord)


matrix_norm.vjp(x=_matrix_norm)


@primitive(
    numpy=np.linalg.norm,
    kind="composed",
    samples=[
        sample("3 4"), sample("5", complex=True), sample("", low=0.5), sample("2 3 4"), sample("2 3 4", axis=(0, -1)),
        sample("3 4", axis=1, keepdims=True), sample("3 4", keepdims=True), sample("3 4", ord="fro", complex=True),
        sample("3 4", ord=2, axis=0), sample("5", ord=1, complex=True), sample("5", ord=np.inf),
        sample("3 4", ord=-np.inf, axis=0, keepdims=True), sample("3 4", ord=1.5, axis=-1), sample("5", ord=-1, low=0.5),
        sample("3 4", ord=2), sample("3 4", ord="nuc", keepdims=True), sample("3 2 4", ord=1, axis=(0, 2)),
        sample("3 2 4", ord=1, axis=(2, 0), keepdims=True), sample("3 2 4", ord=np.inf, axis=(1, 0)),
        sample("3 4 2", ord=-2, axis=(0, 1)),
    ],
    points=[
        point((np.zeros(3),), (np.zeros(3),)), point((0.0,), (0.0,)),
        point((np.array([3.0, -4.0]),), (np.array([0.6, -0.8]),), out=5.0),
        point((np.array([2.0, 0.0, -2.0]),), (np.array([0.5, 0.0, -0.5]),), ord=np.inf),
        point((np.diag([2.0, 2.0]),), (EYE / 2.0,), ord=2),
    ],
    errors=[
        error(("3",), axis=1, match="axis 1 is out of bounds"), error(("3",), ord=0, match="ord=0", kind=ArgumentError),
        error(("2 2 2",), ord=2, match="axis", kind=ArgumentError),
        error(("2 3",), ord=3, match="ord", kind=ValueError),
    ],
    kink="as vector_norm and matrix_norm",
    source="made of vector_norm and matrix_norm",
)  # fmt: skip
def norm(x, /, ord=None, axis=None, keepdims=False):
    """np.linalg.norm: vector_norm of all elements or along an axis, or matrix_norm over two axes.

    Without ord, the root of the sum of squares; with ord and no axis, x must be a vector or a matrix.
    """
    if ord is None or (axis is None and np.ndim(x) == 1):
        return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=2 if ord is None else ord)
    if axis is None:
        if np.ndim(x) != 2:
            raise ArgumentError(f"norm: ord={ord!r} of shape {np.shape(x)} needs an axis, one or two")
        axis = (0, 1)
    if not isinstance(axis, (tuple, list)) or len(axis) == 1:
        return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    out = np.linalg.matrix_norm(np.moveaxis(x, axis, (-2, -1)), keepdims=keepdims, ord=ord)
    return np.moveaxis(out, (-2, -1), axis) if keepdims else out
