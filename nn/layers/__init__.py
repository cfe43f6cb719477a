"""Layers, one topic a file: neuron (Neuron, Layer, MLP), linear, container, recurrent,
attention."""

from nn.layers.attention import (
    GPTBlock,
    MultiheadAttention,
    TransformerEncoder,
    TransformerEncoderLayer,
    attention_weights,
    scaled_dot_product_attention,
)
from nn.layers.container import Sequential
from nn.layers.linear import Linear
from nn.layers.neuron import MLP, Layer, Neuron
from nn.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell

__all__ = [
    "GRU", "LSTM", "MLP", "RNN", "GPTBlock", "GRUCell", "LSTMCell", "Layer", "Linear", "MultiheadAttention", "Neuron",
    "RNNCell", "Sequential", "TransformerEncoder", "TransformerEncoderLayer", "attention_weights",
    "scaled_dot_product_attention",
]  # fmt: skip
