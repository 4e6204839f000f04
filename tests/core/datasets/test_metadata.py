"""Image folders as the Hugging Face hub has them: `metadata.csv`, `.jsonl` or `.parquet` beside the pictures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.datasets import files
from core.datasets.files import read_dataset
from core.errors import BadInput
from tests.core.datasets.test_files import BLUE, GREEN, RED, folder, packed, told
from tests.core.datasets.test_tables import NAMES
from tests.core.datasets.test_tars import tarred

PICTURES = {"1.png": RED, "2.png": GREEN, "3.png": BLUE, "4.png": RED}
LABELS = ["dog", "cat", "dog", "cat"]
MANY_KEYS = b"".join(b'{"file_name": "1.png", "key%d": 0}\n' % number for number in range(2000))
EXPECTED = [(RED, "dog"), (GREEN, "cat"), (BLUE, "dog"), (RED, "cat")]
Rows = Sequence[Mapping[str, Any]]


@pytest.fixture(autouse=True)
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found does not depend on what is decoded, which takes a process."""
    monkeypatch.setattr(files, "kept", iter)


def csv_of(rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def jsonl_of(rows: Rows) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def parquet_of(rows: Rows) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), buffer)
    return buffer.getvalue()


WRITERS = {"csv": csv_of, "jsonl": jsonl_of, "parquet": parquet_of}


def rows(labels: Sequence[Any] = LABELS, column: str = "label", start: str = "") -> Rows:
    return [{"file_name": start + name, column: label} for name, label in zip(PICTURES, labels, strict=True)]


def pairs(path: Path, **wanted: Any) -> list[tuple[bytes, str]]:
    return [(data, label) for data, label, _ in told(read_dataset([path], **wanted))]


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("column", ["label", "labels", "class"])
def test_metadata_beside_pictures_give_their_classes(tmp_path: Path, ending: str, column: str) -> None:
    content = PICTURES | {f"metadata.{ending}": WRITERS[ending](rows(column=column)), "README.md": b"# Pets"}
    for path in (
        folder(tmp_path / "a", content),
        packed(tmp_path / "a.zip", content),
        tarred(tmp_path / "a.tar", content),
    ):
        for labeled in (True, False):
            assert pairs(path, labeled=labeled) == EXPECTED


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("top", ["", "pets/"])
def test_each_part_may_have_metadata_of_its_own(tmp_path: Path, ending: str, top: str) -> None:
    metadata = WRITERS[ending](rows())
    content = {f"{top}{part}/{name}": data for part in ("train", "test") for name, data in PICTURES.items()}
    content |= {f"{top}{part}/metadata.{ending}": metadata for part in ("train", "test")}
    for path in (folder(tmp_path / "a", content), packed(tmp_path / "a.zip", content)):
        dataset = read_dataset([path])
        assert sorted(told(dataset)) == sorted([(*one, part) for one in EXPECTED for part in (False, True)])


@pytest.mark.parametrize("ending", WRITERS)
def test_metadata_name_pictures_in_folders_below_and_win_over_these(tmp_path: Path, ending: str) -> None:
    content = {f"train/x/{name}": data for name, data in PICTURES.items()}
    path = folder(tmp_path, content | {f"metadata.{ending}": WRITERS[ending](rows(start="train/x/"))})
    (tmp_path / "test" / "y").mkdir(parents=True)
    assert read_dataset([path], labeled=False).class_names == ("cat", "dog")


def test_metadata_without_classes_leave_class_folders_their_say(tmp_path: Path) -> None:
    content = {"cat/1.png": RED, "cat/2.png": RED, "dog/1.png": BLUE, "dog/2.png": BLUE}
    metadata = csv_of([{"file_name": name, "text": "an animal"} for name in content])
    assert read_dataset([folder(tmp_path, content | {"metadata.csv": metadata})]).class_names == ("cat", "dog")


