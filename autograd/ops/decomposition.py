"""Decompositions of matrices: cholesky, qr, eigh, eig (svd: singular.py) and the functions that give a part of one.

Every rule comes from the same three lines: differentiate the product (A V = V Λ), multiply by the inverse factors so that
the change of A stands alone in the middle (M = V⁻¹ dA V), and read off what of M goes into which factor. For eigenvalues
that is its diagonal, for eigenvectors the rest, each element divided by the difference of two eigenvalues.

That difference is 0 for a repeated eigenvalue: its eigenvectors are any basis of a space, and have no derivative. What
depends on the space only has one (the sum of the eigenvalues, the projection V Vᴴ), so rules skip such pairs, after a
look at whether the result depends on what is lost there: then they raise NotDifferentiableError. A repeated eigenvalue
by itself is a kink, as in the maximum of two numbers, and takes the minimum-norm subgradient: equal shares. Forward mode,
which cannot know what will be used, gives NaN for the eigenvectors that have no derivative.

Of a symmetric matrix NumPy reads one triangle; gradients are with respect to the symmetric matrix, and symmetric. Vectors
are fixed up to a sign, and complex ones to a phase: rules keep the phase of each column, vᴴ dv = 0, except eig's, which is
known. Cotangents are not conjugated, so the formulas of the books hold with every factor replaced by its conjugate.
"""

from typing import Any

import numpy as np

from autograd.data import holds, may_hold
from autograd.errors import NotDifferentiableError
from autograd.primitives import error, point, primitive, sample

__all__ = ["cholesky", "eig", "eigh", "eigvals", "eigvalsh", "qr", "thin_qr"]

EigResult, EighResult, QRResult = (
    type(function(np.eye(1))) for function in (np.linalg.eig, np.linalg.eigh, np.linalg.qr)
)
GENERAL = np.array([[2.0, -1.0, 0.5], [0.25, 1.5, 3.0], [-2.0, 0.75, -1.0], [1.0, 2.5, 0.125]])
DEFINITE = np.array([[4.0, 1.0, -0.5], [1.0, 3.0, 0.25], [-0.5, 0.25, 1.5]])
SKEW = np.array([[0.0, 0.5, -0.25], [-0.5, 0.0, 1.0], [0.25, -1.0, 0.0]])
NOT_SQUARE = error(("2 3",), match="must be square", kind=np.linalg.LinAlgError)


def transposed(x):
    return np.swapaxes(x, -1, -2)


def adjoint(x):
    return np.conjugate(transposed(x))


def hermitian(x):
    return (x + adjoint(x)) / 2.0


def _lower(x):
    """The lower triangle, with half the diagonal: X = _lower(X) + _lower(Xᴴ)ᴴ."""
    return np.tril(x) - x * (0.5 * np.eye(x.shape[-1], dtype=np.result_type(x)))


def columns(s):
    """s as a factor of columns: X · columns(s) = X diag(s)."""
    return np.expand_dims(s, -2)


def rows(s):
    return np.expand_dims(s, -1)


def eps(x):
    return float(np.finfo(np.result_type(x)).eps)


def diagonal_matrix(s):
    return rows(s) * np.eye(s.shape[-1], dtype=np.result_type(s))


@primitive(
    numpy=np.linalg.cholesky,
    leading=True,
    samples=[
        sample(DEFINITE, symmetric=True), sample(DEFINITE, upper=True, symmetric=True), sample(np.array([[2.0]])),
        sample(np.stack([DEFINITE, 2.0 * DEFINITE]), symmetric=True), sample(np.zeros((0, 0))),
    ],
    points=[point((np.array([[4.0]]),), (np.array([[0.25]]),), out=np.array([[2.0]]))],
    errors=[NOT_SQUARE],
    domain="positive definite matrices",
    source="Murray 2016, Differentiation of the Cholesky decomposition (arXiv 1602.07527), eq. 9 and 10",
)  # fmt: skip
def cholesky(x, /, upper=False):
    """Lower triangular L with L Lᴴ = x, or its adjoint; x Hermitian and positive definite.

    dL = L Φ(L⁻¹ dx L⁻ᴴ), where Φ takes the lower triangle and half the diagonal.
    """
    return np.linalg.cholesky(x, upper=upper)


