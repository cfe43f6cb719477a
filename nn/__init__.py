"""Neural networks on autograd: layers, losses, optimisers and training.

    import nn
    model = nn.MLP(64, [32, 10], rng=0)
    history = nn.fit(model, X, y, optimizer=nn.Adam(model), epochs=20, rng=0)

Files in reading order: module (with paths, state, outline), init, layers/, scalar, losses, optim, data, training; then viz/ (pictures),
datasets/, and the main job: table, encoder, job, report, __main__.
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
from nn.layers import MLP, Layer, Linear, Neuron, Sequential
from nn.losses import accuracy, binary_cross_entropy, cross_entropy, hinge, huber, mae, mse
from nn.module import Module, Parameter
from nn.optim import LBFGS, SGD, Adagrad, Adam, AdamW, Lion, Muon, NAdam, Optimizer, RMSprop
from nn.training import Training, evaluate, fit, predict, train

__all__ = [
    "LBFGS", "MLP", "SGD", "Adagrad", "Adam", "AdamW", "History", "Layer", "Linear", "Lion", "Module", "Muon", "NAdam",
    "Neuron", "Optimizer", "Parameter", "RMSprop", "Sequential", "Standardizer", "Step",
    "Training", "accuracy", "batches", "binary_cross_entropy", "cross_entropy", "evaluate", "fit",
    "hinge", "huber", "init", "mae", "mse", "predict", "scalar", "split", "train",
]  # fmt: skip


def __getattr__(name: str) -> _Any:
    if name in ("datasets", "table", "viz"):  # imported when first used
        return _importlib.import_module(f"nn.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
