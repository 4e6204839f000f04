"""Canonical JSON: equal values give the same bytes, so that a hash can serve as a name."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from core.errors import Damaged


def canonical_json(value: Any) -> bytes:
    """`value` as UTF-8 JSON with sorted keys and no spaces. Raises ValueError for NaN and infinities."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def parsed_json(content: bytes) -> Any:
    """The value of a JSON text. Raises ValueError for anything else, also for one that is nested too deeply."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`, 64 hex digits."""
    return sha256_hex(canonical_json(value))


def sealed(kind: str, document: Any) -> bytes:
    """`document` under the name `kind` as JSON with its own checksum."""
    return canonical_json({"digest": digest_of(document), kind: document})


def unsealed(kind: str, content: bytes) -> Any:
    """The document that `sealed` wrote. Raises Damaged."""
    try:
        envelope = parsed_json(content)
        document = envelope[kind]
        sound = digest_of(document) == envelope["digest"]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"the {kind} cannot be read: {type(error).__name__}") from None
    if not sound:
        raise Damaged(f"the {kind} does not match its checksum")
    return document
