"""PyTorch, eager, on the CPU: nn.Sequential, its own losses and its own optimisers with their default settings.

With fused=True, which is not the default, its optimisers would save about a fifth of W2 and a seventh of W3.
"""

import os

import data
import numpy as np
import torch
from torch import nn
from torch.nn import functional

NAME = "torch eager"
VERSION = torch.__version__

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def network(layers, activation):
    """nn.Sequential with the given weights."""
    modules = []
    for weight, bias in layers:
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight))
            linear.bias.copy_(torch.from_numpy(bias))
        modules += [linear, activation()]
    return nn.Sequential(*modules[:-1])


def moons():
    """W1b: one SGD step."""
    x, y, layers = data.moons(np.float32)
    x, y, model = torch.from_numpy(x), torch.from_numpy(y), network(layers, nn.ReLU)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(parameters, lr=data.MOONS_RATE)

    def step():
        margin = torch.relu(1 - y * model(x)[:, 0])
        loss = margin.mean() + data.MOONS_L2 * sum((p * p).sum() for p in parameters)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def classifier(problem, activation, make_optimizer):
    """A step of an MLP with cross-entropy."""
    x, y, layers = problem
    x, y, model = torch.from_numpy(x), torch.from_numpy(y), network(layers, activation)
    optimizer = make_optimizer(model.parameters())

    def step():
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def adam(parameters):
    """torch's Adam with the settings of data.py."""
    betas = (data.ADAM_BETA1, data.ADAM_BETA2)
    return torch.optim.Adam(parameters, lr=data.ADAM_RATE, betas=betas, eps=data.ADAM_EPSILON)


def momentum(parameters):
    """torch's SGD with the settings of data.py."""
    return torch.optim.SGD(parameters, lr=data.MOMENTUM_RATE, momentum=data.MOMENTUM)


def chain():
    """W6: (value, derivative)."""
    start = torch.tensor(data.CHAIN_START, dtype=torch.float64)

    def step():
        x = y = start.clone().requires_grad_()
        for _ in range(data.CHAIN_LINKS):
            y = y * data.CHAIN_A
            y = y + data.CHAIN_B
        y.backward()
        return y.detach(), x.grad

    return step


def wave():
    """W8: (value, gradient)."""
    x = torch.from_numpy(data.wave_input()).requires_grad_()

    def step():
        value = (torch.tanh(data.WAVE_A * x + data.WAVE_B) * torch.sigmoid(x)).sum()
        (gradient,) = torch.autograd.grad(value, x)
        return value.detach(), gradient

    return step


WORKLOADS = {
    "W1b": moons,
    "W2": lambda: classifier(data.adam_problem(), nn.ReLU, adam),
    "W3": lambda: classifier(data.momentum_problem(), nn.Tanh, momentum),
    "W6": chain,
    "W8": wave,
}
