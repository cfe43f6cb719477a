"""Every layer through one battery: shapes, dtypes, gradients of every order, state, modes, seeds, reprs and errors.

The layers and what they are called with stand in layer_table.py.
"""

import copy
import re

import numpy as np
import pytest
from layer_case import Case, arguments, is_float, parts
from layer_table import CASES

import autograd
import nn
from autograd import Value, tree
from autograd.value import data_of
from nn import layers

ROWS = {f"{name} {i}": case for name, cases in CASES.items() for i, case in enumerate(cases)}
MODES = {f"{name} train": (case, True) for name, case in ROWS.items() if not case.stopped}
MODES |= {f"{name} eval": (case, False) for name, case in ROWS.items() if case.differs}
REFUSING = {name: case for name, case in ROWS.items() if case.wrong is not None}
battery = pytest.mark.parametrize("case", ROWS.values(), ids=ROWS)


class Wrapped(nn.Module):
    """A module that holds the layer as `inner`."""

    def __init__(self, inner):
        self.inner = inner

    def forward(self, *xs):
        return self.inner(*xs)


def numbers(out):
    """The bytes of every array of an output."""
    return [part.data.tobytes() for part in parts(out)]


def pull(out, seed=1):
    """Backward from the sum of an output's elements, each times a random number."""
    rng = np.random.default_rng(seed)
    sum(np.sum(part * rng.normal(size=part.shape).astype(part.dtype)) for part in parts(out)).backward()


def test_every_layer_has_cases():
    assert set(CASES) == {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    assert all(isinstance(case, Case) for case in ROWS.values())


@battery
@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])
def test_the_output_is_a_value_of_the_right_shape(case, mode):
    out = case.make(0).train(mode)(*arguments(case))
    assert all(isinstance(part, Value) for part in parts(out))
    assert tree.map(np.shape, out) == case.shape


@battery
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_one_dtype_from_input_to_gradient(case, dtype):
    layer = case.make(0) if dtype is np.float32 else case.make(0).astype(np.float64)
    xs = arguments(case, dtype)
    before = {path: buffer.dtype for path, buffer in layer.named_buffers()}
    out = layer(*xs)
    pull(out)
    leaves = [*layer.parameters(), *(x for x in xs if isinstance(x, Value))]
    assert {part.dtype for part in parts(out)} | {leaf.dtype for leaf in leaves} == {np.dtype(dtype)}
    assert {leaf.grad.dtype for leaf in leaves} == {np.dtype(dtype)}
    assert {path: buffer.dtype for path, buffer in layer.named_buffers()} == before


@battery
def test_whole_numbers_give_what_the_same_numbers_as_floats_give(case):
    x, *others = case.inputs(np.random.default_rng(0))  # others may be masks, which must be floats
    x = np.rint(3.0 * x) if is_float(x) else x
    whole, floats = (x.astype(np.int64), *others), (x, *others)
    layers = [case.make(0).astype(np.float64) for _ in range(2)]
    for mine, expected in zip(parts(layers[0](*whole)), parts(layers[1](*floats)), strict=True):
        np.testing.assert_allclose(data_of(mine), data_of(expected), rtol=1e-12, atol=1e-12)


@battery
def test_the_gradient_reaches_every_parameter_and_input(case):
    layer, xs = case.make(3), arguments(case)
    pull(layer(*xs))
    leaves = [*layer.named_parameters(), *((f"input {i}", x) for i, x in enumerate(xs) if isinstance(x, Value))]
    for path, leaf in leaves:
        assert leaf.grad.shape == leaf.shape and np.any(leaf.grad != 0.0), path


@pytest.mark.parametrize(("case", "mode"), MODES.values(), ids=MODES)
def test_first_and_second_derivatives_equal_differences(case, mode):
    layer, xs = case.make(1).astype(np.float64).train(mode), arguments(case, np.float64)
    moving = [x for x in xs if isinstance(x, Value)]

    def run(layer, *moving):
        left = list(moving)
        return parts(layer(*(left.pop(0) if isinstance(x, Value) else x for x in xs)))

    if case.composed:
        fixed = lambda *moving: run(copy.deepcopy(layer), *moving)  # the same draws in every call
        compared, weights = autograd.check_gradients(fixed, *moving, order=2), 0
    else:
        compared, weights = autograd.check_gradients(run, layer, *moving, order=2), layer.parameter_count()
    outputs = sum(part.size for part in parts(layer(*xs)))
    assert compared > outputs * (weights + sum(x.size for x in moving))


