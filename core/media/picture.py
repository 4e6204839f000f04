"""Pictures: uploaded bytes are decoded once, to RGB pixels, and the pixels' digest is the picture's name."""

from __future__ import annotations

import hashlib
import io
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
from core.media.decoder_process import DecoderProcess
from core.media.decoding import UNREADABLE, decode, upright_size
from core.media.file_names import display_name
from core.media.process_limits import Refused

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
    """The picture in an uploaded PNG, JPEG, WEBP, GIF, TIFF or BMP file, decoded in a child process with limits.

    It is the first frame, upright by its EXIF orientation, in sRGB, with transparency over white; of 16 bits per
    channel, the upper 8. `name` is used in messages. Raises BadPicture.
    """
    check_bytes(len(data), name)
    with _DECODERS, DecoderProcess("picture", wall_clock_s=decoder.TIME_S) as process:
        return Picture(process.pixels(data, display_name(name, DEFAULT_NAME)))


def decoded(data: bytes, name: str, reduced_px: int | None = None) -> PillowImage.Image:
    """The picture in `data`, which a decoder process has accepted before, as `read_picture` reads it; mode RGB.

    For the pictures of data sets, which are kept as `DecoderProcess.kept` gives them. `name` is used in messages;
    `reduced_px`: a JPEG may be decoded at a smaller size, but at least so many pixels wide and high. Raises BadPicture.
    """
    try:
        return decode(data, reduced_px)
    except Refused as refusal:
        raise BadPicture(f"{name} {refusal}") from None
    except UNREADABLE:
        raise BadPicture(f"{name} is damaged or incomplete") from None


def size_of(data: bytes, name: str) -> tuple[int, int]:
    """Width and height of a picture that `decoded` takes, read from its header. Raises BadPicture."""
    try:
        return upright_size(data)
    except Refused as refusal:
        raise BadPicture(f"{name} {refusal}") from None
    except UNREADABLE:
        raise BadPicture(f"{name} is damaged or incomplete") from None


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
        decoder.check_sides(picture.width, picture.height, decoder.DOORS["picture"])
    except Refused as refusal:
        raise BadPicture(f"{name} {refusal}") from None


def thumbnail(pixels: Pixels, side_px: int) -> bytes:
    """`pixels` (H, W, 3) uint8 as WebP, shrunk so that the longer side is at most `side_px`."""
    image = PillowImage.fromarray(pixels)
    image.thumbnail((side_px, side_px), PillowImage.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=THUMBNAIL_QUALITY)
    return buffer.getvalue()
