"""How weights and activations are spread: a histogram a row, all over one axis.

A histogram is as high as its row whatever it counts, since a bias has fewer entries than a matrix; what rows are
compared by is where they lie and how wide they are, which the number on their right says too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import ArgumentError
from autograd.value import data_of
from nn.calls import Call, looked_at
from nn.module import Module
from nn.outline import shortened
from nn.style import BLUE, GRAY, LIGHT, ORANGE, panel

__all__ = ["activations", "ridges", "weights"]

BINS = 60
ROWS = 16  # ridges drawn at most
NAME_LENGTH = 24


@dataclass(frozen=True, slots=True)
class Row:
    """A histogram: its name, its numbers, a note on its right, and numbers to be drawn as an outline before it."""

    name: str
    values: NDArray[Any]
    note: str
    before: NDArray[Any] | None = None


def weights(model: Module, before: Mapping[str, Any] | None = None, axes: Any = None) -> Any:
    """Histograms of a model's weights, a row for each parameter of at least two dimensions.

    If there is none, a row for each vector; the numbers of an nn.scalar network are one row together.

    before  an earlier model.state_dict(), drawn as outlines
    axes    matplotlib Axes to draw on, by default new ones. Returns the Axes.
    Raises ArgumentError if a parameter is missing in `before`, or there is none at all.
    """
    parameters = {name: np.asarray(parameter.data) for name, parameter in model.named_parameters()}
    matrices = {name: data for name, data in parameters.items() if data.ndim >= 2}
    shown = matrices or {name: data for name, data in parameters.items() if data.ndim} or _together(parameters)
    if not shown:
        raise ArgumentError(f"weights: {type(model).__name__} has no parameters")
    missing = sorted(shown.keys() - (shown if before is None else before).keys())
    if missing:
        raise ArgumentError(f"weights: `before` lacks {', '.join(missing)}; expected a state_dict() of this model")
    rows = [Row(name, data, _std(data), None if before is None else before[name]) for name, data in shown.items()]
    with panel("weights", axes, size=_size(rows)) as drawn:
        _draw(drawn, rows)
        drawn.set(title="Weights", xlabel="weight")
        if before is not None:
            drawn.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderpad=0, handlelength=1.2)
        return drawn


def activations(model: Module, X: Any, axes: Any = None) -> Any:
    """Histograms of what each layer gives for the inputs X, a row for each module or function that computes something.

    On the right the share of zeros, if there are some (the silent part of a relu layer), or the standard deviation. The
    zeros themselves are told there and not drawn: one bar of half of all numbers would flatten the rest of its row.
    The model runs once, in evaluation mode, and is afterwards what it was. Returns the Axes.
    """
    found = [(call, np.asarray(data_of(call.out))) for call in looked_at(model, X) if _computes(call)]
    rows = [Row(f"{call.path} {call.kind}".strip(), data[data != 0], _zeros(data)) for call, data in found]
    with panel("activations", axes, size=_size(rows)) as drawn:
        _draw(drawn, rows)
        drawn.set(title=f"Activations of {len(X):,} input{'s' * (len(X) != 1)}", xlabel="activation")
        return drawn


def _together(parameters: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {"all weights": np.array([float(data) for data in parameters.values()])} if parameters else {}


def ridges(
    states: Sequence[Any], name: str | None = None, *, labels: Sequence[Any] | None = None, axes: Any = None
) -> Any:
    """Histograms of weights over a training, a row for each moment, the first on top.

    states  arrays, or state dicts: [model.state_dict() for step in nn.train(…) if step.last]; 16 of more are drawn
    name    which parameter of the state dicts; by default all matrices and kernels together
    labels  of the rows, by default 0, 1, 2 …
    Returns the Axes. Raises ArgumentError for an unknown name, or as many labels as there are not states.
    """
    texts = list(range(len(states))) if labels is None else list(labels)
    if not states or len(texts) != len(states):
        raise ArgumentError(f"ridges: {len(texts)} labels for {len(states)} states, expected as many, and at least one")
    chosen = np.unique(np.linspace(0, len(states) - 1, min(len(states), ROWS)).round().astype(int))
    moments = [(str(texts[i]), _moment(states[i], name)) for i in chosen]
    rows = [Row(text, data, _std(data)) for text, data in moments]
    with panel("ridges", axes, size=(3.4, 0.9 + 0.2 * max(len(rows), 6))) as drawn:
        _draw(drawn, rows, height=1.7)
        what = name or ("weight" if isinstance(states[0], Mapping) else "value")
        drawn.set(title="Weights over the training", xlabel=what, ylabel="epoch" if labels is None else "")
        return drawn


def _moment(state: Any, name: str | None) -> NDArray[Any]:
    if not isinstance(state, Mapping):
        return np.asarray(data_of(state)).ravel()
    if name is not None and name not in state:
        raise ArgumentError(f"ridges: there is no {name!r} in the state, which has {', '.join(state)}")
    arrays = [state[name]] if name is not None else [data for data in state.values() if np.ndim(data) >= 2]
    return np.concatenate([np.ravel(data) for data in arrays or state.values()])


def _computes(call: Call) -> bool:
    """Whether a call makes numbers of its own: not a module that only calls others, nor one that hands its input on."""
    out = data_of(call.out)
    if not call.leaf or not isinstance(out, np.ndarray) or out.dtype.kind != "f":
        return False
    return not any(isinstance(data_of(x), np.ndarray) and np.may_share_memory(data_of(x), out) for x in call.args)


def _std(data: NDArray[Any]) -> str:
    return f"std {np.std(data, dtype=np.float64):.3g}" if np.isfinite(data).all() else _bad(data)


def _zeros(data: NDArray[Any]) -> str:
    share = float(np.mean(data == 0))
    return f"{100 * share:.0f} % zero" if share and np.isfinite(data).all() else _std(data)


def _bad(data: NDArray[Any]) -> str:
    return f"{np.sum(~np.isfinite(data)):,} NaN or ∞"


def _size(rows: Sequence[Row]) -> tuple[float, float]:
    return 3.4, 0.85 + 0.33 * max(len(rows), 3)


def _draw(axes: Any, rows: Sequence[Row], *, height: float = 0.85) -> None:
    """The rows from top to bottom, each up to `height` rows high, the lower ones in front."""
    finite = [np.ravel(x)[np.isfinite(np.ravel(x))] for row in rows for x in (row.values, row.before) if x is not None]
    finite = [np.asarray(x, np.float64) for x in finite]
    edges = np.histogram_bin_edges(np.concatenate(finite), BINS)
    for i, row in enumerate(rows):
        floor = -float(i)
        for values, is_now in ((row.before, False), (row.values, True)):
            if values is None:
                continue
            counts = np.histogram(values, edges)[0] if np.isfinite(values).all() else _counts(values, edges)
            top = floor + height * counts / max(counts.max(), 1)
            if is_now:
                label = "now" if i == 0 and row.before is not None else None
                axes.stairs(top, edges, baseline=floor, fill=True, color=LIGHT, zorder=2 * i, label=label)
                axes.stairs(top, edges, baseline=floor, color=BLUE, linewidth=0.7, zorder=2 * i)
            else:
                label = "before" if i == 0 else None
                axes.stairs(top, edges, baseline=floor, color=GRAY, linewidth=1, zorder=2 * i + 1, label=label)
        colour = ORANGE if row.note.endswith("∞") else GRAY
        axes.annotate(row.note, (1.0, floor + 0.12), xycoords=("axes fraction", "data"), xytext=(3, 0),
                      textcoords="offset points", color=colour, fontsize="small")  # fmt: skip
    axes.set_yticks([-i for i in range(len(rows))], [shortened(row.name, NAME_LENGTH) for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-len(rows) + 0.95, height + 0.1)
    axes.spines["left"].set_visible(False)


def _counts(values: NDArray[Any], edges: NDArray[Any]) -> NDArray[Any]:
    return np.histogram(values[np.isfinite(values)], edges)[0]
