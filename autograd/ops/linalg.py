"""Products of matrices and of arrays with any number of axes. All linear in each operand.

Every rule is again such a product: of the cotangent and the other operand, over the axes that the two share. `matmul`
of two matrices, where training spends its time, comes first and goes straight to the two products it needs.
"""

import math
import string

import numpy as np

from autograd.errors import ArgumentError, ShapeError
from autograd.ops.axes import lead, restored, sum_to
from autograd.primitives import error, point, primitive, sample

__all__ = ["dot", "einsum", "inner", "matmul", "outer", "tensordot", "vdot"]
ROW, COLUMN = np.array([[2.0, 3.0]]), np.array([[5.0], [7.0]])


def _matmul_x(g, out, x, y):
    if x.ndim == 2 and y.ndim == 2:
        return np.matmul(g, np.transpose(y))
    if y.ndim == 1:
        return g * y if not np.ndim(g) else np.expand_dims(g, -1) * y
    if x.ndim == 1:
        return sum_to(np.matmul(y, np.expand_dims(g, -1))[..., 0], np.shape(x), len(lead(g, out)))
    return sum_to(np.matmul(g, np.swapaxes(y, -1, -2)), np.shape(x), len(lead(g, out)))


def _matmul_y(g, out, x, y):
    if x.ndim == 2 and y.ndim == 2:
        return np.matmul(np.transpose(x), g)
    if x.ndim == 1:
        if y.ndim > 1:
            return np.expand_dims(x, -1) * np.expand_dims(g, -2)
        return g * x if not np.ndim(g) else np.expand_dims(g, -1) * x
    if y.ndim <= 2:  # one matrix for the whole batch: one product of long matrices instead of many and a sum
        rows = np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
        g = np.reshape(g, (*lead(g, out), rows.shape[0], *y.shape[1:]))
        return np.matmul(g, rows) if y.ndim == 1 else np.matmul(np.transpose(rows), g)
    return sum_to(np.matmul(np.swapaxes(x, -1, -2), g), np.shape(y), len(lead(g, out)))


@primitive(
    numpy=np.matmul,
    kind="bilinear",
    leading=True,
    symbol="@",
    samples=[
        sample("2 3", "3 4", complex=True), sample("3", "3"), sample("2 3", "3"), sample("3", "3 4"),
        sample("2 3 4", "4"), sample("3", "2 3 4"),
        sample("2 3 4", "4 2"), sample("3 4", "2 4 3"), sample("2 3 4", "2 4 2"), sample("2 1 2 3", "3 3 2"),
        sample("1 2 3", "2 3 1"), sample("2 0", "0 3"), sample("0 3", "3 2"), sample("2 2 3", "1 3 2"),
    ],
    points=[point((ROW, COLUMN), (COLUMN.T, ROW.T), out=np.array([[31.0]]))],
    errors=[
        error(("2 3", "2 3"), match="(2, 3)", kind=ShapeError), error(("2 3", ""), match="matmul", kind=ShapeError),
        error(("2 2 3", "3 3 2"), match="(3, 3, 2)", kind=ShapeError),
    ],
    source="Giles 2008: C = A B has Ā = C̄ Bᵀ, B̄ = Aᵀ C̄",
)  # fmt: skip
def matmul(x, y, /):
    """Matrix product over the last axis of x and the last but one of y; axes before are a batch and broadcast.

    x (…, m, k), y (…, k, n) → (…, m, n); a vector x (k,) is a row, y (k,) a column, and that axis is left out again.
    dx = g yᵀ, dy = xᵀ g.
    """
    return x @ y if type(x) is not float else np.matmul(x, y)  # which says what is wrong with a number


matmul.vjp(x=_matmul_x, y=_matmul_y)


def _contracted_x(g, out, x, y, x_axes, y_axes):
    """Cotangent of x in out = Σ over the axes x_axes of x, paired with y_axes of y; free axes of x, then those of y."""
    x_free = [axis for axis in range(np.ndim(x)) if axis not in x_axes]
    y_free = [axis for axis in range(np.ndim(y)) if axis not in y_axes]
    product = np.tensordot(g, y, axes=(list(range(len(x_free) - np.ndim(out), 0)), y_free))
    order = x_free + [x_axes[y_axes.index(axis)] for axis in sorted(y_axes)]
    return _placed(product, order, x)


def _placed(product, order, x):
    """The last axes of a product, which are these axes of x, where x has them."""
    ndim, extra = np.ndim(x), np.ndim(product) - np.ndim(x)
    return np.transpose(product, [*range(extra), *(extra + order.index(axis) for axis in range(ndim))])


