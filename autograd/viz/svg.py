"""Scene → SVG: one text that a browser, a notebook and librsvg all draw, with nothing installed.

Comes after `cards` (sizes) and `layout` (places). Colours are literal, because librsvg draws CSS `var()` black; a dark
scheme follows the reader's system, or the notebook's own theme where it has one. Every rule is scoped by a class made
from the picture's content, so several drawings on one page do not restyle each other, and there are no `id`s to clash.
`stylesheet`, `escape` and `picture` serve other pictures too.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from .cards import HEADER, PAD, Card, Text, measure
from .layout import Box, Point, arrange
from .scene import Edge, Node, Reading, Scene

Scheme = Mapping[str, str]

LIGHT: Scheme = {
    "page": "#fafbfc",
    "card": "#ffffff",
    "border": "#d3d8e2",
    "text": "#1b2130",
    "muted": "#6b7385",
    "edge": "#9aa4b8",
    "leaf": "#e3f4ec",
    "leaf border": "#a9d6c1",
    "op": "#e9eefc",
    "op border": "#bccaf2",
    "badge": "#3b5bdb",
    "badge text": "#ffffff",
    "root": "#fff0d6",
    "root border": "#eab54d",
    "root badge": "#b35c00",
    "constant": "#eef0f4",
    "track": "#edf0f5",
    "positive": "#2f7de1",
    "negative": "#ef7d1a",
    "size": "#7684a3",
    "bad": "#d6203a",
}
DARK: Scheme = {
    "page": "#14161c",
    "card": "#1d2029",
    "border": "#3a4050",
    "text": "#e8eaf0",
    "muted": "#9ba3b5",
    "edge": "#6a748a",
    "leaf": "#1d3a30",
    "leaf border": "#33634f",
    "op": "#262f50",
    "op border": "#435391",
    "badge": "#5f7df0",
    "badge text": "#ffffff",
    "root": "#453515",
    "root border": "#a87a22",
    "root badge": "#c9740e",
    "constant": "#2a2e39",
    "track": "#2c313d",
    "positive": "#5aa2f7",
    "negative": "#f79545",
    "size": "#8593b3",
    "bad": "#ff6b7d",
}

SANS = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif"
MONO = "ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace"

_FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# selector → (property → name of a colour); written once per scheme
_RULES: dict[str, dict[str, str]] = {
    ".page": {"fill": "page"},
    ".card": {"fill": "card", "stroke": "border"},
    ".op .card": {"stroke": "op border"},
    ".op .head": {"fill": "op"},
    ".leaf .card": {"stroke": "leaf border"},
    ".leaf .head": {"fill": "leaf"},
    ".constant .head": {"fill": "constant"},
    ".root .card": {"stroke": "root border"},
    ".root .head": {"fill": "root"},
    ".pill": {"fill": "badge"},
    ".root .pill": {"fill": "root badge"},
    ".badge": {"fill": "badge text"},
    ".label,.number": {"fill": "text"},
    ".muted,.shape,.name,.hint": {"fill": "muted"},
    ".bad": {"fill": "bad"},
    ".wire": {"stroke": "edge"},
    ".tip": {"fill": "edge"},
    ".track": {"fill": "track"},
    ".positive": {"fill": "positive"},
    ".negative": {"fill": "negative"},
    ".size": {"fill": "size"},
}
_FIXED = {
    "text": f"font-family:{SANS};font-size:12px",
    ".label": "font-size:12.5px;font-weight:600",
    ".badge": "font-size:12px;font-weight:600",
    ".muted,.name": "font-size:11px",
    ".hint": "font-size:9.5px",
    ".number": f"font-family:{MONO};font-size:12px",
    ".shape": f"font-family:{MONO};font-size:11px",
    ".bad": "font-weight:600",
    ".wire": "fill:none;stroke-width:1.4",
    ".cut": "stroke-dasharray:5 4",
    ".node:hover .card": "stroke-width:2",
}


def to_svg(scene: Scene, *, direction: str = "LR", theme: str = "auto") -> str:
    """The scene as one SVG element, with a <title> (shown on hover) on each card and edge."""
    cards = [measure(node) for node in scene.nodes]
    number = {node.id: i for i, node in enumerate(scene.nodes)}
    ends = [(number[edge.source], number[edge.target]) for edge in scene.edges]
    plan = arrange([(card.width, card.height) for card in cards], ends, direction=direction)
    wires = [
        _wire(edge, route, scene.nodes[source], scene.nodes[target], direction)
        for edge, route, (source, target) in zip(scene.edges, plan.routes, ends, strict=True)
    ]
    roots = frozenset(scene.roots)
    nodes = [
        _card(node, card, box, is_root=node.id in roots)
        for node, card, box in zip(scene.nodes, cards, plan.boxes, strict=True)
    ]
    size = plan.width, plan.height
    return picture(size, [*wires, *nodes], rules=_RULES, fixed=_FIXED, theme=theme, title=summary(scene))


def picture(
    size: tuple[float, float],
    body: list[str],
    *,
    rules: Mapping[str, Mapping[str, str]],
    fixed: Mapping[str, str],
    theme: str,
    title: str,
) -> str:
    """An <svg> around elements, with its background and its own style.

    size   (width, height) in pixels
    rules  selector → property → name of a colour of LIGHT and DARK
    fixed  selector → declarations that do not depend on the scheme
    """
    width, height = (number(side) for side in size)
    content = "\n".join(body)
    scope = f"gg{zlib.crc32(f'{theme} {width} {height} {content}'.encode()):08x}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{scope}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">\n'
        f"<style>\n{stylesheet(scope, rules, fixed, theme)}\n</style>\n"
        f'<rect class="page" width="{width}" height="{height}" rx="10"/>\n{content}\n</svg>\n'
    )


def stylesheet(scope: str, rules: Mapping[str, Mapping[str, str]], fixed: Mapping[str, str], theme: str) -> str:
    """CSS inside `scope`. Theme "auto" is light, dark where the system asks for it, and as a notebook's theme says."""
    lines = [f"{_scoped(scope, selector)}{{{declarations}}}" for selector, declarations in fixed.items()]
    base = _coloured(scope, rules, DARK if theme == "dark" else LIGHT)
    if theme != "auto":
        return "\n".join([*lines, *base])
    dark = _coloured(scope, rules, DARK)
    # JupyterLab marks its body with its theme; that beats the system's choice, by its higher specificity.
    notebook_light = _coloured(f'[data-jp-theme-light="true"] .{scope}', rules, LIGHT)
    notebook_dark = _coloured(f'[data-jp-theme-light="false"] .{scope}', rules, DARK)
    system = ["@media (prefers-color-scheme:dark){", *dark, "}"]
    return "\n".join([*lines, *base, *system, *notebook_light, *notebook_dark])


