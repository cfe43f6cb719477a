"""Transforms take nested containers as arguments and give them back, as results too."""

import dataclasses
from collections import OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest

import nn
from autograd import Value, grad, hessian, hvp, jacobian, jvp, tree, value_and_grad, vjp
from autograd.errors import SeedError

Point = namedtuple("Point", "x y")


@dataclasses.dataclass
class Params:
    x: object
    y: object
    name: str = "p"


def product(p):
    x, y = (p["x"], p["y"]) if isinstance(p, dict) else (p[0], p[1]) if isinstance(p, (list, tuple)) else (p.x, p.y)
    return x * y * y


CONTAINERS = [
    {"x": 2.0, "y": 3.0},
    OrderedDict(x=2.0, y=3.0),
    defaultdict(float, x=2.0, y=3.0),
    [2.0, 3.0],
    (2.0, 3.0),
    Point(2.0, 3.0),
    Params(2.0, 3.0),
]


@pytest.mark.parametrize("p", CONTAINERS, ids=lambda p: type(p).__name__)
def test_a_gradient_has_the_arguments_structure(p):
    slope = grad(product)(p)
    assert type(slope) is type(p)
    assert tree.flatten(slope)[0][:2] == [9.0, 12.0]
    assert tree.flatten(p)[0][:2] == [2.0, 3.0]
    v = tree.map(lambda leaf: 1.0 if isinstance(leaf, float) else leaf, p)
    assert tree.flatten(hvp(product, p, v))[0][:2] == [6.0, 10.0]
    assert jvp(product, (p,), (v,)) == (18.0, 21.0)


@pytest.mark.parametrize("p", CONTAINERS, ids=lambda p: type(p).__name__)
def test_a_result_may_be_a_container(p):
    value, pullback = vjp(lambda s: tree.map(lambda leaf: leaf * s if isinstance(leaf, float) else 0.0, p), 5.0)
    assert type(value) is type(p)
    assert tree.flatten(value)[0][:2] == [10.0, 15.0]
    assert pullback(value) == (10.0 * 2.0 + 15.0 * 3.0,)


def test_containers_nest_in_several_arguments():
    def f(params, rows, *, scale):
        return sum(np.sum(w * x) for w, x in zip(params["w"], rows, strict=True)) * scale["s"]

    params, rows = {"w": [np.ones(2), np.full(2, 2.0)]}, (np.arange(2.0), np.ones(2))
    slope = grad(f, (0, 1, "scale"))(params, rows, scale={"s": 3.0})
    assert slope[0]["w"][0].tolist() == [0.0, 3.0]
    assert slope[1][1].tolist() == [6.0, 6.0]
    assert slope[2] == {"s": 5.0}


def test_in_a_container_integers_bools_strings_and_none_are_static():
    seen = []

    def f(p):
        seen.append([type(x) for x in tree.flatten(p)[0]])
        return p["w"] ** p["n"] if p["on"] and p["mode"] == "power" and p["none"] is None else 0.0

    p = {"w": 2.0, "n": 3, "on": True, "mode": "power", "none": None, "index": np.array([1, 2])}
    static = {"n": None, "on": None, "mode": None, "none": None, "index": None}
    assert grad(f)(p) == {"w": 12.0, **static}
    assert seen == [[Value, int, bool, str, type(None), np.ndarray]]
    assert hessian(f)(p) == {"w": {"w": 12.0, **static}, **static}
    assert hvp(f, p, {"w": 1.0, **static}) == {"w": 12.0, **static}
    assert jvp(f, (p,), ({"w": 1.0, **static},)) == (8.0, 12.0)
    assert vjp(f, p)[1](1.0) == ({"w": 12.0, **static},)


def test_jacobians_nest_the_result_outside():
    J = jacobian(lambda p: {"sum": p["a"] + p["b"], "first": (p["a"][0],)})({"a": np.ones(2), "b": 3.0})
    assert J["sum"]["a"].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert J["sum"]["b"].tolist() == [1.0, 1.0]
    assert J["first"][0]["a"].tolist() == [1.0, 0.0]
    assert J["first"][0]["b"] == 0.0


