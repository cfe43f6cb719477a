"""Arguments in the wrong place or of the wrong kind, where Python's or NumPy's own message would not say what was meant."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from nn import init, schedules

X = np.ones((2, 3), np.float32)


def model():
    return nn.MLP(3, [2], rng=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Adam([{"params": model().parameters(), "lr": 0.1}]),
         "Adam: a parameter is a Value, got dict; give model or model.parameters(), and groups={"),
        (lambda: nn.Adam(model().named_parameters()),
         "Adam: a parameter is a Value, got tuple; give model or model.parameters()"),
        (lambda: nn.Muon(model(), adamw_for="head.*"), "Muon: adamw_for: no parameter matches 'head.*'; there are"),
        (lambda: nn.LBFGS(model()).step(lambda: None), "LBFGS: closure() returns the loss, a single number, got NoneType"),
        (lambda: nn.LBFGS(model()).step(lambda: X), "LBFGS: closure() returns the loss, a single number, got ndarray"),
        (lambda: schedules.multi_step(0.1, milestones=3), "multi_step: milestones is a list such as [30, 80], got 3"),
        (lambda: init.gain("relu"), "activation is a function such as np.tanh or autograd.relu, or None, got 'relu'"),
        (lambda: nn.Linear(2, 2, rng=-1), "rng is an integer seed (0 or more) or a np.random.Generator, got int -1"),
        (lambda: nn.save(model(), "m.npz"), "the path comes first, then an nn.Module; in its place is str"),
        (lambda: nn.load("m.npz", model(), "adam"), "optimizer is an object such as nn.Adam(model), got 'adam'"),
        (lambda: nn.export.onnx(model(), "m.onnx", X),
         "export.onnx(model, example_input, path): path is a file's name, got ndarray"),
    ],
)  # fmt: skip
def test_what_was_meant_is_said(call, message):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert message in str(caught.value)


def test_one_pattern_needs_no_list():
    several, one = (nn.Muon(model(), adamw_for=given) for given in (["layers.0.*"], "layers.0.*"))
    assert one.adamw_for == several.adamw_for == ("layers.0.*",)


def test_a_range_test_is_told_by_its_suggestion():
    found = nn.RangeTest([1e-3, 1e-2], [1.0, 0.5], 1e-3)
    assert repr(found) == "RangeTest(suggestion=0.001)"
