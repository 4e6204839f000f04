from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from core import methods
from core.errors import BadInput, BadParameter, Canceled
from core.items import Result, Series, Table
from core.measures.baselines import BASELINES
from core.method_base.method import Context
from core.methods import make_method, measure_attributions
from core.networks.network import Network
from tests.core.measures.pointed import looks_at
from tests.support.checkpoints import RecordingContext
from tests.support.measured import PATCH, Knowing, cats_and_dogs


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(methods, "METHODS", {**methods.METHODS, "knowing": Knowing})
    monkeypatch.setattr(measure_attributions, "CHECKPOINT_EVERY_S", 0.0)
    return


@pytest.fixture
def network() -> Network:
    return looks_at(*PATCH)


def a_context(stop_at: int | None = None, boxes: bool = True) -> RecordingContext:
    return RecordingContext(cats_and_dogs(boxes=boxes), stop_at, seed=1)


def measured(network: Network, attribution: str = "knowing", context: Context | None = None, **more: Any) -> Result:
    parameters = {"attribution": attribution, "count": 6, "steps": 4, "only_correct": True, "collages": 3} | more
    return make_method("measure_attributions", parameters).run([], network, context or a_context())


def values(result: Result) -> dict[str, float]:
    table = result.items["measures"]
    assert isinstance(table, Table)
    return {row[0]: row[2] for row in table.rows}


def test_a_map_that_knows_where_the_network_looks_is_worth_all(network: Network) -> None:
    found = values(measured(network))
    assert [found[f"shown_{share}"] for share in (10, 20, 30, 50)] == [1] * 4
    assert found["inside"] == found["pointing"] == found["box_accuracy"] == 1
    assert found["area"] == 36 / 24**2
    assert found["randomized_100"] == 1  # it never asks the network


def test_one_that_is_wrong_on_purpose_is_worth_nothing(network: Network) -> None:
    right, wrong = values(measured(network)), values(measured(network, parameters={"says": "rest"}))
    assert wrong["inside"] == wrong["pointing"] == 0
    assert wrong["insertion"] < right["insertion"]
    assert wrong["deletion"] > right["deletion"]
    assert wrong["hidden_50"] == 1


def test_weights_that_are_randomized_change_what_comes_from_them(network: Network) -> None:
    before = float(network.model.fc.weight[0, 0])
    found = {seed: values(measured_with(network, seed))["randomized_100"] for seed in range(6)}
    assert min(found.values()) < 0.3  # some seed exchanges the two weights
    assert float(network.model.fc.weight[0, 0]) == before


def measured_with(network: Network, seed: int) -> Result:
    context = a_context()
    context.seed = seed
    return measured(network, context=context, parameters={"says": "weights"})


def test_a_patch_on_the_right_has_all_weight_on_the_right_half(network: Network) -> None:
    found = values(measured(network))
    assert found["collage"] == 0.5  # asked for the left or the right one, it is always there
    assert found["collage_majority"] == 0.5


@pytest.mark.parametrize("name", BASELINES)
def test_a_map_that_knows_nothing_is_measured_alike_but_for_what_cannot_change(network: Network, name: str) -> None:
    found = values(measured(network, name))
    assert {"insertion", "inside", "pointing"} <= found.keys()
    assert not {key for key in found if key.startswith(("randomized", "collage"))}


def test_without_boxes_the_rest_is_measured(network: Network) -> None:
    found = values(measured(network, context=a_context(boxes=False)))
    assert "insertion" in found
    assert not {"inside", "area", "box_accuracy"} & found.keys()


def test_curves_go_from_nothing_shown_to_all(network: Network) -> None:
    items = measured(network).items
    inserted, deleted = items["insertion_curve"], items["deletion_curve"]
    assert isinstance(inserted, Series)
    assert isinstance(deleted, Series)
    assert inserted.x.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert inserted.y[-1] == pytest.approx(deleted.y[0])
    assert inserted.y[0] == pytest.approx(deleted.y[-1])


def test_every_picture_has_its_row(network: Network) -> None:
    table = measured(network).items["by_picture"]
    assert isinstance(table, Table)
    assert [row[:2] for row in table.rows] == [(n, ("cat", "dog")[n % 2]) for n in range(6)]
    column = table.columns.index("insertion")
    assert np.mean([row[column] for row in table.rows]) == pytest.approx(values(measured(network))["insertion"])


@pytest.mark.parametrize("stop_at", [1, 5, 8, 20, 31])
def test_a_kill_only_delays_it(network: Network, stop_at: int) -> None:
    context = a_context(stop_at)
    with pytest.raises(Canceled):
        measured(network, context=context, randomizations=6)
    context.stop_at = None
    again, whole = (measured(network, context=given, randomizations=6) for given in (context, a_context()))
    assert [item.files() for item in again.items.values()] == [item.files() for item in whole.items.values()]


def test_a_damaged_checkpoint_counts_as_none(network: Network) -> None:
    context = a_context()
    context.checkpoint.write(b"{")
    assert values(measured(network, context=context)) == values(measured(network))


def test_the_other_methods_defaults_and_version_are_in_the_key() -> None:
    method = make_method("measure_attributions", {"attribution": "knowing"})
    written = method.model_dump(mode="json")
    assert written["parameters"] == {"says": "patch", "class_name": ""}
    assert written["attribution_version"] == 3
    assert make_method("measure_attributions", written) == method


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"attribution": "train"}, "attribution must be one of .*knowing.*, center_gaussian, .* got 'train'"),
        ({"attribution": "measure_attributions"}, "got 'measure_attributions'"),
        ({"attribution": "knowing", "parameters": {"says": "no"}}, "says must be one of patch, rest, weights"),
        ({"attribution": "knowing", "parameters": {"steps": 1}}, "knowing has no parameter 'steps'"),
        ({"attribution": "knowing", "attribution_version": 2}, "this asks for knowing version 2, here is 3"),
        ({"attribution": "center_box", "parameters": {"a": 1}}, "center_box has no parameters, got a"),
        ({"attribution": "knowing", "parameters": [1]}, "parameters must be"),
        ({"attribution": ["knowing"]}, "attribution must be a text"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(BadParameter, match=words):
        make_method("measure_attributions", parameters)


def test_without_a_data_set_it_is_refused(network: Network) -> None:
    with pytest.raises(BadInput, match="none was given"):
        measured(network, context=Context())
