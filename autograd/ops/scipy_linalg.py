"""Matrix functions and triangular systems that NumPy lacks: read by autograd.scipy.linalg, since they need SciPy.

A matrix function f has f([[A, E], [0, A]]) = [[f(A), D], [0, f(A)]], where D is its derivative in direction E: the rules of
expm and logm are f itself of a matrix twice as large, and so right to every order.
"""

import numpy as np
import scipy.linalg

from autograd.errors import ShapeError
from autograd.primitives import error, point, primitive, sample

__all__ = ["expm", "logm", "solve_sylvester", "solve_triangular", "sqrtm"]

POSITIVE = np.array([[5.0, 1.0, 0.5], [0.3, 3.0, -0.2], [-0.7, 0.4, 2.0]])
NOT_SQUARE = error(("2 3",), match="square", kind=ValueError)


def _t(x):
    return np.swapaxes(x, -1, -2)


def _in_direction(function, a, e):
    """The derivative of a matrix function at a in direction e, from its value at [[a, e], [0, a]]."""
    n = np.shape(a)[-1]
    rows = [np.concatenate([a, e], axis=-1), np.concatenate([np.zeros_like(e), a], axis=-1)]
    return function(np.concatenate(rows, axis=-2))[..., :n, n:]


@primitive(
    kind="general",
    samples=[sample("3 3", complex=True), sample("2 2 2"), sample("1 1"), sample(np.zeros((2, 2)))],
    points=[point((np.zeros((2, 2)),), (np.ones((2, 2)),), out=np.eye(2))],
    errors=[NOT_SQUARE],
    source="Najfeld and Havel 1995: the derivative is a block of the exponential of a block matrix",
)
def expm(a, /):
    """Exponential of the matrices in the last two axes, out = Σ aᵏ / k!."""
    return scipy.linalg.expm(a)


expm.vjp(a=lambda g, out, a: _in_direction(expm, _t(a), g))


def _whole(result, a):
    """The result in the precision of a: SciPy computes some functions of float32 in float64."""
    kind = "c" if result.dtype.kind == "c" else "f"
    return result.astype({"f4": "f4", "f8": "f8", "c4": "c8", "c8": "c16"}[kind + str(_real_width(a))], copy=False)


def _real_width(a):
    return np.asarray(a).dtype.itemsize // (2 if np.iscomplexobj(a) else 1)


@primitive(
    kind="general",
    samples=[sample(POSITIVE, complex=True), sample(np.stack([np.eye(2), POSITIVE[:2, :2]]))],
    points=[point((np.eye(2),), (np.ones((2, 2)),), out=np.zeros((2, 2)))],
    errors=[NOT_SQUARE],
    source="Higham 2008, Functions of Matrices, thm 3.6",
)
def logm(a, /):
    """Principal logarithm of the matrices in the last two axes, which have no eigenvalue ≤ 0."""
    return _whole(scipy.linalg.logm(np.asarray(a, np.result_type(a, float))), a)  # float32 does not reach its accuracy


logm.vjp(a=lambda g, out, a: _in_direction(logm, _t(a), g))


@primitive(
    kind="general",
    samples=[sample(POSITIVE, complex=True), sample(np.stack([np.eye(2), POSITIVE[:2, :2]]))],
    points=[
        point((np.diag([4.0, 9.0]),), (np.array([[1 / 4.0, 1 / 5.0], [1 / 5.0, 1 / 6.0]]),), out=np.diag([2.0, 3.0]))
    ],
    errors=[NOT_SQUARE],
    source="x dx + dx x = da, a Sylvester equation",
)
def sqrtm(a, /):
    """Principal square root of the matrices in the last two axes, out @ out = a."""
    return _whole(scipy.linalg.sqrtm(a), a)


sqrtm.vjp(a=lambda g, out, a: solve_sylvester(_t(out), _t(out), g))


