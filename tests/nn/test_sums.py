"""Weighted sums are found in the graph, whatever layer they are in; and calls can be changed while a model runs."""

import numpy as np
import pytest

import nn
from autograd import Value, ops
from nn.calls import watched
from nn.sums import between, weighted_sums

RNG = np.random.default_rng(0)


class Both(nn.Module):
    """Products of both kinds, by einsum's cousins: W @ x and x @ Wᵀ written out."""

    def __init__(self):
        self.left, self.right = nn.Parameter(RNG.normal(size=(4, 3))), nn.Parameter(RNG.normal(size=(5, 4)))

    def forward(self, x):
        return np.transpose(self.left @ np.transpose(x)) @ self.right.T


def test_of_products_on_either_side_and_through_views():
    model = Both()
    first, second = weighted_sums(model, model(Value(RNG.normal(size=(7, 3)))))
    assert (first.path, first.place, first.axis, first.terms, first.uses) == ("left", 0, 0, 3, 4.0)
    assert (second.path, second.place, second.axis, second.terms, second.uses) == ("right", 1, 1, 4, 5.0)
    assert first.bias is None and second.weight is model.right


@pytest.mark.parametrize(
    ("layer", "shape", "terms", "uses", "axis"),
    [
        (nn.Linear(6, 5), (2, 3, 6), 6, 5.0, 2),
        (nn.Conv2d(4, 6, 3, groups=2), (2, 4, 7, 7), 18, 18 * 6 * 25 / (4 * 49), 1),
        (nn.Conv1d(2, 3, 4, stride=4), (2, 2, 16), 8, 3.0, 1),  # windows side by side: each input is in one
        (
            nn.ConvTranspose1d(2, 3, 2, stride=2),
            (2, 2, 5),
            2,
            6.0,
            1,
        ),  # each of 2 inputs goes to 3 channels at 2 places
        (nn.Neuron(6), (2, 6), 6, 1.0, None),
    ],
)
def test_terms_are_fan_in_and_uses_fan_out(layer, shape, terms, uses, axis):
    found = weighted_sums(layer, layer(Value(RNG.normal(size=shape).astype(np.float32))))
    assert [(each.path, each.terms, each.axis) for each in found] == [("", terms, axis)]
    assert found[0].uses == pytest.approx(uses)


def test_what_lies_between_is_a_function_of_one_number():
    z = Value(RNG.normal(size=(3, 4)))
    squashed = np.reshape(ops.silu(z) * 2.0 + np.tanh(z), (12,))
    f, nodes = between(squashed, z)
    np.testing.assert_allclose(f(z.data).ravel(), squashed.data, rtol=0, atol=1e-15)
    assert f(0.0) == 0.0 and len(nodes) >= 4
    assert between(z, z)[0](5.0) == 5.0
    turned = np.transpose(z)
    assert between(turned * ops.sigmoid(turned), z)[0](1.0) == pytest.approx(1.0 / (1.0 + np.exp(-1.0)))


@pytest.mark.parametrize(
    "other",
    [
        lambda z: z + Value(np.ones((3, 4))),  # another Value, as a way around is
        lambda z: z * np.arange(4.0),  # differs from place to place
        lambda z: np.sum(z, axis=0),
        lambda z: z - np.mean(z),
        lambda z: z @ np.eye(4),
        lambda z: np.ones(3),
        lambda z: z[:2] * 2.0,
        lambda z: np.broadcast_to(z, (2, 3, 4)),
        lambda z: np.reshape(z, (4, 3)) + np.reshape(np.tanh(z), (4, 3)) * np.reshape(np.transpose(z), (4, 3)),
    ],
)
def test_anything_else_is_none(other):
    z = Value(RNG.normal(size=(3, 4)))
    assert between(other(z), z) is None


def test_a_watched_call_can_give_something_else():
    model = nn.Sequential(nn.Linear(3, 2, rng=0, dtype=np.float64), np.tanh, nn.Linear(2, 1, rng=1, dtype=np.float64))
    x, instead = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2))
    before = model(x).data
    with watched(model, lambda call: instead if call.path == "1" else call.out) as calls:
        changed = model(x).data
    np.testing.assert_array_equal(changed, model[2](instead).data)
    assert [call.path for call in calls] == ["", "0", "1", "2"] and calls[2].out is instead
    np.testing.assert_array_equal(model(x).data, before)
