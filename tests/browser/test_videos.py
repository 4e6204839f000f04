"""Video files in a real Chromium, which decodes them by itself: their colors, sizes and times."""

from __future__ import annotations

import base64
from fractions import Fraction

import numpy as np
import pytest

from core.media.frame_times import Timing, steady
from core.media.video_writer import encoded
from tests.support.odd_videos import RED, one_color
from tests.support.videos import pan

pytestmark = pytest.mark.browser
COLORS = np.array([[RED, (30, 200, 30), (30, 30, 200)], [(255, 255, 255), (0, 0, 0), (128, 128, 128)]], np.uint8)
DRAWN = """async ({src, at, points}) => {
    const video = Object.assign(document.createElement('video'), {muted: true})
    await new Promise((done, failed) => {
        video.onerror = () => failed(video.error.message)
        video.onseeked = done
        video.onloadeddata = () => { video.currentTime = at }
        video.src = src
    })
    const canvas = Object.assign(document.createElement('canvas'), {width: video.videoWidth, height: video.videoHeight})
    const context = canvas.getContext('2d')
    context.drawImage(video, 0, 0)
    const colors = points.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3))
    return {width: video.videoWidth, height: video.videoHeight, seconds: video.duration, colors}
}"""


@pytest.fixture
def page(browser):
    made = browser.new_page()
    yield made
    made.close()


def drawn(page, content: bytes, at_s: float, points: list[tuple[int, int]]) -> dict:
    """Size, duration and colors at points of the frame at a time, as a page draws it."""
    src = f"data:video/mp4;base64,{base64.b64encode(content).decode()}"
    return page.evaluate(DRAWN, {"src": src, "at": at_s, "points": points})


@pytest.mark.parametrize("height", [360, 720])
def test_colors_are_shown_as_they_were_written(page, height: int) -> None:
    side = height // 2
    pixels = np.repeat(np.repeat(COLORS, side, axis=0), side, axis=1)
    points = [(side * column + side // 2, side * row + side // 2) for row in range(2) for column in range(3)]
    found = drawn(page, encoded([pixels] * 3, steady(3, Fraction(10)), "mp4"), 0.15, points)
    assert (found["width"], found["height"], found["seconds"]) == (3 * side, height, 0.3)
    away = np.abs(np.array(found["colors"]) - COLORS.reshape(-1, 3))
    assert away[0].max() <= 3
    assert away.max() <= 8, "of blue alone, which Chromium's own BT.709 makes darker"


def test_without_tags_a_browser_guesses_by_the_number_of_rows_as_the_decoder_does(page) -> None:
    """BT.601 below 720 rows; from there on, red would be (215, 46, 30)."""
    low, high = (drawn(page, one_color(height, 6).content, 0.15, [(99, 99)])["colors"][0] for height in (718, 720))
    assert np.abs(np.array(low) - RED).max() <= 2
    assert np.array(high) == pytest.approx((215, 46, 30), abs=2)


def test_a_browser_shows_each_frame_at_its_time(page) -> None:
    frames = [np.full((48, 64, 3), level, np.uint8) for level in (20, 90, 160, 230)]
    timing = Timing(Fraction(1, 1000), (100, 10, 1890, 1000))
    content = encoded(frames, timing, "mp4")
    for at_s, level in ((0.05, 20), (0.105, 90), (0.2, 160), (1.9, 160), (2.1, 230), (2.9, 230)):
        found = drawn(page, content, at_s, [(32, 24)])
        assert found["seconds"] == pytest.approx(3.0, abs=0.002)
        assert found["colors"][0] == pytest.approx([level] * 3, abs=3)


def test_a_browser_shows_the_one_row_more_of_an_odd_video(page) -> None:
    content = encoded(pan(2, height=47, width=63), steady(2, Fraction(10)), "mp4")
    found = drawn(page, content, 0.1, [(0, 0)])
    assert (found["width"], found["height"]) == (64, 48)
