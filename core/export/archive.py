"""A gallery as a zip that another Gazegrid can import: all or nothing, after every checksum was verified.

gallery.json   comparisons/KEY.json   pictures/DIGEST.png   videos/DIGEST   results/KEY/manifest.json + files
"""

from __future__ import annotations

import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO

from core.canonical import canonical_json, parsed_json, sha256_hex
from core.errors import BadInput, Damaged, GazegridError, StoreError
from core.items import KINDS
from core.jobs.comparison import Comparison
from core.jobs.spec import checked_key
from core.media.picture import Picture, check_png, read_picture
from core.media.video import Video, read_video
from core.method_base.parameters import named_pictures, named_videos
from core.store.gallery import Gallery, gallery_path, load_gallery, save_gallery
from core.store.manifest import FILE_NAME, Manifest
from core.store.store import Store, result_folder

MAX_ARCHIVE_BYTES = 2 * 2**30
"""Limit of the zip, and of the files in it together, for export and import."""
MAX_FILES = 100_000
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error),
    *(NotImplementedError, RuntimeError, EOFError, OSError, ValueError),
)
"""What zipfile raises on a file that is damaged or not a zip."""


@contextmanager
def export_zip(store: Store, gallery: Gallery) -> Iterator[IO[bytes]]:
    """Context manager with the gallery's zip: a temporary file, open at its start and deleted on exit.

    It holds the comparisons and their pictures, and those of their videos and results that are in the store.
    Raises BadInput for what `import_zip` would refuse, NetworkUnavailable, Damaged, StoreError.
    """
    with tempfile.TemporaryFile(prefix="gazegrid-") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as opened:
            members = _Members(opened)
            for entry in gallery.entries:
                _write_comparison(members, store, entry.comparison)
            members.write("gallery.json", gallery.to_bytes())
        _check_limits(members.count, file.seek(0, io.SEEK_END))
        file.seek(0)
        yield file


class _Members:
    """The files of a zip that is being written, each once."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._opened = opened
        self._names: set[str] = set()
        self._size_bytes = 0

    @property
    def count(self) -> int:
        return len(self._names)

    def write(self, name: str, content: bytes) -> None:
        """Add a file, unless it is there. Raises BadInput beyond the limits of `import_zip`, StoreError."""
        if name in self._names:
            return
        self._names.add(name)
        self._size_bytes += len(content)
        _check_limits(self.count, self._size_bytes)
        try:
            self._opened.writestr(zipfile.ZipInfo(name), content)
        except OSError as error:
            raise StoreError(f"the zip cannot be written to {tempfile.gettempdir()}: {error.strerror}") from error


def _write_comparison(members: _Members, store: Store, key: str) -> None:
    """Add a comparison with its pictures, and its videos and results as far as they are stored."""
    comparison = store.comparison(key)
    if comparison.key != key:
        raise BadInput(
            f"comparison {key[:12]}… is of an earlier version of its method: "
            "run it again and save it anew, or remove it from the gallery"
        )
    members.write(f"comparisons/{key}.json", canonical_json(comparison.document()))
    for digest in _pictures_of(comparison):
        picture = store.inputs.picture(digest)
        png = picture.png()
        check_png(png, picture, f"picture {digest[:12]}…")
        members.write(f"pictures/{digest}.png", png)
    for digest in filter(store.inputs.has_video, _videos_of(comparison)):
        members.write(f"videos/{digest}", store.inputs.video(digest).content)
    for cell in comparison.cells():
        if (manifest := store.manifest(cell.spec.key)) is None:
            continue
        folder = f"results/{manifest.key}"
        for file in manifest.files:
            members.write(f"{folder}/{file.name}", store.read(manifest.key, file.name))
        members.write(f"{folder}/{FILE_NAME}", manifest.to_bytes())


def _check_limits(files: int, size_bytes: int) -> None:
    """Raise BadInput for a zip of more files, or of more bytes packed or unpacked, than may be imported."""
    if files > MAX_FILES or size_bytes > MAX_ARCHIVE_BYTES:
        raise BadInput(
            f"a gallery's zip must have at most {MAX_FILES:,} files and {MAX_ARCHIVE_BYTES / 2**20:.4g} MiB, "
            "this one has more: spread its comparisons over several galleries"
        )


def _pictures_of(comparison: Comparison) -> list[str]:
    """Digests of its pictures, and of those that its methods' parameters name."""
    rows = [picture.digest for picture in comparison.pictures]
    named = [digest for method in comparison.methods for digest in named_pictures(method)]
    return list(dict.fromkeys((*rows, *named)))


def _videos_of(comparison: Comparison) -> list[str]:
    """Digests of the videos that its methods' parameters name."""
    return list(dict.fromkeys(digest for method in comparison.methods for digest in named_videos(method)))


@dataclass
class _Contents:
    """The verified contents of an archive, before any of it is in the store."""

    gallery: Gallery
    comparisons: list[Comparison] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    videos: list[Video] = field(default_factory=list)
    results: dict[str, dict[str, bytes]] = field(default_factory=dict)


def import_zip(store: Store, archive: IO[bytes]) -> Gallery:
    """Import a gallery and return it; its entries are added to those of a gallery of the same name.

    Nothing is written before everything was verified, and the gallery is written last. A checksum shows that a result
    is whole, not that it was computed: its values are those of the exporter. `archive` must be seekable.
    Raises BadInput, Damaged, StoreFull.
    """
    contents = _verified(_members(archive))
    with store.shelf.locked("galleries"):  # from before the first result, or one could be evicted before it is pinned
        gallery = _merged(store, contents.gallery)
        for picture in contents.pictures:
            store.inputs.put_picture(picture)
        for video in contents.videos:
            store.inputs.put_video(video)
        for key, files in contents.results.items():
            store.shelf.write_group(result_folder(key), files, last=FILE_NAME)
        for comparison in contents.comparisons:
            store.put_comparison(comparison)
        return save_gallery(store, gallery)


