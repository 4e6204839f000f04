"""A cache on this machine's disk in front of the store: bytes by name; it can be deleted at any time.

Stock diskcache unpickles values and opens any file that its database names; `BytesDisk` prevents both.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import MODE_BINARY, MODE_RAW

from core.canonical import sha256_hex

CHECKSUM_LENGTH = 64


class BytesDisk(diskcache.Disk):  # type: ignore[misc]
    """Keys are text and values bytes: nothing is pickled, and no file outside the folder is read."""

    def put(self, key: Any) -> tuple[Any, bool]:
        if not isinstance(key, str):
            raise TypeError(f"a cache key must be text, got {type(key).__name__}")
        return key, True

    def get(self, key: Any, raw: bool) -> Any:
        if not raw or not isinstance(key, str):
            raise ValueError("the cache holds a key that Gazegrid did not write")
        return key

    def store(self, value: Any, read: bool, key: Any = diskcache.UNKNOWN) -> tuple[int, int, str | None, Any]:
        if read or not isinstance(value, bytes):
            raise TypeError(f"a cached value must be bytes, got {type(value).__name__}")
        size, mode, filename, stored = super().store(value, read, key=key)
        return size, mode, filename, stored

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
        if read or mode not in (MODE_RAW, MODE_BINARY):
            raise ValueError("the cache holds a value that Gazegrid did not write")
        if filename is not None and not (Path(self._directory) / filename).resolve().is_relative_to(
            Path(self._directory).resolve()
        ):
            raise ValueError("the cache names a file outside of its folder")
        return super().fetch(mode, filename, value, read)


class Cache:
    """Bytes by name, each with a checksum; any fault of the cache counts as a miss."""

    def __init__(self, folder: Path, size_mb: int) -> None:
        self.folder = folder
        self.size_bytes = size_mb * 2**20
        self._cache = self._open()

    def _open(self) -> diskcache.Cache:
        """The cache; one that cannot be opened is deleted first, since the store holds everything."""
        try:
            return self._open_folder()
        except (sqlite3.Error, ValueError, OSError):
            shutil.rmtree(self.folder, ignore_errors=True)
            return self._open_folder()

    def _open_folder(self) -> diskcache.Cache:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return diskcache.Cache(
            str(self.folder), disk=BytesDisk, size_limit=self.size_bytes, eviction_policy="least-recently-used"
        )

    def get(self, name: str) -> bytes | None:
        """The bytes stored under `name`; None for a miss."""
        try:
            stored = self._cache.get(name)
        except (sqlite3.Error, ValueError, OSError):
            self._cache.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            self._cache = self._open()
            return None
        if stored is None:
            return None
        content = bytes(stored[CHECKSUM_LENGTH:])
        return content if sha256_hex(content).encode() == stored[:CHECKSUM_LENGTH] else None

    def set(self, name: str, content: bytes) -> None:
        """Store `content` under `name`; does nothing if the cache cannot be written."""
        try:
            self._cache.set(name, sha256_hex(content).encode() + content)
        except (sqlite3.Error, OSError):
            return

    def forget(self, name: str) -> None:
        """Delete what is stored under `name`."""
        try:
            self._cache.delete(name)
        except (sqlite3.Error, OSError):
            return
