"""The nest of loops that a fused loop becomes: which axes are one loop, and which rows and numbers are done together."""

from typing import Any, NamedTuple

from autograd.compiler.fuse import Fused
from autograd.compiler.program import Variable

__all__ = ["Dim", "Place", "Table", "folded", "in_parts", "merged"]

PARTIAL = 4096  # numbers that are added up in single precision before they are added in double
FOLDED = 256  # numbers of rows that are gone over as one


class Place(NamedTuple):
    """Where the numbers of an operand or result lie: at symbol + offset + Σ index · stride, all in bytes."""

    symbol: str
    offset: int
    strides: tuple[int, ...]


class Table(NamedTuple):
    """Where an array of one axis lies of which numbers are taken at any place: at symbol + offset + place · stride."""

    symbol: str
    offset: int
    stride: int


class Dim(NamedTuple):
    """A loop: how many rounds, the axes it goes over, whether inside a row, and how many numbers of the last axis a round
    is."""

    length: int
    axes: list[int]
    inside: bool
    step: int = 1


def merged(op: Fused, places: dict[Variable, Any]) -> list[Dim]:
    """The loops: neighbours that every array goes over evenly are one."""
    shape, first = op.shape, len(op.shape) - op.axes if op.axes else len(op.shape)
    dims: list[Dim] = []
    for axis, length in enumerate(shape):
        inside = axis >= first
        if dims and dims[-1][2] == inside and all(
            place.strides[dims[-1][1][-1]] == place.strides[axis] * length
            for place in places.values() if isinstance(place, Place)
        ):  # fmt: skip
            dims[-1] = Dim(dims[-1][0] * length, [*dims[-1][1], axis], inside)
        else:
            dims.append(Dim(length, [axis], inside))
    return [dim for dim in dims if dim[0] != 1] or dims[-1:]


def folded(op: Fused, places: dict[Variable, Any], dims: list[Dim]) -> int:
    """How many rows are gone over as one, each with sums of its own that are added up at the end; 1 for one.

    Sums of columns go to memory, for LLVM keeps only one number in a register; with 16 columns that is one vector, or
    16 single numbers, which takes ten times as long. So only a loop over columns that is long enough is left alone.
    """
    sums = {x for x in op.body.outputs if op.added(x) and x.shape}
    if not sums or op.axes or len(dims) != 2:
        return 1
    rows, columns, outer, inner = (*(dim.length for dim in dims), *(dim.axes[-1] for dim in dims))
    arrays = ((x, place.strides) for x, place in places.items()
              if isinstance(place, Place) and (x.shape or x in op.body.inputs))  # fmt: skip
    even = all(strides[outer] == (0 if x in sums else strides[inner] * columns) for x, strides in arrays)
    counts = [n for n in range(2, FOLDED // columns + 1) if rows % n == 0]
    return max(counts, key=lambda n: (n * columns % 16 == 0, n), default=1) if even else 1


def in_parts(dims: list[Dim]) -> list[Dim] | None:
    """The loops, the last in two: over parts, and over the numbers of a part; None if it has no divisor that serves.

    A sum of everything is added up in double precision, and LLVM makes vectors of as many numbers as a register has of
    the widest. So a part of the numbers is added up in single precision, which then is added to the sum.
    """
    last = dims[-1]
    if last.length <= PARTIAL:
        return dims
    counts = [n for n in range(PARTIAL // 8, PARTIAL + 1) if last.length % n == 0]
    if not counts:
        return None
    count = max(counts, key=lambda n: (n % 64 == 0, n))
    return [*dims[:-1], Dim(last.length // count, last.axes, False, count), Dim(count, last.axes, False)]
