"""The problems all contenders solve: data, initial weights and settings, made with NumPy alone from one seed.

Nothing here is timed. Every contender's worker imports this file, so the file needs NumPy and nothing else; the runner
reads the titles and tolerances. A network is a list of layers `(weight, bias)` with weight `(out_features,
in_features)`, PyTorch's layout; contenders that write `x @ w` take the transpose.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

TITLES = {
    "W1": "moons on scalars: MLP 2-16-16-1 relu, 100 points, hinge + L2, SGD, float64",
    "W1b": "the same as tensors, float32",
    "W2": "MLP 784-256-128-10 relu, cross-entropy, Adam, batch 128, float32",
    "W3": "MLP 64-64-64-10 tanh, cross-entropy, SGD with momentum, batch 32, float32",
    "W4": "CNN conv3x3x16, relu, pool 2, conv3x3x32, relu, pool 2, linear 10 on 1x28x28, batch 64, SGD, float32",
    "W5": "GPT of 4 layers, width 128, 4 heads, context 64, vocabulary 65, batch 16, AdamW, float32",
    "W6": "gradient of a chain of 1,000 scalar operations, float64",
    "W7g": "gradient of logistic regression, 1000 rows of 100 features, float64",
    "W7h": "its Hessian",
    "W7j": "Jacobian of tanh(A x), 100 to 100, float64",
    "W8": "value and gradient of sum(tanh(a*x + b) * sigmoid(x)), 4M elements, float32",
    "U1": "RNN 8-24 over 32 steps, last state to 5 classes, batch 16, Adam, float32",
    "U2": "CNN of two conv5x5, batch norm, relu, pool 2, to 8 and 6 channels, on 3x14x14, batch 12, SGD, float32",
    "U3": "autoencoder 20-12-3-12-20 sigmoid, mean squared error, Adam, batch 40, float32",
    "U4": "MLP of 20 layers of width 16, tanh, cross-entropy, SGD, batch 8, float32",
    "U5": "MLP 12-20-5 relu, cross-entropy, SGD, batch 1, float32",
    "U6": "MLP 12-80-5 relu, cross-entropy, Adam, batch 1024, float32",
    "U7": "MLP 12-20-5 tanh, cross-entropy, SGD, batch 16, float64",
}

# Largest relative difference to the hand-written NumPy, or where nobody wrote it to glassgrad eager, that rounding
# explains, after CHECK_STEPS steps.
TOLERANCES = {
    "W1": 1e-9, "W1b": 1e-3, "W2": 1e-3, "W3": 1e-3, "W4": 1e-3, "W5": 1e-3, "W6": 1e-9, "W7g": 1e-9, "W7h": 1e-9,
    "W7j": 1e-9, "W8": 1e-3, "U1": 1e-4, "U2": 1e-4, "U3": 1e-4, "U4": 1e-4, "U5": 1e-4, "U6": 1e-4, "U7": 1e-9,
}  # fmt: skip
CHECK_STEPS = 3

MOONS_SIZES = (2, 16, 16, 1)
MOONS_RATE = 0.1
MOONS_L2 = 1e-4

ADAM_SIZES = (784, 256, 128, 10)
ADAM_RATE, ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON = 1e-3, 0.9, 0.999, 1e-8

MOMENTUM_SIZES = (64, 64, 64, 10)
MOMENTUM_RATE, MOMENTUM = 0.05, 0.9

CNN_CHANNELS, CNN_RATE = (1, 16, 32), 0.05

GPT_LAYERS, GPT_WIDTH, GPT_HEADS, GPT_CONTEXT, GPT_VOCABULARY, GPT_BATCH = 4, 128, 4, 64, 65, 16
GPT_RATE, GPT_DECAY = 3e-4, 0.01  # the decay pulls at every array; Adam's other settings as above
NORM_EPSILON = 1e-5

LOGISTIC_ROWS, LOGISTIC_FEATURES = 1000, 100

CHAIN_LINKS = 500  # each link is one multiplication and one addition
CHAIN_START, CHAIN_A, CHAIN_B = 0.5, 1.0009, 0.01

WAVE_A, WAVE_B = 1.5, 0.25
WAVE_SIZE = 4_000_000

RNN_BATCH, RNN_STEPS, RNN_INPUTS, RNN_WIDTH, RNN_CLASSES = 16, 32, 8, 24, 5
NORMED_CHANNELS, NORMED_PIXELS, NORMED_BATCH, NORMED_CLASSES = (3, 8, 6), 14, 12, 5
UNTUNED_RATE = 0.05  # of SGD; Adam's settings as above


class Untuned(NamedTuple):
    """A multilayer perceptron that no part of glassgrad was tuned for; activation and optimizer are names."""

    sizes: tuple
    activation: str
    batch: int
    optimizer: str
    dtype: type = np.float32


UNTUNED = {
    "U3": Untuned((20, 12, 3, 12, 20), "sigmoid", 40, "Adam"),  # an autoencoder: its target is its input
    "U4": Untuned((16,) * 21, "tanh", 8, "SGD"),
    "U5": Untuned((12, 20, 5), "relu", 1, "SGD"),
    "U6": Untuned((12, 80, 5), "relu", 1024, "Adam"),
    "U7": Untuned((12, 20, 5), "tanh", 16, "SGD", np.float64),
}


class Problem(NamedTuple):
    """A batch and the weights a contender starts from.

    x        (batch, in_features)
    y        (batch,) integer labels, or ±1.0 for the hinge loss
    layers   [(weight, bias), …] with weight (out_features, in_features) and bias (out_features,)
    """

    x: np.ndarray
    y: np.ndarray
    layers: list


def initial_layers(sizes, rng, dtype, gain=1.0):
    """Weights ~ U(-gain/√fan_in, gain/√fan_in) and zero biases for each pair of neighbours in sizes."""
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        bound = gain * fan_in**-0.5
        weight = rng.uniform(-bound, bound, (fan_out, fan_in)).astype(dtype)
        layers.append((weight, np.zeros(fan_out, dtype)))
    return layers


def moons(dtype):
    """Two interleaved half circles of 50 points with noise 0.1, labels ±1.0: W1 (float64) and W1b (float32)."""
    rng = np.random.default_rng(0)
    angle = np.linspace(0.0, np.pi, 50)
    outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inner = np.stack([1.0 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    x = np.concatenate([outer, inner]) + rng.normal(0.0, 0.1, (100, 2))
    y = np.repeat([-1.0, 1.0], 50)
    return Problem(x.astype(dtype), y.astype(dtype), initial_layers(MOONS_SIZES, rng, dtype))


def classification(sizes, batch, dtype=np.float32, gain=1.0):
    """Normal inputs with random labels: one batch, the same at every step."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, sizes[0])).astype(dtype)
    y = rng.integers(0, sizes[-1], batch)
    return Problem(x, y, initial_layers(sizes, rng, dtype, gain))


