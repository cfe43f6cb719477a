"""Linear systems and what rests on them: solve, inv, pinv, det, slogdet, lstsq, cond.

Every rule is again a linear system, with the matrix transposed: x = A⁻¹ b has b̄ = A⁻ᵀ x̄ and Ā = −b̄ xᵀ. All take batches
of matrices over the axes before the last two, as NumPy does. A singular matrix raises NumPy's own error; det, which is a
polynomial, has its right derivatives there as well.
"""

from typing import Any

import numpy as np

from autograd.data import Traced, holds, may_hold
from autograd.errors import ArgumentError, ShapeError
from autograd.ops.arithmetic import UNSET, astype
from autograd.ops.axes import sum_to
from autograd.ops.constant import constant_functions
from autograd.primitives import error, point, primitive, sample
from autograd.value import DISPATCH, data_of

__all__ = ["cond", "det", "inv", "least_squares", "mirrored", "pinv", "slogdet", "solve", "tensorinv", "tensorsolve"]

MATRIX = np.array([[2.0, 0.0], [0.0, 4.0]])
NOT_SQUARE = error(("2 3",), match="square", kind=ValueError)
SINGULAR = error((np.ones((2, 2)),), match="Singular matrix", kind=np.linalg.LinAlgError)
ILL = 1e4  # condition number up to which the inverse serves the derivative of det, to 12 digits
SMALL = 8  # rows up to which the adjugate by powers keeps its digits
SQUARES = [
    sample("3 3", complex=True),
    sample("2 3 3"),
    sample("2 1 2 2", complex=True),
    sample("1 1"),
    sample("0 2 2"),
]


def _t(x):
    return np.swapaxes(x, -1, -2)


def _h(x):
    return np.conjugate(_t(x)) if np.iscomplexobj(x) else _t(x)


def _conj(x):
    return np.conjugate(x) if np.iscomplexobj(x) else x


def _per_matrix(g):
    """One number per matrix, so that it broadcasts against the matrices."""
    return np.expand_dims(g, (-2, -1))


@primitive(
    numpy=np.linalg.solve,
    kind="general",
    leading=True,
    samples=[
        sample("3 3", "3", complex=True), sample("3 3", "3 2", complex=True), sample("2 3 3", "2 3 1"),
        sample("2 3 3", "3"), sample("2 3 3", "3 2"), sample("3 3", "2 3 2"), sample("2 1 2 2", "3 2 1"),
        sample("1 1", "1"), sample("3 3", "3 0"),
    ],
    points=[point((MATRIX, np.array([2.0, 8.0])), (np.array([[-0.5, -1.0], [-0.25, -0.5]]), np.array([0.5, 0.25])),
                  out=np.array([1.0, 2.0]))],
    errors=[
        error(("2 3", "2"), match="square", kind=ValueError), error(("3 3", "2"), match="(3, 3)", kind=ShapeError),
        error((np.ones((2, 2)), "2"), match="Singular matrix", kind=np.linalg.LinAlgError),
    ],
    domain="matrices with an inverse",
    source="Giles 2008: C = A⁻¹ B has B̄ = A⁻ᵀ C̄, Ā = −B̄ Cᵀ",
)  # fmt: skip
def solve(a, b, /):
    """The x of a x = b: a (…, n, n), b a vector (n,) or matrices (…, n, k). db = a⁻ᵀ g, da = −db xᵀ."""
    return np.linalg.solve(a, b)


@solve.vjp_all
def _solve(g, out, a, b, needed):
    if np.ndim(b) == 1:
        g, out = np.expand_dims(g, -1), np.expand_dims(out, -1)
    db = np.linalg.solve(_t(a), g)
    extra = np.ndim(g) - np.ndim(out)
    da = -sum_to(np.matmul(db, _t(out)), np.shape(a), extra) if needed[0] else None
    return da, sum_to(db[..., 0] if np.ndim(b) == 1 else db, np.shape(b), extra) if needed[1] else None


