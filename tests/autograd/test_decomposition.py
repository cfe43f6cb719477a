"""Decompositions where values repeat or vanish, and what the op table cannot say: fields, refusals, phases."""

import numpy as np
import pytest

from autograd import Value, grad, hessian, jvp, ops
from autograd.errors import NotDifferentiableError

RNG = np.random.default_rng(20)
ROTATION = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
TWICE = ROTATION @ np.diag([1.0, 2.0, 2.0, 5.0]) @ ROTATION.T  # an eigenvalue 2 that is repeated
TWICE_APART = 2.0 * ROTATION @ np.diag([1.0, 3.0, 3.0, 5.0]) @ np.linalg.qr(RNG.normal(size=(4, 4)))[0]
W = RNG.normal(size=(4, 4))
W = W + W.T
DIRECTION = RNG.normal(size=(4, 4))


def along(f, x, t, h=1e-5):
    return (f(x + h * t) - f(x - h * t)) / (2.0 * h)


def agrees(f, x, t=DIRECTION, symmetric=True):
    """grad(f) is what differences of f say, in a symmetric direction."""
    t = t + t.T if symmetric else t
    np.testing.assert_allclose(np.sum(grad(f)(x) * t), along(f, x, t), rtol=1e-6, atol=1e-8)


def test_results_have_the_fields_of_numpys():
    v = Value(TWICE)
    assert (np.linalg.eigh(v)._fields, np.linalg.eig(v)._fields) == (("eigenvalues", "eigenvectors"),) * 2
    assert np.linalg.svd(v)._fields == ("U", "S", "Vh")
    assert np.linalg.qr(v)._fields == ("Q", "R")
    assert type(np.linalg.svd(v)) is type(np.linalg.svd(TWICE))
    assert isinstance(np.linalg.qr(v, mode="r"), Value)


# repeated eigenvalues


@pytest.mark.parametrize("function", [np.exp, np.log, np.sqrt, lambda w: w**3])
def test_a_sum_over_repeated_eigenvalues(function):
    agrees(lambda x: np.sum(function(np.linalg.eigvalsh(x))), TWICE)
    agrees(lambda x: np.sum(function(np.linalg.eigh(x)[0])), np.eye(4))


def trace_of_function(x):
    w, v = np.linalg.eigh(x)
    return np.trace(v * np.exp(w) @ v.T)


def test_the_trace_of_a_matrix_function():
    agrees(trace_of_function, TWICE)
    agrees(trace_of_function, np.eye(4))


def projection(x):
    """Of a matrix with eigenvalues near 1, 2, 2, 5: the projection to the space of 2, weighted."""
    v = np.linalg.eigh(x).eigenvectors[:, 1:3]
    return np.sum(W * (v @ v.T))


def test_the_projection_to_the_space_of_a_repeated_eigenvalue():
    agrees(projection, TWICE)


def test_eigenvectors_of_other_eigenvalues():
    agrees(lambda x: np.sum(np.linalg.eigh(x).eigenvectors[:, 3] ** 2 * W[0]), TWICE)


def test_eigenvalues_that_tie_share_equally():
    np.testing.assert_allclose(grad(lambda x: np.linalg.eigvalsh(x)[-1])(np.eye(2)), 0.5 * np.eye(2))
    np.testing.assert_allclose(grad(lambda x: np.linalg.eigvals(x)[0])(np.eye(2)), 0.5 * np.eye(2))


@pytest.mark.parametrize(
    "f",
    [
        lambda w, v: np.sum(v * W),
        lambda w, v: v[0, 1] ** 2 + w[0],
        lambda w, v: np.sum(W * (v * np.exp(w) @ v.T)),
        lambda w, v: np.sum(v[:, 1:3] @ np.diag([1.0, 2.0]) @ v[:, 1:3].T * W),
    ],
    ids=["vectors", "one vector", "a matrix function", "a weighted projection"],
)
def test_what_needs_the_vectors_of_a_repeated_eigenvalue_is_refused(f):
    with pytest.raises(NotDifferentiableError, match="eigh: the vectors of a repeated eigenvalue may be any basis"):
        grad(lambda x: f(*np.linalg.eigh(x)))(TWICE)


def test_eig_refuses_vectors_of_a_repeated_eigenvalue_and_defective_matrices():
    with pytest.raises(NotDifferentiableError, match="eig: the vectors of a repeated eigenvalue may be any basis"):
        grad(lambda x: np.sum(np.real(np.linalg.eig(x).eigenvectors) * W))(np.eye(4))
    with pytest.raises(NotDifferentiableError, match="eig: the matrix is defective"):
        grad(lambda x: np.sum(np.linalg.eigvals(x)))(np.array([[1.0, 1.0], [0.0, 1.0]]))


def test_tangents_of_vectors_without_derivative_are_nan_and_others_are_numbers():
    t = DIRECTION + DIRECTION.T
    _, (w, v) = jvp(lambda x: tuple(np.linalg.eigh(x)), (TWICE,), (t,))
    assert np.isfinite(w).all()
    assert np.isnan(v).all(axis=0).tolist() == [False, True, True, False]
    np.testing.assert_allclose(v[:, 3], along(lambda x: np.linalg.eigh(x)[1][:, 3], TWICE, t), rtol=1e-6, atol=1e-8)
    _, (w, v) = jvp(lambda x: tuple(np.linalg.eig(x)), (np.eye(4),), (DIRECTION,))
    assert np.isfinite(w).all()
    assert np.isnan(v).all()


