"""Scene → steps: the forward pass and the backward pass, one node at a time, with the rule applied and the numbers.

Comes after `svg` and `html`. All steps are written out as a list beside the complete picture; `steps.js` shows one step at
a time, and takes away from the picture what is not known yet. Without JavaScript the list and the picture are complete.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from .html import PAGE, coloured, document, script
from .picture import Picture
from .scene import Edge, Node, Scene
from .style import escape
from .svg import to_svg
from .text import formulas
from .view import view
from .words import spelled, summary


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of a pass.

    phase   "start", "forward" or "backward"
    node    id of the node that is computed, or that passes its gradient on; "" at the start
    title   what happens, as a formula
    lines   the rule, and the numbers that flow
    grads   id → the gradient's text from now on; "" for the final one, which is on the card
    wires   (source, target, slot) of the edges along which numbers flow
    """

    phase: str
    node: str
    title: str
    lines: tuple[str, ...] = ()
    grads: tuple[tuple[str, str], ...] = ()
    wires: tuple[tuple[str, str, int], ...] = ()


def steps_of(scene: Scene) -> list[Step]:
    """The steps through the nodes that the scene shows: forward, then as far as gradients are known, backward."""
    shown = view(scene)
    nodes = [card for card in shown.cards if isinstance(card, Node)]
    into: dict[str, list[Edge]] = {node.id: [] for node in nodes}
    for wire in shown.wires:
        target = shown.cards[wire.target].id
        if target in into and isinstance(shown.cards[wire.source], Node):
            into[target].append(wire.edge)
    names, written = formulas(scene)
    by_id = {node.id: node for node in nodes}
    start = ", ".join(f"{names[node.id]} = {_data(node)}" for node in nodes if node.kind in ("leaf", "constant"))
    steps = [Step("start", "", "Inputs and weights are given", (start,) if start else ())]
    for node in nodes:
        if node.kind == "op":
            wires = tuple((edge.source, edge.target, edge.slot) for edge in into[node.id])
            steps.append(Step("forward", node.id, written[node.id], _numbers(node, into[node.id], by_id), (), wires))
    return steps + _backward(scene, nodes, into, names, written)


def _data(node: Node) -> str:
    return spelled(node.data.cells) if node.data is not None else "?"


def _numbers(node: Node, edges: list[Edge], by_id: dict[str, Node]) -> tuple[str, ...]:
    """The formula with numbers in the place of names, where all of them are numbers; and the operation's own words."""
    texts = list(node.arguments)
    for edge in edges:
        source = by_id[edge.source]
        if edge.slot < len(texts):
            is_number = source.data is not None and len(source.data.cells) == 1
            texts[edge.slot] = _data(source) if is_number else source.shape or "…"
    texts = [f"({text})" if text.startswith("-") and len(texts) > 1 else text or "…" for text in texts]
    call = (
        f"{texts[0]} {node.symbol} {texts[1]}" if node.is_infix else f"{node.op}({', '.join([*texts, *node.options])})"
    )
    return (f"= {call} = {_data(node)}", *filter(None, [node.formula]))


def _backward(
    scene: Scene, nodes: list[Node], into: dict[str, list[Edge]], names: dict[str, str], written: dict[str, str]
) -> list[Step]:
    """The backward steps: none before a backward pass, or where it kept only the gradients of leaves."""
    by_id = {node.id: node for node in nodes}

    def known(node: Node) -> bool:
        return node.grad is not None and node.grad.cells != ("–",)

    seeds = [by_id[root] for root in scene.roots if root in by_id and known(by_id[root])]
    if not seeds:
        return []
    waiting: dict[str, int] = {}  # contributions that a gradient still waits for
    for edges in into.values():
        for edge in edges:
            if edge.flow:
                waiting[edge.source] = waiting.get(edge.source, 0) + 1
    first = tuple(
        f"d {names[node.id]} / d {names[node.id]} = {spelled(node.grad.cells)}" for node in seeds if node.grad
    )
    grads = tuple((seed.id, "") for seed in seeds)
    steps = [Step("backward", seeds[0].id, "The backward pass starts at the result", first, grads)]
    so_far: dict[str, list[str]] = {}
    for node in reversed(nodes):
        flows = [edge for edge in into[node.id] if edge.flow]
        if node.kind != "op" or not known(node) or not flows:
            continue
        lines, sums = [], {}
        for edge in flows:
            source = edge.source
            waiting[source] -= 1
            so_far.setdefault(source, []).append(edge.flow[0] if len(edge.flow) == 1 else "…")
            sums[source] = " + ".join([*so_far[source][-2:], "…"]) if waiting[source] else ""
            lines.append(_passed_on(node, edge, names))
        told = f"{names[node.id]} has gradient {spelled(node.grad.cells)}" if node.grad is not None else ""
        wires = tuple((edge.source, edge.target, edge.slot) for edge in flows)
        lines += [node.formula] if node.formula else []
        title = f"back through {written[node.id]}"
        steps.append(Step("backward", node.id, title, (told, *lines), tuple(sums.items()), wires))
    return steps