@primitive(
    numpy=np.linalg.inv,
    kind="general",
    leading=True,
    samples=SQUARES,
    points=[point((MATRIX,), (np.array([[-0.25, -0.125], [-0.125, -0.0625]]),), out=np.array([[0.5, 0.0], [0.0, 0.25]]))],
    errors=[NOT_SQUARE, SINGULAR],
    domain="matrices with an inverse",
    source="Giles 2008: C = A⁻¹ has Ā = −Cᵀ C̄ Cᵀ",
)  # fmt: skip
def inv(a, /):
    """Inverse of the matrices in the last two axes; da = −outᵀ g outᵀ."""
    return np.linalg.inv(a)


inv.vjp(a=lambda g, out, a: -np.matmul(np.matmul(_t(out), g), _t(out)))


def mirrored(a: Any, lower: bool = True) -> Any:
    """The Hermitian matrix whose lower (or upper) triangle is that of a: what functions that read one triangle see."""
    half = np.tril(a, -1) if lower else np.triu(a, 1)
    return np.where(np.eye(np.shape(a)[-1], dtype=bool), np.real(a) if np.iscomplexobj(a) else a, half + _h(half))


def _pinv_call(a, rcond=None, hermitian=False, *, rtol=UNSET):
    if rcond is not None and rtol is not UNSET:
        raise ArgumentError("pinv: rcond and rtol are two names of one option")
    if rtol is None:
        rtol = max(np.shape(a)[-2:]) * float(np.finfo(np.result_type(a)).eps)
    options = {"rcond": rtol if rcond is None and rtol is not UNSET else rcond, "hermitian": hermitian}
    return (mirrored(a) if hermitian else a,), options


def _pinv(g, out, a, **options):
    """Out = P has dP = −P dA P + P Pᴴ dAᴴ (1 − A P) + (1 − P A) dAᴴ Pᴴ P."""
    rest = np.matmul(_t(g), np.matmul(out, _h(out)))
    beside = rest - np.matmul(a, np.matmul(out, rest))
    inner = np.matmul(np.matmul(_h(out), out), _t(g))
    within = inner - np.matmul(np.matmul(inner, out), a)
    return _conj(beside + within) - np.matmul(np.matmul(_t(out), g), _t(out))


@primitive(
    numpy=np.linalg.pinv,
    kind="general",
    leading=True,
    call=_pinv_call,
    samples=[
        sample("3 3", complex=True), sample("4 2", complex=True), sample("2 4", complex=True), sample("2 3 2"),
        sample("2 2 3", rcond=1e-10), sample("3 2", rtol=1e-10), sample("3 2", rtol=None),
        sample("3 3", hermitian=True, complex=True),
        sample("2 2 2", hermitian=True), sample("3 1"),
    ],
    points=[point((MATRIX,), (np.array([[-0.25, -0.125], [-0.125, -0.0625]]),), out=np.array([[0.5, 0.0], [0.0, 0.25]])),
            point((np.zeros((2, 3)),), (np.zeros((2, 3)),), out=np.zeros((3, 2)))],
    errors=[error(("3",), match="dimensional", kind=ValueError)],
    domain="matrices of constant rank",
    source="Golub and Pereyra 1973, eq. 4.12; right wherever the rank does not change",
)  # fmt: skip
def pinv(a, /, rcond=None, hermitian=False):
    """Pseudoinverse of Moore and Penrose, of full or constant rank; singular values below rcond times the largest are 0.

    hermitian   read the lower triangle only
    """
    return np.linalg.pinv(a, rcond, hermitian)


pinv.vjp(a=_pinv)


def _is_well_conditioned(a, inverse):
    norms = [np.max(np.sum(np.abs(data_of(x)), axis=-2), axis=-1, initial=0.0) for x in (a, inverse)]
    return not may_hold(norms[0] * norms[1] >= ILL)


