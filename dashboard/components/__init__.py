"""Seven small components of our own, each a script and a style beside this file; some share parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent

_BORDER = """<div class="pair"><img class="right"><img class="left">
<input type="range" min="0" max="100" value="50" step="0.5" aria-label="Border between the two">
<div class="line"></div></div>
<figcaption><span></span><span></span></figcaption>"""
_PLAYER = """<div class="controls"><button type="button"></button>
<input type="range" min="0" step="1" aria-label="Frame"><output></output></div>"""
_CODES = """<div class="codes">
<div class="chart"></div><div class="pointed" hidden></div><div class="chosen"></div></div>"""


def _component(name: str, html: str, *parts: str) -> Any:
    """The script and the style of this name, behind those of the parts that it shares with others."""
    files = [*(FOLDER / "parts" / part for part in parts), FOLDER / name]
    script, style = ("".join(file.with_suffix(end).read_text("utf-8") for file in files) for end in (".js", ".css"))
    return st.components.v2.component(f"gazegrid_{name}", html=html, css=style, js=script)


_grid = _component("grid", '<div class="grid"></div>')
_pictures = _component("pictures", '<div class="pictures"></div>')
_chosen = _component("chosen", "<ul></ul>")
_slider = _component("slider", f"<figure>{_BORDER}</figure>", "border")
_codes = _component("codes", _CODES)
_animation = _component("animation", f'<div class="animation"><img>{_PLAYER}</div>', "player")
_animation_pair = _component("animation_pair", f'<div class="animations">{_BORDER}{_PLAYER}</div>', "border", "player")


def grid_view(data: dict[str, Any], *, key: str, on_click: Callable[[], None]) -> None:
    """The grid that `dashboard.grid.cells.grid_data` describes; `st.session_state[key].clicked` is `{action, key}`."""
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


def animation_view(data: dict[str, Any], *, key: str) -> None:
    """An animation `{url, count, frame_ms, name, labels}` under a slider; `url` with `?frame=N` is a frame.

    `labels`: what each frame is; empty where a number is enough.
    """
    _animation(key=key, data=data)


def animation_pair(data: dict[str, Any], *, key: str) -> None:
    """Two animations `{name, url}`, `left` and `right`, of `count` frames of `frame_ms`, with a movable border."""
    _animation_pair(key=key, data=data)
