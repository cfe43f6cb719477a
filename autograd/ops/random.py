"""Draws from distributions whose parameters are Values, by reparameterisation.

Drawing from N(loc, scale²) has no derivative, but loc + scale · noise has: all randomness comes from a fixed distribution
and enters as a constant, and the parameters only move and stretch it. So each op here is written with ops that exist, and
its graph shows what happens to the noise. Left out is what is not a smooth function of fixed noise: gamma and its kin
(drawn by rejection), and whole numbers.

`draw` is the one place where a random number is made: whoever replays a graph draws anew there.
"""

import numpy as np

from autograd.context import CONTEXT
from autograd.data import as_array, holds
from autograd.errors import ArgumentError, ShapeError
from autograd.ops.activation import softmax
from autograd.ops.padding import stacked
from autograd.primitives import error, point, primitive, sample
from autograd.value import data_of

__all__ = ["cauchy", "draw", "dropout", "exponential", "gumbel", "gumbel_softmax", "laplace", "logistic", "lognormal",
           "multivariate_normal", "normal", "uniform", "weibull"]  # fmt: skip


def generator(rng):
    """The Generator that `rng` is, or that it seeds; there is no global one."""
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(rng)
    raise ArgumentError(
        f"rng={rng!r}: draws come from a generator that you give, rng=np.random.default_rng(0), or from a seed, rng=0, "
        "which draws the same numbers at every call"
    )


def draw(rng, method, shape, dtype=np.float64):
    """Numbers of a fixed distribution, a method of np.random.Generator: an array, or a number if shape is ()."""
    trace = CONTEXT.get().trace
    if trace is None or not isinstance(rng, np.random.Generator):
        return _drawn(generator(rng), method, shape, dtype)
    return trace.run(_drawn, (), {"rng": rng, "method": method, "shape": shape, "dtype": dtype}, pure=False)


def _drawn(rng, method, shape, dtype):
    noise = getattr(rng, method)(size=shape or None)
    return noise if dtype == np.float64 else np.asarray(noise, dtype)[()]


def _noise(name, method, rng, size, *parameters):
    """Noise for these parameters: as many numbers as `size` says or the parameters have together, in their precision."""
    shape = _shape(name, size, *map(np.shape, parameters))
    return draw(rng, method, shape, _precision(*parameters))


def _shape(name, size, *shapes):
    shape = np.broadcast_shapes(*shapes)
    if size is None:
        return shape
    size = tuple(size) if np.iterable(size) else (size,)
    try:
        fits = np.broadcast_shapes(shape, size) == size
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"{name}: parameters of shapes {', '.join(map(str, shapes))} do not broadcast to size={size}")
    return size


def _precision(*parameters):
    """float32 if all arrays among the parameters are, else float64; Python floats do not count."""
    dtype = np.result_type(*(x if type(x) in (float, int) else as_array(x).dtype for x in map(data_of, parameters)))
    return np.zeros((), dtype).real.dtype if dtype.kind in "fc" else np.dtype(np.float64)


def _require(name, parameter, x, *, positive=False):
    data = as_array(data_of(x))
    if holds(data <= 0.0 if positive else data < 0.0):
        raise ArgumentError(
            f"{name}: {parameter} must be {'positive' if positive else 'at least 0'}, got {np.min(data)}"
        )


STANDARD = [
    sample("3", "3", low=0.2, rng=0), sample("", "", low=0.2, rng=1), sample("2 1", "3", low=0.2, rng=2),
    sample("3", 0.7, rng=3), sample(0.5, "3", low=0.2, rng=4), sample("3", "", low=0.2, size=(2, 3), rng=5),
]  # fmt: skip
SCALED = [row for row in STANDARD if row.operands != ("3", 0.7)]


def _wrong(scale):
    return [
        error((1.0,), match="np.random.default_rng(0)", kind=ArgumentError),
        error((0.0, -1.0), rng=0, match=f"{scale} must be at least 0, got -1.0", kind=ArgumentError),
        error(("3",), rng=0, size=(3, 2), match="(3,), () do not broadcast to size=(3, 2)"),
    ]


