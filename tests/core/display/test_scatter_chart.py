from __future__ import annotations

import re

import numpy as np

from core.display.scatter_chart import MARGIN, MAX_DOTS, MAX_LEGEND_CLASSES, SIDE, scatter_chart
from core.items import Embedding
from core.media.colors import color_among


def codes(points: object, labels: tuple[str, ...]) -> Embedding:
    return Embedding(points=np.asarray(points, np.float32), labels=labels)


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", path)]


def test_each_class_has_a_color_and_both_axes_have_one_scale() -> None:
    chart = scatter_chart(codes([[0, 0], [10, 5], [0, 5]], ("a", "b", "a")), "Codes")
    first, second = chart.classes
    middle, quarter = SIDE / 2, (SIDE - 2 * MARGIN) / 4
    assert (first.name, places(first.path)) == ("a", [(MARGIN, middle + quarter), (MARGIN, middle - quarter)])
    assert (second.name, places(second.path)) == ("b", [(SIDE - MARGIN, middle - quarter)])
    assert first.color != second.color
    assert chart.has_legend


def test_codes_of_one_dimension_or_all_equal_can_be_drawn() -> None:
    assert places(scatter_chart(codes([[0], [1]], ("a", "a")), "").classes[0].path)[1] == (SIDE - MARGIN, SIDE / 2)
    assert places(scatter_chart(codes([[7, 7]] * 2, ("a", "a")), "").classes[0].path) == [(SIDE / 2, SIDE / 2)] * 2


def test_many_codes_are_thinned_out_and_many_classes_have_no_legend() -> None:
    labels = tuple(str(index % (MAX_LEGEND_CLASSES + 1)) for index in range(3 * MAX_DOTS))
    chart = scatter_chart(codes(np.random.default_rng(0).random((len(labels), 2)), labels), "")
    assert sum(len(places(one.path)) for one in chart.classes) == MAX_DOTS
    assert not chart.has_legend


def test_colors_of_many_classes_are_all_different() -> None:
    assert len({color_among(index, 30) for index in range(30)}) == 30
