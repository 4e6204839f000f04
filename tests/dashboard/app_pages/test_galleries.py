from __future__ import annotations

from pathlib import Path

import pytest

from core.store.gallery import Gallery, add_to_gallery, gallery_path, load_gallery, readable_galleries
from core.store.manifest import FILE_NAME
from core.store.store import Store, result_folder
from dashboard.views.gallery import file_name, thumbnail_grid
from tests.support.archives import exported
from tests.support.kept import a_comparison, a_gallery, fill
from tests.support.opened import opened, press, texts


def links(page: object) -> list[str]:
    return [link.value.replace("\\", "") for link in page.page_link]


def test_an_empty_store_explains_how_to_make_a_gallery(store: Store) -> None:  # noqa: ARG001
    assert "open a comparison and press Save" in texts(opened("galleries"))


def test_galleries_are_listed_and_a_damaged_one_hides_no_other(store: Store) -> None:
    gallery, damaged = a_gallery(store, "Cats", 2), a_gallery(store, "Dogs")
    store.shelf.write(gallery_path(damaged.id), b"{}")
    page = opened("galleries")
    assert "**Cats**" in links(page)
    assert "2 comparisons" in texts(page)
    assert f"{damaged.id}.json: the gallery cannot be read" in texts(page)
    assert gallery.name == "Cats"


def test_a_gallery_opens_by_its_link_with_notes_and_grids(store: Store) -> None:
    gallery = a_gallery(store, "Cats", 2)
    page = opened("galleries", gallery=gallery.id)
    assert page.title[0].value == "Cats"
    assert [text.value for text in page.text] == ["note 0", "note 1"]
    grids = [element.proto.body for element in page.get("html")]
    assert [entry.comparison in grid for entry, grid in zip(gallery.entries, grids, strict=True)] == [True, True]
    queries = {link.proto.query_string for link in page.page_link}
    assert {f"grid={entry.comparison}" for entry in gallery.entries} <= queries


@pytest.mark.parametrize(
    ("link", "sentence"),
    [("x", "This link is incomplete: no gallery has this address"), ("0" * 16, "There is no gallery")],
)
def test_a_link_made_by_hand_gets_one_sentence(store: Store, link: str, sentence: str) -> None:  # noqa: ARG001
    page = opened("galleries", gallery=link)
    assert len(page.error) == 1
    assert page.error[0].value.replace("\\", "").startswith(sentence)


def test_a_note_is_changed_in_its_place(store: Store) -> None:
    gallery = a_gallery(store, "Cats", 2)
    page = opened("galleries", gallery=gallery.id)
    page.text_area[0].set_value("<b>whiskers</b>\nand ears")
    press(page, "Save note")
    assert [entry.note for entry in load_gallery(store, gallery.id).entries] == ["<b>whiskers</b>\nand ears", "note 1"]
    assert page.text[0].value == "<b>whiskers</b>\nand ears"


def test_a_comparison_is_removed_after_a_confirmation(store: Store) -> None:
    gallery = a_gallery(store, "Cats", 2)
    page = press(opened("galleries", gallery=gallery.id), "Remove comparison")
    assert load_gallery(store, gallery.id).entries == gallery.entries[1:]
    assert len(page.text) == 1


def test_a_gallery_is_deleted_after_a_confirmation(store: Store) -> None:
    gallery = a_gallery(store)
    page = opened("galleries", gallery=gallery.id)
    assert "Delete **Cats**?" in texts(page)
    press(page, "Delete gallery")
    assert readable_galleries(store) == ([], {})
    assert len(list(store.result_keys())) == 4


def test_an_exported_zip_comes_back_by_upload(store: Store) -> None:
    gallery = a_gallery(store)
    data = exported(store, gallery)
    store.shelf.delete(gallery_path(gallery.id))
    page = opened("galleries")
    page.file_uploader[0].upload("cats.zip", data)
    press(page, "Import")
    assert "Cats was imported with 1 comparison." in texts(page)
    assert load_gallery(store, gallery.id) == gallery


@pytest.mark.parametrize("cut", [0.5, 0.0])
def test_a_bad_zip_is_one_sentence_and_nothing_is_taken_in(store: Store, tmp_path: Path, cut: float) -> None:
    data = exported(elsewhere := Store(tmp_path / "elsewhere"), a_gallery(elsewhere))
    page = opened("galleries")
    page.file_uploader[0].upload("cats.zip", data[: int(len(data) * cut)] or b"no zip")
    press(page, "Import")
    assert "Nothing was imported: this is not a gallery's zip" in texts(page)
    assert readable_galleries(store) == ([], {})
    assert list(store.result_keys()) == []


def test_a_comparison_that_is_gone_can_still_be_removed(store: Store) -> None:
    gallery = a_gallery(store, "Cats", 2)
    lost = gallery.entries[0].comparison
    store.shelf.delete(f"comparisons/{lost[:2]}/{lost}.json")
    page = opened("galleries", gallery=gallery.id)
    assert "There is no comparison" in texts(page)
    press(page, "Remove comparison")
    assert len(load_gallery(store, gallery.id).entries) == 1


def test_the_small_grid_has_words_where_there_is_no_result(store: Store) -> None:
    comparison = a_comparison(store)
    keys = fill(store, comparison)
    store.delete_result(keys[0])
    (Path(store.shelf.root) / result_folder(keys[1]) / FILE_NAME).write_bytes(b"{}")
    store.forget(keys[1])
    html = thumbnail_grid(comparison, store)
    assert html.count("not computed") == 2
    assert html.count("<img") == 2 + 2


def test_names_in_the_small_grid_are_only_names(store: Store) -> None:
    comparison = a_comparison(store)
    evil = type(comparison.pictures[0])(comparison.pictures[0].digest, "'><img src=x onerror=alert(1)>")
    html = thumbnail_grid(type(comparison)((evil,), comparison.networks, comparison.methods), store)
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


@pytest.mark.parametrize(
    ("name", "exported"), [("Cats & dogs!", "gazegrid-cats-dogs.zip"), ("../../etc", "gazegrid-etc.zip")]
)
def test_an_export_has_a_portable_file_name(name: str, exported: str) -> None:
    assert file_name(Gallery(name), "zip") == exported
    assert file_name(Gallery("猫"), "zip") == f"gazegrid-{Gallery('猫').id}.zip"


def test_a_galleries_name_is_never_markup(store: Store) -> None:
    gallery = add_to_gallery(store, "<script>x</script> **b**", a_comparison(store).key)
    page = opened("galleries", gallery=gallery.id)
    assert page.title[0].value == "\\<script\\>x\\</script\\> \\*\\*b\\*\\*"
