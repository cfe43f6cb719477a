"""How a ufunc of scipy.special becomes an op: its name, its rules and their source are all there is to say.

SciPy's ufuncs reach a Value by NumPy's own protocol, so the forward computation is SciPy's, bit for bit. A rule calls
scipy.special's functions again, and those dispatch too: derivatives of every order follow from the recurrences. The
ops are named "special.jv": NumPy, the engine and the random draws have functions of the same bare names.

`rules` names the operands in their order, each with its rule, or None where no closed form exists (most orders and
parameters): a Value there raises NotDifferentiableError in the backward pass.
"""

import numpy as np
from scipy import special

from autograd.errors import ArgumentError
from autograd.ops.arithmetic import astype
from autograd.primitives import point, primitive, registry, sample
from autograd.value import Value, data_of

__all__ = ["between", "bounded", "of_operand", "over", "series", "several", "summed", "ufunc", "weak", "wide"]

HALF = np.dtype(np.float16)


def between(low, high, *first, complex=False):
    """Samples of the last operand in (low, high), after the `first` ones: an array and a scalar."""
    rows = [sample(*first, lengths, low=low, high=high) for lengths in ("3 4", "")]
    return [*rows, sample(*first, "3 2", low=low, high=high, complex=True)] if complex else rows


def weak(x):
    """A NumPy number as a Python float: a number made of parameters must not widen float32 operands."""
    return float(x) if type(x) in (np.float64, np.ndarray) and x.ndim == 0 and x.dtype == np.float64 else x


def bounded(x, limit=1e18):
    """x, but real numbers beyond ±limit are made limit: the square of the result is finite, in float32 too."""
    return np.where((np.abs(x) < limit) | (np.imag(x) != 0.0), x, limit)


def over(top, x, at_0):
    """top / x with its limit at 0."""
    return np.where(x == 0.0, at_0, top / np.where(x == 0.0, 1.0, x))


def wide(name):
    """Adapter of an op's calls: SciPy computes float16 numbers in float32, so a cast comes before."""

    def call(*operands, **options):
        halves = (astype(x, np.float32) if getattr(x, "dtype", None) == HALF else x for x in operands)
        return registry[name].bind(tuple(halves), options)

    return call


def series(coefficients, u):
    """Σ coefficients[k] · u^k: a function where its closed form is 0 / 0."""
    total = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * u + coefficient
    return total


PROPER = "parameters > 0"
DOMAIN = {  # where it is not all real numbers
    "erfinv": "−1 < y < 1", "erfcinv": "0 < y < 2", "ndtri": "0 < p < 1", "ndtri_exp": "y < 0", "logit": "0 < x < 1",
    "gamma": "x not 0, −1, −2 …", "gammaln": "x not 0, −1, −2 …", "loggamma": "z not 0, −1, −2 …",
    "digamma": "x not 0, −1, −2 …",
    "beta": PROPER, "betaln": PROPER, "gammainc": "a > 0, x ≥ 0", "gammaincc": "a > 0, x ≥ 0",
    "gammaincinv": "a > 0, 0 < y < 1", "gammainccinv": "a > 0, 0 < y < 1", "betainc": "a, b > 0, 0 ≤ x ≤ 1",
    "betaincc": "a, b > 0, 0 ≤ x ≤ 1", "betaincinv": "a, b > 0, 0 < y < 1", "betainccinv": "a, b > 0, 0 < y < 1",
    "xlogy": "y > 0, or x = 0", "xlog1py": "y > −1, or x = 0", "entr": "x ≥ 0", "rel_entr": "x, y > 0",
    "kl_div": "x, y > 0",
    "y0": "x > 0", "y1": "x > 0", "yn": "x > 0", "yv": "z > 0", "k0": "x > 0", "k1": "x > 0", "kn": "x > 0", "kv": "z > 0",
    "k0e": "x > 0", "k1e": "x > 0", "kve": "z > 0", "ellipk": "m < 1", "ellipe": "m ≤ 1", "ellipkm1": "p > 0",
    "exp1": "z > 0", "expn": "x > 0", "expi": "x not 0", "spence": "z ≥ 0", "boxcox": "x > 0", "boxcox1p": "x > −1",
    "pseudo_huber": "delta > 0", "huber": "delta ≥ 0", "agm": "of one sign",
}  # fmt: skip


def ufunc(
    name, doc, source, samples, points, *, real=False, complex_result=False, differentiable=True, results=None, **rules
):
    """Register scipy.special's ufunc of this name; None where this SciPy has none.

    points          (operands, gradients) pairs
    real            complex operands are refused: the function is not holomorphic
    complex_result  it is complex even for real operands
    """
    function = getattr(special, name, None)
    if function is None:
        return None

    def compute(*operands):
        if real and any(np.iscomplexobj(x) for x in operands):
            raise ArgumentError(f"scipy.special.{name} has a rule for real numbers only")
        return function(*operands)

    names = ", ".join(rules)  # a primitive reads the names of its operands off the signature of its body
    body = eval(f"lambda {names}, /: compute({names})", {"compute": compute, "__name__": __name__})
    body.__doc__ = doc
    op = primitive(
        numpy=function,
        name=f"special.{name}",
        symbol=name,
        kind="general" if results else "elementwise",
        call=wide(f"special.{name}"),
        results=results,
        samples=samples,
        domain=DOMAIN.get(name, ""),
        points=[point(*row) for row in points],
        source=source,
        differentiable=differentiable,
    )(body)
    given = {operand: rule for operand, rule in rules.items() if rule}
    if not complex_result:
        return op.vjp(**given)
    op.jvp(**given)
    return op.vjp(**{operand: of_operand(rule) for operand, rule in given.items()})


def of_operand(rule):
    """The rule of an op that makes complex numbers of real ones, too: a real operand has a real cotangent."""

    def kept(g, out, *operands, **options):
        c, x = rule(g, out, *operands, **options), operands[-1]
        if np.iscomplexobj(data_of(x)):
            return c
        c, dtype = np.real(c), np.result_type(data_of(x))
        return c if c.dtype == dtype else astype(c, dtype) if isinstance(c, Value) else np.asarray(c, dtype)[()]

    return kept


def several(name, doc, source, samples, points, slopes, *, real=False, first=()):
    """Register a ufunc with several results of x; slopes(x, *results, *first) gives the derivative of each.

    first  the names of the operands before x, which have no rule
    """

    def rule(g, out, *operands):
        *parameters, x = operands
        parts = zip(g, slopes(x, *out, *parameters), strict=True)
        return summed([part * slope for part, slope in parts if part is not None], np.shape(x))

    return ufunc(name, doc, source, samples, points, real=real, results=tuple, **dict.fromkeys(first), x=rule)


def summed(terms, shape):
    """The sum of terms, summed over the axes along which an operand of this shape was broadcast."""
    total = sum(terms[1:], terms[0])
    added = tuple(range(np.ndim(total) - len(shape)))
    total = np.sum(total, axis=added) if added else total
    stretched = tuple(i for i, length in enumerate(shape) if length == 1 and np.shape(total)[i] != 1)
    return np.sum(total, axis=stretched, keepdims=True) if stretched else total
