"""Check every stored file and report what is damaged; repair sets damaged files aside and never accepts them."""

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
from core.store.shelf import set_aside
from core.store.store import Store, comparison_path, result_folder

LEFTOVER_S = 3600
"""Age in seconds above which an unfinished write counts as interrupted."""


@dataclass(frozen=True)
class Problem:
    """A damaged entry: its name, the reason, and `repair`, which sets it aside (a leftover: deletes it).

    `kind`: result, picture, video, dataset, record (of a data set), comparison, gallery or leftover.
    """

    kind: str
    name: str
    reason: str
    repair: Callable[[], None]


@dataclass(frozen=True)
class _Kind:
    """One kind of entry: where its files lie, and how one is checked."""

    name: str
    folder: str
    ending: str
    path: Callable[[str], str]
    """Name -> path in the store. Raises BadInput for a name that is not allowed."""
    check: Callable[[Store, str], object]
    """Raises where the entry of this name is damaged."""


def check(store: Store) -> Iterator[Problem]:
    """Read every file of the store and yield what is damaged. Raises StoreUnreadable."""
    for folder in dict.fromkeys(kind.folder for kind in _KINDS):
        for prefix in store.shelf.names(folder):
            for name in store.shelf.names(f"{folder}/{prefix}"):
                yield from _problem(store, _kind_of(folder, name), f"{folder}/{prefix}/{name}")
    for name in store.shelf.names(_GALLERY.folder):
        yield from _problem(store, _GALLERY, f"{_GALLERY.folder}/{name}")
    for name in filter(_is_leftover, store.shelf.names("tmp")):
        yield Problem("leftover", name, "an interrupted write", partial(store.shelf.delete, f"tmp/{name}"))


def repair(store: Store) -> list[Problem]:
    """Set aside all that is damaged, delete leftovers, and return what was repaired. Raises StoreUnreadable."""
    problems = list(check(store))
    for problem in problems:
        problem.repair()
    return problems


def _kind_of(folder: str, name: str) -> _Kind:
    """The kind of a file, in a folder that may hold two kinds."""
    kinds = [kind for kind in _KINDS if kind.folder == folder]
    return next((kind for kind in kinds if name.endswith(kind.ending)), kinds[0])


def _is_leftover(scratch: str) -> bool:
    """Whether a write is too old to be running still; its name begins with its start, in seconds since 1970."""
    started = scratch.partition("-")[0]
    return not started.isdecimal() or time.time() - int(started) > LEFTOVER_S


def _problem(store: Store, kind: _Kind, path: str) -> Iterator[Problem]:
    """The entry at `path`, if it is damaged."""
    name = path.rpartition("/")[2].removesuffix(kind.ending)
    try:
        if kind.path(name) != path:
            raise Damaged("it is in the wrong folder for its name")
        kind.check(store, name)
    except StoreUnreadable:
        raise
    except (BadInput, StoreError) as error:
        reason = str(error)
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        reason = f"it cannot be read: {type(error).__name__}"
    else:
        return
    yield Problem(kind.name, name, reason, partial(_set_aside, store, kind, path, reason))


def _set_aside(store: Store, kind: _Kind, path: str, reason: str) -> None:
    set_aside(store.shelf, path, kind.name, reason)
    name = path.rpartition("/")[2]
    if kind is _RESULT and KEY_PATTERN.fullmatch(name):
        store.forget(name)


def _check_result(store: Store, key: str) -> None:
    folder = result_folder(key)
    try:
        manifest = Manifest.from_bytes(store.shelf.read(f"{folder}/{FILE_NAME}"), key)
    except FileNotFoundError:
        raise Damaged("it has no manifest") from None
    for file in manifest.files:
        if sha256_hex(store.shelf.read(f"{folder}/{file.name}")) != file.sha256:
            raise Damaged(f"{file.name} does not match its checksum")


def _check_gallery(store: Store, identifier: str) -> None:
    if Gallery.from_bytes(store.shelf.read(gallery_path(identifier))).id != identifier:
        raise Damaged("its file name does not match its name")


_RESULT = _Kind("result", "results", "", result_folder, _check_result)
_GALLERY = _Kind("gallery", "galleries", ".json", gallery_path, _check_gallery)
_KINDS = (
    _RESULT,
    _Kind(
        "picture", "pictures", ".png", picture_path,
        lambda store, digest: store.inputs.picture(digest, keep_damaged=True),
    ),
    _Kind("video", "videos", "", video_path, lambda store, digest: store.inputs.video(digest, keep_damaged=True)),
    _Kind(
        "dataset", "datasets", ".parquet", dataset_path,
        lambda store, digest: store.inputs.dataset(digest, keep_damaged=True),
    ),
    _Kind(
        "record", "datasets", ".json", record_path,
        lambda store, digest: DatasetRecord.from_bytes(store.shelf.read(record_path(digest)), digest),
    ),
    _Kind(
        "comparison", "comparisons", ".json", comparison_path, lambda store, key: store.comparison_document(key),
    ),
)  # fmt: skip
