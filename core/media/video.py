"""Videos: a stranger's file, looked at and decoded in a process of its own, frame by frame."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import IO

import numpy as np

from core.canonical import sha256_hex
from core.errors import BadInput
from core.items import Pixels
from core.media.process_limits import OUT_OF_MEMORY, REFUSED

DECODER = "core.media.video_decoder"
"""It is not imported: no page and no parent of a worker loads FFmpeg."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MAX_BYTES = 100_000_000
TYPES = {b"GIF8": "image/gif", b"ftyp": "video/mp4"}
"""What stands at a video's beginning, or behind its first four bytes -> what it is called on the web."""
_LOOKS = threading.BoundedSemaphore(2)
"""Two videos at a time are looked at for a page: each may take some memory."""


@dataclass(frozen=True, eq=False)
class Video:
    """A video's file as it came, MP4 or GIF. Made by `read_video`, or of bytes that were looked at before."""

    content: bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, 64 hex digits."""
        return sha256_hex(self.content)

    @property
    def content_type(self) -> str:
        """`video/mp4` or `image/gif`."""
        return TYPES.get(self.content[:4]) or TYPES.get(self.content[4:8], "application/octet-stream")


@dataclass(frozen=True)
class VideoFacts:
    """What a video is told by."""

    frames: int
    height: int
    width: int
    """Pixels, upright."""
    frame_rate: Fraction
    """Frames a second."""

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return float(self.frames / self.frame_rate)


@dataclass(frozen=True, eq=False)
class DecodedVideo:
    """A video that is being decoded."""

    count: int
    """Frames."""
    height: int
    width: int
    frame_rate: Fraction
    """Frames a second."""
    frames: Iterator[Pixels]
    """(height, width, 3) uint8 each."""


def checked_digest(text: str) -> str:
    """`text`, a video's digest or empty. Raises ValueError, with a sentence."""
    if text and (len(text) != 64 or not set(text) <= set("0123456789abcdef")):
        raise ValueError(f"a video is named by its digest, 64 hex digits, got {text[:80]!r}")
    return text


def read_video(data: bytes, name: str = "video") -> Video:
    """The video in a stranger's file, whose frames are counted and the first is decoded; `name` is for the messages.

    Raises BadInput, one sentence with the value and what is allowed.
    """
    check_bytes(len(data), name)
    video = Video(data)
    facts_of(video, name)
    return video


def check_bytes(size_bytes: int, name: str) -> None:
    """Raise BadInput where a video of this size is refused: before it is read, if the size is known."""
    if not 0 < size_bytes <= MAX_BYTES:
        allowed = f"allowed are videos up to {MAX_BYTES / 1e6:.0f} MB"
        raise BadInput(f"{_shown(name)} has {size_bytes / 1e6:.2f} MB, {allowed}")


def facts_of(video: Video, name: str = "this video") -> VideoFacts:
    """Frames, size and speed of a video. Raises BadInput: one sentence that begins with `name`."""
    with _LOOKS, _decoder(video, "look") as decoder:
        count, height, width, *frame_rate = _header(decoder, _shown(name))
    return VideoFacts(count, height, width, Fraction(*frame_rate))


def first_frame(video: Video, longer_px: int) -> Pixels:
    """(height, width, 3) uint8, upright, shrunk to this longer side. Raises BadInput."""
    with _LOOKS, decoded(video, longer_px, 1) as decoding:
        return next(decoding.frames)


@contextmanager
def decoded(video: Video, longer_px: int, most: int, name: str = "this video") -> Iterator[DecodedVideo]:
    """The first frames of a video, `most` at most, upright, shrunk to this longer side where it is larger.

    Raises BadInput, here or while frames are read: one sentence that begins with `name`.
    """
    with _decoder(video, str(longer_px), str(most)) as decoder:
        yield _video(decoder, _shown(name))


@contextmanager
def _decoder(video: Video, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that decodes the video, isolated and without our environment; it is gone afterwards."""
    command = [sys.executable, "-I", "-m", DECODER, *arguments]
    with tempfile.TemporaryFile() as file:
        file.write(video.content)
        file.seek(0)
        decoder = subprocess.Popen(  # noqa: S603 - our own module, no word of a stranger's among the arguments
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ONE_THREAD
        )
        try:
            yield decoder
        finally:
            decoder.kill()
            decoder.communicate()


def _header(decoder: subprocess.Popen[bytes], name: str) -> list[int]:
    header = _output(decoder).readline()
    if not header.endswith(b"\n"):
        raise BadInput(f"{name} {_reason(decoder.wait(), header)}")
    numbers: list[int] = json.loads(header)
    return numbers


def _video(decoder: subprocess.Popen[bytes], name: str) -> DecodedVideo:
    count, height, width, *frame_rate = _header(decoder, name)

    def frames() -> Iterator[Pixels]:
        for _ in range(count):
            content = _output(decoder).read(height * width * 3)
            if len(content) < height * width * 3:
                raise BadInput(f"{name} {_reason(decoder.wait(), b'')}")
            yield np.frombuffer(content, np.uint8).reshape(height, width, 3)

    return DecodedVideo(count, height, width, Fraction(*frame_rate), frames())


def _output(decoder: subprocess.Popen[bytes]) -> IO[bytes]:
    if decoder.stdout is None:
        raise TypeError("a decoder's output is a pipe")
    return decoder.stdout


def _shown(name: str) -> str:
    """A stranger's name of a file, short and in one line."""
    return _printable(name.replace("\\", "/").rpartition("/")[2])[-80:] or "this video"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _reason(status: int, said: bytes) -> str:
    if status == REFUSED:
        return _printable(said[:300].decode(errors="replace"))
    if status == OUT_OF_MEMORY:
        return "takes too much memory to decode"
    return "is damaged or cut short, or takes too long to decode"
