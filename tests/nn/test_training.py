"""Training: a plain loop, nothing hidden; the best weights come back however it ends; mistakes are named."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import nn
from autograd import Value
from autograd.errors import ArgumentError, NonFiniteError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3)).astype(np.float32)
Y = (X @ np.array([[1.0], [-2.0], [0.5]]) + 0.1 * RNG.normal(size=(50, 1))).astype(np.float32)
LABELS = (X[:, 0] > X[:, 1]).astype(np.int64) + (X[:, 2] > 1.0)
VALID = (RNG.normal(size=(20, 3)).astype(np.float32), RNG.normal(size=(20, 1)).astype(np.float32))


def regressor(seed=0, **options):
    return nn.MLP(3, [4, 1], np.tanh, rng=seed, **options)


def bits(model):
    return [p.data.tobytes() for p in model.parameters()]


def quiet(model, *arguments, **options):
    return nn.fit(model, *arguments, progress=False, **options)


class Watched(nn.Module):
    """Adds up a weight and notes each call's mode and dtype."""

    def __init__(self):
        self.weight, self.calls = nn.Parameter(np.zeros((1, 3), np.float32)), []
        self.inner = nn.Sequential()

    def forward(self, x):
        self.calls.append((self.training, self.inner.training, np.shape(x), x.dtype))
        return self.inner(x) @ self.weight.T


# the loop


def test_fit_is_the_loop_one_would_write_bit_for_bit():
    mine = regressor()
    losses = []
    optimizer, rng = nn.AdamW(mine, 0.01), np.random.default_rng(3)
    for _ in range(4):
        total = 0.0
        for x, y in nn.batches(X, Y, batch_size=16, rng=rng):
            loss = nn.mse(mine(x), y)
            mine.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.data) * len(x)
        losses.append(total / 50)
    model = regressor()
    history = quiet(model, X, Y, optimizer=nn.AdamW(model, 0.01), epochs=4, batch_size=16, rng=3)
    assert bits(model) == bits(mine) != bits(regressor())
    assert history.train_loss == losses and history.best_epoch == 4 and history.stopped == ""
    assert history.validation_loss == history.validation_metric == [] and history.seconds > 0.0
    steps = list(nn.train(model := regressor(), X, Y, optimizer=nn.AdamW(model, 0.01), epochs=4, batch_size=16, rng=3))
    assert bits(model) == bits(mine) and [step.train_loss for step in steps if step.last] == losses


def test_the_same_seed_gives_the_same_bits():
    def run(seed, model_seed=0):
        model = regressor(model_seed)
        return quiet(model, X, Y, rng=seed, validation=VALID, epochs=3).train_loss, bits(model)

    assert run(1) == run(1) == run(np.random.default_rng(1))
    assert run(1)[1] != run(2)[1] != run(2, 5)[1]


def test_training_lowers_the_loss_of_both_kinds():
    model = regressor()
    history = quiet(model, X, Y, optimizer=nn.Adam(model, 0.02), epochs=60, rng=0)
    assert history.train_loss[-1] < 0.1 * history.train_loss[0]
    model = nn.MLP(3, [16, 3], rng=0)
    quiet(model, X, LABELS, optimizer=nn.Adam(model, 0.02), epochs=60, rng=0)
    assert nn.accuracy(nn.predict(model, X), LABELS) > 0.9


def test_each_batch_gives_a_step_and_every_row_is_seen_once_an_epoch():
    model = Watched()
    training = nn.train(model, X, Y, optimizer=nn.SGD(model, 0.0), epochs=2, batch_size=20, rng=0)
    assert training.batches_per_epoch == 3
    steps = list(training)
    assert [(s.epoch, s.batch, s.last) for s in steps] == [
        (1, 1, False), (1, 2, False), (1, 3, True), (2, 1, False), (2, 2, False), (2, 3, True),
    ]  # fmt: skip
    assert [shape[0] for _, _, shape, _ in model.calls] == [20, 20, 10] * 2
    for epoch in (steps[:3], steps[3:]):  # a mean over rows, not over batches; the weights did not move
        seen = np.average([s.loss for s in epoch], weights=[20, 20, 10])
        assert epoch[-1].train_loss == pytest.approx(seen) == pytest.approx(float(np.mean(Y * Y)), rel=1e-6)
        assert epoch[0].train_loss == epoch[0].loss
    assert all(s.validation_loss is None and s.validation_metric is None and not s.improved for s in steps)


