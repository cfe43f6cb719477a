"""jacobian in both directions and with all rows at once, elementwise_grad."""

import numpy as np
import pytest

from autograd import Value, detect_anomaly, elementwise_grad, grad, hessian, jacobian, ops
from autograd.backward import propagate
from autograd.errors import ArgumentError
from autograd.primitives import registry

RNG = np.random.default_rng(3)
W, V = RNG.normal(size=(7, 5)), RNG.normal(size=(5, 6))
X = RNG.normal(size=7)


def network(x):
    h = np.tanh(np.dot(x, W))
    return ops.softmax(np.concatenate([h[:2], h[2:]]) @ V) + np.sum(h) - np.cumsum(h)[-1]


def numbers(x):
    return {"a": x["p"] ** 2 * 3.0, "b": [np.sum(x["q"] * x["p"]), x["q"][:2]]}


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_the_two_directions_agree_with_differences(mode):
    step = 1e-6
    expected = [(network(X + e) - network(X - e)) / (2 * step) for e in step * np.eye(7)]
    np.testing.assert_allclose(jacobian(network, mode=mode)(X), np.transpose(expected), rtol=1e-7, atol=1e-9)


def test_containers_and_scalars_in_both_directions():
    x = {"p": 2.0, "q": np.array([1.0, 2.0, 3.0]), "name": "x", "n": 3}
    rows, columns = (jacobian(numbers, mode=mode)(x) for mode in ("reverse", "forward"))
    assert rows["a"]["p"] == columns["a"]["p"] == 12.0
    assert rows["a"]["name"] is columns["a"]["n"] is None
    for found in (rows, columns):
        assert found["a"]["q"].tolist() == [0.0, 0.0, 0.0]
        assert found["b"][0]["p"] == 6.0
        assert found["b"][0]["q"].tolist() == [2.0, 2.0, 2.0]
        assert found["b"][1]["q"].tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
        assert found["b"][1]["p"].tolist() == [0.0, 0.0]


def calls(monkeypatch, *names):
    """How often the rules of these ops are called: a list that grows."""
    seen = []
    for name in names:
        op = registry[name]
        counted = tuple(
            rule and (lambda *args, rule=rule, **kw: seen.append(name) or rule(*args, **kw))  # noqa: B023
            for rule in op.rules
        )
        monkeypatch.setattr(op, "rules", counted)
    return seen


def test_a_square_jacobian_calls_each_rule_once(monkeypatch):
    matrix = RNG.normal(size=(100, 100)) / 10.0
    seen = calls(monkeypatch, "tanh", "matmul", "multiply", "sum", "reshape", "transpose", "getitem", "add")

    def f(x):
        h = np.tanh(matrix @ x) * x
        h = np.reshape(np.transpose(np.reshape(h, (10, 10))), (-1,))
        return (h + np.sum(h))[::-1] + h[np.argsort(h.data)]

    found = jacobian(f)(RNG.normal(size=100))
    assert found.shape == (100, 100)
    assert len(seen) <= 14, seen


def test_columns_are_taken_where_they_are_few(monkeypatch):
    seen = calls(monkeypatch, "multiply")
    found = jacobian(lambda t: np.sin(t * np.arange(1000.0)))(0.5)
    np.testing.assert_allclose(found, np.arange(1000.0) * np.cos(0.5 * np.arange(1000.0)))
    assert len(seen) == 1


def test_large_jacobians_go_in_bundles(monkeypatch):
    from autograd import jacobians

    expected = jacobian(network)(X)
    monkeypatch.setattr(jacobians, "AT_ONCE", 20)
    np.testing.assert_allclose(jacobian(network)(X), expected)


def test_an_op_that_takes_rows_one_by_one_gets_them_so(planted):
    @planted(kind="general")
    def total(x, /):
        return np.sum(x) ** 2

    total.vjp(x=lambda g, out, x: np.full_like(x, 1.0) * (g * (2.0 * np.sum(x))))
    found = jacobian(lambda x: np.stack([total(x), 3.0 * total(x * x), x[0]]))(np.array([1.0, 2.0]))
    np.testing.assert_allclose(found, [[6.0, 6.0], [60.0, 120.0], [1.0, 0.0]])


def test_a_bundle_can_be_differentiated_again():
    def f(x):
        return np.sum(jacobian(lambda y: np.tanh(y) * np.sum(y**2))(x) ** 2)

    def by_hand(x):
        s = 1.0 - np.tanh(x) ** 2
        J = np.diag(s * np.sum(x**2)) + np.outer(np.tanh(x), 2.0 * x)
        return np.sum(J**2)

    x = np.array([0.3, -0.4, 0.9])
    step = 1e-6
    expected = [(by_hand(x + e) - by_hand(x - e)) / (2 * step) for e in step * np.eye(3)]
    np.testing.assert_allclose(grad(f)(x), expected, rtol=1e-7)
    v = Value(x)
    out = jacobian(lambda y: y * y)(v)
    assert isinstance(out, Value)
    np.sum(out).backward()
    np.testing.assert_allclose(v.grad, [2.0, 2.0, 2.0])


def test_complex_results_of_real_arguments():
    x = np.array([0.3, -0.5])
    np.testing.assert_allclose(jacobian(lambda x: np.exp(1j * x) * x)(x), np.diag(np.exp(1j * x) * (1 + 1j * x)))
    z = np.array([0.3 + 1j, 2.0 - 0.5j])
    np.testing.assert_allclose(jacobian(lambda z: z**2)(z), np.diag(2 * z))


def test_the_mode_is_checked():
    with pytest.raises(ArgumentError, match=r"mode='backward'.*'reverse', 'forward', or None"):
        jacobian(network, mode="backward")


def test_elementwise_grad_is_the_derivative_of_each_element():
    x = np.linspace(-1.0, 1.0, 5)
    np.testing.assert_allclose(elementwise_grad(np.sin)(x), np.cos(x))
    np.testing.assert_allclose(elementwise_grad(elementwise_grad(np.sin))(x), -np.sin(x))
    np.testing.assert_allclose(elementwise_grad(lambda a, b: a * b**2, "b")(x, x), 2 * x * x)
    assert elementwise_grad(np.tanh)(0.0) == 1.0
    z = np.array([1.0 + 1j])
    np.testing.assert_allclose(elementwise_grad(np.exp)(z), np.exp(z))


def test_an_empty_result_has_an_empty_jacobian():
    assert jacobian(lambda x: x[:0])(X).shape == (0, 7)
    assert jacobian(lambda x: x, mode="forward")(np.ones(0)).shape == (0, 0)
    assert hessian(lambda x: np.sum(x**3))(X).shape == (7, 7)


def test_propagate_with_a_leading_axis_unbroadcasts():
    a, b = Value(np.ones(3)), Value(2.0)
    out = np.ones((2, 1)) * a + b
    totals = propagate(
        [out, *(x for x in out.operands if isinstance(x, Value) and x.op)], {out: np.ones((4, 2, 3))}, lead=(4,)
    )
    assert totals[a].tolist() == [[2.0] * 3] * 4
    assert totals[b].tolist() == [6.0] * 4


def test_rows_at_once_under_detect_anomaly():
    x = np.array([0.5, -1.0, 2.0])
    f = lambda x: np.tanh(x) * x[::-1]
    with detect_anomaly():
        found = jacobian(f)(x)
    assert np.array_equal(found, jacobian(f)(x))
