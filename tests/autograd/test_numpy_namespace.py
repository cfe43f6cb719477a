"""autograd.numpy: NumPy's names, with those that never ask a Value adapted."""

import numpy
import pytest

import autograd.numpy as np
from autograd import Value, grad
from autograd.errors import ArgumentError


def test_array_stacks_nested_values():
    slope = grad(lambda x: np.sum(np.array([[x, 2.0], [x * x, 1.0]]) * numpy.array([[1.0, 5.0], [10.0, 7.0]])))(3.0)
    assert slope == 1.0 + 10.0 * 6.0


def test_asarray_gives_a_value_back_as_it_is():
    x = Value(numpy.ones(3))
    assert np.asarray(x) is x
    assert type(np.asarray([1.0, 2.0])) is numpy.ndarray


def test_full_broadcasts_a_value():
    assert grad(lambda x: np.sum(np.full((2, 3), x)))(1.0) == 6.0
    assert grad(lambda x: np.sum(np.full_like(numpy.zeros(4), x)))(1.0) == 4.0


def test_other_names_are_numpys():
    assert np.tanh is numpy.tanh
    assert np.linalg is numpy.linalg
    with pytest.raises(AttributeError):
        np.no_such_name  # noqa: B018


def test_an_option_that_cannot_be_kept_is_refused():
    with pytest.raises(ArgumentError, match="order"):
        np.array([Value(1.0)], order="F")
