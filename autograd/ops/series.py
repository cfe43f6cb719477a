"""Along an axis: running products and extremes, differences, integrals.

A running total y[i] = b[i] + a[i] · y[i − 1] is what most adjoints here are, read from the other end: of a running
product, where a is the next factor, and of a running maximum, where a is 1 until the maximum changes and 0 there.
`recurrence` computes it without division, so that a factor of 0 is like any other.
"""

import math

import numpy as np

from autograd.errors import ArgumentError
from autograd.ops.arithmetic import astype
from autograd.ops.axes import from_the_end, lead
from autograd.ops.reduce import BAD_AXIS, NO_DTYPE
from autograd.primitives import error, point, primitive, sample
from autograd.value import DISPATCH, Value

__all__ = ["cummax", "cummin", "cumprod", "cumulative_prod", "cumulative_sum", "diff", "ediff1d", "gradient",
           "trapezoid", "unwrap"]  # fmt: skip


def recurrence(a, b):
    """y with y[0] = b[0] and y[i] = b[i] + a[i] · y[i − 1] along the last axis, in O(n) operations and log n steps.

    Two steps of it are a step of the same form, y[i] = (b[i] + a[i] b[i − 1]) + a[i] a[i − 1] · y[i − 2]: half as many
    of those give every second y, and one step from each of them the others.
    """
    n = np.shape(b)[-1]
    if n < 2:
        return b
    odd = recurrence(a[..., 1::2] * a[..., : n - 1 : 2], b[..., 1::2] + a[..., 1::2] * b[..., : n - 1 : 2])
    even = b[..., 2::2] + a[..., 2::2] * odd[..., : (n - 1) // 2]
    even = np.concatenate([b[..., :1], even], axis=-1)
    pairs = np.stack([even[..., : n // 2], odd], axis=-1)
    y = np.reshape(pairs, (*np.shape(b)[:-1], 2 * (n // 2)))
    return np.concatenate([y, even[..., n // 2 :]], axis=-1) if n % 2 else y


def _from_the_end(a, b):
    """y with y[i] = b[i] + a[i] · y[i + 1] along the last axis; a has no last element."""
    a = np.concatenate([np.zeros_like(b[..., :1]), np.flip(a, -1)], axis=-1)
    return np.flip(recurrence(a, np.flip(b, -1)), -1)


def _along_the_last(rule, default):
    """A rule for a running total over `axis` from one for the last axis; axis=None runs over the flattened x."""

    def along(g, out, x, axis=default):
        if np.size(x) == 0:
            return np.reshape(g, np.shape(x))
        if axis is None or np.ndim(x) == 0:
            return np.reshape(rule(g, out, np.reshape(x, (-1,))), np.shape(x))
        return np.moveaxis(rule(*(np.moveaxis(y, axis, -1) for y in (g, out, x))), -1, axis)

    return along


RUNNING = [sample("5"), sample("3 4", axis=0), sample("2 3 5", axis=-2), sample("2 8", axis=1), sample("0"),
           sample("1"), sample("3 0", axis=1)]  # fmt: skip


def _cumprod(g, out, x):
    before = np.concatenate([np.ones_like(x[..., :1]), out[..., :-1]], axis=-1)
    return before * _from_the_end(x[..., 1:], g)


@primitive(
    numpy=np.cumprod,
    samples=[*RUNNING, sample("3 4", complex=True), sample(""), sample(np.array([2.0, 0.0, 3.0, 0.0, 5.0]))],
    points=[
        point((np.array([2.0, 3.0, 4.0]),), (np.array([16.0, 10.0, 6.0]),), out=np.array([2.0, 6.0, 24.0])),
        point((np.array([0.0, 2.0, 3.0]),), (np.array([9.0, 0.0, 0.0]),), out=np.zeros(3)),
        point((np.array([2.0, 0.0, 3.0, 0.0]),), (np.array([1.0, 8.0, 0.0, 0.0]),)),
    ],
    errors=[BAD_AXIS, NO_DTYPE],
    source="product rule: dx[i] = Π of what is before · Σ g[k] Π of what lies between i and k, summed by recurrence",
)
def cumprod(x, /, axis=None):
    """Running product along axis, of the flattened x without one; right also where elements are 0."""
    return np.cumprod(x, axis=axis)


cumprod.vjp(x=_along_the_last(_cumprod, None))


def _cumextreme(g, out, x):
    unknown = out != out
    same = (out[..., 1:] == out[..., :-1]) | unknown[..., :-1]  # the extreme is the old one; NaN stays NaN
    member = (x == out) | (x != x)
    starts = np.concatenate([np.ones_like(member[..., :1]), ~same], axis=-1)
    seen = np.cumsum(member, axis=-1)
    count = seen - np.maximum.accumulate(np.where(starts, seen - 1, 0), axis=-1)  # of equal ones, so far
    dtype = np.result_type(g)
    return np.where(member, _from_the_end(same.astype(dtype), g / count.astype(dtype)), 0.0)


def _running_extreme(ufunc, ties):
    """The op of np.maximum.accumulate or np.minimum.accumulate."""
    name = {np.maximum: "cummax", np.minimum: "cummin"}[ufunc]

    @primitive(
        name=name,
        symbol=f"running {name[3:]}",
        samples=[*RUNNING, sample("3 4")],
        points=[
            point((np.array([1.0, 3.0, 2.0]),), ties[0]),
            point((np.array([2.0, 2.0, 2.0]),), (np.array([1.0 + 0.5 + 1.0 / 3.0, 0.5 + 1.0 / 3.0, 1.0 / 3.0]),)),
            point((np.array([1.0, np.nan, 2.0]),), (np.array([1.0, 2.0, 0.0]),)),
        ],
        errors=[BAD_AXIS],
        kink="equal elements share equally",
        source="the sum of what each element leads; ties: the minimum-norm subgradient",
    )
    def running(x, /, axis=0):
        return ufunc.accumulate(x, axis=axis)

    running.__doc__ = f"Running {ufunc.__name__} along axis, np.{ufunc.__name__}.accumulate(x)."
    running.vjp(x=_along_the_last(_cumextreme, 0))
    DISPATCH[ufunc, "accumulate"] = running
    return running


cummax = _running_extreme(np.maximum, [(np.array([1.0, 2.0, 0.0]),)])
cummin = _running_extreme(np.minimum, [(np.array([3.0, 0.0, 0.0]),)])


# the names of the array API standard


def _running_total(total, initial, x, axis, include_initial):
    """total(x) along axis, which an x of one axis need not name, after its initial value if that is asked for."""
    if axis is None:
        if np.ndim(x) > 1:
            raise ArgumentError(f"for an x of shape {np.shape(x)}, axis= must say along which axis to go")
        axis = 0
    if isinstance(axis, tuple):
        if len(axis) != 1:
            raise ArgumentError(f"a running total goes along one axis, got axis={axis}")
        axis = axis[0]
    out = total(x, axis=axis)
    if not include_initial:
        return out
    shape = list(np.shape(out))
    shape[axis] = 1
    return np.concatenate([np.full(shape, initial, np.result_type(out)), out], axis=axis)


TOTALS = [
    sample("5"), sample("3 4", axis=0, complex=True), sample("3 4", axis=-1, include_initial=True),
    sample("3", include_initial=True), sample(""), sample("0", include_initial=True),
    sample("2 3", axis=(1,)),
]  # fmt: skip
NO_AXIS = error(("2 3",), match="axis= must say", kind=ArgumentError)
TWO_AXES = error(("2 3",), axis=(0, 1), match="along one axis", kind=ArgumentError)


@primitive(
    numpy=np.cumulative_sum,
    kind="composed",
    samples=TOTALS,
    points=[
        point((np.array([1.0, 2.0]),), (np.array([2.0, 1.0]),), out=np.array([0.0, 1.0, 3.0]), include_initial=True)
    ],
    errors=[NO_AXIS, TWO_AXES, NO_DTYPE],
    source="cumsum",
)
def cumulative_sum(x, /, *, axis=None, include_initial=False):
    """Running sum along axis, after a 0 with include_initial."""
    return _running_total(np.cumsum, 0.0, x, axis, include_initial)


@primitive(
    numpy=np.cumulative_prod,
    kind="composed",
    samples=TOTALS,
    points=[
        point((np.array([0.0, 3.0]),), (np.array([4.0, 0.0]),), out=np.array([1.0, 0.0, 0.0]), include_initial=True)
    ],
    errors=[NO_AXIS, TWO_AXES, NO_DTYPE],
    source="cumprod",
)
def cumulative_prod(x, /, *, axis=None, include_initial=False):
    """Running product along axis, after a 1 with include_initial."""
    return _running_total(np.cumprod, 1.0, x, axis, include_initial)


# differences


def _diff_call(a, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    """prepend and append, which may be Values too, are joined to the operand; a single number has length 1."""

    def fitted(part):
        lengths = list(np.shape(a))
        lengths[axis] = 1
        return part if np.ndim(part) else np.broadcast_to(part, tuple(lengths))

    if n == 0:  # NumPy then gives a as it is
        return (a,), {"n": n, "axis": axis}
    parts = [a if part is a else fitted(part) for part in (prepend, a, append) if part is not np._NoValue]
    return (np.concatenate(parts, axis=axis) if len(parts) > 1 else a,), {"n": n, "axis": axis}


def _diff(g, out, x, n=1, axis=-1):
    lengths, axis = [*lead(g, out), *np.shape(x)], from_the_end(axis, x)
    if np.size(out) == 0:
        return np.broadcast_to(0.0 * x, lengths)
    lengths[axis] = n
    zeros = np.zeros(lengths, np.result_type(g))
    c = np.diff(np.concatenate([zeros, g, zeros], axis=axis), n, axis) if n else g
    return -c if n % 2 else c


@primitive(
    numpy=np.diff,
    kind="linear",
    leading=True,
    call=_diff_call,
    samples=[
        sample("5"), sample("3 4", axis=0, complex=True), sample("2 3 4", axis=-2), sample("3 5", n=2), sample("6", n=3),
        sample("3 4", n=0), sample("2 3", n=3), sample("3 4", prepend=0.5), sample("3 4", axis=0, append=[[1.0] * 4]),
        sample("2 3", n=2, prepend=np.ones((2, 2)), append=2.0), sample("1"), sample("0"), sample("3 1"),
    ],
    points=[
        point((np.array([1.0, 4.0, 9.0]),), (np.array([-1.0, 0.0, 1.0]),), out=np.array([3.0, 5.0])),
        point((np.array([1.0, 4.0, 9.0]),), (np.array([1.0, -2.0, 1.0]),), out=np.array([2.0]), n=2),
    ],
    errors=[
        error(("3",), axis=1, match="axis 1 is out of bounds"), error(("",), match="at least one dimensional"),
        error(("3",), n=-1, match="non-negative but got -1"),
    ],
    source="summation by parts: the adjoint is −diff of g between zeros",
)  # fmt: skip
def diff(x, /, n=1, axis=-1):
    """Differences of neighbours along axis, out[i] = x[i + 1] − x[i]; n times over.

    prepend, append   what to put before and after x first, a number or an array; Values too
    """
    return np.diff(x, n, axis)


diff.vjp(x=_diff)


@primitive(
    numpy=np.ediff1d,
    kind="composed",
    samples=[sample("5"), sample("2 3", to_end=[1.0, 2.0], to_begin=0.5), sample("1", to_begin=np.ones((2, 1))),
             sample(""), sample("4", complex=True), sample("0")],
    points=[point((np.array([1.0, 4.0, 9.0]),), (np.array([-1.0, 0.0, 1.0]),), out=np.array([3.0, 5.0]))],
    source="diff",
)  # fmt: skip
def ediff1d(x, /, to_end=None, to_begin=None):
    """Differences of neighbours in the flattened x, between to_begin and to_end, which may be Values too."""
    differences = np.diff(np.reshape(x, (-1,)))
    if to_end is None and to_begin is None:
        return differences
    dtype = np.result_type(differences)
    begin, end = ([] if part is None else [_in_dtype(np.reshape(part, (-1,)), dtype)] for part in (to_begin, to_end))
    return np.concatenate([*begin, differences, *end])


def _in_dtype(part, dtype):
    """part in a dtype, as NumPy writes it into its result; ArgumentError where that would drop an imaginary part."""
    if np.iscomplexobj(part) and dtype.kind != "c":
        raise ArgumentError(f"a complex number does not fit into a result of {dtype}, which the first operand has")
    return part if part.dtype == dtype else astype(part, dtype)


# slopes and areas


def _gradient_call(f, *spacing, axis=None, edge_order=1):
    return (f,), {"spacing": spacing, "axis": axis, "edge_order": edge_order}


def _slopes(f, spacing, edge_order):
    """The slopes of f along its last axis: of the parabola through three neighbours, at the ends of it or of a line."""
    if np.ndim(spacing) == 0:
        inner = (f[..., 2:] - f[..., :-2]) / (2.0 * spacing)
        if edge_order == 1:
            first, last = (f[..., 1:2] - f[..., :1]) / spacing, (f[..., -1:] - f[..., -2:-1]) / spacing
        else:
            first = (-1.5 / spacing) * f[..., :1] + (2.0 / spacing) * f[..., 1:2] + (-0.5 / spacing) * f[..., 2:3]
            last = (0.5 / spacing) * f[..., -3:-2] + (-2.0 / spacing) * f[..., -2:-1] + (1.5 / spacing) * f[..., -1:]
        return np.concatenate([first, inner, last], axis=-1)
    steps = np.diff(spacing)
    h, k = steps[:-1], steps[1:]
    line = np.diff(f) / steps
    # the slope of a parabola goes evenly from that of one line, half way along it, to that of the next
    bend = (line[..., 1:] - line[..., :-1]) / (h + k)
    inner = line[..., :-1] + h * bend
    first, last = line[..., :1], line[..., -1:]
    if edge_order == 2:
        first, last = first - h[:1] * bend[..., :1], last + k[-1:] * bend[..., -1:]
    return np.concatenate([first, inner, last], axis=-1)


COORDINATES = np.array([0.0, 1.0, 1.5, 3.0])


@primitive(
    numpy=np.gradient,
    kind="composed",
    call=_gradient_call,
    samples=[
        sample("5"), sample("3 4"), sample("3 4", axis=1, complex=True), sample("3 4", 0.5), sample("3 4", 0.5, 2.0),
        sample("3 4", 0.5, COORDINATES), sample("3 4", COORDINATES, axis=-1, edge_order=2),
        sample("3 4", edge_order=2), sample("2 3 4", 0.5, axis=(-1, 1)), sample("4 2", COORDINATES, axis=0),
        sample("2", 0.5), sample("5", np.arange(5.0)), sample("4", np.array(0.5), edge_order=2),
        sample("4", [0, 1, 3, 4]),
    ],
    points=[
        point((np.array([1.0, 4.0, 9.0]),), (np.array([-1.5, 0.0, 1.5]),), out=np.array([3.0, 4.0, 5.0])),
        point((np.array([1.0, 4.0, 9.0]), 2.0), (np.array([-0.75, 0.0, 0.75]), -3.0), out=np.array([1.5, 2.0, 2.5])),
    ],
    errors=[
        error(("3",), edge_order=3, match="edge_order is 1 or 2", kind=ArgumentError),
        error(("2",), edge_order=2, match="at least 3 elements", kind=ArgumentError),
        error(("3 4", 1.0, 1.0, 1.0), match="got 3 spacings for 2 axes", kind=ArgumentError),
        error(("3", np.ones(2)), match="spacing of shape (2,)", kind=ArgumentError),
        error(("3",), axis=1, match="axis 1 is out of bounds", kind=ValueError),
    ],
    source="Fornberg, Generation of Finite Difference Formulas on Arbitrarily Spaced Grids, 1988",
)  # fmt: skip
def gradient(f, /, spacing=(), axis=None, edge_order=1):
    """Slopes of sampled f along each axis: of the parabola through a sample and its neighbours, of f's shape.

    spacing     none for 1, a step for all axes, or for each axis a step or the coordinates of its samples; Values too
    edge_order  1: at the ends the slope of a line, 2: of a parabola
    """
    axes = range(np.ndim(f)) if axis is None else axis if np.ndim(axis) else (axis,)
    if len(spacing) == 0 or (len(spacing) == 1 and np.ndim(spacing[0]) == 0):
        spacing = (spacing or (1.0,)) * len(axes)
    if len(spacing) != len(axes):
        raise ArgumentError(f"gradient: got {len(spacing)} spacings for {len(axes)} axes")
    if edge_order not in (1, 2):
        raise ArgumentError(f"gradient: edge_order is 1 or 2, got {edge_order!r}")
    slopes = []
    for a, step in zip(axes, spacing, strict=True):
        rows = np.moveaxis(f, a, -1)
        length = np.shape(rows)[-1]
        if length < edge_order + 1:
            raise ArgumentError(f"gradient: axis {a} needs at least {edge_order + 1} elements, got {length}")
        if np.shape(step) not in ((), (length,)):
            raise ArgumentError(f"gradient: spacing of shape {np.shape(step)} for axis {a} of length {length}")
        slopes.append(_in_dtype(np.moveaxis(_slopes(rows, step, edge_order), -1, a), np.result_type(rows, 0.0)))
    return slopes[0] if len(axes) == 1 else tuple(slopes)


@primitive(
    numpy=np.trapezoid,
    kind="composed",
    samples=[
        sample("5"), sample("3 4", dx=0.5, complex=True), sample("3 4", axis=0), sample("4", COORDINATES),
        sample("3 4", "4"), sample("3 4", "3 4", axis=0), sample("2 3 4", "3", axis=-2), sample("1"), sample("3", None),
    ],
    points=[
        point((np.array([1.0, 4.0, 9.0]),), (np.array([0.5, 1.0, 0.5]),), out=9.0),
        point((np.array([1.0, 4.0]), np.array([0.0, 2.0])), (np.ones(2), np.array([-2.5, 2.5])), out=5.0),
    ],
    errors=[error(("3", "4"), match="(3,)", kind=ValueError)],
    source="trapezoidal rule",
)  # fmt: skip
def trapezoid(y, x=None, /, dx=1.0, axis=-1):
    """Area under the lines that join samples y at x, or dx apart, along axis: Σ (x[i + 1] − x[i]) (y[i] + y[i + 1]) / 2."""
    y = np.moveaxis(y, axis, -1)
    if x is not None:
        dx = np.diff(np.moveaxis(x, axis, -1) if np.ndim(x) > 1 else x)
    elif np.ndim(dx) > 1:
        dx = np.moveaxis(dx, axis, -1)
    return np.sum(dx * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


@primitive(
    numpy=np.unwrap,
    leading=True,
    samples=[
        sample("5", low=-9.0, high=9.0), sample("3 4", axis=0, low=-9.0, high=9.0), sample("6", period=1.1),
        sample("6", discont=3.5, low=-9.0, high=9.0), sample("0"),
    ],
    points=[point((np.array([0.0, 4.0]),), (np.ones(2),), out=np.array([0.0, 4.0 - 2.0 * math.pi]))],
    errors=[error(("3",), axis=1, match="axis 1 is out of bounds"),
            error(("3",), period=Value(1.0), match="pass period=v.data", kind=ArgumentError)],
    kink="jumps where neighbours differ by half a period: the slope of the branch",
    source="adds whole periods only, whose number is piecewise constant",
)  # fmt: skip
def unwrap(x, /, discont=None, axis=-1, *, period=2.0 * math.pi):
    """Angles without jumps along axis: whole periods are added so that no step is more than half a period."""
    if isinstance(period, Value) or isinstance(discont, Value):
        raise ArgumentError("unwrap has no derivative by its period or discont: pass period=v.data")
    return np.unwrap(x, discont, axis, period=period)


unwrap.vjp(x=lambda g, out, x, **options: g)
