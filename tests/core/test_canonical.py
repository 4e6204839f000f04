from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_json, digest_of, sealed, sha256_hex, unsealed
from core.errors import Damaged

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_the_text_is_sorted_dense_utf8() -> None:
    assert canonical_json({"b": [1, 2.5, None], "a": {"ü": True}}) == '{"a":{"ü":true},"b":[1,2.5,null]}'.encode()


@given(value=JSON)
def test_reading_the_text_gives_the_value_again(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@given(items=st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(), min_size=2, max_size=6))
def test_the_order_of_the_keys_does_not_matter(items: dict[str, int]) -> None:
    assert digest_of(items) == digest_of(dict(reversed(items.items())))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        canonical_json({"deep": [number]})


@pytest.mark.parametrize("pair", [(1, 1.5), (1, "1"), (0, False), (None, ""), ([1, 2], [2, 1]), ({}, [])])
def test_values_that_differ_have_another_digest(pair: tuple[Any, Any]) -> None:
    assert digest_of(pair[0]) != digest_of(pair[1])


def test_a_digest_is_the_sha256_of_the_text() -> None:
    assert digest_of([1]) == sha256_hex(b"[1]") == hashlib.sha256(b"[1]").hexdigest()


def test_another_process_finds_the_same_digest() -> None:
    value = {name: index for index, name in enumerate("zyxwv")}
    program = f"from core.canonical import digest_of; print(digest_of({value!r}))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == digest_of(value)


@given(JSON)
def test_a_sealed_document_is_read_back(document: Any) -> None:
    assert unsealed("thing", sealed("thing", document)) == document


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (sealed("thing", {"a": 1}).replace(b"1", b"2", 1), "the thing (does not match its checksum|cannot be read)"),
        (canonical_json({"digest": "0" * 64, "thing": {}}), "the thing does not match its checksum"),
        (sealed("other", {}), "the thing cannot be read: KeyError"),
        (b"[]", "the thing cannot be read: TypeError"),
        (b"", "the thing cannot be read: JSONDecodeError"),
        (b"[" * 100_000, "the thing cannot be read: ValueError"),
    ],
)
def test_a_damaged_document_is_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(Damaged, match=f"^{sentence}$"):
        unsealed("thing", content)
