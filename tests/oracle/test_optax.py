"""Ten steps of every optimiser equal optax's to 1e-12 in float64, with its options set to our conventions."""

import itertools
import math

import numpy as np
import pytest

import nn
from nn.optim.muon import QUINTIC

jax = pytest.importorskip("jax", reason="JAX is not installed")
optax = pytest.importorskip("optax", reason="optax is not installed")
pytestmark = pytest.mark.oracle
RATE, DECAY, STEPS = 0.05, 0.1, 10
QUICKLY = {"xla_backend_optimization_level": 0}  # most of the time here is compiling
BETAS = {"b1": 0.8, "b2": 0.95}


def slope(w):
    return np.cos(3.0 * w) * w + 0.3


def weights(*shape):
    return np.random.default_rng(0).normal(size=shape or (4, 3))


def coupled(rule):
    """Weight decay as part of the gradient."""
    return optax.chain(optax.add_decayed_weights(DECAY), rule)


def torchs_amsgrad():
    """optax corrects v before it takes the largest, PyTorch after; with eps 0 the correction is a factor."""
    return optax.chain(
        optax.scale_by_amsgrad(**BETAS, eps=0.0, bias_correction_nu=False),
        optax.scale_by_schedule(lambda t: (1.0 - BETAS["b2"] ** (t + 1)) ** 0.5),
        optax.scale(-RATE),
    )


def mean_of_muon(momentum, nesterov):
    """optax corrects the running mean for its start at 0, which changes nesterov's direction: the mean without that."""

    def update(gradients, mean, _):
        mean = momentum * mean + (1.0 - momentum) * gradients
        return (momentum * mean + (1.0 - momentum) * gradients if nesterov else mean), mean

    return optax.GradientTransformation(lambda w: 0.0 * w, update)


def muon(momentum, nesterov, decay):
    def orthogonal(u):  # optax takes rows for inputs; the iteration does not mind
        return optax.contrib._muon.orthogonalize_via_newton_schulz(u, jax.numpy.array(QUINTIC), eps=1e-7)

    return optax.chain(
        mean_of_muon(momentum, nesterov),
        optax.stateless(lambda u, w: orthogonal(u) * max(1.0, u.shape[0] / u.shape[1]) ** 0.5),
        optax.add_decayed_weights(decay),
        optax.scale(-RATE),
    )


