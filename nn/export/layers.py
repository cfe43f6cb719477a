"""Layers that are one node in ONNX, as whoever reads the file expects them; all others are written op by op."""

import numpy as np

from nn.export.builder import layer
from nn.layers import BatchNorm1d, BatchNorm2d, LayerNorm

__all__ = []


def _batch_norm(module, x):
    """None without running statistics: then the batch gives mean and variance."""
    return None if module.running_mean is None else (x, module.weight, module.bias)


@layer(BatchNorm1d, _batch_norm)
@layer(BatchNorm2d, _batch_norm)
def batch_norm(b, out, x, weight, bias, module):
    ones = np.ones(module.num_features, out.dtype)
    scale, shift = ones if weight is None else weight, 0 * ones if bias is None else bias
    return b.node("BatchNormalization", x, scale, shift, module.running_mean, module.running_var, epsilon=module.eps)


@layer(LayerNorm, lambda module, x: (x, module.weight, module.bias))
def layer_norm(b, out, x, weight, bias, module):
    scale = np.ones(module.normalized_shape, out.dtype) if weight is None else weight
    return b.node("LayerNormalization", x, scale, bias, axis=-len(module.normalized_shape), epsilon=module.eps)
