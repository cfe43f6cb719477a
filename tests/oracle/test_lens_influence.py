"""Influence between layers equals jax.jacobian of the same layers, in float64."""

import numpy as np
import pytest

import nn
from autograd import ops
from nn import lens

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy
pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]
X = np.random.default_rng(0).normal(size=(12, 5))
SQUASHES = {"tanh": (np.tanh, jnp.tanh), "relu": (ops.relu, jax.nn.relu), "silu": (ops.silu, jax.nn.silu)}


def theirs(model, activation, start):
    """The model in JAX, from layer `start` on."""
    pairs = [(jnp.asarray(layer.weight.data), jnp.asarray(layer.bias.data)) for layer in model.layers[start:]]

    def run(h, stop):
        for i, (w, b) in enumerate(pairs[:stop]):
            h = w @ h + b
            h = h if start + i == len(model.layers) - 1 else activation(h)
        return h

    return run


@pytest.mark.parametrize("name", SQUASHES)
@pytest.mark.parametrize(
    ("source", "target"), [("input", "layers.0"), ("layers.0", "layers.2"), ("layers.1", "output")]
)
def test_of_an_mlp(name, source, target):
    ours, activation = SQUASHES[name]
    model = nn.MLP(5, [6, 4, 7, 3], ours, rng=1, dtype=np.float64)
    start = 0 if source == "input" else int(source[-1]) + 1
    stop = len(model.layers) if target == "output" else int(target[-1]) + 1
    rows = jnp.asarray(X)
    if start:
        rows = jax.vmap(lambda x: theirs(model, activation, 0)(x, start))(rows)
    each = jax.vmap(jax.jacobian(lambda h: theirs(model, activation, start)(h, stop - start)))(rows)
    found = lens.influence(model, X, source, target)
    np.testing.assert_allclose(found.mean, np.mean(each, axis=0), rtol=0, atol=1e-13)
    np.testing.assert_allclose(found.spread, np.std(each, axis=0), rtol=0, atol=1e-13)


def test_of_convolutions_as_a_change_of_whole_channels():
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, rng=0, dtype=np.float64),
        np.tanh,
        nn.Conv2d(3, 4, 3, padding=1, rng=1, dtype=np.float64),
    )
    images = np.random.default_rng(1).normal(size=(4, 2, 6, 6))
    first, second = (jnp.asarray(model[i].weight.data) for i in (0, 2))

    def run(h):
        h = jax.lax.conv(h[None], first, (1, 1), "SAME") + model[0].bias.data[:, None, None]
        h = jax.lax.conv(jnp.tanh(h), second, (1, 1), "SAME") + model[2].bias.data[:, None, None]
        return h[0].mean((1, 2))

    each = jax.vmap(jax.jacobian(run))(jnp.asarray(images)).sum((3, 4))
    found = lens.influence(model, images, "input", "output")
    np.testing.assert_allclose(found.mean, np.mean(each, axis=0), rtol=0, atol=1e-13)
    np.testing.assert_allclose(found.spread, np.std(each, axis=0), rtol=0, atol=1e-13)
