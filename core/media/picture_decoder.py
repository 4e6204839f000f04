"""Decode one picture from standard input, under limits. Run by `core.media.picture` as a process of its own.

    python -I -m core.media.picture_decoder

Imports Pillow and little else, so that it starts in a tenth of a second. Standard output is a line of JSON
`[height, width]` and then the pixels, row by row, RGB; exit statuses are told in `core/media/process_limits.py`.
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
import PIL.WebPImagePlugin  # these two are named because `open` would import all forty plugins to find them
from PIL import ImageCms, UnidentifiedImageError
from PIL.Image import Image
from PIL.ImageFile import ImageFile

from core.media.process_limits import Refused, answered, limit_process

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF")
MAX_PIXELS = 40_000_000
"""Over all frames."""
MIN_SIDE_PX = 16
MAX_ASPECT = 20
TIME_S = 10
"""Of the processor, and on the wall."""
COUNTING_S = 1.0
"""Processor time to look at the header and to count the frames."""
MEMORY_BYTES = 768 * 2**20
OPEN_FILES = 32
OUT_OF_TIME = (-signal.SIGXCPU, -signal.SIGKILL)

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
"""EXIF orientation -> what sets the picture upright (Pillow turns counter-clockwise)."""
SCALES = ((1, 255.0, 0.5), (255, 1.0, 0.5), (65_535, 1 / 256, 0.0))
"""Greatest value in the picture -> factor and summand that bring it to 0 to 255; 16 bits go by their high byte."""


def main() -> int:
    """Decode standard input; the exit status."""
    limit_process(memory_bytes=MEMORY_BYTES, time_s=TIME_S, open_files=OPEN_FILES)
    warnings.simplefilter("ignore")  # nobody reads them; Pillow's guard against bombs still raises
    return answered(lambda: write(decode(sys.stdin.buffer.read())))


def decode(data: bytes) -> Image:
    """The first frame of `data`, mode RGB, upright, sRGB, over white. Raises Refused, or whatever Pillow raises."""
    image = opened(data)
    image.load()
    turn = turn_of(image)
    flat = over_white(image)
    return flat if turn is None else flat.transpose(turn)


def opened(data: bytes) -> ImageFile:
    """The picture in `data` with its header read and its size allowed, not decoded yet. Raises Refused."""
    signal.signal(signal.SIGPROF, _too_many_frames)
    signal.setitimer(signal.ITIMER_PROF, COUNTING_S)
    try:
        image = PIL.Image.open(io.BytesIO(data), formats=FORMATS)
        check_size(image)
    except UnidentifiedImageError:
        raise Refused(f"begins with {data[:12]!r}, allowed are whole files of {', '.join(FORMATS)}") from None
    except PIL.Image.DecompressionBombError:
        guard = 2 * (PIL.Image.MAX_IMAGE_PIXELS or 0)
        raise Refused(f"has more than {guard / 1e6:.0f} megapixels, allowed are {MAX_PIXELS / 1e6:.0f}") from None
    except ValueError:
        raise Refused("has a header or a text block that is damaged, or longer than the 1 MB that is allowed") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return image


def _too_many_frames(*_: Any) -> None:
    raise Refused(f"has too many frames to count, allowed are {MAX_PIXELS / 1e6:.0f} megapixels over all frames")


def check_size(image: ImageFile) -> None:
    """Raise Refused unless sides, aspect ratio and pixels over all frames are allowed."""
    width, height = image.size
    if min(width, height) < MIN_SIDE_PX:
        raise Refused(f"is {width} x {height} px, allowed are sides of at least {MIN_SIDE_PX} px")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise Refused(f"is {width} x {height} px, allowed is one side at most {MAX_ASPECT} times the other")
    _check_pixels(f"is {width} x {height} px:", width * height)
    _check_pixels("has", pixels_of_all_frames(image))


def _check_pixels(what: str, pixels: int) -> None:
    if pixels > MAX_PIXELS:
        raise Refused(f"{what} {pixels / 1e6:.1f} megapixels over all frames, allowed are {MAX_PIXELS / 1e6:.0f}")


def pixels_of_all_frames(image: ImageFile) -> int:
    """Pixels over all frames. The pages of a TIFF and the parts of an MPO (a JPEG of several) differ in size."""
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
    """What sets the picture upright; None where EXIF says nothing, or nothing that can be read."""
    try:
        return TURNS.get(image.getexif().get(0x0112, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):  # Pillow's, for EXIF that is none
        return None


def over_white(image: Image) -> Image:
    """`image` of any mode as RGB in sRGB, what is transparent over white."""
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
    """`image` with 8 bits a channel: palettes and black-and-white expanded, greater depths scaled, never clipped."""
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I;16"):
        return scaled(image.convert("I"), 65_535)
    if image.mode in ("I", "F"):
        return scaled(image, None)
    return image


def scaled(image: Image, greatest: float | None) -> Image:
    """Gray of mode I or F brought to 8 bits.

    `greatest`: what stands for white; by default 1, 255 or 65535, the least that holds every value of the picture.
    """
    low, high = cast("tuple[float, float]", image.getextrema())
    if not 0 <= low <= high <= SCALES[-1][0]:
        raise Refused(f"has values from {low:g} to {high:g}, allowed are 0 to {SCALES[-1][0]}")
    factor, summand = next((f, s) for top, f, s in SCALES if (high if greatest is None else greatest) <= top)
    return image.convert("F").point(lambda value: value * factor + summand).convert("L")


def to_srgb(image: Image, profile: bytes | None) -> Image:
    """`image` (L, RGB, CMYK, YCbCr) as RGB; a profile that cannot be read or is for other channels is passed over."""
    if profile and image.mode in ("L", "RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    if image.mode == "LAB":
        raise Refused("has colors of mode LAB, allowed are gray, RGB, CMYK and palettes")
    return image.convert("RGB")


def write(image: Image) -> None:
    """Size and pixels to standard output, strip by strip: a copy of the whole would not fit beside the picture."""
    out = sys.stdout.buffer
    out.write(json.dumps([image.height, image.width]).encode() + b"\n")
    for top in range(0, image.height, STRIP_ROWS):
        out.write(image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height))).tobytes())


if __name__ == "__main__":
    sys.exit(main())
