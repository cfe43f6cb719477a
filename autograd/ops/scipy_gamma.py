"""scipy.special: the gamma function, what is made of it, and the distribution functions that are.

Incomplete gamma and beta functions, and the distributions made of them, have derivatives in their argument: the
density. The parameters (a of gammainc, degrees of freedom) have none in closed form, and a Value there is an error.
Densities are taken as e^(sum of logarithms), since their factors overflow long before they do.
"""

import math

import numpy as np
from scipy import special

from autograd.ops.scipy_ufunc import between, ufunc, weak, wide
from autograd.primitives import point, primitive, sample

__all__: list[str] = []

# a paragraph for each function
# fmt: off

POSITIVE = between(0.2, 3.0)
ANALYTIC = between(0.2, 3.0, complex=True)
SIGNED = [*between(0.3, 3.0), sample("5", low=-2.9, high=-2.1)]
PAIR = [sample("3 4", "4", low=0.3, high=3.0), sample("", "3", low=0.3, high=3.0)]
SHARE = between(0.05, 0.95)
_EULER = 0.5772156649015329


@primitive(
    name="special.zeta",
    symbol="zeta",
    kind="elementwise",
    call=wide("special.zeta"),
    samples=[*between(0.3, 3.0, 2.0), sample(3.5, "5", low=0.4)],
    points=[point((2.0, 1.0), (None, -2.404113806319188))],
    source="DLMF 25.11.17: ∂ζ(s, q)/∂q = −s ζ(s + 1, q)",
)
def zeta(x, q=None, /):
    """Hurwitz's zeta function, Σ (k + q)^(−x) over k ≥ 0; without q, Riemann's, of a constant x."""
    return special.zeta(x, q)


zeta.vjp(q=lambda g, out, x, q: g * (-x * zeta(x + 1.0, q)))


@primitive(
    name="special.polygamma",
    symbol="polygamma",
    kind="elementwise",
    call=wide("special.polygamma"),
    samples=[*between(0.3, 3.0, 1), sample([0, 1, 4], "2 3", low=0.4)],
    points=[point((1, 1.0), (None, -2.404113806319188))],
    source="its definition, DLMF 5.15.1",
)
def polygamma(n, x, /):
    """The n-th derivative of the digamma function."""
    return np.asarray(special.polygamma(n, x)).astype(np.result_type(getattr(x, "dtype", float), np.float32))[()]


polygamma.vjp(x=lambda g, out, n, x: g * polygamma(np.add(n, 1), x))


def _rgamma(g, out, z):
    """By reflection left of 1/2: at 0, −1, −2, … 1/Γ is 0, ψ infinite and the slope (−1)ⁿ n!."""
    left = np.real(z) < 0.5
    mirrored, right = 1.0 - np.where(left, z, 0.0), np.where(left, 1.0, z)
    angle = math.pi * (mirrored - np.rint(np.real(mirrored)))
    sign = 1.0 - 2.0 * np.abs(np.remainder(np.rint(np.real(mirrored)), 2.0))
    turned = np.cos(angle) + np.sin(angle) * (special.psi(mirrored) * (1.0 / math.pi))
    return g * np.where(left, -sign * special.gamma(mirrored) * turned, -special.rgamma(right) * special.psi(right))


ufunc("gamma", "Gamma function Γ(z).", "DLMF 5.2.2", [*ANALYTIC, *SIGNED], [((1.0,), (-0.5772156649015329,))],
      z=lambda g, out, z: g * (out * special.psi(z)))
ufunc("gammaln", "ln |Γ(x)|.", "DLMF 5.2.2", SIGNED, [((1.0,), (-0.5772156649015329,))],
      x=lambda g, out, x: g * special.psi(x))
ufunc("loggamma", "Principal branch of ln Γ(z).", "DLMF 5.2.2", ANALYTIC, [((1.0,), (-0.5772156649015329,))],
      z=lambda g, out, z: g * special.psi(z))
ufunc("rgamma", "1 / Γ(z).", "DLMF 5.2.2 and 5.5.3", [*between(-3.0, 3.0), *ANALYTIC], [((0.0,), (1.0,))], z=_rgamma)
ufunc("psi", "Digamma function ψ(x), the derivative of ln Γ.", "DLMF 5.15.1: ψ' = ζ(2, x)", SIGNED,
      [((1.0,), (1.6449340668482264,))], real=True,
      x=lambda g, out, x: g * zeta(2.0, x))
ufunc("beta", "Beta function Γ(a) Γ(b) / Γ(a + b).", "DLMF 5.12.1", PAIR,
      [((0.3, 7.0), (-9.18265215603913, -0.07629587437491903))],
      a=lambda g, out, a, b: g * (out * (special.psi(a) - special.psi(a + b))),
      b=lambda g, out, a, b: g * (out * (special.psi(b) - special.psi(a + b))))
