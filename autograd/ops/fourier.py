"""Discrete Fourier transforms. All linear: each cotangent is another transform.

A transform multiplies by the matrix exp(∓2πi jk / n), which is symmetric, and a rule by its transpose, so fft is its own
rule; a conjugate turns one direction into the other. Three things are added to that:

  lengths   `n` and `s` crop the operand or pad it with zeros; the cotangent is padded or cropped back
  half      rfft leaves out the bins that are conjugates of others, irfft counts them twice: a weight per bin makes up
  norm      what the direct transform multiplies by, its rule multiplies by too: for a rule in the other direction
            "backward" (1 there, 1/n back) and "forward" change places
"""

from typing import Any

import numpy as np

from autograd.errors import ArgumentError, ShapeError
from autograd.ops.axes import from_the_end
from autograd.ops.index import scatter_add
from autograd.primitives import error, point, primitive, sample

__all__ = ["fft", "fft2", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft", "irfft", "irfft2",
           "irfftn", "rfft", "rfft2", "rfftn"]  # fmt: skip

SOURCE = "linear: the matrix exp(∓2πi jk/n) is symmetric; half spectra as Cooley, Lewis and Welch 1970"
OTHER_NORM: dict[Any, Any] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}
BIN = np.array([1.0 + 2.0j, 0.5 - 1.0j, 3.0 + 0.25j])
NO_BINS = error(("3",), n=0, match="Invalid number of FFT data points (0)", kind=ShapeError)
ONE = [  # along one axis
    sample("5", complex=True), sample("2 6", complex=True), sample("4 3", axis=0, n=3), sample("4", n=7),
    sample("2 4", norm="ortho"), sample("5", norm="forward"), sample("5", n=3, norm="backward"), sample("6", n=4),
    sample("2 3 2", axis=-2, n=4, norm="forward"), sample("0 3"), sample("2", n=1),
]  # fmt: skip
TWO = [sample("3 4", complex=True), sample("2 3 4", s=(2, 5), norm="ortho"), sample("4 3", axes=(1, 0), norm="forward")]
MANY = [
    sample("3 4", complex=True), sample("2 3 4", s=(2, 5), axes=(-2, -1), norm="ortho"),
    sample("4 3", axes=(1, 0), norm="forward"), sample("4"), sample("2 3 4", axes=(0, 2)),
    sample("3 4 2", s=(4, 3), axes=(-2, 0)), sample("2 3 3"), sample("3 4", s=(-1, 3), axes=(0, 1)),
    sample("2 3", axes=(-1,), norm="forward"),
]  # fmt: skip
BINS = [sample(BIN), sample(BIN, norm="ortho"), sample(np.stack([BIN, 1j * BIN]), norm="forward")]
REAL_ONE, REAL_TWO, REAL_MANY = ([row._replace(complex=False) for row in rows] for rows in (ONE, TWO, MANY))


def _checked(x, s, axes):
    """axes as a tuple: all of them, or the last ones if s has fewer lengths; ArgumentError if one comes twice."""
    ndim = np.ndim(x)
    if axes is None:
        axes = range(ndim) if s is None else range(ndim - len(s), ndim)
    if len({axis % max(ndim, 1) for axis in axes}) < len(axes):
        raise ArgumentError(f"a Fourier transform that is differentiated takes each axis once, got axes={tuple(axes)}")
    return from_the_end(axes, x)


def _fitted(g, x):
    """g cropped, or padded with zeros, to the shape of x at the end of every axis, and real for a real x."""
    g = g if np.iscomplexobj(x) else np.real(g)
    extra = np.shape(g)[: np.ndim(g) - np.ndim(x)]
    kept = [slice(min(lengths)) for lengths in zip(np.shape(g)[len(extra) :], np.shape(x), strict=True)]
    g, shape = g[(..., *kept)], (*extra, *np.shape(x))
    return g if np.shape(g) == shape else scatter_add(g, shape, (*(slice(None),) * len(extra), *kept))


