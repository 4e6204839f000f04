from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.canonical import sha256_hex
from core.networks import folders
from core.settings import Settings
from core.store.store import Store
from dashboard.figures.charts import TrainingCurve, training_figure
from tests.support.opened import opened, texts
from tests.support.trained import a_record, put_bundled, put_local

SLOW, QUICK = (0.1, 0.3, 0.6), (0.3, 0.6, 0.9)


@pytest.fixture
def bundled(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """An empty folder in place of that of the bundled networks; this machine has none of its own."""
    monkeypatch.setattr(folders, "BUNDLED", tmp_path / "bundled")
    return tmp_path / "bundled"


@pytest.fixture
def two(bundled: Path) -> Path:
    """A quick CNN and a slow ViT."""
    put_bundled(bundled, "cnn", a_record(QUICK))
    put_bundled(bundled, "vit", a_record(SLOW, architecture="test_vit"), architecture="test_vit")
    return bundled


def curves(page: AppTest) -> dict[str, Any]:
    """The lines of the chart, by the network's name."""
    (chart,) = page.get("plotly_chart")
    return {trace["name"].split()[0]: trace for trace in json.loads(chart.proto.spec)["data"]}


def links(page: AppTest) -> list[str]:
    return [link.proto.query_string for link in page.get("page_link")]


def test_without_a_record_nothing_is_drawn(bundled: Path, settings: Settings) -> None:
    put_bundled(bundled, "cnn")
    put_local(settings.home, "damaged").record.write_text("{")
    page = opened("networks")
    assert "Training curves" not in [heading.value for heading in page.subheader]
    assert len(page.get("plotly_chart")) == 0
    assert len(page.dataframe) == 1


def test_the_bundled_networks_are_drawn_with_a_color_each(two: Path) -> None:  # noqa: ARG001
    page = opened("networks")
    drawn = curves(page)
    assert list(drawn) == ["bundled/cnn", "bundled/vit"]
    assert len({trace["line"]["color"] for trace in drawn.values()}) == 2
    assert "bundled/vit (ViT) was the hardest to train" in texts(page)
    assert any("bundled%2Fcnn%2Cbundled%2Fvit" in link for link in links(page))


def test_one_network_alone_is_not_called_the_hardest(bundled: Path) -> None:
    put_bundled(bundled, "cnn", a_record(QUICK))
    page = opened("networks")
    assert list(curves(page)) == ["bundled/cnn"]
    assert "hardest" not in texts(page)


def test_accuracy_can_be_drawn_against_minutes(two: Path) -> None:
    record = a_record(QUICK) | {"seconds": 90.0, "device": "cpu"}
    put_bundled(two, "cnn", record)
    page = opened("networks", against="Minutes")
    assert "different devices (cpu and cuda)" in texts(page)
    assert "Minutes of training" in page.get("plotly_chart")[0].proto.spec


def test_own_networks_are_drawn_when_selected_and_dashed_if_trained_on_other_data(
    two: Path,  # noqa: ARG001
    settings: Settings,
) -> None:
    put_local(settings.home, "mine", a_record(QUICK))
    put_local(settings.home, "other", a_record(QUICK, data="e" * 64))
    page = opened("networks")
    assert len(curves(page)) == 2
    before = curves(page)["bundled/vit"]["line"]["color"]
    page.get_by_key("also").set_value(["local/mine", "local/other"])
    page.run()
    drawn = curves(page)
    assert {name: trace["line"]["dash"] for name, trace in drawn.items()} == {
        "bundled/cnn": "solid", "bundled/vit": "solid", "local/mine": "solid", "local/other": "dash",
    }  # fmt: skip
    assert drawn["bundled/vit"]["line"]["color"] == before
    assert "Dashed: local/other, trained on other data" in texts(page)


def test_without_bundled_networks_the_local_ones_are_drawn(bundled: Path, settings: Settings) -> None:  # noqa: ARG001
    put_local(settings.home, "mine", a_record(QUICK))
    page = opened("networks")
    assert list(curves(page)) == ["local/mine"]
    page.get_by_key("also").set_value([])
    page.run()
    assert "No network is selected." in texts(page)


def test_the_details_of_a_network_show_its_whole_record(two: Path) -> None:
    page = opened("networks", card="bundled/vit")
    assert {metric.label: metric.value for metric in page.metric} == {
        "Top-1": "60 %", "Parameters": "6", "Training time": "3 min", "Device": "cuda",
    }  # fmt: skip
    assert "ViT · 3 classes, 1,080 training pictures, 120 held out · seed 7 · license mit" in texts(page)
    confusions, recipe = page.dataframe[0].value, page.dataframe[1].value
    assert confusions.iloc[0].tolist() == ["cat", "cup", 9, 40]
    assert dict(zip(recipe["Parameter"], recipe["Value"], strict=True))["architecture"] == "test_vit"
    assert sha256_hex((two / "vit.safetensors").read_bytes()) in [code.value for code in page.code]
    assert any(link.endswith("networks=bundled%2Fvit") for link in links(page))


def test_an_address_that_names_nothing_shows_the_first(two: Path) -> None:  # noqa: ARG001
    page = opened("networks", card="<b>", also="nonsense", against="hours")
    assert page.get_by_key("card").value == "bundled/cnn"
    assert len(curves(page)) == 2


def test_a_network_that_is_gone_meanwhile_gives_way_to_the_first(two: Path) -> None:
    page = opened("networks", card="bundled/vit")
    (two / "vit.json").unlink()
    page.run()
    assert not page.exception
    assert page.get_by_key("card").value == "bundled/cnn"
    assert page.metric[0].value == "90 %"


def test_a_network_that_never_errs_has_no_confusions(bundled: Path) -> None:
    put_bundled(bundled, "cnn", a_record(QUICK) | {"confusions": []})
    assert "No errors on the validation images." in texts(opened("networks"))


def test_the_legend_is_in_the_order_in_which_the_curves_end() -> None:
    networks = [TrainingCurve("a", (0.1, 0.2), 1, "red"), TrainingCurve("b" * 90, (0.5, 0.4), 2, "blue", dashed=True)]
    figure = training_figure(networks, by_minutes=True)
    assert [trace.name for trace in figure.data] == [f"{'b' * 31}…  40.0 %", "a  20.0 %"]
    assert figure.data[0].x.tolist() == [2, 4]
    assert figure.data[0].y.tolist() == [50, 40]


def test_a_training_of_ten_thousand_epochs_is_drawn_thinned() -> None:
    (trace,) = training_figure([TrainingCurve("a", (0.1,) * 10_000, 1, "red")]).data
    assert len(trace.x) == 2_000
    assert (trace.x[0], trace.x[-1], trace.mode) == (1, 10_000, "lines")
