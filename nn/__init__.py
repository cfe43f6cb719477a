"""Neural networks on autograd: layers, losses, optimisers and training.

    import nn
    model = nn.MLP(64, [32, 10], rng=0)
    history = nn.fit(model, X, y, optimizer=nn.Adam(model), epochs=20, rng=0)

Coming from PyTorch: names, defaults, layouts and state_dict keys are the same, and a name or option that is not here says
what is (nn.ReLU, model.to, fit(…, lr=…)). Activations and losses are functions; batches come first in every layer; the rate
is called learning_rate; an optimiser changes what it is given, and what it is not given stays as it is:

    model = nn.Sequential(*body, nn.Linear(16, 10))            # body, an nn.Sequential, is trained already
    nn.fit(model, X, y, optimizer=nn.Adam(model[-1]))          # trains the last layer only; model[:-1] is the body again

Files in reading order: module (with names, attributes, checks, paths, state, copies, masks, outline, evaluation), init
(with randomness), layers/, scalar, losses/, optim/, schedules, clip, averaging, data, mixup, padding, text, training
(with step, history, arguments, progress), checkpoint (with archive, resume), range_test, models, summary (with calls),
lsuv (with sums); then style, curves, viz/ (pictures), lens/ (what the weights do), estimator (for scikit-learn),
datasets/, onnx/ and export/ (networks from files and to files), and the main job: table, encoder, job, report,
predictions, __main__.
"""

import importlib as _importlib
from typing import Any as _Any

import autograd as _autograd

if not hasattr(_autograd, "check_gradients"):
    raise ImportError(
        f"`import autograd` found another package, {_autograd.__file__}: HIPS autograd has the same import name, and the "
        "two overwrite each other's files. Use a fresh virtual environment, or run: pip uninstall -y autograd glassgrad, "
        "and install glassgrad again as you did before (README: pip install . in its folder)"
    )

from nn import init, scalar, schedules
from nn.averaging import EMA, SWA, Average, recompute_norm_statistics
from nn.checkpoint import CheckpointError, load, load_state, save
from nn.clip import clip_norm, clip_value
from nn.data import Standardizer, batches, split
from nn.evaluation import evaluate, predict
from nn.history import History, Step
from nn.layers import (
    GRU,
    LSTM,
    MLP,
    RNN,
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Dropout,
    Dropout2d,
    Embedding,
    Flatten,
    GPTBlock,
    GroupNorm,
    GRUCell,
    Identity,
    InstanceNorm1d,
    InstanceNorm2d,
    Layer,
    LayerNorm,
    Linear,
    LSTMCell,
    MaxPool1d,
    MaxPool2d,
    MultiheadAttention,
    Neuron,
    Residual,
    RMSNorm,
    RNNCell,
    Sequential,
    TransformerEncoder,
    TransformerEncoderLayer,
    attention_weights,
    scaled_dot_product_attention,
)  # fmt: skip
from nn.losses import (
    accuracy,
    binary_cross_entropy,
    cross_entropy,
    gaussian_nll,
    hinge,
    huber,
    kl_div,
    mae,
    mse,
    nll,
    smooth_l1,
)
from nn.mixup import Mixup
from nn.module import Module, Parameter
from nn.names import IN_NN as _IN_NN
from nn.names import near as _near
from nn.optim import LBFGS, SGD, Adagrad, Adam, AdamW, Lion, Muon, NAdam, Optimizer, RMSprop
from nn.padding import pad_sequences, sequence_batches
from nn.range_test import RangeTest, lr_find
from nn.training import Training, fit, train

__all__ = [
    "Adagrad", "Adam", "AdamW", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d", "Average", "AvgPool1d", "AvgPool2d",
    "BatchNorm1d", "BatchNorm2d", "CheckpointError", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d",
    "Dropout", "Dropout2d", "EMA", "Embedding", "Flatten", "GPTBlock", "GroupNorm", "GRU", "GRUCell", "History",
    "Identity", "InstanceNorm1d", "InstanceNorm2d",
    "Layer", "LayerNorm", "LBFGS", "Linear", "Lion", "LSTM", "LSTMCell", "MaxPool1d", "MaxPool2d", "Mixup", "MLP",
    "Module", "MultiheadAttention", "Muon", "NAdam", "Neuron", "Optimizer", "Parameter", "RangeTest", "Residual",
    "RMSNorm", "RMSprop", "RNN", "RNNCell", "Sequential", "SGD", "Standardizer", "Step", "SWA", "Training",
    "TransformerEncoder", "TransformerEncoderLayer", "accuracy", "attention_weights", "batches", "binary_cross_entropy",
    "clip_norm", "clip_value", "cross_entropy", "evaluate", "fit", "gaussian_nll", "hinge", "huber", "init", "kl_div",
    "load", "load_onnx", "load_state", "lr_find", "mae", "mse", "nll", "pad_sequences", "predict",
    "recompute_norm_statistics", "save", "scalar", "scaled_dot_product_attention", "schedules", "sequence_batches",
    "smooth_l1", "split", "train",
]  # fmt: skip


_LATER = (
    "datasets",
    "estimator",
    "export",
    "lens",
    "models",
    "onnx",
    "table",
    "text",
    "viz",
)  # imported when first used


def __getattr__(name: str) -> _Any:
    if name in _LATER:
        return _importlib.import_module(f"nn.{name}")
    if name == "load_onnx":
        return _importlib.import_module("nn.onnx").load_onnx
    hint = f": {_IN_NN[name]}" if name in _IN_NN else _near(name, [*__all__, *_LATER])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LATER})
