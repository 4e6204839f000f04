"""The grid on the page, refreshed each second while any cell is pending, and the controls of its view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import streamlit as st

from core.display.wording import words
from core.errors import GazegridError
from core.jobs.comparison import Comparison
from core.queue.grid import Grid, read_grid
from dashboard.components import grid_view
from dashboard.grid.cells import ReachChoice, ScaleChoice, View, can_overlay, grid_data, progress_line, visual_outputs
from dashboard.links import CELL, DRAWN, ITEM, REACH, SCALE
from dashboard.session import get_queue, get_store, help_bubble, plain, sentence, show_error

REFRESH_S = 1.0
FAULT = "compare:fault"
Choice = TypeVar("Choice", bound=str)
SCALES: dict[ScaleChoice, str] = {"row": "Row", "grid": "Grid", "cell": "Cell"}
REACHES: dict[ReachChoice, str] = {"most": "99th percentile", "all": "Maximum"}
SCALE_HELP = "Cells with a common scale are comparable: the same color is the same value."
REACH_HELP = "With a scale up to the maximum, a few outlier pixels can make all others dark."
DRAWINGS = {"alone": "Map only", "over": "Overlay"}
DRAWN_HELP = "Overlay: the map over the network's view of the picture in gray; denser color is a higher value."


Part = Callable[[Grid], Grid]


def view_controls(comparison: Comparison) -> View:
    """The controls for the item that all cells show and, for maps, for scale and overlay; all are in the address."""
    outputs = visual_outputs(comparison)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        item = one_of(ITEM, "Show", {name: words(name) for name in outputs})
        view = View(item)
        if outputs[item].kind == "map":
            view = View(item, one_of(SCALE, "Color scale per", SCALES, SCALE_HELP))
            view = replace(view, reach=one_of(REACH, "Scale ends at", REACHES, REACH_HELP))
        if can_overlay(comparison, item):
            view = replace(view, overlay=one_of(DRAWN, "Draw maps as", DRAWINGS, DRAWN_HELP) == "over")
    st.caption(_caption(comparison, item), help=help_bubble(words(item)))
    return view


def _caption(comparison: Comparison, item: str) -> str:
    """The caption of the item; with several methods whose captions differ, those of all."""
    captions = {
        method.title: output.caption
        for method in comparison.methods
        for output in method.outputs
        if output.name == item
    }
    if len(comparison.methods) == 1 or len(set(captions.values())) == 1:
        return plain(next(iter(captions.values())))
    return " · ".join(f"**{plain(title)}** {plain(caption)}" for title, caption in captions.items())


def one_of(
    name: str, label: str, options: Mapping[Choice, str], help_text: str | None = None, *, visible: bool = True
) -> Choice:
    """A choice that is part of the address; any other value in the address counts as the first option."""
    if st.session_state.get(name) not in options:
        st.session_state.pop(name, None)
    first = next(iter(options))
    selected = st.segmented_control(
        label, list(options), format_func=options.__getitem__, key=name, default=first, required=True,
        bind="query-params", help=help_text, label_visibility="visible" if visible else "collapsed",
    )  # fmt: skip
    return first if selected is None else selected


def show_grid(comparison: Comparison, view: View, *, live: bool, part: Part | None = None) -> None:
    """Draw the grid, or a part of it; a `live` grid is refreshed until no cell is pending."""
    st.fragment(_draw, run_every=REFRESH_S if live else None)(comparison, view, part, live)


def _draw(comparison: Comparison, view: View, part: Part | None, was_live: bool) -> None:
    whole = read_grid(comparison, get_store(), get_queue())
    grid = whole if part is None else part(whole)
    if was_live and not grid.live:
        st.rerun()
    _status(grid, whole=part is None)
    key = f"grid:{grid.cells[0].cell.spec.key if part else 'all'}"
    grid_view(grid_data(grid, view, get_store(), whole), key=key, on_click=lambda: act(comparison, _clicked(key)))


def _status(grid: Grid, *, whole: bool) -> None:
    if grid.queue_fault:
        st.warning(f"{plain(sentence(grid.queue_fault))} Stored results stay available.", icon=":material/cloud_off:")
    fault = st.session_state.pop(FAULT, None)
    if fault is not None:
        show_error(fault)
    if whole:
        st.caption(progress_line(grid) + _queue_note(grid))


def _queue_note(grid: Grid) -> str:
    """Why no cell of a queued grid is running, for the end of the progress line; else empty."""
    statuses = {state.status for state in grid.cells}
    if "queued" not in statuses or "started" in statuses:
        return ""
    try:
        queue = get_queue()
        ahead = queue.counts()["queued"] - sum(state.status == "queued" for state in grid.cells)
        if not queue.workers():
            return " · :red[no worker is running: jobs stay queued]"
    except GazegridError:  # Redis became unreachable meanwhile: the next refresh reports it
        return ""
    return f" · {ahead} other jobs in the queue" if ahead > 0 else ""


def _clicked(key: str) -> dict[str, str]:
    clicked = st.session_state[key].get("clicked")
    return dict(clicked) if isinstance(clicked, dict) else {}


def act(comparison: Comparison, clicked: Mapping[str, str]) -> None:
    """Perform the action of a cell's button, and rerun the page."""
    try:
        if clicked.get("action") == "details":
            st.query_params[CELL] = clicked["key"]
        else:
            perform(comparison, clicked)
    except GazegridError as error:
        st.session_state[FAULT] = error
    st.rerun()


def perform(comparison: Comparison, clicked: Mapping[str, str]) -> None:
    """Cancel or submit a cell; a key that is no cell of this grid does nothing. Raises QueueUnavailable."""
    specs = {cell.spec.key: cell.spec for cell in comparison.cells()}
    spec = specs.get(clicked.get("key", ""))
    if spec is None:
        return
    if clicked.get("action") == "cancel":
        get_queue().cancel(spec.key)
    elif clicked.get("action") in ("retry", "run"):
        get_queue().submit(spec, get_store())


def cancel_all(comparison: Comparison) -> None:
    """Cancel every queued or running cell."""
    grid = read_grid(comparison, get_store(), get_queue())
    for state in grid.cells:
        if state.status in ("queued", "started"):
            get_queue().cancel(state.cell.spec.key)
