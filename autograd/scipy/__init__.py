"""SciPy's functions for Values, under SciPy's names: `from autograd.scipy import linalg, special`."""

import importlib
from typing import Any

__all__ = ["linalg", "special"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"autograd.scipy.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {' and '.join(__all__)}")
