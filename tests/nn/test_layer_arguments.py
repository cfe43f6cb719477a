"""What layers do with unusual arguments: padding that is NaN, masks that could be two things, integers, wrong options."""

import re

import numpy as np
import pytest

import nn
from autograd import Value
from autograd.errors import ArgumentError, ShapeError
from nn.models import GPT

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("make", [nn.RNN, nn.GRU, nn.LSTM])
def test_nan_in_the_padding_reaches_no_weight(make):
    layer = make(3, 4, 2, bidirectional=True, rng=0, dtype=np.float64)
    lengths, x = np.array([5, 2]), RNG.normal(size=(2, 5, 3))
    grads = []
    for fill in (0.0, np.nan):
        x[1, 2:] = fill
        given = Value(x)
        out, _ = layer(given, lengths=lengths)
        layer.zero_grad()
        (out * out).sum().backward()
        grads.append([given.grad, *(p.grad for p in layer.parameters())])
    for clean, padded in zip(*grads, strict=True):
        np.testing.assert_array_equal(clean, padded)
    assert (layer.input_size, layer.hidden_size) == (3, 4)


@pytest.mark.parametrize(
    ("options", "length"),
    [({"dilation": 3, "output_padding": 2}, 9), ({"dilation": 3, "output_padding": 2, "padding": 1}, 7),
     ({"dilation": 3, "output_padding": 2, "padding": 3, "stride": 2}, 8)],
)  # fmt: skip
def test_a_transposed_convolution_may_be_padded_up_to_its_dilation(options, length):
    layer = nn.ConvTranspose1d(1, 1, 2, rng=0, dtype=np.float64, **options)
    x = RNG.normal(size=(1, 1, 4 if "stride" not in options else 5))
    out, w = layer(x).data[0, 0], layer.weight.data[0, 0]
    expected = np.zeros(40)
    for i, number in enumerate(x[0, 0]):
        for k in range(2):
            expected[layer.stride[0] * i + 3 * k] += number * w[k]
    start = layer.padding[0]
    assert out.shape == (length,)
    np.testing.assert_allclose(out, expected[start : start + length], rtol=1e-12, atol=1e-15)


def test_attention_refuses_what_would_broadcast_into_something_else():
    layer = nn.MultiheadAttention(4, 2, rng=0)
    x = RNG.normal(size=(2, 3, 4)).astype(np.float32)
    with pytest.raises(ShapeError, match=r"attn_mask has shape \(2, 3, 3\), expected .* the first could be either"):
        layer(x, attn_mask=np.zeros((2, 3, 3), bool))
    assert layer(x, attn_mask=np.zeros((2, 1, 3, 3), bool))[0].shape == x.shape
    assert layer(x[0], attn_mask=np.zeros((2, 3, 3), bool))[0].shape == (3, 4)
    for key, value in ((x[:1], x[:1]), (x, x[:, :2]), (x[0], x[0])):
        with pytest.raises(
            ShapeError, match=r"query, key and value have shapes .*: expected the same batch, and as many keys"
        ):
            layer(x, key, value)
    assert layer(x, x[:, :1], x[:, :1])[0].shape == x.shape
    first = nn.MultiheadAttention(4, 2, batch_first=False, rng=0)
    assert first(x, x[:1], x[:1])[0].shape == x.shape  # one key in each of three sequences


@pytest.mark.parametrize("x", [[[3, 4]], np.array([[3, 4]]), np.array([[3.0, 4.0]])], ids=["list", "int", "float"])
def test_rms_norm_takes_numbers_of_any_kind(x):
    expected = np.array([[3.0, 4.0]]) / np.sqrt(12.5)
    np.testing.assert_allclose(nn.RMSNorm(2)(x).data, expected, rtol=1e-6)
    images = np.reshape(x, (1, 2, 1, 1))
    out = nn.Dropout2d(0.5, rng=0)(images.tolist() if isinstance(x, list) else images)
    assert set(np.ravel(out).tolist()) <= {0.0, 6.0, 8.0} and nn.Dropout(np.float32(0.5)).p == 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Linear(2, 2, dtype=np.int32), "weights are floats, such as np.float32"),
        (lambda: nn.BatchNorm1d(2, dtype=int), "weights are floats, such as np.float32"),
        (lambda: nn.BatchNorm1d(2, eps=-1), "eps must be a number of at least 0, got -1"),
        (lambda: nn.BatchNorm1d(2, momentum=2.0), "momentum must lie in [0, 1], got 2.0"),
        (lambda: nn.LayerNorm(2, "a"), "eps must be a number of at least 0, got 'a'"),
        (lambda: nn.Embedding(3, 2, 1.5), "padding_idx=1.5: expected a row of the 3, or None"),
        (lambda: nn.RNN(2, 3, nonlinearity="relu"), "RNN has no option nonlinearity; activation=np.tanh, or any function"),
        (lambda: nn.LSTM(2, 3, proj_size=1), "LSTM has no option proj_size; a Linear after the layer"),
        (lambda: nn.GRU(2, 3, activation=np.tanh), "GRU has no option activation"),
        (lambda: nn.ConvTranspose1d(1, 1, 3, padding="same"), "padding='same': expected one integer of at least 0"),
        (lambda: nn.ConvTranspose1d(1, 1, 3, 2, output_padding=2), "output_padding=2 must be less than stride=2 or"),
        (lambda: GPT(7, 5, 1, 2, 4).generate([], 2), "generate: tokens are float64 of shape (0,), expected (…, time)"),
        (lambda: GPT(7, 5, 1, 2, 4).generate("ab", 2), "generate: tokens are <U2 of shape (), expected (…, time) whole"),
        (lambda: GPT(7, 5, 1, 2, 4).generate([1], -1), "generate: count is a whole number of at least 0, got -1"),
        (lambda: nn.GroupNorm(1, 2)(np.zeros((3, 2, 0))), "x has shape (3, 2, 0): an example has no place, so no mean"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_a_module_that_holds_itself_has_a_repr():
    model = nn.Sequential(nn.Linear(1, 1))
    model.layers.append(model)
    assert repr(model).splitlines()[-1] == "  1: …"


def test_identity_is_what_pytorchs_is():
    x = np.ones((2, 3))
    assert nn.Identity(54, unused=True)(x) is x and repr(nn.Identity()) == "Identity()"


def test_a_failing_closure_leaves_the_best_weights():
    p = nn.Parameter(np.array([3.0, -2.0]))
    optimizer = nn.LBFGS([p])
    calls = []

    def closure():
        calls.append(p.data.copy())
        if len(calls) == 4:
            raise RuntimeError("no more")
        loss = ((p - 1.0) ** 4).sum()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match="no more"):
        optimizer.step(closure)
    tried = [((point - 1.0) ** 4).sum() for point in calls[:3]]
    np.testing.assert_array_equal(p.data, calls[int(np.argmin(tried))])
    with pytest.raises(ArgumentError, match=r"the closure left no gradient; it runs loss.backward"):
        nn.LBFGS([p]).step(lambda: (p * p).sum())
