from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage

from core.datasets import idx
from core.datasets.dataset import Dataset
from core.datasets.files import read_dataset
from core.datasets.idx import CLOTHES, idx_files, parsed
from core.errors import BadInput

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 5, 7), dtype=np.uint8)


LABELS_OF_20 = np.tile(np.arange(10, dtype=np.uint8)[::-1], 2)
FILES = {
    IMAGES: idx_bytes(pictures(20)),
    LABELS: idx_bytes(LABELS_OF_20),
    TEST_IMAGES: idx_bytes(pictures(3, seed=1)),
    TEST_LABELS: idx_bytes(np.array([7, 2, 1], np.uint8)),
}


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def packed(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def gzipped(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


def pixels(dataset: Dataset) -> NDArray[np.uint8]:
    return np.stack([np.asarray(PillowImage.open(io.BytesIO(picture))) for picture in dataset.pictures])


def test_the_files_of_mnist_are_a_data_set_whose_second_part_is_held_out(tmp_path: Path) -> None:
    dataset = read_dataset([folder(tmp_path, FILES)])
    assert np.array_equal(pixels(dataset), np.concatenate([pictures(20), pictures(3, seed=1)]))
    assert dataset.class_names == tuple("0123456789")
    assert dataset.labels.tolist() == [*LABELS_OF_20.tolist(), 7, 2, 1]
    assert dataset.held_out.tolist() == [False] * 20 + [True] * 3


def test_packed_or_not_in_a_folder_or_in_a_zip_they_are_the_same_data_set(tmp_path: Path) -> None:
    plain = read_dataset([folder(tmp_path / "plain", FILES)]).digest
    shapes = [FILES, gzipped(FILES), gzipped(FILES) | FILES, {f"mnist/raw/{name}": FILES[name] for name in FILES}]
    shapes.append({name.replace("-idx", ".idx"): content for name, content in FILES.items()})
    shapes.append({f"{name}/{name}": content for name, content in FILES.items()})
    shapes.append(FILES | {"preview.png": b"no picture", "__MACOSX/._train-images-idx3-ubyte": b"resource fork"})
    for number, files in enumerate(shapes):
        assert read_dataset([folder(tmp_path / str(number), files)]).digest == plain
        assert read_dataset([packed(tmp_path / f"{number}.zip", files)]).digest == plain


def test_without_the_second_part_every_tenth_is_held_out(tmp_path: Path) -> None:
    dataset = read_dataset([folder(tmp_path, {name: FILES[name] for name in (IMAGES, LABELS)})])
    assert dataset.held_out.tolist() == [True] * 10 + [False] * 10


@pytest.mark.parametrize(
    ("name", "inside"),
    [("fashion-mnist.zip", ""), ("a.zip", "FashionMNIST/raw/"), ("a.zip", "fashion-"), ("a.zip", "Fashion/")],
)
def test_classes_are_clothes_in_the_order_of_their_labels_where_a_name_says_fashion(
    tmp_path: Path, name: str, inside: str
) -> None:
    dataset = read_dataset([packed(tmp_path / name, {inside + file: content for file, content in FILES.items()})])
    assert dataset.class_names == CLOTHES
    assert dataset.labels[:20].tolist() == LABELS_OF_20.tolist()


def test_a_folder_inside_of_one_that_says_fashion_is_of_clothes(tmp_path: Path) -> None:
    assert read_dataset([folder(tmp_path / "FashionMNIST" / "raw", FILES)]).class_names == CLOTHES


HEAD = len(FILES[IMAGES]) - 20 * 5 * 7
BAD = {
    "cut short": ({IMAGES: FILES[IMAGES][:-1]}, "must have 700 bytes after its header of 16 bytes, got 699"),
    "too long": ({IMAGES: FILES[IMAGES] + b"x"}, "must have 700 bytes after its header of 16 bytes, got more"),
    "empty": ({IMAGES: b""}, "must begin with the bytes 00 00 08 03 and its sizes, got $"),
    "header cut": ({LABELS: FILES[LABELS][:6]}, "must begin with the bytes 00 00 08 01 and its sizes, got 00 00 08"),
    "wrong magic": ({IMAGES: b"\x89PNG" + FILES[IMAGES][4:]}, "must begin with the bytes 00 00 08 03"),
    "labels for pictures": ({IMAGES: FILES[LABELS]}, "must begin with the bytes 00 00 08 03"),
    "floats": ({IMAGES: b"\0\0\x0d\x03" + FILES[IMAGES][4:]}, "must begin with the bytes 00 00 08 03"),
    "counts": ({LABELS: FILES[TEST_LABELS]}, "must have a label for each picture, got 20 and 3 labels"),
    "a label": ({LABELS: FILES[LABELS][:-1] + b"\x0a"}, "label of picture 20 of .* must be 0 to 9, got 10"),
    "no pixels": ({IMAGES: idx_bytes(np.zeros((20, 0, 7), np.uint8))}, "its header declares 20 x 0 x 7"),
    "absurd": (
        {IMAGES: b"\0\0\x08\x03" + b"\xff" * 12},
        "must hold 1 to 1,073,741,824 bytes, its header declares 4,294,967,295 x 4,294,967,295 x 4,294,967,295",
    ),
}


@pytest.mark.parametrize(("files", "sentence"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
def test_a_bad_file_is_one_sentence(tmp_path: Path, files: dict[str, bytes], sentence: str, zipped: bool) -> None:
    for number, bad in enumerate((FILES | files, gzipped(FILES | files))):
        place = packed(tmp_path / f"{number}.zip", bad) if zipped else folder(tmp_path / str(number), bad)
        with pytest.raises(BadInput, match=f"^[^\n]*{sentence}[^\n]*$"):
            read_dataset([place])


@pytest.mark.parametrize("missing", FILES)
def test_a_file_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    files = {name: content for name, content in FILES.items() if name != missing}
    with pytest.raises(BadInput, match=f"^the file {missing} is missing$"):
        read_dataset([folder(tmp_path, files)])


@pytest.mark.parametrize("damage", ["cut", "flipped", "other"])
def test_a_damaged_packed_file_is_refused(tmp_path: Path, damage: str) -> None:
    content = bytearray(gzip.compress(FILES[IMAGES]))
    if damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    damaged = {"cut": content[:-20], "flipped": content, "other": b"BZh9" + bytes(content)}[damage]
    files = gzipped(FILES) | {f"{IMAGES}.gz": bytes(damaged)}
    with pytest.raises(BadInput, match=rf"^{IMAGES}\.gz is damaged: [^\n]+$"):
        read_dataset([folder(tmp_path, files)])


def test_no_more_is_unpacked_than_the_header_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    class Watched(gzip.GzipFile):
        def read(self, size: int | None = -1) -> bytes:
            read.append(size or 0)
            return super().read(size)

    monkeypatch.setattr(idx.gzip, "open", lambda file: Watched(fileobj=file))
    bomb = gzip.compress(FILES[LABELS] + bytes(50_000_000))
    with pytest.raises(BadInput, match="must have 20 bytes after its header of 8 bytes, got more"):
        parsed(bomb, f"{LABELS}.gz", 1)
    assert read == [8, 21]


def test_files_of_two_data_sets_are_not_mixed() -> None:
    for first, second in (("mnist/", "fashion/"), ("emnist-", "kmnist-")):
        with pytest.raises(BadInput, match=r"the idx files must be of one data set, got several: .+ and .+"):
            idx_files([first + IMAGES, first + LABELS, second + IMAGES])


def test_files_of_other_names_are_not_idx_files() -> None:
    assert idx_files(["cat/1.png", "images-idx3-ubyte", f"{IMAGES}.png", f"{IMAGES}.zip", "idx3"]) == {}
