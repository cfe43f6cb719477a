"""load_onnx: a file as a Module, and what is wrong with a file."""

import contextlib

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from autograd.errors import ArgumentError, ShapeError
from nn.onnx import OnnxError, supported

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

W = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
B = np.array([0.5, -0.5, 0.0], np.float32)


def message(nodes, inputs, outputs, initializers=(), opset=17):
    """A ModelProto; inputs and outputs are name → (type, shape)."""
    values = [
        [helper.make_tensor_value_info(name, *form) for name, form in forms.items()] for forms in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "g", *values, initializer=[numpy_helper.from_array(x, n) for n, x in initializers])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def perceptron(**changes):
    nodes = [
        helper.make_node("MatMul", ["x", "/fc/W:0"], ["h"], name="product"),
        helper.make_node("Add", ["h", "fc.bias"], ["s"]),
        helper.make_node("Tanh", ["s"], ["y"]),
    ]
    forms = {"x": (TensorProto.FLOAT, ["batch", 4])}, {"y": (TensorProto.FLOAT, ["batch", 3])}
    return message(nodes, *forms, [("/fc/W:0", W), ("fc.bias", B)], **changes)


X = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)


def test_a_file_is_a_module(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(perceptron().SerializeToString())
    for source in (path, str(path), path.read_bytes(), perceptron()):
        model = nn.load_onnx(source)
        np.testing.assert_allclose(model(X).data, np.tanh(X @ W + B), rtol=1e-6)
    assert [name for name, _ in model.named_parameters()] == ["fc.W.0", "fc.bias"]
    assert model.outputs == ["y"]
    assert repr(model) == "OnnxModel(x float32 (any, 4) → y, opset 17)  15 parameters"


def test_inputs_by_position_or_by_name():
    nodes = [helper.make_node("Sub", ["a", "b"], ["d"]), helper.make_node("Neg", ["d"], ["n"])]
    scalar = (TensorProto.FLOAT, [])
    model = nn.load_onnx(message(nodes, {"a": scalar, "b": scalar}, {"d": scalar, "n": scalar}))
    one, two = np.float32(1.0), np.float32(2.0)
    for found in (model(one, two), model(one, b=two), model(b=two, a=one)):
        assert isinstance(found, tuple)
        assert [float(y) for y in found] == [-1.0, 1.0]
    for args, kwargs in (((one,), {}), ((one, two, two), {}), ((one,), {"a": one}), ((one, two), {"c": one})):
        with pytest.raises(ArgumentError, match="the model's inputs are a, b; got"):
            model(*args, **kwargs)


def test_gradients_reach_inputs_and_parameters():
    model = nn.load_onnx(perceptron(), dtype=np.float64)
    autograd.check_gradients(lambda x: model(x), X.astype(np.float64))
    x = Value(X.astype(np.float64))
    np.sum(model(x)).backward()
    slope = 1.0 - np.tanh(X @ W.astype(np.float64) + B) ** 2
    np.testing.assert_allclose(x.grad, slope @ W.T.astype(np.float64), rtol=1e-6)
    np.testing.assert_allclose(dict(model.named_parameters())["fc.bias"].grad, slope.sum(0), rtol=1e-6)


def test_it_is_trained_further_and_keeps_its_state():
    model = nn.load_onnx(perceptron())
    target = np.zeros((5, 3), np.float32)
    history = nn.fit(model, X, target, optimizer=nn.Adam(model, 0.05), epochs=20, rng=0, progress=False)
    assert history.train_loss[-1] < 0.3 * history.train_loss[0]
    other = nn.load_onnx(perceptron())
    other.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(other(X).data, model(X).data)


def test_compiled_equals_eager():
    shape = numpy_helper.from_array(np.array([0, -1], np.int64), "shape")
    proto = perceptron()
    proto.graph.node.insert(0, helper.make_node("Reshape", ["flat", "shape"], ["x"]))
    proto.graph.initializer.append(shape)
    proto.graph.input[0].name = "flat"
    model = nn.load_onnx(proto)
    program = autograd.compile(lambda x: np.sum(model(x) ** 2))
    for x in (X, 2.0 * X):
        np.testing.assert_allclose(program(x).data, np.sum(model(x).data ** 2), rtol=1e-5)


def test_what_no_operator_differentiates_is_no_parameter():
    nodes = [
        helper.make_node("BatchNormalization", ["x", "scale", "bias", "mean", "var"], ["n"]),
        helper.make_node("Resize", ["n", "", "scales"], ["y"]),
    ]
    form = (TensorProto.FLOAT, [1, 2, 3])
    floats = {name: np.ones(2, np.float32) for name in ("scale", "bias", "mean", "var")}
    floats["scales"] = np.array([1.0, 1.0, 2.0], np.float32)
    model = nn.load_onnx(message(nodes, {"x": form}, {"y": (TensorProto.FLOAT, [1, 2, 6])}, floats.items()))
    assert sorted(model.state_dict()) == ["bias", "scale"]
    assert model(np.ones((1, 2, 3), np.float32)).shape == (1, 2, 6)


def test_equal_paths_are_told_apart():
    nodes = [helper.make_node("Add", ["a/b", "a.b"], ["s"]), helper.make_node("Add", ["s", "x"], ["y"])]
    form = (TensorProto.FLOAT, [2])
    model = nn.load_onnx(message(nodes, {"x": form}, {"y": form}, [("a/b", B[:2]), ("a.b", B[1:])]))
    assert sorted(model.state_dict()) == ["a.b", "a.b_"]


def test_a_branch_and_a_loop_are_differentiated():
    value = helper.make_tensor_value_info
    scalar = (TensorProto.FLOAT, [])
    body = helper.make_graph(
        [helper.make_node("Mul", ["v", "x"], ["w"]), helper.make_node("Identity", ["go"], ["on"])], "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("v", *scalar)],
        [value("on", TensorProto.BOOL, []), value("w", *scalar)],
    )  # fmt: skip
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(op, ["power"], ["out"])], name, [], [value("out", *scalar)]
        )
        for name, op in (("then", "Exp"), ("else", "Neg"))
    }
    nodes = [
        helper.make_node("Loop", ["n", "", "x"], ["power"], body=body), helper.make_node("If", ["flag"], ["y"], **branches)
    ]  # fmt: skip
    forms = {"x": scalar, "n": (TensorProto.INT64, []), "flag": (TensorProto.BOOL, [])}
    model = nn.load_onnx(message(nodes, forms, {"y": scalar}), dtype=np.float64)

    def f(x, flag):
        return model(x, np.array(2), np.array(flag))

    assert autograd.grad(lambda x: f(x, True))(0.5) == pytest.approx(3 * 0.5**2 * np.exp(0.5**3))
    assert autograd.grad(lambda x: f(x, False))(0.5) == pytest.approx(-3 * 0.5**2)


