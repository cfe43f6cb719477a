"""The report's page and the network's picture in a real browser: light, dark, phone and paper; no message, no request.

Needs a Chromium on the PATH and the Python package `playwright`; skipped with one line where either is missing.
"""

import shutil
import subprocess

import numpy as np
import pytest

import nn
from nn.datasets import digits
from nn.viz import network, report

pytestmark = pytest.mark.slow
PHONE, DESK = (390, 844), (1200, 800)
OUTSIDE = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
    const sheet = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(text => {
        const box = text.getBoundingClientRect();
        return box.width && (box.left < sheet.left - 1 || box.right > sheet.right + 1
                             || box.top < sheet.top - 1 || box.bottom > sheet.bottom + 1);
    }).map(text => text.textContent);
})"""


def colour(page, selector, name):
    return page.eval_on_selector(selector, f"element => getComputedStyle(element).{name}")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Two pages: of a classifier of images, and of one of two features, which has decision regions."""
    folder = tmp_path_factory.mktemp("reports")
    data = digits()
    X, y = data.X.astype(np.float32), data.y
    model, birth = nn.MLP(64, [32, 10], rng=0), nn.MLP(64, [32, 10], rng=0).state_dict()
    history = nn.fit(model, X[:600], y[:600], epochs=5, rng=0, validation=(X[600:900], y[600:900]), progress=False)
    splits = {"training": (X[:600], y[:600]), "test": (X[900:], y[900:])}
    report(model, history, splits, folder / "digits.html", title="Digits", before=birth, image=(8, 8))
    points = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    side = (points[:, 0] > points[:, 1] ** 2).astype(np.int64)
    small = nn.Sequential(nn.Linear(2, 8), np.tanh, nn.Residual(nn.Linear(8, 8)), nn.Linear(8, 2), rng=0)
    history = nn.fit(small, points, side, epochs=5, rng=0, progress=False)
    names = {"classes": ["left of it", "right of it"], "features": ["width in cm", "height in cm"]}
    report(small, history, (points, side), folder / "points.html", title="Points", **names)
    return folder


@pytest.mark.parametrize("name", ["digits.html", "points.html"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_the_report_is_readable_everywhere(browser, reports, name, dark, size):
    page, said = browser(reports / name, dark=dark, size=size)
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing makes the page scroll sideways
    assert colour(page, "body", "backgroundColor") == ("rgb(20, 22, 28)" if dark else "rgb(250, 251, 252)")
    assert colour(page, ".chart text", "fill") == ("rgb(155, 163, 181)" if dark else "rgb(93, 101, 119)")  # a tick's
    assert page.evaluate(OUTSIDE) == []  # no label is cut off
    assert page.locator("section:visible").count() >= 5
    assert len(page.screenshot(full_page=True)) > 50_000


def test_the_report_needs_no_javascript(browser, reports):
    with_it, without = (browser(reports / "digits.html", javascript=on)[0] for on in (True, False))
    assert with_it.locator("script").count() == 0
    assert with_it.inner_text("body") == without.inner_text("body")


def test_the_report_on_paper_is_light_and_whole(browser, reports):
    page, said = browser(reports / "digits.html", dark=True)
    page.emulate_media(media="print")
    assert colour(page, "body", "backgroundColor") == "rgb(255, 255, 255)"
    assert colour(page, ".chart text", "fill") == "rgb(93, 101, 119)"
    assert colour(page, "figure svg .page", "fill") == "rgb(250, 251, 252)"
    assert colour(page, "section", "breakInside") == "avoid"
    page.set_viewport_size({"width": 700, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.pdf().startswith(b"%PDF") and said == []


def residual():
    block = nn.Sequential(nn.Linear(8, 8), np.tanh, nn.Linear(8, 8))
    return nn.Sequential(nn.Linear(4, 8), nn.Residual(block), nn.LayerNorm(8), nn.Linear(8, 3), rng=0)


def pictures():
    """Name → a network's picture: columns, heat maps, kernels and feature maps, attention."""
    rng = np.random.default_rng(0)
    rows, wide = rng.normal(size=(20, 4)).astype(np.float32), rng.normal(size=(9, 64)).astype(np.float32)
    images = rng.normal(size=(2, 1, 8, 8)).astype(np.float32)
    return {
        "residual": network(residual(), rows, names=["a longer name", "b", "c", "d"]),
        "wide": network(nn.MLP(64, [64, 10], rng=0), wide, names=(None, [f"class {i}" for i in range(10)])),
        "cnn": network(nn.models.CNN((1, 8, 8), 3, (4, 8), rng=0), images),
        "gpt": network(nn.models.GPT(11, 8, 1, 2, 16, rng=0), np.arange(8)[None]),
    }


@pytest.mark.parametrize("name", ["residual", "wide", "cnn", "gpt"])
def test_a_network_in_light_and_dark(browser, tmp_path, name):
    drawing = pictures()[name]
    for suffix, dark in (("svg", False), ("svg", True), ("html", False), ("html", True)):
        page, said = browser(drawing.save(tmp_path / f"{name}.{suffix}"), dark=dark)
        assert colour(page, ".page", "fill") == ("rgb(20, 22, 28)" if dark else "rgb(250, 251, 252)")
        assert colour(page, ".label", "fill") == ("rgb(232, 234, 240)" if dark else "rgb(27, 33, 48)")
        assert page.evaluate(OUTSIDE) == []
        assert len(page.screenshot()) > 10_000 and said == []


def test_a_neuron_answers_the_mouse(browser, tmp_path):
    page, said = browser(pictures()["residual"].save(tmp_path / "a.html"))
    before = colour(page, ".unit .neuron", "strokeWidth")
    page.hover(".unit >> nth=0")
    assert colour(page, ".unit .neuron", "strokeWidth") != before
    assert page.text_content(".unit title").startswith("neuron 0, mean activation ")
    assert said == []


def test_librsvg_draws_every_network(tmp_path):
    program = shutil.which("rsvg-convert")
    if program is None:
        pytest.skip("no rsvg-convert on the PATH")
    for name, drawing in pictures().items():
        picture = drawing.save(tmp_path / f"{name}.svg")
        done = subprocess.run([program, picture, "-o", tmp_path / "a.png"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
