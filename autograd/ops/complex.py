"""Complex numbers: conjugate, real and imaginary part.

A gradient with respect to x + iy is ∂/∂x − i ∂/∂y, so a rule of a holomorphic op is the real one, and these three, which
are none, conjugate or take a part.
"""

import numpy as np

from autograd.ops.arithmetic import astype
from autograd.primitives import as_method, point, primitive, sample
from autograd.value import Value

__all__ = ["conjugate", "imag", "real"]


@primitive(
    numpy=(np.conjugate,),
    kind="elementwise",
    symbol="conj",
    samples=[sample("3 4", complex=True), sample("")],
    points=[point((np.array([-2.0, 0.0]),), (np.ones(2),), out=np.array([-2.0, 0.0]))],
    source="linear over the reals: Re ḡ x = Re g x̄",
)
def conjugate(x, /):
    """Complex conjugate, out = x̄; the number itself for a real x."""
    return np.conjugate(x)


conjugate.vjp(x=lambda g, out, x: np.conjugate(g))


@primitive(
    numpy=np.real,
    kind="linear",
    leading=True,
    samples=[sample("3 4", complex=True), sample("")],
    points=[point((np.array([3.0 + 4.0j]),), (np.array([1.0 + 0.0j]),), out=np.array([3.0]))],
    method=False,
    source="gradient ∂/∂x − i ∂/∂y, of Re: 1",
)
def real(x, /):
    """Real part; a real x itself."""
    return np.real(x)


real.vjp(x=lambda g, out, x: astype(g, np.result_type(x)))


@primitive(
    numpy=np.imag,
    kind="linear",
    leading=True,
    samples=[sample("3 4", complex=True), sample("")],
    points=[point((np.array([3.0 + 4.0j]),), (np.array([-1.0j]),), out=np.array([4.0]))],
    method=False,
    source="gradient ∂/∂x − i ∂/∂y, of Im: −i",
)
def imag(x, /):
    """Imaginary part; 0 for a real x."""
    return np.imag(x)


imag.vjp(x=lambda g, out, x: -1j * g if np.iscomplexobj(x) else 0.0 * g)


setattr(Value, "conj", as_method(conjugate))  # noqa: B010
