"""What a video's file says of times, shapes and fields, and what is made of it."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image as PillowImage

from core.media.frame_times import Timing
from core.media.process_limits import Refused
from core.media.video import Video
from tests.support.odd_videos import Encoding, a_gif, decoded_here, facts_here, timed, written
from tests.support.videos import a_video, pan

MS = Fraction(1, 1000)
UNEVEN = [0, 40, 80, 200, 210, 1000, 1500, 1501]


def timing_in(video: Video, most: int = 100) -> Timing:
    decoding = decoded_here(video, 1000, most)
    assert len(list(decoding.frames)) == decoding.count
    return decoding.timing


def durations_ms(video: Video, most: int = 100) -> list[float]:
    timing = timing_in(video, most)
    return [float(1000 * duration * timing.tick) for duration in timing.durations]


@pytest.mark.parametrize(
    "encoding",
    [
        Encoding(options={"bf": "0"}),
        Encoding("mov", options={"bf": "0"}),
        Encoding("matroska"),
        Encoding("webm", "libvpx", {}),
        Encoding("webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    ],
    ids=["mp4", "mov", "mkv", "vp8", "vp9"],
)
def test_every_frame_lasts_as_long_as_in_its_file(encoding: Encoding) -> None:
    video = timed(UNEVEN, MS, encoding, last=700)
    assert durations_ms(video) == [40, 40, 120, 10, 790, 500, 1, 700]
    assert float(facts_here(video).duration) == 2.201
    assert not facts_here(video).steady


def test_frames_that_are_not_stored_in_order_are_shown_at_their_times() -> None:
    video = timed(UNEVEN, MS, Encoding(options={"bf": "3", "b-adapt": "0"}))
    with av.open(io.BytesIO(video.content)) as file:
        stored = [packet.pts for packet in file.demux(video=0) if packet.size]
    assert stored != sorted(stored)
    assert durations_ms(video)[:-1] == [40, 40, 120, 10, 790, 500, 1]


@pytest.mark.parametrize(
    ("rate", "count", "seconds"), [(240, 48, 0.2), (Fraction(1, 5), 6, 30), (Fraction(30000, 1001), 30, 1.001)]
)
def test_no_frame_rate_is_too_fast_or_too_slow(rate: Fraction, count: int, seconds: float) -> None:
    tick = 1 / Fraction(rate)
    video = timed(range(count), tick, Encoding(options={"bf": "0"}), last=1)
    assert timing_in(video).durations == timing_in(video).durations[:1] * count
    assert float(timing_in(video).seconds) == facts_here(video).seconds == pytest.approx(seconds)
    assert facts_here(video).frame_rate == pytest.approx(float(rate))


def test_the_first_frame_begins_at_zero_and_the_last_of_those_decoded_ends_where_the_next_begins() -> None:
    video = timed([5000 + time for time in UNEVEN], MS, last=700)
    assert durations_ms(video, most=3) == [40, 40, 120]
    assert durations_ms(timed([5000], MS, last=700)) == [700], "a single frame"


def test_what_an_edit_list_leaves_out_is_not_shown() -> None:
    """As telephones trim: the edit begins at the fourth frame and ends before the last two."""
    content = timed(UNEVEN, MS, Encoding(options={"bf": "0", "g": "1"}), last=700).content
    start = content.index(b"elst") + 12
    ticks, scale = 16, 1000
    assert struct.unpack(">2i", content[start : start + 8]) == (2201, 0)
    edited = Video(content[:start] + struct.pack(">2i", 1300 * scale // 1000, 200 * ticks) + content[start + 8 :])
    assert durations_ms(edited) == [10, 790, 500]
    assert float(facts_here(edited).duration) == 1.3


def test_an_edit_that_begins_within_a_frame_is_as_long_as_it_says() -> None:
    """The rest of that frame is not shown by FFmpeg; the last frame makes up for it."""
    video = timed([-80, *UNEVEN[1:]], MS, Encoding(options={"bf": "0"}), last=700)
    assert durations_ms(video)[:-1] == [40, 120, 10, 790, 500, 1]
    assert timing_in(video).seconds == Fraction(2201, 1000)


def test_times_that_go_backward_or_stand_are_repaired_and_said() -> None:
    """By the offsets of composition, which place the third frame on the second, and the fourth before it."""
    content = timed(range(0, 300, 50), MS, Encoding(options={"bf": "2", "b-adapt": "0"})).content
    start = content.index(b"ctts") + 12
    count = struct.unpack(">i", content[start - 4 : start])[0]
    zeros = b"".join(struct.pack(">2i", 1, 0) for _ in range(count))
    video = Video(content[:start] + zeros + content[start + 8 * count :])
    decoding = decoded_here(video, 1000, 100)
    assert all(duration > 0 for duration in decoding.timing.durations)
    assert any("had no time after that of the frame before" in note for note in decoding.notes)


def test_a_video_that_seems_to_last_for_hours_is_refused() -> None:
    video = timed([0, 1, 15_000], Fraction(1), Encoding(options={"bf": "0"}))
    for reading in (facts_here, timing_in):
        with pytest.raises(Refused, match=r"^lasts 15,00\d s, the limit is 14,400 s$"):
            reading(video)


def test_a_gif_has_the_delays_that_browsers_give_it() -> None:
    decoding = decoded_here(a_gif([10, 2, 0, 1, 50, 300]), 100, 10)
    assert decoding.timing == Timing(Fraction(1, 100), (10, 2, 10, 10, 50, 300))
    assert decoding.notes == ("delays of 0 and 10 ms count as 100 ms, as in browsers",)
    grays = [float(frame.mean()) for frame in decoding.frames]
    assert grays == pytest.approx(np.linspace(10, 240, 6).astype(int), abs=3)
    assert facts_here(a_gif([10, 2, 0, 1, 50, 300])).duration == Fraction(382, 100)
    assert timing_in(a_gif([30, 40]), most=1).durations == (30,)
    decoding = decoded_here(a_gif([10, 2]), 100, 10)
    assert decoding.notes == ()


def test_what_is_transparent_in_a_gif_is_white() -> None:
    pixels = np.zeros((32, 40, 4), np.uint8)
    pixels[:, :20] = (200, 30, 30, 255)
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "GIF")
    frame = next(decoded_here(Video(buffer.getvalue())).frames)
    assert frame[5, 5].tolist() == pytest.approx([200, 30, 30], abs=2)
    assert (frame[:, 20:] == 255).all()


def test_transparency_that_is_left_out_is_said() -> None:
    for metadata, notes in (({"alpha_mode": "1"}, ("its transparency is left out",)), ({}, ())):
        assert decoded_here(timed([0, 40], MS, Encoding("webm", "libvpx", {}, metadata=metadata))).notes == notes


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(4, 3), (48, 85)), (Fraction(1, 2), (96, 64)), (Fraction(1), (48, 64))], ids=str
)
def test_pixels_are_made_square(aspect: Fraction, size: tuple[int, int]) -> None:
    video = timed([0, 1], Fraction(1, 10), Encoding(tags={"sample_aspect_ratio": aspect}))  # type: ignore[dict-item]
    facts = facts_here(video)
    assert (facts.height, facts.width) == size
    said = (f"pixels of {aspect.numerator}:{aspect.denominator} were made square",) if aspect != 1 else ()
    decoding = decoded_here(video, 1000, 10)
    assert ((decoding.height, decoding.width), decoding.notes) == (size, said)
    assert next(decoding.frames).shape == (*size, 3)


def test_a_long_video_keeps_its_shape_where_it_is_made_small() -> None:
    frames = [np.tile(frame, (1, 7, 1))[:32, :400] for frame in pan(2)]
    decoding = decoded_here(a_video(frames), 32, 10)
    assert (decoding.height, decoding.width) == (16, 200)
    assert decoding.notes == ("the longer side is more than 32 px, since the shorter one is 16 px",)


def test_frames_of_another_size_are_stretched_and_it_is_said() -> None:
    """As screen recorders write when a window is turned: the size changes within the stream."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as video:
        parts = [written(pan(2, height=h, width=w), [0, 40], MS, Encoding("h264")) for h, w in ((48, 64), (64, 48))]
        stream, number = None, 0
        for part in parts:
            with av.open(io.BytesIO(part.content), format="h264") as raw:
                stream = stream or video.add_stream_from_template(raw.streams.video[0])
                for packet in filter(lambda packet: packet.size, raw.demux(video=0)):
                    packet.stream, packet.time_base, packet.duration = stream, MS, 40
                    packet.pts = packet.dts = 40 * number
                    video.mux(packet)
                    number += 1
    decoding = decoded_here(Video(buffer.getvalue()))
    assert decoding.notes == ("frames of another size are stretched to that of the first",)
    assert {frame.shape for frame in decoding.frames} == {(48, 64, 3)}


