from __future__ import annotations

import os
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from core.items import Pixels, png_bytes
from core.media.frame_times import steady
from core.media.video import MAX_BYTES, Video, check_bytes, checked_digest, decoded, facts_of, read_video
from core.media.video_writer import VideoKind, encoded
from tests.support.odd_videos import Encoding, timed
from tests.support.running import descendants
from tests.support.videos import RATE, a_video, pan

TIMING = steady(5, RATE)


def frames_of(video: Video, longer_px: int = 1000, most: int = 100) -> list[Pixels]:
    with decoded(video, longer_px, most) as decoding:
        found = list(decoding.frames)
        assert len(found) == decoding.count
        assert all(frame.shape == (decoding.height, decoding.width, 3) for frame in found)
    return found


@pytest.mark.parametrize(("kind", "away"), [("mp4", 3.0), ("gif", 5.0)])
def test_a_video_that_is_written_and_read_is_the_same_but_for_its_encoding(kind: VideoKind, away: float) -> None:
    frames = pan(5)
    video = Video(encoded(frames, TIMING, kind))
    found = frames_of(video)
    assert len(found) == 5
    assert max(np.abs(one.astype(int) - other).mean() for one, other in zip(found, frames, strict=True)) < away
    with decoded(video, 1000, 100) as decoding:
        assert decoding.timing.seconds == Fraction(5, 10)
    assert video.digest == Video(encoded(frames, TIMING, kind)).digest, "the same frames, the same bytes"


def test_number_and_size_of_decoded_frames_are_limited() -> None:
    found = frames_of(a_video(pan(6)), longer_px=33, most=2)
    assert [frame.shape for frame in found] == [(25, 33, 3)] * 2


def test_odd_sides_stay_odd() -> None:
    assert frames_of(a_video(pan(2, height=47, width=63)))[0].shape == (47, 63, 3)


def test_a_video_that_is_left_early_leaves_no_process() -> None:
    before = descendants(os.getpid())
    with decoded(a_video(pan(6)), 1000, 100) as decoding:
        next(decoding.frames)
        assert descendants(os.getpid()) > before
    assert descendants(os.getpid()) == before


def test_a_rotated_video_is_decoded_upright() -> None:
    """As telephones write it: the frames lie, and the track's matrix (x, y) -> (-y, x) says so: clockwise."""
    content = a_video(pan(2), "mp4").content
    start = content.index(b"tkhd") + 44
    unit = 0x10000
    matrix = struct.pack(">9i", 0, unit, 0, -unit, 0, 0, 0, 0, 0x40000000)
    assert struct.unpack(">9i", content[start : start + 36])[:2] == (unit, 0)
    turned = frames_of(Video(content[:start] + matrix + content[start + 36 :]))
    upright = [np.rot90(frame, -1) for frame in frames_of(Video(content))]
    assert turned[0].shape == (64, 48, 3)
    assert all(np.abs(one.astype(int) - other).mean() < 2 for one, other in zip(turned, upright, strict=True))


def avi() -> bytes:
    return timed([0, 1], Fraction(1, 25), Encoding("avi")).content


def mjpeg() -> bytes:
    return timed([0, 1], Fraction(1, 25), Encoding("matroska", "mjpeg", {"strict": "unofficial"})).content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"^a\.mp4 is empty: 0 bytes$"),
        (b"no video at all", r"^a\.mp4 begins with b'no video', it must be an MP4, MOV, WebM, Matroska or GIF file$"),
        (png_bytes(pan(1)[0]), r"^a\.mp4 begins with "),
        (avi(), r"^a\.mp4 begins with "),
        (mjpeg(), r"^a\.mp4 is encoded as mjpeg, it must be H\.264, "),
        (a_video().content[:40], r"^a\.mp4 (is damaged|has no frames)"),
        (encoded(pan(3), steady(3, RATE), "mp4")[:900], r"^a\.mp4 (is damaged|has no frames)"),
        (encoded(pan(1, height=8, width=64), steady(1, RATE), "gif"), r"^a\.mp4 is 64 x 8 px, its sides must be 16"),
        (encoded(pan(1, height=16, width=340), steady(1, RATE), "gif"), r"^a\.mp4 is 340 x 16 px, one side"),
    ],
    ids=["empty", "text", "picture", "AVI", "MJPEG", "cut GIF", "cut MP4", "low", "long"],
)
def test_an_invalid_or_unsupported_video_is_refused_in_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read_video(content, "a.mp4")


def test_a_video_is_named_by_the_hash_of_its_file() -> None:
    video = read_video(a_video().content)
    assert checked_digest(video.digest) == video.digest
    assert checked_digest("") == ""
    with pytest.raises(ValueError, match="64 hex digits"):
        checked_digest("clip.mp4")


def test_frames_size_and_frame_rate_of_a_video() -> None:
    facts = facts_of(a_video(pan(7), "mp4"))
    assert (facts.frames, facts.height, facts.width, facts.frame_rate, facts.seconds) == (7, 48, 64, 10, 0.7)
    assert facts_of(a_video(pan(4))).frames == 4


@pytest.mark.parametrize(("kind", "content_type"), [("mp4", "video/mp4"), ("gif", "image/gif")])
def test_the_media_type_of_a_video(kind: VideoKind, content_type: str) -> None:
    assert a_video(kind=kind).content_type == content_type
    assert timed([0, 1], Fraction(1, 25), Encoding("webm", "libvpx", {})).content_type == "video/webm"
    assert Video(b"<html>").content_type == "application/octet-stream"


def test_too_large_a_video_is_refused_unread() -> None:
    with pytest.raises(BadInput, match=r"^a\.mp4 has 100\.00 MB, the limit is 100 MB$"):
        check_bytes(MAX_BYTES + 1, "C:\\videos\\a.mp4")


def test_modules_that_pages_import_load_no_ffmpeg() -> None:
    code = "import sys, core.store.sources, core.methods; print('av' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.split() == ["False", "False"]
