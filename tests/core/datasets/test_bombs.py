"""Archives and pictures that are made to fill the memory."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from core.datasets import file_tree
from core.datasets.files import read_dataset
from core.errors import BadInput, BadPicture
from tests.core.datasets.test_files import TWO, packed
from tests.support.bad_pictures import blank_png

MIB = 2**20


def bomb(path: Path, size_bytes: int, told_bytes: int) -> Path:
    """A zip whose last picture unpacks to so many bytes and is said to have so many."""
    packed(path, TWO)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("cat/3.png", "w") as file:
        for _ in range(size_bytes // MIB):
            file.write(bytes(MIB))
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.rfind(b"PK\x01\x02") + 24, told_bytes)  # in the directory at the end
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("told_bytes", [0, 100, 5 * MIB])
def test_a_zip_that_says_less_than_it_holds_is_not_unpacked_further_than_it_says(
    tmp_path: Path, told_bytes: int
) -> None:
    path = bomb(tmp_path / "a.zip", 100 * MIB, told_bytes)
    tracemalloc.start()
    with pytest.raises(BadInput, match=r"^[^\n]*cat/3\.png[^\n]*$"):
        read_dataset([path])
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 20 * MIB


def test_a_picture_of_too_many_bytes_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_tree, "MAX_PICTURE_BYTES", MIB)
    with pytest.raises(BadInput, match=r"^cat/3\.png has more than 1 MiB, which is the limit$"):
        read_dataset([bomb(tmp_path / "a.zip", 50 * MIB, 50 * MIB)])


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    files = TWO | {"cat/1.png": blank_png(9434, 9434)}
    with pytest.raises(BadPicture, match=r"^cat/1\.png is 9434 x 9434 px: 89\.0 megapixels, the limit is 40$"):
        read_dataset([packed(tmp_path / "a.zip", files)])
