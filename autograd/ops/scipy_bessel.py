"""scipy.special: Bessel, Hankel, Airy, Kelvin and Struve functions.

Derivatives in the argument are sums of the neighbouring orders (DLMF 10.6.1, 10.29.1), which are smooth at 0 where
the shorter forms have a quotient x / x. The order has no rule. Functions scaled by e^(−|x|) have a kink at 0, where the
slope is the mean of both sides', 0 for even functions.
"""

import itertools
import math
import operator

import numpy as np
from scipy import special

from autograd.ops.scipy_ufunc import between, over, series, several, ufunc, weak, wide
from autograd.primitives import point, primitive, sample

__all__: list[str] = []

# a paragraph for each function
# fmt: off

ANY = between(-3.0, 3.0)
POSITIVE = between(0.3, 3.0)
ORDERS = np.array([0, 1, 3])
ORDER = [*between(0.3, 4.0, 1.5, complex=True), *between(-4.0, 4.0, 2), sample(ORDERS, "2 3", low=0.3, high=6.0)]
RIGHT = [*between(0.3, 4.0, 1.5, complex=True), sample(ORDERS, "2 3", low=0.3, high=6.0)]
REAL = [*between(0.3, 4.0, 1.5), *between(0.3, 4.0, 0), sample(ORDERS, "2 3", low=0.3, high=6.0)]
COMPLEX = [sample(1.5, "3 4", low=0.3, high=4.0, complex=True), sample(ORDERS, "2 3", low=0.3, high=6.0)]
WHOLE = [*between(0.3, 4.0, 2.0), sample(ORDERS, "2 3", low=0.3, high=6.0)]


def beside(function, below, above, more=lambda out, v, x: 0.0):
    """The rule g · (below · f(v − 1) + above · f(v + 1) + more) / 2 for a function of order v and x."""
    def rule(g, out, v, x):
        v = weak(np.multiply(v, 1.0))
        return g * (0.5 * (below * function(v - 1.0, x) + above * function(v + 1.0, x)) + more(out, v, x))

    return rule


def scaled(v, sign, far=40.0):
    """The slope of e^(−x) I_v(x) √(2π), sign −1, or of e^x K_v(x) √(2/π), sign 1, by the expansion for x > far.

    Elsewhere the slope is a difference of nearly equal numbers: the digits of x are those it loses.
    """
    ratios = (sign * (4.0 * v * v - (2 * k - 1) ** 2) / (8.0 * k) for k in range(1, 20))
    terms = [-(k + 0.5) * c for k, c in enumerate(itertools.accumulate(ratios, operator.mul, initial=1.0))]

    def slope(x, scale, near):
        """near, and scale · that slope at |x| where |x| > far."""
        is_far = np.abs(x) > far
        inverse = 1.0 / np.abs(np.where(is_far, x, far))
        return np.where(is_far, scale * (series(terms, inverse) * inverse * np.sqrt(inverse)), near)

    return slope


def _ive(v, x):
    """special.ive, but infinite and not NaN at 0, of orders between 0 and −1."""
    at_0 = np.equal(x, 0.0)
    return np.where(at_0, special.iv(v, np.where(at_0, x, 1.0)), special.ive(v, np.where(at_0, 1.0, x)))


_J, _I, _K = "DLMF 10.6.1", "DLMF 10.29.1", "DLMF 10.29.1"
_I0E, _I1E, _K0E, _K1E = scaled(0.0, -1.0), scaled(1.0, -1.0), scaled(0.0, 1.0), scaled(1.0, 1.0)
_ROOT_2PI, _ROOT_HALF_PI = math.sqrt(2.0 * math.pi), math.sqrt(0.5 * math.pi)


ufunc("j0", "Bessel function J₀(x).", "DLMF 10.6.3", ANY, [((0.0,), (0.0,))],
      x=lambda g, out, x: -g * special.j1(x))
ufunc("j1", "Bessel function J₁(x).", _J, ANY, [((0.0,), (0.5,))],
      x=lambda g, out, x: g * (0.5 * (special.j0(x) - special.jv(2.0, x))))
