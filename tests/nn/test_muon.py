"""Muon: orthogonal steps, what counts as a matrix, and the AdamW beside it."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from nn.optim.muon import orthogonalized

RATE = 0.05


def one_step(model, optimizer):
    """The change of every parameter after one step with the gradient cos(w)."""
    before = {path: p.data for path, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = np.cos(p.data)
    optimizer.step()
    return {path: p.data - before[path] for path, p in model.named_parameters()}


@pytest.mark.parametrize("shape", [(4, 4), (3, 8), (9, 2), (1, 5)], ids=str)
def test_the_step_keeps_directions_and_levels_their_lengths(shape):
    m = np.random.default_rng(0).normal(size=shape)
    u, s, vt = np.linalg.svd(m, full_matrices=False)
    levelled = u.T @ orthogonalized(m) @ vt.T
    np.testing.assert_allclose(levelled, np.diag(np.diag(levelled)), atol=1e-12)
    lengths = np.diag(levelled)[s > 0.01 * s[0]]
    assert (lengths > 0.6).all() and (lengths < 1.25).all()


def test_a_kernel_is_a_matrix_of_its_output_channels():
    kernel, matrix = nn.Parameter(np.ones((2, 3, 2, 2))), nn.Parameter(np.ones((2, 12)))
    gradient = np.random.default_rng(0).normal(size=(2, 12))
    kernel.grad, matrix.grad = gradient.reshape(2, 3, 2, 2), gradient
    nn.Muon([kernel, matrix], RATE).step()
    assert np.array_equal(kernel.data.reshape(2, 12), matrix.data) and not np.array_equal(matrix.data, np.ones((2, 12)))


def test_tall_matrices_step_by_the_root_of_their_shape():
    wide, tall = nn.Parameter(np.zeros((2, 8))), nn.Parameter(np.zeros((8, 2)))
    wide.grad = np.random.default_rng(0).normal(size=(2, 8))
    tall.grad = wide.grad.T.copy()
    nn.Muon([wide, tall], RATE).step()
    np.testing.assert_allclose(tall.data, 2.0 * wide.data.T, rtol=1e-12)


def test_biases_and_named_matrices_go_by_adamw():
    first, second = (nn.MLP(4, [5, 3], np.tanh, rng=0, dtype=np.float64) for _ in range(2))
    options = {"learning_rate": 0.01, "betas": (0.5, 0.9)}
    muon = one_step(first, nn.Muon(first, RATE, adamw_for=["layers.1.*"], adamw=options))
    adamw = one_step(second, nn.AdamW(second, **options))
    same = {path: np.array_equal(muon[path], adamw[path]) for path in muon}
    assert same == {"layers.0.weight": False, "layers.0.bias": True, "layers.1.weight": True, "layers.1.bias": True}


def test_the_rate_of_its_adamw_is_a_ratio():
    model = nn.Linear(3, 2, rng=0)
    optimizer = nn.Muon(model, 0.02, adamw={"learning_rate": 0.001}, groups={"bias": {"learning_rate": 0.04}})
    assert optimizer.adamw.learning_rate == pytest.approx(0.001)
    optimizer.learning_rate = 0.01
    assert optimizer.adamw.learning_rate == pytest.approx(0.0005)
    assert optimizer.groups["bias"].adamw.learning_rate == pytest.approx(0.001)  # the group's matrices would have 0.02
    state = optimizer.state_dict()
    assert state["adamw"] == 0.05
    optimizer.adamw.learning_rate = 0.007
    optimizer.load_state_dict(state)
    assert optimizer.adamw.learning_rate == pytest.approx(0.0005)
    assert nn.Muon(model, 0.0).adamw.learning_rate == 0.0


def test_decay_of_groups_reaches_both_formulas():
    model = nn.Linear(3, 2, rng=0, dtype=np.float64)
    model.bias.data = np.ones(2)
    optimizer = nn.Muon(model, RATE, weight_decay=0.0, groups={"*": {"weight_decay": 0.5}})
    for p in model.parameters():
        p.grad = np.zeros(p.shape)
    before = model.state_dict()
    optimizer.step()
    for path, p in model.named_parameters():
        np.testing.assert_allclose(p.data, before[path] * (1.0 - RATE * 0.5), rtol=1e-15)


def test_float32_and_python_floats_stay():
    p, q = nn.Parameter(np.ones((3, 2), np.float32)), nn.Parameter(0.5)
    p.grad, q.grad = np.ones((3, 2), np.float32), 1.0
    optimizer = nn.Muon([p, q])
    optimizer.step()
    assert p.dtype == optimizer.state[0]["velocity"].dtype == np.float32 and type(q.data) is float


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(ArgumentError, match=r"Muon: adamw_for: no parameter matches 'wieght'; .* weight"):
        nn.Muon(nn.Linear(3, 2, rng=0), adamw_for=["wieght"])
