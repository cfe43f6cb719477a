"""Fourier transforms and decompositions against JAX in float64: cotangents of complex arrays, gradients and Hessians."""

import functools
import zlib

import numpy as np
import pytest

import autograd

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy
pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]
TOLERANCE = 1e-9  # relative to the largest entry; both compute in float64


def array(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).uniform(-1.5, 1.5, shape)


def complex_array(*shape):
    return array(*shape) + 1j * array(*shape, seed=1)


def near(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype.kind == expected.dtype.kind
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * (1.0 + np.max(np.abs(expected), initial=0.0)))


def hermitian(x):
    return x @ np.conj(x.T) + 0.5 * np.eye(len(x))


def by_size(np, w):
    """Eigenvalues in an order of our own: LAPACK's depends on who calls it."""
    return w[np.argsort(np.abs(w) + 1e-3 * np.imag(w))]


X, Z, S, W = array(3, 4), complex_array(3, 4), array(4, 4), array(3, 3)
H, A = hermitian(complex_array(4, 4)), complex_array(4, 4)

# name → (f(np, x), x): its cotangent for a random one of the result, of which the phases of vectors are no part
PULLED = {
    **{
        f"{name} {options}": (lambda np, x, name=name, options=options: getattr(np.fft, name)(x, **options), x)
        for name, x in [("fft", Z), ("ifft", Z), ("fft", X), ("ifft", X), ("rfft", X), ("irfft", Z), ("irfft", X),
                        ("hfft", Z), ("ihfft", X)]
        for options in ({"n": 3}, {"n": 8, "axis": 0, "norm": "forward"}, {"axis": -2, "norm": "ortho"})
    },
    **{
        f"{name} {options}": (lambda np, x, name=name, options=options: getattr(np.fft, name)(x, **options), x)
        for name, x in [("fft2", Z), ("ifft2", Z), ("fft2", X), ("rfft2", X), ("irfft2", Z), ("fftn", Z), ("ifftn", Z),
                        ("rfftn", X), ("irfftn", Z)]
        for options in ({}, {"s": (2, 5), "axes": (-1, 0), "norm": "forward"})
    },
    "fftshift": (lambda np, x: np.fft.fftshift(x, axes=1) + np.fft.ifftshift(x), Z),
    "cholesky": (lambda np, x: np.linalg.cholesky(x), H),
    "cholesky, upper": (lambda np, x: np.linalg.cholesky(x, upper=True), H),
    "cholesky, real": (lambda np, x: np.linalg.cholesky(x), H.real),
    "Q": (lambda np, x: np.linalg.qr(x).Q, complex_array(4, 3)),
    "R": (lambda np, x: np.linalg.qr(x).R, complex_array(4, 3)),
    "R alone": (lambda np, x: np.linalg.qr(x, mode="r"), A),
    "eigenvalues": (lambda np, x: np.linalg.eigh(x)[0], H),
    "eigvalsh": (lambda np, x: np.linalg.eigvalsh(x), H.real),
    "eigenvectors": (lambda np, x: np.abs(np.linalg.eigh(x)[1]), H),
    "a function of a Hermitian matrix": (
        lambda np, x: np.linalg.eigh(x)[1] * np.sin(np.linalg.eigh(x)[0]) @ np.conj(np.linalg.eigh(x)[1].T), H),
    "eigvals": (lambda np, x: by_size(np, np.linalg.eigvals(x)), A),
    "eigvals, real": (lambda np, x: by_size(np, np.linalg.eigvals(x)), S),
    "singular values": (lambda np, x: np.linalg.svdvals(x), Z),
    "singular values, as svd gives them": (lambda np, x: np.linalg.svd(x, compute_uv=False), Z.T),
    "singular vectors": (lambda np, x: np.abs(np.linalg.svd(x, full_matrices=False)[0]), Z),
    "singular vectors on the right": (lambda np, x: np.abs(np.linalg.svd(x, full_matrices=False)[2]), Z.T),
    "the polar factor": (
        lambda np, x: np.linalg.svd(x, full_matrices=False)[0] @ np.linalg.svd(x, full_matrices=False)[2], Z),
}  # fmt: skip


