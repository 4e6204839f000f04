"""A gallery as a zip that another Gazegrid can import: all or nothing, every checksum looked at first.

gallery.json   comparisons/KEY.json   pictures/DIGEST.png   videos/DIGEST   results/KEY/manifest.json + files
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core.canonical import canonical_json, parsed_json, sha256_hex
from core.errors import BadInput, Damaged, GazegridError
from core.items import KINDS
from core.jobs.comparison import Comparison
from core.jobs.spec import checked_key
from core.media.picture import Picture, read_picture
from core.media.video import Video, read_video
from core.method_base.method import named_pictures, named_videos
from core.store.gallery import Gallery, gallery_path, load_gallery, save_gallery
from core.store.manifest import FILE_NAME, Manifest
from core.store.store import Store, result_folder

MAX_ARCHIVE_BYTES = 2 * 2**30
MAX_FILES = 100_000
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error),
    *(NotImplementedError, RuntimeError, EOFError, OSError, ValueError),
)
"""What zipfile raises on a file that is damaged or no zip."""


def export_zip(store: Store, gallery: Gallery) -> bytes:
    """The gallery with its comparisons, pictures, and what is there of videos and results. Raises BadInput, Damaged."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        written: set[str] = set()

        def put(name: str, content: bytes) -> None:
            if name not in written:
                written.add(name)
                archive.writestr(zipfile.ZipInfo(name), content)

        for entry in gallery.entries:
            comparison = store.comparison(entry.comparison)
            if comparison.key != entry.comparison:
                raise BadInput(
                    f"comparison {entry.comparison[:12]} is of an earlier version of its method: "
                    "run it again and save it anew, or take it out of the gallery"
                )
            put(f"comparisons/{entry.comparison}.json", canonical_json(comparison.document()))
            for digest in _pictures_of(comparison):
                put(f"pictures/{digest}.png", store.picture(digest).png())
            for digest in filter(store.has_video, _videos_of(comparison)):
                put(f"videos/{digest}", store.video(digest).content)
            for cell in comparison.cells():
                manifest = store.manifest(cell.spec.key)
                for file in manifest.files if manifest else ():
                    put(f"results/{cell.spec.key}/{file.name}", store.read(cell.spec.key, file.name))
                if manifest:
                    put(f"results/{cell.spec.key}/{FILE_NAME}", manifest.to_bytes())
        put("gallery.json", gallery.to_bytes())
    return buffer.getvalue()


def _pictures_of(comparison: Comparison) -> list[str]:
    """Digests of the pictures that it is about, and of those that its methods name."""
    about = [picture.digest for picture in comparison.pictures]
    named = [digest for method in comparison.methods for digest in named_pictures(method)]
    return list(dict.fromkeys((*about, *named)))


def _videos_of(comparison: Comparison) -> list[str]:
    """Digests of the videos that its methods name."""
    return list(dict.fromkeys(digest for method in comparison.methods for digest in named_videos(method)))


@dataclass
class _Contents:
    """An archive that has been looked through: nothing of it is in the store yet."""

    gallery: Gallery
    comparisons: list[Comparison] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    videos: list[Video] = field(default_factory=list)
    results: dict[str, dict[str, bytes]] = field(default_factory=dict)


def import_zip(store: Store, data: bytes) -> Gallery:
    """Take in a gallery; where one of that name is there already, its entries are kept and the new ones added.

    Nothing is written before everything was checked, and the gallery itself comes last. What a result says is taken on
    the exporter's word: a checksum shows that it is whole, not that it was computed.
    Raises BadInput, Damaged, StoreFull.
    """
    contents = _looked_through(_members(data))
    with store.shelf.locked("galleries"):  # from before the first result, so that none is evicted before it is pinned
        gallery = _merged(store, contents.gallery)
        for picture in contents.pictures:
            store.put_picture(picture)
        for video in contents.videos:
            store.put_video(video)
        for key, files in contents.results.items():
            store.shelf.write_group(result_folder(key), files, last=FILE_NAME)
        for comparison in contents.comparisons:
            store.put_comparison(comparison)
        return save_gallery(store, gallery)


