"""The panel on the left of Compare, with a mode for trained networks and one for training; Run stays visible."""

from __future__ import annotations

import streamlit as st

from core.jobs.comparison import Comparison
from dashboard.links import Draft
from dashboard.panel import inspection, training
from dashboard.panel.run import STYLE

MODE = "compare:mode"
MODES = {"inspect": "Inspect", "train": "Train"}
PANELS = {"inspect": inspection, "train": training}
HELP = (
    "Inspect: trained networks on the same pictures, one column per network. "
    "Train: small networks trained on a data set, one column per variant."
)


def start_from(draft: Draft) -> None:
    """Put `draft` into the panel; call it before the panel is drawn."""
    mode = "train" if draft.method is not None and not draft.method.needs.grid else "inspect"
    st.session_state[MODE] = mode
    PANELS[mode].start_from(draft)


def show_panel(displayed: Comparison | None = None) -> None:
    """The whole panel beside the `displayed` comparison."""
    st.html(f"<style>{STYLE}</style>")
    top = st.container(key="run")
    st.session_state.setdefault(MODE, "inspect")
    selected = st.segmented_control(
        "Mode", list(MODES), format_func=MODES.__getitem__, key=MODE, required=True, width="stretch",
        label_visibility="collapsed", persist_state="session", help=HELP,
    )  # fmt: skip
    PANELS[selected or "inspect"].show_panel(top, displayed)
