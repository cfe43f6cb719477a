"""scipy.special's functions on Values: values are SciPy's bit for bit, derivatives mpmath's, and no name is left out.

A function of FUNCTIONS may give several numbers, or a complex one: each, and both parts, are compared. Those of vectors
are called here with the numbers as operands.
"""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from autograd import Value, grad, ops
from autograd.errors import REFUSED, NotDifferentiableError
from autograd.primitives import registry
from autograd.value import DISPATCH

theirs = pytest.importorskip("scipy.special", reason="SciPy is not installed")
mp = pytest.importorskip("mpmath", reason="mpmath is not installed").mp
from autograd.scipy import special  # noqa: E402

pytestmark = pytest.mark.oracle
ops.load()
OURS = [name for name, op in registry.items() if name.startswith("special.") and op.differentiable]
DIGITS = 50
NEAR, FAR = (0.001, 0.3, 1.7, 9.5), (0.2, 1.1, 3.4, 25.0, 80.0)
BOTH = (-9.5, -1.7, -0.3, 0.001, 0.4, 2.6, 7.0)
LARGE = (39.0, 41.0, 1e4, 1e8)
SHARE = (1e-6, 0.1, 0.45, 0.8, 0.999)


def lower_gamma(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def upper_gamma(a, x):
    return mp.gammainc(a, x, mp.inf, regularized=True)


def lower_beta(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def spherical(cylinder):
    return lambda n, x: mp.sqrt(mp.pi / 2 / x) * cylinder(n + mp.mpf(1) / 2, x)


def degrees(x):
    return x * mp.pi / 180


def inverse(f, low, high):
    """The x in (low, high) with f(*parameters, x) = p, as a function of (*parameters, p)."""

    def solved(*operands):
        *parameters, p = operands

        def error(x):
            return f(*parameters, x) - p

        with mp.workdps(15):
            start = mp.findroot(error, (low, high), solver="bisect", maxsteps=100, verify=False)
        return mp.findroot(error, (start, start * (1 + mp.mpf(10) ** -12)))

    return solved


def integral(*integrands):
    return [(f, -1) for f in integrands]


def with_slope(f):
    return [(f, 0), (f, 1)]


def slope_of(f):
    return [(f, 1)]


def airy(x):
    return mp.airyai(x), mp.airyai(x, derivative=1), mp.airybi(x), mp.airybi(x, derivative=1)


def airye(x):
    grown = mp.exp(2 * x * mp.sqrt(x) / 3)
    ai, ai_slope, bi, bi_slope = airy(x)
    return ai * grown, ai_slope * grown, bi / grown, bi_slope / grown


def faddeeva(z):
    return mp.exp(-z * z) * mp.erfc(-1j * z)


def voigt(x, sigma, gamma):
    return mp.re(faddeeva((x + 1j * gamma) / (sigma * mp.sqrt(2)))) / (sigma * mp.sqrt(2 * mp.pi))


def jacobis(u, m):
    sn, cn, dn = (mp.ellipfun(kind, u, m=m) for kind in ("sn", "cn", "dn"))
    return sn, cn, dn, mp.asin(sn)  # where φ < π/2


def wright(a, b, x):
    return mp.fsum(x**k * mp.rgamma(a * k + b) / mp.factorial(k) for k in range(200))


def ndtri(p):
    return mp.sqrt(2) * mp.erfinv(2 * p - 1)


def student(v, t):
    return 1 - lower_beta(v / 2, mp.mpf(1) / 2, v / (v + t * t)) / 2


def logsumexp(*x):
    return mp.log(mp.fsum(map(mp.exp, x)))


# looser where SciPy itself is less accurate: its kei and keip have 8 digits
FIRST, SECOND = {"kei": 1e-8, "kerp": 1e-8}, {}

# name → (mpmath's function, choices for each operand), all combinations of which are tried; in place of the function,
# for each result of SciPy's a pair (function, how many derivatives of it that result is, −1 for the integral)
FUNCTIONS = {
    "erf": (mp.erf, [BOTH]),
    "erfc": (mp.erfc, [BOTH]),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), [(-5.0, -0.4, 0.001, 0.7, 3.0, 9.9, 10.1, 40.0, 1e3, 1e8)]),
    "erfi": (mp.erfi, [(-3.0, -0.4, 0.001, 0.7, 9.9)]),
    "dawsn": (lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
              [(-25.0, -3.0, -0.4, 0.001, 0.7, 9.9, 10.1, 1e3)]),
    "erfinv": (mp.erfinv, [(-0.999, -0.3, 1e-6, 0.5, 0.9)]),
    "erfcinv": (lambda x: mp.erfinv(1 - x), [(1e-6, 0.3, 0.9, 1.7)]),
    "ndtr": (mp.ncdf, [BOTH]),
    "log_ndtr": (lambda x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2), [(-1e3, -40.0, -9.5, -0.3, 0.0, 0.4, 2.6, 6.0)]),
    "ndtri": (ndtri, [SHARE]),
    "ndtri_exp": (lambda y: mp.sqrt(2) * mp.erfinv(2 * mp.exp(y) - 1), [(-8.0, -2.0, -0.7, -0.1)]),
    "owens_t": (lambda h, a: mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi),
                [(-1.3, 0.2, 2.0), (-0.7, 0.4, 3.0)]),
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), [(-700.0, -9.5, 0.0, 2.6, 50.0)]),
    "logit": (lambda x: mp.log(x / (1 - x)), [SHARE]),
    "log_expit": (lambda x: -mp.log1p(mp.exp(-x)), [(-700.0, -9.5, 0.0, 2.6, 50.0)]),
    "xlogy": (lambda x, y: x * mp.log(y), [(0.0, 0.3, 7.0), NEAR]),
    "xlog1py": (lambda x, y: x * mp.log1p(y), [(0.0, 0.3, 7.0), (-0.9, *NEAR)]),
    "entr": (lambda x: -x * mp.log(x), [NEAR]),
    "rel_entr": (lambda x, y: x * mp.log(x / y), [NEAR, (0.2, 4.0)]),
    "kl_div": (lambda x, y: x * mp.log(x / y) - x + y, [NEAR, (0.2, 4.0)]),
    "pseudo_huber": (lambda d, r: d**2 * (mp.sqrt(1 + (r / d) ** 2) - 1), [(0.5, 3.0), (-9.5, 1e-4, 0.3, 50.0, 1e9)]),
    "huber": (lambda d, r: r * r / 2 if abs(r) <= d else d * (abs(r) - d / 2), [(0.5, 3.0), (-9.5, 0.3, 1.7)]),
    "exprel": (lambda x: mp.expm1(x) / x, [(-300.0, -9.5, -1.01, -0.99, -1e-6, 1e-9, 0.99, 1.01, 30.0)]),
    "boxcox": (lambda x, p: (x**p - 1) / p, [NEAR, (-1.3, 1e-9, 0.05, 2.0)]),
    "boxcox1p": (lambda x, p: mp.expm1(p * mp.log1p(x)) / p, [(-0.7, *NEAR), (-1.3, 1e-9, 0.05, 2.0)]),
    "inv_boxcox": (lambda y, p: mp.exp(mp.log1p(p * y) / p), [(0.001, 0.4, 1.7), (1e-9, 0.05, 2.0)]),
    "inv_boxcox1p": (lambda y, p: mp.expm1(mp.log1p(p * y) / p), [(0.001, 0.4, 1.7), (1e-9, 0.05, 2.0)]),
    "powm1": (lambda x, y: x**y - 1, [(0.5, 1.001, 4.0), (-2.0, 0.1, 3.0)]),
    "expm1": (mp.expm1, [BOTH]),
    "log1p": (mp.log1p, [(-0.99, -0.3, 1e-9, 3.0, 1e6)]),
    "exp10": (lambda x: mp.mpf(10) ** x, [BOTH]),
    "exp2": (lambda x: mp.mpf(2) ** x, [BOTH]),
    "cbrt": (mp.cbrt, [NEAR]),
    "cosm1": (lambda x: mp.cos(x) - 1, [BOTH]),
    "sindg": (lambda x: mp.sin(degrees(x)), [(-100.0, 1.0, 45.0, 200.0)]),
    "cosdg": (lambda x: mp.cos(degrees(x)), [(-100.0, 1.0, 45.0, 200.0)]),
    "tandg": (lambda x: mp.tan(degrees(x)), [(-100.0, 1.0, 45.0, 200.0)]),
    "cotdg": (lambda x: mp.cot(degrees(x)), [(-100.0, 1.0, 45.0, 200.0)]),
    "expi": (mp.ei, [(-9.5, -0.3, 0.01, 1.7, 40.0)]),
    "exp1": (mp.e1, [(0.01, 1.7, 40.0)]),
    "expn": (mp.expint, [(0.0, 1.0, 4.0), (0.01, 1.7, 40.0)]),
    "spence": (lambda z: mp.polylog(2, 1 - z), [(0.01, 0.7, 0.95, 1.03, 1.3, 9.5)]),
    "sici": (lambda x: (mp.si(x), mp.ci(x)), [(0.01, 0.9, 1.7, 40.0)]),
    "shichi": (lambda x: (mp.shi(x), mp.chi(x)), [(0.01, 0.9, 1.7, 40.0)]),
    "fresnel": (lambda x: (mp.fresnels(x), mp.fresnelc(x)), [(-3.3, -0.3, 0.001, 0.4, 2.6)]),
    "wofz": (faddeeva, [(-9.5, 0.0, 0.3, 1.7, 50.0, 1e5)]),
    "voigt_profile": (voigt, [(-1.3, 0.4, 50.0, 1e4), (0.5, 2.0), (0.3, 1.5)]),
    "radian": (lambda d, m, s: degrees(d + m / 60 + s / 3600), [(-30.0, 2.0), (7.0,), (12.0,)]),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), [(-700.0, -9.5, 0.0, 2.6, 50.0)]),
    "logsumexp": (logsumexp, [(-1.7, 0.4), (0.3, 3.0), (2.6,)]),
    "log_softmax": (lambda *x: tuple(a - logsumexp(*x) for a in x), [(-1.7, 0.4), (0.3, 3.0), (2.6,)]),
    "softmax": (lambda *x: tuple(mp.exp(a - logsumexp(*x)) for a in x), [(-1.7, 0.4), (0.3, 3.0), (2.6,)]),
    "lambertw": (lambda z, k: mp.lambertw(z, int(k)), [(-0.3, 0.2, 4.0), (0, -1, 2)]),
    "wrightomega": (lambda z: mp.lambertw(mp.exp(z)).real, [BOTH]),
    "gamma": (mp.gamma, [(-3.5, -0.99, 0.001, 0.6, 4.2, 60.0)]),
    "gammaln": (lambda x: mp.log(abs(mp.gamma(x))), [(-3.5, -0.99, 0.001, 0.6, 4.2, 60.0, 1e6)]),
    "loggamma": (mp.loggamma, [(0.001, 0.6, 4.2, 60.0, 1e6)]),
    "rgamma": (mp.rgamma, [(-4.0, -3.5, -1.0, -0.99, 0.0, 0.001, 0.6, 4.2, 60.0)]),
    "psi": (lambda x: mp.psi(0, x), [(-3.5, -0.99, 0.001, 0.6, 4.2, 60.0, 1e6)]),
    "polygamma": (lambda n, x: mp.psi(int(n), x), [(0, 1, 4), (0.001, 0.6, 4.2, 60.0)]),
    "zeta": (mp.zeta, [(1.5, 4.0), (0.001, 0.6, 4.2, 60.0)]),
    "multigammaln": (lambda a, d: mp.fsum(mp.loggamma(a - mp.mpf(j) / 2) for j in range(int(d))), [(2.1, 60.0), (1, 3)]),
    "comb": (mp.binomial, [(5.3, 8.5), (0.4, 2.5)]),
    "perm": (lambda n, k: mp.gamma(n + 1) / mp.gamma(n - k + 1), [(5.3, 8.5), (0.4, 2.5)]),
    "beta": (mp.beta, [(0.3, 2.5), (0.4, 7.0)]),
    "betaln": (lambda a, b: mp.log(mp.beta(a, b)), [(0.3, 2.5), (0.4, 7.0)]),
    "binom": (mp.binomial, [(5.3, 8.0), (0.4, 2.0)]),
    "poch": (mp.rf, [(0.3, 2.5), (0.4, 3.0)]),
    "gammainc": (lower_gamma, [(0.7, 3.0, 40.0), (0.2, 5.0, 35.0)]),
    "gammaincc": (upper_gamma, [(0.7, 3.0, 40.0), (1.5, 5.0, 35.0)]),
    "betainc": (lower_beta, [(0.7, 3.0), (0.6, 20.0), (0.01, 0.3, 0.9)]),
    "betaincc": (lambda a, b, x: 1 - lower_beta(a, b, x), [(0.7, 3.0), (0.6, 20.0), (0.01, 0.3, 0.9)]),
    "chdtr": (lambda v, x: lower_gamma(v / 2, x / 2), [(1.5, 8.0), (0.2, 5.0)]),
    "chdtrc": (lambda v, x: upper_gamma(v / 2, x / 2), [(1.5, 8.0), (0.2, 5.0)]),
    "fdtr": (lambda m, n, x: lower_beta(m / 2, n / 2, m * x / (m * x + n)), [(3.0,), (5.5,), (0.2, 2.0)]),
    "fdtrc": (lambda m, n, x: 1 - lower_beta(m / 2, n / 2, m * x / (m * x + n)), [(3.0,), (5.5,), (0.2, 2.0)]),
    "stdtr": (student, [(1.0, 3.5), (0.2, 6.0, 1e5)]),
    "gdtr": (lambda a, b, x: lower_gamma(b, a * x), [(0.5, 2.0), (3.5,), (0.3, 4.0)]),
    "gdtrc": (lambda a, b, x: upper_gamma(b, a * x), [(0.5, 2.0), (3.5,), (0.3, 4.0)]),
    "bdtr": (lambda k, n, p: lower_beta(n - k, k + 1, 1 - p), [(2.0,), (np.int64(5),), (0.01, 0.4, 0.9)]),
    "bdtrc": (lambda k, n, p: 1 - lower_beta(n - k, k + 1, 1 - p), [(2.0,), (np.int64(5),), (0.01, 0.4, 0.9)]),
    "nbdtr": (lambda k, n, p: lower_beta(n, k + 1, p), [(2.0,), (5.0,), (0.01, 0.4, 0.9)]),
    "nbdtrc": (lambda k, n, p: 1 - lower_beta(n, k + 1, p), [(2.0,), (5.0,), (0.01, 0.4, 0.9)]),
    "pdtr": (lambda k, m: upper_gamma(mp.floor(k) + 1, m), [(0.0, 2.5, 9.0), (0.3, 4.0, 20.0)]),
    "pdtrc": (lambda k, m: lower_gamma(mp.floor(k) + 1, m), [(0.0, 2.5, 9.0), (0.3, 4.0, 20.0)]),
    "gammaincinv": (inverse(lower_gamma, 1e-9, 20.0), [(0.7, 3.0), (0.1, 0.4, 0.9)]),
    "gammainccinv": (inverse(upper_gamma, 1e-9, 20.0), [(0.7, 3.0), (0.1, 0.4, 0.9)]),
    "betaincinv": (inverse(lower_beta, 1e-9, 1 - 1e-9), [(0.7, 3.0), (0.6, 9.0), (0.1, 0.4, 0.9)]),
    "betainccinv": (inverse(lambda a, b, x: 1 - lower_beta(a, b, x), 1e-9, 1 - 1e-9),
                    [(0.7, 3.0), (0.6, 9.0), (0.1, 0.4, 0.9)]),
    "chdtri": (inverse(lambda v, x: upper_gamma(v / 2, x / 2), 1e-9, 50.0), [(1.5, 8.0), (0.1, 0.4, 0.9)]),
    "fdtri": (inverse(lambda m, n, x: lower_beta(m / 2, n / 2, m * x / (m * x + n)), 1e-9, 50.0),
              [(3.0,), (5.5,), (0.1, 0.4, 0.9)]),
    "stdtrit": (inverse(student, 1e-9, 50.0), [(1.0, 3.5), (0.6, 0.9)]),
    "gdtrix": (lambda a, b, p: inverse(lower_gamma, 1e-9, 20.0)(b, p) / a, [(0.5, 2.0), (3.5,), (0.1, 0.9)]),
    "gdtria": (lambda p, b, x: inverse(lower_gamma, 1e-9, 20.0)(b, p) / x, [(0.1, 0.9), (3.5,), (0.5, 2.0)]),
    "bdtri": (inverse(lambda k, n, p: lower_beta(n - k, k + 1, 1 - p), 1e-9, 1 - 1e-9),
              [(2.0,), (np.int64(5),), (0.1, 0.4, 0.9)]),
    "nbdtri": (inverse(lambda k, n, p: lower_beta(n, k + 1, p), 1e-9, 1 - 1e-9), [(2.0,), (5.0,), (0.1, 0.4, 0.9)]),
    "pdtri": (inverse(lambda k, m: upper_gamma(k + 1, m), 1e-9, 30.0), [(0.0, 3.0), (0.1, 0.4, 0.9)]),
    "nrdtrimn": (lambda p, std, x: x - std * ndtri(p), [(0.1, 0.7), (2.0,), (0.4,)]),
    "nrdtrisd": (lambda mn, p, x: (x - mn) / ndtri(p), [(0.4,), (0.6, 0.9), (2.0,)]),
    "j0": (lambda x: mp.besselj(0, x), [(0.001, 1.7, 25.0)]),
    "j1": (lambda x: mp.besselj(1, x), [(0.001, 1.7, 25.0)]),
    "y0": (lambda x: mp.bessely(0, x), [(0.001, 1.7, 25.0)]),
    "y1": (lambda x: mp.bessely(1, x), [(0.001, 1.7, 25.0)]),
    "i0": (lambda x: mp.besseli(0, x), [BOTH]),
    "i1": (lambda x: mp.besseli(1, x), [BOTH]),
    "k0": (lambda x: mp.besselk(0, x), [NEAR]),
    "k1": (lambda x: mp.besselk(1, x), [NEAR]),
    "i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), [(*BOTH, *LARGE)]),
    "i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), [(*BOTH, *LARGE)]),
    "k0e": (lambda x: mp.besselk(0, x) * mp.exp(x), [(*NEAR, 300.0)]),
    "k1e": (lambda x: mp.besselk(1, x) * mp.exp(x), [(*NEAR, 300.0)]),
    "jv": (mp.besselj, [(0.0, 0.5, 2.0, 7.3), FAR]),
    "yv": (mp.bessely, [(0.0, 0.5, 2.0, 7.3), FAR]),
    "yn": (mp.bessely, [(0.0, 3.0), FAR]),
    "iv": (mp.besseli, [(0.0, 0.5, 2.0, 7.3), FAR]),
    "kv": (mp.besselk, [(0.0, 0.5, 7.3), (0.2, 3.4)]),
    "kn": (mp.besselk, [(0.0, 3.0), (0.2, 3.4)]),
    "jve": (mp.besselj, [(0.5, 2.0), FAR]),
    "yve": (mp.bessely, [(0.5, 2.0), FAR]),
    "ive": (lambda v, x: mp.besseli(v, x) * mp.exp(-x), [(0.0, 0.5, 2.0), FAR]),
    "kve": (lambda v, x: mp.besselk(v, x) * mp.exp(x), [(0.0, 0.5), (0.2, 25.0)]),
    "ber": (lambda x: mp.ber(0, x), [NEAR]),
    "bei": (lambda x: mp.bei(0, x), [NEAR]),
    "ker": (lambda x: mp.ker(0, x), [NEAR]),
    "kei": (lambda x: mp.kei(0, x), [NEAR]),
    "struve": (mp.struveh, [(0.0, 1.5), (0.3, 2.0, 9.0)]),
    "modstruve": (mp.struvel, [(0.0, 1.5), (0.3, 2.0, 9.0)]),
    "itstruve0": (integral(lambda t: mp.struveh(0, t)), [(0.3, 2.0, 9.0)]),
    "it2struve0": (integral(lambda t: -mp.struveh(0, t) / t), [(0.3, 2.0, 9.0)]),
    "itmodstruve0": (integral(lambda t: mp.struvel(0, t)), [(0.3, 2.0, 9.0)]),
    "itj0y0": (integral(lambda t: mp.besselj(0, t), lambda t: mp.bessely(0, t)), [(0.3, 2.0, 9.0)]),
    "iti0k0": (integral(lambda t: mp.besseli(0, t), lambda t: mp.besselk(0, t)), [(0.3, 2.0, 9.0)]),
    "it2j0y0": (integral(lambda t: (1 - mp.besselj(0, t)) / t, lambda t: -mp.bessely(0, t) / t), [(0.3, 2.0, 9.0)]),
    "it2i0k0": (integral(lambda t: (mp.besseli(0, t) - 1) / t, lambda t: -mp.besselk(0, t) / t), [(0.3, 2.0, 9.0)]),
    "besselpoly": (lambda a, k, v: mp.quad(lambda t: t**k * mp.besselj(v, 2 * a * t), [0, 1]),
                   [(0.3, 1.2), (1.5,), (2.0,)]),
    "berp": (slope_of(lambda x: mp.ber(0, x)), [NEAR]),
    "beip": (slope_of(lambda x: mp.bei(0, x)), [NEAR]),
    "kerp": (slope_of(lambda x: mp.ker(0, x)), [NEAR]),
    "keip": (slope_of(lambda x: mp.kei(0, x)), [NEAR]),
    "airy": (airy, [(-9.5, -0.3, 0.001, 0.4, 2.6, 7.0)]),
    "airye": (airye, [(0.001, 0.4, 2.6, 40.0)]),
    "hankel1": (mp.hankel1, [(0.0, 1.3, 2.0), (0.2, 3.4, 25.0)]),
    "hankel2": (mp.hankel2, [(0.0, 1.3, 2.0), (0.2, 3.4, 25.0)]),
    "hankel1e": (lambda v, z: mp.hankel1(v, z) * mp.exp(-1j * z), [(0.0, 1.3, 2.0), (0.2, 3.4, 25.0)]),
    "hankel2e": (lambda v, z: mp.hankel2(v, z) * mp.exp(1j * z), [(0.0, 1.3, 2.0), (0.2, 3.4, 25.0)]),
    "jvp": (lambda v, x, n: mp.besselj(v, x, derivative=int(n)), [(0.5, 2.0), (0.2, 3.4), (1, 2)]),
    "yvp": (lambda v, x, n: mp.bessely(v, x, derivative=int(n)), [(0.5, 2.0), (0.2, 3.4), (1, 2)]),
    "ivp": (lambda v, x, n: mp.besseli(v, x, derivative=int(n)), [(0.5, 2.0), (0.2, 3.4), (1, 2)]),
    "kvp": (lambda v, x, n: mp.diff(lambda t: mp.besselk(v, t), x, int(n)), [(0.5,), (0.2, 3.4), (1, 2)]),
    "pbdv": (with_slope(mp.pcfd), [(0.0, 1.5), (-1.3, 0.4, 2.6)]),
    "pbvv": (with_slope(lambda v, x: mp.pcfv(-v - 0.5, x)), [(0.0, 1.5), (0.4, 2.6)]),
    "pbwa": (with_slope(mp.pcfw), [(-0.5, 0.7), (-1.3, 0.4, 2.6)]),
    "spherical_jn": (spherical(mp.besselj), [(0, 3), FAR]),
    "spherical_yn": (spherical(mp.bessely), [(0, 3), FAR]),
    "spherical_in": (spherical(mp.besseli), [(0, 3), FAR]),
    "spherical_kn": (spherical(mp.besselk), [(0, 3), FAR]),
    "eval_legendre": (mp.legendre, [(0.0, 1.0, 3.0, 2.5), (-0.7, 0.2, 0.95)]),
    "eval_jacobi": (mp.jacobi, [(0.0, 3.0), (0.5,), (1.5,), (-0.7, 0.2, 0.95)]),
    "eval_gegenbauer": (mp.gegenbauer, [(0.0, 3.0), (0.75,), (-0.7, 0.2, 0.95)]),
    "eval_chebyt": (mp.chebyt, [(0.0, 1.0, 3.0), (-0.7, 0.2, 0.95)]),
    "eval_chebyu": (mp.chebyu, [(0.0, 1.0, 3.0), (-0.7, 0.2, 0.95)]),
    "eval_chebyc": (lambda n, x: 2 * mp.chebyt(n, x / 2), [(0.0, 1.0, 3.0), (-0.7, 0.2, 0.95)]),
    "eval_chebys": (lambda n, x: mp.chebyu(n, x / 2), [(0.0, 1.0, 3.0), (-0.7, 0.2, 0.95)]),
    "eval_sh_legendre": (lambda n, x: mp.legendre(n, 2 * x - 1), [(0.0, 1.0, 3.0), (0.2, 0.95)]),
    "eval_sh_chebyt": (lambda n, x: mp.chebyt(n, 2 * x - 1), [(0.0, 1.0, 3.0), (0.2, 0.95)]),
    "eval_sh_chebyu": (lambda n, x: mp.chebyu(n, 2 * x - 1), [(0.0, 1.0, 3.0), (0.2, 0.95)]),
    "eval_laguerre": (lambda n, x: mp.laguerre(n, 0, x), [(0.0, 1.0, 3.0), (-0.7, 0.2, 3.0)]),
    "eval_genlaguerre": (mp.laguerre, [(0.0, 3.0), (0.5,), (-0.7, 0.2, 3.0)]),
    "eval_hermite": (mp.hermite, [(0, 1, 4), (-0.7, 0.2, 3.0)]),
    "eval_hermitenorm": (lambda n, x: mp.sqrt(2) ** -int(n) * mp.hermite(n, x / mp.sqrt(2)), [(0, 1, 4), (-0.7, 0.2, 3.0)]),
    "eval_sh_jacobi": (lambda n, p, q, x: mp.jacobi(n, p - q, q - 1, 2 * x - 1) / mp.binomial(2 * n + p - 1, n),
                       [(0.0, 3.0), (2.5,), (1.5,), (0.2, 0.95)]),
    "assoc_laguerre": (lambda x, n, k: mp.laguerre(n, k, x), [(-0.7, 0.2, 3.0), (3,), (0, 1)]),
    "lpmv": (lambda m, v, x: mp.legenp(v, m, x, type=2), [(0.0, 1.0), (3.0,), (0.2, 0.95)]),
    "wright_bessel": (wright, [(0.7, 1.0), (1.3,), (0.2, 3.0)]),
    "log_wright_bessel": (lambda a, b, x: mp.log(wright(a, b, x)), [(0.7, 1.0), (1.3,), (0.2, 3.0)]),
    "hyp0f1": (mp.hyp0f1, [(2.5,), (-8.0, -0.3, 5.0)]),
    "hyp1f1": (mp.hyp1f1, [(0.7,), (2.5,), (-8.0, -0.3, 5.0)]),
    "hyp2f1": (mp.hyp2f1, [(0.7,), (1.3,), (2.5,), (-8.0, -0.3, 0.5, 0.9)]),
    "hyperu": (mp.hyperu, [(0.7,), (2.5,), (0.3, 5.0)]),
    "ellipk": (mp.ellipk, [(-50.0, -0.3, -0.05, 1e-9, 0.0999, 0.1001, 0.5, 0.99, 0.999999)]),
    "ellipkm1": (lambda p: mp.ellipk(1 - p), [(1e-9, 0.001, 0.5, 0.95, 2.0)]),
    "ellipe": (mp.ellipe, [(-50.0, -0.3, -0.05, 1e-9, 0.0999, 0.1001, 0.5, 0.99)]),
    "ellipkinc": (mp.ellipf, [(0.3, 1.2), (-3.0, -0.05, 1e-9, 0.0999, 0.1001, 0.9)]),
    "ellipeinc": (mp.ellipe, [(0.3, 1.2), (-3.0, -0.05, 1e-9, 0.0999, 0.1001, 0.9)]),
    "ellipj": (jacobis, [(0.3, 1.2), (0.05, 0.2, 0.9)]),
    "agm": (mp.agm, [(0.2, 1.0, 40.0), (0.3, 1.0, 1.0001)]),
}  # fmt: skip


