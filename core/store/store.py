"""The truth: what goes into jobs, results, comparisons and galleries, each kept under the hash of what decided it.

    results/ab/abcd.../manifest.json + files            comparisons/ab/abcd....json   galleries/....json
    pictures/ videos/ datasets/, see `core/store/inputs.py`   checkpoints/abcd...   shared/abcd...   damaged/   tmp/

A result is visible all at once or not at all, checked when it is read, and set aside when it is damaged.
"""

from __future__ import annotations

import time
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
from core.store.shelf import Shelf, open_shelf


def _nobody_objects() -> None:
    """Publish without a lease."""


class KeptCheckpoint(Checkpoint):
    """How far a job is, in the store: another worker, on another host, goes on from there."""

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
        """The job has ended."""
        self._shelf.delete(self._path)


class Store(Inputs):
    """Everything that is kept, at a folder or a bucket's URL."""

    def __init__(self, place: str | Path, cache: Cache | None = None) -> None:
        super().__init__(open_shelf(place))
        self.cache = cache

    # results

    def has(self, key: str) -> bool:
        """Whether a result is there; does not look whether it is sound."""
        return self.shelf.exists(f"{result_folder(key)}/{FILE_NAME}")

    def manifest(self, key: str) -> Manifest | None:
        """What is known of a result; None where there is none. A damaged manifest is set aside and counts as none."""
        name = f"manifest:{checked_key(key)}"
        if self.cache and (content := self.cache.get(name)):
            if not self.has(key):  # evicted or deleted by another process or host
                self.cache.forget(name)
                return None
            try:
                return Manifest.from_bytes(content, key)
            except Damaged:  # of this host's fast copy; the result itself may be sound
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
        allowed: Callable[[], None] = _nobody_objects,
    ) -> Manifest:
        """Keep a result. `allowed` is asked right before it becomes visible and may raise; then nothing is seen.

        A result that is there already stays as it is. Raises StoreFull, StoreUnreadable.
        """
        items, files = _written(result)
        stamped = {**provenance, "published": now()}
        manifest = Manifest(spec.key, spec.document(), items, stamped)
        files[FILE_NAME] = manifest.to_bytes()
        self.shelf.write_group(result_folder(spec.key), files, last=FILE_NAME, allowed=allowed)
        return self.manifest(spec.key) or manifest

    def read(self, key: str, file_name: str) -> bytes:
        """A file of a result, checked. Raises BadInput (no such file), Damaged (and the result is set aside)."""
        manifest = self.manifest(key)
        if manifest is None:
            raise BadInput(f"there is no result {key}")
        stored = next((file for file in manifest.files if file.name == file_name), None)
        if stored is None:
            raise BadInput(f"result {key[:12]} has no file {file_name[:80]!r}")
        return self._checked(key, stored)

    def _checked(self, key: str, stored: StoredFile) -> bytes:
        try:
            content = self.shelf.read(f"{result_folder(key)}/{stored.name}")
        except FileNotFoundError:
            content = b""
        if sha256_hex(content) != stored.sha256:
            reason = f"the checksum of {stored.name} in result {key[:12]} does not hold"
            self.set_aside(key, reason)
            raise Damaged(f"{reason}; it was set aside, run it again")
        return content

    def item(self, manifest: Manifest, name: str) -> Item:
        """One item with its values, checked. Raises BadInput, Damaged."""
        stored = manifest.item(name)
        files = {file.name.rpartition(".")[2]: self._checked(manifest.key, file) for file in stored.files}
        return KINDS[stored.kind].load(stored.meta, files)

    def result(self, key: str) -> Result | None:
        """The whole result with its values, or None where there is none. Raises Damaged."""
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
        """Move a damaged result out of the way, for a person to look at; it will be computed again."""
        self.forget(key)
        self.shelf.move(result_folder(key), damaged := f"damaged/{time.time_ns()}-result-{checked_key(key)}")
        self.shelf.write(f"{damaged}.txt", reason.encode())

    def delete_result(self, key: str) -> None:
        """No such result any more."""
        self.forget(key)
        self.shelf.delete(result_folder(key))

    def path_of(self, path: str) -> str:
        """Where a file of the store lies, for a person or a program outside: a path or a URL."""
        return self.shelf.place_of(path)

    def result_size_and_time(self, key: str) -> tuple[int, float]:
        """Bytes of a result's files, and when it was written, in seconds since 1970."""
        return self.shelf.size_and_time(result_folder(key))

    def forget(self, key: str) -> None:
        """Drop this host's fast copy of a manifest."""
        if self.cache:
            self.cache.forget(f"manifest:{checked_key(key)}")

    # what long jobs keep until they end

    def checkpoint(self, key: str) -> KeptCheckpoint:
        """Where the job of this key keeps how far it is."""
        return KeptCheckpoint(self.shelf, f"checkpoints/{checked_key(key)}")

    def shared(self, digest: str) -> KeptCheckpoint:
        """A place for what several jobs need and is costly; it can be deleted at any time."""
        return KeptCheckpoint(self.shelf, f"shared/{checked_key(digest)}")

    # comparisons

    def put_comparison(self, comparison: Comparison) -> str:
        """Keep a grid, so that its key is a link; the key."""
        path = comparison_path(comparison.key)
        if not self.shelf.exists(path):
            self.shelf.write(path, canonical_json({"comparison": comparison.document(), "created": now()}))
        return comparison.key

    def comparison(self, key: str) -> Comparison:
        """The grid behind a link, with its methods as they are now: of an earlier version, it has another key today.

        Raises BadLink (no key), BadInput (no such grid, or its method or network is gone), Damaged.
        """
        return Comparison.from_document(self.comparison_document(key))

    def comparison_document(self, key: str) -> dict[str, Any]:
        """The grid as it was kept, checked against its key. Raises BadLink, BadInput (no such grid), Damaged."""
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
        """(key, time of creation) of all grids, newest first; damaged ones are left to fsck."""
        found = []
        for prefix in self.shelf.names("comparisons"):
            for name in self.shelf.names(f"comparisons/{prefix}"):
                try:
                    raw = parsed_json(self.shelf.read(f"comparisons/{prefix}/{name}"))
                    found.append((name.removesuffix(".json"), str(raw["created"])))
                except (FileNotFoundError, ValueError, KeyError, TypeError):
                    continue
        return sorted(found, key=lambda entry: entry[1], reverse=True)


def open_store(settings: Settings) -> Store:
    """The store of these settings, with this host's fast tier in front of it. Raises StoreUnreadable."""
    return Store(settings.store_place, Cache(settings.home / "cache", settings.cache_mb))


def _written(result: Result) -> tuple[tuple[StoredItem, ...], dict[str, bytes]]:
    """The items as the manifest lists them, and all files by name."""
    items, contents = [], {}
    for name, item in result.items.items():
        files = []
        for ending, content in item.files().items():
            file_name = f"{name}.{ending}"
            contents[file_name] = content
            files.append(StoredFile(file_name, sha256_hex(content), len(content)))
        items.append(StoredItem(name, item.kind, item.meta(), tuple(files)))
    if len({item.name for item in items}) != len(items) or FILE_NAME in contents:
        raise StoreError("a result's items need names of their own")
    return tuple(items), contents


def result_folder(key: str) -> str:
    """Where a result lies."""
    return f"results/{checked_key(key)[:2]}/{key}"


def comparison_path(key: str) -> str:
    """Where a comparison lies."""
    return f"comparisons/{checked_key(key)[:2]}/{key}.json"
