"""Numbers of an ONNX file as NumPy has them."""

from typing import Any

import numpy as np

from autograd.value import Value
from nn.onnx.operators import OnnxError

__all__ = ["astype", "data_of", "dtype_of", "is_float", "shape_of"]


def dtype_of(code: int, precision: Any = None) -> Any:
    """NumPy's dtype for ONNX's number of an element type; `precision` takes the place of FLOAT if it is given.

    bfloat16, float8 and int4 are those of ml_dtypes, which comes with the onnx package. Raises OnnxError for strings.
    """
    import onnx

    if code == onnx.TensorProto.FLOAT and precision is not None:
        return np.dtype(precision)
    try:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(code))
    except (KeyError, TypeError):
        raise OnnxError(f"element type {code} is none that ONNX has") from None
    if dtype.hasobject:
        raise OnnxError("strings are not numbers: tensors of strings cannot be read")
    return dtype


def is_float(x: Any) -> bool:
    """Whether x is a tensor of numbers with derivatives."""
    return isinstance(x, Value) or getattr(x, "dtype", np.dtype(bool)).kind in "fc"


def astype(x: Any, dtype: Any) -> Any:
    """x in another dtype; a Value that becomes whole numbers or booleans is plain."""
    dtype = np.dtype(dtype)
    if x.dtype == dtype:
        return x
    if dtype.kind in "fc" and not isinstance(x, np.generic):
        return np.astype(x, dtype)
    return data_of(x).astype(dtype)


def data_of(x: Any) -> Any:
    """The plain numbers of a Value or an array."""
    return x.data if isinstance(x, Value) else x


def shape_of(x: Any) -> tuple[int, ...]:
    """A tensor of lengths, axes or the like as a tuple of Python integers; () for None."""
    return () if x is None else tuple(np.asarray(data_of(x)).reshape(-1).tolist())
