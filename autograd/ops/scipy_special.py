"""scipy.special's functions; read once SciPy is imported.

The ufuncs are in the files imported here, by family. Below are the functions that SciPy wrote in Python: they never ask
a Value, so `autograd.scipy.special` has them under the same names. At the end: what is constant, and what is refused.
"""

import math

import numpy as np
from scipy import special

from autograd.data import holds
from autograd.errors import ArgumentError
from autograd.ops import activation, scipy_bessel, scipy_error, scipy_gamma, scipy_polynomial
from autograd.ops.refused import refuse
from autograd.ops.scipy_ufunc import between, of_operand, ufunc, wide
from autograd.primitives import error, point, primitive, sample
from autograd.value import data_of

__all__: list[str] = ["scipy_bessel", "scipy_error", "scipy_gamma", "scipy_polynomial"]

POSITIVE = between(0.3, 3.0)
FREE = [sample("3 4"), sample("3 4", axis=1), sample("2 3 4", axis=(0, -1)), sample("")]


@primitive(
    name="special.logsumexp",
    kind="composed",
    samples=[
        *FREE, sample("2 3", axis=-2, keepdims=True), sample("3 4", b=2.0, axis=1),
    ],
    points=[point((np.array([1e3, -1e3]),), (np.array([1.0, 0.0]),), out=1e3)],
    source="Boyd & Vandenberghe 2004, §3.1.5: the gradient is softmax",
)  # fmt: skip
def logsumexp(a, /, axis=None, b=None, keepdims=False, return_sign=False):
    """ln Σ b e^a over axis, without overflow; with return_sign, ln |…| and the sign of the sum."""
    if b is None and not return_sign:
        return activation.logsumexp(a, axis=axis, keepdims=keepdims)
    b = 1.0 if b is None else b
    used = np.where(np.not_equal(b, 0.0), a, -math.inf)  # a weight of 0 must not overflow
    peak = np.max(data_of(used), axis=axis, keepdims=True)
    peak = np.where(np.isfinite(peak), peak, 0.0)
    total = np.sum(b * np.exp(used - peak), axis=axis, keepdims=keepdims)
    peak = peak if keepdims else np.squeeze(peak, axis=axis)
    if not return_sign:
        return np.log(total) + peak
    return np.log(np.abs(total)) + peak, np.sign(total)


def _all_axes(function):
    """SciPy's softmax takes all axes by default, or several: they are made one, and put back."""

    def call(x, axis):
        if isinstance(axis, (int, np.integer)):
            return function(x, axis=int(axis))
        shape = np.shape(x)
        axes = range(len(shape)) if axis is None else [a % len(shape) for a in axis]
        order = [*(a for a in range(len(shape)) if a not in axes), *axes]
        moved = np.transpose(x, order)
        out = function(np.reshape(moved, (*np.shape(moved)[: len(shape) - len(axes)], -1)), axis=-1)
        return np.transpose(np.reshape(out, np.shape(moved)), np.argsort(order))

    return call


_softmax, _log_softmax = _all_axes(activation.softmax), _all_axes(activation.log_softmax)
EVEN = np.zeros((1, 2))


@primitive(name="special.softmax", kind="composed", samples=FREE, points=[point((EVEN,), (EVEN,), out=EVEN + 0.5)],
           source="Bridle 1990")  # fmt: skip
def softmax(x, /, axis=None):
    """e^x / Σ e^x over axis, all axes by default."""
    return _softmax(x, axis)


@primitive(name="special.log_softmax", kind="composed", samples=FREE, points=[point((EVEN,), (EVEN,))],
           source="chain rule")  # fmt: skip
def log_softmax(x, /, axis=None):
    """ln softmax(x) over axis, all axes by default."""
    return _log_softmax(x, axis)


@primitive(
    name="special.multigammaln",
    kind="composed",
    samples=[sample("3 4", 2, low=1.5, high=4.0), sample("", 3, low=2.0, high=4.0)],
    points=[point((3.0, 1), (0.9227843350984672, None))],
    errors=[error((np.array([0.4]), 2), match="a > 0.5 for d = 2", kind=ArgumentError)],
    source="Muirhead 1982, theorem 2.1.12",
)
def multigammaln(a, d, /):
    """ln of the multivariate gamma function of whole d, Σ ln Γ(a − j/2) + d (d − 1)/4 ln π."""
    if holds(np.less_equal(a, 0.5 * (d - 1))):
        raise ArgumentError(f"multigammaln needs a > {0.5 * (d - 1)} for d = {d}")
    parts = (special.gammaln(a - 0.5 * j) for j in range(1, d))
    return sum(parts, special.gammaln(a)) + d * (d - 1) / 4.0 * math.log(math.pi)


