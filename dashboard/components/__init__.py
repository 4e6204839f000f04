"""Seven small components of our own, each a script and a style beside this file; nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent

_SLIDER = """<figure>
<div class="pair"><img class="right"><img class="left">
<input type="range" min="0" max="100" value="50" step="0.5" aria-label="Border between the two pictures">
<div class="line"></div></div>
<figcaption><span></span><span></span></figcaption>
</figure>"""


_CODES = """<div class="codes">
<div class="chart"></div><div class="pointed" hidden></div><div class="chosen"></div></div>"""

_FILM = """<div class="film"><img>
<div class="controls"><button type="button"></button>
<input type="range" min="0" step="1" aria-label="Frame"><output></output></div></div>"""

_FILM_PAIR = """<div class="films"><div class="pair"><img class="right"><img class="left">
<input type="range" min="0" max="100" value="50" step="0.5" aria-label="Border between the two films">
<div class="line"></div></div>
<figcaption><span></span><span></span></figcaption>
<div class="controls"><button type="button"></button>
<input type="range" min="0" step="1" aria-label="Frame"><output></output></div></div>"""


def _component(name: str, html: str) -> Any:
    script = (FOLDER / f"{name}.js").read_text("utf-8")
    style = (FOLDER / f"{name}.css").read_text("utf-8")
    return st.components.v2.component(f"gazegrid_{name}", html=html, css=style, js=script)


_grid = _component("grid", '<div class="grid"></div>')
_pictures = _component("pictures", '<div class="pictures"></div>')
_chosen = _component("chosen", "<ul></ul>")
_slider = _component("slider", _SLIDER)
_codes = _component("codes", _CODES)
_film = _component("film", _FILM)
_film_pair = _component("film_pair", _FILM_PAIR)


def grid_view(data: dict[str, Any], *, key: str, on_click: Callable[[], None]) -> None:
    """The grid that `dashboard.cells.grid_data` describes; `st.session_state[key].clicked` is `{action, key}`."""
    _grid(key=key, data=data, on_clicked_change=on_click)


def picture_buttons(pictures: Sequence[dict[str, Any]], *, key: str, on_click: Callable[[], None]) -> None:
    """Pictures `{id, name, title, url, chosen}` to click; `st.session_state[key].clicked` is the id."""
    _pictures(key=key, data={"pictures": list(pictures)}, on_clicked_change=on_click)


def chosen_list(lines: Sequence[dict[str, Any]], *, key: str, on_remove: Callable[[], None]) -> None:
    """Lines `{id, title, facts, note}`, each with a button; `st.session_state[key].removed` is the id."""
    _chosen(key=key, data={"lines": list(lines)}, on_removed_change=on_remove)


def before_after(left: tuple[str, str], right: tuple[str, str], *, key: str) -> None:
    """Two pictures, each (name, address), with a border between them that can be moved."""
    sides = {
        "left": dict(zip(("name", "url"), left, strict=True)),
        "right": dict(zip(("name", "url"), right, strict=True)),
    }
    _slider(key=key, data=sides)


def codes_view(data: dict[str, Any], *, key: str) -> None:
    """Points of the plane with the pictures that they are of.

    `figure` (plotly's, each point's `customdata` its number), `plotly` (the script's address), `places`, `labels`, and
    the pictures as one: `sprite` (its address), `tile_px` (height, width), `rows`, `columns`.
    """
    _codes(key=key, data=data)


def film_view(data: dict[str, Any], *, key: str) -> None:
    """A film `{url, count, frame_ms, name, labels}` under a slider; `url` with `?frame=N` is a frame.

    `labels`: what each frame is; empty where a number is enough.
    """
    _film(key=key, data=data)


def film_pair(data: dict[str, Any], *, key: str) -> None:
    """Two films `{name, url}`, `left` and `right`, of `count` frames of `frame_ms`, with a border that can be moved."""
    _film_pair(key=key, data=data)
