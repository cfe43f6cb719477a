"""Freezing by path: parameters, running statistics, and back."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from nn import lens

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(32, 1, 6, 6)).astype(np.float32), RNG.integers(0, 3, size=32)


class Net(nn.Module):
    def __init__(self, affine=True):
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, affine=affine), np.tanh, rng=0)
        self.head = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 3), rng=1)

    def forward(self, x):
        return self.head(self.features(x))


def fit(model, **options):
    nn.fit(model, X, Y, optimizer=nn.Adam(model, 0.01), epochs=2, rng=0, progress=False, **options)


@pytest.mark.parametrize("compile", [False, True])
@pytest.mark.parametrize("affine", [True, False])
def test_what_is_frozen_stays_and_the_rest_learns(compile, affine):
    model = Net(affine)
    before = model.state_dict()
    answer = lens.freeze(model, "features.*")
    fit(model, compile=compile)
    after = model.state_dict()
    for path, data in before.items():
        moved = after[path].tobytes() != data.tobytes()
        assert moved == path.startswith("head"), path
    assert answer.fixed == ("features.1",)
    assert model.features[1].training is False
    model.train()
    assert (model.features[1].training, model.features[0].training, model.head[1].training) == (False, True, True)
    lens.unfreeze(model, "features.*")
    assert model.features[1].training
    fit(model, compile=compile)
    assert all((model.state_dict()[path] != data).any() for path, data in after.items())


def test_statistics_go_on_while_a_parameter_of_the_norm_learns():
    model = Net()
    assert lens.freeze(model, "features.1.weight").fixed == ()
    model.train()
    assert model.features[1].training
    assert lens.freeze(model, "features.1.bias").fixed == ("features.1",)
    assert not model.features[1].training
    assert lens.unfreeze(model, "features.1.bias").fixed == ()
    assert model.features[1].training


def test_the_answer_counts_what_learns():
    model = nn.MLP(2, [3, 1], rng=0)
    answer = lens.freeze(model, ["layers.0.*", "*.bias"])
    assert answer.chosen == ("layers.0.weight", "layers.0.bias", "layers.1.bias")
    assert answer.free == (0, 0, 3, 0)
    assert answer.verdict == "3 of 13 weights learn (23.1%)"
    assert Net().state_dict().keys() == {*lens.learning(Net()).paths, *(path for path, _ in Net().named_buffers())}
    assert lens.unfreeze(model).verdict == "13 of 13 weights learn (100.0%)"
    assert lens.freeze(Net(), "features.*").verdict == (
        "323 of 371 weights learn (87.1%); running statistics stay fixed in features.1"
    )


def test_unfreezing_by_pattern_leaves_what_was_pruned_and_by_answer_puts_its_mask_back():
    model = nn.MLP(4, [5, 2], rng=0)
    lens.prune(model, 0.5)
    masks = [layer.weight.mask for layer in model.layers]
    lens.unfreeze(model)
    assert all(layer.weight.mask is mask for layer, mask in zip(model.layers, masks, strict=True))
    answer = lens.freeze(model, "layers.0.*")
    assert model.layers[0].weight.mask is False
    assert lens.learning(model).free == (0, 0, *(int(masks[1].sum()), 2))
    lens.unfreeze(model, answer)
    assert model.layers[0].weight.mask is masks[0]
    assert model.layers[0].bias.mask is None


def test_looking_changes_nothing():
    model = Net()
    lens.freeze(model, "features.*")
    before = model.state_dict()
    lens.learning(model)
    assert all(model.state_dict()[path].tobytes() == data.tobytes() for path, data in before.items())
    assert [module.training for _, module in model.named_modules()] == [True, True, True, False, True, True, True, True]


@pytest.mark.parametrize("look", [lens.freeze, lens.unfreeze], ids=["freeze", "unfreeze"])
def test_a_pattern_without_a_match_names_near_paths(look):
    with pytest.raises(
        ArgumentError, match=r"freeze: no parameter matches 'feature.\*'; there are, for example, features"
    ):
        look(Net(), "feature.*")
    with pytest.raises(ArgumentError, match="goes by dotted paths and needs a Module, got list"):
        look([nn.Parameter(1.0)], "*")


def test_an_answer_of_another_model_is_refused():
    answer = lens.freeze(Net(), "head.2.*")
    with pytest.raises(
        ArgumentError, match=r"unfreeze: the model has no head.2.bias, head.2.weight; it is not the one"
    ):
        lens.unfreeze(nn.MLP(2, [2], rng=0), answer)


def test_it_draws_what_learns():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = lens.freeze(Net(), "features.*").plot(figure.subplots())
    assert len(axes.patches) == 2 * 8
