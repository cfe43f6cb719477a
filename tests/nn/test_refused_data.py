"""What fit, predict and evaluate say of data that are no numbers, have gaps, or do not belong to the model."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError, NonFiniteError

X, Y = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8) % 2
TEXT, GAPS = np.array(list("abababab")), np.where(Y, np.nan, 1.0)[:, None]


class Table:
    """What pandas hands over of a table whose columns differ in kind."""

    columns = ("area", "city")

    def __init__(self, cities):
        self.cells = np.array([[float(i), city] for i, city in enumerate(cities)], dtype=object)
        self.dtypes = (np.dtype(float), np.dtype(object) if isinstance(cities[0], str) else np.dtype(int))

    def __array__(self, dtype=None, copy=None):
        return self.cells


class Column:
    """A pandas Series: its `dtypes` is one dtype, and it has no columns."""

    dtypes = np.dtype(object)

    def __init__(self, cells):
        self.cells = cells.astype(object)

    def __array__(self, dtype=None, copy=None):
        return self.cells


def model(outputs=2):
    return nn.MLP(3, [outputs], rng=0)


def fit(*arrays, of=None, **options):
    return nn.fit(of or model(), *arrays, epochs=1, rng=0, progress=False, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit(X, TEXT), "y must be numbers, but it is ndarray of <U1; classes, y = np.unique(y"),
        (lambda: fit(X, list(TEXT)), "y must be numbers, but it is list of <U1"),
        (lambda: fit(X, None), "y must be numbers, but it is NoneType of object; give an array (rows, …)"),
        (lambda: fit(None, Y), "X must be numbers, but it is NoneType of object"),
        (lambda: fit({"a": X}, Y), "X must be numbers, but it is dict of object"),
        (lambda: fit(X.astype(str), Y), "X must be numbers, but it is ndarray of <U32; a category becomes a column"),
        (lambda: fit(X, Column(TEXT)), "y must be numbers, but it is Column of object; classes, y = np.unique(y"),
        (lambda: fit(Table(TEXT), Y), "X must be numbers, but column 'city' has no numbers; a category becomes"),
        (lambda: fit([[1, 2, None]], [0]), "X must be numbers, but it is list of object"),
        (lambda: fit([[1.0], [2.0, 3.0]], [0, 1]), "X is no array: setting an array element with a sequence"),
        (lambda: fit(3.0, Y), "X, y: expected arrays (rows, …), got shapes () and (8,)"),
        (lambda: fit(X, GAPS, of=model(1)), "X, y: y has NaN or infinite entries, the first in row 1"),
        (lambda: nn.fit(X, Y, model()), "a model is an nn.Module, such as nn.Sequential(function), got ndarray"),
        (lambda: nn.predict(lambda x: x, X), "a model is an nn.Module, such as nn.Sequential(function), got function"),
        (lambda: model().predict(X.astype(str)), "X must be numbers, but it is ndarray of <U32"),
        (lambda: nn.evaluate(model(), X, TEXT), "y must be numbers, but it is ndarray of <U1"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(call, message):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert message in str(caught.value)


def test_numbers_of_a_table_of_objects_are_used():
    table = Table(range(8))
    trained = nn.Sequential(nn.Linear(2, 2, rng=0))
    fit(table, Y, of=trained)
    np.testing.assert_array_equal(trained.predict(table), trained.predict(np.array(table.cells, float)))


def test_a_loss_of_ones_own_may_leave_gaps_out():
    def of_those_known(prediction, target):
        known = np.isfinite(target)
        return np.mean(np.where(known, prediction - np.where(known, target, 0.0), 0.0) ** 2)

    assert np.isfinite(fit(X, GAPS, of=model(1), loss=of_those_known).train_loss[0])
    with pytest.raises(
        NonFiniteError, match=r"the loss became nan in epoch 1, batch 1: .* look for NaN in y, or run under"
    ):
        fit(X, GAPS, of=model(1), loss=nn.mse)


def test_evaluate_has_the_usual_loss_of_fit():
    assert nn.evaluate(model(), X, Y) == nn.evaluate(model(), X, Y, loss=nn.cross_entropy)
    floats = X[:, :1].astype(np.float32)
    assert nn.evaluate(model(1), X, floats)[0] == nn.evaluate(model(1), X, floats, loss=nn.mse)[0]
