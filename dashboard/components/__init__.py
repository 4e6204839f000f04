"""Seven small components, each a script and a style sheet in this folder; some share the parts of `parts/`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent

_BORDER = """<div class="pair"><img class="right"><img class="left">
<input type="range" min="0" max="100" value="50" step="0.5" aria-label="Divider">
<div class="line"></div></div>
<figcaption><span></span><span></span></figcaption>"""
_PLAYER = """<div class="controls"><button type="button"></button>
<input type="range" min="0" step="1" aria-label="Frame"><output></output></div>"""
_CODES = """<div class="codes">
<div class="chart"></div><div class="pointed" hidden></div><div class="neighbors"></div></div>"""


def _component(name: str, html: str, *parts: str) -> Any:
    """The component of this name: its script and style, preceded by those of the shared parts."""
    files = [*(FOLDER / "parts" / part for part in parts), FOLDER / name]
    script, style = ("".join(file.with_suffix(end).read_text("utf-8") for file in files) for end in (".js", ".css"))
    return st.components.v2.component(f"gazegrid_{name}", html=html, css=style, js=script)


_grid = _component("grid", '<div class="grid"></div>')
_pictures = _component("pictures", '<div class="pictures"></div>')
_selection = _component("selection", "<ul></ul>")
_slider = _component("slider", f"<figure>{_BORDER}</figure>", "border")
_codes = _component("codes", _CODES)
_animation = _component("animation", f'<div class="animation"><img>{_PLAYER}</div>', "player")
_animation_pair = _component("animation_pair", f'<div class="animations">{_BORDER}{_PLAYER}</div>', "border", "player")


def grid_view(data: dict[str, Any], *, key: str, on_click: Callable[[], None]) -> None:
    """The grid of `dashboard.grid.cells.grid_data`; a click sets `st.session_state[key].clicked` to `{action, key}`."""
    _grid(key=key, data=data, on_clicked_change=on_click)


def picture_buttons(pictures: Sequence[dict[str, Any]], *, key: str, on_click: Callable[[], None]) -> None:
    """Toggle buttons for pictures `{id, name, title, url, selected}`; `st.session_state[key].clicked` is the id."""
    _pictures(key=key, data={"pictures": list(pictures)}, on_clicked_change=on_click)


def selection_list(lines: Sequence[dict[str, Any]], *, key: str, on_remove: Callable[[], None]) -> None:
    """Lines `{id, title, facts, note, help}` with a remove button; `st.session_state[key].removed` is the id."""
    _selection(key=key, data={"lines": list(lines)}, on_removed_change=on_remove)


def before_after(left: tuple[str, str], right: tuple[str, str], *, key: str) -> None:
    """Two pictures, each (name, address), with a movable divider between them."""
    sides = {
        "left": dict(zip(("name", "url"), left, strict=True)),
        "right": dict(zip(("name", "url"), right, strict=True)),
    }
    _slider(key=key, data=sides)


def codes_view(data: dict[str, Any], *, key: str) -> None:
    """An embedding: points in the plane with their pictures.

    `data`: `figure` (plotly's; the `customdata` of a point is its index), `plotly` (address of the script), `places`,
    `labels`, and all pictures as one image: `sprite` (its address), `tile_px` (height, width), `rows`, `columns`.
    """
    _codes(key=key, data=data)


def animation_view(data: dict[str, Any], *, key: str) -> None:
    """An animation `{url, count, frame_ms, durations_ms, name, labels}` with a slider.

    `url` with `?frame=N` is a frame.

    `labels`: a text for each frame; empty to number the frames.
    """
    _animation(key=key, data=data)


def animation_pair(data: dict[str, Any], *, key: str) -> None:
    """Two animations `{name, url, count, frame_ms, durations_ms}`, `left` and `right`, with a movable divider."""
    _animation_pair(key=key, data=data)
