"""Folders: what a name tells, and what no name tells."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.datasets import files
from core.datasets.files import read_dataset
from core.errors import BadInput
from tests.core.datasets.test_files import BLUE, GREEN, PARTED, RED, TWO, folder, packed, told
from tests.core.datasets.test_tars import tarred


@pytest.fixture(autouse=True)
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found does not depend on what is decoded, which takes a process."""
    monkeypatch.setattr(files, "kept", iter)


@pytest.mark.parametrize("part", ["testing", "eval", "evaluation", "dev"])
def test_further_names_of_the_part_that_measures(tmp_path: Path, part: str) -> None:
    content = {name.replace("val/", f"{part}/").replace("train/", "training/"): data for name, data in PARTED.items()}
    dataset = read_dataset([folder(tmp_path, content)])
    assert (dataset.class_names, int(dataset.held_out.sum())) == (("cat", "dog"), 2)


def test_parts_within_one_folder_are_found(tmp_path: Path) -> None:
    content = {f"pets/{name}": data for name, data in PARTED.items()}
    for path in (folder(tmp_path / "a", content), packed(tmp_path / "a.zip", content)):
        assert told(read_dataset([path])) == told(read_dataset([folder(tmp_path / "b", PARTED)]))


@pytest.mark.parametrize("labeled", [True, False])
def test_a_folder_beside_the_parts_is_no_class(tmp_path: Path, labeled: bool) -> None:
    path = folder(tmp_path / "a", PARTED | {"holdout/cat/1.png": RED})
    with pytest.raises(BadInput, match=r"^either all pictures of a are in parts, such as train and val, or none is: "):
        read_dataset([path], labeled=labeled)


NUMBERED: Mapping[str, bytes] = {"0_cat.png": RED, "10_dog.png": BLUE, "0_b.png": GREEN, "10_b.png": RED}


@pytest.mark.parametrize("labeled", [True, False])
def test_numbered_files_are_of_their_class_in_archives_and_parts_too(tmp_path: Path, labeled: bool) -> None:
    parted = {f"{part}/{name}": data for part in ("train", "val") for name, data in NUMBERED.items()}
    for number, content in enumerate((NUMBERED, parted)):
        for path in (folder(tmp_path / f"{number}", content), packed(tmp_path / f"{number}.zip", content)):
            assert read_dataset([path], labeled=labeled).class_names == ("0", "10")


def test_one_file_without_a_number_among_numbered_ones_is_one_sentence(tmp_path: Path) -> None:
    path = folder(tmp_path, NUMBERED | {"cover.png": RED})
    for labeled in (True, False):
        with pytest.raises(
            BadInput, match=r"must be named <class index>_<anything> like the others, got 'cover\.png'$"
        ):
            read_dataset([path], labeled=labeled)


def test_dates_of_photos_are_no_class(tmp_path: Path) -> None:
    path = folder(tmp_path, {f"2026013{day}_120000.png": RED for day in range(4)})
    assert read_dataset([path], labeled=False).class_names == ("all",)


@pytest.mark.parametrize("ending", ["heic", "AVIF", "jfif", "ppm"])
def test_pictures_in_other_formats_are_not_left_out_in_silence(tmp_path: Path, ending: str) -> None:
    content = TWO | {f"dog/3.{ending}": b"picture"}
    paths = (folder(tmp_path / "a", content), packed(tmp_path / "a.zip", content), tarred(tmp_path / "a.tar", content))
    for path in paths:
        with pytest.raises(
            BadInput, match=rf"^dog/3\.{ending} is in a format that is not read: convert it to one of bmp"
        ):
            read_dataset([path])


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", TWO)
    (path / "dog" / "3.png").symlink_to(path / "dog" / "1.png")
    assert len(read_dataset([path])) == 5


@pytest.mark.parametrize(("target", "words"), [("b", "a folder, which is not followed"), ("none", "nothing")])
def test_other_links_are_not_left_out_in_silence(tmp_path: Path, target: str, words: str) -> None:
    path = folder(tmp_path / "a", TWO)
    folder(tmp_path / "b", {"1.png": RED})
    (path / ".cache").symlink_to(tmp_path / "none")
    assert len(read_dataset([path])) == len(TWO)
    (path / "bird").symlink_to(tmp_path / target)
    with pytest.raises(BadInput, match=rf"^bird in a is a link to {words}$"):
        read_dataset([path])


