"""The error function and its complement, without SciPy.

NumPy has neither, and math.erf takes one number at a time. Two polynomials, fitted at first use to values of math.erf
and math.erfc, serve arrays: up to 1, erf(x) / x as a polynomial of x²; beyond, (z + 3) e^(z²) erfc(z), which hardly
varies, as a polynomial of 1 / (z + 3). Only these two forms are chosen here; the coefficients follow from math.erf, as
many as the dtype can resolve.
"""

import functools
import math

import numpy as np

from autograd.errors import ArgumentError
from autograd.primitives import error, point, primitive, sample

__all__ = ["erf", "erfc"]

_SLOPE_AT_0 = 2.0 / math.sqrt(math.pi)
_FARTHEST = 26.5  # erfc is still a normal double here
_SCALE = 2.0 / (1.0 / (1.0 + 3.0) - 1.0 / (_FARTHEST + 3.0))
_SHIFT = 1.0 + _SCALE / (_FARTHEST + 3.0)  # u = _SCALE / (z + 3) − _SHIFT runs over [−1, 1] for 1 ≤ z ≤ _FARTHEST


@functools.cache
def _coefficients(dtype):
    """(near, tail): polynomials in u ∈ [−1, 1], highest power first.

    near   erf(x) / x for 0 ≤ x ≤ 1, u = 2 x² − 1         tail   (z + 3) e^(z²) erfc(z), u as above
    """
    from numpy.polynomial import chebyshev

    nodes = np.cos(np.pi * (np.arange(200) + 0.5) / 200)
    x = np.sqrt((nodes + 1.0) / 2.0)
    z = (_SCALE / (nodes + _SHIFT) - 3.0).astype(np.float32).astype(np.float64)  # few digits, so that z² is exact
    near = chebyshev.chebfit(2.0 * x * x - 1.0, [math.erf(v) / v for v in x], 15)
    tail = chebyshev.chebfit(_SCALE / (z + 3.0) - _SHIFT, [(v + 3.0) * math.exp(v * v) * math.erfc(v) for v in z], 18)
    unseen = 0.1 * np.finfo(dtype).eps
    return [
        chebyshev.cheb2poly(series[: np.flatnonzero(abs(series) > unseen)[-1] + 1])[::-1].tolist()
        for series in (near, tail)
    ]


def _evaluate(polynomial, u):
    result = polynomial[0] * u + polynomial[1]
    for coefficient in polynomial[2:]:
        result *= u
        result += coefficient
    return result


def _erfc_beyond_1(z, polynomial):
    """erfc(z), z ≥ 1. The square is split, and its first part exact, because rounding z² = 700 costs three digits."""
    z = np.minimum(z, 28.0)  # erfc is 0 here
    rough = np.rint(z * 128.0) * (1.0 / 128.0)
    factor = np.exp(-(rough * rough)) * np.exp((rough - z) * (rough + z))
    return factor * _evaluate(polynomial, _SCALE / (z + 3.0) - _SHIFT) / (z + 3.0)


def _on_array(x, *, complement):
    """erf(x), or erfc(x), of a float32 or float64 array; other dtypes become float64."""
    x = np.asarray(x)
    if x.dtype.kind == "c":
        raise ArgumentError(f"erf and erfc take real numbers, got {x.dtype}")
    shape = x.shape
    x = x.reshape(-1)
    if x.dtype != np.float32:
        x = x.astype(np.float64, copy=False)
    near, tail = _coefficients(x.dtype)
    inner = np.clip(x, -1.0, 1.0)
    out = inner * _evaluate(near, 2.0 * (inner * inner) - 1.0)
    if complement:
        out = 1.0 - out
    far = np.abs(x) > 1.0
    if far.any():
        z = x[far]
        rest = _erfc_beyond_1(np.abs(z), tail)
        if complement:
            out[far] = np.where(z > 0.0, rest, 2.0 - rest)
        else:
            out[far] = np.copysign(1.0 - rest, z)
    return out.reshape(shape)[()]


def _bounded_square(x):
    """x², without overflow: beyond 40 its exponential is 0 in every precision."""
    y = np.clip(x, -40.0, 40.0)
    return y * y


@primitive(
    kind="elementwise",
    samples=[sample("3 4"), sample(""), sample("7", low=-0.3, high=6.0)],
    points=[
        point((0.0,), (_SLOPE_AT_0,), out=0.0),
        point((np.array([-1e3, 1e3, -np.inf, np.inf]),), (np.zeros(4),), out=np.array([-1.0, 1.0, -1.0, 1.0])),
    ],
    errors=[error((np.array([1j]),), match="take real numbers, got complex128", kind=ArgumentError)],
    source="DLMF §7.10",
)
def erf(x, /):
    """Error function, out = 2/√π ∫₀ˣ e^(−t²) dt; within 1e-15, in float32 within 1e-7."""
    return math.erf(x) if type(x) is float else _on_array(x, complement=False)


erf.vjp(x=lambda g, out, x: g * (_SLOPE_AT_0 * np.exp(-_bounded_square(x))))


@primitive(
    kind="elementwise",
    samples=[sample("3 4"), sample(""), sample("7", low=-0.3, high=6.0)],
    points=[
        point((0.0,), (-_SLOPE_AT_0,), out=1.0),
        point((np.array([-1e3, 1e3, -np.inf, np.inf]),), (np.zeros(4),), out=np.array([2.0, 0.0, 2.0, 0.0])),
    ],
    source="DLMF §7.10",
)
def erfc(x, /):
    """1 − erf(x), exact to 1e-14 of itself however small."""
    return math.erfc(x) if type(x) is float else _on_array(x, complement=True)


erfc.vjp(x=lambda g, out, x: g * (-_SLOPE_AT_0 * np.exp(-_bounded_square(x))))
