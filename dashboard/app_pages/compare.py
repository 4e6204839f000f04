"""Pictures in rows and networks in columns, or data sets and variants: choose, run, watch, look closer, share.

The page is made from its address, the store and Redis alone: `?grid=KEY` is all that a reload or a colleague needs.
"""

from __future__ import annotations

import streamlit as st

from core.display.headings import differing, parameters_line, titles
from core.display.wording import listed, question
from core.errors import GazegridError
from core.jobs.comparison import Comparison
from core.queue.grid import look
from dashboard import links
from dashboard.grid.details import show_details
from dashboard.grid.live import cancel_all, show_grid, view_controls
from dashboard.grid.places import INVITATION, show_way_back, takes_places
from dashboard.panel import panel
from dashboard.session import get_queue, get_store, plain, show_error
from dashboard.views.recent import show_recent
from dashboard.views.sharing import share_menu

PREFILLED = "compare:prefilled"


def page() -> None:
    """The panel on the left; beside it a grid, a cell's details, or what was compared lately."""
    query = st.query_params.to_dict()
    comparison = _asked(query)
    _prefill(query, comparison)
    with st.sidebar:
        panel.show_panel(comparison)
    if comparison is None:
        show_recent()
        return
    show_way_back(query, comparison)
    if links.CELL in query:
        show_details(comparison, query[links.CELL])
    else:
        _comparison(comparison)


def _asked(query: dict[str, str]) -> Comparison | None:
    try:
        comparison = links.grid_of(query, get_store())
    except GazegridError as error:
        show_error(error)
        return None
    if comparison is not None and comparison.key != query[links.GRID]:
        st.info("This link is of an earlier version of the method, whose results count no more. Run computes anew.")
    return comparison


def _prefill(query: dict[str, str], comparison: Comparison | None) -> None:
    """Let the panel start from the address, once for each address."""
    token = links.token_of(query)
    if not token or st.session_state.get(PREFILLED) == token:
        return
    st.session_state[PREFILLED] = token
    try:
        door = links.door_of(query)
        if comparison is not None:
            panel.start_from(links.draft_from_grid(comparison))
        elif door:
            panel.start_from(links.draft_from_door(door, get_store()))
    except GazegridError as error:
        show_error(error)


def _comparison(comparison: Comparison) -> None:
    live = look(comparison, get_store(), get_queue()).live
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(plain(_title(comparison)), anchor=False, width="content")
        with st.container(horizontal=True, width="content"):
            if live:
                _cancel_all(comparison)
            share_menu(comparison)
    with st.container(gap="xsmall"):
        _told(comparison)
        if any(map(takes_places, comparison.methods)):
            st.caption(f":material/ads_click: {INVITATION}")
    show_grid(comparison, view_controls(comparison), live=live)


def _title(comparison: Comparison) -> str:
    """The question of the method, or the names of several."""
    asked, _ = question(comparison.methods[0].summary)
    names = titles(comparison)
    return asked if asked and len(names) == 1 else listed(names)


def _told(comparison: Comparison) -> None:
    """What is shown, and by which parameters."""
    first = comparison.methods[0]
    if len(titles(comparison)) == 1:
        _, told = question(first.summary)
        st.caption(f"**{plain(first.title)}** · {plain(told)}")
        st.caption(f"{plain(parameters_line(first, differing(comparison.methods)))} · seed {comparison.seed}")
        return
    lines = [f"**{plain(method.title)}** {plain(parameters_line(method))}" for method in comparison.methods]
    st.caption(" · ".join([*lines, f"seed {comparison.seed}"]))


def _cancel_all(comparison: Comparison) -> None:
    if st.button("Cancel all", icon=":material/stop_circle:"):
        try:
            cancel_all(comparison)
        except GazegridError as error:
            show_error(error)
            return
        st.rerun()


page()
