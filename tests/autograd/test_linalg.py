"""Linear algebra, what the op table cannot say: np.linalg's spellings, lstsq, singular and tied matrices, SciPy's names."""

import re

import numpy as np
import op_table as table
import pytest

from autograd import Value, grad, hessian, jacobian
from autograd.errors import ArgumentError, NotDifferentiableError, ShapeError
from autograd.primitives import registry

linalg = pytest.importorskip("autograd.scipy.linalg")
scipy_linalg = pytest.importorskip("scipy.linalg")


@pytest.fixture
def rng(request):
    return table.generator(request.node.name)


def slopes(f, *arrays):
    """The gradient of Σ f(*arrays) with respect to each array by central differences."""
    plain = lambda xs: np.asarray([np.sum(f(*xs))])
    return [table.differences(plain, list(arrays), k)[0].reshape(x.shape) for k, x in enumerate(arrays)]


def gradients_agree(f, *arrays, rtol=1e-6):
    """f's gradients are what differences say, to first and second order."""
    for k, expected in enumerate(slopes(f, *arrays)):
        first = grad(lambda *xs: np.sum(f(*xs)), argnum=k)
        np.testing.assert_allclose(first(*arrays), expected, rtol=rtol, atol=1e-8)
        u = np.cos(np.arange(expected.size)).reshape(expected.shape)
        along = lambda *xs, first=first, u=u: np.sum(first(*xs) * u)
        for j, expected_again in enumerate(slopes(along, *arrays)):
            np.testing.assert_allclose(grad(along, argnum=j)(*arrays), expected_again, rtol=10 * rtol, atol=1e-7)


# np.linalg's spellings


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (np.linalg.matmul, [(2, 3), (3, 2)]),
        (lambda x, y: np.linalg.tensordot(x, y, axes=1), [(2, 3), (3, 2)]),
        (lambda x, y: np.linalg.vecdot(x, y, axis=0), [(3, 2), (3, 2)]),
        (np.linalg.outer, [(2,), (3,)]),
        (lambda x, y: np.linalg.cross(x, y, axis=0), [(3, 2), (3, 2)]),
        (np.linalg.diagonal, [(2, 3, 3)]),
        (lambda x: np.linalg.diagonal(x, offset=1), [(2, 3, 3)]),
        (lambda x: np.linalg.trace(x, offset=-1), [(2, 3, 3)]),
        (np.linalg.matrix_transpose, [(2, 3)]),
    ],
)
def test_numpy_linalg_has_its_own_names(f, shapes, rng):
    arrays = [rng.normal(size=shape) for shape in shapes]
    np.testing.assert_array_equal(f(*map(Value, arrays)).data, f(*arrays))
    gradients_agree(lambda *xs: f(*xs) ** 2, *arrays)


def test_numpy_linalg_outer_and_cross_refuse_what_numpy_refuses():
    with pytest.raises(ShapeError, match="vectors"):
        np.linalg.outer(Value(np.ones((2, 2))), np.ones(2))
    with pytest.raises(ShapeError, match="3 components"):
        np.linalg.cross(Value(np.ones(2)), np.ones(2))


def test_matrix_rank_is_a_plain_number():
    assert np.linalg.matrix_rank(Value(np.ones((2, 2)))) == 1


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
@pytest.mark.parametrize("shapes", [((2,), (2,)), ((4, 2), (2,)), ((4, 2), (3,)), ((3,), (4, 2)), ((2, 4), (2, 4))])
def test_cross_of_vectors_in_the_plane(shapes, rng):
    axis = 0 if shapes[0] == (2, 4) else -1
    try:
        np.cross(np.ones(2), np.ones(2))
    except ValueError:
        pytest.skip("this NumPy has no vector product in the plane")
    gradients_agree(lambda x, y: np.cross(x, y, axis=axis) ** 2, *(rng.normal(size=shape) for shape in shapes))


# einsum in every form