def adam_problem():
    """W2's batch of 128 and its initial weights."""
    return classification(ADAM_SIZES, batch=128)


def momentum_problem():
    """W3's batch of 32 and its initial weights."""
    return classification(MOMENTUM_SIZES, batch=32)


def cnn_problem():
    """W4's batch x (64, 1, 28, 28), and layers [(weight, bias), …]: two convolutions, weight (out, in, 3, 3), a linear."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, 64)
    shapes = [(o, i, 3, 3) for i, o in pairwise(CNN_CHANNELS)] + [(10, CNN_CHANNELS[-1] * 7 * 7)]
    layers = []
    for shape in shapes:
        bound = np.prod(shape[1:]) ** -0.5
        layers.append((rng.uniform(-bound, bound, shape).astype(np.float32), np.zeros(shape[0], np.float32)))
    return Problem(x, y, layers)


def untuned_problem(name):
    """Batch and initial weights of an MLP of UNTUNED; the autoencoder's y is its x.

    Weights of variance 1/fan_in, or U4's last layers would hardly see the input and the loss not tell of the first.
    """
    model = UNTUNED[name]
    problem = classification(model.sizes, model.batch, model.dtype, gain=3**0.5)
    return problem._replace(y=problem.x) if name == "U3" else problem


def rnn_problem():
    """U1's batch x (16, 32, 8), and layers: the RNN's (W, R) and (b, c), the linear (weight, bias)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(RNN_BATCH, RNN_STEPS, RNN_INPUTS)).astype(np.float32)
    y = rng.integers(0, RNN_CLASSES, RNN_BATCH)
    (inputs, b), (states, c) = (initial_layers((n, RNN_WIDTH), rng, np.float32)[0] for n in (RNN_INPUTS, RNN_WIDTH))
    head = initial_layers((RNN_WIDTH, RNN_CLASSES), rng, np.float32)
    return Problem(x, y, [(inputs, states), (b, c), *head])


