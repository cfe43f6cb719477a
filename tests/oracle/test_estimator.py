"""NetClassifier and NetRegressor are scikit-learn estimators: every check passes, its tools take them as they are."""

import pickle

import numpy as np
import pytest

import nn

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn.base import clone
from sklearn.calibration import calibration_curve
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedStratifiedKFold,
    cross_val_score,
    learning_curve,
    train_test_split,
    validation_curve,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from nn.estimator import NetClassifier, NetRegressor

pytestmark = pytest.mark.oracle
OTHERS = [
    NetClassifier((), optimizer="SGD", learning_rate=0.1, weight_decay=0.0, epochs=200),
    NetClassifier((16, 8), activation="tanh", optimizer="Muon", batch_size=40, learning_rate=0.01),
    NetClassifier(32, activation="silu", optimizer="RMSprop", learning_rate=0.01, random_state=3),
    NetRegressor((16, 8), activation="gelu", optimizer="NAdam", weight_decay=0.0, learning_rate=0.01),
    NetRegressor((), optimizer="Lion", learning_rate=0.01, weight_decay=0.0),
    NetClassifier(compile=True, epochs=30, learning_rate=0.01),
]


@pytest.fixture(autouse=True)
def every_check(monkeypatch):
    """Without this variable scikit-learn leaves its array API check out."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")


@parametrize_with_checks([NetClassifier(), NetRegressor()])
def test_every_check_of_scikit_learn_passes(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [NetClassifier(early_stopping=True), NetRegressor(early_stopping=True), NetClassifier(dropout=0.3, compile=True)],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": "what is drawn for a row is drawn anew for the same row again"
    },
)
def test_what_draws_for_each_row_passes_all_but_one(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(OTHERS)
def test_every_check_passes_with_other_settings(estimator, check):
    check(estimator)


def scaled(**options):
    return make_pipeline(StandardScaler(), NetClassifier(**({"random_state": 0} | options)))


# its tools


def test_cross_validation_gives_what_it_gives_for_any_estimator():
    scores = cross_val_score(scaled(), *load_iris(return_X_y=True), cv=5)
    assert scores.shape == (5,)
    assert scores.mean() > 0.93
    np.testing.assert_array_equal(scores, cross_val_score(scaled(), *load_iris(return_X_y=True), cv=5))


def test_a_grid_finds_the_width_and_refits_it():
    grid = {"netclassifier__hidden": [(1,), (32,)], "netclassifier__weight_decay": [0.01]}
    search = GridSearchCV(scaled(epochs=60), grid, cv=3).fit(*load_wine(return_X_y=True))
    assert search.best_params_["netclassifier__hidden"] == (32,)
    assert search.best_estimator_[-1].model_.layers[0].weight.shape == (32, 13)


def test_learning_and_validation_curves_rise_where_they_should():
    X, y = load_iris(return_X_y=True)
    _, _, by_size = learning_curve(scaled(), X, y, train_sizes=[0.1, 1.0], cv=5, shuffle=True, random_state=0)
    assert by_size[1].mean() > by_size[0].mean()
    train, _ = validation_curve(scaled(), X, y, param_name="netclassifier__epochs", param_range=[1, 100], cv=3)
    assert train[1].mean() > train[0].mean() + 0.1


def test_permutation_importance_finds_the_columns_that_say_something():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    found = permutation_importance(NetClassifier(random_state=0).fit(X, X[:, 2] > 0), X, X[:, 2] > 0, random_state=0)
    assert np.argmax(found.importances_mean) == 2
    assert found.importances_mean[2] > 0.3 > 10 * found.importances_mean[[0, 1, 3]].max()


def test_its_probabilities_are_those_that_log_loss_and_calibration_curves_want():
    X, y = load_digits(return_X_y=True)
    net = NetClassifier(epochs=5, random_state=0).fit(X[:1000] / 16, y[:1000])
    shares = net.predict_proba(X[1000:] / 16)
    np.testing.assert_allclose(np.exp(net.predict_log_proba(X[1000:] / 16)), shares, rtol=1e-12)
    logits = nn.predict(net.model_, X[1000:] / 16)
    assert log_loss(y[1000:], shares) == pytest.approx(float(nn.cross_entropy(logits, y[1000:])), rel=1e-9)
    share, mean = calibration_curve(y[1000:] == 3, shares[:, 3])
    assert share.shape == mean.shape


def test_targets_may_be_transformed_and_several():
    X, Y = make_regression(200, 5, n_targets=3, noise=1.0, random_state=0)
    net = TransformedTargetRegressor(NetRegressor(epochs=300, random_state=0), transformer=StandardScaler()).fit(X, Y)
    assert net.predict(X).shape == (200, 3)
    assert net.score(X, Y) > 0.99


# what it learns


@pytest.mark.parametrize(("load", "epochs"), [(load_iris, 300), (load_wine, 300), (load_digits, 60)])
def test_it_is_as_good_as_mlp_classifier_with_equal_settings(load, epochs):
    """Five splits: the mean difference is within two standard errors, or above; half a percent is what chance may add."""
    X, y = load(return_X_y=True)
    differences = []
    for seed in range(5):
        parts = train_test_split(StandardScaler().fit_transform(X), y, test_size=0.3, stratify=y, random_state=seed)
        ours = NetClassifier(
            (64,),
            optimizer="Adam",
            learning_rate=0.001,
            weight_decay=0.0,
            epochs=epochs,
            batch_size=64,
            random_state=seed,
        )
        theirs = MLPClassifier(
            (64,), alpha=0.0, batch_size=64, max_iter=epochs, tol=0.0, n_iter_no_change=200, random_state=seed
        )
        with pytest.warns(ConvergenceWarning):  # both stop after as many epochs
            theirs.fit(parts[0], parts[2])
        differences.append(ours.fit(parts[0], parts[2]).score(parts[1], parts[3]) - theirs.score(parts[1], parts[3]))
    error = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert np.mean(differences) > -2.0 * error - 0.005


def test_without_hidden_neurons_and_with_all_rows_it_is_logistic_regression():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(X, y, sample_weight=weights)
    decay = 1.0 / weights.sum()  # of a mean loss; theirs is a sum with ½ |w|²
    ours = NetClassifier((), optimizer=momentum, learning_rate=0.5, weight_decay=decay, epochs=3000, batch_size=150,
                         random_state=0)  # fmt: skip
    ours.fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


def momentum(model, *, learning_rate, weight_decay):
    return nn.SGD(model, learning_rate, momentum=0.9, weight_decay=weight_decay)


def test_without_hidden_neurons_the_regressor_is_weighted_ridge():
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    theirs = Ridge(alpha=1.0, tol=1e-12).fit(X, y, sample_weight=weights)
    net = NetRegressor((), optimizer=momentum, learning_rate=0.05, weight_decay=2.0 / weights.sum(), epochs=3000,
                       batch_size=len(y), random_state=0)  # fmt: skip
    np.testing.assert_allclose(net.fit(X, y, sample_weight=weights).predict(X), theirs.predict(X), rtol=1e-5)


def test_balanced_weights_are_scikit_learns():
    X, y = load_iris(return_X_y=True)
    X, y = X[:110], y[:110]  # 50, 50 and 10
    by_name = NetClassifier(class_weight="balanced", epochs=20, random_state=0).fit(X, y)
    counts = {k: 110 / (3 * np.sum(y == k)) for k in range(3)}
    by_hand = NetClassifier(class_weight=counts, epochs=20, random_state=0).fit(X, y)
    np.testing.assert_allclose(by_name.predict_proba(X), by_hand.predict_proba(X), rtol=1e-9)


# early stopping, partial fits, own networks


def test_early_stopping_takes_the_best_epoch():
    X, y = load_digits(return_X_y=True)
    net = NetClassifier(early_stopping=True, patience=3, epochs=200, learning_rate=0.01, random_state=0).fit(X / 16, y)
    assert net.n_iter_ == len(net.loss_curve_) == len(net.validation_losses_) < 200
    assert net.best_epoch_ == 1 + int(np.argmin(net.validation_losses_)) == net.n_iter_ - 3


def test_partial_fits_are_epochs():
    X, y = load_iris(return_X_y=True)
    whole = NetClassifier(epochs=7, random_state=0).fit(X, y)
    parts = NetClassifier(random_state=0)
    for _ in range(7):
        parts.partial_fit(X, y, classes=[0, 1, 2])
    assert parts.n_iter_ == 7
    np.testing.assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))
    np.testing.assert_array_equal(parts.loss_curve_, whole.loss_curve_)


def test_a_class_may_come_later():
    X, y = load_iris(return_X_y=True)
    net = NetClassifier(random_state=0, learning_rate=0.01).partial_fit(X[:100], y[:100], classes=[0, 1, 2])
    for _ in range(100):
        net.partial_fit(X, y)
    assert net.score(X, y) > 0.9


def own(inputs, outputs, rng):
    return nn.Sequential(nn.Linear(inputs, 20), nn.BatchNorm1d(20), np.tanh, nn.Linear(20, outputs), rng=rng)


def test_an_own_network_is_cloned_pickled_and_compiled():
    X, y = load_iris(return_X_y=True)
    net = NetClassifier(model=own, compile=True, random_state=0, learning_rate=0.01).fit(X, y)
    assert net.score(X, y) > 0.95
    assert isinstance(net.model_[1], nn.BatchNorm1d)
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))
    np.testing.assert_array_equal(clone(net).fit(X, y).predict_proba(X), net.predict_proba(X))
    again.partial_fit(X, y)  # the optimiser came along, and still holds the network's own weights
    assert not np.array_equal(again.predict_proba(X), net.predict_proba(X))


def test_dropout_is_for_training_only_and_float32_stays():
    X, y = load_iris(return_X_y=True)
    net = NetClassifier(dropout=0.5, random_state=0).fit(X.astype(np.float32), y)
    np.testing.assert_array_equal(net.predict_proba(X), net.predict_proba(X))
    assert {p.dtype for p in net.model_.parameters()} == {np.dtype(np.float32)}


def test_no_seed_is_fresh_entropy_and_leaves_numpys_generator_alone():
    X, y = load_iris(return_X_y=True)
    before = np.random.get_state()[1].copy()
    one, two = (NetClassifier(epochs=2).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert not np.array_equal(one, two)
    same = [NetClassifier(epochs=2, random_state=np.random.RandomState(5)).fit(X, y).predict_proba(X) for _ in "ab"]
    np.testing.assert_array_equal(*same)


def test_feature_names_of_a_table_are_kept_and_looked_after():
    frame = load_iris(as_frame=True)
    net = NetClassifier(epochs=2, random_state=0).fit(frame.data, frame.target_names[frame.target])
    assert net.feature_names_in_.tolist() == list(frame.data.columns)
    assert net.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(frame.data[frame.data.columns[::-1]])


# repeated cross-validation, as the notebook does it


def test_repeated_cross_validation_runs():
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    assert cross_val_score(scaled(epochs=30), *load_wine(return_X_y=True), cv=folds).mean() > 0.9


# mistakes


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"activation": "rellu"}, "activation='rellu' is not known; did you mean 'relu'?"),
        ({"activation": 3}, "activation=3 is not known; there are elu, gelu, identity"),
        ({"optimizer": "adm"}, "optimizer='adm' is not known; did you mean 'adam'?"),
        ({"batch_size": "all"}, "batch_size is \"auto\" or a whole number, got 'all'"),
        ({"batch_size": 0}, "batch_size is a whole number of at least 1, got 0"),
        ({"epochs": 2.5}, "epochs is a whole number of at least 1, got 2.5"),
        ({"dropout": 1.0}, "p must lie in [0, 1), got 1.0"),
        ({"hidden": (0,)}, "out_features is a whole number of at least 1, got 0"),
        ({"early_stopping": True, "validation_fraction": 1}, "validation_fraction must lie between 0 and 1, got 1"),
        ({"model": lambda i, o, rng: None}, "model is a function (in_features, out_features, rng) → nn.Module, it gave No"),
    ],
    ids=lambda x: x if isinstance(x, str) else ", ".join(x),
)  # fmt: skip
def test_parameters_are_checked_in_fit(options, text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        NetClassifier(**options).fit([[0.0], [1.0]], [0, 1])
    assert text in str(caught.value)


def test_an_own_network_of_another_width_is_told():
    net = NetRegressor(model=lambda i, o, rng: nn.MLP(i, [2], rng=rng), epochs=1)
    with pytest.raises(ValueError, match="prediction has shape"):
        net.fit([[0.0], [1.0]], [0, 1])
    wide = NetClassifier(model=lambda i, o, rng: nn.MLP(i, [4], rng=rng), epochs=1).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match=r"gave shape \(1, 4\) for 1 rows, expected \(1, 2\): its last layer"):
        wide.predict([[0.0]])


def test_one_row_cannot_be_kept_aside_and_trained_on():
    with pytest.raises(ValueError, match="early_stopping keeps rows aside, and there is n_samples = 1"):
        NetClassifier(early_stopping=True).fit([[0.0]], [0])
    assert NetClassifier(early_stopping=True).fit([[0.0], [1.0]], [0, 0]).predict([[5.0]]).tolist() == [0]


def test_weights_and_classes_are_checked():
    X, y = [[0.0], [1.0]], [0, 1]
    for weights, text in (
        ([1.0], "sample_weight has shape (1,), expected (2,)"),
        ([-1.0, 1.0], "sample_weight: negative weights, or all zero"),
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            NetClassifier().fit(X, y, sample_weight=weights)
        assert text in str(caught.value)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        NetClassifier().partial_fit(X, y)
    with pytest.raises(ValueError, match="needs all rows at once"):
        NetClassifier(class_weight="balanced").partial_fit(X, y, [0, 1])
    with pytest.raises(ValueError, match=r"not among classes: \[1\]"):
        NetClassifier().partial_fit(X, y, [0, 2])
    net = NetClassifier().partial_fit(X, y, [0, 1])
    with pytest.raises(ValueError, match=r"classes=\[0, 2\] is not the same as on the last call: \[0, 1\]"):
        net.partial_fit(X, y, [0, 2])
    with pytest.raises(ValueError, match="y has 2 outputs, the network learned 1 before"):
        NetRegressor().partial_fit(X, y).partial_fit(X, [[1.0, 2.0], [3.0, 5.0]])


@pytest.mark.parametrize("wrong", [3, nn.MLP(4, [3], rng=0)])
def test_what_makes_the_model_is_a_function(wrong):
    with pytest.raises(ValueError, match=r"model is a function \(in_features, out_features, rng\) → nn.Module, got"):
        NetClassifier(model=wrong, epochs=1).fit(np.ones((6, 4)), np.arange(6) % 3)
