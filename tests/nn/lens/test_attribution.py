"""Attributions of rows: closed forms, completeness, every kind of model, nothing left behind, clear refusals."""

import re

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd.errors import ArgumentError, NonFiniteError
from autograd.ops import relu, softmax
from nn import lens

RNG = np.random.default_rng(7)
X = RNG.normal(size=(12, 4))
BASE = RNG.normal(size=4)
TO_A_BASELINE = [lens.gradient_input, lens.integrated_gradients, lens.deeplift]
TO_A_BACKGROUND = [lens.expected_gradients, lens.shapley]


class Function(nn.Module):
    """A model that is one formula."""

    def __init__(self, formula):
        self.formula = formula

    def forward(self, x):
        return self.formula(x)


def biased(model, seed=3):
    """The model with biases, which start at 0, so that kinks lie somewhere."""
    draw = np.random.default_rng(seed)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.data = draw.normal(size=parameter.shape).astype(parameter.dtype)
    return model


def linear(outputs=1, dtype=np.float64):
    return biased(nn.Linear(4, outputs, rng=1, dtype=dtype))


# closed forms


@pytest.mark.parametrize("method", TO_A_BASELINE)
def test_of_a_linear_model_it_is_weight_times_distance(method):
    model = linear()
    answer = method(model, X, baseline=BASE)
    np.testing.assert_allclose(answer.values, model.weight.data * (X - BASE), rtol=1e-12)
    assert answer.max_gap < 1e-13


def test_smooth_grad_of_a_linear_model_too():
    model = linear()
    answer = lens.smooth_grad(model, X, baseline=BASE, samples=3, rng=0)
    np.testing.assert_allclose(answer.values, model.weight.data * (X - BASE), rtol=1e-12)
    np.testing.assert_allclose(answer.margin, 0.0, atol=1e-13)


def test_shapley_of_a_linear_model_is_weight_times_distance_from_the_mean():
    model = linear()
    answer = lens.shapley(model, X, background=X[:5])
    np.testing.assert_allclose(answer.values, model.weight.data * (X - X[:5].mean(0)), rtol=1e-10, atol=1e-14)


