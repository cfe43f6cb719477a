"""Pruning: which weights go, that they stay 0, and rewinding to a lottery ticket."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError, NonFiniteError
from nn import lens

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 6)).astype(np.float32), RNG.integers(0, 3, size=40)


def network():
    return nn.MLP(6, [8, 5, 3], np.tanh, rng=0)


def weights(model):
    return {path: parameter.data for path, parameter in model.named_parameters() if parameter.ndim > 1}


def zeros(model):
    return sum(int(np.sum(data == 0)) for data in weights(model).values())


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.87, 1.0])
def test_globally_the_smallest_weights_go(share):
    model, before = network(), weights(network())
    answer = lens.prune(model, share)
    sizes = np.sort(np.abs(np.concatenate([data.ravel() for data in before.values()])))
    count = int(share * len(sizes) + 0.5)
    assert zeros(model) == count == len(sizes) - sum(answer.left)
    limit = sizes[count - 1] if count else 0.0
    for path, data in weights(model).items():
        np.testing.assert_array_equal(data, np.where(np.abs(before[path]) <= limit, 0, before[path]))
    assert answer.threshold == (pytest.approx(limit) if count else None)
    assert all(layer.bias.mask is None for layer in model.layers)


def test_in_each_layer_the_same_share_goes():
    model = network()
    answer = lens.prune(model, 0.5, scope="layer")
    assert answer.left == (24, 20, 7)  # of 15 the half is 7.5
    assert answer.sizes == (48, 40, 15)


def test_in_rounds_what_is_gone_stays_gone_and_shares_are_totals():
    model = network()
    lens.prune(model, 0.4)
    first = {path: data == 0 for path, data in weights(model).items()}
    nn.fit(model, X, Y, optimizer=nn.AdamW(model, 0.05), epochs=2, rng=0, progress=False)
    answer = lens.prune(model, 0.7)
    assert sum(answer.left) == 103 - 72 == 103 - zeros(model)
    for path, data in weights(model).items():
        assert (data[first[path]] == 0).all()
    with pytest.raises(ArgumentError, match=r"prune: share=0.5 is below the 69.9% that is pruned already"):
        lens.prune(model, 0.5)


@pytest.mark.parametrize("compile", [False, True])
def test_pruned_weights_stay_0_while_the_model_trains(compile):
    model = network()
    lens.prune(model, 0.8)
    count, start = zeros(model), weights(model)
    nn.fit(model, X, Y, optimizer=nn.Adam(model, 0.01), epochs=3, rng=0, progress=False, compile=compile, clip_norm=1.0)
    assert zeros(model) == count
    assert all((data != start[path]).any() for path, data in weights(model).items())


def test_random_pruning_is_drawn_from_rng_alone():
    masks = []
    for seed in (0, 0, 1):
        model = network()
        assert sum(lens.prune(model, 0.5, by="random", rng=seed).left) == 51
        masks.append(model.layers[0].weight.mask)
    assert (masks[0] == masks[1]).all()
    assert (masks[0] != masks[2]).any()


def test_scores_may_be_ones_own():
    model = network()
    lens.prune(model, 0.5, by=lambda path, weights: -np.abs(weights), pattern="layers.0.*")
    before = weights(network())["layers.0.weight"]
    assert np.min(np.abs(before[model.layers[0].weight.mask == 0])) > np.max(np.abs(model.layers[0].weight.data))
    assert model.layers[1].weight.mask is None


def test_structured_pruning_takes_whole_neurons_with_their_biases():
    model = nn.Sequential(nn.Conv2d(1, 8, 3), np.tanh, nn.Flatten(), nn.Linear(128, 4, bias=False), rng=0)
    filters = model[0]
    filters.bias.data = np.ones(8, np.float32)
    lens.prune(model, 0.5, structured=True, pattern="0.*")
    norms = np.sqrt(np.mean(np.square(nn.Conv2d(1, 8, 3, rng=0).weight.data), axis=(1, 2, 3)))
    gone = (filters.weight.data == 0).all(axis=(1, 2, 3))
    assert gone.sum() == 4
    assert ((filters.weight.data == 0).any(axis=(1, 2, 3)) == gone).all()
    np.testing.assert_array_equal(filters.bias.data, np.where(gone, 0, 1))
    out = filters(np.ones((1, 1, 6, 6), np.float32)).data
    assert (out[:, gone] == 0).all() and (out[:, ~gone] != 0).all()
    assert norms.shape == (8,)
    lens.prune(model, 0.75, structured=True, pattern="0.*")
    assert (filters.weight.data == 0).all(axis=(1, 2, 3)).sum() == 6
    assert lens.prune(model, 0.5, structured=True, pattern="3.*").left == (256,)


def test_structured_pruning_takes_the_rows_of_least_norm():
    model = nn.Sequential(nn.Linear(3, 4, dtype=np.float64), rng=0)
    model[0].weight.data = np.array([[1.0, 1, 1], [3, 0, 0], [0, 0, 0.5], [2, 2, 2]])
    lens.prune(model, 0.5, structured=True)
    assert (model[0].weight.data == [[0, 0, 0], [3, 0, 0], [0, 0, 0], [2, 2, 2]]).all()
    assert model[0].weight.mask.all(axis=1).tolist() == [False, True, False, True]


def test_rewinding_gives_back_the_start_of_what_is_left():
    model = network()
    start = model.state_dict()
    nn.fit(model, X, Y, optimizer=nn.Adam(model, 0.05), epochs=2, rng=0, progress=False)
    lens.prune(model, 0.6)
    frozen = model.layers[2].bias.data
    model.layers[2].bias.mask = False
    lens.rewind(model, start)
    for path, data in weights(model).items():
        mask = dict(model.named_parameters())[path].mask
        np.testing.assert_array_equal(data, np.where(mask, start[path], 0))
    np.testing.assert_array_equal(model.layers[0].bias.data, start["layers.0.bias"])
    np.testing.assert_array_equal(model.layers[2].bias.data, frozen)


def test_frozen_weights_are_not_pruned():
    model = network()
    lens.freeze(model, "layers.0.*")
    answer = lens.prune(model, 0.5)
    assert answer.paths == ("layers.1.weight", "layers.2.weight")
    assert model.layers[0].weight.mask is False
    lens.freeze(model, "*")
    with pytest.raises(
        ArgumentError, match=r"prune: among the 6 parameters that match '\*', all with two axes or more are f"
    ):
        lens.prune(model, 0.5)


def test_the_verdict():
    assert lens.prune(network(), 0.5).verdict.startswith(
        "50.5% of 103 weights are 0 and stay 0, 51 are left; the largest of "
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 1.5}, r"prune: share must lie in \[0, 1\], got 1.5"),
        ({"by": "magnitud"}, r"prune: by='magnitud'; did you mean 'magnitude'\? It is magnitude, random or a function"),
        ({"by": lambda path, w: np.ones(2)}, r"the scores of layers.0.weight have shape \(2,\), expected \(8, 6\)"),
        ({"scope": "all"}, "prune: scope='all'; it is global or layer"),
        ({"pattern": "layer.*"}, r"prune: no parameter matches 'layer.\*'"),
        ({"pattern": "*.bias"}, "none has two axes or more; biases, norms and scalar networks are not pruned"),
    ],
)
def test_what_cannot_be_done_is_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        lens.prune(network(), **({"share": 0.5} | options))


def test_weights_that_are_not_finite_are_named():
    model = network()
    model.layers[1].weight.data[0, 0] = np.nan
    with pytest.raises(NonFiniteError, match=r"prune: the scores of layers.1.weight have NaN or infinite entries"):
        lens.prune(model, 0.5)
    assert model.layers[0].weight.mask is None


def test_it_draws_what_is_left():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    assert len(lens.prune(network(), 0.5).plot(figure.subplots()).patches) == 6
