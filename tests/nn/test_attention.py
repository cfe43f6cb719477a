"""Attention: what the weights are, what masks hide, and the layers that are made of it."""

import math

import numpy as np
import pytest

import nn
from autograd import Value, check_gradients
from autograd.errors import ArgumentError, ShapeError
from autograd.ops import gelu, relu

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 8))


def attention(heads=2, **options):
    return nn.MultiheadAttention(8, heads, rng=0, dtype=np.float64, **options)


# the function


def test_the_output_is_a_mean_of_the_values_with_weights_that_sum_to_1():
    q, k, v = (RNG.normal(size=shape) for shape in ((2, 3, 4), (2, 5, 4), (2, 5, 6)))
    scores = np.einsum("bqd,bkd->bqk", q, k) / math.sqrt(4)
    expected = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    weights = nn.attention_weights(q, k)
    np.testing.assert_allclose(weights, expected, rtol=1e-13)
    np.testing.assert_allclose(nn.scaled_dot_product_attention(q, k, v), expected @ v, rtol=1e-13)


def test_hidden_keys_have_weight_0_and_the_others_share():
    q, k = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4))
    mask = np.array([[False, True, False, False], [True, True, False, True], [False] * 4])
    weights = nn.attention_weights(q, k, mask)
    assert np.array_equal(weights == 0.0, mask)
    np.testing.assert_allclose(weights[0, [0, 2, 3]], nn.attention_weights(q, k[[0, 2, 3]])[0], rtol=1e-13)
    np.testing.assert_allclose(weights.sum(-1), 1.0, rtol=1e-13)
    numbers = np.where(mask, -np.inf, 0.0)
    assert np.array_equal(nn.attention_weights(q, k, numbers), weights)
    shifted = nn.attention_weights(q, k, np.array([0.0, 0.0, math.log(2.0), 0.0]))
    np.testing.assert_allclose(shifted[2, 2] / shifted[2, 0], 2.0 * weights[2, 2] / weights[2, 0], rtol=1e-12)


def test_causal_is_the_mask_of_later_keys():
    q, k = RNG.normal(size=(2, 5, 4)), RNG.normal(size=(2, 5, 4))
    later = np.triu(np.ones((5, 5), bool), 1)
    causal = nn.attention_weights(q, k, causal=True)
    assert np.array_equal(causal, nn.attention_weights(q, k, later))
    also = later | np.array([False, True, False, False, False])
    assert np.array_equal(nn.attention_weights(q, k, also), nn.attention_weights(q, k, also & ~later, causal=True))


@pytest.mark.parametrize("causal", [False, True])
def test_a_query_that_sees_nothing_gives_0_and_no_gradient(causal):
    q, k, v = (Value(RNG.normal(size=(3, 4))) for _ in range(3))
    mask = np.array([[True, False, False], [True, True, True], [False, True, False]])  # causal: 0 sees key 0 only
    out = nn.scaled_dot_product_attention(q, k, v, mask, causal)
    out.sum().backward()
    blind = mask.all(-1) | (causal & np.array([True, False, False]))
    assert np.isfinite(out.data).all() and np.array_equal((out.data == 0.0).all(-1), blind)
    for leaf in (q, k, v):
        assert np.isfinite(leaf.grad).all()
    assert not q.grad[blind].any() and q.grad[2].any()


def test_gradients_through_masks_and_of_a_learned_mask():
    q, k, v = (RNG.normal(size=(2, 3)) for _ in range(3))
    mask = np.array([[True, True], [False, False]])
    check_gradients(lambda q, k, v: nn.scaled_dot_product_attention(q, k, v, mask), q, k, v)
    check_gradients(
        lambda q, bias: nn.scaled_dot_product_attention(q, k, v, bias, causal=True), q, RNG.normal(size=(2, 2))
    )


# MultiheadAttention


