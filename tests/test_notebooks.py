"""The notebooks run, are paired with their .py files, and show the pictures and numbers they promise.

The .py file is what one edits; the .ipynb beside it is made from it, executed, so that it can be read without running:

    python tests/test_notebooks.py                      # writes every notebooks/*.ipynb
    python tests/test_notebooks.py notebooks/00*.py     # writes one

The tests do the same into a temporary folder, each notebook in a process and a kernel of its own (Jupyter's client has
warnings that are not ours, and here a warning is an error), and compare. A notebook must therefore give the same text
and the same drawings every time: no times, no memory addresses, no digits that depend on the order of a sum. Two things
are left out of the comparison: the bytes of charts (PNG), which change with matplotlib's version, and the uncertainty
that check_gradients states after "±", which is rounding noise.

A notebook that trains for minutes cannot do that: its digits depend on the order of sums. TRAINED says which of
the numbers it prints must lie where. It is executed in a hurry, with the numbers that stand behind `# in a hurry:` in its
code, and only its text and code are compared; `pytest -m slow` executes it whole, and looks at its numbers.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from notebook_claims import NEEDED, PROMISED, TRAINED, WHOLLY

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
SECONDS = 600  # for one cell; a whole notebook takes three to six in a hurry


def hurried(code: str) -> str:
    """The code with the numbers that its lines give for a run in a hurry."""
    return re.sub(r"^(.*?) = .*  # in a hurry: (.*)$", r"\1 = \2", code, flags=re.MULTILINE)


def execute(source: Path, folder: Path, *, hurry: bool = False) -> None:
    """Run the notebook in `source` (py:percent) in a new kernel of this interpreter; write the .ipynb into folder."""
    import jupytext
    import matplotlib.font_manager  # noqa: F401  builds the font cache, which would else be announced in a cell's output
    import nbformat
    from nbclient import NotebookClient

    notebook = jupytext.read(source)
    for i, cell in enumerate(notebook.cells):
        cell.source = hurried(cell.source) if hurry else cell.source
        cell.id = f"cell-{i:02}"  # jupytext draws them at random
    place = {"metadata": {"path": str(ROOT)}}
    NotebookClient(notebook, timeout=SECONDS, resources=place, coalesce_streams=True).execute()
    notebook.metadata.language_info = {"name": "python"}  # without the version that happened to run
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran
    nbformat.write(notebook, folder / f"{source.stem}.ipynb")


def prepare(scratch: Path) -> None:
    """Make Jupyter use this interpreter and the packages of this folder, and none of the user's own settings."""
    spec = scratch / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    for name in ("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        os.environ[name] = str(scratch)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    os.environ.pop("MPLBACKEND", None)  # the kernel's own, which draws into the notebook
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads that wait for each other: notebook 05 takes a quarter


def outputs(notebook: dict) -> list[dict]:
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def text_of(notebook: dict) -> str:
    """All that the notebook prints."""
    return "".join("".join(output["text"]) for output in outputs(notebook) if output["output_type"] == "stream")


def comparable(notebook: dict) -> dict:
    """The notebook without the bytes of its charts and the digits of noise."""
    notebook = json.loads(re.sub(r"± [\d.e-]+", "± …", json.dumps(notebook, ensure_ascii=False)))
    for output in outputs(notebook):
        if "image/png" in output.get("data", {}):
            output["data"] = {"image/png": "…"}
    return notebook


def unexecuted(notebook: dict) -> dict:
    """Its text and code alone, in a hurry."""
    cells = [cell | {"source": hurried("".join(cell["source"])), "outputs": []} for cell in notebook["cells"]]
    return notebook | {"cells": cells}


def claims_hold(source: Path, notebook: dict) -> None:
    """The numbers that it prints lie where TRAINED says."""
    for pattern, bounds in TRAINED[source.stem].items():
        numbers = [float(number) for number in re.findall(pattern, text_of(notebook), re.MULTILINE)]
        assert len(numbers) == len(bounds), f"{pattern}: {numbers}"
        for number, (low, high) in zip(numbers, bounds, strict=True):
            assert low <= number <= high, f"{pattern}: {number}, expected {low} … {high}"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """(source, whether in a hurry) → what it is when it is executed now."""
    pytest.importorskip("nbclient", reason="pip install glassgrad[notebooks]")
    pytest.importorskip("jupytext", reason="pip install glassgrad[notebooks]")

    def run(source: Path, hurry: bool = False) -> dict:
        folder = tmp_path_factory.mktemp("notebooks")
        command = [sys.executable, __file__, "--out", str(folder), str(source), *["--hurry"] * hurry]
        result = subprocess.run(command, capture_output=True, text=True, timeout=2 * SECONDS, check=False)
        assert result.returncode == 0, result.stderr[-4000:]
        return json.loads((folder / f"{source.stem}.ipynb").read_text(encoding="utf-8"))

    return run


def look_for(names: tuple[str, ...]) -> None:
    """Skip the test, with one line, where a package is missing; g2p_en, which asks for more, is not imported."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")


def committed(source: Path) -> dict:
    return json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))


def test_every_notebook_is_there_as_py_and_as_ipynb():
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == {path.stem for path in NOTEBOOKS}
    assert {path.stem for path in NOTEBOOKS} == PROMISED.keys() | TRAINED.keys()


def test_they_are_one_path_in_which_each_bears_its_number_and_ends_with_the_title_of_the_next():
    texts = [source.read_text(encoding="utf-8") for source in NOTEBOOKS]
    titles = [re.findall(r"^# # (\d+) · (.+)$", text, re.MULTILINE) for text in texts]
    assert [int(number) for ((number, _),) in titles] == [int(source.stem[:2]) for source in NOTEBOOKS]
    assert [int(number) for ((number, _),) in titles] == list(range(len(NOTEBOOKS)))
    for text, ((_, following),) in zip(texts, titles[1:], strict=False):
        assert f"*{following}*" in text.rpartition("# %% [markdown]")[2]


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_run_in_a_hurry_takes_every_number_given_for_it(source):
    assert "in a hurry" not in hurried(source.read_text(encoding="utf-8"))


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs_and_gives_what_is_committed(source, executed):
    trained = source.stem in TRAINED
    if not trained or source.stem in WHOLLY:  # others leave out what they lack, or need nothing
        look_for(NEEDED.get(source.stem, ()))
    now, then = executed(source, hurry=trained), committed(source)  # a cell that raises is an error here
    kept = unexecuted if trained else comparable
    now, then = kept(now), kept(then)
    for new, old in zip(now["cells"], then["cells"], strict=False):
        assert new == old, f"{new['id']} differs; to accept it: python tests/test_notebooks.py"
    assert now == then


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_shows_the_numbers_and_pictures_it_promises(source):
    notebook = committed(source)
    printed = text_of(notebook)
    for promise in PROMISED.get(source.stem, ()):
        assert promise in printed
    if source.stem in TRAINED:
        claims_hold(source, notebook)
    shown = [kind for output in outputs(notebook) for kind in output.get("data", {})]
    assert "image/svg+xml" in shown
    assert "image/png" in shown


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_holds_nothing_of_the_machine_that_ran_it(source):
    notebook = committed(source)
    assert notebook["metadata"]["kernelspec"] == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    assert set(notebook["metadata"]) == {"jupytext", "kernelspec", "language_info"}
    kept = {"lines_to_next_cell"}  # jupytext's, so that the .py can be made from the .ipynb again
    assert all(cell["metadata"].keys() <= kept for cell in notebook["cells"])
    assert not [output for output in outputs(notebook) if output.get("name") == "stderr"]  # warnings have file names
    assert not re.search(r"/(home|root|tmp|usr|Users|opt)/|ipykernel_|[A-Z]:\\\\", json.dumps(outputs(notebook)))


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_trained_anew_its_numbers_lie_where_it_says(name, executed):
    look_for(NEEDED.get(name, ()))
    source = ROOT / "notebooks" / f"{name}.py"
    claims_hold(source, executed(source))


def main() -> None:
    import argparse
    import tempfile

    parser = argparse.ArgumentParser(description="Execute notebooks and write their .ipynb files.")
    parser.add_argument("sources", nargs="*", type=Path, default=NOTEBOOKS, help="py:percent files; all by default")
    parser.add_argument("--out", type=Path, default=ROOT / "notebooks", help="folder to write to")
    parser.add_argument("--hurry", action="store_true", help="train for as short as the notebook's code says")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        prepare(Path(scratch))
        for source in arguments.sources:
            execute(source, arguments.out, hurry=arguments.hurry)
            print(f"{source.stem}: executed")


if __name__ == "__main__":
    main()
