"""W1 to W3 by hand in NumPy: small fully connected networks, and the pieces that the larger ones share.

All parameters of a network lie in one flat array, and so do their gradients, so that an update is a few calls. W1 is
W1b's program in float64: by hand nobody would spell out the scalars.
"""

import data
import numpy as np


def flat_layers(layers):
    """Parameters and gradients in a flat array each, and views [w1, b1, w2, …] into them, w as (in, out)."""
    shapes = [array.shape for layer in data.transposed(layers) for array in layer]
    parameters = np.concatenate([array.ravel() for layer in data.transposed(layers) for array in layer])
    gradients = np.zeros_like(parameters)
    return parameters, gradients, views(parameters, shapes), views(gradients, shapes)


def views(flat, shapes):
    """Consecutive pieces of a flat array, in the given shapes."""
    pieces, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        pieces.append(flat[start : start + size].reshape(shape))
        start += size
    return pieces


def hinge_network(problem):
    """(parameters, gradients, run) of mean(relu(1 - y·score)) + L2·Σp²; run() fills gradients and gives the loss."""
    x, dtype, batch = problem.x, problem.x.dtype, len(problem.x)
    parameters, gradients, (w1, b1, w2, b2, w3, b3), (d_w1, d_b1, d_w2, d_b2, d_w3, d_b3) = flat_layers(problem.layers)
    y = problem.y.reshape(-1, 1)
    minus_y_mean = -y / dtype.type(batch)
    h1, h2, d_h1, d_h2, mask = (np.empty((batch, 16), dtype) for _ in range(5))
    margin, d_score = np.empty((batch, 1), dtype), np.empty((batch, 1), dtype)
    zeros, zeros1, ones, decay = np.zeros_like(h1), np.zeros_like(y), np.ones(batch, dtype), np.empty_like(parameters)
    one, two_l2, w3_row = np.array(1.0, dtype), np.array(2 * data.MOONS_L2, dtype), w3.T
    x_t, h1_t, h2_t, w2_t = x.T, h1.T, h2.T, w2.T
    dot, add, subtract, multiply, maximum, sign = np.dot, np.add, np.subtract, np.multiply, np.maximum, np.sign

    def run():
        dot(x, w1, h1)
        add(h1, b1, h1)
        maximum(h1, zeros, out=h1)
        dot(h1, w2, h2)
        add(h2, b2, h2)
        maximum(h2, zeros, out=h2)
        dot(h2, w3, margin)
        add(margin, b3, margin)
        multiply(margin, y, margin)
        subtract(one, margin, margin)
        maximum(margin, zeros1, out=margin)
        loss = dot(ones, margin)[0] / batch + data.MOONS_L2 * dot(parameters, parameters)

        sign(margin, d_score)
        multiply(d_score, minus_y_mean, d_score)
        dot(h2_t, d_score, d_w3)
        dot(ones, d_score, d_b3)
        multiply(d_score, w3_row, d_h2)
        sign(h2, mask)
        multiply(d_h2, mask, d_h2)
        dot(h1_t, d_h2, d_w2)
        dot(ones, d_h2, d_b2)
        dot(d_h2, w2_t, d_h1)
        sign(h1, mask)
        multiply(d_h1, mask, d_h1)
        dot(x_t, d_h1, d_w1)
        dot(ones, d_h1, d_b1)
        multiply(parameters, two_l2, decay)
        add(gradients, decay, gradients)
        return loss

    return parameters, gradients, run


def softmax_network(problem, activation):
    """(parameters, gradients, run) of cross-entropy over two hidden layers; activation is relu or tanh below."""
    x, batch = problem.x, len(problem.x)
    parameters, gradients, (w1, b1, w2, b2, w3, b3), (d_w1, d_b1, d_w2, d_b2, d_w3, d_b3) = flat_layers(problem.layers)
    h1, d_h1 = (np.empty((batch, w1.shape[1]), np.float32) for _ in range(2))
    h2, d_h2 = (np.empty((batch, w2.shape[1]), np.float32) for _ in range(2))
    d_logits = np.empty((batch, w3.shape[1]), np.float32)
    x_t, h1_t, h2_t, w2_t, w3_t = x.T, h1.T, h2.T, w2.T, w3.T
    ones = np.ones(batch, np.float32)
    dot, add = np.dot, np.add
    activate1, differentiate1 = activation(h1, d_h1)
    activate2, differentiate2 = activation(h2, d_h2)
    cross_entropy = cross_entropy_gradient(d_logits, problem.y)

    def run():
        dot(x, w1, h1)
        add(h1, b1, h1)
        activate1()
        dot(h1, w2, h2)
        add(h2, b2, h2)
        activate2()
        dot(h2, w3, d_logits)
        add(d_logits, b3, d_logits)
        loss = cross_entropy()

        dot(h2_t, d_logits, d_w3)
        dot(ones, d_logits, d_b3)
        dot(d_logits, w3_t, d_h2)
        differentiate2()
        dot(h1_t, d_h2, d_w2)
        dot(ones, d_h2, d_b2)
        dot(d_h2, w2_t, d_h1)
        differentiate1()
        dot(x_t, d_h1, d_w1)
        dot(ones, d_h1, d_b1)
        return loss

    return parameters, gradients, run


