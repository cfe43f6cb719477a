"""Twelve faults, each planted in a training that is else healthy, are named by their rule, with number, place and remedy.

Where another rule also fires, the test says why that is true as well.
"""

import math

import numpy as np
import pytest

import nn
from autograd import stop_gradient
from autograd.ops import relu, sigmoid
from nn.datasets import digits
from nn.lens import diagnose

DIGITS = digits()
X, Y = DIGITS.X[:400], DIGITS.y[:400]
HELD = DIGITS.X[400:600], DIGITS.y[400:600]
SEEDS = (0, 1)


def trained(model, *, X=X, y=Y, rate=0.003, epochs=10, **options):
    """(history, optimizer) of a training with Adam, unless another optimiser is given."""
    optimizer = options.pop("optimizer", None) or nn.Adam(model, learning_rate=rate)
    return nn.fit(model, X, y, optimizer=optimizer, epochs=epochs, rng=0, progress=False, **options), optimizer


def named(diagnosis):
    return {finding.rule for finding in diagnosis.findings}


def the(diagnosis, rule):
    """The gravest finding of this rule."""
    return next(finding for finding in diagnosis.findings if finding.rule == rule)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loss_at_birth_that_is_not_ln_k(seed):
    model = nn.MLP(64, [32, 10], rng=seed)
    model.layers[-1].weight.data = 8.0 * model.layers[-1].weight.data
    found = diagnose(model, X, Y, optimizer=nn.Adam(model, learning_rate=0.003), validation=HELD)
    # logits of this size are also saturated: most rows are wrong with a probability above 0.99
    assert {"loss at birth"} <= named(found) <= {"loss at birth", "saturated logits"}
    finding = the(found, "loss at birth")
    assert finding.expected == "about ln 10 = 2.3"
    assert finding.number > math.log(10) + 2
    assert "scale the last layer's start down" in finding.remedy


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loss_at_birth_of_targets_without_a_scale(seed):
    y = 300.0 + 5.0 * X @ np.random.default_rng(seed).normal(size=(64, 1))
    model = nn.MLP(64, [32, 1], rng=seed)
    found = diagnose(model, X, y, birth=model.state_dict())
    assert "loss at birth" in named(found)
    # an output that is 300 off cannot be there in 600 small steps
    assert named(found) <= {"loss at birth", "cannot overfit one batch"}


def test_a_loss_at_birth_that_is_too_low():
    model = nn.MLP(10, [10], None, rng=0)
    model.layers[0].weight.data = 10.0 * np.eye(10, dtype=np.float32)
    one_hot = np.eye(10)[Y]  # the target itself is among the features
    found = diagnose(model, one_hot, Y, birth=model.state_dict())
    assert named(found) == {"loss at birth"}
    assert the(found, "loss at birth").expected == "at least 0.46"


@pytest.mark.parametrize("seed", SEEDS)
def test_dead_units(seed):
    model = nn.MLP(64, [32, 32, 10], rng=seed)
    model.layers[1].bias.data = np.where(np.arange(32) < 24, -20.0, 0.0).astype(np.float32)
    found = diagnose(model, X, Y, optimizer=nn.Adam(model, learning_rate=0.003), validation=HELD)
    assert named(found) == {"dead units"}
    finding = the(found, "dead units")
    assert finding.where == "layers.1, relu of 32"
    assert 24 <= 32 * finding.number <= 28


def test_dead_units_of_tanh_and_of_functions_in_a_row():
    model = nn.Sequential(nn.Linear(64, 16), np.tanh, nn.Linear(16, 10), rng=0)
    found = diagnose(model, 100.0 * X, Y)  # pixels from 0 to 100
    assert "dead units" not in named(found)  # saturated, but not on every row
    model.layers[0].bias.data = np.full(16, 9.0, np.float32)
    found = diagnose(model, X, Y)
    assert the(found, "dead units").where == "1, tanh of 16"
    assert named(found) == {"dead units", "exploding or vanishing gradients"}  # such units let next to nothing through