VECTORS = {"logsumexp", "softmax", "log_softmax"}  # functions of one vector, here of its numbers
SIDES = {"real": mp.re, "imag": mp.im}


def results(out):
    return out if isinstance(out, tuple) else (out,)


def slopes(f, arguments, k, order, i, side):
    """The derivative of this order, in operand k, of a side of the i-th result of mpmath's function."""
    exact = [mp.mpf(float(x)) for x in arguments]
    if isinstance(f, list):
        (f, more), i = f[i], 0
        order += more
    with mp.workdps(DIGITS):
        return float(mp.diff(lambda t: SIDES[side](results(f(*exact[:k], t, *exact[k + 1 :]))[i]), exact[k], order))


def on_numbers(name):
    function = getattr(special, name, registry[f"special.{name}"])  # softplus is not SciPy's
    if name not in VECTORS:
        return function

    def stacked(*numbers):
        out = function(np.stack(numbers))
        return out if np.ndim(out) == 0 else tuple(out[i] for i in range(len(numbers)))

    return stacked


@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_and_second_derivatives_equal_mpmaths(name):
    f, choices = FUNCTIONS[name]
    op, function = registry[f"special.{name}"], on_numbers(name)
    for arguments in itertools.product(*choices):
        rules = op.rules
        if op.kind == "composed":
            rules = [x if isinstance(x, float) else None for x in arguments]
        for k, rule in enumerate(rules):
            if rule is None:
                continue

            def along(x, arguments=arguments, k=k):
                return results(function(*arguments[:k], x, *arguments[k + 1 :]))

            x = float(arguments[k])
            for i, (ours, scipys) in enumerate(zip(along(Value(x)), along(x), strict=True)):
                exactly = 1e-13 if op.kind == "composed" else 0.0
                assert ours.data == pytest.approx(scipys, rel=exactly, abs=0.0), "the value is SciPy’s, bit for bit"
                for side in SIDES if np.iscomplexobj(scipys) else ("real",):

                    def part(x, along=along, i=i, side=side):
                        return getattr(np, side)(along(x)[i])

                    expected = slopes(f, arguments, k, 1, i, side)
                    what = f"{name}{arguments}, operand {k}, {side} part of result {i}"
                    assert grad(part)(x) == pytest.approx(expected, rel=FIRST.get(name, 1e-10), abs=1e-300), what
                    twice = slopes(f, arguments, k, 2, i, side)
                    rel = SECOND.get(name, 1e-8)
                    assert grad(grad(part))(x) == pytest.approx(twice, rel=rel, abs=1e-8 * abs(expected)), what


