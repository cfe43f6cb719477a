"""Networks from ONNX files: load_onnx.

Files in reading order: load (the file and its Module), reader (messages → Graphs), graph (running), operators (the table),
functions (operators that ONNX defines by others), types; then the table's blocks by topic: elementwise, reduce, shape,
index, product, window, norm, recurrent, resize, signal, control, quantize.
"""

from nn.onnx import (
    control,
    elementwise,
    index,
    norm,
    product,
    quantize,
    recurrent,
    reduce,
    resize,
    shape,
    signal,
    window,
)  # fmt: skip
from nn.onnx.load import OnnxModel, load_onnx
from nn.onnx.operators import OnnxError, supported

__all__ = ["OnnxError", "OnnxModel", "load_onnx", "supported"]

_BLOCKS = (control, elementwise, index, norm, product, quantize, recurrent, reduce, resize, shape, signal, window)
