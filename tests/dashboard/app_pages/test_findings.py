from __future__ import annotations

from pathlib import Path

import pytest

from core.findings.measured_attributions import from_bytes as measured_from_bytes
from core.findings.measured_attributions import measurements
from core.findings.measured_attributions import to_bytes as measured_to_bytes
from core.findings.study import findings, from_bytes, to_bytes
from core.measures.attributions import MEASURES
from core.methods import METHODS
from core.store.store import Store
from dashboard.figures.attributions import GRAY, bar_figure, randomized_figure, retained_figure
from dashboard.figures.findings import ring_figure, shape_figure, spread_figure
from tests.support.measured import Knowing, put_measured
from tests.support.opened import opened, texts
from tests.support.studied import CNN, MIXER, VIT, a_study

SIZES = {CNN: 8.0, VIT: 16.0, MIXER: 24.0}
SHARES = {CNN: 1.0, VIT: 0.5, MIXER: 0.25}


@pytest.mark.usefixtures("store")
def test_without_a_study_the_page_shows_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.findings.study.bundled_findings", lambda: None)
    page = opened("findings")
    assert "gazegrid study" in page.code[0].value
    assert not page.exception


@pytest.mark.usefixtures("store")
def test_without_a_study_the_bundled_findings_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Store(str(tmp_path / "elsewhere"))
    bundled = from_bytes(to_bytes(findings(a_study(other, SIZES, SHARES), other)))
    monkeypatch.setattr("core.findings.study.bundled_findings", lambda: bundled)
    page = opened("findings")
    assert "12 pictures, 3 networks" in texts(page)
    assert "the points open no grid" in texts(page)
    assert "Click a point" not in texts(page)
    assert "gazegrid study" in page.code[0].value