@primitive(
    kind="general",
    samples=[sample(POSITIVE, POSITIVE[:2, :2], "3 2", complex=True), sample("3 3", 3.0 * POSITIVE[:2, :2], "3 2"),
             sample(np.stack([POSITIVE] * 2), POSITIVE, "2 3 3")],
    points=[point((np.diag([1.0, 3.0]), np.eye(2), np.array([[4.0, 0.0], [0.0, 8.0]])),
                  (None, None, np.array([[0.5, 0.5], [0.25, 0.25]])), out=np.diag([2.0, 2.0]))],
    errors=[error(("3 3", "2 2", "2 3"), match="(2, 3)", kind=ShapeError)],
    source="q̄ solves aᵀ q̄ + q̄ bᵀ = g, and ā = −q̄ xᵀ, b̄ = −xᵀ q̄",
)  # fmt: skip
def solve_sylvester(a, b, q, /):
    """The x of a x + x b = q, of matrices a (…, m, m), b (…, n, n) and q (…, m, n)."""
    return _whole(scipy.linalg.solve_sylvester(a, b, q), q)


@solve_sylvester.vjp_all
def _sylvester(g, out, a, b, q, needed):
    dq = solve_sylvester(_t(a), _t(b), g)
    da, db = -np.matmul(dq, _t(out)), -np.matmul(_t(out), dq)
    return _summed(da, a), _summed(db, b), _summed(dq, q)


def _summed(c, x):
    """c, summed over the axes of the batch that x lacks."""
    extra = np.ndim(c) - np.ndim(x)
    return np.sum(c, axis=tuple(range(extra))) if extra else c


@primitive(
    kind="general",
    samples=[
        sample(POSITIVE, "3", lower=True, complex=True), sample(POSITIVE, "3 2", complex=True),
        sample(POSITIVE, "3", trans=1, complex=True), sample(POSITIVE, "3 2", trans="T", lower=True),
        sample(POSITIVE, "3", trans=2, complex=True), sample(POSITIVE, "3 1", trans="C", lower=True, complex=True),
        sample(POSITIVE, "3 2", unit_diagonal=True), sample(POSITIVE, "3", unit_diagonal=True, lower=True, trans=1),
        sample(np.stack([POSITIVE, POSITIVE.T]), "2 3 2", lower=True),
    ],
    points=[point((np.array([[2.0, 9.0], [2.0, 4.0]]), np.array([2.0, 10.0])),
                  (np.array([[-0.25, 0.0], [-0.25, -0.5]]), np.array([0.25, 0.25])), out=np.array([1.0, 2.0]), lower=True)],
    errors=[error(("3 3", "2"), match="(3, 3)", kind=ShapeError),
            error((np.diag([1.0, 0.0]), "2"), match="singular", kind=ValueError)],
    source="b̄ = a⁻ᵀ g and ā = −b̄ xᵀ, of which the triangle is kept",
)  # fmt: skip
def solve_triangular(a, b, /, trans=0, lower=False, unit_diagonal=False):
    """The x of a x = b for a triangular a, whose other triangle is not read.

    trans   0 or "N": a as it is; 1 or "T": its transpose; 2 or "C": its conjugate transpose
    """
    return _whole(scipy.linalg.solve_triangular(a, b, trans=trans, lower=lower, unit_diagonal=unit_diagonal), b)


@solve_triangular.vjp_all
def _triangular(g, out, a, b, needed, trans=0, lower=False, unit_diagonal=False):
    form = {"lower": lower, "unit_diagonal": unit_diagonal}
    trans = {"N": 0, "T": 1, "C": 2}.get(trans, trans)
    if trans == 2 and np.iscomplexobj(a):  # of conj(a)
        db = np.conjugate(solve_triangular(a, np.conjugate(g), trans=0, **form))
    else:
        db = solve_triangular(a, g, trans=0 if trans else 1, **form)
    if not needed[0]:
        return None, db
    c, x = (np.expand_dims(z, -1) if np.ndim(b) == 1 else z for z in (db, out))
    da = -np.matmul(x, _t(c)) if trans else -np.matmul(c, _t(x))
    da = np.conjugate(da) if trans == 2 and np.iscomplexobj(da) else da
    offset = int(unit_diagonal)
    return _summed(np.tril(da, -offset) if lower else np.triu(da, offset), a), db
