"""Look at everything that is kept, and say what is damaged; a repair sets it aside, and never blesses it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from core.canonical import sha256_hex
from core.datasets.record import DatasetRecord
from core.errors import BadInput, Damaged, StoreError, StoreUnreadable
from core.jobs.spec import KEY_PATTERN
from core.store.gallery import Gallery, gallery_path
from core.store.inputs import dataset_path, picture_path, record_path, video_path
from core.store.manifest import FILE_NAME, Manifest
from core.store.store import Store, comparison_path, result_folder

LEFTOVER_S = 3600
"""A write that began longer ago than this, in seconds, was cut off."""


@dataclass(frozen=True)
class Problem:
    """One damaged thing: its name and what is wrong.

    `kind` is result, picture, video, dataset, record (of a data set), comparison, gallery or leftover.
    """

    kind: str
    name: str
    reason: str
    mend: Callable[[], None]


@dataclass(frozen=True)
class _Kind:
    """How the things of a folder are filed, and what makes one of them sound."""

    name: str
    folder: str
    ending: str
    place: Callable[[str], str]
    """Where the thing of a name belongs. Raises BadInput for what is no name."""
    look: Callable[[Store, str], None]
    """Raises where the thing of this name is damaged."""


def check(store: Store) -> Iterator[Problem]:
    """Read every file of the store and yield what does not hold. Raises StoreUnreadable."""
    for folder in dict.fromkeys(kind.folder for kind in _KINDS):
        for prefix in store.shelf.names(folder):
            for name in store.shelf.names(f"{folder}/{prefix}"):
                yield from _problem(store, _kind_of(folder, name), f"{folder}/{prefix}/{name}")
    for name in store.shelf.names(_GALLERY.folder):
        yield from _problem(store, _GALLERY, f"{_GALLERY.folder}/{name}")
    for name in filter(_is_left_over, store.shelf.names("tmp")):
        yield Problem("leftover", name, "a write that never ended", partial(store.shelf.delete, f"tmp/{name}"))


def _kind_of(folder: str, name: str) -> _Kind:
    """What a file of this name is, in a folder that may hold two kinds."""
    kinds = [kind for kind in _KINDS if kind.folder == folder]
    return next((kind for kind in kinds if name.endswith(kind.ending)), kinds[0])


def repair(store: Store) -> list[Problem]:
    """Set aside (or, for leftovers, delete) all that is damaged; what was mended."""
    problems = list(check(store))
    for problem in problems:
        problem.mend()
    return problems


def _is_left_over(scratch: str) -> bool:
    """Whether a write began so long ago that it will not end; its name begins with the second of its start."""
    started = scratch.partition("-")[0]
    return not started.isdecimal() or time.time() - int(started) > LEFTOVER_S


def _problem(store: Store, kind: _Kind, path: str) -> Iterator[Problem]:
    """The thing at `path`, if it is damaged."""
    name = path.rpartition("/")[2].removesuffix(kind.ending)
    try:
        if kind.place(name) != path:
            raise Damaged("it is not filed where its name belongs")
        kind.look(store, name)
    except StoreUnreadable:
        raise
    except (BadInput, StoreError, FileNotFoundError, ValueError, KeyError, TypeError) as error:
        reason = (
            str(error) if isinstance(error, BadInput | StoreError) else f"it cannot be read: {type(error).__name__}"
        )
        yield Problem(kind.name, name, reason, partial(_set_aside, store, kind, path, reason))


def _set_aside(store: Store, kind: _Kind, path: str, reason: str) -> None:
    name = path.rpartition("/")[2]
    store.shelf.move(path, damaged := f"damaged/{time.time_ns()}-{kind.name}-{name}")
    store.shelf.write(f"{damaged}.txt", reason.encode())
    if kind is _RESULT and KEY_PATTERN.fullmatch(name):
        store.forget(name)


def _look_at_result(store: Store, key: str) -> None:
    folder = result_folder(key)
    try:
        manifest = Manifest.from_bytes(store.shelf.read(f"{folder}/{FILE_NAME}"), key)
    except FileNotFoundError:
        raise Damaged("it has no manifest") from None
    for file in manifest.files:
        if sha256_hex(store.shelf.read(f"{folder}/{file.name}")) != file.sha256:
            raise Damaged(f"the checksum of {file.name} does not hold")


def _look_at_picture(store: Store, digest: str) -> None:
    store.picture_pixels(digest)


def _look_at_video(store: Store, digest: str) -> None:
    store.kept_video(digest)


def _look_at_dataset(store: Store, digest: str) -> None:
    store.kept_dataset(digest)


def _look_at_record(store: Store, digest: str) -> None:
    DatasetRecord.from_bytes(store.shelf.read(record_path(digest)), digest)


def _look_at_comparison(store: Store, key: str) -> None:
    store.comparison_document(key)


def _look_at_gallery(store: Store, identifier: str) -> None:
    if Gallery.from_bytes(store.shelf.read(gallery_path(identifier))).id != identifier:
        raise Damaged("its name is not the one that it is filed under")


_RESULT = _Kind("result", "results", "", result_folder, _look_at_result)
_GALLERY = _Kind("gallery", "galleries", ".json", gallery_path, _look_at_gallery)
_KINDS = (
    _RESULT,
    _Kind("picture", "pictures", ".png", picture_path, _look_at_picture),
    _Kind("video", "videos", "", video_path, _look_at_video),
    _Kind("dataset", "datasets", ".parquet", dataset_path, _look_at_dataset),
    _Kind("record", "datasets", ".json", record_path, _look_at_record),
    _Kind("comparison", "comparisons", ".json", comparison_path, _look_at_comparison),
)
