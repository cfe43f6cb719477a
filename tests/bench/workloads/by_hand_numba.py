"""Forward, backward and update by hand as loops of machine code, by numba: what fused loops could reach.

The matrix products are BLAS's, everything between two of them is one pass. W1 is W1b's program in float64, W5 is
by_hand_gpt.py with by_hand_gpt_loops.py. Nothing is left out for what the numbers happen to be, such as points without
loss.
"""

import os

import data
import numba
import numpy as np
from workloads import by_hand_gpt_loops
from workloads.by_hand_gpt import gpt
from workloads.by_hand_loops import ONE, ZERO, adam, cross_entropy, exact, exp32, exp64, f4, fused, tanh32
from workloads.by_hand_networks import flat_layers

NAME = "by hand, numba"
VERSION = numba.__version__
THREADS = int(os.environ.get("NUMBA_NUM_THREADS", "1"))

HIDDEN = data.MOONS_SIZES[1]


@fused
def hinge_step(x, y, p, g, h1, h2, d1, d2, rate, decay, share, zero, one):
    """One SGD step of the hinge network on flat parameters p and gradients g; the loss."""
    w1, b1, w2, b2 = p[:32].reshape(2, HIDDEN), p[32:48], p[48:304].reshape(HIDDEN, HIDDEN), p[304:320]
    g_w1, g_b1, g_w2, g_b2 = g[:32].reshape(2, HIDDEN), g[32:48], g[48:304].reshape(HIDDEN, HIDDEN), g[304:320]
    w3, g_w3 = p[320:336], g[320:336]
    for i in range(len(x)):
        for j in range(HIDDEN):
            h1[i, j] = max(x[i, 0] * w1[0, j] + x[i, 1] * w1[1, j] + b1[j], zero)
    np.dot(h1, w2, h2)
    g[:] = zero
    loss = zero
    for i in range(len(x)):
        score = p[336]
        for j in range(HIDDEN):
            h2[i, j] = max(h2[i, j] + b2[j], zero)
            score += h2[i, j] * w3[j]
        margin = one - y[i] * score
        loss += max(margin, zero)
        d = -y[i] * share if margin > zero else zero
        g[336] += d
        for j in range(HIDDEN):
            g_w3[j] += d * h2[i, j]
        for j in range(HIDDEN):
            d2[i, j] = d * w3[j] if h2[i, j] > zero else zero
            g_b2[j] += d2[i, j]
    np.dot(h1.T, d2, g_w2)
    np.dot(d2, w2.T, d1)
    for i in range(len(x)):
        for j in range(HIDDEN):
            d = d1[i, j] if h1[i, j] > zero else zero
            g_w1[0, j] += x[i, 0] * d
            g_w1[1, j] += x[i, 1] * d
            g_b1[j] += d
    squares = zero
    for k in range(len(p)):
        squares += p[k] * p[k]
        p[k] -= rate * (g[k] + (decay + decay) * p[k])
    return loss * share + decay * squares


def moons(dtype):
    """W1 and W1b: one SGD step."""
    x, y, layers = data.moons(dtype)
    parameters, gradients, *_ = flat_layers(layers)
    spaces = [np.empty((len(x), HIDDEN), dtype) for _ in range(4)]
    numbers = map(dtype, (data.MOONS_RATE, data.MOONS_L2, 1 / len(x), 0.0, 1.0))
    arguments = (x, y, parameters, gradients, *spaces, *numbers)
    return lambda: hinge_step(*arguments)


@fused
def relu(x):
    """max(x, 0)."""
    return max(x, ZERO)


@fused
def relu_slope(h):
    """Its derivative, from its value."""
    return ONE if h > ZERO else ZERO


@fused
def tanh_slope(h):
    """The derivative of tanh, from its value."""
    return ONE - h * h


@fused
def linear(flat, start, rows, columns):
    """(weight, bias, end) of a layer that begins at start."""
    middle = start + rows * columns
    return flat[start:middle].reshape(rows, columns), flat[middle : middle + columns], middle + columns


def softmax_gradients(activate, slope):
    """run(x, labels, p, g, h1, h2, d1, d2, logits) → loss, which fills the flat gradients g of cross-entropy."""

    @fused
    def forward(h, bias):
        for i in range(h.shape[0]):
            for j in range(h.shape[1]):
                h[i, j] = activate(h[i, j] + bias[j])

    @fused
    def backward(d, h, d_bias):
        d_bias[:] = ZERO
        for i in range(h.shape[0]):
            for j in range(h.shape[1]):
                s = d[i, j] * slope(h[i, j])
                d[i, j] = s
                d_bias[j] += s

    @fused
    def run(x, labels, p, g, h1, h2, d1, d2, logits):
        w1, b1, end1 = linear(p, 0, x.shape[1], h1.shape[1])
        w2, b2, end2 = linear(p, end1, h1.shape[1], h2.shape[1])
        w3, b3, _ = linear(p, end2, h2.shape[1], logits.shape[1])
        g_w1, g_b1, _ = linear(g, 0, x.shape[1], h1.shape[1])
        g_w2, g_b2, _ = linear(g, end1, h1.shape[1], h2.shape[1])
        g_w3, g_b3, _ = linear(g, end2, h2.shape[1], logits.shape[1])
        np.dot(x, w1, h1)
        forward(h1, b1)
        np.dot(h1, w2, h2)
        forward(h2, b2)
        np.dot(h2, w3, logits)
        loss = cross_entropy(logits, b3, labels, ONE / f4(len(x)))

        np.dot(h2.T, logits, g_w3)
        g_b3[:] = ZERO
        for i in range(len(x)):
            for j in range(logits.shape[1]):
                g_b3[j] += logits[i, j]
        np.dot(logits, w3.T, d2)
        backward(d2, h2, g_b2)
        np.dot(h1.T, d2, g_w2)
        np.dot(d2, w2.T, d1)
        backward(d1, h1, g_b1)
        np.dot(x.T, d1, g_w1)
        return loss

    return run


