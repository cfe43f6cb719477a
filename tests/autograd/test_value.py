"""What a Value is and how Python treats it; test_numpy.py has what NumPy does with it."""

import copy
import math
import operator
import pickle

import numpy as np
import pytest

from autograd import Value, grad, ops, stop_gradient
from autograd.errors import AmbiguousTruthError, ConversionError, SeedError, ShapeError

INFIX = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


def gradients(out, *leaves):
    out.backward(np.ones(out.shape))
    return [leaf.grad for leaf in leaves]


# what goes in


@pytest.mark.parametrize("data", [3, True, 2.5, np.float64(2.5), np.float64(2.5) + 0, np.int64(3).item()])
def test_a_real_number_becomes_a_python_float(data):
    v = Value(data)
    assert type(v.data) is float
    assert v.data == data
    assert v.dtype == np.float64
    assert (v.shape, v.ndim, v.size) == ((), 0, 1)


def test_integer_and_boolean_arrays_become_float64():
    for data in (np.arange(3), np.array([True, False, True]), [1, 2, 3], (1, 2, 3), np.int8(4)):
        assert Value(data).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64, np.complex128])
def test_other_dtypes_are_kept(dtype):
    assert Value(np.ones(3, dtype)).data.dtype == dtype
    assert type(Value(dtype(1)).data) is dtype


def test_a_python_complex_becomes_a_numpy_scalar():
    assert type(Value(1 + 2j).data) is np.complex128


def test_an_array_is_not_copied():
    data = np.ones(3)
    assert Value(data).data is data


def test_what_is_no_number_is_refused():
    for data in ("abc", None, {"a": 1}, [1, "b"], object(), np.array(["x"])):
        with pytest.raises(ConversionError, match="number"):
            Value(data)
    with pytest.raises(ConversionError, match=r"Value\(v.data\) for a new leaf"):
        Value(Value(1.0))
    with pytest.raises(ConversionError, match=r"Use np\.stack"):
        Value([Value(1.0)])


# scalar graphs are Python floats


@pytest.mark.parametrize("op", INFIX, ids=lambda op: op.__name__)
@pytest.mark.parametrize("other", [2.0, 2, np.float64(2.0), np.int64(2), Value(2.0)], ids=lambda x: type(x).__name__)
def test_scalar_results_and_gradients_are_python_floats(op, other):
    for left in (True, False):
        v = Value(3.0)
        out = op(v, other) if left else op(other, v)
        assert type(out) is Value
        assert type(out.data) is float
        assert out.data == (op(3.0, 2.0) if left else op(2.0, 3.0))
        out.backward()
        assert type(v.grad) is float


@pytest.mark.parametrize("function", [np.exp, np.tanh, np.sqrt, np.sum, np.negative, np.square, ops.relu, ops.sigmoid])
def test_scalar_functions_give_python_floats(function):
    v = Value(0.7)
    out = function(v)
    out.backward()
    assert (type(out.data), type(v.grad)) == (float, float)


def test_where_python_raises_or_leaves_the_reals_values_are_numpys():
    with np.errstate(all="ignore"):
        assert (1.0 / Value(0.0)).data == math.inf
        assert (Value(-1.0) / 0).data == -math.inf
        assert math.isnan((Value(0.0) / 0.0).data)
        assert (Value(1e200) ** 2).data == math.inf
        assert (Value(0.0) ** -1).data == math.inf
        assert (0.0 ** Value(-1.0)).data == math.inf
        assert math.isnan((Value(-8.0) ** (1 / 3)).data)
        assert math.isnan(((-8.0) ** Value(1 / 3)).data)
        assert np.exp(Value(1e3)).data == math.inf
        assert np.log(Value(0.0)).data == -math.inf
        assert math.isnan(np.log(Value(-1.0)).data)
        for out in (1.0 / Value(0.0), Value(1e200) ** 2, Value(-8.0) ** (1 / 3), np.log(Value(0.0))):
            assert type(out.data) is float


def test_where_python_raises_in_a_rule_gradients_are_numpys():
    with np.errstate(all="ignore"):
        for function, at, slope in [
            (np.log, 0.0, math.inf),
            (np.sqrt, 0.0, math.inf),
            (lambda x: 1.0 / x, 0.0, -math.inf),
            (lambda x: x**0.5, 0.0, math.inf),
            (lambda x: (x**2) * 1e200, 1e200, math.inf),
            (lambda x: x ** (1 / 3), -8.0, math.nan),
        ]:
            v = Value(at)
            function(v).backward()
            assert type(v.grad) is float
            np.testing.assert_equal(v.grad, slope)


