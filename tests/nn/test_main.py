"""The main job: what it prints and writes, and one line for every mistake."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy as np
import pytest

import nn
from nn import job, report
from nn.__main__ import main

COLOURS = ("red", "blue", "", "grey")
ANIMALS = "weight,legs,colour,kind\n" + "".join(
    f"{'NA' if i % 7 == 0 else 4 + i % 5},{2 + 2 * (i % 2)},{COLOURS[i % 4]},{('bird', 'cat')[i % 2]}\n"
    for i in range(80)
)
HOUSES = "area;rooms;street;price\n" + "".join(
    f"{50 + 7 * i % 90},5;{i % 5};{('Elm', 'Oak')[i % 2]};{100 + 3 * (7 * i % 90) + 20 * (i % 2)},25\n"
    for i in range(90)
)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(capsys, *arguments):
    """(exit status, lines of stdout, lines of stderr)"""
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out.splitlines(), err.splitlines()


def everything():
    return sorted(str(path) for path in Path().rglob("*"))


def test_the_digits(capsys):
    status, out, err = run(capsys, "--epochs", 3)
    assert (status, err) == (0, [])
    assert out[0] == "Handwritten digits: 1,258 train, 270 validation, 269 test rows; 64 inputs, 10 classes"
    assert out[1] == "MLP(64, [128, 64, 10], activation=relu)  17,226 parameters"
    for part in ("train", "validation", "test"):
        assert any(re.fullmatch(rf"{part} +[\d,]+  \d\.\d{{4}} +\d+\.\d %", line) for line in out)
    assert any(re.fullmatch(r"layers\.0\.weight  128 × 64  8,192 +0\.1\d+ +0\.\d+ +\d+ %", line) for line in out)
    assert out[-2] == f"report: {Path('glassgrad-report/index.html')}"
    assert re.fullmatch(r"test accuracy \d\d\.\d %", out[-1])
    files = [str(Path("glassgrad-report", name)) for name in ("index.html", "model.npz")]
    assert everything() == ["glassgrad-report", *files]


def test_the_digits_reach_what_the_readme_says():
    accuracies = []
    for seed in range(5):
        settings = job.Settings(seed=seed)
        examples = job.load(settings)
        result = job.train(settings, examples, job.build(settings, examples), progress=False)
        accuracies.append(result.scores["test"].quality)
    assert median(accuracies) >= 0.965, accuracies


def test_the_same_seed_gives_the_same_result_and_another_a_different_one(capsys):
    Path("animals.csv").write_text(ANIMALS)
    settings = "animals.csv", "--target", "kind", "--hidden", "8", "--epochs", 2, "--out", "r"
    results = [run(capsys, *settings, "--seed", seed)[1] for seed in (3, 3, 4)]
    tables = ["\n".join(line for line in out if "report:" not in line and "new.csv" not in line) for out in results]
    assert tables[0] == tables[1] != tables[2]


def test_the_page_is_complete_and_needs_no_network(capsys):
    run(capsys, "--epochs", 2)
    page = Path("glassgrad-report/index.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 2_000_000
    assert not re.search(r"<script|<link|<iframe|(src|href)=[\"']?(https?:|//)|url\(\s*[\"']?http|@import", page)
    assert "prefers-color-scheme:dark" in page
    assert 'name="viewport"' in page
    for title in (
        "Loss and accuracy",
        "Training",
        "The network",
        "Its answers",
        "Inside",
        "Through the lens",
        "One neuron",
        "What became of the weights",
        "The run",
    ):
        assert f"<h2>{title}</h2>" in page
    assert page.count("<svg") == page.count("</svg>") == 19  # the lens has seven
    assert "CC BY 4.0" in page
    charts = "".join(re.findall(r'<figure class="chart".*?</figure>', page, re.DOTALL))
    assert charts and "#2f7de1" not in charts, "a colour of the figures was left"


def test_a_table_with_categories_and_missing_values(capsys):
    Path("animals.csv").write_text(ANIMALS)
    status, out, err = run(capsys, "animals.csv", "--target", "kind", "--epochs", 30, "--hidden", "8")
    assert (status, err) == (0, [])
    assert out[0] == "animals.csv: 56 train, 12 validation, 12 test rows; 7 inputs, 2 classes"
    assert out[-1] == "test accuracy 100.0 %"


def test_a_table_with_a_number_to_predict(capsys):
    Path("houses.csv").write_text(HOUSES)
    status, out, err = run(capsys, "houses.csv", "--target", "price", "--categorical", "rooms", "--batch-size", 8)
    assert (status, err) == (0, [])
    assert out[0] == "houses.csv: 63 train, 14 validation, 13 test rows; 8 inputs, regression"
    found = re.fullmatch(r"test R² (\d\.\d\d) \(rmse ([\d.]+)\)", out[-1])
    assert float(found[1]) > 0.95
    assert float(found[2]) < 20
    assert "<h2>Loss and R²</h2>" in Path("glassgrad-report/index.html").read_text(encoding="utf-8")


def test_no_validation_rows(capsys):
    status, out, _ = run(capsys, "--epochs", 1, "--validation", 0)
    assert status == 0
    assert not any(line.startswith(("validation", "kept", "stopped")) for line in out)


def test_a_report_is_never_overwritten(capsys):
    Path("out").write_text("a file of that name")
    Path("out-2").mkdir()
    if hasattr(os, "symlink"):
        Path("out-3").symlink_to("nowhere")
    else:
        Path("out-3").mkdir()
    _, out, _ = run(capsys, "--epochs", 1, "--out", "out")
    assert out[-2] == f"report: {Path('out-4/index.html')}"
    assert Path("out").read_text() == "a file of that name"
    assert not any(Path("out-2").iterdir())
    assert not [name for name in os.listdir() if name.startswith(".")]


def test_names_are_text_in_the_page_never_markup(capsys):
    evil = '<script>alert("1")</script>'
    header = f'"=HYPERLINK(""http://x"")","{evil.replace(chr(34), chr(34) * 2)}",t\n'
    Path("evil.csv").write_text(
        header + "".join(f"{i % 9},{i % 7},{('<b>x</b>', '&amp;')[i % 2]}\n" for i in range(40))
    )
    status, _, err = run(capsys, "evil.csv", "--target", "t", "--epochs", 1)
    assert (status, err) == (0, [])
    page = Path("glassgrad-report/index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page
    assert "&amp;amp;" in page


def test_without_matplotlib_one_line_names_the_extra(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, out, err = run(capsys, "--epochs", 1)
    assert (status, err) == (0, [])
    assert [line for line in out if "matplotlib" in line] == [
        'no curves in the report: they need matplotlib, pip install "glassgrad[plot]"'
    ]
    assert out[-1].startswith("test accuracy")
    assert Path("glassgrad-report/index.html").read_text(encoding="utf-8").count("<svg") == 2


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert "python -m nn houses.csv --target price" in capsys.readouterr().out


TABLES = {
    "good.csv": ANIMALS,
    "empty.csv": "",
    "header.csv": "a,b\n",
    "twice.csv": "a,a\n1,2\n",
    "ragged.csv": "a,b\n1,2\n1\n",
    "binary.csv": b"\x89PNG\r\n\x1a\n\x00\xff",
    "constant.csv": "a,b\n" + "".join(f"{i},7\n" for i in range(30)),
    "word.csv": "a,b\n" + "".join(f"{i},{'x' if i == 5 else i * 1.5}\n" for i in range(30)),
    "inf.csv": "a,b\n" + "".join(f"{'inf' if i == 5 else i},{i * 1.5}\n" for i in range(30)),
    "small.csv": "a,b\n1,x\n2,y\n3,x\n4,y\n",
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("none.csv --target b", "none.csv: no such file"),
        (". --target b", ". is a folder, expected a CSV file"),
        ("empty.csv --target b", "empty.csv is empty; it needs a header line and rows"),
        ("header.csv --target b", "header.csv has a header but no rows"),
        ("twice.csv --target b", "twice.csv has two columns named 'a'; is its first line the column names?"),
        ("ragged.csv --target b", "ragged.csv, line 3: 1 cells, expected 2 as in the header"),
        ("binary.csv --target b", "binary.csv is not UTF-8 text (byte 1 is 0x89); save it as CSV in UTF-8"),
        ("good.csv --target kin", "good.csv has no column 'kin'; did you mean 'kind'? Columns: 'weight', 'legs', "),
        ("good.csv --target kind --categorical x", "good.csv has no column 'x'; Columns: 'weight', 'legs', "),
        ("good.csv --target kind --task regression", "good.csv, line 2: column 'kind' is 'bird', expected a number"),
        ("constant.csv --target b", "constant.csv: column 'b', the target, is '7' in every row"),
        ("word.csv --target b", "word.csv, line 7: column 'b' is 'x', but most of its values are numbers"),
        ("word.csv --target b --task regression", "word.csv, line 7: column 'b' is 'x', expected a number, because"),
        ("inf.csv --target b", "inf.csv, line 7: column 'a' is 'inf', which is infinite or too large"),
        ("small.csv --target b", "small.csv has 4 usable rows, too few to split into 70 % + 15 % + 15 %; needs 14"),
        ("good.csv", "--target is missing: which column of good.csv is to be predicted?"),
        ("--target kind", "--target needs a CSV file: python -m nn data.csv --target COLUMN"),
        ("--categorical kind", "--categorical needs a CSV file"),
        ("--task regression", "--task needs a CSV file"),
        ("--task guess", "argument --task: invalid choice: 'guess'"),
        ("--epochs -1", "argument --epochs: '-1': expected a whole number, at least 1"),
        ("--epochs 1.5", "argument --epochs: '1.5': expected a whole number, at least 1"),
        ("--epochs", "argument --epochs: expected one argument"),
        ("--batch-size 0", "argument --batch-size: '0': expected a whole number, at least 1"),
        ("--learning-rate 0", "argument --learning-rate: '0': expected a number, above 0"),
        ("--learning-rate nan", "argument --learning-rate: 'nan': expected a number, above 0"),
        ("--learning-rate inf", "argument --learning-rate: 'inf': expected a number, above 0"),
        ("--learning-rate 1e30", "training diverged: "),
        ("--weight-decay -0.1", "argument --weight-decay: '-0.1': expected a number, at least 0"),
        ("--seed -1", "argument --seed: '-1': expected a whole number, at least 0"),
        ("--hidden 64,x", "argument --hidden: '64,x' is not a list of whole numbers from 1 to 10000, like 64,32"),
        ("--hidden 0", "argument --hidden: '0' is not a list"),
        ("--hidden 99999999", "argument --hidden: '99999999' is not a list"),
        ("--test 1", "argument --test: '1': expected a number, at least 0 and below 1"),
        ("--test 0", "--test must be above 0: the result is measured on the test rows"),
        ("--test 0.5 --validation 0.5", "--validation 0.5 and --test 0.5 leave no rows to train on"),
        ("--test 0.0001", "1797 rows are too few to split"),
        ("--lr 1", "unrecognized arguments: --lr"),
        ("--epoch 5", "unrecognized arguments: --epoch"),
        ("a.csv b.csv --target b", "unrecognized arguments: b.csv"),
        ("--out nowhere/report none.csv --target b", "--out nowhere/report: there is no folder nowhere"),
        ("--out good.csv/report", "--out good.csv/report: there is no folder good.csv"),
        ("--out .", "--out needs the name of a new folder, got '.'"),
        (f"--out {'x' * 300} none.csv --target b", f"--out {'x' * 300} cannot be written: File name too long"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(capsys, arguments, message):
    for name, content in TABLES.items():
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = everything()
    status, out, err = run(capsys, *arguments.split())
    assert status == 2
    assert len(err) == 1
    assert err[0].startswith(f"error: {message}")
    assert out == [] or "diverged" in message
    assert everything() == before


def test_as_a_program_a_mistake_has_status_2_and_no_traceback():
    root = Path(nn.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "nn", "none.csv", "--target", "x"],
        env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "error: none.csv: no such file\n")


def test_a_reader_that_leaves_early_is_no_error(capsys, monkeypatch, tmp_path):
    def gone(*_, **__):
        raise BrokenPipeError

    with (tmp_path / "stdout").open("w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        monkeypatch.setattr("nn.__main__.print", gone, raising=False)
        assert main(["--epochs", "1"]) == 141


def test_ctrl_c_is_one_line_and_leaves_nothing(capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(nn, "fit", interrupted)
    status, _, err = run(capsys)
    assert (status, err) == (130, ["stopped; nothing was written"])
    assert everything() == []


def test_a_disk_that_fills_up_is_one_line_and_leaves_nothing(capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    status, _, err = run(capsys, "--epochs", 1)
    assert status == 2
    assert err == ["error: the report cannot be written to glassgrad-report: No space left on device"]
    assert everything() == []


def test_a_folder_that_may_not_be_written_is_found_before_training(capsys, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", denied)
    assert run(capsys) == (2, [], ["error: --out glassgrad-report cannot be written: Permission denied"])


def _result(**options):
    settings = job.Settings(epochs=1, **options)
    examples = job.load(settings)
    return job.train(settings, examples, job.build(settings, examples), progress=False)


def test_the_drawn_neuron_computes_what_the_network_computes():
    result = _result()
    value, index, rest = report.neuron_graph(result)
    outputs = result.model.layers[0](result.examples.X["test"][:1]).data[0]
    assert index == outputs.argmax()
    assert float(value.data) == pytest.approx(float(outputs[index]), rel=1e-5)
    assert rest == 61


def test_a_neuron_of_few_inputs_is_drawn_whole():
    Path("t.csv").write_text("a,b\n" + "".join(f"{i % 8},{'xy'[i % 2]}\n" for i in range(60)))
    value, index, rest = report.neuron_graph(_result(data=Path("t.csv"), target="b"))
    assert rest == 0
    assert value.label == f"neuron {index}"


def test_changes_count_weights_that_left_their_start():
    birth = {"w": np.array([-1.0, 1.0, -1.0, 1.0]), "b": np.zeros(2)}
    now = {"w": np.array([-1.0, 1.09, -1.11, 2.0]), "b": np.array([0.0, 1e-9])}
    w, b = job.changes(birth, now)
    assert (w.birth, w.changed, b.birth, b.changed) == (1.0, 0.5, 0.0, 0.5)
    assert w.now == pytest.approx(now["w"].std())


def test_r2_is_1_for_a_perfect_prediction_0_for_the_mean_and_undefined_for_a_constant():
    y = np.array([[1.0], [2.0], [6.0]])
    assert job.r2(y, y) == 1.0
    assert job.r2(np.full_like(y, 3.0), y) == 0.0
    assert np.isnan(job.r2(y, np.ones_like(y)))


def test_a_target_constant_in_the_test_rows_is_said(capsys):
    score = job.Score(5, 0.1, float("nan"), 0.25)
    result = job.Result(job.Settings(), None, None, None, {"test": score}, ())
    assert result.verdict == "test R² undefined (rmse 0.25)"