MATRICES = {
    "turned clockwise": ((0, 1, -1, 0), lambda frame: np.rot90(frame, -1)),
    "turned counterclockwise": ((0, -1, 1, 0), np.rot90),
    "upside down": ((-1, 0, 0, -1), lambda frame: frame[::-1, ::-1]),
    "mirrored": ((-1, 0, 0, 1), lambda frame: frame[:, ::-1]),
    "mirrored and turned": ((0, 1, 1, 0), lambda frame: frame.swapaxes(0, 1)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_display_matrix_turns_and_mirrors(name: str) -> None:
    """(a, b, c, d): x' = a x + c y, y' = b x + d y, as telephones write it for frames that lie."""
    (a, b, c, d), turned = MATRICES[name]
    content, unit = a_video(pan(2), "mp4").content, 0x10000
    start = content.index(b"tkhd") + 44
    matrix = struct.pack(">9i", a * unit, b * unit, 0, c * unit, d * unit, 0, 0, 0, 0x40000000)
    flat, upright = map(decoded_here, (Video(content), Video(content[:start] + matrix + content[start + 36 :])))
    for before, after in zip(flat.frames, upright.frames, strict=True):
        assert np.abs(after.astype(int) - turned(before)).mean() < 2


def test_the_fields_of_an_interlaced_video_are_joined_and_it_is_said() -> None:
    """Something that moves 8 px between the fields of a frame has no combs any more, that is rows that alternate."""
    frames = []
    for number in range(4):
        pixels = np.zeros((48, 96, 3), np.uint8)
        for field, rows in enumerate((pixels[0::2], pixels[1::2])):
            rows[:, 16 * number + 8 * field : 16 * number + 8 * field + 24] = 255
        frames.append(pixels)
    options = {"crf": "5", "bf": "0", "flags": "+ildct+ilme", "x264-params": "tff=1"}
    video = written(frames, range(4), Fraction(1, 25), Encoding(options=options))
    combs = np.abs(np.diff(frames[1][:, :, 0].astype(int), axis=0)).mean()
    for most in (10, 1):
        decoding = decoded_here(video, 1000, most)
        assert decoding.notes == ("interlaced: the two fields of a frame were made one picture",)
        found = list(decoding.frames)
        assert len(found) == min(most, 4)
        assert np.abs(np.diff(found[-1][:, :, 0].astype(int), axis=0)).mean() < 0.2 * combs
    assert facts_here(video).notes == ("interlaced: the two fields of a frame were made one picture",)