def _cholesky(g, out, x, upper=False):
    g, L = (adjoint(g), adjoint(out)) if upper else (g, out)
    middle = hermitian(_lower(np.matmul(transposed(L), g)))
    half = np.linalg.solve(transposed(L), middle)
    return hermitian(np.linalg.solve(transposed(L), adjoint(half)))


cholesky.vjp(x=_cholesky)


@primitive(
    results=QRResult._make,
    samples=[
        sample(GENERAL), sample(GENERAL[:3]), sample(GENERAL.T), sample("2 4 2"), sample("2 2 3"), sample("3 1"),
    ],
    points=[point((np.array([[2.0]]),), (np.array([[1.0]]),), out=(np.array([[1.0]]), np.array([[2.0]])))],
    source="Walter and Lehmann 2018 (arXiv 1009.6112), for wide x Roberts and Roberts 2020 (arXiv 2009.10071)",
)  # fmt: skip
def thin_qr(x, /):
    """Q with orthonormal columns and R upper triangular, x = Q R; x (…, m, n), Q (…, m, k), R (…, k, n), k = min(m, n).

    With X = dx R⁻¹ and P = Qᴴ X: dR = (P − O) R and dQ = X + Q (O − P), where O is skew with P's lower triangle.
    """
    return tuple(np.linalg.qr(x))


@thin_qr.vjp_all
def _thin_qr(g, out, x, needed):
    gq, gr = g
    q, r = (np.conjugate(part) for part in out)
    k = q.shape[-1]
    gq = np.zeros_like(q) if gq is None else gq
    gr = np.zeros_like(r) if gr is None else gr
    if (
        r.shape[-1] > k
    ):  # x = [Q R₁, Q R₂]: the columns on the right make R₂ = Qᴴ x₂, and Q comes from those on the left
        gq = gq + np.matmul(np.conjugate(x[..., k:]), adjoint(gr[..., k:]))
        rest, r, gr = [np.matmul(q, gr[..., k:])], r[..., :k], gr[..., :k]
    else:
        rest = []
    skew = np.matmul(adjoint(q), gq) - np.matmul(gr, adjoint(r))
    inner = _lower(skew - adjoint(skew)) - skew
    left = adjoint(np.linalg.solve(r, adjoint(gq + np.matmul(q, inner))))
    return (np.concatenate([left, *rest], axis=-1) if rest else left,)


@primitive(
    numpy=np.linalg.qr,
    kind="composed",
    samples=[
        sample(GENERAL), sample(GENERAL.T), sample(GENERAL[:3], mode="complete"), sample(GENERAL.T, mode="complete"),
        sample(GENERAL, mode="r"), sample("2 4 2"),
    ],
    points=[point((np.array([[2.0]]),), (np.array([[1.0]]),), out=(np.array([[1.0]]), np.array([[2.0]])))],
    errors=[
        error(("3 2",), mode="complete", match="mode='reduced'", kind=NotDifferentiableError),
        error(("3 2",), mode="raw", match="mode='reduced'", kind=NotDifferentiableError),
        error(("3",), match="at least two-dimensional", kind=np.linalg.LinAlgError),
    ],
    source="thin_qr",
)  # fmt: skip
def qr(x, /, mode="reduced"):
    """Q with orthonormal columns and R upper triangular, x = Q R; mode "r" gives R only."""
    if mode not in ("reduced", "r") and (mode != "complete" or (np.ndim(x) > 1 and x.shape[-2] > x.shape[-1])):
        raise NotDifferentiableError(
            f"qr: mode={mode!r} has no derivative for shape {np.shape(x)}: columns of Q beyond those of x may be any "
            "that complete a basis, and 'raw' is LAPACK's own form. Use mode='reduced'"
        )
    result = thin_qr(x)
    return result.R if mode == "r" else result


def equal_pairs(w):
    """Mask of the pairs (i, j), i = j included, whose values are equal to rounding."""
    scale = np.sum(np.abs(w), axis=-1)[..., None, None]
    return np.abs(columns(w) - rows(w)) <= 8.0 * eps(w) * scale


def others(mask):
    return mask & ~np.eye(mask.shape[-1], dtype=bool)


def inverse(x, where):
    """1 / x where the mask holds, else 0."""
    return np.where(where, 1.0 / np.where(where, x, 1.0), 0.0)


def shared(w, equal):
    """w, averaged over each group of equal ones; nothing is computed, and w itself is given, if there are none."""
    if not may_hold(others(equal)):
        return w
    shares = equal / np.sum(equal, axis=-1, keepdims=True)
    return np.matmul(columns(w), shares.astype(w.dtype))[..., 0, :]


