"""Lanczos: what can be known of a large symmetric matrix from a few products with it.

From a start q₁, each step multiplies by H, takes off what points along the directions so far, and keeps the rest as the
next direction. In these directions H is tridiagonal, T = Qᵀ H Q, and T tells two things about H:

    its eigenvalues at both ends      those of T approach them first                              (`ends`)
    a density, for a random start     eigenvalues θ of T with weights τ = (first entry of the     (`quadrature`)
                                      eigenvector)²: Σ τ f(θ) ≈ q₁ᵀ f(H) q₁, exact for polynomials up to degree 2 m − 1

In floating point the directions lose their orthogonality and eigenvalues come up again as ghosts. So every new direction is
made orthogonal to all earlier ones, twice (Parlett: twice is enough). That costs the memory of all directions.

Sources: Golub and Welsch 1969; Parlett, The Symmetric Eigenvalue Problem, 1980, ch. 13; Bai, Fahey and Golub 1996.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ends", "ends", "quadrature"]

Array = NDArray[np.float64]
Product = Callable[[Array], Array]
ROUNDING = float(np.finfo(np.float64).eps)
LOOKS = 5  # steps from one look at the eigenvalues to the next
SPENT = 1e-12  # share of H's largest eigenvalue below which what is left of a direction is rounding noise


class Ends(NamedTuple):
    """Eigenvalues at both ends of a spectrum.

    top, bottom        (count,) the largest, falling; the smallest, rising
    top_error, …       (count,) an eigenvalue of H is at most this far away: the norm of H x − θ x, and rounding
    vectors, values    orthonormal rows and their θ: of those at either end that have converged, each once
    steps              products that it took
    """

    top: Array
    top_error: Array
    bottom: Array
    bottom_error: Array
    vectors: Array
    values: Array
    steps: int


class Tridiagonal:
    """T and the directions Q, grown by one row a step.

    apart  (k, n) orthonormal rows: the directions stay orthogonal to them
    """

    def __init__(self, product: Product, start: Array, most: int, apart: Array | None = None) -> None:
        self.product, self.apart = product, apart
        self.Q = np.empty((0, len(start)))
        self.diagonal: list[float] = []
        self.beside: list[float] = []  # one for each row, the last one leads out of T
        self.most = most
        self.next = self._orthogonal(start)[0]

    def grow(self) -> None:
        """One step: a product, a new row of T."""
        count = len(self.diagonal)
        if count == len(self.Q):  # room for twice as many, so that copying costs little in all
            room = np.empty((min(max(2 * count, 16), self.most), self.Q.shape[1]))
            room[:count] = self.Q
            self.Q = room
        self.Q[count] = self.next
        image = self.product(self.next)
        self.diagonal.append(float(self.next @ image))
        self.next, length = self._orthogonal(image)
        scale = max(map(abs, (*self.diagonal, *self.beside, length)))
        self.beside.append(length if length > SPENT * scale else 0.0)

    def restart(self, start: Array) -> None:
        """Go on from a new direction, where the old ones have been used up."""
        self.next = self._orthogonal(start)[0]

    def eigen(self, rows: int | None = None) -> tuple[Array, Array]:
        """(θ rising, eigenvectors as columns) of T, or of its first rows."""
        diagonal = self.diagonal[:rows]
        between = self.beside[: len(diagonal) - 1]
        values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(between, 1) + np.diag(between, -1))
        return values, vectors

    def _orthogonal(self, v: Array) -> tuple[Array, float]:
        """(what of v is orthogonal to all directions, at length 1; its length)."""
        known = [rows for rows in (self.apart, self.Q[: len(self.diagonal)]) if rows is not None and len(rows)]
        for _ in range(2):
            for rows in known:
                v = v - (rows @ v) @ rows
        length = float(np.linalg.norm(v))
        return (v / length if length else v), length


def ends(
    product: Product, size: int, count: int, *, steps: int, tolerance: float, rng: np.random.Generator, tick: Any
) -> Ends:
    """The `count` largest and smallest eigenvalues of H, after at most `steps` products.

    It stops when the errors of all are below `tolerance` times the largest |eigenvalue|. A multiple eigenvalue shows up
    once, unless the directions of the start are used up before, which draws a new one.
    tick   called after each product
    """
    most = min(steps, size)
    T = Tridiagonal(product, rng.normal(size=size), most)
    while True:
        T.grow()
        tick()
        done = len(T.diagonal)
        spent = T.beside[-1] == 0.0
        if done < most and (spent or done < 2 * count or done % LOOKS):
            if spent:
                T.restart(rng.normal(size=size))
            continue
        values, vectors = T.eigen()
        scale = max(abs(values[0]), abs(values[-1]))
        leaving = 0.0 if done == size else T.beside[-1]
        errors = np.abs(leaving * vectors[-1]) + done * ROUNDING * scale
        limit = tolerance * scale
        count = min(count, done)
        chosen = np.unique(np.r_[np.arange(count), np.arange(done - count, done)])
        if done == most or (errors[chosen] <= limit).all():
            break
    found = chosen[errors[chosen] <= limit]
    top, bottom = slice(done - 1, None if done == count else done - 1 - count, -1), slice(count)
    return Ends(
        values[top], errors[top], values[bottom], errors[bottom], vectors[:, found].T @ T.Q[:done], values[found], done
    )


def quadrature(
    product: Product, size: int, *, steps: int, rng: np.random.Generator, apart: Array | None = None, tick: Any
) -> Array:
    """(θ, τ) of one random direction after all steps, and after half of them, (2, 2, steps).

    Σ τ = 1, and the mean over directions of Σ τ f(θ) tends to tr f(H) / size as the steps become more. For an f that has a
    corner or bends sharply that takes many; the difference that the second half of the steps makes tells how far it is.

    apart  (k, size) orthonormal eigenvectors of H: then of H on the rest, with tr f / (size − k)
    Places that a small space leaves empty have τ = 0. Source: Ghorbani, Krishnan and Xiao 2019, arXiv 1901.10159, alg. 1.
    """
    known = 0 if apart is None else len(apart)
    most = min(steps, size - known)
    seen = np.zeros((2, 2, steps))
    if not most:
        return seen
    T = Tridiagonal(product, rng.normal(size=size), most, apart)
    for done in range(most):
        T.grow()
        tick()
        if T.beside[done] == 0.0:
            break
    for row, rows in enumerate((len(T.diagonal), (len(T.diagonal) + 1) // 2)):
        values, vectors = T.eigen(rows)
        seen[row, :, :rows] = values, vectors[0] ** 2
    return seen
