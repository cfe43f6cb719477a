"""Pictures in JupyterLab, executed there in a real browser: drawn with tooltips, in the notebook's own theme; steps move.

Needs jupyterlab, the Python package `playwright` and a Chromium on the PATH; skipped with one line where one is missing.
The server listens on this machine alone.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from chromium import BROWSER, QUIET

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow
CELLS = [
    "import numpy as np, nn\nfrom autograd import Value, draw",
    "x, w = Value(2.0, 'x'), Value(-3.0, 'w')\nout = np.tanh(x * w + 5.5)\nout.label = 'out'\nout.backward()\ndraw(out)",
    "draw(out).steps()",
    "nn.viz.network(nn.MLP(3, [4, 2], rng=0), np.ones((2, 3)))",
    "X = np.random.default_rng(0).normal(size=(200, 3))\ny = (X[:, 0] > 0).astype(int)\n"
    "history = nn.fit(nn.MLP(3, [4, 2], rng=0), X, y, epochs=20, rng=0, live=True, validation=(X, y))",
]


@pytest.fixture
def address(tmp_path):
    """Where a server of a fresh JupyterLab answers, with one notebook, `look.ipynb`."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
    nbformat = pytest.importorskip("nbformat")
    work, own = tmp_path / "work", tmp_path / "own"
    spec = own / "kernels" / "python3"
    spec.mkdir(parents=True)
    work.mkdir()
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, work / "look.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = dict.fromkeys(
        ("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "HOME"), str(own)
    )
    environment = {**os.environ, **places, "PYTHONPATH": str(ROOT)}
    settings = {"ip": "127.0.0.1", "port": port, "open_browser": False, "root_dir": work, "allow_root": True}
    command = [sys.executable, "-m", "jupyterlab", "--IdentityProvider.token=", "--LabApp.news_url=None"]
    command += [f"--ServerApp.{name}={value}" for name, value in settings.items()]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=work)
    try:
        for _ in range(240):
            assert server.poll() is None, (tmp_path / "log").read_text()[-2000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=1).close()
                break
            except OSError:
                time.sleep(0.25)
        yield f"http://127.0.0.1:{port}/lab/tree/look.ipynb"
    finally:
        server.terminate()
        server.wait(30)


def test_a_notebook_is_executed_and_shows_pictures(address, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    if BROWSER is None:
        pytest.skip("no Chromium on the PATH")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=BROWSER, args=QUIET)
        page = chromium.new_page(viewport={"width": 1300, "height": 900}, color_scheme="dark")
        mistakes, foreign = [], []
        page.on("pageerror", lambda mistake: mistakes.append(str(mistake)))
        page.on("request", lambda request: foreign.append(request.url) if "127.0.0.1" not in request.url else None)
        page.goto(address)
        page.wait_for_selector(".jp-CodeCell >> nth=1", timeout=120_000)
        page.click(".jp-CodeCell >> nth=0")
        page.keyboard.press("Escape")
        page.click("text=/^Run$/")
        page.click("text=/^Run All Cells$/")
        output = ".jp-CodeCell >> nth={} >> .jp-OutputArea-output svg"
        for cell in range(1, len(CELLS) - 1):
            page.wait_for_selector(output.format(cell), timeout=120_000, state="attached")
        curves = page.wait_for_selector(".jp-OutputArea-output img", timeout=120_000)  # the live ones, one picture
        assert curves.get_attribute("src").startswith("data:image/svg+xml")
        assert page.locator(".jp-OutputArea-output [data-mime-type='application/vnd.jupyter.stderr']").count() == 0
        graph = page.locator(output.format(1))
        assert graph.locator(".node").count() == 5
        assert "∂ out / ∂ add" in "".join(graph.locator("title").all_text_contents())
        look = "element => getComputedStyle(element).fill"
        light = page.get_attribute("body", "data-jp-theme-light") == "true"
        assert light and graph.locator(".page").evaluate(look) == "rgb(250, 251, 252)"  # though the system is dark
        page.evaluate("document.body.setAttribute('data-jp-theme-light', 'false')")
        assert graph.locator(".page").evaluate(look) == "rgb(20, 22, 28)"
        page.evaluate("document.body.setAttribute('data-jp-theme-light', 'true')")
        steps = page.locator(".jp-CodeCell >> nth=2").locator(".jp-OutputArea-output")
        told = steps.locator("output").text_content()
        steps.locator(".back").click()
        assert steps.locator("output").text_content() != told
        page.screenshot(path=tmp_path / "lab.png")
        chromium.close()
    assert mistakes == [] and foreign == []
