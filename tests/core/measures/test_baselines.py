from __future__ import annotations

import numpy as np
import pytest

from core.measures.baselines import BASELINES, MARGIN, center_box, center_gaussian, random_blobs


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("shape", [(24, 24), (16, 40)])
def test_a_baseline_is_a_map_from_0_to_1_and_the_same_each_time(name: str, shape: tuple[int, int]) -> None:
    values = BASELINES[name](*shape, 7)
    assert (values.shape, values.dtype) == (shape, np.float32)
    assert 0 <= values.min() < values.max() <= 1
    np.testing.assert_array_equal(values, BASELINES[name](*shape, 7))


def test_what_is_central_is_symmetric_and_greatest_in_the_middle() -> None:
    for values in (center_gaussian(24, 24), center_box(24, 24)):
        np.testing.assert_array_equal(values, values[::-1])
        np.testing.assert_array_equal(values, values.T)
        assert values[12, 12] == values.max() > values[0, 0]


def test_the_central_box_leaves_the_margins_that_suit_imagenet() -> None:
    assert center_box(100, 100).sum() == pytest.approx(((1 - 2 * MARGIN) * 100) ** 2)


def test_random_blobs_differ_by_their_seed_and_are_soft() -> None:
    first, second = random_blobs(64, 64, 1), random_blobs(64, 64, 2)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.5
    assert np.abs(np.diff(first, axis=0)).max() < 0.2
