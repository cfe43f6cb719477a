"""scipy.special's functions on Values: values are SciPy's bit for bit, derivatives mpmath's, and no name is left out."""

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
DIGITS = 50
NEAR, FAR = (0.001, 0.3, 1.7, 9.5), (0.2, 1.1, 3.4, 25.0, 80.0)
BOTH = (-9.5, -1.7, -0.3, 0.001, 0.4, 2.6, 7.0)
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


# looser where SciPy itself is less accurate: its keip has 8 digits
FIRST, SECOND = {"kei": 1e-8}, {}

# name → (mpmath's function, choices for each operand), all combinations of which are tried
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
    "ndtri": (lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), [SHARE]),
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
    "pseudo_huber": (lambda d, r: d**2 * (mp.sqrt(1 + (r / d) ** 2) - 1), [(0.5, 3.0), (-9.5, 1e-4, 0.3, 50.0)]),
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
    "wrightomega": (lambda z: mp.lambertw(mp.exp(z)).real, [BOTH]),
    "gamma": (mp.gamma, [(-3.5, -0.99, 0.001, 0.6, 4.2, 60.0)]),
    "gammaln": (lambda x: mp.log(abs(mp.gamma(x))), [(-3.5, -0.99, 0.001, 0.6, 4.2, 60.0, 1e6)]),
    "loggamma": (mp.loggamma, [(0.001, 0.6, 4.2, 60.0, 1e6)]),
    "rgamma": (mp.rgamma, [(-4.0, -3.5, -1.0, -0.99, 0.0, 0.001, 0.6, 4.2, 60.0)]),
    "psi": (lambda x: mp.psi(0, x), [(-3.5, -0.99, 0.001, 0.6, 4.2, 60.0, 1e6)]),
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
    "stdtr": (lambda v, t: 1 - lower_beta(v / 2, mp.mpf(1) / 2, v / (v + t * t)) / 2, [(1.0, 3.5), (0.2, 6.0)]),
    "gdtr": (lambda a, b, x: lower_gamma(b, a * x), [(0.5, 2.0), (3.5,), (0.3, 4.0)]),
    "gdtrc": (lambda a, b, x: upper_gamma(b, a * x), [(0.5, 2.0), (3.5,), (0.3, 4.0)]),
    "bdtr": (lambda k, n, p: lower_beta(n - k, k + 1, 1 - p), [(2.0,), (np.int64(5),), (0.01, 0.4, 0.9)]),
    "bdtrc": (lambda k, n, p: 1 - lower_beta(n - k, k + 1, 1 - p), [(2.0,), (np.int64(5),), (0.01, 0.4, 0.9)]),
    "nbdtr": (lambda k, n, p: lower_beta(n, k + 1, p), [(2.0,), (5.0,), (0.01, 0.4, 0.9)]),
    "nbdtrc": (lambda k, n, p: 1 - lower_beta(n, k + 1, p), [(2.0,), (5.0,), (0.01, 0.4, 0.9)]),
    "pdtr": (lambda k, m: upper_gamma(mp.floor(k) + 1, m), [(0.0, 2.5, 9.0), (0.3, 4.0, 20.0)]),
    "pdtrc": (lambda k, m: lower_gamma(mp.floor(k) + 1, m), [(0.0, 2.5, 9.0), (0.3, 4.0, 20.0)]),
    "j0": (lambda x: mp.besselj(0, x), [(0.001, 1.7, 25.0)]),
    "j1": (lambda x: mp.besselj(1, x), [(0.001, 1.7, 25.0)]),
    "y0": (lambda x: mp.bessely(0, x), [(0.001, 1.7, 25.0)]),
    "y1": (lambda x: mp.bessely(1, x), [(0.001, 1.7, 25.0)]),
    "i0": (lambda x: mp.besseli(0, x), [BOTH]),
    "i1": (lambda x: mp.besseli(1, x), [BOTH]),
    "k0": (lambda x: mp.besselk(0, x), [NEAR]),
    "k1": (lambda x: mp.besselk(1, x), [NEAR]),
    "i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), [BOTH]),
    "i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), [BOTH]),
    "k0e": (lambda x: mp.besselk(0, x) * mp.exp(x), [NEAR]),
    "k1e": (lambda x: mp.besselk(1, x) * mp.exp(x), [NEAR]),
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
    "hyp0f1": (mp.hyp0f1, [(2.5,), (-8.0, -0.3, 5.0)]),
    "hyp1f1": (mp.hyp1f1, [(0.7,), (2.5,), (-8.0, -0.3, 5.0)]),
    "hyp2f1": (mp.hyp2f1, [(0.7,), (1.3,), (2.5,), (-8.0, -0.3, 0.5, 0.9)]),
    "hyperu": (mp.hyperu, [(0.7,), (2.5,), (0.3, 5.0)]),
    "ellipk": (mp.ellipk, [(-50.0, -0.3, -0.05, 1e-9, 0.0999, 0.1001, 0.5, 0.99, 0.999999)]),
    "ellipkm1": (lambda p: mp.ellipk(1 - p), [(1e-9, 0.001, 0.5, 0.95, 2.0)]),
    "ellipe": (mp.ellipe, [(-50.0, -0.3, -0.05, 1e-9, 0.0999, 0.1001, 0.5, 0.99)]),
    "ellipkinc": (mp.ellipf, [(0.3, 1.2), (-3.0, -0.05, 1e-9, 0.0999, 0.1001, 0.9)]),
    "ellipeinc": (mp.ellipe, [(0.3, 1.2), (-3.0, -0.05, 1e-9, 0.0999, 0.1001, 0.9)]),
    "agm": (mp.agm, [(0.2, 1.0, 40.0), (0.3, 1.0, 1.0001)]),
}  # fmt: skip


def slopes(f, arguments, k, order):
    exact = [mp.mpf(float(x)) for x in arguments]
    with mp.workdps(DIGITS):
        return float(mp.re(mp.diff(lambda t: f(*exact[:k], t, *exact[k + 1 :]), exact[k], order)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_and_second_derivatives_equal_mpmaths(name):
    f, choices = FUNCTIONS[name]
    op, function = registry[f"special.{name}"], getattr(special, name)
    for arguments in itertools.product(*choices):
        for k, rule in enumerate(op.rules):
            if rule is None:
                continue

            def along(x, arguments=arguments, k=k):
                return function(*arguments[:k], x, *arguments[k + 1 :])

            x = float(arguments[k])
            assert along(Value(x)).data == along(x), "the value is SciPy’s, bit for bit"
            expected = slopes(f, arguments, k, 1)
            what = f"{name}{arguments}, operand {k}"
            assert grad(along)(x) == pytest.approx(expected, rel=FIRST.get(name, 1e-10), abs=1e-300), what
            twice = slopes(f, arguments, k, 2)
            assert grad(grad(along))(x) == pytest.approx(twice, rel=SECOND.get(name, 1e-8), abs=1e-8 * abs(expected)), (
                what
            )


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
