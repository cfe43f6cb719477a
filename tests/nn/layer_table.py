"""Cases of every layer: the rows that test_battery.py and tests/autograd/test_compile_models.py go through.

To test a new layer, add its cases to CASES under the name of its class.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import nn
from autograd import Value, tree
from autograd.ops import gelu, relu, silu


class Case(NamedTuple):
    """One form of a layer.

    make      seed → module
    inputs    np.random.Generator → tuple of the arguments of forward: float64 arrays, which are cast, or integers
    shape     of the output, in the output's structure if it is no single array
    text      first line of the repr
    wrong     arguments that forward refuses
    message   regular expression: what it says it got and expected
    differs   whether training and evaluation give different outputs
    composed  it is made of layers that have cases: differences are taken of its inputs, not of its many weights
    """

    make: Callable[[Any], nn.Module]
    inputs: Callable[[np.random.Generator], tuple[Any, ...]]
    shape: Any
    text: str
    wrong: tuple[Any, ...]
    message: str
    differs: bool = False
    composed: bool = False


def normal(*shapes):
    """inputs of these shapes, standard normal."""
    return lambda rng: tuple(rng.normal(size=shape) for shape in shapes)


def is_float(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def arguments(case, dtype=np.float32, seed=0):
    """The arguments of a case, the float arrays as Values of this dtype."""
    given = case.inputs(np.random.default_rng(seed))
    return tree.map(lambda x: Value(x.astype(dtype)) if is_float(x) else x, given)


def double(layer):
    """The layer with parameters and buffers in float64."""
    for _, parameter in layer.named_parameters():
        parameter.data = np.asarray(parameter.data, np.float64)
    for _, module in layer.named_modules():
        for name in module.buffers:
            if is_float(array := getattr(module, name)):
                setattr(module, name, array.astype(np.float64))
    return layer


def parts(out):
    """The arrays of an output, as a list."""
    return tree.flatten(out)[0]


FEATURES = r"x has \(7,\) features on its last axis, weight takes \(4,\)"
NEURON = r"operands x \(2, 7\), y \(4,\)"


def dense(make, tail, text, message=FEATURES):
    """A case of a layer that maps the last of x's axes, 4 features, to those of `tail`."""
    return Case(make, normal((3, 4)), (3, *tail), text, (np.ones((2, 7), np.float32),), message)


CASES = {
    "Neuron": [
        dense(lambda rng: nn.Neuron(4, np.tanh, rng=rng), (), "Neuron(4, activation=tanh)  5 parameters", NEURON),
        dense(lambda rng: nn.Neuron(4, None, rng=rng), (), "Neuron(4, activation=None)  5 parameters", NEURON),
    ],
    "Layer": [
        dense(lambda rng: nn.Layer(4, 3, np.tanh, rng=rng), (3,), "Layer(4, 3, activation=tanh)  15 parameters"),
        dense(lambda rng: nn.Layer(4, 3, rng=rng), (3,), "Layer(4, 3, activation=relu)  15 parameters"),
        dense(lambda rng: nn.Layer(4, 1, None, rng=rng), (1,), "Layer(4, 1, activation=None)  5 parameters"),
    ],
    "Linear": [
        dense(lambda rng: nn.Linear(4, 2, rng=rng), (2,), "Linear(4, 2)  10 parameters"),
        dense(lambda rng: nn.Linear(4, 2, bias=False, rng=rng), (2,), "Linear(4, 2, bias=False)  8 parameters"),
    ],
    "MLP": [
        dense(lambda rng: nn.MLP(4, [3, 2], silu, rng=rng), (2,), "MLP(4, [3, 2], activation=silu)  23 parameters"),
        dense(lambda rng: nn.MLP(4, [2], relu, rng=rng), (2,), "MLP(4, [2], activation=relu)  10 parameters"),
    ],
    "Sequential": [
        dense(
            lambda rng: nn.Sequential(
                nn.Linear(4, 3), np.tanh, lambda x: x * x, nn.Sequential(nn.Neuron(3, gelu)), rng=rng
            ),
            (),
            "Sequential()  19 parameters",
        )
    ],
}

from sequence_cases import CASES as SEQUENCES  # noqa: E402  made of the Case above

CASES |= SEQUENCES
