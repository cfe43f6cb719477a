"""W5 by hand: forward, backward and AdamW of a GPT; what is elementwise is in by_hand_gpt_calls.py, by NumPy, and in
by_hand_gpt_loops.py, by numba.

Two ideas. Scale and shift of a layer norm go into the matrix behind it: (n·scale + shift) @ W + b is
n @ (scale·W) + (shift @ W + b), and their gradients follow from the matrix's, without a pass over activations. The
scores of attention are (keys, queries), so that a softmax's maximum and sum run down columns, many at once.
"""

import data
import numpy as np
from workloads import by_hand_gpt_calls
from workloads.by_hand_networks import views

WIDTH, HEADS, BATCH, CONTEXT = data.GPT_WIDTH, data.GPT_HEADS, data.GPT_BATCH, data.GPT_CONTEXT
SIZE, ROWS = WIDTH // HEADS, BATCH * CONTEXT
SEQUENCES = 4  # of a block in attention: 256 KiB of scores

dot, add, multiply = np.dot, np.add, np.multiply


def empty(*shape):
    """An array of float32."""
    return np.empty(shape, np.float32)


def gpt(loops=by_hand_gpt_calls):
    """W5: one AdamW step; loops is a module such as by_hand_gpt_calls."""
    tokens, targets, arrays = data.gpt_problem()
    shapes = [array.shape for array in arrays.values()]
    parameters = np.concatenate([array.ravel() for array in arrays.values()])
    gradients = np.zeros_like(parameters)
    p = dict(zip(arrays, views(parameters, shapes), strict=True))
    d = dict(zip(arrays, views(gradients, shapes), strict=True))
    x, d_x = empty(ROWS, WIDTH), empty(ROWS, WIDTH)
    parts = [
        part
        for i in range(data.GPT_LAYERS)
        for part in (attention(p, d, i, x, d_x, loops), perceptron(p, d, i, x, d_x, loops))
    ]
    last = head(p, d, x, d_x, targets.ravel(), loops)
    places, d_places = p["place"].reshape(-1), d["place"].reshape(-1)
    sequences, d_sequences = x.reshape(BATCH, -1), d_x.reshape(BATCH, -1)
    tokens, rows, ones = tokens.ravel(), np.arange(ROWS), np.ones(BATCH, np.float32)
    one_hot = np.zeros((ROWS, data.GPT_VOCABULARY), np.float32)
    one_hot_t, update = one_hot.T, loops.adamw(parameters, gradients)

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


def normed_linear(p, d, names, x, d_x, loops):
    """(forward, backward, bias) of a linear layer behind a layer norm; names of scale, shift, matrix and bias or None.

    forward(out) fills out, except for the bias, which the caller adds; backward(d_out) adds to d_x.
    """
    (scale, shift, matrix), (d_scale, d_shift, d_matrix) = ([q[name] for name in names[:3]] for q in (p, d))
    normal, normalize, differentiate = loops.layer_norm(x, d_x)
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

    return forward, backward, folded_bias


def heads_of(rows):
    """(ROWS, WIDTH) as (batch, heads, context, size)."""
    return rows.reshape(BATCH, CONTEXT, HEADS, SIZE).transpose(0, 2, 1, 3)