def deep(activation, seed, scale=1.0, depth=12):
    """A stack of layers whose matrices start `scale` times as large as they should."""
    layers = [layer for _ in range(depth) for layer in (nn.Linear(32, 32), activation)]
    model = nn.Sequential(nn.Linear(64, 32), activation, *layers, nn.Linear(32, 10), rng=seed)
    for path, parameter in model.named_parameters():
        if parameter.ndim == 2 and path != list(dict(model.named_parameters()))[-2]:
            parameter.data = scale * nn.init.he_normal(
                parameter.shape, rng=np.random.default_rng([seed, parameter.size])
            )
    return model


@pytest.mark.parametrize("seed", SEEDS)
def test_vanishing_gradients(seed):
    found = diagnose(deep(sigmoid, seed, 0.5), X, Y, validation=HELD)
    # a network whose first layers get no gradient does not learn four rows by heart either
    assert {"exploding or vanishing gradients"} <= named(found)
    assert named(found) <= {"exploding or vanishing gradients", "cannot overfit one batch"}
    finding = the(found, "exploding or vanishing gradients")
    assert finding.where == "0 over 26"
    assert finding.number < 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_exploding_gradients(seed):
    found = diagnose(deep(np.tanh, seed, 6.0), X, Y, validation=HELD)
    assert "exploding or vanishing gradients" in named(found)
    assert the(found, "exploding or vanishing gradients").number > 1e3
    # tanh units of such sums are at their ends, and four rows are not learned in so rough a landscape
    assert named(found) <= {"exploding or vanishing gradients", "cannot overfit one batch", "dead units"}


def test_a_gradient_that_explodes_once_in_a_history():
    history = nn.History(train_loss=[2.0, 1.5, 1.2, 1.4, 0.9], gradient_norm=[1.0, 1.2, 1.1, 400.0, 1.0])
    found = diagnose(history)
    assert named(found) == {"exploding or vanishing gradients"}
    assert the(found, "exploding or vanishing gradients").where == "history, epoch 4"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", [1e-6, 1.0])
def test_update_ratios_far_from_a_thousandth(seed, rate):
    model = nn.MLP(64, [32, 10], rng=seed)
    found = diagnose(model, X, Y, optimizer=nn.Adam(model, learning_rate=rate), validation=HELD)
    assert named(found) == {"update ratio"}
    ratio = the(found, "update ratio").number
    assert ratio > 1 if rate == 1.0 else ratio < 1e-5
    if rate < 1:
        history, optimizer = trained(model, rate=rate)
        # a loss that such a rate leaves where it was is a plateau, too
        assert named(diagnose(model, X, Y, history=history, optimizer=optimizer)) == {"update ratio", "plateau"}
        assert named(diagnose(history)) == {"update ratio", "plateau"}


