"""Small products of matrices as machine code: equal to NumPy's, for any form, on any processor's registers."""

import numpy as np
import pytest
from test_compile_passes import numbers

from autograd import compile
from autograd.compiler import machine, products

pytest.importorskip("llvmlite")
REGISTERS = {"AVX-512": (64, 28), "AVX": (32, 12), "128 bits": (16, 24)}


def by_machine(x, y, registers):
    """x @ y by the function of products; out lies between NaN, which must stay."""
    around = np.full((*x.shape[:-1], y.shape[-1] + 3), np.nan, x.dtype)
    out = around[..., 1:-2]
    form = products.fits(x, y, out)
    assert form is not None
    made = machine.functions(products.product(form, x.dtype, registers), {"product": ("ptr",) * 3}, {})["product"]
    made(*(array.__array_interface__["data"][0] for array in (x, y, out)))
    assert np.isnan(around[..., 0]).all() and np.isnan(around[..., -2:]).all()
    return out


@pytest.mark.parametrize("registers", REGISTERS.values(), ids=REGISTERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [
    (32, 64, 64), (1, 50, 16), (7, 5, 6), (100, 2, 16), (33, 17, 21), (3, 1, 40), (30, 9, 70), (2, 3, 19, 8, 33),
    (5, 11, 4, 5),
])  # fmt: skip
def test_products_equal_numpys(shape, dtype, registers):
    *stack, rows, terms, columns = shape
    x, y = numbers(*stack, rows, terms).astype(dtype), numbers(*stack, terms, columns).astype(dtype)
    turned = lambda z: np.ascontiguousarray(z.swapaxes(-1, -2)).swapaxes(-1, -2)
    for left in (x, turned(x)):
        for right in (y, turned(y)):
            tolerance = 1e-5 if dtype == np.float32 else 1e-13
            np.testing.assert_allclose(by_machine(left, right, registers), x @ y, rtol=tolerance, atol=10 * tolerance)


def test_what_is_left_to_blas():
    x, y, out = numbers(8, 6), numbers(6, 8), numbers(8, 8)
    assert products.fits(x, y, out) is not None
    assert products.fits(x.astype(float), y, out) is None  # of two precisions
    assert products.fits(x, numbers(12, 16)[::2, ::2], out) is None  # rows with gaps
    assert products.fits(out, y.T @ y, out) is None  # written where it is read
    assert products.fits(numbers(8, 6), numbers(6, 3), numbers(8, 3)) is None  # few columns
    assert products.fits(numbers(512, 64), numbers(64, 512), numbers(512, 512)) is None  # large


def test_a_product_that_is_not_a_number_stays_one():
    x, y = numbers(6, 5), numbers(5, 8)
    x[2, 3], y[1, 4] = np.inf, np.nan
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(by_machine(x, y, (64, 28)), x @ y, rtol=1e-5)


def test_a_program_calls_them_with_what_it_is_given():
    """Arguments, weights that change, results in arrays of the caller's, and rows of one."""
    w = numbers(5, 70)
    f = compile(lambda x: (np.tanh(x @ w.T), x.T @ x, np.ones(9, np.float32) @ (x * 2.0)), backend="llvm")
    for i in range(4):
        x = numbers(9, 70) * (i + 1)
        w += 0.25
        for found, expected in zip(f(x), (np.tanh(x @ w.T), x.T @ x, np.ones(9, np.float32) @ (x * 2.0)), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
    assert f.source.count("product_") >= 2


@pytest.mark.parametrize("columns", [3, 8, 10, 16, 24, 40])
def test_short_rows_and_sums_of_columns(columns):
    """Loops over a few columns: several rows at once have sums of their own, and nothing is added twice."""
    x, b = numbers(96, columns), numbers(columns)

    def f(x, b):
        y = np.maximum(x + b, 0.0) * x
        return np.sum(y, axis=0), y, np.sum(np.exp(y) * 0.5, axis=0, keepdims=True)

    compiled = compile(f, backend="llvm")
    for _ in range(3):
        for found, expected in zip(compiled(x, b), f(x, b), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [7, 4096, 40_000, 300_000, 262_147])  # one is prime: it has no equal parts
def test_long_sums_in_single_precision(count):
    """Parts are added up in single precision and then in double: as exact as NumPy's pairs."""
    x = np.abs(numbers(count)) + 1.0
    compiled = compile(lambda x: (np.sum(x * 1.5 + 0.25), x * 2.0 - 1.0), backend="llvm")
    for _ in range(3):
        total, y = compiled(x)
    np.testing.assert_allclose(total, np.sum(x.astype(float) * 1.5 + 0.25), rtol=5e-7)
    np.testing.assert_allclose(y, x * 2.0 - 1.0, rtol=1e-6)


def test_a_product_with_a_number():
    f = compile(lambda x: np.dot(2.0, np.dot(x, x.T)) + np.dot(x, 3.0)[:, :1], backend="llvm")
    x = numbers(9, 12)
    for _ in range(3):
        np.testing.assert_allclose(f(x), 2.0 * (x @ x.T) + x[:, :1] * 3.0, rtol=1e-5, atol=1e-5)