def test_expected_gradients_of_a_linear_model_go_to_the_backgrounds_mean():
    model = linear()
    answer = lens.expected_gradients(model, X, background=X[:5], samples=20, rng=0)  # 20 = 4 times each of 5
    np.testing.assert_allclose(answer.values, model.weight.data * (X - X[:5].mean(0)), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("method", [lens.integrated_gradients, lens.deeplift])
def test_of_a_sum_of_functions_each_feature_has_its_own_change(method):
    model = Function(lambda x: np.sin(x[:, 0]) + np.exp(x[:, 1]) + relu(x[:, 2]) * 3.0 + x[:, 3] ** 2)
    each = lambda x: np.stack([np.sin(x[..., 0]), np.exp(x[..., 1]), 3 * np.maximum(x[..., 2], 0), x[..., 3] ** 2], -1)
    answer = method(model, X, baseline=BASE, **({"tolerance": 1e-9} if method is lens.integrated_gradients else {}))
    np.testing.assert_allclose(answer.values, each(X) - each(BASE), atol=1e-8)
    np.testing.assert_allclose(lens.shapley(model, X, background=BASE[None]).values, each(X) - each(BASE), atol=1e-12)


@pytest.mark.parametrize("method", [lens.integrated_gradients, lens.deeplift])
def test_a_product_is_shared_by_the_mean_of_the_other_factor(method):
    model = Function(lambda x: x[:, 0] * x[:, 1])
    expected = np.stack(
        [(X[:, 0] - BASE[0]) * (X[:, 1] + BASE[1]) / 2, (X[:, 1] - BASE[1]) * (X[:, 0] + BASE[0]) / 2], 1
    )
    answer = method(model, X, baseline=BASE)
    np.testing.assert_allclose(answer.values[:, :2], expected, atol=1e-12)
    np.testing.assert_array_equal(answer.values[:, 2:], 0.0)


def test_deeplift_is_the_rescale_rule_layer_by_layer():
    model = biased(nn.MLP(4, [5, 3, 1], np.tanh, rng=0, dtype=np.float64))
    states = {}
    for name, x in (("row", X), ("base", np.tile(BASE, (len(X), 1)))):
        states[name] = []
        for layer in model.layers:
            z = x @ layer.weight.data.T + layer.bias.data
            x = np.tanh(z) if layer is not model.layers[-1] else z
            states[name].append((z, x))
    multiplier = np.ones((len(X), 1)) * model.layers[-1].weight.data
    for k in (1, 0):
        (z, a), (z0, a0) = states["row"][k], states["base"][k]
        multiplier = (multiplier * (a - a0) / (z - z0)) @ model.layers[k].weight.data
    np.testing.assert_allclose(lens.deeplift(model, X, baseline=BASE).values, multiplier * (X - BASE), rtol=1e-9)


def test_deeplift_sees_what_a_slope_does_not():
    model = Function(lambda x: relu(1.0 - relu(1.0 - x[:, 0])))  # flat at 2; from 0 to 2 it rises by 1
    x = np.array([[2.0]])
    assert lens.gradient_input(model, x).values[0, 0] == 0.0
    assert lens.deeplift(model, x).values[0, 0] == 1.0


# completeness


@pytest.mark.parametrize("activation", [relu, np.tanh])
@pytest.mark.parametrize(("tolerance", "gap"), [(1e-3, 1e-2), (1e-10, 1e-9)])
def test_integrated_gradients_refine_until_the_gap_is_small(activation, tolerance, gap):
    model = biased(nn.MLP(4, [16, 16, 1], activation, rng=0, dtype=np.float64))
    answer = lens.integrated_gradients(model, X, tolerance=tolerance, most=50_000)
    assert answer.max_gap < gap
    assert answer.max_gap <= tolerance * max(np.abs(answer.output - answer.base).max(), 1.0)


def test_features_whose_errors_cancel_are_refined_all_the_same():
    model = Function(lambda x: relu(x[:, 0] - 0.3) - relu(x[:, 1] - 0.3))  # kinks at the same place, opposite signs
    answer = lens.integrated_gradients(model, np.array([[1.0, 1.0], [2.0, 0.0]]), tolerance=1e-8)
    np.testing.assert_allclose(answer.values[0], [0.7, -0.7], atol=1e-7)


def test_most_bounds_the_work_and_the_gap_says_what_is_left():
    model = biased(nn.MLP(4, [64, 64, 1], rng=0, dtype=np.float64))
    few = lens.integrated_gradients(model, X, tolerance=1e-12, most=7)
    many = lens.integrated_gradients(model, X, tolerance=1e-12, most=3000)
    assert few.evaluations == (7 + 2) * len(X)  # the row, its baseline, one rule of seven points
    assert many.max_gap < 0.1 * few.max_gap


def small_cnn(dtype):
    return nn.models.CNN((1, 6, 6), 3, channels=(2, 3), rng=0, dtype=dtype)


class Attention(nn.Module):
    """Products of values that both depend on the input, and a softmax."""

    def __init__(self, dtype):
        self.attention = nn.MultiheadAttention(4, 2, rng=0, dtype=dtype)
        self.head = nn.Linear(4, 2, rng=1, dtype=dtype)

    def forward(self, x):
        return self.head(np.mean(self.attention(x, x, x)[0], axis=1))


def reused(dtype):
    layer = biased(nn.Linear(4, 4, rng=1, dtype=dtype))
    return nn.Sequential(layer, relu, layer, nn.Residual(nn.Sequential(layer, np.tanh)), nn.LayerNorm(4, dtype=dtype))


MODELS = {
    "mlp": (lambda dtype: biased(nn.MLP(4, [8, 8, 3], rng=0, dtype=dtype)), X, 0.0),
    "layers used again, residual, norm": (reused, X, 0.0),
    "gate": (lambda dtype: nn.Sequential(linear(4, dtype), lambda z: z * np.tanh(z) / (1.0 + z * z)), X, 0.0),
    "softmax": (lambda dtype: nn.Sequential(linear(3, dtype), softmax), X, 0.0),
    "attention": (Attention, RNG.normal(size=(3, 5, 4)), 0.0),
    "time first": (
        lambda dtype: nn.Sequential(lambda x: np.swapaxes(x, 0, 1), np.tanh, lambda x: np.sum(x * x, axis=0)[:, :2]),
        RNG.normal(size=(3, 5, 4)), 0.0,
    ),
    "max pooling": (small_cnn, RNG.normal(size=(3, 1, 6, 6)), 2e-2),  # the largest of a window jumps: 32 points of it
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODELS)
def test_deeplift_is_complete_in_every_kind_of_model(name, dtype):
    make, x, allowed = MODELS[name]
    answer = lens.deeplift(make(dtype), x)
    assert answer.values.shape == x.shape
    assert answer.relative_gap < (allowed or (1e-5 if dtype == np.float32 else 1e-10))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODELS)
