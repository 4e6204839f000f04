from __future__ import annotations

import numpy as np
import pytest

from core.items import Map
from core.media.colors import MAX_OPACITY, SCALE_SHARE, colorize, laid_over, scale_to_show, shared_scale

RED = np.full((1, 3, 3), (200, 20, 20), np.uint8)
GRAY = round(0.299 * 200 + 0.587 * 20 + 0.114 * 20)


@pytest.mark.parametrize(("signed", "values", "low"), [(False, [0, 0.5, 1], 0.0), (True, [0, -0.5, -1], -1.0)])
def test_a_map_over_a_picture_is_the_denser_the_farther_from_nothing(
    signed: bool, values: list[float], low: float
) -> None:
    row = np.array([values], np.float32)
    mixed = laid_over(RED, row, low, 1.0, signed=signed)[0].astype(int)
    color = colorize(row, low, 1.0, signed=signed)[0].astype(int)
    assert mixed[0] == pytest.approx(GRAY, abs=1)  # a color of the picture's could be taken for the map's
    assert mixed[2] == pytest.approx(MAX_OPACITY * color[2] + (1 - MAX_OPACITY) * GRAY, abs=1)
    share = [np.abs(mixed[x] - GRAY).sum() / max(np.abs(color[x] - GRAY).sum(), 1) for x in range(3)]
    assert share[0] < 0.05 < share[1] < share[2]


def test_values_beyond_the_scale_look_like_its_ends() -> None:
    inside = laid_over(RED, np.array([[0, 0.5, 1]], np.float32), 0.0, 1.0, signed=False)
    beyond = laid_over(RED, np.array([[-9, 0.5, 9]], np.float32), 0.0, 1.0, signed=False)
    assert np.array_equal(inside, beyond)


def test_a_scale_up_to_most_pixels_leaves_the_few_highest_out() -> None:
    values = np.full((10, 20), 0.25, np.float32)
    values[0, 0] = 40.0
    assert shared_scale([Map(values=values)], SCALE_SHARE) == (0.0, 0.25)
    assert shared_scale([Map(values=values)]) == (0.0, 40.0)
    assert shared_scale([Map(values=-values, signed=True)], SCALE_SHARE) == (-0.25, 0.25)


def test_a_map_with_values_at_a_few_pixels_only_keeps_them_in_its_scale() -> None:
    values = np.zeros((20, 20), np.float32)
    values[3, 4] = 5.0
    assert shared_scale([Map(values=values)], SCALE_SHARE) == (0.0, 5.0)


@pytest.mark.parametrize("signed", [True, False])
def test_maps_without_a_value_have_no_scale_to_show(signed: bool) -> None:
    empty, full = (Map(values=np.full((3, 3), value, np.float32), signed=signed) for value in (0.0, 0.25))
    assert scale_to_show([]) is scale_to_show([empty, empty]) is None
    assert scale_to_show([empty], SCALE_SHARE) is None
    assert scale_to_show([empty, full]) == shared_scale([full])
    assert scale_to_show([full]) == ((-0.25, 0.25) if signed else (0.0, 0.25))  # constant, but not empty
    below = Map(values=np.full((3, 3), -1.0, np.float32))
    assert scale_to_show([below]) is None
