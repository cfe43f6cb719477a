"""What the engine asks of derivative rules, and what it does for them."""

import math

import numpy as np
import pytest

from autograd import Value
from autograd.errors import NotDifferentiableError, RuleError


def test_gradients_are_summed_over_broadcast_axes():
    x, row, column, number = Value(np.ones((2, 3))), Value(np.ones(3)), Value(np.ones((2, 1))), Value(1.0)
    np.sum((x + row) * column * number).backward()
    assert row.grad.tolist() == [2.0, 2.0, 2.0]
    assert column.grad.tolist() == [[6.0], [6.0]]
    assert number.grad == 12.0
    assert x.grad.tolist() == [[1.0] * 3] * 2


def test_an_operand_without_a_rule_says_so(planted):
    @planted()
    def twice(x, y, /):
        return 2.0 * x + y

    twice.vjp(y=lambda g, out, x, y: g)
    y = Value(1.0)
    twice(1.0, y).backward()
    assert y.grad == 1.0
    with pytest.raises(
        NotDifferentiableError, match=r"twice has no derivative rule for its operand 'x'.*twice.vjp\(x="
    ):
        twice(Value(1.0), y).backward()


def test_an_operand_declared_constant_gets_nothing(planted):
    @planted()
    def masked(x, mask, /):
        return x * mask

    masked.vjp(x=lambda g, out, x, mask: g * mask).constant("mask")
    x, mask = Value(2.0), Value(3.0)
    masked(x, mask).backward()
    assert (x.grad, mask.has_grad) == (3.0, False)


def test_a_rule_of_the_wrong_shape_or_dtype_names_op_operand_and_both(planted):
    @planted()
    def product(x, y, /):
        return x @ y

    product.vjp(x=lambda g, out, x, y: y @ g.T, y=lambda g, out, x, y: (x.T @ g).astype(np.float32))
    shapes = r"operand 'x' returned shape \(3, 2\), expected \(2, 3\) \(out has shape \(2, 3\)\)"
    with pytest.raises(RuleError, match=f"product: the rule for {shapes}"):
        product(Value(np.ones((2, 3))), np.ones((3, 3))).backward(np.ones((2, 3)))
    with pytest.raises(
        RuleError, match=r"operand 'y' returned float32, expected float64; write constants as Python floats"
    ):
        product(np.ones((2, 2)), Value(np.ones((2, 3)))).backward(np.ones((2, 3)))


def test_one_rule_for_all_operands_learns_which_are_needed(planted):
    asked = []

    @planted()
    def both(x, y, /):
        return x * y

    @both.vjp_all
    def rule(g, out, x, y, needed):
        asked.append(needed)
        return g * y if needed[0] else None, g * x if needed[1] else None

    x = Value(2.0)
    both(x, 3.0).backward()
    both(x, x).backward()
    assert asked == [(True, False), (True, True)]
    assert x.grad == 3.0 + 4.0


def test_an_unused_result_of_several_has_no_cotangent():
    x = Value(np.arange(6.0))
    first, second, third = np.split(x, 3)
    (first.sum() + 2.0 * third.sum()).backward()
    assert x.grad.tolist() == [1.0, 1.0, 0.0, 0.0, 2.0, 2.0]
    assert second.op == "item"


def test_a_gradient_that_is_not_a_number_stays_visible():
    x = Value([0.0, 1.0])
    with np.errstate(all="ignore"):
        np.sum(np.log(x) * 0.0).backward()
    assert math.isnan(x.grad[0])
    assert x.grad[1] == 0.0