RELU_GRADIENTS, TANH_GRADIENTS = softmax_gradients(relu, relu_slope), softmax_gradients(tanh32, tanh_slope)


def softmax_network(problem):
    """(arguments of run in softmax_gradients, parameters, gradients)."""
    x, labels, layers = problem
    parameters, gradients, *_ = flat_layers(layers)
    widths = [len(bias) for _, bias in layers]
    spaces = [np.empty((len(x), width), f4) for width in (*widths[:2], *widths)]
    return (x, labels, parameters, gradients, *spaces), parameters, gradients


def mlp_adam():
    """W2: one Adam step."""
    arguments, parameters, gradients = softmax_network(data.adam_problem())
    m, v, count = np.zeros_like(parameters), np.zeros_like(parameters), 0
    beta1, beta2 = f4(data.ADAM_BETA1), f4(data.ADAM_BETA2)

    def step():
        nonlocal count
        loss = RELU_GRADIENTS(*arguments)
        count += 1
        correction = (1 - data.ADAM_BETA2**count) ** 0.5
        rate = f4(data.ADAM_RATE * correction / (1 - data.ADAM_BETA1**count))
        adam(parameters, gradients, m, v, rate, f4(data.ADAM_EPSILON * correction), ONE, beta1, beta2)
        return loss

    return step


@fused
def momentum_step(arguments, velocity, momentum, rate):
    """One step of W3, the loss."""
    loss = TANH_GRADIENTS(*arguments)
    p, g = arguments[2], arguments[3]
    for i in range(p.size):
        velocity[i] = momentum * velocity[i] + g[i]
        p[i] -= rate * velocity[i]
    return loss


def mlp_momentum():
    """W3: one step of SGD with momentum."""
    arguments, parameters, _ = softmax_network(data.momentum_problem())
    velocity, momentum, rate = np.zeros_like(parameters), f4(data.MOMENTUM), f4(data.MOMENTUM_RATE)
    return lambda: momentum_step(arguments, velocity, momentum, rate)


@exact
def links(y, a, b):
    """(value, derivative) of the chain, one link after the other, forth and back."""
    for _ in range(data.CHAIN_LINKS):
        y = y * a
        y = y + b
    g = 1.0
    for _ in range(data.CHAIN_LINKS):
        g = g * a
    return y, g


def chain():
    """W6."""
    return lambda: links(data.CHAIN_START, data.CHAIN_A, data.CHAIN_B)


@fused
def logistic_loops(x, minus_y, w, s, part, gradient, share):
    """The gradient Xᵀ(-y·σ(-y·Xw))·share in blocks of len(s) rows, each read from memory once."""
    gradient[:] = 0.0
    for start in range(0, len(x), len(s)):
        rows = x[start : start + len(s)]
        np.dot(rows, w, s)
        for i in range(len(s)):
            y = minus_y[start + i]
            s[i] = y * share / (1.0 + exp64(-y * s[i]))
        np.dot(s, rows, part)
        for j in range(len(part)):
            gradient[j] += part[j]


def logistic_gradient():
    """W7g."""
    x, y, w = data.logistic_problem()
    s, part, gradient = np.empty(100), np.empty_like(w), np.empty_like(w)
    arguments = (x, -y, w, s, part, gradient, 1 / len(x))

    def step():
        logistic_loops(*arguments)
        return gradient

    return step


@fused
def wave_block(x, gradient, a, b):
    """Value and gradient of sum(tanh(a·x + b)·sigmoid(x)); with e = exp(-x) and s = 1/(1 + e) is 1 - s = e·s."""
    value = ZERO
    for i in range(x.size):
        t = tanh32(a * x[i] + b)
        e = exp32(-x[i])
        s = ONE / (ONE + e)
        value += t * s
        gradient[i] = s * (a * (ONE - t * t) + t * (e * s))
    return value


def wave_loops(parallel):
    """W8's (x, gradient, a, b) → value, in blocks whose sums are added in float64."""

    @numba.njit(parallel=parallel)
    def run(x, gradient, a, b):
        value = 0.0
        for i in numba.prange(x.shape[0]):
            value += np.float64(wave_block(x[i], gradient[i], a, b))
        return value

    return run


WAVE = wave_loops(parallel=THREADS > 1)


def wave():
    """W8: (value, gradient), on several threads if there are several."""
    x = data.wave_input()
    gradient, a, b = np.empty_like(x), f4(data.WAVE_A), f4(data.WAVE_B)
    arguments = (x.reshape(-1, 4000), gradient.reshape(-1, 4000), a, b)
    return lambda: (WAVE(*arguments), gradient)


WORKLOADS = {
    "W1": lambda: moons(np.float64),
    "W1b": lambda: moons(np.float32),
    "W2": mlp_adam,
    "W3": mlp_momentum,
    "W5": lambda: gpt(by_hand_gpt_loops),
    "W6": chain,
    "W7g": logistic_gradient,
    "W8": wave,
}
