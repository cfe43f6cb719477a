"""LSUV: weights that fit the data they will see, layer-sequential and of unit variance.

The schemes of `nn.init` know a layer by its fan-in and squash. This one runs the model on real inputs, layer after layer,
and divides each matrix of weights by the deviation of the sums it gives. So it needs no theory of what lies between, and
works where there is none: after pooling, a sum of two branches, a squash of one's own.
"""

import math
from typing import Any

import numpy as np

from autograd.context import context
from autograd.errors import ArgumentError
from autograd.value import Value
from nn.arguments import checked_data
from nn.checks import positive, whole
from nn.init import Rng, orthogonal, streams
from nn.module import Module
from nn.state import preserved
from nn.sums import arrays_only, weighted_sums

__all__ = ["lsuv"]


def lsuv(model: Module, X: Any, *, rng: Rng = None, tolerance: float = 0.1, iterations: int = 10) -> Module:
    """Draw the model's matrices and kernels anew, orthogonal, each scaled so that its sums of X have variance 1.

    X           a batch of inputs: enough rows for a variance
    rng         seed or Generator; each matrix's start depends on it and on the matrix's path only
    tolerance   of the variance: scaling ends when |variance − 1| is smaller, or after `iterations` for each layer

    Changes the weights that meet an input in a sum (those of Linear, Layer, convolutions, attention, recurrent layers; of
    several uses, as in time, all sums count together); biases and all other parameters stay. Runs in evaluation mode.
    Returns the model; nn.init.lsuv is this function.
    Raises ArgumentError, and changes nothing, if there is nothing to scale, or a layer gives the same number for all of X.
    Source: Mishkin and Matas 2016, arXiv 1511.06422, algorithm 1.
    """
    arrays_only("lsuv", model)
    x, _ = checked_data("lsuv", model, X, X)
    tolerance, iterations = positive("tolerance", tolerance), whole("iterations", iterations)
    before = [(parameter, parameter.data) for parameter in model.parameters()]
    stream = streams(rng)
    try:
        with preserved(model), np.errstate(all="ignore"):
            model.eval()
            paths = _matrices(model, x)
            if not paths:
                raise ArgumentError(f"lsuv: {type(model).__name__} has no matrix of weights that meets an input")
            parameters = dict(model.named_parameters())
            for path in paths:
                weight = parameters[path]
                weight.data = orthogonal(weight.shape, rng=stream(path), dtype=weight.dtype)
            for path in paths:
                for _ in range(iterations):
                    variance = _matrices(model, x)[path]
                    if not 0.0 < variance < math.inf:
                        raise ArgumentError(
                            f"lsuv: the sums of {path} have variance {variance:g} over X; it takes inputs that differ"
                        )
                    if abs(variance - 1.0) < tolerance:
                        break
                    parameters[path].data = (parameters[path].data / math.sqrt(variance)).astype(parameters[path].dtype)
    except BaseException:
        for parameter, data in before:
            parameter.data = data
        raise
    return model


def _matrices(model: Module, x: Any) -> dict[str, float]:
    """Path of each matrix or kernel, in the order of use → variance of its sums, of all its uses together."""
    names = {id(parameter): path for path, parameter in model.named_parameters()}
    with context(recording=True):
        found = weighted_sums(model, model(Value(x) if x.dtype.kind == "f" else x))
    sums: dict[str, list[Any]] = {}
    for each in found:
        if each.weight.ndim >= 2:
            sums.setdefault(names[id(each.weight)], []).append(np.ravel(np.asarray(each.node.data, np.float64)))
    return {path: float(np.var(np.concatenate(parts))) for path, parts in sums.items()}
