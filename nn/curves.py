"""The curves of a training as SVG for the report: loss, and accuracy or R², by epoch; matplotlib draws, if it is there.

matplotlib writes literal colours; ours are stand-ins that become the page's CSS variables, so that one picture serves
the light and the dark scheme. Text stays text.
"""

from __future__ import annotations

import io
import re
from typing import Any

from nn.history import History

_INKS = {"#010203": "var(--text)", "#010204": "var(--muted)", "#010205": "var(--accent)", "#010206": "var(--second)"}
TEXT, MUTED, TRAIN, VALIDATION = _INKS


def has_matplotlib() -> bool:
    """Whether the extra [plot] is installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def curves(history: History, metric: str) -> dict[str, str]:
    """Name → <svg>: the loss, and the metric if there was validation; empty without matplotlib."""
    if not has_matplotlib():
        return {}
    lines = {"training": (history.train_loss, TRAIN), "validation": (history.validation_loss, VALIDATION)}
    charts = {"loss": _chart("loss", lines, history.best_epoch)}
    if history.validation_metric:
        validated = {"validation": (history.validation_metric, VALIDATION)}
        charts[metric] = _chart(metric, validated, history.best_epoch)
    return charts


def _chart(name: str, lines: dict[str, tuple[list[float], str]], best_epoch: int) -> str:
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    settings: Any = {
        "svg.fonttype": "none", "svg.hashsalt": name, "text.color": TEXT, "axes.labelcolor": MUTED,
        "axes.edgecolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED, "font.size": 9,
        "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6,
    }  # fmt: skip
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(4.6, 2.9), layout="constrained")
        axes = figure.subplots()
        for label, (values, colour) in lines.items():
            marker = "o" if len(values) == 1 else None
            axes.plot(range(1, len(values) + 1), values, color=colour, label=label, linewidth=1.6, marker=marker)
        if any(label == "validation" for label in lines) and lines["validation"][0]:
            axes.axvline(best_epoch, color=MUTED, linewidth=0.8, linestyle=":", label="best epoch")
        axes.set_title(name, loc="left", fontsize=10, color=TEXT)
        axes.set_xlabel("epoch")
        axes.grid(axis="y", color=MUTED, alpha=0.18, linewidth=0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False)
        content = io.StringIO()
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _themed(content.getvalue())


def _themed(drawn: str) -> str:
    """The <svg> element alone, without identifiers of matplotlib's own, in the page's colours."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
    for ink, variable in _INKS.items():
        svg = svg.replace(ink, variable)
    return svg.strip()
