"""A named set of comparisons with notes: what a team keeps and shares. What it refers to is never evicted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

from core.canonical import canonical_json, digest_of, parsed_json
from core.errors import BadInput, BadLink, Damaged, NetworkUnavailable
from core.jobs.comparison import Comparison
from core.jobs.spec import checked_key
from core.store.store import Store

MAX_NAME = 80
MAX_NOTE = 4_000
ID_PATTERN = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Entry:
    """A comparison in a gallery, and what is said of it."""

    comparison: str
    note: str
    added: str


@dataclass(frozen=True)
class Gallery:
    """Comparisons under a name; the name decides the id, so that the same name is the same gallery."""

    name: str
    entries: tuple[Entry, ...] = ()

    @property
    def id(self) -> str:
        """16 hex digits: the gallery's link and file name."""
        return gallery_id(self.name)

    def to_bytes(self) -> bytes:
        """JSON that carries its own checksum."""
        document = {"name": self.name, "entries": [vars(entry) for entry in self.entries]}
        return canonical_json({"digest": digest_of(document), "gallery": document})

    @classmethod
    def from_bytes(cls, content: bytes) -> Gallery:
        """The gallery again; Damaged where a bit has changed or it is not one of ours."""
        try:
            envelope = parsed_json(content)
            document = envelope["gallery"]
            if digest_of(document) != envelope["digest"]:
                raise Damaged("the checksum of a gallery does not hold")
            entries = tuple(
                Entry(checked_key(entry["comparison"]), checked_note(entry["note"]), str(entry["added"])[:40])
                for entry in document["entries"]
            )
            return cls(checked_name(document["name"]), entries)
        except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
            raise Damaged(f"a gallery cannot be read: {type(error).__name__}") from None


def checked_name(name: str) -> str:
    """A gallery's name without outer spaces; BadInput unless it is 1 to 80 printable characters."""
    name = str(name).strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput(f"a gallery's name must be 1 to {MAX_NAME} printable characters, got {name[:MAX_NAME]!r}")
    return name


def checked_note(note: str) -> str:
    """A note; BadInput beyond 4,000 characters."""
    if not isinstance(note, str) or len(note) > MAX_NOTE:
        raise BadInput(f"a note must be a text of at most {MAX_NOTE} characters, got {len(str(note))}")
    return note.strip()


def gallery_id(name: str) -> str:
    """16 hex digits for a name."""
    return digest_of(checked_name(name))[:16]


def gallery_path(identifier: str) -> str:
    """Where a gallery lies; BadLink where `identifier` is not 16 hex digits."""
    if not isinstance(identifier, str) or not ID_PATTERN.fullmatch(identifier):
        raise BadLink(f"a gallery's link ends in 16 hex digits, got {str(identifier)[:80]!r}")
    return f"galleries/{identifier}.json"


def load_gallery(store: Store, identifier: str) -> Gallery:
    """The gallery behind a link. Raises BadLink, BadInput (none there), Damaged."""
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
    """The galleries that can be read, by name, and what is wrong with each of the others, by file name."""
    found, faults = [], {}
    for name in store.shelf.names("galleries"):
        try:
            found.append(load_gallery(store, name.removesuffix(".json")))
        except (BadInput, Damaged) as error:
            faults[name] = str(error)
    return sorted(found, key=lambda gallery: gallery.name.casefold()), faults


def add_to_gallery(store: Store, name: str, comparison: str, note: str = "") -> Gallery:
    """Put a kept comparison into the gallery of this name, made if need be; one that is there gets the new note."""
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
    """Take a comparison out of a gallery; its results stay until they are evicted."""
    with store.shelf.locked("galleries"):
        gallery = load_gallery(store, identifier)
        rest = tuple(entry for entry in gallery.entries if entry.comparison != comparison)
        return save_gallery(store, replace(gallery, entries=rest))


def delete_gallery(store: Store, identifier: str) -> None:
    """No such gallery any more; its comparisons and results stay."""
    with store.shelf.locked("galleries"):
        store.shelf.delete(gallery_path(identifier))


def save_gallery(store: Store, gallery: Gallery) -> Gallery:
    """Write a gallery whole; hold the lock `galleries` around reading and saving."""
    store.shelf.write(gallery_path(gallery.id), gallery.to_bytes())
    return gallery


def pinned_keys(store: Store) -> set[str]:
    """The results that the cells of galleries stand for now. Raises BadInput, Damaged where one cannot be known."""
    keys: set[str] = set()
    for document in _pinned_comparisons(store):
        with suppress(BadInput, NetworkUnavailable):  # method or network is gone: its results are pinned by their jobs
            keys |= {cell.spec.key for cell in Comparison.from_document(document).cells()}
    return keys


def _pinned_comparisons(store: Store) -> Iterator[dict[str, Any]]:
    """The comparisons of all galleries as they were kept. Raises BadInput, Damaged."""
    for gallery in galleries(store):
        for entry in gallery.entries:
            yield store.comparison_document(entry.comparison)


def _pinned_jobs(store: Store) -> set[str]:
    """What `_job` makes of each cell of the galleries, in the versions in which they were kept."""
    return {
        _job(method, picture["digest"], network, document["seed"])
        for document in _pinned_comparisons(store)
        for method, picture, network in product(document["methods"], document["pictures"], document["networks"])
    }


def _job(method: Mapping[str, Any], picture: str, network: str, seed: int) -> str:
    """A name for a cell that does not depend on what its method and network are today."""
    return digest_of([method, picture, network.partition("#")[0], seed])


def _stored_job(store: Store, key: str) -> str | None:
    """`_job` of a stored result; None where its manifest is damaged or it is of no single picture and network."""
    manifest = store.manifest(key)
    if manifest is None or manifest.spec["network"] is None or len(manifest.spec["pictures"]) != 1:
        return None
    return _job(manifest.spec["method"], manifest.spec["pictures"][0], manifest.spec["network"], manifest.spec["seed"])


def evict(store: Store, limit_bytes: int) -> list[str]:
    """Delete results, oldest first, until they take at most `limit_bytes`; never one that a gallery refers to.

    The keys that went. Raises BadInput, Damaged, and deletes nothing, where what must be kept cannot be known.
    """
    with store.shelf.locked("galleries"):
        keys, jobs = pinned_keys(store), _pinned_jobs(store)
        sizes = {key: store.result_size_and_time(key) for key in store.result_keys()}
        total = sum(size for size, _ in sizes.values())
        gone = []
        for key in sorted(sizes, key=lambda key: sizes[key][1]):
            if total <= limit_bytes:
                break
            if key not in keys and _stored_job(store, key) not in jobs:
                store.delete_result(key)
                total -= sizes[key][0]
                gone.append(key)
        return gone
