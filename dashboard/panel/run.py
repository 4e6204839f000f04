"""What every panel ends with: the seed, and Run, which turns what is chosen into a grid with an address of its own."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.errors import GazegridError, QueueUnavailable
from core.jobs.comparison import Comparison
from core.jobs.spec import MAX_SEED
from core.queue.grid import submit_grid
from dashboard.grid.live import FAULT
from dashboard.links import GRID
from dashboard.session import get_queue, get_store, show_error

SEED = "compare:seed"
STYLE = """
[data-testid="stMainBlockContainer"] { padding-left: clamp(1rem, 3.5vw, 5rem); padding-right: clamp(1rem, 3vw, 5rem); }
@media (min-width: 769px) and (max-width: 1100px) {
  [data-testid="stSidebar"][data-collapsed="false"] { width: 17rem !important; min-width: 17rem !important; }
}
div:has(> .st-key-run) { position: sticky; top: 0; z-index: 5; }
.st-key-run { padding: 0.5rem 0; backdrop-filter: blur(10px); }
"""


def choose_seed() -> int:
    """A field for it."""
    st.session_state.setdefault(SEED, 0)
    seed = st.number_input(
        "Seed", 0, MAX_SEED, step=1, key=SEED, persist_state="session",
        help="Every random number of a job comes from it: the same seed gives the same result.",
    )  # fmt: skip
    return int(seed)


def run_button(draft: Comparison | None, cells: int, lacking: str, beside: Comparison | None) -> None:
    """Submits `draft`; under it, whether the panel asks for another grid than the one `beside` it.

    `cells`: how many it would have; `lacking`: what is to be chosen first, where there is no draft.
    """
    label = f"Run {cells} {'cell' if cells == 1 else 'cells'}" if cells else "Run"
    pressed = st.button(
        label, type="primary", icon=":material/play_arrow:", width="stretch",
        disabled=draft is None, help=f"Choose {lacking} first." if lacking else None,
    )  # fmt: skip
    if beside is not None and (draft is None or draft.key != beside.key):
        st.caption("Changed: the grid beside is of other choices. Run makes a new one and keeps the old.")
    if pressed and draft is not None:
        _submit(draft)


def drafted(make: Callable[[], Comparison]) -> Comparison | None:
    """What `make` gives; None, and the sentence on the page, where there can be no such grid."""
    try:
        return make()
    except GazegridError as error:
        show_error(error)
        return None


def _submit(comparison: Comparison) -> None:
    try:
        submit_grid(comparison, get_store(), get_queue())
    except QueueUnavailable as error:
        st.session_state[FAULT] = error  # the comparison is kept: what is stored of it can be seen
    except GazegridError as error:
        show_error(error)
        return
    st.query_params.from_dict({GRID: comparison.key})
    st.rerun()
