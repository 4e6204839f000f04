from __future__ import annotations

import json
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.canonical import canonical_json, digest_of
from core.display.headings import parameters_line
from core.export.page import export_html
from core.items import Image, Map, Result
from core.methods import make_method
from core.queue.grid import read_grid, submit_grid
from core.settings import Settings
from core.store.gallery import add_to_gallery, find_gallery
from core.store.store import Store, comparison_path
from dashboard.grid import live
from dashboard.session import get_queue
from dashboard.views.recent import cards, recent_comparisons
from dashboard.views.sharing import single
from tests.dashboard.conftest import use
from tests.support.archives import exported
from tests.support.kept import NETWORKS, PROVENANCE, a_comparison, fill
from tests.support.opened import ENTRY, PATIENCE_S, run_button, shown, texts

DOOR = {"method": "detail_search", "pictures": "sample:cat,sample:coffee", "networks": ",".join(NETWORKS), "steps": "7"}


@pytest.fixture
def page(store: Store) -> AppTest:  # noqa: ARG001  the page asks for the same store
    return AppTest.from_file(str(ENTRY), default_timeout=PATIENCE_S)


def test_the_first_page_explains_the_start_and_has_nothing_to_run(page: AppTest) -> None:
    shown(page, {})
    assert any("No comparison yet" in caption.value for caption in page.caption)
    assert run_button(page).disabled


def test_a_link_prefills_the_form_and_run_makes_the_grid_and_its_link(page: AppTest, store: Store) -> None:
    shown(page, DOOR)
    assert run_button(page).label == "Run 4 cells"
    run_button(page).click().run()
    assert not page.exception
    comparison = store.comparison(page.query_params["grid"])
    assert [ref.name for ref in comparison.pictures] == ["sample:cat", "sample:coffee"]
    assert comparison.methods[0].model_dump()["steps"] == 7
    assert {state.status for state in read_grid(comparison, store, get_queue()).cells} == {"queued"}


def test_a_link_to_a_method_without_a_place_in_a_grid_gets_a_sentence(page: AppTest) -> None:
    shown(page, {"method": "train", "epochs": "3"})
    assert page.error[0].value.startswith("Train a network yields no image")
    (method,) = [box for box in page.selectbox if box.label == "Method"]
    assert method.value == "detail_search"


def test_the_same_run_twice_is_one_grid_and_one_job_a_cell(page: AppTest) -> None:
    shown(page, DOOR)
    run_button(page).click().run()
    key = page.query_params["grid"]
    run_button(page).click().run()
    assert page.query_params["grid"] == key
    assert get_queue().counts()["queued"] == 4


def test_the_page_is_rebuilt_from_its_link_alone(page: AppTest, store: Store) -> None:
    comparison = a_comparison(store, steps=9)
    fill(store, comparison)
    shown(page, {"grid": comparison.key})
    assert "4 of 4 done" in [caption.value for caption in page.caption]
    assert run_button(page).label == "Run 4 cells"
    assert next(field for field in page.number_input if field.label.startswith("Steps")).value == 9


def test_one_changed_parameter_makes_another_grid_of_the_same_pictures(page: AppTest, store: Store) -> None:
    comparison = a_comparison(store)
    shown(page, {"grid": comparison.key})
    next(field for field in page.number_input if field.label.startswith("Steps")).set_value(11)
    run_button(page).click().run()
    changed = store.comparison(page.query_params["grid"])
    assert changed.key != comparison.key
    assert (changed.pictures, changed.networks) == (comparison.pictures, comparison.networks)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"grid": "abc"}, "This link is incomplete: no comparison has this address"),
        ({"gallery": "abc"}, "This link is incomplete: no comparison has this address"),
        ({"grid": "0" * 64}, "There is no comparison 000000000000… in this store"),
        ({"networks": "lite/nothing"}, "There is no network 'lite/nothing'"),
        ({"method": "<b>"}, "There is no method '<b>'"),
        ({"pictures": "/etc/passwd"}, "A link names pictures as sample:NAME or result:KEY/ITEM, got '/etc/passwd'"),
        ({"pictures": "sample:nobody"}, "There is no sample picture 'nobody'"),
        ({"beside": "train"}, "Train a network yields no image"),
        ({"beside": "nothing"}, "There is no method 'nothing'"),
        ({"seed": "-1"}, "seed must be a whole number"),
        ({"method": "detail_search", "steps": "nan"}, "steps must be"),
        ({"method": "detail_search", "stepz": "1"}, "detail_search has no parameter 'stepz'"),
    ],
)  # fmt: skip
def test_a_link_made_by_hand_gets_one_sentence(page: AppTest, query: dict[str, str], sentence: str) -> None:
    shown(page, query)
    assert len(page.error) == 1
    assert page.error[0].value.replace("\\", "").startswith(sentence)


