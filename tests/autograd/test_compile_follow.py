"""What a compiled function follows, what makes another program, and what is put back after a refusal.

Each case compares calls of the function and of its compiled form, with something changed by hand between the calls.
"""

import copy
import enum
import functools
import logging
import random
import types
from dataclasses import dataclass

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, checkpoint, compile, detect_anomaly, grad, hessian, jvp, value_and_grad
from autograd.errors import ArgumentError, CompileError, NonFiniteError, NotDifferentiableError
from autograd.ops import relu

X = np.array([1.0, 2.0, 3.0])


def alike(make, calls=5):
    """make() → (f, [change, …]): after each change f and its compiled form give the same, a few times."""
    for backend in ("numpy", "llvm"):
        (f, changes), (g, others) = make(), make()
        compiled = compile(g, backend=backend)
        for change, other in zip([lambda: None, *changes], [lambda: None, *others], strict=True):
            change()
            other()
            for i in range(calls):
                expected, found = f(X * (i + 1)), compiled(X * (i + 1))
                for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (expected, found)), strict=True):
                    np.testing.assert_allclose(getattr(b, "data", b), getattr(a, "data", a), rtol=1e-12, atol=1e-14)


def box(**fields):
    return types.SimpleNamespace(**fields)


# what is followed


def test_training_mode():
    class Doubled(nn.Module):
        def forward(self, x):
            return x * 2.0 if self.training else x

    def make():
        model = Doubled()
        return lambda x: model(x), [model.eval, model.train, lambda: setattr(Doubled, "training", True)]

    alike(make)


def test_dropout_stops_in_evaluation():
    class Dropped(nn.Module):
        def __init__(self):
            self.rng = np.random.default_rng(0)

        def forward(self, x):
            return autograd.ops.dropout(x, 0.5, rng=self.rng) if self.training else x

    def make():
        model = Dropped()
        return lambda x: model(x), [model.eval, model.train]

    alike(make)


def test_numbers_of_a_class():
    class Scale:
        k = 2.0

    def make():
        scale = Scale()
        return lambda x: x * scale.k, [lambda: setattr(Scale, "k", 3.0), lambda: setattr(scale, "k", 5.0)]

    alike(make)


def test_functions_in_containers_and_attributes():
    def make():
        fs, table, layer = [np.sin], {"act": np.sin}, box(act=np.sin)
        model = nn.Sequential(nn.Linear(3, 3, rng=0, dtype=np.float64), np.tanh)
        return lambda x: model(fs[0](x) + table["act"](x) * layer.act(x)), [
            lambda: fs.__setitem__(0, np.exp), lambda: table.update(act=np.cos), lambda: setattr(layer, "act", relu),
            lambda: model.layers.__setitem__(1, relu), lambda: setattr(model, "forward", lambda x: x * 2.0),
        ]  # fmt: skip

    alike(make)


def test_lists_and_dicts_that_grow_and_shrink():
    def make():
        factors, flags = [2.0], {}
        return lambda x: x * sum(factors) + (1.0 if "shift" in flags else 0.0), [
            lambda: factors.append(3.0), lambda: flags.update(shift=1), factors.clear, flags.clear,
        ]  # fmt: skip

    alike(make)


def test_layers_that_are_added():
    def make():
        model = nn.Sequential(nn.Linear(3, 3, rng=0, dtype=np.float64))
        return lambda x: model(x), [lambda: model.layers.append(np.tanh), model.layers.pop]

    alike(make)


def test_objects_with_slots():
    @dataclass(slots=True)
    class State:
        rate: float
        total: object

    def make():
        state = State(0.5, np.zeros(3))

        def f(x):
            state.total = state.total * state.rate + x
            return state.total * 1.0

        return f, [lambda: setattr(state, "rate", 0.25), lambda: setattr(state, "total", np.ones(3))]

    alike(make)


