"""nn.export.onnx: names, batches of any size, what it refuses, and that it leaves model and file system alone.

That the numbers are onnxruntime's is tested in tests/oracle/test_onnx_export.py.
"""

import numpy as np
import pytest

import autograd.numpy as anp
import nn
from autograd import no_grad, primitive
from autograd.errors import ArgumentError
from autograd.primitives import registry
from autograd.value import DISPATCH, data_of
from nn.onnx import OnnxError

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


class Function(nn.Module):
    """A model that is a plain function."""

    def __init__(self, function):
        self.function = function

    def forward(self, x):
        return self.function(x)


def exported(model, example, tmp_path, **options):
    nn.export.onnx(model, example, tmp_path / "model.onnx", **options)
    return nn.load_onnx(tmp_path / "model.onnx")


def agree(model, again, x):
    with no_grad():
        expected, found = data_of(model(x)), data_of(again(x))
    assert found.dtype == np.result_type(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_names_and_state_stay(tmp_path):
    model = nn.models.GPT(7, 4, 2, 2, 4, rng=0)
    again = exported(model, np.array([[1, 2, 3]]), tmp_path)
    assert again.inputs == [("tokens", np.dtype(np.int64), (None, 3))]
    assert again.outputs == ["output"]
    assert again.parameter_count() == model.parameter_count()  # the tied weight counts once
    state, found = model.state_dict(), again.state_dict()
    assert found.keys() == state.keys() - {"head.weight"}
    for path, array in found.items():
        np.testing.assert_array_equal(array, state[path])


def test_several_inputs_and_outputs(tmp_path):
    cell = nn.LSTMCell(4, 2, rng=0)
    h, c = X[:, :2], X[:, 2:]
    again = exported(cell, (X, (h, c)), tmp_path)
    assert [name for name, _, _ in again.inputs] == ["x", "state_0", "state_1"]
    assert again.outputs == ["output_0", "output_1"]
    for found, expected in zip(again(X[:2], h[:2], c[:2]), cell(X[:2], (h[:2], c[:2])), strict=True):
        np.testing.assert_allclose(found.data, expected.data, rtol=1e-5)
    alone = exported(cell, (X, None), tmp_path)
    assert [name for name, _, _ in alone.inputs] == ["x"]
    np.testing.assert_allclose(alone(X)[1].data, cell(X)[1].data, rtol=1e-5)


def test_outputs_that_no_input_reaches(tmp_path):
    again = exported(Function(lambda x: (x, np.ones(2, np.float32), 1.5, np.zeros(len(x)), None)), X, tmp_path)
    same, ones, number, zeros = again(X[:2])
    np.testing.assert_array_equal(same, X[:2])
    assert (ones.tolist(), number.tolist(), zeros.tolist()) == ([1.0, 1.0], 1.5, [0.0, 0.0])


@pytest.mark.parametrize("function", [
    lambda x: np.reshape(x, (-1,)) * 2.0,
    lambda x: np.reshape(x, (x.shape[0] * 2, 2)),
    lambda x: np.reshape(x, (2, x.shape[0], 2)) + np.ones((x.shape[0], 1), np.float32),
    lambda x: np.broadcast_to(np.sum(x), x.shape[:1]),
    lambda x: np.broadcast_to(np.sum(x), (x.shape[0] + 1, 2 * x.shape[0])),
    lambda x: np.concatenate([x, np.zeros((x.shape[0], 2), np.float32)], axis=1),
    lambda x: np.concatenate([np.ones((1, 4), np.float32), x])[: x.shape[0]],
    lambda x: x[x.shape[0] - 1] - x[-1] + x[0],
    lambda x: x[1:, None, ..., ::-2],
    lambda x: np.stack([np.argmax(x, axis=1), np.argmin(x, -1)]),
    lambda x: np.where(x > 0.5, np.exp(-x), 3.0) ** 2,
    lambda x: np.mean(x, axis=0) / np.std(x, axis=1, keepdims=True, ddof=1),
    lambda x: np.floor(x) + np.maximum(x, 0.1) * np.logical_not(x > 0),
    lambda x: x[:, np.array([2, 0])],
    lambda x: np.pad(x, ((0, 0), (1, 2))) @ np.ones((7, 2), np.float32),
])  # fmt: skip
def test_any_batch(function, tmp_path):
    model = Function(function)
    again = exported(model, X, tmp_path)
    for size in (2, 3, 6):
        agree(model, again, np.resize(X, (size, 4)) + np.arange(size, dtype=np.float32)[:, None])


def test_fixed_lengths(tmp_path):
    again = exported(nn.MLP(4, [2], rng=0), X, tmp_path, dynamic_batch=False)
    assert again.inputs[0][2] == (3, 4)
    with pytest.raises(ValueError, match=r"input 'x' has shape \(2, 4\), the model's is \(3, 4\)"):
        again(X[:2])


def test_evaluation_mode_and_constants_that_are_no_weights(tmp_path):
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4, affine=False), nn.Dropout(0.9), rng=0)
    model(X)
    again = exported(model, X, tmp_path)
    assert again.state_dict().keys() == {"0.weight", "0.bias"}
    assert all(module.training for _, module in model.named_modules())
    model.eval()
    agree(model, again, X)


