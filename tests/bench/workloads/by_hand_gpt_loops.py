"""The elementwise parts of by_hand_gpt.py as loops of machine code, each one pass; the same functions as in
by_hand_gpt_calls.py."""

import data
import numpy as np
from workloads import by_hand_loops
from workloads.by_hand_loops import HALF, ONE, TWO, ZERO, exp32, f4, fused, tanh32

EPSILON = f4(data.NORM_EPSILON)
C0, C1 = f4((2 / np.pi) ** 0.5), f4(0.044715 * (2 / np.pi) ** 0.5)
THREE = f4(3.0)


def bound(loop, *arguments):
    """A function that calls a loop with these arguments."""
    return lambda: loop(*arguments)


@fused
def _add_bias(rows, bias):
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            rows[i, j] += bias[j]


@fused
def _residual(x, rows, bias):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] += rows[i, j] + bias[j]


@fused
def _softmax(scores, highest, total):
    keys = scores.shape[2]
    for b in range(scores.shape[0]):
        for h in range(scores.shape[1]):
            s = scores[b, h]
            highest[:] = s[0]
            total[:] = ZERO
            for k in range(1, keys):
                for q in range(keys):
                    highest[q] = max(highest[q], s[k, q] if q >= k else highest[q])
            for k in range(keys):
                for q in range(keys):
                    e = exp32(s[k, q] - highest[q]) if q >= k else ZERO
                    s[k, q] = e
                    total[q] += e
            for q in range(keys):
                total[q] = ONE / total[q]
            for k in range(keys):
                for q in range(keys):
                    s[k, q] *= total[q]


@fused
def _softmax_backward(d_scores, scores, totals):
    for b in range(scores.shape[0]):
        for h in range(scores.shape[1]):
            for k in range(scores.shape[2]):
                for q in range(scores.shape[3]):
                    d_scores[b, h, k, q] = scores[b, h, k, q] * (d_scores[b, h, k, q] - totals[b, h, 0, q])


@fused
def _norm(x, normal, inverse):
    width = x.shape[1]
    share = ONE / f4(width)
    for i in range(x.shape[0]):
        total, squares = ZERO, ZERO
        for j in range(width):
            total += x[i, j]
        mean = total * share
        for j in range(width):
            centered = x[i, j] - mean
            squares += centered * centered
        inverse[i] = ONE / np.sqrt(squares * share + EPSILON)
        for j in range(width):
            normal[i, j] = (x[i, j] - mean) * inverse[i]


@fused
def _norm_backward(d_normal, normal, inverse, d_x):
    width = normal.shape[1]
    share = ONE / f4(width)
    for i in range(normal.shape[0]):
        total, product = ZERO, ZERO
        for j in range(width):
            total += d_normal[i, j]
            product += d_normal[i, j] * normal[i, j]
        total *= share
        product *= share
        for j in range(width):
            d_x[i, j] += inverse[i] * (d_normal[i, j] - total - product * normal[i, j])


@fused
def _gelu(hidden, bias, slope):
    for i in range(hidden.shape[0]):
        for j in range(hidden.shape[1]):
            u = hidden[i, j] + bias[j]
            square = u * u
            gate = HALF + HALF * tanh32(u * (C0 + C1 * square))
            value = u * gate
            hidden[i, j] = value
            slope[i, j] = gate + value * (ONE - gate) * TWO * (C0 + THREE * C1 * square)


def add_bias(rows, bias):
    """rows ← rows + bias."""
    return bound(_add_bias, rows, bias)


def residual(x, rows, bias):
    """x ← x + rows + bias."""
    return bound(_residual, x, rows, bias)


def softmax(scores):
    """Causal softmax over the keys, in place; scores (batch, heads, keys, queries)."""
    return bound(_softmax, scores, *(np.empty(scores.shape[-1], f4) for _ in range(2)))


def softmax_backward(d_scores, scores, totals):
    """d_scores ← scores·(d_scores - totals), totals (batch, heads, 1, queries)."""
    return bound(_softmax_backward, d_scores, scores, totals)


def cross_entropy(logits, bias, labels):
    """The loss; turns logits into its gradient."""
    return bound(by_hand_loops.cross_entropy, logits, bias, labels, f4(1 / len(logits)))


def layer_norm(x, d_x):
    """(normal, forward, backward): forward() fills normal from x, backward(d_normal) adds to d_x."""
    normal, inverse = np.empty_like(x), np.empty(len(x), f4)
    return normal, bound(_norm, x, normal, inverse), lambda d_normal: _norm_backward(d_normal, normal, inverse, d_x)


def gelu(hidden, bias, slope):
    """A function that turns hidden into gelu(hidden + bias), tanh approximation, and fills slope with its derivative."""
    return bound(_gelu, hidden, bias, slope)


def adamw(parameters, gradients):
    """An AdamW step, update()."""
    m, v, count = np.zeros_like(parameters), np.zeros_like(parameters), 0
    keep, beta1, beta2 = map(f4, (1 - data.GPT_RATE * data.GPT_DECAY, data.ADAM_BETA1, data.ADAM_BETA2))

    def update():
        nonlocal count
        count += 1
        correction = (1 - data.ADAM_BETA2**count) ** 0.5
        rate, epsilon = data.GPT_RATE * correction / (1 - data.ADAM_BETA1**count), data.ADAM_EPSILON * correction
        by_hand_loops.adam(parameters, gradients, m, v, f4(rate), f4(epsilon), keep, beta1, beta2)

    return update
