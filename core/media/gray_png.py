"""Gray pictures as PNG files whose bytes follow from the pixels alone.

What a library writes depends on its version and on how it was built. The digest of a data set is that of its files, so
that one whose pictures come as bare numbers (`core/datasets/digits.py`, `core/datasets/idx.py`) would have another name
on another machine.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
STORED_MAX = 65_535
"""Bytes in one block of a deflate stream that is not compressed."""


def gray_png(pixels: NDArray[np.uint8]) -> bytes:
    """`pixels` (H, W) uint8, 0 black, as PNG: no filter, nothing compressed."""
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits a pixel, gray
    rows = np.hstack([np.zeros((height, 1), np.uint8), pixels]).tobytes()  # before each row, the number of its filter
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", _stored(rows)) + _chunk(b"IEND", b"")


def _stored(content: bytes) -> bytes:
    """A zlib stream of blocks that are not compressed."""
    starts = range(0, len(content), STORED_MAX)
    blocks = [(start + STORED_MAX >= len(content), content[start : start + STORED_MAX]) for start in starts]
    stored = (struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block for last, block in blocks)
    return b"\x78\x01" + b"".join(stored) + struct.pack(">I", zlib.adler32(content))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
