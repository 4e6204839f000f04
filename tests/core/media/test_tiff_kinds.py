from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from core.media.decoding import decode
from tests.support.bad_pictures import tiff
from tests.support.odd_pictures import numbers


def without(data: bytes, tag: int) -> bytes:
    """A little-endian TIFF in which a tag has the number of one that nobody knows."""
    start = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[start : start + 2], "little")
    changed = bytearray(data)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        if int.from_bytes(data[place : place + 2], "little") == tag:
            changed[place : place + 2] = (65_001).to_bytes(2, "little")
    return bytes(changed)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_eight_and_sixteen_bits_that_do_not_tell_what_is_white_are_read_alike(kind: type) -> None:
    gray = numbers(8) * np.iinfo(kind).max // 255
    pixels = np.asarray(decode(without(tiff(gray.astype(kind), photometric="minisblack"), 262)))
    np.testing.assert_array_equal(pixels[..., 0], 255 - numbers(8))


@pytest.mark.parametrize("bits", [8, 16])
def test_an_independent_reader_agrees(bits: int) -> None:
    for photometric in ("minisblack", "miniswhite"):
        data = tiff(numbers(bits).astype(f"u{bits // 8}"), photometric=photometric, tile=(16, 16), compression="zlib")
        page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
        shown = page.asarray() >> bits - 8
        expected = 255 - shown if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE else shown
        np.testing.assert_array_equal(np.asarray(decode(data))[..., 0], expected)


def test_pillow_still_reads_wrong_what_is_prepared_here() -> None:
    """The day this fails, `core/media/tiff_kinds.py` has less to do."""
    planes = numbers(16, 3).astype(np.uint16)
    data = tiff(planes.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    assert not np.array_equal(np.asarray(Image.open(io.BytesIO(data))), planes >> 8)
    np.testing.assert_array_equal(np.asarray(decode(data)), planes >> 8)
