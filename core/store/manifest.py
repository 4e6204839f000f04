"""The page that makes a result folder valid: what was computed, by what, and the checksum of every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.canonical import canonical_json, digest_of, parsed_json
from core.errors import BadInput, Damaged
from core.jobs.spec import SCHEMA, checked_key

FILE_NAME = "manifest.json"


@dataclass(frozen=True)
class StoredFile:
    """A file of a result: its name in the folder, SHA-256 and size."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class StoredItem:
    """An item as the manifest knows it: enough to choose a widget without reading its files."""

    name: str
    kind: str
    meta: dict[str, Any]
    files: tuple[StoredFile, ...]

    def file(self, ending: str) -> StoredFile:
        """The item's file of this ending; KeyError where it has none."""
        for file in self.files:
            if file.name.endswith(f".{ending}"):
                return file
        raise KeyError(f"{self.name} has no .{ending} file")


@dataclass(frozen=True)
class Manifest:
    """What is known of a stored result. `spec` is the job's document, `provenance` what did not decide the result."""

    key: str
    spec: dict[str, Any]
    items: tuple[StoredItem, ...]
    provenance: dict[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        """The scalars by name."""
        return {item.name: item.meta["value"] for item in self.items if item.kind == "scalar"}

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """Every file of the folder but the manifest."""
        return tuple(file for item in self.items for file in item.files)

    def item(self, name: str) -> StoredItem:
        """The item of this name; BadInput where there is none."""
        for item in self.items:
            if item.name == name:
                return item
        raise BadInput(f"this result has no item {name[:80]!r}; it has {', '.join(item.name for item in self.items)}")

    def to_bytes(self) -> bytes:
        """JSON that carries its own checksum."""
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
        return canonical_json({"digest": digest_of(document), "manifest": document})

    @classmethod
    def from_bytes(cls, content: bytes, key: str) -> Manifest:
        """The manifest of `key` again; Damaged where a bit has changed, or it is not ours or another result's."""
        try:
            envelope = parsed_json(content)
            document: Mapping[str, Any] = envelope["manifest"]
            if digest_of(document) != envelope["digest"]:
                raise Damaged("the checksum of a manifest does not hold")
            if digest_of(document["spec"]) != checked_key(document["key"]):
                raise Damaged("a manifest's key is not the hash of its job")
            if document["key"] != key:
                raise Damaged("a manifest lies under another result's key")
            items = tuple(
                StoredItem(i["name"], i["kind"], i["meta"], tuple(StoredFile(**file) for file in i["files"]))
                for i in document["items"]
            )
            return cls(document["key"], document["spec"], items, document["provenance"])
        except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
            raise Damaged(f"a manifest cannot be read: {type(error).__name__}") from None