def test_floor_division_is_piecewise_constant_and_gives_plain_results():
    assert type(Value(7.0) // 2) is float
    assert Value(7.0) // 2 == 3.0
    assert 7.0 // Value(2.0) == 3.0
    assert (Value([7.0, 8.0]) // Value(3.0)).tolist() == [2.0, 2.0]
    assert ([7.0, 8.0] // Value(3.0)).tolist() == [2.0, 2.0]


def test_remainder_has_slopes_one_and_minus_the_whole_quotient():
    for out in (Value(7.5) % 2, 7.5 % Value(2.0), np.remainder(Value(7.5), 2.0), Value([7.5]) % np.array([2.0])):
        np.testing.assert_array_equal(out.data, np.full(out.shape, 1.5))
    x, y = Value(np.array([7.5, -7.5])), Value(np.array([2.0, 2.0]))
    dx, dy = gradients(x % y, x, y)
    assert dx.tolist() == [1.0, 1.0]
    assert dy.tolist() == [-3.0, 4.0]


# dtype


@pytest.mark.parametrize("op", INFIX, ids=lambda op: op.__name__)
@pytest.mark.parametrize("scalar", [2.0, 2, Value(2.0)], ids=["float", "int", "Value"])
def test_scalars_do_not_widen_float32(op, scalar):
    for left in (True, False):
        v = Value(np.full(3, 1.5, np.float32))
        out = op(v, scalar) if left else op(scalar, v)
        assert out.dtype == np.float32
        out.backward(np.ones(3))
        assert v.grad.dtype == np.float32


def test_a_float32_scalar_stays_one():
    v = Value(np.float32(1.5))
    out = np.tanh(v * 2.0 + 1)
    out.backward()
    assert (out.dtype, type(v.grad)) == (np.float32, np.float32)


def test_mixed_dtypes_compute_as_numpy_and_gradients_are_cast_back():
    single, double = Value(np.ones(3, np.float32)), Value(np.ones(3))
    out = single * double
    assert out.dtype == np.float64
    a, b = gradients(out, single, double)
    assert (a.dtype, b.dtype) == (np.float32, np.float64)


def test_a_real_operand_of_a_complex_result_has_a_real_gradient():
    v = Value(np.array([1.0, 2.0]))
    np.sum(np.real(v * np.array([1j, 2 + 1j]))).backward()
    assert v.grad.dtype == np.float64
    assert v.grad.tolist() == [0.0, 2.0]


# operators


@pytest.mark.parametrize("op", INFIX, ids=lambda op: op.__name__)
@pytest.mark.parametrize(
    "other", [np.array([2.0, 3.0]), [2.0, 3.0], (2.0, 3.0), [2, 3]], ids=["array", "list", "tuple", "ints"]
)
def test_arrays_lists_and_tuples_are_constant_operands_on_both_sides(op, other):
    v = Value([1.5, 2.5])
    for out, expected in [(op(v, other), op(v.data, np.array(other))), (op(other, v), op(np.array(other), v.data))]:
        assert isinstance(out, Value)
        np.testing.assert_allclose(out.data, expected, rtol=1e-15)


@pytest.mark.parametrize(
    "scalar", [np.float64(2), np.float32(2), np.int64(2), np.bool_(True)], ids=lambda x: type(x).__name__
)
@pytest.mark.parametrize("data", [1.5, np.array([1.5, 2.5])], ids=["scalar", "array"])
def test_numpy_scalars_on_the_left_reach_the_value(scalar, data):
    v = Value(data)
    out = scalar * v
    assert isinstance(out, Value)
    np.testing.assert_array_equal(out.data, scalar * v.data)
    (grad,) = gradients(out, v)
    np.testing.assert_array_equal(grad, np.full(np.shape(data), float(scalar)))


def test_unary_operators_and_abs():
    v = Value(-2.0)
    assert ((-v).data, (+v).data, abs(v).data) == (2.0, -2.0, 2.0)
    assert gradients(abs(v), v) == [-1.0]


def test_what_is_no_operand_is_a_type_error():
    for other in ("text", None, {"a": 1}, object()):
        for v in (Value(1.0), Value(np.ones(2))):
            with pytest.raises(TypeError, match="unsupported operand"):
                v + other


def test_pandas_like_objects_are_constants():
    class Column:
        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0])

    out = Value([1.0, 1.0]) * Column()
    assert out.data.tolist() == [1.0, 2.0]


def test_comparisons_are_plain():
    v, a = Value(2.0), Value([1.0, 3.0])
    for result in (v == 2, v != 3, v < 3.0, v <= 2, v > 1, v >= Value(2.0), 1 < v):  # noqa: SIM300  reflected
        assert result is True
    for result in (a > 2, 2 < a, a > Value(2.0), np.full(2, 2.0) < a, a > [2, 2]):  # noqa: SIM300  reflected
        assert type(result) is np.ndarray
        assert result.tolist() == [False, True]
    assert v != "text"
    assert v is not None
    assert (v == None) is False  # noqa: E711


def test_hash_is_identity():
    a, b = Value(1.0), Value(1.0)
    assert a == b
    assert len({a, b}) == 2
    assert {a: "a", b: "b"}[b] == "b"


# looking


def test_python_numbers_may_be_taken_out():
    v = Value(2.5)
    assert (float(v), int(v), complex(v), v.item(), bool(v)) == (2.5, 2, 2.5 + 0j, 2.5, True)
    assert float(Value([2.5])) == 2.5
    assert Value([1.0, 2.0]).tolist() == [1.0, 2.0]
    assert math.exp(Value(0.0)) == 1.0


def test_the_truth_of_many_elements_is_ambiguous():
    with pytest.raises(AmbiguousTruthError, match=r"shape \(2,\) is ambiguous: write \(v.data > 0\)"):
        bool(Value([1.0, 2.0]))
    assert not Value([0.0])


def test_length_iteration_and_membership_are_ndarrays():
    a = Value([[1.0, 2.0], [3.0, 4.0]])
    assert len(a) == 2
    rows = list(a)
    assert [row.data.tolist() for row in rows] == [[1.0, 2.0], [3.0, 4.0]]
    assert gradients(rows[1], a)[0].tolist() == [[0.0, 0.0], [1.0, 1.0]]
    assert 3.0 in a
    assert 5.0 not in a
    for scalar in (Value(1.0), Value(np.array(1.0))):
        with pytest.raises(TypeError, match="scalar Value"):
            len(scalar)
        with pytest.raises(TypeError, match="scalar Value"):
            iter(scalar)


def test_attributes_of_an_array():
    v = Value(np.array([[1.0, 2.0, 3.0]]))
    assert (v.shape, v.ndim, v.size, v.dtype) == ((1, 3), 2, 3, np.float64)
    assert v.T.shape == (3, 1)
    assert (v.T.op, v.real.op) == ("transpose", "real")
    z = Value(np.array([1 + 2j]))
    assert (z.real.data.tolist(), z.imag.data.tolist()) == ([1.0], [2.0])


def test_every_ndarray_method_with_an_op_is_a_method():
    for name, op in vars(ops).items():
        if callable(getattr(np.ndarray, name, None)) and hasattr(op, "rules"):
            assert callable(getattr(Value, name, None)), name


def test_repr_and_format():
    assert repr(Value(2.0)) == "Value(data=2.0, grad=0.0)"
    assert repr(Value(2.0, "x")) == "Value(data=2.0, grad=0.0, label='x')"
    assert repr(Value(np.ones(2, np.float32))) == "Value(data=[1., 1.], dtype=float32, grad=0.0)"
    v = Value([1.0, 2.0])
    v.sum().backward()
    assert str(v) == "Value(data=[1., 2.], grad=[1., 1.])"
    assert f"{Value(1.23456):.2f} {Value([2.5]):.1f} {Value(3.0)}" == "1.23 2.5 Value(data=3.0, grad=0.0)"


def test_op_operands_and_micrograds_names():
    a, b = Value(2.0, label="a"), Value(3.0)
    out = a * b
    assert (out.op, out.symbol, out._op) == ("multiply", "×", "×")
    assert out.operands == (a, b)
    assert out._prev == {a, b}
    assert (a.op, a.symbol, a.operands, a._prev) == ("", "", (), set())
    assert (a * 2).operands[1] == 2
    assert stop_gradient(a).op == "constant"


# copying


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_a_copy_is_a_leaf_with_data_gradient_and_label(duplicate):
    a = Value(np.array([1.0, 2.0]), label="a")
    out = a * 3.0
    out.label = "out"
    out.sum().backward()
    twin = duplicate(out)
    assert (type(twin), twin.op, twin.operands, twin.label) == (Value, "", (), "out")
    assert twin.data.tolist() == [3.0, 6.0]
    assert twin.grad.tolist() == [1.0, 1.0]
    assert not duplicate(Value(1.0)).has_grad
    assert type(duplicate(Value(1.0)).data) is float


def test_a_deep_copy_shares_no_memory():
    a = Value(np.ones(2))
    assert not np.shares_memory(copy.deepcopy(a).data, a.data)


def test_a_primitive_pickles_by_its_name():
    assert pickle.loads(pickle.dumps(ops.relu)) is ops.relu


def test_whole_numbers_carry_no_gradient():
    x = np.array([1.5, 2.5])
    assert type(Value(x).astype(int)) is np.ndarray
    assert grad(lambda x: np.sum(np.astype(x, int) * x))(x).tolist() == [1.0, 2.0]


def test_numbers_out_of_a_value():
    v = Value(np.arange(4.0).reshape(2, 2))
    assert (v.item(3), v.item(1, 0)) == (3.0, 2.0)
    assert (round(Value(1.7)), type(round(Value(1.7)))) == (2, int)
    assert math.trunc(Value(-1.7)) == -1
    assert round(v * 1.26, 1).tolist() == [[0.0, 1.3], [2.5, 3.8]]


def test_the_other_byte_order_is_turned_round():
    assert Value(np.ones(2, ">f8")).dtype.isnative
    assert grad(lambda x: x.sum())(np.ones(2, ">f4")).dtype == np.float32


def test_a_product_of_matrices_needs_matrices():
    with pytest.raises(ShapeError, match="matmul"):
        Value(2.0) @ Value(3.0)


@pytest.mark.parametrize("seed", ["a", 1j])
def test_a_seed_is_real_numbers(seed):
    with pytest.raises(SeedError, match="a seed is a number or an array of real numbers"):
        Value(1.0).backward(seed)
