"""What readers found by looking for wrong numbers: overwritten operands, dropped options, memory of other programs."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from autograd import Value, compile, grad
from autograd.compiler import replay

LARGE = (600, 600)


def early_and_late(x, y):
    n = x @ y
    a = np.sin(x)
    q = np.sum(np.cos(n) * n)
    b = np.sin(np.broadcast_to(x, x.shape))
    return a @ x + b @ y + q


def scaled_twice(x, y, u):
    p = 2.0 * (x @ y)
    r = np.tanh(u)
    t = 3.0 * p
    return r @ x + t @ y


def whole_that_others_reshape(x):
    h = np.concatenate([np.tanh(x), np.exp(x)])
    return np.concatenate([h, 2.0 * h], 1), h.reshape(-1) * 2.0


CASES = {
    "a square twice": (lambda d, s: (d + s * s) + s * s, (4, 3), (4, 3)),
    "a square twice, of ints": (lambda d, s: (lambda i: (i + i * i) + i * i)(np.floor(s).astype(int)) + d, (4, 3), (4, 3)),
    "a mask twice": (lambda d, s: (d + (s > 0.0) * 3.0) + (s > 0.0) * 3.0, (4, 3), (4, 3)),
    "a sum that begins somewhere": (lambda x: np.sum(-x, axis=0, initial=5.0), (4, 3)),
    "a sum of some": (lambda x: np.sum(-x, axis=0, where=np.eye(4, 3, dtype=bool)), (4, 3)),
    "a whole that others reshape": (whole_that_others_reshape, (4, 3)),
    "columns first": (lambda x: np.reshape(np.tanh(x).T, -1, order="F"), (4, 3)),
    "steps that meet in a loop": (early_and_late, LARGE, LARGE),
    "factors that meet in a loop": (scaled_twice, LARGE, LARGE, LARGE),
    "a choice in place": (lambda x, y: np.where(x > 0.1, x @ y, x) @ y, LARGE, LARGE),
    "a power in place": (lambda x, y: ((x @ y) ** 3 + 1.0) @ y, LARGE, LARGE),
    "rows of one": (lambda x: np.max(np.tanh(x) * 2.0, axis=-1, keepdims=True), (400, 400, 1)),
    "a view that is a result": (lambda x: (x.T, (x.T + x.T) + np.exp(x.T)), (24, 96)),
    "what was broadcast": (grad(lambda a: np.sum(np.sum(
        np.sin(np.split(np.broadcast_to(-a, (4, 4)), 2)[1]), 0, keepdims=True) ** 2)), (4, 4)),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_right_at_every_call(case, backend):
    f, *shapes = case
    compiled, rng = compile(f, backend=backend), np.random.default_rng(0)
    for _ in range(4):
        xs = [rng.normal(size=shape) for shape in shapes]
        expected, found = f(*xs), compiled(*xs)
        for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (expected, found)), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9 * np.abs(a).max())


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_a_gradient_that_appeared_is_not_overwritten_by_another_program(backend):
    w, mode = Value(np.ones((50, 60))), SimpleNamespace(train=True)

    def step(x):
        if mode.train:
            loss = np.sum(np.tanh(x * w) * x)
            loss.backward()
            return loss.data
        return np.sum(np.exp(np.sin(x * w.data) * 2.0) * x)

    compiled, x = compile(step, backend=backend), np.random.default_rng(0).normal(size=(50, 60))
    for train in (True, True, True, False, False, False, True):
        mode.train, w.grad = train, None
        compiled(x)
    kept = w.grad.copy()
    mode.train = False
    for i in range(3):
        compiled(x * (i + 2.0))
    np.testing.assert_array_equal(w.grad, kept)
    np.testing.assert_allclose(kept, x * x * (1.0 - np.tanh(x) ** 2), rtol=1e-10)


def test_results_of_every_call_stay():
    state = SimpleNamespace(w=np.ones(3))

    def old(x):
        before = state.w
        state.w = before * 0.5 + np.sum(x)
        return before

    for options in ({}, {"copy": False}):
        state.w, expected = np.ones(3), np.ones(3)
        compiled, kept = compile(old, **options), []
        for size in (3, 3, 3, 4, 4, 3, 4):
            found = compiled(np.ones(size))
            np.testing.assert_array_equal(found, expected)
            if not options:
                kept.append((found, expected))
            expected = expected * 0.5 + size
        for found, then in kept:
            np.testing.assert_array_equal(found, then)


def test_what_is_kept_of_an_argument_is_a_copy():
    state, buffer = SimpleNamespace(before=np.zeros(2)), np.zeros(2)

    def change(x):
        d = x - state.before
        state.before = x
        return d

    compiled, found = compile(change), []
    for i in range(5):
        buffer[:] = i * i
        found.append(float(compiled(buffer)[0]))
    assert found == [0.0, 1.0, 3.0, 5.0, 7.0]


def test_who_reads_the_source_makes_the_program_once(monkeypatch):
    made, make = [], replay.Replay.make
    monkeypatch.setattr(replay.Replay, "make", lambda self: (made.append(self), make(self)))
    compiled = compile(lambda x: np.tanh(x) * 2.0, backend="numpy")
    compiled(np.ones(3))
    threads = [threading.Thread(target=lambda: compiled.source) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_a_buffer_of_another_place_is_not_taken_over():
    a, b = SimpleNamespace(w=np.ones(3)), SimpleNamespace(w=np.ones(3))

    def fa(x):
        a.w = a.w + x

    def fb(x):
        b.w = b.w * x

    ca, cb = compile(fa), compile(fb)
    for _ in range(3):
        cb(np.full(3, 2.0))
    ca(np.ones(3))
    a.w = b.w
    for i in range(3):
        ca(np.ones(3))
        np.testing.assert_array_equal(b.w, 8.0)
        np.testing.assert_array_equal(a.w, 9.0 + i)
