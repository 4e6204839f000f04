from __future__ import annotations

import pytest

from core.measures.attributions import (
    CONSTANT_MAPS,
    MEASURES,
    NO_CORRELATION,
    PIXEL_PERCENTS,
    column,
    fails_sanity_check,
    summary,
)
from core.measures.intervals import MIN_PICTURES, ONE_PICTURE, interval, wilson


def test_a_measure_is_the_mean_over_the_rows_that_hold_it() -> None:
    result = summary([{"insertion": 0.25, "inside": 1.0}, {"insertion": 0.75}, {"collage": 0.5}])
    assert list(result) == ["insertion", "inside", "collage"]
    assert (result["insertion"].value, result["insertion"].pictures) == (0.5, 2)
    values = column([{"insertion": 0.25}, {"insertion": 0.75}], "insertion")
    assert result["insertion"] == interval(values, bounds=(0.0, 1.0))
    assert (result["inside"].low, result["inside"].reason) == (None, ONE_PICTURE)


def test_a_share_of_pictures_has_wilsons_interval() -> None:
    shares = {f"{kind}_{percent}" for kind in ("shown", "hidden") for percent in PIXEL_PERCENTS}
    shares |= {"pointing", "pointing_near", "box_accuracy", "collage_majority", "constant"}
    assert {name for name, measure in MEASURES.items() if measure.is_share} == shares
    assert summary([{"pointing": 0.0}] * 10)["pointing"] == wilson(0.0, 10)


def test_boxes_of_maps_are_counted_over_all_pictures_at_once() -> None:
    rows = [{"overlaps": [0.9, 0.0]}, {"overlaps": [0.0, 0.9]}]  # no threshold suits both
    assert summary(rows)["box_accuracy"] == wilson(0.5, 2)
    assert summary([*rows, {"insertion": 1.0}])["box_accuracy"].pictures == 2


def test_constant_maps_are_counted_and_without_any_other_nothing_is_said_of_the_maps() -> None:
    rows = [{"insertion": 0.5, "area": 0.2, "overlaps": [0.2], "constant": constant} for constant in (1.0, 0.0)]
    assert (summary(rows)["insertion"].value, summary(rows)["constant"].value) == (0.5, 0.5)
    empty = summary([rows[0]] * 12)
    assert [empty[name].value for name in ("insertion", "area", "constant")] == [None, 0.2, 1.0]
    assert (empty["insertion"].reason, empty["insertion"].low) == (CONSTANT_MAPS, None)
    assert empty["box_accuracy"].value is None


def test_a_correlation_that_no_picture_has_is_no_number() -> None:
    result = summary([{"randomized_100": None}] * 3)["randomized_100"]
    assert (result.value, result.pictures, result.reason) == (None, 0, NO_CORRELATION)
    assert summary([{"randomized_100": None}, {"randomized_100": 0.5}])["randomized_100"].pictures == 1


@pytest.mark.parametrize(("correlation", "fails"), [(0.9, True), (1.0, None), (0.2, False), (-0.9, False)])
def test_a_map_that_stays_the_same_with_random_weights_fails_the_sanity_check(
    correlation: float, fails: bool | None
) -> None:
    rows = [{"randomized_100": correlation + 0.01 * (number % 2)} for number in range(MIN_PICTURES)]
    if correlation == 1.0:  # one picture decides nothing
        rows = rows[:1]
    assert fails_sanity_check(summary(rows)) is fails


def test_maps_that_never_change_fail_the_sanity_check() -> None:
    assert fails_sanity_check(summary([{"randomized_100": 1.0}] * 20)) is True


def test_a_map_that_was_not_checked_is_not_flagged() -> None:
    assert fails_sanity_check(summary([{"randomized_0": 1.0}, {"insertion": 1.0}])) is None


def test_every_measure_has_a_better_direction_except_the_box_area() -> None:
    assert {name for name, measure in MEASURES.items() if not measure.better} == {"area"}