def test_the_default_loss_metric_and_optimizer_follow_the_target():
    training = nn.train(regressor(), X, Y)
    assert (training.loss, training.metric, type(training.optimizer)) == (nn.mse, None, nn.Adam)
    for labels in (LABELS, LABELS > 0, LABELS.astype(np.uint8).tolist()):
        training = nn.train(nn.MLP(3, [3]), X, labels)
        assert (training.loss, training.metric) == (nn.cross_entropy, nn.accuracy)
    training = nn.train(regressor(), X, LABELS[:, None], loss=nn.mse)
    assert (training.loss, training.metric) == (nn.mse, None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_data_is_cast_once_to_the_models_dtype(dtype):
    model = regressor(dtype=dtype)
    training = nn.train(model, X.astype(np.float64).tolist(), Y.astype(np.float16), validation=VALID)
    assert {training.X.dtype, training.y.dtype, *(part.dtype for part in training.validation)} == {np.dtype(dtype)}
    next(training)
    assert {p.dtype for p in model.parameters()} == {p.grad.dtype for p in model.parameters()} == {np.dtype(dtype)}
    assert nn.predict(model, X.astype(np.float64)).dtype == dtype
    assert nn.train(model, X, LABELS).y.dtype == np.int64


def test_a_step_sees_the_gradient_of_its_own_batch_only():
    model = regressor()
    quiet(model, X, Y, optimizer=nn.SGD(model, 0.0), epochs=1, batch_size=50, rng=0)
    found = [p.grad for p in model.parameters()]
    model.zero_grad()
    nn.mse(model(X), Y).backward()
    for p, g in zip(model.parameters(), found, strict=True):
        np.testing.assert_allclose(p.grad, g, rtol=1e-4, atol=1e-6)


# validation and modes


def test_validation_runs_in_evaluation_mode_and_training_in_training_mode():
    model = Watched().eval()
    quiet(model, X, Y, epochs=2, batch_size=25, rng=0, validation=VALID)
    trains, looks = [(True, True, (25, 3))] * 2, [(False, False, (20, 3))] * 2  # at training rows and validation's
    assert [call[:3] for call in model.calls] == (trains + looks) * 2


@pytest.mark.parametrize("modes", [(True, True), (False, False), (True, False), (False, True)], ids=str)
def test_every_part_gets_its_own_mode_back(modes):
    model = Watched()

    def set_modes():
        model.training, model.inner.training = modes

    def run_out():
        quiet(model, X, Y, epochs=1, rng=0, validation=VALID)

    def leave():
        next(iter(nn.train(model, X, Y, rng=0)))

    def fail():
        with pytest.raises(NonFiniteError):
            quiet(model, X, Y * np.float32(np.inf), rng=0, loss=nn.mse)

    def look():
        nn.predict(model, X)
        nn.evaluate(model, X, Y, loss=nn.mse)

    for action in (run_out, leave, fail, look):
        set_modes()
        action()
        assert (model.training, model.inner.training) == modes, action.__name__


def test_the_metric_is_computed_on_the_validation_data():
    model = nn.MLP(3, [3], rng=0)
    history = quiet(model, X, LABELS, validation=(X, LABELS), epochs=3, rng=0)
    assert history.validation_metric[-1] == nn.accuracy(model(X), LABELS)
    model = regressor()
    steps = list(nn.train(model, X, Y, rng=0, epochs=2, validation=VALID, metric=lambda p, t: float(abs(p - t).max())))
    last = [s for s in steps if s.last]
    best = [s for s in last if s.improved][-1]
    assert best.validation_metric == abs(nn.predict(model, VALID[0]) - VALID[1]).max()
    assert [s.validation_loss is not None for s in steps] == [s.last for s in steps]
    assert {type(s.validation_metric) for s in last} == {float}


# mistakes


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_no_number_names_epoch_batch_and_rate(value):
    model, calls = regressor(), []

    def loss(prediction, target):
        calls.append(1)
        return nn.mse(prediction, target) * (value if len(calls) == 4 else 1.0)

    steps = nn.train(model, X, Y, loss=loss, optimizer=nn.SGD(model, 0.125), rng=0)
    before = [(step.epoch, step.batch, bits(model)) for _, step in zip(range(3), steps, strict=False)][-1]
    with pytest.raises(NonFiniteError, match=rf"loss became {value} in epoch 2, batch 2: .*learning_rate than 0\.125"):
        next(steps)
    assert before == (2, 1, bits(model))


def test_a_rate_that_is_too_large_is_found_out():
    model = nn.Linear(3, 1, rng=0)
    with (
        np.errstate(over="ignore"),
        pytest.raises(NonFiniteError, match=r"in epoch 1, batch 2: .*learning_rate than 1e\+30"),
    ):
        quiet(model, X, Y, optimizer=nn.SGD(model, 1e30), rng=0)


BAD = np.where(np.arange(50)[:, None] == 7, np.nan, X)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X, Y), {"epochs": 0}, "epochs is a whole number of at least 1, got 0"),
        ((X, Y), {"epochs": 2.5}, r"epochs is a whole number of at least 1, got 2\.5"),
        ((X, Y), {"batch_size": -1}, "batch_size is a whole number of at least 1, got -1"),
        ((X, Y), {"patience": 0, "validation": VALID}, "patience is a whole number of at least 1, got 0"),
        ((X, Y), {"patience": 3}, r"patience needs validation=\(X, y\)"),
        ((X, Y), {"rng": "0"}, r"rng is an integer seed \(0 or more\) or a np.random.Generator, got str '0'"),
        ((X, Y[:-1]), {}, "X, y: X has 50 rows, y has 49"),
        ((X, Y), {"validation": (X, Y[:3])}, "validation: X has 50 rows, y has 3"),
        ((X[:0], Y[:0]), {}, "X, y: there are no rows"),
        ((X, Y), {"validation": (X[:0], Y[:0])}, "validation: there are no rows"),
        ((BAD, Y), {}, "X, y: X has NaN or infinite entries, the first in row 7"),
        ((X, Y), {"validation": (BAD, Y)}, "validation: X has NaN or infinite entries, the first in row 7"),
    ],
)
def test_bad_arguments_are_refused_before_anything_happens(arguments, options, message):
    model = regressor()
    before = bits(model)
    for start_training in (nn.train, quiet):
        with pytest.raises(ArgumentError, match=message):
            start_training(model, *arguments, **options)
    assert bits(model) == before


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda p, t: np.mean((p.data - t) ** 2), r"must give a Value with a single number, got float32 of shape \(\)"),
        (lambda p, t: nn.mse(p, t, reduction="none"), r"got Value of shape \(32, 1\)"),
        (lambda p, t: None, "got NoneType"),
    ],
    ids=["plain", "not reduced", "None"],
)
def test_a_loss_that_cannot_be_differentiated_is_refused(loss, message):
    with pytest.raises(ArgumentError, match=message):
        quiet(regressor(), X, Y, loss=loss, rng=0)


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"prediction has shape \(32, 1\), target \(32,\)"):
        quiet(regressor(), X, Y[:, 0], rng=0)


