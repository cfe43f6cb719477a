"""What there is: `python -m autograd.ops` lists every op, and every function of NumPy that has none, with the reason.

    python -m autograd.ops            all of them, a few words each
    python -m autograd.ops sinc       one in full: signature, formula, rules, exact values
    python -m autograd.ops stub       the text of value.pyi

The stub declares Value for type checkers and editors: its own attributes, which it has from here, and the methods that
ops attach to it, which it has from the registry. A test compares the file with this text.
"""

import contextlib
import difflib
import inspect
import os
import shutil
import sys
import textwrap
from collections.abc import Callable

from autograd.errors import REFUSED, MissingExtraError, spelled
from autograd.ops import load
from autograd.primitives import Primitive, registry
from autograd.value import DISPATCH, Value

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
    def mT(self) -> Value: ...
    @property
    def real(self) -> Value: ...
    @property
    def imag(self) -> Value: ...
    def zero_grad(self) -> None: ...
    def backward(self, seed: Any = None, *, keep: str = "all", record: bool = False, rules: Any = None) -> None: ...
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
    def __round__(self, digits: int | None = None) -> Any: ...
    def __divmod__(self, other: Any) -> Any: ...
    def __rdivmod__(self, other: Any) -> Any: ...
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


def owner(name: str) -> str:
    """np.add of np.add.reduce."""
    return name.rpartition(".")[0]


def others() -> tuple[dict[str, Callable[..., object]], dict[str, Callable[..., object]]]:
    """What is called on Values and is no differentiable op: (made of ops, giving plain results), by NumPy's name."""
    made, plain = {}, {}
    for function, call in DISPATCH.items():
        if isinstance(function, str):
            continue
        if call.__module__ == "autograd.ops.constant" or (isinstance(call, Primitive) and not call.differentiable):
            plain[spelled(function)] = call
        elif not isinstance(call, Primitive) or spelled(function) not in map(spelled, call.numpy):
            made[spelled(function)] = call
    return made, plain


def refusals() -> dict[str, list[str]]:
    """Reason → names of the functions that are refused for it; an op registered for one goes first."""
    reasons: dict[str, list[str]] = {}
    for function, reason in REFUSED.items():
        if function not in DISPATCH:
            reasons.setdefault(reason, []).append(spelled(function))
    return {reason: sorted(names) for reason, names in reasons.items()}


def table(width: int = 100) -> str:
    """Every op by the file it is in: name, kind, formula, source; then what gives plain results; then what is refused."""

    def wrapped(text: str, indent: int) -> str:
        spaces = indent * " "
        return textwrap.fill(
            text, max(width, indent + 40), initial_indent=spaces, subsequent_indent=spaces, break_on_hyphens=False
        )

    lines: list[str] = []
    ops = [op for op in registry.values() if op.differentiable]
    for module in dict.fromkeys(op.__module__ for op in ops):
        about = (getattr(sys.modules.get(module), "__doc__", "") or "").strip().partition("\n")[0]
        lines += [wrapped(f"{module.rpartition('.')[2]}: {about}", 0), ""]
        for op in ops:
            if op.__module__ == module:
                formula = (op.__doc__ or "").strip().partition("\n")[0]
                lines.append(f"  {op.name:<21} {op.kind:<12} " + wrapped(formula, 37).lstrip())
                lines += [wrapped(f"[{'; '.join(map(': '.join, facts(op).items()))}]", 37)]
        lines.append("")
    (made, plain), refused = others(), refusals()
    for title, functions in (
        ("Made of the above, as are at and outer of every ufunc:", made),
        ("Plain results, without a gradient, as have the methods of these:", plain),
    ):
        named = sorted(
            name for name in functions if not name.endswith((".at", ".outer")) and owner(name) not in functions
        )
        lines += [title, "", wrapped(", ".join(named), 2), ""]
    lines += ["Refused with NotDifferentiableError:", ""]
    for reason, names in refused.items():
        lines += [wrapped(", ".join(names), 2), wrapped(reason, 6), ""]
    count = sum(map(len, refused.values()))
    return "\n".join(
        [*lines, f"{len(ops)} ops, {len(made)} made of them, {len(plain)} with plain results, {count} refused"]
    )


