"""Healthy trainings of many kinds have no finding: at birth, and when they have been trained.

The limits of the rules were set on twenty seeds of each; here run two, and `-m slow` twenty.
"""

import numpy as np
import pytest

import nn
from autograd.ops import gelu, relu
from nn.datasets import digits
from nn.lens import diagnose

DIGITS = digits()


def images(rows=slice(0, 400), held=slice(400, 600)):
    return (DIGITS.X[rows], DIGITS.y[rows]), (DIGITS.X[held], DIGITS.y[held])


def pictures():
    return tuple((X.reshape(-1, 1, 8, 8), y) for X, y in images(slice(0, 256), slice(256, 384)))


def curve(seed, noise=0.3):
    """Friedman's first function of ten features, standardised, in two parts."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(300, 10))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
    y = ((y - y.mean()) / y.std() + noise * rng.normal(size=300))[:, None]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return (X[:200], y[:200]), (X[200:], y[200:])


def sequences(seed):
    """Is the sum over time of two noisy channels above 0?"""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 8, 2))
    y = (X.sum(axis=(1, 2)) > 0).astype(int)
    return (X[:200], y[:200]), (X[200:], y[200:])


def windows():
    """Windows of 16 characters of a text, the page about the digits, each to be continued."""
    text = DIGITS.description[:900]
    letters = sorted(set(text))
    codes = np.array([letters.index(letter) for letter in text])
    tokens = np.stack([codes[i : i + 17] for i in range(0, len(codes) - 17, 8)])
    half = len(tokens) * 3 // 4
    parts = tokens[:half], tokens[half + 2 :]
    return len(letters), *((part[:, :-1], part[:, 1:]) for part in parts)


class LastState(nn.Module):
    """A recurrent layer and a decision from its last state."""

    def __init__(self, kind, rng):
        self.cells = kind(2, 16, batch_first=True)
        self.head = nn.Linear(16, 2)
        self.initialize(rng)

    def forward(self, x):
        return self.head(self.cells(x)[0][:, -1])


def mlp(seed):
    model = nn.MLP(64, [32, 32, 10], rng=seed)
    return model, nn.Adam(model, learning_rate=0.003), images(), {}


def regression(seed):
    model = nn.MLP(10, [24, 24, 1], rng=seed)
    return model, nn.SGD(model, 0.03, momentum=0.9), curve(seed), {}


def cnn(seed):
    model = nn.models.CNN((1, 8, 8), 10, channels=(8, 16), rng=seed)
    return model, nn.Adam(model, learning_rate=0.003), pictures(), {}


def recurrent(seed):
    model = LastState((nn.RNN, nn.GRU, nn.LSTM)[seed % 3], seed)
    return model, nn.Adam(model, learning_rate=0.01), sequences(seed), {}


def gpt(seed):
    count, train, held = windows()
    model = nn.models.GPT(count, 16, layers=1, heads=2, width=16, rng=seed)
    return model, nn.AdamW(model, learning_rate=0.01), (train, held), {}


def batch_norm(seed):
    layers = nn.Linear(64, 32, bias=False), nn.BatchNorm1d(32), relu, nn.Linear(32, 10)
    model = nn.Sequential(*layers, rng=seed)
    return model, nn.SGD(model, 0.1), images(), {}


def dropout(seed):
    layers = nn.Linear(64, 48), gelu, nn.Dropout(0.3), nn.Linear(48, 10)
    model = nn.Sequential(*layers, rng=seed)
    return model, nn.RMSprop(model, learning_rate=0.002), images(), {}


def residual(seed):
    blocks = [nn.Residual(nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 32), relu)) for _ in range(8)]
    model = nn.Sequential(nn.Linear(64, 32), *blocks, nn.LayerNorm(32), nn.Linear(32, 10), rng=seed)
    return model, nn.Adam(model, learning_rate=0.001), images(), {}


def double(seed):
    model = nn.MLP(64, [32, 10], np.tanh, rng=seed, dtype=np.float64)
    return model, nn.SGD(model, 0.1, momentum=0.9, nesterov=True), images(), {}


def binary(seed):
    (X, y), (V, w) = images()
    data = (X, (y[:, None] % 2).astype(float)), (V, (w[:, None] % 2).astype(float))
    model = nn.MLP(64, [16, 1], rng=seed)
    return model, nn.SGD(model, 0.2), data, {"loss": nn.binary_cross_entropy}


def linear(seed):
    (X, y), held = curve(seed)
    model = nn.Sequential(nn.Linear(10, 1), rng=seed)
    return model, nn.SGD(model, 0.05), ((X, y), held), {}


def convolution(seed):
    rng = np.random.default_rng(seed)
    X = 0.5 * rng.normal(size=(300, 1, 24))
    y = rng.integers(0, 3, 300)
    X[np.arange(300), 0, rng.integers(0, 20, 300)] += 3.0 * (y - 1)
    layers = nn.Conv1d(1, 8, 5, padding="same"), relu, nn.MaxPool1d(4), nn.Flatten(), nn.Linear(48, 3)
    model = nn.Sequential(*layers, rng=seed)
    return model, nn.Adam(model, learning_rate=0.005), ((X[:200], y[:200]), (X[200:], y[200:])), {}


RUNS = [mlp, regression, cnn, recurrent, gpt, batch_norm, dropout, residual, double, binary, linear, convolution]


def diagnoses(make, seed, epochs=8):
    """(before training, after)."""
    model, optimizer, (train, held), options = make(seed)
    birth = model.state_dict()
    before = diagnose(model, *train, optimizer=optimizer, validation=held, rng=seed, **options)
    history = nn.fit(
        model, *train, optimizer=optimizer, epochs=epochs, rng=seed, validation=held, progress=False, **options
    )
    model.eval()
    given = {"history": history, "optimizer": optimizer, "validation": held, "birth": birth, "rng": seed}
    return before, diagnose(model, *train, **given, **options)


@pytest.mark.parametrize("make", RUNS, ids=lambda make: make.__name__)
def test_a_healthy_training_has_no_finding(make):
    for seed in (1, 2):
        before, after = diagnoses(make, seed)
        assert before.findings == (), before
        assert after.findings == (), after
        assert (
            len(after.levels) >= len(before.levels) >= 7
        )  # a single linear layer has no units to be dead, for example


@pytest.mark.slow
@pytest.mark.parametrize("make", RUNS, ids=lambda make: make.__name__)
def test_none_of_twenty_healthy_trainings_has_a_finding(make):
    for seed in range(20):
        for found in diagnoses(make, seed):
            assert found.findings == (), found
