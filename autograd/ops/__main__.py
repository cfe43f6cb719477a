"""`python -m autograd.ops`: the table of operations. `python -m autograd.ops stub`: the text of value.pyi.

The stub declares Value for type checkers and editors: its own attributes, which it has from here, and the methods that
ops attach to it, which it has from the registry. A test compares the file with this text.
"""

import sys

from autograd.ops import load
from autograd.primitives import registry
from autograd.value import Value

HEAD = '''"""Declared types of Value; written by `python -m autograd.ops stub`, compared by a test."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from autograd.context import Context

DISPATCH: dict[Any, Callable[..., Any]]
UNREACHED: Final[float]
NO_OPTIONS: Final[dict[str, Any]]
PLAIN: Final[set[type]]
CONSTANT: Final[Any]

def stop_gradient(value: Any) -> Any: ...
def data_of(x: Any) -> Any: ...
def tick() -> int: ...
def make(
    primitive: Any,
    data: Any,
    operands: tuple[Any, ...] = (),
    saved: tuple[Any, ...] = (),
    options: dict[str, Any] = ...,
    context: Context | None = None,
    kind: type[Value] | None = None,
) -> Value: ...

class Value:
    data: Any
    grad: Any
    label: str
    primitive: Any  # Primitive | None; it is Any here because every reader has seen to None before
    operands: tuple[Any, ...]
    saved: tuple[Any, ...]
    options: dict[str, Any]
    serial: int
    context: Context
    def __init__(self, data: Any, label: str = "") -> None: ...
    @property
    def op(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def _op(self) -> str: ...
    @property
    def _prev(self) -> set[Value]: ...
    @property
    def path(self) -> str: ...
    @property
    def has_grad(self) -> bool: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def ndim(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def dtype(self) -> Any: ...
    @property
    def T(self) -> Value: ...
    @property
    def real(self) -> Value: ...
    @property
    def imag(self) -> Value: ...
    def zero_grad(self) -> None: ...
    def backward(self, seed: Any = None, *, keep: str = "all", record: bool = False) -> None: ...
    def detach(self) -> Value: ...
    def item(self) -> Any: ...
    def tolist(self) -> Any: ...
    def __float__(self) -> float: ...
    def __int__(self) -> int: ...
    def __complex__(self) -> complex: ...
    def __bool__(self) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Value]: ...
    def __contains__(self, item: Any) -> bool: ...
    def __getitem__(self, index: Any) -> Value: ...
    def __setitem__(self, index: Any, value: Any) -> None: ...
    def __format__(self, spec: str) -> str: ...
    def __hash__(self) -> int: ...
    def __neg__(self) -> Value: ...
    def __pos__(self) -> Value: ...
    def __abs__(self) -> Value: ...
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any: ...
    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any: ...
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any: ...
'''
BINARY = ("add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod")


def stub() -> str:
    """The text of value.pyi."""
    lines = [HEAD.rstrip()]
    for name in BINARY:
        lines += [f"    def __{side}{name}__(self, other: Any) -> Value: ..." for side in ("", "r")]
    for name in ("eq", "ne"):
        lines.append(f"    def __{name}__(self, other: Any) -> Any: ...")
    lines += [f"    def __{name}__(self, other: Any) -> Any: ..." for name in ("lt", "le", "gt", "ge")]
    for name in attached():
        result = "Value" if name in registry and registry[name].differentiable else "Any"
        lines.append(f"    def {name}(self, *args: Any, **kwargs: Any) -> {result}: ...")
    return "\n".join(lines) + "\n"


def attached() -> list[str]:
    """Names of the methods that ops have attached to Value, in alphabetical order."""
    own = {"zero_grad", "backward", "detach", "item", "tolist"}
    return sorted(
        name for name in vars(Value) if not name.startswith("_") and callable(vars(Value)[name]) and name not in own
    )


def table() -> str:
    """One line for each op: name, kind, what it computes, where it comes from."""
    rows = []
    for op in registry.values():
        kind = op.kind if op.differentiable else "constant"
        what = (op.__doc__ or "").strip().splitlines()[0]
        rows.append(f"{op.name:22}{kind:13}{what}" + (f"  [{op.source}]" if op.source else ""))
    count = sum(op.differentiable for op in registry.values())
    return "\n".join([*rows, f"{len(rows)} ops, {count} of them differentiable"])


if __name__ == "__main__":
    load()
    print(stub() if sys.argv[1:] == ["stub"] else table(), end="" if sys.argv[1:] == ["stub"] else "\n")
