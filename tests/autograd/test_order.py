"""What the op table cannot say of sorting, quantiles and series: ties, NaN, in place, options that are Values."""

import inspect
import warnings

import numpy as np
import pytest

from autograd import Value, check_gradients, grad, hessian, jacobian, ops
from autograd.errors import ArgumentError

W = np.array([1.0, 10.0, 100.0])
X = np.array([0.3, -1.2, 2.5, 0.9, -0.4])


def weighted(function):
    return lambda x: np.sum(function(x) * W)


# order


def test_equal_elements_keep_their_order_in_sort():
    assert grad(weighted(np.sort))(np.array([2.0, 1.0, 2.0])).tolist() == [10.0, 1.0, 100.0]


def test_partition_sends_each_cotangent_to_an_element_of_that_value():
    rng = np.random.default_rng(0)
    x, w = rng.integers(0, 300, 500) * 1.0, rng.normal(size=500)
    slope = grad(lambda x: np.sum(np.partition(x, (70, 200)) * w))(x)
    for value in np.unique(x):
        found, expected = slope[x == value].sum(), w[np.partition(x, (70, 200)) == value].sum()
        assert found == pytest.approx(expected, abs=1e-12)


def test_sorting_in_place_gives_none_and_records():
    def last(x):
        y = x * 1.0
        assert y.sort() is None
        assert y.partition(1) is None
        return y[2] * y[2]

    x = np.array([3.0, 5.0, 4.0])
    assert grad(last)(x).tolist() == [0.0, 10.0, 0.0]
    v = Value([[3.0, 1.0], [2.0, 4.0]])
    v.sort(axis=0)
    assert v.data.tolist() == [[2.0, 1.0], [3.0, 4.0]]


