"""W5 by hand in NumPy: forward, backward and AdamW of a GPT.

Three ideas. Scale and shift of a layer norm go into the matrix behind it: (n·scale + shift) @ W + b is
n @ (scale·W) + (shift @ W + b), and their gradients follow from the matrix's, without a pass over activations. The
scores of attention are (keys, queries), so that a softmax's maximum and sum run down columns, many at once. And chains
of elementwise calls go a few rows at a time.
"""

import data
import numpy as np
from workloads.by_hand_networks import cross_entropy_gradient, views

WIDTH, HEADS, BATCH, CONTEXT = data.GPT_WIDTH, data.GPT_HEADS, data.GPT_BATCH, data.GPT_CONTEXT
SIZE, ROWS = WIDTH // HEADS, BATCH * CONTEXT
GELU_ROWS, SEQUENCES = 32, 4  # of a block in the GELU, 64 KiB an array, and in the softmax, 256 KiB

dot, add, subtract, multiply, divide = np.dot, np.add, np.subtract, np.multiply, np.divide


def empty(*shape):
    """An array of float32."""
    return np.empty(shape, np.float32)


def scalar(number):
    """A 0-d array of float32, the cheapest operand."""
    return np.array(number, np.float32)


def gpt():
    """W5: one AdamW step."""
    tokens, targets, arrays = data.gpt_problem()
    shapes = [array.shape for array in arrays.values()]
    parameters = np.concatenate([array.ravel() for array in arrays.values()])
    gradients = np.zeros_like(parameters)
    p = dict(zip(arrays, views(parameters, shapes), strict=True))
    d = dict(zip(arrays, views(gradients, shapes), strict=True))
    x, d_x = empty(ROWS, WIDTH), empty(ROWS, WIDTH)
    parts = [part for i in range(data.GPT_LAYERS) for part in (attention(p, d, i, x, d_x), perceptron(p, d, i, x, d_x))]
    last = head(p, d, x, d_x, targets.ravel())
    places, d_places = p["place"].reshape(-1), d["place"].reshape(-1)
    sequences, d_sequences = x.reshape(BATCH, -1), d_x.reshape(BATCH, -1)
    tokens, rows, ones = tokens.ravel(), np.arange(ROWS), np.ones(BATCH, np.float32)
    one_hot = np.zeros((ROWS, data.GPT_VOCABULARY), np.float32)
    one_hot_t, update = one_hot.T, adamw(parameters, gradients)

    def step():
        np.take(p["token"], tokens, axis=0, out=x, mode="clip")
        add(sequences, places, sequences)
        for forward, _ in parts:
            forward()
        loss = last()
        for _, backward in reversed(parts):
            backward()
        dot(ones, d_sequences, d_places)
        one_hot.fill(0.0)
        one_hot[rows, tokens] = 1.0
        dot(one_hot_t, d_x, d["token"])
        update()
        return loss

    return step


def layer_norm(x, d_x):
    """(normal, forward, backward): forward() fills normal from x, backward(d_normal) adds to d_x and spoils d_normal."""
    normal, scaled = empty(ROWS, WIDTH), empty(ROWS, WIDTH)
    mean, rest, inverse = empty(ROWS), empty(ROWS), empty(ROWS)
    mean_column, rest_column, inverse_column = (column.reshape(-1, 1) for column in (mean, rest, inverse))
    shares, share = np.full(WIDTH, 1 / WIDTH, np.float32), scalar(1 / WIDTH)
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


