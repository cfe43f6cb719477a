"""Cases of every layer: the rows that test_battery.py and tests/autograd/test_compile_models.py go through.

To test a new layer, add its cases to CASES under the name of its class.
"""

import numpy as np
import sequence_cases
from layer_case import Case, normal

import nn
from autograd.ops import gelu, relu, silu

FEATURES = r"x has \(7,\) features on its last axis, weight takes \(4,\)"
NEURON = r"operands x \(2, 7\), y \(4,\)"


def dense(make, tail, text, message=FEATURES, differs=False):
    """A case of a layer that maps the last of x's axes, 4 features, to those of `tail`."""
    return Case(make, normal((2, 4)), (2, *tail), text, (np.ones((2, 7), np.float32),), message, differs)


def channels(make, shape, out, text, wrong, message, differs=False):
    """A case of a layer of signals or images: shapes of x, of the output, and of an x that is refused."""
    return Case(make, normal(shape), out, text, (np.ones(wrong, np.float32),), message, differs)


LENGTH, IMAGE = r"expected \(batch, channels, length\)", r"expected \(batch, channels, height, width\)"
CHANNELS = r"x has shape \((2, 3, 4(, 4)?|1, 4)\), expected \(batch, in_channels=[12], (length|height, width)\)"

CASES = {
    "Neuron": [
        dense(lambda rng: nn.Neuron(4, np.tanh, rng=rng), (), "Neuron(4, activation=tanh)  5 parameters", NEURON),
        dense(lambda rng: nn.Neuron(4, None, rng=rng), (), "Neuron(4, activation=None)  5 parameters", NEURON),
    ],
    "Layer": [
        dense(lambda rng: nn.Layer(4, 3, np.tanh, rng=rng), (3,), "Layer(4, 3, activation=tanh)  15 parameters"),
        dense(lambda rng: nn.Layer(4, 3, rng=rng), (3,), "Layer(4, 3, activation=relu)  15 parameters"),
        dense(lambda rng: nn.Layer(4, 1, None, rng=rng), (1,), "Layer(4, 1, activation=None)  5 parameters"),
    ],
    "Linear": [
        dense(lambda rng: nn.Linear(4, 2, rng=rng), (2,), "Linear(4, 2)  10 parameters"),
        dense(lambda rng: nn.Linear(4, 2, bias=False, rng=rng), (2,), "Linear(4, 2, bias=False)  8 parameters"),
    ],
    "MLP": [
        dense(lambda rng: nn.MLP(4, [3, 2], silu, rng=rng), (2,), "MLP(4, [3, 2], activation=silu)  23 parameters"),
        dense(lambda rng: nn.MLP(4, [2], relu, rng=rng), (2,), "MLP(4, [2], activation=relu)  10 parameters"),
        dense(
            lambda rng: nn.MLP(4, [6, 2], np.tanh, dropout=0.4, rng=rng), (2,),
            "MLP(4, [6, 2], activation=tanh, dropout=0.4)  44 parameters", differs=True,
        ),
    ],
    "Sequential": [
        dense(
            lambda rng: nn.Sequential(
                nn.Linear(4, 3), np.tanh, lambda x: x * x, nn.Sequential(nn.Neuron(3, gelu)), rng=rng
            ),
            (),
            "Sequential()  19 parameters",
        )
    ],
    "Residual": [
        dense(
            lambda rng: nn.Residual(nn.Linear(4, 4)).initialize(rng),
            (4,),
            "Residual()  20 parameters",
        ),
        dense(
            lambda rng: nn.Residual(nn.Sequential(nn.Linear(4, 3), np.tanh), nn.Linear(4, 3)).initialize(rng),
            (3,),
            "Residual()  30 parameters",
        ),
    ],
    "Identity": [Case(lambda rng: nn.Identity(), normal((3, 4)), (3, 4), "Identity()", None, "")],
    "Flatten": [
        channels(lambda rng: nn.Flatten(), (2, 3, 2, 1), (2, 6), "Flatten()", (2,), r"shape \(2,\), expected axes 1 to -1"),
        channels(
            lambda rng: nn.Flatten(0, 1), (2, 3, 2), (6, 2), "Flatten(start_dim=0, end_dim=1)", (2,), "expected axes 0 to 1"
        ),
    ],
    "Conv1d": [
        channels(
            lambda rng: nn.Conv1d(2, 3, 2, rng=rng), (2, 2, 4), (2, 3, 3), "Conv1d(2, 3, kernel_size=2)  15 parameters",
            (2, 3, 4), CHANNELS,
        ),
        channels(
            lambda rng: nn.Conv1d(2, 2, 3, stride=2, padding=2, dilation=2, groups=2, bias=False, rng=rng), (1, 2, 5),
            (1, 2, 3), "Conv1d(2, 2, kernel_size=3, stride=2, padding=2, dilation=2, groups=2, bias=False)  6 parameters",
            (2, 3, 4), CHANNELS,
        ),
        channels(
            lambda rng: nn.Conv1d(1, 2, 2, padding="same", rng=rng), (1, 1, 4), (1, 2, 4),
            "Conv1d(1, 2, kernel_size=2, padding=same)  6 parameters", (1, 4), CHANNELS,
        ),
    ],
    "Conv2d": [
        channels(
            lambda rng: nn.Conv2d(1, 2, (2, 3), stride=(2, 1), padding=(1, 0), rng=rng), (1, 1, 3, 4), (1, 2, 2, 2),
            "Conv2d(1, 2, kernel_size=(2, 3), stride=(2, 1), padding=(1, 0))  14 parameters", (2, 3, 4, 4), CHANNELS,
        ),
        channels(
            lambda rng: nn.Conv2d(2, 4, 2, groups=2, padding="valid", rng=rng), (1, 2, 2, 3), (1, 4, 1, 2),
            "Conv2d(2, 4, kernel_size=2, padding=valid, groups=2)  20 parameters", (2, 3, 4, 4), CHANNELS,
        ),
    ],
    "ConvTranspose1d": [
        channels(
            lambda rng: nn.ConvTranspose1d(2, 3, 2, rng=rng), (1, 2, 3), (1, 3, 4),
            "ConvTranspose1d(2, 3, kernel_size=2)  15 parameters", (1, 3, 3),
            r"x has shape \(1, 3, 3\), expected \(batch, in_channels=2, length\)",
        ),
        channels(
            lambda rng: nn.ConvTranspose1d(2, 2, 3, stride=2, padding=1, output_padding=1, groups=2, bias=False, rng=rng),
            (1, 2, 3), (1, 2, 6), "ConvTranspose1d(2, 2, kernel_size=3, stride=2, padding=1, output_padding=1, groups=2, "
            "bias=False)  6 parameters", (1, 3, 3), "expected .batch, in_channels=2, length",
        ),
    ],
    "ConvTranspose2d": [
        channels(
            lambda rng: nn.ConvTranspose2d(1, 2, 2, stride=(2, 1), dilation=(1, 2), rng=rng), (1, 1, 2, 2), (1, 2, 4, 4),
            "ConvTranspose2d(1, 2, kernel_size=2, stride=(2, 1), dilation=(1, 2))  10 parameters", (1, 2, 2),
            r"x has shape \(1, 2, 2\), expected \(batch, in_channels=1, height, width\)",
        )
    ],
    "MaxPool1d": [
        channels(
            lambda rng: nn.MaxPool1d(3, 1, padding=1, dilation=2), (1, 2, 5), (1, 2, 3),
            "MaxPool1d(kernel_size=3, stride=1, padding=1, dilation=2)", (2, 3), LENGTH,
        ),
        channels(
            lambda rng: nn.MaxPool1d(2, ceil_mode=True), (1, 1, 5), (1, 1, 3),
            "MaxPool1d(kernel_size=2, stride=2, ceil_mode=True)", (2, 3), LENGTH,
        ),
    ],
    "MaxPool2d": [
        channels(
            lambda rng: nn.MaxPool2d(2), (1, 1, 4, 4), (1, 1, 2, 2), "MaxPool2d(kernel_size=2, stride=2)", (2, 3, 4), IMAGE
        )
    ],
    "AvgPool1d": [
        channels(
            lambda rng: nn.AvgPool1d(3, 2, padding=1, count_include_pad=False), (1, 2, 5), (1, 2, 3),
            "AvgPool1d(kernel_size=3, stride=2, padding=1, count_include_pad=False)", (2, 3), LENGTH,
        )
    ],
    "AvgPool2d": [
        channels(
            lambda rng: nn.AvgPool2d((1, 2), ceil_mode=True), (1, 1, 2, 3), (1, 1, 2, 2),
            "AvgPool2d(kernel_size=(1, 2), stride=(1, 2), ceil_mode=True)", (2, 3, 4), IMAGE,
        )
    ],
    "AdaptiveAvgPool1d": [
        channels(
            lambda rng: nn.AdaptiveAvgPool1d(3), (1, 2, 4), (1, 2, 3), "AdaptiveAvgPool1d(output_size=3)", (2, 3), LENGTH
        )
    ],
    "AdaptiveAvgPool2d": [
        channels(
            lambda rng: nn.AdaptiveAvgPool2d((None, 1)), (1, 1, 2, 3), (1, 1, 2, 1),
            "AdaptiveAvgPool2d(output_size=(None, 1))", (2, 3, 4), IMAGE,
        )
    ],
    "AdaptiveMaxPool1d": [
        channels(
            lambda rng: nn.AdaptiveMaxPool1d(3), (1, 2, 4), (1, 2, 3), "AdaptiveMaxPool1d(output_size=3)", (2, 3), LENGTH
        )
    ],
    "AdaptiveMaxPool2d": [
        channels(
            lambda rng: nn.AdaptiveMaxPool2d((None, 2)), (1, 1, 2, 3), (1, 1, 2, 2),
            "AdaptiveMaxPool2d(output_size=(None, 2))", (2, 3, 4), IMAGE,
        ),
        channels(
            lambda rng: nn.AdaptiveMaxPool2d(1), (1, 2, 2, 3), (1, 2, 1, 1), "AdaptiveMaxPool2d(output_size=1)", (2, 3),
            IMAGE,
        ),
    ],
    "BatchNorm1d": [
        channels(
            lambda rng: nn.BatchNorm1d(2), (4, 2), (4, 2), "BatchNorm1d(2)  4 parameters", (4, 3),
            r"x has shape \(4, 3\), expected \(batch, 2\) or \(batch, 2, length\)", True,
        ),
        channels(
            lambda rng: nn.BatchNorm1d(2, momentum=None, affine=False), (2, 2, 3), (2, 2, 3),
            "BatchNorm1d(2, momentum=None, affine=False)", (1, 2), "numbers for each channel: 1, expected at least 2", True,
        ),
        channels(
            lambda rng: nn.BatchNorm1d(2, eps=0.1, track_running_stats=False), (3, 2), (3, 2),
            "BatchNorm1d(2, eps=0.1, track_running_stats=False)  4 parameters", (4, 3), r"expected \(batch, 2\)",
        ),
    ],
    "BatchNorm2d": [
        channels(
            lambda rng: nn.BatchNorm2d(2), (2, 2, 2, 2), (2, 2, 2, 2), "BatchNorm2d(2)  4 parameters", (2, 2, 2),
            r"x has shape \(2, 2, 2\), expected \(batch, 2, height, width\)", True,
        )
    ],
    "LayerNorm": [
        channels(
            lambda rng: nn.LayerNorm(4), (2, 3, 4), (2, 3, 4), "LayerNorm(4)  8 parameters", (2, 7),
            r"x has shape \(2, 7\), expected \(…, 4\)",
        ),
        channels(
            lambda rng: nn.LayerNorm((2, 3), eps=0.1, bias=False), (2, 2, 3), (2, 2, 3),
            "LayerNorm((2, 3), eps=0.1, bias=False)  6 parameters", (2, 3, 2), r"expected \(…, 2, 3\)",
        ),
        channels(
            lambda rng: nn.LayerNorm(3, elementwise_affine=False), (2, 3), (2, 3), "LayerNorm(3, elementwise_affine=False)",
            (3, 2), r"x has shape \(3, 2\), expected \(…, 3\)",
        ),
    ],
    "GroupNorm": [
        channels(
            lambda rng: nn.GroupNorm(2, 4), (2, 4, 2), (2, 4, 2), "GroupNorm(2, 4)  8 parameters", (2, 3, 2),
            r"x has shape \(2, 3, 2\), expected \(batch, 4, …\)",
        ),
        channels(
            lambda rng: nn.GroupNorm(1, 3, eps=0.1, affine=False), (2, 3), (2, 3), "GroupNorm(1, 3, eps=0.1, affine=False)",
            (2,), r"x has shape \(2,\), expected \(batch, 3, …\)",
        ),
    ],
    "InstanceNorm1d": [
        channels(
            lambda rng: nn.InstanceNorm1d(2), (2, 2, 3), (2, 2, 3), "InstanceNorm1d(2)", (2, 2, 1),
            r"x has shape \(2, 2, 1\), expected \(batch, 2, length\) with 2 places or more",
        )
    ],
    "InstanceNorm2d": [
        channels(
            lambda rng: nn.InstanceNorm2d(2, eps=0.1, affine=True), (1, 2, 2, 2), (1, 2, 2, 2),
            "InstanceNorm2d(2, eps=0.1, affine=True)  4 parameters", (1, 3, 2, 2), r"expected \(batch, 2, height, width\)",
        )
    ],
    "RMSNorm": [
        channels(
            lambda rng: nn.RMSNorm(4), (2, 4), (2, 4), "RMSNorm(4)  4 parameters", (2, 7),
            r"x has shape \(2, 7\), expected \(…, 4\)",
        ),
        channels(
            lambda rng: nn.RMSNorm((1, 3), eps=0.1, elementwise_affine=False), (2, 1, 3), (2, 1, 3),
            "RMSNorm((1, 3), eps=0.1, elementwise_affine=False)", (2, 3), r"expected \(…, 1, 3\)",
        ),
    ],
    "Dropout": [Case(lambda rng: nn.Dropout(0.4, rng=rng), normal((3, 4)), (3, 4), "Dropout(p=0.4)", None, "", True)],
    "Dropout2d": [
        channels(
            lambda rng: nn.Dropout2d(rng=rng), (2, 4, 2, 1), (2, 4, 2, 1), "Dropout2d(p=0.5)", (2, 3), IMAGE, True,
        )
    ],
    "Embedding": [
        Case(
            lambda rng: nn.Embedding(5, 3, rng=rng), lambda rng: (rng.integers(0, 5, (2, 4)),), (2, 4, 3),
            "Embedding(5, 3)  15 parameters", (np.array([[1, 5]]),), "the index 5 has no row, expected 0 to 4",
        ),
        Case(
            lambda rng: nn.Embedding(4, 2, padding_idx=-1, rng=rng), lambda rng: (np.array([0, 3, 1, 3]),), (4, 2),
            "Embedding(4, 2, padding_idx=3)  8 parameters", (np.array([0.0, 1.0]),),
            "the indices are float64, expected whole numbers", stopped=True,
        ),
    ],
}  # fmt: skip

CASES |= sequence_cases.CASES