@pytest.mark.parametrize("ending", WRITERS)
def test_metadata_that_name_no_pictures_leave_class_folders_their_say(tmp_path: Path, ending: str) -> None:
    content = {"cat/1.png": RED, "cat/2.png": RED, "dog/1.png": BLUE, "dog/2.png": BLUE}
    metadata = WRITERS[ending]([{"image_id": 1, "label": "x"}, {"image_id": 2, "label": "y"}])
    assert read_dataset([folder(tmp_path, content | {f"metadata.{ending}": metadata})]).class_names == ("cat", "dog")


def test_metadata_of_one_folder_tell_no_class_by_its_name(tmp_path: Path) -> None:
    content = {f"images/{name}": data for name, data in PICTURES.items()}
    captions = csv_of([{"file_name": name, "text": f"photo {name}"} for name in content])
    breeds = csv_of([{"file_name": name, "breed": breed} for name, breed in zip(content, ["x", "y"] * 2, strict=True)])
    path = folder(tmp_path / "a", content | {"metadata.csv": captions})
    assert read_dataset([path], labeled=False).class_names == ("all",)
    with pytest.raises(BadInput, match="but breed may be one"):
        read_dataset([folder(tmp_path / "b", content | {"metadata.csv": breeds})], labeled=False)


def test_labels_may_be_indices_of_declared_names(tmp_path: Path) -> None:
    for ending, write in WRITERS.items():
        content = PICTURES | {f"metadata.{ending}": write(rows([1, 0, 1, 0])), "classes.json": b'["cat", "dog"]'}
        assert pairs(folder(tmp_path / ending, content)) == EXPECTED
        bare = PICTURES | {f"metadata.{ending}": write(rows([10, 2, 10, 2]))}
        assert read_dataset([folder(tmp_path / f"{ending} bare", bare)]).class_names == ("2", "10")


@pytest.mark.parametrize("name", [*NAMES, "two\nlines", " outer spaces "])
@pytest.mark.parametrize("ending", WRITERS)
def test_names_of_files_and_classes_may_be_any_text(tmp_path: Path, name: str, ending: str) -> None:
    file = f"{name.replace('/', '-')}.png"
    label = name if "\n" not in name else "lines"
    table = [{"file_name": file, "label": label}, *({"file_name": other, "label": "cat"} for other in PICTURES)]
    path = folder(tmp_path, {file: BLUE, **PICTURES, f"metadata.{ending}": WRITERS[ending](table)})
    dataset = read_dataset([path], labeled=False)
    assert set(dataset.class_names) == {label, "cat"}
    assert (BLUE, label) in pairs(path, labeled=False)


