"""Videos: an uploaded file is probed, and decoded frame by frame, in a child process with limits."""

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
from typing import IO, Any

import numpy as np

from core.canonical import sha256_hex
from core.errors import BadInput
from core.items import Pixels
from core.media.file_names import display_name, printable
from core.media.frame_times import Timing
from core.media.process_limits import OUT_OF_MEMORY, REFUSED

DECODER = "core.media.video_decoder"
"""Not imported, so that neither the dashboard nor a worker's parent process loads FFmpeg."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MAX_BYTES = 100_000_000
"""Size limit of a video file."""
DEFAULT_NAME = "this video"
TYPES = {
    b"GIF8": "image/gif", b"\x1aE\xdf\xa3": "video/webm",
    **dict.fromkeys((b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"), "video/mp4"),
}  # fmt: skip
"""The first four bytes of a video, or the next four -> its media type; that of MOV and Matroska as browsers take it."""
_PROBES = threading.BoundedSemaphore(2)
"""At most two videos are probed at once for the pages: each takes some memory."""


@dataclass(frozen=True, eq=False)
class Video:
    """An unchanged file, MP4, MOV, WebM, Matroska or GIF, from `read_video`, or from bytes that were probed before."""

    content: bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, 64 hex digits."""
        return sha256_hex(self.content)

    @property
    def content_type(self) -> str:
        """Media type: `image/gif`, `video/mp4` or `video/webm`, else `application/octet-stream`."""
        return TYPES.get(self.content[:4]) or TYPES.get(self.content[4:8], "application/octet-stream")


@dataclass(frozen=True)
class VideoFacts:
    """Number of frames, size and duration of a video."""

    frames: int
    """How many."""
    height: int
    """In pixels, upright."""
    width: int
    """In pixels, upright."""
    duration: Fraction
    """In seconds, until the last frame ends."""
    steady: bool
    """Whether all frames last equally long."""
    notes: tuple[str, ...] = ()
    """How unusual times and pixels are read, a clause each."""

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return float(self.duration)

    @property
    def frame_rate(self) -> float:
        """Frames a second, on average."""
        return float(self.frames / self.duration)


@dataclass(frozen=True, eq=False)
class DecodedVideo:
    """A video that is being decoded."""

    height: int
    width: int
    timing: Timing
    """For how long each frame is shown."""
    frames: Iterator[Pixels]
    """Each (height, width, 3) uint8."""
    notes: tuple[str, ...] = ()
    """How unusual times and pixels were read, a clause each."""

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.timing.durations)


def checked_digest(text: str) -> str:
    """`text`, if it is the digest of a video or empty. Raises ValueError."""
    if text and (len(text) != 64 or not set(text) <= set("0123456789abcdef")):
        raise ValueError(f"a video is named by its digest, 64 hex digits, got {text[:80]!r}")
    return text


def read_video(data: bytes, name: str = "video") -> Video:
    """The video in an uploaded file, after its frames were counted and the first was decoded in a child process.

    `name` is used in messages. Raises BadInput.
    """
    check_bytes(len(data), name)
    video = Video(data)
    facts_of(video, name)
    return video


def check_bytes(size_bytes: int, name: str) -> None:
    """Raise BadInput for an empty file, or one above the size limit."""
    name = display_name(name, DEFAULT_NAME)
    if size_bytes == 0:
        raise BadInput(f"{name} is empty: 0 bytes")
    if size_bytes > MAX_BYTES:
        raise BadInput(f"{name} has {size_bytes / 1e6:.2f} MB, the limit is {MAX_BYTES / 1e6:.0f} MB")


def facts_of(video: Video, name: str = DEFAULT_NAME) -> VideoFacts:
    """Number of frames, size and duration of a video. Raises BadInput; the sentence begins with `name`."""
    with _PROBES, _decoder(video, "probe") as decoder:
        return _facts(decoder, display_name(name, DEFAULT_NAME))


def first_frame(video: Video, longer_px: int) -> Pixels:
    """The first frame (height, width, 3) uint8, upright, with a longer side of at most `longer_px`. Raises BadInput."""
    with _PROBES, decoded(video, longer_px, 1) as decoding:
        return next(decoding.frames)


@contextmanager
def decoded(video: Video, longer_px: int, max_frames: int, name: str = DEFAULT_NAME) -> Iterator[DecodedVideo]:
    """Context manager with the first frames of a video, upright, with a longer side of at most `longer_px`.

    Raises BadInput, here or while frames are read; the sentence begins with `name`.
    """
    with _decoder(video, str(longer_px), str(max_frames)) as decoder:
        yield _decoded_video(decoder, display_name(name, DEFAULT_NAME))


@contextmanager
def _decoder(video: Video, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Context manager with a decoder process for the video, isolated and with an empty environment."""
    command = [sys.executable, "-I", "-m", DECODER, *arguments]
    with tempfile.TemporaryFile() as file:
        file.write(video.content)
        file.seek(0)
        decoder = subprocess.Popen(  # noqa: S603 - our own module, no argument comes from a user
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ONE_THREAD
        )
        try:
            yield decoder
        finally:
            decoder.kill()
            decoder.communicate()


def _header(decoder: subprocess.Popen[bytes], name: str) -> dict[str, Any]:
    """The header that the decoder wrote. Raises BadInput."""
    header = _output(decoder).readline()
    if not header.endswith(b"\n"):
        raise BadInput(f"{name} {_failure(decoder.wait(), header)}")
    values: dict[str, Any] = json.loads(header)
    return values


def _facts(decoder: subprocess.Popen[bytes], name: str) -> VideoFacts:
    header = _header(decoder, name)
    duration, notes = Fraction(*header.pop("seconds")), tuple(header.pop("notes"))
    return VideoFacts(**header, duration=duration, notes=notes)


def _decoded_video(decoder: subprocess.Popen[bytes], name: str) -> DecodedVideo:
    header = _header(decoder, name)
    height, width, durations = header["height"], header["width"], tuple(header["durations"])

    def frames() -> Iterator[Pixels]:
        for _ in durations:
            content = _output(decoder).read(height * width * 3)
            if len(content) < height * width * 3:
                raise BadInput(f"{name} {_failure(decoder.wait(), b'')}")
            yield np.frombuffer(content, np.uint8).reshape(height, width, 3)

    timing = Timing(Fraction(*header["tick"]), durations)
    return DecodedVideo(height, width, timing, frames(), tuple(header["notes"]))


def _output(decoder: subprocess.Popen[bytes]) -> IO[bytes]:
    if decoder.stdout is None:
        raise TypeError("a decoder's output is a pipe")
    return decoder.stdout


def _failure(status: int, output: bytes) -> str:
    """Why a decoder gave no frames: the rest of a sentence that begins with the video's name."""
    if status == REFUSED:
        return printable(output[:300].decode(errors="replace"))
    if status == OUT_OF_MEMORY:
        return "takes too much memory to decode"
    return "is damaged or incomplete, or takes too long to decode"
