"""The child process with limits that decodes strangers' pictures, one after the other; no picture can crash ours."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Literal, Self, cast

import numpy as np

from core.errors import BadPicture
from core.items import Pixels
from core.media import picture_decoder as decoder
from core.media.file_names import printable
from core.media.process_limits import REFUSED, failure_reason


@dataclass(frozen=True)
class KeptPicture:
    """A picture of a data set, as it is kept there."""

    data: bytes
    """The file as it was where it is plain, or a gray or RGB JPEG; else our own PNG of its pixels."""
    height: int
    """Of the upright picture, in pixels, as `width`."""
    width: int
    orientation: int
    """EXIF's orientation of the file, 1 to 8; the picture has been turned by it, or (a JPEG) is when it is decoded."""


class DecoderProcess:
    """Decodes pictures while it is open; a context manager. It starts with the first picture, and ends with a bad one.

    `door`: which pictures are taken, and what is given. `picture`: of 16 px or more, at most 20 times as wide as high,
    pixels; `dataset`: of any size, what is kept.
    """

    def __init__(self, door: Literal["picture", "dataset"], *, wall_clock_s: float) -> None:
        """`wall_clock_s`: limit of wall-clock time for each picture."""
        self._door, self._wall_clock_s = door, wall_clock_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def pixels(self, data: bytes, name: str) -> Pixels:
        """Pixels (H, W, 3) uint8 of a picture, read-only; `name` is used in messages. Raises BadPicture."""
        header, content = self._answer(data, name)
        return np.frombuffer(content, np.uint8).reshape(header["height"], header["width"], 3)

    def kept(self, data: bytes, name: str) -> KeptPicture:
        """What a data set keeps of a picture; `name` is used in messages. Raises BadPicture."""
        header, content = self._answer(data, name)
        return KeptPicture(content or data, header["height"], header["width"], header["orientation"])

    def _answer(self, data: bytes, name: str) -> tuple[dict[str, int], bytes]:
        """What the process answers for `data`. Raises BadPicture."""
        process = self._process = self._process or self._started()
        requests, answers = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        with suppress(BrokenPipeError):  # it has ended, and its status says why
            requests.write(b"%d\n" % len(data))
            requests.write(data)
            requests.flush()
        if not _is_readable(answers, self._wall_clock_s):
            process.kill()
        line = answers.readline()
        if line.endswith(b"\n"):
            header: dict[str, int] = json.loads(line)
            content = answers.read(header["size_bytes"])
            if len(content) == header["size_bytes"]:
                return header, content
        raise BadPicture(f"{name} {_reason(process.wait(), line, decoder.DOORS[self._door].time_s)}")

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-m", decoder.__name__, self._door]
        return subprocess.Popen(  # noqa: S603 - our own module, no argument comes from a user
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
        )


def _is_readable(pipe: BinaryIO, within_s: float) -> bool:
    """Whether there is something to read, or the pipe's end, within so many seconds; nothing of it is buffered."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return bool(selector.select(within_s))


def _reason(status: int, output: bytes, time_s: int) -> str:
    """Why a decoder ended with this status after this output: the rest of a sentence after the picture's name."""
    if status == REFUSED:
        return printable(output[:300].decode(errors="replace"))
    return failure_reason(status, action="decode", time_s=time_s, memory_bytes=decoder.MEMORY_BYTES)
