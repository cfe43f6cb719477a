"""check_gradients finds planted mistakes, says where they are, and lets right functions pass."""

import dataclasses
import re

import numpy as np
import pytest

import nn
from autograd import Value, check_gradients, ops, stop_gradient
from autograd.errors import ArgumentError, GradientCheckError, RuleError

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])


@pytest.fixture
def cube(planted):
    """An elementwise op out = x³ with a rule to choose."""

    def plant(rule, forward=lambda x: x * x * x):
        @planted(kind="elementwise", name="planted")
        def op(x, /):
            return forward(x)

        return op.vjp(x=rule)

    return plant


def complaint(f, *xs, **options):
    with pytest.raises(GradientCheckError) as caught:
        check_gradients(f, *xs, **options)
    return str(caught.value)


# right functions pass

RIGHT = {
    "elementwise": lambda x: np.exp(np.sin(x)) / (2.0 + x * x),
    "reduced": lambda x: np.std(x, axis=0),
    "matrix product": lambda x: x @ x.T,
    "softmax": lambda x: ops.log_softmax(x),
    "picking": lambda x: x[[0, 0, 1], 1:],
    "several results": lambda x: np.split(x, [1], axis=1),
    "a dict of results": lambda x: {"a": np.sum(x), "b": (x[0], x**2)},
    "tiny gradients": lambda x: 1e-12 * np.tanh(x),
    "huge gradients": lambda x: 1e12 * np.tanh(x),
    "cancelling": lambda x: (1e4 + x) - 1e4,
    "no dependence": lambda x: np.ones(2),
    "kinks far away": lambda x: np.abs(x) + ops.relu(x) + np.maximum(x, 0.1),
}


@pytest.mark.parametrize("f", RIGHT.values(), ids=RIGHT)
def test_right_functions_pass(f):
    assert check_gradients(f, X) >= X.size


def test_the_number_of_compared_entries_comes_back():
    assert check_gradients(lambda x: x * x, 3.0, order=1) == 1
    assert check_gradients(lambda x: x * x, 3.0) == 2
    assert check_gradients(lambda x: x * x, X, order=1) == 36
    assert check_gradients(lambda a, b: a * b, 2.0, [1.0, np.ones(2)][1], order=1) == 2 * 1 + 2 * 2


def test_containers_and_modules_are_arguments():
    @dataclasses.dataclass
    class Params:
        w: object
        scale: float
        name: str = "p"

    assert check_gradients(lambda p, x: np.tanh(x @ p["w"] + p["b"][0]), {"w": np.ones((3, 1)), "b": [0.5]}, X) > 0
    assert check_gradients(lambda p: p.w**2 * p.scale, Params(np.ones(2), 3.0)) > 0
    model = nn.MLP(3, [2, 1], activation=np.tanh, rng=0)
    count = check_gradients(lambda m: np.mean(m(X) ** 2), model, order=1)
    assert count == model.parameter_count()
    assert check_gradients(lambda m: m(X)[0], nn.Linear(3, 1, rng=0)) > 0
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}


def test_static_leaves_stay_as_they_are():
    assert check_gradients(lambda p: p["x"] ** p["n"], {"x": 2.0, "n": 3, "mode": "power"}) == 2


def test_functions_built_from_values_and_closures():
    w = Value(np.ones(3))
    assert check_gradients(lambda x: np.tanh(x * w), X[0]) > 0
    assert not w.has_grad


# a kink is reported, not guessed at


def test_any_slope_between_the_two_is_right_at_a_kink():
    assert check_gradients(np.abs, 0.0) == 2
    assert check_gradients(ops.relu, np.array([0.0, 1.0])) > 0
    assert check_gradients(lambda x: np.maximum(x, 1.0), np.array([1.0])) > 0


def test_a_slope_outside_the_two_is_wrong_at_a_kink_and_the_kink_is_reported(cube):
    kinked = cube(lambda g, out, x: g * 1.5, forward=abs)
    message = complaint(lambda x: kinked(x), np.array([0.0, 1.0]), order=1)
    assert "d out[0] / d x0[0]: recorded 1.5, measured" in message
    assert "a kink: slope -1 on the left, 1 on the right" in message


