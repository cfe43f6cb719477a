"""Normalisation."""

import numpy as np

from nn.onnx.operators import OnnxError, operator
from nn.onnx.types import astype

__all__ = []


def _per_channel(v, x):
    """One number for each channel, along axis 1 of x."""
    return np.reshape(v, (-1, *(1,) * (np.ndim(x) - 2)))


def _standardized(x, axes, epsilon):
    """(x with mean 0 and variance 1 over the axes, the mean, 1 / its deviation)."""
    mean = np.mean(x, axis=axes, keepdims=True)
    inverse = 1.0 / np.sqrt(np.var(x, axis=axes, keepdims=True) + epsilon)
    return (x - mean) * inverse, mean, inverse


@operator("BatchNormalization", plain=(3, 4))
def batch_norm(
    x, scale, bias, mean, var, *, epsilon=1e-5, momentum=0.9,
    training_mode=0, is_test=1, spatial=1, consumed_inputs=(), outputs,
):  # fmt: skip
    """scale · (x − mean) / √(var + epsilon) + bias; in training mode with the batch's own, and new running statistics."""
    if not spatial:
        raise OnnxError("BatchNormalization with spatial=0 is not supported")
    if training_mode:
        axes = (0, *range(2, np.ndim(x)))
        own, spread = np.mean(x, axis=axes), np.var(x, axis=axes)
        mean, var = mean * momentum + own * (1 - momentum), var * momentum + spread * (1 - momentum)
    else:
        own, spread = mean, var
    factor = scale / np.sqrt(spread + epsilon)
    out = astype((x - _per_channel(own, x)) * _per_channel(factor, x) + _per_channel(bias, x), x.dtype)
    return (out, mean, var)[:outputs] if training_mode else out


@operator("InstanceNormalization")
def instance_norm(x, scale, bias, *, epsilon=1e-5):
    out, _, _ = _standardized(x, tuple(range(2, np.ndim(x))), epsilon)
    return out * _per_channel(scale, x) + _per_channel(bias, x)


@operator("GroupNormalization", since=21)
def group_norm(x, scale, bias, *, num_groups, epsilon=1e-5, stash_type=1):
    grouped = np.reshape(x, (np.shape(x)[0], num_groups, -1))
    out = np.reshape(_standardized(grouped, (2,), epsilon)[0], np.shape(x))
    return out * _per_channel(scale, x) + _per_channel(bias, x)


@operator("LayerNormalization")
def layer_norm(x, scale, bias=None, *, axis=-1, epsilon=1e-5, stash_type=1):
    """(normalised over the axes from `axis` on, the mean, 1 / the deviation)."""
    out, mean, inverse = _standardized(x, tuple(range(axis % np.ndim(x), np.ndim(x))), epsilon)
    out = out * scale
    return astype(out if bias is None else out + bias, x.dtype), mean, inverse


@operator("RMSNormalization")
def rms_norm(x, scale, *, axis=-1, epsilon=1e-5, stash_type=1):
    axes = tuple(range(axis % np.ndim(x), np.ndim(x)))
    return astype(x / np.sqrt(np.mean(np.square(x), axis=axes, keepdims=True) + epsilon) * scale, x.dtype)


@operator("LpNormalization")
def lp_norm(x, *, axis=-1, p=2):
    """x / its norm along axis; 0 where the norm is 0."""
    size = np.linalg.vector_norm(x, axis=axis, keepdims=True, ord=p)
    return x / np.where(size == 0.0, 1.0, size)
