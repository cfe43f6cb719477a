"""Singular values: svd and svdvals, by the rules of decomposition.py.

A repeated singular value is what a repeated eigenvalue is there: U and V may turn together within a space, and what
depends on the turn has no derivative. The polar factor U Vᴴ does not, and keeps its derivative, as the two halves of the
rule show: one divides by s[j] − s[i], the other by s[j] + s[i]. A singular value 0 is a kink like that of |x|, where the
minimum-norm subgradient is 0, and its vectors may turn apart.
"""

from typing import Any

import numpy as np

from autograd.data import holds
from autograd.errors import NotDifferentiableError
from autograd.ops.decomposition import (
    adjoint,
    clear,
    columns,
    diagonal_matrix,
    eps,
    equal_pairs,
    inverse,
    lost_vectors,
    others,
    rows,
    shared,
    spread,
    transposed,
)
from autograd.primitives import error, point, primitive, sample

__all__ = ["singular_vectors", "svd", "svdvals"]

SVDResult = type(np.linalg.svd(np.eye(1)))
TALL = np.array([[2.0, -1.0, 0.5], [0.25, 1.5, 3.0], [-2.0, 0.75, -1.0], [1.0, 2.5, 0.125]])
SYMMETRIC = np.array([[4.0, 1.0, -0.5], [1.0, -3.0, 0.25], [-0.5, 0.25, 1.5]])
ONE_BY_ONE = point((np.array([[2.0]]),), (np.array([[1.0]]),), out=(np.eye(1), np.array([2.0]), np.eye(1)))


def _tiny(s):
    """Mask of the singular values that are 0 to rounding."""
    return s <= 8.0 * eps(s) * np.sum(s, axis=-1, keepdims=True)


@primitive(
    results=SVDResult._make,
    samples=[
        sample(TALL), sample(TALL.T), sample(TALL[:3]), sample(np.stack([TALL, 2.0 * TALL[::-1]])), sample("3 1"),
        sample(TALL[:3], full_matrices=True),
    ],
    points=[ONE_BY_ONE],
    errors=[error(("3",), match="at least two-dimensional", kind=np.linalg.LinAlgError)],
    source="Giles 2008, section 3.2; Wan and Zhang 2019 (arXiv 1909.02659) for complex x",
)  # fmt: skip
def singular_vectors(x, /, full_matrices=False):
    """U, s, Vᴴ with x = U diag(s) Vᴴ, orthonormal columns in U and V, s ≥ 0 falling.

    With P = Uᴴ dx V: ds = Re diag P, dU = U (F ∘ (P S + S Pᴴ)) + (1 − U Uᴴ) dx V S⁻¹, dV likewise,
    F[i, j] = 1 / (s[j]² − s[i]²).
    """
    return tuple(np.linalg.svd(x, full_matrices))


@singular_vectors.vjp_all
def _singular_vectors(g, out, x, needed, full_matrices=False):
    gu, gs, gv = g[0], g[1], None if g[2] is None else adjoint(g[2])
    s = out[1]
    k = s.shape[-1]
    u, v = np.conjugate(out[0][..., :k]), transposed(out[2][..., :k, :])
    equal, tiny = equal_pairs(s), _tiny(s)
    middle: Any = 0.0 if gs is None else diagonal_matrix(np.where(tiny, 0.0, shared(gs, equal)))
    if gu is None and gv is None:
        return (np.matmul(np.matmul(u, middle), adjoint(v)),)
    if any(part is not None and holds(part[..., k:] != 0.0) for part in (gu, gv)):
        raise NotDifferentiableError(
            "svd: the singular vectors that only complete a basis have no derivative; use full_matrices=False"
        )
    gu = np.zeros_like(u) if gu is None else gu[..., :k]
    gv = np.zeros_like(v) if gv is None else gv[..., :k]
    bu, bv = np.matmul(adjoint(u), gu), np.matmul(adjoint(v), gv)
    ru, rv = gu - np.matmul(u, bu), gv - np.matmul(v, bv)  # outside the spaces of u and v; nothing for a square x
    su, sv = bu - adjoint(bu), bv - adjoint(bv)
    ties, null = others(equal), rows(tiny) & columns(tiny)
    lost = (clear(su + sv, gu, gv) & (ties | null)) | (clear(su - sv, gu, gv) & null)
    if gs is not None:  # of U f(s) Vᴴ, what f changes within a space is in no cotangent
        lost = lost | ((clear(bu + adjoint(bu), gu) | clear(bv + adjoint(bv), gv) | clear(*spread(gs))) & ties)
        lost = lost | columns(tiny & (gs != 0.0))
    if holds(lost) or any(holds(clear(r, gu, gv) & columns(tiny)) for r in (ru, rv)):
        raise lost_vectors("svd", "a repeated singular value, or of 0,")
    total = columns(s) + rows(s)
    gap = np.where(np.eye(k, dtype=bool), total, columns(s) - rows(s))  # its diagonal: U's phase moves, not V's
    over = inverse(s, ~tiny)
    middle = 0.5 * ((su + sv) * inverse(gap, ~(ties | null)) + (su - sv) * inverse(total, ~null)) + middle
    left = np.matmul(u, middle)
    if u.shape[-2] > k:
        left = left + ru * columns(over)
    gx = np.matmul(left, adjoint(v))
    return (gx + np.matmul(u, adjoint(rv * columns(over))) if v.shape[-2] > k else gx,)


