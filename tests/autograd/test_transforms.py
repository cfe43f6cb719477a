"""What the transforms promise; test_forward_mode.py has jvp, test_containers.py nested arguments."""

import functools
import math

import numpy as np
import pytest

from autograd import Value, grad, hessian, hvp, jacobian, jvp, no_grad, stop_gradient, value_and_grad, vjp
from autograd.errors import ArgumentError, ConversionError, SeedError
from autograd.value import CONSTANT

X = np.array([0.5, -1.0, 2.0])


def cubes(x):
    return np.sum(x**3)


# what comes back


def test_plain_input_gives_plain_output():
    assert grad(lambda x: x * x)(3.0) == 6.0
    assert type(grad(np.sin)(3.0)) is float
    assert type(grad(cubes)(X)) is np.ndarray
    assert type(value_and_grad(cubes)(X)[0]) is float
    assert type(grad(np.sin)(np.float32(3.0))) is np.float32
    assert type(grad(lambda z: np.real(z * z))(1 + 2j)) is np.complex128


def test_values_in_give_recorded_values_out():
    x = Value(3.0)
    value, slope = value_and_grad(lambda y: y**3)(x)
    assert (type(value), type(slope)) == (Value, Value)
    (value + slope).backward()
    assert x.grad == 27.0 + 18.0


def test_a_constant_value_in_gives_values_out():
    slope = grad(lambda y: y * y)(Value(3.0).detach())
    assert (type(slope), slope.data) == (Value, 6.0)


def test_gradients_of_float32_are_float32():
    x = np.ones(3, np.float32)
    for result in (grad(cubes)(x), jacobian(np.tanh)(x), hessian(cubes)(x), hvp(cubes, x, np.ones(3))):
        assert result.dtype == np.float32


def test_a_gradient_is_a_writable_array_of_its_own():
    value, pullback = vjp(lambda a, b: a + b, np.ones(2), np.ones(2))
    g = np.ones(2)
    first, second = pullback(g)
    first += 5.0
    assert (second.tolist(), g.tolist(), value.tolist()) == ([1.0, 1.0], [1.0, 1.0], [2.0, 2.0])
    assert grad(np.sum)(np.ones(3)).flags.writeable


def test_what_does_not_matter_has_a_zero_gradient():
    assert grad(lambda x, y: x)(1.0, 2.0) == 1.0
    assert grad(lambda x, y: x, 1)(1.0, 2.0) == 0.0
    assert grad(lambda x: 3.0)(1.0) == 0.0
    assert grad(lambda x: np.argmax(x))(np.ones(2, np.float32)).dtype == np.float32
    assert jacobian(lambda x: np.ones(2))(X).tolist() == [[0.0] * 3] * 2
    assert hessian(lambda x: np.sum(2.0 * x))(X).tolist() == [[0.0] * 3] * 3
    assert grad(lambda x: stop_gradient(x) * 2.0)(1.0) == 0.0


def test_the_identity_and_a_result_given_twice():
    assert grad(lambda x: x)(3.0) == 1.0
    value, pullback = vjp(lambda x: (x, x, 2.0 * x), 3.0)
    assert value == (3.0, 3.0, 6.0)
    assert pullback((1.0, 10.0, 100.0)) == (211.0,)
    assert pullback((0.0, 0.0, 1.0)) == (2.0,)


def test_grad_keeps_the_functions_name_and_takes_any_callable():
    assert grad(cubes).__name__ == "cubes"
    assert grad(functools.partial(lambda a, b: a * b, 2.0))(3.0) == 2.0
    assert grad(np.sin)(0.0) == 1.0

    class Square:
        def __call__(self, x):
            return x * x

    assert grad(Square())(3.0) == 6.0


def test_complex_gradients_are_the_conjugate_of_steepest_ascent():
    assert grad(lambda z: np.real(z * z))(1 + 2j) == 2 + 4j
    np.testing.assert_allclose(grad(np.abs)(3 + 4j), 0.6 - 0.8j, rtol=1e-15)


