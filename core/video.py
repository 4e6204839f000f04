"""Films: a stranger's file, looked at and decoded in a process of its own, frame by frame."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import numpy as np

from core.canonical import sha256_hex
from core.errors import BadInput
from core.items import Pixels

DECODER = Path(__file__).with_name("video_decoder.py")
REFUSED, OUT_OF_MEMORY = 3, 4
"""The decoder's exit statuses; it is not imported, since pages have no PyAV."""
MAX_BYTES = 100_000_000
LOOK_PX = 64


@dataclass(frozen=True, eq=False)
class Video:
    """A film's file as it came, MP4 or GIF. Made by `read_video`, or of bytes that were looked at before."""

    content: bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, 64 hex digits."""
        return sha256_hex(self.content)


@dataclass(frozen=True, eq=False)
class Film:
    """A film that is being decoded."""

    count: int
    """Frames."""
    height: int
    width: int
    rate: Fraction
    """Frames a second."""
    frames: Iterator[Pixels]
    """(height, width, 3) uint8 each."""


def checked_digest(text: str) -> str:
    """`text`, a film's digest or empty. Raises ValueError, with a sentence."""
    if text and (len(text) != 64 or not set(text) <= set("0123456789abcdef")):
        raise ValueError(f"a film is named by its digest, 64 hex digits, got {text[:80]!r}")
    return text


def read_video(data: bytes, name: str = "film") -> Video:
    """The film in a stranger's file; its header and first frame are looked at, `name` is for the messages.

    Raises BadInput, one sentence with the value and what is allowed.
    """
    if not 0 < len(data) <= MAX_BYTES:
        raise BadInput(f"{name[:80]} has {len(data) / 1e6:.2f} MB, allowed are films up to {MAX_BYTES / 1e6:.0f} MB")
    with decoded(Video(data), LOOK_PX, 1, name) as film:
        next(film.frames)
    return Video(data)


@contextmanager
def decoded(video: Video, longer_px: int, most: int, name: str = "this film") -> Iterator[Film]:
    """The first frames of a film, `most` at most, upright, shrunk to this longer side where it is larger.

    Raises BadInput, here or while frames are read: one sentence that begins with `name`.
    """
    if find_spec("av") is None:
        raise BadInput("films need the package av, which is not installed here")
    command = [sys.executable, "-I", str(DECODER), str(longer_px), str(most)]
    with tempfile.TemporaryFile() as file:
        file.write(video.content)
        file.seek(0)
        decoder = subprocess.Popen(  # noqa: S603 - our own file, no word of a stranger's among the arguments
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
        )
        try:
            yield _film(decoder, name[:80])
        finally:
            decoder.kill()
            decoder.communicate()


def _film(decoder: subprocess.Popen[bytes], name: str) -> Film:
    out = _output(decoder)
    header = out.readline()
    if not header.endswith(b"\n"):
        raise BadInput(f"{name} {_reason(decoder.wait(), header)}")
    count, height, width, *rate = json.loads(header)

    def frames() -> Iterator[Pixels]:
        for _ in range(count):
            content = out.read(height * width * 3)
            if len(content) < height * width * 3:
                raise BadInput(f"{name} {_reason(decoder.wait(), b'')}")
            yield np.frombuffer(content, np.uint8).reshape(height, width, 3)

    return Film(count, height, width, Fraction(*rate), frames())


def _output(decoder: subprocess.Popen[bytes]) -> IO[bytes]:
    if decoder.stdout is None:
        raise TypeError("a decoder's output is a pipe")
    return decoder.stdout


def _reason(status: int, said: bytes) -> str:
    if status == REFUSED:
        return "".join(letter if letter.isprintable() else "?" for letter in said[:300].decode(errors="replace"))
    if status == OUT_OF_MEMORY:
        return "takes too much memory to decode"
    return "is damaged or cut short, or takes too long to decode"