def _tangent(t, out, x, full_matrices=False):
    s = out[1]
    k = s.shape[-1]
    u, v = out[0][..., :k], adjoint(out[2][..., :k, :])
    equal, tiny = equal_pairs(s), _tiny(s)
    p = np.matmul(np.matmul(adjoint(u), t), v)
    q = adjoint(p)
    unknown = clear(p, p) & (others(equal) | (rows(tiny) & columns(tiny) & np.iscomplexobj(p)))
    factor = inverse((columns(s) + rows(s)) * (columns(s) - rows(s)), ~equal) + np.where(unknown, np.nan, 0.0)
    over = columns(inverse(s, ~tiny))
    turn = factor * (p * columns(s) + rows(s) * q) + (p - q) * (over * (0.5 * np.eye(k, dtype=np.result_type(s))))
    du = np.matmul(u, turn) + _outside(np.matmul(t, v) - np.matmul(u, p), tiny, over)
    dv = np.matmul(v, factor * (rows(s) * p + q * columns(s))) + _outside(
        np.matmul(adjoint(t), u) - np.matmul(v, q), tiny, over
    )
    ds = np.where(tiny, 0.0, shared(np.real(np.diagonal(p, 0, -2, -1)), equal))
    return _completed(du, out[0]), ds, adjoint(_completed(dv, adjoint(out[2])))


def _outside(r, tiny, over):
    """r / s, the tangent of singular vectors out of their space, which a matrix with more rows than columns has."""
    unknown = np.where(clear(r, r) & columns(tiny), np.nan, 0.0)
    return r * over + unknown.astype(np.result_type(r)) if r.shape[-2] > r.shape[-1] else 0.0 * r


def _completed(d, vectors):
    """d, with NaN for the columns that it lacks."""
    missing = np.shape(vectors)[-1] - np.shape(d)[-1]
    nan = np.full((*np.shape(d)[:-1], missing), np.nan, np.result_type(d))
    return np.concatenate([d, nan], axis=-1) if missing else d


singular_vectors.jvp(x=_tangent)


def _by_eigenvalues(x, compute_uv):
    """svd of a Hermitian x: the eigenvalues without their signs, which go to V."""
    w, v = np.linalg.eigh(x)
    order = np.argsort(np.abs(w), axis=-1)[..., ::-1]
    w = np.take_along_axis(w, order, axis=-1)
    if not compute_uv:
        return np.abs(w)
    v = np.take_along_axis(v, columns(order), axis=-1)
    return SVDResult(v, np.abs(w), adjoint(v * columns(np.sign(w))))


@primitive(
    numpy=np.linalg.svd,
    kind="composed",
    samples=[
        sample(TALL, full_matrices=False), sample(TALL[:3]), sample(TALL, compute_uv=False),
        sample(TALL.T, full_matrices=False),
        sample(SYMMETRIC, hermitian=True, symmetric=True),
        sample(SYMMETRIC, compute_uv=False, hermitian=True, symmetric=True),
    ],
    points=[ONE_BY_ONE],
    errors=[error(("3",), match="at least two-dimensional", kind=np.linalg.LinAlgError)],
    kink="repeated singular values and 0: only what does not depend on the choice of vectors, else an error",
    source="singular_vectors; of a Hermitian x eigh",
)  # fmt: skip
def svd(x, /, full_matrices=True, compute_uv=True, hermitian=False):
    """Singular value decomposition x = U diag(s) Vᴴ; only s without compute_uv.

    Columns of U and V that only complete a basis, with full_matrices, must not be used by what is differentiated.
    """
    if hermitian:
        return _by_eigenvalues(x, compute_uv)
    result = singular_vectors(x, full_matrices=full_matrices and compute_uv)
    return result if compute_uv else result.S


@primitive(
    numpy=np.linalg.svdvals,
    kind="composed",
    samples=[sample(TALL), sample(TALL.T), sample("2 3 2"), sample("3 1")],
    points=[
        point((np.diag([2.0, 1.0]),), (np.eye(2),), out=np.array([2.0, 1.0])),
        point((np.diag([2.0, 0.0]),), (np.diag([1.0, 0.0]),)), point((np.eye(2),), (np.eye(2),)),
        point((np.zeros((2, 3)),), (np.zeros((2, 3)),)),
    ],
    errors=[error(("3",), match="at least two-dimensional", kind=np.linalg.LinAlgError)],
    kink="equal singular values share equally; 0 at 0",
    source="the singular values of svd; at 0 the minimum-norm subgradient: Watson 1992, the nuclear norm is a kink there",
)  # fmt: skip
def svdvals(x, /):
    """Singular values, falling; ds = Re diag(Uᴴ dx V)."""
    return singular_vectors(x).S
