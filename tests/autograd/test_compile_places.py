"""Where numbers lie: views of results, views of state, state of another form, attributes in another dictionary."""

import numpy as np
import pytest
from test_compile_passes import numbers

import nn
from autograd import compile, grad

BACKENDS = ["numpy", "llvm"]
backends = pytest.mark.parametrize("backend", BACKENDS)


class Box:
    pass


@backends
@pytest.mark.parametrize(
    "view", [lambda x: x[3], lambda x: x.T, np.ravel, lambda x: x[:, :10], lambda x: x.reshape(50, -1)]
)
def test_a_view_of_a_result_stays_what_it_is(backend, view):
    """Results are arrays that are used again when nobody has them; who has a view has them."""
    compiled = compile(lambda x: np.tanh(x * 2.0), backend=backend)
    x = numbers(100, 100)
    for _ in range(2):
        compiled(x)
    part = view(compiled(x))
    before = part.copy()
    for k in range(3):
        compiled(x + k)
    np.testing.assert_array_equal(part, before)


@backends
@pytest.mark.parametrize("view", [
    lambda p: p.ravel()[::2], lambda p: p.ravel()[::-1], lambda p: p[:, 1], np.diagonal,
    lambda p: np.broadcast_to(p[:1, 0], (4,)), lambda p: p[1],
])  # fmt: skip
def test_numbers_taken_from_views_of_state(backend, view):
    p, places = nn.Parameter(np.arange(20, dtype=np.float32).reshape(4, 5)), np.array([3, 0, 1, -1])

    def f(x):
        y = view(p)[places] * 2.0 + x
        p.data = p.data * 1.0
        return y

    compiled, x = compile(f, backend=backend), numbers(4)
    for _ in range(3):
        np.testing.assert_array_equal(compiled(x).data, view(p.data)[places] * np.float32(2.0) + x)


@backends
def test_what_numpy_takes(backend):
    def f(x):
        return np.take(x, np.array([1, 2])) * 2.0 + 1.0, np.take(x * 2.0, [[0], [-1]]) + 1.0, x[[2, 2, 0]] > 1.0

    compiled = compile(f, backend=backend)
    for k in range(3):
        x = np.arange(5.0) + k
        for found, expected in zip(compiled(x), f(x), strict=True):
            np.testing.assert_array_equal(found, expected)


@backends
@pytest.mark.parametrize(("start", "new"), [
    (np.zeros(6, np.float32), lambda s, x: 0.9 * s + 0.1 * x), (np.zeros(6), lambda s, x: (s * 0.5 + x / 3).astype("f")),
    (np.zeros(1), lambda s, x: s * 0.5 + x / 3), (np.zeros(()), lambda s, x: s * 0.5 + x / 3),
    (np.zeros(6, np.int64), lambda s, x: s + np.sum(x)),
])  # fmt: skip
def test_state_that_becomes_another_form(backend, start, new):
    """The array that was there is no place for what comes; and it may come back."""
    ours, theirs = Box(), Box()
    ours.state, theirs.state = start.copy(), start.copy()

    def step(box, x):
        box.state = new(box.state, x)
        return box.state * 1.0

    compiled = compile(lambda x: step(ours, x), backend=backend)
    for k in range(7):
        x = np.arange(6.0) + k
        found, expected = compiled(x), step(theirs, x)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert (found.dtype, ours.state.dtype) == (expected.dtype, theirs.state.dtype)
        kept = ours.state
        if k == 3:
            ours.state, theirs.state = start.copy(), start.copy()
    np.testing.assert_allclose(kept, theirs.state, rtol=1e-12)


@backends
def test_weights_of_another_precision_in_the_middle(backend):
    ours, theirs = (nn.MLP(3, [4, 1], rng=0, dtype=np.float64) for _ in range(2))
    x = numbers(5, 3).astype(np.float64)

    def training(model):
        optimizer = nn.Adam(model, 0.1)

        def step(x):
            optimizer.zero_grad()
            loss = np.mean(model(x) ** 2)
            loss.backward()
            optimizer.step()
            return loss

        return step

    compiled, eager = compile(training(ours), backend=backend), training(theirs)
    for k in range(8):
        if k == 3:
            for model in (ours, theirs):
                model.layers[0].weight.data = model.layers[0].weight.data.astype(np.float32)
        np.testing.assert_allclose(compiled(x).data, eager(x).data, rtol=1e-6)


@backends
@pytest.mark.parametrize("kind", [Box, type("Layer", (nn.Module,), {})])
def test_attributes_in_another_dictionary(backend, kind):
    box = kind()
    box.k = 2.0
    compiled = compile(lambda x: x * box.k + 1.0, backend=backend)
    for _ in range(2):
        assert compiled(np.ones(3))[0] == 3.0
    box.__dict__ = {"k": 7.0}
    assert compiled(np.ones(3))[0] == 8.0


@backends
@pytest.mark.parametrize("p", [-2, -1, 0, 1, 2, 3, 4, 0.5, 1 / 3])
def test_powers_of_numbers(backend, p):
    """The rule of a power asks for zero, of Python's floats only."""
    derivative = grad(lambda x: x**p)
    compiled = compile(derivative, backend=backend)
    with np.errstate(all="ignore"):
        for x in (0.5, 2.0, 0.0, np.float64(0.7), np.array(0.3), np.array(0.0)):
            for _ in range(2):
                np.testing.assert_allclose(compiled(x), derivative(x), rtol=1e-14)
    norm = compile(grad(lambda x: np.mean(x * x) ** 0.5), backend=backend)
    for _ in range(2):
        np.testing.assert_allclose(norm(np.arange(3.0)), np.arange(3.0) / 3 / np.sqrt(5 / 3))


@backends
def test_a_softmax_without_its_maximum_overflows_as_it_does(backend):
    def f(x):
        return np.exp(x - np.log(np.sum(np.exp(x), -1, keepdims=True)))

    compiled = compile(f, backend=backend)
    with np.errstate(all="ignore"):
        for x in (numbers(4, 5), np.full((4, 5), 100, np.float32), np.full((4, 5), -200, np.float32)):
            for _ in range(2):
                np.testing.assert_allclose(compiled(x), f(x), rtol=1e-5)


VIEWS_OF_ARGUMENTS = {
    "columns backwards": lambda x: x[:, ::-1], "transposed": np.transpose, "every second": lambda x: x[:, ::2],
    "rows backwards": lambda x: x[::-1], "one row": lambda x: np.broadcast_to(x[:1], x.shape),
    "imaginary parts": lambda x: (x * 1j).imag, "real parts": lambda x: np.fft.fft(x).real, "moved": lambda x: x.T + 0,
}  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"exact": True}, {"copy": False}], ids=["", "exact", "no copy"])
@pytest.mark.parametrize("view", VIEWS_OF_ARGUMENTS.values(), ids=VIEWS_OF_ARGUMENTS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_view_of_an_argument_that_is_a_result_too(backend, view, options):
    def f(x):
        y = view(x)
        return np.sum(np.tanh(y) * 2.0), y, np.exp(y)

    compiled, x = compile(f, backend=backend, **options), numbers(128, 208).astype(np.float64)
    for scale in (1.0, 0.5, -1.0):
        for a, b in zip(f(x * scale), compiled(x * scale), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10)
