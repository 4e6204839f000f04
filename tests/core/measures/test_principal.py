from __future__ import annotations

import numpy as np
import pytest

from core.errors import ComputationFailed
from core.items import Floats
from core.measures.principal import is_constant, largest_angle, principal


def spread_along(*directions: tuple[float, ...], noise: float = 0.01) -> Floats:
    """500 rows around (1, 2, 3) that differ along these directions, and a little everywhere."""
    generator = np.random.default_rng(0)
    along = generator.normal(size=(500, len(directions))) @ np.array(directions)
    return (np.array([1, 2, 3]) + along + noise * generator.normal(size=(500, 3))).astype(np.float32)


def test_the_direction_of_the_greatest_variance_is_found() -> None:
    result = principal(spread_along((3, 4, 0)), 1)
    assert np.abs(result.directions[0]) == pytest.approx([0.6, 0.8, 0], abs=0.01)
    assert result.mean == pytest.approx([1, 2, 3], abs=0.5)


def test_as_many_directions_as_values_restore_everything() -> None:
    values = spread_along((3, 4, 0), (0, 0, 2), noise=1)
    assert principal(values, 3).restored(values) == pytest.approx(values, abs=1e-4)


def test_what_is_lost_is_the_spread_along_the_directions_left_out() -> None:
    values = spread_along((3, 4, 0), (0, 0, 2), noise=0)
    lost = np.square(principal(values, 1).restored(values) - values).sum(axis=1).mean()
    assert lost == pytest.approx(values[:, 2].var(), rel=1e-2)


def test_codes_are_coordinates_along_the_directions() -> None:
    values = spread_along((3, 4, 0))
    result = principal(values, 2)
    assert result.codes(values) @ result.directions + result.mean == pytest.approx(result.restored(values), abs=1e-4)
    assert result.directions @ result.directions.T == pytest.approx(np.eye(2), abs=1e-5)


def test_there_are_no_more_directions_than_rows_or_values() -> None:
    assert principal(spread_along((1, 0, 0)), 9).directions.shape == (3, 3)
    assert principal(spread_along((1, 0, 0))[:2], 9).directions.shape == (2, 3)


@pytest.mark.parametrize("degrees", [0, 5, 60, 90])
def test_the_angle_between_two_lines_is_theirs(degrees: float) -> None:
    turned = np.array([[np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), 0]], np.float32)
    assert largest_angle(np.array([[2, 0, 0]], np.float32), turned) == pytest.approx(degrees, abs=0.01)


def test_the_largest_angle_of_planes_counts_whatever_spans_them() -> None:
    floor = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    tilted = np.array([[5, 0, 0], [1, np.cos(0.3), np.sin(0.3)]], np.float32)
    assert largest_angle(floor, tilted) == pytest.approx(np.degrees(0.3), abs=0.01)


def test_a_single_point_has_no_angle_and_constant_values_no_direction() -> None:
    assert largest_angle(np.zeros((2, 5), np.float32), np.eye(5, dtype=np.float32)[:2]) is None
    assert is_constant(np.full((7, 3), 0.1, np.float32))
    assert not is_constant(np.eye(3, dtype=np.float32))


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ComputationFailed, match="not finite"):
        principal(np.full((4, 2), np.nan, np.float32), 1)
