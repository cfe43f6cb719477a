"""The page of the main job: one self-contained HTML file on what a network learned and what became of its weights.

`write` puts it, and the network beside it, into a folder of its own that appears complete or not at all. The page needs no
network and no script, follows the reader's light or dark scheme, and can be read on a phone and on paper. Its frame is
`nn.viz.page`, most of its parts are those of `nn.viz.report`; what only the job knows is added here.
"""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path

import numpy as np

import autograd
from autograd.ops import relu
from autograd.value import Value
from autograd.viz import draw
from autograd.viz.style import escape
from nn import predictions
from nn.job import MOVED, JobError, Result, Score
from nn.lens.overview import Look, overview
from nn.viz import page as html
from nn.viz.overview import answers, inside, looked, picture, training

MISSING_PLOTS = 'no curves in the report: they need matplotlib, pip install "glassgrad[plot]"'
NEURON_INPUTS = 3  # drawn one by one; the others are summed, so that the graph fits a page
CHANGE_HEADS = ("weights", "shape", "count", "std at birth", "std now", "changed")
PIXELS = (8, 8)  # of a digit


def check_writable(out: Path) -> None:
    """Raises JobError, in one line, unless a folder can be made where the report is to go. Leaves nothing behind."""
    if out.name in ("", ".."):
        raise JobError(f"--out needs the name of a new folder, got {str(out)!r}")
    if not out.parent.is_dir():
        raise JobError(f"--out {out}: there is no folder {out.parent}")
    try:
        _draft(out).mkdir()
        _draft(out).rmdir()
    except OSError as error:
        raise JobError(f"--out {out} cannot be written: {error.strerror}") from None