def random_einsum(rng):
    """(subscripts, operands): up to four operands, repeated letters, lengths of 1, an ellipsis, any result."""
    lengths = dict(zip("ijklm", rng.integers(1, 4, 5), strict=True))
    batch = tuple(rng.integers(1, 3, 2))
    terms, operands = [], []
    dots = rng.random() < 0.4
    for _ in range(rng.integers(1, 5)):
        term = "".join(rng.choice(list("ijklm"), rng.integers(0, 4)))
        once = [1 if rng.random() < 0.15 and term.count(c) == 1 else int(lengths[c]) for c in term]
        shape = batch[rng.integers(0, 3) :] if dots else ()
        operands.append(rng.normal(size=(*shape, *once)))
        terms.append("..." * dots + term)
    letters = sorted({c for term in terms for c in term} - {"."})
    chosen = "".join(rng.permutation(letters)[: rng.integers(0, len(letters) + 1)])
    arrow = "" if rng.random() < 0.2 else "->" + "..." * dots + chosen
    return ",".join(terms) + arrow, operands


@pytest.mark.parametrize("seed", range(60))
def test_einsum_with_random_subscripts(seed, rng):
    subscripts, operands = random_einsum(rng)
    for options in ({}, {"optimize": True}, {"optimize": "greedy"}):
        out = np.einsum(subscripts, *map(Value, operands), **options)
        np.testing.assert_allclose(out.data, np.einsum(subscripts, *operands, **options), rtol=1e-13)
        f = lambda *xs, options=options: np.einsum(subscripts, *xs, **options)
        for k, expected in enumerate(slopes(f, *operands)):
            found = grad(lambda *xs, f=f: np.sum(f(*xs)), argnum=k)(*operands)
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


# det and its kin where others go wrong


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_the_hessian_of_det_at_a_singular_matrix(rank, rng):
    x = rng.normal(size=(4, rank)) @ rng.normal(size=(rank, 4))
    third = jacobian(lambda x: hessian(np.linalg.det)(x)[0, 0, 1, 1])(x)
    minor = grad(lambda y: y[2, 2] * y[3, 3] - y[2, 3] * y[3, 2])(x)
    np.testing.assert_allclose(third, minor, rtol=1e-9, atol=1e-9)
    gradients_agree(np.linalg.det, x)


def test_det_of_a_nearly_singular_matrix_keeps_its_digits():
    x = np.array([[1.0, 2.0], [2.0, 4.0 + 1e-13]])
    np.testing.assert_allclose(grad(np.linalg.det)(x), [[4.0, -2.0], [-2.0, 1.0]], rtol=1e-12)


def test_the_sign_of_a_complex_determinant_turns(rng):
    x, y = rng.normal(size=(2, 3, 3))
    gradients_agree(lambda x, y: np.real(np.linalg.slogdet(x + 1j * y).sign * (1 - 2j)), x, y)
    gradients_agree(lambda x, y: np.linalg.slogdet(x + 1j * y).logabsdet, x, y)


def test_pinv_of_constant_rank(rng):
    b, c = rng.normal(size=(4, 2)), rng.normal(size=(2, 3))
    gradients_agree(lambda b, c: np.linalg.pinv(b @ c) ** 2, b, c, rtol=1e-5)


def test_singular_matrices_raise_as_in_numpy():
    x = Value(np.ones((2, 2)))
    for f in (np.linalg.inv, lambda x: np.linalg.solve(x, np.ones(2)), grad(lambda x: np.linalg.slogdet(x)[1])):
        with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
            f(x)


def test_lstsq(rng):
    a, b, wide = rng.normal(size=(5, 2)), rng.normal(size=(5, 3)), rng.normal(size=(2, 4))
    found, expected = np.linalg.lstsq(Value(a), b), np.linalg.lstsq(a, b)
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(table.plain(x), y, rtol=1e-12)
    assert found[2] == 2
    for i in (0, 1, 3):
        gradients_agree(lambda a, b, i=i: np.linalg.lstsq(a, b)[i] ** 2, a, b)
        gradients_agree(lambda a, b, i=i: np.linalg.lstsq(a, b)[i] ** 2, a, b[:, 0])
    gradients_agree(lambda a, b: np.linalg.lstsq(a, b)[0] ** 2, wide, b[:2])
    assert np.linalg.lstsq(Value(wide), b[:2])[1].size == 0


