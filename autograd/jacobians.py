"""All derivatives at once: jacobian, hessian, hvp, elementwise_grad.

A Jacobian has a row for each number of the result and a column for each number of the argument. Backpropagation makes a
row, forward mode a column; `jacobian` takes whichever are fewer. Better still, all rows travel together: the cotangent
gets an extra leading axis, one entry for each row, and every rule runs once instead of once a row,

    g of shape (rows, *out.shape)  →  rule  →  (rows, *operand.shape)

for ops that declare that their rules take such a g (`op.leading`; elementwise ops do). An op that does not has its rule
called once for each row, while the others still run once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import tree
from autograd.errors import ArgumentError, SeedError
from autograd.transforms import Argnum, Run, grad, transform, vjp
from autograd.value import Value, data_of

__all__ = ["elementwise_grad", "hessian", "hvp", "jacobian"]

MODES = ("reverse", "forward")
ROWS_TO_A_COLUMN = 8  # rows travel together and columns do not, so it takes this many more of them to prefer columns
AT_ONCE = 2**22  # numbers in the largest cotangent of a bundle of rows: 32 MB in float64


@transform
def jacobian(f: Callable[..., Any], argnum: Argnum = 0, *, mode: str | None = None) -> Callable[..., Any]:
    """The function that gives all derivatives of f's result with respect to an argument.

    A result of shape (m, …) and an argument of shape (n, …) give (m, …, n, …); containers nest, the result's outside.
    mode    "reverse" (by rows), "forward" (by columns); by default whichever takes fewer passes

    >>> jacobian(lambda x: np.stack([x[0] * x[1], x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])
    """
    if mode not in (None, *MODES):
        raise ArgumentError(f"jacobian(mode={mode!r}): mode is one of {', '.join(map(repr, MODES))}, or None")

    def derivatives(*args: Any, **kwargs: Any) -> Any:
        run = Run(f, args, kwargs, argnum)
        if (mode or _fewer_passes(run)) == "forward":
            return _columns(run)
        outs = [out if out is None else _rows(run, i) for i, out in enumerate(run.outputs)]
        return tree.unflatten(run.structure, outs)

    return derivatives


@transform
def hessian(f: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """The function that gives the second derivatives of a number: argument of shape (n,) → (n, n).

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    second: Callable[..., Any] = jacobian(grad(f, argnum), argnum)
    return second


def hvp(f: Callable[..., Any], x: Any, v: Any) -> Any:
    """Hessian of f at x times v, of x's structure, without building the Hessian: one gradient, differentiated.

    >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([3.0, 5.0]), np.array([1.0, 0.0]))
    array([10.,  6.])
    """
    _, pullback = vjp(grad(f), x)
    return pullback(v)[0]


@transform
def elementwise_grad(f: Callable[..., Any], argnum: int | str = 0) -> Callable[..., Any]:
    """The function that gives f'(x) for every element of x at once, of a function that works element by element.

    For any other function it is the gradient of the sum of f's result. Nests: elementwise_grad(elementwise_grad(f)) is f''.
    Raises SeedError for a complex result of real numbers.

    >>> elementwise_grad(np.tanh)(np.array([0.0, 100.0]))
    array([1., 0.])
    """

    def slopes(*args: Any, **kwargs: Any) -> Any:
        run = Run(f, args, kwargs, argnum)
        if any(map(_is_complex, run.outputs)) and not all(map(_is_complex, _inputs(run))):
            raise SeedError("elementwise_grad: a complex result of real numbers has no real slope; use jacobian")
        return run.pull([None if out is None else np.ones_like(data_of(out))[()] for out in run.outputs])

    return slopes


def _inputs(run: Run) -> list[Value]:
    return [node for node in run.nodes if node is not None]


def _is_complex(x: Any) -> bool:
    return bool(np.iscomplexobj(data_of(x)))


def _fewer_passes(run: Run) -> str:
    """The mode to choose. A complex result of a real argument has rows that need two passes each; columns need one."""
    inputs, outs = _inputs(run), [out for out in run.outputs if out is not None]
    if any(map(_is_complex, inputs)):
        return "reverse"
    if any(map(_is_complex, outs)):
        return "forward"
    columns, rows = sum(node.size for node in inputs), sum(np.size(data_of(out)) for out in outs)
    return "forward" if columns * ROWS_TO_A_COLUMN < rows else "reverse"


def _rows(run: Run, index: int) -> Any:
    """The derivatives of one leaf of the result: for each input leaf an array of that result's shape + its shape."""
    data = data_of(run.outputs[index])
    shape, size = np.shape(data), np.size(data)
    largest = max((np.size(node.data) for node in run.order if not isinstance(node.data, tuple)), default=1)
    step = max(1, AT_ONCE // max(largest, 1))
    together = size > 1
    bundles = []
    for start in range(0, size, step):
        count = min(step, size - start)
        seed = np.eye(count, size, start, dtype=np.result_type(data)).reshape(count, *shape)
        seeds: list[Any] = [None] * len(run.outputs)
        seeds[index] = seed if together else seed[0]
        bundles.append(_pulled(run, seeds, index, (count,) if together else ()))
    join = np.concatenate if together else np.stack
    columns: list[Any] = []
    for place, node in enumerate(run.nodes):
        if node is None:
            columns.append(None)
            continue
        parts = [bundle[place] for bundle in bundles]
        stacked = join(parts) if parts else np.zeros((0, *node.shape), node.dtype)
        columns.append(_shaped(stacked, (*shape, *node.shape)))
    return run.structured(columns)


def _pulled(run: Run, seeds: list[Any], index: int, lead: tuple[int, ...]) -> list[Any]:
    """The rows for these seeds, a leaf for each input; of a complex result a real input has Re(g J): g = 1 and g = −i."""
    rows = tree.flatten(run.pull(seeds, lead))[0]
    real = [node is not None and not _is_complex(node) for node in run.nodes]
    if not any(real) or not _is_complex(run.outputs[index]):
        return rows
    turned = list(seeds)
    turned[index] = -1j * seeds[index]
    imaginary = tree.flatten(run.pull(turned, lead))[0]
    return [a + 1j * b if two else a for a, b, two in zip(rows, imaginary, real, strict=True)]


def _columns(run: Run) -> Any:
    """The Jacobian from tangents: one pass of forward mode for each number of the argument."""
    found: list[list[Any]] = [[] for _ in run.outputs]
    for node in _inputs(run):
        for position in range(node.size):
            direction = np.zeros(node.size, dtype=node.dtype)
            direction[position] = 1.0
            pushed, _ = tree.flatten(run.push({node: direction.reshape(node.shape)[()]}))
            for column, t in zip(found, pushed, strict=True):
                column.append(t)
    results: list[Any] = []
    for out, pushed in zip(run.outputs, found, strict=True):
        if out is None:
            results.append(None)
            continue
        shape, at = np.shape(data_of(out)), 0
        columns: list[Any] = []
        for node in run.nodes:
            if node is None:
                columns.append(None)
                continue
            part = pushed[at : at + node.size]
            at += node.size
            stacked = np.stack(part, axis=-1) if part else np.zeros((*shape, 0), dtype=node.dtype)
            columns.append(_shaped(stacked, (*shape, *node.shape)))
        results.append(run.structured(columns))
    return tree.unflatten(run.structure, results)


def _shaped(x: Any, shape: tuple[int, ...]) -> Any:
    x = x if np.shape(data_of(x)) == shape else np.reshape(x, shape)
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return float(x) if x.dtype == np.float64 else x[()]
    return x