def test_a_nan_that_is_the_result_gets_the_gradient():
    x = np.array([[3.0, np.nan, 5.0], [3.0, 1.0, 5.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slope = grad(lambda x: np.sum(np.quantile(x, 0.25, axis=1)))(x)
    assert slope.tolist() == [[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]


def test_weights_of_a_quantile_are_plain_and_ties_among_them_share():
    x = np.array([2.0, 1.0, 2.0, 3.0])
    options = {"method": "inverted_cdf", "weights": np.array([1.0, 1.0, 3.0, 1.0])}
    assert grad(lambda x: np.quantile(x, 0.5, **options))(x).tolist() == [0.5, 0.0, 0.5, 0.0]


@pytest.mark.parametrize("method", ["linear", "hazen", "weibull"])
def test_a_quantile_has_mixed_derivatives_by_data_and_q(method):
    check_gradients(lambda x, q: np.quantile(x, q, method=method) ** 2, X, np.array([0.23, 0.61]))


def test_as_q_moves_weight_goes_from_one_neighbour_to_the_next():
    mixed = grad(lambda q: grad(lambda x: np.quantile(x, q))(X)[0])(0.6)
    assert mixed == pytest.approx(-grad(lambda q: grad(lambda x: np.quantile(x, q))(X)[3])(0.6))


def test_a_constant_q_may_go_with_a_method_that_jumps():
    v = Value(X)
    assert np.quantile(v, Value(0.5).detach(), method="lower").data == 0.3
    with pytest.raises(ArgumentError, match="no derivative by q"):
        np.quantile(X, Value(0.5), method="lower")


def test_quantiles_of_half_precision_and_of_axes_as_a_list():
    x = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    slope = grad(lambda x: np.sum(np.percentile(x, [30.0, 60.0], axis=[0, -1])))(x)
    assert slope.dtype == np.float32
    np.testing.assert_allclose(slope.sum(axis=(0, 2)), 2.0, rtol=1e-6)


def test_unique_values_have_gradients_and_indices_are_plain():
    x = np.array([3.0, 1.0, 3.0, np.nan, np.nan])
    v = Value(x)
    values, index, inverse, counts = np.unique(v, return_index=True, return_inverse=True, return_counts=True)
    assert isinstance(values, Value)
    assert (index.tolist(), inverse.tolist(), counts.tolist()) == ([1, 0, 3], [1, 0, 1, 2, 2], [1, 2, 2])
    for function in (np.unique_all, np.unique_counts, np.unique_inverse):
        found, expected = function(v), function(x)
        assert type(found) is type(expected)
        np.testing.assert_array_equal(found.values.data, expected.values)
        np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(np.unique_values(v).data, np.unique_values(x))
    if "sorted" in inspect.signature(np.unique).parameters:
        np.testing.assert_array_equal(np.unique(v, sorted=False).data, np.unique(x, sorted=False))
    assert grad(lambda x: np.unique_counts(x).values[1])(x).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


# series


def test_cumprod_with_zeros_is_right_to_second_order():
    x = np.array([2.0, 0.0, 3.0, 0.0, 5.0])

    def by_prod(x):
        return sum(np.prod(x[: i + 1]) * w for i, w in enumerate((1.0, 2.0, 3.0, 4.0, 5.0)))

    def by_cumprod(x):
        return np.sum(np.cumprod(x) * np.arange(1.0, 6.0))

    np.testing.assert_array_equal(grad(by_cumprod)(x), grad(by_prod)(x))
    np.testing.assert_array_equal(hessian(by_cumprod)(x), hessian(by_prod)(x))
    assert grad(lambda x: np.cumprod(x)[-1])(np.array([0.0, 2.0, 3.0])).tolist() == [6.0, 0.0, 0.0]


def test_running_totals_of_many_are_linear_in_time():
    x = np.full(200_001, 1.0)
    assert grad(lambda x: np.sum(np.cumprod(x)))(x)[0] == 200_001.0
    assert grad(lambda x: np.sum(np.maximum.accumulate(x * np.arange(1.0, 200_002.0))))(x).shape == x.shape


def test_what_stands_before_and_after_a_difference_may_be_a_value():
    def total(p, q):
        joined = np.diff(X, 2, prepend=p, append=q)
        single = np.ediff1d(X, to_begin=p, to_end=q)
        return np.sum(np.sin(joined)) + np.sum(np.sin(single) * np.arange(single.size))

    check_gradients(total, np.array([0.5, 0.1]), np.array([2.0]))
    assert grad(lambda p: np.sum(np.diff(X, prepend=p)))(1.0) == -1.0
    with pytest.raises(ArgumentError, match="complex number does not fit"):
        np.ediff1d(Value(X), to_end=1j)


@pytest.mark.parametrize("edge_order", [1, 2])
@pytest.mark.parametrize("spacing", [np.array([0.0, 1.0, 1.5, 3.0]), np.arange(4.0), 0.7])
def test_spacing_and_coordinates_have_gradients(spacing, edge_order):
    f = np.sin(np.arange(8.0)).reshape(2, 4)
    check_gradients(lambda f, s: np.sum(np.gradient(f, s, axis=1, edge_order=edge_order) ** 2), f, spacing)


def test_the_step_of_a_slope_or_an_area_may_be_a_value():
    y, x = np.array([0.1, 0.5, -0.3]), np.array([0.0, 1.0, 1.5])
    check_gradients(lambda y, x, d: np.trapezoid(y, x) * np.trapezoid(y, dx=d), y, x, 0.3)
    assert np.gradient([1.0, 4.0, 9.0], Value(2.0)).data.tolist() == [1.5, 2.0, 2.5]


def test_gradient_of_two_axes_is_a_tuple():
    J = jacobian(lambda f: np.gradient(f, axis=(0, 1)))(np.ones((2, 2)))
    assert isinstance(J, tuple)
    assert [np.shape(part) for part in J] == [(2, 2, 2, 2)] * 2


def test_accumulate_is_numpys():
    x = np.array([[1.0, 4.0], [3.0, 2.0]])
    for ufunc, op in ((np.maximum, ops.cummax), (np.minimum, ops.cummin)):
        np.testing.assert_array_equal(ufunc.accumulate(Value(x)).data, ufunc.accumulate(x))
        np.testing.assert_array_equal(op(x, axis=1), ufunc.accumulate(x, 1))