def attention(p, d, layer, x, d_x, loops):
    """(forward, backward) of x + attention(layer_norm(x)), in place."""
    names = (f"{layer}.norm1", f"{layer}.shift1", f"{layer}.qkv", f"{layer}.qkv_bias")
    project, project_backward, project_bias = normed_linear(p, d, names, x, d_x, loops)
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
    blocks = [slice(i, i + SEQUENCES) for i in range(0, BATCH, SEQUENCES)]
    pieces = [
        (k[b], turned[b], weights[b], loops.softmax(weights[b]), weights_t[b], v[b], mixed_heads[b]) for b in blocks
    ]
    sums, totals = empty(ROWS * HEADS), empty(BATCH, HEADS, 1, CONTEXT)
    sums_rows, sums_heads = scratch.reshape(-1, SIZE), sums.reshape(BATCH, 1, CONTEXT, HEADS).transpose(0, 3, 1, 2)
    slopes = [loops.softmax_backward(d_weights[b], weights[b], totals[b]) for b in blocks]
    d_pieces = [
        (v[b], turned[b], d_weights[b], slope, d_weights_t[b], k[b], q[b], d_q[b], d_k[b])
        for slope, b in zip(slopes, blocks, strict=True)
    ]
    sizes, ones, root = np.ones(SIZE, np.float32), np.ones(ROWS, np.float32), np.array(SIZE**-0.5, np.float32)
    add_bias, add_result = loops.add_bias(qkv, project_bias), loops.residual(x, scratch, bias)

    def forward():
        project(qkv)
        add_bias()
        multiply(queries, root, queries)
        np.copyto(turned, q.transpose(0, 1, 3, 2))
        for k_, q_t, s, normalize, s_t, v_, out in pieces:
            np.matmul(k_, q_t, out=s)
            normalize()
            np.matmul(s_t, v_, out=out)
        dot(mixed, matrix, scratch)
        add_result()

    def backward():
        dot(ones, d_x, d_bias)
        dot(mixed_t, d_x, d_matrix)
        dot(d_x, matrix_t, d_mixed)
        np.matmul(weights, d_mixed_heads, out=d_v)
        multiply(d_mixed, mixed, scratch)
        dot(sums_rows, sizes, sums)
        np.copyto(totals, sums_heads)
        np.copyto(turned, d_mixed_heads.transpose(0, 1, 3, 2))
        for v_, d_out_t, d_s, differentiate, d_s_t, k_, q_, d_q_, d_k_ in d_pieces:
            np.matmul(v_, d_out_t, out=d_s)
            differentiate()
            np.matmul(d_s_t, k_, out=d_q_)
            np.matmul(d_s, q_, out=d_k_)
        multiply(d_queries, root, d_queries)
        project_backward(d_qkv)

    return forward, backward


def perceptron(p, d, layer, x, d_x, loops):
    """(forward, backward) of x + gelu(layer_norm(x) @ up + up_bias) @ down + down_bias, in place."""
    names = (f"{layer}.norm2", f"{layer}.shift2", f"{layer}.up", f"{layer}.up_bias")
    widen, widen_backward, widen_bias = normed_linear(p, d, names, x, d_x, loops)
    matrix, d_matrix, bias, d_bias = (q[f"{layer}.{name}"] for name in ("down", "down_bias") for q in (p, d))
    hidden, slope, scratch = empty(ROWS, 4 * WIDTH), empty(ROWS, 4 * WIDTH), empty(ROWS, WIDTH)
    d_hidden, ones, hidden_t, matrix_t = empty(ROWS, 4 * WIDTH), np.ones(ROWS, np.float32), hidden.T, matrix.T
    gelu, add_result = loops.gelu(hidden, widen_bias, slope), loops.residual(x, scratch, bias)

    def forward():
        widen(hidden)
        gelu()
        dot(hidden, matrix, scratch)
        add_result()

    def backward():
        dot(ones, d_x, d_bias)
        dot(hidden_t, d_x, d_matrix)
        dot(d_x, matrix_t, d_hidden)
        multiply(d_hidden, slope, d_hidden)
        widen_backward(d_hidden)

    return forward, backward


def head(p, d, x, d_x, targets, loops):
    """A function that gives the loss and starts d_x."""
    project, project_backward, bias = normed_linear(p, d, ("norm", "shift", "head", None), x, d_x, loops)
    logits = empty(ROWS, data.GPT_VOCABULARY)
    cross_entropy = loops.cross_entropy(logits, bias, targets)

    def run():
        project(logits)
        loss = cross_entropy()
        d_x.fill(0.0)
        project_backward(logits)
        return loss

    return run
