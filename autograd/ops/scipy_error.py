"""scipy.special: the error function and the normal distribution, logistic and entropy functions, roots and angles."""

import math

import numpy as np
from scipy import special

from autograd.ops.scipy_ufunc import between, bounded, over, series, several, ufunc, weak
from autograd.primitives import point, primitive, sample

__all__: list[str] = []

# a paragraph for each function
# fmt: off

_ERF_SLOPE = 2.0 / math.sqrt(math.pi)
_ROOT_HALF = math.sqrt(0.5)
_ROOT_2PI = math.sqrt(2.0 * math.pi)
_DEGREE = math.pi / 180.0
ANY = between(-2.0, 2.0)
ANALYTIC = between(-2.0, 2.0, complex=True)
POSITIVE = between(0.2, 3.0)
SHARE = between(0.05, 0.95)
PAIR = [sample("3 4", "4", low=0.2, high=3.0), sample("", "3", low=0.2, high=3.0)]

# erf and its kin; far out, 2x erfcx(x) − 2/√π and 1 − 2x dawsn(x) are differences of nearly equal numbers

_TAIL = [math.prod(range(1, 2 * k + 2, 2)) * 1.0 for k in range(16)]  # (2k + 1)!!


def _far(x, sign):
    """(where x is far out, Σ (2k + 1)!! (sign / 2x²)^k / x² there)."""
    far = np.real(x) > 10.0 if sign < 0.0 else np.abs(np.real(x)) > 10.0
    square = (1.0 / np.where(far, x, 10.0)) ** 2
    return far, series(_TAIL, 0.5 * sign * square) * square


_TAIL_MORE = [(k + 1.0) * c for k, c in enumerate(_TAIL)]


def _wofz_slopes(z, w):
    """(w', w + z w'), by the expansion for large z, of which w' = 2i/√π − 2zw has few digits and the other none."""
    far = (np.abs(z) > 10.0) & (np.imag(z) >= 0.0)
    inverse = 1.0 / np.where(far, z, 10.0)
    square = inverse * inverse
    near = _ERF_SLOPE * 1j - 2.0 * (z * w)
    factor = (-0.5j * _ERF_SLOPE) * square
    slope = np.where(far, factor * series(_TAIL, 0.5 * square), near)
    return slope, np.where(far, factor * inverse * series(_TAIL_MORE, 0.5 * square), w + z * near)


def _gauss(x):
    x = bounded(x)
    return np.exp(-(x * x))


def _erfcx(g, out, x):
    far, tail = _far(x, -1.0)
    return g * np.where(far, (-0.5 * _ERF_SLOPE) * tail, 2.0 * (x * out) - _ERF_SLOPE)


def _dawsn(g, out, x):
    far, tail = _far(x, 1.0)
    return g * np.where(far, -0.5 * tail, 1.0 - 2.0 * (x * out))


ufunc("erf", "Error function, 2/√π ∫₀ˣ e^(−t²) dt.", "DLMF 7.2.1", ANALYTIC, [((0.0,), (1.1283791670955126,))],
      x=lambda g, out, x: g * (_ERF_SLOPE * _gauss(x)))
ufunc("erfc", "1 − erf(x).", "DLMF 7.2.2", ANALYTIC, [((0.0,), (-1.1283791670955126,))],
      x=lambda g, out, x: g * (-_ERF_SLOPE * _gauss(x)))
ufunc("erfcx", "e^(x²) erfc(x).", "DLMF 7.10.2 and 7.12.1", [*ANALYTIC, sample("7", low=-1.0, high=30.0)],
      [((0.0,), (-1.1283791670955126,)), ((np.array([1e200]),), (np.zeros(1),))], x=_erfcx)
ufunc("erfi", "−i erf(ix).", "DLMF 7.2.1", ANALYTIC, [((0.0,), (1.1283791670955126,))],
      x=lambda g, out, x: g * (_ERF_SLOPE * np.exp(x * x)))
