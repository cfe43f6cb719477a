"""RNN, GRU, LSTM, attention and a GPT equal JAX, values and gradients in float64; the recurrent ones ONNX's operators too.

In JAX each is written from PyTorch's documented formulas: torch.nn.RNN, GRU, LSTM, MultiheadAttention and
TransformerEncoderLayer, with jax.lax.scan over the steps.
"""

import numpy as np
import pytest

import nn
from autograd import Value
from autograd.ops import relu

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp, jnn = jax.numpy, jax.nn
pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]
QUICKLY = {"xla_backend_optimization_level": 0}  # most of the time here is compiling


def redrawn(layer):
    """The layer with every parameter N(0, 0.5²), biases and norms too."""
    rng = np.random.default_rng(3)
    for p in layer.parameters():
        p.data = rng.normal(0.0, 0.5, p.shape)
    return layer


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10 * max(1.0, np.abs(theirs).max(initial=0.0)))


def agree(layer, theirs, *xs):
    """Outputs and gradients of layer(*xs) and theirs(parameters, *xs), by parameters and inputs."""
    rng = np.random.default_rng(4)
    moving = [Value(x) for x in xs]
    outs = jax.tree.leaves(layer(*moving), is_leaf=lambda x: isinstance(x, Value))
    weights = [rng.normal(size=out.shape) for out in outs]
    sum(np.sum(np.sin(out) * w) for out, w in zip(outs, weights, strict=True)).backward()

    def loss(p, *xs):
        found = jax.tree.leaves(theirs(p, *xs))
        return sum(jnp.sum(jnp.sin(out) * w) for out, w in zip(found, weights, strict=True)), found

    argnums = tuple(range(len(xs) + 1))
    run = jax.jit(jax.grad(loss, argnums, has_aux=True), compiler_options=QUICKLY)
    (slopes, *more), values = run({path: p.data for path, p in layer.named_parameters()}, *xs)
    for ours, value in zip(outs, values, strict=True):
        close(ours.data, value)
    for path, p in layer.named_parameters():
        close(p.grad, slopes[path])
    for x, slope in zip(moving, more, strict=True):
        close(x.grad, slope)


# recurrent layers


def rnn(a, b, state, activation=jnp.tanh):
    return (activation(a + b),)


def gru(a, b, state):
    ar, az, an = jnp.split(a, 3, -1)
    br, bz, bn = jnp.split(b, 3, -1)
    r, z = jnn.sigmoid(ar + br), jnn.sigmoid(az + bz)
    n = jnp.tanh(an + r * bn)
    return ((1.0 - z) * n + z * state[0],)


def lstm(a, b, state):
    i, f, g, o = jnp.split(a + b, 4, -1)
    c = jnn.sigmoid(f) * state[1] + jnn.sigmoid(i) * jnp.tanh(g)
    return jnn.sigmoid(o) * jnp.tanh(c), c


STEPS = {nn.RNN: rnn, nn.GRU: gru, nn.LSTM: lstm}


def scanned(step, p, suffix, x, begin, lengths):
    """One direction of one layer: x (batch, time, features) → hidden states, last state. A reverse one is turned about."""
    time = jnp.arange(x.shape[1])
    turned = jnp.where(time < lengths[:, None], lengths[:, None] - 1 - time, time)  # each sequence from its own end
    back = suffix.endswith("reverse")
    x = jnp.take_along_axis(x, turned[..., None], 1) if back else x

    def one(state, given):
        x, t = given
        a = x @ p[f"weight_ih_{suffix}"].T + p[f"bias_ih_{suffix}"]
        b = state[0] @ p[f"weight_hh_{suffix}"].T + p[f"bias_hh_{suffix}"]
        going = (t < lengths)[:, None]
        after = tuple(jnp.where(going, new, old) for new, old in zip(step(a, b, state), state, strict=True))
        return after, jnp.where(going, after[0], 0.0)

    last, hidden = jax.lax.scan(one, begin, (x.swapaxes(0, 1), time))
    hidden = hidden.swapaxes(0, 1)
    return jnp.take_along_axis(hidden, turned[..., None], 1) if back else hidden, last


def layered(layer, step, p, x, begin, lengths):
    ends = []
    for i in range(layer.num_layers):
        sides = []
        for suffix in [f"l{i}", f"l{i}_reverse"][: 1 + layer.bidirectional]:
            state = tuple(part[len(ends)] for part in begin)
            hidden, last = scanned(step, p, suffix, x, state, lengths)
            sides.append(hidden)
            ends.append(last)
        x = jnp.concatenate(sides, -1)
    return x, [jnp.stack(part) for part in zip(*ends, strict=True)]


