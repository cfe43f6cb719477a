"""compile: what it follows, what it refuses, what it must never mix up."""

import re
import threading

import numpy as np
import pytest

import nn
from autograd import Value, compile, grad, hessian, jacobian, jvp, random
from autograd.errors import ArgumentError

X, Y = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([[1.0, 3.0], [-2.0, 0.5]])


def agree(f, *calls):
    """compile(f) gives what f gives, call by call."""
    compiled = compile(f, backend="numpy")
    for args in calls:
        expected, found = f(*args), compiled(*args)
        np.testing.assert_equal(found, expected)
    return compiled


# results


@pytest.mark.parametrize("f", [
    lambda x, y: grad(lambda x: np.sum(np.tanh(x @ y)))(x),
    lambda x, y: hessian(lambda x: np.sum(np.sin(x) * y))(x),
    lambda x, y: jacobian(lambda x: np.exp(x) @ y)(x),
    lambda x, y: jvp(lambda x: np.log(x * x + 1.0), (x,), (y,)),
    lambda x, y: {"sum": x + y, "parts": [x[0], (y.T, 3, "text", None)]},
    lambda x, y: np.where(x > y, x, y).sum(axis=0) * 2.0,
    lambda x, y: grad(lambda v: np.sum(v**3))(x[:, 0]) + y[0, 0],
    lambda x, y: x.mean() + y.max(axis=1) + len(x) + x.shape[0],
    lambda x, y: (x, x, y.T),
])  # fmt: skip
def test_functions_of_arrays(f):
    agree(f, (X, Y), (Y, X), (X + Y, X * Y), (X, X))


def test_floats_are_followed_and_stay_floats():
    compiled = agree(lambda a, b: (a * b + 1.0, a), (2.0, 3.0), (4.0, 5.0))
    assert type(compiled(2.0, 3.0)[0]) is float
    single = np.ones(2, np.float32)
    assert compile(lambda x, rate: x * rate)(single, 0.1).dtype == np.float32
    twice = compile(lambda x, rate: x * rate)
    assert [twice(single, rate).dtype for rate in (0.1, 0.2)] == [np.float32] * 2


def test_each_form_of_the_arguments_has_its_program():
    compiled = agree(lambda x, power: x**power, (X, 2), (X, 3), (X[:1], 2), (X.astype(np.float32), 2), (X, 2))
    assert len(compiled.replays) == 4


def test_the_least_recently_used_program_is_dropped():
    compiled = compile(lambda x: x * 2.0, keep=2)
    for length in (1, 2, 1, 3):
        compiled(np.ones(length))
    assert [key[0][0] for key in compiled.replays] == [(1,), (3,)]


def test_results_are_not_buffers():
    compiled = compile(lambda x: (x + 1.0, x))
    compiled(X)
    first, same = compiled(X)
    kept = first.copy(), same.copy()
    compiled(Y)
    assert np.array_equal(first, kept[0])
    assert np.array_equal(same, kept[1])
    assert not np.shares_memory(same, X)


def test_results_may_be_buffers_if_asked():
    compiled = compile(lambda x: x * 2.0, copy=False)
    compiled(X)
    first = compiled(X)
    assert compiled(Y) is first


def test_methods():
    class Scaler:
        def __init__(self, factor):
            self.factor = np.array(factor)

        @compile
        def scale(self, x):
            """Doc."""
            return x * self.factor

    a, b = Scaler(2.0), Scaler(3.0)
    for _ in range(3):
        assert [float(a.scale(5.0)), float(b.scale(5.0))] == [10.0, 15.0]
    assert (Scaler.scale.__name__, Scaler.scale.__doc__) == ("scale", "Doc.")