ufunc("dawsn", "Dawson's integral, e^(−x²) ∫₀ˣ e^(t²) dt.", "DLMF 7.10.3 and 7.12.1",
      [*ANALYTIC, sample("7", low=-30.0, high=30.0)],
      [((0.0,), (1.0,)), ((np.array([1e200]),), (np.zeros(1),))], x=_dawsn)
ufunc("wofz", "Faddeeva function, w(z) = e^(−z²) erfc(−iz), complex.", "DLMF 7.10.2", [sample("3 4", complex=True)],
      [((np.array([0.0]),), (np.array([0.0]),))], complex_result=True,
      z=lambda g, out, z: g * _wofz_slopes(z, out)[0])
ufunc("erfinv", "Inverse of erf.", "inverse of erf", between(-0.95, 0.95), [((0.0,), (0.886226925452758,))],
      y=lambda g, out, y: g * (np.exp(out * out) / _ERF_SLOPE))
ufunc("erfcinv", "Inverse of erfc.", "inverse of erfc", between(0.05, 1.95), [((1.0,), (-0.886226925452758,))],
      y=lambda g, out, y: g * (-np.exp(out * out) / _ERF_SLOPE))


def _log_ndtr_slope(x, out):
    """φ(x) / Φ(x): by erfcx on the left, where both vanish."""
    left = x < 0.0
    below = np.where(left, x, 0.0)
    above = np.where(left, 0.0, np.minimum(x, 40.0))
    ratio = (2.0 / _ROOT_2PI) / special.erfcx(-_ROOT_HALF * below)
    return np.where(left, ratio, np.exp(-0.5 * (above * above) - np.where(left, 0.0, out)) / _ROOT_2PI)


ufunc("ndtr", "Normal distribution function, Φ(x).", "its density", ANALYTIC,
      [((0.0,), (0.3989422804014327,)), ((np.array([-1e200, 1e200]),), (np.zeros(2),))],
      x=lambda g, out, x: g * (_gauss(_ROOT_HALF * x) / _ROOT_2PI))
ufunc("log_ndtr", "ln Φ(x).", "φ/Φ, by DLMF 7.7.1", [*ANY, sample("5", low=-40.0, high=8.0)],
      [((0.0,), (0.7978845608028654,)), ((np.array([1e200]),), (np.zeros(1),))], real=True,
      x=lambda g, out, x: g * _log_ndtr_slope(x, out))
ufunc("ndtri", "Inverse of the normal distribution function.", "inverse of ndtr", SHARE,
      [((0.5,), (2.5066282746310007,))],
      y=lambda g, out, y: g * (_ROOT_2PI * np.exp(0.5 * (out * out))))
ufunc("ndtri_exp", "Inverse of log_ndtr.", "inverse of log_ndtr", between(-5.0, -0.1),
      [((-8.0,), (0.273349051190677,))],
      y=lambda g, out, y: g / _log_ndtr_slope(out, y))


def _owens_t_h(g, out, h, a):
    h = np.clip(h, -40.0, 40.0)  # beyond, the result is 0
    return g * (_gauss(_ROOT_HALF * h) * special.erf(np.clip(_ROOT_HALF * a, -1e36, 1e36) * h) * (-0.5 / _ROOT_2PI))


def _owens_t_a(g, out, h, a):
    share = 1.0 / np.hypot(1.0, a)
    return g * (_gauss(np.clip(_ROOT_HALF * h, -40.0, 40.0) / np.maximum(share, 1e-36)) * (share * share) / (2.0 * math.pi))


ufunc("owens_t", "Owen's T function.", "Owen 1956: the integrand, and ∂T/∂h", [sample("3 4", "4"), sample("", "")],
      [((1.0, 0.0), (0.0, 0.09653235263005391)), ((0.0, 1.0), (0.0, 0.07957747154594767)),
       ((np.array([0.0]), np.array([1e300])), (np.zeros(1), np.zeros(1)))],
      h=_owens_t_h, a=_owens_t_a)


