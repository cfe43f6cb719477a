"""Layers, one topic a file: neuron (Neuron, Layer, MLP), linear, container, recurrent,
attention."""

from nn.layers.container import Sequential
from nn.layers.linear import Linear
from nn.layers.neuron import MLP, Layer, Neuron
from nn.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell

__all__ = ["MLP", "Layer", "Linear", "Neuron", "Sequential"]