def _still(**options):
    """At scale 0 every draw is loc: slope 1 there, and the noise itself for the scale."""
    return [point((np.array([1.0, 2.0]), 0.0), (np.ones(2), None), out=np.array([1.0, 2.0]), rng=0)]


EVEN, WAITING = np.random.default_rng(0).random(2), np.random.default_rng(0).standard_exponential(2)
REPARAMETERISED = "reparameterisation: Kingma and Welling 2014, section 2.4"


@primitive(
    kind="composed", samples=STANDARD, points=_still(), errors=_wrong("scale"), domain="scale ≥ 0", source=REPARAMETERISED,
)  # fmt: skip
def normal(loc=0.0, scale=1.0, /, size=None, *, rng=None):
    """Draws from N(loc, scale²) as loc + scale · noise: slope 1 for loc, the noise for scale.

    size   shape of the result; by default that of loc and scale together
    rng    np.random.Generator, or a seed; the numbers are those of rng.normal(loc, scale, size)
    """
    loc, scale = map(stacked, (loc, scale))
    _require("normal", "scale", scale)
    return loc + scale * _noise("normal", "standard_normal", rng, size, loc, scale)


@primitive(
    kind="composed", samples=STANDARD, points=_still(), errors=_wrong("scale"), source="the distribution's quantiles",
)  # fmt: skip
def gumbel(loc=0.0, scale=1.0, /, size=None, *, rng=None):
    """Draws from the Gumbel distribution, that of the largest of many, as loc − scale · log(−log u)."""
    loc, scale = map(stacked, (loc, scale))
    _require("gumbel", "scale", scale)
    return loc + scale * _noise("gumbel", "gumbel", rng, size, loc, scale)


@primitive(
    kind="composed", samples=STANDARD, points=_still(), errors=_wrong("scale"), source="the distribution's quantiles",
)  # fmt: skip
def laplace(loc=0.0, scale=1.0, /, size=None, *, rng=None):
    """Draws with density exp(−|x − loc| / scale) / (2 scale), as loc + scale · noise."""
    loc, scale = map(stacked, (loc, scale))
    _require("laplace", "scale", scale)
    return loc + scale * _noise("laplace", "laplace", rng, size, loc, scale)


@primitive(
    kind="composed", samples=STANDARD, points=_still(), errors=_wrong("scale"), source="the distribution's quantiles",
)  # fmt: skip
def logistic(loc=0.0, scale=1.0, /, size=None, *, rng=None):
    """Draws whose distribution function is sigmoid((x − loc) / scale), as loc + scale · log(u / (1 − u))."""
    loc, scale = map(stacked, (loc, scale))
    _require("logistic", "scale", scale)
    return loc + scale * _noise("logistic", "logistic", rng, size, loc, scale)


@primitive(
    kind="composed", samples=STANDARD, points=_still(), errors=_wrong("scale"), source="the distribution's quantiles",
)  # fmt: skip
def cauchy(loc=0.0, scale=1.0, /, size=None, *, rng=None):
    """Draws with density 1 / (π scale (1 + ((x − loc) / scale)²)), as loc + scale · noise; no mean, no variance."""
    loc, scale = map(stacked, (loc, scale))
    _require("cauchy", "scale", scale)
    return loc + scale * _noise("cauchy", "standard_cauchy", rng, size, loc, scale)


@primitive(
    kind="composed", source="the distribution's quantiles",
    samples=[sample("3", 2.5, rng=0), sample(-2.5, "2 3", rng=1), sample("", 2.5, rng=2),
             sample("3", 2.5, size=(2, 3), rng=3)],
    points=[point((np.ones(2), np.ones(2)), (1.0 - EVEN, EVEN), out=np.ones(2), rng=0)],
    errors=[_wrong("")[0], _wrong("")[2],
            error((2.0, 1.0), rng=0, match="high must be at least low, got low 2.0 and high 1.0", kind=ArgumentError)],
)  # fmt: skip
def uniform(low=0.0, high=1.0, /, size=None, *, rng=None):
    """Draws from [low, high) as low + (high − low) · u."""
    low, high = map(stacked, (low, high))
    a, b = np.broadcast_arrays(data_of(low), data_of(high))
    if holds(a > b):
        raise ArgumentError(f"uniform: high must be at least low, got low {a[a > b][0]} and high {b[a > b][0]}")
    return low + (high - low) * _noise("uniform", "random", rng, size, low, high)


