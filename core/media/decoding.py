"""From bytes to pixels: the one reading of every picture, whether uploaded, of a data set or of a folder.

Strangers' bytes are decoded in a child process with limits (`core.media.decoder_process`); what that has accepted is
decoded where it is needed. This module imports Pillow and little else, so that the child starts in 0.1 s.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache, reduce
from itertools import product
from typing import Any, cast

import PIL.BmpImagePlugin
import PIL.Image
import PIL.TiffImagePlugin
import PIL.WebPImagePlugin  # these three are imported here because `open` would import all forty plugins to find them
from PIL import ImageChops, ImageCms, ImageMath, UnidentifiedImageError
from PIL.Image import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from core.media import tiff_kinds
from core.media.process_limits import Refused

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")
"""The formats that are read, by every door."""
ENDINGS = ("png", "jpg", "jpeg", "webp", "gif", "tif", "tiff", "bmp")
"""Endings of their files' names."""

UNREADABLE = (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError)
"""What Pillow raises for damaged pictures."""

ORIENTATION = 0x0112
"""EXIF tag."""
UPRIGHT = 1
TURNS: dict[Any, PIL.Image.Transpose] = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> transpose that makes the picture upright (Pillow rotates counter-clockwise)."""
SIDEWAYS = (5, 6, 7, 8)
"""Orientations that exchange width and height."""
SCALES = ((1, 255.0, 0.5), (255, 1.0, 0.5), (65_535, 1 / 256, 0.0))
"""(maximum value, factor, offset) that scale numbers of 32 bits to 0 to 255; 16 bits by their upper 8."""
GRAY_BITS = {"1": 1, "L;2": 2, "L;4": 4}
"""Pillow's name for the bytes of a gray PNG -> bits per pixel, where these are fewer than 8."""


def decode(data: bytes, reduced_px: int | None = None) -> Image:
    """The first frame of `data`: mode RGB, upright, sRGB, over white.

    `reduced_px`: a large JPEG may be decoded at a half, a quarter or an eighth of its size, still at least so many
    pixels wide and high. Raises Refused, or any error of Pillow.
    """
    image = opened(data)
    if reduced_px is not None:
        image.draft(image.mode, (reduced_px, reduced_px))
    return upright(image)


def opened(data: bytes) -> ImageFile:
    """The picture in `data`, with its header read, but not decoded. Raises Refused, ValueError, DecompressionBombError.

    Of a JPEG, WEBP or TIFF, `size` is that before it is turned upright, see `upright_size`.
    """
    if not data:
        raise Refused("is empty: 0 bytes")
    try:
        image = PIL.Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        if data.startswith(tiff_kinds.SIGNATURES):
            raise Refused("is an incomplete or damaged TIFF, or one of a kind that is not read") from None
        raise Refused(f"begins with {data[:12]!r}, it must be a complete file of {', '.join(FORMATS)}") from None
    if isinstance(image, TiffImageFile):
        tiff_kinds.prepare(image)
    return image


def upright(image: ImageFile) -> Image:
    """What `opened` gave, decoded: mode RGB, upright, sRGB, over white. Raises Refused, or any error of Pillow."""
    frame, covered = image.size, _covered(image)
    flat = over_white(image)
    if covered is not None:
        canvas = PIL.Image.new("RGB", frame, (255, 255, 255))
        canvas.paste(flat.crop(covered), covered)
        flat = canvas
    turn = TURNS.get(orientation_of(image))
    flat = flat if turn is None else flat.transpose(turn)
    flat.info = {}  # whoever keeps the pixels would keep a profile or an orientation with them, which are done with
    return flat


def upright_size(data: bytes) -> tuple[int, int]:
    """Width and height of the picture in `data` once it is upright, from its header. Raises as `opened` does."""
    image = opened(data)
    turned = image.format != "TIFF" and orientation_in_header(image) in SIDEWAYS  # Pillow has turned a TIFF's
    return image.size[::-1] if turned else image.size


