"""NumPy's functions that have no derivative, each with the reason and what to write instead.

Refused by name, so that nothing drops a gradient without a word. An op that is registered for one of these goes first.
"""

import numpy as np

from autograd.errors import REFUSED

__all__: list[str] = []

UFUNCS = {f for f in list(vars(np).values()) if isinstance(f, np.ufunc) and not f.signature and "dd->d" in f.types}


def refuse(reason, *functions):
    """Let a call of these functions on a Value raise NotDifferentiableError with this reason."""
    REFUSED.update(dict.fromkeys(functions, reason))


refuse("its result is a fraction and an integer exponent; multiply by 2.0 ** −exponent, or use v.data", np.frexp)

refuse(
    "it takes whole numbers, and a Value holds floats; pass v.data.astype(int), or a mask such as v > 0",
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.bitwise_not, np.bitwise_invert, np.invert, np.bitwise_count,
    np.bitwise_left_shift, np.bitwise_right_shift, np.left_shift, np.right_shift, np.packbits, np.unpackbits,
    np.gcd, np.lcm,
)  # fmt: skip

refuse(
    "it takes indices, which are whole numbers or masks; pass v.data.astype(int), or a mask such as v > 0",
    np.ix_, np.ravel_multi_index, np.unravel_index,
)  # fmt: skip

refuse(
    "it takes dates, and a Value holds floats; pass v.data.astype(int) with a unit as np.timedelta64",
    np.isnat, np.is_busday, np.busday_count, np.busday_offset, np.datetime_as_string,
)  # fmt: skip

refuse(
    "it compares sets of numbers, and which elements are equal has no derivative; pick elements with a mask, "
    "v[np.isin(v, w)], or join them, np.unique(np.concatenate([v, w]))",
    np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d,
)  # fmt: skip

refuse(
    "NumPy computes with coefficients as plain arrays; add and scale them as arrays, multiply with np.convolve, and "
    "evaluate by Horner's rule: y = 0.0, then y = y * x + c for each coefficient c",
    np.poly, np.polyadd, np.polysub, np.polymul, np.polydiv, np.polyder, np.polyint, np.polyval,
)  # fmt: skip

refuse(
    "the roots are found by an iteration that NumPy does not record; take np.linalg.eigvals of the companion matrix, or a "
    "step of Newton's method from np.roots(v.data): r − p(r) / p′(r), with p(r) computed from v",
    np.roots,
)  # fmt: skip

refuse(
    "it fits with plain arrays; write np.linalg.lstsq(np.vander(x, degree + 1), y)[0], whose parts are recorded",
    np.polyfit,
)

refuse(
    "it writes to a file, which has no place for a graph; pass v.data",
    np.save, np.savez, np.savez_compressed, np.savetxt,
)  # fmt: skip

refuse(
    "only np.add.reduceat is differentiated; write np.stack([np.prod(x[i:j]) for i, j in pairs]), or with np.max",
    *((ufunc, "reduceat") for ufunc in UFUNCS),
)

refuse(
    "no function of NumPy does this; write functools.reduce(np.subtract, x), with the ufunc you mean",
    *((ufunc, "reduce") for ufunc in UFUNCS),
)

refuse(
    "no function of NumPy does this; write np.stack([*itertools.accumulate(x, np.subtract)]), with the ufunc you mean",
    *((ufunc, "accumulate") for ufunc in UFUNCS),
)