@pytest.mark.parametrize(
    ("view", "kind"),
    [
        ("Images", "bidi_component"), ("Curves", "plotly_chart"), ("Raw values", "plotly_chart"),
        ("All items", "plotly_chart"), ("Provenance and files", "link_button"),
    ],
)  # fmt: skip
def test_details_show_numbers_and_each_part(page: AppTest, store: Store, view: str, kind: str) -> None:
    comparison = a_comparison(store)
    shown(page, {"grid": comparison.key, "cell": fill(store, comparison, full=True)[0], "view": view})
    assert page.main.get(kind)
    assert any(metric.label == "Probability" for metric in page.metric)


@pytest.mark.parametrize(("drawn", "overlay"), [("Overlay", True), ("Map only", False), ("<b>", False)])
def test_an_address_overlays_maps_in_the_grid_and_in_the_slider(
    page: AppTest, store: Store, drawn: str, overlay: bool
) -> None:
    comparison = a_comparison(store, pictures=1)
    view = Image(pixels=np.zeros((2, 2, 3), np.uint8))
    items = {"remaining": view, "original": view, "destroyed": Map(values=np.ones((2, 2), np.float32))}
    key = store.publish(next(comparison.cells()).spec, Result(items), PROVENANCE).key
    settings = {"item": "Destroyed", "view": "Images", "drawn": drawn}
    shown(page, {"grid": comparison.key, "cell": key} | settings)
    drawings = [
        part for part in map(str, (component.proto for component in page.get("bidi_component"))) if "/api/map/" in part
    ]
    assert ["over=1" in part for part in drawings] == [overlay, overlay]
    assert [box.value for box in page.selectbox if box.label in ("Left", "Right")] == ["original", "destroyed"]


@pytest.mark.parametrize(("choice", "reach"), [("Row", 300.0), ("Cell", 0.25)])
def test_raw_values_have_the_scale_of_the_row_by_default(
    page: AppTest, store: Store, choice: str, reach: float
) -> None:
    comparison = a_comparison(store, pictures=1)
    for cell, greatest in zip(comparison.cells(), (0.25, 300.0), strict=True):
        values = np.array([[greatest, 0]], np.float32)
        store.publish(cell.spec, Result({"destroyed": Map(values=values, low=-1, signed=True)}), PROVENANCE)
    first = next(comparison.cells()).spec.key
    shown(page, {"grid": comparison.key, "cell": first, "view": "Raw values", "item": "Destroyed", "scale": choice})
    (drawn,) = json.loads(page.get("plotly_chart")[0].proto.spec)["data"]
    assert (drawn["zmin"], drawn["zmax"]) == (-reach, reach)


def test_a_cell_of_another_grid_is_rejected_with_a_sentence(page: AppTest, store: Store) -> None:
    shown(page, {"grid": a_comparison(store).key, "cell": "1" * 64})
    assert "This link is incomplete: no cell of this comparison has this address" in texts(page)


