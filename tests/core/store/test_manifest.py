from pathlib import Path

import pytest

from core.errors import BadInput, Damaged
from core.store.manifest import Manifest
from core.store.store import Store
from tests.support.kept import a_comparison, fill


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    store = Store(tmp_path)
    found = store.manifest(fill(store, a_comparison(store), full=True)[0])
    assert found is not None
    return found


def test_a_manifest_is_read_back_unchanged(manifest: Manifest) -> None:
    assert Manifest.from_bytes(manifest.to_bytes(), manifest.key) == manifest


def test_metrics_are_the_scalars(manifest: Manifest) -> None:
    assert set(manifest.metrics) == {"edge_energy", "probability_before", "probability_after"}
    assert manifest.metrics["probability_after"] == 0.95


def test_an_item_by_name_and_its_file(manifest: Manifest) -> None:
    assert manifest.item("remaining").file("png").name == "remaining.png"
    with pytest.raises(BadInput, match="no item 'right'; it has remaining, destroyed"):
        manifest.item("right")
    with pytest.raises(KeyError):
        manifest.item("remaining").file("webp")


def test_every_flipped_byte_is_detected(manifest: Manifest) -> None:
    content = manifest.to_bytes()
    for position in range(0, len(content), 5):
        changed = content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
        with pytest.raises(Damaged):
            Manifest.from_bytes(changed, manifest.key)


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"{}", b'{"manifest": 1, "digest": 2}', b"\xff\xfe", b"[" * 9999]
)
def test_what_is_no_manifest_is_damaged(content: bytes) -> None:
    with pytest.raises(Damaged):
        Manifest.from_bytes(content, "0" * 64)


def test_another_results_manifest_is_damaged(manifest: Manifest) -> None:
    with pytest.raises(Damaged, match="belongs to another result"):
        Manifest.from_bytes(manifest.to_bytes(), "0" * 64)