def write(result: Result, out: Path) -> Path:
    """Writes the report and gives its folder: `out`, or out-2, out-3 … if that exists. Never overwrites.

    The page is written into a hidden folder beside it, which then gets its name in one step.
    """
    draft = _draft(out)
    try:
        draft.mkdir()
        (draft / "index.html").write_text(page(result), encoding="utf-8", newline="\n")
        predictions.keep(result, draft)
        for number in count(1):
            folder = out if number == 1 else out.with_name(f"{out.name}-{number}")
            if os.path.lexists(folder):
                continue
            try:
                draft.rename(folder)
                return folder
            except OSError:
                if not os.path.lexists(folder):  # else another run took the name a moment ago
                    raise
    except OSError as error:
        raise JobError(f"the report cannot be written to {out}: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    raise AssertionError("unreachable")


def _draft(out: Path) -> Path:
    return out.with_name(f".{out.name}.{os.getpid()}.part")


def score_heads(result: Result) -> tuple[str, ...]:
    """Headings of score_rows."""
    return ("", "rows", "loss", "accuracy") if result.examples.classes else ("", "rows", "loss", "R²", "rmse")


def score_rows(result: Result) -> list[tuple[str, ...]]:
    """Part, rows, loss and accuracy as text; for regression R² and rmse."""

    def quality(score: Score) -> tuple[str, ...]:
        if score.rmse is None:
            return (f"{100 * score.quality:.1f} %",)
        return ("–" if np.isnan(score.quality) else f"{score.quality:.2f}", f"{score.rmse:.3g}")

    return [(part, f"{score.rows:,}", f"{score.loss:.4f}", *quality(score)) for part, score in result.scores.items()]


def change_rows(result: Result) -> list[tuple[str, ...]]:
    """Name, shape, count, std at birth and now, and share changed of each parameter, as text."""
    return [
        (
            change.name, " × ".join(map(str, change.shape)), f"{change.count:,}", f"{change.birth:.4f}",
            f"{change.now:.4f}", f"{100 * change.changed:.0f} %",
        )
        for change in result.changes
    ]  # fmt: skip


def page(result: Result) -> str:
    """The whole page as text."""
    examples, model = result.examples, result.model
    X, y = examples.X["test"], examples.y["test"]
    names = (examples.features, examples.classes or (examples.target,))
    image = PIXELS if result.settings.data is None else None
    encoder = examples.encoder
    parts = [
        _header(result),
        html.section("Loss and accuracy" if examples.classes else "Loss and R²", _scores(result)),
        html.section("Training", training(result.history)),
        html.section("The network", picture(model, X, names=names, image=image)),
        html.section("Its answers", answers(model, X, y, classes=examples.classes, features=examples.features,
                                            scale=examples.std, center=encoder.mean)),
        html.section("Inside", inside(model, X, y, before=result.birth)),
        html.section("Through the lens", looked(_looks(result))),
        html.section("One neuron", _neuron(result)),
        html.section("What became of the weights", _changes(result)),
        html.section("The run", _run(result)),
    ]  # fmt: skip
    return html.page(f"{examples.title}: {result.verdict}", parts)


def _header(result: Result) -> str:
    examples, score = result.examples, result.scores["test"]
    if score.rmse is None:
        right = round(score.quality * score.rows)
        figure, text = f"{100 * score.quality:.1f} %", f"test accuracy: {right:,} of {score.rows:,} rows right"
    else:
        figure = "R² –" if np.isnan(score.quality) else f"R² {score.quality:.2f}"
        text = f"on {score.rows:,} test rows: off by {score.rmse:.3g} (root mean square) in {examples.target!r}"
    return html.header(examples.title, figure, text)


def _looks(result: Result) -> list[Look]:
    """The lens on the network: trained on the training rows, asked on the test rows."""
    examples = result.examples
    data = {part: (examples.X[part], examples.y[part]) for part in ("train", "test")}
    return overview(result.model, data, history=result.history, birth=result.birth, names=examples.features)


def _scores(result: Result) -> str:
    classes = len(result.examples.classes)
    note = "The loss is the mean squared error of the standardised target; guessing its mean gives about 1, and R² 0."
    if classes:
        note = "The loss is the mean cross-entropy in nats; a network that knows nothing has "
        note += f"ln\u00a0{classes}\u00a0=\u00a0{np.log(classes):.2f}."
    return html.table(score_heads(result), score_rows(result)) + f"\n<p>{note}</p>"


def _neuron(result: Result) -> str:
    """The graph of the first layer's most active neuron for the first test row."""
    value, index, rest = neuron_graph(result)
    others = f" The other {rest} products are one card." if rest else ""
    return (
        f"{html.drawing(draw(value).to_svg(), kind='graph')}\n<p>Neuron {index} of the first layer, the "
        f"most active one for the first test row: inputs times weights, summed, plus a bias, through ReLU.{others} "
        "<b>data</b> is what flows to the right; <b>grad</b> is how much the neuron's output grows for each unit added "
        "here, found by going through the graph from right to left.</p>"
    )


def neuron_graph(result: Result) -> tuple[Value, int, int]:
    """A first-layer neuron in scalar Values, after backward: its output, its index, how many inputs share one card.

    The neuron is the one with the largest output for the first test row; its largest products are shown one by one.
    """
    layer, x = result.model.layers[0], result.examples.X["test"][0]
    weight, bias = layer.weight.data, layer.bias.data
    index = int(np.argmax(weight @ x + bias))
    products = weight[index] * x
    room = NEURON_INPUTS if len(x) > NEURON_INPUTS + 1 else len(x)
    largest = sorted(np.argsort(-np.abs(products), kind="stable")[:room].tolist())
    terms = [
        Value(float(x[i]), result.examples.features[i]) * Value(float(weight[index, i]), f"weight[{index}, {i}]")
        for i in largest
    ]
    rest = len(x) - len(largest)
    if rest:
        terms.append(Value(float(products.sum() - products[largest].sum()), f"the other {rest} inputs"))
    while len(terms) > 1:  # in pairs, so that the picture is not longer than need be
        pairs = [left + right for left, right in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
    out = relu(terms[0] + Value(float(bias[index]), "bias"))
    out.label = f"neuron {index}"
    out.backward()
    return out, index, rest


def _changes(result: Result) -> str:
    rows = []
    for change, cells in zip(result.changes, change_rows(result), strict=True):
        bar = f'<span class="bar"><span style="width:{100 * change.changed:.0f}%"></span></span>'
        rows.append((*map(escape, cells[:-1]), f"{bar} {cells[-1]}"))
    note = f"Changed: moved by more than {MOVED:g} of the standard deviation at birth (at all, where that is 0)."
    return html.table(CHANGE_HEADS, rows) + f"\n<p>{note}</p>"


def _run(result: Result) -> str:
    settings, history, examples = result.settings, result.history, result.examples
    sizes = [len(examples.features), *settings.hidden_sizes, len(examples.classes) or 1]
    facts = [
        ("Target", f"{examples.target}" + (f", {len(examples.classes)} classes" if examples.classes else ", a number")),
        ("Network", f"{' → '.join(map(str, sizes))}, ReLU, {sum(change.count for change in result.changes):,} weights"),
        ("Optimiser", f"AdamW, learning rate {settings.learning_rate:g}, weight decay {settings.weight_decay:g}"),
        ("Training", f"{len(history.train_loss)} epochs in {history.seconds:.2g} s, batches of {settings.batch_size}"),
        ("Seed", str(settings.seed)),
        (
            "For new rows",
            f"python -m nn predict FOLDER new.csv, with this page's folder, where {predictions.MODEL} lies",
        ),
        ("glassgrad", autograd.__version__),
    ]
    facts += [("Columns", note) for note in examples.notes]
    if settings.data is None:
        facts.append(("Data", "Alpaydin & Kaynak (1998), UCI repository, doi 10.24432/C50P49, CC BY 4.0"))
    return html.facts(facts)
