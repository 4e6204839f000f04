from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from core.items import Pixels
from core.media.frame_times import steady
from core.media.process_limits import Refused
from core.media.video import Video
from core.media.video_writer import encoded
from tests.support.odd_videos import RED, decoded_here, facts_here, one_color, tagged

COLORS = np.array([[RED, (30, 200, 30), (30, 30, 200)], [(255, 255, 255), (0, 0, 0), (128, 128, 128)]], np.uint8)


def first_of(video: Video) -> Pixels:
    decoding = decoded_here(video, 1000, 1)
    return next(decoding.frames)


def color_of(video: Video) -> list[int]:
    frame = first_of(video)
    return frame[frame.shape[0] // 2, frame.shape[1] // 2].astype(int).tolist()


@pytest.mark.parametrize("height", [360, 720])
@pytest.mark.parametrize("range_", [1, 2], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", [1, 6], ids=["bt709", "bt601"])
def test_colors_are_read_by_their_tags_whatever_the_size(matrix: int, range_: int, height: int) -> None:
    assert color_of(one_color(height, matrix, range_, **tagged(matrix, range_))) == pytest.approx(RED, abs=2)


@pytest.mark.parametrize(("height", "matrix"), [(718, 6), (720, 1)])
def test_without_tags_the_matrix_is_guessed_by_the_number_of_rows_as_in_chromium(height: int, matrix: int) -> None:
    assert color_of(one_color(height, matrix)) == pytest.approx(RED, abs=2)


def test_wide_gamuts_are_shown_in_that_of_the_screen() -> None:
    """Saturated colors of BT.2020 and P3 lie outside of sRGB; gray is gray everywhere."""
    assert color_of(one_color(48, 9, **tagged(9))) == pytest.approx((249, 0, 16), abs=12), "as in Chromium"
    p3 = tagged(1) | {"color_primaries": 12}
    assert color_of(one_color(48, 1, **p3)) == pytest.approx((220, 0, 8), abs=4)
    assert color_of(one_color(48, 9, color=(120, 120, 120), **tagged(9))) == pytest.approx((120, 120, 120), abs=2)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({"color_trc": 16}, r"^has a high dynamic range \(PQ\): convert it to standard dynamic range first$"),
        ({"color_trc": 18}, r"^has a high dynamic range \(HLG\): "),
        ({"color_trc": 8}, r"^has the transfer function LINEAR: convert it to BT\.709 first$"),
        ({"colorspace": 8}, r"^has color matrix 8 of H\.273: convert it to BT\.709 first$"),
    ],
    ids=["PQ", "HLG", "linear", "YCgCo"],
)
def test_colors_that_would_be_wrong_are_refused(tags: dict[str, int], sentence: str) -> None:
    for reading in (facts_here, decoded_here):
        with pytest.raises(Refused, match=sentence):
            reading(one_color(48, 1, **(tagged(1) | tags)))


def test_dolby_vision_is_refused_by_its_name_in_the_file() -> None:
    content = one_color(48, 1, **tagged(1)).content.replace(b"avc1", b"dva1")
    with pytest.raises(Refused, match=r"^has a high dynamic range \(Dolby Vision\): "):
        decoded_here(Video(content))


@pytest.mark.parametrize("height", [360, 720])
def test_a_written_mp4_has_every_tag_and_its_colors_by_arithmetic(height: int) -> None:
    """The matrix, primaries and transfer of BT.709 in the stream and in the container, and limited range."""
    pixels = np.repeat(np.repeat(COLORS, height // 2, axis=0), height // 2, axis=1)
    content = encoded([pixels] * 2, steady(2, Fraction(10)), "mp4")
    assert b"colrnclx\x00\x01\x00\x01\x00\x01\x00" in content
    with av.open(io.BytesIO(content)) as file:
        frame = next(file.decode(video=0))
        assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)
        planes = frame.to_ndarray()
    luma = planes[height // 4 :: height // 2, height // 4 :: height // 2][:2, :3].astype(int)
    weighted = COLORS @ [0.2126, 0.7152, 0.0722]
    assert luma == pytest.approx(np.round(16 + 219 / 255 * weighted), abs=2)
    found = first_of(Video(content))[height // 4 :: height // 2, height // 4 :: height // 2].astype(int)
    assert found == pytest.approx(COLORS.astype(int), abs=4)
