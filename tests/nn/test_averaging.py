"""Averages of weights: closed forms and optax's, what applied() puts back, state, compiled steps, norm statistics."""

import numpy as np
import pytest

import autograd
import nn
from autograd.errors import ArgumentError, ShapeError

AVERAGES = {"EMA": lambda model: nn.EMA(model, decay=0.7), "SWA": nn.SWA}
every = pytest.mark.parametrize("make", AVERAGES.values(), ids=AVERAGES)


def network(dtype=np.float64):
    return nn.Sequential(nn.Linear(4, 5, rng=0, dtype=dtype), nn.BatchNorm1d(5, dtype=dtype), np.tanh, nn.Dropout(0.5),
                         nn.Linear(5, 2, rng=1, dtype=dtype))  # fmt: skip


def walk(model, average, updates=6):
    """Random weights, one set for each update; the path of each parameter."""
    rng, paths = np.random.default_rng(2), {path: [] for path, _ in model.named_parameters()}
    for _ in range(updates):
        for path, p in model.named_parameters():
            p.data = rng.normal(size=p.shape).astype(p.dtype)
            paths[path].append(p.data)
        average.update()
    return {path: np.array(steps) for path, steps in paths.items()}


def test_ema_is_a_weighted_mean_of_the_path():
    model = network()
    average = nn.EMA(model, decay=0.7)
    for path, steps in walk(model, average).items():
        expected = np.average(steps, axis=0, weights=0.7 ** np.arange(5, -1, -1))
        np.testing.assert_allclose(average.weights[path], expected, rtol=1e-13, atol=1e-15)


@pytest.mark.oracle
def test_ema_is_optaxs_without_bias():
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    model = network()
    average = nn.EMA(model, decay=0.7)
    path = walk(model, average)["0.weight"]
    with jax.enable_x64(True):
        rule = optax.ema(0.7, debias=True)
        state = rule.init(path[0])
        for w in path:
            theirs, state = rule.update(w, state)
    np.testing.assert_allclose(average.weights["0.weight"], np.asarray(theirs), rtol=1e-12)


def test_swa_is_the_mean_of_the_path():
    model = network()
    average = nn.SWA(model)
    for path, steps in walk(model, average).items():
        np.testing.assert_allclose(average.weights[path], steps.mean(axis=0), rtol=1e-13, atol=1e-15)


@every
def test_the_first_update_takes_the_weights(make):
    model = network()
    average = make(model)
    average.update()
    assert all(np.array_equal(average.weights[path], p.data) for path, p in model.named_parameters())


# applied


class Stop(BaseException):
    pass


@every
@pytest.mark.parametrize("how", ["end", "exception", "weights changed"])
def test_applied_puts_the_average_in_and_everything_back(make, how):
    model = network()
    average = make(model)
    walk(model, average)
    before, mean = model.state_dict(), {path: w.copy() for path, w in average.weights.items()}
    try:
        with average.applied() as inside:
            assert inside is model
            assert all(np.array_equal(p.data, mean[path]) for path, p in model.named_parameters())
            model(np.random.default_rng(0).normal(size=(8, 4)))  # in training mode: running statistics move
            if how == "weights changed":
                for p in model.parameters():
                    p.data += 1.0
            if how == "exception":
                raise Stop
    except Stop:
        pass
    after = model.state_dict()
    assert all(np.array_equal(before[name], after[name]) and before[name].dtype == after[name].dtype for name in before)
    assert all(np.array_equal(average.weights[path], mean[path]) for path in mean)


@every
def test_dtypes_stay(make):
    model = network(np.float32)
    model.number = nn.Parameter(0.5)
    average = make(model)
    for _ in range(3):
        average.update()
    assert {w.dtype for path, w in average.weights.items() if path != "number"} == {np.dtype(np.float32)}
    with average.applied():
        assert type(model.number.data) is float
    assert type(average.weights["number"]) is type(model.number.data) is float


@every
def test_a_state_goes_on_bit_identically(make):
    model = network()
    average = make(model)
    walk(model, average, 3)
    again = make(model)
    again.load_state_dict(average.state_dict())
    for _ in range(2):
        average.update()
        again.update()
    assert again.updates == average.updates == 5
    assert all(w.tobytes() == again.weights[path].tobytes() for path, w in average.weights.items())
    state = average.state_dict()
    assert state["updates"] == 5 and not np.shares_memory(state["weights.0.weight"], average.weights["0.weight"])


