from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from core.display.headings import cell_name, cell_names, column_headings, row_names
from core.display.wording import network_names, picture_names, reference
from core.export.page import export_html
from core.settings import get_settings
from core.store.gallery import add_to_gallery
from core.store.store import Store
from tests.support.archives import exported, imported
from tests.support.kept import a_comparison, fill
from tests.support.namesakes import NETWORKS, namesakes


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("GAZEGRID_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield Store(tmp_path / "store")
    get_settings.cache_clear()


def test_names_stay_short_where_no_other_has_them() -> None:
    assert network_names(["bundled/vit", "random/resnet18"]) == {"bundled/vit": "vit", "random/resnet18": "resnet18"}
    assert picture_names({"1" * 64: "sample:cat", "2" * 64: "dog.png"}) == {"1" * 64: "cat", "2" * 64: "dog.png"}


def test_names_that_several_share_are_told_apart() -> None:
    names = network_names(["local/vit", "bundled/vit", "bundled/cnn", "local/vit"])
    assert names == {"local/vit": "local/vit", "bundled/vit": "bundled/vit", "bundled/cnn": "cnn"}
    assert picture_names({"1" * 64: "sample:cat", "2" * 64: "cat"}) == {
        "1" * 64: "cat (11111111)",
        "2" * 64: "cat (22222222)",
    }


def test_an_identity_is_a_name_also_with_spaces() -> None:
    assert reference("local/mein Netz é#0123456789abcdef") == "mein Netz é"
    assert reference("a path/of steps#12") == "a path/of steps#12"


def test_columns_rows_and_cells_of_namesakes_are_all_different(store: Store) -> None:
    comparison = namesakes(store)
    assert [heading.title for heading in column_headings(comparison)] == list(NETWORKS)
    first, second, third = row_names(comparison).values()
    assert first != second
    assert third == "dog.png"
    assert first == f"cat.png ({comparison.pictures[0].digest[:8]})"
    names = cell_names(comparison)
    assert len(set(names)) == 6
    assert names == [cell_name(comparison, cell) for cell in comparison.cells()]
    assert names[1] == f"{first} in local/test_resnet"


def test_an_exported_page_and_an_imported_archive_tell_them_apart(store: Store, tmp_path: Path) -> None:
    comparison = namesakes(store)
    fill(store, comparison)
    gallery = add_to_gallery(store, "Namesakes", comparison.key, "")
    elsewhere = Store(tmp_path / "elsewhere")
    imported(elsewhere, exported(store, gallery))
    for place in (store, elsewhere):
        text = unescape(export_html(place, gallery).decode())
        for name in (*NETWORKS, *row_names(comparison).values()):
            assert name in text
        described = re.findall(r'alt="Remaining: ([^"]*)"', text)
        assert sorted(described) == sorted(cell_names(comparison))


def test_rows_without_namesakes_have_their_plain_names(store: Store) -> None:
    assert list(row_names(a_comparison(store)).values()) == ["picture 0", "picture 1"]
