"""SciPy's linear algebra for Values: `from autograd.scipy import linalg`, with SciPy's names and arguments.

SciPy's functions take a Value for an array. Those here, given a Value, go to an op that has a derivative; given plain
arrays, they are SciPy's own. A function of SciPy that has no derivative here raises NotDifferentiableError when it is given
a Value. overwrite_a and check_finite have no effect on Values.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, MissingExtraError, NotDifferentiableError, ShapeError
from autograd.value import Value

try:
    import scipy.linalg as plain
except ImportError:
    raise MissingExtraError('autograd.scipy.linalg needs SciPy: pip install "glassgrad[test]"') from None

from autograd.ops import scipy_linalg as ops
from autograd.ops.systems import mirrored

IGNORED = ("overwrite_a", "overwrite_b", "check_finite")


def _holds_value(x: Any) -> bool:
    return isinstance(x, Value) or (isinstance(x, (list, tuple)) and any(map(_holds_value, x)))


def _any_value(args: Any, options: Any) -> bool:
    return any(map(_holds_value, (*args, *options.values())))


def adapted(function: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's function of this name for plain arrays, the given one where a Value is among the arguments."""
    scipys = getattr(plain, function.__name__)
    theirs, ours = inspect.signature(scipys), inspect.signature(function).parameters

    @functools.wraps(scipys)
    def call(*args: Any, **options: Any) -> Any:
        if not _any_value(args, options):
            return scipys(*args, **options)
        if "arrs" in ours:
            return function(*args, **options)
        given = {}
        try:
            arguments = theirs.bind(*args, **options).arguments
        except TypeError as mistake:
            raise ArgumentError(f"linalg.{function.__name__}: {mistake}") from None
        for name, x in arguments.items():
            if name in ours:
                given[name] = x
            elif name not in IGNORED and x is not theirs.parameters[name].default:
                raise ArgumentError(f"linalg.{function.__name__} has no option {name} when it is differentiated")
        return function(**given)

    call.__doc__ = function.__doc__
    return call


def _transposed(a: Any) -> Any:
    return np.swapaxes(a, -1, -2)


def _adjoint(a: Any) -> Any:
    return np.conjugate(_transposed(a)) if np.iscomplexobj(a) else _transposed(a)


def _double(a: Any) -> Any:
    dtype = np.result_type(a, np.float64)
    return a if np.result_type(a) == dtype else np.astype(a, dtype)


def _refuse_given(name: str, **options: Any) -> None:
    given = [option for option, value in options.items() if value is not None and value is not False]
    if given:
        raise ArgumentError(f"linalg.{name} has no option {', '.join(given)} when it is differentiated")


def _structured(name: str, a: Any, assume_a: Any, lower: bool) -> Any:
    """The whole matrix that SciPy sees when it reads one triangle of a."""
    if assume_a in (None, "gen", "general"):
        return a
    if assume_a in ("sym", "symmetric") and np.iscomplexobj(a):
        half = np.tril(a, -1) if lower else np.triu(a, 1)
        return half + _transposed(half) + np.where(np.eye(np.shape(a)[-1], dtype=bool), a, 0.0)
    if assume_a in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        return mirrored(a, lower)
    raise ArgumentError(
        f"linalg.{name}: assume_a={assume_a!r} has no derivative; leave it out, or use solve_triangular for a triangle"
    )


@adapted
def solve(a: Any, b: Any, lower: bool = False, *, assume_a: Any = None, transposed: bool = False) -> Any:
    """The x of a x = b; `assume_a` "sym", "her" or "pos" reads one triangle."""
    a = _structured("solve", a, assume_a, lower)
    a = _transposed(a) if transposed else a
    if np.ndim(b) > 1 and np.ndim(b) == np.ndim(a) - 1:  # SciPy's batch of vectors
        return np.linalg.solve(a, np.expand_dims(b, -1))[..., 0]
    return np.linalg.solve(a, b)


@adapted
def inv(a: Any, *, assume_a: Any = None, lower: bool = False) -> Any:
    """Inverse of the matrices in the last two axes."""
    return np.linalg.inv(_structured("inv", a, assume_a, lower))


@adapted
def det(a: Any) -> Any:
    """Determinant, in double precision as SciPy's."""
    return np.linalg.det(_double(a))


@adapted
def pinv(a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False) -> Any:
    """Pseudoinverse; rtol is SciPy's, max(m, n) times the precision."""
    _refuse_given("pinv", atol=atol, return_rank=return_rank)
    precision = float(np.finfo(np.result_type(a)).eps)
    return np.linalg.pinv(a, rtol=max(np.shape(a)[-2:]) * precision if rtol is None else rtol)


@adapted
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """np.linalg.norm."""
    return np.linalg.norm(a, ord, axis, keepdims)


@adapted
def expm(A: Any) -> Any:
    """Exponential of the matrices in the last two axes."""
    return ops.expm(A)


@adapted
def logm(A: Any) -> Any:
    """Principal logarithm of the matrices in the last two axes, in double precision as SciPy's."""
    return ops.logm(_double(A))


