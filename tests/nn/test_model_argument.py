"""Models as arguments of compile and of transforms: what a layer draws and counts is as in a plain call."""

import copy

import numpy as np
import pytest

import autograd
import nn
from autograd import compile, grad, jacobian, tree, value_and_grad
from autograd.errors import ArgumentError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2))


def network():
    """Everything that a call changes beside weights: running statistics and a generator."""
    layers = [nn.Linear(3, 6), nn.BatchNorm1d(6, momentum=None), np.tanh, nn.Dropout(0.5), nn.Linear(6, 2)]
    return nn.Sequential(*layers, rng=0).astype(np.float64)


def loss(model, x, y):
    return nn.mse(model(x), y)


def left(model):
    """What is in a model: arrays, and the numbers that its generators would draw next."""
    draws = [copy.deepcopy(generator).random() for _, generator in model.named_generators()]
    return {**model.state_dict(), "draws": np.array(draws)}


def same(model, other, rtol=1e-12):
    for (path, a), b in zip(left(model).items(), left(other).values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-15, err_msg=path)


@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])
def test_a_compiled_function_takes_a_model_as_an_argument(mode):
    model, plain = network().train(mode), network().train(mode)
    run = compile(lambda model, x: model(x))
    for _ in range(4):
        np.testing.assert_allclose(run(model, X).data, plain(X).data, rtol=1e-12)
    same(model, plain)
    assert sum(map(len, run.replays.values())) == 1


def test_a_compiled_step_takes_model_and_optimiser_as_arguments():
    model, plain = network(), network()
    optimizer, by_hand = nn.SGD(model, 0.1, momentum=0.9), nn.SGD(plain, 0.1, momentum=0.9)

    def step(model, optimizer, x, y):
        optimizer.zero_grad()
        value = loss(model, x, y)
        value.backward()
        optimizer.step()
        return value.data

    run = compile(step)
    for _ in range(5):
        np.testing.assert_allclose(run(model, optimizer, X, Y), step(plain, by_hand, X, Y), rtol=1e-10)
    same(model, plain, 1e-9)


def descended(step, model, steps=4):
    """The losses of gradient descent on a model, by a function that gives loss and gradient."""
    values = []
    for _ in range(steps):
        value, slopes = step(model, X, Y)
        values.append(float(value))
        for parameter, slope in zip(model.parameters(), slopes.parameters(), strict=True):
            parameter.data = parameter.data - 0.1 * slope.data
    return values


def backward(model, x, y):
    value, slopes = loss(model, x, y), copy.deepcopy(model)
    model.zero_grad()
    value.backward()
    for parameter, slope in zip(model.parameters(), slopes.parameters(), strict=True):
        slope.data = parameter.grad
    return value, slopes


@pytest.mark.parametrize("step", [value_and_grad(loss), compile(value_and_grad(loss))], ids=["eager", "compiled"])
def test_a_model_trains_through_value_and_grad_as_through_backward(step):
    model, plain = network(), network()
    np.testing.assert_allclose(descended(step, model), descended(backward, plain), rtol=1e-10)
    assert len({*map(float, left(model)["1.running_mean"])}) == 6 and model[1].num_batches_tracked == 4
    same(model, plain, 1e-9)


def test_masks_move_from_call_to_call_and_statistics_go_back_through_nested_transforms_and_containers():
    model, plain = network(), network()
    slope = grad(lambda held, x: loss(held["models"][0], x, Y))
    first, second = (slope({"models": [model]}, X)["models"][0] for _ in range(2))
    assert not np.array_equal(first[4].weight.data, second[4].weight.data)
    for _ in range(2):
        plain(X)
    same(model, plain)
    jacobian(lambda x: grad(loss)(model, x, Y)[0].bias)(X)  # an alias of what grad was given
    grad(lambda model: np.sum(grad(loss)(model, X, Y)[0].bias ** 2))(model)
    for _ in range(2):
        plain(X)
    same(model, plain)


def test_a_run_that_fails_moves_no_statistics():
    model = network()

    def fails(model):
        model(X)
        raise RuntimeError("afterwards")

    with pytest.raises(RuntimeError):
        grad(fails)(model)
    assert model[1].num_batches_tracked == 0


def test_checks_and_functional_updates_leave_the_model_alone():
    model = network()
    before = left(model)
    autograd.check_gradients(lambda model: nn.mse(model(X), Y), model, order=1)
    autograd.check_gradients(lambda dropout, x: dropout(x), model[3], X)
    np.testing.assert_equal(left(model), before)
    moved = tree.map(lambda p, g: p.data - 0.1 * g.data, model, grad(loss)(model, X, Y))
    assert moved[1].num_batches_tracked == 1 and moved[1].running_mean is not model[1].running_mean
    before = left(model)
    moved(X)
    np.testing.assert_equal(left(model), before)


def test_a_copy_without_its_statistics_says_so():
    slopes = compile(grad(loss))(network(), X, Y)
    with pytest.raises(ArgumentError, match="has no running statistics: it is a gradient, or was made in a compiled"):
        slopes[1](np.zeros((2, 6)))
