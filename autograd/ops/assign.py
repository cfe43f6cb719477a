"""Assignment: x[i] = v and x += v, which read like NumPy and differentiate rightly.

A node never changes, since later nodes have saved what it was. So `x[i] = v` computes a *new* node, a copy of x with v at
i, and makes the name x stand for it: the Value that the user holds becomes the new node, and what it was lives on as
another one.

    x = a * b        x: multiply                        y = x + 1 was made from the multiply, and stays so:
    y = x + 1        y: add(x)                          y is older than x now is, which tells every walk over the
    x[0] = 5.0       x: setitem(multiply, 5.0)          graph that an earlier version of x is meant (`version`)

This costs nothing until something is assigned to; an indirection in every Value would cost each op. The price is a copy
of x for every assignment, as JAX's `x.at[i].set(v)` makes one. Unlike NumPy's, a view neither sees later assignments nor
can be written through: `x[0][1] = v` says to write x[0, 1] = v.
"""

import math
from bisect import bisect_right
from typing import Any

import numpy as np

from autograd.context import CONTEXT
from autograd.errors import ArgumentError, InPlaceError, ShapeError
from autograd.ops.arithmetic import astype
from autograd.ops.axes import lead, sum_to
from autograd.ops.constant import alias
from autograd.ops.index import BASIC, MASK, TWICE, gathered, getitem, plain_index
from autograd.primitives import error, point, primitive, sample
from autograd.value import CONSTANT, DISPATCH, Value, data_of, make

__all__ = ["assign", "operands_of", "replace", "setitem", "update", "version"]


def is_unique(index):
    """Whether an index can be seen to name no element twice: no integer arrays in it."""
    parts = index if type(index) is tuple else (index,)
    return all(type(part) in BASIC or (isinstance(part, np.ndarray) and part.dtype.kind == "b") for part in parts)


