"""Kills trainings with SIGKILL at random moments and resumes them, and says how they ended: `python killed.py --help`.

Each training is a forked process, which starts in milliseconds, so that hundreds of kills take minutes. What is compared
is all that training makes: weights (the best ones), buffers, generators, the optimiser's state, the history.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import time
import traceback
from pathlib import Path

import numpy as np

import nn
from autograd.ops.random import dropout

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).astype(np.float32)
Y = np.tanh(X[:, :1] * X[:, 1:2]) + 0.1 * rng.normal(size=(60, 1)).astype(np.float32)
VALID = (X[:15], Y[:15])


class Noisy(nn.Module):
    """An MLP with dropout, a running mean of its input, and a parameter that nothing uses."""

    buffers = ("running_mean",)

    def __init__(self):
        self.mlp = nn.MLP(4, [16, 16, 1], np.tanh, rng=0)
        self.unused = nn.Parameter(np.ones(3, np.float32))
        self.running_mean = np.zeros(4, np.float32)
        self.rng = np.random.default_rng(1)

    def forward(self, x):
        if self.training:
            self.running_mean = 0.9 * self.running_mean + 0.1 * np.mean(x, axis=0)
            x = dropout(x, 0.2, rng=self.rng)
        return self.mlp(x - self.running_mean)


def schedule(step):
    return 0.01 / (1 + step / 50)


def jitter(x, rng):
    return x + 0.05 * rng.normal(size=x.shape)


def train(path, *, compile, epochs):
    """A whole training, or what is left of one; a hash of all that it made."""
    model = Noisy()
    optimizer = nn.AdamW(model, 0.01)
    history = nn.fit(
        model, X, Y, optimizer=optimizer, epochs=epochs, batch_size=4, accumulate=2, rng=3, validation=VALID, patience=25,
        schedule=schedule, clip_norm=1.0, augment=jitter, compile=compile, progress=False, checkpoint=path,
        checkpoint_every=3, resume=True,
    )  # fmt: skip
    found = hashlib.sha256()
    for state in (model.state_dict(), optimizer.state_dict()):
        for name, value in state.items():
            found.update(name.encode() + np.asarray(value).tobytes())
    figures = {name: value for name, value in vars(history).items() if name != "seconds"}
    found.update(json.dumps([figures, str(model.rng.bit_generator.state)]).encode())
    return found.hexdigest()


def forked(path, result, options):
    """The id of a new process that trains and leaves its hash in `result`."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            found = train(path, compile=options.compile, epochs=options.epochs)
            result.with_suffix(".part").write_text(found)
            result.with_suffix(".part").replace(result)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def ended(child, seconds):
    """Whether the process ended by itself within that time; else it is killed. Raises RuntimeError if it failed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if status:
                raise RuntimeError(f"a training failed with status {status}")
            return True
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=0.25, help="seconds until a kill, at most")
    parser.add_argument("--ending", default=".npz")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    path, result = options.folder / f"run{options.ending}", options.folder / "result"
    ended(forked(options.folder / f"whole{options.ending}", result, options), 600)
    expected = result.read_text()
    when = random.Random(options.seed)
    report = {"kills": 0, "finished": 0, "different": 0, "drafts": 0, "with a checkpoint": 0}
    while report["kills"] < options.kills or report["finished"] == 0:
        result.unlink(missing_ok=True)
        limit = when.uniform(0, options.longest) if report["kills"] < options.kills else 600
        if ended(forked(path, result, options), limit):
            report["finished"] += 1
            report["different"] += result.read_text() != expected
            path.unlink()
            continue
        report["kills"] += 1
        report["drafts"] += len(list(options.folder.glob(".run*.part")))  # killed while writing
        if path.exists():
            report["with a checkpoint"] += 1
            nn.load_state(path)  # raises if it cannot be read
    print(json.dumps(report))


if __name__ == "__main__":
    main()
