"""autograd.numpy: NumPy's names, with those that never ask a Value adapted."""

import inspect

import numpy
import pytest

import autograd.numpy as np
from autograd import Value, grad
from autograd.errors import ArgumentError, ConversionError

NOT_ADAPTED = {
    "shapes, dtypes, indices and text: nothing in them is differentiated": """
        base_repr binary_repr broadcast_shapes can_cast dtype finfo format_float_positional format_float_scientific
        iinfo indices isdtype isscalar issubdtype iterable mask_indices min_scalar_type mintypecode ndenumerate ndindex
        nested_iters promote_types result_type triu_indices tril_indices tri typename diag_indices ravel_multi_index
        unravel_index isfortran iscomplex isreal iscomplexobj isrealobj""",
    "files, buffers and text as input": """
        frombuffer fromfile fromregex fromstring genfromtxt load loadtxt memmap save savetxt savez savez_compressed
        from_dlpack packbits unpackbits""",
    "settings and information": """
        busday_count busday_offset is_busday datetime_as_string datetime_data get_include getbufsize geterr geterrcall
        get_printoptions info printoptions set_printoptions setbufsize seterr seterrcall show_config show_runtime test
        errstate nditer""",
    "windows and polynomials' grids, of plain integers": "bartlett blackman hamming hanning kaiser",
    "the user's own function, which is called on what it is given": "fromfunction frompyfunc asmatrix bmat",
    "of NumPy 1, going away": "in1d row_stack trapz",
}


def functions_that_ask_nobody():
    """NumPy's public functions with neither of the two protocols, through which a Value would be asked."""
    asked = (numpy.ufunc, type(numpy.sum))
    names = [name for name in dir(numpy) if not name.startswith("_")]
    found = {name: getattr(numpy, name) for name in names}
    return [n for n, f in found.items() if callable(f) and not isinstance(f, asked) and not inspect.isclass(f)]


def test_every_function_that_does_not_ask_a_value_is_adapted_or_on_the_list():
    listed = {name for names in NOT_ADAPTED.values() for name in names.split()}
    missing = [name for name in functions_that_ask_nobody() if name not in np.__all__ and name not in listed]
    assert missing == []


def test_no_function_drops_a_gradient_without_a_word():
    v = Value(numpy.array([1.0, 2.0]))
    silent = []
    for name in functions_that_ask_nobody():
        if name in ("info", "show_config", "show_runtime", "test", "save", "savetxt", "savez", "savez_compressed"):
            continue
        for args in [(v,), ([v, v],), ((2, 2), v)][: 3 if name == "full" else 2]:
            try:
                out = getattr(numpy, name)(*args)
            except Exception:  # an error is what we want
                continue
            if isinstance(out, numpy.ndarray) and out.dtype.kind in "fcO":
                silent.append(name)
    assert silent == []


def test_array_stacks_nested_values():
    slope = grad(lambda x: np.sum(np.array([[x, 2.0], [x * x, 1.0]]) * numpy.array([[1.0, 5.0], [10.0, 7.0]])))(3.0)
    assert slope == 1.0 + 10.0 * 6.0
    assert np.array([Value(1.0)], ndmin=2).shape == (1, 1)


def test_asarray_gives_a_value_back_as_it_is_and_array_a_copy():
    x = Value(numpy.ones(3))
    for function in (np.asarray, np.asanyarray, np.ascontiguousarray, np.require):
        assert function(x) is x
    y = np.array(x)
    y[0] = 5.0
    assert x.data.tolist() == [1.0, 1.0, 1.0]
    assert type(np.asarray([1.0, 2.0])) is numpy.ndarray


def test_full_broadcasts_a_value():
    assert grad(lambda x: np.sum(np.full((2, 3), x)))(1.0) == 6.0
    assert grad(lambda x: np.sum(np.full_like(numpy.zeros(4), x)))(1.0) == 4.0


