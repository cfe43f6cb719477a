"""Methods of NumPy's ufuncs: np.add.reduce is np.sum, np.multiply.outer gives the products of all pairs.

NumPy has reduce, accumulate, reduceat and outer for every binary ufunc. Those whose meaning is an op go to it; outer is
the ufunc itself after a reshape. The others are refused by name in refused.py.
"""

import numpy as np

from autograd.errors import ArgumentError
from autograd.ops.activation import logsumexp
from autograd.ops.arithmetic import UNSET
from autograd.ops.index import plain_index, scatter_add
from autograd.primitives import error, point, primitive, registry, sample
from autograd.value import DISPATCH

__all__ = ["add_reduceat"]


def _pieces(x, indices, axis):
    """Which places of the axis add.reduceat reads, and for which of its results: two integer arrays."""
    length = np.shape(x)[axis]
    starts = np.asarray(indices)
    ends = np.append(starts[1:], length)
    counts = np.where(ends > starts, ends - starts, 1)
    results = np.repeat(np.arange(np.size(counts)), counts)
    return np.arange(np.size(results)) + (starts - np.cumsum(counts) + counts)[results], results


def _add_reduceat(g, out, x, indices, axis=0):
    places, results = _pieces(x, indices, axis)
    return scatter_add(np.take(g, results, axis=axis), np.shape(x), (slice(None),) * (axis % np.ndim(x)) + (places,))


def _reduceat_call(x, /, *given, indices=None, axis=0, dtype=None, out=None):
    """NumPy gives indices= by place as well, and the others always by name."""
    if dtype is not None:
        raise ArgumentError("np.add.reduceat has no option 'dtype' when it is differentiated; it has axis")
    return (x,), {"indices": plain_index(given[0] if given else indices), "axis": axis}


@primitive(
    numpy=np.add.reduceat,
    name="add_reduceat",
    kind="linear",
    call=_reduceat_call,
    samples=[
        sample("6", indices=[0, 3, 1, 5]), sample("3 4", indices=[2, 0]), sample("4", indices=[1]),
        sample("3 4", indices=np.array([0, 0, 3]), axis=-1),
    ],
    points=[
        point(
            (np.arange(5.0),), (np.array([1.0, 2.0, 1.0, 1.0, 1.0]),), out=np.array([0.0, 1.0, 10.0]), indices=[0, 1, 1]
        )
    ],
    errors=[error(("3",), indices=[3], match="index 3 out-of-bounds", kind=IndexError)],
    source="linear: the adjoint of adding is repeating",
)  # fmt: skip
def add_reduceat(x, /, indices, axis=0):
    """Sums of the pieces x[indices[i] : indices[i + 1]] along axis; x[indices[i]] alone where the piece is empty."""
    return np.add.reduceat(x, indices, axis=axis)


add_reduceat.vjp(x=_add_reduceat)
DISPATCH[np.add, "reduceat"] = add_reduceat


DEFAULTS = {"dtype": None, "out": None, "initial": None, "where": True}


def _method(ufunc, method, function):
    """Let a method of a ufunc be a NumPy function, which has the same options but another default for axis."""

    def call(x, axis=0, **options):
        given = {name: option for name, option in options.items() if option is not DEFAULTS.get(name, UNSET)}
        return function(x, axis=axis, **given)

    DISPATCH[ufunc, method] = call


def _outer(op):
    """All pairs of an element of x and one of y: the op of x with as many axes of length 1 after it as y has axes."""
    return lambda x, y, **options: op(np.reshape(x, np.shape(x) + (1,) * np.ndim(y)), y, **options)


for _ufunc, _function in {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min, np.fmax: np.nanmax,
    np.fmin: np.nanmin,
}.items():  # fmt: skip
    _method(_ufunc, "reduce", _function)
_method(np.logaddexp, "reduce", logsumexp)
_method(np.add, "accumulate", np.cumsum)
_method(np.multiply, "accumulate", np.cumprod)

for _op in list(registry.values()):
    for _ufunc in _op.numpy:
        if isinstance(_ufunc, np.ufunc) and _ufunc.nin == 2 and _ufunc.signature is None:
            DISPATCH[_ufunc, "outer"] = _outer(_op)
