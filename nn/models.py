"""Ready models: networks that people start from, each a few lines of layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.errors import ArgumentError
from autograd.ops import relu
from nn.init import Rng
from nn.layers import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, Sequential

__all__ = ["CNN"]


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
