from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.media.frame_times import Steps, Timing, every, held_in, steady, timing_of

MS = Fraction(1, 1000)
GIF = Steps(Fraction(1, 100), least=2, most=65_535)


def test_frames_last_until_the_next_one_and_the_last_as_long_as_its_file_says() -> None:
    timing, repaired = timing_of([7, 17, 20], [1, 1, 1], MS, end=50, usual=99)
    assert timing == Timing(MS, (10, 3, 30))
    assert repaired == 0
    assert (timing.moments, timing.seconds, timing.mean_rate) == (
        [0, 10, 13, 43],
        Fraction(43, 1000),
        Fraction(3000, 43),
    )


@pytest.mark.parametrize(
    ("own", "end", "last"), [([5, 8], None, 8), ([5, 0], None, 10), ([5, 8], 3, 8), ([5, 8], 12, 2)], ids=str
)
def test_an_unknown_or_impossible_end_is_that_of_the_last_frame_or_of_one_like_the_frame_before(
    own: list[int], end: int | None, last: int
) -> None:
    assert timing_of([0, 10], own, MS, end, usual=99)[0].durations == (10, last)


def test_a_frame_without_a_time_or_before_the_one_before_follows_it() -> None:
    timing, repaired = timing_of([0, None, 4, 4, 100], [10, 10, 0, 10, 10], MS, None, usual=7)
    assert timing.durations == (10, 10, 7, 73, 10)
    assert repaired == 3
    assert timing_of([None], [0], MS, None, usual=7) == (Timing(MS, (7,)), 1)


def test_240_frames_a_second_lose_frames_in_a_gif_but_no_time() -> None:
    held = held_in(steady(48, Fraction(240)), GIF)
    assert held.timing == Timing(GIF.tick, (2,) * 10)
    assert held.numbers == (0, 4, 9, 14, 18, 23, 28, 33, 38, 42)


def test_rounded_times_do_not_drift() -> None:
    assert held_in(steady(6, Fraction(30)), GIF).timing.durations == (3, 4, 3, 3, 4, 3)
    assert held_in(steady(1, Fraction(500)), GIF).timing.durations == (2,), "the shortest that there is"


def test_a_frame_that_is_too_long_stands_several_times() -> None:
    held = held_in(Timing(Fraction(1), (656, 1)), GIF)
    assert (held.numbers, held.timing.durations) == ((0, 0, 1), (65_535, 65, 100))
    assert held.count == 2
    assert [held.repeats(place) for place in range(3)] == [False, True, False]
    assert held_in(Timing(GIF.tick, (65_536,)), GIF).timing.durations == (65_534, 2), "never less than the least"


def test_every_other_frame_is_shown_until_the_next_one() -> None:
    held = every(Timing(MS, (1, 2, 3, 4, 5)), 2)
    assert (held.numbers, held.timing.durations) == ((0, 2, 4), (3, 7, 5))


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=40), st.integers(1, 90_000))
def test_whatever_the_times_a_gif_is_wrong_by_less_than_a_step(durations: list[int], ticks: int) -> None:
    timing = Timing(Fraction(1, ticks), tuple(durations))
    held = held_in(timing, GIF)
    assert set(held.timing.durations) <= set(range(2, 65_536))
    assert abs(held.timing.seconds - timing.seconds) <= max(GIF.tick / 2, 2 * GIF.tick - timing.seconds)
    begins = dict(zip(reversed(held.numbers), reversed(held.timing.moments[:-1]), strict=True))
    assert all(
        abs(begin * GIF.tick - timing.moments[number] * timing.tick) <= GIF.tick / 2 for number, begin in begins.items()
    )