def _coloured(scope: str, rules: Mapping[str, Mapping[str, str]], scheme: Scheme) -> list[str]:
    return [
        f"{_scoped(scope, selector)}{{{';'.join(f'{name}:{scheme[colour]}' for name, colour in colours.items())}}}"
        for selector, colours in rules.items()
    ]


def _scoped(scope: str, selector: str) -> str:
    prefix = scope if scope.startswith("[") else f".{scope}"
    return ",".join(f"{prefix} {part}" for part in selector.split(","))


def escape(text: str) -> str:
    """Text for XML content and attributes; characters that XML forbids become U+FFFD."""
    legal = _FORBIDDEN.sub("\ufffd", text)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        legal = legal.replace(character, entity)
    return legal


def number(value: float) -> str:
    """A coordinate: one decimal at most, so that a picture is the same text everywhere."""
    return f"{value:.1f}".removesuffix(".0")


def summary(scene: Scene) -> str:
    """One line about the picture, for readers who do not see it."""
    names = [node.label or node.op or node.kind for node in scene.nodes if node.id in scene.roots]
    more = [node.label.removeprefix("… ") for node in scene.nodes if node.kind == "more"]
    counts = (len(scene.nodes) - len(more), "node"), (len(scene.edges), "edge")
    parts = [f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in counts]
    return f"computation graph of {', '.join(names)}: {', '.join([*parts, *more])}"


def hover(node: Node) -> str:
    """What the card's tooltip says: everything known of the node, one fact a line."""
    lines = [node.label] if node.label else []
    if node.op:
        lines.append(f"{node.op}({', '.join([*(text or '·' for text in node.arguments), *node.options])})")
    lines += [f"{node.shape} {node.dtype}".strip()] if node.shape or node.dtype else []
    for name, reading in (("data", node.data), ("grad", node.grad)):
        if reading is not None:
            lines.append(f"{name} {_spelled(reading)}")
    lines += [f"in {node.path}"] if node.path else []
    return "\n".join(lines)


