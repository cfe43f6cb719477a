"""Schedules: their values against optax's, PyTorch's plateau written again, warm-up both ways, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd.errors import ArgumentError
from nn import schedules

OPTAX = {
    "constant": (lambda: schedules.constant(0.3), lambda o: o.constant_schedule(0.3)),
    "linear": (lambda: schedules.linear(0.3, steps=20, end=0.1), lambda o: o.linear_schedule(0.3, 0.1, 20)),
    "cosine": (
        lambda: schedules.cosine(0.3, steps=20, end=0.03),
        lambda o: o.cosine_decay_schedule(0.3, 20, alpha=0.1),
    ),
    "cosine with warmup": (
        lambda: schedules.cosine(0.3, steps=20, end=0.1, warmup=5),
        lambda o: o.warmup_cosine_decay_schedule(0.0, 0.3, 5, 20, 0.1),
    ),
    "exponential": (
        lambda: schedules.exponential(0.3, factor=0.5, every=4),
        lambda o: o.exponential_decay(0.3, 4, 0.5),
    ),
    "exponential with warmup": (
        lambda: schedules.exponential(0.3, factor=0.5, every=4, warmup=6),
        lambda o: o.warmup_exponential_decay_schedule(0.0, 0.3, 6, 4, 0.5),
    ),
    "step": (
        lambda: schedules.step(0.3, every=4, factor=0.5),
        lambda o: o.exponential_decay(0.3, 4, 0.5, staircase=True),
    ),
    "one_cycle": (lambda: schedules.one_cycle(0.3, steps=20), lambda o: o.cosine_onecycle_schedule(20, 0.3)),
    "one_cycle options": (
        lambda: schedules.one_cycle(0.3, steps=20, share=0.45, divisor=5.0, final_divisor=10.0),
        lambda o: o.cosine_onecycle_schedule(20, 0.3, 0.45, 5.0, 10.0),
    ),
    "warmup of linear": (
        lambda: schedules.warmup(schedules.linear(0.3, steps=15), 5, start=0.1),
        lambda o: o.join_schedules([o.linear_schedule(0.1, 0.3, 5), o.linear_schedule(0.3, 0.0, 15)], [5]),
    ),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", OPTAX)
def test_values_are_optaxs(name):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    mine, theirs = OPTAX[name]
    with jax.enable_x64(True):
        expected = np.asarray(jax.vmap(theirs(optax))(jax.numpy.arange(30.0)))
    np.testing.assert_allclose([mine()(t) for t in range(30)], expected, rtol=1e-12, atol=1e-15)


ALL = {
    "constant": schedules.constant,
    "linear": lambda rate, **k: schedules.linear(rate, steps=40, **k),
    "cosine": lambda rate, **k: schedules.cosine(rate, steps=40, **k),
    "exponential": lambda rate, **k: schedules.exponential(rate, factor=0.9, **k),
    "step": lambda rate, **k: schedules.step(rate, every=10, **k),
    "plateau": schedules.plateau,
}


@pytest.mark.parametrize("name", ALL)
@given(warmup=st.integers(1, 39), rate=st.floats(1e-6, 10.0))
def test_the_rate_rises_in_a_straight_line_and_then_never(name, warmup, rate):
    f = ALL[name](rate, warmup=warmup)
    rates = np.array([f(t) for t in range(60)])
    np.testing.assert_allclose(rates[: warmup + 1], rate * np.arange(warmup + 1) / warmup, rtol=1e-12)
    assert (np.diff(rates[warmup:]) <= 1e-15).all() and all(type(f(t)) is float for t in (0, warmup, 60))


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_a_warmup_counts_among_the_steps_and_a_wrapper_before_them(name):
    make = getattr(schedules, name)
    inside, before = make(0.3, steps=40, warmup=10), schedules.warmup(make(0.3, steps=30), 10)
    assert [inside(t) for t in range(50)] == [before(t) for t in range(50)] and inside(39) > 0.0 == inside(40)


@given(st.integers(1, 200), st.floats(0.0, 1.0))
def test_one_cycle_rises_to_its_peak_and_falls(steps, share):
    f = schedules.one_cycle(2.0, steps=steps, share=share)
    rates, peak = [f(t) for t in range(steps + 1)], int(share * steps)
    assert rates[peak] == 2.0 or peak == steps
    assert (np.diff(rates[: peak + 1]) >= 0.0).all() and (np.diff(rates[peak:]) <= 0.0).all()
    assert f(10**6) == pytest.approx(2.0 / 25e4)


def torchs_plateau(losses, rate, factor, patience, threshold, cooldown, least):
    """ReduceLROnPlateau of PyTorch 2, for positive losses, step by step."""
    best, bad, rest = math.inf, 0, 0
    for loss in losses:
        if loss < best * (1.0 - threshold):
            best, bad = loss, 0
        else:
            bad += 1
        if rest > 0:
            rest -= 1
            bad = 0
        if bad > patience:
            rate, rest, bad = max(rate * factor, least), cooldown, 0
    return rate


@given(
    st.lists(st.floats(0.1, 2.0), max_size=30), st.integers(0, 4), st.integers(0, 3), st.sampled_from([0.0, 1e-4, 0.3])
)
def test_plateau_is_pytorchs(losses, patience, cooldown, threshold):
    f = schedules.plateau(1.0, factor=0.5, patience=patience, threshold=threshold, cooldown=cooldown, end=0.01)
    assert f.watches
    for n in range(len(losses) + 1):
        expected = torchs_plateau(losses[:n], 1.0, 0.5, patience, threshold, cooldown, 0.01)
        assert f(7, losses[:n]) == expected


def test_plateau_of_negative_and_of_undefined_losses():
    f = schedules.plateau(1.0, factor=0.5, patience=0, threshold=0.1)
    assert f(0, [-1.0, -1.05]) == 0.5 and f(0, [-1.0, -1.2]) == 1.0
    assert f(0, [math.nan, 1.0, math.nan]) == 0.25


def test_warmup_hands_losses_on():
    f = schedules.plateau(1.0, factor=0.5, patience=0, warmup=4)
    assert f.watches and f(2, [1.0]) == 0.5 and f(2, [1.0, 2.0]) == 0.25 and f(9, [1.0, 2.0, 3.0]) == 0.25
    assert not schedules.warmup(schedules.constant(1.0), 3).watches


def test_an_optimiser_follows_a_schedule():
    p = nn.Parameter(0.0)
    optimizer, f = nn.SGD([p]), schedules.linear(1.0, steps=4)
    for _ in range(5):
        optimizer.learning_rate = f(optimizer.steps)
        p.grad = -1.0
        optimizer.step()
    assert p.data == 1.0 + 0.75 + 0.5 + 0.25


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.constant(-1.0), r"constant: rate must be a number of at least 0, got -1\.0"),
        (lambda: schedules.linear("fast", steps=3), "linear: rate must be a number of at least 0, got 'fast'"),
        (lambda: schedules.linear(1.0, steps=3, end=math.nan), "linear: end must be a number of at least 0, got nan"),
        (lambda: schedules.cosine(1.0, steps=0), "steps is a whole number of at least 1, got 0"),
        (lambda: schedules.cosine(1.0, steps=10, warmup=10), "cosine: a warmup of 10 leaves none of 10 steps"),
        (lambda: schedules.cosine(1.0, steps=10, warmup=-1), "warmup is a whole number of at least 0, got -1"),
        (lambda: schedules.step(1.0, every=2.5), r"every is a whole number of at least 1, got 2\.5"),
        (lambda: schedules.step(1.0, every=2, factor=1.5), r"step: factor must lie in \[0, 1\], got 1\.5"),
        (
            lambda: schedules.exponential(1.0, factor=-0.5),
            r"exponential: factor must lie in \[0, 1\], got -0\.5",
        ),
        (lambda: schedules.one_cycle(1.0, steps=5, share=2.0), r"one_cycle: share must lie in \[0, 1\], got 2\.0"),
        (lambda: schedules.one_cycle(1.0, steps=5, divisor=0.0), "one_cycle: divisors must be positive, got 0.0 and"),
        (lambda: schedules.plateau(1.0, patience=-1), "patience is a whole number of at least 0, got -1"),
        (lambda: schedules.warmup(0.1, 5), r"warmup takes a schedule, such as constant\(0\.1\), got 0\.1"),
        (lambda: schedules.warmup(schedules.constant(1.0), 0), "warmup: steps is a whole number of at least 1, got 0"),
    ],
)
def test_bad_values_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@given(st.lists(st.floats(0.1, 2.0), max_size=20), st.integers(0, 3))
def test_plateau_of_a_metric_is_that_of_its_negative(numbers, patience):
    rising, falling = (schedules.plateau(1.0, patience=patience, mode=mode) for mode in ("max", "min"))
    assert rising(0, numbers) == falling(0, [-number for number in numbers])
    assert rising(0, [1.0, 2.0, 3.0] * 20) < rising(0, [1.0, 2.0]) == 1.0


def test_multi_step_is_a_step_at_equal_distances():
    steps, marks = (
        schedules.step(1.0, every=10, factor=0.5),
        schedules.multi_step(1.0, milestones=[10, 20, 30], factor=0.5),
    )
    assert [marks(t) for t in range(40)] == [steps(t) for t in range(40)] and marks(99) == 0.125
    for wrong, message in (([20, 10], "milestones rise"), ([0], "a milestone is a whole number of at least 1")):
        with pytest.raises(ArgumentError, match=message):
            schedules.multi_step(1.0, milestones=wrong)
    with pytest.raises(ArgumentError, match="mode is min or max, got 'up'"):
        schedules.plateau(1.0, mode="up")