def _contracted_y(g, out, x, y, x_axes, y_axes):
    """Cotangent of y likewise."""
    x_free = [axis for axis in range(np.ndim(x)) if axis not in x_axes]
    y_free = [axis for axis in range(np.ndim(y)) if axis not in y_axes]
    extra = len(lead(g, out))
    product = np.tensordot(g, x, axes=(list(range(extra, extra + len(x_free))), x_free))
    order = y_free + [y_axes[x_axes.index(axis)] for axis in sorted(x_axes)]
    return _placed(product, order, y)


def _dot_axes(x, y):
    return [np.ndim(x) - 1], [max(np.ndim(y) - 2, 0)]


def _dot_x(g, out, x, y):
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return sum_to(g * y, np.shape(x), len(lead(g, out)))
    return _matmul_x(g, out, x, y) if np.ndim(y) <= 2 else _contracted_x(g, out, x, y, *_dot_axes(x, y))


def _dot_y(g, out, x, y):
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return sum_to(g * x, np.shape(y), len(lead(g, out)))
    return _matmul_y(g, out, x, y) if np.ndim(y) <= 2 else _contracted_y(g, out, x, y, *_dot_axes(x, y))


@primitive(
    numpy=np.dot,
    kind="bilinear",
    leading=True,
    symbol="·",
    samples=[
        sample("3", "3"), sample("2 3", "3 4"), sample("2 3", "3"), sample("", "3"), sample("2 3", ""), sample("", ""),
        sample("3", "3 2"), sample("3", "2 3 2"), sample("2 2 3", "2 3 2"), sample("2 2 3", "3"),
        sample("2 2 3", "3 2"),
        sample("0", "0"),
    ],
    points=[
        point((ROW, COLUMN), (COLUMN.T, ROW.T), out=np.array([[31.0]])),
        point((2.0, ROW), (5.0, np.full((1, 2), 2.0))),
    ],
    errors=[error(("2 3", "2 3"), match="(2, 3)", kind=ShapeError)],
    source="bilinear: the product rule, as for matmul",
)  # fmt: skip
def dot(x, y, /):
    """Product over the last axis of x and the last but one (or only) axis of y; x · y if one is a scalar."""
    return np.dot(x, y)


dot.vjp(x=_dot_x, y=_dot_y)


@primitive(
    numpy=np.vdot,
    kind="bilinear",
    leading=True,
    samples=[sample("3", "3", complex=True), sample("2 3", "2 3"), sample("2 3", "6"), sample("", "")],
    points=[point((ROW, COLUMN), (COLUMN.T, ROW.T), out=31.0)],
    errors=[error(("3", "2"), match="(2,)", kind=ShapeError)],
    source="linear in y, antilinear in x; gradient ∂/∂x − i ∂/∂y",
)
def vdot(x, y, /):
    """Σ x̄ y over all elements."""
    return np.vdot(x, y)


vdot.vjp(
    x=lambda g, out, x, y: np.conjugate(restored(g, x, None, False) * np.reshape(y, np.shape(x))),
    y=lambda g, out, x, y: restored(g, y, None, False) * np.reshape(np.conjugate(x), np.shape(y)),
)


def _inner_x(g, out, x, y):
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return sum_to(g * y, np.shape(x), len(lead(g, out)))
    return _contracted_x(g, out, x, y, [np.ndim(x) - 1], [np.ndim(y) - 1])


def _inner_y(g, out, x, y):
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return sum_to(g * x, np.shape(y), len(lead(g, out)))
    return _contracted_y(g, out, x, y, [np.ndim(x) - 1], [np.ndim(y) - 1])


@primitive(
    numpy=np.inner,
    kind="bilinear",
    leading=True,
    samples=[
        sample("3", "3"),
        sample("2 3", "4 3"),
        sample("2 2 3", "3"),
        sample("", "3"),
        sample("2 3", ""),
        sample("", ""),
    ],
    points=[point((ROW, COLUMN.T), (COLUMN.T, ROW), out=np.array([[31.0]]))],
    errors=[error(("3", "2"), match="(2,)", kind=ShapeError)],
    source="bilinear: the product rule, as for matmul",
)
def inner(x, y, /):
    """Product over the last axes of both."""
    return np.inner(x, y)


inner.vjp(x=_inner_x, y=_inner_y)