def normed_linear(p, d, names, x, d_x):
    """(forward, backward) of a linear layer behind a layer norm; names of scale, shift, matrix and bias or None.

    forward(out) fills out, backward(d_out) adds to d_x.
    """
    (scale, shift, matrix), (d_scale, d_shift, d_matrix) = ([q[name] for name in names[:3]] for q in (p, d))
    normal, normalize, differentiate = layer_norm(x, d_x)
    folded, folded_bias, outer = np.empty_like(matrix), empty(matrix.shape[1]), np.empty_like(matrix)
    bias, d_bias = (p[names[3]], d[names[3]]) if names[3] else (np.zeros_like(folded_bias), empty(matrix.shape[1]))
    scale, shift_column, d_normal, ones = scale[:, None], shift[:, None], empty(ROWS, WIDTH), np.ones(ROWS, np.float32)
    normal_t, folded_t = normal.T, folded.T

    def forward(out):
        normalize()
        multiply(matrix, scale, folded)
        dot(shift, matrix, folded_bias)
        add(folded_bias, bias, folded_bias)
        dot(normal, folded, out)
        add(out, folded_bias, out)

    def backward(d_out):
        dot(ones, d_out, d_bias)
        dot(normal_t, d_out, d_matrix)
        np.vecdot(matrix, d_matrix, d_scale)
        dot(matrix, d_bias, d_shift)
        multiply(d_matrix, scale, d_matrix)
        multiply(shift_column, d_bias, outer)
        add(d_matrix, outer, d_matrix)
        dot(d_out, folded_t, d_normal)
        differentiate(d_normal)

    return forward, backward


def heads_of(rows):
    """(ROWS, WIDTH) as (batch, heads, context, size)."""
    return rows.reshape(BATCH, CONTEXT, HEADS, SIZE).transpose(0, 2, 1, 3)


def attention(p, d, layer, x, d_x):
    """(forward, backward) of x + attention(layer_norm(x)), in place."""
    names = (f"{layer}.norm1", f"{layer}.shift1", f"{layer}.qkv", f"{layer}.qkv_bias")
    project, project_backward = normed_linear(p, d, names, x, d_x)
    matrix, d_matrix, bias, d_bias = (q[f"{layer}.{name}"] for name in ("out", "out_bias") for q in (p, d))
    qkv, d_qkv = empty(ROWS, 3 * WIDTH), empty(ROWS, 3 * WIDTH)
    queries, d_queries = qkv[:, :WIDTH], d_qkv[:, :WIDTH]
    q, k, v = (heads_of(qkv[:, i * WIDTH : (i + 1) * WIDTH]) for i in range(3))
    d_q, d_k, d_v = (heads_of(d_qkv[:, i * WIDTH : (i + 1) * WIDTH]) for i in range(3))
    turned = empty(BATCH, HEADS, SIZE, CONTEXT)  # of queries, then of d_mixed
    weights, d_weights = empty(BATCH, HEADS, CONTEXT, CONTEXT), empty(BATCH, HEADS, CONTEXT, CONTEXT)
    mixed, d_mixed, scratch = empty(ROWS, WIDTH), empty(ROWS, WIDTH), empty(ROWS, WIDTH)
    mixed_heads, d_mixed_heads, mixed_t, matrix_t = heads_of(mixed), heads_of(d_mixed), mixed.T, matrix.T
    weights_t, d_weights_t = weights.transpose(0, 1, 3, 2), d_weights.transpose(0, 1, 3, 2)
    mask = np.where(np.tri(CONTEXT, dtype=bool), np.float32(0), np.float32(-np.inf)).T.copy()
    blocks = [slice(i, i + SEQUENCES) for i in range(0, BATCH, SEQUENCES)]
    pieces = [(k[b], turned[b], weights[b], weights_t[b], v[b], mixed_heads[b]) for b in blocks]
    sums, totals = empty(ROWS * HEADS), empty(BATCH, HEADS, 1, CONTEXT)
    sums_rows, sums_heads = scratch.reshape(-1, SIZE), sums.reshape(BATCH, 1, CONTEXT, HEADS).transpose(0, 3, 1, 2)
    d_pieces = [
        (v[b], turned[b], d_weights[b], d_weights_t[b], totals[b], weights[b], k[b], q[b], d_q[b], d_k[b])
        for b in blocks
    ]
    row, sizes, ones = empty(SEQUENCES, HEADS, 1, CONTEXT), np.ones(SIZE, np.float32), np.ones(ROWS, np.float32)
    root = scalar(SIZE**-0.5)

    def forward():
        project(qkv)
        multiply(queries, root, queries)
        np.copyto(turned, q.transpose(0, 1, 3, 2))
        for k_, q_t, s, s_t, v_, out in pieces:
            np.matmul(k_, q_t, out=s)
            add(s, mask, s)
            np.maximum.reduce(s, axis=2, keepdims=True, out=row)
            subtract(s, row, s)
            np.exp(s, s)
            add.reduce(s, axis=2, keepdims=True, out=row)
            divide(s, row, s)
            np.matmul(s_t, v_, out=out)
        dot(mixed, matrix, scratch)
        add(scratch, bias, scratch)
        add(x, scratch, x)

    def backward():
        dot(ones, d_x, d_bias)
        dot(mixed_t, d_x, d_matrix)
        dot(d_x, matrix_t, d_mixed)
        np.matmul(weights, d_mixed_heads, out=d_v)
        multiply(d_mixed, mixed, scratch)
        dot(sums_rows, sizes, sums)
        np.copyto(totals, sums_heads)
        np.copyto(turned, d_mixed_heads.transpose(0, 1, 3, 2))
        for v_, d_out_t, d_s, d_s_t, total, s, k_, q_, d_q_, d_k_ in d_pieces:
            np.matmul(v_, d_out_t, out=d_s)
            subtract(d_s, total, d_s)
            multiply(d_s, s, d_s)
            np.matmul(d_s_t, k_, out=d_q_)
            np.matmul(d_s, q_, out=d_k_)
        multiply(d_queries, root, d_queries)
        project_backward(d_qkv)

    return forward, backward