# repeated and vanishing singular values


def polar(x):
    u, _, vh = np.linalg.svd(x)
    return np.sum(W * (u @ vh))


def test_repeated_singular_values():
    agrees(lambda x: np.sum(np.linalg.svdvals(x) ** 3), TWICE_APART, symmetric=False)
    agrees(polar, TWICE_APART, symmetric=False)
    agrees(polar, ROTATION, symmetric=False)
    agrees(lambda x: np.sum(np.linalg.svd(x)[0][:, 0] ** 2 * W[0]), TWICE_APART, symmetric=False)
    with pytest.raises(NotDifferentiableError, match="svd: the vectors of a repeated singular value"):
        grad(lambda x: np.sum(np.linalg.svd(x).U * W))(TWICE_APART)


def rank(r):
    return RNG.normal(size=(4, r)) @ RNG.normal(size=(r, 3))


@pytest.mark.parametrize("r", [0, 1, 2])
def test_the_nuclear_norm_of_a_matrix_without_full_rank(r):
    """Its minimum-norm subgradient is U Vᵀ over the singular values that are not 0."""
    x = rank(r)
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    found = grad(lambda x: np.sum(np.linalg.svd(x, compute_uv=False)))(x)
    np.testing.assert_allclose(found, u[:, :r] @ vh[:r], atol=1e-12)
    agrees(lambda x: np.sum(np.linalg.svdvals(x) ** 2), x, DIRECTION[:, :3], symmetric=False)


def test_a_truncated_svd_of_a_matrix_without_full_rank():
    def truncated(x):
        u, s, vh = np.linalg.svd(x, full_matrices=False)
        return np.sum(W[:, :3] * (u[:, :2] * s[:2] @ vh[:2]))

    agrees(truncated, rank(2), DIRECTION[:, :3], symmetric=False)
    with pytest.raises(NotDifferentiableError, match="or of 0"):
        grad(lambda x: np.sum(np.linalg.svd(x, full_matrices=False).U * W[:, :3]))(rank(2))


def test_columns_that_complete_a_basis():
    x = RNG.normal(size=(4, 2))
    agrees(lambda x: np.sum(np.linalg.svd(x).U[:, :2] ** 2 * W[:, :2]), x, DIRECTION[:, :2], symmetric=False)
    with pytest.raises(
        NotDifferentiableError, match="only complete a basis have no derivative; use full_matrices=False"
    ):
        grad(lambda x: np.sum(np.linalg.svd(x).U * W))(x)
    _, (u, s, _) = jvp(lambda x: tuple(np.linalg.svd(x)), (x,), (DIRECTION[:, :2],))
    assert np.isnan(u).any(axis=0).tolist() == [False, False, True, True]
    assert np.isfinite(s).all()
    np.testing.assert_allclose(u[:, :2], along(lambda x: np.linalg.svd(x)[0][:, :2], x, DIRECTION[:, :2]), rtol=1e-6)


# second order, symmetry, precision


def test_second_derivatives_at_repeated_values():
    np.testing.assert_allclose(
        hessian(lambda x: np.sum(np.linalg.eigvalsh(x)))(TWICE), np.zeros((4, 4, 4, 4)), atol=1e-12
    )
    with pytest.raises(NotDifferentiableError, match="repeated eigenvalue"):
        hessian(lambda x: np.sum(np.exp(np.linalg.eigvalsh(x))))(np.eye(2))


@pytest.mark.parametrize("UPLO", ["L", "U"])
def test_gradients_of_symmetric_matrices_are_symmetric(UPLO):
    x = np.tril(TWICE) if UPLO == "L" else np.triu(TWICE)  # NumPy does not look at the other triangle
    g = grad(lambda x: np.sum(np.exp(np.linalg.eigh(x, UPLO)[0])))(x)
    np.testing.assert_allclose(g, g.T)
    np.testing.assert_allclose(g, grad(lambda x: np.sum(np.exp(np.linalg.eigvalsh(x))))(TWICE))
    upper = UPLO == "U"
    g = grad(lambda x: np.sum(np.sin(np.linalg.cholesky(x, upper=upper))))(x)
    np.testing.assert_allclose(g, g.T)


def test_complex64_stays():
    x = (TWICE + 1j * np.triu(W, 1) - 1j * np.tril(W, -1)).astype(np.complex64)
    for f in (
        lambda x: np.sum(np.abs(np.linalg.cholesky(x @ np.conj(x.T)))),
        lambda x: np.sum(np.abs(np.linalg.eigh(x)[1])),
        lambda x: np.sum(np.abs(np.linalg.eig(x)[1])),
        lambda x: np.sum(np.abs(np.linalg.svd(x)[0])),
        lambda x: np.sum(np.abs(np.linalg.qr(x)[0])),
        lambda x: np.sum(np.abs(np.fft.fft(x))),
        lambda x: np.sum(np.fft.irfft2(x) ** 2),
    ):
        assert grad(f)(x).dtype == np.complex64


def test_frequencies_are_constants():
    v = Value(np.ones(4))
    np.testing.assert_array_equal((v * np.fft.fftfreq(4)).data, np.fft.fftfreq(4))
    assert ops.fftshift(np.arange(3)).tolist() == [2, 0, 1]
