"""Models to files of other formats: onnx.

Files in reading order: model (from a Module to a file), record (what one forward pass did), builder (nodes, names and
constants of the graph), then the blocks of the table: elementwise, arrays, layers,
recurrent.
"""

from nn.export import arrays, elementwise, layers, recurrent
from nn.export.model import export as onnx

__all__ = ["onnx"]

_BLOCKS = (arrays, elementwise, layers, recurrent)