def perceptron(p, d, layer, x, d_x):
    """(forward, backward) of x + gelu(layer_norm(x) @ up + up_bias) @ down + down_bias, in place."""
    names = (f"{layer}.norm2", f"{layer}.shift2", f"{layer}.up", f"{layer}.up_bias")
    widen, widen_backward = normed_linear(p, d, names, x, d_x)
    matrix, d_matrix, bias, d_bias = (q[f"{layer}.{name}"] for name in ("down", "down_bias") for q in (p, d))
    hidden, slope, scratch = empty(ROWS, 4 * WIDTH), empty(ROWS, 4 * WIDTH), empty(ROWS, WIDTH)
    d_hidden, ones, hidden_t, matrix_t = empty(ROWS, 4 * WIDTH), np.ones(ROWS, np.float32), hidden.T, matrix.T
    gelu = gelu_with_slope(hidden, slope)

    def forward():
        widen(hidden)
        gelu()
        dot(hidden, matrix, scratch)
        add(scratch, bias, scratch)
        add(x, scratch, x)

    def backward():
        dot(ones, d_x, d_bias)
        dot(hidden_t, d_x, d_matrix)
        dot(d_x, matrix_t, d_hidden)
        multiply(d_hidden, slope, d_hidden)
        widen_backward(d_hidden)

    return forward, backward


def gelu_with_slope(hidden, slope):
    """A function that turns hidden into gelu(hidden), tanh approximation, and fills slope with its derivative.

    With s = (1 + tanh(c·(u + a·u³)))/2 and c = √(2/π), the value is u·s and the derivative s + u·s·(1 - s)·2c·(1 + 3a·u²).
    """
    c, a = (2 / np.pi) ** 0.5, 0.044715
    c0, c1, e0, e1, half, one = map(scalar, (c, a * c, 2 * c, 6 * a * c, 0.5, 1.0))
    pieces = list(zip(hidden.reshape(-1, GELU_ROWS * 4 * WIDTH), slope.reshape(-1, GELU_ROWS * 4 * WIDTH), strict=True))
    square, gate = np.empty_like(pieces[0][0]), np.empty_like(pieces[0][0])

    def run():
        for u, out in pieces:
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


def head(p, d, x, d_x, targets):
    """A function that gives the loss and starts d_x."""
    project, project_backward = normed_linear(p, d, ("norm", "shift", "head", None), x, d_x)
    logits = empty(ROWS, data.GPT_VOCABULARY)
    cross_entropy = cross_entropy_gradient(logits, targets)

    def run():
        project(logits)
        loss = cross_entropy()
        d_x.fill(0.0)
        project_backward(logits)
        return loss

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
