"""Pictures: uploaded bytes are decoded once, to RGB pixels, and the pixels' digest is the picture's name."""

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
from core.media.file_names import display_name, printable
from core.media.process_limits import REFUSED, Refused, failure_reason

MAX_BYTES = 25_000_000
"""Size limit of an encoded picture."""
THUMBNAIL_QUALITY = 85
"""Of WebP, 0 to 100."""
DEFAULT_NAME = "picture"
_DECODERS = threading.BoundedSemaphore(2)
"""At most two decoders run at once: each may take `decoder.MEMORY_BYTES`."""


@dataclass(frozen=True, eq=False)
class Picture:
    """`pixels` (H, W, 3) uint8, sRGB, read-only (`torch.tensor` copies them); see `from_pixels` and `read_picture`."""

    pixels: Pixels

    @classmethod
    def from_pixels(cls, array: NDArray[Any]) -> Picture:
        """A picture with a copy of `array` (H, W, 3) uint8. Raises BadPicture for any other array, or an empty one."""
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
            raise BadPicture(
                f"a picture must be an array (height, width, 3) of uint8, got {array.shape} of {array.dtype}"
            )
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
        """The picture as PNG, without metadata."""
        return png_bytes(self.pixels)


def read_picture(data: bytes, name: str = DEFAULT_NAME) -> Picture:
    """The picture in an uploaded PNG, JPEG, WEBP, GIF or TIFF file, decoded in a child process with limits.

    It is the first frame, upright by its EXIF orientation, in sRGB, with transparency over white; of 16 bits per
    channel, the upper 8. `name` is used in messages. Raises BadPicture.
    """
    check_bytes(len(data), name)
    name = display_name(name, DEFAULT_NAME)
    status, output = _decode_in_child(data, name)
    if status == REFUSED:
        raise BadPicture(f"{name} {printable(output[:300].decode(errors='replace'))}")
    if status != 0:
        limits = {"time_s": decoder.TIME_S, "memory_bytes": decoder.MEMORY_BYTES}
        raise BadPicture(f"{name} {failure_reason(status, action='decode', **limits)}")
    header, _, content = output.partition(b"\n")
    return Picture(np.frombuffer(content, np.uint8).reshape(*json.loads(header), 3))


def check_bytes(size_bytes: int, name: str) -> None:
    """Raise BadPicture for an empty file, or one above the size limit."""
    name = display_name(name, DEFAULT_NAME)
    if size_bytes == 0:
        raise BadPicture(f"{name} is empty: 0 bytes")
    if size_bytes > MAX_BYTES:
        raise BadPicture(f"{name} has {size_bytes / 1e6:.2f} MB, the limit is {MAX_BYTES / 1e6:.0f} MB")


def check_png(png: bytes, picture: Picture, name: str) -> None:
    """Raise BadPicture where `read_picture` would refuse the PNG of `picture` for its size."""
    check_bytes(len(png), name)
    try:
        decoder.check_sides(picture.width, picture.height)
    except Refused as refusal:
        raise BadPicture(f"{name} {refusal}") from None


def thumbnail(pixels: Pixels, side_px: int) -> bytes:
    """`pixels` (H, W, 3) uint8 as WebP, shrunk so that the longer side is at most `side_px`."""
    image = PillowImage.fromarray(pixels)
    image.thumbnail((side_px, side_px), PillowImage.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=THUMBNAIL_QUALITY)
    return buffer.getvalue()


def _decode_in_child(data: bytes, name: str) -> tuple[int, bytes]:
    """(exit status, standard output) of a decoder process for `data`, isolated and with an empty environment."""
    command = [sys.executable, "-I", "-m", decoder.__name__]
    with _DECODERS:
        try:
            done = subprocess.run(  # noqa: S603 - our own module, no argument comes from a user
                command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={},
                timeout=decoder.TIME_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise BadPicture(f"{name} takes longer than the limit of {decoder.TIME_S} s to decode") from None
    return done.returncode, done.stdout
