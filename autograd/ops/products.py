"""Products of vectors and matrices beyond matmul: vecdot, kron, cross, convolve, chains and powers of matrices.

np.linalg's own spellings of matmul, tensordot, outer, diagonal … lead to the ops that exist.
"""

import numpy as np

from autograd.errors import ArgumentError, ShapeError
from autograd.ops.axes import from_the_end, lead, sum_to
from autograd.ops.index import diagonal, trace
from autograd.ops.linalg import matmul, outer, tensordot
from autograd.primitives import error, point, primitive, sample
from autograd.value import DISPATCH

__all__ = ["convolve", "correlate", "cross", "kron", "matrix_power", "matrix_transpose", "matvec", "multi_dot", "vecdot",
           "vecmat"]  # fmt: skip

X, Y = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 7.0])
SQUARE = np.array([[2.0, 1.0], [0.0, 4.0]])


@primitive(
    numpy=(np.matrix_transpose, np.linalg.matrix_transpose),
    kind="view",
    leading=True,
    samples=[sample("3 4"), sample("2 3 4", complex=True), sample("0 3")],
    points=[point((SQUARE,), (np.ones((2, 2)),), out=np.array([[2.0, 0.0], [1.0, 4.0]]))],
    errors=[error(("3",), match="(3,)")],
    source="linear: the adjoint is the rearrangement undone",
)
def matrix_transpose(x, /):
    """The last two axes exchanged."""
    return np.matrix_transpose(x)


matrix_transpose.vjp(x=lambda g, out, x: np.matrix_transpose(g))


def _vecdot(g, out, x, y, axis, keepdims):
    """g times y along the axis that the product summed over, of the shape of x; axes are NumPy's of each array."""
    g = np.expand_dims(g, -1) if not keepdims else np.moveaxis(g, from_the_end(axis, out), -1)
    shape = np.shape(np.moveaxis(np.empty(np.shape(x)), axis, -1))
    product = sum_to(g * np.moveaxis(y, axis, -1), shape, np.ndim(g) - max(np.ndim(x), np.ndim(y)))
    return np.moveaxis(product, -1, from_the_end(axis, x))


@primitive(
    numpy=np.vecdot,
    kind="bilinear",
    leading=True,
    samples=[
        sample("3", "3", complex=True), sample("2 3", "3"), sample("4 1 3", "2 3"), sample("3 2", "3 2", axis=0),
        sample("3 4 2", "3 2", axis=0), sample("2 3 4", "3 4", axis=-2), sample("2 3", "3", keepdims=True),
        sample("3 2", "3 4 1", axis=0, keepdims=True), sample("2 0", "0"),
    ],
    points=[point((X, Y), (Y, X), out=35.0)],
    errors=[error(("3", "2"), match="(2,)", kind=ShapeError), error(("3", "3"), dtype=np.float32, match="dtype",
                                                                   kind=ArgumentError)],
    source="linear in y, antilinear in x; gradient ∂/∂x − i ∂/∂y",
)  # fmt: skip
def vecdot(x, y, /, *, axis=-1, keepdims=False):
    """Σ x̄ y along an axis of both; the others are a batch and broadcast."""
    return np.vecdot(x, y, axis=axis, keepdims=keepdims)


vecdot.vjp(
    x=lambda g, out, x, y, axis=-1, keepdims=False: np.conjugate(_vecdot(g, out, x, y, axis, keepdims)),
    y=lambda g, out, x, y, axis=-1, keepdims=False: _vecdot(g, out, y, np.conjugate(x), axis, keepdims),
)


@primitive(
    numpy=np.matvec,
    kind="bilinear",
    leading=True,
    samples=[sample("2 3", "3", complex=True), sample("4 2 3", "3"), sample("2 3", "4 3"), sample("4 1 2 3", "2 3"),
             sample("2 0", "0")],
    points=[point((SQUARE, X[:2]), (np.array([[1.0, 2.0]] * 2), np.array([2.0, 5.0])), out=np.array([4.0, 8.0]))],
    errors=[error(("2 3", "2"), match="(2, 3)", kind=ShapeError), error(("3", "3"), match="(3,)", kind=ShapeError)],
    source="bilinear: the product rule, as for matmul",
)  # fmt: skip
def matvec(x, y, /):
    """Matrices (…, m, n) times vectors (…, n) → (…, m)."""
    return np.matvec(x, y)