ufunc("betaln", "ln |B(a, b)|.", "DLMF 5.12.1", PAIR, [((0.3, 7.0), (-5.420344557838119, -0.04503600053951896))],
      a=lambda g, out, a, b: g * (special.psi(a) - special.psi(a + b)),
      b=lambda g, out, a, b: g * (special.psi(b) - special.psi(a + b)))
ufunc("binom", "Binomial coefficient Γ(n + 1) / (Γ(k + 1) Γ(n − k + 1)).", "DLMF 1.2.6",
      [sample(np.array([3.3, 4.6, 5.2]), "2 3", low=0.3, high=2.7)], [((8.0, 2.0), (7.5, 26.6))],
      n=lambda g, out, n, k: g * (out * (special.psi(n + 1.0) - special.psi(n - k + 1.0))),
      k=lambda g, out, n, k: g * (out * (special.psi(n - k + 1.0) - special.psi(k + 1.0))))
ufunc("poch", "Rising factorial Γ(z + m) / Γ(z).", "DLMF 5.2.5", PAIR,
      [((0.3, 0.4), (0.9903873775650667, -0.5293737454663737))],
      z=lambda g, out, z, m: g * (out * (special.psi(z + m) - special.psi(z))),
      m=lambda g, out, z, m: g * (out * special.psi(z + m)))

# incomplete gamma and beta functions


def _gamma_density(a, x):
    return np.exp(special.xlogy(a - 1.0, x) - x - weak(special.gammaln(a)))


def _beta_density(a, b, x):
    return np.exp(special.xlogy(a - 1.0, x) + special.xlog1py(b - 1.0, -x) - weak(special.betaln(a, b)))


A = [0.7, 2.0, 5.5]
INCOMPLETE = [sample(1.5, "3 4", low=0.2, high=4.0), sample(A, "2 3", low=0.3, high=6.0)]
INVERTED = [sample(1.5, "3 4", low=0.1, high=0.9), sample(A, "2 3", low=0.1, high=0.9)]
THREE = [*between(0.1, 0.9, 1.5, 2.5), sample(A, 0.8, "2 3", low=0.1, high=0.9)]
WITH_A = "; ∂/∂a has no closed form"

ufunc("gammainc", "Regularised lower incomplete gamma function P(a, x).", "DLMF 8.8.13" + WITH_A, INCOMPLETE,
      [((0.7, 0.2), (None, 1.0222071143798717))], a=None,
      x=lambda g, out, a, x: g * _gamma_density(a, x))
ufunc("gammaincc", "Regularised upper incomplete gamma function Q(a, x).", "DLMF 8.8.14" + WITH_A, INCOMPLETE,
      [((0.7, 0.2), (None, -1.0222071143798717))], a=None,
      x=lambda g, out, a, x: -g * _gamma_density(a, x))
ufunc("gammaincinv", "Inverse of gammainc in x.", "inverse function" + WITH_A, INVERTED, [((1.0, 0.5), (None, 2.0))],
      a=None,
      y=lambda g, out, a, y: g / _gamma_density(a, out))
ufunc("gammainccinv", "Inverse of gammaincc in x.", "inverse function" + WITH_A, INVERTED,
      [((1.0, 0.5), (None, -2.0))], a=None,
      y=lambda g, out, a, y: -g / _gamma_density(a, out))
ufunc("betainc", "Regularised incomplete beta function I_x(a, b).", "DLMF 8.17.1; ∂/∂a, ∂/∂b have no closed form",
      THREE, [((0.7, 0.6, 0.3), (None, None, 0.7684236308550231))], a=None, b=None,
      x=lambda g, out, a, b, x: g * _beta_density(a, b, x))
ufunc("betaincc", "1 − I_x(a, b).", "DLMF 8.17.1; ∂/∂a, ∂/∂b have no closed form", THREE,
      [((0.7, 0.6, 0.3), (None, None, -0.7684236308550231))], a=None, b=None,
      x=lambda g, out, a, b, x: -g * _beta_density(a, b, x))
ufunc("betaincinv", "Inverse of betainc in x.", "inverse function", THREE, [((1.0, 1.0, 0.5), (None, None, 1.0))],
      a=None, b=None,
      y=lambda g, out, a, b, y: g / _beta_density(a, b, out))
ufunc("betainccinv", "Inverse of betaincc in x.", "inverse function", THREE, [((1.0, 1.0, 0.5), (None, None, -1.0))],
      a=None, b=None,
      y=lambda g, out, a, b, y: -g / _beta_density(a, b, out))

# distributions: the slope of a distribution function is the density, of an inverse 1 / density