def test_integrated_gradients_are_complete_too(name, dtype):
    make, x, _ = MODELS[name]
    assert lens.integrated_gradients(make(dtype), x, tolerance=1e-5).relative_gap < 2e-5


def test_a_batch_gives_what_its_rows_give_one_by_one():
    model = biased(nn.MLP(4, [64, 16, 3], rng=0, dtype=np.float64))  # 64 weights on an axis: no rows, for 32 rows
    x = np.resize(X, (32, 4)) + 0.01 * np.arange(32)[:, None]
    for method in TO_A_BASELINE:
        whole = method(model, x, target=1, baseline=BASE).values
        single = [method(model, row[None], target=1, baseline=BASE).values[0] for row in x]
        np.testing.assert_allclose(whole, single, atol=5e-4 if method is lens.integrated_gradients else 1e-12)


def test_expected_gradients_leave_a_gap_that_more_samples_close():
    model = biased(nn.MLP(4, [8, 1], np.tanh, rng=0, dtype=np.float64))
    gaps = [lens.expected_gradients(model, X, samples=n, rng=0).mean_gap for n in (12, 1200)]
    assert gaps[1] < 0.3 * gaps[0]  # a tenth is expected of a hundred times the draws


def test_the_margin_of_expected_gradients_holds_the_truth():
    model = biased(nn.MLP(4, [8, 1], np.tanh, rng=0, dtype=np.float64))
    truth = np.mean([lens.integrated_gradients(model, X, baseline=b, tolerance=1e-6).values for b in X], axis=0)
    answer = lens.expected_gradients(model, X, samples=240, rng=0)
    assert np.mean(np.abs(answer.values - truth) <= answer.margin) > 0.93


# what is explained


def test_by_default_it_is_the_predicted_class():
    model = biased(nn.MLP(4, [8, 3], rng=0, dtype=np.float64))
    logits = model.predict(X)
    answer = lens.gradient_input(model, X)
    np.testing.assert_array_equal(answer.target, logits.argmax(1))
    np.testing.assert_array_equal(answer.output, logits.max(1))


def test_a_class_one_for_each_row_or_a_function():
    model = biased(nn.MLP(4, [8, 3], rng=0, dtype=np.float64))
    logits = model.predict(X)
    np.testing.assert_array_equal(lens.deeplift(model, X, target=2).output, logits[:, 2])
    several = np.arange(len(X)) % 3
    np.testing.assert_array_equal(lens.deeplift(model, X, target=several).output, logits[np.arange(len(X)), several])
    margin = lens.deeplift(model, X, target=lambda out: out[:, 0] - out[:, 1])
    np.testing.assert_allclose(margin.output, logits[:, 0] - logits[:, 1], rtol=1e-12)
    assert margin.max_gap < 1e-12


def test_a_baseline_is_a_number_a_row_or_one_for_each():
    model = linear()
    for baseline in (2.0, np.full(4, 2.0), np.full(X.shape, 2.0)):
        np.testing.assert_allclose(
            lens.gradient_input(model, X, baseline=baseline).values, model.weight.data * (X - 2.0), rtol=1e-12
        )


# nothing is left behind


class Busy(nn.Module):
    """Dropout, running statistics, a generator: what looking could change."""

    def __init__(self):
        self.first, self.norm = nn.Linear(4, 6, rng=0), nn.BatchNorm1d(6)
        self.drop, self.last = nn.Dropout(0.5, rng=1), nn.Linear(6, 3, rng=2)

    def forward(self, x):
        return self.last(self.drop(relu(self.norm(self.first(x)))))


