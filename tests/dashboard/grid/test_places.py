from __future__ import annotations

import numpy as np
import pytest

from core.items import Image, Map, Points, Result
from core.jobs.comparison import Cell, Comparison
from core.methods import make_method
from core.queue.grid import look
from core.store.store import Store
from dashboard.grid import places
from dashboard.grid.places import at_place, place_of
from dashboard.session import get_queue
from tests.support.kept import PROVENANCE, a_comparison, a_picture
from tests.support.opened import opened, press, texts


@pytest.fixture
def comparison(store: Store) -> Comparison:
    """Fixations beside occlusion and attention rollout, which knows no neurons, of two pictures."""
    one = a_comparison(store)
    methods = tuple(make_method(name, {}) for name in ("fixation", "occlusion", "attention_rollout"))
    asked = Comparison(one.pictures, one.networks, methods)
    store.put_comparison(asked)
    return asked


def publish(store: Store, cell: Cell) -> str:
    """A result as fixations give it: the picture as the network saw it, a map and points."""
    items = {
        "attribution": Map(values=np.ones((8, 8), np.float32)),
        "fixations": Points(xy=np.array([[2.5, 4.5]], np.float32), width=8, height=8, weights=np.ones(1, np.float32)),
        "original": Image(pixels=a_picture(5, 8).pixels),
    }
    return store.publish(cell.spec, Result(items), PROVENANCE).key


def test_a_place_asks_the_same_of_its_neuron_in_the_picture_that_was_clicked(comparison: Comparison) -> None:
    asked = at_place(comparison, next(comparison.cells()), 0.52341, 0.25)
    assert (asked.pictures, asked.networks) == (comparison.pictures[:1], comparison.networks)
    assert [method.name for method in asked.methods] == ["fixation", "occlusion"]
    told = [method.model_dump(include={"explain", "x", "y", "at", "depth"}) for method in asked.methods]
    assert told == [{"explain": "neuron", "x": 0.523, "y": 0.25, "at": "depth", "depth": 50}] * 2


def test_a_place_keeps_the_layer_and_the_channel_of_a_unit_and_all_else(comparison: Comparison) -> None:
    given = {"explain": "channel", "depth": 75, "channel": 3, "mode": "paper"}
    unit = Comparison(comparison.pictures, comparison.networks, (make_method("fixation", given),), seed=4)
    (method,) = (asked := at_place(unit, next(unit.cells()), 0.1, 0.9)).methods
    assert method == make_method("fixation", given | {"explain": "neuron", "x": 0.1, "y": 0.9})
    assert asked.seed == 4


def test_the_place_of_a_click_is_a_share_of_the_picture() -> None:
    assert place_of([{"x": 56.0, "y": 168.0}], 224, 224) == (0.25, 0.75)
    assert place_of([{"x": -3, "y": 300}], 224, 224) == (0.0, 1.0)
    assert place_of([], 224, 224) is None


def test_a_cell_invites_to_click_and_shows_where_its_points_are(comparison: Comparison, store: Store) -> None:
    key = publish(store, next(comparison.cells()))
    assert "click into its picture" in texts(opened("compare", grid=comparison.key))
    page = opened("compare", grid=comparison.key, cell=key)
    assert "Click anywhere in the picture" in texts(page)
    assert "at 50 % of the depth of resnet18" in texts(page)
    assert len(page.get("plotly_chart")) == 1


def test_a_method_without_neurons_invites_to_nothing(store: Store) -> None:
    assert "click" not in texts(opened("compare", grid=a_comparison(store).key)).lower()


def test_a_click_asks_and_its_grid_leads_back(
    comparison: Comparison, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    address: dict[str, str] = {"item": "Fixations", "cell": "of the grid before"}
    monkeypatch.setattr(places.st, "query_params", address)
    cell = next(comparison.cells())
    key = publish(store, cell)
    places.open_place(comparison, cell, 0.25, 0.75)
    asked = store.comparison(address["grid"])
    assert {state.status for state in look(asked, store, get_queue()).cells} == {"queued"}
    assert sorted(address) == ["back", "grid", "item"]
    monkeypatch.undo()
    page = opened("compare", **address)
    assert "You clicked at 25 % of the width and 75 % of the height." in texts(page)
    press(page, "Back to where you clicked")
    assert (page.query_params["grid"], page.query_params["cell"]) == (comparison.key, key)
    assert "back" not in page.query_params
    assert "Click anywhere in the picture" in texts(page)


def test_a_way_back_made_by_hand_gets_a_sentence(comparison: Comparison) -> None:
    asked = at_place(comparison, next(comparison.cells()), 0.5, 0.5)
    places.get_store().put_comparison(asked)
    page = press(opened("compare", grid=asked.key, back="<b>"), "Back to where you clicked")
    assert "64 hex digits" in texts(page)
