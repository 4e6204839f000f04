from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from core import methods
from core.findings.measured_attributions import from_bytes, label, measurement, measurements, to_bytes
from core.store.store import Store
from tests.support.kept import damage
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


def test_results_of_one_protocol_make_one_measurement(store: Store) -> None:
    keys = {put(store, name, network) for name in ("knowing", "center_box") for network in (CNN, VIT)}
    put(store, "knowing", count=7)
    put(store, "knowing", dataset="3" * 64)
    first, *others = measurements(store)
    assert [len(other.attributions) for other in others] == [1, 1]
    assert {one.key for one in first.attributions} == keys
    assert (first.networks, first.labels) == ([CNN, VIT], ["Knowing", "Center box"])
    found = first.entry(VIT, "Center box")
    assert found is not None
    assert found.baseline
    assert found.measures["insertion"].value == pytest.approx(0.5)
    assert first.entry(VIT, "Saliency") is None


def test_parameters_that_differ_from_the_defaults_are_in_the_label(store: Store) -> None:
    assert label("knowing", {"says": "rest", "class_name": ""}) == "Knowing, says rest"
    put(store, "knowing", parameters={"says": "rest"})
    put(store, "knowing")
    assert measurements(store)[0].labels == ["Knowing", "Knowing, says rest"]


def test_results_of_another_version_are_left_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "knowing")
    assert len(measurements(store)) == 1
    monkeypatch.setattr(Knowing, "version", 4)
    assert measurements(store) == []


def test_a_map_that_is_stable_under_random_weights_fails_the_sanity_check_and_a_baseline_does_not(store: Store) -> None:
    put(store, "knowing", CNN, {"insertion": 0.5, "randomized_100": 0.9})
    put(store, "knowing", VIT, {"insertion": 0.5, "randomized_100": 0.1})
    put(store, "center_box", CNN, {"insertion": 0.5, "randomized_100": 1.0})
    (found,) = measurements(store)
    assert [(one.network, one.baseline) for one in found.attributions if one.fails_sanity_check] == [(CNN, False)]


def test_damaged_results_are_counted_and_left_out(store: Store) -> None:
    put(store, "knowing", VIT)
    damage(store, put(store, "knowing", CNN))
    (found,) = measurements(store)
    assert (found.networks, found.unreadable) == ([VIT], 1)
    assert found.caveat == "1 result is left out: damaged in the store and set aside. Run again to recompute."


def test_a_measurement_survives_a_file(store: Store) -> None:
    specs = [put_measured(store, "knowing", name, {"insertion": 0.25, "inside": 0.75}) for name in (CNN, VIT)]
    found = measurement(specs, store)
    again = from_bytes(to_bytes(found))
    assert (again.networks, again.labels, again.measures) == (found.networks, found.labels, ["insertion", "inside"])
    assert again.protocol == found.protocol == measurements(store)[0].protocol
    assert [one.measures for one in again.attributions] == [one.measures for one in found.attributions]
    assert to_bytes(again) == to_bytes(found)
