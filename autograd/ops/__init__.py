"""The operations, one block each, in files of rising difficulty.

constant        comparisons, roundings, shapes: plain results       arithmetic   + − × ÷ powers, maximum, clip
transcendental  exp, log, sqrt, sin … arctanh                       special      erf
activation      relu … softmax, logsumexp                           reduce       sum, mean, max, var, norm, cumsum
index           x[i], take, where, diagonal                         shape        reshape, transpose, flip
assign          x[i] = v, x += v
join            concatenate, stack, split, pad                      linalg       matmul, dot, einsum
fused           linear, softmax_cross_entropy

Each op is an attribute: `ops.relu`, `ops.sum`; those that NumPy has are reached through NumPy.
"""

from autograd.ops import constant, arithmetic, transcendental, special, activation  # noqa: F401, I001  (in this order)
from autograd.ops import reduce, index, shape, assign, join, linalg, fused  # noqa: F401
from autograd.primitives import registry


def __getattr__(name):
    if name in registry:
        return registry[name]
    raise AttributeError(f"module {__name__!r} has no op {name!r}")


def __dir__():
    return [*globals(), *registry]
