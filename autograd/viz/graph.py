"""Value → Scene: walk the graph, copy what is to be shown, turn numbers into text.

The first step of a picture and the only file here that knows the engine and NumPy. The walk is iterative and starts at
the youngest node, so a graph of any depth costs no recursion, and one that is too large to draw is only looked at as
far as the picture goes (plus a bounded count of the rest).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np

from autograd.ops.assign import operands_of
from autograd.value import Value

from .drawing import Drawing, check_choice
from .scene import Edge, Group, Node, Reading, Scene

SHOWN = ("op", "label", "data", "grad", "shape")
COUNT_LIMIT = 100_000  # nodes beyond the picture that are counted before the card says "over"
LITERAL_LENGTH = 24  # characters of a constant or an option written into a card


def draw(
    root: Value | Sequence[Value],
    *,
    direction: str = "LR",
    show: Sequence[str] = SHOWN,
    theme: str = "auto",
    max_nodes: int = 400,
) -> Drawing:
    """Picture of the graph that computed `root`: one card per value, an arrow from each operand.

    root       a Value, or a list or tuple of them
    direction  "LR" (left to right) or "TB" (top to bottom)
    show       which of op, label, data, grad, shape the cards tell
    theme      "auto" (the reader's system or notebook decides), "light" or "dark"
    max_nodes  of a larger graph the youngest nodes are drawn, and one card says how many more there are

    A number is shown with 4 significant digits, an array as minimum, mean and maximum; a gradient that no backward pass
    has reached is "–"; NaN and infinities are red. Values are copied now: the drawing does not change later.
    A notebook shows the drawing by itself; `.save("graph.svg")` writes it (.svg, .html, .dot, .txt, .json).

    >>> print(draw(Value(2.0, "x") * 3.0).to_text(), end="")
                   data   grad
    x               2.0      –
    n1 = x × 3.0    6.0      –
    """
    roots = tuple(root) if isinstance(root, (list, tuple)) else (root,)
    for value in roots:
        if not isinstance(value, Value):
            raise TypeError(f"draw() takes a Value or a list of Values, got {type(value).__name__}")
    for name in show:
        check_choice("show", name, SHOWN)
    if max_nodes < 1:
        raise ValueError(f"max_nodes={max_nodes}: expected at least 1")
    return Drawing(_scene(roots, frozenset(show), max_nodes), direction=direction, theme=theme)


@dataclass(slots=True)
class _Selection:
    """What will be drawn: values oldest first, and how many nodes were left out ("" if none, else "12", "over …")."""

    values: list[Value]
    left_out: str = ""


def _select(roots: Iterable[Value], limit: int) -> _Selection:
    """The `limit` youngest nodes. A leaf counts as young as its youngest consumer, which makes no sense without it."""
    seen: dict[Value, None] = {}
    taken: list[Value] = []
    order = count()  # breaks ties, so that Values are never compared
    queue: list[tuple[int, int, Value]] = []

    def push(value: Value, age: int) -> None:
        if value not in seen:
            seen[value] = None
            heapq.heappush(queue, (age, next(order), value))

    for root in roots:
        push(root, -root.serial)
    while queue and len(taken) < limit:
        _, _, value = heapq.heappop(queue)
        taken.append(value)
        for operand in _values(value):
            push(operand, -operand.serial if operand.operands else -value.serial)
    taken.sort(key=lambda value: value.serial)
    return _Selection(taken, _count_more([value for _, _, value in queue], seen))


def _values(value: Value) -> list[Value]:
    """The operands of a value that are nodes; the others are constants."""
    return [operand for operand in operands_of(value) if isinstance(operand, Value)]


def _count_more(waiting: list[Value], seen: dict[Value, None]) -> str:
    """How many nodes there are from `waiting` on, counted up to COUNT_LIMIT; "" for none."""
    found = len(waiting)
    while waiting and found <= COUNT_LIMIT:
        for operand in _values(waiting.pop()):
            if operand not in seen:
                seen[operand] = None
                waiting.append(operand)
                found += 1
    if found > COUNT_LIMIT:
        return f"over {COUNT_LIMIT:,}"
    return f"{found:,}" if found else ""


@dataclass(slots=True)
class _Builder:
    """Collects nodes and edges in order; ids are given in order of arrival."""

    show: frozenset[str]
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    values: dict[Value, str] = field(default_factory=dict)  # → id
    arrays: dict[int, str] = field(default_factory=dict)  # id() of a constant array → id

    def add(self, kind: str, **fields: Any) -> str:
        id = f"n{len(self.nodes)}"
        self.nodes.append(Node(id, kind, **fields))
        return id

    def add_value(self, value: Value, more: str, room: int) -> None:
        """The card of a value, after those of its array constants, and the edges that arrive at it."""
        arguments, sources = [], []
        operands: Sequence[Any] = value.operands
        for slot, operand in enumerate(operands):
            source = self._source(operand, more, room)
            arguments.append("" if source or "op" not in self.show else _literal(operand))
            if source:
                sources.append((source, slot))
        told: dict[str, Any] = {"path": value.path}
        if "op" in self.show:
            told |= {"op": value.op, "symbol": value.symbol, "arguments": tuple(arguments), "options": _options(value)}
        if "label" in self.show:
            told["label"] = value.label
        kind = value.op if value.op == "constant" else "op" if value.op else "leaf"
        id = self.add(kind, **told, **self._numbers(value.data))
        if "grad" in self.show and kind != "constant":
            grad = _plain(value.grad)
            self.nodes[-1] = replace(self.nodes[-1], grad=_reading(grad) if value.has_grad else Reading(("–",)))
        self.values[value] = id
        self.edges += [Edge(source, id, slot) for source, slot in sources]

    def _source(self, operand: Any, more: str, room: int) -> str:
        """Id of the card an operand comes from; "" if it is written into the consumer's card."""
        if isinstance(operand, Value):
            return self.values.get(operand, more)
        if not isinstance(operand, np.ndarray) or operand.size == 1:
            return ""
        if id(operand) not in self.arrays:
            if len(self.arrays) >= room:
                return ""
            self.arrays[id(operand)] = self.add("constant", **self._numbers(operand))
        return self.arrays[id(operand)]

    def _numbers(self, data: Any) -> dict[str, Any]:
        data = _plain(data)
        told: dict[str, Any] = {}
        if "data" in self.show:
            told["data"] = _reading(data)
        if "shape" in self.show:
            shape = getattr(data, "shape", ())
            told |= {"shape": str(shape) if shape else "", "dtype": str(getattr(data, "dtype", ""))}
        return told


def _scene(roots: tuple[Value, ...], show: frozenset[str], limit: int) -> Scene:
    selection = _select(roots, limit)
    builder = _Builder(show)
    more = ""
    if selection.left_out:
        plural = "" if selection.left_out == "1" else "s"
        more = builder.add("more", label=f"… {selection.left_out} more node{plural}")
    for value in selection.values:
        builder.add_value(value, more, limit)
    ids = dict.fromkeys(builder.values[root] for root in roots if root in builder.values)
    return Scene(_with_shares(roots, builder), tuple(builder.edges), _groups(builder.nodes), tuple(ids))


def _with_shares(roots: tuple[Value, ...], builder: _Builder) -> tuple[Node, ...]:
    """The nodes, each gradient with its size relative to the largest finite one: the length of its bar."""
    sizes: dict[str, float] = {}
    for value, id in builder.values.items():
        if value.has_grad and value.op != "constant":
            sizes[id] = _size(_plain(value.grad))
    largest = max(map(abs, sizes.values()), default=0.0)
    nodes = list(builder.nodes)
    for i, node in enumerate(nodes):
        if node.grad is not None and node.id in sizes:
            share = round(sizes[node.id] / largest, 3) if largest else 0.0
            nodes[i] = replace(node, grad=replace(node.grad, share=share))
    return tuple(nodes)


def _groups(nodes: Iterable[Node]) -> tuple[Group, ...]:
    members: dict[str, list[str]] = {}
    for node in nodes:
        if node.path:
            members.setdefault(node.path, []).append(node.id)
    return tuple(Group(f"g{i}", path, tuple(ids)) for i, (path, ids) in enumerate(members.items()))


def _plain(data: Any) -> Any:
    """Data without recording: after backward(record=True) a gradient is itself a Value."""
    while isinstance(data, Value):
        data = data.data
    return data


def _reading(data: Any) -> Reading:
    """A number, or an array's minimum, mean and maximum, as text; NaN and infinities are counted, not averaged."""
    if isinstance(data, tuple):
        return Reading((f"tuple of {len(data)}",))
    array = np.asarray(data)
    if array.dtype.kind not in "biufc":
        return Reading((str(array.dtype),))
    if not array.size:
        return Reading(("empty",))
    if array.size == 1:
        return Reading((format_number(array.item()),), is_bad=not np.isfinite(array).all())
    with np.errstate(all="ignore"):
        nans, infinities = int(np.isnan(array).sum()), int(np.isinf(array).sum())
        if nans or infinities:
            found = [f"{n:,} {name}" for n, name in ((nans, "NaN"), (infinities, "Inf")) if n]
            return Reading((f"{', '.join(found)} of {array.size:,}",), is_bad=True)
        if array.dtype.kind == "c":
            sizes = np.abs(array)
            return Reading((f"|z| {format_number(float(sizes.min()))} … {format_number(float(sizes.max()))}",))
        mean = array.mean(dtype=np.float64)
        return Reading(tuple(format_number(x.item()) for x in (array.min(), mean, array.max())))


def _size(grad: Any) -> float:
    """The signed size of a scalar gradient, the largest magnitude of another; 0 where it is not finite."""
    array = np.asarray(grad)
    if array.dtype.kind not in "biufc" or not array.size:
        return 0.0
    with np.errstate(all="ignore"):
        size = float(array.item()) if array.size == 1 and array.dtype.kind != "c" else float(np.abs(array).max())
    return size if math.isfinite(size) else 0.0


def format_number(x: complex) -> str:
    """At most 4 significant digits; a float never reads like an integer ("2.0"); an integer keeps up to 7 digits."""
    if isinstance(x, bool) or (isinstance(x, int) and abs(x) < 10**7):
        return str(x)
    text = f"{x:.4g}"
    return f"{text}.0" if text.removeprefix("-").isdigit() else text


def _options(value: Value) -> tuple[str, ...]:
    """The options that say something: None and False are what NumPy does unasked."""
    return tuple(f"{name}={_literal(x)}" for name, x in value.options.items() if x is not None and x is not False)


def _literal(x: Any) -> str:
    """A constant operand or an option, short enough to be written into a card."""
    text = _spell(x)
    return text if len(text) <= LITERAL_LENGTH else text[: LITERAL_LENGTH - 1] + "…"


def _spell(x: Any) -> str:
    if isinstance(x, np.ndarray):
        return format_number(x.item()) if x.size == 1 and x.dtype.kind in "biufc" else f"array{x.shape}"
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, (int, float, complex)):
        return format_number(x)
    if isinstance(x, slice):
        start, stop = ("" if end is None else _spell(end) for end in (x.start, x.stop))
        return f"{start}:{stop}" if x.step is None else f"{start}:{stop}:{_spell(x.step)}"
    if isinstance(x, (tuple, list)):
        inside = ", ".join(_spell(part) for part in x[:LITERAL_LENGTH])
        return f"[{inside}]" if isinstance(x, list) else f"({inside})"
    if x is Ellipsis:
        return "..."
    if x is None or isinstance(x, str):
        return repr(x)
    return getattr(x, "__name__", type(x).__name__)
