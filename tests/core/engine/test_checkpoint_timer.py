from __future__ import annotations

import pytest
from core.engine.pace import AT_MOST_S, EVERY_S, SHARE, Pace

from core.engine import checkpoint_timer


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(checkpoint_timer, "time", made)
    return made


def written(clock: Clock, takes_s: float, until_s: float) -> list[float]:
    """When a checkpoint was begun that takes so long, with a look each half second."""
    begun: list[float] = []

    def write() -> None:
        begun.append(clock.now_s - 100)
        clock.now_s += takes_s

    kept = Pace()
    while clock.now_s - 100 < until_s:
        clock.now_s += 0.5
        kept.keep(write)
    return begun


def test_the_first_is_written_after_a_while_and_quick_ones_in_even_steps(clock: Clock) -> None:
    assert written(clock, 0.0, 10) == [EVERY_S, 2 * EVERY_S, 3 * EVERY_S, 4 * EVERY_S, 5 * EVERY_S]


def test_slow_ones_take_a_small_share_of_the_time(clock: Clock) -> None:
    begun = written(clock, 0.5, 200)
    assert 0.5 * len(begun) / 200 <= SHARE * 1.1
    assert len(begun) > 5


def test_however_slow_they_are_one_is_written_each_minute(clock: Clock) -> None:
    first, second, *_ = written(clock, 30.0, 400)
    assert second - first == 30.0 + AT_MOST_S
