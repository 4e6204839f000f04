from __future__ import annotations

import numpy as np
import pytest

from core.measures.bootstrap import difference, interval


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    result = interval(values)
    error = values.std() / 20
    assert result.value == pytest.approx(values.mean())
    assert result.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert result.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_the_interval_has_its_nominal_coverage() -> None:
    random = np.random.default_rng(2)
    covered = [(result := interval(random.exponential(1.0, 60))).low <= 1.0 <= result.high for _ in range(200)]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_pictures_are_drawn_whole() -> None:
    """A ratio of two sums: where one is twice the other in every picture, no draw can change it."""
    parts = np.random.default_rng(3).random(50)
    result = interval(
        np.stack([2 * parts, parts], axis=1), lambda resampled: resampled[..., 0].sum(1) / resampled[..., 1].sum(1)
    )
    assert (result.low, result.value, result.high) == pytest.approx((2, 2, 2))


def test_pictures_without_a_number_do_not_count() -> None:
    values = np.array([1.0, np.nan, 3.0])
    assert interval(values).value == 2
    assert np.isnan(interval(np.array([np.nan])).value)


def test_a_difference_is_of_the_same_pictures() -> None:
    """A small difference in every picture is significant, though pictures differ much more from each other."""
    random = np.random.default_rng(4)
    one = {str(picture): value for picture, value in enumerate(random.normal(0, 10, 40))}
    more = {picture: value + 0.1 + random.normal(0, 0.1) for picture, value in one.items()} | {"alone": 1e6}
    result = difference(more, one)
    assert result.value == pytest.approx(0.1, abs=0.05)
    assert (result.sign, difference(one, more).sign, difference(one, one).sign) == (1, -1, 0)
    several = difference(more, one, comparisons=10)
    assert several.low < result.low < result.high < several.high