def test_hessians_nest_twice():
    H = hessian(product)({"x": 2.0, "y": 3.0})
    assert H == {"x": {"x": 0.0, "y": 6.0}, "y": {"x": 6.0, "y": 4.0}}


def test_a_container_that_is_empty_or_unused():
    assert grad(lambda p, x: x * x)({}, 2.0) == {}
    slope = grad(lambda p: p["a"])({"a": 1.0, "b": [np.ones(2), 3.0]})
    assert slope["b"][0].tolist() == [0.0, 0.0]
    assert slope["b"][1] == 0.0
    with pytest.raises(SeedError, match="must return a single number"):
        grad(lambda p: p)({"a": 1.0, "b": 2.0})


def test_transforms_nest_over_containers():
    inner = lambda p: grad(product)(p)["x"]
    assert grad(inner)({"x": 2.0, "y": 3.0}) == {"x": 0.0, "y": 6.0}


def test_values_in_a_container_come_back_recorded():
    p = {"x": Value(2.0), "y": 3.0}
    slope = grad(product)(p)
    assert isinstance(slope["x"], Value)
    slope["y"].backward()
    assert p["x"].grad == 6.0


# Modules


@pytest.fixture
def model():
    return nn.MLP(2, [3, 1], rng=0)


INPUT = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)


def loss(model, x=INPUT):
    return np.mean(model(x) ** 2)


def test_a_module_is_an_argument_and_its_gradient_a_module(model):
    value, slope = value_and_grad(loss)(model)
    reference = loss(model)
    assert value == reference.data
    assert type(slope) is nn.MLP
    assert not any(parameter.has_grad for parameter in model.parameters())
    reference.backward()
    for (path, found), (name, parameter) in zip(slope.named_parameters(), model.named_parameters(), strict=True):
        assert path == name
        np.testing.assert_array_equal(found.data, parameter.grad)
        assert type(found.data) is np.ndarray
        assert found.dtype == np.float32


def test_a_module_and_an_array_together(model):
    by_model, by_input = grad(loss, (0, 1))(model, INPUT)
    assert by_model.parameter_count() == model.parameter_count()
    assert by_input.shape == INPUT.shape


def test_hessian_vector_products_of_a_module(model):
    v = tree.map(lambda p: np.ones(p.shape, np.float32), model)
    product = hvp(loss, model, v)
    shifted = lambda h: tree.map(lambda p: np.asarray(p.data, np.float64) + h, model)
    ahead, behind = (grad(loss)(shifted(h)) for h in (1e-5, -1e-5))
    for found, a, b in zip(product.parameters(), ahead.parameters(), behind.parameters(), strict=True):
        np.testing.assert_allclose(found.data, (a.data - b.data) / 2e-5, rtol=2e-4, atol=2e-4)


def test_a_module_can_be_a_result(model):
    value, pullback = vjp(lambda s: tree.map(lambda p: p * s, model), 2.0)
    assert isinstance(value, nn.MLP)
    (slope,) = pullback(tree.map(lambda p: np.ones(p.shape, np.float32), model))
    assert slope == pytest.approx(sum(p.data.sum() for p in model.parameters()), rel=1e-5)


def test_a_module_of_scalars():
    model = nn.scalar.MLP(2, [2, 1], rng=0)
    slope = grad(lambda m: m([1.0, -2.0]) ** 2)(model)
    (model([1.0, -2.0]) ** 2).backward()
    assert [p.data for p in slope.parameters()] == [p.grad for p in model.parameters()]


def test_a_module_of_gradients_is_a_direction_for_plain_results(model):
    slope = grad(loss)(model)
    _, along = jvp(loss, (model,), (slope,))
    assert type(along) is np.float32
    assert along == pytest.approx(sum(np.sum(p.data**2) for p in slope.parameters()), rel=1e-5)
