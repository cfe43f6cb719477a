"""Functions that move data, over random shapes, axes and indices.

They are linear, so the gradient is exactly the transposed matrix that basis vectors give. Then what is done in place, and
calls whose form the op table does not have.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograd import Value, grad
from autograd.errors import ArgumentError, InPlaceError

SHAPES = hnp.array_shapes(max_dims=3, max_side=4)
few = settings(max_examples=60, deadline=None)


def check_linear(f, *arrays):
    """Σ w · f(arrays) has the gradient Jᵀw, J column by column f of a basis vector; the forward is NumPy's."""
    values = [Value(x) for x in arrays]
    out, expected = f(*values), f(*arrays)
    np.testing.assert_array_equal(out.data, expected)
    w = np.random.default_rng(0).integers(-9, 10, np.shape(expected)).astype(float)
    np.sum(out * w).backward()
    still = [np.zeros_like(x) for x in arrays]
    for k, x in enumerate(arrays):
        columns = []
        for unit in np.eye(x.size):
            columns.append(np.sum(w * f(*still[:k], unit.reshape(x.shape), *still[k + 1 :])))
        found = values[k].grad if values[k].has_grad else np.zeros(x.shape)
        np.testing.assert_array_equal(found, np.reshape(columns, x.shape))


def numbers(shape, first=1):
    return np.arange(first, first + np.prod(shape, dtype=int), dtype=float).reshape(shape)


@few
@given(st.data())
def test_getitem_and_setitem(data):
    x = numbers(data.draw(SHAPES))
    basic = hnp.basic_indices(x.shape, allow_newaxis=True, allow_ellipsis=True)
    integers = hnp.integer_array_indices(x.shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3))
    masks = hnp.arrays(bool, x.shape)
    index = data.draw(st.one_of(basic, integers, masks))
    check_linear(lambda a: a[index], x)

    def assigned(a, v):
        a = a.copy()
        a[index] = v
        return a

    check_linear(assigned, x, numbers(np.shape(x[index]), 100))
    check_linear(assigned, x, np.array(7.0))


@few
@given(st.data())
def test_take_and_along_axis(data):
    x = numbers(data.draw(SHAPES))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    n = x.shape[axis]
    indices = data.draw(hnp.arrays(int, hnp.array_shapes(max_dims=2, max_side=3), elements=st.integers(-n, n - 1)))
    mode = data.draw(st.sampled_from(["raise", "clip", "wrap"]))
    check_linear(lambda a: np.take(a, indices, axis, mode=mode), x)
    check_linear(lambda a: np.take(a, np.abs(indices), mode="wrap"), x)
    shape = [*x.shape]
    shape[axis] = data.draw(st.integers(1, 4))
    along = data.draw(hnp.arrays(int, shape, elements=st.integers(-n, n - 1)))
    check_linear(lambda a: np.take_along_axis(a, along, axis), x)

    def put(a, v):
        a = a.copy()
        np.put_along_axis(a, along, v, axis)
        return a

    check_linear(put, x, numbers(shape, 100))


@few
@given(st.data())
def test_pad(data):
    x = numbers(data.draw(SHAPES))
    widths = data.draw(hnp.arrays(int, (x.ndim, 2), elements=st.integers(0, 5)))
    mode = data.draw(st.sampled_from(["edge", "wrap", "reflect", "symmetric", "constant"]))
    odd = {"reflect_type": data.draw(st.sampled_from(["even", "odd"]))} if mode in ("reflect", "symmetric") else {}
    check_linear(lambda a: np.pad(a, widths, mode, **odd), x)


@few
@given(st.data())
def test_pad_by_statistics_and_ramps(data):
    x = Value(np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=data.draw(SHAPES)))
    widths = data.draw(hnp.arrays(int, (x.ndim, 2), elements=st.integers(0, 3)))
    mode = data.draw(st.sampled_from(["mean", "maximum", "minimum", "median"]))
    length = {"stat_length": data.draw(st.one_of(st.none(), st.integers(1, 5)))}
    np.testing.assert_allclose(
        np.pad(x, widths, mode, **length).data, np.pad(x.data, widths, mode, **length), rtol=1e-13
    )
    ends = data.draw(hnp.arrays(float, (x.ndim, 2), elements=st.integers(-5, 5)))
    for mode, options in [("linear_ramp", {"end_values": ends}), ("constant", {"constant_values": ends})]:
        expected = np.pad(x.data, widths, mode, **options)
        moving = {name: Value(v) for name, v in options.items()}
        out = np.pad(x, widths, mode, **moving)
        np.testing.assert_allclose(out.data, expected, rtol=1e-13, atol=1e-15)
        out.backward(np.ones(out.shape))
        (end,) = moving.values()
        constants = expected.sum() - np.pad(x.data, widths, mode).sum()
        np.testing.assert_allclose(
            np.sum((end.grad if end.has_grad else 0.0) * ends), constants, rtol=1e-10, atol=1e-10
        )


