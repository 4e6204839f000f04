from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.datasets import file_tree, files
from core.datasets.dataset import Dataset
from core.datasets.files import pictures_at, read_dataset, reading_at
from core.datasets.labeled import LabeledPicture, Wanted
from core.errors import BadInput, BadPicture
from tests.support.squares import square

RED, GREEN, BLUE = (square(color, np.random.default_rng(1)) for color in ("red", "green", "blue"))
TWO = {"cat/1.png": RED, "cat/2.png": RED, "dog/1.png": GREEN, "dog/2.png": BLUE}
PARTED = {"train/cat/1.png": RED, "train/dog/1.png": GREEN, "val/cat/2.png": RED, "val/dog/2.png": BLUE}


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def packed(path: Path, files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def table(path: Path, columns: Mapping[str, Any], features: Any = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = None if features is None else {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(pa.table(dict(columns), metadata=metadata), path)
    return path


def told(dataset: Dataset) -> list[tuple[bytes, str, bool]]:
    """(picture, class, held out) of each."""
    names = [dataset.class_names[label] for label in dataset.labels]
    return list(zip(dataset.pictures, names, dataset.held_out.tolist(), strict=True))


# folders


def test_a_folder_of_class_folders_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    dataset = read_dataset([folder(tmp_path, TWO)])
    assert dataset.class_names == ("cat", "dog")
    assert told(dataset) == [(RED, "cat", True), (RED, "cat", False), (GREEN, "dog", True), (BLUE, "dog", False)]


@pytest.mark.parametrize("part", ["val", "valid", "validation", "test", "Val"])
def test_a_part_that_measures_is_held_out(tmp_path: Path, part: str) -> None:
    files = {name.replace("val/", f"{part}/"): content for name, content in PARTED.items()}
    dataset = read_dataset([folder(tmp_path, files)])
    assert sorted(told(dataset)) == sorted(
        [(RED, "cat", False), (GREEN, "dog", False), (RED, "cat", True), (BLUE, "dog", True)]
    )


def test_held_out_pictures_can_be_in_another_folder(tmp_path: Path) -> None:
    learned = folder(tmp_path / "learned", {"cat/1.png": RED, "dog/1.png": GREEN})
    measured = folder(tmp_path / "measured", {"dog/1.png": BLUE})
    dataset = read_dataset([learned], [measured])
    assert told(dataset) == [(RED, "cat", False), (GREEN, "dog", False), (BLUE, "dog", True)]


def test_nested_pictures_belong_to_the_class_and_hidden_or_other_files_are_ignored(tmp_path: Path) -> None:
    strangers = {"cat/.hidden.png": b"", ".cache/x/1.png": b"", "cat/readme.txt": b"", "cat/._1.png": b"", "a.csv": b""}
    dataset = read_dataset([folder(tmp_path, {**TWO, "cat/more/3.PNG": RED, **strangers})])
    assert len(dataset) == 5
    assert dataset.class_names == ("cat", "dog")


def test_without_held_out_pictures_every_tenth_of_each_class_is_held_out(tmp_path: Path) -> None:
    files = {f"{name}/{number:02}.png": RED for name, count in (("cat", 21), ("dog", 10)) for number in range(count)}
    dataset = read_dataset([folder(tmp_path, files)])
    assert np.flatnonzero(dataset.held_out).tolist() == [0, 10, 20, 21]


def test_classes_that_are_numbers_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    files = {f"{number}/{copy}.png": RED for number in (10, 2, 0) for copy in "ab"}
    assert read_dataset([folder(tmp_path, files)]).class_names == ("0", "2", "10")


# zip


def test_a_zip_of_class_folders_is_the_same_data_set_wrapped_or_not(tmp_path: Path) -> None:
    unpacked = read_dataset([folder(tmp_path / "unpacked", PARTED)])
    for number, top in enumerate(("", "animals/", "Animals of 2026/")):
        files = {top + name: content for name, content in PARTED.items()}
        files |= {
            f"__MACOSX/{top}train/cat/._1.png": b"resource fork",
            f"{top}.DS_Store": b"?",
            f"{top}notes.txt": b"?",
        }
        assert read_dataset([packed(tmp_path / f"{number}.zip", files)]).digest == unpacked.digest


@pytest.mark.parametrize("top", ["train", "TRAIN"])
def test_a_part_is_no_wrapping(tmp_path: Path, top: str) -> None:
    pictures = pictures_at(packed(tmp_path / "a.zip", {f"{top}/cat/1.png": RED, f"{top}/dog/1.png": BLUE}))
    assert [picture.label for picture in pictures] == ["cat", "dog"]


def test_a_zip_of_one_class_folder_has_one_class(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"cat/1.png": RED, "cat/2.png": RED})
    assert [picture.label for picture in pictures_at(path)] == ["cat", "cat"]
    with pytest.raises(BadInput, match=r"pictures of at least two classes, got 1 in a\.zip"):
        read_dataset([path])


@pytest.mark.parametrize(
    "name", ["../../cat/1.png", "/etc/cat/1.png", "x/../../dog/2.png", "..\\..\\dog.png", "../train-images-idx3-ubyte"]
)
def test_a_zip_with_paths_outside_of_it_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    path = packed(inside / "a.zip", TWO | {name: RED})
    before = {file for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(
        BadInput, match=r"^the files in a zip must have names without .. and without a leading /, got '[^\n]+$"
    ):
        read_dataset([path])
    assert {file for file in tmp_path.rglob("*") if file.is_file()} == before


def test_an_encrypted_zip_is_refused_in_a_sentence(tmp_path: Path) -> None:
    content = bytearray(packed(tmp_path / "a.zip", TWO, zipfile.ZIP_STORED).read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag in each file's two headers
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            content[start + offset] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(BadInput, match=r"^a\.zip cannot be read: .*encrypted[^\n]*$"):
        read_dataset([tmp_path / "a.zip"])


def test_a_zip_that_claims_too_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_tree, "MAX_BYTES", 2**30)
    content = bytearray(packed(tmp_path / "a.zip", TWO).read_bytes())
    for start in [at for at in range(len(content)) if content[at : at + 4] == b"PK\x01\x02"]:
        struct.pack_into("<L", content, start + 24, 2**29)  # bytes unpacked, as the directory at the end has it
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.zip holds more than 1 GiB of pictures"):
        read_dataset([tmp_path / "a.zip"])


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_zip_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: int) -> None:
    def refuse(pictures: Iterable[LabeledPicture]) -> Iterator[LabeledPicture]:
        """What decoding does, which takes a process: the pictures are random bytes."""
        for picture in list(pictures):
            raise BadPicture(f"{picture.name} is not a picture")
        yield from ()

    monkeypatch.setattr(files, "kept", refuse)
    content = packed(tmp_path / "a.zip", {f"{name}": os.urandom(300) for name in TWO}, compression).read_bytes()
    for number, start in enumerate(range(0, len(content), 7)):
        damaged = bytearray(content)
        damaged[start] ^= 0xFF
        path = tmp_path / f"{number}.zip"
        path.write_bytes(damaged)
        with pytest.raises(BadInput, match=r"^[^\n]+$"):
            read_dataset([path])


# parquet


def test_a_table_has_pictures_as_bytes_or_as_libraries_write_them_and_columns_in_any_order(tmp_path: Path) -> None:
    labels = [0, 1, 0, 1]
    plain = table(tmp_path / "a.parquet", {"label": labels, "more": labels, "image": list(TWO.values())})
    structs = [{"bytes": content, "path": None} for content in TWO.values()]
    nested = table(tmp_path / "b.parquet", {"image": structs, "label": labels})
    assert read_dataset([plain]).digest == read_dataset([nested]).digest
    assert told(read_dataset([plain], [nested]))[3:5] == [(BLUE, "1", False), (RED, "0", True)]


def test_labels_can_be_names(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"image": [RED, RED, BLUE, BLUE], "label": ["dog", "dog", "cat", "cat"]})
    assert read_dataset([path]).class_names == ("cat", "dog")


def test_labels_without_names_are_numbers_in_their_order(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"image": [RED] * 6, "label": [10, 10, 2, 2, 0, 0]})
    assert read_dataset([path]).class_names == ("0", "2", "10")


