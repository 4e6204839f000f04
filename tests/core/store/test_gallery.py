from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import BadInput, BadLink, Damaged
from core.store.gallery import (
    Gallery,
    add_to_gallery,
    checked_name,
    delete_gallery,
    find_gallery,
    galleries,
    gallery_id,
    gallery_path,
    load_gallery,
    pinned_keys,
    remove_from_gallery,
)
from core.store.store import Store
from tests.support.kept import a_comparison, a_gallery, fill


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_name_is_one_gallery(store: Store) -> None:
    first, second = a_comparison(store, 1), a_comparison(store, 2)
    add_to_gallery(store, "Cats", first.key, "one")
    gallery = add_to_gallery(store, "  Cats ", second.key, "two")
    assert [(entry.comparison, entry.note) for entry in gallery.entries] == [(first.key, "one"), (second.key, "two")]
    assert list(galleries(store)) == [gallery]
    assert find_gallery(store, "Cats") == find_gallery(store, gallery.id) == load_gallery(store, gallery.id) == gallery


def test_adding_again_changes_the_note(store: Store) -> None:
    comparison = a_comparison(store)
    add_to_gallery(store, "Cats", comparison.key, "one")
    assert [entry.note for entry in add_to_gallery(store, "Cats", comparison.key, "two").entries] == ["two"]


def test_only_what_the_store_has_can_be_added(store: Store) -> None:
    with pytest.raises(BadInput, match="there is no comparison"):
        add_to_gallery(store, "Cats", "0" * 64)
    assert list(galleries(store)) == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb", "a\x00b", "\u202egpj"])
def test_a_name_that_cannot_be_read_is_refused(store: Store, name: str) -> None:
    with pytest.raises(BadInput, match="1 to 80 printable characters"):
        add_to_gallery(store, name, a_comparison(store).key)


@pytest.mark.parametrize("name", ["../../etc/passwd", "<b>Cats</b>", "猫", "a/b", "con.txt", "0123456789abcdef"])
def test_any_other_name_is_only_a_name(store: Store, name: str) -> None:
    gallery = add_to_gallery(store, name, a_comparison(store).key)
    assert gallery.name == checked_name(name)
    assert list(store.shelf.names("galleries")) == [f"{gallery_id(name)}.json"]
    assert find_gallery(store, name) == gallery


def test_a_note_has_a_bound(store: Store) -> None:
    with pytest.raises(BadInput, match="at most 4000 characters"):
        add_to_gallery(store, "Cats", a_comparison(store).key, "x" * 4001)


@pytest.mark.parametrize("link", ["", "../x", "0" * 15, "G" * 16, "0" * 16 + "\n", None])
def test_a_link_made_by_hand_is_refused(store: Store, link: str) -> None:
    with pytest.raises(BadLink, match="16 hex digits"):
        load_gallery(store, link)


def test_removing_and_deleting_leave_the_results(store: Store) -> None:
    gallery = a_gallery(store, comparisons=2)
    kept = sorted(store.result_keys())
    rest = remove_from_gallery(store, gallery.id, gallery.entries[0].comparison)
    assert rest.entries == gallery.entries[1:]
    delete_gallery(store, gallery.id)
    assert list(galleries(store)) == []
    assert sorted(store.result_keys()) == kept
    with pytest.raises(BadInput, match="there is no gallery"):
        load_gallery(store, gallery.id)


def test_every_flipped_byte_of_a_gallery_is_detected(store: Store) -> None:
    content = a_gallery(store).to_bytes()
    for position in range(len(content)):
        changed = content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
        with pytest.raises(Damaged):
            Gallery.from_bytes(changed)


def test_a_damaged_gallery_pins_nothing_by_mistake(store: Store) -> None:
    gallery = a_gallery(store)
    assert pinned_keys(store) == set(store.result_keys())
    store.shelf.write(gallery_path(gallery.id), b"{}")
    with pytest.raises(Damaged):
        pinned_keys(store)


def test_two_who_add_at_once_lose_nothing(store: Store) -> None:
    keys = [a_comparison(store, seed).key for seed in range(16)]
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda key: add_to_gallery(Store(store.shelf.root), "Cats", key), keys))
    assert {entry.comparison for entry in find_gallery(store, "Cats").entries} == set(keys)


def test_a_gallery_keeps_cells_that_are_not_computed_yet(store: Store) -> None:
    comparison = a_comparison(store)
    add_to_gallery(store, "Cats", comparison.key)
    assert pinned_keys(store) == set(fill(store, comparison))
