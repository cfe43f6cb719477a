"""nn.export.onnx: files that onnxruntime runs to the same results, and load_onnx too.

Every op with ONNX operators is written for each of its samples, every layer for each of its cases.
"""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd import Value, no_grad, ops, tree
from autograd.primitives import registry
from nn.export.builder import TABLE

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
for folder in ("nn", "autograd"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))
import layer_case  # noqa: E402
import layer_table  # noqa: E402
import op_table  # noqa: E402

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
onnxruntime.set_default_logger_severity(3)
ops.load()


class Applied(nn.Module):
    """An op on some of its operands, the others fixed."""

    def __init__(self, op, operands, options):
        self.op, self.operands, self.options = op, operands, options

    def forward(self, *arrays):
        given = iter(arrays)
        operands = [next(given) if isinstance(x, np.ndarray) else x for x in self.operands]
        return op_table.call(self.op, operands, self.options)


def results(out):
    return [x.data if isinstance(x, Value) else x for x in tree.flatten(out)[0] if x is not None]


def check(model, arguments, path, *, batches=(), **options):
    """The file gives what the model gives, in onnxruntime and read back; for other batch sizes too."""
    model.eval()
    nn.export.onnx(model, arguments, path, **options)
    session, again = onnxruntime.InferenceSession(path), nn.load_onnx(path)
    names = [x.name for x in session.get_inputs()]
    for size in (None, *batches):
        given = arguments if size is None else tree.map(lambda x, n=size: np.resize(x, (n, *x.shape[1:])), arguments)
        with no_grad():
            expected = results(model(*given))
        feeds = dict(zip(names, [x for x in tree.flatten(given)[0] if isinstance(x, np.ndarray)], strict=True))
        for found in (session.run(None, feeds), results(again(**feeds))):
            for x, y in zip(found, expected, strict=True):
                assert (x.dtype, x.shape) == (np.result_type(y), np.shape(y))
                np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5)
    return again


def samples(name):
    """The samples of real numbers that have at least one array, and elements."""
    for sample in registry[name].samples:
        operands = sample.arrays(op_table.generator(name), np.float32)
        if any(isinstance(x, np.ndarray) for x in operands) and all(np.size(x) for x in operands):
            yield sample, operands


# what has no ONNX operator: op → what the refusal says
NO_AXES = r"Input rank must be >= 1"
REFUSED = {
    "getitem": "an index with several arrays, or a mask", "extend": "padding with mode='symmetric'",
    "dot": "more than two axes on the right", "softmax": NO_AXES, "log_softmax": NO_AXES, "tril": "rank must be >= 2",
    "triu": "rank must be >= 2", "vector_norm": r"with ord=(-?[\d.]+) ", "einsum": "ShapeInferenceError",
    **dict.fromkeys(("max", "min", "sum", "prod", "mean", "std", "var"), "a reduction with (where|mean)= "),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TABLE.keys() & registry.keys()))
def test_ops(name, tmp_path):
    written = 0
    for sample, operands in samples(name):
        model = Applied(registry[name], operands, sample.options)
        arguments = tuple(x for x in operands if isinstance(x, np.ndarray))
        try:
            check(model, arguments, tmp_path / "op.onnx", dynamic_batch=False)
        except nn.onnx.OnnxError as refusal:
            if not re.search(f"^export.onnx: .*{REFUSED.get(name, 'no refusal')}", str(refusal)):
                raise
        else:
            written += 1
    assert written


@pytest.mark.parametrize("opset", [20, 21])
@pytest.mark.parametrize(
    ("name", "number"), [(n, i) for n, cases in layer_table.CASES.items() for i in range(len(cases))]
)
def test_layers(name, number, opset, tmp_path):
    case = layer_table.CASES[name][number]
    model = case.make(0)
    arguments = tree.map(lambda x: x.data if isinstance(x, Value) else x, layer_case.arguments(case))
    lengths = {len(x) for x in tree.flatten(arguments)[0] if isinstance(x, np.ndarray)}
    again = check(model, arguments, tmp_path / "layer.onnx", opset=opset, dynamic_batch=len(lengths) == 1)
    assert again.state_dict().keys() == {path for path, _ in model.named_parameters()}


IMAGE = np.random.default_rng(0).normal(size=(1, 1, 8, 8)).astype(np.float32)
SEQUENCE = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


def convolutional():
    layers = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), ops.relu, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3)
    return nn.Sequential(*layers, rng=0)


@pytest.mark.parametrize(("make", "example"), [
    (lambda: nn.MLP(4, [5, 3], rng=0), SEQUENCE[0, :4, :1].T),
    (convolutional, IMAGE),
    (lambda: nn.models.GPT(11, 8, 2, 2, 8, rng=0), np.array([[1, 2, 3, 4, 5]])),
    (lambda: nn.LSTM(3, 4, 2, bidirectional=True, rng=0), SEQUENCE),
    (lambda: nn.GRU(3, 4, rng=0), SEQUENCE),
    (lambda: nn.RNN(3, 4, activation=ops.relu, rng=0), SEQUENCE),
], ids=["MLP", "CNN", "GPT", "LSTM", "GRU", "RNN"])  # fmt: skip
def test_models_take_any_batch(make, example, tmp_path):
    model = make()
    again = check(model, (example,), tmp_path / "model.onnx", batches=(1, 2, 7))
    assert again.parameter_count() == model.parameter_count()
    assert [shape[0] for _, _, shape in again.inputs] == [None]
