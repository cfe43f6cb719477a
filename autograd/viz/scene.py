"""A picture as plain data: cards, edges, groups, every number already turned into text.

Comes after `graph` (Value → Scene) and before `layout` and the writers. A scene is a copy taken at one moment: training
on, or editing `.data`, does not change it. It holds only strings, booleans and rounded floats in a fixed order, so it
survives JSON unchanged, two runs of one program give the same bytes, and nothing after it needs NumPy or the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

FORMAT = "glassgrad scene 1"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the data or the gradient of one node was when the picture was taken.

    cells    one text (a number, "–", "tuple of 2", "3 NaN of 12") or three: minimum, mean, maximum
    is_bad   a NaN or an infinity is among the numbers
    share    size relative to the largest gradient of the scene, -1 … 1 (0 … 1 for an array); None: draw no bar
    """

    cells: tuple[str, ...]
    is_bad: bool = False
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One card: a value together with the operation that made it.

    id         "n0", "n1", …, oldest first
    kind       "leaf", "op", "constant" or "more" (stands for nodes that were not drawn)
    op         NumPy's name of the operation, "" for a leaf
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
    """`source` is operand number `slot` of `target`; x * x has two edges, slots 0 and 1."""

    source: str
    target: str
    slot: int


@dataclass(frozen=True, slots=True)
class Group:
    """The nodes made inside one module, by its dotted path."""

    id: str
    path: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """Nodes oldest first, edges by target and slot, groups by first node, roots as the user gave them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    groups: tuple[Group, ...] = ()
    roots: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The scene as JSON text; the same scene gives the same bytes."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Scene:
        """The scene that `to_json` wrote. ValueError if the text is something else."""
        fields = json.loads(text)
        if not isinstance(fields, dict) or fields.get("format") != FORMAT:
            raise ValueError(f'not a scene: expected a JSON object with "format": "{FORMAT}"')
        return cls(
            nodes=tuple(_node(entry) for entry in fields["nodes"]),
            edges=tuple(Edge(**entry) for entry in fields["edges"]),
            groups=tuple(Group(**_tuples(entry)) for entry in fields["groups"]),
            roots=tuple(fields["roots"]),
        )


def _node(entry: Mapping[str, Any]) -> Node:
    readings = {name: Reading(**_tuples(entry[name])) for name in ("data", "grad") if entry[name] is not None}
    return Node(**{**_tuples(entry), **readings})


def _tuples(entry: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no tuples: every list becomes one again."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
