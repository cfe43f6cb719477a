"""Pages and pictures in a real browser: clicks and keys work, light and dark, no console message, no request.

Needs a Chromium on the PATH and the Python package `playwright`; skipped with one line where either is missing.
"""

import shutil
import subprocess
from pathlib import Path

import drawn_graphs as graphs
import numpy as np
import pytest

from autograd import draw

pytestmark = pytest.mark.slow


def ids(page):
    return page.eval_on_selector_all("svg .node", "nodes => nodes.map(node => node.dataset.node)")


def colour(page, selector, name="fill"):
    return page.eval_on_selector(selector, f"element => getComputedStyle(element).{name}")


def test_a_click_closes_and_opens_a_module(browser, tmp_path):
    page, said = browser(draw(graphs.network()).save(tmp_path / "a.html"))
    first = ids(page)
    page.click('.title[data-group="g0"]')
    assert "g0" in ids(page)
    assert len(ids(page)) == len(first) - 3  # a card in the place of four
    page.click('.node[data-node="g0"]')
    assert ids(page) == first
    assert said == []


def test_repeats_open_into_their_calls(browser, tmp_path):
    page, said = browser(draw(graphs.scalars(3)).save(tmp_path / "a.html"))
    closed = page.eval_on_selector_all(".group", "nodes => nodes.map(node => node.textContent)")
    assert sum("× 3" in text for text in closed) == 3
    group = page.eval_on_selector_all(
        ".group", "n => n.find(node => node.textContent.includes('layers.2')).dataset.node"
    )
    before = len(ids(page))
    page.click(f'.node[data-node="{group}"]')
    assert len(ids(page)) > before
    assert page.locator(f'.box[data-group="{group}"]').count() == 1
    assert said == []


def test_a_graph_of_100_000_nodes_opens_on_a_click(browser, tmp_path):
    page, said = browser(draw(graphs.scalars(153)).save(tmp_path / "a.html"))
    closed = dict(page.eval_on_selector_all(".group", "nodes => nodes.map(n => [n.textContent, n.dataset.node])"))
    (weights,) = [id for text, id in closed.items() if "337 nodes" in text]
    (layer,) = [id for text, id in closed.items() if "layers.1, 153 times" in text]
    before = len(ids(page))
    page.click(f'.node[data-node="{weights}"]')
    assert len(ids(page)) == before + 336
    page.click(f'.title[data-group="{weights}"]')
    page.click(f'.node[data-node="{layer}"]')
    assert len(ids(page)) == before + 152
    page.keyboard.press("Escape")
    assert said == []


def test_a_program_folds_and_opens(browser, tmp_path):
    import autograd
    import nn

    model = nn.MLP(4, [4] * 12, rng=0)

    @autograd.compile(backend="numpy")
    def loss(x):
        out = np.mean(model(x) ** 2)
        out.backward()
        return out

    loss(np.ones((4, 4), dtype=np.float32))
    page, said = browser(loss.draw(max_nodes=20).save(tmp_path / "a.html"))
    (layers,) = page.eval_on_selector_all(
        ".group", "nodes => nodes.filter(n => n.textContent.includes('layers.0 …')).map(n => n.dataset.node)"
    )
    before = len(ids(page))
    page.click(f'.node[data-node="{layers}"]')
    assert len(ids(page)) > before
    page.click(f'.title[data-group="{layers}"]')
    assert len(ids(page)) == before
    assert said == []


def test_keys_search_zoom_and_choose(browser, tmp_path):
    page, said = browser(draw(graphs.network()).save(tmp_path / "a.html"))
    size = page.get_attribute("svg", "viewBox")
    page.keyboard.press("+")
    assert page.get_attribute("svg", "viewBox") != size
    page.keyboard.press("0")
    assert page.get_attribute("svg", "viewBox") == size
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("svg", "viewBox") != size
    page.keyboard.press("/")
    page.keyboard.type("layers.1.weight")
    page.keyboard.press("Enter")
    assert page.text_content("#hits") == "1 of 1"
    assert page.text_content("#about").startswith("layers.1.weight\n(1, 3) float32")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.is_hidden("#about")
    assert said == []


