"""Decode one picture from standard input, under limits; `core.media.picture` runs this as a child process.

    python -I -m core.media.picture_decoder

It imports Pillow and little else, so that it starts in 0.1 s. Standard output is a line of JSON `[height, width]` and
then the pixels, row by row, RGB; for the exit statuses see `core/media/process_limits.py`.
"""

from __future__ import annotations

import io
import json
import signal
import struct
import sys
import warnings
from typing import Any, cast

import PIL.Image
import PIL.TiffImagePlugin
import PIL.WebPImagePlugin  # these two are imported here because `open` would import all forty plugins to find them
from PIL import ImageCms, UnidentifiedImageError
from PIL.Image import Image
from PIL.ImageFile import ImageFile

from core.media.process_limits import Refused, exit_status_of, limit_process

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF")
MAX_PIXELS = 40_000_000
"""Over all frames."""
MIN_SIDE_PX = 16
MAX_ASPECT = 20
TIME_S = 10
"""Limit of processor time, and of wall-clock time."""
COUNTING_S = 1.0
"""Limit of processor time for reading the header and counting the frames."""
MEMORY_BYTES = 768 * 2**20
OPEN_FILES = 32

STRIP_ROWS = 256
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
SCALES = ((1, 255.0, 0.5), (255, 1.0, 0.5), (65_535, 1 / 256, 0.0))
"""(maximum value, factor, offset) that scale gray values to 0 to 255; 16 bits by their upper 8."""


def main() -> int:
    """Decode standard input and return the exit status."""
    limit_process(memory_bytes=MEMORY_BYTES, time_s=TIME_S, open_files=OPEN_FILES)
    warnings.simplefilter("ignore")  # nobody reads them; Pillow's guard against bombs still raises
    return exit_status_of(lambda: write(decode(sys.stdin.buffer.read())))


def decode(data: bytes) -> Image:
    """The first frame of `data`: mode RGB, upright, sRGB, over white. Raises Refused, or any error of Pillow."""
    image = opened(data)
    image.load()
    turn = turn_of(image)
    flat = over_white(image)
    return flat if turn is None else flat.transpose(turn)


def opened(data: bytes) -> ImageFile:
    """The picture in `data`, with its header read and its size checked, but not decoded. Raises Refused."""
    signal.signal(signal.SIGPROF, _too_many_frames)
    signal.setitimer(signal.ITIMER_PROF, COUNTING_S)
    try:
        image = PIL.Image.open(io.BytesIO(data), formats=FORMATS)
        check_size(image)
    except UnidentifiedImageError:
        raise Refused(f"begins with {data[:12]!r}, it must be a complete file of {', '.join(FORMATS)}") from None
    except PIL.Image.DecompressionBombError:
        guard = 2 * (PIL.Image.MAX_IMAGE_PIXELS or 0)
        raise Refused(f"has more than {guard / 1e6:.0f} megapixels, the limit is {MAX_PIXELS / 1e6:.0f}") from None
    except ValueError:
        raise Refused("has a header or a text block that is damaged or larger than 1 MB") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return image


def _too_many_frames(*_: Any) -> None:
    raise Refused(f"has too many frames to count, the limit is {MAX_PIXELS / 1e6:.0f} megapixels over all frames")


def check_size(image: ImageFile) -> None:
    """Raise Refused unless sides, aspect ratio and pixels over all frames are within the limits."""
    check_sides(*image.size)
    _check_pixels("has", pixels_of_all_frames(image))


def check_sides(width: int, height: int) -> None:
    """Raise Refused unless the sides in pixels, their ratio and their product are within the limits."""
    if min(width, height) < MIN_SIDE_PX:
        raise Refused(f"is {width} x {height} px, its sides must be at least {MIN_SIDE_PX} px")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise Refused(f"is {width} x {height} px, one side must be at most {MAX_ASPECT} times the other")
    _check_pixels(f"is {width} x {height} px:", width * height)


def _check_pixels(start: str, pixels: int) -> None:
    if pixels > MAX_PIXELS:
        raise Refused(f"{start} {pixels / 1e6:.1f} megapixels over all frames, the limit is {MAX_PIXELS / 1e6:.0f}")


def pixels_of_all_frames(image: ImageFile) -> int:
    """Pixels over all frames; the pages of a TIFF and the images of an MPO (several JPEGs) may differ in size."""
    frames = getattr(image, "n_frames", 1)
    if image.format not in ("TIFF", "MPO"):
        return int(image.width * image.height * frames)
    total = 0
    for index in range(frames):
        image.seek(index)
        total += image.width * image.height
    image.seek(0)
    return total


def turn_of(image: Image) -> PIL.Image.Transpose | None:
    """The transpose that makes the picture upright; None where EXIF has no readable orientation."""
    try:
        return TURNS.get(image.getexif().get(0x0112, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):  # what Pillow raises for damaged EXIF
        return None


def over_white(image: Image) -> Image:
    """`image` of any mode as RGB in sRGB, with transparency over white. Raises Refused."""
    profile = image.info.get("icc_profile")
    image = eight_bit(image)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    color = to_srgb(image, profile)
    if alpha is None:
        return color
    white = PIL.Image.new("RGB", color.size, (255, 255, 255))
    white.paste(color, mask=alpha)
    return white


def eight_bit(image: Image) -> Image:
    """`image` with 8 bits per channel: palettes and 1 bit expanded, more bits scaled, not clipped. Raises Refused."""
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I;16"):
        return scaled(image.convert("I"), 65_535)
    if image.mode in ("I", "F"):
        return scaled(image, None)
    return image


def scaled(image: Image, white: float | None) -> Image:
    """A gray image of mode I or F scaled to 8 bits. Raises Refused for values outside 0 to 65535.

    `white`: the value of white; None: the smallest of 1, 255 and 65535 that no value exceeds.
    """
    low, high = cast("tuple[float, float]", image.getextrema())
    if not 0 <= low <= high <= SCALES[-1][0]:
        raise Refused(f"has values from {low:g} to {high:g}, they must be 0 to {SCALES[-1][0]}")
    factor, offset = next((f, o) for top, f, o in SCALES if (high if white is None else white) <= top)
    return image.convert("F").point(lambda value: value * factor + offset).convert("L")


def to_srgb(image: Image, profile: bytes | None) -> Image:
    """`image` (L, RGB, CMYK, YCbCr) as RGB; ignores a damaged profile, or one for other channels. Raises Refused."""
    if profile and image.mode in ("L", "RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    if image.mode == "LAB":
        raise Refused("has colors of mode LAB, they must be gray, RGB, CMYK or a palette")
    return image.convert("RGB")


def write(image: Image) -> None:
    """Write size and pixels to standard output, in strips: a copy of all pixels would exceed the memory limit."""
    out = sys.stdout.buffer
    out.write(json.dumps([image.height, image.width]).encode() + b"\n")
    for top in range(0, image.height, STRIP_ROWS):
        out.write(image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height))).tobytes())


if __name__ == "__main__":
    sys.exit(main())