def test_no_differentiable_function_is_left_out():
    assert [name for name in OURS if name.removeprefix("special.") not in FUNCTIONS] == []


@pytest.mark.parametrize("name", [name for name in OURS if registry[name].samples])
def test_half_precision_has_gradients_in_half_precision(name):
    op, rng = registry[name], np.random.default_rng(0)
    row = op.samples[0]
    operands = [x.astype(np.float16) if getattr(x, "dtype", None) == np.float64 else x for x in row.arrays(rng)]
    values = [Value(x) if getattr(x, "dtype", None) == np.float16 else x for x in operands]
    wider = [Value(x.astype(np.float32)) if getattr(x, "dtype", None) == np.float16 else x for x in operands]
    for xs in (values, wider):
        sum(np.sum(np.real(out)) for out in results(op(*xs, **row.options))).backward()
    for x, w in zip(values, wider, strict=True):
        if isinstance(x, Value):
            assert x.grad.dtype == np.float16
            np.testing.assert_allclose(x.grad, w.grad, rtol=1e-2, atol=4e-3)


def test_every_public_name_is_differentiable_constant_or_refused():
    def is_known(name):
        function = getattr(theirs, name)
        known = function in DISPATCH or function in REFUSED or f"special.{name}" in registry
        return known or not callable(function) or isinstance(function, type)

    assert [name for name in theirs.__all__ if not is_known(name)] == []