@every
def test_a_compiled_step_updates_the_average(make):
    ends, x = [], np.random.default_rng(0).normal(size=(7, 4))
    for run in (lambda f: f, autograd.compile):
        model = nn.MLP(4, [5, 3], np.tanh, rng=0, dtype=np.float64)
        optimizer, average = nn.Adam(model, 0.01), make(model)

        def step(model=model, optimizer=optimizer, average=average):
            loss = np.mean(model(x) ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update()

        f = run(step)
        for _ in range(3):
            f()
        with average.applied():
            pass
        for _ in range(3):
            f()
        ends.append((average.updates, average.weights, model.state_dict()))
    assert ends[0][0] == ends[1][0] == 6 and repr(f) == "<compiled step: 2 programs>"
    for i in (1, 2):
        for path, w in ends[0][i].items():
            np.testing.assert_allclose(ends[1][i][path], w, rtol=1e-10, atol=1e-13)


@every
def test_what_does_not_learn_is_the_models_own_in_the_average(make):
    """Pruned or frozen after some updates: the average over the path is another number, and must not bring it back."""
    model = network(np.float32)
    average = make(model)
    walk(model, average, 3)
    keep = np.arange(20).reshape(5, 4) % 3 > 0
    weight, bias, free = model.layers[0].weight, model.layers[0].bias, model.layers[4].weight
    weight.data, weight.mask = np.where(keep, weight.data, np.float32(0.0)), keep
    bias.data, bias.mask = bias.data + 1, False
    average.update()
    before = model.state_dict()
    with average.applied():
        assert weight.data[~keep].tobytes() == np.zeros((~keep).sum(), np.float32).tobytes()
        assert np.array_equal(weight.data[keep], average.weights["0.weight"][keep])
        assert not np.array_equal(weight.data[keep], before["0.weight"][keep])
        assert bias.data.tobytes() == before["0.bias"].tobytes() != average.weights["0.bias"].tobytes()
        assert np.array_equal(free.data, average.weights["4.weight"])
        assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert all(array.tobytes() == before[name].tobytes() for name, array in model.state_dict().items())


# norm statistics


def test_a_frozen_norm_keeps_its_statistics():
    model, X = network(), np.random.default_rng(0).normal(size=(30, 4))
    model(X)
    nn.lens.freeze(model, "1.*")
    before = model.state_dict()
    nn.recompute_norm_statistics(model, 3.0 * X)
    assert all(array.tobytes() == before[name].tobytes() for name, array in model.state_dict().items())
    nn.lens.unfreeze(model)
    nn.recompute_norm_statistics(model, 3.0 * X)
    assert model.state_dict()["1.running_var"].tobytes() != before["1.running_var"].tobytes()


def test_statistics_are_the_means_over_equal_batches():
    model, X = network(), np.random.default_rng(0).normal(size=(30, 4))
    norm = model.layers[1]
    norm.running_mean, norm.running_var = np.full(5, np.nan), np.full(5, np.inf)
    nn.recompute_norm_statistics(model, X, batch_size=8)  # 8, 8, 7, 7
    h = X @ model.layers[0].weight.data.T + model.layers[0].bias.data
    parts = np.array_split(h, 4)
    np.testing.assert_allclose(norm.running_mean, np.mean([part.mean(axis=0) for part in parts], axis=0), rtol=1e-13)
    expected = np.mean([part.var(axis=0, ddof=1) for part in parts], axis=0)
    np.testing.assert_allclose(norm.running_var, expected, rtol=1e-13)
    assert norm.num_batches_tracked == 4 and norm.momentum == 0.1


def test_statistics_of_deeper_norms_are_seen_without_dropout():
    def deep():
        return nn.Sequential(nn.Dropout(0.9, rng=0), nn.BatchNorm1d(4, dtype=np.float64))

    model, X = deep(), np.random.default_rng(0).normal(size=(30, 4))
    generator = model.layers[0].rng.bit_generator.state
    nn.recompute_norm_statistics(model, X)
    np.testing.assert_allclose(model.layers[1].running_mean, X.mean(axis=0), rtol=1e-12)
    assert model.layers[0].rng.bit_generator.state == generator


def test_modes_come_back_and_nothing_changes_on_a_mistake():
    model = network()
    model.layers[1].eval()
    model.train()
    model.layers[3].eval()
    modes = [module.training for _, module in model.named_modules()]
    nn.recompute_norm_statistics(model, np.ones((6, 4)))
    assert [module.training for _, module in model.named_modules()] == modes
    before = model.state_dict()
    for mistake in (np.ones((6, 3)), np.ones((1, 4))):  # wrong width; one row has no variance
        with pytest.raises((ShapeError, ValueError)):
            nn.recompute_norm_statistics(model, mistake)
        after = model.state_dict()
        assert all(np.array_equal(before[name], after[name]) for name in before)
        assert [module.training for _, module in model.named_modules()] == modes
        assert model.layers[1].momentum == 0.1


def test_a_model_without_norms_is_left_alone():
    model = nn.MLP(4, [5, 3], rng=0)
    before = model.state_dict()
    nn.recompute_norm_statistics(model, np.ones((5, 4)))
    assert all(np.array_equal(before[name], x) for name, x in model.state_dict().items())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.EMA(nn.Linear(2, 2), decay=1.0), r"decay must lie in \[0, 1\), got 1\.0"),
        (lambda: nn.SWA(nn.Sequential(np.tanh)), "SWA: the model has no parameters to average"),
        (lambda: nn.SWA(nn.Linear(2, 2)).applied().__enter__(), "SWA: nothing is averaged yet; call update"),
        (lambda: nn.EMA(nn.Linear(2, 2)).load_state_dict({}), "EMA lacks in the state: updates, weights.bias"),
        (lambda: nn.recompute_norm_statistics(network(), np.ones((0, 4))), "X has no rows"),
        (
            lambda: nn.recompute_norm_statistics(network(), np.ones((4, 4)), batch_size=0),
            "batch_size is a whole number of at least 1, got 0",
        ),
    ],
)
def test_bad_values_are_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
