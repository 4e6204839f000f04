"""Every network that can be asked, and how those learned that Gazegrid trained."""

from __future__ import annotations

import streamlit as st

from core.settings import get_settings
from dashboard.views.network_table import FAMILIES, network_rows, summary
from dashboard.views.training_curves import show_learning

NUMBERS = {
    "Compare": st.column_config.LinkColumn(display_text="open", help="The page Compare with this network chosen."),
    "Parameters": st.column_config.NumberColumn("Parameters (M)", format="%.3g"),
}


def page() -> None:
    """What the records of trainings show, a search, and the table of what it finds."""
    st.title("Networks", anchor=False)
    if show_learning():
        st.subheader("All networks", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search", key="network", bind="query-params", type="search", max_chars=100,
            placeholder="Words of the name or the license, such as vit tiny apache",
        )  # fmt: skip
        chosen = st.pills("Family", list(FAMILIES), selection_mode="multi", key="family", bind="query-params")
        offline = st.toggle("On this machine only", key="offline", bind="query-params")
    rows = network_rows((text or "")[:100], [FAMILIES[name] for name in chosen if name in FAMILIES], offline)
    if rows:
        st.caption(summary(rows))
        st.dataframe(rows, hide_index=True, height=600, column_config=NUMBERS, alt="Networks that can be compared")
    else:
        st.caption("No network has all of these words; take one away.")
    _how_to_add()


def _how_to_add() -> None:
    with st.expander("Add networks of your own", icon=":material/add:"):
        st.markdown(
            "A folder for each network, with its weights as `model.safetensors` and a `config.json`; "
            "it is then listed here as `local/NAME`. Weights in other formats are refused, as they could run code."
        )
        st.code(str(get_settings().home / "networks" / "local" / "NAME"), language=None)


page()
