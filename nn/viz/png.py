"""Matrices of signed numbers as PNG images: blue positive, orange negative, the stronger the larger; nothing for 0.

Strength is opacity, so one image suits a light and a dark page. The image has a palette of 256 colours and is stored
without compression, by hand: the same numbers give the same bytes everywhere, and no library is needed.
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


def png(matrix: NDArray[Any], largest: float) -> bytes:
    """A PNG with a pixel for each entry, whose opacity is |entry| / largest."""
    finite = np.isfinite(matrix)
    share = np.clip(np.where(finite, matrix, 0.0) / (largest or 1.0), -1.0, 1.0)
    indices = np.where(finite, ZERO + np.rint(127 * share), 0).astype(np.uint8)
    lines = np.zeros((matrix.shape[0], matrix.shape[1] + 1), np.uint8)  # each line begins with its filter, 0: none
    lines[:, 1:] = indices
    sign = np.arange(256) - ZERO
    colours = np.where((sign >= 0)[:, None], POSITIVE, NEGATIVE).astype(np.uint8)
    alpha = np.rint(np.abs(sign) * 255 / 127).clip(0, 255).astype(np.uint8)
    colours[0], alpha[0] = BAD, 255
    header = struct.pack(">IIBBBBB", matrix.shape[1], matrix.shape[0], 8, 3, 0, 0, 0)
    parts = [
        ("IHDR", header),
        ("PLTE", colours.tobytes()),
        ("tRNS", alpha.tobytes()),
        ("IDAT", _stored(lines.tobytes())),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in [*parts, ("IEND", b"")])


def data_uri(matrix: NDArray[Any], largest: float) -> str:
    """The same as a text for href=."""
    return "data:image/png;base64," + base64.b64encode(png(matrix, largest)).decode()


def _chunk(kind: str, data: bytes) -> bytes:
    body = kind.encode() + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _stored(data: bytes) -> bytes:
    """A zlib stream of blocks that are not compressed (RFC 1950, RFC 1951 section 3.2.4)."""
    blocks = [data[i : i + 65535] for i in range(0, len(data), 65535)] or [b""]
    stream = b"\x78\x01"
    for i, block in enumerate(blocks):
        stream += struct.pack("<BHH", i == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
    return stream + struct.pack(">I", zlib.adler32(data))
