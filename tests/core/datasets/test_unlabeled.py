"""Pictures without class folders, for methods that need no labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from core.datasets.files import read_dataset
from core.errors import BadInput
from tests.core.datasets.test_files import BLUE, GREEN, PARTED, RED, TWO, folder, packed, table

LOOSE = {"1.png": RED, "2.png": GREEN, "3.png": BLUE}


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (LOOSE, ("all",)),
        ({f"train/{name}": content for name, content in LOOSE.items()} | {"val/4.png": RED}, ("all",)),
        ({f"cat/{name}": content for name, content in LOOSE.items()}, ("cat",)),
        (TWO, ("cat", "dog")),
    ],
    ids=["no folder", "parts", "one class", "classes"],
)
def test_without_labeled_one_class_or_none_is_enough(
    tmp_path: Path, files: Mapping[str, bytes], names: tuple[str, ...]
) -> None:
    unpacked = read_dataset([folder(tmp_path / "a", files)], labeled=False)
    assert unpacked.class_names == names
    assert sorted(unpacked.pictures) == sorted(files.values())
    assert 0 < unpacked.held_out.sum() < len(unpacked)
    assert read_dataset([packed(tmp_path / "a.zip", files)], labeled=False).digest == unpacked.digest


def test_labeled_pictures_are_the_same_data_set_whether_labels_are_needed_or_not(tmp_path: Path) -> None:
    for files in (TWO, PARTED):
        path = packed(tmp_path / f"{len(files)}.zip", files)
        assert read_dataset([path]).digest == read_dataset([path], labeled=False).digest


def test_a_table_of_pictures_alone_has_one_class(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"image": [RED, GREEN, BLUE]}, {"label": {"names": ["cat", "dog"]}})
    dataset = read_dataset([path], labeled=False)
    assert (dataset.class_names, dataset.labels.tolist()) == (("all",), [0, 0, 0])
    with pytest.raises(
        BadInput,
        match=r"^a\.parquet must have a column of pictures, such as image, and one of classes, such as label; it has ",
    ):
        read_dataset([path])


def test_pictures_beside_class_folders_are_refused_even_where_no_labels_are_needed(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"either all pictures are in class folders or none is: '3\.png' is not, but others are"
    ):
        read_dataset([folder(tmp_path, {**TWO, "3.png": RED})], labeled=False)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [({}, "there is no picture in data"), ({"1.png": RED}, "both training and held-out pictures")],
)
def test_a_folder_with_too_few_pictures_for_anything_is_refused(
    tmp_path: Path, files: Mapping[str, bytes], sentence: str
) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(BadInput, match=sentence):
        read_dataset([folder(tmp_path / "data", files)], labeled=False)
