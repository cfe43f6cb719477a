"""L-BFGS: Rosenbrock, a logistic regression as SciPy solves it, and the strong Wolfe conditions of every step it takes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

import autograd
import nn
from autograd.errors import ArgumentError, NonFiniteError
from nn.optim import lbfgs
from nn.optim.line_search import C1, C2, Trial, between, strong_wolfe


def rosenbrock(w):
    return np.sum(100.0 * (w[1:] - w[:-1] ** 2) ** 2 + (1.0 - w[:-1]) ** 2)


def closure_of(f, *parameters):
    def closure():
        loss = f(*parameters)
        loss.backward()
        return loss

    return closure


def run(optimizer, closure, steps=20):
    for _ in range(steps):
        optimizer.step(closure)


@pytest.mark.parametrize("size", [2, 10])
def test_it_finds_the_minimum_of_rosenbrocks_function(size):
    w = nn.Parameter(np.tile([-1.2, 1.0], size // 2))
    optimizer = nn.LBFGS([w])
    run(optimizer, closure_of(rosenbrock, w), steps=10)
    np.testing.assert_allclose(w.data, np.ones(size), atol=1e-6)
    assert optimizer.steps == 10 and optimizer.pairs < 100


def problem():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5))
    return x, (x @ rng.normal(size=5) + rng.normal(size=60) > 0.3).astype(float)


def regression(w, b, x, y):
    return nn.binary_cross_entropy(x @ w + b, y) + 0.01 * np.sum(w * w)


def test_it_finds_scipys_answer_to_a_logistic_regression():
    x, y = problem()
    w, b = nn.Parameter(np.zeros(5)), nn.Parameter(0.0)
    run(
        nn.LBFGS([w, b], tolerance_grad=1e-10, tolerance_change=1e-14),
        closure_of(lambda w, b: regression(w, b, x, y), w, b),
    )
    f = autograd.value_and_grad(lambda p: regression(p[:5], p[5], x, y))
    answer = optimize.minimize(f, np.zeros(6), jac=True, method="BFGS", options={"gtol": 1e-10})
    np.testing.assert_allclose([*w.data, b.data], answer.x, rtol=0, atol=1e-8)
    assert type(b.data) is float


@pytest.mark.parametrize("rate", [1.0, 0.01, 30.0])
def test_every_step_meets_the_strong_wolfe_conditions(rate, monkeypatch):
    found = []

    def watched(phi, origin, step, *most):
        result = strong_wolfe(phi, origin, step, *most)
        found.append((origin, result[0]))
        return result

    monkeypatch.setattr(lbfgs, "strong_wolfe", watched)
    w = nn.Parameter(np.array([-1.2, 1.0]))
    run(nn.LBFGS([w], rate, max_iter=200), closure_of(rosenbrock, w), steps=1)
    assert rosenbrock(w.data) < 1e-12 and len(found) > 20
    for origin, trial in found[:-1]:  # at the minimum rounding may leave no such point
        assert trial.step > 0.0 and origin.slope < 0.0
        assert trial.value <= origin.value + C1 * trial.step * origin.slope
        assert abs(trial.slope) <= C2 * abs(origin.slope)


@given(
    first=st.floats(1e-3, 1e3), well=st.floats(0.05, 50.0), kind=st.sampled_from(["cosh", "quartic", "wavy", "wall"])
)
def test_the_line_search_finds_such_a_step_wherever_it_starts(first, well, kind):
    f = {
        "cosh": lambda t: np.cosh(np.clip(t / well - 1.0, -300.0, 300.0)),
        "quartic": lambda t: (t / well - 1.0) ** 4 + 0.1 * (t / well - 1.0) ** 2,
        "wavy": lambda t: (t / well - 1.0) ** 2 + 0.3 * np.cos(3.0 * t / well),
        "wall": lambda t: np.where(t < 3.0 * well, (t / well - 1.0) ** 2, np.inf),
    }[kind]

    def phi(t):
        value, slope = autograd.value_and_grad(f)(t)
        return Trial(t, float(value), float(slope), None)

    trial, count = strong_wolfe(phi, phi(0.0), first, most=60)
    assert trial.value <= phi(0.0).value + C1 * trial.step * phi(0.0).slope and count < 60
    assert abs(trial.slope) <= C2 * abs(phi(0.0).slope)


def test_the_cubic_of_a_cubic_is_exact():
    def f(t):
        return t**3 - 2.0 * t**2 - 3.0 * t

    ends = [Trial(t, f(t), autograd.grad(f)(t), None) for t in (0.0, 3.0)]
    minimum = (2.0 + math.sqrt(13.0)) / 3.0
    assert between(*ends) == pytest.approx(minimum) and between(*ends[::-1]) == pytest.approx(minimum)
    nowhere = Trial(3.0, math.inf, math.nan, None)
    assert between(ends[0], nowhere) == 1.5


def test_nothing_is_lost_where_no_step_goes_down():
    w = nn.Parameter(np.array([2.0]))
    optimizer = nn.LBFGS([w])

    def wrong():
        w.grad = -2.0 * w.data  # the sign of the gradient is wrong: no step along it goes down
        return float(w.data[0] ** 2)

    assert optimizer.step(wrong) == 4.0 and w.data.tolist() == [2.0] and optimizer.pairs == 0


def test_a_history_that_leads_nowhere_is_forgotten():
    w = nn.Parameter(np.array([-1.2, 1.0]))
    optimizer = nn.LBFGS([w], max_iter=3)
    optimizer.step(closure_of(rosenbrock, w))
    start, tries = w.data, []

    def steep():  # down along the gradient, up along any other direction
        tries.append(w.data - start)
        w.grad = np.array([1.0, 0.0])
        return float(w.data[0] + 1e6 * w.data[1] ** 2 - 1e6 * start[1] ** 2 + 1e9 * abs(w.data[1] - start[1]))

    assert optimizer.pairs == 3
    optimizer.step(steep)
    assert w.data[0] < start[0] and w.data[1] == start[1] and tries[1][1] != 0.0 and tries[-1][1] == 0.0


def test_a_compiled_closure_serves():
    x, y = problem()
    ends = []
    for make in (lambda f: f, autograd.compile):
        w, b = nn.Parameter(np.zeros(5)), nn.Parameter(np.zeros(1))
        run(nn.LBFGS([w, b]), make(closure_of(lambda w, b: regression(w, b, x, y), w, b)), steps=2)
        ends.append(w.data)
    np.testing.assert_allclose(ends[1], ends[0], atol=1e-7)


def test_float32_and_unreached_parameters():
    w, idle = nn.Parameter(np.array([-1.2, 1.0], np.float32)), nn.Parameter(np.ones(2))
    run(nn.LBFGS([w, idle]), closure_of(rosenbrock, w), steps=5)
    assert w.dtype == np.float32 and idle.data.tolist() == [1.0, 1.0]
    np.testing.assert_allclose(w.data, [1.0, 1.0], atol=2e-3)


def test_a_run_goes_on_bit_identically():
    def setting():
        w = nn.Parameter(np.array([-1.2, 1.0]))
        return w, nn.LBFGS([w], max_iter=4, history_size=3)

    w, optimizer = setting()
    run(optimizer, closure_of(rosenbrock, w), steps=2)
    again, restored = setting()
    again.data = w.data.copy()
    restored.load_state_dict(optimizer.state_dict())
    run(optimizer, closure_of(rosenbrock, w), steps=2)
    run(restored, closure_of(rosenbrock, again), steps=2)
    assert w.data.tobytes() == again.data.tobytes() and restored.steps == 4
    assert optimizer.state_dict().keys() == {"learning_rate", "steps", "pairs", "moves", "turns"}


W = nn.Parameter(np.ones(2))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: nn.LBFGS([W]).step(),
            ArgumentError,
            r"LBFGS\.step\(closure\) needs a function that computes the loss",
        ),
        (
            lambda: nn.LBFGS([W], lr=1.0),
            ArgumentError,
            "LBFGS has no option lr; the learning rate is called learning_rate",
        ),
        (
            lambda: nn.LBFGS([W], weight_decay=0.1),
            ArgumentError,
            "LBFGS has no option weight_decay: a line search needs",
        ),
        (lambda: nn.LBFGS([W], max_iter=0), ArgumentError, "max_iter is a whole number of at least 1, got 0"),
        (
            lambda: nn.LBFGS([W], history_size=1.5),
            ArgumentError,
            r"history_size is a whole number of at least 1, got 1\.5",
        ),
        (
            lambda: nn.LBFGS([W], tolerance_grad=-1),
            ArgumentError,
            "tolerance_grad must be a number of at least 0, got -1",
        ),
        (lambda: nn.LBFGS([W]).step(lambda: math.nan), NonFiniteError, "LBFGS: the loss is nan before the step"),
    ],
)
def test_bad_values_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