def test_each_conclusion_stands_beside_its_numbers_and_its_rule(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.views.attribution_findings.bundled_measurement", lambda: None)
    a_study(store, SIZES, SHARES)
    page = opened("findings")
    assert not page.exception
    text = texts(page)
    for claim in ("features of different size", "the border and the center", "the whole shape", "The Mixer"):
        assert claim in text
    assert "Supported if two networks of different families differ on the same pictures" in text
    assert "12 pictures, 3 networks" in text
    assert "Click a point to see its row" in text
    assert list(page.dataframe[-1].value["Network"]) == ["resnet18", "vit_tiny_patch16_224", "mixer_s16_224"]


def test_a_study_by_its_address(store: Store) -> None:
    first = a_study(store, SIZES, SHARES)
    second = a_study(store, SIZES, SHARES, pictures=14)
    assert "14 pictures" in texts(opened("findings", study=second.key))
    assert "12 pictures" in texts(opened("findings", study=first.key))
    assert "no study has this address" in texts(opened("findings", study="no key"))


def test_cells_that_are_not_computed_are_counted(store: Store) -> None:
    a_study(store, SIZES, SHARES, absent=[VIT])
    page = opened("findings")
    assert "48 of 72 cells are computed" in texts(page)


def test_every_point_carries_its_picture(store: Store) -> None:
    comparison = a_study(store, SIZES, SHARES)
    networks = findings(comparison, store).networks
    figure = spread_figure(
        networks, lambda n: {digest: detail.feature_size for digest, detail in n.remaining.items()},
        lambda n: n.feature_size, "Size",
    )  # fmt: skip
    points = [point for trace in figure.data if trace.customdata is not None for point in trace.customdata]
    assert {digest for _, digest in points} == {ref.digest for ref in comparison.pictures}
    assert len(points) == 36
    assert len(ring_figure(networks).data) == len(shape_figure(networks).data) == 3


# attributions


MEASURED = {
    "insertion": 0.5, "deletion": 0.1, "inside": 0.6, "area": 0.3, "pointing": 0.8, "randomized_0": 0.8,
    "randomized_33": 0.6, "randomized_67": 0.4, "randomized_100": 0.1,
    **{f"{kind}_{share}": share / 100 for kind in ("shown", "hidden") for share in (10, 20, 30, 50)},
}  # fmt: skip


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.methods.METHODS", {**METHODS, "knowing": Knowing})
    monkeypatch.setattr("core.findings.measured_attributions.METHODS", {**METHODS, "knowing": Knowing})


def put_all(store: Store, **values: float) -> None:
    for network in (CNN, VIT):
        put_measured(store, "knowing", network, MEASURED | values)
        put_measured(store, "center_box", network, {name: MEASURED[name] / 2 for name in ("insertion", "inside")})


@pytest.mark.usefixtures("store", "known")
def test_without_measured_attributions_the_bundled_ones_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Store(str(tmp_path / "elsewhere"))
    put_all(other)
    bundled = measured_from_bytes(measured_to_bytes(measurements(other)[0]))
    monkeypatch.setattr("dashboard.views.attribution_findings.bundled_measurement", lambda: bundled)
    page = opened("findings")
    assert "Measured on the bundled networks." in texts(page)
    assert "gazegrid measure" in page.code[-1].value
    assert len(page.dataframe[-1].value) == 4


@pytest.mark.usefixtures("store", "known")
def test_without_measured_attributions_a_sentence_says_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.views.attribution_findings.bundled_measurement", lambda: None)
    page = opened("findings")
    assert "No attributions are measured yet. Measure them on your own data set: `gazegrid measure --methods" in texts(
        page
    )


@pytest.mark.usefixtures("known")
def test_measured_attributions_stand_in_one_table_with_baseline_maps(store: Store) -> None:
    put_all(store)
    page = opened("findings")
    table = page.dataframe[-1].value
    assert list(zip(table["Network"], table["Method"], strict=True)) == [
        (network, method) for method in ("Knowing", "Center box") for network in ("resnet18", "vit_tiny_patch16_224")
    ]
    assert list(table[MEASURES["inside"].name]) == ["0.6 (0.55 to 0.65)"] * 2 + ["0.3 (0.25 to 0.35)"] * 2
    assert list(table["Sanity check"]) == ["passes", "passes", "-", "-"]
    assert "10 pictures, 2 networks" in texts(page)
    assert not page.warning


@pytest.mark.usefixtures("known")
def test_a_map_that_fails_the_sanity_check_is_flagged(store: Store) -> None:
    put_all(store, randomized_100=0.95)
    page = opened("findings")
    assert (
        "Knowing fails the parameter-randomization sanity check on resnet18 (0.95) and vit_tiny_patch16_224 (0.95)"
        in texts(page)
    )
    assert list(page.dataframe[-1].value["Sanity check"]) == ["fails", "fails", "-", "-"]


@pytest.mark.usefixtures("known")
def test_measurements_of_another_protocol_are_selected_separately(store: Store) -> None:
    put_all(store)
    put_measured(store, "knowing", CNN, MEASURED, count=7, only_correct=True)
    page = opened("findings")
    (choice,) = [box for box in page.selectbox if box.label == "Measurement"]
    assert len(choice.options) == 2
    assert "correctly predicted" in choice.options[1]
    choice.select_index(1).run()
    assert list(page.dataframe[-1].value["Network"]) == ["resnet18"]


@pytest.mark.usefixtures("known")
def test_baseline_maps_are_dashed_and_gray(store: Store) -> None:
    put_measured(store, "knowing", CNN, MEASURED)
    put_measured(store, "center_box", CNN, MEASURED)
    (found,) = measurements(store)
    method, baseline = retained_figure(found, CNN, "shown").data
    assert (method.line.dash, baseline.line.dash, baseline.line.color) == ("solid", "dash", GRAY)
    assert list(method.x) == [10, 20, 30, 50]
    assert list(method.y) == pytest.approx([10, 20, 30, 50])
    assert [trace.name for trace in randomized_figure(found, CNN).data] == ["Knowing"]
    (bars,) = bar_figure(found, "inside", "area").data
    assert (list(bars.x), list(bars.y)) == (["Knowing", "Center box"], [0.6, 0.6])
    assert list(bars.error_y.array) == pytest.approx([0.05, 0.05])