def _picked(g, out, x, value, index):
    """The cotangent of value: what is picked at index, of an element named several times for its last value only."""
    extra = lead(g, out)
    g = gathered(g, out, index)
    if not is_unique(index):
        turn = np.reshape(np.arange(np.size(g) // max(math.prod(extra), 1)), np.shape(g)[len(extra) :])
        winner = setitem(np.zeros(np.shape(x), int), turn, index=index)
        g = np.where(getitem(winner, index) == turn, g, 0.0)
    shape, count = np.shape(value), len(extra)
    return np.reshape(sum_to(g, shape[max(0, len(shape) - np.ndim(g) + count) :], count), (*extra, *shape))


@primitive(
    kind="linear",
    leading=True,
    symbol="[ ] =",
    samples=[
        sample("3 4", "4", index=1), sample("5", "", index=-1), sample("3 4", "2 1", index=slice(None, None, 2)),
        sample("3 4", "1 1 4", index=slice(0, 2)), sample("", "", index=()), sample("2 3 4", "2 3", index=(..., 0)),
        sample("3 4", "1 3", index=(None, 2, slice(3, 0, -1))), sample("3 4", "", index=...),
        sample("3 4", "3 4", index=TWICE, complex=True), sample("3 4", "4", index=[1, 1]),
        sample("3 4", "3", index=(TWICE, np.array([1, 3, 1]))), sample("3 4", "", index=MASK),
        sample("3 4", "4", index=MASK), sample("3 4", "1 4", index=MASK[:, 0]), sample("3 4", "0 4", index=slice(0, 0)),
        sample("3 4", 2.0, index=1), sample(np.zeros((3, 4)), "4", index=1),
        sample("3 4", "3 2", index=(slice(None), [0, 0])),
    ],
    points=[point((np.array([5.0, 6.0, 7.0]), np.array([1.0, 2.0, 3.0])),
                  (np.array([0.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0])), out=np.array([3.0, 6.0, 2.0]), index=TWICE)],
    errors=[
        error(("3", "4"), index=slice(None), match="operands x (3,), value (4,)", kind=ShapeError),
        error(("3", ""), index=3, match="index 3 is out of bounds for axis 0 with size 3", kind=IndexError),
    ],
    source="linear: of the old x what is not replaced; of value what is put in",
)  # fmt: skip
def setitem(x, value, /, index):
    """A copy of x with value at index, as `x[index] = value` leaves x: of its dtype; a place named twice has the last."""
    out = np.array(x)
    if np.iscomplexobj(value) and out.dtype.kind != "c":
        raise ArgumentError("a complex value cannot be put into a real x: start from a complex one, x.astype(complex)")
    out[index] = value
    return out[()]


def _kept(g, out, x, value, index):
    if np.ndim(g) == np.ndim(out):
        return setitem(g, 0.0, index)
    return np.where(setitem(np.ones(np.shape(x), bool), False, index=index), g, 0.0)


setitem.vjp(x=_kept, value=_picked)


def assign(x, index, value):
    """x[index] = value."""
    replace(x, value, lambda old, new: setitem(old, new, plain_index(index)))


def update(x, ufunc, value):
    """x += value and the like, of x's shape and dtype; gives x. Of a view that indexing made, a new Value.

    `x[0] += v` is x[0] = x[0] + v to Python, so there the view x[0] must be let alone.
    """

    def compute(old, new):
        out = DISPATCH[ufunc](old, new)
        if np.shape(out) != np.shape(old):
            raise ShapeError(
                f"{ufunc.__name__} in place: a result of shape {np.shape(out)} does not fit into {np.shape(old)}"
            )
        return out if out.dtype == old.dtype else astype(out, old.dtype)

    if x.primitive is getitem and _is_view(x):
        return compute(x, value)
    replace(x, value, compute)
    return x


def _is_view(x):
    """Whether the data of x is memory of one of its operands, so that NumPy would write through."""
    if x.primitive is alias or not isinstance(x.data, np.ndarray):
        return False
    return any(isinstance(operand, np.ndarray) and np.may_share_memory(x.data, operand) for operand in x.saved)


def replace(x, value, compute):
    """Let the Value x stand for compute(x, value) from now on.

    A leaf, or a constant, that is given plain numbers stays one, with new data: a leaf that a transform made records.
    """
    if type(x) is not Value:
        raise InPlaceError(
            f"a {type(x).__name__} cannot be assigned to, since its module would lose it: change its data "
            "(p.data = …), or assign to a result of it, such as p.copy()"
        )
    if _is_view(x):
        raise InPlaceError(
            f"a view cannot be written through: this Value is the {x.op} of another one. Assign to that one, x[0, 1] = v "
            "and not x[0][1] = v, or make a copy of the view first, .copy()"
        )
    recording = CONTEXT.get().recording
    live = recording and isinstance(value, Value) and value.primitive is not CONSTANT
    if not live and (x.primitive is CONSTANT or (x.primitive is None and not (recording and x.context.depth))):
        x.data = compute(x.data, data_of(value))
        return
    old = make(x.primitive, x.data, x.operands, x.saved, x.options, x.context)
    old.grad, old.label, old.serial = x.grad, x.label, x.serial
    new = compute(old, value)
    x.data, x.grad, x.primitive, x.options, x.context = new.data, new.grad, new.primitive, new.options, new.context
    x.operands, x.saved, x.serial = new.operands or (old,), new.saved, new.serial


def version(x: Value, before: int, chains: Any = None) -> Value:
    """What x was when the node with the serial number `before` was made from it.

    A node that is older than its operand was made from an earlier version of it; each version's first operand is the one
    before. chains: what earlier calls have walked through, which makes many look-ups in a long chain cheap.
    """
    chain: list[Value] = ({} if chains is None else chains).setdefault(x, [x])
    while chain[-1].serial >= before:
        chain.append(chain[-1].operands[0])
    return chain[bisect_right(chain, -before, key=_youngest_first)]


def operands_of(node: Value, chains: Any = None) -> tuple[Any, ...]:
    """node.operands, after putting the versions it was made from in place of Values that were assigned to since."""
    node.operands = tuple(version(x, node.serial, chains) if isinstance(x, Value) else x for x in node.operands)
    return node.operands


def _youngest_first(node: Value) -> int:
    return -node.serial


DISPATCH |= {"assign": assign, "update": update, "operands": operands_of}
