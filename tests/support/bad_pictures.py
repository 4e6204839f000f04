"""Every bad and odd picture, made by code. `python tests/support/bad_pictures.py FOLDER` writes them all to look at."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

Make = Callable[[], bytes]


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """`image` as a file."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def photo(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """A smooth picture without any symmetry, (H, W, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (x * 3 + 10, y * 4 + 5, (x + 2 * y) % 200)
    return np.stack(channels, axis=-1).astype(np.uint8)


def photo_file(form: str = "PNG", **options: Any) -> bytes:
    return saved(Image.fromarray(photo()), form, **options)


def chunk(kind: bytes, content: bytes) -> bytes:
    """One block of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int, color_type: int, raw: bytes, *blocks: bytes) -> bytes:
    """A PNG from its rows, each of which begins with its filter's byte."""
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(blocks) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png16(values: NDArray[np.uint16], *blocks: bytes) -> bytes:
    """A PNG of 16 bits a channel: `values` (H, W) gray, (H, W, 3) RGB or (H, W, 4) RGBA."""
    height, width = values.shape[:2]
    color_type = {1: 0, 3: 2, 4: 6}[values.size // (height * width)]
    rows = values.astype(">u2").reshape(height, -1)
    return png(width, height, 16, color_type, b"".join(b"\0" + row.tobytes() for row in rows), *blocks)


def blank_png(width: int, height: int) -> bytes:
    """A black-and-white PNG, very small for its pixels."""
    return png(width, height, 1, 0, bytes((1 + (width + 7) // 8) * height))


def tiff(values: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


def gray_numbers(kind: Any, last: float = 9) -> NDArray[Any]:
    """Numbers (32, 32) from 0 on, of which the last is `last`."""
    values = np.arange(1024).reshape(32, 32) % 9
    return np.where(np.arange(1024).reshape(32, 32) == 1023, last, values).astype(kind)


def subsampled_tiff() -> bytes:
    """A TIFF whose color has a quarter of its brightness's pixels, without compression."""
    content = bytes(range(256)) * 6
    tags = [(256, 32), (257, 32), (259, 1), (262, 6), (273, 8), (277, 3), (278, 32), (279, len(content))]
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags]
    place = 8 + len(content)
    entries.insert(2, struct.pack("<HHII", 258, 3, 3, place))
    body = b"II*\0" + struct.pack("<I", place + 6) + content + struct.pack("<HHH", 8, 8, 8)
    return body + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)


def animation(side_px: int, frames: int, form: str = "GIF") -> bytes:
    """`frames` frames, no two alike, so that none is merged away."""
    pictures = []
    for index in range(frames):
        frame = Image.new("L", (side_px, side_px))
        frame.putpixel((index % side_px, index // side_px), 255)
        pictures.append(frame)
    return saved(pictures[0], form, save_all=True, append_images=pictures[1:])


def gif_of_countless_frames() -> bytes:
    """A million frames of one pixel each on a canvas of 16 x 16."""
    start = b"GIF89a" + struct.pack("<HHBBB", 16, 16, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return start + frame * 1_000_000 + b";"


def pages(*sides_px: int) -> bytes:
    """A TIFF whose pages have these sides."""
    first, *rest = [Image.new("1", (side, side)) for side in sides_px]
    return saved(first, "TIFF", save_all=True, append_images=rest, compression="group4")


def text_bomb() -> bytes:
    """A PNG whose comment unpacks to 64 MB."""
    comment = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(64_000_000), 9))
    return png(32, 32, 8, 0, bytes(33 * 32), comment)


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def cut(form: str, share: float) -> Make:
    def make() -> bytes:
        whole = photo_file(form)
        return whole[: int(len(whole) * share)]

    return make


def linear_profile() -> bytes:
    """An ICC profile of sRGB's primaries whose values are proportional to light (gamma 1)."""

    def fixed(*numbers: float) -> bytes:
        return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)

    def xyz(*numbers: float) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(*numbers)

    curve = b"curv" + struct.pack(">II", 0, 0)
    name = b"linear\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.43607, 0.22249, 0.01392),
        b"gXYZ": xyz(0.38515, 0.71687, 0.09708),
        b"bXYZ": xyz(0.14307, 0.06061, 0.71410),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        table += tag + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s12s4s", 128 + len(table) + len(body), b"", 0x02100000, b"mntr", b"RGB ", b"XYZ ",
                         b"", b"acsp")  # fmt: skip
    return header + bytes(28) + fixed(0.9642, 1.0, 0.8249) + bytes(48) + table + body


REFUSED: dict[str, tuple[Make, str]] = {
    "empty.png": (bytes, "is empty: 0 bytes"),
    "page.png": (lambda: b"<!doctype html><html><img src=x onerror=alert(1)></html>", r"begins with b'<!doctype"),
    "drawing.svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "it must be a complete file of PNG, JPEG"),
    "words.jpg": (lambda: b"this is no picture at all\n" * 40, "it must be a complete file of"),
    "postscript.eps": (lambda: photo_file("EPS"), "begins with b'%!PS"),
    "postscript.png": (lambda: photo_file("EPS"), "begins with b'%!PS"),
    "anymap.png": (lambda: photo_file("PPM"), "begins with b'P6"),
    "signature_only.png": (lambda: b"\x89PNG\r\n\x1a\n", "begins with"),
    "cut_in_header.png": (cut("PNG", 0.02), "begins with|incomplete"),
    "cut_early.png": (cut("PNG", 0.2), "damaged or incomplete"),
    "cut_in_middle.png": (cut("PNG", 0.5), "damaged or incomplete"),
    "cut_in_middle.jpg": (cut("JPEG", 0.5), "damaged or incomplete"),
    "cut_late.jpg": (cut("JPEG", 0.95), "damaged or incomplete"),
    "cut_in_middle.gif": (cut("GIF", 0.8), "damaged or incomplete"),
    "cut_in_middle.webp": (cut("WEBP", 0.5), "begins with|incomplete"),
    "cut_in_middle.tiff": (cut("TIFF", 0.5), "begins with|incomplete"),
    "bit_flipped.png": (lambda: flipped(photo_file(), len(photo_file()) // 2), "damaged"),
    "bomb_of_89_megapixels.png": (lambda: blank_png(9434, 9434), "9434 px: 89.0 megapixels, the limit is 40"),
    "bomb_of_400_megapixels.png": (lambda: blank_png(20_000, 20_000), "more than 179 megapixels, the limit is 40"),
    "bomb_of_26_megabytes.png": (lambda: photo_file() + bytes(26_000_000), r"has 26\.0. MB, the limit is 25 MB"),
    "bomb_of_frames.gif": (lambda: animation(2000, 12), "48.0 megapixels over all frames, the limit is 40"),
    "bomb_of_frames.webp": (lambda: animation(2000, 12, "WEBP"), "48.0 megapixels over all frames, the limit is 40"),
    "countless_frames.gif": (gif_of_countless_frames, "megapixels|too many frames|takes longer"),
    "bomb_of_pages.tiff": (lambda: pages(100, 5000, 5000), "50.0 megapixels over all frames, the limit is 40"),
    "bomb_of_text.png": (text_bomb, "text block"),
    "one_pixel.png": (lambda: blank_png(1, 1), "is 1 x 1 px, its sides must be at least 16 px"),
    "thread.png": (lambda: blank_png(20_000, 1), "is 20000 x 1 px, its sides must be at least 16 px"),
    "strip.png": (lambda: blank_png(336, 16), "is 336 x 16 px, one side must be at most 20 times the other"),
    "negative.tiff": (lambda: tiff(np.linspace(-3, 9, 1024, dtype=np.float32).reshape(32, 32)), "values from -3 to 9"),
    "not_a_number.tiff": (lambda: tiff(np.full((32, 32), np.nan, np.float32)), "values from nan to nan"),
    "one_not_a_number.tiff": (lambda: tiff(gray_numbers(np.float32, np.nan)), "values from nan to nan"),
    "infinite.tiff": (lambda: tiff(gray_numbers(np.float32, np.inf)), "values from 0 to inf"),
    "signed_8.tiff": (lambda: tiff(gray_numbers(np.int8)), "has signed numbers of 8 bits"),
    "signed_16.tiff": (lambda: tiff(gray_numbers(np.int16)), "has signed numbers of 16 bits"),
    "double.tiff": (lambda: tiff(gray_numbers(np.float64)), "TIFF, or one of a kind that is not read"),
    "float_min_is_white.tiff": (
        lambda: tiff(gray_numbers(np.float32), photometric="miniswhite"),
        "of which 0 is white",
    ),
    "float_colors.tiff": (lambda: tiff(np.zeros((32, 32, 3), np.float32), photometric="rgb"), "of a kind that is not"),
    "big_endian_zlib.tiff": (
        lambda: tiff(gray_numbers(np.float32), byteorder=">", compression="zlib"),
        "big-endian numbers of 32 bits",
    ),
    "big_endian_min_is_white.tiff": (
        lambda: tiff(gray_numbers(np.uint16), byteorder=">", photometric="miniswhite"),
        "of a kind that is not read",
    ),
    "big_endian_bigtiff.tiff": (
        lambda: tiff(gray_numbers(np.uint8), byteorder=">", bigtiff=True),
        "of a kind that is not read",
    ),
    "ink_planes_of_16_bits.tiff": (
        lambda: tiff(np.zeros((4, 32, 32), np.uint16), photometric="separated", planarconfig="separate"),
        "inks of 16",
    ),
    "subsampled.tiff": (subsampled_tiff, "colors of fewer pixels than its brightness"),
    "gray_alpha_of_16_bits.tiff": (
        lambda: tiff(np.zeros((32, 32, 2), np.uint16), photometric="minisblack", extrasamples=["unassalpha"]),
        "of a kind that is not read",
    ),
    "lab.tiff": (lambda: saved(Image.new("LAB", (32, 32)), "TIFF"), "colors of mode LAB, they must be"),
}
"""File name -> its bytes, and a pattern that the refusal must match."""


def main(folder: Path) -> None:
    """Write every refused picture into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, _) in REFUSED.items():
        (folder / name).write_bytes(make())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
