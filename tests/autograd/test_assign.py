"""x[i] = v and x += v: what NumPy code that assigns computes, and its derivative."""

import numpy as np
import pytest

import autograd.numpy as anp
import nn
from autograd import Value, check_gradients, draw, grad, hessian, jacobian, no_grad, stop_gradient, value_and_grad, vjp
from autograd.errors import ArgumentError, InPlaceError, ShapeError

ROW = np.array([0.3, -0.5, 0.8, 0.1])


# programs: the same lines run on arrays and on Values


def recurrence(x):
    y = x * 1.0
    for t in range(1, 4):
        y[t] = y[t] * np.sin(y[t - 1])
    return y


def in_place(x):
    y = x * 2.0
    y += x
    y -= x * x
    y *= y
    y /= 2.0 + x * x
    y **= 2.0
    y %= 0.7
    return y


def slices(x):
    y = x.reshape(2, 2) * 1.0
    y[0, 1] = y[1, 0] ** 2
    y[:, 0] += 3.0 * y[:, 1]
    y[1] *= y[0]
    return y


def masks(x):
    y = x * 3.0
    y[y > 1.0] = 1.0
    y[y < 0] *= 0.1
    y[[0, 0, 2]] = y[[1, 2, 3]]
    return y


def own_argument(x):
    x[0] = x[1] * x[2]
    x[-1] = 2.0
    x += x[::-1]
    return x


def swap(x):
    y = x * 1.0
    y[0], y[1] = y[1], y[0]
    return y * np.arange(4.0)


def product(x):
    y = x.reshape(2, 2) + 1.0
    y @= y
    return y


def nested(x):
    y = x * 1.0
    y[0] = grad(lambda z: np.sum(assigned(z)))(x)[1] if isinstance(x, Value) else 3 * x[1] ** 2
    return y


def assigned(z):
    z[0] = z[1] ** 3 - z[0] * 0.0
    z[1] = 0.0
    return z


PROGRAMS = [recurrence, in_place, slices, masks, own_argument, swap, product, nested]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_a_program_that_assigns_gives_numpys_numbers_and_their_derivatives(program):
    expected = program(ROW.copy())
    leaf = Value(ROW)
    result = program(leaf * 1.0 if program is own_argument else leaf)
    np.testing.assert_array_equal(result.data, expected)
    check_gradients(lambda x: program(x * 1.0), ROW, order=2)


def test_an_argument_may_be_assigned_inside_grad_and_the_callers_stays():
    row = ROW.copy()
    _, slope = value_and_grad(lambda x: np.sum(own_argument(x) ** 2))(row)
    assert np.array_equal(row, ROW)
    np.testing.assert_allclose(slope, grad(lambda x: np.sum(own_argument(x * 1.0) ** 2))(ROW))
    leaf = Value(ROW)
    again = grad(lambda x: np.sum(own_argument(x) ** 2))(leaf)
    assert leaf.op == ""
    np.testing.assert_array_equal(leaf.data, ROW)
    np.testing.assert_array_equal(again.data, slope)


def test_second_derivatives_and_jacobians_go_through_assignments():
    np.testing.assert_allclose(jacobian(swap)(ROW), [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 3]])
    expected = np.zeros((4, 4))
    expected[1, 2] = expected[2, 1] = 1.0
    np.testing.assert_allclose(hessian(lambda x: own_argument(x)[0])(ROW), expected)


def test_what_was_computed_before_keeps_the_old_value():
    x = Value(np.array([1.0, 2.0])) * 1.0
    before = x * 10.0
    x[0] = 5.0
    after = x * 100.0
    assert before.data.tolist() == [10.0, 20.0]
    assert after.data.tolist() == [500.0, 200.0]
    a = Value(np.array([1.0, 2.0]))
    x = a * 1.0
    before = np.sum(x**2)
    x[0] = before
    np.sum(x * before).backward()
    # (a0² + a1²)·((a0² + a1²) + a1)  by hand at (1, 2)
    assert a.grad.tolist() == [2 * (2 * 5 + 2), 4 * (2 * 5 + 2) + 5]


def test_a_blank_array_can_be_filled_with_values():
    def filled(x):
        y, z = np.zeros_like(x), anp.ones((2, 2))
        y[1:] = x[1:] ** 2
        z[0, 1] = y[2]
        return np.sum(z @ z) + anp.zeros(3, int)[0]

    leaf = Value(ROW)
    assert np.zeros_like(leaf).op == "constant"
    assert type(np.zeros_like(leaf, dtype=int)) is np.ndarray
    assert type(anp.zeros(3)) is np.ndarray
    np.testing.assert_allclose(grad(filled)(ROW), [0, 0, 2 * ROW[2] * 4, 0])  # z @ z sums to 2 + 4·z01 + …


def test_a_recurrence_of_many_versions_is_linear_work():
    def last(a):
        y = Value(np.zeros(2))
        y[0] = a
        for _ in range(20_000):
            y[0] = y[0] * 0.9999
        return y[0]

    assert grad(last)(1.0) == pytest.approx(0.9999**20_000)


def test_an_alias_sees_the_assignment():
    x = Value(np.zeros(2)) * 1.0
    other = x
    x[0] = 3.0
    x += 1.0
    assert other is x
    assert other.data.tolist() == [4.0, 1.0]


