from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from core.media.decoder_process import DecoderProcess
from core.media.decoding import decode, upright_size
from core.media.picture import decoded
from tests.support.odd_pictures import odd_pictures

ODD = dict(odd_pictures())
JPEG = b"\xff\xd8"


@pytest.fixture(scope="module")
def uploads() -> Iterator[DecoderProcess]:
    with DecoderProcess("picture", wall_clock_s=60) as process:
        yield process


@pytest.fixture(scope="module")
def intake() -> Iterator[DecoderProcess]:
    with DecoderProcess("dataset", wall_clock_s=60) as process:
        yield process


@pytest.mark.parametrize("name", ODD)
def test_every_kind_of_file_shows_what_was_written(name: str, uploads: DecoderProcess) -> None:
    odd = ODD[name]
    assert odd.error(uploads.pixels(odd.data, name)) <= odd.tolerance


@pytest.mark.parametrize("name", ODD)
def test_a_data_set_keeps_the_pixels_of_an_upload(name: str, uploads: DecoderProcess, intake: DecoderProcess) -> None:
    odd = ODD[name]
    pixels, kept = uploads.pixels(odd.data, name), intake.kept(odd.data, name)
    np.testing.assert_array_equal(np.asarray(decoded(kept.data, name)), pixels)
    assert (kept.height, kept.width) == pixels.shape[:2] == upright_size(kept.data)[::-1]


@pytest.mark.parametrize("name", [name for name, odd in ODD.items() if not odd.data.startswith(JPEG)])
def test_what_is_kept_shows_the_same_to_any_program(name: str, intake: DecoderProcess) -> None:
    kept = intake.kept(ODD[name].data, name)
    with Image.open(io.BytesIO(kept.data)) as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), np.asarray(decode(ODD[name].data)))
        assert getattr(image, "n_frames", 1) == 1
        assert "icc_profile" not in image.info