def clear(x, *beside):
    """Mask of the elements of x that are more than rounding beside these matrices."""
    return np.abs(x) > eps(x) ** 0.5 * sum(np.sum(np.abs(y), axis=(-1, -2), keepdims=True) for y in beside)


def spread(gw):
    """Differences between all pairs of gw, and what they are to be measured by."""
    return columns(gw) - rows(gw), columns(gw)


def lost_vectors(op, values):
    return NotDifferentiableError(
        f"{op}: the vectors of {values} may be any basis of a space, so have no derivative, and the result needs it. "
        "Use what depends on the space only, such as the sum of the values or the projection V Vᵀ, or break the tie by "
        "adding something small to the matrix"
    )


@primitive(
    numpy=np.linalg.eigh,
    results=EighResult._make,
    samples=[
        sample(DEFINITE, symmetric=True), sample(DEFINITE, UPLO="U", symmetric=True), sample(np.array([[2.0]])),
        sample(np.stack([DEFINITE, -2.0 * DEFINITE]), symmetric=True), sample(np.zeros((0, 0))),
    ],
    points=[point((np.array([[2.0]]),), (np.array([[1.0]]),), out=(np.array([2.0]), np.array([[1.0]])))],
    errors=[NOT_SQUARE],
    domain="Hermitian matrices",
    kink="repeated eigenvalues: only what does not depend on the choice of vectors, else an error",
    source="Giles 2008, section 3.1; repeated: equal shares, the minimum-norm element of Clarke's subdifferential",
)  # fmt: skip
def eigh(x, /, UPLO="L"):
    """Eigenvalues w, rising, and orthonormal eigenvectors V, as columns, of a Hermitian x: x V = V diag(w).

    With M = Vᴴ dx V: dw = diag M, dV = V (F ∘ M), F[i, j] = 1 / (w[j] − w[i]) and 0 where that is 1 / 0.
    """
    return tuple(np.linalg.eigh(x, UPLO))


@eigh.vjp_all
def _eigh(g, out, x, needed, UPLO="L"):
    gw, gv = g
    w, v = out[0], np.conjugate(out[1])
    equal = equal_pairs(w)
    middle: Any = 0.0
    if gv is not None:
        b = np.matmul(adjoint(v), gv)
        middle = inverse(columns(w) - rows(w), ~equal) * b
        ties = others(equal)
        lost = clear(b - adjoint(b), gv)
        if gw is not None:  # of V f(w) Vᴴ, what f changes within the space is in neither cotangent
            lost = lost | clear(b + adjoint(b), gv) | clear(*spread(gw))
        if holds(lost & ties):
            raise lost_vectors("eigh", "a repeated eigenvalue")
    if gw is not None:
        middle = diagonal_matrix(shared(gw, equal)) + middle
    return (hermitian(np.matmul(np.matmul(v, middle), adjoint(v))),)


def _eigh_tangent(t, out, x, UPLO="L"):
    w, v = out
    equal = equal_pairs(w)
    m = np.matmul(np.matmul(adjoint(v), hermitian(t)), v)
    unknown = np.where(clear(m, m) & others(equal), np.nan, 0.0).astype(np.result_type(w))
    turned = inverse(columns(w) - rows(w), ~equal) * m + unknown
    return shared(np.real(np.diagonal(m, 0, -2, -1)), equal), np.matmul(v, turned)


eigh.jvp(x=_eigh_tangent)


@primitive(
    numpy=np.linalg.eigvalsh,
    kind="composed",
    samples=[sample(DEFINITE, symmetric=True), sample(DEFINITE, UPLO="U", symmetric=True), sample("2 1 1")],
    points=[point((np.array([[2.0]]),), (np.array([[1.0]]),), out=np.array([2.0])), point((np.eye(2),), (np.eye(2),))],
    errors=[NOT_SQUARE],
    domain="Hermitian matrices",
    kink="repeated eigenvalues share equally",
    source="the eigenvalues of eigh, to rounding",
)
def eigvalsh(x, /, UPLO="L"):
    """Eigenvalues of a Hermitian x, rising; dw = diag(Vᴴ dx V)."""
    return np.linalg.eigh(x, UPLO).eigenvalues


def _largest(v):
    """Mask of the largest component of each column of v, which LAPACK makes real."""
    return np.expand_dims(np.argmax(np.abs(v), axis=-2), -2) == np.arange(v.shape[-1])[:, None]


