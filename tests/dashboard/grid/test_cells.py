from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.display.wording import compact_number, formatted, numbers, question
from core.items import Image, Map, Result
from core.jobs.comparison import Comparison
from core.methods import make_method
from core.queue.grid import CellState, Grid, read_grid
from core.queue.queue import JobState
from core.store.manifest import StoredItem
from core.store.store import Store
from dashboard.grid.cells import View, can_overlay, grid_data, progress_line, scale_among, shared_by, visual_outputs
from dashboard.session import get_queue
from tests.support.kept import PROVENANCE, a_comparison, a_picture, fill
from tests.support.namesakes import NETWORKS, namesakes


@pytest.fixture
def comparison(store: Store) -> Comparison:
    return a_comparison(store)


def with_first(grid: Grid, **changes: Any) -> Grid:
    return replace(grid, cells=(replace(grid.cells[0], **changes), *grid.cells[1:]))


def first_cell(grid: Grid, store: Store, item: str = "remaining") -> dict[str, Any]:
    cell: dict[str, Any] = grid_data(grid, View(item), store)["rows"][0]["cells"][0]
    return cell


def scalar(name: str, value: float) -> StoredItem:
    return StoredItem(name, "scalar", {"value": value, "unit": "share", "caption": ""}, ())


def test_one_row_a_picture_and_one_column_a_network(comparison: Comparison, store: Store) -> None:
    data = grid_data(read_grid(comparison, store, get_queue()), View("remaining"), store)
    assert [row["title"] for row in data["rows"]] == ["picture 0", "picture 1"]
    assert [column["title"] for column in data["columns"]] == ["resnet18", "vit_tiny_patch16_224"]
    assert [len(row["cells"]) for row in data["rows"]] == [2, 2]


def test_columns_and_rows_of_one_name_are_told_apart(store: Store) -> None:
    comparison = namesakes(store)
    fill(store, comparison)
    data = grid_data(read_grid(comparison, store, get_queue()), View("remaining"), store)
    assert [column["title"] for column in data["columns"]] == list(NETWORKS)
    assert len({row["title"] for row in data["rows"]}) == 3
    assert len({cell["alt"] for row in data["rows"] for cell in row["cells"]}) == 6


def test_random_weights_are_noted_in_the_column_and_in_every_cell(comparison: Comparison, store: Store) -> None:
    data = grid_data(read_grid(comparison, store, get_queue()), View("remaining"), store)
    assert {column["note"] for column in data["columns"]} == {"random weights"}
    assert {cell["note"] for row in data["rows"] for cell in row["cells"]} == {"random weights"}


def test_a_done_cell_shows_the_stored_picture_and_its_numbers(comparison: Comparison, store: Store) -> None:
    keys = fill(store, comparison)
    cell = first_cell(read_grid(comparison, store, get_queue()), store)
    assert cell["url"] == f"/api/result/{keys[0]}/remaining.png"
    assert cell["numbers"][0][0] == "Edge energy"
    assert cell["numbers"][-1][:2] == ("Time", "1.5 s")
    assert [action["name"] for action in cell["actions"]] == ["details"]


def test_a_row_shares_one_scale_by_default(comparison: Comparison, store: Store) -> None:
    fill(store, comparison)
    grid = read_grid(comparison, store, get_queue())

    def scales(choice: Any) -> list[set[str]]:
        rows = grid_data(grid, View("destroyed", choice), store)["rows"]
        return [{cell["url"].partition("?")[2] for cell in row["cells"]} for row in rows]

    row, whole, each = scales("row"), scales("grid"), scales("cell")
    assert [len(queries) for queries in row] == [1, 1]
    assert row[0] != row[1]
    assert len(set.union(*whole)) == 1
    assert [len(queries) for queries in each] == [2, 2]


def several(store: Store, comparison: Comparison) -> Grid:
    """Fixations and saliency of two pictures in two networks, the latter's maps 100 times those of the former."""
    methods = (make_method("fixation", {}), make_method("saliency", {}))
    both = replace(comparison, methods=methods)
    for index, cell in enumerate(both.cells()):
        size = (1 + index) * (100 if cell.method == methods[1] else 1)
        item = Map(values=np.full((2, 2), size, np.float32), unit=cell.method.title)
        store.publish(cell.spec, Result({"attribution": item}), PROVENANCE)
    return read_grid(both, store, get_queue())


def test_several_methods_have_rows_and_scales_of_their_own(comparison: Comparison, store: Store) -> None:
    grid = several(store, comparison)
    data = grid_data(grid, View("attribution"), store)
    assert [(row["title"], row["subtitle"]) for row in data["rows"]] == [
        (f"picture {index}", title) for index in range(2) for title in ("Fixations", "Saliency")
    ]
    assert [len(row["cells"]) for row in data["rows"]] == [2] * 4
    assert [(row["scale"]["high"], row["scale"]["unit"]) for row in data["rows"]] == [
        ("2", "Fixations"), ("400", "Saliency"), ("6", "Fixations"), ("800", "Saliency"),
    ]  # fmt: skip
    whole = [row["scale"] for row in grid_data(grid, View("attribution", "grid"), store)["rows"]]
    assert [bar["high"] for bar in whole] == ["6", "800", "6", "800"]
    assert "all rows of Saliency" in whole[1]["title"]


