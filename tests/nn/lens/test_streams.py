"""Streams: the order of asking, scaling and learning, written out by hand, and the figures."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError, NonFiniteError
from nn import lens

RNG = np.random.default_rng(0)
X = RNG.normal(3.0, 2.0, size=(60, 3))
YES = (X @ [1.0, -1.0, 0.5] + RNG.normal(size=60) > 1.0).astype(float)[:, None]
LOGISTIC = {"loss": nn.binary_cross_entropy, "standardize": True}


def logistic(dtype=np.float64):
    return nn.Sequential(nn.Linear(3, 1, dtype=dtype), rng=0)


def test_each_row_is_asked_then_scaled_then_learned():
    model = logistic()
    w, b = model[0].weight.data[0].copy(), 0.0
    answer = lens.partial_fit(model, nn.SGD(model, 0.1), X, YES, **LOGISTIC)
    for i, (row, yes) in enumerate(zip(X, YES[:, 0], strict=True)):
        for rows, learns in ((X[:i], False), (X[: i + 1], True)):  # with the statistics from before, then with its own
            deviation = rows.std(axis=0) if len(rows) > 1 else np.zeros(3)
            z = np.where(
                deviation > 0, (row - (rows.mean(axis=0) if len(rows) else 0.0)) / np.where(deviation, deviation, 1), 0
            )
            logit = w @ z + b
            if learns:
                error = 1 / (1 + np.exp(-logit)) - yes
                w, b = w - 0.1 * error * z, b - 0.1 * error
            else:
                assert answer.outputs[i, 0] == pytest.approx(logit, abs=1e-10)
    np.testing.assert_allclose(model[0].weight.data[0], w, atol=1e-10)
    right = (answer.outputs[:, 0] > 0) == (YES[:, 0] == 1)
    assert answer.score == pytest.approx(right.mean())
    assert np.mean(right[30:]) > 0.7  # it has learned something


def test_a_stream_in_pieces_is_the_stream_in_one():
    whole, parts = logistic(), logistic()
    expected = lens.partial_fit(whole, nn.Adam(whole), X, YES, **LOGISTIC)
    stream = lens.Stream(parts, nn.Adam(parts), **LOGISTIC)
    got = [stream.partial_fit(X[rows], YES[rows]) for rows in (slice(0, 1), slice(1, 40), slice(40, 60))]
    np.testing.assert_array_equal(np.concatenate(got), expected.outputs)
    assert stream.answer().verdict == expected.verdict
    assert stream.seen == 60
    np.testing.assert_array_equal(whole[0].weight.data, parts[0].weight.data)


def test_batches_are_asked_together_and_learned_in_one_step():
    model = logistic()
    optimizer = nn.SGD(model, 0.1)
    stream = lens.Stream(model, optimizer, loss=nn.binary_cross_entropy, batch_size=16)
    first = nn.predict(model, X[:16])
    np.testing.assert_allclose(stream.partial_fit(X, YES)[:16], first)
    assert optimizer.steps == 4


def test_the_running_scaler_has_the_statistics_of_all_rows():
    scaler = lens.RunningScaler()
    scaler.learn(np.column_stack([X, np.full(60, 7.0)])[:25])
    scaler.learn(np.column_stack([X, np.full(60, 7.0)])[25:])
    np.testing.assert_allclose(scaler.mean[:3], X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaler.variance[:3], X.var(axis=0), rtol=1e-12)
    out = scaler.transform(np.column_stack([X, np.full(60, 9.0)]))
    np.testing.assert_allclose(out[:, :3], (X - X.mean(axis=0)) / X.std(axis=0), rtol=1e-9, atol=1e-12)
    assert (out[:, 3] == 0.0).all()  # a column that has been constant says nothing
    assert (lens.RunningScaler().transform(X[:2]) == 0.0).all()


def test_the_area_under_the_curve_counts_pairs():
    model = logistic()
    answer = lens.partial_fit(model, nn.SGD(model, 0.1), np.round(X), YES, loss=nn.binary_cross_entropy)
    yes, no = (np.ravel(answer.outputs)[np.ravel(YES) == klass] for klass in (1, 0))
    pairs = np.mean((yes[:, None] > no) + 0.5 * (yes[:, None] == no))
    assert answer.auc == pytest.approx(pairs, rel=1e-12)
    one = lens.partial_fit(model, nn.SGD(model, 0.1), X[:3], np.ones((3, 1)), loss=nn.binary_cross_entropy)
    assert one.auc is None


def test_class_numbers_and_regressions():
    model = nn.MLP(3, [8, 2], rng=0)
    labels = YES[:, 0].astype(int)
    answer = lens.partial_fit(model, nn.Adam(model, 0.01), X, labels)
    assert answer.score == np.mean(np.argmax(answer.outputs, axis=1) == labels)
    assert 0.0 < answer.auc < 1.0
    three = nn.MLP(3, [4, 3], rng=0)
    assert lens.partial_fit(three, nn.Adam(three), X, RNG.integers(0, 3, size=60)).auc is None
    regression = nn.Linear(3, 1, rng=0, dtype=np.float64)
    answer = lens.partial_fit(regression, nn.SGD(regression, 0.001), X, X[:, :1])
    assert answer.score == pytest.approx(np.mean(np.abs(answer.outputs - X[:, :1])))
    assert answer.verdict.startswith("a mean error of ")
    assert answer.rows()[0] == ("examples", "mean error so far", "mean error since the last line")


def test_it_learns_in_training_mode_asks_in_evaluation_mode_and_leaves_the_mode():
    modes = []

    class Noted(nn.Module):
        def forward(self, x):
            modes.append(self.training)
            return x

    model = nn.Sequential(Noted(), nn.Linear(3, 1, dtype=np.float64), rng=0).eval()
    lens.partial_fit(model, nn.SGD(model, 0.1), X[:2], YES[:2], loss=nn.binary_cross_entropy)
    assert modes == [False, True, False, True]
    assert not any(module.training for _, module in model.named_modules())


def test_float32_stays_and_the_table_has_tenths():
    model = logistic(np.float32)
    answer = lens.partial_fit(model, nn.SGD(model, 0.1), X, YES, **LOGISTIC)
    assert model[0].weight.dtype == np.float32 == answer.outputs.dtype
    rows = answer.rows()[1]
    assert [row[0] for row in rows] == list(range(6, 66, 6))
    assert rows[-1][1] == pytest.approx(answer.score)
    assert np.mean([row[2] for row in rows]) == pytest.approx(answer.score)
    figure = pytest.importorskip("matplotlib.figure").Figure()
    assert len(answer.plot(figure.subplots()).lines) == 2


def test_what_cannot_be_done_is_refused():
    model = logistic()
    optimizer = nn.SGD(model, 0.1)
    with pytest.raises(ArgumentError, match="the optimizer holds none of the model's parameters"):
        lens.Stream(nn.Linear(3, 1), optimizer)
    with pytest.raises(ArgumentError, match=r"partial_fit: X has 60 rows, y has 2"):
        lens.partial_fit(model, optimizer, X, YES[:2])
    with pytest.raises(ArgumentError, match="partial_fit: X has NaN or infinite entries, the first in row 1"):
        lens.partial_fit(model, optimizer, np.where(np.arange(60)[:, None] == 1, np.nan, X), YES)
    with pytest.raises(
        ArgumentError, match=r"the stream has had no examples yet; stream.partial_fit\(X, y\) gives it some"
    ):
        lens.Stream(model, optimizer).answer()
    with pytest.raises(ArgumentError, match="batch_size is a whole number of at least 1, got 0"):
        lens.Stream(model, optimizer, batch_size=0)
    model[0].bias.data = np.array([np.nan])
    with pytest.raises(NonFiniteError, match="the loss became nan in epoch 1, batch 1"):
        lens.partial_fit(model, optimizer, X, YES, loss=nn.binary_cross_entropy)
