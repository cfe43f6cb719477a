"""Pictures of a network: its neurons and weights."""

from nn.viz.network import NetworkDrawing, network

__all__ = ["NetworkDrawing", "network"]
