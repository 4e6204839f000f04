"""What the panel for looking starts with, before anything was chosen."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.networks.catalog import get_card
from core.store import Store
from core.welcome import NETWORKS
from tests.dashboard.opened import ENTRY


def test_the_networks_that_come_with_gazegrid_are_chosen_at_the_start(store: Store) -> None:  # noqa: ARG001
    page = AppTest.from_file(str(ENTRY), default_timeout=30).run()
    assert not page.exception
    assert tuple(page.session_state["compare:networks"]) == NETWORKS
    assert all(name.startswith("bundled/") for name in NETWORKS)
    assert all(get_card(name).class_names for name in NETWORKS)


@pytest.mark.parametrize("networks", ["", "lite/efficientnet_lite0"])
def test_a_link_that_names_none_leaves_them_and_one_that_names_some_has_those(store: Store, networks: str) -> None:  # noqa: ARG001
    page = AppTest.from_file(str(ENTRY), default_timeout=30)
    page.query_params["pictures"] = "sample:cat"
    page.query_params["networks"] = networks
    page.run()
    count = 1 if networks else len(NETWORKS)
    label = f"Run {count} cell" + ("s" if count > 1 else "")
    assert [button.label for button in page.button if button.label.startswith("Run")] == [label]