CASES = {
    "sgd": (nn.SGD, {}, lambda: optax.sgd(RATE)),
    "sgd momentum": (nn.SGD, {"momentum": 0.9}, lambda: optax.sgd(RATE, momentum=0.9)),
    "sgd nesterov": (nn.SGD, {"momentum": 0.9, "nesterov": True}, lambda: optax.sgd(RATE, momentum=0.9, nesterov=True)),
    "sgd decay": (nn.SGD, {"momentum": 0.9, "weight_decay": DECAY}, lambda: coupled(optax.sgd(RATE, momentum=0.9))),
    "adagrad": (nn.Adagrad, {"eps": 0.0}, lambda: optax.adagrad(RATE, initial_accumulator_value=0.0, eps=0.0)),
    "adagrad start": (
        nn.Adagrad,
        {"eps": 0.0, "initial_accumulator_value": 0.3},
        lambda: optax.adagrad(RATE, initial_accumulator_value=0.3, eps=0.0),
    ),
    "adagrad decay": (
        nn.Adagrad,
        {"eps": 0.0, "weight_decay": DECAY},
        lambda: coupled(optax.adagrad(RATE, initial_accumulator_value=0.0, eps=0.0)),
    ),
    "rmsprop": (nn.RMSprop, {}, lambda: optax.rmsprop(RATE, decay=0.99, eps=1e-8, eps_in_sqrt=False)),
    "rmsprop options": (
        nn.RMSprop,
        {"alpha": 0.9, "eps": 0.1, "weight_decay": DECAY},
        lambda: coupled(optax.rmsprop(RATE, decay=0.9, eps=0.1, eps_in_sqrt=False)),
    ),
    "rmsprop momentum": (
        nn.RMSprop,
        {"momentum": 0.8},
        lambda: optax.rmsprop(RATE, decay=0.99, eps=1e-8, eps_in_sqrt=False, momentum=0.8),
    ),
    "rmsprop centered": (
        nn.RMSprop,
        {"centered": True, "momentum": 0.8},
        lambda: optax.rmsprop(RATE, decay=0.99, eps=1e-8, eps_in_sqrt=False, centered=True, momentum=0.8),
    ),
    "adam": (nn.Adam, {}, lambda: optax.adam(RATE)),
    "adam options": (
        nn.Adam,
        {"betas": (0.8, 0.95), "eps": 0.1, "weight_decay": DECAY},
        lambda: coupled(optax.adam(RATE, **BETAS, eps=0.1)),
    ),
    "adam amsgrad": (nn.Adam, {"betas": (0.8, 0.95), "eps": 0.0, "amsgrad": True}, torchs_amsgrad),
    "adamw": (nn.AdamW, {}, lambda: optax.adamw(RATE, weight_decay=0.01)),
    "adamw options": (
        nn.AdamW,
        {"betas": (0.8, 0.95), "eps": 0.1, "weight_decay": DECAY},
        lambda: optax.adamw(RATE, **BETAS, eps=0.1, weight_decay=DECAY),
    ),
    "nadam": (nn.NAdam, {"momentum_decay": math.inf}, lambda: optax.nadam(RATE)),
    "nadam options": (
        nn.NAdam,
        {"momentum_decay": math.inf, "betas": (0.8, 0.95), "eps": 0.1, "weight_decay": DECAY},
        lambda: coupled(optax.nadam(RATE, **BETAS, eps=0.1)),
    ),
    "lion": (nn.Lion, {}, lambda: optax.lion(RATE, weight_decay=0.0)),
    "lion options": (
        nn.Lion,
        {"betas": (0.8, 0.95), "weight_decay": DECAY},
        lambda: optax.lion(RATE, **BETAS, weight_decay=DECAY),
    ),
    "muon": (nn.Muon, {}, lambda: muon(0.95, True, 0.1)),
    "muon options": (
        nn.Muon,
        {"momentum": 0.8, "nesterov": False, "weight_decay": 0.0},
        lambda: muon(0.8, False, 0.0),
    ),
}


def path_of(rule, w):
    def steps(w):
        def step(carry, _):
            w, state = carry
            updates, state = rule.update(jax.numpy.cos(3.0 * w) * w + 0.3, state, w)
            return (w + updates, state), w + updates

        return jax.lax.scan(step, (w, rule.init(w)), None, length=STEPS)[1]

    with jax.enable_x64(True):
        return np.asarray(jax.jit(steps, compiler_options=QUICKLY)(w))


def walk(optimizer, parameter):
    path = []
    for _ in range(STEPS):
        parameter.grad = slope(parameter.data)
        optimizer.step()
        path.append(parameter.data)
    return path


