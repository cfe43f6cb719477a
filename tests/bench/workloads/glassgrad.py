"""glassgrad, eager: models, losses and optimisers of `nn`, NumPy functions on Values."""

import data
import numpy as np

import autograd
import nn
from autograd import Value
from autograd.ops import conv2d, gelu, max_pool2d, relu, sigmoid, softmax

NAME = "glassgrad"
VERSION = autograd.__version__


def moons_scalars():
    """W1: micrograd's demo on nn.scalar, its lines unchanged."""
    problem = data.moons(np.float64)
    points, labels = problem.x.tolist(), problem.y.tolist()
    model = nn.scalar.MLP(2, [16, 16, 1])
    for p, number in zip(model.parameters(), data.scalar_weights(problem.layers), strict=True):
        p.data = number

    def step():
        inputs = [list(map(Value, point)) for point in points]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(labels, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = data.MOONS_L2 * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        model.zero_grad()
        total_loss.backward()
        for p in model.parameters():
            p.data -= data.MOONS_RATE * p.grad
        return total_loss.data

    return step


def network(sizes, layers, activation):
    """An nn.MLP with the given weights."""
    model = nn.MLP(sizes[0], list(sizes[1:]), activation=activation)
    parameters = [array for layer in layers for array in layer]
    for (name, parameter), array in zip(model.named_parameters(), parameters, strict=True):
        assert parameter.shape == array.shape, name
        parameter.data = array.copy()
    return model


def moons():
    """W1b: (model, loss function, optimiser)."""
    x, y, layers = data.moons(np.float32)
    model = network(data.MOONS_SIZES, layers, relu)
    parameters = list(model.parameters())

    def loss():
        return nn.hinge(model(x)[:, 0], y) + data.MOONS_L2 * sum(np.sum(p * p) for p in parameters)

    return model, loss, nn.SGD(parameters, data.MOONS_RATE)


def mlp_adam():
    """W2: (model, loss function, optimiser)."""
    x, y, layers = data.adam_problem()
    model = network(data.ADAM_SIZES, layers, relu)
    return model, lambda: nn.cross_entropy(model(x), y), nn.Adam(model.parameters(), data.ADAM_RATE)


def mlp_momentum():
    """W3: (model, loss function, optimiser)."""
    x, y, layers = data.momentum_problem()
    model = network(data.MOMENTUM_SIZES, layers, np.tanh)
    optimizer = nn.SGD(model.parameters(), data.MOMENTUM_RATE, momentum=data.MOMENTUM)
    return model, lambda: nn.cross_entropy(model(x), y), optimizer


def cnn():
    """W4 in bare ops: (parameters, loss function, optimiser)."""
    x, y, layers = data.cnn_problem()
    parameters = [Value(array) for layer in layers for array in layer]
    w1, b1, w2, b2, w3, b3 = parameters

    def loss():
        h = max_pool2d(relu(conv2d(x, w1, b1, padding=1)), 2)
        h = max_pool2d(relu(conv2d(h, w2, b2, padding=1)), 2)
        return nn.cross_entropy(h.reshape(len(x), -1) @ w3.T + b3, y)

    return parameters, loss, nn.SGD(parameters, data.CNN_RATE)


def layer_norm(x, scale, shift):
    """x with mean 0 and variance 1 along the last axis, scaled and shifted."""
    centered = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centered * centered, axis=-1, keepdims=True)
    return centered / np.sqrt(variance + data.NORM_EPSILON) * scale + shift


def attention(x, qkv, qkv_bias, out, out_bias, mask):
    """Causal attention of x (batch, context, width) with itself."""
    batch, context, width = x.shape
    heads, size = data.GPT_HEADS, width // data.GPT_HEADS
    parts = (x @ qkv + qkv_bias).reshape(batch, context, 3, heads, size).transpose(2, 0, 3, 1, 4)
    q, k, v = parts[0], parts[1], parts[2]
    weights = softmax(q @ k.transpose(0, 1, 3, 2) * size**-0.5 + mask)
    return (weights @ v).transpose(0, 2, 1, 3).reshape(batch, context, width) @ out + out_bias


def gpt():
    """W5 in bare ops: (parameters, loss function, optimiser)."""
    tokens, targets, arrays = data.gpt_problem()
    p = {name: Value(array) for name, array in arrays.items()}
    mask = np.where(np.tri(data.GPT_CONTEXT, dtype=bool), np.float32(0), np.float32(-np.inf))

    def loss():
        x = p["token"][tokens] + p["place"]
        for i in range(data.GPT_LAYERS):
            h = layer_norm(x, p[f"{i}.norm1"], p[f"{i}.shift1"])
            names = ("qkv", "qkv_bias", "out", "out_bias")
            x = x + attention(h, *(p[f"{i}.{name}"] for name in names), mask)
            h = layer_norm(x, p[f"{i}.norm2"], p[f"{i}.shift2"])
            h = gelu(h @ p[f"{i}.up"] + p[f"{i}.up_bias"], approximate="tanh")
            x = x + h @ p[f"{i}.down"] + p[f"{i}.down_bias"]
        logits = layer_norm(x, p["norm"], p["shift"]) @ p["head"]
        return nn.cross_entropy(logits.reshape(-1, data.GPT_VOCABULARY), targets.ravel())

    optimizer = nn.AdamW(p.values(), data.GPT_RATE, weight_decay=data.GPT_DECAY, decay_all=True)
    return list(p.values()), loss, optimizer


def training(build):
    """step() of a (model, loss function, optimiser)."""
    _, loss_function, optimizer = build()

    def step():
        loss = loss_function()
        optimizer.zero_grad()
        loss.backward(keep="leaves")
        optimizer.step()
        return loss.data

    return step


def logistic_loss():
    """(f, w) of W7g and W7h."""
    x, y, w = data.logistic_problem()
    return lambda w: np.mean(np.log1p(np.exp(-y * (x @ w)))), w


def tanh_map():
    """(f, x) of W7j."""
    a, x = data.tanh_problem()
    return lambda x: np.tanh(a @ x), x


def derivative(transform, build, wrap=lambda f: f):
    """A step that gives the transform of a function at a point."""
    f, x = build()
    transformed = wrap(transform(f))
    return lambda: transformed(x)


def chain():
    """W6: (value, derivative)."""

    return lambda: chain_step(data.CHAIN_START)


def chain_step(start):
    """(value, derivative) of the chain at a number."""
    x = y = Value(start)
    for _ in range(data.CHAIN_LINKS):
        y = y * data.CHAIN_A
        y = y + data.CHAIN_B
    y.backward()
    return y.data, x.grad


def wave_sum():
    """(f, x) of W8."""
    return lambda x: np.sum(np.tanh(data.WAVE_A * x + data.WAVE_B) * sigmoid(x)), data.wave_input()


WORKLOADS = {
    "W1": moons_scalars,
    "W1b": lambda: training(moons),
    "W2": lambda: training(mlp_adam),
    "W3": lambda: training(mlp_momentum),
    "W4": lambda: training(cnn),
    "W5": lambda: training(gpt),
    "W6": chain,
    "W7g": lambda: derivative(autograd.grad, logistic_loss),
    "W7h": lambda: derivative(autograd.hessian, logistic_loss),
    "W7j": lambda: derivative(autograd.jacobian, tanh_map),
    "W8": lambda: derivative(autograd.value_and_grad, wave_sum),
}
