"""Pictures: how a stranger's bytes become pixels, once, and what a picture's name is made of."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from core.errors import BadPicture
from core.items import Pixels, png_bytes
from core.media import picture_decoder as decoder
from core.media.process_limits import OUT_OF_MEMORY, REFUSED

MAX_BYTES = 25_000_000
THUMBNAIL_QUALITY = 85
_DECODERS = threading.BoundedSemaphore(2)
"""Two pictures at a time: each may take `decoder.MEMORY_BYTES`."""


@dataclass(frozen=True, eq=False)
class Picture:
    """`pixels` (H, W, 3) uint8, sRGB, read-only (`torch.tensor` copies them). Made by `from_pixels`, `read_picture`."""

    pixels: Pixels

    @classmethod
    def from_pixels(cls, array: NDArray[Any]) -> Picture:
        """A picture of a copy of `array`; BadPicture unless it is (H, W, 3) uint8 with at least one pixel."""
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
            raise BadPicture(f"a picture is an array (height, width, 3) of uint8, got {array.shape} of {array.dtype}")
        pixels = np.array(array, order="C")
        pixels.setflags(write=False)
        return cls(pixels)

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the ASCII text `HEIGHTxWIDTHx3:` and then the pixels, row by row, RGB; 64 hex digits."""
        content = hashlib.sha256(f"{self.height}x{self.width}x3:".encode("ascii"))
        content.update(self.pixels.tobytes())
        return content.hexdigest()

    def png(self) -> bytes:
        """The picture as our own PNG: pixels and nothing else."""
        return png_bytes(self.pixels)


def read_picture(data: bytes, name: str = "picture") -> Picture:
    """The picture in a stranger's file, decoded in a process of its own with limits; `name` is for the messages.

    PNG, JPEG, WEBP, GIF or TIFF: the first frame, turned by EXIF, in sRGB, alpha over white, 16 bits by the high byte.
    Raises BadPicture, one sentence with the value and what is allowed.
    """
    check_bytes(len(data), name)
    shown = _shown_name(name)
    status, output = _decode_apart(data, shown)
    if status == REFUSED:
        raise BadPicture(f"{shown} {_printable(output[:300].decode(errors='replace'))}")
    if status != 0:
        raise BadPicture(f"{shown} {_reason_of_death(status)}")
    header, _, content = output.partition(b"\n")
    return Picture(np.frombuffer(content, np.uint8).reshape(*json.loads(header), 3))


def check_bytes(size_bytes: int, name: str) -> None:
    """Raise BadPicture where a file of this size is refused: before it is read, if the size is known."""
    if size_bytes == 0:
        raise BadPicture(f"{_shown_name(name)} is empty: 0 bytes")
    if size_bytes > MAX_BYTES:
        raise BadPicture(f"{_shown_name(name)} has {size_bytes / 1e6:.2f} MB, allowed are {MAX_BYTES / 1e6:.0f} MB")


def thumbnail(pixels: Pixels, side_px: int) -> bytes:
    """`pixels` (H, W, 3) uint8 as WebP whose longer side is at most `side_px`; never enlarged."""
    image = PillowImage.fromarray(pixels)
    image.thumbnail((side_px, side_px), PillowImage.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=THUMBNAIL_QUALITY)
    return buffer.getvalue()


def _decode_apart(data: bytes, shown: str) -> tuple[int, bytes]:
    """Exit status and standard output of a decoder that was given `data`. Isolated, without our environment."""
    command = [sys.executable, "-I", "-m", decoder.__name__]
    with _DECODERS:
        try:
            done = subprocess.run(  # noqa: S603 - our own module, no word of a stranger's among the arguments
                command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={},
                timeout=decoder.TIME_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise BadPicture(f"{shown} takes longer than {decoder.TIME_S} s to decode, which is the limit") from None
    return done.returncode, done.stdout


def _reason_of_death(status: int) -> str:
    if status in decoder.OUT_OF_TIME:
        return f"takes longer than {decoder.TIME_S} s to decode, which is the limit"
    if status == OUT_OF_MEMORY:
        return f"takes more than {decoder.MEMORY_BYTES // 2**20} MB of memory to decode, which is the limit"
    return "is damaged or cut short: only a whole picture is taken"


def _shown_name(name: str) -> str:
    """`name` without a folder, short, and printable in one line."""
    plain = _printable(name.replace("\\", "/").rpartition("/")[2]) or "picture"
    return plain if len(plain) <= 60 else f"{plain[:40]}...{plain[-17:]}"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
