"""The repr of a model: its layers, one a line, with the number of their weights."""

from collections.abc import Callable
from typing import Any

__all__ = ["function_name", "options", "outline"]


def outline(module: Any) -> str:
    """Class, what describe() says and the number of parameters; the layers below it indented."""
    count = module.parameter_count()
    tail = f"  {count:,} parameter{'s' * (count != 1)}" if count else ""
    lines = [f"{type(module).__name__}({module.describe()}){tail}"]
    for name, layer in module.named_layers():
        text = repr(layer) if hasattr(layer, "named_layers") else function_name(layer)
        lines.append(f"  {name}: " + text.replace("\n", "\n  "))
    return "\n".join(lines)


def function_name(function: Callable[..., Any] | None) -> str:
    """The name of an activation function, for a repr: "tanh", "relu"."""
    return getattr(function, "__name__", repr(function)) if function is not None else "None"


def options(module: Any, **defaults: Any) -> str:
    """ "stride=2, padding=1": the attributes that differ from these defaults; (2, 2) is written as 2."""
    told = []
    for name, default in defaults.items():
        value = getattr(module, name, default)
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if value != default:
            told.append(f"{name}={value}")
    return ", ".join(told)
