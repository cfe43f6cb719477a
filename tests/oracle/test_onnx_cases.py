"""nn.load_onnx on the cases that come with the onnx wheel: its generated nodes and its exported models.

Every tensor of floats is passed as a Value, so that the recorded way is what is tested; and for every operator the
derivative of one case is compared with differences, in float64.
"""

import glob
import os
import string
import sys
from pathlib import Path

import numpy as np
import pytest

from autograd import Value
from nn.onnx import load_onnx, supported

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
sys.path.insert(0, str(Path(__file__).resolve().parent))
import onnx_cases  # noqa: E402

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]  # inf and NaN are among the cases

FLAT = {  # operators without a derivative: of whole numbers, piecewise constant, or of nothing that varies
    "And", "ArgMax", "ArgMin", "BitCast", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Ceil",
    "Constant", "ConstantOfShape", "ConvInteger", "DequantizeLinear", "Equal", "EyeLike", "Floor", "Greater",
    "GreaterOrEqual", "Hardmax", "IsInf", "IsNaN", "Less", "LessOrEqual", "MatMulInteger", "MelWeightMatrix",
    "NonMaxSuppression", "NonZero", "Not", "OneHot", "OptionalHasElement", "Or", "QLinearConv", "QLinearMatMul",
    "QuantizeLinear", "Range", "Round", "SequenceEmpty", "SequenceLength", "Shape", "Sign", "Size", "Unique", "Xor",
}  # fmt: skip
UNTESTED = {  # no case with floats of its own: met in other cases, where its results are compared
    "Cast", "CastLike", "ConcatFromSequence", "GlobalLpPool", "If", "Optional", "OptionalGetElement", "SequenceAt",
    "SequenceConstruct", "SequenceErase", "SequenceInsert", "SplitToSequence", "Trilu",
}  # fmt: skip


DEFINED = {  # operators without a block, which run as ONNX defines them
    "AffineGrid", "Attention", "CausalConvWithState", "Celu", "CenterCropPad", "DepthToSpace", "HardSwish",
    "LinearAttention", "MeanVarianceNormalization", "Mish", "NegativeLogLikelihoodLoss", "RotaryEmbedding", "Shrink",
    "SoftmaxCrossEntropyLoss", "Softsign", "SpaceToDepth", "SwiGLU", "Swish", "ThresholdedRelu",
}  # fmt: skip


def recorded(tensors):
    return [Value(x) if isinstance(x, np.ndarray) and x.dtype in (np.float32, np.float64) else x for x in tensors]


def run(model, inputs):
    results = model(*recorded(inputs))
    return results if isinstance(results, tuple) else (results,)


@pytest.mark.parametrize("letter", string.ascii_lowercase)
def test_generated_node_cases(letter):
    wrong = []
    for case in onnx_cases.node_cases():
        if case.name[len("test_")] != letter:
            continue
        onnx_cases.COUNTS["node cases"] += 1
        if why := onnx_cases.reason(case):
            onnx_cases.LEFT[why] += 1
            continue
        try:
            model = load_onnx(case.model)
            for inputs, expected in case.data_sets:
                found = run(model, onnx_cases.arrays(inputs))
                onnx_cases.agree(list(found), onnx_cases.arrays(expected), case.rtol, case.atol)
        except Exception as mistake:
            wrong.append(f"{case.name}: {type(mistake).__name__}: {mistake}")
        else:
            onnx_cases.PASSED["node cases"] += 1
    assert wrong == []


