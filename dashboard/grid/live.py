"""The grid on the page: drawn again each second while anything is to come, by one look at the store and Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import streamlit as st

from core.display.wording import words
from core.errors import GazegridError
from core.jobs.comparison import Comparison
from core.queue.grid import Grid, look
from dashboard.components import grid_view
from dashboard.grid.cells import ReachChoice, ScaleChoice, View, can_lie_over, grid_data, progress_line, visual_outputs
from dashboard.links import CELL, DRAWN, ITEM, REACH, SCALE
from dashboard.session import get_queue, get_store, plain, show_error

LOOK_EVERY_S = 1.0
FAULT = "compare:fault"
Choice = TypeVar("Choice", bound=str)
SCALES: dict[ScaleChoice, str] = {"row": "Row", "grid": "Whole grid", "cell": "Each cell"}
REACHES: dict[ReachChoice, str] = {"most": "99 % of pixels", "all": "Highest value"}
REACH_HELP = "A few pixels often have many times the value of all others, which on a scale up to them are all dark."
DRAWINGS = {"alone": "Alone", "over": "Over the picture"}


Part = Callable[[Grid], Grid]


def view_controls(comparison: Comparison) -> View:
    """Which item all cells show, what shares one color scale, whether a map lies over the picture.

    All are part of the address.
    """
    outputs = visual_outputs(comparison)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        item = one_of(ITEM, "Every cell shows", {name: words(name) for name in outputs})
        view = View(item)
        if outputs[item].kind == "map":
            help_text = "Cells that share a scale can be compared: the same color is the same value."
            view = View(item, one_of(SCALE, "One color scale for", SCALES, help_text))
            view = replace(view, reach=one_of(REACH, "It ends at", REACHES, REACH_HELP))
        if can_lie_over(comparison, item):
            help_text = "Over the picture as the network saw it, in gray: the denser the color, the higher the value."
            view = replace(view, over=one_of(DRAWN, "Maps are drawn", DRAWINGS, help_text) == "over")
    st.caption(_caption(comparison, item))
    return view


def _caption(comparison: Comparison, item: str) -> str:
    """What the item shows; of several methods, what it shows in each."""
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
    """A choice that is part of the address; whatever else an address says counts as the first option."""
    if st.session_state.get(name) not in options:
        st.session_state.pop(name, None)
    first = next(iter(options))
    chosen = st.segmented_control(
        label, list(options), format_func=options.__getitem__, key=name, default=first, required=True,
        bind="query-params", help=help_text, label_visibility="visible" if visible else "collapsed",
    )  # fmt: skip
    return first if chosen is None else chosen


def show_grid(comparison: Comparison, view: View, *, live: bool, part: Part | None = None) -> None:
    """The grid, or a part of it.

    It is drawn again and again where it is `live`, until nothing more is to come.
    """
    st.fragment(_draw, run_every=LOOK_EVERY_S if live else None)(comparison, view, part, live)


def _draw(comparison: Comparison, view: View, part: Part | None, was_live: bool) -> None:
    whole = look(comparison, get_store(), get_queue())
    grid = whole if part is None else part(whole)
    if was_live and not grid.live:
        st.rerun()
    _status(grid, whole=part is None)
    key = f"grid:{grid.cells[0].cell.spec.key if part else 'all'}"
    grid_view(grid_data(grid, view, get_store(), whole), key=key, on_click=lambda: act(comparison, _clicked(key)))


def _status(grid: Grid, *, whole: bool) -> None:
    if grid.queue_fault:
        st.warning(f"{plain(grid.queue_fault)} What is stored can be seen all the same.", icon=":material/cloud_off:")
    fault = st.session_state.pop(FAULT, None)
    if fault is not None:
        show_error(fault)
    if whole:
        st.caption(progress_line(grid) + _hold_up(grid))


def _hold_up(grid: Grid) -> str:
    """Why nothing of a waiting grid is computed now, if so."""
    standings = {state.status for state in grid.cells}
    if "queued" not in standings or "started" in standings:
        return ""
    try:
        queue = get_queue()
        ahead = queue.counts()["queued"] - sum(state.status == "queued" for state in grid.cells)
        if not queue.workers():
            return " · :red[no worker is running: nothing is computed until one is started]"
    except GazegridError:  # Redis went away after the look: the next look says so
        return ""
    return f" · {ahead} other jobs in the queue" if ahead > 0 else ""


def _clicked(key: str) -> dict[str, str]:
    clicked = st.session_state[key].get("clicked")
    return dict(clicked) if isinstance(clicked, dict) else {}


def act(comparison: Comparison, clicked: Mapping[str, str]) -> None:
    """Do what a cell's button says and look again."""
    try:
        if clicked.get("action") == "details":
            st.query_params[CELL] = clicked["key"]
        else:
            do(comparison, clicked)
    except GazegridError as error:
        st.session_state[FAULT] = error
    st.rerun()


def do(comparison: Comparison, clicked: Mapping[str, str]) -> None:
    """Cancel a cell or ask for it again; a key that is no cell of this grid does nothing. Raises QueueUnavailable."""
    specs = {cell.spec.key: cell.spec for cell in comparison.cells()}
    spec = specs.get(clicked.get("key", ""))
    if spec is None:
        return
    if clicked.get("action") == "cancel":
        get_queue().cancel(spec.key)
    elif clicked.get("action") in ("retry", "run"):
        get_queue().submit(spec, get_store())


def cancel_all(comparison: Comparison) -> None:
    """Stop every cell that waits or runs."""
    grid = look(comparison, get_store(), get_queue())
    for state in grid.cells:
        if state.status in ("queued", "started"):
            get_queue().cancel(state.cell.spec.key)
