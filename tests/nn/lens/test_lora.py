"""Low-rank adapters: the start changes nothing, only they learn, merging gives the same model in plain layers."""

import copy

import numpy as np
import pytest

import autograd
import nn
from autograd.errors import ArgumentError
from nn import lens

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, size=12)
CONVOLUTIONS = [
    lambda: nn.Conv2d(1, 4, 3, padding=1),
    lambda: nn.BatchNorm2d(4),
    lambda: np.tanh,
    lambda: nn.Residual(nn.Conv2d(4, 4, 3, padding=1)),
    lambda: nn.ConvTranspose2d(4, 2, 2, stride=2),
    nn.Flatten,
    lambda: nn.Linear(2 * 12 * 12, 3),
]


def gpt():
    return nn.models.GPT(vocabulary=9, context=6, layers=2, heads=2, width=8, rng=0)


MODELS = {  # name: (model, inputs, targets, pattern, number of adapters)
    "mlp": (lambda: nn.MLP(5, [8, 3], rng=0), RNG.normal(size=(12, 5)), LABELS, "*", 2),
    "cnn": (
        lambda: nn.Sequential(*(make() for make in CONVOLUTIONS), rng=0),
        RNG.normal(size=(12, 1, 6, 6)), LABELS, ["0", "3.f", "4", "6"], 4,
    ),
    "gpt": (gpt, RNG.integers(0, 9, size=(6, 6)), RNG.integers(0, 9, size=(6, 6)), "blocks.*", 8),
}  # fmt: skip


@pytest.fixture(params=MODELS)
def case(request):
    make, X, y, pattern, count = MODELS[request.param]
    return make().astype(np.float64), X, y, pattern, count


def fit(model, X, y, **options):
    nn.fit(model, X, y, optimizer=nn.Adam(model, 0.02), epochs=3, batch_size=6, rng=0, progress=False, **options)


@pytest.mark.parametrize("compile", [False, True])
def test_only_adapters_learn_and_merged_equals_unmerged(case, compile):
    model, X, y, pattern, count = case
    start, before = nn.predict(model, X), model.state_dict()
    answer = lens.lora(model, pattern, rank=2, alpha=3.0, rng=0)
    assert len(answer.paths) == count
    np.testing.assert_array_equal(nn.predict(model, X), start)
    fit(model, X, y, compile=compile)
    now = model.state_dict()
    for path, data in before.items():
        assert now[path].tobytes() == data.tobytes(), path
    assert all(parameter.mask is False or "lora" in path for path, parameter in model.named_parameters())
    adapted = nn.predict(model, X)
    assert np.max(np.abs(adapted - start)) > 0.01
    merged = lens.merge(model)
    assert len(merged.paths) == count
    assert min(merged.change) > 0.0
    np.testing.assert_allclose(nn.predict(model, X), adapted, rtol=0, atol=1e-12)
    assert list(model.state_dict()) == list(before)
    assert not any(isinstance(module, lens.Adapter) for _, module in model.named_modules())
    lens.unfreeze(model, answer.frozen)
    assert all(parameter.mask is None for parameter in model.parameters())
    assert all(module.training for _, module in model.named_modules())


def test_float32_stays_float32():
    model = nn.MLP(5, [8, 3], rng=0)
    lens.lora(model, rank=2, rng=0)
    fit(model, *MODELS["mlp"][1:3])
    assert {parameter.dtype for parameter in model.parameters()} == {np.dtype(np.float32)}
    adapted = nn.predict(model, MODELS["mlp"][1])
    lens.merge(model)
    np.testing.assert_allclose(nn.predict(model, MODELS["mlp"][1]), adapted, rtol=1e-5, atol=1e-6)


def test_the_forward_pass_is_the_papers():
    model = nn.Sequential(nn.Linear(4, 3, rng=0, dtype=np.float64))
    lens.lora(model, rank=2, alpha=8.0, rng=1)
    adapter = model[0]
    adapter.lora_b.data = RNG.normal(size=(3, 2))
    x = RNG.normal(size=(5, 4))
    by_hand = x @ adapter.weight.data.T + adapter.bias.data + 4.0 * (x @ adapter.lora_a.data.T) @ adapter.lora_b.data.T
    np.testing.assert_allclose(model(x).data, by_hand, rtol=0, atol=1e-13)
    autograd.check_gradients(lambda a, b: np.sum(np.tanh(x @ (adapter.weight.data + 4.0 * (b @ a)).T)),
                             adapter.lora_a.data, adapter.lora_b.data)  # fmt: skip


def test_what_is_drawn_depends_on_rng_and_path_alone():
    starts = []
    for seed, pattern in ((0, "*"), (0, "layers.1"), (1, "layers.1")):
        model = nn.MLP(5, [8, 6, 3], rng=0)
        lens.lora(model, pattern, rank=2, rng=seed)
        starts.append(model.layers[1].lora_a.data)
    np.testing.assert_array_equal(starts[0], starts[1])
    assert (starts[0] != starts[2]).any()
    generator = np.random.default_rng(0)
    lens.lora(nn.MLP(5, [3], rng=0), rank=1, rng=generator)


