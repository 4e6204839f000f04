from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.media.samples import sample
from core.store.store import Store
from dashboard.figures.charts import region_figure
from dashboard.panel.regions import MASK_PX, outlines_of, region_pixels
from tests.support.opened import opened, press, texts

LEFT_HALF = {"lasso": [{"x": [0, 100, 100, 0], "y": [0, 0, 50, 50]}]}
STYLE = {"method": "style_transfer", "networks": "random/test_resnet", "steps": "2"}


def drawn(selection: dict[str, Any], width: int = 200, height: int = 50) -> np.ndarray:
    return region_pixels(outlines_of(selection, width, height), width, height)


def test_the_inside_of_an_outline_is_white_and_the_rest_black() -> None:
    pixels = drawn(LEFT_HALF)
    assert pixels.shape == (MASK_PX // 4, MASK_PX, 3)
    assert pixels[:, : MASK_PX // 2 - 1].min() == 255
    assert pixels[:, MASK_PX // 2 + 1 :].max() == 0
    assert drawn({"lasso": [], "box": []}).max() == 0


def test_boxes_count_and_outlines_are_united() -> None:
    box = {"box": [{"x": [150.0, 100.0], "y": [50.0, 0.0]}]}  # whichever corner came first
    assert drawn(box).mean() / 255 == pytest.approx(0.25, abs=0.01)
    assert drawn(LEFT_HALF | box).mean() / 255 == pytest.approx(0.75, abs=0.01)
    assert drawn({"lasso": LEFT_HALF["lasso"] * 2}).mean() / 255 == pytest.approx(0.5, abs=0.01)


def test_slanted_edges_are_smooth() -> None:
    levels = set(drawn({"lasso": [{"x": [0, 200, 0], "y": [0, 50, 50]}]})[..., 0].ravel().tolist())
    assert {0, 255} < levels


def test_a_region_is_drawn_with_a_lasso() -> None:
    figure = region_figure(sample("cat").pixels[:60, :90])
    assert figure.layout.dragmode == "lasso"
    lattice = figure.data[1]  # the lasso takes points
    assert (min(lattice.x) < 3, max(lattice.x) > 87, lattice.marker.opacity) == (True, True, 0)


def regions(page: AppTest) -> Any:
    return next(button for button in page.button if button.label == "Draw a region")


def test_a_region_is_drawn_on_a_selected_picture_and_becomes_the_mask(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened("compare", **STYLE, pictures="sample:cat")
    monkeypatch.setattr(st, "plotly_chart", lambda *_, **__: {"selection": {"lasso": [], "box": []}})
    regions(page).click().run()
    assert not page.exception
    assert "No region drawn yet." in texts(page)
    monkeypatch.setattr(st, "plotly_chart", lambda *_, **__: {"selection": LEFT_HALF})
    page.run()
    regions(page).click().run()
    press(page, "Use region")
    assert not page.exception
    press(page, next(button.label for button in page.button if button.label.startswith("Run ")))
    method = store.comparison(page.query_params["grid"]).methods[0].model_dump()
    mask = store.inputs.picture(method["mask"]).pixels
    assert set(np.unique(mask)) >= {0, 255}
    assert 0 < mask.mean() < 255
    other = opened("compare", grid=page.query_params["grid"])
    press(other, next(button.label for button in other.button if button.label.startswith("Run ")))
    assert other.query_params["grid"] == page.query_params["grid"]  # a colleague's link has the region


def test_without_a_picture_there_is_nothing_to_draw_on(store: Store) -> None:  # noqa: ARG001
    assert regions(opened("compare", **STYLE)).disabled
