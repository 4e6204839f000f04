"""Galleries: named sets of comparisons with notes; results that a gallery refers to are never evicted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

from core.canonical import digest_of, sealed, unsealed
from core.errors import BadInput, BadLink, Damaged, NetworkUnavailable
from core.jobs.comparison import Comparison
from core.jobs.spec import checked_key
from core.store.store import Store

MAX_NAME = 80
"""Characters."""
MAX_NOTE = 4_000
"""Characters."""
ID_PATTERN = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Entry:
    """A comparison in a gallery."""

    comparison: str
    """Its key."""
    note: str
    added: str
    """Time, UTC, ISO 8601."""


@dataclass(frozen=True)
class Gallery:
    """Comparisons under a name; the name determines the id, so that one name is one gallery."""

    name: str
    entries: tuple[Entry, ...] = ()

    @property
    def id(self) -> str:
        """16 hex digits, used in the gallery's link and file name."""
        return gallery_id(self.name)

    def to_bytes(self) -> bytes:
        """The gallery as JSON with its own checksum."""
        return sealed("gallery", {"name": self.name, "entries": [vars(entry) for entry in self.entries]})

    @classmethod
    def from_bytes(cls, content: bytes) -> Gallery:
        """The gallery that `to_bytes` wrote. Raises Damaged."""
        document = unsealed("gallery", content)
        try:
            entries = tuple(
                Entry(checked_key(entry["comparison"]), checked_note(entry["note"]), str(entry["added"])[:40])
                for entry in document["entries"]
            )
            return cls(checked_name(document["name"]), entries)
        except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
            raise Damaged(f"the gallery cannot be read: {type(error).__name__}") from None


def checked_name(name: str) -> str:
    """A gallery's name without outer spaces. Raises BadInput unless it is 1 to 80 printable characters."""
    name = str(name).strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput(f"a gallery's name must be 1 to {MAX_NAME} printable characters, got {name[:MAX_NAME]!r}")
    return name


def checked_note(note: str) -> str:
    """A note without outer spaces. Raises BadInput unless it is a text of at most 4,000 characters."""
    if not isinstance(note, str) or len(note) > MAX_NOTE:
        raise BadInput(f"a note must be at most {MAX_NOTE} characters, got {len(str(note))}")
    return note.strip()


def gallery_id(name: str) -> str:
    """The id of the gallery of this name, 16 hex digits. Raises BadInput."""
    return digest_of(checked_name(name))[:16]


def gallery_path(identifier: str) -> str:
    """Path of a gallery in the store. Raises BadLink unless `identifier` is 16 hex digits."""
    if not isinstance(identifier, str) or not ID_PATTERN.fullmatch(identifier):
        raise BadLink(f"a gallery's id must be 16 hex digits, got {str(identifier)[:80]!r}")
    return f"galleries/{identifier}.json"


def load_gallery(store: Store, identifier: str) -> Gallery:
    """The gallery of this id. Raises BadLink, BadInput (none), Damaged."""
    try:
        return Gallery.from_bytes(store.shelf.read(gallery_path(identifier)))
    except FileNotFoundError:
        raise BadInput(f"there is no gallery {identifier} in this store") from None


def find_gallery(store: Store, name_or_id: str) -> Gallery:
    """The gallery of this name or id. Raises BadInput, Damaged."""
    if ID_PATTERN.fullmatch(name_or_id) and store.shelf.exists(gallery_path(name_or_id)):
        return load_gallery(store, name_or_id)
    if not store.shelf.exists(gallery_path(gallery_id(name_or_id))):
        raise BadInput(f"there is no gallery {name_or_id[:MAX_NAME]!r} in this store")
    return load_gallery(store, gallery_id(name_or_id))


def galleries(store: Store) -> Iterator[Gallery]:
    """Every gallery. Raises Damaged at the first that cannot be read."""
    for name in store.shelf.names("galleries"):
        yield load_gallery(store, name.removesuffix(".json"))


def readable_galleries(store: Store) -> tuple[list[Gallery], dict[str, str]]:
    """The readable galleries in order of their names, and file name -> reason of each damaged one."""
    readable, faults = [], {}
    for name in store.shelf.names("galleries"):
        try:
            readable.append(load_gallery(store, name.removesuffix(".json")))
        except (BadInput, Damaged) as error:
            faults[name] = str(error)
    return sorted(readable, key=lambda gallery: gallery.name.casefold()), faults


