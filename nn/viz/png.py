"""Matrices of signed numbers as PNG images: blue positive, orange negative, the stronger the larger; nothing for 0.

Strength is opacity, so one image suits a light and a dark page. An entry is a square of several pixels, because not every
program that draws SVG can be told not to blur an image that it enlarges.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["data_uri", "png", "strongest"]

POSITIVE, NEGATIVE, BAD = (0x2F, 0x7D, 0xE1), (0xEF, 0x7D, 0x1A), (0xD6, 0x20, 0x3A)
ZERO = 128  # index of what is not seen; 129 … 255 positive, 127 … 1 negative, 0 NaN or infinite


def strongest(matrix: NDArray[Any], most: int) -> tuple[NDArray[Any], tuple[int, int]]:
    """(smaller matrix, (rows, columns) of a block): of each block the entry of largest size, NaN before all.

    Blocks are as small as lets both sides have at most `most` entries.
    """
    block = tuple(-(-side // most) for side in matrix.shape)
    rows, columns = (np.arange(0, side, step) for side, step in zip(matrix.shape, block, strict=True))
    if block == (1, 1):
        return matrix, (1, 1)
    for axis, starts in ((0, rows), (1, columns)):
        high, low = (f.reduceat(matrix, starts, axis=axis) for f in (np.maximum, np.minimum))
        matrix = np.where(high >= -low, high, low) + 0.0 * (high + low)  # NaN goes on
    return matrix, (block[0], block[1])


def png(matrix: NDArray[Any], largest: float, scale: int) -> bytes:
    """A PNG with scale × scale pixels for each entry, whose opacity is |entry| / largest."""
    finite = np.isfinite(matrix)
    share = np.clip(np.where(finite, matrix, 0.0) / (largest or 1.0), -1.0, 1.0)
    indices = np.where(finite, ZERO + np.rint(127 * share), 0).astype(np.uint8)
    lines = np.zeros((scale * matrix.shape[0], scale * matrix.shape[1] + 1), np.uint8)
    lines[::scale, 1:] = np.repeat(indices, scale, axis=1)
    lines[:, 0] = 2 * (
        np.arange(len(lines)) % scale > 0
    )  # a line's filter: 2 is the difference to the one above, 0 none
    sign = np.arange(256) - ZERO
    colours = np.where((sign >= 0)[:, None], POSITIVE, NEGATIVE).astype(np.uint8)
    alpha = np.rint(np.abs(sign) * 255 / 127).clip(0, 255).astype(np.uint8)
    colours[0], alpha[0] = BAD, 255
    header = struct.pack(">IIBBBBB", lines.shape[1] - 1, len(lines), 8, 3, 0, 0, 0)
    parts = {
        "IHDR": header,
        "PLTE": colours.tobytes(),
        "tRNS": alpha.tobytes(),
        "IDAT": zlib.compress(lines.tobytes(), 9),
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in (*parts.items(), ("IEND", b"")))


def data_uri(matrix: NDArray[Any], largest: float, scale: int) -> str:
    """The same as a text for href=."""
    return "data:image/png;base64," + base64.b64encode(png(matrix, largest, scale)).decode()


def _chunk(kind: str, data: bytes) -> bytes:
    body = kind.encode() + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
