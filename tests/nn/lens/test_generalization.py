"""Gaps, recipes, comparisons and learning curves: figures from closed forms, pairs that are pairs, errors by their text."""

import math

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError
from nn import lens
from nn.datasets import digits
from nn.lens.generalization import _wrong


def blobs(rows=120, classes=3, spread=0.7, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    angles = 2 * np.pi * np.arange(classes) / classes
    centres = 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (centres[y] + spread * rng.normal(size=(rows, 2))).astype(np.float32), y


QUICK = {"hidden": (16,), "epochs": 4, "compile": False, "progress": False}


# gap


class Reader(nn.Module):
    """Says what stands in the input: column 0 is the logit of class 1."""

    def __init__(self):
        self.scale = nn.Parameter(np.ones(()))

    def forward(self, x):
        return np.stack([0.0 * x[:, 0], x[:, 0] * self.scale], axis=1)


def inputs(right, rows):
    """Rows of class 1, the first `right` of them with logit 2, the others with −2."""
    return np.where(np.arange(rows) < right, 2.0, -2.0)[:, None], np.ones(rows, int)


def test_a_gap_is_the_difference_of_shares_and_of_losses():
    found = lens.gap(Reader(), inputs(18, 20), inputs(30, 50))
    assert found.accuracy == (0.9, 0.6)
    assert found.accuracy_gap == pytest.approx(0.3)
    right, wrong = math.log1p(math.exp(-2.0)), math.log1p(math.exp(2.0))
    np.testing.assert_allclose(found.loss, (0.9 * right + 0.1 * wrong, 0.6 * right + 0.4 * wrong), rtol=1e-12)
    assert found.loss_interval[0] < found.loss_gap == found.loss[1] - found.loss[0] < found.loss_interval[1]
    assert found.sizes == (20, 50)
    assert found.verdict == (
        "It is right on 90.0 % of training and 60.0 % of test rows, a gap of 30.0 points (6.4 to 45.6): more than "
        "chance, so it has learned some rows by heart or the test rows are of another kind."
    )


def test_a_small_gap_is_no_more_than_chance():
    found = lens.gap(Reader(), inputs(9, 10), inputs(8, 10))
    assert found.accuracy_interval[0] < 0.0
    assert found.verdict.endswith("no more than chance may do.")


def test_regression_has_a_gap_in_the_loss_alone():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 1))
    model = nn.MLP(5, [64, 1], rng=0)
    nn.fit(model, X[:20], y[:20], epochs=200, rng=0, progress=False)
    found = lens.gap(model, (X[:20], y[:20]), (X[20:], y[20:]))
    assert found.accuracy is None
    assert found.loss_interval[0] > 0.0
    swapped = lens.gap(model, (X[20:], y[20:]), (X[:20], y[:20]))  # less on what is called test rows is not "more"
    assert f" on test rows, a gap of {swapped.loss_gap:.4g} (-" in swapped.verdict
    assert "it has learned some rows by heart" in found.verdict
    assert [row[0] for row in found.rows()[1]] == ["loss"]


def test_the_bootstrap_covers_what_it_should():
    """Of 200 gaps whose truth is 0, about 95 % of the intervals contain it; 4 standard errors of that count are 6 %."""
    rng, inside = np.random.default_rng(0), 0
    for i in range(200):
        sides = [inputs(int(rng.binomial(40, 0.8)), 40) for _ in "ab"]
        low, high = lens.gap(Reader(), *sides, rng=i).loss_interval
        inside += low <= 0.0 <= high
    assert 0.88 <= inside / 200 <= 1.0


def test_gap_says_what_it_cannot_use():
    good = inputs(3, 4)
    with pytest.raises(ArgumentError, match=r"gap: test is a pair \(X, y\) of arrays, got ndarray"):
        lens.gap(Reader(), good, good[0])
    with pytest.raises(ArgumentError, match=r"gap: train: X has NaN or infinite entries, the first in row 1"):
        lens.gap(Reader(), (np.array([[0.0], [np.nan]]), [0, 1]), good)
    with pytest.raises(ArgumentError, match=r"gap: confidence lies between 0 and 1, such as 0.95, got 95"):
        lens.gap(Reader(), good, good, confidence=95)
    model = nn.Sequential(Reader(), lambda out: out * np.inf)
    with np.errstate(invalid="ignore"), pytest.raises(ArgumentError, match="gap: train: the loss of row 0 is NaN"):
        lens.gap(model, good, good)


# recipes


