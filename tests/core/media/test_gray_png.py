from __future__ import annotations

import io
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image as PillowImage

from core.media.gray_png import gray_png


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (28, 28), (255, 256), (256, 255), (300, 700)])
def test_a_picture_is_read_back_unchanged(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    with PillowImage.open(io.BytesIO(gray_png(pixels)), formats=("PNG",)) as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), pixels)


def test_its_bytes_are_fixed() -> None:
    ramp = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert len(gray_png(ramp)) == 140
    assert sha256(gray_png(ramp)).hexdigest() == "b0eb4945328da0f6a155a9246905713af8277632e60ed7ee9bca9bcdf82977de"