def _chi2_density(v, x):
    return 0.5 * _gamma_density(weak(np.multiply(v, 0.5)), 0.5 * x)


def _f_density(m, n, x):
    ratio = m * x / n
    return np.exp(special.xlogy(0.5 * m - 1.0, ratio) - (0.5 * (m + n)) * np.log1p(ratio)
                  - weak(special.betaln(0.5 * m, 0.5 * n))) * (m / n)


def _t_density(df, t):
    root = weak(np.sqrt(df))
    u = t / root
    far = np.abs(u) > 1.0
    large = np.where(far, u, 1.0)
    log = 2.0 * np.log(np.abs(large)) + np.log1p(np.where(far, 1.0 / large, u) ** 2)
    return np.exp(-0.5 * (df + 1.0) * log - weak(special.betaln(0.5 * df, 0.5))) / root


def _binomial_slope(k, n, p):
    """−d/dp of P(at most k of n): the density of I_p(k + 1, n − k)."""
    k = weak(np.floor(k))
    return _beta_density(k + 1.0, weak(np.subtract(n, k)), p)


def _poisson_slope(k, m):
    return _gamma_density(weak(np.floor(k) + 1.0), m)


FREE = 3.5
BINOMIAL = [sample(2.0, np.array(5), "3 4", low=0.1, high=0.9)]  # whole n: SciPy warns of others
ufunc("chdtr", "Chi-squared distribution function.", "its density", INCOMPLETE,
      [((1.5, 0.2), (None, 0.6565333027896494))], v=None,
      x=lambda g, out, v, x: g * _chi2_density(v, x))
ufunc("chdtrc", "1 − chdtr.", "its density", INCOMPLETE, [((1.5, 0.2), (None, -0.6565333027896494))], v=None,
      x=lambda g, out, v, x: -g * _chi2_density(v, x))
ufunc("chdtri", "Inverse of chdtrc in x.", "inverse function", INVERTED, [((2.0, 0.5), (None, -4.0))], v=None,
      p=lambda g, out, v, p: -g / _chi2_density(v, out))
ufunc("fdtr", "F distribution function.", "its density", between(0.2, 3.0, 3.0, 5.5),
      [((3.0, 5.5, 0.2), (None, None, 0.6743904393647338))], dfn=None, dfd=None,
      x=lambda g, out, dfn, dfd, x: g * _f_density(dfn, dfd, x))
ufunc("fdtrc", "1 − fdtr.", "its density", between(0.2, 3.0, 3.0, 5.5),
      [((3.0, 5.5, 0.2), (None, None, -0.6743904393647338))], dfn=None, dfd=None,
      x=lambda g, out, dfn, dfd, x: -g * _f_density(dfn, dfd, x))
ufunc("fdtri", "Inverse of fdtr in x.", "inverse function", between(0.1, 0.9, 3.0, 5.5),
      [((2.0, 2.0, 0.5), (None, None, 4.0))], dfn=None, dfd=None,
      p=lambda g, out, dfn, dfd, p: g / _f_density(dfn, dfd, out))
ufunc("stdtr", "Student's t distribution function.", "its density", between(-2.0, 2.0, FREE),
      [((1.0, 0.2), (None, 0.30606719825364487)), ((3.5, np.array([1e200])), (None, np.zeros(1)))], df=None,
      t=lambda g, out, df, t: g * _t_density(df, t))
ufunc("stdtrit", "Inverse of stdtr in t.", "inverse function", between(0.1, 0.9, FREE),
      [((1.0, 0.5), (None, 3.141592653589793))], df=None,
      p=lambda g, out, df, p: g / _t_density(df, out))
ufunc("gdtr", "Gamma distribution function P(b, a x).", "its density; ∂/∂b has no closed form",
      [sample("3 4", FREE, "4", low=0.5, high=2.0)],
      [((0.5, 3.5, 0.3), (0.0006770629071657223, None, 0.0011284381786095372))],
      a=lambda g, out, a, b, x: g * (x * _gamma_density(b, a * x)), b=None,
      x=lambda g, out, a, b, x: g * (a * _gamma_density(b, a * x)))
ufunc("gdtrc", "1 − gdtr.", "its density; ∂/∂b has no closed form", [sample("3 4", FREE, "4", low=0.5, high=2.0)],
      [((0.5, 3.5, 0.3), (-0.0006770629071657223, None, -0.0011284381786095372))],
      a=lambda g, out, a, b, x: -g * (x * _gamma_density(b, a * x)), b=None,
      x=lambda g, out, a, b, x: -g * (a * _gamma_density(b, a * x)))
