"""Attention: every position of a sequence asks all others, and takes a weighted mean of what they have to say.

    weights = softmax(q kᵀ / √d)           a row for each query: how much it attends to each key
    out     = weights @ v                  the mean of the values with these weights

A query is compared with each key by their dot product; √d keeps its variance at 1 for vectors of length d, else softmax
would pick one key and have no slope. `MultiheadAttention` does this several times side by side, each head in a narrower
space of its own; a `TransformerEncoderLayer` follows it by a small network at each position, both added to what comes in;
a `GPTBlock` is such a layer that looks only back.

Source: Vaswani et al. 2017, arXiv 1706.03762.
"""

from __future__ import annotations

import copy
import functools
import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.data import as_array, as_dtype
from autograd.errors import ArgumentError, ShapeError
from autograd.ops import gelu, linear, relu, softmax
from autograd.value import Value
from nn.checks import Activation, function, whole
from nn.init import Rng, variance_scaling
from nn.layers.dropout import Dropout
from nn.layers.linear import Linear
from nn.layers.neuron import activated
from nn.layers.norm import LayerNorm
from nn.module import Module, Parameter
from nn.outline import function_name, options

__all__ = [
    "GPTBlock",
    "MultiheadAttention",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "attention_weights",
    "scaled_dot_product_attention",
]


