from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.datasets import upload
from core.datasets.files import read_dataset
from core.datasets.upload import MAX_PICTURES_BYTES, MEMORY_BYTES, read_upload
from core.errors import BadInput
from tests.core.datasets.test_files import PARTED, RED, TWO, packed, table
from tests.core.datasets.test_idx import FILES
from tests.core.datasets.test_unlabeled import LOOSE


@pytest.mark.parametrize("files", [TWO, PARTED, LOOSE, FILES], ids=["classes", "parts", "no classes", "idx"])
def test_an_uploaded_zip_is_the_data_set_that_the_command_line_reads(tmp_path: Path, files: dict[str, bytes]) -> None:
    path = packed(tmp_path / "a.zip", files)
    assert read_upload(path.read_bytes(), "a.zip").digest == read_dataset([path], labeled=False).digest


def test_an_uploaded_table_is_read_whatever_folder_its_name_tells(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"image": list(TWO.values()), "label": [0, 0, 1, 1]})
    digest = read_dataset([path]).digest
    for name in ("a.parquet", "../../etc/a.PARQUET", "C:\\data\\a.parquet", "a\x00b.parquet", "x" * 300 + ".parquet"):
        assert read_upload(path.read_bytes(), name).digest == digest


def test_the_name_of_the_file_can_say_fashion(tmp_path: Path) -> None:
    content = packed(tmp_path / "a.zip", FILES).read_bytes()
    assert read_upload(content, "fashion-mnist.zip").class_names[0] == "T-shirt/top"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.zip", b"", "a.zip cannot be read: "),
        ("a.zip", b"PK\x03\x04 no zip", "a.zip cannot be read: "),
        ("a.parquet", b"PAR1 no table PAR1", "a.parquet cannot be read: "),
        ("a.csv", b"1,2", "data must be a folder, a .zip, .tar or .tar.gz, or a .parquet file"),
        ("", b"1,2", "data must be a folder, a .zip, .tar or .tar.gz, or a .parquet file"),
    ],
)
def test_what_is_no_data_set_is_one_sentence(name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_upload(content, name)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_one_damaged_picture_is_named_and_nothing_is_read(tmp_path: Path) -> None:
    content = packed(tmp_path / "a.zip", TWO | {"cat/3.png": RED[:-200]}).read_bytes()
    with pytest.raises(BadInput, match=r"^cat/3\.png is damaged or incomplete"):
        read_upload(content, "a.zip")


def zip_of_zeros(path: Path) -> Path:
    """Whole pictures, each with 100 MB of nothing behind it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(11):
            archive.writestr(f"cat/{number}.png", RED + bytes(100_000_000))
    return path


def table_of_one_picture(path: Path) -> Path:
    """A picture of 50 MB, kept once and named ten thousand times."""
    content = pa.array([bytes(50_000_000)], pa.binary())
    images = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int32()), content)
    pq.write_table(pa.table({"image": images}), path, compression="zstd")
    return path


@pytest.mark.parametrize(
    ("made", "ending"), [(zip_of_zeros, "zip"), (table_of_one_picture, "parquet")], ids=["zip", "table"]
)
def test_a_bomb_takes_down_its_own_process_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[Path], Path], ending: str
) -> None:
    assert MEMORY_BYTES >= 4 * MAX_PICTURES_BYTES  # the pictures, the table, the file, and Python itself
    monkeypatch.setattr(upload, "MEMORY_BYTES", 2**30)
    path = made(tmp_path / f"a.{ending}")
    assert path.stat().st_size < 2**23
    with pytest.raises(BadInput, match=rf"^a\.{ending} takes more than the limit of 1024 MiB of memory to read$"):
        read_upload(path.read_bytes(), path.name)


@pytest.mark.parametrize(
    ("status", "words"), [(-9, "longer than the limit of 600 s"), (-11, "is damaged or incomplete")]
)
def test_a_child_process_that_dies_is_one_sentence(monkeypatch: pytest.MonkeyPatch, status: int, words: str) -> None:
    monkeypatch.setattr(upload.sys, "executable", str(dying(status)))
    with pytest.raises(BadInput, match=f"^a.zip [^\n]*{words}[^\n]*$"):
        read_upload(b"", "a.zip")


def dying(status: int) -> Path:
    script = Path(tempfile.mkdtemp()) / "python"
    script.write_text(f"#!/bin/sh\nkill {status} $$\n")
    script.chmod(0o700)
    return script


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    read_upload(packed(tmp_path / "a.zip", TWO).read_bytes(), "a.zip")
    with pytest.raises(BadInput):
        read_upload(b"", "a.zip")
    assert list((tmp_path / "temporary").iterdir()) == []