def _spelled(reading: Reading) -> str:
    if len(reading.cells) == 3:
        return "min {}, mean {}, max {}".format(*reading.cells)
    return reading.cells[0]


def _titled(text: str) -> str:
    return f"<title>{escape(text)}</title>"


def _card(node: Node, card: Card, box: Box, *, is_root: bool) -> str:
    style = f"node {node.kind} root" if is_root else f"node {node.kind}"
    width, height = number(box.width), number(box.height)
    dashes = ' stroke-dasharray="5 4"' if node.kind == "more" else ""
    parts = [
        f'<g class="{style}" data-node="{node.id}" transform="translate({number(box.x)},{number(box.y)})">',
        _titled(hover(node) or node.kind),
        f'<rect class="card" width="{width}" height="{height}" rx="8"{dashes}/>',
    ]
    if card.header:
        parts.append(f'<path class="head" d="{_head(box.width, card.height)}"/>')
    if card.pill:
        parts.append(
            f'<rect class="pill" x="{number(PAD - 3)}" y="5.5" width="{number(card.pill)}" height="18" rx="9"/>'
        )
    parts += [_text(text, box.width) for text in card.texts]
    if card.bar and node.grad is not None and node.grad.share is not None:
        parts.append(_bar(node.grad, node.grad.share, card.bar, box.width))
    return "".join([*parts, "</g>"])


def _head(width: float, height: float) -> str:
    """The header's outline, inside the card's border: round at the top, and below only if the card ends with it."""
    across = number(width - 16)
    if height > HEADER:
        return f"M.5,{number(HEADER)}V8q0,-7.5 7.5,-7.5h{across}q7.5,0 7.5,7.5V{number(HEADER)}z"
    return (
        f"M.5,8q0,-7.5 7.5,-7.5h{across}q7.5,0 7.5,7.5V{number(height - 8)}q0,7.5 -7.5,7.5h-{across}q-7.5,0 -7.5,-7.5z"
    )


def _text(text: Text, width: float) -> str:
    x = width - text.x if text.stick else text.x
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    return f'<text class="{text.style}" x="{number(x)}" y="{number(text.y)}"{anchor}>{escape(text.text)}</text>'


def _bar(grad: Reading, share: float, y: float, width: float) -> str:
    """The gradient's size relative to the largest; coloured by its sign, if it has one."""
    room = width - 2 * PAD
    style = "size" if len(grad.cells) == 3 else "negative" if share < 0 else "positive"
    length = number(max(abs(share) * room, 1.5 if share else 0.0))
    place = f'x="{number(PAD)}" y="{number(y - 3)}" height="3" rx="1.5"'
    return f'<rect class="track" {place} width="{number(room)}"/><rect class="{style}" {place} width="{length}"/>'


def _wire(edge: Edge, route: tuple[Point, ...], source: Node, target: Node, direction: str) -> str:
    cut = " cut" if source.kind == "more" else ""
    names = (source.label or source.op or source.kind, target.label or target.op or target.kind)
    tip = f"{names[0]} → operand {edge.slot} of {names[1]}"
    return (
        f'<g>{_titled(tip)}<path class="wire{cut}" d="{curve(route, direction)}"/>'
        f'<path class="tip" d="{_arrow(route[-1], direction)}"/></g>'
    )


def curve(route: tuple[Point, ...], direction: str) -> str:
    """SVG path of a route: straight lines within layers, a smooth bend in each gap; it ends under the arrow's tip."""
    (x, y), *rest = route
    end_x, end_y = rest[-1]
    rest[-1] = (end_x - 5, end_y) if direction == "LR" else (end_x, end_y - 5)
    path = [f"M{number(x)},{number(y)}"]
    for next_x, next_y in rest:
        end = f"{number(next_x)},{number(next_y)}"
        if x == next_x or y == next_y:
            path.append(f"L{end}")
        elif direction == "LR":
            middle = number((x + next_x) / 2)
            path.append(f"C{middle},{number(y)} {middle},{number(next_y)} {end}")
        else:
            middle = number((y + next_y) / 2)
            path.append(f"C{number(x)},{middle} {number(next_x)},{middle} {end}")
        x, y = next_x, next_y
    return "".join(path)


def _arrow(tip: Point, direction: str) -> str:
    x, y = number(tip[0]), number(tip[1])
    return f"M{x},{y}l-7,-3.5v7z" if direction == "LR" else f"M{x},{y}l-3.5,-7h7z"
