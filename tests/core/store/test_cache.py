import pickle
import sqlite3
from pathlib import Path

import pytest

from core.store.cache import BytesDisk, Cache


class Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def planted(folder: Path, **columns: object) -> None:
    """Change every row of the cache's database through the back door."""
    with sqlite3.connect(folder / "cache.db") as database:
        for name, value in columns.items():
            database.execute(f"UPDATE Cache SET {name} = ?", (value,))  # noqa: S608
    database.close()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(tmp_path / "cache", size_mb=16)
    made.set("name", b"content")
    return made


def test_a_cached_value_is_read_by_another_process(cache: Cache) -> None:
    assert cache.get("name") == b"content"
    assert Cache(cache.folder, size_mb=16).get("name") == b"content"
    cache.forget("name")
    assert cache.get("name") is None


@pytest.mark.parametrize("size_bytes", [0, 1, 40_000, 3_000_000])
def test_contents_of_any_size(cache: Cache, size_bytes: int) -> None:
    cache.set("large", b"\x80" * size_bytes)
    assert cache.get("large") == b"\x80" * size_bytes


def test_a_planted_pickle_is_never_opened(cache: Cache, tmp_path: Path) -> None:
    planted(cache.folder, mode=4, value=pickle.dumps(Trap(tmp_path / "sprung")))
    assert Cache(cache.folder, size_mb=16).get("name") is None
    assert not (tmp_path / "sprung").exists()


def test_a_planted_pickled_key_is_never_opened(cache: Cache, tmp_path: Path) -> None:
    planted(cache.folder, raw=0, key=pickle.dumps(Trap(tmp_path / "sprung")))
    opened = Cache(cache.folder, size_mb=16)
    with pytest.raises(ValueError, match="did not write"):
        list(opened._cache)
    assert opened.get("name") is None
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("path", ["../secret", "/etc/hostname", "a/../../secret"])
def test_a_planted_path_outside_of_the_folder_is_never_read(cache: Cache, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    planted(cache.folder, mode=2, filename=path, value=None)
    assert Cache(cache.folder, size_mb=16).get("name") is None
    assert (tmp_path / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("position", range(0, 71, 7))
def test_a_flipped_bit_is_not_handed_out(cache: Cache, position: int) -> None:
    stored = bytearray(cache._cache.get("name"))
    stored[position] ^= 1
    planted(cache.folder, value=bytes(stored))
    assert Cache(cache.folder, size_mb=16).get("name") is None


@pytest.mark.parametrize("garbage", [b"", b"no database", b"SQLite format 3\x00" + b"\xff" * 4000])
def test_a_garbled_index_is_thrown_away(cache: Cache, garbage: bytes) -> None:
    cache._cache.close()
    for name in ("cache.db-wal", "cache.db-shm"):
        (cache.folder / name).unlink(missing_ok=True)
    (cache.folder / "cache.db").write_bytes(garbage)
    opened = Cache(cache.folder, size_mb=16)
    assert opened.get("name") is None
    opened.set("name", b"again")
    assert opened.get("name") == b"again"


def test_an_index_that_is_garbled_under_a_running_process(cache: Cache) -> None:
    pages = (cache.folder / "cache.db").stat().st_size
    (cache.folder / "cache.db").write_bytes(b"\xff" * pages)
    (cache.folder / "cache.db-wal").unlink(missing_ok=True)
    assert cache.get("name") in (None, b"content")
    cache.set("name", b"again")
    assert cache.get("name") in (None, b"again")


def test_only_bytes_under_text_are_kept(cache: Cache) -> None:
    with pytest.raises(TypeError, match="must be text"):
        cache._cache.set(1, b"x")
    with pytest.raises(TypeError, match="must be bytes"):
        cache._cache.set("x", {"a": 1})
    assert isinstance(cache._cache.disk, BytesDisk)
    assert (cache.folder.stat().st_mode & 0o777) == 0o700