def _weights(like, axis, ndim, length, once, twice):
    """Per bin of half a spectrum of `length` samples: `once` for those that are their own conjugate, else `twice`."""
    weights = np.full(length // 2 + 1, twice, np.result_type(like))
    weights[0] = once
    if length % 2 == 0:
        weights[-1] = once
    return np.reshape(weights, [-1 if i == axis % ndim else 1 for i in range(ndim)])


def _half(g, x, length, axes, norm):
    """Cotangent of x in out = rfftn(x), where the last of the axes has `length` samples; its own if that is None."""
    length = np.shape(x)[axes[-1]] if length in (None, -1) else length
    g = np.conjugate(g) * _weights(x, axes[-1], np.ndim(x), length, 1.0, 0.5)
    lengths = [np.shape(g)[axis] for axis in axes[:-1]]
    return _fitted(np.fft.irfftn(g, s=(*lengths, length), axes=axes, norm=OTHER_NORM[norm]), x)


def _whole(g, x, axes, norm):
    """Cotangent of x in out = irfftn(x)."""
    weights = _weights(g, axes[-1], np.ndim(x), np.shape(g)[axes[-1]], 1.0, 2.0)
    return _fitted(np.conjugate(np.fft.rfftn(g, axes=axes, norm=OTHER_NORM[norm])) * weights, x)


@primitive(
    numpy=np.fft.fft,
    kind="linear",
    leading=True,
    samples=[*ONE, *BINS],
    points=[point((np.array([3.0, 1.0, 2.0, 5.0]),), (np.array([4.0, 0.0, 0.0, 0.0]),))],
    errors=[NO_BINS, error(("3",), axis=1, match="out of", kind=IndexError)],
    source=SOURCE,
)
def fft(x, /, n=None, axis=-1, norm=None):
    """Spectrum along an axis, out[k] = Σⱼ x[j] exp(−2πi jk / n), of x cropped or padded to n."""
    return np.fft.fft(x, n, axis, norm)


fft.vjp(
    x=lambda g, out, x, n=None, axis=-1, norm=None: _fitted(np.fft.fft(g, axis=from_the_end(axis, x), norm=norm), x)
)


@primitive(
    numpy=np.fft.ifft,
    kind="linear",
    leading=True,
    samples=[*ONE, *BINS],
    points=[point((np.array([3.0, 1.0, 2.0, 5.0]),), (np.array([1.0, 0.0, 0.0, 0.0]),))],
    errors=[NO_BINS],
    source=SOURCE,
)
def ifft(x, /, n=None, axis=-1, norm=None):
    """Samples from a spectrum, out[j] = 1/n Σₖ x[k] exp(2πi jk / n): undoes fft."""
    return np.fft.ifft(x, n, axis, norm)


ifft.vjp(
    x=lambda g, out, x, n=None, axis=-1, norm=None: _fitted(np.fft.ifft(g, axis=from_the_end(axis, x), norm=norm), x)
)


@primitive(
    numpy=np.fft.fftn,
    kind="linear",
    leading=True,
    samples=[*MANY, *BINS],
    points=[point((np.array([[3.0, 1.0]]),), (np.array([[2.0, 0.0]]),))],
    errors=[error(("3 3",), axes=(0, -2), match="each axis once", kind=ArgumentError),
            error(("3 3",), s=(2,), axes=(0, 1), match="different lengths", kind=ShapeError)],
    source=SOURCE,
)  # fmt: skip
def fftn(x, /, s=None, axes=None, norm=None):
    """fft along several axes, all by default, with lengths s."""
    return np.fft.fftn(x, s, _checked(x, s, axes), norm)


fftn.vjp(
    x=lambda g, out, x, s=None, axes=None, norm=None: _fitted(np.fft.fftn(g, axes=_checked(x, s, axes), norm=norm), x)
)


@primitive(
    numpy=np.fft.ifftn,
    kind="linear",
    leading=True,
    samples=[*MANY, *BINS],
    points=[point((np.array([[3.0, 1.0]]),), (np.array([[1.0, 0.0]]),))],
    errors=[error(("3 3",), axes=(0, 0), match="each axis once", kind=ArgumentError)],
    source=SOURCE,
)
def ifftn(x, /, s=None, axes=None, norm=None):
    """ifft along several axes, all by default, with lengths s: undoes fftn."""
    return np.fft.ifftn(x, s, _checked(x, s, axes), norm)


ifftn.vjp(
    x=lambda g, out, x, s=None, axes=None, norm=None: _fitted(np.fft.ifftn(g, axes=_checked(x, s, axes), norm=norm), x)
)


@primitive(
    numpy=np.fft.rfft,
    kind="linear",
    leading=True,
    samples=REAL_ONE,
    points=[point((np.array([3.0, 1.0, 2.0, 5.0]),), (np.array([3.0, 0.0, 1.0, 0.0]),), norm="backward")],
    errors=[NO_BINS, error((BIN,), match="rfft", kind=TypeError)],
    source=SOURCE,
)
def rfft(x, /, n=None, axis=-1, norm=None):
    """The first n // 2 + 1 bins of fft for a real x; the others are their conjugates."""
    return np.fft.rfft(x, n, axis, norm)


rfft.vjp(x=lambda g, out, x, n=None, axis=-1, norm=None: _half(g, x, n, from_the_end((axis,), x), norm))


@primitive(
    numpy=np.fft.irfft,
    kind="linear",
    leading=True,
    samples=[*ONE, *BINS],
    points=[point((BIN,), (np.array([1.0, 0.0, 0.0], complex),))],
    errors=[NO_BINS],
    source=SOURCE,
)
def irfft(x, /, n=None, axis=-1, norm=None):
    """n real samples, 2 (bins − 1) by default, from the half spectrum x: undoes rfft."""
    return np.fft.irfft(x, n, axis, norm)


irfft.vjp(x=lambda g, out, x, n=None, axis=-1, norm=None: _whole(g, x, from_the_end((axis,), x), norm))


@primitive(
    numpy=np.fft.rfftn,
    kind="linear",
    leading=True,
    samples=REAL_MANY,
    points=[point((np.array([[3.0, 1.0]]),), (np.array([[2.0, 0.0]]),))],
    errors=[error(("3 3",), axes=(0, 0), match="each axis once", kind=ArgumentError)],
    source=SOURCE,
)
def rfftn(x, /, s=None, axes=None, norm=None):
    """rfft along the last of several axes, then fft along the others, with lengths s."""
    return np.fft.rfftn(x, s, _checked(x, s, axes), norm)


rfftn.vjp(x=lambda g, out, x, s=None, axes=None, norm=None: _half(g, x, s and s[-1], _checked(x, s, axes), norm))


@primitive(
    numpy=np.fft.irfftn,
    kind="linear",
    leading=True,
    samples=[*MANY, *BINS],
    points=[point((BIN,), (np.array([1.0, 0.0, 0.0], complex),))],
    errors=[error(("3 3",), axes=(0, 0), match="each axis once", kind=ArgumentError)],
    source=SOURCE,
)
def irfftn(x, /, s=None, axes=None, norm=None):
    """Real samples from the half spectrum that rfftn gives; s has their lengths."""
    return np.fft.irfftn(x, s, _checked(x, s, axes), norm)


irfftn.vjp(x=lambda g, out, x, s=None, axes=None, norm=None: _whole(g, x, _checked(x, s, axes), norm))


@primitive(
    numpy=np.fft.fft2,
    kind="composed",
    samples=TWO,
    points=[point((np.array([[3.0, 1.0]]),), (np.array([[2.0, 0.0]]),))],
    source="np.fft.fftn, which NumPy's calls too",
)
def fft2(x, /, s=None, axes=(-2, -1), norm=None):
    """fft along the last two axes."""
    return np.fft.fftn(x, s, axes, norm)


@primitive(
    numpy=np.fft.ifft2,
    kind="composed",
    samples=TWO,
    points=[point((np.array([[3.0, 1.0]]),), (np.array([[1.0, 0.0]]),))],
    source="np.fft.ifftn, which NumPy's calls too",
)
def ifft2(x, /, s=None, axes=(-2, -1), norm=None):
    """ifft along the last two axes: undoes fft2."""
    return np.fft.ifftn(x, s, axes, norm)


@primitive(
    numpy=np.fft.rfft2,
    kind="composed",
    samples=REAL_TWO,
    points=[point((np.array([[3.0, 1.0]]),), (np.array([[2.0, 0.0]]),))],
    source="np.fft.rfftn, which NumPy's calls too",
)
def rfft2(x, /, s=None, axes=(-2, -1), norm=None):
    """rfft along the last axis, fft along the one before."""
    return np.fft.rfftn(x, s, axes, norm)


@primitive(
    numpy=np.fft.irfft2,
    kind="composed",
    samples=TWO,
    points=[point((np.stack([BIN, BIN]),), (np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], complex),))],
    source="np.fft.irfftn, which NumPy's calls too",
)
def irfft2(x, /, s=None, axes=(-2, -1), norm=None):
    """Real samples from the half spectrum that rfft2 gives."""
    return np.fft.irfftn(x, s, axes, norm)