def test_a_folder_without_pictures_says_what_it_holds(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", {"dataset_info.json": b"{}", "data-00000-of-00001.arrow": b"ARROW"})
    for labeled in (True, False):
        with pytest.raises(
            BadInput, match=r"^there is no picture in a, nor a table .*: it holds data-0.*, dataset_info"
        ):
            read_dataset([path], labeled=labeled)


def test_a_zip_with_two_files_of_one_name_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", TWO)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("cat/1.png", BLUE)
    with pytest.raises(BadInput, match=r"^a\.zip holds two files named 'cat/1\.png'$"):
        read_dataset([path])


def test_a_zip_of_windows_has_folders(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {name.replace("/", "\\"): data for name, data in TWO.items()})
    assert read_dataset([path]).class_names == ("cat", "dog")


@pytest.mark.parametrize("name", ["Kätzchen", "日本", "🐈"])
def test_a_zip_of_macos_has_names_in_utf_8_without_saying_so(tmp_path: Path, name: str) -> None:
    """Its names are written as latin text would be; the flag that says UTF-8 is not set."""
    plain = {f"{'x' * len(name.encode())}/{number}.png": RED for number in range(2)} | {
        "dog/1.png": BLUE,
        "dog/2.png": RED,
    }
    content = packed(tmp_path / "a.zip", plain, zipfile.ZIP_STORED).read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(b"x" * len(name.encode()), name.encode()))
    assert set(read_dataset([tmp_path / "a.zip"]).class_names) == {name, "dog"}


def test_a_name_of_another_encoding_stays_as_the_zip_says(tmp_path: Path) -> None:
    content = packed(tmp_path / "a.zip", {"xx/1.png": RED, "xx/2.png": RED}, zipfile.ZIP_STORED).read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(b"xx/", b"\x84x/"))  # cp437
    assert read_dataset([tmp_path / "a.zip"], labeled=False).class_names == ("äx",)


@pytest.mark.parametrize("labeled", [True, False])
@pytest.mark.parametrize("names", [("train_images", "test_images"), ("train2017", "val2017")])
def test_folders_that_are_named_like_parts_are_no_classes(
    tmp_path: Path, names: tuple[str, str], labeled: bool
) -> None:
    content = {f"{names[0]}/1.png": RED, f"{names[1]}/1.png": GREEN, "train.csv": b"1.png,cat"}
    with pytest.raises(BadInput, match=r"^the folders of a are named like parts, not classes, such as \w+ and \w+: "):
        read_dataset([folder(tmp_path / "a", content)], labeled=labeled)


def test_classes_may_have_the_word_of_one_part(tmp_path: Path) -> None:
    content = {f"{name}/{number}.png": RED for name in ("steam train", "express train") for number in range(2)}
    assert read_dataset([folder(tmp_path, content)]).class_names == ("express train", "steam train")


@pytest.mark.parametrize("labeled", [True, False])
@pytest.mark.parametrize("top", ["images/", "train/images/"])
def test_classes_within_one_folder_are_not_left_out_in_silence(tmp_path: Path, top: str, labeled: bool) -> None:
    content = {f"{top}{name}/{number}.png": RED for name in ("cat", "dog") for number in range(2)}
    path = folder(tmp_path / "a", content | {"val/images/cat/1.png": RED} if "train" in top else content)
    with pytest.raises(BadInput, match=r"^all pictures of a are in the folder images, in which cat and dog may be "):
        read_dataset([path], labeled=labeled)
    assert read_dataset([path], labeled=False, label_column="none").class_names == ("all",)


def test_numbered_folders_within_one_folder_are_no_classes(tmp_path: Path) -> None:
    content = {f"faces/{folder:05}/{folder}.png": RED for folder in range(3)}
    assert read_dataset([folder(tmp_path, content)], labeled=False).class_names == ("faces",)
