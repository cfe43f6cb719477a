"""Functions without a derivative, and the two ops that are plumbing.

What a comparison, a rounding or a shape says does not change when its input changes a little, so these give plain
numbers and arrays, and take the `.data` of a Value. `alias` and `item` compute nothing: they give a number a node of
its own.
"""

from typing import Any

import numpy as np

from autograd.primitives import as_method, point, primitive, sample
from autograd.value import CONSTANT, DISPATCH, Value, make

__all__ = ["alias", "item"]


@primitive(
    kind="view",
    leading=True,
    samples=[sample("3 2")],
    points=[point((2.0,), (1.0,), out=2.0)],
    source="linear: the identity",
)
def alias(x, /):
    """The same number as a node of its own, out = x."""
    return x


alias.vjp(x=lambda g, out, x: g)


@primitive(kind="linear", leading=True)
def item(parts, /, index, count):
    """One of the `count` results of an op that has several, out = parts[index]."""
    return parts[index]


item.vjp(parts=lambda g, out, parts, index, count: tuple(g if i == index else None for i in range(count)))
item.unary = False  # its cotangents are tuples, which only the general way adds up


def _ufunc(function):
    """Register a piecewise constant ufunc as an op with plain results."""

    forward: Any = {1: lambda x, /: function(x), 2: lambda x, y, /: function(x, y)}[function.nin]
    forward.__name__, forward.__module__ = function.__name__, __name__
    forward.__doc__ = f"np.{function.__name__}; piecewise constant, so its derivative is 0: a plain result."
    primitive(
        forward, numpy=function, kind="elementwise", differentiable=False, samples=[sample(*["3 4"] * function.nin)]
    )
    for method in ("reduce", "accumulate", "reduceat") if function.nin == 2 else ():
        DISPATCH[function, method] = _plain(getattr(function, method))


def constant_functions(*functions):
    """Register NumPy functions whose results carry no gradient: called on Values, they see the plain data."""
    for function in functions:
        DISPATCH[function] = call = _plain(function)
        if callable(getattr(np.ndarray, function.__name__, None)):
            setattr(Value, function.__name__, as_method(call, function))


def _plain(function):
    def call(*args, **kwargs):
        return function(*map(_strip, args), **{name: _strip(x) for name, x in kwargs.items()})

    return call


def _strip(x):
    return x.data if isinstance(x, Value) else type(x)(map(_strip, x)) if type(x) in (list, tuple) else x


for _function in (
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor,
    np.isfinite, np.isnan, np.isinf, np.signbit,
    np.sign, np.floor, np.ceil, np.trunc, np.rint, np.floor_divide, np.spacing,
):  # fmt: skip
    _ufunc(_function)

constant_functions(
    np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.may_share_memory, np.shares_memory,
    np.result_type, np.can_cast, np.common_type, np.min_scalar_type,
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort, np.searchsorted,
    np.digitize, np.argwhere, np.nonzero, np.flatnonzero, np.count_nonzero, np.isin, np.einsum_path,
    np.diag_indices_from, np.tril_indices_from, np.triu_indices_from,
    np.all, np.any, np.allclose, np.isclose, np.array_equal, np.array_equiv,
    np.isreal, np.iscomplex, np.isposinf, np.isneginf,
    np.round, np.around, np.fix,
    np.array_repr, np.array_str, np.array2string,
)  # fmt: skip


def _blank(function):
    """np.zeros_like and the like: of a Value a constant Value, so that `y = np.zeros_like(x); y[0] = x[1]` records."""

    plain = _plain(function)

    def call(*args, **kwargs):
        out = plain(*args, **kwargs)
        return make(CONSTANT, out[()]) if out.dtype.kind in "fc" else out

    return call


DISPATCH |= {function: _blank(function) for function in (np.zeros_like, np.ones_like, np.empty_like)}
_filled = _blank(np.full_like)


def _full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, **options):
    """np.full_like: of a Value a constant Value; filled with a Value, that one broadcast, and recorded."""
    if isinstance(fill_value, Value):
        shape = np.shape(a) if shape is None else shape
        return np.astype(np.broadcast_to(fill_value, shape), dtype or np.result_type(a))
    return _filled(a, fill_value, dtype, order, subok, shape, **options)


DISPATCH[np.full_like] = _full_like

for _name, _method in (
    (
        "__round__",
        lambda self, digits=None: np.round(self, digits or 0) if digits or self.ndim else int(np.round(self)),
    ),
    ("__trunc__", lambda self: int(self)),
    ("__divmod__", lambda self, other: np.divmod(self, other)),
    ("__rdivmod__", lambda self, other: np.divmod(other, self)),
):
    setattr(Value, _name, _method)
