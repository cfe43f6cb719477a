"""What compile refuses: where it is, what to write instead, and that nothing is lost."""

import numpy as np
import pytest

import nn
from autograd import Value, compile, grad
from autograd.errors import CompileError

X, Y = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([[1.0, 3.0], [-2.0, 0.5]])


def branch(x):
    return x if x > 0 else -x


def number(x):
    return float(x) * 2.0


def plain(x):
    return np.asarray(x) + 1.0


def mask(x):
    return x[x > 0]


def write(x):
    x[0] = 1.0
    return x


def pick(x):
    return x[x > 0.0]


def pick_value(x):
    return grad(lambda x: np.mean(x[X > 0.6]) + np.mean(x[x > 0.0]))(x)


def masked(x):
    return Value(X)[x > 0.0].sum()


def turn(x):
    BOX.training = True
    return x


def index(x):
    return X[np.argmax(x)]


def position(x):
    return [1.0, 2.0][np.argmax(x)]


def largest(x):
    return max(x[0, 0], x[1, 1])


def fill(x):
    np.zeros(2)[0] = x[0, 0]
    return x


def text(x):
    return f"{x[0, 0]:.3f}"


def draw(x):
    return x + GENERATOR.normal(size=2)


def legacy_draw(x):
    return x + np.random.normal(size=2)


def leave(x):
    BOX.new = x * 2.0
    return x


def leave_value(x):
    BOX.list.append(Value(x) * 2.0)
    return x


def count(x):
    BOX.count += 1
    return x


class Box:
    def __init__(self):
        self.list, self.count, self.weight, self.training = [], 0, Value(X.copy()), False


BOX, GENERATOR = Box(), np.random.default_rng(0)


@pytest.mark.parametrize(("f", "argument", "words", "remedy"), [
    (branch, 2.0, "branches on a number", "np.where"), (largest, X, "branches on a number", "np.maximum"),
    (number, 2.0, "makes a Python number", "return it"), (position, X, "makes a Python number", "NumPy's functions"),
    (plain, X, "makes a plain array", "np.stack"), (index, X, "or an index", "np.take"),
    (pick, X, "picks by a mask", "np.where"), (pick_value, X, "picks by a mask", "np.where"),
    (masked, X, "picks by a mask", "np.sum"), (turn, X, "changes BOX.training from False to True", "model.train"),
    (write, X, "writes into an array", "np.where"), (fill, X, "makes a Python number", "NumPy's functions"),
    (text, X, "as text", "return the number"), (draw, X, "calls a random generator directly", "autograd.random"),
    (legacy_draw, X, "calls a random generator directly", "autograd.random"), (leave, X, "keeps a number", "return it"),
    (leave_value, X, "keeps a number", "return it"), (count, X, "changes BOX.count from 0 to 1", "np.zeros"),
])  # fmt: skip
def test_what_is_refused_says_where_and_what_to_write(f, argument, words, remedy):
    try:
        with pytest.raises(CompileError, match=words) as caught:
            compile(f)(argument)
    finally:
        BOX.list.clear()
        vars(BOX).pop("new", None)
    assert f"{__file__}:{f.__code__.co_firstlineno + 1}" in str(caught.value)
    assert remedy in str(caught.value)
    assert BOX.count == 0


def test_a_refused_draw_is_taken_back():
    before = GENERATOR.bit_generator.state
    with pytest.raises(CompileError):
        compile(draw)(X)
    assert GENERATOR.bit_generator.state == before


def test_one_array_for_two_arguments_is_right_and_for_what_changes_is_refused():
    product = compile(lambda x, y: x @ y + x)
    for x, y in ((X, X), (X, Y), (Y, Y), (X, X)):
        np.testing.assert_allclose(product(x, y), x @ y + x)

    def update(x):
        BOX.weight.data = BOX.weight.data + x
        return BOX.weight * x

    compiled = compile(update)
    for _ in range(3):
        compiled(X)
    for x in (BOX.weight.data, BOX.weight.data[:1], BOX.weight.data.T):
        with pytest.raises(CompileError, match=r"same buffer twice, as argument 0 and as BOX.weight.data.*copy\(\)"):
            compiled(x)
    np.testing.assert_allclose(BOX.weight.data, 4.0 * X)


def test_a_number_left_elsewhere_is_refused():
    kept = []

    def f(x):
        kept.append(x * 2.0)
        return x

    with pytest.raises(CompileError, match="return it"):
        compile(f)(X)


def test_after_a_refusal_everything_is_as_before():
    model = nn.MLP(3, [2], rng=0)
    before = [p.data for p in model.parameters()]

    def f(x):
        model(x).sum().backward()
        return float(x[0, 0])

    with pytest.raises(CompileError):
        compile(f)(np.ones((1, 3), np.float32))
    assert all(p.data is data and not p.has_grad for p, data in zip(model.parameters(), before, strict=True))


def in_a_loop(x):
    rows = x * 1.0
    for row in rows:
        row -= np.mean(row)
    return rows


def of_a_part(x):
    y = x * 2.0
    z = y[1:]
    z += 5.0
    return y


def by_a_helper(x):
    def shift(a):
        a -= 1.0

    y = x * 2.0
    shift(y)
    return y


def of_what_a_list_has(x):
    kept = [x * 2.0]
    y = kept[0]
    y *= 3.0
    return kept[0]


@pytest.mark.parametrize("f", [in_a_loop, of_a_part, by_a_helper, of_what_a_list_has])
def test_changes_in_place_that_others_would_see(f):
    """They would be lost: a += v makes a new array here."""
    x = np.arange(6.0).reshape(2, 3)
    with pytest.raises(CompileError, match=r"that has another name too, or is seen in part by another.*a = a \+ v"):
        compile(f)(x)
    np.testing.assert_array_equal(x, np.arange(6.0).reshape(2, 3))


def test_changes_in_place_that_nobody_else_sees():
    class Box:
        pass

    def f(x):
        y = x * 2.0
        y += 1.0
        flat = y.reshape(-1)
        del y
        flat /= 2.0
        box, kept, total = Box(), [x * 3.0], 0.0
        box.h = x.copy()
        box.h += kept[0]
        kept[0] -= 1.0
        same, low = +box.h, x.astype(np.float32)
        same *= 2.0
        low += x.astype(np.float64)  # stays what it is
        for row in x:
            total += np.sum(row)
        other = box.h.astype(np.float64)
        other += 1.0
        return flat, box.h, kept[0], same, low, other, total

    compiled, x = compile(f), np.arange(6.0).reshape(2, 3)
    for scale in (1.0, 2.0, 3.0):
        for a, b in zip(f(x * scale), compiled(x * scale), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
    for wrong in (lambda a: a.sum(0), lambda a: np.floor(a[0]).astype(int)):

        def g(x, wrong=wrong):
            y = wrong(x)
            y += x * 0.5
            return y

        for function in (g, compile(g)):
            with pytest.raises((ValueError, TypeError)):
                function(x)


def test_an_error_state_that_raises():
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        compile(lambda x: 1.0 / x)(np.array([0.0, 1.0]))
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        1.0 / Value(np.array([0.0, 1.0]))
