"""The store: inputs, results, comparisons and galleries, each under the hash of what decides it.

    results/ab/abcd.../manifest.json + files            comparisons/ab/abcd....json   galleries/....json
    pictures/ videos/ datasets/, see `core/store/inputs.py`   checkpoints/abcd...   shared/abcd...   damaged/   tmp/

A result becomes visible all at once or not at all, is checked when it is read, and is set aside when it is damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.canonical import canonical_json, digest_of, parsed_json, sha256_hex
from core.errors import BadInput, Damaged, StoreError
from core.items import KINDS, Item, Result
from core.jobs.comparison import Comparison
from core.jobs.spec import KEY_PATTERN, JobSpec, checked_key
from core.method_base.method import Checkpoint
from core.settings import Settings
from core.store.cache import Cache
from core.store.inputs import Inputs, now
from core.store.manifest import FILE_NAME, Manifest, StoredFile, StoredItem
from core.store.shelf import Shelf, always_allowed, open_shelf, set_aside


class StoredCheckpoint(Checkpoint):
    """A checkpoint in the store, so that a worker on any host can resume the job."""

    def __init__(self, shelf: Shelf, path: str) -> None:
        self._shelf, self._path = shelf, path

    def read(self) -> bytes | None:
        try:
            return self._shelf.read(self._path)
        except FileNotFoundError:
            return None

    def write(self, content: bytes) -> None:
        self._shelf.write(self._path, content)

    def clear(self) -> None:
        """Delete the checkpoint, once the job has ended."""
        self._shelf.delete(self._path)


class Store:
    """A store in a folder or at a bucket's URL; `inputs` holds its pictures, videos and data sets.

    Raises StoreUnreadable where the folder cannot be used.
    """

    def __init__(self, place: str | Path, cache: Cache | None = None) -> None:
        self.shelf = open_shelf(place)
        self.inputs = Inputs(self.shelf)
        self.cache = cache

    # results

    def has(self, key: str) -> bool:
        """Whether a result is stored; its files are not checked. Raises BadLink."""
        return self.shelf.exists(f"{result_folder(key)}/{FILE_NAME}")

    def manifest(self, key: str) -> Manifest | None:
        """The manifest of a result; None if there is none. A damaged result is set aside and counts as none.

        Raises BadLink, StoreUnreadable.
        """
        name = f"manifest:{checked_key(key)}"
        if self.cache and (content := self.cache.get(name)):
            if not self.has(key):  # evicted or deleted by another process or host
                self.cache.forget(name)
                return None
            try:
                return Manifest.from_bytes(content, key)
            except Damaged:  # only the cached copy; the result itself may be sound
                self.cache.forget(name)
        try:
            manifest = Manifest.from_bytes(self.shelf.read(f"{result_folder(key)}/{FILE_NAME}"), key)
        except FileNotFoundError:
            return None
        except Damaged as error:
            self.set_aside(key, str(error))
            return None
        if self.cache:
            self.cache.set(name, manifest.to_bytes())
        return manifest

    def publish(
        self,
        spec: JobSpec,
        result: Result,
        provenance: Mapping[str, Any],
        allowed: Callable[[], None] = always_allowed,
    ) -> Manifest:
        """Store a result and return its manifest; a result that is there already stays as it is.

        `allowed` is called right before the result becomes visible; when it raises, nothing becomes visible.
        Raises StoreFull, StoreUnreadable, StoreError.
        """
        items, files = _serialized(result)
        stamped = {**provenance, "published": now()}
        manifest = Manifest(spec.key, spec.document(), items, stamped)
        files[FILE_NAME] = manifest.to_bytes()
        self.shelf.write_group(result_folder(spec.key), files, last=FILE_NAME, allowed=allowed)
        return self.manifest(spec.key) or manifest

    def read(self, key: str, file_name: str) -> bytes:
        """A file of a result, checked. Raises BadLink, BadInput (no such file), Damaged (the result is set aside)."""
        manifest = self.manifest(key)
        if manifest is None:
            raise BadInput(f"there is no result {key[:12]}… in this store")
        stored = next((file for file in manifest.files if file.name == file_name), None)
        if stored is None:
            raise BadInput(f"result {key[:12]}… has no file {file_name[:80]!r}")
        return self._checked(key, stored)

    def _checked(self, key: str, stored: StoredFile) -> bytes:
        try:
            content = self.shelf.read(f"{result_folder(key)}/{stored.name}")
        except FileNotFoundError:
            content = b""
        if sha256_hex(content) != stored.sha256:
            reason = f"{stored.name} of result {key[:12]}… does not match its checksum"
            self.set_aside(key, reason)
            raise Damaged(f"{reason}; the result was set aside: run it again")
        return content

    def item(self, manifest: Manifest, name: str) -> Item:
        """One item of a result with its values, checked. Raises BadInput (no such item), Damaged."""
        stored = manifest.item(name)
        files = {file.name.rpartition(".")[2]: self._checked(manifest.key, file) for file in stored.files}
        return KINDS[stored.kind].load(stored.meta, files)

    def result(self, key: str) -> Result | None:
        """A result with all its values, checked; None if there is none. Raises BadLink, Damaged."""
        manifest = self.manifest(key)
        if manifest is None:
            return None
        return Result({item.name: self.item(manifest, item.name) for item in manifest.items})

    def result_keys(self) -> Iterator[str]:
        """The keys of all results."""
        for prefix in self.shelf.names("results"):
            for name in self.shelf.names(f"results/{prefix}"):
                if KEY_PATTERN.fullmatch(name) and name.startswith(prefix):
                    yield name

    def set_aside(self, key: str, reason: str) -> None:
        """Move a damaged result to `damaged/`, with the reason beside it; it will be computed again."""
        self.forget(key)
        set_aside(self.shelf, result_folder(key), "result", reason)

    def delete_result(self, key: str) -> None:
        """Delete a result. Raises BadLink."""
        self.forget(key)
        self.shelf.delete(result_folder(key))

    def path_of(self, path: str) -> str:
        """Full path or URL of a file of the store, for use outside of Gazegrid."""
        return self.shelf.place_of(path)

    def result_size_and_time(self, key: str) -> tuple[int, float]:
        """Size of a result in bytes, and the time of its writing, in seconds since 1970."""
        return self.shelf.size_and_time(result_folder(key))

    def forget(self, key: str) -> None:
        """Delete a manifest from this host's cache. Raises BadLink."""
        if self.cache:
            self.cache.forget(f"manifest:{checked_key(key)}")

    # checkpoints

    def checkpoint(self, key: str) -> StoredCheckpoint:
        """The checkpoint of the job `key`. Raises BadLink."""
        return StoredCheckpoint(self.shelf, f"checkpoints/{checked_key(key)}")

    def shared(self, digest: str) -> StoredCheckpoint:
        """An intermediate result that several jobs share; it can be deleted at any time. Raises BadLink."""
        return StoredCheckpoint(self.shelf, f"shared/{checked_key(digest)}")

    # comparisons

    def put_comparison(self, comparison: Comparison) -> str:
        """Store a comparison, so that its key is a link, and return the key. Raises StoreFull, StoreUnreadable."""
        path = comparison_path(comparison.key)
        if not self.shelf.exists(path):
            self.shelf.write(path, canonical_json({"comparison": comparison.document(), "created": now()}))
        return comparison.key

    def comparison(self, key: str) -> Comparison:
        """The comparison behind a link, with the current versions of its methods; its key may then differ from `key`.

        Raises BadLink, BadInput (none, or its method or network is gone), NetworkUnavailable, Damaged.
        """
        return Comparison.from_document(self.comparison_document(key))

    def comparison_document(self, key: str) -> dict[str, Any]:
        """The comparison as it was stored, checked against its key. Raises BadLink, BadInput (none), Damaged."""
        try:
            document: dict[str, Any] = parsed_json(self.shelf.read(comparison_path(key)))["comparison"]
            sound = digest_of(document) == key
        except FileNotFoundError:
            raise BadInput(f"there is no comparison {key[:12]}… in this store") from None
        except (ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            raise Damaged(f"comparison {key[:12]}… was damaged on disk")
        return document

    def comparisons(self) -> list[tuple[str, str]]:
        """(key, time of creation, ISO 8601) of all comparisons, newest first; damaged ones are left to fsck."""
        entries = []
        for prefix in self.shelf.names("comparisons"):
            for name in self.shelf.names(f"comparisons/{prefix}"):
                try:
                    raw = parsed_json(self.shelf.read(f"comparisons/{prefix}/{name}"))
                    entries.append((name.removesuffix(".json"), str(raw["created"])))
                except (FileNotFoundError, ValueError, KeyError, TypeError):
                    continue
        return sorted(entries, key=lambda entry: entry[1], reverse=True)


def open_store(settings: Settings) -> Store:
    """The store of these settings, with this host's cache in front of it. Raises StoreUnreadable."""
    return Store(settings.store_place, Cache(settings.home / "cache", settings.cache_mb))


def _serialized(result: Result) -> tuple[tuple[StoredItem, ...], dict[str, bytes]]:
    """The items as the manifest lists them, and file name -> content of all their files."""
    items, contents = [], {}
    for name, item in result.items.items():
        files = []
        for ending, content in item.files().items():
            file_name = f"{name}.{ending}"
            contents[file_name] = content
            files.append(StoredFile(file_name, sha256_hex(content), len(content)))
        items.append(StoredItem(name, item.kind, item.meta(), tuple(files)))
    if len({item.name for item in items}) != len(items) or FILE_NAME in contents:
        raise StoreError(f"the items of a result must have unique names other than {FILE_NAME}")
    return tuple(items), contents


def result_folder(key: str) -> str:
    """Folder of a result in the store. Raises BadLink."""
    return f"results/{checked_key(key)[:2]}/{key}"


def comparison_path(key: str) -> str:
    """Path of a comparison in the store. Raises BadLink."""
    return f"comparisons/{checked_key(key)[:2]}/{key}.json"
