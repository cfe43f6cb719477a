"""scipy.special: orthogonal polynomials, hypergeometric functions and elliptic integrals.

The derivative of a Jacobi polynomial is a Jacobi polynomial of the degree below (DLMF 18.9.15), and so for every other
family; unlike the textbook quotients these hold at the ends of the interval too. Degree and parameters have no rule.
"""

import math

import numpy as np
from scipy import special

from autograd.ops.scipy_ufunc import between, series, summed, ufunc, weak
from autograd.primitives import sample

__all__: list[str] = []

# a paragraph for each function
# fmt: off

DEGREES = np.array([0, 1, 4])
INSIDE = [*between(-0.9, 0.9, 3.0), sample(DEGREES, "2 3", low=-1.0, high=1.0), *between(-0.9, 0.9, 2.5)]
SHIFTED = [*between(0.1, 0.9, 3.0), sample(DEGREES, "2 3", low=0.0, high=1.0), *between(0.1, 0.9, 2.5)]
WHOLE = [sample(3, "3 4", low=-0.9, high=0.9), sample(DEGREES, "2 3", low=-1.0, high=1.0)]


def lower(n, function, *arguments):
    """The function at degree n − 1, and 0 for n = 0."""
    zero = np.equal(n, 0)
    degree = np.where(zero, 0, np.subtract(n, 1)) if np.ndim(n) else n * 0 if zero else n - 1
    return np.where(zero, 0.0, function(degree, *arguments))


def _jacobi(g, out, n, alpha, beta, x):
    return g * (0.5 * (n + alpha + beta + 1.0) * lower(n, special.eval_jacobi, alpha + 1.0, beta + 1.0, x))


ufunc("eval_legendre", "Legendre polynomial P_n(x).", "DLMF 18.9.15", INSIDE, [((0.0, -0.7), (None, 0.0))], n=None,
      x=lambda g, out, n, x: g * (0.5 * weak(np.add(n, 1.0)) * lower(n, special.eval_jacobi, 1.0, 1.0, x)))
ufunc("eval_jacobi", "Jacobi polynomial P_n^(α, β)(x).", "DLMF 18.9.15", between(-0.9, 0.9, 3.0, 0.5, 1.5),
      [((0.0, 0.5, 1.5, -0.7), (None, None, None, 0.0))], n=None, alpha=None, beta=None, x=_jacobi)
ufunc("eval_gegenbauer", "Gegenbauer polynomial C_n^(α)(x).", "DLMF 18.9.19", between(-0.9, 0.9, 3.0, 0.75),
      [((0.0, 0.75, -0.7), (None, None, 0.0))], n=None, alpha=None,
      x=lambda g, out, n, alpha, x: g * (2.0 * alpha * lower(n, special.eval_gegenbauer, alpha + 1.0, x)))
ufunc("eval_chebyt", "Chebyshev polynomial T_n(x).", "DLMF 18.9.21", INSIDE, [((0.0, -0.7), (None, 0.0))], n=None,
      x=lambda g, out, n, x: g * (n * lower(n, special.eval_chebyu, x)))
ufunc("eval_chebyu", "Chebyshev polynomial U_n(x).", "DLMF 18.9.19", INSIDE, [((0.0, -0.7), (None, 0.0))], n=None,
      x=lambda g, out, n, x: g * (2.0 * lower(n, special.eval_gegenbauer, 2.0, x)))
ufunc("eval_chebyc", "Chebyshev polynomial C_n(x) = 2 T_n(x/2).", "DLMF 18.9.21", INSIDE,
      [((0.0, -0.7), (None, 0.0))], n=None,
      x=lambda g, out, n, x: g * (n * lower(n, special.eval_chebys, x)))
ufunc("eval_chebys", "Chebyshev polynomial S_n(x) = U_n(x/2).", "DLMF 18.9.19", INSIDE, [((0.0, -0.7), (None, 0.0))],
      n=None,
      x=lambda g, out, n, x: g * lower(n, special.eval_gegenbauer, 2.0, 0.5 * x))