def test_lstsq_without_full_rank_has_a_derivative_in_b_only():
    a, b = np.ones((3, 2)), np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(grad(lambda b: np.sum(np.linalg.lstsq(a, b)[0]))(b), np.full(3, 1.0 / 3.0))
    with pytest.raises(ArgumentError, match="rank 1"):
        grad(lambda a: np.sum(np.linalg.lstsq(a, b)[0]))(a)


# norms at kinks and ties


def test_the_nuclear_norm_has_its_hessian_where_singular_values_tie():
    gradients_agree(lambda x: np.linalg.matrix_norm(x, ord="nuc"), np.eye(3))
    gradients_agree(lambda x: np.linalg.matrix_norm(x, ord="nuc"), np.eye(3)[:, :2] * 2.0)


def test_the_spectral_norm_needs_a_gap_below_the_largest_value_only():
    gradients_agree(lambda x: np.linalg.matrix_norm(x, ord=2), np.diag([3.0, 1.0, 1.0]))


def test_norms_of_complex_numbers_tie_by_their_length():
    x = np.array([3.0 + 4.0j, -5.0, 1.0j])
    found = grad(lambda x: np.linalg.vector_norm(x, ord=np.inf))(x)
    np.testing.assert_allclose(found, [0.5 * (0.6 - 0.8j), -0.5, 0.0])


# SciPy's names

MATRIX = np.array([[4.0, 1.0, 0.5], [0.3, 3.0, -0.2], [-0.7, 0.4, 2.0]])
SCIPY = {
    "solve": lambda x: linalg.solve(x, MATRIX[0]),
    "solve, transposed": lambda x: linalg.solve(x, MATRIX, transposed=True, check_finite=False),
    "solve, symmetric": lambda x: linalg.solve(x, MATRIX, assume_a="sym", lower=True),
    "solve, positive": lambda x: linalg.solve(x @ x.T, MATRIX[0], assume_a="pos"),
    "inv": lambda x: linalg.inv(x, overwrite_a=False),
    "det": linalg.det,
    "pinv": lambda x: linalg.pinv(x[:, :2]),
    "norm": lambda x: linalg.norm(x, "fro"),
    "expm": linalg.expm,
    "logm": linalg.logm,
    "sqrtm": linalg.sqrtm,
    "solve_sylvester": lambda x: linalg.solve_sylvester(x, x.T, MATRIX),
    "solve_continuous_lyapunov": lambda x: linalg.solve_continuous_lyapunov(x, MATRIX),
    "solve_triangular": lambda x: linalg.solve_triangular(x, MATRIX[0], lower=True),
    "cholesky": lambda x: linalg.cholesky(x),
    "cholesky, lower": lambda x: linalg.cholesky(x, lower=True),
    "cho_solve": lambda x: linalg.cho_solve(linalg.cho_factor(x @ x.T), MATRIX[1]),
    "cho_solve, lower": lambda x: linalg.cho_solve(linalg.cho_factor(x @ x.T, lower=True), MATRIX),
    "eigh": lambda x: linalg.eigh(x + x.T)[0],
    "eigh, values only": lambda x: linalg.eigh(x + x.T, lower=False, eigvals_only=True),
    "eigvalsh": lambda x: linalg.eigvalsh(x + x.T),
    "svd": lambda x: linalg.svd(x, full_matrices=False)[1],
    "svd, values only": lambda x: linalg.svd(x, compute_uv=False),
    "svdvals": linalg.svdvals,
    "block_diag": lambda x: linalg.block_diag(x, MATRIX[0], x[:, :1]),
    "toeplitz": lambda x: linalg.toeplitz(x[0]),
    "toeplitz, row": lambda x: linalg.toeplitz(x[0], x[:, 1]),
    "circulant": lambda x: linalg.circulant(x[1]),
}


@pytest.mark.parametrize("f", SCIPY.values(), ids=SCIPY)
def test_scipys_functions_under_their_own_names(f):
    out = f(Value(MATRIX))
    assert isinstance(out, Value)
    assert not isinstance(f(MATRIX), Value)
    np.testing.assert_allclose(out.data, f(MATRIX), rtol=1e-10, atol=1e-12)
    gradients_agree(lambda x: f(x) ** 2, MATRIX, rtol=1e-5)


