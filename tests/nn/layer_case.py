"""Case: one form of a layer, and what the tests do with it. The cases are in layer_table.py and sequence_cases.py."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import nn
from autograd import Value, tree


class Case(NamedTuple):
    """One form of a layer.

    make      seed → module
    inputs    np.random.Generator → tuple of the arguments of forward: float64 arrays, which are cast, or integers
    shape     of the output, in the output's structure if it is no single array
    text      first line of the repr
    wrong     arguments that forward refuses; None if it takes every array
    message   regular expression: what it says it got and expected
    differs   whether training and evaluation give different outputs
    composed  it is made of layers that have cases: differences are taken of its inputs, not of its many weights
    stopped   whether it stops a gradient on purpose, which then is not the slope of the output
    """

    make: Callable[[Any], nn.Module]
    inputs: Callable[[np.random.Generator], tuple[Any, ...]]
    shape: Any
    text: str
    wrong: tuple[Any, ...] | None
    message: str
    differs: bool = False
    composed: bool = False
    stopped: bool = False


def normal(*shapes):
    """inputs of these shapes, standard normal."""
    return lambda rng: tuple(rng.normal(size=shape) for shape in shapes)


def is_float(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def arguments(case, dtype=np.float32, seed=0):
    """The arguments of a case, the float arrays as Values of this dtype."""
    given = case.inputs(np.random.default_rng(seed))
    return tree.map(lambda x: Value(x.astype(dtype)) if is_float(x) else x, given)


def parts(out):
    """The arrays of an output, as a list."""
    return tree.flatten(out)[0]
