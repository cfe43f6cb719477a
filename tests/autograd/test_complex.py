"""Complex numbers: grad(f)(x + iy) = ∂f/∂x − i ∂f/∂y, scalars of Python included."""

import numpy as np
import pytest

from autograd import Value, elementwise_grad, grad, jacobian, jvp, vjp
from autograd.errors import SeedError


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


# real arguments with complex results, and mixed precision


def test_rows_and_columns_of_a_complex_jacobian_agree():
    A = np.array([[1.0 + 2.0j, 0.5j], [3.0, -1.0j]])
    f = lambda x: np.exp(A @ x)
    x = np.array([0.3, -0.2])
    forward, reverse = (jacobian(f, mode=mode)(x) for mode in ("forward", "reverse"))
    np.testing.assert_allclose(forward, np.exp(A @ x)[:, None] * A, rtol=1e-14)
    np.testing.assert_allclose(reverse, forward, rtol=1e-14)
    by_z, by_x = jacobian(lambda z, x: z * x, (0, 1))(1j, 2.0)
    assert (by_z, by_x) == (2.0, 1j)


def test_a_complex_cotangent_of_a_real_number_is_refused():
    with pytest.raises(SeedError, match="imaginary part would be lost"):
        vjp(lambda x: 2.0 * x, np.ones(2))[1](1j * np.ones(2))
    with pytest.raises(SeedError, match="no real slope"):
        elementwise_grad(lambda x: x * (1.0 + 2.0j))(np.ones(2))


@pytest.mark.parametrize("f", [
    lambda b: np.linalg.solve(np.eye(2) * 1j, b), lambda b: np.einsum("ij,j", np.eye(2) * 1j, b), lambda x: np.prod(x + 1j),
    lambda x: np.linalg.inv(np.diag(x) + 1j * np.eye(2)), lambda x: np.cumprod(x + 1j), lambda x: np.sort(x + np.ones(2)),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tangent_has_the_dtype_of_its_result(f, dtype):
    x = np.array([0.5, 2.0], dtype)
    out, tangent = jvp(f, (x,), (np.ones(2, dtype),))
    assert np.asarray(tangent).dtype == np.asarray(out).dtype
    by_columns, by_rows = (jacobian(f, mode=mode)(x) for mode in ("forward", "reverse"))
    np.testing.assert_allclose(by_columns.sum(axis=-1), tangent, rtol=1e-5)
    np.testing.assert_allclose(by_rows, by_columns, rtol=1e-5)


@pytest.mark.parametrize("f", [lambda x: x.mean() - np.mean(np.ones(3)), lambda x: x.sum() + np.int64(1),
                               lambda x: x[0] % np.float64(0.7)])  # fmt: skip
def test_float32_numbers_beside_float64_numbers(f):
    x = Value(np.ones(3, np.float32))
    f(x).backward()
    assert x.grad.dtype == np.float32