def test_a_frozen_dataclass():
    @dataclass(frozen=True)
    class Settings:
        weights: object
        power: int = 2

    def make():
        settings = Settings(np.array([1.0, 2.0, 3.0]))
        return lambda x: (x * settings.weights) ** settings.power, []

    alike(make)


def test_a_partial():
    def make():
        f = functools.partial(lambda k, x: x * k.value, box(value=2.0))
        return f, [lambda: setattr(f.args[0], "value", 3.0)]

    alike(make)


def test_two_things_of_one_name():
    """Closures, methods, defaults and partials of several functions, each with names that the others have too."""

    class Scaled:
        def __init__(self, k):
            self.k, self.weight = k, Value(X * k)

        def __call__(self, x):
            return self.weight * x * self.k

        def method(self, x):
            return self.weight + x * self.k

    def closure(k):
        w, eps, parts = Value(X * k), k * 1e-3, [X * k]
        return lambda x, d=[k]: w * x + eps + parts[0] * d[0]

    def make():
        one, two, f, g = Scaled(2.0), Scaled(3.0), closure(2.0), closure(5.0)
        h, i = one.method, functools.partial(lambda k, x: x * k[0], [7.0])
        j = functools.partial(lambda k, x: x * k[0], [11.0])

        def run(x, bound=two.method):
            return sum(p(x) * q for q, p in enumerate((one, two, f, g, h, bound, i, j), 1))

        return run, [lambda: setattr(two, "k", 4.0), lambda: setattr(one.weight, "data", X * 9.0)]

    alike(make)


def test_keys_of_every_kind():
    class Colour(enum.Enum):
        RED = 1

    def make():
        table = {Colour.RED: X * 1.0, "lambda": X * 2.0, (1, "x"): X * 3.0, 2.5: X * 4.0, "zip": X * 5.0, "x²": X * 6.0}
        holder = box(**{"a.b": X * 7.0, "class": X * 8.0})
        log = logging.getLogger("nothing")

        def f(x):
            log.debug("called")
            for key in table:
                table[key] = table[key] * 0.5 + x
            vars(holder)["a.b"] = vars(holder)["a.b"] + x
            return sum(table.values()) + vars(holder)["a.b"] * vars(holder)["class"]

        return f, [lambda: table.update({"lambda": X * 0.0})]

    alike(make)


def test_deep_structures():
    def make():
        nested = chain = [X * 1.0]
        for _ in range(3000):
            chain = [chain]
        return lambda x: x * nested[0] + len(chain), [lambda: nested.__setitem__(0, X * 2.0)]

    alike(make, calls=2)


def test_floats_that_change_become_inputs():
    holder = box(rate=0.0)
    f = compile(lambda x: x * holder.rate)
    for i in range(20):
        holder.rate = i / 10
        np.testing.assert_allclose(f(X), X * (i / 10))
    assert "<lambda>: 2 programs" in repr(f)


def test_a_float_that_decides_stays_static():
    holder = box(rate=0.0)

    def f(x):
        return x * 2.0 if holder.rate > 0.5 else x * holder.rate

    compiled = compile(f)
    for i in range(5):
        holder.rate = i / 4
        np.testing.assert_allclose(compiled(X), f(X))


def test_running_sums_of_numbers():
    def make():
        model = box(total=0.0, count=np.zeros(()))

        def f(x):
            model.total = model.total + np.sum(x)
            model.count = model.count + 1.0
            return model.total, model.count

        return f, []

    alike(make)


def test_many_programs_are_warned_of_once():
    f = compile(lambda x, i: x * i)
    counter = box(step=0)
    g = compile(lambda x: x * counter.step)

    def count(calls):
        for counter.step in range(calls):
            g(X)

    with pytest.warns(UserWarning, match="compiled again and again, because a Python int among its arguments was"):
        [f(X, i) for i in range(12)]
    with pytest.warns(UserWarning, match=r"because counter.step was 5, 6, 7"):
        count(12)