@primitive(
    kind="composed", source="the distribution's quantiles",
    samples=[sample("3", low=0.2, rng=0), sample("", low=0.2, rng=1), sample("3", low=0.2, size=(2, 3), rng=2)],
    points=[point((np.array([0.0, 1.0]),), (WAITING,), rng=0)],
    errors=[_wrong("")[0], error((-1.0,), rng=0, match="scale must be at least 0", kind=ArgumentError)],
)  # fmt: skip
def exponential(scale=1.0, /, size=None, *, rng=None):
    """Draws with density exp(−x / scale) / scale, mean scale, as −scale · log(1 − u)."""
    scale = stacked(scale)
    _require("exponential", "scale", scale)
    return scale * _noise("exponential", "standard_exponential", rng, size, scale)


@primitive(
    kind="composed", samples=STANDARD, domain="sigma ≥ 0", source=REPARAMETERISED,
    points=[point((np.zeros(2), 0.0), (np.ones(2), None), out=np.ones(2), rng=0)],
    errors=_wrong("sigma"),
)  # fmt: skip
def lognormal(mean=0.0, sigma=1.0, /, size=None, *, rng=None):
    """Draws whose logarithm is N(mean, sigma²), as exp(mean + sigma · noise)."""
    mean, sigma = map(stacked, (mean, sigma))
    _require("lognormal", "sigma", sigma)
    return np.exp(mean + sigma * _noise("lognormal", "standard_normal", rng, size, mean, sigma))


@primitive(
    kind="composed", samples=SCALED, source="the distribution's quantiles",
    points=[point((1.0, np.zeros(2)), (None, WAITING), out=np.zeros(2), rng=0)],
    errors=[_wrong("")[0], error((0.0, 1.0), rng=0, match="a must be positive, got 0.0", kind=ArgumentError)],
)  # fmt: skip
def weibull(a, scale=1.0, /, size=None, *, rng=None):
    """Draws with P(X > x) = exp(−(x / scale)^a), as scale · (−log(1 − u))^(1 / a)."""
    a, scale = map(stacked, (a, scale))
    _require("weibull", "a", a, positive=True)
    _require("weibull", "scale", scale)
    return scale * _noise("weibull", "standard_exponential", rng, size, a, scale) ** (1.0 / a)


COVARIANCE = ((2.0, 0.5), (0.5, 1.0))


@primitive(
    kind="composed", source=REPARAMETERISED,
    samples=[
        sample("2", COVARIANCE, rng=0), sample("3 2", COVARIANCE, rng=1), sample("2", COVARIANCE, size=3, rng=2),
        sample("2", cholesky=((1.0, 0.0), (0.5, 2.0)), size=(2, 3), rng=3),
    ],
    points=[point((np.array([1.0, 2.0]),), (np.ones(2),), out=np.array([1.0, 2.0]),
                  cholesky=((0.0, 0.0), (0.0, 0.0)), rng=0)],
    errors=[
        error(("2", COVARIANCE), match="np.random.default_rng(0)", kind=ArgumentError),
        error(("2",), rng=0, match="either cov or cholesky", kind=ArgumentError),
        error(("3", COVARIANCE), rng=0, match="mean (3,) and a matrix (2, 2), expected (…, n) and (…, n, n)"),
    ],
)  # fmt: skip
def multivariate_normal(mean, cov=None, /, size=None, *, cholesky=None, rng=None):
    """Draws from N(mean, cov) as mean + L · noise with L = cholesky(cov): mean (…, n), cov (…, n, n) → (*size, n).

    cholesky   L itself, lower triangular, instead of cov: cheaper, and any such L is allowed
    size       number or shape of the draws; by default one for each mean and matrix
    rng        np.random.Generator or a seed; as rng.multivariate_normal(mean, cov, size, method="cholesky") draws
    """
    mean = stacked(mean)
    if (cov is None) == (cholesky is None):
        raise ArgumentError("multivariate_normal: give either cov or cholesky, its lower triangular factor")
    matrix = cov if cholesky is None else cholesky
    if isinstance(matrix, (list, tuple)):
        matrix = np.asarray(matrix, _precision(mean))
    shape, square = np.shape(mean), np.shape(matrix)
    if len(square) < 2 or shape[-1:] * 2 != square[-2:]:
        raise ShapeError(f"multivariate_normal: mean {shape} and a matrix {square}, expected (…, n) and (…, n, n)")
    factor = np.linalg.cholesky(matrix) if cholesky is None else matrix
    size = _shape("multivariate_normal", size, shape[:-1], square[:-2])
    noise = draw(rng, "standard_normal", (*size, shape[-1]), _precision(mean, factor))
    if len(square) == 2:
        return mean + np.matmul(noise, np.transpose(factor))
    return mean + np.matmul(factor, noise[..., None])[..., 0]


