"""Hessians and their spectra equal JAX's in float64: dense layers, a convolution, attention; ridge is scikit-learn's."""

import numpy as np
import pytest

import nn
from nn import lens
from nn.lens.curvature import Curvature
from nn.lens.sweep import _least_squares

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp, jnn = jax.numpy, jax.nn
pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]
QUICKLY = {"xla_backend_optimization_level": 0}  # most of the time here is compiling
RNG = np.random.default_rng(0)


def dense(p, x):
    h = jnp.tanh(x @ p["layers.0.weight"].T + p["layers.0.bias"])
    h = jnp.tanh(h @ p["layers.1.weight"].T + p["layers.1.bias"])
    return h @ p["layers.2.weight"].T + p["layers.2.bias"]


def convolution(p, x):
    dimensions = ("NCHW", "OIHW", "NCHW")
    h = jax.lax.conv_general_dilated(x, p["0.weight"], (1, 1), "VALID", dimension_numbers=dimensions)
    h = jnp.tanh(h + p["0.bias"][:, None, None]).reshape(len(x), -1)
    return h @ p["3.weight"].T + p["3.bias"]


def attention(p, x):
    """Two heads of three, then a layer to the classes: softmax(q kᵀ / √3) v."""
    q, k, v = jnp.split(x @ p["0.in_proj_weight"].T + p["0.in_proj_bias"], 3, -1)
    heads = lambda a: a.reshape(*a.shape[:2], 2, 3).transpose(0, 2, 1, 3)
    weights = jnn.softmax(heads(q) @ heads(k).transpose(0, 1, 3, 2) / np.sqrt(3.0), -1)
    out = (weights @ heads(v)).transpose(0, 2, 1, 3).reshape(x.shape)
    return (out @ p["0.out_proj.weight"].T + p["0.out_proj.bias"]) @ p["1.weight"].T + p["1.bias"]


class Attending(nn.Sequential):
    """Self-attention: the same input three times."""

    def forward(self, x):
        return self.layers[1](self.layers[0](x, x, x)[0])


CASES = {
    "dense": (lambda: nn.MLP(5, [12, 10, 4], np.tanh), dense, RNG.normal(size=(30, 5)), RNG.integers(0, 4, 30)),
    "convolution": (
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3), np.tanh, nn.Flatten(), nn.Linear(36, 4)), convolution,
        RNG.normal(size=(20, 2, 5, 5)), RNG.integers(0, 4, 20),
    ),
    "attention": (
        lambda: Attending(nn.MultiheadAttention(6, 2), nn.Linear(6, 4)), attention,
        RNG.normal(size=(8, 5, 6)), RNG.integers(0, 4, (8, 5)),
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def case(request, float64):
    """(model, X, y, JAX's Hessian) with all weights N(0, 0.7²)."""
    make, theirs, x, y = CASES[request.param]
    model = make().astype(np.float64)
    for path, p in model.named_parameters():
        p.data = np.random.default_rng(len(path)).normal(0.0, 0.7, p.shape)
    shapes = {path: p.shape for path, p in model.named_parameters()}
    cuts = np.cumsum([p.size for p in model.parameters()])[:-1]

    def loss(flat):
        pieces = jnp.split(flat, cuts)
        p = {path: piece.reshape(shape) for (path, shape), piece in zip(shapes.items(), pieces, strict=True)}
        logs = jnn.log_softmax(theirs(p, x))
        return -jnp.mean(jnp.take_along_axis(logs, y[..., None], -1))

    flat = np.concatenate([p.data.ravel() for p in model.parameters()])
    return model, x, y, np.asarray(jax.jit(jax.hessian(loss), compiler_options=QUICKLY)(flat))


def test_the_hessian_written_out(case):
    model, x, y, H = case
    np.testing.assert_allclose(Curvature(model, x, y).dense(), H, rtol=0, atol=1e-12 * np.abs(H).max())


def test_both_ends_by_lanczos(case):
    """Run until all have converged; in batches, so that these are weighted rightly too."""
    model, x, y, H = case
    values = np.linalg.eigvalsh(H)
    found = lens.spectrum(model, x, y, exact=0, steps=len(H), batch_size=16, rng=0)
    assert not found.exact
    np.testing.assert_allclose(found.top, values[::-1][:5], rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.bottom, values[:5], rtol=0, atol=1e-8)


def test_sums_lie_within_their_standard_errors(case):
    """Trace and Σ λ² over eight seeds, in units of the error: t of 7 degrees exceeds five with p < 0.002, and the mean of
    eight squares, which has mean 1.4 and deviation 1, five with p < 0.01."""
    model, x, y, H = case
    for f, truth in ((lambda v: v, np.trace(H)), (np.square, np.sum(H * H))):
        runs = [lens.spectrum(model, x, y, exact=0, rng=seed, probe_steps=10).total(f) for seed in range(8)]
        far = np.array([(value - truth) / error for value, error in runs])
        assert np.abs(far).max() < 5.0
        assert np.mean(far**2) < 5.0
        assert all(error < 0.2 * np.sqrt(np.sum(H * H)) * np.sqrt(len(H)) for _, error in runs)


def test_all_sums_of_a_small_model_are_exact(case):
    model, x, y, H = case
    found = lens.spectrum(model, x, y, exact=10_000)
    values = np.linalg.eigvalsh(H)
    assert found.trace == (pytest.approx(np.trace(H), abs=1e-10), 0.0)
    positive = values.clip(min=0.0)
    assert found.effective_parameters(0.01)[0] == pytest.approx(np.sum(positive / (positive + 0.01)), rel=1e-8)


@pytest.mark.parametrize("width", [20, 90])
def test_ridge_is_that_of_scikit_learn(width):
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    features, wanted = RNG.normal(size=(50, width)), RNG.normal(size=(50, 3))
    theirs = linear.Ridge(alpha=0.7, fit_intercept=False, solver="svd").fit(features, wanted).coef_
    np.testing.assert_allclose(_least_squares(features, wanted, 0.7), theirs.T, rtol=0, atol=1e-12)
