"""What convolution, pooling, norm, dropout and embedding layers compute, by the published formulas; what they refuse."""

import re

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from autograd.errors import ArgumentError
from autograd.ops import relu

DOUBLE = {"dtype": np.float64}


def array(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


# convolution


def windowed(x, w, stride, padding, dilation, groups):
    """A convolution of images, window by window."""
    (n, c, h, v), (o, _, kh, kw) = x.shape, w.shape
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (h + 2 * padding - dilation * (kh - 1) - 1) // stride + 1
    columns = (v + 2 * padding - dilation * (kw - 1) - 1) // stride + 1
    out = np.zeros((n, o, rows, columns))
    for k in range(o):
        inputs = slice(k // (o // groups) * (c // groups), (k // (o // groups) + 1) * (c // groups))
        for i, j in np.ndindex(rows, columns):
            window = x[:, inputs, i * stride :, j * stride :][:, :, ::dilation, ::dilation][:, :, :kh, :kw]
            out[:, k, i, j] = np.sum(window * w[k], axis=(1, 2, 3))
    return out


@pytest.mark.parametrize("options", [
    {}, {"stride": 2}, {"padding": 2, "stride": 3}, {"dilation": 2}, {"groups": 2}, {"groups": 4, "padding": 1},
])  # fmt: skip
def test_conv2d_is_a_sum_over_each_window(options):
    layer, x = nn.Conv2d(4, 8, (3, 2), rng=0, **options, **DOUBLE), array(2, 4, 7, 6)
    layer.bias.data = array(8)
    given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | options
    expected = windowed(x, layer.weight.data, **given) + layer.bias.data[:, None, None]
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", [
    {}, {"stride": 2}, {"stride": 3, "padding": 1, "output_padding": 2}, {"dilation": 2, "groups": 2},
])  # fmt: skip
def test_conv_transpose_is_the_adjoint_of_conv(options):
    """⟨conv(x), y⟩ = ⟨x, convᵀ(y)⟩ for the same weight, at the lengths that output_padding picks."""
    back = nn.ConvTranspose1d(4, 2, 3, bias=False, rng=0, **options, **DOUBLE)
    there = nn.Conv1d(2, 4, 3, bias=False, **{k: v for k, v in options.items() if k != "output_padding"}, **DOUBLE)
    there.weight.data = back.weight.data
    y = array(2, 4, 6)
    out = back(y).data
    x = array(*out.shape)
    np.testing.assert_allclose(np.sum(there(x).data * y), np.sum(x * out), rtol=1e-12)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, (2, 5)])
def test_same_padding_keeps_the_lengths(kernel):
    assert nn.Conv2d(1, 2, kernel, padding="same", dilation=2)(array(1, 1, 7, 9)).shape == (1, 2, 7, 9)
    assert nn.Conv2d(1, 2, kernel, padding="valid")(array(1, 1, 7, 9)).shape[2] < 8


@pytest.mark.parametrize("make", [
    lambda: nn.Conv1d(64, 99, 5, rng=0), lambda: nn.Conv2d(32, 99, 3, rng=0), lambda: nn.Conv2d(64, 80, 3, groups=4, rng=0),
    lambda: nn.ConvTranspose1d(64, 100, 6, rng=0), lambda: nn.ConvTranspose2d(32, 50, 4, stride=2, rng=0),
    lambda: nn.ConvTranspose2d(64, 80, 4, stride=2, groups=4, rng=0),
])  # fmt: skip
def test_a_convolution_starts_as_a_map_that_keeps_the_variance(make):
    layer = make()
    x = array(4, layer.in_channels, *(20,) * layer.spatial).astype(np.float32)
    out = layer(x).data[(..., *(slice(6, -6),) * layer.spatial)]
    assert out.var() == pytest.approx(1.0, abs=0.1) and not layer.bias.data.any()
    assert layer.weight.dtype == np.float32 and nn.Conv1d(1, 1, 1, **DOUBLE).bias.dtype == np.float64


# pooling