ufunc("eval_sh_legendre", "Shifted Legendre polynomial P_n(2x − 1).", "DLMF 18.9.15", SHIFTED,
      [((0.0, 0.2), (None, 0.0))], n=None,
      x=lambda g, out, n, x: g * (weak(np.add(n, 1.0)) * lower(n, special.eval_jacobi, 1.0, 1.0, 2.0 * x - 1.0)))
ufunc("eval_sh_chebyt", "Shifted Chebyshev polynomial T_n(2x − 1).", "DLMF 18.9.21", SHIFTED,
      [((0.0, 0.2), (None, 0.0))], n=None,
      x=lambda g, out, n, x: g * (2.0 * n * lower(n, special.eval_sh_chebyu, x)))
ufunc("eval_sh_chebyu", "Shifted Chebyshev polynomial U_n(2x − 1).", "DLMF 18.9.19", SHIFTED,
      [((0.0, 0.2), (None, 0.0))], n=None,
      x=lambda g, out, n, x: g * (4.0 * lower(n, special.eval_gegenbauer, 2.0, 2.0 * x - 1.0)))
ufunc("eval_sh_jacobi", "Shifted Jacobi polynomial G_n^(p, q)(x).", "DLMF 18.9.15; it is monic",
      between(0.1, 0.9, 3.0, 2.5, 1.5), [((1.0, 2.5, 1.5, 0.5), (None, None, None, 1.0))], n=None, p=None, q=None,
      x=lambda g, out, n, p, q, x: g * (n * lower(n, special.eval_sh_jacobi, p + 2.0, q + 1.0, x)))
ufunc("eval_laguerre", "Laguerre polynomial L_n(x).", "DLMF 18.9.23", INSIDE, [((0.0, -0.7), (None, 0.0))], n=None,
      x=lambda g, out, n, x: -g * lower(n, special.eval_genlaguerre, 1.0, x))
ufunc("eval_genlaguerre", "Laguerre polynomial L_n^(α)(x).", "DLMF 18.9.23", between(-0.9, 2.0, 3.0, 0.5),
      [((0.0, 0.5, -0.7), (None, None, 0.0))], n=None, alpha=None,
      x=lambda g, out, n, alpha, x: -g * lower(n, special.eval_genlaguerre, alpha + 1.0, x))
ufunc("eval_hermite", "Hermite polynomial H_n(x).", "DLMF 18.9.25", WHOLE, [((0, -0.7), (None, 0.0))], n=None,
      x=lambda g, out, n, x: g * (2.0 * n * lower(n, special.eval_hermite, x)))
ufunc("eval_hermitenorm", "Hermite polynomial He_n(x).", "DLMF 18.9.27", WHOLE, [((0, -0.7), (None, 0.0))], n=None,
      x=lambda g, out, n, x: g * (n * lower(n, special.eval_hermitenorm, x)))
ufunc("lpmv", "Associated Legendre function P_v^m(x), |x| < 1.", "DLMF 14.10.5",
      [*between(-0.9, 0.9, 1, 3.0), *between(-0.9, 0.9, 0, 2.0)], [((0.0, 1.0, 0.5), (None, None, 1.0))], m=None,
      v=None,
      x=lambda g, out, m, v, x: g * ((v * (x * out) - (v + m) * special.lpmv(m, v - 1.0, x)) / (x * x - 1.0)))

# hypergeometric functions

A, B, C = 0.7, 1.3, 2.5
ufunc("hyp0f1", "Confluent hypergeometric limit function ₀F₁(v; z).", "DLMF 16.3.1",
      between(-2.0, 2.0, C, complex=True), [((2.5, 5.0), (None, 1.4063168225139286))], v=None,
      z=lambda g, out, v, z: g * (special.hyp0f1(v + 1.0, z) / v))
ufunc("hyp1f1", "Confluent hypergeometric function ₁F₁(a; b; x).", "DLMF 13.3.15",
      between(-2.0, 2.0, A, C, complex=True), [((0.7, 2.5, -0.3), (None, None, 0.24263778331554742))], a=None, b=None,
      x=lambda g, out, a, b, x: g * ((a / b) * special.hyp1f1(a + 1.0, b + 1.0, x)))
