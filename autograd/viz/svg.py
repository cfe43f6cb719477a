"""Scene → SVG: one text that a browser, a notebook and librsvg all draw, with nothing installed.

Comes after `cards` (sizes) and `nested` (places). A dark scheme follows the reader's system, or the notebook's own theme
where it has one. Every rule is scoped by a class made from the picture's content, so several drawings on one page do not
restyle each other, and there are no `id`s to clash.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .cards import HEADER, PAD, PLOT, Card, Plot, Text, inner, measure, text_width
from .layout import Box, Point
from .nested import Plan, place
from .scene import Edge, Group, Node, Scene
from .style import MONO, SANS, escape, number, picture
from .view import View, Wire, view
from .words import hover, name_of, summary, tip

SLOPE_ROOM = 40.0  # between layers, for what is written on the edges
PLOT_HEIGHT = 12.0

# selector → (property → name of a colour); written once per scheme
RULES: dict[str, dict[str, str]] = {
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
    ".plot": {"fill": "plot"},
    ".frame": {"fill": "frame", "stroke": "frame border"},
    ".title": {"fill": "muted", "stroke": "frame"},
    ".group .card,.group .stack": {"fill": "card", "stroke": "frame border"},
    ".group .head": {"fill": "frame head"},
    ".slope": {"fill": "muted", "stroke": "page"},
    ".changed .card": {"stroke": "changed"},
    ".new .card": {"stroke": "leaf border"},
}
FIXED = {
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
    ".frame": "fill-opacity:.55",
    ".title": "font-size:11.5px;font-weight:600;stroke-width:4;paint-order:stroke",
    ".slope": f"font-family:{MONO};font-size:10px;stroke-width:3;paint-order:stroke",
    ".same,.gone": "opacity:.45",
    ".changed .card,.new .card": "stroke-width:2",
    ".gone .card": "stroke-dasharray:5 4",
}


def to_svg(scene: Scene, *, direction: str = "LR", theme: str = "auto") -> str:
    """The scene as one SVG element, with a <title> (shown on hover) on each card, box and edge."""
    drawn = render(scene, direction=direction)
    return picture(drawn.size, drawn.parts, rules=RULES, fixed=FIXED, theme=theme, title=summary(scene))


@dataclass(frozen=True, slots=True)
class Rendered:
    """A view with places, and the elements that draw it, the lower ones first."""

    view: View
    plan: Plan
    frames: list[str]
    wires: list[str]
    cards: list[str]
    labels: list[str]

    @property
    def size(self) -> tuple[float, float]:
        return self.plan.width, self.plan.height

    @property
    def parts(self) -> list[str]:
        return [*self.frames, *self.wires, *self.cards, *self.labels]


def render(scene: Scene, *, direction: str, closed: Collection[str] | None = None) -> Rendered:
    """Lay out and draw the scene, with these groups closed, by default its own."""
    shown = view(scene, closed)
    within = [shown.frames[home].path if home >= 0 else "" for home in shown.home]
    cards = [measure(card, path) for card, path in zip(shown.cards, within, strict=True)]
    names = [_frame_name(shown, frame) for frame in range(len(shown.frames))]
    heads = [text_width(name, 11.5, bold=True) + 28 for name in names]
    sizes = [(card.width, card.height) for card in cards]
    plan = place(shown, sizes, heads, direction=direction, room=SLOPE_ROOM if scene.slopes else 0.0)
    roots = frozenset(scene.roots)
    routed = list(zip(shown.wires, plan.routes, strict=True))
    told: list[list[tuple[str, Edge]]] = [[] for _ in cards]
    for wire in shown.wires:
        told[wire.target].append((name_of(shown.cards[wire.source]), wire.edge))
    return Rendered(
        shown,
        plan,
        frames=[_frame(group, box) for group, box in zip(shown.frames, plan.frames, strict=True)],
        wires=[_wire(wire, route, shown, direction, slopes=scene.slopes) for wire, route in routed],
        cards=[
            _card(card, measured, box, hover(card, operands), is_root=card.id in roots, tinted=scene.color == "grad")
            for card, measured, box, operands in zip(shown.cards, cards, plan.boxes, told, strict=True)
        ],
        labels=[_frame_title(*told) for told in zip(shown.frames, names, plan.frames, strict=True)]
        + [
            _slope(wire, route, plan.boxes[wire.target], direction)
            for wire, route in routed
            if scene.slopes and wire.count == 1
        ],
    )


def _frame_name(shown: View, frame: int) -> str:
    """A module's path without that of the box around it."""
    path, around = shown.frames[frame].path, shown.around[frame]
    outer = shown.frames[around].path if around >= 0 else ""
    return inner(path, outer)


def _frame(group: Group, box: Box) -> str:
    return (
        f'<g class="box" data-group="{group.id}">{_titled(hover(group))}'
        f'<rect class="frame" x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}" '
        f'height="{number(box.height)}" rx="12"/></g>'
    )


def _frame_title(group: Group, name: str, box: Box) -> str:
    """The name of a box, above the edges that may enter there."""
    return (
        f'<text class="title" data-group="{group.id}" x="{number(box.x + 13)}" y="{number(box.y + 17)}">'
        f"{escape(name)}</text>"
    )


def _titled(text: str) -> str:
    return f"<title>{escape(text)}</title>"