@pytest.mark.parametrize("method", [*TO_A_BASELINE, lens.smooth_grad, *TO_A_BACKGROUND])
def test_looking_leaves_the_model_bit_for_bit(method):
    model = Busy()
    optimizer = nn.Adam(model, 0.01)
    nn.fit(model, X, np.arange(12) % 3, optimizer=optimizer, epochs=1, rng=0, progress=False)
    nn.cross_entropy(model(X.astype(np.float32)), np.arange(12) % 3).backward()
    model.norm.eval()
    before, moments = footprint(model), str(optimizer.state_dict())
    x = X.copy()
    first = method(model, x, **({"rng": 0} if method not in TO_A_BASELINE else {}))
    assert footprint(model) == before
    assert str(optimizer.state_dict()) == moments
    np.testing.assert_array_equal(x, X)
    again = method(model, x, **({"rng": 0} if method not in TO_A_BASELINE else {}))
    np.testing.assert_array_equal(first.values, again.values)


# reading it


def test_the_verdict_names_the_feature_and_the_gap():
    answer = lens.integrated_gradients(linear(), X, names=["a", "b", "c", "d"])
    assert re.fullmatch(
        r"integrated gradients: [abcd] moves the output most, by [\d.]+ in the mean \(\d+% of all\); a row's attributions "
        r"add up to output − base within [\d.e-]+\.",
        answer.verdict,
    )


def test_where_they_do_not_add_up_the_verdict_says_so():
    model = Function(lambda x: np.exp(2.0 * x[:, 0]))
    verdict = lens.gradient_input(model, X).verdict
    assert re.search(r"but the attributions do not add up: they miss output − base by \d+%, so their sizes", verdict)


def test_tables_are_sorted_and_pictures_drawn():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    answer = lens.smooth_grad(linear(), X, samples=3, rng=0)
    heads, rows = answer.rows()
    assert heads[-1] == "±"
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)
    axes = figure.subplots(1, 3)
    answer.plot(axes[0])
    assert len(axes[0].patches) == 4
    image = lens.deeplift(small_cnn(np.float64), RNG.normal(size=(2, 1, 6, 6)))
    image.plot(axes[1])
    assert axes[1].images[0].get_array().shape == (6, 6)
    assert image.names[7] == "x[0,1,1]"


# refusals


BAD = X.copy()
BAD[3, 2] = np.nan


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: lens.deeplift(linear(), BAD), "deeplift: X has NaN or infinite entries, the first in row 3, feature 2"),
        (lambda: lens.deeplift(linear(), X[0]), "deeplift: X has shape (4,), expected (rows, features) or (rows, …)"),
        (lambda: lens.gradient_input(linear(3), X, target=3), "gradient_input: target=3, but the classes are 0 … 2"),
        (lambda: lens.gradient_input(linear(3), X, target="cat"), "target is a class number, one for each of the 12 rows"),
        (lambda: lens.gradient_input(linear(), X, target=1), "target=1, but the model has a single output; leave"),
        (lambda: lens.gradient_input(linear(), X, target=lambda out: out), "target gave shape (12, 1), expected (12,)"),
        (lambda: lens.gradient_input(Function(lambda x: x[:, None] * 1.0), X), "the model gives shape (1, 1, 4) for one"),
        (lambda: lens.deeplift(linear(), X, baseline=np.ones(3)), "baseline is a number or has the shape of a row (4,)"),
        (lambda: lens.deeplift(linear(), X, baseline=np.inf), "deeplift: baseline has NaN or infinite entries"),
        (lambda: lens.deeplift(linear(), X, names=["a"]), "deeplift: names has 1 entries, a row has 4 features"),
        (lambda: lens.expected_gradients(linear(), X, background=X[:, :2]), "background has shape (12, 2), expected rows"),
        (lambda: lens.smooth_grad(linear(), X, noise=-1.0), "noise must be a number of at least 0, got -1.0"),
        (lambda: lens.integrated_gradients(linear(), X, tolerance=0.0), "tolerance must be a number above 0, got 0.0"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        call()


def test_there_is_no_gradient_of_what_is_looked_up():
    model = nn.Sequential(nn.Embedding(5, 3, rng=0), lambda x: np.mean(x, axis=1), nn.Linear(3, 2, rng=0))
    with pytest.raises(
        ArgumentError, match="which the model looks up in a table, so that there is no gradient; shapley"
    ):
        lens.deeplift(model, np.array([[0, 1], [2, 3]]))


def test_a_model_that_gives_nan_is_named_as_such():
    with np.errstate(invalid="ignore"), pytest.raises(NonFiniteError, match="deeplift: the model's output is nan"):
        lens.deeplift(Function(lambda x: np.log(x[:, 0])), -np.abs(X))