def test_a_single_row_keeps_the_scale_of_the_whole_grid(comparison: Comparison, store: Store) -> None:
    grid = several(store, comparison)
    cell = grid.cells[2].cell
    (row,) = grid_data(grid.row_of(cell), View("attribution", "grid"), store, grid)["rows"]
    assert (row["subtitle"], row["scale"]["high"], len(row["cells"])) == ("Saliency", "800", 2)


@pytest.mark.parametrize("choice", ["row", "grid", "cell"])
def test_an_empty_map_says_so_and_has_no_scale(comparison: Comparison, store: Store, choice: Any) -> None:
    for cell in comparison.cells():
        store.publish(cell.spec, Result({"destroyed": Map(values=np.zeros((4, 4), np.float32))}), PROVENANCE)
    rows = grid_data(read_grid(comparison, store, get_queue()), View("destroyed", choice), store)["rows"]
    assert [row["scale"] for row in rows] == [None, None]
    cells = [cell for row in rows for cell in row["cells"]]
    assert {(cell["scale"], cell["reason"]) for cell in cells} == {(None, "All values are 0: the map marks nothing.")}
    assert all(cell["url"] for cell in cells)


def test_a_number_without_a_meaning_is_a_dash_with_its_reason() -> None:
    meta = {"value": None, "unit": "share", "caption": "", "reason": "one class"}
    assert numbers([StoredItem("accuracy", "scalar", meta, ())]) == [("Accuracy", "- (one class)", "")]
    assert (formatted(None), formatted(float("nan")), formatted(float("inf"), "share")) == ("-", "-", "-")


def test_the_scale_is_shown_with_ends_and_unit(comparison: Comparison, store: Store) -> None:
    fill(store, comparison)
    bar = grid_data(read_grid(comparison, store, get_queue()), View("destroyed"), store)["rows"][0]["scale"]
    assert (bar["low"], bar["unit"]) == ("0", "share")
    assert bar["gradient"].startswith("linear-gradient(")


def test_a_running_cell_shows_step_preview_and_scalars(comparison: Comparison, store: Store) -> None:
    grid = read_grid(comparison, store, get_queue())
    key = grid.cells[0].cell.spec.key
    job = JobState(key, "started", step=120, total=500, scalars={"target_probability": 0.9}, preview=4)
    cell = first_cell(with_first(grid, status="started", job=job), store)
    assert (cell["headline"], cell["progress"]) == ("Step 120 of 500", 0.24)
    assert cell["url"] == f"/api/preview/{key}?n=4"
    assert cell["numbers"][0][:2] == ("Target probability", "0.9")
    assert [action["name"] for action in cell["actions"]] == ["cancel"]


@pytest.mark.parametrize(
    ("status", "headline", "actions"),
    [
        ("queued", "Queued", ["cancel"]), ("started", "Starting", ["cancel"]), ("failed", "Failed", ["retry"]),
        ("canceled", "Canceled", ["run"]), ("absent", "Not computed", ["run"]), ("unknown", "Unknown", []),
        ("undefined", "Not defined here", []),
    ],
)  # fmt: skip
def test_no_cell_is_ever_blank(
    comparison: Comparison, store: Store, status: Any, headline: str, actions: list[str]
) -> None:
    grid = read_grid(comparison, store, get_queue())
    state = replace(grid.cells[0].cell, undefined="Because.")
    cell = first_cell(with_first(grid, status=status, cell=state), store)
    assert cell["headline"] == headline
    assert cell["reason"].endswith(".")
    assert [action["name"] for action in cell["actions"]] == actions


def test_a_failed_cell_gives_the_reason_in_a_sentence(comparison: Comparison, store: Store) -> None:
    grid = read_grid(comparison, store, get_queue())
    job = JobState(grid.cells[0].cell.spec.key, "failed", error="the loss became NaN at step 3")
    assert first_cell(with_first(grid, status="failed", job=job), store)["reason"] == "The loss became NaN at step 3"


def test_a_result_without_the_item_says_so(comparison: Comparison, store: Store) -> None:
    fill(store, comparison)
    assert (
        first_cell(read_grid(comparison, store, get_queue()), store, "animation")["reason"]
        == "This result has no animation."
    )


def test_progress_is_counted_in_words(comparison: Comparison) -> None:
    cell = next(comparison.cells())
    grid = Grid(comparison, tuple(CellState(cell, status) for status in ("done", "started", "queued", "queued")))
    assert progress_line(grid) == "1 of 4 done, 1 running, 2 queued"


def test_only_visual_outputs_are_offered(comparison: Comparison) -> None:
    assert {output.kind for output in visual_outputs(comparison).values()} <= {"image", "map", "points", "animation"}


