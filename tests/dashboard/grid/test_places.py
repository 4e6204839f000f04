from __future__ import annotations

import numpy as np
import pytest

from core.items import Image, Map, Points, Result
from core.jobs.comparison import Cell, Comparison
from core.methods import make_method
from core.queue.grid import read_grid
from core.store.store import Store
from dashboard.grid import places
from dashboard.grid.places import neuron_comparison, place_of
from dashboard.session import get_queue
from tests.support.kept import PROVENANCE, a_comparison, a_picture
from tests.support.opened import opened, press, texts


@pytest.fixture
def comparison(store: Store) -> Comparison:
    """Fixations, occlusion, and attention rollout, which explains no neurons, for two pictures."""
    base = a_comparison(store)
    methods = tuple(make_method(name, {}) for name in ("fixation", "occlusion", "attention_rollout"))
    comparison = Comparison(base.pictures, base.networks, methods)
    store.put_comparison(comparison)
    return comparison


def publish(store: Store, cell: Cell) -> str:
    """A result of fixations: a map, points and the network's view of the picture."""
    items = {
        "attribution": Map(values=np.ones((8, 8), np.float32)),
        "fixations": Points(xy=np.array([[2.5, 4.5]], np.float32), width=8, height=8, weights=np.ones(1, np.float32)),
        "original": Image(pixels=a_picture(5, 8).pixels),
    }
    return store.publish(cell.spec, Result(items), PROVENANCE).key


def test_a_place_becomes_the_target_neuron_for_the_clicked_picture(comparison: Comparison) -> None:
    target = neuron_comparison(comparison, next(comparison.cells()), 0.52341, 0.25)
    assert (target.pictures, target.networks) == (comparison.pictures[:1], comparison.networks)
    assert [method.name for method in target.methods] == ["fixation", "occlusion"]
    values = [method.model_dump(include={"target", "x", "y", "layer_by", "depth"}) for method in target.methods]
    assert values == [{"target": "neuron", "x": 0.523, "y": 0.25, "layer_by": "depth", "depth": 50}] * 2


def test_a_place_keeps_the_layer_and_the_channel_of_a_unit_and_all_else(comparison: Comparison) -> None:
    given = {"target": "channel", "depth": 75, "channel": 3, "mode": "paper"}
    unit = Comparison(comparison.pictures, comparison.networks, (make_method("fixation", given),), seed=4)
    target = neuron_comparison(unit, next(unit.cells()), 0.1, 0.9)
    (method,) = target.methods
    assert method == make_method("fixation", given | {"target": "neuron", "x": 0.1, "y": 0.9})
    assert target.seed == 4


def test_the_place_of_a_click_is_a_share_of_the_picture() -> None:
    assert place_of([{"x": 56.0, "y": 168.0}], 224, 224) == (0.25, 0.75)
    assert place_of([{"x": -3, "y": 300}], 224, 224) == (0.0, 1.0)
    assert place_of([], 224, 224) is None


def test_a_cell_invites_a_click_and_shows_its_points(comparison: Comparison, store: Store) -> None:
    key = publish(store, next(comparison.cells()))
    assert "click a place to explain the neuron there" in texts(opened("compare", grid=comparison.key))
    page = opened("compare", grid=comparison.key, cell=key)
    assert "Click a place to explain the neuron there" in texts(page)
    assert "at layer depth 50 % of resnet18" in texts(page)
    assert len(page.get("plotly_chart")) == 1


def test_a_method_without_neurons_invites_no_click(store: Store) -> None:
    assert "click" not in texts(opened("compare", grid=a_comparison(store).key)).lower()


def test_a_click_submits_a_grid_that_leads_back(
    comparison: Comparison, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    address: dict[str, str] = {"item": "Fixations", "cell": "of the grid before"}
    monkeypatch.setattr(places.st, "query_params", address)
    cell = next(comparison.cells())
    key = publish(store, cell)
    places.open_neuron(comparison, cell, 0.25, 0.75)
    target = store.comparison(address["grid"])
    assert {state.status for state in read_grid(target, store, get_queue()).cells} == {"queued"}
    assert sorted(address) == ["back", "grid", "item"]
    monkeypatch.undo()
    page = opened("compare", **address)
    assert "Clicked place: 25 % of the width, 75 % of the height." in texts(page)
    press(page, "Back to the clicked cell")
    assert (page.query_params["grid"], page.query_params["cell"]) == (comparison.key, key)
    assert "back" not in page.query_params
    assert "Click a place to explain the neuron there" in texts(page)


def test_a_damaged_link_back_gets_a_sentence(comparison: Comparison) -> None:
    target = neuron_comparison(comparison, next(comparison.cells()), 0.5, 0.5)
    places.get_store().put_comparison(target)
    page = press(opened("compare", grid=target.key, back="<b>"), "Back to the clicked cell")
    assert "This link is incomplete: no comparison has this address" in texts(page)
