"""The lens in the hands of somebody new to it: tables with names, estimators, typos, a single row, and true sentences."""

import re

import numpy as np
import pytest

import nn
from autograd import ops
from autograd.errors import ArgumentError, NonFiniteError
from nn import lens
from nn.lens.permutation import PermutationImportance

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = (X[:, 0] > 0.0).astype(int)
NAMES = ("age", "weight", "height")


def classifier():
    return nn.MLP(3, [8, 2], rng=0)


class Table:
    """What of a pandas or polars table is looked at."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.rows, dtype)


NAMED = {
    "gradient_input": lambda m, t: lens.gradient_input(m, t),
    "smooth_grad": lambda m, t: lens.smooth_grad(m, t, rng=0),
    "integrated_gradients": lambda m, t: lens.integrated_gradients(m, t),
    "expected_gradients": lambda m, t: lens.expected_gradients(m, t, rng=0),
    "deeplift": lambda m, t: lens.deeplift(m, t),
    "shapley": lambda m, t: lens.shapley(m, t, rng=0),
    "permutation_importance": lambda m, t: lens.permutation_importance(m, t, Y, rng=0),
    "weight_importance": lambda m, t: lens.weight_importance(m, t),
}


@pytest.mark.parametrize("ask", NAMED.values(), ids=NAMED)
def test_features_of_a_table_are_called_as_its_columns_are(ask):
    assert ask(classifier(), Table(X, NAMES)).names == NAMES
    assert ask(classifier(), Table(X, range(3))).names == ("x0", "x1", "x2")  # pandas numbers columns without names
    assert ask(classifier(), X).names == ("x0", "x1", "x2")


def test_names_that_are_given_go_before_those_of_the_columns():
    assert lens.deeplift(classifier(), Table(X, NAMES), names=["a", "b", "c"]).names == ("a", "b", "c")


def test_what_gives_nothing_beside_its_output_can_be_traced_and_drawn():
    gpt = nn.models.GPT(vocabulary=11, context=8, layers=1, heads=2, width=16, rng=0).eval()
    with lens.trace(gpt) as seen:
        gpt(RNG.integers(0, 11, (2, 8)))
    assert all(value is not None for _, _, value in seen.values)
    seen.plot()


def importance(means, spread):
    """Of features whose loss worsens by so much in the mean, in two shuffles, which differ by so much."""
    means, spread = np.array(means), np.array(spread)
    losses = np.stack([means - spread, means + spread], axis=1)
    names = tuple(f"x{i}" for i in range(len(means)))
    return PermutationImportance(names, tuple((i,) for i in range(len(means))), 2.0, losses, "mse").verdict


def test_the_first_feature_is_only_said_to_be_needed_if_that_is_shown():
    assert importance([3.0, 1.0], [0.0, 0.5]).endswith("; 1 of 2 are not shown to matter, their intervals reach 0.")
    assert importance([3.0, 1.0], [0.0, 0.0]).endswith(" by 3 ± 0; all others matter too.")
    assert importance([3.0, 1.0], [2.0, 0.0]) == (
        "With x0 shuffled, which costs most, mse worsens from 2 by 3 ± 25, which may be chance; 1 of 2 are shown to "
        "matter, x1 most."
    )
    assert importance([0.0, 1.0], [0.5, 0.5]) == (
        "No feature is shown to matter: with x1 shuffled, which costs most, mse worsens from 2 by 1 ± 6.4, and that "
        "interval holds 0."
    )


def test_what_was_gained_is_not_called_lost():
    assert "the earlier ones have gained 5.0 points since" in lens.forgetting([[0.9, 0.1], [0.95, 0.8]]).verdict


def test_an_order_worse_than_chance_is_not_called_better():
    answer = lens.deletion_curve(nn.Linear(3, 1, rng=0), X, -lens.deeplift(nn.Linear(3, 1, rng=0), X).values, rng=0)
    assert answer.advantage < 0.0 and f"; worse by {-answer.advantage:.1f} deviations" in answer.verdict


def test_a_signal_between_the_size_it_had_and_nothing_shrinks():
    def word(growth):
        return lens.Signal(("0", "1"), (3, 3), np.array([1.0, growth]), np.ones(2), np.ones(2), (None, None)).verdict

    assert word(1.0).startswith("from layer 0 to layer 1 the signal's mean square goes from 1 to 1, a factor of 1 ")
    for growth, expected in (
        (0.002, "vanishes"), (0.015, "shrinks"), (0.2, "keeps its size"), (5.0, "keeps its size"), (15.0, "grows"),
        (200.0, "explodes"),
    ):  # fmt: skip
        assert f": the signal {expected}, the gradient keeps its size" in word(growth)


def test_one_row_does_not_make_a_relu_dead():
    answer = lens.diagnose(classifier(), X[:1], Y[:1])
    assert not answer.findings and "4 rows of X" in answer.unchecked["dead units"]
    assert "dead units" in lens.diagnose(classifier(), X[:4], Y[:4]).levels


TAKES_A_LOSS = {
    "gap": lambda m: lens.gap(m, (X, Y), (X, Y), loss="mse"),
    "permutation": lambda m: lens.permutation_importance(m, X, Y, loss="mse"),
    "signal": lambda m: lens.signal(m, X, Y, loss="mse"),
    "deletion": lambda m: lens.deletion_curve(m, X, np.ones(3), y=Y, loss="mse"),
    "step_table": lambda m: lens.step_table(nn.SGD(m, learning_rate=0.1), m, X, Y, loss="mse"),
    "loss_landscape": lambda m: nn.viz.loss_landscape(m, X, Y, loss="mse"),
    "evaluate": lambda m: nn.evaluate(m, X, Y, loss="mse"),
}


@pytest.mark.parametrize("ask", TAKES_A_LOSS.values(), ids=TAKES_A_LOSS)
def test_a_loss_is_a_function(ask):
    with pytest.raises(ArgumentError, match=r"^loss is a function such as nn.mse, got 'mse'$"):
        ask(classifier())


def seen():
    scaler = lens.RunningScaler()
    scaler.learn(X)
    return scaler


WRONG = {
    "metric": (lambda: lens.permutation_importance(classifier(), X, Y, metric="accuracy"),
               "permutation_importance: metric is a function such as nn.accuracy, got 'accuracy'"),
    "baseline": (lambda: lens.deeplift(classifier(), X, baseline="mean"), "or of X (40, 3), got 'mean'"),
    "one row": (lambda: lens.weight_importance(classifier(), X[:1]),
                "weight_importance: X has a single row, which does not say how the features vary; give more"),
    "tokens": (lambda: lens.weight_importance(nn.Sequential(nn.Embedding(3, 2, rng=0)), np.ones((4, 8), int)),
               "which the model looks up in a table; permutation_importance works for it"),
    "images": (lambda: lens.weight_importance(nn.Sequential(nn.Flatten(), nn.Linear(4, 1, rng=0)), np.ones((3, 2, 2))),
               "(rows, features); shapley and permutation_importance work for every shape"),
    "neuron rows": (lambda: lens.neuron(classifier(), X, "layers.0", 0),
                    "at= chooses a place on the axes besides the neurons', (40,), such as at=(0,), whose first number is"),
    "neuron none": (lambda: lens.neuron(classifier(), X[:0], "layers.0", 0), "gives shape (0, 8); there are no rows"),
    "diagnose y": (lambda: lens.diagnose(classifier(), X, Y.astype(str)),
                   "y must be numbers, but it is ndarray of <U21; classes, y = np.unique(y, return_inverse=True)"),
    "sizes": (lambda: lens.learning_curve({"epochs": 1}, X, Y, 20),
              "learning_curve: sizes are two or more rising numbers, such as [50, 100, 200], got 20"),
    "spectrum": (lambda: lens.spectrum(classifier(), np.full((4, 3), np.nan), Y[:4]), "spectrum: X has NaN"),
    "score": (lambda: lens.prune(classifier(), 0.5, by={"a": 1}), "prune: by={'a': 1}; it is magnitude, random or a"),
    "scaled width": (lambda: seen().transform(X[:, :2]), "it knows rows of shape (3,), got X of shape (40, 2)"),
    "scaled NaN": (lambda: seen().learn([[0.0, np.nan, 0.0]]), "X has NaN or infinite entries, the first in row 0"),
    "standardize": (lambda: lens.Stream(m := classifier(), nn.SGD(m, learning_rate=0.1), standardize="yes"),
                    "Stream: standardize is True, False or a RunningScaler, got 'yes'"),
    "before": (lambda: lens.EWC(classifier(), X, Y, before=3), "EWC: before is the EWC of the task learned before, got 3"),
    "optimizer": (lambda: lens.recipe(optimizer="Adam"), "recipe: optimizer is a class such as nn.AdamW, got 'Adam'"),
    "activation": (lambda: lens.recipe(activation="relu"), "activation is a function such as np.tanh or autograd.relu, or"),
    "a model": (lambda: lens.random_label_fit(classifier(), X, Y), "lambda seed: nn.MLP(4, [8, 3], rng=seed), got MLP"),
    "one argument": (lambda: lens.width_sweep(lambda seed: classifier(), [2, 4], X, Y, X, Y),
                     "build is called as build(width, seed): too many positional arguments"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_named_with_what_was_expected(call, message):
    with pytest.raises((ArgumentError, NonFiniteError), match=re.escape(message)):
        call()


def test_a_place_may_be_one_number_and_names_of_sums_are_told_once():
    m = classifier()
    assert lens.neuron(m, X, "layers.0", 2, at=3).total == lens.neuron(m, X, "layers.0", 2, at=(3,)).total
    m = nn.GRU(2, 3, rng=0)
    with pytest.raises(ArgumentError) as told:
        lens.neuron(m, np.ones((1, 4, 2)), "", 0)
    assert str(told.value).count("weight_hh_l0") == 1


class Fitted:
    """An estimator, as far as a message sees it."""

    model_ = classifier()


@pytest.mark.parametrize("ask", [
    lens.learning, lens.lora, lambda m: lens.freeze(m, "*"), lambda m: lens.prune(m, 0.5), lambda m: lens.complexity(m, X),
    lambda m: lens.diagnose(m, X, Y), lambda m: lens.deeplift(m, X), lambda m: lens.gap(m, (X, Y), (X, Y)),
    lambda m: lens.spectrum(m, X, Y), lambda m: lens.neuron(m, X[:1], "layers.0", 0), lambda m: lens.trace(m).__enter__(),
])  # fmt: skip
def test_who_passes_an_estimator_is_told_where_its_network_is(ask):
    with pytest.raises(ArgumentError, match="got Fitted, whose network is its attribute model_"):
        ask(Fitted())


def test_a_layer_called_by_a_number_is_called_a_layer():
    m = nn.Sequential(nn.Linear(3, 2, rng=0), ops.relu, nn.Linear(2, 1, rng=1))
    assert "of layer 0 on neuron 0 of output" in lens.influence(m, X[:1], "0").verdict
    assert lens.influence(m, X[:1], "0").verdict.endswith(" over 1 row")
    assert lens.neuron(m, X[:1], "0", 1).verdict.startswith("neuron 1 of layer 0 sums 3 terms")


def test_a_neuron_of_the_first_layer_has_inputs_with_the_names_of_the_columns():
    m = classifier()
    assert lens.neuron(m, Table(X[:1], NAMES), "layers.0", 0).names == NAMES
    assert lens.neuron(m, Table(X[:1], NAMES), "layers.1", 0).names == tuple("01234567")


def test_a_recipe_takes_one_width_as_a_number():
    assert lens.recipe(hidden=8).hidden == (8,)


def test_two_seeds_that_disagree_cannot_tell_whether_more_rows_help():
    def verdict(first, second):
        test = np.array([first, second])
        return lens.LearningCurve((20, 40), test, test, 0.95).verdict

    assert verdict([0.5, 0.6], [0.9, 0.5]).endswith(": 2 seeds cannot tell whether more rows help.")
    assert verdict([0.5, 0.5], [0.5, 0.5]).endswith("more rows do not help any more, as far as can be told.")
    assert verdict([0.5, 0.5], [0.7, 0.7]).endswith("more rows still help.")
    assert verdict([0.5, 0.5], [0.3, 0.3]).endswith("more rows made it worse.")


def test_every_rule_is_within_the_picture_and_neurons_are_whole_numbers():
    from nn.style import panel

    m = classifier()
    with panel("a picture") as axes:
        lens.diagnose(m, X, Y).draw(axes)
        low, high = sorted(axes.get_ylim())
        assert low < 0.0 and high > len(axes.get_yticks()) - 1
    with panel("a picture", size=(2.0, 2.0)) as axes:
        lens.influence(m, X, "layers.0").draw(axes)
        for ticks in (axes.get_xticks(), axes.get_yticks()):
            assert np.array_equal(ticks, np.round(ticks))


def test_rows_that_equal_the_baseline_have_no_feature_that_moves_them():
    verdict = lens.deeplift(classifier(), np.zeros((2, 3))).verdict
    assert verdict == "DeepLIFT: no feature moves the output of these rows away from its base, all attributions are 0."


def test_a_loss_can_be_followed_of_a_model_with_any_output():
    gpt = nn.models.GPT(vocabulary=11, context=8, layers=1, heads=2, width=16, rng=0)
    tokens = RNG.integers(0, 11, (4, 8))
    answer = lens.deletion_curve(gpt, tokens, np.arange(8.0), y=tokens, baseline=0, rng=0)
    assert answer.measure == "cross_entropy" and answer.curve[0] == float(nn.cross_entropy(gpt.predict(tokens), tokens))


def test_whole_numbers_to_predict_are_told_from_classes():
    m, ages = nn.MLP(3, [1], rng=0), RNG.integers(20, 60, 40)
    with pytest.raises(
        ArgumentError, match=r"gap: train: whole numbers y are classes, here up to \d+, but the model has a "
    ):
        lens.gap(m, (X, ages), (X, ages))
    with pytest.raises(ArgumentError, match=r"for numbers with nn\.mse and targets that are floats"):
        lens.permutation_importance(m, X, ages)
