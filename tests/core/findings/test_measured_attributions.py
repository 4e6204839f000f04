from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from core import methods
from core.findings.measured_attributions import from_bytes, label, measurement, measurements, to_bytes
from core.store.store import Store
from tests.support.measured import Knowing, put_measured

CNN, VIT = "random/resnet18", "random/test_vit"


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "METHODS", {**methods.METHODS, "knowing": Knowing})
    monkeypatch.setattr("core.findings.measured_attributions.METHODS", methods.METHODS)


@pytest.fixture
def store(tmp_path: object) -> Store:
    return Store(str(tmp_path))


def put(store: Store, name: str, network: str = CNN, values: Mapping[str, float] | None = None, **how: Any) -> str:
    return put_measured(store, name, network, values or {"insertion": 0.5}, **how).key


def test_what_was_measured_in_the_same_way_stands_side_by_side(store: Store) -> None:
    keys = {put(store, name, network) for name in ("knowing", "center_box") for network in (CNN, VIT)}
    put(store, "knowing", count=7)
    put(store, "knowing", dataset="3" * 64)
    first, *others = measurements(store)
    assert [len(other.attributions) for other in others] == [1, 1]
    assert {one.key for one in first.attributions} == keys
    assert (first.networks, first.labels) == ([CNN, VIT], ["Knowing", "Center box"])
    found = first.of(VIT, "Center box")
    assert found is not None
    assert found.baseline
    assert found.measures["insertion"].interval.value == pytest.approx(0.5)
    assert first.of(VIT, "Saliency") is None


def test_parameters_that_differ_from_the_defaults_are_in_the_name(store: Store) -> None:
    assert label("knowing", {"says": "rest", "class_name": ""}) == "Knowing, says rest"
    put(store, "knowing", parameters={"says": "rest"})
    put(store, "knowing")
    assert measurements(store)[0].labels == ["Knowing", "Knowing, says rest"]


def test_other_results_and_those_of_another_version_do_not_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "knowing")
    assert len(measurements(store)) == 1
    monkeypatch.setattr(Knowing, "version", 4)
    assert measurements(store) == []


def test_a_map_that_stays_when_all_weights_are_random_is_flagged_but_no_baseline(store: Store) -> None:
    put(store, "knowing", CNN, {"insertion": 0.5, "randomized_100": 0.9})
    put(store, "knowing", VIT, {"insertion": 0.5, "randomized_100": 0.1})
    put(store, "center_box", CNN, {"insertion": 0.5, "randomized_100": 1.0})
    (found,) = measurements(store)
    assert [(one.network, one.baseline) for one in found.attributions if one.fails_sanity_check] == [(CNN, False)]


def test_numbers_go_through_a_file_and_say_the_same(store: Store) -> None:
    specs = [put_measured(store, "knowing", name, {"insertion": 0.25, "inside": 0.75}) for name in (CNN, VIT)]
    found = measurement(specs, store)
    again = from_bytes(to_bytes(found))
    assert (again.networks, again.labels, again.measures) == (found.networks, found.labels, ["insertion", "inside"])
    assert again.protocol == found.protocol == measurements(store)[0].protocol
    assert [one.measures for one in again.attributions] == [one.measures for one in found.attributions]
    assert to_bytes(again) == to_bytes(found)