def normed_problem():
    """U2's batch x (12, 3, 14, 14), and layers: twice a convolution and a norm's (scale, shift), then a linear."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(NORMED_BATCH, NORMED_CHANNELS[0], NORMED_PIXELS, NORMED_PIXELS)).astype(np.float32)
    y = rng.integers(0, NORMED_CLASSES, NORMED_BATCH)
    layers = []
    for inputs, outputs in pairwise(NORMED_CHANNELS):
        ((weight, bias),) = initial_layers((inputs * 25, outputs), rng, np.float32)
        layers += [(weight.reshape(outputs, inputs, 5, 5), bias), (np.ones_like(bias), np.zeros_like(bias))]
    pixels = NORMED_PIXELS // 2 // 2
    return Problem(x, y, layers + initial_layers((NORMED_CHANNELS[-1] * pixels**2, NORMED_CLASSES), rng, np.float32))


class GPT(NamedTuple):
    """W5: tokens and targets (batch, context), and parameters by name in one flat dict, matrices as (in, out).

    Layer i has "i.norm1", "i.shift1", "i.qkv", "i.qkv_bias", "i.out", "i.out_bias", "i.norm2", "i.shift2", "i.up",
    "i.up_bias", "i.down", "i.down_bias"; besides there are "token", "place", "norm", "shift" and "head".
    """

    tokens: np.ndarray
    targets: np.ndarray
    parameters: dict


def gpt_problem():
    """W5's batch and initial parameters."""
    rng = np.random.default_rng(0)
    width = GPT_WIDTH

    def matrix(*shape):
        return rng.normal(0.0, 0.02, shape).astype(np.float32)

    def norm():
        return np.ones(width, np.float32), np.zeros(width, np.float32)

    parameters = {"token": matrix(GPT_VOCABULARY, width), "place": matrix(GPT_CONTEXT, width)}
    for i in range(GPT_LAYERS):
        parameters[f"{i}.norm1"], parameters[f"{i}.shift1"] = norm()
        parameters[f"{i}.norm2"], parameters[f"{i}.shift2"] = norm()
        for name, rows, columns in (("qkv", 1, 3), ("out", 1, 1), ("up", 1, 4), ("down", 4, 1)):
            parameters[f"{i}.{name}"] = matrix(rows * width, columns * width)
            parameters[f"{i}.{name}_bias"] = np.zeros(columns * width, np.float32)
    parameters["norm"], parameters["shift"] = norm()
    parameters["head"] = matrix(width, GPT_VOCABULARY)
    tokens = rng.integers(0, GPT_VOCABULARY, (GPT_BATCH, GPT_CONTEXT + 1))
    return GPT(tokens[:, :-1].copy(), tokens[:, 1:].copy(), parameters)


def logistic_problem():
    """W7g and W7h: (X (1000, 100), labels ±1.0 (1000,), w (100,)), float64."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(LOGISTIC_ROWS, LOGISTIC_FEATURES))
    return x, rng.choice([-1.0, 1.0], LOGISTIC_ROWS), 0.1 * rng.normal(size=LOGISTIC_FEATURES)


def tanh_problem():
    """W7j: (A (100, 100), x (100,)), float64."""
    rng = np.random.default_rng(0)
    return 0.1 * rng.normal(size=(100, 100)), rng.normal(size=100)


def wave_input():
    """W8's input: normal, float32, shape (4000000,)."""
    return np.random.default_rng(0).standard_normal(WAVE_SIZE, dtype=np.float32)


def transposed(layers):
    """The same layers for contenders that write `x @ w`: [(weight (in_features, out_features), bias), …]."""
    return [(np.ascontiguousarray(weight.T), bias.copy()) for weight, bias in layers]


def scalar_weights(layers):
    """All weights as Python floats in micrograd's order: for each neuron its weights, then its bias."""
    return [
        number
        for weight, bias in layers
        for row, shift in zip(weight.tolist(), bias.tolist(), strict=True)
        for number in (*row, shift)
    ]


def numpy_adam(parameters):
    """An in-place Adam step `update(gradients)` on NumPy arrays, for contenders that bring no optimiser."""
    m, v = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    count = 0

    def update(gradients):
        nonlocal count
        count += 1
        correction1, correction2 = 1 - ADAM_BETA1**count, 1 - ADAM_BETA2**count
        for p, g, m_p, v_p in zip(parameters, gradients, m, v, strict=True):
            m_p *= ADAM_BETA1
            m_p += (1 - ADAM_BETA1) * g
            v_p *= ADAM_BETA2
            v_p += (1 - ADAM_BETA2) * g * g
            p -= ADAM_RATE / correction1 * m_p / (np.sqrt(v_p / correction2) + ADAM_EPSILON)

    return update


def numpy_momentum(parameters):
    """An in-place step `update(gradients)` of SGD with momentum on NumPy arrays, as numpy_adam."""
    velocities = [np.zeros_like(p) for p in parameters]

    def update(gradients):
        for p, g, velocity in zip(parameters, gradients, velocities, strict=True):
            velocity *= MOMENTUM
            velocity += g
            p -= MOMENTUM_RATE * velocity

    return update
