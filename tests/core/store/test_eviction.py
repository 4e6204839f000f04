from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput, Damaged
from core.methods import METHODS
from core.store.gallery import add_to_gallery, evict, gallery_path, pinned_keys
from core.store.store import Store, comparison_path
from tests.support.kept import a_comparison, fill


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def total(store: Store) -> int:
    return sum(store.result_size_and_time(key)[0] for key in store.result_keys())


def test_the_oldest_go_first_and_no_more_than_needed(store: Store) -> None:
    keys = [key for seed in range(4) for key in fill(store, a_comparison(store, seed))]
    store_bytes, size_bytes = total(store), store.result_size_and_time(keys[0])[0]
    gone = evict(store, store_bytes - size_bytes - 1)
    assert gone == keys[: len(gone)]
    assert 1 <= len(gone) <= 3
    assert evict(store, total(store)) == []


def test_what_a_gallery_refers_to_stays_even_over_the_limit(store: Store) -> None:
    pinned = a_comparison(store, 1)
    kept = fill(store, pinned)
    others = fill(store, a_comparison(store, 2))
    add_to_gallery(store, "Cats", pinned.key)
    assert sorted(evict(store, 0)) == sorted(others)
    assert sorted(store.result_keys()) == sorted(kept)


@pytest.mark.parametrize("damage", [b"", b"{}", b"garbage", None])
def test_a_damaged_gallery_stops_eviction(store: Store, damage: bytes | None) -> None:
    comparison = a_comparison(store)
    keys = fill(store, comparison)
    gallery = add_to_gallery(store, "Cats", comparison.key)
    if damage is None:
        store.shelf.delete(comparison_path(comparison.key))
    else:
        store.shelf.write(gallery_path(gallery.id), damage)
    with pytest.raises((Damaged, BadInput)):
        evict(store, 0)
    assert sorted(store.result_keys()) == sorted(keys)


def test_a_new_version_of_a_method_unpins_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = a_comparison(store)
    kept = fill(store, comparison)
    add_to_gallery(store, "Cats", comparison.key)
    others = fill(store, a_comparison(store, 2))
    monkeypatch.setattr(METHODS["detail_search"], "version", 99)
    anew = fill(store, store.comparison(comparison.key))
    assert not set(anew) & set(kept)
    assert sorted(evict(store, 0)) == sorted(others)
    monkeypatch.setattr("core.methods.METHODS", {})  # putting one back would change the order of all
    assert evict(store, 0) == anew
    assert sorted(store.result_keys()) == sorted(kept)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_eviction_never_takes_what_a_gallery_refers_to(data: st.DataObject) -> None:
    with TemporaryDirectory() as place:
        store = Store(place)
        comparisons = [a_comparison(store, seed, pictures=1) for seed in range(4)]
        for step in data.draw(st.lists(st.sampled_from(["fill", "pin", "evict"]), min_size=3, max_size=8)):
            comparison = data.draw(st.sampled_from(comparisons))
            if step == "fill":
                fill(store, comparison)
            elif step == "pin":
                add_to_gallery(store, data.draw(st.sampled_from("AB")), comparison.key)
            else:
                before, limit_bytes = set(store.result_keys()), data.draw(st.integers(0, 20_000))
                gone = set(evict(store, limit_bytes))
                assert not gone & pinned_keys(store)
                assert set(store.result_keys()) == before - gone
                assert total(store) <= limit_bytes or before - gone <= pinned_keys(store)