@pytest.mark.parametrize("name", CASES)
def test_ten_steps(name):
    make, options, rule = CASES[name]
    p = nn.Parameter(weights())
    path = walk(make([p], RATE, **options), p)
    np.testing.assert_allclose(path, path_of(rule(), weights()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("memory", [3, 10, 20])
def test_ten_steps_of_lbfgs_go_along_optaxs_directions(memory):
    """Its line search is another, so optax's recursion is taken along our path: each move is parallel to its direction."""

    def loss(w):  # no quadratic: the Hessian changes from step to step
        return (w[1:] - w[:-1] ** 2) @ (w[1:] - w[:-1] ** 2) + 0.1 * (w - 1.0) @ (w - 1.0)

    p = nn.Parameter(weights(4, 2).ravel())
    optimizer = nn.LBFGS([p], max_iter=1, history_size=memory, tolerance_grad=0.0, tolerance_change=0.0)

    def closure():
        value = loss(p)
        value.backward()
        return value

    path = [p.data]
    for _ in range(STEPS):
        optimizer.step(closure)
        path.append(p.data)
    with jax.enable_x64(True):
        rule = optax.scale_by_lbfgs(memory_size=memory)
        state = rule.init(jax.numpy.asarray(path[0]))
        for before, after in itertools.pairwise(path):
            slope = jax.grad(loss)(jax.numpy.asarray(before))
            updates, state = rule.update(slope, state, jax.numpy.asarray(before))
            theirs, move = -np.asarray(updates), after - before
            np.testing.assert_allclose(move / np.linalg.norm(move), theirs / np.linalg.norm(theirs), rtol=0, atol=1e-9)
    assert optimizer.pairs == STEPS and loss(path[-1]) < 0.2 * loss(path[0])


@pytest.mark.parametrize("memory", [3, 10])
def test_ten_steps_of_lbfgs_of_length_one(memory, monkeypatch):
    """Both without a line search, on a loss that each whole step lowers."""
    rng = np.random.default_rng(0)
    rows, targets = rng.normal(size=(40, 6)) * np.linspace(0.3, 2.0, 6), rng.normal(size=40)

    def loss(w):  # no quadratic: the Hessian changes from step to step
        return ((1.0 + (rows @ w - targets) ** 2) ** 0.5).sum() / 40

    monkeypatch.setattr("nn.optim.lbfgs.strong_wolfe", lambda phi, origin, step: (phi(1.0), 1))
    p = nn.Parameter(np.zeros(6))
    optimizer = nn.LBFGS([p], max_iter=1, history_size=memory, tolerance_grad=0.0, tolerance_change=0.0)

    def closure():
        value = loss(p)
        value.backward()
        return value

    path, losses = [], []
    for _ in range(STEPS):
        losses.append(optimizer.step(closure))
        path.append(p.data)
    assert optimizer.pairs == STEPS and np.all(np.diff(losses) < 0.0)
    with jax.enable_x64(True):
        rule = optax.lbfgs(1.0, memory_size=memory, linesearch=None)
        w = jax.numpy.zeros(6)
        state, theirs, slope = rule.init(w), [], jax.grad(loss)
        for _ in range(STEPS):
            updates, state = rule.update(slope(w), state, w)
            w = w + updates
            theirs.append(np.asarray(w))
    np.testing.assert_allclose(path, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 5), (5, 5)], ids=str)
def test_muon_without_nesterov_is_optaxs_own(shape):
    """There the correction of the mean is a factor, which an orthogonal step does not see (eps aside)."""
    p = nn.Parameter(weights(*shape).T.copy())
    path = walk(nn.Muon([p], RATE, nesterov=False, eps=0.0, weight_decay=DECAY), p)
    rule = optax.contrib.muon(RATE, nesterov=False, eps=0.0, weight_decay=DECAY)  # its matrices are (inputs, outputs)
    theirs = [w.T for w in path_of(rule, weights(*shape))]
    np.testing.assert_allclose(path, theirs, rtol=0, atol=1e-12)


def test_muon_leaves_vectors_to_adamw():
    model = nn.Linear(3, 2, rng=0, dtype=np.float64)
    bias = model.bias.data = weights(2)
    options = {"learning_rate": 0.01, "betas": (0.8, 0.95), "weight_decay": DECAY, "decay_all": True}
    optimizer = nn.Muon(model, RATE, adamw=options)
    path = []
    for _ in range(STEPS):
        for p in model.parameters():
            p.grad = slope(p.data)
        optimizer.step()
        path.append(model.bias.data)
    rule = optax.adamw(0.01, **BETAS, weight_decay=DECAY)
    np.testing.assert_allclose(path, path_of(rule, bias), rtol=0, atol=1e-12)
