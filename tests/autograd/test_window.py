"""Windows, convolution and pooling where a table row does not reach: plain loops, adjoints, PyTorch's shapes."""

import math

import numpy as np
import pytest

import autograd
from autograd import Value, check_gradients, ops
from autograd.errors import ArgumentError, ShapeError


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_sliding_windows_of_a_value_are_numpys_and_a_moving_average_has_slopes():
    x = Value(np.arange(5.0))
    view = np.lib.stride_tricks.sliding_window_view(x, 3)
    assert view.shape == (3, 3)
    np.mean(view, axis=-1).sum().backward()
    np.testing.assert_allclose(x.grad, np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 3.0)


def test_a_convolution_is_the_sum_of_its_definition(rng):
    x, w, b = rng.normal(size=(2, 4, 5, 6)), rng.normal(size=(6, 2, 2, 3)), rng.normal(size=6)
    found = ops.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
    full = np.zeros((2, 4, 7, 10))
    full[:, :, 1:6, 2:8] = x
    expected = np.zeros((2, 6, 3, 6))
    for n, o, i, j in np.ndindex(*expected.shape):
        group = full[n, 2 * (o // 3) : 2 * (o // 3) + 2]
        expected[n, o, i, j] = np.sum(group[:, 2 * i : 2 * i + 2, j : j + 5 : 2] * w[o]) + b[o]
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


def test_a_one_dimensional_convolution_is_np_correlate(rng):
    x, w = rng.normal(size=9), rng.normal(size=4)
    np.testing.assert_allclose(ops.conv1d(x[None, None], w[None, None])[0, 0], np.correlate(x, w), rtol=1e-13)
    same = ops.conv1d(x[None, None], w[None, None, :3], padding="same")[0, 0]
    np.testing.assert_allclose(same, np.correlate(x, w[:3], "same"), rtol=1e-13)


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "groups": 2}])
def test_the_three_maps_of_a_convolution_are_adjoint(rng, options):
    x, w = rng.normal(size=(3, 4, 7, 8)), rng.normal(size=(2, 4 // options.get("groups", 1), 2, 3))
    y = rng.normal(size=ops.conv(x, w, **options).shape)
    product = np.sum(ops.conv(x, w, **options) * y)
    assert np.sum(ops.conv_input(y, w, x.shape[2:], **options) * x) == pytest.approx(product, rel=1e-12)
    assert np.sum(ops.conv_weight(x, y, w.shape[2:], **options) * w) == pytest.approx(product, rel=1e-12)


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": (1, 0)}, {"dilation": (1, 2)}])
def test_fold_is_the_adjoint_of_unfold(rng, options):
    x = rng.normal(size=(2, 3, 6, 7))
    columns = ops.unfold(x, (3, 2), **options)
    y = rng.normal(size=columns.shape)
    assert np.sum(columns * y) == pytest.approx(np.sum(x * ops.fold(y, (6, 7), (3, 2), **options)), rel=1e-12)


def test_unfold_orders_columns_as_a_weight_is_flattened(rng):
    x, w = rng.normal(size=(2, 3, 5, 6)), rng.normal(size=(4, 3, 2, 3))
    columns = ops.unfold(x, (2, 3), stride=(1, 2))
    found = (w.reshape(4, -1) @ columns).reshape(2, 4, 4, 2)
    np.testing.assert_allclose(found, ops.conv2d(x, w, stride=(1, 2)), rtol=1e-12)


def test_a_transposed_convolution_undoes_the_shape_of_a_convolution(rng):
    x, w = rng.normal(size=(2, 3, 8, 9)), rng.normal(size=(5, 3, 3, 3))
    y = ops.conv2d(x, w, stride=2, padding=1)
    back = ops.conv_transpose(y, w, stride=2, padding=1, output_padding=(1, 0))
    assert back.shape == x.shape
    np.testing.assert_array_equal(back, ops.conv_input(y, w, (8, 9), stride=2, padding=1))


def test_a_small_network_has_right_gradients_of_both_orders(rng):
    x, w, b = rng.normal(size=(1, 2, 4, 4)), rng.normal(size=(2, 2, 3, 3)) / 4.0, rng.normal(size=2) / 4.0

    def loss(x, w, b):
        return np.sum(ops.avg_pool2d(np.tanh(ops.max_pool2d(ops.conv2d(x, w, b, padding=1), 2)), 2) ** 2)

    check_gradients(loss, x, w, b, order=2)
    third = autograd.grad(lambda w: np.sum(autograd.grad(lambda w: np.sum(autograd.grad(loss, 1)(x, w, b) ** 2))(w)))(w)
    assert np.isfinite(third).all()


def test_float32_stays_float32_and_strided_batches_are_read_in_place(rng):
    x = rng.normal(size=(6, 8, 8, 3)).astype(np.float32)
    w = Value(rng.normal(size=(4, 3, 3, 3)).astype(np.float32))
    out = ops.conv2d(np.transpose(x, (0, 3, 1, 2))[::2], w, padding="same")
    assert out.dtype == np.float32
    np.sum(out * out).backward()
    assert w.grad.dtype == np.float32
    same = ops.conv2d(np.ascontiguousarray(np.transpose(x, (0, 3, 1, 2))[::2]), w.data, padding="same")
    np.testing.assert_array_equal(out.data, same)


def test_a_bias_of_higher_precision_is_not_rounded_away():
    x, w, b = np.ones((1, 1, 3), np.float32), np.ones((1, 1, 2), np.float32), np.array([1e-9])
    assert ops.conv1d(x, w, b).dtype == np.float64
    assert ops.conv1d(x, w, b)[0, 0, 0] == 2.0 + 1e-9


def test_max_pooling_shares_ties_in_overlapping_windows_and_never_with_padding():
    x = Value(np.zeros((1, 1, 3)))
    ops.max_pool1d(x, 2, stride=1, padding=1).sum().backward()
    np.testing.assert_array_equal(x.grad, [[[1.5, 1.0, 1.5]]])
    x = Value(np.full((1, 1, 4), -math.inf))
    ops.max_pool1d(x, 2, padding=1).sum().backward()
    np.testing.assert_array_equal(x.grad, [[[1.0, 0.5, 0.5, 1.0]]])


def test_max_pooling_lets_nan_be_seen():
    x = Value(np.array([[[1.0, np.nan, 3.0, 2.0]]]))
    out = ops.max_pool1d(x, 2)
    out.sum().backward()
    np.testing.assert_array_equal(out.data, [[[np.nan, 3.0]]])
    np.testing.assert_array_equal(x.grad, [[[0.0, 1.0, 1.0, 0.0]]])


@pytest.mark.parametrize(
    ("length", "options", "expected"),
    [  # what torch.nn.functional.avg_pool1d gives of 1, 2, …
        (5, {"kernel_size": 2}, [1.5, 3.5]),
        (5, {"kernel_size": 2, "ceil_mode": True}, [1.5, 3.5, 5.0]),
        (5, {"kernel_size": 3, "stride": 2, "padding": 1}, [1.0, 3.0, 3.0]),
        (5, {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}, [1.5, 3.0, 4.5]),
        (6, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, [1.0, 3.0, 5.0, 3.0]),
        (4, {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}, [0.5, 3.5]),
    ],
)
def test_average_pooling_divides_as_pytorch_does(length, options, expected):
    found = ops.avg_pool1d(np.arange(1.0, length + 1.0)[None, None], **options)
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-15)


def test_adaptive_pooling_to_one_is_the_mean_and_to_the_same_length_the_identity(rng):
    x = rng.normal(size=(2, 3, 5, 7))
    np.testing.assert_allclose(ops.adaptive_avg_pool(x, 1)[..., 0, 0], x.mean((2, 3)), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(ops.adaptive_avg_pool(x, (5, 7)), x, rtol=1e-15)
    found = ops.adaptive_avg_pool(x[:, :, 0], 3)
    expected = [x[:, :, 0, a:b].mean(-1) for a, b in ((0, 3), (2, 5), (4, 7))]
    np.testing.assert_allclose(found, np.stack(expected, -1), rtol=1e-13)


def test_plain_arrays_give_plain_arrays(rng):
    x, w = rng.normal(size=(1, 2, 5)), rng.normal(size=(3, 2, 2))
    for found in (ops.conv1d(x, w), ops.max_pool1d(x, 2), ops.avg_pool1d(x, 2), ops.unfold(x, 2)):
        assert type(found) is np.ndarray


def test_the_ways_to_say_no_bias_are_one(rng):
    x, w = rng.normal(size=(1, 2, 5)), Value(rng.normal(size=(3, 2, 2)))
    np.testing.assert_array_equal(ops.conv1d(x, w, None).data, ops.conv1d(x, w).data)
    np.testing.assert_array_equal(
        ops.conv_transpose(x, np.ones((2, 1, 2)), None), ops.conv_transpose(x, np.ones((2, 1, 2)))
    )


def test_wrong_calls_say_both_shapes_and_what_is_expected(rng):
    x = Value(rng.normal(size=(2, 3, 8, 8)))
    with pytest.raises(ShapeError, match=r"x \(2, 3, 8, 8\), w \(4, 2, 3, 3\).*in channels = 3"):
        ops.conv2d(x, np.ones((4, 2, 3, 3)))
    with pytest.raises(ShapeError, match=r"conv1d: x has shape \(2, 3, 8, 8\) and w \(4, 3, 3\).*1 spatial axis"):
        ops.conv1d(x, np.ones((4, 3, 3)))
    with pytest.raises(ShapeError, match=r"does not fit into the padded lengths \(8, 8\)"):
        ops.conv2d(x, np.ones((4, 3, 9, 1)))
    with pytest.raises(ArgumentError, match=r"stride=\(1, 2, 3\): expected one integer of at least 1, or 2 of them"):
        ops.conv2d(x, np.ones((4, 3, 3, 3)), stride=(1, 2, 3))
    with pytest.raises(ArgumentError, match="groups"):
        ops.conv2d(x, np.ones((4, 3, 3, 3)), groups=0)
    with pytest.raises(ShapeError, match="adaptive_avg_pool"):
        ops.adaptive_avg_pool(np.ones(3), 1)