@primitive(
    numpy=np.outer,
    kind="bilinear",
    leading=True,
    samples=[sample("3", "4"), sample("2 2", "3"), sample("", "3"), sample("0", "2")],
    points=[
        point((ROW, COLUMN), (np.full((1, 2), 12.0), np.full((2, 1), 5.0)), out=np.array([[10.0, 14.0], [15.0, 21.0]]))
    ],
    source="bilinear: the product rule, dx = g y, dy = gᵀ x",
)
def outer(x, y, /):
    """All products of an element of x and one of y, out[i, j] = x[i] · y[j], both flattened first."""
    return np.outer(x, y)


outer.vjp(
    x=lambda g, out, x, y: np.reshape(np.matmul(g, np.ravel(y)), (*lead(g, out), *np.shape(x))),
    y=lambda g, out, x, y: np.reshape(np.matmul(np.ravel(x), g), (*lead(g, out), *np.shape(y))),
)


def _paired_axes(x, y, axes):
    """(axes of x, axes of y) that tensordot sums over, none negative."""
    if isinstance(axes, (int, np.integer)):
        return list(range(np.ndim(x) - axes, np.ndim(x))), list(range(axes))
    pair = [list(part) if isinstance(part, (tuple, list, np.ndarray)) else [part] for part in axes]
    return [a % np.ndim(x) for a in pair[0]], [a % np.ndim(y) for a in pair[1]]


@primitive(
    numpy=np.tensordot,
    kind="bilinear",
    leading=True,
    samples=[
        sample("2 3 4", "3 4 2"), sample("2 3", "3 2", axes=1), sample("2 3", "2", axes=0),
        sample("2 3 4", "4 2 3", axes=([2, 0], [0, 1])),
        sample("2 3 4", "3 2 4", axes=((0, 1), (1, 0))), sample("2 3", "4 3", axes=(-1, -1)), sample("2 3", "2 3"),
    ],
    points=[point((ROW, COLUMN), (COLUMN.T, ROW.T), out=np.array([[31.0]]), axes=1)],
    errors=[error(("2 3", "2 3"), axes=1, match="(2, 3)", kind=ShapeError)],
    source="bilinear: the product rule, over the free axes",
)  # fmt: skip
def tensordot(x, y, /, axes=2):
    """Sum of products over pairs of axes: the last ones of x with the first ones of y, or those named in two lists."""
    return np.tensordot(x, y, axes=axes)


tensordot.vjp(
    x=lambda g, out, x, y, axes=2: _contracted_x(g, out, x, y, *_paired_axes(x, y, axes)),
    y=lambda g, out, x, y, axes=2: _contracted_y(g, out, x, y, *_paired_axes(x, y, axes)),
)


