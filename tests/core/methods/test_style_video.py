from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from core.errors import BadInput, BadParameter
from core.items import KINDS, Animation, Result, Series
from core.learning.fast_style.painter import Design, build
from core.learning.fast_style.stabilization import StabilizedPainter
from core.learning.fast_style.stored import as_weights
from core.media.drawn_styles import STYLES
from core.media.video import Video, decoded
from core.media.video_decoder import own_frames
from core.methods import make_method
from tests.support.contexts import StoredContext
from tests.support.odd_videos import Encoding, a_gif, decoded_here, timed, written
from tests.support.videos import a_video, noisy, pan

KEY = "a" * 64
PAINTER = build(Design(4, (STYLES["waves"].digest,), (1.0,), 48), seed=3)


def run(original: Video, **parameters: Any) -> Result:
    method = make_method("style_video", {"model": KEY, "video": original.digest} | parameters)
    return method.run_without_network([], StoredContext({KEY: {"network": as_weights(PAINTER)}}, videos=[original]))


def a_noisy_video() -> Video:
    """All of it stands still; no encoding takes the noise away."""
    return written(noisy(5, spread=0.35), range(5), Fraction(1, 10), Encoding(options={"qp": "0"}))


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
        assert (decoded_video.count, decoded_video.height, decoded_video.width) == (5, 48, 64)
        assert decoded_video.timing.seconds == Fraction(5, 10)
        first = next(decoded_video.frames).astype(int)
    assert np.abs(first - styled.frames[0]).mean() < 12, "the animation shows the file"
    assert (styled.meta()["count"], styled.meta()["frame_ms"]) == (5, 100)
    assert video(result, "original").frames.shape == styled.frames.shape
    assert result.metrics["frames"] == 5


def test_the_video_file_is_stored_with_the_animation() -> None:
    styled = video(run(a_video()))
    again = KINDS["animation"].load(styled.meta(), styled.files())
    assert isinstance(again, Animation)
    assert again.whole == styled.whole
    assert again.meta() == styled.meta()


def test_animations_of_long_videos_have_some_of_the_frames_up_to_the_maximum() -> None:
    moving = pan(102, step=1, height=16, width=24)
    result = run(a_video(moving), max_frames=98)
    assert result.metrics["frames"] == 98
    assert video(result).frames.shape == (49, 16, 24, 3)
    assert video(result).durations_ms == (200,) * 49
    curve = result.items["warping_error"]
    assert isinstance(curve, Series)
    assert set(curve.x.tolist()) <= set(range(1, 98))


def test_a_still_video_has_no_flicker_and_a_noisy_one_less_than_independent_frames() -> None:
    still = run(a_video(pan(1) * 4))
    assert still.metrics["flicker"] == still.metrics["flicker_framewise"] == still.metrics["mean_warping_error"] == 0
    noise = run(a_noisy_video(), format="gif").metrics
    assert 0 < noise["flicker"] < noise["flicker_framewise"]
    assert 0 < noise["mean_warping_error"] < noise["mean_warping_error_framewise"]


def test_the_caption_summarizes_the_flicker() -> None:
    result = run(a_noisy_video(), format="gif")
    stabilized, framewise = (f"{result.metrics[name]:.3g}" for name in ("flicker", "flicker_framewise"))
    assert f"the stylized video changes by {stabilized} of 255 from frame to frame" in video(result).caption
    assert f"with frames stylized independently, by {framewise}." in video(result).caption
    assert video(run(a_video(pan(1)))).caption.endswith("of its frames."), "nothing is measured"


UNEVEN = (40, 40, 120, 10, 790, 500, 1, 700)


@pytest.mark.parametrize(
    ("kind", "frames", "kept_ms", "said"),
    [
        ("mp4", 8, UNEVEN, None),
        (
            "gif",
            6,
            (40, 40, 120, 800, 500, 700),
            "6 of 8 frames are kept, since browsers show no frame of a GIF for less",
        ),
    ],
)
def test_every_time_goes_from_the_source_to_the_result_or_it_is_said(
    kind: Any, frames: int, kept_ms: tuple[int, ...], said: str | None
) -> None:
    times = [0, *np.cumsum(UNEVEN[:-1]).tolist()]
    result = run(timed(times, Fraction(1, 1000), Encoding(options={"bf": "0"}), last=700), format=kind)
    styled = video(result)
    timing = decoded_here(Video(styled.whole)).timing
    assert [1000 * duration * timing.tick for duration in timing.durations] == list(kept_ms)
    assert result.metrics["frames"] == frames
    assert (said or "") in styled.caption
    assert ("rounded" in styled.caption) == (said is not None)
    assert sum(styled.durations_ms) == sum(UNEVEN) - sum(UNEVEN) % (10 if kind == "gif" else 1)
    assert min(styled.durations_ms) >= 20, "browsers show no frame of a WebP for less"
    assert styled.durations_ms == video(result, "original").durations_ms
    assert len(styled.durations_ms) == len(styled.frames)