def scaled_dot_product_attention(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
    """softmax(q kᵀ / √d) @ v: q (…, queries, d), k (…, keys, d), v (…, keys, e) → (…, queries, e).

    mask, causal  what a query does not see, as attention_weights has it; a query that sees nothing gives 0

    >>> scaled_dot_product_attention(np.zeros((2, 4)), np.zeros((2, 4)), np.array([[1.0], [3.0]]), causal=True)
    array([[1.],
           [2.]])
    """
    return np.matmul(attention_weights(q, k, mask, causal), v)


def attention_weights(q: Any, k: Any, mask: Any = None, causal: bool = False) -> Any:
    """softmax(q kᵀ / √d) over the keys: q (…, queries, d), k (…, keys, d) → (…, queries, keys), rows that sum to 1.

    mask    broadcasts to (…, queries, keys); booleans: True where a key is hidden from a query, as in
            MultiheadAttention (PyTorch's scaled_dot_product_attention has it the other way round); floats are added to
            q kᵀ / √d, and −inf hides
    causal  query i sees keys 0 … i only

    The row of a query from which every key is hidden is 0, not NaN.
    """
    scores = np.matmul(q * np.shape(q)[-1] ** -0.5, np.swapaxes(k, -1, -2))  # q is smaller than the scores
    future = _future(*scores.shape[-2:], scores.dtype) if causal else None
    if mask is None:
        return softmax(scores if future is None else scores + future)
    hidden = _additive(mask, scores.dtype)
    if not _broadcasts(hidden.shape, scores.shape):
        raise ShapeError(f"the mask has shape {hidden.shape}, expected one that broadcasts to {scores.shape}")
    hidden = hidden if future is None else hidden + future
    blind = np.max(hidden, axis=-1, keepdims=True) == -math.inf
    return np.where(blind, 0.0, softmax(scores + np.where(blind, 0.0, hidden)))


@functools.lru_cache(maxsize=32)
def _future(queries: int, keys: int, dtype: Any) -> Any:
    """(queries, keys): 0 where a key is not later than the query, −inf where it is."""
    future = np.where(np.tri(queries, keys, dtype=bool), dtype.type(0.0), dtype.type(-math.inf))
    future.flags.writeable = False
    return future


def _additive(mask: Any, dtype: Any) -> Any:
    """A mask as numbers to be added to the scores: −inf for True, 0 for False; floats as they are."""
    mask = mask if isinstance(mask, Value) else as_array(mask)
    if mask.dtype == bool:
        return np.where(mask, dtype.type(-math.inf), dtype.type(0.0))
    if mask.dtype.kind != "f":
        raise ArgumentError(f"a mask has booleans, True where a key is hidden, or floats to add, got {mask.dtype}")
    return mask if isinstance(mask, Value) else as_dtype(mask, dtype)


def _broadcasts(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    return len(shape) <= len(whole) and all(a in (1, b) for a, b in zip(shape[::-1], whole[::-1], strict=False))


class MultiheadAttention(Module):
    """Attention in several heads, each in its own space of embed_dim / num_heads dimensions, joined by a linear map.

    embed_dim    features of query, key, value and output
    num_heads    a divisor of embed_dim
    dropout      share of the weights that is dropped in training
    bias         False leaves out in_proj_bias and out_proj.bias
    batch_first  inputs are (batch, time, features), as everything in nn has the batch first; PyTorch's default is False

    in_proj_weight (3 · embed_dim, embed_dim) makes queries, keys and values, in this order and for all heads, in one
    product; it starts N(0, 1 / embed_dim), as Linear does, biases at 0. PyTorch's kdim, vdim, add_bias_kv and add_zero_attn
    are not there.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = True,
        *,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.embed_dim, self.num_heads = whole("embed_dim", embed_dim), whole("num_heads", num_heads)
        if embed_dim % num_heads:
            raise ArgumentError(f"MultiheadAttention: embed_dim {embed_dim} is not divisible by {num_heads} heads")
        self.batch_first = batch_first
        self.in_proj_weight = Parameter.zeros((3 * embed_dim, embed_dim), dtype)
        self.in_proj_bias = Parameter.zeros(3 * embed_dim, dtype) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, rng=0, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.initialize(rng)

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """N(0, 1 / embed_dim) for the weight, 0 for the bias."""
        if name == "in_proj_bias":
            return np.zeros(3 * self.embed_dim, self.in_proj_weight.dtype)
        return variance_scaling(self.in_proj_weight.shape, rng=rng, dtype=self.in_proj_weight.dtype)

    def forward(
        self,
        query: Any,
        key: Any = None,
        value: Any = None,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        causal: bool = False,
    ) -> tuple[Any, Any]:
        """(output, weights): query (batch, queries, embed_dim), key and value (batch, keys, embed_dim) → as query.

        key, value        by default the query: attention of a sequence to itself; one sequence may come without a batch
        key_padding_mask  (batch, keys): True where a key is padding, which nobody sees; or floats to add to the scores
        attn_mask         True where a query (first axis) does not see a key, or floats to add: (queries, keys), or four
                          axes that broadcast to (batch, heads, queries, keys)
        causal            query i sees keys 0 … i only; PyTorch's is_causal is a hint beside the mask that says the same
        need_weights      give the weights too, else None: the mean over the heads, (batch, queries, keys), or, with
                          average_attn_weights=False, of each, (batch, heads, queries, keys); before dropout

        A query that sees no key has weights and values 0, so its output is out_proj.bias.
        """
        key = query if key is None else key
        q, k, v = self._heads(query, key, key if value is None else value)
        if np.ndim(attn_mask) == 3 and np.shape(attn_mask)[0] > 1 and len(q.shape) == 4:
            raise ShapeError(
                f"attn_mask has shape {np.shape(attn_mask)}, expected (queries, keys), (batch, 1, queries, keys) or "
                "(1, heads, queries, keys): of three axes the first could be either"
            )
        weights = attention_weights(q, k, self._mask(attn_mask, key_padding_mask, q.dtype), causal)
        mixed = np.swapaxes(np.matmul(self.dropout(weights), v), -2, -3)
        out = self.out_proj(np.reshape(mixed, (*mixed.shape[:-2], self.embed_dim)))
        if need_weights and average_attn_weights:
            weights = np.mean(weights, axis=-3)
        return self._swapped(out), weights if need_weights else None

    def _heads(self, query: Any, key: Any, value: Any) -> list[Any]:
        """Queries, keys and values, each (batch, heads, time, embed_dim / num_heads), of three (batch, time, embed_dim)."""
        inputs = {"query": query, "key": key, "value": value}
        for name, x in inputs.items():
            if np.ndim(x) not in (2, 3) or np.shape(x)[-1] != self.embed_dim:
                expected = (
                    f"(batch, time, {self.embed_dim})" if self.batch_first else f"(time, batch, {self.embed_dim})"
                )
                raise ShapeError(f"{name} has shape {np.shape(x)}, expected {expected}")
        leads = [np.shape(self._swapped(x))[:-1] for x in inputs.values()]
        if leads[1] != leads[2] or leads[0][:-1] != leads[1][:-1]:
            shapes = ", ".join(str(np.shape(x)) for x in inputs.values())
            raise ShapeError(
                f"query, key and value have shapes {shapes}: expected the same batch, and as many keys as values"
            )
        if query is key is value:
            whole = linear(query, self.in_proj_weight, 0.0 if self.in_proj_bias is None else self.in_proj_bias)
            projected = np.split(whole, 3, axis=-1)
        else:
            weights = np.split(self.in_proj_weight, 3)
            biases = [0.0] * 3 if self.in_proj_bias is None else np.split(self.in_proj_bias, 3)
            projected = [linear(*three) for three in zip(inputs.values(), weights, biases, strict=True)]
        size = self.embed_dim // self.num_heads
        projected = [self._swapped(x) for x in projected]
        return [np.swapaxes(np.reshape(x, (*x.shape[:-1], self.num_heads, size)), -2, -3) for x in projected]

    def _swapped(self, x: Any) -> Any:
        """(batch, time, features) as the layer was told to have them, or of those the other way round."""
        return x if self.batch_first or np.ndim(x) == 2 else np.swapaxes(x, 0, 1)

    def _mask(self, attn_mask: Any, key_padding_mask: Any, dtype: Any) -> Any:
        """Both masks as one, to be added to the scores (batch, heads, queries, keys); None if there is none."""
        if key_padding_mask is None:
            return attn_mask
        padding = np.expand_dims(_additive(key_padding_mask, dtype), (-3, -2))
        return padding if attn_mask is None else padding + _additive(attn_mask, dtype)

    def describe(self) -> str:
        bias = [] if self.in_proj_bias is not None else ["bias=False"]
        return options(self, self.embed_dim, self.num_heads, *bias, batch_first=True)


class TransformerEncoderLayer(Module):
    """Attention, then two linear layers at each position; each is added to what came in, and normalised.

        x = norm1(x + self_attn(x));  x = norm2(x + linear2(activation(linear1(x))))          as in the paper
        x = x + self_attn(norm1(x));  x = x + linear2(activation(linear1(norm2(x))))          norm_first: trains more stably

    d_model          features of input and output            nhead       heads of the attention
    dim_feedforward  features between the linear layers      dropout     on weights, activations and both sums' new parts
    activation       any function of a Value                 norm_first  Xiong et al. 2020, arXiv 2002.04745
    bias             False leaves out all biases             batch_first as in MultiheadAttention
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = True,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first, rng=0, dtype=dtype)
        self.linear1 = Linear(d_model, dim_feedforward, bias, rng=0, dtype=dtype)
        self.linear2 = Linear(dim_feedforward, d_model, bias, rng=0, dtype=dtype)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.activation, self.norm_first = function(activation), norm_first
        self.initialize(rng)

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, causal: bool = False) -> Any:
        """src (batch, time, d_model) → (batch, time, d_model); the masks and causal are those of MultiheadAttention."""

        def attend(x: Any) -> Any:
            out, _ = self.self_attn(
                x, key_padding_mask=src_key_padding_mask, need_weights=False, attn_mask=src_mask, causal=causal
            )
            return self.dropout(out)

        if self.norm_first:
            x = src + attend(self.norm1(src))
            return x + self._feed(self.norm2(x))
        x = self.norm1(src + attend(src))
        return self.norm2(x + self._feed(x))

    def _feed(self, x: Any) -> Any:
        hidden = self.dropout(activated(self.linear1(x), self.activation))
        return self.dropout(self.linear2(hidden))

    def describe(self) -> str:
        sizes = self.linear1.in_features, self.self_attn.num_heads, self.linear1.out_features
        return options(self, *sizes, f"activation={function_name(self.activation)}", norm_first=False)


