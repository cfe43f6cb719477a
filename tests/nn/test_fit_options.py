"""Options of fit: schedule, clipping, accumulation, augmentation; figures that can be compared with validation's."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError, NonFiniteError
from autograd.ops.random import dropout

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3)).astype(np.float32)
Y = (X @ np.array([[1.0], [-2.0], [0.5]]) + 0.1 * RNG.normal(size=(50, 1))).astype(np.float32)
VALID = (RNG.normal(size=(20, 3)).astype(np.float32), RNG.normal(size=(20, 1)).astype(np.float32))


def regressor(**options):
    return nn.MLP(3, [4, 1], np.tanh, rng=0, **options)


def bits(model):
    return [p.data.tobytes() for p in model.parameters()]


def fit(model, optimizer=None, X=X, Y=Y, **options):
    options = {"epochs": 3, "batch_size": 16, "rng": 3, "progress": False} | options
    return nn.fit(model, X, Y, optimizer=optimizer or nn.SGD(model, 0.1), **options)


def by_hand(model, optimizer, *, change=lambda x, rng: x, before=lambda: None, after=lambda: None, epochs=3, size=16):
    """The loop that one would write; `before` and `after` run around backward."""
    rng = np.random.default_rng(3)
    for _ in range(epochs):
        for x, y in nn.batches(X, Y, batch_size=size, rng=rng):
            x = change(x, rng)
            before()
            model.zero_grad()
            nn.mse(model(x), y).backward()
            after()
            optimizer.step()


def jitter(x, rng):
    return x + 0.1 * rng.normal(size=x.shape)


@pytest.mark.parametrize("option", ["schedule", "clip_norm", "augment", "all"])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_fit_with_options_is_the_loop_one_would_write(option, compiled):
    """Bit for bit in eager mode, to rounding compiled."""
    rates = [0.1 / (1 + step) for step in range(100)]
    options = {
        "schedule": rates.__getitem__,
        "clip_norm": 0.5,
        "augment": lambda x, rng: x + 0.1 * rng.normal(size=x.shape),
    }
    options = options if option == "all" else {option: options[option]}
    mine, model = regressor(), regressor()
    optimizer = nn.SGD(mine, 0.1)

    def set_rate():
        if "schedule" in options:
            optimizer.learning_rate = rates[optimizer.steps]

    def clip():
        if "clip_norm" in options:
            nn.clip_norm(mine, 0.5)

    def change(x, rng):
        return jitter(x, rng).astype(np.float32) if "augment" in options else x

    by_hand(mine, optimizer, change=change, before=set_rate, after=clip)
    fit(model, compile=compiled, **options)
    plain = regressor()
    fit(plain)
    assert bits(model) != bits(plain)
    if compiled:
        for a, b in zip(model.parameters(), mine.parameters(), strict=True):
            np.testing.assert_allclose(a.data, b.data, rtol=1e-4, atol=1e-6)
    else:
        assert bits(model) == bits(mine)


def test_a_schedule_that_watches_gets_the_losses_so_far():
    seen = []

    def plateau(step, losses):
        seen.append((step, list(losses)))
        return 0.01

    plateau.watches = True
    for validation in (None, VALID):
        seen.clear()
        history = fit(regressor(), schedule=plateau, validation=validation)
        losses = history.validation_loss or history.train_loss
        assert [step for step, _ in seen] == list(range(12))
        assert [watched for _, watched in seen] == [losses[: i // 4] for i in range(12)]


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_accumulated_batches_are_one_large_batch_to_rounding(dtype, compiled):
    """50 rows: the last step of an epoch has fewer batches, and the last of these fewer rows."""
    large, small = regressor(dtype=dtype), regressor(dtype=dtype)
    a = fit(large, nn.Adam(large, 0.01), batch_size=16, clip_norm=1.0)
    b = fit(small, nn.Adam(small, 0.01), batch_size=4, accumulate=4, clip_norm=1.0, compile=compiled)
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    for p, q in zip(large.parameters(), small.parameters(), strict=True):
        assert q.data.dtype == dtype
        np.testing.assert_allclose(p.data, q.data, rtol=tolerance, atol=tolerance / 10)
    np.testing.assert_allclose(a.train_loss, b.train_loss, rtol=tolerance)
    steps = list(nn.train(small, X, Y, batch_size=4, accumulate=4, epochs=1, rng=0))
    assert [(step.batch, step.last) for step in steps] == [(1, False), (2, False), (3, False), (4, True)]


def test_accumulation_needs_the_memory_of_one_batch():
    sizes = []

    def loss(prediction, target):
        sizes.append(len(prediction))
        return nn.mse(prediction, target)

    fit(regressor(), loss=loss, batch_size=8, accumulate=3, epochs=1)
    assert sizes == [8] * 6 + [2]


def test_augmentation_is_for_training_batches_only_and_keeps_the_dtype():
    seen, model = [], regressor()

    def augment(x, rng):
        seen.append((len(x), type(rng)))
        return np.full(x.shape, 9.0)

    class Watched(nn.Module):
        def __init__(self):
            self.inner, self.inputs = model, []

        def forward(self, x):
            self.inputs.append((self.training, float(x.max()), x.dtype))
            return self.inner(x)

    watched = Watched()
    fit(watched, augment=augment, validation=VALID, epochs=1)
    assert seen == [(16, np.random.Generator)] * 3 + [(2, np.random.Generator)]
    assert {(training, largest == 9.0) for training, largest, _ in watched.inputs} == {(True, True), (False, False)}
    assert {dtype for *_, dtype in watched.inputs} == {np.dtype(np.float32)}


def test_the_same_rows_are_measured_as_validation_measures():
    model = regressor()
    history = fit(model, validation=VALID, metric=lambda p, t: float(abs(p - t).max()))
    rows = slice(None, 40, 2)  # 20 of 50, as many as validation has
    loss, metric = nn.evaluate(model, X[rows], Y[rows], loss=nn.mse, metric=lambda p, t: float(abs(p - t).max()))
    best = history.best_epoch - 1
    assert (history.fitted_loss[best], history.fitted_metric[best]) == (loss, metric)
    assert [len(x) for x in (history.fitted_loss, history.fitted_metric, history.validation_loss)] == [3] * 3
    assert fit(regressor()).fitted_loss == []
    few = fit(regressor(), X=X[:10], Y=Y[:10], validation=VALID)
    assert len(few.fitted_loss) == 3


def test_why_validation_may_look_better_than_training():
    """With dropout the mean over the epoch is worse than the weights at its end are on the very same rows."""
    model, rng = regressor(), np.random.default_rng(0)

    class Noisy(nn.Module):
        def __init__(self):
            self.inner = model

        def forward(self, x):
            return self.inner(dropout(x, 0.5, rng=rng) if self.training else x)

    history = fit(Noisy(), validation=(X, Y), epochs=20)
    assert history.validation_loss[-1] < 0.85 * history.train_loss[-1]
    assert history.fitted_loss == history.validation_loss  # the same rows, looked at in the same way


def test_predict_is_a_method_too():
    model = regressor()
    out = model.predict(X.tolist(), batch_size=7)
    assert type(out) is np.ndarray and np.array_equal(out, nn.predict(model, X, batch_size=7))
    assert np.array_equal(nn.Sequential(model, np.tanh).predict(X), np.tanh(nn.predict(model, X)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulate": 0}, "accumulate is a whole number of at least 1, got 0"),
        ({"schedule": 0.1}, r"schedule is a function such as nn\.schedules\.cosine.*, got 0\.1"),
        ({"augment": "flip"}, "augment is a function such as lambda x, rng: x, got 'flip'"),
        ({"clip_norm": 0}, "clip_norm is a number above 0, the largest norm of the gradient, got 0"),
        ({"clip_norm": "1"}, "clip_norm is a number above 0"),
        ({"augment": lambda x, rng: x[:3]}, r"augment\(x, rng\) gave shape \(3, 3\) for \(16, 3\)"),
        ({"schedule": lambda step: -1.0}, "learning_rate must be a number of at least 0"),
    ],
)
def test_wrong_options(options, message):
    model = regressor()
    before = bits(model)
    with pytest.raises(ArgumentError, match=message):
        fit(model, **options)
    assert bits(model) == before


def test_an_unknown_option_is_named():
    with pytest.raises(ArgumentError, match="training has no option lr; the rate is the optimiser's"):
        fit(regressor(), lr=0.1)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_a_gradient_that_is_no_number_names_its_weight(compiled):
    def loss(prediction, target):
        return np.mean(np.sqrt(prediction * 0.0))  # finite, with an infinite slope at 0

    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match=r"layers\.\d\.(weight|bias)"):
        fit(regressor(), loss=loss, clip_norm=1.0, compile=compiled)
