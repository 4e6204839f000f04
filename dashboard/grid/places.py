"""A click on a place of a picture explains the neuron there, in a grid of its own with a button back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from core.display.headings import column_name
from core.display.network_view import points_background
from core.errors import GazegridError, QueueUnavailable
from core.items import Image, Pixels, Points
from core.jobs.comparison import Cell, Comparison
from core.method_base.attribution import ORIGINAL, Attribution
from core.method_base.method import Method
from core.methods import make_method
from core.queue.grid import submit_grid
from core.store.manifest import Manifest
from dashboard.figures.charts import clickable_figure
from dashboard.grid.live import FAULT
from dashboard.links import BACK, CELL, GRID, checked_address
from dashboard.session import get_queue, get_store, plain, show_error

CLICKS = "places:clicked"
PLOTLY = {"displayModeBar": False, "scrollZoom": False}
INVITATION = "Open a cell and click a place to explain the neuron there."


def explains_neurons(method: Method) -> bool:
    """Whether the method can explain a neuron."""
    return isinstance(method, Attribution)


def neuron_comparison(comparison: Comparison, cell: Cell, x: float, y: float) -> Comparison:
    """The row of the cell with the neuron at `x`, `y` (shares of width and height) as the target.

    The layer of a unit stays; for a class it is the middle one. Methods that explain no neuron are left out.
    """
    place = {"target": "neuron", "x": round(x, 3), "y": round(y, 3)}
    methods = tuple(
        make_method(method.name, method.model_dump(mode="json") | place)
        for method in comparison.methods
        if explains_neurons(method)
    )
    return replace(comparison, pictures=(cell.picture,), methods=methods)


def place_of(points: Sequence[Mapping[str, Any]], width_px: int, height_px: int) -> tuple[float, float] | None:
    """x and y, shares from 0 to 1, of the first point of a plotly selection; None for an empty one."""
    if not points:
        return None
    x, y = float(points[0]["x"]) / width_px, float(points[0]["y"]) / height_px
    return min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)


def show_places(comparison: Comparison, cell: Cell, manifest: Manifest) -> None:
    """The picture with its points, each place of which can be clicked. Raises Damaged."""
    pixels, points = _picture(manifest)
    height_px, width_px = pixels.shape[:2]
    name = column_name(comparison, cell)
    st.markdown("**Click a place to explain the neuron there**")
    st.caption(
        f"The neuron is {_layer_text(cell.method)} of {plain(name)} and of the other networks in the row. "
        "The click opens a new grid with a button back to this one."
    )
    key = f"{CLICKS}:{manifest.key}"

    def clicked() -> None:
        place = place_of(st.session_state[key].selection.points, width_px, height_px)
        if place is not None:
            open_neuron(comparison, cell, *place)

    figure = clickable_figure(pixels, points, _target_place(cell.method))
    with st.container(width=560):
        st.plotly_chart(figure, key=key, config=PLOTLY, on_select=clicked, selection_mode="points")


def open_neuron(comparison: Comparison, cell: Cell, x: float, y: float) -> None:
    """Submit the grid of the neuron at this place and open it; its address remembers this cell."""
    target = neuron_comparison(comparison, cell, x, y)
    try:
        submit_grid(target, get_store(), get_queue())
    except QueueUnavailable as error:
        st.session_state[FAULT] = error  # the comparison is stored, and so are some of its results
    except GazegridError as error:
        st.session_state[FAULT] = error
        return
    _open({GRID: target.key, BACK: f"{comparison.key}.{cell.spec.key}"})


def _open(query: Mapping[str, str]) -> None:
    """Set the grid and cell of the address; the settings of the view stay."""
    for name in (GRID, CELL, BACK):
        if name in query:
            st.query_params[name] = query[name]
        else:
            st.query_params.pop(name, None)


def show_return_button(query: Mapping[str, str], comparison: Comparison) -> None:
    """For a grid that a click opened: the place of the click, and a button back to its cell."""
    place = next((xy for method in comparison.methods if (xy := _target_place(method))), None)
    if BACK not in query or place is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Back to the clicked cell", icon=":material/arrow_back:"):
            try:
                grid, cell = (checked_address(key, "comparison") for key in query[BACK].partition(".")[::2])
                _open({GRID: grid, CELL: cell})
            except GazegridError as error:
                show_error(error)
                return
            st.rerun()
        across, down = 100 * place[0], 100 * place[1]
        st.caption(f"Clicked place: {across:.0f} % of the width, {down:.0f} % of the height.", width="content")


def _target_place(method: Method) -> tuple[float, float] | None:
    """x and y of the explained neuron, shares from 0 to 1; None for another target."""
    if not isinstance(method, Attribution) or method.target != "neuron":
        return None
    return method.x, method.y


def _layer_text(method: Method) -> str:
    if isinstance(method, Attribution) and method.target != "class" and method.layer_by == "layer":
        return f"in layer {plain(method.layer)}"
    return f"at layer depth {method.depth} %" if isinstance(method, Attribution) else ""


def _picture(manifest: Manifest) -> tuple[Pixels, Points | None]:
    """The network's view of the picture, and the points of the result, if any. Raises Damaged."""
    store = get_store()
    stored = next((item for item in manifest.items if item.kind == Points.kind), None)
    points = None if stored is None else store.item(manifest, stored.name)
    if isinstance(points, Points):
        return points_background(store, manifest, points), points
    original = store.item(manifest, ORIGINAL.name)
    if isinstance(original, Image):
        return original.pixels, None
    return store.inputs.picture(manifest.spec["pictures"][0]).pixels, None