matvec.vjp(
    x=lambda g, out, x, y: sum_to(np.expand_dims(g, -1) * np.expand_dims(y, -2), np.shape(x), len(lead(g, out))),
    y=lambda g, out, x, y: sum_to(np.matvec(np.swapaxes(x, -1, -2), g), np.shape(y), len(lead(g, out))),
)


@primitive(
    numpy=np.vecmat,
    kind="bilinear",
    leading=True,
    samples=[sample("2", "2 3", complex=True), sample("2", "4 2 3"), sample("4 2", "2 3"), sample("2 2", "4 1 2 3"),
             sample("0", "0 2")],
    points=[point((X[:2], SQUARE), (np.array([3.0, 4.0]), np.array([[1.0, 1.0], [2.0, 2.0]])), out=np.array([2.0, 9.0]))],
    errors=[error(("3", "2 3"), match="(2, 3)", kind=ShapeError), error(("3", "3"), match="(3,)", kind=ShapeError)],
    source="linear in y, antilinear in x; gradient ∂/∂x − i ∂/∂y",
)  # fmt: skip
def vecmat(x, y, /):
    """Vectors (…, m), conjugated, times matrices (…, m, n) → (…, n)."""
    return np.vecmat(x, y)


def _vecmat_y(g, out, x, y):
    return sum_to(np.expand_dims(np.conjugate(x), -1) * np.expand_dims(g, -2), np.shape(y), len(lead(g, out)))


vecmat.vjp(
    x=lambda g, out, x, y: sum_to(np.conjugate(np.matvec(y, g)), np.shape(x), len(lead(g, out))),
    y=_vecmat_y,
)


@primitive(
    numpy=np.kron,
    kind="composed",
    samples=[sample("2 3", "3 2", complex=True), sample("2", "3"), sample("2 3", "2"), sample("2", "2 1 3"),
             sample("", "3"), sample("2 2", ""), sample("", ""), sample("2 0", "2 2")],
    points=[point((X[:2], Y), (np.full(2, 16.0), np.full(3, 3.0)), out=np.array([4.0, 5.0, 7.0, 8.0, 10.0, 14.0]))],
    source="bilinear: one product, reshaped",
)  # fmt: skip
def kron(a, b, /):
    """Kronecker product: every element of a times the whole of b, laid out as blocks."""
    ndim = max(np.ndim(a), np.ndim(b))
    shape_a, shape_b = ((1,) * (ndim - np.ndim(z)) + np.shape(z) for z in (a, b))
    blocks = np.reshape(a, [n for length in shape_a for n in (length, 1)]) * np.reshape(
        b, [n for length in shape_b for n in (1, length)]
    )
    return np.reshape(blocks, [m * n for m, n in zip(shape_a, shape_b, strict=True)])


def _in_space(x, axis):
    """Vectors along the last axis, with a third component 0 if they have two."""
    x = np.moveaxis(x, axis, -1)
    return x if np.shape(x)[-1] == 3 else np.pad(x, [(0, 0)] * (np.ndim(x) - 1) + [(0, 1)])


def _cross(g, x, y, axisa, axisb, axisc, *, first):
    """Cotangent of one operand: g · (x × y) = x · (y × g) = y · (g × x)."""
    place, z = (axisa, x) if first else (axisb, y)
    if np.shape(x)[axisa] == np.shape(y)[axisb] == 2:  # in the plane only the third component of the product is left
        g = np.pad(np.expand_dims(g, -1), [(0, 0)] * np.ndim(g) + [(2, 0)])
    else:
        g = np.moveaxis(g, axisc, -1)
    c = np.cross(_in_space(y, axisb), g) if first else np.cross(g, _in_space(x, axisa))
    shape = np.shape(np.moveaxis(np.empty(np.shape(z)), place, -1))
    return np.moveaxis(sum_to(c[..., : shape[-1]], shape), -1, place)