def test_the_model_is_as_before_even_if_it_fails(tmp_path):
    model = nn.Sequential(nn.Linear(4, 2), nn.LayerNorm(2), rng=0)
    model[1].eval()
    data = [parameter.data for parameter in model.parameters()]
    for example in (X, X[:, :3]):
        try:
            nn.export.onnx(model, example, tmp_path / "model.onnx")
        except ValueError as mistake:
            assert "has (3,) features" in str(mistake)  # noqa: PT017  the first example is fine
        assert all(parameter.data is old for parameter, old in zip(model.parameters(), data, strict=True))
        assert [module.training for _, module in model.named_modules()] == [True, True, False]
        assert "forward" not in vars(model[1])


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    with pytest.raises(OnnxError):
        nn.export.onnx(Function(lambda x: np.sort(x)), X, path)
    assert path.read_bytes() == b"old"
    nn.export.onnx(nn.MLP(4, [2], rng=0), X, path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    onnx.checker.check_model(onnx.load(path), full_check=True)
    with pytest.raises(FileNotFoundError):
        nn.export.onnx(nn.MLP(4, [2], rng=0), X, tmp_path / "none" / "model.onnx")


@pytest.mark.parametrize("opset", [20, 21])
def test_the_operator_set(opset, tmp_path):
    path = tmp_path / "model.onnx"
    nn.export.onnx(nn.MLP(4, [2], rng=0), X, path, opset=opset)
    assert [(held.domain, held.version) for held in onnx.load(path).opset_import] == [("", opset)]
    with pytest.raises(ArgumentError, match="opset is 20 or 21, got 17"):
        nn.export.onnx(nn.MLP(4, [2], rng=0), X, path, opset=17)


# what is refused


@pytest.fixture
def swish():
    @primitive(kind="elementwise")
    def swish(x, /):
        return x / (1.0 + np.exp(-x))

    yield swish
    del registry["swish"], DISPATCH["swish"]


def test_ops_without_operators_are_named_with_their_place(tmp_path, swish):
    model = nn.Sequential(nn.Linear(4, 2, rng=0), nn.Sequential(Function(swish), Function(np.sort)))
    with pytest.raises(
        OnnxError, match=r"no ONNX operators are known for swish \(in 1.0\), sort \(in 1.1\); known are ab"
    ):
        nn.export.onnx(model, X, tmp_path / "model.onnx")


@pytest.mark.parametrize(("function", "what"), [
    (lambda x: x + np.arange(x.shape[0], dtype=np.float32)[:, None], "an array whose numbers, not only its shape"),
    (lambda x: x / float(x.shape[0]), r"a way that a file cannot say \(3.0 and 4.0\)"),
    (lambda x: np.sum(anp.stack([row * row for row in x])), r"\(\d+ steps for 3 examples, \d+ for 4\)"),
    (lambda x: np.var(x, ddof=1), "it computes with a length"),
    (lambda x: np.reshape(x, (4, 3)) @ x, r"takes 3 examples and not 4 \(.*write dynamic_batch=False|Write dynamic_batch"),
])  # fmt: skip
def test_what_depends_on_the_batch_in_another_way(function, what, tmp_path):
    with pytest.raises(OnnxError, match=what):
        nn.export.onnx(Function(function), X, tmp_path / "model.onnx")
    agree(Function(function), exported(Function(function), X, tmp_path, dynamic_batch=False), X)


def test_inputs_whose_first_axes_differ(tmp_path):
    model = nn.GRU(4, 2, rng=0)
    arguments = X[None].repeat(3, 0), np.zeros((1, 3, 2), np.float32)
    with pytest.raises(ArgumentError, match="first axes of lengths 3 and 1, so these are not all the batch"):
        nn.export.onnx(model, arguments, tmp_path / "model.onnx")
    again = exported(model, arguments, tmp_path, dynamic_batch=False)
    np.testing.assert_allclose(again(*arguments)[0].data, model(*arguments)[0].data, rtol=1e-5)


@pytest.mark.oracle
def test_pools_whose_last_window_would_begin_in_the_padding(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    for pool in (nn.MaxPool1d(2, 3, 1, ceil_mode=True), nn.AvgPool1d(2, 3, 1, ceil_mode=True)):
        for length in range(4, 9):
            x = np.random.default_rng(0).normal(size=(2, 1, length)).astype(np.float32)
            nn.export.onnx(pool, x, tmp_path / "pool.onnx")
            (out,) = runtime.InferenceSession(tmp_path / "pool.onnx").run(None, {"x": x})
            np.testing.assert_allclose(out, pool(x), rtol=1e-6)
    both = nn.MaxPool2d((2, 3), 3, 1, ceil_mode=True)
    with pytest.raises(OnnxError, match="a pool with ceil_mode=True whose last window would begin in the padding"):
        nn.export.onnx(both, np.zeros((1, 1, 4, 6), np.float32), tmp_path / "pool.onnx")


def test_a_float64_example_of_a_float32_model_is_cast(tmp_path):
    model = nn.Linear(2, 1, rng=0)
    nn.export.onnx(model, np.zeros((1, 2)), tmp_path / "model.onnx")
    x = np.ones((3, 2), np.float32)
    np.testing.assert_allclose(nn.load_onnx(tmp_path / "model.onnx")(x).data, model(x).data, rtol=1e-6)
