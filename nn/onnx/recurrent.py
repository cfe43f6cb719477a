"""RNN, GRU and LSTM, one loop for the three.

x (time, batch, features); weights have a first axis for the directions. A cell is a function of the projected input of one
step and the state; sequences that are shorter than the longest keep their last state and give zeros from then on.
"""

from functools import partial

import numpy as np

from autograd import ops
from nn.onnx.operators import OnnxError, operator

__all__ = []

ACTIVATIONS = {
    "sigmoid": lambda x, alpha, beta: ops.sigmoid(x),
    "tanh": lambda x, alpha, beta: np.tanh(x),
    "relu": lambda x, alpha, beta: ops.relu(x),
    "affine": lambda x, alpha, beta: (1.0 if alpha is None else alpha) * x + (0.0 if beta is None else beta),
    "leakyrelu": lambda x, alpha, beta: ops.leaky_relu(x, slope=0.01 if alpha is None else alpha),
    "elu": lambda x, alpha, beta: ops.elu(x, alpha=1.0 if alpha is None else alpha),
    "scaledtanh": lambda x, alpha, beta: alpha * np.tanh(beta * x),
    "hardsigmoid": lambda x, alpha, beta: np.clip(
        (0.2 if alpha is None else alpha) * x + (0.5 if beta is None else beta), 0.0, 1.0
    ),
    "softsign": lambda x, alpha, beta: x / (1.0 + np.abs(x)),
    "softplus": lambda x, alpha, beta: ops.softplus(x),
}


def _activations(names, default, alphas, betas, count):
    """The activation functions of each direction."""
    names = names or default * count
    functions = []
    for i, name in enumerate(names):
        if name.lower() not in ACTIVATIONS:
            raise OnnxError(f"activation {name!r} is none of {', '.join(ACTIVATIONS)}")
        alpha, beta = (held[i] if held is not None and i < len(held) else None for held in (alphas, betas))
        functions.append(partial(ACTIVATIONS[name.lower()], alpha=alpha, beta=beta))
    size = len(default)
    return [functions[i * size : (i + 1) * size] for i in range(count)]


def _run(x, lengths, states, cells, direction, layout):
    """(all outputs, last states …) of every direction; a cell is (step (time, batch, …) → inputs, (input, state) → state).

    layout 0 has time first and directions before the batch, 1 the batch first
    """
    steps = np.shape(x)[0]
    masks = None if lengths is None else np.arange(steps)[:, None, None] < np.reshape(lengths, (1, -1, 1))
    rows, finals = [], []
    for number, (project, cell) in enumerate(cells):
        inputs, state = project(x), states[number]
        backward = direction == "reverse" or number == 1
        out = [None] * steps
        for t in reversed(range(steps)) if backward else range(steps):
            new = cell(inputs[t], state)
            if masks is not None:
                new = tuple(np.where(masks[t], now, before) for now, before in zip(new, state, strict=True))
            state = new
            out[t] = state[0] if masks is None else np.where(masks[t], state[0], 0.0)
        rows.append(np.stack(out))
        finals.append(state)
    outputs = np.stack(rows, axis=1)
    last = [np.stack(parts) for parts in zip(*finals, strict=True)]
    if layout:
        return np.transpose(outputs, (2, 0, 1, 3)), *(np.transpose(part, (1, 0, 2)) for part in last)
    return outputs, *last


def _prepared(x, w, b, layout, hidden_size, initial, gates):
    """x with time first, b (directions, 2 · gates · hidden) and the first state of each direction, zeros by default."""
    x = np.transpose(x, (1, 0, 2)) if layout else x
    directions = np.shape(w)[0]
    b = np.zeros((directions, 2 * gates * hidden_size), x.dtype) if b is None else b
    zeros = np.zeros((directions, np.shape(x)[1], hidden_size), x.dtype)
    first = [zeros if h is None else np.transpose(h, (1, 0, 2)) if layout else h for h in initial]
    return x, b, [tuple(h[i] for h in first) for i in range(directions)]


def _bounded(clip):
    return (lambda x: x) if clip is None else (lambda x: np.clip(x, -clip, clip))


