"""Fourier transforms and their windows. ONNX has a complex number as a last axis of length 2."""

import numpy as np

from nn.onnx.operators import operator
from nn.onnx.types import astype

__all__ = []


def _complex(x):
    return x[..., 0] if np.shape(x)[-1] == 1 else x[..., 0] + 1j * x[..., 1]


def _pair(z, dtype):
    return astype(np.stack([np.real(z), np.imag(z)], axis=-1), dtype)


@operator("DFT", since=20)
def dft(x, length=None, axis=-2, *, inverse=0, onesided=0):
    """Fourier transform of x (…, 1 or 2) along one axis; onesided: of a real x, and of the result the first half."""
    axis = (-2 if axis is None else int(np.squeeze(axis))) % np.ndim(x)
    n = None if length is None else int(np.squeeze(length))
    if inverse and onesided:
        z = np.fft.irfft(_complex(x), n, axis=axis)
        return astype(np.expand_dims(z, -1), x.dtype)
    z = (np.fft.ifft if inverse else np.fft.rfft if onesided else np.fft.fft)(_complex(x), n, axis=axis)
    return _pair(z, x.dtype)


@operator("DFT", since=17)
def dft_of_axis(x, length=None, *, axis=1, inverse=0, onesided=0):
    return dft(x, length, np.array(axis), inverse=inverse, onesided=onesided)


@operator("STFT")
def stft(x, step, window=None, length=None, *, onesided=1):
    """Fourier transforms of frames of x (batch, time, 1 or 2), one every `step`: (batch, frames, frequencies, 2)."""
    n = int(np.squeeze(length)) if length is not None else np.shape(window)[0]
    frames = np.lib.stride_tricks.sliding_window_view(_complex(x), n, axis=1)[:, :: int(np.squeeze(step))]
    frames = frames if window is None else frames * window
    return _pair((np.fft.rfft if onesided else np.fft.fft)(frames), x.dtype)


@operator("MelWeightMatrix", plain=(0, 1, 2, 3, 4))
def mel_weights(bins, size, rate, low, high, *, output_datatype=np.float32):
    """Triangles evenly spaced in mel, 2595 log₁₀(1 + f / 700): spectrum of `size` samples → bins."""
    bins, size = int(bins), int(size)
    edges = 2595 * np.log10(1 + np.array([float(low), float(high)]) / 700)
    mels = np.arange(bins + 2) * (np.diff(edges) / (bins + 2)) + edges[0]
    places = ((size + 1) * (700 * (10 ** (mels / 2595) - 1)) // float(rate)).astype(int)
    out = np.zeros((size // 2 + 1, bins))
    for i, (start, top, end) in enumerate(zip(places, places[1:], places[2:], strict=False)):
        if top == start:
            out[top, i] = 1
        else:
            out[start : top + 1, i] = (np.arange(start, top + 1) - start) / (top - start)
        if end > top:
            out[top:end, i] = (end - np.arange(top, end)) / (end - top)
    return out.astype(output_datatype)
