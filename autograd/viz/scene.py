"""A picture as plain data: cards, edges, groups, every number already turned into text.

Comes after `graph` (Value → Scene) and before `layout` and the writers. A scene is a copy taken at one moment: training
on, or editing `.data`, does not change it. It holds only strings, booleans and rounded floats in a fixed order, so it
survives JSON unchanged, two runs of one program give the same bytes, and nothing after it needs NumPy or the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

FORMAT = "glassgrad scene 2"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the data or the gradient of one node was when the picture was taken.

    cells    one text (a number, "–", "tuple of 2", "3 NaN of 12") or three: minimum, mean, maximum
    is_bad   a NaN or an infinity is among the numbers
    share    size relative to the largest gradient of the scene, -1 … 1 (0 … 1 for an array); None: draw no bar
    bins     histogram of an array from its minimum to its maximum: heights relative to the highest bar
    """

    cells: tuple[str, ...]
    is_bad: bool = False
    share: float | None = None
    bins: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One card: a value together with the operation that made it.

    id         "n0", "n1", …, oldest first
    kind       "leaf", "op", "constant" or "more" (stands for nodes that were not drawn)
    op         NumPy's name of the operation, "" for a leaf
    formula    the first line of the operation's docstring
    change     "", or in a comparison of two moments "changed", "new", "gone"
    symbol     its short form, such as "×"
    label      the name the user gave
    arguments  one text per operand: "" where an edge arrives, "2.0" for a number written into the card
    options    such as "axis=0"
    shape      "(3, 4)", "" for a scalar
    dtype      "float32", "" for a Python number
    path       dotted path of the module that made it, "" outside a module
    """

    id: str
    kind: str
    op: str = ""
    symbol: str = ""
    label: str = ""
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    shape: str = ""
    dtype: str = ""
    data: Reading | None = None
    grad: Reading | None = None
    path: str = ""
    formula: str = ""
    change: str = ""

    @property
    def title(self) -> str:
        """The operation as its card shows it: "tanh", "×", "× 2.0", "1.0 /", "maximum 0.0"."""
        name = self.symbol or self.op
        constants = [text for text in self.arguments if text]
        if self.is_infix and self.arguments[0]:
            return f"{constants[0]} {name}"
        return " ".join([name, ", ".join(constants)]) if constants else name

    @property
    def is_infix(self) -> bool:
        """Whether the symbol is written between its two operands, like "×" and unlike "maximum"."""
        return len(self.arguments) == 2 and bool(self.symbol) and not any(c.isalnum() or c in "[(" for c in self.symbol)


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` is operand number `slot` of `target`; x * x has two edges, slots 0 and 1.

    source, target  ids of nodes; of a group where what is inside it was left out
    slope           the local derivative ∂target/∂source, "-3.0"; of arrays "×2.0", the norm of what flows back along this
                    edge divided by that of the target's gradient
    flow            what the backward pass adds to the source's gradient along this edge: one text, or three as in a Reading
    share           |slope| relative to the largest of the scene, 0 … 1; None: unknown
    """

    source: str
    target: str
    slot: int
    slope: str = ""
    flow: tuple[str, ...] = ()
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What one call of a module made, or several groups that are alike.

    path       dotted path of the module, or other words for what is in it
    parent     id of the group around it, "" for none
    nodes      ids of the nodes directly inside; empty where they were left out
    count      how many nodes are inside, in groups inside it too
    times      how many equal groups it stands for
    ops        (symbol, how often) of the operations inside, most frequent first
    quantiles  minimum, median and maximum of |gradient| of the nodes inside that have one; one text if they are equal
    bad        how many nodes inside hold a NaN or an infinity
    share      size of the largest gradient inside, relative to the largest of the scene
    """

    id: str
    path: str
    nodes: tuple[str, ...] = ()
    parent: str = ""
    count: int = 0
    times: int = 1
    ops: tuple[tuple[str, int], ...] = ()
    quantiles: tuple[str, ...] = ()
    bad: int = 0
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Nodes oldest first, edges by target and slot, groups from the outside in, roots as the user gave them.

    closed   ids of the groups that are drawn as one card; the others are boxes around their nodes
    summary  the whole graph in one line, where not all of it is in the scene
    color    "grad": cards are tinted by the size and sign of their gradient; "op": by what they are only
    slopes   whether edges are labelled with their slope, and as wide as it is large
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    groups: tuple[Group, ...] = ()
    roots: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    summary: str = ""
    color: str = "grad"
    slopes: bool = False

    def to_json(self) -> str:
        """The scene as JSON text, without what is empty; the same scene gives the same bytes."""
        return json.dumps({"format": FORMAT, **_told(self)}, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Scene:
        """The scene that `to_json` wrote. ValueError if the text is something else."""
        entry = json.loads(text)
        if not isinstance(entry, dict) or entry.get("format") != FORMAT:
            raise ValueError(f'not a scene: expected a JSON object with "format": "{FORMAT}"')
        return cls(
            nodes=tuple(map(_node, entry.get("nodes", ()))),
            edges=tuple(Edge(**_tuples(edge)) for edge in entry.get("edges", ())),
            groups=tuple(Group(**_tuples(group)) for group in entry.get("groups", ())),
            **_tuples(
                {name: entry[name] for name in ("roots", "closed", "summary", "color", "slopes") if name in entry}
            ),
        )


def _told(x: Any) -> Any:
    """A dataclass as a dictionary of the fields that differ from their defaults."""
    if isinstance(x, tuple):
        return [_told(part) for part in x]
    if not isinstance(x, (Scene, Node, Edge, Group, Reading)):
        return x
    pairs = [(field.name, getattr(x, field.name), field.default) for field in fields(x)]
    return {name: _told(value) for name, value, default in pairs if value != default}


def _node(entry: Mapping[str, Any]) -> Node:
    readings = {name: Reading(**_tuples(entry[name])) for name in ("data", "grad") if name in entry}
    return Node(**{**_tuples(entry), **readings})


def _tuples(entry: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no tuples: every list becomes one again."""
    return {name: _tuple(value) for name, value in entry.items()}


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value
