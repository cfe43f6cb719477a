"""Groups of parameters by name pattern, and the state of optimisers as a dict."""

import io

import numpy as np
import pytest

import autograd
import nn
from autograd.errors import ArgumentError
from nn import optim

KINDS = [optim.SGD, optim.Adagrad, optim.RMSprop, optim.Adam, optim.AdamW, optim.NAdam, optim.Lion, optim.Muon]
OPTIONS = {"SGD": {"momentum": 0.9}, "RMSprop": {"momentum": 0.5, "centered": True}, "Adam": {"amsgrad": True}}
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
GROUPS = {"*.bias": {"weight_decay": 0.1}, "layers.1.*": {"learning_rate": 0.002}}
X = np.random.default_rng(0).normal(size=(7, 4))


def setting(kind, dtype=np.float64, **options):
    """(model, optimizer, step)"""
    model = nn.MLP(4, [5, 3], np.tanh, rng=0, dtype=dtype)
    optimizer = kind(model, 0.01, **OPTIONS.get(kind.__name__, {}), **options)

    def step():
        loss = np.mean(model(X.astype(dtype)) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.data

    return model, optimizer, step


def numbers(model):
    return [p.data for p in model.parameters()]


# groups


@kinds
def test_a_group_is_as_an_optimiser_of_its_own(kind):
    model, _, step = setting(kind, groups=GROUPS)
    twin, _, _ = setting(kind)
    p, options = dict(twin.named_parameters()), OPTIONS.get(kind.__name__, {})
    of_biases = (optim.AdamW, {}) if kind is optim.Muon else (kind, options)
    apart = [
        kind([p["layers.0.weight"]], 0.01, **options),
        kind([p["layers.1.weight"]], 0.002, **options),
        of_biases[0]([p["layers.0.bias"], p["layers.1.bias"]], 0.01, weight_decay=0.1, decay_all=True, **of_biases[1]),
    ]
    for _ in range(5):
        step()
        loss = np.mean(twin(X) ** 2)
        twin.zero_grad()
        loss.backward()
        for one in apart:
            one.step()
    for a, b in zip(numbers(model), numbers(twin), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-16)


def test_the_first_pattern_that_matches_counts():
    model, optimizer, _ = setting(optim.SGD, groups={"layers.1.bias": {"learning_rate": 1.0}, **GROUPS})
    rates = [optimizer.rules.get(i, optimizer).learning_rate for i in range(4)]
    assert rates == pytest.approx([0.01, 0.01, 0.002, 1.0])
    assert list(optimizer.paths) == [path for path, _ in model.named_parameters()]


def test_groups_keep_their_ratio_to_the_rate_also_after_a_rate_of_0():
    _, optimizer, _ = setting(optim.AdamW, groups=GROUPS)
    group = optimizer.groups["layers.1.*"]
    for rate in (0.1, 0.0, 0.05):
        optimizer.learning_rate = rate
        assert group.learning_rate == pytest.approx(0.2 * rate) and optimizer.groups["*.bias"].learning_rate == rate
    group.learning_rate = 0.025
    optimizer.learning_rate = 0.2
    assert group.learning_rate == pytest.approx(0.1)
    optimizer.learning_rate = 0.0
    with pytest.raises(ArgumentError, match="is kept as a ratio to the optimiser's, which is 0 now"):
        group.learning_rate = 0.1


@kinds
@pytest.mark.parametrize("groups", [None, GROUPS], ids=["", "groups"])
def test_rates_that_change_need_no_other_program(kind, groups):
    (eager, first, step), (compiled, second, other) = setting(kind, groups=groups), setting(kind, groups=groups)
    program = autograd.compile(other)
    for i in range(8):
        first.learning_rate = second.learning_rate = 0.01 / (i + 1)
        if groups and i == 4:
            for optimizer in (first, second):
                optimizer.groups["layers.1.*"].learning_rate = 0.3
        assert program() == pytest.approx(step(), rel=1e-12)
    for a, b in zip(numbers(eager), numbers(compiled), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-14)
    assert repr(program) == "<compiled step: 2 programs>"  # one more, because at first there are no gradients to forget
    assert first.steps == second.steps == 8 and type(second.steps) is int


def test_two_optimisers_in_one_program():
    """Their counts of steps are one and the same number object."""
    a, b = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))
    first, second = nn.SGD([a], 0.1), nn.SGD([b], 0.2)

    @autograd.compile
    def step():
        loss = np.sum(a * a) + np.sum(b * b)
        first.zero_grad()
        second.zero_grad()
        loss.backward()
        first.step()
        second.step()

    for _ in range(3):
        step()
    np.testing.assert_allclose(a.data, 0.8**3)
    np.testing.assert_allclose(b.data, 0.6**3)
    assert first.steps == second.steps == 3


