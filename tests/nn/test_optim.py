"""Optimisers: their formulas by hand (tests/oracle has optax), closed forms; blocks, dtypes, older graphs, bad values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd import Value
from autograd.errors import ArgumentError
from nn.optim import base

RATE, DECAY, STEPS = 0.05, 0.1, 10


def by_hand(name, w, slope, *, decay=0.0, momentum=0.9, betas=(0.9, 0.999), eps=1e-8):
    """Ten steps from w with gradient slope(w), each formula as its paper or PyTorch's page has it. → the path of w"""
    velocity = mean = square = largest = np.zeros_like(w)
    first, second = betas
    product = 1.0
    path = []
    for t in range(1, STEPS + 1):
        g = slope(w)
        if name in ("adamw", "lion"):
            w = w - RATE * decay * w
        else:
            g = g + decay * w
        if name == "sgd":
            w = w - RATE * g
        elif name in ("momentum", "nesterov"):
            velocity = momentum * velocity + g
            w = w - RATE * (velocity if name == "momentum" else g + momentum * velocity)
        elif name == "adagrad":
            square = square + g**2
            w = w - RATE * g / (np.sqrt(square) + 1e-10)
        elif name in ("rmsprop", "centered"):
            square = 0.99 * square + 0.01 * g**2
            mean = 0.99 * mean + 0.01 * g
            spread = np.sqrt(square - mean**2 if name == "centered" else square)
            velocity = 0.5 * velocity + g / (spread + eps)
            w = w - RATE * velocity
        elif name == "lion":
            w = w - RATE * np.sign(0.9 * mean + 0.1 * g)
            mean = 0.99 * mean + 0.01 * g
        else:
            mean = first * mean + (1 - first) * g
            square = second * square + (1 - second) * g**2
            largest = np.maximum(largest, square)
            step = mean / (1 - first**t)
            if name == "nadam":
                now, ahead = (first * (1 - 0.5 * 0.96 ** (s * 0.004)) for s in (t, t + 1))
                product = product * now
                step = ahead * mean / (1 - product * ahead) + (1 - now) * g / (1 - product)
            w = w - RATE * step / (np.sqrt((largest if name == "amsgrad" else square) / (1 - second**t)) + eps)
        path.append(w)
    return path


MAKE = {
    "sgd": lambda p, decay=0.0, **k: nn.SGD(p, RATE, weight_decay=decay, **k),
    "momentum": lambda p, decay=0.0, momentum=0.9, **k: nn.SGD(p, RATE, momentum=momentum, weight_decay=decay, **k),
    "nesterov": lambda p, decay=0.0, momentum=0.9, **k: nn.SGD(
        p, RATE, momentum=momentum, nesterov=True, weight_decay=decay, **k
    ),
    "adagrad": lambda p, decay=0.0, **k: nn.Adagrad(p, RATE, weight_decay=decay, **k),
    "rmsprop": lambda p, decay=0.0, **k: nn.RMSprop(p, RATE, momentum=0.5, weight_decay=decay, **k),
    "centered": lambda p, decay=0.0, **k: nn.RMSprop(p, RATE, momentum=0.5, centered=True, weight_decay=decay, **k),
    "adam": lambda p, decay=0.0, **k: nn.Adam(p, RATE, weight_decay=decay, **k),
    "amsgrad": lambda p, decay=0.0, **k: nn.Adam(p, RATE, amsgrad=True, weight_decay=decay, **k),
    "adamw": lambda p, decay=0.0, **k: nn.AdamW(p, RATE, weight_decay=decay, **k),
    "nadam": lambda p, decay=0.0, **k: nn.NAdam(p, RATE, weight_decay=decay, **k),
    "lion": lambda p, decay=0.0, **k: nn.Lion(p, RATE, weight_decay=decay, **k),
}
every = pytest.mark.parametrize("name", MAKE)


def slope(w):
    return np.cos(3.0 * w) * w + 0.3


def walk(optimizer, parameter, gradient=slope, steps=STEPS):
    path = []
    for _ in range(steps):
        parameter.grad = gradient(parameter.data)
        optimizer.step()
        path.append(parameter.data)
    return path