def test_the_names_are_scipys():
    assert set(theirs.__all__) <= set(dir(special))
    assert special.jv is theirs.jv
    assert special.logsumexp(np.array([1.0, 2.0])) == theirs.logsumexp([1.0, 2.0])
    with pytest.raises(AttributeError):
        special.no_such_name  # noqa: B018


X = np.array([[0.3, -1.2, 2.0], [1.5, 0.0, -0.4]])
WEIGHTS = np.array([1.0, 2.5, 0.5])
ADAPTED = {
    "logsumexp": lambda np, x: np.logsumexp(x),
    "logsumexp over an axis": lambda np, x: np.logsumexp(x, axis=1, keepdims=True),
    "logsumexp, weighted": lambda np, x: np.logsumexp(x, 0, [[2.0], [0.0]]),
    "logsumexp with sign": lambda np, x: np.logsumexp(x, axis=1, b=[1.0, -2.0, 0.5], return_sign=True)[0],
    "softmax": lambda np, x: np.softmax(x),
    "softmax over axes": lambda np, x: np.softmax(x, axis=(0, 1)),
    "log_softmax": lambda np, x: np.log_softmax(x, axis=0),
    "multigammaln": lambda np, x: np.multigammaln(x + 4.0, 3),
    "polygamma": lambda np, x: np.polygamma(2, x + 3.0),
    "zeta": lambda np, x: np.zeta(2.5, x + 3.0),
    "comb": lambda np, x: np.comb(x + 5.0, 2),
    "perm": lambda np, x: np.perm(x + 5.0, 2),
    "spherical_jn": lambda np, x: np.spherical_jn(2, x + 3.0, derivative=True),
    "spherical_kn": lambda np, x: np.spherical_kn(1, x + 3.0),
    "softplus": lambda np, x: np.softplus(x),
    "jvp": lambda np, x: np.jvp(1.5, x + 3.0, 2),
    "assoc_laguerre": lambda np, x: np.assoc_laguerre(x, 3.0, 0.5),
    "lambertw": lambda np, x: np.lambertw(x + 2.0).real,
}


