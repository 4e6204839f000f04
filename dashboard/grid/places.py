"""A click into a picture: the same question, asked for the neuron at that place; and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from core.display.headings import column_name
from core.display.network_view import framed
from core.errors import GazegridError, QueueUnavailable
from core.items import Image, Pixels, Points
from core.jobs.comparison import Cell, Comparison
from core.jobs.spec import checked_key
from core.method_base.attribution import ORIGINAL, Attribution
from core.method_base.method import Method
from core.methods import make_method
from core.queue.grid import submit_grid
from core.store.manifest import Manifest
from dashboard.figures.charts import clickable_figure
from dashboard.grid.live import FAULT
from dashboard.links import BACK, CELL, GRID
from dashboard.session import get_queue, get_store, plain, show_error

CLICKS = "places:clicked"
PLOTLY = {"displayModeBar": False, "scrollZoom": False}
INVITATION = "Open a cell and click into its picture: the same is then asked for the neuron at that place."


def takes_places(method: Method) -> bool:
    """Whether the method can explain a neuron, which has a place."""
    return isinstance(method, Attribution)


def at_place(comparison: Comparison, cell: Cell, x: float, y: float) -> Comparison:
    """The row of the cell's picture, asked for the neuron at `x`, `y`, shares of width and height of 0 to 1.

    A unit's layer stays; where a class was explained it is the middle one. Methods that explain no neuron are left out.
    """
    place = {"target": "neuron", "x": round(x, 3), "y": round(y, 3)}
    methods = tuple(
        make_method(method.name, method.model_dump(mode="json") | place)
        for method in comparison.methods
        if takes_places(method)
    )
    return replace(comparison, pictures=(cell.picture,), methods=methods)


def place_of(points: Sequence[Mapping[str, Any]], width_px: int, height_px: int) -> tuple[float, float] | None:
    """x and y, shares of 0 to 1, of the first point of a plotly selection; None where nothing was clicked."""
    if not points:
        return None
    x, y = float(points[0]["x"]) / width_px, float(points[0]["y"]) / height_px
    return min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)


def show_places(comparison: Comparison, cell: Cell, manifest: Manifest) -> None:
    """The picture with what points there are, to click into. Raises Damaged."""
    pixels, points = _seen(manifest)
    height_px, width_px = pixels.shape[:2]
    name = column_name(comparison, cell)
    st.markdown("**Click anywhere in the picture**")
    st.caption(
        f"What does the neuron at that place rest on? The click asks for it, {_where(cell.method)} of {plain(name)} "
        "and of the networks beside it, and opens the new grid. A button there leads back to this one."
    )
    key = f"{CLICKS}:{manifest.key}"

    def clicked() -> None:
        place = place_of(st.session_state[key].selection.points, width_px, height_px)
        if place is not None:
            open_place(comparison, cell, *place)

    figure = clickable_figure(pixels, points, _asked_place(cell.method))
    with st.container(width=560):
        st.plotly_chart(figure, key=key, config=PLOTLY, on_select=clicked, selection_mode="points")


def open_place(comparison: Comparison, cell: Cell, x: float, y: float) -> None:
    """Ask for the neuron there and turn the address to its grid, which knows the way back."""
    asked = at_place(comparison, cell, x, y)
    try:
        submit_grid(asked, get_store(), get_queue())
    except QueueUnavailable as error:
        st.session_state[FAULT] = error  # the comparison is kept: what is stored of it can be seen
    except GazegridError as error:
        st.session_state[FAULT] = error
        return
    _turn_to({GRID: asked.key, BACK: f"{comparison.key}.{cell.spec.key}"})


def _turn_to(place: Mapping[str, str]) -> None:
    """Let the address name another grid or cell. How it is looked at stays: that belongs to the controls, not to us."""
    for name in (GRID, CELL, BACK):
        if name in place:
            st.query_params[name] = place[name]
        else:
            st.query_params.pop(name, None)


def show_way_back(query: Mapping[str, str], comparison: Comparison) -> None:
    """Where a click led here: to which place, and a button back to where it was made."""
    place = next((found for method in comparison.methods if (found := _asked_place(method))), None)
    if BACK not in query or place is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Back to where you clicked", icon=":material/arrow_back:"):
            try:
                grid, cell = map(checked_key, query[BACK].partition(".")[::2])
                _turn_to({GRID: grid, CELL: cell})
            except GazegridError as error:
                show_error(error)
                return
            st.rerun()
        across, down = 100 * place[0], 100 * place[1]
        st.caption(f"You clicked at {across:.0f} % of the width and {down:.0f} % of the height.", width="content")


def _asked_place(method: Method) -> tuple[float, float] | None:
    """x and y of the neuron that is explained, shares of 0 to 1."""
    if not isinstance(method, Attribution) or method.target != "neuron":
        return None
    return method.x, method.y


def _where(method: Method) -> str:
    if isinstance(method, Attribution) and method.target != "class" and method.layer_by == "layer":
        return f"in layer {plain(method.layer)}"
    return f"at {method.depth} % of the depth" if isinstance(method, Attribution) else ""


def _seen(manifest: Manifest) -> tuple[Pixels, Points | None]:
    """The picture as the network saw it, and the result's points, where it has any. Raises Damaged."""
    store = get_store()
    found = next((item for item in manifest.items if item.kind == Points.kind), None)
    points = None if found is None else store.item(manifest, found.name)
    if isinstance(points, Points):
        return framed(store, manifest, points), points
    original = store.item(manifest, ORIGINAL.name)
    if isinstance(original, Image):
        return original.pixels, None
    return store.picture(manifest.spec["pictures"][0]).pixels, None
