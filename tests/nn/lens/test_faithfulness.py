"""Deletion curves, the randomised-model check and the comparison of methods."""

import re

import numpy as np
import pytest
from footprint import footprint

import nn
from autograd.errors import ArgumentError
from autograd.ops import relu
from nn import lens

RNG = np.random.default_rng(4)
X = RNG.normal(size=(20, 6))
WEIGHTS = np.array([3.0, -2.0, 1.0, 0.5, -0.2, 0.0])


def linear():
    model = nn.Linear(6, 1, rng=0, dtype=np.float64)
    model.weight.data, model.bias.data = WEIGHTS[None].copy(), np.zeros(1)
    return model


def trained():
    labels = (X[:, 0] * X[:, 1] > 0).astype(int)
    model = nn.MLP(6, [16, 2], rng=0, dtype=np.float64)
    nn.fit(model, X, labels, epochs=60, batch_size=20, rng=0, progress=False, optimizer=nn.Adam(model, 0.02))
    return model, labels


# deletion curves


def test_of_a_linear_model_no_order_removes_faster_than_the_attributions_own():
    answer = lens.deletion_curve(linear(), X, lens.deeplift(linear(), X), steps=6, draws=200, rng=0)
    contributions = WEIGHTS * X
    expected = [np.sort(contributions, axis=1)[:, : 6 - k].sum(1).mean() for k in range(7)]
    np.testing.assert_allclose(answer.curve, expected, atol=1e-12)
    np.testing.assert_allclose(answer.removed, np.arange(7) / 6)
    assert np.all(answer.random >= answer.curve - 1e-12)  # at every share, the largest contributions are gone
    assert answer.advantage > 5.0
    assert answer.verdict.startswith("DeepLIFT: the most important removed first, the output falls to an area of ")
    assert answer.verdict.endswith("so the order knows something.")


def test_the_reverse_order_is_worse_than_chance():
    answer = lens.deletion_curve(linear(), X, -WEIGHTS * X, draws=50, baseline=0.0, rng=0)
    assert answer.advantage < -5.0
    assert "so the order is worse than chance" in answer.verdict


def test_noise_is_no_better_than_chance():
    answer = lens.deletion_curve(linear(), X, RNG.normal(size=X.shape), draws=50, baseline=0.0, rng=0)
    assert abs(answer.advantage) < 2.0
    assert "so the order is no better than chance" in answer.verdict


def test_with_y_the_loss_rises_and_one_order_may_serve_all_rows():
    class Same(nn.Module):  # says 1 where the first two features have one sign
        def forward(self, x):
            return np.stack([0.0 * x[:, 0], 4.0 * x[:, 0] * x[:, 1]], axis=1)

    labels = (X[:, 0] * X[:, 1] > 0).astype(int)
    answer = lens.deletion_curve(
        Same(), X, [1.0, 0.9, 0, 0, 0, 0], y=labels, steps=6, baseline=0.0, method="truth", rng=0
    )
    assert (answer.method, answer.measure) == ("truth", "cross_entropy")
    np.testing.assert_allclose(answer.curve[1:], np.log(2.0), rtol=1e-12)  # without x0 the two classes are alike
    assert answer.curve[0] < 0.3
    assert answer.advantage > 2.0
    by_permutation = lens.permutation_importance(Same(), X, labels, rng=0)
    assert lens.deletion_curve(Same(), X, by_permutation, y=labels, rng=0).method == "permutation"


def test_it_follows_what_the_attribution_explains():
    model, _ = trained()
    attribution = lens.integrated_gradients(model, X, target=1)
    assert lens.deletion_curve(model, X, attribution, rng=0).curve[0] == pytest.approx(model.predict(X)[:, 1].mean())


def test_images_lose_pixels():
    model = nn.models.CNN((1, 6, 6), 3, channels=(2,), rng=0)
    images = RNG.normal(size=(4, 1, 6, 6)).astype(np.float32)
    answer = lens.deletion_curve(model, images, lens.gradient_input(model, images), steps=4, draws=3, rng=0)
    assert answer.curve.shape == (5,)
    assert answer.random.shape == (3, 5)


# the model with shuffled weights


def test_attributions_of_a_shuffled_model_differ_layer_by_layer():
    model, _ = trained()
    answer = lens.randomization_check(model, X, lens.integrated_gradients, rng=0, tolerance=1e-2)
    assert answer.layers == ("layers.1", "layers.0")
    assert answer.method == "integrated gradients"
    assert answer.passed
    assert re.search(
        r"agree with the model's by a rank correlation of -?0\.\d\d, so they depend on what", answer.verdict
    )