def test_names_layouts_and_weights():
    layer = attention()
    shapes = {name: array.shape for name, array in layer.state_dict().items()}
    assert shapes == {
        "in_proj_weight": (24, 8),
        "in_proj_bias": (24,),
        "out_proj.weight": (8, 8),
        "out_proj.bias": (8,),
    }
    (out, mean), (_, each) = layer(X), layer(X, average_attn_weights=False)
    assert out.shape == (2, 5, 8) and mean.shape == (2, 5, 5) and each.shape == (2, 2, 5, 5)
    np.testing.assert_allclose(mean.data, each.data.mean(1), rtol=1e-13)
    assert layer(X, need_weights=False)[1] is None


def test_heads_are_single_ones_side_by_side():
    layer = attention(2)
    w, b = layer.in_proj_weight.data, layer.in_proj_bias.data
    q, k, v = np.split(X @ w.T + b, 3, axis=-1)
    heads = [
        nn.scaled_dot_product_attention(q[..., part], k[..., part], v[..., part]) for part in np.split(np.arange(8), 2)
    ]
    np.testing.assert_allclose(layer(X)[0].data, layer.out_proj(np.concatenate(heads, -1)).data, rtol=1e-12)


def test_other_keys_and_values_than_the_query():
    layer, memory = attention(), RNG.normal(size=(2, 7, 8))
    out, weights = layer(X, memory)
    assert out.shape == (2, 5, 8) and weights.shape == (2, 5, 7)
    assert np.array_equal(out.data, layer(X, memory, memory)[0].data)
    np.testing.assert_allclose(layer(X, X.copy(), X.copy())[0].data, layer(X)[0].data, rtol=1e-12)
    assert not np.allclose(layer(X, memory, 2.0 * memory)[0].data, out.data)


def test_padding_is_seen_by_nobody():
    layer = attention()
    padding = np.arange(5) >= np.array([[3], [5]])
    out = layer(X, key_padding_mask=padding)[0].data
    changed = X.copy()
    changed[0, 3:] = 7.0
    assert np.array_equal(layer(changed, key_padding_mask=padding)[0].data[0, :3], out[0, :3])
    np.testing.assert_allclose(out[0, :3], layer(X[0, :3])[0].data, rtol=1e-12)
    np.testing.assert_allclose(out[1], layer(X)[0].data[1], rtol=1e-12)
    both = layer(X, key_padding_mask=padding, causal=True)[0].data
    assert np.array_equal(both, layer(X, key_padding_mask=padding, attn_mask=np.triu(np.ones((5, 5), bool), 1))[0].data)
    everything = layer(X, key_padding_mask=np.ones((2, 5), bool))
    assert np.array_equal(everything[0].data, np.broadcast_to(layer.out_proj.bias.data, (2, 5, 8)))
    assert not everything[1].data.any()


def test_time_may_come_first():
    layer, other = attention(), attention(batch_first=False)
    out, weights = other(X.swapaxes(0, 1))
    assert np.array_equal(out.data.swapaxes(0, 1), layer(X)[0].data) and np.array_equal(weights.data, layer(X)[1].data)


def test_dropout_leaves_out_weights_in_training():
    layer = attention(1, dropout=0.5)
    shown = layer(X)[1].data
    np.testing.assert_allclose(shown.sum(-1), 1.0, rtol=1e-12)  # before dropout
    assert not np.array_equal(layer(X)[0].data, layer(X)[0].data)
    assert np.array_equal(layer.eval()(X)[0].data, attention(1)(X)[0].data)


# the layers made of it


def later_changed(x):
    changed = x.copy()
    changed[:, 3:] *= -2.0
    return changed