def _voigt(x, sigma, gamma):
    """(w', w + z w') at z = (x + iγ) / (σ√2), of which the profile is Re w / (σ√2π)."""
    z = (x + 1j * gamma) * (_ROOT_HALF / sigma)
    return _wofz_slopes(z, special.wofz(z))


def _voigt_x(slope, sigma):
    return slope * (_ROOT_HALF / _ROOT_2PI) / sigma / sigma


def _voigt_sigma(g, out, x, sigma, gamma):
    return g * (np.real(_voigt(x, sigma, gamma)[1]) * (-1.0 / _ROOT_2PI) / sigma / sigma)


ufunc("voigt_profile", "Convolution of a normal density of deviation σ with a Cauchy density of scale γ.",
      "Re w(z) / (σ√2π), DLMF §7.19", [sample("3 4", "4", "", low=0.3, high=2.0)],
      [((0.0, 0.5, 0.5), (0.0, -0.3964346994277788, -0.43840242265369195))],
      x=lambda g, out, x, sigma, gamma: g * _voigt_x(np.real(_voigt(x, sigma, gamma)[0]), sigma), sigma=_voigt_sigma,
      gamma=lambda g, out, x, sigma, gamma: -g * _voigt_x(np.imag(_voigt(x, sigma, gamma)[0]), sigma))

# logistic functions, entropies, robust losses

ufunc("expit", "Logistic function, 1 / (1 + e^(−x)).", "quotient rule", ANY, [((0.0,), (0.25,))],
      x=lambda g, out, x: g * (out * special.expit(-x)))
ufunc("logit", "ln(x / (1 − x)).", "inverse of expit", SHARE, [((0.5,), (4.0,))],
      x=lambda g, out, x: g / (x * (1.0 - x)))
ufunc("log_expit", "ln expit(x).", "chain rule", ANY, [((0.0,), (0.5,))],
      x=lambda g, out, x: g * special.expit(-x))


def _quotient(x, y):
    """x / y, where 0 / 0 is 0: x ln y vanishes with x, whatever y is."""
    return x / np.where((x == 0.0) & (y == 0.0), 1.0, y)


ufunc("xlogy", "x ln y, 0 where x is 0.", "DLMF §4.7", PAIR, [((0.0, 0.001), (-6.907755278982137, 0.0))],
      x=lambda g, out, x, y: g * np.log(y),
      y=lambda g, out, x, y: g * _quotient(x, y))
ufunc("xlog1py", "x ln(1 + y), 0 where x is 0.", "DLMF §4.7", PAIR, [((0.0, -0.9), (-2.302585092994046, 0.0))],
      x=lambda g, out, x, y: g * np.log1p(y),
      y=lambda g, out, x, y: g * _quotient(x, 1.0 + y))
ufunc("entr", "−x ln x.", "product rule; inf at 0", POSITIVE, [((1.0,), (-1.0,))],
      x=lambda g, out, x: g * (-np.log(x) - 1.0))
ufunc("rel_entr", "x ln(x / y).", "product rule; −inf at x = 0", PAIR, [((0.001, 0.2), (-4.298317366548036, -0.005))],
      x=lambda g, out, x, y: g * (np.log(x / y) + 1.0),
      y=lambda g, out, x, y: -g * _quotient(x, y))
ufunc("kl_div", "x ln(x / y) − x + y.", "product rule; −inf at x = 0", PAIR,
      [((0.001, 0.2), (-5.298317366548036, 0.995))],
      x=lambda g, out, x, y: g * np.log(x / y),
      y=lambda g, out, x, y: g * (1.0 - _quotient(x, y)))
ufunc("huber", "r² / 2 up to |r| = δ, δ (|r| − δ/2) beyond.", "Huber 1964",
      [sample("3 4", "4", low=0.2, high=2.0), sample("", "5", low=0.1, high=3.0), sample(1.0, "5", low=-3.0, high=3.0)],
      [((1.0, 3.0), (2.0, 1.0))],
      delta=lambda g, out, delta, r: g * np.maximum(np.abs(r) - delta, 0.0),
      r=lambda g, out, delta, r: g * np.maximum(np.minimum(r, delta), -delta))