def test_names_come_as_data_set_libraries_write_them(tmp_path: Path) -> None:
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog", "bird"], "_type": "ClassLabel"}}
    path = table(tmp_path / "a.parquet", {"image": [RED] * 4, "label": [1, 0, 1, 0]}, features)
    dataset = read_dataset([path])
    assert dataset.class_names == ("cat", "dog", "bird")
    assert [label for _, label, _ in told(dataset)] == ["dog", "cat", "dog", "cat"]


def test_a_table_whose_libraries_gave_no_names_has_none(tmp_path: Path) -> None:
    for number, features in enumerate(({"label": {"dtype": "int64", "_type": "Value"}}, {}, None)):
        path = table(tmp_path / f"{number}.parquet", {"image": [RED] * 2, "label": [1, 0]}, features)
        with reading_at(path, Wanted()) as reading:
            assert reading.class_names == ()


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        (["cat", "dog"], ("cat", "dog")),
        ([{"name": "tench", "wnid": "n01440764"}, {"name": "dog"}], ("tench", "dog")),
        (
            [{"name": "crane", "wnid": "n02012849"}, {"name": "crane", "wnid": "n03126707"}],
            ("crane (n02012849)", "crane (n03126707)"),
        ),
    ],
    ids=["names", "with WordNet ids", "of one name in ImageNet"],
)
def test_names_beside_a_table_go_first(tmp_path: Path, classes: Any, names: tuple[str, ...]) -> None:
    (tmp_path / "classes.json").write_text(json.dumps(classes))
    features = {"label": {"names": ["no", "one"]}}
    path = table(tmp_path / "a.parquet", {"image": [RED] * 4, "label": [0, 1, 0, 1]}, features)
    assert read_dataset([path]).class_names == names


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        ('"cat"', "the class names of a.parquet must be a list of at most 200,000 names, or a table of indices and"),
        ('{"0": "cat", "2": "dog"}', "the class names of a.parquet must have the indices 0 to 1, each once"),
        ('[{"wnid": "n01440764"}]', "a class name must be one line of 1 to 200 characters, got 'None' for class 0 of"),
        ("[1, 2]", "a class name must be one line of 1 to 200 characters, got '1' for class 0 of a.parquet"),
        ("[" * 100_000, "the class names of a.parquet cannot be read"),
        ("[cat]", "the class names of a.parquet cannot be read"),
        ('["cat", "cat"]', "the class names of a.parquet must be unique, got 'cat' more than once"),
    ],
)
def test_names_that_are_none_are_refused(tmp_path: Path, classes: str, sentence: str) -> None:
    (tmp_path / "classes.json").write_text(classes)
    path = table(tmp_path / "a.parquet", {"image": [RED, BLUE], "label": [0, 1]})
    with pytest.raises(BadInput, match=f"^{sentence}[^\n]*$"):
        read_dataset([path])


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"x": [0]}, "^a.parquet must have one column of pictures, such as image or img; it has none among x$"),
        ({"image": [RED, None], "label": [0, 1]}, "row 2 of a.parquet has no picture"),
        ({"image": [{"path": "a.png"}], "label": [0]}, "row 1 of a.parquet has no picture"),
        ({"image": ["a.png"], "label": [0]}, "row 1 of a.parquet has no picture"),
        (
            {"image": [RED] * 3, "label": [0, 1, 2]},
            "label of row 3 of a.parquet must be a whole number from 0 to 1, got 2",
        ),
        ({"image": [RED], "label": [-1]}, "label of row 1 of a.parquet must be a whole number from 0 to 1, got -1"),
        ({"image": [RED], "label": [0.0]}, "label of row 1 of a.parquet must be a whole number from 0 to 1, got 0.0"),
        ({"image": [RED, RED], "label": [0, None]}, "row 2 of a.parquet must be a whole number from 0 to 1, got None"),
    ],
)
def test_an_invalid_table_is_refused_in_one_sentence(tmp_path: Path, columns: Mapping[str, Any], sentence: str) -> None:
    path = table(tmp_path / "a.parquet", columns, {"label": {"names": ["cat", "dog"]}})
    with pytest.raises(BadInput, match=sentence):
        read_dataset([path])