def test_a_gif_of_a_fast_video_is_as_long_as_the_video() -> None:
    """120 frames a second once ended in an ArgumentError."""
    source = timed(range(24), Fraction(1, 120), Encoding(options={"bf": "0"}), last=1)
    styled = video(run(source, format="gif"))
    assert decoded_here(Video(styled.whole)).timing.seconds == Fraction(2, 10)
    assert "10 of 24 frames are kept" in styled.caption


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_flicker_is_that_of_the_stored_file(kind: Any) -> None:
    """All of the video stands still, so that its flicker is the mean change of the file, here by another reader."""
    result = run(a_noisy_video(), format=kind)
    with av.open(io.BytesIO(video(result).whole)) as file:
        frames = [frame.to_ndarray(format="rgb24").astype(float) for frame in file.decode(video=0)]
    change = np.abs(np.diff(np.stack(frames), axis=0)).mean()
    assert result.metrics["flicker"] == pytest.approx(change, rel=0.05, abs=0.02)


def test_a_gif_flickers_hardly_more_than_the_frames_that_it_is_made_of() -> None:
    """A palette and dithering for each frame made four times the flicker."""
    source = a_noisy_video()
    frames = list(StabilizedPainter(PAINTER, 0.8).paint(decoded_here(source).frames))
    change = np.abs(np.diff(np.stack([frame.stabilized for frame in frames]).astype(float), axis=0)).mean()
    assert 0 < run(source, format="gif").metrics["flicker"] < 1.3 * change


def test_a_frame_that_stands_twice_in_a_gif_counts_once() -> None:
    """A frame of 1000 s is longer than a GIF can hold, and no still one for that."""
    source = timed([0, 1], Fraction(1000), Encoding(options={"bf": "0"}), last=1)
    result = run(source, format="gif")
    assert decoded_here(Video(video(result).whole)).timing.durations == (65_535, 34_465) * 2
    assert result.metrics["frames"] == 2
    assert result.metrics["flicker"] is None
    assert result.metrics["mean_warping_error"] == pytest.approx(run(source).metrics["mean_warping_error"], rel=0.5)


@pytest.mark.parametrize(("kind", "size"), [("mp4", (48, 64)), ("gif", (47, 63))])
def test_odd_sides_are_padded_or_kept_and_measured_without_the_padding(kind: Any, size: tuple[int, int]) -> None:
    styled = video(run(a_video(pan(2, height=47, width=63)), format=kind))
    assert next(own_frames(styled.whole)).shape == (*size, 3)
    assert styled.frames.shape == (2, 47, 63, 3)
    assert ("63 x 47 px are padded to even sides, as an MP4 has them." in styled.caption) == (kind == "mp4")


def test_what_is_unusual_in_the_source_is_said() -> None:
    caption = video(run(a_gif([10, 0, 20]))).caption
    assert caption.endswith("Delays of 0 and 10 ms count as 100 ms, as in browsers.")


def test_one_frame_has_no_flicker() -> None:
    result = run(a_video(pan(1)))
    assert {item.kind for item in result.items.values()} == {"animation", "scalar"}
    reasons = {name: vars(item)["reason"] for name, item in result.items.items() if item.kind == "scalar"}
    assert reasons["flicker"] == reasons["flicker_framewise"] == "hardly any of the original stands still"
    assert reasons["mean_warping_error"] == "no frame continues the one before it"
    assert [name for name, value in result.metrics.items() if value is None] == [
        name for name in reasons if reasons[name]
    ]


def test_a_video_is_required() -> None:
    with pytest.raises(BadParameter, match="video must be the digest of a video, got none"):
        run(a_video(), video="")
    with pytest.raises(BadParameter, match=r"video: a video is named by its digest, 64 hex digits, got 'clip\.mp4'"):
        run(a_video(), video="clip.mp4")
    with pytest.raises(BadInput, match=r"there is no video bbbbbbbbbbbb… here"):
        run(a_video(), video="b" * 64)
