"""A program is made when it is called for again: what may change until then, and when it cannot be made."""

from types import SimpleNamespace as box

import numpy as np
import pytest

from autograd import Value, compile
from autograd.compiler import replay

X = np.array([1.0, 2.0, 3.0])


def test_a_program_that_cannot_be_made_is_said_once(monkeypatch):
    """The function itself runs from then on: no step is done twice, and none is left out."""

    def broken(*args):
        raise RuntimeError("no program")

    monkeypatch.setattr(replay, "optimized", broken)
    state = box(total=np.zeros(3))

    def f(x):
        state.total = state.total + x
        return state.total

    compiled = compile(f, backend="numpy")
    np.testing.assert_array_equal(compiled(X), X)
    with pytest.warns(UserWarning, match=r"its program could not be made: RuntimeError\('no program'\)") as told:
        np.testing.assert_array_equal(compiled(X), 2 * X)
    assert len(told) == 1 and told[0].filename == __file__
    for i in (3, 4):
        np.testing.assert_array_equal(compiled(X), i * X)


def test_a_program_is_made_when_it_is_called_for_again(monkeypatch):
    """That of the first training step, which has no gradients to begin with, never is; nor one that is used up."""
    made = []
    monkeypatch.setattr(replay.Replay, "make", lambda self, make=replay.Replay.make: (made.append(self), make(self))[1])
    weight = Value(np.ones(3))

    def step(x):
        loss = np.sum((x * weight) ** 2)
        weight.zero_grad()
        loss.backward()
        weight.data = weight.data - 0.01 * weight.grad
        return loss.data

    compiled, counts, losses = compile(step, backend="numpy"), [], []
    for _ in range(4):
        losses.append(compiled(X))
        counts.append(len(made))
    assert counts == [0, 0, 1, 1] and losses == sorted(losses, reverse=True)
    compiled(np.ones((5, 3)))  # a last batch
    assert len(made) == 1
    assert "weight" in compiled.source and len(made) == 2  # who wants to see it has it made
    weight.grad = None
    before = weight.data.copy()
    assert compiled(np.ones((5, 3))) > 0.0 and len(made) == 2  # and it fits no more
    assert np.all(weight.data < before)


def test_a_program_that_is_made_late_starts_from_what_is_there():
    """Between the first call and the second: another array, one of another form, an argument, a view of one."""

    def f(x):
        state.total = state.total * 0.5 + x
        return state.total

    def expected(total, x):
        return total * 0.5 + x

    for between in (X * 3.0, X.astype(np.float32), np.ones((2, *X.shape)), X[::-1], X):
        for looked in (False, True):
            state = box(total=np.zeros(X.shape))
            compiled = compile(f, backend="numpy")
            compiled(X)
            state.total = between
            if looked:
                assert "total" in compiled.source
                assert state.total is between or np.array_equal(state.total, between)
            total, kept = between, between.copy()
            for _ in range(3):
                total = expected(total, X)
                found = compiled(X)
                np.testing.assert_array_equal(found, total)
                assert found.dtype == total.dtype and not np.may_share_memory(found, state.total)
            np.testing.assert_array_equal(between, kept)
