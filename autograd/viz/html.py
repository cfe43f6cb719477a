"""Scene → HTML: pages that hold the drawing and nothing else, no network access needed.

Comes after `svg`. `page` serves other pictures too; `inline` is what a notebook shows; `viewer` is a page to click
through: each group that can be opened or closed has its own state of the picture, laid out here, which `viewer.js` shows.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from .scene import Scene
from .style import DARK, LIGHT, SANS, Scheme, escape
from .svg import Rendered, card_at, render, to_svg, wire_parts
from .view import expandable
from .words import summary

STATE_LIMIT = 2_500  # cards of all states of a page together

PAGE = "body{{background:{page};color:{text}}}"
_VIEWER = (
    PAGE
    + """
header input,header button{{background:{card};color:{text};border:1px solid {border}}}
#about{{background:{card};border:1px solid {border}}}
.chosen .card,.hit .card{{stroke:{positive}!important;stroke-width:2.5}}
.near .wire{{stroke:{positive}!important}}
.near .tip{{fill:{positive}!important}}
.node:focus-visible .card,.box:focus-visible .frame{{stroke:{badge}!important;stroke-width:3}}
"""
)
_VIEWER_FIXED = """\
body{margin:0}
header,#about{display:none}
.live{display:flex;flex-direction:column;height:100vh;overflow:hidden}
.live header{display:flex;gap:8px;align-items:center;padding:10px 14px;font-size:13px;flex-wrap:wrap}
.live header h1{font-size:13px;font-weight:500;margin:0 auto 0 0;opacity:.8}
header input,header button{font:inherit;border-radius:7px;padding:4px 9px;min-width:30px}
#hits{min-width:52px;opacity:.7}
.live figure{flex:1;min-height:0;overflow:hidden;position:relative}
.live svg{width:100%;height:100%;cursor:grab;touch-action:none;user-select:none}
.live svg:active{cursor:grabbing}
.live figcaption{display:none}
.live svg .page{fill:none}
[data-node].opens,.box.opens,.title.opens{cursor:pointer}
.opens:hover .card,.box.opens:hover .frame{stroke-width:2}
.node:focus,.box:focus{outline:none}
.choosing [data-from]:not(.near),.choosing .node:not(.chosen):not(.near),.searching .node:not(.hit){opacity:.35}
.live #about:not([hidden]){display:block;position:fixed;left:14px;bottom:14px;margin:0;padding:9px 13px;border-radius:9px;
white-space:pre-wrap;font-size:12.5px;line-height:1.5;max-width:min(520px,80vw)}
"""


def page(svg: str, *, title: str, theme: str = "auto") -> str:
    """A self-contained HTML page around one <svg>; a wide drawing scrolls sideways and is printed to fit."""
    style = f"body{{margin:24px}}\n{coloured(PAGE, theme)}"
    return document(f"<figure>\n{svg}<figcaption>{escape(title)}</figcaption>\n</figure>\n", title=title, style=style)


def document(body: str, *, title: str, style: str) -> str:
    """An HTML document that asks the network for nothing, not even for an icon."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\nbody{{font-family:{SANS}}}\n"
        "figure{margin:0;overflow-x:auto}\nsvg{display:block;margin:auto}\n"
        "figcaption{font-size:13px;margin-top:12px;text-align:center;opacity:.75}\n"
        "@media print{svg{max-width:100%;height:auto}}\n"
        f"{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def coloured(rules: str, theme: str) -> str:
    """CSS rules with {names of colours}, for a theme; "auto" is light, and dark where the system asks for it."""

    def in_scheme(scheme: Scheme) -> str:
        return rules.format_map(scheme)

    base = in_scheme(DARK if theme == "dark" else LIGHT)
    return f"{base}\n@media (prefers-color-scheme:dark){{{in_scheme(DARK)}}}\n" if theme == "auto" else f"{base}\n"


def inline(svg: str) -> str:
    """The <svg> for a notebook's output cell: its own size, scrolling sideways if the cell is narrower."""
    return f'<div style="overflow-x:auto;max-width:100%">{svg}</div>'


def viewer(scene: Scene, *, direction: str, theme: str) -> str:
    """A page with the drawing to pan, zoom and search, and groups to open and close; complete without JavaScript too."""
    title = summary(scene)
    svg = to_svg(scene, direction=direction, theme=theme)
    data = json.dumps(_states(scene, direction), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    body = (
        f"<header><h1>{escape(title)}</h1>"
        '<input id="search" type="search" placeholder="Search  /" aria-label="Search the nodes">'
        '<span id="hits" aria-live="polite"></span>'
        '<button id="farther" title="Zoom out (-)">−</button><button id="closer" title="Zoom in (+)">+</button>'
        '<button id="fit" title="Fit (0)">Fit</button></header>\n'
        f'<figure class="viewer">\n{svg}<figcaption>{escape(title)}</figcaption>\n</figure>\n<p id="about" hidden></p>\n'
        f'<script id="states" type="application/json">{data}</script>\n<script>\n{script("viewer.js")}</script>\n'
    )
    return document(body, title=title, style=_VIEWER_FIXED + coloured(_VIEWER, theme))


def script(name: str) -> str:
    """The text of a script that lies beside this file."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _states(scene: Scene, direction: str) -> dict[str, object]:
    """The picture as it is first, and for each group as it is after a click on that; what they share is stored once."""
    groups = {group.id: group for group in scene.groups}
    can_open, shut = expandable(scene), frozenset(scene.closed)
    cards: dict[str, int] = {}
    wires: dict[str, int] = {}
    states: dict[str, object] = {}
    room = STATE_LIMIT
    inside = Counter(group.parent for group in scene.groups if group.id in can_open)
    fits: dict[str, bool] = {}  # of the calls that one card stands for, all open or none
    for id in ("", *(group.id for group in scene.groups if group.id in can_open)):
        closed = shut
        if id:
            if not fits.get(groups[id].parent, True):
                fits[id] = False
                continue
            around = [id]
            while groups[around[-1]].parent:
                around.append(groups[around[-1]].parent)
            closed = shut - frozenset(around) if any(x in shut for x in around) else shut | {id}
        drawn = render(scene, direction=direction, closed=closed)
        size = len(drawn.view.cards)
        room -= size if not fits.get(id and groups[id].parent) else 0  # for these it was kept
        if room < 0 and id:
            break
        if id and groups[id].times > 1:
            fits[id] = inside[id] * size <= room
            room -= inside[id] * size if fits[id] else 0
        states[id] = _state(drawn, [x for x in groups if x not in closed], cards, wires)
    return {"states": states, "cards": list(cards), "wires": list(wires)}


def _state(drawn: Rendered, opened: list[str], cards: dict[str, int], wires: dict[str, int]) -> dict[str, object]:
    placed = []
    for text in drawn.cards:
        shape, x, y = card_at(text)
        placed.append((cards.setdefault(shape, len(cards)), x, y))
    routed = []
    for text in drawn.wires:
        shape, path, tip = wire_parts(text)
        routed.append((wires.setdefault(shape, len(wires)), path, tip))
    parents = {group.id: drawn.view.frames[around].id if around >= 0 else ""
               for group, around in zip(drawn.view.frames, drawn.view.around, strict=True)}  # fmt: skip
    return {"size": drawn.size, "frames": drawn.frames, "wires": routed, "cards": placed, "labels": drawn.labels,
            "open": opened, "parents": parents}  # fmt: skip
