from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.digits import DIGITS
from core.items import Result, Scalar
from core.jobs.comparison import Comparison, DatasetRef, variants
from core.methods import METHODS
from core.presets import DEFAULT_NETWORKS, VARIED, VariedPreset
from core.queue.grid import read_grid
from core.store.sources import known_dataset
from core.store.store import Store
from dashboard.grid.cells import View, grid_data
from dashboard.session import get_queue
from tests.support.kept import PROVENANCE
from tests.support.opened import ENTRY, PATIENCE_S, run_button, shown
from tests.support.squares import squares

DOOR = {"method": "autoencoder", "data": DIGITS, "decoder": "nearest,transposed", "epochs": "3"}


@pytest.fixture
def page(store: Store) -> AppTest:  # noqa: ARG001  the page's own store
    return AppTest.from_file(str(ENTRY), default_timeout=PATIENCE_S)


def submitted(page: AppTest, store: Store) -> Comparison:
    run_button(page).click().run()
    assert not page.exception
    return store.comparison("".join(page.query_params["grid"]))


def test_a_link_opens_the_panel_train_with_a_column_for_each_value(page: AppTest, store: Store) -> None:
    shown(page, DOOR)
    assert run_button(page).label == "Run 2 cells"
    comparison = submitted(page, store)
    assert [method.model_dump()["decoder"] for method in comparison.methods] == ["nearest", "transposed"]
    assert {method.model_dump()["epochs"] for method in comparison.methods} == {3}
    assert comparison.datasets == (DatasetRef(known_dataset(DIGITS, store)[0], DIGITS),)
    assert get_queue().counts()["queued"] == 2


def test_a_grid_of_variants_comes_back_into_the_panel(page: AppTest, store: Store) -> None:
    comparison = submitted(shown(page, DOOR), store)
    again = shown(AppTest.from_file(str(ENTRY), default_timeout=PATIENCE_S), {"grid": comparison.key})
    assert submitted(again, store).key == comparison.key
    assert not any(caption.value.startswith("Settings changed") for caption in again.caption)


@pytest.mark.parametrize("order", [("decoder", "epochs"), ("epochs", "decoder")])
def test_columns_keep_their_order_whichever_parameter_changes_first(
    page: AppTest, store: Store, order: tuple[str, str]
) -> None:
    values = {"decoder": ["nearest", "transposed"], "epochs": [3, 20]}
    methods = variants(METHODS["autoencoder"], {}, {name: values[name] for name in order})
    comparison = Comparison((), (), methods, 0, (DatasetRef(known_dataset(DIGITS, store)[0], DIGITS),))
    store.put_comparison(comparison)
    assert submitted(shown(page, {"grid": comparison.key}), store).key == comparison.key


def test_a_method_trained_with_networks_has_networks_as_columns_and_variants_as_rows(
    page: AppTest, store: Store
) -> None:
    door = {"method": "style_model", "data": DIGITS, "styles": "style:waves", "steps": "10,20"}
    shown(page, door)
    assert run_button(page).label == f"Run {2 * len(DEFAULT_NETWORKS)} cells"
    comparison = submitted(page, store)
    assert comparison.networks == DEFAULT_NETWORKS
    assert sorted(method.model_dump()["steps"] for method in comparison.methods) == [10, 20]
    assert len(list(comparison.cells())) == 2 * len(DEFAULT_NETWORKS)


@pytest.mark.parametrize("preset", VARIED, ids=lambda preset: preset.question)
def test_a_preset_has_a_column_for_each_variant_and_none_twice(preset: VariedPreset) -> None:
    methods = preset.build()
    assert 3 <= len(methods) == len({method.model_dump_json() for method in methods})


def test_the_first_preset_lays_out_all_kinds() -> None:
    kinds = [(one["kind"], one["noise"], one["penalty"]) for one in (m.model_dump() for m in VARIED[0].build())]
    assert kinds == [
        ("plain", "pixels", "l1"), ("denoising", "pixels", "l1"), ("denoising", "patch", "l1"),
        ("sparse", "pixels", "l1"), ("sparse", "pixels", "l2"),
    ]  # fmt: skip


def test_a_number_can_vary_and_a_wrong_value_is_one_sentence(page: AppTest, store: Store) -> None:
    shown(page, DOOR | {"decoder": "nearest", "code_size": "4,8,16"})
    assert [method.model_dump()["code_size"] for method in submitted(page, store).methods] == [4, 8, 16]
    broken = shown(AppTest.from_file(str(ENTRY), default_timeout=PATIENCE_S), DOOR | {"code_size": "4,many"})
    assert len(broken.error) == 1
    assert "many" in broken.error[0].value


def test_without_a_data_set_run_says_what_is_missing(page: AppTest) -> None:
    shown(page, DOOR)
    next(box for box in page.multiselect if box.label == "Data sets").set_value([]).run()
    assert run_button(page).disabled
    assert "data set" in run_button(page).help


@pytest.mark.parametrize("source", ["/etc", "no such", "../x"])
def test_a_link_names_a_data_set_of_the_store_and_never_a_file(page: AppTest, source: str) -> None:
    shown(page, DOOR | {"data": source})
    assert [error.value.replace("\\", "") for error in page.error] == [f"There is no data set '{source}' in this store"]


def test_columns_are_named_by_the_parameters_that_vary(page: AppTest, store: Store) -> None:
    comparison = submitted(shown(page, DOOR), store)
    data = grid_data(read_grid(comparison, store, get_queue()), View("reconstructions"), store)
    assert [column["title"] for column in data["columns"]] == ["decoder nearest", "decoder transposed"]
    assert [(row["title"], len(row["cells"])) for row in data["rows"]] == [(DIGITS, 2)]


def test_a_trained_model_is_offered_by_its_name(page: AppTest, store: Store) -> None:
    comparison = submitted(shown(page, DOOR), store)
    first = next(comparison.cells())
    store.publish(first.spec, Result({"held_out_error": Scalar(value=0.1)}), PROVENANCE)
    reconstructing = shown(AppTest.from_file(str(ENTRY), default_timeout=PATIENCE_S), {"method": "reconstruct"})
    (model,) = [box for box in reconstructing.selectbox if box.label == "Model"]
    assert model.options == ["digits: decoder nearest"]
    assert not reconstructing.error


def test_data_sets_of_one_name_are_told_apart_by_their_digest(page: AppTest, store: Store) -> None:
    digests = [store.inputs.put_dataset(squares(seed=seed), "Squares, 2026") for seed in (0, 1)]
    shown(page, DOOR | {"data": ",".join(digests), "decoder": "nearest"})
    names = [f"Squares, 2026 ({digest[:8]})" for digest in digests]
    (box,) = (box for box in page.multiselect if box.label == "Data sets")
    assert {*names, DIGITS} == {option.replace("\\", "") for option in box.options}
    assert [dataset.name for dataset in submitted(page, store).datasets] == names