def _merged(store: Store, gallery: Gallery) -> Gallery:
    """`gallery` with the entries of the stored gallery of its name before its own. Raises Damaged."""
    if not store.shelf.exists(gallery_path(gallery.id)):
        return gallery
    new = {entry.comparison for entry in gallery.entries}
    kept = tuple(entry for entry in load_gallery(store, gallery.id).entries if entry.comparison not in new)
    return replace(gallery, entries=(*kept, *gallery.entries))


def _members(archive: IO[bytes]) -> dict[str, bytes]:
    """Name -> content of the files in a zip. Raises BadInput."""
    try:
        archive_bytes = archive.seek(0, io.SEEK_END)
        _check_limits(0, archive_bytes)
        with zipfile.ZipFile(archive) as opened:
            infos = [info for info in opened.infolist() if not info.is_dir()]
            _check_limits(len(infos), sum(info.file_size for info in infos))
            if len({info.filename for info in infos}) < len(infos):
                raise BadInput("a gallery's zip must name each file once, this one names a file twice")
            if any(info.compress_type not in _COMPRESSIONS for info in infos):
                raise BadInput("the files of a gallery's zip must be stored or deflated")
            return {info.filename: opened.read(info) for info in infos}
    except _ZIP_ERRORS as error:
        raise BadInput(f"this is not a gallery's zip, or it is incomplete: {str(error)[:120]}") from None


def _verified(members: Mapping[str, bytes]) -> _Contents:
    """The contents of an archive, all of it verified. Raises BadInput, Damaged."""
    rest = dict(members)
    if "gallery.json" not in rest:
        raise BadInput("this is not a gallery's zip: it has no gallery.json")
    contents = _Contents(Gallery.from_bytes(rest.pop("gallery.json")))
    for entry in contents.gallery.entries:
        comparison = _comparison(rest.pop(f"comparisons/{entry.comparison}.json", b""), entry.comparison)
        contents.comparisons.append(comparison)
        _take(comparison, rest, contents)
    if {picture.digest for picture in contents.pictures} != {
        digest for comparison in contents.comparisons for digest in _pictures_of(comparison)
    }:
        raise BadInput("this zip lacks a picture that its comparisons name")
    if rest:
        raise BadInput(f"this zip has a file that its gallery does not name: {min(rest)[:80]!r}")
    return contents


def _take(comparison: Comparison, rest: dict[str, bytes], contents: _Contents) -> None:
    """Move the files that a comparison names from `rest` to `contents`, verified. Raises BadInput, Damaged."""
    for digest in _pictures_of(comparison):
        if (png := rest.pop(f"pictures/{digest}.png", None)) is not None:
            contents.pictures.append(_picture(png, digest))
    for digest in _videos_of(comparison):
        if (video := rest.pop(f"videos/{digest}", None)) is not None:
            contents.videos.append(_video(video, digest))
    for cell in comparison.cells():
        if (content := rest.pop(f"results/{cell.spec.key}/{FILE_NAME}", None)) is not None:
            contents.results[cell.spec.key] = _result(cell.spec.key, content, rest)


def _comparison(content: bytes, key: str) -> Comparison:
    try:
        comparison = Comparison.from_document(parsed_json(content))
    except ValueError:
        raise Damaged(f"comparison {checked_key(key)[:12]}… is missing from the zip or cannot be read") from None
    if comparison.key != key:
        raise Damaged(f"comparison {key[:12]}… does not match its key, or its method has another version here")
    return comparison


def _picture(png: bytes, digest: str) -> Picture:
    picture = read_picture(png, f"picture {digest[:12]}…")
    if picture.digest != digest:
        raise Damaged(f"picture {digest[:12]}… does not match its digest")
    return picture


def _video(content: bytes, digest: str) -> Video:
    video = read_video(content, f"video {digest[:12]}…")
    if video.digest != digest:
        raise Damaged(f"video {digest[:12]}… does not match its digest")
    return video


def _result(key: str, content: bytes, rest: dict[str, bytes]) -> dict[str, bytes]:
    """File name -> content of a result with the manifest `content`, its other files out of `rest`; all verified."""
    manifest = Manifest.from_bytes(content, key)
    files = {FILE_NAME: content}
    for item in manifest.items:
        loaded = {}
        for file in item.files:
            loaded[file.name.rpartition(".")[2]] = files[file.name] = rest.pop(f"results/{key}/{file.name}", b"")
            if file.name != f"{item.name}.{file.name.rpartition('.')[2]}" or "/" in file.name:
                raise BadInput(f"result {key[:12]}… names a file {file.name[:80]!r} that is not its own")
            if sha256_hex(files[file.name]) != file.sha256:
                raise Damaged(f"{file.name} of result {key[:12]}… is missing or damaged")
        try:
            KINDS[item.kind].load(item.meta, loaded)
        except GazegridError:
            raise
        except Exception as error:  # noqa: BLE001  a stranger's file, in whichever of six formats: any fault means the same
            raise Damaged(
                f"{item.name} of result {key[:12]}… is not of kind {item.kind}: {type(error).__name__}"
            ) from None
    return files
