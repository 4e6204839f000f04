"""The files of a folder, a zip or a tar, read alike: their names, and the content of each up to a size limit.

Nothing is unpacked to disk; links and paths that lead out of an archive are refused or never followed.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, cast

from core.datasets.idx import NAMED as IDX_NAMED
from core.datasets.labeled import ENDINGS, OTHER_ENDINGS, PARTS, is_hidden, is_picture
from core.errors import BadInput

MAX_BYTES = 2**35
"""Size limit of an unpacked archive."""
MAX_FILES = 2_000_000
"""Limit of the files of an archive."""
MAX_NAME = 4096
"""Characters of a path inside of an archive."""
MAX_PICTURE_BYTES = 2**28
"""Size limit of one encoded picture, or of a text about pictures."""
MAX_HEADER_BYTES = 2**20
"""Size limit of what stands before a file in a tar, such as a long name."""
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions of a zip that can be unpacked up to a size limit."""
ZIP, TARS = ".zip", (".tar", ".tar.gz", ".tgz")
TABLE = ".parquet"
_TEXTS = (".cls", ".json", ".jsonl", ".txt", ".csv", TABLE)
"""Endings of the files, beside pictures, that a layout reads."""
_UTF8_NAME = 0x800
"""Flag of a zip's file whose name is UTF-8."""


@dataclass(frozen=True)
class FileTree:
    """Files by their paths, which have `/` between folders; none is hidden."""

    name: str
    """For messages."""
    names: tuple[str, ...]
    """In order."""
    read: Callable[[str, int], bytes]
    """(path, limit in bytes) -> content. Raises BadInput for more bytes."""
    folder: Path | None
    """Where the files are on disk; None in an archive."""

    def open(self, name: str) -> IO[bytes]:
        """The file `name`, seekable."""
        return (self.folder / name).open("rb") if self.folder else io.BytesIO(self.read(name, MAX_BYTES))

    def picture(self, name: str) -> bytes:
        """The content of the picture `name`. Raises BadInput where it is too large."""
        return self.read(name, MAX_PICTURE_BYTES)

    def text(self, name: str) -> str:
        """The content of a text file in UTF-8. Raises BadInput."""
        try:
            return self.read(name, MAX_PICTURE_BYTES).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise BadInput(f"{name[:200]} of {self.name} must be text in UTF-8") from None

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """Paths of the pictures, in the order of `names`."""
        return tuple(name for name in self.names if is_picture(name))

    def refuse_other_formats(self) -> None:
        """Raise BadInput for a picture in a format that is not read, which would be left out in silence."""
        if other := next((name for name in self.names if PurePosixPath(name).suffix.lower() in OTHER_ENDINGS), None):
            allowed = ", ".join(sorted(ending.removeprefix(".") for ending in ENDINGS))
            raise BadInput(f"{other[:200]} is in a format that is not read: convert it to one of {allowed}")

    @cached_property
    def known(self) -> frozenset[str]:
        """All paths."""
        return frozenset(self.names)


def archive_kind(name: str) -> str:
    """`.zip`, or `.tar` for all kinds of tar, by the ending of a file's name; empty for no archive."""
    name = name.lower()
    return ZIP if name.endswith(ZIP) else TARS[0] if name.endswith(TARS) else ""


def folder_tree(folder: Path) -> FileTree:
    """The files in a folder and below. A link to a file is read. Raises BadInput for other links."""
    entries = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*"))}
    files = {name: file for name, file in entries.items() if file.is_file()}
    names = tuple(name for name in files if not is_hidden(name))
    for name, entry in entries.items():
        if entry.is_symlink() and name not in files and not is_hidden(name):
            target = "a folder, which is not followed" if entry.is_dir() else "nothing"
            raise BadInput(f"{name[:200]} in {folder.name} is a link to {target}")
    return FileTree(folder.name, names, lambda name, _: files[name].read_bytes(), folder)


@contextmanager
def archive_tree(file: IO[bytes], name: str) -> Iterator[FileTree]:
    """Context manager with the files of a zip or tar of this name. Raises BadInput."""
    if archive_kind(name) == ZIP:
        with zipfile.ZipFile(file) as archive:
            yield _zip_tree(archive, name)
    else:
        yield _tar_tree(file, name)


def _zip_tree(archive: zipfile.ZipFile, name: str) -> FileTree:
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        inside = checked_path(_zip_name(entry), "zip")
        if not entry.is_dir() and not is_hidden(inside):
            _add(entries, inside, entry, name)
    if sum(entry.file_size for path, entry in entries.items() if is_picture(path)) > MAX_BYTES:
        raise _too_large(name)

    def read(path: str, limit_bytes: int) -> bytes:
        return _unpacked(archive, entries[path], limit_bytes)

    return FileTree(name, tuple(sorted(entries)), read, None)


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """A file's name; some programs, macOS's among them, write UTF-8 without saying so."""
    if entry.flag_bits & _UTF8_NAME:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except ValueError:
        return entry.filename


def checked_path(name: str, kind: str) -> str:
    """`name` with `/` between folders, if it is a path inside of an archive. Raises BadInput."""
    name = name.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if ".." in parts or "/" in parts[:1] or "//" in parts[:1]:
        raise BadInput(f"the files in a {kind} must have names without .. and without a leading /, got {name[:200]!r}")
    if len(name) > MAX_NAME:
        raise BadInput(f"the files in a {kind} must have names of at most {MAX_NAME} characters, got {name[:40]!r}...")
    return PurePosixPath(name).as_posix()