@pytest.mark.parametrize(("lengths", "bidirectional"), [(None, False), ([3, 6, 1, 4], True)])
@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.__name__)
def test_recurrent_layers(kind, lengths, bidirectional):
    layer = redrawn(kind(3, 5, num_layers=2, bidirectional=bidirectional, rng=0, dtype=np.float64))
    rng, cells = np.random.default_rng(5), len(layer.cells)
    x, *begin = (rng.normal(size=shape) for shape in [(4, 6, 3)] + [(cells, 4, 5)] * (2 if kind is nn.LSTM else 1))
    full = np.array([6] * 4 if lengths is None else lengths)

    def ours(x, *begin):
        return layer(x, begin if kind is nn.LSTM else begin[0], lengths=lengths)

    ours.named_parameters = layer.named_parameters
    agree(ours, lambda p, x, *begin: layered(layer, STEPS[kind], p, x, begin, full), x, *begin)


def test_a_recurrent_layer_with_relu():
    layer = redrawn(nn.RNN(3, 5, activation=relu, rng=0, dtype=np.float64))
    x, begin = np.random.default_rng(5).normal(size=(4, 6, 3)), (jnp.zeros((1, 4, 5)),)
    step = lambda a, b, state: rnn(a, b, state, jnn.relu)
    agree(layer, lambda p, x: layered(layer, step, p, x, begin, np.full(4, 6)), x)


# attention


def attended(q, k, v, mask=True, bias=0.0, is_causal=False):
    """(batch, time, heads, size) of each → as q. As jax.nn.dot_product_attention, whose softmax is always in float32."""
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5 + bias
    mask = mask & jnp.tri(*scores.shape[-2:], dtype=bool) if is_causal else mask
    return jnp.einsum("bhqk,bkhd->bqhd", jnn.softmax(jnp.where(mask, scores, -jnp.inf)), v)


def multihead(p, heads, q, k, v, prefix="", attended=attended, **options):
    weights, biases = (jnp.split(p[f"{prefix}in_proj_{name}"], 3) for name in ("weight", "bias"))
    mapped = [x @ w.T + b for x, w, b in zip((q, k, v), weights, biases, strict=True)]
    out = attended(*(x.reshape(*x.shape[:-1], heads, -1) for x in mapped), **options)
    return out.reshape(*out.shape[:2], -1) @ p[f"{prefix}out_proj.weight"].T + p[f"{prefix}out_proj.bias"]


PADDED = np.arange(5) >= np.array([[3], [5], [1]])
HIDDEN = np.random.default_rng(0).random((4, 5)) < 0.4
HIDDEN[:, 0] = False
ADDED = np.random.default_rng(1).normal(size=(4, 5))
MASKS = {
    "none": ({}, {}),
    "padding": ({"key_padding_mask": PADDED}, {"mask": ~PADDED[:, None, None, :]}),
    "booleans": ({"attn_mask": HIDDEN}, {"mask": ~HIDDEN[None, None]}),
    "floats": ({"attn_mask": ADDED}, {"bias": ADDED[None, None]}),
    "all": (
        {"attn_mask": ADDED, "key_padding_mask": PADDED, "causal": True},
        {"bias": ADDED[None, None], "mask": ~PADDED[:, None, None, :], "is_causal": True},
    ),
}


@pytest.mark.parametrize("name", MASKS)
def test_attention_to_other_keys(name):
    mine, theirs = MASKS[name]
    layer = redrawn(nn.MultiheadAttention(6, 2, rng=0, dtype=np.float64))
    rng = np.random.default_rng(6)
    q, k, v = (rng.normal(size=shape) for shape in ((3, 4, 6), (3, 5, 6), (3, 5, 6)))

    def ours(q, k, v):
        return layer(q, k, v, need_weights=False, **mine)[0]

    ours.named_parameters = layer.named_parameters
    agree(ours, lambda p, q, k, v: multihead(p, 2, q, k, v, **theirs), q, k, v)
    p = {path: p.data for path, p in layer.named_parameters()}
    jaxs = multihead(p, 2, q, k, v, attended=jnn.dot_product_attention, **theirs)
    np.testing.assert_allclose(ours(q, k, v).data, jaxs, rtol=1e-5, atol=1e-6)  # its softmax is in float32