def test_pooling_by_hand():
    x = np.array([[[1.0, 5.0, 2.0, 3.0, 7.0]]])
    assert nn.MaxPool1d(2)(x).tolist() == [[[5.0, 3.0]]]
    assert nn.MaxPool1d(2, ceil_mode=True)(x).tolist() == [[[5.0, 3.0, 7.0]]]
    assert nn.MaxPool1d(3, 1, padding=1)(-x).tolist() == [[[-1.0, -1.0, -2.0, -2.0, -3.0]]]
    assert nn.AvgPool1d(2, padding=1)(x).tolist() == [[[0.5, 3.5, 5.0]]]
    assert nn.AvgPool1d(2, padding=1, count_include_pad=False)(x).tolist() == [[[1.0, 3.5, 5.0]]]
    np.testing.assert_allclose(nn.AdaptiveAvgPool1d(2)(x), [[[8.0 / 3.0, 4.0]]], rtol=1e-15)
    assert nn.AdaptiveMaxPool1d(2)(x).tolist() == [[[5.0, 7.0]]]  # of elements 0 to 2, and 2 to 4
    image = np.arange(24.0).reshape(1, 1, 4, 6)
    assert nn.AdaptiveMaxPool1d(1)([[[1.0, 4.0, 2.0]]]).tolist() == [[[4.0]]]
    assert nn.AdaptiveMaxPool2d((2, 3))(image).tolist() == nn.MaxPool2d((2, 2))(image).tolist()
    assert nn.MaxPool2d((2, 3))(image).tolist() == [[[[8.0, 11.0], [20.0, 23.0]]]]
    assert nn.AdaptiveAvgPool2d(1)(image).tolist() == [[[[11.5]]]]
    assert nn.AdaptiveAvgPool2d((None, 2))(image).shape == (1, 1, 4, 2)
    for layer in (nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1), nn.MaxPool2d(1), nn.AvgPool2d(1)):
        with pytest.raises(ValueError, match=r"\(2, 3, 0, 4\).*(a window of no places has no|that spans .* not fit)"):
            layer(np.zeros((2, 3, 0, 4)))


# norms


@pytest.mark.parametrize(("make", "shape"), [
    (nn.BatchNorm1d, (8, 3)), (nn.BatchNorm1d, (4, 3, 5)), (nn.BatchNorm2d, (2, 3, 4, 5)),
])  # fmt: skip
def test_batch_norm_in_training(make, shape):
    """y = (x − E x) / √(Var x + ε) · γ + β over batch and places; the running variance takes n − 1."""
    layer = make(3, **DOUBLE)
    x, axes, beside = 3.0 * array(*shape) + 2.0, (0, *range(2, len(shape))), (1, 3, *(1,) * (len(shape) - 2))
    layer.weight.data, layer.bias.data = array(3, seed=1), array(3, seed=2)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    expected = (x - mean) / np.sqrt(var + 1e-5) * layer.weight.data.reshape(beside) + layer.bias.data.reshape(beside)
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-12)
    np.testing.assert_allclose(layer.running_mean, 0.1 * mean.ravel(), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, 0.9 + 0.1 * x.var(axes, ddof=1), rtol=1e-12)
    assert layer.num_batches_tracked == 1 and layer.num_batches_tracked.dtype == np.int64


def test_batch_norm_in_evaluation_takes_the_running_statistics():
    layer, x = nn.BatchNorm2d(2, **DOUBLE), array(3, 2, 4, 4)
    layer.running_mean, layer.running_var = np.array([1.0, -1.0]), np.array([4.0, 0.25])
    layer.eval()
    mean, var = (v.reshape(1, 2, 1, 1) for v in (layer.running_mean, layer.running_var))
    np.testing.assert_allclose(layer(x).data, (x - mean) / np.sqrt(var + 1e-5), rtol=1e-12)
    assert layer(x[:1]).shape == (1, 2, 4, 4) and layer.num_batches_tracked == 0


def test_without_momentum_the_running_statistics_are_the_mean_over_batches():
    layer, batches = nn.BatchNorm1d(2, momentum=None, **DOUBLE), [array(5, 2, seed=i) + i for i in range(4)]
    for x in batches:
        layer(x)
    np.testing.assert_allclose(layer.running_mean, np.mean([x.mean(0) for x in batches], axis=0), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, np.mean([x.var(0, ddof=1) for x in batches], axis=0), rtol=1e-12)


def test_batch_norm_has_pytorch_names_and_forgets_on_initialize():
    layer = nn.BatchNorm1d(2)
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert list(nn.BatchNorm1d(2, affine=False, track_running_stats=False).state_dict()) == []
    start = layer.state_dict()
    layer(array(4, 2) + 1.0)
    layer.weight.data = np.zeros(2, np.float32)
    assert layer.running_mean.all()
    layer.initialize(0)
    np.testing.assert_equal(layer.state_dict(), start)


def test_a_norm_without_statistics_takes_the_batchs_in_evaluation_too():
    layer, x = nn.BatchNorm1d(2, track_running_stats=False, **DOUBLE).eval(), array(5, 2)
    np.testing.assert_allclose(layer(x).data, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), rtol=1e-12)


