"""Checks of what people pass: numbers in their ranges, functions, parameters. Each gives what it has checked."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from autograd.value import Value
from nn.names import near

__all__ = [
    "Activation", "called", "function", "leaves", "not_negative", "one_of", "positive", "share", "shares", "unit", "whole",
]  # fmt: skip

Activation = Callable[..., Any] | None


def whole(name: str, number: int, least: int = 1) -> int:
    """The number as an int. Raises ArgumentError below `least` and for no whole number."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < least:
        raise ArgumentError(f"{name} is a whole number of at least {least}, got {number!r}")
    return int(number)


def not_negative(name: str, number: float) -> float:
    """The number as a float, which does not widen float32 weights. Raises ArgumentError below 0 and for no number."""
    return _real(name, number, lambda x: 0.0 <= x < math.inf, "be a number of at least 0")


def positive(name: str, number: float) -> float:
    """The number as a float. Raises ArgumentError unless it is above 0; infinity is."""
    return _real(name, number, lambda x: x > 0.0, "be a number above 0")


def share(name: str, number: float) -> float:
    """The number as a float. Raises ArgumentError outside of [0, 1)."""
    return _real(name, number, lambda x: 0.0 <= x < 1.0, "lie in [0, 1)")


def unit(name: str, number: float) -> float:
    """The number as a float. Raises ArgumentError outside of [0, 1]."""
    return _real(name, number, lambda x: 0.0 <= x <= 1.0, "lie in [0, 1]")


def shares(name: str, numbers: tuple[float, float]) -> tuple[float, float]:
    """Two numbers in [0, 1)."""
    if not isinstance(numbers, (tuple, list)) or len(numbers) != 2:
        raise ArgumentError(f"{name} is a pair of numbers in [0, 1), got {numbers!r}")
    return share(f"{name}[0]", numbers[0]), share(f"{name}[1]", numbers[1])


def function(activation: Activation) -> Activation:
    """An activation: a function or None."""
    if activation is not None and not callable(activation):
        raise ArgumentError(f"activation is a function such as np.tanh or autograd.relu, or None, got {activation!r}")
    return activation


def called(model: Any) -> str:
    """What was passed as a model, for a message: its type's name, and of a fitted nn.estimator where its network is."""
    network = getattr(model, "model_", None)
    return type(model).__name__ + ("" if network is None else ", whose network is its attribute model_")


def one_of(name: str, value: Any, choices: Sequence[str], *, more: str = "") -> Any:
    """The value, one of a few texts. Raises ArgumentError with the nearest and all; `more` says what else there is."""
    if isinstance(value, str) and value in choices:
        return value
    *first, last = [*choices, *[more] * bool(more)]
    hint = near(value, choices) if isinstance(value, str) else ""
    raise ArgumentError(f"{name}={value!r}{hint}{' It' if hint else '; it'} is {', '.join(first)} or {last}")


def leaves(name: str, parameters: Any) -> dict[str, Any]:
    """Path → parameter, each once, of a Module; of a list of them, or of a single one, the path is the number of the place.

    Raises ArgumentError for what is no leaf Value.
    """
    if hasattr(parameters, "named_parameters"):
        return dict(parameters.named_parameters())
    listed = [parameters] if isinstance(parameters, Value) else parameters
    if not isinstance(listed, Iterable):
        raise ArgumentError(f"{name} takes a Module or a list of Parameters, got {parameters!r}")
    found = {str(i): parameter for i, parameter in enumerate({id(x): x for x in listed}.values())}
    for parameter in found.values():
        if not isinstance(parameter, Value):
            groups = ', and groups={"*.bias": {"weight_decay": 0.0}} by path' if isinstance(parameter, dict) else ""
            kind = type(parameter).__name__
            raise ArgumentError(f"{name}: a parameter is a Value, got {kind}; give model or model.parameters(){groups}")
        if parameter.primitive is not None:
            raise ArgumentError(
                f"{name}: a parameter is a leaf, got the result of {parameter.op!r}; pass a list of Parameters or a Module"
            )
    return found


def _real(name: str, number: Any, holds: Callable[[Any], bool], expected: str) -> float:
    real = isinstance(number, (int, float, np.integer, np.floating)) and not isinstance(number, bool)
    if not real or not holds(number):
        raise ArgumentError(f"{name} must {expected}, got {number!r}")
    return float(number)
