from __future__ import annotations

import pytest

from core.display.glossary import GLOSSARY
from core.display.wording import question
from core.jobs.comparison import has_visual_output
from core.methods import METHODS
from tests.support.opened import opened, texts

pytestmark = pytest.mark.usefixtures("store")


def test_every_method_is_described_with_question_source_and_version() -> None:
    text = texts(opened("methods"))
    for method in METHODS.values():
        assert all(part in text for part in question(method.summary))
        assert f"version {method.version}" in text


def test_every_parameter_has_a_line_with_bounds_and_meaning() -> None:
    page = opened("methods")
    tables = [table.value for table in page.dataframe if "allowed" in table.value.columns]
    assert len(tables) == len(METHODS)
    for table, method in zip(tables, METHODS.values(), strict=True):
        assert list(table["name"]) == list(method.model_fields)
        assert table["allowed"].all()
        assert table["description"].all()


def test_a_method_names_the_families_for_which_it_is_undefined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS["detail_search"], "undefined", {"mixer": "it has no <b>edges</b>"})
    notes = [element.value for element in opened("methods").markdown if "Not defined" in element.value]
    assert ":orange-badge[Not defined for Mixer] it has no \\<b\\>edges\\</b\\>" in notes
    assert len(notes) == sum(len(method.undefined) for method in METHODS.values())


def test_a_method_for_grids_links_to_its_form() -> None:
    links = {link.proto.query_string for link in opened("methods").page_link if "method=" in link.proto.query_string}
    assert links == {f"method={name}" for name, method in METHODS.items() if has_visual_output(method)}


def test_a_method_without_a_place_in_a_grid_shows_its_command() -> None:
    others = [name for name, method in METHODS.items() if not has_visual_output(method)]
    captions = {caption.value for caption in opened("methods").caption}
    assert "train" in others
    assert {f"`gazegrid {name}`" for name in others} <= captions


def test_the_glossary_lists_every_term() -> None:
    (table,) = [table.value for table in opened("methods").dataframe if "Term" in table.value.columns]
    assert dict(zip(table["Term"], table["Meaning"], strict=True)) == GLOSSARY
