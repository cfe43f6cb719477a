"""Clipping: gradients made smaller between backward and step, so that one bad batch does not throw the weights far off.

    loss.backward()
    nn.clip_norm(model, 1.0)
    optimizer.step()

What is frozen or pruned takes no step and counts for nothing: its gradient is left alone, or, within a masked array, 0.
A NaN or infinity among the gradients would spread to every weight; it raises, with the parameter's name.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd.data import Traced, as_dtype, effect
from autograd.errors import NonFiniteError
from autograd.value import data_of
from nn.checks import leaves, positive
from nn.masks import learning, mask_of
from nn.module import Module, Parameter

__all__ = ["clip_norm", "clip_value"]


def clip_norm(parameters: Iterable[Parameter] | Module | Parameter, limit: float) -> Any:
    """Scale all gradients by min(1, limit / norm), with the norm √Σ |g|² of all of them together; gives that norm.

    limit   math.inf only measures

    Raises NonFiniteError if a gradient is not finite. Source: Pascanu et al. 2013, arXiv 1211.5063, algorithm 1.

    >>> p = Parameter(np.zeros(2))
    >>> p.grad = np.array([3.0, 4.0])
    >>> clip_norm([p], 2.5), p.grad.tolist()
    (5.0, [1.5, 2.0])
    """
    limit = positive("clip_norm: limit", limit)
    found = _gradients(parameters)
    if not found:
        return 0.0
    sizes = [(path, as_dtype(np.abs(g) if _code(g) in "FDG" else g, np.float64)) for path, _, g in found]
    top = _top([(path, g) for path, _, g in found if _code(g) in "dgDG"])
    if top is not None:
        sizes = [(path, size / top) for path, size in sizes]
    norm = np.sqrt(np.sum(_checked("clip_norm", [(path, np.sum(size * size)) for path, size in sizes])))
    norm = norm if top is None else norm * top
    factor = 1.0 / np.maximum(norm / limit, 1.0)
    for _, parameter, g in found:
        parameter.grad = g * (float(factor) if type(g) is float else as_dtype(factor, g.dtype))
    return norm if isinstance(norm, Traced) else float(norm)


def clip_value(parameters: Iterable[Parameter] | Module | Parameter, limit: float) -> None:
    """Clip every entry of every gradient to −limit … limit. Raises NonFiniteError if a gradient is not finite.

    >>> p = Parameter(np.zeros(3))
    >>> p.grad = np.array([3.0, -4.0, 0.5])
    >>> clip_value([p], 1.0)
    >>> p.grad.tolist()
    [1.0, -1.0, 0.5]
    """
    limit = positive("clip_value: limit", limit)
    found = _gradients(parameters)
    _checked("clip_value", [(path, np.max(np.abs(g), initial=0.0)) for path, _, g in found])
    for _, parameter, g in found:
        parameter.grad = float(np.clip(g, -limit, limit)) if type(g) is float else np.clip(g, -limit, limit)


def _gradients(parameters: Iterable[Parameter] | Module | Parameter) -> list[tuple[str, Parameter, Any]]:
    """(path, parameter, gradient where it learns) of those that have one and are not frozen, each once; a list has places
    or labels for paths."""
    named = list(leaves("clip", parameters).items())
    if not isinstance(parameters, Module):
        named = [(parameter.label or f"parameters[{path}]", parameter) for path, parameter in named]
    masked = [(path, parameter, mask_of(parameter, path)) for path, parameter in named if parameter.has_grad]
    return [
        (path, parameter, learning(mask, data_of(parameter.grad), parameter.dtype))
        for path, parameter, mask in masked if mask is not False
    ]  # fmt: skip


def _code(g: Any) -> str:
    """NumPy's letter for a dtype."""
    return str(getattr(g, "dtype", np.dtype(float)).char)


def _top(found: list[tuple[str, Any]]) -> Any:
    """The largest entry, by which gradients are divided before they are squared: the square of a finite float64 can be
    infinite, that of a float32 fits into float64. None without any."""
    if not found:
        return None
    top = np.max(_checked("clip_norm", [(path, np.max(np.abs(g), initial=0.0)) for path, g in found]))
    return np.where(top > 0.0, top, 1.0)[()]


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

    array = np.stack([as_dtype(figure, np.float64) for _, figure in figures] or [0.0])
    effect(look, array)
    return array
