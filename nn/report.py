"""The page of the main job: one self-contained HTML file on what a network learned and what became of its weights.

`write` puts it, and the network beside it, into a folder of its own that appears complete or not at all. The page needs no
network and no script, follows the reader's light or dark scheme, and can be read on a phone; its pictures are
`autograd.draw`'s and `nn.viz.network`'s, its curves matplotlib's, coloured by the page's own style.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import numpy as np

import autograd
from autograd.ops import relu
from autograd.value import Value
from autograd.viz import draw
from autograd.viz.style import escape
from nn import predictions
from nn.curves import curves
from nn.job import MOVED, JobError, Result, Score
from nn.viz import network

MISSING_PLOTS = 'no curves in the report: they need matplotlib, pip install "glassgrad[plot]"'
NEURON_INPUTS = 3  # drawn one by one; the others are summed, so that the graph fits a page
CHANGE_HEADS = ("weights", "shape", "count", "std at birth", "std now", "changed")
NETWORK_COLUMN = 20  # neurons drawn per layer


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
    title = f"{result.examples.title}: {result.verdict}"
    body = "\n".join(
        [
            _header(result),
            _section("Loss and accuracy" if result.examples.classes else "Loss and R²", _scores(result)),
            _section("Training", _curves(result)),
            _section("The network", _network(result)),
            _section("One neuron", _neuron(result)),
            _section("What became of the weights", _changes(result)),
            _section("The run", _run(result)),
        ]
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>"


def _header(result: Result) -> str:
    examples, score = result.examples, result.scores["test"]
    if score.rmse is None:
        right = round(score.quality * score.rows)
        figure, text = f"{100 * score.quality:.1f} %", f"test accuracy: {right:,} of {score.rows:,} rows right"
    else:
        figure = "R² –" if np.isnan(score.quality) else f"R² {score.quality:.2f}"
        text = f"on {score.rows:,} test rows: off by {score.rmse:.3g} (root mean square) in {examples.target!r}"
    return (
        f'<header>\n<p class="eyebrow">glassgrad report</p>\n<h1>{escape(examples.title)}</h1>\n'
        f'<p class="figure">{figure}</p>\n<p class="under">{escape(text)}</p>\n</header>'
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already; the first of each row is its heading."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in heads)
    lines = [f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows]
    body = "\n".join(lines)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _scores(result: Result) -> str:
    classes = len(result.examples.classes)
    note = "The loss is the mean squared error of the standardised target; guessing its mean gives about 1, and R² 0."
    if classes:
        note = "The loss is the mean cross-entropy in nats; a network that knows nothing has "
        note += f"ln\u00a0{classes}\u00a0=\u00a0{np.log(classes):.2f}."
    return _table(score_heads(result), score_rows(result)) + f"\n<p>{note}</p>"


def _curves(result: Result) -> str:
    charts = curves(result.history, "accuracy" if result.examples.classes else "R²")
    if not charts:
        return '<p>The curves need matplotlib: <code>pip install "glassgrad[plot]"</code></p>'
    figures = "\n".join(
        f'<figure class="chart" role="img" aria-label="{name} by epoch">{chart}</figure>'
        for name, chart in charts.items()
    )
    kept = ""
    if "validation" in result.scores:
        kept = (
            f"\n<p>The weights of epoch {result.history.best_epoch} were kept: its validation loss was the lowest.</p>"
        )
    return f'<div class="charts">\n{figures}\n</div>{kept}'


def _network(result: Result) -> str:
    examples = result.examples
    names = (examples.features, examples.classes or (examples.target,))
    drawn = network(result.model, names=names, max_neurons=NETWORK_COLUMN).to_svg()
    return (
        f'<figure class="wide">{drawn}</figure>\n<p>A circle is a neuron, a line a weight: blue adds to the neuron on '
        "its right, orange takes away. Long columns show their first and last neurons.</p>"
    )


def _neuron(result: Result) -> str:
    """The graph of the first layer's most active neuron for the first test row."""
    value, index, rest = neuron_graph(result)
    others = f" The other {rest} products are one card." if rest else ""
    return (
        f'<figure class="wide graph">{draw(value).to_svg()}</figure>\n<p>Neuron {index} of the first layer, the '
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
    return _table(CHANGE_HEADS, rows) + f"\n<p>{note}</p>"


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
    lines = "\n".join(f"<dt>{name}</dt><dd>{escape(fact)}</dd>" for name, fact in facts)
    return f"<dl>\n{lines}\n</dl>"


STYLE = """
:root{--page:#fafbfc;--card:#fff;--border:#d3d8e2;--text:#1b2130;--muted:#5d6577;--accent:#2f7de1;--second:#d9660a;
--track:#e6eaf1}
@media (prefers-color-scheme:dark){:root{--page:#14161c;--card:#1d2029;--border:#3a4050;--text:#e8eaf0;--muted:#9ba3b5;
--accent:#5aa2f7;--second:#f79545;--track:#2c313d}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);
font:16px/1.55 -apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif}
main{max-width:1120px;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{margin:0;font-size:1.5rem;line-height:1.25;font-weight:600;overflow-wrap:anywhere}
h2{margin:0 0 .9rem;font-size:1.05rem;font-weight:600}
p{margin:.9rem 0 0;color:var(--muted);max-width:68ch;overflow-wrap:anywhere}
p b{color:var(--text);font-weight:600}
.eyebrow{margin:0 0 .3rem;font-size:.85rem}
.figure{margin:1.1rem 0 0;color:var(--text);font-size:clamp(2.6rem,9vw,4rem);line-height:1;font-weight:650;
font-variant-numeric:tabular-nums}
.under{margin:.5rem 0 0}
header{padding-bottom:.5rem}
section{margin-top:1.5rem;padding:1.4rem 1.5rem 1.5rem;background:var(--card);border:1px solid var(--border);
border-radius:14px}
figure{margin:0}
.wide{overflow-x:auto}
figure svg{display:block;max-width:100%;height:auto;margin:0 auto}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:1rem 2rem}
.chart svg{width:100%}
.chart text{font-family:inherit!important}
table{border-collapse:collapse;min-width:min(100%,36rem);font-variant-numeric:tabular-nums}
th,td{padding:.45rem .2rem .45rem 1.2rem;text-align:right;font-weight:400;white-space:nowrap}
th:first-child{padding-left:0;text-align:left}
thead th{color:var(--muted);font-size:.85rem}
tbody tr{border-top:1px solid var(--border)}
.bar{display:inline-block;width:5rem;height:.45rem;margin-right:.5rem;border-radius:1rem;background:var(--track);
vertical-align:.08rem;overflow:hidden}
.bar span{display:block;height:100%;background:var(--accent)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.45rem 1.5rem;margin:0}
dt{color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere}
code{font-size:.9em}
@media (max-width:700px){main{padding:1.5rem .8rem 3rem}section{padding:1.1rem 1rem 1.2rem}.bar{display:none}
th,td{padding-left:.7rem}.wide svg{max-width:none;width:720px}.graph svg{width:860px}
dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.6rem}}
@media print{section{break-inside:avoid}}
"""