def _einsum_call(*arguments, optimize=False, out=None, **refused):
    """Bring every way to write an einsum into one: operands, and explicit subscripts without spaces and ellipsis."""
    if out is not None or refused:
        raise ArgumentError(f"einsum has no options {', '.join([*refused, 'out'])} when it is differentiated")
    if isinstance(arguments[0], str):
        subscripts, operands = arguments[0].replace(" ", ""), arguments[1:]
    else:  # einsum(x, [0, 1], y, [1, 2], [0, 2])
        terms = ["".join("..." if i is ... else string.ascii_letters[i] for i in term) for term in arguments[1::2]]
        operands = arguments[: len(arguments) // 2 * 2 : 2]
        result = arguments[-1] if len(arguments) % 2 else None
        subscripts = ",".join(terms)
        if result is not None:
            subscripts += "->" + "".join("..." if i is ... else string.ascii_letters[i] for i in result)
    return operands, {"subscripts": _explicit(subscripts, [np.ndim(x) for x in operands]), "optimize": optimize}


def _explicit(subscripts, ndims):
    """Subscripts with a result, and with a letter for every axis that “...” stands for.

    >>> _explicit("...ij,jk", [3, 2])
    'Aij,jk->Aik'
    """
    terms, arrow, result = subscripts.partition("->")
    terms = terms.split(",")
    if len(terms) != len(ndims):
        raise ShapeError(f"einsum: {subscripts!r} has subscripts for {len(terms)} operands, got {len(ndims)}")
    if not arrow:
        letters = "".join(terms).replace(".", "")
        result = "..." * ("..." in subscripts) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    hidden = [ndim - len(term.replace("...", "")) for term, ndim in zip(terms, ndims, strict=True)]
    free = [c for c in string.ascii_uppercase + string.ascii_lowercase if c not in subscripts]
    dots = "".join(free[: max((n for n, term in zip(hidden, terms, strict=True) if "..." in term), default=0)])
    terms = [term.replace("...", dots[len(dots) - n :] if n > 0 else "") for n, term in zip(hidden, terms, strict=True)]
    return f"{','.join(terms)}->{result.replace('...', dots)}"


def _einsum(g, out, *operands, index, subscripts, optimize=False):
    """The einsum of g and the other operands, giving the operand's subscripts.

    Three things need help: a letter that only this operand has, or has at full length, was summed away and is brought
    back by a row of ones; a letter it has twice, for a diagonal, by an identity matrix; an axis of length 1 that was
    broadcast must be summed, which leaving its letter out does.
    """
    inputs, _, result = subscripts.partition("->")
    terms = inputs.split(",")
    x, term = operands[index], terms[index]
    lengths: dict[str, int] = {}
    for letters, operand in zip(terms, operands, strict=True):
        for letter, length in zip(letters, np.shape(operand), strict=True):
            lengths[letter] = max(length, lengths.get(letter, 0)) if length else 0
    spare = iter(c for c in string.ascii_letters if c not in subscripts)
    extra = "".join(next(spare) for _ in lead(g, out))
    others = [(t, y) for i, (t, y) in enumerate(zip(terms, operands, strict=True)) if i != index] + [
        (extra + result, g)
    ]
    dtype = np.result_type(g, *operands)
    target = ""
    for letter, length in zip(term, np.shape(x), strict=True):
        if letter in target:
            again = next(spare)
            others.append((letter + again, np.eye(length, dtype=dtype)))
            letter = again
        elif not any(letter in t and np.shape(y)[t.index(letter)] == length for t, y in others):
            others.append((letter, np.ones(length, dtype)))
        target += letter if length == lengths.get(letter, length) else ""
    product = np.einsum(f"{','.join(t for t, _ in others)}->{extra}{target}", *(y for _, y in others),
                        optimize=optimize or len(others) > 2)  # fmt: skip
    return np.reshape(product, (*lead(g, out), *np.shape(x)))


@primitive(
    numpy=np.einsum,
    kind="general",
    leading=True,
    symbol="einsum",
    call=_einsum_call,
    samples=[
        sample("2 3", "3 4", subscripts="ij,jk->ik", complex=True), sample("2 3", subscripts="ij->ji"),
        sample("2 3", subscripts="ij->"),
        sample("2 3", subscripts="ij->j"), sample("3 3", subscripts="ii"), sample("3 3", subscripts="ii->i"),
        sample("3", "4", subscripts="i,j"), sample("2 3", "3 4", subscripts="ij,jk"),
        sample("3", "3", subscripts="i,i"),
        sample("2 3", subscripts="ba"), sample("2 2 3", "3 2", subscripts="...ij,jk->...ik"),
        sample("2 2 3", "2 3 2", subscripts="...ij,...jk"),
        sample("2 1 3", "4 3", subscripts="...i,...i->..."), sample("2 3", "3 4", "4 2", subscripts="ij,jk,kl->il"),
        sample("2 3", "3 3", "2 3", subscripts="bi,ij,bj->b"), sample("2 3", "2 4", subscripts="ij,ik->i"),
        sample("3 3 3", subscripts="iii->i"),
        sample("3 3", "3", subscripts="ii,i->i"), sample("2 3 2", "3", subscripts="iji,j"),
        sample("", "3", subscripts=",i->i"),
        sample("2 3", "3 4", subscripts="i j, j k -> k i", optimize=True), sample("2 3", subscripts="..."),
        sample("0 3", subscripts="ij->j"),
        sample("2 1", "1 3", subscripts="ij,ij->ij"), sample("3 2 2", subscripts="...ii->...i"),
        sample("2 3", "3", "", subscripts="ij,j,->i"), sample("2 3", "1", subscripts="ij,j->i"),
        sample("3 3", "1", subscripts="ii,i->"),
    ],
    points=[point((ROW, COLUMN), (COLUMN.T, ROW.T), out=np.array([[31.0]]), subscripts="ij,jk->ik"),
            point((np.ones((2, 2)),), (np.eye(2),), out=2.0, subscripts="ii")],
    errors=[
        error(("2 3", "2 3"), subscripts="ij,jk", match="(2, 3)", kind=ShapeError),
        error(("2 3",), subscripts="ij,jk", match="for 2 operands, got 1", kind=ShapeError),
        error(("2 3",), subscripts="ij", dtype=np.float32, match="dtype", kind=ArgumentError),
    ],
    source="linear in each operand: the product rule",
)  # fmt: skip
def einsum(*operands, subscripts, optimize=False):
    """Sum of products by Einstein's convention, out = Σ over the letters that the result lacks."""
    return np.einsum(subscripts, *operands, optimize=optimize)


einsum.vjp(operands=_einsum)
