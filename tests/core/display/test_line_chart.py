import math
import re

import numpy as np
import pytest

from core.display.line_chart import HEIGHT, WIDTH, line_charts
from core.items import Series


def a_series(y: list[float], x_label: str = "step", y_label: str = "loss") -> Series:
    values = np.array(y, np.float32)
    return Series(x=np.arange(len(y), dtype=np.float32), y=values, x_label=x_label, y_label=y_label)


def test_curves_of_the_same_axes_share_a_chart() -> None:
    charts = line_charts({"a": a_series([1, 2]), "b": a_series([3, 0]), "p": a_series([0, 1], y_label="share")})
    assert [[line.name for line in chart.lines] for chart in charts] == [["A", "B"], ["P"]]


def test_the_least_value_is_at_the_bottom_and_the_greatest_on_top() -> None:
    (chart,) = line_charts({"a": a_series([5, 10])})
    assert chart.lines[0].path == "M44.0,154.0 L294.0,8.0"


@pytest.mark.parametrize("y", [[], [1.0], [2.0] * 9, [math.nan, 1, math.inf, 2, 3], [1e-30, 1e30], [0.0, 0.0]])
def test_any_values_stay_inside_the_chart(y: list[float]) -> None:
    (chart,) = line_charts({"a": a_series(y)})
    places = [tuple(map(float, pair.split(","))) for pair in re.findall(r"[-\d.e+]+,[-\d.e+]+", chart.lines[0].path)]
    assert len(places) == sum(map(math.isfinite, np.array(y, np.float32)))
    assert all(0 <= x <= WIDTH and 0 <= height <= HEIGHT for x, height in places)


def test_a_gap_where_a_value_is_not_finite() -> None:
    (chart,) = line_charts({"a": a_series([0, 1, math.nan, 2, 3])})
    assert chart.lines[0].path.count("M") == 2


@pytest.mark.parametrize("y", [[0, 7], [-3, 0.5], [0.001, 0.0013], [12_345, 99_999]])
def test_ticks_are_few_round_numbers_within_the_values(y: list[float]) -> None:
    (chart,) = line_charts({"a": a_series(y)})
    texts = [tick.text for tick in chart.y_ticks]
    assert 2 <= len(texts) <= 6
    assert all(min(y) <= float(text) <= max(y) * 1.0001 for text in texts)
