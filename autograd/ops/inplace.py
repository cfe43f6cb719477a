"""NumPy's functions that write into their first argument: put, place, copyto, fill_diagonal, np.add.at …

Each says which elements are written and with what, which is an assignment, x[index] = value: the Value becomes the newest
of its versions (see assign.py). An ndarray cannot hold a gradient, so there it is refused.
"""

import numpy as np

from autograd.errors import ArgumentError, InPlaceError
from autograd.ops.assign import assign, is_unique, replace, setitem
from autograd.ops.index import numbered, plain_index, scatter_add
from autograd.primitives import as_method
from autograd.value import DISPATCH, Value

__all__: list[str] = []


def _target(name, x):
    """x, which must be a Value: what is written could not be differentiated in an ndarray."""
    if isinstance(x, Value):
        return x
    raise InPlaceError(
        f"np.{name} cannot write a Value into an array: start from a Value, x = Value(array) or, inside a transform, "
        "autograd.numpy.zeros, or make a new array with np.where or np.concatenate"
    )


def _over_and_over(values, count):
    """The elements of values, `count` of them, from the start again when they are used up."""
    return np.resize(values, count) if np.size(values) else values


def put(a, ind, v, mode="raise"):
    """np.put: a.flat[ind] = v, over and over where v is shorter."""
    a, ind = _target("put", a), np.ravel(np.asarray(plain_index(ind)))
    if mode != "raise":
        ind = np.clip(ind, 0, a.size - 1) if mode == "clip" else ind % a.size
    elif ((ind < -a.size) | (ind >= a.size)).any():
        raise IndexError(f"put: an index is out of bounds for an array of {a.size} elements")
    if np.size(v):
        assign(a, np.unravel_index(ind % a.size, a.shape), _over_and_over(v, ind.size))


def place(arr, mask, vals):
    """np.place: arr[mask] = vals, over and over where vals is shorter."""
    arr, mask = _target("place", arr), np.reshape(np.asarray(plain_index(mask), bool), np.shape(arr))
    if mask.any() and not np.size(vals):
        raise ArgumentError("place: cannot insert from an empty array")
    assign(arr, mask, _over_and_over(vals, int(mask.sum())))


def putmask(a, mask, values):
    """np.putmask: a[mask] = values[mask], after values is repeated to the size of a."""
    a, mask = _target("putmask", a), np.reshape(np.asarray(plain_index(mask), bool), np.shape(a))
    if np.size(values):
        assign(a, mask, np.resize(values, a.shape)[mask])


def copyto(dst, src, casting="same_kind", where=True):
    """np.copyto: dst[where] = src[where], both broadcast to the shape of dst."""
    dst = _target("copyto", dst)
    if where is True:
        assign(dst, ..., src)
        return
    where = np.broadcast_to(np.asarray(plain_index(where), bool), dst.shape)
    assign(dst, where, np.broadcast_to(src, dst.shape)[where])


def fill_diagonal(a, val, wrap=False):
    """np.fill_diagonal: the elements a[i, i, …] become val, over and over where it is shorter."""
    marked = np.zeros(np.shape(a), bool)
    np.fill_diagonal(marked, True, wrap)
    count = int(marked.sum())
    places = np.nonzero(marked)
    assign(_target("fill_diagonal", a), places, val if np.ndim(val) == 0 else _over_and_over(np.ravel(val), count))


def put_along_axis(arr, indices, values, axis):
    """np.put_along_axis: what take_along_axis would take becomes values."""
    arr, indices = _target("put_along_axis", arr), plain_index(indices)
    places = np.take_along_axis(numbered(arr), indices, axis)
    assign(arr, np.unravel_index(places, arr.shape), np.broadcast_to(values, np.shape(places)))


DISPATCH |= {
    np.put: put, np.place: place, np.putmask: putmask, np.copyto: copyto, np.fill_diagonal: fill_diagonal,
    np.put_along_axis: put_along_axis,
}  # fmt: skip


def _at(ufunc):
    """ufunc.at: x[index] = ufunc(x[index], value), where an element that is named twice is changed twice."""

    def at(x, index, *values):
        def compute(old, *new):
            if is_unique(index):
                return setitem(old, DISPATCH[ufunc](old[index], *new), index=index)
            places = numbered(old)[index]
            if ufunc in (np.add, np.subtract):
                return DISPATCH[ufunc](old, scatter_add(np.broadcast_to(new[0], places.shape), np.shape(old), index))
            values, places = [np.ravel(np.broadcast_to(v, places.shape)) for v in new], places.ravel()
            order = np.argsort(places, kind="stable")
            _, starts, counts = np.unique(places[order], return_index=True, return_counts=True)
            for turn in range(counts.max(initial=0)):  # the first mention of each element, the second …
                at_once = order[starts[counts > turn] + turn]
                one = np.unravel_index(places[at_once], np.shape(old))
                old = setitem(old, DISPATCH[ufunc](old[one], *(v[at_once] for v in values)), index=one)
            return old

        x, index = _target(f"{ufunc.__name__}.at", x), plain_index(index)
        value = values[0] if values else 0.0
        replace(x, value, lambda old, new: compute(old, *([new] if values else [])))

    at.__name__, at.__doc__ = f"{ufunc.__name__}.at", f"np.{ufunc.__name__}.at on a Value, in place."
    return at


DISPATCH |= {
    (f, "at"): _at(f)
    for f in list(DISPATCH)
    if isinstance(f, np.ufunc) and f.nout == 1 and f.signature is None and f.nin < 3
}


def fill(self, value):
    """Every element becomes value, in place."""
    assign(self, ..., value)


def resize(self, *new_shape, **options):
    """Refused: it would change the shape of a Value that other nodes were made from."""
    raise InPlaceError("a Value has no resize in place: make a new one with np.resize(v, shape) or np.pad")


for _method in (fill, resize):
    setattr(Value, _method.__name__, _method)
setattr(Value, "put", as_method(put))  # noqa: B010  (mypy knows no attribute that an op attaches)