@primitive(
    name="special.comb",
    kind="composed",
    samples=[
        sample("3 4", "4", low=4.2, high=4.9), sample("2 3", 2.0, low=3.2, high=7.0),
        sample("3", 2, low=2.5, repetition=True),
    ],
    points=[point((5.0, 0), (0.0, None), out=1.0)],
    errors=[error(("3", 2), match="exact=True", kind=ArgumentError, exact=True)],
    source="DLMF 1.2.6",
)  # fmt: skip
def comb(N, k, /, exact=False, repetition=False):
    """Number of ways to take k of N things: binom, and 0 outside 0 ≤ k ≤ N."""
    if exact:
        raise ArgumentError("comb of Values with exact=True would need whole numbers; leave it out")
    if repetition:
        N = N + k - 1.0
    inside = np.less_equal(k, N) & np.greater_equal(N, 0) & np.greater_equal(k, 0)
    return np.where(inside, special.binom(N, k), 0.0)


@primitive(
    name="special.perm",
    kind="composed",
    samples=[sample("3 4", "4", low=4.2, high=4.9), sample("2 3", 2.0, low=3.2, high=7.0)],
    points=[point((5.0, 0), (0.0, None), out=1.0)],
    errors=[error(("3", 2), match="exact=True", kind=ArgumentError, exact=True)],
    source="DLMF 5.2.5",
)
def perm(N, k, /, exact=False):
    """Number of ordered ways to take k of N things, Γ(N + 1) / Γ(N − k + 1), and 0 outside 0 ≤ k ≤ N."""
    if exact:
        raise ArgumentError("perm of Values with exact=True would need whole numbers; leave it out")
    inside = np.less_equal(k, N) & np.greater_equal(N, 0) & np.greater_equal(k, 0)
    return np.where(inside, special.poch(N - k + 1.0, k), 0.0)


@primitive(name="special.softplus", kind="elementwise", samples=[sample("3 4"), sample("")],
           points=[point((0.0,), (0.5,)), point((np.array([-1e3, 1e3]),), (np.array([0.0, 1.0]),))],
           source="Dugas et al. 2000")  # fmt: skip
def softplus(x, /):
    """ln(1 + e^x)."""
    return np.logaddexp(0.0, x)


softplus.vjp(x=lambda g, out, x: g * activation.sigmoid(x))


@primitive(name="special.assoc_laguerre", kind="composed", samples=[sample("3 4", 3.0, 0.5)],
           points=[point((0.5, 1.0, 0.0), (-1.0, None, None), out=0.5)], source="DLMF 18.9.23")  # fmt: skip
def assoc_laguerre(x, n, k=0.0, /):
    """Laguerre polynomial L_n^(k)(x)."""
    return special.eval_genlaguerre(n, k, x)


def _orders(name, function, at, slope):
    """Register scipy.special.jvp and its kin: the n-th derivative of a Bessel function, by which its rule goes on."""
    theirs = getattr(special, name)

    def compute(v, z, /, n=1):
        out = theirs(v, z, n)
        return np.asarray(out, z.dtype)[()] if getattr(z, "dtype", None) == np.float32 else out

    compute.__doc__ = f"The n-th derivative of {function}(v, z) in z."
    op = primitive(
        name=f"special.{name}",
        kind="elementwise",
        call=wide(f"special.{name}"),
        samples=[sample(1.5, "3 4", low=0.4, high=4.0), sample(2.0, "3", low=0.4, high=4.0, n=2)],
        points=[point((1.0, at), (None, slope))],
        source="its definition",
    )(compute)
    op.vjp(z=lambda g, out, v, z, n=1: g * op(v, z, n=n + 1))


SECOND = (("jvp", "jv", 1.0, -0.32514710081303305),
          ("yvp", "yv", 0.5, -9.411269281678289),
          ("ivp", "iv", 1.0, 0.42941143422544675),
          ("kvp", "kv", 1.0, 2.226746128832412))  # fmt: skip
for _row in SECOND:
    _orders(*_row)


@primitive(
    numpy=(special.lambertw, getattr(special._ufuncs, "_lambertw", special.lambertw)),  # a function around a ufunc
    name="special.lambertw",
    symbol="lambertw",
    kind="elementwise",
    call=wide("special.lambertw"),
    samples=[sample("3 4", low=0.2, high=4.0, complex=True), sample(np.array([-3.0, -1.0, 0.5]), k=-1)],
    points=[point((0.0,), (1.0,), out=0.0)],
    source="DLMF 4.13.4",
)
def lambertw(z, /, k=0, tol=1e-8):
    """Branch k of Lambert's W, w e^w = z; complex, as SciPy has it."""
    return special.lambertw(z, k, tol)


