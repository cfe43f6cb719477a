"""compile on models: every layer, loss and optimiser of nn, and networks in bare ops that nothing was tuned for.

Each is trained a few steps eagerly and compiled; losses, weights, gradients and running statistics agree.
"""

import inspect
from itertools import pairwise

import numpy as np
import pytest
from layer_case import arguments, parts
from layer_table import CASES

import nn
from autograd import Value, compile, ops, value_and_grad
from autograd.ops import conv2d, gelu, log_softmax, max_pool2d, relu, sigmoid, softmax
from nn import losses, optim

OPTIMIZERS = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}],
    "Adagrad": [{}, {"initial_accumulator_value": 0.1, "weight_decay": 0.1}],
    "RMSprop": [{}, {"centered": True, "momentum": 0.9, "weight_decay": 0.1}],
    "Adam": [{}, {"weight_decay": 0.1}, {"amsgrad": True}],
    "AdamW": [{}, {"decay_all": True}],
    "NAdam": [{}, {"weight_decay": 0.1}],
    "Lion": [{}, {"weight_decay": 0.1}],
    "Muon": [{}, {"nesterov": False, "adamw": {"learning_rate": 0.1}}],
}
ROWS = {f"{name} {i}": case for name, cases in CASES.items() for i, case in enumerate(cases)}
TARGETS = {"cross_entropy": "labels", "nll": "labels", "accuracy": None, "binary_cross_entropy": "shares",
           "kl_div": "shares", "hinge": "signs"}  # fmt: skip
WEIGHT = np.array([0.5, 2.0, 1.0])
LOSSES = {
    "cross_entropy": [{}, {"weight": WEIGHT}, {"ignore_index": 1}, {"label_smoothing": 0.1},
                      {"weight": WEIGHT, "ignore_index": 0, "label_smoothing": 0.2}],
    "nll": [{}, {"weight": WEIGHT, "ignore_index": 2}], "kl_div": [{}, {"log_target": True}],
    "binary_cross_entropy": [{}, {"pos_weight": 3.0}, {"pos_weight": WEIGHT}],
    "gaussian_nll": [{"variance": np.linspace(0.1, 2.0, 8)[:, None]}, {"variance": 0.7, "full": True}],
}  # fmt: skip


def agree(make, steps=4, rtol=1e-4):
    """make(rng) → (step, arrays()): eager and compiled steps give the same, and leave the same arrays."""
    for backend in ("llvm", "numpy"):
        (eager, left), (f, right) = make(np.random.default_rng(0)), make(np.random.default_rng(0))
        compiled = compile(f, backend=backend)
        for _ in range(steps):
            np.testing.assert_allclose(compiled(), eager(), rtol=rtol)
        for a, b in zip(left(), right(), strict=True):
            np.testing.assert_allclose(b, a, rtol=50 * rtol, atol=1e-5 * max(1.0, np.abs(a).max()))
    return compiled


def training(parameters, loss, optimizer, buffers=list):
    """(step, arrays) of training these parameters."""

    def step():
        value = loss()
        optimizer.zero_grad()
        value.backward(keep="leaves")
        optimizer.step()
        return value.data

    return step, lambda: [*(p.data for p in parameters), *(p.grad for p in parameters), *buffers()]


def classes(module, base):
    return {
        name for name in module.__all__ if inspect.isclass(found := getattr(module, name)) and issubclass(found, base)
    }


def test_all_that_exists_is_here():
    assert set(OPTIMIZERS) == classes(optim, optim.Optimizer) - {"Optimizer", "LBFGS"}  # its search branches


@pytest.mark.parametrize("case", ROWS.values(), ids=ROWS)
def test_layers(case):
    """Weights and inputs trained together: some layers have no weights."""

    def make(rng):
        model, xs = case.make(0), arguments(case)
        learned = [*model.parameters(), *(x for x in xs if isinstance(x, Value))]

        def loss():
            return sum(np.mean(part**2) for part in parts(model(*xs)))

        return training(learned, loss, nn.SGD(learned, 0.1), lambda: [array for _, array in model.named_buffers()])

    agree(make)


@pytest.mark.parametrize(("name", "options"), [(name, row) for name, rows in OPTIMIZERS.items() for row in rows])
def test_optimizers(name, options):
    def make(rng):
        model, x = nn.MLP(6, [5, 3], np.tanh, rng=0), rng.normal(size=(7, 6)).astype(np.float32)
        parameters = list(model.parameters())
        return training(parameters, lambda: np.mean(model(x) ** 2), getattr(nn, name)(parameters, 0.01, **options))

    agree(make, steps=6)


