"""Ready models: networks that people start from, each a few lines of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autograd.context import no_grad
from autograd.errors import ArgumentError, ShapeError
from autograd.ops import relu
from nn.checks import not_negative, whole
from nn.init import Rng, generator, streams
from nn.layers import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    GPTBlock,
    LayerNorm,
    Linear,
    MaxPool2d,
    Sequential,
)
from nn.module import Module
from nn.state import preserved

__all__ = ["CNN", "GPT"]


class CNN(Sequential):
    """Convolutional network for small images, (batch, *shape) → (batch, classes) logits.

    shape     (channels, height, width) of an image
    classes   number of outputs
    channels  of each stage: a 3 × 3 convolution, batch norm, relu, and pooling that halves height and width
    dropout   share of the last features that is left out in training
    rng       seed or Generator; each layer's start, and the dropout, depend on it and on the layer's path only

    After LeNet (LeCun et al. 1998), with what came later: relu, max pooling, batch norm, dropout.
    """

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        channels: Sequence[int] = (32, 64),
        *,
        dropout: float = 0.25,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if len(shape) != 3 or min(*shape[1:]) < 2 ** len(channels):
            raise ArgumentError(
                f"CNN: shape={tuple(shape)}, expected (channels, height, width) with at least {2 ** len(channels)} pixels "
                f"each way, since each of the {len(channels)} stages halves them"
            )
        layers: list[Any] = []
        before = shape[0]
        for after in channels:
            convolution = Conv2d(before, after, 3, padding="same", bias=False, dtype=dtype)
            layers += [convolution, BatchNorm2d(after, dtype=dtype), relu, MaxPool2d(2)]
            before = after
        height, width = (length // 2 ** len(channels) for length in shape[1:])
        last = Linear(before * height * width, classes, dtype=dtype)
        super().__init__(*layers, Flatten(), Dropout(dropout), last, rng=rng)


class GPT(Module):
    """Decoder-only transformer: from the tokens so far, at each position, logits of the next one.

    vocabulary  number of different tokens
    context     most tokens that it looks back on, each place with a learned vector of its own
    layers      GPTBlocks in a row
    heads       of each block's attention, a divisor of width
    width       features of a token inside
    dropout     on the embeddings and in the blocks
    tied        the head's weight is the token embedding's, as in GPT-2: one parameter, counted and updated once

    tokens (batch, time) → logits (batch, time, vocabulary). Weights start N(0, 0.02²), biases at 0; the two maps of each
    block that add to the stream start at 1/√(2 · layers) of that, so that the sum of all blocks does not grow with their
    number.
    Source: Radford et al. 2019, §2.3; 0.02 is from Radford et al. 2018.
    """

    def __init__(
        self,
        vocabulary: int,
        context: int,
        layers: int,
        heads: int,
        width: int,
        *,
        dropout: float = 0.1,
        tied: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.vocabulary, self.context = whole("vocabulary", vocabulary), whole("context", context)
        self.token = Embedding(vocabulary, width, rng=0, dtype=dtype)
        self.position = Embedding(context, width, rng=0, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.blocks = [GPTBlock(width, heads, dropout, rng=0, dtype=dtype) for _ in range(whole("layers", layers))]
        self.norm = LayerNorm(width, dtype=dtype)
        self.head = Linear(width, vocabulary, bias=False, rng=0, dtype=dtype)
        if tied:
            self.head.weight = self.token.weight
        self.initialize(rng)

    def initialize(self, rng: Rng = None) -> GPT:
        """Draw every parameter anew, matrices as above; returns the model."""
        rng = generator(rng)
        super().initialize(rng)
        stream = streams(rng)
        for path, parameter in self.named_parameters():
            if parameter.ndim == 2:
                adds = path.endswith(("out_proj.weight", "linear2.weight"))
                std = 0.02 * (2 * len(self.blocks)) ** -0.5 if adds else 0.02
                parameter.data = stream(path).normal(0.0, std, parameter.shape).astype(parameter.dtype)
        return self

    def forward(self, tokens: Any) -> Any:
        """tokens (batch, time) or (time,), whole numbers below vocabulary → logits (batch, time, vocabulary)."""
        time = np.shape(tokens)[-1]
        if time > self.context:
            raise ShapeError(f"{time} tokens are more than the context of {self.context}: give tokens[..., -context:]")
        x = self.dropout(self.token(tokens) + self.position(np.arange(time)))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def generate(
        self, tokens: Any, count: int, *, temperature: float = 1.0, top_k: int | None = None, rng: Rng = None
    ) -> NDArray[Any]:
        """tokens (…, time) followed by `count` more, each drawn from the model's distribution after those before it.

        temperature  divides the logits: below 1 likely tokens become likelier, 0 always takes the likeliest
        top_k        draw from the k likeliest only
        rng          seed or Generator of the draws

        Runs in evaluation mode and records nothing; the model's mode and state are afterwards as before.
        """
        temperature, count = not_negative("generate: temperature", temperature), whole("generate: count", count, 0)
        if top_k is not None and not 1 <= top_k <= self.vocabulary:
            raise ArgumentError(f"generate: top_k is 1 … {self.vocabulary}, got {top_k}")
        rng = generator(rng)
        sequence: NDArray[Any] = np.asarray(tokens)
        if sequence.dtype.kind not in "iu" or not sequence.ndim or not sequence.shape[-1]:
            raise ArgumentError(
                f"generate: tokens are {sequence.dtype} of shape {sequence.shape}, expected (…, time) whole numbers, at "
                "least one in each row to begin with"
            )
        with preserved(self), no_grad():
            self.eval()
            for _ in range(count):
                logits = self(sequence[..., -self.context :]).data[..., -1, :]
                new = _pick(logits, temperature, top_k, rng)
                sequence = np.concatenate([sequence, new[..., None]], axis=-1)
        return sequence

    def describe(self) -> str:
        first = self.blocks[0]
        heads, width = first.self_attn.num_heads, first.self_attn.embed_dim
        return f"{self.vocabulary}, {self.context}, {len(self.blocks)}, {heads}, {width}"


def _pick(logits: NDArray[Any], temperature: float, top_k: int | None, rng: np.random.Generator) -> Any:
    """A class for each row of logits (…, classes). The largest of logits / temperature + Gumbel noise is a draw from their
    softmax (Gumbel 1954)."""
    if top_k is not None:
        least = np.partition(logits, -top_k, axis=-1)[..., -top_k, None]
        logits = np.where(logits < least, -np.inf, logits)
    noise = rng.gumbel(size=logits.shape)
    return np.argmax(logits + temperature * noise, axis=-1)