def test_plain_arrays_get_scipys_result_to_the_last_bit():
    np.testing.assert_array_equal(linalg.expm(MATRIX), scipy_linalg.expm(MATRIX))
    np.testing.assert_array_equal(linalg.lu(MATRIX)[2], scipy_linalg.lu(MATRIX)[2])
    assert linalg.LinAlgError is np.linalg.LinAlgError
    assert "schur" in dir(linalg)


def test_scipys_functions_without_a_rule_refuse_a_value():
    for name in ("lu", "schur", "funm", "qr"):
        with pytest.raises(NotDifferentiableError, match=re.escape(f"scipy.linalg.{name} has no derivative rule")):
            getattr(linalg, name)(Value(MATRIX))
    with pytest.raises(AttributeError):
        linalg.no_such_name  # noqa: B018


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda x: linalg.solve(x, x, assume_a="banded"), ArgumentError, "assume_a='banded'"),
        (lambda x: linalg.eigh(x, x), ArgumentError, "no option b"),
        (lambda x: linalg.pinv(x, return_rank=True), ArgumentError, "return_rank"),
        (lambda x: linalg.block_diag(np.ones((1, 2, 2)), x), ShapeError, "(1, 2, 2)"),
        (lambda x: linalg.toeplitz(x), ShapeError, "vectors"),
    ],
)
def test_options_without_derivative_are_refused(call, error, match):
    with pytest.raises(error, match=re.escape(match)):
        call(Value(MATRIX))


@pytest.mark.parametrize("name", ["expm", "logm", "sqrtm", "solve_sylvester", "solve_triangular"])
def test_the_rows_of_the_ops_that_need_scipy(name, rng):
    op = registry[name]
    for row in op.samples:
        operands = row.arrays(rng)
        table.forward(op, operands, row.options)
        table.vjp(op, operands, row.options)
        table.second(op, operands, row.options, rng)
        table.float32(op, operands, row.options)
        if row.complex:
            table.complex_vjp(op, operands, row.options, rng)
    for row in op.points:
        table.point(op, row)


def test_mt_is_matrix_transpose():
    x = Value(np.arange(12.0).reshape(2, 3, 2))
    assert np.array_equal(x.mT.data, x.data.mT)
    np.sum(x.mT[..., 0] * 2.0).backward()
    assert x.grad[0].tolist() == [[2.0, 2.0], [0.0, 0.0], [0.0, 0.0]]


def test_scipys_arguments_by_place():
    m = np.array([[4.0, 2.0], [2.0, 5.0]])
    v = Value(m)
    for f in (
        lambda a: linalg.inv(a, False, True),
        lambda a: linalg.det(a, False, True),
        lambda a: linalg.svdvals(a, False),
        lambda a: linalg.cholesky(a, True, False, False),
        lambda a: linalg.solve(a, m, False, False, False, True),
        lambda a: linalg.solve_triangular(a, m, 0, True, False, False, True),
        lambda a: linalg.norm(a, "fro", None, False, True),
    ):
        np.testing.assert_allclose(f(v).data, f(m), rtol=1e-12)
    with pytest.raises(ArgumentError, match="unexpected keyword argument 'wrong'"):
        linalg.inv(v, wrong=1)


def test_dtypes_are_those_of_numpy_and_scipy(rng):
    a, b = rng.normal(size=(4, 2)), rng.normal(size=4)
    for x, y in ((np.float32(a), b), (a, np.float32(b)), (np.float32(a), np.float32(b))):
        found, expected = np.linalg.lstsq(Value(x), y), np.linalg.lstsq(x, y)
        assert [part.dtype for part in found] == [part.dtype for part in expected]
    for f in (linalg.det, linalg.logm):
        v = Value(np.float32(np.eye(2) * 2.0))
        out = f(v)
        assert out.dtype == np.float64
        np.sum(out).backward()
        assert v.grad.dtype == np.float32
    assert np.linspace(0, Value(np.float32(3.0)), 3).dtype == np.float32
