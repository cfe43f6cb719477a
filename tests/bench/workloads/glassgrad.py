"""glassgrad, eager: models, losses and optimisers of `nn`, NumPy functions on Values."""

from itertools import pairwise

import data
import numpy as np

import autograd
import nn
from autograd import Value
from autograd.ops import relu, sigmoid

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


def network(sizes, layers, activation, dtype=np.float32):
    """An nn.MLP with the given weights."""
    model = nn.MLP(sizes[0], list(sizes[1:]), activation=activation, dtype=dtype)
    set_weights(model, layers)
    return model


def set_weights(model, layers):
    """Gives the model's parameters the arrays of the layers, in order."""
    arrays = [array for layer in layers for array in layer]
    for (name, parameter), array in zip(model.named_parameters(), arrays, strict=True):
        assert parameter.shape == array.shape, name
        parameter.data = array.copy()


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
    """W4: (model, loss function, optimiser)."""
    x, y, layers = data.cnn_problem()
    channels, pixels = data.CNN_CHANNELS, x.shape[-1] // 4
    model = nn.Sequential(
        nn.Conv2d(channels[0], channels[1], 3, padding=1), relu, nn.MaxPool2d(2),
        nn.Conv2d(channels[1], channels[2], 3, padding=1), relu, nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(channels[2] * pixels**2, 10),
    )  # fmt: skip
    set_weights(model, layers)
    return model, lambda: nn.cross_entropy(model(x), y), nn.SGD(model, data.CNN_RATE)


class LastState(nn.Module):
    """U1's model: an RNN, and a linear layer on its last state."""

    def __init__(self):
        self.rnn = nn.RNN(data.RNN_INPUTS, data.RNN_WIDTH)
        self.head = nn.Linear(data.RNN_WIDTH, data.RNN_CLASSES)

    def forward(self, x):
        _, last = self.rnn(x)
        return self.head(last[0])


def rnn():
    """U1: (model, loss function, optimiser)."""
    x, y, layers = data.rnn_problem()
    model = LastState()
    set_weights(model, layers)
    return model, lambda: nn.cross_entropy(model(x), y), nn.Adam(model, data.ADAM_RATE)


def normed_cnn():
    """U2: (model, loss function, optimiser)."""
    x, y, layers = data.normed_problem()
    parts = []
    for inputs, outputs in pairwise(data.NORMED_CHANNELS):
        parts += [nn.Conv2d(inputs, outputs, 5, padding=2), nn.BatchNorm2d(outputs), relu, nn.MaxPool2d(2)]
    features = layers[-1][0].shape[1]
    model = nn.Sequential(*parts, nn.Flatten(), nn.Linear(features, data.NORMED_CLASSES))
    set_weights(model, layers)
    return model, lambda: nn.cross_entropy(model(x), y), nn.SGD(model, data.UNTUNED_RATE)


ACTIVATIONS = {"relu": relu, "sigmoid": sigmoid, "tanh": np.tanh}


def untuned(name):
    """U3 to U7: (model, loss function, optimiser)."""
    sizes, activation, _, optimizer, dtype = data.UNTUNED[name]
    x, y, layers = data.untuned_problem(name)
    model = network(sizes, layers, ACTIVATIONS[activation], dtype)
    measure = nn.mse if name == "U3" else nn.cross_entropy
    make = nn.Adam if optimizer == "Adam" else nn.SGD
    rate = data.ADAM_RATE if optimizer == "Adam" else data.UNTUNED_RATE
    return model, lambda: measure(model(x), y), make(model, rate)


GPT_NAMES = {"norm1.weight": "norm1", "norm1.bias": "shift1", "norm2.weight": "norm2", "norm2.bias": "shift2",
             "self_attn.in_proj_weight": "qkv", "self_attn.in_proj_bias": "qkv_bias", "self_attn.out_proj.weight": "out",
             "self_attn.out_proj.bias": "out_bias", "linear1.weight": "up", "linear1.bias": "up_bias",
             "linear2.weight": "down", "linear2.bias": "down_bias"}  # fmt: skip


def gpt():
    """W5: (model, loss function, optimiser)."""
    tokens, targets, arrays = data.gpt_problem()
    sizes = data.GPT_LAYERS, data.GPT_HEADS, data.GPT_WIDTH
    model = nn.models.GPT(data.GPT_VOCABULARY, data.GPT_CONTEXT, *sizes, dropout=0.0, tied=False)
    names = {"token.weight": "token", "position.weight": "place", "norm.weight": "norm", "norm.bias": "shift",
             "head.weight": "head"}  # fmt: skip
    for i in range(data.GPT_LAYERS):
        names.update((f"blocks.{i}.{ours}", f"{i}.{theirs}") for ours, theirs in GPT_NAMES.items())
    for path, parameter in model.named_parameters():
        array = arrays[names[path]]
        turned = array.ndim == 2 and names[path] not in ("token", "place")
        parameter.data = np.ascontiguousarray(array.T) if turned else array.copy()
    optimizer = nn.AdamW(model, data.GPT_RATE, weight_decay=data.GPT_DECAY, decay_all=True)
    return model, lambda: nn.cross_entropy(model(tokens), targets), optimizer


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
    "U1": lambda: training(rnn),
    "U2": lambda: training(normed_cnn),
    **{name: lambda name=name: training(lambda: untuned(name)) for name in data.UNTUNED},
}
