"""Every public function of NumPy has an op, gives plain results, or is refused by name with a reason.

A new version of NumPy with a new function fails here and says which. Functions that never see a Value are listed below,
by why they do not.
"""

import re
import types

import numpy as np
import pytest

from autograd import Value, grad, ops
from autograd.errors import REFUSED, ConversionError, NotDifferentiableError, spelled
from autograd.primitives import registry
from autograd.value import DISPATCH

ops.load()

NO_ARRAYS = """  settings, types, printing and the build
    base_repr binary_repr broadcast_shapes datetime_data format_float_positional format_float_scientific get_include
    get_printoptions getbufsize geterr geterrcall info isdtype issubdtype mintypecode printoptions promote_types
    set_printoptions setbufsize seterr seterrcall show_config show_runtime test typename iterable isscalar isfortran
"""
CREATION = """  arrays out of lengths, files and functions
    arange bartlett blackman diag_indices empty eye fftfreq from_dlpack frombuffer fromfile fromfunction fromregex
    fromstring genfromtxt hamming hanning identity indices load loadtxt mask_indices ones rfftfreq tri tril_indices
    triu_indices zeros
"""
CONVERSION = """  ask a Value for an array, which it refuses with ConversionError
    array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray asmatrix bmat fromiter full kaiser
    nested_iters require
"""
OTHER = """  make ufuncs, or are old names that call a function that is covered
    frompyfunc row_stack
"""
NEVER = {name for text in (NO_ARRAYS, CREATION, CONVERSION, OTHER) for name in text.partition("\n")[2].split()}


def public(module):
    """Name → function of a module's public functions."""
    names = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    return {
        name: function
        for name, function in names.items()
        if callable(function) and not isinstance(function, (type, types.ModuleType))
    }


def missing(module):
    functions = public(module)
    known = lambda f: f in DISPATCH or f in REFUSED
    return sorted(name for name, f in functions.items() if name not in NEVER and not known(f))


@pytest.mark.parametrize("module", [np, np.linalg, np.fft], ids=lambda module: module.__name__)
def test_every_function_is_differentiated_or_constant_or_refused(module):
    assert missing(module) == []


def test_every_function_of_scipy_special_is_differentiated_or_constant_or_refused():
    special = pytest.importorskip("scipy.special")
    ops.load()
    adapted = {name for name in missing(special) if f"special.{name}" in registry}  # those SciPy wrote in Python
    assert set(missing(special)) == adapted
    assert adapted >= {"logsumexp", "softmax", "polygamma"}


def test_every_method_of_a_binary_ufunc_is_differentiated_or_constant_or_refused():
    ufuncs = {f for f in vars(np).values() if isinstance(f, np.ufunc) and {"dd->d", "dd->?"} & {*f.types}}
    ufuncs -= {f for f in ufuncs if f.signature}
    found = [
        f"{f.__name__}.{method}"
        for f in ufuncs
        for method in ("reduce", "accumulate", "reduceat", "outer")
        if (f, method) not in DISPATCH and (f, method) not in REFUSED and f not in REFUSED
    ]
    assert sorted(found) == []


def test_the_lists_of_exceptions_name_only_what_exists_and_is_not_covered():
    functions = {name: f for module in (np, np.linalg, np.fft) for name, f in public(module).items()}
    assert sorted(NEVER & {name for name, f in functions.items() if f in DISPATCH or f in REFUSED}) == []
    assert sorted(name for name in NEVER - set(functions) if hasattr(np, name)) == []


def test_nothing_is_refused_that_is_differentiated():
    assert [f.__name__ for f in REFUSED if f in DISPATCH and not isinstance(f, tuple)] == []


def asks(function):
    """Whether a function hands itself over to a Value: ufuncs and NumPy's do, SciPy's others do not."""
    return isinstance(function, np.ufunc) or (function.__module__ or "").startswith("numpy")


@pytest.mark.parametrize(
    "function",
    [f for f in REFUSED if not isinstance(f, tuple) and f not in DISPATCH and asks(f)],
    ids=lambda f: f.__name__,
)
def test_what_is_refused_says_why(function):
    v, said = Value(np.ones(3)), ""
    for count in range(1, 8):
        try:
            function(*FIRST.get(function, ()), *[v] * count)
        except NotDifferentiableError as refusal:
            said = str(refusal)
            break
        except TypeError:  # needs more arguments
            continue
    assert said == f"{spelled(function)}: {REFUSED[function]}"


FIRST = {  # where the array is not the first argument
    np.save: ("x.npy",), np.savez: ("x.npz",), np.savez_compressed: ("x.npz",), np.savetxt: ("x.txt",),
}  # fmt: skip