ufunc("hyp2f1", "Gauss's hypergeometric function ₂F₁(a, b; c; z).", "DLMF 15.5.1",
      [sample(A, B, C, "3 4", low=-2.0, high=0.9, complex=True)], [((1.0, 1.0, 1.0, 0.0), (None, None, None, 1.0))],
      a=None, b=None, c=None,
      z=lambda g, out, a, b, c, z: g * ((a * b / c) * special.hyp2f1(a + 1.0, b + 1.0, c + 1.0, z)))
ufunc("hyperu", "Confluent hypergeometric function U(a, b, x).", "DLMF 13.3.22", between(0.3, 3.0, A, C),
      [((1.0, 2.0, 2.0), (None, None, -0.25))], a=None, b=None,
      x=lambda g, out, a, b, x: g * (-a * special.hyperu(a + 1.0, b + 1.0, x)))
ufunc("wright_bessel", "Wright's Bessel function Σ x^k / (k! Γ(a k + b)).", "term by term",
      [sample(A, B, "3 4", low=0.2, high=3.0)], [((0.0, 1.0, 0.0), (None, None, 1.0))], a=None, b=None,
      x=lambda g, out, a, b, x: g * special.wright_bessel(a, a + b, x))
ufunc("log_wright_bessel", "ln of Wright's Bessel function.", "term by term",
      [sample(A, B, "3 4", low=0.2, high=3.0)], [((0.0, 1.0, 0.0), (None, None, 1.0))], a=None, b=None,
      x=lambda g, out, a, b, x: g * np.exp(special.log_wright_bessel(a, a + b, x) - out))

# elliptic integrals: near m = 0, where the closed forms are 0 / 0, by their series in m


_K_TERMS = [math.prod((1.5 + j) / (1.0 + j) for j in range(k)) for k in range(18)]
_E_TERMS = [math.prod((0.5 + j) / (1.0 + j) for j in range(k)) for k in range(18)]
_QUARTER = [math.prod((1.5 + j) / (2.0 + j) for j in range(k)) * math.pi / 8.0 for k in range(18)]  # ½ ∫ sin^(2k + 2)
_K_SERIES = [term * integral for term, integral in zip(_K_TERMS, _QUARTER, strict=True)]
_E_SERIES = [-term * integral for term, integral in zip(_E_TERMS, _QUARTER, strict=True)]


def _near_zero(m):
    """(whether m is near 0, m there, m elsewhere)."""
    near = np.abs(m) < 0.1
    return near, np.where(near, m, 0.0), np.where(near, 0.5, m)


def _ellipk_slope(m, p):
    """dK/dm = (E − p K) / (2 m p), p = 1 − m."""
    near, small, far = _near_zero(m)
    q = np.where(near, 0.5, p)
    quotient = (special.ellipe(far) - q * special.ellipkm1(q)) / far / (2.0 * q)
    return np.where(near, series(_K_SERIES, small), quotient)


def _ellipe_slope(m):
    near, small, far = _near_zero(m)
    return np.where(near, series(_E_SERIES, small), 0.5 * (special.ellipe(far) - special.ellipk(far)) / far)


def _series_in_m(phi, m, terms):
    """½ Σ terms[k] mᵏ ∫₀^φ sin^(2k + 2), for |m| < 0.1."""
    sine, cosine = np.sin(phi), np.cos(phi)
    integral, power, factor, total = phi, sine * cosine, 0.5, 0.0
    for k, term in enumerate(terms):
        integral = ((2 * k + 1.0) * integral - power) / (2 * k + 2.0)
        total = total + (factor * term) * integral
        power, factor = power * (sine * sine), factor * m
    return total


def _ellipkinc_m(phi, m):
    near, small, far = _near_zero(m)
    bent = np.sin(phi) * np.cos(phi) / np.sqrt(1.0 - far * np.sin(phi) ** 2)
    quotient = ((special.ellipeinc(phi, far) / far - bent) / (1.0 - far) - special.ellipkinc(phi, far) / far) * 0.5
    return np.where(near, _series_in_m(phi, small, _K_TERMS), quotient)


def _ellipeinc_m(phi, m):
    near, small, far = _near_zero(m)
    quotient = 0.5 * (special.ellipeinc(phi, far) - special.ellipkinc(phi, far)) / far
    return np.where(near, -_series_in_m(phi, small, _E_TERMS), quotient)


