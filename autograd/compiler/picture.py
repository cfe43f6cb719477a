"""What became of a function, to look at: a picture of its program, and figures about it."""

from collections import Counter
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from autograd.compiler.fuse import Fused
from autograd.compiler.loops import Loop
from autograd.compiler.program import Program, Step, Variable, variables
from autograd.compiler.tape import Tape
from autograd.viz.clusters import OPENED, Graph, choose, fold, grow
from autograd.viz.drawing import Drawing
from autograd.viz.reading import format_number
from autograd.viz.scene import Edge, Group, Node, Scene
from autograd.viz.words import plural

__all__ = ["chains", "drawing", "flops"]

PHASES = ("forward", "backward", "update")
SHOWN = 40  # ops of a chain that explain() names


def drawing(
    program: Program, names: dict[Variable, str], *, depth: int | str, direction: str, theme: str, max_nodes: int
) -> Drawing:
    """The program as a picture: a card for each input and each step, with the phases and their modules as groups.

    A program of more than max_nodes cards is folded into these groups, as a large graph is (`autograd.draw`).
    """
    nodes: list[Node] = []
    edges: list[Edge] = []
    ids: dict[Variable, str] = {}
    used = {x for step in program.steps for x in step.reads()}
    for x in program.inputs:
        if x in used:
            ids[x] = f"n{len(nodes)}"
            nodes.append(Node(ids[x], "leaf", label=names.get(x, x.name), shape=_shape(x), dtype=str(x.dtype or "")))
    for phase, step in _by_phase(program):
        own = f"n{len(nodes)}"
        out = step.results[0]
        arguments = []
        for slot, x in enumerate(step.operands):
            edge = isinstance(x, Variable) and x in ids
            arguments.append("" if edge else _text(x))
            if edge:
                edges.append(Edge(ids[x], own, slot))
        edges += [Edge(ids[x], own, len(arguments)) for x in variables(step.options) if x in ids]
        ids.update(dict.fromkeys(step.results, own))
        options = tuple(f"{name}={_text(x)}" for name, x in step.options.items() if x is not None)
        inside = _parts(step.op.body, 3) if isinstance(step.op, (Loop, Fused)) else ""
        symbol = inside or getattr(step.op, "symbol", step.name)
        nodes.append(Node(own, "op", op=step.name, symbol=symbol, label=names.get(out, ""),
                          arguments=tuple(arguments), options=options, shape=_shape(out), dtype=str(out.dtype or ""),
                          path=f"{phase}.{step.path}".rstrip(".")))  # fmt: skip
    roots = tuple(dict.fromkeys(ids[x] for x in variables(list(program.outputs)) if x in ids))
    return Drawing(_scene(nodes, edges, roots, depth, max_nodes), direction=direction, theme=theme)


def _by_phase(program: Program) -> list[tuple[str, Step]]:
    """The steps with their phases, each phase in one stretch: a step belongs to no earlier phase than what it reads."""
    ranks: dict[Variable, int] = {}
    found = []
    for step in program.steps:
        rank = max([PHASES.index(step.phase), *(ranks.get(x, 0) for x in step.reads())])
        ranks.update(dict.fromkeys(step.results, rank))
        found.append((rank, step))
    found.sort(key=lambda pair: pair[0])
    return [(PHASES[rank], step) for rank, step in found]