# which argument


def test_argnum_is_a_position_a_tuple_or_a_name():
    def f(a, b, c=1.0):
        return a * b * b * c

    assert grad(f)(2.0, 3.0) == 9.0
    assert grad(f, 1)(2.0, 3.0) == 12.0
    assert grad(f, -1)(2.0, 3.0) == 12.0
    assert grad(f, (1, 0))(2.0, 3.0) == (12.0, 9.0)
    assert grad(f, [0])(2.0, 3.0) == (9.0,)
    assert grad(f, "b")(2.0, 3.0) == 12.0
    assert grad(f, "b")(2.0, b=3.0) == 12.0
    assert grad(f, ("c", "a"))(2.0, 3.0, c=5.0) == (18.0, 45.0)
    assert hessian(f, (0, 1))(2.0, 3.0) == ((0.0, 6.0), (6.0, 4.0))


def test_an_argnum_that_does_not_exist_lists_what_does():
    def f(a, b=1.0):
        return a * b

    for argnum, message in [
        ("z", r"argnum='z': f was called without it; it has a, b"),
        ("b", r"argnum='b': f was called without it"),
        (1, r"argnum=1: f was called with 1 positional arguments"),
        (-2, r"argnum=-2: f was called with 1"),
        (0.0, r"argnum=0.0: f was called with 1"),
        ((0, "a"), r"argnum=\(0, 'a'\) names an argument of f twice"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            grad(f, argnum)(2.0)


def test_integers_at_the_top_count_as_floats():
    assert grad(lambda x: x**3)(2) == 12.0
    assert grad(cubes)(np.arange(3)).tolist() == [0.0, 3.0, 12.0]
    assert jvp(lambda x: x * x, (3,), (1,)) == (9.0, 6.0)


def test_what_cannot_be_differentiated_is_refused():
    for x in ("text", None, object()):
        with pytest.raises(ArgumentError, match=f"cannot differentiate with respect to {type(x).__name__}"):
            grad(lambda x: 1.0)(x)


# aux


def test_aux_comes_back_plain():
    def f(x):
        return x * x, {"twice": 2.0 * x, "name": "f", "list": [x, 1]}

    aux = {"twice": 6.0, "name": "f", "list": [3.0, 1]}
    assert grad(f, has_aux=True)(3.0) == (6.0, aux)
    assert value_and_grad(f, has_aux=True)(3.0) == ((9.0, aux), 6.0)
    value, pullback, third = vjp(f, 3.0, has_aux=True)
    assert (value, pullback(1.0), third) == (9.0, (6.0,), aux)
    with pytest.raises(ArgumentError, match=r"has_aux=True: .*must return a pair \(result, aux\)"):
        grad(lambda x: x, has_aux=True)(3.0)


# results that do not fit


def test_grad_wants_a_single_real_number():
    for f, message in [
        (
            lambda x: x,
            r"grad: <lambda> must return a single number, it returned shape \(3,\); take .sum\(\), or use jacobian",
        ),
        (lambda x: (x[0], x[1]), r"it returned shape \(\), \(\)"),
        (lambda x: {}, r"it returned shape nothing"),
        (lambda x: x[0] * 1j, r"returned a complex number; take np.real or np.abs"),
    ]:
        with pytest.raises(SeedError, match=message):
            grad(f)(X)
    assert grad(lambda x: x[:1])(X).tolist() == [1.0, 0.0, 0.0]


def test_a_result_that_holds_no_numbers_is_refused():
    for result in (None, "text"):
        with pytest.raises(
            ArgumentError, match=f"returned {type(result).__name__}; a result to differentiate holds numbers"
        ):
            jacobian(lambda x: result)(X)  # noqa: B023  called at once


def test_a_cotangent_must_fit_the_result():
    _, pullback = vjp(lambda x: {"y": x}, X)
    with pytest.raises(SeedError, match="vjp: the cotangent must have the structure of <lambda>'s result"):
        pullback(np.ones(3))
    with pytest.raises(SeedError, match=r"vjp: the cotangent has shape \(2,\), the result \(3,\)"):
        pullback({"y": np.ones(2)})


# nesting


def test_the_inner_derivative_is_with_respect_to_the_inner_argument_alone():
    assert grad(lambda x: x * grad(lambda y: x + y)(x))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0
    assert jvp(lambda x: x * jvp(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,)) == (1.0, 1.0)
    assert grad(lambda x: x * jvp(lambda y: x + y, (x,), (1.0,))[1])(1.0) == 1.0
    assert jvp(lambda x: x * grad(lambda y: x + y)(x), (1.0,), (1.0,)) == (1.0, 1.0)


def test_derivatives_of_derivatives():
    f = math.sin, math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x), math.sin
    d = np.sin
    for expected in f:
        assert math.isclose(np.asarray(d(0.7)).item(), expected(0.7), rel_tol=1e-14)
        d = grad(d)


def test_transforms_of_transforms_agree():
    H = np.diag(6.0 * X)
    np.testing.assert_allclose(hessian(cubes)(X), H)
    np.testing.assert_allclose(jacobian(grad(cubes))(X), H)
    np.testing.assert_allclose(jacobian(lambda x: jacobian(cubes)(x))(X), H)
    np.testing.assert_allclose(jacobian(lambda x: vjp(cubes, x)[1](1.0)[0])(X), H)
    np.testing.assert_allclose(jacobian(lambda x: value_and_grad(cubes)(x)[1])(X), H)
    v = np.array([1.0, 2.0, 3.0])
    for product in (
        hvp(cubes, X, v),
        grad(lambda x: np.sum(grad(cubes)(x) * v))(X),
        jvp(grad(cubes), (X,), (v,))[1],
        grad(lambda x: jvp(cubes, (x,), (v,))[1])(X),
        vjp(grad(cubes), X)[1](v)[0],
    ):
        np.testing.assert_allclose(product, H @ v)


def test_third_derivatives_of_an_array_function():
    third = jacobian(hessian(cubes))(X)
    expected = np.zeros((3, 3, 3))
    expected[range(3), range(3), range(3)] = 6.0
    np.testing.assert_allclose(third, expected)
    hessian_of_jacobian = hessian(lambda x: np.sum(jacobian(lambda y: y**3)(x)))(X)
    np.testing.assert_allclose(hessian_of_jacobian, 6.0 * np.eye(3))


def test_an_inner_seed_or_direction_may_depend_on_the_outer_argument():
    assert grad(lambda s: vjp(lambda x: x * x, 2.0)[1](s)[0])(3.0) == 4.0
    np.testing.assert_allclose(grad(lambda v: np.sum(hvp(cubes, X, v)))(np.ones(3)), 6.0 * X)
    np.testing.assert_allclose(grad(lambda t: jvp(cubes, (X,), (t,))[1])(np.ones(3)), 3.0 * X**2)


def test_an_inner_result_that_depends_on_the_outer_argument_alone_is_followed():
    assert grad(lambda x: value_and_grad(lambda y: x * x)(1.0)[0])(3.0) == 6.0
    assert grad(lambda x: value_and_grad(lambda y: x)(1.0)[0])(3.0) == 1.0
    assert grad(lambda x: vjp(lambda y: (y, x**3), 1.0)[0][1])(2.0) == 12.0
    assert grad(lambda x: grad(lambda y: (y, x**3), has_aux=True)(1.0)[1])(2.0) == 12.0
    assert grad(lambda x: jvp(lambda y: x * x, (1.0,), (1.0,))[0])(3.0) == 6.0


def test_an_inner_transform_of_plain_numbers_stays_plain():
    seen = []

    def f(x):
        slope = grad(lambda y: y * y)(3.0)
        seen.append(type(slope))
        return slope * x

    assert grad(f)(2.0) == 6.0
    assert seen == [float]


# what is around


def test_closures_over_values_are_constants_for_a_plain_argument():
    v = Value(2.0)
    slope = grad(lambda y: y * y * v)(3.0)
    assert (slope, type(slope)) == (12.0, float)
    assert not v.has_grad


def test_closures_over_values_are_followed_for_a_value_argument():
    v, x = Value(2.0), Value(3.0)
    grad(lambda y: y * y * v)(x).backward()
    assert (v.grad, x.grad) == (6.0, 4.0)


def test_grad_attributes_are_untouched():
    x, v = Value(3.0), Value(2.0)
    (x * v).backward()
    before = x.grad, v.grad
    value_and_grad(lambda y: y * v)(x)
    hessian(lambda y: y * y * v)(x)
    jvp(lambda y: y * v, (x,), (1.0,))
    assert (x.grad, v.grad) == before


def test_transforms_record_under_no_grad():
    with no_grad():
        assert grad(lambda x: x**3)(2.0) == 12.0
        assert hessian(cubes)(X).shape == (3, 3)
        slope = grad(lambda x: x**3)(Value(2.0))
        assert jvp(lambda x: x**3, (2.0,), (1.0,)) == (8.0, 12.0)
    assert slope.data == 12.0
    assert slope.primitive is CONSTANT


def test_no_grad_inside_detaches():
    def f(x):
        with no_grad():
            y = x * x
        return y * x

    assert grad(f)(3.0) == 9.0


def test_loops_and_branches_follow_the_numbers():
    def f(x):
        while x < 100.0:
            x = x * 3.0 if x > 0 else -x
        return x

    assert grad(f)(2.0) == 81.0
    assert grad(f)(-2.0) == -81.0


@pytest.mark.parametrize("take", [float, int, complex, math.exp, lambda v: v.item(), lambda v: v.tolist(), np.float64])
def test_a_number_does_not_leave_the_graph_unnoticed(take):
    for transform in (grad, hessian, lambda f: lambda x: jvp(f, (x,), (1.0,))):
        with pytest.raises(ConversionError, match=r"would drop its gradient.*np.stack.*v.data for a constant"):
            transform(lambda x: take(x) * x)(1.0)


def test_storing_into_an_array_says_what_would_be_lost():
    def f(x):
        a = np.zeros(2)
        a[0] = x
        return a.sum()

    with pytest.raises(ValueError, match="setting an array element") as caught:
        grad(f)(1.0)
    assert isinstance(caught.value.__cause__, ConversionError)
    assert "np.stack" in str(caught.value.__cause__)


# jacobians


def test_the_jacobian_has_the_results_axes_first():
    x = np.arange(6.0).reshape(2, 3)
    J = jacobian(lambda x: np.stack([x.T, 2.0 * x.T]))(x)
    assert J.shape == (2, 3, 2, 2, 3)
    assert J[1, 2, 0, 0, 2] == 2.0
    assert np.count_nonzero(J) == 12
    assert jacobian(lambda x: x * x)(3.0) == 6.0
    assert jacobian(lambda x: np.stack([x, x * x]))(3.0).tolist() == [1.0, 6.0]
    assert jacobian(lambda x: x[:0])(X).shape == (0, 3)


def test_an_infinite_result_does_not_spoil_the_others():
    J = jacobian(lambda x: (2.0 * x, np.append(np.inf, 1.0)))(X)
    np.testing.assert_array_equal(J[0], 2.0 * np.eye(3))
    np.testing.assert_array_equal(J[1], np.zeros((2, 3)))


def test_gradients_through_an_op_with_several_results():
    def f(x):
        first, second = np.split(x, [1])
        return np.sum(first) ** 2 * np.sum(second**3)

    x = np.array([2.0, 1.0, -1.0, 3.0])
    np.testing.assert_allclose(grad(f)(x), [4.0 * 27.0, 12.0, 12.0, 108.0])
    H = hessian(f)(x)
    np.testing.assert_allclose(H, H.T)
    np.testing.assert_allclose(H[0], [2.0 * 27.0, 12.0, 12.0, 108.0])
    np.testing.assert_allclose(np.diag(H)[1:], [24.0, -24.0, 72.0])