def _lambertw(g, out, z, k=0, tol=1e-8):
    return g * (np.exp(-out) / (1.0 + out))


lambertw.vjp(z=of_operand(_lambertw)).jvp(z=_lambertw)

# what has no derivative

ufunc("round", "The nearest whole number; a plain result.", "", between(-2.0, 2.0), [], differentiable=False, x=None)
ufunc("gammasgn", "The sign of Γ(x); a plain result.", "", between(0.2, 2.0), [], differentiable=False, x=None)


def decline(reason, names):
    """Refuse the functions of these names, those that this SciPy has."""
    refuse(reason, *(getattr(special, name) for name in names.split() if hasattr(special, name)))


decline("the inverse of a distribution function in a parameter has no closed derivative; pass v.data for a constant",
        "bdtrik bdtrin btdtria btdtrib chdtriv chndtridf chndtrinc chndtrix fdtridfd gdtrib nbdtrik nbdtrin ncfdtri "
        "ncfdtridfd ncfdtridfn ncfdtrinc nctdtridf nctdtrinc nctdtrit pdtrik stdtridf")  # fmt: skip
decline("the density of this distribution has no closed form; pass v.data for a constant",
        "chndtr ncfdtr nctdtr kolmogorov kolmogi smirnov smirnovi tklmbda")  # fmt: skip
decline(
    "its derivatives are differences of Carlson's integrals, 0 / 0 where two arguments agree; use ellipk, "
    "ellipe, ellipkinc, ellipeinc",
    "elliprc elliprd elliprf elliprg elliprj ellip_harm ellip_harm_2 ellip_normal",
)
decline("the derivative of Riemann's zeta function is not among SciPy's; Hurwitz's has one in q: zeta(x, q)", "zetac")
decline("Mathieu and spheroidal wave functions have no rule; add one with @primitive from their differential equation",
        "mathieu_a mathieu_b mathieu_cem mathieu_sem mathieu_modcem1 mathieu_modcem2 mathieu_modsem1 "
        "mathieu_modsem2 obl_ang1 obl_ang1_cv obl_cv obl_rad1 obl_rad1_cv obl_rad2 obl_rad2_cv pro_ang1 pro_ang1_cv "
        "pro_cv pro_rad1 pro_rad1_cv pro_rad2 pro_rad2_cv "
        "mathieu_even_coef mathieu_odd_coef obl_cv_seq pro_cv_seq")  # fmt: skip
decline("it packs several real functions into complex numbers; use ber, bei, ker, kei and their derivatives", "kelvin")
decline("its results are complex and have no rule; use fresnel", "modfresnelp modfresnelm")
decline("SciPy knows it to 8 digits only; integrate airy", "itairy")
decline("it computes a whole row of orders; use the function of one: lpmv, jv, spherical_jn, pbdv, eval_legendre",
        "lqmn lqn lmbda pbdn_seq pbdv_seq pbvv_seq riccati_jn riccati_yn assoc_legendre_p assoc_legendre_p_all "
        "legendre_p legendre_p_all sph_harm_y sph_harm_y_all sph_legendre_p sph_legendre_p_all")  # fmt: skip
decline("its result is complex; use hankel1 and hankel2", "h1vp h2vp")
decline("write gamma(n + 1)", "factorial factorial2 factorialk")
decline("write np.sin(0.5 * n * x) / (n * np.sin(0.5 * x))", "diric")
decline("it takes whole numbers, and parameters that are fixed: there is nothing to differentiate",
        "ai_zeros bei_zeros beip_zeros ber_zeros bernoulli berp_zeros bi_zeros erf_zeros euler fresnel_zeros "
        "fresnelc_zeros fresnels_zeros jn_zeros jnjnp_zeros jnp_zeros jnyn_zeros kei_zeros keip_zeros kelvin_zeros "
        "ker_zeros kerp_zeros stirling2 y0_zeros y1_zeros y1p_zeros yn_zeros ynp_zeros geterr seterr legendre "
        "chebyt chebyu chebyc chebys jacobi laguerre genlaguerre hermite hermitenorm gegenbauer sh_legendre "
        "sh_chebyt sh_chebyu sh_jacobi roots_legendre roots_chebyt roots_chebyu roots_chebyc roots_chebys "
        "roots_jacobi roots_laguerre roots_genlaguerre roots_hermite roots_hermitenorm roots_gegenbauer "
        "roots_sh_legendre roots_sh_chebyt roots_sh_chebyu roots_sh_jacobi p_roots t_roots u_roots c_roots s_roots "
        "j_roots l_roots la_roots h_roots he_roots cg_roots ps_roots ts_roots us_roots js_roots")  # fmt: skip
