"""Other rules for one backward pass: what they reach, what they leave alone, and what is refused."""

import re

import numpy as np
import pytest

import autograd
from autograd import Value, checkpoint, grad, ops, relu, value_and_grad, vjp
from autograd.errors import ArgumentError, RuleError

THROUGH = {"relu": lambda g, out, x: g}  # as if relu were the identity


def test_a_rule_serves_one_pass_only():
    x = Value(np.array([-2.0, 3.0]))
    y = np.sum(relu(x) * x)
    y.backward(rules=THROUGH)
    np.testing.assert_array_equal(x.grad, [0.0 - 2.0, 3.0 + 3.0])
    x.zero_grad()
    y.backward()
    np.testing.assert_array_equal(x.grad, [0.0, 6.0])


def test_the_op_is_given_by_itself_or_by_name():
    x = Value(-2.0)
    relu(x).backward(rules={ops.relu: lambda g, out, x: 7.0 * g})
    assert x.grad == 7.0


def test_an_operand_has_its_own_rule_and_the_other_keeps_its():
    x, y = Value(2.0), Value(5.0)
    (x * y).backward(rules={"multiply": {"x": lambda g, out, x, y: 100.0 * g}})
    assert (x.grad, y.grad) == (100.0, 2.0)


def test_one_function_serves_all_operands_of_an_op_with_several():
    x, y = Value(2.0), Value(5.0)
    (x * y).backward(rules={"multiply": lambda g, out, x, y, needed: (3.0 * g, 4.0 * g)})
    assert (x.grad, y.grad) == (3.0, 4.0)


def test_an_op_whose_one_rule_serves_all_gives_the_others_theirs():
    a, b = Value(2.0 * np.eye(2)), Value(np.ones(2))
    np.sum(np.linalg.solve(a, b)).backward(rules={"solve": {"b": lambda g, out, a, b: np.full(2, 7.0)}})
    assert ops.solve.rule_all is not None
    np.testing.assert_array_equal(b.grad, np.full(2, 7.0))
    np.testing.assert_array_equal(a.grad, np.full((2, 2), -0.25))  # −A⁻ᵀ g outᵀ


def test_the_rule_of_a_variadic_operand_is_told_which():
    x, y = Value(np.ones(2)), Value(np.ones(2))
    rule = {"arrays": lambda g, out, *arrays, index, **options: np.full(2, float(index))}
    np.sum(np.concatenate([x, y])).backward(rules={"concatenate": rule})
    np.testing.assert_array_equal(x.grad, [0.0, 0.0])
    np.testing.assert_array_equal(y.grad, [1.0, 1.0])


def test_recorded_it_can_be_differentiated_again():
    x = Value(3.0)
    np.tanh(x).backward(record=True, rules={"tanh": lambda g, out, x: g * x**3})
    slope = x.grad
    assert slope.data == 27.0
    x.zero_grad()
    slope.backward()
    assert x.grad == pytest.approx(27.0, rel=1e-15)  # d x³ / dx


def test_transforms_take_them_and_an_inner_one_keeps_its_own():
    f = lambda x: relu(x) * x
    assert grad(f, rules=THROUGH)(-2.0) == -2.0
    assert value_and_grad(f, rules=THROUGH)(-2.0) == (0.0, -2.0)
    assert vjp(f, -2.0, rules=THROUGH)[1](1.0) == (-2.0,)
    inner = lambda x: grad(lambda y: relu(y) * 1.0)(x) * x
    assert grad(inner, rules=THROUGH)(-2.0) == 0.0  # the slope of relu inside is relu's own
    assert grad(lambda x: grad(relu, rules=THROUGH)(x) * x)(-2.0) == 1.0


def test_they_reach_into_a_checkpoint():
    assert grad(checkpoint(lambda x: relu(x) * x), rules=THROUGH)(-2.0) == -2.0


def test_a_compiled_step_has_them_too():
    @autograd.compile(backend="numpy")
    def step(x):
        x = Value(x)
        np.sum(relu(x) * x).backward(rules=THROUGH)
        return x.grad

    for _ in range(3):
        np.testing.assert_array_equal(autograd.value.data_of(step(np.array([-2.0, 3.0]))), [-2.0, 6.0])


def test_a_rule_may_use_the_ops_own():
    clipped = lambda g, out, x: np.clip(ops.exp.rules[0](g, out, x), -1.0, 1.0)
    assert grad(np.exp, rules={"exp": clipped})(5.0) == 1.0


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"rellu": lambda g, out, x: g}, "rules: there is no op 'rellu'; did you mean 'relu'? `python -m autograd"),
        ({"qqqq": lambda g, out, x: g}, "rules: there is no op 'qqqq'; `python -m autograd.ops` lists them"),
        ({"multiply": {"z": lambda g, out, x, y: g}}, "rules: multiply has no operand 'z'; it has x, y"),
        ({"relu": 1.0}, "rules: a rule of relu is a function (g, out, *operands, **options), got 1.0"),
        ({np.tanh: lambda g, out, x: g}, "rules: a key is an op, such as autograd.ops.tanh, or its name, 'tanh'; got"),
        ({"floor": lambda g, out, x: g}, "rules: floor gives plain results and leaves no node; replace the call itself"),
        ([("relu", None)], "rules is a mapping {op or its name: rule}, got list"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(rules, text):
    x = Value(2.0)
    with pytest.raises(ArgumentError, match=re.escape(text)):
        relu(x).backward(rules=rules)
    assert not x.has_grad


def test_an_op_composed_of_others_is_refused_by_name():
    composed = next(op for op in autograd.primitives.registry.values() if op.kind == "composed")
    with pytest.raises(ArgumentError, match=f"rules: {composed.name} is composed of other ops, which leave the nodes"):
        Value(1.0).backward(rules={composed: lambda g, out, x: g})


def test_a_wrong_shape_is_the_rules_mistake():
    x = Value(np.ones((2, 3)))
    with pytest.raises(RuleError, match=r"matmul: the rule for operand 'x' returned shape \(3,\), expected \(2, 3\)"):
        np.sum(x @ np.ones((3, 2))).backward(rules={"matmul": {"x": lambda g, out, x, y: np.ones(3)}})