# looking


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
def test_predict_gives_a_plain_array_in_any_batches_and_records_nothing(batch_size):
    model = regressor()
    out = nn.predict(model, X, batch_size=batch_size)
    assert type(out) is np.ndarray and out.shape == (50, 1) and out.dtype == np.float32
    np.testing.assert_allclose(out, model(X).data, rtol=1e-5, atol=1e-6)
    seen = []
    nn.predict(nn.Sequential(model, lambda v: seen.append(v.op) or v), X)
    assert seen == ["constant"]


def test_predict_of_no_rows_lists_and_values():
    model = regressor()
    assert nn.predict(model, X[:0]).shape == (0, 1)
    assert np.array_equal(nn.predict(model, X.tolist()), nn.predict(model, Value(X)))
    for batch_size in (0, -1, 2.0):
        with pytest.raises(ArgumentError, match="batch_size is a whole number of at least 1"):
            nn.predict(model, X, batch_size=batch_size)


def test_evaluate_gives_loss_and_metric_over_all_rows():
    model = nn.MLP(3, [3], rng=0)
    loss, metric = nn.evaluate(model, X, LABELS.tolist(), loss=nn.cross_entropy, metric=nn.accuracy)
    assert loss == pytest.approx(float(nn.cross_entropy(model(X), LABELS).data), rel=1e-6)
    assert metric == nn.accuracy(model(X), LABELS) and (type(loss), type(metric)) == (float, float)
    assert nn.evaluate(model, X, LABELS, loss=nn.cross_entropy)[1] is None


