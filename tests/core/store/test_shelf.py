from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from core.errors import StoreError, StoreUnreadable, Superseded
from core.store.shelf import BucketShelf, FolderShelf, Shelf, open_shelf


@pytest.fixture(params=["folder", "bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return open_shelf(tmp_path / "store" if request.param == "folder" else f"memory://{uuid4().hex}/team")


def test_a_place_with_a_scheme_is_a_bucket(tmp_path: Path) -> None:
    assert isinstance(open_shelf("memory://team"), BucketShelf)
    assert isinstance(open_shelf(tmp_path), FolderShelf)


def test_what_was_written_is_read(shelf: Shelf) -> None:
    shelf.write("a/b/one.json", b"1")
    shelf.write("a/b/one.json", b"22")
    assert shelf.read("a/b/one.json") == b"22"
    assert shelf.exists("a/b/one.json")
    assert not shelf.exists("a/b")
    assert list(shelf.names("a/b")) == ["one.json"]


def test_a_missing_file_raises_file_not_found(shelf: Shelf) -> None:
    with pytest.raises(FileNotFoundError):
        shelf.read("a/none")
    assert not shelf.exists("a/none")
    assert list(shelf.names("a")) == []


def test_a_group_is_whole_and_the_first_one_stays(shelf: Shelf) -> None:
    shelf.write_group("g", {"last": b"1", "a": b"2"}, last="last")
    shelf.write_group("g", {"last": b"other", "a": b"other"}, last="last")
    assert list(shelf.names("g")) == ["a", "last"]
    assert (shelf.read("g/last"), shelf.read("g/a")) == (b"1", b"2")


def test_a_group_that_is_not_allowed_is_not_valid(shelf: Shelf) -> None:
    def refuse() -> None:
        raise Superseded("another holds it")

    with pytest.raises(Superseded):
        shelf.write_group("g", {"last": b"1", "a": b"2"}, last="last", allowed=refuse)
    assert not shelf.exists("g/last")


def test_a_group_that_lost_its_last_file_is_written_again(shelf: Shelf) -> None:
    shelf.write("g/a", b"left over")
    shelf.write_group("g", {"last": b"1", "a": b"2"}, last="last")
    assert (shelf.read("g/last"), shelf.read("g/a")) == (b"1", b"2")


def test_move_and_delete_take_whole_folders_and_forgive_absent_ones(shelf: Shelf) -> None:
    shelf.write_group("g/one", {"last": b"1", "a": b"2"}, last="last")
    shelf.move("g/one", "damaged/one")
    shelf.move("g/none", "damaged/none")
    assert shelf.read("damaged/one/a") == b"2"
    assert not shelf.exists("g/one/last")
    shelf.delete("damaged/one")
    shelf.delete("damaged/one")
    assert list(shelf.names("damaged")) == []


def test_size_and_time_of_a_folder(shelf: Shelf) -> None:
    shelf.write_group("g", {"last": b"123", "a": b"4567"}, last="last")
    size_bytes, time_s = shelf.size_and_time("g")
    assert size_bytes == 7
    assert time_s > 1_700_000_000
    assert shelf.size_and_time("none") == (0, 0.0)


def test_a_folder_keeps_nothing_of_a_write_that_failed(tmp_path: Path) -> None:
    shelf = FolderShelf(tmp_path)
    with suppress(ZeroDivisionError):
        shelf.write_group("g", {"last": b"1"}, last="last", allowed=lambda: 1 // 0)
    assert list(shelf.names("tmp")) == []
    assert not (tmp_path / "g").exists()


def test_an_unusable_store_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"cannot be used|failed"):
        FolderShelf(tmp_path / "file" / "store")


def test_a_folder_that_went_away_is_unreadable_and_not_empty(tmp_path: Path) -> None:
    shelf = FolderShelf(tmp_path / "store")
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    for ask in (lambda: shelf.read("a"), lambda: list(shelf.names("results")), lambda: shelf.exists("a")):
        with pytest.raises(StoreUnreadable, match="does not exist"):
            ask()
