"""Decode pictures from standard input, under limits; `core.media.decoder_process` runs this as a child process.

    python -I -m core.media.picture_decoder DOOR

DOOR is a key of `DOORS`. A request is the size of a file in bytes, as a line, and then the file. The answer is a line
of JSON and then content of the size that it names. For a picture that is refused, the answer is the sentence alone, and
the process ends; for its exit statuses see `core/media/process_limits.py`.
"""

from __future__ import annotations

import io
import json
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import PIL.Image
from PIL import ImageChops
from PIL.Image import Image
from PIL.ImageFile import ImageFile

from core.media import decoding
from core.media.process_limits import Refused, allow_time, exit_status_of, limit_process

MAX_MEGAPIXELS = 40
TIME_S = 10
"""Limit of processor time for an upload, and of wall-clock time."""
DATASET_TIME_S = 30
"""Limit of processor time for a picture of a data set, which may have to be encoded again."""
COUNTING_S = 1.0
"""Limit of processor time for reading the header and counting the frames."""
MEMORY_BYTES = 768 * 2**20
OPEN_FILES = 32
STRIP_ROWS = 256
JPEGS = ("JPEG", "MPO")
"""Formats of a JPEG; MPO: of several in one file, as phones write them."""

Answer = tuple[dict[str, int], Iterator[bytes]]
"""What the answer's line holds, and its content."""


@dataclass(frozen=True)
class Door:
    """What a door takes, and gives."""

    answer: Callable[[ImageFile], Answer]
    min_side_px: int
    max_aspect: float
    time_s: int
    """Limit of processor time for one picture."""
    every_frame: bool
    """Whether the limit of pixels is over all frames, or for the first."""


def main(door: Door) -> int:
    """Answer every request of standard input, and return the exit status."""
    limit_process(memory_bytes=MEMORY_BYTES, open_files=OPEN_FILES)
    warnings.simplefilter("ignore")  # nobody reads them; Pillow's guard against bombs still raises
    return exit_status_of(lambda: serve(door, sys.stdin.buffer, sys.stdout.buffer))


def serve(door: Door, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer every request. Raises Refused, or any error of Pillow."""
    while line := requests.readline():
        data = requests.read(int(line))
        allow_time(door.time_s)
        header, content = door.answer(opened(data, door))
        answers.write(json.dumps(header).encode() + b"\n")
        answers.writelines(content)
        answers.flush()


def opened(data: bytes, door: Door) -> ImageFile:
    """The picture in `data`, with its header read and its size checked, but not decoded. Raises Refused."""
    signal.signal(signal.SIGPROF, _too_many_frames)
    signal.setitimer(signal.ITIMER_PROF, COUNTING_S)
    try:
        image = decoding.opened(data)
        check_size(image, door)
    except PIL.Image.DecompressionBombError:
        guard = 2 * (PIL.Image.MAX_IMAGE_PIXELS or 0)
        raise Refused(f"has more than {guard / 1e6:.0f} megapixels, the limit is {MAX_MEGAPIXELS}") from None
    except ValueError:
        raise Refused("has a header or a text block that is damaged or larger than 1 MB") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return image


def _too_many_frames(*_: Any) -> None:
    raise Refused(f"has too many frames to count, the limit is {MAX_MEGAPIXELS} megapixels over all frames")


def check_size(image: ImageFile, door: Door) -> None:
    """Raise Refused unless sides, aspect ratio and pixels are within the limits of the door."""
    check_sides(*image.size, door)
    if door.every_frame and (megapixels := pixels_of_all_frames(image) / 1e6) > MAX_MEGAPIXELS:
        raise Refused(f"has {megapixels:.1f} megapixels over all frames, the limit is {MAX_MEGAPIXELS}")


def check_sides(width: int, height: int, door: Door) -> None:
    """Raise Refused unless the sides in pixels, their ratio and their product are within the limits of the door."""
    if min(width, height) < door.min_side_px:
        raise Refused(f"is {width} x {height} px, its sides must be at least {door.min_side_px} px")
    if max(width, height) > door.max_aspect * min(width, height):
        raise Refused(f"is {width} x {height} px, one side must be at most {door.max_aspect:g} times the other")
    if (megapixels := width * height / 1e6) > MAX_MEGAPIXELS:
        raise Refused(f"is {width} x {height} px: {megapixels:.1f} megapixels, the limit is {MAX_MEGAPIXELS}")


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


def pixels(image: ImageFile) -> Answer:
    """Size and pixels of the picture, row by row, RGB."""
    flat = decoding.upright(image)
    header = {"height": flat.height, "width": flat.width, "size_bytes": 3 * flat.width * flat.height}
    return header, _strips(flat)


def _strips(image: Image) -> Iterator[bytes]:
    """The pixels of `image`, in strips: a copy of all of them would exceed the memory limit."""
    for top in range(0, image.height, STRIP_ROWS):
        yield image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height))).tobytes()


def kept(image: ImageFile) -> Answer:
    """Size and orientation of the picture, and what is kept of it: no content for the file as it is, or our own PNG."""
    is_jpeg = image.format in JPEGS and image.mode in ("L", "RGB")
    is_plain, orientation = decoding.is_plain(image), decoding.orientation_in_header(image)
    flat = decoding.upright(image)
    if orientation == decoding.UPRIGHT:
        orientation = decoding.orientation_of(image)  # of a PNG, it may stand behind the pixels
    stays = is_jpeg or (is_plain and orientation == decoding.UPRIGHT)
    png = b"" if stays else _png(flat)
    header = {"height": flat.height, "width": flat.width, "orientation": orientation, "size_bytes": len(png)}
    return header, iter((png,))


def _png(image: Image) -> bytes:
    """`image` (RGB) as PNG, gray where all of its pixels are."""
    red, green, blue = image.split()
    gray = not ImageChops.difference(red, green).getbbox() and not ImageChops.difference(red, blue).getbbox()
    buffer = io.BytesIO()
    (red if gray else image).save(buffer, "PNG", compress_level=1)  # five times as fast as level 6, 20 % larger
    return buffer.getvalue()


DOORS = {
    "picture": Door(pixels, min_side_px=16, max_aspect=20, time_s=TIME_S, every_frame=True),
    "dataset": Door(kept, min_side_px=1, max_aspect=float("inf"), time_s=DATASET_TIME_S, every_frame=False),
}

if __name__ == "__main__":
    sys.exit(main(DOORS[sys.argv[1]]))