def test_before_and_after_are_one_line() -> None:
    lines = numbers([scalar("p_before", 0.9), scalar("p_after", 0.5), scalar("edges", 0.25)])
    assert [line[:2] for line in lines] == [("P", "90 % → 50 %"), ("Edges", "25 %")]


def test_a_number_names_its_subject() -> None:
    before, after = scalar("p_before", 0.9), scalar("p_after", 0.5)
    before.meta["subject"] = after.meta["subject"] = "tabby"
    assert numbers([before, after])[0][:2] == ("P of tabby", "90 % → 50 %")


def test_a_summary_is_a_question_and_its_explanation() -> None:
    assert question("What is left? The evidence.") == ("What is left?", "The evidence.")
    assert question("Shows the evidence.") == ("", "Shows the evidence.")


def test_numbers_are_short() -> None:
    assert (formatted(0.12345, "s"), formatted(12345.6), formatted(1.0, "share")) == ("0.123 s", "12,346", "100 %")
    assert (compact_number(25_557_032), compact_number(950)) == ("25.6 M", "950")


def test_a_map_beyond_its_nominal_range_is_drawn_up_to_its_extremes(comparison: Comparison, store: Store) -> None:
    first, second, *_ = comparison.cells()
    for cell, reach in ((first, 0.002), (second, 7.0)):
        values = np.array([[-reach, reach / 2]], np.float32)
        store.publish(
            cell.spec, Result({"destroyed": Map(values=values, low=-1, signed=True, unit="logit")}), PROVENANCE
        )
    grid = read_grid(comparison, store, get_queue())

    def scale(choice: Any) -> tuple[float, float] | None:
        return scale_among(shared_by(grid, first, choice), "destroyed", store)

    assert scale("cell") == pytest.approx((-0.002, 0.002))
    assert (scale("row"), scale("grid")) == ((-7.0, 7.0), (-7.0, 7.0))
    row = grid_data(grid, View("destroyed"), store)["rows"][0]
    assert [cell["url"].partition("?")[2] for cell in row["cells"]] == ["low=-7&high=7"] * 2
    assert scale_among(shared_by(grid, first, "row"), "edge_energy", store) is None


def test_only_the_same_method_shares_a_scale(comparison: Comparison, store: Store) -> None:
    grid = several(store, comparison)
    fixation, saliency = (grid.cells[place].cell for place in (0, 2))
    assert [scale_among(shared_by(grid, fixation, choice), "attribution", store) for choice in ("row", "grid")] == [
        (0.0, 2.0), (0.0, 6.0),
    ]  # fmt: skip
    assert scale_among(shared_by(grid, saliency, "grid"), "attribution", store) == (0.0, 800.0)


def test_a_map_has_the_address_and_unit_of_its_values(comparison: Comparison, store: Store) -> None:
    keys = fill(store, comparison)
    grid = read_grid(comparison, store, get_queue())
    assert first_cell(grid, store, "destroyed")["values"] == {
        "url": f"/api/result/{keys[0]}/destroyed.safetensors", "unit": "share",
    }  # fmt: skip
    assert first_cell(grid, store)["values"] is None


def test_maps_are_overlaid_on_request_where_a_result_stores_the_network_view(
    comparison: Comparison, store: Store
) -> None:
    first, second, *_ = comparison.cells()
    items = {"destroyed": Map(values=np.ones((8, 8), np.float32))}
    view = Image(pixels=a_picture(5, 8).pixels)
    store.publish(first.spec, Result(items | {"original": view}), PROVENANCE)
    store.publish(second.spec, Result(items), PROVENANCE)
    grid = read_grid(comparison, store, get_queue())

    def overlaid(settings: View) -> list[bool]:
        return ["over=1" in cell["url"] for cell in grid_data(grid, settings, store)["rows"][0]["cells"]]

    assert overlaid(View("destroyed", overlay=True)) == [True, False]
    assert overlaid(View("destroyed")) == [False, False]


def test_only_a_map_with_a_stored_network_view_can_be_overlaid(comparison: Comparison) -> None:
    assert can_overlay(comparison, "destroyed")
    assert not can_overlay(comparison, "remaining")
    assert not can_overlay(comparison, "attribution")


def test_terms_are_explained_in_columns_rows_and_numbers(comparison: Comparison, store: Store) -> None:
    fill(store, comparison)
    data = grid_data(read_grid(comparison, store, get_queue()), View("remaining"), store)
    assert ["ViT: Vision transformer" in column["help"] for column in data["columns"]] == [False, True]
    label, _, help_text, is_term = data["rows"][0]["cells"][0]["numbers"][0]
    assert (label, "Edge energy: The mean" in help_text, is_term) == ("Edge energy", True, True)
    both = several(store, comparison)
    rows = grid_data(both, View("attribution"), store)["rows"]
    assert ["Fixations: Pixels" in row["help"] for row in rows] == [True, False] * 2
