"""A model as an argument of transforms, as a tree of parameters, and copied or pickled: the same sharing, nothing moved."""

import copy
import pickle

import numpy as np
import pytest

import autograd
import nn
from autograd import tree


def setup():
    rng = np.random.default_rng(0)
    model = nn.MLP(3, [4, 2], np.tanh, rng=0, dtype=np.float64)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    return model, lambda model: nn.mse(model(x), y)


def test_a_tree_of_a_model_is_its_parameters():
    model, _ = setup()
    leaves, structure = tree.flatten(model)
    assert tree.paths(model) == list(dict(model.named_parameters()))
    doubled = tree.unflatten(structure, [2.0 * leaf.data for leaf in leaves])
    assert type(doubled) is nn.MLP and doubled.layers[0] is not model.layers[0]
    for old, new in zip(model.parameters(), doubled.parameters(), strict=True):
        assert type(new) is nn.Parameter and np.array_equal(new.data, 2.0 * old.data)
    assert tree.flatten(doubled)[1] == structure


def test_grad_of_a_loss_with_respect_to_a_model_is_a_model_of_gradients():
    model, loss = setup()
    gradients = autograd.grad(loss)(model)
    assert type(gradients) is nn.MLP and not any(p.has_grad for p in model.parameters())
    loss(model).backward()
    for p, g in zip(model.parameters(), gradients.parameters(), strict=True):
        assert type(g) is nn.Parameter and g.primitive is None
        np.testing.assert_array_equal(g.data, p.grad)


def test_a_shared_module_keeps_being_shared_in_its_gradient():
    tied = nn.Linear(2, 2, rng=0, dtype=np.float64)
    model = nn.Sequential(tied, np.tanh, tied)
    gradients = autograd.grad(lambda m: m(np.ones(2)).sum())(model)
    assert gradients[0] is gradients[2] and gradients[0] is not tied
    model(np.ones(2)).sum().backward()
    np.testing.assert_array_equal(gradients[0].weight.data, tied.weight.grad)


def test_hvp_of_a_model_is_the_difference_of_gradients():
    model, loss = setup()
    rng = np.random.default_rng(1)
    direction = tree.map(lambda p: rng.normal(size=p.shape), model)
    product = autograd.hvp(loss, model, direction)

    def gradient(t):
        moved = tree.map(lambda p, d: p.data + t * d.data, model, direction)
        return [g.data for g in autograd.grad(loss)(moved).parameters()]

    h = 1e-5
    for p, after, before in zip(product.parameters(), gradient(h), gradient(-h), strict=True):
        np.testing.assert_allclose(p.data, (after - before) / (2 * h), atol=1e-8)


def test_a_step_of_descent_written_with_trees():
    model, loss = setup()
    before = loss(model).data
    for _ in range(20):
        model = tree.map(lambda p, g: p.data - 0.1 * g.data, model, autograd.grad(loss)(model))
    assert loss(model).data < 0.7 * before


# copies


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
def test_a_copy_is_equal_apart_and_keeps_what_is_shared(duplicate):
    tied = nn.Linear(3, 3, rng=0)
    model = nn.Sequential(tied, np.tanh, nn.Layer(3, 3, rng=1), tied).eval()
    x = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    expected = model(x)
    expected.sum().backward()
    other = duplicate(model)
    assert np.array_equal(other(x).data, expected.data) and not other.training
    assert other[0] is other[3] and repr(other) == repr(model)
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert type(theirs) is nn.Parameter and np.array_equal(mine.grad, theirs.grad)
        theirs.data = theirs.data + 1.0
    assert np.array_equal(model(x).data, expected.data)
    assert other(x).path == "0"
