"""How NumPy's functions, ufuncs and arrays meet a Value, and other libraries' arrays too."""

import numpy as np
import pytest

import autograd
from autograd import Value, ops
from autograd.errors import REFUSED, ArgumentError, ConversionError, InPlaceError, NotDifferentiableError, ShapeError
from autograd.value import DISPATCH


def test_numpy_functions_record():
    v = Value([1.0, 2.0])
    for out, op in [
        (np.exp(v), "exp"),
        (np.sum(v), "sum"),
        (np.add([1.0, 1.0], v), "add"),
        (np.stack([v, v]), "stack"),
    ]:
        assert (type(out), out.op) == (Value, op)


def test_an_unknown_function_names_itself_and_the_nearest(monkeypatch):
    v = Value([1.0, 2.0])
    ops.load()
    for table in (DISPATCH, REFUSED):
        for function in (np.logaddexp2, np.fft.fft, (np.add, "reduce")):
            if function in table:
                monkeypatch.delitem(table, function)
    with pytest.raises(
        NotDifferentiableError, match=r"np.logaddexp2 has no derivative rule; did you mean np.logaddexp\?"
    ):
        np.logaddexp2(v, 1.0)
    with pytest.raises(NotDifferentiableError, match=r"np.fft.fft has no derivative rule"):
        np.fft.fft(v)
    with pytest.raises(NotDifferentiableError, match=r"np.add.reduce has no derivative rule.* v.data to treat it"):
        np.add.reduce(v)


@pytest.mark.parametrize(
    "convert",
    [
        lambda v: np.array(v),
        lambda v: np.array([v]),
        lambda v: np.array([v, 1.0]),
        np.asarray,
        lambda v: np.full(3, v),
        lambda v: np.r_[v, v],
        lambda v: np.zeros(3).__setitem__(slice(None), v),
    ],
)
@pytest.mark.parametrize("data", [2.0, np.ones(3)], ids=["scalar", "array"])
def test_numpy_cannot_turn_a_value_into_an_array(convert, data):
    with pytest.raises(
        ConversionError, match=r"np.stack or the same function of autograd.numpy.*v.data for a constant"
    ):
        convert(Value(data))


def test_an_array_is_not_overwritten_with_a_value():
    a, v = np.ones(2), Value([1.0, 2.0])
    with pytest.raises(InPlaceError, match=r"np.add cannot write a Value into an array.*write a = a \+ v"):
        a += v
    with pytest.raises(InPlaceError, match=r"np.multiply.*without out="):
        np.multiply(a, v, out=a)
    assert a.tolist() == [1.0, 1.0]


def test_wrong_shapes_name_the_op_and_both_shapes():
    v = Value(np.ones((2, 3)))
    for call in (lambda: v @ np.ones((2, 3)), lambda: np.ones((2, 3)) @ v):
        with pytest.raises(ShapeError, match=r"matmul: operands x \(2, 3\), y \(2, 3\): "):
            call()
    with pytest.raises(ShapeError, match=r"add: operands x \(2, 3\), y \(4,\): "):
        v + np.ones(4)
    with pytest.raises(ShapeError, match=r"reshape: operands x \(2, 3\), shape=\(4, 2\): cannot reshape"):
        v.reshape(4, 2)


def test_an_unknown_option_is_named():
    with pytest.raises(ArgumentError, match="exp has no option 'axis'; it has none"):
        ops.exp(Value(1.0), axis=0)
    with pytest.raises(ArgumentError, match="sin has no option 'where' when it is differentiated"):
        np.sin(Value([1.0]), where=[True])


def test_a_foreign_type_is_asked_first():
    class Foreign:
        def __array_ufunc__(self, ufunc, method, *inputs, **options):
            return "theirs", ufunc.__name__

    v = Value(np.ones(2))
    assert np.add(v, Foreign()) == ("theirs", "add")
    assert np.add(Foreign(), v) == ("theirs", "add")


def test_an_operator_leaves_a_foreign_type_its_turn():
    class Foreign:
        def __array_ufunc__(self, ufunc, method, *inputs, **options):
            return "theirs", ufunc.__name__

        def __radd__(self, other):
            return "theirs"

        __gt__ = __radd__

    for v in (Value(1.0), Value(np.ones(2))):
        assert v + Foreign() == "theirs"
        assert (v < Foreign()) == "theirs"


def test_array_functions_leave_a_foreign_type_its_turn():
    class Foreign:
        def __array_function__(self, function, types, args, kwargs):
            return "theirs", function.__name__

    assert np.concatenate([Value([1.0]), Foreign()]) == ("theirs", "concatenate")


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize(
    "x",
    [3, True, np.int64(3), [[1, 2, 3]], np.array([[1, 2, 3]]), np.array([250, 3], np.uint8), np.array([True, False])],
    ids=repr,
)
def test_softmax_of_whole_numbers_is_that_of_the_same_floats(name, x):
    """They have no −inf to start a maximum from, and unsigned ones wrap around when the largest is taken off."""
    op = getattr(ops, name)
    expected = op(np.asarray(x, float))
    found = op(x)
    assert np.result_type(found) == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    if isinstance(x, np.ndarray):
        run = autograd.compile(op)
        for _ in range(2):
            np.testing.assert_allclose(run(x), expected, rtol=1e-14)