def test_looking_leaves_model_and_generators_as_they_are():
    model, rng = regressor(), np.random.default_rng(0)
    before, state = bits(model), rng.bit_generator.state
    nn.predict(model, X)
    nn.evaluate(model, X, Y, loss=nn.mse)
    assert bits(model) == before and rng.bit_generator.state == state
    assert not any(p.has_grad for p in model.parameters())


# the progress bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def stderr(monkeypatch):
    """Puts a stream in the place of standard error, in a process that is no notebook."""

    def put(stream):
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    return put


def test_no_bar_where_there_is_no_terminal(stderr):
    out = stderr(io.StringIO())
    nn.fit(regressor(), X, Y, epochs=2, rng=0)
    assert out.getvalue() == ""


def test_no_bar_where_none_is_wanted(stderr):
    out = stderr(Terminal())
    nn.fit(regressor(), X, Y, epochs=2, rng=0, progress=False)
    assert out.getvalue() == ""


def test_the_bar_counts_steps_and_shows_the_figures(stderr):
    out = stderr(Terminal())
    model = nn.MLP(3, [3], rng=0)
    history = nn.fit(model, X, LABELS, epochs=3, rng=0, validation=(X, LABELS))
    last = out.getvalue().rstrip().rpartition("\r")[2]
    assert "100%" in last and "6/6" in last and "step" in last and "epoch=3" in last and "rate=0.001" in last
    assert f"loss={history.train_loss[-1]:.4f}" in last
    assert f"validation={history.validation_loss[-1]:.4f}" in last
    assert f"metric={history.validation_metric[-1]:.3f}" in last
    out = stderr(Terminal())
    nn.fit(regressor(), X, Y, epochs=2, rng=0)
    assert "loss=" in out.getvalue() and "validation" not in out.getvalue() and "metric" not in out.getvalue()


# the history's picture


def test_a_history_is_drawn_with_its_best_epoch():
    plt = pytest.importorskip("matplotlib.pyplot")
    (axes,) = nn.History([3.0, 2.0, 1.0], [3.0, 2.0, 2.5], [], 2).plot()
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
    assert lines["training"] == [[1, 3.0], [2, 2.0], [3, 1.0]] and lines["validation"][2] == [3, 2.5]
    assert lines["best epoch"] == [[2, 2.0]]  # on the validation's curve
    plt.close(axes.figure)
    figure = plt.figure()
    own = figure.subplots()
    assert nn.History([1.0]).plot(own) is own and [line.get_label() for line in own.get_lines()] == ["training"]
    plt.close(figure)


def test_a_history_draws_what_it_has():
    plt = pytest.importorskip("matplotlib.pyplot")
    history = nn.fit(nn.Linear(3, 3, rng=0), X, LABELS, epochs=3, rng=0, validation=(X, LABELS), progress=False)
    drawn = history.plot()
    titles = [axes.get_title(loc="left") for axes in drawn]
    assert titles == ["Loss", "Accuracy", "Learning rate", "Gradient norm", "Update-to-weight ratio"]
    shown = [axes.get_lines()[-1 if i > 1 else 1].get_ydata().tolist() for i, axes in enumerate(drawn)]
    assert shown[1:] == [
        history.validation_metric,
        history.learning_rate,
        history.gradient_norm,
        history.update_ratio,
    ]
    plt.close(drawn[0].figure)
    figure = plt.figure()
    pair = figure.subplots(1, 2)
    assert history.plot(pair) is pair and [axes.get_ylabel() for axes in pair] == ["loss", "accuracy"]
    plt.close(figure)


@pytest.mark.parametrize("compile", [False, True])
def test_the_last_step_of_an_epoch_is_measured(compile):
    """By hand: loss (w - 1)² of one row, w = 3: gradient 4, a step of -0.4."""
    model = nn.Linear(1, 1, bias=False, rng=0)
    model.weight.data = np.array([[3.0]], np.float32)
    history = nn.fit(model, np.ones((1, 1)), np.ones((1, 1)), optimizer=nn.SGD(model, 0.1), epochs=2, rng=0,
                     loss=nn.mse, progress=False, compile=compile)  # fmt: skip
    assert history.learning_rate == [0.1, 0.1] and history.metric == ""
    assert history.gradient_norm == pytest.approx([4.0, 3.2], rel=1e-6)
    assert history.update_ratio == pytest.approx([0.4 / 3.0, 0.32 / 2.6], rel=1e-6)


