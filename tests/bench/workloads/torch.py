"""PyTorch, eager, on the CPU: nn.Sequential, its own losses and its own optimisers with their default settings.

With fused=True, which is not the default, its optimisers would save about a fifth of W2 and a seventh of W3.
"""

import gc
import json
import os
import tempfile
from itertools import pairwise
from pathlib import Path

import data
import numpy as np
import torch
from torch import nn
from torch.nn import functional

NAME = "torch eager"
VERSION = torch.__version__

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def network(layers, activation):
    """nn.Sequential with the given weights."""
    modules = []
    for weight, _ in layers:
        modules += [nn.Linear(weight.shape[1], weight.shape[0]), activation()]
    model = nn.Sequential(*modules[:-1]).to(torch.from_numpy(layers[0][0]).dtype)
    set_weights(model, layers)
    return model


def set_weights(model, layers):
    """Gives the model's parameters the arrays of the layers, in order."""
    arrays = [array for layer in layers for array in layer]
    with torch.no_grad():
        for parameter, array in zip(model.parameters(), arrays, strict=True):
            parameter.copy_(torch.from_numpy(array))


def moons():
    """W1b: one SGD step."""
    x, y, layers = data.moons(np.float32)
    x, y, model = torch.from_numpy(x), torch.from_numpy(y), network(layers, nn.ReLU)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(parameters, lr=data.MOONS_RATE)

    def step():
        margin = torch.relu(1 - y * model(x)[:, 0])
        loss = margin.mean() + data.MOONS_L2 * sum((p * p).sum() for p in parameters)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def classifier(problem, activation, make_optimizer, loss=functional.cross_entropy):
    """A step of an MLP with cross-entropy, or with another loss."""
    x, y, layers = problem
    x, y, model = torch.from_numpy(x), torch.from_numpy(y), network(layers, activation)
    return supervised(lambda: loss(model(x), y), make_optimizer(model.parameters()))


def adam(parameters):
    """torch's Adam with the settings of data.py."""
    betas = (data.ADAM_BETA1, data.ADAM_BETA2)
    return torch.optim.Adam(parameters, lr=data.ADAM_RATE, betas=betas, eps=data.ADAM_EPSILON)


def momentum(parameters):
    """torch's SGD with the settings of data.py."""
    return torch.optim.SGD(parameters, lr=data.MOMENTUM_RATE, momentum=data.MOMENTUM)


def plain_sgd(parameters):
    """torch's SGD for the models of U1 to U7."""
    return torch.optim.SGD(parameters, lr=data.UNTUNED_RATE)


def cnn():
    """W4: one SGD step."""
    x, y, layers = data.cnn_problem()
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    )  # fmt: skip
    set_weights(model, layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=data.CNN_RATE)
    return supervised(lambda: functional.cross_entropy(model(x), y), optimizer)


