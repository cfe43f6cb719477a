"""`python -m nn predict`: the network of a report, on new rows, says what the trained one says; mistakes are one line."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nn
from nn import job, predictions
from nn.__main__ import main
from nn.encoder import Encoder
from nn.table import prepare, read_table

COLOURS, KINDS = ("red", "blue", "", "grey"), ("bird", '"cat, big"')
ANIMALS = "weight,legs,colour,kind\n" + "".join(
    f"{'NA' if i % 7 == 0 else 4 + i % 5},{2 + 2 * (i % 2)},{COLOURS[i % 4]},{('bird', 'cat, big')[i % 2]!r}\n".replace(
        "'", '"'
    )
    for i in range(80)
)
HOUSES = "area;street;price\n" + "".join(
    f"{50 + 7 * i % 90},5;{('Elm', 'Oak')[i % 2]};{100 + 3 * (7 * i % 90) + 20 * (i % 2)},25\n" for i in range(90)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two tables and the reports of two trained networks."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "animals.csv").write_text(ANIMALS)
    (folder / "houses.csv").write_text(HOUSES)
    for name, target in (("animals", "kind"), ("houses", "price")):
        options = ["--target", target, "--epochs", "8", "--hidden", "8", "--out", str(folder / name)]
        assert main([str(folder / f"{name}.csv"), *options]) == 0
    return folder


def predict(capsys, *arguments):
    """(exit status, rows of the CSV on stdout, lines of stderr)"""
    capsys.readouterr()
    status = main(["predict", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, list(csv.reader(io.StringIO(out))), err.splitlines()


def in_memory(path, target, **options):
    """(model, encoder) of the same job, without a file between."""
    settings = job.Settings(data=path, target=target, epochs=8, hidden=(8,), **options)
    examples = job.load(settings)
    return job.train(settings, examples, job.build(settings, examples), progress=False).model, examples.encoder


def test_classes_and_probabilities_are_those_of_the_trained_network(capsys, folder):
    path = folder / "animals.csv"
    status, (heads, *rows), err = predict(capsys, folder / "animals", path)
    assert (status, err) == (0, []) and heads == ["kind", "probability of bird", "probability of cat, big"]
    model, encoder = in_memory(path, "kind")
    out = nn.predict(model, encoder.transform(read_table(path)))
    assert [row[0] for row in rows] == [("bird", "cat, big")[i] for i in out.argmax(axis=1)]
    expected = np.exp(out - out.max(axis=1, keepdims=True))
    found = np.array([row[1:] for row in rows], np.float32)
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True), rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
    assert (found.argmax(axis=1) == out.argmax(axis=1)).all() and len({tuple(row) for row in rows}) > 4


def test_values_are_those_of_the_trained_network(capsys, folder):
    path = folder / "houses.csv"
    status, (heads, *rows), err = predict(capsys, folder / "houses", path)
    assert (status, err, heads) == (0, [], ["price"])
    model, encoder = in_memory(path, "price")
    out = nn.predict(model, encoder.transform(read_table(path)))[:, 0].astype(np.float64)
    expected = (out * encoder.std + encoder.mean).astype(np.float32)
    assert np.array(rows, np.float32)[:, 0].tolist() == expected.tolist()
    prices = prepare(read_table(path), "price").y
    assert abs(expected.mean() - prices.mean()) < prices.std() < 0.5 * prices.mean(), "values in the target's own unit"


def test_the_digits_network_reads_pixels_as_the_data_set_counts_them(capsys, tmp_path):
    assert main(["--epochs", "1", "--out", str(tmp_path / "r")]) == 0
    data = nn.datasets.digits()
    with open(tmp_path / "new.csv", "w", newline="") as file:
        csv.writer(file).writerows([data.feature_names, *(data.X[:50] * 16).astype(int)])
    status, (heads, *rows), _ = predict(capsys, tmp_path / "r", tmp_path / "new.csv")
    model, _ = predictions.trained(tmp_path / "r")
    assert (status, heads[:2]) == (0, ["digit", "probability of 0"])
    assert [row[0] for row in rows] == [str(label) for label in nn.predict(model, data.X[:50]).argmax(axis=1)]


def test_columns_in_any_order_with_others_between_and_without_the_target(capsys, folder, tmp_path):
    expected = predict(capsys, folder / "animals", folder / "animals.csv")[1]
    with open(folder / "animals.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    with open(tmp_path / "new.csv", "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["colour", "note", "weight", "legs"])
        writer.writerows([row["colour"], "free text", row["weight"], row["legs"]] for row in rows)
    assert predict(capsys, folder / "animals", tmp_path / "new.csv") == (0, expected, [])


def test_unknown_categories_and_missing_cells_are_as_in_training(capsys, folder, tmp_path):
    (tmp_path / "new.csv").write_text("weight,legs,colour\n6,2,violet\n?,2,red\n6,,\n")
    status, (_, *rows), err = predict(capsys, folder / "animals", tmp_path / "new.csv")
    model, encoder = predictions.trained(folder / "animals")
    x = encoder.transform(read_table(tmp_path / "new.csv"))
    colours = [i for i, name in enumerate(encoder.features) if name.startswith("colour")]
    note = "note: column 'colour': 'violet' (in 1 of the rows) did not occur in training, and counts as none of the "
    note += "known values"
    assert (status, err) == (0, [note]) and (x[0, colours] == 0).all() and x[2, colours].sum() == 1
    assert x[1, encoder.features.index("weight missing")] == 1 and x[1, encoder.features.index("weight")] == 0
    assert [row[0] for row in rows] == [encoder.classes[i] for i in nn.predict(model, x).argmax(axis=1)]


def test_predictions_go_into_a_new_file_only(capsys, folder, tmp_path):
    out = tmp_path / "out.csv"
    arguments = (folder / "animals", folder / "animals.csv")
    expected = predict(capsys, *arguments)[1]
    assert predict(capsys, *arguments, "--out", out) == (0, [], [])
    assert list(csv.reader(out.read_text().splitlines())) == expected
    before = out.read_bytes()
    assert predict(capsys, *arguments, "--out", out) == (2, [], [f"error: --out {out}: File exists"])
    assert out.read_bytes() == before


def test_an_encoder_survives_the_file(folder):
    table = read_table(folder / "animals.csv")
    prepared = prepare(table, "kind")
    _, encoder = predictions.trained(folder / "animals")
    assert encoder == in_memory(folder / "animals.csv", "kind")[1]
    assert encoder.columns == Encoder.from_json(encoder.to_json()).columns and encoder.classes == prepared.classes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("weight,colour\n1,red\n", "new.csv has no column 'legs'; "),
        (
            "weight,Legs,colour\n1,2,red\n",
            "new.csv has no column 'legs'; did you mean 'Legs'? Columns: 'weight', 'Legs', ",
        ),
        ("weight,legs,colour\nheavy,2,red\n", "new.csv, line 2: column 'weight' is 'heavy', expected a number"),
        (
            "weight,legs,colour\ninf,2,red\n",
            "new.csv, line 2: column 'weight' is 'inf', which is infinite or too large",
        ),
        ("weight,legs,colour\n", "new.csv has a header but no rows"),
        ("", "new.csv is empty; it needs a header line and rows"),
        ("weight,legs,colour\n1,2\n", "new.csv, line 2: 2 cells, expected 3 as in the header"),
        (b"\x89PNG\xff", "new.csv is not UTF-8 text"),
        (None, "new.csv: no such file"),
    ],
)
def test_a_bad_table_is_one_line(capsys, folder, tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("new.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    status, out, err = predict(capsys, folder / "animals", "new.csv", "--out", "out.csv")
    assert (status, out, len(err)) == (2, [], 1) and err[0].startswith(f"error: {message}")
    assert not Path("out.csv").exists()


def _flipped(path):
    content = bytearray(path.read_bytes())
    content[300] ^= 1  # in the weights
    path.write_bytes(content)


def _save(path, model, **extra):
    nn.save(path, model, **extra)


GOOD = {"columns": [{"name": "a", "mean": 0.0, "std": 1.0, "has_missing": False}], "target": "t", "task": "regression",
        "classes": [], "mean": 0.0, "std": 1.0}  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "No such file or directory; expected the report folder of a run of python -m nn"),
        (lambda path: path.write_bytes(b"no zip"), "cannot be used"),
        (_flipped, "cannot be used"),
        (lambda path: _save(path, nn.MLP(1, [1])), "is not a network of python -m nn"),
        (lambda path: _save(path, nn.Linear(1, 1), encoder=GOOD), "is not a network of python -m nn"),
        (lambda path: _save(path, nn.MLP(2, [1]), encoder=GOOD), "does not fit"),
        (lambda path: _save(path, nn.MLP(1, [2]), encoder=GOOD), "is not a network of python -m nn"),
        (lambda path: _save(path, nn.MLP(1, [1]), encoder=[]), "is not a network of python -m nn"),
        (lambda path: _save(path, nn.MLP(1, [1]), encoder={**GOOD, "columns": [{"name": "a"}]}), "is not a network"),
        (lambda path: _save(path, nn.MLP(1, [1]), encoder={**GOOD, "std": "x"}), "is not a network of python -m nn"),
    ],
)
def test_a_bad_folder_is_one_line(capsys, folder, tmp_path, spoil, message):
    path = tmp_path / "r" / "model.npz"
    path.parent.mkdir()
    path.write_bytes((folder / "animals" / "model.npz").read_bytes())
    spoil(path)
    status, out, err = predict(capsys, path.parent, folder / "animals.csv")
    assert (status, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"error: {path}") and message in err[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the following arguments are required: folder, data"),
        ("r", "the following arguments are required: data"),
        ("r new.csv more.csv", "unrecognized arguments: more.csv"),
        ("r new.csv --epochs 3", "unrecognized arguments: --epochs 3"),
    ],
)
def test_a_wrong_call_is_one_line(capsys, arguments, message):
    assert predict(capsys, *arguments.split()) == (2, [], [f"error: {message}"])


def test_as_a_program(folder):
    command = [sys.executable, "-m", "nn", "predict", "animals", "animals.csv"]
    environment = {**os.environ, "PYTHONPATH": str(Path(nn.__file__).parents[1])}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "") and len(done.stdout.splitlines()) == 81