def _adjugate_by_powers(a):
    """(adj a, det a) by Faddeev and LeVerrier: products and traces only, so a polynomial right to every order."""
    n = np.shape(a)[-1]
    eye = np.eye(n, dtype=np.result_type(a))
    power, sign = np.broadcast_to(eye, np.shape(a)), 1.0
    for k in range(1, n):
        product = np.matmul(a, power)
        power = product - _per_matrix(np.trace(product, axis1=-2, axis2=-1) / k) * eye
        sign = -sign
    adjugate = sign * power
    return adjugate, np.trace(np.matmul(a, adjugate), axis1=-2, axis2=-1) / n


def _adjugate(a):
    """Adj a = det a · a⁻¹, also where a has no inverse.

    The singular vectors of a, taken as constants, turn it into blocks [[B, E], [F, G]], of which B has the large singular
    values. B has an inverse; the determinant of what remains, G − F B⁻¹ E, a small matrix, is a polynomial.
    """
    u, s, v = np.linalg.svd(data_of(a))
    large = min(int(np.min(np.sum(s > s[..., :1] / ILL**0.5, axis=-1), initial=s.shape[-1])), s.shape[-1] - 1)
    m = np.matmul(np.matmul(_h(u), a), _h(v))
    b, e, f, rest = m[..., :large, :large], m[..., :large, large:], m[..., large:, :large], m[..., large:, large:]
    inverse = np.linalg.inv(b)
    right, left = np.matmul(inverse, e), np.matmul(f, inverse)
    adjugate, last = _adjugate_by_powers(rest - np.matmul(f, right))
    corner = np.matmul(right, adjugate)
    blocks = np.concatenate([
        np.concatenate([_per_matrix(last) * inverse + np.matmul(corner, left), -corner], axis=-1),
        np.concatenate([-np.matmul(adjugate, left), adjugate], axis=-1),
    ], axis=-2)  # fmt: skip
    factor = np.linalg.det(b) * (np.linalg.det(u) * np.linalg.det(v))
    return _per_matrix(factor) * np.matmul(np.matmul(_h(v), blocks), _h(u))


def _det(g, out, a):
    if np.size(a) == 0:
        return _per_matrix(g) * a
    followed = isinstance(data_of(a), Traced)  # by compile: one way for every matrix of this size
    if followed and np.shape(a)[-1] <= SMALL:
        return _per_matrix(g) * _t(_adjugate_by_powers(a)[0])
    try:
        inverse = np.linalg.inv(a)
    except ValueError:  # singular
        inverse = None
    if inverse is not None and (followed or _is_well_conditioned(a, inverse)):
        return _per_matrix(g * out) * _t(inverse)
    return _per_matrix(g) * _t(_adjugate(a))


@primitive(
    numpy=np.linalg.det,
    kind="general",
    leading=True,
    samples=[
        *SQUARES, sample("4 4"), sample(np.zeros((2, 2))), sample(np.array([[1.0, 2.0], [2.0, 4.0]])),
        sample(np.arange(9.0).reshape(3, 3)), sample(np.ones((3, 3))), sample(np.diag([0.0, 2.0, 0.0, 3.0])),
        sample(np.stack([np.ones((3, 3)), np.diag([1.0, 2.0, 3.0])])),
    ],
    points=[point((MATRIX,), (np.array([[4.0, 0.0], [0.0, 2.0]]),)),
            point((np.zeros((1, 1)),), (np.ones((1, 1)),), out=0.0)],
    errors=[NOT_SQUARE],
    source="Jacobi's formula: Ā = ḡ adj(A)ᵀ",
)  # fmt: skip
def det(a, /):
    """Determinant; da = g · adj(a)ᵀ, which is g · out · a⁻ᵀ where a has an inverse, and right where it has none.

    In a compiled function a matrix larger than 8 × 8 must have one.
    """
    return np.linalg.det(a)


det.vjp(a=_det)


