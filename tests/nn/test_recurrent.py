"""RNN, GRU, LSTM: names and layouts, steps as cells make them, directions, lengths, where weights start, refusals."""

import numpy as np
import pytest

import nn
from autograd import Value, compile
from autograd.errors import ArgumentError, ShapeError
from autograd.ops import relu

KINDS = pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM], ids=lambda kind: kind.__name__)
CELLS = {nn.RNN: nn.RNNCell, nn.GRU: nn.GRUCell, nn.LSTM: nn.LSTMCell}
LENGTHS = np.array([4, 1, 6, 3, 6])


def inputs(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def states(state):
    """The arrays of a state: (h,) or (h, c)."""
    return [part.data for part in (state if isinstance(state, tuple) else (state,))]


def double(kind, *sizes, **options):
    return kind(*sizes, rng=0, dtype=np.float64, **options)


@KINDS
def test_names_and_layouts_are_pytorchs(kind):
    gates = CELLS[kind].gates
    layer = kind(3, 5, num_layers=2, bidirectional=True, rng=0)
    shapes = {name: array.shape for name, array in layer.state_dict().items()}
    expected = {}
    for suffix, width in (("l0", 3), ("l0_reverse", 3), ("l1", 10), ("l1_reverse", 10)):
        expected |= {f"weight_ih_{suffix}": (gates * 5, width), f"weight_hh_{suffix}": (gates * 5, 5)}
        expected |= {f"bias_ih_{suffix}": (gates * 5,), f"bias_hh_{suffix}": (gates * 5,)}
    assert list(shapes.items()) == list(expected.items())
    assert list(CELLS[kind](3, 5).state_dict()) == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]


@KINDS
def test_a_layer_is_its_cell_at_every_step(kind):
    layer, cell, x = double(kind, 3, 4), double(CELLS[kind], 3, 4), inputs(2, 5, 3)
    cell.load_state_dict({name.removesuffix("_l0"): array for name, array in layer.state_dict().items()})
    state, hidden = None, []
    for t in range(5):
        state = cell(x[:, t], state)
        hidden.append(states(state)[0])
    output, last = layer(x)
    np.testing.assert_allclose(output.data, np.stack(hidden, axis=1), rtol=1e-13)
    for mine, theirs in zip(states(last), states(state), strict=True):
        np.testing.assert_allclose(mine, theirs[None], rtol=1e-13)


@KINDS
def test_a_sequence_may_be_read_in_two_parts(kind):
    layer, x = double(kind, 3, 4, num_layers=2), inputs(2, 6, 3)
    whole, last = layer(x)
    first, state = layer(x[:, :2])
    second, end = layer(x[:, 2:], state)
    np.testing.assert_allclose(np.concatenate([first.data, second.data], axis=1), whole.data, rtol=1e-13)
    for mine, theirs in zip(states(end), states(last), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-13)


@KINDS
def test_two_directions_are_two_runs(kind):
    both, x = double(kind, 3, 4, bidirectional=True), inputs(2, 5, 3)
    forward, backward = double(kind, 3, 4), double(kind, 3, 4)
    state = both.state_dict()
    forward.load_state_dict({name: state[name] for name in forward.state_dict()})
    backward.load_state_dict({name: state[f"{name}_reverse"] for name in backward.state_dict()})
    output, last = both(x)
    there, end = forward(x)
    back, start = backward(x[:, ::-1])
    assert np.array_equal(output.data, np.concatenate([there.data, back.data[:, ::-1]], axis=-1))
    for mine, a, b in zip(states(last), states(end), states(start), strict=True):
        assert np.array_equal(mine, np.concatenate([a, b]))


@KINDS
@pytest.mark.parametrize("bidirectional", [False, True])
def test_sequences_of_different_lengths_are_each_as_if_alone(kind, bidirectional):
    layer = double(kind, 3, 4, num_layers=2, bidirectional=bidirectional)
    x, begin = Value(inputs(5, 6, 3)), [inputs(len(layer.cells), 5, 4, seed=part) for part in (1, 2)]
    given = lambda rows: tuple(b[:, rows] for b in begin) if kind is nn.LSTM else begin[0][:, rows]
    output, last = layer(x, given(slice(None)), lengths=LENGTHS)
    output.sum().backward()
    for i, length in enumerate(LENGTHS):
        alone, end = layer(x.data[i, :length], given(i))
        np.testing.assert_allclose(output.data[i, :length], alone.data, rtol=1e-12)
        assert not output.data[i, length:].any() and not x.grad[i, length:].any() and x.grad[i, :length].all()
        for mine, theirs in zip(states(last), states(end), strict=True):
            np.testing.assert_allclose(mine[:, i], theirs, rtol=1e-12)