def facts(op: Primitive) -> dict[str, str]:
    """Domain, kink and source of an op, those that it has."""
    numbers = "real and complex numbers" if any(row.complex for row in op.samples) else "real numbers"
    found = {"domain": op.domain or numbers, "kink": op.kink, "source": op.source}
    return {name: text for name, text in found.items() if text}


def card(op: Primitive) -> str:
    """One op in full."""
    signature = ", ".join(map(str, inspect.signature(op.forward).parameters.values()))
    lines = [f"{op.name}({signature})", f"{op.kind}, in {op.__module__}", ""]
    lines += [inspect.cleandoc(op.__doc__ or ""), ""]
    lines += [f"{name.capitalize()}: {text}" for name, text in facts(op).items()]
    lines += [f"Reached by: {', '.join(map(spelled, op.numpy))}"] if op.numpy else []
    lines += [f"No derivative in: {', '.join(sorted(op.constants))}"] if op.constants else []
    lines += [f"Tested at: {len(op.samples)} samples, {len(op.errors)} wrong calls, and exactly at"]
    for row in op.points:
        options = "".join(f", {name}={value!r}" for name, value in row.options.items())
        lines.append(
            f"    {', '.join(map(_short, row.operands))}{options}: slope {', '.join(map(_short, row.gradients))}"
        )
    with contextlib.suppress(OSError):  # a ufunc of SciPy has no body here
        text = inspect.getsource(op.forward)
        lines += ["", "Body:", "", textwrap.indent(text[text.find("def ") :].rstrip(), "    ")]
    rules = [*op.rules, op.rule_all, *op.tangents.values()]
    sources = dict.fromkeys(textwrap.dedent(inspect.getsource(rule)).rstrip() for rule in rules if rule)
    lines += ["", "Rules:", "", *(textwrap.indent(source, "    ") for source in sources)] if sources else []
    return "\n".join(lines)


def _short(data: object) -> str:
    return " ".join(repr(data.tolist() if hasattr(data, "tolist") else data).split())


def about(name: str) -> str:
    """What there is to say of a name, with or without `np.`; LookupError with near names if there is nothing."""
    scipys = name.startswith("scipy.")
    spelling = name if name in registry or scipys else "np." + name.removeprefix("numpy.").removeprefix("np.")
    ops: dict[str, Primitive] = {spelled(f): op for f, op in DISPATCH.items() if isinstance(op, Primitive)}
    ops = {name: op for name, op in (ops | registry).items() if op.differentiable}
    (made, plain), reasons = others(), {name: reason for reason, names in refusals().items() for name in names}
    short = name.removeprefix("scipy.")
    for known in (spelling, short, short.removeprefix("linalg."), f"special.{short}"):
        if known in ops:
            return card(ops[known])
    if spelling in made:
        return f"{spelling} is made of other ops, in {made[spelling].__module__}"
    spelling = spelling if scipys else "np." + spelling.removeprefix("np.")
    if spelling in plain:
        return f"{spelling} gives plain results, without a gradient"
    if spelling in reasons:
        return f"{spelling} is refused: {reasons[spelling]}"
    near = difflib.get_close_matches(name, {key.removeprefix("np."): 0 for key in [*ops, *made, *plain, *reasons]}, n=3)
    raise LookupError(f"no op is called {name}" + (f"; did you mean {' or '.join(near)}?" if near else ""))


def main(arguments: list[str]) -> int:
    """Print what is asked for; the exit status, 2 for a name that does not exist."""
    load()
    if arguments == ["stub"]:
        print(stub(), end="")
        return 0
    with contextlib.suppress(MissingExtraError):
        import autograd.scipy.linalg
        import autograd.scipy.special  # noqa: F401

        load()
    try:
        text = "\n\n\n".join(map(about, arguments)) if arguments else table(shutil.get_terminal_size((100, 24)).columns)
    except LookupError as mistake:
        print(mistake, file=sys.stderr)
        return 2
    try:
        print(text, flush=True)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
