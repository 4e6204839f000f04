from __future__ import annotations

import gc
import io
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image as PillowImage

from core.items import Pixels
from core.media.frame_times import Timing, steady
from core.media.video import Video
from core.media.video_decoder import own_frames
from core.media.video_writer import VideoKind, VideoWriter, encoded
from tests.support.odd_videos import decoded_here
from tests.support.videos import noisy, pan

UNEVEN = Timing(Fraction(1, 1000), (40, 40, 120, 10, 790, 500, 1, 700))
STEADY = steady(8, Fraction(10))


def write(timing: Timing, kind: VideoKind, height: int = 48, width: int = 64) -> tuple[VideoWriter, bytes]:
    with VideoWriter(kind, timing, height, width) as writer:
        for frame in pan(len(timing.durations), height=height, width=width):
            writer.add(frame)
        return writer, writer.finished()


def gif_delays_ms(content: bytes) -> list[int]:
    """By another reader."""
    with PillowImage.open(io.BytesIO(content)) as gif:
        delays = []
        for number in range(gif.n_frames):
            gif.seek(number)
            delays.append(gif.info["duration"])
    return delays


def packets_s(content: bytes) -> list[tuple[float, float]]:
    """Time and duration of the packets of an MP4."""
    with av.open(io.BytesIO(content)) as file:
        tick = file.streams.video[0].time_base
        return [
            (float(packet.pts * tick), float(packet.duration * tick)) for packet in file.demux(video=0) if packet.size
        ]


@pytest.mark.parametrize(
    "timing",
    [
        UNEVEN, STEADY, steady(48, Fraction(240)), steady(6, Fraction(1, 5)), steady(5, Fraction(30_000, 1001)),
        steady(3, Fraction(1, 4000)), steady(5, Fraction(50_000)),
    ],
    ids=["uneven", "10", "240", "1/5", "NTSC", "an hour each", "20 us each"],
)  # fmt: skip
def test_an_mp4_holds_every_time_exactly(timing: Timing) -> None:
    writer, content = write(timing, "mp4")
    assert writer.notes() == []
    found = packets_s(content)
    assert [begin for begin, _ in found] == pytest.approx(
        [float(moment * timing.tick) for moment in timing.moments[:-1]]
    )
    assert found[-1][1] == pytest.approx(float(timing.durations[-1] * timing.tick)), "the last frame counts"
    with av.open(io.BytesIO(content)) as file:
        assert file.duration / 1e6 == pytest.approx(float(timing.seconds), abs=1e-3)


def test_a_gif_holds_times_in_steps_of_10_ms_and_says_what_it_cannot_hold() -> None:
    writer, content = write(UNEVEN, "gif")
    assert gif_delays_ms(content) == [40, 40, 120, 800, 500, 700]
    assert writer.notes() == [
        "6 of 8 frames are kept, since browsers show no frame of a GIF for less than 20 ms",
        "times are rounded to 10 ms, in which a GIF counts",
    ]
    writer, content = write(STEADY, "gif")
    assert (gif_delays_ms(content), writer.notes()) == ([100] * 8, [])


@pytest.mark.parametrize(("rate", "frames", "kept"), [(120, 24, 10), (240, 48, 10), (60, 12, 8), (1000, 20, 1)])
def test_a_fast_gif_is_as_long_as_its_source(rate: int, frames: int, kept: int) -> None:
    _, content = write(steady(frames, Fraction(rate)), "gif")
    delays = gif_delays_ms(content)
    assert (len(delays), sum(delays)) == (kept, 1000 * frames // rate)


def test_a_frame_of_half_an_hour_is_as_long_in_a_gif() -> None:
    timing = Timing(Fraction(1), (1800, 1))
    writer, content = write(timing, "gif")
    assert decoded_here(Video(content)).timing.seconds == 1801
    assert writer.notes() == []


@pytest.mark.parametrize(("kind", "size"), [("mp4", (48, 64)), ("gif", (47, 63))])
def test_odd_sides_are_kept_or_padded_never_scaled(kind: VideoKind, size: tuple[int, int]) -> None:
    writer, content = write(STEADY, kind, 47, 63)
    original = pan(1, height=47, width=63)[0]
    found = next(own_frames(content))
    assert found.shape == (*size, 3)
    assert np.abs(found[:47, :63].astype(int) - original).mean() < 4
    assert writer.notes() == (["63 x 47 px are padded to even sides, as an MP4 has them"] if kind == "mp4" else [])


def test_what_stands_still_stands_still_in_a_gif() -> None:
    """A noise of a third of a level, which dithering of each frame by itself makes a flicker of more than one level."""
    frames = noisy(6, spread=0.3)
    content = encoded(frames, steady(6, Fraction(10)), "gif")
    assert change_of(list(own_frames(content))) <= change_of(frames) < 0.3
    colors = {tuple(color) for frame in own_frames(content) for color in frame.reshape(-1, 3)}
    assert len(colors) <= 256, "one palette for all frames"


def change_of(frames: list[Pixels]) -> float:
    """Mean |change| from frame to frame."""
    return float(np.abs(np.diff(np.stack(frames).astype(int), axis=0)).mean())


def test_a_gif_follows_slow_changes() -> None:
    frames = [np.full((32, 32, 3), level, np.uint8) for level in range(100, 130)]
    found = list(own_frames(encoded(frames, steady(30, Fraction(10)), "gif")))
    assert [float(frame.mean()) for frame in found] == pytest.approx(range(100, 130), abs=2)


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_a_writer_that_is_left_early_leaves_no_file_open(kind: VideoKind) -> None:
    """A file that the garbage collector closes is an error in all tests."""
    with VideoWriter(kind, STEADY, 48, 64) as writer:
        writer.add(pan(1)[0])
    del writer
    gc.collect()
