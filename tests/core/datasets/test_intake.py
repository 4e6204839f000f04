from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.datasets.dataset import Dataset
from core.datasets.files import read_dataset
from core.datasets.intake import kept, turned
from core.datasets.labeled import UNKNOWN, LabeledPicture
from core.errors import BadPicture
from core.media.decoder_process import DecoderProcess
from core.media.picture import decoded, read_picture
from core.media.samples import sample
from tests.core.datasets.test_files import BLUE, GREEN, RED, folder, table
from tests.support.bad_pictures import REFUSED, photo_file, saved
from tests.support.odd_pictures import UPRIGHT, odd_pictures

ODD = {name: odd.data for name, odd in odd_pictures()}
BOX = (5, 3, 20, 9)
"""First column and row, last column and row."""


def of_orientation(orientation: int, form: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return photo_file(form, exif=exif)


def taken(*files: bytes) -> list[LabeledPicture]:
    return list(kept(LabeledPicture(f"{number}.png", data, "", False) for number, data in enumerate(files)))


def test_a_data_set_of_every_kind_of_file_has_the_pixels_of_uploads(tmp_path: Path) -> None:
    files = {f"{'odd' if number % 2 else 'even'}/{name}": data for number, (name, data) in enumerate(ODD.items())}
    dataset = read_dataset([folder(tmp_path, files)])
    with DecoderProcess("picture", wall_clock_s=60) as uploads:
        for name, picture in zip(sorted(files), dataset.pictures, strict=True):
            np.testing.assert_array_equal(np.asarray(decoded(picture, name)), uploads.pixels(files[name], name), name)


def test_one_process_takes_all_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started = []
    start = DecoderProcess._started
    monkeypatch.setattr(DecoderProcess, "_started", lambda process: started.append(process) or start(process))
    files = {f"{label}/{number}.png": RED for label in ("cat", "dog") for number in range(100)}
    assert len(read_dataset([folder(tmp_path, files)])) == 200
    assert len(started) == 1


@pytest.mark.parametrize("name", ["postscript.png", "anymap.png", "words.jpg", "signed_16.tiff", "cut_in_middle.jpg"])
def test_what_is_refused_as_an_upload_is_refused_in_a_data_set(name: str, tmp_path: Path) -> None:
    make, pattern = REFUSED[name]
    files = {"cat/1.png": RED, f"cat/{name}": make(), "dog/1.png": GREEN, "dog/2.png": BLUE}
    with pytest.raises(BadPicture, match=f"^cat/{name} .*{pattern}"):
        read_dataset([folder(tmp_path, files)])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_plain_files_stay_as_they_were(form: str, mode: str) -> None:
    data = saved(Image.open(io.BytesIO(photo_file())).convert(mode), form)
    assert taken(data)[0].data == data


def test_a_picture_may_be_of_any_size() -> None:
    for width, height in ((1, 1), (8, 8), (500, 2)):
        data = saved(Image.new("L", (width, height)), "PNG")
        assert taken(data)[0].data == data


def test_jpegs_stay_as_small_as_they_were() -> None:
    photo = Image.fromarray(np.array(sample("cat").pixels))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    files = [saved(photo, "JPEG", quality=85, **more) for more in ({}, {"exif": exif}, {"icc_profile": profile})]
    assert sum(len(picture.data) for picture in taken(*files)) <= 1.2 * sum(map(len, files))


def test_a_png_of_ours_has_no_more_channels_than_colors() -> None:
    gray, color = (Image.open(io.BytesIO(taken(ODD[name])[0].data)).mode for name in ("gray16.png", "rgb16.png"))
    assert (gray, color) == ("L", "RGB")


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_boxes_turn_with_their_picture(orientation: int) -> None:
    height, width = 32, 48
    mask = np.zeros((height, width))
    mask[BOX[1] : BOX[3] + 1, BOX[0] : BOX[2] + 1] = 1
    upright = UPRIGHT[orientation](mask)
    rows, columns = np.nonzero(upright)
    expected = (columns.min(), rows.min(), columns.max(), rows.max())
    assert turned(BOX, orientation, upright.shape[1], upright.shape[0]) == expected


def test_a_turned_box_lies_in_its_picture_and_an_unknown_one_stays_unknown() -> None:
    assert turned((40, -5, 90, 3), 3, 48, 32) == (0, 28, 7, 31)
    assert turned((60, 0, 90, 3), 3, 48, 32) == turned(UNKNOWN, 3, 48, 32) == UNKNOWN
    assert turned((40, 5, 90, 30), 1, 48, 32) == (40, 5, 90, 30)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_box_of_a_data_set_surrounds_the_same_pixels(orientation: int, form: str, tmp_path: Path) -> None:
    data = of_orientation(orientation, form)
    sides = {name: [side] * 4 for name, side in zip(("x0", "y0", "x1", "y1"), BOX, strict=True)}
    dataset = read_dataset(
        [table(tmp_path / "a.parquet", {"image": [data] * 4, "label": [0, 1] * 2, **sides})], boxes=True
    )
    stored = np.asarray(Image.open(io.BytesIO(photo_file(form))).convert("RGB"))
    inside = UPRIGHT[orientation](stored[BOX[1] : BOX[3] + 1, BOX[0] : BOX[2] + 1])
    left, top, right, bottom = boxes_of(dataset)[0]
    pixels = np.asarray(decoded(dataset.pictures[0], ""))
    np.testing.assert_array_equal(pixels[top : bottom + 1, left : right + 1], inside)


def boxes_of(dataset: Dataset) -> list[list[int]]:
    assert dataset.boxes is not None
    return dataset.boxes.tolist()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_boxes_of_a_data_set_taken_before_turn_when_it_is_read(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, nothing = [of_orientation(6, form), photo_file(), b"no picture"], np.zeros(3, int)
    boxes = np.array([BOX] * 3, np.int32)
    before = Dataset(("a",), pictures, nothing, nothing.astype(bool), boxes)
    with monkeypatch.context() as patch:
        patch.setattr("core.datasets.dataset.UPRIGHT_BOXES", "")
        content = before.to_bytes()
    again = Dataset.from_bytes(content, before.digest)
    assert boxes_of(again) == [list(turned(BOX, 6, 48, 64)), list(BOX), list(BOX)]
    assert again.digest == before.digest
    assert boxes_of(Dataset.from_bytes(before.to_bytes(), before.digest)) == [list(BOX)] * 3


def test_a_data_set_taken_before_is_read_by_the_same_decoder() -> None:
    before = Dataset(("a", "b"), list(ODD.values()), np.zeros(len(ODD), int), np.zeros(len(ODD), bool))
    again = Dataset.from_bytes(before.to_bytes(), before.digest)
    name = "min-is-white16.tiff"
    picture = again.pictures[list(ODD).index(name)]
    np.testing.assert_array_equal(np.asarray(decoded(picture, name)), read_picture(ODD[name], name).pixels)
