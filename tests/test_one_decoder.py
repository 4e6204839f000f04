"""Every door reads a picture alike: uploads, data sets, training, evaluation, measures, learned models, pages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from core.datasets.dataset import Dataset
from core.datasets.files import read_dataset
from core.datasets.record import record_of
from core.items import png_bytes
from core.learning.classifier.views import Examples
from core.learning.pictures import center_crop, center_crops, median_side
from core.measures.subjects import picture_of
from core.media.decoding import ENDINGS, FORMATS
from core.media.picture import read_picture
from core.networks.catalog import get_card
from core.networks.loading import load
from core.settings import REPOSITORY
from dashboard.panel import pictures as uploader
from dashboard.routes.contact_sheets import strip
from tests.support.bad_pictures import linear_profile, photo_file
from tests.support.odd_pictures import odd_pictures
from workers.cli.evaluate import decoded as evaluated
from workers.cli.evaluate import evaluate, examples_at

NAMES = (
    "orientation6.jpeg", "orientation6.tiff", "orientation5-behind.png", "gray16.png", "gray4-trns.png", "rgba8.png",
    "cmyk-adobe.jpg", "min-is-white16.tiff", "planar16.tiff", "premultiplied-alpha8.tiff", "linear-light.png",
    "part.gif", "float.tiff", "16-bit.bmp", "animated-alpha.webp",
)  # fmt: skip
FILES = {name: odd.data for name, odd in odd_pictures() if name in NAMES}
FILES["profiled.jpg"] = photo_file("JPEG", icc_profile=linear_profile())
"""File name -> file that a plain reading gets wrong."""
OWN = ("core/media/", "core/items.py", "dashboard/routes/stills.py")
"""Modules that may open pictures with Pillow: the decoder, and readers of what Gazegrid wrote itself."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("odd")
    for number, (name, data) in enumerate(sorted(FILES.items())):
        (root / f"{number % 2}").mkdir(exist_ok=True)
        (root / f"{number % 2}" / name).write_bytes(data)
    return root


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    return read_dataset([folder])


@pytest.fixture(scope="module")
def expected(folder: Path) -> list[NDArray[np.uint8]]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [read_picture(file.read_bytes(), file.name).pixels for file in files]


def test_measures_and_studies_see_what_an_upload_shows(dataset: Dataset, expected: list[NDArray[np.uint8]]) -> None:
    for number, pixels in enumerate(expected):
        np.testing.assert_array_equal(picture_of(dataset, number).pixels, pixels)
        np.testing.assert_array_equal(read_picture(dataset.pictures[number]).pixels, pixels)


def test_training_sees_what_an_upload_shows(dataset: Dataset, expected: list[NDArray[np.uint8]]) -> None:
    examples = Examples(dataset, 16, 16)
    for number, pixels in enumerate(expected):
        np.testing.assert_array_equal(np.asarray(examples.picture(number)), pixels)


def test_learned_models_see_what_an_upload_shows(dataset: Dataset, expected: list[NDArray[np.uint8]]) -> None:
    crops = center_crops(dataset.pictures, np.arange(len(expected)), 24)
    for crop, pixels in zip(crops, expected, strict=True):
        np.testing.assert_array_equal(crop.permute(1, 2, 0), center_crop(Image.fromarray(pixels), 24))
    assert median_side(dataset.pictures) == 32


def test_evaluation_sees_what_an_upload_shows(folder: Path, expected: list[NDArray[np.uint8]]) -> None:
    examples = list(examples_at(folder, load(get_card("random/test_resnet"))))
    for example, pixels in zip(examples, expected, strict=True):
        np.testing.assert_array_equal(evaluated(example).pixels, pixels)


def test_pages_show_what_an_upload_shows(dataset: Dataset, expected: list[NDArray[np.uint8]]) -> None:
    for picture, pixels in zip(dataset.pictures, expected, strict=True):
        assert strip([picture]) == strip([png_bytes(pixels)])


def test_the_record_has_the_sizes_of_upright_pictures(dataset: Dataset, expected: list[NDArray[np.uint8]]) -> None:
    record = record_of(dataset, "", "", "")
    assert record.smallest == tuple(np.min([pixels.shape[1::-1] for pixels in expected], axis=0))
    assert record.largest == tuple(np.max([pixels.shape[1::-1] for pixels in expected], axis=0))


def test_accuracy_does_not_depend_on_how_pictures_are_stored(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    photos = [generator.integers(0, 256, (40, 60), dtype=np.uint8).repeat(2, 0).repeat(2, 1) for _ in range(6)]
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right, so it is stored turned to the left
    options: dict[str, dict[str, object]] = {"turned": {"exif": exif}}
    network = load(get_card("random/test_resnet"))
    prepared = [network.prepare(read_picture(png_bytes(photo))) for photo in photos]
    classes = network(torch.stack(prepared)).argmax(dim=1).tolist()
    for name, stored in {
        "upright": photos,
        "turned": [np.rot90(photo) for photo in photos],
        "sixteen": [photo.astype(np.uint16) * 257 for photo in photos],
    }.items():
        for number, photo in enumerate(stored):
            file = tmp_path / name / f"{classes[number]:04}_{number}.png"
            file.parent.mkdir(exist_ok=True)
            Image.fromarray(photo).save(file, **options.get(name, {}))
        assert evaluate("random/test_resnet", [tmp_path / name])["top1"] == 1


def test_the_uploader_offers_the_formats_that_are_read() -> None:
    assert set(uploader.ENDINGS) == {"png", "jpg", "jpeg", "webp", "gif", "tif", "tiff", "bmp"}


def test_the_docs_name_the_formats_that_are_read() -> None:
    page = (REPOSITORY / "docs" / "reference" / "picture-files.md").read_text("utf-8")
    assert f"Formats: {', '.join(FORMATS)}." in page
    assert set(re.findall(r"`(\w+)`", page.partition("endings are")[2].partition(".")[0])) == set(ENDINGS)


@pytest.mark.parametrize("package", ["core", "workers", "dashboard"])
def test_no_other_module_opens_pictures(package: str) -> None:
    openers = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / package).rglob("*.py")
        if _opens_pictures(ast.parse(path.read_text("utf-8")))
    }
    assert not {path for path in openers if not path.startswith(OWN)}


def _opens_pictures(module: ast.Module) -> bool:
    opened = {"Image.open", "PillowImage.open", "PIL.Image.open"}
    return any(isinstance(node, ast.Attribute) and ast.unparse(node) in opened for node in ast.walk(module))


@pytest.mark.parametrize("package", ["core", "workers", "dashboard"])
def test_pictures_are_opened_with_a_list_of_formats(package: str) -> None:
    for path in (REPOSITORY / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"PillowImage.open", "PIL.Image.open"}:
                assert "formats" in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"
