"""The repr of a model: its layers, one a line, with the number of their weights."""

from collections.abc import Callable
from typing import Any

__all__ = ["function_name", "layer_name", "options", "outline", "shortened"]


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


def layer_name(path: str) -> str:
    """A layer in a sentence: its dotted path; of a Sequential's "0", "layer 0"; of the whole model, "", "the model"."""
    return f"layer {path}" if path.isdigit() else path or "the model"


def shortened(path: str, limit: int) -> str:
    """A dotted path of at most `limit` characters: what is cut out is its middle, which says least.

    >>> shortened("blocks.0.self_attn.in_proj_weight", 24)
    'blocks.0…in_proj_weight'
    """
    head = limit // 3
    return path if len(path) <= limit else path[:head] + "…" + path[head + 1 - limit :].lstrip(".")


def options(module: Any, *sizes: Any, **defaults: Any) -> str:
    """ "6, 3, stride=2, bias=False": sizes, and the attributes that differ from their defaults.

    (2, 2) is written as 2; of a default that is a bool, a parameter counts as True and None as False.
    """
    told = list(map(str, sizes))
    for name, default in defaults.items():
        value = getattr(module, name, default)
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if isinstance(default, bool):
            value = value is not None and value is not False
        if value != default:
            told.append(f"{name}={value}")
    return ", ".join(told)