def test_a_label_below_zero_is_refused_where_there_are_no_names(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"image": [RED], "label": [-1]})
    with pytest.raises(BadInput, match=r"must be a whole number from 0, or a text, got -1"):
        read_dataset([path])


def test_several_tables_share_their_names(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text('["cat", "dog"]')
    paths = [
        table(tmp_path / f"{label}.parquet", {"image": [picture] * 2, "label": [label] * 2})
        for label, picture in enumerate((RED, BLUE))
    ]
    assert [label for _, label, _ in told(read_dataset(paths))] == ["cat", "cat", "dog", "dog"]


# what is refused, whatever the shape


@pytest.mark.parametrize("name", ["a.zip", "a.parquet"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"PAR1 no table PAR1"], ids=["empty", "zip", "table"])
def test_a_file_of_another_kind_is_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=f"^{name} cannot be read: [^\n]+$"):
        read_dataset([tmp_path / name])


@pytest.mark.parametrize("name", ["photo.png", "data.csv", "none", "none.zip", "none.parquet"])
def test_a_path_without_data_is_refused_with_the_allowed_formats(tmp_path: Path, name: str) -> None:
    if not name.startswith("none"):
        (tmp_path / name).write_bytes(RED)
    with pytest.raises(
        BadInput, match=r"^data must be a folder, a \.zip, \.tar or \.tar\.gz, or a \.parquet file, got"
    ):
        read_dataset([tmp_path / name])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no picture", "^cat/3.png begins with b'no picture', it must be a complete file of PNG, JPEG, [^\n]+$"),
        (RED[:-200], "^cat/3.png is damaged or incomplete$"),
        (b"", "^cat/3.png is empty: 0 bytes$"),
    ],
    ids=["text", "cut short", "empty"],
)
def test_one_damaged_picture_is_named_and_nothing_is_read(tmp_path: Path, content: bytes, sentence: str) -> None:
    files = {**TWO, "cat/3.png": content}
    for path in (folder(tmp_path / "a", files), packed(tmp_path / "a.zip", files)):
        with pytest.raises(BadPicture, match=sentence):
            read_dataset([path])


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "pictures of at least two classes, got 0 in data"),
        ({"cat/1.png": RED, "cat/2.png": RED}, "pictures of at least two classes, got 1 in data"),
        (
            {**TWO, "3.png": RED},
            "each picture must be in a folder named after its class, or be named <.*>: '3.png' is not",
        ),
        (
            {**PARTED, "val/3.png": RED},
            "each picture must be in a folder named after its class, or be named <.*>: 'val/3.png' is not",
        ),
        (
            {"val/cat/1.png": RED, "val/dog/1.png": RED},
            "both training and held-out pictures: all pictures of data are held out",
        ),
        (
            {"cat/1.png": RED, "dog/1.png": RED},
            "both training and held-out pictures: data has too few",
        ),
    ],
)
def test_a_data_set_without_enough_classes_or_pictures_is_refused(
    tmp_path: Path, files: Mapping[str, bytes], sentence: str
) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(BadInput, match=sentence):
        read_dataset([folder(tmp_path / "data", files)])


def test_pictures_of_one_class_are_too_few_however_many_are_named(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text('["cat", "dog", "bird"]')
    path = table(tmp_path / "a.parquet", {"image": [RED] * 4, "label": [1] * 4})
    with pytest.raises(BadInput, match="at least two classes, got 1"):
        read_dataset([path])


def test_a_folder_whose_name_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    folder(tmp_path, TWO)
    named = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(named)  # noqa: PTH102  a Path holds text
    with open(named + b"/1.png", "wb") as file:  # noqa: PTH123
        file.write(RED)
    with pytest.raises(BadInput, match=r"^[^\n]+ cannot be read: "):
        read_dataset([tmp_path])


def test_a_picture_that_may_not_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    data = folder(tmp_path, TWO)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(BadInput, match=r"cannot be read: .*Permission denied"):
        read_dataset([data])
