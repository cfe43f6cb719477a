"""W6 to W8 by hand in NumPy: derivatives of functions."""

import data
import numpy as np


def chain():
    """W6: (value, derivative) with Python floats."""
    a, b, links = data.CHAIN_A, data.CHAIN_B, range(data.CHAIN_LINKS)

    def step():
        y = data.CHAIN_START
        for _ in links:
            y = y * a
            y = y + b
        g = 1.0
        for _ in links:
            g = g * a
        return y, g

    return step


def logistic():
    """(σ, run): run() fills σ with sigmoid(-y·Xw)."""
    x, y, w = data.logistic_problem()
    minus_y, s, one = -y, np.empty(len(y)), np.array(1.0)

    def run():
        np.dot(x, w, s)
        np.multiply(s, minus_y, s)
        np.negative(s, s)
        np.exp(s, s)
        np.add(s, one, s)
        np.divide(one, s, s)
        return s

    return x, minus_y, run


def logistic_gradient():
    """W7g: the gradient is Xᵀ(-y·σ(-y·Xw)) / n."""
    x, minus_y, run = logistic()
    scaled, gradient = minus_y / len(x), np.empty(x.shape[1])

    def step():
        s = run()
        np.multiply(s, scaled, s)
        return np.dot(s, x, gradient)

    return step


def logistic_hessian():
    """W7h: the Hessian is Xᵀ diag(σ(1 - σ)) X / n."""
    x, _, run = logistic()
    weighted, hessian, one, share = np.empty_like(x), np.empty((x.shape[1],) * 2), np.array(1.0), np.array(1.0 / len(x))
    x_t, rest = x.T, np.empty(len(x))

    def step():
        s = run()
        np.subtract(one, s, rest)
        np.multiply(s, rest, s)
        np.multiply(s, share, s)
        np.multiply(x, s[:, None], weighted)
        return np.dot(x_t, weighted, hessian)

    return step


def tanh_jacobian():
    """W7j: the Jacobian is (1 - tanh²) A."""
    a, x = data.tanh_problem()
    t, one, jacobian = np.empty(len(a)), np.array(1.0), np.empty_like(a)
    column = t[:, None]

    def step():
        np.dot(a, x, t)
        np.tanh(t, t)
        np.multiply(t, t, t)
        np.subtract(one, t, t)
        return np.multiply(a, column, jacobian)

    return step


def wave():
    """W8: (value, gradient), in blocks of 32k elements that stay in the second-level cache between calls.

    With t = tanh(a·x + b) and s = sigmoid(x) = (1 + tanh(x/2))/2, the gradient is s·(a·(1 - t²) + t·(1 - s)).
    """
    x = data.wave_input()
    gradient, block = np.empty_like(x), 32_000
    a, b, half, one = (np.array(number, np.float32) for number in (data.WAVE_A, data.WAVE_B, 0.5, 1.0))
    pieces = list(zip(x.reshape(-1, block), gradient.reshape(-1, block), strict=True))
    t, s, u = (np.empty(block, np.float32) for _ in range(3))

    def step():
        value = 0.0
        for x_piece, g in pieces:
            np.multiply(x_piece, a, t)
            np.add(t, b, t)
            np.tanh(t, t)
            np.multiply(x_piece, half, s)
            np.tanh(s, s)
            np.add(s, one, s)
            np.multiply(s, half, s)
            value += float(np.dot(t, s))
            np.multiply(t, t, g)
            np.subtract(one, g, g)
            np.multiply(g, a, g)
            np.subtract(one, s, u)
            np.multiply(u, t, u)
            np.add(g, u, g)
            np.multiply(g, s, g)
        return value, gradient

    return step
