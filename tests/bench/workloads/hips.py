"""HIPS autograd: functions of nested parameter lists, differentiated; the updates are in-place NumPy."""

from importlib.metadata import version

import data
import numpy as np

import autograd.numpy as anp
from autograd import value_and_grad

NAME = "HIPS autograd"
VERSION = version("autograd")


def network(layers, x, activation):
    """Scores (batch, classes) of an MLP."""
    for weight, bias in layers[:-1]:
        x = activation(anp.dot(x, weight) + bias)
    weight, bias = layers[-1]
    return anp.dot(x, weight) + bias


def relu(x):
    """max(x, 0)."""
    return anp.maximum(x, 0.0)


def cross_entropy(logits, labels):
    """mean(logsumexp(logits) - logits[label])."""
    shifted = logits - anp.max(logits, axis=1, keepdims=True)
    log_probabilities = shifted - anp.log(anp.sum(anp.exp(shifted), axis=1, keepdims=True))
    return -anp.mean(log_probabilities[np.arange(len(labels)), labels])


def moons():
    """W1b: one SGD step."""
    x, y, layers = data.moons(np.float32)
    layers = data.transposed(layers)

    def loss(layers):
        margin = anp.maximum(1 - y * network(layers, x, relu)[:, 0], 0.0)
        return anp.mean(margin) + data.MOONS_L2 * sum(anp.sum(p * p) for layer in layers for p in layer)

    differentiated = value_and_grad(loss)

    def step():
        value, gradients = differentiated(layers)
        for layer, gradient in zip(layers, gradients, strict=True):
            for p, g in zip(layer, gradient, strict=True):
                p -= data.MOONS_RATE * g
        return value

    return step


def mlp_adam():
    """W2: one Adam step."""
    x, y, layers = data.adam_problem()
    layers = data.transposed(layers)
    differentiated = value_and_grad(lambda layers: cross_entropy(network(layers, x, relu), y))
    update = data.numpy_adam([p for layer in layers for p in layer])

    def step():
        value, gradients = differentiated(layers)
        update([g for gradient in gradients for g in gradient])
        return value

    return step


def mlp_momentum():
    """W3: one step of SGD with momentum."""
    x, y, layers = data.momentum_problem()
    layers = data.transposed(layers)
    differentiated = value_and_grad(lambda layers: cross_entropy(network(layers, x, anp.tanh), y))
    update = data.numpy_momentum([p for layer in layers for p in layer])

    def step():
        value, gradients = differentiated(layers)
        update([g for gradient in gradients for g in gradient])
        return value

    return step


def chain():
    """W6: (value, derivative)."""

    def links(y):
        for _ in range(data.CHAIN_LINKS):
            y = y * data.CHAIN_A
            y = y + data.CHAIN_B
        return y

    differentiated = value_and_grad(links)
    return lambda: differentiated(data.CHAIN_START)


def wave():
    """W8: (value, gradient)."""
    x = data.wave_input()

    def f(x):
        return anp.sum(anp.tanh(data.WAVE_A * x + data.WAVE_B) / (1.0 + anp.exp(-x)))

    differentiated = value_and_grad(f)
    return lambda: differentiated(x)


WORKLOADS = {"W1b": moons, "W2": mlp_adam, "W3": mlp_momentum, "W6": chain, "W8": wave}