def _slogdet(g, out, a):
    g_sign, g_log = g
    total = None if g_log is None else g_log
    if g_sign is not None and np.iscomplexobj(a):  # sign = exp(i Im log det)
        turn = 1j * np.real(-1j * (g_sign * out[0]))
        total = turn if total is None else total + turn
    return np.zeros_like(a) if total is None else _per_matrix(total) * _t(np.linalg.inv(a))


@primitive(
    numpy=np.linalg.slogdet,
    kind="general",
    results=type(np.linalg.slogdet(np.eye(1)))._make,
    samples=[sample("3 3"), sample("2 3 3"), sample("1 1"), sample("2 1 2 2"), sample(-np.eye(3)), sample("0 2 2")],
    points=[point((MATRIX,), (np.array([[0.5, 0.0], [0.0, 0.25]]),))],
    errors=[NOT_SQUARE],
    domain="matrices with an inverse",
    source="Jacobi's formula: d log det A = Tr(A⁻¹ dA)",
)
def slogdet(a, /):
    """(sign, logabsdet) of the determinant, which itself may overflow; da = g · a⁻ᵀ for logabsdet.

    The sign of a real matrix has derivative 0; that of a complex one, det / |det|, has not.
    """
    return tuple(np.linalg.slogdet(a))


slogdet.vjp(a=_slogdet)


@primitive(
    kind="general",
    results="one",
    hidden=1,
    samples=[sample("4 2", "4"), sample("4 2", "4 3"), sample("3 3", "3"), sample("2 4", "2"), sample("2 4", "2 2"),
             sample("4 1", "4", rcond=1e-8)],
    points=[point((np.array([[1.0], [0.0]]), np.array([1.0, 3.0])), (np.array([[-1.0], [3.0]]), np.array([1.0, 0.0])))],
    errors=[error(("4 2", "3"), match="Incompatible dimensions", kind=ValueError)],
    domain="matrices of full rank",
    source="Golub and Pereyra 1973: the derivative of the pseudoinverse, times b",
)  # fmt: skip
def least_squares(a, b, /, rcond=None):
    """The x of least |a x − b|², and of least length among several: a (m, n), b (m,) or (m, k); a of full rank."""
    return np.linalg.lstsq(a, b, rcond)[0:3:2]


@least_squares.vjp_all
def _least_squares(g, out, a, b, needed, rcond=None):
    g, (x, rank) = g[0], out
    vector = np.ndim(b) == 1
    if vector:
        g, x, b = (np.expand_dims(z, -1) for z in (g, x, b))
    p = np.linalg.pinv(a)
    db = np.matmul(_t(p), g)
    if needed[0] and holds(data_of(rank) < min(np.shape(a))):
        raise ArgumentError(
            f"lstsq: a of shape {np.shape(a)} has rank {data_of(rank)}, and where the rank can jump the solution has no "
            "derivative with respect to a. Add a small multiple of the identity, or pass a.data to treat a as a constant"
        )
    da = None
    if needed[0]:
        beside = np.matmul(np.matmul(b - np.matmul(a, x), _t(g)), np.matmul(p, _h(p)))
        within = np.matmul(np.matmul(_h(p), x), _t(g))
        within = within - np.matmul(np.matmul(within, p), a)
        da = _conj(beside + within) - np.matmul(db, _t(x))
    return da, db[:, 0] if vector else db


def lstsq(a, b, rcond=None):
    """np.linalg.lstsq: (x, residuals, rank, singular values), the rank a plain number."""
    m, n = np.shape(a)
    rank = np.intc(np.linalg.lstsq(data_of(a), data_of(b), rcond)[2])
    x = least_squares(a, b, rcond=rcond)
    if rank < n or m <= n:
        residuals = np.zeros(0, np.result_type(a, b, 0.0))
    else:
        rest = np.abs(b - np.matmul(a, x))
        residuals = np.sum(np.reshape(rest * rest, (m, -1)), axis=0)
    dtype = np.result_type(x)  # of both operands, as NumPy's singular values have it
    return x, residuals, rank, np.linalg.svdvals(a if np.result_type(a) == dtype else astype(a, dtype))