@pytest.mark.parametrize("seed", SEEDS)
def test_saturated_logits(seed):
    model = nn.MLP(64, [32, 10], rng=seed)
    trained(model, epochs=1)
    hot = nn.Sequential(model, lambda z: 70.0 * z)
    found = diagnose(hot, X, Y)
    # the rows that are wrong cost so much that the loss is above that of knowing nothing
    assert {"saturated logits"} <= named(found) <= {"saturated logits", "loss at birth"}
    finding = the(found, "saturated logits")
    assert finding.where.startswith("prediction, |logits| up to ")
    assert 0.3 < finding.number < 1.0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_rate_above_the_limit_of_the_curvature(seed, momentum):
    model = nn.MLP(64, [32, 10], rng=seed)
    optimizer = nn.SGD(model, 5.0 * (1.0 + momentum), momentum=momentum)
    found = diagnose(model, X, Y, optimizer=optimizer, validation=HELD)
    # with such a rate the next step is as long as the weights
    assert {"rate above 2/λmax"} <= named(found) <= {"rate above 2/λmax", "update ratio"}
    finding = the(found, "rate above 2/λmax")
    assert finding.number > 2
    usable = float(finding.expected.rpartition(" ")[2])
    optimizer.learning_rate = usable
    assert named(diagnose(model, X, Y, optimizer=optimizer)) == set()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_silent_broadcast_in_a_loss_of_ones_own(seed):
    y = X @ np.random.default_rng(seed).normal(size=64)
    y = (y - y.mean()) / y.std()
    model = nn.MLP(64, [16, 1], rng=seed)

    def mean_square(prediction, target):
        return np.mean((prediction - target) ** 2)

    found = diagnose(model, X, y, loss=mean_square, rng=seed)
    # the loss of all pairs cannot fall: no prediction is near all targets
    assert {"silent broadcast"} <= named(found) <= {"silent broadcast", "cannot overfit one batch"}
    finding = found.findings[0]
    assert finding.rule == "silent broadcast"
    assert "prediction (256, 1) and target (256,)" in finding.where
    assert finding.number == 256 * 256
    assert named(diagnose(model, X, y[:, None], loss=mean_square, rng=seed)) == set()


def test_losses_that_broadcast_on_purpose_are_no_finding():
    model = nn.MLP(64, [32, 10], rng=0)

    def own_cross_entropy(logits, target):
        shifted = logits - np.max(logits, axis=1, keepdims=True)
        log_p = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
        return -np.mean(log_p[np.arange(len(target)), target])

    def weighted(prediction, target):
        return np.mean(np.array([1.0, 2.0]) * (prediction - target) ** 2)

    assert diagnose(model, X, Y, loss=own_cross_entropy).findings == ()
    assert diagnose(nn.MLP(64, [16, 2], rng=0), X, X[:, 20:22], loss=weighted).findings == ()


def with_dropout(seed):
    return nn.Sequential(nn.Linear(64, 32), relu, nn.Dropout(0.5), nn.Linear(32, 10), rng=seed)


def with_norm(seed):
    return nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), relu, nn.Linear(32, 10), rng=seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("make", "kind"), [(with_dropout, "not even the same twice"), (with_norm, "the same every time")]
)
def test_a_forgotten_eval(seed, make, kind):
    model = make(seed)
    history, optimizer = trained(model)
    given = {"history": history, "optimizer": optimizer, "validation": HELD}
    found = diagnose(model, X, Y, **given)
    assert named(found) == {"forgotten eval"}
    assert kind in the(found, "forgotten eval").where
    assert "model.eval()" in the(found, "forgotten eval").remedy
    assert diagnose(model.eval(), X, Y, **given).findings == ()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_leakage_between_splits(seed, noise):
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(X), 10)
    V = np.concatenate([HELD[0], X[rows] + noise * rng.normal(size=(10, 64)).astype(np.float32)])
    w = np.concatenate([HELD[1], Y[rows]])
    model = nn.MLP(64, [32, 10], rng=seed)
    found = diagnose(model, X, Y, validation=(V, w), rng=seed)
    assert named(found) == {"leakage between splits"}
    finding = the(found, "leakage between splits")
    assert finding.number == pytest.approx(10 / 210)
    assert finding.where == "validation, 10 rows, the first 200"


def test_rows_that_repeat_by_nature_are_no_leakage():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 3, size=(300, 2)).astype(float)  # nine different ones
    y = rows.sum(axis=1).astype(int)
    model = nn.MLP(2, [16, 5], rng=0)
    assert "leakage between splits" not in named(diagnose(model, rows[:200], y[:200], validation=(rows[200:], y[200:])))