def add_to_gallery(store: Store, name: str, comparison: str, note: str = "") -> Gallery:
    """Add a stored comparison to the gallery of this name, which is made if need be; a known one gets the new note.

    Returns the gallery. Raises BadLink, BadInput (name, note, no such comparison), Damaged, StoreFull.
    """
    store.comparison(comparison)
    entry = Entry(comparison, checked_note(note), datetime.now(UTC).isoformat(timespec="seconds"))
    with store.shelf.locked("galleries"):
        identifier = gallery_id(name)
        known = store.shelf.exists(gallery_path(identifier))
        gallery = load_gallery(store, identifier) if known else Gallery(checked_name(name))
        if all(known.comparison != comparison for known in gallery.entries):
            return save_gallery(store, replace(gallery, entries=(*gallery.entries, entry)))
        noted = (replace(old, note=entry.note) if old.comparison == comparison else old for old in gallery.entries)
        return save_gallery(store, replace(gallery, entries=tuple(noted)))


def remove_from_gallery(store: Store, identifier: str, comparison: str) -> Gallery:
    """Remove a comparison from a gallery and return the gallery; its results stay until they are evicted.

    Raises BadLink, BadInput (no such gallery), Damaged.
    """
    with store.shelf.locked("galleries"):
        gallery = load_gallery(store, identifier)
        remaining = tuple(entry for entry in gallery.entries if entry.comparison != comparison)
        return save_gallery(store, replace(gallery, entries=remaining))


def delete_gallery(store: Store, identifier: str) -> None:
    """Delete a gallery; its comparisons stay, and its results until they are evicted. Raises BadLink."""
    with store.shelf.locked("galleries"):
        store.shelf.delete(gallery_path(identifier))


def save_gallery(store: Store, gallery: Gallery) -> Gallery:
    """Write a gallery and return it; hold the lock `galleries` around reading and saving."""
    store.shelf.write(gallery_path(gallery.id), gallery.to_bytes())
    return gallery


def pinned_keys(store: Store) -> set[str]:
    """Keys of the results in all galleries, with the current versions of methods and networks.

    Raises BadInput, Damaged where a gallery or comparison cannot be read.
    """
    keys: set[str] = set()
    for document in _pinned_comparisons(store):
        with suppress(BadInput, NetworkUnavailable):  # method or network is gone: its results are pinned by their jobs
            keys |= {cell.spec.key for cell in Comparison.from_document(document).cells()}
    return keys


def _pinned_comparisons(store: Store) -> Iterator[dict[str, Any]]:
    """The documents of all galleries' comparisons, as they were stored. Raises BadInput, Damaged."""
    for gallery in galleries(store):
        for entry in gallery.entries:
            yield store.comparison_document(entry.comparison)


def _pinned_jobs(store: Store) -> set[str]:
    """`_job` of each cell of the galleries, in the versions in which they were stored."""
    return {
        _job(method, picture["digest"], network, document["seed"])
        for document in _pinned_comparisons(store)
        for method, picture, network in product(document["methods"], document["pictures"], document["networks"])
    }


def _job(method: Mapping[str, Any], picture: str, network: str, seed: int) -> str:
    """A digest of a cell that does not depend on the current versions of its method and network."""
    return digest_of([method, picture, network.partition("#")[0], seed])


def _stored_job(store: Store, key: str) -> str | None:
    """`_job` of a stored result; None if its manifest is damaged, or without exactly one picture and a network."""
    manifest = store.manifest(key)
    if manifest is None or manifest.spec["network"] is None or len(manifest.spec["pictures"]) != 1:
        return None
    return _job(manifest.spec["method"], manifest.spec["pictures"][0], manifest.spec["network"], manifest.spec["seed"])


def evict(store: Store, limit_bytes: int) -> list[str]:
    """Delete results, oldest first, until they take at most `limit_bytes`; never one that a gallery refers to.

    Returns the keys of the deleted results. Raises BadInput, Damaged, and then deletes nothing, where a gallery or
    comparison cannot be read.
    """
    with store.shelf.locked("galleries"):
        keys, jobs = pinned_keys(store), _pinned_jobs(store)
        sizes = {key: store.result_size_and_time(key) for key in store.result_keys()}
        total = sum(size for size, _ in sizes.values())
        deleted = []
        for key in sorted(sizes, key=lambda key: sizes[key][1]):
            if total <= limit_bytes:
                break
            if key not in keys and _stored_job(store, key) not in jobs:
                store.delete_result(key)
                total -= sizes[key][0]
                deleted.append(key)
        return deleted
