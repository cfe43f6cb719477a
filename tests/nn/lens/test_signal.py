"""Signal and distinct: sizes by layer against the theory, and what a start that is the same for all leaves."""

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd import ops
from autograd.errors import ArgumentError, NonFiniteError
from nn import init, lens

RNG = np.random.default_rng(0)


def deep(activation, start, layers=8, width=200, dtype=np.float64):
    model = nn.MLP(width, [width] * layers, activation, rng=0, dtype=dtype)
    for i, layer in enumerate(model.layers):
        layer.weight.data = np.asarray(start(layer.weight.shape, rng=100 + i, dtype=dtype))
    return model


def test_he_keeps_a_relu_signal_and_the_theory_is_the_papers():
    X = RNG.normal(size=(300, 200))
    found = lens.signal(deep(ops.relu, init.he_normal), X)
    np.testing.assert_allclose(
        found.theory, 2.0 * np.mean(X**2), rtol=0.08
    )  # E[w²] of 40,000 deviates by 0.7 %, 8 times
    # a layer's sum has a relative deviation of √(5/200), about 0.16: sum of squares of 200 relu neurons; 8 layers add up
    np.testing.assert_allclose(found.sums, found.theory, rtol=0.5)
    assert found.terms == (200,) * 8
    gradients = [size for size in found.gradient_theory if size is not None]
    assert len(gradients) == 7 and found.gradient_theory[-1] is None
    np.testing.assert_allclose(found.gradients[:-1], gradients, rtol=0.3)
    assert found.verdict.endswith("the signal keeps its size, the gradient keeps its size")


def test_small_starts_vanish_and_large_ones_explode_by_the_factor_of_the_theory():
    X = RNG.normal(size=(200, 200))
    small = lens.signal(
        deep(None, lambda shape, rng, dtype: init.variance_scaling(shape, rng=rng, scale=0.25, dtype=dtype)), X
    )
    assert small.growth == pytest.approx(0.25**7, rel=0.5) and small.gradient_growth == pytest.approx(0.25**7, rel=0.5)
    assert small.verdict.endswith("the signal vanishes, the gradient vanishes")
    large = lens.signal(
        deep(ops.relu, lambda shape, rng, dtype: init.variance_scaling(shape, rng=rng, scale=8.0, dtype=dtype)), X
    )
    assert large.growth == pytest.approx(4.0**7, rel=0.5)
    assert large.verdict.endswith("the signal explodes, the gradient explodes")


def test_the_theory_of_tanh_is_that_of_quadrature():
    from scipy import integrate, stats

    model = deep(np.tanh, init.glorot_normal, layers=3)
    found = lens.signal(model, RNG.normal(size=(100, 200)))
    q, variances = found.theory[0], [np.mean(layer.weight.data**2) * 200 for layer in model.layers]
    for number in (1, 2):
        squash = integrate.quad(lambda z, q=q: np.tanh(np.sqrt(q) * z) ** 2 * stats.norm.pdf(z), -12, 12)[0]
        q = variances[number] * squash
        assert found.theory[number] == pytest.approx(q, rel=1e-9)


def test_what_the_theory_does_not_know_starts_it_anew():
    model = nn.Sequential(
        nn.Linear(6, 20, rng=0), nn.LayerNorm(20), nn.Linear(20, 20, rng=1), lambda z: z * ops.sigmoid(z),
        nn.Linear(20, 4, rng=2),
    )  # fmt: skip
    x = RNG.normal(size=(50, 6)).astype(np.float32)
    found = lens.signal(model, x)
    assert found.layers == ("0", "2", "4")
    normed = model[1](model[0](x)).data
    assert found.theory[1] == pytest.approx(20 * np.mean(model[2].weight.data ** 2) * np.mean(normed**2), rel=1e-5)
    assert found.gradient_theory[0] is None and found.gradient_theory[1] is not None


def test_a_way_around_has_no_theory_of_gradients():
    block = nn.Residual(nn.Linear(8, 8, rng=1))
    found = lens.signal(nn.Sequential(nn.Linear(8, 8, rng=0), block, nn.Linear(8, 2, rng=2)), RNG.normal(size=(9, 8)))
    assert found.gradient_theory == (None, None, None)  # the first sum goes two ways


