"""The generated node cases inside the onnx wheel, and which of them are left out, why."""

import functools
import os
import warnings
from collections import Counter

import numpy as np
import onnx

from autograd import Value

# kind of case → how many there are, and passed; reason → how many are left out: the last lines of a test run say them
COUNTS, PASSED, LEFT = Counter(), Counter(), Counter()

NUMBERS_ONLY = "strings are not numbers"
LEFT_OUT = {  # operator → why
    "RegexFullMatch": NUMBERS_ONLY, "StringConcat": NUMBERS_ONLY, "StringNormalizer": NUMBERS_ONLY,
    "StringSplit": NUMBERS_ONLY, "TfIdfVectorizer": "counts of n-grams of text",
    "Bernoulli": "draws random numbers", "RandomUniformLike": "draws random numbers",
    "ImageDecoder": "decodes image files", "DeformConv": "no layer of ours needs it",
    "ArrayFeatureExtractor": "domain ai.onnx.ml", "Binarizer": "domain ai.onnx.ml", "LabelEncoder": "domain ai.onnx.ml",
    "TreeEnsemble": "domain ai.onnx.ml",
    "Adagrad": "an optimiser as a node", "Adam": "an optimiser as a node", "Momentum": "an optimiser as a node",
    "Gradient": "a derivative as a node; ours are taken outside of the graph",
}  # fmt: skip


def reason(case):
    """Why a case is left out, '' if it is not."""
    operators = {node.op_type for node in case.model.graph.node}
    types = {value.type.tensor_type.elem_type for value in (*case.model.graph.input, *case.model.graph.output)}
    for operator in operators & LEFT_OUT.keys():
        return LEFT_OUT[operator]
    if onnx.TensorProto.STRING in types:
        return NUMBERS_ONLY
    if onnx.TensorProto.BFLOAT16 in types and not operators <= {"Cast", "CastLike", "BitCast"}:
        return "bfloat16, in which NumPy does not compute"
    if case.name.startswith("test_training_dropout") and "zero_ratio" not in case.name:
        return "draws random numbers"
    return ""


def arrays(tensors):
    """Inputs or outputs of a case, some of which are messages."""
    return [onnx.numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else x for x in tensors]


@functools.cache
def node_cases():
    """All generated node cases."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # making them, the onnx package divides by zero
        return load_model_tests(kind="node")


def folder():
    """Where the wheel keeps its models."""
    return os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data")


def tensor(path):
    """The array, or list of arrays, in a file of the wheel."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(content))
    except Exception:
        return [onnx.numpy_helper.to_array(x) for x in onnx.SequenceProto.FromString(content).tensor_values]


def agree(found, expected, rtol=1e-3, atol=1e-7):
    """The same structure, dtypes, shapes and, within the case's tolerance, numbers."""
    if isinstance(expected, list):
        assert isinstance(found, list) and len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            agree(one, other, rtol, atol)
        return
    found, expected = np.asarray(found.data if isinstance(found, Value) else found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if found.dtype.kind == "V":
        found, expected = found.astype(np.float32), expected.astype(np.float32)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)
