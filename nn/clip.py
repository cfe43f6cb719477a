"""Clipping: gradients made smaller between backward and step, so that one bad batch does not throw the weights far off.

    loss.backward()
    nn.clip_norm(model, 1.0)
    optimizer.step()

A NaN or infinity among the gradients would spread to every weight; it raises, with the parameter's name.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd.data import Traced, as_dtype, effect
from autograd.errors import ArgumentError, NonFiniteError
from autograd.value import data_of
from nn.module import Module, Parameter
from nn.optim.base import not_negative

__all__ = ["clip_norm", "clip_value"]


def clip_norm(parameters: Iterable[Parameter] | Module, limit: float) -> Any:
    """Scale all gradients by min(1, limit / norm), with the norm √Σ g² of all of them together; gives that norm.

    Raises NonFiniteError if a gradient is not finite. Source: Pascanu et al. 2013, arXiv 1211.5063, algorithm 1.

    >>> p = Parameter(np.zeros(2))
    >>> p.grad = np.array([3.0, 4.0])
    >>> clip_norm([p], 2.5), p.grad.tolist()
    (5.0, [1.5, 2.0])
    """
    limit = _positive("clip_norm", limit)
    found = _gradients(parameters)
    if not found:
        return 0.0
    # in float64: the square of a finite float32 number can be infinite
    wide = [(path, as_dtype(g, np.float64)) for path, _, g in found]
    squares = _checked("clip_norm", [(path, np.sum(g * g)) for path, g in wide])
    norm = np.sqrt(np.sum(squares))
    factor = limit / np.maximum(norm, limit)
    for _, parameter, g in found:
        parameter.grad = g * (float(factor) if type(g) is float else as_dtype(factor, g.dtype))
    return norm if isinstance(norm, Traced) else float(norm)


def clip_value(parameters: Iterable[Parameter] | Module, limit: float) -> None:
    """Clip every entry of every gradient to −limit … limit. Raises NonFiniteError if a gradient is not finite.

    >>> p = Parameter(np.zeros(3))
    >>> p.grad = np.array([3.0, -4.0, 0.5])
    >>> clip_value([p], 1.0)
    >>> p.grad.tolist()
    [1.0, -1.0, 0.5]
    """
    limit = _positive("clip_value", limit)
    found = _gradients(parameters)
    _checked("clip_value", [(path, np.max(np.abs(g), initial=0.0)) for path, _, g in found])
    for _, parameter, g in found:
        parameter.grad = float(np.clip(g, -limit, limit)) if type(g) is float else np.clip(g, -limit, limit)


def _gradients(parameters: Iterable[Parameter] | Module) -> list[tuple[str, Parameter, Any]]:
    """(path, parameter, gradient) of those that have one, each once; a list has places or labels for paths."""
    if isinstance(parameters, Module):
        named = list(parameters.named_parameters())
    else:
        each = {id(parameter): parameter for parameter in parameters}
        named = [(parameter.label or f"parameters[{i}]", parameter) for i, parameter in enumerate(each.values())]
    return [(path, parameter, data_of(parameter.grad)) for path, parameter in named if parameter.has_grad]


def _checked(name: str, figures: list[tuple[str, Any]]) -> Any:
    """Figures of the gradients as one float64 array. Raises NonFiniteError, in a compiled step too, for one not finite."""
    paths = [path for path, _ in figures]

    def look(array: Any) -> None:
        if not np.isfinite(array).all():
            path = paths[int(np.argmin(np.isfinite(array)))]
            raise NonFiniteError(
                f"{name}: the gradient of {path} has NaN or infinite entries; try a smaller learning_rate, or run under "
                "autograd.detect_anomaly()"
            )

    array = np.stack([as_dtype(figure, np.float64) for _, figure in figures])
    effect(look, array)
    return array


def _positive(name: str, limit: float) -> float:
    if not not_negative(f"{name}: limit", limit):
        raise ArgumentError(f"{name}: limit must be above 0")
    return float(limit)
