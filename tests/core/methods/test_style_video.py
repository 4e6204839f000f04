from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, BadParameter
from core.items import KINDS, Animation, Result, Series
from core.learning.fast_style.painter import Design, build
from core.learning.fast_style.stored import as_weights
from core.media.drawn_styles import STYLES
from core.media.video import Video, decoded
from core.methods import make_method
from tests.support.contexts import StoredContext
from tests.support.videos import a_video, noisy, pan

KEY = "a" * 64
PAINTER = build(Design(4, (STYLES["waves"].digest,), (1.0,), 48), seed=3)


def run(original: Video, **parameters: Any) -> Result:
    method = make_method("style_video", {"model": KEY, "video": original.digest} | parameters)
    return method.run_without_network([], StoredContext({KEY: {"network": as_weights(PAINTER)}}, videos=[original]))


def video(result: Result, name: str = "stylized") -> Animation:
    item = result.items[name]
    assert isinstance(item, Animation)
    return item


@pytest.mark.parametrize("input_format", ["mp4", "gif"])
@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_the_result_has_the_frames_and_the_rate_of_the_video(input_format: Any, kind: Any) -> None:
    result = run(a_video(pan(5), input_format), format=kind)
    styled = video(result)
    assert list(styled.files()) == [kind, "webp"]
    with decoded(Video(styled.whole), 1000, 100) as decoded_video:
        assert (decoded_video.count, decoded_video.height, decoded_video.width, decoded_video.frame_rate) == (
            5,
            48,
            64,
            10,
        )
        first = next(decoded_video.frames).astype(int)
    assert np.abs(first - styled.frames[0]).mean() < 12, "the animation shows the file"
    assert styled.frame_ms == 100
    assert video(result, "original").frames.shape == styled.frames.shape
    assert result.metrics["frames"] == 5


def test_the_video_file_is_stored_with_the_animation() -> None:
    styled = video(run(a_video()))
    again = KINDS["animation"].load(styled.meta(), styled.files())
    assert isinstance(again, Animation)
    assert again.whole == styled.whole
    assert again.meta() == styled.meta()


def test_animations_of_long_videos_have_some_of_the_frames_up_to_the_maximum() -> None:
    moving = pan(120, step=1, height=16, width=24)
    result = run(a_video(moving), max_frames=110)
    assert result.metrics["frames"] == 110
    assert video(result).frames.shape == (55, 16, 24, 3)
    assert video(result).frame_ms == 200
    curve = result.items["warping_error"]
    assert isinstance(curve, Series)
    assert set(curve.x.tolist()) <= set(range(1, 110))


def test_a_still_video_has_no_flicker_and_a_noisy_one_less_than_independent_frames() -> None:
    still = run(a_video(pan(1) * 4))
    assert still.metrics["flicker"] == still.metrics["flicker_framewise"] == still.metrics["mean_warping_error"] == 0
    noise = run(a_video(noisy(5, spread=0.6), "mp4")).metrics
    assert 0 < noise["flicker"] < noise["flicker_framewise"]
    assert 0 < noise["mean_warping_error"] < noise["mean_warping_error_framewise"]


def test_the_caption_summarizes_the_flicker() -> None:
    result = run(a_video(noisy(5, spread=0.6), "mp4"))
    stabilized, framewise = (f"{result.metrics[name]:.3g}" for name in ("flicker", "flicker_framewise"))
    assert f"the stylized video changes by {stabilized} of 255 from frame to frame" in video(result).caption
    assert f"with frames stylized independently, by {framewise}." in video(result).caption
    assert video(run(a_video(pan(1)))).caption.endswith("of its frames."), "nothing is measured"


def test_one_frame_has_no_flicker() -> None:
    assert list(run(a_video(pan(1))).items) == ["stylized", "original", "frames"]


def test_a_video_is_required() -> None:
    with pytest.raises(BadParameter, match="video must be the digest of a video, got none"):
        run(a_video(), video="")
    with pytest.raises(BadParameter, match=r"video: a video is named by its digest, 64 hex digits, got 'clip\.mp4'"):
        run(a_video(), video="clip.mp4")
    with pytest.raises(BadInput, match=r"there is no video bbbbbbbbbbbb… here"):
        run(a_video(), video="b" * 64)
