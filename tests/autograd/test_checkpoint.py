"""checkpoint gives the derivatives of the function it wraps, from its inputs alone."""

import gc
import pickle
import tracemalloc

import numpy as np
import pytest

import nn
from autograd import Value, checkpoint, grad, hessian, jacobian, jvp, no_grad, value_and_grad
from autograd.errors import ArgumentError, InPlaceError

X = np.array([0.3, -0.8, 1.2])


def f(x):
    y = np.sin(x) * x
    return np.sum(y * y + np.exp(x))


def test_derivatives_of_every_kind_are_those_of_the_function():
    c = checkpoint(f)
    np.testing.assert_allclose(grad(c)(X), grad(f)(X), rtol=1e-15)
    np.testing.assert_allclose(hessian(c)(X), hessian(f)(X), rtol=1e-13)
    np.testing.assert_allclose(grad(lambda x: np.sum(grad(c)(x) ** 3))(X), grad(lambda x: np.sum(grad(f)(x) ** 3))(X))
    np.testing.assert_allclose(jvp(c, (X,), (X,)), jvp(f, (X,), (X,)))
    np.testing.assert_allclose(jacobian(checkpoint(np.sin))(X), np.diag(np.cos(X)))
    nested = checkpoint(lambda x: checkpoint(np.sin)(x) * c(x))
    np.testing.assert_allclose(jacobian(nested)(X), jacobian(lambda x: np.sin(x) * f(x))(X))


def test_containers_keywords_and_plain_arguments():
    @checkpoint
    def g(p, *, scale, name="x"):
        return {"a": p["w"] * scale, "b": [np.sum(p["w"] ** 2), 3.0, name]}

    w, scale = Value(X), Value(2.0)
    out = g({"w": w, "n": 3}, scale=scale)
    assert out["b"][1:] == [3.0, "x"]
    np.sum(out["a"] * out["b"][0]).backward()
    expected = lambda w, s: np.sum(w * s * np.sum(w**2))
    np.testing.assert_allclose(w.grad, grad(expected)(X, 2.0))
    np.testing.assert_allclose(scale.grad, grad(expected, 1)(X, 2.0))
    assert g({"w": X}, scale=2.0)["b"][0] == np.sum(X**2)


def test_the_weights_of_a_model_are_found():
    model = nn.MLP(3, [5, 1], rng=0, dtype=np.float64)
    loss = lambda m, x: np.sum(m(x) ** 2)
    rows = np.stack([X, 2 * X])
    loss(model, rows).backward()
    expected = {name: p.grad.copy() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.zero_grad()
    np.sum(checkpoint(model)(rows) ** 2).backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.grad, expected[name], rtol=1e-14)
    a = Value(2.0)
    assert grad(lambda x: checkpoint(lambda y: y * a * x)(x))(3.0) == 12.0
    y = checkpoint(lambda: a * a)()
    y.backward()
    assert a.grad == 4.0


def test_under_no_grad_it_is_the_function():
    with no_grad():
        assert checkpoint(f)(Value(X)).op == "constant"
    assert checkpoint(f)(X) == f(X)


def test_only_the_inputs_are_kept():
    def chain(x):
        for _ in range(50):
            x = np.sin(x)
        return x

    def peak(g):
        gc.collect()
        x = Value(np.ones(10_000))
        tracemalloc.start()
        y = x
        for _ in range(10):
            y = g(y)
        np.sum(y).backward(keep="leaves")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most, x.grad

    plain, slope = peak(chain)
    little, same = peak(checkpoint(chain))
    np.testing.assert_array_equal(slope, same)
    assert little < plain / 5


def test_a_function_that_computes_something_else_is_caught():
    rng = np.random.default_rng(0)
    y = checkpoint(lambda x: x * rng.normal())(Value(1.0))
    with pytest.raises(ArgumentError, match="computed something else when it was run again"):
        y.backward()


def test_data_changed_in_between_is_caught():
    w = Value(np.ones(2))
    y = np.sum(checkpoint(lambda x: x * w)(Value(np.ones(2))))
    w.data = np.zeros(2)
    with pytest.raises(InPlaceError, match="changed before backward"):
        y.backward()


def test_transformed_functions_pickle():
    for g in (grad(f), value_and_grad(f), checkpoint(f), jacobian(f, mode="forward"), hessian(f), grad(grad(f), 0)):
        again = pickle.loads(pickle.dumps(g))
        assert again.__name__ == "f"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(grad(f)))(X), grad(f)(X))


def test_a_function_that_assigns_to_its_argument():
    def f(x):
        x[0] = x[1] * x[2]
        return np.sum(x * x)

    x = np.array([1.0, 2.0, 3.0])
    assert grad(checkpoint(f))(x).tolist() == grad(f)(x).tolist() == [0.0, 40.0, 30.0]