ufunc("gdtrix", "Inverse of gdtr in x.", "inverse function", [sample("3 4", FREE, "4", low=0.2, high=0.9)],
      [((0.5, 1.0, 0.25), (-1.1507282898071236, None, 2.6666666666666665))],
      a=lambda g, out, a, b, p: -g * (out / a), b=None,
      p=lambda g, out, a, b, p: g / (a * _gamma_density(b, a * out)))
ufunc("gdtria", "Inverse of gdtr in a.", "inverse function", [sample("3 4", FREE, "4", low=0.2, high=0.9)],
      [((0.25, 1.0, 0.5), (2.6666666666666665, None, -1.1507282898071236))],
      p=lambda g, out, p, b, x: g / (x * _gamma_density(b, out * x)), b=None,
      x=lambda g, out, p, b, x: -g * (out / x))
ufunc("bdtr", "Binomial distribution function: at most k of n.", "DLMF 8.17.5", BINOMIAL,
      [((2.0, np.int64(5), 0.9), (None, None, -0.2429999999999999))], k=None, n=None,
      p=lambda g, out, k, n, p: -g * _binomial_slope(k, n, p))
ufunc("bdtrc", "1 − bdtr.", "DLMF 8.17.5", BINOMIAL, [((2.0, np.int64(5), 0.9), (None, None, 0.2429999999999999))],
      k=None, n=None,
      p=lambda g, out, k, n, p: g * _binomial_slope(k, n, p))
ufunc("bdtri", "Inverse of bdtr in p.", "inverse function", BINOMIAL, [((0.0, np.int64(1), 0.5), (None, None, -1.0))],
      k=None, n=None,
      y=lambda g, out, k, n, y: -g / _binomial_slope(k, n, out))
ufunc("nbdtr", "Negative binomial distribution function.", "DLMF 8.17.1", between(0.1, 0.9, 2.0, 5.0),
      [((2.0, 5.0, 0.4), (None, None, 0.9676800000000001))], k=None, n=None,
      p=lambda g, out, k, n, p: g * _beta_density(n, weak(np.add(k, 1.0)), p))
ufunc("nbdtrc", "1 − nbdtr.", "DLMF 8.17.1", between(0.1, 0.9, 2.0, 5.0),
      [((2.0, 5.0, 0.4), (None, None, -0.9676800000000001))], k=None, n=None,
      p=lambda g, out, k, n, p: -g * _beta_density(n, weak(np.add(k, 1.0)), p))
ufunc("nbdtri", "Inverse of nbdtr in p.", "inverse function", between(0.1, 0.9, 2.0, 5.0),
      [((0.0, 1.0, 0.5), (None, None, 1.0))], k=None, n=None,
      y=lambda g, out, k, n, y: g / _beta_density(n, weak(np.add(k, 1.0)), out))
ufunc("pdtr", "Poisson distribution function: at most k.", "DLMF 8.4.10", between(0.3, 4.0, 2.0),
      [((0.0, 0.3), (None, -0.7408182206817179))], k=None,
      m=lambda g, out, k, m: -g * _poisson_slope(k, m))
ufunc("pdtrc", "1 − pdtr.", "DLMF 8.4.10", between(0.3, 4.0, 2.0), [((0.0, 0.3), (None, 0.7408182206817179))], k=None,
      m=lambda g, out, k, m: g * _poisson_slope(k, m))
ufunc("pdtri", "Inverse of pdtr in m.", "inverse function", between(0.1, 0.9, 2.0), [((0.0, 0.5), (None, -2.0))],
      k=None,
      y=lambda g, out, k, y: -g / _poisson_slope(k, out))


def _normal_spread(p):
    """The slope of ndtri."""
    return math.sqrt(2.0 * math.pi) * np.exp(0.5 * special.ndtri(p) ** 2)


ufunc("nrdtrimn", "Mean of the normal distribution that gives p at x.", "x − std · ndtri(p)",
      [sample("3 4", "4", "", low=0.1, high=0.9)], [((0.5, 2.0, 1.0), (-5.013256549262001, 0.0, 1.0))],
      p=lambda g, out, p, std, x: -g * (std * _normal_spread(p)),
      std=lambda g, out, p, std, x: -g * special.ndtri(p),
      x=lambda g, out, p, std, x: g)
ufunc("nrdtrisd", "Deviation of the normal distribution that gives p at x.", "(x − mn) / ndtri(p)",
      [sample("4", 0.7, "4", low=0.1, high=0.9), sample(0.1, "3", 2.5, low=0.6, high=0.9)],
      [((1.0, 0.8413447460685429, 3.0), (-1.0, -8.265462708244987, 1.0))],
      mn=lambda g, out, mn, p, x: -g / special.ndtri(p),
      p=lambda g, out, mn, p, x: -g * (out / special.ndtri(p) * _normal_spread(p)),
      x=lambda g, out, mn, p, x: g / special.ndtri(p))