@primitive(
    kind="composed", domain="temperature > 0", source="Jang, Gu and Poole 2017; Maddison, Mnih and Teh 2017",
    samples=[sample("3 4", rng=0), sample("3 4", temperature=0.5, axis=0, rng=1), sample("5", temperature=2.0, rng=2)],
    points=[point((np.zeros((2, 1)),), (np.zeros((2, 1)),), out=np.ones((2, 1)), rng=0)],
    errors=[error(("3",), match="np.random.default_rng(0)", kind=ArgumentError),
            error(("3",), temperature=0.0, rng=0, match="temperature must be positive", kind=ArgumentError),
            error((1.0,), rng=0, match="logits of shape ()")],
)  # fmt: skip
def gumbel_softmax(logits, /, temperature=1.0, axis=-1, hard=False, *, rng=None):
    """Draws of a class that can be differentiated: softmax((logits + Gumbel noise) / temperature) along axis.

    Its largest entry is a draw from softmax(logits); the lower the temperature, the closer it is to a one-hot vector.
    hard   give the one-hot vector, with the slopes of the soft one (straight-through: biased, by choice)
    """
    logits = stacked(logits)
    _require("gumbel_softmax", "temperature", temperature, positive=True)
    if np.ndim(logits) == 0:
        raise ShapeError("gumbel_softmax: logits of shape (), expected an axis of classes")
    noise = _noise("gumbel_softmax", "gumbel", rng, None, logits)
    soft = softmax((logits + noise) / temperature, axis)
    if not hard:
        return soft
    data = data_of(soft)
    hot = np.zeros_like(data)
    np.put_along_axis(hot, np.expand_dims(np.argmax(data, axis), axis), 1.0, axis)
    return soft + (hot - data)


@primitive(
    kind="composed", source="Srivastava et al. 2014; scaled while training, as TensorFlow and PyTorch do",
    samples=[sample("3 4", rng=0), sample("3 4", rate=0.2, rng=1), sample("", rate=0.0, rng=2), sample("0 3", rng=3)],
    points=[point((np.array([1.0, np.inf, 3.0]),), (np.array([2.0, 0.0, 0.0]),), out=np.array([2.0, 0.0, 0.0]), rng=0)],
    errors=[error(("3",), match="np.random.default_rng(0)", kind=ArgumentError),
            error(("3",), rate=1.0, rng=0, match="0 ≤ rate < 1, got 1.0", kind=ArgumentError)],
)  # fmt: skip
def dropout(x, /, rate=0.5, *, rng=None):
    """Each element is 0 with probability `rate`, else x / (1 − rate), which keeps the mean.

    It knows nothing of training and prediction: call it in training only.
    """
    x = stacked(x)
    if not 0.0 <= rate < 1.0:
        raise ArgumentError(f"dropout: 0 ≤ rate < 1, got {rate!r}")
    keep = draw(rng, "random", np.shape(x)) >= rate
    return np.where(keep, x * (1.0 / (1.0 - rate)), 0.0)