DISPATCH[np.linalg.lstsq] = lstsq
constant_functions(np.linalg.matrix_rank)


@primitive(
    numpy=np.linalg.tensorsolve,
    kind="composed",
    samples=[sample("2 3 6", "2 3"), sample("2 2 2 2", "2 2", axes=(0, 2)), sample("6 2 3", "6", complex=True)],
    points=[point((MATRIX, np.array([2.0, 8.0])), (np.array([[-0.5, -1.0], [-0.25, -0.5]]), np.array([0.5, 0.25])),
                  out=np.array([1.0, 2.0]))],
    errors=[error(("2 3", "2"), match="(2, 3)", kind=ShapeError)],
    domain="tensors with an inverse",
    source="made of solve",
)  # fmt: skip
def tensorsolve(a, b, /, axes=None):
    """The x of tensordot(a, x, x.ndim) = b, where a has the axes of b (after `axes` are moved last), then those of x."""
    if axes is not None:
        a = np.moveaxis(a, [axis % np.ndim(a) for axis in axes], range(-len(axes), 0))
    shape = np.shape(a)[np.ndim(b) :]
    if np.size(a) != np.size(b) ** 2 or np.prod(shape, dtype=int) != np.size(b):
        raise ShapeError(f"tensorsolve: operands a {np.shape(a)} and b {np.shape(b)} make no square system")
    return np.reshape(np.linalg.solve(np.reshape(a, (np.size(b), np.size(b))), np.ravel(b)), shape)


@primitive(
    numpy=np.linalg.tensorinv,
    kind="composed",
    samples=[sample("2 3 6"), sample("6 2 3", ind=1, complex=True), sample("2 2 2 2")],
    points=[point((MATRIX,), (np.array([[-0.25, -0.125], [-0.125, -0.0625]]),), ind=1)],
    errors=[error(("2 3 4",), match="(2, 3, 4)", kind=ShapeError), error(("2 2",), ind=0, match="ind", kind=ValueError)],
    domain="tensors with an inverse",
    source="made of inv",
)  # fmt: skip
def tensorinv(a, /, ind=2):
    """The inverse of a as a map that tensordot applies: from its last axes to its first `ind`."""
    if ind <= 0:
        raise ArgumentError(f"tensorinv: ind must be positive, got {ind}")
    first, last = np.shape(a)[:ind], np.shape(a)[ind:]
    if np.prod(first, dtype=int) != np.prod(last, dtype=int):
        raise ShapeError(f"tensorinv: a {np.shape(a)} is no square matrix from its last axes to its first {ind}")
    size = int(np.prod(first, dtype=int))
    return np.reshape(np.linalg.inv(np.reshape(a, (size, size))), (*last, *first))


@primitive(
    numpy=np.linalg.cond,
    kind="composed",
    samples=[sample("3 3"), sample("3 2"), sample("2 3 3", p=-2), sample("3 3", p="fro"), sample("3 3", p="nuc"),
             sample("2 2 2", p=1), sample("3 3", p=-1), sample("3 3", p=np.inf), sample("3 3", p=-np.inf),
             sample("3 3", p=2)],
    points=[point((MATRIX,), (np.array([[-1.0, 0.0], [0.0, 0.5]]),), out=2.0)],
    errors=[error(("2 3",), p=1, match="square", kind=ValueError)],
    domain="matrices with an inverse",
    kink="equal singular values share equally",
    source="made of norms and of singular values",
)  # fmt: skip
def cond(x, /, p=None):
    """Condition number |x| · |x⁻¹| in the norm p; for None and ±2 of singular values, largest over smallest or inversely.

    A singular x raises NumPy's error, as far as p needs an inverse.
    """
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.matrix_norm(x, ord=p) * np.linalg.matrix_norm(np.linalg.inv(x), ord=p)
