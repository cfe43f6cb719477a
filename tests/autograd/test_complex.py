"""Complex numbers: grad(f)(x + iy) = ∂f/∂x − i ∂f/∂y, scalars of Python included."""

import numpy as np
import pytest

from autograd import Value, grad, jvp


def test_a_float_times_a_python_complex():
    v = Value(2.0)
    np.real((v * 1j) * np.conjugate(v * 1j)).backward()
    assert v.grad == 4.0
    assert type(v.grad) is float


@pytest.mark.parametrize(
    "f", [lambda t: np.real(np.exp(1j * t)), lambda t: np.real((t + 1j) ** 3), lambda t: abs(t + 2j)]
)
def test_real_functions_of_a_number_through_complex_ones(f):
    h, t = 1e-6, 0.5
    assert grad(f)(t) == pytest.approx((f(t + h) - f(t - h)) / (2 * h), rel=1e-8)


def test_the_tangent_of_an_absolute_value_is_real():
    z, t = np.array([1 + 2j, 3 - 1j]), np.array([1j, 1.0])
    out, tangent = jvp(np.abs, (z,), (t,))
    assert tangent.dtype == np.float64
    np.testing.assert_allclose(tangent, (z.real * t.real + z.imag * t.imag) / out)


def test_second_derivatives_through_the_real_part():
    slope = grad(lambda a: np.sum(np.abs(grad(lambda b: np.sum(np.real(b) ** 2))(a))))(np.array([1 + 2j]))
    np.testing.assert_allclose(slope, [2.0])