ufunc("y0", "Bessel function Y₀(x).", "DLMF 10.6.3", POSITIVE, [((1.0,), (0.7812128213002887,))],
      x=lambda g, out, x: -g * special.y1(x))
ufunc("y1", "Bessel function Y₁(x).", _J, POSITIVE, [((1.0,), (0.8694697855159657,))],
      x=lambda g, out, x: g * (0.5 * (special.y0(x) - special.yv(2.0, x))))
ufunc("i0", "Modified Bessel function I₀(x).", "DLMF 10.29.3", ANY, [((0.0,), (0.0,))],
      x=lambda g, out, x: g * special.i1(x))
ufunc("i1", "Modified Bessel function I₁(x).", _I, ANY, [((0.0,), (0.5,))],
      x=lambda g, out, x: g * (0.5 * (special.i0(x) + special.iv(2.0, x))))
ufunc("k0", "Modified Bessel function K₀(x).", "DLMF 10.29.3", POSITIVE, [((1.0,), (-0.6019072301972346,))],
      x=lambda g, out, x: -g * special.k1(x))
ufunc("k1", "Modified Bessel function K₁(x).", _K, POSITIVE, [((1.0,), (-1.0229316684379428,))],
      x=lambda g, out, x: g * (-0.5 * (special.k0(x) + special.kv(2.0, x))))
ufunc("i0e", "e^(−|x|) I₀(x).", _I, ANY, [((0.0,), (0.0,))],
      x=lambda g, out, x: g * _I0E(x, np.sign(x) / _ROOT_2PI, special.i1e(x) - np.sign(x) * out))
ufunc("i1e", "e^(−|x|) I₁(x).", _I, ANY, [((0.0,), (0.5,)), ((np.array([-1e300, 1e300]),), (np.zeros(2),))],
      x=lambda g, out, x: g * _I1E(x, 1.0 / _ROOT_2PI, 0.5 * (special.i0e(x) + special.ive(2.0, np.clip(x, -99.0, 99.0)))
                                   - np.sign(x) * out))
ufunc("k0e", "e^x K₀(x).", _K, POSITIVE, [((0.5,), (-1.2069003224378763,))],
      x=lambda g, out, x: g * _K0E(x, _ROOT_HALF_PI, out - special.k1e(x)))
ufunc("k1e", "e^x K₁(x).", _K, POSITIVE, [((0.5,), (-4.255119093985695,)), ((np.array([1e300]),), (np.zeros(1),))],
      x=lambda g, out, x: g * _K1E(x, _ROOT_HALF_PI, out - 0.5 * (special.k0e(x) + special.kve(2.0, np.minimum(x, 99.0)))))
ufunc("jv", "Bessel function J_v(x).", _J, ORDER, [((0.0, 0.2), (None, -0.099500832639236))], v=None,
      x=beside(special.jv, 1.0, -1.0))
ufunc("yv", "Bessel function Y_v(x).", _J, RIGHT, [((0.0, 0.2), (None, 3.323824988111847))], v=None,
      x=beside(special.yv, 1.0, -1.0))
ufunc("yn", "Bessel function Y_n(x) of whole order.", _J, WHOLE, [((0.0, 0.2), (None, 3.323824988111847))], n=None,
      x=beside(special.yv, 1.0, -1.0))
ufunc("iv", "Modified Bessel function I_v(x).", _I, ORDER, [((0.0, 0.2), (None, 0.10050083402812512))], v=None,
      x=beside(special.iv, 1.0, 1.0))
ufunc("kv", "Modified Bessel function K_v(x).", _K, RIGHT, [((0.0, 0.2), (None, -4.775972543220472))], v=None,
      x=beside(special.kv, -1.0, -1.0))
ufunc("kn", "Modified Bessel function K_n(x) of whole order.", _K, WHOLE, [((0.0, 0.2), (None, -4.775972543220472))],
      n=None, x=beside(special.kv, -1.0, -1.0))
