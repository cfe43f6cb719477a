"""MyGrad: tensors that record; the updates are in-place NumPy on `.data`, since MyGrad has no optimisers."""

import data
import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu, sigmoid
from mygrad.nnet.losses import softmax_crossentropy

NAME = "MyGrad"
VERSION = mg.__version__

# Guarding makes recorded arrays read-only, at a cost; its documentation advises to turn it off in tested code.
mg.turn_memory_guarding_off()

# A Python number meets a tensor as a 0-d float64 array and would widen the network to float64.
ZERO, ONE, RATE, L2, A, B = (
    np.float32(number) for number in (0.0, 1.0, data.MOONS_RATE, data.MOONS_L2, data.WAVE_A, data.WAVE_B)
)


def network(layers, x, activation):
    """Scores (batch, classes) of an MLP."""
    for weight, bias in layers[:-1]:
        x = activation(mg.matmul(x, weight) + bias)
    weight, bias = layers[-1]
    return mg.matmul(x, weight) + bias


def tensors(layers):
    """Layers of mygrad tensors in the layout (in, out), and their flat list."""
    layers = [(mg.tensor(weight), mg.tensor(bias)) for weight, bias in data.transposed(layers)]
    return layers, [p for layer in layers for p in layer]


def moons():
    """W1b: one SGD step."""
    x, y, layers = data.moons(np.float32)
    layers, parameters = tensors(layers)

    def step():
        margin = relu(ONE - y * network(layers, x, relu)[:, 0])
        loss = mg.mean(margin) + sum((L2 * mg.sum(p * p) for p in parameters), ZERO)
        loss.backward()
        for p in parameters:
            p.data -= RATE * p.grad
        return loss.item()

    return step


def classifier(problem, activation, optimizer):
    """A step of an MLP with cross-entropy; optimizer is one of data.py's."""
    x, y, layers = problem
    layers, parameters = tensors(layers)
    update = optimizer([p.data for p in parameters])

    def step():
        loss = softmax_crossentropy(network(layers, x, activation), y)
        loss.backward()
        update([p.grad for p in parameters])
        return loss.item()

    return step


def chain():
    """W6: (value, derivative)."""

    def step():
        x = y = mg.tensor(data.CHAIN_START)
        for _ in range(data.CHAIN_LINKS):
            y = y * data.CHAIN_A
            y = y + data.CHAIN_B
        y.backward()
        return y.item(), x.grad

    return step


def wave():
    """W8: (value, gradient)."""
    x = mg.tensor(data.wave_input())

    def step():
        value = mg.sum(mg.tanh(A * x + B) * sigmoid(x))
        value.backward()
        return value.item(), x.grad

    return step


WORKLOADS = {
    "W1b": moons,
    "W2": lambda: classifier(data.adam_problem(), relu, data.numpy_adam),
    "W3": lambda: classifier(data.momentum_problem(), mg.tanh, data.numpy_momentum),
    "W6": chain,
    "W8": wave,
}