def weights(shape=(4, 3), seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# formulas


@every
@pytest.mark.parametrize("decay", [0.0, DECAY])
def test_ten_steps(name, decay):
    p = nn.Parameter(weights())
    path = walk(MAKE[name]([p], decay=decay), p)
    np.testing.assert_allclose(path, by_hand(name, weights(), slope, decay=decay), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["adam", "amsgrad", "adamw", "nadam"])
def test_betas_and_eps(name):
    options = {"betas": (0.5, 0.75), "eps": 0.1}
    p = nn.Parameter(weights())
    path = walk(MAKE[name]([p], decay=DECAY, **options), p)
    np.testing.assert_allclose(path, by_hand(name, weights(), slope, decay=DECAY, **options), rtol=0, atol=1e-12)


@given(rate=st.floats(0.001, 0.5), curvature=st.floats(0.1, 3.9), start=st.floats(-10.0, 10.0))
def test_descent_on_a_parabola_is_geometric(rate, curvature, start):
    p = nn.Parameter(start)
    path = walk(nn.SGD([p], rate), p, lambda w: curvature * w)
    np.testing.assert_allclose(
        path, start * (1.0 - rate * curvature) ** np.arange(1, STEPS + 1), rtol=1e-10, atol=1e-14
    )


@given(momentum=st.floats(0.1, 0.95), curvature=st.floats(0.1, 3.0), nesterov=st.booleans())
def test_momentum_on_a_parabola_is_a_linear_recurrence(momentum, curvature, nesterov):
    """(w, v) ↦ A (w, v): ten steps are A¹⁰."""
    ahead = momentum if nesterov else 0.0
    matrix = np.array(
        [[1.0 - RATE * curvature * (1.0 + ahead), -RATE * momentum * (1.0 if not nesterov else momentum)],
         [curvature, momentum]]
    )  # fmt: skip
    p = nn.Parameter(2.0)
    end = walk(nn.SGD([p], RATE, momentum=momentum, nesterov=nesterov), p, lambda w: curvature * w)[-1]
    assert end == pytest.approx((np.linalg.matrix_power(matrix, STEPS) @ [2.0, 0.0])[0], rel=1e-10, abs=1e-12)


@given(st.floats(1e-3, 1e3), st.sampled_from([nn.Adam, lambda p, rate: nn.AdamW(p, rate, weight_decay=0.0)]))
def test_adam_moves_by_the_rate_whatever_the_size_of_a_constant_gradient(size, make):
    p = nn.Parameter(np.zeros(2))
    path = walk(make([p], RATE), p, lambda w: np.array([size, -size]))
    np.testing.assert_allclose(path, np.outer(np.arange(1, STEPS + 1), [-RATE, RATE]), rtol=1e-4)


@every
def test_every_optimiser_finds_the_least_squares_solution(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    y = x @ np.array([[1.0], [-2.0], [0.5]]) + 3.0
    model = nn.Linear(3, 1, rng=0, dtype=np.float64)
    optimizer = MAKE[name](model)
    rate = 20.0 * RATE if name == "adagrad" else RATE  # whose steps shrink by themselves
    for step in range(600):
        optimizer.learning_rate = rate * 0.995**step
        optimizer.zero_grad()
        nn.mse(model(x), y).backward()
        optimizer.step()
    np.testing.assert_allclose(model.weight.data, [[1.0, -2.0, 0.5]], atol=2e-2)
    np.testing.assert_allclose(model.bias.data, [3.0], atol=2e-2)


# large arrays go in blocks


@every
@pytest.mark.parametrize("size", [base.BLOCK, base.BLOCK + 1, 3 * base.BLOCK + 7])
def test_blocks_give_the_same_bits_as_the_whole(name, size, monkeypatch):
    def run():
        p, sizes = nn.Parameter(weights((1, size)).astype(np.float32)), []
        optimizer = MAKE[name]([p], decay=DECAY)
        update = optimizer.update
        optimizer.update = lambda w, *arguments: sizes.append(w.size) or update(w, *arguments)
        path = walk(optimizer, p, lambda w: slope(w).astype(np.float32), steps=4)
        return [w.tobytes() for w in path], sizes

    blocked, sizes = run()
    assert sum(sizes) == 4 * size and max(sizes) == base.BLOCK
    monkeypatch.setattr(base, "BLOCK", 10**9)
    assert run() == (blocked, [size] * 4)


@every
@pytest.mark.parametrize("which", ["weight", "gradient", "both", "state only"])
def test_arrays_in_any_layout_give_the_same_numbers(name, which):
    start = weights((200, 300))
    p = nn.Parameter(start if which == "gradient" else np.asfortranarray(start))
    optimizer = MAKE[name]([p], decay=DECAY)
    if which == "state only":
        p.data = start  # the state has kept the first layout
    path = walk(optimizer, p, lambda w: np.asfortranarray(slope(w)) if which in ("gradient", "both") else slope(w))
    np.testing.assert_allclose(path, by_hand(name, start, slope, decay=DECAY), rtol=0, atol=1e-12)


@every
def test_views_and_read_only_arrays_serve_as_weights(name):
    base = weights((400, 600))
    base.flags.writeable = False
    p = nn.Parameter(base[::2, ::2])
    path = walk(MAKE[name]([p], decay=DECAY), p)
    np.testing.assert_allclose(path, by_hand(name, base[::2, ::2], slope, decay=DECAY), rtol=0, atol=1e-12)


# what a step leaves alone


@every
@pytest.mark.parametrize("shape", [(3, 2), (200, 300)], ids=str)
def test_data_is_rebound_and_never_written(name, shape):
    p = nn.Parameter(weights(shape))
    optimizer = MAKE[name]([p], decay=DECAY)
    seen = []
    for _ in range(3):
        p.grad = slope(p.data)
        seen.append((p.data, p.data.copy(), p.grad, p.grad.copy()))
        optimizer.step()
        assert p.data is not seen[-1][0] and not np.shares_memory(p.data, seen[-1][0])
    for data, data_then, gradient, gradient_then in seen:
        assert np.array_equal(data, data_then) and np.array_equal(gradient, gradient_then)


@every
def test_a_graph_made_before_a_step_keeps_its_gradient(name):
    model = nn.MLP(3, [4, 1], np.tanh, rng=0, dtype=np.float64)
    x, y = weights((5, 3)), weights((5, 1), 1)
    optimizer = MAKE[name](model)
    loss = nn.mse(model(x), y)
    loss.backward()
    before = [p.grad.copy() for p in model.parameters()]
    optimizer.step()
    model.zero_grad()
    loss.backward()
    assert all(np.array_equal(p.grad, g) for p, g in zip(model.parameters(), before, strict=True))


@every
def test_a_parameter_without_a_gradient_is_left_alone(name):
    used, unused = nn.Parameter(weights()), nn.Parameter(weights())
    optimizer = MAKE[name]([used, unused], decay=DECAY)
    data = unused.data
    walk(optimizer, used)
    assert unused.data is data and not unused.has_grad and optimizer.steps == STEPS
    optimizer.zero_grad()
    kept = used.data
    optimizer.step()
    assert used.data is kept


@pytest.mark.parametrize(
    "name", ["sgd", "momentum", "nesterov", "adamw", "lion"]
)  # others' first step is the sign alone
def test_biases_do_not_decay_unless_asked(name):
    for decay_all in (False, True):
        model = nn.Linear(3, 2, rng=0, dtype=np.float64)
        model.bias.data = np.array([1.0, -2.0])
        plain, decayed = (MAKE[name](p, decay=d, decay_all=decay_all) for p, d in ((model, 0.0), (model, DECAY)))
        ends = []
        for optimizer in (plain, decayed):
            start = model.state_dict()
            for p in model.parameters():
                p.grad = np.ones(p.shape)
            optimizer.step()
            ends.append(model.state_dict())
            model.load_state_dict(start)
        assert not np.array_equal(ends[0]["weight"], ends[1]["weight"])
        assert np.array_equal(ends[0]["bias"], ends[1]["bias"]) == (not decay_all)


def test_adams_decay_enters_its_running_means_for_matrices_only():
    matrix, bias = nn.Parameter(weights()), nn.Parameter(weights(3))
    paths = [walk(MAKE["adam"]([p], decay=DECAY), p) for p in (matrix, bias)]
    np.testing.assert_allclose(paths[0], by_hand("adam", weights(), slope, decay=DECAY), rtol=0, atol=1e-12)
    np.testing.assert_allclose(paths[1], by_hand("adam", weights(3), slope), rtol=0, atol=1e-12)


# dtypes and scalars


@every
def test_python_floats_stay_python_floats(name):
    p = nn.Parameter(0.7)
    optimizer = MAKE[name]([p], decay=DECAY, decay_all=True)
    path = walk(optimizer, p, lambda w: math.cos(3.0 * w) * w + 0.3)
    assert {type(w) for w in path} == {float}
    assert {type(value) for state in optimizer.state for value in state.values()} <= {float}
    expected = by_hand(name, np.array(0.7), slope, decay=DECAY)
    np.testing.assert_allclose(path, expected, rtol=0, atol=1e-12)


@every
@pytest.mark.parametrize("shape", [(), (3, 2), (200, 300)], ids=str)
def test_float32_stays_float32_whatever_the_type_of_the_rate(name, shape):
    p = nn.Parameter(weights(shape).astype(np.float32))
    optimizer = MAKE[name]([p], decay=np.float64(DECAY))
    optimizer.learning_rate = np.float64(RATE)  # as np.linspace gives it
    walk(optimizer, p, lambda w: slope(w).astype(np.float32))
    assert p.dtype == np.float32 and {value.dtype for value in optimizer.state[0].values()} <= {np.dtype(np.float32)}
    assert optimizer.learning_rate == RATE and type(optimizer.learning_rate) is float


def test_a_recorded_gradient_is_used_as_a_plain_one():
    p = nn.Parameter(np.array([2.0, 3.0]))
    (p * p).sum().backward(record=True)
    assert isinstance(p.grad, Value)
    nn.SGD([p], 0.1).step()
    assert type(p.data) is np.ndarray and p.data.tolist() == pytest.approx([1.6, 2.4])


def test_micrograds_way_of_zeroing_works():
    p = nn.Parameter(weights((200, 300)))
    optimizer = nn.SGD([p], 0.1)
    p.grad = 0
    before = p.data.copy()
    optimizer.step()
    assert np.array_equal(p.data, before)
    (p * 2.0).sum().backward()
    assert (p.grad == 2.0).all()


def test_a_changed_rate_holds_from_the_next_step():
    p = nn.Parameter(1.0)
    optimizer = nn.SGD([p], 0.1)
    walk(optimizer, p, lambda w: 1.0, steps=1)
    optimizer.learning_rate = 0.5
    walk(optimizer, p, lambda w: 1.0, steps=1)
    assert p.data == pytest.approx(0.4)
    with pytest.raises(ArgumentError, match="learning_rate must be a number of at least 0, got -1"):
        optimizer.learning_rate = -1


# construction


def test_parameters_come_from_a_model_a_list_or_an_iterator_each_once():
    tied = nn.Linear(2, 2, rng=0)
    p = tied.parameters()
    for given_parameters in (tied, p, iter(p), [*p, *p], nn.Sequential(tied, tied)):
        assert [id(q) for q in nn.SGD(given_parameters, 0.1).parameters] == [id(q) for q in p]


def test_the_repr_says_rate_weights_and_steps():
    optimizer = nn.AdamW(nn.Linear(40, 30, rng=0), 3e-4)
    optimizer.step()
    assert repr(optimizer) == "AdamW(learning_rate=0.0003, 1,230 weights, 1 steps)"
    assert nn.AdamW([nn.Parameter(1.0)]).weight_decay == 0.01 and nn.Adam([nn.Parameter(1.0)]).weight_decay == 0.0


def test_a_subclass_gives_its_formula_only():
    class Signs(nn.Optimizer):
        def update(self, parameter, gradient, state, decay):
            return parameter - self.learning_rate * np.sign(gradient), state

    p = nn.Parameter(np.zeros(2))
    walk(Signs([p], 0.5), p, lambda w: np.array([3.0, -0.1]), steps=2)
    assert p.data.tolist() == [-1.0, 1.0]
    p.grad = np.ones(2)
    with pytest.raises(NotImplementedError):
        nn.Optimizer([p], 0.1).step()


ONE = [nn.Parameter(1.0)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.SGD(ONE, lr=0.1), "SGD has no option lr; the learning rate is called learning_rate"),
        (lambda: nn.Adam(ONE, lr=0.1), "Adam has no option lr; the learning rate is called learning_rate"),
        (lambda: nn.AdamW(ONE, decay=0.1), "AdamW has no option decay; it is called weight_decay$"),
        (lambda: nn.SGD([]), "SGD: there are no parameters to optimise"),
        (lambda: nn.Adam(nn.Sequential(np.tanh)), "Adam: there are no parameters to optimise"),
        (lambda: nn.SGD([np.ones(2)]), "SGD: a parameter is a Value, got ndarray"),
        (lambda: nn.SGD(nn.Linear(2, 2).weight[0]), "a parameter is a leaf, got the result of 'getitem'"),
        (lambda: nn.SGD(ONE, -0.1), r"learning_rate must be a number of at least 0, got -0\.1"),
        (lambda: nn.SGD(ONE, float("nan")), "learning_rate must be a number of at least 0, got nan"),
        (lambda: nn.SGD(ONE, "fast"), "learning_rate must be a number of at least 0, got 'fast'"),
        (lambda: nn.SGD(ONE, 0.1, momentum=1.0), r"momentum must lie in \[0, 1\), got 1\.0"),
        (lambda: nn.SGD(ONE, 0.1, momentum=-0.1), r"momentum must lie in \[0, 1\), got -0\.1"),
        (lambda: nn.SGD(ONE, 0.1, nesterov=True), r"SGD\(nesterov=True\) needs a momentum above 0"),
        (lambda: nn.SGD(ONE, 0.1, weight_decay=-1.0), r"weight_decay must be a number of at least 0, got -1\.0"),
        (lambda: nn.Adam(ONE, betas=(0.9, 1.0)), r"betas\[1\] must lie in \[0, 1\), got 1\.0"),
        (lambda: nn.Adam(ONE, betas=(-1.0, 0.9)), r"betas\[0\] must lie in \[0, 1\), got -1\.0"),
        (lambda: nn.AdamW(ONE, eps=-1e-8), "eps must be a number of at least 0, got -1e-08"),
        (
            lambda: nn.Adagrad(ONE, initial_accumulator_value=-1),
            "initial_accumulator_value must be a number of at least 0",
        ),
        (lambda: nn.Adagrad(ONE, eps=None), "eps must be a number of at least 0, got None"),
        (lambda: nn.RMSprop(ONE, alpha=1.0), r"alpha must lie in \[0, 1\), got 1\.0"),
        (lambda: nn.RMSprop(ONE, momentum=2), r"momentum must lie in \[0, 1\), got 2"),
        (lambda: nn.NAdam(ONE, momentum_decay=-1.0), r"momentum_decay must be a number of at least 0, got -1\.0"),
        (lambda: nn.NAdam(ONE, momentum_decay=float("nan")), "momentum_decay must be a number of at least 0, got nan"),
        (lambda: nn.Lion(ONE, betas=(0.9, 2.0)), r"betas\[1\] must lie in \[0, 1\), got 2\.0"),
        (lambda: nn.Muon(ONE, momentum=1.0), r"momentum must lie in \[0, 1\), got 1\.0"),
        (lambda: nn.Muon(ONE, ns_steps=0), "ns_steps is a whole number of at least 1, got 0"),
        (lambda: nn.Muon(ONE, adamw={"lr": 0.1}), "AdamW has no option lr"),
    ],
)
def test_bad_values_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
