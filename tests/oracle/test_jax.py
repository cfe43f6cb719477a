"""Values, gradients and Hessians equal JAX's, in float64.

A program is written once and given `np` and `nn`: NumPy and our ops, or jax.numpy and jax.nn.
"""

import math

import numpy as np
import pytest

import autograd
from autograd import ops

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp, jnn = jax.numpy, jax.nn
pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]
QUICKLY = {"xla_backend_optimization_level": 0}  # most of the time here is compiling
TOLERANCE = 1e-10  # relative to the largest entry; both compute in float64


def array(*shape, seed=0, low=-1.5, high=1.5):
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape)


LABELS = np.array([0, 2, 1, 2])
MASK = np.array([[True, False, True], [False, True, True], [True, True, False], [False, False, True]])
X = array(4, 3)
W = array(3, 3, seed=1)

# name → (f(lib, x), x); a smooth number of an array, so that the Hessian exists too
PROGRAMS = {
    "a chain of scalars": (lambda np, nn, x: np.sin(np.exp(np.tanh(x) * 0.5) / (1.0 + x * x)) ** 3, 0.7),
    "a scalar used often": (lambda np, nn, x: x * x + x / (x + 3.0) - x**-2 + 2.0**x - (1.0 - x) * x, 1.3),
    "hyperbolic": (lambda np, nn, x: np.sum(np.arctanh(0.5 * np.sin(x)) * np.cosh(x) - np.arcsinh(np.sinh(x))), X),
    "trigonometric": (
        lambda np, nn, x: np.sum(np.arctan2(np.cos(x), 2.0 + x) + np.arcsin(0.3 * x) * np.tan(0.5 * x)),
        X,
    ),
    "logarithms and roots": (
        lambda np, nn, x: np.sum(np.log1p(x**2) * np.sqrt(2.0 + x) + np.log(3.0 + x) * np.cbrt(x + 2.0)),
        X,
    ),
    "expm1, exp2, log2, hypot": (
        lambda np, nn, x: np.sum(np.expm1(x) * np.exp2(x) + np.log2(3.0 + x) - np.hypot(x, 1.0)),
        X,
    ),
    "a multilayer perceptron": (
        lambda np, nn, w: np.mean((np.tanh(np.tanh(X @ w[0:3] + w[3]) @ w[4:7] + w[7]) @ w[8]) ** 2),
        array(9, 3),
    ),
    "relu and its kin, away from kinks": (
        lambda np, nn, x: np.sum(nn.relu(x) * nn.elu(x) + nn.leaky_relu(x, 0.1) ** 2 + nn.silu(x) * nn.softplus(x)),
        X,
    ),
    "gelu": (lambda np, nn, x: np.sum(nn.gelu(x, False) if nn is jnn else nn.gelu(x)), X),
    "gelu by tanh": (lambda np, nn, x: np.sum(nn.gelu(x, True) if nn is jnn else nn.gelu(x, "tanh")), X),
    "softmax regression": (
        lambda np, nn, w: -np.mean(np.take_along_axis(nn.log_softmax(X @ w, axis=-1), LABELS[:, None], axis=1)),
        W,
    ),
    "softmax": (lambda np, nn, x: np.sum(nn.softmax(x, axis=0) ** 2 * X), X + 0.1),
    "logsumexp": (lambda np, nn, x: np.sum((nn.logsumexp(x, axis=1)) ** 2), X),
    "binary cross-entropy": (
        lambda np, nn, x: np.mean(np.logaddexp(0.0, x) - MASK * x) + np.sum(nn.sigmoid(x) ** 2),
        X,
    ),
    "Euclidean norms": (lambda np, nn, x: np.linalg.norm(x) + np.sum(np.linalg.norm(x, axis=1) ** 3), X),
    "layer norm": (
        lambda np, nn, x: np.sum(
            ((x - np.mean(x, axis=1, keepdims=True)) / np.sqrt(np.var(x, axis=1, keepdims=True) + 1e-3)) ** 3
        ),
        X,
    ),
    "standard deviation": (
        lambda np, nn, x: np.sum(np.std(x, axis=0, ddof=1) ** 2 * np.arange(1.0, 4.0)) + np.std(x),
        X,
    ),
    "products": (lambda np, nn, x: np.prod(x[0]) * np.sum(np.prod(x, axis=0)), X),
    "a product with a zero": (lambda np, nn, x: np.prod(x * np.array([1.0, 0.0, 2.0])), X[0]),
    "extremes": (lambda np, nn, x: np.sum(np.max(x, axis=1) ** 2 * np.min(x, axis=1)), X),
    "maximum, minimum, clip, abs": (
        lambda np, nn, x: np.sum(np.maximum(x, 0.2) * np.minimum(x, W[0]) + np.clip(x, -1.0, 0.9) ** 2 * np.abs(x)),
        X,
    ),
    "where": (lambda np, nn, x: np.sum(np.where(MASK, np.exp(x), x**3)), X),
    "running sums": (lambda np, nn, x: np.sum(np.cumsum(x, axis=1) ** 3) + np.cumsum(x)[-2] ** 2, X),
    "einsum": (lambda np, nn, x: np.sum(np.einsum("ij,jk,ik->i", x, W, x) ** 2), X),
    "einsum with a trace": (lambda np, nn, x: np.einsum("ii", x @ x) * np.einsum("ij->", x * x), W),
    "matrix products": (lambda np, nn, x: np.sum((x @ W @ x.T) ** 2) + np.dot(x[0], x[1]) * np.vdot(x, x), X),
    "a batch of matrices": (lambda np, nn, x: np.sum(np.matmul(np.stack([x, x**2]), W) ** 2), X),
    "tensordot and outer": (lambda np, nn, x: np.tensordot(x, x * X, axes=2) * np.sum(np.outer(x[0], x[:, 1]) ** 2), X),
    "indexing": (
        lambda np, nn, x: np.sum(x[1:, ::-1] ** 2 * x[:-1]) * np.sum(x[np.array([0, 0, 3]), np.array([2, 2, 1])] ** 3),
        X,
    ),
    "masks and take": (
        lambda np, nn, x: np.sum(x[MASK] ** 3) + np.sum(np.take(x, np.array([1, 1, 0]), axis=1) ** 2),
        X,
    ),
    "broadcasting": (lambda np, nn, x: np.sum((x[:, None, :] - x[None, :, :]) ** 2 * np.exp(x[:, :1, None])), X),
    "pairwise kernel": (lambda np, nn, x: np.sum(np.exp(-np.sum((x[:, None] - x[None]) ** 2, axis=-1))), X),
    "reshaping": (
        lambda np, nn, x: np.sum(
            np.swapaxes(np.reshape(x.T, (3, 2, 2)), 0, 2)[..., 1] ** 2 * np.moveaxis(x, 0, 1)[:2, :2]
        ),
        X,
    ),
    "joining and cutting": (
        lambda np, nn, x: (
            np.sum(np.concatenate([x, x[:1] ** 2]) ** 2) * np.sum(np.split(x, 2)[1] ** 3)
            + np.sum(np.hstack([x[0], x[:, 0]]) ** 3)
        ),
        X,
    ),
    "padding, rolling, repeating": (
        lambda np, nn, x: (
            np.sum(np.pad(x, ((1, 0), (0, 2)), mode="edge") ** 3)
            + np.sum(np.roll(x, 1, axis=0) * np.flip(x) * np.tile(x[:1], (4, 1)))
        ),
        X,
    ),
    "triangles and diagonals": (
        lambda np, nn, x: np.sum(np.tril(x) @ np.triu(x) * x) + np.trace(x) ** 3 + np.sum(np.diagonal(x) ** 2),
        W,
    ),
    "attention": (
        lambda np, nn, x: np.sum((nn.softmax(x @ W @ x.T / math.sqrt(3.0), axis=-1) @ x) ** 2),
        X,
    ),
    "a recurrence": (lambda np, nn, x: recurrence(np, nn, x), X),
}