@primitive(
    numpy=np.fft.hfft,
    kind="composed",
    samples=[*ONE, *BINS],
    points=[point((BIN,), (np.array([4.0, 0.0, 0.0], complex),))],
    errors=[NO_BINS],
    source="irfft of the conjugate, as in NumPy",
)
def hfft(x, /, n=None, axis=-1, norm=None):
    """Real spectrum of a signal whose other half are the conjugates of x."""
    return np.fft.irfft(np.conjugate(x), n, axis, OTHER_NORM[norm])


@primitive(
    numpy=np.fft.ihfft,
    kind="composed",
    samples=REAL_ONE,
    points=[point((np.array([3.0, 1.0, 2.0, 5.0]),), (np.array([0.75, 0.0, 0.25, 0.0]),))],
    errors=[NO_BINS],
    source="the conjugate of rfft, as in NumPy",
)
def ihfft(x, /, n=None, axis=-1, norm=None):
    """Half of the signal of which x is the real spectrum: undoes hfft."""
    return np.conjugate(np.fft.rfft(x, n, axis, OTHER_NORM[norm]))


@primitive(
    numpy=np.fft.fftshift,
    kind="linear",
    leading=True,
    samples=[sample("5", complex=True), sample("3 4"), sample("3 4", axes=0), sample("2 3 5", axes=(0, -1))],
    points=[point((np.array([0.0, 1.0, -1.0]),), (np.ones(3),), out=np.array([-1.0, 0.0, 1.0]))],
    source="linear: the adjoint of a rotation is the rotation back",
)
def fftshift(x, /, axes=None):
    """Every axis, or some, rotated by half its length: the zero frequency comes to the middle."""
    return np.fft.fftshift(x, axes)


fftshift.vjp(x=lambda g, out, x, axes=None: np.fft.ifftshift(g, from_the_end(axes, x)))


@primitive(
    numpy=np.fft.ifftshift,
    kind="linear",
    leading=True,
    samples=[sample("5", complex=True), sample("3 4"), sample("3 4", axes=0), sample("2 3 5", axes=(0, -1))],
    points=[point((np.array([-1.0, 0.0, 1.0]),), (np.ones(3),), out=np.array([0.0, 1.0, -1.0]))],
    source="linear: the adjoint of a rotation is the rotation back",
)
def ifftshift(x, /, axes=None):
    """Undoes fftshift, for odd lengths too."""
    return np.fft.ifftshift(x, axes)


ifftshift.vjp(x=lambda g, out, x, axes=None: np.fft.fftshift(g, from_the_end(axes, x)))
