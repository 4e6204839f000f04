from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from core.measures.intervals import (
    ALPHA,
    MIN_PICTURES,
    NO_PICTURE,
    NO_SPREAD,
    ONE_PICTURE,
    Interval,
    difference,
    interval,
    ratio_interval,
    share_interval,
)

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
MEANS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda random, count: random.normal(3.0, 2.0, count), 3.0),
    "skewed": (lambda random, count: random.exponential(1.0, count), 1.0),
    "shares": (lambda random, count: random.beta(0.5, 3.0, count), 0.5 / 3.5),
}
SAMPLES = 500


def covers(result: Interval, value: float) -> bool:
    assert result.low is not None
    assert result.high is not None
    return result.low <= value <= result.high


def test_one_picture_has_no_interval_and_none_has_no_value() -> None:
    assert interval(np.array([0.3])) == Interval(0.3, None, None, 1, ONE_PICTURE)
    assert interval(np.array([])) == interval(np.array([np.nan, np.inf])) == Interval(None, None, None, 0, NO_PICTURE)
    assert share_interval(np.array([])) == Interval(None, None, None, 0, NO_PICTURE)
    assert interval(np.array([0.3])).sign == 0


def test_pictures_without_a_number_do_not_count() -> None:
    assert interval(np.array([1.0, np.nan, 3.0])) == interval(np.array([1.0, 3.0]))
    assert interval(np.array([1.0, np.nan, 3.0])).pictures == 2


@pytest.mark.parametrize("count", [2, 5, 40])
def test_the_interval_of_symmetric_values_is_students(count: int) -> None:
    values = np.concatenate([np.arange(count), -np.arange(count)]).astype(float)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(1 - ALPHA)
    result = interval(values)
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high))


def test_skewed_values_reach_further_to_their_long_side() -> None:
    values = np.random.default_rng(0).exponential(1.0, 30)
    student = stats.ttest_1samp(values, 0.0).confidence_interval(1 - ALPHA)
    result = interval(values)
    assert (result.low, result.high) == (pytest.approx(student.low), pytest.approx(student.high, rel=0.2))
    assert result.high > student.high + 0.1


@pytest.mark.parametrize(("name", "count", "least"), [
    ("normal", 3, 0.94), ("normal", 10, 0.94), ("normal", 30, 0.94),
    ("skewed", 10, 0.92), ("skewed", 30, 0.93), ("shares", 10, 0.93), ("shares", 30, 0.93),
])  # fmt: skip
def test_an_interval_covers_the_mean_as_often_as_it_says(name: str, count: int, least: float) -> None:
    draw, mean = MEANS[name]
    random = np.random.default_rng(count)
    covered = np.mean([covers(interval(draw(random, count)), mean) for _ in range(SAMPLES)])
    assert least - 0.01 <= covered <= 0.99


@pytest.mark.parametrize(("share", "count"), [(0.0, 10), (1.0, 3), (0.5, 2), (0.1, 30), (0.85, 100)])
def test_the_interval_of_a_share_is_wilsons(share: float, count: int) -> None:
    successes = round(share * count)
    expected = stats.binomtest(successes, count).proportion_ci(method="wilson")
    result = share_interval(np.arange(count) < successes)
    assert (result.value, result.low, result.high) == pytest.approx((successes / count, expected.low, expected.high))


def test_none_of_ten_is_no_proof_that_there_are_none() -> None:
    assert share_interval(np.zeros(10)).high == pytest.approx(0.2775, abs=1e-4)
    bounded = interval(np.zeros(10), bounds=(0.0, 1.0))
    assert (bounded.low, bounded.high) == (0, pytest.approx(stats.binomtest(0, 10).proportion_ci().high))
    assert interval(np.zeros(10)) == Interval(0.0, None, None, 10, NO_SPREAD)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
@pytest.mark.parametrize("count", [1, 2, 10, 30])
def test_a_share_is_covered_as_often_as_its_interval_says(share: float, count: int) -> None:
    """Over all outcomes, with their probabilities; Wilson's coverage swings around its level."""
    outcomes = np.arange(count + 1)
    covered = [covers(share_interval((np.arange(count) < hits).astype(float)), share) for hits in outcomes]
    assert float(stats.binom.pmf(outcomes, count, share) @ covered) >= 0.83 if count == 1 else 0.91


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10, 30])
@pytest.mark.parametrize("name", ["normal", "skewed", "signs"])
def test_draws_from_nothing_are_hardly_ever_certain(count: int, name: str) -> None:
    """Two networks that do not differ: at most 1 in 20 comparisons says that they do, and none of few pictures."""
    draw = (lambda random, size: random.choice([-1.0, 1.0], size)) if name == "signs" else MEANS[name][0]
    random = np.random.default_rng(count)
    certain = np.mean([interval(draw(random, count) - draw(random, count)).sign != 0 for _ in range(SAMPLES)])
    assert certain <= (ALPHA + 0.02 if count >= MIN_PICTURES else 0)  # 2 %: two standard errors of the simulation


@pytest.mark.parametrize("count", [10, 30])
def test_several_pairs_together_are_hardly_ever_certain(count: int) -> None:
    """Of six pairs of four networks that do not differ, in 95 of 100 studies none is significant (Bonferroni)."""
    random = np.random.default_rng(5)
    wrong = 0
    for _ in range(SAMPLES // 2):
        pictures = random.normal(0, 3, count)
        networks = [dict(enumerate(pictures + random.exponential(1.0, count))) for _ in range(4)]
        pairs = [(one, other) for one in range(4) for other in range(one)]
        named = [{str(key): value for key, value in network.items()} for network in networks]
        wrong += any(difference(named[one], named[other], len(pairs)).sign for one, other in pairs)
    assert wrong / (SAMPLES // 2) <= ALPHA + 0.025


def test_an_interval_keeps_to_what_is_possible() -> None:
    values = np.array([0.0, 0.0, 0.01, 0.9])
    result = interval(values, bounds=(0.0, 1.0))
    assert (result.low, result.high) == (0.0, 1.0)
    assert interval(values).low < 0


def test_a_ratio_counts_each_picture_in_both_parts() -> None:
    whole = np.array([1.0] * 24 + [0.0] * 6)
    result = ratio_interval(whole, whole, "")
    assert (result.low, result.value, result.high) == pytest.approx((1, 1, 1), abs=0.12)
    half = ratio_interval(whole * (np.arange(30) % 2), whole, "")
    assert half.value == 0.5
    assert half.pictures == 24
    assert half.low == pytest.approx(0.33, abs=0.03)  # of Wilson's interval of 12 of 24
    assert half.high == pytest.approx(0.69, abs=0.03)


def test_a_ratio_is_covered_as_often_as_its_interval_says() -> None:
    random = np.random.default_rng(3)
    covered = []
    for _ in range(SAMPLES):
        whole = random.random(40) < 0.8
        covered.append(covers(ratio_interval((whole & (random.random(40) < 0.4)) * 1.0, whole * 1.0, ""), 0.4))
    assert 0.93 <= np.mean(covered) <= 0.99


def test_a_ratio_to_nothing_is_no_number() -> None:
    assert ratio_interval(np.zeros(10), np.zeros(10), "none") == Interval(None, None, None, 0, "none")
    nothing_left = ratio_interval(np.zeros(12), np.ones(12), "")
    assert (nothing_left.value, nothing_left.low) == (0, 0)
    assert 0.2 < nothing_left.high < 0.4


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
    few = dict(list(more.items())[: MIN_PICTURES - 1])
    assert (difference(few, one).sign, difference(few, one).too_few) == (0, True)
