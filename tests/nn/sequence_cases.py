"""Cases of the layers for sequences, which layer_table.py adds to its own."""

import numpy as np
from layer_case import Case, normal

import nn
from autograd.ops import relu

LENGTHS = np.array([2, 1])
PADDING = np.array([[False, True], [False, False]])


def cell(make, text, hidden, parts=1):
    """A case of one step, 3 features and a state → the next state; 0 as a state would hide weight_hh."""

    def inputs(rng):
        state = tuple(rng.normal(size=(2, hidden)) for _ in range(parts))
        return rng.normal(size=(2, 3)), state if parts > 1 else state[0]

    shape = (2, hidden)
    wrong = (np.ones((2, 7), np.float32),)
    return Case(make, inputs, (shape,) * parts if parts > 1 else shape, text, wrong, r"x has \(7,\) .* expected \(3,\)")


def recurrent(make, text, shape, inputs, differs=False):
    """A case of a layer that goes through a few steps."""
    wrong = (np.ones((2, 3, 7), np.float32),)
    message = r"x has shape \(2, 3, 7\), expected \(.*\), or \(time, features\), with [12] features"
    return Case(make, inputs, shape, text, wrong, message, differs)


def padded(rng):
    return rng.normal(size=(2, 2, 1)), None, LENGTHS


def attention(make, text, shape, inputs, **options):
    """A case of a layer with attention over a few positions."""
    wrong = (np.ones((2, 3, 7), np.float32),)
    return Case(
        make, inputs, shape, text, wrong, r"query has shape \(2, 3, 7\), expected \(batch, time, [24]\)", **options
    )


def encoder(rng):
    layer = nn.TransformerEncoderLayer(4, 2, 3, 0.1, np.tanh)
    return nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(4), rng=rng)


CASES = {
    "RNNCell": [
        cell(lambda rng: nn.RNNCell(3, 2, rng=rng), "RNNCell(3, 2, activation=tanh)  14 parameters", 2),
        cell(
            lambda rng: nn.RNNCell(3, 1, False, relu, rng=rng),
            "RNNCell(3, 1, bias=False, activation=relu)  4 parameters",
            1,
        ),
    ],
    "GRUCell": [cell(lambda rng: nn.GRUCell(3, 1, rng=rng), "GRUCell(3, 1)  18 parameters", 1)],
    "LSTMCell": [cell(lambda rng: nn.LSTMCell(3, 1, rng=rng), "LSTMCell(3, 1)  24 parameters", 1, parts=2)],
    "RNN": [
        recurrent(
            lambda rng: nn.RNN(2, 2, rng=rng),
            "RNN(2, 2, activation=tanh)  12 parameters",
            ((2, 3, 2), (1, 2, 2)),
            normal((2, 3, 2)),
        ),
        recurrent(
            lambda rng: nn.RNN(1, 1, 2, dropout=0.3, bidirectional=True, rng=rng),
            "RNN(1, 1, activation=tanh, num_layers=2, bidirectional=True)  18 parameters",
            ((2, 2, 2), (4, 2, 1)),
            padded,
            differs=True,
        ),
    ],
    "GRU": [
        recurrent(
            lambda rng: nn.GRU(1, 1, bidirectional=True, rng=rng),
            "GRU(1, 1, bidirectional=True)  24 parameters",
            ((2, 2, 2), (2, 2, 1)),
            padded,
        ),
        recurrent(
            lambda rng: nn.GRU(2, 2, bias=False, batch_first=False, rng=rng),
            "GRU(2, 2, bias=False, batch_first=False)  24 parameters",
            ((3, 1, 2), (1, 1, 2)),
            normal((3, 1, 2), (1, 1, 2)),
        ),
    ],
    "LSTM": [
        recurrent(
            lambda rng: nn.LSTM(1, 1, rng=rng),
            "LSTM(1, 1)  16 parameters",
            ((2, 2, 1), ((1, 2, 1), (1, 2, 1))),
            padded,
        ),
    ],
    "MultiheadAttention": [
        attention(
            lambda rng: nn.MultiheadAttention(2, 2, rng=rng),
            "MultiheadAttention(2, 2)  24 parameters",
            ((1, 2, 2), (1, 2, 2)),
            normal((1, 2, 2)),
        ),
        attention(
            lambda rng: nn.MultiheadAttention(2, 1, 0.3, bias=False, rng=rng),
            "MultiheadAttention(2, 1, bias=False)  16 parameters",
            ((1, 2, 2), (1, 2, 3)),
            normal((1, 2, 2), (1, 3, 2), (1, 3, 2)),
            differs=True,
        ),
    ],
    "TransformerEncoderLayer": [
        attention(
            lambda rng: nn.TransformerEncoderLayer(4, 2, 3, 0.3, np.tanh, rng=rng),
            "TransformerEncoderLayer(4, 2, 3, activation=tanh)  127 parameters",
            (2, 2, 4),
            lambda rng: (rng.normal(size=(2, 2, 4)), None, PADDING),
            differs=True,
            composed=True,
        ),
        Case(
            lambda rng: nn.TransformerEncoderLayer(4, 1, 3, 0.0, np.tanh, norm_first=True, rng=rng),
            normal((1, 3, 4), (3, 3)),
            (1, 3, 4),
            "TransformerEncoderLayer(4, 1, 3, activation=tanh, norm_first=True)  127 parameters",
            (np.ones((2, 3, 4), np.float32), np.zeros((2, 2), bool)),
            r"the mask has shape \(2, 2\), expected one that broadcasts to \(2, 1, 3, 3\)",
            composed=True,
        ),
    ],
    "TransformerEncoder": [
        attention(
            encoder, "TransformerEncoder()  262 parameters", (1, 2, 4), normal((1, 2, 4)), differs=True, composed=True
        ),
    ],
    "GPTBlock": [
        Case(
            lambda rng: nn.GPTBlock(4, 2, 0.0, rng=rng),
            normal((1, 3, 4)),
            (1, 3, 4),
            "GPTBlock(4, 2, dropout=0.0)  244 parameters",
            (np.ones((2, 3, 4), np.float32), np.zeros((1, 3, 3), int)),
            "a mask has booleans, True where a key is hidden, or floats to add, got int64",
            composed=True,
        ),
    ],
}