def test_convolutions_count_their_windows():
    conv = nn.Conv2d(2, 5, 3, stride=2, rng=0, dtype=np.float64)
    model = nn.Sequential(
        conv,
        ops.relu,
        nn.Conv2d(5, 4, 3, rng=1, dtype=np.float64),
        nn.Flatten(),
        nn.Linear(4 * 9 * 9, 2, rng=2, dtype=np.float64),
    )
    found = lens.signal(model, RNG.normal(size=(40, 2, 23, 23)))
    assert found.terms == (18, 45, 324)
    np.testing.assert_allclose(found.sums, found.theory, rtol=0.6)  # few channels: fewer independent weights


def test_a_bias_adds_its_mean_square():
    model = nn.Sequential(nn.Linear(4, 3, rng=0, dtype=np.float64), nn.Linear(3, 2, rng=1, dtype=np.float64))
    X = RNG.normal(size=(10, 4))
    without = lens.signal(model, X).theory
    model[0].bias.data = np.array([1.0, 2.0, 3.0])
    with_bias = lens.signal(model, X).theory
    assert with_bias[0] == pytest.approx(without[0] + 14.0 / 3.0)
    assert with_bias[1] == pytest.approx(without[1] + 14.0 / 3.0 * 3 * np.mean(model[1].weight.data ** 2))


def test_the_loss_gives_the_gradient_if_there_is_one():
    model = nn.MLP(4, [6, 3], np.tanh, rng=0, dtype=np.float64)
    X, y = RNG.normal(size=(10, 4)), RNG.integers(0, 3, 10)
    with lens.trace(model) as t:
        nn.cross_entropy(model(X), y).backward()
    found = lens.signal(model, X, y)
    np.testing.assert_allclose(
        found.gradients, [np.mean(t[f"layers.{i}:linear"].grad ** 2) for i in (0, 1)], rtol=1e-12
    )
    np.testing.assert_allclose(found.sums, [np.mean(t[f"layers.{i}:linear"].data ** 2) for i in (0, 1)], rtol=1e-12)


def test_zeros_are_called_zeros_and_cut_gradients_too():
    model = nn.MLP(4, [6, 6, 3], np.tanh, rng=0)
    X = RNG.normal(size=(10, 4))
    for layer in model.layers:
        layer.weight.data = init.zeros(layer.weight.shape)
    assert lens.signal(model, X).verdict == "the signal is 0 in 3 of 3 layers, first in layers.0"
    stopped = nn.Sequential(nn.Linear(4, 3, rng=0), lambda x: x.detach() + 0.0, nn.Linear(3, 2, rng=1))
    assert lens.signal(stopped, X).layers == ("2",)


def test_mistakes():
    X = RNG.normal(size=(10, 4))
    with pytest.raises(ArgumentError, match="signal: Flatten has no weighted sum"):
        lens.signal(nn.Flatten(), X)
    broken = nn.Sequential(nn.Linear(4, 3, rng=0), lambda x: x * np.inf, nn.Linear(3, 2, rng=1))
    with pytest.raises(NonFiniteError, match=r"signal: the (gradients of 0|sums of 2) are not all finite"):
        lens.signal(broken, X)
    with pytest.raises(ArgumentError, match="signal: X has 10 rows, y has 3"):
        lens.signal(broken, X, np.zeros(3, int))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_is_changed_and_it_reads(dtype):
    model = nn.models.CNN((1, 8, 8), 10, channels=(3, 4), rng=0)
    model.astype(dtype)
    x = RNG.normal(size=(4, 1, 8, 8)).astype(dtype)
    nn.cross_entropy(model(x), np.zeros(4, int)).backward()
    before = footprint(model)
    found = lens.signal(model, x, np.zeros(4, int))
    assert footprint(model) == before
    assert found.layers == ("0", "4", "10") and len(found.rows()[1]) == 3
    figure = pytest.importorskip("matplotlib.figure").Figure()
    assert len(found.plot(figure.subplots()).lines) == 4


