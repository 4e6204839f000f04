"""Pictures in rows and networks in columns, or data sets and variants: choose, run, watch, inspect, share.

The page is built from its address, the store and Redis alone: `?grid=KEY` is all that a reload or a colleague needs.
"""

from __future__ import annotations

import streamlit as st

from core.display.headings import differing_parameters, method_titles, parameters_line
from core.display.wording import listed, question
from core.errors import GazegridError
from core.jobs.comparison import Comparison
from core.queue.grid import read_grid
from dashboard import links
from dashboard.grid.details import show_details
from dashboard.grid.live import cancel_all, show_grid, view_controls
from dashboard.grid.places import INVITATION, explains_neurons, show_return_button
from dashboard.panel import panel
from dashboard.session import get_queue, get_store, plain, show_error
from dashboard.views.recent import show_recent
from dashboard.views.sharing import share_menu

PREFILLED = "compare:prefilled"


def page() -> None:
    """The panel on the left; beside it a grid, the details of a cell, or recent comparisons."""
    query = st.query_params.to_dict()
    comparison = _comparison_at(query)
    _prefill(query, comparison)
    with st.sidebar:
        panel.show_panel(comparison)
    if comparison is None:
        show_recent()
        return
    show_return_button(query, comparison)
    if links.CELL in query:
        show_details(comparison, query[links.CELL])
    else:
        _show_comparison(comparison)


def _comparison_at(query: dict[str, str]) -> Comparison | None:
    try:
        comparison = links.comparison_at(query, get_store())
    except GazegridError as error:
        show_error(error)
        return None
    if comparison is not None and comparison.key != query[links.GRID]:
        st.info("This comparison was made with an older version of this method: press Run to recompute.")
    return comparison


def _prefill(query: dict[str, str], comparison: Comparison | None) -> None:
    """Fill the panel from the address, once for each address."""
    token = links.token_of(query)
    if not token or st.session_state.get(PREFILLED) == token:
        return
    st.session_state[PREFILLED] = token
    try:
        form = links.form_query(query)
        if comparison is not None:
            panel.start_from(links.draft_from_grid(comparison))
        elif form:
            panel.start_from(links.draft_from_query(form, get_store()))
    except GazegridError as error:
        show_error(error)


def _show_comparison(comparison: Comparison) -> None:
    live = read_grid(comparison, get_store(), get_queue()).live
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(plain(_title(comparison)), anchor=False, width="content")
        with st.container(horizontal=True, width="content"):
            if live:
                _cancel_button(comparison)
            share_menu(comparison)
    with st.container(gap="xsmall"):
        _show_methods(comparison)
        if any(map(explains_neurons, comparison.methods)):
            st.caption(f":material/ads_click: {INVITATION}")
    show_grid(comparison, view_controls(comparison), live=live)


def _title(comparison: Comparison) -> str:
    """The method's question, or the titles of several methods."""
    headline, _ = question(comparison.methods[0].summary)
    names = method_titles(comparison)
    return headline if headline and len(names) == 1 else listed(names)


def _show_methods(comparison: Comparison) -> None:
    """The methods with their parameters and the seed, in a caption."""
    first = comparison.methods[0]
    if len(method_titles(comparison)) == 1:
        _, description = question(first.summary)
        st.caption(f"**{plain(first.title)}** · {plain(description)}")
        st.caption(
            f"{plain(parameters_line(first, differing_parameters(comparison.methods)))} · seed {comparison.seed}"
        )
        return
    lines = [f"**{plain(method.title)}** {plain(parameters_line(method))}" for method in comparison.methods]
    st.caption(" · ".join([*lines, f"seed {comparison.seed}"]))


def _cancel_button(comparison: Comparison) -> None:
    if st.button("Cancel all", icon=":material/stop_circle:"):
        try:
            cancel_all(comparison)
        except GazegridError as error:
            show_error(error)
            return
        st.rerun()


page()
