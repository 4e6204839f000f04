from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.display.network_view import dot_styles
from core.display.wording import words
from core.items import KINDS, Animation, Embedding, Map, Points, Result, Scalar, Series
from core.media.colors import colorize
from core.store.store import Store
from dashboard.figures.charts import (
    LATTICE,
    Curve,
    clickable_figure,
    color_stops,
    curve_figures,
    map_figure,
    points_figure,
    thinned,
)
from dashboard.grid.items import RENDERERS
from tests.support.kept import PROVENANCE, a_comparison, a_full_result, fill
from tests.support.opened import PATIENCE_S

PAGE = """
import streamlit as st
from dashboard.grid.items import ResultItem, show_item, show_scalars
from dashboard.session import get_store

store = get_store()
manifest = store.manifest(st.session_state["key"])
show_scalars(manifest.items)
for item in manifest.items:
    show_item(ResultItem(store, manifest, item))
"""


def series(n: int, y_label: str = "loss") -> Series:
    return Series(x=np.arange(n, dtype=np.float32), y=np.ones(n, np.float32), x_label="step", y_label=y_label)


@pytest.fixture
def page(store: Store) -> AppTest:
    made = AppTest.from_string(PAGE, default_timeout=PATIENCE_S)
    made.session_state["key"] = fill(store, a_comparison(store, pictures=1), full=True)[0]
    return made.run()


def test_every_kind_of_item_has_a_renderer() -> None:
    assert RENDERERS.keys() == KINDS.keys()


def test_a_result_with_every_kind_is_shown_whole(page: AppTest) -> None:
    assert not page.exception
    titles = [element.value.strip("*") for element in page.markdown]
    assert titles == [words(name) for name in a_full_result().items]
    assert len(page.dataframe[0].value) == 2
    assert len(page.get("plotly_chart")) == 6


def test_before_and_after_are_one_metric_with_its_change(page: AppTest) -> None:
    probability = next(metric for metric in page.metric if metric.label == "Probability")
    assert (probability.value, probability.delta) == ("95 %", "from 91 %")


def test_a_unit_equal_to_the_name_is_left_out(store: Store) -> None:
    comparison = a_comparison(store, pictures=1)
    result = Result({"steps": Scalar(value=20, unit="steps"), "distance": Scalar(value=0.325, unit="share")})
    spec = next(comparison.cells()).spec
    made = AppTest.from_string(PAGE, default_timeout=PATIENCE_S)
    made.session_state["key"] = store.publish(spec, result, PROVENANCE).key
    assert {(metric.label, metric.value) for metric in made.run().metric} == {("Steps", "20"), ("Distance", "32.5 %")}


def test_images_are_lazy_tags_with_addresses_of_this_server(page: AppTest) -> None:
    tags = [element.value for element in page.html if "<img" in element.value]
    assert len(tags) == 2
    assert all('src="/api/' in tag and 'loading="lazy"' in tag for tag in tags)


def test_an_animation_has_a_slider_and_a_strip_and_is_not_decoded_for_them(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Animation, "load", lambda *_: pytest.fail("the browser fetches it by its address"))
    page.run()
    assert not page.exception
    key = page.session_state["key"]
    tags = [element.value for element in page.html if "animation" in element.value]
    assert [tag.split('"')[1] for tag in tags] == [f"/api/strip/{key}/animation?side=160"]
    links = {link.proto.label: link.proto.url for link in page.get("link_button")}
    assert links["Download strip"] == f"/api/strip/{key}/animation?side=640&download=1"


def test_codes_with_pictures_send_them_to_the_component(store: Store) -> None:
    pictures = np.arange(5 * 4 * 6 * 3, dtype=np.uint8).reshape(5, 4, 6, 3)
    codes = Embedding(points=np.eye(5, 2, dtype=np.float32), labels=tuple("aabba"), thumbnails=pictures)
    spec = next(a_comparison(store, pictures=1).cells()).spec
    key = store.publish(spec, Result({"codes": codes}), PROVENANCE).key
    page = AppTest.from_string(PAGE, default_timeout=PATIENCE_S)
    page.session_state["key"] = key
    page.run()
    assert not page.exception
    (data,) = [json.loads(part.proto.json) for part in page.get("bidi_component")]
    assert (data["columns"], data["rows"], data["tile_px"]) == (3, 2, [4, 6])
    assert data["sprite"] == f"/api/result/{key}/codes.png"
    assert sorted(number for trace in data["figure"]["data"] for number in numbers_of(trace["customdata"])) == [
        *range(5)
    ]


