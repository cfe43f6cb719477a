"""The operations, one block each, in files of rising difficulty.

constant        comparisons, roundings, shapes: plain results       arithmetic   + − × ÷ powers, maximum, clip
transcendental  exp, log, sqrt, sin … arctanh                       activation   relu … softmax, logsumexp
reduce          sum, mean, max, var, norm, cumsum                   shape        reshape, transpose, stack, pad
index           x[i], take, where                                   linalg       matmul, dot, einsum
"""

from autograd.ops import constant, arithmetic, transcendental  # noqa: I001