class LastState(nn.Module):
    """U1's model: an RNN, and a linear layer on its last state."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(data.RNN_INPUTS, data.RNN_WIDTH, batch_first=True)
        self.head = nn.Linear(data.RNN_WIDTH, data.RNN_CLASSES)

    def forward(self, x):
        _, last = self.rnn(x)
        return self.head(last[0])


def rnn():
    """U1: one Adam step."""
    x, y, layers = data.rnn_problem()
    x, y, model = torch.from_numpy(x), torch.from_numpy(y), LastState()
    set_weights(model, layers)
    return supervised(lambda: functional.cross_entropy(model(x), y), adam(model.parameters()))


def normed_cnn():
    """U2: one SGD step."""
    x, y, layers = data.normed_problem()
    x, y, parts = torch.from_numpy(x), torch.from_numpy(y), []
    for inputs, outputs in pairwise(data.NORMED_CHANNELS):
        parts += [nn.Conv2d(inputs, outputs, 5, padding=2), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
    features = layers[-1][0].shape[1]
    model = nn.Sequential(*parts, nn.Flatten(), nn.Linear(features, data.NORMED_CLASSES))
    set_weights(model, layers)
    return supervised(lambda: functional.cross_entropy(model(x), y), plain_sgd(model.parameters()))


ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def untuned(name):
    """U3 to U7: one step."""
    model = data.UNTUNED[name]
    loss = functional.mse_loss if name == "U3" else functional.cross_entropy
    optimizer = adam if model.optimizer == "Adam" else plain_sgd
    return classifier(data.untuned_problem(name), ACTIVATIONS[model.activation], optimizer, loss)


def supervised(loss_function, optimizer):
    """A training step."""

    def step():
        loss = loss_function()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def gpt():
    """W5: one AdamW step, with PyTorch's own layer norm, attention and GELU."""
    tokens, targets, arrays = data.gpt_problem()
    tokens, targets = torch.from_numpy(tokens), torch.from_numpy(targets).flatten()
    p = {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in arrays.items()}
    shape = (data.GPT_BATCH, data.GPT_CONTEXT, data.GPT_HEADS, data.GPT_WIDTH // data.GPT_HEADS)

    def norm(x, scale, shift):
        return functional.layer_norm(x, (data.GPT_WIDTH,), scale, shift, data.NORM_EPSILON)

    def loss():
        x = p["token"][tokens] + p["place"]
        for i in range(data.GPT_LAYERS):
            h = norm(x, p[f"{i}.norm1"], p[f"{i}.shift1"]) @ p[f"{i}.qkv"] + p[f"{i}.qkv_bias"]
            q, k, v = (part.view(shape).transpose(1, 2) for part in h.split(data.GPT_WIDTH, dim=2))
            h = functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)
            x = x + h @ p[f"{i}.out"] + p[f"{i}.out_bias"]
            h = norm(x, p[f"{i}.norm2"], p[f"{i}.shift2"]) @ p[f"{i}.up"] + p[f"{i}.up_bias"]
            x = x + functional.gelu(h, approximate="tanh") @ p[f"{i}.down"] + p[f"{i}.down_bias"]
        logits = norm(x, p["norm"], p["shift"]) @ p["head"]
        return functional.cross_entropy(logits.view(-1, data.GPT_VOCABULARY), targets)

    return supervised(loss, torch.optim.AdamW(p.values(), lr=data.GPT_RATE, weight_decay=data.GPT_DECAY))


def logistic():
    """(f, w) of W7g and W7h."""
    x, y, w = (torch.from_numpy(array) for array in data.logistic_problem())
    return lambda w: torch.log1p(torch.exp(-y * (x @ w))).mean(), w


def logistic_gradient():
    """W7g."""
    f, w = logistic()
    w.requires_grad_()
    return lambda: torch.autograd.grad(f(w), w)[0]


def logistic_hessian():
    """W7h."""
    f, w = logistic()
    return lambda: torch.autograd.functional.hessian(f, w)


def tanh_jacobian():
    """W7j, by the transforms of torch.func, the faster of its two ways."""
    a, x = (torch.from_numpy(array) for array in data.tanh_problem())
    jacobian = torch.func.jacrev(lambda x: torch.tanh(a @ x))
    return lambda: jacobian(x)


def chain():
    """W6: (value, derivative)."""
    start = torch.tensor(data.CHAIN_START, dtype=torch.float64)

    def step():
        x = y = start.clone().requires_grad_()
        for _ in range(data.CHAIN_LINKS):
            y = y * data.CHAIN_A
            y = y + data.CHAIN_B
        y.backward()
        return y.detach(), x.grad

    return step


def wave():
    """W8: (value, gradient)."""
    x = torch.from_numpy(data.wave_input()).requires_grad_()

    def step():
        value = (torch.tanh(data.WAVE_A * x + data.WAVE_B) * torch.sigmoid(x)).sum()
        (gradient,) = torch.autograd.grad(value, x)
        return value.detach(), gradient

    return step


def memory(build):
    """Bytes of tensors alive at the peak of a step: those held before it, and its allocations by PyTorch's profiler."""
    step = build()
    step()
    step()
    gc.collect()
    tensors = [item for item in gc.get_objects() if type(item) in (torch.Tensor, nn.Parameter)]
    tensors += [tensor.grad for tensor in tensors if tensor.is_leaf and tensor.grad is not None]
    held = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    del tensors
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    changes = sorted((event for event in events if event["name"] == "[memory]"), key=lambda event: event["ts"])
    level = peak = 0
    for event in changes:
        level += event["args"]["Bytes"]
        peak = max(peak, level)
    return sum(held.values()) + peak


WORKLOADS = {
    "W1b": moons,
    "W2": lambda: classifier(data.adam_problem(), nn.ReLU, adam),
    "W3": lambda: classifier(data.momentum_problem(), nn.Tanh, momentum),
    "W4": cnn,
    "W5": gpt,
    "W6": chain,
    "W7g": logistic_gradient,
    "W7h": logistic_hessian,
    "W7j": tanh_jacobian,
    "W8": wave,
    "U1": rnn,
    "U2": normed_cnn,
    **{name: lambda name=name: untuned(name) for name in data.UNTUNED},
}