def test_a_csv_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    content = PICTURES | {"metadata.csv": b"\xef\xbb\xbf" + csv_of(rows()).replace(b"\r\n", b"\n")}
    assert pairs(folder(tmp_path, content)) == EXPECTED


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ([*rows(), {"file_name": "5.png", "label": "cat"}], r"names the picture '5\.png', which is not in a$"),
        (rows()[:3], r"^the picture '4\.png' has no row in metadata\."),
        ([*rows(), rows()[0]], r"names the picture '1\.png' a second time$"),
        ([{**rows()[0], "file_name": "../1.png"}, *rows()[1:]], r"names the picture '\.\./1\.png', which is not in a$"),
        ([{**rows()[0], "file_name": "/1.png"}, *rows()[1:]], r"names the picture '/1\.png', which is not in a$"),
        ([{**rows()[0], "label": ""}, *rows()[1:]], r"^a class name must be one line of 1 to 200 characters, got ''"),
        (rows(column="breed"), r"^metadata\.\w+ must have a column of classes, such as label|but breed may be one"),
        (
            [{**row, "class": "x"} for row in rows(column="category")],
            r"^metadata\.\w+ has several columns that could be",
        ),
        (
            [{**row, "split": "extra"} for row in rows()],
            r"^the split of (line 2|line 1|row 1) of metadata\.\w+ must be one",
        ),
    ],
)
@pytest.mark.parametrize("ending", WRITERS)
def test_metadata_that_do_not_fit_are_one_sentence(tmp_path: Path, metadata: Rows, sentence: str, ending: str) -> None:
    path = folder(tmp_path / "a", PICTURES | {f"metadata.{ending}": WRITERS[ending](metadata)})
    for labeled in (True, False):
        with pytest.raises(BadInput, match=sentence) as caught:
            read_dataset([path], labeled=labeled)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("metadata.csv", b"", r"^metadata\.csv must have a column file_name, .* columns; it has none$"),
        ("metadata.csv", b"name,label\n1.png,cat\n", r"must have a column file_name, .* it has name, label$"),
        ("metadata.csv", b"file_name;label\n1.png;cat\n", r"must have a column file_name, with commas between columns"),
        ("metadata.csv", b"file_name,label,label\n1.png,a,b\n", r"must have columns of different names"),
        ("metadata.csv", b"file_name,label\n1.png\n", r"^line 2 of metadata\.csv must have 2 values .* got 1$"),
        ("metadata.csv", b"file_name,label\n1.png,a,b\n", r"^line 2 of metadata\.csv must have 2 values .* got 3$"),
        ("metadata.csv", b'file_name,label\n"1.png,a\n', r"^line \d of metadata\.csv cannot be read: "),
        ("metadata.csv", b"file_name,label\n1.png," + b"x" * 200_000, r"^line \d of metadata\.csv cannot be read: "),
        ("metadata.csv", b"file_name,label\n1.png,caf\xe9\n", r"^metadata\.csv of a must be text in UTF-8$"),
        ("metadata.jsonl", b'{"file_name": "1.png", "label": 0\n', r"^line 1 of metadata\.jsonl must be a JSON object"),
        ("metadata.jsonl", b"[1, 2]\n", r"^line 1 of metadata\.jsonl must be a JSON object, got '\[1, 2\]'$"),
        ("metadata.jsonl", b"[" * 100_000, r"^line 1 of metadata\.jsonl must be a JSON object"),
        ("metadata.jsonl", b'{"label": 0}\n', r"^line 1 of metadata\.jsonl must name a picture in file_name"),
        ("metadata.jsonl", b'{"file_name": "1.png", "label": [0]}\n', r"^the picture '2\.png' has no row"),
        ("metadata.jsonl", MANY_KEYS, r"^metadata\.jsonl must have at most 1000 columns, got 2,001$"),
        ("metadata.parquet", b"PAR1 none", r"^a cannot be read: "),
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_read_are_one_sentence(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    path = folder(tmp_path / "a", PICTURES | {name: content})
    with pytest.raises(BadInput, match=sentence) as caught:
        read_dataset([path], labeled=False)
    assert "\n" not in str(caught.value)


# files that tell classes under another name


@pytest.mark.parametrize(
    "name",
    [
        "labels.csv",
        "train.csv",
        "Annotations.json",
        "sub/labels.txt",
        "classes.txt",
        "data.jsonl",
        "imagelabels.mat",
        "train.txt",
        "labels/0001.txt",
        "Annotations/1.xml",
        "list.xlsx",
        "photo.v1.cls",
    ],
)
@pytest.mark.parametrize("top", ["", "images/"])
def test_a_file_that_may_tell_classes_is_never_left_out_in_silence(tmp_path: Path, name: str, top: str) -> None:
    content = {top + file: data for file, data in PICTURES.items()} | {name: b"1.png,cat"}
    path = folder(tmp_path / "a", content)
    for one in (path, tarred(tmp_path / "a.tar", content)):
        with pytest.raises(
            BadInput, match=r"^a\S* has no class folders, but \S+ may tell the classes: name it metadata\."
        ):
            read_dataset([one], labeled=False)
    assert len(read_dataset([path], labeled=False, label_column="none")) == 4


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "credits.txt", "boxes.json", "dataset_info.json"])
def test_other_files_tell_none(tmp_path: Path, name: str) -> None:
    path = folder(tmp_path, PICTURES | {name: b"{}"})
    assert read_dataset([path], labeled=False).class_names == ("all",)