def _merged(store: Store, gallery: Gallery) -> Gallery:
    """`gallery` after the entries of the one of its name that is there. Raises Damaged where that cannot be read."""
    if not store.shelf.exists(gallery_path(gallery.id)):
        return gallery
    new = {entry.comparison for entry in gallery.entries}
    kept = tuple(entry for entry in load_gallery(store, gallery.id).entries if entry.comparison not in new)
    return replace(gallery, entries=(*kept, *gallery.entries))


def _members(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            size = sum(info.file_size for info in infos)
            if len(infos) > MAX_FILES or size > MAX_ARCHIVE_BYTES:
                raise BadInput(f"a gallery's zip holds at most {MAX_FILES} files and 2 GiB, got {len(infos)}, {size} B")
            if len({info.filename for info in infos}) < len(infos):
                raise BadInput("this zip is no gallery's: it names a file twice")
            if any(info.compress_type not in _COMPRESSIONS for info in infos):
                raise BadInput("this zip is no gallery's: its files must be stored or deflated")
            return {info.filename: archive.read(info) for info in infos}
    except _ZIP_ERRORS as error:
        raise BadInput(f"this is no gallery's zip, or it was cut short: {str(error)[:120]}") from None


def _looked_through(members: Mapping[str, bytes]) -> _Contents:
    """Everything of the archive checked. Raises BadInput, Damaged."""
    rest = dict(members)
    if "gallery.json" not in rest:
        raise BadInput("this zip is no gallery's: it has no gallery.json")
    contents = _Contents(Gallery.from_bytes(rest.pop("gallery.json")))
    for entry in contents.gallery.entries:
        comparison = _comparison(rest.pop(f"comparisons/{entry.comparison}.json", b""), entry.comparison)
        contents.comparisons.append(comparison)
        _take(comparison, rest, contents)
    if {picture.digest for picture in contents.pictures} != {
        digest for comparison in contents.comparisons for digest in _pictures_of(comparison)
    }:
        raise BadInput("this gallery's zip lacks a picture that its comparisons name")
    if rest:
        raise BadInput(f"this gallery's zip holds something that its gallery does not name: {min(rest)[:80]!r}")
    return contents


def _take(comparison: Comparison, rest: dict[str, bytes], contents: _Contents) -> None:
    """What a comparison names, out of `rest` and checked, into `contents`. Raises BadInput, Damaged."""
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
        raise Damaged(f"comparison {checked_key(key)[:12]} is missing from the zip or cannot be read") from None
    if comparison.key != key:
        raise Damaged(f"comparison {key[:12]} is not what its name is the hash of, or of another version of its method")
    return comparison


def _picture(png: bytes, digest: str) -> Picture:
    picture = read_picture(png, f"picture {digest[:12]}")
    if picture.digest != digest:
        raise Damaged(f"picture {digest[:12]} is not what its name is the hash of")
    return picture


def _video(content: bytes, digest: str) -> Video:
    video = read_video(content, f"video {digest[:12]}")
    if video.digest != digest:
        raise Damaged(f"video {digest[:12]} is not what its name is the hash of")
    return video


def _result(key: str, content: bytes, rest: dict[str, bytes]) -> dict[str, bytes]:
    manifest = Manifest.from_bytes(content, key)
    files = {FILE_NAME: content}
    for item in manifest.items:
        loaded = {}
        for file in item.files:
            loaded[file.name.rpartition(".")[2]] = files[file.name] = rest.pop(f"results/{key}/{file.name}", b"")
            if file.name != f"{item.name}.{file.name.rpartition('.')[2]}" or "/" in file.name:
                raise BadInput(f"result {key[:12]} names a file {file.name[:80]!r} that is not its own")
            if sha256_hex(files[file.name]) != file.sha256:
                raise Damaged(f"{file.name} of result {key[:12]} is missing or damaged")
        try:
            KINDS[item.kind].load(item.meta, loaded)
        except GazegridError:
            raise
        except Exception as error:  # noqa: BLE001  a stranger's file, in whichever of six formats: any fault is the same answer
            raise Damaged(f"{item.name} of result {key[:12]} is no {item.kind}: {type(error).__name__}") from None
    return files