@pytest.mark.parametrize(
    ("ufunc", "method"),
    sorted((f for f in REFUSED if isinstance(f, tuple) and f not in DISPATCH), key=lambda f: (f[0].__name__, f[1])),
    ids=lambda f: getattr(f, "__name__", f),
)
def test_a_refused_method_of_a_ufunc_says_why(ufunc, method):
    v = Value(np.ones(3))
    with pytest.raises(NotDifferentiableError, match=re.escape(REFUSED[ufunc, method])):
        getattr(ufunc, method)(v, *([[0, 1]] if method == "reduceat" else []))


@pytest.mark.parametrize(
    "call",
    [
        lambda v: np.array([v]), lambda v: np.asarray(v), lambda v: np.asanyarray(v),
        lambda v: np.asarray_chkfinite(v), lambda v: np.ascontiguousarray(v), lambda v: np.asfortranarray(v),
        lambda v: np.require(v), lambda v: np.full(2, v),
        lambda v: np.vectorize(abs)(v),
    ],
)  # fmt: skip
def test_what_makes_an_array_of_a_value_is_refused(call):
    with pytest.raises(ConversionError, match=r"v\.data"):
        call(Value(np.ones(2)))


# what the table of ops does not have: constants, and methods of ufuncs


def test_constants_are_plain():
    v = Value(np.array([[1.4, -2.6], [0.0, 3.5]]))
    for found, expected in [
        (np.round(v), [[1.0, -3.0], [0.0, 4.0]]),
        (v.round(), [[1.0, -3.0], [0.0, 4.0]]),
        (np.round(v, 1), v.data),
        (np.around(v), [[1.0, -3.0], [0.0, 4.0]]),
        (np.fix(v), [[1.0, -2.0], [0.0, 3.0]]),
        (np.digitize(v, [0.0, 2.0]), [[1, 0], [1, 2]]),
        (np.isin(v, [0.0]), [[False, False], [True, False]]),
        (np.lexsort((v[0], v[1])), [0, 1]),
        (np.nanargmax(v), 3),
        (np.logical_and.reduce(v), [False, True]),
        (np.greater.outer(v[0], v[0]), [[False, True], [False, False]]),
    ]:
        assert not isinstance(found, Value)
        np.testing.assert_array_equal(found, expected)


def test_full_like_of_a_value_is_a_constant_or_the_recorded_fill():
    x = Value(np.ones((2, 2)))
    assert np.full_like(x, 3.0).data.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert grad(lambda x: np.sum(np.full_like(x, x[0, 1])))(x.data).tolist() == [[0.0, 4.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("method", "function", "options"),
    [
        (np.add.reduce, np.sum, {}), (np.add.reduce, np.sum, {"axis": 1, "keepdims": True}),
        (np.add.reduce, np.sum, {"axis": None}), (np.multiply.reduce, np.prod, {"axis": (0, 1)}),
        (np.maximum.reduce, np.max, {"axis": -1}), (np.minimum.reduce, np.min, {}), (np.fmax.reduce, np.nanmax, {}),
        (np.fmin.reduce, np.nanmin, {"axis": None}),
        (np.add.accumulate, np.cumsum, {}), (np.add.accumulate, np.cumsum, {"axis": 1}),
        (np.multiply.accumulate, np.cumprod, {"axis": -1}),
    ],
)  # fmt: skip
def test_a_method_of_a_ufunc_is_the_function_it_means(method, function, options):
    x = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_array_equal(method(Value(x), **options).data, method(x, **options))
    loss = lambda call, options: grad(lambda x: np.sum(np.sin(call(x, **options))))(x)
    np.testing.assert_array_equal(loss(method, options), loss(function, {"axis": 0, **options}))


def test_logaddexp_reduce_is_logsumexp():
    x = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_allclose(np.logaddexp.reduce(Value(x), axis=1).data, np.logaddexp.reduce(x, axis=1), rtol=1e-14)
    assert grad(np.logaddexp.reduce)(np.zeros(4)).tolist() == [0.25] * 4


def test_outer_of_a_binary_ufunc_combines_all_pairs():
    x, y = np.array([1.0, 2.0]), np.array([[3.0, 4.0, 5.0]])
    for ufunc in (np.add, np.subtract, np.multiply, np.arctan2, np.fmod, np.logaddexp2, np.maximum):
        np.testing.assert_array_equal(ufunc.outer(Value(x), Value(y)).data, ufunc.outer(x, y))
        found = grad(lambda x, y, f=ufunc: np.sum(f.outer(x, y)), (0, 1))(x, y)
        expected = grad(lambda x, y, f=ufunc: np.sum(f(x[:, None, None], y)), (0, 1))(x, y)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)
