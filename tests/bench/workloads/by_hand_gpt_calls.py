"""The elementwise parts of by_hand_gpt.py as calls of NumPy, a few rows at a time where the chains are long.

Each function takes the arrays it works on and returns what is called in a step. by_hand_gpt_loops.py has the same.
"""

import data
import numpy as np
from workloads.by_hand_networks import cross_entropy_gradient

GELU_ROWS = 32  # of a block: 64 KiB an array

dot, add, subtract, multiply, divide = np.dot, np.add, np.subtract, np.multiply, np.divide


def scalar(number):
    """A 0-d array of float32, the cheapest operand."""
    return np.array(number, np.float32)


def add_bias(rows, bias):
    """rows ← rows + bias."""
    return lambda: add(rows, bias, rows)


def residual(x, rows, bias):
    """x ← x + rows + bias; spoils rows."""

    def run():
        add(rows, bias, rows)
        add(x, rows, x)

    return run


def softmax(scores):
    """Causal softmax over the keys, in place; scores (batch, heads, keys, queries)."""
    context = scores.shape[-1]
    mask = np.where(np.tri(context, dtype=bool), np.float32(0), np.float32(-np.inf)).T.copy()
    row = np.empty((*scores.shape[:2], 1, context), np.float32)

    def run():
        add(scores, mask, scores)
        np.maximum.reduce(scores, axis=2, keepdims=True, out=row)
        subtract(scores, row, scores)
        np.exp(scores, scores)
        add.reduce(scores, axis=2, keepdims=True, out=row)
        divide(scores, row, scores)

    return run


def softmax_backward(d_scores, scores, totals):
    """d_scores ← scores·(d_scores - totals), totals (batch, heads, 1, queries)."""

    def run():
        subtract(d_scores, totals, d_scores)
        multiply(d_scores, scores, d_scores)

    return run


def cross_entropy(logits, bias, labels):
    """The loss; turns logits into its gradient."""
    run = cross_entropy_gradient(logits, labels)

    def biased():
        add(logits, bias, logits)
        return run()

    return biased


def layer_norm(x, d_x):
    """(normal, forward, backward): forward() fills normal from x, backward(d_normal) adds to d_x and spoils d_normal."""
    normal, scaled = np.empty_like(x), np.empty_like(x)
    mean, rest, inverse = (np.empty(len(x), np.float32) for _ in range(3))
    mean_column, rest_column, inverse_column = (column.reshape(-1, 1) for column in (mean, rest, inverse))
    shares, share = np.full(x.shape[1], 1 / x.shape[1], np.float32), scalar(1 / x.shape[1])
    epsilon, one = scalar(data.NORM_EPSILON), scalar(1.0)

    def forward():
        dot(x, shares, mean)
        subtract(x, mean_column, normal)
        np.vecdot(normal, normal, inverse)
        multiply(inverse, share, inverse)
        add(inverse, epsilon, inverse)
        np.sqrt(inverse, inverse)
        divide(one, inverse, inverse)
        multiply(normal, inverse_column, normal)

    def backward(d_normal):
        dot(d_normal, shares, mean)
        np.vecdot(d_normal, normal, rest)
        multiply(rest, share, rest)
        multiply(normal, rest_column, scaled)
        subtract(d_normal, scaled, d_normal)
        subtract(d_normal, mean_column, d_normal)
        multiply(d_normal, inverse_column, d_normal)
        add(d_x, d_normal, d_x)

    return normal, forward, backward


def gelu(hidden, bias, slope):
    """A function that turns hidden into gelu(hidden + bias), tanh approximation, and fills slope with its derivative.

    With s = (1 + tanh(c·(u + a·u³)))/2 and c = √(2/π), the value is u·s and the derivative s + u·s·(1 - s)·2c·(1 + 3a·u²).
    """
    c, a = (2 / np.pi) ** 0.5, 0.044715
    c0, c1, e0, e1, half, one = map(scalar, (c, a * c, 2 * c, 6 * a * c, 0.5, 1.0))
    shape = (-1, GELU_ROWS, hidden.shape[1])
    pieces = list(zip(hidden.reshape(shape), slope.reshape(shape), strict=True))
    square, gate = np.empty_like(pieces[0][0]), np.empty_like(pieces[0][0])

    def run():
        for u, out in pieces:
            add(u, bias, u)
            multiply(u, u, square)
            multiply(square, c1, gate)
            add(gate, c0, gate)
            multiply(gate, u, gate)
            np.tanh(gate, gate)
            multiply(gate, half, gate)
            add(gate, half, gate)
            multiply(u, gate, u)
            multiply(square, e1, square)
            add(square, e0, square)
            multiply(square, u, square)
            subtract(one, gate, out)
            multiply(out, square, out)
            add(out, gate, out)

    return run


def adamw(parameters, gradients):
    """An AdamW step, update(), in blocks that fit the second-level cache, as mlp_adam in by_hand_networks.py."""
    m, v, scratch = (np.zeros_like(parameters) for _ in range(3))
    beta1, beta2, rest1, rest2 = map(
        scalar, (data.ADAM_BETA1, data.ADAM_BETA2, 1 - data.ADAM_BETA1, 1 - data.ADAM_BETA2)
    )
    keep = scalar(1 - data.GPT_RATE * data.GPT_DECAY)
    blocks = list(zip(*(np.array_split(array, 40) for array in (parameters, gradients, m, v, scratch)), strict=True))
    count = 0

    def update():
        nonlocal count
        count += 1
        correction = (1 - data.ADAM_BETA2**count) ** 0.5
        rate = scalar(data.GPT_RATE * correction / (1 - data.ADAM_BETA1**count))
        epsilon = scalar(data.ADAM_EPSILON * correction)
        for p, g, m, v, s in blocks:
            multiply(m, beta1, m)
            multiply(g, rest1, s)
            add(m, s, m)
            multiply(v, beta2, v)
            multiply(g, g, s)
            multiply(s, rest2, s)
            add(v, s, v)
            np.sqrt(v, s)
            add(s, epsilon, s)
            divide(m, s, s)
            multiply(s, rate, s)
            multiply(p, keep, p)
            subtract(p, s, p)

    return update