def test_an_adapted_model_can_be_looked_at_copied_saved_and_drawn_anew(tmp_path):
    model = nn.MLP(5, [8, 3], rng=0)
    lens.lora(model, "layers.0", rank=2, rng=0)
    assert "layers.0: Adapter(Layer(5, 8, activation=relu), rank=2, scale=1)  74 parameters" in repr(model)
    assert model.layers[0].out_features == 8
    fit(model, *MODELS["mlp"][1:3])
    copied = copy.deepcopy(model)
    nn.save(tmp_path / "adapted.npz", model)
    other = nn.MLP(5, [8, 3], rng=1)
    lens.lora(other, "layers.0", rank=2, rng=1)
    nn.load(tmp_path / "adapted.npz", other)
    X = MODELS["mlp"][1]
    for twin in (copied, other):
        np.testing.assert_array_equal(nn.predict(twin, X), nn.predict(model, X))
    assert "<svg" in nn.viz.network(model).to_svg()
    model.initialize(0)
    np.testing.assert_array_equal(nn.predict(model, X), nn.predict(nn.MLP(5, [8, 3], rng=0), X))


def test_a_reused_layer_is_adapted_in_all_its_places():
    shared = nn.Linear(4, 4, rng=0, dtype=np.float64)
    model = nn.Sequential(shared, np.tanh, nn.Residual(shared), nn.Linear(4, 3, rng=1, dtype=np.float64))
    X = RNG.normal(size=(12, 4))
    assert lens.lora(model, "0", rank=1, rng=0).paths == ("0.weight",)
    assert model[0] is model[2].f
    fit(model, X, LABELS)
    adapted = nn.predict(model, X)
    lens.merge(model)
    assert model[0] is model[2].f is shared
    np.testing.assert_allclose(nn.predict(model, X), adapted, rtol=0, atol=1e-12)


def test_layers_in_tuples_and_dicts_are_found():
    class Branches(nn.Module):
        def __init__(self):
            self.pair = (nn.Linear(4, 4, rng=0), nn.Linear(4, 4, rng=1))
            self.named = {"head": nn.Linear(4, 3, rng=2)}

        def forward(self, x):
            return self.named["head"](self.pair[1](np.tanh(self.pair[0](x))))

    model = Branches()
    assert lens.lora(model, rank=1, rng=0).paths == ("pair.0.weight", "pair.1.weight", "named.head.weight")
    assert isinstance(model.pair, tuple)
    lens.merge(model)
    assert all(isinstance(layer, nn.Linear) for layer in (*model.pair, model.named["head"]))


def pruned():
    model = nn.MLP(5, [8, 3], rng=0)
    lens.prune(model, 0.5)
    return model


def adapted():
    model = nn.MLP(5, [8, 3], rng=0)
    lens.lora(model, "layers.0", rank=1, rng=0)
    return model


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (
            lambda: nn.MLP(5, [8, 3], rng=0),
            {"rank": 4},
            r"rank=4 is above the rank 3 of layers.1.weight, \(3, 8\); leave it",
        ),
        (lambda: nn.MLP(5, [8, 3], rng=0), {"rank": 0}, "lora: rank is a whole number of at least 1, got 0"),
        (lambda: nn.MLP(5, [8, 3], rng=0), {"alpha": 0.0}, "lora: alpha must be a number above 0, got 0.0"),
        (
            lambda: nn.MLP(5, [8, 3], rng=0),
            {"pattern": "layer.0"},
            "matches 'layer.0'; there are, for example, layers.0",
        ),
        (pruned, {"rank": 1}, "layers.0.weight is pruned, and merging would fill its zeros"),
        (adapted, {"rank": 1}, "layers.0 has an adapter already; nn.lens.merge"),
        (
            lambda: nn.Linear(4, 4, rng=0),
            {"rank": 1},
            r"a single layer, which nothing holds; put it into nn.Sequential",
        ),
        (lambda: nn.Sequential(nn.LayerNorm(4)), {"rank": 1}, "no layer with a weight of two axes or more"),
        (gpt, {"pattern": "head", "rank": 1}, "head.weight is also the weight of token; leave it out by the pattern"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(make, options, message):
    model = make()
    masks = [parameter.mask for parameter in model.parameters()]
    with pytest.raises(ArgumentError, match=message):
        lens.lora(model, **options)
    assert all(parameter.mask is mask for parameter, mask in zip(model.parameters(), masks, strict=True))


def test_without_adapters_there_is_nothing_to_merge():
    with pytest.raises(ArgumentError, match=r"merge: the model has no adapters; nn.lens.lora\(model, …\) puts them in"):
        lens.merge(nn.MLP(2, [1]))


def test_an_optimizer_from_before_is_refused():
    model = nn.MLP(5, [8, 3], rng=0)
    optimizer = nn.Adam(model)
    lens.lora(model, rank=1, rng=0)
    with pytest.raises(ArgumentError, match="all that the optimizer holds is frozen"):
        nn.fit(model, *MODELS["mlp"][1:3], optimizer=optimizer, epochs=1, progress=False)


def test_it_draws_how_far_weights_moved():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    model = adapted()
    fit(model, *MODELS["mlp"][1:3])
    assert len(lens.merge(model).plot(figure.subplots()).patches) == 1
