"""The kinds of TIFF that Pillow reads wrong: they are read right, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PIL import ImagePalette
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COLORMAP,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    PREFIXES,
    SAMPLEFORMAT,
    YCBCRSUBSAMPLING,
    TiffImageFile,
)

from core.media.process_limits import Refused

SIGNATURES = tuple(PREFIXES)
"""The first bytes of a TIFF."""
MIN_IS_WHITE, YCBCR = 0, 6
"""Values of PHOTOMETRIC_INTERPRETATION."""
SIGNED, FLOAT = 2, 3
"""Values of SAMPLEFORMAT."""
SEPARATE = 2
"""Value of PLANAR_CONFIGURATION."""
PREMULTIPLIED = "premultiplied"
"""Key in `info` of a picture whose colors are multiplied by its alpha, as in the file."""


def prepare(image: TiffImageFile) -> None:
    """Make `image`, which is opened and not decoded, one that is decoded right. Raises Refused where that fails."""
    _check_numbers(image)
    if _is(image, PHOTOMETRIC_INTERPRETATION, YCBCR) and _is_raw(image) and _subsampling(image) != (1, 1):
        raise Refused("has colors of fewer pixels than its brightness, without compression, which is not read")
    if "icc_profile" not in image.info and any(_raw_mode(tile) in UNMULTIPLIED for tile in image.tile):
        _replace_raw_modes(image, lambda mode: UNMULTIPLIED.get(mode, mode))
        image.info[PREMULTIPLIED] = True
    if image.mode == "La":
        image.info[PREMULTIPLIED] = True
    if _is(image, PLANAR_CONFIGURATION, SEPARATE) and _is_raw(image) and bits_of(image) == 16:
        if image.mode == "CMYK":
            raise Refused("has inks of 16 bits in separate planes without compression, which is not read")
        _keep_sixteen_bits_of_planes(image)
    if image.mode in ("P", "PA") and max(colors := image.tag_v2[COLORMAP]) < 256:  # an old program's, of 8 bits
        image.palette = ImagePalette.raw("RGB;L", bytes(colors))


UNMULTIPLIED = {"a": "A"} | {f"RGBa{bits}": f"RGBA{bits}" for bits in ("", ";16L", ";16B", ";16N")}
"""Raw modes that divide colors by their alpha, which rounds -> those that leave them as they are."""


def bits_of(image: TiffImageFile) -> int:
    """Bits of a number in the file."""
    return int(image.tag_v2.get(BITSPERSAMPLE, (1,))[0])


def is_inverted(image: TiffImageFile) -> bool:
    """Whether 0 is white, which it also is where nothing is said, and Pillow leaves it so, as of 16 bits."""
    meaning = image.tag_v2.get(PHOTOMETRIC_INTERPRETATION, MIN_IS_WHITE)
    return bool(meaning == MIN_IS_WHITE) and image.mode.startswith("I;16")


def _check_numbers(image: TiffImageFile) -> None:
    """Raise Refused for numbers that Pillow takes for others."""
    (kind, *_), bits = image.tag_v2.get(SAMPLEFORMAT, (1,)), bits_of(image)
    if kind == SIGNED and bits < 32:
        raise Refused(f"has signed numbers of {bits} bits, they must be unsigned or float")
    if kind == FLOAT and _is(image, PHOTOMETRIC_INTERPRETATION, MIN_IS_WHITE):
        raise Refused("has float numbers of which 0 is white, 0 must be black")
    if bits == 32 and image.tag_v2.prefix == b"MM" and not _is_raw(image):
        raise Refused("has big-endian numbers of 32 bits in a compressed file, which is not read")


def _keep_sixteen_bits_of_planes(image: TiffImageFile) -> None:
    """Planes of 16 bits, of which Pillow takes each byte for a pixel: `R` becomes `R;16L` or `R;16B`."""
    order = "B" if image.tag_v2.prefix == b"MM" else "L"
    _replace_raw_modes(image, lambda mode: f"{mode};16{order}")


def _replace_raw_modes(image: TiffImageFile, replaced: Callable[[str], str]) -> None:
    """Change the raw mode of every tile: Pillow's name for the bytes of a pixel."""
    image.tile = [tile._replace(args=(replaced(_raw_mode(tile)), *(tile.args or ())[1:])) for tile in image.tile]


def _raw_mode(tile: Any) -> str:
    return str(tile.args[0])


def _is(image: TiffImageFile, tag: int, value: int) -> bool:
    return bool(image.tag_v2.get(tag) == value)


def _is_raw(image: TiffImageFile) -> bool:
    return bool(image.info["compression"] == "raw")


def _subsampling(image: TiffImageFile) -> tuple[int, ...]:
    return tuple(image.tag_v2.get(YCBCRSUBSAMPLING, (2, 2)))