@pytest.mark.parametrize("f", ADAPTED.values(), ids=ADAPTED)
def test_functions_that_do_not_dispatch_take_values(f):
    expected = f(theirs, X)
    np.testing.assert_allclose(f(special, Value(X)).data, expected, rtol=1e-13, atol=1e-15)
    step = 1e-5 * np.cos(np.arange(6.0)).reshape(2, 3)
    along = grad(
        lambda t: np.sum(f(special, X + t * step) * np.cos(np.arange(np.size(expected))).reshape(np.shape(expected)))
    )
    ends = [
        np.sum(f(theirs, X + t * step) * np.cos(np.arange(np.size(expected))).reshape(np.shape(expected)))
        for t in (1, -1)
    ]
    assert along(0.0) == pytest.approx((ends[0] - ends[1]) / 2.0, rel=1e-5, abs=1e-10)


def test_the_weights_of_logsumexp_have_a_gradient():
    total = np.exp([0.0, 1.0, 2.0])
    slope = grad(lambda b: special.logsumexp(np.array([0.0, 1.0, 2.0]), b=b))(WEIGHTS)
    np.testing.assert_allclose(slope, total / np.sum(total * WEIGHTS), rtol=1e-14)


@pytest.mark.parametrize("name", ["jv", "iv", "kv", "struve", "eval_legendre", "gammainc", "pdtr", "expn"])
def test_an_order_has_no_silent_gradient(name):
    with pytest.raises(NotDifferentiableError, match=f"special.{name} has no derivative rule for its operand"):
        grad(lambda v: getattr(special, name)(v, 1.5))(2.0)


def test_a_refusal_says_why():
    with pytest.raises(NotDifferentiableError, match="Carlson"):
        special.elliprd(Value(1.0), 2.0, 3.0)
    with pytest.raises(NotDifferentiableError, match="sin"):
        special.diric(Value(1.0), 3)
    with pytest.raises(NotDifferentiableError, match="whole numbers"):
        special.legendre(Value(1.0))


def test_a_missing_scipy_is_named():
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "try:\n    from autograd.scipy import special\n"
        "except ImportError as mistake:\n    print(type(mistake).__name__, mistake)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "MissingExtraError autograd.scipy.special needs SciPy: pip install" in result.stdout