def test_a_method_that_ignores_the_model_is_caught():
    def edges(model, x, *, target=None):
        return lens.Attribution("edges", np.asarray(x), ("x",) * 6, np.zeros(len(x)), np.asarray(x).sum(1))

    answer = lens.randomization_check(trained()[0], X, edges, rng=0)
    np.testing.assert_allclose(answer.sizes, 1.0)
    assert not answer.passed
    assert "so they show the input more than what the model has learned" in answer.verdict


def test_the_explained_class_stays_that_of_the_trained_model():
    seen = []

    def method(model, x, *, target):
        seen.append(np.asarray(target))
        return lens.gradient_input(model, x, target=target)

    model, _ = trained()
    lens.randomization_check(model, X, method, rng=0)
    for target in seen:
        np.testing.assert_array_equal(target, model.predict(X).argmax(1))


# comparing


def test_places_and_agreement_are_those_of_the_ranks():
    answer = lens.compare_importance(
        a=np.array([4.0, 3.0, 2.0, 1.0]), b=np.array([4.0, 1.0, 2.0, 3.0]), c=np.array([4.0, 3.0, 1.0, 1.0])
    )
    np.testing.assert_array_equal(answer.places[:, 0], [1, 2, 3, 4])
    np.testing.assert_array_equal(answer.places[:, 1], [1, 4, 3, 2])
    np.testing.assert_array_equal(answer.places[:, 2], [1, 2, 3.5, 3.5])
    assert answer.least[:2] == ("a", "b")
    assert answer.agreement[0, 1] == pytest.approx(0.2)  # 1 − 6 · (0 + 4 + 0 + 4) / (4 · 15)
    assert answer.verdict == (
        "All put x0 first; a and b agree least (rank correlation 0.20), and x1 is in place 2 by a, 4 by b."
    )


def test_answers_of_all_kinds_are_compared_and_drawn():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    model, labels = trained()
    answers = [
        lens.weight_importance(model, X),
        lens.shapley(model, X, background=X[:3]),
        lens.permutation_importance(model, X, labels, rng=0),
    ]
    answer = lens.compare_importance(*answers)
    assert answer.methods == ("magnitude", "Shapley values", "permutation")
    assert lens.compare_importance({"one": answers[0], "two": answers[1]}).methods == ("one", "two")
    axes = figure.subplots(1, 3)
    answer.plot(axes[0])
    lens.deletion_curve(model, X, answers[1], rng=0).plot(axes[1])
    lens.randomization_check(model, X, lens.deeplift, rng=0).plot(axes[2])
    assert len(axes[0].texts) == 9
    assert [len(part.lines) for part in axes[1:]] == [2, 3]


def test_looking_leaves_the_model_bit_for_bit():
    model = nn.Sequential(
        nn.Linear(6, 5, rng=0), nn.BatchNorm1d(5), relu, nn.Dropout(0.5, rng=1), nn.Linear(5, 2, rng=2)
    )
    labels = np.arange(20) % 2
    before = footprint(model)
    attribution = lens.deeplift(model, X)
    lens.deletion_curve(model, X, attribution, rng=0)
    lens.deletion_curve(model, X, attribution, y=labels, rng=0)
    lens.randomization_check(model, X, lens.deeplift, rng=0)
    assert footprint(model) == before


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: lens.deletion_curve(linear(), X, np.ones((3, 6))),
            "deletion_curve: importance has shape (3, 6), expected X's (20, 6) or one entry for each of 6 features",
        ),
        (
            lambda: lens.deletion_curve(linear(), X, np.full(X.shape, np.nan)),
            "deletion_curve: importance has NaN or infinite entries",
        ),
        (
            lambda: lens.randomization_check(linear(), X, "deeplift"),
            "randomization_check: method is a function such as nn.lens.gradient_input, got 'deeplift'",
        ),
        (
            lambda: lens.randomization_check(nn.Sequential(relu), X[:, :1], lens.deeplift),
            "randomization_check: the model has no parameters",
        ),
        (
            lambda: lens.compare_importance(a=np.ones(2)),
            "compare_importance: give at least two answers to compare, got 1",
        ),
        (
            lambda: lens.compare_importance(a=np.ones(2), b=np.ones(3)),
            "compare_importance: b is about 3 features, x0, x1 …; the first answer is about 2, x0, x1 …",
        ),
        (
            lambda: lens.compare_importance(a=np.ones(2), b=np.array([1.0, np.nan])),
            "compare_importance: b has NaN or infinite entries",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        call()
