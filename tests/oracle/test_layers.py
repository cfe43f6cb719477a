"""Every layer of layer_table.py equals the same layer written in JAX: values and gradients, in float64.

A layer in JAX is theirs(layer, parameters, *inputs): the sizes and options are read off ours, the numbers are traced.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd import Value

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "nn"))
from layer_case import arguments
from layer_table import CASES
from sequence_cases import CASES as SEQUENCES

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp, jnn = jax.numpy, jax.nn
pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]
QUICKLY = {"xla_backend_optimization_level": 0}  # most of the time here is compiling
ELSEWHERE = {"Dropout", "Dropout2d"}  # these draw numbers of their own: tests/nn/test_layer_formulas.py
ELSEWHERE |= set(SEQUENCES)  # test_sequences.py


def activated(layer, x):
    if layer.activation is None:
        return x
    name = layer.activation.__name__
    return jnn.gelu(x, approximate=False) if name == "gelu" else getattr(jnn, name)(x)


def linear(layer, p, x):
    return x @ p["weight"].T + p.get("bias", 0.0)


def dense(layer, p, x):
    return activated(layer, linear(layer, p, x))


def below(p, path):
    """The parameters below a path, by their paths from there."""
    return {name.removeprefix(f"{path}."): x for name, x in p.items() if name.startswith(f"{path}.")}


def chain(layer, p, x):
    """MLP and Sequential, whose parts are called layers.0 … and 0 …"""
    prefix = "layers." if isinstance(layer, nn.MLP) else ""
    for i, part in enumerate(layer.layers):
        given = getattr(jnp, getattr(part, "__name__", ""), part)
        x = THEIRS[type(part).__name__](part, below(p, f"{prefix}{i}"), x) if isinstance(part, nn.Module) else given(x)
    return x


def residual(layer, p, x):
    around = x if layer.projection is None else linear(None, below(p, "projection"), x)
    return around + THEIRS[type(layer.f).__name__](layer.f, below(p, "f"), x)


def flatten(layer, p, x):
    end = layer.end_dim % x.ndim
    return x.reshape(*x.shape[: layer.start_dim], -1, *x.shape[end + 1 :])


def beside(vector, x):
    """One number for each channel of x."""
    return vector.reshape(1, -1, *(1,) * (x.ndim - 2))


def general_conv(x, w, bias, stride, pads, rates, groups, between=None):
    spatial = "HWD"[: x.ndim - 2]
    out = jax.lax.conv_general_dilated(
        x, w, stride, pads, lhs_dilation=between, rhs_dilation=rates, feature_group_count=groups,
        dimension_numbers=(f"NC{spatial}", f"OI{spatial}", f"NC{spatial}"),
    )  # fmt: skip
    return out if bias is None else out + beside(bias, out)


def conv(layer, p, x):
    pads = layer.padding.upper() if isinstance(layer.padding, str) else [(n, n) for n in layer.padding]
    return general_conv(x, p["weight"], p.get("bias"), layer.stride, pads, layer.dilation, layer.groups)


def conv_transpose(layer, p, x):
    """A convolution of x, with zeros between its elements, and of the weight turned round."""
    g, w = layer.groups, p["weight"]
    w = w.reshape(g, w.shape[0] // g, *w.shape[1:]).swapaxes(1, 2).reshape(layer.out_channels, -1, *w.shape[2:])
    reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    pads = [(r - n, r - n + more) for r, n, more in zip(reach, layer.padding, layer.output_padding, strict=True)]
    w = jnp.flip(w, range(2, w.ndim))
    return general_conv(x, w, p.get("bias"), (1,) * len(reach), pads, layer.dilation, g, layer.stride)


def windows(x, axis, count, kernel, stride, padding, dilation, fill):
    """The windows along an axis: their elements lie on the axis after it."""
    places = np.arange(count)[:, None] * stride + np.arange(kernel) * dilation
    pads = [(0, 0)] * x.ndim
    pads[axis] = (padding, max(padding, places.max() + 1 - padding - x.shape[axis]))
    return jnp.take(jnp.pad(x, pads, constant_values=fill), places, axis=axis)


def counts(layer, x):
    """Number of windows along each spatial axis."""
    return layer(np.zeros(x.shape)).shape[2:]


def max_pool(layer, p, x):
    for i, count in enumerate(counts(layer, x)):
        options = (layer.kernel_size[i], layer.stride[i], layer.padding[i], layer.dilation[i])
        x = jnp.max(windows(x, i + 2, count, *options, -np.inf), axis=i + 3)
    return x


def avg_pool(layer, p, x):
    for i, count in enumerate(counts(layer, x)):
        options = (layer.kernel_size[i], layer.stride[i], layer.padding[i], 1)
        inside = jnp.ones(x.shape[i + 2])
        if layer.count_include_pad:
            inside, options_of_ones = jnp.pad(inside, layer.padding[i], constant_values=1.0), (*options[:2], 0, 1)
        else:
            options_of_ones = options
        shares = jnp.sum(windows(inside, 0, count, *options_of_ones, 0.0), axis=1)
        x = jnp.sum(windows(x, i + 2, count, *options, 0.0), axis=i + 3)
        x = x / shares.reshape(-1, *(1,) * (x.ndim - i - 3))
    return x


def adaptive_avg_pool(layer, p, x):
    for axis, m in enumerate(layer.output_size, 2):
        n = x.shape[axis]
        if m is not None:
            parts = [jnp.take(x, np.arange(i * n // m, -(-(i + 1) * n // m)), axis=axis) for i in range(m)]
            x = jnp.stack([part.mean(axis) for part in parts], axis=axis)
    return x


def adaptive_max_pool(layer, p, x):
    for axis, m in enumerate(layer.output_size, 2):
        n = x.shape[axis]
        if m is not None:
            parts = [jnp.take(x, np.arange(i * n // m, -(-(i + 1) * n // m)), axis=axis) for i in range(m)]
            x = jnp.stack([part.max(axis) for part in parts], axis=axis)
    return x


def batch_norm(layer, p, x):
    axes = (0, *range(2, x.ndim))
    if layer.training or layer.running_mean is None:
        mean, var = x.mean(axes), x.var(axes)
    else:
        mean, var = layer.running_mean, layer.running_var
    out = (x - beside(mean, x)) * jax.lax.rsqrt(beside(var, x) + layer.eps)
    return out * beside(p["weight"], x) + beside(p["bias"], x) if p else out


def layer_norm(layer, p, x):
    axes = tuple(range(x.ndim - len(layer.normalized_shape), x.ndim))
    out = jnn.standardize(x, axis=axes, epsilon=layer.eps)
    return out * p.get("weight", 1.0) + p.get("bias", 0.0)


def group_norm(layer, p, x):
    parts = jnp.split(x, layer.num_groups, axis=1)
    out = jnp.concatenate([jnn.standardize(y, axis=tuple(range(1, x.ndim)), epsilon=layer.eps) for y in parts], axis=1)
    return out * beside(p["weight"], x) + beside(p["bias"], x) if p else out


def rms_norm(layer, p, x):
    axes = tuple(range(x.ndim - len(layer.normalized_shape), x.ndim))
    eps = np.finfo(np.float64).eps if layer.eps is None else layer.eps
    return x * jax.lax.rsqrt(jnp.mean(x**2, axis=axes, keepdims=True) + eps) * p.get("weight", 1.0)


def embedding(layer, p, indices):
    table = p["weight"]
    if layer.padding_idx is not None:
        table = table.at[layer.padding_idx].set(jax.lax.stop_gradient(table[layer.padding_idx]))
    return jnp.take(table, indices, axis=0)


THEIRS = {
    "Neuron": lambda layer, p, x: activated(layer, x @ p["weight"] + p["bias"]),
    "Layer": dense, "Linear": linear, "MLP": chain, "Sequential": chain, "Residual": residual, "Flatten": flatten,
    "Conv1d": conv, "Conv2d": conv, "ConvTranspose1d": conv_transpose, "ConvTranspose2d": conv_transpose,
    "MaxPool1d": max_pool, "MaxPool2d": max_pool, "AvgPool1d": avg_pool, "AvgPool2d": avg_pool,
    "AdaptiveAvgPool1d": adaptive_avg_pool, "AdaptiveAvgPool2d": adaptive_avg_pool,
    "AdaptiveMaxPool1d": adaptive_max_pool, "AdaptiveMaxPool2d": adaptive_max_pool, "BatchNorm1d": batch_norm,
    "BatchNorm2d": batch_norm, "LayerNorm": layer_norm, "GroupNorm": group_norm, "InstanceNorm1d": group_norm,
    "InstanceNorm2d": group_norm, "RMSNorm": rms_norm,
    "Embedding": embedding, "Identity": lambda layer, p, x: x,
}  # fmt: skip


def modes(case):
    """In which of training (True) and evaluation it is compared: not where it draws numbers."""
    if any(case.make(0).named_generators()):
        return [False]
    return [True, False] if case.differs else [True]


ROWS = [(name, i, mode) for name in THEIRS for i, case in enumerate(CASES[name]) for mode in modes(case)]


def test_every_layer_is_here():
    missing = set(CASES) - set(THEIRS) - ELSEWHERE
    assert missing == set(), f"not compared with JAX: {missing}"


@pytest.mark.parametrize(("name", "row", "mode"), ROWS)
def test_values_and_gradients(name, row, mode):
    case = CASES[name][row]
    layer, xs = case.make(0).astype(np.float64), arguments(case, np.float64)
    rng = np.random.default_rng(1)
    for _, p in layer.named_parameters():
        p.data = rng.normal(size=p.shape)
    layer(*xs)  # moves running statistics
    layer.train(mode)
    moving = [x for x in xs if isinstance(x, Value)]
    out = layer(*xs)
    weights = rng.normal(size=out.shape)

    def loss(p, given):
        left = list(given)
        found = THEIRS[name](layer, p, *(left.pop(0) if isinstance(x, Value) else x for x in xs))
        return jnp.sum(jnp.sin(found) * weights), found

    parameters = {path: p.data for path, p in layer.named_parameters()}
    run = jax.jit(jax.grad(loss, (0, 1), has_aux=True), compiler_options=QUICKLY)
    (slopes, more), value = run(parameters, [x.data for x in moving])
    np.sum(np.sin(out) * weights).backward()
    close(out.data, value)
    for path, p in layer.named_parameters():
        close(p.grad, slopes[path])
    for x, slope in zip(moving, more, strict=True):
        close(x.grad, slope)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11 * max(1.0, np.abs(theirs).max(initial=0.0)))


def test_a_layer_used_twice_is_one_set_of_weights_for_sgd():
    """Three steps with momentum on f(f(x)): the gradient is the sum over both uses, and moves the weight once."""
    layer = nn.Linear(3, 3, rng=0, dtype=np.float64)
    model, x = nn.Sequential(layer, np.tanh, layer), np.random.default_rng(0).normal(size=(5, 3))
    weights = {path: p.data for path, p in layer.named_parameters()}
    velocity = {path: np.zeros_like(w) for path, w in weights.items()}
    optimizer = nn.SGD(model, 0.1, momentum=0.9)
    assert model.parameter_count() == 12 and len(optimizer.parameters) == 2

    @jax.jit
    def slope(p):
        return jax.grad(lambda p: jnp.mean(linear(None, p, jnp.tanh(linear(None, p, x))) ** 2))(p)

    for _ in range(3):
        optimizer.zero_grad()
        np.mean(model(x) ** 2).backward()
        optimizer.step()
        gradients = slope(weights)
        velocity = {path: 0.9 * v + gradients[path] for path, v in velocity.items()}
        weights = {path: w - 0.1 * velocity[path] for path, w in weights.items()}
        for path, p in layer.named_parameters():
            np.testing.assert_allclose(p.data, weights[path], rtol=1e-12, atol=1e-14)
