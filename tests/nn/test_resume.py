"""A training that is killed and resumed ends with the bits of one that never stopped."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from nn.archive import CheckpointError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 3)).astype(np.float32), RNG.normal(size=(50, 1)).astype(np.float32)
VALID = (X[:20], Y[:20])


def run(path, *, stop=None, seed=0, X=X, Y=Y, **options):
    """(model, optimiser, history) of a training with a checkpoint, left after `stop` steps."""
    model = nn.MLP(3, [4, 1], np.tanh, rng=seed)
    optimizer = nn.Adam(model, 0.01)
    options = {"epochs": 4, "batch_size": 16, "rng": 3, "resume": True, "checkpoint": path} | options
    training = nn.train(model, X, Y, optimizer=optimizer, **options)
    with training as steps:
        for number, _ in enumerate(steps, start=1):
            if number == stop:
                break
    return model, optimizer, training.history


def bits(model, optimizer, history):
    states = [*model.state_dict().values(), *map(np.asarray, optimizer.state_dict().values())]
    return [x.tobytes() for x in states], dataclasses.replace(history, seconds=0.0)


@pytest.mark.parametrize("options", [
    {}, {"validation": VALID}, {"checkpoint_every": 1}, {"checkpoint_every": 3, "validation": VALID, "patience": 1},
    {"checkpoint_every": 1, "augment": lambda x, rng: x + rng.normal(size=x.shape), "accumulate": 2, "batch_size": 4},
], ids=lambda options: " ".join(options) or "plain")  # fmt: skip
@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_stopped_after_any_step_it_goes_on(tmp_path, options, ending):
    if ending == ".safetensors":
        pytest.importorskip("safetensors")
    whole = bits(*run(None, resume=False, **{k: v for k, v in options.items() if k != "checkpoint_every"}))
    for stop in (1, 4, 5, 9):
        path = tmp_path / f"{stop}{ending}"
        run(path, stop=stop, **options)
        seed = 1 if path.exists() else 0  # the weights come from the file
        assert bits(*run(path, seed=seed, **options)) == whole


def test_a_finished_training_stays_as_it_ended(tmp_path):
    path = tmp_path / "run.npz"
    options = {"validation": VALID, "patience": 2, "epochs": 50}
    ended = run(path, **options)
    assert ended[2].stopped
    assert bits(*run(path, **options)) == bits(*ended)
    longer = run(tmp_path / "more.npz", epochs=2) and run(tmp_path / "more.npz", epochs=5)
    assert bits(*longer) == bits(*run(None, epochs=5, resume=False))


def test_without_resume_it_starts_anew_and_replaces_the_file(tmp_path):
    path = tmp_path / "run.npz"
    run(path, epochs=1)
    first = path.read_bytes()
    assert bits(*run(path, epochs=4, resume=False)) == bits(*run(None, epochs=4, resume=False))
    assert path.read_bytes() != first


def test_when_checkpoints_are_written(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("nn.training.keep", lambda path, training: written.append(training.optimizer.steps))
    run(tmp_path / "a.npz", epochs=2)
    assert written == [4, 8]
    written.clear()
    run(tmp_path / "a.npz", epochs=2, checkpoint_every=3)
    assert written == [3, 4, 6, 8]


def test_what_is_done_between_batches_is_in_the_checkpoint(tmp_path):
    def halved(stop):
        model = nn.MLP(3, [4, 1], rng=0)
        optimizer = nn.SGD(model, 0.1)
        options = {"epochs": 3, "batch_size": 16, "rng": 3, "checkpoint": tmp_path / "run.npz", "resume": True}
        for number, step in enumerate(nn.train(model, X, Y, optimizer=optimizer, **options), start=1):
            if step.last:
                optimizer.learning_rate /= 2
            if number == stop:
                break
        return optimizer.learning_rate, [p.data.tobytes() for p in model.parameters()]

    whole = halved(None)
    (tmp_path / "run.npz").unlink()
    halved(6)
    assert halved(None) == whole and whole[0] == 0.0125


def test_a_checkpoint_of_another_training_is_refused_and_nothing_changes(tmp_path):
    path = tmp_path / "run.npz"
    run(path, epochs=1)
    for options, words in [
        ({"batch_size": 8}, "had {'rows': 50, 'batch_size': 16}, this one has {'rows': 50, 'batch_size': 8}"),
        ({"X": X[:40], "Y": Y[:40]}, "had {'rows': 50, 'batch_size': 16}, this one has {'rows': 40"),
        ({"rng": np.random.Generator(np.random.MT19937(0))}, "must be for a MT19937"),
    ]:
        with pytest.raises(CheckpointError, match=words) as error:
            run(path, **options)
        assert str(path) in str(error.value)
    model = nn.MLP(3, [5, 1], rng=0)
    before = [p.data.tobytes() for p in model.parameters()]
    with pytest.raises(CheckpointError, match=r"does not fit: .*layers\.0\.weight has shape"):
        nn.fit(model, X, Y, batch_size=16, checkpoint=path, resume=True)
    assert [p.data.tobytes() for p in model.parameters()] == before
    nn.save(path, nn.MLP(3, [4, 1]), nn.Adam(nn.MLP(3, [4, 1])))
    with pytest.raises(CheckpointError, match=r"no checkpoint of this training: there is no 'extra/training'; nn.fit"):
        run(path)
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="cannot be used"):
        run(path)


NUMBERS = np.random.default_rng(0).bit_generator.state
SIZES = {"rows": 50, "batch_size": 16}
GOOD = {"sizes": SIZES, "rng": NUMBERS, "position": {"order": None}, "history": {}}


@pytest.mark.parametrize(
    "words",
    [
        [], {}, {"sizes": SIZES}, {"sizes": []}, GOOD | {"rng": {}}, GOOD | {"position": {}}, GOOD | {"history": []},
        GOOD | {"position": {"order": None, "evil": 1}}, GOOD | {"position": {"order": None, "epoch": "1"}},
        GOOD | {"position": {"order": {"state": 0}}}, GOOD | {"history": {"train_loss": 3}},
    ],
)  # fmt: skip
def test_words_that_are_no_training_are_refused(tmp_path, words):
    model = nn.MLP(3, [4, 1], rng=0)
    nn.save(tmp_path / "run.npz", model, nn.Adam(model), training=words)
    with pytest.raises(CheckpointError, match="no checkpoint of this training"):
        run(tmp_path / "run.npz")
    nn.save(tmp_path / "run.npz", model, nn.Adam(model), training=GOOD, **{"best/layers.0.weight": np.ones(3)})
    with pytest.raises(CheckpointError, match="its best weights are another model's"):
        run(tmp_path / "run.npz")
    nn.save(tmp_path / "run.npz", model, nn.Adam(model), training=GOOD)
    run(tmp_path / "run.npz", epochs=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint": "run"}, r"run: the name of a checkpoint ends in \.npz or \.safetensors"),
        ({"checkpoint": "nowhere/run.npz"}, "there is no folder nowhere"),
        ({"checkpoint": None}, "resume need checkpoint="),
        ({"checkpoint": None, "resume": False, "checkpoint_every": 3}, "checkpoint_every and resume need checkpoint="),
        ({"checkpoint_every": 0}, "checkpoint_every is a whole number of at least 1, got 0"),
    ],
)
def test_wrong_options(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=message):
        run(tmp_path / "run.npz", **options)


# SIGKILL


def killed(folder, *options):
    """What tests/nn/killed.py reports."""
    script = Path(__file__).with_name("killed.py")
    environment = {**os.environ, "PYTHONPATH": str(Path(nn.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(folder), *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["finished"] >= 1 and report["different"] == 0, report
    return report


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@needs_fork
@pytest.mark.parametrize(
    "options", [("--longest", "0.2"), ("--compile", "--longest", "1.2")], ids=["eager", "compiled"]
)
def test_killed_and_resumed(tmp_path, options):
    report = killed(tmp_path, "--kills", "3", "--epochs", "6", *options)
    assert report["kills"] == 3


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("options", [
    ("--kills", "200"), ("--kills", "200", "--ending", ".safetensors", "--seed", "1"),
    ("--kills", "200", "--compile", "--longest", "2.5", "--seed", "2"),
], ids=["eager", "safetensors", "compiled"])  # fmt: skip
def test_killed_two_hundred_times(tmp_path, options):
    report = killed(tmp_path, *options)
    print(report)
    assert report["kills"] == 200 and report["with a checkpoint"] > 100 and report["drafts"] > 0
