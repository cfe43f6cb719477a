"""Sequential as a list of layers: parts of it, and what a layer that gives a tuple does in one."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError, ConversionError

X = np.ones((2, 3, 4), np.float32)


def test_a_part_is_a_network_with_the_same_weights():
    model = nn.Sequential(nn.Linear(4, 3), np.tanh, nn.Linear(3, 2), rng=0)
    body, head = model[:-1], model[-1]
    assert isinstance(body, nn.Sequential) and len(body) == 2 and body[0] is model[0]
    np.testing.assert_array_equal(head(body(X)).data, model(X).data)
    assert len(model[::2]) == 2 and list(model) == [model[0], np.tanh, model[2]]
    assert [name for name, _ in body.named_parameters()] == ["0.weight", "0.bias"]


def test_only_the_part_that_an_optimiser_is_given_is_trained():
    model = nn.Sequential(nn.Linear(4, 3), np.tanh, nn.Linear(3, 2), rng=0)
    before = model.state_dict()
    nn.fit(model, X[:, 0], [0, 1], optimizer=nn.Adam(model[-1]), epochs=1, rng=0, progress=False)
    changed = [path for path, data in model.state_dict().items() if not np.array_equal(data, before[path])]
    assert changed == ["2.weight", "2.bias"]


@pytest.mark.parametrize("layer", [nn.LSTM(4, 4, rng=0), nn.GRU(4, 4, rng=0), nn.MultiheadAttention(4, 2, rng=0)])
@pytest.mark.parametrize("then", [nn.Linear(4, 2, rng=0), np.tanh, nn.Flatten(), nn.LayerNorm(4)])
def test_a_tuple_between_layers_is_named(layer, then):
    text = f"layer 1 takes one input and got the tuple of 2 that layer 0, a {type(layer).__name__}, gives: put `lambda"
    with pytest.raises(ArgumentError) as caught:
        nn.Sequential(layer, then)(X)
    assert text in str(caught.value)
    assert nn.Sequential(layer, lambda out: out[0], then)(X).shape[0] == 2


def test_another_conversion_stays_what_it_is():
    with pytest.raises(ConversionError):
        nn.Sequential(nn.Linear(4, 4, rng=0), lambda x: np.array([x, x]))(X)


def test_fit_says_what_to_do_with_a_tuple():
    with pytest.raises(ArgumentError, match=r"the prediction is a tuple of 2: recurrent and attention layers give"):
        nn.fit(nn.LSTM(4, 3, rng=0), X, [0, 1], epochs=1, rng=0, progress=False)