def recurrence(np, nn, x):
    h = np.zeros(3)
    for row in range(4):
        h = np.tanh(x[row] + W @ h)
    return np.sum(h**2)


def same(found, expected, what=""):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == np.float64
    scale = np.max(np.abs(expected), initial=1e-3)
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * scale, err_msg=what)


@pytest.mark.parametrize(("f", "x"), PROGRAMS.values(), ids=PROGRAMS)
def test_value_gradient_and_hessian_equal_jaxs(f, x):
    ours, theirs = (lambda x: f(np, ops, x)), (lambda x: f(jnp, jnn, x))
    given = x if isinstance(x, float) else jnp.asarray(x)
    value, slope = autograd.value_and_grad(ours)(x)
    everything = jax.jit(lambda x: (theirs(x), jax.grad(theirs)(x), jax.hessian(theirs)(x)), compiler_options=QUICKLY)
    expected, expected_slope, expected_hessian = everything(given)
    same(value, expected, "value")
    same(slope, expected_slope, "gradient")
    same(autograd.hessian(ours)(x), expected_hessian, "Hessian")
    t = np.cos(np.arange(np.size(x), dtype=float)).reshape(np.shape(x))[()]
    same(autograd.jvp(ours, (x,), (t,))[1], np.sum(np.asarray(expected_slope) * t), "forward mode")