def targets(name, rng):
    return {"labels": rng.integers(0, 3, 8), "shares": rng.random((8, 3)), "signs": rng.choice([-1.0, 1.0], (8, 3)),
            "": rng.normal(size=(8, 3))}[TARGETS.get(name, "")]  # fmt: skip


every_loss = pytest.mark.parametrize(
    ("name", "options"),
    [(name, row) for name in losses.__all__ if TARGETS.get(name, "") is not None for row in LOSSES.get(name, [{}])],
)


@every_loss
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses(name, options, reduction):
    def make(rng):
        w, x = Value(rng.normal(size=(3, 6))), rng.normal(size=(8, 6))
        loss, target = getattr(nn, name), targets(name, rng)
        last = log_softmax if name in ("nll", "kl_div") else np.positive
        return training(
            [w], lambda: np.sum(loss(last(x @ w.T), target, **options, reduction=reduction)), nn.SGD([w], 0.01)
        )

    agree(make, rtol=1e-10)


@every_loss
def test_losses_of_targets_that_are_arguments(name, options):
    rng = np.random.default_rng(0)
    f = value_and_grad(lambda z, t: getattr(nn, name)(z, t, **options))
    compiled = compile(f)
    for _ in range(3):
        z, t = rng.normal(size=(8, 3)), targets(name, rng)
        for a, b in zip(compiled(z, t), f(z, t), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)
    assert repr(compiled).endswith(": 1 programs>")


def weight(rng, *shape, dtype=np.float32):
    return Value((rng.normal(size=shape) * shape[0] ** -0.5).astype(dtype))


def dense(sizes, activation, batch, optimizer, dtype=np.float32):
    def make(rng):
        x, y = rng.normal(size=(batch, sizes[0])).astype(dtype), rng.integers(0, sizes[-1], batch)
        pairs = [(weight(rng, a, b, dtype=dtype), weight(rng, b, dtype=dtype)) for a, b in pairwise(sizes)]
        parameters = [p for pair in pairs for p in pair]

        def loss():
            h = x
            for w, b in pairs[:-1]:
                h = activation(h @ w + b)
            return nn.cross_entropy(h @ pairs[-1][0] + pairs[-1][1], y)

        return training(parameters, loss, optimizer(parameters))

    return make


def recurrent(rng):
    x, y = rng.normal(size=(32, 16, 8)).astype(np.float32), rng.integers(0, 5, 16)
    wx, wh, b, out = weight(rng, 8, 24), weight(rng, 24, 24), weight(rng, 24), weight(rng, 24, 5)

    def loss():
        state = np.zeros((16, 24), np.float32)
        for t in range(32):
            state = np.tanh(x[t] @ wx + state @ wh + b)
        return nn.cross_entropy(state @ out, y)

    return training([wx, wh, b, out], loss, nn.SGD([wx, wh, b, out], 0.05))


def autoencoder(rng):
    x, shapes = rng.normal(size=(40, 20)).astype(np.float32), [(20, 12), (12, 3), (3, 12), (12, 20)]
    ws = [weight(rng, *shape) for shape in shapes]

    def loss():
        h = x
        for w in ws[:-1]:
            h = sigmoid(h @ w)
        return np.mean((h @ ws[-1] - x) ** 2)

    return training(ws, loss, nn.Adam(ws, 0.01))


def images(rng):
    """A whole batch of MNIST's size: its arrays are so long that chains run in blocks.

    In float64: of the 50,000 windows of a pool, rounding in single precision gives some another largest number.
    """
    x, y = rng.random((64, 1, 28, 28)), rng.integers(0, 10, 64)
    model = nn.models.CNN((1, 28, 28), 10, (8, 16), dropout=0.0, rng=0).astype(np.float64)
    parameters = list(model.parameters())
    return training(parameters, lambda: nn.cross_entropy(model(x), y), nn.SGD(parameters, 0.05))


class Norm:
    """Batch normalisation with running statistics, in bare ops."""

    def __init__(self, channels):
        self.scale, self.shift = (
            Value(np.ones((channels, 1, 1), np.float32)),
            Value(np.zeros((channels, 1, 1), np.float32)),
        )
        self.mean, self.var = np.zeros((channels, 1, 1), np.float32), np.ones((channels, 1, 1), np.float32)

    def __call__(self, x):
        mean, var = np.mean(x, axis=(0, 2, 3), keepdims=True), np.var(x, axis=(0, 2, 3), keepdims=True)
        self.mean = 0.9 * self.mean + 0.1 * mean[0].data
        self.var = 0.9 * self.var + 0.1 * var[0].data
        return (x - mean) / np.sqrt(var + 1e-5) * self.scale + self.shift


