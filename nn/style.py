"""How the matplotlib figures look: sizes, colours, and the Axes they are drawn on.

Colours are told apart by everybody: blue and orange for sign and for pairs, Okabe and Ito's eight for classes, and every
difference in colour is one in brightness, shape or text too. Figures are drawn at the size they have in half a page's
width (3.4 inches), so that a text of 8 points stays one. `themed` is the way into an HTML page: the same figure as an
<svg> whose colours are the page's.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib
import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd.errors import MissingExtraError

__all__ = [
    "BLUE", "CLASSES", "GRAY", "LIGHT", "MARKERS", "ORANGE", "TEXT", "decades", "has_matplotlib", "panel", "panels",
    "shades", "themed",
]  # fmt: skip

BLUE, ORANGE, GRAY, LIGHT = "#2f7de1", "#d9660a", "#7d8699", "#8fbaf0"
TEXT, MUTED = "#1b2130", "#5d6577"
CLASSES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#6b5b95", "#8c8c8c")  # Okabe, Ito 2008
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
SIZE = (3.4, 2.6)  # inches
LOOK: Any = {
    "font.size": 8, "axes.titlesize": 9, "axes.titlelocation": "left", "axes.labelsize": 8, "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5, "legend.fontsize": 7.5, "legend.frameon": False, "axes.linewidth": 0.6,
    "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.4, "xtick.major.width": 0.6,
    "ytick.major.width": 0.6, "figure.dpi": 150,
}  # fmt: skip
_OFF_SCREEN = contextvars.ContextVar("_OFF_SCREEN", default=False)  # whether pyplot is not to know of new figures
_PAGE = {BLUE: "var(--accent)", ORANGE: "var(--second)", TEXT: "var(--text)", MUTED: "var(--muted)"}


def has_matplotlib() -> bool:
    """Whether the extra [plot] is installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


@contextlib.contextmanager
def panels(name: str, count: int, axes: Any = None, *, size: tuple[float, float] = SIZE) -> Iterator[Any]:
    """An array of Axes for the picture called `name`: those given, as they are, or `count` new ones, three in a row.

    size  of one of them, in inches. New ones have the look above while the block draws on them.
    Raises MissingExtraError without matplotlib.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(f'{name} needs matplotlib: pip install "glassgrad[plot]"') from None
    if axes is not None:
        yield np.ravel(axes)
        return
    columns = min(count, 3)
    rows = -(-count // columns)
    with matplotlib.rc_context(LOOK):
        make: Any = Figure if _OFF_SCREEN.get() else importlib.import_module("matplotlib.pyplot").figure
        figure = make(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for spare in grid[count:]:
            spare.remove()
        for new in grid[:count]:
            new.tick_params(labelsize=LOOK["xtick.labelsize"], width=LOOK["axes.linewidth"])  # ticks are made later
        yield grid[:count]


@contextlib.contextmanager
def panel(name: str, axes: Any = None, *, size: tuple[float, float] = SIZE) -> Iterator[Any]:
    """The same for a picture on one Axes."""
    with panels(name, 1, axes, size=size) as found:
        yield found[0]


def decades(axes: Any, axis: str, values: Sequence[float]) -> None:
    """A logarithmic scale in whole powers of ten around positive values, along "x" or "y"; none if there are none."""
    if not values:
        return
    from matplotlib.ticker import NullFormatter

    ends = 10.0 ** math.floor(math.log10(min(values)) - 0.05), 10.0 ** math.ceil(math.log10(max(values)) + 0.05)
    axes.set(**{f"{axis}scale": "log", f"{axis}lim": ends})
    getattr(axes, f"{axis}axis").set_minor_formatter(NullFormatter())


def shades() -> Any:
    """A colormap from nothing to BLUE: a share from 0 to 1 on any background."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    return LinearSegmentedColormap.from_list("shades", [to_rgba(BLUE, 0.0), to_rgba(BLUE, 1.0)])


def themed(draw: Callable[[], Any], name: str, *, page: bool = True) -> str:
    """What draw() draws, one Axes or an array of them, as an <svg> in the colours of a page, or on white without one.

    matplotlib writes literal colours, and the page replaces ours by its variables, so that one picture serves the light and
    the dark scheme. Text stays text. `name` makes the identifiers that matplotlib writes differ from figure to figure.
    """
    import matplotlib

    colours = dict.fromkeys(("text.color", "axes.labelcolor"), TEXT)
    colours |= dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), MUTED)
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": name, "savefig.dpi": 150, **colours}
    content = io.StringIO()
    with matplotlib.rc_context(settings):
        token = _OFF_SCREEN.set(True)
        try:
            drawn = draw()
        finally:
            _OFF_SCREEN.reset(token)
        figure = (drawn if hasattr(drawn, "figure") else drawn.flat[0]).figure
        figure.savefig(content, format="svg", transparent=page, metadata={"Date": None, "Creator": None})
    svg = content.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    for colour, variable in _PAGE.items() if page else ():
        svg = svg.replace(colour, variable)
    return svg.strip()
