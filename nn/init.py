"""Where weights start: random, and just as large as the signal needs.

A neuron sums fan_in weighted inputs. If the inputs have variance 1 and the weights variance 1 / fan_in, the sum has
variance 1 too; an activation f then changes it by a known factor, so the next weights are scaled by

    gain(f) = 1 / √E[f(z)²],  z ~ N(0, 1),

and the signal keeps its size from layer to layer (through any number of them where that size is a stable fixed point, as
for relu and tanh; a deep stack of silu or gelu layers drifts). Equal starts (`zeros`, `constant`) are here to show why
randomness is needed: neurons that start equal get equal gradients and stay equal.

Every function takes shape (fan_out, fan_in, *kernel) and an explicit `rng`, the only source of randomness.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autograd.context import no_grad
from autograd.errors import ArgumentError
from autograd.value import Value
from nn.checks import function
from nn.randomness import Rng, generator, streams

__all__ = [
    "Rng", "constant", "fans", "gain", "generator", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "lecun_normal", "lecun_uniform", "lsuv", "normal_quadrature", "orthogonal", "streams", "variance_scaling", "zeros",
]  # fmt: skip

Shape = Sequence[int]
_TRUNCATED_STD = 0.87962566103423978  # std of a standard normal cut off at ±2


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (fan_out, fan_in, *kernel); a kernel multiplies both."""
    if len(shape) < 2:
        raise ArgumentError(f"a weight has shape (fan_out, fan_in, *kernel), got {tuple(shape)}")
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def gain(activation: Callable[..., Any] | None) -> float:
    """1 / √E[f(z)²] for z ~ N(0, 1), by quadrature: the factor that keeps a signal's size through f. 1 for None.

    √2 for relu, 1.5925 for tanh (PyTorch uses 5/3 there, a choice made by experiment). Raises ArgumentError if f(z) is
    not finite or always 0.

    Source: He et al. 2015, arXiv 1502.01852, eq. 10, for relu; the general form is Klambauer et al. 2017's condition.
    """
    if (activation := function(activation)) is None:
        return 1.0
    z, weights = normal_quadrature()
    with no_grad():  # as a column, so that a softmax, which looks at the whole last axis, sees one number at a time
        out: Any = activation(Value(z[:, None]))
    total = float(weights @ np.asarray(out.data if isinstance(out, Value) else out)[:, 0] ** 2)
    if not (math.isfinite(total) and total > 0.0):
        raise ArgumentError(f"gain: E[f(z)²] of {getattr(activation, '__name__', activation)} is {total}")
    return 1.0 / math.sqrt(total)


@functools.cache
def normal_quadrature() -> tuple[NDArray[Any], NDArray[Any]]:
    """Points z and weights w with Σ w f(z) = E[f(z)], z ~ N(0, 1); most activations have their kink at 0 or ±1."""
    nodes, weights = np.polynomial.legendre.leggauss(96)
    ends = np.array([-12.0, -1.0, 0.0, 1.0, 12.0])
    half, middle = 0.5 * np.diff(ends), 0.5 * (ends[1:] + ends[:-1])
    z = np.ravel(half[:, None] * nodes + middle[:, None])
    return z, np.ravel(half[:, None] * weights) * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def variance_scaling(
    shape: Shape,
    *,
    rng: Rng,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "normal",
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    """Weights of mean 0 and variance scale / n, where n is fan_in, fan_out or their mean (mode "fan_avg").

    distribution  "normal", "uniform", or "truncated" (normal, cut off at two standard deviations)
    Raises ArgumentError for another mode or distribution, and if n is 0.
    Source: TensorFlow's and JAX's VarianceScaling; it contains the schemes below.
    """
    fan_in, fan_out = fans(shape)
    sizes = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    if mode not in sizes:
        raise ArgumentError(f"mode={mode!r}: it is fan_in, fan_out or fan_avg")
    if sizes[mode] == 0:
        raise ArgumentError(f"variance_scaling: {mode} of shape {tuple(shape)} is 0")
    rng, std = generator(rng), math.sqrt(scale / sizes[mode])
    if distribution == "normal":
        weights = rng.normal(0.0, std, shape)
    elif distribution == "uniform":
        weights = rng.uniform(-math.sqrt(3.0) * std, math.sqrt(3.0) * std, shape)
    elif distribution == "truncated":
        weights = rng.normal(size=shape)
        while (outside := np.abs(weights) > 2.0).any():
            weights[outside] = rng.normal(size=int(outside.sum()))
        weights *= std / _TRUNCATED_STD
    else:
        raise ArgumentError(f"distribution={distribution!r}: it is normal, uniform or truncated")
    return weights.astype(dtype)


def glorot_uniform(shape: Shape, *, rng: Rng, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Uniform with variance 2 / (fan_in + fan_out). Source: Glorot and Bengio 2010, eq. 16."""
    return variance_scaling(shape, rng=rng, mode="fan_avg", distribution="uniform", dtype=dtype)


def glorot_normal(shape: Shape, *, rng: Rng, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Normal with variance 2 / (fan_in + fan_out). Source: Glorot and Bengio 2010, eq. 12."""
    return variance_scaling(shape, rng=rng, mode="fan_avg", dtype=dtype)


def he_normal(shape: Shape, *, rng: Rng, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Weights ~ N(0, 2 / fan_in): keeps the variance of a signal through ReLU layers.

    Source: He et al. 2015, arXiv 1502.01852, eq. 10.
    """
    return variance_scaling(shape, rng=rng, scale=2.0, dtype=dtype)


def he_uniform(shape: Shape, *, rng: Rng, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Uniform with variance 2 / fan_in. Source: He et al. 2015, arXiv 1502.01852, eq. 10."""
    return variance_scaling(shape, rng=rng, scale=2.0, distribution="uniform", dtype=dtype)


def lecun_normal(shape: Shape, *, rng: Rng, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Normal with variance 1 / fan_in. Source: LeCun et al. 1998, Efficient BackProp, eq. 16."""
    return variance_scaling(shape, rng=rng, dtype=dtype)


def lecun_uniform(shape: Shape, *, rng: Rng, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Uniform with variance 1 / fan_in. Source: LeCun et al. 1998, Efficient BackProp, eq. 16."""
    return variance_scaling(shape, rng=rng, distribution="uniform", dtype=dtype)


def orthogonal(shape: Shape, *, rng: Rng, scale: float = 1.0, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """A random matrix with orthonormal rows or columns (the fewer ones), times scale; a kernel is flattened.

    Source: Saxe et al. 2014, arXiv 1312.6120; QR of a normal matrix, with the signs that make it uniform (Mezzadri 2007).
    """
    if len(shape) < 2:
        raise ArgumentError(f"a weight has shape (fan_out, fan_in, *kernel), got {tuple(shape)}")
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(generator(rng).normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diagonal(r))
    weights: NDArray[Any] = scale * (q if rows >= columns else q.T)
    return weights.reshape(shape).astype(dtype)


def zeros(shape: Shape, *, rng: Rng = None, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """All zeros: right for biases; as weights, every neuron of a layer stays the same as its neighbours."""
    return np.zeros(shape, dtype)


def constant(shape: Shape, value: float, *, rng: Rng = None, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """All equal to value; as weights, a start that keeps the neurons of a layer equal for ever."""
    return np.full(shape, value, dtype)


def lsuv(model: Any, X: Any, **options: Any) -> Any:
    """Orthogonal weights, each matrix scaled until its sums have variance 1 on X: nn.lsuv.lsuv(model, X, **options)."""
    return importlib.import_module("nn.lsuv").lsuv(model, X, **options)