def _length(delta, r):
    length = np.hypot(delta, r)
    return np.where(length == 0.0, 1.0, length)


def _pseudo_huber_delta(g, out, delta, r):
    length = _length(delta, r)
    share = r / (delta + length)
    return g * ((share * share) * (r * (r / length)))


ufunc("pseudo_huber", "δ² (√(1 + (r/δ)²) − 1).", "Charbonnier et al. 1997",
      [sample("3 4", "4", low=0.2, high=2.0), sample(1.5, "5")],
      [((3.0, 4.0), (0.8, 2.4)), ((np.array([1.0]), np.array([1e150])), (np.array([1e150]), np.array([1.0])))],
      delta=_pseudo_huber_delta,
      r=lambda g, out, delta, r: g * (r * (delta / _length(delta, r))))

# powers: (e^t − 1) / t and the Box-Cox transforms, near 0 by their series

_EXPREL = [(k + 1.0) / math.factorial(k + 2) for k in range(20)]
_ROOT = [(-1.0) ** (k + 1) * (k + 1.0) / (k + 2.0) for k in range(17)]


def _exprel_slope(t):
    """d/dt (e^t − 1) / t = (e^t − exprel(t)) / t, and 1/2 at 0."""
    near = np.abs(t) < 1.0
    small, far = np.where(near, t, 0.0), np.where(near, 1.0, t)
    return np.where(near, series(_EXPREL, small), (np.exp(far) - special.exprel(far)) / far)


def _shifted(y, lmbda):
    """(1 / (1 + λ y), ln |1 + λ y|), though λ y may be too large a number."""
    steep = np.abs(y) > 1.0
    flat, large = lmbda * np.where(steep, 0.0, y), np.where(steep, y, 1.0)
    inverse = 1.0 / large
    log = np.log(np.abs(large)) + np.log(np.abs(inverse + np.where(steep, lmbda, 1.0)))
    return np.where(steep, inverse / (inverse + lmbda), 1.0 / (1.0 + flat)), np.where(steep, log, np.log1p(flat))


def _root_slope(y, lmbda):
    """(u / (1 + u) − ln(1 + u)) / λ² of u = λ y, and −y²/2 at 0: d/dλ of (u + 1)^(1/λ) is the power · this."""
    share, log = _shifted(y, lmbda)
    near = np.abs(1.0 - share) < 0.1
    y, small, far = np.where(near, y, 0.0), np.where(near, lmbda, 0.0), np.where(near, 1.0, lmbda)
    return np.where(near, (y * y) * series(_ROOT, small * y), (1.0 - share - log) / far / far)


HUGE = ((np.array([1e200]), np.array([1e200])), (np.zeros(1), np.zeros(1)))
ufunc("exprel", "(e^x − 1) / x, 1 at 0.", "quotient rule", [*ANY, sample("5", low=-30.0, high=5.0)],
      [((0.0,), (0.5,))],
      x=lambda g, out, x: g * _exprel_slope(x))
ufunc("boxcox", "(x^λ − 1) / λ, ln x for λ = 0.", "Box & Cox 1964",
      [*PAIR, sample("5", "5", low=0.2, high=0.9), sample("4", 0.0, low=0.3, high=2.0)],
      [((0.001, 1e-09), (999.9999930922447, 23.858541387280148))],
      x=lambda g, out, x, lmbda: g * x ** (lmbda - 1.0),
      lmbda=lambda g, out, x, lmbda: g * (np.log(x) ** 2 * _exprel_slope(lmbda * np.log(x))))
ufunc("boxcox1p", "((1 + x)^λ − 1) / λ, ln(1 + x) for λ = 0.", "Box & Cox 1964",
      [*PAIR, sample("5", "5", low=-0.8, high=0.9), sample("4", 0.0, low=0.3, high=2.0)],
      [((-0.7, -1.3), (15.944874824071633, 2.1913868987208818))],
      x=lambda g, out, x, lmbda: g * np.exp((lmbda - 1.0) * np.log1p(x)),
      lmbda=lambda g, out, x, lmbda: g * (np.log1p(x) ** 2 * _exprel_slope(lmbda * np.log1p(x))))