def convolutional(rng):
    x, y = rng.normal(size=(12, 3, 14, 14)).astype(np.float32), rng.integers(0, 10, 12)
    w1, w2, out, norm = weight(rng, 8, 3, 5, 5), weight(rng, 6, 8, 3, 3), weight(rng, 24, 10), Norm(8)
    parameters = [w1, w2, out, norm.scale, norm.shift]

    def loss():
        h = max_pool2d(relu(norm(conv2d(x, w1 * 0.2))), 2)
        h = max_pool2d(relu(conv2d(h, w2 * 0.2, padding=1)), 2)
        return nn.cross_entropy(h.reshape(12, -1) @ out, y)

    return training(parameters, loss, nn.SGD(parameters, 0.05), lambda: [norm.mean, norm.var])


def transformer(rng):
    tokens, targets = rng.integers(0, 11, (3, 8)), rng.integers(0, 11, 24)
    token, place, qkv, out = weight(rng, 11, 16), weight(rng, 8, 16), weight(rng, 16, 48), weight(rng, 16, 16)
    up, down, head = weight(rng, 16, 64), weight(rng, 64, 16), weight(rng, 16, 11)
    parameters = [token, place, qkv, out, up, down, head]
    mask = np.where(np.tri(8, dtype=bool), np.float32(0), np.float32(-np.inf))

    def normal(x):
        c = x - np.mean(x, axis=-1, keepdims=True)
        return c / np.sqrt(np.mean(c * c, axis=-1, keepdims=True) + 1e-5)

    def loss():
        x = token[tokens] + place
        q, k, v = (normal(x) @ qkv).reshape(3, 8, 3, 4, 4).transpose(2, 0, 3, 1, 4)
        a = softmax(q @ k.transpose(0, 1, 3, 2) * 0.5 + mask)
        x = x + (a @ v).transpose(0, 2, 1, 3).reshape(3, 8, 16) @ out
        x = x + gelu(normal(x) @ up, approximate="tanh") @ down
        return nn.cross_entropy((normal(x) @ head).reshape(24, 11), targets)

    return training(parameters, loss, nn.AdamW(parameters, 0.001))


def clipped(rng):
    """Gradients scaled to a norm of 1 before the step."""
    x, y = rng.normal(size=(16, 6)).astype(np.float32), rng.integers(0, 3, 16)
    parameters = [weight(rng, 6, 12), weight(rng, 12), weight(rng, 12, 3)]
    w, b, out = parameters
    optimizer = nn.SGD(parameters, 0.1, momentum=0.9)

    def step():
        loss = nn.cross_entropy(relu(x @ w + b) @ out, y)
        optimizer.zero_grad()
        loss.backward()
        norm = np.sqrt(sum(np.sum(p.grad * p.grad) for p in parameters))
        for p in parameters:
            p.grad = p.grad * np.minimum(1.0, 1.0 / norm)
        optimizer.step()
        return loss.data

    return step, lambda: [p.data for p in parameters]


def dropped(rng):
    """Dropout from a generator of its own."""
    x, y, draws = rng.normal(size=(16, 6)).astype(np.float32), rng.integers(0, 3, 16), np.random.default_rng(5)
    parameters = [weight(rng, 6, 12), weight(rng, 12, 3)]
    w, out = parameters

    def loss():
        return nn.cross_entropy(ops.random.dropout(np.tanh(x @ w), 0.4, rng=draws) @ out, y)

    return training(parameters, loss, nn.SGD(parameters, 0.1))


def tied(rng):
    """One matrix in two layers, and a parameter that the loss does not reach."""
    x, w, idle = rng.normal(size=(9, 6)).astype(np.float32), weight(rng, 6, 6), weight(rng, 4)
    step, _ = training([w], lambda: np.mean((np.tanh(x @ w) @ w - x) ** 2), nn.SGD([w, idle], 0.1, momentum=0.9))
    return step, lambda: [w.data, w.grad, idle.data]


MODELS = {
    "deep": dense([16] * 20 + [4], np.tanh, 8, lambda ps: nn.SGD(ps, 0.01)),
    "batch of 1": dense([12, 20, 5], relu, 1, lambda ps: nn.Adam(ps, 1e-3)),
    "batch of 1024": dense([12, 80, 5], relu, 1024, lambda ps: nn.AdamW(ps, 1e-3)),
    "float64": dense([12, 20, 5], np.tanh, 16, lambda ps: nn.AdamW(ps, 1e-3), np.float64),
    "wide": dense([100, 900, 5], gelu, 64, lambda ps: nn.Adam(ps, 1e-3)),
    "recurrent": recurrent, "autoencoder": autoencoder, "convolutional": convolutional, "images": images,
    "transformer": transformer, "clipped": clipped, "dropped": dropped, "tied": tied,
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    agree(MODELS[name], rtol=1e-11 if name in ("float64", "images") else 2e-4)
