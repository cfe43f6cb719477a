"""Graphs that several tests of pictures draw. All numbers are exact in binary, so that every machine draws the same."""

import numpy as np

import nn
from autograd import Value
from nn.scalar import MLP


def neuron():
    """micrograd's neuron, after backward()."""
    x1, w1, x2, w2 = (Value(x, name) for x, name in ((2.0, "x1"), (-3.0, "w1"), (0.0, "x2"), (1.0, "w2")))
    n = x1 * w1 + x2 * w2 + Value(6.8813735870195432, "b")
    n.label = "n"
    out = np.tanh(n)
    out.label = "o"
    out.backward()
    return out


def network(backward=True):
    """Two linear layers with a relu between."""
    model = nn.MLP(2, [3, 1], rng=0)
    for parameter in model.parameters():
        parameter.data = (np.arange(parameter.size, dtype=np.float32).reshape(parameter.shape) - 2) / 4
    loss = np.sum(model(np.array([[1.0, -2.0], [0.5, 4.0]], dtype=np.float32)) ** 2)
    loss.label = "loss"
    if backward:
        loss.backward()
    return loss


def twice():
    """A module that is called twice, with something between: its weights are shared."""

    class Twice(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2, rng=0)
            self.layer.weight.data = np.array([[0.5, -0.25], [1.0, 0.75]], dtype=np.float32)

        def forward(self, x):
            return self.layer(self.layer(x) ** 2)

    out = np.sum(Twice()(np.array([[1.0, 2.0]], dtype=np.float32)))
    out.backward()
    return out


def nan():
    """The length of a vector of length 0, whose gradient is 0 · ∞."""
    x = Value(0.0, "x")
    with np.errstate(all="ignore"):
        out = np.sqrt(x * x)
        out.backward()
    return out


def scalars(samples=3):
    """Scalar Values: a small network called once for each sample, 16 neurons alike in each of two layers."""
    model = MLP(2, [16, 16, 1], rng=0)
    for i, parameter in enumerate(model.parameters()):
        parameter.data = (i % 7 - 3) / 4
    outs = [model([float(i), 0.5]) for i in range(samples)]
    loss = sum(outs[1:], outs[0]) * 0.5
    loss.label = "loss"
    loss.backward()
    return loss