def test_arange_moves_with_its_start_and_step():
    start, step = Value(1.0), Value(0.5)
    out = np.arange(start, 3.0, step)
    assert out.data.tolist() == [1.0, 1.5, 2.0, 2.5]
    out.sum().backward()
    assert (start.grad, step.grad) == (4.0, 6.0)
    assert np.arange(3).tolist() == [0, 1, 2]


def test_blank_arrays_can_be_assigned_to_inside_a_transform():
    def f(x):
        a = np.eye(2)
        a[0, 1] = x
        return np.sum(a @ a)

    assert grad(f)(3.0) == 2.0


def test_r_and_c_join_values():
    v, w = Value([1.0, 2.0]), Value(3.0)
    out = np.r_[v, 0:2, w, 7.0]
    assert out.data.tolist() == [1.0, 2.0, 0.0, 1.0, 3.0, 7.0]
    columns = np.c_[v, numpy.zeros(2)]
    assert columns.data.tolist() == numpy.c_[v.data, numpy.zeros(2)].tolist()
    (out.sum() + columns.sum()).backward()
    assert v.grad.tolist() == [2.0, 2.0]
    assert w.grad == 1.0
    assert np.r_["0,2", v, v].shape == (2, 2)


def test_lists_of_values_are_stacked():
    v, w = Value(3.0), Value(4.0)
    out = np.linalg.norm([v, w])
    out.backward()
    assert (out.data, round(v.grad, 3), round(w.grad, 3)) == (5.0, 0.6, 0.8)
    assert np.exp([v, w]).op == "exp"
    assert np.add([v, 1.0], 1).data.tolist() == [4.0, 2.0]
    assert np.stack([[v, w], [1.0, 2.0]]).shape == (2, 2)
    assert np.concatenate([[v, w], [1.0]]).shape == (3,)
    assert np.fromiter((x * x for x in (v, w)), float).data.tolist() == [9.0, 16.0]
    assert np.interp([0.5], [0.0, 1.0], [v, w]).data.tolist() == [3.5]
    with pytest.raises(ConversionError):
        np.transpose([[v], [v, w]])


def test_other_names_are_numpys():
    assert np.pi is numpy.pi
    assert np.float32 is numpy.float32
    assert np.random is numpy.random
    assert np.tanh.nin == 1
    assert np.add.reduce([1.0, 2.0]) == 3.0
    assert np.tanh(1.0) == numpy.tanh(1.0)
    assert "sum" in dir(np)
    assert "norm" in dir(np.linalg)
    with pytest.raises(AttributeError):
        np.no_such_name  # noqa: B018


def test_submodules_import():
    import autograd.numpy.linalg as linalg
    import autograd.numpy.random as random

    assert linalg is np.linalg
    assert random is numpy.random


def test_an_option_that_cannot_be_kept_is_refused():
    with pytest.raises(ArgumentError, match="order"):
        np.array([Value(1.0)], order="F")


def test_lists_beside_values_and_methods_of_ufuncs():
    v = Value(3.0)
    assert np.array_equal([v, 2], [3.0, 2.0])
    assert not np.array_equal([v, 2], [3.0, 1.0])
    assert np.array_equiv([[v, 2]], [3.0, 2.0])
    assert np.full_like([1.0, 2.0], v).data.tolist() == [3.0, 3.0]
    assert np.pad([1.0, 2.0], 1, constant_values=v).data.tolist() == [3.0, 1.0, 2.0, 3.0]
    counts, _ = np.histogram([0.1, 0.2], bins=2, weights=[v, v])
    assert counts.data.tolist() == [3.0, 3.0]
    assert np.add.reduce([v, 1]).data == 4.0
    assert np.add.accumulate([v, 1]).data.tolist() == [3.0, 4.0]
    assert np.multiply.outer([v, 1], [1, 2]).data.tolist() == [[3.0, 6.0], [1.0, 2.0]]
    assert grad(lambda x: np.sum(np.multiply.outer([x, 1.0], [1, 2])))(2.0) == 3.0