def test_search_finds_what_is_in_a_closed_module(browser, tmp_path):
    page, said = browser(draw(graphs.network(), depth=0).save(tmp_path / "a.html"))
    assert page.locator(".node.op").count() == 2  # what is outside of modules
    page.keyboard.press("/")
    page.keyboard.type("layers.0.bias")
    page.keyboard.press("Enter")
    assert page.locator(".chosen").text_content().startswith("layers.0.bias")
    assert said == []


def test_wheel_and_drag(browser, tmp_path):
    page, said = browser(draw(graphs.network()).save(tmp_path / "a.html"))
    before = page.get_attribute("svg", "viewBox").split()
    page.mouse.move(600, 400)
    page.mouse.wheel(0, -200)
    page.wait_for_function(f"document.querySelector('svg').getAttribute('viewBox') !== '{' '.join(before)}'")
    zoomed = page.get_attribute("svg", "viewBox").split()
    assert float(zoomed[2]) < float(before[2])
    page.mouse.down()
    page.mouse.move(500, 380, steps=5)
    page.mouse.up()
    assert float(page.get_attribute("svg", "viewBox").split()[0]) > float(zoomed[0])
    assert said == []


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark(browser, tmp_path, dark):
    page, said = browser(draw(graphs.neuron()).save(tmp_path / "a.html"), dark=dark)
    assert colour(page, "body", "backgroundColor") == ("rgb(20, 22, 28)" if dark else "rgb(250, 251, 252)")
    assert colour(page, ".card") == ("rgb(29, 32, 41)" if dark else "rgb(255, 255, 255)")
    page.evaluate(f"document.body.setAttribute('data-jp-theme-light', '{str(dark).lower()}')")  # a notebook's own theme
    assert colour(page, ".card") == ("rgb(255, 255, 255)" if dark else "rgb(29, 32, 41)")
    assert len(page.screenshot()) > 10_000
    assert said == []


def test_texts_stay_inside_of_their_cards(browser, tmp_path):
    for name, drawing in {
        "a": draw(graphs.network()),
        "b": draw(graphs.scalars(3)),
        "c": draw(graphs.neuron()),
    }.items():
        page, _ = browser(drawing.save(tmp_path / f"{name}.svg"))
        outside = page.evaluate(
            """() => [...document.querySelectorAll('.node')].flatMap(node => {
                const card = node.querySelector('.card').getBoundingClientRect();
                return [...node.querySelectorAll('text')].filter(text => {
                    const box = text.getBoundingClientRect();
                    return box.left < card.left || box.right > card.right || box.bottom > card.bottom + 1;
                }).map(text => text.textContent);
            })"""
        )
        assert outside == []


def test_steps_with_slider_and_keys(browser, tmp_path):
    page, said = browser(draw(graphs.neuron()).steps().save(tmp_path / "a.html"))

    def grads():
        return page.eval_on_selector_all(".node .grad", "texts => texts.map(text => text.textContent)")

    complete = grads()
    assert "–" not in complete
    assert page.text_content("output") == "11 of 11"
    page.keyboard.press("Home")
    assert set(grads()) == {"–"}
    assert page.locator(".node.later").count() == 5
    assert page.text_content("li.now strong") == "Inputs and weights are given"
    page.keyboard.press("ArrowRight")
    assert page.text_content("li.now strong") == "n4 = x1 × w1"
    assert page.locator("[data-from].flows").count() == 2
    page.fill("input[type=range]", "7")
    assert page.text_content("li.now strong") == "back through o = tanh(n)"
    assert sorted(set(grads())) == ["0.5", "1.0", "–"]
    page.keyboard.press("End")
    assert grads() == complete
    page.click(".back")
    assert page.text_content("output") == "10 of 11"
    assert said == []


def test_steps_without_javascript(browser, tmp_path):
    page, said = browser(draw(graphs.neuron()).steps().save(tmp_path / "a.html"), javascript=False)
    assert page.locator("li:visible").count() == 12
    assert page.locator(".controls:visible").count() == 0
    assert page.locator("svg:visible").count() == 1
    assert said == []


def test_librsvg_draws_every_golden_picture(tmp_path):
    program = shutil.which("rsvg-convert")
    if program is None:
        pytest.skip("no rsvg-convert on the PATH")
    for picture in sorted(Path(__file__).with_name("golden").glob("*.svg")):
        done = subprocess.run([program, picture, "-o", tmp_path / "a.png"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
