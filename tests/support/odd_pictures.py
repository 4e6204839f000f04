"""Files of every kind that pictures come in, each with the pixels that it shows, computed from the numbers written."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.support.bad_pictures import chunk, linear_profile, png, saved, tiff

HEIGHT, WIDTH = 32, 48
Numbers = NDArray[Any]
UPRIGHT: dict[int, Callable[[Numbers], Numbers]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(1, 0),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
"""EXIF orientation -> what makes stored pixels upright."""


class Odd(NamedTuple):
    """A file, and what it shows: (H, W) or (H, W, 3), 0 to 255, exact to `tolerance`."""

    data: bytes
    expected: Numbers
    tolerance: float = 0

    def error(self, pixels: NDArray[np.uint8]) -> float:
        """The largest difference of `pixels` (H, W, 3) from what is expected, infinite for another shape."""
        expected = self.expected if self.expected.ndim == 3 else np.stack([self.expected] * 3, axis=-1)
        return float(np.abs(pixels - expected.astype(float)).max()) if pixels.shape == expected.shape else np.inf


def numbers(bits: int, channels: int = 1, seed: int = 0) -> NDArray[np.int64]:
    """Random numbers (H, W), or (H, W, C), of so many bits."""
    shape = (HEIGHT, WIDTH) if channels == 1 else (HEIGHT, WIDTH, channels)
    return np.random.default_rng((seed, bits, channels)).integers(0, 2**bits, shape)


def eight(values: Numbers, bits: int) -> Numbers:
    """Numbers of so many bits as 8 bits: fewer are spread over the range, of more the upper ones count."""
    return values >> bits - 8 if bits > 8 else values.astype(int) * 255 // (2**bits - 1)


def over_white(colors: Numbers, alpha: Numbers, top: int = 255) -> Numbers:
    """Colors with straight alpha, both 0 to `top`, over white."""
    share = alpha / top if colors.ndim == alpha.ndim else alpha[..., None] / top
    return (colors / top * share + 1 - share) * 255


def odd_pictures() -> Iterator[tuple[str, Odd]]:
    """(name, file) of each kind."""
    for kinds in (pngs, interlaced, tiffs, compressed, gifs, bitmaps, jpegs, webps, turned, profiled):
        yield from kinds()


def packed_rows(values: Numbers, bits: int) -> bytes:
    """Rows of a PNG, each after its filter's byte."""
    rows = values.reshape(len(values), -1)
    if bits == 16:
        return b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    shifts = np.arange(bits - 1, -1, -1)
    return b"".join(b"\0" + np.packbits(row[:, None] >> shifts & 1).tobytes() for row in rows)


def png_of(values: Numbers, bits: int, color_type: int, *blocks: bytes) -> bytes:
    return png(WIDTH, HEIGHT, bits, color_type, packed_rows(values, bits), *blocks)


def pngs() -> Iterator[tuple[str, Odd]]:
    """Gray, palette, color and alpha of every depth, each also with a transparent color."""
    for bits in (1, 2, 4, 8, 16):
        gray = numbers(bits)
        key = int(gray[0, 1])
        shown = eight(gray, bits)
        yield f"gray{bits}.png", Odd(png_of(gray, bits, 0), shown)
        transparent = chunk(b"tRNS", struct.pack(">H", key))
        yield f"gray{bits}-trns.png", Odd(png_of(gray, bits, 0, transparent), np.where(gray == key, 255, shown))
    for bits in (1, 2, 4, 8):
        index, colors = numbers(bits), numbers(8, 3)[0, : 2**bits] if bits < 8 else numbers(8, 3).reshape(-1, 3)[:256]
        plte = chunk(b"PLTE", colors.astype(np.uint8).tobytes())
        yield f"palette{bits}.png", Odd(png_of(index, bits, 3, plte), colors[index])
        alpha = np.full(2**bits, 255)
        alpha[: 2 ** (bits - 1)] = numbers(8).ravel()[: 2 ** (bits - 1)]
        trns = chunk(b"tRNS", alpha[: 2 ** (bits - 1)].astype(np.uint8).tobytes())
        expected = over_white(colors[index], alpha[index])
        yield f"palette{bits}-trns.png", Odd(png_of(index, bits, 3, plte, trns), expected, 1)
    for bits in (8, 16):
        color, top = numbers(bits, 3), 2**bits - 1
        color[0, 2] = color[0, 1]
        color[0, 3] = color[0, 1] ^ 1  # of 16 bits, only the lower bytes differ
        trns = chunk(b"tRNS", struct.pack(">HHH", *map(int, color[0, 1])))
        transparent = (color == color[0, 1]).all(axis=-1, keepdims=True)
        yield f"rgb{bits}.png", Odd(png_of(color, bits, 2), eight(color, bits))
        yield f"rgb{bits}-trns.png", Odd(png_of(color, bits, 2, trns), np.where(transparent, 255, eight(color, bits)))
        light, both = numbers(bits, 2), numbers(bits, 4)
        yield f"gray-alpha{bits}.png", Odd(png_of(light, bits, 4), over_white(light[..., 0], light[..., 1], top), 2)
        yield f"rgba{bits}.png", Odd(png_of(both, bits, 6), over_white(both[..., :3], both[..., 3], top), 2)


PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps along both, of the passes of an interlaced PNG."""


def interlaced() -> Iterator[tuple[str, Odd]]:
    """Interlaced PNGs with a transparent color."""
    for bits, color_type in ((1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2)):
        values = numbers(bits, 1 + color_type)
        key = values[0, 1]
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, color_type, 0, 0, 1)
        rows = b"".join(packed_rows(values[top::down, left::right], bits) for left, top, right, down in PASSES)
        blocks = chunk(b"IHDR", header) + chunk(b"tRNS", np.asarray(key, ">u2").tobytes())
        data = b"\x89PNG\r\n\x1a\n" + blocks + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        is_key = values == key if color_type == 0 else (values == key).all(axis=-1, keepdims=True)
        yield f"interlaced{bits}-{color_type}.png", Odd(data, np.where(is_key, 255, eight(values, bits)))


def compressed() -> Iterator[tuple[str, Odd]]:
    """TIFFs by every compression without losses."""
    color, gray, black = numbers(8, 3).astype(np.uint8), numbers(16).astype(np.uint16), numbers(1).astype(bool)
    for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma"):
        yield f"color-{name}.tiff", Odd(saved(Image.fromarray(color), "TIFF", compression=name), color)
        yield f"gray16-{name}.tiff", Odd(saved(Image.fromarray(gray), "TIFF", compression=name), gray >> 8)
    for name in ("group3", "group4", "tiff_ccitt"):
        yield f"1-bit-{name}.tiff", Odd(saved(Image.fromarray(black), "TIFF", compression=name), 255 * black)


def tiffs() -> Iterator[tuple[str, Odd]]:
    """Every layout of TIFF, in both byte orders, and as BigTIFF."""
    for name, options in (("", {}), ("-big-endian", {"byteorder": ">"}), ("-bigtiff", {"bigtiff": True})):
        for bits, kind in ((8, np.uint8), (16, np.uint16)):
            for what, odd in _tiffs_of(bits, kind, options):
                yield f"{what}{bits}{name}.tiff", odd
    for name, options in (("", {}), ("-big-endian", {"byteorder": ">"})):
        shares = np.random.default_rng(5).random((HEIGHT, WIDTH)).astype(np.float32)
        shares[0, :2] = 0, 1
        yield f"float{name}.tiff", Odd(tiff(shares, photometric="minisblack", **options), shares * 255, 0.5)
        integers = numbers(8).astype(np.int32)
        yield f"int32{name}.tiff", Odd(tiff(integers, photometric="minisblack", **options), integers)
        is_set = numbers(1).astype(bool)
        yield f"1-bit{name}.tiff", Odd(tiff(is_set, photometric="minisblack", **options), 255 * is_set)
        yield f"1-bit-min-is-white{name}.tiff", Odd(tiff(is_set, photometric="miniswhite", **options), 255 * ~is_set)
        colors = numbers(16, 3).reshape(-1, 3)[:256].T.astype(np.uint16)
        index = numbers(8).astype(np.uint8)
        palette = tiff(index, photometric="palette", colormap=colors, **options)
        yield f"palette{name}.tiff", Odd(palette, colors.T[index] >> 8)
    yield "12-bit.tiff", _twelve_bits()
    old_colors = numbers(8, 3).reshape(-1, 3)[:256].T.astype(np.uint16)
    old = tiff(index, photometric="palette", colormap=old_colors)
    yield "palette-of-8-bits.tiff", Odd(old, old_colors.T[index])


def _tiffs_of(bits: int, kind: Any, options: dict[str, Any]) -> Iterator[tuple[str, Odd]]:
    gray, color, top = numbers(bits).astype(kind), numbers(bits, 3).astype(kind), 2**bits - 1
    shown, colors = eight(gray, bits), eight(color, bits)
    is_big_endian = bool(options.get("byteorder"))

    def made(values: Numbers, photometric: str, **more: Any) -> bytes:
        return tiff(values, photometric=photometric, **options, **more)

    yield "gray", Odd(made(gray, "minisblack"), shown)
    if bits == 8 or not is_big_endian:  # else refused
        yield "min-is-white", Odd(made(gray, "miniswhite"), 255 - shown.astype(int))
        yield "min-is-white-zlib", Odd(made(gray, "miniswhite", compression="zlib"), 255 - shown.astype(int))
    yield "rgb", Odd(made(color, "rgb"), colors)
    yield "rgb-zlib", Odd(made(color, "rgb", compression="zlib", predictor=True), colors)
    planes = color.transpose(2, 0, 1)
    yield "planar", Odd(made(planes, "rgb", planarconfig="separate"), colors)
    yield "planar-zlib", Odd(made(planes, "rgb", planarconfig="separate", compression="zlib"), colors)
    yield "planar-tiled", Odd(made(planes, "rgb", planarconfig="separate", tile=(16, 16)), colors)
    yield "tiled", Odd(made(color, "rgb", tile=(16, 16)), colors)
    yield "gray-tiled", Odd(made(gray, "minisblack", tile=(16, 16), compression="zlib"), shown)
    four = numbers(bits, 4).astype(kind)
    flat = over_white(four[..., :3], four[..., 3], top)
    yield "straight-alpha", Odd(made(four, "rgb", extrasamples=["unassalpha"]), flat, 2)
    planes = four.transpose(2, 0, 1)
    yield (
        "straight-alpha-planar",
        Odd(made(planes, "rgb", planarconfig="separate", extrasamples=["unassalpha"]), flat, 2),
    )
    premultiplied = four.copy()
    premultiplied[..., :3] = np.round(four[..., :3] / top * four[..., 3:])
    for name, more in (("", {}), ("-zlib", {"compression": "zlib"}), ("-tiled", {"tile": (16, 16)})):
        data = made(premultiplied, "rgb", extrasamples=["assocalpha"], **more)
        yield f"premultiplied-alpha{name}", Odd(data, flat, bits // 8)
    yield "unspecified-sample", Odd(made(four, "rgb", extrasamples=["unspecified"]), eight(four[..., :3], bits))
    inks = four / top
    yield "cmyk", Odd(made(four, "separated"), 255 * (1 - inks[..., :3]) * (1 - inks[..., 3:]), 2)
    if bits == 8:
        light = four[..., 2:]
        flat = over_white(light[..., 0], light[..., 1])
        yield (
            "gray-straight-alpha",
            Odd(made(light, "minisblack", extrasamples=["unassalpha"], planarconfig="contig"), flat, 1),
        )
        light = np.stack([np.round(light[..., 0] / top * light[..., 1]).astype(kind), light[..., 1]], axis=-1)
        yield (
            "gray-premultiplied-alpha",
            Odd(made(light, "minisblack", extrasamples=["assocalpha"], planarconfig="contig"), flat, 1),
        )
        yield "ycbcr", Odd(made(color, "ycbcr", subsampling=(1, 1)), _rgb_of(color), 1)


def _rgb_of(ycbcr: Numbers) -> Numbers:
    """YCbCr of the whole range as RGB, by the formulas of JPEG."""
    light, blue, red = (ycbcr[..., channel].astype(float) for channel in range(3))
    blue, red = blue - 128, red - 128
    channels = (light + 1.402 * red, light - 0.344136 * blue - 0.714136 * red, light + 1.772 * blue)
    return np.clip(np.stack(channels, axis=-1), 0, 255)


def _twelve_bits() -> Odd:
    """A gray TIFF whose numbers have 12 bits, two in three bytes."""
    values = numbers(12)
    first, second = values[:, ::2], values[:, 1::2]
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=-1).astype(np.uint8).tobytes()
    tags = [(256, WIDTH), (257, HEIGHT), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, HEIGHT)]
    tags += [(279, len(packed))]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return Odd(b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed + directory + bytes(4), values >> 4)


def gif(
    frame: Numbers, colors: NDArray[np.uint8], *, left: int = 0, top: int = 0, transparent: int | None = None
) -> bytes:
    """A GIF whose only frame, indices (h, w), begins at a place of its canvas."""
    bits: list[int] = []
    for place, index in enumerate(frame.ravel().tolist()):
        for code in ([256] if place % 250 == 0 else []) + [index]:  # the table is cleared before codes get longer
            bits += [code >> bit & 1 for bit in range(9)]
    bits += [257 >> bit & 1 for bit in range(9)]
    packed = np.packbits(bits, bitorder="little").tobytes()
    blocks = b"".join(
        bytes([len(part)]) + part for part in (packed[at : at + 255] for at in range(0, len(packed), 255))
    )
    control = bytes([0x21, 0xF9, 4, transparent is not None, 0, 0, transparent or 0, 0])
    place_and_size = struct.pack("<HHHHB", left, top, frame.shape[1], frame.shape[0], 0)
    screen = struct.pack("<HHBBB", WIDTH, HEIGHT, 0xF7, 9, 0)
    return b"GIF89a" + screen + colors.tobytes() + control + b"," + place_and_size + b"\x08" + blocks + b"\0;"


def gifs() -> Iterator[tuple[str, Odd]]:
    """Whole and partial first frames, with and without a transparent color, of colors and of grays."""
    index = numbers(8)
    part = index[:20, :30]
    key = int(index[0, 1])
    grays = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    for name, colors in (("", numbers(8, 3).reshape(-1, 3)[:256].astype(np.uint8)), ("gray-", grays)):
        yield f"{name}whole.gif", Odd(gif(index, colors), colors[index])
        shown = np.where((index == key)[..., None], 255, colors[index])
        yield f"{name}transparent.gif", Odd(gif(index, colors, transparent=key), shown)
        for transparent in (None, key):
            canvas = np.full((HEIGHT, WIDTH, 3), 255)
            canvas[4:24, 5:35] = colors[part]
            if transparent is not None:
                canvas[4:24, 5:35][part == key] = 255
            data = gif(part, colors, left=5, top=4, transparent=transparent)
            yield f"{name}part{'' if transparent is None else '-transparent'}.gif", Odd(data, canvas)
    first = Image.fromarray(numbers(8).astype(np.uint8))
    more = [Image.new("L", (WIDTH, HEIGHT), 9)]
    for form in ("GIF", "PNG"):
        yield f"animated.{form.lower()}", Odd(saved(first, form, save_all=True, append_images=more), np.asarray(first))


def bitmap(bits: int, rows: bytes, palette: bytes = b"", masks: bytes = b"") -> bytes:
    """A BMP from its rows, the lowest first."""
    start = 54 + len(masks) + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, bits, 3 if masks else 0, len(rows), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + masks + palette + rows


def bitmaps() -> Iterator[tuple[str, Odd]]:
    """1 to 32 bits a pixel."""
    for bits in (1, 4, 8):
        index, colors = numbers(bits), numbers(8, 4).reshape(-1, 4)[: 2**bits].astype(np.uint8)
        shifts = np.arange(bits - 1, -1, -1)
        rows = b"".join(np.packbits(row[:, None] >> shifts & 1).tobytes().ljust(-(-WIDTH * bits // 32) * 4, b"\0")
                        for row in index[::-1])  # fmt: skip
        yield f"{bits}-bit.bmp", Odd(bitmap(bits, rows, colors.tobytes()), colors[index][..., 2::-1])
    color, four = numbers(8, 3).astype(np.uint8), numbers(8, 4).astype(np.uint8)
    yield "24-bit.bmp", Odd(bitmap(24, color[::-1, :, ::-1].tobytes()), color)
    yield "32-bit.bmp", Odd(bitmap(32, four[::-1].tobytes()), four[..., 2::-1])
    packed = numbers(16).astype("<u2")
    channels = (packed >> 11) / 31, (packed >> 5 & 63) / 63, (packed & 31) / 31
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    yield "16-bit.bmp", Odd(bitmap(16, packed[::-1].tobytes(), masks=masks), 255 * np.stack(channels, axis=-1), 1)


def jpegs() -> Iterator[tuple[str, Odd]]:
    """Gray, RGB, and inks inverted as Adobe writes them, in flat blocks, which a JPEG keeps but for rounding."""
    blocks = np.kron(numbers(8, 4)[: HEIGHT // 8, : WIDTH // 8], np.ones((8, 8, 1), int)).astype(np.uint8)
    best: dict[str, Any] = {"quality": 100, "subsampling": 0}
    inks = blocks / 255
    left = 255 * (1 - inks[..., :3]) * (1 - inks[..., 3:])
    yield "cmyk-adobe.jpg", Odd(saved(Image.fromarray(blocks, "CMYK"), "JPEG", **best), left, 3)
    yield "gray.jpg", Odd(saved(Image.fromarray(blocks[..., 0]), "JPEG", **best), blocks[..., 0], 2)
    smooth = blocks[..., :3] // 4 + 96
    for name, more in (("", {}), ("-progressive", {"progressive": True}), ("-rgb", {"keep_rgb": True})):
        yield f"color{name}.jpg", Odd(saved(Image.fromarray(smooth), "JPEG", **best, **more), smooth, 3)
    several = saved(Image.fromarray(smooth), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64))], **best)
    yield "several.jpg", Odd(several, smooth, 3)


def webps() -> Iterator[tuple[str, Odd]]:
    """Opaque and with alpha, single and animated."""
    four = numbers(8, 4).astype(np.uint8)
    lossless: dict[str, Any] = {"lossless": True, "exact": True}
    moving: dict[str, Any] = {"save_all": True, "append_images": [Image.new("RGB", (WIDTH, HEIGHT))]}
    for name, more in (("", {}), ("animated-", moving)):
        opaque = saved(Image.fromarray(four[..., :3]), "WEBP", **lossless, **more)
        yield f"{name}opaque.webp", Odd(opaque, four[..., :3])
        alpha = saved(Image.fromarray(four), "WEBP", **lossless, **more)
        yield f"{name}alpha.webp", Odd(alpha, over_white(four[..., :3], four[..., 3]), 1)


def turned() -> Iterator[tuple[str, Odd]]:
    """Every orientation in every format that has EXIF."""
    pixels = numbers(8, 3).astype(np.uint8)
    smooth = np.kron(pixels[: HEIGHT // 8, : WIDTH // 8] // 4 + 96, np.ones((8, 8, 1), int)).astype(np.uint8)
    for orientation, turn in UPRIGHT.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        for ending, stored, tolerance, options in (
            ("png", pixels, 0, {}), ("tiff", pixels, 0, {}), ("webp", pixels, 0, {"lossless": True}),
            ("jpeg", smooth, 3, {"quality": 100, "subsampling": 0}),
        ):  # fmt: skip
            file = saved(Image.fromarray(stored), ending.upper(), exif=exif, **options)
            yield f"orientation{orientation}.{ending}", Odd(file, turn(stored), tolerance)
        behind = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
        file = png_of(pixels.astype(int), 8, 2)
        yield f"orientation{orientation}-behind.png", Odd(file[:-12] + behind + file[-12:], turn(pixels))


def profiled() -> Iterator[tuple[str, Odd]]:
    """Pictures with a profile: of light, of sRGB, and of other channels."""
    pixels = numbers(8, 3).astype(np.uint8)
    light = pixels / 255
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    for ending in ("png", "tiff", "webp"):
        more = {"lossless": True} if ending == "webp" else {}
        file = saved(Image.fromarray(pixels), ending.upper(), icc_profile=linear_profile(), **more)
        yield f"linear-light.{ending}", Odd(file, expected, 2)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield "srgb.png", Odd(saved(Image.fromarray(pixels), "PNG", icc_profile=srgb), pixels)
    gray = saved(Image.fromarray(pixels[..., 0]), "PNG", icc_profile=linear_profile())
    yield "profile-of-other-channels.png", Odd(gray, pixels[..., 0])
