"""The operations, one block each, in files of rising difficulty.

constant        comparisons, roundings, shapes: plain results       arithmetic   + − × ÷ powers, maximum, clip
complex         conjugate, real and imaginary part                  axes         (what rules share about axes)
transcendental  exp, log, sqrt, sin … arctanh                       special      erf
activation      relu … softmax, logsumexp                           reduce       sum, mean, max, norm, cumsum
variance        var, std, ptp
index           x[i], take, where, diagonal                         shape        reshape, transpose, flip
assign          x[i] = v, x += v
join            concatenate, stack, split, pad                      linalg       matmul, dot, einsum
fused           linear, softmax_cross_entropy

The files above come with `import autograd`. Those below are read when an op of theirs is first asked for, since reading
all takes longer than importing NumPy:

piecewise       fmod, nan_to_num, heaviside …                       pick         tile, rot90, delete, select, interp …
padding         pad in all modes                                    grid         linspace, meshgrid, interp …
inplace         np.put, np.copyto, np.add.at …                      order        sort, median, quantile …
series          cumprod, diff, gradient, trapezoid …                statistics   average, cov, histogram …
nans            nansum, nanmean, nanmedian …
products        vecdot, kron, cross, convolve …                     systems      solve, inv, det, lstsq, cond …
norms           norms of vectors and matrices
decomposition   cholesky, qr, eigh, eig …                           singular     svd, svdvals
fourier         fft, rfft, fftn … and their inverses
window          sliding windows, unfold and fold                    convolution  convolution and its transpose
pooling         max, average and adaptive pooling                   random       draws by reparameterisation
bessel          sinc, i0                                            ufunc_methods   np.add.reduce, np.multiply.outer …
refused         what has no derivative, and why                     scipy_special, once SciPy is imported

Each op is an attribute: `ops.relu`, `ops.sum`; those that NumPy has are reached through NumPy.
"""

import importlib
import sys

from autograd.errors import no_rule
from autograd.primitives import registry
from autograd.value import DISPATCH, Value

EARLY = ("axes", "constant", "arithmetic", "complex", "transcendental", "special", "activation", "reduce", "variance",
         "index", "shape", "assign", "join", "linalg", "fused")  # fmt: skip
LATE = ("refused", "piecewise", "pick", "padding", "grid", "order", "series", "statistics", "nans", "products", "systems",
        "norms", "decomposition", "singular", "fourier", "window", "channels_last", "convolution", "pooling", "random",
        "bessel", "ufunc_methods", "inplace")  # fmt: skip


LATE_METHODS = ("compress", "cumprod", "fill", "partition", "put", "resize", "sort")  # of Value, from these files


def load():
    """Read the files of the ops that are not needed at once; True."""
    for name in LATE:
        importlib.import_module(f"autograd.ops.{name}")
    if "scipy.special" in sys.modules:
        importlib.import_module("autograd.ops.scipy_special")
    return True


def find(function):
    """The op of a NumPy function, from whichever file; NotDifferentiableError if there is none."""
    if function not in DISPATCH:
        load()
    if function not in DISPATCH:
        raise no_rule(function, DISPATCH)
    return DISPATCH[function]


def __getattr__(name):
    if name not in registry and not name.startswith("_"):
        load()
    if name in registry:
        return registry[name]
    raise AttributeError(f"module {__name__!r} has no op {name!r}")


def __dir__():
    load()
    return [*globals(), *registry]


def _method(name):
    """A method of Value until its file is read; a __getattr__ would slow every attribute of every node by a third."""

    def method(self, *args, **kwargs):
        load()  # puts the real one in its place
        return getattr(self, name)(*args, **kwargs)

    return method


for _name in LATE_METHODS:
    setattr(Value, _name, _method(_name))
for _name in EARLY:
    importlib.import_module(f"autograd.ops.{_name}")
DISPATCH |= {"load": load, "find": find}
