"""Layers, one topic a file: neuron (Neuron, Layer, MLP), linear, container."""

from nn.layers.container import Sequential
from nn.layers.linear import Linear
from nn.layers.neuron import MLP, Layer, Neuron

__all__ = ["MLP", "Layer", "Linear", "Neuron", "Sequential"]