def _component(x, place):
    return np.sum(x * place, axis=-2)


def _check_basis(v):
    """NotDifferentiableError for a matrix whose eigenvectors v do not span the space, to rounding."""
    s = np.linalg.svdvals(v)
    if holds(s[..., -1:] < 0.1 * eps(v) ** 0.5 * s[..., :1]):
        raise NotDifferentiableError(
            "eig: the matrix is defective, it has fewer eigenvectors than rows, to rounding; eigenvalues then move like a "
            "root, which has no derivative. Use a symmetric matrix with np.linalg.eigh, or add something small to it"
        )


@primitive(
    numpy=np.linalg.eig,
    results=EigResult._make,
    samples=[
        sample(DEFINITE + SKEW), sample(DEFINITE + 8.0 * SKEW), sample(np.array([[2.0]])), sample(np.zeros((0, 0))),
        sample(np.stack([DEFINITE + SKEW, DEFINITE + 8.0 * SKEW])), sample(DEFINITE + 1j * (SKEW + DEFINITE @ SKEW)),
    ],
    points=[point((np.array([[2.0]]),), (np.array([[1.0]]),), out=(np.array([2.0]), np.array([[1.0]])))],
    errors=[NOT_SQUARE],
    domain="matrices that can be diagonalised",
    kink="repeated eigenvalues: an error for what depends on the vectors",
    source="Giles 2008, section 3.1; the columns' length and phase are LAPACK's: 1, and a real largest component",
)  # fmt: skip
def eig(x, /):
    """Eigenvalues w and eigenvectors V, as columns of length 1, of a square x: x V = V diag(w).

    Complex unless all w are real. With M = V⁻¹ dx V: dw = diag M, dV = V (F ∘ M + diag c), F as for eigh, c such that
    length and phase stay.
    """
    return tuple(np.linalg.eig(x))


@eig.vjp_all
def _eig(g, out, x, needed):
    gw, gv = g
    w, v = out
    _check_basis(v)
    equal = equal_pairs(w)
    middle: Any = 0.0
    if gv is not None:
        along = np.sum(v * gv, axis=-2)
        gv = gv - np.conjugate(v) * columns(np.real(along))
        if np.iscomplexobj(v) and v.size:
            place = _largest(v)
            gv = gv - place * (1j * columns(np.imag(along) / _component(np.real(v), place)))
        b = np.matmul(transposed(v), gv)
        if holds(others(equal) & (clear(b, gv) | (gw is not None))):
            raise lost_vectors("eig", "a repeated eigenvalue")
        middle = inverse(columns(w) - rows(w), ~equal) * b
    if gw is not None:
        middle = diagonal_matrix(shared(gw, equal)) + middle
    gx = np.linalg.solve(transposed(v), np.matmul(middle, transposed(v)))
    return (gx if np.iscomplexobj(x) else np.real(gx),)


def _eig_tangent(t, out, x):
    w, v = out
    _check_basis(v)
    equal = equal_pairs(w)
    m = np.linalg.solve(v, np.matmul(t, v))
    unknown = np.where(clear(m, m) & others(equal), np.nan, 0.0).astype(np.result_type(m))
    d = np.matmul(v, inverse(columns(w) - rows(w), ~equal) * m + unknown)
    c = -np.real(np.sum(np.conjugate(v) * d, axis=-2))
    if np.iscomplexobj(v) and v.size:
        place = _largest(v)
        c = c - 1j * (np.imag(_component(d, place)) / _component(np.real(v), place))
    return shared(np.diagonal(m, 0, -2, -1), equal), d + v * columns(c)


eig.jvp(x=_eig_tangent)


@primitive(
    numpy=np.linalg.eigvals,
    kind="composed",
    samples=[sample(DEFINITE + SKEW), sample(DEFINITE + 8.0 * SKEW), sample("2 1 1"), sample(DEFINITE + 1j * SKEW)],
    points=[point((np.array([[2.0]]),), (np.array([[1.0]]),), out=np.array([2.0])), point((np.eye(2),), (np.eye(2),))],
    errors=[NOT_SQUARE],
    domain="matrices that can be diagonalised",
    source="the eigenvalues of eig, to rounding",
)
def eigvals(x, /):
    """Eigenvalues of a square x; dw = diag(V⁻¹ dx V)."""
    return np.linalg.eig(x).eigenvalues