@battery
def test_compiled_with_the_layer_as_an_argument_it_gives_and_leaves_the_same(case):
    layer, plain, xs = case.make(0), case.make(0), arguments(case)
    run = autograd.compile(lambda layer, xs: parts(layer(*xs)))
    for _ in range(3):
        for mine, eager in zip(run(layer, xs), parts(plain(*xs)), strict=True):
            np.testing.assert_allclose(data_of(mine), eager.data, rtol=1e-4, atol=1e-5)
    for (path, mine), eager in zip(layer.named_buffers(), dict(plain.named_buffers()).values(), strict=True):
        np.testing.assert_allclose(mine, eager, rtol=1e-5, atol=1e-6, err_msg=path)


@battery
@pytest.mark.parametrize("wrap", [lambda f: f, autograd.compile], ids=["eager", "compiled"])
def test_its_gradient_as_an_argument_is_that_of_backward(case, wrap):
    layer, plain, xs = case.make(0), case.make(0), arguments(case)

    def loss(layer):
        return sum(np.sum(part * part) for part in parts(layer(*xs)))

    run = wrap(autograd.value_and_grad(loss))
    for _ in range(2):
        value, slopes = run(layer)
        plain.zero_grad()
        expected = loss(plain)
        if plain.parameters():
            expected.backward()
        np.testing.assert_allclose(value, expected.data, rtol=1e-4)
        for (path, p), mine in zip(plain.named_parameters(), slopes.parameters(), strict=True):
            np.testing.assert_allclose(mine.data, p.grad, rtol=1e-3, atol=1e-4, err_msg=path)


@battery
def test_a_saved_state_gives_the_same_output_bit_for_bit(case):
    layer, other, xs = case.make(0), case.make(1), arguments(case)
    pull(layer(*xs))  # moves running statistics
    other.load_state_dict(layer.state_dict())
    assert numbers(other.eval()(*xs)) == numbers(layer.eval()(*xs))


@battery
def test_training_and_evaluation_differ_where_they_should(case):
    layer, xs = case.make(0), arguments(case)
    assert (numbers(layer.train()(*xs)) != numbers(layer.eval()(*xs))) == case.differs
    state = layer.state_dict()
    first = numbers(layer(*xs))
    assert numbers(layer(*xs)) == first  # evaluation changes nothing
    assert all(np.array_equal(state[path], array) for path, array in layer.state_dict().items())


@battery
def test_the_same_seed_gives_the_same_bits(case):
    def bits(rng):
        layer = case.make(0).initialize(rng)
        return [*layer.state_dict().items()], [(path, rng.random()) for path, rng in layer.named_generators()]

    np.testing.assert_equal(bits(5), bits(np.random.default_rng(5)))
    made = [numbers(case.make(seed)(*arguments(case))) for seed in (5, 5, np.random.default_rng(5))]
    assert made[0] == made[1] == made[2]


@battery
def test_a_module_used_twice_gets_the_sum_of_its_gradients(case):
    layer, xs, others = case.make(2), arguments(case, seed=0), arguments(case, seed=1)
    if list(layer.named_generators()):
        layer.eval()  # the second call draws other numbers
    first, second = copy.deepcopy(layer), copy.deepcopy(layer)
    pull([*parts(layer(*xs)), *parts(layer(*others))])
    pull([*parts(first(*xs)), *parts(second(*others))])
    for p, a, b in zip(layer.parameters(), first.parameters(), second.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, a.grad + b.grad, rtol=1e-4, atol=1e-5)


@battery
def test_the_repr_says_sizes_options_and_count(case):
    assert repr(case.make(0)).splitlines()[0] == case.text


@pytest.mark.parametrize("case", REFUSING.values(), ids=REFUSING)
def test_a_wrong_input_names_layer_path_got_and_expected(case):
    model = Wrapped(case.make(0))
    with pytest.raises(ValueError, match=case.message) as caught:
        model(*case.wrong)
    (note,) = caught.value.__notes__
    inner = dict(model.named_modules())[note.removeprefix("in ").partition(":")[0]]
    assert re.match(r"in inner[.\d\w]*: ", note) and note.endswith(f": {type(inner).__name__}({inner.describe()})")
