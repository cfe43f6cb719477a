"""Two scenes → one: what changed between two moments, such as before and after a training step.

Comes after `scene`. Nodes are matched by what they are (operation, label, module, shape) in the order of execution, so a
graph that was built anew matches the old one, and an operation that was put in does not shift all that follow it.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import SequenceMatcher

from .scene import Edge, Node, Reading, Scene
from .words import plural


def difference(old: Scene, new: Scene) -> Scene:
    """The new scene with "old → new" where numbers differ, its new nodes marked, and the old ones that are gone."""
    matcher = SequenceMatcher(
        None, [_key(node) for node in old.nodes], [_key(node) for node in new.nodes], autojunk=False
    )
    partner: dict[str, Node] = {}
    for block in matcher.get_matching_blocks():
        for i in range(block.size):
            partner[new.nodes[block.b + i].id] = old.nodes[block.a + i]
    nodes = [_compared(partner.get(node.id), node) for node in new.nodes]
    moved = {before.id: id for id, before in partner.items()}
    gone = [replace(node, id=f"o{node.id[1:]}", change="gone") for node in old.nodes if node.id not in moved]
    moved |= {f"n{node.id[1:]}": node.id for node in gone}
    edges = [replace(edge, slope="", flow=(), share=None) for edge in new.edges]
    lost = {node.id for node in gone}
    edges += [
        Edge(moved[edge.source], moved[edge.target], edge.slot)
        for edge in old.edges
        if edge.source in moved and edge.target in moved and lost & {moved[edge.source], moved[edge.target]}
    ]
    counts = {kind: sum(node.change == kind for node in (*nodes, *gone)) for kind in ("changed", "new", "gone", "same")}
    told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
    summary = f"comparison of two graphs: {plural(len(nodes) + len(gone), 'node')}, {told or 'none'}"
    return replace(new, nodes=(*nodes, *gone), edges=tuple(edges), summary=summary, color="op", slopes=False)


def _key(node: Node) -> tuple[str, ...]:
    return node.kind, node.op, node.label, node.path, node.shape


def _compared(old: Node | None, new: Node) -> Node:
    if old is None:
        return replace(new, change="new")
    data, grad = _both(old.data, new.data), _both(old.grad, new.grad)
    return replace(new, data=data, grad=grad, change="same" if (data, grad) == (new.data, new.grad) else "changed")


def _both(old: Reading | None, new: Reading | None) -> Reading | None:
    """The new reading; where its texts differ "old → new", of an array the mean's if that differs."""
    if old is None or new is None or old.cells == new.cells:
        return new
    if len(old.cells) == len(new.cells) == 3:
        at = next(i for i in (1, 0, 2) if old.cells[i] != new.cells[i])
        text = f"{('min', 'mean', 'max')[at]} {old.cells[at]} → {new.cells[at]}"
    else:
        before, after = (cells[0] if len(cells) == 1 else f"mean {cells[1]}" for cells in (old.cells, new.cells))
        text = f"{before} → {after}"
    return replace(new, cells=(text,))