class Display:
    """What a notebook would be sent."""

    def __init__(self, monkeypatch):
        self.pictures = []
        monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
        monkeypatch.setattr(pytest.importorskip("IPython.display"), "display", self.display)

    def display(self, picture, raw, display_id):
        self.pictures.append(picture)
        return SimpleNamespace(update=lambda picture, raw: self.pictures.append(picture))


def test_live_curves_are_drawn_in_a_notebook(monkeypatch):
    pytest.importorskip("matplotlib")
    notebook = Display(monkeypatch)
    monkeypatch.setattr("nn.curves.PAUSE", 0.0)
    nn.fit(regressor(), X, Y, epochs=2, rng=0, progress=False, live=True)
    assert len(notebook.pictures) == 3  # after each epoch, and at the end
    assert all(picture["image/svg+xml"].startswith("<svg") for picture in notebook.pictures)
    assert "var(" not in notebook.pictures[-1]["image/svg+xml"]
    nn.fit(regressor(), X, Y, epochs=2, rng=0, progress=False)
    assert len(notebook.pictures) == 3


def test_there_are_no_live_curves_on_a_terminal(monkeypatch):
    monkeypatch.setattr("nn.curves.themed", lambda *_, **__: pytest.fail("drawn"))
    nn.fit(regressor(), X, Y, epochs=1, rng=0, progress=False, live=True)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"glassgrad\[plot\]"):
        nn.History([1.0]).plot()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": nn.Adam(nn.Linear(2, 1))}, "none of the model's parameters"),
        ({"optimizer": nn.Adam}, "such as nn.Adam"),
        ({"loss": "mse"}, "loss is a function"),
        ({"validation": 0.2}, "a pair"),
    ],
)
def test_a_wrong_argument_says_what_was_expected(options, words):
    X = np.ones((4, 2), np.float32)
    with pytest.raises(ArgumentError, match=words):
        nn.fit(nn.Linear(2, 1), X, X[:, :1], **options)


def test_an_activation_by_name_is_refused():
    with pytest.raises(ArgumentError, match="activation is a function"):
        nn.MLP(4, [8, 3], activation="relu")


# compiled


@pytest.mark.parametrize("optimizer", [nn.SGD, nn.Adam, nn.AdamW])
def test_compiled_training_gives_what_eager_training_gives(optimizer):
    """Also where the last batch of an epoch is smaller, and with a rate that changes between batches."""
    found = []
    for compiled in (False, True):
        model = regressor()
        used = optimizer(model, 0.01)
        options = {"epochs": 5, "batch_size": 16, "validation": VALID, "rng": 0, "compile": compiled}
        steps = nn.train(model, X, Y, optimizer=used, **options)
        for step in steps:
            used.learning_rate = 0.01 / (1 + step.epoch)
        assert (used.steps, type(used.steps)) == (20, int)
        found.append([steps.history.train_loss, steps.history.validation_loss, *(p.data for p in model.parameters())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6)


def test_a_compiled_step_is_written_once_for_each_batch_size():
    model = regressor()
    steps = nn.train(model, X, Y, epochs=6, batch_size=16, rng=0, compile=True)
    list(steps)
    assert sum(map(len, steps.step.run.replays.values())) == 2


def test_what_cannot_be_compiled_trains_eagerly_with_one_warning():
    def loss(prediction, target):
        value = nn.mse(prediction, target)
        return value * 2.0 if float(value) > 1.0 else value

    model, other = regressor(), regressor()
    words = r"training goes on without compile: .*test_training.py:\d+ makes a Python number"
    with pytest.warns(UserWarning, match=words) as said:
        a = quiet(model, X, Y, loss=loss, rng=0, epochs=2, compile=True)
    b = quiet(other, X, Y, loss=loss, rng=0, epochs=2)
    assert len(said) == 1 and bits(model) == bits(other) and a.train_loss == b.train_loss


def test_a_compiled_step_leaves_the_weights_alone_when_the_loss_is_no_number():
    model = regressor()
    large, seen = Y.copy(), []
    large[np.random.default_rng(7).permutation(50)[45]] = 1e30  # in the last batch: its square is infinite
    steps = nn.train(model, X, large, optimizer=nn.SGD(model, 0.01), batch_size=10, rng=7, compile=True)
    for _ in range(4):
        next(steps)
    seen = bits(model)
    with (
        np.errstate(over="ignore"),
        pytest.raises(NonFiniteError, match=r"inf in epoch 1, batch 5: try a smaller learning_rate than 0\.01"),
    ):
        next(steps)
    assert bits(model) == seen