def test_recipes_start_with_the_same_weights_and_take_the_same_rows():
    """Label smoothing of 0, dropout that is not reached and an augment that changes nothing give the baseline's bits."""
    X, y = blobs()
    plain = lens.recipe(hidden=(16,), epochs=3, compile=False)
    shares = plain(X, y, np.random.default_rng(5))(X)
    for options in ({"augment": lambda x, rng: x}, {"ensemble": 1}, {"validation_fraction": 0.5}):
        other = lens.recipe(hidden=(16,), epochs=3, compile=False, **options)
        np.testing.assert_array_equal(other(X, y, np.random.default_rng(5))(X), shares)
    many = lens.recipe(hidden=(16,), epochs=3, compile=False, ensemble=3)(X, y, np.random.default_rng(5))(X)
    rng = np.random.default_rng(5)
    np.testing.assert_allclose(many, np.mean([plain(X, y, rng)(X) for _ in range(3)], axis=0), rtol=1e-12)
    assert not np.array_equal(many, shares)


@pytest.mark.parametrize(
    "options",
    [{"weight_decay": 5.0}, {"dropout": 0.5}, {"patience": 1}, {"label_smoothing": 0.2}, {"mixup": 1.0}, {"average": "ema"},
     {"average": "swa"}, {"augment": lambda x, rng: x + rng.normal(size=x.shape)},
     {"mixup": 0.5, "augment": lambda x, rng: x + rng.normal(size=x.shape)}],
    ids=lambda options: "+".join(f"{k}" for k in options),
)  # fmt: skip
@pytest.mark.parametrize("compiled", [False, True])
def test_each_recipe_trains_and_changes_something(options, compiled):
    X, y = blobs()
    common = {"hidden": (16,), "epochs": 6, "compile": compiled, "learning_rate": 0.02}
    shares = lens.recipe(**common, **options)(X, y, np.random.default_rng(0))(X)
    np.testing.assert_allclose(shares.sum(1), 1.0, rtol=1e-6)
    assert np.mean(shares.argmax(1) == y) > 0.85
    assert not np.array_equal(shares, lens.recipe(**common)(X, y, np.random.default_rng(0))(X))


def test_swa_is_the_mean_of_the_weights_at_the_last_ends_of_epochs():
    X, y = blobs(60)
    kept, made = [], []

    def model(inputs, outputs, rng):
        made.append(nn.MLP(inputs, [4, outputs], rng=rng))
        return made[-1]

    lens.recipe(model=model, epochs=4, average="swa", compile=False)(X, y, np.random.default_rng(0))
    for epochs in (3, 4):
        lens.recipe(model=model, epochs=epochs, compile=False)(X, y, np.random.default_rng(0))
        kept.append(made[-1].state_dict())
    for name, array in made[0].state_dict().items():
        np.testing.assert_allclose(array, (kept[0][name] + kept[1][name]) / 2, rtol=1e-5, atol=1e-7)


def test_an_averaged_network_with_batch_norm_gets_its_statistics_anew():
    X, y = blobs()
    made = []

    def model(inputs, outputs, rng):
        made.append(nn.Sequential(nn.Linear(inputs, 8), nn.BatchNorm1d(8), np.tanh, nn.Linear(8, outputs), rng=rng))
        return made[-1]

    lens.recipe(model=model, epochs=6, average="ema", compile=False)(X, y, np.random.default_rng(0))
    before = np.array(made[0][1].running_mean)
    nn.recompute_norm_statistics(made[0], X)
    np.testing.assert_allclose(made[0][1].running_mean, before, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"drop_out": 0.5}, "recipe has no option drop_out; did you mean 'dropout'?"),
        ({"xyz": 0.5}, "recipe has no option xyz; there are hidden, activation, model"),
        ({"dropout": 1.0}, "recipe: dropout must lie in [0, 1), got 1.0"),
        ({"mixup": -1}, "recipe: mixup must be a number of at least 0, got -1"),
        ({"average": "EMA"}, 'recipe: average is "ema", "swa" or None, got \'EMA\''),
        ({"average": "ema", "patience": 3}, "recipe: average and patience both say which weights are kept"),
        ({"ensemble": 0}, "recipe: ensemble is a whole number of at least 1, got 0"),
        ({"model": nn.MLP, "dropout": 0.1}, "recipe: dropout is for hidden=…"),
    ],
    ids=lambda x: "" if isinstance(x, str) else "+".join(x),
)
def test_a_recipe_says_what_it_cannot_use(options, text):
    with pytest.raises(ArgumentError) as caught:
        lens.recipe(**options)
    assert text in str(caught.value)


def test_a_model_that_is_none_is_told():
    with pytest.raises(ArgumentError, match=r"rng\) → nn.Module, it gave int"):
        lens.recipe(model=lambda i, o, rng: 3)(*blobs(), np.random.default_rng(0))


# compare


def oracle(share):
    """A recipe that learns nothing and is sure of class 0, with probability `share`."""
    return lambda X, y, rng: lambda X: np.tile([share, 1.0 - share], (len(X), 1))