@pytest.mark.parametrize("kind", ["pytorch-converted", "pytorch-operator", "simple"])
def test_exported_models(kind):
    wrong = []
    for path in sorted(glob.glob(os.path.join(onnx_cases.folder(), kind, "*", "model.onnx"))):
        name = os.path.basename(os.path.dirname(path))
        onnx_cases.COUNTS[kind] += 1
        operators = {node.op_type for node in onnx.load(path).graph.node}
        if "strnorm" in name or operators & onnx_cases.LEFT_OUT.keys():
            onnx_cases.LEFT[onnx_cases.LEFT_OUT[next(iter(operators & onnx_cases.LEFT_OUT.keys()))]] += 1
            continue
        try:
            model = load_onnx(path)
            for data in glob.glob(os.path.join(os.path.dirname(path), "test_data_set_*")):
                inputs, expected = ([onnx_cases.tensor(os.path.join(data, f"{what}_{i}.pb"))
                                     for i in range(len(glob.glob(os.path.join(data, f"{what}_*.pb"))))]
                                    for what in ("input", "output"))  # fmt: skip
                onnx_cases.agree(list(run(model, inputs)), expected)
        except Exception as mistake:
            wrong.append(f"{name}: {type(mistake).__name__}: {mistake}")
        else:
            onnx_cases.PASSED[kind] += 1
    assert wrong == []


LIGHT = sorted(glob.glob(os.path.join(onnx_cases.folder(), "light", "*.onnx")))


@pytest.mark.parametrize("path", LIGHT, ids=os.path.basename)
def test_light_models(path):
    """Classifiers whose weights are all one number, made in the graph: the shapes of real networks, quickly."""
    onnx_cases.COUNTS["light"] += 1
    model = load_onnx(path)
    ((_, dtype, shape),) = model.inputs
    x = (np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)).astype(dtype)
    onnx_cases.agree(model(x), onnx_cases.tensor(path.removesuffix(".onnx") + "_output_0.pb"))
    onnx_cases.PASSED["light"] += 1


def example(operator):
    """(the node, its case) of the first case with this operator alone, among whose inputs and outputs are floats."""
    for case in onnx_cases.node_cases():
        nodes = case.model.graph.node
        if [node.op_type for node in nodes] != [operator] or onnx_cases.reason(case):
            continue
        inputs, outputs = map(onnx_cases.arrays, case.data_sets[0])
        floats = [
            [getattr(x, "dtype", None) in (np.float32, np.float64) for x in tensors] for tensors in (inputs, outputs)
        ]
        if any(floats[0]) and any(floats[1]) and sum(np.size(x) for x in inputs if type(x) is not list) < 50_000:
            return nodes[0], case.model, inputs
    raise LookupError(f"no case of {operator} with floats")


@pytest.mark.parametrize("operator", sorted({*supported(), *DEFINED} - FLAT - UNTESTED))
def test_derivative_along_a_direction(operator):
    node, model, inputs = example(operator)
    rng = np.random.default_rng(list(operator.encode()))
    model = load_onnx(model, dtype=np.float64)
    plain = {i for node in model.graph.nodes for i in node.compute.plain}
    places = {name: i for i, name in enumerate(node.input)}
    base, along = [], []
    for (name, dtype, _), x in zip(model.inputs, inputs, strict=True):
        varies = dtype == np.float64 and places[name] not in plain
        x = x if dtype is None else x.astype(dtype)
        base.append(x + 0.01 * rng.uniform(0.1, 1.0, x.shape) if varies else x)  # away from kinks at whole numbers
        along.append(rng.normal(size=x.shape) if varies else None)
    weights = {}

    def total(xs):
        out = 0.0
        results = model(*xs)
        for i, y in enumerate(results if isinstance(results, tuple) else (results,)):
            if isinstance(y, Value) or getattr(y, "dtype", None) == np.float64:
                out = out + np.sum(y * weights.setdefault(i, rng.normal(size=np.shape(y))))
        return out

    values = [x if d is None else Value(x) for x, d in zip(base, along, strict=True)]
    total(values).backward()
    slope = sum(np.sum(v.grad * d) for v, d in zip(values, along, strict=True) if d is not None and v.has_grad)
    step = 1e-6

    def moved(by):
        return float(total([x if d is None else x + by * d for x, d in zip(base, along, strict=True)]))

    np.testing.assert_allclose(slope, (moved(step) - moved(-step)) / (2 * step), rtol=1e-5, atol=1e-7)
