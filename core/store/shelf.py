"""The files of the store: in a folder (local, or POSIX shared between hosts), or in a bucket through fsspec.

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


def always_allowed() -> None:
    """Let every group become visible."""


class Shelf(Protocol):
    """Storage of files by relative path."""

    def read(self, path: str) -> bytes:
        """Content of a file. Raises FileNotFoundError."""

    def exists(self, path: str) -> bool:
        """Whether there is a file at this path."""

    def write(self, path: str, content: bytes) -> None:
        """Write one file; a file that is there is replaced at once, never half. Raises StoreFull."""

    def write_group(
        self, folder: str, files: Mapping[str, bytes], last: str, allowed: Callable[[], None] = always_allowed
    ) -> None:
        """Write the files of one new folder, visible all at once; a group that is there already stays as it is.

        `last`: the file that makes the group valid. `allowed` is called right before the group becomes visible; when it
        raises, nothing becomes visible. Raises StoreFull.
        """

    def names(self, folder: str) -> Iterator[str]:
        """Names of the entries of a folder, sorted; none if there is no such folder. Raises StoreUnreadable."""

    def size_and_time(self, folder: str) -> tuple[int, float]:
        """Total size of a folder's files in bytes, and the time of the newest, in seconds since 1970."""

    def written_at(self, path: str) -> float:
        """Time of the last write of a file, in seconds since 1970; 0 if there is no such file."""

    def move(self, source: str, target: str) -> None:
        """Rename a file or folder; does nothing if there is none."""

    def delete(self, path: str) -> None:
        """Delete a file or folder; does nothing if there is none."""

    def locked(self, name: str) -> Any:
        """Context manager that one process at a time can hold (in a folder; a bucket has no locks)."""

    def place_of(self, path: str) -> str:
        """Full path or URL of a file or folder."""


class FolderShelf:
    """Files below a folder. Errors of the operating system are raised as StoreFull, StoreUnreadable or StoreError."""

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
        self, folder: str, files: Mapping[str, bytes], last: str, allowed: Callable[[], None] = always_allowed
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
        """Rename; if another process was faster, its group, which has the same content, stays."""
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
        """A temporary folder on the same device; fsck deletes those that killed processes leave."""
        scratch = Path(tempfile.mkdtemp(dir=self.root / "tmp", prefix=f"{int(time.time())}-{os.getpid()}-"))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


class BucketShelf:
    """Files below a URL that fsspec opens, such as `s3://bucket/team`; a bucket has no rename and no locks."""

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
        self, folder: str, files: Mapping[str, bytes], last: str, allowed: Callable[[], None] = always_allowed
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
        files = self.files.find(self._full(folder), detail=True).values()
        times = [self.files.modified(info["name"]).timestamp() for info in files]
        return sum(int(info["size"]) for info in files), max(times, default=0.0)

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
    """The shelf in a folder or, for a URL, in a bucket. Raises StoreUnreadable."""
    return BucketShelf(str(place)) if "://" in str(place) else FolderShelf(Path(place))


def set_aside(shelf: Shelf, path: str, kind: str, reason: str) -> None:
    """Move a damaged file or folder to `damaged/`, for a person to look at, with the reason in a `.txt` beside it."""
    target = f"damaged/{time.time_ns()}-{kind}-{path.rpartition('/')[2]}"
    shelf.move(path, target)
    with suppress(StoreFull):  # the move is what counts; a full disk must not hide why the read failed
        shelf.write(f"{target}.txt", reason.encode())


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
    """Raise errors of the operating system as one sentence; a missing file stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        if root.is_dir():
            raise
        raise StoreUnreadable(f"the store's folder {root} does not exist") from None
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFull(f"no space left on the device of {root}: free some space, then run it again") from error
        if isinstance(error, (PermissionError, NotADirectoryError, FileExistsError)):
            raise StoreUnreadable(f"the store's folder {root} cannot be used: {error.strerror}") from error
        raise StoreError(f"the store's folder {root} failed: {error.strerror or error}") from error