def test_without_redis_stored_results_appear_and_a_submit_fails_within_3_s(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    comparison = a_comparison(store)
    fill(store, comparison)
    away = settings.model_copy(update={"redis_url": None})
    monkeypatch.delenv("GAZEGRID_REDIS_URL")
    use(away, monkeypatch)
    page = shown(AppTest.from_file(str(ENTRY), default_timeout=PATIENCE_S), {"grid": comparison.key})
    assert "4 of 4 done" in [caption.value for caption in page.caption]
    next(field for field in page.number_input if field.label.startswith("Steps")).set_value(11)
    start = time.monotonic()
    run_button(page).click().run()
    assert time.monotonic() - start < 6  # a submit of 3 s at most, and the page
    assert "Redis cannot be reached" in page.error[0].value


def test_a_rerun_of_a_full_grid_reads_no_result_files(
    page: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = a_comparison(store, pictures=4)
    fill(store, comparison)
    shown(page, {"grid": comparison.key, "item": "Destroyed"})
    monkeypatch.setattr(Store, "read", None)
    page.run()
    assert not page.exception
    assert "8 of 8 done" in [caption.value for caption in page.caption]


def test_recent_comparisons_are_links_with_escaped_names(store: Store) -> None:
    comparison = a_comparison(store)
    recent = [(comparison, "2026-11-21T10:00:00+00:00")]
    assert [entry.key for entry, _ in recent_comparisons(store).entries] == [comparison.key]
    evil = type(comparison.pictures[0])(comparison.pictures[0].digest, "<img src=x onerror=alert(1)>'\"")
    page = cards([(type(comparison)((evil,), comparison.networks, comparison.methods), recent[0][1])])
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def kept_of_old(store: Store, **changed: object) -> str:
    """A comparison as an earlier Gazegrid would have kept it, its method's document changed; its key."""
    document = a_comparison(store).document()
    document["methods"][0] |= changed
    key = digest_of(document)
    store.shelf.write(comparison_path(key), canonical_json({"comparison": document, "created": "2026-01-01T00:00:00"}))
    return key


def test_an_earlier_comparison_that_cannot_be_rebuilt_is_listed_with_the_reason(page: AppTest, store: Store) -> None:
    kept_of_old(store, parameters={"sharpness": 1})
    shown(page, {})
    assert [expander.label for expander in page.expander if "cannot be displayed" in expander.label] != []
    assert any("no parameter" in text.value and "sharpness" in text.value for text in page.markdown)


def test_a_link_of_an_older_version_says_so(page: AppTest, store: Store) -> None:
    shown(page, {"grid": kept_of_old(store, version=0)})
    assert "an older version of this method" in page.info[0].value


def test_a_changed_panel_says_that_settings_changed_since_the_grid_was_computed(page: AppTest, store: Store) -> None:
    shown(page, {"grid": a_comparison(store).key})
    assert not any(caption.value.startswith("Settings changed") for caption in page.caption)
    next(field for field in page.number_input if field.label.startswith("Steps")).set_value(11).run()
    assert any(caption.value.startswith("Settings changed") for caption in page.caption)


def test_parameters_are_listed_with_readable_values() -> None:
    method = make_method("class_image", {"judges": "random/resnet18", "l2_penalty": 0.5, "class_name": "tabby"})
    assert parameters_line(method) == "class_name = tabby, judges = resnet18, l2_penalty = 0.5"


def test_a_comparison_is_saved_and_exported_without_being_in_a_gallery(page: AppTest, store: Store) -> None:
    add_to_gallery(store, "Cats & dogs", a_comparison(store, seed=1).key)
    comparison = a_comparison(store)
    fill(store, comparison)
    shown(page, {"grid": comparison.key})
    assert [button.proto.label for button in page.get("download_button")] == [
        "HTML page", "Zip archive",
    ]  # fmt: skip
    assert b"<html" in export_html(store, single(comparison))[:200]
    assert exported(store, single(comparison)).startswith(b"PK")
    next(button for button in page.button if button.label == "Save to gallery").click().run()
    assert find_gallery(store, "Cats & dogs").entries[-1].comparison == comparison.key


def test_a_grid_without_a_worker_says_so(page: AppTest) -> None:
    shown(page, DOOR)
    run_button(page).click().run()
    assert any("no worker is running" in caption.value for caption in page.caption)


def test_a_cell_can_be_canceled_and_run_again_and_a_strangers_key_does_nothing(store: Store) -> None:
    comparison = a_comparison(store, pictures=1)
    submit_grid(comparison, store, get_queue())
    key = next(comparison.cells()).spec.key

    def status() -> str:
        return read_grid(comparison, store, get_queue()).cells[0].status

    for action, after in (("cancel", "canceled"), ("run", "queued"), ("cancel", "canceled"), ("retry", "queued")):
        live.perform(comparison, {"action": action, "key": key})
        assert status() == after
    live.perform(comparison, {"action": "cancel", "key": "0" * 64})
    assert status() == "queued"