class Cut(nn.Module):
    """A network whose features do not reach the output: stop_gradient, and weights that start at 0."""

    def __init__(self, seed):
        self.body, self.head = nn.Linear(64, 32, rng=seed), nn.Linear(32, 10, rng=seed)

    def forward(self, x):
        return self.head(np.tanh(0.0 * stop_gradient(self.body(x))))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_network_that_cannot_overfit_one_batch(seed):
    found = diagnose(Cut(seed), X, Y, validation=HELD)
    assert named(found) == {"cannot overfit one batch"}
    assert the(found, "cannot overfit one batch").number > 0.5
    y = (Y[:, None] - 4.5) / 2.9
    positive = nn.Sequential(
        nn.Linear(64, 32), relu, nn.Linear(32, 1), relu, rng=seed
    )  # targets below 0 are out of reach
    assert "cannot overfit one batch" in named(diagnose(positive, X, y))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plateau(seed):
    y = np.random.default_rng(seed).permutation(Y)  # rows of X and y that do not belong together
    model = nn.MLP(64, [8, 10], rng=seed)
    history, optimizer = trained(model, y=y, epochs=15, rate=0.001)
    found = diagnose(model, X, y, history=history, optimizer=optimizer, validation=HELD)
    assert named(found) == {"plateau"}
    assert the(found, "plateau").where == "history, epochs 6 to 15"
    assert "plateau" in named(diagnose(history))


def test_a_loss_that_converges_is_no_plateau():
    rng = np.random.default_rng(0)
    y = X @ rng.normal(size=(64, 1))
    y = (y - y.mean()) / y.std() + rng.normal(size=(400, 1))  # half of the variance is noise
    model = nn.MLP(64, [1], rng=0)
    history, _ = trained(model, y=y, epochs=60, rate=0.01)
    assert history.train_loss[-1] > 0.95 * history.train_loss[-20]
    assert diagnose(model, X, y, history=history).findings == ()


# NaN, with its origin


def nan_in(array, *place):
    array = np.array(array)
    array[place] = np.nan
    return array


def test_a_nan_in_x_is_found_with_row_and_feature():
    found = diagnose(nn.MLP(64, [8, 10], rng=0), nan_in(X, 17, 3), Y)
    assert named(found) == {"NaN or infinity"}
    assert found.findings[0].where == "X, row 17, feature 3"
    assert found.findings[0].number == 1
    assert found.unchecked["dead units"] == "finite numbers in X, y and the weights"
    found = diagnose(nn.MLP(64, [8, 1], rng=0), X, nan_in(X[:, :1], 5))
    assert found.findings[0].where == "y, row 5, feature 0"


def test_a_nan_among_the_weights_is_found_with_its_path():
    model = nn.MLP(64, [8, 10], rng=0)
    model.layers[1].weight.data = nan_in(model.layers[1].weight.data, 2, 1)
    finding = diagnose(model, X, Y).findings[0]
    assert (finding.where, finding.number) == ("layers.1.weight", 1)
    assert "checkpoint" in finding.remedy


def test_a_nan_in_the_forward_pass_is_found_with_layer_and_op():
    model = nn.Sequential(nn.Linear(64, 8), np.log, nn.Linear(8, 10), rng=0)
    finding = diagnose(model, X, Y).findings[0]
    assert finding.rule == "NaN or infinity"
    assert finding.where == "1, forward"
    assert finding.remedy.startswith("log made a NaN or infinity in the forward pass, at ")


def test_a_nan_in_the_backward_pass_is_found_with_its_op():
    model = nn.Sequential(nn.Linear(64, 8), relu, np.sqrt, nn.Linear(8, 10), rng=0)
    finding = diagnose(model, X, Y).findings[0]
    assert finding.where == "2, backward"
    assert finding.remedy.startswith("sqrt: the rule for operand 'x' made a NaN or infinity in the backward pass")


def test_a_nan_in_a_history():
    found = diagnose(nn.History(train_loss=[1.0, 0.5, math.nan]))
    assert found.findings[0].where == "history, epoch 3"
    assert found.verdict.startswith("NaN or infinity: history, epoch 3: expected a finite loss; ")
