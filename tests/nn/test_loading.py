"""Paths and states: names that would be one, what a state may hold, tied weights, parts of a state, changed models."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from nn.models import GPT


class Holder(nn.Module):
    def __init__(self, **held):
        vars(self).update(held)


@pytest.mark.parametrize(
    "held",
    [
        {"table": {"a.b": nn.Parameter(1.0), "a": {"b": nn.Parameter(2.0)}}},
        {"table": {1: nn.Parameter(1.0), "1": nn.Parameter(2.0)}},
    ],
)
def test_two_parameters_of_one_path_are_refused(held):
    model = Holder(**held)
    for look in (model.parameters, model.state_dict, lambda: nn.SGD(model)):
        with pytest.raises(ArgumentError, match=r"two parameters or buffers have the path table\."):
            look()


def norm_state(**changes):
    return {**nn.BatchNorm1d(2).state_dict(), **changes}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (None, "load_state_dict takes what state_dict gave, a dict, got None"),
        (norm_state(weight=np.ones(2) + 1j), "weight is complex128, which float32 does not hold"),
        (norm_state(weight=np.array(["1", "2"])), "weight is <U1, which float32 does not hold"),
        (norm_state(weight=np.array([1.0, 1e300])), "weight has numbers too large for float32"),
        (norm_state(num_batches_tracked=1.7), "num_batches_tracked is float64, which int64 does not hold"),
        (norm_state(weight=[1.0, [2.0]]), "weight is no array of numbers"),
    ],
)
def test_a_state_that_would_be_bent_is_refused_whole(state, message):
    layer = nn.BatchNorm1d(2)
    before = layer.state_dict()
    with pytest.raises(ArgumentError, match=message):
        layer.load_state_dict(state)
    np.testing.assert_equal(layer.state_dict(), before)


def test_a_state_of_more_exact_numbers_or_with_infinities_is_taken():
    layer = nn.BatchNorm1d(2)
    layer.load_state_dict(
        norm_state(weight=np.array([0.1, np.inf]), bias=np.array([1, 2]), num_batches_tracked=np.int32(3))
    )
    assert layer.weight.tolist() == [np.float32(0.1), np.inf] and layer.bias.dtype == np.float32
    assert layer.num_batches_tracked == 3 and layer.num_batches_tracked.dtype == np.int64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 2.7}, "steps is float64, which int64 does not hold"),
        ({"steps": -1}, "steps must be a number of at least 0, got -1"),
        ({"learning_rate": -1.0}, "learning_rate must be a number of at least 0, got -1.0"),
        ({"learning_rate": np.nan}, "learning_rate must be a number of at least 0, got nan"),
    ],
)
def test_an_optimisers_numbers_are_checked(changes, message):
    optimizer = nn.Adam(nn.Linear(2, 1))
    with pytest.raises(ArgumentError, match=message):
        optimizer.load_state_dict({**optimizer.state_dict(), **changes})
    assert optimizer.steps == 0 and optimizer.learning_rate == 0.001


def test_a_state_may_name_a_tied_weight_by_all_of_its_paths():
    model = GPT(7, 5, 1, 2, 4, rng=0)
    state = model.state_dict()
    assert "head.weight" not in state
    other = GPT(7, 5, 1, 2, 4, rng=1)
    other.load_state_dict({**state, "head.weight": state["token.weight"]})  # as PyTorch has it
    np.testing.assert_equal(other.state_dict(), state)
    with pytest.raises(ArgumentError, match=r"head\.weight and token\.weight are one here, and differ in the state"):
        other.load_state_dict({**state, "head.weight": 2 * state["token.weight"]})
    shared = nn.BatchNorm1d(2)
    pair = nn.Sequential(shared, np.tanh, shared)
    pair.load_state_dict({**pair.state_dict(), **{f"2.{name}": array for name, array in shared.state_dict().items()}})
    pair.layers.append(pair)  # a cycle
    with pytest.raises(ArgumentError, match="does not know: 7"):
        pair.load_state_dict({**pair.state_dict(), "7": 1.0})


def test_part_of_a_state_is_loaded_if_asked_for():
    body, other = nn.Sequential(nn.Linear(2, 3), np.tanh, nn.Linear(3, 1), rng=0), nn.Sequential(nn.Linear(2, 3), rng=1)
    assert other.load_state_dict(body.state_dict(), strict=False) == ([], ["2.bias", "2.weight"])
    assert np.array_equal(other[0].weight.data, body[0].weight.data)
    assert body.load_state_dict(other.state_dict(), strict=False) == (["2.bias", "2.weight"], [])
    with pytest.raises(ArgumentError, match=r"0\.weight has shape"):
        nn.Sequential(nn.Linear(2, 4)).load_state_dict(body.state_dict(), strict=False)


def test_paths_in_messages_follow_a_model_that_was_changed():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), rng=0)
    model(np.ones((1, 2)))
    first, second = model.layers
    model.layers = [second, np.tanh, first]
    with pytest.raises(ValueError, match="3") as caught:
        model(np.ones((1, 3)))
    assert caught.value.__notes__ == ["in 0: Linear(2, 2)"]
    assert [p.label for p in model.parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    first.weight.label = "mine"
    model.layers.reverse()
    with pytest.raises(ValueError, match="3"):
        model(np.ones((1, 3)))
    assert [p.label for p in model.parameters()] == ["mine", "0.bias", "2.weight", "2.bias"]


def test_astype_casts_floats_and_refuses_integers():
    shared = nn.Parameter(np.ones(2, np.float32))
    model = Holder(a=shared, b=shared, norm=nn.BatchNorm1d(2), number=nn.Parameter(0.5))
    assert [path for path, _ in model.named_parameters()] == ["a", "number", "norm.weight", "norm.bias"]
    shared.grad = np.ones(2, np.float32)
    assert model.astype(np.float64) is model and not shared.has_grad
    assert shared.dtype == model.norm.running_var.dtype == np.float64 and type(model.number.data) is float
    assert model.norm.num_batches_tracked.dtype == np.int64
    with pytest.raises(ArgumentError, match="weights are floats"):
        model.astype(int)
