"""The report on a network: how well it answers, how it was trained, what is inside; the parts of the page, and the page.

The main job's report is put together from the same parts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import autograd
from autograd.errors import ArgumentError
from autograd.ops import softmax
from autograd.viz.style import escape
from nn.archive import replacing
from nn.arguments import checked_data, chosen_loss
from nn.curves import plot
from nn.evaluation import predict
from nn.history import History
from nn.module import Module
from nn.viz import page as html
from nn.viz.decisions import calibration, confusion_matrix, decision_regions, predictions
from nn.viz.distributions import activations, weights
from nn.viz.gradients import gradient_flow
from nn.viz.network import network

if TYPE_CHECKING:
    from nn.lens.overview import Look

__all__ = ["answers", "inside", "looked", "picture", "report", "training"]

ROWS = 512  # of the data that are run through the network for its pictures
CLASSES = 100  # a larger confusion matrix is not drawn
PICTURE = 900_000  # bytes that the network's picture may have


def report(
    model: Module,
    history: History | None,
    data: Any,
    path: str | os.PathLike[str],
    *,
    title: str = "",
    classes: Sequence[str] = (),
    features: Sequence[str] = (),
    loss: Callable[[Any, Any], Any] | None = None,
    before: Mapping[str, Any] | None = None,
    image: tuple[int, int] | None = None,
) -> Path:
    """Write one HTML page on a model, which needs no network and no script, and give its path.

    history   of its training, or None
    data      (X, y), or name → (X, y), such as {"training": …, "test": …}: the last one is what the pictures are about
    path      of the file; an older one is replaced when the new one is whole
    title     by default the kind of model
    classes, features   names of classes and inputs
    loss      by default that of fit                     before  a state_dict() from before the training
    image     (height, width) of inputs that are pixels

    The page has scores of all data, the training's curves, the network for the first 512 rows; for classes the confusion
    matrix, calibration, and, of two features, the decision regions; for numbers predictions against true ones; histograms
    of weights and activations, and gradients. The figures need the extra [plot], and are left out, with a word, without it.
    The model is afterwards what it was, bit for bit. Raises ArgumentError for data that are not as described, and
    FileNotFoundError for a folder that does not exist.
    """
    parts, path = _parts(model, data), Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path.name!r}: there is no folder {str(path.parent)!r}")
    title = title or type(model).__name__
    scores = {name: _score(model, X, y, chosen_loss(loss, y)) for name, (X, y) in parts.items()}
    name, (X, y) = list(parts.items())[-1]
    heads = ["", "rows", "loss", *(key for key in scores[name] if key not in ("rows", "loss"))]
    rows = [(escape(part), *(score.get(head, "–") for head in heads[1:])) for part, score in scores.items()]
    from nn.lens.overview import overview  # which draws with this package's figures

    looks = overview(model, parts, history=history, loss=loss, birth=before, names=features or None)
    figure = heads[3] if len(heads) > 3 else "loss"
    sections = [
        html.section("Scores", html.table(heads, rows)),
        html.section("Training", training(history)) if history is not None else "",
        html.section("The network", picture(model, X, names=(features or None, classes or None), image=image)),
        html.section("Its answers", answers(model, X, y, classes=classes, features=features)),
        html.section("Inside", inside(model, X, y, loss=loss, before=before)),
        html.section("Through the lens", looked(looks)) if looks else "",
        html.section("The model", _facts(model, history)),
    ]
    said = f"{figure} on {scores[name]['rows']} rows ({name})"
    top = html.header(title, scores[name][figure], said)
    text = html.page(f"{title}: {scores[name][figure]} {said}", [top, *filter(None, sections)])
    with replacing(path) as file:
        file.write(text.encode())
    return path


def _parts(model: Module, data: Any) -> dict[str, tuple[Any, Any]]:
    named = data if isinstance(data, Mapping) else {"data": data}
    if not named or not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in named.values()):
        raise ArgumentError(f"data is a pair (X, y), or a dict of name → (X, y), got {str(data)[:60]}")
    return {str(name): checked_data(str(name), model, *pair) for name, pair in named.items()}


def _are_classes(y: Any, prediction: Any) -> bool:
    return y.dtype.kind in "iub" and prediction.ndim == y.ndim + 1 and prediction.shape[-1] > 1


def _score(model: Module, X: Any, y: Any, loss: Callable[[Any, Any], Any]) -> dict[str, str]:
    """Rows, loss, and accuracy or R² and rmse, as text."""
    prediction = predict(model, X)
    score = {"rows": f"{len(X):,}", "loss": f"{float(loss(prediction, y)):.4f}"}
    if _are_classes(y, prediction):
        return score | {"accuracy": f"{100 * np.mean(prediction.argmax(-1) == y):.1f} %"}
    if np.shape(prediction) != np.shape(y):
        return score
    error, spread = (float(np.mean(np.square(np.subtract(y, x, dtype=float)))) for x in (prediction, np.mean(y)))
    return score | {"R²": f"{1.0 - error / spread:.2f}" if spread else "–", "rmse": f"{error**0.5:.3g}"}


def training(history: History) -> str:
    """The training's curves, a figure each, and which weights were kept."""

    def drawn(name: str) -> Callable[[], Any]:
        return lambda: plot(history, names=[name])

    said = ""
    if history.validation_loss:
        said = f"\n<p>The weights of epoch {history.best_epoch} were kept: its validation loss was the lowest.</p>"
    return html.charts({f"{name} by epoch": drawn(name) for name in history.panels()}) + said