@few
@given(st.data())
def test_roll_rot90_repeat_and_tile(data):
    x = numbers(data.draw(SHAPES))
    axes = data.draw(st.lists(st.integers(-x.ndim, x.ndim - 1), min_size=1, max_size=3))
    shifts = data.draw(st.lists(st.integers(-9, 9), min_size=len(axes), max_size=len(axes)))
    check_linear(lambda a: np.roll(a, tuple(shifts), tuple(axes)), x)
    check_linear(lambda a: np.roll(a, shifts[0]), x)
    if x.ndim > 1:
        turn = data.draw(st.permutations(range(x.ndim)))[:2]
        k = data.draw(st.integers(-5, 5))
        check_linear(lambda a: np.rot90(a, k, turn), x)
    axis = axes[0]
    repeats = data.draw(hnp.arrays(int, x.shape[axis], elements=st.integers(0, 3)))
    check_linear(lambda a: np.repeat(a, repeats, axis), x)
    reps = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    check_linear(lambda a: np.tile(a, reps), x)
    check_linear(lambda a: np.resize(a, reps), x)


@few
@given(st.data())
def test_insert_and_delete(data):
    x = numbers(data.draw(SHAPES))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    n = x.shape[axis]
    places = data.draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=4))
    check_linear(lambda a: np.delete(a, places, axis), x)
    check_linear(lambda a: np.delete(a, places[0], axis), x)
    check_linear(lambda a: np.delete(a, slice(None, None, 2)), x)
    shape = [*x.shape]
    shape[axis] = len(places)
    check_linear(lambda a, v: np.insert(a, places, v, axis), x, numbers(shape, 100))
    check_linear(lambda a, v: np.insert(a, places[0], v, axis), x, np.array(7.0))
    check_linear(lambda a, v: np.insert(a, places, v), x, numbers(len(places), 100))


# in place


def written(f, x, *values):
    """What f makes of an array, and, with Values, the same and its gradients: the map is linear."""

    def change(a, *v):
        a = a.copy()
        f(a, *v)
        return a

    check_linear(change, x, *values)


X = np.arange(1.0, 7.0).reshape(2, 3)
V = np.array([10.0, 20.0, 30.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda a, v: np.put(a, [0, -1, 2], v),
        lambda a, v: np.put(a, [0, 9, -9], v, mode="clip"),
        lambda a, v: np.put(a, [0, 9, -8, 1], v, mode="wrap"),
        lambda a, v: a.put([1, 1], v),
        lambda a, v: np.place(a, np.array([[True, False, True], [True, True, False]]), v),
        lambda a, v: np.putmask(a, np.array([[True, False, True], [False, True, False]]), v),
        lambda a, v: np.copyto(a, v),
        lambda a, v: np.copyto(a, v, where=np.array([True, False, True])),
        lambda a, v: a.fill(v[1]),
        lambda a, v: np.add.at(a, [0, 0, 1], v),
        lambda a, v: np.add.at(a, (slice(None), [0, 0, 2]), v),
        lambda a, v: np.subtract.at(a, (np.array([0, 0, 1]), np.array([1, 1, 2])), v),
        lambda a, v: np.add.at(a, 1, v),
        lambda a, v: np.negative.at(a, [0, 0, 1]),
    ],
)
def test_functions_that_write_do_as_numpy_and_record(f):
    written(f, X, V)


def test_fill_diagonal():
    x, v = Value(np.zeros((5, 2))), Value(V[:2])
    expected = x.data.copy()
    np.fill_diagonal(x, v, wrap=True)
    np.fill_diagonal(expected, V[:2], wrap=True)
    assert x.data.tolist() == expected.tolist()
    x.sum().backward()
    assert v.grad.tolist() == [2.0, 2.0]


def test_a_ufunc_at_an_element_named_twice_goes_twice():
    x, v = Value(np.array([2.0, 3.0])), Value(np.array([5.0, 7.0, 11.0]))
    expected = x.data.copy()
    y = x * 1.0
    np.multiply.at(y, [0, 0, 1], v)
    np.multiply.at(expected, [0, 0, 1], v.data)
    assert y.data.tolist() == expected.tolist()
    y.sum().backward()
    assert x.grad.tolist() == [35.0, 11.0]
    assert v.grad.tolist() == [14.0, 10.0, 3.0]


