"""Every kind of mistake: the class that is raised, the builtin exception it also is, and what its message says."""

import re
import sys

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, check_gradients, detect_anomaly, errors, grad, ops, primitive
from autograd.primitives import Primitive, registry, sample
from autograd.value import DISPATCH


def add_into_an_array():
    a = np.ones(2)
    a += Value(1.0)


def log_of_a_negative_number():
    with np.errstate(all="ignore"), detect_anomaly():
        np.log(Value(-1.0))


@pytest.fixture
def product(planted):
    @planted()
    def product(x, y, /):
        return x @ y

    return product


def forgotten_transpose(product):
    product.vjp(x=lambda g, out, x, y: y @ g.T)
    product(Value(np.ones((2, 3))), np.ones((3, 3))).backward(np.ones((2, 3)))


def wrong_sign(product):
    product.vjp(x=lambda g, out, x, y: -g @ y.T)
    check_gradients(lambda x: product(x, np.ones((2, 1))), np.ones((1, 2)))


def unknown_parameter():
    def f(a, b):
        return a

    grad(f, argnum="z")(1.0, 2.0)


def branch_in_compile():
    autograd.compile(lambda x: 1.0 if x > 0 else 0.0)(2.0)


# what fails in the docstring of the class, the builtin exception that it also is, the message
EXAMPLES = [
    (
        "NotDifferentiableError",
        TypeError,
        lambda: np.frexp(Value(2.0)),
        "np.frexp: its result is a fraction and an integer exponent; multiply by 2.0 ** −exponent, or use v.data",
    ),
    (
        "ConversionError",
        TypeError,
        lambda: np.array([Value(1.0)]),
        "NumPy asked a Value to become an array (np.array, np.asarray, np.full, a[:] = v do), which would drop its "
        "gradient. Use np.stack or the same function of autograd.numpy or autograd.scipy, or v.data for a constant",
    ),
    (
        "InPlaceError",
        TypeError,
        add_into_an_array,
        "np.add cannot write a Value into an array (a += v, out=a): write a = a + v, without out=",
    ),
    (
        "ShapeError",
        ValueError,
        lambda: Value(np.ones((2, 3))) @ np.ones((2, 3)),
        "matmul: operands x (2, 3), y (2, 3): matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc "
        "signature (n?,k),(k,m?)->(n?,m?) (size 2 is different from 3)",
    ),
    (
        "SeedError",
        ValueError,
        lambda: Value(np.ones(3)).backward(),
        "backward() of a Value of shape (3,) needs to know how its elements count: write v.sum().backward(), or "
        "v.backward(seed) with a seed of shape (3,)",
    ),
    (
        "AmbiguousTruthError",
        ValueError,
        lambda: bool(Value(np.ones(2))),
        "the truth of a Value of shape (2,) is ambiguous: write (v.data > 0).all() or .any()",
    ),
    (
        "NonFiniteError",
        FloatingPointError,
        log_of_a_negative_number,
        "log made a NaN or infinity in the forward pass, at "
        f"{__file__}:{log_of_a_negative_number.__code__.co_firstlineno + 2}",
    ),
    (
        "RuleError",
        ValueError,
        forgotten_transpose,
        "product: the rule for operand 'x' returned shape (3, 2), expected (2, 3) (out has shape (2, 3))",
    ),
    (
        "RegistrationError",
        ValueError,
        lambda: ops.hypot.vjp(z=lambda g, out, x, y: g),
        "hypot has no operand 'z'; it has x, y",
    ),
    (
        "ArgumentError",
        (TypeError, ValueError),
        unknown_parameter,
        "argnum='z': f was called without it; it has a, b",
    ),
    (
        "GradientCheckError",
        AssertionError,
        wrong_sign,
        "2 of 2 first derivatives of <lambda> are wrong, the worst first:\n"
        "  d out[0] / d x0[0, 0]: recorded -1, measured 1 ± 2e-14\n"
        "  d out[0] / d x0[0, 1]: recorded -1, measured 1 ± 2e-14\n"
        "The error enters at op 'product': its own derivative rule is wrong: "
        "d out[0] / d x0[0, 0]: recorded -1, measured 1 ± 2e-14",
    ),
    (
        "CompileError",
        RuntimeError,
        branch_in_compile,
        f"{__file__}:{branch_in_compile.__code__.co_firstlineno + 1} branches on a number that differs in the next run "
        "(if, while, and, or, min, max), which a compiled function cannot. Instead: np.where(condition, a, b), np.maximum, "
        "or pass a Python bool, which is static; or call it without compile",
    ),
    (
        "MissingExtraError",
        ImportError,
        lambda: nn.History([1.0]).plot(),
        'History.plot needs matplotlib: pip install "glassgrad[plot]"',
    ),
]


