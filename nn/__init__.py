"""Neural networks on autograd: layers, losses, optimisers and training.

    import nn
    model = nn.MLP(64, [32, 10], rng=0)
    history = nn.fit(model, X, y, optimizer=nn.Adam(model), epochs=20, rng=0)

Files in reading order: module (with paths, state and outline), init, layers/, scalar, losses, optim, data, training,
models, summary; then viz/ (pictures), datasets/, and the main job: table, encoder, job, report, __main__.
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

from nn import init, scalar
from nn.data import Standardizer, batches, split
from nn.history import History, Step
from nn.layers import (
    GRU,
    LSTM,
    MLP,
    RNN,
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
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
from nn.losses import accuracy, binary_cross_entropy, cross_entropy, hinge, huber, mae, mse
from nn.module import Module, Parameter
from nn.optim import SGD, Adam, AdamW, Optimizer
from nn.training import Training, evaluate, fit, predict, train

__all__ = [
    "GRU", "LSTM", "RNN", "GPTBlock", "GRUCell", "LSTMCell", "MultiheadAttention", "RNNCell", "TransformerEncoder",
    "TransformerEncoderLayer", "attention_weights", "scaled_dot_product_attention",
    "MLP", "SGD", "Adam", "AdamW", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AvgPool1d", "AvgPool2d", "BatchNorm1d",
    "BatchNorm2d", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "Dropout", "Dropout2d", "Embedding", "Flatten",
    "GroupNorm", "History", "Layer", "LayerNorm", "Linear", "MaxPool1d", "MaxPool2d", "Module", "Neuron", "Optimizer",
    "Parameter", "RMSNorm", "Residual", "Sequential", "Standardizer", "Step",
    "Training", "accuracy", "batches", "binary_cross_entropy", "cross_entropy", "evaluate", "fit",
    "hinge", "huber", "init", "mae", "mse", "predict", "scalar", "split", "train",
]  # fmt: skip


def __getattr__(name: str) -> _Any:
    if name in ("datasets", "models", "table", "viz"):  # imported when first used
        return _importlib.import_module(f"nn.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