def _add(entries: dict[str, zipfile.ZipInfo], path: str, entry: zipfile.ZipInfo, name: str) -> None:
    if path in entries:
        raise _twice(name, path)
    entries[path] = entry
    if len(entries) > MAX_FILES:
        raise _too_many(name)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit_bytes: int) -> bytes:
    """The content of a file in a zip; never unpacks more than `limit_bytes`. Raises BadInput."""
    if entry.compress_type not in COMPRESSIONS:
        raise BadInput(
            f"{entry.filename[:200]} must be stored or deflated in its zip, got method {entry.compress_type}"
        )
    with archive.open(entry) as file:
        content = file.read(min(entry.file_size, limit_bytes) + 1)
    if len(content) > limit_bytes:
        raise _too_long(entry.filename, limit_bytes)
    return content


class _Header(tarfile.TarInfo):
    """A header of a tar that ends the reading with an error where it is damaged, not as if the tar ended there."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if not (header.isfile() or header.isdir()) and header.size > MAX_HEADER_BYTES:  # such as a long name
            raise tarfile.ReadError(f"it has a header of more than {MAX_HEADER_BYTES / 2**20:.0f} MiB")
        return header

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _Header:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.HeaderError as error:  # one of them is the end mark
            if isinstance(error, tarfile.EOFHeaderError):  # type: ignore[attr-defined]
                raise
            raise tarfile.ReadError(f"it ends before its end mark: {error}") from None


def _tar_tree(file: IO[bytes], name: str) -> FileTree:
    """The files of a tar, read in one pass: a packed tar cannot be read in another order."""
    packed = not name.lower().endswith(TARS[0])
    plain = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file
    contents = dict(_members(plain, name))

    def read(path: str, limit_bytes: int) -> bytes:
        if len(contents[path]) > limit_bytes:
            raise _too_long(path, limit_bytes)
        return contents[path]

    return FileTree(name, tuple(sorted(contents)), read, None)


def _members(plain: IO[bytes], name: str) -> Iterator[tuple[str, bytes]]:
    """(path, content) of the files of a tar; without the content of those that no layout reads. Raises BadInput."""
    seen: set[str] = set()
    size_bytes = 0
    with tarfile.open(fileobj=plain, mode="r|", tarinfo=_Header) as archive:
        count = 0
        while member := archive.next():  # which keeps every header
            archive.members.clear()  # type: ignore[attr-defined]
            path = checked_path(member.name, "tar")
            if (count := count + 1) > MAX_FILES:
                raise _too_many(name)
            if (size_bytes := size_bytes + member.size) > MAX_BYTES:
                raise _too_large(name)
            if member.isdir() or is_hidden(path):
                continue
            if not member.isreg():
                raise BadInput(f"the files in a tar must be files and folders, not links, got {path[:200]!r} in {name}")
            if path in seen:
                raise _twice(name, path)
            seen.add(path)
            yield path, _content(archive, member, path) if _is_read(path) else b""  # only its name is looked at
        _check_end(archive, name)


def _is_read(path: str) -> bool:
    return is_picture(path) or path.lower().endswith(_TEXTS) or bool(IDX_NAMED.fullmatch(PurePosixPath(path).name))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> bytes:
    limit_bytes = MAX_BYTES if path.lower().endswith(TABLE) else MAX_PICTURE_BYTES
    if member.size > limit_bytes:
        raise _too_long(path, limit_bytes)
    with archive.extractfile(member) or io.BytesIO() as file:
        content = file.read()
    if len(content) != member.size:
        raise tarfile.ReadError(f"{path[:200]} is cut short")
    return content


def _check_end(archive: tarfile.TarFile, name: str) -> None:
    """Raise BadInput where something follows the end mark, which would be left out in silence."""
    rest: IO[bytes] = archive.fileobj  # type: ignore[assignment]
    while block := rest.read(2**16):
        if block.strip(b"\0"):
            raise BadInput(f"{name} has more files after its end mark: pack the files of several tars into one")


def _too_long(path: str, limit_bytes: int) -> BadInput:
    return BadInput(f"{path[:200]} has more than {limit_bytes / 2**20:.0f} MiB, which is the limit")


def _too_large(name: str) -> BadInput:
    return BadInput(f"{name} holds more than {MAX_BYTES / 2**30:.0f} GiB of pictures, which is the limit")


def _too_many(name: str) -> BadInput:
    return BadInput(f"{name} holds more than {MAX_FILES:,} files, which is the limit")


def _twice(name: str, path: str) -> BadInput:
    return BadInput(f"{name} holds two files named {path[:200]!r}")


def is_wrapped(names: Collection[str]) -> bool:
    """Whether all files are in one folder, as most programs pack the folder itself, not its content."""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    tops = {parts[0].lower() if parts else "" for parts in folders}
    return len(tops) == 1 and not tops & PARTS.keys() and any(len(parts) > 1 for parts in folders)


def parts_are_wrapped(names: Collection[str]) -> bool:
    """Whether all files are in `train`, `val` and so on within one folder."""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    tops = {parts[0] for parts in folders if parts}
    return is_wrapped(names) and len(tops) == 1 and all(len(at) > 1 and at[1].lower() in PARTS for at in folders)