@pytest.mark.parametrize(("name", "builtin", "fails", "message"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_the_example_of_the_docstring_fails_as_it_says(name, builtin, fails, message, product, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    kind = getattr(errors, name)
    assert issubclass(kind, builtin)
    with pytest.raises(kind) as caught:
        fails(product) if fails.__code__.co_argcount else fails()
    assert type(caught.value) is kind
    digits = lambda text: re.sub(r"± \S+e-\d+", "± ε", text)  # rounding is the machine's own
    assert digits(str(caught.value)) == digits(message)


def test_every_class_is_in_the_list_and_says_what_fails_and_what_to_do():
    assert {row[0] for row in EXAMPLES} == set(errors.__all__)
    classes = {name for name, thing in vars(errors).items() if isinstance(thing, type) and issubclass(thing, Exception)}
    assert classes == set(errors.__all__)
    for name in errors.__all__:
        assert re.search(r"^ *Fails: .+  Fix: ", getattr(errors, name).__doc__, re.MULTILINE), name


# declaring an op


def test_an_unknown_kind_is_refused():
    with pytest.raises(errors.RegistrationError, match="kind 'smooth' of halve is none of elementwise, linear, view"):

        @primitive(kind="smooth")
        def halve(x, /):
            return 0.5 * x

    assert "halve" not in registry
    assert "halve" not in DISPATCH


def test_a_name_that_is_taken_is_refused():
    before = registry["exp"]
    with pytest.raises(errors.RegistrationError, match=r"an op named 'exp' exists already, in autograd\.ops"):

        @primitive(numpy=np.exp)
        def exp(x, /):
            return x

    assert registry["exp"] is DISPATCH[np.exp] is before


def test_an_op_may_be_declared_again_where_it_was_declared(planted):
    """As a notebook cell that is run twice does."""
    for factor in (2.0, 3.0):

        @planted()
        def scaled(x, /):
            return factor * x  # noqa: B023  called at once

        assert scaled(1.0) == factor
    assert registry["scaled"] is scaled


def test_constant_names_an_operand_that_exists():
    with pytest.raises(errors.RegistrationError, match="exp has no operand 'mask'; it has x"):
        ops.exp.constant("mask")


def test_a_primitive_names_its_operands_and_options():
    assert isinstance(ops.softmax, Primitive)
    assert repr(ops.softmax) == "<primitive softmax(x, axis)>"


# calling an op


def test_calls_that_do_not_fit_an_op_say_what_it_takes():
    v = Value(np.ones(3))
    for call, message in [
        (lambda: ops.hypot(v), "hypot needs its operands x, y, got 1 of them"),
        (lambda: ops.relu(), "relu needs its operands x, got 0 of them"),
        (lambda: ops.relu(v, 1.0), "relu takes at most 1 positional arguments, got 2"),
        (lambda: ops.elu(v, 1.0, 2.0), "elu takes at most 2 positional arguments, got 3"),
        (lambda: ops.elu(v, slope=1.0), "elu has no option 'slope'; it has alpha"),
        (
            lambda: np.sum(v, dtype=np.float32),
            "sum has no option 'dtype' when it is differentiated; it has axis, keepdims, initial, where",
        ),
        (lambda: v[v], "an index cannot be a Value"),
    ]:
        with pytest.raises(errors.ArgumentError, match=re.escape(message)):
            call()


def test_the_message_for_wrong_shapes_has_the_options():
    with pytest.raises(
        errors.ShapeError, match=re.escape("concatenate: operands arrays (2,), arrays (2, 2), axis=0: ")
    ):
        np.concatenate([Value(np.ones(2)), np.ones((2, 2))])
    with pytest.raises(
        errors.ShapeError, match=re.escape("sum: operands x (2,), axis=3, keepdims=False: axis 3 is out")
    ):
        np.sum(Value(np.ones(2)), axis=3, keepdims=False)


def test_a_builtin_except_clause_catches_ours():
    with pytest.raises(ValueError, match="operands"):
        Value(np.ones(2)) + np.ones(3)
    with pytest.raises(TypeError, match="unsupported operand"):
        Value(1.0) + None


def test_a_sample_draws_what_it_says():
    a, b = sample("3 4", 2.0, low=0.5, high=1.0).arrays(np.random.default_rng(0))
    assert a.shape == (3, 4)
    assert b == 2.0
    assert a.min() > 0.4
    assert a.max() < 1.1
