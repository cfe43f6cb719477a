"""Clipping: by norm as optax does, by value, non-finite gradients with their name, in a compiled step too."""

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from autograd.errors import ArgumentError, NonFiniteError

CLIPS = {"norm": nn.clip_norm, "value": nn.clip_value}
both = pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)


def model(dtype=np.float64):
    network = nn.MLP(4, [5, 3], np.tanh, rng=0, dtype=dtype)
    rng = np.random.default_rng(1)
    for p in network.parameters():
        p.grad = rng.normal(size=p.shape).astype(dtype)
    return network


def gradients(network):
    return [p.grad for p in network.parameters()]


@pytest.mark.oracle
@pytest.mark.parametrize("limit", [0.01, 1.0, 100.0])
def test_clip_norm_is_optaxs(limit):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    network = model()
    before = gradients(network)
    with jax.enable_x64(True):
        theirs = optax.clip_by_global_norm(limit).update(before, optax.EmptyState())[0]
        norm = float(optax.tree.norm(before))
    assert nn.clip_norm(network, limit) == pytest.approx(norm, rel=1e-14)
    for mine, other in zip(gradients(network), theirs, strict=True):
        np.testing.assert_allclose(mine, np.asarray(other), rtol=1e-13)


def test_the_norm_after_clipping_is_the_limit_or_what_it_was():
    for limit in (0.5, 1e3):
        network = model()
        before = gradients(network)
        norm = nn.clip_norm(network, limit)
        assert nn.clip_norm(network, 1e9) == pytest.approx(min(norm, limit), rel=1e-14)
        if limit > norm:
            assert all(np.array_equal(a, b) for a, b in zip(before, gradients(network), strict=True))


def test_clip_value_is_a_clip_of_each():
    network = model()
    before = gradients(network)
    assert nn.clip_value(network, 0.3) is None
    assert all(np.array_equal(np.clip(a, -0.3, 0.3), b) for a, b in zip(before, gradients(network), strict=True))


@both
def test_gradients_are_rebound_and_keep_their_dtype(clip):
    network = model(np.float32)
    before = [(g, g.copy()) for g in gradients(network)]
    clip(network, 0.1)
    assert {g.dtype for g in gradients(network)} == {np.dtype(np.float32)}
    assert all(np.array_equal(g, kept) for g, kept in before)


@both
def test_mixed_dtypes_floats_and_parameters_without_gradient(clip):
    double, single, scalar, idle = (nn.Parameter(x) for x in (np.ones(2), np.ones(2, np.float32), 1.0, np.ones(3)))
    double.grad, single.grad, scalar.grad = np.ones(2), np.ones(2, np.float32), 1.0
    clip([double, single, scalar, idle, double], 0.5)
    assert double.grad.dtype == np.float64 and single.grad.dtype == np.float32 and type(scalar.grad) is float
    expected = 0.5 if clip is nn.clip_value else 0.5 / 5.0**0.5  # the one that comes twice counts once
    np.testing.assert_allclose([*double.grad, *single.grad, scalar.grad], expected, rtol=1e-6)
    assert not idle.has_grad and nn.clip_norm([idle], 1.0) == 0.0


def test_finite_gradients_whose_squares_are_not():
    p = nn.Parameter(np.zeros(2, np.float32))
    p.grad = np.array([3e30, 4e30], np.float32)
    assert nn.clip_norm([p], 5.0) == pytest.approx(5e30, rel=1e-6)
    np.testing.assert_allclose(p.grad, [3.0, 4.0], rtol=1e-6)


def test_a_recorded_gradient_is_clipped_as_a_plain_one():
    p = nn.Parameter(np.array([2.0, 3.0]))
    (p * p).sum().backward(record=True)
    assert isinstance(p.grad, Value)
    nn.clip_value([p], 5.0)
    assert p.grad.tolist() == [4.0, 5.0]


@both
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_named_and_nothing_changes(clip, bad):
    network = model()
    network.layers[1].weight.grad[1, 2] = bad
    before = [g.copy() for g in gradients(network)]
    with pytest.raises(NonFiniteError, match=r"the gradient of layers\.1\.weight has NaN or infinite entries"):
        clip(network, 1.0)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, gradients(network), strict=True))
    with pytest.raises(NonFiniteError, match=r"the gradient of parameters\[1\] has NaN"):
        clip([network.layers[0].bias, network.layers[1].weight], 1.0)


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_a_compiled_step_clips_and_raises_too(clip, dtype):
    ends = []
    for make in (lambda f: f, autograd.compile):
        network, x = nn.MLP(4, [5, 3], np.tanh, rng=0, dtype=dtype), np.ones((3, 4), dtype)
        optimizer = nn.SGD(network, 0.1)

        def step(x, network=network, optimizer=optimizer):
            loss = np.mean(network(x) ** 2)
            optimizer.zero_grad()
            loss.backward()
            norm = clip(network, 0.05)
            optimizer.step()
            return loss.data, norm

        f = make(step)
        ends.append([f(x) for _ in range(4)])
        weights = network.state_dict()
        with pytest.raises(NonFiniteError, match=r"the gradient of layers\.0\.weight has NaN or infinite entries"):
            f(x * dtype(np.nan))
        assert all(np.array_equal(weights[path], p.data) for path, p in network.named_parameters())
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(b[0], a[0], rtol=1e-5)
        assert (a[1] is b[1] is None) if clip is nn.clip_value else b[1] == pytest.approx(a[1], rel=1e-5)


@both
@pytest.mark.parametrize("limit", [0.0, -1.0, "much"])
def test_bad_limits_are_refused(clip, limit):
    with pytest.raises(ArgumentError, match="limit must be"):
        clip(model(), limit)