def test_a_slope_that_cannot_be_measured_does_not_count_as_right():
    for f, x in [(np.log, -1.0), (np.sqrt, 0.0), (lambda x: x / 0.0, 1.0)]:
        with np.errstate(all="ignore"):
            assert "; the function is not finite around here" in complaint(f, x, order=1)
    assert check_gradients(np.log, 0.01) == 2  # some of the first steps leave the domain


# planted mistakes are found and named

PLANTED = {
    "a sign": (lambda g, out, x: -g * (3.0 * x * x), "first", "derivative rule"),
    "a factor": (lambda g, out, x: g * (2.0 * x * x), "first", "derivative rule"),
    "one part in a million": (lambda g, out, x: g * (3.000003 * x * x), "first", "derivative rule"),
    "a forgotten g": (lambda g, out, x: 3.0 * x * x + 0.0 * g, None, "derivative rule"),
    "a detached rule": (lambda g, out, x: stop_gradient(3.0 * x * x) * g, "second", "rule, differentiated again,"),
    "a float32 constant inside": (
        lambda g, out, x: g * np.astype(np.astype(3.0 * x * x, np.float32), np.float64),
        "first",
        "rule",
    ),
}


@pytest.mark.parametrize(("rule", "stage", "words"), PLANTED.values(), ids=PLANTED)
def test_a_wrong_rule_is_found_and_its_op_named(cube, rule, stage, words):
    op = cube(rule)
    message = complaint(lambda x: np.sin(2.0 * op(np.exp(0.1 * x))), X)
    assert re.search(rf"The error enters at op 'planted': its own .*{words}.* is wrong: d out\[", message)
    assert stage is None or f" {stage} derivatives of <lambda> are wrong, the worst first:\n" in message


def test_the_right_rule_is_found_right(cube):
    op = cube(lambda g, out, x: g * (3.0 * x * x))
    assert check_gradients(lambda x: np.sin(2.0 * op(np.exp(0.1 * x))), X) > 0


def test_a_detached_rule_is_right_to_first_order(cube):
    op = cube(lambda g, out, x: stop_gradient(3.0 * x * x) * g)
    assert check_gradients(lambda x: op(x), X, order=1) > 0


def test_a_float32_leak_in_the_forward_pass_is_found(cube):
    op = cube(lambda g, out, x: g * (3.0 * x * x), forward=lambda x: (x * x * x).astype(np.float32))
    message = complaint(lambda x: np.sum(op(x) * 1.0), X)
    assert "The error enters at op 'planted': it computes in float32 though its operands are float64." in message


def test_a_rule_in_float32_is_found_by_its_dtype(cube):
    op = cube(lambda g, out, x: (g * (3.0 * x * x)).astype(np.float32))
    with pytest.raises(RuleError, match="planted: the rule for operand 'x' returned float32, expected float64"):
        check_gradients(lambda x: op(x), X)


def test_a_missing_un_broadcast_is_found(planted):
    @planted(kind="general", name="planted")
    def shifted(x, row, /):
        return x + row

    shifted.vjp(x=lambda g, out, x, row: g, row=lambda g, out, x, row: g)
    with pytest.raises(
        RuleError, match=r"planted: the rule for operand 'row' returned shape \(2, 3\), expected \(3,\)"
    ):
        check_gradients(lambda x, row: shifted(x, row), X, np.ones(3))
    shifted.vjp(row=lambda g, out, x, row: np.mean(g, axis=0))
    message = complaint(lambda x, row: shifted(x, row), X, np.ones(3))
    assert "d out[0] / d x1[0]: recorded 0.5, measured 1 ±" in message
    assert "The error enters at op 'planted'" in message
    shifted.vjp(row=lambda g, out, x, row: np.sum(g, axis=0))
    assert check_gradients(lambda x, row: shifted(x, row), X, np.ones(3)) > 0


