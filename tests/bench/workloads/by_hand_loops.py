"""Loops of machine code by numba that the programs of by_hand_numba.py are made of.

fused    decorator: sums may be reordered and multiplications joined with additions, NaN and infinity stay what they are
tanh32, exp32    scalar functions of float32 that numba turns into vector code, which it does not with its own
"""

import numba
import numpy as np

fused = numba.njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz", "arcp"})
# Reordering would undo the exact reduction of the argument.
exact = numba.njit(error_model="numpy", fastmath={"contract"})
f4 = np.float32

ZERO, HALF, ONE, TWO = f4(0.0), f4(0.5), f4(1.0), f4(2.0)
LOG2E, LN2_HIGH, LN2_LOW = f4(1.44269504088896341), f4(0.693359375), f4(-2.12194440e-4)
EXP_LOW, EXP_HIGH = f4(-87.0), f4(88.0)
E0, E1, E2, E3, E4, E5 = map(
    f4, (5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4)
)
SHIFT, BIAS = np.int32(23), np.int32(127)

TANH_LIMIT = f4(7.90531110763549805)
A1, A3, A5, A7, A9, A11, A13 = map(
    f4,
    (
        4.89352455891786e-03, 6.37261928875436e-04, 1.48572235717979e-05, 5.12229709037114e-08,
        -8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16,
    ),
)  # fmt: skip
B0, B2, B4, B6 = map(f4, (4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06))


@exact
def exp32(x):
    """eˣ with a relative error of 2e-7 between -87 and 88, the value at the nearer end outside. Source: Cephes."""
    x = min(max(x, EXP_LOW), EXP_HIGH)
    n = np.floor(x * LOG2E + HALF)
    x = x - n * LN2_HIGH
    x = x - n * LN2_LOW
    y = ((((E5 * x + E4) * x + E3) * x + E2) * x + E1) * x + E0
    y = y * (x * x) + x + ONE
    return y * np.int32((np.int32(n) + BIAS) << SHIFT).view(np.float32)


@exact
def tanh32(x):
    """tanh(x) as a ratio of polynomials with a relative error of 3e-7. Source: Eigen, MathFunctionsImpl.h."""
    x = min(max(x, -TANH_LIMIT), TANH_LIMIT)
    s = x * x
    p = x * ((((((A13 * s + A11) * s + A9) * s + A7) * s + A5) * s + A3) * s + A1)
    return p / (((B6 * s + B4) * s + B2) * s + B0)


f8 = np.float64
LOG2E_64, LN2_HIGH_64, LN2_LOW_64 = 1.44269504088896341, 6.93145751953125e-1, 1.42860682030941723212e-6
SHIFT_64, BIAS_64 = np.int64(52), np.int64(1023)


@exact
def exp64(x):
    """eˣ of float64 with a relative error of 4e-16 between -700 and 700, the value at the nearer end outside."""
    x = min(max(x, -700.0), 700.0)
    n = np.floor(x * LOG2E_64 + 0.5)
    x = x - n * LN2_HIGH_64
    x = x - n * LN2_LOW_64
    y = 1 / 479001600  # Taylor's series up to x¹², enough for |x| ≤ ln(2)/2
    y = y * x + 1 / 39916800
    y = y * x + 1 / 3628800
    y = y * x + 1 / 362880
    y = y * x + 1 / 40320
    y = y * x + 1 / 5040
    y = y * x + 1 / 720
    y = y * x + 1 / 120
    y = y * x + 1 / 24
    y = y * x + 1 / 6
    y = y * x + 0.5
    y = y * x + 1.0
    y = y * x + 1.0
    return y * np.int64((np.int64(n) + BIAS_64) << SHIFT_64).view(np.float64)


@fused
def cross_entropy(logits, bias, labels, share):
    """share·Σ(logsumexp(z) - z[label]) over rows z of logits + bias, and turns logits into its gradient, in place."""
    loss = 0.0
    for i in range(logits.shape[0]):
        highest = logits[i, 0] + bias[0]
        for j in range(logits.shape[1]):
            logits[i, j] += bias[j]
            highest = max(highest, logits[i, j])
        picked, total = logits[i, labels[i]] - highest, ZERO
        for j in range(logits.shape[1]):
            e = exp32(logits[i, j] - highest)
            logits[i, j] = e
            total += e
        loss += np.log(total) - picked
        factor = share / total
        for j in range(logits.shape[1]):
            logits[i, j] *= factor
        logits[i, labels[i]] -= share
    return loss * share


@fused
def adam(p, g, m, v, rate, epsilon, keep, beta1, beta2):
    """Adam with the bias corrections folded into rate and epsilon; keep is 1, less with decay of the weights."""
    for i in range(p.size):
        m[i] = beta1 * m[i] + (ONE - beta1) * g[i]
        v[i] = beta2 * v[i] + (ONE - beta2) * g[i] * g[i]
        p[i] = keep * p[i] - rate * m[i] / (np.sqrt(v[i]) + epsilon)