def test_layer_group_and_rms_norm():
    x = array(2, 4, 3)
    layer = nn.LayerNorm((4, 3), **DOUBLE)
    layer.weight.data, layer.bias.data = array(4, 3, seed=1), array(4, 3, seed=2)
    mean, var = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    expected = (x - mean) / np.sqrt(var + 1e-5) * layer.weight.data + layer.bias.data
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-12)
    group = nn.GroupNorm(2, 4, **DOUBLE)
    parts = [(part - part.mean((1, 2), keepdims=True)) / np.sqrt(part.var((1, 2), keepdims=True) + 1e-5)
             for part in (x[:, :2], x[:, 2:])]  # fmt: skip
    np.testing.assert_allclose(group(x).data, np.concatenate(parts, axis=1), rtol=1e-12)
    rms = nn.RMSNorm(3, **DOUBLE)
    rms.weight.data = array(3)
    square = np.mean(x * x, axis=-1, keepdims=True)
    np.testing.assert_allclose(
        rms(x).data, x / np.sqrt(square + np.finfo(np.float64).eps) * rms.weight.data, rtol=1e-12
    )


def test_the_repr_of_a_norm_of_equal_axes():
    assert repr(nn.LayerNorm((2, 2))) == "LayerNorm((2, 2))  8 parameters"
    assert repr(nn.RMSNorm((3, 3), elementwise_affine=False)) == "RMSNorm((3, 3), elementwise_affine=False)"


# dropout


@pytest.mark.parametrize("make", [nn.Dropout, nn.Dropout2d])
def test_dropout_keeps_the_mean_and_scales_what_it_keeps(make):
    layer, x = make(0.25, rng=0), np.ones((100, 40, 2, 3), np.float32)
    out = layer(x)
    assert out.dtype == np.float32 and set(np.unique(out).tolist()) == {0.0, np.float32(4.0 / 3.0)}
    assert out.mean() == pytest.approx(1.0, abs=0.03)
    assert not np.array_equal(layer(x), out)
    whole = (out == out[:, :, :1, :1]).all((2, 3)).mean()
    assert whole == 1.0 if make is nn.Dropout2d else whole < 0.3
    assert layer.eval()(x) is x and make(0.0)(x) is x


def test_dropout_draws_from_a_generator_of_its_own():
    rng, x = np.random.default_rng(0), Value(np.ones((4, 8)))
    layer, again = nn.Dropout(rng=rng), nn.Dropout(rng=np.random.default_rng(0))
    state = rng.bit_generator.state
    assert np.array_equal(layer(x).data, again(x).data) and rng.bit_generator.state == state
    model = nn.Sequential(nn.Dropout(), nn.Dropout(), rng=0)
    first = [layer(x).data for layer in model.initialize(3)]
    assert not np.array_equal(*first)
    np.testing.assert_array_equal(first, [layer(x).data for layer in model.initialize(3)])
    assert [path for path, _ in model.named_generators()] == ["0.rng", "1.rng"]


# embedding


def test_an_embedding_is_rows_of_its_table_and_the_gradient_adds_up_by_row():
    layer = nn.Embedding(5, 3, rng=0)
    out = layer([[0, 4], [4, 2]])
    np.testing.assert_array_equal(out.data, layer.weight.data[[[0, 4], [4, 2]]])
    out.sum().backward()
    assert layer.weight.grad[:, 0].tolist() == [1.0, 0.0, 1.0, 0.0, 2.0]
    assert nn.Embedding(300, 300, rng=0).weight.data.std() == pytest.approx(1.0, abs=0.01)


def test_the_padding_row_starts_at_0_and_gets_no_gradient():
    layer = nn.Embedding(4, 2, padding_idx=1, rng=0)
    assert layer.padding_idx == 1 and not layer.weight.data[1].any() and layer.weight.data[0].all()
    layer(np.array([0, 1, 1, 3])).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]
    layer.weight.data = np.ones((4, 2), np.float32)
    assert layer(np.array([1])).tolist() == [[1.0, 1.0]]


def test_a_compiled_embedding_looks_at_its_indices_in_every_run():
    layer = nn.Embedding(3, 2, rng=0)
    run = autograd.compile(lambda indices: layer(indices).sum())
    assert run(np.array([0, 2])).data == pytest.approx(layer.weight.data[[0, 2]].sum())
    with pytest.raises(ArgumentError, match="the index -1 has no row, expected 0 to 2"):
        run(np.array([-1, 0]))


