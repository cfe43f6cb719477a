"""The page of nn.viz.report: complete, self-contained, small, and about the model as it is."""

import re
import sys

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd.errors import ArgumentError
from nn.models import CNN, GPT
from nn.viz import report

pytest.importorskip("matplotlib")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2)).astype(np.float32)
Y = (X[:, 0] > 0.3 * X[:, 1]).astype(np.int64)
REFERENCE = re.compile(
    r"""<(script|link|iframe|img)\b|(src|href|action)\s*=\s*["']?+(?!data:|#)|url\(\s*["']?+(?!#)|@import"""
)


def titles(page):
    return re.findall("<h2>(.*?)</h2>", page)


def names(page):
    return re.findall('<figure class="chart" role="img" aria-label="(.*?)"', page)


def row(page, part):
    cells = re.search(rf'<th scope="row">{part}</th>(.*?)</tr>', page)[1]
    return re.findall("<td>(.*?)</td>", cells)


def checked(path):
    """The page's text, if it is well and needs nothing from elsewhere."""
    page = path.read_text(encoding="utf-8")
    assert len(page.encode()) < 2_000_000
    assert not REFERENCE.search(page), REFERENCE.search(page)
    assert page.count("<svg") == page.count("</svg>") > 0 or "need matplotlib" in page
    assert "default-src 'none'" in page and 'name="viewport"' in page and "@media print" in page
    assert "prefers-color-scheme:dark" in page
    assert "#2f7de1" not in "".join(re.findall(r'<figure class="chart".*?</figure>', page, re.DOTALL))
    return page


def test_the_search_for_references_finds_them():
    for text in (
        '<img src="x">',
        "<a href='http://x'>",
        "<image href=//x>",
        "url(http://x)",
        "<script>",
        "@import 'x'",
    ):
        assert REFERENCE.search(text), text
    assert not REFERENCE.search('<image href="data:image/png;base64,A"/><use xlink:href="#m"/> clip-path="url(#p)"')


def test_a_classifier_of_two_features(tmp_path):
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), np.tanh, nn.Dropout(0.2), nn.Linear(8, 2), rng=0)
    birth = model.state_dict()
    history = nn.fit(model, X[:40], Y[:40], epochs=3, rng=0, validation=(X[40:], Y[40:]), progress=False)
    nn.cross_entropy(model(X), Y).backward()
    before = footprint(model)
    data = {"training": (X[:40], Y[:40]), "test": (X[40:], Y[40:])}
    options = {"classes": ["<no>", "yes"], "features": ["width", "height"], "before": birth}
    path = report(model, history, data, tmp_path / "page.html", title="A & B", **options)
    assert footprint(model) == before
    page = checked(path)
    assert titles(page) == [
        "Scores",
        "Training",
        "The network",
        "Its answers",
        "Inside",
        "Through the lens",
        "The model",
    ]
    assert names(page) == [
        "loss by epoch", "metric by epoch", "learning rate by epoch", "gradient norm by epoch",
        "update / weight by epoch", "confusion matrix", "calibration", "decision regions",
        "histograms of the weights", "histograms of the activations", "gradients by layer",
    ]  # fmt: skip
    prediction = nn.predict(model, X[40:])
    loss, right = float(nn.cross_entropy(prediction, Y[40:])), (prediction.argmax(1) == Y[40:]).mean()
    assert row(page, "test") == ["20", f"{loss:.4f}", f"{100 * right:.1f} %"]
    assert f'<p class="figure">{100 * right:.1f} %</p>' in page and "<h1>A &amp; B</h1>" in page
    assert "<no>" not in page and "&lt;no&gt;" in page and ">width</text>" in page
    assert f"The weights of epoch {history.best_epoch} were kept" in page
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_numbers_to_predict_and_no_history(tmp_path):
    model = nn.MLP(2, [4, 1], np.tanh, rng=0)
    y = X[:, :1] - 2.0 * X[:, 1:]
    page = checked(report(model, None, (X, y), tmp_path / "page.html"))
    assert titles(page) == ["Scores", "The network", "Its answers", "Inside", "Through the lens", "The model"]
    error = np.mean((nn.predict(model, X) - y) ** 2, dtype=float)
    r2 = 1.0 - error / np.var(y, dtype=float)
    assert row(page, "data") == ["60", f"{error:.4f}", f"{r2:.2f}", f"{error**0.5:.3g}"]
    assert "predictions against true values" in names(page)
    assert "MLP(2, [4, 1], activation=tanh)" in page


def test_a_network_that_has_diverged(tmp_path):
    model = nn.MLP(2, [4, 2], rng=0)
    model.layers[0].weight.data = np.full((4, 2), np.nan, np.float32)
    history = nn.History([1.0, np.nan], [2.0, np.nan], learning_rate=[0.1, np.nan], gradient_norm=[np.inf, np.inf])
    page = checked(report(model, history, (X, Y), tmp_path / "page.html"))
    assert "Of its 120 outputs 120 are NaN or infinite." in page and row(page, "data")[1] == "nan"
    checked(report(model, nn.History(), (X, Y), tmp_path / "page.html"))


def test_images_tokens_and_many_classes(tmp_path):
    images = RNG.normal(size=(6, 1, 8, 8)).astype(np.float32)
    page = checked(report(CNN((1, 8, 8), 3, (4, 8), rng=0), None, (images, np.arange(6) % 3), tmp_path / "cnn.html"))
    assert "4 × 1 × 3 × 3 kernels" in page
    tokens = RNG.integers(0, 11, (4, 8))
    page = checked(report(GPT(11, 8, 2, 2, 16, rng=0), None, (tokens, tokens), tmp_path / "gpt.html"))
    assert "attention of 2 heads" in page and "confusion matrix" in names(page)
    wide = nn.MLP(784, [300, 300, 150], rng=0)
    many = RNG.normal(size=(200, 784)).astype(np.float32), np.arange(200) % 150
    assert "confusion matrix" not in names(checked(report(wide, None, many, tmp_path / "wide.html", image=(28, 28))))
    deep = nn.MLP(40, [40] * 20, rng=0)  # 32,000 lines would be too much: its picture is of heat maps
    checked(report(deep, None, (RNG.normal(size=(9, 40)), np.arange(9)), tmp_path / "deep.html"))


def test_without_matplotlib_the_rest_is_there(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    model = nn.MLP(2, [4, 2], rng=0)
    page = checked(report(model, nn.History([1.0]), (X, Y), tmp_path / "page.html"))
    assert page.count("<svg") == 1 and 'pip install "glassgrad[plot]"' in page


def test_an_older_page_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("old")
    model = nn.MLP(2, [4, 2], rng=0)
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            report(model, None, (X, Y), path)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1
    assert report(model, None, (X, Y), str(path)) == path and "<h1>MLP</h1>" in path.read_text(encoding="utf-8")


def test_mistakes(tmp_path):
    model = nn.MLP(2, [4, 2], rng=0)
    for data in (X, {}, {"test": X}):
        with pytest.raises(ArgumentError, match=r"data is a pair \(X, y\), or a dict of name → \(X, y\), got"):
            report(model, None, data, tmp_path / "page.html")
    with pytest.raises(ArgumentError, match="test: X has 60 rows, y has 59"):
        report(model, None, {"test": (X, Y[:-1])}, tmp_path / "page.html")
    with pytest.raises(FileNotFoundError):
        report(model, None, (X, Y), tmp_path / "nowhere" / "page.html")
    assert not list(tmp_path.iterdir())