def test_more_forms_in_turn_than_are_kept_are_told_once():
    compiled = compile(lambda x: np.sum(x * x), keep=2)

    def in_turn():
        return [float(compiled(np.full(n, 2.0))) for n in 3 * (3, 4, 5)]

    with pytest.warns(UserWarning, match="more forms in turn than keep=2") as caught:
        found = in_turn()
    assert found == 3 * [12.0, 16.0, 20.0]
    assert len(caught) == 1 and caught[0].filename == __file__


# state that is swapped, viewed and kept


@pytest.mark.parametrize("form", [
    lambda p, c: (-p.b * c, p.a[::-1]), lambda p, c: (p.b * 2.0, p.a.T), lambda p, c: (p.b[::-1], p.a[::-1]),
    lambda p, c: (p.a + c, p.a.reshape(-1)), lambda p, c: (p.b, p.a + c), lambda p, c: (p.b, p.a),
])  # fmt: skip
def test_state_that_changes_places(form):
    def make():
        p = box(a=X * 1.0, b=X * 10.0)

        def f(x):
            p.a, p.b = form(p, x)
            return p.a + 100.0 * p.b

        def swap():
            p.a, p.b = p.b, p.a

        return f, [swap, swap, lambda: setattr(p, "a", p.b)]

    alike(make)


def test_values_whose_data_is_swapped_by_hand():
    def make():
        v, w, u = Value(X * 1.0), Value(X * 2.0), Value(X * 3.0)

        def rotate():
            v.data, w.data, u.data = w.data, u.data, v.data

        return lambda x: (v + 10.0 * w + 100.0 * u) * x, [rotate, rotate, rotate]

    alike(make)


def test_lists_that_are_swapped_inside():
    def make():
        p = box(a=[X * 1.0], b=[X * 5.0])

        def f(x):
            p.a, p.b = p.b, p.a
            return p.a[0] * x

        return f, []

    alike(make)


def test_scalar_state_of_every_type():
    def make():
        z, h = Value(1.0 + 2.0j), Value(np.float32(0.1))
        return lambda x: (z * x, h * x), [lambda: setattr(z, "data", 2.0j), lambda: setattr(z, "data", X * 1.0)]

    alike(make)


def test_results_that_are_given_back_without_a_copy():
    f = lambda v: v[::-1] + v * 2.0 + np.cumsum(v)
    for backend in ("numpy", "llvm"):
        compiled, a, b = compile(f, copy=False, backend=backend), X, X
        for _ in range(6):
            a, b = f(a), compiled(b)
            np.testing.assert_allclose(b, a)


def test_one_array_in_two_places():
    """A target network that takes over the weights of another, every few steps."""

    def make():
        online, target = Value(X * 0.1), Value(X * 0.2)
        optimizer = nn.SGD([online], 0.1)

        def f(x):
            loss = np.sum((online * x - (target * x).data) ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        sync = lambda: setattr(target, "data", online.data)
        return f, [sync, sync, sync]

    alike(make)


def test_equal_numbers_are_two_places():
    w, v = Value(1.0), Value(1.0)
    f = compile(lambda x: w * x + v)
    assert [f(2.0).data, f(3.0).data] == [3.0, 4.0]


def test_two_optimisers_in_one_step():
    def make():
        generator, critic = (
            nn.MLP(3, [4, 3], np.tanh, rng=0, dtype=np.float64),
            nn.MLP(3, [4, 1], rng=1, dtype=np.float64),
        )
        first, second = nn.Adam(generator, 0.01), nn.Adam(critic, 0.01)

        def f(x):
            fake = generator(x[None])
            loss = np.mean(critic(fake.data)) - np.mean(critic(x[None]))
            critic.zero_grad()
            loss.backward()
            second.step()
            loss = -np.mean(critic(generator(x[None])))
            generator.zero_grad()
            loss.backward()
            first.step()
            return loss.data

        return f, []

    alike(make)


# derivatives, nesting


def test_derivatives_of_a_compiled_function():
    f = lambda v: np.sum(v**3)
    compiled = compile(f)
    compiled(X)
    np.testing.assert_array_equal(grad(compiled)(X), 3.0 * X**2)
    np.testing.assert_array_equal(hessian(compiled)(X), np.diag(6.0 * X))
    assert jvp(compiled, (X,), (X,)) == jvp(f, (X,), (X,))
    assert value_and_grad(compiled)(X)[0] == f(X)


def test_compiled_inside_of_compiled():
    inner = compile(lambda v: np.tanh(v) * 2.0)
    outer = compile(lambda v: grad(lambda u: np.sum(inner(u)))(v) + inner(v))
    expected = 2.0 / np.cosh(X) ** 2 + 2.0 * np.tanh(X)
    for _ in range(3):
        np.testing.assert_allclose(outer(X), expected)


def test_no_gradient_passes_through_a_result():
    model = nn.Linear(3, 1, rng=0)
    f = compile(lambda x: model(x))
    for _ in range(2):
        with pytest.raises(
            NotDifferentiableError, match=r"do not pass through a compiled function. Compile the gradient"
        ):
            np.sum(f(X.astype(np.float32)) ** 2).backward()
        assert float(np.sum(f(X.astype(np.float32)))) != 0.0


def test_checkpoint_inside():
    def make():
        w = Value(X * 0.1)

        def f(x):
            w.zero_grad()
            np.sum(checkpoint(lambda v: np.tanh(v * x))(w)).backward()
            return w.grad

        return f, []

    alike(make)


def test_under_detect_anomaly_the_function_itself_runs():
    f = compile(lambda v: np.log(v))
    f(X)
    with detect_anomaly(), np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="log made a NaN"):
        f(Value(-X))


