"""All networks in a table, and the training curves of those that Gazegrid trained."""

from __future__ import annotations

import streamlit as st

from core.display.wording import quantity
from core.settings import get_settings
from dashboard.views.network_table import FAMILIES, network_rows, summary, unusable_rows
from dashboard.views.training_curves import show_training_curves

NUMBERS = {
    "Compare": st.column_config.LinkColumn(
        display_text="open", help="Opens the page Compare with this network selected."
    ),
    "Answers": st.column_config.TextColumn(
        help="Whether the logits are finite on a gray picture and on noise: checked once, at the first use."
    ),
    "Parameters": st.column_config.NumberColumn("Parameters (M)", format="%.3g"),
}
REASON = {"Reason": st.column_config.TextColumn(width="large")}


def page() -> None:
    """Training curves, a search, and the table of matching networks."""
    st.title("Networks", anchor=False)
    if show_training_curves():
        st.subheader("All networks", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search", key="network", bind="query-params", type="search", max_chars=100,
            placeholder="Name or license, such as vit tiny apache",
        )  # fmt: skip
        selected = st.pills("Family", list(FAMILIES), selection_mode="multi", key="family", bind="query-params")
        offline = st.toggle("On this machine only", key="offline", bind="query-params")
    rows = network_rows((text or "")[:100], [FAMILIES[name] for name in selected if name in FAMILIES], offline)
    if rows:
        st.caption(summary(rows))
        st.dataframe(rows, hide_index=True, height=600, column_config=NUMBERS, alt="Networks that can be compared")
    else:
        st.caption("No network matches. Remove a word or a filter.")
    if unusable := unusable_rows((text or "")[:100]):
        st.warning(f"{quantity(len(unusable), 'network')} cannot be used:", icon=":material/warning:")
        st.dataframe(unusable, hide_index=True, column_config=REASON, alt="Networks that cannot be used, and why")
    _how_to_add()


def _how_to_add() -> None:
    with st.expander("Add networks of your own", icon=":material/add:"):
        st.markdown(
            "One folder per network with its weights as `model.safetensors` and a `config.json`; the network is then "
            "listed here as `local/NAME`. `timm.models.save_for_hf` writes both. Other weight formats are rejected, "
            "because they can run code."
        )
        st.code(str(get_settings().home / "networks" / "local" / "NAME"), language=None)


page()