@pytest.mark.parametrize("name", PULLED)
def test_cotangents(name):
    f, x = PULLED[name]
    out, pull = autograd.vjp(lambda x: f(np, x), x)
    expected, expected_pull = jax.vjp(lambda x: f(jnp, x), x)
    near(out, expected)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    g = rng.normal(size=out.shape) + (1j * rng.normal(size=out.shape) if out.dtype.kind == "c" else 0.0)
    near(pull(g)[0], expected_pull(jnp.asarray(g, expected.dtype))[0])


def test_cotangents_of_vectors_with_their_phase():
    """What depends on the phase of complex vectors has no derivative; there the two make the same choice."""
    for f, x in [(lambda np, x: np.linalg.eigh(x), H), (lambda np, x: np.linalg.svd(x, full_matrices=False), Z),
                 (lambda np, x: np.linalg.svd(x, full_matrices=False), A)]:  # fmt: skip
        out, pull = autograd.vjp(functools.partial(f, np), x)
        expected, expected_pull = jax.vjp(functools.partial(f, jnp), x)
        rng = np.random.default_rng(0)
        g = [rng.normal(size=y.shape) + (1j * rng.normal(size=y.shape) if y.dtype.kind == "c" else 0.0) for y in out]
        near(pull(type(out)(*g))[0], expected_pull(type(expected)(*map(jnp.asarray, g)))[0])


# name → (f(np, x), x): a real number, smooth, so that the Hessian exists too
PROGRAMS = {
    "a filter": (
        lambda np, x: np.sum(np.fft.irfft(np.fft.rfft(x, n=5) * np.fft.rfft(x[::-1] ** 2, n=5), n=5) ** 2), X),
    "a power spectrum": (lambda np, x: np.sum(np.log(1.0 + np.abs(np.fft.fft2(x)) ** 2) * array(3, 4, seed=2)), X),
    "n dimensions": (lambda np, x: np.sum(np.real(np.fft.ifftn(np.fft.rfftn(x, norm="ortho") ** 2)) ** 2), X),
    "hermitian transforms": (lambda np, x: np.sum(np.fft.hfft(np.fft.ihfft(x) ** 2, n=4) ** 3), X),
    "cholesky": (lambda np, x: np.sum(np.linalg.cholesky(x @ x.T + np.eye(3)) * W), X),
    "qr": (lambda np, x: np.sum(np.linalg.qr(x)[0] * X.T) + np.sum(np.sin(np.linalg.qr(x)[1])), X.T),
    "eigh": (
        lambda np, x: np.sum(np.linalg.eigh(x @ x.T)[1] ** 2 * W) + np.sum(np.linalg.eigh(x @ x.T)[0] ** 3), X),
    "eigh, complex": (
        lambda np, x: np.sum(np.abs(np.linalg.eigh(x @ x.T + 1j * (x[:, :3] - x[:, :3].T))[1]) * W), X),
    "svd": (
        lambda np, x: np.sum(np.linalg.svd(x, full_matrices=False)[0] ** 2 * W)
        + np.sum(np.linalg.svd(x, full_matrices=False)[2] ** 2 * X)
        + np.sum(np.linalg.svd(x, full_matrices=False)[1] ** 3), X),
    "svd, complex": (
        lambda np, x: np.sum(np.abs(np.linalg.svd(x + 1j * x**2, full_matrices=False)[2]) * X), X),
    "nuclear norm": (lambda np, x: np.sum(np.linalg.svd(x, compute_uv=False)), X.T),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_and_hessians(name):
    f, x = PROGRAMS[name]
    near(autograd.grad(lambda x: f(np, x))(x), jax.grad(lambda x: f(jnp, x))(x))
    near(autograd.hessian(lambda x: f(np, x))(x), jax.hessian(lambda x: f(jnp, x))(x))