@operator("RNN", plain=(4,))
def rnn(
    x, w, r, b=None, lengths=None, h=None, *, hidden_size,
    direction="forward", layout=0, clip=None, activations=None, activation_alpha=None,
    activation_beta=None,
):  # fmt: skip
    """h' = f(x wᵀ + h rᵀ + b)."""
    n = hidden_size
    x, b, states = _prepared(x, w, b, layout, n, [h], 1)
    functions = _activations(activations, ("Tanh",), activation_alpha, activation_beta, len(states))
    bounded = _bounded(clip)

    def cell(i):
        (f,) = functions[i]
        bias = b[i][:n] + b[i][n:]
        return (lambda x: np.matmul(x, np.transpose(w[i])) + bias), (
            lambda step, state: (f(bounded(step + np.matmul(state[0], np.transpose(r[i])))),)
        )

    return _run(x, lengths, states, [cell(i) for i in range(len(states))], direction, layout)


@operator("GRU", plain=(4,))
def gru(
    x, w, r, b=None, lengths=None, h=None, *, hidden_size,
    direction="forward", layout=0, clip=None, activations=None, activation_alpha=None,
    activation_beta=None, linear_before_reset=0,
):  # fmt: skip
    """Gates in the order update z, reset r, candidate: h' = (1 − z) · candidate + z · h."""
    n = hidden_size
    x, b, states = _prepared(x, w, b, layout, n, [h], 3)
    functions = _activations(activations, ("Sigmoid", "Tanh"), activation_alpha, activation_beta, len(states))
    bounded = _bounded(clip)

    def cell(i):
        f, g = functions[i]
        own, recurrent, weight = b[i][: 3 * n], b[i][3 * n :], np.transpose(r[i])

        def step(inputs, state):
            (h,) = state
            gates = f(bounded(inputs[:, : 2 * n] + np.matmul(h, weight[:, : 2 * n]) + recurrent[: 2 * n]))
            z, reset = gates[:, :n], gates[:, n:]
            if linear_before_reset:
                candidate = reset * (np.matmul(h, weight[:, 2 * n :]) + recurrent[2 * n :])
            else:
                candidate = np.matmul(reset * h, weight[:, 2 * n :]) + recurrent[2 * n :]
            return ((1.0 - z) * g(bounded(inputs[:, 2 * n :] + candidate)) + z * h,)

        return (lambda x: np.matmul(x, np.transpose(w[i])) + own), step

    return _run(x, lengths, states, [cell(i) for i in range(len(states))], direction, layout)


@operator("LSTM", plain=(4,))
def lstm(
    x, w, r, b=None, lengths=None, h=None, c=None, p=None, *,
    hidden_size, direction="forward", layout=0, clip=None, activations=None,
    activation_alpha=None, activation_beta=None, input_forget=0,
):  # fmt: skip
    """Gates in the order input, output, forget, cell; p are peepholes: the gates then see the cell too."""
    n = hidden_size
    x, b, states = _prepared(x, w, b, layout, n, [h, c], 4)
    defaults = ("Sigmoid", "Tanh", "Tanh")
    functions = _activations(activations, defaults, activation_alpha, activation_beta, len(states))
    bounded = _bounded(clip)

    def cell(i):
        f, g, squash = functions[i]
        bias = b[i][: 4 * n] + b[i][4 * n :]
        peep = (0.0, 0.0, 0.0) if p is None else (p[i][:n], p[i][n : 2 * n], p[i][2 * n :])

        def step(inputs, state):
            h, c = state
            total = inputs + np.matmul(h, np.transpose(r[i]))
            parts = [total[:, k * n : (k + 1) * n] for k in range(4)]
            entry = f(bounded(parts[0] + peep[0] * c))
            forget = 1.0 - entry if input_forget else f(bounded(parts[2] + peep[2] * c))
            c = forget * c + entry * g(bounded(parts[3]))
            return f(bounded(parts[1] + peep[1] * c)) * squash(c), c

        return (lambda x: np.matmul(x, np.transpose(w[i])) + bias), step

    return _run(x, lengths, states, [cell(i) for i in range(len(states))], direction, layout)