def test_a_scalar_is_immutable_so_plus_equals_makes_a_new_one():
    b = Value(2.0)
    total = b
    total += Value(3.0) * b
    total -= 1
    assert b.data == 2.0
    assert total.data == 7.0
    total.backward()
    assert b.grad == 4.0


def test_a_leaf_given_plain_numbers_changes_its_data_and_records_nothing():
    array = np.zeros(3)
    leaf = Value(array, label="w")
    before = leaf * 2.0
    leaf[1] = 5.0
    leaf += 1.0
    leaf[leaf > 5] = Value(9.0).detach()
    assert leaf.data.tolist() == [1.0, 9.0, 1.0]
    assert leaf.op == "" and leaf.label == "w"
    assert array.tolist() == [0.0, 0.0, 0.0]
    np.sum(before).backward()
    assert leaf.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_leaf_given_a_value_becomes_a_result():
    x, v = Value(np.zeros(3), label="x"), Value(2.0)
    x[1] = v * v
    assert x.op == "setitem" and x.label == "x"
    np.sum(x * x).backward()
    assert v.grad == 2 * 4 * 4
    assert x.grad.tolist() == [0.0, 8.0, 0.0]


def test_under_no_grad_nothing_is_recorded():
    leaf, result = Value(np.ones(2)), Value(np.ones(2)) * 3.0
    before = np.sum(result)
    with no_grad():
        leaf[0] = Value(7.0)
        leaf *= 2.0
        result[0] = 5.0
    assert leaf.op == "" and leaf.data.tolist() == [14.0, 2.0]
    assert result.op == "constant" and result.data.tolist() == [5.0, 3.0]
    before.backward()
    constant = stop_gradient(Value(np.zeros(2)))
    constant[0] = 4.0
    assert constant.op == "constant"
    v = Value(2.0)
    constant[1] = v
    np.sum(constant**2).backward()
    assert v.grad == 4.0


def test_dtype_and_shape_are_those_of_x():
    x = Value(np.zeros(3, np.float32)) * np.float32(1)
    v = Value(np.ones(3))
    x[0] = v[0]
    x += v
    assert x.dtype == np.float32
    np.sum(x).backward()
    assert v.grad.dtype == np.float64
    with pytest.raises(ShapeError, match=r"add in place: a result of shape \(2, 3\) does not fit into \(3,\)"):
        x += np.ones((2, 3))
    with pytest.raises(ShapeError, match=r"setitem: operands x \(3,\), value \(2,\)"):
        x[:] = np.ones(2)
    with pytest.raises(ArgumentError, match="complex value cannot be put into a real x"):
        x[0] = 1j
    with pytest.raises(IndexError, match="out of bounds"):
        x[3] = 1.0
    with pytest.raises(ArgumentError, match=r"v.data.astype\(int\)"):
        x[v] = 1.0


def test_a_failed_assignment_changes_nothing():
    x = Value(np.zeros(3)) * 1.0
    node = (x.data, x.primitive, x.operands, x.serial)
    with pytest.raises(ShapeError):
        x[:] = np.ones(2)
    assert (x.data, x.primitive, x.operands, x.serial) == node


def test_a_view_refuses_and_says_what_to_write():
    x = Value(np.zeros((2, 2))) * 1.0
    with pytest.raises(InPlaceError, match=r"x\[0, 1\] = v and not x\[0\]\[1\] = v"):
        x[0][1] = 1.0
    for view in (x.T, x.reshape(-1), x[:, 0], np.diagonal(x)):
        with pytest.raises(InPlaceError, match="view"):
            view[0] = 1.0
    view = x.T
    with pytest.raises(InPlaceError, match="transpose"):
        view += 1.0
    for copied in (x[[0, 1]], x.T.copy(), x.ravel() + 0.0):
        copied[0] = 1.0
    x[0] += 1.0
    assert x.data.tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_a_parameter_refuses():
    model = nn.Linear(2, 1)
    for write in (lambda p: p.__setitem__(0, 1.0), lambda p: p.__iadd__(1.0)):
        with pytest.raises(InPlaceError, match=r"a Parameter cannot be assigned to.*p.data = "):
            write(model.weight)
    assert model.weight.op == ""


def test_a_pullback_refuses_when_its_result_was_assigned_to():
    x = Value(np.ones(2))
    out, pullback = vjp(lambda x: x * 2.0, x)
    assert pullback(np.ones(2))[0].data.tolist() == [2.0, 2.0]
    out[0] = 5.0
    with pytest.raises(InPlaceError, match="assigned to after"):
        pullback(np.ones(2))


def test_the_picture_and_the_operands_are_those_of_the_time():
    x = Value(np.array([1.0, 2.0]), label="x") * 1.0
    before = x + 1.0
    x[0] = 5.0
    (operand,) = before._prev
    assert operand is not x and operand.data.tolist() == [1.0, 2.0]
    text = draw(before * x).to_text()
    assert text.count("setitem") == 1, text


def test_the_graph_of_an_assigned_value_is_freed_at_once():
    import gc
    import weakref

    gc.disable()
    try:
        x = Value(np.ones(3)) * 1.0
        first = weakref.ref(x)
        y = np.sum(x)
        x[0] = y
        x += x
        y = np.sum(x)
        y.backward()
        del x, y
        assert first() is None
    finally:
        gc.enable()