def _ellipj(g, u, m, out, needed):
    sn, cn, dn, ph = out
    of_sn, of_cn, of_dn, of_ph = (0.0 * sn if part is None else part for part in g)
    by_angle = of_sn * cn - of_cn * sn - of_dn * (m * sn * cn) / dn + of_ph
    if needed == "u":
        return summed([by_angle * dn], np.shape(u))
    turn = -dn * _ellipkinc_m(ph, m)  # dφ/dm at fixed u = F(φ, m)
    return summed([by_angle * turn, of_dn * (sn * sn) / (-2.0 * dn)], np.shape(m))


MODULUS = [*between(-3.0, 0.95), sample("5", low=-0.2, high=0.2)]
ANGLE = [sample("3 4", "4", low=-1.2, high=0.9), sample("2 3", "3", low=-0.05, high=0.05),
         sample("", "2", low=0.1, high=0.9)]
ufunc("ellipk", "Complete elliptic integral K(m).", "DLMF 19.4.1", MODULUS,
      [((0.0,), (0.39269908169872414,)), ((np.array([-1e300]),), (np.zeros(1),))],
      m=lambda g, out, m: g * _ellipk_slope(m, 1.0 - m))
ufunc("ellipkm1", "K(1 − p), exact near p = 0.", "DLMF 19.4.1", between(0.02, 3.0),
      [((1.0,), (-0.39269908169872414,)), ((np.array([1e300]),), (np.zeros(1),))],
      p=lambda g, out, p: -g * _ellipk_slope(1.0 - p, p))
ufunc("ellipe", "Complete elliptic integral E(m).", "DLMF 19.4.2", MODULUS, [((0.0,), (-0.39269908169872414,))],
      m=lambda g, out, m: g * _ellipe_slope(m))
ufunc("ellipkinc", "Incomplete elliptic integral F(φ, m).", "DLMF 19.4.5", ANGLE,
      [((1.2, -0.05), (0.9789653774199333, 0.20656526374181783))],
      phi=lambda g, out, phi, m: g / np.sqrt(1.0 - m * np.sin(phi) ** 2),
      m=lambda g, out, phi, m: g * _ellipkinc_m(phi, m))
ufunc("ellipeinc", "Incomplete elliptic integral E(φ, m).", "DLMF 19.4.6", ANGLE,
      [((1.2, -3.0), (1.8989709248200375, -0.13391625847741886))],
      phi=lambda g, out, phi, m: g * np.sqrt(1.0 - m * np.sin(phi) ** 2),
      m=lambda g, out, phi, m: g * _ellipeinc_m(phi, m))
ufunc("ellipj", "Jacobi's elliptic functions (sn, cn, dn) and the amplitude φ.", "DLMF §22.13, and u = F(φ, m)",
      [sample("3 4", "4", low=0.1, high=0.9), sample("", "", low=0.1, high=0.9)], [((0.0, 0.5), (2.0, 0.0))],
      results=tuple,
      u=lambda g, out, u, m: _ellipj(g, u, m, out, "u"),
      m=lambda g, out, u, m: _ellipj(g, u, m, out, "m"))


def _agm(a, b):
    """∂M/∂a of M = π/4 (a + b) / K(h²), h = (a − b) / (a + b)."""
    total = a + b
    h = (a - b) / total
    p = 4.0 * (a / total) * (b / total)
    k = special.ellipkm1(p)
    bend = _ellipk_slope(h * h, p)
    return (math.pi / 4.0) * (1.0 - bend / k * (4.0 * (b / total) * h)) / k


ufunc("agm", "Arithmetic-geometric mean.", "DLMF 19.8.5",
      [sample("3 4", "4", low=0.3, high=3.0), sample("", "", low=0.3, high=3.0)],
      [((0.2, 0.3), (0.556487413155403, 0.4539018699751662)),
       ((np.array([1e200]), np.array([1e200])), (np.array([0.5]), np.array([0.5])))],
      a=lambda g, out, a, b: g * _agm(a, b),
      b=lambda g, out, a, b: g * _agm(b, a))