def picture(model: Module, X: Any, *, names: Any = None, image: tuple[int, int] | None = None) -> str:
    """The network's picture for the first rows of X, and how to read it."""
    said = (
        "A circle is a neuron, a line a weight: blue adds to the neuron on its right, orange takes away. Of layers too "
        "wide for lines the matrix is shown, a row a neuron, with what comes in above it and what goes out on its right."
    )
    try:
        drawings = (network(model, X[:ROWS], names=names, image=image, max_neurons=most) for most in (40, 2))
        svg = next((svg for svg in (drawn.to_svg() for drawn in drawings) if len(svg) <= PICTURE), None)
    except ValueError as reason:  # it has no matrices, or its names are others'
        return f"<p>{escape(str(reason))}</p>"
    if svg is None:
        return "<p>Its picture is too large for this page: <code>nn.viz.network(model, X).save(…)</code></p>"
    return f"{html.drawing(svg)}\n<p>{said}</p>"


def answers(
    model: Module, X: Any, y: Any, *, classes: Sequence[str] = (), features: Sequence[str] = (), scale: float = 1.0,
    center: float = 0.0,
) -> str:  # fmt: skip
    """What the network answers for X: right and wrong classes, or numbers, which are center + scale · what it gives."""
    prediction = predict(model, X)
    bad = int(np.sum(~np.isfinite(prediction)))
    if bad:
        return f"<p>Of its {np.size(prediction):,} outputs {bad:,} are NaN or infinite.</p>"
    if not _are_classes(y, prediction):
        if np.size(prediction) != np.size(y):
            return f"<p>Its outputs have shape {np.shape(prediction)}, the targets {np.shape(y)}.</p>"
        numbers = center + scale * np.asarray(y, float), center + scale * prediction
        return html.charts({"predictions against true values": lambda: predictions(*numbers)})
    scores, labels = prediction.reshape(-1, prediction.shape[-1]), np.ravel(y)
    figures: dict[str, Callable[[], Any]] = {}
    said = "Where a bar of the calibration is below the dashed line, the network is more often wrong than it thinks."
    if scores.shape[1] <= CLASSES:
        figures["confusion matrix"] = lambda: confusion_matrix(labels, scores, classes=classes)
        said = f"Rows of the matrix are the true classes, columns what the network said. {said}"
    figures["calibration"] = lambda: calibration(softmax(scores.astype(float), axis=-1), labels)
    if np.shape(X)[1:] == (2,):
        figures["decision regions"] = lambda: decision_regions(model, X, labels, classes=classes, features=features)
    return f"{html.charts(figures)}\n<p>{said}</p>"


def inside(
    model: Module, X: Any, y: Any, *, loss: Callable[[Any, Any], Any] | None = None,
    before: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """Histograms of weights and activations, and the size of gradients, by layer."""
    rows = slice(0, ROWS)
    return html.charts(
        {
            "histograms of the weights": lambda: weights(model, before),
            "histograms of the activations": lambda: activations(model, X[rows]),
            "gradients by layer": lambda: gradient_flow(model, X[rows], y[rows], loss),
        }
    )


def looked(looks: Sequence[Look]) -> str:
    """The lens: questions, each with its number, its figure and its verdict."""
    said = "Each question is one function of <code>nn.lens</code>, where it can be asked with more rows and options."
    cards = html.cards((look.question, look.number, look.answer.plot, look.answer.verdict) for look in looks)
    return f"{cards}\n<p>{said}</p>"


def _facts(model: Module, history: History | None) -> str:
    pairs = [("Weights", f"{model.parameter_count():,}")]
    if history is not None:
        pairs.append(("Training", f"{len(history.train_loss)} epochs in {history.seconds:.2g} s"))
        pairs += [("Stopped", history.stopped)] if history.stopped else []
    pairs.append(("glassgrad", autograd.__version__))
    return f"<pre>{escape(repr(model))}</pre>\n{html.facts(pairs)}"