def orientation_in_header(image: ImageFile) -> int:
    """Orientation of a picture that is not decoded yet; of a PNG, only where EXIF stands before the pixels."""
    if image.format == "PNG" and not image.info.keys() & {"exif", "Raw profile type exif", "XML:com.adobe.xmp"}:
        return UPRIGHT  # else Pillow would decode it to find EXIF behind the pixels
    return orientation_of(image)


def orientation_of(image: Image) -> int:
    """EXIF's orientation, 1 to 8; 1 where there is no readable one."""
    try:
        orientation = image.getexif().get(ORIENTATION)
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):  # what Pillow raises for damaged EXIF
        return UPRIGHT
    return next((turn for turn in TURNS if turn == orientation), UPRIGHT)


def is_plain(image: ImageFile) -> bool:
    """Whether any program reads these pixels from the file: one frame of 8 bits, gray or RGB, nothing else with it.

    `image` is not decoded yet. EXIF behind the pixels of a PNG is not noticed.
    """
    return (
        _raw_mode(image) in ("L", "RGB", "BGR")
        and _covered(image) is None
        and not image.has_transparency_data
        and "icc_profile" not in image.info
        and not getattr(image, "is_animated", False)
        and orientation_in_header(image) == UPRIGHT
    )


def over_white(image: ImageFile) -> Image:
    """The decoded pixels as RGB in sRGB, with transparency over white. Raises Refused, or any error of Pillow."""
    raw_mode, profile = _raw_mode(image), image.info.get("icc_profile")
    key = None if image.mode in ("P", "PA") else image.info.pop("transparency", None)
    low_bytes = _low_bytes(image) if key is not None and raw_mode == "RGB;16B" else None
    image.load()
    alpha = None if key is None else ImageChops.invert(_equal_to(image, key, raw_mode, low_bytes))
    colors = eight_bit(image)
    if colors.mode in ("LA", "RGBA"):
        alpha = colors.getchannel("A")
        colors = colors.convert(colors.mode[:-1])
    colors = to_srgb(colors, profile)
    if alpha is None:
        return colors
    if tiff_kinds.PREMULTIPLIED in image.info:
        return ImageChops.add(colors, ImageChops.invert(alpha).convert("RGB"))
    white = PIL.Image.new("RGB", colors.size, (255, 255, 255))
    white.paste(colors, mask=alpha)
    return white


def eight_bit(image: Image) -> Image:
    """`image` with 8 bits per channel: palettes and 1 bit expanded, more bits scaled, not clipped. Raises Refused."""
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "La":
        return PIL.Image.merge("LA", image.split())
    if image.mode.startswith("I;16"):
        tiff = image if isinstance(image, TiffImageFile) else None
        upper = _scaled(image.convert("I"), 2.0 ** (8 - (tiff_kinds.bits_of(tiff) if tiff else 16)), 0)
        return ImageChops.invert(upper) if tiff and tiff_kinds.is_inverted(tiff) else upper
    if image.mode in ("I", "F"):
        return _of_any_range(image)
    return image


def _of_any_range(image: Image) -> Image:
    """A gray image of mode I or F in 8 bits; white is the smallest of 1, 255 and 65535 that no value exceeds.

    Raises Refused for values outside 0 to 65535, and for NaN.
    """
    low, high = cast("tuple[float, float]", image.getextrema())
    equals_itself = ImageMath.lambda_eval(lambda images: images["image"] == images["image"], image=image)
    if equals_itself.getextrema() != (1, 1):
        low = high = float("nan")
    if not 0 <= low <= high <= SCALES[-1][0]:
        raise Refused(f"has values from {low:g} to {high:g}, they must be 0 to {SCALES[-1][0]}")
    return _scaled(image, *next((factor, offset) for top, factor, offset in SCALES if high <= top))


