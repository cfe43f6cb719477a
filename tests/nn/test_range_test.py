"""lr_find: it finds a rate that trains, and leaves everything as it was."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from autograd.ops.random import dropout
from nn.datasets import digits

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), RNG.normal(size=(40, 1)).astype(np.float32)


class Noisy(nn.Module):
    buffers = ("running_mean",)

    def __init__(self):
        self.mlp, self.running_mean, self.rng = (
            nn.MLP(3, [4, 1], rng=0),
            np.zeros(3, np.float32),
            np.random.default_rng(1),
        )

    def forward(self, x):
        if self.training:
            self.running_mean = 0.9 * self.running_mean + 0.1 * np.mean(x, axis=0)
            x = dropout(x, 0.5, rng=self.rng)
        return self.mlp(x - self.running_mean)


@pytest.mark.parametrize("trained", [False, True])
def test_everything_is_as_it_was_bit_for_bit(trained):
    model = Noisy()
    optimizer, rng = nn.Adam(model, 0.01), np.random.default_rng(2)
    if trained:
        nn.fit(model, X, Y, optimizer=optimizer, epochs=1, rng=rng, progress=False)
    model.mlp.eval()

    def everything():
        state = {**model.state_dict(), **optimizer.state_dict()}
        gradients = [(p.has_grad, np.array(p.grad).tobytes()) for p in model.parameters()]
        modes = [module.training for _, module in model.named_modules()]
        numbers = [np.asarray(value).tobytes() for value in state.values()]
        return numbers, gradients, modes, str(model.rng.bit_generator.state), str(rng.bit_generator.state)

    before = everything()
    found = nn.lr_find(model, X, Y, optimizer=optimizer, rng=rng, steps=30)
    assert everything() == before and len(set(found.losses)) > 10
    with pytest.raises(ValueError, match="prediction has shape"):  # also after an error
        nn.lr_find(model, X, Y[:, 0], optimizer=optimizer, rng=rng)
    assert everything() == before


@pytest.mark.parametrize("kind", [nn.SGD, nn.Adam])
def test_the_suggested_rate_trains(kind):
    data = digits()
    X, y = data.X[:600], data.y[:600]
    model = nn.MLP(64, [32, 10], rng=0)
    found = nn.lr_find(model, X, y, optimizer=kind(model), rng=0)

    def loss(rate):
        model = nn.MLP(64, [32, 10], rng=0)
        return nn.fit(model, X, y, optimizer=kind(model, rate), epochs=3, rng=0, progress=False).train_loss[-1]

    assert 1e-3 < found.suggestion < 1.0
    assert loss(found.suggestion) < 0.7 * loss(found.suggestion / 100)


def test_rates_grow_by_one_factor_and_it_stops_when_the_loss_has_blown_up():
    model = nn.Linear(3, 1, rng=0)
    found = nn.lr_find(model, X, Y, optimizer=nn.SGD(model), rng=0, lowest=1e-3, highest=1e3, steps=61)
    np.testing.assert_allclose(found.rates, 1e-3 * 10 ** (np.arange(len(found.rates)) / 10), rtol=1e-9)
    assert len(found.rates) < 61 and found.losses[-1] > 4 * min(found.losses)
    flat = nn.lr_find(model, X, Y, optimizer=nn.SGD(model), rng=0, lowest=1e-9, highest=1e-8, steps=9)
    assert len(flat.rates) == 9 and flat.rates[-1] == pytest.approx(1e-8)


def test_the_picture():
    plt = pytest.importorskip("matplotlib.pyplot")
    axes = nn.RangeTest([0.1, 1.0], [2.0, 1.0], 0.1).plot()
    assert axes.get_xscale() == "log" and axes.get_legend().get_texts()[0].get_text() == "suggestion 0.1"
    plt.close(axes.figure)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lowest": 0.0}, "0 < lowest < highest, got 0.0 and 10.0"),
        ({"lowest": 1.0, "highest": 0.1}, "0 < lowest < highest"),
        ({"steps": 2}, "steps is a whole number of at least 3, got 2"),
        ({"lowest": 1e30, "highest": 1e31}, r"blew up within \d steps: try a `lowest` below 1e\+30"),
    ],
)
def test_mistakes(options, message):
    model = nn.Linear(3, 1, rng=0)
    with pytest.raises(ArgumentError, match=message):
        nn.lr_find(model, X, Y, optimizer=nn.SGD(model), rng=0, **options)


def test_a_loss_that_never_falls_suggests_nothing():
    model = nn.MLP(2, [1], rng=0)
    uphill = nn.SGD(model, maximize=True)
    with pytest.raises(ArgumentError, match="no rate brought the loss below that of the first, 1e-06: try a"):
        nn.lr_find(model, np.eye(2), np.eye(2)[:, :1], optimizer=uphill, rng=0, highest=1e-3, steps=5)
