"""Gray pictures as PNG files whose bytes depend on the pixels alone.

The bytes that a library writes depend on its version and build. A data set's digest covers its encoded pictures, so
data sets given as arrays (`core/datasets/digits.py`, `core/datasets/idx.py`) would have another digest on another
machine.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
STORED_MAX = 65_535
"""Maximum bytes in an uncompressed block of a deflate stream."""


def gray_png(pixels: NDArray[np.uint8]) -> bytes:
    """`pixels` (H, W) uint8, 0 = black, as an uncompressed PNG without filters."""
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits a pixel, gray
    rows = np.hstack([np.zeros((height, 1), np.uint8), pixels]).tobytes()  # before each row, the number of its filter
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", _stored(rows)) + _chunk(b"IEND", b"")


def _stored(content: bytes) -> bytes:
    """`content` as a zlib stream of uncompressed blocks."""
    starts = range(0, len(content), STORED_MAX)
    blocks = [(start + STORED_MAX >= len(content), content[start : start + STORED_MAX]) for start in starts]
    stored = (struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block for last, block in blocks)
    return b"\x78\x01" + b"".join(stored) + struct.pack(">I", zlib.adler32(content))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
