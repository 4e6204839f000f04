"""The file that makes a result folder valid: the job, its provenance, and the checksum of every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.canonical import digest_of, sealed, unsealed
from core.errors import BadInput, Damaged
from core.jobs.spec import SCHEMA, checked_key

FILE_NAME = "manifest.json"


@dataclass(frozen=True)
class StoredFile:
    """A file of a result: name in the folder, SHA-256 (64 hex digits) and size in bytes."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class StoredItem:
    """An item as the manifest lists it: enough to choose a widget without reading its files."""

    name: str
    kind: str
    meta: dict[str, Any]
    files: tuple[StoredFile, ...]

    def file(self, ending: str) -> StoredFile:
        """The item's file with this ending (without a dot). Raises KeyError."""
        for file in self.files:
            if file.name.endswith(f".{ending}"):
                return file
        raise KeyError(f"{self.name} has no .{ending} file")


@dataclass(frozen=True)
class Manifest:
    """The description of a stored result.

    `spec`: the job's document, which decides the result; `provenance`: when, where and with what it was computed.
    """

    key: str
    spec: dict[str, Any]
    items: tuple[StoredItem, ...]
    provenance: dict[str, Any]

    @property
    def metrics(self) -> dict[str, float | None]:
        """Name -> value of each scalar; None where it has no meaning."""
        return {item.name: item.meta["value"] for item in self.items if item.kind == "scalar"}

    @property
    def reasons(self) -> dict[str, str]:
        """Name -> reason of each scalar that has no meaning."""
        scalars = {item.name: item.meta for item in self.items if item.kind == "scalar"}
        return {name: meta.get("reason", "") for name, meta in scalars.items() if meta["value"] is None}

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """All files of the result's folder except the manifest."""
        return tuple(file for item in self.items for file in item.files)

    def item(self, name: str) -> StoredItem:
        """The item of this name. Raises BadInput."""
        for item in self.items:
            if item.name == name:
                return item
        raise BadInput(f"this result has no item {name[:80]!r}; it has {', '.join(item.name for item in self.items)}")

    def to_bytes(self) -> bytes:
        """The manifest as JSON with its own checksum."""
        document = {
            "schema": SCHEMA,
            "key": self.key,
            "spec": self.spec,
            "items": [
                {"name": i.name, "kind": i.kind, "meta": i.meta, "files": [vars(file) for file in i.files]}
                for i in self.items
            ],
            "provenance": self.provenance,
        }
        return sealed("manifest", document)

    @classmethod
    def from_bytes(cls, content: bytes, key: str) -> Manifest:
        """The manifest that `to_bytes` wrote for the result `key`. Raises Damaged."""
        document: Mapping[str, Any] = unsealed("manifest", content)
        try:
            if digest_of(document["spec"]) != checked_key(document["key"]):
                raise Damaged("the manifest's key is not the hash of its job")
            if document["key"] != key:
                raise Damaged("the manifest belongs to another result")
            items = tuple(
                StoredItem(i["name"], i["kind"], i["meta"], tuple(StoredFile(**file) for file in i["files"]))
                for i in document["items"]
            )
            return cls(document["key"], document["spec"], items, document["provenance"])
        except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
            raise Damaged(f"the manifest cannot be read: {type(error).__name__}") from None