def test_fit_leaves_indices_whole():
    model = nn.Sequential(nn.Embedding(6, 4), nn.Flatten(), nn.Linear(8, 3), rng=0)
    X = np.random.default_rng(0).integers(0, 6, (120, 2))
    history = nn.fit(model, X, X[:, 1] % 3, epochs=20, rng=0, optimizer=nn.Adam(model, 0.03), progress=False)
    assert history.train_loss[-1] < 0.1 and nn.predict(model, X).shape == (120, 3)


# containers


def test_residual_adds_and_flatten_merges():
    x = array(2, 3)
    np.testing.assert_array_equal(nn.Residual(np.tanh)(x), x + np.tanh(x))
    model = nn.Residual(nn.Sequential(nn.Linear(3, 4), relu), nn.Linear(3, 4))
    assert list(model.state_dict()) == ["f.0.weight", "f.0.bias", "projection.weight", "projection.bias"]
    assert repr(nn.Residual(np.tanh, nn.Linear(3, 4))).splitlines()[1:] == [
        "  f: tanh", "  projection: Linear(3, 4)  16 parameters",
    ]  # fmt: skip
    assert nn.Flatten()(array(2, 3, 4)).shape == (2, 12) and nn.Flatten()(array(0, 3, 4)).shape == (0, 12)
    assert nn.Flatten(-3, -2)(array(2, 3, 4)).shape == (6, 4)


def test_residual_says_which_shapes_it_cannot_add():
    with pytest.raises(ValueError, match=re.escape("f gives shape (2, 1), x has (2, 3), expected the same")) as caught:
        nn.Residual(nn.Linear(3, 1))(array(2, 3).astype(np.float32))
    assert caught.value.__notes__ == ["in Residual()"]
    with pytest.raises(ValueError, match=re.escape("projection(x) has (2, 2)")):
        nn.Residual(np.tanh, nn.Linear(3, 2))(array(2, 3).astype(np.float32))


# refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(0, 2, 3), "in_channels is a whole number of at least 1, got 0"),
        (lambda: nn.Conv1d(2, 2, 0), "kernel_size=0: expected one integer of at least 1"),
        (lambda: nn.Conv2d(2, 2, (3, 3, 3)), "kernel_size=(3, 3, 3): expected one integer of at least 1, or 2 of them"),
        (lambda: nn.Conv2d(2, 2, 3, stride=0), "stride=0: expected one integer of at least 1"),
        (lambda: nn.Conv2d(2, 2, 3, padding=-1), "padding=-1: expected one integer of at least 0"),
        (lambda: nn.Conv2d(2, 2, 3, padding="full"), "padding='full': expected an integer"),
        (lambda: nn.Conv2d(2, 2, 3, 2, padding="same"), "padding='same' is for stride 1, got stride=2"),
        (lambda: nn.Conv1d(4, 6, 3, groups=4), "groups=4 does not divide in_channels=4 and out_channels=6"),
        (
            lambda: nn.ConvTranspose1d(4, 4, 3, output_padding=-1),
            "output_padding=-1: expected one integer of at least 0",
        ),
        (lambda: nn.MaxPool2d(2, dilation=0), "dilation=0: expected one integer of at least 1"),
        (lambda: nn.AvgPool1d((2, 2)), "kernel_size=(2, 2): expected one integer of at least 1, or 1 of them"),
        (lambda: nn.AdaptiveAvgPool2d((0, None)), "output_size=[0, 1]: expected one integer of at least 1"),
        (lambda: nn.BatchNorm1d(0), "num_features is a whole number of at least 1, got 0"),
        (lambda: nn.LayerNorm(()), "normalized_shape=(): expected the lengths of one axis or more"),
        (lambda: nn.RMSNorm(0), "normalized_shape is a whole number of at least 1, got 0"),
        (lambda: nn.GroupNorm(3, 4), "num_groups=3 does not divide num_channels=4"),
        (lambda: nn.Dropout(1.0), "p must lie in [0, 1), got 1.0"),
        (lambda: nn.Dropout(True), "p must lie in [0, 1), got True"),
        (lambda: nn.Embedding(0, 2), "num_embeddings is a whole number of at least 1, got 0"),
        (lambda: nn.Embedding(3, 2, 3), "padding_idx=3: expected a row of the 3, or None"),
        (lambda: nn.Residual(3), "Residual: f is int 3; a layer is a function or a Module object"),
        (lambda: nn.Residual(np.tanh, nn.Linear), "Residual: projection is type"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(make, message):
    with pytest.raises(ArgumentError, match=re.escape(message)):
        make()