def numbers_of(array: Any) -> list[int]:
    """A column as plotly writes it: a list, or its bytes in base64."""
    if isinstance(array, list):
        return array
    return np.frombuffer(b64decode(array["bdata"]), array["dtype"]).tolist()


def test_a_tables_probabilities_are_percent(page: AppTest) -> None:
    columns = json.loads(page.dataframe[0].proto.columns)
    assert columns["probability"]["type_config"]["format"] == "%.1f %%"
    assert "class" not in columns
    assert page.dataframe[0].value["probability"].tolist() == pytest.approx([91, 5])


def test_curves_of_equal_axes_share_a_chart() -> None:
    curves = [Curve("a", "Loss", series(9)), Curve("b", "Loss", series(9)), Curve("a", "p", series(9, "probability"))]
    losses, probabilities = curve_figures(curves)
    assert [trace.name for trace in losses.data] == ["a", "b"]
    assert len({trace.line.color for trace in losses.data}) == 2
    assert probabilities.layout.yaxis.title.text == "probability"


def test_long_curves_are_thinned_but_keep_their_ends() -> None:
    x, y = thinned(np.arange(90_001, dtype=np.float32), np.zeros(90_001, np.float32))
    assert (len(x), len(y), x[0], x[-1]) == (2000, 2000, 0, 90_000)


def test_an_empty_map_is_drawn_without_a_color_bar() -> None:
    empty = map_figure(Map(values=np.zeros((3, 3), np.float32)), None)
    assert (empty.data[0].zmin, empty.data[0].zmax, empty.data[0].showscale) == (0.0, 1.0, False)
    assert map_figure(Map(values=np.eye(3, dtype=np.float32)), (0.0, 1.0)).data[0].showscale


def test_a_map_figure_has_the_colors_and_scale_of_the_images() -> None:
    figure = map_figure(Map(values=np.eye(3, dtype=np.float32), signed=True, unit="<b>"), (-2.0, 2.0))
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-2.0, 2.0)
    assert "<b>" not in figure.data[0].hovertemplate
    for part in ("x %{x} px", "y %{y} px", "%{z:.5g} &lt;b>"):
        assert part in figure.data[0].hovertemplate
    red, green, blue = colorize(np.array([[2.0]], np.float32), -2.0, 2.0, signed=True)[0, 0]
    assert color_stops(signed=True)[-1] == (1.0, f"rgb({red}, {green}, {blue})")


def test_heavier_points_are_larger_and_more_opaque_and_many_points_are_smaller() -> None:
    def places(weights: list[float]) -> Points:
        count = len(weights)
        return Points(xy=np.ones((count, 2), np.float32), width=9, height=9, weights=np.array(weights, np.float32))

    radii, opacities = dot_styles(places([4, 1, 0]))
    assert radii[0] > radii[1] > radii[2] > 0
    assert 1 > opacities[0] > opacities[1] > opacities[2] > 0
    crowded, _ = dot_styles(places([4.0] * 1024))
    assert crowded[0] == pytest.approx(radii[0] / 2, rel=0.1)
    drawn = points_figure(places([4, 1, 0]), np.zeros((9, 9, 3), np.uint8)).data[1]
    assert (list(drawn.customdata), drawn.marker.size[-1]) == ([0, 1, 4], max(drawn.marker.size))


def test_the_whole_picture_is_clickable() -> None:
    figure = clickable_figure(np.zeros((10, 20, 3), np.uint8), None, (0.25, 0.5))
    lattice, cross = figure.data[-2:]
    assert (min(lattice.x), max(lattice.x)) == pytest.approx((20 / 64, 20 - 20 / 64))
    assert (min(lattice.y), max(lattice.y)) == pytest.approx((10 / 64, 10 - 10 / 64))
    assert len(lattice.x) == LATTICE**2
    assert (cross.x, cross.y) == ((5,), (5,))


def test_points_lie_in_their_own_frame_with_y_downwards() -> None:
    places = Points(xy=np.array([[1, 2]], np.float32), width=20, height=10)
    figure = points_figure(places, np.zeros((10, 20, 3), np.uint8))
    assert tuple(figure.layout.yaxis.range) == (9.5, -0.5)
    assert (figure.data[1].x[0], figure.data[1].y[0]) == (1, 2)