@KINDS
def test_time_may_come_first_and_the_batch_may_be_missing(kind):
    layer, other, x = double(kind, 3, 4), double(kind, 3, 4, batch_first=False), inputs(2, 5, 3)
    (output, last), (turned, end) = layer(x), other(x.swapaxes(0, 1))
    assert np.array_equal(output.data, turned.data.swapaxes(0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(states(last), states(end), strict=True))
    single, end = layer(x[0])
    np.testing.assert_allclose(single.data, output.data[0], rtol=1e-13)
    assert states(end)[0].shape == (1, 4)


def test_dropout_is_between_layers_only():
    one, two = nn.GRU(3, 4, dropout=0.5, rng=0), nn.GRU(3, 4, num_layers=2, dropout=0.5, rng=0)
    x = inputs(2, 5, 3).astype(np.float32)
    assert np.array_equal(one(x)[0].data, one.eval()(x)[0].data)
    first = [states(two(x)[1])[0][0] for _ in range(2)]
    assert np.array_equal(*first) and not np.array_equal(two(x)[0].data, two(x)[0].data)
    assert [path for path, _ in two.named_generators()] == ["dropout.rng"]


def test_a_layer_may_have_any_activation():
    layer, x = double(nn.RNN, 3, 4, activation=relu), inputs(2, 5, 3)
    output = layer(x)[0].data
    assert (output >= 0.0).all() and (output > 1.0).any()


@KINDS
def test_a_state_keeps_its_length_through_the_recurrent_weights_at_the_start(kind):
    layer = kind(3, 64, rng=0)
    for square in np.split(layer.cells["l0"].weight_hh.data, CELLS[kind].gates):
        np.testing.assert_allclose(square @ square.T, np.eye(64), atol=1e-5)
    assert layer.cells["l0"].weight_ih.data.std() == pytest.approx(3**-0.5, rel=0.1)


def test_biases_start_at_0_but_an_lstm_remembers():
    biases = nn.LSTM(3, 2, rng=0).state_dict()
    assert biases["bias_ih_l0"].tolist() == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0] and not biases["bias_hh_l0"].any()
    assert not nn.GRU(3, 2, rng=0).state_dict()["bias_ih_l0"].any()


def test_adding_a_layer_leaves_the_other_weights_unchanged():
    small, large = (
        nn.LSTM(3, 4, rng=0).state_dict(),
        nn.LSTM(3, 4, num_layers=2, bidirectional=True, rng=0).state_dict(),
    )
    assert all(np.array_equal(large[name], array) for name, array in small.items())


@pytest.mark.parametrize(
    ("kind", "backend"), [(nn.RNN, "llvm"), (nn.RNN, "numpy"), (nn.GRU, "numpy"), (nn.LSTM, "numpy")]
)
def test_compiled_training_over_32_steps_equals_eager(kind, backend):
    def make():
        layer, head = kind(3, 8, rng=0), nn.Linear(8, 1, rng=1)
        model = nn.Sequential(layer, head)
        optimizer = nn.Adam([*layer.parameters(), *head.parameters()], 0.01)
        x, target = inputs(4, 32, 3).astype(np.float32), inputs(4, 1, seed=1).astype(np.float32)

        def step(lengths):
            output, last = layer(x, lengths=lengths)
            loss = nn.mse(head(last[0][0] if kind is nn.LSTM else last[0]), target) + np.mean(output * output)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.data

        return step, model

    (eager, mine), (step, theirs) = make(), make()
    compiled = compile(step, backend=backend)
    for lengths in ([32, 5, 17, 1], [3, 32, 1, 9], [32, 32, 32, 32]):
        assert compiled(np.array(lengths)) == pytest.approx(eager(np.array(lengths)), rel=1e-5)
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(b.data, a.data, rtol=1e-4, atol=1e-5)
    with pytest.raises(ArgumentError, match="lengths are 0 … 40, expected 1 … 32 for 32 time steps"):
        compiled(np.array([0, 40, 1, 1]))


X = np.ones((2, 5, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.GRU(3, 4)(X, lengths=[5, 6]), "lengths are 5 … 6, expected 1 … 5 for 5 time steps"),
        (lambda: nn.GRU(3, 4)(X, lengths=[0, 5]), "lengths are 0 … 5, expected 1 … 5 for 5 time steps"),
        (
            lambda: nn.GRU(3, 4)(X, lengths=[5]),
            r"lengths have shape \(1,\) and are int64, expected \(2,\) whole numbers",
        ),
        (lambda: nn.GRU(3, 4)(X, lengths=[5.0, 1.0]), r"shape \(2,\) and are float64, expected \(2,\) whole numbers"),
        (
            lambda: nn.GRU(3, 4)(X[:, :, :2]),
            r"x has shape \(2, 5, 2\), expected \(batch, time, features\), or \(time, ",
        ),
        (lambda: nn.RNN(3, 4)(X[0, 0]), r"x has shape \(3,\), expected \(batch, time, features\)"),
        (
            lambda: nn.RNN(3, 4)(X[:, :0]),
            r"x of shape \(2, 0, 3\) has no time step: axes are \(batch, time, features\)",
        ),
        (lambda: nn.GRU(3, 4)(X, np.ones((1, 4))), r"the state has shape \(1, 4\), expected \(1, 2, 4\)"),
        (lambda: nn.LSTM(3, 4)(X, np.ones((1, 2, 4))), r"the state of an LSTM is a pair \(h, c\), got ndarray"),
        (lambda: nn.LSTM(3, 4)(X, (np.ones((1, 2, 4)), np.ones(4))), r"\(1, 2, 4\), \(4,\), expected \(1, 2, 4\)"),
        (lambda: nn.GRUCell(3, 4)(X[:, 0], np.ones((2, 3))), r"the state has shape \(2, 3\), expected \(2, 4\)"),
        (lambda: nn.LSTM(3, 0), "hidden_size is a whole number of at least 1, got 0"),
        (lambda: nn.RNN(3, 4, num_layers=0), "num_layers is a whole number of at least 1, got 0"),
        (lambda: nn.RNN(3, 4, dropout=1.0), r"p must lie in \[0, 1\), got 1\.0"),
        (lambda: nn.RNN(3, 4, activation="relu"), "activation is a function such as np.tanh or autograd.relu, or None"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        call()


def test_an_error_names_the_layer_and_its_path():
    model = nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.LSTM(5, 4)))
    with pytest.raises(ValueError, match=r"x has shape \(2, 5, 2\), .* with 5 features") as caught:
        model(X)
    assert caught.value.__notes__ == ["in 1.0: LSTM(5, 4)"]
