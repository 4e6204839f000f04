"""The end of each panel: the seed, and Run, which submits the selection as a grid with an address of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.display.wording import listed
from core.errors import BadInput, GazegridError, QueueUnavailable
from core.jobs.comparison import Comparison, DatasetRef, PictureRef
from core.jobs.spec import MAX_SEED
from core.method_base.method import Method, Needs
from core.method_base.parameters import unchosen
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


@dataclass(frozen=True)
class Selection:
    """What a panel has selected. `methods` are empty where the form has a `fault`."""

    needs: Needs
    methods: tuple[Method, ...]
    fault: BadInput | None
    pictures: Sequence[PictureRef]
    datasets: Sequence[DatasetRef]
    networks: Sequence[str]

    @property
    def missing(self) -> str:
        """What has to be selected first, such as `a picture and a network`; empty if nothing is missing."""
        inputs = (
            ("a data set", self.needs.dataset, self.datasets),
            ("a picture", self.needs.pictures, self.pictures),
            ("a network", self.needs.network, self.networks),
        )
        missing = [name for name, needed, selected in inputs if needed and not selected]
        return listed([*missing, *dict.fromkeys(name for method in self.methods for name in unchosen(method))])

    @property
    def cells(self) -> int:
        """The number of cells; 0 while something is missing or wrong."""
        if self.missing or not self.methods:
            return 0
        return max(1, len(self.pictures) + len(self.datasets)) * max(1, len(self.networks)) * len(self.methods)

    def comparison(self, seed: int) -> Comparison:
        """The comparison to submit. Raises BadInput."""
        return Comparison(tuple(self.pictures), tuple(self.networks), self.methods, seed, tuple(self.datasets))


def choose_seed() -> int:
    """The value of the field for the seed."""
    st.session_state.setdefault(SEED, 0)
    seed = st.number_input(
        "Seed", 0, MAX_SEED, step=1, key=SEED, persist_state="session",
        help="All random numbers of a job are derived from the seed: the same seed gives the same result.",
    )  # fmt: skip
    return int(seed)


def show_run(top: Any, selection: Selection, seed: int, displayed: Comparison | None) -> None:
    """In `top`: the button that submits the selection, whether it differs from the `displayed` grid, and errors."""
    with top:
        draft = _draft(selection, seed)
        cells = selection.cells
        pressed = st.button(
            f"Run {cells} {'cell' if cells == 1 else 'cells'}" if cells else "Run",
            type="primary", icon=":material/play_arrow:", width="stretch", disabled=draft is None,
            help=f"Select {selection.missing} first." if selection.missing else None,
        )  # fmt: skip
        if displayed is not None and (draft is None or draft.key != displayed.key):
            st.caption("Settings changed since this grid was computed. Run makes a new grid and keeps this one.")
        if pressed and draft is not None:
            _submit(draft)
        if selection.fault is not None:
            show_error(selection.fault)


def _draft(selection: Selection, seed: int) -> Comparison | None:
    """The selected comparison; None, with the error on the page, if there is none."""
    if not selection.cells:
        return None
    try:
        return selection.comparison(seed)
    except GazegridError as error:
        show_error(error)
        return None


def _submit(comparison: Comparison) -> None:
    try:
        submit_grid(comparison, get_store(), get_queue())
    except QueueUnavailable as error:
        st.session_state[FAULT] = error  # the comparison is stored, and so are some of its results
    except GazegridError as error:
        show_error(error)
        return
    st.query_params.from_dict({GRID: comparison.key})
    st.rerun()