def cross_entropy_gradient(logits, labels, count=None):
    """A function that gives mean(logsumexp(logits) - logits[label]) and turns logits into its gradient, in place.

    Of a part of a batch, count is the number of rows of the whole, and the value the part's share of the mean.
    """
    batch, classes = logits.shape
    count = count or batch
    rows = np.arange(batch)
    one_hot = np.zeros((batch, classes), np.float32)
    one_hot[rows, labels] = 1.0
    at_labels = rows * classes + labels
    columns, highest, total = logits.T, np.empty(batch, np.float32), np.empty(batch, np.float32)
    highest_column, total_column = highest.reshape(-1, 1), total.reshape(-1, 1)
    ones, per_row = np.ones(classes, np.float32), np.array(1.0 / count, np.float32)

    def run():
        # The maximum along axis 0 of the transposed array is one SIMD pass; along axis 1 it is a loop over rows.
        np.maximum.reduce(columns, axis=0, out=highest)
        np.subtract(logits, highest_column, logits)
        picked = logits.take(at_labels)
        np.exp(logits, logits)
        np.dot(logits, ones, total)
        np.divide(logits, total_column, logits)
        np.subtract(logits, one_hot, logits)
        np.multiply(logits, per_row, logits)
        np.log(total, total)
        np.subtract(total, picked, total)
        return np.add.reduce(total) / count

    return run


def relu(h, d_h):
    """Two functions: h ← max(h, 0) and d_h ← d_h·1[h > 0]."""
    # An array of zeros, not a scalar: np.maximum and np.greater are five times faster on two whole arrays.
    zeros, mask = np.zeros_like(h), np.empty(h.shape, bool)

    def activate():
        np.maximum(h, zeros, out=h)

    def differentiate():
        np.greater(h, zeros, mask)
        np.multiply(d_h, mask, d_h)

    return activate, differentiate


def tanh(h, d_h):
    """Two functions: h ← tanh(h) and d_h ← d_h·(1 - h²)."""
    scratch, one = np.empty_like(h), np.array(1.0, h.dtype)

    def activate():
        np.tanh(h, h)

    def differentiate():
        np.multiply(h, h, scratch)
        np.subtract(one, scratch, scratch)
        np.multiply(d_h, scratch, d_h)

    return activate, differentiate


def moons(dtype):
    """W1 and W1b: one SGD step on the hinge network."""
    parameters, gradients, run = hinge_network(data.moons(dtype))
    rate = np.array(data.MOONS_RATE, dtype)

    def step():
        loss = run()
        np.multiply(gradients, rate, gradients)
        np.subtract(parameters, gradients, parameters)
        return loss

    return step


def mlp_adam():
    """W2: one Adam step; the bias corrections are folded into the rate and epsilon, which saves two passes."""
    parameters, gradients, run = softmax_network(data.adam_problem(), relu)
    m, v, scratch = (np.zeros_like(parameters) for _ in range(3))
    beta1, beta2, rest1, rest2 = (
        np.array(number, np.float32)
        for number in (data.ADAM_BETA1, data.ADAM_BETA2, 1 - data.ADAM_BETA1, 1 - data.ADAM_BETA2)
    )
    # Blocks that fit the second-level cache: one pass of eleven calls over each instead of eleven over everything.
    blocks = list(zip(*(np.array_split(array, 8) for array in (parameters, gradients, m, v, scratch)), strict=True))
    count = 0

    def step():
        nonlocal count
        loss = run()
        count += 1
        correction = (1 - data.ADAM_BETA2**count) ** 0.5
        rate = np.array(data.ADAM_RATE * correction / (1 - data.ADAM_BETA1**count), np.float32)
        epsilon = np.array(data.ADAM_EPSILON * correction, np.float32)
        for p, g, m, v, s in blocks:
            np.multiply(m, beta1, m)
            np.multiply(g, rest1, s)
            np.add(m, s, m)
            np.multiply(v, beta2, v)
            np.multiply(g, g, s)
            np.multiply(s, rest2, s)
            np.add(v, s, v)
            np.sqrt(v, s)
            np.add(s, epsilon, s)
            np.divide(m, s, s)
            np.multiply(s, rate, s)
            np.subtract(p, s, p)
        return loss

    return step


def mlp_momentum():
    """W3: one step of SGD with momentum, v ← 0.9·v + g, p ← p - rate·v."""
    parameters, gradients, run = softmax_network(data.momentum_problem(), tanh)
    velocity = np.zeros_like(parameters)
    momentum, rate = np.array(data.MOMENTUM, np.float32), np.array(data.MOMENTUM_RATE, np.float32)

    def step():
        loss = run()
        np.multiply(velocity, momentum, velocity)
        np.add(velocity, gradients, velocity)
        np.multiply(velocity, rate, gradients)
        np.subtract(parameters, gradients, parameters)
        return loss

    return step