@adapted
def sqrtm(A: Any) -> Any:
    """Principal square root of the matrices in the last two axes."""
    return ops.sqrtm(A)


@adapted
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """The x of a x + x b = q."""
    return ops.solve_sylvester(a, b, q)


@adapted
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """The x of a x + x aᴴ = q."""
    return ops.solve_sylvester(a, _adjoint(a), q)


@adapted
def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    """The x of a x = b for a triangular a."""
    return ops.solve_triangular(a, b, trans=trans, lower=lower, unit_diagonal=unit_diagonal)


@adapted
def cholesky(a: Any, lower: bool = False) -> Any:
    """The triangular factor u of a = uᴴ u, or l of a = l lᴴ; reads one triangle of a."""
    factor = np.linalg.cholesky(mirrored(a, lower))
    return factor if lower else _adjoint(factor)


@adapted
def cho_factor(a: Any, lower: bool = False) -> Any:
    """(factor, lower) for cho_solve; the other triangle of the factor, which SciPy leaves as it was, is 0."""
    return cholesky(a, lower), lower


@adapted
def cho_solve(c_and_lower: Any, b: Any) -> Any:
    """The x of a x = b from what cho_factor gave for a."""
    c, lower = c_and_lower
    half = ops.solve_triangular(c, b, trans=0 if lower else 2, lower=bool(lower))
    return ops.solve_triangular(c, half, trans=2 if lower else 0, lower=bool(lower))


@adapted
def eigh(
    a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, type: int = 1,
    subset_by_index: Any = None, subset_by_value: Any = None, driver: Any = None,
) -> Any:  # fmt: skip
    """(eigenvalues, eigenvectors) of a Hermitian a."""
    _refuse_given("eigh", b=b, subset_by_index=subset_by_index, subset_by_value=subset_by_value)
    triangle: Any = "L" if lower else "U"
    return np.linalg.eigvalsh(a, triangle) if eigvals_only else tuple(np.linalg.eigh(a, triangle))


@adapted
def eigvalsh(
    a: Any, b: Any = None, *, lower: bool = True, type: int = 1,
    subset_by_index: Any = None, subset_by_value: Any = None, driver: Any = None,
) -> Any:  # fmt: skip
    """Eigenvalues of a Hermitian a."""
    return eigh(a, b, lower=lower, eigvals_only=True, subset_by_index=subset_by_index, subset_by_value=subset_by_value)


@adapted
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, *, lapack_driver: str = "gesdd") -> Any:
    """(U, singular values, Vᴴ)."""
    return tuple(np.linalg.svd(a, full_matrices=full_matrices)) if compute_uv else np.linalg.svdvals(a)


@adapted
def svdvals(a: Any) -> Any:
    """Singular values."""
    return np.linalg.svdvals(a)


@adapted
def block_diag(*arrs: Any) -> Any:
    """Matrices along the diagonal of a larger one, zeros elsewhere."""
    blocks = [np.reshape(x, (1, -1)) if np.ndim(x) < 2 else x for x in arrs]
    if any(np.ndim(x) > 2 for x in blocks):
        raise ShapeError(f"linalg.block_diag: operands must be matrices, got shapes {[np.shape(x) for x in arrs]}")
    width, rows, before = sum(np.shape(x)[1] for x in blocks), [], 0
    for x in blocks:
        rows.append(np.pad(x, [(0, 0), (before, width - before - np.shape(x)[1])]))
        before += np.shape(x)[1]
    return np.concatenate(rows)


def _vector(name: str, x: Any) -> Any:
    if np.ndim(x) > 1:
        raise ShapeError(f"linalg.{name}: operands must be vectors, got shape {np.shape(x)}")
    return np.reshape(x, (-1,))


@adapted
def toeplitz(c: Any, r: Any = None) -> Any:
    """The matrix with constant diagonals whose first column is c and first row r, by default the conjugate of c."""
    c = _vector("toeplitz", c)
    r = (np.conjugate(c) if np.iscomplexobj(c) else c) if r is None else _vector("toeplitz", r)
    values = np.concatenate([np.flip(c), r[1:]])
    return values[np.arange(np.size(c))[::-1, None] + np.arange(np.size(r))]


@adapted
def circulant(c: Any) -> Any:
    """The matrix whose columns are c, each turned one further."""
    c = _vector("circulant", c)
    steps = np.arange(np.size(c))
    return c[(steps[:, None] - steps) % np.size(c)]


def _without_derivative(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if _any_value(args, options):
            name = function.__name__
            raise NotDifferentiableError(
                f"scipy.linalg.{name} has no derivative rule here. Use another function of autograd.scipy.linalg, add a "
                'rule with @primitive (README, "Adding an operation"), or pass v.data to treat the value as a constant.'
            )
        return function(*args, **options)

    return call


def __getattr__(name: str) -> Any:
    found = getattr(plain, name)
    public = not name.startswith("_") and callable(found) and not isinstance(found, type)
    return _without_derivative(found) if public else found


def __dir__() -> list[str]:
    return sorted({*globals(), *plain.__all__})