ufunc("inv_boxcox", "(λ y + 1)^(1/λ), e^y for λ = 0.", "inverse of boxcox",
      [*PAIR, sample("5", "5", low=0.01, high=0.9), sample("4", 0.0, low=0.3, high=2.0)],
      [((0.001, 1e-09), (1.0010005001657067, -5.005002500826866e-07)), HUGE],
      y=lambda g, out, y, lmbda: g * (out * _shifted(y, lmbda)[0]),
      lmbda=lambda g, out, y, lmbda: g * (out * _root_slope(y, lmbda)))
ufunc("inv_boxcox1p", "(λ y + 1)^(1/λ) − 1, e^y − 1 for λ = 0.", "inverse of boxcox1p",
      [*PAIR, sample("5", "5", low=0.01, high=0.9), sample("4", 0.0, low=0.3, high=2.0)],
      [((0.001, 1e-09), (1.0010005001657067, -5.005002500826866e-07)), HUGE],
      y=lambda g, out, y, lmbda: g * ((out + 1.0) * _shifted(y, lmbda)[0]),
      lmbda=lambda g, out, y, lmbda: g * ((out + 1.0) * _root_slope(y, lmbda)))
ufunc("powm1", "x^y − 1.", "power rule", PAIR, [((0.5, -2.0), (-16.0, -2.772588722239781))],
      x=lambda g, out, x, y: g * (y * x ** (y - 1.0)),
      y=lambda g, out, x, y: g * ((out + 1.0) * np.log(x)))
ufunc("expm1", "e^x − 1.", "DLMF §4.7", ANALYTIC, [((0.0,), (1.0,))],
      x=lambda g, out, x: g * np.exp(x))
ufunc("log1p", "ln(1 + x).", "DLMF §4.7", between(-0.8, 3.0, complex=True), [((0.0,), (1.0,))],
      x=lambda g, out, x: g / (1.0 + x))
ufunc("exp10", "10^x.", "DLMF §4.7", ANY, [((0.0,), (2.302585092994046,))],
      x=lambda g, out, x: g * (out * math.log(10.0)))
ufunc("exp2", "2^x.", "DLMF §4.7", ANY, [((0.0,), (0.6931471805599453,))],
      x=lambda g, out, x: g * (out * math.log(2.0)))
ufunc("cbrt", "Cube root.", "power rule", POSITIVE, [((1.0,), (0.3333333333333333,))],
      x=lambda g, out, x: g / (3.0 * (out * out)))

# angles

ufunc("cosm1", "cos x − 1.", "DLMF 4.20.2", ANY, [((0.0,), (0.0,))],
      x=lambda g, out, x: -g * np.sin(x))
ufunc("sindg", "Sine of an angle in degrees.", "DLMF 4.20.1", between(-200.0, 200.0),
      [((0.0,), (0.017453292519943295,))],
      x=lambda g, out, x: g * (_DEGREE * special.cosdg(x)))
ufunc("cosdg", "Cosine of an angle in degrees.", "DLMF 4.20.2", between(-200.0, 200.0), [((0.0,), (0.0,))],
      x=lambda g, out, x: g * (-_DEGREE * special.sindg(x)))
ufunc("tandg", "Tangent of an angle in degrees.", "DLMF 4.20.3", between(-60.0, 60.0),
      [((0.0,), (0.017453292519943295,))],
      x=lambda g, out, x: g * (_DEGREE * (1.0 + out * out)))
ufunc("cotdg", "Cotangent of an angle in degrees.", "DLMF 4.20.4", between(20.0, 150.0),
      [((-100.0,), (-0.017995936400347513,))],
      x=lambda g, out, x: g * (-_DEGREE * (1.0 + out * out)))


