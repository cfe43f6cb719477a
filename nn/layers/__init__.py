"""Layers, one topic a file: neuron (Neuron, Layer, MLP), linear, container, convolution, pooling, norm, dropout,
embedding, recurrent, attention.
"""

from nn.layers.attention import (
    GPTBlock,
    MultiheadAttention,
    TransformerEncoder,
    TransformerEncoderLayer,
    attention_weights,
    scaled_dot_product_attention,
)
from nn.layers.container import Flatten, Identity, Residual, Sequential
from nn.layers.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from nn.layers.dropout import Dropout, Dropout2d
from nn.layers.embedding import Embedding
from nn.layers.linear import Linear
from nn.layers.neuron import MLP, Layer, Neuron
from nn.layers.norm import BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm1d, InstanceNorm2d, LayerNorm, RMSNorm
from nn.layers.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    MaxPool1d,
    MaxPool2d,
)
from nn.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell

__all__ = [
    "GRU", "LSTM", "MLP", "RNN", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AvgPool1d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d",
    "Dropout", "Dropout2d", "Embedding", "Flatten", "GPTBlock", "GRUCell", "GroupNorm", "Identity", "InstanceNorm1d",
    "InstanceNorm2d", "LSTMCell", "Layer", "LayerNorm", "Linear", "MaxPool1d", "MaxPool2d", "MultiheadAttention", "Neuron",
    "RMSNorm", "RNNCell", "Residual", "Sequential", "TransformerEncoder", "TransformerEncoderLayer", "attention_weights",
    "scaled_dot_product_attention",
]  # fmt: skip
