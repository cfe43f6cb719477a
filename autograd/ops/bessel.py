"""sinc and i0, the Bessel functions that NumPy has, and their derivatives of every order.

The formula of sinc′, (cos πx − sinc x) / x, loses all its digits near 0, where its own derivative is needed too. Both
functions belong to a family that each next derivative is in as well, so the family is the op: its rule is itself.
"""

import math

import numpy as np

from autograd.primitives import point, primitive, sample

__all__ = ["bessel_i", "i0", "sinc", "sinc_slope"]

NEAR = np.array([-1e-9, 0.0, 1e-5, 0.3])


def _turned(z, quarters):
    """cos(z + quarters · π/2), without adding, so that an odd function is 0 at 0 and keeps its digits near it."""
    wave = np.sin(z) if quarters % 2 else np.cos(z)
    return -wave if quarters % 4 in (1, 2) else wave


@primitive(
    kind="elementwise",
    samples=[
        sample("3 4", order=1, complex=True), sample("7", order=2, low=-9.0, high=9.0), sample("", order=3),
        sample(NEAR, order=1),
    ],
    points=[point((np.array([0.0]),), (np.array([0.0]),), order=2)],
    source="sinc x = ∫₀¹ cos πxt dt; by parts, z S⁽ⁿ⁾(z) + n S⁽ⁿ⁻¹⁾(z) = sin(z + nπ/2) for S(z) = sin z / z",
)  # fmt: skip
def sinc_slope(x, /, order):
    """Derivative of np.sinc of this order, out = πⁿ ∫₀¹ tⁿ cos(πxt + nπ/2) dt: by quadrature near 0, by parts beyond."""
    z = np.asarray(x) * math.pi
    near = np.abs(z) < order + 0.5
    inner, outer = np.where(near, z, 0.0), np.where(near, order + 0.5, z)
    integral, by_parts = 0.0 * z, np.sin(outer) / outer
    for node, weight in zip(*map(np.ndarray.tolist, np.polynomial.legendre.leggauss(20)), strict=True):
        t = 0.5 + 0.5 * node
        integral = integral + 0.5 * weight * t**order * _turned(inner * t, order)
    for n in range(1, order + 1):
        by_parts = (_turned(outer, n - 1) - n * by_parts) / outer
    return (np.where(near, integral, by_parts) * math.pi**order)[()]


sinc_slope.vjp(x=lambda g, out, x, order: g * sinc_slope(x, order=order + 1))


@primitive(
    numpy=np.sinc,
    kind="elementwise",
    samples=[sample("3 4", complex=True), sample(""), sample(NEAR), sample("9", low=-9.0, high=9.0)],
    points=[point((0.0,), (0.0,), out=1.0), point((np.array([0.5]),), (np.array([-4.0 / math.pi]),))],
    source="(cos πx − sinc x) / x, which loses all digits near 0; hence sinc_slope",
)
def sinc(x, /):
    """out = sin(πx) / (πx), 1 at 0; the slopes of all orders are exact near 0."""
    return np.sinc(x)


sinc.vjp(x=lambda g, out, x: g * sinc_slope(x, order=1))


@primitive(
    kind="elementwise",
    samples=[
        sample("3 4", order=1), sample("5", order=2, low=-9.0, high=9.0), sample("", order=3), sample("3", order=0),
        sample(NEAR, order=1),
    ],
    points=[point((0.0,), (0.5,), out=0.0, order=1), point((0.0,), (0.0,), out=1.0, order=0)],
    source="DLMF 10.29.1: 2 Iₙ′ = Iₙ₋₁ + Iₙ₊₁; ratios from 10.33.1, Iₙ / Iₙ₋₁ = x / (2n + x Iₙ₊₁ / Iₙ)",
)  # fmt: skip
def bessel_i(x, /, order):
    """Modified Bessel function Iₙ(x) of a whole order n ≥ 0: np.i0 times ratios, which are stable run from above."""
    bounded = np.clip(x, -800.0, 800.0)  # beyond, np.i0 is inf
    ratio, out = 0.0 * bounded, np.i0(x)[()]
    start = order + 20 + int(8.0 * math.sqrt(np.fmax.reduce(np.abs(bounded), axis=None, initial=0.0)))
    for n in range(start, 0, -1):
        ratio = bounded / (2.0 * n + bounded * ratio)
        if n <= order:
            out = out * ratio
    return out


bessel_i.vjp(
    x=lambda g, out, x, order: g * (0.5 * bessel_i(x, order=abs(order - 1)) + 0.5 * bessel_i(x, order=order + 1))
)


@primitive(
    numpy=np.i0,
    kind="elementwise",
    samples=[sample("3 4"), sample(""), sample("5", low=-9.0, high=9.0), sample(NEAR)],
    points=[point((0.0,), (0.0,), out=1.0)],
    source="DLMF 10.29.3: I₀′ = I₁",
)
def i0(x, /):
    """Modified Bessel function of order 0, of real x; slope I₁."""
    return np.i0(x)[()]


i0.vjp(x=lambda g, out, x: g * bessel_i(x, order=1))