ufunc("jve", "e^(−|Im x|) J_v(x).", _J, REAL,
      [((0.5, 0.2), (None, 0.8624335564333735)), ((0.5, 0.0), (None, math.inf))], real=True, v=None,
      x=beside(special.jv, 1.0, -1.0))  # the same for real x, and without NaN at 0
ufunc("yve", "e^(−|Im x|) Y_v(x).", _J, REAL, [((0.5, 0.2), (None, 4.725851786616092))], real=True, v=None,
      x=beside(special.yv, 1.0, -1.0))
ufunc("ive", "e^(−|x|) I_v(x).", _I, [*REAL, *between(-4.0, 4.0, 2)],
      [((0.0, 0.2), (None, -0.7446554281055171)), ((0.5, 0.0), (None, math.inf))], real=True, v=None,
      x=beside(_ive, 1.0, 1.0, lambda out, v, x: -np.sign(x) * out))
ufunc("kve", "e^x K_v(x).", _K, RIGHT, [((0.5, 0.2), (None, -7.00623902049741))], v=None,
      x=beside(special.kve, -1.0, -1.0, lambda out, v, x: out))
ufunc("hankel1", "Hankel function J_v(x) + i Y_v(x), complex.", _J, COMPLEX,
      [((0.0, 0.5), (None, -0.2422684576748739))], complex_result=True, v=None, z=beside(special.hankel1, 1.0, -1.0))
ufunc("hankel2", "Hankel function J_v(x) − i Y_v(x), complex.", _J, COMPLEX,
      [((0.0, 0.5), (None, -0.2422684576748739))], complex_result=True, v=None, z=beside(special.hankel2, 1.0, -1.0))
ufunc("hankel1e", "e^(−iz) hankel1(v, z).", _J, COMPLEX, [((0.0, 0.25), (None, -0.597329992194826))],
      complex_result=True, v=None,
      z=beside(special.hankel1e, 1.0, -1.0, lambda out, v, z: -1j * out))
ufunc("hankel2e", "e^(iz) hankel2(v, z).", _J, COMPLEX, [((0.0, 0.25), (None, -0.597329992194826))],
      complex_result=True, v=None,
      z=beside(special.hankel2e, 1.0, -1.0, lambda out, v, z: 1j * out))


def spherical(name, letter, below, above, low):
    """Register a spherical Bessel function: (2n + 1) f_n' = below · n f_(n−1) + above · (n + 1) f_(n+1)."""
    function = getattr(special, name)

    def compute(n, z, /, derivative=False):
        out = function(n, z, derivative)
        return out.astype(z.dtype)[()] if getattr(z, "dtype", None) == np.float32 else out

    compute.__doc__ = f"Spherical Bessel function {letter}_n(z) of whole order, or its derivative."
    op = primitive(
        name=f"special.{name}",
        symbol=name,
        kind="elementwise",
        call=wide(f"special.{name}"),
        samples=[*between(low, 4.0, 0), *between(low, 4.0, 2), sample(ORDERS, "2 3", low=0.4, high=4.0),
                 sample(ORDERS, "2 3", low=0.4, high=4.0, derivative=True)],
        points=POINTS[name],
        source="DLMF 10.51.2 and 10.51.5",
    )(compute)  # fmt: skip

    def rule(g, out, n, z, derivative=False):
        lower = op(np.maximum(n, 1) - 1, z, derivative=derivative)
        upper = op(np.add(n, 1), z, derivative=derivative)
        share = np.divide(n, np.multiply(n, 2.0) + 1.0)
        share = weak(share)
        return g * ((below * share) * lower + (above * (1.0 - share)) * upper)

    return op.vjp(z=rule)


POINTS = {
    "spherical_jn": [point((0, 0.0), (None, 0.0), out=1.0), point((1, 0.0), (None, 1.0 / 3.0), out=0.0)],
    "spherical_yn": [point((0, math.pi), (None, -1.0 / math.pi**2))],
    "spherical_in": [point((0, 0.0), (None, 0.0), out=1.0), point((1, 0.0), (None, 1.0 / 3.0), out=0.0)],
    "spherical_kn": [point((0, 1.0), (None, -math.pi * math.exp(-1.0)))],
}
spherical("spherical_jn", "j", 1.0, -1.0, -4.0)
spherical("spherical_yn", "y", 1.0, -1.0, 0.4)
spherical("spherical_in", "i", 1.0, 1.0, -4.0)
spherical("spherical_kn", "k", -1.0, -1.0, 0.4)