def test_a_leaf_given_plain_numbers_stays_a_leaf():
    x = Value(np.zeros(3))
    np.add.at(x, [0, 0], 1.0)
    np.put(x, 2, 5.0)
    assert (x.op, x.data.tolist()) == ("", [2.0, 0.0, 5.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda a, v: np.put(a, [0], v),
        lambda a, v: np.place(a, a > 0, v),
        lambda a, v: np.putmask(a, a > 0, v),
        lambda a, v: np.copyto(a, v),
        lambda a, v: np.put_along_axis(a, np.array([0]), v, 0),
        lambda a, v: np.add.at(a, [0], v),
    ],
)
def test_an_array_cannot_hold_a_value(f):
    with pytest.raises(InPlaceError, match=r"start from a Value, x = Value\(array\)"):
        f(np.ones(2), Value([1.0]))


def test_a_value_is_not_resized_in_place():
    with pytest.raises(InPlaceError, match=r"np.resize\(v, shape\)"):
        Value(np.ones(2)).resize(3)


# forms of calls


def test_block_takes_nested_lists():
    x, y = Value(np.ones((2, 2))), Value(2.0)
    out = np.block([[x, np.zeros((2, 1))], [np.ones((1, 2)), y]])
    assert out.data.tolist() == [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 2.0]]
    out.sum().backward()
    assert (x.grad.tolist(), y.grad) == ([[1.0, 1.0], [1.0, 1.0]], 1.0)
    assert np.block(x).shape == (2, 2)
    with pytest.raises(ValueError, match="different depth"):
        np.block([[x], x])


def test_choose_select_compress_with_lists():
    v, w = Value([1.0, 2.0]), Value([3.0, 4.0])
    out = np.choose([1, 0], [v, w]) + np.select([v > 1.5], [w], v) + np.compress([True, True], v)
    assert out.data.tolist() == [3.0 + 1.0 + 1.0, 2.0 + 4.0 + 2.0]
    out.sum().backward()
    assert (v.grad.tolist(), w.grad.tolist()) == ([2.0, 2.0], [1.0, 1.0])
    for call in (lambda: np.compress([True], v, out=np.ones(1)), lambda: np.choose([0], [v], out=np.ones(1))):
        with pytest.raises(ArgumentError, match="out"):
            call()


def test_functions_along_axes():
    x = Value(X)
    for f, axis in [(np.sum, 0), (np.cumsum, 1), (np.diag, 1), (lambda row: row[::-1] * row[0], -1)]:
        out = np.apply_along_axis(f, axis, x)
        np.testing.assert_array_equal(out.data, np.apply_along_axis(f, axis, X))
    np.testing.assert_array_equal(np.apply_over_axes(np.sum, x, [0, 1]).data, np.apply_over_axes(np.sum, X, [0, 1]))
    assert grad(lambda a: np.sum(np.apply_along_axis(np.prod, 0, a)))(X).tolist() == [[4.0, 5.0, 6.0], [1.0, 2.0, 3.0]]


def test_interp_of_scalars_and_beyond_the_knots():
    assert grad(lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 5.0]))(1.5) == 4.0
    assert np.isnan(np.interp(Value(np.nan), [0.0, 1.0], [0.0, 1.0]).data)
    assert np.interp(Value([-np.inf, np.inf]), [0.0, 1.0], [3.0, 4.0]).data.tolist() == [3.0, 4.0]
    assert np.interp(Value(np.float32(0.5)), [0.0, 1.0], [3.0, 4.0]).dtype == np.float64


def test_orders_of_memory():
    x = np.asfortranarray(X)
    for order in "CFA":
        assert Value(x).ravel(order).data.tolist() == x.ravel(order).tolist()
        assert Value(x).flatten(order).data.tolist() == x.flatten(order).tolist()
        assert np.reshape(Value(x), (3, 2), order).data.tolist() == np.reshape(x, (3, 2), order).tolist()
    check_linear(lambda a: np.reshape(a, (3, 2), "F"), x)
    with pytest.raises(ArgumentError, match="order='K'"):
        np.ravel(Value(X[:, ::2]), "K")


def test_what_pad_refuses_says_why():
    for mode, words in [("empty", "not initialised"), (lambda *_: None, "np.concatenate")]:
        with pytest.raises(ArgumentError, match=words):
            np.pad(Value(X), 1, mode)