def test_weights_that_are_used_at_every_step_have_one_row():
    model = nn.Sequential(nn.GRU(3, 4, rng=0, dtype=np.float64), lambda pair: pair[0])
    X = RNG.normal(size=(5, 6, 3))
    with lens.trace(model) as t:
        model(X)
    found = lens.signal(model, X)
    assert found.layers == ("0.weight_ih_l0", "0.weight_hh_l0")
    steps = [node for node in t["0:linear"] if node.shape == (5, 12)]  # the first is of a state that is still 0
    assert len(steps) == 6 and not steps[0].data.any()
    assert found.sums[1] == pytest.approx(np.mean([np.mean(node.data**2) for node in steps]), rel=1e-12)


@pytest.mark.parametrize("look", [lens.signal, lambda m, X: lens.influence(m, X, "input"), init.lsuv,
                                  lambda m, X: lens.neuron(m, X[0], "layers.0", 0)])  # fmt: skip
def test_networks_of_scalars_are_refused_in_one_sentence(look):
    with pytest.raises(ArgumentError, match=r"looks at arrays, and MLP is of nn.scalar.*nn.MLP is the same network"):
        look(nn.scalar.MLP(2, [3, 1], rng=0), np.ones((4, 2)))
    with pytest.raises(ArgumentError, match="takes a Module, got int"):
        look(3, np.ones((4, 2)))


# distinct


def test_a_constant_start_leaves_one_neuron_and_a_random_one_all_of_them():
    assert lens.distinct(init.constant((32, 64), 0.1)).count == 1
    assert lens.distinct(init.he_normal((32, 64), rng=0)).count == 32
    pairs = lens.distinct(np.repeat(RNG.normal(size=(4, 3)), [3, 1, 2, 1], axis=0))
    assert pairs.groups == ((0, 1, 2), (4, 5), (3,), (6,))
    assert pairs.verdict == "4 different neurons among 7; the largest group of equals has 3"
    assert lens.distinct(np.eye(3)).verdict == "all 3 neurons differ"
    assert str(pairs.table()).splitlines()[1].split() == ["0", "3"]


def test_rounding_makes_no_difference_and_a_bias_makes_one():
    W = np.ones((3, 4), np.float32)
    W[1] += 1e-6
    assert lens.distinct(W).count == 1 and lens.distinct(W, tolerance=0.0).count == 2
    assert lens.distinct(W, bias=[0.0, 0.0, 1.0]).count == 2
    layer = nn.Layer(4, 3, rng=0)
    layer.weight.data, layer.bias.data = W, np.array([0.0, 1.0, 2.0], np.float32)
    assert lens.distinct(layer).count == 3 and lens.distinct(layer.weight).count == 1
    assert lens.distinct(init.constant((3, 2, 3, 3), 0.5)).count == 1  # kernels


def test_trained_from_equal_weights_a_layer_keeps_one_neuron():
    X, y = RNG.normal(size=(60, 5)), RNG.integers(0, 3, 60)
    model = nn.MLP(5, [8, 3], np.tanh, rng=0, dtype=np.float64)  # in float32 rounding would part them in time
    for layer in model.layers:
        layer.weight.data = init.constant(layer.weight.shape, 0.3, dtype=np.float64)
    nn.fit(model, X, y, epochs=5, rng=0, progress=False)
    assert lens.distinct(model.layers[0]).count == 1
    assert lens.distinct(model.layers[1]).count == 3  # the outputs have targets of their own


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lens.distinct(np.ones(3)), ArgumentError, r"\(neurons, inputs, …\), got shape \(3,\)"),
        (lambda: lens.distinct(np.ones((2, 3)), bias=[1.0]), ArgumentError, r"bias has shape \(1,\), expected \(2,\)"),
        (lambda: lens.distinct(nn.MLP(2, [3])), ArgumentError, "MLP has no weight of its own"),
        (lambda: lens.distinct(np.array([[1.0], [np.nan]])), NonFiniteError, "neuron 1 has NaN or infinite weights"),
    ],
)
def test_mistakes_of_distinct(call, error, message):
    with pytest.raises(error, match=message):
        call()
