from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from core import methods
from core.engine import checkpoint_timer
from core.errors import BadInput, BadParameter, Canceled
from core.items import Result, Series, Table
from core.measures.baselines import BASELINES
from core.method_base.method import Context
from core.methods import make_method
from core.networks.network import Network
from tests.core.measures.pointed import looks_at
from tests.support.contexts import RecordingContext
from tests.support.measured import PATCH, Knowing, cats_and_dogs


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(methods, "METHODS", {**methods.METHODS, "knowing": Knowing})
    monkeypatch.setattr(checkpoint_timer, "MIN_INTERVAL_S", 0.0)
    monkeypatch.setattr(checkpoint_timer, "MAX_TIME_SHARE", 1e9)
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


def test_a_correct_map_has_the_best_measures(network: Network) -> None:
    measures = values(measured(network))
    assert [measures[f"shown_{share}"] for share in (10, 20, 30, 50)] == [1] * 4
    assert measures["inside"] == measures["pointing"] == measures["box_accuracy"] == 1
    assert measures["area"] == 36 / 24**2
    assert measures["randomized_100"] == 1  # it does not use the network


def test_a_wrong_map_has_the_worst_measures(network: Network) -> None:
    right, wrong = values(measured(network)), values(measured(network, parameters={"says": "rest"}))
    assert wrong["inside"] == wrong["pointing"] == 0
    assert wrong["insertion"] < right["insertion"]
    assert wrong["deletion"] > right["deletion"]
    assert wrong["hidden_50"] == 1


def test_randomized_weights_change_maps_that_depend_on_them(network: Network) -> None:
    before = float(network.model.fc.weight[0, 0])
    measures = {seed: values(measured_with(network, seed))["randomized_100"] for seed in range(6)}
    assert min(measures.values()) < 0.3  # some seed exchanges the two weights
    assert float(network.model.fc.weight[0, 0]) == before


def measured_with(network: Network, seed: int) -> Result:
    context = a_context()
    context.seed = seed
    return measured(network, context=context, parameters={"says": "weights"})


def test_a_patch_on_the_right_has_all_weight_on_the_right_half(network: Network) -> None:
    measures = values(measured(network))
    assert measures["collage"] == 0.5  # on the right for either class
    assert measures["collage_majority"] == 0.5


@pytest.mark.parametrize("name", BASELINES)
def test_baseline_maps_have_all_measures_but_randomization_and_collages(network: Network, name: str) -> None:
    measures = values(measured(network, name))
    assert {"insertion", "inside", "pointing"} <= measures.keys()
    assert not {key for key in measures if key.startswith(("randomized", "collage"))}


def test_without_boxes_all_other_measures_are_taken(network: Network) -> None:
    measures = values(measured(network, context=a_context(boxes=False)))
    assert "insertion" in measures
    assert not {"inside", "area", "box_accuracy"} & measures.keys()


def test_curves_go_from_no_pixels_to_all(network: Network) -> None:
    items = measured(network).items
    inserted, deleted = items["insertion_curve"], items["deletion_curve"]
    assert isinstance(inserted, Series)
    assert isinstance(deleted, Series)
    assert inserted.x.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert inserted.y[-1] == pytest.approx(deleted.y[0])
    assert inserted.y[0] == pytest.approx(deleted.y[-1])


def test_every_image_has_a_row(network: Network) -> None:
    table = measured(network).items["by_picture"]
    assert isinstance(table, Table)
    assert [row[:2] for row in table.rows] == [(n, ("cat", "dog")[n % 2]) for n in range(6)]
    column = table.columns.index("insertion")
    assert np.mean([row[column] for row in table.rows]) == pytest.approx(values(measured(network))["insertion"])


@pytest.mark.parametrize("stop_at", [1, 5, 8, 20, 31])
def test_a_canceled_job_continues_to_the_same_bytes(network: Network, stop_at: int) -> None:
    context = a_context(stop_at)
    with pytest.raises(Canceled):
        measured(network, context=context, randomizations=6)
    context.stop_at = None
    again, whole = (measured(network, context=given, randomizations=6) for given in (context, a_context()))
    assert [item.files() for item in again.items.values()] == [item.files() for item in whole.items.values()]


def test_a_damaged_checkpoint_is_ignored(network: Network) -> None:
    context = a_context()
    context.checkpoint.write(b"{")
    assert values(measured(network, context=context)) == values(measured(network))


def test_defaults_and_version_of_the_attribution_method_are_in_the_key() -> None:
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
        ({"attribution": "knowing", "attribution_version": 2}, "attribution_version of knowing must be 3, got 2"),
        ({"attribution": "center_box", "parameters": {"a": 1}}, "center_box has no parameters, got a"),
        ({"attribution": "knowing", "parameters": [1]}, "parameters must be"),
        ({"attribution": ["knowing"]}, "attribution must be text"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(BadParameter, match=words):
        make_method("measure_attributions", parameters)


def test_without_a_data_set_it_is_refused(network: Network) -> None:
    with pytest.raises(BadInput, match="none was given"):
        measured(network, context=Context())
