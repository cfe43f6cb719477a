"""micrograd: the moons demo as its author wrote it, and the chain. It has no tensors, so no other workload."""

import sys
from importlib.metadata import version

import data
from micrograd.engine import Value
from micrograd.nn import MLP

NAME = "micrograd"
VERSION = version("micrograd")

sys.setrecursionlimit(10_000)  # its backward recurses once a node of the chain


def moons():
    """W1: forward, backward and update of 337 weights, 65,816 nodes."""
    problem = data.moons("float64")
    points, labels = problem.x.tolist(), problem.y.tolist()
    model = MLP(2, [16, 16, 1])
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


WORKLOADS = {"W1": moons, "W6": chain}