# what a Tracer can do


@pytest.mark.parametrize("f", [
    lambda v: v == Value(X), lambda v: (v > Value(X)) * 1.0, lambda v: v // Value(X), lambda v: Value(X) < v,
    lambda v: np.where(v > Value(X), v, 0.0), lambda v: divmod(v, 2.0)[1], lambda v: 7.0 % v,
    lambda v: v**2.0 + v ** np.float64(3), lambda v: np.dot(v, 2.0), lambda v: np.sum(v[None], axis=np.int64(0)),
    lambda v: np.where(v.astype(int) & 1, v, -v), lambda v: (v.astype(int) | 4) ^ 1, lambda v: v.astype(int) << 2,
    lambda v: np.allclose(v, v + 1e-12), lambda v: np.array_equal(v, v), lambda v: ~(v.astype(int)),
    lambda v: 5 & v.astype(int),
])  # fmt: skip
def test_operators(f):
    for backend in ("numpy", "llvm"):
        compiled = compile(f, backend=backend)
        for x in (X, X * 2.0, X[::-1]):
            expected, found = f(x), compiled(x)
            np.testing.assert_array_equal(found, expected)
            assert getattr(found, "dtype", type(found)) == getattr(expected, "dtype", type(expected))


def test_large_integers_squared_as_floats():
    x = np.array([1, 2]) * 2**41
    compiled = compile(lambda v: v**2.0)
    np.testing.assert_array_equal([compiled(x), compiled(x)], [x**2.0] * 2)


def test_two_tapes_in_one_program():
    def f(k, a):
        first = [np.tanh(q * j) for j in range(1, 31) for q in k]
        y = a * first[0]
        second = [np.tanh(q + first[0] * j) for j in range(1, 31) for q in k]
        return first[0], np.max(y) * second[9]

    args = np.linspace(0.1, 0.9, 20).tolist(), X
    for backend in ("numpy", "llvm"):
        compiled = compile(f, backend=backend)
        np.testing.assert_allclose([compiled(*args), compiled(*args)], [f(*args)] * 2, rtol=1e-12)


# what is refused, and put back


class Cell:
    pass


def into_nonlocal():
    total = np.zeros(3)

    def f(v):
        nonlocal total
        total = total + v
        return total * 1.0

    return f


def into_a_set():
    kept = set()

    def f(v):
        kept.add(v * 2.0)
        return v

    return f