def test_the_table_of_recipes_with_known_answers():
    X, y = np.zeros((40, 1)), np.repeat([0, 1], [30, 10])
    recipes = {"sure": oracle(0.75), "unsure": oracle(0.6), "wrong": oracle(0.25)}
    found = lens.compare(recipes, X, y, test=0.2, seeds=3, progress=False)
    np.testing.assert_allclose(found.test_accuracy, [[0.75] * 3, [0.75] * 3, [0.25] * 3])
    np.testing.assert_allclose(found.train_accuracy, found.test_accuracy)
    np.testing.assert_allclose(found.test_nll[0], -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    np.testing.assert_allclose(found.test_ece, [[0.0] * 3, [0.15] * 3, [0.5] * 3], atol=1e-12)
    assert found.difference("wrong") == pytest.approx((-0.5, -0.5, -0.5))
    start = "Beside sure, right on 75.0 % of the test rows: "
    assert found.verdict == start + "wrong (-50.0 points) hurt; of unsure (+0.0 points) 3 seeds cannot tell."
    assert "-50.0 (-50.0 to -50.0)" in str(found)
    assert found.rows()[1][0][3] is None


def test_differences_are_those_of_pairs_with_bonferronis_t():
    X, y = blobs(90, spread=2.0)
    found = lens.compare({"plain": {}, "decay": {"weight_decay": 20.0}, "short": {"epochs": 1}}, X, y, seeds=4, **QUICK)
    pairs = found.test_nll[1] - found.test_nll[0]
    mean, low, high = found.difference("decay", "nll")
    assert mean == pytest.approx(pairs.mean())
    half = 4.176535 * pairs.std(ddof=1) / 2.0  # Student's t of 3 degrees at 1 − 0.05 / 4, by tables
    assert (low, high) == pytest.approx((mean - half, mean + half), rel=1e-5)


def test_comparing_is_repeatable_and_seeds_differ():
    X, y = blobs(spread=1.5)
    one, two = (lens.compare({"plain": {}}, X, y, seeds=3, rng=1, **QUICK) for _ in range(2))
    np.testing.assert_array_equal(one.test_nll, two.test_nll)
    assert len(set(one.test_nll[0])) == 3
    assert one.verdict.endswith("nothing else was tried.")


def test_wrong_labels_are_as_many_as_asked_for_and_others():
    y = np.arange(200) % 4
    wrong = _wrong(y, 0.15, np.random.default_rng(0))
    assert np.sum(wrong != y) == 30
    assert set(wrong) <= set(range(4))
    np.testing.assert_array_equal(_wrong(y, 0.0, np.random.default_rng(0)), y)


def test_who_learns_wrong_labels_by_heart_is_seen():
    data = digits()
    found = lens.compare(
        {"plain": {}, "early": {"patience": 2}}, data.X, data.y, test=0.9, seeds=2, wrong_labels=0.2, hidden=(64,),
        epochs=60, learning_rate=0.01, progress=False,
    )  # fmt: skip
    assert found.train_accuracy[0].min() > 0.99  # the wrong labels too
    assert found.train_accuracy[1].max() < 0.97
    assert found.difference("early", "nll")[0] < -0.2


def test_other_test_rows_may_be_given():
    X, y = blobs(90)
    found = lens.compare({"plain": {}}, X[:60], y[:60], test=(X[60:], y[60:]), seeds=2, **QUICK)
    assert found.test_accuracy.shape == (1, 2)
    assert np.all(np.abs(found.test_accuracy * 30 - np.round(found.test_accuracy * 30)) < 1e-9)


@pytest.mark.parametrize(
    ("recipes", "options", "text"),
    [
        ({}, {}, 'recipes is a dict such as {"plain"'),
        ({"a": 3}, {}, "recipe 'a' is lens.recipe(…), a dict of its options, or a function, got 3"),
        ({"a": {"drop": 1}}, {}, "recipe has no option drop"),
        ({"a": lens.recipe()}, {"epochs": 3}, "epochs: options are for recipes that are dicts, and none is one"),
        ({"a": lambda X, y, rng: 3}, {}, "compare: a(X, y, rng) gives a function X → probabilities, got int"),
        ({"a": lambda X, y, rng: lambda X: X}, {}, "compare: a: expected probabilities (84, at least 3 classes)"),
        ({"a": {}}, {"wrong_labels": 2}, "compare: wrong_labels must lie in [0, 1], got 2"),
        ({"a": {}}, {"seeds": 0}, "compare: seeds is a whole number of at least 1, got 0"),
    ],
    ids=range(8),
)
def test_compare_says_what_it_cannot_use(recipes, options, text):
    with pytest.raises(ArgumentError) as caught:
        lens.compare(recipes, *blobs(), progress=False, **options)
    assert text in str(caught.value)


def test_data_that_cannot_be_classified_are_told():
    X, y = blobs()
    with pytest.raises(ArgumentError, match=r"compare: y is class numbers .* got float64 of shape \(120,\) \(for regr"):
        lens.compare({"a": {}}, X, y * 1.0)
    with pytest.raises(ArgumentError, match="compare: X has NaN or infinite entries, the first in row 3"):
        lens.compare({"a": {}}, np.where(np.arange(120)[:, None] == 3, np.inf, X), y)
    found = lens.compare({"a": oracle(0.5)}, np.zeros((20, 1)), np.arange(20) % 2, seeds=1, progress=False)
    with pytest.raises(ArgumentError, match=r"recipes are a; metrics accuracy, nll, ece"):
        found.difference("a", "auc")


# learning curves


def test_more_rows_help_until_they_do_not():
    data = digits()
    options = {"hidden": (32,), "epochs": 30, "learning_rate": 0.01, "compile": False, "progress": False}
    found = lens.learning_curve({}, data.X, data.y, [20, 60, 200], seeds=3, **options)
    mean, low, _ = found.last_step()
    assert found.test_accuracy.shape == (3, 3)
    assert np.all(np.diff(found.test_accuracy.mean(1)) > 0.05)
    assert low > 0.0
    assert found.verdict.endswith("more rows still help.") and f"changes by {100 * mean:+.1f} points" in found.verdict
    X, y = np.zeros((40, 1)), np.repeat([0, 1], [30, 10])
    flat = lens.learning_curve(oracle(0.8), X, y, [4, 16], seeds=2, progress=False)
    assert flat.verdict == (
        "From 4 to 16 rows the test accuracy changes by +0.0 points (0.0 to 0.0), to 75.0 %: more rows do not help any "
        "more, as far as can be told."
    )
    with pytest.raises(ArgumentError, match=r"sizes are two or more rising numbers up to 28, got \[4, 40\]"):
        lens.learning_curve(oracle(0.8), X, y, [4, 40], progress=False)


# pictures, and nothing is touched


def test_they_draw():
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    X, y = np.zeros((40, 1)), np.repeat([0, 1], [30, 10])
    found = [
        lens.gap(Reader(), inputs(18, 20), inputs(30, 50)),
        lens.gap(Reader(), inputs(300, 300), inputs(0, 7)),  # the ends of their intervals are 1 and 0, not near it
        lens.compare({"a": oracle(0.6), "b": oracle(0.7), "c": oracle(0.2)}, X, y, seeds=1, progress=False),
        lens.learning_curve(oracle(0.8), X, y, [4, 16], seeds=1, progress=False),
    ]
    for answer in found:
        axes = Figure().subplots()
        assert answer.plot(axes) is axes
        assert axes.has_data()
        assert answer.verdict in str(answer)


def test_a_gap_leaves_everything_as_it_was():
    X, y = blobs()
    net = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), np.tanh, nn.Dropout(0.5), nn.Linear(8, 3), rng=0)
    optimizer = nn.Adam(net)
    nn.fit(net, X, y, optimizer=optimizer, epochs=1, rng=0, progress=False)
    net.train()
    net[1].eval()

    def all_of():
        arrays = {**net.state_dict(), **optimizer.state_dict()}
        arrays |= {f"grad {path}": np.array(p.grad) for path, p in net.named_parameters()}
        states = [rng.bit_generator.state for _, rng in net.named_generators()]
        return arrays, states, [module.training for _, module in net.named_modules()]

    before = all_of()
    lens.gap(net, (X[:60], y[:60]), (X[60:], y[60:]))
    lens.calibration(net, X, y)
    lens.temperature(net, X, y)
    after = all_of()
    assert before[1:] == after[1:]
    for name, array in before[0].items():
        np.testing.assert_array_equal(after[0][name], array)


def test_one_recipe_far_off_does_not_squeeze_the_others():
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    shares = np.array([[0.70, 0.71, 0.72], [0.72, 0.72, 0.74], [0.69, 0.71, 0.73], [0.1, 0.1, 0.1], [0.71, 0.72, 0.73]])
    zeros = np.zeros_like(shares)
    found = lens.Comparison(("plain", "a", "b", "awful", "c"), zeros, zeros, zeros, shares, zeros, zeros, 0.95)
    axes = Figure().subplots()
    found.plot(axes)
    assert axes.get_xlim()[0] > -20.0
    assert [text.get_text() for text in axes.texts] == ["◂ -61.0"]


def test_where_nobody_looks_there_is_no_bar(capsys):
    from nn.progress import rounds

    assert list(rounds("abc", True, "training")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")