def _scaled(image: Image, factor: float, offset: float) -> Image:
    """A gray image of mode I or F, times `factor`, plus `offset`, without its fraction, as 8 bits."""
    return image.convert("F").point(lambda value: value * factor + offset).convert("L")


def to_srgb(image: Image, profile: bytes | None) -> Image:
    """`image` (L, RGB, CMYK, YCbCr) as RGB; ignores a damaged profile, or one for other channels. Raises Refused."""
    if image.mode == "LAB":
        raise Refused("has colors of mode LAB, they must be gray, RGB, CMYK or a palette")
    transform = _transform(profile, image.mode) if profile and image.mode in ("L", "RGB", "CMYK") else None
    if transform is None:
        return image if image.mode == "RGB" else image.convert("RGB")
    return cast("Image", ImageCms.applyTransform(image, transform))


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from a profile to sRGB; most pictures of a data set have the same.

    None where it is damaged or for other channels, and for sRGB itself, which changes no color by more than rounding.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        colors = _evenly_spaced_colors().convert(mode)
        moved = ImageChops.difference(
            cast("Image", ImageCms.applyTransform(colors, transform)), colors.convert("RGB")
        ).getextrema()
    except (ImageCms.PyCMSError, OSError):
        return None
    is_srgb = max(high for _, high in cast("tuple[tuple[int, int], ...]", moved)) <= 1
    return None if is_srgb and mode != "CMYK" else transform


def _evenly_spaced_colors() -> Image:
    """Colors in steps of 17 along each channel, each once, as a picture (64, 64)."""
    levels = range(0, 256, 17)
    return PIL.Image.frombytes("RGB", (64, 64), bytes(value for color in product(levels, repeat=3) for value in color))


def _equal_to(image: Image, key: Any, raw_mode: str, low_bytes: Image | None) -> Image:
    """A mask, 255 where a pixel is of the color `key`, as the file names it, and 0 elsewhere.

    `raw_mode`: Pillow's name for the file's bytes; `low_bytes`: the lower bytes of RGB with 16 bits.
    """
    if image.mode.startswith("I;16"):  # of a PNG; in memory, the lower byte comes first
        lower, upper = PIL.Image.frombytes("LA", image.size, image.tobytes()).split()
        planes, values = [upper, lower], [key >> 8, key & 255]
    elif low_bytes is not None:
        planes, values = [*image.split(), *low_bytes.split()], [number >> 8 for number in key] + [*key]
    elif image.mode == "RGB":
        planes, values = [*image.split()], [*key]
    else:
        top = 2 ** GRAY_BITS.get(raw_mode, 8) - 1
        planes, values = [image.convert("L")], [(key & top) * 255 // top]
    tables = [[255 * (number == value & 255) for number in range(256)] for value in values]
    return reduce(ImageChops.darker, (plane.point(table) for plane, table in zip(planes, tables, strict=True)))


def _low_bytes(image: ImageFile) -> Image:
    """The lower bytes of a PNG of RGB with 16 bits, which is not decoded yet; Pillow decodes the upper ones."""
    again = PIL.Image.open(io.BytesIO(cast("io.BytesIO", image.fp).getvalue()), formats=("PNG",))
    (tile,) = again.tile
    args = "RGB;16L" if isinstance(tile.args, str) else ("RGB;16L", *(tile.args or ())[1:])
    again.tile = [tile._replace(args=args)]
    return again.copy()


def _raw_mode(image: ImageFile) -> str:
    """Pillow's name for the bytes of a pixel in a file that is not decoded yet; the picture's mode if it has none."""
    if not image.tile or image.format == "GIF":
        return image.mode
    args = image.tile[0].args
    return str(args if isinstance(args, str) else (args or ("",))[0])


def _covered(image: ImageFile) -> tuple[int, int, int, int] | None:
    """The part of a GIF that its first frame covers; None where that is all of it."""
    if image.format != "GIF" or not image.tile or image.tile[0].extents == (0, 0, *image.size):
        return None
    return image.tile[0].extents