LINEAR = nn.Linear(3, 2, rng=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: nn.SGD(LINEAR, groups={"wieght": {}}),
            "SGD: groups: no parameter matches 'wieght'; there are, .* weight",
        ),
        (lambda: nn.SGD(LINEAR, groups={"*.bias": {}}), r"no parameter matches '\*\.bias'; there are, .* bias"),
        (
            lambda: nn.SGD(LINEAR.parameters(), groups={"*": {}}),
            "SGD: groups go by dotted paths; pass the model, not its parameters",
        ),
        (
            lambda: nn.SGD(LINEAR, groups={"*": {"lr": 0.1}}),
            r"groups\['\*'\] may set learning_rate and weight_decay, got lr",
        ),
        (
            lambda: nn.SGD(LINEAR, groups={"*": {"learning_rate": -1}}),
            "learning_rate must be .* at least 0, got -1",
        ),
        (
            lambda: nn.SGD(LINEAR, groups={"*": {"weight_decay": -1}}),
            "weight_decay must be .* at least 0, got -1",
        ),
        (
            lambda: nn.SGD(LINEAR, 0.0, groups={"*": {"learning_rate": 0.1}}),
            "to the optimiser's, which is 0 now",
        ),
    ],
)
def test_bad_groups_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


# state


def through_a_file(state):
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    return dict(np.load(file))


@kinds
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_a_run_goes_on_bit_identically(kind, dtype):
    model, optimizer, step = setting(kind, dtype, groups=GROUPS)
    for _ in range(3):
        step()
    optimizer.learning_rate = 0.003
    optimizer.groups["layers.1.*"].learning_rate = 0.07
    weights, state = model.state_dict(), optimizer.state_dict()
    ends = [after_three_more(model, optimizer, step)]
    for saved in (state, through_a_file(state)):
        model, optimizer, step = setting(kind, dtype, groups=GROUPS)
        model.load_state_dict(weights)
        optimizer.load_state_dict(saved)
        ends.append(after_three_more(model, optimizer, step))
    assert ends[0] == ends[1] == ends[2]


def after_three_more(model, optimizer, step):
    for _ in range(3):
        step()
    assert optimizer.steps == 6
    return [x.tobytes() for x in numbers(model)]


def test_the_names_in_the_state():
    _, optimizer, step = setting(optim.NAdam, groups=GROUPS)
    step()
    state = optimizer.state_dict()
    paths = [f"layers.{i}.{name}" for i in (0, 1) for name in ("weight", "bias")]
    arrays = {f"{path}.{key}" for path in paths for key in ("mean", "square")}
    assert state.keys() == {"learning_rate", "steps", "product", "groups.*.bias", "groups.layers.1.*"} | arrays
    assert state["learning_rate"] == 0.01 and state["steps"] == 1 and state["groups.layers.1.*"] == pytest.approx(0.2)
    p = nn.Parameter(0.5)
    assert nn.SGD([p], 0.1, momentum=0.9).state_dict() == {"learning_rate": 0.1, "steps": 0, "0.velocity": 0.0}


def test_the_state_is_a_copy():
    _, optimizer, step = setting(optim.Adam)
    step()
    state = optimizer.state_dict()
    kept = {name: np.array(x) for name, x in state.items()}
    optimizer.load_state_dict(state)
    step()
    assert all(np.array_equal(state[name], kept[name]) for name in kept)


def test_a_loaded_state_reaches_a_compiled_step():
    (eager, first, step), (compiled, second, other) = setting(optim.Adam), setting(optim.Adam)
    program = autograd.compile(other)
    start = first.state_dict()
    for _ in range(2):
        for _ in range(3):
            assert program() == pytest.approx(step(), rel=1e-12)
        first.load_state_dict(start)
        second.load_state_dict(start)
    for a, b in zip(numbers(eager), numbers(compiled), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10)
    assert repr(program) == "<compiled step: 2 programs>"


@kinds
def test_a_loaded_state_reaches_the_groups(kind):
    _, optimizer, step = setting(kind, groups=GROUPS)
    step()
    state, seen = optimizer.state_dict(), [dict(vars(follower)) for follower in optimizer.followers]
    step()
    optimizer.load_state_dict(state)
    for follower, before in zip(optimizer.followers, seen, strict=True):
        assert {name: x for name, x in vars(follower).items() if name in ("steps", "product")} == {
            name: before[name] for name in ("steps", "product") if name in before
        }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("steps"), "load_state_dict: Adam lacks in the state: steps; does not know: nothing"),
        (lambda s: s.update(velocity=0.0), "lacks in the state: nothing; does not know: velocity"),
        (
            lambda s: s.update({"layers.0.bias.mean": np.ones(3)}),
            r"layers\.0\.bias\.mean has shape \(3,\), expected \(5,\)",
        ),
        (lambda s: s.update(learning_rate=np.ones(2)), r"learning_rate has shape \(2,\), expected \(\)"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change, message):
    _, optimizer, step = setting(optim.Adam)
    state = optimizer.state_dict()
    step()
    before = optimizer.state_dict()
    change(state)
    with pytest.raises(ArgumentError, match=message):
        optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert before.keys() == after.keys() and all(np.array_equal(before[name], after[name]) for name in before)