def _passed_on(node: Node, edge: Edge, names: dict[str, str]) -> str:
    source, target, flow = names[edge.source], names[node.id], spelled(edge.flow)
    if edge.slope and not edge.slope.startswith("×") and node.grad is not None:
        return f"∂ {target} / ∂ {source} = {edge.slope}, so {source} gets {edge.slope} · {node.grad.cells[0]} = {flow}"
    return f"{source} gets {flow}"


def _named(scene: Scene) -> Scene:
    """The scene with a name on every card: texts speak of nodes without a label by their ids."""
    return replace(
        scene, nodes=tuple(replace(n, label=n.label or n.id) if n.kind != "more" else n for n in scene.nodes)
    )


class Steps(Picture):
    """The two passes of a drawing, step by step; a page with a slider and keys, or a notebook's output."""

    def __init__(self, scene: Scene, *, direction: str, theme: str) -> None:
        self.scene, self.direction, self.theme = _named(scene), direction, theme
        self.steps = steps_of(self.scene)
        self.title = f"{len(self.steps)} steps through the {summary(scene)}"

    def to_svg(self) -> str:
        return to_svg(self.scene, direction=self.direction, theme=self.theme)

    def to_text(self) -> str:
        """The steps as a numbered list."""
        lines = []
        for number, step in enumerate(self.steps):
            lines.append(f"{number}. {step.phase}: {step.title}")
            lines += [f"   {line}" for line in step.lines]
        return "\n".join(lines) + "\n"

    def to_html(self) -> str:
        style = f"body{{margin:20px}}\n{coloured(PAGE, self.theme)}"
        return document(self.to_inline(), title=self.title, style=style)

    def to_inline(self) -> str:
        drawn = self.to_svg()
        scope = f"steps{zlib.crc32(drawn.encode()):08x}"
        data = [{"node": s.node, "phase": s.phase, "grads": s.grads, "wires": s.wires} for s in self.steps]
        items = "\n".join(
            f"<li><b>{escape(step.phase)}</b> <strong>{escape(step.title)}</strong>"
            + "".join(f"<div>{escape(line)}</div>" for line in step.lines)
            + "</li>"
            for step in self.steps
        )
        style = "\n".join(_scoped(scope, rule) for rule in _STYLE.strip().splitlines())
        told = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        last = len(self.steps) - 1
        return (
            f'<div class="{scope}" tabindex="0"><style>\n{style}\n</style>\n'
            '<p class="controls"><button type="button" class="back" title="Back (←)">◀</button>'
            '<button type="button" class="play" title="Play (space)">▶▶</button>'
            '<button type="button" class="on" title="On (→)">▶</button>'
            f'<input type="range" min="0" max="{last}" value="{last}" aria-label="Step"><output></output></p>\n'
            f'<ol start="0">\n{items}\n</ol>\n<div class="picture">{drawn}</div>\n'
            f'<script type="application/json">{told}</script>\n'
            f"<script>\n{script('steps.js').replace('SCOPE', scope)}</script>\n</div>\n"
        )

    def writers(self) -> dict[str, Callable[[], str | bytes]]:
        return {".html": self.to_html, ".svg": self.to_svg, ".txt": self.to_text}


def _scoped(scope: str, rule: str) -> str:
    """A rule for the inside of the element with this class; "&" is the element itself."""
    return rule.replace("&", f".{scope}", 1) if rule.startswith("&") else f".{scope} {rule}"


_STYLE = """
&{outline:none;max-width:100%}
.controls{display:none}
.picture{overflow-x:auto}
ol{font-size:14px;line-height:1.5;padding-left:2.2em}
li{margin:.3em 0;font-variant-numeric:tabular-nums}
li b{font-weight:500;opacity:.65;margin-right:.4em}
&.live .controls{display:flex;gap:8px;align-items:center;margin:0 0 8px}
.controls input{flex:1;max-width:420px}
.controls button{font:inherit;padding:3px 10px;border-radius:7px;border:1px solid #8884;background:#8882;color:inherit}
&.live ol{list-style:none;padding:0;margin:0 0 10px;min-height:7.2em}
&.live li:not(.now){display:none}
&.live .picture{max-height:72vh;overflow:auto}
.later{opacity:.16}
.node,[data-from]{transition:opacity .15s}
.unknown .tint,.unknown .bar,.unknown .of-grad{visibility:hidden}
.now .card{stroke:#8a3ffc!important;stroke-width:2.6}
[data-from].flows .wire{stroke:#8a3ffc!important;stroke-width:2.6}
[data-from].flows .tip{fill:#8a3ffc!important}
"""
