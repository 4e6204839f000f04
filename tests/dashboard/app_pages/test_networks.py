from __future__ import annotations

from typing import Any

import pytest
import timm
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from core.networks.catalog import all_cards, get_card, unusable_networks
from core.networks.folders import local_folder
from core.networks.loading import load
from dashboard.views.network_table import caution, network_rows
from tests.support.opened import opened, texts

pytestmark = pytest.mark.usefixtures("store")


def networks_of(page: AppTest) -> Any:
    """The table of all networks, the last one of the page."""
    return page.dataframe[-1].value


def test_every_network_is_listed_local_ones_first() -> None:
    table = networks_of(opened("networks"))
    assert len(table) == len(all_cards()) > 1000
    here = table["Weights"] == "on this machine"
    assert here.iloc[0]
    assert not here[here.argmin() :].any()
    assert set(table.columns) >= {"Network", "Family", "Parameters", "License", "Input", "Classes", "Source"}


def test_search_and_families_narrow_the_table() -> None:
    page = opened("networks", network="tiny patch16 224")
    names = networks_of(page)["Network"]
    assert len(names) > 0
    assert all("tiny" in name and "patch16" in name for name in names)
    page.get_by_key("family").set_value(["Mixer"])
    page.run()
    assert not page.exception
    assert "No network matches" in texts(page)


def test_the_address_of_a_search_shows_it() -> None:
    assert len(networks_of(opened("networks", network="efficientnet_lite0"))) >= 2
    assert "No network matches" in texts(opened("networks", network="<b>'\"" * 99))


def test_the_table_can_be_limited_to_this_machine() -> None:
    page = opened("networks")
    page.toggle[0].set_value(True)
    page.run()
    assert set(networks_of(page)["Weights"]) == {"on this machine"}
    assert "lite/efficientnet_lite0" in set(networks_of(page)["Network"])


@pytest.mark.parametrize(
    ("license", "word"),
    [
        ("cc-by-nc-4.0", "non-commercial"), ("CC-BY-NC-SA", "non-commercial"), ("seer-license", "non-commercial"),
        ("apache-2.0", ""), ("mit", ""), ("unknown", "unknown terms"), ("dinov3-license", "custom terms"),
    ],
)  # fmt: skip
def test_a_license_that_limits_is_marked(license: str, word: str) -> None:
    assert caution(license) == word


def test_random_weights_are_named() -> None:
    rows = network_rows("random/")
    assert rows
    assert {row["Weights"] for row in rows} == {"random"}


def test_the_page_explains_how_to_add_a_network() -> None:
    assert "model.safetensors" in texts(opened("networks"))


def test_a_network_with_unusable_files_is_one_line_with_the_reason() -> None:
    folder = local_folder() / "odd"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("no JSON", encoding="utf-8")
    page = opened("networks")
    assert not page.exception
    assert [warning.value for warning in page.warning] == ["1 network cannot be used:"]
    assert page.dataframe[-1].value.to_dict("records") == [
        {"Network": "local/odd", "Reason": unusable_networks()["local/odd"]}
    ]
    assert not opened("networks", network="resnet").warning


def test_a_row_says_whether_answers_are_finite_and_where_the_weights_were_found() -> None:
    folder = local_folder() / "mein Netz"
    folder.mkdir(parents=True)
    model = timm.create_model("test_resnet", num_classes=10)
    save_file({f"module.{name}": tensor for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"architecture": "test_resnet", "num_classes": 10}')
    (row,) = network_rows("mein netz")
    assert (row["Answers"], row["Compare"]) == ("checked at first use", "./?networks=local/mein%20Netz")
    assert row["Source"] == "the file model.safetensors of local/mein Netz, weights under module."
    load(get_card("local/mein Netz"))
    assert network_rows("mein netz")[0]["Answers"] == "finite"
