"""Value → Scene: walk the graph, decide what is shown, copy it.

The first step of a picture; with `build`, `reading` and `slopes` the only files that know the engine. The walk is
iterative, so a graph of any depth costs no recursion. A graph of more than `max_nodes` is folded into the modules that
made it (`clusters`, called by `build`) before anything is laid out; of one without modules the youngest are drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

import numpy as np

from autograd.context import no_collection, no_grad
from autograd.ops.assign import operands_of
from autograd.value import Value

from .build import Builder
from .drawing import DIRECTIONS, Drawing
from .picture import THEMES, check_choice, check_count, check_depth
from .scene import Scene

SHOWN = ("op", "label", "data", "grad", "shape")
EXTRAS = ("slope",)
COLORS = ("grad", "op")
OPEN = 80  # nodes of a graph whose boxes depth="auto" leaves open, all of them


def draw(
    root: Value | Sequence[Value],
    depth: int | str = "auto",
    *,
    show: Sequence[str] = SHOWN,
    color: str = "grad",
    direction: str = "LR",
    max_nodes: int = 400,
    theme: str = "auto",
    focus: Value | None = None,
    radius: int = 2,
) -> Drawing:
    """Picture of the graph that computed `root`: one card per value, an arrow from each operand, a box per module call.

    root       a Value, or a list or tuple of them
    depth      how deep boxes within boxes are open: 0 closes all. "auto": all, or in a graph of more than 80 nodes as
               many as make a picture of about 24 cards
    show       which of op, label, data, grad, shape the cards tell; "slope" writes |∂out/∂in| on the edges
    color      "grad" tints cards by the size and sign of their gradient; "op" leaves them as they are
    direction  "LR" (left to right) or "TB" (top to bottom)
    max_nodes  a larger graph is folded into its modules; without modules its youngest nodes are drawn
    theme      "auto" (the reader's system or notebook decides), "light" or "dark"
    focus      draw only what is near this Value: at most `radius` edges away, either way
    radius     of the neighbourhood of `focus`, in edges

    A number is shown with 4 significant digits, an array as minimum, mean and maximum; a gradient that no backward pass
    has reached is "–"; NaN and infinities are red. Values are copied now: the drawing does not change later.
    A notebook shows the drawing by itself; `.save("graph.svg")` writes it (.html to click through, .png, .pdf, .txt, …).

    >>> print(draw(Value(2.0, "x") * 3.0).to_text(), end="")
                   data   grad
    x               2.0      –
    n1 = x × 3.0    6.0      –
    """
    roots = tuple(root) if isinstance(root, (list, tuple)) else (root,)
    for value in roots:
        if not isinstance(value, Value):
            raise TypeError(f"draw() takes a Value or a list of Values, got {type(value).__name__}")
    if not (focus is None or isinstance(focus, Value)):
        raise TypeError(f"draw(focus=…) takes a Value of the graph, got {type(focus).__name__}")
    for name in [show] if isinstance(show, str) else show:  # "data" alone is one name, not four letters
        check_choice("show", name, (*SHOWN, *EXTRAS))
    check_choice("color", color, COLORS)
    check_choice("direction", direction, DIRECTIONS)
    check_choice("theme", theme, THEMES)
    check_depth(depth)
    check_count("max_nodes", max_nodes, 1)
    check_count("radius", radius, 0)
    with no_collection(), no_grad(), np.errstate(all="ignore"):
        scene = _scene(
            roots, depth, frozenset([show] if isinstance(show, str) else show), color, max_nodes, focus, radius
        )
    return Drawing(scene, direction=direction, theme=theme)


def _scene(
    roots: tuple[Value, ...],
    depth: int | str,
    show: frozenset[str],
    color: str,
    max_nodes: int,
    focus: Value | None,
    radius: int,
) -> Scene:
    values, before, after = walk(roots), 0, 0
    is_folded = False
    if focus is not None:
        values, before, after = _around(values, focus, radius)
    elif len(values) > (min(max_nodes, OPEN) if depth == "auto" else max_nodes):
        is_folded = any(value.context.path for value in values)
        values, before = (values, 0) if is_folded or len(values) <= max_nodes else youngest(values, max_nodes)
    builder = Builder(roots, values, show, color)
    builder.marked = roots if focus is None else (focus,)
    return builder.scene(depth, folded=is_folded, before=before, after=after)


_serial = attrgetter("serial")


def walk(roots: Iterable[Value]) -> list[Value]:
    """Every Value that the roots were computed from, oldest first; operands that were assigned to since are put right."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        value = stack.pop()
        operands, serial = value.operands, value.serial
        for operand in operands:
            if isinstance(operand, Value):
                if operand.serial >= serial:
                    stack += [other for other in inputs_of(value) if other not in seen]
                    seen.update(inputs_of(value))
                    break
                if operand not in seen:
                    seen.add(operand)
                    stack.append(operand)
    return sorted(seen, key=_serial)


def inputs_of(value: Value) -> list[Value]:
    """The operands of a value that are nodes; the others are constants."""
    return [operand for operand in operands_of(value) if isinstance(operand, Value)]


def youngest(values: list[Value], limit: int) -> tuple[list[Value], int]:
    """The `limit` youngest nodes, and how many others there are. A leaf is as young as its youngest consumer."""
    age: dict[Value, int] = {value: value.serial for value in values}
    for value in values:
        for operand in inputs_of(value):
            if not operand.operands:
                age[operand] = value.serial
    taken = sorted(values, key=lambda value: (age[value], bool(value.operands)))[-limit:]
    return sorted(taken, key=_serial), len(values) - len(taken)


def _around(values: list[Value], focus: Value, radius: int) -> tuple[list[Value], int, int]:
    """The nodes within `radius` edges of the focus, and how many others are older and younger than it."""
    near: dict[Value, list[Value]] = {value: [] for value in values}
    if focus not in near:
        raise ValueError("focus is not in the graph that computed root")
    for value in values:
        for operand in inputs_of(value):
            near[value].append(operand)
            near[operand].append(value)
    reached, rim = {focus}, [focus]
    for _ in range(radius):
        rim = list(dict.fromkeys(other for value in rim for other in near[value] if other not in reached))
        reached.update(rim)
    before = sum(value.serial < focus.serial for value in values if value not in reached)
    return [value for value in values if value in reached], before, len(values) - len(reached) - before