@primitive(
    numpy=special.radian,
    name="special.radian",
    symbol="radian",
    kind="composed",
    samples=[sample("3 4", "4", ""), sample("", "", "")],
    points=[point((0.0, 0.0, 0.0), (_DEGREE, _DEGREE / 60.0, _DEGREE / 3600.0))],
    source="a sum",
)
def radian(d, m, s, /):
    """Degrees, minutes and seconds in radians."""
    return (d + m / 60.0 + s / 3600.0) * _DEGREE


# integrals of elementary functions


_SPENCE = [(-1.0) ** k / (k + 1.0) for k in range(17)]
_SINC = [(-1.0) ** k / math.factorial(2 * k + 1) for k in range(12)]


def _spence(g, out, z):
    u = z - 1.0
    near = np.abs(u) < 0.1
    small, far = np.where(near, u, 0.0), np.where(near, 2.0, z)
    return g * np.where(near, -series(_SPENCE, small), np.log(far) / (1.0 - far))


def sinc(x):
    """sin(x) / x, with derivatives of every order at 0."""
    near = np.abs(x) < 1.0
    small, far = np.where(near, x, 0.0), np.where(near, 1.0, x)
    return np.where(near, series(_SINC, small * small), np.sin(far) / far)


def sinhc(x):
    """sinh(x) / x, with derivatives of every order at 0."""
    near = np.abs(x) < 1.0
    small, far = np.where(near, x, 0.0), np.where(near, 1.0, x)
    return np.where(near, series([abs(c) for c in _SINC], small * small), np.sinh(far) / far)


def _expn(g, out, n, x):
    return -g * np.where(np.equal(n, 0), out * (1.0 + 1.0 / x), special.expn(weak(np.maximum(n, 1.0) - 1.0), x))


ufunc("expi", "Exponential integral Ei(x).", "DLMF 6.2.5", between(0.2, 3.0, complex=True),
      [((1.0,), (2.718281828459045,))],
      x=lambda g, out, x: g * (np.exp(x) / x))
ufunc("exp1", "Exponential integral E₁(x).", "DLMF 6.2.1", between(0.2, 3.0, complex=True),
      [((1.0,), (-0.36787944117144233,))],
      x=lambda g, out, x: -g * (np.exp(-x) / x))
ufunc("expn", "Exponential integral E_n(x) of whole n.", "DLMF 8.19.13 and, for n = 0, 8.19.5",
      [*between(0.2, 3.0, 1.0), *between(0.2, 3.0, 4.0), sample(np.array([0, 1, 3]), "2 3", low=0.2)],
      [((0.0, 0.01), (None, -9999.503320866597))], n=None, x=_expn)
ufunc("spence", "Spence's function, ∫₁ᶻ ln t / (1 − t) dt.", "the integrand, DLMF 25.12.2",
      [*between(0.2, 3.0, complex=True), sample("5", low=0.9, high=1.1)], [((1.0,), (-1.0,))], z=_spence)
several("sici", "Sine and cosine integrals (Si, Ci).", "DLMF 6.2.9 and 6.2.11", POSITIVE,
      [((0.5,), (2.7140162009891515,))], lambda x, *out: (sinc(x), over(np.cos(x), x, math.inf)))
several("shichi", "Hyperbolic sine and cosine integrals (Shi, Chi).", "DLMF 6.2.15 and 6.2.16", POSITIVE,
      [((0.5,), (3.2974425414002564,))], lambda x, *out: (sinhc(x), over(np.cosh(x), x, math.inf)))
several("fresnel", "Fresnel integrals (S, C).", "DLMF 7.2.7 and 7.2.8", ANY, [((0.0,), (1.0,))],
      lambda x, *out: (np.sin((0.5 * math.pi) * (x * x)), np.cos((0.5 * math.pi) * (x * x))))
ufunc("wrightomega", "Solution ω of ω + ln ω = z.", "Corless & Jeffrey 2002", ANALYTIC,
      [((0.0,), (0.3618962566348892,))],
      z=lambda g, out, z: g * (out / (1.0 + out)))
