"""A region as a picture, white inside and black outside: drawn on a picture, or uploaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image as PillowImage
from PIL import ImageDraw

from core.display.wording import picture_names
from core.errors import GazegridError
from core.items import Pixels
from core.jobs.comparison import PictureRef
from core.media.picture import Picture
from dashboard.figures.charts import region_figure
from dashboard.panel.pictures import PICTURES, picture_field
from dashboard.session import get_store, show_error

DRAWN = "regions:drawn"
CHART_PX, MASK_PX = 480, 512
"""Longer sides of the picture to draw on, and of the region."""
PLOTLY = {"displaylogo": False, "displayModeBar": True, "modeBarButtonsToRemove": ["zoom2d", "pan2d", "autoScale2d"]}

Outline = Sequence[tuple[float, float]]
"""Corners (x, y), as shares of width and height."""


def region_field(key: str) -> str:
    """Digest of the region in `st.session_state[key]`, or ''; with a button to draw one."""
    drawn: list[PictureRef] = st.session_state.setdefault(DRAWN, [])
    selected = picture_field(key, (), several=False, also=drawn)
    pictures: list[PictureRef] = st.session_state.get(PICTURES, [])
    if st.button(
        "Draw a region", icon=":material/gesture:", key=f"{key}:draw", disabled=not pictures, width="stretch",
        help=None if pictures else "Select a picture to draw on first.",
    ):  # fmt: skip
        _draw(key, pictures)
    return "".join(selected)


@st.dialog("Draw a region", width="large")
def _draw(key: str, pictures: Sequence[PictureRef]) -> None:
    """The dialog: a picture on which outlines are drawn, whose inside becomes the region."""
    ref, names = pictures[0], picture_names({picture.digest: picture.name for picture in pictures})
    if len(pictures) > 1:
        ref = st.selectbox("Picture", pictures, format_func=lambda picture: names[picture.digest], key=f"{key}:on")
    st.caption(
        "Drag around the part that gets the first style. Hold Shift to add another part; double-click to start over. "
        "The region applies to every picture of the comparison."
    )
    try:
        pixels = _scaled(get_store().inputs.picture(ref.digest).pixels, CHART_PX)
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
    status, use = st.columns([2, 1], vertical_alignment="center")
    status.caption(f"{100 * mask.mean() / 255:.0f} % of the picture" if outlines else "No region drawn yet.")
    if use.button(
        "Use region", type="primary", disabled=not outlines, width="stretch", key=f"{key}:use",
        on_click=use_region, args=(key, mask, f"region of {names[ref.digest]}"),
    ):  # fmt: skip
        st.rerun()  # which closes the dialog


def use_region(key: str, mask: Pixels, name: str) -> None:
    """Store a region as a picture, offer it from now on, and select it."""
    ref = PictureRef(get_store().inputs.put_picture(Picture.from_pixels(mask)), name)
    drawn: list[PictureRef] = st.session_state.setdefault(DRAWN, [])
    st.session_state[DRAWN] = list({region.digest: region for region in (*drawn, ref)}.values())
    st.session_state[key] = [ref.digest]


def outlines_of(selection: Mapping[str, Any], width_px: int, height_px: int) -> list[Outline]:
    """The lassos and boxes of a plotly selection on a picture of this size."""
    outlines: list[Outline] = []
    for loop in selection.get("lasso") or ():
        corners = list(zip(loop["x"], loop["y"], strict=True))
        outlines.append([(x / width_px, y / height_px) for x, y in corners])
    for box in selection.get("box") or ():
        (left, right), (top, bottom) = sorted(box["x"]), sorted(box["y"])
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        outlines.append([(x / width_px, y / height_px) for x, y in corners])
    return outlines


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
