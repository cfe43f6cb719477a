"""Values → Scene: cards for those that are shown, groups with their figures for those that are not.

Comes after `clusters`, `reading` and `slopes`; `graph` says which Values. Everything is copied here and now.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from autograd.data import is_finite
from autograd.ops.assign import operands_of
from autograd.ops.constant import item
from autograd.value import CONSTANT, Value

from .clusters import Graph, Tree, choose, fold, grow
from .reading import format_number, literal, options, plain, reading, size
from .scene import Edge, Group, Node, Reading, Scene
from .slopes import slopes
from .words import plural


class Builder:
    """One scene in the making.

    marked    the Values whose cards stand out: the roots, or what was focused on
    entries   the Values, each after the constant arrays that it is the first to use
    made_by   the one result that is used of an operation with several → the hidden node of all of them, which has no card
    operands  for each entry the entries that it was made from, in order; -1 for a Value that is not among them
    """

    def __init__(self, roots: tuple[Value, ...], values: list[Value], show: frozenset[str], color: str) -> None:
        self.roots, self.show, self.color = roots, show, color
        self.marked = roots
        self.entries: list[Any] = []
        self.operands: list[list[int]] = []
        self.number: dict[Value, int] = {}
        self.made_by = _only_results(values)
        self.whole = frozenset(self.made_by.values())
        arrays: dict[int, int] = {}
        for value in values:
            if value in self.whole:
                continue
            found = []
            for operand in self.made_by.get(value, value).operands:
                if isinstance(operand, Value):
                    found.append(self.number.get(operand, -1))
                elif isinstance(operand, np.ndarray) and operand.size != 1:
                    if id(operand) not in arrays:
                        arrays[id(operand)] = self._enter(operand, [])
                    found.append(arrays[id(operand)])
            self.number[value] = self._enter(value, found)
        self.nodes: list[Node] = []
        self.edges: dict[tuple[str, str, int], Edge] = {}
        self.sizes = np.array([size(plain(x.grad)) if _has_grad(x) else np.nan for x in self.entries])
        self.largest = float(np.nanmax(np.abs(self.sizes))) if np.isfinite(self.sizes).any() else 0.0

    def _enter(self, entry: Any, operands: list[int]) -> int:
        self.entries.append(entry)
        self.operands.append(operands)
        return len(self.entries) - 1

    def scene(self, depth: int | str, *, folded: bool, before: int, after: int) -> Scene:
        """The scene; `before` and `after`: how many nodes of the graph are left out at either end."""
        graph, modules = self._graph()
        tree = grow(graph, modules)
        if folded:
            fold(graph, tree, modules)
        kept, whole, closed = choose(tree, depth, folded=folded)
        ids = self._add_cards(tree, kept, whole, before, after)
        roots = dict.fromkeys(ids[self.number[root]] for root in self.marked if root in self.number)
        return Scene(
            nodes=tuple(self.nodes),
            edges=self._edges_with_shares(),
            groups=self._groups(tree, kept, ids),
            roots=tuple(id for id in roots if id.startswith("n")),
            closed=tuple(f"g{kept[cluster]}" for cluster in closed),
            summary=self._summary() if folded else "",
            color=self.color,
            slopes="slope" in self.show,
        )

    def _summary(self) -> str:
        names = ", ".join(root.label or root.op or "leaf" for root in self.roots)
        edges = sum(map(len, self.operands))
        return f"computation graph of {names}: {plural(len(self.entries), 'node')}, {plural(edges, 'edge')}, in groups"

    def _graph(self) -> tuple[Graph, frozenset[str]]:
        """What `clusters` needs to know, and the paths of all modules of the models that made it."""
        values = [x if isinstance(x, Value) else None for x in self.entries]
        kinds = [_kind(x) for x in self.entries]
        found = {id(x.context.paths): x.context.paths for x in values if x is not None and x.context.paths}
        graph = Graph(
            operands=[[x for x in sources if x >= 0] if -1 in sources else sources for sources in self.operands],
            paths=[x.context.path if x is not None else "" for x in values],
            calls=[id(x.context) if x is not None else 0 for x in values],
            labels=[x.label if x is not None else "" for x in values],
            kinds=kinds,
            names=[self.made_by.get(x, x).op if x is not None else "" for x in values],
        )
        return graph, frozenset(path for paths in found.values() for path in paths.values())

    def _add_cards(self, tree: Tree, kept: dict[int, int], whole: set[int], before: int, after: int) -> list[str]:
        """Make the cards and edges; the id by which each entry appears: its own, or that of a group around it."""
        around = {home: next((f"g{kept[c]}" for c in tree.chain(home) if c in kept), "") for home in {*tree.home}}
        ids = ["" if home in whole else around[home] for home in tree.home]
        more = self._add(Node(self._next, "more", label=f"… {plural(before, 'more node')}")) if before else ""
        for entry, (own, x) in enumerate(zip(ids, self.entries, strict=True)):
            if own:  # in a large graph nearly all are inside of a group
                for source in self.operands[entry]:
                    start = ids[source] if source >= 0 else more
                    if start and start != own and (start, own, 0) not in self.edges:
                        self.edges[start, own, 0] = Edge(start, own, 0)
                continue
            ids[entry] = self._add(self._card(entry, x, more))
            maker = self.made_by.get(x, x) if isinstance(x, Value) else None
            told = self._slopes(maker) if maker is not None else []
            for slot, source in zip(_slots(maker), self.operands[entry], strict=True):
                start = ids[source] if source >= 0 else more
                if start:
                    is_exact = source >= 0 and start.startswith("n")
                    slope, share, flow = told[slot] if is_exact else ("", None, ())
                    self.edges.setdefault((start, ids[entry], slot), Edge(start, ids[entry], slot, slope, flow, share))
        if after:
            later = self._add(Node(self._next, "more", label=f"… {plural(after, 'more node')}"))
            for entry in sorted(self._used_outside()):
                self.edges[ids[entry], later, 0] = Edge(ids[entry], later, 0)
        return ids

    def _slopes(self, maker: Value) -> list[tuple[str, float | None, tuple[str, ...]]]:
        if not {"grad", "slope"} & self.show:
            return [("", None, ())] * len(maker.operands)
        return slopes(maker, always="slope" in self.show) if maker.operands else []

    def _used_outside(self) -> set[int]:
        """The entries that nodes left out of the scene were made from."""
        found, seen, stack = set(), set(self.roots), list(self.roots)
        while stack:
            value = stack.pop()
            for operand in operands_of(value):
                if isinstance(operand, Value):
                    if operand in self.number and value not in self.number and value not in self.whole:
                        found.add(self.number[operand])
                    if operand not in seen:
                        seen.add(operand)
                        stack.append(operand)
        return found

    def _add(self, node: Node) -> str:
        self.nodes.append(node)
        return node.id

    @property
    def _next(self) -> str:
        return f"n{len(self.nodes)}"

    def _card(self, entry: int, x: Any, more: str) -> Node:
        if not isinstance(x, Value):
            return Node(self._next, "constant", **self._numbers(x))
        maker = self.made_by.get(x, x)
        arrives = {
            slot for slot, source in zip(_slots(maker), self.operands[entry], strict=True) if source >= 0 or more
        }
        told: dict[str, Any] = {"path": x.path}
        if "op" in self.show:
            texts = [
                "" if slot in arrives or isinstance(y, Value) else literal(y) for slot, y in enumerate(maker.operands)
            ]
            told |= {
                "op": x.op and maker.op,
                "symbol": maker.symbol,
                "arguments": tuple(texts),
                "options": options(maker),
            }
            if maker.operands:
                told["formula"] = (maker.primitive.__doc__ or "").strip().partition("\n")[0]
        if "label" in self.show:
            told["label"] = x.label
        kind = _kind(x)
        if "grad" in self.show and kind != "constant":
            told["grad"] = self._grad(entry, x)
        return Node(self._next, kind, **told, **self._numbers(x.data))

    def _grad(self, entry: int, x: Value) -> Reading:
        """The gradient, with its size relative to the largest finite one: the length of its bar."""
        if not x.has_grad:
            return Reading(("–",))
        told = reading(plain(x.grad), bins=True)
        share = round(float(self.sizes[entry]) / self.largest, 3) if self.largest else 0.0
        return Reading(told.cells, told.is_bad, share, told.bins)

    def _numbers(self, data: Any) -> dict[str, Any]:
        data = plain(data)
        told: dict[str, Any] = {}
        if "data" in self.show:
            told["data"] = reading(data, bins=True)
        if "shape" in self.show:
            shape = getattr(data, "shape", ())
            told |= {"shape": str(shape) if shape else "", "dtype": str(getattr(data, "dtype", ""))}
        return told

    def _edges_with_shares(self) -> tuple[Edge, ...]:
        """Edges by target and slot, the size of each slope relative to the largest."""
        largest = max((edge.share or 0.0 for edge in self.edges.values()), default=0.0)
        return tuple(
            edge
            if edge.share is None
            else Edge(
                edge.source, edge.target, edge.slot, edge.slope, edge.flow, round(edge.share / (largest or 1.0), 3)
            )
            for edge in self.edges.values()
        )

    def _groups(self, tree: Tree, kept: dict[int, int], ids: list[str]) -> tuple[Group, ...]:
        """The groups that are in the scene, with figures about all that is inside them."""
        inside: dict[int, list[int]] = {cluster: [] for cluster in kept}
        direct: dict[int, list[str]] = {cluster: [] for cluster in kept}
        chains = {home: [c for c in tree.chain(home) if c in kept] for home in {*tree.home}}
        for entry, home in enumerate(tree.home):
            for cluster in chains[home]:
                inside[cluster].append(entry)
            if ids[entry].startswith("n") and home in kept:
                direct[home].append(ids[entry])
        symbols = [self.made_by.get(x, x).symbol if isinstance(x, Value) and x.operands else "" for x in self.entries]
        bad = np.array([isinstance(x, Value) and _is_bad(x) for x in self.entries], dtype=bool)
        groups = []
        for cluster, number in kept.items():
            members = np.array(inside[cluster], dtype=int)
            parent = tree.parent[cluster]
            sizes = np.abs(self.sizes[members])
            sizes = sizes[np.isfinite(sizes)]
            told = _spread(np.sort(sizes)) if sizes.size else ()
            ops = Counter(symbols[entry] for entry in inside[cluster] if symbols[entry]).most_common()
            groups.append(Group(
                f"g{number}", tree.path[cluster], tuple(direct[cluster]), f"g{kept[parent]}" if parent >= 0 else "",
                len(members), tree.times[cluster], tuple(ops), told, int(bad[members].sum()),
                round(float(sizes.max()) / self.largest, 3) if sizes.size and self.largest else None,
            ))  # fmt: skip
        return tuple(groups)


def _spread(ordered: Any) -> tuple[str, ...]:
    """Minimum, median and maximum of sorted numbers; one text if they are equal. (np.quantile takes ten times as long.)"""
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    told = tuple(format_number(float(q)) for q in (ordered[0], middle, ordered[-1]))
    return told[:1] if len(set(told)) == 1 else told


def _only_results(values: list[Value]) -> dict[Value, Value]:
    """The only result taken of an operation with several → the hidden node of all of them."""
    takers: dict[Value, list[Value]] = {}
    for value in values:
        if value.primitive is item:
            takers.setdefault(value.operands[0], []).append(value)
    return {alone[0]: whole for whole, alone in takers.items() if len(alone) == 1}


def _slots(x: Any) -> list[int]:
    """Which operands of a Value come from another card; the others are numbers written into its own."""
    if not isinstance(x, Value):
        return []
    return [i for i, y in enumerate(x.operands) if isinstance(y, Value) or (isinstance(y, np.ndarray) and y.size != 1)]


def _kind(x: Any) -> str:
    if not isinstance(x, Value) or x.primitive is CONSTANT:
        return "constant"
    return "op" if x.primitive else "leaf"


def _has_grad(x: Any) -> bool:
    return isinstance(x, Value) and x.has_grad and x.primitive is not CONSTANT


def _is_bad(x: Value) -> bool:
    if type(x.data) is float and type(x.grad) is float:
        return not (math.isfinite(x.data) and math.isfinite(x.grad))
    return not (is_finite(plain(x.data)) and is_finite(plain(x.grad)))