def _card(card: Node | Group, measured: Card, box: Box, about: str, *, is_root: bool, tinted: bool) -> str:
    kind = "group" if isinstance(card, Group) else card.kind
    change = "" if isinstance(card, Group) else card.change
    style = " ".join(filter(None, ["node", kind, "root" if is_root else "", change]))
    width, height = number(box.width), number(box.height)
    dashes = ' stroke-dasharray="5 4"' if kind == "more" else ""
    parts = [
        f'<g class="{style}" data-node="{card.id}" transform="translate({number(box.x)},{number(box.y)})">',
        _titled(about),
    ]
    if isinstance(card, Group):
        parts.append(f'<rect class="stack" x="5" y="5" width="{width}" height="{height}" rx="8"/>')
    parts.append(f'<rect class="card" width="{width}" height="{height}" rx="8"{dashes}/>')
    share = card.share if isinstance(card, Group) else card.grad.share if card.grad is not None else None
    has_sign = isinstance(card, Node) and card.grad is not None and len(card.grad.cells) == 1
    sign = "size" if not has_sign else "negative" if (share or 0.0) < 0 else "positive"
    if tinted and share and height != number(HEADER):
        opacity = number(2 + 24 * abs(share) ** 0.5)
        body = f"M.5,{number(HEADER)}H{number(box.width - 0.5)}V{number(box.height - 8)}q0,7.5 -7.5,7.5H8q-7.5,0 -7.5,-7.5z"
        parts.append(f'<path class="tint {sign}" fill-opacity="{opacity}%" d="{body}"/>')
    if measured.header:
        parts.append(f'<path class="head" d="{_head(box.width, measured.height)}"/>')
    if measured.pill:
        parts.append(
            f'<rect class="pill" x="{number(PAD - 3)}" y="5.5" width="{number(measured.pill)}" height="18" rx="9"/>'
        )
    parts += [_text(text, box.width) for text in measured.texts]
    parts += [_plot(plot) for plot in measured.plots]
    if measured.bar and share is not None:
        parts.append(_bar(share, sign, measured.bar, box.width))
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


def _plot(plot: Plot) -> str:
    """A histogram as one path: a bar for each bin, on a common baseline."""
    step = PLOT / len(plot.bins)
    bars = [
        f"M{number(plot.x + i * step)},{number(plot.y)}v-{number(max(height * PLOT_HEIGHT, 0.6))}h{number(step - 0.6)}"
        f"v{number(max(height * PLOT_HEIGHT, 0.6))}z"
        for i, height in enumerate(plot.bins)
        if height
    ]
    return f'<path class="plot of-{plot.name}" d="{"".join(bars)}"/>'


def _bar(share: float, style: str, y: float, width: float) -> str:
    """The gradient's size relative to the largest; coloured by its sign, if it has one."""
    room = width - 2 * PAD
    length = number(max(abs(share) * room, 1.5 if share else 0.0))
    place = f'x="{number(PAD)}" y="{number(y - 3)}" height="3" rx="1.5"'
    return (
        f'<rect class="track bar" {place} width="{number(room)}"/><rect class="bar {style}" {place} width="{length}"/>'
    )


def _wire(wire: Wire, route: tuple[Point, ...], shown: View, direction: str, *, slopes: bool) -> str:
    source, target = shown.cards[wire.source], shown.cards[wire.target]
    is_cut = any(isinstance(end, Node) and (end.kind == "more" or end.change == "gone") for end in (source, target))
    cut = " cut" if is_cut else ""
    wide = f' style="stroke-width:{number(1 + 4 * wire.edge.share)}"' if slopes and wire.edge.share is not None else ""
    return (
        f'<g data-from="{source.id}" data-to="{target.id}" data-slot="{wire.edge.slot}">'
        f"{_titled(tip(wire, source, target))}"
        f'<path class="wire{cut}"{wide} d="{curve(route, direction)}"/>'
        f'<path class="tip" d="{_arrow(route[-1], direction)}"/></g>'
    )


def card_at(element: str) -> tuple[str, str, str]:
    """A card's element with its place taken out (U+0001 stands there), and x and y."""
    before, _, rest = element.partition('transform="translate(')
    place, _, after = rest.partition(")")
    x, _, y = place.partition(",")
    return f'{before}transform="translate(\x01){after}', x, y


def wire_parts(element: str) -> tuple[str, str, str]:
    """An edge's element with its line and its tip taken out (U+0001 and U+0002 stand there), and these two."""
    before, _, rest = element.partition(' d="')
    line, _, rest = rest.partition('"')
    between, _, rest = rest.partition(' d="')
    tip, _, after = rest.partition('"')
    return f'{before} d="\x01"{between} d="\x02"{after}', line, tip


def _slope(wire: Wire, route: tuple[Point, ...], target: Box, direction: str) -> str:
    (_, before_y), (x, y) = route[-2], route[-1]
    if direction == "LR":  # on the side that the line does not come from
        place = (x - 11, y + 11 if before_y < y - 1 else y - 5, "end")
    else:
        place = (x - 7, y - 9, "end") if x < target.x + target.width / 2 - 1 else (x + 7, y - 9, "start")
    return (
        f'<text class="slope" x="{number(place[0])}" y="{number(place[1])}" text-anchor="{place[2]}">'
        f"{escape(wire.edge.slope)}</text>"
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