def normed(p, name, x):
    mean, var = jnp.mean(x, -1, keepdims=True), jnp.var(x, -1, keepdims=True)
    return (x - mean) / jnp.sqrt(var + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def encoder_layer(p, heads, activation, norm_first, x, prefix="", **options):
    def feed(x):
        h = activation(x @ p[f"{prefix}linear1.weight"].T + p[f"{prefix}linear1.bias"])
        return h @ p[f"{prefix}linear2.weight"].T + p[f"{prefix}linear2.bias"]

    def attend(x):
        return multihead(p, heads, x, x, x, f"{prefix}self_attn.", **options)

    if norm_first:
        x = x + attend(normed(p, f"{prefix}norm1", x))
        return x + feed(normed(p, f"{prefix}norm2", x))
    x = normed(p, f"{prefix}norm1", x + attend(x))
    return normed(p, f"{prefix}norm2", x + feed(x))


@pytest.mark.parametrize("norm_first", [False, True])
def test_transformer_encoder_layers(norm_first):
    layer = nn.TransformerEncoderLayer(
        6, 2, 7, dropout=0.0, activation=np.tanh, norm_first=norm_first, rng=0, dtype=np.float64
    )
    x, mask = np.random.default_rng(7).normal(size=(3, 5, 6)), {"mask": ~PADDED[:, None, None, :]}

    def ours(x):
        return layer(x, src_key_padding_mask=PADDED)

    ours.named_parameters = redrawn(layer).named_parameters
    agree(ours, lambda p, x: encoder_layer(p, 2, jnp.tanh, norm_first, x, **mask), x)


@pytest.mark.parametrize("tied", [False, True])
def test_gpt(tied):
    model = redrawn(nn.models.GPT(11, 8, 2, 2, 6, dropout=0.0, tied=tied, rng=0, dtype=np.float64))
    tokens = np.random.default_rng(8).integers(0, 11, (3, 7))

    def theirs(p):
        x = p["token.weight"][tokens] + p["position.weight"][:7]
        for i in range(2):
            x = encoder_layer(p, 2, jnn.gelu, True, x, f"blocks.{i}.", is_causal=True)
        return normed(p, "norm", x) @ p["token.weight" if tied else "head.weight"].T

    def ours():
        return model(tokens)

    ours.named_parameters = model.named_parameters
    agree(ours, theirs)


# ONNX


def onnx_order(array, kind, hidden):
    """Rows of PyTorch's gates, i f g o and r z n, in ONNX's order, i o f g and z r n."""
    parts = array.reshape(-1, hidden, *array.shape[1:])
    return parts[{nn.RNN: [0], nn.GRU: [1, 0, 2], nn.LSTM: [0, 3, 1, 2]}[kind]].reshape(array.shape)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.__name__)
def test_onnx_operators(kind, bidirectional):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    from onnx.reference import ReferenceEvaluator

    layer = redrawn(kind(3, 5, batch_first=False, bidirectional=bidirectional, rng=0, dtype=np.float64))
    rng, state, directions = np.random.default_rng(9), layer.state_dict(), len(layer.cells)
    x, begin = rng.normal(size=(6, 4, 3)), [rng.normal(size=(directions, 4, 5)) for _ in range(1 + (kind is nn.LSTM))]
    sides = [""] if not bidirectional else ["", "_reverse"]

    def of(name):
        return np.stack([onnx_order(state[f"{name}_l0{side}"], kind, 5) for side in sides])

    feeds = {"X": x, "W": of("weight_ih"), "R": of("weight_hh")}
    feeds["B"] = np.concatenate([of("bias_ih"), of("bias_hh")], axis=1)
    feeds |= dict(zip(("h", "c"), begin, strict=False))
    options = {"hidden_size": 5, "direction": "bidirectional" if bidirectional else "forward"}
    options |= {"linear_before_reset": 1} if kind is nn.GRU else {}
    names = ["Y", "Y_h", "Y_c"][: 1 + len(begin)]
    node = onnx.helper.make_node(kind.__name__, ["X", "W", "R", "B", "", *list(feeds)[4:]], names, **options)
    double = lambda name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, None)
    graph = onnx.helper.make_graph([node], "one", [double(name) for name in feeds], [double(name) for name in names])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)])
    hidden, *last = ReferenceEvaluator(model).run(None, feeds)
    output, end = layer(x, tuple(begin) if kind is nn.LSTM else begin[0])
    close(output.data, hidden.transpose(0, 2, 1, 3).reshape(6, 4, -1))
    for ours, theirs in zip(end if kind is nn.LSTM else (end,), last, strict=True):
        close(ours.data, theirs)
