"""Where the store's files lie: a folder (local, or POSIX shared between hosts), or a bucket through fsspec.

Paths are relative, with `/`. A group of files becomes visible all at once or not at all: in a folder by a rename, in a
bucket by writing the file that makes the group valid last.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import fsspec
from filelock import FileLock

from core.errors import StoreError, StoreFull, StoreUnreadable

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def _allow() -> None:
    """Publish without asking anybody."""


class Shelf(Protocol):
    """What the store asks of a place for files."""

    def read(self, path: str) -> bytes:
        """Content of a file; FileNotFoundError where there is none."""

    def exists(self, path: str) -> bool:
        """Whether a file is there."""

    def write(self, path: str, content: bytes) -> None:
        """One file, replaced whole."""

    def write_group(
        self, folder: str, files: Mapping[str, bytes], last: str, allowed: Callable[[], None] = _allow
    ) -> None:
        """New files of one folder, visible all at once; nothing happens where the folder is there already.

        `last` names the file that makes the group valid; `allowed` is called just before, and may raise.
        """

    def names(self, folder: str) -> Iterator[str]:
        """Names in a folder, sorted; none where there is no such folder."""

    def size_and_time(self, folder: str) -> tuple[int, float]:
        """Bytes of a folder's files, and the newest one's time in seconds since 1970."""

    def written_at(self, path: str) -> float:
        """When a file was written, in seconds since 1970; 0 where there is none."""

    def move(self, source: str, target: str) -> None:
        """A file or folder under another name; nothing happens where there is none."""

    def delete(self, path: str) -> None:
        """No file or folder of this name any more."""

    def locked(self, name: str) -> Any:
        """Context: one process at a time."""

    def place_of(self, path: str) -> str:
        """Full path or URL."""


class FolderShelf:
    """Files below a folder of this machine's file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with _as_store_error(root):
            for folder in (root, root / "tmp"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, path: str) -> bytes:
        with _as_store_error(self.root):
            return (self.root / path).read_bytes()

    def exists(self, path: str) -> bool:
        with _as_store_error(self.root):
            return (self.root / path).is_file() or not self.root.stat()

    def write(self, path: str, content: bytes) -> None:
        target = self.root / path
        with _as_store_error(self.root), self._scratch() as scratch:
            _write_synced(scratch / "file", content)
            target.parent.mkdir(parents=True, exist_ok=True)
            (scratch / "file").replace(target)
            _sync_folder(target.parent)

    def write_group(
        self, folder: str, files: Mapping[str, bytes], last: str, allowed: Callable[[], None] = _allow
    ) -> None:
        target = self.root / folder
        with _as_store_error(self.root), self._scratch() as scratch:
            group = scratch / "group"
            group.mkdir()
            for name in sorted(files, key=lambda name: name == last):
                _write_synced(group / name, files[name])
            _sync_folder(group)
            target.parent.mkdir(parents=True, exist_ok=True)
            allowed()
            if (target / last).exists():
                return
            with suppress(FileNotFoundError):  # files without `last` are no group: somebody deleted or lost it
                target.rename(scratch / "incomplete")
            self._rename_new(group, target)
            _sync_folder(target.parent)

    @staticmethod
    def _rename_new(group: Path, target: Path) -> None:
        """Rename; another process that was faster wrote the same content, which then stays."""
        try:
            group.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise

    def names(self, folder: str) -> Iterator[str]:
        with _as_store_error(self.root):
            try:
                names = sorted(entry.name for entry in (self.root / folder).iterdir())
            except (FileNotFoundError, NotADirectoryError):
                self.root.stat()  # a store that went away is not an empty one
                names = []
        yield from names

    def size_and_time(self, folder: str) -> tuple[int, float]:
        stats = [entry.stat() for entry in (self.root / folder).rglob("*") if entry.is_file()]
        return sum(stat.st_size for stat in stats), max((stat.st_mtime for stat in stats), default=0.0)

    def written_at(self, path: str) -> float:
        with _as_store_error(self.root), suppress(FileNotFoundError):
            return (self.root / path).stat().st_mtime
        return 0.0

    def move(self, source: str, target: str) -> None:
        with _as_store_error(self.root), suppress(FileNotFoundError):
            (self.root / target).parent.mkdir(parents=True, exist_ok=True)
            (self.root / source).rename(self.root / target)

    def delete(self, path: str) -> None:
        target = self.root / path
        with _as_store_error(self.root), self._scratch() as scratch, suppress(FileNotFoundError):
            target.rename(scratch / "gone")

    def locked(self, name: str) -> FileLock:
        return FileLock(self.root / f"{name}.lock", timeout=30)

    def place_of(self, path: str) -> str:
        return str((self.root / path).absolute())

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder on the same device that is gone afterwards; what a killed process leaves is cleared by fsck."""
        scratch = Path(tempfile.mkdtemp(dir=self.root / "tmp", prefix=f"{int(time.time())}-{os.getpid()}-"))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


class BucketShelf:
    """Files below a URL that fsspec opens, such as `s3://bucket/team`. A bucket has no rename and no lock."""

    def __init__(self, url: str) -> None:
        self.files, self.root = fsspec.core.url_to_fs(url)

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}"

    def read(self, path: str) -> bytes:
        return bytes(self.files.cat_file(self._full(path)))

    def exists(self, path: str) -> bool:
        return bool(self.files.isfile(self._full(path)))

    def write(self, path: str, content: bytes) -> None:
        self.files.makedirs(self._full(path).rpartition("/")[0], exist_ok=True)
        self.files.pipe_file(self._full(path), content)

    def write_group(
        self, folder: str, files: Mapping[str, bytes], last: str, allowed: Callable[[], None] = _allow
    ) -> None:
        if self.exists(f"{folder}/{last}"):
            return
        for name in sorted(files, key=lambda name: name == last):
            if name == last:
                allowed()
            self.write(f"{folder}/{name}", files[name])

    def names(self, folder: str) -> Iterator[str]:
        self.files.invalidate_cache()
        try:
            listed = self.files.ls(self._full(folder), detail=False)
        except FileNotFoundError:
            return
        yield from sorted(path.rstrip("/").rpartition("/")[2] for path in listed)

    def size_and_time(self, folder: str) -> tuple[int, float]:
        found = self.files.find(self._full(folder), detail=True).values()
        times = [self.files.modified(info["name"]).timestamp() for info in found]
        return sum(int(info["size"]) for info in found), max(times, default=0.0)

    def written_at(self, path: str) -> float:
        with suppress(FileNotFoundError):
            return float(self.files.modified(self._full(path)).timestamp())
        return 0.0

    def move(self, source: str, target: str) -> None:
        with suppress(FileNotFoundError):
            self.files.mv(self._full(source), self._full(target), recursive=True)

    def delete(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self.files.rm(self._full(path), recursive=True)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:  # noqa: ARG002  a bucket cannot lock
        yield

    def place_of(self, path: str) -> str:
        return str(self.files.unstrip_protocol(self._full(path)))


def open_shelf(place: str | Path) -> Shelf:
    """The shelf at a folder or, where it is a URL, in a bucket."""
    return BucketShelf(str(place)) if "://" in str(place) else FolderShelf(Path(place))


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _as_store_error(root: Path) -> Iterator[None]:
    """Say in a sentence what the operating system refused; an absent file stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        if root.is_dir():
            raise
        raise StoreUnreadable(f"the store's folder {root} is not there") from None
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFull(f"no room left on the device of {root}: make room, then run it again") from error
        if isinstance(error, (PermissionError, NotADirectoryError, FileExistsError)):
            raise StoreUnreadable(f"the store's folder {root} cannot be used: {error.strerror}") from error
        raise StoreError(f"the store's folder {root} failed: {error.strerror or error}") from error
