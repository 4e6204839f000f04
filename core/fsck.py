"""Look at everything that is kept, and say what is damaged; a repair sets it aside, and never blesses it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from core.canonical import digest_of, sha256_hex
from core.errors import BadInput, Damaged
from core.gallery import Gallery, gallery_path
from core.manifest import FILE_NAME, Manifest
from core.store import Store, comparison_path, result_folder


@dataclass(frozen=True)
class Problem:
    """One damaged thing: `kind` (result, picture, comparison, gallery, leftover), its name, and what is wrong."""

    kind: str
    name: str
    reason: str
    mend: Callable[[], None]


def check(store: Store) -> Iterator[Problem]:
    """Read every file of the store and yield what does not hold. Raises StoreUnreadable."""
    yield from _results(store)
    yield from _files(store, "pictures", ".png", _picture_fault)
    yield from _files(store, "comparisons", ".json", _comparison_fault)
    yield from _galleries(store)
    for name in store.shelf.names("tmp"):
        yield Problem("leftover", name, "a write that never ended", partial(store.shelf.delete, f"tmp/{name}"))


def repair(store: Store) -> list[Problem]:
    """Set aside (or, for leftovers, delete) all that is damaged; what was mended."""
    problems = list(check(store))
    for problem in problems:
        problem.mend()
    return problems


def _results(store: Store) -> Iterator[Problem]:
    for key in store.result_keys():
        reason = _result_fault(store, key)
        if reason:
            yield Problem("result", key, reason, partial(store.set_aside, key, reason))


def _result_fault(store: Store, key: str) -> str | None:
    try:
        manifest = Manifest.from_bytes(store.shelf.read(f"{result_folder(key)}/{FILE_NAME}"))
    except FileNotFoundError:
        return "it has no manifest"
    except (Damaged, BadInput) as error:
        return str(error)
    if manifest.key != key:
        return "its manifest is of another result"
    for file in manifest.files:
        try:
            content = store.shelf.read(f"{result_folder(key)}/{file.name}")
        except FileNotFoundError:
            return f"{file.name} is missing"
        if sha256_hex(content) != file.sha256:
            return f"the checksum of {file.name} does not hold"
    return None


def _files(store: Store, folder: str, ending: str, fault: Callable[[Store, str], str | None]) -> Iterator[Problem]:
    for prefix in store.shelf.names(folder):
        for name in store.shelf.names(f"{folder}/{prefix}"):
            reason = fault(store, name.removesuffix(ending))
            if reason:
                path = f"{folder}/{prefix}/{name}"
                yield Problem(folder[:-1], name, reason, partial(store.shelf.move, path, f"damaged/{name}"))


def _picture_fault(store: Store, digest: str) -> str | None:
    try:
        store.picture_pixels(digest)
    except (Damaged, BadInput) as error:
        return str(error)
    return None


def _comparison_fault(store: Store, key: str) -> str | None:
    try:
        document = json.loads(store.shelf.read(comparison_path(key)))["comparison"]
        return None if digest_of(document) == key else "its content is not what its name is the hash of"
    except (ValueError, KeyError, TypeError, BadInput) as error:
        return f"it cannot be read: {type(error).__name__}"


def _galleries(store: Store) -> Iterator[Problem]:
    for name in store.shelf.names("galleries"):
        gallery_id = name.removesuffix(".json")
        path = f"galleries/{name}"
        try:
            gallery = Gallery.from_bytes(store.shelf.read(path))
            if gallery_path(gallery.id) != path:
                raise Damaged("its name is not the one that it is filed under")
        except (Damaged, BadInput) as error:
            yield Problem("gallery", gallery_id, str(error), partial(store.shelf.move, path, f"damaged/{name}"))