def _scene(nodes: list[Node], edges: list[Edge], roots: tuple[str, ...], depth: int | str, max_nodes: int) -> Scene:
    """The cards in a group for each phase, and in it for each call of a module; what has no room stays in its group."""
    number = {node.id: i for i, node in enumerate(nodes)}
    operands: list[list[int]] = [[] for _ in nodes]
    for edge in edges:
        operands[number[edge.target]].append(number[edge.source])
    graph = Graph(operands, [node.path for node in nodes], [0] * len(nodes), [node.label for node in nodes],
                  ["op" if node.path else "leaf" for node in nodes], [node.op for node in nodes])  # fmt: skip
    tree = grow(graph, frozenset())
    folded = len(nodes) > max_nodes
    if folded:
        fold(graph, tree, frozenset())
    kept, whole, closed = choose(tree, depth, folded=folded, most=2 * OPENED)
    chains = {home: [c for c in tree.chain(home) if c in kept] for home in {*tree.home}}
    seen_as: dict[str, str] = {}  # id of a node → the same, or the group that it is left out in
    shown: list[Node] = []
    for node, home in zip(nodes, tree.home, strict=True):
        seen_as[node.id] = f"n{len(shown)}" if home in whole else f"g{kept[chains[home][0]]}"
        if home in whole:
            shown.append(replace(node, id=seen_as[node.id]))
    links: dict[tuple[str, str, int], Edge] = {}
    for edge in edges:
        source, target = seen_as[edge.source], seen_as[edge.target]
        slot = edge.slot if target.startswith("n") else 0
        if source != target:
            links.setdefault((source, target, slot), Edge(source, target, slot))
    inside: dict[int, list[int]] = {cluster: [] for cluster in kept}
    for i, home in enumerate(tree.home):
        for cluster in chains[home]:
            inside[cluster].append(i)
    groups = tuple(
        Group(
            f"g{own}", tree.path[cluster],
            tuple(seen_as[nodes[i].id] for i in inside[cluster] if tree.home[i] == cluster and cluster in whole),
            f"g{kept[tree.parent[cluster]]}" if tree.parent[cluster] >= 0 else "",
            len(inside[cluster]), tree.times[cluster],
            ops=tuple(Counter(nodes[i].symbol for i in inside[cluster] if nodes[i].kind == "op").most_common()),
        )
        for cluster, own in kept.items()
    )  # fmt: skip
    steps = sum(node.kind == "op" for node in nodes)
    summary = f"program of {plural(steps, 'step')} and {plural(len(nodes) - steps, 'input')}" + ", in groups" * folded
    seen = tuple(id for id in dict.fromkeys(seen_as[root] for root in roots) if id.startswith("n"))
    return Scene(tuple(shown), tuple(links.values()), groups, seen, tuple(f"g{kept[c]}" for c in closed), summary)


def _shape(x: Variable) -> str:
    return str(x.shape) if x.shape else ""


def _text(x: Any) -> str:
    if isinstance(x, (int, float)):
        return format_number(x)
    if isinstance(x, np.ndarray):
        return f"array{x.shape}"
    if isinstance(x, slice):
        return ":".join(
            "" if part is None else _text(part) for part in (x.start, x.stop, x.step)[: 2 + (x.step is not None)]
        )
    if isinstance(x, tuple) and any(isinstance(part, slice) for part in x):
        return f"[{', '.join('...' if part is Ellipsis else _text(part) for part in x)}]"
    if isinstance(x, tuple) and any(isinstance(part, tuple) for part in x):  # the places of parts
        return f"{_text(x[0])}, …"
    return "…" if isinstance(x, Variable) else str(x)[:24]


def chains(program: Program) -> list[str]:
    """A line for each chain that runs in blocks, and for each tape; equal ones once, with their number."""
    lines: list[str] = []
    for step in program.steps:
        if isinstance(step.op, Loop):
            parts = _parts(step.op.body)
            count = sum(count for _, _, count in step.op.blocks())
            lines.append(f"{len(step.op.body.steps)} steps on {step.op.shape} in {count} blocks: {parts}")
        elif isinstance(step.op, Fused):
            where = f"on {step.op.shape} in one loop" if step.op.shape else "on numbers in one function"
            lines.append(f"{len(step.op.body.steps):,} steps {where}: {_parts(step.op.body)}")
        elif isinstance(step.op, Tape):
            lines.append(f"{len(step.op.rows):,} steps on numbers as a tape")
    return [f"{line}{f'  (× {count})' if count > 1 else ''}" for line, count in Counter(lines).items()]


def _parts(body: Program, shown: int = SHOWN) -> str:
    """The ops of a chain, of a long one its beginning."""
    parts = [step.name for step in body.steps]
    return " → ".join(parts if len(parts) <= shown else [*parts[:shown], f"{len(parts) - shown:,} more"])


def flops(program: Program) -> int:
    """Additions and multiplications (and other functions of one number, counted as one each) of a run."""
    return sum(map(_flops, program.steps))


def _flops(step: Step) -> int:
    if isinstance(step.op, (Loop, Fused)):
        return flops(step.op.body)
    if isinstance(step.op, Tape):
        return len(step.op.rows)
    sizes = [prod(x.shape) for x in (*step.results, *variables(step.operands))]
    if step.name in ("dot", "matmul"):
        shapes = [np.shape(x) if isinstance(x, np.ndarray) else x.shape for x in step.operands]
        return 2 * prod(step.results[0].shape) * (shapes[0][-1] if shapes[0] else 1)
    name = step.name.removesuffix("_last")
    if name in ("conv", "conv_input", "conv_weight"):
        weight = step.operands[1].shape if name != "conv_weight" else step.results[0].shape
        outer = step.results[0].shape if name == "conv" else step.operands[0 if name == "conv_input" else 1].shape
        return 2 * prod(outer) * prod(weight[1:])
    return max(sizes, default=0) if step.name not in ("reshape", "transpose", "piece", "pack", "getitem") else 0
