from __future__ import annotations

import functools
import hashlib
import io
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import BadPicture
from core.items import decode_own
from core.media import picture_decoder
from core.media.decoder_process import DecoderProcess
from core.media.picture import Picture, read_picture, thumbnail
from tests.support.bad_pictures import REFUSED, chunk, linear_profile, pages, photo, photo_file, png, png16, saved, tiff
from tests.support.odd_pictures import UPRIGHT


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_picture_is_refused_within_two_seconds_in_one_sentence_with_name_and_reason(name: str) -> None:
    make, pattern = REFUSED[name]
    content = make()
    before_s = processor_time_s()
    with pytest.raises(BadPicture, match=pattern) as refusal:
        read_picture(content, name)
    assert processor_time_s() - before_s < 2  # whatever else the machine does
    assert str(refusal.value).startswith(name)
    assert "\n" not in str(refusal.value)


def processor_time_s() -> float:
    """Of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_a_lossless_file_keeps_every_pixel(form: str) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    assert np.array_equal(read_picture(photo_file(form, **options)).pixels, photo())


def test_a_jpeg_is_the_picture_but_for_its_losses() -> None:
    pixels = read_picture(photo_file("JPEG", quality=95, subsampling=0)).pixels
    assert np.abs(pixels.astype(int) - photo()).max() < 25
    assert np.abs(pixels.astype(int) - photo()).mean() < 3


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_turns_the_picture_upright(orientation: int, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if form == "WEBP" else {}
    turned = read_picture(photo_file(form, exif=exif, **options))
    assert np.array_equal(turned.pixels, UPRIGHT[orientation](photo()))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(read_picture(photo_file(exif=exif)).pixels, photo())


@pytest.mark.parametrize("garbage", [b"", b"MM\0*", b"Exif\0\0garbage", b"II*\0\xff\xff\xff\xff", bytes(200)])
def test_exif_that_is_none_turns_nothing(garbage: bytes) -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in photo())
    file = png(64, 48, 8, 2, rows, chunk(b"eXIf", garbage))
    assert np.array_equal(read_picture(file).pixels, photo())


@pytest.mark.parametrize(("alpha", "expected"), [(0, (255, 255, 255)), (255, (10, 100, 200)), (51, (206, 224, 244))])
def test_alpha_is_laid_over_white(alpha: int, expected: tuple[int, int, int]) -> None:
    pixels = read_picture(saved(Image.new("RGBA", (32, 32), (10, 100, 200, alpha)), "PNG")).pixels
    assert (pixels == expected).all()


def test_gray_with_alpha_is_laid_over_white() -> None:
    assert (read_picture(saved(Image.new("LA", (32, 32), (0, 51)), "PNG")).pixels == 204).all()


def test_a_palette_is_looked_up_and_its_transparent_color_is_white() -> None:
    image = Image.new("P", (32, 32), 1)
    image.putpalette([0, 0, 0, 12, 34, 56, 200, 100, 50])
    image.putpixel((3, 5), 2)
    for form in ("PNG", "GIF"):
        assert read_picture(saved(image, form)).pixels[0, 0].tolist() == [12, 34, 56]
        pixels = read_picture(saved(image, form, transparency=1)).pixels
        assert pixels[0, 0].tolist() == [255, 255, 255]
        assert pixels[5, 3].tolist() == [200, 100, 50]


def test_a_transparent_color_without_a_palette_is_white() -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in photo())
    red, green, blue = (int(value) for value in photo()[7, 9])
    pixels = read_picture(png(64, 48, 8, 2, rows, chunk(b"tRNS", bytes([0, red, 0, green, 0, blue])))).pixels
    transparent = (photo() == photo()[7, 9]).all(axis=-1, keepdims=True)
    assert np.array_equal(pixels, np.where(transparent, 255, photo()))


def test_sixteen_bits_a_channel_are_scaled_and_not_clipped() -> None:
    gray = np.linspace(0, 65535, 1024).round().astype(np.uint16).reshape(32, 32)
    color = np.stack([gray, gray[::-1], gray.T], axis=-1)
    expected = (gray >> 8).astype(np.uint8)
    for file in (png16(gray), tiff(gray), tiff(gray.astype(">u2"), byteorder=">")):
        assert np.array_equal(read_picture(file).pixels, np.stack([expected] * 3, axis=-1))
    for file in (png16(color), tiff(color)):
        assert np.array_equal(read_picture(file).pixels, (color >> 8).astype(np.uint8))


def test_sixteen_bits_with_alpha_are_laid_over_white() -> None:
    values = np.broadcast_to(np.array([0, 32768, 65535, 13107], np.uint16), (32, 32, 4))
    assert (read_picture(png16(values)).pixels == (204, 230, 255)).all()


@pytest.mark.parametrize("transparent", [b"\x40\x00", b"\x40\x00\x40\x00\x40\x00"])
def test_a_transparent_color_of_sixteen_bits_does_not_spoil_the_rest(transparent: bytes) -> None:
    shape = (32, 32) if len(transparent) == 2 else (32, 32, 3)
    values = np.full(shape, 0x8000, np.uint16)
    assert (read_picture(png16(values, chunk(b"tRNS", transparent))).pixels == 128).all()


@pytest.mark.parametrize(("greatest", "factor"), [(1.0, 255.0), (255.0, 1.0), (65535.0, 255 / 65535)])
def test_a_float_picture_is_scaled_by_the_range_that_holds_it(greatest: float, factor: float) -> None:
    values = np.linspace(0, greatest, 1024, dtype=np.float32).reshape(32, 32)
    pixels = read_picture(tiff(values)).pixels[..., 0]
    assert np.abs(pixels - values * factor).max() <= 1
    assert (pixels[0, 0], pixels[-1, -1]) == (0, 255)


def test_black_and_white_is_black_and_white() -> None:
    image = Image.new("1", (32, 32))
    image.putpixel((4, 6), 1)
    pixels = read_picture(saved(image, "PNG")).pixels
    assert (pixels[6, 4] == 255).all()
    assert pixels.sum() == 3 * 255


def test_cmyk_becomes_the_color_that_the_ink_leaves() -> None:
    image = Image.new("CMYK", (32, 32), (255, 51, 0, 51))
    for form in ("JPEG", "TIFF"):
        pixels = read_picture(saved(image, form)).pixels.astype(int)
        assert np.abs(pixels - [0, 163, 204]).max() <= 3


def test_a_color_profile_is_turned_into_srgb() -> None:
    image = Image.new("RGB", (32, 32), (0, 55, 255))
    linear = 55 / 255
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    pixels = read_picture(saved(image, "PNG", icc_profile=linear_profile())).pixels.astype(float)
    assert np.abs(pixels - [0, expected, 255]).max() <= 2


@pytest.mark.parametrize("profile", [b"no profile at all", linear_profile()[:200]])
def test_a_broken_color_profile_is_passed_over(profile: bytes) -> None:
    assert np.array_equal(read_picture(photo_file(icc_profile=profile)).pixels, photo())


def test_a_profile_for_other_channels_is_ignored() -> None:
    file = saved(Image.new("L", (32, 32), 77), "PNG", icc_profile=linear_profile())
    assert (read_picture(file).pixels == 77).all()


def test_the_first_of_several_frames_is_read() -> None:
    first, second = Image.new("RGB", (32, 32), (1, 2, 3)), Image.new("RGB", (32, 32), (200, 0, 0))
    for form in ("PNG", "TIFF"):
        file = saved(first, form, save_all=True, append_images=[second])
        assert (read_picture(file).pixels == (1, 2, 3)).all()
    gif = saved(first.convert("L"), "GIF", save_all=True, append_images=[Image.new("L", (32, 32), 9)])
    assert np.ptp(read_picture(gif).pixels) <= 2


def test_pages_of_different_sizes_are_counted_each_by_its_own() -> None:
    assert read_picture(pages(100, 5000, 3000)).pixels.shape == (100, 100, 3)


@pytest.mark.parametrize(("width", "height"), [(16, 16), (320, 16), (16, 320)])
def test_the_least_sides_and_the_greatest_ratio_are_still_allowed(width: int, height: int) -> None:
    picture = read_picture(saved(Image.new("RGB", (width, height)), "PNG"))
    assert (picture.width, picture.height) == (width, height)


def test_our_own_png_holds_the_same_picture_and_nothing_else() -> None:
    picture = read_picture(photo_file("JPEG", comment=b"secret place", exif=b"Exif\0\0secret"))
    assert np.array_equal(decode_own(picture.png()), picture.pixels)
    assert read_picture(picture.png()).digest == picture.digest
    assert b"secret" not in picture.png()


def test_the_digest_is_of_shape_and_pixels() -> None:
    pixels = photo()
    digest = Picture.from_pixels(pixels).digest
    assert digest == hashlib.sha256(b"48x64x3:" + pixels.tobytes()).hexdigest()
    assert Picture.from_pixels(pixels.reshape(64, 48, 3)).digest != digest
    assert Picture.from_pixels(pixels[:, ::-1]).digest != digest


def test_the_pixels_of_a_picture_cannot_change_under_its_digest() -> None:
    array = photo()
    picture = Picture.from_pixels(array)
    array[:] = 0
    assert np.array_equal(picture.pixels, photo())
    for one in (picture, read_picture(picture.png())):
        with pytest.raises(ValueError, match="read-only"):
            one.pixels[0, 0, 0] = 1


@pytest.mark.parametrize(
    "array", [photo().astype(np.float32), photo()[..., 0], photo()[..., :2], photo()[:0], photo()[None]]
)
def test_an_array_of_another_shape_or_type_is_refused(array: np.ndarray) -> None:
    with pytest.raises(BadPicture, match=r"\(height, width, 3\) of uint8, got"):
        Picture.from_pixels(array)


def test_a_thumbnail_keeps_its_proportions_and_is_never_enlarged() -> None:
    for side_px, size in ((32, (32, 24)), (500, (64, 48))):
        with Image.open(io.BytesIO(thumbnail(photo(), side_px))) as image:
            assert (image.format, image.size) == ("WEBP", size)


def test_a_name_is_shown_short_in_one_line_and_without_its_folder() -> None:
    with pytest.raises(BadPicture) as refusal:
        read_picture(b"", "/home/me/" + "long" * 40 + "\n\u202e<b>.png")
    assert str(refusal.value).startswith("longlong")
    assert "/home" not in str(refusal.value)
    assert len(str(refusal.value)) < 100
    assert str(refusal.value).isprintable()


def test_a_picture_that_needs_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Path(picture_decoder.__file__).read_text().replace("768 * 2**20", "120 * 2**20")
    content = saved(Image.new("RGB", (6000, 6000)), "PNG")
    command = [sys.executable, "-I", "-c", small, "picture"]
    started = functools.partial(
        subprocess.Popen, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    monkeypatch.setattr(DecoderProcess, "_started", lambda _: started())
    with pytest.raises(BadPicture, match="takes more than the limit of 768 MiB of memory"):
        read_picture(content)


def test_a_picture_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_decoder, "TIME_S", 0.01)
    with pytest.raises(BadPicture, match="takes longer than the limit of 10 s"):
        read_picture(photo_file())


def test_a_tiff_in_compressed_strips_is_read_whole() -> None:
    file = tiff(photo(), rowsperstrip=5, photometric="rgb", compression="zlib")
    assert np.array_equal(read_picture(file).pixels, photo())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_bytes_give_a_picture_or_one_sentence(data: st.DataObject) -> None:
    whole = bytearray(photo_file(data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"]))))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=6)):
        whole[place] = data.draw(st.integers(0, 255))
    file = bytes(whole) if data.draw(st.booleans()) else data.draw(st.binary(min_size=1, max_size=200))
    outcome = picture_or_refusal(file)
    if isinstance(outcome, Picture):
        assert (outcome.pixels.dtype, outcome.pixels.ndim, outcome.pixels.shape[2]) == (np.uint8, 3, 3)
    else:
        assert outcome.startswith("fuzzed ")
        assert outcome.isprintable()


def picture_or_refusal(file: bytes) -> Picture | str:
    try:
        return read_picture(file, "fuzzed")
    except BadPicture as refusal:
        return str(refusal)