def _cross_call(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    axes = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    return (a, b), dict(zip(("axisa", "axisb", "axisc"), axes, strict=True))


@primitive(
    numpy=np.cross,
    kind="bilinear",
    call=_cross_call,
    samples=[
        sample("3", "3", complex=True), sample("2 3", "3"), sample("4 1 3", "2 3"), sample("3 2", "3 2", axis=0),
        sample("3 2", "2 3", axisa=0), sample("2 3", "2 3", axisc=0), sample("2 4 3", "2 3 4", axisb=1, axisc=1),
        sample("3", "3 2", axisb=0),
    ],
    points=[point((X, Y), (np.array([-2.0, 3.0, -1.0]), np.array([1.0, -2.0, 1.0])), out=np.array([-1.0, 5.0, -3.0]))],
    errors=[error(("4", "3"), match="(4,)", kind=ShapeError)],
    source="bilinear; the triple product g · (x × y) = x · (y × g) = y · (g × x)",
)  # fmt: skip
def cross(a, b, /, axisa=-1, axisb=-1, axisc=-1):
    """Vector product of vectors of 3 components (or 2, as long as NumPy takes them), along one axis of each operand."""
    return np.cross(a, b, axisa, axisb, axisc)


cross.vjp(
    a=lambda g, out, a, b, **axes: _cross(g, a, b, **axes, first=True),
    b=lambda g, out, a, b, **axes: _cross(g, a, b, **axes, first=False),
)


def _full(g, x, y, mode, *, flipped=False):
    """The cotangent of all overlaps (mode "full") of x and y, zero where the mode left them out.

    flipped   NumPy exchanges operands to have the longer first, and correlate then turns the result round
    """
    long, short = max(np.size(x), np.size(y)), min(np.size(x), np.size(y))
    if mode == "full":
        return g
    before = short - 1 if mode == "valid" else short // 2 if flipped and np.size(x) < np.size(y) else (short - 1) // 2
    return np.pad(g, [(before, long + short - 1 - before - np.size(g))])


OVERLAPS = [
    sample("5", "3", mode="full", complex=True), sample("5", "3", mode="same"), sample("5", "3", mode="valid"),
    sample("5", "4", mode="same"), sample("5", "4", mode="valid"), sample("2", "5", mode="full"),
    sample("3", "5", mode="valid"), sample("4", "7", mode="same"), sample("3", "6", mode="same"),
    sample("4", "4", mode="same"), sample("1", "3"), sample("4", "4", mode="valid", complex=True),
]  # fmt: skip


@primitive(
    numpy=np.convolve,
    kind="bilinear",
    samples=[*OVERLAPS, sample("4", "2"), sample("3", "")],
    points=[point((X, Y[:2]), (np.full(3, 9.0), np.full(2, 6.0)), out=np.array([4.0, 13.0, 22.0, 15.0]))],
    errors=[error(("2 3", "3"), match="convolve", kind=ShapeError), error(("0", "3"), match="empty", kind=ShapeError)],
    source="bilinear; the adjoint of convolving is correlating",
)
def convolve(a, v, /, mode="full"):
    """Convolution of two sequences, out[n] = Σₖ a[k] v[n − k]; mode "full", "same" or "valid"."""
    return np.convolve(a, v, mode)


def _convolve(g, x, y, mode):
    return np.reshape(np.correlate(_full(g, x, y, mode), np.conjugate(np.ravel(y)), "valid"), np.shape(x))


convolve.vjp(
    a=lambda g, out, a, v, mode="full": _convolve(g, a, v, mode),
    v=lambda g, out, a, v, mode="full": _convolve(g, v, a, mode),
)


@primitive(
    numpy=np.correlate,
    kind="bilinear",
    samples=[*OVERLAPS, sample("4", "2")],
    points=[point((X, Y), (Y, X), out=np.array([35.0]))],
    errors=[error(("2 3", "3"), match="correlate", kind=ShapeError), error(("0", "3"), match="empty", kind=ShapeError)],
    source="linear in a, antilinear in v; the adjoint of correlating is convolving",
)
def correlate(a, v, /, mode="valid"):
    """Correlation of two sequences, out[n] = Σₖ a[n + k] v̄[k]; mode "full", "same" or "valid"."""
    return np.correlate(a, v, mode)


def _correlate_a(g, out, a, v, mode="valid"):
    g = _full(g, a, v, mode, flipped=True)
    return np.reshape(np.convolve(g, np.conjugate(np.ravel(v)), "valid"), np.shape(a))


def _correlate_v(g, out, a, v, mode="valid"):
    g = _full(g, a, v, mode, flipped=True)
    return np.reshape(np.conjugate(np.flip(np.correlate(g, np.conjugate(np.ravel(a)), "valid"))), np.shape(v))


correlate.vjp(a=_correlate_a, v=_correlate_v)


def _multi_dot_call(arrays, *, out=None):
    if out is not None:
        raise ArgumentError("multi_dot has no option 'out' when it is differentiated")
    return tuple(arrays), {}


def _multi_dot(g, out, *arrays, index):
    """The chain without this factor, transposed, with g in its middle: of A B C, B gets Aᵀ g Cᵀ."""
    first, *middle, last = arrays
    chain = [np.reshape(first, (-1, np.shape(first)[-1])), *middle, np.reshape(last, (np.shape(last)[0], -1))]
    g = np.reshape(g, (np.shape(chain[0])[0], np.shape(chain[-1])[1]))
    factors = [*(np.transpose(x) for x in chain[:index][::-1]), g, *(np.transpose(x) for x in chain[:index:-1])]
    return np.reshape(np.linalg.multi_dot(factors), np.shape(arrays[index]))


@primitive(
    numpy=np.linalg.multi_dot,
    kind="general",
    symbol="@",
    call=_multi_dot_call,
    samples=[sample("2 3", "3 4", complex=True), sample("2 3", "3 4", "4 2"), sample("3", "3 4", "4"),
             sample("2 3", "3 1", "1 4", "4 2"), sample("3", "3"), sample("2 3", "3 2", "2")],
    points=[point((X, Y), (Y, X), out=35.0)],
    errors=[error(("2 3", "2 3"), match="(2, 3)", kind=ShapeError)],
    source="linear in each factor: of A B C, B gets Aᵀ g Cᵀ",
)  # fmt: skip
def multi_dot(*arrays):
    """Product of a chain of matrices in the cheapest order; the first and the last may be vectors."""
    return np.linalg.multi_dot(arrays)


multi_dot.vjp(arrays=_multi_dot)


@primitive(
    numpy=np.linalg.matrix_power,
    kind="composed",
    samples=[sample("3 3", n=n) for n in (0, 1, 2, 3, 5, 6)]
    + [sample("2 2 2", n=7, complex=True), sample("2 2", n=-1), sample("2 2 2", n=-3), sample("2 3 3", n=0)],
    points=[point((SQUARE,), (np.array([[5.0, 6.0], [8.0, 9.0]]),), out=SQUARE @ SQUARE, n=2)],
    errors=[error(("2 3",), n=2, match="square"), error(("2 2",), n=0.5, match="integer", kind=TypeError)],
    source="made of matmul and inv",
)
def matrix_power(a, /, n):
    """The matrix product of n factors a, by repeated squaring; of the inverse for a negative n, identity for n = 0."""
    if not isinstance(n, (int, np.integer)):
        raise ArgumentError(f"matrix_power: the exponent n must be an integer, got {n!r}")
    if np.ndim(a) < 2 or np.shape(a)[-1] != np.shape(a)[-2]:
        raise ShapeError(f"matrix_power: the last two axes of operand a must be square, got shape {np.shape(a)}")
    if n == 0:  # recorded, with a gradient of 0
        return np.where(np.ones(np.shape(a), bool), np.eye(np.shape(a)[-1], dtype=np.result_type(a)), a)
    square = np.linalg.inv(a) if n < 0 else a
    n, out = abs(int(n)), None
    while n:
        if n % 2:
            out = square if out is None else np.matmul(out, square)
        n //= 2
        square = np.matmul(square, square) if n else square
    return out


def _of_vectors(x1, x2, /):
    """np.linalg.outer, which takes vectors only."""
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ShapeError(f"np.linalg.outer: operands must be vectors, got shapes {np.shape(x1)} and {np.shape(x2)}")
    return outer(x1, x2)


def _in_three_dimensions(x1, x2, /, *, axis=-1):
    """np.linalg.cross, which takes vectors of 3 components only."""
    if np.shape(x1)[axis] != 3 or np.shape(x2)[axis] != 3:
        raise ShapeError(
            f"np.linalg.cross: operands must have 3 components along axis {axis}, "
            f"got shapes {np.shape(x1)} and {np.shape(x2)}"
        )
    return cross(x1, x2, axis=axis)


DISPATCH |= {
    np.linalg.matmul: matmul, np.linalg.tensordot: tensordot, np.linalg.vecdot: vecdot,
    np.linalg.outer: _of_vectors, np.linalg.cross: _in_three_dimensions,
    np.linalg.diagonal: lambda x, /, *, offset=0: diagonal(x, offset=offset, axis1=-2, axis2=-1),
    np.linalg.trace: lambda x, /, *, offset=0, dtype=None: trace(x, offset=offset, axis1=-2, axis2=-1, dtype=dtype),
}  # fmt: skip
