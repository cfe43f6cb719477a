"""glassgrad, eager: models, losses and optimisers of `nn`, NumPy functions on Values."""

import data
import numpy as np

import autograd
import nn
from autograd import Value
from autograd.ops import relu, sigmoid

NAME = "glassgrad"
VERSION = autograd.__version__


def moons_scalars():
    """W1: micrograd's demo on nn.scalar, its lines unchanged."""
    problem = data.moons(np.float64)
    points, labels = problem.x.tolist(), problem.y.tolist()
    model = nn.scalar.MLP(2, [16, 16, 1])
    for p, number in zip(model.parameters(), data.scalar_weights(problem.layers), strict=True):
        p.data = number

    def step():
        inputs = [list(map(Value, point)) for point in points]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(labels, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = data.MOONS_L2 * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        model.zero_grad()
        total_loss.backward()
        for p in model.parameters():
            p.data -= data.MOONS_RATE * p.grad
        return total_loss.data

    return step


def network(sizes, layers, activation):
    """An nn.MLP with the given weights."""
    model = nn.MLP(sizes[0], list(sizes[1:]), activation=activation)
    parameters = [array for layer in layers for array in layer]
    for (name, parameter), array in zip(model.named_parameters(), parameters, strict=True):
        assert parameter.shape == array.shape, name
        parameter.data = array.copy()
    return model


def moons():
    """W1b: (model, loss function, optimiser)."""
    x, y, layers = data.moons(np.float32)
    model = network(data.MOONS_SIZES, layers, relu)
    parameters = list(model.parameters())

    def loss():
        return nn.hinge(model(x)[:, 0], y) + data.MOONS_L2 * sum(np.sum(p * p) for p in parameters)

    return model, loss, nn.SGD(parameters, data.MOONS_RATE)


def mlp_adam():
    """W2: (model, loss function, optimiser)."""
    x, y, layers = data.adam_problem()
    model = network(data.ADAM_SIZES, layers, relu)
    return model, lambda: nn.cross_entropy(model(x), y), nn.Adam(model.parameters(), data.ADAM_RATE)


def mlp_momentum():
    """W3: (model, loss function, optimiser)."""
    x, y, layers = data.momentum_problem()
    model = network(data.MOMENTUM_SIZES, layers, np.tanh)
    optimizer = nn.SGD(model.parameters(), data.MOMENTUM_RATE, momentum=data.MOMENTUM)
    return model, lambda: nn.cross_entropy(model(x), y), optimizer


def training(build):
    """step() of a (model, loss function, optimiser)."""
    _, loss_function, optimizer = build()

    def step():
        loss = loss_function()
        optimizer.zero_grad()
        loss.backward(keep="leaves")
        optimizer.step()
        return loss.data

    return step


def chain():
    """W6: (value, derivative)."""

    def step():
        x = y = Value(data.CHAIN_START)
        for _ in range(data.CHAIN_LINKS):
            y = y * data.CHAIN_A
            y = y + data.CHAIN_B
        y.backward()
        return y.data, x.grad

    return step


def wave():
    """W8: (value, gradient)."""
    x = data.wave_input()

    def f(x):
        return np.sum(np.tanh(data.WAVE_A * x + data.WAVE_B) * sigmoid(x))

    differentiated = autograd.value_and_grad(f)
    return lambda: differentiated(x)


WORKLOADS = {
    "W1": moons_scalars,
    "W1b": lambda: training(moons),
    "W2": lambda: training(mlp_adam),
    "W3": lambda: training(mlp_momentum),
    "W6": chain,
    "W8": wave,
}