# Airy and Kelvin functions solve w'' = x w and x² w'' + x w' = i x² w


def _airye(x, ai, aip, bi, bip):
    root = np.sqrt(np.where(x > 0.0, x, 0.0))
    return aip + root * ai, x * ai + root * aip, bip - root * bi, x * bi - root * bip


several("airy", "Airy functions (Ai, Ai', Bi, Bi').", "DLMF 9.2.1", ANY, [((0.0,), (0.18946895356101956,))],
      lambda x, ai, aip, bi, bip: (aip, x * ai, bip, x * bi))
several("airye", "Airy functions, scaled by e^(±2/3 x^(3/2)), for x > 0.", "DLMF 9.2.1", POSITIVE,
      [((0.0,), (0.18946895356101956,))], _airye, real=True)
several("itj0y0", "Integrals of J₀ and Y₀ from 0 to x.", "the integrands", POSITIVE,
      [((0.5,), (0.49395107373410635,))], lambda x, *out: (special.j0(x), special.y0(x)))
several("iti0k0", "Integrals of I₀ and K₀ from 0 to x.", "the integrands", POSITIVE,
      [((0.5,), (1.9879024419689895,))], lambda x, *out: (special.i0(x), special.k0(x)))
several("it2j0y0", "Integrals of (1 − J₀(t)) / t from 0 to x and of Y₀(t) / t from x to ∞.", "the integrands",
      POSITIVE, [((0.5,), (1.0120978525317874,))],
      lambda x, *out: (over(1.0 - special.j0(x), x, 0.0), over(-special.y0(x), x, math.inf)))
several("it2i0k0", "Integrals of (I₀(t) − 1) / t from 0 to x and of K₀(t) / t from x to ∞.", "the integrands",
      POSITIVE, [((0.5,), (-1.7218714009726848,))],
      lambda x, *out: (over(special.i0(x) - 1.0, x, 0.0), over(-special.k0(x), x, -math.inf)))


KELVIN = "x² w'' + x w' = i x² w, DLMF 10.61.3"
ufunc("ber", "Kelvin function ber(x).", "its derivative has a name", ANY, [((0.0,), (0.0,))],
      x=lambda g, out, x: g * special.berp(x))
ufunc("berp", "Derivative of ber(x).", KELVIN, ANY, [((0.0,), (0.0,))],
      x=lambda g, out, x: g * (-special.bei(x) - over(out, x, 0.0)))
ufunc("bei", "Kelvin function bei(x).", "its derivative has a name", ANY, [((0.0,), (0.0,))],
      x=lambda g, out, x: g * special.beip(x))
ufunc("beip", "Derivative of bei(x).", KELVIN, ANY, [((0.0,), (0.5,))],
      x=lambda g, out, x: g * (special.ber(x) - over(out, x, 0.5)))
ufunc("ker", "Kelvin function ker(x).", "its derivative has a name", POSITIVE, [((0.5,), (-1.8197997533173527,))],
      x=lambda g, out, x: g * special.kerp(x))
ufunc("kerp", "Derivative of ker(x).", KELVIN, POSITIVE, [((0.5,), (4.311181201729073,))],
      x=lambda g, out, x: g * (-special.kei(x) - over(out, x, -math.inf)))
ufunc("kei", "Kelvin function kei(x).", "its derivative has a name", POSITIVE, [((0.0,), (0.0,))],
      x=lambda g, out, x: g * special.keip(x))
ufunc("keip", "Derivative of kei(x).", KELVIN, POSITIVE, [((1.0,), (-0.06566370460785449,))],
      x=lambda g, out, x: g * (special.ker(x) - over(out, x, 0.0)))