def test_a_mistake_for_one_operand_names_that_operand(planted):
    @planted(kind="bilinear", name="planted")
    def product(a, b, /):
        return a @ b

    product.vjp(a=lambda g, out, a, b: g @ np.transpose(b), b=lambda g, out, a, b: -np.transpose(a) @ g)
    message = complaint(lambda a, b: product(a, b), X, X.T)
    assert re.search(
        r"The error enters at op 'planted': its own derivative rule is wrong: d out\[\d\] / d x1\[", message
    )


def test_what_leaves_the_graph_is_told_from_a_wrong_rule():
    for f in (
        lambda x: x * x.data,
        lambda x: x * stop_gradient(x),
        lambda x: np.sum(x * np.exp(x.data if isinstance(x, Value) else x)),
    ):
        assert "Every op's own rule is right, so something left the graph: v.data, float(v)" in complaint(f, X, order=1)


def test_a_wrong_gradient_in_a_container_is_named_by_its_path():
    def f(p):
        return p["w"][1] * p["w"][1].data + p["b"]

    message = complaint(f, {"w": [1.0, 2.0], "b": 3.0}, order=1)
    assert message.startswith(
        "1 of 3 first derivatives of f are wrong, the worst first:\n  d out[0] / d x0.w.1: recorded 2, "
    )


def test_the_worst_entries_come_first_and_are_few():
    f = lambda x: x * stop_gradient(x)
    message = complaint(f, np.arange(1.0, 9.0), order=1, worst=3)
    found = re.findall(r"d out\[(\d)\] / d x0\[(\d)\]: recorded (\S+), measured (\S+) ±", message)
    assert [(int(a), int(b), float(r), float(m)) for a, b, r, m in found] == [
        (7, 7, 8.0, 16.0),
        (6, 6, 7.0, 14.0),
        (5, 5, 6.0, 12.0),
    ]


def test_a_looser_tolerance_lets_small_errors_pass(cube):
    op = cube(lambda g, out, x: g * (3.0003 * x * x))
    f = lambda x: op(x)
    assert "first derivatives" in complaint(f, X)
    assert check_gradients(f, X, rtol=1e-3) > 0


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(ArgumentError, match=r"check_gradients\(order=3\): order is 1 or 2"):
        check_gradients(np.sin, 1.0, order=3)
    for x in ("text", {"n": 3, "s": "x"}, []):
        with pytest.raises(ArgumentError, match="there is no real number or array among the arguments"):
            check_gradients(lambda x: 1.0, x)


def test_the_arguments_are_left_alone():
    x = X.copy()
    x.flags.writeable = False
    check_gradients(lambda x: np.sum(x**2), x)
    v = Value(X.copy())
    check_gradients(lambda x: np.sum(x**2), v)
    np.testing.assert_array_equal(v.data, X)
    assert not v.has_grad


@pytest.mark.parametrize(
    ("f", "x"),
    [(np.sin, 5000.0), (np.log, 1e-3), (np.abs, 1e-4), (ops.relu, 1e-3), (np.sqrt, 1e-6), (np.exp, 50.0), (np.tanh, -300.0),
     (lambda x: ops.relu(x - 0.29999), 0.3), (lambda x: np.sin(1e3 * x), 0.7)],
)  # fmt: skip
def test_right_functions_pass_at_any_magnitude_and_beside_a_kink(f, x):
    assert check_gradients(f, np.array([x])) == 2


def test_derivatives_that_cancel_to_0_may_be_off_by_rounding():
    x = np.random.default_rng(0).normal(size=(2, 2))
    shifted = lambda x, bias: ops.softmax(x @ (x + bias).T) @ x  # a bias of all keys changes nothing
    assert check_gradients(shifted, x, np.array([0.3, -0.4])) == 60


def test_outside_the_domain_no_rule_is_blamed():
    with np.errstate(all="ignore"), pytest.raises(GradientCheckError, match="not finite around this point") as caught:
        check_gradients(np.log, np.array([-1.0]))
    assert "rule is wrong" not in str(caught.value)