# what is wrong


@pytest.mark.parametrize(("x", "kind", "match"), [
    (X.astype(np.float64), ArgumentError, "input 'x' is float64, the model's is float32: convert it with astype"),
    (X[:, :3], ShapeError, r"input 'x' has shape \(5, 3\), the model's is \(any, 4\)"),
    (X[0], ShapeError, r"input 'x' has shape \(4,\)"),
])  # fmt: skip
def test_wrong_inputs(x, kind, match):
    with pytest.raises(kind, match=match):
        nn.load_onnx(perceptron())(x)


def wrong(change):
    proto = perceptron()
    change(proto)
    with pytest.raises(OnnxError) as caught:
        nn.load_onnx(proto.SerializeToString())
    return str(caught.value)


def test_an_operator_without_a_block_is_named():
    def change(proto):
        proto.graph.node[0].op_type = "Multinomial"
        proto.graph.node[2].op_type = "DeformConv"

    text = wrong(change)
    assert text.startswith(
        "operators that are not supported: Multinomial (node 'product'), DeformConv (node 2). Supported"
    )
    assert all(name in text for name in supported())


def test_graphs_that_cannot_run():
    def damaged(tensor):
        tensor.raw_data = tensor.raw_data[:-4]

    assert "Add (node 1) reads 'missing', which nothing" in wrong(lambda p: p.graph.node[1].input.insert(1, "missing"))
    assert "Tanh (node 2) defines 's', which more than one" in wrong(lambda p: p.graph.node[2].output.insert(0, "s"))
    assert "the output 'z' is defined by nothing" in wrong(lambda p: setattr(p.graph.output[0], "name", "z"))
    assert "Tanh (node 2): attribute 'alpha' is not" in wrong(
        lambda p: p.graph.node[2].attribute.append(helper.make_attribute("alpha", 1.0))
    )
    assert "the model is damaged" in wrong(lambda p: damaged(p.graph.initializer[0]))
    assert "strings are not numbers" in wrong(
        lambda p: setattr(p.graph.input[0].type.tensor_type, "elem_type", TensorProto.STRING)
    )
    assert "names no operator set of the domain ''" in wrong(lambda p: p.ClearField("opset_import"))


def test_what_is_no_file(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a model")
    with pytest.raises(OnnxError, match=r"notes.txt: no ONNX file, or a damaged one"):
        nn.load_onnx(path)
    with pytest.raises(OnnxError, match="the file has no graph"):
        nn.load_onnx(b"")
    with pytest.raises(ArgumentError, match=r"a path, bytes or an onnx.ModelProto, got int"):
        nn.load_onnx(3)
    with pytest.raises(FileNotFoundError):
        nn.load_onnx(tmp_path / "none.onnx")


def external(place):
    proto = perceptron()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return proto.SerializeToString()


def test_external_data_comes_from_the_files_own_folder(tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(W.tobytes())
    (tmp_path / "outside.bin").write_bytes(W.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    path = folder / "model.onnx"
    path.write_bytes(external("weights.bin"))
    np.testing.assert_allclose(nn.load_onnx(path)(X).data, np.tanh(X @ W + B), rtol=1e-6)
    for place in ("../outside.bin", str(tmp_path / "outside.bin"), "link.bin", "none.bin", ""):
        path.write_bytes(external(place))
        with pytest.raises(OnnxError, match="which is no file inside the model's folder"):
            nn.load_onnx(path)
    with pytest.raises(OnnxError, match=r"lies in another file, 'weights.bin': give load_onnx the model's path"):
        nn.load_onnx(external("weights.bin"))


def test_damaged_files_give_one_kind_of_error():
    content = perceptron().SerializeToString()
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content[: rng.integers(1, len(content))] if rng.random() < 0.3 else content)
        for place in rng.integers(0, len(damaged), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        with contextlib.suppress(OnnxError):
            nn.load_onnx(bytes(damaged))
