"""A region of a picture as a picture of its own, white inside and black outside: drawn around, or uploaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image as PillowImage
from PIL import ImageDraw

from core.display.wording import picture_name
from core.errors import GazegridError
from core.items import Pixels
from core.jobs.comparison import PictureRef
from core.media.picture import Picture
from dashboard.figures.charts import region_figure
from dashboard.panel.pictures import PICTURES, picture_field
from dashboard.session import get_store, show_error

DRAWN = "regions:drawn"
CHART_PX, MASK_PX = 480, 512
"""Longer sides of the picture that is drawn on, and of the region."""
PLOTLY = {"displaylogo": False, "displayModeBar": True, "modeBarButtonsToRemove": ["zoom2d", "pan2d", "autoScale2d"]}

Outline = Sequence[tuple[float, float]]
"""x, y of its corners, shares of width and height."""


def region_field(key: str) -> str:
    """Digest of the region that is chosen in `st.session_state[key]`, or ''; and a way to draw one."""
    drawn: list[PictureRef] = st.session_state.setdefault(DRAWN, [])
    chosen = picture_field(key, (), several=False, also=drawn)
    pictures: list[PictureRef] = st.session_state.get(PICTURES, [])
    if st.button(
        "Draw a region", icon=":material/gesture:", key=f"{key}:draw", disabled=not pictures, width="stretch",
        help=None if pictures else "Choose a picture to draw on first.",
    ):  # fmt: skip
        _draw(key, pictures)
    return "".join(chosen)


@st.dialog("Draw a region", width="large")
def _draw(key: str, pictures: Sequence[PictureRef]) -> None:
    """A picture to draw around parts of; what is inside becomes the region."""
    ref = pictures[0]
    if len(pictures) > 1:
        ref = st.selectbox("On", pictures, format_func=lambda one: picture_name(one.name), key=f"{key}:on")
    st.caption(
        "Drag around the part that takes the first style. Hold Shift to add another part, double-click to begin anew. "
        "The region holds for every picture of the comparison."
    )
    try:
        pixels = _scaled(get_store().picture(ref.digest).pixels, CHART_PX)
    except GazegridError as error:
        show_error(error)
        return
    height, width = pixels.shape[:2]
    chart = f"{key}:chart:{ref.digest}"
    event = st.plotly_chart(
        region_figure(pixels), key=chart, config=PLOTLY, on_select="rerun", selection_mode=("lasso", "box")
    )
    outlines = outlines_of(event["selection"], width, height)
    mask = region_pixels(outlines, width, height)
    told, take = st.columns([2, 1], vertical_alignment="center")
    told.caption(f"{100 * mask.mean() / 255:.0f} % of the picture" if outlines else "Nothing is drawn yet.")
    if take.button(
        "Take it", type="primary", disabled=not outlines, width="stretch", key=f"{key}:take",
        on_click=take_region, args=(key, mask, f"region of {picture_name(ref.name)}"),
    ):  # fmt: skip
        st.rerun()  # which closes the dialog


def take_region(key: str, mask: Pixels, name: str) -> None:
    """Keep a region as a picture, offer it from now on, and choose it."""
    ref = PictureRef(get_store().put_picture(Picture.from_pixels(mask)), name)
    drawn: list[PictureRef] = st.session_state.setdefault(DRAWN, [])
    st.session_state[DRAWN] = list({one.digest: one for one in (*drawn, ref)}.values())
    st.session_state[key] = [ref.digest]


def outlines_of(selection: Mapping[str, Any], width_px: int, height_px: int) -> list[Outline]:
    """What was drawn around in a chart of a picture of this size: loops, and boxes by two corners."""
    found: list[Outline] = []
    for loop in selection.get("lasso") or ():
        corners = list(zip(loop["x"], loop["y"], strict=True))
        found.append([(x / width_px, y / height_px) for x, y in corners])
    for box in selection.get("box") or ():
        (left, right), (top, bottom) = sorted(box["x"]), sorted(box["y"])
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        found.append([(x / width_px, y / height_px) for x, y in corners])
    return found


def region_pixels(outlines: Sequence[Outline], width_px: int, height_px: int) -> Pixels:
    """White inside any of the outlines, black outside, with smooth edges: (H, W, 3), the longer side `MASK_PX`."""
    scale = MASK_PX / max(width_px, height_px)
    width, height = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    drawn = PillowImage.new("L", (2 * width, 2 * height))
    pen = ImageDraw.Draw(drawn)
    for outline in outlines:
        pen.polygon([(2 * width * x, 2 * height * y) for x, y in outline], fill=255)
    smaller = drawn.resize((width, height), PillowImage.Resampling.BOX)
    return np.asarray(smaller.convert("RGB"))


def _scaled(pixels: Pixels, side_px: int) -> Pixels:
    """The picture with its longer side at `side_px` at most."""
    image = PillowImage.fromarray(pixels)
    image.thumbnail((side_px, side_px), PillowImage.Resampling.LANCZOS)
    return np.asarray(image)