@pytest.mark.parametrize(("arguments", "words"), [((3,), "takes a function, got int"), ((abs, 0), "keep=0: expected")])
def test_wrong_arguments(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        compile(arguments[0], **({"keep": arguments[1]} if len(arguments) > 1 else {}))


def test_arguments_that_lie_otherwise_in_memory():
    agree(lambda x, y: (x @ y, x.T + y, np.reshape(x, -1)), (X, Y), (X.T, Y[::-1]), (np.asfortranarray(X), Y))


def test_item_assignment():
    def recurrence(x):
        y = np.zeros_like(x)
        y[0] = x[0] * 2.0
        for t in range(1, len(x)):
            y[t] = 0.5 * y[t - 1] + x[t]
        y[::2] += x[::2]
        return np.sum(y * y)

    def scattered(x):
        y = x * 1.0
        y[np.array([0, 2])] = y[1] * x[2]
        y *= x
        return np.sum(np.sin(y))

    for f in (recurrence, scattered):
        agree(grad(f), (np.array([1.0, 2.0, 3.0]),), (np.array([-1.0, 0.5, 2.0]),), (np.ones(3),))


@pytest.mark.parametrize(
    "cut",
    [
        lambda x: np.split(x, 2, axis=1), lambda x: np.split(x, [1]), lambda x: np.split(x, [3, 1, 9]),
        lambda x: np.array_split(x, 3), lambda x: np.hsplit(x, 2), np.unstack, lambda x: np.diff(x, 0), np.rot90,
        lambda x: np.einsum("ij->ji", x), np.diag,
    ],
)  # fmt: skip
@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_what_lies_in_an_operand_keeps_its_memory(cut, backend):
    def f(x, y):
        parts = cut(x + 1.0)
        later = y * 2.0 + 3.0  # the memory of x + 1 must not be free yet
        parts = parts if isinstance(parts, (list, tuple)) else [parts]
        return [np.sum(later), *(np.sum(part * part) for part in parts)]

    x, y = np.arange(16.0).reshape(4, 4), np.ones((4, 4))
    compiled = compile(f, backend=backend)
    for _ in range(3):
        assert compiled(x, y) == f(x, y)


def test_the_program_can_be_read():
    def f(x):
        square = x * x
        return np.tanh(square) + x * x

    compiled = compile(f, backend="numpy")
    with pytest.raises(ArgumentError, match="call the compiled function once"):
        compiled.explain()
    compiled(X)
    lines = [line.strip() for line in compiled.source.splitlines()]
    start = lines.index("def run(x):")
    assert lines[start + 1 : start + 3] == ["# ---- forward ----", "# square = x * x"]
    assert re.sub(r" +", " ", lines[start + 3]) == "multiply(x, x, square_2) # square_2 = x * x"  # np.square is taken
    assert "# return np.tanh(square) + x * x" in lines
    assert compiled.explain().splitlines()[0].startswith("steps      4 captured, 3 common")
    assert "1 results, 0 places" in compiled.explain()


def test_the_listing_of_a_training_step():
    """Parameters, layers and gradients under their names, three sections, the user's lines, a table of arrays on top."""
    model = nn.MLP(4, [8, 3], np.tanh, rng=0)
    optimizer = nn.SGD(model, 0.1, momentum=0.9)

    @compile(backend="numpy")
    def step(x, labels):
        loss = nn.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    x, labels = np.ones((6, 4), np.float32), np.array([0, 1, 2, 0, 1, 2])
    for _ in range(2):
        step(x, labels)
    lines = [re.sub(r" +", " ", line.strip()) for line in step.source.splitlines()]
    for line in (
        "# state float32 67 268 bytes parameters", "def run(x, labels, learning_rate, steps):", "# ---- forward ----",
        "# loss = nn.cross_entropy(model(x), labels)", "tanh(layers_0_add, layers_0) # layers_0 = tanh(layers_0_add)",
        "# ---- backward ----", "# loss.backward()",
        "dot(d_layers_1, layers_1_weight, d_layers_0) # d_layers_0 = d_layers_1 @ layers_1_weight", "# ---- update ----",
        "# optimizer.step()", "add(multiply_2, gradients, velocity) # velocity = multiply_2 + gradients",
        "subtract(parameters, multiply_3, parameters) # parameters = parameters - multiply_3",
    ):  # fmt: skip
        assert line in lines
    picture = step.draw()
    outer = [group.path for group in picture.scene.groups if not group.parent]
    assert outer == ["forward", "backward", "update"]
    assert {"layers_0", "d_layers_0", "parameters"} <= {node.label for node in picture.scene.nodes}
    folded = step.draw(max_nodes=9)  # cards of several steps; nothing is left out
    assert re.search(r">\d+ nodes<", folded.to_svg())
    assert len(folded.scene.nodes) == len(picture.scene.nodes)
    told = dict(line.split(maxsplit=1) for line in step.explain().splitlines())
    flops = 2 * 6 * (4 * 8 + 8 * 3) * 2 + 2 * 6 * 8 * 3  # forward, weights, and back to the hidden layer
    assert flops < int(told["flops"].split()[0].replace(",", "")) < 1.6 * flops
    work = [int(line.split()[4].replace(",", "")) for line in lines if line.startswith("# work")]
    assert (
        int(told["buffers"].split()[1].replace(",", "")) == sum(work) <= int(told["eager"].split()[0].replace(",", ""))
    )


# state


class Pair:
    def __init__(self):
        self.a, self.b = np.ones(2), np.full(2, 3.0)


def swapping(pair):
    def step(c):
        pair.a, pair.b = pair.b, pair.a + c

    return step


def test_state_that_changes_places():
    eager, compiled = Pair(), Pair()
    step, fast = swapping(eager), compile(swapping(compiled))
    for c in (np.ones(2), np.full(2, 2.0), np.array([1.0, -1.0]), np.ones(2)):
        step(c)
        fast(c)
        assert np.array_equal(eager.a, compiled.a)
        assert np.array_equal(eager.b, compiled.b)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_an_array_without_axes_stays_one(dtype):
    state = {"count": np.zeros((), dtype)}

    @compile
    def step(x):
        state["count"] = np.asarray(2, dtype) + state["count"]
        return x + 1.0

    for i in range(3):
        step(np.ones(2))
        assert isinstance(state["count"], np.ndarray) and state["count"].dtype == dtype and state["count"] == 2 * i + 2


def test_places_that_are_exchanged():
    pair = Pair()

    def step(c):
        pair.a, pair.b = pair.b, pair.a
        return c

    fast = compile(step)
    firsts = []
    for _ in range(4):
        fast(1.0)
        firsts.append((pair.a[0], pair.b[0]))
    assert firsts == [(3.0, 1.0), (1.0, 3.0), (3.0, 1.0), (1.0, 3.0)]


def test_gradients_that_are_not_forgotten_add_up():
    eager, fast = Value(np.ones(2)), Value(np.ones(2))
    step = lambda v: lambda x: np.sum(v * v * x).backward()
    run, compiled = step(eager), compile(step(fast))
    for scale in (1.0, 2.0, 3.0, 4.0):
        run(np.full(2, scale))
        compiled(np.full(2, scale))
        assert np.array_equal(fast.grad, eager.grad)


def test_the_old_state_is_a_result():
    pair = Pair()

    def step(c):
        old = pair.a
        pair.a = pair.a * c
        return old, pair.a

    compiled = compile(step)
    olds = [compiled(np.full(2, 2.0))[0][0] for _ in range(4)]
    assert olds == [1.0, 2.0, 4.0, 8.0]


def test_state_that_is_set_between_calls():
    value = Value(np.ones(3))
    compiled = compile(lambda x: np.sum(value.data * x))
    assert [compiled(np.ones(3)), compiled(np.ones(3))] == [3.0, 3.0]
    value.data = np.full(3, 5.0)
    assert compiled(np.ones(3)) == 15.0


def test_what_a_program_does_not_use_is_left_alone():
    pair = Pair()
    pair.value, pair.other = Value(np.ones(2)), Value(np.ones(2))
    compiled = compile(lambda x: pair.value * x)
    for _ in range(2):
        compiled(X)
    given = [np.full(2, 7.0), np.full(2, 8.0)]
    pair.other.data, pair.b = given
    compiled(X)
    assert pair.other.data is given[0] and pair.b is given[1]
    assert np.array_equal(given, [[7.0, 7.0], [8.0, 8.0]])


def test_static_numbers_are_compared():
    pair = Pair()
    pair.factor = 2.0
    compiled = compile(lambda x: x * pair.factor)
    assert [float(compiled(3.0)), float(compiled(4.0))] == [6.0, 8.0]
    pair.factor = 10.0
    assert [float(compiled(3.0)), float(compiled(4.0))] == [30.0, 40.0]


def training(model, optimizer):
    def step(x, t):
        loss = nn.cross_entropy(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


@pytest.mark.parametrize("kind", [
    lambda model: nn.SGD(model, learning_rate=0.1),
    lambda model: nn.SGD(model, learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda model: nn.Adam(model, learning_rate=0.01, weight_decay=0.1),
    lambda model: nn.AdamW(model, learning_rate=0.01),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_training_step_equals_the_eager_one(kind, dtype):
    rng = np.random.default_rng(3)
    x, t = rng.normal(size=(8, 5)).astype(dtype), rng.integers(0, 3, 8)
    models = [nn.MLP(5, [7, 3], rng=0, dtype=dtype) for _ in range(2)]
    optimizers = [kind(model) for model in models]
    step, fast = training(models[0], optimizers[0]), compile(training(models[1], optimizers[1]))
    for i in range(6):
        for optimizer in optimizers:
            optimizer.learning_rate = 0.1 / (1 + i)
        np.testing.assert_allclose(fast(x, t).data, step(x, t).data, rtol=1e-6 if dtype == np.float32 else 1e-13)
        x = x[::-1] * 0.9
    assert optimizers[1].steps == 6
    assert type(optimizers[1].steps) is int
    for p, q in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert p.data.dtype == q.data.dtype
        np.testing.assert_allclose(q.data, p.data, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-7)
        np.testing.assert_allclose(q.grad, p.grad, rtol=1e-4 if dtype == np.float32 else 1e-11, atol=1e-7)
    assert sum(map(len, fast.replays.values())) == 2  # without gradients at first, and with them


def test_weights_that_are_loaded_are_used():
    model = nn.MLP(3, [4, 2], rng=0)
    predict = compile(lambda x: model(x))
    x = np.ones((2, 3), np.float32)
    predict(x)
    model.initialize(7)
    assert np.array_equal(predict(x).data, model(x).data)


# threads


def test_threads_share_a_compiled_function():
    compiled = compile(lambda x: grad(lambda x: np.sum(np.tanh(x) ** 2))(x))
    expected = {i: compiled(np.full(50, float(i))) for i in range(8)}
    wrong = []

    def work(i):
        for _ in range(200):
            if not np.array_equal(compiled(np.full(50, float(i))), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# draws


def test_draws_are_made_anew_in_the_order_of_the_generator():
    def f(rng):
        return lambda x: (random.normal(x, 2.0, rng=rng), random.dropout(x, 0.5, rng=rng))

    eager, compiled = f(np.random.default_rng(5)), compile(f(np.random.default_rng(5)))
    for x in (X, Y, X, X):
        np.testing.assert_equal(compiled(x), eager(x))
