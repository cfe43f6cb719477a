"""What became of a function, to look at: a picture of its program, and figures about it."""

from collections import Counter
from math import prod
from typing import Any

import numpy as np

from autograd.compiler.fuse import Fused
from autograd.compiler.loops import Loop
from autograd.compiler.program import Program, Step, Variable, variables
from autograd.compiler.tape import Tape
from autograd.viz.clusters import Graph, grow
from autograd.viz.drawing import Drawing
from autograd.viz.reading import format_number
from autograd.viz.scene import Edge, Group, Node, Scene

__all__ = ["chains", "drawing", "flops"]

PHASES = ("forward", "backward", "update")
SHOWN = 40  # ops of a chain that explain() names


def drawing(program: Program, names: dict[Variable, str], *, direction: str, theme: str, max_nodes: int) -> Drawing:
    """The program as a picture: a card for each input and each step, with the phases as groups."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    ids: dict[Variable, str] = {}
    used = {x for step in program.steps for x in step.reads()}
    for x in program.inputs:
        if x in used and len(nodes) < max_nodes:
            ids[x] = f"n{len(nodes)}"
            nodes.append(Node(ids[x], "leaf", label=names.get(x, x.name), shape=_shape(x), dtype=str(x.dtype or "")))
    for i, (phase, step) in enumerate(_by_phase(program)):
        if len(nodes) >= max_nodes:
            nodes.append(Node(f"n{len(nodes)}", "more", label=f"… {len(program.steps) - i} more steps"))
            break
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
    roots = [ids[x] for x in variables(list(program.outputs)) if x in ids]
    scene = Scene(tuple(nodes), tuple(edges), _boxes(nodes, edges), tuple(dict.fromkeys(roots)))
    return Drawing(scene, direction=direction, theme=theme)


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


def _boxes(nodes: list[Node], edges: list[Edge]) -> tuple[Group, ...]:
    """A box for each phase, and in it for each call of a module."""
    number = {node.id: i for i, node in enumerate(nodes)}
    operands: list[list[int]] = [[] for _ in nodes]
    for edge in edges:
        operands[number[edge.target]].append(number[edge.source])
    graph = Graph(operands, [node.path for node in nodes], [0] * len(nodes), [node.label for node in nodes],
                  ["op" if node.path else "leaf" for node in nodes], [node.op for node in nodes])  # fmt: skip
    tree = grow(graph, frozenset())
    inside = [[i for i, home in enumerate(tree.home) if box in tree.chain(home)] for box in range(len(tree.path))]
    return tuple(
        Group(
            f"g{box}", path, tuple(nodes[i].id for i in members if tree.home[i] == box),
            f"g{tree.parent[box]}" if tree.parent[box] >= 0 else "", len(members),
            ops=tuple(Counter(nodes[i].symbol for i in members).most_common()),
        )
        for box, (path, members) in enumerate(zip(tree.path, inside, strict=True))
    )  # fmt: skip


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
        return f"[{', '.join(map(_text, x))}]"
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
    if step.name.startswith("conv"):
        weight = step.operands[1].shape if step.name != "conv_weight" else step.results[0].shape
        outer = (
            step.operands[0 if step.name == "conv_input" else 1].shape if step.name != "conv" else step.results[0].shape
        )
        return 2 * prod(outer) * prod(weight[1:])
    return max(sizes, default=0) if step.name not in ("reshape", "transpose", "piece", "pack", "getitem") else 0
