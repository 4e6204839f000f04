from __future__ import annotations

import pytest

from core.measures.attributions import MEASURES, column, fails_sanity_check, summary
from core.measures.bootstrap import interval


def test_a_measure_is_the_mean_over_the_rows_that_hold_it() -> None:
    result = summary([{"insertion": 0.25, "inside": 1.0}, {"insertion": 0.75}, {"collage": 0.5}])
    assert list(result) == ["insertion", "inside", "collage"]
    assert (result["insertion"].interval.value, result["insertion"].pictures) == (0.5, 2)
    assert result["insertion"].interval == interval(column([{"insertion": 0.25}, {"insertion": 0.75}], "insertion"))
    assert result["inside"].pictures == result["collage"].pictures == 1


def test_boxes_of_maps_are_counted_over_all_pictures_at_once() -> None:
    rows = [{"overlaps": [0.9, 0.0]}, {"overlaps": [0.0, 0.9]}]  # no threshold suits both
    assert summary(rows)["box_accuracy"].interval.value == 0.5
    assert summary([*rows, {"insertion": 1.0}])["box_accuracy"].pictures == 2


@pytest.mark.parametrize(("correlation", "survived"), [(0.9, True), (0.2, False), (-0.9, False)])
def test_a_map_that_stays_the_same_with_random_weights_fails_the_sanity_check(
    correlation: float, survived: bool
) -> None:
    assert fails_sanity_check(summary([{"randomized_100": correlation}])) is survived


def test_a_map_that_was_not_checked_is_not_flagged() -> None:
    assert not fails_sanity_check(summary([{"randomized_0": 1.0}, {"insertion": 1.0}]))


def test_every_measure_has_a_better_direction_except_the_box_area() -> None:
    assert {name for name, measure in MEASURES.items() if not measure.better} == {"area"}
