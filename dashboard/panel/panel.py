"""The panel on the left of Compare: what is set side by side, networks or what learns; and Run, always in sight."""

from __future__ import annotations

import streamlit as st

from core.jobs.comparison import Comparison
from dashboard.links import Draft
from dashboard.panel import learning, looking
from dashboard.panel.run import STYLE

MODE = "compare:mode"
MODES = {"looking": "Networks look", "learning": "Networks learn"}
HELP = (
    "Look: pictures through trained networks, a column each. "
    "Learn: small networks are trained on a data set, a column for each variant."
)


def start_from(draft: Draft) -> None:
    """Let the panel hold `draft`; call it before the panel is drawn."""
    learns = draft.method is not None and not draft.method.needs.grid
    st.session_state[MODE] = "learning" if learns else "looking"
    (learning if learns else looking).start_from(draft)


def show_panel(beside: Comparison | None = None) -> None:
    """The whole panel, for the grid `beside` it; Run submits and turns the address into a link."""
    st.html(f"<style>{STYLE}</style>")
    top = st.container(key="run")
    st.session_state.setdefault(MODE, "looking")
    mode = st.segmented_control(
        "Side by side", list(MODES), format_func=MODES.__getitem__, key=MODE, required=True, width="stretch",
        label_visibility="collapsed", persist_state="session", help=HELP,
    )  # fmt: skip
    (learning if mode == "learning" else looking).show_panel(top, beside)