@pytest.mark.parametrize("norm_first", [False, True])
def test_causal_layers_do_not_see_the_future(norm_first):
    layer = nn.TransformerEncoderLayer(8, 2, 16, norm_first=norm_first, rng=0, dtype=np.float64)
    encoder = nn.TransformerEncoder(layer, 3, norm=nn.LayerNorm(8, dtype=np.float64), rng=0).eval()
    causal, free = encoder(X, causal=True).data, encoder(X).data
    assert np.array_equal(encoder(later_changed(X), causal=True).data[:, :3], causal[:, :3])
    assert not np.allclose(encoder(later_changed(X)).data[:, :3], free[:, :3])
    block = nn.GPTBlock(8, 2, rng=0, dtype=np.float64).eval()
    assert np.array_equal(block(later_changed(X)).data[:, :3], block(X).data[:, :3])


def test_names_and_the_two_orders_of_the_norm():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, rng=0, dtype=np.float64)
    names = ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]
    rest = [f"{part}.{name}" for part in ("linear1", "linear2", "norm1", "norm2") for name in ("weight", "bias")]
    assert list(layer.state_dict()) == [f"self_attn.{name}" for name in names] + rest
    attend = lambda x: layer.self_attn(x)[0]
    feed = lambda x: layer.linear2(relu(layer.linear1(x)))
    x = layer.norm1(X + attend(X))
    np.testing.assert_allclose(layer(X).data, layer.norm2(x + feed(x)).data, rtol=1e-13)
    layer.norm_first = True
    x = X + attend(layer.norm1(X))
    np.testing.assert_allclose(layer(X).data, (x + feed(layer.norm2(x))).data, rtol=1e-13)
    bare = nn.TransformerEncoderLayer(8, 2, 16, bias=False, rng=0)
    assert not [path for path in bare.state_dict() if path.endswith("bias")]


def test_the_layers_of_an_encoder_start_differently_and_drop_differently():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2, rng=0)
    first, second = encoder.layers
    assert not np.array_equal(first.linear1.weight.data, second.linear1.weight.data)
    draws = [generator.random() for _, generator in encoder.named_generators()]
    assert len(draws) == len(set(draws)) == 4
    masked = encoder.eval()(X, src_key_padding_mask=np.arange(5) >= np.array([[3], [5]])).data
    np.testing.assert_allclose(masked[0, :3], encoder(X[:1, :3]).data[0], rtol=1e-4, atol=1e-5)
    assert next(iter(encoder.state_dict())) == "layers.0.self_attn.in_proj_weight"


def test_a_gpt_block_is_a_layer_with_the_norm_first_and_gelu():
    block = nn.GPTBlock(8, 2, rng=0)
    assert block.norm_first and block.linear1.out_features == 32
    assert np.array_equal(block.activation(X), gelu(X, approximate="tanh"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.MultiheadAttention(8, 3), "embed_dim 8 is not divisible by 3 heads"),
        (lambda: nn.MultiheadAttention(8, 0), "num_heads is a whole number of at least 1, got 0"),
        (lambda: attention()(X[..., :7]), r"query has shape \(2, 5, 7\), expected \(batch, time, 8\)"),
        (lambda: attention()(X, X[..., :7]), r"key has shape \(2, 5, 7\), expected \(batch, time, 8\)"),
        (lambda: attention()(X, X, X[0, 0]), r"value has shape \(8,\), expected \(batch, time, 8\)"),
        (lambda: attention(batch_first=False)(X[..., 1:]), r"expected \(time, batch, 8\)"),
        (lambda: attention()(X, attn_mask=np.ones((4, 5), bool)), r"shape \(4, 5\), expected .* to \(2, 2, 5, 5\)"),
        (lambda: attention()(X, key_padding_mask=np.ones((2, 4), bool)), r"shape \(2, 1, 1, 4\), expected .* to \(2, 2, 5"),
        (lambda: attention()(X, attn_mask=np.ones((5, 5), int)), "a mask has booleans, .* or floats to add, got int64"),
        (lambda: nn.TransformerEncoder(nn.GPTBlock(8, 2), 0), "num_layers is a whole number of at least 1, got 0"),
        (lambda: nn.TransformerEncoderLayer(8, 2, activation="relu"), "activation is a function such as np.tanh"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        call()
