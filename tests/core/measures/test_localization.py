from __future__ import annotations

import numpy as np
import pytest

from core.errors import ComputationFailed
from core.items import Floats
from core.measures.localization import (
    OVERLAPS,
    THRESHOLDS,
    TOLERANCE,
    Box,
    best_box_accuracy,
    is_constant,
    localization,
    map_box,
    overlap,
    weights,
)

BOX = Box(2, 4, 8, 10)


def on(box: Box, side: int = 12) -> Floats:
    values = np.zeros((side, side), np.float32)
    values[box.top : box.bottom, box.left : box.right] = 1
    return values


def test_a_map_that_is_the_box_has_all_of_its_weight_peak_and_extent_there() -> None:
    result = localization(on(BOX), BOX)
    assert (result.area, result.inside, result.pointing, result.pointing_near) == (36 / 144, 1, 1, 1)
    np.testing.assert_array_equal(result.overlaps, np.ones(len(THRESHOLDS)))


def test_a_map_beside_the_box_has_none() -> None:
    result = localization(on(Box(9, 0, 12, 3)), BOX)
    assert (result.inside, result.pointing, result.pointing_near, result.overlaps.max()) == (0, 0, 0, 0)


@pytest.mark.parametrize("level", [0.0, 2.0, -3.0])
def test_a_uniform_map_has_the_measures_of_the_area(level: float) -> None:
    result = localization(np.full((12, 12), level, np.float32), BOX)
    assert result.inside == pytest.approx(result.area)
    assert result.pointing == result.area
    assert result.overlaps == pytest.approx(np.full(len(THRESHOLDS), 0.25))  # its box is the whole picture


def test_weight_is_counted_by_the_positive_part_alone() -> None:
    values = on(BOX)
    values[0] = -50
    values[11, 11] = 12
    assert localization(values, BOX).inside == pytest.approx(36 / 48)
    assert weights(values).sum() == pytest.approx(1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_map_that_is_not_finite_is_not_measured(value: float) -> None:
    values = on(BOX)
    values[0, 0] = value
    with pytest.raises(ComputationFailed, match="the map is not finite"):
        localization(values, BOX)


def test_differences_of_rounding_are_no_order() -> None:
    values = np.full((12, 12), 0.3, np.float32)
    values[0, 0] += 1e-7
    assert is_constant(values)
    assert localization(values, BOX).pointing == 36 / 144
    assert not is_constant(on(BOX))


@pytest.mark.parametrize(("away", "near"), [(1, 1), (15, 1), (16, 0)])
def test_the_tolerance_is_15_px_at_224_px(away: int, near: int) -> None:
    values = np.zeros((224, 224), np.float32)
    values[100, 119 + away] = 1
    result = localization(values, Box(100, 80, 120, 120))
    assert round(TOLERANCE * 224) == 15
    assert (result.pointing, result.pointing_near) == (0, near)


def test_the_box_of_a_map_is_around_its_largest_connected_part() -> None:
    values = on(BOX)
    values[0, 11] = 2
    assert map_box(values, 0.5) == BOX
    assert map_box(values, 0.9) == Box(11, 0, 12, 1)


def test_overlap_is_what_is_common_over_what_either_has() -> None:
    assert overlap(BOX, BOX) == 1
    assert overlap(Box(0, 0, 4, 4), Box(2, 0, 6, 4)) == pytest.approx(8 / 24)
    assert overlap(Box(0, 0, 4, 4), Box(4, 4, 8, 8)) == 0


def test_the_best_box_accuracy_takes_one_threshold_for_all_pictures() -> None:
    one_each = np.zeros((2, len(THRESHOLDS)))
    one_each[0, 3], one_each[1, 7] = 1, 0.4  # no threshold suits both
    assert best_box_accuracy(one_each) == pytest.approx(np.mean([0.5 for _ in OVERLAPS]))
    both = np.zeros((2, len(THRESHOLDS)))
    both[0, 3], both[1, 3] = 1, 0.4  # enough at 0.3 only
    assert best_box_accuracy(both) == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert best_box_accuracy(np.stack([one_each, both])) == pytest.approx([0.5, 2 / 3])