class TransformerEncoder(Module):
    """num_layers layers of the same kind in a row, and a norm at their end if one is given.

    The layers are copies of encoder_layer that are drawn anew, each from its own path; PyTorch's all start equal.
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None, *, rng: Rng = None) -> None:
        self.layers = [copy.deepcopy(encoder_layer) for _ in range(whole("num_layers", num_layers))]
        self.norm = norm
        self.initialize(rng)

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, causal: bool = False) -> Any:
        """src (batch, time, d_model) → (batch, time, d_model); the masks are those of MultiheadAttention."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, causal)
        return src if self.norm is None else self.norm(src)


class GPTBlock(TransformerEncoderLayer):
    """The layer that GPT-2 is made of: each position sees itself and those before it, norm first, gelu, 4 · width inside.

    src (batch, time, width) → (batch, time, width). Source: Radford et al. 2019.
    """

    def __init__(
        self, width: int, heads: int, dropout: float = 0.1, *, rng: Rng = None, dtype: DTypeLike = np.float32
    ) -> None:
        super().__init__(width, heads, 4 * width, dropout, gelu_tanh, norm_first=True, rng=rng, dtype=dtype)

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, causal: bool = True) -> Any:
        return super().forward(src, src_mask, src_key_padding_mask, causal)

    def describe(self) -> str:
        rest = [f"dropout={self.dropout.p}"] if self.dropout.p != 0.1 else []
        return options(self, self.self_attn.embed_dim, self.self_attn.num_heads, *rest)


def gelu_tanh(x: Any) -> Any:
    """gelu by its approximation with tanh, as GPT-2 has it."""
    return gelu(x, approximate="tanh")