def _extra(v, x):
    """(x/2)^v / (√π Γ(v + 3/2)), by which the recurrences of Struve functions differ from Bessel functions'."""
    huge = np.greater(np.abs(v), 100.0)  # both factors overflow
    near, far = np.where(huge, 0.0, v), np.where(huge, v, 0.0)
    rest = np.where(huge, special.gammasgn(far + 1.5), special.rgamma(near + 1.5)) / math.sqrt(math.pi)
    log = np.where(huge, np.log(np.abs(np.where(huge, 0.5 * x, 1.0))), 0.0) * weak(far)
    sign = np.where(np.less(x, 0.0), weak(1.0 - 2.0 * np.remainder(far, 2.0)), 1.0)
    scale = sign * np.exp(log - weak(np.where(huge, special.gammaln(far + 1.5), 0.0)))
    return np.where(huge, 1.0, 0.5 * x) ** weak(near) * scale * weak(rest)


STRUVE = [sample(0.0, "3 4", low=0.3, high=4.0), sample(1.5, "3 4", low=0.3, high=4.0)]
ufunc("struve", "Struve function H_v(x).", "DLMF 11.4.27", STRUVE, [((1.5, 0.3), (None, 0.04060302742813672))],
      v=None,
      x=beside(special.struve, 1.0, -1.0, lambda out, v, x: 0.5 * _extra(v, x)))
ufunc("modstruve", "Modified Struve function L_v(x).", "DLMF 11.4.28", STRUVE,
      [((0.0, 0.3), (None, 0.6558332521829754))], v=None,
      x=beside(special.modstruve, 1.0, 1.0, lambda out, v, x: 0.5 * _extra(v, x)))
ufunc("itstruve0", "Integral of H₀ from 0 to x.", "the integrand", POSITIVE, [((0.0,), (0.0,))],
      x=lambda g, out, x: g * special.struve(np.zeros_like(x), x))
ufunc("it2struve0", "Integral of H₀(t) / t from x to ∞.", "the integrand", POSITIVE,
      [((0.5,), (-0.6191118291675094,))],
      x=lambda g, out, x: -g * over(special.struve(np.zeros_like(x), x), x, 2.0 / math.pi))
ufunc("itmodstruve0", "Integral of L₀ from 0 to x.", "the integrand", POSITIVE, [((0.0,), (0.0,))],
      x=lambda g, out, x: g * special.modstruve(np.zeros_like(x), x))


def _besselpoly(g, out, a, lmb, nu):
    return g * (special.besselpoly(a, lmb + 1.0, nu - 1.0) - special.besselpoly(a, lmb + 1.0, nu + 1.0))


ufunc("besselpoly", "∫₀¹ x^λ J_ν(2 a x) dx.", "under the integral, DLMF 10.6.1",
      [sample("3 4", 1.5, 2.0, low=0.3, high=2.0)], [((0.0, 1.5, 2.0), (0.0, None, None))], a=_besselpoly, lmb=None,
      nu=None)

# parabolic cylinder functions with their derivatives: w'' = (x²/4 + a) w

several("pbdv", "Parabolic cylinder function D_v(x) and its derivative.", "DLMF 12.2.2", between(-2.0, 2.0, 1.5),
      [((0.0, 0.0), (None, -0.5))], lambda x, d, slope, v: (slope, (0.25 * (x * x) - v - 0.5) * d), first=("v",))
several("pbvv", "Parabolic cylinder function V_v(x) and its derivative.", "DLMF 12.2.2", between(0.3, 2.0, 1.5),
      [((0.0, 0.0), (None, 0.7978845608028654))], lambda x, d, slope, v: (slope, (0.25 * (x * x) - v - 0.5) * d),
      first=("v",))
several("pbwa", "Parabolic cylinder function W(a, x) and its derivative.", "DLMF 12.14.2", between(-2.0, 2.0, 0.7),
      [((1.0, -1.0), (None, -0.3544547797653961))], lambda x, w, slope, a: (slope, (a - 0.25 * (x * x)) * w),
      first=("a",))