def into_an_object():
    def f(v):
        cell = Cell()
        cell.y = v * 2.0
        return cell

    return f


def into_a_generator():
    return lambda v: (v * i for i in range(3))


def caught():
    def f(v):
        try:
            return float(np.sum(v)) * 2.0
        except Exception:
            return v * 3.0

    return f


def drawn():
    return lambda v: v * random.random()


def appended():
    losses = []

    def f(v):
        losses.append(np.sum(v))
        return v

    return f


@pytest.mark.parametrize(("make", "words"), [
    (into_nonlocal, "a name outside of the function"), (into_a_set, "a place that is not followed"),
    (into_an_object, "a place that is not followed"), (into_a_generator, "a place that is not followed"),
    (caught, "makes a Python number"), (drawn, "calls a random generator directly"),
    (appended, "keeps a number of the run in losses"), (lambda: lambda v: v.sort(), "changes an array in place"),
    (lambda: lambda v: v.__iadd__(1.0), "changes an array in place"),
])  # fmt: skip
def test_what_would_be_stale_is_refused(make, words):
    f = compile(make())
    for _ in range(2):
        with pytest.raises(CompileError, match=words):
            f(X)


def test_after_a_refusal_everything_is_as_it_was():
    model = nn.MLP(3, [4, 2], rng=0)
    optimizer = nn.Adam(model)
    kept, table, holder = [1.0], {"m": np.zeros(3)}, [{"v": np.ones(2)}]
    x, y = np.ones((5, 3), np.float32), np.array([0, 1, 0, 1, 0])

    def step(x, y, bad):
        loss = nn.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        kept.append(loss)
        table["n"] = loss.data
        holder[0] = {"v": holder[0]["v"] * loss.data}
        return float(loss) if bad else loss

    before = copy.deepcopy((model.state_dict(), optimizer.state, optimizer.steps, kept, table, holder))
    with pytest.raises(CompileError):
        compile(step)(x, y, True)
    after = (model.state_dict(), optimizer.state, optimizer.steps, kept, table, holder)
    assert repr(after) == repr(before)
    kept.clear()
    step(x, y, False)  # and goes on eagerly
    assert np.isfinite(kept[0].data)


def test_a_number_of_a_run_that_is_over_says_so():
    kept = set()  # not followed, and so not put back either

    def f(v):
        kept.add(v)
        return v

    with pytest.raises(CompileError, match="a place that is not followed"):
        compile(f)(X)
    for use in (lambda v: v + 1.0, np.tanh, lambda v: np.sum(Value(X) * v)):
        with pytest.raises(CompileError, match="first run, which is over"):
            use(*kept)


def test_options():
    with pytest.raises(ArgumentError, match=r"no option threds; it has keep, copy, threads, backend and exact"):
        compile(np.sin, threds=2)
    with pytest.raises(ArgumentError, match=r"static_argnums \(ints, bools and strings are static by themselves\)"):
        compile(np.sin, static_argnums=0)


def test_methods_and_copies():
    class Model:
        def __init__(self, k):
            self.k = k

        @compile
        def double(self, x):
            return x * self.k

    one, two = Model(2.0), Model(3.0)
    np.testing.assert_array_equal([one.double(X), two.double(X), one.double(X)], [X * 2.0, X * 3.0, X * 2.0])
    assert "def run" in one.double.source
    compiled = compile(np.tanh)
    compiled(X)
    np.testing.assert_array_equal(copy.deepcopy(compiled)(X), compiled(X))


def test_a_program_that_does_not_fit_leaves_the_places_as_they_are():
    def make():
        w = Value(np.ones(3))

        def step(x):  # the gradient goes on growing until somebody forgets it
            loss = np.sum((w * x) ** 2)
            loss.backward()
            w.data = w.data - 0.1 * w.grad
            return loss

        def replaced():  # new weights in a place that is looked at before the gradient, which no longer fits
            w.data = np.array([3.0, 2.0, 1.0])
            w.zero_grad()

        return step, [replaced, replaced]

    alike(make)
